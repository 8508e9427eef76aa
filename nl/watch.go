package nl

import (
	"context"
	"errors"
	"iter"
	"syscall"
	"time"
)

// What an Event tells.
type What uint8

const (
	Ignored   What = iota // nothing about this table; never yielded
	Added                 // a value that was not there
	Replaced              // a value that was made or changed
	Appended              // another beside those of the same identity
	Deleted               // Value holds at least the identity
	SyncBegin             // values up to SyncEnd are the whole table as it is now
	SyncEnd               // what was known before and did not come since SyncBegin is gone
	Lost                  // the kernel dropped events; SyncBegin follows
	Stale                 // the table changed in a way that no event tells: read it again; never yielded
)

// An Event is one change of a table. Value is borrowed until the next step, and nil for
// SyncBegin, SyncEnd and Lost.
type Event[T any] struct {
	What  What
	Value *T
	NSID  int32 // see Message
}

// A Source is how Watch learns of a table.
type Source[T any] struct {
	// Groups are the multicast groups that tell of changes.
	Groups []uint32
	// Dump yields the values of the table, each borrowed. ErrTorn at its end makes Watch dump again.
	Dump func(ctx context.Context) iter.Seq2[*T, error]
	// Event reads a message of the groups: Added, Replaced, Appended or Deleted and the value, borrowed
	// until the next call; Ignored if it tells nothing of this table; Stale if it tells that other values
	// changed, too (IPv4 routes go with their link, unsaid). An error ends Watch.
	Event func(m Message) (What, *T, error)
}

const (
	minPause  = 100 * time.Millisecond
	minRest   = 50 * time.Millisecond
	maxPause  = 10 * time.Second
	tornTries = 5
)

// Watch yields the values of a table between SyncBegin and SyncEnd, and then its changes until ctx
// ends. It joins the groups before it dumps, so nothing falls between: a change during the dump is
// told after SyncEnd, even if the dump shows it already.
//
// If the kernel drops events, because they came faster than they were taken, Watch yields Lost and then
// the whole table between SyncBegin and SyncEnd again. If that happens often it waits between,
// 100 ms at first and 10 s at most. A table that is Stale is read again soon, but so that reading
// takes a twentieth of the time at most. An error other than that is the last step.
//
//	for e, err := range nl.Watch(ctx, c, nl.Source[rt.Route]{
//		Groups: []uint32{rt.GroupIPv4Route},
//		Dump:   func(ctx context.Context) iter.Seq2[*rt.Route, error] { return rt.Routes(ctx, c, nil) },
//		Event:  rt.RouteEvent,
//	}) {
func Watch[T any](ctx context.Context, c *Client, src Source[T]) iter.Seq2[Event[T], error] {
	return func(yield func(Event[T], error) bool) {
		sub, err := c.Subscribe(ctx, src.Groups...)
		if err != nil {
			if ctx.Err() == nil {
				yield(Event[T]{}, err)
			}
			return
		}
		defer sub.Close()
		w := watch[T]{ctx: ctx, src: src, sub: sub, yield: yield, pause: minPause}
		for w.sync() && w.events() {
		}
	}
}

type watch[T any] struct {
	ctx   context.Context
	src   Source[T]
	sub   *Subscription
	yield func(Event[T], error) bool

	pause  time.Duration // before the table is read again after a loss
	synced time.Time     // when it was read last
	took   time.Duration // how long that took
}

func (w *watch[T]) tell(what What) bool { return w.yield(Event[T]{What: what, NSID: -1}, nil) }

// sync yields the whole table. It is false when the sequence is over.
func (w *watch[T]) sync() bool {
	for {
		if !w.tell(SyncBegin) {
			return false
		}
		begun := time.Now()
		torn, on := w.dump()
		w.synced = time.Now()
		w.took = w.synced.Sub(begun)
		if !on {
			return false
		}
		if !torn {
			return w.tell(SyncEnd)
		}
		if !w.wait() { // the table does not come to rest
			return false
		}
	}
}

// dump yields the values of the table, again if it was torn, which may show a value twice. Rows that a torn
// dump skipped are not among the events: the change that moved them was another's.
func (w *watch[T]) dump() (torn, on bool) {
	for try := 1; try <= tornTries; try++ {
		err := w.dumpOnce()
		switch {
		case err == nil:
			return false, true
		case errors.Is(err, errBroken), w.ctx.Err() != nil:
			return false, false
		case !errors.Is(err, ErrTorn):
			w.yield(Event[T]{NSID: -1}, err)
			return false, false
		}
		if pause(w.ctx, time.Duration(try)*time.Millisecond) != nil {
			return false, false
		}
	}
	return true, true
}

var errBroken = errors.New("the caller broke off")

func (w *watch[T]) dumpOnce() error {
	for v, err := range w.src.Dump(w.ctx) {
		if err != nil {
			return err
		}
		if !w.yield(Event[T]{What: Added, Value: v, NSID: -1}, nil) {
			return errBroken
		}
	}
	return nil
}

// events yields changes until the table must be read again. It is false when the sequence is over.
func (w *watch[T]) events() bool {
	// A stale table is read again after a rest; until then events are told as they come.
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	stale := false
	for m, err := range w.sub.Receive(ctx) {
		if errors.Is(err, ErrOverrun) {
			return w.afterLoss()
		}
		if err != nil {
			w.yield(Event[T]{NSID: m.NSID}, err)
			return false
		}
		what, v, err := w.src.Event(m)
		switch {
		case err != nil:
			w.yield(Event[T]{NSID: m.NSID}, err)
			return false
		case what == Ignored:
		case what == Stale && !stale:
			stale = true
			defer time.AfterFunc(w.rest(), cancel).Stop()
		case what == Stale:
		case !w.yield(Event[T]{What: what, Value: v, NSID: m.NSID}, nil):
			return false
		}
	}
	return stale && w.ctx.Err() == nil
}

// rest is how long a stale table waits to be read again, so that reading takes a twentieth of the
// time at most.
func (w *watch[T]) rest() time.Duration {
	return min(max(minRest, 20*w.took), maxPause) - time.Since(w.synced)
}

// afterLoss drops what is queued, too: it is older than what was lost, and shown after a new dump it would
// undo that.
func (w *watch[T]) afterLoss() bool {
	return w.tell(Lost) && w.wait() && w.sub.discard() == nil
}

// wait makes room between two readings of the table, more each time until it was quiet for a while.
func (w *watch[T]) wait() bool {
	if time.Since(w.synced) > maxPause {
		w.pause = minPause
	}
	t := w.pause
	w.pause = min(2*t, maxPause)
	return pause(w.ctx, t) == nil
}

// discard drops what is queued. Only the one that receives may call it.
func (s *Subscription) discard() error {
	buf := s.c.buffer()
	defer put(buf)
	for end := time.Now().Add(time.Second); time.Now().Before(end); {
		_, err := s.sock.Recv(*buf, false)
		if errors.Is(err, syscall.EAGAIN) {
			return nil
		}
		if err != nil && !errors.Is(err, syscall.ENOBUFS) {
			return err
		}
	}
	return nil // they come as fast as they are read, and are of now
}
