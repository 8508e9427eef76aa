package runner

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
)

// ErrClosed is what a closed runner returns.
var ErrClosed = errors.New("the client is closed")

// A loop is the one goroutine of a runner, which does what commands and readers of sockets hand
// it, one after the other, and wakes when something is due.
type loop struct {
	clock  *clock
	jobs   chan job
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup // of the loop and the readers
	offset time.Duration  // between the clocks; the loop's
}

type job struct {
	do   func() error
	done chan<- error // nil: nobody waits
}

func newLoop() (*loop, error) {
	c, err := newClock()
	if err != nil {
		return nil, err
	}
	l := &loop{clock: c, jobs: make(chan job)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

// run is the loop. due is called when something is; after each job and that, deadline tells when
// again.
func (l *loop) run(due func(), deadline func() time.Duration, end func()) {
	defer end()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-l.clock.c:
			due()
		case j := <-l.jobs:
			err := j.do()
			if j.done != nil {
				j.done <- err
			}
		}
		l.clock.set(deadline())
	}
}

// close ends the loop and the readers, whose sockets are closed by the end function.
func (l *loop) close() error {
	l.cancel()
	l.wg.Wait()
	return l.clock.close()
}

// do has the loop do something, and returns its error.
func (l *loop) do(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	select {
	case l.jobs <- job{f, done}:
	case <-l.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-l.ctx.Done():
		return ErrClosed
	}
}

// hand has the loop do something, and returns false if there is no loop any more.
func (l *loop) hand(f func()) bool {
	select {
	case l.jobs <- job{do: func() error { f(); return nil }}:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// stepped reports whether the wall clock was set since it was asked last: what files say is by the
// old one.
func (l *loop) stepped(now lease.Instant) bool {
	offset := time.Duration(now.Wall.UnixNano()) - now.Boot
	old := l.offset
	l.offset = offset
	return old != 0 && (offset-old).Abs() >= 5*time.Second
}
