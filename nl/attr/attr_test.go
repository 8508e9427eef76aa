package attr

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAppendAndNext(t *testing.T) {
	var b []byte
	var err error
	b = AppendU8(b, 1, 7)
	b = AppendU16(b, 2, 0x1234)
	b = AppendU32(b, 3, 0xdeadbeef)
	b = AppendU64(b, 4, math.MaxUint64-1)
	b = AppendBE16(b, 5|FlagNetOrder, 80)
	b = AppendBE32(b, 6, 0x01020304)
	b = AppendBE64(b, 7, 0x0102030405060708)
	b = AppendFlag(b, 8)
	b, err = AppendString(b, 9, "veth")
	require.NoError(t, err)
	b, err = AppendStringNoNUL(b, 10, "abc")
	require.NoError(t, err)
	b = AppendAddr(b, 11, netip.MustParseAddr("192.0.2.1"))
	b = AppendAddr(b, 12, netip.MustParseAddr("2001:db8::1"))
	b, n := Begin(b, 13)
	assert.True(t, Empty(b, n))
	b = AppendU8(b, 1, 1)
	b, err = End(b, n)
	require.NoError(t, err)
	assert.Zero(t, len(b)%4)

	got := map[uint16][]byte{}
	for typ, v := range All(b) {
		got[typ] = v
	}
	assert.Len(t, got, 13)
	assert.Equal(t, uint8(7), U8(got[1]))
	assert.Equal(t, uint16(0x1234), U16(got[2]))
	assert.Equal(t, uint32(0xdeadbeef), U32(got[3]))
	assert.Equal(t, uint64(math.MaxUint64-1), U64(got[4]))
	assert.Equal(t, uint16(80), BE16(got[5]))
	assert.Equal(t, uint32(0x01020304), BE32(got[6]))
	assert.Equal(t, uint64(0x0102030405060708), BE64(got[7]))
	assert.Empty(t, got[8])
	assert.Equal(t, "veth", String(got[9]))
	assert.Equal(t, []byte("veth\x00"), got[9])
	assert.Equal(t, []byte("abc"), got[10])
	assert.Equal(t, "192.0.2.1", Addr(got[11]).String())
	assert.Equal(t, "2001:db8::1", Addr(got[12]).String())
	inner, ok := Find(got[13], 1)
	assert.True(t, ok)
	assert.Equal(t, []byte{1}, inner)
	_, ok = Find(got[13], 2)
	assert.False(t, ok)
}

func TestWireForm(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("literals are little endian")
	}
	b, err := AppendString(nil, 3, "lo")
	require.NoError(t, err)
	assert.Equal(t, []byte{7, 0, 3, 0, 'l', 'o', 0, 0}, b)
	b, n := Begin(nil, 18)
	b = AppendU8(b, 1, 9)
	b, err = End(b, n)
	require.NoError(t, err)
	assert.Equal(t, []byte{12, 0, 18, 0x80, 5, 0, 1, 0, 9, 0, 0, 0}, b)
	assert.Equal(t, uint16(FlagNested), Flags(b))
	assert.Empty(t, Cancel(b, n))
}

// A value that does not fit must be refused: its length would wrap and read as another message.
func TestTooLong(t *testing.T) {
	big := make([]byte, MaxLen-HeaderLen+1)
	var tooLong *TooLongError
	_, err := AppendBytes(nil, 5, big)
	require.ErrorAs(t, err, &tooLong)
	assert.Equal(t, TooLongError{Type: 5, Len: len(big)}, *tooLong)
	b, err := AppendBytes(nil, 5, big[1:])
	require.NoError(t, err)
	_, v, _, ok := Next(b)
	assert.True(t, ok)
	assert.Len(t, v, len(big)-1)
	_, err = AppendString(nil, 5, string(big[1:]))
	assert.ErrorAs(t, err, &tooLong)
	_, err = AppendStringNoNUL(nil, 5, string(big))
	assert.ErrorAs(t, err, &tooLong)

	b, n := Begin(nil, 6)
	for range 2 {
		b, err = AppendBytes(b, 1, big[:40000])
		require.NoError(t, err)
	}
	_, err = End(b, n)
	require.ErrorAs(t, err, &tooLong)
	assert.Equal(t, uint16(6), tooLong.Type)
}

