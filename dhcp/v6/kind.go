package v6

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
	"github.com/netfs-project/netfs/dhcp/value"
)

// A Kind is the form of a value: how its bytes are laid out, and its text. Lists
// are separated by commas.
type Kind uint8

const (
	KindOpaque        Kind = iota // hex: 0102ff; "" for no byte
	KindEmpty                     // being there is the value: on
	KindUint8                     // decimal
	KindUint16                    // decimal
	KindUint16s                   // 1,2
	KindSeconds                   // decimal, or forever
	KindHundredths                // hundredths of a second, decimal
	KindAddr                      // 2001:db8::1
	KindAddrs                     // 2001:db8::1,2001:db8::2
	KindAddrsOrNone               // the same, or "" for none
	KindText                      // word or "quoted \x24"
	KindNames                     // example.com,example.net
	KindCodes                     // names of options, opt.N
	KindDUID                      // bytes: 00:03:00:01:02:00:5e:00:53:01
	KindClasses                   // texts
	KindFQDN                      // s:host.example.com.: flags and a name
	KindNTP                       // addresses and names
	KindStatus                    // no_binding:text
	KindAuth                      // protocol:algorithm:rdm:replay:hex
	KindIA                        // iaid=1 t1=1800 t2=2880 options
	KindIATA                      // iaid=1 options
	KindIAAddr                    // 2001:db8::1 preferred=3600 valid=7200 options
	KindIAPrefix                  // 2001:db8:1::/48 preferred=3600 valid=7200 options
	KindMessage                   // solicit xid=1a2b3c options
	KindVendorClass               // 311:text,...
	KindVendorOptions             // 311 1=0a0b
	KindOptions                   // options: name=value name[...]
	KindUint32                    // decimal
	KindPairs                     // 0/1,2/5: pairs of bytes
	KindSubOptions                // 1:0a0b,2:ff
	KindLocation                  // 38.89868/34,-77.03723/34,15/30,m,wgs84,1
	KindCivic                     // client:US,1:NY,3:"New York"
	KindResolver                  // 1/dns.example/2001:db8::53/alpn=dot: a resolver of encrypted DNS
	KindVSS                       // name:blue, vpn_id:00000100000001, global
	KindPorts                     // 6/8/52: offset, bits of the PSID, PSID
	KindRecord                    // fields, separated by commas (Info.Fields), or name=value … and options
)

const (
	noMax   = 0xffff
	forever = "forever"
	// hexPrefix begins a value that is given as bytes, whatever its kind.
	hexPrefix = text.HexPrefix
)

// kinds has the name and the lengths of each Kind, and whether its text can be read. What has
// options in itself cannot: it is built, not written.
var kinds = [...]struct {
	name           string
	min, max, unit int
	parsed         bool
}{
	KindOpaque:        {"hex", 0, noMax, 1, true},
	KindEmpty:         {"empty", 0, 0, 1, true},
	KindUint8:         {"uint8", 1, 1, 1, true},
	KindUint16:        {"uint16", 2, 2, 1, true},
	KindUint16s:       {"list of uint16", 2, noMax, 2, true},
	KindSeconds:       {"seconds", 4, 4, 1, true},
	KindHundredths:    {"hundredths of a second", 2, 2, 1, true},
	KindAddr:          {"address", 16, 16, 1, true},
	KindAddrs:         {"list of addresses", 16, noMax, 16, true},
	KindAddrsOrNone:   {"list of addresses", 0, noMax, 16, true},
	KindText:          {"text", 0, noMax, 1, true},
	KindNames:         {"list of domain names", 1, noMax, 1, true},
	KindCodes:         {"list of options", 0, noMax, 2, true},
	KindDUID:          {"DUID", 3, 130, 1, true},
	KindClasses:       {"list of classes", 0, noMax, 1, true},
	KindFQDN:          {"flags and name", 1, noMax, 1, true},
	KindNTP:           {"servers of time", 0, noMax, 1, true},
	KindStatus:        {"status", 2, noMax, 1, true},
	KindAuth:          {"authentication", 11, noMax, 1, true},
	KindIA:            {"identity association", 12, noMax, 1, false},
	KindIATA:          {"identity association", 4, noMax, 1, false},
	KindIAAddr:        {"address with lifetimes", 24, noMax, 1, false},
	KindIAPrefix:      {"prefix with lifetimes", 25, noMax, 1, false},
	KindMessage:       {"message", 4, noMax, 1, false},
	KindVendorClass:   {"vendor's classes", 4, noMax, 1, false},
	KindVendorOptions: {"vendor's options", 4, noMax, 1, false},
	KindOptions:       {"list of options", 0, noMax, 1, false},
	KindUint32:        {"uint32", 4, 4, 1, true},
	KindPairs:         {"list of pairs", 2, noMax, 2, true},
	KindSubOptions:    {"list of suboptions", 4, noMax, 1, true},
	KindLocation:      {"location", 16, 16, 1, true},
	KindCivic:         {"civic address", 3, noMax, 1, true},
	KindResolver:      {"resolver", 4, noMax, 1, true},
	KindVSS:           {"choice of VPN", 1, noMax, 1, true},
	KindPorts:         {"set of ports", 4, 4, 1, true},
	KindRecord:        {"record", 0, noMax, 1, true}, // its layout does it
}

