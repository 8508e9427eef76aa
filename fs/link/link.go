package link

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/netfs-project/netfs/fs"
)

// A Link is a network interface. Slices are not changed in place, so that
// copies of a Link may share them.
type Link struct {
	Index int
	Name  string
	Type  string // kind: "veth"; empty for hardware

	Up        bool
	MTU       uint32
	LLAddr    string // as printed: "52:54:00:12:34:56"; an IP address for tunnels
	Broadcast string
	PermAddr  string
	Master    string
	Link      string // the link below, or the other end of a veth
	LinkNetns string // id of the namespace that Link is in, empty for this one
	Group     uint32
	TxQLen    uint32
	Alias     string
	AltNames  []string
	Netns     string // where to move to; never filled by the kernel

	Promisc, AllMulti, ARP, Multicast, Dynamic bool

	LinkMode    uint8
	ProtoDown   bool
	AddrGenMode string

	GSOMaxSize, GSOMaxSegs, GROMaxSize uint32
	GSO4MaxSize, GRO4MaxSize           uint32
	NumTxQueues, NumRxQueues           uint32

	// state
	Flags          []string
	OperState      string
	Carrier        bool
	CarrierChanges uint32
	LinkType       string // "ether", "loopback"
	Qdisc          string
	MinMTU, MaxMTU uint32
	Promiscuity    uint32
	AllMultiCount  uint32
	TSOMaxSize     uint32
	TSOMaxSegs     uint32
	ParentBus      string
	ParentDev      string

	Data Data     // the keys of its type
	Port []Port   // what its master knows of it: none or one
	Peer []Peer   // on input: how to make the other end
	Opt  []fs.Opt // attributes of its type that have no word

	hasCarrier bool // Carrier is known, where a kernel need not tell

	port bool // the line said "type X_slave": keys go to Port
}

// A Peer is the other end of a pair that is being made.
type Peer struct {
	Name, LLAddr, Netns string
	Index               uint32
	MTU                 uint32
	TxQLen              uint32
}

// A Pair is one key of a Data and its value as it prints.
type Pair struct{ Key, Value string }

// Data holds keys that not every link has. It is not changed in place.
type Data []Pair

