package bsd

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
)

// The sockaddrs of a message, by their number. Bit 1<<n of a header's addrs says
// that it is there; in a message they have the order of these numbers.
const (
	RTAX_DST     = 0
	RTAX_GATEWAY = 1
	RTAX_NETMASK = 2
	RTAX_GENMASK = 3
	RTAX_IFP     = 4 // the link, by name
	RTAX_IFA     = 5 // its address
	RTAX_AUTHOR  = 6 // of a redirect
	RTAX_BRD     = 7 // broadcast address, or the other end

	// OpenBSD.
	RTAX_SRC     = 8
	RTAX_SRCMASK = 9
	RTAX_LABEL   = 10
	RTAX_BFD     = 11
	RTAX_DNS     = 12
	RTAX_STATIC  = 13
	RTAX_SEARCH  = 14

	// NetBSD.
	RTAX_TAG = 8

	// DragonFly.
	RTAX_MPLS1 = 8
	RTAX_MPLS2 = 9
	RTAX_MPLS3 = 10

	axes = 16
)

const (
	afInet = 2
	afLink = 18
)

// Sockaddrs are the addresses of a message.
type Sockaddrs struct {
	bits  uint32
	slots [axes][]byte // with their padding
}

// Addrs returns which there are: RTA_*, 1<<RTAX_*.
func (s *Sockaddrs) Addrs() uint32 { return s.bits }

// Has reports whether there is one.
func (s *Sockaddrs) Has(i int) bool { return s.bits>>i&1 != 0 }

// At returns one, or nil.
func (s *Sockaddrs) At(i int) Sockaddr {
	b := s.slots[i]
	if len(b) == 0 {
		return nil
	}
	return Sockaddr(b[:min(int(b[0]), len(b))])
}

// Set sets one. What is longer or shorter than it says is copied, and made to say
// how long it is.
func (s *Sockaddrs) Set(i int, a Sockaddr) {
	s.bits |= 1 << i
	a = a[:min(len(a), 255)]
	switch {
	case len(a) == 0:
		a = zeroSockaddr
	case int(a[0]) != len(a):
		a = slices.Clone(a)
		a[0] = byte(len(a))
	}
	s.slots[i] = a
}

var zeroSockaddr = Sockaddr{0}

// Unset removes one.
func (s *Sockaddrs) Unset(i int) {
	s.bits &^= 1 << i
	s.slots[i] = nil
}

// A Sockaddr is an address as it is on the wire, without padding: length, family,
// and what the family says. It may be cut short, and be empty.
type Sockaddr []byte

// Family returns AF_*, this system's number.
func (a Sockaddr) Family() uint8 {
	if len(a) < 2 {
		return 0
	}
	return a[1]
}

// full copies an address that may be cut short to its full length.
func (a Sockaddr) full(b []byte) { copy(b, a) }

// Addr returns the address of a sockaddr_in or sockaddr_in6, the zero Addr if it is
// another. The zone of a link-local one is the number of its link, wherever this
// system keeps it.
func (l *Layout) Addr(a Sockaddr) netip.Addr {
	switch a.Family() {
	case afInet:
		var b [16]byte
		a.full(b[:])
		return netip.AddrFrom4([4]byte(b[4:8]))
	case l.AFInet6:
		var b [28]byte
		a.full(b[:])
		ip := [16]byte(b[8:24])
		zone := l.order.Uint32(b[24:28])
		if scoped(ip) {
			if in := uint32(binary.BigEndian.Uint16(ip[2:4])); in != 0 && l.Embedded {
				ip[2], ip[3], zone = 0, 0, in
			}
		}
		addr := netip.AddrFrom16(ip)
		if zone != 0 {
			addr = addr.WithZone(strconv.FormatUint(uint64(zone), 10))
		}
		return addr
	}
	return netip.Addr{}
}

// scoped reports whether an address means something on one link only: unicast
// fe80::/10, multicast of interface or link scope.
func scoped(ip [16]byte) bool {
	if ip[0] == 0xfe {
		return ip[1]&0xc0 == 0x80
	}
	return ip[0] == 0xff && (ip[1]&15 == 1 || ip[1]&15 == 2)
}

// SockaddrOf makes the sockaddr of an address. Its zone, if any, is the number of a
// link; another kind of zone is left out.
func (l *Layout) SockaddrOf(addr netip.Addr) Sockaddr {
	if addr.Is4() {
		b := make([]byte, 16)
		ip := addr.As4()
		b[0], b[1] = 16, afInet
		copy(b[4:], ip[:])
		return b
	}
	b := make([]byte, 28)
	ip := addr.As16()
	b[0], b[1] = 28, l.AFInet6
	zone, _ := strconv.ParseUint(addr.Zone(), 10, 16)
	if scoped(ip) && l.Embedded {
		binary.BigEndian.PutUint16(ip[2:4], uint16(zone))
	} else {
		l.order.PutUint32(b[24:], uint32(zone))
	}
	copy(b[8:], ip[:])
	return b
}

