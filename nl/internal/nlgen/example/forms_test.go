package example

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl/attr"
)

func body(t *testing.T, m interface {
	AppendBody([]byte) ([]byte, error)
}) []byte {
	t.Helper()
	b, err := m.AppendBody(nil)
	require.NoError(t, err)
	return b
}

func decoded(t *testing.T, b []byte) *All {
	t.Helper()
	m := &All{}
	require.NoError(t, m.Decode(b))
	return m
}

// header is the 5 bytes of Header and their padding.
func header(family byte) []byte { return []byte{family, 0, 0, 0, 0, 0, 0, 0} }

func TestIntegersAreTakenByTheLengthThatCame(t *testing.T) {
	b := attr.AppendU8(header(0), X_U32, 7)
	b = attr.AppendU64(b, X_U16, 9)
	b = attr.AppendU16(b, X_I64, 0xfffe)
	b = attr.AppendBE64(b, X_BE16, 5)
	b, _ = attr.AppendBytes(b, X_U64, []byte{1, 2, 3}) // no integer
	m := decoded(t, b)
	assert.EqualValues(t, 7, m.U32)
	assert.EqualValues(t, 9, m.U16)
	assert.EqualValues(t, -2, m.I64)
	assert.EqualValues(t, 5, m.BE16)
	assert.Zero(t, m.U64)
	assert.True(t, m.Has.Has(AllU32|AllU16|AllI64))
	assert.False(t, m.Has.Has(AllU8))
}

func TestZeroIsSentIfItsBitIsSet(t *testing.T) {
	assert.Len(t, body(t, &All{}), 8+8, "the header and what is always sent")
	m := &All{Has: AllU32 | AllString | AllNest | AllPacked | AllBool}
	got := decoded(t, body(t, m))
	assert.Equal(t, m.Has|AllAlways, got.Has)
}

func TestUnionIsChosenByItsNeighbour(t *testing.T) {
	for _, m := range []*All{
		{Kind: "sub", Sub: Sub{Name: "x"}},
		{Kind: "other", Sub: Sub{Name: "x"}},
		{Kind: "number", Number: 7},
		{Kind: "else", Data: []byte{1, 2, 3}},
	} {
		got := decoded(t, body(t, m))
		assert.Equal(t, m.Kind, got.Kind)
		assert.Equal(t, m.Sub.Name, got.Sub.Name, m.Kind)
		assert.Equal(t, m.Number, got.Number, m.Kind)
		assert.Equal(t, m.Data, got.Data, m.Kind)
	}
	wrong := &All{Kind: "number", Sub: Sub{Name: "x"}, Data: []byte{1}}
	assert.Equal(t, body(t, &All{Kind: "number"}), body(t, wrong), "only the one that is meant is sent")

	// The kind may come behind.
	b := attr.AppendU32(header(0), X_DATA, 7)
	b, err := attr.AppendString(b, X_KIND, "number")
	require.NoError(t, err)
	assert.EqualValues(t, 7, decoded(t, b).Number)
}

func TestUnionIsChosenByTheHeader(t *testing.T) {
	m := &All{Spec: Sub{Name: "seven"}, V4: Bare{Name: "two"}}
	m.Hdr.Family = 7
	assert.Equal(t, "seven", decoded(t, body(t, m)).Spec.Name)
	assert.Empty(t, decoded(t, body(t, m)).V4.Name)
	m.Hdr.Family = 2
	assert.Equal(t, "two", decoded(t, body(t, m)).V4.Name)
}

