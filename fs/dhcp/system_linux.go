package dhcp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/dhcp/rawsock"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// protoDHCP marks our addresses as RTPROT_DHCP does routes. Source: linux/rtnetlink.h; the
// numbers of IFA_PROTO beyond 3 are free.
const protoDHCP = rt.RTPROT_DHCP

// linux is the System of one network namespace.
type linux struct {
	route *nl.Client
	ns    *nl.NS // nil: the process's own
}

// New returns the system behind a connection to rtnetlink, in the namespace ns; nil is the
// process's own. Both are the caller's to close, after the clients.
func New(route *nl.Client, ns *nl.NS) System { return &linux{route, ns} }

// do calls f in the namespace.
func (s *linux) do(f func() error) error {
	if s.ns == nil {
		return f()
	}
	return s.ns.Do(f)
}

func (s *linux) send(ctx context.Context, r nl.Request) error { return reasonOf(s.route.Do(ctx, r)) }

// reasonOf is what the kernel said, without the names of messages.
func reasonOf(err error) error {
	var e *nl.Error
	if errors.As(err, &e) && e.Msg == "" {
		return e.Errno
	}
	return err
}

func (s *linux) Find(ctx context.Context, name string) (l Link, err error) {
	m, err := rt.LinkByName(ctx, s.route, name)
	quoted := v4.Quote(name) // it may be anything
	if err != nil {
		return l, fmt.Errorf("%s: %w", quoted, reasonOf(err))
	}
	if why := unfit(m.Hdr.Type, len(m.Address)); why != "" {
		return l, &fs.Error{Text: quoted + ": not an Ethernet link: " + why, Errno: syscall.EOPNOTSUPP}
	}
	l = Link{
		Link:    rawsock.Link{Index: int(m.Hdr.Index), Name: name, HWAddr: net.HardwareAddr(append([]byte(nil), m.Address...))},
		MTU:     int(m.MTU),
		Carrier: running(m),
	}
	if !m.Up() {
		return l, fmt.Errorf("%s: set the link up first: %w", quoted, syscall.ENETDOWN)
	}
	if s.ns != nil {
		l.Do = s.ns.Do
	}
	return l, nil
}

func running(m *rt.Link) bool { return m.Up() && m.Hdr.Flags&rt.IFF_LOWER_UP != 0 }

func (s *linux) Carrier(ctx context.Context, link int) iter.Seq[bool] {
	return func(yield func(bool) bool) {
		for e, err := range nl.Watch(ctx, s.route, rt.LinkSource(s.route, rt.LinkFilter{})) {
			if err != nil || e.Value == nil || int(e.Value.Hdr.Index) != link {
				continue
			}
			if e.What == nl.Deleted || !yield(running(e.Value)) {
				return
			}
		}
	}
}

func (s *linux) Name(ctx context.Context, link int) (string, error) {
	l, err := rt.LinkByIndex(ctx, s.route, int32(link))
	if err != nil {
		return "", reasonOf(err)
	}
	return l.Name, nil
}

func (s *linux) MTU(ctx context.Context, link int) (int, error) {
	l, err := rt.LinkByIndex(ctx, s.route, int32(link))
	if err != nil {
		return 0, reasonOf(err)
	}
	return int(l.MTU), nil
}

func (s *linux) SetMTU(ctx context.Context, link, mtu int) error {
	m := &rt.Link{Hdr: rt.IfInfoMsg{Index: int32(link)}, MTU: uint32(mtu)}
	return s.send(ctx, m.Change())
}

func metric(link int, m uint32) uint32 {
	if m == 0 {
		return 1000 + uint32(link)
	}
	return m
}

func table(n uint32) uint32 {
	if n == 0 {
		return rt.RT_TABLE_MAIN
	}
	return n
}

// lifetime is in whole seconds, rounded up: the kernel must not end what is still a lease. At the
// lease's own end the client takes the address away, the kernel only if there is none any more.
func lifetime(d time.Duration) uint32 {
	if d == v4.Forever {
		return rt.Forever
	}
	return uint32((d + time.Second - 1) / time.Second)
}

func address(link int, a Addr) *rt.Addr {
	m := &rt.Addr{Hdr: rt.IfAddrMsg{Index: int32(link), Scope: rt.RT_SCOPE_UNIVERSE}, Proto: protoDHCP, Priority: metric(link, a.Metric), Broadcast: a.Broadcast}
	m.SetPrefix(a.Prefix)
	m.CacheInfo.Valid, m.CacheInfo.Preferred = max(lifetime(a.Valid), 1), lifetime(a.Preferred)
	if a.Addr().Is6() {
		m.Flags |= rt.IFA_F_NOPREFIXROUTE
		m.Priority = 0
		if a.Preferred == 0 {
			m.CacheInfo.Preferred = 0 // deprecated
		}
	}
	m.Has |= rt.AddrCacheInfo
	return m
}

