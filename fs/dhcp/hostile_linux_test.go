package dhcp_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/dhcptest"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/dhcp/wire"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp"

	"github.com/stretchr/testify/require"
)

// serve runs a test server at the other end of the link until stop.
func (r *rig) serve(s *dhcptest.Server) (stop func()) {
	var conn net.PacketConn
	var err error
	r.server.Do(func() { conn, err = dhcptest.Listen("vS") })
	require.NoError(r.t, err)
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(conn) }()
	stop = func() { conn.Close(); <-done }
	r.t.Cleanup(stop)
	return stop
}

func testServer(life time.Duration) *dhcptest.Server {
	return &dhcptest.Server{ID: netip.MustParseAddr("10.99.0.1"), Subnet: netip.MustParsePrefix("10.99.0.0/16"), Lease: life}
}

// A server that says what hurts: the address is used, what cannot be right is not, and nothing that it
// says comes out as it is.
func TestHostile(t *testing.T) {
	r := newRig(t)
	s := testServer(10 * time.Minute)
	o := &s.Options
	o.Set(v4.OptHostname, []byte("x\n\x1b[2Jreboot; $(rm -rf /)"))
	o.Set(v4.OptDomainName, []byte("a b`id`\n"))
	o.Set(v4.OptMessage, []byte("\x1b]0;owned\a\nnameserver 6.6.6.6"))
	o.Set(v4.OptDNS, []byte{1, 2, 3})
	o.Set(v4.OptDomainSearch, []byte{3, 'a', '\n', 'b', 0, 0xc0, 0xff})
	o.Set(v4.OptMTU, []byte{0, 68})
	o.Set(99, make([]byte, 700))
	route := func(dst, via string) v4.Route {
		return v4.Route{Dst: netip.MustParsePrefix(dst), Gateway: netip.MustParseAddr(via)}
	}
	require.NoError(t, o.SetClasslessRoutes(
		route("10.99.0.1/32", "10.99.0.66"), route("127.0.0.0/8", "10.99.0.66"), route("224.0.0.0/4", "10.99.0.66"),
		route("10.99.0.0/16", "10.99.0.66"), route("192.0.2.0/24", "10.99.0.9"), route("198.51.100.0/24", "0.0.0.0")))
	s.Break(dhcptest.WrongXID, dhcptest.Stranger(netip.MustParseAddr("10.99.0.66")), dhcptest.Flood(50))
	r.serve(s)
	c, w := r.open(dhcp.Options{})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	addr := c.Status().Lease.Addr.String()
	require.Contains(t, r.addrs(), addr+"/16")
	require.Equal(t, "1500", strings.TrimSpace(fieldAfter(r.host.Run(t, "ip", "link", "show", "vC"), "mtu")))
	routes := r.routes()
	require.Contains(t, routes, "192.0.2.0/24 via 10.99.0.9 dev vC proto dhcp")
	require.Contains(t, routes, "198.51.100.0/24 dev vC proto dhcp scope link")
	require.NotContains(t, routes, "10.99.0.66")
	require.NotContains(t, routes, "default")
	r.do(c, client.Renew{})
	n = w.until(n, enters(client.Bound))
	st := c.Status()
	require.Positive(t, st.Client.Ignored[client.OtherXID]+st.Unasked, "%+v", st)
	require.Positive(t, st.Client.Ignored[client.OtherServer]+st.Client.Ignored[client.Undue], "%+v", st)
	for _, line := range strings.Split(w.text(), "\n") {
		for _, c := range line {
			require.True(t, unicode.IsPrint(c), "%q", line)
		}
	}
	require.Less(t, n, 400, "the flood is not told word for word")
	r.do(c, client.Release{})
	require.NotContains(t, r.addrs(), "10.99")
	require.NotContains(t, r.routes(), "proto dhcp")
}

