package fs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A way is a record with every type of key.
type way struct {
	Dst     netip.Prefix
	Table   uint32
	Metric  uint32
	Via     netip.Addr
	Dev     string
	Proto   uint8
	Note    string
	MAC     []byte
	Onlink  bool
	Learn   bool
	HasMode bool
	Mode    bool
	MTU     int32
	Age     time.Duration
	Left    time.Duration
	Tags    []string
	Opts    []Opt
	Index   uint32
	Hops    []wayHop
}

type wayHop struct {
	Via    netip.Addr
	Dev    string
	Weight uint8
}

var wayHopKeys = NewKeys(
	Addr("via", "gateway", func(h *wayHop) *netip.Addr { return &h.Via }),
	Str("dev", "interface", func(h *wayHop) *string { return &h.Dev }),
	Num("weight", "share", func(h *wayHop) *uint8 { return &h.Weight }),
)

var wayProtos = Names{2: "kernel", 3: "boot", 4: "static", 16: "dhcp"}

var wayKeys = NewKeys(
	Prefix("dst", "destination", func(w *way) *netip.Prefix { return &w.Dst }).AsID().Or("to"),
	Num("table", "routing table", func(w *way) *uint32 { return &w.Table }).AsID(),
	Num("metric", "preference, lower wins", func(w *way) *uint32 { return &w.Metric }).AsID().Or("preference", "priority"),
	Sub("nexthop", "paths", wayHopKeys, func(w *way) *[]wayHop { return &w.Hops }),
	Addr("via", "gateway", func(w *way) *netip.Addr { return &w.Via }).Or("gateway"),
	Str("dev", "interface", func(w *way) *string { return &w.Dev }),
	Enum("proto", "who made it", wayProtos, func(w *way) *uint8 { return &w.Proto }).Or("protocol"),
	Str("note", "any text", func(w *way) *string { return &w.Note }),
	MAC("lladdr", "neighbour", func(w *way) *[]byte { return &w.MAC }),
	Bool("onlink", "gateway is on the link", func(w *way) *bool { return &w.Onlink }),
	OnOff("learning", "learns", func(w *way) *bool { return &w.Mode }).When(func(w *way) *bool { return &w.HasMode }),
	Num("mtu", "bytes", func(w *way) *int32 { return &w.MTU }),
	Secs("age", "seconds", func(w *way) *time.Duration { return &w.Age }),
	func() Key[way] {
		k := Secs("expires", "seconds left", func(w *way) *time.Duration { return &w.Left })
		k.Runs = true
		return k
	}(),
	Strs("tags", "a list", func(w *way) *[]string { return &w.Tags }),
	Opts("unknown attributes", func(w *way) *[]Opt { return &w.Opts }),
	Num("index", "number", func(w *way) *uint32 { return &w.Index }).ReadOnly(),
)

// A fakeWays is a table in memory that counts what is asked of it.
type fakeWays struct {
	rows  []way
	calls int // of Do
	ops   []Op[way]
	dumps int
	torn  int // so many dumps end with ErrTorn
	table *Table[way]
}

func newFakeWays(rows ...way) *fakeWays {
	f := &fakeWays{rows: rows}
	f.table = &Table[way]{
		Kind: "way", Keys: wayKeys, Rows: f.dump, Do: f.do, Multi: true,
		Norm: func(w *way) {
			if w.Table == 0 {
				w.Table = 254
			}
		},
	}
	return f
}

func (f *fakeWays) dump(ctx context.Context, q *Query[way]) iter.Seq2[*way, error] {
	return func(yield func(*way, error) bool) {
		f.dumps++
		var w way
		for _, w = range f.rows {
			if !yield(&w, nil) {
				return
			}
		}
		if f.torn > 0 {
			f.torn--
			yield(nil, ErrTorn)
		}
	}
}

func (f *fakeWays) do(ctx context.Context, ops []Op[way]) {
	f.calls++
	for i := range ops {
		op := &ops[i]
		f.ops = append(f.ops, *op)
		op.Err = f.one(op)
	}
}

func (f *fakeWays) at(w *way) int {
	for i := range f.rows {
		if f.rows[i].Dst == w.Dst && f.rows[i].Table == w.Table && f.rows[i].Metric == w.Metric {
			return i
		}
	}
	return -1
}

func (f *fakeWays) same(w *way) int {
	for i := range f.rows {
		if reflect.DeepEqual(&f.rows[i], w) {
			return i
		}
	}
	return -1
}

