package nft

// Numbers from linux/netfilter/nf_tables.h. Those newer than Linux 6.1 are noted.

// Messages of nfnl.SubsysNFTables.
const (
	NFT_MSG_NEWTABLE         = 0
	NFT_MSG_GETTABLE         = 1
	NFT_MSG_DELTABLE         = 2
	NFT_MSG_NEWCHAIN         = 3
	NFT_MSG_GETCHAIN         = 4
	NFT_MSG_DELCHAIN         = 5
	NFT_MSG_NEWRULE          = 6
	NFT_MSG_GETRULE          = 7
	NFT_MSG_DELRULE          = 8
	NFT_MSG_NEWSET           = 9
	NFT_MSG_GETSET           = 10
	NFT_MSG_DELSET           = 11
	NFT_MSG_NEWSETELEM       = 12
	NFT_MSG_GETSETELEM       = 13
	NFT_MSG_DELSETELEM       = 14
	NFT_MSG_NEWGEN           = 15
	NFT_MSG_GETGEN           = 16
	NFT_MSG_TRACE            = 17
	NFT_MSG_NEWOBJ           = 18
	NFT_MSG_GETOBJ           = 19
	NFT_MSG_DELOBJ           = 20
	NFT_MSG_GETOBJ_RESET     = 21
	NFT_MSG_NEWFLOWTABLE     = 22
	NFT_MSG_GETFLOWTABLE     = 23
	NFT_MSG_DELFLOWTABLE     = 24
	NFT_MSG_GETRULE_RESET    = 25 // Linux 6.2
	NFT_MSG_DESTROYTABLE     = 26 // Linux 6.3
	NFT_MSG_DESTROYCHAIN     = 27 // Linux 6.3
	NFT_MSG_DESTROYRULE      = 28 // Linux 6.3
	NFT_MSG_DESTROYSET       = 29 // Linux 6.3
	NFT_MSG_DESTROYSETELEM   = 30 // Linux 6.3
	NFT_MSG_DESTROYOBJ       = 31 // Linux 6.3
	NFT_MSG_DESTROYFLOWTABLE = 32 // Linux 6.3
	NFT_MSG_GETSETELEM_RESET = 33 // Linux 6.5
)

// Attribute of each element of a list.
const (
	NFTA_LIST_ELEM = 1
)

// Attributes of a hook.
const (
	NFTA_HOOK_HOOKNUM  = 1
	NFTA_HOOK_PRIORITY = 2
	NFTA_HOOK_DEV      = 3
	NFTA_HOOK_DEVS     = 4
)

// Attribute of each device of a list.
const (
	NFTA_DEVICE_NAME = 1
)

// Attributes of a table.
const (
	NFTA_TABLE_NAME     = 1
	NFTA_TABLE_FLAGS    = 2
	NFTA_TABLE_USE      = 3
	NFTA_TABLE_HANDLE   = 4
	NFTA_TABLE_USERDATA = 6
	NFTA_TABLE_OWNER    = 7
)

// Attributes of a chain.
const (
	NFTA_CHAIN_TABLE    = 1
	NFTA_CHAIN_HANDLE   = 2
	NFTA_CHAIN_NAME     = 3
	NFTA_CHAIN_HOOK     = 4
	NFTA_CHAIN_POLICY   = 5
	NFTA_CHAIN_USE      = 6
	NFTA_CHAIN_TYPE     = 7
	NFTA_CHAIN_COUNTERS = 8
	NFTA_CHAIN_FLAGS    = 10
	NFTA_CHAIN_ID       = 11
	NFTA_CHAIN_USERDATA = 12
)

// Attributes of the counters of a chain's policy.
const (
	NFTA_COUNTER_BYTES   = 1
	NFTA_COUNTER_PACKETS = 2
)

