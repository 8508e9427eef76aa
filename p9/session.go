package p9

import (
	"context"
	"math"
	"time"

	"github.com/netfs-project/netfs/fs"
)

// A session is what lies between one Tversion and the next: fids and requests.
// Its state is guarded by conn.mu; decode and the names by who has the input.
type session struct {
	c       *conn
	dialect Dialect
	msize   uint32
	ctx     context.Context
	cancel  context.CancelFunc
	dec     coder
	names   interner

	fids    map[uint32]*fid
	spare   []*fid
	tags    map[uint16]*request // that run apart from the input; a Tflush stands for what it waits for
	apart   int                 // requests that run apart
	pending int64               // bytes of their data
	dead    bool
	drained chan struct{} // closed when dead and apart is 0
	room    chan struct{} // gets a value when pending falls; capacity 1
}

// A fid is a place in the tree, perhaps open.
type fid struct {
	num  uint32
	root *fs.Ref         // ".." stops here
	ctx  context.Context // the session's, with the user

	ref     *fs.Ref // the end of way
	way     way
	open    bool
	mode    uint8    // of Topen
	remove  bool     // ORCLOSE
	file    *fs.File // mem, when it is open
	mem     fs.File
	dir     *listing
	stream  fs.Streamer
	blocker fs.Blocker
	far     *remoteHandle // of a tree that is served again

	// Where the last read of a stream ended.
	end   uint64
	count uint32
	n     uint32

	refs  int        // requests that use it
	busy  bool       // by one that changes it; others queue
	queue []*request // in order of arrival
	gone  bool       // no longer in the table
	shut  bool       // closed by its Tclunk
	stuck bool       // by a request that was abandoned
	idle  chan struct{}
}

func newSession(c *conn, d Dialect, msize uint32) *session {
	s := &session{c: c, dialect: d, msize: msize, fids: make(map[uint32]*fid), tags: make(map[uint16]*request),
		drained: make(chan struct{}), room: make(chan struct{}, 1)}
	s.ctx, s.cancel = context.WithCancel(fs.WithUser(c.base, c.user))
	s.dec = coder{op: decoding, dialect: d, names: &s.names}
	return s
}

func (s *session) decode(frame []byte, m *Msg) error { return s.dec.decode(frame, m) }

// admit finds the fids of a request and takes its place in their order. If they
// are busy it is queued.
func (s *session) admit(r *request) error {
	t := &r.t
	switch {
	case t.Type&1 != 0:
		return errReplyType
	case s.dialect == nowhere:
		return errNoVersion
	}
	if len(s.tags) > 0 {
		if s.tags[t.Tag] != nil {
			return errDupTag
		}
		if len(s.tags) >= s.c.srv.MaxInFlight && t.Type != Tclunk {
			return errManyTags
		}
	}
	switch t.Type {
	case Tauth:
		r.ctx.parent = s.ctx
		return nil
	case Tattach:
		r.ctx.parent = s.ctx
		return s.reserve(r, t.Fid)
	}
	f := s.fids[t.Fid]
	switch {
	case f == nil:
		return errUnknownFid
	case f.busy:
		r.queued = true
		r.fid = f
		f.queue = append(f.queue, r)
		return nil
	}
	return s.enter(r, f)
}

// enter begins a request on its fid.
func (s *session) enter(r *request, f *fid) error {
	t := &r.t
	switch {
	case f.gone:
		return errUnknownFid
	case f.stuck && t.Type != Tclunk:
		return errStuck
	}
	if t.clones() {
		if err := s.reserve(r, t.Newfid); err != nil {
			return err
		}
	}
	f.refs++
	r.fid, r.ref, r.way, r.file = f, f.ref, f.way, f.file
	r.ctx.parent = f.ctx
	if r.excl = t.exclusive(); r.excl {
		f.busy = true
	}
	if t.Type == Tclunk || t.Type == Tremove {
		s.unlink(r, f)
	}
	return nil
}

// unlink takes the fid out of the table and ends what else is going on with it.
func (s *session) unlink(r *request, f *fid) {
	delete(s.fids, f.num)
	f.gone = true
	if f.refs == 1 {
		return
	}
	r.idle = make(chan struct{})
	f.idle = r.idle
	for _, other := range s.tags {
		if other != r && other.fid == f && !other.queued {
			other.ctx.cancel()
		}
	}
}

