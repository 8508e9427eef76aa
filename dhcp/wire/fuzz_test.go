package wire_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/wire"
)

// What a decoder takes, the encoder writes, and decodes as the same.

// seeds are the packets of one type in captures, if there are any.
func seeds(f *testing.F, typ uint16) (list [][]byte) {
	for _, frame := range capture.Seeds(f) {
		var e wire.Ethernet
		if b, err := e.Decode(frame); err == nil && e.Type == typ {
			list = append(list, b)
		}
	}
	return list
}

func FuzzEthernet(f *testing.F) {
	for _, frame := range capture.Seeds(f) {
		f.Add(frame)
	}
	f.Add(append(make([]byte, 12), 8, 0, 1, 2, 3))
	f.Add(append(make([]byte, 12), 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 6, 9))
	f.Add(append(make([]byte, 12), 0x81, 0, 0, 1, 0, 46))
	f.Fuzz(func(t *testing.T, b []byte) {
		var e wire.Ethernet
		p, err := e.Decode(b)
		if err != nil {
			return
		}
		head, err := e.Append(nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(b, append(head, p...)))
	})
}

func FuzzARP(f *testing.F) {
	for _, b := range seeds(f, wire.TypeARP) {
		f.Add(b)
	}
	f.Add(append([]byte{0, 1, 8, 0, 6, 4, 0, 1}, make([]byte, 20)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a wire.ARP
		if a.Decode(b) != nil {
			return
		}
		out, err := a.Append(nil)
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(b, out))
	})
}

func FuzzIPv4(f *testing.F) {
	for _, b := range seeds(f, wire.TypeIPv4) {
		f.Add(b)
	}
	for n := range byte(8) { // these have crashed others: the headers fit, or nearly, and no more
		b := datagram(f, "payload")
		b[3] = 20 + n
		f.Add(reseal(b))
	}
	f.Add(datagram(f, "payload"))
	f.Add(append(datagram(f, ""), "padding"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 20 { // the fuzzer would not find sums
			b = reseal(append([]byte(nil), b...))
		}
		var h wire.IPv4
		p, err := h.Decode(b)
		if err == nil {
			out, err := h.Append(nil, len(p))
			require.NoError(t, err)
			out = append(out, p...)
			var again wire.IPv4
			p2, err := again.Decode(out)
			require.NoError(t, err)
			require.Equal(t, h, again)
			require.True(t, bytes.Equal(p, p2))
		}
		for _, sums := range []wire.Sums{wire.Verify, wire.Partial, wire.Skip} {
			checkDatagram(t, b, sums)
		}
	})
}

func checkDatagram(t *testing.T, b []byte, sums wire.Sums) {
	var d wire.Datagram
	if d.Decode(b, sums) != nil {
		return
	}
	if d.TTL == 0 {
		d.TTL = 64 // what zero is sent as
	}
	out, err := d.Append(nil)
	require.NoError(t, err)
	var again wire.Datagram
	require.NoError(t, again.Decode(out, wire.Verify))
	require.Equal(t, wire.Good, again.Sum)
	d.Sum = wire.Good
	require.True(t, bytes.Equal(d.Payload, again.Payload))
	d.Payload, again.Payload = nil, nil
	require.Equal(t, d, again)
}
