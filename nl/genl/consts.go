package genl

// Message type and name of the controller (linux/genetlink.h).
const (
	GENL_ID_CTRL = 0x10
	GENL_NAMSIZ  = 16 // longest name of a family with its NUL
)

// Commands of the controller.
const (
	CTRL_CMD_NEWFAMILY    = 1
	CTRL_CMD_DELFAMILY    = 2
	CTRL_CMD_GETFAMILY    = 3
	CTRL_CMD_NEWOPS       = 4
	CTRL_CMD_DELOPS       = 5
	CTRL_CMD_GETOPS       = 6
	CTRL_CMD_NEWMCAST_GRP = 7
	CTRL_CMD_DELMCAST_GRP = 8
	CTRL_CMD_GETMCAST_GRP = 9
	CTRL_CMD_GETPOLICY    = 10
)

// Attributes of the controller.
const (
	CTRL_ATTR_FAMILY_ID    = 1
	CTRL_ATTR_FAMILY_NAME  = 2
	CTRL_ATTR_VERSION      = 3
	CTRL_ATTR_HDRSIZE      = 4
	CTRL_ATTR_MAXATTR      = 5
	CTRL_ATTR_OPS          = 6
	CTRL_ATTR_MCAST_GROUPS = 7
	CTRL_ATTR_POLICY       = 8
	CTRL_ATTR_OP_POLICY    = 9
	CTRL_ATTR_OP           = 10
)

// Attributes of an operation.
const (
	CTRL_ATTR_OP_ID    = 1
	CTRL_ATTR_OP_FLAGS = 2
)

// Flags of an operation.
const (
	GENL_ADMIN_PERM     = 0x01 // needs CAP_NET_ADMIN in the initial user namespace
	GENL_CMD_CAP_DO     = 0x02
	GENL_CMD_CAP_DUMP   = 0x04
	GENL_CMD_CAP_HASPOL = 0x08
	GENL_UNS_ADMIN_PERM = 0x10 // needs CAP_NET_ADMIN in the namespace's user namespace
)

// Attributes of a multicast group.
const (
	CTRL_ATTR_MCAST_GRP_NAME = 1
	CTRL_ATTR_MCAST_GRP_ID   = 2
)

// Attributes of an operation's policy.
const (
	CTRL_ATTR_POLICY_DO   = 1
	CTRL_ATTR_POLICY_DUMP = 2
)

// Attributes of one attribute's policy (linux/netlink.h, netlink_policy_type_attr).
const (
	NL_POLICY_TYPE_ATTR_TYPE            = 1
	NL_POLICY_TYPE_ATTR_MIN_VALUE_S     = 2
	NL_POLICY_TYPE_ATTR_MAX_VALUE_S     = 3
	NL_POLICY_TYPE_ATTR_MIN_VALUE_U     = 4
	NL_POLICY_TYPE_ATTR_MAX_VALUE_U     = 5
	NL_POLICY_TYPE_ATTR_MIN_LENGTH      = 6
	NL_POLICY_TYPE_ATTR_MAX_LENGTH      = 7
	NL_POLICY_TYPE_ATTR_POLICY_IDX      = 8
	NL_POLICY_TYPE_ATTR_POLICY_MAXTYPE  = 9
	NL_POLICY_TYPE_ATTR_BITFIELD32_MASK = 10
	NL_POLICY_TYPE_ATTR_PAD             = 11
	NL_POLICY_TYPE_ATTR_MASK            = 12
)
