package link

import (
	"context"
	"iter"
	"sort"
	"strings"

	"github.com/netfs-project/netfs/fs"
)

// A Port is what the master of a link knows of it.
type Port struct {
	Kind string // type of the master: "bridge"
	Data Data
	Opt  []fs.Opt // attributes that have no word
}

// Ports are the types of master whose ports have keys.
var Ports = map[string][]KindKey{
	"bridge": bridgePort,
	"bond":   bondPort,
	"vrf":    {{Name: "table", RO: true, Doc: "routing table of the vrf"}},
}

var bridgePort = []KindKey{
	{Name: "state", Form: Enum, Words: []string{"disabled", "listening", "learning", "forwarding", "blocking"}, Doc: "of the spanning tree; of a bond's port: active or backup"},
	{Name: "priority", Max: 63, Doc: "in the choice of the root port, lower wins"},
	{Name: "cost", Max: u16, Doc: "cost of the way through this port"},
	{Name: "hairpin", Form: Switch, Doc: "sends packets back where they came from"},
	{Name: "guard", Form: Switch, Doc: "blocks the port when a spanning tree packet comes"},
	{Name: "root_block", Form: Switch, Doc: "this port never leads to the root"},
	{Name: "fastleave", Also: []string{"mcast_fast_leave"}, Form: Switch, Doc: "a group is left at once"},
	{Name: "learning", Form: Switch, Doc: "learns addresses"},
	{Name: "flood", Form: Switch, Doc: "gets unicast packets of unknown destination"},
	{Name: "mcast_flood", Form: Switch, Doc: "gets multicast packets that nobody asked for"},
	{Name: "bcast_flood", Form: Switch, Doc: "gets broadcast packets"},
	{Name: "mcast_to_unicast", Form: Switch, Doc: "gets multicast packets as unicast"},
	{Name: "mcast_router", Max: 3, Doc: "0 no router behind it, 1 learnt, 2 always, 3 for a while"},
	{Name: "mcast_max_groups", Doc: "most multicast groups, 0 for no limit"},
	{Name: "mcast_n_groups", RO: true, Doc: "multicast groups"},
	{Name: "mcast_eht_hosts_limit", Doc: "most tracked hosts of a group"},
	{Name: "mcast_eht_hosts_cnt", RO: true, Doc: "tracked hosts"},
	{Name: "proxy_arp", Form: Switch, Doc: "answers ARP from what it knows"},
	{Name: "proxy_arp_wifi", Form: Switch, Doc: "answers ARP as wireless networks need it"},
	{Name: "neigh_suppress", Form: Switch, Doc: "does not send ARP and neighbour discovery that it can answer"},
	{Name: "neigh_vlan_suppress", Form: Switch, Doc: "neigh_suppress per VLAN"},
	{Name: "group_fwd_mask", Max: u16, Doc: "which of 01:80:c2:00:00:0X it forwards, a bit for each X"},
	{Name: "vlan_tunnel", Form: Switch, Doc: "maps VLANs to tunnels"},
	{Name: "isolated", Form: Switch, Doc: "does not speak to other isolated ports"},
	{Name: "locked", Form: Switch, Doc: "takes packets of known addresses only"},
	{Name: "mab", Form: Switch, Doc: "notes addresses that ask on a locked port"},
	{Name: "backup_port", Form: Dev, Doc: "port that takes over when this one loses carrier"},
	{Name: "backup_nhid", Doc: "nexthop for that"},
	{Name: "mrp_ring_open", Form: Switch, RO: true, Doc: "the ring of MRP is open"},
	{Name: "mrp_in_open", Form: Switch, RO: true, Doc: "the interconnection of MRP is open"},
	{Name: "port_id", Max: u16, RO: true, Also: []string{"id"}, Doc: "priority and number, as the spanning tree has them"},
	{Name: "no", Max: u16, RO: true, Doc: "number in the bridge"},
	{Name: "designated_port", Max: u16, RO: true, Doc: "port of the designated bridge"},
	{Name: "designated_cost", Max: u16, RO: true, Doc: "its cost to the root"},
	{Name: "designated_bridge", Also: []string{"bridge_id"}, Form: Text, RO: true, Doc: "priority.address of the designated bridge"},
	{Name: "designated_root", Also: []string{"root_id"}, Form: Text, RO: true, Doc: "priority.address of the root"},
	{Name: "topology_change_ack", Form: Switch, RO: true, Doc: "the next packet acknowledges a change"},
	{Name: "config_pending", Form: Switch, RO: true, Doc: "a configuration packet is due"},
}

var bondPort = []KindKey{
	{Name: "state", Form: Enum, Words: []string{"active", "backup"}, RO: true, Doc: "of the spanning tree; of a bond's port: active or backup"},
	{Name: "queue_id", Max: u16, Doc: "queue that packets of this port are put in"},
	{Name: "prio", Form: Text, Doc: "in the choice of the active port, higher wins, signed"},
	{Name: "mii_status", Form: Enum, Words: []string{"up", "going_down", "down", "going_back"}, RO: true, Doc: "what the bond thinks of its carrier"},
	{Name: "link_failure_count", RO: true, Doc: "how often it failed"},
	{Name: "perm_hwaddr", Form: MAC, RO: true, Doc: "address that it had before"},
	{Name: "ad_aggregator_id", Max: u16, RO: true, Doc: "aggregator (802.3ad)"},
	{Name: "ad_actor_oper_port_state", Max: u8, RO: true, Doc: "own port state (802.3ad)"},
	{Name: "ad_partner_oper_port_state", Max: u16, RO: true, Doc: "partner's port state (802.3ad)"},
	{Name: "actor_port_prio", Max: u16, Doc: "port priority (802.3ad)"},
}

