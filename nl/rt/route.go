package rt

import (
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/nl/attr"
)

// RtMsg is struct rtmsg (linux/rtnetlink.h).
//
//nl:struct
type RtMsg struct {
	Family   uint8
	DstLen   uint8 // see Route.Dst
	SrcLen   uint8
	TOS      uint8
	Table    uint8 // see Route.Table
	Protocol uint8 // RTPROT_STATIC ...
	Scope    uint8 // RT_SCOPE_LINK ...
	Type     uint8 // RTN_UNICAST ...
	Flags    uint32
}

// A Route is an entry of a routing table, or the answer to a lookup.
//
//nl:message RTM_NEWROUTE RTM_DELROUTE RTM_GETROUTE
//nl:skip RTA_PAD RTA_PROTOINFO RTA_SESSION RTA_MP_ALGO RTA_MFC_STATS
type Route struct {
	Hdr RtMsg `nl:"header"`

	// Dst is the zero Prefix for a default route: the kernel sends no RTA_DST then. See Prefix.
	Dst       netip.Prefix  `nl:"RTA_DST,len=Hdr.DstLen"`
	Src       netip.Prefix  `nl:"RTA_SRC,len=Hdr.SrcLen"`
	Table     uint32        `nl:"RTA_TABLE,over=Hdr.Table"`
	Priority  uint32        `nl:"RTA_PRIORITY"`
	Gateway   netip.Addr    `nl:"RTA_GATEWAY"`
	Via       netip.Addr    `nl:"RTA_VIA,func"` // a gateway of another family than the route's
	OIF       int32         `nl:"RTA_OIF"`
	IIF       int32         `nl:"RTA_IIF"`
	PrefSrc   netip.Addr    `nl:"RTA_PREFSRC"`
	Metrics   Metrics       `nl:"RTA_METRICS"`
	Hops      []Hop         `nl:"RTA_MULTIPATH,records"`
	NHID      uint32        `nl:"RTA_NH_ID"`
	Flow      uint32        `nl:"RTA_FLOW"` // realms: from << 16 | to
	EncapType uint16        `nl:"RTA_ENCAP_TYPE"`
	Encap     []byte        `nl:"RTA_ENCAP"` // see EncapIP, EncapMPLS, EncapSeg6
	Pref      uint8         `nl:"RTA_PREF"`  // of router discovery: 0 medium, 1 high, 3 low
	CacheInfo RtaCacheInfo  `nl:"RTA_CACHEINFO,nosend"`
	Expires   time.Duration `nl:"RTA_EXPIRES,unit=s"` // of a request; a dump has CacheInfo.Expires
	NewDst    []byte        `nl:"RTA_NEWDST"`         // labels of MPLS
	TTLProp   uint8         `nl:"RTA_TTL_PROPAGATE"`

	// What a lookup asks with.
	Mark      uint32 `nl:"RTA_MARK"`
	UID       uint32 `nl:"RTA_UID"`
	IPProto   uint8  `nl:"RTA_IP_PROTO"`
	SPort     uint16 `nl:"RTA_SPORT,be"`
	DPort     uint16 `nl:"RTA_DPORT,be"`
	FlowLabel uint32 `nl:"RTA_FLOWLABEL,be"`

	Has  RouteSet
	Rest []attr.Raw `nl:"rest"`
}

// Prefix returns the destination, 0.0.0.0/0 or ::/0 for a default route.
func (m *Route) Prefix() netip.Prefix {
	if m.Dst.IsValid() {
		return m.Dst
	}
	if m.Hdr.Family == AF_INET6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), int(m.Hdr.DstLen))
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), int(m.Hdr.DstLen))
}

// NextHop returns the gateway of either family, the zero Addr if there is none.
func (m *Route) NextHop() netip.Addr {
	if m.Gateway.IsValid() {
		return m.Gateway
	}
	return m.Via
}

// SetNextHop sets Gateway or Via, whichever a has to be for the family of m.
func (m *Route) SetNextHop(a netip.Addr) {
	m.Gateway, m.Via = hopOf(m.Hdr.Family, a)
}

func hopOf(family uint8, a netip.Addr) (gateway, via netip.Addr) {
	if family == Family(a) {
		return a, netip.Addr{}
	}
	return netip.Addr{}, a
}

