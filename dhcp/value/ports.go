package value

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Ports are the ports of an address that many share. Source: RFC 7597 5.1, RFC 7598 4.5, RFC 7618 3.
type Ports struct {
	Offset uint8  // leading bits of a port that must not be all zero, 0 to 15
	Bits   uint8  // of the PSID, 0 to 16
	PSID   uint16 // the number of the set, right-justified
}

const portsLen = 4

// ReadPorts reads 4 bytes.
func ReadPorts(v []byte) (Ports, error) {
	if len(v) != portsLen {
		return Ports{}, fmt.Errorf("%d bytes, not %d", len(v), portsLen)
	}
	p := Ports{Offset: v[0], Bits: v[1]}
	if p.Bits <= 16 {
		p.PSID = uint16(uint32(binary.BigEndian.Uint16(v[2:])) >> (16 - p.Bits))
	}
	return p, p.check()
}

func (p Ports) check() error {
	if p.Offset > 15 || p.Bits > 16 || int(p.Offset)+int(p.Bits) > 16 || uint32(p.PSID)>>p.Bits != 0 {
		return fmt.Errorf("PSID %d of %d bits behind %d", p.PSID, p.Bits, p.Offset)
	}
	return nil
}

// Append appends 4 bytes.
func (p Ports) Append(b []byte) ([]byte, error) {
	if err := p.check(); err != nil {
		return b, err
	}
	return binary.BigEndian.AppendUint16(append(b, p.Offset, p.Bits), uint16(uint32(p.PSID)<<(16-p.Bits))), nil
}

// AppendText appends 6/8/52: offset, bits of the PSID, PSID.
func (p Ports) AppendText(b []byte) []byte {
	return fmt.Appendf(b, "%d/%d/%d", p.Offset, p.Bits, p.PSID)
}

// ParsePorts reads what AppendText writes.
func ParsePorts(s string) (Ports, error) {
	w := strings.Split(s, "/")
	var n [3]uint64
	for i := range n {
		var err error
		if len(w) == len(n) {
			n[i], err = strconv.ParseUint(w[i], 10, [...]int{8, 8, 16}[i])
		}
		if len(w) != len(n) || err != nil {
			return Ports{}, fmt.Errorf("%q: not OFFSET/BITS/PSID", s)
		}
	}
	p := Ports{uint8(n[0]), uint8(n[1]), uint16(n[2])}
	return p, p.check()
}
