package v4_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/dhcp/value"
	"github.com/netfs-project/netfs/dhcp/wire"
)

// seeds are the messages in captures, if there are any.
func seeds(f *testing.F) (list [][]byte) {
	for _, frame := range capture.Seeds(f) {
		var e wire.Ethernet
		var d wire.Datagram
		if ip, err := e.Decode(frame); err == nil && d.Decode(ip, wire.Skip) == nil {
			list = append(list, d.Payload)
		}
	}
	return list
}

var key = [16]byte{1, 2, 3}

// signed is a FORCERENEW that key signed.
func signed() []byte {
	m := offer()
	m.Options.SetType(v4.ForceRenew)
	m.Options.SetAuth(v4.DigestAuth(2))
	b, err := m.Append(nil)
	must(err)
	must(v4.SignForceRenew(b, key[:]))
	return b
}

// What decodes is encoded, decodes as the same, and has safe text that can be
// read.
func FuzzMessage(f *testing.F) {
	b, err := full().Append(nil)
	must(err)
	f.Add(b)
	m := full()
	m.Options.Set(v4.OptVendorSpecific, make([]byte, 600))
	b, err = m.AppendMax(nil, 1000)
	must(err)
	f.Add(b)
	for _, p := range seeds(f) {
		f.Add(p)
	}
	f.Add(signed())
	f.Add(raw([]byte{53, 1, 2, 12, 1, 'a', 12, 200}, nil, nil)) // cut
	f.Add(raw([]byte{52, 1, 3, 12, 1, 'c', 255}, []byte{12, 1, 'f', 255}, []byte{12, 2, 'd', 'e', 119, 1, 0, 255}))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = v4.VerifyForceRenew(b, key[:], 0)
		m, err := v4.Decode(b)
		if err != nil {
			return
		}
		for _, o := range m.Options {
			checkText(t, o)
		}
		_, err = json.Marshal(m)
		require.NoError(t, err)
		out, err := m.AppendMax(nil, 65535)
		if err != nil {
			require.Greater(t, len(b), 60000, "%v", err)
			return
		}
		again, err := v4.Decode(out)
		require.NoError(t, err)
		requireSame(t, m, again)
		small, err := m.AppendMax(nil, 0)
		if err != nil {
			return // no room
		}
		require.LessOrEqual(t, len(small), 548)
		again, err = v4.Decode(small)
		require.NoError(t, err)
		requireSameSet(t, m, again)
	})
}

// checkText demands that text is printable and that what is read from it prints as the same.
func checkText(t *testing.T, o v4.Option) {
	text, err := o.Text()
	if err != nil {
		var oe *v4.OptionError
		require.True(t, errors.As(err, &oe) && oe.Code == o.Code, "%v", err)
		return
	}
	for i := range len(text) {
		require.True(t, text[i] >= ' ' && text[i] < 0x7f, "%q", text)
	}
	back, err := v4.ParseOption(o.Code, text)
	require.NoError(t, err, "%v: %s", o.Code, text)
	again, err := back.Text()
	require.NoError(t, err, "%v: %s", o.Code, text)
	require.Equal(t, text, again, "%v", o.Code)
}

// checkShared writes what it reads, and reads the same.
func checkShared(t *testing.T, o v4.Options) {
	var out v4.Options
	both(t, &out, func(o v4.Options) (value.Location, error) { return o.Location(o[0].Code) }, func(x value.Location) error { return out.SetLocation(o[0].Code, x) }, o)
	both(t, &out, v4.Options.Civic, out.SetCivic, o)
	both(t, &out, v4.Options.VSS, out.SetVSS, o)
	both(t, &out, v4.Options.Ports, out.SetPorts, o)
	both(t, &out, v4.Options.Resolvers, func(x []value.Resolver) error { return out.SetResolvers(x...) }, o)
	both(t, &out, v4.Options.RDNSSSelection, out.SetRDNSSSelection, o)
	both(t, &out, func(o v4.Options) ([]string, error) { return o.URIs(v4.OptSZTPRedirect) },
		func(x []string) error { return out.SetURIs(v4.OptSZTPRedirect, x...) }, o)
}

func both[T any](t *testing.T, out *v4.Options, get func(v4.Options) (T, error), set func(T) error, o v4.Options) {
	x, err := get(o)
	if err != nil {
		return
	}
	*out = nil
	require.NoError(t, set(x))
	again, err := get(*out)
	require.NoError(t, err)
	require.Equal(t, x, again)
}

// Values of every option, and texts of people.
func FuzzOption(f *testing.F) {
	for _, c := range texts {
		f.Add(uint8(c.opt), unhex(c.hex), c.text)
	}
	for _, p := range seeds(f) {
		if m, err := v4.Decode(p); err == nil {
			for _, o := range m.Options {
				f.Add(uint8(o.Code), o.Data, "")
			}
		}
	}
	f.Add(uint8(119), []byte("\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04"), "eng.apple.com")
	f.Add(uint8(121), []byte{8, 10, 192, 0, 2, 1}, "10.0.0.0/8:192.0.2.1")
	f.Add(uint8(81), []byte("\x05\x00\x00\x04host\x00"), "s:host.")
	f.Add(uint8(82), []byte{1, 1, 2}, "1:02")
	f.Add(uint8(212), append([]byte{8, 32}, make([]byte, 20)...), "8:2001:db8::/32,192.0.2.1")
	f.Add(uint8(12), []byte("hex:$(x)"), `"a\x24"`)
	f.Fuzz(func(t *testing.T, code uint8, data []byte, text string) {
		checkText(t, v4.Option{Code: v4.Code(code), Data: data})
		o := v4.Options{{Code: v4.Code(code), Data: data}}
		_, _ = o.ClasslessRoutes()
		_, _ = o.FQDN()
		_, _ = o.Hostname()
		_, _ = o.CaptivePortal()
		_, _, _ = o.SIPServers()
		_, _ = o.SubOptions(v4.Code(code))
		_, _ = o.Enterprises(v4.Code(code))
		_, _ = o.Addr(v4.Code(code))
		_, _ = o.Addrs(v4.Code(code))
		_, _ = o.Uint16s(v4.Code(code))
		_, _ = o.AddrPairs(v4.Code(code))
		_, _ = o.Bool(v4.Code(code))
		_, _ = o.SixRD()
		checkShared(t, o)
		if p, err := v4.ParseOption(v4.Code(code), text); err == nil {
			checkText(t, p)
		}
	})
}
