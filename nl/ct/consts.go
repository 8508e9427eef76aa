package ct

// Numbers from linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h,
// nf_conntrack_tcp.h and nf_conntrack_sctp.h.

// Messages of nfnl.SubsysConntrack.
const (
	IPCTNL_MSG_CT_NEW             = 0
	IPCTNL_MSG_CT_GET             = 1
	IPCTNL_MSG_CT_DELETE          = 2
	IPCTNL_MSG_CT_GET_CTRZERO     = 3
	IPCTNL_MSG_CT_GET_STATS_CPU   = 4
	IPCTNL_MSG_CT_GET_STATS       = 5
	IPCTNL_MSG_CT_GET_DYING       = 6
	IPCTNL_MSG_CT_GET_UNCONFIRMED = 7
)

// Messages of nfnl.SubsysConntrackExpect.
const (
	IPCTNL_MSG_EXP_NEW           = 0
	IPCTNL_MSG_EXP_GET           = 1
	IPCTNL_MSG_EXP_DELETE        = 2
	IPCTNL_MSG_EXP_GET_STATS_CPU = 3
)

// Attributes of an entry.
const (
	CTA_TUPLE_ORIG      = 1
	CTA_TUPLE_REPLY     = 2
	CTA_STATUS          = 3
	CTA_PROTOINFO       = 4
	CTA_HELP            = 5
	CTA_NAT_SRC         = 6
	CTA_TIMEOUT         = 7
	CTA_MARK            = 8
	CTA_COUNTERS_ORIG   = 9
	CTA_COUNTERS_REPLY  = 10
	CTA_USE             = 11
	CTA_ID              = 12
	CTA_NAT_DST         = 13
	CTA_TUPLE_MASTER    = 14
	CTA_SEQ_ADJ_ORIG    = 15
	CTA_SEQ_ADJ_REPLY   = 16
	CTA_SECMARK         = 17
	CTA_ZONE            = 18
	CTA_SECCTX          = 19
	CTA_TIMESTAMP       = 20
	CTA_MARK_MASK       = 21
	CTA_LABELS          = 22
	CTA_LABELS_MASK     = 23
	CTA_SYNPROXY        = 24
	CTA_FILTER          = 25
	CTA_STATUS_MASK     = 26
	CTA_TIMESTAMP_EVENT = 27 // Linux 6.14
)

// Attributes of a tuple.
const (
	CTA_TUPLE_IP    = 1
	CTA_TUPLE_PROTO = 2
	CTA_TUPLE_ZONE  = 3
)

// Attributes of CTA_TUPLE_IP.
const (
	CTA_IP_V4_SRC = 1
	CTA_IP_V4_DST = 2
	CTA_IP_V6_SRC = 3
	CTA_IP_V6_DST = 4
)

// Attributes of CTA_TUPLE_PROTO.
const (
	CTA_PROTO_NUM         = 1
	CTA_PROTO_SRC_PORT    = 2
	CTA_PROTO_DST_PORT    = 3
	CTA_PROTO_ICMP_ID     = 4
	CTA_PROTO_ICMP_TYPE   = 5
	CTA_PROTO_ICMP_CODE   = 6
	CTA_PROTO_ICMPV6_ID   = 7
	CTA_PROTO_ICMPV6_TYPE = 8
	CTA_PROTO_ICMPV6_CODE = 9
)

// Attributes of CTA_PROTOINFO.
const (
	CTA_PROTOINFO_TCP  = 1
	CTA_PROTOINFO_DCCP = 2
	CTA_PROTOINFO_SCTP = 3
)

// Attributes of CTA_PROTOINFO_TCP.
const (
	CTA_PROTOINFO_TCP_STATE           = 1
	CTA_PROTOINFO_TCP_WSCALE_ORIGINAL = 2
	CTA_PROTOINFO_TCP_WSCALE_REPLY    = 3
	CTA_PROTOINFO_TCP_FLAGS_ORIGINAL  = 4
	CTA_PROTOINFO_TCP_FLAGS_REPLY     = 5
)

// Attributes of CTA_PROTOINFO_DCCP.
const (
	CTA_PROTOINFO_DCCP_STATE         = 1
	CTA_PROTOINFO_DCCP_ROLE          = 2
	CTA_PROTOINFO_DCCP_HANDSHAKE_SEQ = 3
)

// Attributes of CTA_PROTOINFO_SCTP.
const (
	CTA_PROTOINFO_SCTP_STATE         = 1
	CTA_PROTOINFO_SCTP_VTAG_ORIGINAL = 2
	CTA_PROTOINFO_SCTP_VTAG_REPLY    = 3
)

// Attributes of CTA_COUNTERS_ORIG and _REPLY.
const (
	CTA_COUNTERS_PACKETS   = 1
	CTA_COUNTERS_BYTES     = 2
	CTA_COUNTERS32_PACKETS = 3
	CTA_COUNTERS32_BYTES   = 4
)

