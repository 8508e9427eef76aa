package rt

import (
	"net"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/nl/attr"
)

// linkKinds gives the schema of IFLA_INFO_DATA by kind, nil if it is not known.
func linkKinds(kind string) *attr.Schema {
	switch kind {
	case "veth":
		return (*Veth)(nil).Schema()
	case "bridge":
		return (*Bridge)(nil).Schema()
	case "vxlan":
		return (*VXLAN)(nil).Schema()
	case "vlan":
		return (*VLAN)(nil).Schema()
	case "macvlan", "macvtap":
		return (*MACVLAN)(nil).Schema()
	case "vrf":
		return (*VRF)(nil).Schema()
	case "bond":
		return (*Bond)(nil).Schema()
	}
	return nil
}

// slaveKinds does it for IFLA_INFO_SLAVE_DATA.
func slaveKinds(kind string) *attr.Schema {
	switch kind {
	case "bridge":
		return (*BridgePort)(nil).Schema()
	case "bond":
		return (*BondPort)(nil).Schema()
	case "vrf":
		return (*VRFPort)(nil).Schema()
	}
	return nil
}

// Kind is a set of attributes that KindInfo carries as bytes: *Bridge, *VXLAN ...
type Kind interface {
	AppendBody(b []byte) ([]byte, error)
}

// SetKind makes m a link of a kind. k holds its attributes, nil if there are none to give.
func (m *Link) SetKind(kind string, k Kind) error {
	m.Info.Kind = kind
	m.Info.Data = m.Info.Data[:0]
	if k == nil {
		return nil
	}
	var err error
	m.Info.Data, err = k.AppendBody(m.Info.Data)
	return err
}

// SetPort gives the attributes that m has as a port of a master of a kind.
func (m *Link) SetPort(kind string, k Kind) error {
	var err error
	m.Info.SlaveKind = kind
	m.Info.SlaveData, err = k.AppendBody(m.Info.SlaveData[:0])
	return err
}

// Veth is the data of kind veth: the other end, as it shall be made.
//
//nl:nest
type Veth struct {
	Peer *Link `nl:"VETH_INFO_PEER"`
}

