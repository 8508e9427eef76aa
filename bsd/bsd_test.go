package bsd

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// profiles are all kinds of layouts there are.
var profiles = []Profile{
	{OS: "freebsd"}, {OS: "freebsd", Arch: "386"}, {OS: "freebsd", Arch: "ppc64"},
	{OS: "openbsd"}, {OS: "openbsd", Arch: "386"}, {OS: "openbsd", Arch: "arm"}, {OS: "openbsd", Arch: "mips64"},
	{OS: "netbsd"}, {OS: "netbsd", Arch: "386"}, {OS: "netbsd", Version: 7}, {OS: "netbsd", Arch: "386", Version: 7}, {OS: "netbsd", Arch: "sparc64"},
	{OS: "dragonfly"}, {OS: "darwin", Arch: "arm64"},
}

func (p Profile) name() string { return fmt.Sprintf("%s-%s-%d", p.OS, p.Arch, p.Version) }

func TestUnknownSystem(t *testing.T) {
	_, err := Profile{OS: "plan9"}.Layout()
	require.ErrorIs(t, err, errors.ErrUnsupported)
	assert.EqualError(t, err, `os "plan9", not one of freebsd openbsd netbsd dragonfly darwin: unsupported operation`)
}

// Every field of every message comes back, on every layout that has it.
func TestFields(t *testing.T) {
	for _, p := range profiles {
		t.Run(p.name(), func(t *testing.T) {
			l, err := p.Layout()
			require.NoError(t, err)
			for _, ty := range l.types {
				if ty.form == nil {
					continue
				}
				b := make([]byte, ty.form.size())
				for i := range b {
					b[i] = byte(i*7 + 1)
				}
				l.order.PutUint16(b, uint16(len(b)))
				b[2], b[3] = l.Version, ty.num
				c := coder{b: b, order: l.order, write: true}
				if hl := ty.form.hdrlen(); hl.size != 0 {
					c.put(b[hl.off:hl.off+hl.size], uint64(len(b)))
				}
				noAddrs(&c, ty.form)
				m := one(t, l, b)
				assert.Equal(t, ty.op, m.Head().Op)
				assert.Equal(t, "RTM_"+ty.name, l.TypeName(m.Head().Type))
				// The same message, made anew of its fields, is the same.
				fields := rebuilt(m)
				out, err := l.Append(nil, fields)
				require.NoError(t, err)
				assert.Equal(t, fieldsOf(m), fieldsOf(one(t, l, out)), ty.name)
			}
		})
	}
}

// noAddrs clears the bits of sockaddrs that are not there.
func noAddrs(c *coder, f form) {
	var p pos
	switch f := f.(type) {
	case *routeForm:
		p = f.addrs
	case *linkForm:
		p = f.addrs
		if f.dataOff.size != 0 {
			c.put(c.b[f.dataOff.off:f.dataOff.off+f.dataOff.size], uint64(f.dataAt))
		}
	case *addrForm:
		p = f.addrs
		if f.dataOff.size != 0 {
			c.put(c.b[f.dataOff.off:f.dataOff.off+f.dataOff.size], uint64(f.dataAt))
		}
	case *groupForm:
		p = f.addrs
	case *announceForm:
		clear(c.b[f.name.off+3 : f.name.off+uint8(f.name.size)])
		return
	}
	clear(c.b[p.off : p.off+p.size])
}

// rebuilt copies a message without the bytes that it came from.
func rebuilt(m Message) Message {
	var h *Header
	switch x := m.(type) {
	case *RouteMsg:
		c := *x
		m, h = &c, &c.Header
	case *LinkMsg:
		c := *x
		m, h = &c, &c.Header
	case *AddrMsg:
		c := *x
		m, h = &c, &c.Header
	case *MaddrMsg:
		c := *x
		m, h = &c, &c.Header
	case *AnnounceMsg:
		c := *x
		m, h = &c, &c.Header
	}
	h.head, h.tail = nil, nil
	return m
}

