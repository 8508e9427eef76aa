// Package route serves the routing tables: routes, rt/TABLE and lookup at the
// root, and routes inside each link's directory.
//
//	cat routes                                        every route but those of table local
//	cat routes,dev=eth0,proto=static                  the kernel filters
//	echo add 10.9.0.0/16 via 192.0.2.1 mtu 1400 > routes
//	echo 10.8.0.0/16 nexthop via 192.0.2.1 nexthop via 192.0.2.2 weight 3 > routes
//	cat rt/local                                      one table; table= is implied
//	cat lookup,to=8.8.8.8                             what the kernel would take
//
// A route is known by dst, table, metric and tos, as in the kernel. The words
// are those of ip-route(8), with two differences: metrics that the kernel may
// not change are listed in lock= (mtu=1400 lock=mtu), and the words of an
// encapsulation begin with "encap." (encap=mpls encap.label=100/200).
package route

import (
	"context"
	"iter"
	"net/netip"
	"slices"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/encap"
	"github.com/netfs-project/netfs/fs/names"
)

// A Route is one route.
type Route struct {
	Dst     netip.Prefix
	From    netip.Prefix // IPv6: only for packets from these sources
	Type    Type
	Via     netip.Addr // may be of the other family
	Dev     string
	Table   uint32
	Metric  uint32
	Proto   uint8
	Scope   uint8
	Tos     uint8
	Pref    Pref
	Src     netip.Addr
	Realm   uint32 // from in the upper half, to in the lower
	NHID    uint32 // nexthop object, 0: none
	Expires uint32 // seconds left, 0: for good
	Flags   Flags
	TTLProp TTLProp
	Metrics Metrics
	Encap   encap.Encap
	Hops    []Hop // more than one way
	Opts    []fs.Opt

	// Answers of lookup only.
	Iif   string
	UID   uint32
	Mark  uint32
	Asked Asked

	said  [says]uint8 // how often a line named a key where silence is not zero
	inet6 bool        // a line said family=inet6
	plain bool        // of a kernel that gives IPv6 routes no metric by itself
}

// A Hop is one way of a multipath route.
type Hop struct {
	Via    netip.Addr
	Dev    string
	Weight uint16 // 1 to 256; 0 is 1
	Realm  uint32
	Flags  Flags
	Encap  encap.Encap
}

// say counts what lines said.
type say uint8

const (
	sayMetric say = iota
	sayScope
	sayProto
	sayVia
	sayDev
	says
)

// Asked tells which fields of a lookup's answer mean something.
type Asked uint8

const (
	AskedUID Asked = 1 << iota
	AskedMark
)

// Well-known numbers (linux/rtnetlink.h).
const (
	TableMain  = 254
	TableLocal = 255

	protoBoot = 3

	scopeGlobal = 0
	scopeLink   = 253
	scopeHost   = 254

	// What the kernel gives to an IPv6 route that names no metric.
	metric6 = 1024
)

// A Kernel has routes.
type Kernel interface {
	// Routes yields routes of both families and of all tables, each borrowed
	// until the next step. It may use q (dev, table, proto, type, scope,
	// family) to yield fewer.
	Routes(ctx context.Context, q *fs.Query[Route]) iter.Seq2[*Route, error]
	// Change carries out ops, which do not depend on each other.
	Change(ctx context.Context, ops []fs.Op[Route])
	// Watch yields the changes of all tables. Nil from a kernel without events.
	Watch(ctx context.Context) iter.Seq2[fs.Event[Route], error]
	// Lookup returns the route that a packet would take.
	Lookup(ctx context.Context, q *Question) (*Route, error)
}

// A normer is a Kernel that fills in other things than Linux when a key is not given.
type normer interface{ norm(*Route) }

// A tabler is a Kernel whose routing tables have other names, and who takes one in the
// questions of lookup. Of some keys it says other things than Linux.
type tabler interface {
	tables() tableNames
	docs() map[string]string // by the name of the key
}

// tableNames gives numbers of routing tables their words.
type tableNames interface {
	fs.Namer
	Refresh()
}

