package rt

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
)

// A mirror is what a watcher believes of a table, by the text of its values.
type mirror struct {
	mu   sync.Mutex
	rows map[string]string
	sync int
	err  error
}

// watch keeps a mirror of a source until the test ends. key is a value's identity, text all of it.
func watch[T any](b *bed, src nl.Source[T], key, text func(*T) string) *mirror {
	m := &mirror{rows: map[string]string{}}
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan struct{})
	b.t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		for e, err := range nl.Watch(ctx, b.c, src) {
			m.mu.Lock()
			switch {
			case err != nil:
				m.err = err
			case e.What == nl.SyncBegin:
				m.rows = map[string]string{}
			case e.What == nl.SyncEnd:
				m.sync++
			case e.What == nl.Deleted:
				delete(m.rows, key(e.Value))
			case e.Value != nil:
				m.rows[key(e.Value)] = text(e.Value)
			}
			m.mu.Unlock()
		}
	}()
	require.Eventually(b.t, func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.sync > 0 || m.err != nil
	}, 5*time.Second, time.Millisecond)
	require.NoError(b.t, m.err)
	return m
}

// equals waits until the mirror is what a dump says.
func equals[T any](b *bed, m *mirror, dump func() iter.Seq2[*T, error], key, text func(*T) string, when string) {
	b.t.Helper()
	want, got := map[string]string{}, map[string]string{}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		clear(want)
		for v, err := range dump() {
			require.NoError(b.t, err)
			want[key(v)] = text(v)
		}
		m.mu.Lock()
		got = maps.Clone(m.rows)
		err := m.err
		m.mu.Unlock()
		require.NoError(b.t, err)
		if maps.Equal(want, got) {
			return
		}
	}
	assert.Equal(b.t, want, got, when)
}

func TestRouteMirror(t *testing.T) {
	b := newBed(t)
	b.net4()
	key := func(r *Route) string {
		s := fmt.Sprint(r.Hdr.Family, r.Table, r.Prefix(), r.Hdr.TOS, r.Priority, r.Hdr.Type)
		if r.Hdr.Family == AF_INET6 && len(r.Hops) == 0 {
			s += fmt.Sprint(r.OIF) // several links have fe80::/64
		}
		return s
	}
	text := func(r *Route) string {
		s := fmt.Sprint(r.Gateway, r.OIF, r.Hdr.Flags, r.Hdr.Protocol, r.Metrics.MTU, r.NHID)
		for _, h := range r.Hops {
			s += fmt.Sprint(" ", h.Gateway, h.Hdr)
		}
		return s
	}
	for _, family := range []uint8{AF_INET, AF_UNSPEC} {
		f := RouteFilter{Family: family}
		m := watch(b, RouteSource(b.c, f), key, text)
		dump := func() iter.Seq2[*Route, error] { return Routes(b.ctx, b.c, f) }
		same := func(when string) { equals(b, m, dump, key, text, when) }
		same("at first")
		dev := b.link("v0").Hdr.Index
		r := route("10.1.0.0/16")
		r.Gateway = netip.MustParseAddr("10.0.0.2")
		b.do(r.Add())
		same("added")
		r.Metrics.MTU = 1300
		b.do(r.Replace())
		same("replaced")
		p := route("10.2.0.0/16")
		p.OIF, p.PrefSrc = dev, netip.MustParseAddr("10.77.0.1")
		b.addr(dev, "10.77.0.1/32")
		b.do(p.Add())
		same("with a source")
		a := &Addr{}
		a.SetPrefix(netip.MustParsePrefix("10.77.0.1/32"))
		a.Hdr.Index = dev
		b.do(a.Del()) // takes 10.2.0.0/16 with it, unsaid
		same("its source went")
		nh := &Nexthop{ID: 7, Gateway: netip.MustParseAddr("10.0.0.3"), OIF: dev}
		b.do(nh.Add())
		n := route("10.3.0.0/16")
		n.NHID = 7
		b.do(n.Add())
		same("with a next hop object")
		b.do(nh.Del())
		same("its next hop went")
		for _, up := range []bool{false, true} {
			q := &Link{Name: "v0"}
			q.SetFlag(IFF_UP, up)
			b.do(q.Change()) // IPv4 routes go unsaid
			same(fmt.Sprint("link up ", up))
		}
		for i := range 200 {
			r := route(fmt.Sprintf("10.9.%d.0/24", i))
			r.Hdr.Type = RTN_BLACKHOLE
			b.do(r.Add())
		}
		same("many")
		for i := range 200 {
			b.do(route4(i).Del())
		}
		same("none of them")
	}
}

func route4(i int) *Route {
	r := route(fmt.Sprintf("10.9.%d.0/24", i))
	r.Hdr.Type = RTN_BLACKHOLE
	return r
}