// fieldsOf is what a message says, without how it was padded.
func fieldsOf(m Message) string {
	m = rebuilt(m)
	return fmt.Sprintf("%+v", m)
}

func TestSockaddrs(t *testing.T) {
	for _, p := range profiles {
		l, err := p.Layout()
		require.NoError(t, err)
		for _, s := range []string{"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "2001:db8::1", "fe80::1%3", "ff02::1%7", "ff01::5%2",
			"::ffff:192.0.2.1", "fe80::1"} {
			a := netip.MustParseAddr(s)
			assert.Equal(t, a, l.Addr(l.SockaddrOf(a)), p.name())
		}
		raw := l.SockaddrOf(netip.MustParseAddr("fe80::1%258"))
		if l.Embedded {
			assert.Equal(t, []byte{1, 2}, []byte(raw[10:12]))
			assert.Equal(t, []byte{0, 0, 0, 0}, []byte(raw[24:]))
		} else {
			assert.Equal(t, []byte{0, 0}, []byte(raw[10:12]))
			assert.Equal(t, uint32(258), l.order.Uint32(raw[24:]))
		}
		k := Link{Index: 300, Type: 6, Name: "em0", Addr: []byte{2, 0, 0, 0, 0, 1}}
		sa := l.SockaddrOfLink(k)
		assert.GreaterOrEqual(t, len(sa), l.LinkSize)
		got, ok := l.Link(sa)
		assert.True(t, ok)
		assert.Equal(t, k, got)
		_, ok = l.Link(raw)
		assert.False(t, ok)
	}
}

func TestMasks(t *testing.T) {
	l := layout(t, "netbsd", "amd64", 0)
	for _, c := range []struct {
		mask string
		is6  bool
		n    int
		ok   bool
	}{
		{"", false, 0, true},
		{"", true, 0, true},
		{"05ffffffff", false, 8, true},
		{"07fffffffffff0", false, 20, true},
		{"0affffffffffffffffc0", true, 10, true},
		{"10ffffffffffffffffffffffffffffff", true, 64, true},
		{"1002000000000000", false, 0, true},
		{"10120000ffffff000000000000000000", false, 24, true},
		{"08000000ff00ff00", false, 0, false},
		{"080000000000ff00", false, 0, false},
		{"08000000ffffff01", false, 0, false},
		{"04020000", false, 0, true},
	} {
		n, ok := MaskBits(unhex(t, c.mask), c.is6)
		assert.Equal(t, c.ok, ok, c.mask)
		assert.Equal(t, c.n, n, c.mask)
	}
	for n := range 129 {
		got, ok := MaskBits(l.Mask(n, true), true)
		assert.True(t, ok)
		assert.Equal(t, n, got)
	}
	for n := range 33 {
		got, ok := MaskBits(l.Mask(n, false), false)
		assert.True(t, ok)
		assert.Equal(t, n, got)
	}
}

