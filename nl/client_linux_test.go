package nl_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dial opens a client in a namespace of its own and counts what is left when the test is over.
func dial(t *testing.T, o nl.Options) (*nl.Client, *nltest.NS) {
	t.Helper()
	ns := nltest.NewNS(t)
	nltest.CheckLeaks(t)
	o.NS = ns.FD
	c, err := nl.Dial(nl.Route, &o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c, ns
}

// veth makes v0 with 192.0.2.1/24 and its peer v1, both up, and returns the index of v0.
func veth(t *testing.T, c *nl.Client, ns *nltest.NS) uint32 {
	t.Helper()
	ctx := t.Context()
	err := c.Do(ctx, nl.Request{Type: rtmNewLink, Flags: nl.FlagCreate | nl.FlagExcl, Body: link{name: "v0", kind: "veth", peer: "v1"}})
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no veth in this kernel")
	}
	require.NoError(t, err)
	var index int32
	require.NoError(t, c.Get(ctx, nl.Request{Type: rtmGetLink, Body: link{name: "v0"}}, func(m nl.Message) error {
		index = linkIndex(m)
		return nil
	}))
	for _, name := range []string{"v0", "v1"} {
		require.NoError(t, c.Do(ctx, nl.Request{Type: rtmNewLink, Body: link{name: name, flags: 1, change: 1}}))
	}
	a := netip.MustParseAddr("192.0.2.1").As4()
	body := raw{2, 24, 0, 0, byte(index), byte(index >> 8), byte(index >> 16), byte(index >> 24)}
	body = append(body, 8, 0, 2, 0, a[0], a[1], a[2], a[3]) // IFA_LOCAL
	body = append(body, 8, 0, 1, 0, a[0], a[1], a[2], a[3]) // IFA_ADDRESS
	require.NoError(t, c.Do(ctx, nl.Request{Type: rtmNewAddr, Flags: nl.FlagCreate, Body: body}))
	return uint32(index)
}

func addRoutes(t *testing.T, c *nl.Client, dev uint32, from, to int) {
	t.Helper()
	b := c.NewBatch()
	for i := from; i < to; i++ {
		require.NoError(t, b.Add(nl.Request{Type: rtmNewRoute, Flags: nl.FlagCreate, Body: route{dst: prefix(i), dev: dev}}))
	}
	require.NoError(t, b.Do(t.Context()))
}

func countRoutes(t *testing.T, c *nl.Client) int {
	t.Helper()
	n := 0
	for m, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetRoute, Body: route{list: true, table: 254}}) {
		require.NoError(t, err)
		require.Equal(t, uint16(rtmNewRoute), m.Type)
		n++
	}
	return n
}

func TestGet(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	var names []string
	err := c.Get(t.Context(), nl.Request{Type: rtmGetLink, Body: link{name: "lo"}}, func(m nl.Message) error {
		names = append(names, linkName(m))
		assert.Equal(t, int32(-1), m.NSID)
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, []string{"lo"}, names)
	assert.Contains(t, ns.Run(t, "ip", "-o", "link", "show", "lo"), "LOOPBACK,UP")

	stop := errors.New("stop")
	err = c.Get(t.Context(), nl.Request{Type: rtmGetLink, Body: link{name: "lo"}}, func(nl.Message) error { return stop })
	assert.ErrorIs(t, err, stop)
}

func TestDo(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	veth(t, c, ns)
	require.NoError(t, c.Do(t.Context(), nl.Request{Type: rtmNewLink, Body: link{name: "v0", mtu: 1400}}))
	assert.Contains(t, ns.Run(t, "ip", "link", "show", "v0"), "mtu 1400")
}

func TestDump(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	dev := veth(t, c, ns)
	before := countRoutes(t, c)
	addRoutes(t, c, dev, 0, 5000)
	assert.Equal(t, before+5000, countRoutes(t, c))
	out := ns.Run(t, "ip", "route")
	assert.Equal(t, before+5000, strings.Count(out, "\n"))
}

func TestErrors(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	dev := veth(t, c, ns)
	good, bad := netip.MustParseAddr("192.0.2.9"), netip.MustParseAddr("198.51.100.1")
	do := func(r nl.Request) *nl.Error {
		t.Helper()
		var e *nl.Error
		require.ErrorAs(t, c.Do(t.Context(), r), &e)
		return e
	}
	add := nl.Request{Type: rtmNewRoute, Flags: nl.FlagCreate | nl.FlagExcl, Body: route{dst: prefix(1), via: bad}}
	e := do(add)
	assert.Equal(t, syscall.ENETUNREACH, e.Errno)
	assert.Equal(t, "RTM_NEWROUTE", e.Op)
	assert.Contains(t, e.Msg, "gateway")
	assert.Contains(t, e.Error(), "RTM_NEWROUTE: ")

	add.Body = route{dst: prefix(1), hops: []hop{{good, dev}, {bad, dev}}}
	e = do(add)
	assert.NotEmpty(t, e.Msg)
	if e.Offset != 0 {
		assert.Contains(t, e.Attr, "RTA_MULTIPATH")
	}

	add.Body = route{dst: prefix(1), via: good}
	require.NoError(t, c.Do(t.Context(), add))
	err := c.Do(t.Context(), add)
	assert.ErrorIs(t, err, syscall.EEXIST)
	assert.ErrorIs(t, err, fs.ErrExist)

	assert.ErrorIs(t, do(nl.Request{Type: rtmDelRoute, Body: route{dst: prefix(77)}}), fs.ErrNotExist)
	assert.ErrorIs(t, do(nl.Request{Type: rtmGetLink, Body: link{name: "nope"}}), fs.ErrNotExist)

	// The kernel points into a nest.
	e = do(nl.Request{Type: rtmNewLink, Flags: nl.FlagCreate | nl.FlagExcl, Body: link{name: "x0", kind: "no such kind"}})
	assert.Equal(t, syscall.EOPNOTSUPP, e.Errno)
	assert.ErrorIs(t, e, errors.ErrUnsupported)
	t.Log(e)
}

func TestAttributePathFromKernel(t *testing.T) {
	c, _ := dial(t, nl.Options{})
	// An IFLA_IFNAME that is too long is refused by policy, with its offset.
	err := c.Do(t.Context(), nl.Request{Type: rtmNewLink, Flags: nl.FlagCreate, Body: link{name: strings.Repeat("x", 40), kind: "veth"}})
	var e *nl.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "IFLA_IFNAME", e.Attr)
	assert.Equal(t, 32, e.Offset)
	assert.ErrorIs(t, e, syscall.ERANGE)
	t.Log(e)
}

