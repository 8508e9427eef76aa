package rtsock_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/bsdtest"
	"github.com/netfs-project/netfs/bsd/rtsock"
)

// onAll runs a test on the simulator of each system.
func onAll(t *testing.T, f func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client)) {
	for _, os := range bsd.Systems() {
		t.Run(os, func(t *testing.T) {
			l, err := bsd.Profile{OS: os}.Layout()
			require.NoError(t, err)
			k := bsdtest.New(l)
			n := k.AddLink("em0", []byte{2, 0, 0, 0, 0, 1})
			k.AddAddr(n, netip.MustParsePrefix("192.0.2.1/24"))
			k.AddAddr(n, netip.MustParsePrefix("fe80::2/64"))
			c := rtsock.New(k)
			f(t, k, c)
			require.NoError(t, c.Close())
			assert.Zero(t, k.Sockets(), "sockets left open")
		})
	}
}

func request(l *bsd.Layout, op bsd.Op, dst, via string) *bsd.RouteMsg {
	p := netip.MustParsePrefix(dst)
	m := &bsd.RouteMsg{Header: bsd.Header{Op: op}, Flags: l.RTF("up") | l.RTF("static")}
	m.Set(bsd.RTAX_DST, l.SockaddrOf(p.Addr()))
	if via != "" {
		m.Flags |= l.RTF("gateway")
		m.Set(bsd.RTAX_GATEWAY, l.SockaddrOf(netip.MustParseAddr(via)))
	}
	if p.Bits() < p.Addr().BitLen() {
		m.Set(bsd.RTAX_NETMASK, l.Mask(p.Bits(), p.Addr().Is6()))
	} else {
		m.Flags |= l.RTF("host")
	}
	return m
}

// table reads the routes: destinations and gateways.
func table(t *testing.T, c *rtsock.Client, q rtsock.Query) map[string]string {
	t.Helper()
	l := c.Layout()
	all := map[string]string{}
	for m, err := range c.Dump(t.Context(), q) {
		require.NoError(t, err)
		p, ok := l.Prefix(m.Head())
		require.True(t, ok)
		all[p.String()] = l.Addr(m.Head().At(bsd.RTAX_GATEWAY)).String()
	}
	return all
}

func TestRequests(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		l, ctx := c.Layout(), t.Context()
		do := func(op bsd.Op, dst, via string) error { return c.Change(request(l, op, dst, via)) }
		require.NoError(t, do(bsd.OpAdd, "0.0.0.0/0", "192.0.2.254"))
		require.NoError(t, do(bsd.OpAdd, "10.16.0.0/12", "192.0.2.2"))
		require.NoError(t, do(bsd.OpAdd, "10.16.0.9/32", "192.0.2.3"))
		require.NoError(t, do(bsd.OpAdd, "2001:db8::/33", "fe80::1%2"))
		assert.Equal(t, map[string]string{"0.0.0.0/0": "192.0.2.254", "10.16.0.0/12": "192.0.2.2", "10.16.0.9/32": "192.0.2.3", "2001:db8::/33": "fe80::1%2"},
			table(t, c, rtsock.Query{Dump: bsd.DumpRoutes}))
		assert.Equal(t, map[string]string{"2001:db8::/33": "fe80::1%2"}, table(t, c, rtsock.Query{Dump: bsd.DumpRoutes, Family: l.AFInet6}))

		err := do(bsd.OpAdd, "10.16.0.0/12", "192.0.2.2")
		assert.ErrorIs(t, err, syscall.EEXIST)
		assert.EqualError(t, err, "RTM_ADD: file exists")
		assert.ErrorIs(t, do(bsd.OpAdd, "10.32.0.0/12", "203.0.113.1"), syscall.ENETUNREACH)
		assert.ErrorIs(t, do(bsd.OpDelete, "10.48.0.0/12", ""), syscall.ESRCH)

		require.NoError(t, do(bsd.OpChange, "10.16.0.0/12", "192.0.2.77"))
		r, err := c.Get(ctx, request(l, bsd.OpGet, "10.17.0.1/32", ""))
		require.NoError(t, err)
		assert.Equal(t, "192.0.2.77", l.Addr(r.At(bsd.RTAX_GATEWAY)).String())
		d, ok := l.Link(r.At(bsd.RTAX_IFP))
		assert.True(t, ok)
		assert.Equal(t, "em0", d.Name)
		require.NoError(t, do(bsd.OpDelete, "10.16.0.0/12", ""))
		assert.Len(t, table(t, c, rtsock.Query{Dump: bsd.DumpRoutes}), 3)
	})
}

