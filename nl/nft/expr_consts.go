package nft

// Numbers of expressions and objects, from linux/netfilter/nf_tables.h.

// Registers. Those of 4 bytes begin where NFT_REG_1 does.
const (
	NFT_REG_VERDICT = 0
	NFT_REG_1       = 1
	NFT_REG_2       = 2
	NFT_REG_3       = 3
	NFT_REG_4       = 4
	NFT_REG32_00    = 8
	NFT_REG32_01    = 9
	NFT_REG32_02    = 10
	NFT_REG32_03    = 11
	NFT_REG32_04    = 12
	NFT_REG32_05    = 13
	NFT_REG32_06    = 14
	NFT_REG32_07    = 15
	NFT_REG32_08    = 16
	NFT_REG32_09    = 17
	NFT_REG32_10    = 18
	NFT_REG32_11    = 19
	NFT_REG32_12    = 20
	NFT_REG32_13    = 21
	NFT_REG32_14    = 22
	NFT_REG32_15    = 23
)

// Attributes of immediate.
const (
	NFTA_IMMEDIATE_DREG = 1
	NFTA_IMMEDIATE_DATA = 2
)

// Operations of bitwise.
const (
	NFT_BITWISE_MASK_XOR = 0
	NFT_BITWISE_LSHIFT   = 1
	NFT_BITWISE_RSHIFT   = 2
	NFT_BITWISE_AND      = 3 // Linux 6.13
	NFT_BITWISE_OR       = 4 // Linux 6.13
	NFT_BITWISE_XOR      = 5 // Linux 6.13
)

// Attributes of bitwise.
const (
	NFTA_BITWISE_SREG  = 1
	NFTA_BITWISE_DREG  = 2
	NFTA_BITWISE_LEN   = 3
	NFTA_BITWISE_MASK  = 4
	NFTA_BITWISE_XOR   = 5
	NFTA_BITWISE_OP    = 6
	NFTA_BITWISE_DATA  = 7
	NFTA_BITWISE_SREG2 = 8 // Linux 6.13
)

// Operations of byteorder.
const (
	NFT_BYTEORDER_NTOH = 0
	NFT_BYTEORDER_HTON = 1
)

// Attributes of byteorder.
const (
	NFTA_BYTEORDER_SREG = 1
	NFTA_BYTEORDER_DREG = 2
	NFTA_BYTEORDER_OP   = 3
	NFTA_BYTEORDER_LEN  = 4
	NFTA_BYTEORDER_SIZE = 5
)

// Operations of cmp.
const (
	NFT_CMP_EQ  = 0
	NFT_CMP_NEQ = 1
	NFT_CMP_LT  = 2
	NFT_CMP_LTE = 3
	NFT_CMP_GT  = 4
	NFT_CMP_GTE = 5
)

// Attributes of cmp.
const (
	NFTA_CMP_SREG = 1
	NFTA_CMP_OP   = 2
	NFTA_CMP_DATA = 3
)

// Operations of range.
const (
	NFT_RANGE_EQ  = 0
	NFT_RANGE_NEQ = 1
)

// Attributes of range.
const (
	NFTA_RANGE_SREG      = 1
	NFTA_RANGE_OP        = 2
	NFTA_RANGE_FROM_DATA = 3
	NFTA_RANGE_TO_DATA   = 4
)

// Flags of lookup.
const (
	NFT_LOOKUP_F_INV = 1 << 0 // true if the key is not in the set
)

// Attributes of lookup.
const (
	NFTA_LOOKUP_SET    = 1
	NFTA_LOOKUP_SREG   = 2
	NFTA_LOOKUP_DREG   = 3
	NFTA_LOOKUP_SET_ID = 4
	NFTA_LOOKUP_FLAGS  = 5
)

// Operations of dynset.
const (
	NFT_DYNSET_OP_ADD    = 0
	NFT_DYNSET_OP_UPDATE = 1
	NFT_DYNSET_OP_DELETE = 2
)

// Flags of dynset.
const (
	NFT_DYNSET_F_INV  = 1 << 0
	NFT_DYNSET_F_EXPR = 1 << 1
)

// Attributes of dynset.
const (
	NFTA_DYNSET_SET_NAME    = 1
	NFTA_DYNSET_SET_ID      = 2
	NFTA_DYNSET_OP          = 3
	NFTA_DYNSET_SREG_KEY    = 4
	NFTA_DYNSET_SREG_DATA   = 5
	NFTA_DYNSET_TIMEOUT     = 6
	NFTA_DYNSET_EXPR        = 7
	NFTA_DYNSET_FLAGS       = 9
	NFTA_DYNSET_EXPRESSIONS = 10
)

