//go:build linux || darwin || freebsd

package fusefs

import (
	"context"
	iofs "io/fs"
	"syscall"

	"github.com/netfs-project/netfs/fs"

	gofs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A node is one inode: a place in the tree.
type node struct {
	gofs.Inode
	srv *Server
	ref *fs.Ref
}

var (
	_ gofs.NodeLookuper  = (*node)(nil)
	_ gofs.NodeReaddirer = (*node)(nil)
	_ gofs.NodeGetattrer = (*node)(nil)
	_ gofs.NodeSetattrer = (*node)(nil)
	_ gofs.NodeOpener    = (*node)(nil)
	_ gofs.NodeMkdirer   = (*node)(nil)
	_ gofs.NodeRmdirer   = (*node)(nil)
	_ gofs.NodeRenamer   = (*node)(nil)
	_ gofs.NodeUnlinker  = (*node)(nil)
	_ gofs.NodeCreater   = (*node)(nil)
	_ gofs.NodeMknoder   = (*node)(nil)
	_ gofs.NodeLinker    = (*node)(nil)
	_ gofs.NodeSymlinker = (*node)(nil)
)

func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (_ *gofs.Inode, errno syscall.Errno) {
	ctx, done := n.srv.call(ctx)
	defer done(&errno)
	ref, err := n.ref.Walk(ctx, name)
	if err != nil {
		return nil, n.srv.errno(err)
	}
	return n.child(ctx, ref, out)
}

// child makes the inode of ref and tells its attributes.
func (n *node) child(ctx context.Context, ref *fs.Ref, out *fuse.EntryOut) (*gofs.Inode, syscall.Errno) {
	st, err := ref.Stat(ctx)
	if err != nil {
		return nil, n.srv.errno(err)
	}
	fill(&out.Attr, st)
	attr := gofs.StableAttr{Mode: out.Attr.Mode & syscall.S_IFMT, Ino: st.ID}
	return n.NewInode(ctx, &node{srv: n.srv, ref: ref}, attr), 0
}

func (n *node) Readdir(ctx context.Context) (_ gofs.DirStream, errno syscall.Errno) {
	ctx, done := n.srv.call(ctx)
	defer done(&errno)
	refs, err := n.ref.List(ctx)
	if err != nil {
		return nil, n.srv.errno(err)
	}
	list := make([]fuse.DirEntry, len(refs))
	for i, r := range refs {
		mode := uint32(syscall.S_IFREG)
		if r.IsDir() {
			mode = syscall.S_IFDIR
		}
		list[i] = fuse.DirEntry{Name: r.Name(), Ino: r.ID(), Mode: mode}
	}
	return gofs.NewListDirStream(list), 0
}

func (n *node) Getattr(ctx context.Context, _ gofs.FileHandle, out *fuse.AttrOut) (errno syscall.Errno) {
	ctx, done := n.srv.call(ctx)
	defer done(&errno)
	st, err := n.ref.Stat(ctx)
	if err != nil {
		return n.srv.errno(err)
	}
	fill(&out.Attr, st)
	return 0
}

// Setattr changes nothing and says so to nobody: programs truncate, chmod and
// touch what they write, and none of it means anything here.
func (n *node) Setattr(ctx context.Context, h gofs.FileHandle, _ *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return n.Getattr(ctx, h, out)
}

func (n *node) Open(ctx context.Context, flags uint32) (_ gofs.FileHandle, _ uint32, errno syscall.Errno) {
	ctx, done := n.srv.call(ctx)
	defer done(&errno)
	mode := fs.OpenRead
	switch flags & syscall.O_ACCMODE {
	case syscall.O_WRONLY:
		mode = fs.OpenWrite
	case syscall.O_RDWR:
		mode = fs.OpenRead | fs.OpenWrite
	}
	f, err := n.ref.Open(ctx, mode)
	if err != nil {
		return nil, 0, n.srv.errno(err)
	}
	use := uint32(fuse.FOPEN_DIRECT_IO)
	open := &file{srv: n.srv, f: f}
	if _, ok := f.Handle().(fs.Streamer); ok {
		use |= fuse.FOPEN_STREAM
		open.haste = haste
	} else if _, ok := f.Handle().(interface{ MayStream() bool }); ok {
		open.haste = farHaste
	}
	if flags&syscall.O_NONBLOCK == 0 {
		open.haste = 0
	}
	return open, use, 0
}

func (n *node) Mkdir(ctx context.Context, name string, _ uint32, out *fuse.EntryOut) (_ *gofs.Inode, errno syscall.Errno) {
	ctx, done := n.srv.call(ctx)
	defer done(&errno)
	ref, err := n.ref.Mkdir(ctx, name)
	if err != nil {
		return nil, n.srv.errno(err)
	}
	return n.child(ctx, ref, out)
}

func (n *node) Rmdir(ctx context.Context, name string) syscall.Errno  { return n.remove(ctx, name) }
func (n *node) Unlink(ctx context.Context, name string) syscall.Errno { return n.remove(ctx, name) }

func (n *node) remove(ctx context.Context, name string) (errno syscall.Errno) {
	ctx, done := n.srv.call(ctx)
	defer done(&errno)
	ref, err := n.ref.Walk(ctx, name)
	if err == nil {
		err = ref.Remove(ctx)
	}
	return n.srv.errno(err)
}

func (n *node) Rename(ctx context.Context, from string, to gofs.InodeEmbedder, name string, flags uint32) (errno syscall.Errno) {
	if to.EmbeddedInode() != n.EmbeddedInode() {
		return syscall.EXDEV
	}
	if flags != 0 {
		return syscall.EINVAL
	}
	ctx, done := n.srv.call(ctx)
	defer done(&errno)
	ref, err := n.ref.Walk(ctx, from)
	if err == nil {
		err = ref.Rename(ctx, name)
	}
	return n.srv.errno(err)
}

// Nothing but mkdir makes names in the tree.

func (n *node) Create(context.Context, string, uint32, uint32, *fuse.EntryOut) (*gofs.Inode, gofs.FileHandle, uint32, syscall.Errno) {
	return nil, nil, 0, syscall.EPERM
}

func (n *node) Mknod(context.Context, string, uint32, uint32, *fuse.EntryOut) (*gofs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

func (n *node) Link(context.Context, gofs.InodeEmbedder, string, *fuse.EntryOut) (*gofs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

func (n *node) Symlink(context.Context, string, string, *fuse.EntryOut) (*gofs.Inode, syscall.Errno) {
	return nil, syscall.EPERM
}

func fill(a *fuse.Attr, st fs.Stat) {
	a.Ino = st.ID
	a.Mode = uint32(st.Mode.Perm()) | syscall.S_IFREG
	a.Nlink = 1
	if st.Mode&iofs.ModeDir != 0 {
		a.Mode = uint32(st.Mode.Perm()) | syscall.S_IFDIR
		a.Nlink = 2
	}
	a.Size = uint64(st.Size)
	a.Blksize = maxIO // what cp and cat take as the size of their buffer
	a.Uid, a.Gid = ids.user(st.User), ids.group(st.Group)
	a.SetTimes(&st.Mtime, &st.Mtime, &st.Mtime)
}
