// Package dns gives the DNS servers and search domains of a link to who manages them for the
// machine: systemd-resolved over D-Bus, or resolvconf, Debian's or openresolv.
//
//	s := dns.New()
//	done, err := s.Set(ctx, link, "netfs-dhcp4", dns.Any, dns.Config{Servers: servers, Search: domains}, dns.Config{})
//	...
//	err = s.Clear(ctx, link, "netfs-dhcp4", dns.Any, config)
//
// Several owners may tell of one link, as the clients of DHCPv4 and DHCPv6 do. What one sets or clears
// leaves alone what others did, be they other programs: resolved's one list per link is read,
// and of it is changed what is the owner's; resolvconf has a record per owner.
//
// Limits: no file is written here, so a machine without such a manager is refused. resolved is of
// systemd 246 or later, and is asked for links of its own network namespace only, resolvconf
// for those of the process's.
package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Link is what managers know a link by.
type Link struct {
	Index int
	Name  string
	NetNS string // inode number of its network namespace in hexadecimal, see namespaces(7); "": the process's own
}

// A Config is what one owner tells of DNS on a link.
type Config struct {
	Servers []netip.Addr
	Search  []string // domains
	// Default says that names of all domains may be asked for on the link, as on one with a default
	// route. Otherwise only those of Search are, as far as the manager can tell them apart:
	// Debian's resolvconf cannot.
	Default bool
}

// Empty reports whether there is nothing to set.
func (c Config) Empty() bool { return len(c.Servers) == 0 && len(c.Search) == 0 }

// Equal reports whether c and d are the same, in the same order.
func (c Config) Equal(d Config) bool {
	return slices.Equal(c.Servers, d.Servers) && slices.Equal(c.Search, d.Search) && c.Default == d.Default
}

// A Manager is who manages DNS for the machine.
type Manager uint8

const (
	Any        Manager = iota // Resolved if it is on the system bus or comes when called, else Resolvconf
	Resolved                  // systemd-resolved(8)
	Resolvconf                // resolvconf(8)
)

func (m Manager) String() string {
	switch m {
	case Resolved:
		return "resolved"
	case Resolvconf:
		return "resolvconf"
	}
	return "dns"
}

// Done is what came of a Set.
type Done struct {
	Manager Manager // that has it; Any: none has
	Config  Config  // that it has: what could be set
	Said    string  // what the program said although it did not fail, in one line; usually empty
}

// ErrAbsent is a manager that is not there, or not for the link.
var ErrAbsent = errors.New("no such manager of DNS")

// absent is an ErrAbsent with its own words.
type absent string

func (a absent) Error() string   { return string(a) }
func (absent) Is(err error) bool { return err == ErrAbsent }

// limit is how long one manager may take for one change.
const limit = 20 * time.Second

// A Setter sets for the owners of one process. Safe for concurrent use.
type Setter struct {
	turn   chan struct{} // whose value is held over a change of resolved's lists; guards claims
	claims map[place]map[string]Config
}

type place struct {
	index int
	netns string
}

// New returns a Setter for all links.
func New() *Setter {
	return &Setter{turn: make(chan struct{}, 1), claims: map[place]map[string]Config{}}
}

// Set makes what the owner told, which is old, into what it tells now. If nothing differs from
// what is there nothing is changed. What of c cannot be set is an error that names it, and keeps nothing
// else from being set. An owner is a word such as netfs-dhcp4.
func (s *Setter) Set(ctx context.Context, l Link, owner string, m Manager, c, old Config) (Done, error) {
	c, bad := clean(c, l)
	old, _ = clean(old, l)
	done, err := s.change(ctx, l, owner, m, c, old)
	if err == nil {
		done.Config = c
	}
	return done, errors.Join(append(bad, err)...)
}

