package route

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

// A world is a namespace with a veth pair, and the page that shows it.
type world struct {
	*testing.T
	ns   *nltest.NS
	door treetest.Door
}

func newWorld(t *testing.T) *world {
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	p, err := New(c)
	require.NoError(t, err)
	root := p.Root
	root["v0"] = p.Link(fs.LinkID{Name: "v0"})
	w := &world{t, ns, treetest.Local(&fs.Tree{Root: root}, treetest.Root)}
	w.ip("link add v0 type veth peer name v1")
	for _, l := range []string{"v0", "v1"} {
		w.ip("link set " + l + " addrgenmode none")
		w.ip("link set " + l + " up")
	}
	w.ip("addr add 192.0.2.1/24 dev v0")
	w.ip("addr add 2001:db8::1/64 dev v0 nodad")
	return w
}

func (w *world) ip(line string) string {
	w.Helper()
	return w.ns.Run(w.T, "ip", strings.Fields(line)...)
}

func (w *world) read(path string) string {
	w.Helper()
	f, err := w.door.Open(path, fs.OpenRead)
	require.NoError(w, err)
	defer f.Close()
	var all []byte
	for b := make([]byte, 65536); ; {
		n, err := f.ReadAt(b, int64(len(all)))
		require.NoError(w, err)
		if n == 0 {
			return string(all)
		}
		all = append(all, b[:n]...)
	}
}

func (w *world) write(path, text string) error {
	w.Helper()
	f, err := w.door.Open(path, fs.OpenWrite)
	require.NoError(w, err)
	defer f.Close()
	_, err = f.WriteAt([]byte(text), 0)
	return err
}

func TestFirst(t *testing.T) {
	w := newWorld(t)
	fmt.Println(w.read("routes"))
	for _, l := range states {
		err := w.write("routes", l+"\n")
		fmt.Println(l, "->", err)
	}
	fmt.Println(w.read("routes"))
	fmt.Println(w.read("routes.json"))
	fmt.Println(w.ip("-d route"))
	fmt.Println(w.ip("-6 -d route"))
	_ = json.Valid
	_ = time.Now
	_ = assert.Equal
}

var states = []string{
	"add 10.0.0.0/8 via 192.0.2.2",
	"10.1.0.0/16 via inet6 fe80::2 dev v0 metric 7",
	"blackhole 11.0.0.0/8",
	"unreachable 2001:db8:b::/48 metric 77",
	"12.0.0.0/8 nexthop via 192.0.2.3 weight 2 nexthop via inet6 fe80::2 dev v0",
	"13.0.0.0/8 via 192.0.2.2 mtu lock 1400 advmss 1000 rtt 20ms rttvar 10ms rto_min 200ms window 1000 hoplimit 30 initcwnd 4 initrwnd 5 ssthresh 3 reordering 4 quickack 1 features ecn congctl reno cwnd lock 10 realm 3 tos 4",
	"dst=14.0.0.0/8 dev=v0 encap=ip encap.id=100 encap.dst=10.1.1.1 encap.ttl=7 encap.tos=0x1",
	"2001:db8:5::/48 dev v0 encap seg6 encap.mode encap encap.segs fc00::1,fc00::2",
	"2001:db8:6::/48 via fe80::1 dev v0 expires 300 pref high",
	"2001:db8:7::/48 nexthop via fe80::1 dev v0 nexthop via fe80::2 dev v0 weight 3",
	"15.0.0.0/8 dev v0 table 100",
	"throw 16.0.0.0/8 table 100",
	"default via 192.0.2.254",
	"default via 2001:db8::fe",
	"add 17.0.0.0/8 via 10.99.9.9",
	"add 17.0.0.0/8 via 192.0.2.5 dev nosuch",
	"fe80::/64 dev v0",
	"fe80::/64 dev v1",
	"append 18.0.0.0/8 via 192.0.2.6",
	"append 18.0.0.0/8 via 192.0.2.7",
}
