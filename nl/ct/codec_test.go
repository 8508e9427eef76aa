package ct

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

// What Linux 6.18 sent, without nlmsghdr.
const (
	tcpHex = `02000000
		3400018014000180 08000100c0000201 08000200c6336407 1c00028005000100060000000600 02009c4000000600030001bb0000
		3400028014000180 08000100c6336407 08000200c0000201 1c0002800500010006000000060002 0001bb00000600 03009c400000
		0600120000070000 080003000000000e 0800080000001234 08000c00343847ca 08000b0000000002 0800070000000e10
		300004802c000180 0500010003000000 0500020007000000 0500030009000000 0600040003000000 0600050009000000
		1c0009800c000100 0000000000000000 0c00020000000000 00000000 1c000a800c000100 0000000000000000 0c00020000000000 00000000
		100014800c000100 18eb176a74ed381a 1400160000000800 0000000000000000 00000000
		1c00188008000100 0000000008000200 0000000008000300 00000000`
	icmpv6Hex = `0a000000
		540001802c00018014000300 20010db8000000000000000000000001 14000400 20010db8000000000000000000000002
		2400028005000100 3a00000006000700 004e000005000800 8000000005000900 00000000
		540002802c00018014000300 20010db8000000000000000000000002 14000400 20010db8000000000000000000000001
		2400028005000100 3a00000006000700 004e000005000800 8100000005000900 00000000
		0800030000000008 0800080000000000 08000c009b3f34a4 08000b0000000002 0800070000000e0f`
	sctpHex = `02000000
		3400018014000180 08000100c0000201 08000200c0000202 1c00028005000100 8400000006000200 0005000006000300 00060000
		3400028014000180 08000100c0000202 08000200c0000201 1c00028005000100 8400000006000200 0006000006000300 00050000
		0800030000000008 0800080000000000 08000c0090640595 08000b0000000002 0800070000000e10
		2000048 01c00038005000100 0400000008000200 deadbeef08000300 12345678`
	expectHex = `02000000
		3400028014000180 08000100c0000208 08000200c0000209 1c00028005000100 0600000006000200 0000000006000300 13890000
		3400038014000180 08000100ffffffff 08000200ffffffff 1c00028005000100 0600000006000200 0000000006000300 ffff0000
		3400018014000180 08000100c0000209 08000200c0000208 1c00028005000100 0600000006000200 07d0000006000300 00150000
		080004000000012c 08000500b4b818b9 0800080000000000 0800090000000000 0800060066747000`
	cpuHex = `00000001
		0800020000000000 0800040000000000 0800080000000008 0800090000000000 08000a0000000000 08000b0000000000
		08000c0000000000 08000d0000000000 08000e0000000000 08000f0000000000`
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	require.NoError(t, err)
	return b
}

func TestDecodeTCP(t *testing.T) {
	var e Entry
	require.NoError(t, e.Decode(unhex(t, tcpHex)))
	require.Equal(t, uint8(afInet), e.Header.Family)
	require.Equal(t, netip.MustParseAddr("192.0.2.1"), e.Orig.IP.Src)
	require.Equal(t, netip.MustParseAddr("198.51.100.7"), e.Orig.IP.Dst)
	require.Equal(t, Proto{Num: 6, SrcPort: 40000, DstPort: 443, Has: ProtoNum | ProtoSrcPort | ProtoDstPort}, e.Orig.Proto)
	require.Equal(t, uint16(443), e.Reply.Proto.SrcPort)
	require.Equal(t, uint16(7), e.Zone)
	require.Equal(t, IPS_CONFIRMED|IPS_ASSURED|IPS_SEEN_REPLY, e.Status)
	require.Equal(t, uint32(0x1234), e.Mark)
	require.Equal(t, uint32(0x343847ca), e.ID)
	require.Equal(t, uint32(2), e.Use)
	require.Equal(t, time.Hour, e.Timeout)
	tcp := e.ProtoInfo.TCP
	require.Equal(t, uint8(TCP_CONNTRACK_ESTABLISHED), tcp.State)
	require.Equal(t, uint8(7), tcp.WScaleOrig)
	require.Equal(t, uint8(9), tcp.WScaleReply)
	require.Equal(t, TCPFlags{Flags: IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM}, tcp.FlagsOrig)
	require.Equal(t, TCPFlags{Flags: IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_BE_LIBERAL}, tcp.FlagsReply)
	require.Equal(t, uint64(0x18eb176a74ed381a), e.Timestamps.Start)
	require.Equal(t, byte(8), e.Labels[2])
	require.Equal(t, CountersPackets|CountersBytes, e.CountersOrig.Has)

	// A value that is decoded into again keeps nothing.
	require.NoError(t, e.Decode(unhex(t, icmpv6Hex)))
	require.Zero(t, e.Zone)
	require.Zero(t, e.ProtoInfo)
	require.Empty(t, e.Labels)
	require.Zero(t, e.Has&(EntryZone|EntryLabels|EntryTimestamps))
	require.Equal(t, uint8(128), e.Orig.Proto.ICMPv6Type)
	require.Equal(t, uint8(129), e.Reply.Proto.ICMPv6Type)
	require.Equal(t, uint16(78), e.Reply.Proto.ICMPv6ID)
	require.Equal(t, netip.MustParseAddr("2001:db8::2"), e.Orig.IP.Dst)
}

