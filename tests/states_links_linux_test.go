package tests

import (
	"fmt"
	"os/user"
	"strings"
)

// What ip -j -d link says of links, in our words.
var linkFields = with(same("link ifindex=index link_netnsid ifname=name mtu qdisc master group txqlen link_type address=lladdr broadcast permaddr promiscuity allmulti=allmulti_count min_mtu=minmtu max_mtu=maxmtu inet6_addr_gen_mode=addrgenmode num_tx_queues=numtxqueues num_rx_queues=numrxqueues gso_max_size gso_max_segs tso_max_size tso_max_segs gro_max_size gso_ipv4_max_size gro_ipv4_max_size ifalias=alias altnames=altname parentbus parentdev proto_down"), map[string]field{
	"link_index":        skipped("the number of a link in another namespace; link has its name where there is one"),
	"link_pointtopoint": skipped("the broadcast address of such a link"),
	"operstate":         mapped("operstate", strings.ToLower),
	"linkmode":          mapped("linkmode", strings.ToLower),
	"flags":             linkFlags,
	"linkinfo":          linkInfo,
	"vfinfo_list":       skipped("virtual functions have a directory of their own"),
})

// linkFlags are the flags, and the keys that are one of them.
func linkFlags(to row, v any) error {
	has := map[string]bool{}
	var all []string
	for _, f := range v.([]any) {
		if has[scalar(f)] = true; scalar(f) != "M-DOWN" { // which ip(8) makes of another link's flags
			all = append(all, scalar(f))
		}
	}
	to["flags"] = strings.Join(all, ",")
	word := func(key, flag, yes, no string) {
		to[key] = no
		if has[flag] {
			to[key] = yes
		}
	}
	word("state", "UP", "up", "down")
	word("arp", "NOARP", "0", "1")
	word("multicast", "MULTICAST", "1", "0")
	word("promisc", "PROMISC", "1", "0")
	word("allmulti", "ALLMULTI", "1", "0")
	word("dynamic", "DYNAMIC", "1", "0")
	return nil
}

func linkInfo(to row, v any) error {
	info := v.(object)
	for _, m := range info {
		switch m.name {
		case "info_kind":
			to["type"] = scalar(m.value)
		case "info_data":
			kind := scalar(info.get("info_kind"))
			if wordless[kind] {
				continue
			}
			fields := kindFields[kind]
			if fields == nil {
				return fmt.Errorf("%q has data that this test does not know", kind)
			}
			if err := fill(to, m.value.(object), fields); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		case "info_slave_kind":
			port := row{"kind": scalar(m.value)}
			if data, ok := info.get("info_slave_data").(object); ok {
				fields := portFields[scalar(m.value)]
				if fields == nil {
					return fmt.Errorf("a port of %v has data that this test does not know", m.value)
				}
				if err := fill(port, data, fields); err != nil {
					return fmt.Errorf("port of %v: %w", m.value, err)
				}
			}
			to["port"] = []row{port}
		case "info_slave_data", "info_xstats":
		default:
			return fmt.Errorf("linkinfo says %q", m.name)
		}
	}
	return nil
}

// wordless are types whose keys have no words in the tree: it has them as opt.N=hex, so
// that a restored link is what it was, which is all that can be asked here.
var wordless = map[string]bool{"gre": true, "gretap": true, "erspan": true, "ip6gre": true, "ip6gretap": true, "ip6erspan": true, "ipip": true, "sit": true, "ip6tnl": true}

const timers = "a timer that runs: no setting, and no two reads agree"

var macvlanFields = with(same("mode bcqueuelen usedbcqueuelen bclim macaddr_data=macaddr macaddr_count"), map[string]field{
	"macaddr_count": skipped("as many as macaddr has"),
	"flags":         macvlanFlags,
	"nopromisc":     func(to row, _ any) error { to["flag"] = "nopromisc"; return nil },
})

var ipvlanFields = with(same("mode"), map[string]field{
	"bridge":  skipped("neither private nor vepa"),
	"private": func(to row, _ any) error { to["flag"] = "private"; return nil },
	"vepa":    func(to row, _ any) error { to["flag"] = "vepa"; return nil },
})

