package p9

import (
	"context"
	"io"
	"syscall"
)

// A Fid is a place in a server's tree, open or not. It is a small value; copies
// are the same fid. Clunk or Remove ends it.
type Fid struct {
	c      *Client
	num    uint32
	iounit uint32
	qid    Qid
	name   string // the last that was walked, which 9P2000.L does not tell
}

// Qid is the server's identity of the file.
func (f Fid) Qid() Qid { return f.qid }

// Attach makes another root, for another user or another part of the tree. Uid
// is the user as a number, NoUid if there is none.
func (c *Client) Attach(ctx context.Context, uname string, uid uint32, aname string) (Fid, error) {
	k, err := c.newCall(Tattach)
	if err != nil {
		return Fid{}, err
	}
	defer c.release(k)
	num := c.newFid()
	k.t.Fid, k.t.Afid, k.t.Uname, k.t.Aname, k.t.Uid = num, NoFid, uname, aname, uid
	if err := c.do(ctx, k); err != nil {
		c.unmade(k, num)
		return Fid{}, err
	}
	return Fid{c: c, num: num, qid: k.r.Qid, name: "/"}, nil
}

// Walk returns a new fid of the file that the names lead to; with no names, of
// the same file.
func (f Fid) Walk(ctx context.Context, names ...string) (Fid, error) {
	to := Fid{c: f.c, num: f.c.newFid(), qid: f.qid, name: f.name}
	from := f.num
	for first := true; first || len(names) > 0; first = false {
		n := min(len(names), maxWalk)
		got, err := f.c.walk(ctx, from, &to, names[:n])
		if err == nil && got < n {
			err = f.c.whyNot(ctx, from, names[:got+1])
			if first {
				f.c.freeFid(to.num)
			}
		}
		if err != nil {
			if !first {
				to.drop()
			}
			return Fid{}, err
		}
		from, names = to.num, names[n:]
	}
	return to, nil
}

// walk is one Twalk. It returns how many names were walked: fewer than all is a
// failure, and to was not made. If it fails to has been given back, unless it is
// from itself.
func (c *Client) walk(ctx context.Context, from uint32, to *Fid, names []string) (int, error) {
	k, err := c.newCall(Twalk)
	if err != nil {
		return 0, err
	}
	defer c.release(k)
	k.t.Fid, k.t.Newfid = from, to.num
	k.t.Names = append(k.t.Names[:0], names...)
	if err := c.do(ctx, k); err != nil {
		if to.num != from {
			c.unmade(k, to.num)
		}
		return 0, err
	}
	n := len(k.r.Qids)
	if n > 0 && n == len(names) {
		to.qid, to.name = k.r.Qids[n-1], names[n-1]
	}
	return n, nil
}

// whyNot finds the error of the last name, which a walk of several does not
// tell: by walking to the one before it, and from there.
func (c *Client) whyNot(ctx context.Context, from uint32, names []string) error {
	last := len(names) - 1
	at := Fid{c: c, num: c.newFid()}
	got, err := c.walk(ctx, from, &at, names[:last])
	if err != nil {
		return err
	}
	if got < last {
		c.freeFid(at.num)
		return notThere(nil)
	}
	defer at.drop()
	beyond := Fid{c: c, num: c.newFid()}
	got, err = c.walk(ctx, at.num, &beyond, names[last:])
	switch {
	case err != nil:
	case got == 1:
		beyond.drop() // it came into being just now
	default:
		c.freeFid(beyond.num)
	}
	return notThere(err)
}

func notThere(err error) error {
	if err == nil {
		return syscall.ENOENT
	}
	return err
}

// Open opens the fid's file: OREAD, OWRITE, ORDWR, with OTRUNC.
func (f *Fid) Open(ctx context.Context, mode uint8) error {
	if f.c.dialect == DotL {
		flags, err := linuxFlags(mode)
		if err != nil {
			return err
		}
		return f.Lopen(ctx, flags)
	}
	return f.open(ctx, Topen, func(m *Msg) { m.Mode = mode })
}

// Create makes a file in the directory of the fid, which becomes that file,
// open. Perm has DMDIR for a directory. A file that is there already is an error.
func (f *Fid) Create(ctx context.Context, name string, perm uint32, mode uint8) error {
	if f.c.dialect == DotL {
		return f.createLinux(ctx, name, perm, mode)
	}
	return f.open(ctx, Tcreate, func(m *Msg) { m.Name, m.Perm, m.Mode, m.Ext = name, perm, mode, "" })
}

