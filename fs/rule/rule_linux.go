package rule

import (
	"context"
	"iter"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
	"github.com/netfs-project/netfs/nl/rt"
)

// New returns the file of the rules in the namespace that c, a client of
// nl.Route, speaks to.
func New(c *nl.Client) (fs.Page, error) { return Page(&kernel{c}), nil }

// A kernel is Linux by rtnetlink.
type kernel struct{ c *nl.Client }

func (k *kernel) Rules(ctx context.Context, q *fs.Query[Rule]) iter.Seq2[*Rule, error] {
	f := rt.RuleFilter{Rest: true}
	if q.Has("family") || q.Has("from") || q.Has("to") {
		f.Family = family(&q.Want)
	}
	return joint.Rows(rt.Rules(ctx, k.c, f), row)
}

func family(r *Rule) uint8 {
	if r.Inet6 || r.From.Addr().Is6() || r.To.Addr().Is6() {
		return rt.AF_INET6
	}
	return rt.AF_INET
}

// row fills r from m.
func row(m *rt.Rule, r *Rule) bool {
	*r = Rule{
		Priority: m.Priority, HasPriority: true, Inet6: m.Hdr.Family == rt.AF_INET6, Not: m.Hdr.Flags&rt.FIB_RULE_INVERT != 0,
		Iif: m.IIF, Oif: m.OIF, Mark: Mark{m.Mark, m.Mask}, Tos: m.Hdr.TOS, IPProto: m.IPProto,
		Sport: Ports{m.SPort.Low, m.SPort.High, m.SPortMask}, Dport: Ports{m.DPort.Low, m.DPort.High, m.DPortMask},
		TunID: m.TunID, Table: m.Table, Type: Type(m.Hdr.Action), Goto: m.Goto, HasGoto: m.Hdr.Action == rt.FR_ACT_GOTO,
		L3mdev: m.L3MDev != 0, Realms: m.Flow, Proto: m.Protocol, Label: Mark{m.FlowLabel, m.FlowLabelMask},
	}
	if m.Hdr.SrcLen > 0 {
		r.From = m.Src
	}
	if m.Hdr.DstLen > 0 {
		r.To = m.Dst
	}
	if m.Has.Has(rt.RuleDSCP) {
		r.DSCP = Mark{uint32(m.DSCP), 63}
		if m.Has.Has(rt.RuleDSCPMask) {
			r.DSCP.Mask = uint32(m.DSCPMask)
		}
	}
	if m.Has.Has(rt.RuleUIDs) {
		r.UIDs = Range{m.UIDs.Low, m.UIDs.High, true}
	}
	r.SupPrefix = small(m.Has.Has(rt.RuleSuppressPrefixLen), m.SuppressPrefixLen)
	r.SupGroup = small(m.Has.Has(rt.RuleSuppressIfGroup), m.SuppressIfGroup)
	r.Detached = detached(m.Hdr.Flags)
	for _, a := range m.Rest {
		r.Opts = append(r.Opts, fs.Opt{N: int(a.Type), Data: append([]byte(nil), a.Data...)})
	}
	return true
}

// small is a limit; the kernel says -1 where there is none.
func small(has bool, n int32) Small {
	if !has || n < 0 {
		return Small{}
	}
	return Small{uint32(n), true}
}

func detached(flags uint32) (d Detached) {
	if flags&rt.FIB_RULE_UNRESOLVED != 0 {
		d |= Unresolved
	}
	if flags&rt.FIB_RULE_IIF_DETACHED != 0 {
		d |= IifDetached
	}
	if flags&rt.FIB_RULE_OIF_DETACHED != 0 {
		d |= OifDetached
	}
	return d
}

// wire is the message of r.
func wire(r *Rule) *rt.Rule {
	m := &rt.Rule{
		Priority: r.Priority, IIF: r.Iif, OIF: r.Oif, Mark: r.Mark.Value, Mask: r.Mark.Mask, IPProto: r.IPProto,
		SPort: rt.PortRange{Low: r.Sport.Low, High: r.Sport.High}, DPort: rt.PortRange{Low: r.Dport.Low, High: r.Dport.High},
		SPortMask: r.Sport.Mask, DPortMask: r.Dport.Mask, TunID: r.TunID, Table: r.Table, Goto: r.Goto, Flow: r.Realms, Protocol: r.Proto,
		FlowLabel: r.Label.Value, FlowLabelMask: r.Label.Mask,
	}
	m.Hdr.Family = family(r)
	m.Hdr.TOS, m.Hdr.Action = r.Tos, uint8(r.Type)
	if r.From.IsValid() {
		m.Src, m.Hdr.SrcLen = r.From, uint8(r.From.Bits())
	}
	if r.To.IsValid() {
		m.Dst, m.Hdr.DstLen = r.To, uint8(r.To.Bits())
	}
	if r.Not {
		m.Hdr.Flags |= rt.FIB_RULE_INVERT
	}
	if r.L3mdev {
		m.L3MDev = 1
	}
	optional(r, m)
	for _, o := range r.Opts {
		m.Rest = append(m.Rest, attr.Raw{Type: uint16(o.N), Data: o.Data})
	}
	return m
}

