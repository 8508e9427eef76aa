package v4

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
	KindOpaque      Kind = iota // hex: 0102ff; "" for no byte
	KindEmpty                   // being there is the value: on
	KindBool                    // on, off
	KindUint8                   // decimal
	KindUint8s                  // 1,2
	KindUint16                  // decimal
	KindUint16s                 // 1,2
	KindUint32                  // decimal
	KindInt32                   // decimal
	KindSeconds                 // decimal, or forever
	KindAddr                    // 192.0.2.1
	KindAddrs                   // 192.0.2.1,192.0.2.2
	KindAddrsOrNone             // the same, or "" for none
	KindAddrPairs               // 10.0.0.0:255.0.0.0 or destination:router
	KindAddrLists               // 192.0.2.1/192.0.2.2,198.51.100.1: lists of addresses of one server
	KindAddr6                   // 2001:db8::1
	KindText                    // word or "quoted \x24"
	KindHost                    // the same, in quotes if it is no host name
	KindNames                   // example.com,example.net; compressed when received
	KindRoutes                  // 10.0.0.0/8:192.0.2.1
	KindCodes                   // names of options, opt.N
	KindMessageType             // discover, offer, ...
	KindClientID                // bytes, 01:02:00:5e:00:53:01
	KindSubOptions              // 1:0a0b,2:ff
	KindFQDN                    // s:host.example.com.: flags and a name
	KindClasses                 // texts
	KindEnterprises             // 311:4d53
	KindAuth                    // protocol:algorithm:rdm:replay:hex
	KindFlagText                // 1:text
	KindFlagAddrs               // 1:192.0.2.1,192.0.2.2
	KindSIP                     // names or addresses
	KindSixRD                   // 8:2001:db8::/32,192.0.2.1: mask length, prefix, relays
	KindURIs                    // texts
	KindLocation                // 38.89868/34,-77.03723/34,15/30,m,wgs84,0
	KindCivic                   // client:US,1:NY,3:"New York"
	KindResolvers               // 1/dns.example/192.0.2.53/alpn=dot: resolvers of encrypted DNS
	KindVSS                     // name:blue, vpn_id:00000100000001, global
	KindPorts                   // 6/8/52: offset, bits of the PSID, PSID
	KindRecord                  // fields, separated by commas: Info.Fields
)

const noMax = 0xffff

// A kind is the table's row of a Kind. print is given values of a right length only.
type kind struct {
	name           string
	min, max, unit int
	print          func(b, v []byte) ([]byte, error)
	parse          func(b []byte, s string) ([]byte, error)
}

var kinds = [...]kind{
	KindOpaque:      {"hex", 0, noMax, 1, printHex, parseHex},
	KindEmpty:       {"empty", 0, 0, 1, printEmpty, parseEmpty},
	KindBool:        {"bool", 1, 1, 1, printBool, parseBool},
	KindUint8:       {"uint8", 1, 1, 1, printUint, parseUint(1, false)},
	KindUint8s:      {"list of uint8", 1, noMax, 1, printUint8s, parseUint(1, true)},
	KindUint16:      {"uint16", 2, 2, 2, printUint, parseUint(2, false)},
	KindUint16s:     {"list of uint16", 2, noMax, 2, printUint16s, parseUint(2, true)},
	KindUint32:      {"uint32", 4, 4, 4, printUint, parseUint(4, false)},
	KindInt32:       {"int32", 4, 4, 4, printInt32, parseInt32},
	KindSeconds:     {"seconds", 4, 4, 4, printSeconds, parseSeconds},
	KindAddr:        {"address", 4, 4, 4, printAddrs, parseAddr},
	KindAddrs:       {"list of addresses", 4, noMax, 4, printAddrs, parseAddrs},
	KindAddrsOrNone: {"list of addresses", 0, noMax, 4, printAddrs, parseAddrs},
	KindAddrPairs:   {"list of pairs of addresses", 8, noMax, 8, printPairs, parsePairs},
	KindAddrLists:   {"list of servers' addresses", 5, noMax, 1, printAddrLists, parseAddrLists},
	KindAddr6:       {"IPv6 address", 16, 16, 16, printAddr6, parseAddr6},
	KindText:        {"text", 0, noMax, 1, printText, parseText},
	KindHost:        {"host name", 1, noMax, 1, printHost, parseText},
	KindNames:       {"list of domain names", 1, noMax, 1, printNames, parseNames},
	KindRoutes:      {"list of routes", 5, noMax, 1, printRoutes, parseRoutes},
	KindCodes:       {"list of options", 1, noMax, 1, printCodes, parseCodes},
	KindMessageType: {"message type", 1, 1, 1, printType, parseType},
	KindClientID:    {"client identifier", 2, noMax, 1, printClientID, parseClientID},
	KindSubOptions:  {"list of suboptions", 2, noMax, 1, printSubOptions, parseSubOptions},
	KindFQDN:        {"flags and name", 3, noMax, 1, printFQDN, parseFQDN},
	KindClasses:     {"list of classes", 2, noMax, 1, printClasses, parseClasses},
	KindEnterprises: {"list of enterprise data", 5, noMax, 1, printEnterprises, parseEnterprises},
	KindAuth:        {"authentication", 11, noMax, 1, printAuth, parseAuth},
	KindFlagText:    {"number and text", 1, noMax, 1, printFlagText, parseFlagText},
	KindFlagAddrs:   {"number and addresses", 1, noMax, 1, printFlagAddrs, parseFlagAddrs},
	KindSIP:         {"names or addresses", 2, noMax, 1, printSIP, parseSIP},
	KindSixRD:       {"6rd domain", 22, noMax, 1, printSixRD, parseSixRD},
	KindURIs:        {"list of URIs", 2, noMax, 1, printURIs, parseURIs},
	KindLocation:    {"location", 16, 16, 1, printShared(value.ReadLocation), parseShared(value.ParseLocation)},
	KindCivic:       {"civic address", 3, noMax, 1, printShared(value.ReadCivic), parseShared(value.ParseCivic)},
	KindResolvers:   {"list of resolvers", 2, noMax, 1, printResolvers, parseResolvers},
	KindVSS:         {"choice of VPN", 1, noMax, 1, printShared(value.ReadVSS), parseShared(value.ParseVSS)},
	KindPorts:       {"set of ports", 4, 4, 1, printShared(value.ReadPorts), parseShared(value.ParsePorts)},
	KindRecord:      {"record", 0, noMax, 1, nil, nil}, // its layout does it
}

