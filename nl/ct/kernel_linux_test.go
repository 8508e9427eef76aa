package ct

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

// kernel is a client in a namespace of its own.
func kernel(t testing.TB) (*nltest.NS, *nl.Client, context.Context) {
	t.Helper()
	nltest.CheckLeaks(t)
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Netfilter, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	if err := Probe(ctx, c); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else {
		require.NoError(t, err)
	}
	return ns, c, ctx
}

// sysctl sets a variable of the namespace.
func sysctl(t testing.TB, ns *nltest.NS, name, value string) {
	t.Helper()
	var err error
	ns.Do(func() { err = os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0) })
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no %s in this kernel", name)
	}
	require.NoError(t, err)
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func tuple(proto uint8, src, dst string, ports ...uint16) Tuple {
	t := Tuple{IP: IP{Src: ip(src), Dst: ip(dst)}, Proto: Proto{Num: proto}}
	if len(ports) == 2 {
		t.Proto.SrcPort, t.Proto.DstPort = ports[0], ports[1]
	}
	return t
}

// examples are entries of every shape.
func examples() map[string]*Entry {
	echo := tuple(protoICMP, "192.0.2.1", "192.0.2.2")
	echo.Proto.ICMPType, echo.Proto.ICMPID = 8, 77
	echo6 := tuple(protoICMPv6, "2001:db8::1", "2001:db8::2")
	echo6.Proto.ICMPv6Type, echo6.Proto.ICMPv6ID = 128, 78
	zoned := tuple(protoUDP, "192.0.2.1", "192.0.2.2", 9, 10)
	zoned.Zone = 4
	hour := time.Hour
	return map[string]*Entry{
		"tcp": {
			Orig: tuple(protoTCP, "192.0.2.1", "198.51.100.7", 40000, 443), Timeout: hour, Mark: 0x1234,
			Status: IPS_SEEN_REPLY | IPS_ASSURED,
			ProtoInfo: ProtoInfo{TCP: TCPInfo{
				State: TCP_CONNTRACK_ESTABLISHED, WScaleOrig: 7, WScaleReply: 9,
				FlagsOrig:  TCPFlags{Flags: IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_SACK_PERM, Mask: 0xff},
				FlagsReply: TCPFlags{Flags: IP_CT_TCP_FLAG_WINDOW_SCALE | IP_CT_TCP_FLAG_BE_LIBERAL, Mask: 0xff},
			}},
		},
		"tcp6":      {Orig: tuple(protoTCP, "2001:db8::1", "2001:db8::2", 1, 2), Timeout: hour, ProtoInfo: ProtoInfo{TCP: TCPInfo{State: TCP_CONNTRACK_SYN_SENT}}},
		"udp":       {Orig: tuple(protoUDP, "192.0.2.1", "192.0.2.53", 5353, 53), Timeout: hour},
		"udp port0": {Orig: tuple(protoUDP, "192.0.2.1", "192.0.2.53", 0, 53), Timeout: hour},
		"udp6":      {Orig: tuple(protoUDP, "2001:db8::1", "2001:db8::35", 5353, 53), Timeout: hour, Mark: 5},
		"udplite":   {Orig: tuple(protoUDPLite, "192.0.2.1", "192.0.2.53", 5353, 53), Timeout: hour},
		"icmp":      {Orig: echo, Timeout: hour},
		"icmpv6":    {Orig: echo6, Timeout: hour},
		"sctp": {
			Orig: tuple(protoSCTP, "192.0.2.1", "192.0.2.2", 5, 6), Timeout: hour,
			ProtoInfo: ProtoInfo{SCTP: SCTPInfo{State: SCTP_CONNTRACK_ESTABLISHED, VTagOrig: 0xdeadbeef, VTagReply: 0x12345678}},
		},
		"gre":      {Orig: tuple(protoGRE, "192.0.2.1", "192.0.2.2", 3, 4), Timeout: hour},
		"generic":  {Orig: tuple(89, "192.0.2.1", "192.0.2.2"), Timeout: hour},
		"zone":     {Orig: tuple(protoUDP, "192.0.2.1", "192.0.2.53", 5353, 53), Timeout: hour, Zone: 9},
		"dir zone": {Orig: zoned, Timeout: hour},
		"helper":   {Orig: tuple(protoTCP, "192.0.2.9", "192.0.2.8", 2000, 21), Timeout: hour, Helper: Helper{Name: "ftp"}, ProtoInfo: ProtoInfo{TCP: TCPInfo{State: TCP_CONNTRACK_ESTABLISHED}}},
		"dnat by hand": {
			Orig:  tuple(protoTCP, "192.0.2.1", "198.51.100.1", 3000, 80),
			Reply: tuple(protoTCP, "10.0.0.2", "192.0.2.1", 8080, 3000), Timeout: hour,
			ProtoInfo: ProtoInfo{TCP: TCPInfo{State: TCP_CONNTRACK_ESTABLISHED}},
		},
		"snat": {
			Orig: tuple(protoUDP, "10.0.0.7", "198.51.100.1", 3001, 53), Timeout: hour,
			SrcNAT: NAT{Min: ip("192.0.2.200"), Ports: PortRange{Min: 6000, Max: 6000}},
		},
		"snat6": {
			Orig: tuple(protoUDP, "2001:db8::7", "2001:db8::1", 3001, 53), Timeout: hour,
			SrcNAT: NAT{Min: ip("2001:db8:1::200"), Max: ip("2001:db8:1::200")},
		},
		"dnat": {
			Orig: tuple(protoTCP, "192.0.2.1", "198.51.100.1", 3002, 80), Timeout: hour,
			DstNAT:    NAT{Min: ip("10.0.0.3"), Ports: PortRange{Min: 8081, Max: 8081}},
			ProtoInfo: ProtoInfo{TCP: TCPInfo{State: TCP_CONNTRACK_ESTABLISHED}},
		},
	}
}

