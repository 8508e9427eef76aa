package fs

import (
	"context"
	iofs "io/fs"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A waiter is a file whose write returns when its statement holds:
//
//	link eth0 operstate=up timeout=30s
//	route dst=10.9.0.0/16 gone
//
// Words are those of a filter: key=value and key!=value; a key by itself asks
// for any value, a bare first word is the primary key's. With gone there has to
// be no such record. Without timeout the writer's patience is the limit. Read, the
// same open file tells the statement that holds, or nothing.
type waiter struct {
	kinds []kind
	named bool // a statement begins with its kind's word
}

// NewWait returns the file wait of the root.
func NewWait(list ...Kind) Node { return &waiter{kindsOf(list), true} }

// Wait returns a file whose statements are about this table and leave its word out.
func (t *Table[T]) Wait() Node { return &waiter{[]kind{t}, false} }

func (w *waiter) Mode() iofs.FileMode { return 0o666 }

func (w *waiter) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	return &waitFile{waiter: w}, nil
}

type waitFile struct {
	*waiter
	mu   sync.Mutex // guards the rest
	last byte       // last byte written
	held string     // the line that the last statement leaves to read
	base int64      // the offset at which held begins, once seen
	seen bool       // base is known
}

func (f *waitFile) Blocks() bool { return true }

// ReadAt reads what came of the last statement, from its beginning wherever the
// first read after it stands: a shell cannot seek.
func (f *waitFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.seen || off < f.base {
		f.base, f.seen = off, true
	}
	return copyAt(p, []byte(f.held), off-f.base), nil
}

// tell keeps what a read is to tell.
func (f *waitFile) tell(held string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held, f.seen = held, false
}

func (f *waitFile) Close(ctx context.Context) error { return nil }

// WriteAt takes one statement. A newline alone after it is nothing.
func (f *waitFile) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	f.mu.Lock()
	again := f.last != 0
	if len(p) > 0 {
		f.last = p[len(p)-1]
	}
	f.mu.Unlock()
	if again && string(p) == "\n" {
		return 1, nil
	}
	f.tell("")
	line, err := valueWord(p)
	if err != nil {
		return 0, err
	}
	c, err := f.read(line)
	if err != nil {
		return 0, err
	}
	if err := c.wait(ctx); err != nil {
		return 0, err
	}
	f.tell(c.text + "\n")
	return len(p), nil
}

// A condition is what a statement of wait says.
type condition struct {
	text    string
	kind    kind
	filters []wordFilter
	gone    bool
	timeout time.Duration // 0: none
}

func (w *waiter) read(line string) (*condition, error) {
	words, err := splitLine(line)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 {
		return nil, badName("wait for what? for example: " + w.example())
	}
	c := &condition{text: strings.TrimSpace(line), kind: w.kinds[0]}
	if w.named {
		k, n := kindOf(w.kinds, words)
		if k == nil {
			return nil, badName(printable(cutWord(unquoteWord(words[0]))) + ": no such kind (known: " + kindWords(w.kinds) + ")")
		}
		c.kind, words = k, words[n:]
	}
	for first := true; len(words) > 0; first = false {
		n, err := c.add(words, first)
		if err != nil {
			return nil, err
		}
		words = words[n:]
	}
	_, err = c.kind.rowFilter(c.filters)
	return c, err
}

func (w *waiter) example() string {
	s := w.kinds[0].primary() + "=... timeout=30s"
	if w.named {
		s = w.kinds[0].Words()[0] + " " + s
	}
	return s
}

// add reads one word, or a key and its value, and returns how many it took.
func (c *condition) add(words []string, first bool) (int, error) {
	key, value, isPair := strings.Cut(words[0], "=")
	if isPair && key == "timeout" && !c.kind.hasKey("timeout") || key == ".timeout" {
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return 0, badName("timeout " + value + ": want a time such as 30s")
		}
		c.timeout = d
		return 1, nil
	}
	f := wordFilter{key: key, value: unquoteWord(value)}
	n := 1
	switch {
	case isPair:
		f.key, f.not = strings.CutSuffix(key, "!")
	case key == "gone":
		c.gone = true
		return 1, nil
	case key == "no" && len(words) > 1:
		f.key, n = words[1], 2
	case c.kind.hasKey(key):
		if len(words) > 1 && !strings.Contains(words[1], "=") && words[1] != "gone" && !c.kind.hasKey(words[1]) {
			f.value, n = unquoteWord(words[1]), 2
		} else {
			f.not = true // not without a value
		}
	case first:
		f = wordFilter{key: c.kind.primary(), value: unquoteWord(key)}
	}
	c.filters = append(c.filters, f)
	return n, nil
}

const (
	checkPause = 20 * time.Millisecond  // between two looks at a table that changes
	pollPause  = 200 * time.Millisecond // between two looks at a table without events
)

// wait returns when the condition holds.
func (c *condition) wait(ctx context.Context) error {
	if c.timeout > 0 {
		var cancel context.CancelFunc
		late := &Error{Text: c.text + ": not so in time", Errno: errTimedOut}
		ctx, cancel = context.WithTimeoutCause(ctx, c.timeout, late)
		defer cancel()
	}
	err := c.watch(ctx)
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx)
	}
	return err
}

// watch looks at the table, and again after each event that may have changed
// the answer. It listens before it looks.
func (c *condition) watch(ctx context.Context) error {
	l, err := c.listen(ctx)
	if err != nil {
		return err
	}
	if l != nil {
		defer l.Close(ctx)
	}
	for p := make([]byte, 4096); ; {
		there, err := c.kind.exists(ctx, c.filters)
		if c.gone && absence(err) {
			return nil // with the object that this file belongs to
		}
		if err != nil || there != c.gone {
			return err
		}
		if l == nil {
			err = pause(ctx, pollPause)
		} else if _, err = l.ReadAt(ctx, p, 0); err == nil {
			err = l.skip(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// absence reports whether err says that what was asked for is not there.
func absence(err error) bool {
	switch Errno(err) {
	case errNoFile.Errno, ErrRemoved.Errno, syscall.ENODEV, syscall.ESRCH:
		return true
	}
	return false
}

// listen subscribes to the events that may make the condition true: those of
// its records, or of any record if it is to vanish, since what says that a record
// is no more need not say all of it.
func (c *condition) listen(ctx context.Context) (*listener, error) {
	if c.kind.eventFeed() == nil {
		return nil, nil
	}
	e := newEvents([]kind{c.kind})
	if !c.gone {
		if err := e.filter(c.filters); err != nil {
			return nil, err
		}
	}
	h, err := e.Open(ctx, OpenRead)
	if err != nil {
		return nil, err
	}
	return h.(*listener), nil
}

// skip gives a burst of events the time to end, and forgets it.
func (l *listener) skip(ctx context.Context) error {
	l.mu.Lock()
	more := len(l.queue) > 0 || l.behind
	l.mu.Unlock()
	if more {
		if err := pause(ctx, checkPause); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue, l.bytes, l.behind = nil, 0, false
	for _, s := range l.subs {
		s.forget()
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
