package ra

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/netfs-project/netfs/dhcp/internal/dnsname"
	"github.com/netfs-project/netfs/dhcp/internal/text"
)

// A Type is the number of an option.
type Type uint8

// Source: the registry of ICMPv6 parameters at IANA. Options of other messages, of SEND, of
// mobile hosts and of 6LoWPAN are not here: they are bytes.
const (
	OptSourceLink    Type = 1   // RFC 4861 4.6.1
	OptTargetLink    Type = 2   // RFC 4861 4.6.1
	OptPrefix        Type = 3   // RFC 4861 4.6.2
	OptRedirected    Type = 4   // RFC 4861 4.6.3
	OptMTU           Type = 5   // RFC 4861 4.6.4
	OptInterval      Type = 7   // RFC 6275 7.3
	OptHomeAgent     Type = 8   // RFC 6275 7.4
	OptNonce         Type = 14  // RFC 3971 5.3.2
	OptPvD           Type = 21  // RFC 8801 3.1
	OptRoute         Type = 24  // RFC 4191 2.3
	OptDNS           Type = 25  // RFC 8106 5.1
	OptFlags         Type = 26  // RFC 5175 4
	OptSearch        Type = 31  // RFC 8106 5.2
	OptCaptivePortal Type = 37  // RFC 8910 2.3
	OptPREF64        Type = 38  // RFC 8781 4
	OptDNR           Type = 144 // RFC 9463 6.1
)

var optionNames = map[Type]string{
	OptSourceLink:    "source_link",
	OptTargetLink:    "target_link",
	OptPrefix:        "prefix",
	OptRedirected:    "redirected",
	OptMTU:           "mtu",
	OptInterval:      "interval",
	OptHomeAgent:     "home_agent",
	OptNonce:         "nonce",
	OptPvD:           "pvd",
	OptRoute:         "route",
	OptDNS:           "dns",
	OptFlags:         "flags",
	OptSearch:        "search",
	OptCaptivePortal: "captive_portal",
	OptPREF64:        "pref64",
	OptDNR:           "dnr",
}

// Name is the name of the option, or opt.N.
func (t Type) Name() string {
	if n, ok := optionNames[t]; ok {
		return n
	}
	return fmt.Sprintf("opt.%d", uint8(t))
}

func (t Type) String() string {
	if n, ok := optionNames[t]; ok {
		return fmt.Sprintf("option %d (%s)", uint8(t), n)
	}
	return fmt.Sprintf("option %d", uint8(t))
}

// An Option is a type and what follows the type and the length, with padding.
type Option struct {
	Type Type
	Data []byte // 6 bytes more than a multiple of 8; shorter is padded when sent
}

// Options is a list of options in the order of the message. A type may be there
// more than once.
type Options []Option

// maxData is what the longest option holds: 255 units of 8 bytes, two of which are the head.
const maxData = 255*8 - 2

// decode reads options. A length of zero spoils the message, RFC 4861 6.1.2.
func (o *Options) decode(b []byte) error {
	for len(b) > 0 {
		if len(b) < 2 {
			return errors.New("a byte behind the last option")
		}
		t, n := Type(b[0]), int(b[1])*8
		if n == 0 {
			return fmt.Errorf("%v: its length is 0", t)
		}
		if n > len(b) {
			return fmt.Errorf("%v: %d bytes where %d are left", t, n, len(b))
		}
		*o = append(*o, Option{t, b[2:n:n]})
		b = b[n:]
	}
	return nil
}

func (o Options) append(b []byte) ([]byte, error) {
	for i := range o {
		n := len(o[i].Data)
		if n > maxData {
			return b, fmt.Errorf("%v: %d bytes, at most %d fit", o[i].Type, n, maxData)
		}
		unit := (n + 2 + 7) / 8
		b = append(b, byte(o[i].Type), byte(unit))
		b = append(b, o[i].Data...)
		for range unit*8 - 2 - n {
			b = append(b, 0)
		}
	}
	return b, nil
}

// Add appends an option. The data are kept, not copied.
func (o *Options) Add(t Type, data []byte) { *o = append(*o, Option{t, data}) }

// Get returns the value of the first option of a type, and whether there is one.
func (o Options) Get(t Type) ([]byte, bool) {
	i := slices.IndexFunc(o, func(x Option) bool { return x.Type == t })
	if i < 0 {
		return nil, false
	}
	return o[i].Data, true
}

// An OptionError says which option is wrong, and why.
type OptionError struct {
	Type   Type
	Reason error
}

func (e *OptionError) Error() string { return e.Type.String() + ": " + e.Reason.Error() }
func (e *OptionError) Unwrap() error { return e.Reason }

// ErrAbsent is why a getter of one option fails if it is not there.
var ErrAbsent = errors.New("not in the message")

// value returns the first option of a type, of min to max bytes.
func (o Options) value(t Type, min, max int) ([]byte, error) {
	v, ok := o.Get(t)
	if !ok {
		return nil, &OptionError{t, ErrAbsent}
	}
	return v, between(t, v, min, max)
}