func TestBrokenFraming(t *testing.T) {
	for name, c := range map[string]struct {
		in []byte
		ok bool // the leftover is padding
	}{
		"empty":             {nil, true},
		"three bytes":       {[]byte{4, 0, 1}, true},
		"length below head": {binary.NativeEndian.AppendUint32(nil, 3), false},
		"zero length":       {make([]byte, 8), false},
		"longer than left":  {head(nil, 1, 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, rest, ok := Next(c.in)
			assert.False(t, ok)
			assert.Equal(t, c.in, rest)
			if c.ok {
				assert.NoError(t, Check(rest))
				return
			}
			var e *FramingError
			require.ErrorAs(t, Check(rest), &e)
			assert.Equal(t, len(c.in), e.Left)
		})
	}
	// The last attribute may lack its padding.
	b := AppendU8(nil, 1, 9)[:5]
	_, v, rest, ok := Next(b)
	assert.True(t, ok)
	assert.Equal(t, []byte{9}, v)
	assert.Empty(t, rest)
}

func TestIntegersByTheLengthThatCame(t *testing.T) {
	for _, width := range []int{1, 2, 4, 8} {
		var host [8]byte
		switch width {
		case 1:
			host[0] = 200
		case 2:
			binary.NativeEndian.PutUint16(host[:], 200)
		case 4:
			binary.NativeEndian.PutUint32(host[:], 200)
		case 8:
			binary.NativeEndian.PutUint64(host[:], 200)
		}
		v := host[:width]
		assert.Equal(t, uint64(200), Uint(v))
		assert.Equal(t, uint8(200), U8(v))
		assert.Equal(t, uint16(200), U16(v))
		assert.Equal(t, uint32(200), U32(v))
		assert.Equal(t, uint64(200), U64(v))
		net := make([]byte, width)
		net[width-1] = 200
		assert.Equal(t, uint64(200), BEUint(net))
		assert.Equal(t, int64(-1), Int(bytes.Repeat([]byte{255}, width)))
		assert.Equal(t, int64(-1), BEInt(bytes.Repeat([]byte{255}, width)))
	}
	for _, odd := range [][]byte{nil, {1, 2, 3}, make([]byte, 16)} {
		assert.Zero(t, Uint(odd))
		assert.Zero(t, BEUint(odd))
		assert.Zero(t, Int(odd))
		assert.Zero(t, U32(odd))
	}
}

func TestText(t *testing.T) {
	assert.Equal(t, "lo", String([]byte("lo\x00junk")))
	assert.Equal(t, "lo", String([]byte("lo")))
	assert.Equal(t, "", String(nil))
	old := "veth"
	v := []byte("veth\x00")
	assert.Zero(t, testing.AllocsPerRun(100, func() { old = Reuse(v, old) }))
	assert.Equal(t, "br0", Reuse([]byte("br0\x00"), old))
	assert.False(t, Addr([]byte{1, 2, 3}).IsValid())
}

func TestReadingAllocatesNothing(t *testing.T) {
	var b []byte
	for i := range 20 {
		b = AppendU32(b, uint16(i), uint32(i))
	}
	var sum uint32
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for _, v := range All(b) {
			sum += U32(v)
		}
	}))
	assert.NotZero(t, sum)
}

// Route-like: names and shapes as in rtnetlink, numbers of our own.
func schema() *Schema {
	hop := func() *Schema {
		s := schema()
		return &Schema{Header: 8, Attrs: s.Attrs, Record: func(b []byte) int {
			if len(b) < 8 {
				return 0
			}
			return int(binary.NativeEndian.Uint16(b))
		}}
	}
	return &Schema{Header: 12, Attrs: map[uint16]Attr{
		1: {Name: "DST"},
		2: {Name: "GATEWAY"},
		3: {Name: "METRICS", Nest: func() *Schema { return &Schema{Attrs: map[uint16]Attr{1: {Name: "MTU"}}} }},
		4: {Name: "MULTIPATH", Nest: hop},
		5: {Name: "LIST", Array: true, Nest: func() *Schema { return &Schema{Attrs: map[uint16]Attr{1: {Name: "ELEM"}}} }},
		6: {Name: "PROP", Multi: true, Nest: func() *Schema { return &Schema{Attrs: map[uint16]Attr{7: {Name: "INNER"}}} }},
		8: {Name: "KIND"},
		9: {Name: "DATA", Choose: func(set []byte) *Schema {
			if kind, _ := Find(set, 8); String(kind) != "veth" {
				return nil
			}
			return &Schema{Attrs: map[uint16]Attr{1: {Name: "PEER"}}}
		}},
	}}
}

