package link

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	k.AddLink("eth0", []byte{2, 0, 0, 0, 0, 1})
	c := rtsock.New(k)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return k, newPF(c), treetest.Local(&fs.Tree{Root: NewPF(c, nil).Root}, treetest.Root)
}

func onEach(t *testing.T, f func(t *testing.T, os string)) {
	for _, os := range bsd.Systems() {
		t.Run(os, func(t *testing.T) { f(t, os) })
	}
}

func TestPFTranscripts(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		door := func(t *testing.T) treetest.Door { _, _, d := simulated(t, os); return d }
		treetest.RunAllOn(t, os, "testdata/*.txt", door)
		treetest.RunAllOn(t, os, "testdata/bsd/*.txt", door)
	})
}

// The state of a link, where the system tells it: Darwin does not.
func TestPFCarrier(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, pf, _ := simulated(t, os)
		down, up, known := uint64(1), uint64(2), os != "darwin"
		if os == "openbsd" {
			down, up = 2, 4
		}
		set := func(change func(*bsdtest.Link)) *Link {
			k.SetLink(2, change)
			l, err := pf.Link(t.Context(), "eth0")
			require.NoError(t, err)
			return l
		}
		l := set(func(l *bsdtest.Link) { l.State, l.MTU = up, 9000 })
		assert.EqualValues(t, 9000, l.MTU)
		assert.Equal(t, known, l.hasCarrier)
		assert.Equal(t, known, l.Carrier)
		if !known {
			assert.Equal(t, "unknown", l.OperState)
		} else {
			assert.Equal(t, "up", l.OperState)
			l = set(func(l *bsdtest.Link) { l.State = down })
			assert.True(t, l.hasCarrier)
			assert.False(t, l.Carrier)
			assert.Equal(t, "down", l.OperState)
		}
		l = set(func(l *bsdtest.Link) { l.State, l.Flags = up, 0 })
		assert.False(t, l.Up)
		assert.Equal(t, "down", l.OperState)
	})
}

// Counters have 64 bits, on Darwin too.
func TestPFStats(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, pf, d := simulated(t, os)
		k.SetLink(2, func(l *bsdtest.Link) { l.InPackets, l.OutBytes = 7, 1<<40 })
		text := treetest.Read(t, d, "links/eth0/stats")
		assert.Contains(t, text, "rx_packets=7 ")
		assert.Contains(t, text, "tx_bytes=1099511627776 ")
		assert.Equal(t, os != "netbsd" && os != "darwin", strings.Contains(text, "tx_dropped="))
		_, err := pf.Stats(t.Context(), 9)
		assert.ErrorIs(t, err, fs.ErrNotExist)
	})
}

// What is read can be written: it sends nothing, and restores what was taken away.
func TestPFRoundTrip(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, _, d := simulated(t, os)
		require.NoError(t, treetest.Write(d, "links/ctl", `add tap1 type tap mtu 1400
add bridge1 type bridge up
change tap1 master bridge1
change eth0 master bridge1
add vlan5 type vlan link eth0 id 5 mtu 1200
`))
		text := treetest.Read(t, d, "links/ctl")
		k.Ioctls()
		require.NoError(t, treetest.Write(d, "links/ctl", text))
		require.NoError(t, treetest.Write(d, "links/ctl.json", treetest.Read(t, d, "links/ctl.json")))
		assert.Empty(t, k.Ioctls(), "a line that is so already was sent")
		require.NoError(t, treetest.Write(d, "links/ctl", "del tap1\ndel bridge1\ndel vlan5\neth0 mtu 1300 down\n"))
		require.NoError(t, treetest.Write(d, "links/ctl", text))
		sorted := func(s string) []string { l := strings.Split(s, "\n"); slices.Sort(l); return l }
		assert.Equal(t, sorted(text), sorted(treetest.Read(t, d, "links/ctl")))
	})
}

