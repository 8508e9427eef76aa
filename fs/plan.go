package fs

import (
	"bytes"
	"context"
	"errors"
	"hash/maphash"
	"slices"
	"strconv"
	"syscall"
	"time"
)

const (
	bigTable  = 4096                   // rows from which on the index is kept between writes
	keepIndex = 100 * time.Millisecond // for so long
	maxBatch  = 1000                   // changes that go to Do together, while the next lines are read
)

// A planner turns statements into changes: it compares what is asked with what
// is there. Not for concurrent use. The changes of a long write go to the kernel
// while its next lines are read.
type planner[T any] struct {
	t       *Table[T]
	lenient bool // read-only keys are ignored whatever the verb

	waiting changes[T]
	sent    changes[T]      // on their way
	done    chan struct{}   // closed when Do has returned; nil while nothing is on its way
	broken  any             // what Do panicked with
	touched map[uint64]bool // identities that both change
	fails   []lineFail

	index  *index[T]
	looks  int            // dumps for one line each, lately
	last   time.Time      // end of the last write
	claims map[claim]bool // Multi tables: records that a line stands for

	// Scratch, so that a line costs no memory.
	text, id []byte
	wish     wish[T]
	row      T
}

// Changes are ops with the lines that asked for them.
type changes[T any] struct {
	ops   []Op[T]
	heads []heading
}

// A claim is a record by the hash of its identity and that of its settings.
type claim struct{ id, text uint64 }

func (p *planner[T]) init(t *Table[T]) {
	p.t = t
	p.touched = map[uint64]bool{}
}

// begin starts a write: what is known of the table is forgotten unless it is
// dear and fresh.
func (p *planner[T]) begin() {
	late := time.Since(p.last) > keepIndex
	if late {
		p.looks = 0
	}
	if p.index != nil && (late || p.index.rows < bigTable) {
		p.index = nil
	}
}

// A wish is a statement turned into a record. It is good until the next.
type wish[T any] struct {
	st    *statement
	items []item // with the implied ones, without read-only ones where they are ignored
	row   T
	set   KeySet
}

// read makes the record that a statement speaks of.
func (p *planner[T]) read(st *statement) (*wish[T], error) {
	w := &p.wish
	*w = wish[T]{st: st, items: st.items}
	if err := p.dropState(w); err != nil {
		return nil, err
	}
	if err := p.t.applyImplied(&w.row, &w.set); err != nil {
		return nil, err
	}
	if err := p.t.Keys.apply(&w.row, w.items, &w.set); err != nil {
		return nil, err
	}
	if err := p.setByOthers(w); err != nil {
		return nil, err
	}
	return w, p.contradiction(w)
}

// setByOthers counts as given what keys that only input knows have set: "dev
// eth0" of a link sets its name.
func (p *planner[T]) setByOthers(w *wish[T]) error {
	k := p.t.Keys
	if !slices.ContainsFunc(w.items, k.wide) {
		return nil
	}
	var base T
	var set KeySet
	if err := p.t.applyImplied(&base, &set); err != nil {
		return err
	}
	for i := range k.list {
		if k.prints(i) && !k.sameValue(i, &base, &w.row) {
			w.set.add(i)
		}
	}
	return nil
}

// inputOnly reports whether an item's key has no text of its own.
func (k *Keys[T]) inputOnly(it item) bool {
	return !k.prints(it.idx) && k.list[it.idx].Set != nil
}

// wide reports whether an item's key may set others.
func (k *Keys[T]) wide(it item) bool { return k.list[it.idx].Wide || k.inputOnly(it) }

// prints reports whether a key has a text, in lines or as a column.
func (k *Keys[T]) prints(i int) bool {
	key := &k.list[i]
	return key.Get != nil || key.Sub != nil || key.many != nil
}

