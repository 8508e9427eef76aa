package attr

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

var zero [4]byte

// Pad appends zeros until len(b) is a multiple of 4. Messages begin aligned, so
// a length from the beginning of one will do.
func Pad(b []byte) []byte { return append(b, zero[:-len(b)&3]...) }

// head appends the header of an attribute whose value has n bytes.
func head(b []byte, t uint16, n int) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(HeaderLen+n))
	return binary.NativeEndian.AppendUint16(b, t)
}

// AppendU8 and its siblings append an attribute with an integer in host order, padded.
func AppendU8(b []byte, t uint16, v uint8) []byte {
	return append(head(b, t, 1), v, 0, 0, 0)
}

func AppendU16(b []byte, t uint16, v uint16) []byte {
	return append(binary.NativeEndian.AppendUint16(head(b, t, 2), v), 0, 0)
}

func AppendU32(b []byte, t uint16, v uint32) []byte {
	return binary.NativeEndian.AppendUint32(head(b, t, 4), v)
}

func AppendU64(b []byte, t uint16, v uint64) []byte {
	return binary.NativeEndian.AppendUint64(head(b, t, 8), v)
}

// AppendBE16 and its siblings append an integer in network order. They do not set
// FlagNetOrder: only a few families look at it, and those pass it in t.
func AppendBE16(b []byte, t uint16, v uint16) []byte {
	return append(binary.BigEndian.AppendUint16(head(b, t, 2), v), 0, 0)
}

func AppendBE32(b []byte, t uint16, v uint32) []byte {
	return binary.BigEndian.AppendUint32(head(b, t, 4), v)
}

func AppendBE64(b []byte, t uint16, v uint64) []byte {
	return binary.BigEndian.AppendUint64(head(b, t, 8), v)
}

// AppendFlag appends an attribute without a value: being there is what it says.
func AppendFlag(b []byte, t uint16) []byte { return head(b, t, 0) }

// AppendBytes appends an attribute with v as its value. It fails if v is longer
// than an attribute can be.
func AppendBytes(b []byte, t uint16, v []byte) ([]byte, error) {
	if err := fits(t, len(v)); err != nil {
		return b, err
	}
	return Pad(append(head(b, t, len(v)), v...)), nil
}

// AppendString appends s and its NUL.
func AppendString(b []byte, t uint16, s string) ([]byte, error) {
	if err := fits(t, len(s)+1); err != nil {
		return b, err
	}
	return Pad(append(append(head(b, t, len(s)+1), s...), 0)), nil
}

// AppendStringNoNUL appends s alone, for the few attributes that end by length.
func AppendStringNoNUL(b []byte, t uint16, s string) ([]byte, error) {
	if err := fits(t, len(s)); err != nil {
		return b, err
	}
	return Pad(append(head(b, t, len(s)), s...)), nil
}

// AppendAddr appends the 4 or 16 bytes of a; the zero Addr has none.
func AppendAddr(b []byte, t uint16, a netip.Addr) []byte {
	if a.Is4() {
		v := a.As4()
		return append(head(b, t, len(v)), v[:]...)
	}
	if !a.IsValid() {
		return head(b, t, 0)
	}
	v := a.As16()
	return append(head(b, t, len(v)), v[:]...)
}

// AppendRaw appends r as it came.
func AppendRaw(b []byte, r Raw) ([]byte, error) { return AppendBytes(b, r.Type, r.Data) }

// AppendRaws appends each of rs.
func AppendRaws(b []byte, rs []Raw) ([]byte, error) {
	var err error
	for _, r := range rs {
		if b, err = AppendRaw(b, r); err != nil {
			return b, err
		}
	}
	return b, nil
}

// A Nest is where an attribute began whose length is not known yet.
type Nest int

// Begin begins a nest of type t, with FlagNested. What is appended until End is inside.
func Begin(b []byte, t uint16) ([]byte, Nest) { return BeginPlain(b, t|FlagNested) }

// BeginPlain is Begin without FlagNested, for the old families that refuse it, and for
// values appended in place.
func BeginPlain(b []byte, t uint16) ([]byte, Nest) { return head(b, t, 0), Nest(len(b)) }

// End ends the nest n: it writes the length and pads. It fails if the nest became longer
// than an attribute can be; a length that wrapped would read as another message.
func End(b []byte, n Nest) ([]byte, error) {
	size := len(b) - int(n)
	if size > MaxLen {
		return b, fits(binary.NativeEndian.Uint16(b[n+2:]), size-HeaderLen)
	}
	binary.NativeEndian.PutUint16(b[n:], uint16(size))
	return Pad(b), nil
}

// Cancel takes the nest n off b again, for nests that stayed empty.
func Cancel(b []byte, n Nest) []byte { return b[:n] }

// Empty says whether nothing was appended to the nest n.
func Empty(b []byte, n Nest) bool { return len(b) == int(n)+HeaderLen }

// A TooLongError says that a value does not fit an attribute.
type TooLongError struct {
	Type uint16
	Len  int
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("attribute %d: %d bytes do not fit, at most %d do", e.Type, e.Len, MaxLen-HeaderLen)
}

func fits(t uint16, n int) error {
	if n <= MaxLen-HeaderLen {
		return nil
	}
	return &TooLongError{Type: t & TypeMask, Len: n}
}
