package rt

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNetconfs(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	b.ns.Do(func() {
		assert.NoError(t, os.WriteFile("/proc/sys/net/ipv4/conf/v0/forwarding", []byte("1"), 0))
		assert.NoError(t, os.WriteFile("/proc/sys/net/ipv4/conf/v0/rp_filter", []byte("2"), 0))
	})
	n := 0
	for m, err := range Netconfs(b.ctx, b.c, AF_UNSPEC) {
		require.NoError(t, err)
		assert.Empty(t, m.Rest)
		if m.Index == dev && m.Hdr.Family == AF_INET {
			assert.EqualValues(t, 1, m.Forwarding)
			assert.EqualValues(t, 2, m.RPFilter)
			n++
		}
		if m.Index == NETCONFA_IFINDEX_ALL && m.Hdr.Family == AF_INET6 {
			n++
		}
	}
	assert.Equal(t, 2, n)
}

func TestAddrLabels(t *testing.T) {
	b := newBed(t)
	l := &LabelRule{Prefix: netip.MustParsePrefix("2001:db8::/32"), Label: 77}
	b.do(l.Add())
	assert.ErrorIs(t, b.c.Do(b.ctx, l.Add()), syscall.EEXIST)
	want := map[string]int64{}
	for _, r := range b.ip("-j addrlabel list") {
		want[r["address"].(string)+"/"+strconv.FormatInt(num(r["prefixlen"]), 10)] = num(r["label"])
	}
	got := map[string]int64{}
	for m, err := range AddrLabels(b.ctx, b.c) {
		require.NoError(t, err)
		got[m.Prefix.String()] = int64(m.Label)
	}
	delete(want, "0.0.0.0/96") // how iproute2 6.1 prints ::/96 mapped prefixes
	for p, label := range want {
		if strings.Contains(p, "::") {
			assert.Equal(t, label, got[p], p)
		}
	}
	assert.EqualValues(t, 77, got["2001:db8::/32"])
	b.do(l.Del())
}

func TestMulticastAddresses(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	want := map[string]bool{}
	for _, r := range b.ip("-6 -j maddr show dev v0") {
		for _, m := range r["maddr"].([]any) {
			if s, _ := dig(m, "address").(string); strings.HasPrefix(s, "ff") {
				want[s] = true
			}
		}
	}
	require.NotEmpty(t, want)
	got := map[string]bool{}
	for m, err := range Multicasts(b.ctx, b.c, AddrFilter{Index: dev, Rest: true}) {
		require.NoError(t, err)
		assert.Equal(t, dev, m.Hdr.Index)
		assert.Empty(t, m.Rest)
		if m.Multicast.Is6() {
			got[m.Multicast.String()] = true
		}
	}
	assert.Equal(t, want, got)
	for _, err := range Anycasts(b.ctx, b.c, AddrFilter{}) {
		require.NoError(t, err)
	}
}

func TestCounters(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	b.ns.Run(t, "ip", "neigh", "add", "10.0.0.9", "lladdr", "02:00:00:00:00:09", "dev", "v0")
	m := &Stats{}
	require.Eventually(t, func() bool { // a link sends when its carrier was noticed
		b.ns.Do(func() { sendUDP(t, [4]byte{10, 0, 0, 9}) })
		require.NoError(t, GetCounters(b.ctx, b.c, dev, m))
		return m.Link64.TxBytes >= 142
	}, 5*time.Second, 10*time.Millisecond)
	assert.Equal(t, dev, m.Hdr.Index)
	n := 0
	for s, err := range LinkCounters(b.ctx, b.c) {
		require.NoError(t, err)
		assert.True(t, s.Has.Has(StatsLink64))
		n++
	}
	assert.Equal(t, 3, n)
}

// sendUDP sends 100 bytes: 142 on Ethernet.
func sendUDP(t *testing.T, to [4]byte) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	require.NoError(t, err)
	defer syscall.Close(fd)
	assert.NoError(t, syscall.Sendto(fd, make([]byte, 100), 0, &syscall.SockaddrInet4{Port: 9, Addr: to}))
}
