package bsd

// An Op is what a message is about, whatever its number on a system.
type Op uint8

// The operations. A message of a type beyond these has OpNone.
const (
	OpNone      Op = iota
	OpAdd          // RTM_ADD
	OpDelete       // RTM_DELETE
	OpChange       // RTM_CHANGE
	OpGet          // RTM_GET, and the entries of a dump
	OpLosing       // RTM_LOSING: the kernel suspects a route
	OpRedirect     // RTM_REDIRECT
	OpMiss         // RTM_MISS: a lookup failed
	OpLock         // RTM_LOCK
	OpResolve      // RTM_RESOLVE
	OpNewAddr      // RTM_NEWADDR
	OpDelAddr      // RTM_DELADDR
	OpChgAddr      // RTM_CHGADDR, RTM_CHGADDRATTR: an address changed
	OpLink         // RTM_IFINFO, RTM_IFINFO2: state of a link
	OpNewGroup     // RTM_NEWMADDR: a multicast group was joined
	OpDelGroup     // RTM_DELMADDR
	OpAnnounce     // RTM_IFANNOUNCE: a link came or went
	OpDesync       // RTM_DESYNC of OpenBSD: messages were lost
	OpIEEE80211    // RTM_IEEE80211, RTM_80211INFO
	OpNeighbour    // RTM_LLINFO_UPD of NetBSD: a link-layer address changed
)

// A Message is a *RouteMsg, *LinkMsg, *AddrMsg, *MaddrMsg, *AnnounceMsg or *RawMsg.
// Its bytes belong to the buffer that it was decoded from.
type Message interface {
	// Head returns what all messages have.
	Head() *Header
}

// A Header is what all messages have.
type Header struct {
	Op      Op
	Type    uint8 // RTM_*, this system's number; when encoding, 0 is the one of Op
	Version uint8 // as decoded; the layout's when encoding
	Sockaddrs

	head []byte // as it came: the bytes between fields, and fields that the tables lack
	tail []byte // what followed the last sockaddr
	bare bool   // the last sockaddr came without its padding
}

// Head returns h.
func (h *Header) Head() *Header { return h }

// Tail returns what followed the last sockaddr: nothing, from the kernels known.
func (h *Header) Tail() []byte { return h.tail }

// A RouteMsg is a route: struct rt_msghdr (net/route.h), rt_msghdr2 on Darwin.
type RouteMsg struct {
	Header
	Index uint16 // of the link; often 0 on NetBSD: see RTAX_IFP
	Flags uint32 // RTF_*: Layout.RTF
	Pid   int32  // of the process that wrote it, 0: the kernel
	Seq   int32
	Errno int32  // this system's number
	Inits uint64 // RTV_*: which metrics a request sets
	Use   uint32 // how often it was used
	Fmask uint32 // FreeBSD, OpenBSD: which flags RTM_CHANGE changes

	// Table is the routing table: in messages of OpenBSD. On FreeBSD it is the socket's
	// (Layout.Tables), and bsd/rtsock fills it in.
	Table uint16

	// OpenBSD.
	Priority uint8
	MPLS     uint8 // operation: MPLS_OP_*

	// Darwin, rt_msghdr2.
	RefCount    int32
	ParentFlags uint32

	Metrics Metrics
}

// Metrics are struct rt_metrics. Units are the header's: bytes, microseconds for the
// round trip, seconds of the wall clock for Expire (of uptime in NetBSD's neighbours).
type Metrics struct {
	Locks     uint64 // RTV_*: what the kernel leaves alone
	MTU       uint64
	HopCount  uint64
	Expire    int64
	RecvPipe  uint64
	SendPipe  uint64
	SSThresh  uint64
	RTT       uint64
	RTTVar    uint64
	PkSent    uint64
	Weight    uint64 // FreeBSD
	NHIdx     uint64 // FreeBSD: nexthop index
	RefCount  uint64 // OpenBSD
	State     uint64 // Darwin
	MSSOpt    uint16 // DragonFly, and the next three
	MSL       uint64
	IWMaxSegs uint64
	IWCapSegs uint64
}

// The metrics' bits in Inits and Locks (net/route.h), the same on every system.
const (
	RTV_MTU      = 0x1
	RTV_HOPCOUNT = 0x2
	RTV_EXPIRE   = 0x4
	RTV_RPIPE    = 0x8
	RTV_SPIPE    = 0x10
	RTV_SSTHRESH = 0x20
	RTV_RTT      = 0x40
	RTV_RTTVAR   = 0x80
	RTV_WEIGHT   = 0x100 // FreeBSD; MSL on DragonFly
)

// A LinkMsg is the state of a link: struct if_msghdr, if_msghdrl, if_msghdr2
// (net/if.h).
type LinkMsg struct {
	Header
	Index  uint16
	Flags  uint32 // IFF_*: Layout.IFF
	XFlags uint32 // OpenBSD: IFXF_*
	Table  uint16 // OpenBSD: routing domain
	Data   LinkData

	// Darwin, if_msghdr2: the queue for sending.
	SendLen, SendMaxLen, SendDrops, Timer int32
}

// LinkData is struct if_data. A system has not all of it.
type LinkData struct {
	Type, Physical  uint8 // IFT_* (net/if_types.h)
	AddrLen, HdrLen uint8
	State           uint64 // LINK_STATE_* (net/if.h): see Layout.Carrier
	VHID            uint8  // FreeBSD: carp
	Size            uint16 // FreeBSD: bytes of the struct, as it says itself
	MTU             uint64
	Metric          uint64
	Domain          uint32 // OpenBSD: routing domain
	Baudrate        uint64
	InPackets       uint64
	InErrors        uint64
	OutPackets      uint64
	OutErrors       uint64
	Collisions      uint64
	InBytes         uint64
	OutBytes        uint64
	InMulticasts    uint64
	OutMulticasts   uint64
	InDrops         uint64
	OutDrops        uint64
	NoProto         uint64
	HWAssist        uint64
	Capabilities    uint32 // OpenBSD
	Epoch           int64  // FreeBSD: uptime at attach, seconds
	ChangeSec       int64  // last change
	ChangeFrac      int64  // NetBSD: nanoseconds; elsewhere microseconds
}

// An AddrMsg is an address of a link: struct ifa_msghdr, ifa_msghdrl (net/if.h).
type AddrMsg struct {
	Header
	Index     uint16
	Flags     uint32 // of the route to it
	Metric    int32
	AddrFlags uint32 // NetBSD 8, DragonFly: IN6_IFF_* or IN_IFF_*
	Pid       int32  // NetBSD 8
	Table     uint16 // OpenBSD
	Data      LinkData
}

// A MaddrMsg is a multicast group of a link: struct ifma_msghdr, ifma_msghdr2.
type MaddrMsg struct {
	Header
	Index    uint16
	Flags    uint32
	RefCount int32 // Darwin, ifma_msghdr2
}

// An AnnounceMsg says that a link came or went: struct if_announcemsghdr.
type AnnounceMsg struct {
	Header
	Index uint16
	Name  string
	What  uint16 // IFAN_ARRIVAL 0, IFAN_DEPARTURE 1
}

// A RawMsg is a message whose type the tables do not know, or whose inside is
// broken: all its bytes, as they came.
type RawMsg struct {
	Header
	Data []byte
}
