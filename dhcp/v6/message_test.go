package v6_test

import (
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/v6"
	"github.com/netfs-project/netfs/dhcp/value"
)

func ip(s string) netip.Addr       { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", ":", "").Replace(s))
	must(err)
	return b
}

var duid = v6.NewDUIDLL(1, net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1})

// reply is a message of a busy server.
func reply() *v6.Message {
	m := &v6.Message{Type: v6.Reply, XID: 0xabcdef}
	o := &m.Options
	o.SetClientID(duid)
	o.SetServerID(v6.NewDUIDEN(40712, []byte("server")))
	na := v6.IA{IAID: 1, T1: 50 * time.Second, T2: v6.Forever}
	must(na.Options.AddIAAddr(v6.IAAddr{Addr: ip("2001:db8::7"), Preferred: time.Minute, Valid: 2 * time.Minute}))
	must(na.Options.AddIAAddr(v6.IAAddr{Addr: ip("2001:db8::8"), Preferred: v6.Forever, Valid: v6.Forever}))
	must(o.AddIANA(na))
	pd := v6.IA{IAID: 2}
	p := v6.IAPrefix{Prefix: prefix("2001:db8:a0::/44"), Preferred: time.Hour, Valid: 2 * time.Hour}
	must(p.SetExcluded(prefix("2001:db8:af:ff00::/57")))
	must(pd.Options.AddIAPrefix(p))
	must(o.AddIAPD(pd))
	failed := v6.IA{IAID: 3}
	failed.Options.SetStatus(v6.Status{Code: v6.NoPrefixAvail, Text: "no\nmore"})
	must(o.AddIAPD(failed))
	must(o.AddIATA(v6.IA{IAID: 4, Options: na.Options[:1]}))
	must(o.SetAddrs(v6.OptDNS, ip("2001:db8::1"), ip("2001:db8::2")))
	must(o.SetNames(v6.OptDomainSearch, "example.com", "example.net"))
	o.SetRapidCommit()
	o.SetUint8(v6.OptPreference, 255)
	o.SetDuration(v6.OptSolMaxRT, 2*time.Hour)
	o.SetString(v6.OptCaptivePortal, "https://portal.example/api")
	must(o.SetFQDN(v6.ClientFQDN{Flags: v6.FQDNServer, Name: "host.example"}))
	must(o.SetNTP(v6.NTP{Servers: []netip.Addr{ip("2001:db8::3")}, Multicast: []netip.Addr{ip("ff05::101")}, Names: []string{"ntp.example"}}))
	must(o.AddVendorClass(v6.VendorClass{Enterprise: 311, Classes: []string{"MSFT 5.0", ""}}))
	must(o.AddVendorOptions(v6.VendorOptions{Enterprise: 4491, Options: v6.Options{{Code: 17, Data: []byte{1}}}}))
	must(o.SetClasses(v6.OptUserClass, "a", "b c"))
	return m
}

func TestLayout(t *testing.T) {
	m := v6.Message{Type: v6.Solicit, XID: 0x102030}
	m.Options.SetElapsed(655360 * time.Millisecond)
	m.Options.SetRequested(v6.OptDNS, v6.OptSolMaxRT)
	b, err := m.Append([]byte("before"))
	require.NoError(t, err)
	assert.Equal(t, "before"+string(unhex("01102030 0008 0002 ffff 0006 0004 0017 0052")), string(b))
	again, err := v6.Decode(b[6:])
	require.NoError(t, err)
	assert.Equal(t, &m, again)
	for i := range b {
		b[i] = 0xee
	}
	assert.Equal(t, &m, again, "Decode copies")
}

