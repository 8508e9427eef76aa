package wire_test

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/wire"
)

// The example of RFC 1071 3: the sum of these words is ddf2.
func TestChecksumOfRFC1071(t *testing.T) {
	b := []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}
	assert.Equal(t, uint16(0xddf2), wire.Fold(wire.Sum(0, b)))
	assert.Equal(t, uint16(0x220d), wire.Checksum(b))
}

// The sum by words of 8 bytes is the sum that the RFC's loop of 16 bits makes.
func TestChecksumAgainstPlainLoop(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := make([]byte, r.IntN(70))
		for i := range b {
			b[i] = byte(r.Uint32() | uint32(r.IntN(2))*0xff)
		}
		var plain uint32
		for i := 0; i < len(b); i += 2 {
			w := uint32(b[i]) << 8
			if i+1 < len(b) {
				w |= uint32(b[i+1])
			}
			plain += w
		}
		for plain>>16 != 0 {
			plain = plain>>16 + plain&0xffff
		}
		require.Equal(t, uint16(plain), wire.Fold(wire.Sum(0, b)), "%x", b)
		cut := r.IntN(len(b)/2+1) * 2
		require.Equal(t, uint16(plain), wire.Fold(wire.Sum(wire.Sum(0, b[:cut]), b[cut:])), "%x cut at %d", b, cut)
	}
}

// Sums of captured packets, computed by another program.
func TestSumsOfCapturedPackets(t *testing.T) {
	files := capture.Files(t, "captured")
	for _, c := range []struct {
		file                     string
		frame, len               int
		ipSum                    uint16
		udpLen                   int
		onWire, right, pseudoSum uint16
	}{
		{"kea-dhclient", 0, 342, 0x3996, 308, 0x2116, 0x2116, 0x0145},
		{"kea-dhclient", 1, 316, 0xe3e7, 282, 0x6fe2, 0x6fe2, 0x16f3},
		{"dnsmasq-nclient4", 1, 342, 0xd9b7, 308, 0x72ed, 0xaea0, 0x72ed},
		{"dnsmasq-nclient4", 3, 342, 0xd9b6, 308, 0x72ed, 0xaba0, 0x72ed},
		{"kea-pyroute2", 1, 329, 0xef3e, 295, 0x2d28, 0x2d28, 0x0b9c},
		{"udhcpd-udhcpc", 1, 342, 0x6f42, 308, 0x1aff, 0x1aff, 0x0ba9},
	} {
		f := files[c.file][c.frame]
		require.Len(t, f, c.len, c.file)
		var e wire.Ethernet
		ip, err := e.Decode(f)
		require.NoError(t, err)
		require.Equal(t, c.ipSum, binary.BigEndian.Uint16(ip[10:]), c.file)
		require.Equal(t, c.onWire, binary.BigEndian.Uint16(ip[26:]), c.file)

		var d wire.Datagram
		require.NoError(t, d.Decode(ip, wire.Partial), c.file)
		require.Equal(t, c.udpLen-8, len(d.Payload), c.file)
		partial := c.onWire != c.right
		if partial {
			assert.Equal(t, wire.Unfinished, d.Sum)
			assert.ErrorIs(t, d.Decode(ip, wire.Verify), wire.ErrChecksum)
		} else {
			assert.Equal(t, wire.Good, d.Sum)
			assert.NoError(t, d.Decode(ip, wire.Verify))
		}
		require.NoError(t, d.Decode(ip, wire.Skip))
		assert.Equal(t, wire.Unchecked, d.Sum)

		// Ours is the right one, whatever came.
		out, err := d.Append(nil)
		require.NoError(t, err)
		assert.Equal(t, c.right, binary.BigEndian.Uint16(out[26:]), c.file)
	}
}