func TestPrefix(t *testing.T) {
	l := layout(t, "darwin", "arm64", 0)
	gw := l.SockaddrOf(netip.MustParseAddr("192.0.2.1"))
	gw6 := l.SockaddrOf(netip.MustParseAddr("2001:db8::1"))
	dst := l.SockaddrOf(netip.MustParseAddr("10.1.2.3"))
	for _, c := range []struct {
		name string
		set  func(h *Header)
		want string
	}{
		{"host", func(h *Header) { h.Set(RTAX_DST, dst) }, "10.1.2.3/32"},
		{"network", func(h *Header) { h.Set(RTAX_DST, dst); h.Set(RTAX_NETMASK, l.Mask(9, false)) }, "10.1.2.3/9"},
		{"empty mask", func(h *Header) { h.Set(RTAX_DST, dst); h.Set(RTAX_NETMASK, nil) }, "10.1.2.3/0"},
		{"empty destination", func(h *Header) { h.Set(RTAX_DST, nil); h.Set(RTAX_GATEWAY, gw6); h.Set(RTAX_NETMASK, nil) }, "::/0"},
		{"empty destination, IPv4", func(h *Header) { h.Set(RTAX_DST, nil); h.Set(RTAX_GATEWAY, gw); h.Set(RTAX_NETMASK, nil) }, "0.0.0.0/0"},
		{"short destination", func(h *Header) { h.Set(RTAX_DST, dst[:6]); h.Set(RTAX_NETMASK, l.Mask(16, false)) }, "10.1.0.0/16"},
		{"no destination", func(h *Header) { h.Set(RTAX_GATEWAY, gw) }, ""},
		{"mask with holes", func(h *Header) { h.Set(RTAX_DST, dst); h.Set(RTAX_NETMASK, []byte{8, 0, 0, 0, 255, 0, 255, 0}) }, ""},
		{"of a link", func(h *Header) { h.Set(RTAX_DST, l.SockaddrOfLink(Link{Index: 1})) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := RouteMsg{Header: Header{Op: OpGet}}
			c.set(&m.Header)
			b, err := l.Append(nil, &m)
			require.NoError(t, err)
			p, ok := l.Prefix(one(t, l, b).Head())
			if c.want == "" {
				assert.False(t, ok)
				return
			}
			assert.Equal(t, c.want, p.String())
		})
	}
}

func TestMPLS(t *testing.T) {
	l := layout(t, "openbsd", "amd64", 0)
	a := Sockaddr{16, 33, 0, 0, 0x00, 0x06, 0x40, 0x00, 0, 0, 0, 0, 0, 0, 0, 0}
	n, ok := l.MPLSLabel(a)
	assert.True(t, ok)
	assert.EqualValues(t, 100, n)
	_, ok = l.MPLSLabel(a[:6])
	assert.False(t, ok)
	_, ok = layout(t, "freebsd", "amd64", 0).MPLSLabel(a)
	assert.False(t, ok)
	assert.Equal(t, "dhcpleased", Sockaddr("\x22\x00dhcpleased\x00\x00").Text())
}

// What is broken is an error that says where, and never more than an error.
func TestBroken(t *testing.T) {
	l := layout(t, "freebsd", "amd64", 0)
	m := RouteMsg{Header: Header{Op: OpGet}, Seq: 7}
	m.Set(RTAX_DST, l.SockaddrOf(netip.MustParseAddr("10.0.0.0")))
	m.Set(RTAX_NETMASK, l.Mask(8, false))
	good, err := l.Append(nil, &m)
	require.NoError(t, err)
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	for _, c := range []struct {
		name string
		b    []byte
		want []string // errors; "" a message
	}{
		{"good twice", append(bytes.Clone(good), good...), []string{"", ""}},
		{"zeros at the end", append(bytes.Clone(good), make([]byte, 40)...), []string{""}},
		{"one byte", []byte{5}, []string{"message at 0: one byte is left over"}},
		{"length 3", []byte{3, 0, 5, 1}, []string{"message at 0: its length is 3"}},
		{"cut", good[:100], []string{"message at 0: its length is 184, 100 bytes are left"}},
		{"header cut", edit(func(b []byte) []byte { b[0] = 100; return b[:100] }), []string{"RTM_GET at 0: its header is 152 bytes, the message 100"}},
		{"sockaddr missing", edit(func(b []byte) []byte { b[12] |= 8; return b }), []string{"RTM_GET at 184: sockaddr GENMASK is missing"}},
		{"sockaddr too long", edit(func(b []byte) []byte { b[168] = 17; return b }), []string{"RTM_GET at 168: sockaddr NETMASK has 17 bytes, 16 are left"}},
		{"sockaddr of no name", edit(func(b []byte) []byte { b[13] = 1; b[12] = 1; return b[:] }), []string{""}},
		{"sockaddr beyond all", edit(func(b []byte) []byte { b[14] = 1; return b }), []string{"RTM_GET at 0: sockaddrs of unknown kind: 0x10005"}},
		{"broken, then good", append(edit(func(b []byte) []byte { b[12] |= 8; return b }), good...), []string{"RTM_GET at 184: sockaddr GENMASK is missing", ""}},
		{"another version", append(edit(func(b []byte) []byte { b[2] = 4; return b }), good...), []string{""}},
		{"unknown type", append([]byte{8, 0, 5, 99, 1, 2, 3, 4}, good...), []string{"", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := []string{}
			for m, err := range l.Messages(c.b) {
				if err == nil {
					got = append(got, "")
					assert.NotNil(t, m)
					continue
				}
				var e *Error
				assert.ErrorAs(t, err, &e)
				got = append(got, err.Error())
			}
			assert.Equal(t, c.want, got)
		})
	}
}