// Bridge is the data of kind bridge. Times are of 1/100 s.
//
//nl:nest
//nl:skip IFLA_BR_PAD
type Bridge struct {
	ForwardDelay time.Duration `nl:"IFLA_BR_FORWARD_DELAY,unit=jiffies"`
	HelloTime    time.Duration `nl:"IFLA_BR_HELLO_TIME,unit=jiffies"`
	MaxAge       time.Duration `nl:"IFLA_BR_MAX_AGE,unit=jiffies"`
	AgeingTime   time.Duration `nl:"IFLA_BR_AGEING_TIME,unit=jiffies"`
	STP          uint32        `nl:"IFLA_BR_STP_STATE"` // 0 off, 1 the kernel's, 2 user space
	Priority     uint16        `nl:"IFLA_BR_PRIORITY"`
	GroupAddr    [6]byte       `nl:"IFLA_BR_GROUP_ADDR"`
	GroupFwdMask uint16        `nl:"IFLA_BR_GROUP_FWD_MASK"`
	Flush        bool          `nl:"IFLA_BR_FDB_FLUSH,flag"` // forget what was learned

	VLANFiltering    bool   `nl:"IFLA_BR_VLAN_FILTERING"`
	VLANProtocol     uint16 `nl:"IFLA_BR_VLAN_PROTOCOL,be"`
	VLANDefaultPVID  uint16 `nl:"IFLA_BR_VLAN_DEFAULT_PVID"`
	VLANStats        bool   `nl:"IFLA_BR_VLAN_STATS_ENABLED"`
	VLANStatsPerPort bool   `nl:"IFLA_BR_VLAN_STATS_PER_PORT"`

	MulticastRouter       uint8         `nl:"IFLA_BR_MCAST_ROUTER"`
	Snooping              bool          `nl:"IFLA_BR_MCAST_SNOOPING"`
	QueryUseIfaddr        bool          `nl:"IFLA_BR_MCAST_QUERY_USE_IFADDR"`
	Querier               bool          `nl:"IFLA_BR_MCAST_QUERIER"`
	QuerierState          []byte        `nl:"IFLA_BR_MCAST_QUERIER_STATE,nosend"`
	HashElasticity        uint32        `nl:"IFLA_BR_MCAST_HASH_ELASTICITY"`
	HashMax               uint32        `nl:"IFLA_BR_MCAST_HASH_MAX"`
	LastMemberCount       uint32        `nl:"IFLA_BR_MCAST_LAST_MEMBER_CNT"`
	StartupQueryCount     uint32        `nl:"IFLA_BR_MCAST_STARTUP_QUERY_CNT"`
	LastMemberInterval    time.Duration `nl:"IFLA_BR_MCAST_LAST_MEMBER_INTVL,unit=jiffies,width=64"`
	MembershipInterval    time.Duration `nl:"IFLA_BR_MCAST_MEMBERSHIP_INTVL,unit=jiffies,width=64"`
	QuerierInterval       time.Duration `nl:"IFLA_BR_MCAST_QUERIER_INTVL,unit=jiffies,width=64"`
	QueryInterval         time.Duration `nl:"IFLA_BR_MCAST_QUERY_INTVL,unit=jiffies,width=64"`
	QueryResponseInterval time.Duration `nl:"IFLA_BR_MCAST_QUERY_RESPONSE_INTVL,unit=jiffies,width=64"`
	StartupQueryInterval  time.Duration `nl:"IFLA_BR_MCAST_STARTUP_QUERY_INTVL,unit=jiffies,width=64"`
	MulticastStats        bool          `nl:"IFLA_BR_MCAST_STATS_ENABLED"`
	IGMPVersion           uint8         `nl:"IFLA_BR_MCAST_IGMP_VERSION"`
	MLDVersion            uint8         `nl:"IFLA_BR_MCAST_MLD_VERSION"`

	NFCallIPTables  bool       `nl:"IFLA_BR_NF_CALL_IPTABLES"`
	NFCallIP6Tables bool       `nl:"IFLA_BR_NF_CALL_IP6TABLES"`
	NFCallARPTables bool       `nl:"IFLA_BR_NF_CALL_ARPTABLES"`
	BoolOpts        BoolOptVal `nl:"IFLA_BR_MULTI_BOOLOPT"`
	FDBMaxLearned   uint32     `nl:"IFLA_BR_FDB_MAX_LEARNED"`

	// State, read only.
	RootID                 BridgeID      `nl:"IFLA_BR_ROOT_ID,nosend"`
	BridgeID               BridgeID      `nl:"IFLA_BR_BRIDGE_ID,nosend"`
	RootPort               uint16        `nl:"IFLA_BR_ROOT_PORT,nosend"`
	RootPathCost           uint32        `nl:"IFLA_BR_ROOT_PATH_COST,nosend"`
	TopologyChange         bool          `nl:"IFLA_BR_TOPOLOGY_CHANGE,nosend"`
	TopologyChangeDetected bool          `nl:"IFLA_BR_TOPOLOGY_CHANGE_DETECTED,nosend"`
	HelloTimer             time.Duration `nl:"IFLA_BR_HELLO_TIMER,nosend,unit=jiffies,width=64"`
	TCNTimer               time.Duration `nl:"IFLA_BR_TCN_TIMER,nosend,unit=jiffies,width=64"`
	TopologyChangeTimer    time.Duration `nl:"IFLA_BR_TOPOLOGY_CHANGE_TIMER,nosend,unit=jiffies,width=64"`
	GCTimer                time.Duration `nl:"IFLA_BR_GC_TIMER,nosend,unit=jiffies,width=64"`
	FDBLearned             uint32        `nl:"IFLA_BR_FDB_N_LEARNED,nosend"`

	Has  BridgeSet
	Rest []attr.Raw `nl:"rest"`
}

// BridgeID is struct ifla_bridge_id.
//
//nl:struct
type BridgeID struct {
	Prio [2]byte // big endian
	Addr [6]byte
}

// BoolOptVal is struct br_boolopt_multi: Mask says which bits of Val are meant
// (linux/if_bridge.h, BR_BOOLOPT_NO_LL_LEARN ...).
//
//nl:struct
type BoolOptVal struct {
	Val  uint32
	Mask uint32
}

