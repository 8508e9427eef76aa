package nft

import "time"

// The data of expressions, and of objects: see NewAttrs. Fields SReg and DReg are
// registers to read and to write, NFT_REG_.

// Immediate loads data, or a verdict, into a register.
//
//nl:nest
type Immediate struct {
	DReg uint32 `nl:"NFTA_IMMEDIATE_DREG,be,always"` // NFT_REG_VERDICT for a verdict
	Data Data   `nl:"NFTA_IMMEDIATE_DATA"`

	Has ImmediateSet
}

// Bitwise computes (source AND mask) XOR, or shifts, or joins two registers.
//
//nl:nest
type Bitwise struct {
	SReg  uint32 `nl:"NFTA_BITWISE_SREG,be"`
	DReg  uint32 `nl:"NFTA_BITWISE_DREG,be"`
	Len   uint32 `nl:"NFTA_BITWISE_LEN,be"` // bytes
	Mask  Data   `nl:"NFTA_BITWISE_MASK"`
	Xor   Data   `nl:"NFTA_BITWISE_XOR"`
	Op    uint32 `nl:"NFTA_BITWISE_OP,be"` // NFT_BITWISE_
	Data  Data   `nl:"NFTA_BITWISE_DATA"`  // bits to shift by, as the machine has numbers
	SReg2 uint32 `nl:"NFTA_BITWISE_SREG2,be"`

	Has BitwiseSet
}

// Byteorder swaps bytes.
//
//nl:nest
type Byteorder struct {
	SReg uint32 `nl:"NFTA_BYTEORDER_SREG,be"`
	DReg uint32 `nl:"NFTA_BYTEORDER_DREG,be"`
	Op   uint32 `nl:"NFTA_BYTEORDER_OP,be,always"` // NFT_BYTEORDER_
	Len  uint32 `nl:"NFTA_BYTEORDER_LEN,be"`       // bytes in all
	Size uint32 `nl:"NFTA_BYTEORDER_SIZE,be"`      // bytes of a number: 2, 4 or 8

	Has ByteorderSet
}

// Cmp goes on with the rule only if the comparison holds.
//
//nl:nest
type Cmp struct {
	SReg uint32 `nl:"NFTA_CMP_SREG,be"`
	Op   uint32 `nl:"NFTA_CMP_OP,be,always"` // NFT_CMP_
	Data Data   `nl:"NFTA_CMP_DATA"`

	Has CmpSet
}

// Range goes on only if a register is within, or without, a range.
//
//nl:nest
type Range struct {
	SReg uint32 `nl:"NFTA_RANGE_SREG,be"`
	Op   uint32 `nl:"NFTA_RANGE_OP,be,always"` // NFT_RANGE_
	From Data   `nl:"NFTA_RANGE_FROM_DATA"`
	To   Data   `nl:"NFTA_RANGE_TO_DATA"`

	Has RangeSet
}

// Lookup looks a register up in a set; with DReg it loads what a map has.
//
//nl:nest
type Lookup struct {
	SetName string `nl:"NFTA_LOOKUP_SET"`
	SReg    uint32 `nl:"NFTA_LOOKUP_SREG,be"`
	DReg    uint32 `nl:"NFTA_LOOKUP_DREG,be"`   // for a map of verdicts NFT_REG_VERDICT, marked in Has
	SetID   uint32 `nl:"NFTA_LOOKUP_SET_ID,be"` // within a transaction
	Flags   uint32 `nl:"NFTA_LOOKUP_FLAGS,be"`  // NFT_LOOKUP_F_INV

	Has LookupSet
}

// Dynset adds to a set, or deletes from it, as packets come.
//
//nl:nest
type Dynset struct {
	SetName string        `nl:"NFTA_DYNSET_SET_NAME"`
	SetID   uint32        `nl:"NFTA_DYNSET_SET_ID,be"`    // within a transaction
	Op      uint32        `nl:"NFTA_DYNSET_OP,be,always"` // NFT_DYNSET_OP_
	KeyReg  uint32        `nl:"NFTA_DYNSET_SREG_KEY,be"`
	DataReg uint32        `nl:"NFTA_DYNSET_SREG_DATA,be"`
	Timeout time.Duration `nl:"NFTA_DYNSET_TIMEOUT,unit=ms,width=64,be"`
	Expr    Expr          `nl:"NFTA_DYNSET_EXPR"`
	Flags   uint32        `nl:"NFTA_DYNSET_FLAGS,be"` // NFT_DYNSET_F_
	Exprs   []Expr        `nl:"NFTA_DYNSET_EXPRESSIONS,array,elem=NFTA_LIST_ELEM"`

	Has DynsetSet
}

