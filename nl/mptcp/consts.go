package mptcp

// The family (linux/mptcp_pm.h).
const (
	MPTCP_PM_NAME         = "mptcp_pm"
	MPTCP_PM_VER          = 1
	MPTCP_PM_CMD_GRP_NAME = "mptcp_pm_cmds"
	MPTCP_PM_EV_GRP_NAME  = "mptcp_pm_events"
)

// Commands.
const (
	MPTCP_PM_CMD_ADD_ADDR        = 1
	MPTCP_PM_CMD_DEL_ADDR        = 2
	MPTCP_PM_CMD_GET_ADDR        = 3
	MPTCP_PM_CMD_FLUSH_ADDRS     = 4
	MPTCP_PM_CMD_SET_LIMITS      = 5
	MPTCP_PM_CMD_GET_LIMITS      = 6
	MPTCP_PM_CMD_SET_FLAGS       = 7
	MPTCP_PM_CMD_ANNOUNCE        = 8
	MPTCP_PM_CMD_REMOVE          = 9
	MPTCP_PM_CMD_SUBFLOW_CREATE  = 10
	MPTCP_PM_CMD_SUBFLOW_DESTROY = 11
)

// Attributes of the commands.
const (
	MPTCP_PM_ATTR_ADDR          = 1
	MPTCP_PM_ATTR_RCV_ADD_ADDRS = 2
	MPTCP_PM_ATTR_SUBFLOWS      = 3
	MPTCP_PM_ATTR_TOKEN         = 4
	MPTCP_PM_ATTR_LOC_ID        = 5
	MPTCP_PM_ATTR_ADDR_REMOTE   = 6
)

// Attributes of an address.
const (
	MPTCP_PM_ADDR_ATTR_FAMILY = 1
	MPTCP_PM_ADDR_ATTR_ID     = 2
	MPTCP_PM_ADDR_ATTR_ADDR4  = 3
	MPTCP_PM_ADDR_ATTR_ADDR6  = 4
	MPTCP_PM_ADDR_ATTR_PORT   = 5
	MPTCP_PM_ADDR_ATTR_FLAGS  = 6
	MPTCP_PM_ADDR_ATTR_IF_IDX = 7
)

// Flags of an endpoint (linux/mptcp.h).
const (
	MPTCP_PM_ADDR_FLAG_SIGNAL   = 1 << 0 // announce it to the peer
	MPTCP_PM_ADDR_FLAG_SUBFLOW  = 1 << 1 // open subflows from it
	MPTCP_PM_ADDR_FLAG_BACKUP   = 1 << 2 // its subflows carry data only when no other can
	MPTCP_PM_ADDR_FLAG_FULLMESH = 1 << 3 // a subflow to every address of the peer
	MPTCP_PM_ADDR_FLAG_IMPLICIT = 1 << 4 // made by the kernel, not settable
	MPTCP_PM_ADDR_FLAG_LAMINAR  = 1 << 5 // used to answer announced addresses, Linux 6.18
)

// Events (enum mptcp_event_type); they come as the command of a message.
const (
	MPTCP_EVENT_CREATED          = 1
	MPTCP_EVENT_ESTABLISHED      = 2
	MPTCP_EVENT_CLOSED           = 3
	MPTCP_EVENT_ANNOUNCED        = 6
	MPTCP_EVENT_REMOVED          = 7
	MPTCP_EVENT_SUB_ESTABLISHED  = 10
	MPTCP_EVENT_SUB_CLOSED       = 11
	MPTCP_EVENT_SUB_PRIORITY     = 13
	MPTCP_EVENT_LISTENER_CREATED = 15 // Linux 6.2
	MPTCP_EVENT_LISTENER_CLOSED  = 16 // Linux 6.2
)

// Attributes of events.
const (
	MPTCP_ATTR_TOKEN        = 1
	MPTCP_ATTR_FAMILY       = 2
	MPTCP_ATTR_LOC_ID       = 3
	MPTCP_ATTR_REM_ID       = 4
	MPTCP_ATTR_SADDR4       = 5
	MPTCP_ATTR_SADDR6       = 6
	MPTCP_ATTR_DADDR4       = 7
	MPTCP_ATTR_DADDR6       = 8
	MPTCP_ATTR_SPORT        = 9
	MPTCP_ATTR_DPORT        = 10
	MPTCP_ATTR_BACKUP       = 11
	MPTCP_ATTR_ERROR        = 12
	MPTCP_ATTR_FLAGS        = 13
	MPTCP_ATTR_TIMEOUT      = 14
	MPTCP_ATTR_IF_IDX       = 15
	MPTCP_ATTR_RESET_REASON = 16
	MPTCP_ATTR_RESET_FLAGS  = 17
	MPTCP_ATTR_SERVER_SIDE  = 18
)

// Flags of an event.
const (
	MPTCP_PM_EV_FLAG_DENY_JOIN_ID0 = 1 << 0 // the peer takes no subflow to its first address
	MPTCP_PM_EV_FLAG_SERVER_SIDE   = 1 << 1 // this end accepted the connection, Linux 6.18
)

// Reasons of a subflow reset (RFC 8684 3.6).
const (
	MPTCP_RST_EUNSPEC    = 0
	MPTCP_RST_EMPTCP     = 1
	MPTCP_RST_ERESOURCE  = 2
	MPTCP_RST_EPROHIBIT  = 3
	MPTCP_RST_EWQ2BIG    = 4
	MPTCP_RST_EBADPERF   = 5
	MPTCP_RST_EMIDDLEBOX = 6
)