func TestUnknownAttributesAreKeptOnRequest(t *testing.T) {
	inner, n := attr.Begin(header(0), X_NEST)
	inner, _ = attr.AppendString(inner, Y_NAME, "known")
	inner = attr.AppendU32(inner, 99, 5)
	b, err := attr.End(inner, n)
	require.NoError(t, err)
	b = attr.AppendU16(b, 4711|attr.FlagNested, 3)
	b = attr.AppendU32(b, X_PAD, 0) // known, and not wanted

	m := decoded(t, b)
	assert.Empty(t, m.Rest)
	assert.Empty(t, m.Nest.Rest)
	for range 2 { // the wish survives a Decode
		m.Has |= AllRest
		require.NoError(t, m.Decode(b))
		assert.Equal(t, []attr.Raw{{Type: 4711 | attr.FlagNested, Data: []byte{3, 0}}}, m.Rest)
		require.Len(t, m.Nest.Rest, 1, "a nest inherits it")
		assert.EqualValues(t, 99, m.Nest.Rest[0].Type)
	}
	again := &All{Has: AllRest}
	require.NoError(t, again.Decode(body(t, m)))
	assert.Equal(t, m.Rest, again.Rest)
	assert.Equal(t, m.Nest, again.Nest)

	m.Has = 0
	require.NoError(t, m.Decode(b))
	assert.Empty(t, m.Rest)
	assert.Empty(t, m.Nest.Rest, "and ends with it")
}

func TestTableIsInTheHeaderIfItFits(t *testing.T) {
	small := body(t, &All{Table: 254})
	assert.EqualValues(t, 254, small[2])
	assert.Len(t, small, 8+8)
	assert.EqualValues(t, 254, decoded(t, small).Table)
	big := body(t, &All{Table: 1000})
	assert.Zero(t, big[2])
	assert.EqualValues(t, 1000, decoded(t, big).Table)
	both := body(t, &All{Table: 254, Has: AllTable})
	assert.Len(t, both, 8+8+8)
}

func TestPrefixHasItsLengthInTheHeader(t *testing.T) {
	p := netip.MustParsePrefix("10.0.0.0/8")
	b := body(t, &All{Dst: p})
	assert.EqualValues(t, 8, b[1])
	assert.Equal(t, p, decoded(t, b).Dst)
	b[1] = 33
	m := decoded(t, b)
	assert.False(t, m.Dst.IsValid(), "no IPv4 address has 33 bits")
	assert.False(t, m.Has.Has(AllDst))
	assert.EqualValues(t, 33, m.Hdr.Bits)
	assert.Len(t, body(t, &All{Dst: netip.MustParsePrefix("0.0.0.0/0")}), 8+8, "the kernel wants no address for a default")
}

func TestDurationsThatDoNotFit(t *testing.T) {
	m := decoded(t, body(t, &All{Life: -time.Second, Pause: 1 << 62, Has: AllLife}))
	assert.Zero(t, m.Life)
	assert.Equal(t, 0xffffffff*time.Millisecond, m.Pause)
	b := attr.AppendU64(header(0), X_US64, 1<<63)
	assert.Positive(t, decoded(t, b).Micros)
}

func TestRecordsHaveTheirLength(t *testing.T) {
	m := &All{Hops: []Hop{
		{Rec: Record{Len: 9999, Index: 3}, Via: netip.MustParseAddr("10.0.0.1")},
		{Rec: Record{Index: 4}, Encp: []byte{1}},
	}}
	b := body(t, m)
	v, ok := attr.Find(b[8:], X_RECORDS)
	require.True(t, ok)
	assert.EqualValues(t, 12+8, binary.NativeEndian.Uint16(v))
	assert.EqualValues(t, 12+8, binary.NativeEndian.Uint16(v[20:]))
	got := decoded(t, b)
	require.Len(t, got.Hops, 2)
	assert.EqualValues(t, 0, got.Hops[0].Rec.Len)
	assert.EqualValues(t, 4, got.Hops[1].Rec.Index)
	assert.Equal(t, []byte{1}, got.Hops[1].Encp)

	binary.NativeEndian.PutUint16(v, 3) // shorter than its header
	err := (&All{}).Decode(b)
	var p *attr.PathError
	require.ErrorAs(t, err, &p)
	assert.Equal(t, "X_RECORDS", p.Path)
}