func TestCreateGetUpdateDelete(t *testing.T) {
	_, c, ctx := kernel(t)
	for name, e := range examples() {
		t.Run(name, func(t *testing.T) {
			sent := *e
			err := Create(ctx, c, e)
			if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EOPNOTSUPP) {
				t.Skipf("not in this kernel: %v", err)
			}
			require.NoError(t, err)
			require.ErrorIs(t, Create(ctx, c, e), fs.ErrExist)

			got, err := Get(ctx, c, e.Key())
			require.NoError(t, err)
			same(t, &sent, got)

			changed := &Entry{Orig: got.Orig, Zone: got.Zone, Timeout: 100 * time.Second, Mark: 0xffff0000, MarkMask: 0xffff0000}
			require.NoError(t, Update(ctx, c, changed))
			again, err := Get(ctx, c, got.Key())
			require.NoError(t, err)
			require.Equal(t, got.Mark&0xffff|0xffff0000, again.Mark)
			require.InDelta(t, 100, again.Timeout.Seconds(), 2)
			require.Equal(t, got.ID, again.ID)

			stale := got.Key()
			stale.ID++
			require.ErrorIs(t, Delete(ctx, c, stale), fs.ErrNotExist)
			require.NoError(t, Delete(ctx, c, got.Key()))
			require.ErrorIs(t, Delete(ctx, c, got.Key()), fs.ErrNotExist)
			_, err = Get(ctx, c, got.Key())
			require.ErrorIs(t, err, fs.ErrNotExist)
		})
	}
}

// same checks that the kernel has what was asked for.
func same(t *testing.T, sent, got *Entry) {
	t.Helper()
	require.Equal(t, sent.Orig.IP.Src, got.Orig.IP.Src)
	require.Equal(t, sent.Orig.IP.Dst, got.Orig.IP.Dst)
	require.Equal(t, sent.Orig.Zone, got.Orig.Zone)
	require.Equal(t, sent.Zone, got.Zone)
	require.Equal(t, withoutHas(sent.Orig.Proto), withoutHas(got.Orig.Proto))
	require.Equal(t, sent.Mark, got.Mark)
	require.Equal(t, sent.Helper.Name, got.Helper.Name)
	require.InDelta(t, sent.Timeout.Seconds(), got.Timeout.Seconds(), 2)
	require.NotZero(t, got.ID)
	require.NotZero(t, got.Use)
	require.Equal(t, IPS_CONFIRMED, got.Status&IPS_CONFIRMED)
	require.Equal(t, sent.Status, got.Status&(IPS_SEEN_REPLY|IPS_ASSURED)|sent.Status&IPS_CONFIRMED)

	want := sent.Reply
	if !want.isSet() {
		want = sent.Orig.Reverse()
	}
	nat := func(n *NAT, addr *netip.Addr, port *uint16, bit Status) {
		if !n.Min.IsValid() {
			return
		}
		*addr = n.Min
		if n.Ports.Min != 0 {
			*port = n.Ports.Min
		}
		require.NotZero(t, got.Status&bit)
	}
	nat(&sent.SrcNAT, &want.IP.Dst, &want.Proto.DstPort, IPS_SRC_NAT)
	nat(&sent.DstNAT, &want.IP.Src, &want.Proto.SrcPort, IPS_DST_NAT)
	require.Equal(t, want.IP.Src, got.Reply.IP.Src)
	require.Equal(t, want.IP.Dst, got.Reply.IP.Dst)
	require.Equal(t, withoutHas(want.Proto), withoutHas(got.Reply.Proto))

	tcp := got.ProtoInfo.TCP
	require.Equal(t, sent.ProtoInfo.TCP.State, tcp.State)
	require.Equal(t, sent.ProtoInfo.TCP.WScaleOrig, tcp.WScaleOrig)
	require.Equal(t, sent.ProtoInfo.TCP.WScaleReply, tcp.WScaleReply)
	require.Equal(t, sent.ProtoInfo.TCP.FlagsOrig.Flags, tcp.FlagsOrig.Flags)
	require.Equal(t, sent.ProtoInfo.TCP.FlagsReply.Flags, tcp.FlagsReply.Flags)
	sctp := got.ProtoInfo.SCTP
	sctp.Has = 0
	require.Equal(t, sent.ProtoInfo.SCTP, sctp)
}

