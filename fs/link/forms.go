package link

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/fs"
)

// A Form is how the value of a KindKey is written.
type Form uint8

const (
	Num    Form = iota // a number up to Max
	Switch             // 1 or 0
	Addr               // an IP address
	MAC                // a link-layer address
	Enum               // one of Words; a number where Words has none
	Bits               // a list of Words
	Dev                // the name of a link
	Range              // LOW-HIGH
	Key32              // a number, or an IPv4 address that stands for one (keys of GRE)
	List               // a,b,c
	Text
)

// A KindKey is a word that links of one type have, or ports of one type of
// master.
type KindKey struct {
	Name  string
	Form  Form
	Max   uint64   // Num: the largest; 0 means 32 bits
	Words []string // Enum, Bits: by the kernel's number or bit
	Names fs.Names // Enum with numbers that are far between
	RO    bool
	Make  bool // only when the link is made
	Doc   string
	Also  []string
}

// canonical returns a value as it prints.
func (k *KindKey) canonical(w string) (string, error) {
	switch k.Form {
	case Num:
		return number(w, k.Max)
	case Switch:
		on, err := parseSwitch(w, "on", "off")
		return zeroOne(on), err
	case Addr:
		return address(w)
	case MAC:
		return ParseHW(w)
	case Enum:
		return k.enum(w)
	case Bits:
		return k.bits(w)
	case Range:
		return portRange(w)
	case Key32:
		if a, err := netip.ParseAddr(w); err == nil && a.Is4() {
			b := a.As4()
			return strconv.FormatUint(uint64(b[0])<<24|uint64(b[1])<<16|uint64(b[2])<<8|uint64(b[3]), 10), nil
		}
		return number(w, 0)
	}
	return w, nil
}

func (k *KindKey) enum(w string) (string, error) {
	n, err := k.Number(w)
	if err != nil {
		return "", err
	}
	return k.Word(n), nil
}

// Word returns the word of a number of the kernel's, or the number.
func (k *KindKey) Word(n uint64) string {
	switch {
	case k.Names != nil:
		return string(k.Names.Append(nil, uint32(n)))
	case n < uint64(len(k.Words)):
		return k.Words[n]
	}
	return strconv.FormatUint(n, 10)
}

// Number is the reverse of Word.
func (k *KindKey) Number(w string) (uint64, error) {
	for i, s := range k.Words {
		if strings.EqualFold(s, w) {
			return uint64(i), nil
		}
	}
	for n, s := range k.Names {
		if strings.EqualFold(s, w) {
			return uint64(n), nil
		}
	}
	n, err := strconv.ParseUint(w, 0, 32)
	if err != nil {
		return 0, bad("not one of " + strings.Join(k.words(), " "))
	}
	return n, nil
}

// words are what a person can type.
func (k *KindKey) words() []string {
	if k.Names != nil {
		return k.Names.Words()
	}
	return k.Words
}

func (k *KindKey) bits(w string) (string, error) {
	var set uint64
	for _, s := range strings.FieldsFunc(w, func(r rune) bool { return r == ',' }) {
		n, err := k.Number(s)
		if err != nil {
			return "", err
		}
		set |= 1 << n
	}
	return k.Set(set), nil
}

// Set returns the words of a set of bits.
func (k *KindKey) Set(bits uint64) string {
	var list []string
	for i := range 64 {
		if bits&(1<<i) != 0 {
			list = append(list, k.Word(uint64(i)))
		}
	}
	return strings.Join(list, ",")
}

func (f Form) typ() fs.Type {
	switch f {
	case Num:
		return fs.Number
	case Switch:
		return fs.Switch
	case Text, Dev:
		return fs.Text
	case List, Bits:
		return fs.List
	}
	return fs.Word
}

// number returns a number as it prints: decimal.
func number(w string, most uint64) (string, error) {
	if most == 0 {
		most = 1<<32 - 1
	}
	n, err := strconv.ParseUint(w, 0, 64)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return "", bad("not a number")
	case err != nil || n > most:
		return "", bad("not in 0.." + strconv.FormatUint(most, 10))
	}
	return strconv.FormatUint(n, 10), nil
}

// address returns an IP address as it prints; "any" and "none" are no address.
func address(w string) (string, error) {
	if w == "any" || w == "none" || w == "" {
		return "", nil
	}
	a, err := netip.ParseAddr(w)
	if err != nil {
		return "", bad("not an address")
	}
	return a.String(), nil
}

// portRange reads LOW-HIGH.
func portRange(w string) (string, error) {
	low, high, ok := strings.Cut(w, "-")
	if !ok {
		return "", bad("not LOW-HIGH")
	}
	a, err := number(low, 65535)
	if err != nil {
		return "", err
	}
	b, err := number(high, 65535)
	return a + "-" + b, err
}

func zeroOne(on bool) string {
	if on {
		return "1"
	}
	return "0"
}
