package link

import (
	"slices"
	"sort"
	"strings"

	"github.com/netfs-project/netfs/fs"
)

// Kinds are the types of link whose keys have words, and those keys as
// ip-link(8) spells them, in the order in which they print. A type without any
// stands here so that it is known.
var Kinds = map[string][]KindKey{
	"bridge":  bridge,
	"vlan":    vlan,
	"vxlan":   vxlan,
	"macvlan": macvlan,
	"macvtap": macvlan,
	"ipvlan":  ipvlan,
	"ipvtap":  ipvlan,
	"vrf":     {{Name: "table", Max: 1<<32 - 1, Make: true, Doc: "routing table of its ports"}},
	"bond":    bond,
	"vti":     vti,
	"vti6":    vti,
	"geneve":  geneve,
	"xfrm":    {{Name: "if_id", Max: 1<<32 - 1, Make: true, Doc: "id that policies and states name"}, {Name: "external", Form: Switch, Make: true, Doc: "takes the id from the route"}},
	"tun":     tun,
	"dummy":   nil, "ifb": nil, "veth": nil, "vxcan": nil, "vcan": nil, "nlmon": nil, "wireguard": nil, "team": nil, "bareudp": bareudp,
}

const (
	u8  = 1<<8 - 1
	u16 = 1<<16 - 1
	u64 = 1<<64 - 1
)

// tags are the protocols of VLAN tags (ETH_P_8021Q, ETH_P_8021AD).
var tags = fs.Names{0x8100: "802.1Q", 0x88a8: "802.1ad"}

var bridge = []KindKey{
	{Name: "forward_delay", Doc: "delay of listening and learning (STP), in 1/100 s"},
	{Name: "hello_time", Doc: "between hello packets (STP), in 1/100 s"},
	{Name: "max_age", Doc: "after which a silent root is gone (STP), in 1/100 s"},
	{Name: "ageing_time", Doc: "life of a learnt address, in 1/100 s"},
	{Name: "stp_state", Form: Switch, Doc: "spanning tree protocol"},
	{Name: "priority", Max: u16, Doc: "of this bridge in the election of the root, lower wins"},
	{Name: "vlan_filtering", Form: Switch, Doc: "looks at VLAN tags"},
	{Name: "vlan_protocol", Form: Enum, Names: tags, Doc: "802.1Q or 802.1ad"},
	{Name: "vlan_default_pvid", Max: 4094, Doc: "VLAN of untagged frames of new ports, 0 for none"},
	{Name: "vlan_stats_enabled", Form: Switch, Doc: "counts per VLAN"},
	{Name: "vlan_stats_per_port", Form: Switch, Doc: "counts per VLAN and port; only while it has no ports"},
	{Name: "group_fwd_mask", Max: u16, Doc: "which of 01:80:c2:00:00:0X it forwards, a bit for each X"},
	{Name: "group_address", Also: []string{"group_addr"}, Form: MAC, Doc: "address of the spanning tree protocol, one of 01:80:c2:00:00:0X"},
	{Name: "mcast_snooping", Form: Switch, Doc: "forwards multicast only where it was asked for"},
	{Name: "mcast_vlan_snooping", Form: Switch, Doc: "snoops per VLAN"},
	{Name: "no_linklocal_learn", Form: Switch, Doc: "does not learn from link-local frames"},
	{Name: "mst_enabled", Form: Switch, Doc: "multiple spanning trees"},
	{Name: "mcast_router", Max: 2, Doc: "0 no router behind it, 1 learnt, 2 always"},
	{Name: "mcast_query_use_ifaddr", Form: Switch, Doc: "queries come from the bridge's own address"},
	{Name: "mcast_querier", Form: Switch, Doc: "sends queries"},
	{Name: "mcast_hash_elasticity", Doc: "kept for old scripts"},
	{Name: "mcast_hash_max", Doc: "most multicast groups"},
	{Name: "mcast_last_member_count", Also: []string{"mcast_last_member_cnt"}, Doc: "queries before a group is given up"},
	{Name: "mcast_startup_query_count", Also: []string{"mcast_startup_query_cnt"}, Doc: "queries at the start"},
	{Name: "mcast_last_member_interval", Also: []string{"mcast_last_member_intvl"}, Max: u64, Doc: "between queries of a group that was left, in 1/100 s"},
	{Name: "mcast_membership_interval", Also: []string{"mcast_membership_intvl"}, Max: u64, Doc: "life of a membership, in 1/100 s"},
	{Name: "mcast_querier_interval", Also: []string{"mcast_querier_intvl"}, Max: u64, Doc: "life of another querier, in 1/100 s"},
	{Name: "mcast_query_interval", Also: []string{"mcast_query_intvl"}, Max: u64, Doc: "between queries, in 1/100 s"},
	{Name: "mcast_query_response_interval", Also: []string{"mcast_query_response_intvl"}, Max: u64, Doc: "time for answers, in 1/100 s"},
	{Name: "mcast_startup_query_interval", Also: []string{"mcast_startup_query_intvl"}, Max: u64, Doc: "between queries at the start, in 1/100 s"},
	{Name: "mcast_stats_enabled", Form: Switch, Doc: "counts multicast control messages"},
	{Name: "mcast_igmp_version", Max: u8, Doc: "2 or 3"},
	{Name: "mcast_mld_version", Max: u8, Doc: "1 or 2"},
	{Name: "nf_call_iptables", Form: Switch, Doc: "gives IPv4 packets to iptables"},
	{Name: "nf_call_ip6tables", Form: Switch, Doc: "gives IPv6 packets to ip6tables"},
	{Name: "nf_call_arptables", Form: Switch, Doc: "gives ARP packets to arptables"},
	{Name: "fdb_max_learned", Doc: "most learnt addresses, 0 for no limit"},
	{Name: "fdb_n_learned", RO: true, Doc: "learnt addresses"},
	{Name: "bridge_id", Form: Text, RO: true, Doc: "priority.address of this bridge"},
	{Name: "designated_root", Also: []string{"root_id"}, Form: Text, RO: true, Doc: "priority.address of the root"},
	{Name: "root_port", Max: u16, RO: true, Doc: "number of the port towards the root"},
	{Name: "root_path_cost", RO: true, Doc: "cost of the way to the root"},
	{Name: "topology_change", Form: Switch, RO: true, Doc: "topology is changing"},
	{Name: "topology_change_detected", Form: Switch, RO: true, Doc: "this bridge saw it change"},
}