// Attributes of CTA_TIMESTAMP.
const (
	CTA_TIMESTAMP_START = 1
	CTA_TIMESTAMP_STOP  = 2
)

// Attributes of CTA_NAT_SRC and _DST.
const (
	CTA_NAT_V4_MINIP = 1
	CTA_NAT_V4_MAXIP = 2
	CTA_NAT_PROTO    = 3
	CTA_NAT_V6_MINIP = 4
	CTA_NAT_V6_MAXIP = 5
)

// Attributes of CTA_NAT_PROTO.
const (
	CTA_PROTONAT_PORT_MIN = 1
	CTA_PROTONAT_PORT_MAX = 2
)

// Attributes of CTA_SEQ_ADJ_ORIG and _REPLY.
const (
	CTA_SEQADJ_CORRECTION_POS = 1
	CTA_SEQADJ_OFFSET_BEFORE  = 2
	CTA_SEQADJ_OFFSET_AFTER   = 3
)

// Attributes of CTA_SYNPROXY.
const (
	CTA_SYNPROXY_ISN   = 1
	CTA_SYNPROXY_ITS   = 2
	CTA_SYNPROXY_TSOFF = 3
)

// Attributes of an expectation.
const (
	CTA_EXPECT_MASTER    = 1
	CTA_EXPECT_TUPLE     = 2
	CTA_EXPECT_MASK      = 3
	CTA_EXPECT_TIMEOUT   = 4
	CTA_EXPECT_ID        = 5
	CTA_EXPECT_HELP_NAME = 6
	CTA_EXPECT_ZONE      = 7
	CTA_EXPECT_FLAGS     = 8
	CTA_EXPECT_CLASS     = 9
	CTA_EXPECT_NAT       = 10
	CTA_EXPECT_FN        = 11
)

// Attributes of CTA_EXPECT_NAT.
const (
	CTA_EXPECT_NAT_DIR   = 1
	CTA_EXPECT_NAT_TUPLE = 2
)

// Attributes of CTA_HELP.
const (
	CTA_HELP_NAME = 1
	CTA_HELP_INFO = 2
)

// Attributes of CTA_SECCTX.
const (
	CTA_SECCTX_NAME = 1
)

// Attributes of the statistics of a CPU.
const (
	CTA_STATS_SEARCHED       = 1
	CTA_STATS_FOUND          = 2
	CTA_STATS_NEW            = 3
	CTA_STATS_INVALID        = 4
	CTA_STATS_IGNORE         = 5
	CTA_STATS_DELETE         = 6
	CTA_STATS_DELETE_LIST    = 7
	CTA_STATS_INSERT         = 8
	CTA_STATS_INSERT_FAILED  = 9
	CTA_STATS_DROP           = 10
	CTA_STATS_EARLY_DROP     = 11
	CTA_STATS_ERROR          = 12
	CTA_STATS_SEARCH_RESTART = 13
	CTA_STATS_CLASH_RESOLVE  = 14
	CTA_STATS_CHAIN_TOOLONG  = 15
)

// Attributes of the statistics of the table.
const (
	CTA_STATS_GLOBAL_ENTRIES     = 1
	CTA_STATS_GLOBAL_MAX_ENTRIES = 2
)

// Attributes of the statistics of expectations of a CPU.
const (
	CTA_STATS_EXP_NEW    = 1
	CTA_STATS_EXP_CREATE = 2
	CTA_STATS_EXP_DELETE = 3
)

// Attributes of CTA_FILTER.
const (
	CTA_FILTER_ORIG_FLAGS  = 1
	CTA_FILTER_REPLY_FLAGS = 2
)

// What a flag of CTA_FILTER_ORIG_FLAGS and _REPLY_FLAGS compares. The kernel
// keeps these in net/netfilter/nf_internals.h: no installed header has them.
const (
	CTA_FILTER_F_CTA_IP_SRC            = 1 << 0
	CTA_FILTER_F_CTA_IP_DST            = 1 << 1
	CTA_FILTER_F_CTA_TUPLE_ZONE        = 1 << 2
	CTA_FILTER_F_CTA_PROTO_NUM         = 1 << 3
	CTA_FILTER_F_CTA_PROTO_SRC_PORT    = 1 << 4
	CTA_FILTER_F_CTA_PROTO_DST_PORT    = 1 << 5
	CTA_FILTER_F_CTA_PROTO_ICMP_TYPE   = 1 << 6
	CTA_FILTER_F_CTA_PROTO_ICMP_CODE   = 1 << 7
	CTA_FILTER_F_CTA_PROTO_ICMP_ID     = 1 << 8
	CTA_FILTER_F_CTA_PROTO_ICMPV6_TYPE = 1 << 9
	CTA_FILTER_F_CTA_PROTO_ICMPV6_CODE = 1 << 10
	CTA_FILTER_F_CTA_PROTO_ICMPV6_ID   = 1 << 11
)

