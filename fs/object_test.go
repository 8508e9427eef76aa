package fs

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A box is an object with a name.
type box struct {
	Name  string
	Index uint32
	Size  uint32
	Up    bool
	Label string
	Port  uint32
	Key   string
	Tags  []string
}

var boxKeys = NewKeys(
	Str("name", "name", func(b *box) *string { return &b.Name }).AsID(),
	Num("index", "number", func(b *box) *uint32 { return &b.Index }).ReadOnly(),
	Num("size", "bytes", func(b *box) *uint32 { return &b.Size }).Or("mtu"),
	Bool("up", "is up", func(b *box) *bool { return &b.Up }),
	Str("label", "any text", func(b *box) *string { return &b.Label }),
	Num("port", "of a port", func(b *box) *uint32 { return &b.Port }).Under("port"),
	func() Key[box] {
		k := Str("key", "secret", func(b *box) *string { return &b.Key })
		k.Secret = true
		return k
	}(),
	Strs("tags", "a list", func(b *box) *[]string { return &b.Tags }),
)

type fakeBoxes struct {
	rows  []box
	finds atomic.Int32
	ops   []Op[box]
	next  uint32
	coll  *Collection[box]
	shook []string
}

func newBoxes(names ...string) *fakeBoxes {
	f := &fakeBoxes{}
	for _, n := range names {
		f.next++
		f.rows = append(f.rows, box{Name: n, Index: f.next, Size: 1500})
	}
	f.coll = &Collection[box]{
		Table: &Table[box]{Kind: "box", Keys: boxKeys, Rows: f.dump, Do: One(f.do), Ordered: true, Verbs: []Verb[box]{
			{Name: "shake", Doc: "shake it", Usage: "[HOW]", Do: f.shake},
		}},
		Find:  f.find,
		Ident: func(b *box) uint64 { return uint64(b.Index) },
		Fixed: Dir{"size": word(new(string))},
		Member: func(b *box) Dir {
			s := b.Name + "!"
			return Dir{"extra": word(&s)}
		},
	}
	return f
}

func (f *fakeBoxes) dump(ctx context.Context, q *Query[box]) iter.Seq2[*box, error] {
	return func(yield func(*box, error) bool) {
		for _, b := range f.rows {
			if !yield(&b, nil) {
				return
			}
		}
	}
}

func (f *fakeBoxes) at(name string) int {
	for i := range f.rows {
		if f.rows[i].Name == name {
			return i
		}
	}
	return -1
}

func (f *fakeBoxes) find(ctx context.Context, name string) (*box, error) {
	f.finds.Add(1)
	if i := f.at(name); i >= 0 {
		b := f.rows[i]
		return &b, nil
	}
	return nil, ErrNotExist
}

func (f *fakeBoxes) shake(ctx context.Context, o *Op[box]) error {
	f.shook = append(f.shook, o.Row.Name)
	f.shook = append(f.shook, o.Args...)
	return nil
}

func (f *fakeBoxes) do(ctx context.Context, o *Op[box]) error {
	f.ops = append(f.ops, *o)
	name := o.Row.Name
	if o.Old != nil {
		name = o.Old.Name
	}
	i := f.at(name)
	switch {
	case o.Act == Add && i >= 0:
		return ErrExist
	case o.Act == Add || o.Act == Replace && i < 0:
		f.next++
		o.Row.Index = f.next
		f.rows = append(f.rows, o.Row)
	case i < 0:
		return ErrNotExist
	case o.Act == Del:
		f.rows = append(f.rows[:i:i], f.rows[i+1:]...)
	case o.Row.Size == 13:
		return &KeyError{Key: "size", Err: errors.New("unlucky")}
	default:
		f.rows[i] = o.Row
	}
	return nil
}

func names(t *testing.T, ctx context.Context, r *Ref) []string {
	list, err := r.List(ctx)
	require.NoError(t, err)
	var s []string
	for _, e := range list {
		s = append(s, e.Name())
	}
	return s
}

func put(t *testing.T, ctx context.Context, r *Ref, text string) error {
	t.Helper()
	f, err := r.Open(ctx, OpenWrite)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(ctx, []byte(text), 0)
	if e := f.Close(ctx); err == nil {
		err = e
	}
	return err
}