// What the setters write is what the getters read, through the wire.
func TestTypedBothWays(t *testing.T) {
	b, err := reply().Append(nil)
	require.NoError(t, err)
	m, err := v6.Decode(b)
	require.NoError(t, err)
	o := m.Options
	equal(t, duid, o.ClientID)
	equal(t, v6.NewDUIDEN(40712, []byte("server")), o.ServerID)

	nas, err := o.IANAs()
	require.NoError(t, err)
	require.Len(t, nas, 1)
	assert.Equal(t, uint32(1), nas[0].IAID)
	assert.Equal(t, 50*time.Second, nas[0].T1)
	assert.Equal(t, v6.Forever, nas[0].T2)
	addrs, err := nas[0].Options.IAAddrs()
	require.NoError(t, err)
	assert.Equal(t, []v6.IAAddr{
		{Addr: ip("2001:db8::7"), Preferred: time.Minute, Valid: 2 * time.Minute},
		{Addr: ip("2001:db8::8"), Preferred: v6.Forever, Valid: v6.Forever},
	}, addrs)
	st, err := nas[0].Options.Status()
	require.NoError(t, err)
	assert.Equal(t, v6.Status{}, st, "none is success")

	pds, err := o.IAPDs()
	require.NoError(t, err)
	require.Len(t, pds, 2)
	prefixes, err := pds[0].Options.IAPrefixes()
	require.NoError(t, err)
	assert.Equal(t, prefix("2001:db8:a0::/44"), prefixes[0].Prefix)
	equal(t, prefix("2001:db8:af:ff00::/57"), prefixes[0].Excluded)
	st, err = pds[1].Options.Status()
	require.NoError(t, err)
	assert.Equal(t, v6.Status{Code: v6.NoPrefixAvail, Text: "no\nmore"}, st)

	tas, err := o.IATAs()
	require.NoError(t, err)
	addrs, err = tas[0].Options.IAAddrs()
	require.NoError(t, err)
	assert.Len(t, addrs, 1)

	equal(t, []netip.Addr{ip("2001:db8::1"), ip("2001:db8::2")}, o.DNS)
	equal(t, []string{"example.com", "example.net"}, o.DomainSearch)
	assert.True(t, o.RapidCommit())
	equal(t, 255, o.Preference)
	equal(t, 2*time.Hour, o.SolMaxRT)
	equal(t, "https://portal.example/api", o.CaptivePortal)
	equal(t, v6.ClientFQDN{Flags: v6.FQDNServer, Name: "host.example"}, o.FQDN)
	equal(t, v6.NTP{Servers: []netip.Addr{ip("2001:db8::3")}, Multicast: []netip.Addr{ip("ff05::101")}, Names: []string{"ntp.example"}}, o.NTP)
	equal(t, []v6.VendorClass{{Enterprise: 311, Classes: []string{"MSFT 5.0", ""}}}, o.VendorClasses)
	equal(t, []v6.VendorOptions{{Enterprise: 4491, Options: v6.Options{{Code: 17, Data: []byte{1}}}}}, o.VendorOptions)
	equal(t, []string{"a", "b c"}, func() ([]string, error) { return o.Classes(v6.OptUserClass) })
	equal(t, v6.InfoRefreshDefault, o.InfoRefresh)
	o.SetDuration(v6.OptInfoRefreshTime, time.Second)
	equal(t, v6.InfoRefreshMin, o.InfoRefresh)

	assert.Equal(t, "reply xid=abcdef client_id=00:03:00:01:02:00:5e:00:53:01 server_id=00:02:00:00:9f:08:73:65:72:76:65:72 "+
		"ia_na[iaid=1 t1=50 t2=forever ia_addr[2001:db8::7 preferred=60 valid=120] ia_addr[2001:db8::8 preferred=forever valid=forever]] "+
		"ia_pd[iaid=2 t1=0 t2=0 ia_prefix[2001:db8:a0::/44 preferred=3600 valid=7200 pd_exclude=57,fff0]] "+
		`ia_pd[iaid=3 t1=0 t2=0 status_code=no_prefix_avail:"no\x0amore"] `+
		"ia_ta[iaid=4 ia_addr[2001:db8::7 preferred=60 valid=120]] "+
		"dns_servers=2001:db8::1,2001:db8::2 domain_search=example.com,example.net rapid_commit=on preference=255 sol_max_rt=7200 "+
		"captive_portal_uri=https://portal.example/api fqdn=s:host.example. ntp_servers=2001:db8::3,ff05::101,ntp.example "+
		`vendor_class[311:"MSFT 5.0",""] vendor_options[4491 17=01] user_class=a,"b c"`, m.String())
}

