package v4

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Layout of a message. Source: RFC 2131 2.
const (
	offSName   = 44
	offFile    = 108
	offCookie  = 236
	offOptions = 240

	lenCHAddr = 16
	lenSName  = offFile - offSName
	lenFile   = offCookie - offFile

	cookie = 0x63825363
	minLen = 300 // of a BOOTP message; old relays and servers drop shorter ones (RFC 1542 2.1)
)

// An Op is the direction of a message.
type Op uint8

const (
	BootRequest Op = 1 // from a client
	BootReply   Op = 2 // from a server
)

// FlagBroadcast asks the server to broadcast its answer: for clients that
// cannot receive a unicast before they have the address. RFC 2131 4.1.
const FlagBroadcast = 0x8000

// Hardware types. Source: linux/if_arp.h, ARPHRD_*.
const (
	Ethernet   = 1
	Infiniband = 32 // CHAddr is empty then: its addresses have 20 bytes, RFC 4390
)

// A Message is a message of DHCPv4 or BOOTP. The zero addresses of the wire
// decode as 0.0.0.0; the zero netip.Addr is sent as that.
type Message struct {
	Op     Op
	HType  uint8 // Ethernet, Infiniband
	Hops   uint8
	XID    uint32
	Secs   uint16           // since the client began
	Flags  uint16           // FlagBroadcast
	CIAddr netip.Addr       // the client's, if it can answer ARP there
	YIAddr netip.Addr       // what the client gets
	SIAddr netip.Addr       // of the next server of a boot: not the DHCP server, see Options.ServerID
	GIAddr netip.Addr       // of the relay
	CHAddr net.HardwareAddr // at most 16 bytes; its length is hlen
	SName  string           // at most 64 bytes; empty if the field held options
	File   string           // at most 128 bytes; empty if the field held options

	Options Options

	// Damage is what Decode found wrong with the framing of the options, if anything. Options has
	// those before it. Append does not look at it.
	Damage error
}

// Decode returns the message in b, which it copies.
func Decode(b []byte) (*Message, error) {
	m := &Message{Options: make(Options, 0, 16)} // most have less
	if err := m.Decode(slices.Clone(b)); err != nil {
		return nil, err
	}
	return m, nil
}

// Decode reads the message in b, and borrows b for its hardware address and the values of its
// options. The memory of m.Options is used again. After an error m is good for nothing
// but another Decode.
//
// Bytes behind the end option are ignored, and its absence. An option that ends behind
// its field is Damage: servers exist that send one and rubbish behind it, and all
// clients that are in use take what is before. It is left out, and so is whatever may have lost
// a part with it: earlier parts of the same option, an option whose last part is as long as a part
// can be, and File and SName if they may have been meant to hold options.
func (m *Message) Decode(b []byte) error {
	if len(b) < offOptions {
		return fmt.Errorf("%d bytes are too few for a message", len(b))
	}
	if c := binary.BigEndian.Uint32(b[offCookie:]); c != cookie {
		return fmt.Errorf("no DHCP message: its cookie is %08x", c)
	}
	op, hlen := Op(b[0]), int(b[2])
	if op != BootRequest && op != BootReply {
		return fmt.Errorf("op %d is neither request nor reply", op)
	}
	if hlen > lenCHAddr {
		return fmt.Errorf("a hardware address of %d bytes", hlen)
	}
	*m = Message{
		Op:      op,
		HType:   b[1],
		Hops:    b[3],
		XID:     binary.BigEndian.Uint32(b[4:]),
		Secs:    binary.BigEndian.Uint16(b[8:]),
		Flags:   binary.BigEndian.Uint16(b[10:]),
		CIAddr:  addrAt(b, 12),
		YIAddr:  addrAt(b, 16),
		SIAddr:  addrAt(b, 20),
		GIAddr:  addrAt(b, 24),
		CHAddr:  net.HardwareAddr(b[28 : 28+hlen : 28+hlen]),
		Options: m.Options[:0],
	}
	r := reader{list: m.Options}
	r.field(b[offOptions:], "options")
	if r.overload&inFile != 0 {
		r.field(b[offFile:offCookie], "file")
	} else if r.damage == nil {
		m.File = cString(b[offFile:offCookie])
	}
	if r.overload&inSName != 0 {
		r.field(b[offSName:offFile], "sname")
	} else if r.damage == nil {
		m.SName = cString(b[offSName:offFile])
	}
	r.mend()
	m.Options, m.Damage = r.list, r.damage
	return nil
}

