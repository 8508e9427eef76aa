package rt

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"syscall"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// NetconfMsg is struct netconfmsg (linux/netconf.h).
//
//nl:struct
type NetconfMsg struct{ Family uint8 }

// A Netconf holds the sysctls of one link and family that have events.
//
//nl:message RTM_NEWNETCONF RTM_DELNETCONF RTM_GETNETCONF
type Netconf struct {
	Hdr NetconfMsg `nl:"header"`

	Index          int32 `nl:"NETCONFA_IFINDEX"` // or NETCONFA_IFINDEX_ALL, NETCONFA_IFINDEX_DEFAULT
	Forwarding     int32 `nl:"NETCONFA_FORWARDING"`
	RPFilter       int32 `nl:"NETCONFA_RP_FILTER"` // IPv4
	MCForwarding   int32 `nl:"NETCONFA_MC_FORWARDING"`
	ProxyNeigh     int32 `nl:"NETCONFA_PROXY_NEIGH"`
	IgnoreLinkDown int32 `nl:"NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN"`
	Input          int32 `nl:"NETCONFA_INPUT"` // MPLS
	BCForwarding   int32 `nl:"NETCONFA_BC_FORWARDING"`

	Has  NetconfSet
	Rest []attr.Raw `nl:"rest"`
}

// Netconfs yields what the links have of a family, borrowed until the next step. AF_UNSPEC is IPv4 and IPv6.
func Netconfs(ctx context.Context, c *nl.Client, family uint8) iter.Seq2[*Netconf, error] {
	m := &Netconf{Has: NetconfRest}
	var seqs []iter.Seq2[*Netconf, error]
	for _, f := range families(family) {
		q := &Netconf{}
		q.Hdr.Family = f
		seqs = append(seqs, dump(ctx, c, nl.Request{Type: RTM_GETNETCONF, Body: q}, RTM_NEWNETCONF, m, nil))
	}
	absent := func(err error) bool { return family == AF_UNSPEC && noFamily(err) }
	return concat(absent, seqs...)
}

// NetconfSource watches them.
func NetconfSource(c *nl.Client, family uint8) nl.Source[Netconf] {
	v := &Netconf{Has: NetconfRest}
	return nl.Source[Netconf]{
		Groups: byFamily(family, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF),
		Dump:   func(ctx context.Context) iter.Seq2[*Netconf, error] { return Netconfs(ctx, c, family) },
		Event: func(m nl.Message) (nl.What, *Netconf, error) {
			return event(m, RTM_NEWNETCONF, RTM_DELNETCONF, v)
		},
	}
}

// LabelMsg is struct ifaddrlblmsg (linux/if_addrlabel.h).
//
//nl:struct
type LabelMsg struct {
	Family    uint8
	_         uint8
	PrefixLen uint8 // see LabelRule.Prefix
	Flags     uint8
	Index     int32 // of the link, 0 for all
	Seq       uint32
}

// An LabelRule gives addresses a label for the choice of a source (RFC 6724 2.1).
//
//nl:message RTM_NEWADDRLABEL RTM_DELADDRLABEL RTM_GETADDRLABEL
type LabelRule struct {
	Hdr LabelMsg `nl:"header"`

	Prefix netip.Prefix `nl:"IFAL_ADDRESS,len=Hdr.PrefixLen"`
	Label  uint32       `nl:"IFAL_LABEL"`

	Has  LabelRuleSet
	Rest []attr.Raw `nl:"rest"`
}

// AddrLabels yields the labels, borrowed until the next step.
func AddrLabels(ctx context.Context, c *nl.Client) iter.Seq2[*LabelRule, error] {
	q := &LabelRule{}
	q.Hdr.Family = AF_INET6
	return dump(ctx, c, nl.Request{Type: RTM_GETADDRLABEL, Body: q}, RTM_NEWADDRLABEL, &LabelRule{Has: LabelRuleRest}, nil)
}

func (m *LabelRule) request(typ, flags uint16) nl.Request {
	m.Hdr.Family = AF_INET6
	m.Has |= LabelRulePrefix | LabelRuleLabel // ::/0 and label 0 are as good as others
	return nl.Request{Type: typ, Flags: flags, Body: m}
}

