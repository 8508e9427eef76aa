//go:build freebsd || openbsd || netbsd || dragonfly || darwin

package rtsock

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/netfs-project/netfs/bsd"

	"golang.org/x/sys/unix"
)

// Open returns this machine's kernel.
func Open() (System, error) {
	p, err := profile()
	if err != nil {
		return nil, err
	}
	l, err := p.Layout()
	if err != nil {
		return nil, err
	}
	return &system{layout: l, foreign: p.Arch != runtime.GOARCH}, nil
}

type system struct {
	layout  *bsd.Layout
	foreign bool // the kernel's words are not the program's, which has the structs of ioctls
}

func (s *system) Layout() *bsd.Layout { return s.layout }

func (s *system) Socket(table int, f Filter) (Socket, error) {
	fd, err := unix.Socket(int(s.layout.AFRoute), unix.SOCK_RAW, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	unix.CloseOnExec(fd)
	// More room than the default before messages are lost. Less will do.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20)
	tells, err := s.prepare(fd, table, &f)
	if err := errors.Join(err, unix.SetNonblock(fd, true)); err != nil {
		unix.Close(fd)
		return nil, err
	}
	k := &socket{File: os.NewFile(uintptr(fd), "route")}
	if !tells {
		k.gauge = &gauge{}
		k.gauge.room, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	}
	return k, nil
}

func (s *system) Sysctl(mib ...int) ([]byte, error) { return routeSysctl(int(s.layout.AFRoute), mib) }

type socket struct {
	*os.File
	gauge *gauge // nil: the kernel tells of losses
}

const fionread = 0x4004667f // FIONREAD (sys/filio.h)

// pending is how many bytes wait.
func (s *socket) pending() (n int, err error) {
	c, err := s.SyscallConn()
	if err != nil {
		return 0, err
	}
	e := c.Control(func(fd uintptr) { n, err = unix.IoctlGetInt(int(fd), fionread) })
	return n, errors.Join(e, err)
}

// Read waits in the runtime's poller; the end of ctx wakes it.
func (s *socket) Read(ctx context.Context, b []byte) (int, error) {
	if s.gauge != nil {
		n, err := s.pending()
		if err != nil {
			return 0, os.NewSyscallError("FIONREAD", err)
		}
		if s.gauge.loss(n) {
			return 0, unix.ENOBUFS
		}
	}
	stop := context.AfterFunc(ctx, func() { _ = s.SetReadDeadline(time.Unix(1, 0)) })
	n, err := s.File.Read(b)
	if !stop() {
		_ = s.SetReadDeadline(time.Time{})
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, ctx.Err()
	}
	return n, err
}

// profile asks the kernel what it is: a program of 32 bits may run on one of 64.
func profile() (bsd.Profile, error) {
	p := bsd.Profile{OS: runtime.GOOS, Arch: runtime.GOARCH}
	if runtime.GOOS == "freebsd" {
		if m, err := unix.Sysctl("hw.machine_arch"); err == nil && m == "amd64" {
			p.Arch = m
		}
	}
	release, err := unix.Sysctl("kern.osrelease")
	if err != nil {
		return p, os.NewSyscallError("sysctl kern.osrelease", err)
	}
	major, _, _ := strings.Cut(release, ".")
	if runtime.GOOS == "netbsd" { // the one whose tables have a version
		p.Version, _ = strconv.Atoi(major)
	}
	return p, nil
}
