package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"iter"
	"math"
	"slices"
	"sync/atomic"
)

// A Table is a file of records, one per line: routes, rules, a ctl, a status.
// Its modes follow from the functions that are present.
type Table[T any] struct {
	Kind string   // the record's word in batch and events: "route"
	Also []string // other spellings of the word: "r", "ro"
	Doc  string
	Keys *Keys[T]

	// Rows yields the records, each borrowed until the next step. It may use q
	// to let the kernel filter; whatever it yields beyond q is filtered here. An
	// error ends the sequence; one that is ErrTorn makes fs begin again.
	Rows func(ctx context.Context, q *Query[T]) iter.Seq2[*T, error]

	// Do carries out changes and sets the Err of each that failed. Ordered
	// tables get one change per call; others all that one write brought, which
	// are independent and may be sent to the kernel together. Nil: read-only.
	Do func(ctx context.Context, ops []Op[T])

	// Verbs are words beyond add, del, replace, change, append, flush and
	// destroy, which every writable table has: up, down, rename.
	Verbs []Verb[T]

	// Ident appends what tells v's identity beside its ID keys. Nil: nothing.
	Ident func(b []byte, v *T) []byte

	// Norm fills in what the kernel fills in when a key is not given, so that a
	// record read from text equals the one that the kernel will show. Nil: nothing.
	Norm func(v *T)

	// Watch yields the changes of the table as they happen until ctx ends,
	// beginning with its present records between SyncBegin and SyncEnd. It may
	// read itself again so at any time: readers see only the differences. Nil:
	// no events.
	Watch func(ctx context.Context) iter.Seq2[Event[T], error]

	// Ordered makes the lines depend on each other: they run one by one and the
	// first that fails ends the write (ctl, links). Otherwise each is tried.
	Ordered bool

	// Unkeyed tables have no key by which a record is replaced: every
	// settable key is its identity (rules).
	Unkeyed bool

	// Multi tables may hold several records of one identity (append makes
	// another). Of the lines that one open file brings without a verb, each then
	// stands for a record of its own, so that a saved table is restored whole.
	Multi bool

	// Sorted tables print in the order of their identities: the kernel's order
	// depends on how they came to be (hash tables).
	Sorted bool

	// Info is a status or stats file: 0444, true length.
	Info bool
	// Secret files have mode 0600.
	Secret bool

	table[T] // how it was narrowed, the feed of its events
}

// A Query narrows a dump: the keys in Set must equal those of Want.
type Query[T any] struct {
	Want T
	Set  KeySet
	keys *Keys[T]

	conds []cond
	text  []byte
}

// Has reports whether the reader asked for one value of the named key, which
// then stands in Want.
func (q *Query[T]) Has(name string) bool {
	if q.keys == nil { // the zero Query asks for all
		return false
	}
	i, ok := q.keys.index(name)
	return ok && q.Set.Has(i)
}

// What an Op does.
type Act uint8

const (
	Add     Act = iota + 1 // make; ErrExist if it is there
	Replace                // make, or change the one with this identity to exactly Row
	Change                 // change the keys in Set of an existing record; ErrNotExist if there is none
	Append                 // make another beside those of the same identity
	Del                    // remove the one that matches; ErrNotExist if there is none
)

// An Op is one change of a table, made from one line. Row holds the whole
// record wanted: for Replace and Change of a known record the old values
// overlaid with the line's.
type Op[T any] struct {
	Act Act
	Row T
	Old *T     // the record before, when fs has read it; nil when not known
	Set KeySet // keys that the line gave (Add, Del) or that differ from Old
	Err error  // set by Do; a *KeyError names the word

	// Args are the bare words of a verb's line that are no key's value.
	Args []string

	keys  *Keys[T]
	line  int
	quiet bool // absence is no failure: destroy, flush
}

// Has reports whether the op's line gave the named key (and, for Replace and
// Change, whether that differs from what is there).
func (o *Op[T]) Has(name string) bool {
	if o.keys == nil {
		return false
	}
	i, ok := o.keys.index(name)
	return ok && o.Set.Has(i)
}