// open is each of the calls after which the fid is open.
func (f *Fid) open(ctx context.Context, t Type, set func(*Msg)) error {
	k, err := f.c.newCall(t)
	if err != nil {
		return err
	}
	defer f.c.release(k)
	k.t.Fid = f.num
	set(&k.t)
	if err := f.c.do(ctx, k); err != nil {
		return err
	}
	f.qid, f.iounit = k.r.Qid, k.r.Iounit
	if t == Tcreate || t == Tlcreate {
		f.name = k.t.Name
	}
	return nil
}

// most is how much one message carries for this file.
func (f *Fid) most() int {
	n := f.c.payload()
	if f.iounit > 0 && int64(f.iounit) < int64(n) {
		n = int(f.iounit)
	}
	return n
}

// ReadAt is one Tread: it returns what the server has, which may be less than p
// holds; 0, nil is the end.
func (f *Fid) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	k, err := f.c.newCall(Tread)
	if err != nil {
		return 0, err
	}
	defer f.c.release(k)
	f.fillRead(k, p, off)
	err = f.c.do(ctx, k)
	if err != nil {
		return 0, err
	}
	return k.n, nil
}

func (f *Fid) fillRead(k *call, p []byte, off int64) {
	k.dst = p[:min(len(p), f.most())]
	k.t.Fid, k.t.Offset, k.t.Count = f.num, uint64(off), uint32(len(k.dst))
}

// WriteAt writes p, in as many messages as it takes, one after the other. An
// error tells how much was written before.
func (f *Fid) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	done := 0
	for {
		n, err := f.write(ctx, p[done:min(len(p), done+f.most())], off+int64(done))
		done += n
		if err != nil || done == len(p) {
			return done, err
		}
		if n == 0 {
			return done, io.ErrShortWrite
		}
	}
}

func (f *Fid) write(ctx context.Context, p []byte, off int64) (int, error) {
	k, err := f.c.newCall(Twrite)
	if err != nil {
		return 0, err
	}
	defer f.c.release(k)
	k.t.Fid, k.t.Offset, k.t.Data = f.num, uint64(off), p
	if err := f.c.do(ctx, k); err != nil {
		return 0, err
	}
	return int(k.r.Count), nil
}

// Stat returns the stat record of the fid's file. In 9P2000.L it is made of the
// attributes; owners are numbers then.
func (f Fid) Stat(ctx context.Context) (d Dir, err error) {
	if f.c.dialect == DotL {
		a, err := f.Getattr(ctx, AttrBasic)
		if err != nil {
			return d, err
		}
		return a.dir(f.name), nil
	}
	err = f.c.rpc(ctx, Tstat, func(m *Msg) { m.Fid = f.num }, func(m *Msg) { d = m.Dir })
	return d, err
}

// Wstat changes what differs from NullDir in d. 9P2000.L has no names there: see
// RenameAt, which all dialects have.
func (f Fid) Wstat(ctx context.Context, d *Dir) error {
	if f.c.dialect == DotL {
		a, err := attrOf(d)
		if err != nil {
			return err
		}
		return f.Setattr(ctx, &a)
	}
	return f.c.rpc(ctx, Twstat, func(m *Msg) { m.Fid, m.Dir = f.num, *d }, nil)
}

// Clunk ends the fid. An error tells that what was written last failed; the fid
// is gone in any case. If ctx ends first, the server's answer is not waited for.
func (f Fid) Clunk(ctx context.Context) error { return f.last(ctx, Tclunk) }

// Remove removes the file and ends the fid, in any case.
func (f Fid) Remove(ctx context.Context) error { return f.last(ctx, Tremove) }

// last sends a message after which the fid is gone. It is never flushed: that
// would leave open whether the fid is free.
func (f Fid) last(ctx context.Context, t Type) error {
	c := f.c
	k, err := c.newCall(t)
	if err != nil {
		return err
	}
	k.t.Fid = f.num
	if err := c.send(k); err != nil {
		c.release(k)
		return err
	}
	select {
	case <-k.done:
	case <-ctx.Done():
		if c.leave(k) {
			return ctx.Err()
		}
		<-k.done
	}
	err = k.err
	c.release(k)
	c.freeFid(f.num)
	return err
}