func TestDecodeSCTP(t *testing.T) {
	var e Entry
	require.NoError(t, e.Decode(unhex(t, sctpHex)))
	require.Equal(t, uint32(0xdeadbeef), e.ProtoInfo.SCTP.VTagOrig)
	require.Equal(t, uint32(0x12345678), e.ProtoInfo.SCTP.VTagReply)
	require.Equal(t, uint8(SCTP_CONNTRACK_ESTABLISHED), e.ProtoInfo.SCTP.State)
}

func TestDecodeExpect(t *testing.T) {
	var e Expect
	require.NoError(t, e.Decode(unhex(t, expectHex)))
	require.Equal(t, "ftp", e.Helper)
	require.Equal(t, uint16(5001), e.Tuple.Proto.DstPort)
	require.Equal(t, uint16(0xffff), e.Mask.Proto.DstPort)
	require.Equal(t, uint16(21), e.Master.Proto.DstPort)
	require.Equal(t, 5*time.Minute, e.Timeout)
}

func TestDecodeCPU(t *testing.T) {
	var s CPUStats
	require.NoError(t, s.Decode(unhex(t, cpuHex)))
	require.Equal(t, uint16(1), s.Header.ResID)
	require.Equal(t, uint32(8), s.Insert)
	require.Zero(t, s.Has&CPUStatsSearched)
}

// TestEncodeAgain sends what was read: the same attributes, if in another
// order.
func TestEncodeAgain(t *testing.T) {
	for _, h := range []string{tcpHex, icmpv6Hex, sctpHex} {
		in := unhex(t, h)
		var a, b Entry
		require.NoError(t, a.Decode(in))
		out, err := a.AppendBody(nil)
		require.NoError(t, err)
		require.Len(t, out, len(in))
		require.NoError(t, b.Decode(out))
		require.Equal(t, a, b)
	}
}

func TestBrokenFraming(t *testing.T) {
	in := unhex(t, tcpHex)
	for name, c := range map[string]struct {
		at   int
		to   byte
		path string
	}{
		"outside": {4, 0xff, "attribute"},
		"tuple":   {8, 0x60, "CTA_TUPLE_ORIG"},
		"address": {12, 0x60, "CTA_TUPLE_ORIG.CTA_TUPLE_IP"},
	} {
		b := append([]byte(nil), in...)
		b[c.at], b[c.at+1] = c.to, 0x10
		var e Entry
		require.ErrorContains(t, e.Decode(b), c.path, name)
	}
	for n := range in {
		var e Entry
		_ = e.Decode(in[:n]) // cut anywhere: an error or what is there
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	tcp, icmp := unhex(t, tcpHex), unhex(t, icmpv6Hex)
	var e Entry
	f := Filter{Mark: 7}
	m := f.matcher()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if e.Decode(tcp) != nil || e.Decode(icmp) != nil || m.match(&e) {
			t.Fatal("no decoding")
		}
	}))
}

func BenchmarkDecode(b *testing.B) {
	in := unhex(b, tcpHex)
	var e Entry
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Decode(in); err != nil {
			b.Fatal(err)
		}
	}
}

