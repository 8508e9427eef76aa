package conntrack

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/nl/ct"
)

// row fills e from m.
func row(m *ct.Entry, e *Entry) bool {
	*e = Entry{
		Orig: tuple(&m.Orig), Reply: tuple(&m.Reply), Zone: m.Zone,
		Status: Status(m.Status), Timeout: uint32(m.Timeout / time.Second), Mark: m.Mark, Helper: m.Helper.Name,
		ID: m.ID, Use: m.Use,
	}
	if m.Has.Has(ct.EntryProtoInfo) {
		info(&m.ProtoInfo, e)
	}
	if m.Has.Has(ct.EntryCountersOrig) {
		e.HasCount = true
		e.Counters = [2]Counters{{m.CountersOrig.Packets, m.CountersOrig.Bytes}, {m.CountersReply.Packets, m.CountersReply.Bytes}}
	}
	if len(m.Labels) > 0 {
		e.Labels = labels(m.Labels)
	}
	rare(m, e)
	return true
}

// rare fills what few connections have.
func rare(m *ct.Entry, e *Entry) {
	const any = ct.EntryMaster | ct.EntrySecctx | ct.EntryTimestamps | ct.EntrySeqAdjOrig | ct.EntrySeqAdjReply | ct.EntrySynproxy
	if m.Has&any == 0 {
		return
	}
	e.Master = tuple(&m.Master)
	e.Secctx = m.Secctx.Name
	e.Start, e.Stop = m.Timestamps.Start, m.Timestamps.Stop
	e.SeqAdj = [2]SeqAdj{seqAdj(&m.SeqAdjOrig), seqAdj(&m.SeqAdjReply)}
	e.Synproxy = Synproxy{m.Synproxy.ISN, m.Synproxy.ITS, m.Synproxy.TSOff}
}

func seqAdj(m *ct.SeqAdj) SeqAdj { return SeqAdj{m.CorrectionPos, m.OffsetBefore, m.OffsetAfter} }

func tuple(m *ct.Tuple) Tuple {
	p := &m.Proto
	t := Tuple{Proto: p.Num, Src: m.IP.Src, Dst: m.IP.Dst, Sport: p.SrcPort, Dport: p.DstPort, Zone: m.Zone}
	switch p.Num {
	case protoICMP:
		t.Type, t.Code, t.ID = p.ICMPType, p.ICMPCode, p.ICMPID
	case protoICMPv6:
		t.Type, t.Code, t.ID = p.ICMPv6Type, p.ICMPv6Code, p.ICMPv6ID
	}
	return t
}

func info(m *ct.ProtoInfo, e *Entry) {
	switch {
	case m.Has.Has(ct.ProtoInfoTCP):
		e.State = MakeState(protoTCP, m.TCP.State)
		e.Window = [2]Window{{m.TCP.WScaleOrig, m.TCP.FlagsOrig.Flags}, {m.TCP.WScaleReply, m.TCP.FlagsReply.Flags}}
	case m.Has.Has(ct.ProtoInfoSCTP):
		e.State = MakeState(protoSCTP, m.SCTP.State)
		e.VTag = [2]uint32{m.SCTP.VTagOrig, m.SCTP.VTagReply}
	case m.Has.Has(ct.ProtoInfoDCCP):
		e.State = MakeState(protoDCCP, m.DCCP.State)
		e.Role, e.Seq = Role(m.DCCP.Role+1), m.DCCP.HandshakeSeq
	}
}

// labels reads 128 bits in words of the machine, the least significant first.
// Words may have 32 or 64 bits: only the order of bytes of the machine counts.
func labels(b []byte) (l [2]uint64) {
	var whole [16]byte
	copy(whole[:], b)
	return [2]uint64{binary.NativeEndian.Uint64(whole[:]), binary.NativeEndian.Uint64(whole[8:])}
}

func labelBytes(l [2]uint64) []byte {
	return binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, l[0]), l[1])
}

// wireTuple is the tuple with what the kernel wants to have said.
func wireTuple(t *Tuple) ct.Tuple {
	m := ct.Tuple{IP: ct.IP{Src: t.Src, Dst: t.Dst}, Zone: t.Zone}
	p := &m.Proto
	p.Num = t.Proto
	if t.Proto != 0 {
		p.Has |= ct.ProtoNum
	}
	switch {
	case t.HasPorts():
		p.SrcPort, p.DstPort = t.Sport, t.Dport
		p.Has |= ct.ProtoSrcPort | ct.ProtoDstPort
	case t.Proto == protoICMP:
		p.ICMPType, p.ICMPCode, p.ICMPID = t.Type, t.Code, t.ID
		p.Has |= ct.ProtoICMPType | ct.ProtoICMPCode | ct.ProtoICMPID
	case t.Proto == protoICMPv6:
		p.ICMPv6Type, p.ICMPv6Code, p.ICMPv6ID = t.Type, t.Code, t.ID
		p.Has |= ct.ProtoICMPv6Type | ct.ProtoICMPv6Code | ct.ProtoICMPv6ID
	}
	return m
}