func TestCollection(t *testing.T) {
	ctx := asRoot()
	f := newBoxes("a", "list", "x/y", "..", "size", "b.json")
	root := (&Tree{Root: Dir{"boxes": f.coll}}).Attach()
	boxes := walk(t, ctx, root, "boxes")
	require.Equal(t, []string{"ctl", "list", "size", "a", "%6Cist", "x%2Fy", "%2E.", "%73ize", "b%2Ejson"}, names(t, ctx, boxes))
	for _, n := range names(t, ctx, boxes)[3:] {
		m := walk(t, ctx, boxes, n)
		require.Equal(t, []string{"ctl", "extra", "index", "key", "label", "name", "port", "size", "status", "tags", "up"}, names(t, ctx, m))
		require.Equal(t, "1500\n", slurp(t, ctx, walk(t, ctx, m, "size")))
	}
	require.Equal(t, "list\n", slurp(t, ctx, walk(t, ctx, boxes, "%6Cist", "name")))
	_, err := boxes.Walk(ctx, "nobody")
	require.ErrorIs(t, err, ErrNotExist)
	_, err = walk(t, ctx, boxes, "a").Walk(ctx, "mtu")
	require.ErrorIs(t, err, ErrNotExist, "only the key's own name is a file")

	require.Equal(t, "name=a index=1 size=1500\n", slurp(t, ctx, walk(t, ctx, boxes, "a", "status")))
	require.Equal(t, "name=a size=1500\n", slurp(t, ctx, walk(t, ctx, boxes, "a", "ctl")))
	require.Equal(t, "[\n{\"name\":\"a\",\"size\":1500}\n]\n", slurp(t, ctx, walk(t, ctx, boxes, "a", "ctl.json")))
	require.Equal(t, "1500\n", slurp(t, ctx, walk(t, ctx, boxes, "a", "status,size")))
	require.Equal(t, "0\n", slurp(t, ctx, walk(t, ctx, boxes, "a", "port", "port"))+"")
}

