package v4_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/dhcp/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// payloads returns what the frames of a capture carry to and from DHCPv4's ports.
func payloads(t *testing.T, frames [][]byte, sums wire.Sums) [][]byte {
	var list [][]byte
	for i, f := range frames {
		var e wire.Ethernet
		ip, err := e.Decode(f)
		require.NoError(t, err, "frame %d", i)
		if e.Type != wire.TypeIPv4 {
			continue
		}
		var d wire.Datagram
		require.NoError(t, d.Decode(ip, sums), "frame %d", i)
		if p := d.Dst.Port(); p == 67 || p == 68 {
			list = append(list, d.Payload)
		}
	}
	return list
}

// lines is the JSON of a message with a line for each option.
func lines(t *testing.T, m *v4.Message) []byte {
	j, err := json.Marshal(m)
	require.NoError(t, err)
	j = bytes.ReplaceAll(j, []byte(`{"code":`), []byte("\n\t{\"code\":"))
	return append(j, '\n')
}

// irregular says why a captured message is not the encoding that we would make.
func irregular(p []byte) string {
	switch {
	case len(p) < 300:
		return "not padded to 300 bytes"
	case p[240] != byte(v4.OptMessageType):
		return "the message type is not first"
	}
	return ""
}

// These clients and servers do not encode as we do, in some of their messages.
// kea sends answers as short as they are; so do pyroute2 and networkd with requests.
// dhcpcd and nclient4 put the requested address before the type in a REQUEST.
var irregulars = map[string]string{
	"kea-dhclient": "offer ack", "kea-udhcpc": "offer ack",
	"kea-dhcpcd--noarp": "offer request ack", "kea-nclient4": "offer request ack",
	"kea-pyroute2":     "discover offer request ack",
	"dnsmasq-networkd": "discover request release",
	"dnsmasq-pyroute2": "discover request", "dhcpd-pyroute2": "discover request", "udhcpd-pyroute2": "discover request",
	"dnsmasq-dhcpcd": "request", "dnsmasq-dhcpcd--noarp": "request", "dhcpd-dhcpcd--noarp": "request",
	"dnsmasq-nclient4": "request", "dhcpd-nclient4": "request", "udhcpd-nclient4": "request",
}

// Every captured message is what its golden file says, and is encoded as the same bytes unless it is
// irregular; then its meaning is the same.
func TestCaptured(t *testing.T) {
	files := capture.Files(t, "captured")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list := payloads(t, files[name], wire.Partial)
		var golden, odd []byte
		for i, p := range list {
			m, err := v4.Decode(p)
			require.NoError(t, err, "%s message %d", name, i)
			golden = append(golden, lines(t, m)...)
			b, err := m.Append(nil)
			require.NoError(t, err, "%s message %d", name, i)
			why := irregular(p)
			require.Equal(t, why == "", bytes.Equal(p, b), "%s message %d: %q\n%x\n%x", name, i, why, p, b)
			if why != "" {
				odd = append(append(odd, ' '), m.Type().String()...)
			}
			again, err := v4.Decode(b)
			require.NoError(t, err)
			requireSame(t, m, again)
		}
		if len(list) == 0 {
			continue // DHCPv6 only
		}
		assert.Equal(t, irregulars[name], string(bytes.TrimSpace(odd)), name)
		checkGolden(t, filepath.Join("testdata", "captured", name+".json"), golden)
	}
}

func checkGolden(t *testing.T, path string, got []byte) {
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
		require.NoError(t, os.WriteFile(path, got, 0o666))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), path)
}

// requireSame compares messages but for the places of the message type and the
// relay's information.
func requireSame(t testing.TB, want, got *v4.Message) {
	t.Helper()
	norm := func(m *v4.Message) v4.Message {
		c := *m
		c.Damage = nil
		for _, a := range []*netip.Addr{&c.CIAddr, &c.YIAddr, &c.SIAddr, &c.GIAddr} {
			if !a.IsValid() {
				*a = netip.IPv4Unspecified()
			}
		}
		c.Options = slices.Clone(m.Options)
		rank := map[v4.Code]int{v4.OptMessageType: -1, v4.OptRelayInfo: 1}
		slices.SortStableFunc(c.Options, func(a, b v4.Option) int { return rank[a.Code] - rank[b.Code] })
		for i := range c.Options {
			if len(c.Options[i].Data) == 0 {
				c.Options[i].Data = nil
			}
		}
		return c
	}
	w, g := norm(want), norm(got)
	if w.CHAddr.String() == g.CHAddr.String() {
		g.CHAddr = w.CHAddr
	}
	require.Equal(t, w, g)
}

// Numbers that a vendor took before they were assigned: Huawei has a text in 148.
var vendors = map[v4.Code]bool{v4.OptDOTSAddrs: true}

// foreignGolden are the first bytes of SHA-256 of the JSON of the captures of others, which are not
// ours to keep, and neither is what they hold.
var foreignGolden = map[string]string{
	"test_parser-test_android_reboot_request":      "c8e086ae14787c1a",
	"test_parser-test_android_tethering_renew":     "35b57fa854af92d3",
	"test_parser-test_decode_simple_lease_process": "874ca33829438cd1",
	"test_parser-test_huawei_discover_option_148":  "ae077edc78bf969c",
	"test_parser-test_invalid_client_id_option":    "5fe73f6c04bd032a",
	"test_parser-test_invalid_router_option":       "c7c2c0c8222b2ec8",
	"test_parser-test_netatmo_discover_request":    "a1f0f1f04534ce7c",
	"test_parser-test_truncated_packet":            "7cb7a4d482f91642",
	"test_parser-test_washing_machine_request":     "fa6e58761abc0ff2",
	"test_parser-test_wii_discover":                "568e49070d9281e6",
	"test_unit-test_ack_invalid_request_state":     "6a0ad41a3e4940a7",
	"test_unit-test_get_and_renew_lease":           "74476279b7e8554d",
	"test_unit-test_init_reboot_nak":               "247aac426bb044a8",
	"test_unit-test_offer_wrong_xid":               "35ab5196052234ce",
	"test_unit-test_requesting_timeout":            "35ab5196052234ce",
	"test_unit-test_truncated_packet":              "b9b6ed7efd557887",
	"test_unit-test_unexpected_dhcp_message":       "a34efb7785d61711",
	"test_unit-test_unknown_message":               "181acc1aadfef965",
}