func (k Kind) String() string { return kinds[k].name }

// Name is the name of the option in text: its name in the table, or opt.N.
func (c Code) Name() string {
	if n := table[c].Name; n != "" {
		return n
	}
	return "opt." + strconv.Itoa(int(c))
}

// ByName returns the option of a name, of "opt.N" or of a number.
func ByName(name string) (Code, error) {
	c, err := byName(name)
	if err == nil && (c == optPad || c == optEnd) {
		err = fmt.Errorf("%q: part of the encoding, no option", name)
	}
	return c, err
}

func byName(name string) (Code, error) {
	for c := range table {
		if table[c].Name == name && name != "" {
			return Code(c), nil
		}
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(name, "opt."), 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%q: no such option", name)
	}
	return Code(n), nil
}

// An OptionError says which option is wrong, and why.
type OptionError struct {
	Code   Code
	Reason error
}

func (e *OptionError) Error() string { return e.Code.String() + ": " + e.Reason.Error() }
func (e *OptionError) Unwrap() error { return e.Reason }

// ErrAbsent is why a getter fails if the option is not there.
var ErrAbsent = errors.New("not in the message")

// an absence is the OptionError of ErrAbsent, without an allocation.
type absence Code

func (a absence) Error() string { return Code(a).String() + ": " + ErrAbsent.Error() }
func (a absence) Unwrap() error { return ErrAbsent }

// value returns the bytes of an option if its length is what the table says.
func (o Options) value(c Code) ([]byte, error) {
	v, ok := o.Get(c)
	if !ok {
		return nil, absence(c)
	}
	if err := checkLength(c, len(v)); err != nil {
		return nil, err
	}
	return v, nil
}

func checkLength(c Code, n int) error {
	i := Describe(c)
	var err error
	switch {
	case i.Min == i.Max && n != i.Min:
		err = fmt.Errorf("%d bytes, not %d", n, i.Min)
	case n < i.Min:
		err = fmt.Errorf("%d bytes, fewer than %d", n, i.Min)
	case n > i.Max:
		err = fmt.Errorf("%d bytes, more than %d", n, i.Max)
	case n%i.Unit != 0:
		err = fmt.Errorf("%d bytes, not a multiple of %d", n, i.Unit)
	default:
		return nil
	}
	return &OptionError{c, err}
}

// AppendText appends the text of an option's value, which is safe to print. It fails on values that
// are not what their kind says; those are still Opaque, see Hex.
func (o Option) AppendText(b []byte) ([]byte, error) {
	if err := checkLength(o.Code, len(o.Data)); err != nil {
		return b, err
	}
	out, err := o.print(b)
	if err != nil {
		return b, &OptionError{o.Code, err}
	}
	return out, nil
}

func (o Option) print(b []byte) ([]byte, error) {
	i := &table[o.Code]
	if i.layout != nil {
		b, _, err := i.layout.Print(b, o.Data)
		return b, err
	}
	return kinds[i.Kind].print(b, o.Data)
}

