package bsd

// OpenBSD: sys/net/route.h, sys/net/if.h. Every message says how long its header
// is.
var openbsd = []system{
	{os: "openbsd", archs: "386", layout: openbsdLayout(4, openbsdMessages(openbsd386Link))},
	{os: "openbsd", archs: "arm", layout: openbsdLayout(4, openbsdMessages(openbsdLink))},
	{os: "openbsd", layout: openbsdLayout(8, openbsdMessages(openbsdLink))},
}

func openbsdLayout(align int, types []msgType) Layout {
	return Layout{
		Version: 5, Align: align, AFRoute: 17, AFInet6: 24, AFMPLS: 33, Embedded: true, LinkSize: 32, Tables: MessageTable,
		types: types, rtf: openbsdRTF, iff: openbsdIFF,
		axes:   []string{"SRC", "SRCMASK", "LABEL", "BFD", "DNS", "STATIC", "SEARCH"},
		linkUp: 4, dumps: map[Dump]int{DumpRoutes: 1, DumpFlags: 2, DumpLinks: 3, DumpStats: 4, DumpTable: 5},
	}
}

func openbsdMessages(link form) []msgType {
	return []msgType{
		{0x1, OpAdd, "ADD", openbsdRoute},
		{0x2, OpDelete, "DELETE", openbsdRoute},
		{0x3, OpChange, "CHANGE", openbsdRoute},
		{0x4, OpGet, "GET", openbsdRoute},
		{0x5, OpLosing, "LOSING", openbsdRoute},
		{0x6, OpRedirect, "REDIRECT", openbsdRoute},
		{0x7, OpMiss, "MISS", openbsdRoute},
		{0xb, OpResolve, "RESOLVE", openbsdRoute},
		{0xc, OpNewAddr, "NEWADDR", openbsdAddr},
		{0xd, OpDelAddr, "DELADDR", openbsdAddr},
		{0xe, OpLink, "IFINFO", link},
		{0xf, OpAnnounce, "IFANNOUNCE", openbsdAnnounce},
		{0x10, OpDesync, "DESYNC", openbsdRoute},
		{0x11, OpNone, "INVALIDATE", openbsdRoute},
		{0x12, OpNone, "BFD", nil},
		{0x13, OpNone, "PROPOSAL", openbsdRoute},
		{0x14, OpChgAddr, "CHGADDRATTR", openbsdAddr},
		{0x15, OpIEEE80211, "80211INFO", nil},
		{0x16, OpNone, "SOURCE", openbsdRoute},
	}
}

// struct rt_msghdr and rt_metrics.
var openbsdRoute = &routeForm{
	len: 96, hlen: p2(4), index: p2(6), table: p2(8), priority: p1(10), mpls: p1(11), addrs: p4(12), flags: p4(16),
	fmask: p4(20), pid: p4(24), seq: p4(28), errno: p4(32), inits: p4(36),
	pksent: p8(40), expire: p8(48), locks: p4(56), mtu: p4(60), mrefcnt: p4(64), hops: p4(68), rpipe: p4(72), spipe: p4(76),
	ssthresh: p4(80), rtt: p4(84), rttvar: p4(88),
}

// struct if_msghdr.
var openbsdLink = &linkForm{
	len: 168, hlen: p2(4), index: p2(6), table: p2(8), addrs: p4(12), flags: p4(16), xflags: p4(20),
	data: openbsdData, dataAt: 24,
}

// i386 aligns 8 byte numbers to 4.
var openbsd386Link = &linkForm{
	len: 160, hlen: p2(4), index: p2(6), table: p2(8), addrs: p4(12), flags: p4(16), xflags: p4(20),
	data: openbsd386Data, dataAt: 24,
}

// struct ifa_msghdr, if_announcemsghdr.
var (
	openbsdAddr     = &addrForm{len: 24, hlen: p2(4), index: p2(6), table: p2(8), addrs: p4(12), flags: p4(16), metric: p4(20)}
	openbsdAnnounce = &announceForm{len: 26, hlen: p2(4), index: p2(6), what: p2(8), name: pos{off: 10, size: 16}}
)

// struct if_data.
var openbsdData, openbsd386Data = openbsdDataForm(p8(128), p8(136)), openbsdDataForm(p8(124), p4(132))

func openbsdDataForm(sec, frac pos) *dataForm {
	return &dataForm{
		typ: p1(0), addrlen: p1(1), hdrlen: p1(2), state: p1(3), mtu: p4(4), metric: p4(8), domain: p4(12), baudrate: p8(16),
		ipackets: p8(24), ierrors: p8(32), opackets: p8(40), oerrors: p8(48), collisions: p8(56),
		ibytes: p8(64), obytes: p8(72), imcasts: p8(80), omcasts: p8(88), iqdrops: p8(96),
		oqdrops: p8(104), noproto: p8(112), capabilities: p4(120), sec: sec, frac: frac,
	}
}

// RTF_* (net/route.h).
var openbsdRTF = []bit{
	{0x1, "up"}, {0x2, "gateway"}, {0x4, "host"}, {0x8, "reject"}, {0x10, "dynamic"},
	{0x20, "modified"}, {0x40, "done"}, {0x100, "cloning"}, {0x200, "multicast"}, {0x400, "llinfo"},
	{0x800, "static"}, {0x1000, "blackhole"}, {0x2000, "proto3"}, {0x4000, "proto2"}, {0x8000, "proto1"},
	{0x10000, "cloned"}, {0x20000, "cached"}, {0x40000, "mpath"}, {0x100000, "mpls"}, {0x200000, "local"},
	{0x400000, "broadcast"}, {0x800000, "connected"}, {0x1000000, "bfd"},
}

// IFF_* (net/if.h).
var openbsdIFF = []bit{
	{0x1, "up"}, {0x2, "broadcast"}, {0x4, "debug"}, {0x8, "loopback"}, {0x10, "pointopoint"},
	{0x20, "staticarp"}, {0x40, "running"}, {0x80, "noarp"}, {0x100, "promisc"}, {0x200, "allmulti"},
	{0x400, "oactive"}, {0x800, "simplex"}, {0x1000, "link0"}, {0x2000, "link1"}, {0x4000, "link2"},
	{0x8000, "multicast"},
}