var vlan = []KindKey{
	{Name: "protocol", Form: Enum, Names: tags, Make: true, Doc: "802.1Q or 802.1ad"},
	{Name: "id", Max: 4095, Make: true, Doc: "VLAN id, or network identifier of a tunnel"},
	{Name: "reorder_hdr", Form: Switch, Doc: "takes the tag off before packets are looked at"},
	{Name: "gvrp", Form: Switch, Doc: "announces itself by GVRP"},
	{Name: "loose_binding", Form: Switch, Doc: "keeps its state when the lower link goes down"},
	{Name: "mvrp", Form: Switch, Doc: "announces itself by MVRP"},
	{Name: "bridge_binding", Form: Switch, Doc: "is up while a bridge port with this VLAN is"},
	{Name: "ingress_qos", Also: []string{"ingress-qos-map", "ingress"}, Form: List, Doc: "FROM:TO from priorities in the tag to those of packets"},
	{Name: "egress_qos", Also: []string{"egress-qos-map", "egress"}, Form: List, Doc: "FROM:TO from priorities of packets to those in the tag"},
}

var vxlan = []KindKey{
	{Name: "id", Also: []string{"vni"}, Max: 1<<24 - 1, Make: true, Doc: "VLAN id, or network identifier of a tunnel"},
	{Name: "remote", Form: Addr, Doc: "other end, or multicast group"},
	{Name: "local", Form: Addr, Doc: "source address"},
	{Name: "srcport", Also: []string{"port_range"}, Form: Range, Make: true, Doc: "source ports LOW-HIGH, 0-0 for any"},
	{Name: "dstport", Max: u16, Make: true, Doc: "destination port"},
	{Name: "ttl", Form: Enum, Names: fs.Names{0: "auto", 256: "inherit"}, Doc: "hop limit of the outer packet: 1-255, auto (0) or inherit"},
	{Name: "tos", Also: []string{"dsfield"}, Form: Enum, Names: fs.Names{1: "inherit"}, Doc: "DS field of the outer packet, or inherit (1)"},
	{Name: "df", Form: Enum, Words: []string{"unset", "set", "inherit"}, Doc: "don't-fragment bit of the outer packet"},
	{Name: "flowlabel", Max: 1<<20 - 1, Doc: "IPv6 flow label of the outer packet"},
	{Name: "label_policy", Form: Enum, Words: []string{"fixed", "inherit"}, Doc: "fixed: flowlabel; inherit: that of the inner packet"},
	{Name: "ageing", Doc: "life of a learnt address, in s"},
	{Name: "limit", Also: []string{"maxaddr", "maxaddress"}, Doc: "most addresses, 0 for no limit"},
	{Name: "learning", Form: Switch, Doc: "learns addresses"},
	{Name: "proxy", Form: Switch, Doc: "answers ARP for addresses that it knows"},
	{Name: "rsc", Form: Switch, Doc: "short-circuits routes"},
	{Name: "l2miss", Form: Switch, Doc: "tells of unknown link-layer addresses"},
	{Name: "l3miss", Form: Switch, Doc: "tells of unknown IP addresses"},
	{Name: "udpcsum", Form: Switch, Doc: "UDP checksums over IPv4"},
	{Name: "udp6zerocsumtx", Form: Switch, Doc: "sends without UDP checksums over IPv6"},
	{Name: "udp6zerocsumrx", Form: Switch, Doc: "takes packets without UDP checksums over IPv6"},
	{Name: "remcsumtx", Form: Switch, Make: true, Doc: "remote checksum offload, sending"},
	{Name: "remcsumrx", Form: Switch, Make: true, Doc: "remote checksum offload, receiving"},
	{Name: "gbp", Form: Switch, Make: true, Doc: "group policy extension"},
	{Name: "gpe", Form: Switch, Make: true, Doc: "generic protocol extension"},
	{Name: "external", Form: Switch, Make: true, Doc: "takes the tunnel's data from the route or filter"},
	{Name: "vnifilter", Form: Switch, Make: true, Doc: "takes only identifiers that were added"},
	{Name: "localbypass", Form: Switch, Doc: "hands packets for this host over without encapsulation"},
}

