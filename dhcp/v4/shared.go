package v4

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/netfs-project/netfs/dhcp/internal/dnsname"
	"github.com/netfs-project/netfs/dhcp/internal/text"
	"github.com/netfs-project/netfs/dhcp/value"
)

// get reads an option that is one value.
func get[T any](o Options, c Code, read func(v []byte) (T, error)) (T, error) {
	var x T
	v, err := o.value(c)
	if err != nil {
		return x, err
	}
	if x, err = read(v); err != nil {
		return x, &OptionError{c, err}
	}
	return x, nil
}

// set writes an option that is one value.
func (o *Options) set(c Code, write func(b []byte) ([]byte, error)) error {
	v, err := write(nil)
	if err != nil {
		return &OptionError{c, err}
	}
	o.Set(c, v)
	return nil
}

// Location is where the client is: of option 123 (GeoConf) or 144 (GeoLoc). Source: RFC 6225.
func (o Options) Location(c Code) (value.Location, error) { return get(o, c, value.ReadLocation) }

// SetLocation sets option 123 or 144; the location's Version must be 0 or 1.
func (o *Options) SetLocation(c Code, l value.Location) error { return o.set(c, l.Append) }

// Civic is the civic address of option 99. Source: RFC 4776.
func (o Options) Civic() (value.Civic, error) { return get(o, OptCivicLocation, value.ReadCivic) }

// SetCivic sets the civic address.
func (o *Options) SetCivic(c value.Civic) error { return o.set(OptCivicLocation, c.Append) }

// VSS is the VPN of option 221. Source: RFC 6607.
func (o Options) VSS() (value.VSS, error) { return get(o, OptVSS, value.ReadVSS) }

// SetVSS sets the VPN.
func (o *Options) SetVSS(s value.VSS) error { return o.set(OptVSS, s.Append) }

// Ports are the ports that are the client's of a shared address. Source: RFC 7618.
func (o Options) Ports() (value.Ports, error) { return get(o, OptPortParams, value.ReadPorts) }

// SetPorts sets the ports of a shared address.
func (o *Options) SetPorts(p value.Ports) error { return o.set(OptPortParams, p.Append) }

// Resolvers are the resolvers of encrypted DNS, in the order of the message; the lowest
// Priority is to be preferred. Source: RFC 9463 5.1.
func (o Options) Resolvers() ([]value.Resolver, error) { return get(o, OptDNR, readResolvers) }

// SetResolvers sets the resolvers of encrypted DNS.
func (o *Options) SetResolvers(list ...value.Resolver) error {
	return o.set(OptDNR, func(b []byte) ([]byte, error) { return appendResolvers(b, list) })
}

func readResolvers(v []byte) ([]value.Resolver, error) {
	var list []value.Resolver
	for len(v) > 0 {
		one, rest, err := cut16(v)
		if err != nil {
			return nil, err
		}
		r, err := value.ReadResolver(one, value.ResolverV4)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
		v = rest
	}
	return list, nil
}

// cut16 takes what is behind a length of two bytes.
func cut16(v []byte) (part, rest []byte, err error) {
	if len(v) < 2 || len(v) < 2+int(binary.BigEndian.Uint16(v)) {
		return nil, nil, errShort
	}
	n := 2 + int(binary.BigEndian.Uint16(v))
	return v[2:n:n], v[n:], nil
}

func append16(b, part []byte) ([]byte, error) {
	if len(part) > 0xffff {
		return b, fmt.Errorf("%d bytes, at most 65535 fit", len(part))
	}
	return append(binary.BigEndian.AppendUint16(b, uint16(len(part))), part...), nil
}

func appendResolvers(b []byte, list []value.Resolver) ([]byte, error) {
	for _, r := range list {
		one, err := r.Append(nil, value.ResolverV4)
		if err == nil {
			b, err = append16(b, one)
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// RDNSSSelection is which name servers answer for which domains. Source: RFC 6731 4.3.
type RDNSSSelection struct {
	Preference         uint8 // 1: high, 0: medium, 3: low
	Primary, Secondary netip.Addr
	Domains            []string // text form without last dots; "." is all
}

// RDNSSSelection returns which name servers answer for which domains.
func (o Options) RDNSSSelection() (RDNSSSelection, error) {
	return get(o, OptRDNSSSelection, func(v []byte) (s RDNSSSelection, err error) {
		s = RDNSSSelection{Preference: v[0] & 3, Primary: addrAt(v, 1), Secondary: addrAt(v, 5)}
		s.Domains, err = dnsname.ReadAll(v[9:], false)
		return s, err
	})
}

// SetRDNSSSelection sets which name servers answer for which domains.
func (o *Options) SetRDNSSSelection(s RDNSSSelection) error {
	return o.set(OptRDNSSSelection, func(b []byte) ([]byte, error) {
		b = append(b, s.Preference&3)
		for _, a := range [...]netip.Addr{s.Primary, s.Secondary} {
			if !a.Is4() {
				return b, fmt.Errorf("%v is not an IPv4 address", a)
			}
			b = append(b, a.AsSlice()...)
		}
		return dnsname.AppendAll(b, s.Domains)
	})
}

// URIs are those of option 143, where a bootstrap server is. Source: RFC 8572 8.3.
func (o Options) URIs(c Code) ([]string, error) { return get(o, c, readURIs) }

// SetURIs sets URIs.
func (o *Options) SetURIs(c Code, list ...string) error {
	return o.set(c, func(b []byte) ([]byte, error) { return appendURIs(b, list) })
}

func readURIs(v []byte) ([]string, error) {
	var list []string
	for len(v) > 0 {
		one, rest, err := cut16(v)
		if err != nil {
			return nil, err
		}
		list = append(list, string(one))
		v = rest
	}
	return list, nil
}

func appendURIs(b []byte, list []string) (_ []byte, err error) {
	for _, s := range list {
		if b, err = append16(b, []byte(s)); err != nil {
			return b, err
		}
	}
	return b, nil
}

// The texts of the kinds.

func printURIs(b, v []byte) ([]byte, error) {
	list, err := readURIs(v)
	start := len(b)
	for _, s := range list {
		b = text.AppendQuote(text.Comma(b, start), s)
	}
	return b, err
}

func parseURIs(b []byte, s string) ([]byte, error) {
	err := text.Each(s, func(w string) error {
		t, err := text.Unquote(w)
		if err == nil {
			b, err = append16(b, []byte(t))
		}
		return err
	})
	return b, err
}

// A shared value is one that is alike in all protocols.
type shared interface {
	Append(b []byte) ([]byte, error)
	AppendText(b []byte) []byte
}

func printShared[T shared](read func(v []byte) (T, error)) func(b, v []byte) ([]byte, error) {
	return func(b, v []byte) ([]byte, error) {
		x, err := read(v)
		return x.AppendText(b), err
	}
}

func parseShared[T shared](parse func(s string) (T, error)) func(b []byte, s string) ([]byte, error) {
	return func(b []byte, s string) ([]byte, error) {
		x, err := parse(s)
		if err != nil {
			return b, err
		}
		return x.Append(b)
	}
}

func printResolvers(b, v []byte) ([]byte, error) {
	list, err := readResolvers(v)
	start := len(b)
	for _, r := range list {
		b = r.AppendText(text.Comma(b, start))
	}
	return b, err
}

func parseResolvers(b []byte, s string) ([]byte, error) {
	var list []value.Resolver
	err := text.Each(s, func(w string) error {
		r, err := value.ParseResolver(w)
		list = append(list, r)
		return err
	})
	if err != nil {
		return b, err
	}
	return appendResolvers(b, list)
}
