package ra

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/netfs-project/netfs/dhcp/internal/dnsname"
	"github.com/netfs-project/netfs/dhcp/value"
)

// A Resolver is a resolver of encrypted DNS. Source: RFC 9463 6.1.
type Resolver struct {
	value.Resolver
	Lifetime time.Duration // 0: no longer
}

// Resolvers returns the resolvers of encrypted DNS.
func (a *Advertisement) Resolvers() ([]Resolver, error) {
	var list []Resolver
	err := a.Options.each(OptDNR, 6, maxData, func(v []byte) error {
		r := Resolver{Resolver: value.Resolver{Priority: binary.BigEndian.Uint16(v)}, Lifetime: seconds(v[2:])}
		rest, err := r.ReadName(v[6:], value.ResolverV6)
		if err == nil && len(rest) >= 2 {
			rest, err = r.ReadAddrs(rest, value.ResolverV6)
		}
		if err == nil && len(r.Addrs) > 0 && len(rest) >= 2 { // else it is padding
			if n := int(binary.BigEndian.Uint16(rest)); 2+n <= len(rest) {
				r.Params, err = value.ReadParams(rest[2 : 2+n])
			} else {
				err = fmt.Errorf("%d bytes of parameters in %d", n, len(rest)-2)
			}
		}
		list = append(list, r)
		return err
	})
	if err != nil && len(list) > 0 {
		list = list[:len(list)-1]
	}
	return list, err
}

// AddResolver adds a resolver of encrypted DNS.
func (a *Advertisement) AddResolver(r Resolver) error {
	v := appendSeconds(binary.BigEndian.AppendUint16(nil, r.Priority), r.Lifetime)
	v, err := r.AppendName(v, value.ResolverV6)
	switch {
	case err != nil || r.NameOnly():
	case len(r.Addrs) == 0:
		err = fmt.Errorf("parameters without an address")
	default:
		if v, err = r.AppendAddrs(v, value.ResolverV6); err != nil {
			break
		}
		var params []byte
		if params, err = value.AppendParams(nil, r.Params); err == nil && len(params) > maxData {
			err = fmt.Errorf("%d bytes of parameters", len(params))
		}
		v = append(binary.BigEndian.AppendUint16(v, uint16(len(params))), params...)
	}
	if err != nil {
		return &OptionError{OptDNR, err}
	}
	a.Options.Add(OptDNR, v)
	return nil
}

// Interval is the longest time between two advertisements. Source: RFC 6275 7.3.
func (a *Advertisement) Interval() (time.Duration, error) {
	v, err := a.Options.value(OptInterval, 6, 6)
	if err != nil {
		return 0, err
	}
	return time.Duration(binary.BigEndian.Uint32(v[2:])) * time.Millisecond, nil
}

// SetInterval adds the longest time between two advertisements.
func (a *Advertisement) SetInterval(d time.Duration) {
	a.Options.Add(OptInterval, binary.BigEndian.AppendUint32([]byte{0, 0}, units(d, time.Millisecond, math.MaxUint32)))
}

// HomeAgentInfo is how much the router is to be preferred as a home agent, the highest first, and
// how long it is one. Source: RFC 6275 7.4.
func (a *Advertisement) HomeAgentInfo() (preference int16, lifetime time.Duration, err error) {
	v, err := a.Options.value(OptHomeAgent, 6, 6)
	if err != nil {
		return 0, 0, err
	}
	return int16(binary.BigEndian.Uint16(v[2:])), time.Duration(binary.BigEndian.Uint16(v[4:])) * time.Second, nil
}

// SetHomeAgentInfo adds that the router is a home agent.
func (a *Advertisement) SetHomeAgentInfo(preference int16, lifetime time.Duration) {
	v := binary.BigEndian.AppendUint16([]byte{0, 0}, uint16(preference))
	a.Options.Add(OptHomeAgent, binary.BigEndian.AppendUint16(v, uint16(units(lifetime, time.Second, math.MaxUint16))))
}

// MoreFlags are the flags that had no place in the fixed fields, the first in bit 47, of
// which none has a meaning yet. Source: RFC 5175 4.
func (a *Advertisement) MoreFlags() (uint64, error) {
	v, err := a.Options.value(OptFlags, 6, 6)
	if err != nil {
		return 0, err
	}
	return uint64(binary.BigEndian.Uint16(v))<<32 | uint64(binary.BigEndian.Uint32(v[2:])), nil
}

// SetMoreFlags adds 48 flags.
func (a *Advertisement) SetMoreFlags(flags uint64) {
	v := binary.BigEndian.AppendUint16(nil, uint16(flags>>32))
	a.Options.Add(OptFlags, binary.BigEndian.AppendUint32(v, uint32(flags)))
}

// A PvD is a provisioning domain: a set of settings that belong together. Source: RFC 8801 3.1.
type PvD struct {
	ID       string // text form without a last dot
	HTTP     bool   // H: more is at https://ID/.well-known/pvd
	Legacy   bool   // L: the router also gives out the domain's IPv4
	Delay    uint8  // 0 to 15: 2^(10+2*Delay) ms is how long to wait at most for the first question
	Sequence uint16 // it changes if what HTTP has changes

	// Header says that the fixed fields of Inner count, in the place of the
	// advertisement's; its options do in any case.
	Header bool
	Inner  Advertisement
}

const pvdHead = 6 // type, length, flags, sequence

// PvD returns the provisioning domain; there is at most one.
func (a *Advertisement) PvD() (PvD, error) {
	v, err := a.Options.value(OptPvD, 6, maxData)
	if err != nil {
		return PvD{}, err
	}
	p, err := readPvD(v)
	if err != nil {
		return PvD{}, &OptionError{OptPvD, err}
	}
	return p, nil
}

func readPvD(v []byte) (PvD, error) {
	p := PvD{HTTP: v[0]&0x80 != 0, Legacy: v[0]&0x40 != 0, Header: v[0]&0x20 != 0, Delay: v[1] & 15, Sequence: binary.BigEndian.Uint16(v[2:])}
	name, next, err := dnsname.Read(v, pvdHead-2, false)
	if err != nil {
		return p, err
	}
	p.ID = name
	rest := v[min(padded(next+2)-2, len(v)):]
	if p.Header {
		return p, p.Inner.Decode(rest)
	}
	return p, p.Inner.Options.decode(rest)
}

func padded(n int) int { return (n + 7) / 8 * 8 }

// SetPvD adds a provisioning domain.
func (a *Advertisement) SetPvD(p PvD) error {
	v := []byte{0, p.Delay & 15}
	for i, on := range [...]bool{p.HTTP, p.Legacy, p.Header} {
		if on {
			v[0] |= 0x80 >> i
		}
	}
	v, err := dnsname.Append(binary.BigEndian.AppendUint16(v, p.Sequence), p.ID)
	if err == nil {
		v = append(v, make([]byte, padded(len(v)+2)-len(v)-2)...)
		if p.Header {
			v, err = p.Inner.Append(v)
		} else {
			v, err = p.Inner.Options.append(v)
		}
	}
	if err == nil && len(v) > maxData {
		err = fmt.Errorf("%d bytes, at most %d fit", len(v), maxData)
	}
	if err != nil {
		return &OptionError{OptPvD, err}
	}
	a.Options.Add(OptPvD, v)
	return nil
}

// SetCaptivePortal adds the URI of the portal's API. Source: RFC 8910 2.3.
func (a *Advertisement) SetCaptivePortal(uri string) { a.Options.Add(OptCaptivePortal, []byte(uri)) }
