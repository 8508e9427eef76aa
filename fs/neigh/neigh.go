// Package neigh is the page of neighbours: which link-layer address an address
// of the same network has. The table neigh, and in the directory of every link
// the table of its own:
//
//	dst=192.0.2.1 dev=eth0 lladdr=52:54:00:12:34:56 nud=permanent
//	dst=192.0.2.9 dev=eth0 proxy
//
// Words are iproute2's (ip-neighbour(8)). An entry is told from others by dst, dev
// and proxy. As ip(8) does, the table leaves out what the kernel makes for
// addresses that need no resolution (nud=noarp) and what has no state;
// "neigh,nud=noarp" shows them.
//
// What changes by itself (how long ago an entry was used, probes sent) is in the
// file neigh.stats, so that two reads of neigh agree as long as the states do.
// Forwarding entries of bridges are not here.
package neigh

import (
	"net/netip"
	"strings"
	"syscall"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/names"
)

// A Neigh is an entry of a neighbour table.
type Neigh struct {
	Dst      netip.Addr
	Dev      string
	LLAddr   string // as printed
	State    uint16 // NUD_*, linux/neighbour.h
	Flags    uint8  // NTF_*
	FlagsExt uint32 // NTF_EXT_*
	Proto    uint8
	VLAN     uint16
	VNI      uint32
	Port     uint16
	NHID     uint32

	// ages in seconds, and counts
	Used, Confirmed, Updated float64
	Probes, Refs             uint32

	stated bool // State is known
	vague  bool // the kernel does not tell its state
}

// States of an entry (linux/neighbour.h).
const (
	None       = 0
	Incomplete = 0x01
	Reachable  = 0x02
	Stale      = 0x04
	Delay      = 0x08
	Probe      = 0x10
	Failed     = 0x20
	NoARP      = 0x40
	Permanent  = 0x80
)

// Flags of an entry (linux/neighbour.h).
const (
	Use         = 0x01
	Proxy       = 0x08
	ExternLearn = 0x10
	Offloaded   = 0x20
	Router      = 0x80

	Managed     = 0x01 // in FlagsExt
	ExtLocked   = 0x02
	ExternValid = 0x04
)

var stateNames = fs.Names{
	None: "none", Incomplete: "incomplete", Reachable: "reachable", Stale: "stale", Delay: "delay",
	Probe: "probe", Failed: "failed", NoARP: "noarp", Permanent: "permanent",
}

func flags(n *Neigh) *uint8     { return &n.Flags }
func flagsExt(n *Neigh) *uint32 { return &n.FlagsExt }

var dst = fs.Addr("dst", "address of the neighbour", func(n *Neigh) *netip.Addr { return &n.Dst }).AsID().Or("to")
var dev = fs.Str("dev", "the link that it is behind", func(n *Neigh) *string { return &n.Dev }).AsID()

var proxy = func() fs.Key[Neigh] {
	k := fs.Bit("proxy", "this host answers for the address", flags, Proxy)
	k.ID = true
	return k
}()

var keys = fs.NewKeys(
	dst,
	dev,
	proxy,
	fs.Key[Neigh]{Name: "lladdr", Doc: "its link-layer address", Type: fs.Word,
		Get: func(b []byte, n *Neigh) []byte { return append(b, n.LLAddr...) },
		Set: setLLAddr},
	fs.Key[Neigh]{Name: "nud", Also: []string{"state"}, Doc: "state of neighbour unreachability detection; permanent when none is given", Type: fs.Word,
		Words: stateNames.Words(), Get: getState, Set: setState},
	fs.Bit("router", "it is a router (IPv6)", flags, Router),
	fs.Bit("extern_learn", "learnt by something outside the kernel", flags, ExternLearn),
	fs.Bit("managed", "the kernel keeps it resolved", flagsExt, Managed),
	fs.Bit("extern_valid", "valid until something outside the kernel says otherwise", flagsExt, ExternValid),
	use(),
	fs.Enum("proto", "who set it, by name or number", fs.Namer(names.Protos()), func(n *Neigh) *uint8 { return &n.Proto }).Or("protocol"),
	fs.Num("vlan", "VLAN id", func(n *Neigh) *uint16 { return &n.VLAN }),
	fs.Num("vni", "network identifier of a tunnel", func(n *Neigh) *uint32 { return &n.VNI }),
	fs.Num("port", "destination port of a tunnel", func(n *Neigh) *uint16 { return &n.Port }),
	fs.Num("nhid", "nexthop group", func(n *Neigh) *uint32 { return &n.NHID }),
	fs.Bit("offloaded", "the hardware has it", flags, Offloaded).ReadOnly(),
)

// statKeys are the words of neigh.stats.
var statKeys = fs.NewKeys(
	dst,
	dev,
	age("used", "since it was used, in s", func(n *Neigh) *float64 { return &n.Used }),
	age("confirmed", "since the neighbour answered, in s", func(n *Neigh) *float64 { return &n.Confirmed }),
	age("updated", "since it was changed, in s", func(n *Neigh) *float64 { return &n.Updated }),
	fs.Num("probes", "probes sent that were not answered", func(n *Neigh) *uint32 { return &n.Probes }).Always().ReadOnly(),
	fs.Num("refs", "who holds it", func(n *Neigh) *uint32 { return &n.Refs }).Always().ReadOnly().Or("refcnt"),
)

// use is input only: the kernel forgets it.
func use() fs.Key[Neigh] {
	k := fs.Bit("use", "resolves it now", flags, Use)
	k.Get = nil
	return k
}

func setLLAddr(n *Neigh, w string) error {
	if a, err := netip.ParseAddr(w); err == nil {
		n.LLAddr = a.String()
		return nil
	}
	a, err := fs.ParseMAC(w)
	n.LLAddr = string(fs.AppendMAC(nil, a))
	return err
}

func getState(b []byte, n *Neigh) []byte {
	if !n.stated || n.Flags&Proxy != 0 {
		return b
	}
	return stateNames.Append(b, uint32(n.State))
}

func setState(n *Neigh, w string) error {
	s, err := stateNames.Parse(strings.ToLower(w))
	if err != nil {
		return err
	}
	if s > 0xff {
		return bad("not a state")
	}
	n.State, n.stated = uint16(s), true
	return nil
}

// bad is a refusal of what was written.
func bad(text string) error { return &fs.Error{Text: text, Errno: syscall.EINVAL} }
