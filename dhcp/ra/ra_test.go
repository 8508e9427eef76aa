package ra_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/ra"
	"github.com/netfs-project/netfs/dhcp/value"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	must(err)
	return b
}

// full has one of everything.
func full() *ra.Advertisement {
	a := &ra.Advertisement{
		HopLimit: 64, Managed: true, Other: true, Preference: ra.Low, Proxy: true, HomeAgent: true,
		Lifetime: 30 * time.Minute, Reachable: time.Second, Retrans: 1500 * time.Millisecond,
	}
	must(a.Options.SetSourceLink(net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}))
	a.SetMTU(1400)
	must(a.AddPrefix(ra.Prefix{Prefix: prefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: ra.Forever, Preferred: time.Hour}))
	must(a.AddPrefix(ra.Prefix{Prefix: prefix("2001:db8:2::1/64"), Router: true}))
	must(a.AddRoute(ra.Route{Dst: prefix("::/0"), Preference: ra.High, Lifetime: time.Minute}))
	must(a.AddRoute(ra.Route{Dst: prefix("2001:db8::/32"), Lifetime: ra.Forever}))
	must(a.AddRoute(ra.Route{Dst: prefix("2001:db8::1/128"), Preference: ra.Low}))
	must(a.AddDNS(ra.Servers{Lifetime: time.Hour, Addrs: []netip.Addr{ip("2001:db8::53"), ip("fe80::53")}}))
	must(a.AddSearch(ra.Domains{Lifetime: time.Hour, Names: []string{"example.com", "example.net"}}))
	a.SetCaptivePortal("https://portal.example/api")
	must(a.AddNAT64(ra.NAT64{Lifetime: 15 * time.Minute, Prefix: prefix("64:ff9b::/96")}))
	must(a.AddNAT64(ra.NAT64{Lifetime: 24 * time.Hour, Prefix: prefix("2001:db8:6400::/40")}))
	must(a.AddPrefix(ra.Prefix{Prefix: prefix("2001:db8:3::/64"), OnLink: true, Delegated: true}))
	for _, r := range resolvers() {
		must(a.AddResolver(r))
	}
	a.SetInterval(600 * time.Second)
	a.SetHomeAgentInfo(-3, time.Hour)
	a.SetMoreFlags(0x800000000001)
	must(a.SetPvD(domain()))
	a.Options.Add(200, []byte{1})
	return a
}

func resolvers() []ra.Resolver {
	r := ra.Resolver{Lifetime: time.Hour, Resolver: value.Resolver{Priority: 1, Name: "dns.example", Addrs: []netip.Addr{ip("2001:db8::53"), ip("fe80::53")}}}
	must(r.SetALPN("dot"))
	bare := ra.Resolver{Lifetime: ra.Forever, Resolver: value.Resolver{Priority: 3, Name: "c.example", Addrs: []netip.Addr{ip("2001:db8::54")}}}
	return []ra.Resolver{r, {Resolver: value.Resolver{Priority: 2, Name: "b.example"}}, bare}
}

// domain is a provisioning domain with an MTU and a lifetime of its own.
func domain() ra.PvD {
	p := ra.PvD{ID: "net.example", HTTP: true, Delay: 5, Sequence: 7, Header: true, Inner: ra.Advertisement{Lifetime: time.Minute}}
	p.Inner.SetMTU(1300)
	return p
}

func equal[T any](t *testing.T, want T, get func() (T, error)) {
	t.Helper()
	got, err := get()
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestBothWays(t *testing.T) {
	b, err := full().Append([]byte("before"))
	require.NoError(t, err)
	b = b[6:]
	assert.Equal(t, "86000000"+"40fc0708"+"000003e8"+"000005dc"+"0101"+"02005e005301", hex.EncodeToString(b[:24]))
	a, err := ra.Decode(b)
	require.NoError(t, err)
	again, err := a.Append(nil)
	require.NoError(t, err)
	assert.Equal(t, b, again)

	want := full()
	want.Options = a.Options // they have their padding now
	assert.Equal(t, want, a)
	equal(t, net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}, a.Options.SourceLink)
	equal(t, 1400, a.MTU)
	equal(t, []ra.Prefix{
		{Prefix: prefix("2001:db8:1::/64"), OnLink: true, Autonomous: true, Valid: ra.Forever, Preferred: time.Hour},
		{Prefix: prefix("2001:db8:2::1/64"), Router: true},
		{Prefix: prefix("2001:db8:3::/64"), OnLink: true, Delegated: true},
	}, a.Prefixes)
	equal(t, resolvers(), a.Resolvers)
	equal(t, 600*time.Second, a.Interval)
	equal(t, 0x800000000001, a.MoreFlags)
	equal(t, domain(), a.PvD)
	pref, life, err := a.HomeAgentInfo()
	require.NoError(t, err)
	assert.Equal(t, int16(-3), pref)
	assert.Equal(t, time.Hour, life)
	equal(t, []ra.Route{
		{Dst: prefix("::/0"), Preference: ra.High, Lifetime: time.Minute},
		{Dst: prefix("2001:db8::/32"), Lifetime: ra.Forever},
		{Dst: prefix("2001:db8::1/128"), Preference: ra.Low},
	}, a.Routes)
	equal(t, []ra.Servers{{Lifetime: time.Hour, Addrs: []netip.Addr{ip("2001:db8::53"), ip("fe80::53")}}}, a.DNS)
	equal(t, []ra.Domains{{Lifetime: time.Hour, Names: []string{"example.com", "example.net"}}}, a.Search)
	equal(t, "https://portal.example/api", a.CaptivePortal)
	equal(t, []ra.NAT64{
		{Lifetime: 15*time.Minute - 4*time.Second, Prefix: prefix("64:ff9b::/96")},
		{Lifetime: 65528 * time.Second, Prefix: prefix("2001:db8:6400::/40")},
	}, a.NAT64)

	a.Lifetime, a.Reachable, a.Retrans = 100*time.Hour, -1, 1<<62
	b, err = a.Append(nil)
	require.NoError(t, err)
	assert.Equal(t, "ffff"+"00000000"+"ffffffff", hex.EncodeToString(b[6:16]), "cut to what fits")
}

