package link

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

func inNS(t *testing.T) (*nltest.NS, *kernel, context.Context) {
	t.Helper()
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ns, &kernel{c: c, netns: "test"}, ctx
}

// ip runs lines of ip(8); a type that the kernel does not have skips the test.
func ip(t *testing.T, ns *nltest.NS, lines ...string) {
	t.Helper()
	for _, l := range lines {
		out, err := ns.Try(t, "ip", strings.Fields(l)...)
		if err != nil && strings.Contains(out, "Unknown device type") {
			t.Skipf("no %s in this kernel", l)
		}
		require.NoError(t, err, "ip %s: %s", l, out)
	}
}

// states are ways to set up links, by name.
var states = map[string][]string{
	"veth":    {"link add v0 type veth peer name v1", "link set v0 up mtu 1400 alias uplink txqueuelen 77", "link set v1 address 02:00:00:00:00:99 group 7 promisc on", "link property add dev v0 altname other-name-of-v0 altname second"},
	"bridge":  {"link add br0 type bridge stp_state 1 priority 4096 mcast_querier 1 ageing_time 1000", "link add v0 type veth peer name v1", "link set v0 master br0 up", "link set br0 up", "link set v0 type bridge_slave cost 55 learning off isolated on priority 9"},
	"vxlan":   {"link add vx0 type vxlan id 77 local 192.0.2.1 group 239.1.1.1 dev lo dstport 4789 ttl 5 nolearning", "link add vx1 type vxlan id 78 remote 2001:db8::1 dstport 0 srcport 1000 2000 tos inherit ttl inherit", "link add vx2 type vxlan external dstport 4790 gpe"},
	"macvlan": {"link add v0 type veth peer name v1", "link add m0 link v0 type macvlan mode bridge", "link add m1 link v0 type macvlan mode source macaddr add 02:00:00:00:00:01", "link add m2 link v0 address 02:00:00:00:00:44 type macvlan mode vepa bcqueuelen 500"},
	"ifb":     {"link add i0 numtxqueues 2 type ifb", "link set i0 up arp off multicast off"},
	"dummy":   {"link add d0 type dummy", "link set d0 up"},
	"vlan":    {"link add v0 type veth peer name v1", "link add link v0 name v0.10 type vlan id 10 protocol 802.1ad gvrp on ingress-qos-map 1:2 egress-qos-map 3:4"},
	"vrf":     {"link add vrf0 type vrf table 100", "link add d0 type dummy", "link set d0 master vrf0"},
	"bond":    {"link add b0 type bond mode active-backup miimon 100", "link add v0 type veth peer name v1", "link set v0 down", "link set v0 master b0", "link set b0 up"},
	"lo":      {},
}

// TestLikeIP compares records with what ip(8) says.
func TestLikeIP(t *testing.T) {
	for name, lines := range states {
		t.Run(name, func(t *testing.T) {
			ns, k, ctx := inNS(t)
			ip(t, ns, lines...)
			var said []map[string]any
			require.NoError(t, json.Unmarshal([]byte(ns.Run(t, "ip", "-j", "-d", "link")), &said))
			have := map[string]Link{}
			for l, err := range k.Links(ctx) {
				require.NoError(t, err)
				have[l.Name] = *l
			}
			require.Len(t, have, len(said))
			for _, want := range said {
				l, ok := have[want["ifname"].(string)]
				require.True(t, ok, want["ifname"])
				likeIP(t, &l, want)
				one, err := k.Link(ctx, l.Name)
				require.NoError(t, err)
				assert.Equal(t, l, *one)
			}
		})
	}
}

