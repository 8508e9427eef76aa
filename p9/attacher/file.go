package attacher

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"runtime"
	"sync"
	"syscall"

	"github.com/netfs-project/netfs/fs"

	"github.com/hugelgupf/p9/fsimpl/templatefs"
	"github.com/hugelgupf/p9/linux"
	"github.com/hugelgupf/p9/p9"
)

// A file is a fid: a place in the tree, perhaps open. The library calls it
// concurrently.
type file struct {
	templatefs.NotSymlinkFile
	templatefs.XattrUnimplemented
	templatefs.NotLockable

	a *attacher

	mu     sync.Mutex // guards what follows
	ref    *fs.Ref    // changes when the file, or what is above it, is renamed
	open   *fs.File
	stream bool
	list   []*fs.Ref // of an open directory, since it was read from its start
	last   struct {  // where the last read of a stream ended
		off      int64
		count, n int
	}
}

// number is the error as the library takes it: a number, of Linux's.
func number(err error) error {
	switch n := fs.Errno(err); {
	case n == 0:
		return nil
	case runtime.GOOS == "linux":
		return linux.Errno(n)
	default:
		return linux.ExtractErrno(n)
	}
}

func (f *file) at() *fs.Ref {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ref
}

func qidOf(ref *fs.Ref) p9.QID {
	q := p9.QID{Type: p9.TypeRegular, Path: ref.ID()}
	m := ref.Node.Mode()
	if m.IsDir() {
		q.Type = p9.TypeDir
	}
	if m&iofs.ModeAppend != 0 {
		q.Type |= p9.TypeAppendOnly
	}
	return q
}

// Walk goes down some names; with none it makes another file of the same place.
func (f *file) Walk(names []string) ([]p9.QID, p9.File, error) {
	ctx, done := f.a.call()
	defer done()
	ref := f.at()
	var qids []p9.QID
	for _, name := range names {
		switch {
		case !ref.IsDir():
			return nil, nil, linux.ENOTDIR
		case name == "..": // as the library has it; and it could leave the attach
			return nil, nil, linux.EINVAL
		}
		next, err := ref.Walk(ctx, name)
		if err != nil {
			return nil, nil, number(err)
		}
		ref = next
		qids = append(qids, qidOf(ref))
	}
	return qids, &file{a: f.a, ref: ref}, nil
}

// WalkGetAttr is Walk, and GetAttr of where it leads.
func (f *file) WalkGetAttr(names []string) ([]p9.QID, p9.File, p9.AttrMask, p9.Attr, error) {
	qids, to, err := f.Walk(names)
	if err != nil {
		return nil, nil, p9.AttrMask{}, p9.Attr{}, err
	}
	_, mask, attr, err := to.GetAttr(p9.AttrMaskAll)
	if err != nil {
		return nil, nil, p9.AttrMask{}, p9.Attr{}, err
	}
	return qids, to, mask, attr, nil
}

// GetAttr tells what stat(2) shows. Owners are root's number; the tree's own group
// has its.
func (f *file) GetAttr(p9.AttrMask) (p9.QID, p9.AttrMask, p9.Attr, error) {
	ctx, done := f.a.call()
	defer done()
	ref := f.at()
	st, err := ref.Stat(ctx)
	if err != nil {
		return p9.QID{}, p9.AttrMask{}, p9.Attr{}, number(err)
	}
	attr := p9.Attr{
		Mode: p9.ModeRegular | p9.FileMode(st.Mode.Perm()), GID: p9.GID(f.a.tree.GID), NLink: 1, BlockSize: blockSize,
		MTimeSeconds: uint64(max(st.Mtime.Unix(), 0)),
	}
	if st.Mode.IsDir() {
		attr.Mode, attr.NLink = p9.ModeDirectory|p9.FileMode(st.Mode.Perm()), 2
	} else {
		attr.Size = uint64(max(st.Size, 0))
	}
	attr.Blocks = (attr.Size + 511) / 512
	attr.ATimeSeconds, attr.CTimeSeconds = attr.MTimeSeconds, attr.MTimeSeconds
	mask := p9.AttrMaskAll
	mask.BTime, mask.Gen, mask.DataVersion = false, false, false
	return qidOf(ref), mask, attr, nil
}

