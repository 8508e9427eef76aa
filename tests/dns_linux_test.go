package tests

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs/dhcp/dns/dnstest"
	"github.com/netfs-project/netfs/nl/nltest"

	"github.com/stretchr/testify/require"
)

// netfs dhcp --apply dns as a process: killed without warning it leaves DNS as it is, the next takes it over
// and, at its end, away.
func TestDHCPCommandDNS(t *testing.T) {
	for _, p := range []string{"dnsmasq", "dbus-daemon", "busctl"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip(err)
		}
	}
	dir := bin(t)
	if !dnstest.Inside(t, "NETFS_BIN="+dir) {
		return
	}
	netfs := filepath.Join(dir, "netfs")
	dnstest.StartBus(t)
	d := dnstest.StartResolved(t)
	server := nltest.NewNS(t)
	dir = t.TempDir()
	for _, args := range []string{"link add vC type veth peer name vS netns " + server.Path, "link set vC up"} {
		out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	server.Run(t, "ip", "addr", "add", "10.99.0.1/16", "dev", "vS")
	server.Run(t, "ip", "link", "set", "vS", "up")
	masq := exec.Command("dnsmasq", "-d", "-C", "/dev/null", "--port=0", "--interface=vS", "--bind-interfaces",
		"--dhcp-range=10.99.1.1,10.99.250.250,255.255.0.0,10m", "--dhcp-authoritative", "--dhcp-leasefile="+filepath.Join(dir, "served"),
		"--user=root", "--no-ping", "--no-resolv", "--no-hosts", "--dhcp-option=option:dns-server,192.0.2.53,192.0.2.54", "--domain=example.org",
		"--dhcp-option=option:domain-search,lan.example,example.org")
	var err error
	server.Do(func() { err = masq.Start() })
	require.NoError(t, err)
	t.Cleanup(func() { masq.Process.Kill(); masq.Wait() })

	begin := func(args ...string) (c *exec.Cmd, until func(text string)) {
		c = exec.Command(netfs, append([]string{"dhcp", "vC", "--acd", "off", "--lease-dir", filepath.Join(dir, "leases"), "--apply", "addr,routes,dns"}, args...)...)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, c.Start())
		kill := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
		t.Cleanup(func() { kill.Stop(); c.Process.Kill(); c.Wait() })
		lines := bufio.NewScanner(out)
		var said []string
		return c, func(text string) {
			t.Helper()
			for lines.Scan() {
				said = append(said, lines.Text())
				if strings.Contains(lines.Text(), text) {
					return
				}
			}
			t.Fatalf("no %q in what netfs dhcp said:\n%s", text, strings.Join(said, "\n"))
		}
	}
	is := func(servers, domains, def string) {
		t.Helper()
		require.Equal(t, []string{servers, domains, def}, []string{d.Link(t, "dns", "vC"), d.Link(t, "domain", "vC"), d.Link(t, "default-route", "vC")})
	}
	const told = "DNS in resolved: 192.0.2.53 192.0.2.54 search example.org lan.example"
	c, until := begin()
	until(told)
	until("BOUND")
	is("192.0.2.53 192.0.2.54", "example.org lan.example", "yes")
	require.NoError(t, c.Process.Kill())
	c.Wait()
	is("192.0.2.53 192.0.2.54", "example.org lan.example", "yes")

	c, until = begin("--release")
	until("REBOOTING")
	until(told)
	until("BOUND")
	is("192.0.2.53 192.0.2.54", "example.org lan.example", "yes")
	require.Equal(t, 1, strings.Count(d.Log(), "set DNS server list to"), "once is enough: %s", d.Log())
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	require.NoError(t, c.Wait())
	is("", "", "no")

	// The same by openresolv, in whose record there is nothing of the killed one at the end.
	d.Stop()
	dnstest.Over(t, dnstest.Unpacked(t, "openresolv"), "sbin", "lib", "etc")
	record := "/run/resolvconf/interfaces/vC.netfs-dhcp4"
	const text = "search example.org lan.example\nnameserver 192.0.2.53\nnameserver 192.0.2.54\n"
	for _, release := range []bool{false, true} {
		c, until = begin(fmt.Sprintf("--release=%v", release))
		until(strings.Replace(told, "resolved", "resolvconf", 1))
		until("BOUND")
		b, err := os.ReadFile(record)
		require.NoError(t, err)
		require.Equal(t, text, string(b))
		if !release {
			require.NoError(t, c.Process.Kill())
			c.Wait()
		}
	}
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	require.NoError(t, c.Wait())
	require.NoFileExists(t, record)
}
