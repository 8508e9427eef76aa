package tests

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/ra"
	"github.com/netfs-project/netfs/dhcp/v6"
	"github.com/netfs-project/netfs/nl/nltest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A lan6 is a veth between two namespaces, with a server at one end.
type lan6 struct {
	t              testing.TB
	server, client *nltest.NS
	index          int // of the client's link
	fd             int // of a socket on the client's port
}

func newLAN6(t testing.TB) *lan6 {
	l := &lan6{t: t, server: nltest.NewNS(t), client: nltest.NewNS(t)}
	l.server.Run(t, "ip", strings.Fields("link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02")...)
	l.server.Run(t, "ip", "link", "set", "v1", "netns", l.client.Path)
	for _, end := range []struct {
		ns    *nltest.NS
		lines string
	}{
		{l.server, "link set v0 addrgenmode none|link set v0 up|addr add fe80::1/64 dev v0 nodad|addr add 2001:db8:99::1/64 dev v0 nodad"},
		{l.client, "link set v1 addrgenmode none|link set v1 up|addr add fe80::2/64 dev v1 nodad"},
	} {
		for line := range strings.SplitSeq(end.lines, "|") {
			end.ns.Run(t, "ip", strings.Fields(line)...)
		}
	}
	_, err := fmt.Sscan(l.client.Run(t, "ip", "-o", "link", "show", "v1"), &l.index)
	require.NoError(t, err)
	l.fd = l.socket(unix.SOCK_DGRAM, 0, 546)
	return l
}

// serve runs a server until the test ends.
func (l *lan6) serve(env []string, name string, args ...string) *exec.Cmd {
	path, err := exec.LookPath(name)
	if err != nil {
		l.t.Skipf("no %s on this machine", name)
	}
	var out bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env...), &out, &out
	l.server.Do(func() { err = cmd.Start() })
	require.NoError(l.t, err)
	l.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if l.t.Failed() {
			l.t.Logf("%s: %s", name, out.String())
		}
	})
	return cmd
}

func (l *lan6) kea(timers string) {
	dir := l.t.TempDir()
	conf := filepath.Join(dir, "kea.conf")
	require.NoError(l.t, os.WriteFile(conf, []byte(`{"Dhcp6": {
		"interfaces-config": {"interfaces": ["v0"]}, "lease-database": {"type": "memfile", "persist": false},
		"data-directory": "`+dir+`", `+timers+`,
		"option-data": [{"name": "dns-servers", "data": "2001:db8:99::53"}],
		"subnet6": [{"id": 1, "subnet": "2001:db8:99::/64", "interface": "v0", "rapid-commit": true,
			"pools": [{"pool": "2001:db8:99::2000-2001:db8:99::2fff"}],
			"pd-pools": [{"prefix": "2001:db8:a000::", "prefix-len": 40, "delegated-len": 56}]}]}}`), 0o600))
	l.serve([]string{"KEA_PIDFILE_DIR=" + dir, "KEA_LOCKFILE_DIR=none"}, "kea-dhcp6", "-c", conf)
}

// socket makes a socket on the client's link, whose reads end after a while.
func (l *lan6) socket(typ, proto int, port int) int {
	var fd int
	var err error
	l.client.Do(func() { fd, err = unix.Socket(unix.AF_INET6, typ|unix.SOCK_CLOEXEC, proto) })
	require.NoError(l.t, err)
	l.t.Cleanup(func() { unix.Close(fd) })
	require.NoError(l.t, unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, "v1"))
	require.NoError(l.t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255))
	if port != 0 {
		require.NoError(l.t, unix.Bind(fd, &unix.SockaddrInet6{Port: port}))
	}
	return fd
}

// receive returns the next datagram, nil if none comes in time.
func receive(t testing.TB, fd int, wait time.Duration, buf []byte) []byte {
	tv := unix.NsecToTimeval(max(wait, time.Millisecond).Nanoseconds())
	require.NoError(t, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
	n, _, err := unix.Recvfrom(fd, buf, 0)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil
	}
	require.NoError(t, err)
	return buf[:n]
}

// A client6run drives a machine on a socket.
type client6run struct {
	*lan6
	m     *client6.Machine
	start time.Time
	log   []string
	seen  map[v6.MessageType]int
}

func (l *lan6) run(cfg client6.Config) *client6run {
	cfg.DUID = v6.NewDUIDLL(1, net.HardwareAddr{2, 0, 0, 0, 0, 2})
	cfg.IAID, cfg.Prompt = 7, true
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	return &client6run{
		lan6: l, m: client6.New(cfg, r), start: time.Now().Add(-time.Hour), seen: map[v6.MessageType]int{},
	}
}