// Bases of payload.
const (
	NFT_PAYLOAD_LL_HEADER        = 0
	NFT_PAYLOAD_NETWORK_HEADER   = 1
	NFT_PAYLOAD_TRANSPORT_HEADER = 2
	NFT_PAYLOAD_INNER_HEADER     = 3
	NFT_PAYLOAD_TUN_HEADER       = 4 // Linux 6.2
)

// Checksums of payload.
const (
	NFT_PAYLOAD_CSUM_NONE = 0
	NFT_PAYLOAD_CSUM_INET = 1
	NFT_PAYLOAD_CSUM_SCTP = 2
)

// Flags of a checksum of payload.
const (
	NFT_PAYLOAD_L4CSUM_PSEUDOHDR = 1 << 0
)

// Attributes of payload.
const (
	NFTA_PAYLOAD_DREG        = 1
	NFTA_PAYLOAD_BASE        = 2
	NFTA_PAYLOAD_OFFSET      = 3
	NFTA_PAYLOAD_LEN         = 4
	NFTA_PAYLOAD_SREG        = 5
	NFTA_PAYLOAD_CSUM_TYPE   = 6
	NFTA_PAYLOAD_CSUM_OFFSET = 7
	NFTA_PAYLOAD_CSUM_FLAGS  = 8
)

// Flags of exthdr.
const (
	NFT_EXTHDR_F_PRESENT = 1 << 0 // load whether it is there
)

// Kinds of header of exthdr.
const (
	NFT_EXTHDR_OP_IPV6   = 0
	NFT_EXTHDR_OP_TCPOPT = 1
	NFT_EXTHDR_OP_IPV4   = 2
	NFT_EXTHDR_OP_SCTP   = 3
	NFT_EXTHDR_OP_DCCP   = 4
)

// Attributes of exthdr.
const (
	NFTA_EXTHDR_DREG   = 1
	NFTA_EXTHDR_TYPE   = 2
	NFTA_EXTHDR_OFFSET = 3
	NFTA_EXTHDR_LEN    = 4
	NFTA_EXTHDR_FLAGS  = 5
	NFTA_EXTHDR_OP     = 6
	NFTA_EXTHDR_SREG   = 7
)

// Keys of meta.
const (
	NFT_META_LEN           = 0
	NFT_META_PROTOCOL      = 1
	NFT_META_PRIORITY      = 2
	NFT_META_MARK          = 3
	NFT_META_IIF           = 4
	NFT_META_OIF           = 5
	NFT_META_IIFNAME       = 6
	NFT_META_OIFNAME       = 7
	NFT_META_IFTYPE        = 8
	NFT_META_OIFTYPE       = 9
	NFT_META_SKUID         = 10
	NFT_META_SKGID         = 11
	NFT_META_NFTRACE       = 12
	NFT_META_RTCLASSID     = 13
	NFT_META_SECMARK       = 14
	NFT_META_NFPROTO       = 15
	NFT_META_L4PROTO       = 16
	NFT_META_BRI_IIFNAME   = 17
	NFT_META_BRI_OIFNAME   = 18
	NFT_META_PKTTYPE       = 19
	NFT_META_CPU           = 20
	NFT_META_IIFGROUP      = 21
	NFT_META_OIFGROUP      = 22
	NFT_META_CGROUP        = 23
	NFT_META_PRANDOM       = 24
	NFT_META_SECPATH       = 25
	NFT_META_IIFKIND       = 26
	NFT_META_OIFKIND       = 27
	NFT_META_BRI_IIFPVID   = 28
	NFT_META_BRI_IIFVPROTO = 29
	NFT_META_TIME_NS       = 30
	NFT_META_TIME_DAY      = 31
	NFT_META_TIME_HOUR     = 32
	NFT_META_SDIF          = 33
	NFT_META_SDIFNAME      = 34
	NFT_META_BRI_BROUTE    = 35 // Linux 6.4
	NFT_META_BRI_IIFHWADDR = 37 // Linux 6.18
)

// Attributes of meta.
const (
	NFTA_META_DREG = 1
	NFTA_META_KEY  = 2
	NFTA_META_SREG = 3
)