// optional fills in what has a meaning where it is zero, too.
func optional(r *Rule, m *rt.Rule) {
	has := func(ok bool, bit rt.RuleSet) {
		if ok {
			m.Has |= bit
		}
	}
	has(r.HasPriority, rt.RulePriority)
	has(r.Mark.Mask != 0, rt.RuleMark|rt.RuleMask)
	has(r.Label.Mask != 0, rt.RuleFlowLabel|rt.RuleFlowLabelMask)
	if r.DSCP.Mask != 0 {
		m.DSCP = uint8(r.DSCP.Value)
		m.Has |= rt.RuleDSCP
	}
	if r.DSCP.Mask != 0 && r.DSCP.Mask != 63 {
		m.DSCPMask = uint8(r.DSCP.Mask)
	}
	if r.UIDs.OK {
		m.UIDs = rt.UIDRange{Low: r.UIDs.Low, High: r.UIDs.High}
		m.Has |= rt.RuleUIDs
	}
	if r.SupPrefix.OK {
		m.SuppressPrefixLen = int32(r.SupPrefix.N)
		m.Has |= rt.RuleSuppressPrefixLen
	}
	if r.SupGroup.OK {
		m.SuppressIfGroup = int32(r.SupGroup.N)
		m.Has |= rt.RuleSuppressIfGroup
	}
}

// Change sends all ops together.
func (k *kernel) Change(ctx context.Context, ops []fs.Op[Rule]) {
	joint.Batch(ctx, k.c, ops, request, func(_ *fs.Op[Rule], err error) error { return attrs.Blame(err) })
}

func request(o *fs.Op[Rule]) (nl.Request, error) {
	if o.Act != fs.Del {
		m := wire(&o.Row)
		req := m.Add()
		if o.Act == fs.Append {
			req.Flags = nl.FlagCreate
		}
		return req, nil
	}
	r := o.Row
	if o.Old != nil {
		r = *o.Old
	} else if !o.Has("table") && !o.Has("type") && !o.Has("goto") && !o.Has("l3mdev") {
		r.Table, r.Type = 0, 0 // what the line did not say matches any
	}
	return wire(&r).Del(), nil
}

// Watch yields the rules of both families and their changes.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Rule], error] {
	var d rt.Rule
	var r Rule
	d.Has = rt.RuleRest
	src := nl.Source[rt.Rule]{
		Groups: []uint32{rt.RTNLGRP_IPV4_RULE, rt.RTNLGRP_IPV6_RULE},
		Dump: func(ctx context.Context) iter.Seq2[*rt.Rule, error] {
			return rt.Rules(ctx, k.c, rt.RuleFilter{Rest: true})
		},
		Event: func(m nl.Message) (nl.What, *rt.Rule, error) {
			what := nl.Ignored
			switch m.Type {
			case rt.RTM_NEWRULE:
				what = nl.Added
			case rt.RTM_DELRULE:
				what = nl.Deleted
			default:
				return what, nil, nil
			}
			return what, &d, d.Decode(m.Data)
		},
	}
	return joint.Watch(ctx, k.c, src, func(m *rt.Rule) *Rule {
		row(m, &r)
		return &r
	})
}

var attrs = joint.Words{
	"FRA_DST": "to", "FRA_SRC": "from", "FRA_IIFNAME": "iif", "FRA_OIFNAME": "oif", "FRA_GOTO": "goto", "FRA_PRIORITY": "priority",
	"FRA_FWMARK": "fwmark", "FRA_FWMASK": "fwmark", "FRA_FLOW": "realms", "FRA_TUN_ID": "tun_id", "FRA_SUPPRESS_IFGROUP": "suppress_ifgroup",
	"FRA_SUPPRESS_PREFIXLEN": "suppress_prefixlength", "FRA_TABLE": "table", "FRA_L3MDEV": "l3mdev", "FRA_UID_RANGE": "uidrange",
	"FRA_PROTOCOL": "proto", "FRA_IP_PROTO": "ipproto", "FRA_SPORT_RANGE": "sport", "FRA_DPORT_RANGE": "dport", "FRA_DSCP": "dscp",
	"FRA_DSCP_MASK": "dscp", "FRA_FLOWLABEL": "flowlabel", "FRA_FLOWLABEL_MASK": "flowlabel", "FRA_SPORT_MASK": "sport", "FRA_DPORT_MASK": "dport",
}