// FindPort returns the key of the ports of a type of master, nil if there is
// none of that name.
func FindPort(kind, name string) *KindKey { return find(Ports[kind], name) }

var portKeys = makePortKeys()

func portKinds() []string {
	var list []string
	for kind := range Ports {
		list = append(list, kind)
	}
	sort.Strings(list)
	return list
}

func makePortKeys() *fs.Keys[Port] {
	list := []fs.Key[Port]{{
		Name: "kind", Doc: "type of its master", Type: fs.Word,
		Get: func(b []byte, p *Port) []byte { return append(b, p.Kind...) },
		Set: func(p *Port, w string) error { p.Kind = w; return nil },
	}}
	seen := map[string]bool{}
	for _, kind := range []string{"bridge", "bond", "vrf"} {
		for _, k := range Ports[kind] {
			if !seen[k.Name] {
				seen[k.Name] = true
				list = append(list, portKey(&k))
			}
		}
	}
	list = append(list, fs.Opts("attributes that have no word, by number", func(p *Port) *[]fs.Opt { return &p.Opt }))
	return fs.NewKeys(list...)
}

func portKey(k *KindKey) fs.Key[Port] {
	name := k.Name
	var havers []string
	ro := true
	for _, kind := range portKinds() {
		if k := FindPort(kind, name); k != nil {
			havers = append(havers, kind)
			ro = ro && k.RO
		}
	}
	return fs.Key[Port]{
		Name: name, Also: k.Also, Type: k.Form.typ(), RO: ro, Words: k.words(),
		Doc: strings.Join(havers, " ") + ": " + k.Doc,
		Get: func(b []byte, p *Port) []byte { return append(b, p.Data.Get(name)...) },
		Set: func(p *Port, w string) error { p.Data = p.Data.With(name, w); return nil },
		In: func(p *Port) string {
			if FindPort(p.Kind, name) == nil {
				return "-"
			}
			return ""
		},
	}
}

// portWords are the words that ip-link(8) takes after "type bridge_slave",
// input only; those that a link has, too, are in dataKey.
var portWords = makePortWords()

func makePortWords() []fs.Key[Link] {
	taken := map[string]bool{"state": true}
	for _, k := range kindKeys {
		taken[k.Name] = true
	}
	var list []fs.Key[Link]
	for _, kind := range portKinds() {
		for _, k := range Ports[kind] {
			if taken[k.Name] || k.RO {
				continue
			}
			taken[k.Name] = true
			list = append(list, fs.Key[Link]{
				Name: k.Name, Type: k.Form.typ(), In: nowhere, Doc: "after type " + kind + "_slave: " + k.Doc,
				Set: func(l *Link, w string) error { return l.setPort(k.Name, w) },
			})
		}
	}
	return list
}

func (l *Link) portKind() string {
	if len(l.Port) == 0 {
		return ""
	}
	return l.Port[0].Kind
}

// setPort sets a key of the port; "type X_slave" must stand before it.
func (l *Link) setPort(name, w string) error {
	if !l.port || len(l.Port) == 0 {
		return bad("only after type bridge_slave or bond_slave, or behind the word port")
	}
	p := l.Port[0]
	p.Data = p.Data.With(name, w)
	l.Port = []Port{p}
	return nil
}

// canonical makes the words of a port what the kernel will show.
func (p *Port) canonical() error {
	for _, d := range p.Data {
		k := FindPort(p.Kind, d.Key)
		if k == nil {
			return &fs.KeyError{Key: d.Key, Word: d.Value, Err: bad("no key of a port of type " + quoteType(p.Kind) + hasKeys(Ports[p.Kind]))}
		}
		w, err := k.canonical(d.Value)
		if err != nil {
			return &fs.KeyError{Key: d.Key, Word: d.Value, Err: err}
		}
		if w != d.Value {
			p.Data = p.Data.With(d.Key, w)
		}
	}
	return nil
}

// port is the directory of what the master knows of a link.
func (p *page) port(name string) fs.Node {
	t := &fs.Table[Port]{
		Kind:    "port",
		Doc:     "what its master knows of the link",
		Keys:    portKeys,
		Ordered: true,
		Rows: func(ctx context.Context, _ *fs.Query[Port]) iter.Seq2[*Port, error] {
			return func(yield func(*Port, error) bool) {
				l, err := p.k.Link(ctx, name)
				switch {
				case err != nil:
					yield(nil, err)
				case len(l.Port) > 0:
					yield(&l.Port[0], nil)
				}
			}
		},
		Norm: func(v *Port) { _ = v.canonical() },
		Do: fs.One(func(ctx context.Context, o *fs.Op[Port]) error {
			return p.setPort(ctx, name, o)
		}),
	}
	return &fs.Object[Port]{Table: t, Doc: "what its master knows of the link"}
}

func (p *page) setPort(ctx context.Context, name string, o *fs.Op[Port]) error {
	if o.Act != fs.Replace && o.Act != fs.Change {
		return bad("a port is made and removed by its link's master")
	}
	if err := o.Row.canonical(); err != nil {
		return err
	}
	old, err := p.k.Link(ctx, name)
	if err != nil {
		return err
	}
	l := *old
	l.Port = []Port{o.Row}
	return p.k.Set(ctx, old, &l, only("port"))
}

// hasKeys lists settable keys for an error, as many as fit on a line.
func hasKeys(list []KindKey) string {
	text := ""
	for _, k := range list {
		switch {
		case k.RO:
		case len(text) > 60:
			return ", which has" + text + " ..."
		default:
			text += " " + k.Name
		}
	}
	if text == "" {
		return ""
	}
	return ", which has" + text
}