// Payload loads bytes of the packet, or with SReg writes them.
//
//nl:nest
type Payload struct {
	DReg       uint32 `nl:"NFTA_PAYLOAD_DREG,be"`
	Base       uint32 `nl:"NFTA_PAYLOAD_BASE,be,always"`   // NFT_PAYLOAD_
	Offset     uint32 `nl:"NFTA_PAYLOAD_OFFSET,be,always"` // bytes
	Len        uint32 `nl:"NFTA_PAYLOAD_LEN,be"`           // bytes
	SReg       uint32 `nl:"NFTA_PAYLOAD_SREG,be"`
	CsumType   uint32 `nl:"NFTA_PAYLOAD_CSUM_TYPE,be"` // NFT_PAYLOAD_CSUM_
	CsumOffset uint32 `nl:"NFTA_PAYLOAD_CSUM_OFFSET,be"`
	CsumFlags  uint32 `nl:"NFTA_PAYLOAD_CSUM_FLAGS,be"`

	Has PayloadSet
}

// Exthdr loads or writes an extension header or a TCP option.
//
//nl:nest
type Exthdr struct {
	DReg   uint32 `nl:"NFTA_EXTHDR_DREG,be"`
	Type   uint8  `nl:"NFTA_EXTHDR_TYPE,always"` // of the header or option
	Offset uint32 `nl:"NFTA_EXTHDR_OFFSET,be,always"`
	Len    uint32 `nl:"NFTA_EXTHDR_LEN,be,always"`
	Flags  uint32 `nl:"NFTA_EXTHDR_FLAGS,be"` // NFT_EXTHDR_F_PRESENT
	Op     uint32 `nl:"NFTA_EXTHDR_OP,be"`    // NFT_EXTHDR_OP_
	SReg   uint32 `nl:"NFTA_EXTHDR_SREG,be"`

	Has ExthdrSet
}

// Meta loads what is known of the packet, or with SReg sets it.
//
//nl:nest
type Meta struct {
	DReg uint32 `nl:"NFTA_META_DREG,be"`
	Key  uint32 `nl:"NFTA_META_KEY,be,always"` // NFT_META_
	SReg uint32 `nl:"NFTA_META_SREG,be"`

	Has MetaSet
}

// RT loads what is known of the route.
//
//nl:nest
type RT struct {
	DReg uint32 `nl:"NFTA_RT_DREG,be"`
	Key  uint32 `nl:"NFTA_RT_KEY,be,always"` // NFT_RT_

	Has RTSet
}

// Socket loads what is known of the local socket.
//
//nl:nest
type Socket struct {
	Key   uint32 `nl:"NFTA_SOCKET_KEY,be,always"` // NFT_SOCKET_
	DReg  uint32 `nl:"NFTA_SOCKET_DREG,be"`
	Level uint32 `nl:"NFTA_SOCKET_LEVEL,be"` // of the control group

	Has SocketSet
}

// Hash loads a hash of a register.
//
//nl:nest
type Hash struct {
	SReg    uint32 `nl:"NFTA_HASH_SREG,be"`
	DReg    uint32 `nl:"NFTA_HASH_DREG,be"`
	Len     uint32 `nl:"NFTA_HASH_LEN,be"` // bytes
	Modulus uint32 `nl:"NFTA_HASH_MODULUS,be"`
	Seed    uint32 `nl:"NFTA_HASH_SEED,be"`
	Offset  uint32 `nl:"NFTA_HASH_OFFSET,be"`
	Type    uint32 `nl:"NFTA_HASH_TYPE,be"` // NFT_HASH_
	SetName string `nl:"NFTA_HASH_SET_NAME"`
	SetID   uint32 `nl:"NFTA_HASH_SET_ID,be"`

	Has HashSet
}

