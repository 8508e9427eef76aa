package value_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/dhcp/value"
)

type shared interface {
	Append(b []byte) ([]byte, error)
	AppendText(b []byte) []byte
}

// law demands that a value comes back from its bytes and from its text.
func law[T shared](t *testing.T, x T, read func([]byte) (T, error), parse func(string) (T, error)) {
	t.Helper()
	b, err := x.Append(nil)
	require.NoError(t, err, "%+v", x)
	got, err := read(b)
	require.NoError(t, err, "%+v", x)
	require.Equal(t, x, got)
	s := string(x.AppendText(nil))
	got, err = parse(s)
	require.NoError(t, err, s)
	require.Equal(t, x, got, s)
	for i := range len(s) {
		require.True(t, s[i] >= ' ' && s[i] < 0x7f, "%q", s)
	}
	for n := range b { // none is a part of itself, but for lists of parts
		if got, err := read(b[:n]); err == nil {
			require.NotEqual(t, x, got)
		}
	}
}

func anyBytes(r *rand.Rand, most int) []byte {
	b := make([]byte, r.IntN(most+1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestLaw(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	step := func(most float64, step float64) float64 {
		return math.Round((r.Float64()*2-1)*most*step) / step
	}
	for range 200 {
		l := value.Location{
			Latitude: step(90, 1<<25), Longitude: step(180, 1<<25), Altitude: step(1<<20, 1<<8), Unit: value.AltitudeUnit(r.IntN(16)),
			LatitudeBits: uint8(r.IntN(35)), LongitudeBits: uint8(r.IntN(35)), AltitudeBits: uint8(r.IntN(31)),
			Version: uint8(r.IntN(4)), Datum: uint8(r.IntN(8)),
		}
		law(t, l, value.ReadLocation, value.ParseLocation)

		c := value.Civic{Of: value.Whose(r.IntN(5)), Country: string([]byte{byte(r.Uint32()), byte(r.Uint32())})}
		for range r.IntN(4) {
			c.Elements = append(c.Elements, value.CivicElement{Type: uint8(r.Uint32()), Value: string(anyBytes(r, 255))})
		}
		law(t, c, value.ReadCivic, value.ParseCivic)

		s := value.VSS{Type: value.VSSType([...]uint8{0, 2, 7}[r.IntN(3)]), ID: anyBytes(r, 20)}
		law(t, s, value.ReadVSS, value.ParseVSS)

		p := value.Ports{Offset: uint8(r.IntN(16))}
		p.Bits = uint8(r.IntN(17 - int(p.Offset)))
		p.PSID = uint16(uint32(r.Uint32()) & (1<<p.Bits - 1))
		law(t, p, value.ReadPorts, value.ParsePorts)

		resolver(t, r, value.ResolverV4, 4)
		resolver(t, r, value.ResolverV6, 16)
	}
}

func resolver(t *testing.T, r *rand.Rand, f value.Form, size int) {
	x := value.Resolver{Priority: uint16(r.Uint32()), Name: fmt.Sprintf("a%d.b\\032c", r.IntN(1000))}
	for range r.IntN(4) {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if a, ok := netip.AddrFromSlice(b); ok {
			x.Addrs = append(x.Addrs, a)
		}
	}
	if len(x.Addrs) > 0 {
		for _, k := range []value.ParamKey{2, 9, value.DoHPath} {
			if r.IntN(2) == 0 {
				x.Set(k, append([]byte{}, anyBytes(r, 30)...))
			}
		}
		if r.IntN(2) == 0 {
			require.NoError(t, x.SetALPN("dot", string(append([]byte{'/'}, anyBytes(r, 20)...))))
			x.SetPort(uint16(r.Uint32()))
		}
	}
	b, err := x.Append(nil, f)
	require.NoError(t, err)
	got, err := value.ReadResolver(b, f)
	require.NoError(t, err)
	require.Equal(t, x, got)
	s := string(x.AppendText(nil))
	got, err = value.ParseResolver(s)
	require.NoError(t, err, s)
	require.Equal(t, x, got, s)
}

func TestUncertainty(t *testing.T) {
	l := value.Location{LatitudeBits: 18, LongitudeBits: 0, AltitudeBits: 21, Version: 1}
	lat, lon, alt, ok := l.Uncertainty()
	assert.True(t, ok)
	assert.Equal(t, 0.0009765625, lat) // RFC 6225 2.3.2: 2^(8-18)
	assert.True(t, math.IsInf(lon, 1))
	assert.Equal(t, 1.0, alt)
	l.Version = 0
	_, _, _, ok = l.Uncertainty()
	assert.False(t, ok)
}

func TestRefuses(t *testing.T) {
	for _, f := range []func() error{
		func() error { _, err := value.Location{Latitude: math.NaN()}.Append(nil); return err },
		func() error { _, err := value.Location{Longitude: 180.5}.Append(nil); return err },
		func() error { _, err := value.Location{LatitudeBits: 35}.Append(nil); return err },
		func() error { _, err := value.Civic{Country: "DEU"}.Append(nil); return err },
		func() error { _, err := value.VSS{Type: value.VSSVPNID}.Append(nil); return err },
		func() error { _, err := value.Ports{Offset: 6, Bits: 8, PSID: 256}.Append(nil); return err },
		func() error { _, err := (&value.Resolver{}).Append(nil, value.ResolverV4); return err },
		func() error { return new(value.Resolver).SetALPN("") },
	} {
		assert.Error(t, f())
	}
}

// What people write is refused with a word, or prints as what reads as the same.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"38.89868/34,-77.03723/34,15/30,m,wgs84,0", `client:US,1:NY,3:"New York"`, "name:blue", "vpn_id:00000100000001", "global", "6/8/52",
		`1/dns.example/2001:db8::53+192.0.2.1/alpn=dot+"http/1.1"/port=853/dohpath="/q{?dns}"/key9=0a`, "nan/0,inf/0,0/0,0,0,0",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		again(t, s, value.ParseLocation)
		again(t, s, value.ParseCivic)
		again(t, s, value.ParseVSS)
		again(t, s, value.ParsePorts)
		if r, err := value.ParseResolver(s); err == nil && r.Name != "" {
			text := string(r.AppendText(nil))
			back, err := value.ParseResolver(text)
			require.NoError(t, err, text)
			require.Equal(t, text, string(back.AppendText(nil)))
		}
	})
}

func again[T shared](t *testing.T, s string, parse func(string) (T, error)) {
	x, err := parse(s)
	if err != nil {
		return
	}
	text := string(x.AppendText(nil))
	back, err := parse(text)
	require.NoError(t, err, text)
	require.Equal(t, text, string(back.AppendText(nil)))
}
