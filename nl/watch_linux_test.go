package nl_test

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/nl"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// routes is a Source of the IPv4 main table's destinations in 10.0.0.0/8.
func routes(c *nl.Client) nl.Source[netip.Prefix] {
	ours := netip.MustParsePrefix("10.0.0.0/8")
	var row, changed netip.Prefix
	return nl.Source[netip.Prefix]{
		Groups: []uint32{groupRoute},
		Dump: func(ctx context.Context) iter.Seq2[*netip.Prefix, error] {
			return func(yield func(*netip.Prefix, error) bool) {
				for m, err := range c.Dump(ctx, nl.Request{Type: rtmGetRoute, Body: route{list: true, table: 254}}) {
					if err == nil {
						row = routeDst(m)
					}
					if err == nil && !ours.Contains(row.Addr()) {
						continue
					}
					if !yield(&row, err) {
						return
					}
				}
			}
		},
		Event: func(m nl.Message) (nl.What, *netip.Prefix, error) {
			changed = routeDst(m)
			switch {
			case !ours.Contains(changed.Addr()):
				return nl.Ignored, nil, nil
			case m.Type == rtmDelRoute:
				return nl.Deleted, &changed, nil
			}
			return nl.Added, &changed, nil
		},
	}
}

// A mirror is what a reader of events knows.
type mirror struct {
	rows  map[netip.Prefix]int // and when they came
	round int
	syncs int
	lost  int
}

func (r *mirror) apply(e nl.Event[netip.Prefix]) {
	switch e.What {
	case nl.Added, nl.Replaced:
		r.rows[*e.Value] = r.round
	case nl.Deleted:
		delete(r.rows, *e.Value)
	case nl.SyncBegin:
		r.round++
	case nl.SyncEnd:
		r.syncs++
		for p, round := range r.rows {
			if round != r.round {
				delete(r.rows, p)
			}
		}
	case nl.Lost:
		r.lost++
	}
}

func TestWatch(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	dev := veth(t, c, ns)
	addRoutes(t, c, dev, 0, 3)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var got []string
	for e, err := range nl.Watch(ctx, c, routes(c)) {
		require.NoError(t, err)
		word := map[nl.What]string{nl.Added: "+", nl.Deleted: "-", nl.SyncBegin: "begin", nl.SyncEnd: "end"}[e.What]
		if e.Value != nil {
			word += e.Value.String()
		}
		got = append(got, word)
		switch word {
		case "end":
			addRoutes(t, c, dev, 3, 4)
			require.NoError(t, c.Do(ctx, nl.Request{Type: rtmDelRoute, Body: route{dst: prefix(0)}}))
		case "-10.0.0.0/32":
			cancel()
		}
	}
	assert.Equal(t, "begin +10.0.0.0/32 +10.0.0.1/32 +10.0.0.2/32 end +10.0.0.3/32 -10.0.0.0/32", strings.Join(got, " "))
}

// A burst of changes, through a receive buffer that does not hold it and through one that does, leaves the
// mirror equal to the table soon after.
func TestWatchBurst(t *testing.T) {
	for name, buffer := range map[string]int{"small buffer": 4096, "usual buffer": 0} {
		t.Run(name, func(t *testing.T) {
			c, ns := dial(t, nl.Options{RecvBuffer: buffer})
			dev := veth(t, c, ns)
			addRoutes(t, c, dev, 0, 1000)
			const n = 100_000
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			done := make(chan time.Time, 1)
			burst := func() {
				b := c.NewBatch()
				for i := range 1000 {
					b.Add(nl.Request{Type: rtmDelRoute, Body: route{dst: prefix(i)}})
				}
				for i := range n {
					b.Add(nl.Request{Type: rtmNewRoute, Flags: nl.FlagCreate, Body: route{dst: prefix(1000 + i), dev: dev}})
				}
				assert.NoError(t, b.Do(ctx))
				done <- time.Now()
			}
			m := mirror{rows: map[netip.Prefix]int{}}
			for e, err := range nl.Watch(ctx, c, routes(c)) {
				require.NoError(t, err)
				m.apply(e)
				if e.What == nl.SyncEnd && m.syncs == 1 {
					assert.Len(t, m.rows, 1000)
					go burst()
				}
				if _, ok := m.rows[prefix(1000+n-1)]; ok && len(m.rows) == n {
					break
				}
			}
			require.NoError(t, ctx.Err())
			lag := time.Since(<-done)
			t.Logf("equal %v after the end of the burst, %d times lost, %d syncs", lag, m.lost, m.syncs)
			if buffer > 0 {
				assert.NotZero(t, m.lost, "nothing was lost, so nothing was tested")
			}
		})
	}
}

