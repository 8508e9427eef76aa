package rt

import (
	"context"
	"errors"
	"iter"
	"syscall"

	"github.com/netfs-project/netfs/nl"
)

// A RouteFilter says which routes a dump is for; the kernel looks at the others no further.
// The zero value is all unicast routing tables of IPv4 and IPv6. Cached routes are
// dumped if Flags has RTM_F_CLONED, and then alone.
type RouteFilter struct {
	Family   uint8
	Table    uint32
	Protocol uint8 // RTPROT_STATIC ...
	Type     uint8 // RTN_UNICAST ...
	OIF      int32
	Flags    uint32 // RTM_F_CLONED
	Rest     bool   // keep unknown attributes in Rest
}

// Routes yields the routes that f describes, borrowed until the next step. A table that does not exist has
// none. The kernel does not say that a dump of IPv4 was torn: for consistency under change, join the
// events before the dump.
func Routes(ctx context.Context, c *nl.Client, f RouteFilter) iter.Seq2[*Route, error] {
	m := &Route{}
	if f.Rest {
		m.Has = RouteRest
	}
	var seqs []iter.Seq2[*Route, error]
	for _, family := range families(f.Family) {
		seqs = append(seqs, dump(ctx, c, nl.Request{Type: RTM_GETROUTE, Body: f.request(family)}, RTM_NEWROUTE, m, f.keep()))
	}
	return concat(f.absent, seqs...)
}

func (f *RouteFilter) request(family uint8) *Route {
	q := &Route{Table: f.Table, OIF: f.OIF}
	q.Hdr = RtMsg{Family: family, Protocol: f.Protocol, Type: f.Type, Flags: f.Flags}
	if f.Type == RTN_BLACKHOLE {
		q.Hdr.Type = RTN_UNSPEC // routes to a blackhole next hop show as such, and are filtered as unicast
	}
	return q
}

// keep is the filter for kernels that have none, nil if there is nothing to filter.
func (f *RouteFilter) keep() func(*Route) bool {
	if f.Table == 0 && f.Protocol == 0 && f.Type == 0 && f.OIF == 0 && f.Flags&RTM_F_CLONED == 0 {
		return nil
	}
	return f.match
}

func (f *RouteFilter) match(m *Route) bool {
	return (f.Table == 0 || m.Table == f.Table) &&
		(f.Protocol == 0 || m.Hdr.Protocol == f.Protocol) &&
		(f.Type == 0 || m.Hdr.Type == f.Type) &&
		(f.OIF == 0 || m.uses(f.OIF)) &&
		m.Hdr.Flags&RTM_F_CLONED == f.Flags&RTM_F_CLONED
}

// family says whether f is about routes of a family.
func (f *RouteFilter) family(a uint8) bool {
	return a == f.Family || f.Family == AF_UNSPEC && (a == AF_INET || a == AF_INET6)
}

func (m *Route) uses(oif int32) bool {
	if m.OIF == oif {
		return true
	}
	for i := range m.Hops {
		if m.Hops[i].Hdr.Index == oif {
			return true
		}
	}
	return false
}

func (f *RouteFilter) absent(err error) bool {
	return f.Table != 0 && errors.Is(err, syscall.ENOENT) || f.Family == AF_UNSPEC && noFamily(err)
}

// Lookup asks which way the kernel would send a packet: q has Dst (of full length), and what else is
// known of it (Src, IIF, OIF, Mark, UID, IPProto, SPort, DPort). The answer is decoded into m. If q.Hdr.Flags has
// RTM_F_FIB_MATCH it is the entry of the table that matches, else the route for this one packet.
func Lookup(ctx context.Context, c *nl.Client, q, m *Route) error {
	q.fillFamily()
	q.Hdr.Flags |= RTM_F_LOOKUP_TABLE
	return get(ctx, c, nl.Request{Type: RTM_GETROUTE, Body: q}, RTM_NEWROUTE, m)
}

// fillFamily finds the address family of a route that has none from its addresses.
func (m *Route) fillFamily() {
	if m.Hdr.Family != AF_UNSPEC {
		return
	}
	m.Hdr.Family = AF_INET
	for _, a := range []uint8{Family(m.Dst.Addr()), Family(m.Src.Addr()), Family(m.PrefSrc), Family(m.Gateway)} {
		if a != AF_UNSPEC {
			m.Hdr.Family = a
			return
		}
	}
}

// request finds the address family, and puts gateways where they belong.
func (m *Route) request(typ, flags uint16) nl.Request {
	m.fillFamily()
	if m.Gateway.IsValid() {
		m.SetNextHop(m.Gateway)
	}
	for i := range m.Hops {
		if h := &m.Hops[i]; h.Gateway.IsValid() {
			h.SetNextHop(m.Hdr.Family, h.Gateway)
		}
	}
	return nl.Request{Type: typ, Flags: flags, Body: m}
}

// Add is the request that makes m. All requests here find Hdr.Family from the addresses if it is not set, and
// turn a Gateway of another family into Via.
func (m *Route) Add() nl.Request { return m.request(RTM_NEWROUTE, flagsAdd) }

// Replace is the request that makes m in place of the first route with its destination, TOS and priority,
// if there is one.
func (m *Route) Replace() nl.Request { return m.request(RTM_NEWROUTE, flagsReplace) }

// Change is the request that does so only if there is one.
func (m *Route) Change() nl.Request { return m.request(RTM_NEWROUTE, flagsChange) }

// Append is the request that makes m behind others with its destination; of IPv6, it adds a next hop.
func (m *Route) Append() nl.Request { return m.request(RTM_NEWROUTE, flagsAppend) }

// Prepend is the request that makes m before others with its destination.
func (m *Route) Prepend() nl.Request { return m.request(RTM_NEWROUTE, nl.FlagCreate) }

// Del is the request that deletes the first route that m describes.
func (m *Route) Del() nl.Request { return m.request(RTM_DELROUTE, 0) }