func addrAt(b []byte, at int) netip.Addr { return netip.AddrFrom4([4]byte(b[at:])) }

// cString is the string in a field that a zero ends, or the field.
func cString(b []byte) string {
	if i := slices.Index(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// Bits of option 52.
const (
	inFile  = 1
	inSName = 2
)

// A reader collects the options of the fields that may hold them.
type reader struct {
	list     Options
	overload uint8
	at       [256]uint16 // 1 + the index of the first of each code
	owned    [256]bool   // its bytes are a copy that may grow
	open     [256]bool   // its last part could not be longer: another may follow
	damage   error       // the first
}

// field reads one field; name is for errors.
func (r *reader) field(b []byte, name string) {
	for i := 0; i < len(b); {
		c := Code(b[i])
		if c == optPad {
			i++
			continue
		}
		if c == optEnd {
			return
		}
		if i+2 > len(b) || i+2+int(b[i+1]) > len(b) {
			r.open[c] = true
			if r.damage == nil {
				r.damage = fmt.Errorf("%v: longer than the field %q", c, name)
			}
			return
		}
		n := int(b[i+1])
		r.add(c, b[i+2:i+2+n:i+2+n], name)
		r.open[c] = n == 255
		i += 2 + n
	}
}

// mend leaves out of damaged options those that may lack a part.
func (r *reader) mend() {
	if r.damage == nil {
		return
	}
	r.list = slices.DeleteFunc(r.list, func(o Option) bool { return r.open[o.Code] && Describe(o.Code).Max > 255 })
}

// add puts an option where it belongs: one that comes again is the rest of a
// long one (RFC 3396 7), unless its kind cannot be that long. Then it is a
// repetition, and stands for itself behind the first, which counts.
func (r *reader) add(c Code, v []byte, field string) {
	if c == OptOverload {
		if field == "options" && len(v) == 1 && v[0] <= inFile|inSName {
			r.overload |= v[0]
		}
		return
	}
	i := int(r.at[c]) - 1
	if i < 0 {
		r.list = append(r.list, Option{c, v})
		r.at[c] = uint16(len(r.list))
		return
	}
	o := &r.list[i]
	if len(o.Data)+len(v) > Describe(c).Max {
		r.list = append(r.list, Option{c, v})
		return
	}
	if !r.owned[c] {
		o.Data, r.owned[c] = slices.Clip(o.Data), true
	}
	o.Data = append(o.Data, v...)
}

const (
	headers    = 28   // IPv4 and UDP
	minSize    = 576  // what every host takes, RFC 2131 2
	maxMTU     = 1500 // Ethernet's
	maxMessage = 0xffff
)

// Append appends the encoding of m, at most as long as an Ethernet frame can
// carry, and at least 300 bytes, which old relays and servers want.
func (m *Message) Append(b []byte) ([]byte, error) { return m.AppendMax(b, maxMTU) }

// AppendMax appends the encoding of m for a receiver that takes IP packets of
// size bytes (what its option 57 said, or 576). Options that find no room go to the fields
// file and sname, if these are empty; a message that is still too long is an
// error. Less than 576 counts as 576.
func (m *Message) AppendMax(b []byte, size int) ([]byte, error) {
	if err := m.check(); err != nil {
		return b, err
	}
	size = min(max(size, minSize), maxMessage) - headers
	start := len(b)
	b = m.appendHeader(b)
	n, err := m.Options.size()
	if err != nil {
		return b[:start], err
	}
	if offOptions+n+1 <= size {
		b = append(m.Options.appendAll(b), byte(optEnd))
	} else if b, err = m.overload(b, start, size); err != nil {
		return b[:start], err
	}
	for len(b)-start < minLen {
		b = append(b, byte(optPad))
	}
	return b, nil
}

// check refuses what the fixed fields cannot hold.
func (m *Message) check() error {
	for _, f := range [...]struct {
		name string
		addr netip.Addr
	}{{"ciaddr", m.CIAddr}, {"yiaddr", m.YIAddr}, {"siaddr", m.SIAddr}, {"giaddr", m.GIAddr}} {
		if f.addr.IsValid() && !f.addr.Is4() {
			return fmt.Errorf("%s: %v is not an IPv4 address", f.name, f.addr)
		}
	}
	switch {
	case m.Op != BootRequest && m.Op != BootReply:
		return fmt.Errorf("op %d is neither request nor reply", m.Op)
	case len(m.CHAddr) > lenCHAddr:
		return fmt.Errorf("a hardware address of %d bytes, at most 16 fit", len(m.CHAddr))
	case len(m.SName) > lenSName || strings.IndexByte(m.SName, 0) >= 0:
		return fmt.Errorf("sname %q: more than %d bytes, or a zero in it", m.SName, lenSName)
	case len(m.File) > lenFile || strings.IndexByte(m.File, 0) >= 0:
		return fmt.Errorf("file %q: more than %d bytes, or a zero in it", m.File, lenFile)
	}
	return nil
}

var zeros [lenFile]byte

func (m *Message) appendHeader(b []byte) []byte {
	b = append(b, byte(m.Op), m.HType, byte(len(m.CHAddr)), m.Hops)
	b = binary.BigEndian.AppendUint32(b, m.XID)
	b = binary.BigEndian.AppendUint16(b, m.Secs)
	b = binary.BigEndian.AppendUint16(b, m.Flags)
	for _, a := range [...]netip.Addr{m.CIAddr, m.YIAddr, m.SIAddr, m.GIAddr} {
		if !a.IsValid() {
			a = netip.IPv4Unspecified()
		}
		a4 := a.As4()
		b = append(b, a4[:]...)
	}
	b = append(append(b, m.CHAddr...), zeros[:lenCHAddr-len(m.CHAddr)]...)
	b = append(append(b, m.SName...), zeros[:lenSName-len(m.SName)]...)
	b = append(append(b, m.File...), zeros[:lenFile-len(m.File)]...)
	return binary.BigEndian.AppendUint32(b, cookie)
}

// An area is one of the fields that hold options.
type area struct {
	b   []byte // what is written, within the capacity; an end option still fits
	bit uint8  // of option 52
}

func (a *area) room() int { return cap(a.b) - len(a.b) }

func (a *area) put(c Code, v []byte) {
	a.b = append(append(a.b, byte(c), byte(len(v))), v...)
}

// overload writes the options into as many fields as it takes. b is the header,
// at start. An option goes whole into the first field that has room for it; if
// none has, or it is longer than 255 bytes, it is cut.
func (m *Message) overload(b []byte, start, size int) ([]byte, error) {
	const mark = 3 // option 52
	areas := make([]area, 1, 3)
	areas[0] = area{b: make([]byte, 0, size-offOptions-1-mark)}
	if m.File == "" {
		areas = append(areas, area{b: make([]byte, 0, lenFile-1), bit: inFile})
	}
	if m.SName == "" {
		areas = append(areas, area{b: make([]byte, 0, lenSName-1), bit: inSName})
	}
	for o := range m.Options.ordered() {
		if !place(areas, o) {
			return b, fmt.Errorf("%v: no room for its %d bytes in a message of %d", o.Code, len(o.Data), size)
		}
	}
	var bits uint8
	for _, a := range areas[1:] {
		if len(a.b) > 0 {
			bits |= a.bit
			at := start + offFile
			if a.bit == inSName {
				at = start + offSName
			}
			n := copy(b[at:], a.b)
			b[at+n] = byte(optEnd)
		}
	}
	main := areas[0].b
	if len(main) > 2 && Code(main[0]) == OptMessageType {
		b, main = append(b, main[:2+int(main[1])]...), main[2+int(main[1]):]
	}
	b = append(b, byte(OptOverload), 1, bits)
	return append(append(b, main...), byte(optEnd)), nil
}

// place writes an option into the areas, and reports whether there was room.
func place(areas []area, o Option) bool {
	if len(o.Data) <= 255 {
		for i := range areas {
			if areas[i].room() >= 2+len(o.Data) {
				areas[i].put(o.Code, o.Data)
				return true
			}
		}
	}
	if len(o.Data) == 0 {
		return false
	}
	v := o.Data
	for i := range areas {
		for areas[i].room() > 2 && len(v) > 0 {
			n := min(len(v), 255, areas[i].room()-2)
			areas[i].put(o.Code, v[:n])
			v = v[n:]
		}
	}
	return len(v) == 0
}
