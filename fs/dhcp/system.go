package dhcp

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/dhcp/rawsock"
)

// A System is what clients need of an operating system. Links are known by their index. What is
// ours is what an earlier call of ours made, in this process or in another. Safe for concurrent
// use.
type System interface {
	// Find returns what a client must know of the link of a name. A link that is not Ethernet
	// or not up is an error.
	Find(ctx context.Context, name string) (Link, error)
	// Carrier yields whether the link has one, now and when it changes, until there is no such
	// link or ctx ends.
	Carrier(ctx context.Context, link int) iter.Seq[bool]

	MTU(ctx context.Context, link int) (int, error)
	SetMTU(ctx context.Context, link, mtu int) error

	// SetAddr makes an address, or gives it other lifetimes. One that was set for ever by
	// others is EEXIST.
	SetAddr(ctx context.Context, link int, a Addr) error
	// DelAddr takes an address of ours away. That it is not there is errors like ESRCH.
	DelAddr(ctx context.Context, link int, a Addr) error
	// Holds reports whether the link has the address, and it is ours.
	Holds(ctx context.Context, link int, a netip.Prefix) bool

	// Routes returns where our IPv4 routes out of the link lead, of one table and metric.
	Routes(ctx context.Context, link int, table, metric uint32) ([]netip.Prefix, error)
	// AddRoute makes a route; another of the destination and metric is EEXIST.
	AddRoute(ctx context.Context, link int, r Route) error
	// SetRoute replaces a route of ours.
	SetRoute(ctx context.Context, link int, r Route) error
	// DelRoute takes a route of ours away.
	DelRoute(ctx context.Context, link int, r Route) error

	// Others returns the DHCP clients of others that are seen on the link, also beside an error.
	Others(ctx context.Context, link int) ([]Other, error)
	// Space is the name of the network namespace, as part of a file's name.
	Space() (string, error)
	// Boot tells one run of the machine from the next: lease.Store.BootID.
	Boot() string
	// Check tells why options cannot be had here, nil if they can.
	Check(o *Options) error
}

// A Link is what a client must know of one.
type Link struct {
	rawsock.Link
	MTU     int
	Carrier bool
}

// An Addr is an address of a lease.
type Addr struct {
	netip.Prefix
	Broadcast        netip.Addr    // the zero Addr: none
	Valid, Preferred time.Duration // what is left; v4.Forever
	Metric           uint32        // of the route to the subnet; see Route
}

// A Route is one of a lease.
type Route struct {
	Dst    netip.Prefix
	Via    netip.Addr // the zero Addr: Dst is on the link
	Src    netip.Addr // that packets should have; the zero Addr: the system's choice
	OnLink bool       // Via is on the link although no prefix covers it
	Table  uint32     // 0: main
	Metric uint32     // 0: 1000 and the link's index, where routes have one
	// Unreachable says that packets to Dst are answered with an error, unless a longer prefix leads them; it is
	// of IPv6, of no link, and ends by itself after Valid.
	Unreachable bool
	Valid       time.Duration
}

// gone takes it as done if there was nothing to delete.
func gone(err error) error {
	for _, e := range []syscall.Errno{syscall.ESRCH, syscall.EADDRNOTAVAIL, syscall.ENODEV, syscall.ENXIO, syscall.ENOENT} {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}