func withoutHas(p Proto) Proto { p.Has = 0; return p }

// TestConfirmed is the trap: the kernel refuses a status without IPS_CONFIRMED.
func TestConfirmed(t *testing.T) {
	_, c, ctx := kernel(t)
	e := &Entry{Orig: tuple(protoUDP, "192.0.2.1", "192.0.2.2", 1, 2), Timeout: time.Minute, Status: IPS_ASSURED}
	r := CreateRequest(e)
	r.Body.(*Entry).Status &^= IPS_CONFIRMED
	require.ErrorIs(t, c.Do(ctx, r), syscall.EBUSY)
	require.NoError(t, Create(ctx, c, e))
	require.ErrorIs(t, Update(ctx, c, &Entry{Orig: e.Orig, Has: EntryStatus}), syscall.EBUSY, "takes IPS_ASSURED away")
}

// fill makes n entries of each kind.
func fill(t testing.TB, ctx context.Context, c *nl.Client, n int) {
	t.Helper()
	b := c.NewBatch()
	for i := range n {
		lo, hi := byte(i), byte(i>>8)
		for _, e := range []*Entry{
			{Orig: tuple(protoUDP, "10.0.0.1", "10.0.0.2", uint16(1000+i%60000), 53)},
			{Orig: tuple(protoTCP, "10.0.0.1", "10.0.0.2", uint16(1000+i%60000), 80), Status: IPS_SEEN_REPLY | IPS_ASSURED, ProtoInfo: ProtoInfo{TCP: TCPInfo{State: TCP_CONNTRACK_ESTABLISHED}}},
			{Orig: tuple(protoUDP, "2001:db8::1", "2001:db8::2", uint16(1000+i%60000), 53)},
		} {
			e.Timeout, e.Mark = time.Hour, uint32(i%4)
			e.Zone = uint16(i % 3)
			if e.Orig.IP.Src.Is4() {
				e.Orig.IP.Src = netip.AddrFrom4([4]byte{10, 1, hi, lo})
			}
			require.NoError(t, b.Add(CreateRequest(e)))
		}
		if b.Len() >= 1000 {
			require.NoError(t, b.Do(ctx))
		}
	}
	require.NoError(t, b.Do(ctx))
}

func collect(t testing.TB, ctx context.Context, c *nl.Client, f *Filter) []Entry {
	t.Helper()
	var all []Entry
	for e, err := range Dump(ctx, c, f) {
		require.NoError(t, err)
		all = append(all, *e)
	}
	return all
}

func ids(all []Entry) map[uint32]bool {
	m := map[uint32]bool{}
	for i := range all {
		m[all[i].ID] = true
	}
	return m
}

func filters() map[string]*Filter {
	dns := Tuple{Proto: Proto{Num: protoUDP, DstPort: 53}}
	return map[string]*Filter{
		"none":           {},
		"family":         {Family: afInet6},
		"mark":           {Mark: 2},
		"mark 0":         {MarkMask: 0xffffffff},
		"mark bits":      {Mark: 1, MarkMask: 1},
		"zone":           {Zone: 2, HasZone: true},
		"zone 0":         {HasZone: true},
		"status":         {Status: IPS_ASSURED},
		"not status":     {StatusMask: IPS_ASSURED},
		"src":            {Orig: Tuple{IP: IP{Src: ip("10.1.0.7")}}},
		"src6":           {Orig: Tuple{IP: IP{Src: ip("2001:db8::1")}}},
		"src6 and port":  {Orig: Tuple{IP: IP{Src: ip("2001:db8::1")}, Proto: Proto{Num: protoUDP, SrcPort: 1005}}},
		"no such src6":   {Orig: Tuple{IP: IP{Src: ip("2001:db8::77")}}},
		"reply dst":      {Reply: Tuple{IP: IP{Dst: ip("10.1.0.7")}}},
		"dns":            {Orig: dns},
		"dns4":           {Family: afInet, Orig: dns},
		"port alone":     {Orig: Tuple{Proto: Proto{SrcPort: 1005}}},
		"tcp and zone 1": {Zone: 1, HasZone: true, Orig: Tuple{Proto: Proto{Num: protoTCP}}},
		"icmp":           {Orig: Tuple{Proto: Proto{Num: protoICMP}}},
		"all at once": {
			Family: afInet, Mark: 1, MarkMask: 3, Status: IPS_SEEN_REPLY, Zone: 2, HasZone: true,
			Orig: Tuple{IP: IP{Src: ip("10.1.0.5")}, Proto: Proto{Num: protoTCP, SrcPort: 1005, DstPort: 80}},
		},
	}
}

