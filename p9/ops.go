package p9

import (
	iofs "io/fs"
	"math"
	"strings"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/fs"
)

// version begins a new session. It stands alone: what was under way is ended,
// and every fid is gone, before it is answered.
func (l *loop) version(r *request) {
	c := l.c
	if !c.sess.kill() {
		c.srv.Log.Error("9p: a request goes on after Tversion", "from", c.user.From)
	}
	l.flushOut()
	r.out = l.out
	d := dialectOf(r.t.Version)
	msize := min(r.t.Msize, c.srv.MaxMsize)
	next := newSession(c, d, msize)
	if d == nowhere {
		next.msize = handshakeMsize
	}
	if msize < minMsize {
		next.dialect, next.msize = nowhere, handshakeMsize
		r.err = errMsize
	}
	switch agreed := c.sess.dialect != nowhere; {
	case next.dialect != nowhere:
		c.readDeadline(0)
	case agreed:
		c.readDeadline(c.srv.HandshakeTimeout)
	}
	l.late = false
	c.mu.Lock()
	c.sess, r.s = next, next
	c.mu.Unlock()
	r.r = Msg{Type: Rversion, Tag: r.t.Tag, Msize: msize, Version: d.String()}
	if r.err == nil {
		r.err = r.encode(len(r.out))
	}
	if r.err != nil {
		r.fail(r.err)
	}
}

// dialectOf picks the dialect for what a client asks: version(5) has what stands
// before any period name a version, and the longest that is known is answered
// (some ask for "9P2000.L.Google.7" and take "9P2000.L").
func dialectOf(version string) Dialect {
	for {
		switch version {
		case DotU.String():
			return DotU
		case DotL.String():
			return DotL
		case Plain.String():
			return Plain
		}
		i := strings.LastIndexByte(version, '.')
		if i < 0 {
			return nowhere
		}
		version = version[:i]
	}
}

// do performs a request whose fids were found, and sets the reply's fields.
func (r *request) do() error {
	switch r.t.Type {
	case Tflush:
		return nil
	case Tauth:
		return errNoAuth
	case Tattach:
		return r.attach()
	case Twalk:
		return r.walk()
	case Topen:
		return r.openFid(r.ref, r.t.Mode)
	case Tcreate:
		return r.create()
	case Tread:
		return r.read()
	case Twrite:
		return r.write()
	case Tclunk:
		return r.clunk()
	case Tremove:
		return r.remove()
	case Tstat:
		return r.stat()
	case Twstat:
		return r.wstat()
	}
	return r.linux()
}

// attach makes the root fid, or logs why not.
func (r *request) attach() error {
	err := r.attached()
	if err != nil {
		p := &r.s.c.peer
		r.s.c.srv.Log.Warn("9p: attach refused", "user", p.user.Name, "from", p.user.From, "uname", r.t.Uname, "aname", r.t.Aname, "err", err)
	}
	return err
}

// attached makes the root fid. Uname is not proof of anything: the user is the
// connection's, and only root may be somebody else, by n_uname. But who has a
// certificate may not claim to be another. Aname narrows the tree:
// "/links/eth0,ro".
func (r *request) attached() error {
	if r.s.dialect == Plain {
		r.t.Uid = NoUid
	}
	if r.t.Afid != NoFid {
		return errUnknownFid
	}
	p := &r.s.c.peer
	if !p.may(r.t.Uname) {
		return syscall.EACCES
	}
	tree := p.tree
	path, readOnly := strings.CutSuffix(r.t.Aname, ",ro")
	if readOnly {
		tree = r.s.c.srv.readOnly
	}
	ref := tree.Attach()
	for name := range strings.SplitSeq(p.aname+"/"+path, "/") {
		if name == "" || name == "." {
			continue
		}
		if name == ".." { // narrows nothing, and may be meant to widen
			return syscall.EACCES
		}
		next, err := step(r.ctx, ref, name)
		if err != nil {
			return err
		}
		ref = next
	}
	r.newfid.moved(ref)
	r.newfid.root, r.newfid.ctx = ref, r.s.userContext(r.t.Uid)
	r.made = true
	r.r.Qid = qidOf(ref)
	return nil
}

// walk goes as far as it can. Only the failure of the first name is an error;
// a shorter walk is told by the number of qids, and makes no fid.
func (r *request) walk() error {
	f := r.fid
	if f.open && r.newfid == nil {
		return errBadUse
	}
	r.r.Qids = r.r.Qids[:0]
	to := r.newfid
	var w way
	if to != nil {
		w.own = to.way.own
	}
	w.follow(&r.way, len(r.t.Names))
	for i, name := range r.t.Names {
		err := w.step(r.ctx, f.root, name)
		if err != nil && i == 0 {
			return err
		}
		if err != nil {
			return nil
		}
		r.r.Qids = append(r.r.Qids, qidOf(w.ref()))
	}
	if to != nil {
		to.root, to.ref, to.way, to.ctx = f.root, w.ref(), w, f.ctx
		r.made = true
		return nil
	}
	// Other requests may still be where the fid was: that memory is left alone.
	r.s.c.mu.Lock()
	f.ref, f.way = w.ref(), w
	r.s.c.mu.Unlock()
	return nil
}

