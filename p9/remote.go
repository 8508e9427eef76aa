package p9

import (
	"context"
	"errors"
	iofs "io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/fs"
)

// Root is the remote tree, for front ends: to be mounted through FUSE or served
// again, in an fs.Tree with Trust set, since the far server checks every right.
// Its nodes hold no fids, only paths; its handles hold one each.
func (c *Client) Root() fs.Node { return c.node(nil, &c.rootDir) }

// place is a path of the remote tree, as it was when it was walked or listed.
type place struct {
	c    *Client
	path []string
	mode iofs.FileMode
}

func (p *place) Mode() iofs.FileMode { return p.mode }

func (c *Client) node(path []string, d *Dir) fs.Node {
	p := place{c: c, path: path, mode: modeOf(d.Mode) & (iofs.ModeDir | iofs.ModeAppend | iofs.ModePerm)}
	if p.mode.IsDir() {
		return &remoteDir{p}
	}
	return &remoteFile{place: p, size: int64(d.Length), seen: time.Now()}
}

// modeOf turns stat(5)'s bits into Go's.
func modeOf(m uint32) iofs.FileMode {
	mode := iofs.FileMode(m & 0o777)
	if m&DMDIR != 0 {
		mode |= iofs.ModeDir
	}
	for _, b := range modeBits {
		if m&b.dm != 0 {
			mode |= b.mode
		}
	}
	return mode
}

var modeBits = [...]struct {
	dm   uint32
	mode iofs.FileMode
}{
	{DMAPPEND, iofs.ModeAppend}, {DMEXCL, iofs.ModeExclusive}, {DMTMP, iofs.ModeTemporary}, {DMSYMLINK, iofs.ModeSymlink},
	{DMDEVICE, iofs.ModeDevice}, {DMNAMEDPIPE, iofs.ModeNamedPipe}, {DMSOCKET, iofs.ModeSocket},
	{DMSETUID, iofs.ModeSetuid}, {DMSETGID, iofs.ModeSetgid}, {DMSETVTX, iofs.ModeSticky},
}

// child is the path of a member. It never shares memory with a sibling's.
func (p *place) child(name string) []string { return append(slices.Clip(slices.Clone(p.path)), name) }

func (p *place) fid(ctx context.Context, more ...string) (Fid, error) {
	if len(more) == 0 {
		return p.c.root.Walk(ctx, p.path...)
	}
	return p.c.root.Walk(ctx, append(slices.Clip(p.path), more...)...)
}

type remoteDir struct{ place }

// Walk finds one name and its mode.
func (r *remoteDir) Walk(ctx context.Context, name string) (fs.Node, error) {
	f, err := r.fid(ctx, name)
	if err != nil {
		return nil, err
	}
	defer f.drop()
	d, err := f.Stat(ctx)
	if err != nil {
		return nil, err
	}
	return r.c.node(r.child(name), &d), nil
}

func (r *remoteDir) List(ctx context.Context) ([]fs.Entry, error) {
	f, err := r.fid(ctx)
	if err != nil {
		return nil, err
	}
	defer f.drop()
	if err := f.Open(ctx, OREAD); err != nil {
		return nil, err
	}
	dirs, err := f.ReadDir(ctx)
	if err != nil {
		return nil, err
	}
	if r.c.dialect == DotL {
		if dirs, err = r.stats(ctx, f, dirs); err != nil {
			return nil, err
		}
	}
	list := make([]fs.Entry, len(dirs))
	for i := range dirs {
		list[i] = fs.Entry{Name: dirs[i].Name, Node: r.c.node(r.child(dirs[i].Name), &dirs[i])}
	}
	return list, nil
}

// statters is how many names of a listing are looked at together.
const statters = 16

// stats fills in what a listing of 9P2000.L lacks. A name that has gone is left
// out, and one whose attributes cannot be had is known by its kind alone.
func (r *remoteDir) stats(ctx context.Context, f Fid, dirs []Dir) ([]Dir, error) {
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, len(dirs))
	for range min(statters, len(dirs)) {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(dirs)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				d, err := f.statOf(ctx, dirs[i].Name)
				if errs[i] = err; err == nil {
					dirs[i] = d
				}
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := r.c.Err(); err != nil {
		return nil, err
	}
	there := dirs[:0]
	for i := range dirs {
		if !errors.Is(errs[i], iofs.ErrNotExist) && !errors.Is(errs[i], syscall.EIDRM) {
			there = append(there, dirs[i])
		}
	}
	return there, nil
}

// statOf is Stat of a member of the fid's directory.
func (f Fid) statOf(ctx context.Context, name string) (Dir, error) {
	at, err := f.Walk(ctx, name)
	if err != nil {
		return Dir{}, err
	}
	defer at.drop()
	return at.Stat(ctx)
}

