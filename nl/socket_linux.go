package nl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelSocket is a netlink socket on the runtime's poller. Recv asks the kernel before the
// poller: in a dump the next datagram is there already, because the kernel makes it when the
// one before is read.
type kernelSocket struct {
	f       *os.File
	rc      syscall.RawConn
	port    uint32
	buffer  int
	sndbuf  atomic.Int64
	closed  atomic.Bool
	tryRecv func(fd uintptr) bool // once made, for no garbage per datagram

	// Of the one Recv that may run.
	msg  unix.Msghdr
	iov  unix.Iovec
	from unix.RawSockaddrNetlink
	oob  []byte
	wait bool
	n    int
	err  error
}

func openSocket(ns *origin, protocol int, p purpose) (Socket, error) {
	var fd int
	err := ns.do(func() (err error) {
		fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
		return err
	})
	if errors.Is(err, unix.EPROTONOSUPPORT) {
		return nil, fmt.Errorf("netlink protocol %d: %w (%w)", protocol, errors.ErrUnsupported, err)
	}
	if err != nil {
		return nil, fmt.Errorf("netlink socket of protocol %d: %w", protocol, err)
	}
	s, err := newKernelSocket(fd, p)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("netlink socket of protocol %d: %w", protocol, err)
	}
	return s, nil
}

func newKernelSocket(fd int, p purpose) (*kernelSocket, error) {
	if err := setOptions(fd, p); err != nil {
		return nil, err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return nil, err
	}
	for _, g := range p.groups {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, int(g)); err != nil {
			return nil, fmt.Errorf("multicast group %d: %w", g, err)
		}
	}
	s := &kernelSocket{port: sa.(*unix.SockaddrNetlink).Pid}
	s.buffer, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	snd, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	s.sndbuf.Store(int64(snd))
	if p.allNS {
		s.oob = make([]byte, unix.CmsgSpace(4))
	}
	s.f = os.NewFile(uintptr(fd), "netlink")
	if s.rc, err = s.f.SyscallConn(); err != nil {
		return nil, err
	}
	s.tryRecv = s.recvOnce
	return s, nil
}

// setOptions asks for what makes answers better. Kernels before 4.12 to 4.20 lack some of it;
// the engine does without.
func setOptions(fd int, p purpose) error {
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	if p.strict {
		unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	}
	if p.allNS {
		if err := unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_LISTEN_ALL_NSID, 1); err != nil {
			return fmt.Errorf("listen to all namespaces: %w", err)
		}
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, p.buffer) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, p.buffer)
	}
	return nil
}

func (s *kernelSocket) Port() uint32 { return s.port }
func (s *kernelSocket) Buffer() int  { return s.buffer }

// Send does not take the poller's write lock: the kernel works on a request as long as the call
// lasts, and others need not wait for it.
func (s *kernelSocket) Send(b []byte) error {
	var errno error
	err := s.rc.Control(func(fd uintptr) {
		s.room(int(fd), len(b))
		for {
			errno = unix.Sendto(int(fd), b, 0, nil) // to the kernel, unless connected
			if errno != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return s.mapErr(err)
	}
	return errno
}

// room makes the send buffer hold n bytes; a message that it does not hold is refused with EMSGSIZE.
func (s *kernelSocket) room(fd, n int) {
	const overhead = 1024 // of struct sk_buff; the kernel wants 32
	if int64(n+overhead) <= s.sndbuf.Load() {
		return
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, n+overhead) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, n+overhead)
	}
	if snd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF); err == nil {
		s.sndbuf.Store(int64(snd))
	}
}

func (s *kernelSocket) Recv(b []byte, wait bool) (Datagram, error) {
	s.iov.Base = unsafe.SliceData(b)
	s.iov.SetLen(len(b))
	s.msg = unix.Msghdr{
		Name:    (*byte)(unsafe.Pointer(&s.from)),
		Namelen: unix.SizeofSockaddrNetlink,
		Iov:     &s.iov,
	}
	s.msg.SetIovlen(1)
	if len(s.oob) > 0 {
		s.msg.Control = &s.oob[0]
		s.msg.SetControllen(len(s.oob))
	}
	s.wait = wait
	err := s.rc.Read(s.tryRecv)
	s.iov.Base = nil
	if err != nil {
		return Datagram{}, s.mapErr(err)
	}
	if s.err != nil {
		return Datagram{}, s.err
	}
	return Datagram{Len: s.n, From: s.from.Pid, NSID: s.nsid()}, nil
}

// recvOnce reports whether the read is over; if not the poller waits and calls it again.
func (s *kernelSocket) recvOnce(fd uintptr) bool {
	for {
		n, _, errno := syscall.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&s.msg)), unix.MSG_TRUNC)
		switch errno {
		case 0:
			s.n, s.err = int(n), nil
			return true
		case unix.EINTR:
		case unix.EAGAIN:
			s.err = errno
			return !s.wait
		default:
			s.err = errno
			return true
		}
	}
}

// nsid reads the control message that NETLINK_LISTEN_ALL_NSID adds.
func (s *kernelSocket) nsid() int32 {
	n := int(s.msg.Controllen)
	if len(s.oob) == 0 || n < unix.CmsgLen(4) {
		return -1
	}
	h, data, _, err := unix.ParseOneSocketControlMessage(s.oob[:n])
	if err != nil || h.Level != unix.SOL_NETLINK || h.Type != unix.NETLINK_LISTEN_ALL_NSID || len(data) < 4 {
		return -1
	}
	return int32(binary.NativeEndian.Uint32(data))
}

func (s *kernelSocket) SetReadDeadline(t time.Time) error { return s.f.SetReadDeadline(t) }

func (s *kernelSocket) Close() error {
	s.closed.Store(true)
	return s.f.Close()
}

// mapErr knows the poller's own error for a closed file, which has no name outside of it.
func (s *kernelSocket) mapErr(err error) error {
	if s.closed.Load() || errors.Is(err, os.ErrClosed) {
		return ErrClosed
	}
	return err
}
