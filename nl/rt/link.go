package rt

import (
	"net"
	"net/netip"

	"github.com/netfs-project/netfs/nl/attr"
)

// IfInfoMsg is struct ifinfomsg (linux/rtnetlink.h).
//
//nl:struct
type IfInfoMsg struct {
	Family uint8 // AF_UNSPEC, or AF_BRIDGE for the bridge's view of a port
	_      uint8
	Type   uint16 // ARPHRD_ETHER ...
	Index  int32
	Flags  uint32 // IFF_UP ...
	Change uint32 // of a request: which flags it sets
}

// A Link is one network interface.
//
//nl:message RTM_NEWLINK RTM_DELLINK RTM_GETLINK RTM_SETLINK RTM_NEWLINKPROP RTM_DELLINKPROP
//nl:skip IFLA_STATS IFLA_COST IFLA_PRIORITY IFLA_WIRELESS IFLA_MAP IFLA_WEIGHT IFLA_PAD
type Link struct {
	Hdr IfInfoMsg `nl:"header"`

	Name        string           `nl:"IFLA_IFNAME"`
	Address     net.HardwareAddr `nl:"IFLA_ADDRESS"` // of a tunnel: its local IP address
	Broadcast   net.HardwareAddr `nl:"IFLA_BROADCAST"`
	PermAddress net.HardwareAddr `nl:"IFLA_PERM_ADDRESS,nosend"`
	MTU         uint32           `nl:"IFLA_MTU"`
	MinMTU      uint32           `nl:"IFLA_MIN_MTU,nosend"`
	MaxMTU      uint32           `nl:"IFLA_MAX_MTU,nosend"`
	// Link is the index of the link that this one sits on, in the namespace LinkNSID if
	// that came. A veth's is its peer.
	Link        int32  `nl:"IFLA_LINK"`
	LinkNSID    int32  `nl:"IFLA_LINK_NETNSID"`
	Master      int32  `nl:"IFLA_MASTER"`
	TxQLen      uint32 `nl:"IFLA_TXQLEN"`
	QDisc       string `nl:"IFLA_QDISC,nosend"`
	OperState   uint8  `nl:"IFLA_OPERSTATE"` // IF_OPER_UP ...
	LinkMode    uint8  `nl:"IFLA_LINKMODE"`
	Alias       string `nl:"IFLA_IFALIAS"`
	Group       uint32 `nl:"IFLA_GROUP"`
	Promiscuity uint32 `nl:"IFLA_PROMISCUITY,nosend"`
	AllMulti    uint32 `nl:"IFLA_ALLMULTI,nosend"`
	NumTxQueues uint32 `nl:"IFLA_NUM_TX_QUEUES"`
	NumRxQueues uint32 `nl:"IFLA_NUM_RX_QUEUES"`
	GSOMaxSegs  uint32 `nl:"IFLA_GSO_MAX_SEGS"`
	GSOMaxSize  uint32 `nl:"IFLA_GSO_MAX_SIZE"`
	GROMaxSize  uint32 `nl:"IFLA_GRO_MAX_SIZE"`
	TSOMaxSize  uint32 `nl:"IFLA_TSO_MAX_SIZE,nosend"`
	TSOMaxSegs  uint32 `nl:"IFLA_TSO_MAX_SEGS,nosend"`
	GSOIPv4Max  uint32 `nl:"IFLA_GSO_IPV4_MAX_SIZE"`
	GROIPv4Max  uint32 `nl:"IFLA_GRO_IPV4_MAX_SIZE"`
	Carrier     bool   `nl:"IFLA_CARRIER"`

	CarrierChanges   uint32          `nl:"IFLA_CARRIER_CHANGES,nosend"`
	CarrierUpCount   uint32          `nl:"IFLA_CARRIER_UP_COUNT,nosend"`
	CarrierDownCount uint32          `nl:"IFLA_CARRIER_DOWN_COUNT,nosend"`
	ProtoDown        bool            `nl:"IFLA_PROTO_DOWN"`
	ProtoDownReason  ProtoDownReason `nl:"IFLA_PROTO_DOWN_REASON"`
	// AltName asks for a link by any of its names. What it has is in Props.
	AltName string `nl:"IFLA_ALT_IFNAME"`
	Props   Props  `nl:"IFLA_PROP_LIST"`

	Stats Stats64  `nl:"IFLA_STATS64,nosend"`
	Info  KindInfo `nl:"IFLA_LINKINFO"`
	AF    AFSpec   `nl:"IFLA_AF_SPEC"`
	// Bridge and Port come in place of AF in messages of family AF_BRIDGE.
	Bridge *BridgeSpec `nl:"IFLA_AF_SPEC,when=Hdr.Family:AF_BRIDGE"`
	Port   *BridgePort `nl:"IFLA_PROTINFO,when=Hdr.Family:AF_BRIDGE"`
	Prot   []byte      `nl:"IFLA_PROTINFO,in=Name"`

	Event      uint32 `nl:"IFLA_EVENT,nosend"`
	NetNSPID   uint32 `nl:"IFLA_NET_NS_PID"`         // where to: the namespace of a process
	NetNSFD    uint32 `nl:"IFLA_NET_NS_FD"`          // where to: an open file of a namespace
	TargetNSID int32  `nl:"IFLA_TARGET_NETNSID"`     // the namespace that the request is about
	NewNSID    int32  `nl:"IFLA_NEW_NETNSID,nosend"` // of RTM_DELLINK: where it went
	NewIndex   int32  `nl:"IFLA_NEW_IFINDEX"`        // and what it is there
	ParentDev  string `nl:"IFLA_PARENT_DEV_NAME"`
	ParentBus  string `nl:"IFLA_PARENT_DEV_BUS_NAME"`
	XDP        XDP    `nl:"IFLA_XDP"`
	ExtMask    uint32 `nl:"IFLA_EXT_MASK"` // of a request: RTEXT_FILTER_VF ...
	NumVF      uint32 `nl:"IFLA_NUM_VF,nosend"`
	VFs        []byte `nl:"IFLA_VFINFO_LIST"`

	PhysPortID    []byte `nl:"IFLA_PHYS_PORT_ID,nosend"`
	PhysPortName  string `nl:"IFLA_PHYS_PORT_NAME,nosend"`
	PhysSwitchID  []byte `nl:"IFLA_PHYS_SWITCH_ID,nosend"`
	DevlinkPort   []byte `nl:"IFLA_DEVLINK_PORT,nosend"`
	DPLLPin       []byte `nl:"IFLA_DPLL_PIN,nosend"`
	NetNSFixed    bool   `nl:"IFLA_NETNS_IMMUTABLE,nosend"`
	PacingHorizon uint32 `nl:"IFLA_MAX_PACING_OFFLOAD_HORIZON,nosend"`
	Headroom      uint16 `nl:"IFLA_HEADROOM,nosend"`
	Tailroom      uint16 `nl:"IFLA_TAILROOM,nosend"`

	Has  LinkSet
	Rest []attr.Raw `nl:"rest"`
}

