package dhcp

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/bsdtest"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/fs/joint/pf"

	"github.com/stretchr/testify/require"
)

// A box is a simulated kernel with em0, whose link has another's address and a default route.
type box struct {
	t   *testing.T
	k   *bsdtest.Kernel
	c   *rtsock.Client
	dir string
	em0 int
}

func onEachPF(t *testing.T, f func(b *box)) {
	for _, os := range bsd.Systems() {
		t.Run(os, func(t *testing.T) {
			l, err := bsd.Profile{OS: os}.Layout()
			require.NoError(t, err)
			b := &box{t: t, k: bsdtest.New(l), dir: filepath.Join(t.TempDir(), "leases")}
			b.em0 = int(b.k.AddLink("em0", []byte{2, 0, 0, 0, 0, 1}))
			b.k.AddLink("tun0", nil)
			b.c = rtsock.New(b.k)
			t.Cleanup(func() { require.NoError(t, b.c.Close()) })
			f(b)
		})
	}
}

// client is what a process that begins has.
func (b *box) client() *applier { return newApplier(NewPF(b.c, b.dir), b.em0, &Options{}) }

// text is the addresses and routes of em0.
func (b *box) text() string {
	s := NewPF(b.c, b.dir).(*pfSystem)
	l, err := s.link(context.Background(), b.em0, "")
	require.NoError(b.t, err)
	var all []string
	for _, p := range l.addrs {
		all = append(all, p.String())
	}
	for m, err := range b.c.Dump(context.Background(), rtsock.Query{Dump: bsd.DumpRoutes}) {
		require.NoError(b.t, err)
		r := m.(*bsd.RouteMsg)
		p, ok := s.l.Prefix(&r.Header)
		require.True(b.t, ok)
		require.Equal(b.t, b.em0, int(pf.LinkOf(s.l, r)))
		way := p.String()
		if r.Flags&s.l.RTF("gateway") != 0 {
			way += " via " + s.l.Addr(r.At(bsd.RTAX_GATEWAY)).String()
		}
		all = append(all, way)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// remembered is the files of what was set.
func (b *box) remembered() string {
	files, _ := filepath.Glob(filepath.Join(b.dir, "*.set"))
	all := ""
	for _, f := range files {
		text, err := os.ReadFile(f)
		require.NoError(b.t, err)
		all += string(text)
	}
	return all
}

// quiet fails if something is asked of the kernel meanwhile that changes it.
func (b *box) quiet(f func()) {
	b.k.Ioctls()
	n := b.k.Requests()
	f()
	require.Empty(b.t, b.k.Ioctls())
	require.Equal(b.t, n, b.k.Requests())
}

func settingsOf(addr string, routes ...lease.Route) *lease.Settings {
	p := netip.MustParsePrefix(addr)
	s := &lease.Settings{Addr: p, Valid: time.Hour, Routes: routes}
	if p.Bits() < 31 {
		a := p.Masked().Addr().As4()
		for i := p.Bits(); i < 32; i++ {
			a[i/8] |= 0x80 >> (i % 8)
		}
		s.Broadcast = netip.AddrFrom4(a)
	}
	return s
}

func via(dst, gateway string) lease.Route {
	r := lease.Route{Dst: netip.MustParsePrefix(dst)}
	if gateway != "" {
		r.Via = netip.MustParseAddr(gateway)
	}
	return r
}

func TestPFApply(t *testing.T) {
	ctx := context.Background()
	onEachPF(t, func(b *box) {
		a := b.client()
		one := settingsOf("192.0.2.9/24", via("0.0.0.0/0", "192.0.2.1"), via("198.51.100.0/24", ""), via("203.0.113.5/32", "192.0.2.7"))
		require.NoError(b.t, a.set(ctx, nil, one))
		const is = "0.0.0.0/0 via 192.0.2.1, 192.0.2.9/24, 198.51.100.0/24, 203.0.113.5/32 via 192.0.2.7"
		require.Equal(b.t, is, b.text())
		require.True(b.t, a.held(ctx, one))

		// A renewal asks nothing of the kernel.
		b.quiet(func() { require.NoError(b.t, a.set(ctx, one, one)) })
		require.Equal(b.t, is, b.text())

		// A process that was killed is followed by another, which knows what is ours.
		a = b.client()
		require.True(b.t, a.held(ctx, one))
		b.quiet(func() { require.NoError(b.t, a.set(ctx, one, one)) })

		// Another address, a gateway, and fewer routes; what somebody took away comes again.
		two := settingsOf("192.0.2.10/24", via("0.0.0.0/0", "192.0.2.2"), via("198.51.100.0/24", ""))
		require.NoError(b.t, a.sys.DelRoute(ctx, b.em0, Route{Dst: one.Routes[1].Dst}))
		require.NoError(b.t, a.set(ctx, one, two))
		require.Equal(b.t, "0.0.0.0/0 via 192.0.2.2, 192.0.2.10/24, 198.51.100.0/24", b.text())
		require.False(b.t, a.held(ctx, one))

		// The same address in another subnet: it is changed, not taken away.
		three := settingsOf("192.0.2.10/25", via("0.0.0.0/0", "192.0.2.2"))
		b.k.Ioctls()
		require.NoError(b.t, a.set(ctx, two, three))
		require.NotContains(b.t, strings.Join(b.k.Ioctls(), " "), "SIOCDIFADDR")
		require.Equal(b.t, "0.0.0.0/0 via 192.0.2.2, 192.0.2.10/25", b.text())
		require.True(b.t, a.held(ctx, three))
		require.False(b.t, a.held(ctx, two))

		require.NoError(b.t, a.set(ctx, three, nil))
		require.Empty(b.t, b.text())
		require.Empty(b.t, b.remembered())
	})
}

// A cloud's lease: a mask of 32 bits, and a gateway that no prefix covers.
func TestPFOnLink(t *testing.T) {
	ctx := context.Background()
	onEachPF(t, func(b *box) {
		a := b.client()
		far := via("0.0.0.0/0", "203.0.113.1")
		far.OnLink = true
		too := via("10.0.0.0/8", "203.0.113.1")
		too.OnLink = true
		both := settingsOf("192.0.2.9/32", far, too)
		require.NoError(b.t, a.set(ctx, nil, both))
		require.Equal(b.t, "0.0.0.0/0 via 203.0.113.1, 10.0.0.0/8 via 203.0.113.1, 192.0.2.9/32, 203.0.113.1/32", b.text())
		b.quiet(func() { require.NoError(b.t, b.client().set(ctx, both, both)) })
		one := settingsOf("192.0.2.9/32", far)
		require.NoError(b.t, a.set(ctx, both, one))
		require.Equal(b.t, "0.0.0.0/0 via 203.0.113.1, 192.0.2.9/32, 203.0.113.1/32", b.text())
		require.NoError(b.t, a.set(ctx, one, nil))
		require.Empty(b.t, b.text())
		require.Empty(b.t, b.remembered())
	})
}

// What others made stays as it is, and that it is there is told.
func TestPFOfAnother(t *testing.T) {
	ctx := context.Background()
	onEachPF(t, func(b *box) {
		b.k.AddAddr(uint16(b.em0), netip.MustParsePrefix("192.0.2.9/24"))
		s := NewPF(b.c, filepath.Join(b.dir, "another")).(*pfSystem)
		require.NoError(b.t, s.AddRoute(ctx, b.em0, Route{Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("192.0.2.99")}))
		before := b.text()
		a := b.client()
		l := settingsOf("192.0.2.9/24", via("0.0.0.0/0", "192.0.2.1"))
		for range 2 {
			err := a.set(ctx, nil, l)
			require.ErrorContains(b.t, err, "192.0.2.9/24: it is there, and was not set by DHCP: file exists")
			require.ErrorContains(b.t, err, "route 0.0.0.0/0: file exists")
		}
		require.Equal(b.t, before, b.text())
		require.False(b.t, a.held(ctx, l))
		require.NoError(b.t, a.set(ctx, l, nil))
		require.Equal(b.t, before, b.text())
	})
}

// What a client left that was killed is taken away by the next, whatever its lease.
func TestPFLeftBehind(t *testing.T) {
	ctx := context.Background()
	onEachPF(t, func(b *box) {
		old := settingsOf("192.0.2.9/24", via("0.0.0.0/0", "192.0.2.1"), via("10.0.0.0/8", "192.0.2.3"))
		require.NoError(b.t, b.client().set(ctx, nil, old))
		to := settingsOf("192.0.2.20/24", via("0.0.0.0/0", "192.0.2.1"))
		require.NoError(b.t, b.client().set(ctx, nil, to))
		require.Equal(b.t, "0.0.0.0/0 via 192.0.2.1, 192.0.2.20/24", b.text())

		// Only addresses, from now on.
		a := b.client()
		a.apply = ApplyAddr
		require.NoError(b.t, a.set(ctx, to, to))
		require.Equal(b.t, "192.0.2.20/24", b.text())

		// What is remembered and not there any more is no reason to take away what is.
		b.k.DelAddr(uint16(b.em0), to.Addr)
		require.False(b.t, b.client().held(ctx, to))
		require.NoError(b.t, b.client().set(ctx, to, nil))
		require.Empty(b.t, b.remembered())
	})
}

// A kernel that refuses is heard, and nothing is remembered that was not set.
func TestPFRefused(t *testing.T) {
	ctx := context.Background()
	onEachPF(t, func(b *box) {
		l := settingsOf("192.0.2.9/24", via("0.0.0.0/0", "192.0.2.1"))
		a := b.client()
		b.k.Fail(bsd.AddAddr, syscall.EPERM)
		b.k.Refuse(syscall.EPERM)
		err := a.set(ctx, nil, l)
		require.ErrorContains(b.t, err, "192.0.2.9/24: operation not permitted")
		require.ErrorContains(b.t, err, "route 0.0.0.0/0: operation not permitted")
		require.NotContains(b.t, b.remembered(), "0.0.0.0/0")
		require.Empty(b.t, b.text())
		b.k.Fail(bsd.AddAddr, 0)
		require.NoError(b.t, a.set(ctx, l, l))

		b.k.Fail(bsd.DelAddr, syscall.EBUSY)
		require.ErrorContains(b.t, a.set(ctx, l, nil), "192.0.2.9/24: "+syscall.EBUSY.Error())
		require.Contains(b.t, b.remembered(), "192.0.2.9/24", "it is still ours")
		b.k.Fail(bsd.DelAddr, 0)
		require.NoError(b.t, b.client().set(ctx, nil, nil))
		require.Empty(b.t, b.text()+b.remembered())

		require.NoError(b.t, os.WriteFile(filepath.Join(b.dir, "em0.set"), []byte("{"), 0o600))
		require.ErrorContains(b.t, a.set(ctx, nil, l), "what DHCP set")
		require.Empty(b.t, b.text(), "nothing is set that cannot be remembered")
	})
}

func TestPFMTU(t *testing.T) {
	ctx := context.Background()
	onEachPF(t, func(b *box) {
		a := b.client()
		l := settingsOf("192.0.2.9/24")
		l.MTU = 1400
		mtu := func() int {
			n, err := a.sys.MTU(ctx, b.em0)
			require.NoError(b.t, err)
			return n
		}
		require.NoError(b.t, a.set(ctx, nil, l))
		require.Equal(b.t, 1400, mtu())
		require.NoError(b.t, a.set(ctx, l, l))
		require.NoError(b.t, a.set(ctx, l, nil))
		require.Equal(b.t, 1500, mtu())
	})
}

func TestPFFind(t *testing.T) {
	ctx := context.Background()
	onEachPF(t, func(b *box) {
		s := NewPF(b.c, b.dir)
		l, err := s.Find(ctx, "em0")
		require.NoError(b.t, err)
		require.Equal(b.t, []any{b.em0, "em0", "02:00:00:00:00:01", 1500, true}, []any{l.Index, l.Name, l.HWAddr.String(), l.MTU, l.Carrier})
		for name, want := range map[string]string{
			"lo0": "lo0: not an Ethernet link", "tun0": "tun0: not an Ethernet link", "": "no such device", "nosuch": "nosuch: ",
		} {
			_, err = s.Find(ctx, name)
			require.ErrorContains(b.t, err, want)
		}
		b.k.SetLink(uint16(b.em0), func(l *bsdtest.Link) { l.Flags &^= b.k.Layout().IFF("up") })
		_, err = s.Find(ctx, "em0")
		require.ErrorIs(b.t, err, syscall.ENETDOWN)
		require.ErrorContains(b.t, s.Check(&Options{Metric: 7}), "metric: not on this kernel")
		require.ErrorContains(b.t, s.Check(&Options{Table: 7}), "table: not on this kernel")
		require.NoError(b.t, s.Check(&Options{}))
	})
}

// The carrier is told when it changes, also after a loss, until there is nobody to tell.
func TestPFCarrier(t *testing.T) {
	onEachPF(t, func(b *box) {
		synctest.Test(b.t, func(t *testing.T) {
			up := b.k.Layout().IFF("up")
			set := func(on bool) {
				b.k.SetLink(uint16(b.em0), func(l *bsdtest.Link) {
					if l.Flags &^= up; on {
						l.Flags |= up
					}
				})
				synctest.Wait()
			}
			ctx, cancel := context.WithCancel(context.Background())
			var told []bool
			done := make(chan struct{})
			go func() {
				defer close(done)
				for is := range NewPF(b.c, b.dir).Carrier(ctx, b.em0) {
					told = append(told, is)
				}
			}()
			synctest.Wait()
			set(true)
			set(false)
			set(false)
			set(true)
			b.k.Lose()
			synctest.Wait()
			cancel()
			<-done
			require.Equal(t, []bool{true, false, true}, told)
			require.Zero(t, b.k.Sockets())
		})
	})
}
