package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// ProtoUDP is the number of UDP in IPv4.
const ProtoUDP = 17

const (
	ipv4Len   = 20
	maxPacket = 0xffff

	flagDF   = 0x4000
	flagMF   = 0x2000
	fragment = 0x3fff // MF and the offset: either makes it a fragment
)

// IPv4 is the header of a packet. Source: RFC 791 3.1.
type IPv4 struct {
	TOS      uint8
	ID       uint16
	DF       bool // do not fragment
	TTL      uint8
	Protocol uint8
	Src, Dst netip.Addr
	Options  []byte // a multiple of 4, at most 40 bytes; borrowed when decoded
}

// Decode reads the header and returns what it carries, without the padding
// behind the packet's own length. The header's checksum must be right: no
// hardware is asked to finish that one. Fragments are refused, the first too.
func (h *IPv4) Decode(b []byte) (payload []byte, err error) {
	if len(b) < ipv4Len {
		return nil, &Error{"ipv4", fmt.Sprintf("%d bytes", len(b)), ErrTruncated}
	}
	if v := b[0] >> 4; v != 4 {
		return nil, &Error{"ipv4", fmt.Sprintf("version %d", v), ErrOther}
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case head < ipv4Len:
		return nil, &Error{"ipv4", fmt.Sprintf("header of %d bytes", head), ErrLength}
	case head > total:
		return nil, &Error{"ipv4", fmt.Sprintf("header of %d bytes in a packet of %d", head, total), ErrLength}
	case total > len(b):
		return nil, &Error{"ipv4", fmt.Sprintf("%d of %d bytes", len(b), total), ErrTruncated}
	}
	if Checksum(b[:head]) != 0 {
		return nil, &Error{"ipv4", "", ErrChecksum}
	}
	frag := binary.BigEndian.Uint16(b[6:])
	if frag&fragment != 0 {
		return nil, &Error{"ipv4", "", ErrFragment}
	}
	*h = IPv4{
		TOS:      b[1],
		ID:       binary.BigEndian.Uint16(b[4:]),
		DF:       frag&flagDF != 0,
		TTL:      b[8],
		Protocol: b[9],
		Src:      netip.AddrFrom4([4]byte(b[12:])),
		Dst:      netip.AddrFrom4([4]byte(b[16:])),
	}
	if head > ipv4Len {
		h.Options = b[ipv4Len:head:head]
	}
	return b[head:total:total], nil
}

// Append appends the header of a packet that carries length bytes.
func (h *IPv4) Append(b []byte, length int) ([]byte, error) {
	head := ipv4Len + len(h.Options)
	switch {
	case !h.Src.Is4() || !h.Dst.Is4():
		return b, &Error{"ipv4", fmt.Sprintf("from %v to %v", h.Src, h.Dst), ErrOther}
	case len(h.Options)%4 != 0 || len(h.Options) > 40:
		return b, &Error{"ipv4", fmt.Sprintf("options of %d bytes", len(h.Options)), ErrLength}
	case length < 0 || head+length > maxPacket:
		return b, &Error{"ipv4", fmt.Sprintf("packet of %d bytes", head+length), ErrLength}
	}
	at := len(b)
	var frag uint16
	if h.DF {
		frag = flagDF
	}
	b = append(b, 4<<4|byte(head/4), h.TOS)
	b = binary.BigEndian.AppendUint16(b, uint16(head+length))
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = binary.BigEndian.AppendUint16(b, frag)
	b = append(b, h.TTL, h.Protocol, 0, 0)
	src, dst := h.Src.As4(), h.Dst.As4()
	b = append(append(b, src[:]...), dst[:]...)
	b = append(b, h.Options...)
	binary.BigEndian.PutUint16(b[at+10:], Checksum(b[at:]))
	return b, nil
}
