package v4

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/dhcp/internal/dnsname"
	"github.com/netfs-project/netfs/dhcp/internal/text"
)

// A SubOption is an option in an option, of the relay agent's among others.
type SubOption struct {
	Code uint8
	Data []byte
}

// Suboptions of a relay. Source: RFC 3046 2, 3527, 3993, 5107, 6607.
const (
	RelayCircuitID     = 1
	RelayRemoteID      = 2
	RelayLinkSelection = 5 // an address of the client's subnet
	RelaySubscriberID  = 6
	RelayFlags         = 10
	RelayServerID      = 11 // an address that the client is to take for the server
	RelayVSS           = 151
)

// SubOptions is a list of suboptions in the order of the message.
type SubOptions []SubOption

// Get returns the first suboption of a code.
func (s SubOptions) Get(code uint8) ([]byte, bool) {
	for i := range s {
		if s[i].Code == code {
			return s[i].Data, true
		}
	}
	return nil, false
}

// RelayInfo is what the relay says of the client, RFC 3046. A client never sends it.
func (o Options) RelayInfo() (SubOptions, error) { return o.SubOptions(OptRelayInfo) }

// SubOptions returns the suboptions of an option of that kind, or of option 43, which most
// vendors lay out so.
func (o Options) SubOptions(c Code) (SubOptions, error) {
	v, err := o.value(c)
	if err != nil {
		return nil, err
	}
	s, err := readSubOptions(v)
	if err != nil {
		return nil, &OptionError{c, err}
	}
	return s, nil
}

func readSubOptions(v []byte) (SubOptions, error) {
	var list SubOptions
	for len(v) > 0 {
		if len(v) < 2 || len(v) < 2+int(v[1]) {
			return nil, errShort
		}
		n := 2 + int(v[1])
		list = append(list, SubOption{v[0], v[2:n:n]})
		v = v[n:]
	}
	return list, nil
}

// SetSubOptions sets an option to suboptions, each of at most 255 bytes.
func (o *Options) SetSubOptions(c Code, list ...SubOption) error {
	var v []byte
	for _, s := range list {
		if len(s.Data) > 255 {
			return &OptionError{c, fmt.Errorf("suboption %d: %d bytes, at most 255 fit", s.Code, len(s.Data))}
		}
		v = append(append(v, s.Code, byte(len(s.Data))), s.Data...)
	}
	o.Set(c, v)
	return nil
}

func printSubOptions(b, v []byte) ([]byte, error) {
	list, err := readSubOptions(v)
	start := len(b)
	for _, s := range list {
		b = strconv.AppendUint(text.Comma(b, start), uint64(s.Code), 10)
		b = hex.AppendEncode(append(b, ':'), s.Data)
	}
	return b, err
}

func parseSubOptions(b []byte, s string) ([]byte, error) {
	var o Options
	var list []SubOption
	err := text.Each(s, func(w string) error {
		n, h, ok := strings.Cut(w, ":")
		code, err := strconv.ParseUint(n, 10, 8)
		data, err2 := hex.DecodeString(h)
		if !ok || errors.Join(err, err2) != nil {
			return fmt.Errorf("%q: not a suboption, NUMBER:HEX", w)
		}
		list = append(list, SubOption{uint8(code), data})
		return nil
	})
	if err == nil {
		err = o.SetSubOptions(OptRelayInfo, list...)
		var oe *OptionError
		if errors.As(err, &oe) {
			err = oe.Reason
		}
	}
	v, _ := o.Get(OptRelayInfo)
	return append(b, v...), err
}

// Flags of a ClientFQDN. Source: RFC 4702 2.1.
const (
	FQDNServer   = 1 << iota // S: the server should (or does) update the A record
	FQDNOverride             // O: the server did otherwise than S said
	FQDNEncoded              // E: the name is in DNS form, not in ASCII
	FQDNNoUpdate             // N: the server should (or does) no update
)

// A ClientFQDN is the client's name and who updates the DNS, RFC 4702.
type ClientFQDN struct {
	Flags   uint8
	Name    string // text form without a last dot; may be empty
	Partial bool   // the name is not fully qualified: it does not end with the root
}

