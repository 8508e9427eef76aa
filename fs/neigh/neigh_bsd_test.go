package neigh

import (
	"net/netip"
	"syscall"
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
	k.AddAddr(k.AddLink("eth0", []byte{2, 0, 0, 0, 1, 0}), netip.MustParsePrefix("192.0.2.254/24"))
	k.AddAddr(k.AddLink("eth1", []byte{2, 0, 0, 0, 1, 1}), netip.MustParsePrefix("fe80::ff/64"))
	c := rtsock.New(k)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	p := NewPF(c)
	p.Root["links"] = fs.Dir{"eth0": p.Link(fs.LinkID{Name: "eth0", Index: 2})}
	return k, newPF(c), treetest.Local(&fs.Tree{Root: p.Root}, treetest.Root)
}

func onEach(t *testing.T, f func(t *testing.T, os string)) {
	for _, os := range bsd.Systems() {
		t.Run(os, func(t *testing.T) { f(t, os) })
	}
}

func TestPFTranscripts(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		treetest.RunAllOn(t, os, "testdata/*.txt", func(t *testing.T) treetest.Door { _, _, d := simulated(t, os); return d })
	})
}

// What was learnt has no state that the kernel tells; what has no answer is incomplete,
// and this host is no neighbour of its own.
func TestPFLearnt(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, _, d := simulated(t, os)
		k.AddNeigh(2, netip.MustParseAddr("192.0.2.7"), []byte{2, 0, 0, 0, 0, 7})
		k.AddNeigh(2, netip.MustParseAddr("192.0.2.8"), nil)
		k.AddNeigh(2, netip.MustParseAddr("192.0.2.254"), []byte{2, 0, 0, 0, 1, 0})
		k.AddNeigh(3, netip.MustParseAddr("fe80::7"), []byte{2, 0, 0, 0, 0, 7})
		const text = "dst=192.0.2.7 dev=eth0 lladdr=02:00:00:00:00:07\n" +
			"dst=192.0.2.8 dev=eth0 nud=incomplete\n" +
			"dst=fe80::7 dev=eth1 lladdr=02:00:00:00:00:07\n"
		assert.Equal(t, text, treetest.Read(t, d, "neigh"))
		assert.Equal(t, "dst=192.0.2.254 dev=eth0 lladdr=02:00:00:00:01:00 nud=noarp\n", treetest.Read(t, d, "neigh,nud=noarp"))

		before := k.Requests()
		require.NoError(t, treetest.Write(d, "neigh", text))
		assert.Equal(t, before, k.Requests(), "what is so already was sent")

		require.NoError(t, treetest.Write(d, "neigh", "192.0.2.7 dev eth0 nud permanent\n192.0.2.8 dev eth0 lladdr 02:00:00:00:00:08\ndel fe80::7 dev eth1\n"))
		assert.Equal(t, "dst=192.0.2.7 dev=eth0 lladdr=02:00:00:00:00:07 nud=permanent\n"+
			"dst=192.0.2.8 dev=eth0 lladdr=02:00:00:00:00:08 nud=permanent\n", treetest.Read(t, d, "neigh"))
		saved := treetest.Read(t, d, "neigh")
		require.NoError(t, treetest.Write(d, "neigh", "flush all\n"))
		assert.Empty(t, treetest.Read(t, d, "neigh"))
		require.NoError(t, treetest.Write(d, "neigh", saved))
		assert.Equal(t, saved, treetest.Read(t, d, "neigh"))
	})
}

func TestPFRefused(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, _, d := simulated(t, os)
		k.Refuse(syscall.EPERM)
		assert.ErrorIs(t, treetest.Write(d, "neigh", "192.0.2.9 dev eth0 lladdr 02:00:00:00:00:09\n"), syscall.EPERM)
		assert.Empty(t, treetest.Read(t, d, "neigh"))
	})
}

func TestPFWatch(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		synctest.Test(t, func(t *testing.T) {
			k, pf, d := simulated(t, os)
			take, stop := treetest.Follow(t, pf.Watch, func(r *Neigh) string { return r.Dst.String() })
			assert.Equal(t, "begin end", take())
			require.NoError(t, treetest.Write(d, "neigh", "192.0.2.9 dev eth0 lladdr 02:00:00:00:00:09\n"))
			assert.Equal(t, "begin +192.0.2.9 end", take())
			k.AddNeigh(2, netip.MustParseAddr("192.0.2.7"), []byte{2, 0, 0, 0, 0, 7})
			want := "begin +192.0.2.9 +192.0.2.7 end"
			if os == "freebsd" { // which tells nobody
				want = ""
			}
			assert.Equal(t, want, take())
			require.NoError(t, treetest.Write(d, "neigh", "del 192.0.2.9 dev eth0\n"))
			assert.Equal(t, "begin +192.0.2.7 end", take())
			k.Lose()
			assert.Equal(t, "lost begin +192.0.2.7 end", take())
			stop()
			assert.Equal(t, 1, k.Sockets(), "the one of changes is open")
		})
	})
}

// A link of OpenBSD in another routing domain has its neighbours there.
func TestPFDomains(t *testing.T) {
	k, _, d := simulated(t, "openbsd")
	k.AddTable(5)
	k.SetLink(3, func(l *bsdtest.Link) { l.Domain = 5 })
	k.AddNeigh(2, netip.MustParseAddr("192.0.2.7"), []byte{2, 0, 0, 0, 0, 7})
	k.AddNeigh(3, netip.MustParseAddr("192.0.2.7"), []byte{2, 0, 0, 0, 0, 8})
	require.NoError(t, treetest.Write(d, "neigh", "add 192.0.2.9 dev eth1 lladdr 02:00:00:00:00:09\n"))
	assert.Equal(t, "dst=192.0.2.7 dev=eth0 lladdr=02:00:00:00:00:07\n"+
		"dst=192.0.2.7 dev=eth1 lladdr=02:00:00:00:00:08\n"+
		"dst=192.0.2.9 dev=eth1 lladdr=02:00:00:00:00:09 nud=permanent\n", treetest.Read(t, d, "neigh"))
	require.NoError(t, treetest.Write(d, "neigh", "del 192.0.2.9 dev eth1\ndel 192.0.2.7 dev eth1\n"))
	assert.Equal(t, "dst=192.0.2.7 dev=eth0 lladdr=02:00:00:00:00:07\n", treetest.Read(t, d, "neigh"))
}
