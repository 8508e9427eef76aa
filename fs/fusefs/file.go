//go:build linux || darwin || freebsd

package fusefs

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/fs"

	gofs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// A file is an open file: one conversation with the tree.
type file struct {
	srv   *Server
	f     *fs.File
	haste time.Duration // of a stream opened with O_NONBLOCK: how long a read may wait
}

var (
	_ gofs.FileReader   = (*file)(nil)
	_ gofs.FileWriter   = (*file)(nil)
	_ gofs.FileFlusher  = (*file)(nil)
	_ gofs.FileFsyncer  = (*file)(nil)
	_ gofs.FileReleaser = (*file)(nil)
)

func (f *file) Read(ctx context.Context, dest []byte, off int64) (_ fuse.ReadResult, errno syscall.Errno) {
	ctx, done := f.srv.call(ctx)
	defer done(&errno)
	if f.haste != 0 {
		return f.readNow(ctx, dest, off)
	}
	n, err := f.f.ReadAt(ctx, dest, off)
	if err != nil {
		return nil, f.srv.errno(err)
	}
	return fuse.ReadResultData(dest[:n]), 0
}

// A read that must not wait still takes a while to carry away what is queued. Of
// a file of a server far away nobody here knows whether it is a stream or a table
// that takes its time.
const (
	haste    = 2 * time.Millisecond
	farHaste = time.Second
)

// readNow reads a stream without waiting for its next line: that is EAGAIN. It
// is what keeps a recursive grep, which opens files so, from hanging on events.
func (f *file) readNow(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	soon, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(f.haste, cancel).Stop()
	n, err := f.f.ReadAt(soon, dest, off)
	switch {
	case err == nil:
		return fuse.ReadResultData(dest[:n]), 0
	case soon.Err() != nil && ctx.Err() == nil && errors.Is(err, context.Canceled):
		return nil, syscall.EAGAIN
	}
	return nil, f.srv.errno(err)
}

func (f *file) Write(ctx context.Context, data []byte, off int64) (_ uint32, errno syscall.Errno) {
	ctx, done := f.srv.call(ctx)
	defer done(&errno)
	n, err := f.f.WriteAt(ctx, data, off)
	return uint32(n), f.srv.errno(err)
}

// Flush is one descriptor's close, and there may be many: a shell closes the
// file several times in one redirection. It only checks a line that has no newline
// yet, whose run comes with the last close.
func (f *file) Flush(ctx context.Context) (errno syscall.Errno) {
	ctx, done := f.srv.call(ctx)
	defer done(&errno)
	return f.srv.errno(f.f.Check(ctx))
}

func (f *file) Fsync(context.Context, uint32) syscall.Errno { return 0 }

// Release is the last close. The kernel ignores what it returns; the tree's log
// of errors has it.
func (f *file) Release(ctx context.Context) (errno syscall.Errno) {
	ctx, done := f.srv.call(context.WithoutCancel(ctx))
	defer done(&errno)
	return f.srv.errno(f.f.Close(ctx))
}
