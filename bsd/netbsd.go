package bsd

import "slices"

// NetBSD: sys/net/route.h, sys/net/if.h. Sockaddrs are padded to 8 on every
// architecture. NetBSD 8 gave address messages a new header and new numbers; its
// kernels still send the older ones to who asks for the older sysctl.
var netbsd = []system{
	{os: "netbsd", archs: "386 m68k", before: 8, layout: netbsdLayout(5, netbsd7Types(netbsd386Link))},
	{os: "netbsd", before: 8, layout: netbsdLayout(5, netbsd7Types(netbsdLink))},
	{os: "netbsd", archs: "386 m68k", layout: netbsdLayout(6, netbsdTypes(netbsd386Link))},
	{os: "netbsd", layout: netbsdLayout(6, netbsdTypes(netbsdLink))},
}

func netbsdLayout(iflist int, types []msgType) Layout {
	return Layout{
		Version: 4, Align: 8, AFRoute: 34, AFInet6: 24, AFMPLS: 33, Embedded: true, LinkSize: 20,
		types: types, rtf: netbsdRTF, iff: netbsdIFF,
		axes:   []string{"TAG"},
		linkUp: 2, dumps: map[Dump]int{DumpRoutes: 1, DumpFlags: 2, DumpLinks: iflist},
	}
}

func netbsd7Types(link form) []msgType { return slices.Concat(netbsdOldAddrs, netbsdMessages(link)) }
func netbsdTypes(link form) []msgType {
	return slices.Concat(netbsdAddrs, netbsdOldAddrs, netbsdMessages(link))
}

var netbsdAddrs = []msgType{
	{0x16, OpNewAddr, "NEWADDR", netbsdAddr},
	{0x17, OpDelAddr, "DELADDR", netbsdAddr},
	{0x18, OpChgAddr, "CHGADDR", netbsdAddr},
}

// RTM_ONEWADDR and so on of NetBSD 8.
var netbsdOldAddrs = []msgType{
	{0xc, OpNewAddr, "NEWADDR", netbsd7Addr},
	{0xd, OpDelAddr, "DELADDR", netbsd7Addr},
	{0x15, OpChgAddr, "CHGADDR", netbsd7Addr},
}

func netbsdMessages(link form) []msgType {
	return []msgType{
		{0x1, OpAdd, "ADD", netbsdRoute},
		{0x2, OpDelete, "DELETE", netbsdRoute},
		{0x3, OpChange, "CHANGE", netbsdRoute},
		{0x4, OpGet, "GET", netbsdRoute},
		{0x5, OpLosing, "LOSING", netbsdRoute},
		{0x6, OpRedirect, "REDIRECT", netbsdRoute},
		{0x7, OpMiss, "MISS", netbsdRoute},
		{0x8, OpLock, "LOCK", netbsdRoute},
		{0x9, OpNone, "OLDADD", netbsdRoute},
		{0xa, OpNone, "OLDDEL", netbsdRoute},
		{0xb, OpResolve, "RESOLVE", netbsdRoute},
		{0x10, OpAnnounce, "IFANNOUNCE", netbsdAnnounce},
		{0x11, OpIEEE80211, "IEEE80211", nil},
		{0x12, OpNone, "SETGATE", netbsdRoute},
		{0x13, OpNeighbour, "LLINFO_UPD", netbsdRoute},
		{0x14, OpLink, "IFINFO", link},
	}
}

// struct rt_msghdr and rt_metrics.
var netbsdRoute = &routeForm{
	len: 120, index: p2(4), flags: p4(8), addrs: p4(12), pid: p4(16), seq: p4(20), errno: p4(24), use: p4(28), inits: p4(32),
	locks: p8(40), mtu: p8(48), hops: p8(56), rpipe: p8(64), spipe: p8(72),
	ssthresh: p8(80), rtt: p8(88), rttvar: p8(96), expire: p8(104), pksent: p8(112),
}

// struct if_msghdr. The flags are 16 bits, sign-extended.
var netbsdLink = netbsdLinkForm(p8(128))

// i386 has a nanosecond of 4 bytes.
var netbsd386Link = netbsdLinkForm(p4(128))

func netbsdLinkForm(frac pos) *linkForm {
	return &linkForm{
		len: 152, addrs: p4(4), flags: pos{off: 8, size: 4, low: 2}, index: p2(12),
		data: netbsdData(frac), dataAt: 16,
	}
}

// struct ifa_msghdr, since NetBSD 8 and before.
var (
	netbsdAddr  = &addrForm{len: 32, index: p2(4), flags: p4(8), addrs: p4(12), pid: p4(16), addrFlags: p4(20), metric: p4(24)}
	netbsd7Addr = &addrForm{len: 24, addrs: p4(4), flags: p4(8), metric: p4(12), index: p2(16)}
)

// struct if_announcemsghdr.
var netbsdAnnounce = &announceForm{len: 24, index: p2(4), name: pos{off: 6, size: 16}, what: p2(22)}

// struct if_data.
func netbsdData(frac pos) *dataForm {
	return &dataForm{
		typ: p1(0), addrlen: p1(1), hdrlen: p1(2), state: p4(4), mtu: p8(8), metric: p8(16), baudrate: p8(24),
		ipackets: p8(32), ierrors: p8(40), opackets: p8(48), oerrors: p8(56), collisions: p8(64),
		ibytes: p8(72), obytes: p8(80), imcasts: p8(88), omcasts: p8(96), iqdrops: p8(104),
		noproto: p8(112), sec: p8(120), frac: frac,
	}
}

// RTF_* (net/route.h).
var netbsdRTF = []bit{
	{0x1, "up"}, {0x2, "gateway"}, {0x4, "host"}, {0x8, "reject"}, {0x10, "dynamic"},
	{0x20, "modified"}, {0x40, "done"}, {0x80, "mask"}, {0x100, "connected"}, {0x200, "xresolve"},
	{0x400, "llinfo"}, {0x800, "static"}, {0x1000, "blackhole"}, {0x4000, "proto2"}, {0x8000, "proto1"},
	{0x10000, "src"}, {0x20000, "announce"}, {0x40000, "local"}, {0x80000, "broadcast"},
}

// IFF_* (net/if.h).
var netbsdIFF = []bit{
	{0x1, "up"}, {0x2, "broadcast"}, {0x4, "debug"}, {0x8, "loopback"}, {0x10, "pointopoint"},
	{0x20, "notrailers"}, {0x40, "running"}, {0x80, "noarp"}, {0x100, "promisc"}, {0x200, "allmulti"},
	{0x400, "oactive"}, {0x800, "simplex"}, {0x1000, "link0"}, {0x2000, "link1"}, {0x4000, "link2"},
	{0x8000, "multicast"},
}
