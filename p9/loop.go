package p9

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// A loop reads requests and performs them, for as long as it has the input.
type loop struct {
	c    *conn
	in   []byte // in[r:w] is input that was read and not looked at
	r, w int
	late bool // the read deadline is for the rest of a frame
	past bool // and that frame has come

	out  []byte // replies that wait for the input to drain
	mark int    // length of out when the running request began
	req  *request

	n       uint64        // counts the connection's requests
	running atomic.Uint64 // n while a request holds the input, else 0
	lost    sync.Mutex    // held while the input is taken away
}

// run ends when the input does, or when another loop has it.
func (l *loop) run() {
	for {
		frame, err := l.next()
		if err == nil && !l.handle(frame) {
			return
		}
		if err != nil {
			l.c.err = err
			close(l.c.over)
			return
		}
	}
}

// next returns the next frame, which is valid until the following call. It
// sends what waits before it waits itself.
func (l *loop) next() ([]byte, error) {
	if len(l.out) >= fullBatch {
		l.flushOut()
	}
	for {
		need := 4
		if have := l.w - l.r; have >= 4 {
			size := binary.LittleEndian.Uint32(l.in[l.r:])
			if size < headLen || size > l.c.sess.msize {
				l.flushOut()
				return nil, fmt.Errorf("frame of %d bytes where 7 to %d are legal", size, l.c.sess.msize)
			}
			if have >= int(size) {
				frame := l.in[l.r : l.r+int(size) : l.r+int(size)]
				l.r += int(size)
				l.past = true
				return frame, nil
			}
			need = int(size)
		}
		l.flushOut()
		if err := l.fill(need); err != nil {
			return nil, err
		}
	}
}

// fill reads once, with room for a frame of need bytes; a large one gets it when
// a part of it is there, so that announcing one costs the server nothing.
func (l *loop) fill(need int) error {
	if l.r == l.w {
		l.in, l.r, l.w = drop(l.in), 0, 0
	}
	if l.r+need > cap(l.in) {
		b := l.in[l.r:l.w]
		if len(b) < smallBuffer {
			need = min(need, smallBuffer)
		}
		if need > cap(l.in) {
			l.in = grow(nil, max(need, smallBuffer))
		}
		l.in = l.in[:cap(l.in)]
		l.r, l.w = 0, copy(l.in, b)
	}
	l.in = l.in[:cap(l.in)]
	l.bound()
	n, err := l.c.rw.Read(l.in[l.w:])
	l.w += n
	switch {
	case n > 0:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && !l.late && l.c.busy():
		return nil
	case err == nil:
		return io.ErrNoProgress
	case err == io.EOF && l.w > l.r:
		return io.ErrUnexpectedEOF
	}
	return err
}

// bound sets the deadline of the next read: for the rest of a frame that has
// begun, else for the next one. Until Tversion that of the handshake holds.
func (l *loop) bound() {
	c, late := l.c, l.w > l.r
	switch {
	case c.sess.dialect == nowhere:
		return
	case late && (!l.late || l.past):
		c.readDeadline(c.srv.FrameTimeout)
	case !late && (l.late || c.srv.IdleTimeout > 0):
		c.readDeadline(c.srv.IdleTimeout)
	}
	l.late, l.past = late, false
}

// flushOut writes the replies that were collected.
func (l *loop) flushOut() {
	if len(l.out) == 0 {
		return
	}
	l.c.wmu.Lock()
	l.c.write(l.out)
	l.c.wmu.Unlock()
	l.out = drop(l.out)
}

// handle performs one message, or sees to it that it will be. It reports
// whether the loop still has the input.
func (l *loop) handle(frame []byte) bool {
	c, r := l.c, l.req
	s := c.sess
	r.s, r.out, r.skip = s, l.out, 0
	if err := s.decode(frame, &r.t); err != nil {
		r.err = badMessage(err)
		r.perform()
		return l.done(r)
	}
	switch r.t.Type {
	case Tversion:
		l.version(r)
		return l.done(r)
	case Tflush:
		if s.flush(r) {
			r.perform()
		}
		return l.done(r)
	}
	if !c.backPressure(r) {
		r.err = errManyTags
		r.perform()
		return l.done(r)
	}
	return l.request(r)
}

func (l *loop) request(r *request) bool {
	c, s := l.c, r.s
	c.mu.Lock()
	r.err = s.admit(r)
	apart := r.queued
	if !apart && r.err == nil && r.waits() {
		apart = true
	}
	if apart {
		s.enroll(r)
		r.own()
		r.out = nil
		if !r.queued {
			c.tasks.Go(func() { c.async(r) })
		}
		c.mu.Unlock()
		l.req = newRequest()
		return true
	}
	c.mu.Unlock()

	l.mark = len(l.out)
	l.n++
	l.running.Store(l.n)
	c.watchOn()
	r.perform()
	if l.running.CompareAndSwap(l.n, 0) {
		c.mu.Lock()
		gone := s.release(r)
		c.mu.Unlock()
		if gone != nil {
			c.discard(gone)
		}
		return l.done(r)
	}
	// The watch took the input. Until it lets go of the lock it looks at l.
	l.lost.Lock()
	r.skip = l.mark
	l.lost.Unlock()
	c.complete(r)
	drop(l.in)
	return false
}

// done takes over the replies and makes the request ready for the next one.
func (l *loop) done(r *request) bool {
	l.out = r.out
	r.reset()
	return true
}

// takeInput gives the input of a loop that is stuck in request n to a new one,
// unless the request has ended meanwhile.
func (l *loop) takeInput(n uint64) {
	l.lost.Lock()
	defer l.lost.Unlock()
	if !l.running.CompareAndSwap(n, 0) {
		return
	}
	c := l.c
	// Whatever the old loop has still to say is said before the new one can
	// answer anything: a Tflush of one of those requests, for example.
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.mu.Lock()
	l.req.s.enroll(l.req)
	c.cur = &loop{c: c, n: n, late: l.late, past: true, req: newRequest()}
	if rest := l.in[l.r:l.w]; len(rest) > 0 {
		c.cur.in = append(grow(nil, max(len(rest), smallBuffer)), rest...)
		c.cur.w = len(rest)
	}
	c.tasks.Go(c.cur.run)
	c.mu.Unlock()
	c.write(l.out[:l.mark])
}

func badMessage(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return &protoError{err.Error() + ": bad message", syscall.EBADMSG}
}
