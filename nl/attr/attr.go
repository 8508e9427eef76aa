// Package attr reads and writes netlink attributes. It is the only code that
// knows their layout (struct nlattr, linux/netlink.h; struct rtattr is the same).
//
//	 0       2       4                    len    padded to 4
//	+-------+-------+--------------------+------+
//	|  len  | type  | value              | 0..3 |
//	+-------+-------+--------------------+------+
//
// len counts itself and type, not the padding. The two top bits of type are flags.
//
// To read:
//
//	for {
//		t, v, rest, ok := attr.Next(b)
//		if !ok {
//			return attr.Check(b)
//		}
//		b = rest
//		switch t {
//		case ifla_MTU:
//			m.MTU = attr.U32(v)
//		}
//	}
//
// To write:
//
//	b = attr.AppendU32(b, ifla_MTU, 1500)
//	b, nest := attr.Begin(b, ifla_LINKINFO)
//	b, err := attr.AppendString(b, ifla_INFO_KIND, "veth")
//	b, err = attr.End(b, nest)
//
// Nothing here panics on bytes from the kernel: readers take what came and give
// zero for what did not.
package attr

import (
	"encoding/binary"
	"fmt"
	"iter"
)

// Flags and limits of the header.
const (
	HeaderLen    = 4
	FlagNested   = 0x8000 // the value is a set of attributes
	FlagNetOrder = 0x4000 // the value is big endian
	TypeMask     = 0x3fff
	MaxLen       = 65535 // of header and value
)

// A Raw is an attribute that is carried as it came.
type Raw struct {
	Type uint16 // with its flags
	Data []byte
}

// Next takes the first attribute off b: its type without flags, its value
// (aliasing b), and what follows. It is not ok at the end and where framing
// breaks; Check(b) tells which. Small enough to be inlined.
func Next(b []byte) (t uint16, v, rest []byte, ok bool) {
	if len(b) < HeaderLen {
		return 0, nil, b, false
	}
	n := int(binary.NativeEndian.Uint16(b))
	if n < HeaderLen || n > len(b) {
		return 0, nil, b, false
	}
	return binary.NativeEndian.Uint16(b[2:]) & TypeMask, b[HeaderLen:n:n], b[min((n+3)&^3, len(b)):], true
}

// Flags returns the flag bits of the attribute that begins b, zero if none does.
func Flags(b []byte) uint16 {
	if len(b) < HeaderLen {
		return 0
	}
	return binary.NativeEndian.Uint16(b[2:]) &^ TypeMask
}

// A FramingError says that bytes are not a set of attributes.
type FramingError struct {
	Len  int // what the header says
	Left int // what is there
}

func (e *FramingError) Error() string {
	return fmt.Sprintf("attribute of %d bytes where %d are left", e.Len, e.Left)
}

// Check says what is wrong with b, on which Next was not ok: nil at the end of the
// attributes (fewer bytes than a header are padding), else a *FramingError.
func Check(b []byte) error {
	if len(b) < HeaderLen {
		return nil
	}
	return &FramingError{Len: int(binary.NativeEndian.Uint16(b)), Left: len(b)}
}

// All iterates over the attributes of b and stops where framing breaks.
func All(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for {
			t, v, rest, ok := Next(b)
			if !ok || !yield(t, v) {
				return
			}
			b = rest
		}
	}
}

// Find returns the value of the first attribute of type t in b.
func Find(b []byte, t uint16) (v []byte, ok bool) {
	for u, v := range All(b) {
		if u == t {
			return v, true
		}
	}
	return nil, false
}

// Align rounds n up to the padding of attributes and messages.
func Align(n int) int { return (n + 3) &^ 3 }
