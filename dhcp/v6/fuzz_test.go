package v6_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/internal/capture"
	"github.com/netfs-project/netfs/dhcp/v6"
)

// seeds are the messages in captures, if there are any.
func seeds(f *testing.F) (list [][]byte) {
	for _, frame := range capture.Seeds(f) {
		if proto, udp := capture.IPv6(frame); proto == 17 && len(udp) > 8 {
			list = append(list, udp[8:])
		}
	}
	return list
}

var key = [16]byte{1, 2, 3}

// signed is a Reconfigure that key signed.
func signed() []byte {
	m := v6.Message{Type: v6.Reconfigure}
	m.Options.SetServerID(duid)
	m.Options.SetAuth(v6.DigestAuth(2))
	b, err := m.Append(nil)
	must(err)
	must(v6.SignReconfigure(b, key[:]))
	return b
}

// What decodes is encoded as the same bytes, and so is what its options are
// made of; text is printable and can be read.
func FuzzMessage(f *testing.F) {
	b, err := reply().Append(nil)
	must(err)
	f.Add(b)
	for _, p := range seeds(f) {
		f.Add(p)
	}
	f.Add(signed())
	r := &v6.Message{Type: v6.RelayForward}
	must(r.Options.SetRelayMessage(reply()))
	b, err = r.Append(nil)
	must(err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := v6.Decode(b)
		if err != nil {
			return
		}
		out, err := m.Append(nil)
		if err != nil {
			require.Greater(t, len(b), 65000, "%v", err)
			return
		}
		require.True(t, bytes.Equal(b, out))
		s := m.String()
		for i := range len(s) {
			require.True(t, s[i] >= ' ' && s[i] < 0x7f, "%q", s)
		}
		_, err = json.Marshal(m)
		require.NoError(t, err)
		for _, o := range m.Options {
			checkText(t, o)
		}
		_, _ = m.Innermost()
		_, _ = v6.VerifyReconfigure(b, key[:], 0)
		checkTyped(t, m.Options)
	})
}

func checkText(t *testing.T, o v6.Option) {
	s, err := o.Text()
	if err != nil {
		return
	}
	for i := range len(s) {
		require.True(t, s[i] >= ' ' && s[i] < 0x7f, "%q", s)
	}
	back, err := v6.ParseOption(o.Code, s)
	if err != nil { // only what has options in itself
		if v6.Describe(o.Code).Kind == v6.KindRecord {
			require.Contains(t, v6.Describe(o.Code).Fields(), "options")
			return
		}
		raw, err := v6.ParseOption(o.Code, "hex:"+o.Hex())
		require.NoError(t, err)
		require.Equal(t, o.Hex(), raw.Hex())
		require.Contains(t, []v6.Kind{
			v6.KindIA, v6.KindIATA, v6.KindIAAddr, v6.KindIAPrefix, v6.KindMessage, v6.KindVendorClass,
			v6.KindVendorOptions, v6.KindOptions,
		}, v6.Describe(o.Code).Kind, "%v: %s", o.Code, s)
		return
	}
	again, err := back.Text()
	require.NoError(t, err)
	require.Equal(t, s, again, "%v", o.Code)
}

// checkTyped writes what it reads, and reads the same.
func checkTyped(t *testing.T, o v6.Options) {
	var out v6.Options
	nas, err := o.IANAs()
	if err == nil {
		for _, ia := range nas {
			require.NoError(t, out.AddIANA(ia))
			_, _ = ia.Options.Status()
			if addrs, err := ia.Options.IAAddrs(); err == nil {
				var in v6.Options
				for _, a := range addrs {
					require.NoError(t, in.AddIAAddr(a))
				}
				again, err := in.IAAddrs()
				require.NoError(t, err)
				require.Equal(t, addrs, again)
			}
		}
		again, err := out.IANAs()
		require.NoError(t, err)
		require.Equal(t, nas, again)
	}
	checkShared(t, o)
	pds, err := o.IAPDs()
	if err != nil {
		return
	}
	for _, ia := range pds {
		prefixes, err := ia.Options.IAPrefixes()
		if err != nil {
			continue
		}
		var in v6.Options
		for _, p := range prefixes {
			require.NoError(t, in.AddIAPrefix(p))
			if ex, err := p.Excluded(); err == nil {
				require.NoError(t, p.SetExcluded(ex))
				again, err := p.Excluded()
				require.NoError(t, err)
				require.Equal(t, ex, again)
			}
		}
	}
}

