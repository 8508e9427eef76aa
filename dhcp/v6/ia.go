package v6

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"
)

// Forever is the duration that 0xffffffff seconds stand for, and that such a value decodes as.
const Forever = math.MaxUint32 * time.Second

func seconds(b []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint32(b)) * time.Second
}

// appendSeconds appends seconds, rounded down: at least 0, and Forever if d is as long.
func appendSeconds(b []byte, d time.Duration) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(max(0, min(d, Forever))/time.Second))
}

// An IA is an identity association: of addresses (IA_NA), of temporary addresses
// (IA_TA, without T1 and T2), or of delegated prefixes (IA_PD). Source: RFC 8415 21.4, 21.5, 21.21.
type IA struct {
	IAID   uint32
	T1, T2 time.Duration // since the message came; 0: as the client likes
	// Options are OptIAAddr or OptIAPrefix, and OptStatusCode.
	Options Options
}

// IANAs returns the associations of addresses. After an error, those before the
// bad one are returned too.
func (o Options) IANAs() ([]IA, error) { return o.ias(OptIANA) }

// IATAs returns the associations of temporary addresses.
func (o Options) IATAs() ([]IA, error) { return o.ias(OptIATA) }

// IAPDs returns the associations of delegated prefixes.
func (o Options) IAPDs() ([]IA, error) { return o.ias(OptIAPD) }

func (o Options) ias(c Code) ([]IA, error) {
	var list []IA
	for v := range o.Each(c) {
		ia, err := readIA(c, v)
		if err != nil {
			return list, err
		}
		list = append(list, ia)
	}
	return list, nil
}

func readIA(c Code, v []byte) (IA, error) {
	if err := checkLength(c, len(v)); err != nil {
		return IA{}, err
	}
	ia := IA{IAID: binary.BigEndian.Uint32(v)}
	v = v[4:]
	if c != OptIATA {
		ia.T1, ia.T2 = seconds(v), seconds(v[4:])
		v = v[8:]
	}
	return ia, wrap(c, ia.Options.decode(v))
}

// AddIANA and its siblings add an association. They fail if its options are too long.
func (o *Options) AddIANA(ia IA) error { return o.addIA(OptIANA, ia) }
func (o *Options) AddIATA(ia IA) error { return o.addIA(OptIATA, ia) }
func (o *Options) AddIAPD(ia IA) error { return o.addIA(OptIAPD, ia) }

func (o *Options) addIA(c Code, ia IA) error {
	v := binary.BigEndian.AppendUint32(nil, ia.IAID)
	if c != OptIATA {
		v = appendSeconds(appendSeconds(v, ia.T1), ia.T2)
	}
	return o.addWith(c, v, ia.Options)
}

// addWith adds an option of fixed fields and options in it.
func (o *Options) addWith(c Code, v []byte, in Options) error {
	v, err := in.append(v)
	if err == nil && len(v) > maxOption {
		err = fmt.Errorf("%d bytes, at most %d fit", len(v), maxOption)
	}
	if err != nil {
		return &OptionError{c, err}
	}
	o.Add(c, v)
	return nil
}

// An IAAddr is an address in an association. Source: RFC 8415 21.6. A client must not
// use one whose Preferred is more than its Valid: see Usable.
type IAAddr struct {
	Addr             netip.Addr
	Preferred, Valid time.Duration // since the message came; it may be Forever
	Options          Options
}

// Usable reports whether a client may use the address, or the prefix of these
// lifetimes: RFC 8415 21.6 and 21.22.
func (a IAAddr) Usable() bool { return a.Preferred <= a.Valid && isUsable(a.Addr) }

func isUsable(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && !a.IsLinkLocalUnicast()
}

// IAAddrs returns the addresses among the options of an association.
func (o Options) IAAddrs() ([]IAAddr, error) {
	var list []IAAddr
	for v := range o.Each(OptIAAddr) {
		a, err := readIAAddr(v)
		if err != nil {
			return list, err
		}
		list = append(list, a)
	}
	return list, nil
}

func readIAAddr(v []byte) (IAAddr, error) {
	if err := checkLength(OptIAAddr, len(v)); err != nil {
		return IAAddr{}, err
	}
	a := IAAddr{Addr: addrAt(v, 0), Preferred: seconds(v[16:]), Valid: seconds(v[20:])}
	return a, wrap(OptIAAddr, a.Options.decode(v[24:]))
}

// AddIAAddr adds an address.
func (o *Options) AddIAAddr(a IAAddr) error {
	if !a.Addr.Is6() || a.Addr.Zone() != "" {
		return &OptionError{OptIAAddr, fmt.Errorf("%v is not an IPv6 address", a.Addr)}
	}
	a16 := a.Addr.As16()
	return o.addWith(OptIAAddr, appendSeconds(appendSeconds(a16[:], a.Preferred), a.Valid), a.Options)
}

// An IAPrefix is a delegated prefix in an association. Source: RFC 8415 21.22. In
// a client's message it is a wish: an unspecified address with a length.
type IAPrefix struct {
	Prefix           netip.Prefix // masked
	Preferred, Valid time.Duration
	Options          Options
}

