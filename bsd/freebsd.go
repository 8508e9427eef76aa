package bsd

// FreeBSD 11 and later: sys/net/route.h, sys/net/if.h. The layouts depend on the
// kernel's word size; a 386 program on an amd64 kernel sees the kernel's.
var freebsd = []system{
	{os: "freebsd", archs: "386 arm mips ppc", layout: freebsdLayout(4, freebsd32Types, freebsd32Long)},
	{os: "freebsd", layout: freebsdLayout(8, freebsdTypes, freebsdLong)},
}

func freebsdLayout(align int, types, long []msgType) Layout {
	return Layout{
		Version: 5, Align: align, AFRoute: 17, AFInet6: 28, LinkSize: 54, Tables: SocketTable,
		types: types, lists: map[Dump][]msgType{DumpLinksLong: long},
		rtf: freebsdRTF, iff: freebsdIFF,
		linkUp: 2, dumps: map[Dump]int{DumpRoutes: 1, DumpFlags: 2, DumpLinks: 3, DumpMaddrs: 4, DumpLinksLong: 5},
	}
}

var (
	freebsdTypes   = freebsdMessages(freebsdRoute, freebsdLink, freebsdAddr)
	freebsdLong    = freebsdMessages(freebsdRoute, freebsdLinkLong, freebsdAddrLong)
	freebsd32Types = freebsdMessages(freebsd32Route, freebsdLink, freebsdAddr)
	freebsd32Long  = freebsdMessages(freebsd32Route, freebsdLinkLong, freebsdAddrLong)
)

func freebsdMessages(route, link, addr form) []msgType {
	return []msgType{
		{0x1, OpAdd, "ADD", route},
		{0x2, OpDelete, "DELETE", route},
		{0x3, OpChange, "CHANGE", route},
		{0x4, OpGet, "GET", route},
		{0x5, OpLosing, "LOSING", route},
		{0x6, OpRedirect, "REDIRECT", route},
		{0x7, OpMiss, "MISS", route},
		{0x8, OpLock, "LOCK", route},
		{0xb, OpResolve, "RESOLVE", route},
		{0xc, OpNewAddr, "NEWADDR", addr},
		{0xd, OpDelAddr, "DELADDR", addr},
		{0xe, OpLink, "IFINFO", link},
		{0xf, OpNewGroup, "NEWMADDR", freebsdGroup},
		{0x10, OpDelGroup, "DELMADDR", freebsdGroup},
		{0x11, OpAnnounce, "IFANNOUNCE", freebsdAnnounce},
		{0x12, OpIEEE80211, "IEEE80211", nil},
		{0x13, OpNone, "IPFWLOG", nil},
	}
}

// struct rt_msghdr and rt_metrics.
var freebsdRoute = &routeForm{
	len: 152, index: p2(4), flags: p4(8), addrs: p4(12), pid: p4(16), seq: p4(20), errno: p4(24), fmask: p4(28), inits: p8(32),
	locks: p8(40), mtu: p8(48), hops: p8(56), expire: p8(64), rpipe: p8(72),
	spipe: p8(80), ssthresh: p8(88), rtt: p8(96), rttvar: p8(104), pksent: p8(112),
	weight: p8(120), nhidx: p8(128),
}

var freebsd32Route = &routeForm{
	len: 92, index: p2(4), flags: p4(8), addrs: p4(12), pid: p4(16), seq: p4(20), errno: p4(24), fmask: p4(28), inits: p4(32),
	locks: p4(36), mtu: p4(40), hops: p4(44), expire: p4(48), rpipe: p4(52),
	spipe: p4(56), ssthresh: p4(60), rtt: p4(64), rttvar: p4(68), pksent: p4(72),
	weight: p4(76), nhidx: p4(80),
}

// struct if_msghdr, if_msghdrl.
var freebsdLink = &linkForm{
	len: 168, addrs: p4(4), flags: p4(8), index: p2(12),
	data: freebsdData, dataAt: 16,
}

var freebsdLinkLong = &linkForm{
	len: 176, hlen: p2(16), addrs: p4(4), flags: p4(8), index: p2(12),
	data: freebsdData, dataAt: 24, dataOff: p2(18),
}

// struct ifa_msghdr, ifa_msghdrl.
var freebsdAddr = &addrForm{len: 20, addrs: p4(4), flags: p4(8), index: p2(12), metric: p4(16)}

var freebsdAddrLong = &addrForm{
	len: 176, hlen: p2(16), addrs: p4(4), flags: p4(8), index: p2(12), metric: p4(20),
	data: freebsdData, dataAt: 24, dataOff: p2(18),
}

// struct ifma_msghdr, if_announcemsghdr.
var (
	freebsdGroup    = &groupForm{len: 16, addrs: p4(4), flags: p4(8), index: p2(12)}
	freebsdAnnounce = &announceForm{len: 24, index: p2(4), name: pos{off: 6, size: 16}, what: p2(22)}
)

// struct if_data, of the same layout on all architectures since FreeBSD 11.
var freebsdData = &dataForm{
	typ: p1(0), physical: p1(1), addrlen: p1(2), hdrlen: p1(3), state: p1(4), vhid: p1(5), size: p2(6),
	mtu: p4(8), metric: p4(12), baudrate: p8(16),
	ipackets: p8(24), ierrors: p8(32), opackets: p8(40), oerrors: p8(48), collisions: p8(56),
	ibytes: p8(64), obytes: p8(72), imcasts: p8(80), omcasts: p8(88), iqdrops: p8(96),
	oqdrops: p8(104), noproto: p8(112), hwassist: p8(120), epoch: p8(128), sec: p8(136), frac: p8(144),
}

// RTF_* (net/route.h).
var freebsdRTF = []bit{
	{0x1, "up"}, {0x2, "gateway"}, {0x4, "host"}, {0x8, "reject"}, {0x10, "dynamic"},
	{0x20, "modified"}, {0x40, "done"}, {0x200, "xresolve"}, {0x400, "llinfo"}, {0x800, "static"},
	{0x1000, "blackhole"}, {0x4000, "proto2"}, {0x8000, "proto1"}, {0x40000, "proto3"}, {0x80000, "fixedmtu"},
	{0x100000, "pinned"}, {0x200000, "local"}, {0x400000, "broadcast"}, {0x800000, "multicast"}, {0x10000000, "sticky"},
	{0x80000000, "gwflag_compat"},
}

// IFF_* (net/if.h).
var freebsdIFF = []bit{
	{0x1, "up"}, {0x2, "broadcast"}, {0x4, "debug"}, {0x8, "loopback"}, {0x10, "pointopoint"},
	{0x40, "running"}, {0x80, "noarp"}, {0x100, "promisc"}, {0x200, "allmulti"}, {0x400, "oactive"},
	{0x800, "simplex"}, {0x1000, "link0"}, {0x2000, "link1"}, {0x4000, "link2"}, {0x8000, "multicast"},
	{0x10000, "cantconfig"}, {0x20000, "ppromisc"}, {0x40000, "monitor"}, {0x80000, "staticarp"}, {0x200000, "dying"},
	{0x400000, "renaming"}, {0x800000, "nogroup"},
}
