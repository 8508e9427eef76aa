package lease

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/netfs-project/netfs/dhcp/v4"
)

// Settings are what a lease says should be set: plain values, so that whoever may set
// them can be another process than the one that reads strangers' bytes.
type Settings struct {
	Addr      netip.Prefix  // with the bits of the subnet
	Broadcast netip.Addr    // the zero Addr: none
	Valid     time.Duration // what is left of the lease; v4.Forever
	Routes    []Route       // the subnet's own is not among them
	MTU       int           // 0: not said
	DNS       []netip.Addr
	Search    []string // domains, the host's own first
}

// A Route is one that the server wants.
type Route struct {
	Dst netip.Prefix
	Via netip.Addr // the zero Addr: Dst is on the link
	// OnLink says that Via is on the link although no prefix covers it.
	OnLink bool
}

// Bounds of what one lease may set. A server has no reason for more.
const (
	maxRoutes = 256
	maxDNS    = 8
	maxSearch = 32
	minMTU    = 1280 // less stops IPv6 on the link, RFC 8200 5
)

// Settings returns what l says should be set now, without what cannot be or should not: that is
// told in words, which may be those of the server and are quoted.
func (l *Lease) Settings(now Instant) (s Settings, problems []string) {
	o := l.ACK.Options
	p := problemList{}
	if l.ACK.Damage != nil {
		p.add("damaged message: %v: it and what is behind it are not known", l.ACK.Damage)
	}
	bits := l.bits(&p)
	s = Settings{Addr: netip.PrefixFrom(l.Addr, bits), Valid: l.Left(now)}
	if bits < 31 {
		s.Broadcast = broadcast(s.Addr)
		if a, err := o.Addr(v4.OptBroadcastAddr); err == nil && a != s.Broadcast {
			p.add("broadcast address %v is not that of %v: ignored", a, s.Addr.Masked())
		}
	}
	s.Routes = l.routes(s.Addr, &p)
	s.MTU = mtu(o, &p)
	s.DNS = dns(o, &p)
	s.Search = search(o, &p)
	return s, p
}

type problemList []string

func (p *problemList) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

// note adds an error that is more than absence.
func (p *problemList) note(err error) {
	if err != nil && !errors.Is(err, v4.ErrAbsent) {
		p.add("%v: ignored", err)
	}
}

// bits is the length of the subnet's prefix; without a mask that can be, that of the old class of the
// address.
func (l *Lease) bits(p *problemList) int {
	n, err := l.ACK.Options.SubnetMask()
	switch {
	case err != nil:
		p.note(err)
	case n == 0:
		p.add("a subnet mask of 0.0.0.0: ignored")
	case n < 31 && (l.Addr == netip.PrefixFrom(l.Addr, n).Masked().Addr() || l.Addr == broadcast(netip.PrefixFrom(l.Addr, n))):
		p.add("%v is no host of a subnet of %d bits: mask ignored", l.Addr, n)
		return 32
	default:
		return n
	}
	switch b := l.Addr.As4()[0]; {
	case b < 128:
		return 8
	case b < 192:
		return 16
	}
	return 24
}

