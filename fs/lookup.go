package fs

import (
	"bytes"
	"context"
	iofs "io/fs"
)

// A Lookup is a query file: the answer to what the same open file wrote last.
// The question can also stand in path words: "lookup,to=8.8.8.8".
type Lookup[Q, A any] struct {
	Doc    string
	Ask    *Keys[Q] // the first ID key takes a bare first value
	Answer *Keys[A]
	Do     func(ctx context.Context, q *Query[Q], yield func(*A) bool) error
}

func (l *Lookup[Q, A]) Mode() iofs.FileMode { return 0o666 }

func (l *Lookup[Q, A]) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	return l.question().Open(ctx, mode)
}

func (l *Lookup[Q, A]) words(w nameWords) (Node, error) { return l.question().words(w) }

func (l *Lookup[Q, A]) question() *question[Q, A] { return &question[Q, A]{l: l} }

// A question is a Lookup with what the path says.
type question[Q, A any] struct {
	l     *Lookup[Q, A]
	asked []Pair
	print printer[A]
}

func (n *question[Q, A]) Mode() iofs.FileMode { return n.l.Mode() }

func (n *question[Q, A]) words(w nameWords) (Node, error) {
	if err := w.onlyDots(); err != nil {
		return nil, err
	}
	next := *n
	next.print.json = w.json
	for _, f := range w.filters {
		if f.not {
			return nil, badName(f.key + "!=: means nothing in a question")
		}
		next.asked = append(next.asked, Pair{f.key, f.value})
	}
	if _, err := n.l.Ask.pairs("", next.asked); err != nil {
		return nil, err
	}
	for _, name := range w.cols {
		i, ok := n.l.Answer.index(name)
		if !ok {
			return nil, n.l.Answer.sch.unknown(name)
		}
		next.print.cols = append(next.print.cols, i)
	}
	return &next, nil
}

func (n *question[Q, A]) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	f := &questionFile[Q, A]{n: n, busy: newGate(), ask: len(n.asked) > 0}
	f.text = f.n.print.end(nil, false) // no question, no answers
	return f, nil
}

// A questionFile is one conversation.
type questionFile[Q, A any] struct {
	n    *question[Q, A]
	busy gate // guards the rest
	text []byte
	ask  bool  // the path's question is to be asked at the next read
	base int64 // the offset at which the answer begins, once based
	seen bool  // base is known
	line int   // questions so far
}

func (f *questionFile[Q, A]) Blocks() bool { return true }

// ReadAt reads the answer. Wherever the first read after a question stands, it
// gets the beginning: a shell cannot seek. A read before that begins it again.
func (f *questionFile[Q, A]) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := f.busy.lock(ctx); err != nil {
		return 0, err
	}
	defer f.busy.unlock()
	if f.ask || off == 0 && f.line == 0 && len(f.n.asked) > 0 {
		if err := f.answer(ctx, nil); err != nil {
			return 0, err
		}
		f.ask, f.base, f.seen = false, 0, true
	}
	if !f.seen || off < f.base {
		f.base, f.seen = off, true
	}
	return copyAt(p, f.text, off-f.base), nil
}

// WriteAt takes one question per write and answers it; of several lines the last
// one counts. A newline or a comment alone is nothing.
func (f *questionFile[Q, A]) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := f.busy.lock(ctx); err != nil {
		return 0, err
	}
	defer f.busy.unlock()
	line := f.n.lastLine(p)
	if len(line) == 0 {
		return len(p), nil
	}
	if len(line) > maxLine {
		return 0, errLine
	}
	items, err := f.n.parse(line)
	if err == nil && len(items) == 0 {
		return len(p), nil // a comment
	}
	f.line++
	f.ask, f.seen, f.text = false, false, nil
	if err == nil {
		err = f.answer(ctx, items)
	}
	if err != nil {
		return 0, &LineError{Line: f.line, Head: shortHead(string(line)), Err: err, Failed: 1, Of: 1}
	}
	return len(p), nil
}

// lastLine returns the question of a write. In JSON the brackets of an array
// are nothing: an array of questions is read as its lines.
func (n *question[Q, A]) lastLine(p []byte) []byte {
	space := " \t\r\n"
	if n.print.json {
		space += "[],"
	}
	p = bytes.Trim(p, space)
	if i := bytes.LastIndexByte(p, '\n'); i >= 0 {
		p = bytes.Trim(p[i+1:], space)
	}
	return p
}

// parse reads a question of text, or an object of JSON.
func (n *question[Q, A]) parse(line []byte) ([]item, error) {
	d := dialect{sch: &n.l.Ask.sch}
	var st statement
	var err error
	if n.print.json && line[0] == '{' {
		st, err = d.parseJSON(string(line))
	} else {
		st.items, err = d.sch.parse(string(line))
	}
	return st.items, err
}

// answer asks the path's question with the line's words in it.
func (f *questionFile[Q, A]) answer(ctx context.Context, items []item) error {
	st, err := f.n.l.Ask.pairs("", f.n.asked)
	if err != nil {
		return err
	}
	q := &Query[Q]{keys: f.n.l.Ask}
	if err := f.n.l.Ask.apply(&q.Want, append(st.items, items...), &q.Set); err != nil {
		return err
	}
	p := f.n.print
	p.keys, p.part = f.n.l.Answer, allKeys
	if p.json && p.cols != nil {
		p.hide = p.keys.without(p.cols)
	}
	var b []byte
	err = f.n.l.Do(ctx, q, func(a *A) bool {
		b = p.append(b, a)
		return ctx.Err() == nil
	})
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return f.n.l.Ask.explain(&Op[Q]{Row: q.Want}, err)
	}
	f.text = p.end(b, false)
	return nil
}

func (f *questionFile[Q, A]) Close(ctx context.Context) error { return nil }