// Metrics of a route (RTAX_). Lock has the bit 1<<RTAX_MTU ... of those that the kernel
// may not adapt. RTT and RTTVar are in 1/8 and 1/4 ms, RTOMin in ms.
//
//nl:nest
type Metrics struct {
	Lock       uint32 `nl:"RTAX_LOCK"`
	MTU        uint32 `nl:"RTAX_MTU"`
	Window     uint32 `nl:"RTAX_WINDOW"`
	RTT        uint32 `nl:"RTAX_RTT"`
	RTTVar     uint32 `nl:"RTAX_RTTVAR"`
	SSThresh   uint32 `nl:"RTAX_SSTHRESH"`
	Cwnd       uint32 `nl:"RTAX_CWND"`
	AdvMSS     uint32 `nl:"RTAX_ADVMSS"`
	Reordering uint32 `nl:"RTAX_REORDERING"`
	HopLimit   uint32 `nl:"RTAX_HOPLIMIT"`
	InitCwnd   uint32 `nl:"RTAX_INITCWND"`
	Features   uint32 `nl:"RTAX_FEATURES"` // RTAX_FEATURE_ECN ...
	RTOMin     uint32 `nl:"RTAX_RTO_MIN"`
	InitRwnd   uint32 `nl:"RTAX_INITRWND"`
	QuickACK   uint32 `nl:"RTAX_QUICKACK"`
	CCAlgo     string `nl:"RTAX_CC_ALGO"`
	FastOpenNC uint32 `nl:"RTAX_FASTOPEN_NO_COOKIE"`

	Has  MetricsSet
	Rest []attr.Raw `nl:"rest"`
}

// RtNexthop is struct rtnexthop.
//
//nl:struct
type RtNexthop struct {
	Len   uint16 // the encoder's
	Flags uint8  // RTNH_F_ONLINK ...
	Hops  uint8  // the weight less one
	Index int32  // of the link
}

// A Hop is one next hop of a multipath route.
//
//nl:nest
type Hop struct {
	Hdr RtNexthop `nl:"header"`

	Gateway   netip.Addr `nl:"RTA_GATEWAY"`
	Via       netip.Addr `nl:"RTA_VIA,func"`
	Flow      uint32     `nl:"RTA_FLOW"`
	EncapType uint16     `nl:"RTA_ENCAP_TYPE"`
	Encap     []byte     `nl:"RTA_ENCAP"`
	NewDst    []byte     `nl:"RTA_NEWDST"`
	TTLProp   uint8      `nl:"RTA_TTL_PROPAGATE"`

	Has  HopSet
	Rest []attr.Raw `nl:"rest"`
}

// NextHop is Route.NextHop for one of many.
func (m *Hop) NextHop() netip.Addr {
	if m.Gateway.IsValid() {
		return m.Gateway
	}
	return m.Via
}

// SetNextHop is Route.SetNextHop; family is that of the route.
func (m *Hop) SetNextHop(family uint8, a netip.Addr) {
	m.Gateway, m.Via = hopOf(family, a)
}

// RtaCacheInfo is struct rta_cacheinfo. Expires and LastUse are in 1/100 s.
//
//nl:struct
type RtaCacheInfo struct {
	ClntRef uint32
	LastUse uint32
	Expires int32 // 0 never
	Error   uint32
	Used    uint32
	ID      uint32
	TS      uint32
	TSAge   uint32
}

// RTA_VIA is struct rtvia: the family in 16 bits and the address.
func appendVia(b []byte, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	b, n := attr.BeginPlain(b, RTA_VIA)
	b = append(b, attr.AppendU16(nil, 0, uint16(Family(a)))[attr.HeaderLen:attr.HeaderLen+2]...)
	b = append(b, a.AsSlice()...)
	b, _ = attr.End(b, n)
	return b
}

// decodeVia returns the zero Addr for a next hop that is not an IP address.
func decodeVia(v []byte) netip.Addr {
	if len(v) < 2 {
		return netip.Addr{}
	}
	a := attr.Addr(v[2:])
	if uint16(Family(a)) != attr.U16(v[:2]) {
		return netip.Addr{}
	}
	return a
}

func (m *Route) appendVia(b []byte) ([]byte, error) { return appendVia(b, m.Via), nil }

func (m *Route) decodeVia(v []byte) error {
	m.Via = decodeVia(v)
	if !m.Via.IsValid() && m.Has.Has(RouteRest) {
		m.Rest = attr.Keep(m.Rest, RTA_VIA, v)
	}
	return nil
}

func (m *Hop) appendVia(b []byte) ([]byte, error) { return appendVia(b, m.Via), nil }

func (m *Hop) decodeVia(v []byte) error {
	m.Via = decodeVia(v)
	if !m.Via.IsValid() && m.Has.Has(HopRest) {
		m.Rest = attr.Keep(m.Rest, RTA_VIA, v)
	}
	return nil
}

func (*Route) chooseEncap(set []byte) *attr.Schema { return encapSchema(set, RTA_ENCAP_TYPE) }
func (*Hop) chooseEncap(set []byte) *attr.Schema   { return encapSchema(set, RTA_ENCAP_TYPE) }