func broadcast(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		a[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(a)
}

// routes are those of option 121, or else the routers (RFC 3442) and the static routes of
// option 33.
func (l *Lease) routes(subnet netip.Prefix, p *problemList) []Route {
	o := l.ACK.Options
	list, err := o.ClasslessRoutes()
	p.note(err)
	if err != nil {
		list = l.routers(p)
	}
	if len(list) > maxRoutes {
		p.add("%d routes: the first %d are used", len(list), maxRoutes)
		list = list[:maxRoutes]
	}
	var routes []Route
	for _, r := range list {
		route, why := l.route(r, subnet, routes)
		if why != "" {
			p.add("route %v: %s: ignored", r, why)
			continue
		}
		if !slices.ContainsFunc(routes, func(x Route) bool { return x.Dst == route.Dst }) {
			routes = append(routes, route)
		}
	}
	return routes
}

// routers are routes to everywhere, of which the first counts.
func (l *Lease) routers(p *problemList) (list []v4.Route) {
	all, err := l.ACK.Options.Routers()
	p.note(err)
	for _, r := range all {
		if r.IsUnspecified() {
			continue
		}
		list = append(list, v4.Route{Dst: netip.PrefixFrom(netip.IPv4Unspecified(), 0), Gateway: r})
		break
	}
	pairs, err := l.ACK.Options.AddrPairs(v4.OptStaticRoutes)
	p.note(err)
	for _, x := range pairs {
		list = append(list, v4.Route{Dst: classful(x[0]), Gateway: x[1]})
	}
	return list
}

// classful is the network of an old class, or a host (RFC 2132 5.8).
func classful(a netip.Addr) netip.Prefix {
	for _, c := range []struct{ below, bits int }{{128, 8}, {192, 16}, {224, 24}} {
		if p := netip.PrefixFrom(a, c.bits); int(a.As4()[0]) < c.below && p.Masked().Addr() == a {
			return p
		}
	}
	return netip.PrefixFrom(a, 32)
}

// route checks one route. Gateways count as on the link if a prefix of the link covers
// them; if none does they are all the same taken as on the link, as clouds with masks of 32
// bits need.
func (l *Lease) route(r v4.Route, subnet netip.Prefix, before []Route) (_ Route, why string) {
	dst := r.Dst.Addr()
	switch {
	case r.Dst.Bits() > 0 && dst.As4()[0] == 0, dst.IsLoopback(), dst.IsMulticast(), dst.As4()[0] >= 240:
		return Route{}, "no destination"
	case r.Dst.Bits() == 32 && dst == l.Addr:
		return Route{}, "it leads to this host"
	case subnet.Contains(l.Server) && r.Dst.Contains(l.Server) && r.Dst.Bits() > subnet.Bits() && !r.Gateway.IsUnspecified():
		return Route{}, "it leads the server of the lease away from its link"
	case r.Dst == subnet.Masked():
		return Route{}, "it is the subnet's own"
	case r.Gateway.IsUnspecified(), r.Gateway == l.Addr: // RFC 3442, and links that answer ARP for all
		return Route{Dst: r.Dst}, ""
	case Usable(r.Gateway) != nil:
		return Route{}, "no gateway"
	}
	covered := subnet.Contains(r.Gateway) || slices.ContainsFunc(before, func(x Route) bool {
		return !x.Via.IsValid() && x.Dst.Contains(r.Gateway)
	})
	return Route{Dst: r.Dst, Via: r.Gateway, OnLink: !covered}, ""
}

func mtu(o v4.Options, p *problemList) int {
	n, err := o.MTU()
	if err != nil {
		p.note(err)
		return 0
	}
	if n < minMTU {
		p.add("an MTU of %d, less than %d: ignored", n, minMTU)
		return 0
	}
	return int(n)
}

func dns(o v4.Options, p *problemList) []netip.Addr {
	list, err := o.DNS()
	p.note(err)
	list = slices.DeleteFunc(list, func(a netip.Addr) bool { return a.IsUnspecified() || a.IsMulticast() })
	return list[:min(len(list), maxDNS)]
}

func search(o v4.Options, p *problemList) []string {
	var list []string
	d, err := o.DomainName()
	p.note(err)
	if err == nil {
		list = append(list, d)
	}
	names, err := o.DomainSearch()
	p.note(err)
	return p.search(list, names)
}

// search appends the names that are host names to a list, each once, as far as it may grow.
func (p *problemList) search(list, names []string) []string {
	for _, n := range names {
		if !isName(n) {
			p.add("search domain %s is not a host name: ignored", v4.Quote(n))
			continue
		}
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list[:min(len(list), maxSearch)]
}

// isName reports whether a name has letters, digits, hyphens, underscores and dots only, so that it
// means nothing else in any file.
func isName(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return s != "" && s[0] != '-' && s[0] != '.'
}

// AppendResolvConf appends the DNS servers and search domains in the form of
// resolv.conf(5).
func (s *Settings) AppendResolvConf(b []byte) []byte { return appendResolvConf(b, s.DNS, s.Search) }

func appendResolvConf(b []byte, dns []netip.Addr, search []string) []byte {
	if len(search) > 0 {
		b = append(b, "search"...)
		for _, d := range search {
			b = append(append(b, ' '), d...)
		}
		b = append(b, '\n')
	}
	for _, a := range dns {
		b = append(a.AppendTo(append(b, "nameserver "...)), '\n')
	}
	return b
}
