package ct

import (
	"encoding/binary"
	"iter"
	"math/bits"
)

// labelBytes is the size of all labels of an entry.
const labelBytes = 16

// LabelBits yields the numbers of the labels that are set in an Entry's Labels,
// in order.
func LabelBits(labels []byte) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i+8 <= len(labels); i += 8 {
			for w := binary.NativeEndian.Uint64(labels[i:]); w != 0; w &= w - 1 {
				if !yield(i*8 + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// SetLabel returns labels, made if need be, with label n set. Numbers beyond
// 127 are none.
func SetLabel(labels []byte, n int) []byte {
	if len(labels) < labelBytes {
		labels = append(labels, make([]byte, labelBytes-len(labels))...)
	}
	if n >= 0 && n < labelBytes*8 {
		at := labels[n/64*8:]
		binary.NativeEndian.PutUint64(at, binary.NativeEndian.Uint64(at)|1<<(n%64))
	}
	return labels
}