func TestLinks(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		var got []string
		for m, err := range c.Dump(t.Context(), rtsock.Query{Dump: bsd.DumpLinks}) {
			require.NoError(t, err)
			d, _ := c.Layout().Link(m.Head().At(bsd.RTAX_IFP))
			if p, ok := c.Layout().Prefix(m.Head()); ok {
				d.Name += " " + p.String()
			}
			got = append(got, d.Name)
		}
		assert.Equal(t, []string{"lo0", "em0", "em0 192.0.2.1/24", "em0 fe80::2/64"}, got)
		for _, err := range c.Dump(t.Context(), rtsock.Query{Dump: 99}) {
			assert.ErrorIs(t, err, errors.ErrUnsupported)
		}
	})
}

func TestFaults(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		l := c.Layout()
		k.NoMemory(3)
		assert.Empty(t, table(t, c, rtsock.Query{Dump: bsd.DumpRoutes}), "asked again")
		k.NoMemory(100)
		for _, err := range c.Dump(t.Context(), rtsock.Query{Dump: bsd.DumpRoutes}) {
			assert.ErrorIs(t, err, syscall.ENOMEM)
		}
		k.NoMemory(0)
		k.Refuse(syscall.ENOBUFS)
		err := c.Change(request(l, bsd.OpAdd, "10.0.0.0/8", "192.0.2.2"))
		assert.ErrorIs(t, err, syscall.ENOBUFS)
		err = c.Change(request(l, bsd.OpAdd, "10.0.0.0/8", "192.0.2.2"))
		require.NoError(t, err)
		// Others' messages, and the echo of the refusal, are passed over.
		n := k.AddLink("em1", nil)
		k.AddAddr(n, netip.MustParsePrefix("198.51.100.1/24"))
		err = c.Change(request(l, bsd.OpAdd, "11.0.0.0/8", "198.51.100.2"))
		require.NoError(t, err)
		assert.Len(t, table(t, c, rtsock.Query{Dump: bsd.DumpRoutes}), 2)
		k.LoseAnswers(2)
		r, err := c.Get(t.Context(), request(l, bsd.OpGet, "11.1.1.1/32", ""))
		require.NoError(t, err, "asked again")
		assert.Equal(t, "198.51.100.2", l.Addr(r.At(bsd.RTAX_GATEWAY)).String())
		_, err = c.Get(t.Context(), request(l, bsd.OpGet, "12.1.1.1/32", ""))
		assert.ErrorIs(t, err, syscall.ESRCH)
		k.LoseAnswers(100)
		_, err = c.Get(t.Context(), request(l, bsd.OpGet, "11.1.1.1/32", ""))
		assert.ErrorIs(t, err, rtsock.ErrOverrun)

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, err := range c.Dump(ctx, rtsock.Query{Dump: bsd.DumpRoutes}) {
			assert.ErrorIs(t, err, context.Canceled)
		}
	})
}

func TestSubscribe(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		l := c.Layout()
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			messages, err := c.Subscribe(ctx, rtsock.Filter{})
			require.NoError(t, err)
			var got []string
			done := make(chan error)
			go func() {
				for m, err := range messages {
					switch {
					case errors.Is(err, rtsock.ErrOverrun):
						got = append(got, "overrun")
					case err != nil:
						done <- err
						return
					default:
						got = append(got, l.TypeName(m.Head().Type))
					}
				}
			}()
			err = c.Change(request(l, bsd.OpAdd, "10.0.0.0/8", "192.0.2.2"))
			require.NoError(t, err)
			synctest.Wait()
			k.Lose()
			synctest.Wait()
			err = c.Change(request(l, bsd.OpDelete, "10.0.0.0/8", ""))
			require.NoError(t, err)
			synctest.Wait()
			cancel()
			assert.ErrorIs(t, <-done, context.Canceled)
			assert.Equal(t, []string{"RTM_ADD", "overrun", "RTM_DELETE"}, got)
			require.NoError(t, c.Close())
		})
	})
}

// hear runs f while a subscription is read, and returns what it told.
func hear(t *testing.T, c *rtsock.Client, want rtsock.Filter, tell func(m bsd.Message) string, f func()) (got []string) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		messages, err := c.Subscribe(ctx, want)
		require.NoError(t, err)
		done := make(chan error)
		go func() {
			for m, err := range messages {
				if err != nil {
					done <- err
					return
				}
				got = append(got, tell(m))
			}
		}()
		f()
		synctest.Wait()
		cancel()
		assert.ErrorIs(t, <-done, context.Canceled)
		require.NoError(t, c.Close())
	})
	return got
}