func (k Kind) String() string { return kinds[k].name }

// parsed reports whether the text of the option's value can be read.
func (i Info) parsed() bool {
	return kinds[i.Kind].parsed && (i.layout == nil || !i.layout.HasOptions())
}

// Quote is a stranger's text, safe to print: as it is if it has only letters, digits
// and -_.:/@+=%, else in double quotes with other bytes as \xNN.
func Quote(s string) string { return text.Quote(s) }

// depth is how deep options in options are printed; relays nest messages.
const depth = 24

// AppendText appends the text of an option's value, which is safe to print, and
// of the options in it. It fails on values that are not what their kind says, see Hex.
func (o Option) AppendText(b []byte) ([]byte, error) { return o.appendText(b, depth) }

// Text is the text of the value, as AppendText.
func (o Option) Text() (string, error) {
	b, err := o.AppendText(nil)
	return string(b), err
}

// Hex is the value in hex, whatever it is.
func (o Option) Hex() string { return hex.EncodeToString(o.Data) }

func (o Option) appendText(b []byte, deep int) ([]byte, error) {
	if err := checkLength(o.Code, len(o.Data)); err != nil {
		return b, err
	}
	out, in, err := o.appendOwn(b)
	if err != nil {
		var oe *OptionError
		if !errors.As(err, &oe) || oe.Code != o.Code {
			err = &OptionError{o.Code, err}
		}
		return b, err
	}
	return in.appendText(out, len(b), deep-1), nil
}

// appendText appends a list, apart from what was appended since start: name=value, or
// name[...] of what has options in itself.
func (o Options) appendText(b []byte, start, deep int) []byte {
	for i := range o {
		if len(b) > start {
			b = append(b, ' ')
		}
		b = append(b, o[i].Code.Name()...)
		if deep <= 0 {
			return append(b, "..."...)
		}
		open, end := "=", ""
		if !Describe(o[i].Code).parsed() {
			open, end = "[", "]"
		}
		b = append(b, open...)
		t, err := o[i].appendText(b, deep)
		if err != nil {
			t = append(append(b, hexPrefix...), o[i].Hex()...)
		}
		b = append(t, end...)
	}
	return b
}

