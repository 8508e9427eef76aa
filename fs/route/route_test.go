package route

import (
	"context"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

func fakeTree(f *fake) treetest.Door {
	p := Page(f)
	root := p.Root
	root["links"] = fs.Dir{"eth1": p.Link(fs.LinkID{Name: "eth1", Index: 3})}
	return treetest.Local(&fs.Tree{Root: root}, treetest.Root)
}

func TestTranscripts(t *testing.T) {
	treetest.RunAll(t, "testdata/*.txt", func(*testing.T) treetest.Door { return fakeTree(&fake{}) })
}

// lines that make every key print.
const lines = `
default via 192.0.2.254 dev eth0
default via fe80::1 dev eth0
10.0.0.0/8 via 192.0.2.1 dev eth0 proto static metric 5
10.0.0.0/8 via fe80::1 dev eth0 src 192.0.2.9 metric 6
blackhole 11.0.0.0/8
2001:db8::/48 from 2001:db8:1::/48 via fe80::1 dev eth0 metric 9
12.0.0.0/8 dev eth0
12.0.0.0/8 dev eth0 scope global metric 1
13.0.0.0/8 dev eth0 mtu lock 1400 window 5 rtt 20.125ms rttvar 10.25ms ssthresh 4 cwnd lock 9 advmss 1000 reordering 3 hoplimit 9 initcwnd 2 features ecn,sack rto_min 1s initrwnd 4 quickack 1 congctl bbr fastopen_no_cookie 1
14.0.0.0/8 nexthop via 192.0.2.1 dev eth0 weight 7 realm 3 nexthop dev eth1 encap mpls encap.label 5 encap.ttl 0
15.0.0.0/8 encap ip encap.id 7 encap.src 1.1.1.1 encap.dst 2.2.2.2 encap.ttl 3 encap.tos 4 encap.flags 5 dev eth0
16.0.0.0/8 dev eth0 encap seg6 encap.mode inline encap.segs 2001:db8::1,2001:db8::2 realm cosmos
17.0.0.0/8 dev eth0 encap 9 encap.raw 0a0b0c tos 0xfc
18.0.0.0/8 nhid 7 onlink pervasive ttl-propagate disabled
2001:db8:1::/48 dev eth1 pref low expires 9
fe80::/64 dev eth0
fe80::/64 dev eth1
19.0.0.0/8 dev eth0 opt.77=00ff opt.78=01
`

// What is read can be written and changes nothing.
func TestRoundTrip(t *testing.T) {
	f := &fake{}
	d := fakeTree(f)
	require.NoError(t, treetest.Write(d, "routes", lines))
	require.Len(t, f.routes, strings.Count(lines, "\n")-1)
	text := treetest.Read(t, d, "routes")
	before := f.changes
	require.NoError(t, treetest.Write(d, "routes", text))
	assert.Equal(t, before, f.changes, "a line that is so already was sent")
	require.NoError(t, treetest.Write(d, "routes.json", treetest.Read(t, d, "routes.json")))
	assert.Equal(t, before, f.changes, "an object that is so already was sent")
	require.NoError(t, treetest.Write(d, "routes", "flush all\n"))
	require.Empty(t, f.routes)
	require.NoError(t, treetest.Write(d, "routes", text))
	assert.Equal(t, text, treetest.Read(t, d, "routes"))
}

func TestLaws(t *testing.T) {
	f := &fake{}
	d := fakeTree(f)
	require.NoError(t, treetest.Write(d, "routes", lines))
	treetest.Check(t, d, treetest.Options{Write: true, Skip: func(path string) bool { return path == "lookup" }})
}

// A line that names another way takes the old one away.
func TestSettle(t *testing.T) {
	cases := []struct{ name, before, line, after string }{
		{"another gateway", "10.0.0.0/8 via 192.0.2.1 dev eth0 mtu 1400", "10.0.0.0/8 via 192.0.2.2", "dst=10.0.0.0/8 via=192.0.2.2 proto=boot mtu=1400"},
		{"gateway and link", "10.0.0.0/8 via 192.0.2.1 dev eth0", "10.0.0.0/8 via 192.0.2.2 dev eth0", "dst=10.0.0.0/8 via=192.0.2.2 dev=eth0 proto=boot"},
		{"straight onto a link", "10.0.0.0/8 via 192.0.2.1 dev eth0", "10.0.0.0/8 dev eth1", "dst=10.0.0.0/8 dev=eth1 proto=boot scope=link"},
		{"from a link to a gateway", "10.0.0.0/8 dev eth0", "10.0.0.0/8 via 192.0.2.1", "dst=10.0.0.0/8 via=192.0.2.1 proto=boot"},
		{"several ways", "10.0.0.0/8 via 192.0.2.1 dev eth0", "10.0.0.0/8 nexthop dev eth0 nexthop dev eth1",
			"dst=10.0.0.0/8 proto=boot nexthop dev=eth0 weight=1 nexthop dev=eth1 weight=1"},
		{"one way", "10.0.0.0/8 nexthop dev eth0 nexthop dev eth1", "10.0.0.0/8 via 192.0.2.1 dev eth0", "dst=10.0.0.0/8 via=192.0.2.1 dev=eth0 proto=boot"},
		{"fewer ways", "10.0.0.0/8 nexthop dev eth0 nexthop dev eth1", "10.0.0.0/8 nexthop dev eth1 nexthop dev eth2 nexthop dev eth3",
			"dst=10.0.0.0/8 proto=boot nexthop dev=eth1 weight=1 nexthop dev=eth2 weight=1 nexthop dev=eth3 weight=1"},
		{"a nexthop object", "10.0.0.0/8 via 192.0.2.1 dev eth0", "10.0.0.0/8 nhid 3", "dst=10.0.0.0/8 nhid=3 proto=boot"},
		{"no nexthop object", "10.0.0.0/8 nhid 3", "10.0.0.0/8 dev eth0", "dst=10.0.0.0/8 dev=eth0 proto=boot scope=link"},
		{"a hole", "10.0.0.0/8 via 192.0.2.1 dev eth0", "blackhole 10.0.0.0/8", "dst=10.0.0.0/8 type=blackhole proto=boot"},
		{"no hole", "blackhole 10.0.0.0/8", "10.0.0.0/8 via 192.0.2.1 dev eth0", "dst=10.0.0.0/8 via=192.0.2.1 dev=eth0 proto=boot"},
		{"another metric of TCP", "10.0.0.0/8 via 192.0.2.1 dev eth0", "10.0.0.0/8 mtu 1300", "dst=10.0.0.0/8 via=192.0.2.1 dev=eth0 proto=boot mtu=1300"},
		{"IPv6 gateway", "2001:db8::/48 via fe80::1 dev eth0", "2001:db8::/48 via fe80::2", "dst=2001:db8::/48 via=fe80::2 dev=eth0 proto=boot metric=1024"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{}
			d := fakeTree(f)
			require.NoError(t, treetest.Write(d, "routes", c.before+"\n"))
			require.NoError(t, treetest.Write(d, "routes", c.line+"\n"))
			assert.Equal(t, c.after+"\n", treetest.Read(t, d, "routes"))
		})
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		word string
		per  uint32
		n    uint32
		text string
	}{
		{"20ms", 8, 160, "20ms"}, {"1s", 8, 8000, "1000ms"}, {"160", 8, 160, "20ms"}, {"1", 8, 1, "0.125ms"}, {"3", 4, 3, "0.75ms"},
		{"20msecs", 1, 20, "20ms"}, {"2sec", 1, 2000, "2000ms"},
	} {
		n, err := parseTicks(c.word, c.per)
		require.NoError(t, err, c.word)
		assert.Equal(t, c.n, n, c.word)
		text := string(appendTicks(nil, n, c.per))
		assert.Equal(t, c.text, text)
		back, err := parseTicks(text, c.per)
		require.NoError(t, err)
		assert.Equal(t, n, back)
	}
	for _, bad := range []string{"", "x", "-1ms", "1e30s", "5000000000"} {
		_, err := parseTicks(bad, 8)
		assert.Error(t, err, bad)
	}
}

