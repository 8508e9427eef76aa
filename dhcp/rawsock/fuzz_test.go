package rawsock

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/wire"
)

// A frame is taken or counted, once, for a reason; its payload is a part of it.
func FuzzFrame(f *testing.F) {
	for _, frame := range capture.Seeds(f) {
		f.Add(frame, uint8(wire.Skip))
	}
	f.Add(append(make([]byte, 12), 8, 0, 0x45), uint8(wire.Verify))
	f.Fuzz(func(t *testing.T, b []byte, sums uint8) {
		var c counters
		var p Packet
		taken := c.decode(b, &p, wire.Sums(sums%3))
		s := c.stats()
		require.Equal(t, uint64(1), s.Received)
		dropped := s.Truncated + s.Length + s.Checksum + s.Fragment + s.Other + s.VLAN
		if taken {
			require.Zero(t, dropped)
			require.EqualValues(t, ClientPort, p.Dst.Port())
			require.LessOrEqual(t, len(p.Payload), len(b)-42)
			return
		}
		require.Equal(t, uint64(1), dropped)
		require.Equal(t, Packet{}, p)
	})
}