// Captures of others: what they hold in short, since some of their packets were edited
// without mending the sums, or cut on purpose.
func TestForeignCaptures(t *testing.T) {
	files := capture.Files(t, "pyroute2")
	type msg struct {
		typ    v4.MessageType
		yiaddr string
		opts   int
		damage string
	}
	zero := "0.0.0.0"
	want := map[string][]msg{
		"test_parser-test_android_reboot_request":      {{typ: v4.Request, yiaddr: zero, opts: 7}},
		"test_parser-test_android_tethering_renew":     {{typ: v4.Request, yiaddr: zero, opts: 5}, {typ: v4.Ack, yiaddr: "192.168.72.168", opts: 11}},
		"test_parser-test_decode_simple_lease_process": {{typ: v4.Discover, yiaddr: zero, opts: 3}, {typ: v4.Offer, yiaddr: "192.168.94.130", opts: 6}, {typ: v4.Request, yiaddr: zero, opts: 9}, {typ: v4.Ack, yiaddr: "192.168.94.130", opts: 6}},
		"test_parser-test_huawei_discover_option_148":  {{typ: v4.Discover, yiaddr: zero, opts: 5}, {typ: v4.Offer, yiaddr: "10.184.27.103", opts: 10}},
		// The client's identifier says 8 bytes and has 7; what follows is out of step.
		"test_parser-test_invalid_client_id_option": {{typ: v4.Request, yiaddr: zero, opts: 4, damage: `option 4 (time_servers): longer than the field "options"`}},
		"test_parser-test_invalid_router_option":    {{typ: v4.Ack, yiaddr: "192.168.42.102", opts: 9, damage: `option 3 (routers): longer than the field "options"`}},
		"test_parser-test_netatmo_discover_request": {{typ: v4.Discover, yiaddr: zero, opts: 3}, {typ: v4.Discover, yiaddr: zero, opts: 3}, {typ: v4.Request, yiaddr: zero, opts: 6}},
		"test_parser-test_truncated_packet":         {{typ: v4.Request, yiaddr: zero, opts: 8}},
		"test_parser-test_washing_machine_request":  {{typ: v4.Request, yiaddr: zero, opts: 6}},
		"test_parser-test_wii_discover":             {{typ: v4.Discover, yiaddr: zero, opts: 5}},
		"test_unit-test_ack_invalid_request_state":  {{typ: v4.Offer, yiaddr: "192.168.186.73", opts: 9}, {typ: v4.Ack, yiaddr: "192.168.186.73", opts: 9}},
		"test_unit-test_get_and_renew_lease":        {{typ: v4.Offer, yiaddr: "192.168.186.73", opts: 9}, {typ: v4.Ack, yiaddr: "192.168.186.73", opts: 9}, {typ: v4.Ack, yiaddr: "192.168.186.73", opts: 9}},
		"test_unit-test_init_reboot_nak":            {{typ: v4.Nak, yiaddr: zero, opts: 2}, {typ: v4.Offer, yiaddr: "192.168.186.85", opts: 3}, {typ: v4.Ack, yiaddr: "192.168.186.85", opts: 3}},
		"test_unit-test_offer_wrong_xid":            {{typ: v4.Offer, yiaddr: "192.168.186.85", opts: 3}},
		"test_unit-test_requesting_timeout":         {{typ: v4.Offer, yiaddr: "192.168.186.85", opts: 3}},
		"test_unit-test_truncated_packet":           {{typ: v4.Ack, yiaddr: "192.168.72.168", opts: 11}},
		"test_unit-test_unexpected_dhcp_message":    {{typ: v4.Ack, yiaddr: "192.168.186.73", opts: 9}},
		"test_unit-test_unknown_message":            {{typ: v4.Request, yiaddr: zero, opts: 8}},
	}
	require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(files)))
	for name, frames := range files {
		var got []msg
		var golden []byte
		for _, p := range payloads(t, frames, wire.Skip) {
			m, err := v4.Decode(p)
			require.NoError(t, err, name)
			damage := ""
			if m.Damage != nil {
				damage = m.Damage.Error()
			}
			got = append(got, msg{m.Type(), m.YIAddr.String(), len(m.Options), damage})
			golden = append(golden, lines(t, m)...)
			b, err := m.Append(nil)
			require.NoError(t, err, name)
			again, err := v4.Decode(b)
			require.NoError(t, err, name)
			requireSame(t, m, again)
			for _, o := range m.Options {
				_, err := o.Text()
				if vendors[o.Code] {
					require.Error(t, err, name)
					continue
				}
				require.NoError(t, err, name)
			}
		}
		assert.Equal(t, want[name], got, name)
		sum := sha256.Sum256(golden)
		assert.Equal(t, foreignGolden[name], hex.EncodeToString(sum[:8]), "%s\n%s", name, golden)
	}
}