// TestFilters holds what the kernel selects against what Match selects from
// everything.
func TestFilters(t *testing.T) {
	_, c, ctx := kernel(t)
	fill(t, ctx, c, 30)
	all := collect(t, ctx, c, nil)
	require.Len(t, all, 90)
	for name, f := range filters() {
		t.Run(name, func(t *testing.T) {
			want := map[uint32]bool{}
			for i := range all {
				if f.Match(&all[i]) {
					want[all[i].ID] = true
				}
			}
			require.Equal(t, want, ids(collect(t, ctx, c, f)))
			if strings.HasPrefix(name, "no such") || name == "icmp" {
				require.Empty(t, want)
			} else {
				require.NotEmpty(t, want)
			}
			// What the kernel sends is not more than what it can know to be asked.
			n := 0
			for _, body := range f.kernel() {
				for _, err := range c.Dump(ctx, request(IPCTNL_MSG_CT_GET, 0, body)) {
					require.NoError(t, err)
					n++
				}
			}
			t.Logf("the kernel sends %d for %d", n, len(want))
			if f.family() == afInet && !f.HasZone {
				require.Equal(t, len(want), n)
			}
		})
	}
}

func TestFlush(t *testing.T) {
	_, c, ctx := kernel(t)
	for name, f := range filters() {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Flush(ctx, c, nil))
			require.Empty(t, collect(t, ctx, c, nil))
			fill(t, ctx, c, 30)
			want := map[uint32]bool{}
			for _, e := range collect(t, ctx, c, nil) {
				if !f.Match(&e) {
					want[e.ID] = true
				}
			}
			require.NoError(t, Flush(ctx, c, f))
			require.Equal(t, want, ids(collect(t, ctx, c, nil)))
		})
	}
}

// TestFlushOfMany deletes while it reads.
func TestFlushOfMany(t *testing.T) {
	_, c, ctx := kernel(t)
	const n = 2000
	if s, err := Global(ctx, c); err == nil && s.MaxEntries < 3*n+1000 {
		t.Skipf("a table of %d is too small", s.MaxEntries)
	}
	fill(t, ctx, c, n)
	require.NoError(t, Flush(ctx, c, &Filter{StatusMask: IPS_ASSURED}))
	require.Len(t, collect(t, ctx, c, nil), n)
	require.NoError(t, Flush(ctx, c, &Filter{Status: IPS_ASSURED}))
	require.Empty(t, collect(t, ctx, c, nil))
}

func TestReplace(t *testing.T) {
	_, c, ctx := kernel(t)
	e := &Entry{Orig: tuple(protoUDP, "192.0.2.1", "192.0.2.2", 1, 2), Timeout: time.Minute, Mark: 1}
	require.NoError(t, Replace(ctx, c, e))
	first, err := Get(ctx, c, e.Key())
	require.NoError(t, err)
	e.Mark = 2
	require.NoError(t, Replace(ctx, c, e))
	require.NoError(t, Replace(ctx, c, first), "what is read can be written")
	second, err := Get(ctx, c, e.Key())
	require.NoError(t, err)
	require.Equal(t, first.ID, second.ID)
	require.Equal(t, uint32(1), second.Mark)
}

