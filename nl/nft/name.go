package nft

import "github.com/netfs-project/netfs/nl/nfnl"

var names = [...]string{
	NFT_MSG_NEWTABLE:         "NFT_MSG_NEWTABLE",
	NFT_MSG_GETTABLE:         "NFT_MSG_GETTABLE",
	NFT_MSG_DELTABLE:         "NFT_MSG_DELTABLE",
	NFT_MSG_NEWCHAIN:         "NFT_MSG_NEWCHAIN",
	NFT_MSG_GETCHAIN:         "NFT_MSG_GETCHAIN",
	NFT_MSG_DELCHAIN:         "NFT_MSG_DELCHAIN",
	NFT_MSG_NEWRULE:          "NFT_MSG_NEWRULE",
	NFT_MSG_GETRULE:          "NFT_MSG_GETRULE",
	NFT_MSG_DELRULE:          "NFT_MSG_DELRULE",
	NFT_MSG_NEWSET:           "NFT_MSG_NEWSET",
	NFT_MSG_GETSET:           "NFT_MSG_GETSET",
	NFT_MSG_DELSET:           "NFT_MSG_DELSET",
	NFT_MSG_NEWSETELEM:       "NFT_MSG_NEWSETELEM",
	NFT_MSG_GETSETELEM:       "NFT_MSG_GETSETELEM",
	NFT_MSG_DELSETELEM:       "NFT_MSG_DELSETELEM",
	NFT_MSG_NEWGEN:           "NFT_MSG_NEWGEN",
	NFT_MSG_GETGEN:           "NFT_MSG_GETGEN",
	NFT_MSG_TRACE:            "NFT_MSG_TRACE",
	NFT_MSG_NEWOBJ:           "NFT_MSG_NEWOBJ",
	NFT_MSG_GETOBJ:           "NFT_MSG_GETOBJ",
	NFT_MSG_DELOBJ:           "NFT_MSG_DELOBJ",
	NFT_MSG_GETOBJ_RESET:     "NFT_MSG_GETOBJ_RESET",
	NFT_MSG_NEWFLOWTABLE:     "NFT_MSG_NEWFLOWTABLE",
	NFT_MSG_GETFLOWTABLE:     "NFT_MSG_GETFLOWTABLE",
	NFT_MSG_DELFLOWTABLE:     "NFT_MSG_DELFLOWTABLE",
	NFT_MSG_GETRULE_RESET:    "NFT_MSG_GETRULE_RESET",
	NFT_MSG_DESTROYTABLE:     "NFT_MSG_DESTROYTABLE",
	NFT_MSG_DESTROYCHAIN:     "NFT_MSG_DESTROYCHAIN",
	NFT_MSG_DESTROYRULE:      "NFT_MSG_DESTROYRULE",
	NFT_MSG_DESTROYSET:       "NFT_MSG_DESTROYSET",
	NFT_MSG_DESTROYSETELEM:   "NFT_MSG_DESTROYSETELEM",
	NFT_MSG_DESTROYOBJ:       "NFT_MSG_DESTROYOBJ",
	NFT_MSG_DESTROYFLOWTABLE: "NFT_MSG_DESTROYFLOWTABLE",
	NFT_MSG_GETSETELEM_RESET: "NFT_MSG_GETSETELEM_RESET",
}

// messageName names a message type for errors.
func messageName(typ uint16) string {
	_, msg := nfnl.Split(typ)
	if int(msg) >= len(names) {
		return ""
	}
	return names[msg]
}

func (*Table) MessageName(typ uint16) string     { return messageName(typ) }
func (*Chain) MessageName(typ uint16) string     { return messageName(typ) }
func (*Rule) MessageName(typ uint16) string      { return messageName(typ) }
func (*Set) MessageName(typ uint16) string       { return messageName(typ) }
func (*Object) MessageName(typ uint16) string    { return messageName(typ) }
func (*Flowtable) MessageName(typ uint16) string { return messageName(typ) }
func (*Gen) MessageName(typ uint16) string       { return messageName(typ) }
func (*Elems) MessageName(typ uint16) string     { return messageName(typ) }
