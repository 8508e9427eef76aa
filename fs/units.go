package fs

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// Suffixes as tc takes them, without regard to case.
var (
	timeUnits = map[string]float64{
		"ns": 1, "nsec": 1, "nsecs": 1, "us": 1e3, "usec": 1e3, "usecs": 1e3, "ms": 1e6, "msec": 1e6, "msecs": 1e6,
		"s": 1e9, "sec": 1e9, "secs": 1e9, "m": 60e9, "min": 60e9, "h": 3600e9, "d": 86400e9,
	}
	sizeUnits = map[string]float64{
		"": 1, "b": 1, "k": 1 << 10, "kb": 1 << 10, "m": 1 << 20, "mb": 1 << 20, "g": 1 << 30, "gb": 1 << 30,
		"kbit": 1 << 10 / 8, "mbit": 1 << 20 / 8, "gbit": 1 << 30 / 8,
	}
	rateUnits = map[string]float64{
		"": 1, "bit": 1, "kbit": 1e3, "mbit": 1e6, "gbit": 1e9, "tbit": 1e12,
		"kibit": 1 << 10, "mibit": 1 << 20, "gibit": 1 << 30, "tibit": 1 << 40,
		"bps": 8, "kbps": 8e3, "mbps": 8e6, "gbps": 8e9, "tbps": 8e12,
		"kibps": 8 << 10, "mibps": 8 << 20, "gibps": 8 << 30, "tibps": 8 << 40,
	}
)

// ParseTime reads a time with a suffix (ns us ms s m h d and tc's spellings);
// without one it counts units.
func ParseTime(word string, unit time.Duration) (time.Duration, error) {
	digits, suffix := splitUnit(word)
	scale, ok := timeUnits[suffix]
	if suffix == "" {
		scale, ok = float64(unit), true
	}
	n, err := scaled(digits, scale, ok)
	if err != nil || n > math.MaxInt64 {
		return 0, errors.New("not a time: a number and ns us ms s m h d")
	}
	return time.Duration(n), nil
}

// ParseSize reads a number of bytes with tc's suffixes: k, m and g are powers of
// 1024, kbit and its like those of bits.
func ParseSize(word string) (uint64, error) {
	digits, suffix := splitUnit(word)
	scale, ok := sizeUnits[suffix]
	n, err := scaled(digits, scale, ok)
	if err != nil {
		return 0, errors.New("not a size: a number and b k m g kbit mbit gbit")
	}
	return n, nil
}

// ParseRate reads bits per second with tc's suffixes: kbit is 1000, kibit 1024,
// and bps, kbps, ... are bytes.
func ParseRate(word string) (uint64, error) {
	digits, suffix := splitUnit(word)
	scale, ok := rateUnits[suffix]
	n, err := scaled(digits, scale, ok)
	if err != nil {
		return 0, errors.New("not a rate: a number and bit kbit mbit gbit bps kbps mbps gbps")
	}
	return n, nil
}

func splitUnit(word string) (digits, suffix string) {
	i := 0
	for i < len(word) && (word[i] >= '0' && word[i] <= '9' || word[i] == '.') {
		i++
	}
	return word[:i], strings.ToLower(word[i:])
}

// scaled multiplies; whole numbers exactly.
func scaled(digits string, scale float64, ok bool) (uint64, error) {
	if !ok {
		return 0, strconv.ErrSyntax
	}
	if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
		u := uint64(scale)
		if n > math.MaxUint64/u {
			return 0, strconv.ErrRange
		}
		return n * u, nil
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || f*scale >= math.MaxUint64 {
		return 0, strconv.ErrSyntax
	}
	return uint64(math.Round(f * scale)), nil
}
