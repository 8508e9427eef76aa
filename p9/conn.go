package p9

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// A conn is one connection of the server.
//
// One goroutine at a time has the input: that of the current loop. It performs
// each request on the spot and collects the replies until the input is drained,
// which is what makes many small requests cheap. Requests that are known to
// wait get a goroutine at once. One that turns out to be slow is found by the
// watch: the loop that is stuck in it loses the input to a new loop, finishes
// its request in its own time, and ends. So nobody has to know beforehand which
// calls into the kernel may take long.
type conn struct {
	srv *Server
	rw  io.ReadWriteCloser
	peer

	base  context.Context // of the connection; ends with it
	tasks sync.WaitGroup  // loops, and requests on goroutines of their own

	mu   sync.Mutex // guards cur, seen, and the state of sessions and fids
	sess *session   // replaced only by the loop that has the input
	cur  *loop      // that has the input
	seen uint64     // the request that ran at the last tick

	wmu      sync.Mutex // held while writing; taken before mu
	deadline time.Time  // of writes, as it is set now

	watch   *time.Timer
	watched atomic.Bool  // watch is set
	pace    atomic.Int64 // when it is set next: a time.Duration

	over chan struct{} // closed when nobody reads any more; then err is set
	err  error
}

const (
	// tick is how long a request may hold the input once the watch has seen it.
	// The watch looks as often after a request that did, and twice as rarely each
	// time that it sees none, down to every idleTick: a timer costs as much as a
	// small request.
	tick     = time.Millisecond
	idleTick = 16 * tick
	// handshakeMsize bounds frames before Tversion.
	handshakeMsize = 8 << 10
	// fullBatch is how many bytes of replies are collected before they are
	// written although more input is there.
	fullBatch = 64 << 10
)

// run serves until the input ends, and returns when all that it started has
// ended too. It closes the connection.
func (c *conn) run(ctx context.Context) error {
	var cancel context.CancelFunc
	c.base, cancel = context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { c.rw.Close() })()
	c.over = make(chan struct{})
	c.sess = newSession(c, nowhere, handshakeMsize)
	c.pace.Store(int64(tick))
	c.watch = time.AfterFunc(time.Hour, c.ticked)
	defer c.watch.Stop()
	c.readDeadline(c.srv.HandshakeTimeout)
	c.cur = &loop{c: c, req: newRequest()}
	c.tasks.Go(c.cur.run)
	<-c.over
	c.rw.Close()
	if !c.sess.kill() {
		c.srv.Log.Error("9p: a request goes on after its connection", "from", c.user.From)
		return c.err
	}
	c.tasks.Wait()
	return c.err
}

// readDeadline bounds the wait for input, where the connection can; 0 ends the
// bound.
func (c *conn) readDeadline(d time.Duration) {
	if nc, ok := c.rw.(interface{ SetReadDeadline(time.Time) error }); ok {
		var t time.Time
		if d > 0 {
			t = time.Now().Add(d)
		}
		nc.SetReadDeadline(t)
	}
}

// busy reports whether a request runs apart from the input.
func (c *conn) busy() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sess.apart > 0
}

// write sends replies; wmu is held. A peer that does not take them in time, or
// is gone, ends the connection, which its reader will notice.
func (c *conn) write(b []byte) {
	if len(b) == 0 {
		return
	}
	c.writeDeadline()
	if _, err := c.rw.Write(b); err != nil {
		c.rw.Close()
	}
}

// writeDeadline moves the deadline only when half of it has passed: setting it
// costs as much as a small request.
func (c *conn) writeDeadline() {
	nc, ok := c.rw.(interface{ SetWriteDeadline(time.Time) error })
	if !ok {
		return
	}
	if now := time.Now(); c.deadline.Sub(now) < c.srv.WriteTimeout {
		c.deadline = now.Add(2 * c.srv.WriteTimeout)
		nc.SetWriteDeadline(c.deadline)
	}
}

// watchOn makes sure that a tick comes.
func (c *conn) watchOn() {
	if !c.watched.Load() {
		c.watchIn(time.Duration(c.pace.Load()))
	}
}

func (c *conn) watchIn(d time.Duration) {
	if c.watched.CompareAndSwap(false, true) {
		c.watch.Reset(d)
	}
}

// ticked takes the input from a request that already ran at the last tick. An
// idle connection has no ticks.
func (c *conn) ticked() {
	// In this order: a request that starts now either sees the watch unset, or
	// is seen here.
	c.watched.Store(false)
	c.mu.Lock()
	l, seen := c.cur, c.seen
	n := l.running.Load()
	c.seen = n
	c.mu.Unlock()
	switch n {
	case 0:
		c.pace.Store(min(2*c.pace.Load(), int64(idleTick)))
	case seen:
		c.pace.Store(int64(tick))
		l.takeInput(n)
	default:
		c.watchIn(tick)
	}
}

// async performs a request on a goroutine of its own.
func (c *conn) async(r *request) {
	if r.err == nil {
		r.err = r.await()
	}
	r.perform()
	c.complete(r)
}

// complete answers a request that ran apart from the input: its reply, if any
// is due, then the Rflush of each Tflush that named it. The tag is free before
// the reply can be seen, and no Rflush of the input's loop can overtake it.
func (c *conn) complete(r *request) {
	c.wmu.Lock()
	c.mu.Lock()
	s := r.s
	reply := r.out[r.skip:]
	if s.dead || r.abandoned || r.flushed && interrupted(r.err) {
		reply = nil
	}
	if !r.abandoned {
		reply = s.retire(r, reply)
	}
	gone := s.release(r)
	s.leave()
	c.mu.Unlock()
	c.write(reply)
	c.wmu.Unlock()
	if gone != nil {
		c.discard(gone)
	}
	r.free()
}