// A Verb is a word of one table. Row holds the keys of the line and Set which
// they are; bare words beyond the primary key are in Args.
type Verb[T any] struct {
	Name  string
	Doc   string
	Usage string // the words after it: "NAME", "dev DEV [scope SCOPE]"
	Do    func(ctx context.Context, o *Op[T]) error
}

// One makes a Do of a function that carries out one change.
func One[T any](do func(ctx context.Context, o *Op[T]) error) func(context.Context, []Op[T]) {
	return func(ctx context.Context, ops []Op[T]) {
		for i := range ops {
			ops[i].Err = do(ctx, &ops[i])
		}
	}
}

// What an Event tells.
type Happening uint8

const (
	Added     Happening = iota + 1 // a record that was not there
	Replaced                       // a record made or changed; the kernel does not say which
	Appended                       // another beside those of the same identity
	Deleted                        // Row holds at least the identity
	SyncBegin                      // records up to SyncEnd are the whole table as it is now
	SyncEnd                        // what was known before and did not come since SyncBegin is gone
	Lost                           // the kernel dropped events; SyncBegin follows
	Notice                         // something happened that no table holds: Verb says what
)

// An Event is one change of a table. Row is borrowed until the next step.
type Event[T any] struct {
	What Happening
	Row  *T
	Verb string // for Notice: "bound", "destroy"
	Lost int    // for Lost: how many, 0 if the kernel does not say
}

// With returns the table narrowed to records whose key has this value, which
// is then implied in every line written: routes with dev=eth0. The key does
// not print. It panics if there is no such key.
func (t *Table[T]) With(key, word string) *Table[T] {
	idx, ok := t.Keys.index(key)
	if !ok {
		panic("fs: table " + t.Kind + " has no key " + key)
	}
	n := t.narrowed()
	text, err := t.Keys.canon(idx, word)
	if err != nil && n.err == nil {
		n.err = err
	}
	n.implied = append(n.implied, implied{idx: idx, word: word, text: text, hidden: true})
	n.conds = append(n.conds, cond{idx: idx, yes: []string{text}})
	return n
}

// Events returns the stream of the table's events.
func (t *Table[T]) Events() Node { return t.events() }

// table is the part of a Table that With and path words make.
type table[T any] struct {
	base *Table[T] // that which was narrowed; nil: this is it
	feed feedSlot  // in the base only

	writes atomic.Uint64 // changes that were sent; in the base only

	implied  []implied // values that every line has
	conds    []cond    // what every record fulfils
	cols     []int     // columns instead of lines; nil: lines
	json     bool
	filtered bool  // by words of a path
	settable bool  // prints what a restore needs: a ctl
	err      error // a value was no value; opening fails
}

// An implied value stands in every line written without being said.
type implied struct {
	idx    int
	word   string
	text   string // as it prints
	hidden bool   // does not print
}

// narrowed returns a copy to be narrowed.
func (t *Table[T]) narrowed() *Table[T] {
	n := &Table[T]{
		Kind: t.Kind, Also: t.Also, Doc: t.Doc, Keys: t.Keys, Rows: t.Rows, Do: t.Do, Verbs: t.Verbs,
		Ident: t.Ident, Norm: t.Norm, Watch: t.Watch, Ordered: t.Ordered, Unkeyed: t.Unkeyed, Multi: t.Multi,
		Sorted: t.Sorted, Info: t.Info, Secret: t.Secret,
	}
	n.base = t.root()
	n.implied = t.implied[:len(t.implied):len(t.implied)]
	n.conds = t.conds[:len(t.conds):len(t.conds)]
	n.cols, n.json, n.settable, n.err = t.cols, t.json, t.settable, t.err
	n.filtered = t.filtered
	return n
}

// ctl returns the table as a ctl: settable keys only, line after line.
func (t *Table[T]) ctl() *Table[T] {
	n := t.narrowed()
	n.settable, n.Ordered, n.Info = true, true, false
	return n
}

func (t *Table[T]) writable() bool {
	return !t.Info && t.cols == nil && (t.Do != nil || len(t.Verbs) > 0)
}

func (t *Table[T]) Mode() iofs.FileMode {
	var m iofs.FileMode
	if t.Rows != nil {
		m |= 0o444
	}
	if t.writable() {
		m |= iofs.ModeAppend | 0o220
	}
	if t.Secret {
		m &^= 0o077
	}
	return m
}

