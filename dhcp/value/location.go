package value

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Location is where a host is. Source: RFC 6225 2, which took in RFC 3825.
type Location struct {
	Latitude, Longitude float64 // degrees, north and east; steps of 2^-25
	Altitude            float64 // steps of 2^-8
	Unit                AltitudeUnit
	// How exact each of them is, by Version: of 0, as GeoConf has it (option 123), how
	// many of the leading 34, 34 and 30 bits count; of 1, as GeoLoc has it, the
	// exponent of an uncertainty, see Uncertainty.
	LatitudeBits, LongitudeBits, AltitudeBits uint8
	Version                                   uint8
	Datum                                     uint8 // DatumWGS84 …
}

// An AltitudeUnit is what an altitude is counted in.
type AltitudeUnit uint8

// Source: RFC 6225 2.4.
const (
	NoAltitude AltitudeUnit = 0
	Metres     AltitudeUnit = 1
	Floors     AltitudeUnit = 2
)

// Data, by what the coordinates are measured. Source: RFC 6225 2.5.1.
const (
	DatumWGS84  = 1
	DatumNAVD88 = 2 // North America, heights over NAVD88
	DatumMLLW   = 3 // North America, heights over mean low water
)

var (
	unitNames  = []string{"none", "m", "floors"}
	datumNames = []string{1: "wgs84", 2: "navd88", 3: "mllw"}
)

func (u AltitudeUnit) String() string { return name(unitNames, uint8(u)) }

const (
	locationLen   = 16
	degreeStep    = 1 << 25
	altitudeStep  = 1 << 8
	angleBits     = 34
	altitudeWidth = 30
	maxExponent   = 63 // of an uncertainty, in 6 bits
)

// A bits is a number of 128 bits, of which fields are taken from the front.
type bits struct{ hi, lo uint64 }

func (b *bits) take(n int) uint64 {
	v := b.hi >> (64 - n)
	b.hi = b.hi<<n | b.lo>>(64-n)
	b.lo <<= n
	return v
}

func (b *bits) put(v uint64, n int) {
	b.hi = b.hi<<n | b.lo>>(64-n)
	b.lo = b.lo<<n | v&(1<<n-1)
}

func signed(v uint64, n int) float64 { return float64(int64(v<<(64-n)) >> (64 - n)) }

// ReadLocation reads 16 bytes. What cannot be on Earth is an error.
func ReadLocation(v []byte) (Location, error) {
	if len(v) != locationLen {
		return Location{}, fmt.Errorf("%d bytes, not %d", len(v), locationLen)
	}
	b := bits{binary.BigEndian.Uint64(v), binary.BigEndian.Uint64(v[8:])}
	var l Location
	l.LatitudeBits = uint8(b.take(6))
	l.Latitude = signed(b.take(angleBits), angleBits) / degreeStep
	l.LongitudeBits = uint8(b.take(6))
	l.Longitude = signed(b.take(angleBits), angleBits) / degreeStep
	l.Unit = AltitudeUnit(b.take(4))
	l.AltitudeBits = uint8(b.take(6))
	l.Altitude = signed(b.take(altitudeWidth), altitudeWidth) / altitudeStep
	l.Version = uint8(b.take(2))
	b.take(3) // reserved
	l.Datum = uint8(b.take(3))
	return l, l.check()
}

func (l Location) check() error {
	angle, height := uint8(angleBits), uint8(altitudeWidth)
	if l.Version != 0 {
		angle, height = maxExponent, maxExponent
	}
	switch {
	case !(math.Abs(l.Latitude) <= 90):
		return fmt.Errorf("a latitude of %v degrees", l.Latitude)
	case !(math.Abs(l.Longitude) <= 180):
		return fmt.Errorf("a longitude of %v degrees", l.Longitude)
	case !(math.Abs(l.Altitude) <= 1<<21):
		return fmt.Errorf("an altitude of %v", l.Altitude)
	case l.LatitudeBits > angle || l.LongitudeBits > angle || l.AltitudeBits > height:
		return fmt.Errorf("%d, %d and %d bits of %d, %d and %d", l.LatitudeBits, l.LongitudeBits, l.AltitudeBits, angle, angle, height)
	case l.Unit > 15 || l.Version > 3 || l.Datum > 7:
		return fmt.Errorf("unit %d, version %d, datum %d", l.Unit, l.Version, l.Datum)
	}
	return nil
}

