package rawsock

import (
	"fmt"
	"os"
	"sync/atomic"
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
	lost atomic.Uint64 // PACKET_STATISTICS
	buf  [2048]byte
	oob  [64]byte
}

// open opens a socket for what the filter, made for a kernel, takes.
func open(l Link, protocol uint16, filter func(tagged) []insn, _ func(tagged) []insn) (*packetSocket, error) {
	return openPacket(l, protocol, filter(beside))
}

// openPacket binds only when the filter is there, so that nothing else ever gets in.
func openPacket(l Link, protocol uint16, filter []insn) (*packetSocket, error) {
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

func setUp(fd int, l Link, protocol uint16, filter []insn) error {
	if err := attach(fd, filter); err != nil {
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

func attach(fd int, filter []insn) error {
	code := make([]unix.SockFilter, len(filter))
	for n, i := range filter {
		code[n] = unix.SockFilter{Code: i.code, Jt: i.jt, Jf: i.jf, K: i.k}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}

// next waits for a frame.
func (s *packetSocket) next() (arrival, error) {
	var n, oobn, flags int
	var err error
	rerr := s.rc.Read(func(fd uintptr) bool {
		n, oobn, flags, _, err = unix.Recvmsg(int(fd), s.buf[:], s.oob[:], 0)
		// ENETDOWN is told once when the link is set down; the socket goes on when it is up again.
		return err != unix.EAGAIN && err != unix.EINTR && err != unix.ENETDOWN
	})
	if rerr != nil {
		return arrival{}, os.ErrClosed // there is no deadline that could be another reason
	}
	if err != nil {
		return arrival{}, err
	}
	if flags&unix.MSG_TRUNC != 0 {
		n = len(s.buf) // its lengths will contradict
	}
	f := arrival{b: s.buf[:n]}
	unfinished, vlan := aux(s.oob[:oobn])
	if unfinished {
		f.sums = wire.Skip
	}
	f.vlan = vlan
	return f, nil
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
func (s *packetSocket) Close() error {
	s.count()
	return s.f.Close()
}

// count adds what the kernel counted since the last time.
func (s *packetSocket) count() {
	s.rc.Control(func(fd uintptr) {
		if st, err := unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			s.lost.Add(uint64(st.Drops))
		}
	})
}

// Stats returns the counters.
func (s *packetSocket) Stats() Stats {
	s.count()
	st := s.stats()
	st.Lost = s.lost.Load()
	return st
}
