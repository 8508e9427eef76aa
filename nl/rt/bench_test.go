package rt

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// wire encodes a message as the kernel does.
func wire(tb testing.TB, m interface {
	AppendBody([]byte) ([]byte, error)
}) []byte {
	b, err := m.AppendBody(nil)
	require.NoError(tb, err)
	return b
}

// A route as most are: destination, gateway, link, table; 60 bytes with nlmsghdr.
func plainRoute() *Route {
	r := &Route{Dst: netip.MustParsePrefix("10.1.2.3/32"), Gateway: netip.MustParseAddr("10.0.0.2"), OIF: 7, Table: RT_TABLE_MAIN, Has: RouteTable}
	r.Hdr.Family, r.Hdr.Protocol, r.Hdr.Type = AF_INET, RTPROT_STATIC, RTN_UNICAST
	return r
}

func multipathRoute() *Route {
	r := plainRoute()
	for range 4 {
		r.Hops = append(r.Hops, Hop{Hdr: RtNexthop{Index: 7}, Gateway: r.Gateway})
	}
	r.Metrics = Metrics{MTU: 1400, CCAlgo: "cubic"}
	return r
}

func bigLink() *Link {
	l := &Link{Name: "eth0", MTU: 1500, TxQLen: 1000, Address: make([]byte, 6), Broadcast: make([]byte, 6), Master: 4, Group: 1}
	l.Info = KindInfo{Kind: "veth", SlaveKind: "bridge", SlaveData: make([]byte, 200)}
	l.Props.AltNames = []string{"enp0s1", "a-longer-one-of-its-names"}
	return l
}

func TestDecodingDoesNotAllocate(t *testing.T) {
	zero := func(name string, decode func([]byte) error, b []byte) {
		require.NoError(t, decode(b)) // makes the slices
		n := testing.AllocsPerRun(100, func() { _ = decode(b) })
		require.Zero(t, n, name)
	}
	var (
		r Route
		l Link
		a Addr
		n Neigh
		u Rule
		h Nexthop
	)
	zero("route", r.Decode, wire(t, plainRoute()))
	zero("multipath route", r.Decode, wire(t, multipathRoute()))
	zero("link", l.Decode, wire(t, bigLink()))
	addr := &Addr{Label: "eth0:1", Flags: 0x1000}
	addr.SetPrefix(netip.MustParsePrefix("10.0.0.1/24"))
	zero("addr", a.Decode, wire(t, addr))
	zero("neigh", n.Decode, wire(t, &Neigh{Dst: netip.MustParseAddr("fe80::1"), LLAddr: make([]byte, 6), VLAN: 5}))
	zero("rule", u.Decode, wire(t, &Rule{Src: netip.MustParsePrefix("10.0.0.0/8"), IIF: "eth0", Table: 1000}))
	zero("nexthop", h.Decode, wire(t, &Nexthop{ID: 5, Group: make([]NexthopGrp, 8)}))
	l.Has, r.Has = LinkRest, RouteRest
	zero("link with the rest", l.Decode, append(wire(t, bigLink()), 8, 0, 0xff, 0x3f, 1, 2, 3, 4))
}

func benchDecode(b *testing.B, decode func([]byte) error, body []byte) {
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if err := decode(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeRoute(b *testing.B) {
	var m Route
	benchDecode(b, m.Decode, wire(b, plainRoute()))
}

func BenchmarkDecodeMultipath(b *testing.B) {
	var m Route
	benchDecode(b, m.Decode, wire(b, multipathRoute()))
}

func BenchmarkDecodeLink(b *testing.B) {
	var m Link
	benchDecode(b, m.Decode, wire(b, bigLink()))
}

func BenchmarkDecodeNeigh(b *testing.B) {
	var m Neigh
	benchDecode(b, m.Decode, wire(b, &Neigh{Dst: netip.MustParseAddr("10.0.0.1"), LLAddr: make([]byte, 6)}))
}

func BenchmarkAppendRoute(b *testing.B) {
	m := plainRoute()
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.AppendBody(buf); err != nil {
			b.Fatal(err)
		}
	}
}
