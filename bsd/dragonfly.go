package bsd

// DragonFly 5.8 and later: sys/net/route.h, sys/net/if.h. Earlier ones have another
// RTM_VERSION.
var dragonfly = []system{
	{os: "dragonfly", layout: Layout{
		Version: 7, Align: 8, AFRoute: 17, AFInet6: 28, Embedded: true, LinkSize: 54,
		types: dragonflyTypes, rtf: dragonflyRTF, iff: dragonflyIFF,
		axes:   []string{"MPLS1", "MPLS2", "MPLS3"},
		linkUp: 2, dumps: map[Dump]int{DumpRoutes: 1, DumpFlags: 2, DumpLinks: 3},
	}},
}

var dragonflyTypes = []msgType{
	{0x1, OpAdd, "ADD", dragonflyRoute},
	{0x2, OpDelete, "DELETE", dragonflyRoute},
	{0x3, OpChange, "CHANGE", dragonflyRoute},
	{0x4, OpGet, "GET", dragonflyRoute},
	{0x5, OpLosing, "LOSING", dragonflyRoute},
	{0x6, OpRedirect, "REDIRECT", dragonflyRoute},
	{0x7, OpMiss, "MISS", dragonflyRoute},
	{0x8, OpLock, "LOCK", dragonflyRoute},
	{0x9, OpNone, "OLDADD", dragonflyRoute},
	{0xa, OpNone, "OLDDEL", dragonflyRoute},
	{0xb, OpResolve, "RESOLVE", dragonflyRoute},
	{0xc, OpNewAddr, "NEWADDR", dragonflyAddr},
	{0xd, OpDelAddr, "DELADDR", dragonflyAddr},
	{0xe, OpLink, "IFINFO", dragonflyLink},
	{0xf, OpNewGroup, "NEWMADDR", dragonflyGroup},
	{0x10, OpDelGroup, "DELMADDR", dragonflyGroup},
	{0x11, OpAnnounce, "IFANNOUNCE", dragonflyAnnounce},
	{0x12, OpIEEE80211, "IEEE80211", nil},
}

// struct rt_msghdr and rt_metrics.
var dragonflyRoute = &routeForm{
	len: 152, index: p2(4), flags: p4(8), addrs: p4(12), pid: p4(16), seq: p4(20), errno: p4(24), use: p4(28), inits: p8(32),
	locks: p8(40), mtu: p8(48), pksent: p8(56), expire: p8(64), spipe: p8(72),
	ssthresh: p8(80), rtt: p8(88), rttvar: p8(96), rpipe: p8(104), hops: p8(112),

	mssopt: p2(120), msl: p8(128), iwmax: p8(136), iwcap: p8(144),
}

// struct if_msghdr.
var dragonflyLink = &linkForm{
	len: 176, index: p2(4), flags: p4(8), addrs: p4(12),
	data: dragonflyData, dataAt: 16,
}

// struct ifa_msghdr, ifma_msghdr, if_announcemsghdr.
var (
	dragonflyAddr     = &addrForm{len: 24, index: p2(4), flags: p4(8), addrs: p4(12), addrFlags: p4(16), metric: p4(20)}
	dragonflyGroup    = &groupForm{len: 16, index: p2(4), flags: p4(8), addrs: p4(12)}
	dragonflyAnnounce = &announceForm{len: 24, index: p2(4), name: pos{off: 6, size: 16}, what: p2(22)}
)

// struct if_data.
var dragonflyData = &dataForm{
	typ: p1(0), physical: p1(1), addrlen: p1(2), hdrlen: p1(3), mtu: p8(8), metric: p8(16), state: p8(24), baudrate: p8(32),
	ipackets: p8(40), ierrors: p8(48), opackets: p8(56), oerrors: p8(64), collisions: p8(72),
	ibytes: p8(80), obytes: p8(88), imcasts: p8(96), omcasts: p8(104), iqdrops: p8(112),
	noproto: p8(120), hwassist: p8(128), oqdrops: p8(136), sec: p8(144), frac: p8(152),
}

// RTF_* (net/route.h).
var dragonflyRTF = []bit{
	{0x1, "up"}, {0x2, "gateway"}, {0x4, "host"}, {0x8, "reject"}, {0x10, "dynamic"},
	{0x20, "modified"}, {0x40, "done"}, {0x100, "cloning"}, {0x200, "xresolve"}, {0x400, "llinfo"},
	{0x800, "static"}, {0x1000, "blackhole"}, {0x4000, "proto2"}, {0x8000, "proto1"}, {0x10000, "prcloning"},
	{0x20000, "wascloned"}, {0x40000, "proto3"}, {0x100000, "pinned"}, {0x200000, "local"}, {0x400000, "broadcast"},
	{0x800000, "multicast"}, {0x1000000, "mplsops"},
}

// IFF_* (net/if.h).
var dragonflyIFF = []bit{
	{0x1, "up"}, {0x2, "broadcast"}, {0x4, "debug"}, {0x8, "loopback"}, {0x10, "pointopoint"},
	{0x20, "smart"}, {0x40, "running"}, {0x80, "noarp"}, {0x100, "promisc"}, {0x200, "allmulti"},
	{0x400, "oactive"}, {0x800, "simplex"}, {0x1000, "link0"}, {0x2000, "link1"}, {0x4000, "link2"},
	{0x8000, "multicast"}, {0x10000, "polling"}, {0x20000, "ppromisc"}, {0x40000, "monitor"}, {0x80000, "staticarp"},
	{0x100000, "npolling"}, {0x200000, "idirect"},
}
