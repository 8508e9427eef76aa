package v4_test

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/dhcp/value"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.NewReplacer(" ", "", ":", "").Replace(s))
	must(err)
	return b
}

// texts has values of each kind, and their text.
var texts = []struct {
	opt  v4.Code
	hex  string
	text string
}{
	{v4.OptVendorSpecific, "0102ff", "0102ff"},
	{v4.OptVendorSpecific, "", `""`},
	{200, "00ff", "00ff"},
	{v4.OptRapidCommit, "", "on"},
	{v4.OptIPForwarding, "01", "on"},
	{v4.OptAutoConfigure, "00", "off"},
	{v4.OptDefaultTTL, "40", "64"},
	{v4.OptClientNDI, "010203", "1,2,3"},
	{v4.OptMTU, "05dc", "1500"},
	{v4.OptPathMTUPlateau, "0044012805dc", "68,296,1500"},
	{v4.OptBaseTime, "ffffffff", "4294967295"},
	{v4.OptTimeOffset, "fffff1f0", "-3600"},
	{v4.OptLeaseTime, "00000e10", "3600"},
	{v4.OptLeaseTime, "ffffffff", "forever"},
	{v4.OptServerID, "c0000201", "192.0.2.1"},
	{v4.OptDNS, "c0000201 c0000202", "192.0.2.1,192.0.2.2"},
	{v4.OptMobileIPHomeAgents, "", `""`},
	{v4.OptStaticRoutes, "0a000000 c0000201", "10.0.0.0:192.0.2.1"},
	{v4.OptPCPServers, "08 c0000201 c0000202 04 c6336401", "192.0.2.1/192.0.2.2,198.51.100.1"},
	{v4.OptDHCP4o6Source, "20010db8 00000000 00000000 00000001", "2001:db8::1"},
	{v4.OptHostname, "766d", "vm"},
	{v4.OptHostname, "766d0000", "vm"},
	{v4.OptHostname, "7824282900 0a 22 5c ff 20 2c", `"x\x24\x28\x29\x00\x0a\x22\x5c\xff ,"`},
	{v4.OptHostname, "6865783a3431", `"hex:41"`},
	{v4.OptHostname, "612f62", `"a/b"`},
	{v4.OptHostname, "2d7266", `"-rf"`},
	{v4.OptRootPath, "612f62", `a/b`},
	{v4.OptRootPath, "2d7266", `"-rf"`},
	{v4.OptCaptivePortal, "68747470733a2f2f612e62", "https://a.b"},
	{v4.OptDomainSearch, "03656e67 056170706c65 03636f6d 00 096d61726b6574696e67 c004", "eng.apple.com,marketing.apple.com"},
	{v4.OptDomainSearch, "03612062 00 00", `"a\x5c032b",.`},
	{v4.OptClasslessRoutes, "08 0a c0000201 00 00000000 19 0a0b0c80 c0000202", "10.0.0.0/8:192.0.2.1,0.0.0.0/0:0.0.0.0,10.11.12.128/25:192.0.2.2"},
	{v4.OptParameterList, "01037982c8", "subnet_mask,routers,classless_static_routes,opt.130,opt.200"},
	{v4.OptMessageType, "05", "ack"},
	{v4.OptMessageType, "63", "99"},
	{v4.OptClientID, "01 02005e005301", "01:02:00:5e:00:53:01"},
	{v4.OptRelayInfo, "0102 6531 0200", "1:6531,2:"},
	{v4.OptFQDN, "05 00 00 04686f7374 07 6578616d706c65 00", "s:host.example."},
	{v4.OptFQDN, "00 ff ff 686f7374", ":host"},
	{v4.OptUserClass, "03 695058 02 612c", `iPX,"a,"`},
	{v4.OptVIVendorClass, "00000137 02 4d53", "311:4d53"},
	{v4.OptAuth, "03 01 00 0000000000000007 01aa", "3:1:0:7:01aa"},
	{v4.OptStatusCode, "02 6e6f20 6c65617365", `2:"no lease"`},
	{v4.OptSLPAgents, "01 c0000201", "1:192.0.2.1"},
	{v4.OptSIPServers, "01 c0000201 c0000202", "192.0.2.1,192.0.2.2"},
	{v4.OptSIPServers, "00 03736970 07 6578616d706c65 00", "sip.example"},
	{v4.OptSixRD, "08 20 20010db8 00000000 00000000 00000000 c0000201", "8:2001:db8::/32,192.0.2.1"},
	{v4.OptSZTPRedirect, "000b 68747470733a2f2f612e62 0003 783a79", "https://a.b,x:y"},
	{v4.OptGeoConf, "884dcc1fc8 8b65ecf031 1780000f00 01", "38.898679971694946/34,-77.0372299849987/34,15/30,m,wgs84,0"}, // the example of RFC 3825 A
	{v4.OptGeoLoc, "4800000000 4800000000 0000000000 42", "0/18,0/18,0/0,none,navd88,1"},
	{v4.OptCivicLocation, "02 5553 01 02 4e59 03 08 4e657720596f726b", `client:US,1:NY,3:"New York"`},
	{v4.OptVSS, "00 626c7565", "name:blue"},
	{v4.OptVSS, "01 00000100000001", "vpn_id:00000100000001"},
	{v4.OptVSS, "ff", "global"},
	{v4.OptVSS, "07 0a0b", "7:0a0b"},
	{v4.OptPortParams, "06 08 3400", "6/8/52"},
	{v4.OptDNR, "001d 0001 0d 03646e73 076578616d706c65 00 04 c0000235 0001 0004 03 646f74", "1/dns.example/192.0.2.53/alpn=dot"},
	{v4.OptDNR, "0010 0002 0d 03646e73 076578616d706c65 00 0010 0002 0d 03646e73 076578616d706c65 00", "2/dns.example,2/dns.example"},
	{v4.OptISNS, "0001 0002 0003 00000004 c0000201 c0000202", "1,2,3,4,192.0.2.1,192.0.2.2"},
	{v4.OptISNS, "0001 0002 0003 00000004", "1,2,3,4,"},
	{v4.OptClientUUID, "00 0102", "0,0102"},
	{v4.OptRDNSSSelection, "01 c0000201 c0000202 0161 00 00", "1,192.0.2.1,192.0.2.2,a,."},
}

