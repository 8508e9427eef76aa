package rtsock_test

import (
	"errors"
	"net/netip"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/bsdtest"
	"github.com/netfs-project/netfs/bsd/rtsock"
)

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// addresses reads those of a link: prefix and broadcast address or other end.
func addresses(t *testing.T, c *rtsock.Client, link uint16) map[string]string {
	t.Helper()
	l := c.Layout()
	all := map[string]string{}
	for m, err := range c.Dump(t.Context(), rtsock.Query{Dump: bsd.DumpLinks}) {
		require.NoError(t, err)
		if a, ok := m.(*bsd.AddrMsg); ok && a.Index == link {
			p, ok := l.Prefix(&a.Header)
			require.True(t, ok)
			other := ""
			if b := l.Addr(a.At(bsd.RTAX_BRD)); b.IsValid() {
				other = b.String()
			}
			all[p.String()] = other
		}
	}
	return all
}

func TestAddresses(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		synctest.Test(t, func(t *testing.T) {
			set := func(a rtsock.Address) error {
				a.Link, a.Index = "em0", 2
				return c.SetAddr(&a)
			}
			require.NoError(t, set(rtsock.Address{Prefix: prefix("198.51.100.7/25")}))
			require.NoError(t, set(rtsock.Address{Prefix: prefix("198.51.100.200/25"), Broadcast: netip.MustParseAddr("198.51.100.254")}))
			require.NoError(t, set(rtsock.Address{Prefix: prefix("2001:db8::1/64"), Valid: 600, Preferred: 300, Flags: bsd.IN6_IFF_NODAD}))
			require.NoError(t, set(rtsock.Address{Prefix: prefix("fe80::77/64"), Valid: bsd.Forever, Preferred: bsd.Forever}))
			assert.Equal(t, map[string]string{"192.0.2.1/24": "192.0.2.255", "fe80::2/64": "", "198.51.100.7/25": "198.51.100.127",
				"198.51.100.200/25": "198.51.100.254", "2001:db8::1/64": "", "fe80::77/64": ""}, addresses(t, c, 2))

			time.Sleep(100 * time.Second)
			a := rtsock.Address{Link: "em0", Index: 2, Prefix: prefix("2001:db8::1/64")}
			require.NoError(t, c.AddrState(&a))
			assert.EqualValues(t, 500, a.Valid)
			assert.EqualValues(t, 200, a.Preferred)
			require.NoError(t, set(rtsock.Address{Prefix: prefix("2001:db8::1/64"), Valid: 900, Preferred: 800}), "changed")
			require.NoError(t, c.AddrState(&a))
			assert.EqualValues(t, 900, a.Valid)
			a.Prefix = prefix("fe80::77/64")
			require.NoError(t, c.AddrState(&a))
			assert.Equal(t, uint32(bsd.Forever), a.Valid)

			err := set(rtsock.Address{Prefix: prefix("2001:db8::1/64"), Valid: 1, Preferred: 2})
			assert.ErrorIs(t, err, syscall.EINVAL)
			assert.EqualError(t, err, "SIOCAIFADDR_IN6 em0: invalid argument")
			for p := range addresses(t, c, 2) {
				a.Prefix = prefix(p)
				require.NoError(t, c.DelAddr(&a), p)
			}
			assert.Empty(t, addresses(t, c, 2))
			assert.ErrorIs(t, c.DelAddr(&a), syscall.EADDRNOTAVAIL)
			assert.ErrorIs(t, c.AddrState(&a), syscall.EADDRNOTAVAIL)
			a.Link = "em9"
			assert.ErrorIs(t, c.SetAddr(&a), syscall.ENXIO)
			a.Link = "a-name-that-is-too-long"
			assert.ErrorContains(t, c.SetAddr(&a), "longer than 15 bytes")
			require.NoError(t, c.Close())
		})
	})
}

func TestPeer(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		n := k.AddLink("tun0", nil)
		require.NoError(t, c.SetAddr(&rtsock.Address{Link: "tun0", Index: n, Prefix: prefix("10.0.0.1/32"), Peer: netip.MustParseAddr("10.0.0.2")}))
		require.NoError(t, c.SetAddr(&rtsock.Address{Link: "tun0", Index: n, Prefix: prefix("fe80::1/128"), Peer: netip.MustParseAddr("fe80::2"),
			Valid: bsd.Forever, Preferred: bsd.Forever}))
		got := addresses(t, c, n)
		assert.Equal(t, "10.0.0.2", got["10.0.0.1/32"])
		assert.Contains(t, got["fe80::1/128"], "fe80::2%")
	})
}

func TestLinkRequests(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		l := c.Layout()
		link := func() (flags uint32, mtu uint64, addr []byte) {
			for m, err := range c.Dump(t.Context(), rtsock.Query{Dump: bsd.DumpLinks}) {
				require.NoError(t, err)
				if m, ok := m.(*bsd.LinkMsg); ok && m.Index == 2 {
					d, _ := l.Link(m.At(bsd.RTAX_IFP))
					return m.Flags, m.Data.MTU, append([]byte(nil), d.Addr...)
				}
			}
			return
		}
		before, _, _ := link()
		require.NoError(t, c.SetFlags("em0", 0, l.IFF("up")))
		flags, _, _ := link()
		assert.Equal(t, before&^l.IFF("up"), flags)
		require.NoError(t, c.SetFlags("em0", l.IFF("up"), 0))
		require.NoError(t, c.SetFlags("em0", l.IFF("up"), 0))
		flags, _, _ = link()
		assert.Equal(t, before, flags)
		require.NoError(t, c.SetMTU("em0", 9000))
		assert.ErrorIs(t, c.SetMTU("em0", 1), syscall.EINVAL)
		require.NoError(t, c.SetLLAddr("em0", 2, []byte{2, 0, 0, 0, 0, 9}, []byte{2, 0, 0, 0, 0, 1}))
		_, mtu, addr := link()
		assert.EqualValues(t, 9000, mtu)
		assert.Equal(t, []byte{2, 0, 0, 0, 0, 9}, addr)
		assert.ErrorIs(t, c.SetLLAddr("lo0", 1, addr, nil), syscall.EINVAL)
		assert.EqualError(t, c.SetMTU("em7", 1400), "SIOCSIFMTU em7: "+syscall.ENXIO.Error())
		k.Fail(bsd.SetFlags, syscall.EPERM)
		assert.ErrorIs(t, c.SetFlags("em0", 0, l.IFF("up")), syscall.EPERM)
	})
}

