package tests

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/bsdtest"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/addr"
	"github.com/netfs-project/netfs/fs/host"
	"github.com/netfs-project/netfs/fs/link"
	"github.com/netfs-project/netfs/fs/neigh"
	"github.com/netfs-project/netfs/fs/treetest"
)

// A recorded kernel answers sysctls as a real one did.
type recorded struct {
	layout *bsd.Layout
	dumps  map[int][]byte // by the number of the sysctl
}

func (r *recorded) Layout() *bsd.Layout { return r.layout }

func (r *recorded) Socket(int, rtsock.Filter) (rtsock.Socket, error) { return nil, syscall.EPERM }

func (r *recorded) Tables() (int, error) { return 1, nil }

func (r *recorded) Sysctl(mib ...int) ([]byte, error) {
	if mib[1] != 0 && mib[1] != syscall.AF_INET {
		return nil, nil // of no other family there is a recording
	}
	b, ok := r.dumps[mib[2]]
	if !ok {
		return nil, syscall.EINVAL
	}
	return b, nil
}

func (r *recorded) Ioctl(*bsd.Request) error { return errors.ErrUnsupported }

func (r *recorded) Uptime() time.Duration { return 0 }

// What a NetBSD kernel told of its links, addresses and neighbours, as pages.
func TestRecordedNetBSD(t *testing.T) {
	l, err := bsd.Profile{OS: "netbsd", Version: 7}.Layout()
	require.NoError(t, err)
	k := &recorded{l, map[int][]byte{}}
	for d, file := range map[bsd.Dump]string{bsd.DumpLinks: "iflist-all.bin", bsd.DumpFlags: "llinfo-inet.bin"} {
		op, ok := l.Sysctl(d)
		require.True(t, ok)
		b, err := os.ReadFile(filepath.Join("../../shared/vectors/bsd/netbsd-rump", file))
		if err != nil {
			t.Skip("no captures of a NetBSD kernel: ", err)
		}
		k.dumps[op] = b
	}
	c := rtsock.New(k)
	root := fs.Dir{}
	for _, p := range []fs.Page{link.NewPF(c, nil), addr.NewPF(c), neigh.NewPF(c)} {
		for name, n := range p.Root {
			root[name] = n
		}
	}
	d := treetest.Local(&fs.Tree{Root: root}, treetest.Root)
	for file, want := range map[string]string{
		"links/ctl": `name=lo0 state=up mtu=33624 arp=1
name=shmif0 state=up mtu=1400 lladdr=b2:a0:37:52:d3:46 arp=1
name=tap0 state=down mtu=1500 lladdr=02:00:5e:00:53:02 arp=1
name=lo1 state=up mtu=33624 arp=1
name=gif0 state=down mtu=1280 arp=1
name=bridge0 type=bridge state=down mtu=1500 arp=1
name=tap1 state=down mtu=1500 lladdr=f2:0b:a4:c5:80:ee arp=1
name=shmif1 state=down mtu=1500 lladdr=b2:a0:2b:e9:21:4e arp=1
`,
		"addrs": `local=::1/128 dev=lo0 scope=host
local=fe80::1/64 dev=lo0 scope=link
local=127.0.0.1/8 dev=lo0 scope=host
local=fe80::b0a0:37ff:fe52:d346/64 dev=shmif0 scope=link
local=192.0.2.1/24 dev=shmif0 broadcast=192.0.2.255 scope=global
local=192.0.2.10/24 dev=shmif0 broadcast=192.0.2.255 scope=global
local=192.0.2.20/32 dev=shmif0 scope=global
local=198.18.7.33/28 dev=shmif0 broadcast=198.18.7.47 scope=global
local=172.20.16.5/20 dev=shmif0 broadcast=172.20.31.255 scope=global
local=2001:db8:1::1/64 dev=shmif0 scope=global
`,
		"neigh": `dst=192.0.2.2 dev=shmif0 lladdr=b2:a0:9a:5b:2f:cd
dst=192.0.2.50 dev=shmif0 lladdr=02:00:5e:00:53:50 nud=permanent
dst=192.0.2.51 dev=shmif0 proxy lladdr=02:00:5e:00:53:51
dst=192.0.2.99 dev=shmif0 nud=incomplete
`,
		"links/shmif0/status": "name=shmif0 state=up mtu=1400 lladdr=b2:a0:37:52:d3:46 arp=1 multicast=1 index=2 " +
			"flags=UP,BROADCAST,DEBUG,RUNNING,SIMPLEX,MULTICAST operstate=unknown link_type=ether\n",
		"links/shmif0/stats": "rx_bytes=1114 rx_packets=16 rx_errors=0 rx_dropped=0 multicast=12 tx_bytes=2042 tx_packets=39 tx_errors=0 collisions=0\n",
	} {
		assert.Equal(t, want, treetest.Read(t, d, file), file)
	}
}

