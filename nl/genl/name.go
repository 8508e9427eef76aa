package genl

var names = [...]string{
	CTRL_CMD_NEWFAMILY:    "CTRL_CMD_NEWFAMILY",
	CTRL_CMD_DELFAMILY:    "CTRL_CMD_DELFAMILY",
	CTRL_CMD_GETFAMILY:    "CTRL_CMD_GETFAMILY",
	CTRL_CMD_NEWOPS:       "CTRL_CMD_NEWOPS",
	CTRL_CMD_DELOPS:       "CTRL_CMD_DELOPS",
	CTRL_CMD_GETOPS:       "CTRL_CMD_GETOPS",
	CTRL_CMD_NEWMCAST_GRP: "CTRL_CMD_NEWMCAST_GRP",
	CTRL_CMD_DELMCAST_GRP: "CTRL_CMD_DELMCAST_GRP",
	CTRL_CMD_GETMCAST_GRP: "CTRL_CMD_GETMCAST_GRP",
	CTRL_CMD_GETPOLICY:    "CTRL_CMD_GETPOLICY",
}

// CmdName finds the name of a command for errors: names is indexed by the
// command. Message types of families have no names of their own.
func CmdName(names []string, cmd uint8) string {
	if int(cmd) >= len(names) {
		return ""
	}
	return names[cmd]
}

func (f *Family) MessageName(uint16) string     { return CmdName(names[:], f.Header.Cmd) }
func (p *policyPart) MessageName(uint16) string { return CmdName(names[:], p.Header.Cmd) }