var macvlan = []KindKey{
	{Name: "mode", Form: Enum, Names: fs.Names{1: "private", 2: "vepa", 4: "bridge", 8: "passthru", 16: "source"}, Doc: "how it works; the words depend on the type"},
	{Name: "flag", Also: []string{"ipvlan_flag"}, Form: Bits, Words: []string{"nopromisc", "nodst"}, Doc: "nopromisc nodst; of ipvlan: private vepa"},
	{Name: "bcqueuelen", Doc: "length of the broadcast queue that this link asks for"},
	{Name: "bclim", Form: Text, Doc: "broadcast packets up to which they are not queued, signed"},
	{Name: "macaddr", Form: List, Doc: "source addresses that it takes in mode source"},
	{Name: "usedbcqueuelen", RO: true, Doc: "length of the broadcast queue in use"},
}

var ipvlan = []KindKey{
	{Name: "mode", Form: Enum, Words: []string{"l2", "l3", "l3s"}, Doc: "how it works; the words depend on the type"},
	{Name: "flag", Form: Bits, Words: []string{"private", "vepa"}, Doc: "nopromisc nodst; of ipvlan: private vepa"},
}

var bond = []KindKey{
	{Name: "mode", Form: Enum, Words: []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}, Doc: "how it works; the words depend on the type"},
	{Name: "miimon", Doc: "between looks at the carrier of ports, in ms; 0 for none"},
	{Name: "updelay", Doc: "before a port that came up is used, in ms"},
	{Name: "downdelay", Doc: "before a port that went down is left, in ms"},
	{Name: "peer_notify_delay", Doc: "between notifications of peers, in ms"},
	{Name: "use_carrier", Form: Switch, Doc: "trusts the driver's carrier"},
	{Name: "arp_interval", Doc: "between ARP probes, in ms; 0 for none"},
	{Name: "arp_validate", Form: Enum, Words: []string{"none", "active", "backup", "all", "filter", "filter_active", "filter_backup"}, Doc: "which ports' ARP answers are checked"},
	{Name: "arp_all_targets", Form: Enum, Words: []string{"any", "all"}, Doc: "whether any or all targets must answer"},
	{Name: "arp_ip_target", Form: List, Doc: "IPv4 addresses to probe"},
	{Name: "ns_ip6_target", Form: List, Doc: "IPv6 addresses to probe"},
	{Name: "arp_missed_max", Also: []string{"missed_max"}, Max: u8, Doc: "probes that may be missed"},
	{Name: "primary", Form: Dev, Doc: "port that is preferred"},
	{Name: "primary_reselect", Form: Enum, Words: []string{"always", "better", "failure"}, Doc: "when the primary is taken again"},
	{Name: "fail_over_mac", Form: Enum, Words: []string{"none", "active", "follow"}, Doc: "what becomes of the address when another port takes over"},
	{Name: "xmit_hash_policy", Form: Enum, Words: []string{"layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"}, Doc: "what the choice of a port is made from"},
	{Name: "resend_igmp", Doc: "IGMP reports after another port takes over"},
	{Name: "num_peer_notif", Also: []string{"num_grat_arp", "num_unsol_na"}, Max: u8, Doc: "notifications of peers after another port takes over"},
	{Name: "all_slaves_active", Form: Switch, Doc: "takes packets from backup ports, too"},
	{Name: "min_links", Doc: "ports that must be up"},
	{Name: "lp_interval", Doc: "between learning packets, in s"},
	{Name: "packets_per_slave", Doc: "packets before the next port (balance-rr)"},
	{Name: "lacp_active", Form: Switch, Also: []string{"ad_lacp_active"}, Doc: "starts LACP itself"},
	{Name: "lacp_rate", Also: []string{"ad_lacp_rate"}, Form: Enum, Words: []string{"slow", "fast"}, Doc: "how often the partner is to send LACP"},
	{Name: "ad_select", Form: Enum, Words: []string{"stable", "bandwidth", "count", "port_priority"}, Doc: "how the aggregator is chosen"},
	{Name: "ad_actor_sys_prio", Max: u16, Doc: "system priority (802.3ad)"},
	{Name: "ad_user_port_key", Max: 1023, Doc: "part of the port key (802.3ad)"},
	{Name: "ad_actor_system", Form: MAC, Doc: "system address (802.3ad)"},
	{Name: "tlb_dynamic_lb", Form: Switch, Doc: "moves flows by load (balance-tlb)"},
	{Name: "coupled_control", Form: Switch, Doc: "coupled control of the MUX machine (802.3ad)"},
	{Name: "active_slave", Form: Dev, Doc: "port that is used now"},
	{Name: "ad_aggregator", Max: u16, RO: true, Doc: "aggregator in use"},
	{Name: "ad_num_ports", Max: u16, RO: true, Doc: "its ports"},
	{Name: "ad_actor_key", Max: u16, RO: true, Doc: "own key"},
	{Name: "ad_partner_key", Max: u16, RO: true, Doc: "partner's key"},
	{Name: "ad_partner_mac", Form: MAC, RO: true, Doc: "partner's address"},
}

