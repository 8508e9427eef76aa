package fs

import (
	"bytes"
	"context"
	"iter"
	"slices"
)

// An index is a table as it was dumped, by identity. Records are kept as text,
// which is compact, borrows nothing and has what the page needs to know: every
// key that can be parsed. Not for concurrent use.
type index[T any] struct {
	t       *Table[T]
	text    [][]byte // pieces that hold the records
	entries []rowText
	ids     map[uint64]int32 // identity to entry+1
	primary map[uint64]int32 // primary key's text to entry+1; made when it is needed
	rows    int
	buf     []byte // scratch
}

// A rowText is one record: its settings, then its state, in one piece of text.
type rowText struct {
	piece, off, mid, end int32
	next, nextPrimary    int32 // entry+1 with the same hash
	prim                 uint64
	gone                 bool
}

const pieceSize = 256 << 10

func newIndex[T any](t *Table[T]) *index[T] {
	return &index[T]{t: t, ids: map[uint64]int32{}}
}

// load takes the records that keep wants; nil: all.
func (x *index[T]) load(ctx context.Context, q *Query[T], keep func(v *T) bool) error {
	if x.t.Rows == nil {
		return nil
	}
	for v, err := range x.t.Rows(ctx, q) {
		if err != nil {
			return err
		}
		if q.match(v) && (keep == nil || keep(v)) {
			x.add(v)
		}
	}
	return nil
}

// room returns the piece that the next record goes to.
func (x *index[T]) room() *[]byte {
	if n := len(x.text); n > 0 && len(x.text[n-1]) < pieceSize {
		return &x.text[n-1]
	}
	size := pieceSize + 4096
	if len(x.text) == 0 {
		size = 4096
	}
	x.text = append(x.text, make([]byte, 0, size))
	return &x.text[len(x.text)-1]
}

func (x *index[T]) add(v *T) {
	b := x.room()
	e := rowText{piece: int32(len(x.text) - 1), off: int32(len(*b))}
	*b = x.t.appendStored(*b, v)
	e.mid = int32(len(*b))
	*b = x.t.appendState(*b, v)
	e.end = int32(len(*b))
	x.buf = x.t.appendPrimary(x.buf[:0], v)
	e.prim = hash(x.buf)
	x.buf = x.t.appendIdentity(x.buf[:0], v)
	id := hash(x.buf)
	e.next = x.ids[id]
	x.entries = append(x.entries, e)
	n := int32(len(x.entries))
	x.ids[id] = n
	if x.primary != nil {
		x.entries[n-1].nextPrimary = x.primary[e.prim]
		x.primary[e.prim] = n
	}
	x.rows++
}

// remove forgets the record that prints its settings as v does.
func (x *index[T]) remove(v *T) {
	var buf [256]byte
	text := x.t.appendStored(buf[:0], v)
	var id [128]byte
	for e := x.first(hash(x.t.appendIdentity(id[:0], v))); e != nil; e = x.next(e) {
		if bytes.Equal(x.stored(e), text) {
			e.gone = true
			x.rows--
			return
		}
	}
}

func (x *index[T]) at(n int32) *rowText {
	for n != 0 {
		e := &x.entries[n-1]
		if !e.gone {
			return e
		}
		n = e.next
	}
	return nil
}

// first and next walk over the records of one identity.
func (x *index[T]) first(id uint64) *rowText { return x.at(x.ids[id]) }
func (x *index[T]) next(e *rowText) *rowText { return x.at(e.next) }
func (x *index[T]) stored(e *rowText) []byte { return x.text[e.piece][e.off:e.mid] }

// rebuild makes the record of an entry from its text.
func (x *index[T]) rebuild(e *rowText) (*T, error) {
	v := new(T)
	err := x.t.Keys.parseInto(v, string(x.stored(e)))
	if err == nil {
		err = x.t.Keys.parseInto(v, string(x.text[e.piece][e.mid:e.end]))
	}
	return v, err
}

// candidates yields the records that may have the values of row for the keys in
// set: those with its primary key if that is one of them, else all.
func (x *index[T]) candidates(row *T, set KeySet) iter.Seq[*rowText] {
	i := x.t.Keys.firstID()
	if i < 0 || !set.Has(i) {
		return x.all
	}
	if x.primary == nil {
		x.byPrimary()
	}
	x.buf = x.t.appendPrimary(x.buf[:0], row)
	n := x.primary[hash(x.buf)]
	return func(yield func(*rowText) bool) {
		for ; n != 0; n = x.entries[n-1].nextPrimary {
			if e := &x.entries[n-1]; !e.gone && !yield(e) {
				return
			}
		}
	}
}

func (x *index[T]) all(yield func(*rowText) bool) {
	for i := range x.entries {
		if !x.entries[i].gone && !yield(&x.entries[i]) {
			return
		}
	}
}

func (x *index[T]) byPrimary() {
	x.primary = make(map[uint64]int32, len(x.entries))
	for i := range slices.Backward(x.entries) {
		e := &x.entries[i]
		e.nextPrimary = x.primary[e.prim]
		x.primary[e.prim] = int32(i + 1)
	}
}

// appendPrimary appends the value of the primary key.
func (t *Table[T]) appendPrimary(b []byte, v *T) []byte {
	if i := t.Keys.firstID(); i >= 0 {
		return t.Keys.appendValue(b, i, v, shown)
	}
	return b
}

// appendState appends what appendStored leaves out.
func (t *Table[T]) appendState(b []byte, v *T) []byte {
	return t.Keys.appendWords(b, v, shown, &t.Keys.settings)
}