// Mask makes the netmask of a prefix of n bits: a whole sockaddr, which every
// system takes.
func (l *Layout) Mask(n int, is6 bool) Sockaddr {
	size, family, at := 16, uint8(afInet), 4
	if is6 {
		size, family, at = 28, l.AFInet6, 8
	}
	b := make([]byte, size)
	b[0], b[1] = byte(size), family
	for i := at; n > 0; i, n = i+1, n-8 {
		b[i] = ^byte(0) << (8 - min(n, 8))
	}
	return b
}

// MaskBits returns the length of a netmask; false if it has holes. Kernels leave
// the mask's zero bytes at the end away, and put anything in place of its family,
// so that is6 tells it.
func MaskBits(a Sockaddr, is6 bool) (int, bool) {
	at, end := 4, 8
	if is6 {
		at, end = 8, 24
	}
	n, done := 0, false
	for i := at; i < min(end, len(a)); i++ {
		ones := bits.LeadingZeros8(^a[i])
		if done && a[i] != 0 || a[i] != ^byte(0)<<(8-ones) {
			return 0, false
		}
		n += ones
		done = done || ones < 8
	}
	return n, true
}

// Prefix returns what a message is about: DST with NETMASK of a route, IFA with
// NETMASK of an address. Without a mask it is one host. It is false if there is no
// such address, or the mask has holes.
func (l *Layout) Prefix(h *Header) (netip.Prefix, bool) {
	axis := RTAX_DST
	if h.Op == OpNewAddr || h.Op == OpDelAddr || h.Op == OpChgAddr {
		axis = RTAX_IFA
	}
	addr := l.Addr(h.At(axis))
	if !addr.IsValid() && h.Has(axis) && len(h.At(axis)) < 2 {
		addr = l.unspecified(h)
	}
	if !addr.IsValid() {
		return netip.Prefix{}, false
	}
	n, ok := addr.BitLen(), true
	if h.Has(RTAX_NETMASK) {
		n, ok = MaskBits(h.At(RTAX_NETMASK), addr.Is6())
	}
	return netip.PrefixFrom(addr.WithZone(""), n), ok
}

// unspecified is the destination of a default route whose sockaddr is empty: of the
// family that the others have.
func (l *Layout) unspecified(h *Header) netip.Addr {
	for _, i := range []int{RTAX_GATEWAY, RTAX_IFA, RTAX_NETMASK} {
		switch h.At(i).Family() {
		case afInet:
			return netip.IPv4Unspecified()
		case l.AFInet6:
			return netip.IPv6Unspecified()
		}
	}
	return netip.Addr{}
}

// A Link is what a sockaddr_dl says (net/if_dl.h).
type Link struct {
	Index uint16
	Type  uint8 // IFT_*
	Name  string
	Addr  []byte // link-layer address, borrowed
}

// Link reads a sockaddr_dl; false if it is another.
func (l *Layout) Link(a Sockaddr) (Link, bool) {
	if a.Family() != afLink || len(a) < 8 {
		return Link{}, false
	}
	k := Link{Index: l.order.Uint16(a[2:]), Type: a[4]}
	nlen, alen := int(a[5]), int(a[6])
	if nlen == 0xff { // does not matter (net/if_dl.h)
		nlen = 0
	}
	if alen == 0xff {
		alen = 0
	}
	data := a[8:]
	if nlen <= len(data) {
		k.Name = cString(data[:nlen])
		if alen <= len(data)-nlen && alen > 0 {
			k.Addr = data[nlen : nlen+alen]
		}
	}
	return k, true
}

// SockaddrOfLink makes a sockaddr_dl, at least as long as this kernel takes.
func (l *Layout) SockaddrOfLink(k Link) Sockaddr {
	n := max(8+len(k.Name)+len(k.Addr), l.LinkSize)
	b := make([]byte, n)
	b = b[:min(n, 255)]
	b[0], b[1] = byte(len(b)), afLink
	l.order.PutUint16(b[2:], k.Index)
	b[4], b[5], b[6] = k.Type, byte(len(k.Name)), byte(len(k.Addr))
	copy(b[8+copy(b[8:], k.Name):], k.Addr)
	return b
}

// MPLSLabel returns the label of a sockaddr_mpls (netmpls/mpls.h): the upper 20 bits
// of a shim, highest byte first.
func (l *Layout) MPLSLabel(a Sockaddr) (uint32, bool) {
	if l.AFMPLS == 0 || a.Family() != l.AFMPLS || len(a) < 8 {
		return 0, false
	}
	return binary.BigEndian.Uint32(a[4:]) >> 12, true
}

// Text returns what sockaddr_rtlabel, sockaddr_rtsearch and their like of OpenBSD
// (net/route.h) hold behind length and family.
func (a Sockaddr) Text() string {
	if len(a) < 2 {
		return ""
	}
	return cString(a[2:])
}