// onPF runs a test with the whole tree of a simulated kernel of each system: eth0 has
// addresses, eth1 has none.
func onPF(t *testing.T, f func(t *testing.T, k *bsdtest.Kernel, d treetest.Door)) {
	for _, os := range bsd.Systems() {
		t.Run(os, func(t *testing.T) {
			l, err := bsd.Profile{OS: os}.Layout()
			require.NoError(t, err)
			k := bsdtest.New(l)
			n := k.AddLink("eth0", []byte{2, 0, 0, 0, 0, 1})
			k.AddAddr(n, netip.MustParsePrefix("192.0.2.1/24"))
			k.AddAddr(n, netip.MustParsePrefix("fe80::1/64"))
			k.AddLink("eth1", []byte{2, 0, 0, 0, 0, 2})
			c := rtsock.New(k)
			h, err := host.OpenPF(c)
			require.NoError(t, err)
			f(t, k, treetest.Local(h.Tree(), treetest.Root))
			require.NoError(t, h.Close())
			require.NoError(t, c.Close())
			assert.Zero(t, k.Sockets(), "sockets left open")
		})
	}
}

// furnishPF puts something in every table.
func furnishPF(t *testing.T, k *bsdtest.Kernel, d treetest.Door) {
	table := ""
	if k.Layout().Tables != bsd.OneTable {
		k.AddTable(3)
		table = " table 3"
	}
	require.NoError(t, treetest.Write(d, "routes", "default via 192.0.2.254\n10.0.0.0/8 via 192.0.2.2 mtu 1400"+table+
		"\nblackhole 11.0.0.0/8\n2001:db8::/48 via fe80::2 dev eth0\n2001:db8:1::/48 dev eth1\n"))
	require.NoError(t, treetest.Write(d, "neigh", "192.0.2.9 dev eth0 lladdr 02:00:00:00:00:09\n"))
	k.AddNeigh(2, netip.MustParseAddr("192.0.2.7"), []byte{2, 0, 0, 0, 0, 7})
}

// The laws of every tree hold.
func TestPFTree(t *testing.T) {
	onPF(t, func(t *testing.T, k *bsdtest.Kernel, d treetest.Door) {
		furnishPF(t, k, d)
		before := k.Requests()
		treetest.Check(t, d, treetest.Options{Write: true, Values: true, Moving: func(p string) bool { return p == "error" }})
		assert.Equal(t, before, k.Requests(), "what is so already was sent")
	})
}

func TestPFTranscripts(t *testing.T) {
	onPF(t, func(t *testing.T, k *bsdtest.Kernel, d treetest.Door) {
		treetest.RunOn(t, k.Layout().OS, d, "testdata/tree.txt")
	})
}

// What was saved restores what was deleted, through each file of a table that can be
// written.
func TestPFRestore(t *testing.T) {
	onPF(t, func(t *testing.T, k *bsdtest.Kernel, d treetest.Door) {
		furnishPF(t, k, d)
		require.NoError(t, treetest.Write(d, "neigh", "192.0.2.7 dev eth0 nud permanent\n"))
		for _, file := range []string{"routes", "neigh"} {
			for _, form := range []string{"", ".json"} {
				saved := treetest.Read(t, d, file+form)
				text := treetest.Read(t, d, file)
				require.NotEmpty(t, text)
				require.NoError(t, treetest.Write(d, file, "flush all\n"))
				require.Empty(t, treetest.Read(t, d, file))
				require.NoError(t, treetest.Write(d, file+form, saved))
				assert.Equal(t, text, treetest.Read(t, d, file), file+form)
			}
		}
	})
}