// Get returns the value of a key, empty if there is none.
func (d Data) Get(key string) string {
	for _, p := range d {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// Has reports whether there is such a key.
func (d Data) Has(key string) bool {
	for _, p := range d {
		if p.Key == key {
			return true
		}
	}
	return false
}

// With returns d with one key set.
func (d Data) With(key, value string) Data {
	n := make(Data, 0, len(d)+1)
	for _, p := range d {
		if p.Key != key {
			n = append(n, p)
		}
	}
	return append(n, Pair{key, value})
}

// A Kernel has links. Its methods are safe for concurrent use; errors that
// concern a word are *fs.KeyError.
type Kernel interface {
	// Links yields the links, what others stand on before those: masters before
	// their ports, lower links before upper ones. Each is borrowed.
	Links(ctx context.Context) iter.Seq2[*Link, error]
	// Link finds one by its name or another name of it.
	Link(ctx context.Context, name string) (*Link, error)
	// Add makes a link; given tells which keys the line had.
	Add(ctx context.Context, l *Link, given func(key string) bool) error
	// Set changes old into l where changed says so.
	Set(ctx context.Context, old, l *Link, changed func(key string) bool) error
	Del(ctx context.Context, l *Link) error
	// Stats reads the counters of the link with this index.
	Stats(ctx context.Context, index int) (*Stats, error)
	// Watch yields changes until ctx ends, present links first.
	Watch(ctx context.Context) iter.Seq2[fs.Event[Link], error]
	// Netns is the name of the namespace that the links are in: "/" or "blue".
	Netns() string
}

// Page returns the page of the links of k. Extra, if set, tells what other
// pages have inside the directory of one link.
func Page(k Kernel, extra func(fs.LinkID) fs.Dir) fs.Page {
	p := &page{k: k, extra: extra, keys: keys, counters: statKeys}
	return p.page()
}

func (p *page) page() fs.Page {
	table := p.table()
	return fs.Page{
		Root:  fs.Dir{"links": p.collection(table)},
		Kinds: []fs.Kind{table},
	}
}

type page struct {
	k     Kernel
	extra func(fs.LinkID) fs.Dir

	keys     *fs.Keys[Link]
	counters *fs.Keys[Stats]
	plain    bool // links have no further names and namespaces, and a type may follow from the name
}

func (p *page) table() *fs.Table[Link] {
	return &fs.Table[Link]{
		Kind:    "link",
		Also:    []string{"l"},
		Doc:     "network interfaces",
		Keys:    p.keys,
		Ordered: true,
		Rows: func(ctx context.Context, q *fs.Query[Link]) iter.Seq2[*Link, error] {
			if q != nil && q.Has("name") {
				return p.one(ctx, q.Want.Name)
			}
			return p.k.Links(ctx)
		},
		Do:    fs.One(p.do),
		Watch: p.k.Watch,
		Norm:  norm,
		Verbs: []fs.Verb[Link]{
			{Name: "up", Usage: "[NAME]", Doc: "set the link up", Do: p.state(true)},
			{Name: "down", Usage: "[NAME]", Doc: "set the link down", Do: p.state(false)},
			{Name: "bounce", Usage: "[NAME] [KEY=VALUE...]", Doc: "set the link down, change what is given, set it up again", Do: p.bounce},
			{Name: "rename", Usage: "[NAME] NEW [bounce]", Doc: "give the link another name; bounce: take it down for that", Do: p.rename},
		},
	}
}

// one yields the link with this name, or nothing.
func (p *page) one(ctx context.Context, name string) iter.Seq2[*Link, error] {
	return func(yield func(*Link, error) bool) {
		l, err := p.k.Link(ctx, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			yield(nil, err)
		case l.Name == name:
			yield(l, nil)
		}
	}
}

func (p *page) collection(t *fs.Table[Link]) *fs.Collection[Link] {
	return &fs.Collection[Link]{
		Table:  t,
		Doc:    "network interfaces, one directory each; mkdir links/NAME,type=TYPE,... makes one, rmdir removes it, mv renames it",
		Find:   p.k.Link,
		Ident:  func(l *Link) uint64 { return uint64(l.Index) },
		Member: p.member,
	}
}

// member is what is in the directory of a link beside its keys.
func (p *page) member(l *Link) fs.Dir {
	d := fs.Dir{"stats": p.stats(l.Index)}
	if !p.plain {
		d["altnames"], d["netns"] = p.altnames(l.Name), p.netns(l.Name)
	}
	if len(l.Port) > 0 {
		d["port"] = p.port(l.Name)
	}
	if p.extra == nil {
		return d
	}
	for name, node := range p.extra(fs.LinkID{Index: l.Index, Name: l.Name, Type: l.Type}) {
		d[name] = node
	}
	return d
}

// netns is the value file of the namespace: a write moves the link.
func (p *page) netns(name string) *fs.Value {
	return &fs.Value{
		Doc: "network namespace: a name, / for the server's own; a write moves the link there (NAME, a path, pid:N, id:N, /)",
		Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, p.k.Netns()...), nil },
		Set: func(ctx context.Context, word string) error {
			if word == p.k.Netns() {
				return nil
			}
			old, err := p.k.Link(ctx, name)
			if err != nil {
				return err
			}
			l := *old
			l.Netns = word
			return p.k.Set(ctx, old, &l, only("netns"))
		},
	}
}

// do carries out one change.
func (p *page) do(ctx context.Context, o *fs.Op[Link]) error {
	l := &o.Row
	if err := check(l, o.Has); err != nil {
		return err
	}
	switch {
	case o.Act == fs.Del:
		return p.del(ctx, l)
	case o.Act == fs.Change || o.Act == fs.Replace && o.Old != nil:
		old, err := p.old(ctx, o)
		if err != nil {
			return err
		}
		return p.k.Set(ctx, old, l, o.Has)
	case o.Act == fs.Replace:
		// The other end of a pair comes with the first one.
		if old, err := p.k.Link(ctx, l.Name); err == nil {
			return p.k.Set(ctx, old, l, func(key string) bool { return o.Has(key) && !same(key, old, l) })
		}
	}
	if l.Type == "" && !p.plain {
		return &fs.KeyError{Key: "type", Err: bad("missing: a link is made from a name and a type")}
	}
	if l.Type == "vxlan" && l.Data.Get("external") == "1" && !o.Has("learning") {
		l.Data = l.Data.With("learning", "0") // there is nothing to learn from, and ip-link(8) says so too
	}
	return p.k.Add(ctx, l, o.Has)
}

// old returns the link that o is about as it is now.
func (p *page) old(ctx context.Context, o *fs.Op[Link]) (*Link, error) {
	if o.Old != nil {
		return o.Old, nil
	}
	return p.k.Link(ctx, o.Row.Name)
}

