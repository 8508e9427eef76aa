package dhcp

import (
	"context"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// sources is what Sources knows of a link.
type sources struct {
	carrier bool
	seen    bool                // the carrier
	synced  bool                // the addresses
	usable  map[netip.Addr]bool // link-local addresses
	now     netip.Addr
}

// choose returns the source, which is the same as long as it can be.
func (s *sources) choose() netip.Addr {
	switch {
	case !s.carrier || len(s.usable) == 0:
		s.now = netip.Addr{}
	case !s.usable[s.now]:
		s.now = slices.MinFunc(slices.Collect(maps.Keys(s.usable)), netip.Addr.Compare)
	}
	return s.now
}

// addr takes note of an address, and returns it if it is ours and another's.
func (s *sources) addr(what nl.What, m *rt.Addr) (taken netip.Addr) {
	a := m.LocalAddr()
	switch {
	case a.IsLinkLocalUnicast() && what != nl.Deleted && m.Flags&(rt.IFA_F_TENTATIVE|rt.IFA_F_DADFAILED) == 0:
		s.usable[a] = true
	case a.IsLinkLocalUnicast():
		delete(s.usable, a)
	case m.Proto == protoDHCP && m.Flags&rt.IFA_F_DADFAILED != 0: // the kernel deletes it, unless it lasts forever
		return a
	}
	return netip.Addr{}
}

// Sources has two readers, of links and of addresses, whose news it puts together.
func (s *linux) Sources(ctx context.Context, link int) iter.Seq[Source] {
	return func(yield func(Source) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var wg sync.WaitGroup
		defer wg.Wait()
		defer cancel()
		state := sources{usable: map[netip.Addr]bool{}}
		type change func() (taken netip.Addr, quiet bool)
		changes, gone := make(chan change), make(chan struct{})
		end := sync.OnceFunc(func() { close(gone) })
		tell := func(c change) bool {
			select {
			case changes <- c:
				return true
			case <-ctx.Done():
				return false
			}
		}
		wg.Go(func() {
			defer end()
			for up := range s.Carrier(ctx, link) {
				if !tell(func() (netip.Addr, bool) { state.carrier, state.seen = up, true; return netip.Addr{}, false }) {
					return
				}
			}
		})
		wg.Go(func() {
			defer end()
			s.watchAddrs(ctx, link, &state, func(c func() (netip.Addr, bool)) bool { return tell(c) })
		})
		var last Source
		for first := true; ; {
			select {
			case <-ctx.Done():
				return
			case <-gone:
				return
			case c := <-changes:
				taken, quiet := c()
				is := Source{state.choose(), taken}
				if quiet || !state.seen || !state.synced || !first && is == last && !taken.IsValid() {
					continue
				}
				first = false
				if last = is; !yield(is) {
					return
				}
				last.Taken = netip.Addr{}
			}
		}
	}
}

// watchAddrs tells of addresses; while they are read anew, quietly. What state has is changed by what it tells only.
func (s *linux) watchAddrs(ctx context.Context, link int, state *sources, tell func(func() (taken netip.Addr, quiet bool)) bool) {
	quiet := false
	for e, err := range nl.Watch(ctx, s.route, rt.AddrSource(s.route, rt.AddrFilter{Family: rt.AF_INET6, Index: int32(link)})) {
		if err != nil {
			continue
		}
		var m rt.Addr
		switch e.What {
		case nl.SyncBegin:
			quiet = true
		case nl.SyncEnd:
			quiet = false
		}
		if e.Value != nil {
			m = *e.Value
		}
		what, q := e.What, quiet
		if !tell(func() (taken netip.Addr, quiet bool) {
			switch what {
			case nl.SyncBegin:
				clear(state.usable)
			case nl.SyncEnd:
				state.synced = true
			}
			if m.Hdr.Index != 0 {
				taken = state.addr(what, &m)
			}
			return taken, q && !taken.IsValid()
		}) {
			return
		}
	}
}

func (s *linux) Unreachables(ctx context.Context, link int, in, m uint32) (all []netip.Prefix, err error) {
	f := rt.RouteFilter{Family: rt.AF_INET6, Table: table(in), Protocol: protoDHCP, Type: rt.RTN_UNREACHABLE}
	for r, err := range rt.Routes(ctx, s.route, f) {
		if err != nil {
			return nil, reasonOf(err)
		}
		if r.Priority == metric(link, m) {
			all = append(all, r.Prefix())
		}
	}
	return all, nil
}

func (s *linux) Others6(ctx context.Context, link int) ([]Other, error) {
	return (&search{linux: s, index: link, six: true}).run(ctx)
}