func (f *fakeWays) one(op *Op[way]) error {
	if op.Row.MTU == 13 {
		return &KeyError{Key: "mtu", Err: fmt.Errorf("kernel says no: %w", errors.ErrUnsupported)}
	}
	i := f.at(&op.Row)
	if op.Old != nil {
		if i = f.same(op.Old); i < 0 {
			return errors.New("old is not there")
		}
	}
	switch op.Act {
	case Add:
		if i >= 0 {
			return ErrExist
		}
		f.rows = append(f.rows, op.Row)
	case Append:
		f.rows = append(f.rows, op.Row)
	case Replace:
		if i < 0 {
			f.rows = append(f.rows, op.Row)
			return nil
		}
		f.rows[i] = op.Row
	case Change:
		f.rows[i] = op.Row
	case Del:
		if i < 0 {
			return ErrNotExist
		}
		f.rows = append(f.rows[:i:i], f.rows[i+1:]...)
	}
	return nil
}

// read returns the whole text of a node.
func read(t testing.TB, n Node) string {
	t.Helper()
	h, err := n.(Opener).Open(t.Context(), OpenRead)
	require.NoError(t, err)
	defer h.Close(t.Context())
	return readFrom(t, h)
}

func readFrom(t testing.TB, h Handle) string {
	t.Helper()
	var b []byte
	p := make([]byte, 1000)
	for {
		n, err := h.ReadAt(t.Context(), p, int64(len(b)))
		require.NoError(t, err)
		if n == 0 {
			return string(b)
		}
		b = append(b, p[:n]...)
	}
}

// write writes a text in one piece and closes the file; it returns the first
// error.
func write(t testing.TB, n Node, text string) error {
	t.Helper()
	return writePieces(t, n, []string{text})
}

func writePieces(t testing.TB, n Node, pieces []string) error {
	t.Helper()
	h, err := n.(Opener).Open(t.Context(), OpenWrite)
	require.NoError(t, err)
	var first error
	for _, p := range pieces {
		k, err := h.WriteAt(t.Context(), []byte(p), 0)
		if err == nil && k != len(p) {
			t.Fatalf("wrote %d of %d", k, len(p))
		}
		if first == nil {
			first = err
		}
	}
	if err := h.Close(t.Context()); first == nil {
		first = err
	}
	return first
}

func narrow(t testing.TB, n Node, words string) Node {
	t.Helper()
	w, err := splitName("x" + words)
	require.NoError(t, err)
	n, err = walkWords(t.Context(), n, w)
	require.NoError(t, err)
	return n
}

var nasty = []string{
	"a", "it's", `say "hi"`, `back\slash`, `ends\`, "two words", "\ttab", "new\nline", "cr\r", "#hash", "a#b", "=", "a=b", "dst=x", "nexthop",
	"no", "add", "ü", "\u0085", "\u2028", "\xff\xfe", "a\x01b", "\x7f", "'", "''", `"`, ",", "a,b", "?", "😀", "%", " ", "  x  ", "{", "}]", `\n`, "\xed\xa0\x80",
}

func randomWay(r *rand.Rand) way {
	pick := func() string {
		s := nasty[r.IntN(len(nasty))]
		if r.IntN(3) == 0 {
			s += nasty[r.IntN(len(nasty))]
		}
		return s
	}
	addr := func() netip.Addr {
		if r.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{10, byte(r.Uint32()), byte(r.Uint32()), 1})
		}
		return netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", r.IntN(1<<16)))
	}
	var w way
	a := addr()
	w.Dst = netip.PrefixFrom(a, r.IntN(a.BitLen()+1))
	w.Table = uint32(1 + r.IntN(300))
	maybe := func(f func()) {
		if r.IntN(2) == 0 {
			f()
		}
	}
	maybe(func() { w.Metric = r.Uint32() })
	maybe(func() { w.Via = addr() })
	maybe(func() { w.Dev = pick() })
	maybe(func() { w.Proto = uint8(r.Uint32()) })
	maybe(func() { w.Note = pick() })
	maybe(func() { w.MAC = []byte{1, 2, byte(r.Uint32()), 4, 5, 6} })
	maybe(func() { w.Onlink = true })
	maybe(func() { w.HasMode, w.Mode = true, r.IntN(2) == 0 })
	maybe(func() { w.MTU = int32(r.Uint32()) })
	maybe(func() { w.Age = time.Duration(r.Int64N(1 << 50)) })
	maybe(func() { w.Tags = []string{pick(), pick(), ""} })
	maybe(func() { w.Opts = []Opt{{3, []byte{1, 2}}, {70, []byte{}}} })
	maybe(func() { w.Hops = []wayHop{{Via: addr(), Dev: pick(), Weight: 3}, {}, {Dev: "nexthop"}} })
	return w
}

func TestPrintedRecordsParseBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	d := dialect{sch: &wayKeys.sch}
	for range 20000 {
		w := randomWay(r)
		text := string(wayKeys.appendText(nil, &w, allKeys))
		require.NotContains(t, text, "\n")
		st, err := d.parse(text)
		require.NoError(t, err, text)
		var got way
		require.NoError(t, wayKeys.apply(&got, st.items, nil), text)
		require.Equal(t, w, got, text)

		obj := string(wayKeys.appendJSON(nil, &w))
		require.NotContains(t, obj, "\n")
		st, err = d.parseJSON(obj)
		require.NoError(t, err, obj)
		got = way{}
		require.NoError(t, wayKeys.apply(&got, st.items, nil), obj)
		require.Equal(t, w, got, obj)
	}
}

func TestSpellings(t *testing.T) {
	d := dialect{sch: &wayKeys.sch}
	want := "dst=10.0.0.0/8 table=100 via=192.0.2.1 dev=eth0 proto=static onlink learning=0 mtu=1400 tags=a,b nexthop via=fe80::1 weight=2 nexthop dev=eth1"
	for _, line := range []string{
		want,
		"10.0.0.0/8 via 192.0.2.1 table 100 dev eth0 proto static onlink learning off mtu 1400 tags a,b nexthop via fe80::1 weight 2 nexthop dev eth1",
		"to 10.0.0.0/255.0.0.0 gateway=192.0.2.1 table=0x64 dev 'eth0' protocol 4 onlink nolearning mtu 1400 tags 'a',b nexthop via fe80::1 weight 2 nexthop dev eth1 # a comment",
		"via 192.0.2.1 10.0.0.0/8 100 dev \"eth0\" proto static no learning onlink mtu 1400\ttags a,b nexthop via fe80::1 weight 2 nexthop dev eth1 \r",
		`10.0.0.0/8 100 via 192.0.2.1 dev eth0 proto static no learning onlink nexthop via fe80::1 weight 2 mtu 1400 tags a,b nexthop dev eth1`,
	} {
		st, err := d.parse(line)
		require.NoError(t, err, line)
		var w way
		require.NoError(t, wayKeys.apply(&w, st.items, nil), line)
		require.Equal(t, want, string(wayKeys.appendText(nil, &w, allKeys)), line)
	}
	st, err := d.parseJSON(`{"to":"10.0.0.0/8","table":100,"gateway":"192.0.2.1","dev":"eth0","proto":4,"onlink":true,"learning":false,"mtu":1400,` +
		`"tags":["a","b"],"nexthop":[{"via":"fe80::1","weight":2},{"dev":"eth1"}],"note":null}`)
	require.NoError(t, err)
	var w way
	require.NoError(t, wayKeys.apply(&w, st.items, nil))
	require.Equal(t, want, string(wayKeys.appendText(nil, &w, allKeys)))
}

func TestDefaultTakesItsFamilyFromTheLine(t *testing.T) {
	for line, want := range map[string]string{
		"default":                            "0.0.0.0/0",
		"default via fe80::1 dev eth0":       "::/0",
		"default via 192.0.2.1":              "0.0.0.0/0",
		"default nexthop via fe80::1":        "::/0",
		"dst=default via=2001:db8::1":        "::/0",
		"default dev a:b lladdr 02:00:5e:01": "0.0.0.0/0",
	} {
		items, err := wayKeys.sch.parse(line)
		require.NoError(t, err, line)
		var w way
		require.NoError(t, wayKeys.apply(&w, items, nil))
		require.Equal(t, want, w.Dst.String(), line)
	}
}

