package rt

import (
	"context"
	"fmt"
	"iter"

	"github.com/netfs-project/netfs/nl"
)

// Sources for nl.Watch, one for each table. Each is for one Watch.
//
//	for e, err := range nl.Watch(ctx, c, rt.RouteSource(c, rt.RouteFilter{})) {
//
// An event of a value that the filter does not describe any more comes as Deleted, as far as
// the filter is not of the value's identity.
//
// The kernel does not tell all. It drops IPv4 routes and next hops without a word when their link goes
// down or their address or next hop goes away, and changes their flags with the carrier: the sources of
// routes and next hops therefore listen to links, addresses and next hops too, and have Watch read the table
// again (nl.Stale). Neighbours that need no resolution (NUD_NOARP) are in dumps and have no events.

// event decodes m if it is of the types made and gone.
func event[T any, P message[T]](m nl.Message, made, gone uint16, v P) (nl.What, P, error) {
	if m.Type != made && m.Type != gone {
		return nl.Ignored, nil, nil
	}
	if err := v.Decode(m.Data); err != nil {
		return nl.Ignored, nil, fmt.Errorf("%s: %w", v.MessageName(m.Type), err)
	}
	if m.Type == gone {
		return nl.Deleted, v, nil
	}
	return madeAs(m.Flags), v, nil
}

// madeAs reads the flags of an event that something was made.
func madeAs(flags uint16) nl.What {
	switch {
	case flags&nl.FlagReplace != 0:
		return nl.Replaced
	case flags&nl.FlagAppend != 0:
		return nl.Appended
	case flags&nl.FlagCreate != 0:
		return nl.Added
	}
	return nl.Replaced
}

// LinkSource watches the links that f describes.
func LinkSource(c *nl.Client, f LinkFilter) nl.Source[Link] {
	v := &Link{}
	if f.Rest {
		v.Has = LinkRest
	}
	return nl.Source[Link]{
		Groups: []uint32{RTNLGRP_LINK},
		Dump:   func(ctx context.Context) iter.Seq2[*Link, error] { return Links(ctx, c, f) },
		Event: func(m nl.Message) (nl.What, *Link, error) {
			what, l, err := event(m, RTM_NEWLINK, RTM_DELLINK, v)
			// What a bridge says of a port, and that it lost one, is not about the link.
			if l == nil || l.Hdr.Family != f.Family {
				return nl.Ignored, nil, err
			}
			if !f.match(l) {
				what = nl.Deleted
			}
			return what, l, err
		},
	}
}

// AddrSource watches the addresses that f describes.
func AddrSource(c *nl.Client, f AddrFilter) nl.Source[Addr] {
	v := &Addr{}
	if f.Rest {
		v.Has = AddrRest
	}
	return nl.Source[Addr]{
		Groups: byFamily(f.Family, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR),
		Dump:   func(ctx context.Context) iter.Seq2[*Addr, error] { return Addrs(ctx, c, f) },
		Event: func(m nl.Message) (nl.What, *Addr, error) {
			what, a, err := event(m, RTM_NEWADDR, RTM_DELADDR, v)
			if a == nil || f.Index != 0 && a.Hdr.Index != f.Index {
				return nl.Ignored, nil, err
			}
			return what, a, err
		},
	}
}

// NeighSource watches the neighbours that f describes. The Master of f is not known to all events.
func NeighSource(c *nl.Client, f NeighFilter) nl.Source[Neigh] {
	v := &Neigh{}
	if f.Rest {
		v.Has = NeighRest
	}
	return nl.Source[Neigh]{
		Groups: []uint32{RTNLGRP_NEIGH},
		Dump:   func(ctx context.Context) iter.Seq2[*Neigh, error] { return Neighs(ctx, c, f) },
		Event: func(m nl.Message) (nl.What, *Neigh, error) {
			what, n, err := event(m, RTM_NEWNEIGH, RTM_DELNEIGH, v)
			if n == nil || !f.family(n.Hdr.Family) || !f.match(n) || f.Master != 0 && n.Master != 0 && n.Master != f.Master {
				return nl.Ignored, nil, err
			}
			if f.Family == AF_BRIDGE && what == nl.Appended {
				return nl.Appended, n, nil
			}
			if what != nl.Deleted {
				what = nl.Replaced
			}
			return what, n, err
		},
	}
}

// RouteSource watches the routes that f describes. A change of an IPv6 route with several next hops is told
// by all that it has then; the loss of one of them by that one: Deleted, with its gateway.
func RouteSource(c *nl.Client, f RouteFilter) nl.Source[Route] {
	v := &Route{}
	if f.Rest {
		v.Has = RouteRest
	}
	s := silent{c: c}
	groups := append(byFamily(f.Family, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE), RTNLGRP_LINK, RTNLGRP_NEXTHOP)
	if f.Family != AF_INET6 {
		groups = append(groups, RTNLGRP_IPV4_IFADDR)
	}
	return nl.Source[Route]{
		Groups: groups,
		Dump: func(ctx context.Context) iter.Seq2[*Route, error] {
			return after(func() error { return s.load(ctx) }, Routes(ctx, c, f))
		},
		Event: func(m nl.Message) (nl.What, *Route, error) {
			if m.Type == RTM_DELADDR || s.changed(m) {
				return nl.Stale, nil, nil
			}
			what, r, err := event(m, RTM_NEWROUTE, RTM_DELROUTE, v)
			if r == nil || !f.family(r.Hdr.Family) || r.Hdr.Flags&RTM_F_CLONED != f.Flags&RTM_F_CLONED {
				return nl.Ignored, nil, err
			}
			if f.Table != 0 && r.Table != f.Table {
				return nl.Ignored, nil, nil
			}
			if !f.match(r) {
				what = nl.Deleted
			}
			if what == nl.Appended && r.Hdr.Family == AF_INET6 && len(r.Hops) > 0 {
				what = nl.Replaced
			}
			return what, r, nil
		},
	}
}

