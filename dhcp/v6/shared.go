package v6

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

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

// each reads all options of a code. After an error, those before the bad one are returned too.
func each[T any](o Options, c Code, read func(v []byte) (T, error)) ([]T, error) {
	var list []T
	for v := range o.Each(c) {
		if err := checkLength(c, len(v)); err != nil {
			return list, err
		}
		x, err := read(v)
		if err != nil {
			return list, &OptionError{c, err}
		}
		list = append(list, x)
	}
	return list, nil
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

// Location is where the client is. Source: RFC 6225 2.2.1.
func (o Options) Location() (value.Location, error) { return get(o, OptGeoLoc, value.ReadLocation) }

// SetLocation says where the client is; the location's Version must be 1.
func (o *Options) SetLocation(l value.Location) error { return o.set(OptGeoLoc, l.Append) }

// Civic is the civic address of the client. Source: RFC 4776 3.2.
func (o Options) Civic() (value.Civic, error) { return get(o, OptCivicLocation, value.ReadCivic) }

// SetCivic sets the civic address.
func (o *Options) SetCivic(c value.Civic) error { return o.set(OptCivicLocation, c.Append) }

// VSS is the client's VPN. Source: RFC 6607 3.2.
func (o Options) VSS() (value.VSS, error) { return get(o, OptVSS, value.ReadVSS) }

// SetVSS sets the client's VPN.
func (o *Options) SetVSS(s value.VSS) error { return o.set(OptVSS, s.Append) }

// Resolvers are the resolvers of encrypted DNS, in the order of the message; the lowest Priority is
// to be preferred. After an error, those before the bad one are returned too. Source: RFC 9463 4.1.
func (o Options) Resolvers() ([]value.Resolver, error) {
	return each(o, OptDNR, func(v []byte) (value.Resolver, error) { return value.ReadResolver(v, value.ResolverV6) })
}

// AddResolver adds a resolver of encrypted DNS.
func (o *Options) AddResolver(r value.Resolver) error {
	v, err := r.Append(nil, value.ResolverV6)
	if err != nil {
		return &OptionError{OptDNR, err}
	}
	o.Add(OptDNR, v)
	return nil
}

// RDNSSSelection is which name server answers for which domains. Source: RFC 6731 4.2.
type RDNSSSelection struct {
	Server     netip.Addr
	Preference uint8    // 1: high, 0: medium, 3: low
	Domains    []string // text form without last dots; "." is all
}

// RDNSSSelections returns which name servers answer for which domains.
func (o Options) RDNSSSelections() ([]RDNSSSelection, error) {
	return each(o, OptRDNSSSelection, func(v []byte) (s RDNSSSelection, err error) {
		s = RDNSSSelection{Server: addrAt(v, 0), Preference: v[16] & 3}
		s.Domains, err = dnsname.ReadAll(v[17:], false)
		return s, err
	})
}

// AddRDNSSSelection adds a name server and its domains.
func (o *Options) AddRDNSSSelection(s RDNSSSelection) error {
	v, err := appendAddrs(nil, []netip.Addr{s.Server})
	if err == nil {
		v, err = dnsname.AppendAll(append(v, s.Preference&3), s.Domains)
	}
	if err != nil {
		return &OptionError{OptRDNSSSelection, err}
	}
	o.Add(OptRDNSSSelection, v)
	return nil
}

// A shared value is one that is alike in all protocols.
type shared interface {
	Append(b []byte) ([]byte, error)
	AppendText(b []byte) []byte
}

func printShared[T shared](b, v []byte, read func(v []byte) (T, error)) ([]byte, error) {
	x, err := read(v)
	return x.AppendText(b), err
}

func parseShared[T shared](s string, parse func(s string) (T, error)) ([]byte, error) {
	x, err := parse(s)
	if err != nil {
		return nil, err
	}
	return x.Append(nil)
}

func printSubOptions(b, v []byte) ([]byte, error) {
	var sub Options
	if sub.decode(v) != nil { // its text would take the suboption for one of ours
		return b, errShort
	}
	start := len(b)
	for _, s := range sub {
		b = strconv.AppendUint(text.Comma(b, start), uint64(s.Code), 10)
		b = hex.AppendEncode(append(b, ':'), s.Data)
	}
	return b, nil
}

func parseSubOption(b []byte, s string) ([]byte, error) {
	n, h, ok := strings.Cut(s, ":")
	code, err := strconv.ParseUint(n, 10, 16)
	data, err2 := hex.DecodeString(h)
	if !ok || err != nil || err2 != nil || len(data) > maxOption {
		return b, fmt.Errorf("%q: not a suboption, NUMBER:HEX", s)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(code))
	return append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...), nil
}