// Keys of rt.
const (
	NFT_RT_CLASSID  = 0
	NFT_RT_NEXTHOP4 = 1
	NFT_RT_NEXTHOP6 = 2
	NFT_RT_TCPMSS   = 3
	NFT_RT_XFRM     = 4
)

// Attributes of rt.
const (
	NFTA_RT_DREG = 1
	NFTA_RT_KEY  = 2
)

// Keys of socket.
const (
	NFT_SOCKET_TRANSPARENT = 0
	NFT_SOCKET_MARK        = 1
	NFT_SOCKET_WILDCARD    = 2
	NFT_SOCKET_CGROUPV2    = 3
)

// Attributes of socket.
const (
	NFTA_SOCKET_KEY   = 1
	NFTA_SOCKET_DREG  = 2
	NFTA_SOCKET_LEVEL = 3
)

// Types of hash.
const (
	NFT_HASH_JENKINS = 0
	NFT_HASH_SYM     = 1
)

// Attributes of hash.
const (
	NFTA_HASH_SREG     = 1
	NFTA_HASH_DREG     = 2
	NFTA_HASH_LEN      = 3
	NFTA_HASH_MODULUS  = 4
	NFTA_HASH_SEED     = 5
	NFTA_HASH_OFFSET   = 6
	NFTA_HASH_TYPE     = 7
	NFTA_HASH_SET_NAME = 8
	NFTA_HASH_SET_ID   = 9
)

// Keys of ct.
const (
	NFT_CT_STATE      = 0
	NFT_CT_DIRECTION  = 1
	NFT_CT_STATUS     = 2
	NFT_CT_MARK       = 3
	NFT_CT_SECMARK    = 4
	NFT_CT_EXPIRATION = 5
	NFT_CT_HELPER     = 6
	NFT_CT_L3PROTOCOL = 7
	NFT_CT_SRC        = 8
	NFT_CT_DST        = 9
	NFT_CT_PROTOCOL   = 10
	NFT_CT_PROTO_SRC  = 11
	NFT_CT_PROTO_DST  = 12
	NFT_CT_LABELS     = 13
	NFT_CT_PKTS       = 14
	NFT_CT_BYTES      = 15
	NFT_CT_AVGPKT     = 16
	NFT_CT_ZONE       = 17
	NFT_CT_EVENTMASK  = 18
	NFT_CT_SRC_IP     = 19
	NFT_CT_DST_IP     = 20
	NFT_CT_SRC_IP6    = 21
	NFT_CT_DST_IP6    = 22
	NFT_CT_ID         = 23
)

// Attributes of ct.
const (
	NFTA_CT_DREG      = 1
	NFTA_CT_KEY       = 2
	NFTA_CT_DIRECTION = 3
	NFTA_CT_SREG      = 4
)

// Attributes of flow_offload.
const (
	NFTA_FLOW_TABLE_NAME = 1
)

// Types of limit.
const (
	NFT_LIMIT_PKTS      = 0
	NFT_LIMIT_PKT_BYTES = 1
)

// Flags of limit.
const (
	NFT_LIMIT_F_INV = 1 << 0 // true above the rate
)

// Attributes of limit.
const (
	NFTA_LIMIT_RATE  = 1
	NFTA_LIMIT_UNIT  = 2
	NFTA_LIMIT_BURST = 3
	NFTA_LIMIT_TYPE  = 4
	NFTA_LIMIT_FLAGS = 5
)

// Flags of connlimit.
const (
	NFT_CONNLIMIT_F_INV = 1 << 0 // true above the count
)

// Attributes of connlimit.
const (
	NFTA_CONNLIMIT_COUNT = 1
	NFTA_CONNLIMIT_FLAGS = 2
)

// Attributes of last.
const (
	NFTA_LAST_SET   = 1
	NFTA_LAST_MSECS = 2
)

// Attributes of log.
const (
	NFTA_LOG_GROUP      = 1
	NFTA_LOG_PREFIX     = 2
	NFTA_LOG_SNAPLEN    = 3
	NFTA_LOG_QTHRESHOLD = 4
	NFTA_LOG_LEVEL      = 5
	NFTA_LOG_FLAGS      = 6
)

// Levels of log.
const (
	NFT_LOGLEVEL_EMERG   = 0
	NFT_LOGLEVEL_ALERT   = 1
	NFT_LOGLEVEL_CRIT    = 2
	NFT_LOGLEVEL_ERR     = 3
	NFT_LOGLEVEL_WARNING = 4
	NFT_LOGLEVEL_NOTICE  = 5
	NFT_LOGLEVEL_INFO    = 6
	NFT_LOGLEVEL_DEBUG   = 7
	NFT_LOGLEVEL_AUDIT   = 8
)