func (r *remoteDir) Mkdir(ctx context.Context, name string) (fs.Node, error) {
	f, err := r.fid(ctx)
	if err != nil {
		return nil, err
	}
	defer f.drop()
	if err := f.Create(ctx, name, DMDIR|0o775, OREAD); err != nil {
		return nil, err
	}
	d, err := f.Stat(ctx)
	if err != nil {
		return nil, err
	}
	return r.c.node(r.child(d.Name), &d), nil
}

func (r *remoteDir) Remove(ctx context.Context, name string) error {
	f, err := r.fid(ctx, name)
	if err != nil {
		return err
	}
	return f.Remove(ctx)
}

func (r *remoteDir) Rename(ctx context.Context, from, to string) error {
	f, err := r.fid(ctx)
	if err != nil {
		return err
	}
	defer f.drop()
	return f.RenameAt(ctx, from, f, to)
}

type remoteFile struct {
	place
	size int64
	seen time.Time // when size was
}

// fresh is how long what came with a walk or a listing stands for what the
// server would say: as long as the tree's own values share one fetch.
const fresh = 100 * time.Millisecond

// Size is 0 for files whose length the server does not tell.
func (r *remoteFile) Size(ctx context.Context) (int64, error) {
	if time.Since(r.seen) < fresh {
		return r.size, nil
	}
	f, err := r.fid(ctx)
	if err != nil {
		return 0, err
	}
	defer f.drop()
	d, err := f.Stat(ctx)
	return int64(d.Length), err
}

// Erase asks the server to remove the file, which is a table's records if the
// path has words, and refused by it otherwise.
func (r *remoteFile) Erase(ctx context.Context) error {
	f, err := r.fid(ctx)
	if err != nil {
		return err
	}
	return f.Remove(ctx)
}

func (r *remoteFile) Open(ctx context.Context, mode fs.OpenMode) (fs.Handle, error) {
	how := [...]uint8{fs.OpenRead: OREAD, fs.OpenWrite: OWRITE, fs.OpenRead | fs.OpenWrite: ORDWR}
	mode &^= fs.OpenOnce // 9P has no word for it
	if mode == 0 || int(mode) >= len(how) {
		return nil, iofs.ErrInvalid
	}
	f, err := r.fid(ctx)
	if err != nil {
		return nil, err
	}
	if err := f.Open(ctx, how[mode]); err != nil {
		f.drop()
		return nil, err
	}
	return r.c.handle(f), nil
}

// A remoteHandle is an open file of the server. Its reads are the server's reads,
// one for one. For a reader that goes through the file in order and is given all
// that it asks for, more is read at once than it asks for, and ahead of it when
// a read was filled that no stream fills (see Copy).
type remoteHandle struct {
	fid    Fid
	ctx    context.Context // ends with the handle: for what is read ahead
	cancel context.CancelFunc

	mu    sync.Mutex // guards what follows
	ahead *readAhead
	end   int64 // where the last read that was full ended
	more  bool  // it was one of several in order
	last  struct {
		off      int64 // where the last read ended
		count, n int   // what it asked for, and got
	}
}

func (c *Client) handle(f Fid) *remoteHandle {
	h := &remoteHandle{fid: f}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Blocks is true: whatever it is, the answer comes over the wire.
func (h *remoteHandle) Blocks() bool { return true }

// MayStream is true: only the server knows whether the file ever ends.
func (h *remoteHandle) MayStream() bool { return true }

// readAhead is one read of the server's largest size, under way or done, or what
// is left of one.
type readAhead struct {
	off    int64
	buf    []byte
	n      int
	err    error
	done   chan struct{} // closed when n and err are set
	cancel context.CancelFunc
}

func (h *remoteHandle) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	return h.readAt(ctx, p, off, false)
}

// readAt may ask the server for another count than p holds unless exact is set.
func (h *remoteHandle) readAt(ctx context.Context, p []byte, off int64, exact bool) (int, error) {
	a := h.take(off)
	if a == nil && !exact && h.goesOn(off, len(p)) {
		return h.askMore(ctx, p, off, h.fid.most())
	}
	if a == nil {
		n, err := h.ask(ctx, p, off, exact)
		if err == nil && n == len(p) && n > 0 && h.inOrder(off, n) && n > streamMost {
			h.begin(off + int64(n))
		}
		return n, err
	}
	select {
	case <-a.done:
	case <-ctx.Done():
		h.putBack(a)
		return 0, ctx.Err()
	}
	if a.err != nil {
		defer a.free()
		return 0, a.err
	}
	n := copy(p, a.buf[off-a.off:a.n])
	next := off + int64(n)
	if next < a.off+int64(a.n) {
		h.putBack(a)
		return n, nil
	}
	long := a.n == len(a.buf) && a.n > streamMost
	a.free()
	if long {
		h.begin(next)
	}
	return n, nil
}