// Whatever bytes the options have, no file has a byte that does something, the server stays where
// it is, and the lease is renewed.
func TestRandomOptions(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 10
	}
	r := newRig(t)
	s := testServer(10 * time.Minute)
	seed := rand.Uint64()
	t.Logf("seed %#x", seed)
	s.Break(dhcptest.Random(rand.New(rand.NewPCG(seed, 0)), 900, v4.OptServerID, v4.OptLeaseTime, v4.OptClientID))
	r.serve(s)
	f := r.tree()
	events := f.open("vC/events", fs.OpenRead)
	defer events.Close(context.Background())
	require.NoError(t, f.write("vC/ctl", "start acd=off"))
	f.await("vC/status", "state=bound")
	b := make([]byte, 256<<10)
	for i := range rounds {
		for _, name := range f.names("vC/options") {
			printable(t, name)
			require.NotContains(t, name, " ")
			text := f.read("vC/options/" + name)
			require.Equal(t, 1, strings.Count(text, "\n"), "%q", text)
		}
		for _, name := range []string{"ctl", "status", "lease", "servers", "stats"} {
			require.Equal(t, 1, strings.Count(f.read("vC/"+name), "\n"), name)
		}
		for line := range strings.Lines(f.read("vC/resolv.conf")) {
			w := strings.Fields(line)
			require.True(t, len(w) > 1 && (w[0] == "search" || w[0] == "nameserver" && len(w) == 2), "%q", line)
		}
		require.NotContains(t, r.host.Run(t, "ip", "route", "get", "10.99.0.1"), "via")
		n, err := events.ReadAt(context.Background(), b, 0)
		require.NoError(t, err)
		for line := range strings.Lines(string(b[:n])) {
			printable(t, strings.TrimSuffix(line, "\n"))
			require.Less(t, len(line), 4096)
		}
		require.NoError(t, f.write("vC/ctl", "renew"))
		f.await("vC/stats", fmt.Sprintf("received_ack=%d ", i+2))
		f.await("vC/status", "state=bound")
	}
	files, err := filepath.Glob(filepath.Join(r.place.Dir, "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	saved, err := os.ReadFile(files[0])
	require.NoError(t, err)
	for line := range strings.Lines(string(saved)) {
		printable(t, strings.Trim(line, "\t\n"))
	}
	require.NoError(t, f.write("vC/ctl", "release"))
	require.NotContains(t, r.addrs()+r.routes(), "10.99")
}

// printable fails on bytes that are no text, and on characters that do something.
func printable(t *testing.T, s string) {
	t.Helper()
	for _, c := range s {
		require.True(t, c != utf8.RuneError && unicode.IsPrint(c), "%q", s)
	}
}

// An address that a person set is not DHCP's, although a server gives it.
func TestAddressOfAnother(t *testing.T) {
	r := newRig(t)
	s := testServer(10 * time.Minute)
	require.NoError(t, s.Options.SetAddr(v4.OptRouters, s.ID))
	r.serve(s)
	r.host.Run(t, "ip", "addr", "add", "10.99.0.100/16", "dev", "vC")
	r.host.Run(t, "ip", "route", "add", "192.0.2.0/24", "via", "10.99.0.9")
	addrs, routes := r.addrs(), r.routes()
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDOff})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	require.Contains(t, w.text(), "10.99.0.100/16: it is there, and not by DHCP: left as it is")
	require.Contains(t, r.routes(), "default via 10.99.0.1")
	r.do(c, client.Renew{})
	w.until(n, enters(client.Bound))
	r.do(c, client.Release{})
	require.Equal(t, addrs, r.addrs())
	require.Equal(t, routes, r.routes())
}

// An address that changes at a renewal, in the subnet of the old one: Linux would take both away.
func TestAnotherAddress(t *testing.T) {
	r := newRig(t)
	s := testServer(10 * time.Minute)
	require.NoError(t, s.Options.SetAddr(v4.OptRouters, s.ID))
	s.Break(func(req *v4.Message, replies []dhcptest.Reply) []dhcptest.Reply {
		if !req.CIAddr.IsValid() || req.CIAddr.IsUnspecified() {
			return replies
		}
		return dhcptest.Edit(func(m *v4.Message) { m.YIAddr = netip.MustParseAddr("10.99.3.3") })(req, replies)
	})
	r.serve(s)
	c, w := r.open(dhcp.Options{})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	require.Contains(t, r.addrs(), "10.99.0.100/16")
	r.do(c, client.Renew{})
	w.until(n, enters(client.Bound))
	require.Contains(t, r.addrs(), "10.99.3.3/16")
	require.NotContains(t, r.addrs(), "10.99.0.100")
	require.Contains(t, r.routes(), "default via 10.99.0.1 dev vC proto dhcp src 10.99.3.3")
}

// A directory that cannot be written keeps nobody from an address, and is told of.
func TestNoDirectory(t *testing.T) {
	r := newRig(t)
	r.serve(testServer(10 * time.Minute))
	r.place.Dir = "/dev/null/leases"
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDOff})
	require.NoError(t, c.Start(context.Background()))
	w.until(0, enters(client.Bound))
	require.Contains(t, w.text(), "leases cannot be remembered, nor another netfs kept off the link: mkdir /dev/null: not a directory")
	require.Contains(t, w.text(), "lease file: mkdir /dev/null: not a directory")
	require.Contains(t, r.addrs(), "10.99.0.100")
}