var vti = []KindKey{
	{Name: "remote", Form: Addr, Doc: "other end, or multicast group"},
	{Name: "local", Form: Addr, Doc: "source address"},
	{Name: "ikey", Form: Key32, Doc: "key of received packets"},
	{Name: "okey", Form: Key32, Doc: "key of sent packets"},
	{Name: "fwmark", Doc: "mark of the outer packet"},
}

var geneve = slices.Concat([]KindKey{
	{Name: "id", Also: []string{"vni"}, Max: 1<<24 - 1, Make: true, Doc: "VLAN id, or network identifier of a tunnel"},
	*find(vxlan, "remote"), *find(vxlan, "ttl"), *find(vxlan, "tos"), *find(vxlan, "df"),
	{Name: "flowlabel", Max: 1<<20 - 1, Doc: "IPv6 flow label of the outer packet"},
	{Name: "dstport", Max: u16, Make: true, Doc: "destination port"},
	*find(vxlan, "external"),
	{Name: "udpcsum", Form: Switch, Doc: "UDP checksums over IPv4"},
	{Name: "udp6zerocsumtx", Form: Switch, Doc: "sends without UDP checksums over IPv6"},
	{Name: "udp6zerocsumrx", Form: Switch, Doc: "takes packets without UDP checksums over IPv6"},
	{Name: "innerprotoinherit", Form: Switch, Make: true, Doc: "the protocol is that of the inner packet"},
})