// ProtoDownReason is why the protocol is held down, bits of user space.
//
//nl:nest
type ProtoDownReason struct {
	Mask  uint32 `nl:"IFLA_PROTO_DOWN_REASON_MASK"`
	Value uint32 `nl:"IFLA_PROTO_DOWN_REASON_VALUE"`
	Has   ProtoDownReasonSet
}

// Props are the properties of a link that occur more than once.
//
//nl:nest
type Props struct {
	AltNames []string `nl:"IFLA_ALT_IFNAME,multi"`
	Has      PropsSet
}

// KindInfo is the kind of a link, and that of its master. Data and SlaveData hold the
// attributes of the kind: see Bridge, BridgePort, VXLAN, VLAN ...
//
//nl:nest
type KindInfo struct {
	Kind      string `nl:"IFLA_INFO_KIND"`
	Data      []byte `nl:"IFLA_INFO_DATA"`
	XStats    []byte `nl:"IFLA_INFO_XSTATS"`
	SlaveKind string `nl:"IFLA_INFO_SLAVE_KIND"`
	SlaveData []byte `nl:"IFLA_INFO_SLAVE_DATA"`

	Has  KindInfoSet
	Rest []attr.Raw `nl:"rest"`
}

// AFSpec holds what address families keep per link.
//
//nl:nest
type AFSpec struct {
	Inet  InetSpec  `nl:"AF_INET"`
	Inet6 Inet6Spec `nl:"AF_INET6"`

	Has  AFSpecSet
	Rest []attr.Raw `nl:"rest"`
}

// InetSpec is the IPv4 part of a link: Conf[i] is the devinet sysctl number i+1
// (linux/ip.h, IPV4_DEVCONF_FORWARDING ...).
//
//nl:nest
type InetSpec struct {
	Conf []uint32 `nl:"IFLA_INET_CONF,packed,nosend"`

	Has  InetSpecSet
	Rest []attr.Raw `nl:"rest"`
}

