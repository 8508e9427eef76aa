package v6

import (
	"fmt"
	"net/netip"

	"github.com/netfs-project/netfs/dhcp/value"
)

// IPv4 through a network of IPv6: MAP-E, MAP-T and lightweight 4over6. Each has a container,
// whose options say the rest:
//
//	for _, c := range containers {         // of m.Options.MAPE()
//		rules, err := c.MapRules()
//		relays, err := c.BorderRelays()
//	}
//
// Source: RFC 7598.

// MAPE returns the containers of MAP-E, which have MapRules and BorderRelays.
func (o Options) MAPE() ([]Options, error) {
	return each(o, OptS46MAPE, readOptions)
}

// MAPT returns the container of MAP-T, which has MapRules and a DefaultRule.
func (o Options) MAPT() (Options, error) { return get(o, OptS46MAPT, readOptions) }

// LW4o6 returns the container of lightweight 4over6, which has a Binding and BorderRelays.
func (o Options) LW4o6() (Options, error) { return get(o, OptS46LW, readOptions) }

func readOptions(v []byte) (in Options, err error) {
	err = in.decode(v)
	return in, err
}

// AddMAPE, SetMAPT and SetLW4o6 put a container into a message.
func (o *Options) AddMAPE(in Options) error { return o.addWith(OptS46MAPE, nil, in) }
func (o *Options) SetMAPT(in Options) error { return o.set(OptS46MAPT, in.append) }
func (o *Options) SetLW4o6(in Options) error {
	return o.set(OptS46LW, in.append)
}

// A MapRule maps between prefixes of IPv4 and of IPv6. Source: RFC 7598 4.1.
type MapRule struct {
	Forwarding bool // it also serves to reach others of its domain, directly
	EABits     uint8
	IPv4, IPv6 netip.Prefix
	Options    Options // OptS46Ports
}

const mapForwarding = 1

// MapRules returns the rules of a container. After an error, those before the bad one are
// returned too.
func (o Options) MapRules() ([]MapRule, error) { return each(o, OptS46Rule, readMapRule) }

func readMapRule(v []byte) (MapRule, error) {
	r := MapRule{Forwarding: v[0]&mapForwarding != 0, EABits: v[1]}
	bits := int(v[2])
	if r.EABits > 48 || bits > 32 {
		return r, fmt.Errorf("%d bits of an address, a prefix of %d bits", r.EABits, bits)
	}
	r.IPv4 = netip.PrefixFrom(netip.AddrFrom4([4]byte(v[3:])), bits).Masked()
	var rest []byte
	var err error
	if r.IPv6, rest, err = readPrefix(v[7:]); err == nil {
		err = r.Options.decode(rest)
	}
	return r, err
}

// AddMapRule adds a rule to a container.
func (o *Options) AddMapRule(r MapRule) error {
	if !r.IPv4.IsValid() || !r.IPv4.Addr().Is4() || r.EABits > 48 {
		return &OptionError{OptS46Rule, fmt.Errorf("%d bits of an address, prefix %v", r.EABits, r.IPv4)}
	}
	v := []byte{0, r.EABits, byte(r.IPv4.Bits())}
	if r.Forwarding {
		v[0] = mapForwarding
	}
	v, err := appendPrefix(append(v, r.IPv4.Masked().Addr().AsSlice()...), r.IPv6)
	if err != nil {
		return &OptionError{OptS46Rule, err}
	}
	return o.addWith(OptS46Rule, v, r.Options)
}

// readPrefix reads a length and as many bytes as it takes.
func readPrefix(v []byte) (netip.Prefix, []byte, error) {
	if len(v) == 0 {
		return netip.Prefix{}, nil, errShort
	}
	bits := int(v[0])
	n := 1 + (bits+7)/8
	if bits > 128 {
		return netip.Prefix{}, nil, fmt.Errorf("a prefix of %d bits", bits)
	}
	if n > len(v) {
		return netip.Prefix{}, nil, errShort
	}
	var a [16]byte
	copy(a[:], v[1:n])
	return netip.PrefixFrom(netip.AddrFrom16(a), bits).Masked(), v[n:], nil
}

func appendPrefix(b []byte, p netip.Prefix) ([]byte, error) {
	if !p.IsValid() || !p.Addr().Is6() {
		return b, fmt.Errorf("%v is not a prefix of IPv6", p)
	}
	a := p.Masked().Addr().As16()
	return append(append(b, byte(p.Bits())), a[:(p.Bits()+7)/8]...), nil
}

// BorderRelays returns the far ends of the tunnels of a container. Source: RFC 7598 4.2.
func (o Options) BorderRelays() ([]netip.Addr, error) {
	return each(o, OptS46BR, func(v []byte) (netip.Addr, error) { return addrAt(v, 0), nil })
}

// AddBorderRelay adds the far end of a tunnel.
func (o *Options) AddBorderRelay(a netip.Addr) error {
	v, err := appendAddrs(nil, []netip.Addr{a})
	if err != nil {
		return &OptionError{OptS46BR, err}
	}
	o.Add(OptS46BR, v)
	return nil
}

// DefaultRule returns the prefix that the addresses of all of IPv4 are mapped to. Source: RFC 7598 4.3.
func (o Options) DefaultRule() (netip.Prefix, error) { return get(o, OptS46DMR, wholePrefix) }

// SetDefaultRule sets the prefix of the default rule.
func (o *Options) SetDefaultRule(p netip.Prefix) error {
	return o.set(OptS46DMR, func(b []byte) ([]byte, error) { return appendPrefix(b, p) })
}

func wholePrefix(v []byte) (netip.Prefix, error) {
	p, rest, err := readPrefix(v)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes behind it", len(rest))
	}
	return p, err
}

// A Binding is an address of IPv4 and the prefix of IPv6 through which it is reached. Source: RFC 7598 4.4.
type Binding struct {
	IPv4    netip.Addr
	IPv6    netip.Prefix
	Options Options // OptS46Ports
}

// Binding returns the binding of a container.
func (o Options) Binding() (Binding, error) {
	return get(o, OptS46Bind, func(v []byte) (Binding, error) {
		p, rest, err := readPrefix(v[4:])
		b := Binding{IPv4: netip.AddrFrom4([4]byte(v)), IPv6: p}
		if err == nil {
			err = b.Options.decode(rest)
		}
		return b, err
	})
}

// SetBinding sets the binding of a container.
func (o *Options) SetBinding(x Binding) error {
	return o.set(OptS46Bind, func(b []byte) ([]byte, error) {
		if !x.IPv4.Is4() {
			return b, fmt.Errorf("%v is not an IPv4 address", x.IPv4)
		}
		b, err := appendPrefix(append(b, x.IPv4.AsSlice()...), x.IPv6)
		if err != nil {
			return b, err
		}
		return x.Options.append(b)
	})
}

// Ports returns the ports of a rule's or a binding's shared address. Source: RFC 7598 4.5.
func (o Options) Ports() (value.Ports, error) { return get(o, OptS46Ports, value.ReadPorts) }

// SetPorts sets the ports of a shared address.
func (o *Options) SetPorts(p value.Ports) error { return o.set(OptS46Ports, p.Append) }

// S46Priority returns which mechanisms to use, by their containers' numbers, the best
// first. Source: RFC 8026 1.1.
func (o Options) S46Priority() ([]Code, error) { return get(o, OptS46Priority, readCodes) }

// SetS46Priority sets which mechanisms to use.
func (o *Options) SetS46Priority(list ...Code) { o.Set(OptS46Priority, appendCodes(nil, list)) }
