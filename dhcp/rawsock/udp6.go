//go:build unix

package rawsock

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// Ports of DHCPv6, and the group of the servers and relays of a link. Source: RFC 8415 7.1 and 7.2.
const (
	ServerPort6 = 547
	ClientPort6 = 546
)

var servers6 = netip.MustParseAddr("ff02::1:2").As16()

// A UDP6 speaks DHCPv6 from a link-local address of a link, with all servers and relays of that
// link. One goroutine may receive while others send.
type UDP6 struct {
	f     *os.File
	rc    syscall.RawConn
	to    unix.SockaddrInet6
	buf   [65536]byte
	other atomic.Uint64
}

// OpenUDP6 binds the client's port of a link-local address, which must not be tentative.
func OpenUDP6(l Link, addr netip.Addr) (*UDP6, error) {
	if !addr.Is6() || !addr.IsLinkLocalUnicast() {
		return nil, fmt.Errorf("%s: %v is not a link-local IPv6 address", l.Name, addr)
	}
	var fd int
	err := l.do(func() (err error) {
		fd, err = listenUDP6(l.Index, addr)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name, err)
	}
	u := &UDP6{f: os.NewFile(uintptr(fd), "udp6"), to: unix.SockaddrInet6{Port: ServerPort6, Addr: servers6, ZoneId: uint32(l.Index)}}
	if u.rc, err = u.f.SyscallConn(); err != nil {
		return nil, errors.Join(err, u.f.Close())
	}
	return u, nil
}

func listenUDP6(link int, addr netip.Addr) (int, error) {
	syscall.ForkLock.RLock() // Darwin has no SOCK_CLOEXEC
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, fmt.Errorf("UDP socket: %w", err)
	}
	err = unix.SetNonblock(fd, true)
	for _, o := range []struct{ name, value int }{
		{unix.IPV6_V6ONLY, 1},
		{unix.IPV6_MULTICAST_IF, link},
		{unix.IPV6_TCLASS, 0xc0},
	} {
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, o.name, o.value)
		}
	}
	if err == nil { // another client's wildcard socket may be there
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("UDP socket: %w", err)
	}
	// With the link as its zone the address binds the socket to the link, too.
	if err := unix.Bind(fd, &unix.SockaddrInet6{Port: ClientPort6, Addr: addr.As16(), ZoneId: uint32(link)}); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("UDP socket: bind %v port %d: %w", addr, ClientPort6, err)
	}
	return fd, nil
}

// Send sends a message to the servers and relays of the link.
func (u *UDP6) Send(payload []byte) error {
	var err error
	werr := u.rc.Write(func(fd uintptr) bool {
		err = unix.Sendto(int(fd), payload, 0, &u.to)
		return err != unix.EAGAIN
	})
	if werr != nil {
		return os.ErrClosed
	}
	return err
}

// Receive waits for the next message from a host of the link, which is borrowed until the one after it. Datagrams
// from other addresses than link-local ones are counted. After Close it fails with os.ErrClosed.
func (u *UDP6) Receive() ([]byte, error) {
	for {
		var n int
		var from unix.Sockaddr
		var err error
		rerr := u.rc.Read(func(fd uintptr) bool {
			n, from, err = unix.Recvfrom(int(fd), u.buf[:], 0)
			return err != unix.EAGAIN && err != unix.EINTR
		})
		if rerr != nil {
			return nil, os.ErrClosed // there is no deadline that could be another reason
		}
		if err != nil {
			return nil, err
		}
		if a, ok := from.(*unix.SockaddrInet6); ok && netip.AddrFrom16(a.Addr).IsLinkLocalUnicast() {
			return u.buf[:n], nil
		}
		u.other.Add(1)
	}
}

// Other returns how many datagrams came that were not from the link.
func (u *UDP6) Other() uint64 { return u.other.Load() }

// Close ends a Receive that waits.
func (u *UDP6) Close() error { return u.f.Close() }
