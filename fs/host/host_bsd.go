//go:build freebsd || openbsd || netbsd || dragonfly || darwin

package host

import (
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/addr"
	"github.com/netfs-project/netfs/fs/link"
	"github.com/netfs-project/netfs/fs/neigh"
	"github.com/netfs-project/netfs/fs/route"
)

// systems is the list: a system is one line. What these kernels have no page for yet
// is named, so that features can say it.
func systems() []system {
	return append([]system{
		{"link", func(s *space) (fs.Page, error) { return link.NewPF(s.conns.route, s.extra), nil }},
		{"addr", func(s *space) (fs.Page, error) { return addr.NewPF(s.conns.route), nil }},
		{"neigh", func(s *space) (fs.Page, error) { return neigh.NewPF(s.conns.route), nil }},
		{"route", func(s *space) (fs.Page, error) { return route.NewPF(s.conns.route), nil }},
	}, absent("conntrack", "dhcp", "mptcp", "netns", "nexthop", "nft", "rule")...)
}

// conns are the connections to the kernel.
type conns struct{ route *rtsock.Client }

func dial(int) (*conns, error) {
	sys, err := rtsock.Open()
	if err != nil {
		return nil, err
	}
	return &conns{rtsock.New(sys)}, nil
}

func (c *conns) Close() error { return c.route.Close() }