// Names are given where they can be.
func TestPFRename(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		_, _, d := simulated(t, os)
		err := treetest.Write(d, "links/ctl", "rename eth0 wan\n")
		if os != "freebsd" && os != "dragonfly" {
			assert.ErrorIs(t, err, errors.ErrUnsupported)
			assert.ErrorContains(t, err, "names for life")
			assert.ErrorContains(t, treetest.Write(d, "links/ctl", "add lan type bridge\n"), "bridge and a number")
			return
		}
		require.NoError(t, err)
		require.NoError(t, treetest.Write(d, "links/ctl", "add lan type bridge mtu 1400 up\nwan master lan\nadd v5 type vlan link wan id 5\n"))
		assert.Equal(t, "lo0\tlo\t\t\nlan\tbridge\t\t\nwan\t\tlan\t\nv5\tvlan\t\twan\n", treetest.Read(t, d, "links/list,name,type,master,link"))
		assert.ErrorIs(t, treetest.Write(d, "links/ctl", "add wan type bridge\n"), fs.ErrExist)
		assert.Equal(t, "lo0\nlan\nwan\nv5\n", treetest.Read(t, d, "links/list,name"), "the new one is gone")
	})
}

// Promiscuous mode is the kernel's own but where there is a flag to ask for it.
func TestPFPromisc(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		_, _, d := simulated(t, os)
		err := treetest.Write(d, "links/eth0/ctl", "change promisc on\n")
		if os != "freebsd" && os != "dragonfly" {
			assert.ErrorContains(t, err, "read-only")
			return
		}
		require.NoError(t, err)
		assert.Equal(t, "1\n", treetest.Read(t, d, "links/eth0/promisc"))
		require.NoError(t, treetest.Write(d, "links/eth0/ctl", "nopromisc\n"))
		assert.Equal(t, "0\n", treetest.Read(t, d, "links/eth0/promisc"))
	})
}

// Each request that fails leaves the link as it was.
func TestPFTakenBack(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, _, d := simulated(t, os)
		require.NoError(t, treetest.Write(d, "links/ctl", "add bridge1\n"))
		text := treetest.Read(t, d, "links/ctl")
		lladdr := bsd.SetLLAddr
		if os == "netbsd" {
			lladdr = bsd.AddLLAddr
		}
		for _, op := range []bsd.Ioctl{bsd.SetMTU, lladdr, bsd.AddMember, bsd.SetFlags} {
			k.Fail(op, syscall.EPERM)
			err := treetest.Write(d, "links/ctl", "change eth0 mtu 1400 lladdr 02:00:00:00:00:77 master bridge1 arp off\n")
			assert.ErrorIs(t, err, syscall.EPERM)
			k.Fail(op, 0)
			assert.Equal(t, text, treetest.Read(t, d, "links/ctl"))
		}
		k.Fail(bsd.SetMTU, syscall.EPERM)
		assert.ErrorIs(t, treetest.Write(d, "links/ctl", "add bridge2 type bridge mtu 1400\n"), syscall.EPERM)
		k.Fail(bsd.Cloners, syscall.EPERM)
		assert.NotContains(t, treetest.Read(t, d, "links/ctl"), "bridge2")
		k.Fail(bsd.Cloners, syscall.EIO)
		_, err := newestLink(k)
		assert.ErrorIs(t, err, syscall.EIO)
	})
}

func newestLink(k *bsdtest.Kernel) (*Link, error) {
	c := rtsock.New(k)
	defer c.Close()
	return newPF(c).Link(context.Background(), "eth0")
}

func TestPFWatch(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		synctest.Test(t, func(t *testing.T) {
			k, pf, _ := simulated(t, os)
			take, stop := treetest.Follow(t, pf.Watch, func(r *Link) string { return r.Name + upDown(r.Up) })
			assert.Equal(t, "begin +lo0up +eth0up end", take())
			k.SetLink(2, func(l *bsdtest.Link) { l.Flags = 0 })
			assert.Equal(t, "begin +lo0up +eth0down end", take())
			k.AddLink("em1", []byte{2, 0, 0, 0, 0, 2})
			assert.True(t, strings.HasSuffix(take(), "begin +lo0up +eth0down +em1up end"))
			k.Lose()
			assert.Equal(t, "lost begin +lo0up +eth0down +em1up end", take())
			stop()
			assert.Zero(t, k.Sockets())
		})
	})
}
