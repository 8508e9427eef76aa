package rawsock

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
)

// A frame is taken or counted, once, for a reason; its payload is a part of it.
func FuzzFrame(f *testing.F) {
	for _, frame := range capture.Seeds(f) {
		f.Add(frame, true)
	}
	f.Add(append(make([]byte, 12), 8, 0, 0x45), false)
	f.Fuzz(func(t *testing.T, b []byte, unfinished bool) {
		var c counters
		var p Packet
		taken := c.decode(b, &p, unfinished)
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
