package bsd

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// vectors is where captures of real kernels are, beside the repository.
const vectors = "../../shared/vectors/bsd"

func vector(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(vectors, name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("captures are not here: %s", name)
	}
	require.NoError(t, err)
	return b
}

func jsonVector(t testing.TB, name string, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(vector(t, name), v))
}

func layout(t testing.TB, os, arch string, version int) *Layout {
	t.Helper()
	l, err := Profile{OS: os, Arch: arch, Version: version}.Layout()
	require.NoError(t, err)
	return l
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// one decodes a buffer that holds one message, and sees that it encodes to the same.
func one(t testing.TB, l *Layout, b []byte) Message {
	t.Helper()
	var got Message
	n := 0
	for m, err := range l.Messages(b) {
		require.NoError(t, err)
		got, n = m, n+1
	}
	require.Equal(t, 1, n, "messages")
	again(t, l, got, b)
	return got
}

func again(t testing.TB, l *Layout, m Message, b []byte) {
	t.Helper()
	out, err := l.Append(nil, m)
	require.NoError(t, err)
	require.Equal(t, hex.EncodeToString(b), hex.EncodeToString(out), "encoded again")
}

// What our decoder of another language, and eyes, found in dumps of real kernels.
func TestDumps(t *testing.T) {
	for _, c := range []struct{ file, os, arch string }{
		{"freebsd-14-1-amd64-inet", "freebsd", "amd64"},
		{"freebsd-14-1-amd64-inet6", "freebsd", "amd64"},
		{"openbsd-7-5-amd64-inet", "openbsd", "amd64"},
		{"openbsd-7-5-amd64-inet6", "openbsd", "amd64"},
		{"netbsd-10-0-amd64-inet", "netbsd", "amd64"},
		{"netbsd-10-0-amd64-inet6", "netbsd", "amd64"},
		{"darwin-23-6-macos-14-5-x86-64-inet", "darwin", "amd64"},
	} {
		t.Run(c.file, func(t *testing.T) {
			b := vector(t, c.file+".rtdump.bin")
			var want struct{ Messages []wantMessage }
			jsonVector(t, c.file+".decoded.json", &want)
			l := layout(t, c.os, c.arch, 0)
			d := Decoder{Layout: l}
			n, at := 0, 0
			for m, err := range d.Messages(b) {
				require.NoError(t, err)
				require.Less(t, n, len(want.Messages))
				want.Messages[n].check(t, l, m.(*RouteMsg))
				again(t, l, m, b[at:at+want.Messages[n].Msglen])
				at += want.Messages[n].Msglen
				n++
			}
			assert.Len(t, want.Messages, n)
			assert.Equal(t, len(b), at, "left over")
			assert.Zero(t, d.Skipped)
		})
	}
}

type wantMessage struct {
	Type, Version uint8
	Msglen        int
	Hdrlen        int
	Index         uint16
	Flags, Addrs  string
	Sockaddrs     map[string]wantSockaddr
	Trailing      int
}

type wantSockaddr struct {
	Len, Family   int
	Hex           string
	Inet, Inet6   string
	Index         *uint16
	Name, Lladdr  string
	Offset        int
	Type          uint8
	Nlen, Alen, _ int
}

func (w *wantMessage) check(t *testing.T, l *Layout, m *RouteMsg) {
	t.Helper()
	assert.Equal(t, w.Type, m.Type)
	assert.Equal(t, OpGet, m.Op)
	assert.Equal(t, w.Version, m.Version)
	assert.Equal(t, w.Hdrlen, len(m.head))
	assert.Equal(t, w.Index, m.Index)
	assert.Equal(t, w.Flags, "0x"+strconv.FormatUint(uint64(m.Flags), 16))
	assert.Equal(t, w.Addrs, "0x"+strconv.FormatUint(uint64(m.Addrs()), 16))
	assert.Len(t, m.Tail(), w.Trailing)
	for i := range axes {
		s, ok := w.Sockaddrs[l.AxisName(i)]
		if !ok {
			s, ok = w.Sockaddrs["X"+strconv.Itoa(i)]
		}
		require.Equal(t, ok, m.Has(i), l.AxisName(i))
		if ok {
			s.check(t, l, m.At(i), l.AxisName(i))
		}
	}
	if _, ok := w.Sockaddrs["DST"]; ok {
		p, ok := l.Prefix(&m.Header)
		assert.True(t, ok, "prefix")
		assert.True(t, p.IsValid())
	}
}

func (w wantSockaddr) check(t *testing.T, l *Layout, a Sockaddr, axis string) {
	t.Helper()
	assert.Equal(t, w.Hex, hex.EncodeToString(a), axis)
	if w.Inet != "" {
		assert.Equal(t, w.Inet, l.Addr(a).String(), axis)
	}
	if w.Inet6 != "" {
		assert.Equal(t, netip.MustParseAddr(w.Inet6).String(), asWire(l, a), axis)
	}
	if w.Index != nil {
		k, ok := l.Link(a)
		require.True(t, ok, axis)
		assert.Equal(t, *w.Index, k.Index, axis)
		assert.Equal(t, w.Type, k.Type, axis)
		assert.Equal(t, w.Name, k.Name, axis)
		assert.Equal(t, strings.ReplaceAll(w.Lladdr, ":", ""), hex.EncodeToString(k.Addr), axis)
	}
}

// asWire prints an IPv6 address as the bytes are: with its link inside, where the
// system puts it there.
func asWire(l *Layout, a Sockaddr) string {
	addr := l.Addr(a)
	if l.Embedded && addr.Zone() != "" {
		raw := l.SockaddrOf(addr)
		plain := *l
		plain.Embedded = false
		return plain.Addr(raw).String()
	}
	return addr.WithZone("").String()
}

// Messages that were built, never seen by a kernel.
func TestSynthetic(t *testing.T) {
	var all struct {
		Vectors []struct {
			OSArch string `json:"os_arch"`
			Kind   string
			Hex    string
			Want   map[string]any
		}
	}
	jsonVector(t, "synthetic.json", &all)
	require.NotEmpty(t, all.Vectors)
	for _, v := range all.Vectors {
		t.Run(v.OSArch+" "+v.Kind, func(t *testing.T) {
			os, arch, _ := strings.Cut(v.OSArch, "_")
			l := layout(t, os, arch, 0)
			checkFields(t, l, one(t, l, unhex(t, v.Hex)), v.Want)
		})
	}
}

func checkFields(t *testing.T, l *Layout, m Message, want map[string]any) {
	t.Helper()
	got := map[string]any{"type": float64(m.Head().Type), "addrs": "0x" + strconv.FormatUint(uint64(m.Head().Addrs()), 16)}
	link := func(i int, whole bool) string {
		k, _ := l.Link(m.Head().At(i))
		if !whole {
			return k.Name
		}
		return k.Name + "/" + macOf(k.Addr)
	}
	switch m := m.(type) {
	case *AddrMsg:
		got["index"], got["flags"] = float64(m.Index), float64(m.Flags)
		p, ok := l.Prefix(&m.Header)
		require.True(t, ok)
		got["NETMASK"] = l.Addr(l.Mask(p.Bits(), false)).String()
		got["IFP"], got["IFA"], got["BRD"] = link(RTAX_IFP, true), p.Addr().String(), l.Addr(m.At(RTAX_BRD)).String()
	case *LinkMsg:
		got["index"], got["flags"] = float64(m.Index), "0x"+strconv.FormatUint(uint64(m.Flags), 16)
		got["ifi_type"], got["mtu"], got["IFP"] = float64(m.Data.Type), float64(m.Data.MTU), link(RTAX_IFP, false)
	case *AnnounceMsg:
		got["index"], got["name"], got["what"] = float64(m.Index), m.Name, float64(m.What)
	}
	for k, w := range want {
		assert.Equal(t, w, got[k], k)
	}
}

func macOf(b []byte) string {
	var s []string
	for _, x := range b {
		s = append(s, hex.EncodeToString([]byte{x}))
	}
	return strings.Join(s, ":")
}

// A message that was seen on a real kernel and reported: the last sockaddr lacks its
// padding.
func TestReported(t *testing.T) {
	var all []struct{ Name, OS, Hex string }
	jsonVector(t, "reported.json", &all)
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			l := layout(t, v.OS, "arm64", 0)
			m := one(t, l, unhex(t, v.Hex)).(*MaddrMsg)
			assert.Equal(t, OpDelGroup, m.Op)
			k, ok := l.Link(m.At(RTAX_IFP))
			require.True(t, ok)
			assert.Equal(t, "en0", k.Name)
			k, ok = l.Link(m.At(RTAX_IFA))
			require.True(t, ok)
			assert.Len(t, k.Addr, 6)
			assert.Empty(t, m.Tail())
		})
	}
}

