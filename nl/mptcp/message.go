package mptcp

import (
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/nl/genl"
)

// A Command is a request to the path manager, and its answer. Which fields
// count depends on Header.Cmd.
//
//nl:message
type Command struct {
	Header genl.Header `nl:"header"`

	Addr       Endpoint `nl:"MPTCP_PM_ATTR_ADDR"`
	RcvAddAddr uint32   `nl:"MPTCP_PM_ATTR_RCV_ADD_ADDRS"`
	Subflows   uint32   `nl:"MPTCP_PM_ATTR_SUBFLOWS"`
	Token      uint32   `nl:"MPTCP_PM_ATTR_TOKEN"` // of a connection, as in Event
	LocalID    uint8    `nl:"MPTCP_PM_ATTR_LOC_ID"`
	Remote     Endpoint `nl:"MPTCP_PM_ATTR_ADDR_REMOTE"`

	Has CommandSet
}

// An Endpoint is a local address that the path manager may use, or one end of
// a subflow.
//
//nl:nest
type Endpoint struct {
	Family  uint16     `nl:"MPTCP_PM_ADDR_ATTR_FAMILY"` // filled from Addr when sent
	ID      uint8      `nl:"MPTCP_PM_ADDR_ATTR_ID"`     // 0 on add: the kernel chooses
	Addr    netip.Addr `nl:"MPTCP_PM_ADDR_ATTR_ADDR4,v6=MPTCP_PM_ADDR_ATTR_ADDR6"`
	Port    uint16     `nl:"MPTCP_PM_ADDR_ATTR_PORT"` // host order, unlike in events; 0: the connection's
	Flags   uint32     `nl:"MPTCP_PM_ADDR_ATTR_FLAGS"`
	IfIndex int32      `nl:"MPTCP_PM_ADDR_ATTR_IF_IDX"` // 0: any

	Has EndpointSet
}

// An Event is what happened to a connection. Which fields are set depends on
// Header.Cmd, an MPTCP_EVENT_ number.
//
//nl:message
type Event struct {
	Header genl.Header `nl:"header"`

	Token       uint32        `nl:"MPTCP_ATTR_TOKEN"`
	Family      uint16        `nl:"MPTCP_ATTR_FAMILY"`
	LocalID     uint8         `nl:"MPTCP_ATTR_LOC_ID"`
	RemoteID    uint8         `nl:"MPTCP_ATTR_REM_ID"`
	Src         netip.Addr    `nl:"MPTCP_ATTR_SADDR4,v6=MPTCP_ATTR_SADDR6"`
	Dst         netip.Addr    `nl:"MPTCP_ATTR_DADDR4,v6=MPTCP_ATTR_DADDR6"`
	SrcPort     uint16        `nl:"MPTCP_ATTR_SPORT,be"`
	DstPort     uint16        `nl:"MPTCP_ATTR_DPORT,be"`
	Backup      bool          `nl:"MPTCP_ATTR_BACKUP"`
	Error       uint8         `nl:"MPTCP_ATTR_ERROR"` // an errno
	Flags       uint16        `nl:"MPTCP_ATTR_FLAGS"`
	Timeout     time.Duration `nl:"MPTCP_ATTR_TIMEOUT,unit=s"`
	IfIndex     int32         `nl:"MPTCP_ATTR_IF_IDX"`
	ResetReason uint32        `nl:"MPTCP_ATTR_RESET_REASON"`
	ResetFlags  uint32        `nl:"MPTCP_ATTR_RESET_FLAGS"`
	ServerSide  bool          `nl:"MPTCP_ATTR_SERVER_SIDE"`

	Has EventSet
}
