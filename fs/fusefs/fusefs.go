//go:build linux || darwin || freebsd

package fusefs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/fs"

	gofs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// maxIO is the largest read or write the kernel is asked to pass on whole, in
// bytes: the most that FUSE allows.
const maxIO = 1 << 20

// Options of Mount. The zero value serves.
type Options struct {
	// Private keeps other users out of the mount. They are let in by default,
	// where the system permits it, and meet the tree's own modes.
	Private bool
	// Log gets what the FUSE library has to say. Nil: nothing.
	Log *slog.Logger
}

// A Server is a mounted tree.
type Server struct {
	dir    string
	log    *slog.Logger
	fuse   *fuse.Server
	ctx    context.Context // ends the blocked calls when the mount goes
	cancel context.CancelFunc
	once   sync.Once
	err    error
}

// Mount serves t on the directory dir, which must exist. It returns when the
// mount can be used.
func Mount(dir string, t *fs.Tree, o *Options) (*Server, error) {
	if o == nil {
		o = &Options{}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{dir: dir, log: o.Log, ctx: ctx, cancel: cancel}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	root := t.Attach()
	var zero time.Duration
	m := fuse.MountOptions{
		AllowOther:         !o.Private && mayAllowOther(),
		FsName:             "netfs",
		Name:               "netfs",
		MaxWrite:           maxIO,
		DisableXAttrs:      true,
		DisableReadDirPlus: true, // it would walk every name that ls only prints
		DirectMount:        true, // falls back to fusermount3 without the privilege
		DirectMountFlags:   mountFlags,
	}
	m.Logger = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	srv, err := gofs.Mount(dir, &node{srv: s, ref: root}, &gofs.Options{
		MountOptions:    m,
		EntryTimeout:    &zero,
		AttrTimeout:     &zero,
		NegativeTimeout: &zero,
		NullPermissions: true,
		RootStableAttr:  &gofs.StableAttr{Ino: root.ID()},
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("mount %s: %w", dir, err)
	}
	s.fuse = srv
	return s, nil
}

// Wait returns when the tree is no longer mounted.
func (s *Server) Wait() { s.fuse.Wait() }

// Close ends every blocked call, unmounts, and returns when nothing of the mount
// is left. A directory that somebody still has open is detached, and goes when
// they leave.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.cancel()
		s.err = s.fuse.Unmount()
		if s.err == nil {
			s.fuse.Wait()
			return
		}
		if s.err = detach(s.dir); s.err != nil {
			s.err = fmt.Errorf("unmount %s: %w", s.dir, s.err)
		}
	})
	return s.err
}

// call returns the context of one request: the caller's identity, and an end
// when the request is interrupted or the mount goes. What it returns beside it is
// deferred by the request: it ends the context, and makes a panic below, which
// would end the server, an EIO and a line in the log.
func (s *Server) call(ctx context.Context) (context.Context, func(*syscall.Errno)) {
	ctx, cancel := context.WithCancel(fs.WithUser(ctx, caller(ctx)))
	stop := context.AfterFunc(s.ctx, cancel)
	return ctx, func(errno *syscall.Errno) {
		stop()
		cancel()
		if p := recover(); p != nil {
			*errno = syscall.EIO
			s.log.Error("panic", "cause", p, "stack", string(debug.Stack()))
		}
	}
}

// errno is what the kernel is told. A call that Close ended does not fail with
// EINTR, which programs answer by calling again.
func (s *Server) errno(err error) syscall.Errno {
	if err != nil && s.ctx.Err() != nil {
		return syscall.ENOTCONN
	}
	return fs.Errno(err)
}
