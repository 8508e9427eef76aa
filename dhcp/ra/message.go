package ra

import (
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"slices"
	"time"
)

// Types of ICMPv6. Source: RFC 4861 4.
const (
	TypeSolicitation  = 133
	TypeAdvertisement = 134
)

// A Preference is how much a router or a route is to be preferred. Source: RFC 4191 2.1.
type Preference int8

const (
	Low    Preference = -1
	Medium Preference = 0
	High   Preference = 1
)

// preference reads two bits. The reserved value counts as Medium, as RFC 4191 2.2
// has it for routers; a route with it is to be ignored, see Routes.
func preference(bits byte) (p Preference, reserved bool) {
	switch bits & 3 {
	case 1:
		return High, false
	case 3:
		return Low, false
	}
	return Medium, bits&3 == 2
}

func (p Preference) bits() byte { return byte(p) & 3 }

func (p Preference) String() string {
	switch p {
	case Low:
		return "low"
	case High:
		return "high"
	}
	return "medium"
}

// Forever is the lifetime that 0xffffffff seconds stand for.
const Forever = math.MaxUint32 * time.Second

// An Advertisement is what a router says. Source: RFC 4861 4.2.
type Advertisement struct {
	HopLimit   uint8 // for packets of hosts; 0: it does not say
	Managed    bool  // M: addresses come by DHCPv6
	Other      bool  // O: other things come by DHCPv6
	HomeAgent  bool  // H: RFC 6275 7.1
	Preference Preference
	Proxy      bool          // P: RFC 4389 4.1.3.3
	Lifetime   time.Duration // how long it is a default router, in seconds; 0: it is none
	Reachable  time.Duration // how long a neighbour counts as reachable, in ms; 0: it does not say
	Retrans    time.Duration // between solicitations of neighbours, in ms; 0: it does not say

	Options Options
}

const (
	advertisementLen = 16
	solicitationLen  = 8
)

// Decode returns the advertisement in b, an ICMPv6 message, which it copies.
func Decode(b []byte) (*Advertisement, error) {
	a := new(Advertisement)
	if err := a.Decode(slices.Clone(b)); err != nil {
		return nil, err
	}
	return a, nil
}

// Decode reads the advertisement in b, an ICMPv6 message, and borrows b for the
// values of its options. After an error, a is good for nothing but another Decode.
func (a *Advertisement) Decode(b []byte) error {
	if err := check(b, TypeAdvertisement, advertisementLen); err != nil {
		return err
	}
	flags := b[5]
	pref, _ := preference(flags >> 3)
	*a = Advertisement{
		HopLimit:   b[4],
		Managed:    flags&0x80 != 0,
		Other:      flags&0x40 != 0,
		HomeAgent:  flags&0x20 != 0,
		Preference: pref,
		Proxy:      flags&0x04 != 0,
		Lifetime:   time.Duration(binary.BigEndian.Uint16(b[6:])) * time.Second,
		Reachable:  time.Duration(binary.BigEndian.Uint32(b[8:])) * time.Millisecond,
		Retrans:    time.Duration(binary.BigEndian.Uint32(b[12:])) * time.Millisecond,
		Options:    a.Options[:0],
	}
	return a.Options.decode(b[advertisementLen:])
}

func check(b []byte, typ byte, least int) error {
	switch {
	case len(b) < least:
		return fmt.Errorf("%d bytes, fewer than %d", len(b), least)
	case b[0] != typ:
		return fmt.Errorf("a message of type %d, not %d", b[0], typ)
	case b[1] != 0:
		return fmt.Errorf("code %d, not 0", b[1])
	}
	return nil
}

// Append appends the ICMPv6 message, with a checksum of 0. Lifetimes are cut to
// what their fields can hold.
func (a *Advertisement) Append(b []byte) ([]byte, error) {
	flags := a.Preference.bits() << 3
	for _, f := range [...]struct {
		on  bool
		bit byte
	}{{a.Managed, 0x80}, {a.Other, 0x40}, {a.HomeAgent, 0x20}, {a.Proxy, 0x04}} {
		if f.on {
			flags |= f.bit
		}
	}
	out := append(b, TypeAdvertisement, 0, 0, 0, a.HopLimit, flags)
	out = binary.BigEndian.AppendUint16(out, uint16(units(a.Lifetime, time.Second, math.MaxUint16)))
	out = binary.BigEndian.AppendUint32(out, units(a.Reachable, time.Millisecond, math.MaxUint32))
	out = binary.BigEndian.AppendUint32(out, units(a.Retrans, time.Millisecond, math.MaxUint32))
	out, err := a.Options.append(out)
	if err != nil {
		return b, err
	}
	return out, nil
}

// units is d in a unit, rounded down, at least 0 and at most most.
func units(d, unit time.Duration, most uint32) uint32 {
	return uint32(max(0, min(d/unit, time.Duration(most))))
}

// A Solicitation is a host's question. Source: RFC 4861 4.1.
type Solicitation struct {
	// Options may have the host's link-layer address, if it has an address of IPv6.
	Options Options
}

// Decode reads the solicitation in b, an ICMPv6 message, and borrows b.
func (s *Solicitation) Decode(b []byte) error {
	if err := check(b, TypeSolicitation, solicitationLen); err != nil {
		return err
	}
	s.Options = s.Options[:0]
	return s.Options.decode(b[solicitationLen:])
}

// Append appends the ICMPv6 message, with a checksum of 0.
func (s *Solicitation) Append(b []byte) ([]byte, error) {
	out, err := s.Options.append(append(b, TypeSolicitation, 0, 0, 0, 0, 0, 0, 0))
	if err != nil {
		return b, err
	}
	return out, nil
}

// SourceLink is the sender's address of Ethernet. Source: RFC 4861 4.6.1, 2464 6.
func (o Options) SourceLink() (net.HardwareAddr, error) {
	v, err := o.value(OptSourceLink, 6, 6)
	return net.HardwareAddr(v), err
}

// SetSourceLink sets the sender's address of Ethernet.
func (o *Options) SetSourceLink(a net.HardwareAddr) error {
	if len(a) != 6 {
		return &OptionError{OptSourceLink, fmt.Errorf("an address of %d bytes, not 6", len(a))}
	}
	o.Add(OptSourceLink, a)
	return nil
}