func TestCollectionValues(t *testing.T) {
	ctx := asRoot()
	f := newBoxes("a", "b")
	root := (&Tree{Root: Dir{"boxes": f.coll}}).Attach()
	a := walk(t, ctx, root, "boxes", "a")
	require.NoError(t, put(t, ctx, walk(t, ctx, a, "size"), "9000\n"))
	require.Equal(t, "9000\n", slurp(t, ctx, walk(t, ctx, a, "size")), "a write is seen at once")
	require.Equal(t, Change, f.ops[0].Act)
	require.Equal(t, uint32(1), f.ops[0].Old.Index)
	n := len(f.ops)
	require.NoError(t, put(t, ctx, walk(t, ctx, a, "size"), "9000\n"))
	require.Len(t, f.ops, n, "nothing to do")
	for _, name := range names(t, ctx, a) {
		v := walk(t, ctx, a, name)
		if name == "ctl" || v.IsDir() || v.Node.Mode()&0o200 == 0 {
			continue
		}
		require.NoError(t, put(t, ctx, v, slurp(t, ctx, v)), name)
	}
	require.Len(t, f.ops, n, "what is read can be written")
	require.ErrorContains(t, put(t, ctx, walk(t, ctx, a, "size"), "x\n"), `size "x": not a number`)
	require.ErrorContains(t, put(t, ctx, walk(t, ctx, a, "size"), "13\n"), `size "13": unlucky`)
	require.ErrorIs(t, put(t, ctx, walk(t, ctx, a, "index"), "7\n"), ErrPermission)
	for _, s := range []string{"it's", `"quoted"`, "'", "two words", "#", "a=b", "nex\\t", " lead"} {
		require.NoError(t, put(t, ctx, walk(t, ctx, a, "label"), string(appendQuoted(nil, s))+"\n"), s)
		text := slurp(t, ctx, walk(t, ctx, a, "label"))
		if s[0] == '\'' || s[0] == '"' {
			require.Equal(t, s, f.rows[0].Label)
		}
		require.NoError(t, put(t, ctx, walk(t, ctx, a, "label"), text))
		require.Equal(t, text, slurp(t, ctx, walk(t, ctx, a, "label")))
	}
	require.NoError(t, put(t, ctx, walk(t, ctx, a, "up"), "on\n"))
	require.Equal(t, "1\n", slurp(t, ctx, walk(t, ctx, a, "up")))
	require.NoError(t, put(t, ctx, walk(t, ctx, a, "tags"), "x,'y,z'\n"))
	require.Equal(t, []string{"x", "y,z"}, f.rows[0].Tags)
	require.NoError(t, put(t, ctx, walk(t, ctx, a, "key"), "hush\n"))
	require.Equal(t, "hush", f.rows[0].Key)
	require.NoError(t, put(t, ctx, walk(t, ctx, a, "key"), "?\n"))
	require.Equal(t, "hush", f.rows[0].Key)
	require.Contains(t, slurp(t, ctx, walk(t, ctx, a, "status")), "key=hush")
	require.Contains(t, slurp(t, asUser(1000), walk(t, asUser(1000), a, "status")), "key=?")
	_, err := walk(t, ctx, a, "key").Open(asUser(1000), OpenRead)
	require.ErrorIs(t, err, ErrPermission)

	// Rename by the value, by ctl's change, and by mv.
	require.NoError(t, put(t, ctx, walk(t, ctx, a, "name"), "c\n"))
	require.Equal(t, "c", f.rows[0].Name)
	_, err = a.Walk(ctx, "size")
	require.ErrorIs(t, err, ErrRemoved)
	require.NoError(t, walk(t, ctx, root, "boxes", "c").Rename(ctx, "d"))
	require.NoError(t, put(t, ctx, walk(t, ctx, root, "boxes", "ctl"), "change d name e size 1400\n"))
	require.Equal(t, "e", f.rows[0].Name)
	require.Equal(t, uint32(1400), f.rows[0].Size)
	require.NoError(t, put(t, ctx, walk(t, ctx, root, "boxes", "e", "ctl"), "shake hard\nup\n"))
	require.Equal(t, []string{"e", "hard"}, f.shook)
	require.ErrorContains(t, put(t, ctx, walk(t, ctx, root, "boxes", "e", "ctl"), "name=f size=3\n"), "this file is for name=e")
	require.NoError(t, put(t, ctx, walk(t, ctx, root, "boxes", "ctl"), "shake b soft\n"))
	require.Equal(t, []string{"e", "hard", "b", "soft"}, f.shook)
}

func TestCollectionMakesAndRemoves(t *testing.T) {
	ctx := asRoot()
	f := newBoxes("a")
	boxes := walk(t, ctx, (&Tree{Root: Dir{"boxes": f.coll}}).Attach(), "boxes")
	b, err := boxes.Mkdir(ctx, "b,size=1400,up,label=x%2Fy")
	require.NoError(t, err)
	require.Equal(t, box{Name: "b", Index: 2, Size: 1400, Up: true, Label: "x/y"}, f.rows[1])
	require.Equal(t, "1400\n", slurp(t, ctx, walk(t, ctx, b, "size")))
	_, err = boxes.Mkdir(ctx, "b")
	require.ErrorIs(t, err, ErrExist)
	_, err = boxes.Mkdir(ctx, "c,siez=3")
	require.ErrorContains(t, err, "siez: no such key (size?)")

	h, err := walk(t, ctx, boxes, "b", "size").Open(ctx, OpenRead|OpenWrite)
	require.NoError(t, err)
	status, err := walk(t, ctx, boxes, "b", "status").Open(ctx, OpenRead)
	require.NoError(t, err)
	require.NoError(t, walk(t, ctx, boxes, "b").Remove(ctx))
	require.Len(t, f.rows, 1)
	p := make([]byte, 100)
	_, err = h.ReadAt(ctx, p, 0)
	require.ErrorIs(t, err, ErrRemoved)
	_, err = boxes.Mkdir(ctx, "b")
	require.NoError(t, err)
	_, err = h.ReadAt(ctx, p, 0)
	require.ErrorIs(t, err, ErrRemoved, "another b")
	_, err = h.WriteAt(ctx, []byte("3\n"), 0)
	require.ErrorIs(t, err, ErrRemoved)
	_, err = status.ReadAt(ctx, p, 0)
	require.ErrorIs(t, err, ErrRemoved)
	require.Error(t, walk(t, ctx, boxes, "list").Remove(ctx))
	require.Len(t, f.rows, 2)
	require.ErrorIs(t, boxes.Node.(*Collection[box]).Table.Erase(ctx), ErrPermission)
	require.NoError(t, walk(t, ctx, boxes, "list,up=0,name=b").Node.(*Table[box]).Erase(ctx))
	require.Len(t, f.rows, 1)
}