// BridgePort is what a bridge keeps per port.
//
//nl:nest
//nl:skip IFLA_BRPORT_PAD
type BridgePort struct {
	State           uint8  `nl:"IFLA_BRPORT_STATE"` // BR_STATE_FORWARDING ...
	Priority        uint16 `nl:"IFLA_BRPORT_PRIORITY"`
	Cost            uint32 `nl:"IFLA_BRPORT_COST"`
	Mode            bool   `nl:"IFLA_BRPORT_MODE"` // hairpin
	Guard           bool   `nl:"IFLA_BRPORT_GUARD"`
	Protect         bool   `nl:"IFLA_BRPORT_PROTECT"` // root block
	FastLeave       bool   `nl:"IFLA_BRPORT_FAST_LEAVE"`
	Learning        bool   `nl:"IFLA_BRPORT_LEARNING"`
	LearningSync    bool   `nl:"IFLA_BRPORT_LEARNING_SYNC"`
	UnicastFlood    bool   `nl:"IFLA_BRPORT_UNICAST_FLOOD"`
	MulticastFlood  bool   `nl:"IFLA_BRPORT_MCAST_FLOOD"`
	BroadcastFlood  bool   `nl:"IFLA_BRPORT_BCAST_FLOOD"`
	MulticastToUni  bool   `nl:"IFLA_BRPORT_MCAST_TO_UCAST"`
	ProxyARP        bool   `nl:"IFLA_BRPORT_PROXYARP"`
	ProxyARPWifi    bool   `nl:"IFLA_BRPORT_PROXYARP_WIFI"`
	MulticastRouter uint8  `nl:"IFLA_BRPORT_MULTICAST_ROUTER"`
	Flush           bool   `nl:"IFLA_BRPORT_FLUSH,flag"`
	VLANTunnel      bool   `nl:"IFLA_BRPORT_VLAN_TUNNEL"`
	GroupFwdMask    uint16 `nl:"IFLA_BRPORT_GROUP_FWD_MASK"`
	NeighSuppress   bool   `nl:"IFLA_BRPORT_NEIGH_SUPPRESS"`
	NeighVLAN       bool   `nl:"IFLA_BRPORT_NEIGH_VLAN_SUPPRESS"`
	Isolated        bool   `nl:"IFLA_BRPORT_ISOLATED"`
	Locked          bool   `nl:"IFLA_BRPORT_LOCKED"`
	MAB             bool   `nl:"IFLA_BRPORT_MAB"`
	BackupPort      int32  `nl:"IFLA_BRPORT_BACKUP_PORT"`
	BackupNHID      uint32 `nl:"IFLA_BRPORT_BACKUP_NHID"`
	EHTHostsLimit   uint32 `nl:"IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT"`
	MaxGroups       uint32 `nl:"IFLA_BRPORT_MCAST_MAX_GROUPS"`

	// State, read only.
	EHTHosts          uint32        `nl:"IFLA_BRPORT_MCAST_EHT_HOSTS_CNT,nosend"`
	Groups            uint32        `nl:"IFLA_BRPORT_MCAST_N_GROUPS,nosend"`
	MRPRingOpen       bool          `nl:"IFLA_BRPORT_MRP_RING_OPEN,nosend"`
	MRPInOpen         bool          `nl:"IFLA_BRPORT_MRP_IN_OPEN,nosend"`
	RootID            BridgeID      `nl:"IFLA_BRPORT_ROOT_ID,nosend"`
	BridgeID          BridgeID      `nl:"IFLA_BRPORT_BRIDGE_ID,nosend"`
	DesignatedPort    uint16        `nl:"IFLA_BRPORT_DESIGNATED_PORT,nosend"`
	DesignatedCost    uint16        `nl:"IFLA_BRPORT_DESIGNATED_COST,nosend"`
	ID                uint16        `nl:"IFLA_BRPORT_ID,nosend"`
	No                uint16        `nl:"IFLA_BRPORT_NO,nosend"`
	TopologyChangeAck bool          `nl:"IFLA_BRPORT_TOPOLOGY_CHANGE_ACK,nosend"`
	ConfigPending     bool          `nl:"IFLA_BRPORT_CONFIG_PENDING,nosend"`
	MessageAgeTimer   time.Duration `nl:"IFLA_BRPORT_MESSAGE_AGE_TIMER,nosend,unit=jiffies,width=64"`
	ForwardDelayTimer time.Duration `nl:"IFLA_BRPORT_FORWARD_DELAY_TIMER,nosend,unit=jiffies,width=64"`
	HoldTimer         time.Duration `nl:"IFLA_BRPORT_HOLD_TIMER,nosend,unit=jiffies,width=64"`

	Has  BridgePortSet
	Rest []attr.Raw `nl:"rest"`
}

