// Package example has a field of every form that nlgen knows. Its generated
// tests are the tests of the generator.
package example

import (
	"net"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/nl/attr"
)

//go:generate go run github.com/netfs-project/netfs/nl/internal/nlgen

const (
	X_U8 = iota + 1
	X_U16
	X_U32
	X_U64
	X_I8
	X_I16
	X_I32
	X_I64
	X_BE16
	X_BE32
	X_BE64
	X_BEI32
	X_BOOL
	X_FLAG
	X_STRING
	X_BARE
	X_BYTES
	X_MAC
	X_FIXED
	X_ADDR
	X_DST
	X_S
	X_MS
	X_JIFFIES
	X_US64
	X_ENUM
	X_STRUCT
	X_STRUCT_PTR
	X_NEST
	X_NEST_PLAIN
	X_NEST_PTR
	X_ARRAY
	X_ARRAY0
	X_ARRAY_ELEM
	X_MULTI
	X_WORDS
	X_WORD_LIST
	X_ADDRS
	X_PACKED32
	X_PACKED_BE16
	X_PACKED_STRUCT
	X_RECORDS
	X_TABLE
	X_ALWAYS
	X_NOSEND
	X_FUNC
	X_KIND
	X_DATA
	X_BLOBS
	X_MACS
	X_SPEC
	X_SRC4
	X_SRC6
	X_BE_MS
	X_PAD
)

const (
	MSG_NEW = 16
	MSG_DEL = 17
)

const (
	Y_NAME = iota + 1
	Y_VALUE
	Y_AGAIN
)

const X_ELEM = 1

type Enum uint16

// An Inner has 16 bytes: C aligns B to 4 and D to 8.
//
//nl:struct
type Inner struct {
	A uint8
	B uint32 `nl:"be"`
	_ [2]byte
	C [2]int8
	D uint16 `nl:",be"`
}

// Header is longer than its 5 bytes say: attributes begin at 8.
//
//nl:struct
type Header struct {
	Family uint8
	Bits   uint8
	Table  uint8
	Yes    bool
	Scope  Enum8
}

type Enum8 uint8

//nl:struct
type Record struct {
	Len   uint16
	Flags uint8
	Hops  uint8
	Index int32
	Name  [4]byte
}

//nl:nest
type Sub struct {
	Name  string `nl:"Y_NAME"`
	Value uint32 `nl:"Y_VALUE"`
	Again []Sub  `nl:"Y_AGAIN,array"`

	Has  SubSet
	Rest []attr.Raw `nl:"rest"`
}

// Bare has no presence.
//
//nl:nest
type Bare struct {
	Name  string `nl:"Y_NAME"`
	Value uint32 `nl:"Y_VALUE"`
}

//nl:nest
type Hop struct {
	Rec  Record     `nl:"header"`
	Via  netip.Addr `nl:"Y_NAME"`
	Encp []byte     `nl:"Y_VALUE"`
}

