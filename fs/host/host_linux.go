package host

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/addr"
	"github.com/netfs-project/netfs/fs/conntrack"
	"github.com/netfs-project/netfs/fs/dhcp"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
	"github.com/netfs-project/netfs/fs/link"
	"github.com/netfs-project/netfs/fs/mptcp"
	"github.com/netfs-project/netfs/fs/neigh"
	"github.com/netfs-project/netfs/fs/netns"
	"github.com/netfs-project/netfs/fs/nexthop"
	"github.com/netfs-project/netfs/fs/nft"
	"github.com/netfs-project/netfs/fs/route"
	"github.com/netfs-project/netfs/fs/rule"
	"github.com/netfs-project/netfs/nl"
)

// systems is the list: a system is one line. The state of the tree, in events,
// has this order: what others are made of comes first.
func systems() []system {
	names := dns.New() // what it knows is of the process
	return []system{
		{"link", func(s *space) (fs.Page, error) { return link.New(s.conns.route, s.name, s.extra) }},
		{"addr", func(s *space) (fs.Page, error) { return addr.New(s.conns.route) }},
		{"rule", func(s *space) (fs.Page, error) { return rule.New(s.conns.route) }},
		{"neigh", func(s *space) (fs.Page, error) { return neigh.New(s.conns.route) }},
		{"nexthop", func(s *space) (fs.Page, error) { return nexthop.New(s.conns.route) }},
		{"route", func(s *space) (fs.Page, error) { return route.New(s.conns.route) }},
		{"conntrack", func(s *space) (fs.Page, error) { return conntrack.New(s.ctx(), s.conns.netfilter, s.conns.ns) }},
		{"nft", func(s *space) (fs.Page, error) { return nft.New(s.ctx(), s.conns.netfilter) }},
		{"dhcp", func(s *space) (fs.Page, error) { return s.clients(dhcp.NewManager(s.place(names))) }},
		{"dhcp6", func(s *space) (fs.Page, error) { return s.clients(dhcp.NewManager6(s.place(names))) }},
		{"mptcp", func(s *space) (fs.Page, error) { return mptcp.New(s.ctx(), s.conns.generic, s.conns.route) }},
		{"netns", namespaces},
	}
}

// conns are the connections to the kernel of one namespace, one for each
// protocol.
type conns struct {
	ns                        *nl.NS // nil: the process's own
	route, netfilter, generic *nl.Client
}

func dial(fd int) (*conns, error) {
	if fd <= 0 {
		return dialIn(nil)
	}
	// A descriptor of our own, since the caller may close his.
	ns, err := nl.OpenNS("/proc/self/fd/" + strconv.Itoa(fd))
	if err != nil {
		return nil, err
	}
	return dialIn(ns)
}

// dialIn owns ns, also if it fails.
func dialIn(ns *nl.NS) (_ *conns, err error) {
	c := conns{ns: ns}
	var o nl.Options
	if ns != nil {
		o.NS = ns.FD()
	}
	for _, d := range []struct {
		to       **nl.Client
		protocol int
	}{{&c.route, nl.Route}, {&c.netfilter, nl.Netfilter}, {&c.generic, nl.Generic}} {
		if *d.to, err = nl.Dial(d.protocol, &o); err != nil {
			return nil, errors.Join(err, c.Close())
		}
	}
	return &c, nil
}

func (c *conns) Close() error {
	var errs []error
	for _, k := range []*nl.Client{c.route, c.netfilter, c.generic} {
		if k != nil {
			errs = append(errs, k.Close())
		}
	}
	if c.ns != nil {
		errs = append(errs, c.ns.Close())
	}
	return errors.Join(errs...)
}

// ctx bounds what is asked of the kernel while a tree is made: the names of
// families, answered at once.
func (s *space) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	s.closers = append(s.closers, func() error { cancel(); return nil })
	return ctx
}

// namespaces is the page of the network namespaces, in the server's own tree
// only: there are no namespaces inside a namespace.
func namespaces(s *space) (fs.Page, error) {
	if s.name != "/" {
		return fs.Page{}, errInside
	}
	h := s.host
	p := netns.Open(s.conns.route, func(_ context.Context, name string, ns *nl.NS) (fs.Walker, func() error, error) {
		c, err := dialIn(ns)
		if err != nil {
			return nil, nil, err
		}
		in, err := h.open(name, c)
		if err != nil {
			return nil, nil, errors.Join(err, c.Close())
		}
		return in.dir, in.Close, nil
	})
	s.closers = append(s.closers, p.Close)
	return p.Page(), nil
}

var errInside = fmt.Errorf("inside a namespace: %w", errors.ErrUnsupported)

// place is where DHCP clients of either family run.
func (s *space) place(names *dns.Setter) dhcp.Place {
	return dhcp.Place{System: dhcp.New(s.conns.route, s.conns.ns), Dir: dhcp.LeaseDir, DNS: names}
}

// clients is the page of DHCP clients. Those that it starts live as long as the tree.
func (s *space) clients(m interface {
	Page() fs.Page
	Close() error
}) (fs.Page, error) {
	s.closers = append(s.closers, m.Close)
	return m.Page(), nil
}