func TestWrongLines(t *testing.T) {
	f := newFakeWays()
	for line, want := range map[string]string{
		"add 10.0.0.0/8 gatewy 1.2.3.4": ":1: add 10.0.0.0/8: gatewy: no such key (gateway?); known: ",
		"add dst=10x/8":                 `:1: add 10x/8: dst "10x/8": not a prefix`,
		"add 10.0.0.0/8 via":            ":1: add 10.0.0.0/8: via: needs a value",
		"add 10.0.0.0/8 mtu 1 mtu 2":    `:1: add 10.0.0.0/8: mtu "2": given twice, first as "1"`,
		"add 10.0.0.0/33":               `:1: add 10.0.0.0/33: dst "10.0.0.0/33": prefix length not in 0..32`,
		"add 10.0.0.0/8 table x":        `table "x": not a number`,
		"add 10.0.0.0/8 proto 256":      `proto "256": not in 0..255`,
		"add 10.0.0.0/8 proto bgp":      `proto "bgp": not one of kernel boot static dhcp`,
		"add 10.0.0.0/8 mtu 4294967296": `mtu "4294967296": not a signed number of 32 bits`,
		"add 10.0.0.0/8 note 'x":        "quote is not closed",
		`add 10.0.0.0/8 note "\q"`:      `unknown escape`,
		"add 10.0.0.0/8 index=3":        "index: is read-only",
		"add 10.0.0.0/8 nexthop foo=1":  "foo: no such key",
		"add 10.0.0.0/8 opt.3=xy":       `opt.3 "xy": not hexadecimal`,
		"add 10.0.0.0/8 opt=xy":         `opt "xy": needs a number`,
		"add 10.0.0.0/8 onlink=maybe":   `onlink "maybe": not one of on off 1 0`,
		"add 10.0.0.0/8 nexthop=x":      "nexthop: opens a group",
		"flush":                         "flush needs a filter or the word all",
		"del":                           "which way?",
		"del 10.0.0.0/8":                "no such way",
		"change 10.0.0.0/8 mtu 1400":    "no such way",
		"change mtu 1400":               "dst: is needed to tell which",
		"add 10.0.0.0/8 note a\x00b":    "NUL byte",
		"add 10.0.0.0/8 mtu 13":         `mtu "13": kernel says no`,
		strings.Repeat("x", maxLine+1):  "line is longer than 1 MiB",
	} {
		err := write(t, f.table, line+"\n")
		require.ErrorContains(t, err, want)
		var le *LineError
		require.ErrorAs(t, err, &le)
		require.Equal(t, 1, le.Line)
	}
	require.Empty(t, f.rows)
	require.ErrorIs(t, write(t, f.table, "add dst=10x/8\n"), ErrInvalid)
	require.ErrorIs(t, write(t, f.table, "del 10.0.0.0/8\n"), ErrNotExist)
	require.ErrorIs(t, write(t, f.table, "add 10.0.0.0/8 mtu 13\n"), errors.ErrUnsupported)
}

func TestWhatIsReadCanBeWritten(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 200 {
		var rows []way
		for range r.IntN(40) {
			w := randomWay(r)
			w.Index = r.Uint32()
			if r.IntN(4) == 0 {
				w.Left = time.Second * time.Duration(r.IntN(100))
			}
			rows = append(rows, w)
		}
		for _, words := range []string{"", ".json"} {
			f := newFakeWays(append([]way(nil), rows...)...)
			n := narrow(t, f.table, words)
			text := read(t, n)
			for i := range f.rows {
				if f.rows[i].Left > 0 {
					f.rows[i].Left-- // time goes by
				}
			}
			require.NoError(t, write(t, n, text), text)
			require.Zero(t, f.calls, "round %d: %v", round, f.ops)

			require.NoError(t, write(t, f.table, "flush all\n"))
			require.Empty(t, f.rows)
			require.NoError(t, write(t, n, text), text)
			for i := range f.rows {
				f.rows[i].Index = rows[i].Index
			}
			require.Equal(t, text, read(t, n))
		}
	}
}

func TestCutsDoNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	lines := []string{
		"10.0.0.0/8 via 192.0.2.1", "add 10.1.0.0/16 mtu 1400", "add 10.1.0.0/16 mtu 1400", "10.1.0.0/16 mtu 1300 # again", "del 10.0.0.0/8",
		"append 10.0.0.0/8 \\", "change 10.1.0.0/16 note 'x y'", "replace 10.0.0.0/8 dev eth1", "bogus line here", "", "# only this", "destroy 10.7.0.0/16",
		"10.0.0.0/8 via 192.0.2.2", "flush mtu 1300", "add 10.2.0.0/16 mtu 13", "add 10.3.0.0/16 note \"a\\nb\"\r", "x\x00y", "10.4.0.0/16 dev a dev b", `note \`,
	}
	for _, ordered := range []bool{false, true} {
		for range 300 {
			var text string
			for range 1 + r.IntN(12) {
				text += lines[r.IntN(len(lines))] + "\n"
			}
			if r.IntN(3) == 0 {
				text = strings.TrimSuffix(text, "\n")
			}
			whole := newFakeWays()
			whole.table.Ordered = ordered
			want := write(t, whole.table, text)
			cut := newFakeWays()
			cut.table.Ordered = ordered
			got := writeCut(t, r, cut.table, text, ordered)
			require.Equal(t, whole.rows, cut.rows, "%q", text)
			require.Equal(t, plainError(want), plainError(got), "%q", text)
		}
	}
}

// writeCut writes pieces of random length. A writer to an ordered table stops at
// its first error, as programs do.
func writeCut(t *testing.T, r *rand.Rand, n Node, text string, stop bool) error {
	h, err := n.(Opener).Open(t.Context(), OpenWrite)
	require.NoError(t, err)
	var first error
	for len(text) > 0 && !(stop && first != nil) {
		k := min(len(text), 1+r.IntN(20))
		_, err := h.WriteAt(t.Context(), []byte(text[:k]), 77)
		text = text[k:]
		if first == nil {
			first = err
		}
	}
	if stop && first != nil {
		h.(*tableFile[way]).w = nil
	}
	if err := h.Close(t.Context()); first == nil {
		first = err
	}
	return first
}

func plainError(err error) string {
	var le *LineError
	if !errors.As(err, &le) {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%d %s %v", le.Line, le.Head, le.Err)
}

func TestCutsOfJSONDoNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	objs := []string{
		`{"dst":"10.0.0.0/8","via":"192.0.2.1"}`, `{"op":"add","dst":"10.1.0.0/16","mtu":1400}`, `{"dst":"10.1.0.0/16","note":"a } ] \" \\","mtu":1300}`,
		`{"op":"del","dst":"10.0.0.0/8"}`, `{"op":"nope"}`, "{\n\"dst\":\"10.2.0.0/16\",\n\"nexthop\":[{\"dev\":\"a\"},{}]}", `{"dst":7}`, `{"inconsistent":true}`,
		`{"op":"flush","all":true}`, `{"dst":"10.9.0.0/16","mtu":13}`,
	}
	for _, ordered := range []bool{false, true} {
		for range 300 {
			var list []string
			for range 1 + r.IntN(8) {
				list = append(list, objs[r.IntN(len(objs))])
			}
			text := "[\n" + strings.Join(list, ",\n") + "\n]\n"
			switch r.IntN(5) {
			case 0:
				text = strings.Join(list, "\n")
			case 1:
				text = text[:r.IntN(len(text))]
			case 2:
				text += text
			case 3:
				text = text[:len(text)/2] + "}" + text[len(text)/2:]
			}
			whole := newFakeWays()
			whole.table.Ordered = ordered
			want := write(t, narrow(t, whole.table, ".json"), text)
			cut := newFakeWays()
			cut.table.Ordered = ordered
			got := writeCut(t, r, narrow(t, cut.table, ".json"), text, ordered)
			require.Equal(t, whole.rows, cut.rows, "%s", text)
			require.Equal(t, plainError(want), plainError(got), "%s", text)
		}
	}
}

func TestVerbs(t *testing.T) {
	f := newFakeWays()
	require.NoError(t, write(t, f.table, "add 10.0.0.0/8 via 192.0.2.1\nadd 10.1.0.0/16 dev eth0\n"))
	require.Equal(t, 1, f.calls, "independent lines go together")
	require.ErrorIs(t, write(t, f.table, "add 10.0.0.0/8 via 192.0.2.1\n"), ErrExist)

	require.NoError(t, write(t, f.table, "change 10.0.0.0/8 mtu 1400\n"))
	op := f.ops[len(f.ops)-1]
	require.Equal(t, Change, op.Act)
	require.True(t, op.Has("mtu"))
	require.False(t, op.Has("dst"))
	require.Equal(t, "192.0.2.1", op.Row.Via.String(), "the rest stays")

	n := f.calls
	require.NoError(t, write(t, f.table, "change 10.0.0.0/8 mtu 1400\n10.0.0.0/8 mtu=1400 index=9\nreplace 10.1.0.0/16\n"))
	require.Equal(t, n, f.calls, "it is so already")

	require.NoError(t, write(t, f.table, "10.0.0.0/8 via 192.0.2.9\n"))
	require.Len(t, f.rows, 2)
	require.NoError(t, write(t, f.table, "append 10.0.0.0/8 via 192.0.2.3\n"))
	require.Len(t, f.rows, 3)
	err := write(t, f.table, "del 10.0.0.0/8\n")
	require.ErrorContains(t, err, "matches 2")
	require.ErrorIs(t, err, ErrInvalid)
	require.NoError(t, write(t, f.table, "del 10.0.0.0/8 via 192.0.2.3\n"))
	require.NoError(t, write(t, f.table, "destroy 10.0.0.0/8 via 192.0.2.3\n"))
	require.Len(t, f.rows, 2)
	require.NoError(t, write(t, f.table, "flush dev eth0\n"))
	require.Len(t, f.rows, 1)

	err = write(t, f.table, "add 10.9.0.0/16\nadd 10.0.0.0/8\nadd 10.8.0.0/16\n")
	require.EqualError(t, err, ":2: add 10.0.0.0/8: file already exists (1 of 3 lines failed)")
	require.Len(t, f.rows, 3)
}

func TestFiltersColumnsAndImpliedKeys(t *testing.T) {
	f := newFakeWays()
	require.NoError(t, write(t, f.table, "10.0.0.0/8 dev eth0 metric 5\n10.1.0.0/16 dev eth1 tags a,'b,c'\n2001:db8::/32 dev eth0 note 'x y'\n"))
	require.Equal(t, "dst=10.1.0.0/16 table=254 dev=eth1 tags=a,'b,c'\n", read(t, narrow(t, f.table, ",dev=eth1")))
	require.Equal(t, read(t, f.table), read(t, narrow(t, f.table, ",dev=eth1,dev=eth0")))
	require.Equal(t, "10.0.0.0/8\t5\n2001:db8::/32\t\n", read(t, narrow(t, f.table, ",dev!=eth1,dst,metric")))
	require.Equal(t, "eth0\n", read(t, narrow(t, f.table, ",dst=10.0.0.0_8,dev")))
	require.Equal(t, "eth1\n", read(t, narrow(t, f.table, ",tags=b%2Cc,dev")))
	require.Equal(t, "", read(t, narrow(t, f.table, ",dst=default")))
	require.Equal(t, "[\n{\"dst\":\"2001:db8::/32\"}\n]\n", read(t, narrow(t, f.table, ",note=x y,dst.json")))
	_, err := walkWords(t.Context(), f.table, nameWords{filters: []wordFilter{{key: "dve", value: "x"}}})
	require.ErrorContains(t, err, "dve: no such key (dev?); known: dst table metric")

	eth0 := f.table.With("dev", "eth0")
	require.Equal(t, "dst=10.0.0.0/8 table=254 metric=5\ndst=2001:db8::/32 table=254 note='x y'\n", read(t, eth0))
	require.NoError(t, write(t, eth0, "add 10.7.0.0/16\n"))
	require.Equal(t, "eth0", f.rows[3].Dev)
	require.ErrorContains(t, write(t, eth0, "add 10.7.0.0/16 dev eth1\n"), `dev "eth1": this file is for dev=eth0`)
	require.ErrorContains(t, write(t, eth0, "del 10.1.0.0/16\n"), "no such way")
	require.NoError(t, write(t, eth0, "flush all\n"))
	require.Equal(t, "dst=10.1.0.0/16 table=254 dev=eth1 tags=a,'b,c'\n", read(t, f.table))
}

func TestReadIsOneSnapshot(t *testing.T) {
	f := newFakeWays(way{Dst: netip.MustParsePrefix("10.0.0.0/8")})
	h, err := f.table.Open(t.Context(), OpenRead|OpenWrite)
	require.NoError(t, err)
	p := make([]byte, 4)
	n, err := h.ReadAt(t.Context(), p, 4)
	require.NoError(t, err)
	require.Equal(t, "10.0", string(p[:n]))
	n, _ = h.ReadAt(t.Context(), p, 0)
	require.Equal(t, "dst=", string(p[:n]))
	f.rows = nil
	require.Equal(t, "dst=10.0.0.0/8\n", readFrom(t, h))
	require.Equal(t, "", readFrom(t, h), "offset 0 after the end begins anew")
	_, err = h.WriteAt(t.Context(), []byte("10.2.0.0/16\n"), 0)
	require.NoError(t, err)
	require.Equal(t, "dst=10.2.0.0/16 table=254\n", readFrom(t, h))
	require.NoError(t, h.Close(t.Context()))
}

func TestTornDumps(t *testing.T) {
	row := way{Dst: netip.MustParsePrefix("10.0.0.0/8")}
	f := newFakeWays(row)
	f.torn = 4
	require.Equal(t, "dst=10.0.0.0/8\n", read(t, f.table))
	f.torn = 5
	require.Equal(t, "dst=10.0.0.0/8\n# inconsistent: changed while it was read\n", read(t, f.table))
	f.torn = 5
	js := narrow(t, f.table, ".json")
	text := read(t, js)
	require.Equal(t, "[\n{\"dst\":\"10.0.0.0/8\"},\n{\"inconsistent\":true}\n]\n", text)
	f.rows[0].Table = 254
	require.NoError(t, write(t, js, text))
	require.Zero(t, f.calls)
}

func manyWays(n int) []way {
	rows := make([]way, n)
	for i := range rows {
		rows[i] = way{Dst: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), Table: 254}
	}
	return rows
}

// What is read once is not kept, however long it is.
func TestReadOnce(t *testing.T) {
	f := newFakeWays(manyWays(400_000)...)
	whole := read(t, f.table)
	require.Greater(t, len(whole), 8<<20)
	h, err := f.table.Open(t.Context(), OpenRead|OpenOnce)
	require.NoError(t, err)
	for range 2 { // after its end it begins anew
		p := make([]byte, 100_000)
		for off := 0; ; {
			n, err := h.ReadAt(t.Context(), p, int64(off))
			require.NoError(t, err)
			if n == 0 {
				require.Equal(t, len(whole), off)
				break
			}
			require.Equal(t, whole[off:off+n], string(p[:n]))
			require.Less(t, memory.held.Load(), int64(8<<20))
			off += n
		}
		_, err = h.ReadAt(t.Context(), p, 1000)
		require.ErrorIs(t, err, ErrInvalid)
	}
	require.NoError(t, h.Close(t.Context()))
	require.Zero(t, memory.held.Load())
}

// Changes go to the kernel while the next lines are read, in the order that
// their identities want, and what fails of them is told by its line.
// A write that is interrupted takes whole lines, and a program that writes the rest
// again does nothing twice.
func TestInterruptedWrite(t *testing.T) {
	text := "add 10.0.0.1/32\nadd 10.0.0.2/32\nadd 10.0.0.3/32\nadd 10.0.0.4/32\n"
	for cut := 1; cut <= len(text); cut++ {
		f := newFakeWays()
		h, err := f.table.Open(t.Context(), OpenWrite)
		require.NoError(t, err)
		f.table.Ordered = true // each line is done when it has come
		do := f.table.Do
		ctx, cancel := context.WithCancel(t.Context())
		f.table.Do = func(inner context.Context, ops []Op[way]) {
			do(inner, ops)
			cancel()
			require.NoError(t, inner.Err())
		}
		for rest, piece := text, 0; rest != ""; {
			n, err := h.WriteAt(ctx, []byte(rest[:min(cut, len(rest))]), int64(piece))
			if err != nil {
				require.ErrorIs(t, err, context.Canceled)
				require.Zero(t, n)
			}
			rest = rest[n:]
			ctx, cancel = context.WithCancel(t.Context())
		}
		require.NoError(t, h.Close(t.Context()))
		require.Len(t, f.rows, 4, "cut %d", cut)
		cancel()
	}
}

func TestLongWrite(t *testing.T) {
	f := newFakeWays()
	text := make([]byte, 0, 1<<20)
	for _, w := range manyWays(3*maxBatch + 10) {
		text = append(w.Dst.AppendTo(append(text, "add "...)), '\n')
	}
	text = append(text, "del 10.0.0.7/32\nadd 10.0.0.7/32 metric 5\n"...)
	require.NoError(t, write(t, f.table, string(text)))
	require.Len(t, f.rows, 3*maxBatch+10)
	require.Equal(t, uint32(5), f.rows[len(f.rows)-1].Metric)
	require.Equal(t, 5, f.calls)

	err := write(t, f.table, string(text))
	require.ErrorIs(t, err, ErrExist)
	var le *LineError
	require.ErrorAs(t, err, &le)
	require.Equal(t, LineError{Line: 1, Head: "add 10.0.0.0/32", Err: le.Err, Failed: 3*maxBatch + 9 + 2, Of: 3*maxBatch + 12}, *le)

	f.table.Do = func(context.Context, []Op[way]) { panic("broken") }
	h, err := f.table.Open(t.Context(), OpenWrite)
	require.NoError(t, err)
	require.PanicsWithValue(t, "broken", func() { h.WriteAt(t.Context(), text, 0) })
	require.NoError(t, h.Close(t.Context()))
}

func TestBigTablesSpill(t *testing.T) {
	defer SetMemory(256 << 20)
	f := newFakeWays(manyWays(30_000)...)
	whole := read(t, f.table)
	require.Zero(t, memory.held.Load())
	SetMemory(200 << 10)
	h, err := f.table.Open(t.Context(), OpenRead)
	require.NoError(t, err)
	require.Equal(t, whole, readFrom(t, h))
	d := h.(*tableFile[way]).dump
	require.NotNil(t, d.text.file)
	require.LessOrEqual(t, memory.held.Load(), int64(200<<10))
	p := make([]byte, 100000)
	n, err := h.ReadAt(t.Context(), p, 150000)
	require.NoError(t, err)
	require.Equal(t, whole[150000:250000], string(p[:n]))
	require.NoError(t, h.Close(t.Context()))
	require.Zero(t, memory.held.Load())

	// A table that is not small is dumped once for all lines of a write, and
	// again only when writes pause.
	f.dumps = 0
	require.NoError(t, write(t, f.table, whole))
	require.LessOrEqual(t, f.dumps, 2)
	require.Zero(t, f.calls)
}

func TestSortedTables(t *testing.T) {
	f := newFakeWays()
	f.table.Sorted = true
	require.NoError(t, write(t, f.table, "10.0.0.10/32\n10.0.0.9/32 note z\n10.0.0.9/32 note a metric 1\n9.0.0.0/8\n"))
	require.Equal(t, "9.0.0.0/8\n10.0.0.9/32\n10.0.0.9/32\n10.0.0.10/32\n", read(t, narrow(t, f.table, ",dst")))
	require.Equal(t, "[\n{\"dst\":\"9.0.0.0/8\"},\n{\"dst\":\"10.0.0.9/32\"},\n{\"dst\":\"10.0.0.9/32\"},\n{\"dst\":\"10.0.0.10/32\"}\n]\n", read(t, narrow(t, f.table, ",dst.json")))
	f.rows = nil
	require.Equal(t, "[]\n", read(t, narrow(t, f.table, ",dst.json")))
}

func TestPrintingAllocatesNothing(t *testing.T) {
	w := benchWay
	b := make([]byte, 0, 4096)
	require.Zero(t, testing.AllocsPerRun(100, func() { b = wayKeys.appendText(b[:0], &w, allKeys) }))
}

var benchWay = way{
	Dst: netip.MustParsePrefix("10.11.12.0/24"), Table: 254, Via: netip.MustParseAddr("192.0.2.1"), Dev: "eth0", Proto: 4,
	Metric: 100, Onlink: true, MTU: 1400,
}

func BenchmarkPrintRecord(b *testing.B) {
	w := benchWay
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = wayKeys.appendText(buf[:0], &w, allKeys)
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkReadTable(b *testing.B) {
	const rows = 100000
	table := newFakeWays().table.narrowed()
	table.Rows = func(ctx context.Context, q *Query[way]) iter.Seq2[*way, error] {
		return func(yield func(*way, error) bool) {
			w := benchWay
			for range rows {
				if !yield(&w, nil) {
					return
				}
			}
		}
	}
	p := make([]byte, 128<<10)
	b.ReportAllocs()
	for b.Loop() {
		h, _ := table.Open(b.Context(), OpenRead)
		for off := int64(0); ; {
			n, err := h.ReadAt(b.Context(), p, off)
			require.NoError(b, err)
			if n == 0 {
				break
			}
			off += int64(n)
		}
		h.Close(b.Context())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

func BenchmarkWriteLines(b *testing.B) {
	f := newFakeWays()
	f.table.Do = func(ctx context.Context, ops []Op[way]) {}
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "dst=10.%d.%d.0/24 via=192.0.2.1 dev=eth0 proto=static metric=100\n", i>>8, i&255)
	}
	b.ReportAllocs()
	for b.Loop() {
		h, _ := f.table.Open(b.Context(), OpenWrite)
		h.WriteAt(b.Context(), []byte(text.String()), 0)
		h.Close(b.Context())
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/line")
}

func FuzzTokenize(f *testing.F) {
	for _, s := range nasty {
		f.Add("a=" + s)
	}
	f.Add(`a='b''c' "d\x41" # e`)
	f.Fuzz(func(t *testing.T, s string) {
		toks, err := tokenize(s, nil)
		if err != nil {
			return
		}
		for _, tok := range toks {
			again, err := tokenize(string(appendQuoted(nil, tok.text)), nil)
			if err != nil || len(again) != 1 || again[0].text != tok.text {
				t.Fatalf("%q quoted is %q", tok.text, appendQuoted(nil, tok.text))
			}
		}
	})
}

