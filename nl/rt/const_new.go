package rt

// Of kernels newer than the headers that most machines have; the other const_
// files are grouped by header.

// linux/if_link.h
const (
	IFLA_DEVLINK_PORT               = 62
	IFLA_GSO_IPV4_MAX_SIZE          = 63
	IFLA_GRO_IPV4_MAX_SIZE          = 64
	IFLA_DPLL_PIN                   = 65
	IFLA_MAX_PACING_OFFLOAD_HORIZON = 66
	IFLA_NETNS_IMMUTABLE            = 67
	IFLA_BR_FDB_N_LEARNED           = 48
	IFLA_BR_FDB_MAX_LEARNED         = 49
	IFLA_BRPORT_MAB                 = 40
	IFLA_BRPORT_MCAST_N_GROUPS      = 41
	IFLA_BRPORT_MCAST_MAX_GROUPS    = 42
	IFLA_BRPORT_NEIGH_VLAN_SUPPRESS = 43
	IFLA_BRPORT_BACKUP_NHID         = 44
	IFLA_VXLAN_LOCALBYPASS          = 31
	IFLA_VXLAN_LABEL_POLICY         = 32
	IFLA_VXLAN_RESERVED_BITS        = 33
	IFLA_VXLAN_MC_ROUTE             = 34
)

// linux/rtnetlink.h
const RTA_FLOWLABEL = 31

// linux/fib_rules.h
const (
	FRA_DSCP           = 25
	FRA_FLOWLABEL      = 26
	FRA_FLOWLABEL_MASK = 27
	FRA_SPORT_MASK     = 28
	FRA_DPORT_MASK     = 29
	FRA_DSCP_MASK      = 30
)

// linux/nexthop.h
const (
	NHA_OP_FLAGS        = 14
	NHA_GROUP_STATS     = 15
	NHA_HW_STATS_ENABLE = 16
	NHA_HW_STATS_USED   = 17

	NHA_OP_FLAG_DUMP_STATS    = 1
	NHA_OP_FLAG_DUMP_HW_STATS = 2

	NHA_GROUP_STATS_ENTRY            = 1
	NHA_GROUP_STATS_ENTRY_ID         = 1
	NHA_GROUP_STATS_ENTRY_PACKETS    = 2
	NHA_GROUP_STATS_ENTRY_PACKETS_HW = 3
)

// linux/socket.h: address families, as far as rtnetlink messages carry them.
const (
	AF_UNSPEC = 0
	AF_INET   = 2
	AF_BRIDGE = 7
	AF_INET6  = 10
	AF_PACKET = 17
	AF_MPLS   = 28
	AF_MCTP   = 45
)