// Words returns the kind's word and its other spellings.
func (t *Table[T]) Words() []string { return append([]string{t.Kind}, t.Also...) }

// Size is the length of an Info file; other tables have none.
func (t *Table[T]) Size(ctx context.Context) (int64, error) {
	if !t.Info || t.Rows == nil {
		return 0, nil
	}
	d := t.newDump(ctx)
	defer d.close()
	d.upTo(ctx, math.MaxInt64)
	return d.text.size, d.err
}

// words narrows the table by the words of a file name.
func (t *Table[T]) words(w nameWords) (Node, error) {
	n := t.narrowed()
	n.json = w.json
	if err := n.columns(w.cols); err != nil {
		return nil, err
	}
	conds, err := n.Keys.conds(w.filters)
	if err != nil {
		return nil, err
	}
	n.conds = append(n.conds, conds...)
	n.imply(conds)
	n.filtered = n.filtered || len(conds) > 0
	if err := w.onlyDots("every"); err != nil {
		return nil, err
	}
	arg, ok := w.dot("every")
	if !ok {
		return n, nil
	}
	every, err := parseEvery(arg)
	if err != nil {
		return nil, err
	}
	return newTicker(n, every), nil
}

func (t *Table[T]) columns(names []string) error {
	for _, name := range names {
		i, ok := t.Keys.index(name)
		if !ok {
			return t.Keys.sch.unknown(name)
		}
		t.cols = append(t.cols[:len(t.cols):len(t.cols)], i)
	}
	return nil
}

// imply makes the value of a filter that has one value a part of every line
// written: what is written to "routes,dev=eth0" is of eth0.
func (t *Table[T]) imply(conds []cond) {
	for _, c := range conds {
		info := &t.Keys.sch.keys[c.idx]
		if len(c.yes) != 1 || c.yes[0] == "" || info.ro || !info.set || c.list {
			continue
		}
		t.implied = append(t.implied, implied{idx: c.idx, word: unquoteWord(c.yes[0]), text: c.yes[0]})
	}
}

// hidden is the set of the keys that do not print.
func (t *Table[T]) hidden() KeySet {
	var s KeySet
	for _, i := range t.implied {
		if i.hidden {
			s.add(i.idx)
		}
	}
	return s
}