func (p *page) del(ctx context.Context, l *Link) error {
	old, err := p.k.Link(ctx, l.Name)
	if err != nil {
		return err
	}
	return p.k.Del(ctx, old)
}

// state is the verb that sets a link up or down.
func (p *page) state(up bool) func(context.Context, *fs.Op[Link]) error {
	return func(ctx context.Context, o *fs.Op[Link]) error {
		old, err := p.k.Link(ctx, o.Row.Name)
		if err != nil || old.Up == up {
			return err
		}
		return p.set(ctx, old, up)
	}
}

// set sets a link up or down.
func (p *page) set(ctx context.Context, old *Link, up bool) error {
	l := *old
	l.Up = up
	return p.k.Set(ctx, old, &l, only("state"))
}

// bounce changes what the kernel refuses to change while the link is up.
func (p *page) bounce(ctx context.Context, o *fs.Op[Link]) error {
	if err := check(&o.Row, o.Has); err != nil {
		return err
	}
	old, err := p.k.Link(ctx, o.Row.Name)
	if err != nil {
		return err
	}
	up := old.Up
	if o.Has("state") {
		up = o.Row.Up
	}
	changed := func(key string) bool { return key != "name" && key != "state" && o.Has(key) }
	return p.down(ctx, old, up, func(down *Link) error { return p.k.Set(ctx, down, &o.Row, changed) })
}

// down takes a link down, makes a change, and sets it up again, whatever came of
// the change.
func (p *page) down(ctx context.Context, old *Link, up bool, change func(down *Link) error) error {
	if old.Up {
		if err := p.set(ctx, old, false); err != nil {
			return err
		}
	}
	down := *old
	down.Up = false
	err := change(&down)
	if !up {
		return err
	}
	switch e := p.set(ctx, &down, true); {
	case e == nil:
		return err
	case err == nil:
		return e
	default:
		return fmt.Errorf("%w; and it stays down: %v", err, e)
	}
}

// only is a set of one key.
func only(key string) func(string) bool {
	return func(k string) bool { return k == key }
}

// rename gives a link another name.
func (p *page) rename(ctx context.Context, o *fs.Op[Link]) error {
	if len(o.Args) == 0 || len(o.Args) > 2 || len(o.Args) == 2 && o.Args[1] != "bounce" {
		return bad("rename takes a new name, and perhaps the word bounce")
	}
	if err := checkName(o.Args[0]); err != nil {
		return &fs.KeyError{Key: "name", Word: o.Args[0], Err: err}
	}
	old, err := p.k.Link(ctx, o.Row.Name)
	if err != nil {
		return err
	}
	change := func(old *Link) error {
		l := *old
		l.Name = o.Args[0]
		return p.k.Set(ctx, old, &l, only("name"))
	}
	if len(o.Args) == 2 && old.Up {
		return p.down(ctx, old, true, change)
	}
	return change(old)
}

// norm makes the record of a line what the kernel will show.
func norm(l *Link) {
	for _, p := range l.Data {
		k := FindKind(l.Type, p.Key)
		if k == nil {
			continue
		}
		if w, err := k.canonical(p.Value); err == nil && w != p.Value {
			l.Data = l.Data.With(p.Key, w)
		}
	}
	if len(l.Port) > 0 {
		p := l.Port[0]
		_ = p.canonical() // said by check
		l.Port = []Port{p}
	}
}

// check refuses keys that links of this type do not have, and values that those
// keys do not take.
func check(l *Link, given func(string) bool) error {
	for _, p := range l.Data {
		if !given(p.Key) {
			continue
		}
		k := FindKind(l.Type, p.Key)
		if k == nil {
			return &fs.KeyError{Key: p.Key, Word: p.Value, Err: bad("no key of type " + quoteType(l.Type) + hasKeys(Kinds[l.Type]))}
		}
		if _, err := k.canonical(p.Value); err != nil {
			return &fs.KeyError{Key: p.Key, Word: p.Value, Err: err}
		}
	}
	if len(l.Port) > 1 {
		return &fs.KeyError{Key: "port", Err: bad("a link is a port once")}
	}
	for i := range l.Port {
		if err := l.Port[i].canonical(); err != nil {
			return err
		}
	}
	return nil
}

func quoteType(t string) string {
	if t == "" {
		return "(none)"
	}
	if q := strconv.QuoteToGraphic(t); len(q) > len(t)+2 {
		return q // it is no word of a kernel
	}
	return t
}