// settable are the status bits that a request may carry: the rest is the
// kernel's, or follows from the translations.
const settable = ct.IPS_SEEN_REPLY | ct.IPS_ASSURED | ct.IPS_FIXED_TIMEOUT

// creation is a new entry with all of e.
func creation(e *Entry) *ct.Entry {
	m := &ct.Entry{
		Orig: wireTuple(&e.Orig), Reply: wireTuple(&e.Reply), Zone: e.Zone,
		Timeout: time.Duration(e.Timeout) * time.Second, Mark: e.Mark,
		Status: ct.Status(e.Status) & settable, Has: ct.EntryStatus | ct.EntryTimeout,
	}
	m.Helper.Name = e.Helper
	setInfo(m, e)
	if e.Labels != [2]uint64{} {
		m.Labels = labelBytes(e.Labels)
	}
	if e.Master.IsSet() {
		m.Master = wireTuple(&e.Master)
	}
	m.SeqAdjOrig, m.SeqAdjReply = wireSeqAdj(e.SeqAdj[0]), wireSeqAdj(e.SeqAdj[1])
	m.Synproxy = ct.Synproxy{ISN: e.Synproxy.ISN, ITS: e.Synproxy.ITS, TSOff: e.Synproxy.Offset}
	translate(m, e)
	return m
}

func wireSeqAdj(s SeqAdj) ct.SeqAdj {
	if s == (SeqAdj{}) {
		return ct.SeqAdj{}
	}
	return ct.SeqAdj{CorrectionPos: s.Pos, OffsetBefore: s.Before, OffsetAfter: s.After,
		Has: ct.SeqAdjCorrectionPos | ct.SeqAdjOffsetBefore | ct.SeqAdjOffsetAfter}
}

// translate asks for the translations that make the answers' tuple what it is.
// The kernel wants the tuple as it is without them, and works them out itself.
func translate(m *ct.Entry, e *Entry) {
	want, rev := &e.Reply, e.Orig.reverse()
	m.SrcNAT = nat(want.Dst, rev.Dst, want.Dport, rev.Dport, want.HasPorts())
	m.DstNAT = nat(want.Src, rev.Src, want.Sport, rev.Sport, want.HasPorts())
	if want.HasICMP() && want.ID != rev.ID {
		m.SrcNAT = ct.NAT{Min: want.Dst, Max: want.Dst, Ports: ct.PortRange{Min: want.ID, Max: want.ID}}
	}
	if m.SrcNAT.Min.IsValid() || m.DstNAT.Min.IsValid() {
		rev.Zone = want.Zone
		m.Reply = wireTuple(&rev)
	}
}

func nat(addr, plain netip.Addr, port, plainPort uint16, ports bool) (n ct.NAT) {
	if addr == plain && (!ports || port == plainPort) {
		return n
	}
	n.Min, n.Max = addr, addr
	if ports {
		n.Ports = ct.PortRange{Min: port, Max: port}
	}
	return n
}

func setInfo(m *ct.Entry, e *Entry) {
	if e.State == 0 {
		return
	}
	switch e.Orig.Proto {
	case protoTCP:
		m.ProtoInfo.TCP = ct.TCPInfo{
			State: e.State.Number(), WScaleOrig: e.Window[0].Scale, WScaleReply: e.Window[1].Scale,
			FlagsOrig: ct.TCPFlags{Flags: e.Window[0].Flags, Mask: 0xff}, FlagsReply: ct.TCPFlags{Flags: e.Window[1].Flags, Mask: 0xff},
			Has: ct.TCPInfoState | ct.TCPInfoWScaleOrig | ct.TCPInfoWScaleReply | ct.TCPInfoFlagsOrig | ct.TCPInfoFlagsReply,
		}
		m.ProtoInfo.Has |= ct.ProtoInfoTCP
	case protoSCTP:
		m.ProtoInfo.SCTP = ct.SCTPInfo{State: e.State.Number(), VTagOrig: e.VTag[0], VTagReply: e.VTag[1],
			Has: ct.SCTPInfoState | ct.SCTPInfoVTagOrig | ct.SCTPInfoVTagReply}
		m.ProtoInfo.Has |= ct.ProtoInfoSCTP
	case protoDCCP:
		m.ProtoInfo.DCCP = ct.DCCPInfo{State: e.State.Number(), Role: uint8(max(e.Role, 1) - 1), HandshakeSeq: e.Seq,
			Has: ct.DCCPInfoState | ct.DCCPInfoRole}
		m.ProtoInfo.Has |= ct.ProtoInfoDCCP
	}
	m.Has |= ct.EntryProtoInfo
}

// key names an entry by its first tuple.
func key(e *Entry) *ct.Key {
	return &ct.Key{Orig: wireTuple(&e.Orig), Zone: e.Zone}
}