func (c *client6run) now() lease.Instant {
	return lease.Instant{Boot: time.Since(c.start), Wall: time.Now()}
}

func (c *client6run) step(ev client6.Event) {
	for _, a := range c.m.Step(c.now(), ev) {
		c.log = append(c.log, fmt.Sprintf("%T %+v", a, a))
		if s, ok := a.(client6.Send); ok {
			c.seen[s.Msg.Type]++
			b, err := s.Msg.Append(nil)
			require.NoError(c.t, err)
			to := &unix.SockaddrInet6{Port: 547, ZoneId: uint32(c.index), Addr: netip.MustParseAddr("ff02::1:2").As16()}
			require.NoError(c.t, unix.Sendto(c.fd, b, 0, to))
		}
	}
}

// until steps the machine until done, for half a minute at most.
func (c *client6run) until(what string, done func() bool) {
	c.t.Helper()
	buf := make([]byte, 65536)
	for end := time.Now().Add(30 * time.Second); !done(); {
		if time.Now().After(end) {
			require.Fail(c.t, what+" did not come", "in %v; %s", c.m.State(), strings.Join(c.log, "\n"))
		}
		wait := time.Second
		if at, ok := c.m.Deadline(); ok {
			wait = min(wait, at-c.now().Boot)
		}
		b := receive(c.t, c.fd, wait, buf)
		if b == nil {
			c.step(nil)
			continue
		}
		msg, err := v6.Decode(b)
		require.NoError(c.t, err)
		c.step(client6.Packet{Msg: msg, Raw: bytes.Clone(b)})
	}
}

func (c *client6run) is(s client6.State) func() bool {
	return func() bool { return c.m.State() == s }
}

// An address and a prefix from kea: given, renewed, rebound after the link was down, released.
func TestDHCPv6Kea(t *testing.T) {
	l := newLAN6(t)
	l.kea(`"preferred-lifetime": 12, "valid-lifetime": 16, "renew-timer": 4, "rebind-timer": 8`)
	c := l.run(client6.Config{Address: true, Prefix: true})
	c.step(client6.Start{})
	c.until("a lease", c.is(client6.Bound))
	got := c.m.Lease()
	require.True(t, netip.MustParsePrefix("2001:db8:99::/64").Contains(got.Addrs[0].Addr))
	require.Equal(t, 56, got.Prefixes[0].Prefix.Bits())
	require.True(t, netip.MustParsePrefix("2001:db8:a000::/40").Contains(got.Prefixes[0].Prefix.Addr()))
	dns, err := got.Reply.Options.DNS()
	require.NoError(t, err)
	require.Equal(t, []netip.Addr{netip.MustParseAddr("2001:db8:99::53")}, dns)
	require.Equal(t, 4*time.Second, got.T1)

	c.until("a renewal", func() bool { return c.m.State() == client6.Bound && c.m.Lease() != got })
	require.NotZero(t, c.seen[v6.Renew])
	require.Equal(t, got.Addrs[0].Addr, c.m.Lease().Addrs[0].Addr)
	require.Equal(t, got.Prefixes[0].Prefix, c.m.Lease().Prefixes[0].Prefix)

	before := c.seen[v6.Rebind]
	c.step(client6.LinkDown{})
	c.step(client6.LinkUp{})
	require.Equal(t, before+1, c.seen[v6.Rebind])
	c.until("an answer to Rebind", c.is(client6.Bound))
	require.Equal(t, got.Addrs[0].Addr, c.m.Lease().Addrs[0].Addr)

	c.step(client6.Release{})
	c.until("an answer to Release", c.is(client6.Stopped))
	require.NotZero(t, c.seen[v6.Release])
}

// Two messages instead of four, where both ends want it.
func TestDHCPv6RapidCommit(t *testing.T) {
	l := newLAN6(t)
	l.kea(`"preferred-lifetime": 100, "valid-lifetime": 120`)
	c := l.run(client6.Config{Address: true, Prefix: true, RapidCommit: true})
	c.step(client6.Start{})
	c.until("a lease", c.is(client6.Bound))
	require.Zero(t, c.seen[v6.Request])
	require.Len(t, c.m.Lease().Prefixes, 1)
}

