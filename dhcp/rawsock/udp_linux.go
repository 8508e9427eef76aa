package rawsock

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// A UDP speaks through the kernel, which knows the way to the server, on a link that has the
// address. While it is open the kernel does not answer servers with "port unreachable".
type UDP struct {
	c   *net.UDPConn
	buf [2048]byte
}

// OpenUDP binds port 68 of addr on the link.
func OpenUDP(l Link, addr netip.Addr) (*UDP, error) {
	var c net.PacketConn
	err := l.do(func() (err error) {
		c, err = listenUDP(l, addr)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.Name, err)
	}
	return &UDP{c: c.(*net.UDPConn)}, nil
}

// listenUDP makes the socket on the calling thread, which net.ListenConfig does not promise.
func listenUDP(l Link, addr netip.Addr) (net.PacketConn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("UDP socket: %w", err)
	}
	f := os.NewFile(uintptr(fd), "udp")
	defer f.Close() // FilePacketConn has its own
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1}, // another client's wildcard socket may be there
		{unix.IPPROTO_IP, unix.IP_TOS, 0xc0},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return nil, fmt.Errorf("UDP socket: %w", err)
		}
	}
	// By its index: the link may have another name by now.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BINDTOIFINDEX, l.Index); err != nil {
		return nil, fmt.Errorf("UDP socket: bind to the link: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: ClientPort, Addr: addr.As4()}); err != nil {
		return nil, fmt.Errorf("UDP socket: bind %v port %d: %w", addr, ClientPort, err)
	}
	return net.FilePacketConn(f)
}

// Send sends to port 67 of dst.
func (u *UDP) Send(payload []byte, dst netip.Addr) error {
	_, err := u.c.WriteToUDPAddrPort(payload, netip.AddrPortFrom(dst, ServerPort))
	return err
}

// Receive waits for the next message.
func (u *UDP) Receive(p *Packet) error {
	n, from, err := u.c.ReadFromUDPAddrPort(u.buf[:])
	if err != nil {
		return err
	}
	*p = Packet{Src: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), Payload: u.buf[:n]}
	return nil
}

// Close ends a Receive that waits.
func (u *UDP) Close() error { return u.c.Close() }
