// Package addr is the page of protocol addresses: the table addrs, and in the
// directory of every link the table of its own.
//
//	local=192.0.2.7/24 dev=eth0 broadcast=192.0.2.255 scope=global label=eth0 valid_lft=forever preferred_lft=forever
//
// Words are iproute2's (ip-address(8)). An address is told from others by local,
// dev and, over IPv4, peer. Lifetimes run: what is printed is what is left.
//
// The kernel changes lifetimes, metric, proto and flags of an address in place.
// Its broadcast, label and scope it does not: then the address is removed and
// added again, which is refused when it would take the secondary addresses of
// its network with it.
package addr

import (
	"net/netip"
	"strconv"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/names"
)

// An Addr is an address of a link.
type Addr struct {
	Local     netip.Prefix // with all its bits when there is a Peer
	Dev       string
	Peer      netip.Prefix
	Broadcast netip.Addr
	Anycast   netip.Addr
	Scope     uint8
	Label     string
	Proto     uint8
	Metric    uint32
	Valid     uint32 // seconds; Forever
	Preferred uint32
	Flags     uint32 // IFA_F_*, linux/if_addr.h

	edge         byte // '+' or '-' until Local is known
	scoped       bool // the line gave a scope
	hasPreferred bool // and a preferred lifetime
	bare         bool // the kernel tells neither lifetimes nor where it is from
}

// Forever is a lifetime without end.
const Forever = 1<<32 - 1

// Flags of an address (linux/if_addr.h).
const (
	Secondary     = 0x01 // IPv6: temporary
	NoDAD         = 0x02
	Optimistic    = 0x04
	DADFailed     = 0x08
	Home          = 0x10
	Deprecated    = 0x20
	Tentative     = 0x40
	Permanent     = 0x80
	MngTmpAddr    = 0x100
	NoPrefixRoute = 0x200
	AutoJoin      = 0x400
	StablePrivacy = 0x800

	// Settable are those that a line can set.
	Settable = NoDAD | Optimistic | Home | MngTmpAddr | NoPrefixRoute | AutoJoin
)

func flags(a *Addr) *uint32 { return &a.Flags }

var keys = fs.NewKeys(
	local(),
	fs.Str("dev", "the link that has it", func(a *Addr) *string { return &a.Dev }).AsID(),
	peer(),
	broadcast(),
	fs.Addr("anycast", "anycast address", func(a *Addr) *netip.Addr { return &a.Anycast }),
	scope(),
	fs.Str("label", "label, up to 15 bytes, that begins with the name of the link (IPv4)", func(a *Addr) *string { return &a.Label }),
	fs.Enum("proto", "who set it, by name or number", fs.Namer(protos), func(a *Addr) *uint8 { return &a.Proto }).Or("protocol"),
	fs.Num("metric", "metric of the route to its network", func(a *Addr) *uint32 { return &a.Metric }).Or("priority", "preference"),
	lifetime("valid_lft", "seconds that it is left, or forever", func(a *Addr) *uint32 { return &a.Valid }).Or("valid_life_time"),
	lifetime("preferred_lft", "seconds that it is used for new connections, or forever", func(a *Addr) *uint32 { return &a.Preferred }).Or("preferred_life_time").
		When(func(a *Addr) *bool { return &a.hasPreferred }),
	fs.Bit("nodad", "no duplicate address detection (IPv6)", flags, NoDAD),
	fs.Bit("optimistic", "used while duplicates are looked for (IPv6)", flags, Optimistic),
	fs.Bit("noprefixroute", "no route to its network is made", flags, NoPrefixRoute),
	fs.Bit("home", "home address (IPv6, RFC 6275)", flags, Home),
	fs.Bit("mngtmpaddr", "the kernel makes temporary addresses from it (IPv6)", flags, MngTmpAddr),
	fs.Bit("autojoin", "joins the multicast group that it is", flags, AutoJoin),
	fs.Bit("permanent", "was not learnt", flags, Permanent).ReadOnly(),
	dynamic(),
	fs.Bit("secondary", "another address of the same network is before it; of IPv6: temporary", flags, Secondary).ReadOnly().Or("temporary"),
	fs.Bit("tentative", "duplicates are still looked for (IPv6)", flags, Tentative).ReadOnly(),
	fs.Bit("dadfailed", "somebody else has it (IPv6)", flags, DADFailed).ReadOnly(),
	fs.Bit("deprecated", "not for new connections any more", flags, Deprecated).ReadOnly(),
	fs.Bit("stable_privacy", "made from a secret of this host (IPv6)", flags, StablePrivacy).ReadOnly().Or("stable-privacy"),
)

