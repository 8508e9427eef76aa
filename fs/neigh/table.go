package neigh

import (
	"context"
	"iter"
	"strconv"

	"github.com/netfs-project/netfs/fs"
)

// A Kernel has neighbours. Its methods are safe for concurrent use.
type Kernel interface {
	// Neighs yields the entries of a link, of all links if dev is empty, proxies
	// after the others. Each is borrowed.
	Neighs(ctx context.Context, dev string) iter.Seq2[*Neigh, error]
	// Run carries out steps in order, whatever becomes of each, and returns an error for each.
	Run(ctx context.Context, steps []Step) []error
	// Watch yields changes until ctx ends, present entries first.
	Watch(ctx context.Context) iter.Seq2[fs.Event[Neigh], error]
}

// A Step is one thing that the kernel is to do.
type Step struct {
	Act   fs.Act // Add, Replace, Change, Del
	Neigh *Neigh
}

// Page returns the page of the neighbours of k.
func Page(k Kernel) fs.Page {
	t, s := Table(k), stats(k)
	return fs.Page{
		Root:  fs.Dir{"neigh": t, "neigh.stats": s},
		Kinds: []fs.Kind{t},
		Link: func(l fs.LinkID) fs.Dir {
			return fs.Dir{"neigh": t.With("dev", l.Name), "neigh.stats": s.With("dev", l.Name)}
		},
	}
}

// Table returns the table of the neighbours of k.
func Table(k Kernel) *fs.Table[Neigh] {
	p := &page{k: k}
	return &fs.Table[Neigh]{
		Kind:   "neigh",
		Also:   []string{"neighbor", "neighbour", "n"},
		Doc:    "neighbours: link-layer addresses of addresses",
		Keys:   keys,
		Norm:   norm,
		Sorted: true,
		Rows:   p.rows,
		Do:     p.do,
		Watch:  p.watch,
	}
}

type page struct{ k Kernel }

func stats(k Kernel) *fs.Table[Neigh] {
	p := &page{k: k}
	return &fs.Table[Neigh]{
		Kind: "neigh.stats",
		Doc:  "how long ago neighbours were used and heard of",
		Keys: statKeys,
		Info: true,
		Rows: func(ctx context.Context, q *fs.Query[Neigh]) iter.Seq2[*Neigh, error] {
			return p.neighs(ctx, q, func(n *Neigh) bool { return n.Flags&Proxy == 0 && shown(n) })
		},
		Sorted: true,
	}
}

func (p *page) rows(ctx context.Context, q *fs.Query[Neigh]) iter.Seq2[*Neigh, error] {
	keep := shown
	if q != nil && q.Has("nud") {
		keep = func(n *Neigh) bool { return n.State == q.Want.State && !n.vague }
	}
	return p.neighs(ctx, q, keep)
}

// neighs yields what q and keep let through.
func (p *page) neighs(ctx context.Context, q *fs.Query[Neigh], keep func(*Neigh) bool) iter.Seq2[*Neigh, error] {
	dev := ""
	if q != nil && q.Has("dev") {
		dev = q.Want.Dev
	}
	return func(yield func(*Neigh, error) bool) {
		for n, err := range p.k.Neighs(ctx, dev) {
			if err == nil && !keep(n) {
				continue
			}
			if n != nil {
				n.stated = !n.vague
			}
			if !yield(n, err) || err != nil {
				return
			}
		}
	}
}

// shown reports whether ip(8) lists the entry, too.
func shown(n *Neigh) bool {
	return n.vague || n.Flags&(Proxy|ExternLearn) != 0 || n.FlagsExt&Managed != 0 || n.State&^NoARP != 0
}

func (p *page) watch(ctx context.Context) iter.Seq2[fs.Event[Neigh], error] {
	return func(yield func(fs.Event[Neigh], error) bool) {
		for e, err := range p.k.Watch(ctx) {
			if e.Row != nil && e.What != fs.Deleted && !shown(e.Row) {
				continue
			}
			if e.Row != nil {
				e.Row.stated = !e.Row.vague
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// norm fills in what ip-neighbour(8) fills in.
func norm(n *Neigh) {
	if n.stated || n.Flags&Proxy != 0 {
		return
	}
	n.stated = true
	if n.FlagsExt&Managed == 0 && n.Flags&Use == 0 {
		n.State = Permanent
	}
}

func (p *page) do(ctx context.Context, ops []fs.Op[Neigh]) {
	var steps []Step
	var owner []int
	for i := range ops {
		o := &ops[i]
		if o.Err = check(&o.Row); o.Err != nil {
			continue
		}
		steps = append(steps, Step{act(o), &o.Row})
		owner = append(owner, i)
	}
	for i, err := range p.k.Run(ctx, steps) {
		ops[owner[i]].Err = err
	}
}

// act is what the kernel is to do: there is nothing to be appended to.
func act(o *fs.Op[Neigh]) fs.Act {
	if o.Act == fs.Append {
		return fs.Add
	}
	return o.Act
}

func check(n *Neigh) error {
	switch {
	case !n.Dst.IsValid():
		return &fs.KeyError{Key: "dst", Err: bad("missing")}
	case n.Dev == "":
		return &fs.KeyError{Key: "dev", Err: bad("missing: which link?")}
	case n.Flags&Proxy != 0 && n.LLAddr != "":
		return &fs.KeyError{Key: "lladdr", Err: bad("a proxy has none: this host answers with its own")}
	}
	return nil
}

// age is a time in seconds with two decimals.
func age(name, doc string, at func(*Neigh) *float64) fs.Key[Neigh] {
	return fs.Key[Neigh]{Name: name, Doc: doc, Type: fs.Number, RO: true,
		Get: func(b []byte, n *Neigh) []byte { return strconv.AppendFloat(b, *at(n), 'f', 2, 64) }}
}