// appendOwn appends the text of the value without the options in it, which it
// returns.
func (o Option) appendOwn(b []byte) (_ []byte, in Options, err error) {
	v := o.Data
	switch Describe(o.Code).Kind {
	case KindEmpty:
		b = append(b, "on"...)
	case KindUint8:
		b = strconv.AppendUint(b, uint64(v[0]), 10)
	case KindUint16, KindUint16s, KindHundredths:
		for start := len(b); len(v) > 0; v = v[2:] {
			b = strconv.AppendUint(text.Comma(b, start), uint64(binary.BigEndian.Uint16(v)), 10)
		}
	case KindSeconds:
		b = printSeconds(b, v)
	case KindAddr, KindAddrs, KindAddrsOrNone:
		b = printAddrs(b, v)
	case KindText:
		b = text.AppendQuote(b, v)
	case KindNames:
		var names []string
		names, err = dnsname.ReadAll(v, false)
		b = printTexts(b, names)
	case KindCodes:
		b = printCodes(b, v)
	case KindDUID:
		b = append(b, DUID(v).String()...)
	case KindClasses:
		var list []string
		list, err = readClasses(v)
		b = printTexts(b, list)
	case KindFQDN:
		b, err = printFQDN(b, v)
	case KindNTP:
		b, err = printNTP(b, v)
	case KindStatus:
		b = append(b, StatusCode(binary.BigEndian.Uint16(v)).String()...)
		b = text.AppendQuote(append(b, ':'), v[2:])
	case KindAuth:
		b = printAuth(b, v)
	case KindIA, KindIATA:
		return printIA(b, o.Code, v)
	case KindIAAddr:
		var a IAAddr
		a, err = readIAAddr(v)
		return printLifetimes(a.Addr.AppendTo(b), v[16:], v[20:]), a.Options, err
	case KindIAPrefix:
		var p IAPrefix
		if p, err = readIAPrefix(v); err == nil {
			b = printLifetimes(p.Prefix.AppendTo(b), v, v[4:])
		}
		return b, p.Options, err
	case KindMessage:
		var m Message
		if err = m.Decode(v); err == nil {
			b = m.appendHead(b)
		}
		return b, m.Options, err
	case KindVendorClass:
		var list []string
		list, err = readClasses(v[4:])
		b = append(strconv.AppendUint(b, uint64(binary.BigEndian.Uint32(v)), 10), ':')
		b = printTexts(b, list)
	case KindVendorOptions:
		return printVendorOptions(b, v)
	case KindOptions:
		err = in.decode(v)
		return b, in, err
	case KindUint32:
		b = strconv.AppendUint(b, uint64(binary.BigEndian.Uint32(v)), 10)
	case KindPairs:
		for start := len(b); len(v) > 0; v = v[2:] {
			b = fmt.Appendf(text.Comma(b, start), "%d/%d", v[0], v[1])
		}
	case KindSubOptions:
		b, err = printSubOptions(b, v)
	case KindLocation:
		b, err = printShared(b, v, value.ReadLocation)
	case KindCivic:
		b, err = printShared(b, v, value.ReadCivic)
	case KindResolver:
		var r value.Resolver
		r, err = value.ReadResolver(v, value.ResolverV6)
		b = r.AppendText(b)
	case KindVSS:
		b, err = printShared(b, v, value.ReadVSS)
	case KindPorts:
		b, err = printShared(b, v, value.ReadPorts)
	case KindRecord:
		l := find(o.Code).layout
		var rest []byte
		if b, rest, err = l.Print(b, v); err == nil {
			err = in.decode(rest)
		}
		return b, in, err
	default:
		b = printHex(b, v)
	}
	return b, nil, err
}

func printHex(b, v []byte) []byte {
	if len(v) == 0 {
		return append(b, `""`...)
	}
	return hex.AppendEncode(b, v)
}

func printSeconds(b, v []byte) []byte {
	n := binary.BigEndian.Uint32(v)
	if n == math.MaxUint32 {
		return append(b, forever...)
	}
	return strconv.AppendUint(b, uint64(n), 10)
}

func printLifetimes(b, preferred, valid []byte) []byte {
	b = printSeconds(append(b, " preferred="...), preferred)
	return printSeconds(append(b, " valid="...), valid)
}

func printAddrs(b, v []byte) []byte {
	if len(v) == 0 {
		return append(b, `""`...)
	}
	for start := len(b); len(v) > 0; v = v[16:] {
		b = addrAt(v, 0).AppendTo(text.Comma(b, start))
	}
	return b
}

func printTexts(b []byte, list []string) []byte {
	start := len(b)
	for _, s := range list {
		b = text.AppendQuote(text.Comma(b, start), s)
	}
	return b
}

func printCodes(b, v []byte) []byte {
	if len(v) == 0 {
		return append(b, `""`...)
	}
	for start := len(b); len(v) > 0; v = v[2:] {
		b = append(text.Comma(b, start), Code(binary.BigEndian.Uint16(v)).Name()...)
	}
	return b
}

const fqdnLetters = "son" // in the order of the bits

