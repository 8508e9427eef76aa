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
// are verified unless the kernel says that they are not finished, as between virtual
// machines and over veth (PACKET_AUXDATA, packet(7)).
//
// Sockets are made in the network namespace of the calling thread, or wherever Link.Do goes.
//
// Limits: Linux. Ethernet: links with other addresses, such as InfiniBand's, are refused.
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
}

// Add returns the sums.
func (s Stats) Add(o Stats) Stats {
	return Stats{
		Received: s.Received + o.Received, Truncated: s.Truncated + o.Truncated, Length: s.Length + o.Length, Checksum: s.Checksum + o.Checksum,
		Fragment: s.Fragment + o.Fragment, Other: s.Other + o.Other, VLAN: s.VLAN + o.VLAN, Unfinished: s.Unfinished + o.Unfinished,
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

// decode reads a frame to the client's port. aux says whether the kernel left the checksum
// open.
func (c *counters) decode(frame []byte, p *Packet, unfinished bool) bool {
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
	sums := wire.Verify
	if unfinished {
		sums = wire.Skip
		c.unfinished.Add(1)
	}
	var d wire.Datagram
	if err := d.Decode(ip, sums); err != nil {
		c.dropped(err)
		return false
	}
	if d.Dst.Port() != ClientPort {
		c.other.Add(1)
		return false
	}
	*p = Packet{Src: d.Src, Dst: d.Dst, From: e.Src, Payload: d.Payload}
	return true
}