// checkShared writes what it reads, and reads the same.
func checkShared(t *testing.T, o v6.Options) {
	var out v6.Options
	both(t, &out, o, v6.Options.Location, out.SetLocation)
	both(t, &out, o, v6.Options.Civic, out.SetCivic)
	both(t, &out, o, v6.Options.VSS, out.SetVSS)
	both(t, &out, o, v6.Options.Resolvers, all(out.AddResolver))
	both(t, &out, o, v6.Options.RDNSSSelections, all(out.AddRDNSSSelection))
	both(t, &out, o, v6.Options.MapRules, all(out.AddMapRule))
	both(t, &out, o, v6.Options.BorderRelays, all(out.AddBorderRelay))
	both(t, &out, o, v6.Options.DefaultRule, out.SetDefaultRule)
	both(t, &out, o, v6.Options.Binding, out.SetBinding)
	both(t, &out, o, v6.Options.Ports, out.SetPorts)
	both(t, &out, o, v6.Options.MAPE, all(out.AddMAPE))
	both(t, &out, o, v6.Options.MAPT, out.SetMAPT)
	both(t, &out, o, v6.Options.LW4o6, out.SetLW4o6)
}

func all[T any](add func(T) error) func([]T) error {
	return func(list []T) error {
		for _, x := range list {
			if err := add(x); err != nil {
				return err
			}
		}
		return nil
	}
}

func both[T any](t *testing.T, out *v6.Options, o v6.Options, get func(v6.Options) (T, error), set func(T) error) {
	x, err := get(o)
	if err != nil || reflect.ValueOf(&x).Elem().Kind() == reflect.Slice && reflect.ValueOf(x).Len() == 0 {
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
	for _, c := range slices.Concat(texts, unread) {
		f.Add(uint16(c.opt), unhex(c.hex), c.text)
	}
	for _, p := range seeds(f) {
		if m, err := v6.Decode(p); err == nil {
			for _, o := range m.Options {
				f.Add(uint16(o.Code), o.Data, "")
			}
		}
	}
	f.Add(uint16(24), []byte("\x03eng\x05apple\x03com\x00"), "eng.apple.com")
	f.Add(uint16(56), []byte("\x00\x03\x00\x03\x01a\x00"), "2001:db8::1,ntp.example")
	f.Add(uint16(3), append(make([]byte, 12), 0, 13, 0, 2, 0, 3), "hex:00")
	f.Add(uint16(39), []byte("\x01\x04host"), "s:host.")
	f.Add(uint16(13), []byte("\x00\x01$("), `unspec_fail:"a\x24"`)
	f.Fuzz(func(t *testing.T, code uint16, data []byte, text string) {
		o := v6.Options{{Code: v6.Code(code), Data: data}}
		checkText(t, o[0])
		checkTyped(t, o)
		_, _ = o.NTP()
		_, _ = o.FQDN()
		_, _ = o.CaptivePortal()
		_, _ = o.AFTRName()
		_, _ = o.VendorClasses()
		_, _ = o.VendorOptions()
		_, _ = o.Requested()
		_, _ = o.IATAs()
		_, _ = o.Addrs(v6.Code(code))
		_, _ = o.Classes(v6.Code(code))
		if p, err := v6.ParseOption(v6.Code(code), text); err == nil {
			checkText(t, p)
		}
	})
}
