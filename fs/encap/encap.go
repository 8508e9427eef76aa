// Package encap has the words of encapsulations (light-weight tunnels), which
// routes, their ways and nexthop objects share:
//
//	encap=mpls encap.label=100/200
//	encap=ip encap.id=100 encap.dst=198.51.100.1
//	encap=seg6 encap.mode=encap encap.segs=2001:db8::1,2001:db8::2
//
// The words are those of ip-route(8), with "encap." before each, since they
// stand beside the route's own (dst, src, tos).
package encap

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
)

// An Encap is what packets of a route or a way are wrapped into. The zero
// Encap is none.
type Encap struct {
	Kind   Kind     // zero: none
	Labels []uint32 // mpls, outermost first
	Mode   Mode     // seg6
	Segs   []netip.Addr
	ID     uint64 // ip, ip6: tunnel key
	Src    netip.Addr
	Dst    netip.Addr
	TTL    uint8
	HasTTL bool // mpls: TTL 0 is not silence
	TOS    uint8
	Flags  uint16 // ip, ip6: tunnel flags
	Raw    []byte // the attributes of what netfs does not take apart
}

// Kind is the way of wrapping. The numbers are those of LWTUNNEL_ENCAP_*
// in linux/lwtunnel.h.
type Kind uint16

const (
	MPLS Kind = 1
	IP   Kind = 2
	IP6  Kind = 4
	Seg6 Kind = 5
)

var kinds = fs.Names{1: "mpls", 2: "ip", 3: "ila", 4: "ip6", 5: "seg6", 6: "bpf", 7: "seg6local", 8: "rpl", 9: "ioam6", 10: "xfrm"}

// Mode is how segments are inserted: SEG6_IPTUN_MODE_* in
// linux/seg6_iptunnel.h, plus one, so that zero is none.
type Mode uint8

var modes = fs.Names{1: "inline", 2: "encap", 3: "l2encap", 4: "encap.red", 5: "l2encap.red"}

// Keys are the words of the Encap at(v).
func Keys[T any](at func(v *T) *Encap) []fs.Key[T] {
	return fs.Section(func(v *T) bool { return !at(v).zero() },
		kindKey(at),
		labelsKey(at),
		fs.Enum("encap.mode", "seg6: how segments are inserted", modes, func(v *T) *Mode { return &at(v).Mode }),
		segsKey(at),
		fs.Num("encap.id", "ip, ip6: tunnel key", func(v *T) *uint64 { return &at(v).ID }),
		fs.Addr("encap.src", "ip, ip6: outer source", func(v *T) *netip.Addr { return &at(v).Src }),
		fs.Addr("encap.dst", "ip, ip6: outer destination", func(v *T) *netip.Addr { return &at(v).Dst }),
		ttlKey(at),
		fs.HexNum("encap.tos", "ip, ip6: outer TOS byte", func(v *T) *uint8 { return &at(v).TOS }).Or("encap.tc"),
		fs.HexNum("encap.flags", "ip, ip6: 1 checksum, 4 key, 8 sequence numbers", func(v *T) *uint16 { return &at(v).Flags }),
		fs.Hex("encap.raw", "attributes of an encapsulation that netfs does not take apart", func(v *T) *[]byte { return &at(v).Raw }),
	)
}

// zero reports whether nothing is said.
func (e *Encap) zero() bool {
	return e.Kind == 0 && e.ID == 0 && e.TTL == 0 && !e.HasTTL && e.TOS == 0 && e.Flags == 0 && e.Mode == 0 &&
		len(e.Labels)+len(e.Segs)+len(e.Raw) == 0 && !e.Src.IsValid() && !e.Dst.IsValid()
}

// kindKey takes "mpls 100/200" too, as ip-route(8) spells it.
func kindKey[T any](at func(v *T) *Encap) fs.Key[T] {
	k := fs.Enum("encap", "what packets are wrapped into", kinds, func(v *T) *Kind { return &at(v).Kind })
	k.Mods = []string{"mpls"}
	set, label := k.Set, labelsKey(at).Set
	k.Set = func(v *T, word string) error {
		kind, labels, two := strings.Cut(word, " ")
		if err := set(v, kind); err != nil || !two {
			return err
		}
		return label(v, labels)
	}
	return k
}

// ttlKey prints 0 where it is not silence.
func ttlKey[T any](at func(v *T) *Encap) fs.Key[T] {
	k := fs.Num("encap.ttl", "outer TTL; mpls: 0 takes the packet's", func(v *T) *uint8 { return &at(v).TTL }).Or("encap.hoplimit")
	get, full, set := k.Get, k.Always().Get, k.Set
	k.Get = func(b []byte, v *T) []byte {
		if at(v).HasTTL {
			return full(b, v)
		}
		return get(b, v)
	}
	k.Set = func(v *T, word string) error {
		at(v).HasTTL = true
		return set(v, word)
	}
	return k
}

// labelsKey is a stack of MPLS labels, 100/200, outermost first.
func labelsKey[T any](at func(v *T) *Encap) fs.Key[T] {
	return fs.Key[T]{
		Name: "encap.label", Doc: "mpls: labels to push, the outermost first: 100/200", Type: fs.Word,
		Get: func(b []byte, v *T) []byte {
			for i, n := range at(v).Labels {
				if i > 0 {
					b = append(b, '/')
				}
				b = strconv.AppendUint(b, uint64(n), 10)
			}
			return b
		},
		Set: func(v *T, word string) error {
			var all []uint32
			for _, s := range strings.Split(word, "/") {
				n, err := strconv.ParseUint(s, 0, 20)
				if err != nil {
					return errors.New("not labels such as 100/200, each below 1048576")
				}
				all = append(all, uint32(n))
			}
			at(v).Labels = all
			return nil
		},
	}
}

func segsKey[T any](at func(v *T) *Encap) fs.Key[T] {
	return fs.Key[T]{
		Name: "encap.segs", Doc: "seg6: segments in the order of the way", Type: fs.List,
		Get: func(b []byte, v *T) []byte {
			for i, a := range at(v).Segs {
				if i > 0 {
					b = append(b, ',')
				}
				b = a.AppendTo(b)
			}
			return b
		},
		Set: func(v *T, word string) error {
			var all []netip.Addr
			for _, s := range strings.Split(word, ",") {
				a, err := netip.ParseAddr(s)
				if err != nil || !a.Is6() {
					return errors.New("not IPv6 addresses")
				}
				all = append(all, a)
			}
			at(v).Segs = all
			return nil
		},
	}
}
