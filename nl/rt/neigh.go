package rt

import (
	"context"
	"iter"
	"net"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// NdMsg is struct ndmsg (linux/neighbour.h).
//
//nl:struct
type NdMsg struct {
	Family uint8 // AF_BRIDGE: an entry of a forwarding database
	_      [3]uint8
	Index  int32  // of the link
	State  uint16 // NUD_REACHABLE ...
	Flags  uint8  // NTF_PROXY ...
	Type   uint8  // RTN_UNICAST ...
}

// A Neigh says which link-layer address a neighbour has; of family AF_BRIDGE, where
// a link-layer address is.
//
//nl:message RTM_NEWNEIGH RTM_DELNEIGH RTM_GETNEIGH
type Neigh struct {
	Hdr NdMsg `nl:"header"`

	Dst       netip.Addr       `nl:"NDA_DST"` // of a vxlan's entry: the remote end
	LLAddr    net.HardwareAddr `nl:"NDA_LLADDR"`
	Probes    uint32           `nl:"NDA_PROBES,nosend"`
	CacheInfo NdaCacheInfo     `nl:"NDA_CACHEINFO,nosend"`
	Protocol  uint8            `nl:"NDA_PROTOCOL"`  // who made it: RTPROT_ZEBRA ...
	FlagsExt  uint32           `nl:"NDA_FLAGS_EXT"` // NTF_EXT_MANAGED ...

	VLAN     uint16   `nl:"NDA_VLAN"`
	Port     uint16   `nl:"NDA_PORT,be"`
	VNI      uint32   `nl:"NDA_VNI"`
	SrcVNI   uint32   `nl:"NDA_SRC_VNI"`
	IfIndex  int32    `nl:"NDA_IFINDEX"` // the link that a vxlan's entry goes out of
	Master   int32    `nl:"NDA_MASTER"`
	LinkNSID int32    `nl:"NDA_LINK_NETNSID"`
	NHID     uint32   `nl:"NDA_NH_ID"`
	FDBExt   FDBAttrs `nl:"NDA_FDB_EXT_ATTRS"`

	StateMask uint16 `nl:"NDA_NDM_STATE_MASK"` // of a deletion with nl.FlagBulk
	FlagsMask uint8  `nl:"NDA_NDM_FLAGS_MASK"`

	Has  NeighSet
	Rest []attr.Raw `nl:"rest"`
}

// FDBAttrs says how activity of a forwarding entry is watched.
//
//nl:nest
type FDBAttrs struct {
	Notify      uint8 `nl:"NFEA_ACTIVITY_NOTIFY"` // FDB_NOTIFY_BIT ...
	DontRefresh bool  `nl:"NFEA_DONT_REFRESH,flag"`
	Has         FDBAttrsSet
}

// NdaCacheInfo is struct nda_cacheinfo: times since, in 1/100 s.
//
//nl:struct
type NdaCacheInfo struct {
	Confirmed uint32
	Used      uint32
	Updated   uint32
	RefCnt    uint32
}

// A NeighFilter says which neighbours a dump is for. The zero value is all of IPv4 and IPv6 but proxies.
type NeighFilter struct {
	Family uint8
	Index  int32 // of the link
	Master int32 // of the link's bridge, vrf ...
	Proxy  bool  // proxies, and nothing else
	Rest   bool  // keep unknown attributes in Rest
}

// Neighs yields the neighbours that f describes, borrowed until the next step. The order is that
// of the kernel's hash tables, which is nobody's.
func Neighs(ctx context.Context, c *nl.Client, f NeighFilter) iter.Seq2[*Neigh, error] {
	q := &Neigh{IfIndex: f.Index, Master: f.Master}
	q.Hdr.Family = f.Family
	if f.Proxy {
		q.Hdr.Flags = NTF_PROXY
	}
	m := &Neigh{}
	if f.Rest {
		m.Has = NeighRest
	}
	return dump(ctx, c, nl.Request{Type: RTM_GETNEIGH, Body: q}, RTM_NEWNEIGH, m, f.match)
}

func (f *NeighFilter) match(m *Neigh) bool {
	return (f.Index == 0 || m.Hdr.Index == f.Index || f.Family == AF_BRIDGE && m.Master == f.Index) &&
		f.Proxy == (m.Hdr.Flags&NTF_PROXY != 0)
}

// family says whether f is about neighbours of a family.
func (f *NeighFilter) family(a uint8) bool {
	return a == f.Family || f.Family == AF_UNSPEC && (a == AF_INET || a == AF_INET6)
}

// GetNeigh asks for the one entry that q names by Hdr.Index and Dst (or LLAddr, of family AF_BRIDGE) and decodes
// it into m.
func GetNeigh(ctx context.Context, c *nl.Client, q, m *Neigh) error {
	q.fillFamily()
	return get(ctx, c, nl.Request{Type: RTM_GETNEIGH, Body: q}, RTM_NEWNEIGH, m)
}

func (m *Neigh) fillFamily() {
	if m.Hdr.Family == AF_UNSPEC {
		m.Hdr.Family = Family(m.Dst)
	}
}

func (m *Neigh) request(typ, flags uint16) nl.Request {
	m.fillFamily()
	return nl.Request{Type: typ, Flags: flags, Body: m}
}

// Add is the request that makes m. Requests find Hdr.Family from Dst if it is not set.
func (m *Neigh) Add() nl.Request { return m.request(RTM_NEWNEIGH, flagsAdd) }

// Replace is the request that makes m or changes it to be so.
func (m *Neigh) Replace() nl.Request { return m.request(RTM_NEWNEIGH, flagsReplace) }

// Change is the request that changes m, which must be there.
func (m *Neigh) Change() nl.Request { return m.request(RTM_NEWNEIGH, flagsChange) }

// Append is the request that gives a forwarding entry of a vxlan one more destination.
func (m *Neigh) Append() nl.Request { return m.request(RTM_NEWNEIGH, flagsAppend) }

// Del is the request that deletes m.
func (m *Neigh) Del() nl.Request { return m.request(RTM_DELNEIGH, 0) }

// NdtMsg is struct ndtmsg.
//
//nl:struct
type NdtMsg struct {
	Family uint8
	_      [3]uint8
}

// A NeighTable holds the parameters of neighbour discovery: of a family (Name, Thresh, Config, Stats), or
// of one link (Parms.IfIndex).
//
//nl:message RTM_NEWNEIGHTBL RTM_GETNEIGHTBL RTM_SETNEIGHTBL
//nl:skip NDTA_PAD
type NeighTable struct {
	Hdr NdtMsg `nl:"header"`

	Name       string        `nl:"NDTA_NAME"` // arp_cache, ndisc_cache
	Thresh1    uint32        `nl:"NDTA_THRESH1"`
	Thresh2    uint32        `nl:"NDTA_THRESH2"`
	Thresh3    uint32        `nl:"NDTA_THRESH3"`
	GCInterval time.Duration `nl:"NDTA_GC_INTERVAL,unit=ms,width=64"`
	Parms      NeighParms    `nl:"NDTA_PARMS"`
	Config     NdtConfig     `nl:"NDTA_CONFIG,nosend"`
	Stats      NdtStats      `nl:"NDTA_STATS,nosend"`

	Has  NeighTableSet
	Rest []attr.Raw `nl:"rest"`
}

// NeighParms are the parameters that each link has a set of.
//
//nl:nest
//nl:skip NDTPA_PAD
type NeighParms struct {
	IfIndex           int32         `nl:"NDTPA_IFINDEX"`
	RefCnt            uint32        `nl:"NDTPA_REFCNT,nosend"`
	ReachableTime     time.Duration `nl:"NDTPA_REACHABLE_TIME,nosend,unit=ms,width=64"`
	BaseReachableTime time.Duration `nl:"NDTPA_BASE_REACHABLE_TIME,unit=ms,width=64"`
	RetransTime       time.Duration `nl:"NDTPA_RETRANS_TIME,unit=ms,width=64"`
	GCStaleTime       time.Duration `nl:"NDTPA_GC_STALETIME,unit=ms,width=64"`
	DelayProbeTime    time.Duration `nl:"NDTPA_DELAY_PROBE_TIME,unit=ms,width=64"`
	IntervalProbeTime time.Duration `nl:"NDTPA_INTERVAL_PROBE_TIME_MS,unit=ms,width=64"`
	AnycastDelay      time.Duration `nl:"NDTPA_ANYCAST_DELAY,unit=ms,width=64"`
	ProxyDelay        time.Duration `nl:"NDTPA_PROXY_DELAY,unit=ms,width=64"`
	LockTime          time.Duration `nl:"NDTPA_LOCKTIME,unit=ms,width=64"`
	QueueLen          uint32        `nl:"NDTPA_QUEUE_LEN"`
	QueueLenBytes     uint32        `nl:"NDTPA_QUEUE_LENBYTES"`
	AppProbes         uint32        `nl:"NDTPA_APP_PROBES"`
	UcastProbes       uint32        `nl:"NDTPA_UCAST_PROBES"`
	McastProbes       uint32        `nl:"NDTPA_MCAST_PROBES"`
	McastReprobes     uint32        `nl:"NDTPA_MCAST_REPROBES"`
	ProxyQLen         uint32        `nl:"NDTPA_PROXY_QLEN"`

	Has  NeighParmsSet
	Rest []attr.Raw `nl:"rest"`
}

// NdtConfig is struct ndt_config.
//
//nl:struct
type NdtConfig struct {
	KeyLen      uint16
	EntrySize   uint16
	Entries     uint32
	LastFlush   uint32 // ms ago
	LastRand    uint32 // ms ago
	HashRnd     uint32
	HashMask    uint32
	HashChainGC uint32
	ProxyQLen   uint32
}

// NdtStats is struct ndt_stats.
//
//nl:struct
type NdtStats struct {
	Allocs, Destroys, HashGrows, ResFailed uint64
	Lookups, Hits                          uint64
	RcvProbesMcast, RcvProbesUcast         uint64
	PeriodicGCRuns, ForcedGCRuns           uint64
	TableFulls                             uint64
}

// NeighTables yields the tables of a family (AF_UNSPEC: of all), borrowed until the next step.
func NeighTables(ctx context.Context, c *nl.Client, family uint8) iter.Seq2[*NeighTable, error] {
	q := &NeighTable{}
	q.Hdr.Family = family
	return dump(ctx, c, nl.Request{Type: RTM_GETNEIGHTBL, Body: q}, RTM_NEWNEIGHTBL, &NeighTable{Has: NeighTableRest}, nil)
}

// Set is the request that changes the table Name, or of Parms.IfIndex its parameters.
func (m *NeighTable) Set() nl.Request { return nl.Request{Type: RTM_SETNEIGHTBL, Body: m} }
