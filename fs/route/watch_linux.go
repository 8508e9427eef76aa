package route

import (
	"context"
	"iter"
	"net/netip"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// Watch yields the routes of both families and their changes.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Route], error] {
	return func(yield func(fs.Event[Route], error) bool) {
		names, err := k.links.Names(ctx, 0)
		if err != nil {
			yield(fs.Event[Route]{}, err)
			return
		}
		w := &watcher{k: k, reader: reader{ctx: ctx, names: names}, links: joint.LinkWatch{Names: names}, multi: map[way]bool{}}
		w.m.Has = rt.RouteRest
		joint.Watch(ctx, k.c, nl.Source[rt.Route]{Groups: watchGroups, Dump: w.dump, Event: w.event}, w.record)(yield)
	}
}

// Besides routes, what makes IPv4 routes go or change without a word: links,
// addresses, nexthop objects.
var watchGroups = []uint32{
	rt.RTNLGRP_IPV4_ROUTE, rt.RTNLGRP_IPV6_ROUTE, rt.RTNLGRP_LINK, rt.RTNLGRP_IPV4_IFADDR, rt.RTNLGRP_NEXTHOP,
}

// A watcher reads the messages of the groups.
type watcher struct {
	k *kernel
	reader
	m     rt.Route
	row1  Route
	links joint.LinkWatch
	multi map[way]bool // IPv6 routes with several ways
}

// A way names an IPv6 route.
type way struct {
	dst           netip.Prefix
	table, metric uint32
}

func (w *watcher) record(m *rt.Route) *Route {
	if !w.row(m, &w.row1) {
		return nil
	}
	return &w.row1
}

func (w *watcher) dump(ctx context.Context) iter.Seq2[*rt.Route, error] {
	clear(w.multi)
	return func(yield func(*rt.Route, error) bool) {
		for m, err := range rt.Routes(ctx, w.k.c, rt.RouteFilter{Rest: true}) {
			if err == nil {
				w.note(m)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func wayOf(m *rt.Route) way { return way{m.Prefix(), m.Table, m.Priority} }

// note remembers IPv6 routes with several ways: of them a deletion may mean one
// way only.
func (w *watcher) note(m *rt.Route) {
	if m.Hdr.Family == rt.AF_INET6 && len(m.Hops) > 1 {
		w.multi[wayOf(m)] = true
	}
}

func (w *watcher) event(msg nl.Message) (nl.What, *rt.Route, error) {
	switch msg.Type {
	case rt.RTM_NEWROUTE, rt.RTM_DELROUTE:
		if err := w.m.Decode(msg.Data); err != nil {
			return 0, nil, err
		}
		if w.m.Hdr.Flags&rt.RTM_F_CLONED != 0 {
			return nl.Ignored, nil, nil
		}
		return w.route(msg)
	case rt.RTM_NEWLINK, rt.RTM_DELLINK:
		changed, err := w.links.Event(msg)
		w.last = 0 // it may have another name
		if changed || err != nil {
			return nl.Stale, nil, err
		}
	case rt.RTM_DELADDR, rt.RTM_DELNEXTHOP:
		return nl.Stale, nil, nil
	case rt.RTM_NEWNEXTHOP:
		if msg.Flags&nl.FlagReplace != 0 {
			return nl.Stale, nil, nil
		}
	}
	return nl.Ignored, nil, nil
}

func (w *watcher) route(msg nl.Message) (nl.What, *rt.Route, error) {
	m := &w.m
	if msg.Type == rt.RTM_DELROUTE {
		if m.Hdr.Family == rt.AF_INET6 && len(m.Hops) == 0 && w.multi[wayOf(m)] {
			return nl.Stale, nil, nil
		}
		delete(w.multi, wayOf(m))
		return nl.Deleted, m, nil
	}
	w.note(m)
	switch {
	case msg.Flags&nl.FlagReplace != 0, m.Hdr.Family == rt.AF_INET6 && len(m.Hops) > 0:
		return nl.Replaced, m, nil
	case msg.Flags&nl.FlagAppend != 0:
		return nl.Appended, m, nil
	}
	return nl.Added, m, nil
}
