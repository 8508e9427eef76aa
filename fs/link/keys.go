package link

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/names"
)

var groups = names.Groups()

// keys are the words of a link: what stands before "type" in ip-link(8), then
// the keys of all types, what the master knows of the link, and its state.
var keys = fs.NewKeys(slices.Concat(settings, kindKeys, portWords, nested, state)...)

var settings = []fs.Key[Link]{
	{Name: "name", Also: []string{"ifname"}, Doc: "name, up to 15 bytes", Type: fs.Text, ID: true,
		Get: func(b []byte, l *Link) []byte { return append(b, l.Name...) },
		Set: func(l *Link, w string) error { l.Name = w; return checkName(w) }},
	{Name: "type", Also: []string{"kind"}, Doc: "what it is: veth, bridge, vlan ...; hardware has none; given when it is made", Type: fs.Word, Words: kindNames, Wide: true,
		Get: func(b []byte, l *Link) []byte { return append(b, l.Type...) },
		Set: setType},
	{Name: "state", Doc: "administrative state; up and down alone will do", Type: fs.Word, Words: []string{"up", "down"}, Bare: true,
		Get: func(b []byte, l *Link) []byte { return append(b, upDown(l.Up)...) },
		Set: func(l *Link, w string) error {
			up, err := parseSwitch(w, "up", "down")
			l.Up = up
			return err
		}},
	fs.Num("mtu", "largest packet, in bytes, without the link header", func(l *Link) *uint32 { return &l.MTU }),
	hwaddr("lladdr", "link-layer address", func(l *Link) *string { return &l.LLAddr }).Or("address"),
	hwaddr("broadcast", "link-layer broadcast address, or the tunnel's remote end", func(l *Link) *string { return &l.Broadcast }).Or("brd"),
	linkName("link", "the link below (vlan, macvlan, vxlan), or the other end (veth)", func(l *Link) *string { return &l.Link }),
	{Name: "dev", Doc: "the link itself (set dev eth0 mtu 9000), or behind its name the link below (type vxlan dev eth0)", Type: fs.Text, In: nowhere, Set: setDev},
	{Name: "link_netnsid", Also: []string{"link-netnsid"}, Doc: "id of the namespace that link is in, when it is another one", Type: fs.Number,
		Get: func(b []byte, l *Link) []byte { return append(b, l.LinkNetns...) },
		Set: setNumber(func(l *Link) *string { return &l.LinkNetns })},
	linkName("master", "the bridge, bond, vrf or team that it is a port of; none frees it", func(l *Link) *string { return &l.Master }).Or("vrf"),
	{Name: "nomaster", Doc: "frees it from its master", Type: fs.Flag,
		Set: func(l *Link, w string) error { l.Master = ""; return nil }},
	group(),
	fs.Num("txqlen", "length of the transmit queue, in packets", func(l *Link) *uint32 { return &l.TxQLen }).Or("txqueuelen", "qlen").Always(),
	fs.Str("alias", "description, up to 255 bytes", func(l *Link) *string { return &l.Alias }).Or("ifalias"),
	altnames(),
	{Name: "nopromisc", Doc: "promisc off; behind type macvlan, the word for flag=nopromisc", Type: fs.Flag,
		Set: func(l *Link, w string) error {
			if l.Type != "macvlan" && l.Type != "macvtap" {
				l.Promisc = false
				return nil
			}
			l.Data = l.Data.With("flag", "nopromisc")
			return nil
		}},
	{Name: "netns", Doc: "moves it to a network namespace: a name, a path, pid:N, id:N, / for the server's own", Type: fs.Text,
		Set: func(l *Link, w string) error { l.Netns = w; return nil }, In: nowhere},
	hide(fs.OnOff("promisc", "takes every packet that it sees", func(l *Link) *bool { return &l.Promisc })),
	hide(fs.OnOff("allmulti", "takes every multicast packet", func(l *Link) *bool { return &l.AllMulti }).Or("allmulticast")),
	fs.OnOff("arp", "resolves addresses by ARP or neighbour discovery", func(l *Link) *bool { return &l.ARP }),
	fs.OnOff("multicast", "can send multicast", func(l *Link) *bool { return &l.Multicast }),
	hide(fs.OnOff("dynamic", "its addresses are lost when it goes down", func(l *Link) *bool { return &l.Dynamic })),
	hide(fs.Enum("linkmode", "0 default: up when there is carrier; 1 dormant: waits for a supplicant", fs.Namer(linkModes), func(l *Link) *uint8 { return &l.LinkMode }).Always()),
	hide(fs.OnOff("proto_down", "a protocol keeps it down; for drivers that can", func(l *Link) *bool { return &l.ProtoDown }).Or("protodown")),
	{Name: "addrgenmode", Also: []string{"inet6_addr_gen_mode"}, Doc: "how IPv6 makes its own addresses", Type: fs.Word,
		Words: []string{"eui64", "none", "stable_secret", "random"},
		Get:   func(b []byte, l *Link) []byte { return append(b, l.AddrGenMode...) },
		Set: func(l *Link, w string) error {
			l.AddrGenMode = w
			return oneOf(w, AddrGenModes)
		}},
	fs.Num("gso_max_size", "largest packet given to the driver for segmentation, in bytes", func(l *Link) *uint32 { return &l.GSOMaxSize }),
	fs.Num("gso_max_segs", "most segments of such a packet", func(l *Link) *uint32 { return &l.GSOMaxSegs }),
	fs.Num("gro_max_size", "largest packet built on receive, in bytes", func(l *Link) *uint32 { return &l.GROMaxSize }),
	fs.Num("gso_ipv4_max_size", "gso_max_size for IPv4", func(l *Link) *uint32 { return &l.GSO4MaxSize }),
	fs.Num("gro_ipv4_max_size", "gro_max_size for IPv4", func(l *Link) *uint32 { return &l.GRO4MaxSize }),
	fs.Num("numtxqueues", "transmit queues; given when it is made", func(l *Link) *uint32 { return &l.NumTxQueues }).Or("num_tx_queues"),
	fs.Num("numrxqueues", "receive queues; given when it is made", func(l *Link) *uint32 { return &l.NumRxQueues }).Or("num_rx_queues"),
}