func TestSolicitation(t *testing.T) {
	var s, got ra.Solicitation
	must(s.Options.SetSourceLink(net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}))
	b, err := s.Append(nil)
	require.NoError(t, err)
	assert.Equal(t, "8500000000000000"+"0101"+"02005e005301", hex.EncodeToString(b))
	require.NoError(t, got.Decode(b))
	assert.Equal(t, s, got)
	require.NoError(t, got.Decode(b[:8]))
	assert.Empty(t, got.Options)
	_, err = got.Options.SourceLink()
	assert.ErrorIs(t, err, ra.ErrAbsent)
}

func TestDecodeRefuses(t *testing.T) {
	head := "86000000 40000708 00000000 00000000 "
	for in, want := range map[string]string{
		"":                                    "0 bytes, fewer than 16",
		"86000000 40000708 00000000 0000":     "14 bytes, fewer than 16",
		"85000000 40000708 00000000 00000000": "a message of type 133, not 134",
		"86010000 40000708 00000000 00000000": "code 1, not 0",
		head + "05":                           "a byte behind the last option",
		head + "0500":                         "option 5 (mtu): its length is 0",
		head + "05000000 00000578":            "option 5 (mtu): its length is 0",
		head + "0502 0000 00000578":           "option 5 (mtu): 16 bytes where 8 are left",
		head + "c8ff 0000":                    "option 200: 2040 bytes where 4 are left",
	} {
		_, err := ra.Decode(unhex(in))
		assert.EqualError(t, err, want, in)
	}
	assert.EqualError(t, new(ra.Solicitation).Decode(unhex("85000000000000")), "7 bytes, fewer than 8")
}

