package route

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
	n := k.AddLink("eth0", []byte{2, 0, 0, 0, 0, 1})
	k.AddAddr(n, netip.MustParsePrefix("192.0.2.1/24"))
	k.AddAddr(n, netip.MustParsePrefix("fe80::ff/64"))
	k.AddLink("eth1", []byte{2, 0, 0, 0, 0, 2})
	c := rtsock.New(k)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	pf := newPF(c)
	p := Page(pf)
	p.Root["links"] = fs.Dir{"eth1": p.Link(fs.LinkID{Name: "eth1", Index: 3})}
	return k, pf, treetest.Local(&fs.Tree{Root: p.Root}, treetest.Root)
}

func onEach(t *testing.T, f func(t *testing.T, os string)) {
	for _, os := range bsd.Systems() {
		t.Run(os, func(t *testing.T) { f(t, os) })
	}
}

func TestPFTranscripts(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		treetest.RunAllOn(t, os, "testdata/*.txt", func(t *testing.T) treetest.Door {
			k, _, d := simulated(t, os)
			if os == "freebsd" { // elsewhere a table is made with its first route, or there is no other
				k.AddTable(255)
			}
			return d
		})
	})
}

// What is read can be written: it sends nothing, and after a flush it restores.
func TestPFRoundTrip(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, _, d := simulated(t, os)
		n := 7
		more := ""
		if k.Layout().Tables != bsd.OneTable {
			k.AddTable(254)
			more, n = "10.0.0.0/8 via 192.0.2.7 table 254\n13.0.0.0/8 via 192.0.2.7 table 3\n", 9
		}
		require.NoError(t, treetest.Write(d, "routes", more+`default via 192.0.2.254
10.0.0.0/8 via 192.0.2.2 mtu 1400
blackhole 11.0.0.0/8
12.0.0.0/8 dev eth0
2001:db8::/48 via fe80::2 dev eth0
2001:db8:1::/48 dev eth0
unreachable 2001:db8:f::/48
`))
		text := treetest.Read(t, d, "routes")
		assert.Equal(t, n, strings.Count(text, "\n"))
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

// A change that needs the route made anew puts the old one back if it fails.
func TestPFPutBack(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		_, _, d := simulated(t, os)
		require.NoError(t, treetest.Write(d, "routes", "10.0.0.0/8 dev eth0\n"))
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
			assert.Equal(t, "begin +10.0.0.0/8>192.0.2.2>eth0 end", take())
			require.NoError(t, treetest.Write(d, "routes", "11.0.0.0/8 via 192.0.2.3 dev eth0\n"))
			assert.Equal(t, "+11.0.0.0/8>192.0.2.3>eth0", take())
			require.NoError(t, treetest.Write(d, "routes", "11.0.0.0/8 via 192.0.2.4\n"))
			assert.Equal(t, "begin +10.0.0.0/8>192.0.2.2>eth0 +11.0.0.0/8>192.0.2.4>eth0 end", take())
			require.Error(t, treetest.Write(d, "routes", "add 11.0.0.0/8 via 192.0.2.4\n"))
			assert.Empty(t, take(), "a failure is no change")
			require.NoError(t, treetest.Write(d, "routes", "del 11.0.0.0/8\n"))
			assert.Equal(t, 1, strings.Count(take(), "-11.0.0.0/8"))
			k.Lose()
			assert.Equal(t, "lost begin +10.0.0.0/8>192.0.2.2>eth0 end", take())
			stop()
			assert.Equal(t, 1, k.Sockets(), "the one of changes is open")
		})
	})
}

// What is told of another table than main says so. Its number may be one that means
// something to Linux.
func TestPFWatchTables(t *testing.T) {
	for _, os := range []string{"freebsd", "openbsd"} {
		t.Run(os, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, pf, d := simulated(t, os)
				k.AddTable(254)
				take, stop := treetest.Follow(t, pf.Watch, func(r *Route) string {
					return fmt.Sprint(r.Dst, "/", string(pf.tables().Append(nil, r.Table)))
				})
				take()
				require.NoError(t, treetest.Write(d, "routes", "11.0.0.0/8 via 192.0.2.3\n"))
				assert.Equal(t, "+11.0.0.0/8/main", take())
				require.NoError(t, treetest.Write(d, "routes", "11.0.0.0/8 via 192.0.2.3 table 254\n"))
				assert.Equal(t, "+11.0.0.0/8/254", take())
				require.NoError(t, treetest.Write(d, "routes", "del 11.0.0.0/8 table main\n"))
				assert.Equal(t, "-11.0.0.0/8/main", take())
				stop()
			})
		})
	}
}

// A route that ends by itself: the seconds that are left are read, and can be written.
func TestPFExpires(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		synctest.Test(t, func(t *testing.T) {
			k, _, d := simulated(t, os)
			require.NoError(t, treetest.Write(d, "routes", "10.0.0.0/8 via 192.0.2.2 expires 60\n"))
			time.Sleep(10 * time.Second)
			const text = "dst=10.0.0.0/8 via=192.0.2.2 dev=eth0 proto=static expires=50\n"
			assert.Equal(t, text, treetest.Read(t, d, "routes"))
			before := k.Requests()
			time.Sleep(time.Second)
			require.NoError(t, treetest.Write(d, "routes", text))
			assert.Equal(t, before, k.Requests(), "it runs by itself")
			require.NoError(t, treetest.Write(d, "routes", "change 10.0.0.0/8 expires 0\n"))
			assert.Equal(t, "dst=10.0.0.0/8 via=192.0.2.2 dev=eth0 proto=static\n", treetest.Read(t, d, "routes"))
		})
	})
}
