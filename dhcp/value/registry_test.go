package value_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/ra"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/dhcp/v6"
)

var update = flag.Bool("update", false, "write docs/dhcp-options.md")

const page = "../../docs/dhcp-options.md"

// A span is numbers from, to and between.
type span struct{ from, to int }

// What the registry of BOOTP and DHCP options assigns, without 0 and 255, what PXE
// and vendors share (128 to 135, 150 too), and what was only ever asked for (175 to 177).
var assigned4 = []span{{1, 83}, {85, 95}, {97, 101}, {108, 109}, {112, 114}, {116, 125}, {136, 148}, {150, 159}, {161, 162}, {208, 213}, {220, 221}}

// What the registry of DHCPv6 option codes assigns.
var assigned6 = []span{{1, 9}, {11, 34}, {36, 150}}

// Why the values of some options are bytes.
const (
	byDefinition = "opaque by definition"
	byVendor     = "the vendor's own layout"
)

var bytes4 = map[v4.Code]string{
	v4.OptVendorSpecific: byVendor + "; `Options.SubOptions` reads the usual one",
	v4.OptPXELinuxMagic:  "a constant",
}

var bytes6 = map[v6.Code]string{
	v6.OptInterfaceID:       byDefinition,
	v6.OptSubscriberID:      byDefinition,
	v6.OptKerberosPrincipal: "ASN.1 of RFC 4120",
	v6.OptRADIUS:            "attributes of RADIUS",
	v6.OptDHCPv4Message:     "a message of DHCPv4, for package `v4`",
	v6.OptIASRv6Locator:     "its document is a draft",
	v6.OptIALocator:         "its document is a draft",
}

// Options that stand in advertisements, and what reads them.
var typedRA = []struct {
	t   ra.Type
	doc string
}{
	{ra.OptSourceLink, "`Options.SourceLink`"}, {ra.OptPrefix, "`Prefixes`"}, {ra.OptMTU, "`MTU`"},
	{ra.OptInterval, "`Interval`"}, {ra.OptHomeAgent, "`HomeAgentInfo`"}, {ra.OptNonce, "bytes: " + byDefinition},
	{ra.OptPvD, "`PvD`"}, {ra.OptRoute, "`Routes`"}, {ra.OptDNS, "`DNS`"}, {ra.OptFlags, "`MoreFlags`"}, {ra.OptSearch, "`Search`"},
	{ra.OptCaptivePortal, "`CaptivePortal`"}, {ra.OptPREF64, "`NAT64`"}, {ra.OptDNR, "`Resolvers`"},
}

// Every option that is assigned is known, and typed unless there is a reason. The
// page in docs says what it is.
func TestRegistry(t *testing.T) {
	var b bytes.Buffer
	b.WriteString(`<!-- Made by: go test ./dhcp/value -run TestRegistry -update -->
# Options of DHCP

What packages ` + "`dhcp/v4`, `dhcp/v6` and `dhcp/ra`" + ` know of the options in IANA's registries: their
names in text, and the form of their values. Where a form is a record, its fields follow. All text
can be read back, but for that of options with options in them. What is not in the lists is
` + "`opt.N`" + `, as bytes in hex. Those that hosts use have getters and setters of their own in Go.

## DHCPv4

128 to 135 and 175 to 177 are used by vendors in different ways, and are bytes. 249 and 252 are
Microsoft's.

| number | name | form |
|---|---|---|
`)
	why := 0
	known := map[int]bool{249: true, 252: true}
	each(assigned4, func(n int) {
		known[n] = true
		assert.NotEmpty(t, v4.Describe(v4.Code(n)).Name, "option %d of DHCPv4 is assigned", n)
	})
	for n := 1; n < 255; n++ {
		i := v4.Describe(v4.Code(n))
		if i.Name == "" {
			continue
		}
		assert.True(t, known[n], "option %d of DHCPv4 is not assigned", n)
		if reason, ok := bytes4[i.Code]; ok {
			why++
			require.Equal(t, v4.KindOpaque, i.Kind, i.Name)
			row(&b, n, i.Name, "bytes", reason)
			continue
		}
		require.NotEqual(t, v4.KindOpaque, i.Kind, "%s is bytes without a reason", i.Name)
		row(&b, n, i.Name, i.Kind.String(), i.Fields())
	}
	assert.Len(t, bytes4, why)

	b.WriteString("\n## DHCPv6\n\n| number | name | form |\n|---|---|---|\n")
	why, known = 0, map[int]bool{}
	each(assigned6, func(n int) {
		known[n] = true
		assert.NotEmpty(t, v6.Describe(v6.Code(n)).Name, "option %d of DHCPv6 is assigned", n)
	})
	for n := 1; n <= 0xffff; n++ {
		i := v6.Describe(v6.Code(n))
		if i.Name == "" {
			continue
		}
		assert.True(t, known[n], "option %d of DHCPv6 is not assigned", n)
		if reason, ok := bytes6[i.Code]; ok {
			why++
			require.Equal(t, v6.KindOpaque, i.Kind, i.Name)
			row(&b, n, i.Name, "bytes", reason)
			continue
		}
		require.NotEqual(t, v6.KindOpaque, i.Kind, "%s is bytes without a reason", i.Name)
		row(&b, n, i.Name, i.Kind.String(), i.Fields())
	}
	assert.Len(t, bytes6, why)

	b.WriteString(`
## Router advertisements

Methods of an advertisement read them, and ` + "`Set…` or `Add…`" + ` write them. All others of Neighbor Discovery
are bytes: those of other messages (2, 4, 33, 41), of secured discovery (11 to 16, 27, 32, 39, 40), of
mobile hosts (17 to 20, 23, 28 to 30, 138, 139), of links that are not Ethernet (6, 9, 10, 34 to 36) and
of experiments (253, 254).

| number | name | read by |
|---|---|---|
`)
	for _, o := range typedRA {
		row(&b, int(o.t), o.t.Name(), o.doc, "")
	}
	if *update {
		require.NoError(t, os.WriteFile(page, b.Bytes(), 0o666))
	}
	want, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String(), "make it anew with -update")
}

func each(list []span, f func(n int)) {
	for _, s := range list {
		for n := s.from; n <= s.to; n++ {
			f(n)
		}
	}
}

func row(b *bytes.Buffer, n int, name, form, more string) {
	if more != "" {
		form += ": " + more
	}
	fmt.Fprintf(b, "| %d | %s | %s |\n", n, name, form)
}
