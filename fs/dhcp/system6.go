package dhcp

import (
	"context"
	"iter"
	"net/netip"
)

// A System6 is a System that can have DHCPv6 clients, too. Its addresses of IPv6 say nothing of what
// else is on the link: SetAddr makes no route to them.
type System6 interface {
	System
	// Sources yields the address that messages can be sent from, now and when it changes, and which
	// addresses others turned out to have, until there is no such link or ctx ends.
	Sources(ctx context.Context, link int) iter.Seq[Source]
	// Unreachables returns our unreachable routes of IPv6, of one table and of the metric that the
	// link's have; see Route.
	Unreachables(ctx context.Context, link int, table, metric uint32) ([]netip.Prefix, error)
	// Others6 is Others of DHCPv6.
	Others6(ctx context.Context, link int) ([]Other, error)
}

// A Source is where a link's messages of DHCPv6 can come from.
type Source struct {
	Addr  netip.Addr // link-local, not tentative; the zero Addr: there is none, or no carrier
	Taken netip.Addr // an address of ours that duplicate address detection refused (RFC 4862 5.4); the zero Addr: none
}