// inOrder notes a full read and reports whether it began where another ended, or
// at the start.
func (h *remoteHandle) inOrder(off int64, n int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.more = off == 0 || off == h.end
	h.end = off + int64(n)
	return h.more
}

// goesOn reports whether a read of n bytes is one of many in order, for which
// the server is better asked for more.
func (h *remoteHandle) goesOn(off int64, n int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.more && off == h.end && n < h.fid.most()
}

// ask is one read of the server. Our servers take a read that goes on after a
// short one with a smaller count for Linux's client filling a buffer, and tell it
// that this is the end (see fid.continues). Readers in Go shrink their buffers in
// just that way and mean to wait; so they ask for a byte less, or, if that leaves
// none, for as much as before.
func (h *remoteHandle) ask(ctx context.Context, p []byte, off int64, exact bool) (int, error) {
	p = p[:min(len(p), h.fid.most())]
	h.mu.Lock()
	l := h.last
	h.mu.Unlock()
	count := len(p)
	if !exact && l.n > 0 && l.n < l.count && off == l.off && count < l.count && l.count-count <= l.n {
		count = l.count - l.n - 1
	}
	if count == 0 && len(p) > 0 {
		return h.askMore(ctx, p, off, l.count)
	}
	n, err := h.fid.ReadAt(ctx, p[:count], off)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last.off, h.last.count, h.last.n = off+int64(n), count, n
	return n, err
}

// askMore reads more than p holds and keeps the rest for the next read.
func (h *remoteHandle) askMore(ctx context.Context, p []byte, off int64, count int) (int, error) {
	a := &readAhead{off: off, buf: grow(nil, count)[:count], done: make(chan struct{}), cancel: func() {}}
	close(a.done)
	a.n, a.err = h.fid.ReadAt(ctx, a.buf, off)
	h.mu.Lock()
	h.last.off, h.last.count, h.last.n = off+int64(a.n), count, a.n
	h.end = h.last.off
	h.mu.Unlock()
	n := copy(p, a.buf[:a.n])
	if n < a.n {
		h.putBack(a)
	} else {
		a.free()
	}
	return n, a.err
}

// take returns what was read ahead for this offset, and ends what was not.
func (h *remoteHandle) take(off int64) *readAhead {
	h.mu.Lock()
	a := h.ahead
	h.ahead = nil
	h.mu.Unlock()
	if a == nil {
		return nil
	}
	if off == a.off {
		return a
	}
	select {
	case <-a.done:
		if off > a.off && off < a.off+int64(a.n) {
			return a
		}
	default:
	}
	a.stop()
	return nil
}

func (h *remoteHandle) putBack(a *readAhead) {
	h.mu.Lock()
	other := h.ahead
	h.ahead = a
	h.mu.Unlock()
	if other != nil {
		other.stop()
	}
}

// begin reads on from off.
func (h *remoteHandle) begin(off int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end = off
	if h.ahead != nil || h.ctx.Err() != nil {
		return
	}
	a := &readAhead{off: off, done: make(chan struct{})}
	most := h.fid.most()
	a.buf = grow(nil, most)[:most]
	var ctx context.Context
	ctx, a.cancel = context.WithCancel(h.ctx)
	h.ahead = a
	go func() {
		defer close(a.done)
		a.n, a.err = h.fid.ReadAt(ctx, a.buf, off)
	}()
}

// stop ends a read ahead that nobody wants.
func (a *readAhead) stop() {
	a.cancel()
	<-a.done
	a.free()
}

// free is for one that is done.
func (a *readAhead) free() {
	a.cancel()
	drop(a.buf)
	a.buf = nil
}

func (h *remoteHandle) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	h.forget() // a write may change what is read next
	return h.fid.WriteAt(ctx, p, off)
}

func (h *remoteHandle) forget() {
	h.mu.Lock()
	a := h.ahead
	h.ahead, h.end, h.more = nil, -1, false
	h.mu.Unlock()
	if a != nil {
		a.stop()
	}
}

func (h *remoteHandle) Close(ctx context.Context) error {
	h.cancel()
	h.forget()
	err := h.fid.Clunk(ctx)
	if errors.Is(err, ErrClosed) {
		return nil // the connection was closed on purpose, and the fid with it
	}
	return err
}

var (
	_ fs.Maker   = (*remoteDir)(nil)
	_ fs.Remover = (*remoteDir)(nil)
	_ fs.Renamer = (*remoteDir)(nil)
	_ fs.Opener  = (*remoteFile)(nil)
	_ fs.Sizer   = (*remoteFile)(nil)
	_ fs.Blocker = (*remoteHandle)(nil)
)