// Page returns the files of k's routing tables.
func Page(k Kernel) fs.Page {
	p := &page{k: k, w: loadWords()}
	if t, ok := k.(tabler); ok {
		p.w.tables, p.w.docs, p.w.asked = t.tables(), t.docs(), true
	}
	p.keys = p.w.keys()
	routes := p.table("route", "every route but those of table local", notLocal)
	all := p.table("route", "one routing table", nil)
	return fs.Page{
		Root: fs.Dir{
			"routes": routes,
			"rt":     p.tables(all),
			"lookup": p.lookup(),
		},
		Link: func(l fs.LinkID) fs.Dir {
			return fs.Dir{"routes": routes.With("dev", l.Name)}
		},
		Kinds: []fs.Kind{routes},
	}
}

type page struct {
	k    Kernel
	w    *words
	keys *fs.Keys[Route]
}

// words are the name tables of one page.
type words struct {
	protos, scopes, realms, dsfields *names.Table

	tables tableNames
	docs   map[string]string
	asked  bool // a question of lookup may name a table
}

func loadWords() *words {
	return &words{
		protos: names.Protos(), scopes: names.Scopes(), tables: names.Tables(),
		realms: names.Realms(), dsfields: names.Dsfields(),
	}
}

func (w *words) refresh() {
	for _, t := range []*names.Table{w.protos, w.scopes, w.realms, w.dsfields} {
		t.Refresh()
	}
	w.tables.Refresh()
}

func notLocal(r *Route) bool { return r.Table != TableLocal }

// table makes a file of the routes that keep wants.
func (p *page) table(kind, doc string, keep func(*Route) bool) *fs.Table[Route] {
	t := &fs.Table[Route]{
		Kind:  kind,
		Also:  []string{"r", "ro", "routes"},
		Doc:   doc,
		Keys:  p.keys,
		Ident: ident,
		Multi: true,
		Norm:  norm,
	}
	if n, ok := p.k.(normer); ok {
		t.Norm = n.norm
	}
	t.Rows = func(ctx context.Context, q *fs.Query[Route]) iter.Seq2[*Route, error] {
		p.w.refresh()
		rows := p.k.Routes(ctx, q)
		if keep == nil || q.Has("table") {
			return rows
		}
		return func(yield func(*Route, error) bool) {
			for r, err := range rows {
				if err == nil && !keep(r) {
					continue
				}
				if !yield(r, err) {
					return
				}
			}
		}
	}
	t.Do = func(ctx context.Context, ops []fs.Op[Route]) {
		for i := range ops {
			settle(&ops[i])
		}
		p.k.Change(ctx, ops)
	}
	t.Watch = func(ctx context.Context) iter.Seq2[fs.Event[Route], error] {
		p.w.refresh()
		events := p.k.Watch(ctx)
		if keep == nil {
			return events
		}
		return func(yield func(fs.Event[Route], error) bool) {
			for e, err := range events {
				if err == nil && e.Row != nil && !keep(e.Row) {
					continue
				}
				if !yield(e, err) {
					return
				}
			}
		}
	}
	return t
}

// tables is the directory rt: a file for each table that has routes. A table
// without routes walks too, so that its first route can be written.
func (p *page) tables(all *fs.Table[Route]) *fs.Each {
	return &fs.Each{
		Doc: "one file for each routing table that has routes; table= is implied in it",
		Names: func(ctx context.Context) ([]string, error) {
			p.w.refresh()
			return p.tableNames(ctx)
		},
		Find: func(ctx context.Context, name string) (fs.Node, error) {
			p.w.refresh()
			n, err := p.w.tables.Parse(name)
			if err != nil || n == 0 {
				return nil, fs.ErrNotExist
			}
			return all.With("table", string(p.w.tables.Append(nil, n))), nil
		},
	}
}

func (p *page) tableNames(ctx context.Context) ([]string, error) {
	seen := make(map[uint32]bool)
	var last uint32
	for r, err := range p.k.Routes(ctx, new(fs.Query[Route])) {
		if err != nil && !isTorn(err) {
			return nil, err
		}
		if err == nil && r.Table != last {
			last = r.Table
			seen[last] = true
		}
	}
	var all []string
	for n := range seen {
		all = append(all, string(p.w.tables.Append(nil, n)))
	}
	slices.Sort(all)
	return all, nil
}
