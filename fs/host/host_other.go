//go:build !linux

package host

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/netfs-project/netfs/fs"
)

// conns are the connections to one kernel: none here.
type conns struct{}

func (*conns) Close() error { return nil }

func dial(int) (*conns, error) { return &conns{}, nil }

// systems names what other systems have, so that features can say it.
func systems() []system {
	return absent("addr", "conntrack", "link", "mptcp", "neigh", "netns", "nexthop", "nft", "route", "rule")
}

func absent(names ...string) []system {
	var list []system
	for _, n := range names {
		list = append(list, system{n, func(*space) (fs.Page, error) {
			return fs.Page{}, fmt.Errorf("%w: no joint for %s", errors.ErrUnsupported, runtime.GOOS)
		}})
	}
	return list
}