func FuzzLine(f *testing.F) {
	for _, s := range nasty {
		f.Add("add 10.0.0.0/8 note " + s + " nexthop dev " + s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := dialect{sch: &wayKeys.sch}
		st, err := d.parse(s)
		if err != nil {
			return
		}
		var w way
		if wayKeys.apply(&w, st.items, nil) != nil {
			return
		}
		text := string(wayKeys.appendText(nil, &w, allKeys))
		items, err := wayKeys.sch.parse(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var again way
		if err := wayKeys.apply(&again, items, nil); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got := string(wayKeys.appendText(nil, &again, allKeys)); got != text {
			t.Fatalf("%q, again %q", text, got)
		}
	})
}

func FuzzJSON(f *testing.F) {
	w := randomWay(rand.New(rand.NewPCG(1, 1)))
	f.Add(string(wayKeys.appendJSON(nil, &w)))
	f.Add(`{"op":"add","dst":"10.0.0.0/8","nexthop":[{"via":"fe80::1"}],"tags":["a","\ud83d\ude00\udcff"]}`)
	f.Fuzz(func(t *testing.T, s string) {
		d := dialect{sch: &wayKeys.sch}
		st, err := d.parseJSON(s)
		if err != nil {
			return
		}
		var w way
		if wayKeys.apply(&w, st.items, nil) != nil {
			return
		}
		text := string(wayKeys.appendJSON(nil, &w))
		st, err = d.parseJSON(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		var again way
		if err := wayKeys.apply(&again, st.items, nil); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got := string(wayKeys.appendJSON(nil, &again)); got != text {
			t.Fatalf("%q, again %q", text, got)
		}
	})
}
