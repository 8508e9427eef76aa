package rtjson

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/bsd"
)

// The same route has the same words on every system; what is only there has its own.
func TestRoute(t *testing.T) {
	for os, want := range map[string]string{
		"freebsd":   `{"msg":"RTM_ADD","dst":"10.0.0.0/8","via":"192.0.2.1","dev":"em0","index":3,"proto":"static","flags":["up","gateway","static"],"mtu":1400,"inits":"0x1","pid":7,"seq":9}`,
		"netbsd":    `{"msg":"RTM_ADD","dst":"10.0.0.0/8","via":"192.0.2.1","dev":"em0","index":3,"proto":"static","flags":["up","gateway","static"],"mtu":1400,"inits":"0x1","pid":7,"seq":9}`,
		"dragonfly": `{"msg":"RTM_ADD","dst":"10.0.0.0/8","via":"192.0.2.1","dev":"em0","index":3,"proto":"static","flags":["up","gateway","static"],"mtu":1400,"inits":"0x1","pid":7,"seq":9}`,
		"darwin":    `{"msg":"RTM_ADD","dst":"10.0.0.0/8","via":"192.0.2.1","dev":"em0","index":3,"proto":"static","flags":["up","gateway","static"],"mtu":1400,"inits":"0x1","pid":7,"seq":9}`,
		"openbsd":   `{"msg":"RTM_ADD","dst":"10.0.0.0/8","via":"192.0.2.1","dev":"em0","index":3,"proto":"static","table":2,"priority":8,"flags":["up","gateway","static"],"mtu":1400,"inits":"0x1","pid":7,"seq":9,"label":"lease"}`,
	} {
		l, err := bsd.Profile{OS: os}.Layout()
		require.NoError(t, err)
		m := bsd.RouteMsg{Header: bsd.Header{Op: bsd.OpAdd}, Flags: 0x803, Table: 2, Priority: 8, Pid: 7, Seq: 9, Inits: bsd.RTV_MTU}
		m.Metrics.MTU = 1400
		m.Set(bsd.RTAX_DST, l.SockaddrOf(netip.MustParseAddr("10.0.0.0")))
		m.Set(bsd.RTAX_GATEWAY, l.SockaddrOf(netip.MustParseAddr("192.0.2.1")))
		m.Set(bsd.RTAX_NETMASK, l.Mask(8, false))
		m.Set(bsd.RTAX_IFP, l.SockaddrOfLink(bsd.Link{Index: 3, Name: "em0"}))
		if os == "openbsd" {
			m.Set(bsd.RTAX_LABEL, bsd.Sockaddr("\x08\x00lease\x00"))
		}
		assert.Equal(t, want+"\n", said(t, l, &m), os)
	}
}

// said encodes a message and says what it decodes to.
func said(t *testing.T, l *bsd.Layout, m bsd.Message) string {
	t.Helper()
	b, err := l.Append(nil, m)
	require.NoError(t, err)
	var out []byte
	for m, err := range l.Messages(b) {
		require.NoError(t, err)
		out, err = Append(out, l, m)
		require.NoError(t, err)
	}
	return string(out)
}

func TestOthers(t *testing.T) {
	l, err := bsd.Profile{OS: "openbsd"}.Layout()
	require.NoError(t, err)
	link := bsd.LinkMsg{Header: bsd.Header{Op: bsd.OpLink}, Index: 3, Flags: 0x8843, Table: 1,
		Data: bsd.LinkData{Type: 6, State: 4, MTU: 1500, InBytes: 9, OutDrops: 2}}
	link.Set(bsd.RTAX_IFP, l.SockaddrOfLink(bsd.Link{Index: 3, Name: "em0", Addr: []byte{2, 0, 0, 0, 0, 1}}))
	assert.Equal(t, `{"msg":"RTM_IFINFO","name":"em0","index":3,"state":"up","carrier":true,"mtu":1500,"lladdr":"02:00:00:00:00:01","type":6,`+
		`"table":1,"flags":["up","broadcast","running","simplex","multicast"],"rx_bytes":9,"tx_dropped":2}`+"\n", said(t, l, &link))

	addr := bsd.AddrMsg{Header: bsd.Header{Op: bsd.OpNewAddr}, Index: 3}
	addr.Set(bsd.RTAX_IFA, l.SockaddrOf(netip.MustParseAddr("fe80::1%3")))
	addr.Set(bsd.RTAX_NETMASK, l.Mask(64, true))
	assert.Equal(t, `{"msg":"RTM_NEWADDR","local":"fe80::1/64","index":3,"flags":[]}`+"\n", said(t, l, &addr))

	gone := bsd.AnnounceMsg{Header: bsd.Header{Op: bsd.OpAnnounce}, Index: 9, Name: "vlan9", What: 1}
	assert.Equal(t, `{"msg":"RTM_IFANNOUNCE","name":"vlan9","index":9,"what":"departure"}`+"\n", said(t, l, &gone))

	neigh := bsd.RouteMsg{Header: bsd.Header{Op: bsd.OpGet}, Flags: l.RTF("up") | l.RTF("host") | l.RTF("llinfo")}
	neigh.Set(bsd.RTAX_DST, l.SockaddrOf(netip.MustParseAddr("192.0.2.9")))
	neigh.Set(bsd.RTAX_GATEWAY, l.SockaddrOfLink(bsd.Link{Index: 3, Addr: []byte{2, 0, 0, 0, 0, 9}}))
	assert.Equal(t, `{"msg":"RTM_GET","dst":"192.0.2.9/32","lladdr":"02:00:00:00:00:09","index":3,"flags":["up","host","llinfo"]}`+"\n", said(t, l, &neigh))

	raw := bsd.RawMsg{Header: bsd.Header{Type: 0x63}, Data: []byte{6, 0, 5, 0x63, 1, 2}}
	assert.Equal(t, `{"msg":"0x63","raw":"060005630102"}`+"\n", said(t, l, &raw))
}

// Dumps of real kernels give a line of JSON for each message.
func TestCaptures(t *testing.T) {
	files, err := filepath.Glob("../../../../shared/vectors/bsd/*.rtdump.bin")
	require.NoError(t, err)
	if len(files) == 0 {
		t.Skip("captures are not here")
	}
	for _, name := range files {
		system, _, _ := strings.Cut(filepath.Base(name), "-")
		l, err := bsd.Profile{OS: system}.Layout()
		require.NoError(t, err)
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		for m, err := range l.Messages(b) {
			require.NoError(t, err)
			js, err := Append(nil, l, m)
			require.NoError(t, err)
			var got map[string]any
			require.NoError(t, json.Unmarshal(js, &got))
			_, err = netip.ParsePrefix(got["dst"].(string))
			assert.NoError(t, err, "%s", js)
			assert.NotContains(t, string(js), "rta_", "a sockaddr without a word")
		}
	}
}
