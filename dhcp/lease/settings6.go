package lease

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/netfs-project/netfs/dhcp/v6"
)

// Settings6 are what a Lease6 says should be set: plain values, as Settings.
type Settings6 struct {
	Addrs    []Given // of 128 bits each: what is on the link, routers say (RFC 8415 21.6)
	Prefixes []Given // delegated: to be divided among other links
	DNS      []netip.Addr
	Search   []string // domains
}

// A Given is an address or a prefix, and what is left of its lifetimes; v6.Forever has no end.
type Given struct {
	Prefix           netip.Prefix
	Preferred, Valid time.Duration
}

// maxGiven bounds the addresses, and the prefixes, of one lease.
const maxGiven = 16

// Settings returns what l says should be set now, without what cannot be or should not: that is
// told in words, which may be those of the server and are quoted.
func (l *Lease6) Settings(now Instant) (s Settings6, problems []string) {
	s, problems = OptionSettings(l.Reply.Options)
	p := problemList(problems)
	if n := max(len(l.Addrs), len(l.Prefixes)); n > maxGiven {
		p.add("%d addresses or prefixes: the first %d are used", n, maxGiven)
	}
	for _, a := range l.Addrs[:min(len(l.Addrs), maxGiven)] {
		s.Addrs = append(s.Addrs, Given{netip.PrefixFrom(a.Addr, 128), l.left(a.Preferred, now), l.left(a.Valid, now)})
	}
	for _, x := range l.Prefixes[:min(len(l.Prefixes), maxGiven)] {
		s.Prefixes = append(s.Prefixes, Given{x.Prefix, l.left(x.Preferred, now), l.left(x.Valid, now)})
	}
	return s, p
}

// OptionSettings returns what a server's options say beside addresses and prefixes: all that a
// stateless client has.
func OptionSettings(o v6.Options) (s Settings6, problems []string) {
	p := problemList{}
	note := func(err error) {
		if err != nil && !errors.Is(err, v6.ErrAbsent) {
			p.add("%v: ignored", err)
		}
	}
	servers, err := o.DNS()
	note(err)
	servers = slices.DeleteFunc(servers, func(a netip.Addr) bool { return a.IsUnspecified() || a.IsMulticast() })
	s.DNS = servers[:min(len(servers), maxDNS)]
	names, err := o.DomainSearch()
	note(err)
	s.Search = p.search(nil, names)
	return s, p
}

// AppendResolvConf appends the DNS servers and search domains in the form of
// resolv.conf(5). Link-local servers are those of the link.
func (s *Settings6) AppendResolvConf(b []byte, link string) []byte {
	zoned := slices.Clone(s.DNS)
	for i, a := range zoned {
		if a.IsLinkLocalUnicast() {
			zoned[i] = a.WithZone(link)
		}
	}
	return appendResolvConf(b, zoned, s.Search)
}
