// Package layout describes values that are records of fields: one line says how the bytes
// are laid out, and gives the text both ways.
//
//	priority:u16 weight:u16 transport:u8 port:u16 address:ip6 realm:text
//
// A field is a name and a type:
//
//	u8 u16 u32       unsigned integers, big-endian
//	secs             u32 of seconds; 0xffffffff is "forever"
//	ip4 ip6          an address
//	pfx4             its length in a byte, and 4 bytes
//	pfx6             its length in a byte, and as many bytes as it takes
//	pfx6x            its length in a byte, and 16 bytes
//	hex16            a length in two bytes, and as many bytes
//	name             a domain name, uncompressed
//	hex text         all the rest: bytes, a text
//	ip4s ip6s names  all the rest: a list
//	opts             all the rest: options, which are not this package's matter
//
// Text is the fields in their order, separated by commas; where opts are the last of
// them it is NAME=VALUE, separated by spaces, since options follow.
package layout

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/dhcp/internal/dnsname"
	"github.com/netfs-project/netfs/dhcp/internal/text"
)

// A Layout is what a line describes.
type Layout struct {
	fields []field
	opts   bool
	min    int
}

type field struct {
	name string
	typ  *fieldType
}

// A fieldType reads the front of v, and appends the text; or reads a text, and appends bytes.
type fieldType struct {
	name  string
	min   int
	list  bool // the rest of the words, not one
	print func(b, v []byte) (out, rest []byte, err error)
	parse func(b []byte, s string) ([]byte, error)
}

var types = []fieldType{
	uintType("u8", 1), uintType("u16", 2), uintType("u32", 4),
	{"secs", 4, false, printSeconds, parseSeconds},
	addrType("ip4", 4, false), addrType("ip6", 16, false), addrType("ip4s", 4, true), addrType("ip6s", 16, true),
	prefixType("pfx4", 4, true), prefixType("pfx6", 16, false), prefixType("pfx6x", 16, true),
	{"hex16", 2, false, printHex16, parseHex16},
	{"name", 1, false, printName, parseName},
	{"names", 0, true, printNames, parseName},
	{"hex", 0, false, printHex, parseHex},
	{"text", 0, false, printText, parseText},
}

// New returns the layout that a line describes. It panics if the line is not well formed, as
// regexp.MustCompile does.
func New(line string) *Layout {
	l := &Layout{}
	for w := range strings.FieldsSeq(line) {
		name, t, _ := strings.Cut(w, ":")
		if l.opts {
			panic("layout: a field behind opts: " + line)
		}
		if t == "opts" {
			l.opts = true
			continue
		}
		l.fields = append(l.fields, field{name, find(t)})
		l.min += find(t).min
	}
	return l
}

func find(name string) *fieldType {
	for i := range types {
		if types[i].name == name {
			return &types[i]
		}
	}
	panic("layout: no such type: " + name)
}

// Min is the least length of a value, in bytes.
func (l *Layout) Min() int { return l.min }

// HasOptions reports whether options are the rest of a value.
func (l *Layout) HasOptions() bool { return l.opts }

var errShort = errors.New("it ends too early")

