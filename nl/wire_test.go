package nl_test

import (
	"encoding/binary"
	"net/netip"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// Messages of rtnetlink built by hand: the engine knows no family, and its tests need little.
const (
	rtmNewLink  = 16
	rtmDelLink  = 17
	rtmGetLink  = 18
	rtmNewAddr  = 20
	rtmGetAddr  = 22
	rtmNewRoute = 24
	rtmDelRoute = 25
	rtmGetRoute = 26

	groupLink  = 1
	groupRoute = 7
)

// A raw body is bytes.
type raw []byte

func (r raw) AppendBody(b []byte) ([]byte, error) { return append(b, r...), nil }

// A link is struct ifinfomsg and a few attributes.
type link struct {
	index  int32
	flags  uint32
	change uint32
	name   string
	kind   string
	peer   string
	mtu    uint32
}

func (l link) AppendBody(b []byte) ([]byte, error) {
	b = append(b, make([]byte, 4)...)
	b = binary.NativeEndian.AppendUint32(b, uint32(l.index))
	b = binary.NativeEndian.AppendUint32(b, l.flags)
	b = binary.NativeEndian.AppendUint32(b, l.change)
	var err error
	if l.name != "" {
		if b, err = attr.AppendString(b, 3, l.name); err != nil {
			return b, err
		}
	}
	if l.mtu != 0 {
		b = attr.AppendU32(b, 4, l.mtu)
	}
	if l.kind == "" {
		return b, nil
	}
	b, info := attr.Begin(b, 18)
	if b, err = attr.AppendString(b, 1, l.kind); err != nil {
		return b, err
	}
	if l.peer != "" {
		var data, peer attr.Nest
		b, data = attr.Begin(b, 2)
		b, peer = attr.Begin(b, 1)
		b = append(b, make([]byte, 16)...)
		if b, err = attr.AppendString(b, 3, l.peer); err != nil {
			return b, err
		}
		if b, err = attr.End(b, peer); err != nil {
			return b, err
		}
		if b, err = attr.End(b, data); err != nil {
			return b, err
		}
	}
	return attr.End(b, info)
}

func (link) MessageName(typ uint16) string {
	return map[uint16]string{rtmNewLink: "RTM_NEWLINK", rtmDelLink: "RTM_DELLINK", rtmGetLink: "RTM_GETLINK"}[typ]
}

func (link) Schema() *attr.Schema {
	return &attr.Schema{Header: 16, Attrs: map[uint16]attr.Attr{
		3:  {Name: "IFLA_IFNAME"},
		4:  {Name: "IFLA_MTU"},
		18: {Name: "IFLA_LINKINFO", Nest: func() *attr.Schema { return &attr.Schema{Attrs: map[uint16]attr.Attr{1: {Name: "IFLA_INFO_KIND"}}} }},
	}}
}

func linkIndex(m nl.Message) int32 { return int32(binary.NativeEndian.Uint32(m.Data[4:])) }

func linkName(m nl.Message) string {
	v, _ := attr.Find(m.Data[16:], 3)
	return attr.String(v)
}

// A route is struct rtmsg and a few attributes. As a question it may be mostly zero.
type route struct {
	dst   netip.Prefix
	via   netip.Addr
	dev   uint32
	table uint32
	hops  []hop
	proto uint8
	list  bool // a dump: no scope, no type
}

type hop struct {
	via netip.Addr
	dev uint32
}

func (r route) AppendBody(b []byte) ([]byte, error) {
	proto, typ := r.proto, byte(1)
	if proto == 0 && !r.list {
		proto = 4 // static
	}
	if r.list {
		typ = 0
	}
	scope := byte(0)
	if !r.list && !r.via.IsValid() && len(r.hops) == 0 {
		scope = 253 // link
	}
	family := byte(2)
	if r.dst.IsValid() && r.dst.Addr().Is6() {
		family, scope = 10, 0
	}
	table := byte(254)
	if r.list {
		table = 0
	}
	b = append(b, family, byte(max(0, r.dst.Bits())), 0, 0, table, proto, scope, typ, 0, 0, 0, 0)
	if r.dst.IsValid() && r.dst.Bits() > 0 {
		b = attr.AppendAddr(b, 1, r.dst.Addr())
	}
	if r.via.IsValid() {
		b = attr.AppendAddr(b, 5, r.via)
	}
	if r.dev != 0 {
		b = attr.AppendU32(b, 4, r.dev)
	}
	if r.table != 0 {
		b = attr.AppendU32(b, 15, r.table)
	}
	if len(r.hops) == 0 {
		return b, nil
	}
	b, n := attr.BeginPlain(b, 9)
	for _, h := range r.hops {
		at := len(b)
		b = append(b, 0, 0, 0, 0)
		b = binary.NativeEndian.AppendUint32(b, h.dev)
		if h.via.IsValid() {
			b = attr.AppendAddr(b, 5, h.via)
		}
		binary.NativeEndian.PutUint16(b[at:], uint16(len(b)-at))
	}
	return attr.End(b, n)
}

func (route) MessageName(typ uint16) string {
	return map[uint16]string{rtmNewRoute: "RTM_NEWROUTE", rtmDelRoute: "RTM_DELROUTE", rtmGetRoute: "RTM_GETROUTE"}[typ]
}

func (route) Schema() *attr.Schema {
	attrs := map[uint16]attr.Attr{1: {Name: "RTA_DST"}, 4: {Name: "RTA_OIF"}, 5: {Name: "RTA_GATEWAY"}, 15: {Name: "RTA_TABLE"}}
	attrs[9] = attr.Attr{Name: "RTA_MULTIPATH", Nest: func() *attr.Schema {
		return &attr.Schema{Header: 8, Attrs: attrs, Record: func(b []byte) int {
			if len(b) < 8 {
				return 0
			}
			return int(binary.NativeEndian.Uint16(b))
		}}
	}}
	return &attr.Schema{Header: 12, Attrs: attrs}
}

// routeDst is the destination of an IPv4 route's message.
func routeDst(m nl.Message) netip.Prefix {
	v, ok := attr.Find(m.Data[12:], 1)
	if !ok {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(attr.Addr(v), int(m.Data[1]))
}

// prefix is the i-th /32 of 10.0.0.0/8.
func prefix(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
}