//nl:message MSG_NEW MSG_DEL
//nl:skip X_PAD
type All struct {
	Hdr     Header           `nl:"header"`
	U8      uint8            `nl:"X_U8"`
	U16     uint16           `nl:"X_U16"`
	U32     uint32           `nl:"X_U32"`
	U64     uint64           `nl:"X_U64"`
	I8      int8             `nl:"X_I8"`
	I16     int16            `nl:"X_I16"`
	I32     int32            `nl:"X_I32"`
	I64     int64            `nl:"X_I64"`
	BE16    uint16           `nl:"X_BE16,be"`
	BE32    uint32           `nl:"X_BE32,be"`
	BE64    uint64           `nl:"X_BE64,be"`
	BEI32   int32            `nl:"X_BEI32,be"`
	Bool    bool             `nl:"X_BOOL"`
	Flag    bool             `nl:"X_FLAG,flag"`
	String  string           `nl:"X_STRING"`
	Bare    string           `nl:"X_BARE,nonul"`
	Bytes   []byte           `nl:"X_BYTES"`
	MAC     net.HardwareAddr `nl:"X_MAC"`
	Fixed   [16]byte         `nl:"X_FIXED"`
	Addr    netip.Addr       `nl:"X_ADDR"`
	Dst     netip.Prefix     `nl:"X_DST,len=Hdr.Bits"`
	Life    time.Duration    `nl:"X_S,unit=s"`
	Pause   time.Duration    `nl:"X_MS,unit=ms"`
	Jiffies time.Duration    `nl:"X_JIFFIES,unit=jiffies"`
	Micros  time.Duration    `nl:"X_US64,unit=us,width=64"`
	Enum    Enum             `nl:"X_ENUM"`
	Struct  Inner            `nl:"X_STRUCT"`
	StructP *Inner           `nl:"X_STRUCT_PTR"`
	Nest    Sub              `nl:"X_NEST"`
	Plain   Bare             `nl:"X_NEST_PLAIN,nested=no"`
	NestP   *Sub             `nl:"X_NEST_PTR"`
	Array   []Sub            `nl:"X_ARRAY,array"`
	Array0  []uint32         `nl:"X_ARRAY0,array,base=0"`
	Elems   []Bare           `nl:"X_ARRAY_ELEM,array,elem=X_ELEM"`
	Multi   []Sub            `nl:"X_MULTI,multi"`
	Words   []string         `nl:"X_WORDS,multi"`
	List    []string         `nl:"X_WORD_LIST,array,elem=X_ELEM"`
	Addrs   []netip.Addr     `nl:"X_ADDRS,array"`
	Packed  []uint32         `nl:"X_PACKED32,packed"`
	Ports   []uint16         `nl:"X_PACKED_BE16,packed,be"`
	Inners  []Inner          `nl:"X_PACKED_STRUCT,packed"`
	Hops    []Hop            `nl:"X_RECORDS,records"`
	Table   uint32           `nl:"X_TABLE,over=Hdr.Table"`
	Always  uint32           `nl:"X_ALWAYS,always"`
	NoSend  uint32           `nl:"X_NOSEND,nosend"`
	Func    [2]uint16        `nl:"X_FUNC,func"`
	Kind    string           `nl:"X_KIND"`
	Sub     Sub              `nl:"X_DATA,when=Kind:sub|other"`
	Number  uint32           `nl:"X_DATA,when=Kind:number"`
	Data    []byte           `nl:"X_DATA,in=Kind"`
	Blobs   [][]byte         `nl:"X_BLOBS,array"`
	MACs    [][6]byte        `nl:"X_MACS,multi"`
	V4      Bare             `nl:"X_SPEC,when=Hdr.Family:2"`
	Spec    Sub              `nl:"X_SPEC,when=Hdr.Family:7"`

	Src     netip.Addr    `nl:"X_SRC4,v6=X_SRC6"`
	SinceBE time.Duration `nl:"X_BE_MS,unit=ms,width=64,be"`

	Has  AllSet
	Rest []attr.Raw `nl:"rest"`
	own  int
}

// appendFunc sends the two halves in the other order, as one number.
func (m *All) appendFunc(b []byte) ([]byte, error) {
	if m.Func == [2]uint16{} && !m.Has.Has(AllFunc) {
		return b, nil
	}
	return attr.AppendU32(b, X_FUNC, uint32(m.Func[0])<<16|uint32(m.Func[1])), nil
}

func (m *All) decodeFunc(v []byte) error {
	n := attr.U32(v)
	m.Func = [2]uint16{uint16(n >> 16), uint16(n)}
	return nil
}

// Empty has nothing but a header.
//
//nl:message
type Empty struct {
	Hdr Header `nl:"header"`
}

// Flags has nothing to decode but presence.
//
//nl:message
type Flags struct {
	Hot  bool `nl:"Y_NAME,flag"`
	Cold bool `nl:"Y_VALUE,flag"`
}