// Softwires and what is alike in all protocols, both ways and through the wire.
func TestSharedBothWays(t *testing.T) {
	var o v6.Options
	location := value.Location{Latitude: 38.5, LatitudeBits: 18, Longitude: -77.25, LongitudeBits: 19, Altitude: 2.5, Unit: value.Floors, Version: 1, Datum: value.DatumNAVD88}
	civic := value.Civic{Of: value.OfServer, Country: "NL"}
	resolver := value.Resolver{Priority: 7, Name: "dns.example", Addrs: []netip.Addr{ip("2001:db8::53"), ip("fe80::53")}}
	resolver.Set(9, []byte{1})
	resolver.SetPort(853)
	must(resolver.SetALPN("dot", "h3"))
	resolver.Set(value.DoHPath, []byte("/q{?dns}"))
	selection := v6.RDNSSSelection{Server: ip("2001:db8::1"), Preference: 1, Domains: []string{"example.com"}}
	vss := value.VSS{Type: value.VSSVPNID, ID: []byte{0, 0, 1, 0, 0, 0, 1}}
	ports := value.Ports{Offset: 4, Bits: 12, PSID: 0xabc}
	must(o.SetLocation(location))
	must(o.SetCivic(civic))
	must(o.SetVSS(vss))
	must(o.AddResolver(resolver))
	must(o.AddResolver(value.Resolver{Name: "b.example"}))
	must(o.AddRDNSSSelection(selection))

	var shared, mape, mapt, lw v6.Options
	must(shared.SetPorts(ports))
	rules := []v6.MapRule{
		{Forwarding: true, EABits: 16, IPv4: prefix("192.0.2.0/24"), IPv6: prefix("2001:db8::/41"), Options: shared},
		{EABits: 0, IPv4: prefix("0.0.0.0/0"), IPv6: prefix("::/0")},
	}
	relays := []netip.Addr{ip("2001:db8::1"), ip("2001:db8::2")}
	for _, r := range rules {
		must(mape.AddMapRule(r))
	}
	for _, a := range relays {
		must(mape.AddBorderRelay(a))
	}
	must(mapt.AddMapRule(rules[0]))
	must(mapt.SetDefaultRule(prefix("64:ff9b::/96")))
	binding := v6.Binding{IPv4: ip("192.0.2.1"), IPv6: prefix("2001:db8:1::/56"), Options: shared}
	must(lw.SetBinding(binding))
	must(lw.AddBorderRelay(relays[0]))
	must(o.AddMAPE(mape))
	must(o.AddMAPE(v6.Options{}))
	must(o.SetMAPT(mapt))
	must(o.SetLW4o6(lw))
	o.SetS46Priority(v6.OptS46LW, v6.OptS46MAPE)

	b, err := (&v6.Message{Type: v6.Reply, Options: o}).Append(nil)
	require.NoError(t, err)
	m, err := v6.Decode(b)
	require.NoError(t, err)
	got := m.Options
	equal(t, location, got.Location)
	equal(t, civic, got.Civic)
	equal(t, vss, got.VSS)
	equal(t, []value.Resolver{resolver, {Name: "b.example"}}, got.Resolvers)
	equal(t, []v6.RDNSSSelection{selection}, got.RDNSSSelections)
	equal(t, []v6.Code{v6.OptS46LW, v6.OptS46MAPE}, got.S46Priority)
	assert.Equal(t, []string{"dot", "h3"}, resolver.ALPN())
	assert.Equal(t, "/q{?dns}", resolver.DoHPath())
	n, ok := resolver.Port()
	assert.True(t, ok)
	assert.Equal(t, uint16(853), n)
	assert.Equal(t, []value.ParamKey{value.ALPN, value.Port, value.DoHPath, 9},
		[]value.ParamKey{resolver.Params[0].Key, resolver.Params[1].Key, resolver.Params[2].Key, resolver.Params[3].Key})

	in, err := got.MAPE()
	require.NoError(t, err)
	require.Len(t, in, 2)
	equal(t, rules, in[0].MapRules)
	equal(t, relays, in[0].BorderRelays)
	equal(t, ports, rules[0].Options.Ports)
	c, err := got.MAPT()
	require.NoError(t, err)
	equal(t, rules[:1], c.MapRules)
	equal(t, prefix("64:ff9b::/96"), c.DefaultRule)
	c, err = got.LW4o6()
	require.NoError(t, err)
	equal(t, binding, c.Binding)
	equal(t, relays[:1], c.BorderRelays)
}

func equal[T any](t *testing.T, want T, get func() (T, error)) {
	t.Helper()
	got, err := get()
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestDecodeRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "0 bytes are too few for a message",
		"010203":                          "3 bytes are too few for a message",
		"00010203":                        "a message of type 0",
		"01010203 0001":                   "2 bytes behind the last option",
		"01010203 0003 000d 00":           "option 3 (ia_na): 13 bytes where 1 are left",
		"01010203 ffff ffff":              "option 65535: 65535 bytes where 0 are left",
		"0c00" + strings.Repeat("00", 31): "33 bytes are too few for a relay's message",
	} {
		_, err := v6.Decode(unhex(in))
		assert.EqualError(t, err, want)
	}
}