// dropState takes read-only keys out of a line that makes it so, and refuses
// them in one that orders a change.
func (p *planner[T]) dropState(w *wish[T]) error {
	verb := w.st.verb
	if verb == "del" || verb == "destroy" || verb == "flush" {
		return nil
	}
	state := func(it item) bool { return p.t.Keys.sch.keys[it.idx].ro }
	i := slices.IndexFunc(w.items, state)
	if i < 0 {
		return nil
	}
	if verb != "" && verb != "replace" && !p.lenient {
		return &KeyError{Key: p.t.Keys.list[w.items[i].idx].Name, Err: refuse("is read-only")}
	}
	w.items = slices.DeleteFunc(slices.Clone(w.items), state)
	return nil
}

func (t *Table[T]) applyImplied(v *T, set *KeySet) error {
	if t.err != nil {
		return t.err
	}
	for _, i := range t.implied {
		key := &t.Keys.list[i.idx]
		if key.Set == nil {
			continue
		}
		if err := key.Set(v, i.word); err != nil {
			return blame(key.Name, i.word, err)
		}
		set.add(i.idx)
	}
	return nil
}

// contradiction refuses a line that gives an implied key another value.
func (p *planner[T]) contradiction(w *wish[T]) error {
	for _, i := range p.t.implied {
		if p.t.Keys.list[i.idx].Get == nil {
			continue
		}
		p.text = p.t.Keys.appendValue(p.text[:0], i.idx, &w.row, shown)
		if string(p.text) == i.text {
			continue
		}
		name := p.t.Keys.list[i.idx].Name
		return &KeyError{Key: name, Word: string(p.text), Err: refuse("this file is for " + name + "=" + i.text)}
	}
	return nil
}

// run plans a statement. What it sends later fails through fails.
func (p *planner[T]) run(ctx context.Context, line int, st *statement) error {
	w, err := p.read(st)
	if err != nil {
		return err
	}
	if p.t.Do == nil && !p.isVerb(st.verb) {
		return refuse("no such verb; known: " + shorten(p.t.dialect().verbs))
	}
	switch st.verb {
	case "", "replace":
		return p.makeSo(ctx, line, w)
	case "add":
		return p.push(ctx, Op[T]{Act: Add, Row: p.norm(w.row), Set: w.set, line: line}, st.head)
	case "append":
		return p.push(ctx, Op[T]{Act: Append, Row: p.norm(w.row), Set: w.set, line: line}, st.head)
	case "change":
		return p.change(ctx, line, w)
	case "del", "destroy":
		return p.remove(ctx, line, w)
	case "flush":
		return p.flushRows(ctx, line, w)
	}
	return p.verb(ctx, w)
}

func (p *planner[T]) isVerb(name string) bool {
	return slices.ContainsFunc(p.t.Verbs, func(v Verb[T]) bool { return v.Name == name })
}

func (p *planner[T]) norm(v T) T {
	if p.t.Norm != nil {
		p.t.Norm(&v)
	}
	return v
}

// verb runs a verb of the page, behind what waits.
func (p *planner[T]) verb(ctx context.Context, w *wish[T]) error {
	p.flush(ctx)
	if p.t.Ordered && len(p.fails) > 0 {
		return nil
	}
	i := slices.IndexFunc(p.t.Verbs, func(v Verb[T]) bool { return v.Name == w.st.verb })
	v := &p.t.Verbs[i]
	if v.Usage == "" && len(w.st.args) > 0 {
		return &KeyError{Key: v.Name, Word: w.st.args[0], Err: refuse("takes no words")}
	}
	p.index = nil
	op := Op[T]{Row: w.row, Set: w.set, Args: w.st.args, keys: p.t.Keys}
	err := v.Do(ctx, &op)
	p.t.root().table.writes.Add(1)
	return p.t.Keys.explain(&op, err)
}

// push adds a change to those that wait; one of the same identity goes first.
func (p *planner[T]) push(ctx context.Context, op Op[T], head heading) error {
	op.keys = p.t.Keys
	p.row = op.Row
	id := p.identity(&p.row)
	if p.touched[id] {
		p.flush(ctx)
	}
	p.touched[id] = true
	p.waiting.ops = append(p.waiting.ops, op)
	p.waiting.heads = append(p.waiting.heads, head)
	switch {
	case p.t.Ordered:
		p.flush(ctx)
	case len(p.waiting.ops) >= maxBatch:
		p.send(ctx)
	}
	return nil
}

