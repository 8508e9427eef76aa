package rt

// linux/if_addr.h
const (
	IFA_UNSPEC         = 0
	IFA_ADDRESS        = 1
	IFA_LOCAL          = 2
	IFA_LABEL          = 3
	IFA_BROADCAST      = 4
	IFA_ANYCAST        = 5
	IFA_CACHEINFO      = 6
	IFA_MULTICAST      = 7
	IFA_FLAGS          = 8
	IFA_RT_PRIORITY    = 9
	IFA_TARGET_NETNSID = 10
	IFA_PROTO          = 11
)

const (
	IFA_F_SECONDARY      = 1
	IFA_F_TEMPORARY      = 1
	IFA_F_NODAD          = 2
	IFA_F_OPTIMISTIC     = 4
	IFA_F_DADFAILED      = 8
	IFA_F_HOMEADDRESS    = 0x10
	IFA_F_DEPRECATED     = 0x20
	IFA_F_TENTATIVE      = 0x40
	IFA_F_PERMANENT      = 0x80
	IFA_F_MANAGETEMPADDR = 0x100
	IFA_F_NOPREFIXROUTE  = 0x200
	IFA_F_MCAUTOJOIN     = 0x400
	IFA_F_STABLE_PRIVACY = 0x800
)

const (
	IFAPROT_UNSPEC    = 0
	IFAPROT_KERNEL_LO = 1
	IFAPROT_KERNEL_RA = 2
	IFAPROT_KERNEL_LL = 3
)

// linux/neighbour.h
const (
	NDA_UNSPEC         = 0
	NDA_DST            = 1
	NDA_LLADDR         = 2
	NDA_CACHEINFO      = 3
	NDA_PROBES         = 4
	NDA_VLAN           = 5
	NDA_PORT           = 6
	NDA_VNI            = 7
	NDA_IFINDEX        = 8
	NDA_MASTER         = 9
	NDA_LINK_NETNSID   = 10
	NDA_SRC_VNI        = 11
	NDA_PROTOCOL       = 12
	NDA_NH_ID          = 13
	NDA_FDB_EXT_ATTRS  = 14
	NDA_FLAGS_EXT      = 15
	NDA_NDM_STATE_MASK = 16
	NDA_NDM_FLAGS_MASK = 17
)

const (
	NTF_USE         = 1
	NTF_SELF        = 2
	NTF_MASTER      = 4
	NTF_PROXY       = 8
	NTF_EXT_LEARNED = 0x10
	NTF_OFFLOADED   = 0x20
	NTF_STICKY      = 0x40
	NTF_ROUTER      = 0x80
	NTF_EXT_MANAGED = 1
)

const (
	NUD_INCOMPLETE = 1
	NUD_REACHABLE  = 2
	NUD_STALE      = 4
	NUD_DELAY      = 8
	NUD_PROBE      = 0x10
	NUD_FAILED     = 0x20
	NUD_NOARP      = 0x40
	NUD_PERMANENT  = 0x80
	NUD_NONE       = 0
)

const (
	NDTPA_UNSPEC                 = 0
	NDTPA_IFINDEX                = 1
	NDTPA_REFCNT                 = 2
	NDTPA_REACHABLE_TIME         = 3
	NDTPA_BASE_REACHABLE_TIME    = 4
	NDTPA_RETRANS_TIME           = 5
	NDTPA_GC_STALETIME           = 6
	NDTPA_DELAY_PROBE_TIME       = 7
	NDTPA_QUEUE_LEN              = 8
	NDTPA_APP_PROBES             = 9
	NDTPA_UCAST_PROBES           = 10
	NDTPA_MCAST_PROBES           = 11
	NDTPA_ANYCAST_DELAY          = 12
	NDTPA_PROXY_DELAY            = 13
	NDTPA_PROXY_QLEN             = 14
	NDTPA_LOCKTIME               = 15
	NDTPA_QUEUE_LENBYTES         = 16
	NDTPA_MCAST_REPROBES         = 17
	NDTPA_PAD                    = 18
	NDTPA_INTERVAL_PROBE_TIME_MS = 19
)

const (
	NDTA_UNSPEC      = 0
	NDTA_NAME        = 1
	NDTA_THRESH1     = 2
	NDTA_THRESH2     = 3
	NDTA_THRESH3     = 4
	NDTA_CONFIG      = 5
	NDTA_PARMS       = 6
	NDTA_STATS       = 7
	NDTA_GC_INTERVAL = 8
	NDTA_PAD         = 9
)

const (
	FDB_NOTIFY_BIT          = 1
	FDB_NOTIFY_INACTIVE_BIT = 2
)

const (
	NFEA_UNSPEC          = 0
	NFEA_ACTIVITY_NOTIFY = 1
	NFEA_DONT_REFRESH    = 2
)

// linux/netconf.h
const (
	NETCONFA_UNSPEC                      = 0
	NETCONFA_IFINDEX                     = 1
	NETCONFA_FORWARDING                  = 2
	NETCONFA_RP_FILTER                   = 3
	NETCONFA_MC_FORWARDING               = 4
	NETCONFA_PROXY_NEIGH                 = 5
	NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN = 6
	NETCONFA_INPUT                       = 7
	NETCONFA_BC_FORWARDING               = 8
)

const (
	NETCONFA_ALL             = -1
	NETCONFA_IFINDEX_ALL     = -1
	NETCONFA_IFINDEX_DEFAULT = -2
)

// linux/if_addrlabel.h
const (
	IFAL_ADDRESS = 1
	IFAL_LABEL   = 2
)