// nested are the groups and what has no word; groups print last.
var nested = []fs.Key[Link]{
	fs.Opts("attributes of its type that have no word, by number", func(l *Link) *[]fs.Opt { return &l.Opt }),
	fs.Sub("port", "what its master knows of it", portKeys, func(l *Link) *[]Port { return &l.Port }),
	fs.Sub("peer", "how to make the other end of a veth, vxcan or netkit", peerKeys, func(l *Link) *[]Peer { return &l.Peer }),
}

var state = []fs.Key[Link]{
	fs.Num("index", "the kernel's number", func(l *Link) *int { return &l.Index }).ReadOnly().Or("ifindex"),
	fs.Strs("flags", "as the kernel has them", func(l *Link) *[]string { return &l.Flags }).ReadOnly(),
	fs.Str("operstate", "operational state (RFC 2863): up down lowerlayerdown dormant testing notpresent unknown", func(l *Link) *string { return &l.OperState }).ReadOnly(),
	fs.OnOff("carrier", "whether there is a signal", func(l *Link) *bool { return &l.Carrier }).ReadOnly(),
	fs.Num("carrier_changes", "how often carrier came or went", func(l *Link) *uint32 { return &l.CarrierChanges }).ReadOnly(),
	fs.Str("link_type", "hardware type: ether loopback none", func(l *Link) *string { return &l.LinkType }).ReadOnly(),
	fs.Str("permaddr", "address that the hardware came with", func(l *Link) *string { return &l.PermAddr }).ReadOnly(),
	fs.Str("qdisc", "root queueing discipline", func(l *Link) *string { return &l.Qdisc }).ReadOnly(),
	fs.Num("minmtu", "smallest mtu", func(l *Link) *uint32 { return &l.MinMTU }).ReadOnly().Or("min_mtu"),
	fs.Num("maxmtu", "largest mtu, 0 for no limit", func(l *Link) *uint32 { return &l.MaxMTU }).ReadOnly().Or("max_mtu"),
	fs.Num("promiscuity", "how many ask for promisc", func(l *Link) *uint32 { return &l.Promiscuity }).ReadOnly(),
	fs.Num("allmulti_count", "how many ask for allmulti", func(l *Link) *uint32 { return &l.AllMultiCount }).ReadOnly(),
	fs.Num("tso_max_size", "largest packet that the device can segment, in bytes", func(l *Link) *uint32 { return &l.TSOMaxSize }).ReadOnly(),
	fs.Num("tso_max_segs", "most segments of such a packet", func(l *Link) *uint32 { return &l.TSOMaxSegs }).ReadOnly(),
	fs.Str("parentbus", "bus of the device behind it", func(l *Link) *string { return &l.ParentBus }).ReadOnly(),
	fs.Str("parentdev", "device behind it", func(l *Link) *string { return &l.ParentDev }).ReadOnly(),
}

var linkModes = fs.Names{0: "default", 1: "dormant"}

// AddrGenModes are the values of addrgenmode in the kernel's order
// (IN6_ADDR_GEN_MODE_*, linux/if_link.h).
var AddrGenModes = []string{"eui64", "none", "stable_secret", "random"}

var peerKeys = fs.NewKeys(
	fs.Str("name", "its name", func(p *Peer) *string { return &p.Name }).AsID().Or("dev"),
	peerAddr,
	fs.Num("mtu", "largest packet, in bytes", func(p *Peer) *uint32 { return &p.MTU }),
	fs.Str("netns", "network namespace to make it in", func(p *Peer) *string { return &p.Netns }),
	fs.Num("index", "its number", func(p *Peer) *uint32 { return &p.Index }),
	fs.Num("txqlen", "length of its transmit queue, in packets", func(p *Peer) *uint32 { return &p.TxQLen }).Or("txqueuelen"),
)