// Every captured frame of IPv4 decodes. Those sent through a UDP socket of the
// kernel, over a veth, have unfinished sums: dnsmasq's answers and networkd's RELEASE.
func TestSumsOfAllCaptures(t *testing.T) {
	count := map[wire.Found]int{}
	for name, frames := range capture.Files(t, "captured") {
		for i, f := range frames {
			var e wire.Ethernet
			p, err := e.Decode(f)
			require.NoError(t, err, "%s %d", name, i)
			head, err := e.Append(nil)
			require.NoError(t, err)
			require.Equal(t, f[:len(f)-len(p)], head)
			switch e.Type {
			case wire.TypeARP:
				var a wire.ARP
				require.NoError(t, a.Decode(p), "%s %d", name, i)
				b, err := a.Append(nil)
				require.NoError(t, err)
				require.Equal(t, p[:len(b)], b)
			case wire.TypeIPv4:
				var d wire.Datagram
				require.NoError(t, d.Decode(p, wire.Partial), "%s %d", name, i)
				kernel := d.Src.Port() == 67 && strings.HasPrefix(name, "dnsmasq") || name == "dnsmasq-networkd" && i == 6
				require.Equal(t, kernel, d.Sum == wire.Unfinished, "%s %d", name, i)
				count[d.Sum]++
			}
		}
	}
	t.Log(count)
	assert.NotZero(t, count[wire.Good])
	assert.NotZero(t, count[wire.Unfinished])
}

var (
	client = netip.MustParseAddrPort("0.0.0.0:68")
	server = netip.MustParseAddrPort("255.255.255.255:67")
)

func datagram(t testing.TB, payload string) []byte {
	d := wire.Datagram{Src: client, Dst: server, Payload: []byte(payload)}
	b, err := d.Append(nil)
	require.NoError(t, err)
	return b
}

// reseal makes the sum of the IPv4 header right again.
func reseal(b []byte) []byte {
	b[10], b[11] = 0, 0
	head := min(max(int(b[0]&15)*4, 20), len(b))
	binary.BigEndian.PutUint16(b[10:], wire.Checksum(b[:head]))
	return b
}

// Packets that contradict themselves are errors, with padding behind them and
// without. The total lengths of 20 to 27 crash a well-known client, which cuts 8
// bytes from less.
func TestHostilePackets(t *testing.T) {
	set16 := func(at int, v uint16) func([]byte) {
		return func(b []byte) { binary.BigEndian.PutUint16(b[at:], v) }
	}
	type hostile struct {
		name string
		edit func(b []byte)
		kind error
	}
	cases := []hostile{
		{"version 6", func(b []byte) { b[0] = 0x65 }, wire.ErrOther},
		{"ihl 0", func(b []byte) { b[0] = 0x40 }, wire.ErrLength},
		{"ihl 4", func(b []byte) { b[0] = 0x44 }, wire.ErrLength},
		{"ihl 15 in a short packet", func(b []byte) { b[0] = 0x4f }, wire.ErrLength},
		{"total length 0", set16(2, 0), wire.ErrLength},
		{"total length 19", set16(2, 19), wire.ErrLength},
		{"total length 65535", set16(2, 65535), wire.ErrTruncated},
		{"first fragment", set16(6, 0x2000), wire.ErrFragment},
		{"later fragment", set16(6, 0x0010), wire.ErrFragment},
		{"tcp", func(b []byte) { b[9] = 6 }, wire.ErrOther},
		{"udp length 0", set16(24, 0), wire.ErrLength},
		{"udp length 7", set16(24, 7), wire.ErrLength},
		{"udp length beyond the packet", set16(24, 100), wire.ErrLength},
		{"udp length 65535", set16(24, 65535), wire.ErrLength},
	}
	for n := uint16(20); n < 28; n++ {
		cases = append(cases, hostile{"total length 20 to 27", set16(2, n), wire.ErrTruncated})
	}
	for _, c := range cases {
		for _, pad := range []int{0, 18} {
			b := datagram(t, "twelve bytes")
			c.edit(b)
			b = append(reseal(b), make([]byte, pad)...)
			d := wire.Datagram{TTL: 99}
			for _, sums := range []wire.Sums{wire.Verify, wire.Partial, wire.Skip} {
				err := d.Decode(b, sums)
				assert.ErrorIs(t, err, c.kind, "%s, %d bytes of padding", c.name, pad)
			}
			assert.Equal(t, wire.Datagram{TTL: 99}, d, "an error changes nothing")
		}
	}
	whole := datagram(t, "twelve bytes")
	for n := range whole {
		var d wire.Datagram
		assert.ErrorIs(t, d.Decode(whole[:n], wire.Skip), wire.ErrTruncated, "%d bytes", n)
	}
	whole[8]++
	var d wire.Datagram
	assert.ErrorIs(t, d.Decode(whole, wire.Skip), wire.ErrChecksum, "the header's sum always counts")
}