// Attributes of a rule.
const (
	NFTA_RULE_TABLE       = 1
	NFTA_RULE_CHAIN       = 2
	NFTA_RULE_HANDLE      = 3
	NFTA_RULE_EXPRESSIONS = 4
	NFTA_RULE_COMPAT      = 5
	NFTA_RULE_POSITION    = 6
	NFTA_RULE_USERDATA    = 7
	NFTA_RULE_ID          = 9
	NFTA_RULE_POSITION_ID = 10
	NFTA_RULE_CHAIN_ID    = 11
)

// Attributes of a set.
const (
	NFTA_SET_TABLE       = 1
	NFTA_SET_NAME        = 2
	NFTA_SET_FLAGS       = 3
	NFTA_SET_KEY_TYPE    = 4
	NFTA_SET_KEY_LEN     = 5
	NFTA_SET_DATA_TYPE   = 6
	NFTA_SET_DATA_LEN    = 7
	NFTA_SET_POLICY      = 8
	NFTA_SET_DESC        = 9
	NFTA_SET_ID          = 10
	NFTA_SET_TIMEOUT     = 11
	NFTA_SET_GC_INTERVAL = 12
	NFTA_SET_USERDATA    = 13
	NFTA_SET_OBJ_TYPE    = 15
	NFTA_SET_HANDLE      = 16
	NFTA_SET_EXPR        = 17
	NFTA_SET_EXPRESSIONS = 18
	NFTA_SET_TYPE        = 19 // Linux 6.16
	NFTA_SET_COUNT       = 20 // Linux 6.16
)

// Attributes of NFTA_SET_DESC.
const (
	NFTA_SET_DESC_SIZE   = 1
	NFTA_SET_DESC_CONCAT = 2
)

// Attributes of a part of a concatenated key.
const (
	NFTA_SET_FIELD_LEN = 1
)

// Attributes of a list of elements.
const (
	NFTA_SET_ELEM_LIST_TABLE    = 1
	NFTA_SET_ELEM_LIST_SET      = 2
	NFTA_SET_ELEM_LIST_ELEMENTS = 3
	NFTA_SET_ELEM_LIST_SET_ID   = 4
)

// Attributes of an element.
const (
	NFTA_SET_ELEM_KEY         = 1
	NFTA_SET_ELEM_DATA        = 2
	NFTA_SET_ELEM_FLAGS       = 3
	NFTA_SET_ELEM_TIMEOUT     = 4
	NFTA_SET_ELEM_EXPIRATION  = 5
	NFTA_SET_ELEM_USERDATA    = 6
	NFTA_SET_ELEM_EXPR        = 7
	NFTA_SET_ELEM_OBJREF      = 9
	NFTA_SET_ELEM_KEY_END     = 10
	NFTA_SET_ELEM_EXPRESSIONS = 11
)

// Attributes of data: a key, or what it maps to.
const (
	NFTA_DATA_VALUE   = 1
	NFTA_DATA_VERDICT = 2
)

// Attributes of a verdict.
const (
	NFTA_VERDICT_CODE     = 1
	NFTA_VERDICT_CHAIN    = 2
	NFTA_VERDICT_CHAIN_ID = 3
)

// Flags of an element.
const (
	NFT_SET_ELEM_INTERVAL_END = 0x1 // the key is the first one behind an interval
	NFT_SET_ELEM_CATCHALL     = 0x2 // stands for every key that is not there; has no key
)

// Codes of a verdict beside NF_ACCEPT and the like.
const (
	NFT_CONTINUE = -1
	NFT_BREAK    = -2
	NFT_JUMP     = -3
	NFT_GOTO     = -4
	NFT_RETURN   = -5
)

// Attributes of an expression.
const (
	NFTA_EXPR_NAME = 1
	NFTA_EXPR_DATA = 2
)

// Attributes of an object.
const (
	NFTA_OBJ_TABLE    = 1
	NFTA_OBJ_NAME     = 2
	NFTA_OBJ_TYPE     = 3
	NFTA_OBJ_DATA     = 4
	NFTA_OBJ_USE      = 5
	NFTA_OBJ_HANDLE   = 6
	NFTA_OBJ_USERDATA = 8
)