// Usable reports whether a client may use the prefix.
func (p IAPrefix) Usable() bool {
	return p.Preferred <= p.Valid && p.Prefix.Bits() > 0 && isUsable(p.Prefix.Addr())
}

// IAPrefixes returns the prefixes among the options of an association.
func (o Options) IAPrefixes() ([]IAPrefix, error) {
	var list []IAPrefix
	for v := range o.Each(OptIAPrefix) {
		p, err := readIAPrefix(v)
		if err != nil {
			return list, err
		}
		list = append(list, p)
	}
	return list, nil
}

func readIAPrefix(v []byte) (IAPrefix, error) {
	if err := checkLength(OptIAPrefix, len(v)); err != nil {
		return IAPrefix{}, err
	}
	bits := int(v[8])
	if bits > 128 {
		return IAPrefix{}, &OptionError{OptIAPrefix, fmt.Errorf("a prefix of %d bits", bits)}
	}
	p := IAPrefix{
		Preferred: seconds(v),
		Valid:     seconds(v[4:]),
		Prefix:    netip.PrefixFrom(addrAt(v, 9), bits).Masked(),
	}
	return p, wrap(OptIAPrefix, p.Options.decode(v[25:]))
}

// AddIAPrefix adds a prefix.
func (o *Options) AddIAPrefix(p IAPrefix) error {
	if !p.Prefix.IsValid() || !p.Prefix.Addr().Is6() {
		return &OptionError{OptIAPrefix, fmt.Errorf("%v is not a prefix of IPv6", p.Prefix)}
	}
	v := appendSeconds(appendSeconds(nil, p.Preferred), p.Valid)
	a16 := p.Prefix.Masked().Addr().As16()
	v = append(append(v, byte(p.Prefix.Bits())), a16[:]...)
	return o.addWith(OptIAPrefix, v, p.Options)
}

// Excluded returns the part of the prefix that stays with the delegating router, for
// the link between the two. Source: RFC 6603 4.2.
func (p IAPrefix) Excluded() (netip.Prefix, error) {
	v, err := p.Options.value(OptPDExclude)
	if err != nil {
		return netip.Prefix{}, err
	}
	had, bits := p.Prefix.Bits(), int(v[0])
	if bits <= had || bits > 128 {
		return netip.Prefix{}, &OptionError{OptPDExclude, fmt.Errorf("%d bits of a prefix of %d", bits, had)}
	}
	id := v[1:]
	if want := (bits-had-1)/8 + 1; len(id) != want {
		return netip.Prefix{}, &OptionError{OptPDExclude, fmt.Errorf("%d bytes for %d bits", len(id), bits-had)}
	}
	addr := p.Prefix.Addr().As16()
	for i := had; i < bits; i++ { // the identifier's bits follow the prefix's
		j := i - had
		if id[j/8]>>(7-j%8)&1 != 0 {
			addr[i/8] |= 1 << (7 - i%8)
		}
	}
	return netip.PrefixFrom(netip.AddrFrom16(addr), bits), nil
}

// SetExcluded says which part of the prefix stays with the delegating router.
func (p *IAPrefix) SetExcluded(ex netip.Prefix) error {
	had, bits := p.Prefix.Bits(), ex.Bits()
	if !ex.IsValid() || bits <= had || !p.Prefix.Contains(ex.Addr()) {
		return &OptionError{OptPDExclude, fmt.Errorf("%v is not a part of %v", ex, p.Prefix)}
	}
	v := make([]byte, 1+(bits-had-1)/8+1)
	v[0] = byte(bits)
	addr := ex.Masked().Addr().As16()
	for i := had; i < bits; i++ {
		j := i - had
		v[1+j/8] |= addr[i/8] >> (7 - i%8) & 1 << (7 - j%8)
	}
	p.Options.Set(OptPDExclude, v)
	return nil
}

// A StatusCode is how a request went. Source: RFC 8415 21.13.
type StatusCode uint16

const (
	Success       StatusCode = 0
	UnspecFail    StatusCode = 1
	NoAddrsAvail  StatusCode = 2
	NoBinding     StatusCode = 3
	NotOnLink     StatusCode = 4
	UseMulticast  StatusCode = 5
	NoPrefixAvail StatusCode = 6
)

var statusNames = [...]string{"success", "unspec_fail", "no_addrs_avail", "no_binding", "not_on_link", "use_multicast", "no_prefix_avail"}

func (s StatusCode) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return strconv.Itoa(int(s))
}

// A Status is a code and what the server says to it, any bytes: print it with Quote.
type Status struct {
	Code StatusCode
	Text string
}

// Status returns the status of a message or of an association; Success if it says none,
// as RFC 8415 21.13 has it.
func (o Options) Status() (Status, error) {
	v, err := o.value(OptStatusCode)
	if errors.Is(err, ErrAbsent) {
		return Status{}, nil
	}
	if err != nil {
		return Status{}, err
	}
	return Status{StatusCode(binary.BigEndian.Uint16(v)), string(v[2:])}, nil
}

// SetStatus sets the status.
func (o *Options) SetStatus(s Status) {
	o.Set(OptStatusCode, append(binary.BigEndian.AppendUint16(nil, uint16(s.Code)), s.Text...))
}
