// Package dhcp runs DHCPv4 clients on links: it joins the machine and the sockets of
// the dhcp libraries with the kernel, which gets the addresses and routes.
//
//	p := dhcp.Place{Route: route, Dir: dhcp.LeaseDir}
//	c, err := p.Open(ctx, "eth0", dhcp.Options{}, notify)
//	...
//	defer c.Close()
//	err = c.Start(ctx)
package dhcp

// LeaseDir is where leases are remembered unless told otherwise.
const LeaseDir = "/var/lib/netfs/dhcp"