// drop clunks without waiting.
func (f Fid) drop() {
	k, err := f.c.newCall(Tclunk)
	if err != nil {
		return // the connection has ended, and the fid with it
	}
	k.t.Fid, k.auto = f.num, true
	if err := f.c.send(k); err != nil {
		f.c.fail(err)
	}
}

// leave lets a call complete with nobody waiting; false if it has already.
func (c *Client) leave(k *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.active {
		k.auto = true
	}
	return k.active
}

const (
	// window is how many reads Copy has under way.
	window = 6
	// streamMost is the most that a read of one of our streams returns.
	streamMost = fullBatch
)

// Copy reads an open file from its start to its end into w. Several reads are
// under way as long as they come back full, but never of a stream, in which what
// is read ahead cannot be read again: the file must be longer than what was read
// by its length, or have filled a read with more than any stream of ours returns
// at once.
func (f *Fid) Copy(ctx context.Context, w io.Writer) (int64, error) {
	total := int64(0)
	p := pipeline{f: f, ahead: 1}
	err := p.copy(ctx, w, &total)
	p.end(ctx, err)
	return total, err
}

func (p *pipeline) copy(ctx context.Context, w io.Writer, total *int64) error {
	for {
		if err := p.fill(*total); err != nil {
			return err
		}
		k := p.flight[0]
		p.flight = p.flight[1:]
		err := p.f.wait(ctx, k)
		at, b, full := int64(k.t.Offset), k.dst[:k.n], k.n == len(k.dst)
		next := at + int64(len(b))
		if at == *total && err == nil && len(b) > 0 {
			_, err = w.Write(b)
		}
		p.bufs = append(p.bufs, k.dst[:0])
		p.f.c.release(k)
		switch {
		case at != *total: // it went out before a read came back short
			continue
		case err != nil || len(b) == 0:
			return err
		case !full:
			p.ahead = 1
		case p.ahead == 1 && p.hasOffsets(ctx, len(b), next):
			p.ahead = window
		}
		*total = next
	}
}

// hasOffsets reports whether the file can be read ahead, after a full read of n
// bytes that ended at next.
func (p *pipeline) hasOffsets(ctx context.Context, n int, next int64) bool {
	if n > streamMost {
		return true
	}
	if !p.measured {
		p.measured = true
		if d, err := p.f.Stat(ctx); err == nil {
			p.length = d.Length
		}
	}
	return uint64(next) < p.length
}

// A pipeline is reads under way, in the order in which they were sent.
type pipeline struct {
	f      *Fid
	ahead  int   // how many should be
	next   int64 // offset of the next
	flight []*call
	bufs   [][]byte

	measured bool   // length was asked for
	length   uint64 // by the stat record; 0 if it tells none
}

// fill sends reads up to the window. After a short one it goes on from what was
// really read, when those that were sent too far have come back.
func (p *pipeline) fill(total int64) error {
	if len(p.flight) == 0 {
		p.next = total
	}
	for len(p.flight) < p.ahead {
		size := p.f.most()
		var buf []byte
		if n := len(p.bufs); n > 0 {
			buf, p.bufs = p.bufs[n-1], p.bufs[:n-1]
		} else {
			buf = grow(nil, size)
		}
		k, err := p.f.sendRead(buf[:size], p.next)
		if err != nil {
			return err
		}
		p.flight = append(p.flight, k)
		p.next += int64(size)
	}
	return nil
}

// end waits for what is still under way.
func (p *pipeline) end(ctx context.Context, err error) {
	if err != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		cancel()
	}
	for _, k := range p.flight {
		p.f.wait(ctx, k)
		drop(k.dst)
		p.f.c.release(k)
	}
	for _, b := range p.bufs {
		drop(b)
	}
}

// sendRead begins a read that wait completes.
func (f *Fid) sendRead(p []byte, off int64) (*call, error) {
	k, err := f.c.newCall(Tread)
	if err != nil {
		return nil, err
	}
	f.fillRead(k, p, off)
	if err := f.c.send(k); err != nil {
		f.c.release(k)
		return nil, err
	}
	return k, nil
}

func (f *Fid) wait(ctx context.Context, k *call) error {
	select {
	case <-k.done:
		return k.err
	default:
	}
	select {
	case <-k.done:
		return k.err
	case <-ctx.Done():
		return f.c.flush(ctx, k)
	}
}
