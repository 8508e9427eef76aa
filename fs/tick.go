package fs

import (
	"bytes"
	"context"
	iofs "io/fs"
	"strconv"
	"sync"
	"time"
)

// A ticker is an info file that is read again and again: "stats,.every=1s".
type ticker struct {
	src   Opener
	every time.Duration
}

// newTicker returns the stream of what src says now and every so often.
func newTicker(src Opener, every time.Duration) Node { return &ticker{src, every} }

// fastest bounds .every, so that one reader cannot keep the kernel busy.
const fastest = 10 * time.Millisecond

// parseEvery reads the argument of .every: a Go duration, or seconds.
func parseEvery(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if n, e := strconv.ParseFloat(s, 64); e == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
	}
	if err != nil || d < fastest {
		return 0, badName(".every=" + s + ": want a time such as 1s, at least 10ms")
	}
	return d, nil
}

func (t *ticker) Mode() iofs.FileMode { return 0o444 }

func (t *ticker) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	f := &tickFile{ticker: t, sem: make(chan struct{}, 1), ready: make(chan struct{}), next: time.Now()}
	f.life, f.end = context.WithCancel(context.Background())
	close(f.ready)
	return f, nil
}

// A tickFile is one open ticker. It has no goroutine: a read waits for its time.
type tickFile struct {
	*ticker
	life context.Context // ends with Close
	end  context.CancelFunc
	sem  chan struct{} // held by the one read that is under way; guards next and text
	next time.Time
	text []byte // not delivered yet

	mu    sync.Mutex // guards the rest
	ready chan struct{}
	timer *time.Timer // closes ready
}

func (f *tickFile) Blocks() bool { return true }

func (f *tickFile) Ready() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ready
}

func (f *tickFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	select {
	case f.sem <- struct{}{}:
		defer func() { <-f.sem }()
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-f.life.Done():
		return 0, errClosed
	}
	for len(f.text) == 0 {
		if err := f.wait(ctx); err != nil {
			return 0, err
		}
		if err := f.fill(ctx); err != nil {
			return 0, err
		}
	}
	n := wholeLines(f.text, len(p))
	copy(p, f.text[:n])
	if f.text = f.text[n:]; len(f.text) == 0 {
		f.arm()
	}
	return n, nil
}

// wholeLines returns how many bytes of text make whole lines of at most max
// bytes; a longer line is cut.
func wholeLines(text []byte, max int) int {
	if len(text) <= max {
		return len(text)
	}
	if i := bytes.LastIndexByte(text[:max], '\n'); i >= 0 {
		return i + 1
	}
	return max
}

func (f *tickFile) wait(ctx context.Context) error {
	t := time.NewTimer(time.Until(f.next))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.life.Done():
		return errClosed
	}
}

// fill reads the file from its start. Times that nobody waited for are left out.
func (f *tickFile) fill(ctx context.Context) error {
	h, err := f.src.Open(ctx, OpenRead)
	if err != nil {
		return gone(err)
	}
	defer h.Close(ctx)
	for now := time.Now(); !f.next.After(now); {
		f.next = f.next.Add(max(f.every, now.Sub(f.next).Truncate(f.every)))
	}
	f.text, err = readAll(ctx, h)
	f.text = unarray(f.text)
	return gone(err)
}

// unarray makes an object per line, as streams have them, of a JSON array.
func unarray(text []byte) []byte {
	body, ok := bytes.CutPrefix(text, []byte("[\n"))
	if !ok {
		return text
	}
	body = bytes.TrimSuffix(body, []byte("]\n"))
	return bytes.ReplaceAll(body, []byte("},\n"), []byte("}\n"))
}

// readAll reads a file that has an end.
func readAll(ctx context.Context, h Handle) ([]byte, error) {
	b := make([]byte, 0, 4096)
	for {
		n, err := h.ReadAt(ctx, b[len(b):cap(b)], int64(len(b)))
		b = b[:len(b)+n]
		if n == 0 || err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
	}
}

// arm makes a new ready channel, which is closed when it is time.
func (f *tickFile) arm() {
	f.mu.Lock()
	defer f.mu.Unlock()
	ready := make(chan struct{})
	f.ready = ready
	if f.timer != nil {
		f.timer.Stop()
	}
	f.timer = time.AfterFunc(time.Until(f.next), func() { close(ready) })
}

func (f *tickFile) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	return 0, errNotOpen
}

func (f *tickFile) Close(ctx context.Context) error {
	f.end()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.timer != nil {
		f.timer.Stop()
	}
	return nil
}
