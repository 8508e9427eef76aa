package link

import (
	"errors"
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
	k.AddLink("em0", []byte{2, 0, 0, 0, 0, 1})
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
		treetest.RunAll(t, "testdata/bsd/*.txt", func(t *testing.T) treetest.Door { _, _, d := simulated(t, os); return d })
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
			l, err := pf.Link(t.Context(), "em0")
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
		text := treetest.Read(t, d, "links/em0/stats")
		assert.Contains(t, text, "rx_packets=7 ")
		assert.Contains(t, text, "tx_bytes=1099511627776 ")
		assert.Equal(t, os != "netbsd" && os != "darwin", strings.Contains(text, "tx_dropped="))
		_, err := pf.Stats(t.Context(), 9)
		assert.ErrorIs(t, err, fs.ErrNotExist)
	})
}

// What is so already can be written; what is not is refused, and says why.
func TestPFReadOnly(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		_, _, d := simulated(t, os)
		for _, line := range []string{"em0 mtu 1400\n", "del em0\n", "add em7\n", "down em0\n", "rename em0 em1\n"} {
			err := treetest.Write(d, "links/ctl", line)
			assert.ErrorIs(t, err, errors.ErrUnsupported, line)
			assert.ErrorContains(t, err, "only reads links", line)
		}
		assert.NoError(t, treetest.Write(d, "links/ctl", "em0 mtu 1500 up\n"))
	})
}

func TestPFWatch(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		synctest.Test(t, func(t *testing.T) {
			k, pf, _ := simulated(t, os)
			take, stop := treetest.Follow(t, pf.Watch, func(r *Link) string { return r.Name + upDown(r.Up) })
			assert.Equal(t, "begin +lo0up +em0up end", take())
			k.SetLink(2, func(l *bsdtest.Link) { l.Flags = 0 })
			assert.Equal(t, "begin +lo0up +em0down end", take())
			k.AddLink("em1", []byte{2, 0, 0, 0, 0, 2})
			assert.True(t, strings.HasSuffix(take(), "begin +lo0up +em0down +em1up end"))
			k.Lose()
			assert.Equal(t, "lost begin +lo0up +em0down +em1up end", take())
			stop()
			assert.Zero(t, k.Sockets())
		})
	})
}