// What a hostile router says in one option is an error of that one; what is
// before it is returned.
func TestHostileOptions(t *testing.T) {
	zeros := strings.Repeat("00", 16)
	for _, c := range []struct {
		name, opts string
		get        func(a *ra.Advertisement) error
		want       string
	}{
		{"prefix of 129", "0304 81c0" + strings.Repeat("00", 28), get((*ra.Advertisement).Prefixes), "option 3 (prefix): a prefix of 129 bits"},
		{"prefix too short", "0303" + strings.Repeat("00", 22), get((*ra.Advertisement).Prefixes), "option 3 (prefix): 22 bytes, not 30 to 30"},
		{"mtu of 1279", "0501 0000 000004ff", get((*ra.Advertisement).MTU), "option 5 (mtu): 1279 is less than 1280"},
		{"mtu too long", "0502 0000 000005dc 00000000 00000000", get((*ra.Advertisement).MTU), "option 5 (mtu): 14 bytes, not 6 to 6"},
		{"route of 129", "1803 8100 00000000" + zeros, get((*ra.Advertisement).Routes), "option 24 (route): a prefix of 129 bits in 16 bytes"},
		{"route longer than its bytes", "1802 4100 00000000 20010db8 00000000", get((*ra.Advertisement).Routes), "option 24 (route): a prefix of 65 bits in 8 bytes"},
		{"route of no bytes", "1801 0100 00000000", get((*ra.Advertisement).Routes), "option 24 (route): a prefix of 1 bits in 0 bytes"},
		{"route too long", "1804 4000 00000000" + zeros + "0000000000000000", get((*ra.Advertisement).Routes), "option 24 (route): 30 bytes, not 6 to 22"},
		{"dns without a server", "1901 0000 00000000", get((*ra.Advertisement).DNS), "option 25 (dns): 6 bytes, not 22 to 2038"},
		{"dns of a half", "1904 0000 00000000" + zeros + "0000000000000000", get((*ra.Advertisement).DNS), "option 25 (dns): 24 bytes of addresses"},
		{"search compressed", "1f02 0000 00000000 0161c000 00000000", get((*ra.Advertisement).Search), "option 31 (search): a name is compressed where it may not be"},
		{"search cut", "1f02 0000 00000000 0761616161616161", get((*ra.Advertisement).Search), "option 31 (search): a name ends too early"},
		{"portal", "2502 783a 24280000 00000000 00000000", get((*ra.Advertisement).CaptivePortal), ""},
		{"portal of control bytes", "2502 783a 1b5b324a 00000000 00000000", get((*ra.Advertisement).CaptivePortal), `option 37 (captive_portal): "x:\x1b\x5b2J" is not a URI`},
		{"nat64 too short", "2601 0000 00000000", get((*ra.Advertisement).NAT64), "option 38 (pref64): 6 bytes, not 14 to 14"},
		{"resolver cut", "9002 0001 00000000 0009 016100 000000", get((*ra.Advertisement).Resolvers), "option 144 (dnr): it ends too early"},
		{"resolver's addresses", "9003 0001 00000000 0003 016100 0008 0000000000000000 00", get((*ra.Advertisement).Resolvers), "option 144 (dnr): 8 bytes of addresses"},
		{"resolver's parameters", "9005 0001 00000000 0003 016100 0010" + zeros + "0009 00 000000000000", get((*ra.Advertisement).Resolvers), "option 144 (dnr): 9 bytes of parameters in 7"},
		{"pvd cut", "1501 0000 0000 0161", get((*ra.Advertisement).PvD), "option 21 (pvd): a name ends too early"},
		{"pvd without its header", "1502 2000 0000 0161 00 00000000000000", get((*ra.Advertisement).PvD), "option 21 (pvd): 0 bytes, fewer than 16"},
		{"pvd with half an option", "1503 0000 0000 0161 00 00000000000000 0502 000000000578", get((*ra.Advertisement).PvD), "option 21 (pvd): option 5 (mtu): 16 bytes where 8 are left"},
		{"flags of 14", "1a02" + strings.Repeat("00", 14), get((*ra.Advertisement).MoreFlags), "option 26 (flags): 14 bytes, not 6 to 6"},
		{"link of 14", "0102" + strings.Repeat("00", 14), func(a *ra.Advertisement) error { _, err := a.Options.SourceLink(); return err }, "option 1 (source_link): 14 bytes, not 6 to 6"},
	} {
		a, err := ra.Decode(unhex("86000000 40000708 00000000 00000000" + c.opts))
		require.NoError(t, err, c.name)
		err = c.get(a)
		if c.want == "" {
			assert.NoError(t, err, c.name)
			continue
		}
		assert.EqualError(t, err, c.want, c.name)
		var oe *ra.OptionError
		assert.True(t, errors.As(err, &oe), c.name)
	}
	// Ignored without a word: a reserved preference, a length of translators that nobody knows.
	a, err := ra.Decode(unhex("86000000 40100708 00000000 00000000" + "1801 0010 00000000" + "2602 0007" + strings.Repeat("00", 12)))
	require.NoError(t, err)
	assert.Equal(t, ra.Medium, a.Preference)
	equal(t, nil, a.Routes)
	equal(t, nil, a.NAT64)
}

func get[T any](f func(*ra.Advertisement) (T, error)) func(*ra.Advertisement) error {
	return func(a *ra.Advertisement) error { _, err := f(a); return err }
}

func TestEncodersRefuse(t *testing.T) {
	var a ra.Advertisement
	for _, err := range []error{
		a.AddPrefix(ra.Prefix{}),
		a.AddPrefix(ra.Prefix{Prefix: prefix("10.0.0.0/8")}),
		a.AddRoute(ra.Route{Dst: prefix("10.0.0.0/8")}),
		a.AddDNS(ra.Servers{Addrs: []netip.Addr{ip("10.0.0.1")}}),
		a.AddSearch(ra.Domains{Names: []string{"a..b"}}),
		a.AddNAT64(ra.NAT64{Prefix: prefix("64:ff9b::/95")}),
		a.Options.SetSourceLink(make(net.HardwareAddr, 20)),
	} {
		var oe *ra.OptionError
		assert.ErrorAs(t, err, &oe)
	}
	assert.Empty(t, a.Options)
	a.Options.Add(200, make([]byte, 2039))
	b, err := a.Append([]byte("before"))
	assert.EqualError(t, err, "option 200: 2039 bytes, at most 2038 fit")
	assert.Equal(t, "before", string(b))
	assert.Equal(t, "opt.200", ra.Type(200).Name())
	assert.Equal(t, "pref64", ra.OptPREF64.Name())
}

