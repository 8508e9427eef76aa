package rtsock_test

import (
	"net/netip"
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
