package rtsock

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/bsd"
)

// The numbers that a filter gives the kernel: RTM_IFINFO and RTM_IFANNOUNCE (net/route.h).
func TestFilterTypes(t *testing.T) {
	f := Filter{Ops: []bsd.Op{bsd.OpLink, bsd.OpAnnounce}}
	for os, want := range map[string][]uint8{
		"freebsd": {0xe, 0x11}, "openbsd": {0xe, 0xf}, "netbsd": {0x10, 0x14}, "dragonfly": {0xe, 0x11}, "darwin": {0xe, 0x12},
	} {
		l, err := bsd.Profile{OS: os}.Layout()
		require.NoError(t, err)
		got := f.types(l)
		slices.Sort(got)
		assert.Equal(t, want, got, os)
		var mask uint32
		for _, n := range want {
			mask |= 1 << n
		}
		assert.Equal(t, mask, f.mask(l), os)
		assert.Zero(t, (&Filter{}).mask(l), "all")
		assert.Nil(t, (&Filter{}).types(l), "all")
	}
}

func TestGauge(t *testing.T) {
	g := gauge{room: 1000}
	for _, c := range []struct {
		pending int
		loss    bool
	}{{0, false}, {200, false}, {0, false}, {900, false}, {300, false}, {100, false}, {0, true}, {0, false}, {251, false}, {0, true}} {
		assert.Equal(t, c.loss, g.loss(c.pending), "%d", c.pending)
	}
}
