package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Collection is a directory of objects that come and go: links, network
// namespaces, peers. From its Table come "list" (every key), "ctl" (settable
// keys), "events" and, for every member, a directory with a value file per key,
// ctl, status and events. mkdir, rmdir and mv are Add, Del and a Change of the
// name key.
type Collection[T any] struct {
	Table *Table[T] // its primary key is the name
	Doc   string

	// Find fetches one record by its name (or another name of it), and fails
	// with ErrNotExist. The record is the caller's to keep. Values of one object
	// opened within 100 ms share one Find.
	Find func(ctx context.Context, name string) (*T, error)
	// Ident returns the kernel's identity of v: an ifindex.
	Ident func(v *T) uint64

	// Member returns further names of one object's directory. Nil: none.
	Member func(v *T) Dir
	// Fixed are further names of the collection itself. A member whose name
	// equals one of them, or list, ctl, events, walks with its first byte as %XX.
	Fixed Dir

	// NoMake and NoRemove take mkdir and rmdir away.
	NoMake, NoRemove bool

	found finder[T]
	once  sync.Once
	names Dir
}

// An Object is the directory of one record that always exists: a value per
// key, ctl and status. Its table has at most one row.
type Object[T any] struct {
	Table *Table[T]
	Doc   string
	Fixed Dir
}

// shareFind is how long values share what was fetched.
const shareFind = 100 * time.Millisecond

// A finder shares records between the files that ask for them at about the same
// time. Safe for concurrent use.
type finder[T any] struct {
	mu    sync.Mutex
	known map[string]*found[T]
}

// A found record, or one that is being fetched until done is closed.
type found[T any] struct {
	done chan struct{}
	at   time.Time
	gen  uint64 // writes to the table before it was fetched
	v    *T
	err  error
}

