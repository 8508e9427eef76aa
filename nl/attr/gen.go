package attr

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"sync/atomic"
	"time"
)

// What generated codecs call beside the readers and writers that everybody does.

// A PathError says in which attribute an error happened.
type PathError struct {
	Path string // RTA_METRICS.RTAX_CC_ALGO
	Err  error
}

func (e *PathError) Error() string { return e.Path + ": " + e.Err.Error() }
func (e *PathError) Unwrap() error { return e.Err }

// In puts the name of an attribute before the path of an error from inside it.
func In(name string, err error) error {
	if e, ok := err.(*PathError); ok {
		return &PathError{name + "." + e.Path, e.Err}
	}
	return &PathError{name, err}
}

// Bool is 1 for true.
func Bool(v bool) uint8 {
	if v {
		return 1
	}
	return 0
}

// AppendBool appends an 8-bit attribute that is 1 for true.
func AppendBool(b []byte, t uint16, v bool) []byte { return AppendU8(b, t, Bool(v)) }

// Ticks64 returns d in units, 0 if it is negative.
func Ticks64(d, unit time.Duration) uint64 { return uint64(max(d, 0) / unit) }

// Ticks32 is Ticks64 for attributes of 32 bits: what does not fit is the largest that does.
func Ticks32(d, unit time.Duration) uint32 { return uint32(min(Ticks64(d, unit), math.MaxUint32)) }

// Duration returns n units, or the longest duration that is a multiple of unit.
func Duration(n uint64, unit time.Duration) time.Duration {
	return time.Duration(min(n, uint64(math.MaxInt64/unit))) * unit
}

// Keep appends an attribute to those that are kept as they came. It copies v, into the
// memory of an element that was there before if it can.
func Keep(rs []Raw, t uint16, v []byte) []Raw {
	if n := len(rs); n < cap(rs) {
		rs = rs[:n+1]
	} else {
		rs = append(rs, Raw{})
	}
	r := &rs[len(rs)-1]
	r.Type, r.Data = t, append(r.Data[:0], v...)
	return rs
}

// KeepBytes appends a copy of v, into memory that was there before if it can.
func KeepBytes[T ~[]byte](bs []T, v []byte) []T {
	if n := len(bs); n < cap(bs) {
		bs = bs[:n+1]
	} else {
		bs = append(bs, nil)
	}
	last := &bs[len(bs)-1]
	*last = append((*last)[:0], v...)
	return bs
}

// RecordLen returns the length of the record that begins b: its first 16 bits, 0 if there
// are none.
func RecordLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	return int(binary.NativeEndian.Uint16(b))
}

// NextRecord takes the first record off b, which must have at least header bytes.
func NextRecord(b []byte, header int) (rec, rest []byte, err error) {
	n := RecordLen(b)
	if n < header || n > len(b) {
		return nil, nil, &FramingError{Len: n, Left: len(b)}
	}
	return b[:n:n], b[min(Align(n), len(b)):], nil
}

// EndRecord writes the length of the record that begins at start of b, and pads it.
func EndRecord(b []byte, start int) ([]byte, error) {
	n := len(b) - start
	if n > MaxLen {
		return b, &TooLongError{Len: n}
	}
	binary.NativeEndian.PutUint16(b[start:], uint16(n))
	return Pad(b), nil
}

// Names of links, kinds and tables come again and again. A slot per hash holds the last
// string made with it; what is found equals what would be made, so the table cannot be
// seen but in the time it saves.
var (
	seed = maphash.MakeSeed()
	seen [1024]atomic.Pointer[string]
)

// Word is String for texts that repeat: a short one that was made lately is not made again.
func Word(v []byte) string {
	v = Text(v)
	if len(v) == 0 {
		return ""
	}
	if len(v) > 64 {
		return string(v)
	}
	slot := &seen[maphash.Bytes(seed, v)%uint64(len(seen))]
	if p := slot.Load(); p != nil && *p == string(v) {
		return *p
	}
	s := string(v)
	slot.Store(&s)
	return s
}
