//go:build freebsd || openbsd || netbsd || dragonfly || darwin

package rawsock

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// A UDP speaks through the kernel, which knows the way to the server, on a link that has the
// address. While it is open the kernel does not answer servers with "port unreachable".
type UDP struct {
	c    *net.UDPConn
	link int
	buf  [2048]byte
	oob  [128]byte
}

// OpenUDP binds port 68 of addr. What comes in over another link is not received.
func OpenUDP(l Link, addr netip.Addr) (*UDP, error) {
	var c net.PacketConn
	err := l.do(func() (err error) {
		c, err = listenUDP(l, addr)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: UDP socket: %w", l.Name, err)
	}
	return &UDP{c: c.(*net.UDPConn), link: l.Index}, nil
}

func listenUDP(l Link, addr netip.Addr) (net.PacketConn, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "udp")
	defer f.Close() // FilePacketConn has its own
	for _, o := range []struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_REUSEADDR, 1}, // another client's wildcard socket may be there
		{unix.IPPROTO_IP, unix.IP_TOS, 0xc0},
		{unix.IPPROTO_IP, unix.IP_RECVIF, 1},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return nil, err
		}
	}
	if ipBoundIf != 0 {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, ipBoundIf, l.Index); err != nil {
			return nil, fmt.Errorf("bind to the link: %w", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: ClientPort, Addr: addr.As4()}); err != nil {
		return nil, fmt.Errorf("bind %v port %d: %w", addr, ClientPort, err)
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
	for {
		n, oobn, _, from, err := u.c.ReadMsgUDPAddrPort(u.buf[:], u.oob[:])
		if err != nil {
			return err
		}
		if link := cameOver(u.oob[:oobn]); link != 0 && link != u.link {
			continue
		}
		*p = Packet{Src: netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), Payload: u.buf[:n]}
		return nil
	}
}

// cameOver is the link that IP_RECVIF tells, 0 if it does not: a struct sockaddr_dl
// (net/if_dl.h), whose index is behind its length and family.
func cameOver(oob []byte) int {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range list {
		if m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVIF && len(m.Data) >= 4 {
			return int(binary.NativeEndian.Uint16(m.Data[2:]))
		}
	}
	return 0
}

// Close ends a Receive that waits.
func (u *UDP) Close() error { return u.c.Close() }