// What a hostile or broken server sends in one option is an error of that one, which
// says which and why.
func TestHostileOptions(t *testing.T) {
	for _, c := range []struct {
		name string
		opt  v6.Code
		hex  string
		get  func(o v6.Options) error
		want string
	}{
		{"duid of 2", 1, "0003", get(v6.Options.ClientID), "option 1 (client_id): 2 bytes, fewer than 3"},
		{"duid of 131", 2, strings.Repeat("01", 131), get(v6.Options.ServerID), "option 2 (server_id): 131 bytes, more than 130"},
		{"ia cut", 3, "00000001 00000000 000000", get(v6.Options.IANAs), "option 3 (ia_na): 11 bytes, fewer than 12"},
		{"ia with half an option", 3, "00000001 00000000 00000000 0005", get(v6.Options.IANAs), "option 3 (ia_na): 2 bytes behind the last option"},
		{"option longer than the ia", 25, "00000001 00000000 00000000 001a 0019 00", get(v6.Options.IAPDs), "option 25 (ia_pd): option 26 (ia_prefix): 25 bytes where 1 are left"},
		{"address cut", 5, "20010db8", get(v6.Options.IAAddrs), "option 5 (ia_addr): 4 bytes, fewer than 24"},
		{"prefix of 129", 26, "00000000 00000000 81" + strings.Repeat("00", 16), get(v6.Options.IAPrefixes), "option 26 (ia_prefix): a prefix of 129 bits"},
		{"prefix cut", 26, "00000000 00000000 40 20010db8", get(v6.Options.IAPrefixes), "option 26 (ia_prefix): 13 bytes, fewer than 25"},
		{"dns of 17", 23, strings.Repeat("01", 17), get(v6.Options.DNS), "option 23 (dns_servers): 17 bytes, not a multiple of 16"},
		{"names compressed", 24, "0161 c000", get(v6.Options.DomainSearch), "option 24 (domain_search): a name is compressed where it may not be"},
		{"names cut", 24, "0361", get(v6.Options.DomainSearch), "option 24 (domain_search): a name ends too early"},
		{"status of 1", 13, "00", get(v6.Options.Status), "option 13 (status_code): 1 bytes, fewer than 2"},
		{"preference of 2", 7, "0000", get(v6.Options.Preference), "option 7 (preference): 2 bytes, not 1"},
		{"sol_max_rt of 59", 82, "0000003b", get(v6.Options.SolMaxRT), "option 82 (sol_max_rt): 59s is not between a minute and a day"},
		{"portal", 103, hex.EncodeToString([]byte("x:$`\x00")), get(v6.Options.CaptivePortal), `option 103 (captive_portal_uri): "x:\x24\x60\x00" is not a URI`},
		{"classes", 15, "0005 61", func(o v6.Options) error { _, err := o.Classes(15); return err }, "option 15 (user_class): it ends too early"},
		{"vendor", 17, "00000001 0001 0005 00", get(v6.Options.VendorOptions), "option 17 (vendor_options): it ends too early"},
		{"relay", 9, "01000000 0001", get(v6.Options.RelayMessage), "option 9 (relay_message): 2 bytes behind the last option"},
		{"ntp", 56, "0001 0004 01020304", get(v6.Options.NTP), "option 56 (ntp_servers): an address of 4 bytes"},
		{"fqdn", 39, "00 0161 00 00", get(v6.Options.FQDN), "option 39 (fqdn): 1 bytes behind the name"},
		{"rule cut", 89, "01 08 18 c0000200", get(v6.Options.MapRules), "option 89 (s46_rule): 7 bytes, fewer than 8"},
		{"rule of 33 bits", 89, "01 08 21 c0000200 00", get(v6.Options.MapRules), "option 89 (s46_rule): 8 bits of an address, a prefix of 33 bits"},
		{"rule of 129 bits", 89, "01 08 18 c0000200 81" + strings.Repeat("00", 17), get(v6.Options.MapRules), "option 89 (s46_rule): a prefix of 129 bits"},
		{"rule's prefix cut", 89, "01 08 18 c0000200 40 20010db8", get(v6.Options.MapRules), "option 89 (s46_rule): it ends too early"},
		{"rule's option cut", 89, "01 08 18 c0000200 00 005d 0004 00", get(v6.Options.MapRules), "option 89 (s46_rule): option 93 (s46_portparams): 4 bytes where 1 are left"},
		{"dmr and more", 91, "10 2001 00", get(v6.Options.DefaultRule), "option 91 (s46_dmr): 1 bytes behind it"},
		{"binding cut", 92, "c0000201", get(v6.Options.Binding), "option 92 (s46_v4v6bind): 4 bytes, fewer than 5"},
		{"ports", 93, "10 01 0000", get(v6.Options.Ports), "option 93 (s46_portparams): PSID 0 of 1 bits behind 16"},
		{"mape", 94, "0059", get(v6.Options.MAPE), "option 94 (s46_mape): 2 bytes behind the last option"},
		{"dnr", 144, "0001 0010 0161", get(v6.Options.Resolvers), "option 144 (dnr): it ends too early"},
		{"dnr of 15", 144, "0001 0003 016100 000f" + strings.Repeat("00", 15), get(v6.Options.Resolvers), "option 144 (dnr): 15 bytes of addresses"},
		{"selection", 74, strings.Repeat("00", 16), get(v6.Options.RDNSSSelections), "option 74 (rdnss_selection): 16 bytes, fewer than 17"},
		{"oro of 3", 6, "000000", get(v6.Options.Requested), "option 6 (option_request): 3 bytes, not a multiple of 2"},
		{"aftr", 64, "0161 00 0162 00", get(v6.Options.AFTRName), "option 64 (aftr_name): 2 names, not one"},
	} {
		m := v6.Message{Type: v6.Reply, Options: v6.Options{{Code: c.opt, Data: unhex(c.hex)}}}
		b, err := m.Append(nil)
		require.NoError(t, err)
		got, err := v6.Decode(b)
		require.NoError(t, err, c.name)
		err = c.get(got.Options)
		assert.EqualError(t, err, c.want, c.name)
		var oe *v6.OptionError
		assert.True(t, errors.As(err, &oe) && oe.Code == c.opt, c.name)
		assert.Equal(t, m.Options, got.Options, c.name)
	}
}

