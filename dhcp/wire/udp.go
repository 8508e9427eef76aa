package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

const (
	udpLen     = 8
	defaultTTL = 64
)

// Sums is what a decoder does about the checksum of UDP. A checksum of 0 says
// that the sender made none, and is always taken.
type Sums uint8

const (
	// Verify takes only right checksums.
	Verify Sums = iota
	// Partial also takes the sum of the pseudo header alone: what a sender on this
	// machine or its host leaves there when the hardware, which never comes, is to
	// finish it. For sources that do not say (BSD, files, sockets without PACKET_AUXDATA).
	Partial
	// Skip looks at none: for packets that the kernel marked as not ready
	// (TP_STATUS_CSUMNOTREADY, packet(7)) or has checked itself.
	Skip
)

// A Found says what Decode saw in the field of the checksum.
type Found uint8

const (
	Good       Found = iota // right
	None                    // zero: the sender made none
	Unfinished              // the sum of the pseudo header only
	Unchecked               // not looked at
)

var foundNames = [...]string{"good", "none", "unfinished", "unchecked"}

func (f Found) String() string { return foundNames[min(int(f), len(foundNames)-1)] }

// A Datagram is a UDP datagram in an IPv4 packet.
type Datagram struct {
	Src, Dst netip.AddrPort
	TOS      uint8
	TTL      uint8 // 0 is sent as 64
	Sum      Found // set by Decode
	Payload  []byte
}

// Decode reads an IPv4 packet with UDP in it. The payload is borrowed. On an
// error d is not changed.
func (d *Datagram) Decode(b []byte, sums Sums) error {
	var h IPv4
	u, err := h.Decode(b)
	if err != nil {
		return err
	}
	if h.Protocol != ProtoUDP {
		return &Error{"ipv4", fmt.Sprintf("protocol %d", h.Protocol), ErrOther}
	}
	if len(u) < udpLen {
		return &Error{"udp", fmt.Sprintf("%d bytes", len(u)), ErrTruncated}
	}
	length := int(binary.BigEndian.Uint16(u[4:]))
	if length < udpLen || length > len(u) {
		return &Error{"udp", fmt.Sprintf("length %d in %d bytes", length, len(u)), ErrLength}
	}
	u = u[:length:length]
	found, ok := checkUDP(u, h.Src, h.Dst, sums)
	if !ok {
		return &Error{"udp", "", ErrChecksum}
	}
	*d = Datagram{
		Src:     netip.AddrPortFrom(h.Src, binary.BigEndian.Uint16(u)),
		Dst:     netip.AddrPortFrom(h.Dst, binary.BigEndian.Uint16(u[2:])),
		TOS:     h.TOS,
		TTL:     h.TTL,
		Sum:     found,
		Payload: u[udpLen:],
	}
	return nil
}

func checkUDP(u []byte, src, dst netip.Addr, sums Sums) (Found, bool) {
	sum := binary.BigEndian.Uint16(u[6:])
	switch {
	case sums == Skip:
		return Unchecked, true
	case sum == 0:
		return None, true
	}
	ps := pseudo(src, dst, len(u))
	if Fold(Sum(ps, u)) == 0xffff {
		return Good, true
	}
	return Unfinished, sums == Partial && sum == Fold(ps)
}

// Append appends the packet: an IPv4 header without options, never fragmented
// by the sender (identification 0, DF clear), the UDP header, the payload.
func (d *Datagram) Append(b []byte) ([]byte, error) {
	length := udpLen + len(d.Payload)
	h := IPv4{TOS: d.TOS, TTL: d.TTL, Protocol: ProtoUDP, Src: d.Src.Addr(), Dst: d.Dst.Addr()}
	if h.TTL == 0 {
		h.TTL = defaultTTL
	}
	b, err := h.Append(b, length)
	if err != nil {
		return b, err
	}
	u := len(b)
	b = binary.BigEndian.AppendUint16(b, d.Src.Port())
	b = binary.BigEndian.AppendUint16(b, d.Dst.Port())
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = append(b, 0, 0)
	b = append(b, d.Payload...)
	sum := ^Fold(Sum(pseudo(h.Src, h.Dst, length), b[u:]))
	if sum == 0 {
		sum = 0xffff // 0 would say that there is none
	}
	binary.BigEndian.PutUint16(b[u+6:], sum)
	return b, nil
}
