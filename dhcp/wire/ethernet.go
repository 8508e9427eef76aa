package wire

import (
	"encoding/binary"
	"fmt"
	"net"
)

// Types of Ethernet frames. Source: linux/if_ether.h, ETH_P_*.
const (
	TypeIPv4 = 0x0800
	TypeARP  = 0x0806
	TypeVLAN = 0x8100 // 802.1Q
	TypeQinQ = 0x88a8 // 802.1ad, the outer tag
	TypeIPv6 = 0x86dd
)

// minType is the least number in the type field that is not a length of 802.3.
const minType = 1536

// A MAC is an address of Ethernet.
type MAC [6]byte

// Broadcast is the address of all stations.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// A Tag is a VLAN tag: TPID is TypeVLAN or TypeQinQ, or zero for no tag.
// Source: IEEE 802.1Q 9.6.
type Tag struct {
	TPID uint16
	TCI  uint16
}

// VID is the VLAN, 0 to 4095. 0 is a tag that says only a priority: such a
// frame belongs to no VLAN.
func (t Tag) VID() uint16 { return t.TCI & 0x0fff }

// Priority is the priority code point, 0 to 7.
func (t Tag) Priority() uint8 { return uint8(t.TCI >> 13) }

// Ethernet is the header of a frame. A frame with one tag has it in Tags[0]; with two, the
// outer is first.
type Ethernet struct {
	Dst, Src MAC
	Tags     [2]Tag
	Type     uint16 // of the payload, after the tags; at least 1536
}

// VID is the frame's VLAN, of the inner tag if there are two, 0 if it has none
// or only a priority.
func (e *Ethernet) VID() uint16 {
	if e.Tags[1].TPID != 0 {
		return e.Tags[1].VID()
	}
	return e.Tags[0].VID()
}

func isTag(t uint16) bool { return t == TypeVLAN || t == TypeQinQ }

// Decode reads the header and returns the payload, which may end in padding.
func (e *Ethernet) Decode(b []byte) (payload []byte, err error) {
	*e = Ethernet{}
	if len(b) < 14 {
		return nil, &Error{"ethernet", fmt.Sprintf("%d bytes", len(b)), ErrTruncated}
	}
	copy(e.Dst[:], b)
	copy(e.Src[:], b[6:])
	e.Type = binary.BigEndian.Uint16(b[12:])
	b = b[14:]
	for i := 0; isTag(e.Type); i++ {
		if i == len(e.Tags) {
			return nil, &Error{"ethernet", "more than two tags", ErrOther}
		}
		if len(b) < 4 {
			return nil, &Error{"ethernet", "vlan tag", ErrTruncated}
		}
		e.Tags[i] = Tag{e.Type, binary.BigEndian.Uint16(b)}
		e.Type = binary.BigEndian.Uint16(b[2:])
		b = b[4:]
	}
	if e.Type < minType {
		return nil, &Error{"ethernet", fmt.Sprintf("type %#04x is a length", e.Type), ErrOther}
	}
	return b, nil
}

// Append appends the header.
func (e *Ethernet) Append(b []byte) ([]byte, error) {
	if e.Type < minType || isTag(e.Type) {
		return b, &Error{"ethernet", fmt.Sprintf("type %#04x cannot be sent", e.Type), ErrOther}
	}
	if e.Tags[0].TPID == 0 && e.Tags[1].TPID != 0 {
		return b, &Error{"ethernet", "an inner tag without an outer one", ErrOther}
	}
	out := append(append(b, e.Dst[:]...), e.Src[:]...)
	for _, t := range e.Tags {
		if t.TPID == 0 {
			continue
		}
		if !isTag(t.TPID) {
			return b, &Error{"ethernet", fmt.Sprintf("%#04x is not the type of a tag", t.TPID), ErrOther}
		}
		out = binary.BigEndian.AppendUint16(out, t.TPID)
		out = binary.BigEndian.AppendUint16(out, t.TCI)
	}
	return binary.BigEndian.AppendUint16(out, e.Type), nil
}
