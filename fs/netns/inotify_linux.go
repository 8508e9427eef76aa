package netns

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A dirWatch waits for changes of the directory of names (inotify(7)).
type dirWatch struct {
	known map[string]Netns
	f     *os.File
	stop  func() bool
	late  int // times that the directory is looked at without an event
}

// A name is made before its namespace is mounted on it, which nothing tells. So
// after an event the directory is looked at again some times.
const (
	settle = 25 * time.Millisecond
	looks  = 8
)

// newWatch begins to watch; ctx ends a wait.
func newWatch(ctx context.Context) (*dirWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify", err)
	}
	w := &dirWatch{known: map[string]Netns{}, f: os.NewFile(uintptr(fd), "inotify")}
	// The directory comes with the first namespace: its parent tells.
	_, err = unix.InotifyAddWatch(fd, filepath.Dir(nsDir), unix.IN_CREATE|unix.IN_MOVED_TO)
	if err == nil {
		err = w.join()
	}
	if err != nil {
		w.f.Close()
		return nil, os.NewSyscallError("inotify", err)
	}
	w.stop = context.AfterFunc(ctx, func() { w.f.SetReadDeadline(time.Unix(1, 0)) })
	return w, nil
}

// join watches the directory itself, if it is there. Doing so twice does nothing.
func (w *dirWatch) join() error {
	raw, err := w.f.SyscallConn()
	if err != nil {
		return err
	}
	var e error
	err = raw.Control(func(fd uintptr) {
		_, e = unix.InotifyAddWatch(int(fd), nsDir, unix.IN_CREATE|unix.IN_DELETE|unix.IN_MOVED_TO|unix.IN_MOVED_FROM)
	})
	if errors.Is(e, unix.ENOENT) {
		return err
	}
	return errors.Join(err, e)
}

// wait returns when the directory is to be looked at.
func (w *dirWatch) wait(ctx context.Context) error {
	if w.late > 0 {
		w.late--
		w.f.SetReadDeadline(time.Now().Add(settle))
	} else {
		w.f.SetReadDeadline(time.Time{})
	}
	if ctx.Err() != nil { // the deadline that said so was replaced
		return ctx.Err()
	}
	var buf [4096]byte
	_, err := w.f.Read(buf[:])
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil
	case err != nil:
		return err
	}
	w.late = looks
	return w.join()
}

func (w *dirWatch) close() {
	w.stop()
	w.f.Close()
}