// CT loads what is known of the connection, or with SReg sets it.
//
//nl:nest
type CT struct {
	DReg      uint32 `nl:"NFTA_CT_DREG,be"`
	Key       uint32 `nl:"NFTA_CT_KEY,be,always"` // NFT_CT_
	Direction uint8  `nl:"NFTA_CT_DIRECTION"`     // 0 original, 1 reply
	SReg      uint32 `nl:"NFTA_CT_SREG,be"`

	Has CTSet
}

// FlowOffload puts the connection into a flowtable.
//
//nl:nest
type FlowOffload struct {
	Table string `nl:"NFTA_FLOW_TABLE_NAME"` // the flowtable

	Has FlowOffloadSet
}

// Limit goes on only below a rate. It is an object too.
//
//nl:nest
type Limit struct {
	Rate  uint64        `nl:"NFTA_LIMIT_RATE,be"`                 // packets or bytes
	Unit  time.Duration `nl:"NFTA_LIMIT_UNIT,unit=s,width=64,be"` // each so long
	Burst uint32        `nl:"NFTA_LIMIT_BURST,be"`
	Type  uint32        `nl:"NFTA_LIMIT_TYPE,be"`  // NFT_LIMIT_
	Flags uint32        `nl:"NFTA_LIMIT_FLAGS,be"` // NFT_LIMIT_F_INV

	Has LimitSet
}

// Connlimit goes on only up to a number of connections. It is an object too.
//
//nl:nest
type Connlimit struct {
	Count uint32 `nl:"NFTA_CONNLIMIT_COUNT,be"`
	Flags uint32 `nl:"NFTA_CONNLIMIT_FLAGS,be"` // NFT_CONNLIMIT_F_INV

	Has ConnlimitSet
}

// Last notes when the rule was used.
//
//nl:nest
type Last struct {
	Used uint32        `nl:"NFTA_LAST_SET,be"` // 1 if it ever was
	Ago  time.Duration `nl:"NFTA_LAST_MSECS,unit=ms,width=64,be"`

	Has LastSet
}

// Log logs the packet.
//
//nl:nest
type Log struct {
	Group      uint16 `nl:"NFTA_LOG_GROUP,be"` // of NFLOG; absent: to the kernel's log
	Prefix     string `nl:"NFTA_LOG_PREFIX"`
	Snaplen    uint32 `nl:"NFTA_LOG_SNAPLEN,be"`    // bytes
	QThreshold uint16 `nl:"NFTA_LOG_QTHRESHOLD,be"` // packets
	Level      uint32 `nl:"NFTA_LOG_LEVEL,be"`      // NFT_LOGLEVEL_
	Flags      uint32 `nl:"NFTA_LOG_FLAGS,be"`      // NF_LOG_

	Has LogSet
}

// Queue gives the packet to a program.
//
//nl:nest
type Queue struct {
	Num   uint16 `nl:"NFTA_QUEUE_NUM,be"`
	Total uint16 `nl:"NFTA_QUEUE_TOTAL,be"` // queues from Num on
	Flags uint16 `nl:"NFTA_QUEUE_FLAGS,be"` // NFT_QUEUE_FLAG_
	SReg  uint32 `nl:"NFTA_QUEUE_SREG_QNUM,be"`

	Has QueueSet
}

// Quota goes on only up to a number of bytes. It is an object too.
//
//nl:nest
type Quota struct {
	Bytes    uint64 `nl:"NFTA_QUOTA_BYTES,be"`
	Flags    uint32 `nl:"NFTA_QUOTA_FLAGS,be"` // NFT_QUOTA_F_
	Consumed uint64 `nl:"NFTA_QUOTA_CONSUMED,be"`

	Has QuotaSet
}

// Reject drops the packet and says so.
//
//nl:nest
type Reject struct {
	Type uint32 `nl:"NFTA_REJECT_TYPE,be,always"` // NFT_REJECT_
	Code uint8  `nl:"NFTA_REJECT_ICMP_CODE"`      // of ICMP, ICMPv6, or NFT_REJECT_ICMPX_

	Has RejectSet
}