var tun = []KindKey{
	{Name: "tun_type", Form: Enum, Words: []string{1: "tun", 2: "tap"}, RO: true, Doc: "tun or tap"},
	{Name: "owner", Doc: "user that may attach to it", RO: true},
	{Name: "owner_group", Doc: "group that may attach to it", RO: true},
	{Name: "pi", Form: Switch, RO: true, Doc: "packets have an information header"},
	{Name: "vnet_hdr", Form: Switch, RO: true, Doc: "packets have a virtio header"},
	{Name: "persist", Form: Switch, RO: true, Doc: "stays when nobody is attached"},
	{Name: "multi_queue", Form: Switch, RO: true, Doc: "has several queues"},
	{Name: "numqueues", RO: true, Doc: "its queues"},
	{Name: "numdisabled", RO: true, Doc: "queues that are disabled"},
}

var bareudp = []KindKey{
	{Name: "dstport", Max: u16, Make: true, Doc: "destination port"},
	{Name: "ethertype", Form: Enum, Names: fs.Names{0x800: "ipv4", 0x86dd: "ipv6", 0x8847: "mpls_uc", 0x8848: "mpls_mc"}, Make: true, Doc: "protocol that it carries: ipv4 ipv6 mpls_uc mpls_mc or a number"},
	{Name: "srcportmin", Max: u16, Make: true, Doc: "lowest source port"},
	{Name: "multiproto", Form: Switch, Make: true, Doc: "IPv6 besides IPv4, multicast besides unicast MPLS"},
}

// FindKind returns the key of a type of link, nil if it has none of that name.
func FindKind(kind, name string) *KindKey {
	return find(Kinds[kind], name)
}

func find(list []KindKey, name string) *KindKey {
	for i := range list {
		if list[i].Name == name {
			return &list[i]
		}
	}
	return nil
}

// The keys of all types, each name once, in the order of first use.
var (
	kindNames = sortedKinds()
	kindKeys  = makeKindKeys()
)

func sortedKinds() []string {
	var list []string
	for kind := range Kinds {
		list = append(list, kind)
	}
	sort.Strings(list)
	return list
}

// printOrder begins with the types that are met most.
var printOrder = []string{"bridge", "vlan", "vxlan", "macvlan", "bond", "vrf"}

func makeKindKeys() []fs.Key[Link] {
	seen := map[string]bool{}
	var list []fs.Key[Link]
	for _, kind := range slices.Concat(printOrder, kindNames) {
		for _, k := range Kinds[kind] {
			if seen[k.Name] {
				continue
			}
			seen[k.Name] = true
			list = append(list, dataKey(&k))
		}
	}
	return list
}

// havers lists the types that have a key.
func havers(name string) []string {
	var list []string
	for _, kind := range kindNames {
		if find(Kinds[kind], name) != nil {
			list = append(list, kind)
		}
	}
	return list
}

// dataKey makes the word of a record out of a key that some types have.
func dataKey(k *KindKey) fs.Key[Link] {
	name := k.Name
	return fs.Key[Link]{
		Name: name, Also: k.Also, Type: k.Form.typ(), RO: k.RO, Words: k.words(), Wide: name == "mode",
		Doc: strings.Join(havers(name), " ") + ": " + k.Doc,
		Get: func(b []byte, l *Link) []byte { return append(b, l.Data.Get(name)...) },
		Set: func(l *Link, w string) error {
			if l.port && FindPort(l.portKind(), name) != nil {
				return l.setPort(name, w)
			}
			if n, err := linkModes.Parse(w); name == "mode" && err == nil && n <= 1 { // as ip-link(8) calls linkmode
				l.LinkMode = uint8(n)
				return nil
			}
			l.Data = l.Data.With(name, w)
			return nil
		},
		In: func(l *Link) string {
			if FindKind(l.Type, name) == nil {
				return "-"
			}
			return l.Type
		},
	}
}