// query asks for the records of this table as it was narrowed.
func (t *Table[T]) query() (*Query[T], error) {
	if t.err != nil {
		return nil, t.err
	}
	q := &Query[T]{keys: t.Keys, conds: t.conds}
	for _, i := range t.implied {
		if err := q.want(i.idx, i.word); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// want puts one value into Want, for the kernel to filter by.
func (q *Query[T]) want(idx int, word string) error {
	key := &q.keys.list[idx]
	if key.Set == nil {
		return nil
	}
	if err := key.Set(&q.Want, word); err != nil {
		return blame(key.Name, word, err)
	}
	q.Set.add(idx)
	return nil
}

// matcher returns the conditions of a name's filters and those that the table
// was narrowed by; nil if there are none. Not for concurrent use.
func (t *Table[T]) matcher(f []wordFilter) (func(v *T) bool, error) {
	conds, err := t.Keys.conds(f)
	if err == nil {
		err = t.err
	}
	if err != nil || len(conds)+len(t.conds) == 0 {
		return nil, err
	}
	q := &Query[T]{keys: t.Keys, conds: append(conds, t.conds...)}
	return q.match, nil
}

// exists reports whether a record fulfils the filters now.
func (t *Table[T]) exists(ctx context.Context, f []wordFilter) (bool, error) {
	view := t.narrowed()
	conds, err := t.Keys.conds(f)
	if err != nil {
		return false, err
	}
	view.conds = append(view.conds, conds...)
	view.imply(conds)
	for try := 0; ; try++ {
		found, err := view.any(ctx)
		if found || !errors.Is(err, ErrTorn) || try == maxTries {
			return found, err
		}
	}
}

func (t *Table[T]) any(ctx context.Context) (bool, error) {
	q, err := t.query()
	if err != nil || t.Rows == nil {
		return false, err
	}
	for v, err := range t.Rows(ctx, q) {
		if err != nil {
			return false, err
		}
		if q.match(v) {
			return true, nil
		}
	}
	return false, nil
}

// primary is the name of the primary key; "" if there is none.
func (t *Table[T]) primary() string {
	if i := t.Keys.firstID(); i >= 0 {
		return t.Keys.list[i].Name
	}
	return ""
}

func (t *Table[T]) hasKey(name string) bool {
	_, ok := t.Keys.index(name)
	return ok
}

// Open begins a conversation: a dump for what is read, lines for what is
// written.
func (t *Table[T]) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	if t.err != nil {
		return nil, t.err
	}
	if mode&OpenRead != 0 && t.Rows == nil || mode&OpenWrite != 0 && !t.writable() {
		return nil, errAccess
	}
	f := &tableFile[T]{t: t, once: mode&OpenOnce != 0, reading: newGate(), writing: newGate()}
	f.life, f.end = context.WithCancel(context.Background())
	return f, nil
}

// A tableFile is an open table. Reading and writing do not wait for each other.
type tableFile[T any] struct {
	t       *Table[T]
	once    bool            // what was read is not read again
	life    context.Context // ends with Close
	end     context.CancelFunc
	reading gate
	dump    *dump[T] // guarded by reading
	ended   bool     // the reader saw the end: offset 0 begins anew
	writing gate
	w       *writer[T] // guarded by writing; nil before the first write
	wrote   atomic.Bool
}

// Blocks: reads and writes ask the kernel.
func (f *tableFile[T]) Blocks() bool { return true }

// ReadAt reads the dump of this open file, which begins at offset 0 and again
// there after its end was read, or something was written.
func (f *tableFile[T]) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := f.reading.lock(ctx); err != nil {
		return 0, err
	}
	defer f.reading.unlock()
	if off == 0 && f.dump != nil && (f.ended || f.wrote.Load() || f.dump.err != nil) {
		f.dump.close()
		f.dump = nil
	}
	if f.dump == nil {
		f.wrote.Store(false)
		f.ended = false
		f.dump = f.t.newDump(ctx)
		context.AfterFunc(f.life, f.dump.cancel)
	}
	n, err := f.dump.readAt(ctx, p, off)
	f.ended = n == 0 && len(p) > 0
	if f.once {
		f.dump.text.forget(off + int64(n))
	}
	return n, err
}

// WriteAt runs the lines that p completes, whatever the offset.
func (f *tableFile[T]) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := f.writing.lock(ctx); err != nil {
		return 0, err
	}
	defer f.writing.unlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.life, cancel)()
	f.wrote.Store(true)
	if f.w == nil {
		f.w = newWriter(f.t)
	}
	return f.w.write(ctx, p)
}

// Check looks for errors in a last line that has no end yet, and runs nothing.
func (f *tableFile[T]) Check(ctx context.Context) error {
	if err := f.writing.lock(ctx); err != nil {
		return err
	}
	defer f.writing.unlock()
	if f.w == nil {
		return nil
	}
	return f.w.check()
}

// Close ends what is under way and runs a last line that has no end. It is not
// interrupted while it waits: what it gives back must be given back.
func (f *tableFile[T]) Close(ctx context.Context) error {
	f.end()
	f.reading <- struct{}{}
	defer f.reading.unlock()
	if f.dump != nil {
		f.dump.close()
		f.dump = nil
	}
	f.writing <- struct{}{}
	defer f.writing.unlock()
	if f.w == nil {
		return nil
	}
	w := f.w
	f.w = nil
	return w.close(ctx)
}

// logText is what the log may show of a write.
func (f *tableFile[T]) logText(p []byte) []byte {
	if f.t.Secret || f.t.Keys.hasSecret() {
		return []byte("?")
	}
	return p
}

// Erase deletes the records that the words of the path ask for; of a whole table
// it deletes nothing, so that a recursive rm is harmless.
func (t *Table[T]) Erase(ctx context.Context) error {
	if !t.filtered || !t.writable() || t.Do == nil {
		return errNotPerm
	}
	return t.plan(ctx, &statement{verb: "flush", all: true})
}

func (k *Keys[T]) hasSecret() bool {
	return slices.ContainsFunc(k.list, func(key Key[T]) bool { return key.Secret })
}