// What a NetBSD kernel said to operations whose outcome is known.
func TestNetBSDKernel(t *testing.T) {
	for _, name := range []string{"announce", "ifinfo", "addr4", "addr6", "addrlink", "route4", "route6", "llinfo", "errors", "events"} {
		t.Run(name, func(t *testing.T) {
			var all struct{ Messages []kernelMessage }
			jsonVector(t, "netbsd-rump/"+name+".json", &all)
			require.NotEmpty(t, all.Messages)
			l := layout(t, "netbsd", "amd64", 7)
			for _, m := range all.Messages {
				t.Run(m.Name, func(t *testing.T) { m.check(t, l) })
			}
		})
	}
}

type kernelMessage struct {
	Name, Hex, Malformed string
	Expect               struct {
		Type            uint8
		TypeName        string `json:"type_name"`
		Version         uint8
		Index           *uint16
		Seq, Pid, Errno *int32
		Addrs           *uint32
		FlagsSet        uint32 `json:"flags_set"`
		FlagsClear      uint32 `json:"flags_clear"`
		Name            *string
		What            *uint16
		Msglen          int
		Sockaddrs       map[string]json.RawMessage
		Ifdata          map[string]uint64
	}
}

func (v *kernelMessage) check(t *testing.T, l *Layout) {
	b := unhex(t, v.Hex)
	if v.Malformed != "" {
		for _, err := range l.Messages(b) {
			require.Error(t, err)
		}
		return
	}
	m := one(t, l, b)
	e := &v.Expect
	h := m.Head()
	assert.Equal(t, e.Type, h.Type)
	assert.Equal(t, e.TypeName, l.TypeName(h.Type))
	assert.Equal(t, e.Version, h.Version)
	assert.Empty(t, h.Tail())
	if e.Addrs != nil {
		assert.Equal(t, *e.Addrs, h.Addrs())
	}
	var flags uint32
	index := func(n uint16) {
		if e.Index != nil {
			assert.Equal(t, *e.Index, n)
		}
	}
	switch m := m.(type) {
	case *RouteMsg:
		flags = m.Flags
		for _, n := range []struct {
			want *int32
			got  int32
		}{{e.Seq, m.Seq}, {e.Pid, m.Pid}, {e.Errno, m.Errno}} {
			if n.want != nil {
				assert.Equal(t, *n.want, n.got)
			}
		}
	case *AddrMsg:
		index(m.Index)
	case *LinkMsg:
		flags = m.Flags
		index(m.Index)
		got := map[string]uint64{"type": uint64(m.Data.Type), "addrlen": uint64(m.Data.AddrLen), "mtu": m.Data.MTU, "metric": m.Data.Metric}
		for k, want := range e.Ifdata {
			assert.Equal(t, want, got[k], k)
		}
	case *AnnounceMsg:
		index(m.Index)
		assert.Equal(t, *e.Name, m.Name)
		assert.Equal(t, *e.What, m.What)
	default:
		t.Errorf("%T", m)
	}
	assert.Equal(t, e.FlagsSet, flags&e.FlagsSet, "flags set")
	assert.Zero(t, flags&e.FlagsClear, "flags clear")
	for axis, want := range e.Sockaddrs {
		checkExpected(t, l, h, axis, want)
	}
}