func TestDatagram(t *testing.T) {
	b := datagram(t, "odd")
	assert.Equal(t, "4500001f0000000040117acf00000000ffffffff"+"00440043000b2bed"+"6f6464", hex.EncodeToString(b))
	var d wire.Datagram
	require.NoError(t, d.Decode(append(b, "padding of the frame"...), wire.Verify))
	assert.Equal(t, wire.Datagram{Src: client, Dst: server, TTL: 64, Payload: []byte("odd")}, d)
	assert.Equal(t, 3, cap(d.Payload), "an append would not run into the padding")

	// Options are skipped, an absent sum is taken.
	h := wire.IPv4{TTL: 1, Protocol: wire.ProtoUDP, Src: client.Addr(), Dst: server.Addr(), Options: []byte{1, 1, 1, 0}}
	b, err := h.Append(nil, 9)
	require.NoError(t, err)
	b = append(b, 0, 68, 0, 67, 0, 9, 0, 0, 'x')
	require.NoError(t, d.Decode(b, wire.Verify))
	assert.Equal(t, wire.None, d.Sum)
	assert.Equal(t, "x", string(d.Payload))
	b[26+4]++ // no longer none, and wrong
	for _, sums := range []wire.Sums{wire.Verify, wire.Partial} {
		assert.ErrorIs(t, d.Decode(b, sums), wire.ErrChecksum)
	}
}

// A sum of zero is sent as ffff, since zero would mean that there is none.
func TestZeroSum(t *testing.T) {
	for n := range 0x10000 {
		p := binary.BigEndian.AppendUint16(nil, uint16(n))
		d := wire.Datagram{Src: client, Dst: server, Payload: p}
		b, err := d.Append(nil)
		require.NoError(t, err)
		sum := binary.BigEndian.Uint16(b[26:])
		require.NotZero(t, sum)
		if sum == 0xffff {
			require.NoError(t, d.Decode(b, wire.Verify))
			require.Equal(t, wire.Good, d.Sum)
			return
		}
	}
	t.Fatal("no payload has a sum of zero")
}

func TestEncodersRefuse(t *testing.T) {
	v6 := netip.MustParseAddr("2001:db8::1")
	for name, d := range map[string]wire.Datagram{
		"no source":   {Dst: server},
		"no address":  {Src: client},
		"ipv6":        {Src: netip.AddrPortFrom(v6, 68), Dst: server},
		"mapped":      {Src: netip.MustParseAddrPort("[::ffff:10.0.0.1]:68"), Dst: server},
		"65,508 long": {Src: client, Dst: server, Payload: make([]byte, 65508)},
	} {
		b, err := d.Append([]byte("before"))
		assert.Error(t, err, name)
		assert.Equal(t, "before", string(b), name)
	}
	d := wire.Datagram{Src: client, Dst: server, Payload: make([]byte, 65507)}
	b, err := d.Append(nil)
	require.NoError(t, err)
	require.Len(t, b, 65535)
	require.NoError(t, d.Decode(b, wire.Verify))

	h := wire.IPv4{Src: client.Addr(), Dst: server.Addr(), Options: make([]byte, 3)}
	_, err = h.Append(nil, 0)
	assert.ErrorIs(t, err, wire.ErrLength)
	_, err = (&wire.ARP{}).Append(nil)
	assert.ErrorIs(t, err, wire.ErrOther)
}