// Status of an entry.
const (
	IPS_EXPECTED      Status = 1 << 0 // an expectation made it
	IPS_SEEN_REPLY    Status = 1 << 1 // can be set, not taken away
	IPS_ASSURED       Status = 1 << 2 // not dropped early when the table is full; can be set, not taken away
	IPS_CONFIRMED     Status = 1 << 3 // in the table
	IPS_SRC_NAT       Status = 1 << 4 // the source is translated in the original direction
	IPS_DST_NAT       Status = 1 << 5 // the destination is translated in the original direction
	IPS_SEQ_ADJUST    Status = 1 << 6 // TCP sequence numbers are adjusted
	IPS_SRC_NAT_DONE  Status = 1 << 7
	IPS_DST_NAT_DONE  Status = 1 << 8
	IPS_DYING         Status = 1 << 9  // gone from the table
	IPS_FIXED_TIMEOUT Status = 1 << 10 // packets do not refresh the timeout
	IPS_TEMPLATE      Status = 1 << 11
	IPS_UNTRACKED     Status = 1 << 12 // no longer used
	IPS_HELPER        Status = 1 << 13 // the helper was attached by a rule or by hand
	IPS_OFFLOAD       Status = 1 << 14 // in a flowtable
	IPS_HW_OFFLOAD    Status = 1 << 15 // in a device's flowtable

	// IPS_UNCHANGEABLE_MASK has the bits that an update leaves alone.
	IPS_UNCHANGEABLE_MASK = IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE | IPS_SRC_NAT | IPS_DST_NAT | IPS_EXPECTED |
		IPS_CONFIRMED | IPS_DYING | IPS_SEQ_ADJUST | IPS_TEMPLATE | IPS_UNTRACKED | IPS_OFFLOAD | IPS_HW_OFFLOAD
)

// States of TCP tracking.
const (
	TCP_CONNTRACK_NONE = iota
	TCP_CONNTRACK_SYN_SENT
	TCP_CONNTRACK_SYN_RECV
	TCP_CONNTRACK_ESTABLISHED
	TCP_CONNTRACK_FIN_WAIT
	TCP_CONNTRACK_CLOSE_WAIT
	TCP_CONNTRACK_LAST_ACK
	TCP_CONNTRACK_TIME_WAIT
	TCP_CONNTRACK_CLOSE
	TCP_CONNTRACK_SYN_SENT2
)

// Flags of one side of TCP tracking.
const (
	IP_CT_TCP_FLAG_WINDOW_SCALE        = 0x01 // the sender offered window scaling
	IP_CT_TCP_FLAG_SACK_PERM           = 0x02 // the sender permits SACK
	IP_CT_TCP_FLAG_CLOSE_INIT          = 0x04 // the sender sent the first FIN
	IP_CT_TCP_FLAG_BE_LIBERAL          = 0x08 // out of window segments are let through
	IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED = 0x10
	IP_CT_TCP_FLAG_MAXACK_SET          = 0x20
	IP_CT_EXP_CHALLENGE_ACK            = 0x40
	IP_CT_TCP_SIMULTANEOUS_OPEN        = 0x80
)

// States of SCTP tracking.
const (
	SCTP_CONNTRACK_NONE = iota
	SCTP_CONNTRACK_CLOSED
	SCTP_CONNTRACK_COOKIE_WAIT
	SCTP_CONNTRACK_COOKIE_ECHOED
	SCTP_CONNTRACK_ESTABLISHED
	SCTP_CONNTRACK_SHUTDOWN_SENT
	SCTP_CONNTRACK_SHUTDOWN_RECD
	SCTP_CONNTRACK_SHUTDOWN_ACK_SENT
	SCTP_CONNTRACK_HEARTBEAT_SENT
	SCTP_CONNTRACK_HEARTBEAT_ACKED // no longer used
)

// States of DCCP tracking, which Linux 6.16 removed.
const (
	CT_DCCP_NONE = iota
	CT_DCCP_REQUEST
	CT_DCCP_RESPOND
	CT_DCCP_PARTOPEN
	CT_DCCP_OPEN
	CT_DCCP_CLOSEREQ
	CT_DCCP_CLOSING
	CT_DCCP_TIMEWAIT
	CT_DCCP_IGNORE
	CT_DCCP_INVALID
)

// Roles of the end that sent the first packet in DCCP tracking: no installed header
// has them.
const (
	CT_DCCP_ROLE_CLIENT = 0
	CT_DCCP_ROLE_SERVER = 1
)

// Flags of an expectation.
const (
	NF_CT_EXPECT_PERMANENT = 0x1 // stays when a connection matched
	NF_CT_EXPECT_INACTIVE  = 0x2
	NF_CT_EXPECT_USERSPACE = 0x4 // made by a program, not by a helper
)

// Directions.
const (
	IP_CT_DIR_ORIGINAL = 0
	IP_CT_DIR_REPLY    = 1
)