func checkExpected(t *testing.T, l *Layout, h *Header, axis string, want json.RawMessage) {
	t.Helper()
	i := 0
	for l.AxisName(i) != axis {
		i++
		require.Less(t, i, axes, axis)
	}
	a := h.At(i)
	var addr string
	if json.Unmarshal(want, &addr) == nil {
		switch {
		case axis == "NETMASK":
			assert.Equal(t, addr, maskText(t, l, h, a))
		case len(a) == 0:
			assert.Contains(t, []string{"0.0.0.0", "::"}, addr)
		default:
			assert.Equal(t, addr, asWire(l, a), axis)
		}
		return
	}
	var link struct {
		Index        *uint16
		Name, Lladdr *string
	}
	require.NoError(t, json.Unmarshal(want, &link))
	k, ok := l.Link(a)
	require.True(t, ok, axis)
	if link.Index != nil {
		assert.Equal(t, *link.Index, k.Index)
	}
	if link.Name != nil {
		assert.Equal(t, *link.Name, k.Name)
	}
	if link.Lladdr != nil {
		assert.Equal(t, *link.Lladdr, macOf(k.Addr))
	}
}

// maskText spells a netmask out, with holes or without.
func maskText(t *testing.T, l *Layout, h *Header, a Sockaddr) string {
	axis := RTAX_DST
	if !h.Has(axis) {
		axis = RTAX_IFA
	}
	is6 := l.Addr(h.At(axis)).Is6()
	whole := l.Mask(0, is6)
	at := map[bool]int{false: 4, true: 8}[is6]
	if len(a) > at {
		copy(whole[at:], a[at:])
	}
	if n, ok := MaskBits(a, is6); ok {
		assert.Equal(t, []byte(whole), []byte(l.Mask(n, is6)), "length of the mask")
	}
	return strings.Split(l.Addr(whole).String(), "%")[0]
}

