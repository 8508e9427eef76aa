package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// Operations of ARP.
const (
	ARPRequest = 1
	ARPReply   = 2
)

const arpLen = 28

// ARP is a message of ARP for IPv4 over Ethernet. Source: RFC 826.
type ARP struct {
	Op        uint16
	SenderMAC MAC
	SenderIP  netip.Addr // 0.0.0.0 in a probe, RFC 5227 1.1
	TargetMAC MAC
	TargetIP  netip.Addr
}

// Decode reads the message; padding behind it is ignored.
func (a *ARP) Decode(b []byte) error {
	if len(b) < arpLen {
		return &Error{"arp", fmt.Sprintf("%d bytes", len(b)), ErrTruncated}
	}
	hw, proto := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	if hw != 1 || proto != TypeIPv4 || b[4] != 6 || b[5] != 4 {
		return &Error{"arp", fmt.Sprintf("hardware %d/%d, protocol %#04x/%d", hw, b[4], proto, b[5]), ErrOther}
	}
	*a = ARP{
		Op:        binary.BigEndian.Uint16(b[6:]),
		SenderMAC: MAC(b[8:]),
		SenderIP:  netip.AddrFrom4([4]byte(b[14:])),
		TargetMAC: MAC(b[18:]),
		TargetIP:  netip.AddrFrom4([4]byte(b[24:])),
	}
	return nil
}

// Append appends the message.
func (a *ARP) Append(b []byte) ([]byte, error) {
	if !a.SenderIP.Is4() || !a.TargetIP.Is4() {
		return b, &Error{"arp", fmt.Sprintf("from %v to %v", a.SenderIP, a.TargetIP), ErrOther}
	}
	sender, target := a.SenderIP.As4(), a.TargetIP.As4()
	b = append(b, 0, 1, 8, 0, 6, 4)
	b = binary.BigEndian.AppendUint16(b, a.Op)
	b = append(append(b, a.SenderMAC[:]...), sender[:]...)
	b = append(append(b, a.TargetMAC[:]...), target[:]...)
	return b, nil
}
