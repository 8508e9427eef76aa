package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// An applier sets what leases say on one link. It touches nothing but what is ours. Not safe
// for concurrent use.
type applier struct {
	sys    System
	link   int
	apply  Apply
	metric uint32
	table  uint32
	names  *names // nil: DNS is not set
	mtu    int    // that the link had before ours; 0: we did not change it
	ours   int    // that we set
}

func newApplier(sys System, link int, o *Options) *applier {
	a := &applier{sys: sys, link: link, apply: o.Apply, metric: o.Metric, table: o.Table}
	if a.apply == 0 {
		a.apply = ApplyAddr | ApplyRoutes | ApplyMTU
	}
	return a
}

// set is runner.Config.Apply. What is new comes before what is old goes, so that the link is
// never without an address.
func (a *applier) set(ctx context.Context, old, to *lease.Settings) error {
	var errs []error
	note := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	if to != nil {
		if a.apply&ApplyMTU != 0 {
			note("mtu", a.setMTU(ctx, to.MTU))
		}
		if a.apply&ApplyAddr != 0 {
			if err := a.sys.SetAddr(ctx, a.link, a.addr(to)); err != nil {
				errs = append(errs, &AddrError{to.Addr, err})
			}
		}
	}
	if a.apply&ApplyRoutes != 0 {
		a.routes(ctx, old, to, note)
	}
	if old != nil && a.apply&ApplyAddr != 0 && (to == nil || old.Addr != to.Addr) {
		note(old.Addr.String(), gone(a.sys.DelAddr(ctx, a.link, a.addr(old))))
		if to != nil && !a.held(ctx, to) { // Linux takes the others of a subnet away with the first
			note(to.Addr.String(), a.sys.SetAddr(ctx, a.link, a.addr(to)))
			if a.apply&ApplyRoutes != 0 {
				a.routes(ctx, old, to, note)
			}
		}
	}
	if to == nil && a.apply&ApplyMTU != 0 {
		note("mtu", a.setMTU(ctx, 0))
	}
	note("what was left behind", a.sweep(ctx, to))
	if a.names != nil {
		c := namesOf(to)
		c.Default = to != nil && leadsToAll(ctx, a.sys, a.link, slices.ContainsFunc(to.Routes, func(r lease.Route) bool { return r.Dst.Bits() == 0 }))
		note("dns", a.names.apply(ctx, namesOf(old), c))
	}
	return errors.Join(errs...)
}

// sweep takes away what is ours and not of this lease, where the system does not end leases by itself.
func (a *applier) sweep(ctx context.Context, to *lease.Settings) error {
	k, ok := a.sys.(interface {
		Sweep(ctx context.Context, link int, addr netip.Prefix, routes []netip.Prefix) error
	})
	if !ok {
		return nil
	}
	var addr netip.Prefix
	var routes []netip.Prefix
	if to != nil && a.apply&ApplyAddr != 0 {
		addr = to.Addr
	}
	if to != nil && a.apply&ApplyRoutes != 0 {
		for _, r := range to.Routes {
			routes = append(routes, r.Dst)
		}
	}
	return k.Sweep(ctx, a.link, addr, routes)
}

func namesOf(s *lease.Settings) dns.Config {
	if s == nil {
		return dns.Config{}
	}
	return dns.Config{Servers: s.DNS, Search: s.Search}
}

// leadsToAll reports whether the link has a default route, whoever made it; where the system does
// not say, what else is known of that.
func leadsToAll(ctx context.Context, sys System, link int, known bool) bool {
	if k, ok := sys.(interface {
		DefaultRoute(ctx context.Context, link int) (bool, error)
	}); ok {
		if is, err := k.DefaultRoute(ctx, link); err == nil {
			return is
		}
	}
	return known
}

// An AddrError tells why the address of a lease was not set.
type AddrError struct {
	Addr netip.Prefix
	Err  error
}

func (e *AddrError) Error() string { return e.Addr.String() + ": " + e.Err.Error() }
func (e *AddrError) Unwrap() error { return e.Err }

// addr is the address with the lifetimes that are left: where the kernel knows them it ends it
// when nobody else does.
func (a *applier) addr(s *lease.Settings) Addr {
	return Addr{Prefix: s.Addr, Broadcast: s.Broadcast, Valid: s.Valid, Preferred: s.Valid, Metric: a.metric}
}

func (a *applier) route(s *lease.Settings, r lease.Route) Route {
	m := Route{Dst: r.Dst, Via: r.Via, OnLink: r.OnLink, Table: a.table, Metric: a.metric}
	if a.apply&ApplyAddr != 0 {
		m.Src = s.Addr.Addr()
	}
	return m
}

// routes makes the routes of to and deletes those that only old has. Routes of the kernel
// that are not ours are not replaced.
func (a *applier) routes(ctx context.Context, old, to *lease.Settings, note func(string, error)) {
	have, err := a.sys.Routes(ctx, a.link, a.table, a.metric)
	if err != nil {
		note("routes", err)
		return
	}
	var keep []lease.Route
	if to != nil {
		keep = to.Routes
	}
	for _, r := range keep {
		set := a.sys.AddRoute
		if slices.Contains(have, r.Dst) {
			set = a.sys.SetRoute
		}
		note("route "+r.Dst.String(), set(ctx, a.link, a.route(to, r)))
	}
	if old == nil {
		return
	}
	for _, r := range old.Routes {
		same := func(x lease.Route) bool { return x.Dst == r.Dst }
		if slices.Contains(have, r.Dst) && !slices.ContainsFunc(keep, same) {
			note("route "+r.Dst.String(), gone(a.sys.DelRoute(ctx, a.link, a.route(old, r))))
		}
	}
}

// setMTU sets what the server says, and what was there before when it says nothing any
// more, unless somebody else changed it meanwhile.
func (a *applier) setMTU(ctx context.Context, want int) error {
	is, err := a.sys.MTU(ctx, a.link)
	if err != nil {
		return gone(err)
	}
	switch {
	case want == 0 && a.mtu == 0:
		return nil
	case want == 0:
		want, a.mtu = a.mtu, 0
		if is != a.ours {
			return nil
		}
	case is == want:
		return nil
	case a.mtu == 0:
		a.mtu = is
	}
	if err := a.sys.SetMTU(ctx, a.link, want); err != nil {
		return err
	}
	a.ours = want
	return nil
}

// held reports whether the address is on the link, and ours.
func (a *applier) held(ctx context.Context, s *lease.Settings) bool {
	if a.sys.Holds(ctx, a.link, s.Addr) {
		return true
	}
	if a.names != nil {
		a.names.stale(ctx, namesOf(s)) // what cannot be is told when a lease is set
	}
	return false
}