// Clear takes away what the owner told. With Any it does so wherever it is. That nothing is there
// is no error.
func (s *Setter) Clear(ctx context.Context, l Link, owner string, m Manager, old Config) error {
	old, _ = clean(old, l)
	if m != Any {
		_, err := s.change(ctx, l, owner, m, Config{}, old)
		return err
	}
	var errs []error
	for _, m := range []Manager{Resolved, Resolvconf} {
		if _, err := s.change(ctx, l, owner, m, Config{}, old); !errors.Is(err, ErrAbsent) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Setter) change(ctx context.Context, l Link, owner string, m Manager, c, old Config) (_ Done, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if m != Resolvconf {
		err = s.resolved(ctx, l, owner, c, old)
		switch {
		case err == nil:
			return Done{Manager: Resolved}, nil
		case m == Resolved || !errors.Is(err, ErrAbsent):
			return Done{}, fmt.Errorf("resolved: %w", err)
		}
	}
	said, e := resolvconf(ctx, l, owner, c)
	switch {
	case e == nil:
		return Done{Manager: Resolvconf, Said: said}, nil
	case m == Any && errors.Is(e, ErrAbsent):
		return Done{}, absent(fmt.Sprintf("nobody manages DNS here: resolved: %v; resolvconf: %v", err, e))
	}
	return Done{}, fmt.Errorf("resolvconf: %w", e)
}

// resolved changes the one list that resolved has of a link.
func (s *Setter) resolved(ctx context.Context, l Link, owner string, c, old Config) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r, err := openResolved(ctx, !c.Empty())
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.sees(ctx, l); err != nil {
		return err
	}
	at := place{l.Index, l.NetNS}
	delete(s.claims[at], owner)
	var others Config
	for _, o := range s.claims[at] {
		others.Servers = append(others.Servers, o.Servers...)
		others.Search = append(others.Search, o.Search...)
	}
	if c.Empty() {
		if len(s.claims[at]) == 0 {
			delete(s.claims, at)
		}
		return r.change(ctx, l.Index, c, old, others)
	}
	if s.claims[at] == nil {
		s.claims[at] = map[string]Config{}
	}
	s.claims[at][owner] = c // also if it fails: some of it may be there
	return r.change(ctx, l.Index, c, old, others)
}

// replace returns list with new in place of old, and whether that differs from list. What
// others claim stays.
func replace[T any](list, new, old, others []T, same func(a, b T) bool) ([]T, bool) {
	in := func(set []T) func(T) bool {
		return func(x T) bool { return slices.ContainsFunc(set, func(y T) bool { return same(x, y) }) }
	}
	gone := func(x T) bool { return in(old)(x) && !in(new)(x) && !in(others)(x) }
	missing := func(x T) bool { return !in(list)(x) }
	sorted := len(old) == 0 || slices.EqualFunc(old, new, same)
	if sorted && !slices.ContainsFunc(list, gone) && !slices.ContainsFunc(new, missing) {
		return list, false
	}
	var out []T
	at := -1
	for _, x := range list {
		if !in(new)(x) && !gone(x) {
			out = append(out, x)
		} else if at < 0 {
			at = len(out)
		}
	}
	if at < 0 {
		at = len(out)
	}
	out = slices.Insert(out, at, new...)
	return out, !slices.EqualFunc(list, out, same)
}

// clean returns what of c can be set, and what cannot. It comes from a server that nobody
// vouches for, and goes into files and shell scripts.
func clean(c Config, l Link) (_ Config, bad []error) {
	r := Config{Default: c.Default}
	for _, a := range c.Servers {
		b, why := server(a, l)
		if why != "" {
			bad = append(bad, fmt.Errorf("DNS server %v: %s", a, why))
		} else if !slices.Contains(r.Servers, b) {
			r.Servers = append(r.Servers, b)
		}
	}
	for _, d := range c.Search {
		d, ok := domain(d)
		if !ok {
			bad = append(bad, fmt.Errorf("search domain %s: not a domain name", short(d)))
		} else if !slices.ContainsFunc(r.Search, func(x string) bool { return strings.EqualFold(x, d) }) {
			r.Search = append(r.Search, d)
		}
	}
	return r, bad
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func server(a netip.Addr, l Link) (_ netip.Addr, why string) {
	a = a.Unmap()
	switch {
	case !a.IsValid(), a.IsUnspecified(), a.IsMulticast(), a == broadcast, a.Is4() && a.As4()[0] == 0:
		return a, "no address of a host"
	case a.IsLoopback():
		return a, "an address of this host itself"
	case a.Zone() != "" && (!a.IsLinkLocalUnicast() || a.Zone() != l.Name && a.Zone() != strconv.Itoa(l.Index)):
		return a, "of another link"
	}
	return a.WithZone(""), ""
}

// domain returns d without the last dot. Source: RFC 1035 2.3.4, and underscores as they
// are used.
func domain(d string) (string, bool) {
	name := strings.TrimSuffix(d, ".")
	if name == "" || len(name) > 253 {
		return d, false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return d, false
		}
		for _, c := range []byte(label) {
			if !plain(c) && c != '-' {
				return d, false
			}
		}
	}
	return name, true
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_'
}

// short quotes what may be anything.
func short(s string) string {
	if len(s) > 64 {
		s = s[:64] + "..."
	}
	return strconv.QuoteToASCII(s)
}