// TestWhatIsReadCanBeWritten restores a table from its dump.
func TestWhatIsReadCanBeWritten(t *testing.T) {
	_, c, ctx := kernel(t)
	for name, e := range examples() {
		if err := Create(ctx, c, e); err != nil {
			t.Logf("%s: %v", name, err)
		}
	}
	saved := collect(t, ctx, c, nil)
	for i := range saved {
		require.NoError(t, Replace(ctx, c, &saved[i]), "%+v", saved[i].Orig)
	}
	require.NoError(t, Flush(ctx, c, nil))
	for i := range saved {
		require.NoError(t, Replace(ctx, c, &saved[i]), "%+v", saved[i].Orig)
	}
	again := collect(t, ctx, c, nil)
	require.NotEmpty(t, again)
	text := func(all []Entry) (lines []string) {
		for _, e := range all {
			lines = append(lines, fmt.Sprintf("%+v %+v %d %x %x %+v %s", e.Orig, e.Reply, e.Zone, e.Status, e.Mark, e.ProtoInfo, e.Helper.Name))
		}
		slices.Sort(lines)
		return lines
	}
	was, is := text(saved), text(again)
	require.Len(t, is, len(was))
	for i := range was {
		require.Equal(t, was[i], is[i])
	}
}

// flow is an entry as conntrack -o xml prints it.
type flow struct {
	Meta []struct {
		Direction string `xml:"direction,attr"`
		L3        struct {
			Src string `xml:"src"`
			Dst string `xml:"dst"`
		} `xml:"layer3"`
		L4 struct {
			Num   uint8  `xml:"protonum,attr"`
			Sport uint16 `xml:"sport"`
			Dport uint16 `xml:"dport"`
		} `xml:"layer4"`
		State   string    `xml:"state"`
		Timeout uint32    `xml:"timeout"`
		Mark    uint32    `xml:"mark"`
		Zone    uint16    `xml:"zone"`
		Use     uint32    `xml:"use"`
		ID      uint32    `xml:"id"`
		Assured *struct{} `xml:"assured"`
	} `xml:"meta"`
}

// TestAgainstConntrack compares a dump with what conntrack(8) says of the same
// table.
func TestAgainstConntrack(t *testing.T) {
	ns, c, ctx := kernel(t)
	for name, e := range examples() {
		if err := Create(ctx, c, e); err != nil {
			t.Logf("%s: %v", name, err)
		}
	}
	ours := map[uint32]Entry{}
	for _, e := range collect(t, ctx, c, nil) {
		ours[e.ID] = e
	}
	seen := 0
	for _, family := range []string{"ipv4", "ipv6"} {
		out := ns.Run(t, "conntrack", "-L", "-f", family, "-o", "xml,id")
		var list struct {
			Flows []flow `xml:"flow"`
		}
		require.NoError(t, xml.Unmarshal([]byte(out), &list), out)
		for _, f := range list.Flows {
			require.Len(t, f.Meta, 3)
			m := f.Meta[2]
			e, ok := ours[m.ID]
			require.True(t, ok, "id %d", m.ID)
			seen++
			for i, tu := range []Tuple{e.Orig, e.Reply} {
				require.Equal(t, tu.IP.Src, ip(f.Meta[i].L3.Src))
				require.Equal(t, tu.IP.Dst, ip(f.Meta[i].L3.Dst))
				require.Equal(t, tu.Proto.Num, f.Meta[i].L4.Num)
				if hasPorts(tu.Proto.Num) && tu.Proto.Num != protoGRE {
					require.Equal(t, tu.Proto.SrcPort, f.Meta[i].L4.Sport)
					require.Equal(t, tu.Proto.DstPort, f.Meta[i].L4.Dport)
				}
			}
			require.Equal(t, m.Mark, e.Mark)
			require.Equal(t, m.Zone, e.Zone)
			require.InDelta(t, m.Timeout, e.Timeout.Seconds(), 2)
			require.Equal(t, m.Assured != nil, e.Status&IPS_ASSURED != 0)
			if e.Orig.Proto.Num == protoTCP && e.ProtoInfo.TCP.State == TCP_CONNTRACK_ESTABLISHED {
				require.Equal(t, "ESTABLISHED", m.State)
			}
		}
	}
	require.Equal(t, len(ours), seen)
	require.Greater(t, seen, 10)
}

// TestReadsWhatConntrackMakes reads entries that conntrack(8) made.
func TestReadsWhatConntrackMakes(t *testing.T) {
	ns, c, ctx := kernel(t)
	ns.Run(t, "conntrack", "-I", "-p", "tcp", "-s", "192.0.2.1", "-d", "192.0.2.2", "--sport", "100", "--dport", "200",
		"--state", "SYN_RECV", "-t", "500", "-u", "SEEN_REPLY", "-m", "66", "-w", "3")
	all := collect(t, ctx, c, nil)
	require.Len(t, all, 1)
	e := all[0]
	require.Equal(t, uint8(afInet), e.Header.Family)
	require.Equal(t, ip("192.0.2.1"), e.Orig.IP.Src)
	require.Equal(t, uint16(200), e.Orig.Proto.DstPort)
	require.Equal(t, uint8(TCP_CONNTRACK_SYN_RECV), e.ProtoInfo.TCP.State)
	require.Equal(t, uint32(66), e.Mark)
	require.Equal(t, uint16(3), e.Zone)
	require.Equal(t, IPS_SEEN_REPLY|IPS_CONFIRMED, e.Status)
}