func parse(c Code, s string) ([]byte, error) {
	i := &table[c]
	if i.layout != nil {
		return i.layout.Parse(nil, s)
	}
	return kinds[i.Kind].parse(nil, s)
}

// Text is the text of the value, as AppendText.
func (o Option) Text() (string, error) {
	b, err := o.AppendText(nil)
	return string(b), err
}

// Hex is the value in hex, whatever it is.
func (o Option) Hex() string { return hex.EncodeToString(o.Data) }

// ParseOption makes an option of the text of its value: what AppendText prints,
// among others. Any value can be given in hex, as "hex:0102".
func ParseOption(c Code, s string) (Option, error) {
	var v []byte
	var err error
	if h, ok := strings.CutPrefix(s, text.HexPrefix); ok {
		v, err = parseHex(nil, h)
	} else if v, err = parse(c, s); err == nil {
		err = checkLength(c, len(v))
	}
	if err != nil {
		var oe *OptionError
		if errors.As(err, &oe) {
			return Option{}, err
		}
		return Option{}, &OptionError{c, err}
	}
	return Option{c, v}, nil
}

func printHex(b, v []byte) ([]byte, error) {
	if len(v) == 0 {
		return append(b, `""`...), nil
	}
	return hex.AppendEncode(b, v), nil
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

func printEmpty(b, v []byte) ([]byte, error) { return append(b, "on"...), nil }

func parseEmpty(b []byte, s string) ([]byte, error) {
	if s != "on" && s != `""` {
		return b, fmt.Errorf(`%q: not "on", all that it can be`, s)
	}
	return b, nil
}

func printBool(b, v []byte) ([]byte, error) {
	switch v[0] {
	case 0:
		return append(b, "off"...), nil
	case 1:
		return append(b, "on"...), nil
	}
	return b, fmt.Errorf("%d is neither 0 nor 1", v[0])
}

func parseBool(b []byte, s string) ([]byte, error) {
	switch s {
	case "on", "yes", "true", "1":
		return append(b, 1), nil
	case "off", "no", "false", "0":
		return append(b, 0), nil
	}
	return b, fmt.Errorf("%q: neither on nor off", s)
}

func printUint(b, v []byte) ([]byte, error) {
	return strconv.AppendUint(b, uint64(bigEndian(v)), 10), nil
}

func bigEndian(v []byte) uint32 {
	var n uint32
	for _, c := range v {
		n = n<<8 | uint32(c)
	}
	return n
}

func printUint8s(b, v []byte) ([]byte, error)  { return printList(b, v, 1) }
func printUint16s(b, v []byte) ([]byte, error) { return printList(b, v, 2) }

func printList(b, v []byte, size int) ([]byte, error) {
	for start := len(b); len(v) > 0; v = v[size:] {
		b = strconv.AppendUint(text.Comma(b, start), uint64(bigEndian(v[:size])), 10)
	}
	return b, nil
}

// parseUint makes the parser of an integer of size bytes, or of a list of them.
func parseUint(size int, list bool) func(b []byte, s string) ([]byte, error) {
	one := func(b []byte, s string) ([]byte, error) {
		n, err := strconv.ParseUint(s, 0, size*8)
		if err != nil {
			return b, fmt.Errorf("%q: not a number from 0 to %d", s, uint64(1)<<(size*8)-1)
		}
		for i := size - 1; i >= 0; i-- {
			b = append(b, byte(n>>(8*i)))
		}
		return b, nil
	}
	if !list {
		return one
	}
	return func(b []byte, s string) ([]byte, error) {
		err := text.Each(s, func(w string) (err error) { b, err = one(b, w); return })
		return b, err
	}
}

func printInt32(b, v []byte) ([]byte, error) {
	return strconv.AppendInt(b, int64(int32(bigEndian(v))), 10), nil
}

func parseInt32(b []byte, s string) ([]byte, error) {
	n, err := strconv.ParseInt(s, 0, 32)
	if err != nil {
		return b, fmt.Errorf("%q: not a number of 32 bits", s)
	}
	return binary.BigEndian.AppendUint32(b, uint32(n)), nil
}

const forever = "forever"

func printSeconds(b, v []byte) ([]byte, error) {
	if bigEndian(v) == math.MaxUint32 {
		return append(b, forever...), nil
	}
	return printUint(b, v)
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

func printAddrs(b, v []byte) ([]byte, error) {
	if len(v) == 0 {
		return append(b, `""`...), nil
	}
	for start := len(b); len(v) > 0; v = v[4:] {
		b = addrAt(v, 0).AppendTo(text.Comma(b, start))
	}
	return b, nil
}

func parseAddr(b []byte, s string) ([]byte, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return b, fmt.Errorf("%q: not an IPv4 address", s)
	}
	a4 := a.As4()
	return append(b, a4[:]...), nil
}

func parseAddrs(b []byte, s string) ([]byte, error) {
	if s == `""` {
		return b, nil
	}
	err := text.Each(s, func(w string) (err error) { b, err = parseAddr(b, w); return })
	return b, err
}

func printPairs(b, v []byte) ([]byte, error) {
	for start := len(b); len(v) > 0; v = v[8:] {
		b = addrAt(v, 0).AppendTo(text.Comma(b, start))
		b = addrAt(v, 4).AppendTo(append(b, ':'))
	}
	return b, nil
}

func parsePairs(b []byte, s string) ([]byte, error) {
	err := text.Each(s, func(w string) error {
		x, y, ok := strings.Cut(w, ":")
		if !ok {
			return fmt.Errorf("%q: not a pair of addresses, A:B", w)
		}
		var err error
		if b, err = parseAddr(b, x); err == nil {
			b, err = parseAddr(b, y)
		}
		return err
	})
	return b, err
}

// AddrLists: RFC 7291 4.
func printAddrLists(b, v []byte) ([]byte, error) {
	for start := len(b); len(v) > 0; {
		n := int(v[0])
		if n == 0 || n%4 != 0 || 1+n > len(v) {
			return b, fmt.Errorf("a list of %d bytes in %d", n, len(v)-1)
		}
		b = text.Comma(b, start)
		for i := 1; i < 1+n; i += 4 {
			if i > 1 {
				b = append(b, '/')
			}
			b = addrAt(v, i).AppendTo(b)
		}
		v = v[1+n:]
	}
	return b, nil
}

func parseAddrLists(b []byte, s string) ([]byte, error) {
	err := text.Each(s, func(w string) (err error) {
		at := len(b)
		b = append(b, 0)
		for a := range strings.SplitSeq(w, "/") {
			if b, err = parseAddr(b, a); err != nil {
				return err
			}
		}
		if n := len(b) - at - 1; n > 255 {
			return fmt.Errorf("%d addresses of one server, at most 63 fit", n/4)
		}
		b[at] = byte(len(b) - at - 1)
		return nil
	})
	return b, err
}

func printAddr6(b, v []byte) ([]byte, error) {
	return netip.AddrFrom16([16]byte(v)).AppendTo(b), nil
}

func parseAddr6(b []byte, s string) ([]byte, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return b, fmt.Errorf("%q: not an IPv6 address", s)
	}
	a16 := a.As16()
	return append(b, a16[:]...), nil
}

