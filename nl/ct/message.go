package ct

import (
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/nl/nfnl"
)

// Status is a set of IPS_ bits.
type Status uint32

// An Entry is one tracked connection.
//
//nl:message
type Entry struct {
	Header nfnl.Header `nl:"header"` // Family is AF_INET or AF_INET6

	Orig  Tuple  `nl:"CTA_TUPLE_ORIG"`  // as the first packet had it
	Reply Tuple  `nl:"CTA_TUPLE_REPLY"` // as an answer must have it: not the reverse of Orig where there is NAT
	Zone  uint16 `nl:"CTA_ZONE,be"`     // of both directions; one direction's is in its tuple

	Status     Status `nl:"CTA_STATUS,be"`
	StatusMask Status `nl:"CTA_STATUS_MASK,be"` // filters only

	Timeout   time.Duration `nl:"CTA_TIMEOUT,unit=s,be"` // until it ends if no packet comes
	Mark      uint32        `nl:"CTA_MARK,be"`
	MarkMask  uint32        `nl:"CTA_MARK_MASK,be"` // sent only: the bits of Mark to set or to compare
	ProtoInfo ProtoInfo     `nl:"CTA_PROTOINFO"`
	Helper    Helper        `nl:"CTA_HELP"`

	// Translations asked for by Create. The kernel does not tell of them: they
	// show in Reply and in Status.
	SrcNAT NAT `nl:"CTA_NAT_SRC"`
	DstNAT NAT `nl:"CTA_NAT_DST"`

	SeqAdjOrig  SeqAdj `nl:"CTA_SEQ_ADJ_ORIG"`
	SeqAdjReply SeqAdj `nl:"CTA_SEQ_ADJ_REPLY"`
	Master      Tuple  `nl:"CTA_TUPLE_MASTER"` // original tuple of the connection that expected this one

	Labels     []byte `nl:"CTA_LABELS"`      // 128 bits in words of the machine, least significant first
	LabelsMask []byte `nl:"CTA_LABELS_MASK"` // sent only: the bits of Labels to set

	Secmark  uint32   `nl:"CTA_SECMARK,be"` // old kernels
	Secctx   Secctx   `nl:"CTA_SECCTX"`
	Synproxy Synproxy `nl:"CTA_SYNPROXY"`

	CountersOrig  Counters   `nl:"CTA_COUNTERS_ORIG"` // net.netfilter.nf_conntrack_acct
	CountersReply Counters   `nl:"CTA_COUNTERS_REPLY"`
	Timestamps    Timestamps `nl:"CTA_TIMESTAMP"`          // net.netfilter.nf_conntrack_timestamp
	EventTime     uint64     `nl:"CTA_TIMESTAMP_EVENT,be"` // of an event, ns since 1970, Linux 6.14
	Use           uint32     `nl:"CTA_USE,be"`             // references held in the kernel
	ID            uint32     `nl:"CTA_ID,be"`              // tells it from a later one with the same tuple
	Filter        Flags      `nl:"CTA_FILTER"`             // filters only

	Has EntrySet
}

// A Key names an entry: one of its tuples and its zone. ID, if set, says which
// one: a later entry with the same tuple is then not found.
//
//nl:message
type Key struct {
	Header nfnl.Header `nl:"header"`

	Orig  Tuple  `nl:"CTA_TUPLE_ORIG"`
	Reply Tuple  `nl:"CTA_TUPLE_REPLY"` // looked at if there is no Orig
	Zone  uint16 `nl:"CTA_ZONE,be"`
	ID    uint32 `nl:"CTA_ID,be"`

	Has KeySet
}

// A Tuple is what is looked up for a packet in one direction.
//
//nl:nest
type Tuple struct {
	IP    IP     `nl:"CTA_TUPLE_IP"`
	Proto Proto  `nl:"CTA_TUPLE_PROTO"`
	Zone  uint16 `nl:"CTA_TUPLE_ZONE,be"` // if only this direction has one

	Has TupleSet
}

// IP has the addresses of a tuple, both of one family.
//
//nl:nest
type IP struct {
	Src netip.Addr `nl:"CTA_IP_V4_SRC,v6=CTA_IP_V6_SRC"`
	Dst netip.Addr `nl:"CTA_IP_V4_DST,v6=CTA_IP_V6_DST"`

	Has IPSet
}

// Proto has the protocol of a tuple and what tells its flows apart. Ports are
// those of TCP, UDP, UDP-Lite, SCTP, DCCP, and the keys of GRE version 1; echo
// and its like have an identifier.
//
//nl:nest
type Proto struct {
	Num     uint8  `nl:"CTA_PROTO_NUM"` // IPPROTO_TCP ...
	SrcPort uint16 `nl:"CTA_PROTO_SRC_PORT,be"`
	DstPort uint16 `nl:"CTA_PROTO_DST_PORT,be"`

	ICMPID   uint16 `nl:"CTA_PROTO_ICMP_ID,be"`
	ICMPType uint8  `nl:"CTA_PROTO_ICMP_TYPE"`
	ICMPCode uint8  `nl:"CTA_PROTO_ICMP_CODE"`

	ICMPv6ID   uint16 `nl:"CTA_PROTO_ICMPV6_ID,be"`
	ICMPv6Type uint8  `nl:"CTA_PROTO_ICMPV6_TYPE"`
	ICMPv6Code uint8  `nl:"CTA_PROTO_ICMPV6_CODE"`

	Has ProtoSet
}

