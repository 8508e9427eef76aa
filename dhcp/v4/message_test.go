package v4_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/v4"
)

var mac = net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func offer() *v4.Message {
	m := &v4.Message{
		Op: v4.BootReply, HType: v4.Ethernet, XID: 0xdeadbeef, Secs: 3, Flags: v4.FlagBroadcast, YIAddr: ip("192.0.2.7"),
		CHAddr: mac,
	}
	m.Options.SetType(v4.Offer)
	must(m.Options.SetAddr(v4.OptServerID, ip("192.0.2.1")))
	return m
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// raw is an encoded message with these bytes as its options, sname and file.
func raw(options, sname, file []byte) []byte {
	b, err := (&v4.Message{Op: v4.BootReply, HType: v4.Ethernet, CHAddr: mac}).Append(nil)
	must(err)
	copy(b[44:], sname)
	copy(b[108:], file)
	return append(b[:240], options...)
}

func TestLayout(t *testing.T) {
	m := offer()
	m.Hops, m.CIAddr, m.SIAddr, m.GIAddr, m.SName, m.File = 2, ip("192.0.2.8"), ip("192.0.2.2"), ip("192.0.2.3"), "boot", "kernel"
	b, err := m.Append([]byte("before"))
	require.NoError(t, err)
	require.Equal(t, "before", string(b[:6]))
	b = b[6:]
	require.Len(t, b, 300)
	assert.Equal(t, []byte{2, 1, 6, 2, 0xde, 0xad, 0xbe, 0xef, 0, 3, 0x80, 0}, b[:12])
	assert.Equal(t, []byte{192, 0, 2, 8, 192, 0, 2, 7, 192, 0, 2, 2, 192, 0, 2, 3}, b[12:28])
	assert.Equal(t, append(slices.Clone([]byte(mac)), make([]byte, 10)...), b[28:44])
	assert.Equal(t, "boot\x00", string(b[44:49]))
	assert.Equal(t, "kernel\x00", string(b[108:115]))
	assert.Equal(t, []byte{99, 130, 83, 99, 53, 1, 2, 54, 4, 192, 0, 2, 1, 255, 0}, b[236:251])
	again, err := v4.Decode(b)
	require.NoError(t, err)
	assert.Equal(t, m, again)
	for i := range b {
		b[i] = 0xee
	}
	assert.Equal(t, m, again, "Decode copies")
}

func TestDecodeRefuses(t *testing.T) {
	good := raw([]byte{53, 1, 2, 255}, nil, nil)
	edit := func(at int, v byte) []byte { b := slices.Clone(good); b[at] = v; return b }
	for name, c := range map[string]struct {
		b    []byte
		want string
	}{
		"nothing":      {nil, "0 bytes are too few for a message"},
		"no cookie":    {good[:239], "239 bytes are too few for a message"},
		"other cookie": {edit(236, 1), "no DHCP message: its cookie is 01825363"},
		"op":           {edit(0, 3), "op 3 is neither request nor reply"},
		"hlen":         {edit(2, 17), "a hardware address of 17 bytes"},
	} {
		_, err := v4.Decode(c.b)
		assert.EqualError(t, err, c.want, name)
	}
	for n := range good[:240] {
		_, err := v4.Decode(good[:n])
		assert.Error(t, err)
	}
}

// A message whose last option is cut has those before it, and tells; nothing that may have lost a part is
// left.
func TestDamage(t *testing.T) {
	head := []byte{54, 4, 192, 0, 2, 1, 53, 1, 2}
	part := func(c byte, n int) []byte { return append([]byte{c, byte(n)}, bytes.Repeat([]byte{'x'}, n)...) }
	for name, c := range map[string]struct {
		options, sname, file []byte
		want                 string
		codes                []v4.Code
	}{
		"only a code":             {[]byte{12}, nil, nil, `option 12 (host_name): longer than the field "options"`, nil},
		"one byte short":          {[]byte{3, 4, 1, 2, 3}, nil, nil, `option 3 (routers): longer than the field "options"`, nil},
		"unknown, 255 of nothing": {[]byte{200, 255}, nil, nil, `option 200: longer than the field "options"`, nil},
		"the second part":         {append(part(12, 3), 17, 1, '/', 12, 4, 'a'), nil, nil, `option 12 (host_name): longer than the field "options"`, []v4.Code{17}},
		"a repetition":            {[]byte{54, 4, 1}, nil, nil, `option 54 (server_identifier): longer than the field "options"`, nil},
		"behind a full part":      {append(part(121, 255), 12, 9, 'a'), nil, nil, `option 12 (host_name): longer than the field "options"`, nil},
		"behind the last part":    {slices.Concat(part(121, 255), part(121, 9), []byte{12, 9, 'a'}), nil, nil, `option 12 (host_name): longer than the field "options"`, []v4.Code{121}},
		"file": {[]byte{52, 1, 1, 255}, []byte("server"), bytes.Repeat([]byte("\x0c\x7d"), 64),
			`option 125 (vivso): longer than the field "file"`, []v4.Code{12}},
		"sname": {[]byte{52, 1, 3, 255}, bytes.Repeat([]byte{12}, 64), append(part(17, 3), 255),
			`option 12 (host_name): longer than the field "sname"`, []v4.Code{17}},
		"options, and file has more": {append([]byte{52, 1, 1}, 12, 9), []byte("server"), append(part(17, 3), 255),
			`option 12 (host_name): longer than the field "options"`, []v4.Code{17}},
		"options, and file may have more": {[]byte{12, 9}, []byte("server"), []byte("kernel"), `option 12 (host_name): longer than the field "options"`, nil},
	} {
		m, err := v4.Decode(raw(slices.Concat(head, c.options), c.sname, c.file))
		require.NoError(t, err, name)
		assert.EqualError(t, m.Damage, c.want, name)
		assert.Equal(t, append([]v4.Code{54, 53}, c.codes...), codes(m), name)
		assert.Equal(t, v4.Offer, m.Type(), name)
		assert.Empty(t, m.File+m.SName, name)
		j, err := m.MarshalJSON()
		require.NoError(t, err)
		assert.Contains(t, string(j), `"damage":"option `, name)
	}
	m, err := v4.Decode(raw(append(head, 255, 12, 9), nil, nil))
	require.NoError(t, err)
	assert.NoError(t, m.Damage, "behind the end there is nothing")
}

func TestDecodeTolerates(t *testing.T) {
	for name, opts := range map[string][]byte{
		"no end":              {53, 1, 2},
		"no option":           {},
		"padding before":      {0, 0, 53, 1, 2, 255},
		"rubbish behind end":  {53, 1, 2, 255, 1, 200, 3},
		"overload of nothing": {52, 1, 3, 53, 1, 2, 255},
		"overload 0":          {52, 1, 0, 53, 1, 2, 255},
		"overload 4":          {52, 1, 4, 53, 1, 2, 255},
		"overload of 2 bytes": {52, 2, 1, 1, 53, 1, 2, 255},
	} {
		m, err := v4.Decode(raw(opts, nil, nil))
		require.NoError(t, err, name)
		assert.False(t, m.Options.Has(v4.OptOverload), name)
		if len(opts) > 0 {
			assert.Equal(t, v4.Offer, m.Type(), name)
			assert.Len(t, m.Options, 1, name)
		}
	}
	m, err := v4.Decode(raw(nil, bytes.Repeat([]byte{'s'}, 64), bytes.Repeat([]byte{'f'}, 128)))
	require.NoError(t, err, "full fields have no zero at the end")
	assert.Len(t, m.SName, 64)
	assert.Len(t, m.File, 128)
	assert.Zero(t, m.Type())
	b, err := m.Append(nil)
	require.NoError(t, err)
	again, err := v4.Decode(b)
	require.NoError(t, err)
	assert.Equal(t, m.File, again.File)
}

// RFC 3396 7: the parts of an option are put together, in the order of options, file,
// sname.
func TestLongOptionsRead(t *testing.T) {
	m, err := v4.Decode(raw(
		[]byte{12, 2, 'a', 'b', 53, 1, 2, 52, 1, 3, 12, 1, 'c', 255},
		[]byte{12, 1, 'f', 0, 12, 1, 'g', 255, 12, 9},
		[]byte{12, 2, 'd', 'e', 17, 1, '/', 255},
	))
	require.NoError(t, err)
	s, err := m.Options.Hostname()
	require.NoError(t, err)
	assert.Equal(t, "abcdefg", s)
	assert.Equal(t, []v4.Code{12, 53, 17}, codes(m))
	assert.Empty(t, m.File)
	assert.Empty(t, m.SName)
}

func codes(m *v4.Message) []v4.Code {
	var list []v4.Code
	for c := range m.Options.All() {
		list = append(list, c)
	}
	return list
}

// An option of a fixed length that comes again is a repetition: the first counts, and the
// others are kept.
func TestRepeatedOptions(t *testing.T) {
	m, err := v4.Decode(raw([]byte{54, 4, 192, 0, 2, 1, 53, 1, 2, 54, 4, 192, 0, 2, 66, 53, 1, 5, 255}, nil, nil))
	require.NoError(t, err)
	id, err := m.Options.ServerID()
	require.NoError(t, err)
	assert.Equal(t, ip("192.0.2.1"), id)
	assert.Equal(t, v4.Offer, m.Type())
	assert.Equal(t, []v4.Code{54, 53, 54, 53}, codes(m))

	b, err := m.Append(nil)
	require.NoError(t, err)
	assert.Equal(t, []byte{53, 1, 2, 53, 1, 5, 54, 4, 192, 0, 2, 1, 54, 4, 192, 0, 2, 66, 255}, b[240:259])

	must(m.Options.SetAddr(v4.OptServerID, ip("192.0.2.9")))
	assert.Equal(t, []v4.Code{54, 53, 53}, codes(m), "Set leaves one")
	m.Options.Del(v4.OptMessageType)
	assert.Equal(t, []v4.Code{54}, codes(m))
}

// A hostile message of many parts costs what its size says.
func TestManyParts(t *testing.T) {
	m, err := v4.Decode(raw(bytes.Repeat([]byte{200, 1, 'x', 51, 1, 'y'}, 10000), nil, nil))
	require.NoError(t, err)
	v, _ := m.Options.Get(200)
	assert.Len(t, v, 10000)
}

func TestOrder(t *testing.T) {
	m := offer()
	m.Options = nil
	must(m.Options.SetSubOptions(v4.OptRelayInfo, v4.SubOption{Code: v4.RelayCircuitID, Data: []byte("c")}))
	m.Options.SetString(v4.OptHostname, "h")
	m.Options.SetType(v4.Ack)
	b, err := m.Append(nil)
	require.NoError(t, err)
	assert.Equal(t, []byte{53, 1, 5, 12, 1, 'h', 82, 3, 1, 1, 'c', 255}, b[240:252])
}

func TestLongOptionsWrite(t *testing.T) {
	for _, n := range []int{0, 1, 254, 255, 256, 510, 511, 1000} {
		m := offer()
		v := bytes.Repeat([]byte{'v'}, n)
		m.Options.Set(v4.OptVendorSpecific, v)
		b, err := m.Append(nil)
		require.NoError(t, err, "%d bytes", n)
		again, err := v4.Decode(b)
		require.NoError(t, err)
		got, ok := again.Options.Get(v4.OptVendorSpecific)
		require.True(t, ok)
		require.True(t, bytes.Equal(v, got), "%d bytes", n)
		if n > 0 && n <= 510 {
			assert.Equal(t, min(n, 255), int(b[240+3+6+1]), "the first part is as long as can be")
		}
	}
}

// Messages of all sizes up to what fits are encoded within the limit, and mean the same;
// beyond, an error names the option.
func TestOverload(t *testing.T) {
	for _, size := range []int{0, 576, 700, 1500} {
		limit := max(size, 576) - 28
		room := 0
		for n := 0; n < limit+200; n++ {
			m := offer()
			m.Options.SetString(v4.OptRootPath, strings.Repeat("r", n%90+1))
			m.Options.Set(v4.OptVendorSpecific, bytes.Repeat([]byte{'v'}, n))
			m.Options.SetRapidCommit()
			b, err := m.AppendMax(nil, size)
			if err != nil {
				require.Regexp(t, fmt.Sprintf(`^option \d+ \(\w+\): no room for its \d+ bytes in a message of %d$`, limit), err.Error())
				continue
			}
			room = n
			require.LessOrEqual(t, len(b), limit)
			again, err := v4.Decode(b)
			require.NoError(t, err, "%d bytes", n)
			requireSameSet(t, m, again)
		}
		assert.Greater(t, room, limit-240+192-100, "size %d: file and sname are used", size)
	}
}

// requireSameSet compares messages but for the order of options, which an
// overload changes.
func requireSameSet(t testing.TB, want, got *v4.Message) {
	t.Helper()
	sorted := func(m *v4.Message) *v4.Message {
		c := *m
		c.Options = slices.Clone(m.Options)
		slices.SortStableFunc(c.Options, func(a, b v4.Option) int { return int(a.Code) - int(b.Code) })
		return &c
	}
	requireSame(t, sorted(want), sorted(got))
}

func TestOverloadLeavesFieldsInUse(t *testing.T) {
	m := offer()
	m.File = "kernel"
	m.Options.Set(v4.OptVendorSpecific, bytes.Repeat([]byte{'v'}, 255))
	m.Options.SetString(v4.OptHostname, strings.Repeat("h", 50))
	b, err := m.AppendMax(nil, 0)
	require.NoError(t, err)
	require.Len(t, b, 240+3+3+6+257+1, "the type, the overload, the server, the vendor's, the end")
	require.Equal(t, []byte{53, 1, 2, 52, 1, 2, 54}, b[240:247], "the type stays first")
	require.Equal(t, []byte{12, 50, 'h'}, b[44:47], "the name is in sname")
	again, err := v4.Decode(b)
	require.NoError(t, err)
	require.Equal(t, "kernel", again.File)
	requireSameSet(t, m, again)

	m.SName = "server"
	_, err = m.AppendMax(nil, 0)
	require.EqualError(t, err, "option 12 (host_name): no room for its 50 bytes in a message of 548")
	_, err = m.AppendMax(nil, 1500)
	require.NoError(t, err)
}

func TestAppendRefuses(t *testing.T) {
	for want, edit := range map[string]func(m *v4.Message){
		"op 0 is neither request nor reply":                                      func(m *v4.Message) { m.Op = 0 },
		"yiaddr: 2001:db8::1 is not an IPv4 address":                             func(m *v4.Message) { m.YIAddr = ip("2001:db8::1") },
		"giaddr: ::ffff:192.0.2.1 is not an IPv4 address":                        func(m *v4.Message) { m.GIAddr = ip("::ffff:192.0.2.1") },
		"a hardware address of 20 bytes, at most 16 fit":                         func(m *v4.Message) { m.CHAddr = make([]byte, 20) },
		`sname "a\x00b": more than 64 bytes, or a zero in it`:                    func(m *v4.Message) { m.SName = "a\x00b" },
		"option 52 (option_overload): cannot be set: it is part of the encoding": func(m *v4.Message) { m.Options.SetUint8(52, 1) },
		"option 0: cannot be set: it is part of the encoding":                    func(m *v4.Message) { m.Options.Set(0, nil) },
		"option 255: cannot be set: it is part of the encoding":                  func(m *v4.Message) { m.Options.Set(255, nil) },
		"option 43 (vendor_encapsulated_options): no room for its 70000 bytes in a message of 1472": func(m *v4.Message) {
			m.Options.Set(43, make([]byte, 70000))
		},
	} {
		m := offer()
		edit(m)
		b, err := m.Append([]byte("before"))
		assert.EqualError(t, err, want)
		assert.Equal(t, "before", string(b))
	}
	m := offer()
	m.File = strings.Repeat("f", 129)
	_, err := m.Append(nil)
	assert.Error(t, err)
}

// An infiniband client has no hardware address in the message, RFC 4390.
func TestInfiniband(t *testing.T) {
	m := offer()
	m.HType, m.CHAddr = v4.Infiniband, nil
	b, err := m.Append(nil)
	require.NoError(t, err)
	assert.Equal(t, []byte{32, 0}, b[1:3])
	again, err := v4.Decode(b)
	require.NoError(t, err)
	assert.Empty(t, again.CHAddr)
}

func TestClone(t *testing.T) {
	m := offer()
	c := m.Options.Clone()
	c[0].Data[0] = 99
	assert.Equal(t, v4.Offer, m.Type())
}

// full is a message like a busy server's.
func full() *v4.Message {
	m := offer()
	o := &m.Options
	o.SetDuration(v4.OptLeaseTime, 3600e9)
	must(o.SetSubnetMask(24))
	must(o.SetAddr(v4.OptRouters, ip("192.0.2.1")))
	must(o.SetAddr(v4.OptDNS, ip("192.0.2.1"), ip("192.0.2.2")))
	o.SetString(v4.OptDomainName, "example.com")
	must(o.SetNames(v4.OptDomainSearch, "example.com", "example.net"))
	return m
}

func TestAllocations(t *testing.T) {
	b, err := full().Append(nil)
	require.NoError(t, err)
	var m v4.Message
	require.NoError(t, m.Decode(b))
	assert.Zero(t, testing.AllocsPerRun(100, func() { must(m.Decode(b)) }), "decode")
	out := make([]byte, 0, 1500)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, err := m.Append(out)
		must(err)
	}), "encode")
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, err := m.Options.ServerID()
		must(err)
		_, err = m.Options.T1()
		if err == nil {
			panic("there is none")
		}
	}), "getters")
}

func BenchmarkDecode(b *testing.B) {
	p, err := full().Append(nil)
	must(err)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	var m v4.Message
	for b.Loop() {
		must(m.Decode(p))
	}
}

func BenchmarkAppend(b *testing.B) {
	m, out := full(), make([]byte, 0, 1500)
	b.ReportAllocs()
	for b.Loop() {
		_, err := m.Append(out)
		must(err)
	}
}