// openFid opens the place that the fid is at. Truncation means nothing to any
// file of the tree; it needs the right to write all the same.
func (r *request) openFid(ref *fs.Ref, mode uint8) error {
	f := r.fid
	if f.open {
		return errBadUse
	}
	if ref.IsDir() {
		// open(5) has directories read only; lib9p lets OEXEC be refused too.
		if mode&^ORCLOSE != OREAD {
			return syscall.EISDIR
		}
		return r.opened(ref, nil, &listing{ref: ref}, mode)
	}
	var how fs.OpenMode
	switch mode & 3 {
	case OREAD:
		how = fs.OpenRead
	case OWRITE:
		how = fs.OpenWrite
	case ORDWR:
		how = fs.OpenRead | fs.OpenWrite
	case OEXEC:
		if ref.Node.Mode().Perm()&0o111 == 0 {
			return syscall.EACCES
		}
		how = fs.OpenRead
	}
	if mode&OTRUNC != 0 {
		how |= fs.OpenWrite
	}
	if mode&ORCLOSE != 0 {
		return syscall.EPERM // no file of the tree can be removed
	}
	f.mem = fs.File{}
	if err := ref.OpenIn(r.ctx, how, &f.mem); err != nil {
		return err
	}
	return r.opened(ref, &f.mem, nil, mode)
}

func (r *request) opened(ref *fs.Ref, file *fs.File, dir *listing, mode uint8) error {
	f, c := r.fid, r.s.c
	c.mu.Lock()
	lost := r.abandoned || f.gone
	if !lost {
		if ref != f.ref {
			f.moved(ref)
		}
		f.file, f.dir, f.open, f.mode = file, dir, true, mode
		f.remove = mode&ORCLOSE != 0
		if file != nil {
			f.stream, _ = file.Handle().(fs.Streamer)
			f.blocker, _ = file.Handle().(fs.Blocker)
			f.far, _ = file.Handle().(*remoteHandle)
		}
	}
	c.mu.Unlock()
	if lost && file != nil {
		file.Close(f.ctx)
		return errUnknownFid
	}
	r.r.Qid, r.r.Iounit = qidOf(ref), 0
	return nil
}

// create is mkdir. The name may carry path words: "br0,type=bridge". Files come
// and go with their objects and cannot be made.
func (r *request) create() error {
	t := &r.t
	switch {
	case r.fid.open:
		return errBadUse
	case !r.ref.IsDir():
		return syscall.ENOTDIR
	case !plainName(t.Name):
		return syscall.EINVAL
	case t.Perm&DMDIR == 0:
		return r.noFile()
	case t.Perm&^(DMDIR|dmIgnored|0o777) != 0:
		return syscall.EPERM
	case t.Mode&^ORCLOSE != OREAD:
		return syscall.EISDIR
	}
	made, err := r.ref.Mkdir(r.ctx, t.Name)
	if err != nil {
		return err
	}
	return r.openFid(made, t.Mode)
}

// noFile tells why no file was made: it is there, or it cannot be.
func (r *request) noFile() error {
	if _, err := r.ref.Walk(r.ctx, r.t.Name); err == nil {
		return syscall.EEXIST
	}
	return syscall.EPERM
}

func plainName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\x00")
}

func (r *request) read() error {
	f, t := r.fid, &r.t
	switch {
	case !f.open || f.mode&3 == OWRITE:
		return errBadUse
	case t.Offset > math.MaxInt64:
		return syscall.EINVAL
	}
	n := min(int64(t.Count), int64(r.s.msize)-ioHead)
	if f.dir != nil && r.s.dialect == DotL {
		return syscall.EISDIR
	}
	if f.dir != nil {
		m, err := f.dir.read(r, int64(t.Offset), r.payload(int(n)))
		if err == nil {
			r.send(m)
		}
		return err
	}
	if r.quick {
		r.payload(0)
		r.send(0)
		return nil
	}
	switch {
	case f.stream != nil:
		n = min(n, fullBatch) // what has come, not what there is room for
	case r.alone && f.blocker != nil && n > smallRead:
		large := r.s.c.srv.large
		defer large.Add(-1)
		if large.Add(1) > largeReads {
			n = smallRead
		}
	}
	m, err := r.readFile(r.payload(int(n)))
	if m == 0 && err != nil {
		return err
	}
	if f.stream != nil {
		r.s.remember(f, t.Offset, t.Count, m)
	}
	r.send(m)
	return nil
}

// readFile reads. A file of another server is asked for exactly what this one
// was: how counts follow each other means something there.
func (r *request) readFile(p []byte) (int, error) {
	if far := r.fid.far; far != nil {
		return far.readAt(r.ctx, p, int64(r.t.Offset), true)
	}
	return r.file.ReadAt(r.ctx, p, int64(r.t.Offset))
}

// Reads that wait hold their buffer, which is a large one for the first of all
// the server's connections only: the others may return less.
const (
	largeReads = 64
	smallRead  = 8 << 10
)

