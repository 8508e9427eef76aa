package p9

import (
	"context"
	"encoding/binary"
	"errors"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/fs"
)

// A request is one T-message on its way to its reply.
type request struct {
	s   *session
	t   Msg // what came
	r   Msg // what is answered
	enc coder
	ctx *requestContext
	err error

	out   []byte // replies; out[skip:] is this one's
	skip  int
	data  []byte // t.Data, when it outlives the input
	alone bool   // began on a goroutine of its own

	// What admit found. Guarded by conn.mu until the request runs.
	fid    *fid
	newfid *fid // busy with this request: attach, walk
	made   bool // newfid is good
	excl   bool // fid is busy with this request
	ref    *fs.Ref
	way    way // to ref
	file   *fs.File
	ready  <-chan struct{} // a stream's, to be waited for
	quick  bool            // answer 0 bytes: v9fs goes on with a short read
	idle   chan struct{}   // Tclunk, Tremove: closed when nothing else uses fid

	// Guarded by conn.mu.
	queued    bool // waits for fid
	flushed   bool
	abandoned bool
	flushes   []uint16 // tags of the Tflush that wait for this
	grace     *time.Timer
}

var requests = sync.Pool{New: func() any { return &request{ctx: new(requestContext)} }}

func newRequest() *request { return requests.Get().(*request) }

// reset makes r ready for another message.
func (r *request) reset() {
	if !r.ctx.finish() {
		r.ctx = new(requestContext)
	}
	r.s, r.err, r.out, r.skip = nil, nil, nil, 0
	r.fid, r.newfid, r.made, r.excl = nil, nil, false, false
	r.ref, r.way, r.file, r.ready, r.quick, r.idle = nil, way{}, nil, nil, false, nil
	r.t.Data, r.r.Data, r.data = nil, nil, drop(r.data)
	r.alone, r.queued = false, false
}

// free ends r's life after it ran apart. One that was flushed is left to the
// collector: its timer may still know it.
func (r *request) free() {
	drop(r.out)
	if r.flushed {
		r.grace.Stop()
		r.ctx.finish()
		return
	}
	r.reset()
	requests.Put(r)
}

// panicked logs a panic of the tree, and is an I/O error.
func (c *conn) panicked(p any, doing string) error {
	c.srv.Log.Error("9p: panic", "request", doing, "panic", p, "stack", string(debug.Stack()), "from", c.user.From)
	return syscall.EIO
}

// own makes the request independent of the input buffer.
func (r *request) own() {
	r.alone = true
	if len(r.t.Data) > 0 {
		r.data = append(grow(r.data[:0], len(r.t.Data)), r.t.Data...)
		r.t.Data = r.data
	}
}

// waits reports whether the request is known to wait, so that it must not hold
// the input. conn.mu is held.
func (r *request) waits() (yes bool) {
	defer func() {
		if p := recover(); p != nil {
			r.err = r.s.c.panicked(p, r.t.Text(r.s.dialect))
		}
	}()
	f := r.fid
	switch {
	case r.idle != nil:
		return true
	case r.t.Type != Tread && r.t.Type != Twrite, f.file == nil:
		return false
	case r.t.Type == Tread && f.stream != nil:
		if r.quick = r.t.Count == 0 || f.continues(r.t.Offset, r.t.Count); r.quick {
			return false
		}
		r.ready = f.stream.Ready()
		select {
		case <-r.ready:
			r.ready = nil
			return false
		default:
			return true
		}
	}
	return f.blocker != nil && f.blocker.Blocks()
}

// await waits, without holding a buffer, for what the request needs.
func (r *request) await() error {
	if r.idle != nil {
		t := time.NewTimer(r.s.c.srv.Grace)
		defer t.Stop()
		select {
		case <-r.idle:
		case <-t.C: // the last user closes the file
		}
	}
	if r.ready == nil {
		return r.ctx.Err()
	}
	select {
	case <-r.ready:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// perform does what was asked and appends the reply to out, unless r.err says
// that it has failed already. A panic in the tree is an I/O error.
func (r *request) perform() {
	start := len(r.out)
	defer func() {
		if p := recover(); p != nil {
			r.out = r.out[:start]
			r.made = false
			r.fail(r.s.c.panicked(p, r.t.Text(r.s.dialect)))
		}
	}()
	if r.err == nil {
		r.r.Type, r.r.Tag = r.t.Type+1, r.t.Tag
		r.err = r.do()
	}
	if r.err == nil && len(r.out) == start {
		r.err = r.encode(start)
	}
	if r.err != nil {
		r.out = r.out[:start]
		r.made = false
		r.fail(r.err)
	}
}

var errBigReply = &protoError{"reply is larger than msize: message too long", syscall.EMSGSIZE}

func (r *request) encode(start int) error {
	r.enc = coder{op: encoding, dialect: r.s.dialect, b: grow(r.out, 512)}
	err := r.enc.frame(&r.r)
	r.out, r.enc.b = r.enc.b, nil
	if err == nil && len(r.out)-start > int(r.s.msize) {
		err = errBigReply
	}
	return err
}

// fail appends Rerror or its like.
func (r *request) fail(err error) {
	r.err = err
	m := Msg{Type: Rerror, Tag: r.t.Tag, Errno: linuxErrno(fs.Errno(err))}
	if r.s.dialect == DotL {
		m.Type = Rlerror
	} else {
		m.Ename = errorText(err, min(maxEname, int(r.s.msize)-headLen-6))
	}
	out, encErr := AppendMsg(r.out, r.s.dialect, &m)
	if encErr != nil {
		r.s.c.srv.Log.Error("9p: an error cannot be told", "err", encErr)
	}
	r.out = out
}

// interrupted tells an error that only says that the request was cancelled.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, syscall.EINTR)
}

// payload makes room for a reply of n bytes after its header, for the handler to
// fill; send completes it.
func (r *request) payload(n int) []byte {
	r.out = grow(r.out, readHead+n)
	at := len(r.out) + readHead
	return r.out[at : at+n : at+n]
}

const readHead = headLen + 4 // size type tag count

func (r *request) send(n int) {
	at := len(r.out)
	r.out = r.out[:at+readHead+n]
	h := r.out[at:]
	binary.LittleEndian.PutUint32(h, uint32(readHead+n))
	h[4] = byte(r.t.Type + 1)
	binary.LittleEndian.PutUint16(h[5:], r.t.Tag)
	binary.LittleEndian.PutUint32(h[7:], uint32(n))
}