// FQDN returns the client's name, of either encoding; something that is no name is an error.
func (o Options) FQDN() (ClientFQDN, error) {
	v, err := o.value(OptFQDN)
	if err != nil {
		return ClientFQDN{}, err
	}
	f, err := readFQDN(v)
	if err != nil {
		return ClientFQDN{}, &OptionError{OptFQDN, err}
	}
	return f, nil
}

func readFQDN(v []byte) (ClientFQDN, error) {
	f := ClientFQDN{Flags: v[0]}
	name := v[3:] // behind two codes of results, which nobody looks at any more
	if f.Flags&FQDNEncoded == 0 {
		s := string(trimNUL(name))
		f.Name = strings.TrimSuffix(s, ".")
		f.Partial = f.Name == s
		if s != "" && !dnsname.IsHost(s) {
			return f, fmt.Errorf("%s is not a host name", text.Quote(clip(s)))
		}
		return f, nil
	}
	whole, partial, err := dnsname.ReadPartial(name)
	f.Name, f.Partial = strings.TrimSuffix(whole, "."), partial
	return f, err
}

// SetFQDN sets the client's name, in DNS form.
func (o *Options) SetFQDN(f ClientFQDN) error {
	v, err := appendFQDN(nil, f)
	if err != nil {
		return &OptionError{OptFQDN, err}
	}
	o.Set(OptFQDN, v)
	return nil
}

func appendFQDN(b []byte, f ClientFQDN) ([]byte, error) {
	return dnsname.AppendPartial(append(b, f.Flags|FQDNEncoded, 0, 0), f.Name, f.Partial)
}

const fqdnLetters = "soen" // in the order of the bits

func printFQDN(b, v []byte) ([]byte, error) {
	f, err := readFQDN(v)
	if err != nil {
		return b, err
	}
	for i := range len(fqdnLetters) {
		if f.Flags&(1<<i)&^FQDNEncoded != 0 { // E is the matter of the encoding
			b = append(b, fqdnLetters[i])
		}
	}
	if !f.Partial {
		f.Name += "."
	}
	return text.AppendQuote(append(b, ':'), f.Name), nil
}

func parseFQDN(b []byte, s string) ([]byte, error) {
	flags, name, ok := strings.Cut(s, ":")
	if !ok {
		flags, name = "", s
	}
	var f ClientFQDN
	for i := range len(flags) {
		n := strings.IndexByte(fqdnLetters, flags[i])
		if n < 0 {
			return b, fmt.Errorf("%q: not flags (of %q) and a name", s, fqdnLetters)
		}
		f.Flags |= 1 << n
	}
	name, err := text.Unquote(name)
	if err != nil {
		return b, err
	}
	f.Name = strings.TrimSuffix(name, ".")
	f.Partial = f.Name == name
	return appendFQDN(b, f)
}

// UserClasses are the classes of option 77, any bytes. Source: RFC 3004. Some clients send
// one class without its length: that is an error here, and String has it.
func (o Options) UserClasses() ([]string, error) {
	v, err := o.value(OptUserClass)
	if err != nil {
		return nil, err
	}
	list, err := readClasses(v)
	if err != nil {
		return nil, &OptionError{OptUserClass, err}
	}
	return list, nil
}

func readClasses(v []byte) ([]string, error) {
	var list []string
	for len(v) > 0 {
		n := 1 + int(v[0])
		if n == 1 || n > len(v) {
			return nil, fmt.Errorf("a class of %d bytes in %d", n-1, len(v)-1)
		}
		list = append(list, string(v[1:n]))
		v = v[n:]
	}
	return list, nil
}

// SetUserClasses sets classes of 1 to 255 bytes each.
func (o *Options) SetUserClasses(list ...string) error {
	v, err := appendClasses(nil, list)
	if err != nil {
		return &OptionError{OptUserClass, err}
	}
	o.Set(OptUserClass, v)
	return nil
}

func appendClasses(b []byte, list []string) ([]byte, error) {
	for _, s := range list {
		if len(s) == 0 || len(s) > 255 {
			return b, fmt.Errorf("%q: a class has 1 to 255 bytes", clip(s))
		}
		b = append(append(b, byte(len(s))), s...)
	}
	return b, nil
}

func printClasses(b, v []byte) ([]byte, error) {
	list, err := readClasses(v)
	start := len(b)
	for _, s := range list {
		b = text.AppendQuote(text.Comma(b, start), s)
	}
	return b, err
}