func printFQDN(b, v []byte) ([]byte, error) {
	f, err := readFQDN(v)
	for i := range len(fqdnLetters) {
		if f.Flags&(1<<i) != 0 {
			b = append(b, fqdnLetters[i])
		}
	}
	if !f.Partial {
		f.Name += "."
	}
	return text.AppendQuote(append(b, ':'), f.Name), err
}

func printNTP(b, v []byte) ([]byte, error) {
	n, err := readNTP(v)
	start := len(b)
	for _, a := range append(n.Servers, n.Multicast...) {
		b = a.AppendTo(text.Comma(b, start))
	}
	for _, name := range n.Names {
		b = text.AppendQuote(text.Comma(b, start), name)
	}
	if len(b) == start && err == nil {
		err = errors.New("no server that is known of")
	}
	return b, err
}

func printIA(b []byte, c Code, v []byte) ([]byte, Options, error) {
	ia, err := readIA(c, v)
	b = strconv.AppendUint(append(b, "iaid="...), uint64(ia.IAID), 10)
	if c != OptIATA {
		b = printSeconds(append(b, " t1="...), v[4:])
		b = printSeconds(append(b, " t2="...), v[8:])
	}
	return b, ia.Options, err
}

func printVendorOptions(b, v []byte) ([]byte, Options, error) {
	b = strconv.AppendUint(b, uint64(binary.BigEndian.Uint32(v)), 10)
	var sub Options
	if sub.decode(v[4:]) != nil {
		return b, nil, errShort
	}
	// Their numbers are the vendor's: no names and kinds of ours.
	for _, s := range sub {
		b = strconv.AppendUint(append(b, ' '), uint64(s.Code), 10)
		b = printHex(append(b, '='), s.Data)
	}
	return b, nil, nil
}

// ParseOption makes an option of the text of its value: what AppendText prints, among others,
// but for values that have options in themselves. Any value can be given in hex, as "hex:0102".
func ParseOption(c Code, s string) (Option, error) {
	v, err := parseValue(c, s)
	if err != nil {
		return Option{}, &OptionError{c, err}
	}
	return Option{c, v}, nil
}

func parseValue(c Code, s string) ([]byte, error) {
	if h, ok := strings.CutPrefix(s, hexPrefix); ok {
		return parseHex(h)
	}
	v, err := parseKind(Describe(c), s)
	if err == nil {
		if err = checkLength(c, len(v)); err != nil {
			err = errors.Unwrap(err)
		}
	}
	return v, err
}

func parseKind(i Info, s string) (v []byte, err error) {
	k := i.Kind
	switch {
	case !i.parsed():
		return nil, fmt.Errorf("its kind, %v, has no text to be read; give hex:…", k)
	case k == KindRecord:
		return i.layout.Parse(nil, s)
	case s == `""` && k != KindText && k != KindFQDN && k != KindNames && k != KindClasses:
		return nil, nil
	}
	each := func(f func(w string) error) error { return text.Each(s, f) }
	switch k {
	case KindEmpty:
		if s != "on" {
			err = fmt.Errorf(`%q: not "on", all that it can be`, s)
		}
	case KindUint8:
		v, err = parseUint(nil, s, 1)
	case KindUint16, KindHundredths:
		v, err = parseUint(nil, s, 2)
	case KindUint16s:
		err = each(func(w string) (err error) { v, err = parseUint(v, w, 2); return })
	case KindSeconds:
		if s == forever {
			return []byte{255, 255, 255, 255}, nil
		}
		v, err = parseUint(nil, s, 4)
	case KindAddr, KindAddrs, KindAddrsOrNone:
		err = each(func(w string) (err error) { v, err = parseAddr(v, w); return })
	case KindText:
		var t string
		t, err = text.Unquote(s)
		v = []byte(t)
	case KindNames:
		err = each(func(w string) error { return parseName(&v, w) })
	case KindCodes:
		err = each(func(w string) error {
			c, err := ByName(w)
			v = binary.BigEndian.AppendUint16(v, uint16(c))
			return err
		})
	case KindDUID:
		v, err = ParseDUID(s)
	case KindClasses:
		err = each(func(w string) error {
			t, err := text.Unquote(w)
			if err == nil {
				v, err = appendClasses(v, []string{t})
			}
			return err
		})
	case KindFQDN:
		v, err = parseFQDN(s)
	case KindNTP:
		v, err = parseNTP(s)
	case KindStatus:
		v, err = parseStatus(s)
	case KindAuth:
		v, err = parseAuth(s)
	case KindUint32:
		v, err = parseUint(nil, s, 4)
	case KindPairs:
		err = each(func(w string) (err error) {
			x, y, _ := strings.Cut(w, "/")
			if v, err = parseUint(v, x, 1); err == nil {
				v, err = parseUint(v, y, 1)
			}
			return err
		})
	case KindSubOptions:
		err = each(func(w string) (err error) { v, err = parseSubOption(v, w); return })
	case KindLocation:
		v, err = parseShared(s, value.ParseLocation)
	case KindCivic:
		v, err = parseShared(s, value.ParseCivic)
	case KindResolver:
		var r value.Resolver
		if r, err = value.ParseResolver(s); err == nil {
			v, err = r.Append(nil, value.ResolverV6)
		}
	case KindVSS:
		v, err = parseShared(s, value.ParseVSS)
	case KindPorts:
		v, err = parseShared(s, value.ParsePorts)
	default:
		v, err = parseHex(s)
	}
	return v, err
}