func fieldAfter(s, word string) string {
	_, s, _ = strings.Cut(s, word+" ")
	f := strings.Fields(s)
	if len(f) == 0 {
		return ""
	}
	return f[0]
}

// The MTU is set, and what was there before comes back.
func TestMTU(t *testing.T) {
	r := newRig(t)
	s := testServer(10 * time.Minute)
	s.Options.SetUint16(v4.OptMTU, 1400)
	r.serve(s)
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDOff})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	mtu := func() string { return fieldAfter(r.host.Run(t, "ip", "link", "show", "vC"), "mtu") }
	require.Equal(t, "1400", mtu())
	r.do(c, client.Renew{})
	w.until(n, enters(client.Bound))
	require.Equal(t, "1400", mtu())
	r.do(c, client.Release{})
	require.Equal(t, "1500", mtu())
}

// What is applied is what was asked for, and no more.
func TestApply(t *testing.T) {
	r := newRig(t)
	s := testServer(10 * time.Minute)
	require.NoError(t, s.Options.SetAddr(v4.OptRouters, s.ID))
	r.serve(s)
	for _, c := range []struct {
		apply                  dhcp.Apply
		addr, route, elsewhere bool
		table                  uint32
	}{
		{dhcp.ApplyAddr | dhcp.ApplyRoutes, true, true, false, 0},
		{dhcp.ApplyAddr, true, false, false, 0},
		{dhcp.ApplyNone, false, false, false, 0},
		{0, true, false, true, 99},
	} {
		k, w := r.open(dhcp.Options{ACD: dhcp.ACDOff, Apply: c.apply, Table: c.table, Metric: 7})
		require.NoError(t, k.Start(context.Background()))
		n := w.until(0, enters(client.Bound))
		addr := k.Status().Lease.Addr.String()
		require.Equal(t, c.addr, strings.Contains(r.addrs(), addr), "%v", c.apply)
		require.Equal(t, c.route, strings.Contains(r.routes(), "default via 10.99.0.1 dev vC proto dhcp src "+addr+" metric 7"), "%v", c.apply)
		out, _ := r.host.Try(t, "ip", "route", "show", "table", "99")
		require.Equal(t, c.elsewhere, strings.Contains(out, "default via 10.99.0.1"), "%v", c.apply)
		r.do(k, client.Renew{}) // also without an address for the kernel to answer at
		w.until(n, enters(client.Bound))
		r.do(k, client.Release{})
		require.NotContains(t, r.addrs(), addr)
		out, _ = r.host.Try(t, "ip", "route", "show", "table", "all", "proto", "dhcp")
		require.Empty(t, out)
		require.NoError(t, k.Close())
	}
}

// Routes of others with the same destination and metric are not replaced, and the reason is told.
func TestRouteOfAnother(t *testing.T) {
	r := newRig(t)
	s := testServer(10 * time.Minute)
	require.NoError(t, s.Options.SetAddr(v4.OptRouters, s.ID))
	r.serve(s)
	r.host.Run(t, "ip", "addr", "add", "192.0.2.1/24", "dev", "vC")
	r.host.Run(t, "ip", "route", "add", "default", "via", "192.0.2.9", "metric", "7", "proto", "static")
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDOff, Metric: 7})
	require.NoError(t, c.Start(context.Background()))
	w.until(0, enters(client.Bound))
	require.Contains(t, w.text(), "route 0.0.0.0/0: file exists")
	require.Contains(t, r.routes(), "default via 192.0.2.9 dev vC proto static metric 7")
	r.do(c, client.Release{})
	require.Contains(t, r.routes(), "default via 192.0.2.9 dev vC proto static metric 7")
	require.Contains(t, r.addrs(), "192.0.2.1/24")
}