func TestManyAtOnce(t *testing.T) {
	c, _ := dial(t, nl.Options{})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for j := range 50 {
				if (i+j)%3 == 0 {
					n := 0
					for _, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetLink, Body: link{}}) {
						assert.NoError(t, err)
						n++
					}
					assert.NotZero(t, n)
					continue
				}
				got := ""
				err := c.Get(t.Context(), nl.Request{Type: rtmGetLink, Body: link{name: "lo"}}, func(m nl.Message) error {
					got = linkName(m)
					return nil
				})
				assert.NoError(t, err)
				assert.Equal(t, "lo", got)
				err = c.Do(t.Context(), nl.Request{Type: rtmGetLink, Body: link{name: fmt.Sprintf("no%d", i)}})
				assert.ErrorIs(t, err, syscall.ENODEV)
			}
		})
	}
	wg.Wait()
}

func TestRequestInsideDumpAndReply(t *testing.T) {
	c, _ := dial(t, nl.Options{})
	for m, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetLink, Body: link{}}) {
		require.NoError(t, err)
		name := linkName(m)
		err = c.Get(t.Context(), nl.Request{Type: rtmGetLink, Body: link{name: name}}, func(m nl.Message) error {
			return c.Do(t.Context(), nl.Request{Type: rtmGetLink, Body: link{index: linkIndex(m)}})
		})
		require.NoError(t, err)
	}
}

func TestEarlyBreak(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	dev := veth(t, c, ns)
	addRoutes(t, c, dev, 0, 20000)
	all := countRoutes(t, c)
	for i := range 50 {
		n := 0
		for _, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetRoute, Body: route{list: true}}) {
			require.NoError(t, err)
			if n++; n > i*20 {
				break
			}
		}
		for _, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetLink, Body: link{}}) {
			require.NoError(t, err)
			break // the end is in the same datagram or the next
		}
		if i%10 == 0 {
			assert.Equal(t, all, countRoutes(t, c))
		}
	}
	func() {
		defer func() { assert.Equal(t, "boom", recover()) }()
		for range c.Dump(t.Context(), nl.Request{Type: rtmGetRoute, Body: route{list: true}}) {
			panic("boom")
		}
	}()
	assert.Equal(t, all, countRoutes(t, c))
}

func TestDumpCancelled(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	addRoutes(t, c, veth(t, c, ns), 0, 20000)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	var last error
	for _, err := range c.Dump(ctx, nl.Request{Type: rtmGetRoute, Body: route{list: true}}) {
		if n++; n == 10 {
			cancel()
		}
		last = err
	}
	assert.ErrorIs(t, last, context.Canceled)
	assert.Less(t, n, 2000)
	assert.ErrorIs(t, c.Do(ctx, nl.Request{Type: rtmGetLink, Body: link{name: "lo"}}), context.Canceled)
}

func TestKernelFiltersDump(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	addRoutes(t, c, veth(t, c, ns), 0, 1000)
	n := 0
	for m, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetRoute, Body: route{list: true, table: 255}}) {
		require.NoError(t, err)
		assert.NotZero(t, m.Flags&nl.FlagDumpFiltered)
		n++
	}
	assert.Less(t, n, 100)
}