func parseClasses(b []byte, s string) ([]byte, error) {
	var list []string
	err := text.Each(s, func(w string) error {
		t, err := text.Unquote(w)
		list = append(list, t)
		return err
	})
	if err != nil {
		return b, err
	}
	return appendClasses(b, list)
}

// Enterprise is what one vendor, by its number at IANA, says in option 124 or 125.
type Enterprise struct {
	Number uint32
	Data   []byte // 124: classes with lengths; 125: suboptions
}

// Enterprises returns what vendors say, of option 124 (classes) or 125
// (information). Source: RFC 3925.
func (o Options) Enterprises(c Code) ([]Enterprise, error) {
	v, err := o.value(c)
	if err != nil {
		return nil, err
	}
	list, err := readEnterprises(v)
	if err != nil {
		return nil, &OptionError{c, err}
	}
	return list, nil
}

func readEnterprises(v []byte) ([]Enterprise, error) {
	var list []Enterprise
	for len(v) > 0 {
		if len(v) < 5 || len(v) < 5+int(v[4]) {
			return nil, errShort
		}
		n := 5 + int(v[4])
		list = append(list, Enterprise{binary.BigEndian.Uint32(v), v[5:n:n]})
		v = v[n:]
	}
	return list, nil
}

// SetEnterprises sets what vendors say, at most 255 bytes each.
func (o *Options) SetEnterprises(c Code, list ...Enterprise) error {
	var v []byte
	for _, e := range list {
		if len(e.Data) > 255 {
			return &OptionError{c, fmt.Errorf("enterprise %d: %d bytes, at most 255 fit", e.Number, len(e.Data))}
		}
		v = binary.BigEndian.AppendUint32(v, e.Number)
		v = append(append(v, byte(len(e.Data))), e.Data...)
	}
	o.Set(c, v)
	return nil
}

func printEnterprises(b, v []byte) ([]byte, error) {
	list, err := readEnterprises(v)
	start := len(b)
	for _, e := range list {
		b = strconv.AppendUint(text.Comma(b, start), uint64(e.Number), 10)
		b = hex.AppendEncode(append(b, ':'), e.Data)
	}
	return b, err
}

func parseEnterprises(b []byte, s string) ([]byte, error) {
	err := text.Each(s, func(w string) error {
		n, h, ok := strings.Cut(w, ":")
		num, err := strconv.ParseUint(n, 10, 32)
		data, err2 := hex.DecodeString(h)
		if !ok || errors.Join(err, err2) != nil || len(data) > 255 {
			return fmt.Errorf("%q: not an enterprise's data, NUMBER:HEX", w)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(num))
		b = append(append(b, byte(len(data))), data...)
		return nil
	})
	return b, err
}

func printFlagText(b, v []byte) ([]byte, error) {
	b = strconv.AppendUint(b, uint64(v[0]), 10)
	return text.AppendQuote(append(b, ':'), trimNUL(v[1:])), nil
}

func parseFlagText(b []byte, s string) ([]byte, error) {
	n, rest, ok := strings.Cut(s, ":")
	num, err := strconv.ParseUint(n, 10, 8)
	if !ok || err != nil {
		return b, fmt.Errorf("%q: not NUMBER:TEXT", s)
	}
	t, err := text.Unquote(rest)
	return append(append(b, byte(num)), t...), err
}

func printFlagAddrs(b, v []byte) ([]byte, error) {
	if len(v)%4 != 1 {
		return b, errShort
	}
	return printAddrs(append(strconv.AppendUint(b, uint64(v[0]), 10), ':'), v[1:])
}

func parseFlagAddrs(b []byte, s string) ([]byte, error) {
	n, rest, ok := strings.Cut(s, ":")
	num, err := strconv.ParseUint(n, 10, 8)
	if !ok || err != nil {
		return b, fmt.Errorf("%q: not NUMBER:ADDRESSES", s)
	}
	return parseAddrs(append(b, byte(num)), rest)
}

// SIPServers are the servers of option 120, names or addresses. Source: RFC 3361.
func (o Options) SIPServers() (names []string, addrs []netip.Addr, err error) {
	v, err := o.value(OptSIPServers)
	if err == nil {
		if names, addrs, err = readSIP(v); err != nil {
			err = &OptionError{OptSIPServers, err}
		}
	}
	return names, addrs, err
}