// Append appends 16 bytes. Coordinates are rounded to their steps.
func (l Location) Append(b []byte) ([]byte, error) {
	if err := l.check(); err != nil {
		return b, err
	}
	fixed := func(f float64, step float64, n int) uint64 {
		return uint64(int64(min(math.Round(f*step), float64(int64(1)<<(n-1)-1))))
	}
	var w bits
	w.put(uint64(l.LatitudeBits), 6)
	w.put(fixed(l.Latitude, degreeStep, angleBits), angleBits)
	w.put(uint64(l.LongitudeBits), 6)
	w.put(fixed(l.Longitude, degreeStep, angleBits), angleBits)
	w.put(uint64(l.Unit), 4)
	w.put(uint64(l.AltitudeBits), 6)
	w.put(fixed(l.Altitude, altitudeStep, altitudeWidth), altitudeWidth)
	w.put(uint64(l.Version), 2)
	w.put(0, 3)
	w.put(uint64(l.Datum), 3)
	b = binary.BigEndian.AppendUint64(b, w.hi)
	return binary.BigEndian.AppendUint64(b, w.lo), nil
}

// Uncertainty is how far from the coordinates the host may be to each side: in
// degrees, and in what the altitude is counted in. ok is false if the location is not of
// version 1. An exponent of 0 says that it is not known, and gives +Inf. Source: RFC 6225 2.3.2, 2.4.5.
func (l Location) Uncertainty() (latitude, longitude, altitude float64, ok bool) {
	exp := func(most int, n uint8) float64 {
		if n == 0 {
			return math.Inf(1)
		}
		return math.Ldexp(1, most-int(n))
	}
	return exp(8, l.LatitudeBits), exp(8, l.LongitudeBits), exp(21, l.AltitudeBits), l.Version == 1
}

// AppendText appends 38.89868/34,-77.03723/34,15/30,m,wgs84,0: each of the coordinates
// with its bits, what the altitude is counted in, the datum, the version.
func (l Location) AppendText(b []byte) []byte {
	for _, c := range [...]struct {
		f float64
		n uint8
	}{{l.Latitude, l.LatitudeBits}, {l.Longitude, l.LongitudeBits}, {l.Altitude, l.AltitudeBits}} {
		b = append(strconv.AppendFloat(b, c.f, 'f', -1, 64), '/')
		b = append(strconv.AppendUint(b, uint64(c.n), 10), ',')
	}
	b = append(append(b, l.Unit.String()...), ',')
	b = append(append(b, name(datumNames, l.Datum)...), ',')
	return strconv.AppendUint(b, uint64(l.Version), 10)
}

// ParseLocation reads what AppendText writes.
func ParseLocation(s string) (Location, error) {
	w := strings.Split(s, ",")
	if len(w) != 6 {
		return Location{}, fmt.Errorf("%q: not LATITUDE/BITS,LONGITUDE/BITS,ALTITUDE/BITS,UNIT,DATUM,VERSION", s)
	}
	var l Location
	for i, c := range [...]struct {
		f *float64
		n *uint8
	}{{&l.Latitude, &l.LatitudeBits}, {&l.Longitude, &l.LongitudeBits}, {&l.Altitude, &l.AltitudeBits}} {
		f, n, _ := strings.Cut(w[i], "/")
		x, err := strconv.ParseFloat(f, 64)
		bits, err2 := strconv.ParseUint(n, 10, 8)
		if err != nil || err2 != nil {
			return l, fmt.Errorf("%q: not a number and its bits, N/BITS", w[i])
		}
		*c.f, *c.n = x, uint8(bits)
	}
	unit, err := number(unitNames, w[3])
	if err != nil {
		return l, err
	}
	if l.Datum, err = number(datumNames, w[4]); err != nil {
		return l, err
	}
	l.Unit = AltitudeUnit(unit)
	if l.Version, err = number(nil, w[5]); err != nil {
		return l, err
	}
	return l, l.check()
}

// number is the inverse of name.
func number(words []string, s string) (uint8, error) {
	for i, w := range words {
		if w == s && w != "" {
			return uint8(i), nil
		}
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%q: no such word, nor a number from 0 to 255", s)
	}
	return uint8(n), nil
}
