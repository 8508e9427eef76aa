package addr

import (
	"net/netip"
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
	k.AddAddr(1, netip.MustParsePrefix("::1/128"))
	n := k.AddLink("em0", []byte{2, 0, 0, 0, 0, 1})
	k.AddAddr(n, netip.MustParsePrefix("192.0.2.1/24"))
	k.AddAddr(n, netip.MustParsePrefix("fe80::ff/64"))
	n = k.AddLink("tun0", nil)
	k.AddPeer(n, netip.MustParsePrefix("198.51.100.1/32"), netip.MustParseAddr("198.51.100.2"))
	c := rtsock.New(k)
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	p := NewPF(c)
	p.Root["links"] = fs.Dir{"em0": p.Link(fs.LinkID{Name: "em0", Index: 2})}
	return k, newPF(c), treetest.Local(&fs.Tree{Root: p.Root}, treetest.Root)
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
		synctest.Test(t, func(t *testing.T) { // lifetimes run
			k, _, d := simulated(t, os)
			require.NoError(t, treetest.Write(d, "addrs", `2001:db8::1/64 dev em0 valid_lft 3600 preferred_lft 1800
192.0.2.9/24 dev em0 broadcast 192.0.2.200
fe80::1/128 dev tun0 peer fe80::2/128
`))
			text := treetest.Read(t, d, "addrs")
			k.Ioctls()
			require.NoError(t, treetest.Write(d, "addrs", text))
			require.NoError(t, treetest.Write(d, "addrs.json", treetest.Read(t, d, "addrs.json")))
			assert.Empty(t, k.Ioctls(), "a line that is so already was sent")
			require.NoError(t, treetest.Write(d, "addrs", "flush all\n"))
			require.Empty(t, treetest.Read(t, d, "addrs"))
			require.NoError(t, treetest.Write(d, "addrs", text))
			sorted := func(s string) []string { l := strings.Split(s, "\n"); slices.Sort(l); return l }
			assert.Equal(t, sorted(text), sorted(treetest.Read(t, d, "addrs")))
		})
	})
}

// What a kernel refuses is told with its own reason, and nothing is lost.
func TestPFRefused(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, _, d := simulated(t, os)
		text := treetest.Read(t, d, "addrs")
		for _, c := range []struct {
			op   bsd.Ioctl
			line string
		}{
			{bsd.AddAddr, "add 192.0.2.9/24 dev em0\n"}, {bsd.AddAddr6, "add 2001:db8::9/64 dev em0\n"}, {bsd.DelAddr, "del 192.0.2.1/24 dev em0\n"},
			{bsd.DelAddr6, "del fe80::ff/64 dev em0\n"}, {bsd.AddAddr, "192.0.2.1/24 dev em0 broadcast 192.0.2.9\n"},
		} {
			k.Fail(c.op, syscall.EPERM)
			err := treetest.Write(d, "addrs", c.line)
			assert.ErrorIs(t, err, syscall.EPERM, c.line)
			assert.ErrorContains(t, err, "operation not permitted", c.line)
			k.Fail(c.op, 0)
		}
		assert.Equal(t, text, treetest.Read(t, d, "addrs"))
		err := treetest.Write(d, "addrs", "add 2001:db8::9/64 dev em0 nodad\n")
		if os == "openbsd" {
			assert.ErrorContains(t, err, "nodad")
		} else {
			assert.NoError(t, err)
		}
	})
}

// A kernel that does not tell lifetimes: they are not shown.
func TestPFNoState(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		k, pf, d := simulated(t, os)
		k.Fail(bsd.GetAddrLifetime6, syscall.EADDRNOTAVAIL)
		assert.Contains(t, treetest.Read(t, d, "addrs"), "local=fe80::ff/64 dev=em0 scope=link\n")
		k.Fail(bsd.GetAddrLifetime6, syscall.EIO)
		var last error
		for _, err := range pf.Addrs(t.Context(), "") {
			last = err
		}
		assert.ErrorIs(t, last, syscall.EIO)
	})
}

// The flags that NetBSD and DragonFly tell.
func TestPFFlags(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		_, k, _ := simulated(t, os)
		assert.EqualValues(t, Tentative|Deprecated, k.flags(0x12, true))
		want := uint32(0)
		if os == "netbsd" {
			want = DADFailed
		}
		assert.Equal(t, want, k.flags(0x02, false))
	})
}

func TestPFWatch(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		synctest.Test(t, func(t *testing.T) {
			k, pf, _ := simulated(t, os)
			take, stop := treetest.Follow(t, pf.Watch, func(r *Addr) string { return r.Local.String() })
			const first, last = "begin +::1/128 +192.0.2.1/24 +fe80::ff/64", " +198.51.100.1/32 end"
			assert.Equal(t, first+last, take())
			k.AddAddr(2, netip.MustParsePrefix("2001:db8::1/64"))
			assert.Equal(t, first+" +2001:db8::1/64"+last, take())
			k.DelAddr(2, netip.MustParsePrefix("2001:db8::1/64"))
			assert.Equal(t, first+last, take())
			k.Lose()
			assert.Equal(t, "lost "+first+last, take())
			stop()
			assert.Zero(t, k.Sockets())
		})
	})
}

// The transcript of Linux: eth0 is Ethernet, eth1 leads to one other end.
func TestPFShared(t *testing.T) {
	onEach(t, func(t *testing.T, os string) {
		treetest.RunAllOn(t, os, "testdata/*.txt", func(t *testing.T) treetest.Door {
			l, err := bsd.Profile{OS: os}.Layout()
			require.NoError(t, err)
			k := bsdtest.New(l)
			k.AddLink("eth0", []byte{2, 0, 0, 0, 0, 1})
			k.AddLink("eth1", nil)
			p := NewPF(rtsock.New(k))
			p.Root["links"] = fs.Dir{"eth0": p.Link(fs.LinkID{Name: "eth0", Index: 2})}
			return treetest.Local(&fs.Tree{Root: p.Root}, treetest.Root)
		})
	})
}