// A header that strict checking refuses is asked without it.
func TestStrictFallsBack(t *testing.T) {
	c, _ := dial(t, nl.Options{})
	n := 0
	for _, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetLink, Body: link{change: 1}}) {
		require.NoError(t, err)
		n++
	}
	assert.NotZero(t, n)
	// A filter that it refuses is an error, with its name: unfiltered rows are no answer to it.
	var last error
	for _, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetLink, Body: link{mtu: 1500}}) {
		last = err
	}
	var e *nl.Error
	require.ErrorAs(t, last, &e)
	t.Log(e)
}

func TestBatchErrors(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	dev := veth(t, c, ns)
	addRoutes(t, c, dev, 0, 3000)
	b := c.NewBatch()
	for i := range 6000 {
		r := nl.Request{Type: rtmNewRoute, Flags: nl.FlagCreate | nl.FlagExcl, Body: route{dst: prefix(i), dev: dev}}
		if i == 4500 {
			r.Body = route{dst: prefix(i), via: netip.MustParseAddr("198.51.100.1")}
		}
		require.NoError(t, b.Add(r))
	}
	assert.Equal(t, 6000, b.Len())
	var e *nl.BatchError
	require.ErrorAs(t, b.Do(t.Context()), &e)
	assert.Zero(t, b.Len())
	assert.Equal(t, 6000, e.Of)
	require.Len(t, e.Failed, 3001)
	for i, f := range e.Failed[:3000] {
		require.Equal(t, i, f.Index)
		require.ErrorIs(t, f.Err, syscall.EEXIST)
	}
	assert.Equal(t, 4500, e.Failed[3000].Index)
	assert.ErrorIs(t, e.Failed[3000].Err, syscall.ENETUNREACH)
	assert.ErrorIs(t, e, syscall.ENETUNREACH)
	assert.NoError(t, b.Do(t.Context()), "an empty batch")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, b.Add(nl.Request{Type: rtmDelRoute, Body: route{dst: prefix(1)}}))
	assert.ErrorIs(t, b.Do(ctx), context.Canceled)
}

func TestBatchEcho(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	dev := veth(t, c, ns)
	b := c.NewBatch()
	got := map[int]netip.Prefix{}
	b.Echo = func(i int, m nl.Message) { got[i] = routeDst(m) }
	for i := range 2000 {
		require.NoError(t, b.Add(nl.Request{Type: rtmNewRoute, Flags: nl.FlagCreate | nl.FlagEcho, Body: route{dst: prefix(i), dev: dev}}))
	}
	require.NoError(t, b.Do(t.Context()))
	require.Len(t, got, 2000)
	assert.Equal(t, prefix(1234), got[1234])
}

func TestCloseEndsWhatWaits(t *testing.T) {
	ns := nltest.NewNS(t)
	nltest.CheckLeaks(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	s, err := c.Subscribe(t.Context(), groupLink)
	require.NoError(t, err)
	done := make(chan int)
	go func() {
		n := 0
		for range s.Receive(context.Background()) {
			n++
		}
		done <- n
	}()
	time.Sleep(10 * time.Millisecond) // so that it waits, mostly
	require.NoError(t, s.Close())
	assert.Zero(t, <-done)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	assert.ErrorIs(t, c.Do(t.Context(), nl.Request{Type: rtmGetLink, Body: link{name: "lo"}}), nl.ErrClosed)
	for _, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetLink, Body: link{}}) {
		assert.ErrorIs(t, err, nl.ErrClosed)
	}
	_, err = c.Subscribe(t.Context(), groupLink)
	assert.ErrorIs(t, err, nl.ErrClosed)
}

func TestDialRefuses(t *testing.T) {
	_, err := nl.Dial(22, nil)
	assert.Error(t, err)
	f, err := os.Open("/dev/null")
	require.NoError(t, err)
	defer f.Close()
	_, err = nl.Dial(nl.Route, &nl.Options{NS: int(f.Fd())})
	assert.ErrorIs(t, err, fs.ErrInvalid)
}

// Without privilege and without moving: the caller's own namespace.
func TestOwnNamespace(t *testing.T) {
	ns := nltest.NewNS(t)
	var c *nl.Client
	var err error
	ns.Do(func() { c, err = nl.Dial(nl.Route, nil) })
	require.NoError(t, err)
	defer c.Close()
	// Sockets made later, on other threads, belong to the namespace of Dial.
	var names []string
	for m, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetLink, Body: link{}}) {
		require.NoError(t, err)
		names = append(names, linkName(m))
	}
	assert.Contains(t, names, "lo")
	assert.NotContains(t, names, "eth0")
}

func TestDumpAllocatesNothingPerMessage(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	addRoutes(t, c, veth(t, c, ns), 0, 20000)
	var body nl.Body = route{list: true}
	rows := 0
	dump := func() {
		for _, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetRoute, Body: body}) {
			if err != nil {
				t.Error(err)
			}
			rows++
		}
	}
	dump()
	runtime.GC()
	allocs := testing.AllocsPerRun(5, dump)
	assert.LessOrEqual(t, allocs, 12.0, "for a whole dump of %d rows", rows)
	t.Logf("%.0f allocations a dump", allocs)
}