func TestReverse(t *testing.T) {
	v4 := Tuple{IP: IP{Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2")}}
	for name, c := range map[string]struct{ in, out Proto }{
		"tcp":            {Proto{Num: 6, SrcPort: 1, DstPort: 2}, Proto{Num: 6, SrcPort: 2, DstPort: 1}},
		"port 0":         {Proto{Num: 17, DstPort: 2}, Proto{Num: 17, SrcPort: 2}},
		"echo":           {Proto{Num: 1, ICMPID: 9, ICMPType: 8}, Proto{Num: 1, ICMPID: 9, ICMPType: 0}},
		"timestamp":      {Proto{Num: 1, ICMPID: 9, ICMPType: 13}, Proto{Num: 1, ICMPID: 9, ICMPType: 14}},
		"echo answer":    {Proto{Num: 58, ICMPv6ID: 9, ICMPv6Type: 129}, Proto{Num: 58, ICMPv6ID: 9, ICMPv6Type: 128}},
		"node info":      {Proto{Num: 58, ICMPv6Type: 139, ICMPv6Code: 1}, Proto{Num: 58, ICMPv6Type: 140, ICMPv6Code: 1}},
		"other question": {Proto{Num: 58, ICMPv6Type: 200}, Proto{Num: 58, ICMPv6Type: 200}},
		"no ports":       {Proto{Num: 89}, Proto{Num: 89}},
	} {
		in := v4
		in.Proto, in.Zone = c.in, 5
		out := in.Reverse()
		require.Equal(t, in.IP.Src, out.IP.Dst, name)
		require.Equal(t, in.IP.Dst, out.IP.Src, name)
		require.Zero(t, out.Zone, "a zone of one direction is not the other's")
		out.Proto.Has = 0
		require.Equal(t, c.out, out.Proto, name)
	}
}

// TestComplete: what the kernel wants even where it is zero.
func TestComplete(t *testing.T) {
	src := netip.MustParseAddr("192.0.2.1")
	for proto, want := range map[uint8]ProtoSet{
		protoTCP:    ProtoNum | ProtoSrcPort | ProtoDstPort,
		protoGRE:    ProtoNum | ProtoSrcPort | ProtoDstPort,
		protoICMP:   ProtoNum | ProtoICMPID | ProtoICMPType | ProtoICMPCode,
		protoICMPv6: ProtoNum | ProtoICMPv6ID | ProtoICMPv6Type | ProtoICMPv6Code,
		89:          ProtoNum,
	} {
		tu := Tuple{IP: IP{Src: src}, Proto: Proto{Num: proto}}
		tu.complete()
		require.Equal(t, want, tu.Proto.Has, "protocol %d", proto)
	}
	var none Tuple
	none.complete()
	require.Zero(t, none)
}

// TestKernelFilter is what kernels are asked for.
func TestKernelFilter(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	type ask struct {
		family      uint8
		orig, reply uint32
	}
	for name, c := range map[string]struct {
		f    *Filter
		want []ask
	}{
		"nil":     {nil, []ask{{}}},
		"empty":   {&Filter{}, []ask{{}}},
		"family":  {&Filter{Family: afInet6}, []ask{{family: afInet6}}},
		"address": {&Filter{Orig: Tuple{IP: IP{Src: v4}}}, []ask{{afInet, CTA_FILTER_F_CTA_IP_SRC, 0}}},
		// Linux compares IPv6 addresses the wrong way round.
		"v6": {&Filter{Orig: Tuple{IP: IP{Dst: v6}, Proto: Proto{Num: 6}}}, []ask{{afInet6, CTA_FILTER_F_CTA_PROTO_NUM, 0}}},
		"no family": {&Filter{Reply: Tuple{Proto: Proto{Num: 6, DstPort: 80}}}, []ask{
			{afInet, 0, CTA_FILTER_F_CTA_PROTO_NUM | CTA_FILTER_F_CTA_PROTO_DST_PORT},
			{afInet6, 0, CTA_FILTER_F_CTA_PROTO_NUM | CTA_FILTER_F_CTA_PROTO_DST_PORT},
		}},
		"port alone": {&Filter{Orig: Tuple{Proto: Proto{DstPort: 80}}}, []ask{{}}},
	} {
		var got []ask
		for _, e := range c.f.kernel() {
			got = append(got, ask{e.Header.Family, e.Filter.Orig, e.Filter.Reply})
		}
		require.Equal(t, c.want, got, name)
	}

	e := (&Filter{MarkMask: 0xff, StatusMask: IPS_ASSURED}).kernel()[0]
	b, err := e.AppendBody(nil)
	require.NoError(t, err)
	var sent Entry
	require.NoError(t, sent.Decode(b))
	require.Equal(t, EntryMark|EntryMarkMask|EntryStatus|EntryStatusMask, sent.Has, "a mark and a status of 0 are sent")
}

func TestEventKinds(t *testing.T) {
	const create = nl.FlagCreate | nl.FlagExcl
	body := unhex(t, tcpHex)
	for name, c := range map[string]struct {
		subsys, msg uint8
		flags       uint16
		want        uint32
	}{
		"new":            {nfnl.SubsysConntrack, IPCTNL_MSG_CT_NEW, create, New},
		"update":         {nfnl.SubsysConntrack, IPCTNL_MSG_CT_NEW, 0, Updated},
		"destroy":        {nfnl.SubsysConntrack, IPCTNL_MSG_CT_DELETE, 0, Destroyed},
		"expect":         {nfnl.SubsysConntrackExpect, IPCTNL_MSG_EXP_NEW, create, ExpectNew},
		"expect destroy": {nfnl.SubsysConntrackExpect, IPCTNL_MSG_EXP_DELETE, 0, ExpectRemoved},
		"nftables":       {nfnl.SubsysNFTables, 0, 0, 0},
	} {
		var d eventDecoder
		b := body
		if c.subsys == nfnl.SubsysConntrackExpect {
			b = unhex(t, expectHex)
		}
		ev, err := d.decode(nl.Message{Type: nfnl.Type(c.subsys, c.msg), Flags: c.flags, Data: b, NSID: -1})
		require.NoError(t, err, name)
		require.Equal(t, c.want, ev.Kind, name)
		require.Equal(t, c.want == New || c.want == Updated || c.want == Destroyed, ev.Entry != nil, name)
		require.Equal(t, c.want == ExpectNew || c.want == ExpectRemoved, ev.Expect != nil, name)
	}
}

func TestLabelBits(t *testing.T) {
	var l []byte
	for _, n := range []int{127, 3, 64, 0, 63, 200, -1} {
		l = SetLabel(l, n)
	}
	require.Len(t, l, labelBytes)
	require.Equal(t, []int{0, 3, 63, 64, 127}, slices.Collect(LabelBits(l)))
	require.Empty(t, slices.Collect(LabelBits(l[:5])))
	for range LabelBits(l) {
		break
	}
}