// ProtoInfo is the state of the protocol, of one protocol at most.
//
//nl:nest
type ProtoInfo struct {
	TCP  TCPInfo  `nl:"CTA_PROTOINFO_TCP"`
	DCCP DCCPInfo `nl:"CTA_PROTOINFO_DCCP"`
	SCTP SCTPInfo `nl:"CTA_PROTOINFO_SCTP"`

	Has ProtoInfoSet
}

// TCPInfo is the state of TCP tracking. The kernel takes it only with State, and
// the scales only where both sides have IP_CT_TCP_FLAG_WINDOW_SCALE.
//
//nl:nest
type TCPInfo struct {
	State       uint8    `nl:"CTA_PROTOINFO_TCP_STATE"`           // TCP_CONNTRACK_
	WScaleOrig  uint8    `nl:"CTA_PROTOINFO_TCP_WSCALE_ORIGINAL"` // shift of the window
	WScaleReply uint8    `nl:"CTA_PROTOINFO_TCP_WSCALE_REPLY"`
	FlagsOrig   TCPFlags `nl:"CTA_PROTOINFO_TCP_FLAGS_ORIGINAL"`
	FlagsReply  TCPFlags `nl:"CTA_PROTOINFO_TCP_FLAGS_REPLY"`

	Has TCPInfoSet
}

// TCPFlags is struct nf_ct_tcp_flags: bits, and in requests which of them to
// set; 0, as the kernel tells it, stands for all.
//
//nl:struct
type TCPFlags struct {
	Flags uint8 // IP_CT_TCP_FLAG_
	Mask  uint8
}

// DCCPInfo is the state of DCCP tracking.
//
//nl:nest
type DCCPInfo struct {
	State        uint8  `nl:"CTA_PROTOINFO_DCCP_STATE"` // CT_DCCP_
	Role         uint8  `nl:"CTA_PROTOINFO_DCCP_ROLE"`
	HandshakeSeq uint64 `nl:"CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ,be"`

	Has DCCPInfoSet
}

// SCTPInfo is the state of SCTP tracking. Both tags are needed to set it.
//
//nl:nest
type SCTPInfo struct {
	State     uint8  `nl:"CTA_PROTOINFO_SCTP_STATE"` // SCTP_CONNTRACK_
	VTagOrig  uint32 `nl:"CTA_PROTOINFO_SCTP_VTAG_ORIGINAL,be"`
	VTagReply uint32 `nl:"CTA_PROTOINFO_SCTP_VTAG_REPLY,be"`

	Has SCTPInfoSet
}

// A Helper understands the protocol above the connection and expects further
// ones.
//
//nl:nest
type Helper struct {
	Name string `nl:"CTA_HELP_NAME"` // ftp, sip ...; empty on update takes it away
	Info []byte `nl:"CTA_HELP_INFO"` // the helper's own

	Has HelperSet
}

// NAT asks for a translation to an address of a range.
//
//nl:nest
type NAT struct {
	Min   netip.Addr `nl:"CTA_NAT_V4_MINIP,v6=CTA_NAT_V6_MINIP"`
	Max   netip.Addr `nl:"CTA_NAT_V4_MAXIP,v6=CTA_NAT_V6_MAXIP"` // Min if absent
	Ports PortRange  `nl:"CTA_NAT_PROTO"`

	Has NATSet
}

// PortRange asks for a translation to a port of a range.
//
//nl:nest
type PortRange struct {
	Min uint16 `nl:"CTA_PROTONAT_PORT_MIN,be"`
	Max uint16 `nl:"CTA_PROTONAT_PORT_MAX,be"` // Min if absent

	Has PortRangeSet
}

// SeqAdj is how TCP sequence numbers are shifted where a helper changed the
// length of what was sent.
//
//nl:nest
type SeqAdj struct {
	CorrectionPos uint32 `nl:"CTA_SEQADJ_CORRECTION_POS,be"` // sequence number of the last change
	OffsetBefore  int32  `nl:"CTA_SEQADJ_OFFSET_BEFORE,be"`
	OffsetAfter   int32  `nl:"CTA_SEQADJ_OFFSET_AFTER,be"`

	Has SeqAdjSet
}

// Secctx is the security context, SELinux's.
//
//nl:nest
type Secctx struct {
	Name string `nl:"CTA_SECCTX_NAME"`

	Has SecctxSet
}

// Synproxy is what a SYN proxy has to translate.
//
//nl:nest
type Synproxy struct {
	ISN   uint32 `nl:"CTA_SYNPROXY_ISN,be"`   // initial sequence number
	ITS   uint32 `nl:"CTA_SYNPROXY_ITS,be"`   // initial time stamp
	TSOff uint32 `nl:"CTA_SYNPROXY_TSOFF,be"` // offset of time stamps

	Has SynproxySet
}

