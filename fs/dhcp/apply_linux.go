package dhcp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// protoDHCP marks our addresses as RTPROT_DHCP does routes. Source: linux/rtnetlink.h; the
// numbers of IFA_PROTO beyond 3 are free.
const protoDHCP = rt.RTPROT_DHCP

// An applier sets what leases say on one link. It touches nothing but what it finds marked
// as DHCP's. Not safe for concurrent use.
type applier struct {
	c      *nl.Client
	index  int32
	apply  Apply
	metric uint32
	table  uint32
	mtu    uint32 // that the link had before ours; 0: we did not change it
	ours   uint32 // that we set
}

func newApplier(c *nl.Client, index int32, o *Options) *applier {
	a := &applier{c: c, index: index, apply: o.Apply, metric: o.Metric, table: o.Table}
	if a.apply == 0 {
		a.apply = ApplyAddr | ApplyRoutes | ApplyMTU
	}
	if a.metric == 0 {
		a.metric = 1000 + uint32(index)
	}
	if a.table == 0 {
		a.table = rt.RT_TABLE_MAIN
	}
	return a
}

// set is runner.Config.Apply. What is new comes before what is old goes, so that the link is
// never without an address.
func (a *applier) set(ctx context.Context, old, to *lease.Settings) error {
	var errs []error
	note := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", what, reasonOf(err)))
		}
	}
	if to != nil {
		if a.apply&ApplyMTU != 0 {
			note("mtu", a.setMTU(ctx, to.MTU))
		}
		if a.apply&ApplyAddr != 0 {
			note(to.Addr.String(), a.c.Do(ctx, a.addr(to).Replace()))
		}
	}
	if a.apply&ApplyRoutes != 0 {
		a.routes(ctx, old, to, note)
	}
	if old != nil && a.apply&ApplyAddr != 0 && (to == nil || old.Addr != to.Addr) {
		note(old.Addr.String(), gone(a.c.Do(ctx, a.addr(old).Del())))
	}
	if to == nil && a.apply&ApplyMTU != 0 {
		note("mtu", a.setMTU(ctx, 0))
	}
	return errors.Join(errs...)
}

// reasonOf is what the kernel said, without the names of messages.
func reasonOf(err error) error {
	var e *nl.Error
	if errors.As(err, &e) && e.Msg == "" {
		return e.Errno
	}
	return err
}

// gone takes it as done if there was nothing to delete.
func gone(err error) error {
	for _, e := range []syscall.Errno{syscall.ESRCH, syscall.EADDRNOTAVAIL, syscall.ENODEV, syscall.ENOENT} {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

// addr is the address with the lifetimes that are left: the kernel ends it when nobody else does.
func (a *applier) addr(s *lease.Settings) *rt.Addr {
	m := &rt.Addr{Hdr: rt.IfAddrMsg{Index: a.index, Scope: rt.RT_SCOPE_UNIVERSE}, Proto: protoDHCP, Priority: a.metric, Broadcast: s.Broadcast}
	m.SetPrefix(s.Addr)
	left := uint32(rt.Forever)
	if s.Valid != v4.Forever {
		left = uint32(max(s.Valid/time.Second, 1))
	}
	m.CacheInfo.Valid, m.CacheInfo.Preferred = left, left
	m.Has |= rt.AddrCacheInfo
	return m
}

func (a *applier) route(s *lease.Settings, r lease.Route) *rt.Route {
	m := &rt.Route{Hdr: rt.RtMsg{Family: rt.AF_INET, Protocol: protoDHCP, Type: rt.RTN_UNICAST, Scope: rt.RT_SCOPE_LINK}, Dst: r.Dst, OIF: a.index, Table: a.table, Priority: a.metric}
	if a.apply&ApplyAddr != 0 {
		m.PrefSrc = s.Addr.Addr()
	}
	if r.Via.IsValid() {
		m.Gateway = r.Via
		m.Hdr.Scope = rt.RT_SCOPE_UNIVERSE
		if r.OnLink {
			m.Hdr.Flags = rt.RTNH_F_ONLINK
		}
	}
	return m
}

// routes makes the routes of to and deletes those that only old has. Routes of the kernel
// that are not marked as ours are not replaced.
func (a *applier) routes(ctx context.Context, old, to *lease.Settings, note func(string, error)) {
	have := map[string]bool{}
	for m, err := range rt.Routes(ctx, a.c, rt.RouteFilter{Family: rt.AF_INET, Table: a.table, Protocol: protoDHCP, OIF: a.index}) {
		if err != nil {
			note("routes", err)
			return
		}
		if m.Priority == a.metric {
			have[m.Prefix().String()] = true
		}
	}
	var keep []lease.Route
	if to != nil {
		keep = to.Routes
	}
	for _, r := range keep {
		m := a.route(to, r)
		q := m.Add()
		if have[r.Dst.String()] {
			q = m.Replace()
		}
		note("route "+r.Dst.String(), a.c.Do(ctx, q))
	}
	if old == nil {
		return
	}
	for _, r := range old.Routes {
		same := func(x lease.Route) bool { return x.Dst == r.Dst }
		if have[r.Dst.String()] && !slices.ContainsFunc(keep, same) {
			m := &rt.Route{Hdr: rt.RtMsg{Family: rt.AF_INET, Protocol: protoDHCP, Scope: rt.RT_SCOPE_NOWHERE}, Dst: r.Dst, OIF: a.index, Table: a.table, Priority: a.metric}
			note("route "+r.Dst.String(), gone(a.c.Do(ctx, m.Del())))
		}
	}
}

// setMTU sets what the server says, and what was there before when it says nothing any
// more, unless somebody else changed it meanwhile.
func (a *applier) setMTU(ctx context.Context, n int) error {
	l, err := rt.LinkByIndex(ctx, a.c, a.index)
	if err != nil {
		return gone(err)
	}
	want := uint32(n)
	switch {
	case n == 0 && a.mtu == 0:
		return nil
	case n == 0:
		want = a.mtu
		a.mtu = 0
		if l.MTU != a.ours {
			return nil
		}
	case l.MTU == want:
		return nil
	case a.mtu == 0:
		a.mtu = l.MTU
	}
	m := &rt.Link{Hdr: rt.IfInfoMsg{Index: a.index}, MTU: want}
	if err := a.c.Do(ctx, m.Change()); err != nil {
		return err
	}
	a.ours = want
	return nil
}

// held reports whether the address is on the link, marked as ours.
func (a *applier) held(ctx context.Context, s *lease.Settings) bool {
	for m, err := range rt.Addrs(ctx, a.c, rt.AddrFilter{Family: rt.AF_INET, Index: a.index}) {
		if err != nil {
			return false
		}
		if m.Prefix() == s.Addr && m.Proto == protoDHCP {
			return true
		}
	}
	return false
}
