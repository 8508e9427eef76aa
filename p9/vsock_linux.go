package p9

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Package net has no vsock. These are sockets in the runtime's poller all the
// same: an os.File that does not block knows reads, writes and deadlines.

// vsockSocket is a new socket as a file.
func vsockSocket() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_VSOCK, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	return os.NewFile(uintptr(fd), "vsock"), nil
}

// control does something with a file's descriptor.
func control(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var doErr error
	if err := raw.Control(func(fd uintptr) { doErr = do(int(fd)) }); err != nil {
		return err
	}
	return doErr
}

func vsockAddr(sa unix.Sockaddr) *VsockAddr {
	if vm, ok := sa.(*unix.SockaddrVM); ok {
		return &VsockAddr{vm.CID, vm.Port}
	}
	return nil
}

func listenVsock(address string) (net.Listener, error) {
	a, err := parseVsock(address)
	if err != nil {
		return nil, err
	}
	f, err := vsockSocket()
	if err != nil {
		return nil, err
	}
	err = control(f, func(fd int) error {
		if err := unix.Bind(fd, &unix.SockaddrVM{CID: a.CID, Port: a.Port}); err != nil {
			return os.NewSyscallError("bind", err)
		}
		return os.NewSyscallError("listen", unix.Listen(fd, unix.SOMAXCONN))
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return &vsockListen{f, a}, nil
}

type vsockListen struct {
	f    *os.File
	addr *VsockAddr
}

func (l *vsockListen) Addr() net.Addr { return l.addr }
func (l *vsockListen) Close() error   { return closed(l.f.Close()) }

func (l *vsockListen) Accept() (net.Conn, error) {
	raw, err := l.f.SyscallConn()
	if err != nil {
		return nil, closed(err)
	}
	var nfd int
	var sa unix.Sockaddr
	var accErr error
	err = raw.Read(func(fd uintptr) bool {
		nfd, sa, accErr = unix.Accept4(int(fd), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return accErr != unix.EAGAIN
	})
	if err == nil {
		err = accErr
	}
	if err != nil {
		return nil, &net.OpError{Op: "accept", Net: "vsock", Addr: l.addr, Err: closed(err)}
	}
	return vsockConnect(os.NewFile(uintptr(nfd), "vsock"), vsockAddr(sa))
}

// dialVsock connects. A peer that is not there is told by the kernel after two
// seconds, if ctx does not end before.
func dialVsock(ctx context.Context, address string) (net.Conn, error) {
	a, err := parseVsock(address)
	if err != nil {
		return nil, err
	}
	f, err := vsockSocket()
	if err != nil {
		return nil, err
	}
	err = control(f, func(fd int) error { return unix.Connect(fd, &unix.SockaddrVM{CID: a.CID, Port: a.Port}) })
	if err == unix.EINPROGRESS {
		err = connected(ctx, f)
	}
	if err != nil {
		f.Close()
		return nil, os.NewSyscallError("connect", err)
	}
	return vsockConnect(f, a)
}

// connected waits until a connection is made or has failed.
func connected(ctx context.Context, f *os.File) error {
	stop := context.AfterFunc(ctx, func() { f.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	first, soErr := true, 0
	err = raw.Write(func(fd uintptr) bool {
		if first { // ask only when the poller says that it is over
			first = false
			return false
		}
		soErr, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		return true
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	case soErr != 0:
		return syscall.Errno(soErr)
	}
	return nil
}

// A vsockConn is a connection.
type vsockConn struct {
	*os.File
	local, remote *VsockAddr
}

func vsockConnect(f *os.File, remote *VsockAddr) (net.Conn, error) {
	c := &vsockConn{File: f, remote: remote}
	err := control(f, func(fd int) error {
		sa, err := unix.Getsockname(fd)
		c.local = vsockAddr(sa)
		return os.NewSyscallError("getsockname", err)
	})
	if err != nil {
		f.Close()
		return nil, err
	}
	return c, nil
}

func (c *vsockConn) LocalAddr() net.Addr  { return c.local }
func (c *vsockConn) RemoteAddr() net.Addr { return c.remote }

func (c *vsockConn) Read(p []byte) (int, error) {
	n, err := c.File.Read(p)
	return n, closed(err)
}

func (c *vsockConn) Write(p []byte) (int, error) {
	n, err := c.File.Write(p)
	return n, closed(err)
}

// closed says of a closed file what package net says.
func closed(err error) error {
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.Is(err, os.ErrClosed):
		return net.ErrClosed
	}
	return err
}

// isVsock makes another descriptor of a socket of vsock, and finds its peer if it
// has one.
func isVsock(f *os.File) (dup *os.File, local, remote *VsockAddr, err error) {
	err = control(f, func(fd int) error {
		sa, err := unix.Getsockname(fd)
		if err != nil || vsockAddr(sa) == nil {
			return err
		}
		local = vsockAddr(sa)
		if sa, err := unix.Getpeername(fd); err == nil {
			remote = vsockAddr(sa)
		}
		n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.SetNonblock(n, true); err != nil {
			unix.Close(n)
			return err
		}
		dup = os.NewFile(uintptr(n), f.Name())
		return nil
	})
	return dup, local, remote, err
}

// vsockListener is a listener of a passed socket of vsock; nil if it is another.
func vsockListener(f *os.File) (net.Listener, error) {
	dup, local, _, err := isVsock(f)
	if dup == nil {
		return nil, err
	}
	return &vsockListen{dup, local}, nil
}

// vsockConnOf is a passed connection of vsock; nil if it is another.
func vsockConnOf(f *os.File) (net.Conn, error) {
	dup, local, remote, err := isVsock(f)
	switch {
	case dup == nil:
		return nil, err
	case remote == nil:
		dup.Close()
		return nil, syscall.ENOTCONN
	}
	return &vsockConn{dup, local, remote}, nil
}