// Add is the request that makes m.
func (m *LabelRule) Add() nl.Request { return m.request(RTM_NEWADDRLABEL, flagsAdd) }

// Replace is the request that makes m or changes its label.
func (m *LabelRule) Replace() nl.Request { return m.request(RTM_NEWADDRLABEL, flagsReplace) }

// Del is the request that deletes m.
func (m *LabelRule) Del() nl.Request { return m.request(RTM_DELADDRLABEL, 0) }

// Multicasts yields the multicast addresses that links listen to: Addr.Multicast. IPv4 has them from Linux 6.15
// on. They are borrowed until the next step.
func Multicasts(ctx context.Context, c *nl.Client, f AddrFilter) iter.Seq2[*Addr, error] {
	return groupAddrs(ctx, c, f, RTM_GETMULTICAST)
}

// Anycasts yields the anycast addresses of links: Addr.Anycast, IPv6 only.
func Anycasts(ctx context.Context, c *nl.Client, f AddrFilter) iter.Seq2[*Addr, error] {
	if f.Family == AF_UNSPEC {
		f.Family = AF_INET6
	}
	return groupAddrs(ctx, c, f, RTM_GETANYCAST)
}

// groupAddrs: the kernel answers with messages of the type of the question.
func groupAddrs(ctx context.Context, c *nl.Client, f AddrFilter, typ uint16) iter.Seq2[*Addr, error] {
	m := &Addr{}
	if f.Rest {
		m.Has = AddrRest
	}
	var seqs []iter.Seq2[*Addr, error]
	for _, family := range families(f.Family) {
		q := &Addr{}
		q.Hdr.Family, q.Hdr.Index = family, f.Index
		seqs = append(seqs, dump(ctx, c, nl.Request{Type: typ, Body: q}, typ, m, func(m *Addr) bool {
			return f.Index == 0 || m.Hdr.Index == f.Index
		}))
	}
	absent := func(err error) bool {
		return f.Family == AF_UNSPEC && (noFamily(err) || errors.Is(err, syscall.EINVAL))
	}
	return concat(absent, seqs...)
}

// IfStatsMsg is struct if_stats_msg (linux/if_link.h).
//
//nl:struct
type IfStatsMsg struct {
	Family uint8
	_      [3]uint8
	Index  int32
	Filter uint32 // of a request: the bit 1 << (IFLA_STATS_LINK_64 - 1) ...
}

// A Stats holds the statistics of a link.
//
//nl:message RTM_NEWSTATS RTM_GETSTATS
type Stats struct {
	Hdr IfStatsMsg `nl:"header"`

	Link64      Stats64 `nl:"IFLA_STATS_LINK_64"`
	XStats      []byte  `nl:"IFLA_STATS_LINK_XSTATS"`
	SlaveXStats []byte  `nl:"IFLA_STATS_LINK_XSTATS_SLAVE"`
	Offload     []byte  `nl:"IFLA_STATS_LINK_OFFLOAD_XSTATS"`
	AF          []byte  `nl:"IFLA_STATS_AF_SPEC"`

	Has  StatsSet
	Rest []attr.Raw `nl:"rest"`
}

const statsLink64 = 1 << (IFLA_STATS_LINK_64 - 1)

// LinkCounters yields the counters of all links, borrowed until the next step: a much smaller dump than Links.
func LinkCounters(ctx context.Context, c *nl.Client) iter.Seq2[*Stats, error] {
	q := &Stats{}
	q.Hdr.Filter = statsLink64
	return dump(ctx, c, nl.Request{Type: RTM_GETSTATS, Body: q}, RTM_NEWSTATS, &Stats{}, nil)
}

// GetCounters reads the counters of one link into m.
func GetCounters(ctx context.Context, c *nl.Client, index int32, m *Stats) error {
	q := &Stats{}
	q.Hdr.Index, q.Hdr.Filter = index, statsLink64
	return get(ctx, c, nl.Request{Type: RTM_GETSTATS, Body: q}, RTM_NEWSTATS, m)
}
