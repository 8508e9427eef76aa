package bsd

// Darwin: bsd/net/route.h, bsd/net/if.h of xnu. 4 is the unit of everything.
var darwin = []system{
	{os: "darwin", layout: Layout{
		Version: 5, Align: 4, AFRoute: 17, AFInet6: 30, Embedded: true, LinkSize: 20,
		types: darwinTypes, rtf: darwinRTF, iff: darwinIFF,
		dumps: map[Dump]int{DumpRoutes: 7, DumpFlags: 2, DumpLinks: 3, DumpStats: 4, DumpLinksLong: 6},
	}},
}

var darwinTypes = []msgType{
	{0x1, OpAdd, "ADD", darwinRoute},
	{0x2, OpDelete, "DELETE", darwinRoute},
	{0x3, OpChange, "CHANGE", darwinRoute},
	{0x4, OpGet, "GET", darwinRoute},
	{0x5, OpLosing, "LOSING", darwinRoute},
	{0x6, OpRedirect, "REDIRECT", darwinRoute},
	{0x7, OpMiss, "MISS", darwinRoute},
	{0x8, OpLock, "LOCK", darwinRoute},
	{0x9, OpNone, "OLDADD", darwinRoute},
	{0xa, OpNone, "OLDDEL", darwinRoute},
	{0xb, OpResolve, "RESOLVE", darwinRoute},
	{0xc, OpNewAddr, "NEWADDR", darwinAddr},
	{0xd, OpDelAddr, "DELADDR", darwinAddr},
	{0xe, OpLink, "IFINFO", darwinLink},
	{0xf, OpNewGroup, "NEWMADDR", darwinGroup},
	{0x10, OpDelGroup, "DELMADDR", darwinGroup},
	{0x12, OpLink, "IFINFO2", darwinLink2},
	{0x13, OpNewGroup, "NEWMADDR2", darwinGroup2},
	{0x14, OpGet, "GET2", darwinRoute2},
}

// struct rt_msghdr, rt_msghdr2 and rt_metrics.
var darwinRoute = &routeForm{
	len: 92, index: p2(4), flags: p4(8), addrs: p4(12), pid: p4(16), seq: p4(20), errno: p4(24), use: p4(28), inits: p4(32),
	locks: p4(36), mtu: p4(40), hops: p4(44), expire: p4(48), rpipe: p4(52),
	spipe: p4(56), ssthresh: p4(60), rtt: p4(64), rttvar: p4(68), pksent: p4(72),
	state: p4(76),
}

var darwinRoute2 = &routeForm{
	len: 92, index: p2(4), flags: p4(8), addrs: p4(12), refcnt: p4(16), parentflags: p4(20), use: p4(28), inits: p4(32),
	locks: p4(36), mtu: p4(40), hops: p4(44), expire: p4(48), rpipe: p4(52),
	spipe: p4(56), ssthresh: p4(60), rtt: p4(64), rttvar: p4(68), pksent: p4(72),
	state: p4(76),
}

// struct if_msghdr, if_msghdr2.
var darwinLink = &linkForm{
	len: 112, addrs: p4(4), flags: p4(8), index: p2(12),
	data: darwinData, dataAt: 16,
}

var darwinLink2 = &linkForm{
	len: 160, addrs: p4(4), flags: p4(8), index: p2(12), sndLen: p4(16), sndMaxLen: p4(20), sndDrops: p4(24), timer: p4(28),
	data: darwinData64, dataAt: 32,
}

// struct ifa_msghdr, ifma_msghdr, ifma_msghdr2.
var (
	darwinAddr   = &addrForm{len: 20, addrs: p4(4), flags: p4(8), index: p2(12), metric: p4(16)}
	darwinGroup  = &groupForm{len: 16, addrs: p4(4), flags: p4(8), index: p2(12)}
	darwinGroup2 = &groupForm{len: 20, addrs: p4(4), flags: p4(8), index: p2(12), refcnt: p4(16)}
)

// struct if_data, if_data64. They have no state of the link.
var darwinData = &dataForm{
	typ: p1(0), physical: p1(2), addrlen: p1(3), hdrlen: p1(4), mtu: p4(8), metric: p4(12), baudrate: p4(16),
	ipackets: p4(20), ierrors: p4(24), opackets: p4(28), oerrors: p4(32), collisions: p4(36),
	ibytes: p4(40), obytes: p4(44), imcasts: p4(48), omcasts: p4(52), iqdrops: p4(56),
	noproto: p4(60), sec: p4(72), frac: p4(76), hwassist: p4(84),
}

var darwinData64 = &dataForm{
	typ: p1(0), physical: p1(2), addrlen: p1(3), hdrlen: p1(4), mtu: p4(8), metric: p4(12), baudrate: p8(16),
	ipackets: p8(24), ierrors: p8(32), opackets: p8(40), oerrors: p8(48), collisions: p8(56),
	ibytes: p8(64), obytes: p8(72), imcasts: p8(80), omcasts: p8(88), iqdrops: p8(96),
	noproto: p8(104), sec: p4(120), frac: p4(124),
}

// RTF_* (net/route.h).
var darwinRTF = []bit{
	{0x1, "up"}, {0x2, "gateway"}, {0x4, "host"}, {0x8, "reject"}, {0x10, "dynamic"},
	{0x20, "modified"}, {0x40, "done"}, {0x80, "delclone"}, {0x100, "cloning"}, {0x200, "xresolve"},
	{0x400, "llinfo"}, {0x800, "static"}, {0x1000, "blackhole"}, {0x2000, "noifref"}, {0x4000, "proto2"},
	{0x8000, "proto1"}, {0x10000, "prcloning"}, {0x20000, "wascloned"}, {0x40000, "proto3"}, {0x100000, "pinned"},
	{0x200000, "local"}, {0x400000, "broadcast"}, {0x800000, "multicast"}, {0x1000000, "ifscope"}, {0x2000000, "condemned"},
	{0x4000000, "ifref"}, {0x8000000, "proxy"}, {0x10000000, "router"}, {0x20000000, "dead"}, {0x40000000, "global"},
}

// IFF_* (net/if.h).
var darwinIFF = []bit{
	{0x1, "up"}, {0x2, "broadcast"}, {0x4, "debug"}, {0x8, "loopback"}, {0x10, "pointopoint"},
	{0x20, "notrailers"}, {0x40, "running"}, {0x80, "noarp"}, {0x100, "promisc"}, {0x200, "allmulti"},
	{0x400, "oactive"}, {0x800, "simplex"}, {0x1000, "link0"}, {0x2000, "link1"}, {0x4000, "link2"},
	{0x8000, "multicast"},
}