func TestCountersAndTimestamps(t *testing.T) {
	ns, c, ctx := kernel(t)
	sysctl(t, ns, "net.netfilter.nf_conntrack_acct", "1")
	sysctl(t, ns, "net.netfilter.nf_conntrack_timestamp", "1")
	before := time.Now()
	track(t, ns)
	ping(t, ns)
	var e *Entry
	for _, v := range collect(t, ctx, c, &Filter{Orig: Tuple{Proto: Proto{Num: protoUDP}}}) {
		e = &v
	}
	require.NotNil(t, e, "no entry for the traffic")
	require.Equal(t, uint64(1), e.CountersOrig.Packets)
	require.Equal(t, uint64(20+8+5), e.CountersOrig.Bytes)
	require.Zero(t, e.CountersReply.Packets)
	require.WithinDuration(t, before, time.Unix(0, int64(e.Timestamps.Start)), 5*time.Second)

	n := 0
	for e, err := range DumpZero(ctx, c, &Filter{Orig: Tuple{Proto: Proto{Num: protoUDP}}}) {
		require.NoError(t, err)
		require.Equal(t, uint64(1), e.CountersOrig.Packets)
		n++
	}
	require.Equal(t, 1, n)
	got, err := Get(ctx, c, e.Key())
	require.NoError(t, err)
	require.Zero(t, got.CountersOrig.Packets)
}

// track makes the namespace track connections.
func track(t testing.TB, ns *nltest.NS) {
	t.Helper()
	out, err := ns.Input(t, "table inet t {\nchain c {\ntype filter hook output priority 0;\nct state new counter\n}\n}\n", "nft", "-f", "-")
	if err != nil {
		t.Skipf("nftables cannot track here: %v: %s", err, out)
	}
}

// ping sends one datagram of 5 bytes over lo.
func ping(t testing.TB, ns *nltest.NS) {
	t.Helper()
	var err error
	ns.Do(func() {
		var s int
		if s, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		defer syscall.Close(s)
		err = syscall.Sendto(s, []byte("hello"), 0, &syscall.SockaddrInet4{Port: 9999, Addr: [4]byte{127, 0, 0, 1}})
	})
	require.NoError(t, err)
}

func TestLabels(t *testing.T) {
	ns, c, ctx := kernel(t)
	// Labels exist in a namespace as long as a rule in it looks at them.
	out, err := ns.Input(t, "table inet t {\nchain c {\nct label set 3\n}\n}\n", "nft", "-f", "-")
	if err != nil {
		t.Skipf("no connection labels here: %v: %s", err, out)
	}
	e := &Entry{Orig: tuple(protoUDP, "192.0.2.1", "192.0.2.2", 1, 2), Timeout: time.Minute}
	e.Labels = SetLabel(SetLabel(nil, 0), 3)
	require.NoError(t, Create(ctx, c, e))
	got, err := Get(ctx, c, e.Key())
	require.NoError(t, err)
	require.Equal(t, e.Labels, got.Labels)

	mask := SetLabel(nil, 3)
	require.NoError(t, Update(ctx, c, &Entry{Orig: e.Orig, Labels: make([]byte, 16), LabelsMask: mask}))
	got, err = Get(ctx, c, e.Key())
	require.NoError(t, err)
	require.Equal(t, []int{0}, slices.Collect(LabelBits(got.Labels)))
}

func TestSeqAdj(t *testing.T) {
	_, c, ctx := kernel(t)
	e := examples()["tcp"]
	e.SeqAdjOrig = SeqAdj{CorrectionPos: 1000, OffsetBefore: -3, OffsetAfter: 12}
	e.SeqAdjReply = SeqAdj{CorrectionPos: 2000, OffsetBefore: 4, Has: SeqAdjOffsetAfter}
	e.SrcNAT = NAT{Min: ip("192.0.2.77")}
	require.NoError(t, Create(ctx, c, e))
	got, err := Get(ctx, c, e.Key())
	require.NoError(t, err)
	if got.Status&IPS_SEQ_ADJUST == 0 {
		t.Skip("this kernel keeps no sequence adjustment")
	}
	require.Equal(t, int32(-3), got.SeqAdjOrig.OffsetBefore)
	require.Equal(t, int32(12), got.SeqAdjOrig.OffsetAfter)
	require.Equal(t, uint32(2000), got.SeqAdjReply.CorrectionPos)
	require.Zero(t, got.SeqAdjReply.OffsetAfter)
}

