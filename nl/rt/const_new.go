package rt

// What is newer than the headers of many machines. The other const_ files are grouped by
// header, and have what Linux 6.1 has.

// linux/if_link.h
const (
	IFLA_DEVLINK_PORT               = 62 // Linux 6.2
	IFLA_GSO_IPV4_MAX_SIZE          = 63 // Linux 6.3
	IFLA_GRO_IPV4_MAX_SIZE          = 64 // Linux 6.3
	IFLA_DPLL_PIN                   = 65 // Linux 6.7
	IFLA_MAX_PACING_OFFLOAD_HORIZON = 66 // Linux 6.13
	IFLA_NETNS_IMMUTABLE            = 67 // Linux 6.15
	IFLA_HEADROOM                   = 68 // Linux 6.18
	IFLA_TAILROOM                   = 69 // Linux 6.18

	IFLA_BR_FDB_N_LEARNED   = 48 // Linux 6.7
	IFLA_BR_FDB_MAX_LEARNED = 49 // Linux 6.7

	IFLA_BRPORT_MAB                 = 40 // Linux 6.2
	IFLA_BRPORT_MCAST_N_GROUPS      = 41 // Linux 6.3
	IFLA_BRPORT_MCAST_MAX_GROUPS    = 42 // Linux 6.3
	IFLA_BRPORT_NEIGH_VLAN_SUPPRESS = 43 // Linux 6.4
	IFLA_BRPORT_BACKUP_NHID         = 44 // Linux 6.6

	IFLA_VXLAN_LOCALBYPASS   = 31 // Linux 6.5
	IFLA_VXLAN_LABEL_POLICY  = 32 // Linux 6.7
	IFLA_VXLAN_RESERVED_BITS = 33 // Linux 6.14
	IFLA_VXLAN_MC_ROUTE      = 34 // Linux 6.17
)

// linux/rtnetlink.h
const RTA_FLOWLABEL = 31 // Linux 6.14

// linux/fib_rules.h
const (
	FRA_DSCP           = 25 // Linux 6.12
	FRA_FLOWLABEL      = 26 // Linux 6.14
	FRA_FLOWLABEL_MASK = 27 // Linux 6.14
	FRA_SPORT_MASK     = 28 // Linux 6.15
	FRA_DPORT_MASK     = 29 // Linux 6.15
	FRA_DSCP_MASK      = 30 // Linux 6.15
)

// linux/nexthop.h
const (
	NHA_OP_FLAGS        = 14 // Linux 6.9
	NHA_GROUP_STATS     = 15 // Linux 6.9
	NHA_HW_STATS_ENABLE = 16 // Linux 6.9
	NHA_HW_STATS_USED   = 17 // Linux 6.9

	NHA_OP_FLAG_DUMP_STATS    = 1 // Linux 6.9
	NHA_OP_FLAG_DUMP_HW_STATS = 2 // Linux 6.9

	NHA_GROUP_STATS_ENTRY            = 1 // Linux 6.9
	NHA_GROUP_STATS_ENTRY_ID         = 1 // Linux 6.9
	NHA_GROUP_STATS_ENTRY_PACKETS    = 2 // Linux 6.9
	NHA_GROUP_STATS_ENTRY_PACKETS_HW = 3 // Linux 6.9
)

// sys/socket.h, of libc: address families, as far as rtnetlink messages carry them.
const (
	AF_UNSPEC = 0
	AF_INET   = 2
	AF_BRIDGE = 7
	AF_INET6  = 10
	AF_PACKET = 17
	AF_MPLS   = 28
	AF_MCTP   = 45
)
