// Package rawsock is the sockets of a DHCP client on one Ethernet link: for the time
// when the link has no address (Raw), for ARP (ARP), and for the time when it has one
// (UDP). They read and write packets, and know nothing of leases.
//
//	c, err := rawsock.OpenRaw(rawsock.Link{Index: 2, Name: "eth0", HWAddr: mac})
//	...
//	err = c.Send(discover, netip.Addr{}, allOnes, wire.Broadcast)
//	var p rawsock.Packet
//	err = c.Receive(&p)
//
// The kernel filters before it copies (BPF): a Raw sees whole IPv4 datagrams to port 68
// that are BOOTP replies and that no VLAN of the link owns. Priority tags (VLAN 0) pass. Checksums
// are verified unless they are not finished, as between virtual machines and over veth: Linux says so
// (PACKET_AUXDATA, packet(7)), elsewhere it is the sum of the pseudo header alone.
//
// Linux has packet sockets, made in the network namespace of the calling thread, or wherever
// Link.Do goes. FreeBSD, OpenBSD, NetBSD, DragonFly and Darwin have /dev/bpf: what this host
// sends is not heard, and where the kernel can it is told to send nothing but what a client
// does, and locked (BIOCSETWF, BIOCLOCK). Its part was compiled, and run as far as Linux can run
// it; on no kernel of theirs.
//
// Limits: Ethernet. Links with other addresses, such as InfiniBand's, and other frames are
// refused. A kernel that does not put a VLAN's tag back into the frame for bpf shows the VLAN's frames
// as the link's own. Only Linux and Darwin bind a UDP to the link it sends over; others follow their
// routes. A bpf device that waits has a thread.
package rawsock

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/netfs-project/netfs/dhcp/wire"
)

// Ports of DHCPv4. Source: RFC 2131 4.1.
const (
	ServerPort = 67
	ClientPort = 68
)

// A Link is what the sockets are bound to.
type Link struct {
	Index  int
	Name   string
	HWAddr net.HardwareAddr
	// Do calls a function on a thread that is in the link's network namespace; nil: the caller
	// is there already.
	Do func(func() error) error
}

func (l *Link) mac() (m wire.MAC, err error) {
	if len(l.HWAddr) != len(m) {
		return m, fmt.Errorf("%s: a hardware address of %d bytes, not Ethernet's 6: %w", l.Name, len(l.HWAddr), errors.ErrUnsupported)
	}
	return wire.MAC(l.HWAddr), nil
}

func (l *Link) do(f func() error) error {
	if l.Do == nil {
		return f()
	}
	return l.Do(f)
}

// A Packet is what a Raw or UDP received. The payload is borrowed until the next.
type Packet struct {
	Src, Dst netip.AddrPort
	From     wire.MAC // of the frame; zero from a UDP
	Payload  []byte
}

// Stats count what a socket dropped, by reason, and what it received with an unfinished
// checksum.
type Stats struct {
	Received, Truncated, Length, Checksum, Fragment, Other, VLAN, Unfinished uint64
	Lost                                                                     uint64 // for want of room, by the kernel
}

// Add returns the sums.
func (s Stats) Add(o Stats) Stats {
	return Stats{
		Received: s.Received + o.Received, Truncated: s.Truncated + o.Truncated, Length: s.Length + o.Length, Checksum: s.Checksum + o.Checksum,
		Fragment: s.Fragment + o.Fragment, Other: s.Other + o.Other, VLAN: s.VLAN + o.VLAN, Unfinished: s.Unfinished + o.Unfinished,
		Lost: s.Lost + o.Lost,
	}
}

// counters are Stats while they are counted.
type counters struct {
	received, truncated, length, checksum, fragment, other, vlan, unfinished atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{
		Received: c.received.Load(), Truncated: c.truncated.Load(), Length: c.length.Load(), Checksum: c.checksum.Load(),
		Fragment: c.fragment.Load(), Other: c.other.Load(), VLAN: c.vlan.Load(), Unfinished: c.unfinished.Load(),
	}
}

func (c *counters) dropped(err error) {
	switch {
	case errors.Is(err, wire.ErrTruncated):
		c.truncated.Add(1)
	case errors.Is(err, wire.ErrLength):
		c.length.Add(1)
	case errors.Is(err, wire.ErrChecksum):
		c.checksum.Add(1)
	case errors.Is(err, wire.ErrFragment):
		c.fragment.Add(1)
	default:
		c.other.Add(1)
	}
}

// An arrival is a frame that a socket received. It is borrowed until the next.
type arrival struct {
	b    []byte
	sums wire.Sums // what is to be done about its checksum
	vlan bool      // the kernel took a VLAN's tag off
}

// decode reads a frame to the client's port.
func (c *counters) decode(frame []byte, p *Packet, sums wire.Sums) bool {
	c.received.Add(1)
	var e wire.Ethernet
	ip, err := e.Decode(frame)
	if err != nil {
		c.dropped(err)
		return false
	}
	if e.VID() != 0 {
		c.vlan.Add(1)
		return false
	}
	if e.Type != wire.TypeIPv4 {
		c.other.Add(1)
		return false
	}
	var d wire.Datagram
	if err := d.Decode(ip, sums); err != nil {
		c.dropped(err)
		return false
	}
	if d.Sum == wire.Unfinished || d.Sum == wire.Unchecked {
		c.unfinished.Add(1)
	}
	if d.Dst.Port() != ClientPort {
		c.other.Add(1)
		return false
	}
	*p = Packet{Src: d.Src, Dst: d.Dst, From: e.Src, Payload: d.Payload}
	return true
}