// clones reports whether the message makes a new fid out of another.
func (m *Msg) clones() bool { return m.Type == Twalk && m.Newfid != m.Fid }

// exclusive reports whether the message changes its fid or what is behind it.
func (m *Msg) exclusive() bool {
	switch m.Type {
	case Twalk:
		return m.Newfid == m.Fid
	case Tread, Tstat, Tgetattr, Treaddir, Tstatfs, Treadlink, Txattrwalk, Tmkdir, Trenameat, Tunlinkat:
		return false
	}
	return true
}

// reserve puts a fid into the table which is busy until its request has made it.
func (s *session) reserve(r *request, num uint32) error {
	switch {
	case num == NoFid:
		return errUnknownFid
	case s.fids[num] != nil:
		return errFidInUse
	case len(s.fids) >= s.c.srv.MaxFids:
		return errManyFids
	}
	var f *fid
	if n := len(s.spare); n > 0 {
		f, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		f = new(fid)
	}
	f.num, f.busy, f.refs = num, true, 1
	s.fids[num] = f
	r.newfid = f
	return nil
}

// release ends a request's use of its fids and starts what queued for them. It
// returns a fid that is to be closed, without the lock.
func (s *session) release(r *request) (closing *fid) {
	if f := r.newfid; f != nil {
		f.refs--
		f.busy = false
		if !r.made || f.gone || s.dead {
			s.forget(f)
		}
		s.startQueue(f)
		closing = s.unused(f)
	}
	if f := r.fid; f != nil && !r.queued {
		f.refs--
		if r.excl {
			f.busy = false
			s.startQueue(f)
		}
		if f.idle != nil && f.refs == 1 {
			close(f.idle)
			f.idle = nil
		}
		if g := s.unused(f); g != nil {
			closing = g
		}
	}
	return closing
}

func (s *session) forget(f *fid) {
	if s.fids[f.num] == f {
		delete(s.fids, f.num)
	}
	f.gone = true
}

// unused disposes of a fid that nothing knows any more, and returns it if it has
// still to be closed.
func (s *session) unused(f *fid) *fid {
	if !f.gone || f.refs > 0 {
		return nil
	}
	if !f.shut && (f.file != nil || f.remove) {
		f.shut = true
		return f
	}
	if len(s.spare) < 64 {
		*f = fid{queue: f.queue[:0], way: way{own: f.way.spare()}}
		s.spare = append(s.spare, f)
	}
	return nil
}

// startQueue starts the requests that waited for the fid, up to and with the
// first that changes it.
func (s *session) startQueue(f *fid) {
	for len(f.queue) > 0 && !f.busy {
		r := f.queue[0]
		f.queue = append(f.queue[:0], f.queue[1:]...)
		r.queued = false
		r.fid = nil
		r.err = s.enter(r, f)
		if r.err == nil {
			r.waits()
		}
		s.c.tasks.Go(func() { s.c.async(r) })
	}
}

// enroll enters a request into the table of those that run apart.
func (s *session) enroll(r *request) {
	s.apart++
	s.pending += int64(len(r.t.Data))
	s.tags[r.t.Tag] = r
}

// retire takes a request's tag, and those of the Tflush that wait for it, out of
// the table, and appends their replies.
func (s *session) retire(r *request, reply []byte) []byte {
	delete(s.tags, r.t.Tag)
	s.pending -= int64(len(r.t.Data))
	select {
	case s.room <- struct{}{}:
	default:
	}
	for _, tag := range r.flushes {
		delete(s.tags, tag)
		if !s.dead {
			reply = append(reply, headLen, 0, 0, 0, byte(Rflush), byte(tag), byte(tag>>8))
		}
	}
	r.flushes = nil
	return reply
}

// leave counts a request that has ended.
func (s *session) leave() {
	s.apart--
	if s.dead && s.apart == 0 {
		close(s.drained)
	}
}

// flush cancels the request that a Tflush names. It reports whether the Tflush
// can be answered now; if not, it is when that request ends.
func (s *session) flush(r *request) bool {
	s.c.mu.Lock()
	defer s.c.mu.Unlock()
	old := s.tags[r.t.Oldtag]
	switch {
	case old == nil, s.tags[r.t.Tag] != nil:
		return true
	case old.queued:
		s.unqueue(old)
		return true
	}
	old.ctx.cancel()
	old.flushes = append(old.flushes, r.t.Tag)
	s.tags[r.t.Tag] = old
	if !old.flushed {
		old.flushed = true
		old.grace = time.AfterFunc(s.c.srv.Grace, func() { s.abandon(old) })
	}
	return false
}