func TestPath(t *testing.T) {
	var err error
	b := make([]byte, 12)
	at := map[string]int{}
	mark := func(path string) { at[path] = len(b) }
	nest := func(typ uint16, inside func()) {
		var n Nest
		b, n = Begin(b, typ)
		inside()
		b, err = End(b, n)
		require.NoError(t, err)
	}
	mark("DST")
	b = AppendU32(b, 1, 1)
	mark("METRICS")
	nest(3, func() {
		mark("METRICS.#9")
		b = AppendU32(b, 9, 1)
		mark("METRICS.MTU")
		b = AppendU32(b, 1, 1)
	})
	mark("MULTIPATH")
	nest(4, func() {
		for range 2 {
			rec := len(b)
			b = append(b, make([]byte, 8)...)
			b = AppendU32(b, 2, 1)
			binary.NativeEndian.PutUint16(b[rec:], uint16(len(b)-rec))
		}
		at["MULTIPATH[1]"] = len(b) - 16
		at["MULTIPATH[1].GATEWAY"] = len(b) - 8
		at["MULTIPATH[0].GATEWAY"] = len(b) - 24
	})
	mark("LIST")
	nest(5, func() {
		for _, path := range []string{"LIST[0].ELEM", "LIST[1].ELEM"} {
			nest(77, func() {
				mark(path)
				b = AppendU32(b, 1, 1)
			})
		}
	})
	for _, path := range []string{"PROP[0].INNER", "PROP[1].INNER"} {
		nest(6, func() {
			mark(path)
			b = AppendU32(b, 7, 1)
		})
	}
	b, err = AppendString(b, 8, "veth")
	require.NoError(t, err)
	nest(9, func() {
		mark("DATA.PEER")
		b = AppendU8(b, 1, 1)
	})
	mark("#100")
	b = AppendU8(b, 100, 1)

	s := schema()
	for path, off := range at {
		assert.Equal(t, path, s.Path(b, off), "offset %d", off)
	}
	for _, off := range []int{-1, 0, 11, len(b), len(b) + 100} {
		assert.Empty(t, s.Path(b, off), "offset %d", off)
	}
	assert.Equal(t, "GATEWAY", s.MissPath(b, -1, 2))
	assert.Equal(t, "METRICS.MTU", s.MissPath(b, at["METRICS"], 1))
	assert.Equal(t, "MULTIPATH[1].DST", s.MissPath(b, at["MULTIPATH[1]"], 1))
	assert.Equal(t, "DATA.#5", s.MissPath(b, at["DATA.PEER"]-4, 5))
	assert.Empty(t, (*Schema)(nil).Path(b, 12))
}

func FuzzNext(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendU8(AppendU32(nil, 1, 2), 3, 4))
	f.Add([]byte{5, 0, 1, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		var err error
		rest := b
		for {
			flags := Flags(rest)
			typ, v, next, ok := Next(rest)
			if !ok {
				break
			}
			if len(next) >= len(rest) {
				t.Fatal("no progress")
			}
			if again, err = AppendRaw(again, Raw{Type: typ | flags, Data: v}); err != nil {
				t.Fatal(err)
			}
			rest = next
		}
		if err := Check(rest); err != nil && !errors.As(err, new(*FramingError)) {
			t.Fatal(err)
		}
		// What was read and written again reads the same.
		var one, two []Raw
		for typ, v := range All(b) {
			one = append(one, Raw{typ, v})
		}
		for typ, v := range All(again) {
			two = append(two, Raw{typ, v})
		}
		if len(one) != len(two) {
			t.Fatalf("%d attributes, %d after writing", len(one), len(two))
		}
		for i := range one {
			if one[i].Type != two[i].Type || !bytes.Equal(one[i].Data, two[i].Data) {
				t.Fatalf("attribute %d differs", i)
			}
		}
		for _, v := range one {
			Uint(v.Data)
			Int(v.Data)
			BEInt(v.Data)
			Addr(v.Data)
			Text(v.Data)
		}
	})
}

func FuzzPath(f *testing.F) {
	f.Add(make([]byte, 40), 16)
	f.Fuzz(func(t *testing.T, b []byte, off int) {
		s := schema()
		s.Path(b, off)
		s.MissPath(b, off, 3)
	})
}
