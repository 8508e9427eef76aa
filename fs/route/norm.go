package route

import (
	"errors"
	"net/netip"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/encap"
)

func isTorn(err error) bool { return errors.Is(err, fs.ErrTorn) }

// Is6 reports whether r is an IPv6 route.
func (r *Route) Is6() bool { return r.Dst.Addr().Is6() }

// direct reports whether r leads straight onto a link.
func (r *Route) direct() bool {
	return !r.Via.IsValid() && len(r.Hops) == 0 && r.NHID == 0
}

// home is the table of a line that names none.
func (r *Route) home() uint32 {
	if r.plain {
		return TableMain
	}
	return r.Type.table()
}

// norm fills in what ip-route(8) and the kernel fill in.
func norm(r *Route) {
	if r.Type == 0 {
		r.Type = Unicast
	}
	if r.Table == 0 {
		r.Table = r.home()
	}
	if r.said[sayProto] == 0 && r.Proto == 0 {
		r.Proto = protoBoot
	}
	if !r.Dst.IsValid() {
		return
	}
	if r.Is6() {
		// The kernel drops host bits here, and refuses them for IPv4.
		r.Dst = r.Dst.Masked()
		r.Scope = scopeGlobal
		if r.Metric == 0 && r.said[sayMetric] == 0 {
			r.Metric = metric6
		}
		return
	}
	if r.said[sayScope] == 0 && r.Scope == 0 {
		r.Scope = r.scope()
	}
}

// scope is what ip-route(8) takes when none is given.
func (r *Route) scope() uint8 {
	switch r.Type {
	case Local, NAT:
		return scopeHost
	case Broadcast, Multicast, Anycast:
		return scopeLink
	case Unicast:
		if r.direct() {
			return scopeLink
		}
	}
	return scopeGlobal
}

// ident tells routes apart that the kernel keeps side by side though dst,
// table, metric and tos are equal: IPv6 routes straight onto links, and those
// of several sources.
func ident(b []byte, r *Route) []byte {
	if !r.Is6() {
		return b
	}
	if r.From.IsValid() && r.From.Bits() > 0 {
		b = r.From.AppendTo(b)
	}
	if r.direct() && r.Type.forwards() {
		b = append(b, r.Dev...)
	}
	return b
}

// settle takes away what a change makes void: the record of an op is the old
// one overlaid with the line, and a route that goes to a new gateway no longer
// goes the old ways.
func settle(o *fs.Op[Route]) {
	switch {
	case o.Act == fs.Del:
	case o.Old == nil:
		if o.Row.NHID != 0 { // its ways are printed, but belong to the nexthop
			o.Row.Via, o.Row.Dev, o.Row.Hops = netip.Addr{}, "", nil
		}
	default:
		settleWays(o)
	}
}

func settleWays(o *fs.Op[Route]) {
	r := &o.Row
	moved := true
	switch {
	case o.Has("type") && r.Type.refuses():
		r.Via, r.Dev, r.Hops, r.NHID, r.Encap = netip.Addr{}, "", nil, 0, encap.Encap{}
	case o.Has("nhid") && r.NHID != 0:
		r.Via, r.Dev, r.Hops = netip.Addr{}, "", nil
	case o.Has("nexthop") && len(r.Hops) > 0:
		r.Via, r.Dev, r.NHID, r.Encap = netip.Addr{}, "", 0, encap.Encap{}
	case o.Has("via") || o.Has("dev"):
		settleGate(o)
	case r.NHID != 0:
		r.Via, r.Dev, r.Hops = netip.Addr{}, "", nil
		moved = false
	default:
		moved = false
	}
	if moved && r.Type.refuses() && !o.Has("type") {
		r.Type = Unicast
	}
	if (moved || o.Has("type")) && !r.Is6() && !said(o, sayScope) {
		r.Scope = r.scope()
	}
}

// settleGate is for a line that names another gateway or another link.
func settleGate(o *fs.Op[Route]) {
	r := &o.Row
	r.Hops, r.NHID = nil, 0
	if !said(o, sayVia) {
		r.Via = netip.Addr{}
	}
	if !said(o, sayDev) && r.Flags&Onlink == 0 && !r.Via.IsLinkLocalUnicast() {
		r.Dev = "" // the kernel finds the link of the new gateway
	}
}

// said reports whether the line had the key: the old record, read from its own
// text, said each of its keys once already.
func said(o *fs.Op[Route], k say) bool {
	return o.Old == nil || o.Row.said[k] > o.Old.said[k]
}
