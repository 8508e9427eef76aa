// Package link is the page of network interfaces:
//
//	links/list  links/ctl  links/events    all of them, a line each
//	links/eth0/mtu                         a file per attribute
//	links/br0/bridge/vlan_filtering        the attributes of its type
//	links/eth1/port/cost                   what its master knows of it
//	links/eth0/{ctl,status,stats,altnames}
//
// Words are iproute2's (ip-link(8)). A link is made by a line in links/ctl or by
// mkdir:
//
//	add v10 type vlan link eth0 id 10
//	mkdir links/br0,type=bridge,vlan_filtering=1
//
// What the text cannot do yet: virtual functions (vf), XDP programs, and types
// that are not in kinds.go keep their attributes as opt.N=hex.
//
// Attributes whose value changes by itself (timers of bridges and of their
// ports) are not shown: two reads of the same state agree.
package link