// VXLAN is the data of kind vxlan.
//
//nl:nest
type VXLAN struct {
	ID              uint32        `nl:"IFLA_VXLAN_ID"`
	Group           netip.Addr    `nl:"IFLA_VXLAN_GROUP,v6=IFLA_VXLAN_GROUP6"` // or the one remote
	Local           netip.Addr    `nl:"IFLA_VXLAN_LOCAL,v6=IFLA_VXLAN_LOCAL6"`
	Link            int32         `nl:"IFLA_VXLAN_LINK"`
	TTL             uint8         `nl:"IFLA_VXLAN_TTL"`
	TTLInherit      bool          `nl:"IFLA_VXLAN_TTL_INHERIT,flag"`
	TOS             uint8         `nl:"IFLA_VXLAN_TOS"` // 1 is inherit
	DF              uint8         `nl:"IFLA_VXLAN_DF"`
	Label           uint32        `nl:"IFLA_VXLAN_LABEL,be"`
	LabelPolicy     uint32        `nl:"IFLA_VXLAN_LABEL_POLICY"`
	Learning        bool          `nl:"IFLA_VXLAN_LEARNING"`
	Ageing          time.Duration `nl:"IFLA_VXLAN_AGEING,unit=s"`
	Limit           uint32        `nl:"IFLA_VXLAN_LIMIT"`
	PortRange       VXLANPorts    `nl:"IFLA_VXLAN_PORT_RANGE"`
	Port            uint16        `nl:"IFLA_VXLAN_PORT,be"`
	Proxy           bool          `nl:"IFLA_VXLAN_PROXY"`
	RSC             bool          `nl:"IFLA_VXLAN_RSC"`
	L2Miss          bool          `nl:"IFLA_VXLAN_L2MISS"`
	L3Miss          bool          `nl:"IFLA_VXLAN_L3MISS"`
	UDPCsum         bool          `nl:"IFLA_VXLAN_UDP_CSUM"`
	ZeroCsum6Tx     bool          `nl:"IFLA_VXLAN_UDP_ZERO_CSUM6_TX"`
	ZeroCsum6Rx     bool          `nl:"IFLA_VXLAN_UDP_ZERO_CSUM6_RX"`
	RemCsumTx       bool          `nl:"IFLA_VXLAN_REMCSUM_TX"`
	RemCsumRx       bool          `nl:"IFLA_VXLAN_REMCSUM_RX"`
	RemCsumNoPart   bool          `nl:"IFLA_VXLAN_REMCSUM_NOPARTIAL,flag"`
	CollectMetadata bool          `nl:"IFLA_VXLAN_COLLECT_METADATA"`
	GBP             bool          `nl:"IFLA_VXLAN_GBP,flag"`
	GPE             bool          `nl:"IFLA_VXLAN_GPE,flag"`
	VNIFilter       bool          `nl:"IFLA_VXLAN_VNIFILTER"`
	LocalBypass     bool          `nl:"IFLA_VXLAN_LOCALBYPASS"`
	MCRoute         bool          `nl:"IFLA_VXLAN_MC_ROUTE"`
	ReservedBits    []byte        `nl:"IFLA_VXLAN_RESERVED_BITS"`

	Has  VXLANSet
	Rest []attr.Raw `nl:"rest"`
}

// VXLANPorts is struct ifla_vxlan_port_range: of the source port.
//
//nl:struct
type VXLANPorts struct {
	Low  uint16 `nl:"be"`
	High uint16 `nl:"be"`
}

