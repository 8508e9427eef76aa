package p9

import (
	"encoding/binary"
	"math"
	"math/bits"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// Types that only 9P2000.L has. Source: include/net/9p/9p.h of Linux.
const (
	Rlerror Type = 7 + iota
	Tstatfs
	Rstatfs
)

const (
	Tlopen Type = 12 + iota
	Rlopen
	Tlcreate
	Rlcreate
	Tsymlink
	Rsymlink
	Tmknod
	Rmknod
	Trename
	Rrename
	Treadlink
	Rreadlink
	Tgetattr
	Rgetattr
	Tsetattr
	Rsetattr
)

const (
	Txattrwalk Type = 30 + iota
	Rxattrwalk
	Txattrcreate
	Rxattrcreate
)

const (
	Treaddir Type = 40 + iota
	Rreaddir
)

const (
	Tfsync Type = 50 + iota
	Rfsync
	Tlock
	Rlock
	Tgetlock
	Rgetlock
)

const (
	Tlink Type = 70 + iota
	Rlink
	Tmkdir
	Rmkdir
	Trenameat
	Rrenameat
	Tunlinkat
	Runlinkat
)

var linuxNames = map[Type]string{
	Rlerror: "Rlerror", Tstatfs: "Tstatfs", Rstatfs: "Rstatfs", Tlopen: "Tlopen", Rlopen: "Rlopen", Tlcreate: "Tlcreate",
	Rlcreate: "Rlcreate", Tsymlink: "Tsymlink", Rsymlink: "Rsymlink", Tmknod: "Tmknod", Rmknod: "Rmknod", Trename: "Trename",
	Rrename: "Rrename", Treadlink: "Treadlink", Rreadlink: "Rreadlink", Tgetattr: "Tgetattr", Rgetattr: "Rgetattr",
	Tsetattr: "Tsetattr", Rsetattr: "Rsetattr", Txattrwalk: "Txattrwalk", Rxattrwalk: "Rxattrwalk", Txattrcreate: "Txattrcreate",
	Rxattrcreate: "Rxattrcreate", Treaddir: "Treaddir", Rreaddir: "Rreaddir", Tfsync: "Tfsync", Rfsync: "Rfsync", Tlock: "Tlock",
	Rlock: "Rlock", Tgetlock: "Tgetlock", Rgetlock: "Rgetlock", Tlink: "Tlink", Rlink: "Rlink", Tmkdir: "Tmkdir", Rmkdir: "Rmkdir",
	Trenameat: "Trenameat", Rrenameat: "Rrenameat", Tunlinkat: "Tunlinkat", Runlinkat: "Runlinkat",
}

// Flags of Tlopen and Tlcreate, as Linux's open(2) has them on most machines.
const (
	linuxExcl  = 0x80
	linuxTrunc = 0x200
)

// What Tsetattr is to set. Modes and times are taken and mean nothing.
const (
	setUID  = 2
	setGID  = 4
	setSize = 8
)

const (
	getBasic   = 0x7ff      // what every Rgetattr has
	removeDir  = 0x200      // AT_REMOVEDIR in Tunlinkat
	linuxDir   = 0o040000   // S_IFDIR
	linuxReg   = 0o100000   // S_IFREG
	statfsType = 0x01021997 // V9FS_MAGIC
	maxName    = 255
)

// linuxMsg has the fields that only 9P2000.L knows.
type linuxMsg struct {
	Flags   uint32
	Gid     uint32
	Dfid    uint32
	Major   uint32
	Minor   uint32
	Valid   uint64
	Newname string
	Size    uint64
	Nlink   uint64
	Rdev    uint64
	Blksize uint64
	Blocks  uint64
	Times   [8]uint64 // access, modification, change, birth: seconds and nanoseconds each
	Gen     uint64
	DataVer uint64
	Sync    uint32 // of Tfsync: data only
	Statfs  struct {
		Type, Bsize                        uint32
		Blocks, Bfree, Bavail, Files, Free uint64
		ID                                 uint64
		Namelen                            uint32
	}
	Lock struct {
		Type, Status  uint8
		Start, Length uint64
		Proc          uint32
		Client        string
	}
}

func (m *Msg) linuxFields(c *coder) bool {
	if m.linuxMsg == nil {
		m.linuxMsg = new(linuxMsg)
	}
	l := m.linuxMsg
	switch m.Type {
	case Rlerror:
		c.u32("errno", &m.Errno)
	case Tstatfs:
		c.u32("fid", &m.Fid)
	case Rstatfs:
		l.statfs(c)
	case Tlopen:
		c.u32("fid", &m.Fid)
		c.u32("flags", &l.Flags)
	case Rlopen, Rlcreate:
		c.qid("qid", &m.Qid)
		c.u32("iounit", &m.Iounit)
	case Tlcreate:
		c.u32("fid", &m.Fid)
		c.str("name", &m.Name)
		c.u32("flags", &l.Flags)
		c.bits("perm", &m.Perm)
		c.u32("gid", &l.Gid)
	case Trename:
		c.u32("fid", &m.Fid)
		c.u32("dfid", &l.Dfid)
		c.str("name", &m.Name)
	case Tgetattr:
		c.u32("fid", &m.Fid)
		c.u64("valid", &l.Valid)
	case Rgetattr:
		m.getattr(c)
	case Tsetattr:
		m.setattr(c)
	case Treaddir:
		c.u32("fid", &m.Fid)
		c.u64("offset", &m.Offset)
		c.u32("count", &m.Count)
	case Rreaddir:
		c.data("data", &m.Data)
	case Tmkdir:
		c.u32("fid", &m.Fid)
		c.str("name", &m.Name)
		c.bits("perm", &m.Perm)
		c.u32("gid", &l.Gid)
	case Rmkdir:
		c.qid("qid", &m.Qid)
	case Trenameat:
		c.u32("fid", &m.Fid)
		c.str("name", &m.Name)
		c.u32("dfid", &l.Dfid)
		c.str("newname", &l.Newname)
	case Tunlinkat:
		c.u32("fid", &m.Fid)
		c.str("name", &m.Name)
		c.u32("flags", &l.Flags)
	case Tfsync:
		c.u32("fid", &m.Fid)
		if c.op != decoding || len(c.b) > 0 { // some clients send no more
			c.u32("datasync", &l.Sync)
		}
	case Rrename, Rsetattr, Rfsync, Rrenameat, Runlinkat, Rlink, Rxattrcreate:
	default:
		return m.linkFields(c) || m.lockFields(c)
	}
	return true
}

// linkFields has what makes files of other kinds, and attributes.
func (m *Msg) linkFields(c *coder) bool {
	l := m.linuxMsg
	switch m.Type {
	case Tsymlink:
		c.u32("fid", &m.Fid)
		c.str("name", &m.Name)
		c.str("target", &m.Ext)
		c.u32("gid", &l.Gid)
	case Tmknod:
		c.u32("fid", &m.Fid)
		c.str("name", &m.Name)
		c.bits("perm", &m.Perm)
		c.u32("major", &l.Major)
		c.u32("minor", &l.Minor)
		c.u32("gid", &l.Gid)
	case Rsymlink, Rmknod:
		c.qid("qid", &m.Qid)
	case Treadlink:
		c.u32("fid", &m.Fid)
	case Rreadlink:
		c.str("target", &m.Ext)
	case Tlink:
		c.u32("dfid", &l.Dfid)
		c.u32("fid", &m.Fid)
		c.str("name", &m.Name)
	case Txattrwalk:
		c.u32("fid", &m.Fid)
		c.u32("newfid", &m.Newfid)
		c.str("name", &m.Name)
	case Rxattrwalk:
		c.u64("size", &l.Size)
	case Txattrcreate:
		c.u32("fid", &m.Fid)
		c.str("name", &m.Name)
		c.u64("size", &l.Size)
		c.u32("flags", &l.Flags)
	default:
		return false
	}
	return true
}

func (m *Msg) lockFields(c *coder) bool {
	l := &m.linuxMsg.Lock
	switch m.Type {
	case Tlock, Tgetlock:
		c.u32("fid", &m.Fid)
		c.u8("type", &l.Type)
		if m.Type == Tlock {
			c.u32("flags", &m.Flags)
		}
	case Rlock:
		c.u8("status", &l.Status)
		return true
	case Rgetlock:
		c.u8("type", &l.Type)
	default:
		return false
	}
	c.u64("start", &l.Start)
	c.u64("length", &l.Length)
	c.u32("proc", &l.Proc)
	c.str("client", &l.Client)
	return true
}

func (l *linuxMsg) statfs(c *coder) {
	s := &l.Statfs
	c.u32("type", &s.Type)
	c.u32("bsize", &s.Bsize)
	c.u64("blocks", &s.Blocks)
	c.u64("bfree", &s.Bfree)
	c.u64("bavail", &s.Bavail)
	c.u64("files", &s.Files)
	c.u64("ffree", &s.Free)
	c.u64("fsid", &s.ID)
	c.u32("namelen", &s.Namelen)
}

func (m *Msg) getattr(c *coder) {
	l := m.linuxMsg
	c.u64("valid", &l.Valid)
	c.qid("qid", &m.Qid)
	c.bits("perm", &m.Perm)
	c.u32("uid", &m.Uid)
	c.u32("gid", &l.Gid)
	c.u64("nlink", &l.Nlink)
	c.u64("rdev", &l.Rdev)
	c.u64("size", &l.Size)
	c.u64("blksize", &l.Blksize)
	c.u64("blocks", &l.Blocks)
	for i := range l.Times {
		c.u64("time", &l.Times[i])
	}
	c.u64("gen", &l.Gen)
	c.u64("dataver", &l.DataVer)
}

func (m *Msg) setattr(c *coder) {
	l := m.linuxMsg
	valid := uint32(l.Valid)
	c.u32("fid", &m.Fid)
	c.u32("valid", &valid)
	l.Valid = uint64(valid)
	c.bits("perm", &m.Perm)
	c.u32("uid", &m.Uid)
	c.u32("gid", &l.Gid)
	c.u64("size", &l.Size)
	for i := range 4 {
		c.u64("time", &l.Times[i])
	}
}

// linux performs what only 9P2000.L asks.
func (r *request) linux() error {
	t := &r.t
	switch t.Type {
	case Tstatfs:
		r.linuxReply().Statfs.Type = statfsType
		r.r.Statfs.Bsize, r.r.Statfs.Namelen = 4096, maxName
		return nil
	case Tlopen:
		return r.lopen(r.ref)
	case Tlcreate:
		return r.lcreate()
	case Tgetattr:
		return r.getattr()
	case Tsetattr:
		return r.setattr()
	case Treaddir:
		return r.readdir()
	case Tmkdir:
		return r.mkdir()
	case Trename:
		return r.renameTo()
	case Trenameat:
		return r.renameAt()
	case Tunlinkat:
		return r.unlinkAt()
	case Tfsync:
		return nil // writes have reached the kernel when they are answered
	case Tsymlink, Tmknod, Tlink:
		return syscall.EPERM
	case Treadlink:
		return syscall.EINVAL
	}
	return syscall.EOPNOTSUPP // attributes, locks
}

func (r *request) linuxReply() *linuxMsg {
	if r.r.linuxMsg == nil {
		r.r.linuxMsg = new(linuxMsg)
	}
	*r.r.linuxMsg = linuxMsg{}
	return r.r.linuxMsg
}

// lopen opens as Topen does. O_CREAT comes here for files that are there already,
// and means nothing; of the rest only O_TRUNC does.
func (r *request) lopen(ref *fs.Ref) error {
	mode := uint8(r.t.Flags & 3)
	if mode == OEXEC {
		return syscall.EINVAL
	}
	if r.t.Flags&linuxTrunc != 0 {
		mode |= OTRUNC
	}
	return r.openFid(ref, mode)
}

// lcreate opens what came into being since the client looked; files cannot be
// made.
func (r *request) lcreate() error {
	switch {
	case r.fid.open:
		return errBadUse
	case !r.ref.IsDir():
		return syscall.ENOTDIR
	case !plainName(r.t.Name):
		return syscall.EINVAL
	}
	ref, err := r.ref.Walk(r.ctx, r.t.Name)
	switch {
	case err != nil:
		return syscall.EPERM
	case r.t.Flags&linuxExcl != 0:
		return syscall.EEXIST
	}
	return r.lopen(ref)
}

// blockSize is the power of two that one message carries: programs take the least
// common multiple of two files' (cp), which of others is beyond all memory.
func blockSize(msize uint32) uint64 { return 1 << (bits.Len32(msize-ioHead) - 1) }

func (r *request) getattr() error {
	st, err := r.ref.Stat(r.ctx)
	if err != nil {
		return err
	}
	l := r.linuxReply()
	l.Valid = getBasic
	r.r.Qid = qidOf(r.ref)
	r.r.Perm = linuxReg | uint32(st.Mode.Perm())
	l.Nlink, l.Size = 1, uint64(max(st.Size, 0))
	if st.Mode.IsDir() {
		r.r.Perm = linuxDir | uint32(st.Mode.Perm())
		l.Nlink, l.Size = 2, 0
	}
	r.r.Uid, l.Gid = r.s.c.srv.ids.user(st.User), r.s.c.srv.ids.group(st.Group)
	l.Blksize = blockSize(r.s.msize)
	l.Blocks = (l.Size + 511) / 512
	for i := 0; i < 6; i += 2 {
		l.Times[i] = uint64(seconds(st.Mtime))
	}
	return nil
}

// setattr is wstat without the name.
func (r *request) setattr() error {
	uid, gid := uint32(NoUid), uint32(NoUid)
	if r.t.Valid&setUID != 0 {
		uid = r.t.Uid
	}
	if r.t.Valid&setGID != 0 {
		gid = r.t.Gid
	}
	if uid == NoUid && gid == NoUid {
		return nil
	}
	st, err := r.ref.Stat(r.ctx)
	if err == nil && !r.s.c.srv.ids.are(&st, uid, gid) {
		err = syscall.EPERM
	}
	return err
}

func (r *request) mkdir() error {
	switch {
	case !r.ref.IsDir():
		return syscall.ENOTDIR
	case !plainName(r.t.Name):
		return syscall.EINVAL
	}
	made, err := r.ref.Mkdir(r.ctx, r.t.Name)
	if err != nil {
		return err
	}
	r.r.Qid = qidOf(made)
	return nil
}

// dirOfFid is the identity of the directory of a request's second fid.
func (r *request) dirOfFid(num uint32) (uint64, error) {
	r.s.c.mu.Lock()
	defer r.s.c.mu.Unlock()
	f := r.s.fids[num]
	switch {
	case f == nil || f.ref == nil:
		return 0, errUnknownFid
	case !f.ref.IsDir():
		return 0, syscall.ENOTDIR
	}
	return f.ref.ID(), nil
}

// renameTo renames the fid's own file, in its directory.
func (r *request) renameTo() error {
	dir, err := r.dirOfFid(r.t.Dfid)
	switch {
	case err != nil:
		return err
	case r.ref == r.fid.root:
		return syscall.EPERM
	case !plainName(r.t.Name):
		return syscall.EINVAL
	case dir != r.ref.Parent().ID():
		return syscall.EXDEV
	}
	return r.rename(r.t.Name)
}

func (r *request) renameAt() error {
	dir, err := r.dirOfFid(r.t.Dfid)
	switch {
	case err != nil:
		return err
	case !plainName(r.t.Name), !plainName(r.t.Newname):
		return syscall.EINVAL
	case dir != r.ref.ID():
		return syscall.EXDEV
	}
	ref, err := step(r.ctx, r.ref, r.t.Name)
	if err != nil {
		return err
	}
	return ref.Rename(r.ctx, r.t.Newname)
}

func (r *request) unlinkAt() error {
	if !plainName(r.t.Name) {
		return syscall.EINVAL
	}
	ref, err := step(r.ctx, r.ref, r.t.Name)
	if err != nil {
		return err
	}
	switch wantDir := r.t.Flags&removeDir != 0; {
	case wantDir && !ref.IsDir():
		return syscall.ENOTDIR
	case !wantDir && ref.IsDir():
		return syscall.EISDIR
	}
	return ref.Remove(r.ctx)
}

// readdir lists the directory with "." and "..". An offset is the number of
// entries before, in the snapshot that offset 0, or the first read, took.
func (r *request) readdir() error {
	f, t := r.fid, &r.t
	switch {
	case !f.open:
		return errBadUse
	case f.dir == nil:
		return syscall.ENOTDIR
	case t.Offset > math.MaxInt32:
		return errDirOffset
	}
	n := min(int64(t.Count), int64(r.s.msize)-ioHead)
	m, err := f.dir.readLinux(r, int(t.Offset), r.payload(int(n)))
	if err == nil {
		r.send(m)
	}
	return err
}

func (l *listing) readLinux(r *request, at int, p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at == 0 || !l.listed {
		refs, err := l.ref.List(r.ctx)
		if err != nil {
			return 0, err
		}
		l.refs, l.listed = refs, true
	}
	const dots = 2
	up := l.ref.Parent()
	if l.ref == r.fid.root {
		up = l.ref
	}
	n := 0
	for ; at < dots+len(l.refs); at++ {
		ref, name := l.ref, "."
		switch {
		case at == 1:
			ref, name = up, ".."
		case at >= dots:
			ref = l.refs[at-dots]
			name = ref.Name()
		}
		m := putEntry(p[n:], qidOf(ref), at+1, name)
		if m == 0 && n == 0 {
			return 0, errDirCount
		}
		if m == 0 {
			break
		}
		n += m
	}
	return n, nil
}

// Directory entry types: DT_DIR and DT_REG of readdir(3).
const (
	entryDir  = 4
	entryFile = 8
)

// putEntry writes one entry: qid[13] offset[8] type[1] name[s]. It returns 0 if
// there is no room.
func putEntry(p []byte, q Qid, next int, name string) int {
	const head = 13 + 8 + 1 + 2
	if len(p) < head+len(name) {
		return 0
	}
	p[0] = q.Type
	binary.LittleEndian.PutUint32(p[1:], q.Version)
	binary.LittleEndian.PutUint64(p[5:], q.Path)
	binary.LittleEndian.PutUint64(p[13:], uint64(next))
	p[21] = entryFile
	if q.Type&QTDIR != 0 {
		p[21] = entryDir
	}
	binary.LittleEndian.PutUint16(p[22:], uint16(len(name)))
	return head + copy(p[head:], name)
}