var peerAddr = fs.Key[Peer]{Name: "lladdr", Also: []string{"address"}, Doc: "its link-layer address", Type: fs.Word,
	Get: func(b []byte, p *Peer) []byte { return append(b, p.LLAddr...) },
	Set: func(p *Peer, w string) (err error) {
		p.LLAddr, err = ParseHW(w)
		return err
	}}

// altnames refuses the empty name, which the kernel takes.
func altnames() fs.Key[Link] {
	k := fs.Strs("altname", "further names, up to 127 bytes each", func(l *Link) *[]string { return &l.AltNames }).Or("altnames")
	set := k.Set
	k.Set = func(l *Link, w string) error {
		err := set(l, w)
		if err == nil && slices.Contains(l.AltNames, "") {
			return bad("an empty name")
		}
		return err
	}
	return k
}

// group is a number with a name; of a vxlan an address is the multicast group, as
// ip-link(8) spells remote.
func group() fs.Key[Link] {
	k := hide(fs.Enum("group", "group of links, by name or number", fs.Namer(groups), func(l *Link) *uint32 { return &l.Group }).Always())
	set := k.Set
	k.Set = func(l *Link, w string) error {
		if _, err := netip.ParseAddr(w); err == nil && l.Type == "vxlan" {
			l.Data = l.Data.With("remote", w)
			return nil
		}
		return set(l, w)
	}
	return k
}

// setDev names the link itself where it has no name yet.
func setDev(l *Link, w string) error {
	if l.Name == "" || l.Name == w {
		l.Name = w
		return checkName(w)
	}
	l.Link = w
	return nil
}

// same reports whether two links print one of the settings alike.
func same(key string, a, b *Link) bool {
	for i := range settings {
		if k := &settings[i]; k.Name == key && k.Get != nil {
			return string(k.Get(nil, a)) == string(k.Get(nil, b))
		}
	}
	return false
}

// hide leaves the key out of lines where it is off, which every new link is.
func hide(k fs.Key[Link]) fs.Key[Link] {
	get := k.Get
	k.Hide = func(l *Link) bool {
		var b [16]byte
		s := string(get(b[:0], l))
		return s == "0" || s == "default"
	}
	return k
}

// bad is a refusal of what was written.
func bad(text string) error { return &fs.Error{Text: text, Errno: syscall.EINVAL} }

func nowhere(*Link) string { return "-" }

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// checkName refuses what can be no name of a link (dev_valid_name).
func checkName(w string) error {
	switch {
	case w == "" || w == "." || w == "..":
		return bad("not a name of a link")
	case len(w) > 15:
		return bad("longer than 15 bytes")
	case strings.ContainsAny(w, "/: \t\n\v\f\r"):
		return bad("a link's name has no blank, slash or colon")
	}
	return nil
}

// setType takes "bridge_slave" too, as ip-link(8) does: the words behind it are
// then those of the port.
func setType(l *Link, w string) error {
	if kind, ok := strings.CutSuffix(w, "_slave"); ok {
		l.port = true
		l.Port = slices.Clone(l.Port)
		if len(l.Port) == 0 {
			l.Port = []Port{{Kind: kind}}
		}
		if l.Port[0].Kind != kind {
			return bad("it is a port of type " + l.Port[0].Kind)
		}
		return nil
	}
	if w == "" {
		return bad("not a type of link")
	}
	l.Type = w
	return nil
}

func parseSwitch(w, on, off string) (bool, error) {
	switch w {
	case on, "1", "on", "yes", "true":
		return true, nil
	case off, "0", "off", "no", "false":
		return false, nil
	}
	return false, bad("not " + on + " or " + off)
}

// linkName is a key whose value is the name of another link.
func linkName(name, doc string, at func(*Link) *string) fs.Key[Link] {
	k := fs.Str(name, doc, at)
	k.Set = func(l *Link, w string) error {
		if w == "none" {
			w = ""
		}
		*at(l) = w
		return nil
	}
	return k
}

func hwaddr(name, doc string, at func(*Link) *string) fs.Key[Link] {
	return fs.Key[Link]{Name: name, Doc: doc, Type: fs.Word,
		Get: func(b []byte, l *Link) []byte { return append(b, *at(l)...) },
		Set: func(l *Link, w string) (err error) {
			*at(l), err = ParseHW(w)
			return err
		}}
}

// ParseHW returns a link-layer address as it prints. Tunnels over IP have IP
// addresses for that.
func ParseHW(w string) (string, error) {
	if a, err := netip.ParseAddr(w); err == nil {
		return a.String(), nil
	}
	if a, err := net.ParseMAC(w); err == nil {
		return a.String(), nil
	}
	a, err := fs.ParseMAC(w)
	if err != nil || len(a) == 0 {
		return "", bad("not a link-layer address")
	}
	return string(fs.AppendMAC(nil, a)), nil
}

func setNumber(at func(*Link) *string) func(*Link, string) error {
	return func(l *Link, w string) error {
		n, err := number(w, 1<<32-1)
		if err == nil {
			*at(l) = n
		}
		return err
	}
}

func oneOf(w string, words []string) error {
	if slices.Contains(words, w) {
		return nil
	}
	return bad("not one of " + strings.Join(words, " "))
}