// SetAttr takes truncation, times and modes, which mean nothing, and refuses new
// owners.
func (f *file) SetAttr(valid p9.SetAttrMask, attr p9.SetAttr) error {
	if valid.UID && attr.UID != 0 || valid.GID && attr.GID != p9.GID(f.a.tree.GID) {
		return linux.EPERM
	}
	return nil
}

const (
	blockSize = 4096
	v9fsMagic = 0x01021997 // linux/magic.h
	maxName   = 255
)

// StatFS tells that there is nothing to tell.
func (f *file) StatFS() (p9.FSStat, error) {
	return p9.FSStat{Type: v9fsMagic, BlockSize: blockSize, NameLength: maxName}, nil
}

// Open opens the file, or the directory to be listed.
func (f *file) Open(flags p9.OpenFlags) (p9.QID, uint32, error) {
	ctx, done := f.a.call()
	defer done()
	ref := f.at()
	if ref.IsDir() {
		return qidOf(ref), 0, nil
	}
	var mode fs.OpenMode
	switch flags.Mode() {
	case p9.ReadOnly:
		mode = fs.OpenRead
	case p9.WriteOnly:
		mode = fs.OpenWrite
	case p9.ReadWrite:
		mode = fs.OpenRead | fs.OpenWrite
	}
	open, err := ref.Open(ctx, mode)
	if err != nil {
		return p9.QID{}, 0, number(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = open
	_, f.stream = open.Handle().(fs.Streamer)
	return qidOf(ref), 0, nil
}

func (f *file) opened() (*fs.File, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.ref.IsDir():
		return nil, false, linux.EISDIR
	case f.open == nil:
		return nil, false, linux.EBADF
	}
	return f.open, f.stream, nil
}

// ReadAt reads. A stream is waited for as long as it does no harm: see the package.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	open, stream, err := f.opened()
	if err != nil {
		return 0, err
	}
	if stream && f.continues(off, len(p)) {
		return 0, io.EOF
	}
	limit := f.a.limit
	if stream {
		limit = f.a.wait
	}
	ctx, done := context.WithTimeout(f.a.ctx, limit)
	defer done()
	n, err := open.ReadAt(ctx, p, off)
	switch {
	case err != nil && stream && errors.Is(ctx.Err(), context.DeadlineExceeded):
		return 0, linux.EAGAIN
	case err != nil:
		return 0, number(err)
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	f.mu.Lock()
	f.last.off, f.last.count, f.last.n = off+int64(n), len(p), n
	f.mu.Unlock()
	return n, nil
}

// continues tells whether a read of a stream goes on with the last, which Linux's
// client does until its buffer is full: a read where the last one came back short,
// of a count that shrank by at most what came. It is told that this is the end.
func (f *file) continues(off int64, count int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := &f.last
	yes := l.n > 0 && l.n < l.count && off == l.off && count < l.count && l.count-count <= l.n
	if yes {
		l.n = 0
	}
	return yes
}

// WriteAt writes, and is the place where what was written fails.
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	open, _, err := f.opened()
	if err != nil {
		return 0, err
	}
	ctx, done := f.a.call()
	defer done()
	n, err := open.WriteAt(ctx, p, off)
	return n, number(err)
}

// FSync has nothing to do: what was written has reached the kernel.
func (f *file) FSync() error { return nil }

// Close runs an unterminated last line; the library does not pass on its error.
func (f *file) Close() error {
	f.mu.Lock()
	open := f.open
	f.open, f.list = nil, nil
	f.mu.Unlock()
	if open == nil {
		return nil
	}
	ctx, done := f.a.call()
	defer done()
	return number(open.Close(ctx))
}

