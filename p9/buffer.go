package p9

import "sync"

// Buffers up to smallBuffer stay with their connection; larger ones are lent
// from a pool for as long as data is in them, so that an idle connection holds
// little however large its msize is.
const smallBuffer = 16 << 10

var bigBuffers = sync.Pool{New: func() any { return new([]byte) }}

// grow returns b with room for n more bytes, in a larger buffer if need be.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	need := len(b) + n
	if need <= smallBuffer {
		return append(make([]byte, 0, min(smallBuffer, max(need, 2*cap(b), 512))), b...)
	}
	p := bigBuffers.Get().(*[]byte)
	if cap(*p) < need {
		*p = make([]byte, 0, roundUp(need))
	}
	// b itself is left to the collector: somebody may still be writing it out.
	return append((*p)[:0], b...)
}

// roundUp leaves room for the replies that wait in front of a full payload.
func roundUp(n int) int {
	const step = 64 << 10
	return (n + 2*step) &^ (step - 1)
}

// drop gives a large buffer back and returns what is to be kept in its place.
func drop(b []byte) []byte {
	if cap(b) <= smallBuffer {
		return b[:0]
	}
	b = b[:0]
	bigBuffers.Put(&b)
	return nil
}