// send hands what waits to Do, which works while more lines are read.
func (p *planner[T]) send(ctx context.Context) {
	p.wait()
	p.waiting, p.sent = p.sent, p.waiting
	done := make(chan struct{})
	p.done = done
	go func() { // ends before the write does: see flush
		defer close(done)
		defer func() { p.broken = recover() }()
		p.do(ctx, p.sent.ops)
	}()
}

// wait waits for what is on its way.
func (p *planner[T]) wait() {
	if p.done == nil {
		return
	}
	<-p.done
	p.done = nil
	if err := p.broken; err != nil {
		p.broken = nil
		panic(err)
	}
	p.settle(&p.sent)
}

// flush sends what waits, and waits for it.
func (p *planner[T]) flush(ctx context.Context) {
	p.last = time.Now()
	p.wait()
	if len(p.waiting.ops) > 0 {
		p.do(ctx, p.waiting.ops)
		p.settle(&p.waiting)
		p.last = time.Now()
	}
	clear(p.touched)
}

// do lets the page do changes. It does not end with ctx: it takes no time, and whoever
// is interrupted would not know what was done.
func (p *planner[T]) do(ctx context.Context, ops []Op[T]) { p.t.Do(context.WithoutCancel(ctx), ops) }

// settle notes what came of changes, and empties them.
func (p *planner[T]) settle(c *changes[T]) {
	p.t.root().table.writes.Add(1)
	failed := false
	for i := range c.ops {
		op := &c.ops[i]
		err := p.t.Keys.explain(op, op.Err)
		if op.quiet && absent(err) {
			err = nil
		}
		if err != nil {
			failed = true
			p.fails = append(p.fails, lineFail{op.line, c.heads[i].String(), err})
			continue
		}
		p.made(op)
	}
	if failed && p.index != nil && p.index.rows < bigTable {
		p.index = nil
	}
	clear(c.ops)
	clear(c.heads)
	c.ops, c.heads = c.ops[:0], c.heads[:0]
}

// made keeps the index true.
func (p *planner[T]) made(op *Op[T]) {
	if p.index == nil {
		return
	}
	if op.Old != nil {
		p.index.remove(op.Old)
	}
	if op.Act != Del {
		p.index.add(&op.Row)
	}
}

// explain fills in the word that a *KeyError of Do leaves out.
func (k *Keys[T]) explain(op *Op[T], err error) error {
	if err == nil {
		return nil
	}
	var ke *KeyError
	if !errors.As(err, &ke) || ke.Word != "" {
		return err
	}
	i, ok := k.index(ke.Key)
	if !ok || k.list[i].Type == Group {
		return err
	}
	word := unquoteWord(string(k.appendValue(nil, i, &op.Row, allKeys)))
	if k.list[i].Type == Flag {
		word = ""
	}
	if err == error(ke) {
		return &KeyError{Key: ke.Key, Word: word, Err: ke.Err}
	}
	return err
}

// makeSo carries out a line without a verb: create, change, or nothing.
func (p *planner[T]) makeSo(ctx context.Context, line int, w *wish[T]) error {
	p.row = p.norm(w.row)
	id := p.identity(&p.row)
	if p.touched[id] {
		p.flush(ctx)
	}
	x := p.index
	var err error
	if x == nil {
		x, err = p.lookID(ctx, p.givenIDs(w), id)
	}
	if err != nil {
		return err
	}
	claims := p.t.Multi && w.st.verb == ""
	old, key, same := p.find(x, id, w, claims)
	if same {
		p.claim(claims, claim{id, key})
		return nil
	}
	op := Op[T]{Act: Replace, Row: p.row, Set: w.set, line: line}
	switch {
	case old != nil:
		if op.Row, op.Set, err = p.overlay(old, w); err != nil {
			return err
		}
		if op.Set.empty() {
			return nil
		}
		op.Old = old
	case claims && x.first(id) != nil:
		op.Act = Append
	}
	if claims {
		p.row = op.Row
		p.claim(true, claim{id, p.stored(&p.row)})
	}
	return p.push(ctx, op, w.st.head)
}

func (p *planner[T]) claim(claims bool, c claim) {
	if !claims {
		return
	}
	if p.claims == nil {
		p.claims = map[claim]bool{}
	}
	p.claims[c] = true
}

// find looks for the record that p.row asks for: the same, of which it tells the
// hash, or the one to change. With claims, records of other lines do not count.
func (p *planner[T]) find(x *index[T], id uint64, w *wish[T], claims bool) (old *T, key uint64, same bool) {
	if x.first(id) == nil {
		return nil, 0, false
	}
	p.text = p.t.appendStored(p.text[:0], &p.row)
	for e := x.first(id); e != nil; e = x.next(e) {
		if bytes.Equal(x.stored(e), p.text) {
			return nil, hash(p.text), true
		}
	}
	for e := x.first(id); e != nil; e = x.next(e) {
		key := hash(x.stored(e))
		if claims && p.claims[claim{id, key}] {
			continue
		}
		v, err := x.rebuild(e)
		if err != nil || p.identity(v) != id || p.t.Unkeyed && !p.samePrimary(v, &p.row, w) {
			continue
		}
		if d := p.differ(v, &p.row, w); d.empty() {
			return nil, key, true
		}
		if old == nil && !p.t.Unkeyed {
			old = v
		}
	}
	return old, 0, false
}

func (p *planner[T]) samePrimary(a, b *T, w *wish[T]) bool {
	i := p.t.Keys.firstID()
	return i < 0 || !w.set.Has(i) || p.t.Keys.sameValue(i, a, b)
}

// sameValue reports whether two records print one key alike.
func (k *Keys[T]) sameValue(i int, a, b *T) bool {
	var x, y [64]byte
	return bytes.Equal(k.appendValue(x[:0], i, a, shown), k.appendValue(y[:0], i, b, shown))
}

// differ is the set of the keys that the line gives and that are not so in old.
// A key that only input knows stands for whichever keys it changes.
func (p *planner[T]) differ(old, row *T, w *wish[T]) KeySet {
	var d KeySet
	k := p.t.Keys
	all := slices.ContainsFunc(w.items, k.wide)
	for i := range k.list {
		key := &k.list[i]
		if key.RO || key.Runs && w.st.verb != "change" || !k.sch.keys[i].set || !k.prints(i) {
			continue
		}
		if (w.set.Has(i) || all) && !k.sameValue(i, old, row) {
			d.add(i)
		}
	}
	return d
}

// overlay is the record that old becomes by a line, and the keys that differ.
func (p *planner[T]) overlay(old *T, w *wish[T]) (T, KeySet, error) {
	row := *old
	var set KeySet
	err := p.t.Keys.apply(&row, w.items, &set)
	if err == nil && w.st.rename != nil {
		err = p.t.Keys.apply(&row, []item{*w.st.rename}, &set)
		w.set.union(&set)
	}
	if err != nil {
		return row, set, err
	}
	row = p.norm(row)
	d := p.differ(old, &row, w)
	if d.empty() {
		return row, d, nil
	}
	// What only input knows is told to the page beside what it changed.
	for _, it := range w.items {
		if p.t.Keys.inputOnly(it) {
			d.add(it.idx)
		}
	}
	return row, d, nil
}

// change changes the keys of the line in a record that must be there.
func (p *planner[T]) change(ctx context.Context, line int, w *wish[T]) error {
	row := p.norm(w.row)
	id := p.identity(&row)
	given := p.givenIDs(w)
	if given.empty() && len(p.t.Keys.ids) > 0 {
		return &KeyError{Key: p.t.primary(), Err: refuse("is needed to tell which")}
	}
	p.flush(ctx) // what waits may be what the line means
	x, err := p.look(ctx, &row, given, func(v *T) bool { return p.agrees(v, &row, given) })
	if err != nil {
		return err
	}
	old, err := p.one(x, id, &row, given)
	if err != nil {
		return err
	}
	next, set, err := p.overlay(old, w)
	if err != nil || set.empty() {
		return err
	}
	return p.push(ctx, Op[T]{Act: Change, Row: next, Old: old, Set: set, line: line}, w.st.head)
}