// Print appends the text of v, and returns what is behind its fields: options, if HasOptions.
func (l *Layout) Print(b, v []byte) (out, rest []byte, err error) {
	for i, f := range l.fields {
		if l.opts {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(append(b, f.name...), '=')
		} else if i > 0 {
			b = append(b, ',')
		}
		if len(v) < f.typ.min {
			return b, v, errShort
		}
		if b, v, err = f.typ.print(b, v); err != nil {
			return b, v, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if !l.opts && len(v) > 0 {
		err = fmt.Errorf("%d bytes behind it", len(v))
	}
	return b, v, err
}

// Parse appends the bytes that a text stands for.
func (l *Layout) Parse(b []byte, s string) ([]byte, error) {
	if l.opts {
		return b, errors.New("options have no text to be read; give hex:…")
	}
	i := 0
	err := text.Each(s, func(w string) (err error) {
		if i == len(l.fields) {
			return fmt.Errorf("%q: more than %s", s, l)
		}
		f := l.fields[i]
		if !f.typ.list {
			i++
		} else if w == "" || w == `""` {
			return nil
		}
		if b, err = f.typ.parse(b, w); err != nil {
			err = fmt.Errorf("%s: %w", f.name, err)
		}
		return err
	})
	if i < len(l.fields) && !(i == len(l.fields)-1 && l.fields[i].typ.list) && err == nil {
		err = fmt.Errorf("%q: less than %s", s, l)
	}
	return b, err
}

// String is the names of the fields: priority,weight,….
func (l *Layout) String() string {
	var names []string
	for _, f := range l.fields {
		names = append(names, f.name)
	}
	if l.opts {
		return strings.Join(append(names, "options"), " ")
	}
	return strings.Join(names, ",")
}

func uintType(name string, size int) fieldType {
	print := func(b, v []byte) ([]byte, []byte, error) {
		var n uint64
		for _, c := range v[:size] {
			n = n<<8 | uint64(c)
		}
		return strconv.AppendUint(b, n, 10), v[size:], nil
	}
	parse := func(b []byte, s string) ([]byte, error) {
		n, err := strconv.ParseUint(s, 0, size*8)
		if err != nil {
			return b, fmt.Errorf("%q: not a number from 0 to %d", s, uint64(1)<<(size*8)-1)
		}
		for i := size - 1; i >= 0; i-- {
			b = append(b, byte(n>>(8*i)))
		}
		return b, nil
	}
	return fieldType{name, size, false, print, parse}
}

const forever = "forever"

func printSeconds(b, v []byte) (out, rest []byte, err error) {
	n := binary.BigEndian.Uint32(v)
	if n == math.MaxUint32 {
		return append(b, forever...), v[4:], nil
	}
	return strconv.AppendUint(b, uint64(n), 10), v[4:], nil
}

func parseSeconds(b []byte, s string) ([]byte, error) {
	if s == forever {
		return binary.BigEndian.AppendUint32(b, math.MaxUint32), nil
	}
	n, err := strconv.ParseUint(s, 0, 32)
	if err != nil {
		return b, fmt.Errorf("%q: neither seconds nor %q", s, forever)
	}
	return binary.BigEndian.AppendUint32(b, uint32(n)), nil
}

func addrType(name string, size int, list bool) fieldType {
	one := func(b, v []byte) ([]byte, []byte) {
		a, _ := netip.AddrFromSlice(v[:size])
		return a.AppendTo(b), v[size:]
	}
	t := fieldType{name, size, list, nil, nil}
	t.print = func(b, v []byte) ([]byte, []byte, error) {
		b, v = one(b, v)
		return b, v, nil
	}
	if list {
		t.min = 0
		t.print = func(b, v []byte) ([]byte, []byte, error) {
			if len(v)%size != 0 {
				return b, v, fmt.Errorf("%d bytes, not a multiple of %d", len(v), size)
			}
			for start := len(b); len(v) > 0; {
				b, v = one(text.Comma(b, start), v)
			}
			return b, v, nil
		}
	}
	t.parse = func(b []byte, s string) ([]byte, error) {
		a, err := netip.ParseAddr(s)
		if err != nil || a.BitLen() != size*8 || a.Zone() != "" {
			return b, fmt.Errorf("%q: not an address of %d bytes", s, size)
		}
		return append(b, a.AsSlice()...), nil
	}
	return t
}

// prefixType is of a length and, if whole is set, size bytes, else what the length takes. Bits
// behind the prefix are cleared.
func prefixType(name string, size int, whole bool) fieldType {
	bytes := func(bits int) int {
		if whole {
			return size
		}
		return (bits + 7) / 8
	}
	t := fieldType{name: name, min: 1}
	if whole {
		t.min += size
	}
	t.print = func(b, v []byte) ([]byte, []byte, error) {
		bits := int(v[0])
		if bits > size*8 {
			return b, v, fmt.Errorf("a prefix of %d bits", bits)
		}
		n := 1 + bytes(bits)
		if n > len(v) {
			return b, v, errShort
		}
		a := make([]byte, size)
		copy(a, v[1:n])
		addr, _ := netip.AddrFromSlice(a)
		return netip.PrefixFrom(addr, bits).Masked().AppendTo(b), v[n:], nil
	}
	t.parse = func(b []byte, s string) ([]byte, error) {
		p, err := netip.ParsePrefix(s)
		if err != nil || p.Addr().BitLen() != size*8 {
			return b, fmt.Errorf("%q: not a prefix of at most %d bits", s, size*8)
		}
		return append(append(b, byte(p.Bits())), p.Masked().Addr().AsSlice()[:bytes(p.Bits())]...), nil
	}
	return t
}

func printHex(b, v []byte) (out, rest []byte, err error) { return appendHex(b, v), nil, nil }

func appendHex(b, v []byte) []byte {
	if len(v) == 0 {
		return append(b, `""`...)
	}
	return hex.AppendEncode(b, v)
}

func parseHex(b []byte, s string) ([]byte, error) {
	if s == `""` {
		return b, nil
	}
	v, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil {
		return b, fmt.Errorf("%q: not hex", s)
	}
	return append(b, v...), nil
}

func printHex16(b, v []byte) (out, rest []byte, err error) {
	n := 2 + int(binary.BigEndian.Uint16(v))
	if n > len(v) {
		return b, v, errShort
	}
	return appendHex(b, v[2:n]), v[n:], nil
}

func parseHex16(b []byte, s string) ([]byte, error) {
	v, err := parseHex(nil, s)
	if err == nil && len(v) > math.MaxUint16 {
		err = fmt.Errorf("%d bytes, at most 65535 fit", len(v))
	}
	if err != nil {
		return b, err
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(v))), v...), nil
}

func printText(b, v []byte) (out, rest []byte, err error) { return text.AppendQuote(b, v), nil, nil }

func parseText(b []byte, s string) ([]byte, error) {
	t, err := text.Unquote(s)
	return append(b, t...), err
}

func printName(b, v []byte) (out, rest []byte, err error) {
	name, next, err := dnsname.Read(v, 0, false)
	if err != nil {
		return b, v, err
	}
	return text.AppendQuote(b, name), v[next:], nil
}

func printNames(b, v []byte) (out, rest []byte, err error) {
	names, err := dnsname.ReadAll(v, false)
	start := len(b)
	for _, n := range names {
		b = text.AppendQuote(text.Comma(b, start), n)
	}
	return b, nil, err
}

func parseName(b []byte, s string) ([]byte, error) {
	n, err := text.Unquote(s)
	if err == nil {
		b, err = dnsname.Append(b, n)
	}
	return b, err
}
