package ct

import "net/netip"

// Families and protocols whose tuples have a shape of their own.
const (
	afInet  = 2
	afInet6 = 10

	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoGRE     = 47
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

// hasPorts tells whether tuples of the protocol have ports (or GRE's keys).
func hasPorts(proto uint8) bool {
	switch proto {
	case protoTCP, protoUDP, protoDCCP, protoGRE, protoSCTP, protoUDPLite:
		return true
	}
	return false
}

// Family is AF_INET, AF_INET6, or 0 if the tuple has neither an address nor a
// protocol that tells.
func (t *Tuple) Family() uint8 {
	for _, a := range [...]netip.Addr{t.IP.Src, t.IP.Dst} {
		if a.Is4() {
			return afInet
		}
		if a.Is6() {
			return afInet6
		}
	}
	switch t.Proto.Num {
	case protoICMP:
		return afInet
	case protoICMPv6:
		return afInet6
	}
	return 0
}

// Reverse is the tuple of an answer, where nothing is translated.
func (t *Tuple) Reverse() Tuple {
	r := *t
	r.IP.Src, r.IP.Dst = t.IP.Dst, t.IP.Src
	r.Proto.SrcPort, r.Proto.DstPort = t.Proto.DstPort, t.Proto.SrcPort
	switch t.Proto.Num {
	case protoICMP:
		r.Proto.ICMPType = answer(icmpAnswers, t.Proto.ICMPType)
	case protoICMPv6:
		r.Proto.ICMPv6Type = answer(icmpv6Answers, t.Proto.ICMPv6Type)
	}
	r.Zone = 0
	r.Has &^= TupleZone
	r.complete()
	return r
}

// Types of questions and answers that are tracked (RFC 792, RFC 950, RFC 4443,
// RFC 4620).
var (
	icmpAnswers   = [][2]uint8{{8, 0}, {13, 14}, {15, 16}, {17, 18}}
	icmpv6Answers = [][2]uint8{{128, 129}, {139, 140}}
)

func answer(pairs [][2]uint8, t uint8) uint8 {
	for _, p := range pairs {
		switch t {
		case p[0]:
			return p[1]
		case p[1]:
			return p[0]
		}
	}
	return t
}

// complete marks as present what the kernel wants even where it is zero.
func (t *Tuple) complete() {
	p := &t.Proto
	if !t.isSet() {
		return
	}
	p.Has |= ProtoNum
	switch {
	case p.Num == protoICMP:
		p.Has |= ProtoICMPID | ProtoICMPType | ProtoICMPCode
	case p.Num == protoICMPv6:
		p.Has |= ProtoICMPv6ID | ProtoICMPv6Type | ProtoICMPv6Code
	case hasPorts(p.Num):
		p.Has |= ProtoSrcPort | ProtoDstPort
	}
}

func (t *Tuple) isSet() bool { return t.IP.Src.IsValid() || t.IP.Dst.IsValid() }

// parts are the flags of CTA_FILTER for what the tuple has.
func (t *Tuple) parts() uint32 {
	p := &t.Proto
	var f uint32
	set := func(on bool, bit uint32) {
		if on {
			f |= bit
		}
	}
	set(t.IP.Src.IsValid(), CTA_FILTER_F_CTA_IP_SRC)
	set(t.IP.Dst.IsValid(), CTA_FILTER_F_CTA_IP_DST)
	set(t.Zone != 0 || t.Has&TupleZone != 0, CTA_FILTER_F_CTA_TUPLE_ZONE)
	set(p.Num != 0 || p.Has&ProtoNum != 0, CTA_FILTER_F_CTA_PROTO_NUM)
	set(p.SrcPort != 0 || p.Has&ProtoSrcPort != 0, CTA_FILTER_F_CTA_PROTO_SRC_PORT)
	set(p.DstPort != 0 || p.Has&ProtoDstPort != 0, CTA_FILTER_F_CTA_PROTO_DST_PORT)
	set(p.ICMPType != 0 || p.Has&ProtoICMPType != 0, CTA_FILTER_F_CTA_PROTO_ICMP_TYPE)
	set(p.ICMPCode != 0 || p.Has&ProtoICMPCode != 0, CTA_FILTER_F_CTA_PROTO_ICMP_CODE)
	set(p.ICMPID != 0 || p.Has&ProtoICMPID != 0, CTA_FILTER_F_CTA_PROTO_ICMP_ID)
	set(p.ICMPv6Type != 0 || p.Has&ProtoICMPv6Type != 0, CTA_FILTER_F_CTA_PROTO_ICMPV6_TYPE)
	set(p.ICMPv6Code != 0 || p.Has&ProtoICMPv6Code != 0, CTA_FILTER_F_CTA_PROTO_ICMPV6_CODE)
	set(p.ICMPv6ID != 0 || p.Has&ProtoICMPv6ID != 0, CTA_FILTER_F_CTA_PROTO_ICMPV6_ID)
	return f
}

// equal compares the parts of two tuples.
func (t *Tuple) equal(u *Tuple, parts uint32) bool {
	p, q := &t.Proto, &u.Proto
	differs := func(bit uint32, same bool) bool { return parts&bit != 0 && !same }
	return !(differs(CTA_FILTER_F_CTA_IP_SRC, t.IP.Src == u.IP.Src) ||
		differs(CTA_FILTER_F_CTA_IP_DST, t.IP.Dst == u.IP.Dst) ||
		differs(CTA_FILTER_F_CTA_TUPLE_ZONE, t.Zone == u.Zone) ||
		differs(CTA_FILTER_F_CTA_PROTO_NUM, p.Num == q.Num) ||
		differs(CTA_FILTER_F_CTA_PROTO_SRC_PORT, hasPorts(q.Num) && p.SrcPort == q.SrcPort) ||
		differs(CTA_FILTER_F_CTA_PROTO_DST_PORT, hasPorts(q.Num) && p.DstPort == q.DstPort) ||
		differs(CTA_FILTER_F_CTA_PROTO_ICMP_TYPE, q.Num == protoICMP && p.ICMPType == q.ICMPType) ||
		differs(CTA_FILTER_F_CTA_PROTO_ICMP_CODE, q.Num == protoICMP && p.ICMPCode == q.ICMPCode) ||
		differs(CTA_FILTER_F_CTA_PROTO_ICMP_ID, q.Num == protoICMP && p.ICMPID == q.ICMPID) ||
		differs(CTA_FILTER_F_CTA_PROTO_ICMPV6_TYPE, q.Num == protoICMPv6 && p.ICMPv6Type == q.ICMPv6Type) ||
		differs(CTA_FILTER_F_CTA_PROTO_ICMPV6_CODE, q.Num == protoICMPv6 && p.ICMPv6Code == q.ICMPv6Code) ||
		differs(CTA_FILTER_F_CTA_PROTO_ICMPV6_ID, q.Num == protoICMPv6 && p.ICMPv6ID == q.ICMPv6ID))
}