// same are ip(8)'s names of what is a field here.
func likeIP(t *testing.T, l *Link, want map[string]any) {
	t.Helper()
	for name, got := range map[string]any{
		"ifindex": l.Index, "mtu": l.MTU, "operstate": strings.ToUpper(l.OperState), "txqlen": l.TxQLen, "link_type": l.LinkType,
		"address": l.LLAddr, "broadcast": l.Broadcast, "promiscuity": l.Promiscuity, "min_mtu": l.MinMTU, "max_mtu": l.MaxMTU,
		"num_tx_queues": l.NumTxQueues, "num_rx_queues": l.NumRxQueues, "gso_max_size": l.GSOMaxSize, "gso_max_segs": l.GSOMaxSegs,
		"master": l.Master, "ifalias": l.Alias, "qdisc": l.Qdisc, "inet6_addr_gen_mode": l.AddrGenMode, "link": l.Link,
	} {
		if w, ok := want[name]; ok {
			assert.Equal(t, fmt.Sprint(w), fmt.Sprint(got), "%s of %s", name, l.Name)
		} else if s, ok := got.(string); ok && name != "inet6_addr_gen_mode" {
			if name == "link" && want["linkinfo"] != nil {
				continue // ip(8) says it with the type
			}
			assert.Empty(t, s, "%s of %s", name, l.Name)
		}
	}
	flags := slices.DeleteFunc(want["flags"].([]any), func(f any) bool { return f == "M-DOWN" }) // not a flag: the link below is down
	assert.Equal(t, fmt.Sprint(flags), fmt.Sprint(l.Flags), l.Name)
	if alt, ok := want["altnames"]; ok {
		assert.Equal(t, fmt.Sprint(alt), fmt.Sprint(l.AltNames))
	}
	info, _ := want["linkinfo"].(map[string]any)
	if info == nil {
		assert.Empty(t, l.Type)
		return
	}
	if kind, ok := info["info_kind"]; ok {
		assert.Equal(t, kind, l.Type, l.Name)
	}
	assert.Empty(t, l.Opt, l.Name)
	data, _ := info["info_data"].(map[string]any)
	for key, w := range data {
		dataLikeIP(t, l.Name+" "+l.Type, find(Kinds[l.Type], spelled(Kinds[l.Type], key)), l.Data, key, w)
	}
	if kind, ok := info["info_slave_kind"].(string); ok {
		require.Len(t, l.Port, 1)
		assert.Equal(t, kind, l.Port[0].Kind)
		assert.Empty(t, l.Port[0].Opt)
		data, _ := info["info_slave_data"].(map[string]any)
		for key, w := range data {
			dataLikeIP(t, l.Name+" port", find(Ports[kind], spelled(Ports[kind], key)), l.Port[0].Data, key, w)
		}
	}
}

// otherwise are what ip(8) spells in its JSON as no key here is, and what is not
// shown because it runs.
var otherwise = map[string]string{
	"hello_timer": "", "tcn_timer": "", "topology_change_timer": "", "gc_timer": "", "hold_timer": "", "message_age_timer": "", "forward_delay_timer": "",
	"root_id": "designated_root", "group": "remote", "group6": "remote", "remote6": "remote", "local6": "local", "port": "dstport", "port_range": "srcport",
	"vxlan_port": "dstport", "udp_csum": "udpcsum", "udp_zero_csum6_tx": "udp6zerocsumtx", "udp_zero_csum6_rx": "udp6zerocsumrx",
	"link": "", "macaddr_count": "", "macaddr_data": "macaddr", "topology_change": "topology_change", "flags": "", "group_addr": "group_address",
	"vlan_protocol": "vlan_protocol", "remcsum_tx": "remcsumtx", "remcsum_rx": "remcsumrx", "root_block": "root_block", "proxyarp": "proxy_arp",
	"proxyarp_wifi": "proxy_arp_wifi", "id": "id", "no": "no", "multicast_router": "mcast_router", "fast_leave": "fastleave",
	"label": "flowlabel", "vlan_flags": "", "group_fwd_mask_str": "",
}

func spelled(keys []KindKey, key string) string {
	if find(keys, key) != nil && key != "id" {
		return key
	}
	for _, k := range keys {
		for _, a := range k.Also {
			if a == key {
				return k.Name
			}
		}
	}
	if s, ok := otherwise[key]; ok {
		return s
	}
	return key
}

func dataLikeIP(t *testing.T, what string, k *KindKey, d Data, key string, want any) {
	t.Helper()
	if s, ok := otherwise[key]; ok && s == "" {
		return
	}
	if k == nil {
		t.Errorf("%s: no key for %s=%v", what, key, want)
		return
	}
	got := d.Get(k.Name)
	switch w := want.(type) {
	case bool:
		assert.Equal(t, zeroOne(w), got, "%s %s", what, k.Name)
	case float64:
		n := fmt.Sprint(int64(w))
		if k.Form == Enum || k.Form == Switch {
			c, err := k.canonical(n)
			require.NoError(t, err)
			n = c
		}
		assert.Equal(t, n, got, "%s %s", what, k.Name)
	case string:
		if strings.Contains(k.Name, "bridge_id") || strings.Contains(k.Name, "designated") {
			short := strings.NewReplacer(":0", ":", ".0", ".") // ip(8) leaves out zeros
			assert.Equal(t, short.Replace(w), short.Replace(got), "%s %s", what, k.Name)
			return
		}
		if c, err := k.canonical(w); err == nil {
			w = c
		}
		assert.Equal(t, w, got, "%s %s", what, k.Name)
	}
}