// dnsmasq: its advertisement says to use DHCPv6; an address, confirmed, and options alone.
func TestDHCPv6Dnsmasq(t *testing.T) {
	l := newLAN6(t)
	l.serve(nil, "dnsmasq", "-d", "-C", "/dev/null", "--port=0", "--interface=v0", "--bind-dynamic", "--enable-ra",
		"--dhcp-range=2001:db8:99::1000,2001:db8:99::1fff,64,2m", "--dhcp-leasefile="+filepath.Join(t.TempDir(), "leases"),
		"--dhcp-option=option6:dns-server,[2001:db8:99::53]", "--user=root", "--no-resolv", "--no-hosts")
	a := l.solicitRouter()
	require.True(t, a.Managed)
	p, err := a.Prefixes()
	require.NoError(t, err)
	require.Equal(t, netip.MustParsePrefix("2001:db8:99::/64"), p[0].Prefix)

	c := l.run(client6.Config{Address: true})
	c.step(client6.Start{})
	c.until("a lease", c.is(client6.Bound))
	got := c.m.Lease()
	require.True(t, p[0].Prefix.Contains(got.Addrs[0].Addr))
	c.step(client6.LinkDown{})
	c.step(client6.LinkUp{})
	require.Equal(t, 1, c.seen[v6.Confirm])
	c.until("an answer to Confirm", c.is(client6.Bound))
	require.Equal(t, got, c.m.Lease())
	c.step(client6.Release{})
	c.until("an answer to Release", c.is(client6.Stopped))

	c = l.run(client6.Config{})
	c.step(client6.Start{})
	c.until("options", c.is(client6.Informed))
}

// solicitRouter asks until a router answers.
func (l *lan6) solicitRouter() *ra.Advertisement {
	fd := l.socket(unix.SOCK_RAW, unix.IPPROTO_ICMPV6, 0)
	var s ra.Solicitation
	require.NoError(l.t, s.Options.SetSourceLink(net.HardwareAddr{2, 0, 0, 0, 0, 2}))
	b, err := s.Append(nil)
	require.NoError(l.t, err)
	buf := make([]byte, 2000)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		to := &unix.SockaddrInet6{ZoneId: uint32(l.index), Addr: netip.MustParseAddr("ff02::2").As16()}
		require.NoError(l.t, unix.Sendto(fd, b, 0, to))
		for again := time.Now().Add(time.Second); time.Now().Before(again); {
			got := receive(l.t, fd, time.Until(again), buf)
			if len(got) > 0 && got[0] == ra.TypeAdvertisement {
				a, err := ra.Decode(got)
				require.NoError(l.t, err)
				return a
			}
		}
	}
	require.Fail(l.t, "no router advertises")
	return nil
}

// netfs dhcp -6 as a process: killed without warning it leaves the address and the prefix, and the
// next takes them up again; an interrupt with --release gives them back.
func TestDHCP6Command(t *testing.T) {
	l := newLAN6(t)
	l.kea(`"preferred-lifetime": 600, "valid-lifetime": 900`)
	require.NoError(t, unix.Close(l.fd))
	var err error
	l.fd, err = unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0) // for who closes it
	require.NoError(t, err)
	netfs, dir := filepath.Join(bin(t), "netfs"), filepath.Join(t.TempDir(), "leases")
	begin := func(args ...string) (c *exec.Cmd, until func(text string)) {
		c = exec.Command(netfs, append([]string{"dhcp", "-6", "v1", "--ia", "na,pd", "--lease-dir", dir}, args...)...)
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		l.client.Do(func() { err = c.Start() })
		require.NoError(t, err)
		kill := time.AfterFunc(time.Minute, func() { c.Process.Kill() })
		t.Cleanup(func() { kill.Stop(); c.Process.Kill(); c.Wait() })
		lines := bufio.NewScanner(out)
		return c, func(text string) {
			t.Helper()
			for lines.Scan() {
				if strings.Contains(lines.Text(), text) {
					return
				}
			}
			t.Fatalf("netfs dhcp -6 said no %q", text)
		}
	}
	is := func() string {
		return l.client.Run(t, "ip", "-6", "addr", "show", "dev", "v1", "scope", "global") + l.client.Run(t, "ip", "-6", "route", "show", "proto", "dhcp")
	}
	c, until := begin()
	until("BOUND")
	require.Contains(t, is(), "inet6 2001:db8:99::2000/128")
	require.Contains(t, is(), "unreachable 2001:db8:a000::/56")
	require.NoError(t, c.Process.Kill())
	c.Wait()
	require.Contains(t, is(), "inet6 2001:db8:99::2000/128")

	c, until = begin("--release")
	until("CONFIRMING")
	until("BOUND")
	require.Contains(t, is(), "inet6 2001:db8:99::2000/128")
	require.NoError(t, c.Process.Signal(unix.SIGTERM))
	until("STOPPED")
	require.NoError(t, c.Wait())
	require.Empty(t, strings.TrimSpace(is()))

	c, _ = begin("--once", "--ia", "none")
	require.NoError(t, c.Wait())
	c, _ = begin("--acd", "off")
	require.Error(t, c.Wait(), "a word of DHCPv4")
}
