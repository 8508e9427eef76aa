package tests

import (
	"testing"

	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl/nltest"
)

// The transcript that runs on the simulated kernels of the BSDs, on this one.
func TestTreeTranscript(t *testing.T) {
	r := &rig{NS: nltest.NewNS(t), t: t}
	r.ip("link add eth0 address 02:00:00:00:00:01 type veth peer name eth1 address 02:00:00:00:00:02")
	r.ip("link set eth0 up")
	r.ip("link set eth1 up")
	r.ip("addr add 192.0.2.1/24 dev eth0")
	r.open()
	treetest.Run(t, treetest.Local(r.tree, root), "testdata/tree.txt")
}
