package p9

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
)

// FileListener returns a listener of a stream socket that somebody else opened:
// systemd, a supervisor, a container's runtime. A socket that is connected already
// gives a listener of that one connection, whose next Accept returns io.EOF. The file
// is closed; the listener has a descriptor of its own.
func FileListener(f *os.File) (net.Listener, error) {
	defer f.Close()
	listens, err := listening(f)
	if err == nil && !listens {
		var c net.Conn
		if c, err = fileConn(f); err == nil {
			return &single{conn: c}, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", f.Name(), err)
	}
	if l, err := vsockListener(f); l != nil || err != nil {
		return l, err
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", f.Name(), err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // it is theirs
	}
	return l, nil
}

var errNoStream = errors.New("not a stream socket")

// listening tells a listening socket from a connected one: SO_ACCEPTCONN, socket(7).
func listening(f *os.File) (bool, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var typ, on int
	var sockErr error
	err = raw.Control(func(fd uintptr) {
		if typ, sockErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_TYPE); sockErr == nil {
			on, sockErr = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
		}
	})
	switch {
	case err != nil:
		return false, err
	case errors.Is(sockErr, syscall.ENOTSOCK), sockErr == nil && typ != syscall.SOCK_STREAM:
		return false, errNoStream
	}
	return on != 0, sockErr
}

// fileConn is the connection of a connected stream socket, with a descriptor of
// its own.
func fileConn(f *os.File) (net.Conn, error) {
	if c, err := vsockConnOf(f); c != nil || err != nil {
		return c, err
	}
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	if c.RemoteAddr() == nil {
		c.Close()
		return nil, syscall.ENOTCONN
	}
	return c, nil
}

// descriptor is the number in "fd!3".
func descriptor(s string) (uintptr, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("fd!%s: no descriptor", s)
	}
	return uintptr(n), nil
}

// passedFile is the open file of a descriptor, which is taken over: the collector
// closes it if nobody else does.
func passedFile(s string) (*os.File, error) {
	fd, err := descriptor(s)
	if err != nil {
		return nil, err
	}
	return os.NewFile(fd, "fd!"+s), nil
}

// dialFD takes a connected socket that was passed.
func dialFD(number string) (net.Conn, error) {
	f, err := passedFile(number)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	listens, err := listening(f)
	if err != nil {
		return nil, err
	}
	if listens {
		return nil, syscall.ENOTCONN
	}
	return fileConn(f)
}

// A single is a listener of one connection, which is there already.
type single struct {
	conn  net.Conn
	taken atomic.Bool
}

func (s *single) Accept() (net.Conn, error) {
	if s.taken.Swap(true) {
		return nil, io.EOF
	}
	return s.conn, nil
}

func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }

// Close leaves the connection to who has taken it.
func (s *single) Close() error {
	if s.taken.Swap(true) {
		return nil
	}
	return s.conn.Close()
}
