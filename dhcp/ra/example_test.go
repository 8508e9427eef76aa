package ra_test

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/dhcp/ra"
)

// What a router says, and what a host makes of it.
func Example() {
	var router ra.Advertisement
	router.Managed = true
	router.Lifetime = 30 * time.Minute
	err := router.AddPrefix(ra.Prefix{
		Prefix: netip.MustParsePrefix("2001:db8:1::/64"), OnLink: true,
		Valid: 2 * time.Hour, Preferred: time.Hour,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	icmp, err := router.Append(nil)
	if err != nil {
		fmt.Println(err)
		return
	}

	a, err := ra.Decode(icmp)
	if err != nil {
		fmt.Println(err)
		return
	}
	prefixes, err := a.Prefixes()
	fmt.Println("addresses by DHCPv6:", a.Managed, a.Lifetime)
	for _, p := range prefixes {
		fmt.Println(p.Prefix, p.OnLink, p.Autonomous, p.Valid)
	}
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// addresses by DHCPv6: true 30m0s
	// 2001:db8:1::/64 true false 2h0m0s
}