func TestStats(t *testing.T) {
	_, c, ctx := kernel(t)
	fill(t, ctx, c, 10)
	s, err := Global(ctx, c)
	require.NoError(t, err)
	require.Equal(t, uint32(30), s.Entries)
	require.NotZero(t, s.MaxEntries)

	cpus, err := CPUs(ctx, c)
	require.NoError(t, err)
	require.NotEmpty(t, cpus)
	for i, s := range cpus {
		require.Equal(t, uint16(i), s.Header.ResID)
		require.NotZero(t, s.Has&CPUStatsInsert)
	}
	ex, err := ExpectCPUs(ctx, c)
	require.NoError(t, err)
	require.Len(t, ex, len(cpus))
	require.NotZero(t, ex[0].Has&ExpectCPUStatsCreate)
}

func TestEvents(t *testing.T) {
	_, c, ctx := kernel(t)
	s, err := Subscribe(ctx, c)
	require.NoError(t, err)
	defer s.Close()

	e := examples()["tcp"]
	require.NoError(t, Create(ctx, c, e))
	require.NoError(t, Update(ctx, c, &Entry{Orig: e.Orig, Mark: 99}))
	got, err := Get(ctx, c, e.Key())
	require.NoError(t, err)
	require.NoError(t, Delete(ctx, c, got.Key()))

	var kinds []uint32
	for ev, err := range Events(ctx, s) {
		require.NoError(t, err)
		require.NotNil(t, ev.Entry)
		require.Equal(t, got.ID, ev.Entry.ID)
		require.Equal(t, e.Orig.IP, withoutIPHas(ev.Entry.Orig.IP))
		kinds = append(kinds, ev.Kind)
		if ev.Kind == Updated {
			require.Equal(t, uint32(99), ev.Entry.Mark)
		}
		if ev.Kind == Destroyed {
			break
		}
	}
	require.Equal(t, []uint32{New, Updated, Destroyed}, kinds)
}

// TestWatch follows a table from what is there to what changes.
func TestWatch(t *testing.T) {
	_, c, ctx := kernel(t)
	old := &Entry{Orig: tuple(protoUDP, "192.0.2.1", "192.0.2.2", 1, 53), Timeout: time.Minute, Mark: 4}
	other := &Entry{Orig: tuple(protoUDP, "192.0.2.1", "192.0.2.2", 1, 99), Timeout: time.Minute, Mark: 4}
	late := &Entry{Orig: tuple(protoUDP, "192.0.2.3", "192.0.2.2", 2, 53), Timeout: time.Minute, Mark: 4}
	unmarked := &Entry{Orig: tuple(protoUDP, "192.0.2.4", "192.0.2.2", 2, 53), Timeout: time.Minute}
	require.NoError(t, Create(ctx, c, old))
	require.NoError(t, Create(ctx, c, other))

	var told []string
	f := &Filter{Mark: 4, Orig: Tuple{Proto: Proto{Num: protoUDP, DstPort: 53}}}
	for e, err := range nl.Watch(ctx, c, Source(c, f)) {
		require.NoError(t, err)
		line := fmt.Sprint(e.What)
		if e.Value != nil {
			line += " " + e.Value.Orig.IP.Src.String()
		}
		told = append(told, line)
		if e.What == nl.SyncEnd {
			require.NoError(t, Create(ctx, c, unmarked))
			require.NoError(t, Create(ctx, c, late))
			require.NoError(t, Update(ctx, c, &Entry{Orig: late.Orig, Mark: 5}))
			require.NoError(t, Update(ctx, c, &Entry{Orig: late.Orig, Mark: 4}))
			require.NoError(t, Delete(ctx, c, late.Key()))
		}
		if e.What == nl.Deleted {
			break
		}
	}
	at := func(w nl.What, src string) string { return fmt.Sprint(w) + " " + src }
	require.Equal(t, []string{
		fmt.Sprint(nl.SyncBegin), at(nl.Added, "192.0.2.1"), fmt.Sprint(nl.SyncEnd),
		at(nl.Added, "192.0.2.3"), at(nl.Replaced, "192.0.2.3"), at(nl.Deleted, "192.0.2.3"),
	}, told)
}

func withoutIPHas(v IP) IP { v.Has = 0; return v }

// expectation of the helper of a master.
func expectation(master *Entry, port uint16) *Expect {
	mask := tuple(protoTCP, "255.255.255.255", "255.255.255.255", 0, 0xffff)
	return &Expect{
		Master:  master.Orig,
		Tuple:   tuple(protoTCP, "192.0.2.8", "192.0.2.9", 0, port),
		Mask:    mask,
		Timeout: 5 * time.Minute,
		Helper:  "irc",
		Has:     ExpectFlags | ExpectClass,
	}
}