func TestTags(t *testing.T) {
	dst, src := "ffffffffffff", "0200000000aa"
	for _, c := range []struct {
		name, frame string
		vid         uint16
		typ         uint16
		err         error
	}{
		{"plain", "0800" + "01", 0, wire.TypeIPv4, nil},
		{"802.1Q", "8100" + "6007" + "0800" + "01", 7, wire.TypeIPv4, nil},
		{"priority only", "8100" + "e000" + "0800" + "01", 0, wire.TypeIPv4, nil},
		{"802.1ad and 802.1Q", "88a8" + "0064" + "8100" + "0fff" + "0806" + "01", 4095, wire.TypeARP, nil},
		{"priority inside", "88a8" + "0064" + "8100" + "0000" + "0800" + "01", 0, wire.TypeIPv4, nil},
		{"three tags", "8100" + "0001" + "8100" + "0002" + "8100" + "0003" + "0800" + "01", 0, 0, wire.ErrOther},
		{"802.3 length", "0026" + "424203", 0, 0, wire.ErrOther},
		{"802.3 length in a tag", "8100" + "0001" + "0026" + "424203", 0, 0, wire.ErrOther},
		{"least type", "0600" + "01", 0, 0x600, nil},
		{"tag cut", "8100" + "0001" + "08", 0, 0, wire.ErrTruncated},
		{"no type", "08", 0, 0, wire.ErrTruncated},
	} {
		b, err := hex.DecodeString(dst + src + c.frame)
		require.NoError(t, err, c.name)
		var e wire.Ethernet
		p, err := e.Decode(b)
		if c.err != nil {
			assert.ErrorIs(t, err, c.err, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		assert.Equal(t, c.vid, e.VID(), c.name)
		assert.Equal(t, c.typ, e.Type, c.name)
		assert.Equal(t, wire.Broadcast, e.Dst, c.name)
		assert.Equal(t, "02:00:00:00:00:aa", e.Src.String(), c.name)
		assert.Equal(t, []byte{1}, p, c.name)
		again, err := e.Append(nil)
		require.NoError(t, err, c.name)
		assert.Equal(t, b, append(again, p...), c.name)
	}
	for name, e := range map[string]wire.Ethernet{
		"length for a type":   {Type: 100},
		"a tag for a type":    {Type: wire.TypeVLAN},
		"an odd tag":          {Type: wire.TypeIPv4, Tags: [2]wire.Tag{{TPID: 0x9100}}},
		"inner without outer": {Type: wire.TypeIPv4, Tags: [2]wire.Tag{{}, {TPID: wire.TypeVLAN}}},
	} {
		_, err := e.Append(nil)
		assert.ErrorIs(t, err, wire.ErrOther, name)
	}
	assert.Equal(t, uint8(3), wire.Tag{TPID: wire.TypeVLAN, TCI: 0x6007}.Priority())
}

func TestARP(t *testing.T) {
	probe := wire.ARP{
		Op: wire.ARPRequest, SenderMAC: wire.MAC{2, 0, 0, 0, 0, 1},
		SenderIP: netip.IPv4Unspecified(), TargetIP: netip.MustParseAddr("192.0.2.7"),
	}
	b, err := probe.Append(nil)
	require.NoError(t, err)
	assert.Equal(t, "0001"+"0800"+"0604"+"0001"+"020000000001"+"00000000"+"000000000000"+"c0000207", hex.EncodeToString(b))
	var a wire.ARP
	require.NoError(t, a.Decode(append(b, 0, 0)))
	assert.Equal(t, probe, a)
	for n := range b {
		assert.ErrorIs(t, a.Decode(b[:n]), wire.ErrTruncated)
	}
	for _, at := range []int{1, 3, 4, 5} { // hardware and protocol, and their lengths
		c := append([]byte(nil), b...)
		c[at]++
		assert.ErrorIs(t, a.Decode(c), wire.ErrOther)
	}
}

func TestNoAllocations(t *testing.T) {
	frame := append(make([]byte, 12), 8, 0)
	frame = append(frame, datagram(t, "payload")...)
	out := make([]byte, 0, 1500)
	n := testing.AllocsPerRun(100, func() {
		var e wire.Ethernet
		ip, err := e.Decode(frame)
		if err != nil {
			panic(err)
		}
		var d wire.Datagram
		if err := d.Decode(ip, wire.Verify); err != nil {
			panic(err)
		}
		if _, err := d.Append(out[:0]); err != nil {
			panic(err)
		}
	})
	assert.Zero(t, n)
}

func BenchmarkDecode(b *testing.B) {
	p := datagram(b, string(make([]byte, 300)))
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		var d wire.Datagram
		if err := d.Decode(p, wire.Verify); err != nil {
			b.Fatal(err)
		}
	}
}