// A header longer than the table's is read as far as the table goes.
func TestLongerHeaders(t *testing.T) {
	l := layout(t, "openbsd", "amd64", 0)
	m := RouteMsg{Header: Header{Op: OpAdd}, Seq: 9, Table: 3}
	m.Set(RTAX_DST, l.SockaddrOf(netip.MustParseAddr("10.0.0.0")))
	b, err := l.Append(nil, &m)
	require.NoError(t, err)
	long := append(append(bytes.Clone(b[:96]), 1, 2, 3, 4, 5, 6, 7, 8), b[96:]...)
	l.order.PutUint16(long, uint16(len(long)))
	l.order.PutUint16(long[4:], 104)
	got := one(t, l, long).(*RouteMsg)
	assert.EqualValues(t, 9, got.Seq)
	assert.Equal(t, "10.0.0.0", l.Addr(got.At(RTAX_DST)).String())

	short := append(bytes.Clone(b[:56]), b[96:]...)
	l.order.PutUint16(short, uint16(len(short)))
	l.order.PutUint16(short[4:], 56)
	got = one(t, l, short).(*RouteMsg)
	assert.EqualValues(t, 9, got.Seq)
	assert.Zero(t, got.Metrics.MTU)

	f := layout(t, "freebsd", "amd64", 0).For(DumpLinksLong)
	k := LinkMsg{Header: Header{Op: OpLink}, Index: 5, Data: LinkData{MTU: 1500, OutDrops: 3}}
	k.Set(RTAX_IFP, f.SockaddrOfLink(Link{Index: 5, Name: "em0"}))
	b, err = f.Append(nil, &k)
	require.NoError(t, err)
	assert.Equal(t, []byte{176, 0, 24, 0}, b[16:20])
	long = append(append(append(bytes.Clone(b[:24]), 9, 9, 9, 9, 9, 9, 9, 9), b[24:176]...), b[176:]...)
	f.order.PutUint16(long, uint16(len(long)))
	f.order.PutUint16(long[16:], 184)
	f.order.PutUint16(long[18:], 32)
	got2 := one(t, f, long).(*LinkMsg)
	assert.EqualValues(t, 1500, got2.Data.MTU)
	assert.EqualValues(t, 3, got2.Data.OutDrops)
	got3, _ := f.Link(got2.At(RTAX_IFP))
	assert.Equal(t, "em0", got3.Name)
}

func TestRefused(t *testing.T) {
	l := layout(t, "freebsd", "amd64", 0)
	for _, m := range []Message{
		&RouteMsg{}, &RouteMsg{Header: Header{Op: OpDesync}}, &RouteMsg{Header: Header{Type: 99}},
		&LinkMsg{Header: Header{Op: OpAdd}}, &AnnounceMsg{Header: Header{Op: OpIEEE80211}},
	} {
		b, err := l.Append([]byte{1}, m)
		assert.Error(t, err)
		assert.Equal(t, []byte{1}, b)
	}
}

