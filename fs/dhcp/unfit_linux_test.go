package dhcp

import (
	"context"
	"errors"
	"testing"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestUnfit(t *testing.T) {
	require.Empty(t, unfit(unix.ARPHRD_ETHER, 6))
	require.Equal(t, "hardware addresses of 8 bytes", unfit(unix.ARPHRD_ETHER, 8))
	require.Equal(t, "InfiniBand, for which DHCP (RFC 4390) is not done", unfit(unix.ARPHRD_INFINIBAND, 20))
	require.Equal(t, "PPP, whose peer gives the addresses", unfit(unix.ARPHRD_PPP, 0))
	for _, tunnel := range []uint16{unix.ARPHRD_TUNNEL, unix.ARPHRD_SIT, unix.ARPHRD_IPGRE} {
		require.Equal(t, "a tunnel", unfit(tunnel, 4))
	}
	require.Equal(t, "type 824", unfit(unix.ARPHRD_NETLINK, 0))
}

// Links of this kernel that are no Ethernet, each refused in words; those that it has not are
// left out by name. The modules of tunnels give each namespace a link, which other tests would meet.
func TestUnfitLinks(t *testing.T) {
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	for _, l := range []struct {
		name, want string
		add        []string
	}{
		{"lo", "lo: not an Ethernet link: the loopback, where no server is", nil},
		{"tun0", "tun0: not an Ethernet link: a link without hardware addresses, such as a tun device or WireGuard", []string{"tuntap", "add", "tun0", "mode", "tun"}},
		{"wg0", "wg0: not an Ethernet link: a link without hardware addresses, such as a tun device or WireGuard", []string{"link", "add", "wg0", "type", "wireguard"}},
		{"vcan0", "vcan0: not an Ethernet link: a CAN bus, which has no IP", []string{"link", "add", "vcan0", "type", "vcan"}},
	} {
		t.Run(l.name, func(t *testing.T) {
			if l.add != nil {
				if out, err := ns.Try(t, "ip", l.add...); err != nil {
					t.Skipf("this kernel has no such link: %s", out)
				}
			}
			_, err := New(c, nil).Find(context.Background(), l.name)
			require.EqualError(t, err, l.want)
			require.True(t, errors.Is(err, errors.ErrUnsupported))
		})
	}
	if _, err := ns.Try(t, "ip", "link", "add", "dummy0", "type", "dummy"); err == nil {
		_, err := New(c, nil).Find(context.Background(), "dummy0")
		require.ErrorIs(t, err, unix.ENETDOWN, "a dummy is Ethernet")
	}
}