// errForeign is an address that a person or another program set for ever: it stays theirs.
var errForeign = fmt.Errorf("it is there, and not by DHCP: left as it is: %w", syscall.EEXIST)

func (s *linux) SetAddr(ctx context.Context, link int, a Addr) error {
	if m := s.find(ctx, link, a.Prefix); m != nil && foreign(m) {
		return errForeign
	}
	return s.send(ctx, address(link, a).Replace())
}

func (s *linux) DelAddr(ctx context.Context, link int, a Addr) error {
	if m := s.find(ctx, link, a.Prefix); m != nil && foreign(m) {
		return nil
	}
	return s.send(ctx, address(link, a).Del())
}

func (s *linux) Holds(ctx context.Context, link int, a netip.Prefix) bool {
	m := s.find(ctx, link, a)
	return m != nil && m.Prefix() == a && m.Proto == protoDHCP && m.Flags&rt.IFA_F_DADFAILED == 0
}

// foreign tells whose an address is. One with a lifetime that is not marked is of another DHCP
// client, or of a kernel that knows no marks: it is taken over.
func foreign(m *rt.Addr) bool { return m.Proto != protoDHCP && m.Flags&rt.IFA_F_PERMANENT != 0 }

// find returns what the link has of an address, nil if it has not. An IPv6 address is the same
// whatever its prefix.
func (s *linux) find(ctx context.Context, link int, a netip.Prefix) *rt.Addr {
	family := uint8(rt.AF_INET)
	if a.Addr().Is6() {
		family = rt.AF_INET6
	}
	for m, err := range rt.Addrs(ctx, s.route, rt.AddrFilter{Family: family, Index: int32(link)}) {
		if err != nil {
			return nil
		}
		if m.Prefix() == a || a.Addr().Is6() && m.LocalAddr() == a.Addr() {
			return m
		}
	}
	return nil
}

func (s *linux) Routes(ctx context.Context, link int, in, m uint32) (all []netip.Prefix, err error) {
	f := rt.RouteFilter{Family: rt.AF_INET, Table: table(in), Protocol: protoDHCP, OIF: int32(link)}
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

// DefaultRoute reports whether a route to everywhere leads out of the link, of any table.
func (s *linux) DefaultRoute(ctx context.Context, link int) (bool, error) {
	for _, family := range []uint8{rt.AF_INET, rt.AF_INET6} {
		for r, err := range rt.Routes(ctx, s.route, rt.RouteFilter{Family: family, OIF: int32(link)}) {
			if err != nil {
				return false, reasonOf(err)
			}
			if r.Prefix().Bits() == 0 && r.Hdr.Type == rt.RTN_UNICAST {
				return true, nil
			}
		}
	}
	return false, nil
}

func route(link int, r Route) *rt.Route {
	m := &rt.Route{
		Hdr: rt.RtMsg{Family: rt.AF_INET, Protocol: protoDHCP, Type: rt.RTN_UNICAST, Scope: rt.RT_SCOPE_LINK},
		Dst: r.Dst, OIF: int32(link), Table: table(r.Table), Priority: metric(link, r.Metric), PrefSrc: r.Src,
	}
	if r.Unreachable {
		m.Hdr.Family, m.Hdr.Type, m.Hdr.Scope, m.OIF = rt.AF_INET6, rt.RTN_UNREACHABLE, rt.RT_SCOPE_UNIVERSE, 0
		if r.Valid != v4.Forever {
			m.Expires = time.Duration(max(lifetime(r.Valid), 1)) * time.Second
		}
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

func (s *linux) AddRoute(ctx context.Context, link int, r Route) error {
	return s.send(ctx, route(link, r).Add())
}

func (s *linux) SetRoute(ctx context.Context, link int, r Route) error {
	return s.send(ctx, route(link, r).Replace())
}

// DelRoute takes the way away whatever leads it now.
func (s *linux) DelRoute(ctx context.Context, link int, r Route) error {
	m := route(link, Route{Dst: r.Dst, Table: r.Table, Metric: r.Metric, Unreachable: r.Unreachable, Valid: v4.Forever})
	if !r.Unreachable {
		m.Hdr.Type, m.Hdr.Scope = 0, rt.RT_SCOPE_NOWHERE
	}
	return s.send(ctx, m.Del())
}

func (s *linux) Others(ctx context.Context, link int) ([]Other, error) {
	return (&search{linux: s, index: link}).run(ctx)
}

func (s *linux) Space() (string, error) {
	ns := s.ns
	if ns == nil {
		var err error
		if ns, err = nl.CurrentNS(); err != nil {
			return "", err
		}
		defer ns.Close()
	}
	id, err := ns.ID()
	return strconv.FormatUint(id.Ino, 16), err
}

func (s *linux) Boot() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}

func (s *linux) Check(*Options) error { return nil }
