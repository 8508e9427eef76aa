package dhcp_test

import (
	"context"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/dhcptest"
	"github.com/netfs-project/netfs/fs/dhcp"

	"github.com/stretchr/testify/require"
)

// Links on top of others. Checksums of what the other end of a veth sends are for the
// hardware to make, and never are.
func TestLinkKinds(t *testing.T) {
	for name, c := range map[string]struct {
		link, serve string
		host        []string // commands of ip
		server      []string
	}{
		"vlan": {
			"vC.7", "vS.7",
			[]string{"link add link vC name vC.7 type vlan id 7", "link set vC.7 up"},
			[]string{"addr flush dev vS", "link add link vS name vS.7 type vlan id 7", "addr add 10.99.0.1/16 dev vS.7", "link set vS.7 up"},
		},
		"bridge":  {"br0", "vS", []string{"link add br0 type bridge forward_delay 0", "link set vC master br0", "link set br0 up"}, nil},
		"macvlan": {"mv0", "vS", []string{"link add mv0 link vC type macvlan mode private", "link set mv0 up"}, nil},
		"bond":    {"bond0", "vS", []string{"link set vC down", "link add bond0 type bond mode active-backup", "link set vC master bond0", "link set bond0 up"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			for _, line := range c.host {
				if out, err := r.host.Try(t, "ip", strings.Fields(line)...); err != nil {
					require.Contains(t, out, "Unknown device type", line)
					t.Skipf("this kernel has no %s", name)
				}
			}
			for _, line := range c.server {
				r.server.Run(t, "ip", strings.Fields(line)...)
			}
			var conn net.PacketConn
			var err error
			r.server.Do(func() { conn, err = dhcptest.Listen(c.serve) })
			require.NoError(t, err)
			done := make(chan struct{})
			go func() { defer close(done); testServer(10 * time.Minute).Serve(conn) }()
			t.Cleanup(func() { conn.Close(); <-done })
			w := newWatcher(t)
			k, err := r.place.Open(context.Background(), c.link, dhcp.Options{ACD: dhcp.ACDOff}, w.note)
			require.NoError(t, err)
			t.Cleanup(func() { k.Close() })
			require.NoError(t, k.Start(context.Background()))
			n := w.until(0, enters(client.Bound))
			require.Contains(t, r.host.Run(t, "ip", "-4", "addr", "show", "dev", c.link), "10.99.0.100/16")
			r.do(k, client.Renew{})
			n = w.until(n, enters(client.Bound))
			r.do(k, client.Rebind{})
			w.until(n, enters(client.Bound))
			r.do(k, client.Release{})
			require.NotContains(t, r.host.Run(t, "ip", "-4", "addr", "show", "dev", c.link), "10.99.0.100")
		})
	}
}

// The machine's clock is set, an hour ahead and two back: leases go on as they were.
func TestClockSet(t *testing.T) {
	if os.Getenv("NETFS_VM") == "" {
		t.Skip("the clock is set in a VM only")
	}
	r := newRig(t)
	r.serve(testServer(6 * time.Second))
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDOff})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	set := func(d time.Duration) {
		tv := syscall.NsecToTimeval(time.Now().Add(d).UnixNano())
		require.NoError(t, syscall.Settimeofday(&tv))
	}
	t.Cleanup(func() { set(time.Hour) })
	for _, d := range []time.Duration{time.Hour, -2 * time.Hour} {
		before := c.Status()
		set(d)
		require.InDelta(t, before.Lease.Left(before.At).Seconds(), before.Lease.Left(c.Status().At).Seconds(), 2)
		for range 2 {
			n = w.until(n, enters(client.Renewing))
			n = w.until(n, enters(client.Bound))
			l := c.Status().Lease
			require.InDelta(t, 3, (l.Start.Boot - before.Lease.Start.Boot).Seconds(), 2, "not at once, not too late")
			require.WithinDuration(t, time.Now(), l.Start.Wall, time.Minute)
			before = c.Status()
		}
	}
	require.NotContains(t, w.text(), "remove")
}