// Attributes of queue.
const (
	NFTA_QUEUE_NUM       = 1
	NFTA_QUEUE_TOTAL     = 2
	NFTA_QUEUE_FLAGS     = 3
	NFTA_QUEUE_SREG_QNUM = 4
)

// Flags of quota.
const (
	NFT_QUOTA_F_INV      = 1 << 0 // true above it
	NFT_QUOTA_F_DEPLETED = 1 << 1
)

// Attributes of quota.
const (
	NFTA_QUOTA_BYTES    = 1
	NFTA_QUOTA_FLAGS    = 2
	NFTA_QUOTA_CONSUMED = 4
)

// Attributes of secmark.
const (
	NFTA_SECMARK_CTX = 1
)

// Types of reject.
const (
	NFT_REJECT_ICMP_UNREACH  = 0
	NFT_REJECT_TCP_RST       = 1
	NFT_REJECT_ICMPX_UNREACH = 2
)

// Codes of reject that are of no family.
const (
	NFT_REJECT_ICMPX_NO_ROUTE         = 0
	NFT_REJECT_ICMPX_PORT_UNREACH     = 1
	NFT_REJECT_ICMPX_HOST_UNREACH     = 2
	NFT_REJECT_ICMPX_ADMIN_PROHIBITED = 3
)

// Attributes of reject.
const (
	NFTA_REJECT_TYPE      = 1
	NFTA_REJECT_ICMP_CODE = 2
)

// Types of nat.
const (
	NFT_NAT_SNAT = 0
	NFT_NAT_DNAT = 1
)

// Attributes of nat.
const (
	NFTA_NAT_TYPE          = 1
	NFTA_NAT_FAMILY        = 2
	NFTA_NAT_REG_ADDR_MIN  = 3
	NFTA_NAT_REG_ADDR_MAX  = 4
	NFTA_NAT_REG_PROTO_MIN = 5
	NFTA_NAT_REG_PROTO_MAX = 6
	NFTA_NAT_FLAGS         = 7
)

// Attributes of tproxy.
const (
	NFTA_TPROXY_FAMILY   = 1
	NFTA_TPROXY_REG_ADDR = 2
	NFTA_TPROXY_REG_PORT = 3
)

// Attributes of masq.
const (
	NFTA_MASQ_FLAGS         = 1
	NFTA_MASQ_REG_PROTO_MIN = 2
	NFTA_MASQ_REG_PROTO_MAX = 3
)

// Attributes of redir.
const (
	NFTA_REDIR_REG_PROTO_MIN = 1
	NFTA_REDIR_REG_PROTO_MAX = 2
	NFTA_REDIR_FLAGS         = 3
)

// Attributes of dup.
const (
	NFTA_DUP_SREG_ADDR = 1
	NFTA_DUP_SREG_DEV  = 2
)

// Attributes of fwd.
const (
	NFTA_FWD_SREG_DEV  = 1
	NFTA_FWD_SREG_ADDR = 2
	NFTA_FWD_NFPROTO   = 3
)

// Attributes of objref.
const (
	NFTA_OBJREF_IMM_TYPE = 1
	NFTA_OBJREF_IMM_NAME = 2
	NFTA_OBJREF_SET_SREG = 3
	NFTA_OBJREF_SET_NAME = 4
	NFTA_OBJREF_SET_ID   = 5
)

// Results of fib.
const (
	NFT_FIB_RESULT_OIF      = 1
	NFT_FIB_RESULT_OIFNAME  = 2
	NFT_FIB_RESULT_ADDRTYPE = 3
)

// Attributes of fib.
const (
	NFTA_FIB_DREG   = 1
	NFTA_FIB_RESULT = 2
	NFTA_FIB_FLAGS  = 3
)

// Attributes of osf.
const (
	NFTA_OSF_DREG  = 1
	NFTA_OSF_TTL   = 2
	NFTA_OSF_FLAGS = 3
)

// Flags of osf.
const (
	NFT_OSF_F_VERSION = 1 << 0
)

// Attributes of synproxy.
const (
	NFTA_SYNPROXY_MSS    = 1
	NFTA_SYNPROXY_WSCALE = 2
	NFTA_SYNPROXY_FLAGS  = 3
)