// find fetches a record, or shares one that is fresh. With anew it is fetched
// after the call began.
func (c *Collection[T]) find(ctx context.Context, name string, anew bool) (*T, error) {
	for {
		f, mine := c.found.claim(name, c.Table.root().table.writes.Load(), anew)
		if mine {
			f.v, f.err = c.Find(ctx, name)
			f.at = time.Now()
			close(f.done)
			return f.v, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !isCancel(f.err) || ctx.Err() != nil {
			return f.v, f.err
		}
		// Whoever fetched it gave up; this caller has not.
		anew = true
	}
}

func isCancel(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// claim returns what is known of name; mine says that the caller has to fetch it.
func (s *finder[T]) claim(name string, gen uint64, anew bool) (f *found[T], mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.known[name]; f != nil && !anew && f.gen == gen && f.fresh() {
		return f, false
	}
	s.sweep()
	f = &found[T]{done: make(chan struct{}), gen: gen}
	s.known[name] = f
	return f, true
}

// fresh reports whether the record is young enough, or still to come.
func (f *found[T]) fresh() bool {
	select {
	case <-f.done:
		return time.Since(f.at) < shareFind
	default:
		return true
	}
}

func (s *finder[T]) sweep() {
	if s.known == nil {
		s.known = map[string]*found[T]{}
	}
	if len(s.known) >= 64 {
		maps.DeleteFunc(s.known, func(_ string, f *found[T]) bool { return !f.fresh() })
	}
}

func (c *Collection[T]) Mode() iofs.FileMode {
	if c.makes() || c.removes() {
		return iofs.ModeDir | 0o775
	}
	return iofs.ModeDir | 0o555
}

func (c *Collection[T]) makes() bool   { return !c.NoMake && c.Table.Do != nil }
func (c *Collection[T]) removes() bool { return !c.NoRemove && c.Table.Do != nil }

// fixed are the names that are no member's.
func (c *Collection[T]) fixed() Dir {
	c.once.Do(func() { c.names = c.fixedNames() })
	return c.names
}

func (c *Collection[T]) fixedNames() Dir {
	d := Dir{}
	maps.Copy(d, c.Fixed)
	d["list"] = c.Table
	if c.Table.writable() {
		d["ctl"] = c.Table.ctl()
	}
	if c.Table.Watch != nil {
		d["events"] = c.Table.Events()
	}
	return d
}

// Walk finds one of the fixed names or a member.
func (c *Collection[T]) Walk(ctx context.Context, name string) (Node, error) {
	w, err := splitName(name)
	if err != nil {
		return nil, err
	}
	if n := c.fixed()[w.base]; n != nil {
		return walkWords(ctx, n, w)
	}
	base, err := decodeName(w.base)
	if err != nil {
		return nil, errNoFile
	}
	v, err := c.find(ctx, base, false)
	if missing(err) {
		return nil, errNoFile
	}
	if err != nil {
		return nil, err
	}
	return walkWords(ctx, c.member(base, v), w)
}

// missing reports whether err says that there is no such object.
func missing(err error) bool { return errors.Is(err, ErrNotExist) || errors.Is(err, syscall.ENODEV) }

// List returns the fixed names and then the members as the table has them.
func (c *Collection[T]) List(ctx context.Context) ([]Entry, error) {
	fixed := c.fixed()
	list, err := fixed.List(ctx)
	if err != nil {
		return nil, err
	}
	n := len(list)
	for try := 1; ; try++ {
		members, err := c.members(ctx, fixed)
		if err == nil || errors.Is(err, ErrTorn) && try == maxTries {
			return append(list[:n:n], members...), nil
		}
		if !errors.Is(err, ErrTorn) {
			return nil, err
		}
	}
}

func (c *Collection[T]) members(ctx context.Context, fixed Dir) ([]Entry, error) {
	q, err := c.Table.query()
	if err != nil || c.Table.Rows == nil {
		return nil, err
	}
	var list []Entry
	for v, err := range c.Table.Rows(ctx, q) {
		if err != nil {
			return list, err
		}
		if !q.match(v) {
			continue
		}
		name := c.name(v)
		list = append(list, Entry{memberName(name, fixed), c.member(name, v)})
	}
	return list, nil
}

// memberName encodes the name of a member; one that is a fixed name differs from
// it in its first byte.
func memberName(name string, fixed Dir) string {
	s := encodeName(name)
	if fixed[s] == nil {
		return s
	}
	return string(appendHex(nil, s[0])) + s[1:]
}

// name is the plain text of the primary key.
func (c *Collection[T]) name(v *T) string {
	i := c.Table.Keys.firstID()
	if i < 0 {
		return ""
	}
	return string(c.Table.Keys.list[i].Get(nil, v))
}

func (c *Collection[T]) ident(v *T) uint64 {
	if c.Ident == nil {
		return 0
	}
	return c.Ident(v)
}

// member is the directory of v, which is only looked at during the call.
func (c *Collection[T]) member(name string, v *T) Node {
	id := c.ident(v)
	one := func(ctx context.Context, anew bool, use func(v *T) error) error {
		v, err := c.find(ctx, name, anew)
		switch {
		case missing(err), err == nil && c.ident(v) != id:
			return ErrRemoved
		case err != nil:
			return err
		}
		return use(v)
	}
	dir := &objectDir[T]{keys: c.Table.Keys, of: c.Table, name: c.name(v), extra: c.Member, record: one}
	return &member[T]{objectDir: dir, id: id}
}

// A member is an object of a collection.
type member[T any] struct {
	*objectDir[T]
	id uint64
}

func (m *member[T]) Ident() uint64 { return m.id }

// plan runs one statement on the table.
func (t *Table[T]) plan(ctx context.Context, st *statement) error {
	var p planner[T]
	p.init(t)
	err := p.run(ctx, 1, st)
	p.flush(ctx)
	if err == nil && len(p.fails) > 0 {
		return p.fails[0].err
	}
	return err
}

// Mkdir makes a member; the name's words are its first values.
func (c *Collection[T]) Mkdir(ctx context.Context, name string) (Node, error) {
	if !c.makes() {
		return nil, errNotPerm
	}
	base, words, err := makeWords(name)
	if err != nil {
		return nil, err
	}
	st, err := c.Table.Keys.pairs("add", append([]Pair{{c.Table.primary(), base}}, words...))
	if err != nil {
		return nil, err
	}
	if err := c.Table.plan(ctx, st); err != nil {
		return nil, err
	}
	v, err := c.find(ctx, base, true)
	if err != nil {
		return nil, err
	}
	return c.member(base, v), nil
}

// pairs makes a statement of the words of a path. "_" may stand for the "/" of a
// prefix there.
func (k *Keys[T]) pairs(verb string, words []Pair) (*statement, error) {
	st := &statement{verb: verb}
	c := &scope{s: &k.sch}
	for _, p := range words {
		idx, ok := k.index(p.Key)
		if !ok {
			return nil, k.sch.unknown(p.Key)
		}
		value := p.Value
		if typ := k.list[idx].Type; value == "" && (typ == Flag || typ == Switch) {
			value = "1"
		}
		if _, err := k.canon(idx, value); err != nil {
			f := wordFilter{value: value}
			if _, again := k.canon(idx, f.prefix()); again == nil {
				value = f.prefix()
			}
		}
		it, err := k.sch.item(idx, p.Key, value, value)
		if err != nil {
			return nil, err
		}
		if st.items, err = c.put(st.items, it); err != nil {
			return nil, err
		}
	}
	return st, nil
}

// Remove deletes a member.
func (c *Collection[T]) Remove(ctx context.Context, name string) error {
	if !c.removes() {
		return errNotPerm
	}
	dir, err := c.child(ctx, name)
	if err != nil {
		return err
	}
	return dir.table(true).plan(ctx, &statement{verb: "del"})
}

// Rename gives a member another name.
func (c *Collection[T]) Rename(ctx context.Context, from, to string) error {
	if c.Table.Do == nil {
		return errNotPerm
	}
	dir, err := c.child(ctx, from)
	if err != nil {
		return err
	}
	w, err := splitName(to)
	if err == nil && !w.bare() {
		err = badName("a new name has no words after a comma")
	}
	if err != nil {
		return err
	}
	name, err := decodeName(w.base)
	if err != nil {
		return err
	}
	return dir.setKey(ctx, c.Table.Keys.firstID(), name)
}

func (c *Collection[T]) child(ctx context.Context, name string) (*objectDir[T], error) {
	n, err := c.Walk(ctx, name)
	if err != nil {
		return nil, err
	}
	m, ok := n.(*member[T])
	if !ok {
		return nil, errNotPerm
	}
	return m.objectDir, nil
}

// An objectDir is the directory of one record, or a subdirectory of it.
type objectDir[T any] struct {
	keys  *Keys[T]
	of    *Table[T]
	name  string // of a member, else ""
	extra func(v *T) Dir
	sub   string // name of the subdirectory; "": the object itself
	// record fetches the record, which is borrowed during use.
	record func(ctx context.Context, anew bool, use func(v *T) error) error
}

// table is the table of this record alone. The name of a member stands in every
// line written. With anew its dumps do not share what was fetched before.
func (d *objectDir[T]) table(anew bool) *Table[T] {
	n := d.of.narrowed()
	n.Sorted, n.Multi, n.Ordered = false, false, true
	n.Rows = func(ctx context.Context, q *Query[T]) iter.Seq2[*T, error] {
		return func(yield func(*T, error) bool) {
			if err := d.record(ctx, anew, func(v *T) error { yield(v, nil); return nil }); err != nil {
				yield(nil, err)
			}
		}
	}
	i := d.keys.firstID()
	if d.name == "" || i < 0 {
		return n
	}
	text, err := d.keys.canon(i, d.name)
	if err != nil {
		n.err = err
	}
	n.implied = append(n.implied, implied{idx: i, word: d.name, text: text})
	return n
}

func (o *Object[T]) dir() *objectDir[T] {
	return &objectDir[T]{
		keys: o.Table.Keys, of: o.Table, extra: func(*T) Dir { return o.Fixed },
		record: func(ctx context.Context, anew bool, use func(v *T) error) error { return o.Table.only(ctx, use) },
	}
}

// only uses the one record of the table; a zero one if there is none.
func (t *Table[T]) only(ctx context.Context, use func(v *T) error) error {
	q, err := t.query()
	if err != nil {
		return err
	}
	for v, err := range t.Rows(ctx, q) {
		if err != nil && !errors.Is(err, ErrTorn) {
			return err
		}
		if err == nil && q.match(v) {
			return use(v)
		}
	}
	return use(new(T))
}

func (o *Object[T]) Mode() iofs.FileMode { return iofs.ModeDir | 0o555 }

func (o *Object[T]) Walk(ctx context.Context, name string) (Node, error) {
	return o.dir().Walk(ctx, name)
}

func (o *Object[T]) List(ctx context.Context) ([]Entry, error) { return o.dir().List(ctx) }

func (d *objectDir[T]) Mode() iofs.FileMode { return iofs.ModeDir | 0o555 }

// Walk finds a value, a subdirectory of values, or one of the object's files.
func (d *objectDir[T]) Walk(ctx context.Context, name string) (Node, error) {
	w, err := splitName(name)
	if err != nil {
		return nil, err
	}
	var n Node
	err = d.record(ctx, false, func(v *T) error {
		n = d.find(v, w.base)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if n == nil {
		return nil, errNoFile
	}
	return walkWords(ctx, n, w)
}

func (d *objectDir[T]) find(v *T, name string) Node {
	if n := d.file(v, name); n != nil {
		return n
	}
	if i, ok := d.keys.sch.byName[name]; ok && d.keys.list[i].Name == name && d.keys.valueDir(i, v) == d.sub {
		return d.value(i)
	}
	if d.sub == "" && d.hasSub(v, name) {
		return d.subDir(name)
	}
	return nil
}

// file is one of files, of which most are not made for a name that is a value's.
func (d *objectDir[T]) file(v *T, name string) Node {
	switch name {
	case "status", "ctl", "events", "wait":
		return d.files(v)[name]
	}
	if d.sub != "" || d.extra == nil {
		return nil
	}
	return d.extra(v)[name]
}

// files are the names of the object that are no values.
func (d *objectDir[T]) files(v *T) Dir {
	if d.sub != "" {
		return nil
	}
	files := Dir{}
	if d.extra != nil {
		maps.Copy(files, d.extra(v))
	}
	add := func(name string, n Node) {
		if files[name] == nil {
			files[name] = n
		}
	}
	add("status", d.table(false).info())
	if d.of.writable() {
		add("ctl", d.table(true).ctl())
	}
	if d.of.Watch != nil {
		add("events", d.ofThis().Events())
		add("wait", d.ofThis().Wait())
	}
	return files
}

// ofThis is the table narrowed to this record, for its events.
func (d *objectDir[T]) ofThis() *Table[T] {
	n := d.table(true)
	for _, i := range n.implied {
		n.conds = append(n.conds, cond{idx: i.idx, yes: []string{i.text}})
	}
	return n
}

// info returns the table as a status.
func (t *Table[T]) info() *Table[T] {
	n := t.narrowed()
	n.Info = true
	return n
}

// valueDir is the subdirectory where a key's value stands; "-": nowhere.
func (k *Keys[T]) valueDir(i int, v *T) string {
	key := &k.list[i]
	if key.Get == nil || key.Hidden {
		return "-"
	}
	if key.In == nil {
		return ""
	}
	return key.In(v)
}

func (d *objectDir[T]) hasSub(v *T, name string) bool {
	for i := range d.keys.list {
		if dir := d.keys.valueDir(i, v); dir == name && dir != "-" && dir != "" {
			return true
		}
	}
	return false
}

func (d *objectDir[T]) subDir(name string) *objectDir[T] {
	sub := *d
	sub.sub = name
	return &sub
}

// List returns the names in alphabetical order.
func (d *objectDir[T]) List(ctx context.Context) ([]Entry, error) {
	names := Dir{}
	err := d.record(ctx, false, func(v *T) error {
		for i := range d.keys.list {
			switch dir := d.keys.valueDir(i, v); {
			case dir == d.sub:
				names[d.keys.list[i].Name] = d.value(i)
			case d.sub == "" && dir != "-":
				names[dir] = d.subDir(dir)
			}
		}
		maps.Copy(names, d.files(v))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return names.List(ctx)
}

// value is the file of one key.
func (d *objectDir[T]) value(i int) *Value {
	key := &d.keys.list[i]
	v := &Value{Doc: key.Doc, Secret: key.Secret}
	v.Get = func(ctx context.Context, b []byte) ([]byte, error) {
		err := d.record(ctx, false, func(r *T) error {
			b = d.keys.appendPlain(b, i, r)
			return nil
		})
		return b, err
	}
	if key.Set != nil && !key.RO && d.of.Do != nil {
		v.Set = func(ctx context.Context, word string) error { return d.setKey(ctx, i, plainValue(word)) }
	}
	return v
}

// appendPlain appends a value as its file shows it: without quotes, unless it
// has more than one line or begins with one. A Flag is 1 or 0, and a number that
// is zero 0.
func (k *Keys[T]) appendPlain(b []byte, i int, v *T) []byte {
	n := len(b)
	b = k.list[i].Get(b, v)
	if full := k.list[i].full; full != nil && len(b) == n {
		b = full(b, v)
	}
	switch k.list[i].Type {
	case Flag:
		if len(b) > n {
			return append(b[:n], '1')
		}
		return append(b, '0')
	case Text:
		s := b[n:]
		if len(s) > 0 && (s[0] == '\'' || s[0] == '"' || slices.Contains(s, '\n') || slices.Contains(s, 0) || s[len(s)-1] == '\r') {
			return quoteSlow(b, n)
		}
	}
	return b
}

// plainValue takes back what appendPlain makes.
func plainValue(word string) string {
	if strings.HasPrefix(word, "'") || strings.HasPrefix(word, `"`) {
		return unquoteWord(word)
	}
	return word
}

// setKey changes one value of the record. What the file says already is no
// change, even where it is no value that can be set: an empty line.
func (d *objectDir[T]) setKey(ctx context.Context, i int, word string) error {
	key := &d.keys.list[i]
	if key.Set == nil || key.RO {
		return errNotPerm
	}
	same := false
	err := d.record(ctx, true, func(v *T) error {
		same = plainValue(string(d.keys.appendPlain(nil, i, v))) == word
		return nil
	})
	if same || err != nil {
		return err
	}
	it, err := d.keys.sch.item(i, key.Name, word, word)
	if err != nil {
		return err
	}
	st := &statement{verb: "change"}
	if i == d.keys.firstID() && d.name != "" {
		st.rename = &it
	} else {
		st.items = []item{it}
	}
	return d.table(true).plan(ctx, st)
}