func printText(b, v []byte) ([]byte, error) {
	t := trimNUL(v)
	if len(t) == 0 && len(v) > 0 {
		return b, errors.New("nothing but zeros")
	}
	return text.AppendQuote(b, t), nil
}

func printHost(b, v []byte) ([]byte, error) {
	if t := trimNUL(v); len(t) > 0 && !dnsname.IsHost(string(t)) {
		return text.AppendQuoted(b, t), nil
	}
	return printText(b, v)
}

func parseText(b []byte, s string) ([]byte, error) {
	t, err := text.Unquote(s)
	return append(b, t...), err
}

// trimNUL takes zeros from the end, as RFC 2132 2 asks.
func trimNUL(v []byte) []byte {
	for len(v) > 0 && v[len(v)-1] == 0 {
		v = v[:len(v)-1]
	}
	return v
}

func printNames(b, v []byte) ([]byte, error) {
	names, err := dnsname.ReadAll(v, true)
	if err != nil {
		return b, err
	}
	return appendNames(b, names), nil
}

func appendNames(b []byte, names []string) []byte {
	start := len(b)
	for _, n := range names {
		b = text.AppendQuote(text.Comma(b, start), n)
	}
	return b
}

func parseNames(b []byte, s string) ([]byte, error) {
	err := text.Each(s, func(w string) error {
		n, err := text.Unquote(w)
		if err == nil {
			b, err = dnsname.Append(b, n)
		}
		return err
	})
	return b, err
}

func printCodes(b, v []byte) ([]byte, error) {
	start := len(b)
	for _, c := range v {
		b = append(text.Comma(b, start), Code(c).Name()...)
	}
	return b, nil
}

func parseCodes(b []byte, s string) ([]byte, error) {
	err := text.Each(s, func(w string) error {
		c, err := byName(w)
		b = append(b, byte(c))
		return err
	})
	return b, err
}

func printType(b, v []byte) ([]byte, error) {
	return append(b, MessageType(v[0]).String()...), nil
}

func parseType(b []byte, s string) ([]byte, error) {
	for i, n := range typeNames {
		if n == s && n != "" {
			return append(b, byte(i)), nil
		}
	}
	return parseUint(1, false)(b, s)
}