// The capture of dnsmasq with its advertisements: what was sent is what we send,
// but for the checksum.
func TestCaptured(t *testing.T) {
	var got []string
	for _, f := range capture.Files(t, "captured")["dnsmasq6-dhclient-dhcpcd-ra"] {
		proto, b := capture.IPv6(f)
		if proto != 58 {
			continue
		}
		var out []byte
		var err error
		switch b[0] {
		case ra.TypeAdvertisement:
			a, derr := ra.Decode(b)
			require.NoError(t, derr)
			p, perr := a.Prefixes()
			require.NoError(t, perr)
			mtu, merr := a.MTU()
			require.NoError(t, merr)
			got = append(got, fmt.Sprintf("advertisement managed=%t other=%t lifetime=%v mtu=%d %v onlink=%t auto=%t valid=%v",
				a.Managed, a.Other, a.Lifetime, mtu, p[0].Prefix, p[0].OnLink, p[0].Autonomous, p[0].Valid))
			out, err = a.Append(nil)
		case ra.TypeSolicitation:
			var s ra.Solicitation
			require.NoError(t, s.Decode(b))
			link, lerr := s.Options.SourceLink()
			require.NoError(t, lerr)
			got = append(got, fmt.Sprintf("solicitation %v", link))
			out, err = s.Append(nil)
		default:
			continue // neighbours
		}
		require.NoError(t, err)
		copy(out[2:4], b[2:4])
		assert.Equal(t, b, out)
	}
	assert.Equal(t, []string{
		"solicitation 02:71:b7:67:a5:a2",
		"advertisement managed=true other=true lifetime=1m0s mtu=1500 2001:db8:99::/64 onlink=true auto=false valid=2m0s",
	}, got)
}

func TestAllocations(t *testing.T) {
	b, err := full().Append(nil)
	require.NoError(t, err)
	var a ra.Advertisement
	require.NoError(t, a.Decode(b))
	assert.Zero(t, testing.AllocsPerRun(100, func() { must(a.Decode(b)) }))
}

// What decodes is encoded as the same bytes, but for what is reserved; and so is
// what its options are made of.
func FuzzAdvertisement(f *testing.F) {
	b, err := full().Append(nil)
	must(err)
	f.Add(b)
	for _, frame := range capture.Seeds(f) {
		if proto, icmp := capture.IPv6(frame); proto == 58 {
			f.Add(icmp)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s ra.Solicitation
		if s.Decode(b) == nil {
			out, err := s.Append(nil)
			require.NoError(t, err)
			require.Equal(t, b[8:], out[8:])
		}
		a, err := ra.Decode(b)
		if err != nil {
			return
		}
		out, err := a.Append(nil)
		require.NoError(t, err)
		require.Equal(t, b[6:], out[6:])
		again, err := ra.Decode(out)
		require.NoError(t, err)
		require.Equal(t, a, again)
		checkTyped(t, a)
	})
}

func checkTyped(t *testing.T, a *ra.Advertisement) {
	var out ra.Advertisement
	prefixes, perr := a.Prefixes()
	for _, p := range prefixes {
		require.NoError(t, out.AddPrefix(p))
	}
	routes, rerr := a.Routes()
	for _, r := range routes {
		require.NoError(t, out.AddRoute(r))
	}
	dns, derr := a.DNS()
	for _, s := range dns {
		require.NoError(t, out.AddDNS(s))
	}
	search, serr := a.Search()
	for _, d := range search {
		if len(d.Names) > 0 { // padding only cannot be read back as nothing
			require.NoError(t, out.AddSearch(d))
		}
	}
	nat64, nerr := a.NAT64()
	for _, n := range nat64 {
		require.NoError(t, out.AddNAT64(n))
	}
	list, err := a.Resolvers()
	for _, r := range list {
		require.NoError(t, out.AddResolver(r))
	}
	if err == nil && len(list) > 0 {
		equal(t, list, out.Resolvers)
	}
	if p, err := a.PvD(); err == nil && out.SetPvD(p) == nil {
		equal(t, p, out.PvD)
	}
	_, _ = a.Interval()
	_, _ = a.MoreFlags()
	_, _, _ = a.HomeAgentInfo()
	_, _ = a.MTU()
	_, _ = a.CaptivePortal()
	_, _ = a.Options.SourceLink()
	if errors.Join(perr, rerr, derr, serr, nerr) != nil {
		return
	}
	b, err := out.Append(nil)
	require.NoError(t, err)
	again, err := ra.Decode(b)
	require.NoError(t, err)
	equal(t, prefixes, again.Prefixes)
	equal(t, routes, again.Routes)
	equal(t, dns, again.DNS)
	equal(t, nat64, again.NAT64)
}