// one finds the record that a line to change speaks of: that of its identity,
// or the only one that has the parts of the identity that the line gives.
func (p *planner[T]) one(x *index[T], id uint64, row *T, given KeySet) (*T, error) {
	for e := x.first(id); e != nil && !p.t.Unkeyed; e = x.next(e) {
		if v, err := x.rebuild(e); err == nil && p.identity(v) == id {
			return v, nil
		}
	}
	return p.only(x, row, given)
}

// givenIDs is the set of the ID keys that a line gives; of an unkeyed table only
// the primary one.
func (p *planner[T]) givenIDs(w *wish[T]) KeySet {
	var given KeySet
	for n, i := range p.t.Keys.ids {
		if w.set.Has(i) && (!p.t.Unkeyed || n == 0) && p.t.Keys.list[i].Get != nil {
			given.add(i)
		}
	}
	return given
}

// only finds the one record with the values of row for the keys in given.
func (p *planner[T]) only(x *index[T], row *T, given KeySet) (*T, error) {
	var found *T
	n := 0
	for e := range x.candidates(row, given) {
		v, err := x.rebuild(e)
		if err != nil || !p.agrees(v, row, given) {
			continue
		}
		if n++; n == 1 {
			found = v
		}
	}
	switch {
	case n == 0:
		return nil, p.none()
	case n > 1:
		return nil, &Error{Text: "matches " + strconv.Itoa(n) + ", say more", Errno: syscall.EINVAL}
	}
	return found, nil
}

func (p *planner[T]) none() error {
	return &Error{Text: "no such " + p.t.noun(), Errno: syscall.ENOENT}
}

func (t *Table[T]) noun() string {
	if t.Kind == "" {
		return "record"
	}
	return t.Kind
}

// agrees reports whether v prints the keys in given as row does.
func (p *planner[T]) agrees(v, row *T, given KeySet) bool {
	for i := range p.t.Keys.list {
		if given.Has(i) && !p.t.Keys.sameValue(i, v, row) {
			return false
		}
	}
	return true
}

// remove deletes the record that has all values of the line.
func (p *planner[T]) remove(ctx context.Context, line int, w *wish[T]) error {
	row := p.norm(w.row)
	quiet := w.st.verb == "destroy"
	if p.direct(w) {
		return p.push(ctx, Op[T]{Act: Del, Row: row, Set: w.set, line: line, quiet: quiet}, w.st.head)
	}
	given := p.matching(w)
	if !p.chosen(w, given) && len(p.t.implied) == 0 && len(p.t.Keys.ids) > 0 {
		return refuse("which " + p.t.noun() + "?")
	}
	p.flush(ctx)
	x, err := p.look(ctx, &w.row, given, func(v *T) bool { return p.agrees(v, &w.row, given) })
	if err != nil {
		return err
	}
	old, err := p.only(x, &w.row, given)
	if err != nil {
		if quiet && absent(err) {
			return nil
		}
		return err
	}
	return p.push(ctx, Op[T]{Act: Del, Row: *old, Old: old, Set: w.set, line: line, quiet: quiet}, w.st.head)
}

// direct reports whether a line names a whole identity and nothing else, so that
// there is nothing to look up.
func (p *planner[T]) direct(w *wish[T]) bool {
	if p.t.Unkeyed || p.t.Multi || p.t.Ident != nil || len(p.t.Keys.ids) == 0 || p.index != nil {
		return false
	}
	var ids KeySet
	for _, i := range p.t.Keys.ids {
		ids.add(i)
	}
	return w.set == ids
}

// matching is the set of the keys of a line that a record must agree with.
func (p *planner[T]) matching(w *wish[T]) KeySet {
	set := w.set
	for i := range p.t.Keys.list {
		if !p.t.Keys.prints(i) || p.t.Keys.list[i].Runs {
			set.remove(i)
		}
	}
	return set
}