// Inet6Spec is the IPv6 part of a link.
//
//nl:nest
type Inet6Spec struct {
	Flags       uint32         `nl:"IFLA_INET6_FLAGS,nosend"`
	Conf        []int32        `nl:"IFLA_INET6_CONF,packed,nosend"` // by DEVCONF_FORWARDING ... (linux/ipv6.h)
	Stats       []uint64       `nl:"IFLA_INET6_STATS,packed,nosend"`
	ICMPStats   []uint64       `nl:"IFLA_INET6_ICMP6STATS,packed,nosend"`
	CacheInfo   Inet6CacheInfo `nl:"IFLA_INET6_CACHEINFO,nosend"`
	Token       netip.Addr     `nl:"IFLA_INET6_TOKEN"`
	AddrGenMode uint8          `nl:"IFLA_INET6_ADDR_GEN_MODE"` // IN6_ADDR_GEN_MODE_EUI64 ...
	RAMTU       uint32         `nl:"IFLA_INET6_RA_MTU,nosend"`

	Has  Inet6SpecSet
	Rest []attr.Raw `nl:"rest"`
}

// Inet6CacheInfo is struct ifla_cacheinfo.
//
//nl:struct
type Inet6CacheInfo struct {
	MaxReasmLen   uint32
	TStamp        uint32 // of the last change, 1/100 s
	ReachableTime uint32 // ms
	RetransTime   uint32 // ms
}

// XDP is the program attached to a link, or to be attached.
//
//nl:nest
type XDP struct {
	FD         int32  `nl:"IFLA_XDP_FD"`
	Attached   uint8  `nl:"IFLA_XDP_ATTACHED"` // XDP_ATTACHED_DRV ...
	Flags      uint32 `nl:"IFLA_XDP_FLAGS"`
	ProgID     uint32 `nl:"IFLA_XDP_PROG_ID"`
	DrvProgID  uint32 `nl:"IFLA_XDP_DRV_PROG_ID"`
	SkbProgID  uint32 `nl:"IFLA_XDP_SKB_PROG_ID"`
	HwProgID   uint32 `nl:"IFLA_XDP_HW_PROG_ID"`
	ExpectedFD int32  `nl:"IFLA_XDP_EXPECTED_FD"`
	Has        XDPSet
}

// BridgeSpec is IFLA_AF_SPEC in messages of family AF_BRIDGE.
//
//nl:nest
type BridgeSpec struct {
	Flags uint16       `nl:"IFLA_BRIDGE_FLAGS"` // BRIDGE_FLAGS_SELF ...
	Mode  uint16       `nl:"IFLA_BRIDGE_MODE"`
	VLANs []BridgeVLAN `nl:"IFLA_BRIDGE_VLAN_INFO,multi"`

	Has  BridgeSpecSet
	Rest []attr.Raw `nl:"rest"`
}

// BridgeVLAN is struct bridge_vlan_info. Ranges are two, the first with
// BRIDGE_VLAN_INFO_RANGE_BEGIN, the second with _END.
//
//nl:struct
type BridgeVLAN struct {
	Flags uint16
	VID   uint16
}

// Stats64 is struct rtnl_link_stats64 (linux/if_link.h, which explains each).
//
//nl:struct
type Stats64 struct {
	RxPackets, TxPackets, RxBytes, TxBytes         uint64
	RxErrors, TxErrors, RxDropped, TxDropped       uint64
	Multicast, Collisions                          uint64
	RxLengthErrors, RxOverErrors, RxCRCErrors      uint64
	RxFrameErrors, RxFIFOErrors, RxMissedErrors    uint64
	TxAbortedErrors, TxCarrierErrors, TxFIFOErrors uint64
	TxHeartbeatErrors, TxWindowErrors              uint64
	RxCompressed, TxCompressed                     uint64
	RxNoHandler, RxOtherHostDropped                uint64
}

// Up says whether the link is up as far as the administrator is concerned.
func (m *Link) Up() bool { return m.Hdr.Flags&IFF_UP != 0 }

// SetFlag asks for one of the IFF_ flags to be set or cleared.
func (m *Link) SetFlag(flag uint32, on bool) {
	m.Hdr.Change |= flag
	m.Hdr.Flags &^= flag
	if on {
		m.Hdr.Flags |= flag
	}
}

// chooseData finds the schema of the attributes of a kind for error paths.
func (*KindInfo) chooseData(set []byte) *attr.Schema {
	return kindSchema(set, IFLA_INFO_KIND, linkKinds)
}

func (*KindInfo) chooseSlaveData(set []byte) *attr.Schema {
	return kindSchema(set, IFLA_INFO_SLAVE_KIND, slaveKinds)
}

func kindSchema(set []byte, by uint16, of func(string) *attr.Schema) *attr.Schema {
	v, _ := attr.Find(set, by)
	return of(string(attr.Text(v)))
}