// NAT translates to addresses and ports in registers.
//
//nl:nest
type NAT struct {
	Type     uint32 `nl:"NFTA_NAT_TYPE,be,always"` // NFT_NAT_
	Family   uint32 `nl:"NFTA_NAT_FAMILY,be"`
	AddrMin  uint32 `nl:"NFTA_NAT_REG_ADDR_MIN,be"`  // register
	AddrMax  uint32 `nl:"NFTA_NAT_REG_ADDR_MAX,be"`  // register
	ProtoMin uint32 `nl:"NFTA_NAT_REG_PROTO_MIN,be"` // register
	ProtoMax uint32 `nl:"NFTA_NAT_REG_PROTO_MAX,be"` // register
	Flags    uint32 `nl:"NFTA_NAT_FLAGS,be"`         // NF_NAT_RANGE_

	Has NATSet
}

// TProxy gives the packet to a local socket.
//
//nl:nest
type TProxy struct {
	Family  uint32 `nl:"NFTA_TPROXY_FAMILY,be"`
	AddrReg uint32 `nl:"NFTA_TPROXY_REG_ADDR,be"`
	PortReg uint32 `nl:"NFTA_TPROXY_REG_PORT,be"`

	Has TProxySet
}

// Masq translates to the address of the interface.
//
//nl:nest
type Masq struct {
	Flags    uint32 `nl:"NFTA_MASQ_FLAGS,be"`         // NF_NAT_RANGE_
	ProtoMin uint32 `nl:"NFTA_MASQ_REG_PROTO_MIN,be"` // register
	ProtoMax uint32 `nl:"NFTA_MASQ_REG_PROTO_MAX,be"` // register

	Has MasqSet
}

// Redir translates to this machine.
//
//nl:nest
type Redir struct {
	ProtoMin uint32 `nl:"NFTA_REDIR_REG_PROTO_MIN,be"` // register
	ProtoMax uint32 `nl:"NFTA_REDIR_REG_PROTO_MAX,be"` // register
	Flags    uint32 `nl:"NFTA_REDIR_FLAGS,be"`         // NF_NAT_RANGE_

	Has RedirSet
}

// Dup sends a copy.
//
//nl:nest
type Dup struct {
	AddrReg uint32 `nl:"NFTA_DUP_SREG_ADDR,be"`
	DevReg  uint32 `nl:"NFTA_DUP_SREG_DEV,be"`

	Has DupSet
}

// Fwd sends the packet out of another interface.
//
//nl:nest
type Fwd struct {
	DevReg  uint32 `nl:"NFTA_FWD_SREG_DEV,be"`
	AddrReg uint32 `nl:"NFTA_FWD_SREG_ADDR,be"`
	Proto   uint32 `nl:"NFTA_FWD_NFPROTO,be"` // nfnl.NFPROTO_ of the address

	Has FwdSet
}

// ObjRef applies an object, named, or found by a register in a map.
//
//nl:nest
type ObjRef struct {
	Type    uint32 `nl:"NFTA_OBJREF_IMM_TYPE,be"` // NFT_OBJECT_
	Name    string `nl:"NFTA_OBJREF_IMM_NAME"`
	SReg    uint32 `nl:"NFTA_OBJREF_SET_SREG,be"`
	SetName string `nl:"NFTA_OBJREF_SET_NAME"`
	SetID   uint32 `nl:"NFTA_OBJREF_SET_ID,be"`

	Has ObjRefSet
}

// FIB looks an address up in the routing tables.
//
//nl:nest
type FIB struct {
	DReg   uint32 `nl:"NFTA_FIB_DREG,be"`
	Result uint32 `nl:"NFTA_FIB_RESULT,be"` // NFT_FIB_RESULT_
	Flags  uint32 `nl:"NFTA_FIB_FLAGS,be"`  // NFTA_FIB_F_

	Has FIBSet
}

// OSF loads the operating system that a SYN looks like.
//
//nl:nest
type OSF struct {
	DReg  uint32 `nl:"NFTA_OSF_DREG,be"`
	TTL   uint8  `nl:"NFTA_OSF_TTL,always"`
	Flags uint32 `nl:"NFTA_OSF_FLAGS,be"` // NFT_OSF_F_VERSION

	Has OSFSet
}

// Synproxy answers SYNs for a server. It is an object too.
//
//nl:nest
type Synproxy struct {
	MSS    uint16 `nl:"NFTA_SYNPROXY_MSS,be"`
	WScale uint8  `nl:"NFTA_SYNPROXY_WSCALE"`
	Flags  uint32 `nl:"NFTA_SYNPROXY_FLAGS,be"`

	Has SynproxySet
}

