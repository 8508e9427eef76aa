package nl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// nsDir is where iproute2 and others look for namespaces with names.
const nsDir = "/run/netns"

// An NS is an open network namespace, which exists at least until it is closed.
type NS struct{ f *os.File }

// OpenNS opens a namespace by its name in /run/netns, or by path if the name has a slash
// ("/proc/1/ns/net").
func OpenNS(name string) (*NS, error) {
	path := name
	if !strings.Contains(name, "/") {
		if err := checkNSName(name); err != nil {
			return nil, err
		}
		path = filepath.Join(nsDir, name)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a FIFO must not block
	if err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, errors.Unwrap(err))
	}
	if !isNS(int(f.Fd())) {
		f.Close()
		return nil, fmt.Errorf("namespace %s: no network namespace: %w", name, os.ErrInvalid)
	}
	return &NS{f}, nil
}

// CurrentNS opens the namespace of the calling thread.
func CurrentNS() (*NS, error) { return OpenNS(threadNS) }

const threadNS = "/proc/thread-self/ns/net"

// FD is for Options.NS and for setns. It is valid until Close.
func (n *NS) FD() int { return int(n.f.Fd()) }

func (n *NS) Close() error { return n.f.Close() }

// An NSID tells namespaces of one machine apart: equal if and only if they are the same one.
type NSID struct{ Dev, Ino uint64 }

// ID returns the identity of the namespace.
func (n *NS) ID() (NSID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(n.FD(), &st); err != nil {
		return NSID{}, err
	}
	return NSID{uint64(st.Dev), st.Ino}, nil
}

// Do calls f on a thread that is inside the namespace, for what has no netlink: ioctls, files
// under /proc/sys/net. What f starts with go is not inside. It needs CAP_SYS_ADMIN.
func (n *NS) Do(f func() error) error { return inNS(n.FD(), f) }

// inNS calls f in the namespace of fd, on a goroutine of its own. If the thread cannot go home
// afterwards the goroutine ends without unlocking it, and the thread ends too.
func inNS(fd int, f func() error) error {
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		home, e := unix.Open(threadNS, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if e != nil {
			err = fmt.Errorf("own namespace: %w", e)
			runtime.UnlockOSThread()
			return
		}
		defer unix.Close(home)
		if e := unix.Setns(fd, unix.CLONE_NEWNET); e != nil {
			err = fmt.Errorf("enter namespace: %w", e)
			runtime.UnlockOSThread()
			return
		}
		err = f()
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	<-done
	return err
}

// An origin is the namespace that a client's sockets are made in.
type origin struct {
	fd int // -1 without /proc: the process has one namespace
	id NSID
}

// originOf returns the namespace of fd, or the calling thread's if fd is not positive.
func originOf(fd int) (o *origin, err error) {
	o = &origin{fd: -1}
	if fd > 0 {
		o.fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	} else {
		o.fd, err = unix.Open(threadNS, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) {
			return o, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	if !isNS(o.fd) {
		o.close()
		return nil, fmt.Errorf("network namespace: file descriptor %d is none: %w", fd, os.ErrInvalid)
	}
	var st unix.Stat_t
	if err := unix.Fstat(o.fd, &st); err != nil {
		o.close()
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	o.id = NSID{uint64(st.Dev), st.Ino}
	return o, nil
}

// do calls f on a thread inside. A thread that is there anyway does not move, which needs no privilege.
func (o *origin) do(f func() error) error {
	if o.fd < 0 {
		return f()
	}
	runtime.LockOSThread()
	var st unix.Stat_t
	if unix.Stat(threadNS, &st) == nil && o.id == (NSID{uint64(st.Dev), st.Ino}) {
		defer runtime.UnlockOSThread()
		return f()
	}
	runtime.UnlockOSThread()
	return inNS(o.fd, f)
}

func (o *origin) close() {
	if o.fd >= 0 {
		unix.Close(o.fd)
	}
}

// isNS reports whether fd is a network namespace.
func isNS(fd int) bool {
	typ, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	return err == nil && typ == unix.CLONE_NEWNET
}

// CreateNS makes a namespace with a name, as ip netns add does: a file in /run/netns on which
// the namespace is mounted, so that it lives without a process. It needs CAP_SYS_ADMIN.
func CreateNS(name string) error {
	if err := createNS(name); err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	return nil
}

func createNS(name string) error {
	if err := checkNSName(name); err != nil {
		return err
	}
	if err := shareNSDir(); err != nil {
		return err
	}
	path := filepath.Join(nsDir, name)
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	unix.Close(fd)
	done := make(chan struct{})
	go func() { // its thread is in the new namespace and ends with it
		defer close(done)
		runtime.LockOSThread()
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return
		}
		err = unix.Mount(threadNS, path, "none", unix.MS_BIND, "")
	}()
	<-done
	if err != nil {
		os.Remove(path)
	}
	return err
}

// shareNSDir makes /run/netns a shared mount of its own, so that namespaces made here are seen,
// and those removed let go, in other mount namespaces.
func shareNSDir() error {
	if err := os.MkdirAll(nsDir, 0o755); err != nil {
		return errors.Unwrap(err)
	}
	err := unix.Mount("", nsDir, "none", unix.MS_SHARED|unix.MS_REC, "")
	if !errors.Is(err, unix.EINVAL) {
		return err
	}
	// Not a mount point yet.
	if err := unix.Mount(nsDir, nsDir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	return unix.Mount("", nsDir, "none", unix.MS_SHARED|unix.MS_REC, "")
}

// DeleteNS removes the name of a namespace. The namespace itself lives on while a process, a
// socket or an open file is in it.
func DeleteNS(name string) error {
	if err := checkNSName(name); err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	path := filepath.Join(nsDir, name)
	// EINVAL: a file that nothing is mounted on, left by a creation that broke off.
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	if err := unix.Unlink(path); err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	return nil
}

// ListNS returns the names in /run/netns that are namespaces, sorted.
func ListNS() ([]string, error) {
	entries, err := os.ReadDir(nsDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		ns, err := OpenNS(filepath.Join(nsDir, e.Name()))
		if err != nil {
			continue // a file that nothing is mounted on, or gone meanwhile
		}
		ns.Close()
		names = append(names, e.Name())
	}
	return names, nil
}

func checkNSName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("%q is no name for a namespace: %w", name, os.ErrInvalid)
	}
	return nil
}
