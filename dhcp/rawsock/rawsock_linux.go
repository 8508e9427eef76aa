package rawsock

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"github.com/netfs-project/netfs/dhcp/wire"

	"golang.org/x/sys/unix"
)

// A packetSocket is an AF_PACKET socket on the runtime's poller.
type packetSocket struct {
	f  *os.File
	rc syscall.RawConn
	counters
}

// openPacket binds only when the filter is there, so that nothing else ever gets in.
func openPacket(l Link, protocol uint16, filter []unix.SockFilter) (*packetSocket, error) {
	var fd int
	err := l.do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: packet socket: %w", l.Name, err)
	}
	if err := setUp(fd, l, protocol, filter); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%s: packet socket: %w", l.Name, err)
	}
	s := &packetSocket{f: os.NewFile(uintptr(fd), "packet")}
	s.rc, err = s.f.SyscallConn()
	return s, err
}

func setUp(fd int, l Link, protocol uint16, filter []unix.SockFilter) error {
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return fmt.Errorf("auxiliary data: %w", err)
	}
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: protocol<<8 | protocol>>8, Ifindex: l.Index})
}

func (s *packetSocket) send(frame []byte) error {
	var err error
	werr := s.rc.Write(func(fd uintptr) bool {
		_, err = unix.Write(int(fd), frame)
		return err != unix.EAGAIN
	})
	if werr != nil {
		return werr
	}
	return err
}

// receive waits for a frame. unfinished says that its checksum is left open; vlan, that the kernel took
// a VLAN's tag off.
func (s *packetSocket) receive(b, oob []byte) (n int, unfinished, vlan bool, err error) {
	var oobn, flags int
	rerr := s.rc.Read(func(fd uintptr) bool {
		n, oobn, flags, _, err = unix.Recvmsg(int(fd), b, oob, 0)
		// ENETDOWN is told once when the link is set down; the socket goes on when it is up again.
		return err != unix.EAGAIN && err != unix.EINTR && err != unix.ENETDOWN
	})
	if rerr != nil {
		return 0, false, false, os.ErrClosed // there is no deadline that could be another reason
	}
	if err != nil {
		return 0, false, false, err
	}
	if flags&unix.MSG_TRUNC != 0 {
		n = len(b) // its lengths will contradict
	}
	unfinished, vlan = aux(oob[:oobn])
	return n, unfinished, vlan, nil
}

// aux reads struct tpacket_auxdata (linux/if_packet.h).
func aux(oob []byte) (unfinished, vlan bool) {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return false, false
	}
	for _, m := range list {
		if m.Header.Level != unix.SOL_PACKET || m.Header.Type != unix.PACKET_AUXDATA || len(m.Data) < int(unsafe.Sizeof(unix.TpacketAuxdata{})) {
			continue
		}
		a := (*unix.TpacketAuxdata)(unsafe.Pointer(&m.Data[0]))
		unfinished = a.Status&unix.TP_STATUS_CSUMNOTREADY != 0
		vlan = a.Status&unix.TP_STATUS_VLAN_VALID != 0 && a.Vlan_tci&0x0fff != 0
	}
	return unfinished, vlan
}

// Close ends a Receive that waits.
func (s *packetSocket) Close() error { return s.f.Close() }

// Stats returns the counters.
func (s *packetSocket) Stats() Stats { return s.stats() }

// A Raw speaks DHCP on a link that may have no address. One goroutine may receive while
// others send.
type Raw struct {
	*packetSocket
	mac wire.MAC
	buf [2048]byte
	oob [64]byte
}

// OpenRaw needs CAP_NET_RAW.
func OpenRaw(l Link) (*Raw, error) {
	mac, err := l.mac()
	if err != nil {
		return nil, err
	}
	s, err := openPacket(l, unix.ETH_P_IP, replies())
	if err != nil {
		return nil, err
	}
	return &Raw{packetSocket: s, mac: mac}, nil
}

// Send sends a message from port 68 of src, which may be the zero Addr, to port 67 of dst at the station
// to.
func (r *Raw) Send(payload []byte, src, dst netip.Addr, to wire.MAC) error {
	if !src.IsValid() {
		src = netip.IPv4Unspecified()
	}
	e := wire.Ethernet{Dst: to, Src: r.mac, Type: wire.TypeIPv4}
	b, err := e.Append(make([]byte, 0, 64+len(payload)))
	if err != nil {
		return err
	}
	d := wire.Datagram{Src: netip.AddrPortFrom(src, ClientPort), Dst: netip.AddrPortFrom(dst, ServerPort), TOS: 0xc0, Payload: payload}
	if b, err = d.Append(b); err != nil {
		return err
	}
	return r.send(b)
}

// Receive waits for the next message. What is not one is counted. After Close it fails with
// os.ErrClosed.
func (r *Raw) Receive(p *Packet) error {
	for {
		n, unfinished, vlan, err := r.receive(r.buf[:], r.oob[:])
		if err != nil {
			return err
		}
		if vlan {
			r.vlan.Add(1)
			continue
		}
		if r.decode(r.buf[:n], p, unfinished) {
			return nil
		}
	}
}

// An ARP hears who else has, or probes for, one address, and speaks.
type ARP struct {
	*packetSocket
	mac wire.MAC
	buf [256]byte
	oob [64]byte
}

// OpenARP needs CAP_NET_RAW.
func OpenARP(l Link, about netip.Addr) (*ARP, error) {
	mac, err := l.mac()
	if err != nil {
		return nil, err
	}
	s, err := openPacket(l, unix.ETH_P_ARP, claims(about))
	if err != nil {
		return nil, err
	}
	return &ARP{packetSocket: s, mac: mac}, nil
}

// Send broadcasts a message.
func (r *ARP) Send(a *wire.ARP) error {
	e := wire.Ethernet{Dst: wire.Broadcast, Src: r.mac, Type: wire.TypeARP}
	b, err := e.Append(nil)
	if err != nil {
		return err
	}
	if b, err = a.Append(b); err != nil {
		return err
	}
	return r.send(b)
}

// Receive waits for the next message. What is not one is counted.
func (r *ARP) Receive(a *wire.ARP) error {
	for {
		n, _, vlan, err := r.receive(r.buf[:], r.oob[:])
		if err != nil {
			return err
		}
		r.received.Add(1)
		if vlan {
			r.vlan.Add(1)
			continue
		}
		var e wire.Ethernet
		b, err := e.Decode(r.buf[:n])
		if err == nil {
			err = a.Decode(b)
		}
		if err != nil {
			r.dropped(err)
			continue
		}
		return nil
	}
}

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
	if err := unix.BindToDevice(fd, l.Name); err != nil {
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
