//go:build freebsd || openbsd || netbsd || dragonfly || darwin

package host

import "github.com/netfs-project/netfs/bsd/rtsock"

func systems() []system {
	return pfSystems(func(s *space) *rtsock.Client { return s.conns.route })
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
