// Package dhcp runs clients of DHCPv4 and DHCPv6 on links: it joins the machine and the sockets of
// the dhcp libraries with the kernel, which gets the addresses and routes; and it is their
// page, dhcp/ and links/X/dhcp/, and with the same files dhcp6/ and links/X/dhcp6/:
//
//	echo start > links/eth0/dhcp/ctl      hold a lease until stop, release, or the end of the server
//	cat links/eth0/dhcp/status            state=bound address=192.0.2.9 server=192.0.2.1 left=3540 due=1740
//	cat links/eth0/dhcp/resolv.conf       what the lease says of DNS
//	echo start apply=addr,routes,dns > links/eth0/dhcp/ctl    and set it for the machine, see package dns
//	cat dhcp/events                       what happens, of all links
//	echo start ia=na,pd prefix=::/56 > links/eth0/dhcp6/ctl    an address and a prefix by DHCPv6
//	echo discover > links/eth0/dhcp/ctl; cat links/eth0/dhcp/servers
//
// Programs of others that are DHCP clients of the link too (dhclient, dhcpcd, udhcpc, networkd)
// do not keep ours from starting: they are in events, and in status as other=dhclient[123].
//
// What a client needs of an operating system is System: New is Linux's, NewPF that of the BSDs and
// Darwin. Linux marks what is DHCP's and ends addresses with their lease; the others do neither, and what
// was set is remembered in files.
//
// Limits: Ethernet. Clients end with the server of the tree, and are not started by the
// next; their leases stay on the links while they last, and are asked for again. NewPF has run
// on simulated kernels only.
package dhcp

// LeaseDir is where leases are remembered unless told otherwise.
const LeaseDir = "/var/lib/netfs/dhcp"
