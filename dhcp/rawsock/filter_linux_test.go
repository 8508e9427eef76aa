package rawsock

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/wire"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A taker runs a filter in the kernel's machine: on a pair of sockets.
func taker(t *testing.T, code []insn) func(frame []byte) bool {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	require.NoError(t, attach(fds[1], code))
	return func(frame []byte) bool {
		_, err := unix.Write(fds[0], frame)
		if err == unix.EPERM { // what the filter says of a socket of this kind
			return false
		}
		require.NoError(t, err)
		b := make([]byte, 1<<16)
		n, err := unix.Read(fds[1], b)
		if err == unix.EAGAIN {
			return false
		}
		require.NoError(t, err)
		require.Equal(t, frame, b[:n])
		return true
	}
}

// The filters of kernels that show tags in the frame.
func TestFilterWithin(t *testing.T) {
	takes, sends := taker(t, replies(within)), taker(t, requests(within))
	src := wire.MAC{2, 0, 0, 0, 0, 1}
	at := func(f func(f []byte)) []byte {
		b := reply(t, src, wire.Tag{})
		f(b[14:])
		return b
	}
	for name, c := range map[string]struct {
		frame []byte
		want  bool
	}{
		"plain":             {reply(t, src, wire.Tag{}), true},
		"priority only":     {reply(t, src, wire.Tag{TPID: wire.TypeVLAN, TCI: 0xe000}), true},
		"a VLAN":            {reply(t, src, wire.Tag{TPID: wire.TypeVLAN, TCI: 0xe005}), false},
		"a provider's VLAN": {reply(t, src, wire.Tag{TPID: wire.TypeQinQ, TCI: 5}), false},
		"options of IP": {slices.Concat(reply(t, src, wire.Tag{})[:14], []byte{0x46}, reply(t, src, wire.Tag{})[15:34], []byte{1, 1, 1, 1},
			reply(t, src, wire.Tag{})[34:]), true},
		"first fragment": {at(func(ip []byte) { ip[6] = 0x20 }), false},
		"later fragment": {at(func(ip []byte) { ip[7] = 1 }), false},
		"TCP":            {at(func(ip []byte) { ip[9] = 6 }), false},
		"another port":   {at(func(ip []byte) { ip[23] = 69 }), false},
		"a request":      {at(func(ip []byte) { ip[28] = 1 }), false},
		"IPv6":           {slices.Concat(reply(t, src, wire.Tag{})[:12], []byte{0x86, 0xdd}, make([]byte, 60)), false},
		"cut":            {reply(t, src, wire.Tag{})[:30], false},
		"almost empty":   {[]byte{1}, false},
	} {
		require.Equal(t, c.want, takes(c.frame), name)
		require.False(t, sends(c.frame), name)
	}
	ask := at(func(ip []byte) { binary.BigEndian.PutUint32(ip[20:], 68<<16|67) })
	require.True(t, sends(ask))
	require.False(t, takes(ask))
}

func TestARPFilterWithin(t *testing.T) {
	mine, other, zero := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.7"), netip.IPv4Unspecified()
	takes, sends := taker(t, claims(within, mine)), taker(t, anyARP(within))
	for _, tag := range []wire.Tag{{}, {TPID: wire.TypeVLAN}, {TPID: wire.TypeVLAN, TCI: 7}} {
		for _, c := range []struct {
			sender, target netip.Addr
			want           bool
		}{{mine, mine, true}, {mine, other, true}, {zero, mine, true}, {zero, other, false}, {other, mine, false}} {
			e := wire.Ethernet{Dst: wire.Broadcast, Type: wire.TypeARP, Tags: [2]wire.Tag{tag}}
			b, err := e.Append(nil)
			require.NoError(t, err)
			a := wire.ARP{Op: wire.ARPRequest, SenderIP: c.sender, TargetIP: c.target}
			b, err = a.Append(b)
			require.NoError(t, err)
			require.Equal(t, c.want && tag.TCI == 0, takes(b), "%v %+v", tag, c)
			require.Equal(t, tag.TCI == 0, sends(b))
			require.False(t, takes(reply(t, wire.MAC{}, tag)))
		}
	}
}

// What others' clients and servers said: the filter takes what decoding does.
func TestFilterOnCaptures(t *testing.T) {
	takes := taker(t, replies(within))
	taken := 0
	for name, frames := range capture.Files(t, "captured") {
		for i, f := range frames {
			var c counters
			var p Packet
			want := c.decode(f, &p, wire.Partial) && p.Payload[0] == 2
			require.Equal(t, want, takes(f), "%s %d", name, i)
			if want {
				taken++
			}
		}
	}
	require.Positive(t, taken)
}
