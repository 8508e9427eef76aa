package link

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"strconv"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// New returns the page of the links that c speaks to. Netns is what their
// namespace is called: "/", "blue". Extra tells what other pages have inside the
// directory of a link; it may be nil.
func New(c *nl.Client, netns string, extra func(fs.LinkID) fs.Dir) (fs.Page, error) {
	return Page(&kernel{c: c, netns: netns}, extra), nil
}

type kernel struct {
	c     *nl.Client
	netns string
}

func (k *kernel) Netns() string { return k.netns }

// Links are collected first: names of masters and lower links come from the same
// dump, and so does the order.
func (k *kernel) Links(ctx context.Context) iter.Seq2[*Link, error] {
	return func(yield func(*Link, error) bool) {
		all, err := k.dump(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, i := range order(all) {
			if !yield(&all[i], nil) {
				return
			}
		}
	}
}

func (k *kernel) dump(ctx context.Context) ([]Link, error) {
	var msgs [][]byte
	names := map[int]string{}
	var m rt.Link
	for r, err := range k.c.Dump(ctx, nl.Request{Type: rt.RTM_GETLINK, Body: &rt.Link{ExtMask: rt.RTEXT_FILTER_SKIP_STATS}}) {
		if err == nil {
			err = m.Decode(r.Data)
		}
		if err != nil {
			return nil, words.Blame(err)
		}
		msgs = append(msgs, slices.Clone(r.Data))
		names[int(m.Hdr.Index)] = m.Name
	}
	c := conv{name: func(i int) string { return nameOr(names[i], i) }}
	all := make([]Link, len(msgs))
	for i, b := range msgs {
		if err := m.Decode(b); err != nil {
			return nil, err
		}
		all[i] = record(&m, c)
	}
	return all, nil
}

// nameOr is the number of a link that has no name here: it went away meanwhile.
func nameOr(name string, index int) string {
	if name == "" {
		return "if" + strconv.Itoa(index)
	}
	return name
}

// order tells how to list links so that each comes after those that it stands on.
// Of a pair the end comes first that was asked for: the kernel makes the other
// end before it.
func order(all []Link) []int {
	at := map[string]int{}
	for i := range all {
		at[all[i].Name] = i
	}
	var list []int
	begun := make([]bool, len(all))
	var visit func(i int)
	before := func(name string, when func(j int) bool) {
		if j, ok := at[name]; ok && name != "" && when(j) {
			visit(j)
		}
	}
	visit = func(i int) {
		if begun[i] {
			return
		}
		begun[i] = true
		l := &all[i]
		before(l.Link, func(j int) bool { return l.Type != "veth" || all[j].Index > l.Index })
		before(l.Master, func(int) bool { return true })
		list = append(list, i)
	}
	for i := range all {
		visit(i)
	}
	return list
}

// Link finds a link by any of its names.
func (k *kernel) Link(ctx context.Context, name string) (*Link, error) {
	m, err := rt.LinkByName(ctx, k.c, name)
	if err != nil {
		return nil, words.Blame(err)
	}
	l := record(m, k.conv(ctx))
	return &l, nil
}

// conv asks the kernel for names, one by one: a name that was true a moment ago
// may be another link's.
func (k *kernel) conv(ctx context.Context) conv {
	return conv{
		name: func(i int) string {
			m, err := rt.LinkByIndex(ctx, k.c, int32(i))
			if err != nil {
				return nameOr("", i)
			}
			return m.Name
		},
		index: func(name string) (int, error) { return k.index(ctx, name) },
	}
}

func (k *kernel) index(ctx context.Context, name string) (int, error) {
	m, err := rt.LinkByName(ctx, k.c, name)
	if err != nil {
		return 0, words.Blame(err)
	}
	return int(m.Hdr.Index), nil
}

func (k *kernel) Stats(ctx context.Context, index int) (*Stats, error) {
	m, err := rt.LinkByIndex(ctx, k.c, int32(index))
	if err != nil {
		return nil, words.Blame(err)
	}
	s := &m.Stats
	return &Stats{
		RxBytes: s.RxBytes, RxPackets: s.RxPackets, RxErrors: s.RxErrors, RxDropped: s.RxDropped, RxMissed: s.RxMissedErrors,
		RxFIFO: s.RxFIFOErrors, RxFrame: s.RxFrameErrors, RxLength: s.RxLengthErrors, RxOver: s.RxOverErrors, RxCRC: s.RxCRCErrors,
		RxCompressed: s.RxCompressed, RxNoHandler: s.RxNoHandler, Multicast: s.Multicast, Collisions: s.Collisions,
		TxBytes: s.TxBytes, TxPackets: s.TxPackets, TxErrors: s.TxErrors, TxDropped: s.TxDropped, TxAborted: s.TxAbortedErrors,
		TxCarrier: s.TxCarrierErrors, TxFIFO: s.TxFIFOErrors, TxHeartbeat: s.TxHeartbeatErrors, TxWindow: s.TxWindowErrors, TxCompressed: s.TxCompressed,
	}, nil
}

// record makes the record of a message.
func record(m *rt.Link, c conv) Link {
	flags := m.Hdr.Flags
	l := Link{
		Index: int(m.Hdr.Index), Name: m.Name, Type: m.Info.Kind,
		Up: m.Up(), MTU: m.MTU, LLAddr: hw(m.Hdr.Type, m.Address), Broadcast: hw(m.Hdr.Type, m.Broadcast), PermAddr: hw(m.Hdr.Type, m.PermAddress),
		Group: m.Group, TxQLen: m.TxQLen, Alias: m.Alias, AltNames: append([]string(nil), m.Props.AltNames...),
		Promisc: flags&rt.IFF_PROMISC != 0, AllMulti: flags&rt.IFF_ALLMULTI != 0, ARP: flags&rt.IFF_NOARP == 0,
		Multicast: flags&rt.IFF_MULTICAST != 0, Dynamic: flags&rt.IFF_DYNAMIC != 0,
		LinkMode: m.LinkMode, ProtoDown: m.ProtoDown,
		GSOMaxSize: m.GSOMaxSize, GSOMaxSegs: m.GSOMaxSegs, GROMaxSize: m.GROMaxSize, GSO4MaxSize: m.GSOIPv4Max, GRO4MaxSize: m.GROIPv4Max,
		NumTxQueues: m.NumTxQueues, NumRxQueues: m.NumRxQueues,
		Flags: flagNames(flags, m.OperState), OperState: word(operStates, m.OperState), Carrier: m.Carrier, CarrierChanges: m.CarrierChanges,
		LinkType: linkType(m.Hdr.Type), Qdisc: m.QDisc, MinMTU: m.MinMTU, MaxMTU: m.MaxMTU,
		Promiscuity: m.Promiscuity, AllMultiCount: m.AllMulti, TSOMaxSize: m.TSOMaxSize, TSOMaxSegs: m.TSOMaxSegs,
		ParentBus: m.ParentBus, ParentDev: m.ParentDev,
	}
	if m.AF.Has.Has(rt.AFSpecInet6) && m.AF.Inet6.Has.Has(rt.Inet6SpecAddrGenMode) {
		l.AddrGenMode = word(AddrGenModes, m.AF.Inet6.AddrGenMode)
	}
	if m.Master != 0 {
		l.Master = c.name(int(m.Master))
	}
	l.below(m, c)
	l.Data, l.Opt = decode(m.Info.Data, wires[l.Type], Kinds[l.Type], silent[l.Type], c)
	if derived[l.LinkType] {
		l.LLAddr, l.Broadcast, l.PermAddr = "", "", ""
	}
	if m.Info.SlaveKind != "" {
		p := Port{Kind: m.Info.SlaveKind}
		p.Data, p.Opt = decode(m.Info.SlaveData, portWires[p.Kind], Ports[p.Kind], silentPort[p.Kind], c)
		l.Port = []Port{p}
	}
	return l
}

// derived are hardware types whose addresses are the ends of the tunnel, which
// have words of their own.
var derived = map[string]bool{"gre": true, "ipip": true, "sit": true, "tunnel6": true, "gre6": true}

// below finds the link that l stands on. In another namespace it is a number.
func (l *Link) below(m *rt.Link, c conv) {
	switch {
	case m.Has.Has(rt.LinkLinkNSID):
		l.LinkNetns = strconv.Itoa(int(m.LinkNSID))
		l.Link = nameOr("", int(m.Link))
	case m.Link != 0 && m.Link != m.Hdr.Index:
		l.Link = c.name(int(m.Link))
	case lower[l.Type] != 0:
		if v := lowerIndex(m.Info.Data, lower[l.Type]); v != 0 {
			l.Link = c.name(v)
		}
	}
}

// hw prints a link-layer address: that of a tunnel is an IP address.
func hw(typ uint16, a []byte) string {
	switch typ {
	case rt.ARPHRD_TUNNEL, rt.ARPHRD_SIT, rt.ARPHRD_IPGRE, rt.ARPHRD_TUNNEL6, rt.ARPHRD_IP6GRE:
		if ip, ok := netip.AddrFromSlice(a); ok {
			return ip.String()
		}
	}
	return string(fs.AppendMAC(nil, a))
}

// operStates by number (IF_OPER_*, linux/if.h).
var operStates = []string{"unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up"}

func word(words []string, n uint8) string {
	if int(n) < len(words) {
		return words[n]
	}
	return strconv.Itoa(int(n))
}

var linkTypes = map[uint16]string{
	rt.ARPHRD_ETHER: "ether", rt.ARPHRD_LOOPBACK: "loopback", rt.ARPHRD_TUNNEL: "ipip", rt.ARPHRD_TUNNEL6: "tunnel6",
	rt.ARPHRD_SIT: "sit", rt.ARPHRD_IPGRE: "gre", rt.ARPHRD_IP6GRE: "gre6", rt.ARPHRD_PPP: "ppp", rt.ARPHRD_INFINIBAND: "infiniband",
	rt.ARPHRD_CAN: "can", rt.ARPHRD_RAWIP: "rawip", rt.ARPHRD_NETLINK: "netlink", rt.ARPHRD_IEEE80211: "ieee802.11",
	rt.ARPHRD_IEEE80211_RADIOTAP: "ieee802.11/radiotap", rt.ARPHRD_NONE: "none", rt.ARPHRD_VOID: "void",
}

func linkType(n uint16) string {
	if s, ok := linkTypes[n]; ok {
		return s
	}
	return strconv.Itoa(int(n))
}

// flagNames lists flags as ip(8) does: RUNNING is in operstate.
func flagNames(flags uint32, oper uint8) []string {
	var list []string
	if flags&rt.IFF_UP != 0 && flags&rt.IFF_RUNNING == 0 {
		list = append(list, "NO-CARRIER")
	}
	for _, f := range flagWords {
		if flags&f.bit != 0 {
			list = append(list, f.word)
		}
	}
	return list
}

var flagWords = []struct {
	bit  uint32
	word string
}{
	{rt.IFF_LOOPBACK, "LOOPBACK"}, {rt.IFF_BROADCAST, "BROADCAST"}, {rt.IFF_POINTOPOINT, "POINTOPOINT"}, {rt.IFF_MULTICAST, "MULTICAST"},
	{rt.IFF_NOARP, "NOARP"}, {rt.IFF_ALLMULTI, "ALLMULTI"}, {rt.IFF_PROMISC, "PROMISC"}, {rt.IFF_MASTER, "MASTER"}, {rt.IFF_SLAVE, "SLAVE"},
	{rt.IFF_DEBUG, "DEBUG"}, {rt.IFF_DYNAMIC, "DYNAMIC"}, {rt.IFF_AUTOMEDIA, "AUTOMEDIA"}, {rt.IFF_PORTSEL, "PORTSEL"},
	{rt.IFF_NOTRAILERS, "NOTRAILERS"}, {rt.IFF_UP, "UP"}, {rt.IFF_LOWER_UP, "LOWER_UP"}, {rt.IFF_DORMANT, "DORMANT"}, {rt.IFF_ECHO, "ECHO"},
}

// words are the keys of attributes that the kernel blames.
var words = joint.Words{
	"IFLA_IFNAME": "name", "IFLA_ADDRESS": "lladdr", "IFLA_BROADCAST": "broadcast", "IFLA_MTU": "mtu", "IFLA_LINK": "link",
	"IFLA_MASTER": "master", "IFLA_TXQLEN": "txqlen", "IFLA_IFALIAS": "alias", "IFLA_GROUP": "group", "IFLA_LINKMODE": "linkmode",
	"IFLA_PROTO_DOWN": "proto_down", "IFLA_NUM_TX_QUEUES": "numtxqueues", "IFLA_NUM_RX_QUEUES": "numrxqueues",
	"IFLA_GSO_MAX_SIZE": "gso_max_size", "IFLA_GSO_MAX_SEGS": "gso_max_segs", "IFLA_GRO_MAX_SIZE": "gro_max_size",
	"IFLA_GSO_IPV4_MAX_SIZE": "gso_ipv4_max_size", "IFLA_GRO_IPV4_MAX_SIZE": "gro_ipv4_max_size",
	"IFLA_NET_NS_FD": "netns", "IFLA_NET_NS_PID": "netns", "IFLA_TARGET_NETNSID": "netns", "IFLA_LINK_NETNSID": "link_netnsid",
	"IFLA_ALT_IFNAME": "altname", "IFLA_PROP_LIST": "altname", "IFLA_INET6_ADDR_GEN_MODE": "addrgenmode", "IFLA_AF_SPEC": "addrgenmode",
	"IFLA_INFO_KIND": "type", "IFLA_INFO_SLAVE_KIND": "port", "IFLA_INFO_SLAVE_DATA": "port", "VETH_INFO_PEER": "peer",
}