func TestValuesShareOneFind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := asRoot()
		f := newBoxes("a")
		a := walk(t, ctx, (&Tree{Root: Dir{"boxes": f.coll}}).Attach(), "boxes", "a")
		f.finds.Store(0)
		for range 10 {
			slurp(t, ctx, walk(t, ctx, a, "size"))
			slurp(t, ctx, walk(t, ctx, a, "label"))
		}
		require.LessOrEqual(t, f.finds.Load(), int32(1))
		f.rows[0].Size = 7
		time.Sleep(shareFind)
		require.Equal(t, "7\n", slurp(t, ctx, walk(t, ctx, a, "size")))
	})
}

func TestObject(t *testing.T) {
	ctx := asRoot()
	type limits struct{ Max, Used uint32 }
	now := limits{Max: 4}
	keys := NewKeys(
		Num("max", "most", func(l *limits) *uint32 { return &l.Max }).Always(),
		Num("used", "now", func(l *limits) *uint32 { return &l.Used }).ReadOnly().Always(),
	)
	calls := 0
	o := &Object[limits]{Table: &Table[limits]{
		Kind: "limits", Keys: keys,
		Rows: func(ctx context.Context, q *Query[limits]) iter.Seq2[*limits, error] {
			return func(yield func(*limits, error) bool) { l := now; yield(&l, nil) }
		},
		Do: One(func(ctx context.Context, op *Op[limits]) error { calls++; now = op.Row; return nil }),
	}}
	dir := walk(t, ctx, (&Tree{Root: Dir{"limits": o}}).Attach(), "limits")
	require.Equal(t, []string{"ctl", "max", "status", "used"}, names(t, ctx, dir))
	require.Equal(t, "4\n", slurp(t, ctx, walk(t, ctx, dir, "max")))
	require.NoError(t, put(t, ctx, walk(t, ctx, dir, "max"), "8"))
	require.Equal(t, limits{Max: 8}, now)
	require.Equal(t, "max=8\n", slurp(t, ctx, walk(t, ctx, dir, "ctl")))
	require.NoError(t, put(t, ctx, walk(t, ctx, dir, "ctl"), "max=8\nchange max 8\n"))
	require.Equal(t, 1, calls)
	require.NoError(t, put(t, ctx, walk(t, ctx, dir, "ctl"), "max 9\n"))
	require.Equal(t, "max=9 used=0\n", slurp(t, ctx, walk(t, ctx, dir, "status")))
	require.Equal(t, "9\t0\n", slurp(t, ctx, walk(t, ctx, dir, "status,max,used")))
}

