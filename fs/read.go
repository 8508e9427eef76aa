package fs

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
)

const (
	chunkSize = 64 << 10 // a dump hands over its text in pieces of about this size
	readAhead = 1 << 20  // so much is dumped before anything is shown, and can be dumped again if it was torn
	maxTries  = 5        // dumps of a table that changes all the time
)

const tornText = "inconsistent: changed while it was read"

// A gate is a lock that can be given up with a context.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) lock(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	default:
	}
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) unlock() { <-g }

// A printer makes text of the records of one open file.
type printer[T any] struct {
	keys *Keys[T]
	hide *KeySet
	cols []int
	part part
	json bool
	n    int // records so far
}

func (p *printer[T]) append(b []byte, v *T) []byte {
	if p.json {
		return p.appendJSON(b, v)
	}
	n := len(b)
	if p.cols == nil {
		b = p.keys.appendWords(b, v, p.part, p.hide)
	}
	for i, c := range p.cols {
		if i > 0 {
			b = append(b, '\t')
		}
		b = p.keys.appendValue(b, c, v, p.part)
	}
	if len(b) == n && p.cols == nil {
		return b
	}
	p.n++
	return append(b, '\n')
}

func (p *printer[T]) appendJSON(b []byte, v *T) []byte {
	if p.n == 0 {
		b = append(b, "[\n"...)
	} else {
		b = append(b, ",\n"...)
	}
	p.n++
	return p.keys.appendObject(b, v, p.part, p.hide)
}

// end appends what stands behind the last record.
func (p *printer[T]) end(b []byte, torn bool) []byte {
	switch {
	case !p.json && torn:
		return append(b, "# "+tornText+"\n"...)
	case !p.json:
		return b
	case p.n == 0 && torn:
		return append(b, "[\n{\"inconsistent\":true}\n]\n"...)
	case p.n == 0:
		return append(b, "[]\n"...)
	case torn:
		b = append(b, ",\n{\"inconsistent\":true}"...)
	}
	return append(b, "\n]\n"...)
}

// printer returns what prints this table for the caller.
func (t *Table[T]) printer(ctx context.Context) *printer[T] {
	p := &printer[T]{keys: t.Keys, cols: t.cols, json: t.json, part: allKeys}
	hide := t.hidden()
	if t.json && t.cols != nil {
		hide = *t.Keys.without(t.cols)
	}
	if !hide.empty() {
		p.hide = &hide
	}
	root := UserOf(ctx).UID == 0
	switch {
	case t.settable && root:
		p.part = restored
	case t.settable:
		p.part = settable
	case root:
		p.part = shown
	}
	return p
}

// without is the set of all keys but these.
func (k *Keys[T]) without(cols []int) *KeySet {
	var s KeySet
	for i := range k.list {
		if !slices.Contains(cols, i) {
			s.add(i)
		}
	}
	return &s
}

var chunks = sync.Pool{New: func() any { b := make([]byte, 0, chunkSize+chunkSize/4); return &b }}

// text yields the text of a dump in pieces, each borrowed until the next step.
func (t *Table[T]) text(ctx context.Context, q *Query[T], p *printer[T]) iter.Seq2[[]byte, error] {
	if t.Sorted {
		return t.sortedText(ctx, q, p)
	}
	return func(yield func([]byte, error) bool) {
		buf := chunks.Get().(*[]byte)
		defer chunks.Put(buf)
		b := (*buf)[:0]
		for v, err := range t.Rows(ctx, q) {
			if err != nil {
				*buf = b
				if yield(b, nil) {
					yield(nil, err)
				}
				return
			}
			if !q.match(v) {
				continue
			}
			if b = p.append(b, v); len(b) < chunkSize {
				continue
			}
			*buf = b
			if !yield(b, nil) {
				return
			}
			b = b[:0]
		}
		*buf = b
		yield(b, nil)
	}
}

