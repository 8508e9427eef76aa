package rt

import (
	"context"
	"iter"
	"net/netip"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// FibRuleHdr is struct fib_rule_hdr (linux/fib_rules.h).
//
//nl:struct
type FibRuleHdr struct {
	Family uint8
	DstLen uint8 // see Rule.Dst
	SrcLen uint8
	TOS    uint8
	Table  uint8 // see Rule.Table
	_      [2]uint8
	Action uint8  // FR_ACT_TO_TBL ...
	Flags  uint32 // FIB_RULE_INVERT ...
}

// A Rule says which packets a routing table is for. The zero Prefix is all addresses.
//
//nl:message RTM_NEWRULE RTM_DELRULE RTM_GETRULE
//nl:skip FRA_PAD
type Rule struct {
	Hdr FibRuleHdr `nl:"header"`

	Priority uint32       `nl:"FRA_PRIORITY"`
	Dst      netip.Prefix `nl:"FRA_DST,len=Hdr.DstLen"`
	Src      netip.Prefix `nl:"FRA_SRC,len=Hdr.SrcLen"`
	IIF      string       `nl:"FRA_IIFNAME"`
	OIF      string       `nl:"FRA_OIFNAME"`
	Mark     uint32       `nl:"FRA_FWMARK"`
	Mask     uint32       `nl:"FRA_FWMASK"`
	Table    uint32       `nl:"FRA_TABLE,over=Hdr.Table"`
	Goto     uint32       `nl:"FRA_GOTO"` // the priority to go to, of action FR_ACT_GOTO
	Flow     uint32       `nl:"FRA_FLOW"` // realms: from << 16 | to
	TunID    uint64       `nl:"FRA_TUN_ID,be"`
	L3MDev   uint8        `nl:"FRA_L3MDEV"`
	Protocol uint8        `nl:"FRA_PROTOCOL"` // who made it: RTPROT_KERNEL ...
	IPProto  uint8        `nl:"FRA_IP_PROTO"`
	SPort    PortRange    `nl:"FRA_SPORT_RANGE"`
	DPort    PortRange    `nl:"FRA_DPORT_RANGE"`
	UIDs     UIDRange     `nl:"FRA_UID_RANGE"`
	// A route found in the table is not taken if its prefix is not longer than this, or its
	// link is of this group. The kernel says -1 where there is no such limit.
	SuppressPrefixLen int32  `nl:"FRA_SUPPRESS_PREFIXLEN"`
	SuppressIfGroup   int32  `nl:"FRA_SUPPRESS_IFGROUP"`
	DSCP              uint8  `nl:"FRA_DSCP"`
	DSCPMask          uint8  `nl:"FRA_DSCP_MASK"`
	FlowLabel         uint32 `nl:"FRA_FLOWLABEL,be"`
	FlowLabelMask     uint32 `nl:"FRA_FLOWLABEL_MASK,be"`
	SPortMask         uint16 `nl:"FRA_SPORT_MASK"`
	DPortMask         uint16 `nl:"FRA_DPORT_MASK"`

	Has  RuleSet
	Rest []attr.Raw `nl:"rest"`
}

// PortRange is struct fib_rule_port_range.
//
//nl:struct
type PortRange struct{ Low, High uint16 }

// UIDRange is struct fib_rule_uid_range.
//
//nl:struct
type UIDRange struct{ Low, High uint32 }

// A RuleFilter says which rules a dump is for. The zero value is those of IPv4 and IPv6.
// The kernel has no finer filter.
type RuleFilter struct {
	Family uint8
	Rest   bool // keep unknown attributes in Rest
}

// Rules yields the rules that f describes in the order in which they are looked at, family by
// family. The rule is borrowed until the next step.
func Rules(ctx context.Context, c *nl.Client, f RuleFilter) iter.Seq2[*Rule, error] {
	m := &Rule{}
	if f.Rest {
		m.Has = RuleRest
	}
	var seqs []iter.Seq2[*Rule, error]
	for _, family := range families(f.Family) {
		q := &Rule{}
		q.Hdr.Family = family
		seqs = append(seqs, dump(ctx, c, nl.Request{Type: RTM_GETRULE, Body: q}, RTM_NEWRULE, m, nil))
	}
	absent := func(err error) bool { return f.Family == AF_UNSPEC && noFamily(err) }
	return concat(absent, seqs...)
}

// fillFamily finds the address family of a rule that has none from its addresses.
func (m *Rule) fillFamily() {
	if m.Hdr.Family != AF_UNSPEC {
		return
	}
	m.Hdr.Family = max(Family(m.Src.Addr()), Family(m.Dst.Addr()), AF_INET)
}

// Add is the request that makes m. Requests find Hdr.Family from the addresses if it is not set.
func (m *Rule) Add() nl.Request {
	m.fillFamily()
	return nl.Request{Type: RTM_NEWRULE, Flags: flagsAdd, Body: m}
}

// Del is the request that deletes the first rule that m describes.
func (m *Rule) Del() nl.Request {
	m.fillFamily()
	return nl.Request{Type: RTM_DELRULE, Body: m}
}
