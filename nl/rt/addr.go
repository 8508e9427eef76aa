package rt

import (
	"net/netip"

	"github.com/netfs-project/netfs/nl/attr"
)

// IfAddrMsg is struct ifaddrmsg (linux/if_addr.h).
//
//nl:struct
type IfAddrMsg struct {
	Family    uint8
	PrefixLen uint8
	Flags     uint8 // see Addr.Flags
	Scope     uint8 // RT_SCOPE_HOST ...
	Index     int32 // of the link
}

// An Addr is one address of a link.
//
//nl:message RTM_NEWADDR RTM_DELADDR RTM_GETADDR
type Addr struct {
	Hdr IfAddrMsg `nl:"header"`

	// Address is the address of the subnet: Local, or the other end of a point-to-point link.
	Address    netip.Addr   `nl:"IFA_ADDRESS"`
	Local      netip.Addr   `nl:"IFA_LOCAL"` // IPv6 leaves it out unless there is a peer
	Broadcast  netip.Addr   `nl:"IFA_BROADCAST"`
	Anycast    netip.Addr   `nl:"IFA_ANYCAST,nosend"`
	Multicast  netip.Addr   `nl:"IFA_MULTICAST,nosend"`
	Label      string       `nl:"IFA_LABEL"`
	Flags      uint32       `nl:"IFA_FLAGS,over=Hdr.Flags"` // IFA_F_PERMANENT ...
	Priority   uint32       `nl:"IFA_RT_PRIORITY"`          // metric of the prefix route
	Proto      uint8        `nl:"IFA_PROTO"`                // IFAPROT_KERNEL_LL ...
	CacheInfo  IfaCacheInfo `nl:"IFA_CACHEINFO"`
	TargetNSID int32        `nl:"IFA_TARGET_NETNSID"`

	Has  AddrSet
	Rest []attr.Raw `nl:"rest"`
}

// Forever is a lifetime without end.
const Forever = 0xffffffff

// IfaCacheInfo is struct ifa_cacheinfo. Lifetimes are in seconds, or Forever.
//
//nl:struct
type IfaCacheInfo struct {
	Preferred uint32
	Valid     uint32
	Created   uint32 // since boot, 1/100 s
	Updated   uint32
}

// Prefix returns the address as it is configured: the local one and the prefix length.
func (m *Addr) Prefix() netip.Prefix {
	return netip.PrefixFrom(m.LocalAddr(), int(m.Hdr.PrefixLen))
}

// LocalAddr returns the address that the link has.
func (m *Addr) LocalAddr() netip.Addr {
	if m.Local.IsValid() {
		return m.Local
	}
	return m.Address
}

// Peer returns the other end of a point-to-point address, the zero Addr if it is not one.
func (m *Addr) Peer() netip.Addr {
	if !m.Local.IsValid() || m.Local == m.Address {
		return netip.Addr{}
	}
	return m.Address
}

// Family returns the AF_ constant of an address, AF_UNSPEC for the zero Addr.
func Family(a netip.Addr) uint8 {
	switch {
	case a.Is4():
		return AF_INET
	case a.IsValid():
		return AF_INET6
	}
	return AF_UNSPEC
}