func between(t Type, v []byte, min, max int) error {
	if len(v) < min || len(v) > max {
		return &OptionError{t, fmt.Errorf("%d bytes, not %d to %d", len(v), min, max)}
	}
	return nil
}

// each calls f with every option of a type, of min to max bytes, and says of
// its error which option it is. What is before a bad one has been seen.
func (o Options) each(t Type, min, max int, f func(v []byte) error) error {
	for i := range o {
		if o[i].Type != t {
			continue
		}
		if err := between(t, o[i].Data, min, max); err != nil {
			return err
		}
		if err := f(o[i].Data); err != nil {
			return &OptionError{t, err}
		}
	}
	return nil
}

func seconds(v []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint32(v)) * time.Second
}

func appendSeconds(b []byte, d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(b, units(d, time.Second, math.MaxUint32))
}

func addrAt(v []byte, at int) netip.Addr { return netip.AddrFrom16([16]byte(v[at:])) }

// A Prefix is a prefix of the link. Source: RFC 4861 4.6.2.
type Prefix struct {
	Prefix           netip.Prefix // masked, but if Router is set
	OnLink           bool         // L: its addresses are on the link
	Autonomous       bool         // A: hosts make addresses in it
	Router           bool         // R: the address is the router's, RFC 6275 7.2
	Delegated        bool         // P: hosts should ask for a prefix of their own by DHCPv6, RFC 9762 4
	Valid, Preferred time.Duration
}

// Prefixes returns the prefixes. One whose Preferred is more than its Valid is no
// error here, and for hosts to ignore: RFC 4862 5.5.3.
func (a *Advertisement) Prefixes() ([]Prefix, error) {
	var list []Prefix
	err := a.Options.each(OptPrefix, 30, 30, func(v []byte) error {
		bits := int(v[0])
		if bits > 128 {
			return fmt.Errorf("a prefix of %d bits", bits)
		}
		p := Prefix{
			Prefix:     netip.PrefixFrom(addrAt(v, 14), bits),
			OnLink:     v[1]&0x80 != 0,
			Autonomous: v[1]&0x40 != 0,
			Router:     v[1]&0x20 != 0,
			Delegated:  v[1]&0x10 != 0,
			Valid:      seconds(v[2:]),
			Preferred:  seconds(v[6:]),
		}
		if !p.Router {
			p.Prefix = p.Prefix.Masked()
		}
		list = append(list, p)
		return nil
	})
	return list, err
}

// AddPrefix adds a prefix.
func (a *Advertisement) AddPrefix(p Prefix) error {
	if !p.Prefix.IsValid() || !p.Prefix.Addr().Is6() {
		return &OptionError{OptPrefix, fmt.Errorf("%v is not a prefix of IPv6", p.Prefix)}
	}
	var flags byte
	for i, on := range [...]bool{p.OnLink, p.Autonomous, p.Router, p.Delegated} {
		if on {
			flags |= 0x80 >> i
		}
	}
	v := appendSeconds(appendSeconds([]byte{byte(p.Prefix.Bits()), flags}, p.Valid), p.Preferred)
	a16 := p.Prefix.Addr().As16()
	a.Options.Add(OptPrefix, append(append(v, 0, 0, 0, 0), a16[:]...))
	return nil
}

// MTU is the link's MTU in bytes; less than IPv6 has is an error.
func (a *Advertisement) MTU() (uint32, error) {
	v, err := a.Options.value(OptMTU, 6, 6)
	if err != nil {
		return 0, err
	}
	n := binary.BigEndian.Uint32(v[2:])
	if n < 1280 {
		return 0, &OptionError{OptMTU, fmt.Errorf("%d is less than 1280", n)}
	}
	return n, nil
}

// SetMTU adds the link's MTU.
func (a *Advertisement) SetMTU(n uint32) {
	a.Options.Add(OptMTU, binary.BigEndian.AppendUint32([]byte{0, 0}, n))
}

// A Route is a route that goes over this router. Source: RFC 4191 2.3.
type Route struct {
	Dst        netip.Prefix
	Preference Preference
	Lifetime   time.Duration // 0: it is gone
}

// Routes returns the routes, without those of the reserved preference, which are
// to be ignored.
func (a *Advertisement) Routes() ([]Route, error) {
	var list []Route
	err := a.Options.each(OptRoute, 6, 22, func(v []byte) error {
		bits := int(v[0])
		if bits > 128 || bits > (len(v)-6)*8 {
			return fmt.Errorf("a prefix of %d bits in %d bytes", bits, len(v)-6)
		}
		pref, reserved := preference(v[1] >> 3)
		if reserved {
			return nil
		}
		var dst [16]byte
		copy(dst[:], v[6:])
		list = append(list, Route{netip.PrefixFrom(netip.AddrFrom16(dst), bits).Masked(), pref, seconds(v[2:])})
		return nil
	})
	return list, err
}