func get[T any](f func(v6.Options) (T, error)) func(v6.Options) error {
	return func(o v6.Options) error { _, err := f(o); return err }
}

// RFC 6603 4.2, and the lengths that have made others read beyond the option.
func TestExcluded(t *testing.T) {
	p := v6.IAPrefix{Prefix: prefix("2001:db8::/32")}
	_, err := p.Excluded()
	assert.ErrorIs(t, err, v6.ErrAbsent)
	for _, ex := range []string{"2001:db8:8000::/33", "2001:db8:ff00::/40", "2001:db8:ff80::/41", "2001:db8:1:2::/64", "2001:db8::1/128"} {
		must(p.SetExcluded(prefix(ex)))
		equal(t, prefix(ex), p.Excluded)
	}
	for in, want := range map[string]string{
		"20 00":     "option 67 (pd_exclude): 32 bits of a prefix of 32",
		"81 00":     "option 67 (pd_exclude): 129 bits of a prefix of 32",
		"28 0000":   "option 67 (pd_exclude): 2 bytes for 8 bits",
		"29 00":     "option 67 (pd_exclude): 1 bytes for 9 bits",
		"ff":        "option 67 (pd_exclude): 1 bytes, fewer than 2",
		"80 000000": "option 67 (pd_exclude): 3 bytes for 96 bits",
	} {
		p.Options.Set(v6.OptPDExclude, unhex(in))
		_, err := p.Excluded()
		assert.EqualError(t, err, want)
	}
	assert.Error(t, p.SetExcluded(prefix("2001:db9::/40")))
	assert.Error(t, p.SetExcluded(prefix("2001:db8::/32")))
	assert.Error(t, p.SetExcluded(netip.Prefix{}))
}

func TestUsable(t *testing.T) {
	for a, want := range map[string]bool{"2001:db8::1": true, "fd00::1": true, "fe80::1": false, "::": false, "::1": false, "ff02::1": false, "::ffff:1.2.3.4": false} {
		assert.Equal(t, want, v6.IAAddr{Addr: ip(a)}.Usable(), a)
		assert.False(t, v6.IAAddr{Addr: ip(a), Preferred: 2, Valid: 1}.Usable(), a)
	}
	assert.True(t, v6.IAPrefix{Prefix: prefix("2001:db8::/48")}.Usable())
	assert.False(t, v6.IAPrefix{Prefix: prefix("::/0")}.Usable())
	assert.False(t, v6.IAPrefix{Prefix: prefix("fe80::/10")}.Usable())
}

// A message through two relays and back out.
func TestRelay(t *testing.T) {
	inner := reply()
	m := inner
	for i := range 2 {
		r := &v6.Message{Type: v6.RelayForward, HopCount: uint8(i), LinkAddr: ip("2001:db8::1"), PeerAddr: ip("fe80::1")}
		r.Options.Set(v6.OptInterfaceID, []byte("eth0"))
		must(r.Options.SetRelayMessage(m))
		m = r
	}
	b, err := m.Append(nil)
	require.NoError(t, err)
	got, err := v6.Decode(b)
	require.NoError(t, err)
	assert.Equal(t, uint8(1), got.HopCount)
	assert.Equal(t, ip("2001:db8::1"), got.LinkAddr)
	assert.Equal(t, ip("fe80::1"), got.PeerAddr)
	equal(t, []byte("eth0"), got.Options.InterfaceID)
	client, err := got.Innermost()
	require.NoError(t, err)
	assert.Equal(t, inner.String(), client.String())
	assert.True(t, strings.HasPrefix(got.String(), "relay-forward hops=1 link=2001:db8::1 peer=fe80::1 interface_id=65746830 relay_message[relay-forward hops=0 "))

	for range 60 {
		r := &v6.Message{Type: v6.RelayReply}
		must(r.Options.SetRelayMessage(m))
		m = r
	}
	_, err = m.Innermost()
	assert.EqualError(t, err, "more than 9 relays")
	assert.Contains(t, m.String(), "relay_message...")
	_, err = (&v6.Message{Type: v6.RelayReply}).Innermost()
	assert.ErrorIs(t, err, v6.ErrAbsent)
}