func TestBrokenFramingSaysWhere(t *testing.T) {
	b := body(t, &All{Nest: Sub{Again: []Sub{{Name: "deep"}}}})
	v, ok := attr.Find(b[8:], X_NEST)
	require.True(t, ok)
	binary.NativeEndian.PutUint16(v[8:], 2000) // the name inside the element
	err := (&All{}).Decode(b)
	var p *attr.PathError
	require.ErrorAs(t, err, &p)
	assert.Equal(t, "X_NEST.Y_AGAIN", p.Path)
	var f *attr.FramingError
	require.ErrorAs(t, err, &f)
	assert.Equal(t, 2000, f.Len)
}

func TestTooLongToSend(t *testing.T) {
	_, err := (&All{Nest: Sub{Name: string(make([]byte, 70000))}}).AppendBody(nil)
	var p *attr.PathError
	require.ErrorAs(t, err, &p)
	assert.Equal(t, "X_NEST.Y_NAME", p.Path)
	var long *attr.TooLongError
	assert.ErrorAs(t, err, &long)

	many := &All{Words: nil}
	for range 20 {
		many.Array = append(many.Array, Sub{Name: string(make([]byte, 5000))})
	}
	_, err = many.AppendBody(nil)
	require.Error(t, err)
	assert.True(t, errors.As(err, &long))
}

func TestSchemaTellsThePath(t *testing.T) {
	s := (*All)(nil).Schema()
	m := &All{U8: 1, Kind: "sub", Sub: Sub{Value: 7}, Hops: []Hop{{}, {Via: netip.MustParseAddr("10.0.0.77")}}, Multi: []Sub{{}, {Name: "here"}}}
	m.Array = []Sub{{}, {Again: []Sub{{Value: 0x11223344}}}}
	b := body(t, m)
	at := func(of []byte) int {
		for i := range b {
			if len(b)-i >= len(of) && string(b[i:i+len(of)]) == string(of) {
				return i
			}
		}
		t.Fatalf("%x is not there", of)
		return 0
	}
	assert.Equal(t, "X_RECORDS[1].Y_NAME", s.Path(b, at([]byte{10, 0, 0, 77})))
	assert.Equal(t, "X_MULTI[1].Y_NAME", s.Path(b, at([]byte("here"))))
	assert.Equal(t, "X_ARRAY[1].Y_AGAIN[0].Y_VALUE", s.Path(b, at(binary.NativeEndian.AppendUint32(nil, 0x11223344))))
	assert.Equal(t, "X_DATA.Y_VALUE", s.Path(b, at(attr.AppendU32(nil, Y_VALUE, 7))))
	assert.Equal(t, "X_U8", s.Path(b, 8))
	assert.Empty(t, s.Path(b, 2), "the header")
}

func TestMessageNames(t *testing.T) {
	assert.Equal(t, "MSG_NEW", (*All)(nil).MessageName(MSG_NEW))
	assert.Empty(t, (*All)(nil).MessageName(99))
}

func TestAddressPairs(t *testing.T) {
	for a, typ := range map[string]uint16{"10.0.0.1": X_SRC4, "2001:db8::1": X_SRC6} {
		m := &All{Src: netip.MustParseAddr(a)}
		b := body(t, m)
		_, ok := attr.Find(b[8:], typ)
		assert.True(t, ok, a)
		assert.Equal(t, m.Src, decoded(t, b).Src)
	}
}

func TestDecodingReusesMemory(t *testing.T) {
	m := &All{
		Bytes: make([]byte, 9), String: "eth0", Words: []string{"one", "two"}, Multi: []Sub{{Name: "a"}, {Name: "b"}},
		Hops: make([]Hop, 3), Packed: make([]uint32, 5), Blobs: [][]byte{{1}, {2, 3}}, Nest: Sub{Again: make([]Sub, 4)},
	}
	b := body(t, m)
	got := decoded(t, b)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = got.Decode(b) }))
}