// XFRM loads what is known of the IPsec state.
//
//nl:nest
type XFRM struct {
	DReg  uint32 `nl:"NFTA_XFRM_DREG,be"`
	Key   uint32 `nl:"NFTA_XFRM_KEY,be"`     // NFT_XFRM_KEY_
	Dir   uint8  `nl:"NFTA_XFRM_DIR,always"` // 0 in, 1 out
	SPNum uint32 `nl:"NFTA_XFRM_SPNUM,be"`   // of several states, counted from 0

	Has XFRMSet
}

// Numgen loads a counting or a random number.
//
//nl:nest
type Numgen struct {
	DReg    uint32 `nl:"NFTA_NG_DREG,be"`
	Modulus uint32 `nl:"NFTA_NG_MODULUS,be"`
	Type    uint32 `nl:"NFTA_NG_TYPE,be,always"` // NFT_NG_
	Offset  uint32 `nl:"NFTA_NG_OFFSET,be"`

	Has NumgenSet
}

// TunnelExpr loads what is known of the tunnel.
//
//nl:nest
type TunnelExpr struct {
	Key  uint32 `nl:"NFTA_TUNNEL_KEY,be,always"` // NFT_TUNNEL_
	DReg uint32 `nl:"NFTA_TUNNEL_DREG,be"`
	Mode uint32 `nl:"NFTA_TUNNEL_MODE,be"` // NFT_TUNNEL_MODE_

	Has TunnelExprSet
}

// Inner applies an expression to the packet inside a tunnel, Linux 6.2.
//
//nl:nest
type Inner struct {
	Num     uint32 `nl:"NFTA_INNER_NUM,be,always"`
	Type    uint32 `nl:"NFTA_INNER_TYPE,be"`
	Flags   uint32 `nl:"NFTA_INNER_FLAGS,be"`
	HdrSize uint32 `nl:"NFTA_INNER_HDRSIZE,be"`
	Expr    Expr   `nl:"NFTA_INNER_EXPR"`

	Has InnerSet
}

// Compat is a match or a target of xtables.
//
//nl:nest
type Compat struct {
	Name string `nl:"NFTA_TARGET_NAME"`
	Rev  uint32 `nl:"NFTA_TARGET_REV,be,always"`
	Info []byte `nl:"NFTA_TARGET_INFO"` // the extension's own

	Has CompatSet
}

// Secmark is an object: a security context for packets.
//
//nl:nest
type Secmark struct {
	Context string `nl:"NFTA_SECMARK_CTX"`

	Has SecmarkSet
}

// CTHelper is an object: a helper for connections.
//
//nl:nest
type CTHelper struct {
	Name    string `nl:"NFTA_CT_HELPER_NAME"`
	L3Proto uint16 `nl:"NFTA_CT_HELPER_L3PROTO,be"` // nfnl.NFPROTO_
	L4Proto uint8  `nl:"NFTA_CT_HELPER_L4PROTO"`    // IPPROTO_

	Has CTHelperSet
}

// CTTimeout is an object: timeouts for connections.
//
//nl:nest
type CTTimeout struct {
	L3Proto uint16 `nl:"NFTA_CT_TIMEOUT_L3PROTO,be"` // nfnl.NFPROTO_
	L4Proto uint8  `nl:"NFTA_CT_TIMEOUT_L4PROTO"`    // IPPROTO_
	Data    []byte `nl:"NFTA_CT_TIMEOUT_DATA"`       // attributes, depending on the protocol

	Has CTTimeoutSet
}

// CTExpect is an object: an expectation for connections.
//
//nl:nest
type CTExpect struct {
	L3Proto uint16        `nl:"NFTA_CT_EXPECT_L3PROTO,be"` // nfnl.NFPROTO_
	L4Proto uint8         `nl:"NFTA_CT_EXPECT_L4PROTO"`    // IPPROTO_
	DPort   uint16        `nl:"NFTA_CT_EXPECT_DPORT,be"`
	Timeout time.Duration `nl:"NFTA_CT_EXPECT_TIMEOUT,unit=ms"` // host order
	Size    uint8         `nl:"NFTA_CT_EXPECT_SIZE"`            // most expected

	Has CTExpectSet
}