func parseHex(s string) ([]byte, error) {
	v, err := hex.DecodeString(strings.ReplaceAll(s, ":", ""))
	if err != nil {
		return nil, fmt.Errorf("%q: not hex", s)
	}
	return v, nil
}

func parseUint(b []byte, s string, size int) ([]byte, error) {
	n, err := strconv.ParseUint(s, 0, size*8)
	if err != nil {
		return b, fmt.Errorf("%q: not a number from 0 to %d", s, uint64(1)<<(size*8)-1)
	}
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(n>>(8*i)))
	}
	return b, nil
}

func parseAddr(b []byte, s string) ([]byte, error) {
	a, err := netip.ParseAddr(s)
	if err == nil {
		b, err = appendAddrs(b, []netip.Addr{a})
	}
	if err != nil {
		return b, fmt.Errorf("%q: not an IPv6 address", s)
	}
	return b, nil
}

func parseName(v *[]byte, s string) error {
	n, err := text.Unquote(s)
	if err == nil {
		*v, err = dnsname.Append(*v, n)
	}
	return err
}

func parseFQDN(s string) ([]byte, error) {
	flags, name, ok := strings.Cut(s, ":")
	if !ok {
		flags, name = "", s
	}
	var f ClientFQDN
	for i := range len(flags) {
		n := strings.IndexByte(fqdnLetters, flags[i])
		if n < 0 {
			return nil, fmt.Errorf("%q: not flags (of %q) and a name", s, fqdnLetters)
		}
		f.Flags |= 1 << n
	}
	name, err := text.Unquote(name)
	if err != nil {
		return nil, err
	}
	f.Name = strings.TrimSuffix(name, ".")
	f.Partial = f.Name == name
	return appendFQDN(nil, f)
}

// parseNTP reads addresses, of which those of groups are multicast, and names.
func parseNTP(s string) ([]byte, error) {
	var n NTP
	err := text.Each(s, func(w string) error {
		a, err := netip.ParseAddr(w)
		switch {
		case err == nil && a.IsMulticast():
			n.Multicast = append(n.Multicast, a)
		case err == nil:
			n.Servers = append(n.Servers, a)
		default:
			w, err = text.Unquote(w)
			n.Names = append(n.Names, w)
			return err
		}
		return nil
	})
	var o Options
	if err == nil {
		err = o.SetNTP(n)
	}
	v, _ := o.Get(OptNTPServers)
	var oe *OptionError
	if errors.As(err, &oe) {
		err = oe.Reason
	}
	return v, err
}

func parseStatus(s string) ([]byte, error) {
	word, rest, _ := strings.Cut(s, ":")
	code := -1
	for i, n := range statusNames {
		if n == word {
			code = i
		}
	}
	if n, err := strconv.ParseUint(word, 10, 16); err == nil {
		code = int(n)
	}
	if code < 0 {
		return nil, fmt.Errorf("%q: no such status", word)
	}
	t, err := text.Unquote(rest)
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), t...), err
}