// chosen reports whether a line says more than the file implies.
func (p *planner[T]) chosen(w *wish[T], given KeySet) bool {
	for _, i := range p.t.implied {
		given.remove(i.idx)
	}
	return !given.empty() || slices.ContainsFunc(w.items, func(it item) bool { return p.t.Keys.prints(it.idx) })
}

// flushRows deletes all records that have the values of the line.
func (p *planner[T]) flushRows(ctx context.Context, line int, w *wish[T]) error {
	given := p.matching(w)
	if !w.st.all && !p.chosen(w, given) {
		return errNoFilter
	}
	p.flush(ctx)
	p.index, p.looks = nil, 0
	x, err := p.look(ctx, &w.row, given, func(v *T) bool { return p.agrees(v, &w.row, given) })
	if err != nil {
		return err
	}
	for e := range x.all {
		v, err := x.rebuild(e)
		if err != nil {
			return err
		}
		op := Op[T]{Act: Del, Row: *v, Old: v, Set: w.set, line: line, quiet: true}
		if err := p.push(ctx, op, w.st.head); err != nil {
			return err
		}
		if p.t.Ordered && len(p.fails) > 0 {
			break
		}
	}
	return nil
}

// look returns what is there of the records that keep wants, all of which have
// the values of row for the keys in given. The first look of a write dumps just
// those; who looks again soon gets the whole table, once. What waits to be sent is
// not among it: it has other identities, and made adds it to the index.
func (p *planner[T]) look(ctx context.Context, row *T, given KeySet, keep func(v *T) bool) (*index[T], error) {
	if p.index != nil {
		return p.index, nil
	}
	p.wait()
	q, err := p.t.query()
	if err != nil {
		return nil, err
	}
	if p.looks++; p.looks > 1 {
		p.index, err = p.load(ctx, q, nil)
		return p.index, err
	}
	q.Want = *row // with what is implied
	q.Set.union(&given)
	return p.load(ctx, q, keep)
}

// lookID looks for the records of one identity.
func (p *planner[T]) lookID(ctx context.Context, given KeySet, id uint64) (*index[T], error) {
	return p.look(ctx, &p.row, given, func(v *T) bool { return p.identity(v) == id })
}

// load dumps the table. One that changes all the time is taken as it came last.
func (p *planner[T]) load(ctx context.Context, q *Query[T], keep func(v *T) bool) (*index[T], error) {
	for try := 1; ; try++ {
		x := newIndex(p.t)
		err := x.load(ctx, q, keep)
		switch {
		case err == nil, errors.Is(err, ErrTorn) && try == maxTries:
			return x, nil
		case !errors.Is(err, ErrTorn):
			return nil, err
		}
	}
}

var seed = maphash.MakeSeed()

func hash(b []byte) uint64 { return maphash.Bytes(seed, b) }

func (p *planner[T]) identity(v *T) uint64 {
	p.id = p.t.appendIdentity(p.id[:0], v)
	return hash(p.id)
}

// stored is the hash of what find compares.
func (p *planner[T]) stored(v *T) uint64 {
	p.id = p.t.appendStored(p.id[:0], v)
	return hash(p.id)
}

// appendIdentity appends the text that tells which record v is. That of an
// unkeyed table is all of its settings but the primary key, which the kernel
// may choose.
func (t *Table[T]) appendIdentity(b []byte, v *T) []byte {
	if t.Unkeyed {
		var hide KeySet
		if i := t.Keys.firstID(); i >= 0 {
			hide.add(i)
		}
		return t.Keys.appendWords(b, v, stored, &hide)
	}
	b = t.Keys.appendText(b, v, identity)
	if t.Ident == nil {
		return b
	}
	return t.Ident(append(b, ' '), v)
}

// appendStored appends the settings of v that do not run by themselves.
func (t *Table[T]) appendStored(b []byte, v *T) []byte { return t.Keys.appendText(b, v, stored) }
