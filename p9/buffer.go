package p9

import "sync"

// Buffers up to smallBuffer stay with their connection; larger ones are lent
// from a pool for as long as data is in them, so that an idle connection holds
// little however large its msize is.
const smallBuffer = 16 << 10

var bigBuffers, spareHeads sync.Pool // of *[]byte: full ones, and empty ones to put a buffer in

// grow returns b with room for n more bytes, in a larger buffer if need be.
func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b
	}
	need := len(b) + n
	if need <= smallBuffer {
		return append(make([]byte, 0, min(smallBuffer, max(need, 2*cap(b), 512))), b...)
	}
	// b itself is left to the collector: somebody may still be writing it out.
	return append(big(need), b...)
}

// big lends an empty buffer of n bytes at least.
func big(n int) []byte {
	p, _ := bigBuffers.Get().(*[]byte)
	if p == nil {
		return make([]byte, 0, roundUp(n))
	}
	b := *p
	*p = nil
	spareHeads.Put(p)
	if cap(b) < n {
		return make([]byte, 0, roundUp(n))
	}
	return b[:0]
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
	p, _ := spareHeads.Get().(*[]byte)
	if p == nil {
		p = new([]byte)
	}
	*p = b
	bigBuffers.Put(p)
	return nil
}