// Keys of xfrm.
const (
	NFT_XFRM_KEY_DADDR_IP4 = 1
	NFT_XFRM_KEY_DADDR_IP6 = 2
	NFT_XFRM_KEY_SADDR_IP4 = 3
	NFT_XFRM_KEY_SADDR_IP6 = 4
	NFT_XFRM_KEY_REQID     = 5
	NFT_XFRM_KEY_SPI       = 6
)

// Attributes of xfrm.
const (
	NFTA_XFRM_DREG  = 1
	NFTA_XFRM_KEY   = 2
	NFTA_XFRM_DIR   = 3
	NFTA_XFRM_SPNUM = 4
)

// Types of numgen.
const (
	NFT_NG_INCREMENTAL = 0
	NFT_NG_RANDOM      = 1
)

// Attributes of numgen.
const (
	NFTA_NG_DREG     = 1
	NFTA_NG_MODULUS  = 2
	NFTA_NG_TYPE     = 3
	NFTA_NG_OFFSET   = 4
	NFTA_NG_SET_NAME = 5
	NFTA_NG_SET_ID   = 6
)

// Keys of tunnel.
const (
	NFT_TUNNEL_PATH = 0
	NFT_TUNNEL_ID   = 1
)

// Directions of tunnel.
const (
	NFT_TUNNEL_MODE_NONE = 0
	NFT_TUNNEL_MODE_RX   = 1
	NFT_TUNNEL_MODE_TX   = 2
)

// Attributes of tunnel.
const (
	NFTA_TUNNEL_KEY  = 1
	NFTA_TUNNEL_DREG = 2
	NFTA_TUNNEL_MODE = 3
)

// Attributes of a ct helper object.
const (
	NFTA_CT_HELPER_NAME    = 1
	NFTA_CT_HELPER_L3PROTO = 2
	NFTA_CT_HELPER_L4PROTO = 3
)

// Attributes of a ct timeout object.
const (
	NFTA_CT_TIMEOUT_L3PROTO = 1
	NFTA_CT_TIMEOUT_L4PROTO = 2
	NFTA_CT_TIMEOUT_DATA    = 3
)

// Attributes of a ct expectation object.
const (
	NFTA_CT_EXPECT_L3PROTO = 1
	NFTA_CT_EXPECT_L4PROTO = 2
	NFTA_CT_EXPECT_DPORT   = 3
	NFTA_CT_EXPECT_TIMEOUT = 4
	NFTA_CT_EXPECT_SIZE    = 5
)

// Flags of fib.
const (
	NFTA_FIB_F_SADDR   = 1 << 0 // look up the source
	NFTA_FIB_F_DADDR   = 1 << 1 // look up the destination
	NFTA_FIB_F_MARK    = 1 << 2
	NFTA_FIB_F_IIF     = 1 << 3
	NFTA_FIB_F_OIF     = 1 << 4
	NFTA_FIB_F_PRESENT = 1 << 5 // load whether there is one
)

// Flags of queue.
const (
	NFT_QUEUE_FLAG_BYPASS     = 0x01 // accept if nobody listens
	NFT_QUEUE_FLAG_CPU_FANOUT = 0x02 // choose the queue by the CPU
)

// Flags of nat, masq and redir (linux/netfilter/nf_nat.h).
const (
	NF_NAT_RANGE_MAP_IPS            = 1 << 0
	NF_NAT_RANGE_PROTO_SPECIFIED    = 1 << 1
	NF_NAT_RANGE_PROTO_RANDOM       = 1 << 2
	NF_NAT_RANGE_PERSISTENT         = 1 << 3
	NF_NAT_RANGE_PROTO_RANDOM_FULLY = 1 << 4
	NF_NAT_RANGE_PROTO_OFFSET       = 1 << 5
	NF_NAT_RANGE_NETMAP             = 1 << 6
)

// Attributes of inner.
const (
	NFTA_INNER_NUM     = 1 // Linux 6.2
	NFTA_INNER_TYPE    = 2 // Linux 6.2
	NFTA_INNER_FLAGS   = 3 // Linux 6.2
	NFTA_INNER_HDRSIZE = 4 // Linux 6.2
	NFTA_INNER_EXPR    = 5 // Linux 6.2
)

// Attributes of target and match (linux/netfilter/nf_tables_compat.h).
const (
	NFTA_TARGET_NAME = 1
	NFTA_TARGET_REV  = 2
	NFTA_TARGET_INFO = 3
)
