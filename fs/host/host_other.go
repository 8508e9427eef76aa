//go:build !(linux || freebsd || openbsd || netbsd || dragonfly || darwin)

package host

// conns are the connections to one kernel: none here.
type conns struct{}

func (*conns) Close() error { return nil }

func dial(int) (*conns, error) { return &conns{}, nil }

// systems names what other systems have, so that features can say it.
func systems() []system {
	return absent("addr", "conntrack", "dhcp", "dhcp6", "link", "mptcp", "neigh", "netns", "nexthop", "nft", "route", "rule")
}