// The carrier goes and comes: the lease stays, and is asked for again.
func TestCarrier(t *testing.T) {
	r := newRig(t)
	s := testServer(10 * time.Minute)
	require.NoError(t, s.Options.SetAddr(v4.OptRouters, s.ID))
	stop := r.serve(s)
	c, w := r.open(dhcp.Options{})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	addr := c.Status().Lease.Addr.String()
	r.server.Run(t, "ip", "link", "set", "vS", "down")
	n = w.until(n, enters(client.InitReboot))
	require.Contains(t, r.addrs(), addr)
	r.server.Run(t, "ip", "link", "set", "vS", "up")
	n = w.until(n, enters(client.Rebooting))
	n = w.until(n, enters(client.Bound))
	require.Contains(t, r.addrs(), addr)

	// Set down and up by a person: the kernel drops the routes, and they come again.
	r.host.Run(t, "ip", "link", "set", "vC", "down")
	n = w.until(n, enters(client.InitReboot))
	r.host.Run(t, "ip", "link", "set", "vC", "up")
	n = w.until(n, enters(client.Bound))
	require.Contains(t, r.addrs(), addr)
	require.Contains(t, r.routes(), "default via 10.99.0.1")
	require.NotContains(t, w.text(), "remove")

	// No server is there any more: the lease lasts, and its routes.
	stop()
	r.host.Run(t, "ip", "link", "set", "vC", "down")
	n = w.until(n, enters(client.InitReboot))
	r.host.Run(t, "ip", "link", "set", "vC", "up")
	n = w.until(n, enters(client.Bound))
	require.Contains(t, w.text(), "no server answers; the lease lasts")
	require.Contains(t, r.addrs(), addr)
	require.Contains(t, r.routes(), "default via 10.99.0.1")

	// The watch over the address goes on.
	taken := netip.MustParseAddr(addr)
	thief := r.arp(taken)
	for range 2 {
		require.NoError(t, thief.Send(&wire.ARP{Op: wire.ARPRequest, SenderMAC: r.serverMAC(), SenderIP: taken, TargetIP: taken}))
	}
	w.until(n, enters(client.Init))
	require.Contains(t, w.text(), "remove "+addr)
}

// A client with an address that ends takes it away itself, and routes with it.
func TestExpiry(t *testing.T) {
	r := newRig(t)
	stop := r.serve(testServer(4 * time.Second))
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDOff})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	l := c.Status().Lease
	stop()
	w.until(n, func(n runner.Note) bool { _, ok := n.Action.(client.Remove); return ok })
	require.InDelta(t, l.Expires().Seconds(), c.Status().At.Boot.Seconds(), 1)
	require.NotContains(t, r.addrs(), l.Addr.String())
}

// Leases of 30 seconds and a server that is restarted at random, for a minute, or as long as
// NETFS_DHCP_SOAK says (10m): the address is on the link exactly as long as its lease.
func TestSoak(t *testing.T) {
	d := time.Minute
	if s := os.Getenv("NETFS_DHCP_SOAK"); s != "" {
		var err error
		d, err = time.ParseDuration(s)
		require.NoError(t, err)
	} else if testing.Short() {
		t.Skip("-short")
	}
	t.Parallel()
	r := newRig(t)
	s := testServer(30 * time.Second)
	stop := r.serve(s)
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDOff})
	require.NoError(t, c.Start(context.Background()))
	w.until(0, enters(client.Bound))
	renewed, restarts := 0, 0
	up := true
	for end, next := time.Now().Add(d), time.Now(); time.Now().Before(end); {
		if time.Now().After(next) {
			next = time.Now().Add(time.Duration(rand.Int64N(int64(8 * time.Second))))
			if up {
				stop()
			} else {
				if rand.IntN(2) == 0 {
					s.Forget()
				}
				stop = r.serve(s)
				restarts++
			}
			up = !up
		}
		before := c.Status()
		out := r.addrs()
		after := c.Status()
		// Between two moments with one lease the kernel must have shown it.
		if l := before.Lease; l != nil && l == after.Lease {
			require.Positive(t, l.Left(after.At), "kept after its end")
			require.Contains(t, out, l.Addr.String(), "lost")
		}
		// Without a lease there is none, but while one that came is being set.
		if before.Lease == nil && after.Lease == nil && strings.Contains(out, "10.99.") {
			require.Eventually(t, func() bool { return c.Status().Lease != nil || !strings.Contains(r.addrs(), "10.99.") },
				time.Second, time.Millisecond, "kept: %s", out)
		}
		select {
		case <-w.more:
		case <-time.After(200 * time.Millisecond):
		}
	}
	renewed = strings.Count(w.text(), "ack of")
	t.Logf("%v: %d restarts, %d acknowledgements, %d leases ended", d, restarts, renewed, strings.Count(w.text(), "the lease ended"))
	require.Positive(t, renewed)
}