// RuleSource watches the rules that f describes. That a rule lost its link or found it again is told
// by reading all rules.
func RuleSource(c *nl.Client, f RuleFilter) nl.Source[Rule] {
	v := &Rule{}
	if f.Rest {
		v.Has = RuleRest
	}
	s := silent{c: c}
	return nl.Source[Rule]{
		Groups: append(byFamily(f.Family, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE), RTNLGRP_LINK),
		Dump: func(ctx context.Context) iter.Seq2[*Rule, error] {
			return after(func() error { return s.load(ctx) }, Rules(ctx, c, f))
		},
		Event: func(m nl.Message) (nl.What, *Rule, error) {
			if s.changed(m) {
				return nl.Stale, nil, nil
			}
			what, r, err := event(m, RTM_NEWRULE, RTM_DELRULE, v)
			if r == nil {
				return nl.Ignored, nil, err
			}
			if what != nl.Deleted {
				what = nl.Appended // rules have no identity but all that they say
			}
			return what, r, nil
		},
	}
}

// NexthopSource watches the next hops that f describes.
func NexthopSource(c *nl.Client, f NexthopFilter) nl.Source[Nexthop] {
	v := &Nexthop{}
	if f.Rest {
		v.Has = NexthopRest
	}
	s := silent{c: c}
	return nl.Source[Nexthop]{
		Groups: []uint32{RTNLGRP_NEXTHOP, RTNLGRP_LINK},
		Dump: func(ctx context.Context) iter.Seq2[*Nexthop, error] {
			return after(func() error { return s.load(ctx) }, Nexthops(ctx, c, f))
		},
		Event: func(m nl.Message) (nl.What, *Nexthop, error) {
			if m.Type == RTM_NEWLINK || m.Type == RTM_DELLINK {
				if s.changed(m) {
					return nl.Stale, nil, nil
				}
				return nl.Ignored, nil, nil
			}
			what, h, err := event(m, RTM_NEWNEXTHOP, RTM_DELNEXTHOP, v)
			if h == nil {
				return nl.Ignored, nil, err
			}
			if what != nl.Deleted {
				what = nl.Replaced
			}
			if !f.match(h) {
				what = nl.Deleted
			}
			return what, h, nil
		},
	}
}

// NSIDSource watches the numbers of namespaces.
func NSIDSource(c *nl.Client) nl.Source[NSID] {
	v := &NSID{}
	return nl.Source[NSID]{
		Groups: []uint32{RTNLGRP_NSID},
		Dump:   func(ctx context.Context) iter.Seq2[*NSID, error] { return NSIDs(ctx, c) },
		Event: func(m nl.Message) (nl.What, *NSID, error) {
			return event(m, RTM_NEWNSID, RTM_DELNSID, v)
		},
	}
}

// byFamily chooses between the groups of IPv4 and IPv6.
func byFamily(family uint8, four, six uint32) []uint32 {
	switch family {
	case AF_INET:
		return []uint32{four}
	case AF_INET6:
		return []uint32{six}
	}
	return []uint32{four, six}
}

// after yields seq once before went well.
func after[P any](before func() error, seq iter.Seq2[*P, error]) iter.Seq2[*P, error] {
	return func(yield func(*P, error) bool) {
		if err := before(); err != nil {
			yield(nil, err)
			return
		}
		seq(yield)
	}
}

// silent notices events after which other tables have changed that no event tells of. It remembers
// the name and the state of links.
type silent struct {
	c     *nl.Client
	links map[int32]linkState
	v     Link
}

type linkState struct {
	name  string
	flags uint32 // IFF_UP, and the two of the carrier
}

func stateOf(l *Link) linkState {
	return linkState{l.Name, l.Hdr.Flags & (IFF_UP | IFF_RUNNING | IFF_LOWER_UP)}
}

// load learns how links are. What changes until the dump behind it is noticed by its event.
func (s *silent) load(ctx context.Context) error {
	s.links = map[int32]linkState{}
	for l, err := range Links(ctx, s.c, LinkFilter{NoStats: true}) {
		if err != nil {
			return err
		}
		s.links[l.Hdr.Index] = stateOf(l)
	}
	return nil
}

// changed says whether m is such an event.
func (s *silent) changed(m nl.Message) bool {
	switch m.Type {
	case RTM_DELNEXTHOP:
		return true
	case RTM_NEWNEXTHOP:
		return m.Flags&nl.FlagReplace != 0
	case RTM_NEWLINK, RTM_DELLINK:
		return s.v.Decode(m.Data) == nil && s.v.Hdr.Family == AF_UNSPEC && s.linkChanged(m.Type)
	}
	return false
}

func (s *silent) linkChanged(typ uint16) bool {
	index := s.v.Hdr.Index
	old, known := s.links[index]
	if typ == RTM_DELLINK {
		delete(s.links, index)
		return known
	}
	now := stateOf(&s.v)
	s.links[index] = now
	return !known || old != now
}
