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

// An applier6 sets what leases of DHCPv6 say on one link. It touches no route but what is ours. Not
// safe for concurrent use.
type applier6 struct {
	sys    System6
	link   int
	apply  Apply
	metric uint32
	table  uint32
	names  *names // nil: DNS is not set
}

func newApplier6(sys System6, link int, o *Options6) *applier6 {
	a := &applier6{sys: sys, link: link, apply: o.Apply, metric: o.Metric, table: o.Table}
	if a.apply == 0 {
		a.apply = default6
	}
	return a
}

// set is runner.Config6.Apply. What is new comes before what is old goes.
func (a *applier6) set(ctx context.Context, old, to *lease.Settings6) error {
	var errs []error
	note := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, err))
		}
	}
	if to == nil {
		to = &lease.Settings6{}
	}
	if old == nil {
		old = &lease.Settings6{}
	}
	if a.apply&ApplyAddr != 0 {
		for _, g := range to.Addrs {
			note(g.Prefix.Addr().String(), a.sys.SetAddr(ctx, a.link, addr6(g)))
		}
		for _, g := range old.Addrs {
			if !hasPrefix(to.Addrs, g.Prefix) {
				note(g.Prefix.Addr().String(), gone(a.sys.DelAddr(ctx, a.link, addr6(g))))
			}
		}
	}
	if a.apply&ApplyRoutes != 0 && len(to.Prefixes)+len(old.Prefixes) > 0 {
		a.routes(ctx, old, to, note)
	}
	if a.names != nil {
		c := namesOf6(to)
		c.Default = leadsToAll(ctx, a.sys, a.link, true)
		note("dns", a.names.apply(ctx, namesOf6(old), c))
	}
	return errors.Join(errs...)
}

func namesOf6(s *lease.Settings6) dns.Config { return dns.Config{Servers: s.DNS, Search: s.Search} }

func addr6(g lease.Given) Addr {
	return Addr{Prefix: g.Prefix, Valid: g.Valid, Preferred: g.Preferred}
}

func hasPrefix(list []lease.Given, p netip.Prefix) bool {
	return slices.ContainsFunc(list, func(g lease.Given) bool { return g.Prefix == p })
}

// routes keeps packets to delegated prefixes that no link has from going back to where they came from
// (RFC 7084 4.3 WPD-5).
func (a *applier6) routes(ctx context.Context, old, to *lease.Settings6, note func(string, error)) {
	have, err := a.sys.Unreachables(ctx, a.link, a.table, a.metric)
	if err != nil {
		note("routes", err)
		return
	}
	for _, g := range to.Prefixes {
		set := a.sys.AddRoute
		if slices.Contains(have, g.Prefix) {
			set = a.sys.SetRoute
		}
		note("route "+g.Prefix.String(), set(ctx, a.link, a.route(g)))
	}
	for _, g := range old.Prefixes {
		if slices.Contains(have, g.Prefix) && !hasPrefix(to.Prefixes, g.Prefix) {
			note("route "+g.Prefix.String(), gone(a.sys.DelRoute(ctx, a.link, a.route(g))))
		}
	}
}

func (a *applier6) route(g lease.Given) Route {
	return Route{Dst: g.Prefix, Table: a.table, Metric: a.metric, Unreachable: true, Valid: g.Valid}
}

// held reports whether all that is set of a lease is there, and ours.
func (a *applier6) held(ctx context.Context, s *lease.Settings6) bool {
	is := a.has(ctx, s)
	if !is && a.names != nil {
		a.names.stale(ctx, namesOf6(s)) // what cannot be is told when a lease is set
	}
	return is
}

func (a *applier6) has(ctx context.Context, s *lease.Settings6) bool {
	is := false
	if a.apply&ApplyAddr != 0 {
		for _, g := range s.Addrs {
			if is = a.sys.Holds(ctx, a.link, g.Prefix); !is {
				return false
			}
		}
	}
	if a.apply&ApplyRoutes != 0 && len(s.Prefixes) > 0 {
		have, err := a.sys.Unreachables(ctx, a.link, a.table, a.metric)
		for _, g := range s.Prefixes {
			if is = err == nil && slices.Contains(have, g.Prefix); !is {
				return false
			}
		}
	}
	return is
}