func TestAppendRefuses(t *testing.T) {
	for want, m := range map[string]*v6.Message{
		"a message of type 0":                                      {},
		"transaction 0x1000000 has more than 24 bits":              {Type: v6.Solicit, XID: 1 << 24},
		"192.0.2.1 is not an IPv6 address":                         {Type: v6.RelayReply, LinkAddr: ip("192.0.2.1")},
		"fe80::1%eth0 is not an IPv6 address":                      {Type: v6.RelayReply, PeerAddr: ip("fe80::1%eth0")},
		"option 18 (interface_id): 65536 bytes, at most 65535 fit": {Type: v6.Solicit, Options: v6.Options{{Code: 18, Data: make([]byte, 65536)}}},
		"a message of 65539 bytes is too long for UDP":             {Type: v6.Solicit, Options: v6.Options{{Code: 18, Data: make([]byte, 65531)}}},
	} {
		b, err := m.Append([]byte("before"))
		assert.EqualError(t, err, want)
		assert.Equal(t, "before", string(b))
	}
	var o v6.Options
	for _, err := range []error{
		o.SetAddrs(v6.OptDNS, ip("192.0.2.1")),
		o.SetNames(v6.OptDomainSearch, "a..b"),
		o.AddIAAddr(v6.IAAddr{}),
		o.AddIAPrefix(v6.IAPrefix{Prefix: prefix("10.0.0.0/8")}),
		o.SetFQDN(v6.ClientFQDN{Name: "a..b"}),
		o.SetNTP(v6.NTP{Servers: []netip.Addr{ip("192.0.2.1")}}),
		o.SetRelayMessage(&v6.Message{}),
		o.SetClasses(v6.OptUserClass, string(make([]byte, 65536))),
		o.AddIANA(v6.IA{Options: v6.Options{{Code: 18, Data: make([]byte, 65530)}}}),
	} {
		var oe *v6.OptionError
		assert.ErrorAs(t, err, &oe)
	}
	assert.Empty(t, o)
}

func TestDUID(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}
	for d, typ := range map[string]uint16{
		v6.NewDUIDLLT(1, mac, time.Date(2000, 1, 1, 0, 0, 7, 0, time.UTC)).String(): v6.DUIDLLT,
		v6.NewDUIDEN(9, []byte{0x0c, 0xc0}).String():                                v6.DUIDEN,
		v6.NewDUIDLL(1, mac).String():                                               v6.DUIDLL,
		v6.NewDUIDUUID([16]byte{1}).String():                                        v6.DUIDUUID,
	} {
		got, err := v6.ParseDUID(d)
		require.NoError(t, err)
		assert.Equal(t, typ, got.Type())
		assert.Equal(t, d, got.String())
	}
	assert.Equal(t, "00:01:00:01:00:00:00:07:02:00:5e:00:53:01", v6.NewDUIDLLT(1, mac, time.Unix(946684807, 0)).String())
	assert.Zero(t, v6.DUID{1}.Type())
	for _, bad := range []string{"", "0001", "xx", strings.Repeat("00", 131)} {
		_, err := v6.ParseDUID(bad)
		assert.Error(t, err, bad)
	}
}

// RFC 8415 20.4: the key comes in a Reply, and only who has it can make the
// client renew.
func TestReconfigure(t *testing.T) {
	key := [16]byte{1, 2, 3}
	var o v6.Options
	o.SetAuth(v6.KeyAuth(1, key))
	a, err := o.Auth()
	require.NoError(t, err)
	got, ok := a.ReconfigureKey()
	require.True(t, ok)
	require.Equal(t, key[:], got)

	m := v6.Message{Type: v6.Reconfigure}
	m.Options.SetServerID(duid)
	m.Options.SetUint8(v6.OptReconfigureMessage, uint8(v6.Renew))
	m.Options.SetAuth(v6.DigestAuth(2))
	p, err := m.Append(nil)
	require.NoError(t, err)
	_, err = v6.VerifyReconfigure(p, key[:], 1)
	require.ErrorIs(t, err, v6.ErrUnauthentic, "not signed")
	require.NoError(t, v6.SignReconfigure(p, key[:]))
	before := string(p)
	n, err := v6.VerifyReconfigure(p, key[:], 1)
	require.NoError(t, err)
	assert.Equal(t, uint64(2), n)
	assert.Equal(t, before, string(p), "not changed")
	_, err = v6.VerifyReconfigure(p, key[:], 2)
	assert.ErrorIs(t, err, v6.ErrUnauthentic, "a replay")
	_, err = v6.VerifyReconfigure(p, make([]byte, 16), 1)
	assert.ErrorIs(t, err, v6.ErrUnauthentic, "another key")
	for at := range p {
		q := []byte(before)
		q[at] ^= 1
		_, err = v6.VerifyReconfigure(q, key[:], 1)
		assert.Error(t, err, "byte %d changed", at)
	}
	for n := range p {
		_, err = v6.VerifyReconfigure(p[:n], key[:], 1)
		assert.Error(t, err, "%d bytes", n)
	}
}