// unqueue drops a request that has not begun.
func (s *session) unqueue(r *request) {
	q := r.fid.queue[:0]
	for _, other := range r.fid.queue {
		if other != r {
			q = append(q, other)
		}
	}
	r.fid.queue = q
	s.retire(r, nil)
	s.leave()
	r.free()
}

// abandon answers for a request that goes on although it was cancelled, so that
// a client can always be killed. Its fid is lost.
func (s *session) abandon(r *request) {
	c := s.c
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.mu.Lock()
	if s.dead || s.tags[r.t.Tag] != r {
		c.mu.Unlock()
		return
	}
	c.srv.Log.Error("9p: request goes on after it was flushed", "request", r.t.Text(s.dialect), "from", c.user.From)
	r.abandoned = true
	reply := s.retire(r, nil)
	if r.newfid != nil {
		s.forget(r.newfid)
		s.failQueue(r.newfid)
	}
	if r.fid != nil && r.excl {
		r.fid.stuck = true
		s.failQueue(r.fid)
	}
	c.mu.Unlock()
	c.write(reply)
}

// failQueue starts what waits for a fid that never gets free: it fails.
func (s *session) failQueue(f *fid) {
	f.busy = false
	s.startQueue(f)
}

// kill ends the session: it cancels every request, waits for them, and closes
// every fid. It reports false if a request goes on beyond its grace; its fids
// close when it ends.
func (s *session) kill() bool {
	s.c.mu.Lock()
	s.dead = true
	s.cancel()
	var closing []*fid
	for _, r := range s.tags {
		r.ctx.cancel()
	}
	for num, f := range s.fids {
		for len(f.queue) > 0 {
			s.unqueue(f.queue[0])
		}
		delete(s.fids, num)
		f.gone = true
		if f.refs == 0 {
			f.shut = true
			closing = append(closing, f)
		}
	}
	if s.apart == 0 {
		select {
		case <-s.drained:
		default:
			close(s.drained)
		}
	}
	s.c.mu.Unlock()
	for _, f := range closing {
		s.c.discard(f)
	}
	t := time.NewTimer(s.c.srv.Grace)
	defer t.Stop()
	select {
	case <-s.drained:
		return true
	case <-t.C:
		return false
	}
}

// discard closes a fid of which no client hears any more.
func (c *conn) discard(f *fid) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p, "close "+f.ref.Path())
		}
	}()
	f.close(f.ctx)
}

// close closes what the fid has open. The context of a session that has ended
// tells the file that its client is gone: a last line which was never finished
// is not run then.
func (f *fid) close(ctx context.Context) error {
	var err error
	if f.file != nil {
		err = f.file.Close(ctx)
	}
	if f.remove {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if rerr := f.ref.Remove(ctx); err == nil {
			err = rerr
		}
	}
	return err
}

// continues applies the rule for Linux's client, which repeats a read until its
// buffer is full: a read that goes on where the last one came back short, with
// its count shrunk by at most what was returned, belongs to the same read(2) and
// is told that this is the end. A new read(2) has the full count again.
func (f *fid) continues(offset uint64, count uint32) bool {
	yes := f.n > 0 && f.n < f.count && offset == f.end && count < f.count && f.count-count <= f.n
	if yes {
		f.n = 0
	}
	return yes
}

// remember notes a read of a stream for continues.
func (s *session) remember(f *fid, offset uint64, count uint32, n int) {
	s.c.mu.Lock()
	f.end, f.count, f.n = offset+uint64(n), count, uint32(min(n, math.MaxUint32))
	s.c.mu.Unlock()
}

// backPressure holds the input up while too many written bytes wait. It reports
// false if none of them moves.
func (c *conn) backPressure(r *request) bool {
	s := r.s
	n := int64(len(r.t.Data))
	for n > 0 {
		c.mu.Lock()
		full := s.pending > 0 && s.pending+n > c.srv.MaxPending
		c.mu.Unlock()
		if !full {
			return true
		}
		t := time.NewTimer(c.srv.Grace)
		select {
		case <-s.room:
			t.Stop()
		case <-t.C:
			return false
		case <-c.base.Done():
			t.Stop()
			return false
		}
	}
	return true
}
