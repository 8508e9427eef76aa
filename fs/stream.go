package fs

import (
	"cmp"
	"context"
	"errors"
	iofs "io/fs"
	"iter"
	"slices"
	"strconv"
)

// events is a stream file: what happens in some tables, a line for each event.
//
//	route add dst=10.9.0.0/16 via=192.0.2.1 dev=eth0   # seq=1043 t=1732365639.123456
//
// A line is a statement that batch takes. Path words narrow it: .kind=, which
// may stand several times, and row filters, which leave out kinds that have no
// such key. .snapshot begins with the state, .since=N with what followed event
// N, .once ends after what was there to be delivered.
type events struct {
	kinds   []kind
	filters []wordFilter // which all of kinds take
	listenOptions
}

type listenOptions struct {
	json     bool
	once     bool
	snapshot bool
	resumes  bool // .since was given:
	since    uint64
}

// newEvents returns the stream of all kinds that have events; in one order, if
// they were not read before.
func newEvents(kinds []kind) *events {
	e := &events{}
	h := new(hub)
	for _, k := range kinds {
		if k.eventFeed() == nil {
			continue
		}
		h = k.eventFeed().join(h)
		e.kinds = append(e.kinds, k)
	}
	return e
}

func (e *events) Mode() iofs.FileMode { return 0o444 }

func (e *events) words(w nameWords) (Node, error) {
	if len(w.cols) > 0 {
		return nil, badName("an event has no columns: " + w.cols[0])
	}
	if err := w.onlyDots("kind", "once", "since", "snapshot"); err != nil {
		return nil, err
	}
	n := *e
	n.json = w.json
	_, n.once = w.dot("once")
	_, n.snapshot = w.dot("snapshot")
	if s, ok := w.dot("since"); ok {
		seq, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return nil, badName(".since=" + s + ": not a number")
		}
		n.resumes, n.since = true, seq
	}
	if n.resumes && n.snapshot {
		return nil, badName(".since and .snapshot: one of them")
	}
	if err := n.pick(w.dots); err != nil {
		return nil, err
	}
	return &n, n.filter(w.filters)
}

// pick keeps the kinds that .kind= names.
func (e *events) pick(dots []Pair) error {
	var picked []kind
	asked := false
	for _, d := range dots {
		if d.Key != "kind" {
			continue
		}
		asked = true
		k := findKind(e.kinds, d.Value)
		if k == nil {
			return badName(".kind=" + d.Value + ": no such kind (known: " + kindWords(e.kinds) + ")")
		}
		if !slices.Contains(picked, k) {
			picked = append(picked, k)
		}
	}
	if asked {
		e.kinds = picked
	}
	return nil
}

// filter leaves the kinds that take the row filters.
func (e *events) filter(filters []wordFilter) error {
	kinds := e.kinds
	e.kinds, e.filters = nil, filters
	var failed error
	for _, k := range kinds {
		if _, err := k.rowFilter(filters); err != nil {
			failed = cmp.Or(failed, err)
			continue
		}
		e.kinds = append(e.kinds, k)
	}
	if len(e.kinds) == 0 {
		return failed
	}
	return nil
}

// Open subscribes, and returns when nothing that happens from now on can be
// missed. Of several kinds, one that cannot be had is a line of the stream.
func (e *events) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	l := newListener(e.listenOptions)
	var err error
	for _, k := range e.kinds {
		err = cmp.Or(err, l.add(k, e.filters))
	}
	if err == nil {
		err = l.join(ctx)
	}
	if err != nil {
		l.Close(ctx)
		return nil, err
	}
	l.begin()
	return l, nil
}

// tableEvents is a table as its feed and the root's files see it.
type tableEvents[T any] struct{ t *Table[T] }

func (s tableEvents[T]) kind() string { return s.t.Kind }

func (s tableEvents[T]) multi() bool { return s.t.Multi }

func (s tableEvents[T]) watch(ctx context.Context, happen func(e happening) bool) error {
	for ev, err := range s.t.Watch(ctx) {
		if err != nil {
			return err
		}
		h := happening{what: ev.What, verb: ev.Verb, lost: ev.Lost}
		if ev.Row != nil {
			h.row = ev.Row
		} else if ev.What < SyncBegin {
			return errors.New(s.t.Kind + ": event without a record")
		}
		if !happen(h) {
			return nil
		}
	}
	return nil
}

func (s tableEvents[T]) rows(ctx context.Context, yield func(row any) bool) error {
	for v, err := range s.all(ctx) {
		if err != nil {
			return err
		}
		if !yield(v) {
			return nil
		}
	}
	return nil
}

func (s tableEvents[T]) all(ctx context.Context) iter.Seq2[*T, error] {
	if s.t.Rows == nil {
		return func(func(*T, error) bool) {}
	}
	return s.t.Rows(ctx, &Query[T]{keys: s.t.Keys})
}

func (s tableEvents[T]) appendText(b []byte, row any) []byte {
	return s.t.Keys.appendText(b, row.(*T), allKeys)
}

func (s tableEvents[T]) appendStored(b []byte, row any) []byte {
	return s.t.Keys.appendText(b, row.(*T), settable)
}

func (s tableEvents[T]) appendID(b []byte, row any) []byte {
	p := identity
	if s.t.Unkeyed {
		p = settable
	}
	b = s.t.Keys.appendText(b, row.(*T), p)
	if s.t.Ident != nil {
		b = s.t.Ident(append(b, ' '), row.(*T))
	}
	return b
}

func (s tableEvents[T]) appendJSON(b []byte, row any) []byte {
	return s.t.Keys.appendJSON(b, row.(*T))
}

// parse reads back what appendText or appendStored wrote.
func (s tableEvents[T]) parse(text []byte) any {
	items, err := s.t.Keys.sch.parse(string(text))
	if err != nil {
		return nil
	}
	v := new(T)
	if err := s.t.Keys.apply(v, items, nil); err != nil {
		return nil
	}
	return v
}

// events returns the stream of the table, narrowed as the table is.
func (t *Table[T]) events() Node {
	return newEvents([]kind{t})
}

func (t *Table[T]) root() *Table[T] {
	if t.base != nil {
		return t.base
	}
	return t
}

// eventFeed is the slot of the one feed that the table and its narrowed copies share;
// nil if there are no events.
func (t *Table[T]) eventFeed() *feedSlot {
	if t.Watch == nil {
		return nil
	}
	return &t.root().table.feed
}

func (t *Table[T]) hasVerb(name string) bool {
	return slices.ContainsFunc(t.Verbs, func(v Verb[T]) bool { return v.Name == name })
}

func (t *Table[T]) secretive() bool { return t.Keys.hasSecret() }

func (t *Table[T]) source() source { return tableEvents[T]{t.root()} }

// rowFilter compiles filters, and the table's own, for rows without their type;
// nil takes all. What it returns is not for concurrent use.
func (t *Table[T]) rowFilter(filters []wordFilter) (func(row any) bool, error) {
	if len(filters) == 0 && t.base == nil {
		return nil, nil
	}
	m, err := t.matcher(filters)
	if err != nil || m == nil {
		return nil, err
	}
	return func(row any) bool { return m(row.(*T)) }, nil
}