// texts has values of each kind, and their text.
var texts = []struct {
	opt       v6.Code
	hex, text string
}{
	{200, "00ff", "00ff"},
	{v6.OptInterfaceID, "", `""`},
	{v6.OptRapidCommit, "", "on"},
	{v6.OptPreference, "ff", "255"},
	{v6.OptRelayPort, "0223", "547"},
	{v6.OptClientArch, "00070009", "7,9"},
	{v6.OptInfoRefreshTime, "ffffffff", "forever"},
	{v6.OptElapsedTime, "0064", "100"},
	{v6.OptUnicast, "20010db8000000000000000000000001", "2001:db8::1"},
	{v6.OptDHCP4o6Servers, "", `""`},
	{v6.OptPosixTimezone, "4553543524", `"EST5\x24"`},
	{v6.OptPosixTimezone, "6865783a00", `"hex:\x00"`},
	{v6.OptDomainSearch, "016100 03622d2e00 00", `a,"b-\x5c046",.`},
	{v6.OptORO, "0017 0018 ffff", "dns_servers,domain_search,opt.65535"},
	{v6.OptORO, "", `""`},
	{v6.OptClientID, "0003000102", "00:03:00:01:02"},
	{v6.OptUserClass, "0001 61 0002 2c20", `a,", "`},
	{v6.OptFQDN, "05 0161", "sn:a"},
	{v6.OptFQDN, "00", `:""`},
	{v6.OptFQDN, "00 00", ":."},
	{v6.OptNTPServers, "0003 0003 016100", "a"},
	{v6.OptStatusCode, "0003 6e6f", "no_binding:no"},
	{v6.OptStatusCode, "0063", `99:""`},
	{v6.OptAuth, "030100 0000000000000007 01aa", "3:1:0:7:01aa"},
	{v6.OptGeoLoc, "4800000000 4800000000 0000000000 42", "0/18,0/18,0/0,none,navd88,1"},
	{v6.OptCivicLocation, "02 5553 01 02 4e59 03 08 4e657720596f726b", `client:US,1:NY,3:"New York"`},
	{v6.OptVSS, "00 626c7565", "name:blue"},
	{v6.OptVSS, "ff", "global"},
	{v6.OptDNR, "0001 000d 03646e73 076578616d706c65 00 0010 20010db8000000000000000000000053 0001 0009 03 646f74 02 6832 01 78 0003 0002 2152 0007 0006 2f717b3f787d",
		`1/dns.example/2001:db8::53/alpn=dot+h2+x/port=8530/dohpath="/q\x7b\x3fx\x7d"`},
	{v6.OptDNR, "0002 0003 016100", "2/a"},
	{v6.OptSLAPQuadrants, "0001 0205", "0/1,2/5"},
	{v6.OptMoSAddrs, "0001 0002 0a0b 0002 0000", "1:0a0b,2:"},
	{v6.OptLQBaseTime, "00000007", "7"},
	{v6.OptNII, "010310", "1,3,16"},
	{v6.OptRemoteID, "0000118b 0a0b", "4491,0a0b"},
	{v6.OptClientLinkLayer, "0001 02005e005301", "1,02005e005301"},
	{v6.OptPDExclude, "39 fff0", "57,fff0"},
	{v6.OptRDNSSSelection, "20010db8000000000000000000000001 01 016100 00", "2001:db8::1,1,a,."},
	{v6.OptKerberosKDC, "0001 0002 06 0058 20010db8000000000000000000000001 452e58", "1,2,6,88,2001:db8::1,E.X"},
	{v6.OptAddrSelTable, "01 28 20 20010db8", "1,40,2001:db8::/32"},
	{v6.OptS46DMR, "40 20010db800000000", "2001:db8::/64"},
	{v6.OptS46Ports, "06 08 3400", "6/8/52"},
	{v6.OptS46Priority, "005e 0060", "s46_mape,s46_lw"},
	{v6.OptFourRDMapRule, "18 20 08 80 c0000200 20010db8000000000000000000000000", "24,32,8,128,192.0.2.0,2001:db8::"},
	{v6.OptPrefix64, "60 ff3e00000000000000000000 00 60 0064ff9b0000000000000000", "ff3e::/96,::/0,64:ff9b::/96"},
	{v6.OptMPLParameters, "0001 0002 03 0004 0005 0006 07 0008 0009 000a", "0,1,2,3,4,5,6,7,8,9,10,"},
	{v6.OptForwardDistManager, "0001 016100", "1,a"},
	{v6.OptSZTPRedirect, "0003 783a79", "x:y"},
}