// VLAN is the data of kind vlan.
//
//nl:nest
type VLAN struct {
	ID       uint16       `nl:"IFLA_VLAN_ID"`
	Protocol uint16       `nl:"IFLA_VLAN_PROTOCOL,be"` // 0x8100, 0x88a8
	Flags    VLANFlagBits `nl:"IFLA_VLAN_FLAGS"`
	Ingress  []QoSMap     `nl:"IFLA_VLAN_INGRESS_QOS,array,elem=IFLA_VLAN_QOS_MAPPING"`
	Egress   []QoSMap     `nl:"IFLA_VLAN_EGRESS_QOS,array,elem=IFLA_VLAN_QOS_MAPPING"`

	Has  VLANSet
	Rest []attr.Raw `nl:"rest"`
}

// VLANFlagBits is struct ifla_vlan_flags: Mask says which of Flags (VLAN_FLAG_REORDER_HDR ...) are meant.
//
//nl:struct
type VLANFlagBits struct {
	Flags uint32
	Mask  uint32
}

// QoSMap is struct ifla_vlan_qos_mapping.
//
//nl:struct
type QoSMap struct {
	From uint32
	To   uint32
}

// MACVLAN is the data of kinds macvlan and macvtap.
//
//nl:nest
type MACVLAN struct {
	Mode        uint32             `nl:"IFLA_MACVLAN_MODE"`  // MACVLAN_MODE_BRIDGE ...
	Flags       uint16             `nl:"IFLA_MACVLAN_FLAGS"` // MACVLAN_FLAG_NOPROMISC ...
	MACMode     uint32             `nl:"IFLA_MACVLAN_MACADDR_MODE"`
	MAC         net.HardwareAddr   `nl:"IFLA_MACVLAN_MACADDR"`
	MACs        []net.HardwareAddr `nl:"IFLA_MACVLAN_MACADDR_DATA,array,elem=IFLA_MACVLAN_MACADDR"`
	MACCount    uint32             `nl:"IFLA_MACVLAN_MACADDR_COUNT,nosend"`
	BCQueueLen  uint32             `nl:"IFLA_MACVLAN_BC_QUEUE_LEN"`
	BCQueueUsed uint32             `nl:"IFLA_MACVLAN_BC_QUEUE_LEN_USED,nosend"`

	Has  MACVLANSet
	Rest []attr.Raw `nl:"rest"`
}

// VRF is the data of kind vrf.
//
//nl:nest
type VRF struct {
	Table uint32 `nl:"IFLA_VRF_TABLE"`

	Has  VRFSet
	Rest []attr.Raw `nl:"rest"`
}

// VRFPort is what a vrf keeps per port.
//
//nl:nest
type VRFPort struct {
	Table uint32 `nl:"IFLA_VRF_PORT_TABLE"`

	Has  VRFPortSet
	Rest []attr.Raw `nl:"rest"`
}