func TestWatchStale(t *testing.T) {
	c, ns := dial(t, nl.Options{})
	dev := veth(t, c, ns)
	addRoutes(t, c, dev, 0, 3)
	src := routes(c)
	src.Groups = append(src.Groups, groupLink)
	event := src.Event
	src.Event = func(m nl.Message) (nl.What, *netip.Prefix, error) {
		if m.Type == rtmNewLink || m.Type == rtmDelLink {
			return nl.Stale, nil, nil
		}
		return event(m)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m := mirror{rows: map[netip.Prefix]int{}}
	for e, err := range nl.Watch(ctx, c, src) {
		require.NoError(t, err)
		m.apply(e)
		if e.What == nl.SyncEnd && m.syncs == 1 {
			require.Len(t, m.rows, 3)
			// The kernel drops the routes of a link that goes down and says nothing of them.
			require.NoError(t, c.Do(ctx, nl.Request{Type: rtmNewLink, Body: link{name: "v0", change: 1}}))
		}
		if e.What == nl.SyncEnd && len(m.rows) == 0 {
			break
		}
	}
	assert.NoError(t, ctx.Err())
	assert.Empty(t, m.rows)
}

func TestWatchErrors(t *testing.T) {
	c, _ := dial(t, nl.Options{})
	boom := errors.New("boom")
	src := routes(c)
	src.Event = func(nl.Message) (nl.What, *netip.Prefix, error) { return 0, nil, boom }
	src.Groups = []uint32{groupLink}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last error
	for e, err := range nl.Watch(ctx, c, src) {
		if last = err; e.What == nl.SyncEnd {
			require.NoError(t, c.Do(ctx, nl.Request{Type: rtmNewLink, Flags: nl.FlagCreate, Body: link{name: "v0", kind: "veth"}}))
		}
	}
	assert.ErrorIs(t, last, boom)

	src.Dump = func(context.Context) iter.Seq2[*netip.Prefix, error] {
		return func(yield func(*netip.Prefix, error) bool) { yield(nil, boom) }
	}
	for _, err := range nl.Watch(ctx, c, src) {
		last = err
	}
	assert.ErrorIs(t, last, boom)
	src.Groups = []uint32{100000}
	for _, err := range nl.Watch(ctx, c, src) {
		last = err
	}
	assert.ErrorContains(t, last, "multicast group 100000")
}

// A subscription goes on after an overrun.
func TestOverrun(t *testing.T) {
	c, ns := dial(t, nl.Options{RecvBuffer: 4096})
	dev := veth(t, c, ns)
	s, err := c.Subscribe(t.Context(), groupRoute)
	require.NoError(t, err)
	defer s.Close()
	addRoutes(t, c, dev, 0, 5000)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	overruns, after := 0, 0
	for _, err := range s.Receive(ctx) {
		if errors.Is(err, nl.ErrOverrun) {
			overruns++
			continue
		}
		require.NoError(t, err)
		if overruns > 0 {
			after++
			break
		}
	}
	assert.NotZero(t, after)
	assert.NoError(t, ctx.Err())
	assert.NotZero(t, overruns)
	// The same subscription may be received again, and by a context that ends at once.
	ended, end := context.WithCancel(ctx)
	end()
	for range s.Receive(ended) {
		t.Fatal("nothing should come")
	}
}

func TestReceiveEndsWithContext(t *testing.T) {
	c, _ := dial(t, nl.Options{})
	s, err := c.Subscribe(t.Context(), groupRoute)
	require.NoError(t, err)
	defer s.Close()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		for range s.Receive(ctx) {
			t.Error("nothing should come")
		}
		cancel()
	}
	require.NoError(t, c.Do(t.Context(), nl.Request{Type: rtmNewLink, Flags: nl.FlagCreate, Body: link{name: "v0", kind: "veth"}}))
}