// AddRoute adds a route.
func (a *Advertisement) AddRoute(r Route) error {
	if !r.Dst.IsValid() || !r.Dst.Addr().Is6() {
		return &OptionError{OptRoute, fmt.Errorf("%v is not a prefix of IPv6", r.Dst)}
	}
	v := appendSeconds([]byte{byte(r.Dst.Bits()), r.Preference.bits() << 3}, r.Lifetime)
	dst := r.Dst.Masked().Addr().As16()
	a.Options.Add(OptRoute, append(v, dst[:(r.Dst.Bits()+63)/64*8]...))
	return nil
}

// Servers are name servers and how long they may be used. Source: RFC 8106 5.1.
type Servers struct {
	Lifetime time.Duration // 0: no longer
	Addrs    []netip.Addr
}

// DNS returns the name servers.
func (a *Advertisement) DNS() ([]Servers, error) {
	var list []Servers
	err := a.Options.each(OptDNS, 22, maxData, func(v []byte) error {
		if (len(v)-6)%16 != 0 {
			return fmt.Errorf("%d bytes of addresses", len(v)-6)
		}
		s := Servers{Lifetime: seconds(v[2:])}
		for at := 6; at < len(v); at += 16 {
			s.Addrs = append(s.Addrs, addrAt(v, at))
		}
		list = append(list, s)
		return nil
	})
	return list, err
}

// AddDNS adds name servers.
func (a *Advertisement) AddDNS(s Servers) error {
	v := appendSeconds([]byte{0, 0}, s.Lifetime)
	for _, addr := range s.Addrs {
		if !addr.Is6() || addr.Zone() != "" {
			return &OptionError{OptDNS, fmt.Errorf("%v is not an IPv6 address", addr)}
		}
		a16 := addr.As16()
		v = append(v, a16[:]...)
	}
	a.Options.Add(OptDNS, v)
	return nil
}

// Domains are domains to try for short names, and how long. Source: RFC 8106 5.2.
type Domains struct {
	Lifetime time.Duration // 0: no longer
	Names    []string      // text form, RFC 1035 5.1, without last dots
}

// Search returns the domains to try.
func (a *Advertisement) Search() ([]Domains, error) {
	var list []Domains
	err := a.Options.each(OptSearch, 14, maxData, func(v []byte) error {
		names, err := dnsname.ReadAll(v[6:], false)
		if err != nil {
			return err
		}
		// The padding reads as names of the root.
		names = slices.DeleteFunc(names, func(n string) bool { return n == "." })
		list = append(list, Domains{seconds(v[2:]), names})
		return nil
	})
	return list, err
}

// AddSearch adds domains to try.
func (a *Advertisement) AddSearch(d Domains) error {
	v, err := dnsname.AppendAll(appendSeconds([]byte{0, 0}, d.Lifetime), d.Names)
	if err != nil {
		return &OptionError{OptSearch, err}
	}
	a.Options.Add(OptSearch, v)
	return nil
}

// CaptivePortal is the URI of the portal's API. Source: RFC 8910 2.3.
func (a *Advertisement) CaptivePortal() (string, error) {
	v, err := a.Options.value(OptCaptivePortal, 6, maxData)
	if err != nil {
		return "", err
	}
	for len(v) > 0 && v[len(v)-1] == 0 {
		v = v[:len(v)-1]
	}
	s := string(v)
	if !text.IsURI(s) {
		return "", &OptionError{OptCaptivePortal, fmt.Errorf("%s is not a URI", text.Quote(s[:min(len(s), 40)]))}
	}
	return s, nil
}

// A NAT64 is the prefix of a translator to IPv4. Source: RFC 8781 4.
type NAT64 struct {
	Lifetime time.Duration // in steps of 8 s, at most 65528 s
	Prefix   netip.Prefix  // of 96, 64, 56, 48, 40 or 32 bits
}

var nat64Bits = [...]int{96, 64, 56, 48, 40, 32}

// NAT64 returns the prefixes of translators. Those of a length that nobody knows are to be ignored.
func (a *Advertisement) NAT64() ([]NAT64, error) {
	var list []NAT64
	err := a.Options.each(OptPREF64, 14, 14, func(v []byte) error {
		n := binary.BigEndian.Uint16(v)
		if int(n&7) >= len(nat64Bits) {
			return nil
		}
		var p [16]byte
		copy(p[:], v[2:14])
		list = append(list, NAT64{
			Lifetime: time.Duration(n&^7) * time.Second,
			Prefix:   netip.PrefixFrom(netip.AddrFrom16(p), nat64Bits[n&7]).Masked(),
		})
		return nil
	})
	return list, err
}

// AddNAT64 adds the prefix of a translator.
func (a *Advertisement) AddNAT64(n NAT64) error {
	plc := slices.Index(nat64Bits[:], n.Prefix.Bits())
	if !n.Prefix.IsValid() || !n.Prefix.Addr().Is6() || plc < 0 {
		return &OptionError{OptPREF64, fmt.Errorf("%v is not the prefix of a translator", n.Prefix)}
	}
	v := binary.BigEndian.AppendUint16(nil, uint16(units(n.Lifetime, time.Second, 65528))&^7|uint16(plc))
	p := n.Prefix.Masked().Addr().As16()
	a.Options.Add(OptPREF64, append(v, p[:12]...))
	return nil
}