func readSIP(v []byte) (names []string, addrs []netip.Addr, err error) {
	switch {
	case v[0] == 0:
		names, err = dnsname.ReadAll(v[1:], true)
	case v[0] == 1 && len(v)%4 == 1:
		for v = v[1:]; len(v) > 0; v = v[4:] {
			addrs = append(addrs, addrAt(v, 0))
		}
	default:
		err = fmt.Errorf("%d bytes of encoding %d", len(v)-1, v[0])
	}
	return names, addrs, err
}

func printSIP(b, v []byte) ([]byte, error) {
	names, _, err := readSIP(v)
	if err == nil && v[0] == 1 {
		return printAddrs(b, v[1:])
	}
	return appendNames(b, names), err
}

func parseSIP(b []byte, s string) ([]byte, error) {
	if v, err := parseAddrs(append(b, 1), s); err == nil {
		return v, nil
	}
	return parseNames(append(b, 0), s)
}

// A Rapid6 is a domain of 6rd. Source: RFC 5969 7.1.1.
type Rapid6 struct {
	IPv4MaskLen int // leading bits that all of the domain's IPv4 addresses share
	Prefix      netip.Prefix
	Relays      []netip.Addr
}

// SixRD returns the domain of 6rd.
func (o Options) SixRD() (Rapid6, error) {
	v, err := o.value(OptSixRD)
	if err != nil {
		return Rapid6{}, err
	}
	r, err := readSixRD(v)
	if err != nil {
		return Rapid6{}, &OptionError{OptSixRD, err}
	}
	return r, nil
}

func readSixRD(v []byte) (Rapid6, error) {
	r := Rapid6{IPv4MaskLen: int(v[0])}
	bits := int(v[1])
	if r.IPv4MaskLen > 32 || bits > 128 || len(v)%4 != 2 {
		return r, fmt.Errorf("mask length %d and prefix length %d in %d bytes", r.IPv4MaskLen, bits, len(v))
	}
	r.Prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte(v[2:])), bits).Masked()
	for v = v[18:]; len(v) > 0; v = v[4:] {
		r.Relays = append(r.Relays, addrAt(v, 0))
	}
	return r, nil
}

// SetSixRD sets the domain of 6rd.
func (o *Options) SetSixRD(r Rapid6) error {
	v, err := appendSixRD(nil, r)
	if err != nil {
		return &OptionError{OptSixRD, err}
	}
	o.Set(OptSixRD, v)
	return nil
}

func appendSixRD(b []byte, r Rapid6) ([]byte, error) {
	if r.IPv4MaskLen < 0 || r.IPv4MaskLen > 32 || !r.Prefix.IsValid() || !r.Prefix.Addr().Is6() || len(r.Relays) == 0 {
		return b, fmt.Errorf("mask length %d, prefix %v, %d relays", r.IPv4MaskLen, r.Prefix, len(r.Relays))
	}
	p := r.Prefix.Masked().Addr().As16()
	b = append(append(b, byte(r.IPv4MaskLen), byte(r.Prefix.Bits())), p[:]...)
	for _, a := range r.Relays {
		if !a.Is4() {
			return b, fmt.Errorf("%v is not an IPv4 address", a)
		}
		a4 := a.As4()
		b = append(b, a4[:]...)
	}
	return b, nil
}

func printSixRD(b, v []byte) ([]byte, error) {
	r, err := readSixRD(v)
	if err != nil {
		return b, err
	}
	b = append(strconv.AppendUint(b, uint64(r.IPv4MaskLen), 10), ':')
	b = append(r.Prefix.AppendTo(b), ',')
	return printAddrs(b, v[18:])
}

func parseSixRD(b []byte, s string) ([]byte, error) {
	head, relays, _ := strings.Cut(s, ",")
	n, pre, _ := strings.Cut(head, ":")
	mask, err := strconv.Atoi(n)
	p, err2 := netip.ParsePrefix(pre)
	if errors.Join(err, err2) != nil {
		return b, fmt.Errorf("%q: not LENGTH:PREFIX,RELAY,…", s)
	}
	r := Rapid6{IPv4MaskLen: mask, Prefix: p}
	err = text.Each(relays, func(w string) error {
		a, err := netip.ParseAddr(w)
		r.Relays = append(r.Relays, a)
		return err
	})
	if err != nil {
		return b, err
	}
	return appendSixRD(b, r)
}
