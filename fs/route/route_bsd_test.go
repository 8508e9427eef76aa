package route

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/bsdtest"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// simulated is the page over a simulated kernel of a system.
func simulated(t *testing.T, os string) (*bsdtest.Kernel, *pfKernel, treetest.Door) {
	l, err := bsd.Profile{OS: os}.Layout()
	require.NoError(t, err)
	k := bsdtest.New(l)
	n := k.AddLink("em0", []byte{2, 0, 0, 0, 0, 1})
	k.AddAddr(n, netip.MustParsePrefix("192.0.2.1/24"))
	k.AddAddr(n, netip.MustParsePrefix("fe80::ff/64"))
	c := rtsock.New(k)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	pf := newPF(c)
	p := Page(pf)
	p.Root["links"] = fs.Dir{"em0": p.Link(fs.LinkID{Name: "em0", Index: 2})}
	return k, pf, treetest.Local(&fs.Tree{Root: p.Root}, treetest.Root)
}

func onEach(t *testing.T, f func(t *testing.T, os string)) {
	for _, os := range bsd.Systems() {
		t.Run(os, func(t *testing.T) { f(t, os) })
	}
}

func TestPFTranscripts(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		treetest.RunAll(t, "testdata/bsd/*.txt", func(t *testing.T) treetest.Door { _, _, d := simulated(t, os); return d })
	})
}

// What is read can be written: it sends nothing, and after a flush it restores.
func TestPFRoundTrip(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, _, d := simulated(t, os)
		require.NoError(t, treetest.Write(d, "routes", `default via 192.0.2.254
10.0.0.0/8 via 192.0.2.2 mtu 1400
blackhole 11.0.0.0/8
12.0.0.0/8 dev em0
2001:db8::/48 via fe80::2 dev em0
2001:db8:1::/48 dev em0
unreachable 2001:db8:f::/48
`))
		text := treetest.Read(t, d, "routes")
		assert.Equal(t, 7, strings.Count(text, "\n"))
		before := k.Requests()
		require.NoError(t, treetest.Write(d, "routes", text))
		require.NoError(t, treetest.Write(d, "routes.json", treetest.Read(t, d, "routes.json")))
		assert.Equal(t, before, k.Requests(), "a line that is so already was sent")
		require.NoError(t, treetest.Write(d, "routes", "flush all\n"))
		require.Empty(t, treetest.Read(t, d, "routes"))
		require.NoError(t, treetest.Write(d, "routes", text))
		assert.Equal(t, text, treetest.Read(t, d, "routes"))
	})
}

// OpenBSD's priority is the metric; the others have none.
func TestPFMetric(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		_, _, d := simulated(t, os)
		err := treetest.Write(d, "routes", "10.0.0.0/8 via 192.0.2.2 metric 40\n")
		if os != "openbsd" {
			assert.ErrorContains(t, err, "metric")
			return
		}
		require.NoError(t, err)
		assert.Equal(t, "dst=10.0.0.0/8 via=192.0.2.2 dev=em0 proto=static metric=40\n", treetest.Read(t, d, "routes"))
	})
}

// A change that needs the route made anew puts the old one back if it fails.
func TestPFPutBack(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		_, _, d := simulated(t, os)
		require.NoError(t, treetest.Write(d, "routes", "10.0.0.0/8 dev em0\n"))
		text := treetest.Read(t, d, "routes")
		require.Error(t, treetest.Write(d, "routes", "10.0.0.0/8 via 203.0.113.9\n"))
		assert.Equal(t, text, treetest.Read(t, d, "routes"))
	})
}

func TestPFWatch(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		synctest.Test(t, func(t *testing.T) {
			k, pf, d := simulated(t, os)
			require.NoError(t, treetest.Write(d, "routes", "10.0.0.0/8 via 192.0.2.2\n"))
			take, stop := treetest.Follow(t, pf.Watch, func(r *Route) string { return fmt.Sprint(r.Dst, ">", r.Via, ">", r.Dev) })
			assert.Equal(t, "begin +10.0.0.0/8>192.0.2.2>em0 end", take())
			require.NoError(t, treetest.Write(d, "routes", "11.0.0.0/8 via 192.0.2.3 dev em0\n"))
			assert.Equal(t, "+11.0.0.0/8>192.0.2.3>em0", take())
			require.NoError(t, treetest.Write(d, "routes", "11.0.0.0/8 via 192.0.2.4\n"))
			assert.Equal(t, "begin +10.0.0.0/8>192.0.2.2>em0 +11.0.0.0/8>192.0.2.4>em0 end", take())
			require.Error(t, treetest.Write(d, "routes", "add 11.0.0.0/8 via 192.0.2.4\n"))
			assert.Empty(t, take(), "a failure is no change")
			require.NoError(t, treetest.Write(d, "routes", "del 11.0.0.0/8\n"))
			assert.Equal(t, 1, strings.Count(take(), "-11.0.0.0/8"))
			k.Lose()
			assert.Equal(t, "lost begin +10.0.0.0/8>192.0.2.2>em0 end", take())
			stop()
			assert.Equal(t, 1, k.Sockets(), "the one of changes is open")
		})
	})
}
