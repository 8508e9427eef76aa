package tests

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/nl/nltest"

	"github.com/stretchr/testify/require"
)

// netfs dhcp as a process: killed without warning it leaves the address, and the next takes it
// up again; an interrupt ends it, with --release cleanly.
func TestDHCPCommand(t *testing.T) {
	dnsmasq, err := exec.LookPath("dnsmasq")
	if err != nil {
		t.Skip("no dnsmasq on this machine")
	}
	server, host, dir := nltest.NewNS(t), nltest.NewNS(t), t.TempDir()
	host.Run(t, "ip", "link", "add", "vC", "type", "veth", "peer", "name", "vS", "netns", server.Path)
	host.Run(t, "ip", "link", "set", "vC", "up")
	server.Run(t, "ip", "addr", "add", "10.99.0.1/16", "dev", "vS")
	server.Run(t, "ip", "link", "set", "vS", "up")
	d := exec.Command(dnsmasq, "-d", "-C", "/dev/null", "--port=0", "--interface=vS", "--bind-interfaces",
		"--dhcp-range=10.99.1.1,10.99.250.250,255.255.0.0,10m", "--dhcp-authoritative", "--dhcp-leasefile="+filepath.Join(dir, "served"),
		"--user=root", "--no-ping", "--no-resolv", "--no-hosts")
	server.Do(func() { err = d.Start() })
	require.NoError(t, err)
	t.Cleanup(func() { d.Process.Kill(); d.Wait() })

	netfs := filepath.Join(bin(t), "netfs")
	begin := func(args ...string) (c *exec.Cmd, until func(text string)) {
		c = exec.Command(netfs, append([]string{"dhcp", "vC", "--acd", "off", "--lease-dir", filepath.Join(dir, "leases")}, args...)...)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		host.Do(func() { err = c.Start() })
		require.NoError(t, err)
		kill := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
		t.Cleanup(func() { kill.Stop(); c.Process.Kill(); c.Wait() })
		lines := bufio.NewScanner(out)
		var said []string
		return c, func(text string) {
			for lines.Scan() {
				said = append(said, lines.Text())
				if strings.Contains(lines.Text(), text) {
					return
				}
			}
			t.Fatalf("no %q in what netfs dhcp said:\n%s", text, strings.Join(said, "\n"))
		}
	}
	addr := func() string {
		f := strings.Fields(host.Run(t, "ip", "-4", "-o", "addr", "show", "dev", "vC"))
		if len(f) < 4 {
			return ""
		}
		return f[3]
	}

	c, until := begin()
	until("BOUND")
	was := addr()
	require.NotEmpty(t, was)
	require.NoError(t, c.Process.Kill())
	c.Wait()
	require.Equal(t, was, addr())

	c, until = begin()
	until("REBOOTING")
	until("BOUND")
	require.Equal(t, was, addr())
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	require.NoError(t, c.Wait(), "an interrupt is the usual end")
	require.Equal(t, was, addr())

	c, until = begin("--release")
	until("BOUND")
	require.Equal(t, was, addr())
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	until("release to 10.99.0.1")
	c.Wait()
	require.Empty(t, addr())

	c, _ = begin("--once")
	require.NoError(t, c.Wait())
	require.Equal(t, was, addr())
}