// protos are the origins of addresses (IFAPROT_*, linux/if_addr.h).
var protos = fs.Names{0: "unspec", 1: "kernel_lo", 2: "kernel_ra", 3: "kernel_ll"}

func local() fs.Key[Addr] {
	return fs.Prefix("local", "address and length of its network", func(a *Addr) *netip.Prefix { return &a.Local }).AsID().Or("address")
}

func peer() fs.Key[Addr] {
	k := fs.Prefix("peer", "address of the other end, and length of its network", func(a *Addr) *netip.Prefix { return &a.Peer }).AsID().Or("remote")
	return k
}

// broadcast takes + for the last address of the network and - for the first.
func broadcast() fs.Key[Addr] {
	k := fs.Addr("broadcast", "broadcast address; + for the last address of the network (IPv4)", func(a *Addr) *netip.Addr { return &a.Broadcast }).Or("brd")
	set := k.Set
	k.Set = func(a *Addr, w string) error {
		if w == "+" || w == "-" {
			a.edge = w[0]
			return nil
		}
		return set(a, w)
	}
	return k
}

// edge returns the last address of an IPv4 network, or the first one. A network
// of two addresses has none.
func edge(p netip.Prefix, last bool) netip.Addr {
	if !p.IsValid() || !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}
	}
	b := p.Masked().Addr().As4()
	if !last {
		return netip.AddrFrom4(b)
	}
	host := uint32(1)<<(32-p.Bits()) - 1
	for i := range b {
		b[i] |= byte(host >> (24 - 8*i))
	}
	return netip.AddrFrom4(b)
}

func scope() fs.Key[Addr] {
	return fs.Enum("scope", "how far it is valid: global site link host", fs.Namer(names.Scopes()), func(a *Addr) *uint8 { return &a.Scope }).
		Always().When(func(a *Addr) *bool { return &a.scoped })
}

func lifetime(name, doc string, at func(*Addr) *uint32) fs.Key[Addr] {
	return fs.Key[Addr]{
		Name: name, Doc: doc, Type: fs.Word, Words: []string{"forever"}, Runs: true,
		Get: func(b []byte, a *Addr) []byte {
			if a.bare {
				return b
			}
			if *at(a) == Forever {
				return append(b, "forever"...)
			}
			return strconv.AppendUint(b, uint64(*at(a)), 10)
		},
		Set: func(a *Addr, w string) error {
			if w == "forever" {
				*at(a) = Forever
				return nil
			}
			if n, err := strconv.ParseUint(w, 0, 32); err == nil {
				*at(a) = uint32(n)
				return nil
			}
			d, err := fs.ParseTime(w, time.Second)
			if err != nil || d < 0 || d/time.Second >= Forever {
				return bad("not seconds and not forever")
			}
			*at(a) = uint32(d / time.Second)
			return nil
		},
	}
}

func dynamic() fs.Key[Addr] {
	return fs.Key[Addr]{
		Name: "dynamic", Doc: "was learnt, or ends", Type: fs.Flag, RO: true,
		Get: func(b []byte, a *Addr) []byte {
			if a.bare || a.Flags&Permanent != 0 {
				return b
			}
			return append(b, '1')
		},
		Set: func(*Addr, string) error { return nil },
	}
}

// bad is a refusal of what was written.
func bad(text string) error { return &fs.Error{Text: text, Errno: syscall.EINVAL} }
