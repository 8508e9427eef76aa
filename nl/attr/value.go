package attr

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// Uint returns an unsigned integer in host order by the length that came: 1, 2, 4
// or 8 bytes, else 0. A kernel that widens an attribute is still understood.
func Uint(v []byte) uint64 {
	switch len(v) {
	case 1:
		return uint64(v[0])
	case 2:
		return uint64(binary.NativeEndian.Uint16(v))
	case 4:
		return uint64(binary.NativeEndian.Uint32(v))
	case 8:
		return binary.NativeEndian.Uint64(v)
	}
	return 0
}

// Int is Uint for signed integers: a narrower one is sign-extended.
func Int(v []byte) int64 {
	switch len(v) {
	case 1:
		return int64(int8(v[0]))
	case 2:
		return int64(int16(binary.NativeEndian.Uint16(v)))
	case 4:
		return int64(int32(binary.NativeEndian.Uint32(v)))
	}
	return int64(Uint(v))
}

// BEUint is Uint in network order.
func BEUint(v []byte) uint64 {
	switch len(v) {
	case 1:
		return uint64(v[0])
	case 2:
		return uint64(binary.BigEndian.Uint16(v))
	case 4:
		return uint64(binary.BigEndian.Uint32(v))
	case 8:
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// BEInt is Int in network order.
func BEInt(v []byte) int64 {
	switch len(v) {
	case 1:
		return int64(int8(v[0]))
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	}
	return int64(BEUint(v))
}

// U8 to U64 are Uint for a field of that width, quick when the length is the usual one.
func U8(v []byte) uint8 {
	if len(v) == 1 {
		return v[0]
	}
	return uint8(Uint(v))
}

func U16(v []byte) uint16 {
	if len(v) == 2 {
		return binary.NativeEndian.Uint16(v)
	}
	return uint16(Uint(v))
}

func U32(v []byte) uint32 {
	if len(v) == 4 {
		return binary.NativeEndian.Uint32(v)
	}
	return uint32(Uint(v))
}

func U64(v []byte) uint64 {
	if len(v) == 8 {
		return binary.NativeEndian.Uint64(v)
	}
	return Uint(v)
}

// BE16 to BE64 are U16 to U64 in network order.
func BE16(v []byte) uint16 { return uint16(BEUint(v)) }
func BE32(v []byte) uint32 { return uint32(BEUint(v)) }
func BE64(v []byte) uint64 { return BEUint(v) }

// Text returns the bytes of v before the first NUL, aliasing v.
func Text(v []byte) []byte {
	if i := bytes.IndexByte(v, 0); i >= 0 {
		return v[:i]
	}
	return v
}

// String returns the text of v before the first NUL.
func String(v []byte) string { return string(Text(v)) }

// Reuse is String, but returns old if that is what v says: a decoder that passes the
// field's value of the message before does not allocate for a word that repeats.
func Reuse(v []byte, old string) string {
	v = Text(v)
	if string(v) == old {
		return old
	}
	return string(v)
}

// Addr returns the address in v by the length that came: 4 or 16 bytes, else the zero Addr.
func Addr(v []byte) netip.Addr {
	switch len(v) {
	case 4:
		return netip.AddrFrom4([4]byte(v))
	case 16:
		return netip.AddrFrom16([16]byte(v))
	}
	return netip.Addr{}
}