// unread have options in themselves: their text is to be read by people.
var unread = []struct {
	opt       v6.Code
	hex, text string
}{
	{v6.OptS46MAPE, "0059 0015 01 08 18 c0000200 28 20010db800 005d 0004 06083400 005a 0010 20010db8000000000000000000000001",
		"s46_rule[flags=1 ea=8 ipv4=192.0.2.0/24 ipv6=2001:db8::/40 s46_portparams=6/8/52] s46_br=2001:db8::1"},
	{v6.OptS46LW, "005c 0007 c0000201 10 2001", "s46_v4v6bind[address=192.0.2.1 prefix=2001::/16]"},
	{v6.OptIALL, "00000001 0000000a ffffffff 008b 0012 0001 0006 02005e005301 00000000 00000e10", "iaid=1 t1=10 t2=forever lladdr[type=1 address=02005e005301 extra=0 valid=3600]"},
	{v6.OptLQQuery, "01 20010db8000000000000000000000001 0001 0003 000301", "type=1 link=2001:db8::1 client_id=00:03:01"},
	{v6.OptAddrSel, "01 0055 0007 01 28 20 20010db8", "flags=1 addrsel_table=1,40,2001:db8::/32"},
}

func TestText(t *testing.T) {
	seen := map[v6.Kind]bool{}
	for _, c := range unread {
		s, err := v6.Option{Code: c.opt, Data: unhex(c.hex)}.Text()
		require.NoError(t, err, c.text)
		require.Equal(t, c.text, s)
		seen[v6.Describe(c.opt).Kind] = true
		_, err = v6.ParseOption(c.opt, s)
		require.ErrorContains(t, err, "has no text to be read")
	}
	for _, c := range texts {
		seen[v6.Describe(c.opt).Kind] = true
		o := v6.Option{Code: c.opt, Data: unhex(c.hex)}
		s, err := o.Text()
		require.NoError(t, err, c.text)
		require.Equal(t, c.text, s)
		back, err := v6.ParseOption(c.opt, s)
		require.NoError(t, err, c.text)
		require.Equal(t, o.Hex(), back.Hex(), c.text)
	}
	for _, c := range []struct {
		opt        v6.Code
		text, want string
	}{
		{v6.OptIANA, "iaid=1", `option 3 (ia_na): its kind, identity association, has no text to be read; give hex:…`},
		{v6.OptDNS, "192.0.2.1", `option 23 (dns_servers): "192.0.2.1": not an IPv6 address`},
		{v6.OptDNS, "fe80::1%eth0", `option 23 (dns_servers): "fe80::1%eth0": not an IPv6 address`},
		{v6.OptUnicast, "::1,::2", `option 12 (server_unicast): 32 bytes, not 16`},
		{v6.OptPreference, "256", `option 7 (preference): "256": not a number from 0 to 255`},
		{v6.OptRapidCommit, "off", `option 14 (rapid_commit): "off": not "on", all that it can be`},
		{v6.OptORO, "nobody", `option 6 (option_request): "nobody": no such option`},
		{v6.OptStatusCode, "fine", `option 13 (status_code): "fine": no such status`},
		{v6.OptFQDN, "x:a", `option 39 (fqdn): "x:a": not flags (of "son") and a name`},
		{v6.OptInterfaceID, "hex:0", `option 18 (interface_id): "0": not hex`},
	} {
		_, err := v6.ParseOption(c.opt, c.text)
		assert.EqualError(t, err, c.want)
	}
	o, err := v6.ParseOption(v6.OptIANA, "hex:01:02")
	require.NoError(t, err)
	assert.Equal(t, []byte{1, 2}, o.Data)
}

func TestTable(t *testing.T) {
	last := v6.Code(0)
	for n := range 65536 {
		c := v6.Code(n)
		i := v6.Describe(c)
		require.LessOrEqual(t, i.Min, i.Max)
		require.Equal(t, c, i.Code)
		got, err := v6.ByName(c.Name())
		require.NoError(t, err, "%v: the table is in order, names are unique", c)
		require.Equal(t, c, got)
		if i.Name != "" {
			last = c
		}
	}
	assert.Equal(t, v6.OptIALocator, last)
	for _, bad := range []string{"", "opt.65536", "nobody", "-1"} {
		_, err := v6.ByName(bad)
		assert.Error(t, err, bad)
	}
}

func TestLists(t *testing.T) {
	var o v6.Options
	o.Add(1, []byte{1})
	o.Add(2, nil)
	o.Add(1, []byte{3})
	c := o.Clone()
	o.Set(1, []byte{4})
	assert.Equal(t, v6.Options{{Code: 1, Data: []byte{4}}, {Code: 2}}, o)
	o.Del(1)
	assert.Equal(t, v6.Options{{Code: 2}}, o)
	n := 0
	for range c.All() {
		n++
	}
	assert.Equal(t, 3, n)
}

func TestAllocations(t *testing.T) {
	b, err := reply().Append(nil)
	require.NoError(t, err)
	var m v6.Message
	require.NoError(t, m.Decode(b))
	assert.Zero(t, testing.AllocsPerRun(100, func() { must(m.Decode(b)) }))
	out := make([]byte, 0, 1500)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		_, err := m.Append(out)
		must(err)
	}))
}

func BenchmarkDecode(b *testing.B) {
	p, err := reply().Append(nil)
	must(err)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	var m v6.Message
	for b.Loop() {
		must(m.Decode(p))
	}
}
