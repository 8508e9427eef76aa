package v4_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/dhcp/wire"
)

// payloads returns what the frames of a capture carry to and from DHCPv4's ports.
func payloads(t *testing.T, frames [][]byte) [][]byte {
	var list [][]byte
	for i, f := range frames {
		var e wire.Ethernet
		ip, err := e.Decode(f)
		require.NoError(t, err, "frame %d", i)
		var d wire.Datagram
		if e.Type != wire.TypeIPv4 || d.Decode(ip, wire.Partial) != nil {
			continue
		}
		if p := d.Dst.Port(); p == 67 || p == 68 {
			list = append(list, d.Payload)
		}
	}
	return list
}

func TestCaptured(t *testing.T) {
	files := capture.Files(t, "captured")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for i, p := range payloads(t, files[name]) {
			m, err := v4.Decode(p)
			require.NoError(t, err, "%s message %d", name, i)
			require.NotZero(t, m.Type(), "%s message %d", name, i)
		}
	}
}