func TestExpectations(t *testing.T) {
	_, c, ctx := kernel(t)
	s, err := Subscribe(ctx, c, ExpectNew, ExpectRemoved)
	require.NoError(t, err)
	defer s.Close()

	// The IRC helper allows more than one expectation of a connection.
	master := examples()["helper"]
	master.Helper.Name = "irc"
	if err := Create(ctx, c, master); errors.Is(err, syscall.EOPNOTSUPP) {
		t.Skip("no irc helper in this kernel")
	} else {
		require.NoError(t, err)
	}
	a, b := expectation(master, 5001), expectation(master, 5002)
	b.Flags = NF_CT_EXPECT_PERMANENT
	require.NoError(t, CreateExpect(ctx, c, a))
	require.NoError(t, CreateExpect(ctx, c, b))

	list := func() (all []Expect) {
		for e, err := range DumpExpect(ctx, c, afInet) {
			require.NoError(t, err)
			all = append(all, *e)
		}
		return all
	}
	require.Len(t, list(), 2)
	n := 0
	for e, err := range DumpExpectOf(ctx, c, master.Key()) {
		require.NoError(t, err)
		require.Equal(t, master.Orig.IP, withoutIPHas(e.Master.IP))
		n++
	}
	require.Equal(t, 2, n)

	got, err := GetExpect(ctx, c, b)
	require.NoError(t, err)
	require.Equal(t, uint16(5002), got.Tuple.Proto.DstPort)
	require.Equal(t, uint16(0xffff), got.Mask.Proto.DstPort)
	require.Equal(t, "irc", got.Helper)
	require.Equal(t, uint32(NF_CT_EXPECT_PERMANENT), got.Flags&NF_CT_EXPECT_PERMANENT)
	require.InDelta(t, 300, got.Timeout.Seconds(), 2)
	require.NotZero(t, got.ID)

	require.NoError(t, DeleteExpect(ctx, c, b))
	require.ErrorIs(t, DeleteExpect(ctx, c, b), fs.ErrNotExist)
	require.Len(t, list(), 1)
	require.NoError(t, FlushExpect(ctx, c, "irc"))
	require.Empty(t, list())
	require.NoError(t, CreateExpect(ctx, c, a))
	require.NoError(t, FlushExpect(ctx, c, ""))
	require.Empty(t, list())

	var kinds []uint32
	for ev, err := range Events(ctx, s) {
		require.NoError(t, err)
		require.NotNil(t, ev.Expect)
		if kinds = append(kinds, ev.Kind); len(kinds) == 6 {
			break
		}
	}
	require.Equal(t, []uint32{ExpectNew, ExpectNew, ExpectRemoved, ExpectRemoved, ExpectNew, ExpectRemoved}, kinds)
}

// TestDumpAllocatesNothing dumps tables of two sizes: the difference is what
// entries cost.
func TestDumpAllocatesNothing(t *testing.T) {
	_, c, ctx := kernel(t)
	count := func() float64 {
		return testing.AllocsPerRun(5, func() {
			for _, err := range Dump(ctx, c, nil) {
				require.NoError(t, err)
			}
		})
	}
	fill(t, ctx, c, 10)
	few := count()
	require.NoError(t, Flush(ctx, c, nil))
	fill(t, ctx, c, 1000)
	many := count()
	require.Less(t, many-few, 30.0, "allocations for 2970 more entries")
}

func BenchmarkDump(b *testing.B) {
	_, c, ctx := kernel(b)
	fill(b, ctx, c, 5000)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range Dump(ctx, c, nil) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 15000 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/15000, "ns/entry")
}

// TestErrors checks that errors name the message and the attribute.
func TestErrors(t *testing.T) {
	_, c, ctx := kernel(t)
	err := Create(ctx, c, &Entry{Orig: tuple(protoUDP, "192.0.2.1", "192.0.2.2", 1, 2)})
	require.ErrorIs(t, err, syscall.EINVAL)
	var ke *nl.Error
	require.ErrorAs(t, err, &ke)
	require.Equal(t, "IPCTNL_MSG_CT_NEW", ke.Op)

	long := &Entry{Orig: tuple(protoTCP, "192.0.2.1", "192.0.2.2", 1, 2), Timeout: time.Minute, Helper: Helper{Name: strings.Repeat("x", 100)}}
	err = Create(ctx, c, long)
	require.ErrorAs(t, err, &ke)
	t.Log(err, fmt.Sprintf("%+v", ke))
}