func TestLinkMirror(t *testing.T) {
	b := newBed(t)
	key := func(l *Link) string { return fmt.Sprint(l.Hdr.Index) }
	text := func(l *Link) string {
		return fmt.Sprint(l.Name, l.MTU, l.Master, l.Up(), l.Info.Kind, l.Props.AltNames, l.Alias)
	}
	f := LinkFilter{}
	m := watch(b, LinkSource(b.c, f), key, text)
	same := func(when string) {
		equals(b, m, func() iter.Seq2[*Link, error] { return Links(b.ctx, b.c, f) }, key, text, when)
	}
	b.pair("v0", "v1")
	same("veth")
	br := b.make("br0", "bridge", nil)
	b.do((&Link{Name: "v0", Master: br.Hdr.Index}).Change())
	same("port")
	b.do((&Link{Name: "v0", Has: LinkMaster}).Change()) // a deletion of family AF_BRIDGE that is none
	same("no port")
	q := &Link{Name: "v0", Alias: "x", MTU: 1300}
	q.Props.AltNames = []string{"other"}
	b.do(q.Change())
	b.do(q.AddNames())
	same("changed")
	b.do((&Link{Name: "v1"}).Del())
	same("gone")
}

func TestOtherMirrors(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	akey := func(a *Addr) string { return fmt.Sprint(a.Hdr.Index, a.Prefix()) }
	atext := func(a *Addr) string { return fmt.Sprint(a.Label, a.Hdr.Scope, a.Broadcast) }
	am := watch(b, AddrSource(b.c, AddrFilter{}), akey, atext)
	nkey := func(n *Neigh) string { return fmt.Sprint(n.Hdr.Index, n.Dst) }
	ntext := func(n *Neigh) string { return n.LLAddr.String() }
	nf := NeighFilter{Index: dev}
	// The kernel tells nothing, or half, of those that need no resolution.
	neighs := func() iter.Seq2[*Neigh, error] {
		return func(yield func(*Neigh, error) bool) {
			for n, err := range Neighs(b.ctx, b.c, nf) {
				if (err != nil || n.Hdr.State != NUD_NOARP) && !yield(n, err) {
					return
				}
			}
		}
	}
	src := NeighSource(b.c, nf)
	src.Dump = func(context.Context) iter.Seq2[*Neigh, error] { return neighs() }
	event := src.Event
	src.Event = func(m nl.Message) (nl.What, *Neigh, error) {
		what, n, err := event(m)
		if err == nil && n != nil && n.Hdr.State == NUD_NOARP {
			return nl.Ignored, nil, nil
		}
		return what, n, err
	}
	nm := watch(b, src, nkey, ntext)
	rtext := func(r *Rule) string {
		return fmt.Sprint(r.Hdr, r.Priority, r.Src, r.Dst, r.IIF, r.Table, r.Mark)
	}
	rm := watch(b, RuleSource(b.c, RuleFilter{}), rtext, rtext)
	hkey := func(h *Nexthop) string { return fmt.Sprint(h.ID) }
	htext := func(h *Nexthop) string { return fmt.Sprint(h.Gateway, h.OIF, h.Group, h.Hdr.Flags) }
	hm := watch(b, NexthopSource(b.c, NexthopFilter{}), hkey, htext)
	same := func(when string) {
		b.t.Helper()
		equals(b, am, func() iter.Seq2[*Addr, error] { return Addrs(b.ctx, b.c, AddrFilter{}) }, akey, atext, when)
		equals(b, nm, neighs, nkey, ntext, when)
		equals(b, rm, func() iter.Seq2[*Rule, error] { return Rules(b.ctx, b.c, RuleFilter{}) }, rtext, rtext, when)
		equals(b, hm, func() iter.Seq2[*Nexthop, error] { return Nexthops(b.ctx, b.c, NexthopFilter{}) }, hkey, htext, when)
	}
	same("at first")
	b.addr(dev, "10.5.0.1/24")
	n := &Neigh{Dst: netip.MustParseAddr("10.0.0.9"), LLAddr: net.HardwareAddr{2, 0, 0, 0, 0, 1}}
	n.Hdr.Index, n.Hdr.State = dev, NUD_PERMANENT
	b.do(n.Add())
	u := &Rule{Priority: 100, Table: 1000, IIF: "later0"}
	u.Hdr.Action = FR_ACT_TO_TBL
	b.do(u.Add())
	b.do((&Nexthop{ID: 1, Gateway: netip.MustParseAddr("10.0.0.2"), OIF: dev}).Add())
	b.do((&Nexthop{ID: 2, Group: []NexthopGrp{{ID: 1}}}).Add())
	same("added")
	b.pair("later0", "later1") // the rule has its link
	same("a link came")
	b.do((&Link{Name: "later0"}).Del())
	same("and went")
	q := &Link{Name: "v0"}
	q.SetFlag(IFF_UP, false)
	b.do(q.Change()) // next hops go unsaid
	same("link down")
	b.do(u.Del())
	same("rule gone")
}