var kindFields = map[string]map[string]field{
	"bridge": with(same(`forward_delay hello_time max_age ageing_time stp_state priority vlan_filtering vlan_protocol vlan_default_pvid vlan_stats_enabled vlan_stats_per_port
		group_addr=group_address mcast_snooping no_linklocal_learn mcast_vlan_snooping mst_enabled mcast_router mcast_query_use_ifaddr mcast_querier mcast_hash_elasticity mcast_hash_max
		mcast_last_member_cnt=mcast_last_member_count mcast_startup_query_cnt=mcast_startup_query_count mcast_last_member_intvl=mcast_last_member_interval
		mcast_membership_intvl=mcast_membership_interval mcast_querier_intvl=mcast_querier_interval mcast_query_intvl=mcast_query_interval
		mcast_query_response_intvl=mcast_query_response_interval mcast_startup_query_intvl=mcast_startup_query_interval mcast_stats_enabled mcast_igmp_version mcast_mld_version
		nf_call_iptables nf_call_ip6tables nf_call_arptables root_port root_path_cost topology_change topology_change_detected fdb_max_learned fdb_n_learned`),
		map[string]field{
			"bridge_id": mapped("bridge_id", bridgeID), "root_id": mapped("designated_root", bridgeID),
			"group_fwd_mask": mapped("group_fwd_mask", bareHex), "group_fwd_mask_str": skipped("group_fwd_mask"),
			"hello_timer": skipped(timers), "tcn_timer": skipped(timers), "topology_change_timer": skipped(timers), "gc_timer": skipped(timers),
		}),
	"vxlan": with(same(`id link local local6=local remote remote6=remote group=remote group6=remote port=dstport learning proxy rsc l2miss l3miss df label_policy ageing limit
		udp_csum=udpcsum udp_zero_csum6_tx=udp6zerocsumtx udp_zero_csum6_rx=udp6zerocsumrx remcsum_tx=remcsumtx remcsum_rx=remcsumrx gbp gpe collect_metadata=external vnifilter localbypass external`),
		map[string]field{
			"port_range": func(to row, v any) error {
				to["srcport"] = scalar(v.(object).get("low")) + "-" + scalar(v.(object).get("high"))
				return nil
			},
			"ttl":   mapped("ttl", func(s string) string { return map[string]string{"0": "auto"}[s] + strings.TrimPrefix(s, "0") }),
			"tos":   mapped("tos", tosWord),
			"label": mapped("flowlabel", decimal),
		}),
	"vlan": with(same("protocol id"), map[string]field{
		"flags":       vlanFlags,
		"ingress_qos": qosMap("ingress_qos"), "egress_qos": qosMap("egress_qos"),
	}),
	"macvlan": macvlanFields, "macvtap": macvlanFields,
	"ipvlan": ipvlanFields, "ipvtap": ipvlanFields,
	"vrf": same("table"),
	"tun": with(same("type=tun_type pi vnet_hdr multi_queue persist numqueues numdisabled"), map[string]field{
		"user": mapped("owner", userID), "group": mapped("owner_group", groupID),
	}),
	"bond": with(same(`mode miimon updelay downdelay peer_notify_delay use_carrier arp_interval arp_missed_max arp_all_targets arp_ip_target ns_ip6_target primary primary_reselect fail_over_mac
		xmit_hash_policy resend_igmp num_peer_notif all_slaves_active min_links lp_interval packets_per_slave ad_lacp_rate=lacp_rate ad_select tlb_dynamic_lb active_slave
		ad_actor_sys_prio ad_user_port_key ad_actor_system coupled_control`), map[string]field{
		"ad_info":        adInfo,
		"ad_lacp_active": mapped("lacp_active", func(s string) string { return map[string]string{"on": "1", "off": "0"}[s] }),
		"arp_validate": func(to row, v any) error { // null is none
			if to["arp_validate"] = "none"; v != nil {
				to["arp_validate"] = scalar(v)
			}
			return nil
		},
	}),
	"geneve": with(same("id remote remote6=remote df port=dstport external udp_csum=udpcsum udp_zero_csum6_tx=udp6zerocsumtx udp_zero_csum6_rx=udp6zerocsumrx inner_proto_inherit=innerprotoinherit"), map[string]field{
		"ttl": mapped("ttl", func(s string) string { return map[string]string{"0": "auto"}[s] + strings.TrimPrefix(s, "0") }),
		"tos": mapped("tos", tosWord), "label": mapped("flowlabel", decimal),
	}),
	"vti":     with(same("remote local"), map[string]field{"ikey": mapped("ikey", keyNumber), "okey": mapped("okey", keyNumber), "fwmark": mapped("fwmark", decimal), "link": is("link")}),
	"vti6":    with(same("remote local"), map[string]field{"ikey": mapped("ikey", keyNumber), "okey": mapped("okey", keyNumber), "fwmark": mapped("fwmark", decimal), "link": is("link")}),
	"xfrm":    map[string]field{"if_id": mapped("if_id", decimal), "external": is("external"), "link": is("link")},
	"bareudp": with(same("dstport ethertype srcportmin multiproto")),
}