// Bond is the data of kind bond.
//
//nl:nest
type Bond struct {
	Mode            uint8         `nl:"IFLA_BOND_MODE"`
	ActivePort      int32         `nl:"IFLA_BOND_ACTIVE_SLAVE"`
	MIIMon          time.Duration `nl:"IFLA_BOND_MIIMON,unit=ms"`
	UpDelay         time.Duration `nl:"IFLA_BOND_UPDELAY,unit=ms"`
	DownDelay       time.Duration `nl:"IFLA_BOND_DOWNDELAY,unit=ms"`
	PeerNotifDelay  time.Duration `nl:"IFLA_BOND_PEER_NOTIF_DELAY,unit=ms"`
	UseCarrier      bool          `nl:"IFLA_BOND_USE_CARRIER"`
	ARPInterval     time.Duration `nl:"IFLA_BOND_ARP_INTERVAL,unit=ms"`
	ARPTargets      []netip.Addr  `nl:"IFLA_BOND_ARP_IP_TARGET,array,base=0"`
	NSTargets       []netip.Addr  `nl:"IFLA_BOND_NS_IP6_TARGET,array,base=0"`
	ARPValidate     uint32        `nl:"IFLA_BOND_ARP_VALIDATE"`
	ARPAllTargets   uint32        `nl:"IFLA_BOND_ARP_ALL_TARGETS"`
	Primary         int32         `nl:"IFLA_BOND_PRIMARY"`
	PrimaryReselect uint8         `nl:"IFLA_BOND_PRIMARY_RESELECT"`
	FailOverMAC     uint8         `nl:"IFLA_BOND_FAIL_OVER_MAC"`
	XmitHash        uint8         `nl:"IFLA_BOND_XMIT_HASH_POLICY"`
	ResendIGMP      uint32        `nl:"IFLA_BOND_RESEND_IGMP"`
	NumPeerNotif    uint8         `nl:"IFLA_BOND_NUM_PEER_NOTIF"`
	AllPortsActive  bool          `nl:"IFLA_BOND_ALL_SLAVES_ACTIVE"`
	MinLinks        uint32        `nl:"IFLA_BOND_MIN_LINKS"`
	LPInterval      time.Duration `nl:"IFLA_BOND_LP_INTERVAL,unit=s"`
	PacketsPerPort  uint32        `nl:"IFLA_BOND_PACKETS_PER_SLAVE"`
	LACPRate        uint8         `nl:"IFLA_BOND_AD_LACP_RATE"`
	LACPActive      bool          `nl:"IFLA_BOND_AD_LACP_ACTIVE"`
	ADSelect        uint8         `nl:"IFLA_BOND_AD_SELECT"`
	ADInfo          ADInfo        `nl:"IFLA_BOND_AD_INFO,nosend"`
	ADActorSysPrio  uint16        `nl:"IFLA_BOND_AD_ACTOR_SYS_PRIO"`
	ADUserPortKey   uint16        `nl:"IFLA_BOND_AD_USER_PORT_KEY"`
	ADActorSystem   [6]byte       `nl:"IFLA_BOND_AD_ACTOR_SYSTEM"`
	TLBDynamicLB    bool          `nl:"IFLA_BOND_TLB_DYNAMIC_LB"`
	MissedMax       uint8         `nl:"IFLA_BOND_MISSED_MAX"`
	CoupledControl  bool          `nl:"IFLA_BOND_COUPLED_CONTROL"`

	Has  BondSet
	Rest []attr.Raw `nl:"rest"`
}

// ADInfo is the state of 802.3ad aggregation.
//
//nl:nest
type ADInfo struct {
	Aggregator uint16  `nl:"IFLA_BOND_AD_INFO_AGGREGATOR"`
	NumPorts   uint16  `nl:"IFLA_BOND_AD_INFO_NUM_PORTS"`
	ActorKey   uint16  `nl:"IFLA_BOND_AD_INFO_ACTOR_KEY"`
	PartnerKey uint16  `nl:"IFLA_BOND_AD_INFO_PARTNER_KEY"`
	PartnerMAC [6]byte `nl:"IFLA_BOND_AD_INFO_PARTNER_MAC"`
	Has        ADInfoSet
}

// BondPort is what a bond keeps per port.
//
//nl:nest
type BondPort struct {
	State             uint8            `nl:"IFLA_BOND_SLAVE_STATE,nosend"` // 0 active, 1 backup
	MIIStatus         uint8            `nl:"IFLA_BOND_SLAVE_MII_STATUS,nosend"`
	LinkFailures      uint32           `nl:"IFLA_BOND_SLAVE_LINK_FAILURE_COUNT,nosend"`
	PermAddress       net.HardwareAddr `nl:"IFLA_BOND_SLAVE_PERM_HWADDR,nosend"`
	QueueID           uint16           `nl:"IFLA_BOND_SLAVE_QUEUE_ID"`
	Prio              int32            `nl:"IFLA_BOND_SLAVE_PRIO"`
	ActorPortPrio     uint16           `nl:"IFLA_BOND_SLAVE_ACTOR_PORT_PRIO"`
	Aggregator        uint16           `nl:"IFLA_BOND_SLAVE_AD_AGGREGATOR_ID,nosend"`
	ActorOperState    uint8            `nl:"IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE,nosend"`
	PartnerOperState  uint16           `nl:"IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE,nosend"`
	ChurnActorState   uint8            `nl:"IFLA_BOND_SLAVE_AD_CHURN_ACTOR_STATE,nosend"`
	ChurnPartnerState uint8            `nl:"IFLA_BOND_SLAVE_AD_CHURN_PARTNER_STATE,nosend"`

	Has  BondPortSet
	Rest []attr.Raw `nl:"rest"`
}