// The same kernel's answers to sysctls.
func TestNetBSDDumps(t *testing.T) {
	var all struct {
		Dumps []struct {
			Name, File string
			Bytes      int
			Messages   int
			Types      map[string]int
			Exactly    int `json:"decoded_exactly"`
		}
	}
	jsonVector(t, "netbsd-rump/dumps.json", &all)
	l := layout(t, "netbsd", "amd64", 7)
	for _, d := range all.Dumps {
		if d.File == "" {
			continue
		}
		t.Run(d.Name, func(t *testing.T) {
			b := vector(t, "netbsd-rump/"+d.File)
			require.Len(t, b, d.Bytes)
			dec := Decoder{Layout: l}
			types, n := map[string]int{}, 0
			var out []byte
			for m, err := range dec.Messages(b) {
				require.NoError(t, err)
				assert.Empty(t, m.Head().Tail())
				types[strconv.Itoa(int(m.Head().Type))]++
				n++
				out, err = l.Append(out, m)
				require.NoError(t, err)
			}
			if strings.HasPrefix(d.Name, "oroute") { // AF_OROUTE: another version
				assert.Zero(t, n)
				assert.Equal(t, d.Messages, dec.Skipped)
				return
			}
			assert.Equal(t, d.Exactly, n)
			assert.Equal(t, d.Types, types)
			assert.True(t, bytes.Equal(b, out), "encoded again")
		})
	}
}

// What was written to that kernel, and it took or refused for its sense, not its form.
func TestNetBSDWritten(t *testing.T) {
	var all struct {
		Messages []struct {
			Group, Name string
			Hex         string `json:"written_hex"`
			Errno       int    `json:"result_errno"`
		}
	}
	jsonVector(t, "netbsd-rump/written.json", &all)
	l := layout(t, "netbsd", "amd64", 7)
	n := 0
	for _, v := range all.Messages {
		if v.Errno != 0 {
			continue
		}
		one(t, l, unhex(t, v.Hex))
		n++
	}
	assert.Greater(t, n, 20)
}

func TestNetBSDOldFamily(t *testing.T) {
	var all struct{ Messages []struct{ Name, Hex string } }
	jsonVector(t, "netbsd-rump/oroute.json", &all)
	d := Decoder{Layout: layout(t, "netbsd", "amd64", 7)}
	for _, v := range all.Messages {
		for m, err := range d.Messages(unhex(t, v.Hex)) {
			t.Errorf("%s: %v, %v", v.Name, m, err)
		}
	}
	assert.Len(t, all.Messages, d.Skipped)
}
