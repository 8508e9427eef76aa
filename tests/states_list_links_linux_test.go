package tests

import (
	"strings"
	"testing"

	"github.com/netfs-project/netfs/nl/nltest"
)

// TestStatesLinks is TestStates for links. This kernel may lack most of the types.
func TestStatesLinks(t *testing.T) {
	// A module that comes with the first link of its type puts links of its own into
	// every namespace: let it come before the states.
	ns := nltest.NewNS(t)
	for _, kind := range strings.Fields("gre gretap ipip sit ip6tnl ip6gre vti vti6") {
		ns.Try(t, "ip", "link", "add", "x", "type", kind)
		ns.Try(t, "ip", "link", "del", "x")
	}
	links.run(t)
}

var links = group{
	name:  "links",
	show:  []string{"links"},
	files: []string{"links/ctl"},
	states: `
		link set v0 mtu 1400
		link set v0 txqueuelen 77
		link set v0 address 02:00:00:00:00:77
		link set v0 alias lan
		link set v0 group 7
		link set v0 promisc on
		link set v0 allmulticast on
		link set v0 multicast off
		link set v0 arp off
		link set v0 dynamic on
		link set v0 mode dormant
		link set v0 addrgenmode none
		link set v0 gso_max_size 32768 gso_max_segs 100
		link set v0 gro_max_size 32768
		link set v0 down
		link property add dev v0 altname wan altname uplink
		link add x address 02:00:00:00:00:31 type dummy
		link add x address 02:00:00:00:00:31 numtxqueues 4 type ifb
		link add x address 02:00:00:00:00:31 mtu 1400 txqueuelen 10 type bridge
		link add x address 02:00:00:00:00:31 type bridge stp_state 1 forward_delay 400 hello_time 100 max_age 700 ageing_time 1000 priority 5
		link add x address 02:00:00:00:00:31 type bridge mcast_snooping 0 mcast_router 2 mcast_querier 1 group_fwd_mask 8
		link add x address 02:00:00:00:00:31 type bridge mcast_hash_max 256 mcast_last_member_count 3 mcast_startup_query_count 4 mcast_query_interval 5000 mcast_igmp_version 3 mcast_mld_version 2
		link add x address 02:00:00:00:00:31 type bridge group_address 01:80:c2:00:00:05
		link add x address 02:00:00:00:00:31 type bridge vlan_filtering 1 vlan_default_pvid 7
		link add x address 02:00:00:00:00:31 type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_stats_enabled 1
		link add x address 02:00:00:00:00:31 type vxlan id 5 dstport 4789
		link add x address 02:00:00:00:00:31 type vxlan id 5 dstport 4789 local 192.0.2.1 remote 198.51.100.1 dev v0 ttl 7 tos 8
		link add x address 02:00:00:00:00:31 type vxlan id 5 dstport 4789 group 239.1.1.1 dev v0 ttl inherit
		link add x address 02:00:00:00:00:31 type vxlan id 5 dstport 4789 local 2001:db8::1 remote 2001:db8::2 udp6zerocsumtx udp6zerocsumrx flowlabel 0x7
		link add x address 02:00:00:00:00:31 type vxlan id 5 dstport 0 nolearning proxy rsc l2miss l3miss noudpcsum ageing 60 maxaddress 100 srcport 1000 2000 df set
		link add x address 02:00:00:00:00:31 type vxlan external dstport 4789
		link add x address 02:00:00:00:00:31 type vxlan id 5 dstport 4789 gbp
		link add x address 02:00:00:00:00:31 link v0 type macvlan mode bridge
		link add x address 02:00:00:00:00:31 link v0 type macvlan mode private bcqueuelen 500
		link add x address 02:00:00:00:00:31 link v0 type macvlan mode vepa
		link add x address 02:00:00:00:00:31 link v0 type macvlan mode source macaddr add 02:00:00:00:00:51
		link add x link v0 type macvlan mode passthru nopromisc
		link add x address 02:00:00:00:00:31 link v0 type macvtap mode bridge
		link add x link v0 type ipvlan mode l3 vepa
		link add x link v0 type ipvlan mode l2 private
		link add x link v0 type ipvtap mode l3s bridge
		link add x address 02:00:00:00:00:31 link v0 type vlan id 5
		link add x address 02:00:00:00:00:31 link v0 type vlan protocol 802.1ad id 5 reorder_hdr off gvrp on mvrp on loose_binding on
		link add x address 02:00:00:00:00:31 link v0 type vlan id 5 ingress-qos-map 1:2 3:4 egress-qos-map 5:6 0:7
		link add x address 02:00:00:00:00:31 type vrf table 5
		link add x address 02:00:00:00:00:31 type vrf table 5; link set v1 master x
		link add x address 02:00:00:00:00:31 type bond
		link add x address 02:00:00:00:00:31 type bond mode active-backup miimon 100 updelay 200 downdelay 300 primary_reselect better fail_over_mac active
		link add x address 02:00:00:00:00:31 type bond mode balance-xor xmit_hash_policy layer3+4 min_links 2 resend_igmp 3 num_grat_arp 4 all_slaves_active 1
		link add x address 02:00:00:00:00:31 type bond mode active-backup arp_interval 1000 arp_validate active arp_ip_target 192.0.2.2,192.0.2.3 arp_all_targets all
		link add x address 02:00:00:00:00:31 type bond mode 802.3ad miimon 100 lacp_rate fast ad_select bandwidth ad_actor_sys_prio 7 ad_user_port_key 9 ad_actor_system 02:00:00:00:00:61
		link add x address 02:00:00:00:00:31 type bond mode balance-rr packets_per_slave 5
		link add x address 02:00:00:00:00:31 type bond mode active-backup miimon 100; link add y address 02:00:00:00:00:32 type dummy; link set y master x; link set x up
		link add x address 02:00:00:00:00:31 type bridge; link set v1 master x
		link add x address 02:00:00:00:00:31 type bridge; link set v1 master x; link set v1 type bridge_slave cost 7 priority 9 hairpin on guard on root_block on fastleave on learning off flood off
		link add x address 02:00:00:00:00:31 type bridge; link set v1 master x; link set v1 type bridge_slave mcast_router 2 mcast_flood off bcast_flood off mcast_to_unicast on neigh_suppress on isolated on locked on group_fwd_mask 8 vlan_tunnel on
		link add x address 02:00:00:00:00:31 type bridge; link set v1 master x; link set v1 type bridge_slave proxy_arp on proxy_arp_wifi on
		link add x address 02:00:00:00:00:31 type veth peer name y address 02:00:00:00:00:32
		link add x address 02:00:00:00:00:31 mtu 1400 type veth peer name y address 02:00:00:00:00:32 mtu 1300; link set x up
		link add x address 02:00:00:00:00:31 type geneve id 7 remote 198.51.100.1 ttl 9 tos 8 dstport 6082
		link add x address 02:00:00:00:00:31 type geneve external
		link add x type gre local 192.0.2.1 remote 198.51.100.1 ttl 9 key 5
		link add x type ipip local 192.0.2.1 remote 198.51.100.1
		link add x type sit local 192.0.2.1 remote 198.51.100.1
		link add x type ip6tnl local 2001:db8::1 remote 2001:db8::2
		link add x type vti local 192.0.2.1 remote 198.51.100.1 key 7
		link add x type vti6 local 2001:db8::1 remote 2001:db8::2 key 7
		link add x type xfrm if_id 7
		link add x type xfrm dev v0 if_id 7
		link add x type bareudp dstport 6635 ethertype mpls_uc
		link add x type wireguard
		link add x type nlmon
		= tuntap add dev x mode tun
		= tuntap add dev x mode tap user 5 group 6 multi_queue vnet_hdr pi
		`,
}