// Counters count one direction.
//
//nl:nest
type Counters struct {
	Packets uint64 `nl:"CTA_COUNTERS_PACKETS,be"`
	Bytes   uint64 `nl:"CTA_COUNTERS_BYTES,be"` // with IP headers

	Has CountersSet
}

// Timestamps are times in ns since 1970.
//
//nl:nest
type Timestamps struct {
	Start uint64 `nl:"CTA_TIMESTAMP_START,be"`
	Stop  uint64 `nl:"CTA_TIMESTAMP_STOP,be"` // in the event that ends it

	Has TimestampsSet
}

// Flags say which parts of the tuples a filter compares: bits
// CTA_FILTER_F_, in host order.
//
//nl:nest
type Flags struct {
	Orig  uint32 `nl:"CTA_FILTER_ORIG_FLAGS"`
	Reply uint32 `nl:"CTA_FILTER_REPLY_FLAGS"`

	Has FlagsSet
}

// An Expect is an expectation: a connection that a helper, or a program, says
// will come because of another one.
//
//nl:message
type Expect struct {
	Header nfnl.Header `nl:"header"`

	Master  Tuple         `nl:"CTA_EXPECT_MASTER"` // original tuple of the connection which expects it
	Tuple   Tuple         `nl:"CTA_EXPECT_TUPLE"`
	Mask    Tuple         `nl:"CTA_EXPECT_MASK"`              // the bits of Tuple that count
	Timeout time.Duration `nl:"CTA_EXPECT_TIMEOUT,unit=s,be"` // needed to create one
	ID      uint32        `nl:"CTA_EXPECT_ID,be"`
	Helper  string        `nl:"CTA_EXPECT_HELP_NAME"`
	Zone    uint16        `nl:"CTA_EXPECT_ZONE,be"`
	Flags   uint32        `nl:"CTA_EXPECT_FLAGS,be"` // NF_CT_EXPECT_
	Class   uint32        `nl:"CTA_EXPECT_CLASS,be"` // the helper's own
	NAT     NATOfExpect   `nl:"CTA_EXPECT_NAT"`
	Func    string        `nl:"CTA_EXPECT_FN"` // called when it comes: nat-follow-master ...

	Has ExpectSet
}

// NATOfExpect is the translation that an expected connection gets.
//
//nl:nest
type NATOfExpect struct {
	Dir   uint32 `nl:"CTA_EXPECT_NAT_DIR,be"` // IP_CT_DIR_
	Tuple Tuple  `nl:"CTA_EXPECT_NAT_TUPLE"`

	Has NATOfExpectSet
}

// CPUStats counts what one CPU did.
//
//nl:message
type CPUStats struct {
	Header nfnl.Header `nl:"header"` // ResID is the CPU

	Searched      uint32 `nl:"CTA_STATS_SEARCHED,be"` // old kernels
	Found         uint32 `nl:"CTA_STATS_FOUND,be"`    // entries found that already existed
	New           uint32 `nl:"CTA_STATS_NEW,be"`      // old kernels
	Invalid       uint32 `nl:"CTA_STATS_INVALID,be"`  // packets that could not be tracked
	Ignore        uint32 `nl:"CTA_STATS_IGNORE,be"`   // old kernels
	Delete        uint32 `nl:"CTA_STATS_DELETE,be"`   // old kernels
	DeleteList    uint32 `nl:"CTA_STATS_DELETE_LIST,be"`
	Insert        uint32 `nl:"CTA_STATS_INSERT,be"`
	InsertFailed  uint32 `nl:"CTA_STATS_INSERT_FAILED,be"` // lost a race
	Drop          uint32 `nl:"CTA_STATS_DROP,be"`          // packets dropped: no memory, table full
	EarlyDrop     uint32 `nl:"CTA_STATS_EARLY_DROP,be"`    // entries dropped to make room
	Error         uint32 `nl:"CTA_STATS_ERROR,be"`         // broken ICMP errors and the like
	SearchRestart uint32 `nl:"CTA_STATS_SEARCH_RESTART,be"`
	ClashResolve  uint32 `nl:"CTA_STATS_CLASH_RESOLVE,be"`
	ChainTooLong  uint32 `nl:"CTA_STATS_CHAIN_TOOLONG,be"`

	Has CPUStatsSet
}

// Stats are those of the whole table of a namespace.
//
//nl:message
type Stats struct {
	Header nfnl.Header `nl:"header"`

	Entries    uint32 `nl:"CTA_STATS_GLOBAL_ENTRIES,be"`
	MaxEntries uint32 `nl:"CTA_STATS_GLOBAL_MAX_ENTRIES,be"`

	Has StatsSet
}

// ExpectCPUStats counts what one CPU did with expectations.
//
//nl:message
type ExpectCPUStats struct {
	Header nfnl.Header `nl:"header"` // ResID is the CPU

	New    uint32 `nl:"CTA_STATS_EXP_NEW,be"`
	Create uint32 `nl:"CTA_STATS_EXP_CREATE,be"`
	Delete uint32 `nl:"CTA_STATS_EXP_DELETE,be"`

	Has ExpectCPUStatsSet
}