// Readdir lists from a snapshot that a read at 0 takes; an offset counts names.
func (f *file) Readdir(offset uint64, count uint32) (p9.Dirents, error) {
	ctx, done := f.a.call()
	defer done()
	list, err := f.names(ctx, offset)
	if err != nil {
		return nil, number(err)
	}
	const least = 24 // bytes of an entry without its name
	var entries p9.Dirents
	for i := offset; i < uint64(len(list)) && int(count) >= least; i++ {
		ref := list[i]
		qid := qidOf(ref)
		count -= least + min(uint32(len(ref.Name())), count-least)
		entries = append(entries, p9.Dirent{QID: qid, Type: qid.Type, Offset: i + 1, Name: ref.Name()})
	}
	return entries, nil
}

func (f *file) names(ctx context.Context, offset uint64) ([]*fs.Ref, error) {
	ref := f.at()
	if !ref.IsDir() {
		return nil, syscall.ENOTDIR
	}
	if offset > 0 {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.list, nil
	}
	list, err := ref.List(ctx)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = list
	return list, nil
}

// Create opens what came into being since the client looked; files cannot be made.
func (f *file) Create(name string, flags p9.OpenFlags, _ p9.FileMode, _ p9.UID, _ p9.GID) (p9.File, p9.QID, uint32, error) {
	const exclusive = 0x80 // O_EXCL
	_, to, err := f.Walk([]string{name})
	switch {
	case err != nil:
		return nil, p9.QID{}, 0, linux.EPERM
	case flags&exclusive != 0:
		return nil, p9.QID{}, 0, linux.EEXIST
	case to.(*file).ref.IsDir():
		return nil, p9.QID{}, 0, linux.EISDIR
	}
	qid, iounit, err := to.Open(flags)
	if err != nil {
		return nil, p9.QID{}, 0, err
	}
	return to, qid, iounit, nil
}

// Mkdir makes an object. Its first values may follow the name after commas.
func (f *file) Mkdir(name string, _ p9.FileMode, _ p9.UID, _ p9.GID) (p9.QID, error) {
	ctx, done := f.a.call()
	defer done()
	made, err := f.at().Mkdir(ctx, name)
	if err != nil {
		return p9.QID{}, number(err)
	}
	return qidOf(made), nil
}

// UnlinkAt removes an object, as Tunlinkat of a directory and as Tremove of
// either, which have the same flags here; files cannot be removed.
func (f *file) UnlinkAt(name string, flags uint32) error {
	const removeDir = 0x200 // AT_REMOVEDIR
	ctx, done := f.a.call()
	defer done()
	ref, err := f.at().Walk(ctx, name)
	if err != nil {
		return number(err)
	}
	if flags&removeDir != 0 && !ref.IsDir() {
		return linux.ENOTDIR
	}
	return number(ref.Remove(ctx))
}

// RenameAt gives an object another name in its directory.
func (f *file) RenameAt(oldName string, newDir p9.File, newName string) error {
	to, ok := newDir.(*file)
	if !ok || to.at().ID() != f.at().ID() {
		return linux.EXDEV
	}
	ctx, done := f.a.call()
	defer done()
	ref, err := f.at().Walk(ctx, oldName)
	if err != nil {
		return number(err)
	}
	return number(ref.Rename(ctx, newName))
}

// Renamed finds the file where it is now. If it cannot be found, it stays gone.
func (f *file) Renamed(newDir p9.File, newName string) {
	dir, ok := newDir.(*file)
	if !ok {
		return
	}
	ctx, done := f.a.call()
	defer done()
	ref, err := dir.at().Walk(ctx, newName)
	if err != nil {
		return
	}
	f.mu.Lock()
	f.ref = ref
	f.mu.Unlock()
}

// Rename is never called on a server, which has RenameAt.
func (f *file) Rename(p9.File, string) error { return linux.EOPNOTSUPP }

// Symlink, Link and Mknod make what a tree has not got.
func (f *file) Symlink(string, string, p9.UID, p9.GID) (p9.QID, error) {
	return p9.QID{}, linux.EPERM
}

// Link is refused.
func (f *file) Link(p9.File, string) error { return linux.EPERM }

// Mknod is refused.
func (f *file) Mknod(string, p9.FileMode, uint32, uint32, p9.UID, p9.GID) (p9.QID, error) {
	return p9.QID{}, linux.EPERM
}

var _ p9.File = (*file)(nil)