// Every option of the table has text that can be read, and says so in both ways.
func TestText(t *testing.T) {
	seen := map[v4.Kind]bool{}
	for _, c := range texts {
		o := v4.Option{Code: c.opt, Data: unhex(c.hex)}
		text, err := o.Text()
		require.NoError(t, err, c.text)
		require.Equal(t, c.text, text)
		seen[v4.Describe(c.opt).Kind] = true

		back, err := v4.ParseOption(c.opt, text)
		require.NoError(t, err, c.text)
		again, err := back.Text()
		require.NoError(t, err, c.text)
		require.Equal(t, text, again, "%v", c.opt)
		raw, err := v4.ParseOption(c.opt, "hex:"+o.Hex())
		require.NoError(t, err)
		require.Equal(t, o.Hex(), raw.Hex())
	}
	for k := v4.Kind(0); k <= v4.KindRecord; k++ {
		assert.True(t, seen[k], "no test of kind %q", k)
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for n := range 256 {
		c := v4.Code(n)
		name := c.Name()
		require.False(t, seen[name], name)
		seen[name] = true
		got, err := v4.ByName(name)
		if n == 0 || n == 255 {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c, got)
		i := v4.Describe(c)
		require.LessOrEqual(t, i.Min, i.Max, name)
		require.Zero(t, i.Min%i.Unit, name)
	}
	c, err := v4.ByName("54")
	require.NoError(t, err)
	assert.Equal(t, v4.OptServerID, c)
	for _, bad := range []string{"", "opt.", "opt.256", "-1", "nobody", "opt.0", "255"} {
		_, err := v4.ByName(bad)
		assert.Error(t, err, bad)
	}
	assert.Equal(t, "option 54 (server_identifier)", v4.OptServerID.String())
	assert.Equal(t, "option 200", v4.Code(200).String())
	// RFC 2132 is there whole.
	for n := 1; n <= 61; n++ {
		assert.NotEmpty(t, v4.Describe(v4.Code(n)).Name, "option %d", n)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		opt        v4.Code
		text, want string
	}{
		{v4.OptVendorSpecific, "xyz", `option 43 (vendor_encapsulated_options): "xyz": not hex`},
		{v4.OptRapidCommit, "off", `option 80 (rapid_commit): "off": not "on", all that it can be`},
		{v4.OptIPForwarding, "maybe", `option 19 (ip_forwarding): "maybe": neither on nor off`},
		{v4.OptMTU, "65536", `option 26 (interface_mtu): "65536": not a number from 0 to 65535`},
		{v4.OptClientNDI, "1,2", `option 94 (client_ndi): 2 bytes, not 3`},
		{v4.OptTimeOffset, "3000000000", `option 2 (time_offset): "3000000000": not a number of 32 bits`},
		{v4.OptLeaseTime, "-1", `option 51 (lease_time): "-1": neither seconds nor "forever"`},
		{v4.OptServerID, "192.0.2.1,192.0.2.2", `option 54 (server_identifier): "192.0.2.1,192.0.2.2": not an IPv4 address`},
		{v4.OptRouters, "192.0.2.1,", `option 3 (routers): "": not an IPv4 address`},
		{v4.OptRouters, "::1", `option 3 (routers): "::1": not an IPv4 address`},
		{v4.OptStaticRoutes, "10.0.0.0", `option 33 (static_routes): "10.0.0.0": not a pair of addresses, A:B`},
		{v4.OptHostname, "a\nb", `option 12 (host_name): "a\nb": a control byte`},
		{v4.OptHostname, `"a`, `option 12 (host_name): "\"a": no closing quote`},
		{v4.OptHostname, `"a\q"`, `option 12 (host_name): "\"a\\q\"": a "\" wants x and two hex digits`},
		{v4.OptHostname, ``, `option 12 (host_name): 0 bytes, fewer than 1`},
		{v4.OptDomainSearch, "a..b", `option 119 (domain_search): "a..b": a label has 1 to 63 bytes, not 0`},
		{v4.OptClasslessRoutes, "10.0.0.0/33:1.2.3.4", `option 121 (classless_static_routes): "10.0.0.0/33:1.2.3.4": not a route, PREFIX:GATEWAY`},
		{v4.OptClasslessRoutes, "::/0:1.2.3.4", `option 121 (classless_static_routes): "::/0:1.2.3.4": not a route, PREFIX:GATEWAY`},
		{v4.OptParameterList, "routers,nobody", `option 55 (parameter_request_list): "nobody": no such option`},
		{v4.OptMessageType, "hello", `option 53 (message_type): "hello": not a number from 0 to 255`},
		{v4.OptClientID, "0", `option 61 (client_identifier): "0": neither bytes (01:02:…) nor a "text" in quotes`},
		{v4.OptClientID, "00", `option 61 (client_identifier): 1 bytes, fewer than 2`},
		{v4.OptRelayInfo, "1:" + strings.Repeat("00", 256), `option 82 (relay_agent_information): suboption 1: 256 bytes, at most 255 fit`},
		{v4.OptFQDN, "x:host", `option 81 (fqdn): "x:host": not flags (of "soen") and a name`},
		{v4.OptUserClass, `""`, `option 77 (user_class): "": a class has 1 to 255 bytes`},
		{v4.OptAuth, "1:2", `option 90 (auth): "1:2": not PROTOCOL:ALGORITHM:RDM:REPLAY:HEX`},
		{v4.OptSixRD, "33:2001:db8::/32,192.0.2.1", `option 212 (sixrd): mask length 33, prefix 2001:db8::/32, 1 relays`},
	} {
		_, err := v4.ParseOption(c.opt, c.text)
		assert.EqualError(t, err, c.want)
	}
	o, err := v4.ParseOption(v4.OptServerID, "hex:0102")
	require.NoError(t, err, "raw bytes are the sender's own business")
	assert.Equal(t, []byte{1, 2}, o.Data)
}

// What a hostile or broken server sends in one option is an error of that one, which says
// which and why. The message, and the bytes, remain.
func TestHostileOptions(t *testing.T) {
	long := strings.Repeat("3f"+strings.Repeat("61", 63), 4) + "00" // 257 bytes
	for _, c := range []struct {
		name string
		opt  v4.Code
		hex  string
		get  func(o v4.Options) error
		want string
	}{
		{"server too short", 54, "c00002", get(v4.Options.ServerID), "option 54 (server_identifier): 3 bytes, not 4"},
		{"server too long", 54, "c0000201c0000202", get(v4.Options.ServerID), "option 54 (server_identifier): 8 bytes, not 4"},
		{"lease empty", 51, "", get(v4.Options.LeaseTime), "option 51 (lease_time): 0 bytes, not 4"},
		{"routers odd", 3, "c0000201c0", get(v4.Options.Routers), "option 3 (routers): 5 bytes, not a multiple of 4"},
		{"no router", 3, "", get(v4.Options.Routers), "option 3 (routers): 0 bytes, fewer than 4"},
		{"mask with holes", 1, "ff00ff00", get(v4.Options.SubnetMask), "option 1 (subnet_mask): 255.0.255.0 is not a mask"},
		{"mtu 67", 26, "0043", get(v4.Options.MTU), "option 26 (interface_mtu): 67 is less than 68"},
		{"size 575", 57, "023f", get(v4.Options.MaxSize), "option 57 (max_message_size): 575 is less than 576"},
		{"shell in the name", 12, hex.EncodeToString([]byte("a;reboot")), get(v4.Options.Hostname), `option 12 (host_name): "a\x3breboot" is not a host name`},
		{"newline in the domain", 15, "610a62", get(v4.Options.DomainName), `option 15 (domain_name): "a\x0ab" is not a host name`},
		{"empty label", 15, hex.EncodeToString([]byte("a..b")), get(v4.Options.DomainName), `option 15 (domain_name): a..b is not a host name`},
		{"portal", 114, hex.EncodeToString([]byte("https://x/\x1b[2J")), get(v4.Options.CaptivePortal), `option 114 (captive_portal_uri): "https://x/\x1b\x5b2J" is not a URI`},
		{"prefix 33", 121, "21 0a0b0c0d 00 c0000201", get(v4.Options.ClasslessRoutes), "option 121 (classless_static_routes): a prefix of 33 bits"},
		{"prefix 255", 121, "ff 0a0b0c0d c0000201", get(v4.Options.ClasslessRoutes), "option 121 (classless_static_routes): a prefix of 255 bits"},
		{"gateway cut", 121, "08 0a c00002 0000", get(v4.Options.ClasslessRoutes), "option 121 (classless_static_routes): it ends too early"},
		{"microsoft's", 249, "21 0a0b0c0d 00 c0000201", get(v4.Options.ClasslessRoutes), "option 249 (ms_classless_static_routes): a prefix of 33 bits"},
		{"pointer to itself", 119, "c000", get(v4.Options.DomainSearch), "option 119 (domain_search): a compression pointer does not point backwards"},
		{"pointers in a circle", 119, "0161 c004 0162 c000", get(v4.Options.DomainSearch), "option 119 (domain_search): a compression pointer does not point backwards"},
		{"pointer forward", 119, "c002 0161 00", get(v4.Options.DomainSearch), "option 119 (domain_search): a compression pointer does not point backwards"},
		{"pointer beyond", 119, "0161 00 c0ff", get(v4.Options.DomainSearch), "option 119 (domain_search): a compression pointer does not point backwards"},
		{"pointer to its own name", 119, "0161 c000", get(v4.Options.DomainSearch), "option 119 (domain_search): a compression pointer does not point backwards"},
		{"pointer cut", 119, "0161 c0", get(v4.Options.DomainSearch), "option 119 (domain_search): a name ends too early"},
		{"label type 01", 119, "41 61 00", get(v4.Options.DomainSearch), "option 119 (domain_search): a label of an unknown type"},
		{"label cut", 119, "0561", get(v4.Options.DomainSearch), "option 119 (domain_search): a name ends too early"},
		{"no root", 119, "0161", get(v4.Options.DomainSearch), "option 119 (domain_search): a name ends too early"},
		{"name of 257", 119, long, get(v4.Options.DomainSearch), "option 119 (domain_search): a name is longer than 255 bytes"},
		{"relay", 82, "0105 6131", get(v4.Options.RelayInfo), "option 82 (relay_agent_information): it ends too early"},
		{"fqdn", 81, "04 00 00 05 61", get(v4.Options.FQDN), "option 81 (fqdn): a name ends too early"},
		{"fqdn in ascii", 81, "00 00 00 61 0a", get(v4.Options.FQDN), `option 81 (fqdn): "a\x0a" is not a host name`},
		{"fqdn and more", 81, "04 00 00 01 61 00 00", get(v4.Options.FQDN), "option 81 (fqdn): 1 bytes behind the name"},
		{"fqdn compressed", 81, "04 00 00 01 61 c000", get(v4.Options.FQDN), "option 81 (fqdn): a name is compressed where it may not be"},
		{"class of nothing", 77, "00 61", get(v4.Options.UserClasses), "option 77 (user_class): a class of 0 bytes in 1"},
		{"class too long", 77, "05 61", get(v4.Options.UserClasses), "option 77 (user_class): a class of 5 bytes in 1"},
		{"id of one byte", 61, "01", get(v4.Options.ClientID), "option 61 (client_identifier): 1 bytes, fewer than 2"},
		{"flag 2", 19, "02", func(o v4.Options) error { _, err := o.Bool(19); return err }, "option 19 (ip_forwarding): 2 is neither 0 nor 1"},
		{"vendor cut", 125, "00000137 05 61", func(o v4.Options) error { _, err := o.Enterprises(125); return err }, "option 125 (vivso): it ends too early"},
		{"6rd", 212, "21 20 20010db8 00000000 00000000 00000000 c0000201", get(v4.Options.SixRD), "option 212 (sixrd): mask length 33 and prefix length 32 in 22 bytes"},
		{"location of 15", 123, "00" + strings.Repeat("00", 14), func(o v4.Options) error { _, err := o.Location(123); return err }, "option 123 (geoconf): 15 bytes, not 16"},
		{"latitude of 91", 123, "88b6000000" + strings.Repeat("00", 11), func(o v4.Options) error { _, err := o.Location(123); return err }, "option 123 (geoconf): a latitude of 91 degrees"},
		{"35 bits of 34", 123, "8c00000000" + strings.Repeat("00", 11), func(o v4.Options) error { _, err := o.Location(123); return err }, "option 123 (geoconf): 35, 0 and 0 bits of 34, 34 and 30"},
		{"civic cut", 99, "02 4445 03 05 61", get(v4.Options.Civic), "option 99 (geoconf_civic): it ends too early"},
		{"civic without a country", 99, "02 44", get(v4.Options.Civic), "option 99 (geoconf_civic): 2 bytes, fewer than 3"},
		{"vpn of 6", 221, "01 000001000000", get(v4.Options.VSS), "option 221 (vss): a VPN-ID of 6 bytes, not 7"},
		{"vpn global and more", 221, "ff 00", get(v4.Options.VSS), "option 221 (vss): 1 bytes of the global VPN"},
		{"psid of 17", 159, "06 11 0000", get(v4.Options.Ports), "option 159 (port_params): PSID 0 of 17 bits behind 6"},
		{"dnr longer than the option", 162, "0010 0001", get(v4.Options.Resolvers), "option 162 (dnr): it ends too early"},
		{"dnr name cut", 162, "0005 0001 05 0161", get(v4.Options.Resolvers), "option 162 (dnr): it ends too early"},
		{"dnr name and more", 162, "0007 0001 04 0161 00 00", get(v4.Options.Resolvers), "option 162 (dnr): 3 bytes of a name in 4"},
		{"dnr without a name", 162, "0004 0001 01 00", get(v4.Options.Resolvers), "option 162 (dnr): 1 bytes of a name in 1"},
		{"dnr address of 3", 162, "000a 0001 03 0161 00 03 010203", get(v4.Options.Resolvers), "option 162 (dnr): 3 bytes of addresses"},
		{"dnr params without an address", 162, "000d 0001 03 0161 00 00 0003 0002 0035", get(v4.Options.Resolvers), "option 162 (dnr): parameters without an address"},
		{"dnr alpn of nothing", 162, "000f 0001 03 0161 00 04 c0000201 0001 0000", get(v4.Options.Resolvers), "option 162 (dnr): alpn: no protocol"},
		{"dnr alpn cut", 162, "0010 0001 03 0161 00 04 c0000201 0001 0001 05", get(v4.Options.Resolvers), "option 162 (dnr): alpn: a protocol of 5 bytes in 0"},
		{"dnr keys twice", 162, "0013 0001 03 0161 00 04 c0000201 0009 0000 0009 0000", get(v4.Options.Resolvers), "option 162 (dnr): parameter key9 behind key9"},
		{"rdnss selection", 146, "00 c0000201 c0000202 0161", get(v4.Options.RDNSSSelection), "option 146 (rdnss_selection): a name ends too early"},
		{"uris", 143, "0009 61", func(o v4.Options) error { _, err := o.URIs(143); return err }, "option 143 (sztp_redirect): it ends too early"},
		{"auth", 90, "00", get(v4.Options.Auth), "option 90 (auth): 1 bytes, fewer than 11"},
	} {
		data := unhex(c.hex)
		opts := []byte{53, 1, 2}
		for rest := data; ; rest = rest[255:] {
			n := min(len(rest), 255)
			opts = append(append(opts, byte(c.opt), byte(n)), rest[:n]...)
			if len(rest) <= 255 {
				break
			}
		}
		m, err := v4.Decode(raw(append(opts, 255), nil, nil))
		require.NoError(t, err, c.name)
		assert.Equal(t, v4.Offer, m.Type(), c.name)
		err = c.get(m.Options)
		assert.EqualError(t, err, c.want, c.name)
		var oe *v4.OptionError
		if assert.ErrorAs(t, err, &oe, c.name) {
			assert.Equal(t, c.opt, oe.Code, c.name)
		}
		v, _ := m.Options.Get(c.opt)
		assert.Equal(t, data, append([]byte{}, v...), c.name)
	}
}

func get[T any](f func(v4.Options) (T, error)) func(v4.Options) error {
	return func(o v4.Options) error { _, err := f(o); return err }
}

func TestAbsent(t *testing.T) {
	var o v4.Options
	for _, f := range []func(v4.Options) error{
		get(v4.Options.ServerID), get(v4.Options.LeaseTime), get(v4.Options.Hostname), get(v4.Options.SubnetMask),
		get(v4.Options.ClasslessRoutes), get(v4.Options.DomainSearch), get(v4.Options.RelayInfo), get(v4.Options.FQDN),
		get(v4.Options.ClientID), get(v4.Options.ParameterList), get(v4.Options.IPv6Only), get(v4.Options.SixRD),
		get(v4.Options.CaptivePortal), get(v4.Options.UserClasses), get(v4.Options.Auth), get(v4.Options.MTU),
	} {
		err := f(o)
		assert.ErrorIs(t, err, v4.ErrAbsent)
		assert.Contains(t, err.Error(), ": not in the message")
	}
	assert.Zero(t, o.Type())
	assert.False(t, o.RapidCommit())
	_, _, err := o.SIPServers()
	assert.ErrorIs(t, err, v4.ErrAbsent)
}

// What the setters write is what the getters read, through the wire.
func TestTypedBothWays(t *testing.T) {
	m := offer()
	o := &m.Options
	routes := []v4.Route{
		{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: ip("192.0.2.1")},
		{Dst: netip.MustParsePrefix("10.0.0.0/8"), Gateway: ip("0.0.0.0")},
		{Dst: netip.MustParsePrefix("192.0.2.7/32"), Gateway: ip("192.0.2.1")},
	}
	fqdn := v4.ClientFQDN{Flags: v4.FQDNServer | v4.FQDNEncoded, Name: "host.example.com"}
	rd := v4.Rapid6{IPv4MaskLen: 8, Prefix: netip.MustParsePrefix("2001:db8::/32"), Relays: []netip.Addr{ip("192.0.2.1")}}
	relay := v4.SubOptions{{Code: v4.RelayCircuitID, Data: []byte("eth0")}, {Code: v4.RelayRemoteID, Data: []byte{}}}
	id := v4.DUIDID(7, []byte{0, 3, 0, 1, 2, 0, 0x5e, 0, 0x53, 1})
	pairs := [][2]netip.Addr{{ip("10.0.0.0"), ip("192.0.2.1")}}
	civic := value.Civic{Of: value.OfClient, Country: "DE", Elements: []value.CivicElement{{Type: 3, Value: "M\u00fcnchen"}, {Type: 24, Value: ""}}}
	resolvers := []value.Resolver{{Priority: 1, Name: "dns.example", Addrs: []netip.Addr{ip("192.0.2.53"), ip("192.0.2.54")}}, {Priority: 2, Name: "b.example"}}
	must(resolvers[0].SetALPN("h2", "dot"))
	resolvers[0].SetPort(8530)
	selection := v4.RDNSSSelection{Preference: 3, Primary: ip("192.0.2.1"), Secondary: ip("0.0.0.0"), Domains: []string{"example.com", "."}}
	vendors := []v4.Enterprise{{Number: 311, Data: []byte("MS")}, {Number: 3561, Data: []byte{}}}

	must(o.SetAddr(v4.OptRequestedIP, ip("192.0.2.7")))
	o.SetDuration(v4.OptLeaseTime, v4.Forever)
	o.SetDuration(v4.OptT1, 90*time.Minute+time.Millisecond)
	o.SetDuration(v4.OptT2, -time.Second)
	must(o.SetSubnetMask(22))
	must(o.SetAddr(v4.OptRouters, ip("192.0.2.1"), ip("192.0.2.2")))
	must(o.SetAddr(v4.OptDNS, ip("192.0.2.3")))
	o.SetString(v4.OptHostname, "vm-1")
	o.SetString(v4.OptDomainName, "example.com")
	must(o.SetNames(v4.OptDomainSearch, "example.com", "example.net."))
	must(o.SetClasslessRoutes(routes...))
	o.SetUint16(v4.OptMTU, 1400)
	o.SetUint16(v4.OptMaxSize, 1500)
	o.SetParameterList(v4.OptRouters, v4.OptDNS)
	o.SetRapidCommit()
	o.SetUint32(v4.OptIPv6Only, 10)
	o.SetString(v4.OptCaptivePortal, "https://portal.example/api?x=1")
	must(o.SetSubOptions(v4.OptRelayInfo, relay...))
	must(o.SetFQDN(fqdn))
	o.SetClientID(id)
	o.SetString(v4.OptVendorClass, "netfs\x00")
	must(o.SetUserClasses("a", "b c"))
	must(o.SetEnterprises(v4.OptVIVendorOptions, vendors...))
	must(o.SetSixRD(rd))
	must(o.SetAddrPairs(v4.OptStaticRoutes, pairs...))
	o.SetBool(v4.OptAutoConfigure, true)
	o.SetInt32(v4.OptTimeOffset, -3600)
	o.SetUint16s(v4.OptPathMTUPlateau, 68, 1500)
	o.SetString(v4.OptMessage, "why")
	must(o.SetLocation(v4.OptGeoConf, value.Location{Latitude: 38.5, Longitude: -77.25, LatitudeBits: 34, LongitudeBits: 33, Altitude: -1.5, AltitudeBits: 30, Unit: value.Metres, Datum: value.DatumWGS84}))
	must(o.SetCivic(civic))
	must(o.SetVSS(value.VSS{Type: value.VSSName, ID: []byte("blue")}))
	must(o.SetPorts(value.Ports{Offset: 6, Bits: 8, PSID: 0x34}))
	must(o.SetResolvers(resolvers...))
	must(o.SetRDNSSSelection(selection))
	must(o.SetURIs(v4.OptSZTPRedirect, "https://a.b", "https://c.d"))

	b, err := m.Append(nil)
	require.NoError(t, err)
	d, err := v4.Decode(b)
	require.NoError(t, err)
	got := d.Options
	equal(t, ip("192.0.2.1"), got.ServerID)
	equal(t, ip("192.0.2.7"), got.RequestedIP)
	equal(t, v4.Forever, got.LeaseTime)
	equal(t, 90*time.Minute, got.T1)
	equal(t, 0, got.T2)
	equal(t, 22, got.SubnetMask)
	equal(t, []netip.Addr{ip("192.0.2.1"), ip("192.0.2.2")}, got.Routers)
	equal(t, []netip.Addr{ip("192.0.2.3")}, got.DNS)
	equal(t, "vm-1", got.Hostname)
	equal(t, "example.com", got.DomainName)
	equal(t, []string{"example.com", "example.net"}, got.DomainSearch)
	equal(t, routes, got.ClasslessRoutes)
	equal(t, 1400, got.MTU)
	equal(t, 1500, got.MaxSize)
	equal(t, []v4.Code{v4.OptRouters, v4.OptDNS}, got.ParameterList)
	assert.True(t, got.RapidCommit())
	equal(t, v4.MinV6OnlyWait, got.IPv6Only)
	equal(t, "https://portal.example/api?x=1", got.CaptivePortal)
	equal(t, relay, got.RelayInfo)
	equal(t, fqdn, got.FQDN)
	equal(t, id, got.ClientID)
	equal(t, "netfs", got.VendorClass)
	equal(t, []string{"a", "b c"}, got.UserClasses)
	equal(t, rd, got.SixRD)
	equal(t, "why", got.Message)
	equal(t, vendors, func() ([]v4.Enterprise, error) { return got.Enterprises(v4.OptVIVendorOptions) })
	equal(t, pairs, func() ([][2]netip.Addr, error) { return got.AddrPairs(v4.OptStaticRoutes) })
	equal(t, true, func() (bool, error) { return got.Bool(v4.OptAutoConfigure) })
	equal(t, int32(-3600), func() (int32, error) { return got.Int32(v4.OptTimeOffset) })
	equal(t, []uint16{68, 1500}, func() ([]uint16, error) { return got.Uint16s(v4.OptPathMTUPlateau) })

	equal(t, value.Location{Latitude: 38.5, Longitude: -77.25, LatitudeBits: 34, LongitudeBits: 33, Altitude: -1.5, AltitudeBits: 30, Unit: value.Metres, Datum: value.DatumWGS84},
		func() (value.Location, error) { return got.Location(v4.OptGeoConf) })
	equal(t, civic, got.Civic)
	equal(t, value.VSS{Type: value.VSSName, ID: []byte("blue")}, got.VSS)
	equal(t, value.Ports{Offset: 6, Bits: 8, PSID: 0x34}, got.Ports)
	equal(t, resolvers, got.Resolvers)
	equal(t, selection, got.RDNSSSelection)
	equal(t, []string{"https://a.b", "https://c.d"}, func() ([]string, error) { return got.URIs(v4.OptSZTPRedirect) })

	iaid, duid, ok := id.DUID()
	assert.True(t, ok)
	assert.Equal(t, uint32(7), iaid)
	assert.Len(t, duid, 10)
	_, _, ok = v4.HardwareID(v4.Ethernet, mac).DUID()
	assert.False(t, ok)
	assert.Equal(t, "01:02:00:5e:00:53:01", v4.HardwareID(v4.Ethernet, mac).String())
}

func equal[T any](t *testing.T, want T, get func() (T, error)) {
	t.Helper()
	got, err := get()
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// 249 counts only if there is no 121, RFC 3442 and Microsoft's own clients.
func TestMicrosoftRoutes(t *testing.T) {
	var o v4.Options
	o.Set(v4.OptMSClasslessRoutes, unhex("08 0a c0000201"))
	r, err := o.ClasslessRoutes()
	require.NoError(t, err)
	assert.Equal(t, "10.0.0.0/8:192.0.2.1", r[0].String())
	must(o.SetClasslessRoutes(v4.Route{Dst: netip.MustParsePrefix("11.0.0.0/8"), Gateway: ip("192.0.2.1")}))
	r, err = o.ClasslessRoutes()
	require.NoError(t, err)
	assert.Equal(t, "11.0.0.0/8:192.0.2.1", r[0].String())
	// Bits behind the prefix do not count.
	o.Set(v4.OptClasslessRoutes, unhex("09 0aff c0000201"))
	r, err = o.ClasslessRoutes()
	require.NoError(t, err)
	assert.Equal(t, "10.128.0.0/9", r[0].Dst.String())
}

func TestSettersRefuse(t *testing.T) {
	var o v4.Options
	for _, err := range []error{
		o.SetAddr(v4.OptDNS, ip("::1")),
		o.SetAddr(v4.OptDNS, netip.Addr{}),
		o.SetSubnetMask(33),
		o.SetSubnetMask(-1),
		o.SetNames(v4.OptDomainSearch, strings.Repeat("a", 64)),
		o.SetNames(v4.OptDomainSearch, strings.Repeat("a.", 200)),
		o.SetClasslessRoutes(v4.Route{}),
		o.SetClasslessRoutes(v4.Route{Dst: netip.MustParsePrefix("::/0"), Gateway: ip("192.0.2.1")}),
		o.SetSubOptions(v4.OptRelayInfo, v4.SubOption{Data: make([]byte, 256)}),
		o.SetUserClasses(""),
		o.SetEnterprises(v4.OptVIVendorClass, v4.Enterprise{Data: make([]byte, 256)}),
		o.SetFQDN(v4.ClientFQDN{Name: "a..b"}),
		o.SetSixRD(v4.Rapid6{}),
	} {
		var oe *v4.OptionError
		assert.True(t, errors.As(err, &oe), "%v", err)
	}
	assert.Empty(t, o)
}

// RFC 6704: the key comes in the ACK, and only who has it can make the client
// renew.
func TestForceRenew(t *testing.T) {
	key := [16]byte{1, 2, 3}
	ack := offer()
	ack.Options.SetType(v4.Ack)
	ack.Options.SetAuth(v4.NonceAuth(1, key))
	a, err := ack.Options.Auth()
	require.NoError(t, err)
	got, ok := a.Nonce()
	require.True(t, ok)
	require.Equal(t, key[:], got)

	fr := offer()
	fr.Options.SetType(v4.ForceRenew)
	fr.Options.SetAuth(v4.DigestAuth(2))
	p, err := fr.Append(nil)
	require.NoError(t, err)
	_, err = v4.VerifyForceRenew(p, key[:], 1)
	require.ErrorIs(t, err, v4.ErrUnauthentic, "not signed")
	require.NoError(t, v4.SignForceRenew(p, key[:]))
	before := string(p)
	n, err := v4.VerifyForceRenew(p, key[:], 1)
	require.NoError(t, err)
	assert.Equal(t, uint64(2), n)
	assert.Equal(t, before, string(p), "not changed")

	_, err = v4.VerifyForceRenew(p, key[:], 2)
	assert.ErrorIs(t, err, v4.ErrUnauthentic, "a replay")
	_, err = v4.VerifyForceRenew(p, make([]byte, 16), 1)
	assert.ErrorIs(t, err, v4.ErrUnauthentic, "another key")
	p[3], p[27] = 4, 1 // a relay's changes
	_, err = v4.VerifyForceRenew(p, key[:], 1)
	assert.NoError(t, err)
	for _, at := range []int{0, 4, 16, 40, 250, len(p) - 1} {
		q := []byte(before)
		q[at] ^= 1
		_, err = v4.VerifyForceRenew(q, key[:], 1)
		assert.Error(t, err, "byte %d changed", at)
	}
	for n := range p {
		_, err = v4.VerifyForceRenew(p[:n], key[:], 1)
		assert.Error(t, err, "%d bytes", n)
	}
	// A token of RFC 3118, and an ACK with a digest, are no ForceRenew with a nonce.
	fr.Options.SetAuth(v4.Authentication{Protocol: v4.AuthToken, Replay: 9, Info: []byte("token")})
	p, err = fr.Append(nil)
	require.NoError(t, err)
	_, err = v4.VerifyForceRenew(p, key[:], 1)
	assert.ErrorIs(t, err, v4.ErrUnauthentic)
	ack.Options.SetAuth(v4.DigestAuth(5))
	p, err = ack.Append(nil)
	require.NoError(t, err)
	require.NoError(t, v4.SignForceRenew(p, key[:]))
	_, err = v4.VerifyForceRenew(p, key[:], 1)
	assert.ErrorIs(t, err, v4.ErrUnauthentic)
}

// Text of any bytes is printable ASCII without anything that a shell would take.
func TestQuote(t *testing.T) {
	for c := range 256 {
		q := v4.Quote("a" + string([]byte{byte(c)}))
		back, err := v4.Unquote(q)
		require.NoError(t, err)
		require.Equal(t, "a"+string([]byte{byte(c)}), back)
		require.NotContains(t, strings.Trim(q, `"`), `"`)
		for _, r := range q {
			require.True(t, r >= ' ' && r < 0x7f && !strings.ContainsRune("$`;&|<>(){}[]*?!'~#\n", r), "%q", q)
		}
	}
	assert.Equal(t, `""`, v4.Quote(""))
	assert.Equal(t, `"a b"`, v4.Quote("a b"))
	assert.Equal(t, "https://a.b/c", v4.Quote("https://a.b/c"))
	s, err := v4.Unquote(`"\"\\\x41"`)
	require.NoError(t, err)
	assert.Equal(t, `"\A`, s)
	for _, bad := range []string{`"`, `"a" `, `"a"b"`, `"\x4"`, "a\x7f"} {
		_, err := v4.Unquote(bad)
		assert.Error(t, err, bad)
	}
}