func TestLookup(t *testing.T) {
	ctx := asRoot()
	type ask struct {
		To   string
		Mark uint32
	}
	type answer struct{ Dst, Via string }
	l := &Lookup[ask, answer]{
		Ask:    NewKeys(Str("to", "address", func(a *ask) *string { return &a.To }).AsID(), Num("mark", "mark", func(a *ask) *uint32 { return &a.Mark })),
		Answer: NewKeys(Str("dst", "destination", func(a *answer) *string { return &a.Dst }), Str("via", "gateway", func(a *answer) *string { return &a.Via })),
		Do: func(ctx context.Context, q *Query[ask], yield func(*answer) bool) error {
			if q.Want.To == "nowhere" {
				return &KeyError{Key: "to", Err: ErrNotExist}
			}
			yield(&answer{Dst: q.Want.To, Via: "gw" + string('0'+rune(q.Want.Mark))})
			return nil
		},
	}
	root := (&Tree{Root: Dir{"lookup": l}}).Attach()
	require.Equal(t, "dst=8.8.8.8 via=gw5\n", slurp(t, ctx, walk(t, ctx, root, "lookup,to=8.8.8.8,mark=5")))
	require.Equal(t, "gw0\n", slurp(t, ctx, walk(t, ctx, root, "lookup,to=8.8.8.8,via")))
	require.Equal(t, "[\n{\"dst\":\"8.8.8.8\",\"via\":\"gw0\"}\n]\n", slurp(t, ctx, walk(t, ctx, root, "lookup,to=8.8.8.8.json")))
	require.Equal(t, "", slurp(t, ctx, walk(t, ctx, root, "lookup")))
	require.Equal(t, "[]\n", slurp(t, ctx, walk(t, ctx, root, "lookup.json")))

	f, err := walk(t, ctx, root, "lookup").Open(ctx, OpenRead|OpenWrite)
	require.NoError(t, err)
	p := make([]byte, 100)
	for _, q := range []string{"1.1.1.1\n", "to 1.1.1.2 mark 3", "# hi\n", "to=1.1.1.3\n"} {
		_, err := f.WriteAt(ctx, []byte(q), 0)
		require.NoError(t, err)
	}
	n, err := f.ReadAt(ctx, p[:5], 33)
	require.NoError(t, err)
	require.Equal(t, "dst=1", string(p[:n]))
	n, _ = f.ReadAt(ctx, p, 38)
	require.Equal(t, ".1.1.3 via=gw0\n", string(p[:n]))
	n, _ = f.ReadAt(ctx, p, 0)
	require.Equal(t, "dst=1.1.1.3 via=gw0\n", string(p[:n]))
	_, err = f.WriteAt(ctx, []byte("nowhere\n"), 0)
	require.EqualError(t, err, `lookup:4: nowhere: to "nowhere": file does not exist`)
	n, err = f.ReadAt(ctx, p, 0)
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = f.WriteAt(ctx, []byte("tu=3\n"), 0)
	require.ErrorContains(t, err, "tu: no such key; known: to mark")
}

func TestHelpTextTellsTheKeys(t *testing.T) {
	text := string(newFakeWays().table.helpText(nil))
	for _, want := range []string{"way\n", "  add KEY=VALUE ...", "  dst=DST", "identity", "also preference, priority", "  nexthop KEY=VALUE ...", "      weight=NUMBER", "opt.N=HEX", "state, cannot be set", "counts by itself"} {
		require.Contains(t, text, want)
	}
}

func TestKeysThatOnlyInputKnows(t *testing.T) {
	keys := NewKeys(
		Str("name", "name", func(b *box) *string { return &b.Name }).AsID(),
		Key[box]{Name: "dev", Type: Text, Set: func(b *box, w string) error {
			if b.Name == "" {
				b.Name = w
			} else {
				b.Label = w
			}
			return nil
		}},
		Key[box]{Name: "down", Type: Flag, Set: func(b *box, w string) error { b.Up = w != "1"; return nil }},
		Key[box]{Name: "nothing", Type: Flag, Set: func(b *box, w string) error { return nil }},
		Str("label", "label", func(b *box) *string { return &b.Label }),
		Bool("up", "up", func(b *box) *bool { return &b.Up }),
	)
	f := newBoxes("a", "b")
	f.rows[0].Up = true
	f.coll.Table.Keys = keys
	table := f.coll.Table
	require.NoError(t, write(t, table, "change dev a down\n"))
	require.False(t, f.rows[0].Up)
	require.True(t, f.ops[0].Has("up"))
	require.True(t, f.ops[0].Has("down"))
	require.NoError(t, write(t, table, "change dev a down\na down\n"))
	require.Len(t, f.ops, 1)
	require.NoError(t, write(t, table, "a dev low\n"))
	require.Equal(t, "low", f.rows[0].Label)
	require.ErrorContains(t, write(t, table, "flush nothing\n"), "flush needs a filter")
	require.ErrorContains(t, write(t, table.With("up", "0"), "flush nothing\n"), "flush needs a filter")
	require.ErrorContains(t, write(t, table, "del nothing\n"), "which box?")
	require.NoError(t, write(t, table, "del dev b\n"))
	require.NoError(t, write(t, table, "flush dev a\n"))
	require.Empty(t, f.rows)
}
