// Package bsd reads and writes the messages of PF_ROUTE, the routing socket and
// its sysctl dumps, in the dialects of FreeBSD, OpenBSD, NetBSD, DragonFly and
// Darwin. It has no system calls and no build tags: a dump taken on one system
// is decoded on any other.
//
//	l, err := bsd.Profile{OS: "openbsd", Arch: "amd64"}.Layout()
//	...
//	for m, err := range l.Messages(dump) {
//		if r, ok := m.(*bsd.RouteMsg); ok && err == nil {
//			p, _ := l.Prefix(&r.Header)
//			fmt.Println(p, l.Addr(r.At(bsd.RTAX_GATEWAY)))
//		}
//	}
//
// Where a field is, which number a type has, and how sockaddrs are padded is
// data: a Layout, one for each system and word size, in the file that has the
// system's name. The kernel's own version decides where a system changed its
// messages (NetBSD 8). What the tables do not know is kept whole: an unknown
// message as a RawMsg, the bytes between fields and behind sockaddrs with the
// message, so that encoding what was decoded gives the same bytes.
//
// The ioctls by which these systems change links and addresses are tables too: Request
// makes one in the kernel's layout, Answer reads what came back.
//
// Not here: FreeBSD before 11, NetBSD's AF_OROUTE and DragonFly before 5.8, whose
// messages have other versions and are skipped and counted, and FreeBSD's netlink
// socket.
package bsd