func (r *request) write() error {
	f, t := r.fid, &r.t
	switch {
	case !f.open || f.mode&3 != OWRITE && f.mode&3 != ORDWR:
		return errBadUse
	case t.Offset > math.MaxInt64:
		return syscall.EINVAL
	case len(t.Data) == 0:
		r.r.Count = 0
		return nil
	}
	n, err := r.file.WriteAt(r.ctx, t.Data, int64(t.Offset))
	r.r.Count = uint32(n)
	return err
}

// clunk frees the fid whatever happens; the error tells of a last line that
// failed.
func (r *request) clunk() error {
	if !r.closing() {
		return nil
	}
	return r.fid.close(r.ctx)
}

// remove frees the fid whatever happens, too.
func (r *request) remove() error {
	f := r.fid
	f.remove = false
	if r.closing() {
		f.close(r.ctx)
	}
	if r.ref == f.root {
		return syscall.EPERM
	}
	return r.ref.Remove(r.ctx)
}

// closing reports whether this request is the one that closes the fid: not if
// it waited in vain for another to end.
func (r *request) closing() bool {
	c := r.s.c
	c.mu.Lock()
	defer c.mu.Unlock()
	f := r.fid
	if f.refs > 1 {
		f.idle = nil
		return false
	}
	f.shut = true
	return true
}

func (r *request) stat() error {
	st, err := r.ref.Stat(r.ctx)
	if err != nil {
		return err
	}
	r.s.dirOf(&r.r.Dir, &st)
	if r.ref == r.fid.root {
		r.r.Dir.Name = "/"
	}
	return nil
}

// wstat renames. Truncation, modes and times are taken and mean nothing; all
// else is refused, before anything is done.
func (r *request) wstat() error {
	d, ref := &r.t.Dir, r.ref
	qid := qidOf(ref)
	isDir := ref.IsDir()
	switch {
	case d.Type != NullDir.Type && d.Type != 0, d.Dev != NullDir.Dev && d.Dev != 0,
		d.Qid != NullDir.Qid && d.Qid != qid && d.Qid != (Qid{}):
		return errBogusStat
	case d.Mode != NullDir.Mode && (d.Mode&DMDIR != 0) != isDir:
		return errConvert
	case d.Ext != "":
		return syscall.EPERM
	case d.UID != "", d.GID != "", r.s.dialect == DotU && (d.NumUID != NoUid || d.NumGID != NoUid):
		if err := r.sameOwner(d); err != nil {
			return err
		}
	}
	if d.Name == "" || d.Name == ref.Name() || ref == r.fid.root && d.Name == "/" {
		return nil
	}
	if !plainName(d.Name) {
		return syscall.EINVAL
	}
	if ref == r.fid.root {
		return syscall.EPERM
	}
	return r.rename(d.Name)
}

// sameOwner lets a stat record be written back unchanged. Who changed it last is
// not the client's to say; Linux's tells its uname there, and means nothing by it.
func (r *request) sameOwner(d *Dir) error {
	st, err := r.ref.Stat(r.ctx)
	if err != nil {
		return err
	}
	switch ids := r.s.c.srv.ids; {
	case d.UID != "" && d.UID != st.User, d.GID != "" && d.GID != st.Group,
		r.s.dialect == DotU && !ids.are(&st, d.NumUID, d.NumGID):
		return syscall.EPERM
	}
	return nil
}

// rename renames the object; the fid goes with it.
func (r *request) rename(name string) error {
	if err := r.ref.Rename(r.ctx, name); err != nil {
		return err
	}
	if ref, err := r.ref.Parent().Walk(r.ctx, name); err == nil {
		r.s.c.mu.Lock()
		r.fid.moved(ref)
		r.s.c.mu.Unlock()
	}
	return nil
}

// qidOf is the identity of a place. Its version is 0: v9fs then caches nothing.
func qidOf(ref *fs.Ref) Qid {
	q := Qid{Path: ref.ID()}
	m := ref.Node.Mode()
	if m.IsDir() {
		q.Type |= QTDIR
	}
	if m&iofs.ModeAppend != 0 {
		q.Type |= QTAPPEND
	}
	return q
}

// dirOf fills in a stat record.
func (s *session) dirOf(d *Dir, st *fs.Stat) {
	*d = Dir{Qid: Qid{Path: st.ID}, Mode: uint32(st.Mode.Perm()), Length: uint64(max(st.Size, 0)), Name: st.Name,
		UID: st.User, GID: st.Group, MUID: st.User}
	if st.Mode.IsDir() {
		d.Mode |= DMDIR
		d.Length = 0
	}
	if st.Mode&iofs.ModeAppend != 0 {
		d.Mode |= DMAPPEND
	}
	d.Qid.Type = uint8(d.Mode >> 24)
	d.Mtime = seconds(st.Mtime)
	d.Atime = d.Mtime
	if s.dialect == DotU {
		d.NumUID, d.NumGID = s.c.srv.ids.user(st.User), s.c.srv.ids.group(st.Group)
		d.NumMUID = d.NumUID
	}
}

func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }
