package ct

import "github.com/netfs-project/netfs/nl/nfnl"

var entryNames = [...]string{
	IPCTNL_MSG_CT_NEW:             "IPCTNL_MSG_CT_NEW",
	IPCTNL_MSG_CT_GET:             "IPCTNL_MSG_CT_GET",
	IPCTNL_MSG_CT_DELETE:          "IPCTNL_MSG_CT_DELETE",
	IPCTNL_MSG_CT_GET_CTRZERO:     "IPCTNL_MSG_CT_GET_CTRZERO",
	IPCTNL_MSG_CT_GET_STATS_CPU:   "IPCTNL_MSG_CT_GET_STATS_CPU",
	IPCTNL_MSG_CT_GET_STATS:       "IPCTNL_MSG_CT_GET_STATS",
	IPCTNL_MSG_CT_GET_DYING:       "IPCTNL_MSG_CT_GET_DYING",
	IPCTNL_MSG_CT_GET_UNCONFIRMED: "IPCTNL_MSG_CT_GET_UNCONFIRMED",
}

var expectNames = [...]string{
	IPCTNL_MSG_EXP_NEW:           "IPCTNL_MSG_EXP_NEW",
	IPCTNL_MSG_EXP_GET:           "IPCTNL_MSG_EXP_GET",
	IPCTNL_MSG_EXP_DELETE:        "IPCTNL_MSG_EXP_DELETE",
	IPCTNL_MSG_EXP_GET_STATS_CPU: "IPCTNL_MSG_EXP_GET_STATS_CPU",
}

// messageName names a message type for errors.
func messageName(typ uint16) string {
	names := entryNames[:]
	subsys, msg := nfnl.Split(typ)
	if subsys == nfnl.SubsysConntrackExpect {
		names = expectNames[:]
	}
	if int(msg) >= len(names) {
		return ""
	}
	return names[msg]
}

func (*Entry) MessageName(typ uint16) string          { return messageName(typ) }
func (*Key) MessageName(typ uint16) string            { return messageName(typ) }
func (*Expect) MessageName(typ uint16) string         { return messageName(typ) }
func (*Stats) MessageName(typ uint16) string          { return messageName(typ) }
func (*CPUStats) MessageName(typ uint16) string       { return messageName(typ) }
func (*ExpectCPUStats) MessageName(typ uint16) string { return messageName(typ) }
