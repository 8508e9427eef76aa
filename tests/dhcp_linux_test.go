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
	for range 2 { // as timeout(1) does
		require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	}
	until("release to 10.99.0.1")
	require.NoError(t, c.Wait())
	require.Empty(t, addr())

	c, _ = begin("--once")
	require.NoError(t, c.Wait())
	require.Equal(t, was, addr())

	// What cannot be is said, and is no success.
	for args, why := range map[string]string{
		"--server 192.0.2.1 --timeout 200ms": "vC: no lease within 200ms, the state is rebooting",
		"--request dns":                      `--request: "dns" is no option: a number from 1 to 254, or a name such as routers`,
		"--client-id 01:zz":                  `"zz" is not a byte in hex`,
		"--hostname a;b":                     `host name "a;b": ';' in a host name`,
		"--server ::1":                       `--server: "::1" is not an IPv4 address`,
		"--address 127.0.0.1":                `address "127.0.0.1": 127.0.0.1 is no address for a host`,
	} {
		c := exec.Command(netfs, append([]string{"dhcp", "vC", "--once", "--acd", "off", "--lease-dir", filepath.Join(dir, "leases")}, strings.Fields(args)...)...)
		var stderr strings.Builder
		c.Stderr = &stderr
		host.Do(func() { err = c.Run() })
		require.Error(t, err, args)
		require.Contains(t, stderr.String(), why)
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), stderr.String())
	}
	if _, err := exec.LookPath("setpriv"); err == nil {
		host.Run(t, "ip", "addr", "flush", "dev", "vC")
		var out []byte
		host.Do(func() {
			out, err = exec.Command("setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", netfs, "dhcp", "vC", "--once", "--acd", "off", "--lease-dir", dir).CombinedOutput()
		})
		require.Error(t, err, "%s", out)
		require.Contains(t, string(out), "netfs: "+was+": operation not permitted")
	}
}