func TestFlags(t *testing.T) {
	l := layout(t, "freebsd", "amd64", 0)
	assert.Equal(t, []string{"up", "gateway", "static", "0x20000"}, l.RouteFlags(0x20803))
	assert.Equal(t, uint32(0x200000), l.RTF("local"))
	assert.Zero(t, l.RTF("connected"))
	assert.Equal(t, []string{"up", "broadcast", "multicast"}, l.LinkFlags(0x8003))
	for _, p := range profiles {
		l, _ := p.Layout()
		for _, w := range []string{"up", "gateway", "host", "reject", "static", "blackhole", "llinfo", "done"} {
			assert.NotZero(t, l.RTF(w), "%s %s", p.OS, w)
		}
	}
}

// Decoding allocates nothing for each message.
func TestDecodeAllocatesNothing(t *testing.T) {
	l := layout(t, "freebsd", "amd64", 0)
	m := RouteMsg{Header: Header{Op: OpGet}}
	m.Set(RTAX_DST, l.SockaddrOf(netip.MustParseAddr("10.0.0.0")))
	var b []byte
	for range 1000 {
		b, _ = l.Append(b, &m)
	}
	d := &Decoder{Layout: l}
	n := testing.AllocsPerRun(10, func() {
		for m, err := range d.Messages(b) {
			if r, ok := m.(*RouteMsg); !ok || err != nil || !l.Addr(r.At(RTAX_DST)).Is4() {
				t.Fatal("not the route")
			}
		}
	})
	assert.Less(t, n, 10.0)
}

func BenchmarkDecode(b *testing.B) {
	l, _ := Profile{OS: "freebsd"}.Layout()
	m := RouteMsg{Header: Header{Op: OpGet}}
	m.Set(RTAX_DST, l.SockaddrOf(netip.MustParseAddr("10.0.0.0")))
	m.Set(RTAX_GATEWAY, l.SockaddrOf(netip.MustParseAddr("10.0.0.1")))
	m.Set(RTAX_NETMASK, l.Mask(8, false))
	var buf []byte
	for range 100 {
		buf, _ = l.Append(buf, &m)
	}
	d := &Decoder{Layout: l}
	b.ReportAllocs()
	for b.Loop() {
		for range d.Messages(buf) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/message")
}

func fuzz(f *testing.F, ps ...Profile) {
	var layouts []*Layout
	for _, p := range ps {
		l, err := p.Layout()
		require.NoError(f, err)
		layouts = append(layouts, l, l.For(DumpLinksLong))
		for _, ty := range l.types {
			if ty.form == nil {
				continue
			}
			m := ty.form.message(&Decoder{})
			h := m.Head()
			h.Type = ty.num
			h.Set(RTAX_DST, l.SockaddrOf(netip.MustParseAddr("fe80::1%3")))
			h.Set(RTAX_NETMASK, l.Mask(10, true))
			h.Set(RTAX_IFP, l.SockaddrOfLink(Link{Index: 1, Name: "em0"}))
			if b, err := l.Append(nil, m); err == nil {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, l := range layouts {
			for m, err := range l.Messages(b) {
				if err != nil {
					continue
				}
				out, err := l.Append(nil, m)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Contains(b, out) {
					t.Fatalf("%x is not in %x", out, b)
				}
				l.Prefix(m.Head())
				for i := range axes {
					a := m.Head().At(i)
					l.Addr(a)
					l.Link(a)
					l.MPLSLabel(a)
					_ = a.Text()
				}
			}
		}
	})
}

func FuzzFreeBSD(f *testing.F)   { fuzz(f, profiles[0:3]...) }
func FuzzOpenBSD(f *testing.F)   { fuzz(f, profiles[3:7]...) }
func FuzzNetBSD(f *testing.F)    { fuzz(f, profiles[7:12]...) }
func FuzzDragonFly(f *testing.F) { fuzz(f, profiles[12]) }
func FuzzDarwin(f *testing.F)    { fuzz(f, profiles[13]) }