// userID and groupID are the numbers of the names that ip(8) prints.
func userID(name string) string {
	if u, err := user.Lookup(name); err == nil {
		return u.Uid
	}
	return name
}

func groupID(name string) string {
	if g, err := user.LookupGroup(name); err == nil {
		return g.Gid
	}
	return name
}

var portFields = map[string]map[string]field{
	"bridge": with(same(`state priority cost hairpin guard root_block fastleave learning flood designated_port designated_cost topology_change_ack config_pending proxy_arp proxy_arp_wifi
		multicast_router=mcast_router mcast_flood bcast_flood mcast_to_unicast neigh_suppress neigh_vlan_suppress vlan_tunnel isolated locked mab backup_port backup_nhid mcast_max_groups mcast_n_groups
		mcast_eht_hosts_limit mcast_eht_hosts_cnt mrp_ring_open mrp_in_open`),
		map[string]field{
			"id": mapped("port_id", decimal), "no": mapped("no", decimal),
			"bridge_id": mapped("designated_bridge", bridgeID), "root_id": mapped("designated_root", bridgeID),
			"hold_timer": skipped(timers), "message_age_timer": skipped(timers), "forward_delay_timer": skipped(timers),
			"group_fwd_mask": mapped("group_fwd_mask", bareHex), "group_fwd_mask_str": skipped("group_fwd_mask"),
		}),
	"bond": with(same("link_failure_count perm_hwaddr queue_id prio ad_aggregator_id ad_actor_oper_port_state ad_partner_oper_port_state actor_port_prio"), map[string]field{
		"state": mapped("state", strings.ToLower), "mii_status": mapped("mii_status", miiStatus),
		"ad_actor_oper_port_state_str":   skipped("ad_actor_oper_port_state in words"),
		"ad_partner_oper_port_state_str": skipped("ad_partner_oper_port_state in words"),
	}),
	"vrf": same("table"),
}

func miiStatus(s string) string { return strings.ReplaceAll(strings.ToLower(s), " ", "_") }

func tosWord(s string) string {
	if s == "inherit" {
		return s
	}
	if d := decimal(s); d != "1" {
		return d
	}
	return "inherit"
}

// keyNumber is a key of GRE, which iproute2 writes as an IPv4 address.
func keyNumber(s string) string {
	var a, b, c, d uint32
	if n, _ := fmt.Sscanf(s, "%d.%d.%d.%d", &a, &b, &c, &d); n == 4 {
		return fmt.Sprint(a<<24 | b<<16 | c<<8 | d)
	}
	return s
}

func vlanFlags(to row, v any) error {
	for _, k := range []string{"reorder_hdr", "gvrp", "loose_binding", "mvrp", "bridge_binding"} {
		to[k] = "0"
	}
	for _, f := range v.([]any) {
		to[strings.ToLower(scalar(f))] = "1"
	}
	return nil
}

func qosMap(key string) field {
	return func(to row, v any) error {
		var all []string
		for _, e := range v.([]any) {
			o := e.(object)
			all = append(all, scalar(o.get("from"))+":"+scalar(o.get("to")))
		}
		to[key] = strings.Join(all, ",")
		return nil
	}
}

func macvlanFlags(to row, v any) error {
	if list, ok := v.([]any); ok && len(list) == 0 {
		return nil
	}
	to["flag"] = strings.ToLower(scalar(v))
	return nil
}

func adInfo(to row, v any) error {
	return fill(to, v.(object), same("aggregator=ad_aggregator num_ports=ad_num_ports actor_key=ad_actor_key partner_key=ad_partner_key partner_mac=ad_partner_mac"))
}

func linkRow(o object) (row, error) {
	r := row{}
	if err := fill(r, o, linkFields); err != nil {
		return nil, err
	}
	for _, m := range o {
		if m.name == "link" && m.value == nil { // gre0@NONE
			delete(r, "link")
		}
	}
	if contains("gre gre6 ipip sit tunnel tunnel6", r.text("link_type")) {
		delete(r, "lladdr") // its ends, which local and remote say
		delete(r, "broadcast")
		delete(r, "permaddr") // six random bytes, which ip(8) prints as an address of sixteen
		drop(r, "local=any remote=any")
	}
	drop(r, "linkmode=default group=default promiscuity=0 allmulti_count=0 minmtu=0 maxmtu=0 promisc=0 allmulti=0 dynamic=0 proto_down=0")
	return r, nil
}

// linkMine leaves out the address of the hardware where it is the link's, as ip(8) does.
func linkMine(r row) {
	if r.text("permaddr") == r.text("lladdr") {
		delete(r, "permaddr")
	}
}