// A subscription hears what it asked for, whether or not the kernel filters.
func TestFilter(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		l := c.Layout()
		all := func() {
			require.NoError(t, c.Change(request(l, bsd.OpAdd, "10.0.0.0/8", "192.0.2.2")))
			k.SetLink(2, func(l *bsdtest.Link) { l.MTU = 1400 })
			k.AddAddr(2, netip.MustParsePrefix("192.0.2.9/24"))
			static := request(l, bsd.OpAdd, "11.0.0.0/8", "192.0.2.2")
			static.Flags &^= l.RTF("static")
			require.NoError(t, c.Change(static))
		}
		name := func(m bsd.Message) string { return l.TypeName(m.Head().Type) }
		got := hear(t, c, rtsock.Filter{Ops: []bsd.Op{bsd.OpLink}}, name, all)
		assert.Equal(t, []string{"RTM_IFINFO"}, got)
		require.NoError(t, c.Change(request(l, bsd.OpDelete, "10.0.0.0/8", "")))
		require.NoError(t, c.Change(request(l, bsd.OpDelete, "11.0.0.0/8", "")))
		got = hear(t, c, rtsock.Filter{Ops: []bsd.Op{bsd.OpAdd, bsd.OpNewAddr}, Without: l.RTF("static")}, name, all)
		assert.Equal(t, []string{"RTM_NEWADDR", "RTM_ADD"}, got)
	})
}

// Several routing tables, where the kernel has them: FIBs, routing tables.
func TestTables(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		l := c.Layout()
		k.AddTable(2)
		tables, err := c.Tables(t.Context())
		require.NoError(t, err)
		switch l.Tables {
		case bsd.OneTable:
			assert.Equal(t, []int{0}, tables)
			return
		case bsd.SocketTable:
			assert.Equal(t, []int{0, 1, 2}, tables)
			add := request(l, bsd.OpAdd, "10.0.0.0/8", "192.0.2.2")
			add.Table = 7
			assert.ErrorIs(t, c.Change(add), syscall.EINVAL, "no such FIB")
		case bsd.MessageTable:
			assert.Equal(t, []int{0, 2}, tables)
		}
		tell := func(m bsd.Message) string {
			r, ok := m.(*bsd.RouteMsg)
			if !ok {
				return l.TypeName(m.Head().Type)
			}
			p, _ := l.Prefix(&r.Header)
			return fmt.Sprintf("%s %d %s", l.TypeName(r.Type), r.Table, p)
		}
		got := hear(t, c, rtsock.Filter{}, tell, func() {
			for _, n := range []uint16{2, 0} {
				add := request(l, bsd.OpAdd, "10.0.0.0/8", "192.0.2.2")
				add.Table = n
				require.NoError(t, c.Change(add))
				synctest.Wait()
			}
		})
		assert.Equal(t, []string{"RTM_ADD 2 10.0.0.0/8", "RTM_ADD 0 10.0.0.0/8"}, got)

		del := request(l, bsd.OpDelete, "10.0.0.0/8", "")
		require.NoError(t, c.Change(del))
		assert.Empty(t, table(t, c, rtsock.Query{Dump: bsd.DumpRoutes}))
		assert.Len(t, table(t, c, rtsock.Query{Dump: bsd.DumpRoutes, Table: 2}), 1)
		for m, err := range c.Dump(t.Context(), rtsock.Query{Dump: bsd.DumpRoutes, Table: 2}) {
			require.NoError(t, err)
			assert.EqualValues(t, 2, m.(*bsd.RouteMsg).Table)
		}
		get := request(l, bsd.OpGet, "10.1.1.1/32", "")
		_, err = c.Get(t.Context(), get)
		assert.ErrorIs(t, err, syscall.ESRCH)
		get.Table = 2
		r, err := c.Get(t.Context(), get)
		require.NoError(t, err)
		assert.EqualValues(t, 2, r.Table)
		for _, err := range c.Dump(t.Context(), rtsock.Query{Dump: bsd.DumpRoutes, Table: 9}) {
			assert.Error(t, err, "no such table")
		}
	})
}

// One socket of several that overflows is a loss; the others go on.
func TestTablesLoss(t *testing.T) {
	l, err := bsd.Profile{OS: "freebsd"}.Layout()
	require.NoError(t, err)
	k := bsdtest.New(l)
	k.AddTable(3)
	c := rtsock.New(k)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		messages, err := c.Subscribe(ctx, rtsock.Filter{})
		require.NoError(t, err)
		assert.Equal(t, 4, k.Sockets())
		lost, done := 0, make(chan bool)
		go func() {
			for _, err := range messages {
				if errors.Is(err, rtsock.ErrOverrun) {
					lost++
				}
			}
			close(done)
		}()
		k.Lose()
		synctest.Wait()
		cancel()
		<-done
		assert.Equal(t, 4, lost)
		assert.Zero(t, k.Sockets())
	})
}