// names lists the links.
func names(t *testing.T, c *rtsock.Client) (all []string) {
	t.Helper()
	for m, err := range c.Dump(t.Context(), rtsock.Query{Dump: bsd.DumpLinks}) {
		require.NoError(t, err)
		if m, ok := m.(*bsd.LinkMsg); ok {
			d, _ := c.Layout().Link(m.At(bsd.RTAX_IFP))
			all = append(all, d.Name)
		}
	}
	return all
}

func TestClones(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		os := c.Layout().OS
		kinds, err := c.Cloners()
		require.NoError(t, err)
		assert.Equal(t, []string{"vlan", "bridge", "lo", "tap"}, kinds)
		name, err := c.Create("bridge5")
		require.NoError(t, err)
		assert.Equal(t, "bridge5", name)
		_, err = c.Create("bridge5")
		assert.ErrorIs(t, err, syscall.EEXIST)
		_, err = c.Create("carrot0")
		assert.ErrorIs(t, err, syscall.EINVAL)
		name, err = c.Create("lo")
		if os == "openbsd" || os == "netbsd" {
			assert.ErrorIs(t, err, syscall.EINVAL)
		} else {
			require.NoError(t, err)
			assert.Equal(t, "lo1", name)
			require.NoError(t, c.Destroy("lo1"))
		}
		err = c.Rename("bridge5", "lan")
		if os == "freebsd" || os == "dragonfly" {
			require.NoError(t, err)
			assert.Equal(t, []string{"lo0", "em0", "lan"}, names(t, c))
			assert.ErrorIs(t, c.Rename("lan", "em0"), syscall.EEXIST)
			require.NoError(t, c.Rename("lan", "bridge5"))
		} else {
			assert.ErrorIs(t, err, errors.ErrUnsupported)
			assert.ErrorContains(t, err, "bridge5")
		}
		require.NoError(t, c.Destroy("bridge5"))
		assert.Equal(t, []string{"lo0", "em0"}, names(t, c))
		assert.ErrorIs(t, c.Destroy("em0"), syscall.EINVAL)
		assert.ErrorIs(t, c.Destroy("bridge5"), syscall.ENXIO)
	})
}

func TestVLAN(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		k.AddLink("em1", []byte{2, 0, 0, 0, 0, 2})
		_, err := c.Create("vlan7")
		require.NoError(t, err)
		is := func(want rtsock.VLAN) {
			t.Helper()
			v, err := c.VLAN("vlan7")
			require.NoError(t, err)
			assert.Equal(t, want, rtsock.VLAN{Parent: v.Parent, ID: v.ID})
		}
		is(rtsock.VLAN{})
		require.NoError(t, c.SetVLAN("vlan7", rtsock.VLAN{Parent: "em0", ID: 7}))
		is(rtsock.VLAN{Parent: "em0", ID: 7})
		require.NoError(t, c.SetVLAN("vlan7", rtsock.VLAN{Parent: "em1", ID: 8}))
		is(rtsock.VLAN{Parent: "em1", ID: 8})
		k.Ioctls()
		require.NoError(t, c.SetVLAN("vlan7", rtsock.VLAN{Parent: "em1", ID: 8}))
		assert.Empty(t, k.Ioctls())
		assert.Error(t, c.SetVLAN("vlan7", rtsock.VLAN{Parent: "em9", ID: 9}))
		is(rtsock.VLAN{Parent: "em1", ID: 8})
		assert.ErrorIs(t, c.SetVLAN("vlan7", rtsock.VLAN{Parent: "em0", ID: 4095}), syscall.EINVAL)
		is(rtsock.VLAN{Parent: "em1", ID: 8})
		require.NoError(t, c.SetVLAN("vlan7", rtsock.VLAN{}))
		is(rtsock.VLAN{})
		_, err = c.VLAN("em0")
		assert.ErrorIs(t, err, syscall.ENOTTY)
	})
}

func TestMembers(t *testing.T) {
	onAll(t, func(t *testing.T, k *bsdtest.Kernel, c *rtsock.Client) {
		_, err := c.Create("bridge0")
		require.NoError(t, err)
		want := []string{"em0"}
		for i := range 70 {
			name := "tap" + strconv.Itoa(i)
			_, err := c.Create(name)
			require.NoError(t, err)
			want = append(want, name)
		}
		for _, name := range want {
			require.NoError(t, c.AddMember("bridge0", name))
		}
		got, err := c.Members("bridge0")
		require.NoError(t, err)
		assert.Equal(t, want, got, "more than are asked for at first")
		assert.ErrorIs(t, c.AddMember("bridge0", "em0"), syscall.EBUSY)
		assert.ErrorIs(t, c.AddMember("bridge0", "em9"), syscall.ENOENT)
		require.NoError(t, c.DelMember("bridge0", "em0"))
		assert.ErrorIs(t, c.DelMember("bridge0", "em0"), syscall.ENOENT)
		assert.Error(t, c.AddMember("em0", "tap1"))
	})
}