// sortedText is text in the order of the records' identities. Numbers in them
// count as numbers: 192.0.2.9 stands before 192.0.2.10.
func (t *Table[T]) sortedText(ctx context.Context, q *Query[T], p *printer[T]) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		rows, err := t.sorted(ctx, q, *p)
		for _, r := range rows {
			if p.n == 0 && p.json {
				copy(r.line, "[\n")
			}
			p.n++
			if !yield(r.line, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

type sortedRow struct{ id, line []byte }

// sorted returns the lines of a dump in order, those of JSON as if none was the
// first. After an error they are those that came before it.
func (t *Table[T]) sorted(ctx context.Context, q *Query[T], p printer[T]) ([]sortedRow, error) {
	p.n = 1
	var rows []sortedRow
	var failed error
	for v, err := range t.Rows(ctx, q) {
		if err != nil {
			failed = err
			break
		}
		if !q.match(v) {
			continue
		}
		if line := p.append(nil, v); len(line) > 0 {
			rows = append(rows, sortedRow{t.appendIdentity(nil, v), line})
		}
	}
	slices.SortFunc(rows, func(a, b sortedRow) int {
		if c := compareNatural(a.id, b.id); c != 0 {
			return c
		}
		return bytes.Compare(a.line, b.line)
	})
	return rows, failed
}

// compareNatural compares texts, runs of digits by their value.
func compareNatural(a, b []byte) int {
	for len(a) > 0 && len(b) > 0 {
		m, n := digits(a), digits(b)
		if m == 0 || n == 0 {
			if a[0] != b[0] {
				return int(a[0]) - int(b[0])
			}
			a, b = a[1:], b[1:]
			continue
		}
		x, y := bytes.TrimLeft(a[:m], "0"), bytes.TrimLeft(b[:n], "0")
		if len(x) != len(y) {
			return len(x) - len(y)
		}
		if c := bytes.Compare(x, y); c != 0 {
			return c
		}
		a, b = a[m:], b[n:]
	}
	return len(a) - len(b)
}

func digits(s []byte) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// A dump is one reading of a table. Not for concurrent use.
type dump[T any] struct {
	t      *Table[T]
	text   snapshot
	p      *printer[T]
	ctx    context.Context // ends with the dump; carries the reader's identity
	cancel context.CancelFunc
	next   func() ([]byte, error, bool)
	stop   func()
	tries  int
	told   bool  // the reader has seen some of it
	err    error // it failed here
	done   bool
}

// newDump begins a dump for the caller of ctx. It outlives that call.
func (t *Table[T]) newDump(ctx context.Context) *dump[T] {
	d := &dump[T]{t: t}
	d.ctx, d.cancel = context.WithCancel(context.WithoutCancel(ctx))
	d.start()
	return d
}

func (d *dump[T]) start() {
	d.p = d.t.printer(d.ctx)
	q, err := d.t.query()
	if err != nil {
		d.err, d.done = err, true
		return
	}
	d.next, d.stop = iter.Pull2(d.t.text(d.ctx, q, d.p))
}

// upTo dumps until there is text up to end, or no more.
func (d *dump[T]) upTo(ctx context.Context, end int64) {
	if d.done || d.text.size >= end {
		return
	}
	off := context.AfterFunc(ctx, d.cancel)
	defer off()
	for !d.done && d.text.size < end {
		d.pull()
	}
	if d.err != nil && ctx.Err() != nil {
		d.err = ctx.Err()
	}
}

func (d *dump[T]) pull() {
	b, err, ok := d.next()
	switch {
	case !ok:
		d.finish(false)
	case err == nil:
		err = d.text.append(b)
		if err != nil {
			d.fail(err)
		}
	case errors.Is(err, ErrTorn) && !d.told && d.tries+1 < maxTries:
		d.tries++
		d.stop()
		d.text.free()
		d.start()
	case errors.Is(err, ErrTorn):
		d.finish(true)
	default:
		d.fail(err)
	}
}

func (d *dump[T]) finish(torn bool) {
	d.stop()
	d.done = true
	if err := d.text.append(d.p.end(nil, torn)); err != nil {
		d.err = err
	}
}

func (d *dump[T]) fail(err error) {
	d.stop()
	d.err, d.done = err, true
}

// readAt copies from off; 0, nil is the end.
func (d *dump[T]) readAt(ctx context.Context, p []byte, off int64) (int, error) {
	end := off + int64(len(p))
	if !d.told {
		end = max(end, readAhead)
	}
	d.upTo(ctx, end)
	d.told = true
	n, err := d.text.readAt(p, off)
	if n == 0 && err == nil {
		err = d.err
	}
	return n, err
}

// close ends the dump and waits for it.
func (d *dump[T]) close() {
	d.cancel()
	if d.stop != nil {
		d.stop()
	}
	d.text.free()
}
