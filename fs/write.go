package fs

import (
	"bytes"
	"context"
	"errors"
	"syscall"
)

// maxLine bounds a line, or an object of JSON.
const maxLine = 1 << 20

var errLine = &Error{Text: "line is longer than 1 MiB", Errno: syscall.E2BIG}

// An assembler makes lines, or JSON objects, of the pieces that are written.
// How the pieces were cut does not matter.
type assembler struct {
	json  bool
	buf   []byte // the line so far
	first int    // number of the line on which buf began
	line  int    // lines that have ended
	skip  bool   // the rest of this line is dropped
	long  bool   // because it is too long

	split  jsonSplitter
	broken error // the JSON cannot be understood from here on
}

// feed calls run for each line that p completes, without its newline. A false
// answer drops the rest of p, and of a line that p began. It returns how much of p
// it took: less than all if ctx ended between two lines. Programs are interrupted
// by signals that mean nothing (Go's own), and write again what was not taken.
func (a *assembler) feed(ctx context.Context, p []byte, run func(line int, text []byte, err error) bool) int {
	if a.json {
		a.feedJSON(p, run)
		return len(p)
	}
	for n := 0; n < len(p); {
		i := bytes.IndexByte(p[n:], '\n')
		if i < 0 {
			a.add(p[n:], run)
			break
		}
		if ctx.Err() != nil {
			return n
		}
		more := a.ended(p[n:n+i], run)
		n += i + 1
		if !more {
			a.drop(p[n:])
			break
		}
	}
	return len(p)
}

// add keeps the beginning of a line.
func (a *assembler) add(p []byte, run func(line int, text []byte, err error) bool) {
	if a.skip {
		a.failAgain(run)
		return
	}
	if len(a.buf) == 0 {
		a.first = a.line + 1
	}
	if len(a.buf)+len(p) <= maxLine {
		a.buf = append(a.buf, p...)
		return
	}
	a.skip, a.long = true, true
	a.buf = nil
	run(a.first, nil, errLine)
}

// failAgain fails each write that goes on with a line that is too long: a FUSE
// kernel that cut one write in two only tells how much of it was taken, and the
// writer goes on.
func (a *assembler) failAgain(run func(line int, text []byte, err error) bool) bool {
	return !a.long || run(a.first, nil, errLine)
}

// ended takes the end of a line.
func (a *assembler) ended(p []byte, run func(line int, text []byte, err error) bool) bool {
	a.line++
	if a.skip {
		more := a.failAgain(run)
		a.skip, a.long = false, false
		return more
	}
	text, first := p, a.line
	if len(a.buf) > 0 {
		text, first = append(a.buf, p...), a.first
	}
	a.buf = a.buf[:0]
	if len(text) > maxLine {
		a.buf = nil
		return run(first, nil, errLine)
	}
	cut := bytes.TrimSuffix(text, []byte("\r"))
	if joinsNext(cut) {
		a.buf = append(append(a.buf, cut[:len(cut)-1]...), ' ')
		a.first = first
		return true
	}
	return run(first, text, nil)
}

// drop forgets p, and the rest of a line that it begins.
func (a *assembler) drop(p []byte) {
	a.line += bytes.Count(p, []byte{'\n'})
	a.skip = len(p) > 0 && p[len(p)-1] != '\n'
	a.buf = a.buf[:0]
}

func (a *assembler) feedJSON(p []byte, run func(line int, text []byte, err error) bool) {
	if a.broken != nil {
		run(a.line+1, nil, a.broken)
		return
	}
	live := true
	for _, c := range p {
		inside, ends, err := a.split.step(c)
		switch {
		case err != nil:
			a.broken = refused{err}
			run(a.line+1, nil, a.broken)
			return
		case inside && len(a.buf) == 0 && !a.skip:
			a.first = a.line + 1
			a.skip = !live
		}
		if inside && !a.skip {
			a.buf = append(a.buf, c)
		}
		if len(a.buf) > maxLine {
			a.buf, a.skip = nil, true
			live = run(a.first, nil, errLine) && live
		}
		if ends {
			if !a.skip {
				live = run(a.first, a.buf, nil)
			}
			a.buf, a.skip = a.buf[:0], false
		}
		if c == '\n' {
			a.line++
		}
	}
}

// rest returns what has no end yet.
func (a *assembler) rest() []byte {
	if a.skip {
		return nil
	}
	return a.buf
}

// A writer runs the lines of one open file. Not for concurrent use.
type writer[T any] struct {
	t     *Table[T]
	d     dialect
	asm   assembler
	plan  planner[T]
	st    statement
	begun int        // lines of this write
	fails []lineFail // of this write
}

type lineFail struct {
	line int
	head string
	err  error
}