// Attributes of a flowtable.
const (
	NFTA_FLOWTABLE_TABLE  = 1
	NFTA_FLOWTABLE_NAME   = 2
	NFTA_FLOWTABLE_HOOK   = 3
	NFTA_FLOWTABLE_USE    = 4
	NFTA_FLOWTABLE_HANDLE = 5
	NFTA_FLOWTABLE_FLAGS  = 7
)

// Attributes of a flowtable's hook.
const (
	NFTA_FLOWTABLE_HOOK_NUM      = 1
	NFTA_FLOWTABLE_HOOK_PRIORITY = 2
	NFTA_FLOWTABLE_HOOK_DEVS     = 3
)

// Attributes of a generation.
const (
	NFTA_GEN_ID        = 1
	NFTA_GEN_PROC_PID  = 2
	NFTA_GEN_PROC_NAME = 3
)

// Flags of a table.
const (
	NFT_TABLE_F_DORMANT = 0x1 // its chains are not hooked in
	NFT_TABLE_F_OWNER   = 0x2 // belongs to the socket that made it
	NFT_TABLE_F_PERSIST = 0x4 // stays when its owner closes, Linux 6.9
)

// Flags of a chain.
const (
	NFT_CHAIN_BASE       = 0x1
	NFT_CHAIN_HW_OFFLOAD = 0x2
	NFT_CHAIN_BINDING    = 0x4 // belongs to one rule
)

// Flags of a set.
const (
	NFT_SET_ANONYMOUS = 0x1 // belongs to one rule
	NFT_SET_CONSTANT  = 0x2
	NFT_SET_INTERVAL  = 0x4
	NFT_SET_MAP       = 0x8
	NFT_SET_TIMEOUT   = 0x10
	NFT_SET_EVAL      = 0x20 // rules add to it
	NFT_SET_OBJECT    = 0x40 // maps to objects
	NFT_SET_CONCAT    = 0x80
	NFT_SET_EXPR      = 0x100
)

// Policies of a set.
const (
	NFT_SET_POL_PERFORMANCE = 0
	NFT_SET_POL_MEMORY      = 1
)

// Types of an object.
const (
	NFT_OBJECT_COUNTER    = 1
	NFT_OBJECT_QUOTA      = 2
	NFT_OBJECT_CT_HELPER  = 3
	NFT_OBJECT_LIMIT      = 4
	NFT_OBJECT_CONNLIMIT  = 5
	NFT_OBJECT_TUNNEL     = 6
	NFT_OBJECT_CT_TIMEOUT = 7
	NFT_OBJECT_SECMARK    = 8
	NFT_OBJECT_CT_EXPECT  = 9
	NFT_OBJECT_SYNPROXY   = 10
)

// Flags of a flowtable.
const (
	NFT_FLOWTABLE_HW_OFFLOAD = 0x1
	NFT_FLOWTABLE_COUNTER    = 0x2
)

// Verdicts that a policy may have (linux/netfilter.h).
const (
	NF_DROP   = 0
	NF_ACCEPT = 1
)

// Hooks of the inet families (linux/netfilter.h).
const (
	NF_INET_PRE_ROUTING  = 0
	NF_INET_LOCAL_IN     = 1
	NF_INET_FORWARD      = 2
	NF_INET_LOCAL_OUT    = 3
	NF_INET_POST_ROUTING = 4
	NF_INET_INGRESS      = 5
)

// Hooks of the arp family.
const (
	NF_ARP_IN      = 0
	NF_ARP_OUT     = 1
	NF_ARP_FORWARD = 2
)

// Hooks of the netdev family.
const (
	NF_NETDEV_INGRESS = 0
	NF_NETDEV_EGRESS  = 1
)

// Hooks of the bridge family.
const (
	NF_BR_PRE_ROUTING  = 0
	NF_BR_LOCAL_IN     = 1
	NF_BR_FORWARD      = 2
	NF_BR_LOCAL_OUT    = 3
	NF_BR_POST_ROUTING = 4
)
