package bsd

import (
	"encoding/binary"
	"slices"
	"strings"
)

// A Layout is how one kernel lays out its messages. It does not change and may be
// used by many.
type Layout struct {
	OS       string
	Version  uint8 // RTM_VERSION
	Align    int   // sockaddrs are padded to a multiple of it; an empty one takes as much
	AFRoute  uint8 // family of the routing socket, and of its sysctl
	AFInet6  uint8
	AFMPLS   uint8 // 0: none
	Embedded bool  // link-local IPv6 addresses carry their link in bytes 2 and 3, not in sin6_scope_id
	// LinkSize is the least length of a sockaddr_dl that the kernel takes.
	LinkSize int
	Tables   Tables

	order    byteOrder
	types    []msgType
	lists    map[Dump][]msgType // types that have other forms in the answer to a sysctl
	rtf, iff []bit
	axes     []string // names of the sockaddrs beyond BRD
	dumps    map[Dump]int
	linkUp   uint64 // LINK_STATE_UP, and whatever is above it; 0: links do not say
	ioctls   []ioctl
}

// Tables says where a kernel with several routing tables takes the number of one from.
type Tables uint8

// The ways.
const (
	OneTable     Tables = iota
	SocketTable         // FIBs of FreeBSD: the socket's (SO_SETFIB); no message has it
	MessageTable        // routing tables of OpenBSD: rtm_tableid
)

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// A msgType is one message type of a system.
type msgType struct {
	num  uint8
	op   Op
	name string // without RTM_
	form form
}

// A form is the header of a kind of message: *routeForm, *linkForm, *addrForm,
// *groupForm, *announceForm. Nil: kept whole, as RawMsg.
type form interface {
	size() int
	// hdrlen is where the message says how long its header is.
	hdrlen() pos
	// message returns d's message of this kind, emptied.
	message(d *Decoder) Message
	// code moves the fields of a header and a message; false if the message is of
	// another kind.
	code(c *coder, m Message) bool
}

// A bit is a flag and its name.
type bit struct {
	mask uint32
	name string
}

// A pos is where a field of a header is. Size 0: this system has none.
type pos struct {
	off, size uint8
	low       uint8 // only so many bytes of it, the low ones, mean something; 0: all
}

// Fields of 1, 2, 4 and 8 bytes.
func p1(off uint8) pos { return pos{off: off, size: 1} }
func p2(off uint8) pos { return pos{off: off, size: 2} }
func p4(off uint8) pos { return pos{off: off, size: 4} }
func p8(off uint8) pos { return pos{off: off, size: 8} }

// A Dump is a sysctl of PF_ROUTE (sysctl(3), CTL_NET). Their numbers differ.
type Dump uint8

// The sysctls.
const (
	DumpRoutes    Dump = 1 + iota // NET_RT_DUMP; NET_RT_DUMP2 on Darwin, whose messages tell the kernel's own references apart
	DumpFlags                     // NET_RT_FLAGS: routes that have the flags of the argument
	DumpLinks                     // NET_RT_IFLIST: links and their addresses
	DumpLinksLong                 // NET_RT_IFLISTL of FreeBSD, NET_RT_IFLIST2 of Darwin: with all counters
	DumpMaddrs                    // NET_RT_IFMALIST of FreeBSD
	DumpStats                     // NET_RT_STATS
	DumpTable                     // NET_RT_TABLE of OpenBSD: about one routing table
)

// Sysctl returns the number of a sysctl, or false where the system has none.
func (l *Layout) Sysctl(d Dump) (int, bool) {
	n, ok := l.dumps[d]
	return n, ok
}

// For returns the layout of the answer to a sysctl, which on FreeBSD has other
// headers than the routing socket (if_msghdrl, net/if.h).
func (l *Layout) For(d Dump) *Layout {
	types, ok := l.lists[d]
	if !ok {
		return l
	}
	c := *l
	c.types = types
	return &c
}

func (l *Layout) find(num uint8) *msgType {
	for i := range l.types {
		if l.types[i].num == num {
			return &l.types[i]
		}
	}
	return nil
}

// Type returns the number of the messages with op, or false where the system has
// none.
func (l *Layout) Type(op Op) (uint8, bool) {
	for i := range l.types {
		if l.types[i].op == op && op != OpNone {
			return l.types[i].num, true
		}
	}
	return 0, false
}

// Types returns the numbers of all messages with one of ops.
func (l *Layout) Types(ops ...Op) (nums []uint8) {
	for i := range l.types {
		if t := &l.types[i]; t.op != OpNone && slices.Contains(ops, t.op) {
			nums = append(nums, t.num)
		}
	}
	return nums
}

// TypeName returns the name of a message type, as RTM_ADD, or "" if the tables have
// none.
func (l *Layout) TypeName(num uint8) string {
	if t := l.find(num); t != nil {
		return "RTM_" + t.name
	}
	return ""
}

// RTF returns the bit of a route's flag by its name in lower case, without RTF_;
// 0 where the system has none.
func (l *Layout) RTF(name string) uint32 { return maskOf(l.rtf, name) }

// IFF returns the bit of a link's flag by its name in lower case, without IFF_; 0
// where the system has none.
func (l *Layout) IFF(name string) uint32 { return maskOf(l.iff, name) }

// Carrier tells a link's state: whether it is known, and up (LINK_STATE_*, net/if.h).
func (l *Layout) Carrier(state uint64) (up, known bool) {
	return state >= l.linkUp, l.linkUp != 0 && state != 0
}

func maskOf(bits []bit, name string) uint32 {
	for _, b := range bits {
		if b.name == name {
			return b.mask
		}
	}
	return 0
}

// RouteFlags yields the names of the flags of a route that are set; one that has no
// name is a hexadecimal number.
func (l *Layout) RouteFlags(f uint32) []string { return names(l.rtf, f) }

// LinkFlags does so for the flags of a link.
func (l *Layout) LinkFlags(f uint32) []string { return names(l.iff, f) }

func names(bits []bit, f uint32) []string {
	all := []string{}
	for i := range 32 {
		m := uint32(1) << i
		if f&m == 0 {
			continue
		}
		all = append(all, bitName(bits, m))
	}
	return all
}

func bitName(bits []bit, m uint32) string {
	for _, b := range bits {
		if b.mask == m {
			return b.name
		}
	}
	return "0x" + strings.TrimLeft(hex32(m), "0")
}

func hex32(n uint32) string {
	const digits = "0123456789abcdef"
	var b [8]byte
	for i := range b {
		b[i] = digits[n>>(28-4*i)&15]
	}
	return string(b[:])
}

// AxisName returns the header's name of a sockaddr, without RTAX_, or "".
func (l *Layout) AxisName(i int) string {
	all := commonAxes
	if i >= len(all) {
		i -= len(all)
		all = l.axes
	}
	if i < 0 || i >= len(all) {
		return ""
	}
	return all[i]
}

var commonAxes = []string{"DST", "GATEWAY", "NETMASK", "GENMASK", "IFP", "IFA", "AUTHOR", "BRD"}

// Slot returns how many bytes a sockaddr of n takes in a message.
func (l *Layout) Slot(n int) int {
	return max(n+l.Align-1, l.Align) / l.Align * l.Align
}