// Reading allocates nothing for each route.
func TestReadAllocatesNothing(t *testing.T) {
	const n = 100000
	f := &fake{}
	for i := range n {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		f.routes = append(f.routes, Route{Dst: netip.PrefixFrom(a, 32), Type: Unicast, Via: netip.MustParseAddr("192.0.2.1"), Dev: "eth0", Table: TableMain, Proto: 4})
	}
	tree := &fs.Tree{Root: Page(f).Root}
	ctx := fs.WithUser(context.Background(), treetest.Root)
	ref, err := tree.Attach().Walk(ctx, "routes")
	require.NoError(t, err)
	file, err := ref.Open(ctx, fs.OpenRead)
	require.NoError(t, err)
	defer file.Close(ctx)
	b := make([]byte, 65536)
	var m0, m1 runtime.MemStats
	runtime.ReadMemStats(&m0)
	total := int64(0)
	for {
		k, err := file.ReadAt(ctx, b, total)
		require.NoError(t, err)
		if k == 0 {
			break
		}
		total += int64(k)
	}
	runtime.ReadMemStats(&m1)
	assert.Less(t, m1.Mallocs-m0.Mallocs, uint64(n/50), "%d allocations for %d routes", m1.Mallocs-m0.Mallocs, n)
	assert.Greater(t, total, int64(n*40))
}