func newWriter[T any](t *Table[T]) *writer[T] {
	w := &writer[T]{t: t, d: t.dialect()}
	w.asm.json = t.json
	w.plan.init(t)
	return w
}

func (t *Table[T]) dialect() dialect {
	d := dialect{sch: &t.Keys.sch, rename: t.Ordered}
	for _, i := range t.implied {
		d.implied.add(i.idx)
	}
	for _, v := range t.Verbs {
		d.verbs = append(d.verbs, v.Name)
	}
	return d
}

// write runs the lines that p completes, and returns how much of p that was. Its
// error tells the first that failed.
func (w *writer[T]) write(ctx context.Context, p []byte) (int, error) {
	w.begin()
	n := w.asm.feed(ctx, p, func(line int, text []byte, err error) bool { return w.run(ctx, line, text, err) })
	w.finish(ctx)
	if err := w.failure(); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, ctx.Err()
	}
	return n, nil
}

func (w *writer[T]) begin() {
	w.begun, w.fails = 0, nil
	w.plan.begin()
}

// run carries out one line; false ends the write.
func (w *writer[T]) run(ctx context.Context, line int, text []byte, err error) bool {
	st := &w.st
	*st = statement{}
	if err == nil {
		*st, err = w.parse(text)
	}
	if st.empty && err == nil {
		return true
	}
	w.begun++
	if err == nil {
		err = w.plan.run(ctx, line, st)
	}
	if err != nil {
		w.failed(line, st.head.String(), err)
	}
	if w.t.Ordered {
		w.finish(ctx)
		return len(w.fails) == 0
	}
	return true
}

func (w *writer[T]) parse(text []byte) (statement, error) {
	if w.asm.json {
		if bytes.IndexByte(text, 0) >= 0 {
			return statement{}, errNUL
		}
		return w.d.parseJSON(string(text))
	}
	return w.d.parse(string(text))
}

func (w *writer[T]) failed(line int, head string, err error) {
	w.fails = append(w.fails, lineFail{line, head, err})
}

// finish sends what waits, and collects what failed of it.
func (w *writer[T]) finish(ctx context.Context) {
	w.plan.flush(ctx)
	w.fails = append(w.fails, w.plan.fails...)
	w.plan.fails = w.plan.fails[:0]
}

// failure is the error of this write: the first line that failed, and how many.
func (w *writer[T]) failure() error {
	if len(w.fails) == 0 {
		return nil
	}
	first := w.fails[0]
	for _, f := range w.fails {
		if f.line < first.line {
			first = f
		}
	}
	e := &LineError{Line: first.line, Head: first.head, Err: first.err, Failed: len(w.fails), Of: w.begun}
	if w.t.Ordered {
		e.Failed, e.Of = 1, 1
	}
	return e
}

// check looks at a line that has no end yet, and runs nothing.
func (w *writer[T]) check() error {
	text := w.asm.rest()
	if len(text) == 0 {
		return nil
	}
	st, err := w.parse(text)
	if err == nil && !st.empty {
		_, err = w.plan.read(&st)
	}
	if err == nil {
		return nil
	}
	return &LineError{Line: w.asm.first, Head: st.head.String(), Err: err, Failed: 1, Of: 1}
}

// close runs a last line that has no end, unless its writer has vanished.
func (w *writer[T]) close(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	text := w.asm.rest()
	if len(text) == 0 && w.asm.split.array && w.asm.broken == nil {
		return &LineError{Line: w.asm.line + 1, Err: refuse("not JSON: it ends before the array does"), Failed: 1, Of: 1}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	w.begin()
	w.run(ctx, w.asm.first, text, nil)
	w.finish(ctx)
	return w.failure()
}

// A tableRunner runs the statements of a table one by one, for batch.
type tableRunner[T any] struct {
	d    dialect
	plan planner[T]
}

// runner returns what carries out statements one by one; nil for a table that
// cannot be written.
func (t *Table[T]) runner(file string) runner {
	if !t.writable() {
		return nil
	}
	r := &tableRunner[T]{d: t.dialect()}
	r.plan.init(t)
	r.plan.lenient = true
	return r
}

func (r *tableRunner[T]) run(ctx context.Context, n int, stmt string) error {
	st, err := r.d.parse(stmt)
	if err != nil || st.empty {
		return err
	}
	r.plan.begin()
	err = r.plan.run(ctx, n, &st)
	r.plan.flush(ctx)
	if err == nil && len(r.plan.fails) > 0 {
		err = r.plan.fails[0].err
	}
	r.plan.fails = r.plan.fails[:0]
	return err
}

func (r *tableRunner[T]) close(ctx context.Context) error { return nil }

var errNoFilter = refuse("flush needs a filter or the word all")

// absent reports whether err says that the record was not there.
func absent(err error) bool { return errors.Is(err, ErrNotExist) || errors.Is(err, syscall.ESRCH) }
