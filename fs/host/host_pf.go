package host

import (
	"time"

	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/addr"
	"github.com/netfs-project/netfs/fs/dhcp"
	"github.com/netfs-project/netfs/fs/link"
	"github.com/netfs-project/netfs/fs/neigh"
	"github.com/netfs-project/netfs/fs/route"
)

// OpenPF opens the tree of a kernel with a routing socket, which need not be this
// machine's: c may be of the simulator in bsd/bsdtest. The caller closes c.
func OpenPF(c *rtsock.Client) (*Host, error) {
	h := &Host{started: time.Now(), systems: pfSystems(func(*space) *rtsock.Client { return c }), os: c.Layout().OS}
	var err error
	h.root, err = h.open("/", nil)
	return h, err
}

// pfSystems is the list of what these kernels have: a system is one line. What there is
// no page for is named, so that features can say it.
func pfSystems(client func(*space) *rtsock.Client) []system {
	return append([]system{
		{"link", func(s *space) (fs.Page, error) { return link.NewPF(client(s), s.extra), nil }},
		{"addr", func(s *space) (fs.Page, error) { return addr.NewPF(client(s)), nil }},
		{"neigh", func(s *space) (fs.Page, error) { return neigh.NewPF(client(s)), nil }},
		{"route", func(s *space) (fs.Page, error) { return route.NewPF(client(s)), nil }},
		{"dhcp", func(s *space) (fs.Page, error) {
			m := dhcp.NewManager(dhcp.Place{System: dhcp.NewPF(client(s), dhcp.LeaseDir), Dir: dhcp.LeaseDir})
			s.closers = append(s.closers, m.Close)
			return m.Page(), nil
		}},
	}, absent("conntrack", "dhcp6", "mptcp", "netns", "nexthop", "nft", "rule")...)
}
