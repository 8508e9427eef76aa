package v6

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/netfs-project/netfs/dhcp/internal/dnsname"
	"github.com/netfs-project/netfs/dhcp/internal/text"
)

var errShort = errors.New("it ends too early")

// Addrs returns a list of addresses, DNS servers among others.
func (o Options) Addrs(c Code) ([]netip.Addr, error) {
	v, err := o.value(c)
	if err != nil {
		return nil, err
	}
	if len(v)%16 != 0 {
		return nil, &OptionError{c, fmt.Errorf("%d bytes, not a multiple of 16", len(v))}
	}
	list := make([]netip.Addr, 0, len(v)/16)
	for ; len(v) > 0; v = v[16:] {
		list = append(list, addrAt(v, 0))
	}
	return list, nil
}

// SetAddrs sets addresses, all of IPv6.
func (o *Options) SetAddrs(c Code, list ...netip.Addr) error {
	v, err := appendAddrs(nil, list)
	if err != nil {
		return &OptionError{c, err}
	}
	o.Set(c, v)
	return nil
}

func appendAddrs(b []byte, list []netip.Addr) ([]byte, error) {
	for _, a := range list {
		if !a.Is6() || a.Zone() != "" {
			return b, fmt.Errorf("%v is not an IPv6 address", a)
		}
		a16 := a.As16()
		b = append(b, a16[:]...)
	}
	return b, nil
}

// Names returns domain names in text form (RFC 1035 5.1) without last dots. Compression is an
// error: RFC 8415 10.
func (o Options) Names(c Code) ([]string, error) {
	v, err := o.value(c)
	if err != nil {
		return nil, err
	}
	names, err := dnsname.ReadAll(v, false)
	return names, wrap(c, err)
}

// SetNames sets domain names.
func (o *Options) SetNames(c Code, names ...string) error {
	v, err := dnsname.AppendAll(nil, names)
	if err != nil {
		return &OptionError{c, err}
	}
	o.Set(c, v)
	return nil
}

// String returns a text as it came, any bytes: print it with Quote.
func (o Options) String(c Code) (string, error) {
	v, err := o.value(c)
	return string(v), err
}

// SetString sets a text.
func (o *Options) SetString(c Code, s string) { o.Set(c, []byte(s)) }

// Uint8 returns an integer of one byte.
func (o Options) Uint8(c Code) (uint8, error) {
	v, err := o.fixed(c, 1)
	if err != nil {
		return 0, err
	}
	return v[0], nil
}

// Uint16 returns an integer of two bytes.
func (o Options) Uint16(c Code) (uint16, error) {
	v, err := o.fixed(c, 2)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(v), nil
}

// Duration returns seconds; 0xffffffff is Forever.
func (o Options) Duration(c Code) (time.Duration, error) {
	v, err := o.fixed(c, 4)
	if err != nil {
		return 0, err
	}
	return seconds(v), nil
}

func (o Options) fixed(c Code, n int) ([]byte, error) {
	v, err := o.value(c)
	if err == nil && len(v) != n {
		err = &OptionError{c, fmt.Errorf("%d bytes, not %d", len(v), n)}
	}
	return v, err
}

// SetUint8 and its siblings set an integer or seconds.
func (o *Options) SetUint8(c Code, n uint8)   { o.Set(c, []byte{n}) }
func (o *Options) SetUint16(c Code, n uint16) { o.Set(c, binary.BigEndian.AppendUint16(nil, n)) }
func (o *Options) SetDuration(c Code, d time.Duration) {
	o.Set(c, appendSeconds(nil, d))
}

// DNS are the name servers, the preferred first. RFC 3646 3.
func (o Options) DNS() ([]netip.Addr, error) { return o.Addrs(OptDNS) }

// DomainSearch is the list of domains to try for short names. RFC 3646 4.
func (o Options) DomainSearch() ([]string, error) { return o.Names(OptDomainSearch) }

// RapidCommit reports whether the sender can do with two messages. RFC 8415 21.14.
func (o Options) RapidCommit() bool { return o.Has(OptRapidCommit) }

// SetRapidCommit says that the sender can do with two messages.
func (o *Options) SetRapidCommit() { o.Set(OptRapidCommit, nil) }

// Preference is how much a server wants to be chosen, 0 if it does not say; 255
// ends the client's search. RFC 8415 21.8.
func (o Options) Preference() (uint8, error) {
	n, err := o.Uint8(OptPreference)
	if errors.Is(err, ErrAbsent) {
		return 0, nil
	}
	return n, err
}

// Requested is the list of options that the client asks for. RFC 8415 21.7.
func (o Options) Requested() ([]Code, error) { return get(o, OptORO, readCodes) }

// SetRequested sets what options the client asks for.
func (o *Options) SetRequested(list ...Code) { o.Set(OptORO, appendCodes(nil, list)) }

func readCodes(v []byte) ([]Code, error) {
	var list []Code
	for ; len(v) > 0; v = v[2:] {
		list = append(list, Code(binary.BigEndian.Uint16(v)))
	}
	return list, nil
}

func appendCodes(b []byte, list []Code) []byte {
	for _, c := range list {
		b = binary.BigEndian.AppendUint16(b, uint16(c))
	}
	return b
}

// Elapsed is how long the client has been at its present exchange, in steps of
// 10 ms; the longest that can be said is 655.35 s. RFC 8415 21.9.
func (o Options) Elapsed() (time.Duration, error) {
	n, err := o.Uint16(OptElapsedTime)
	return time.Duration(n) * 10 * time.Millisecond, err
}

// SetElapsed says how long the client has been at its present exchange.
func (o *Options) SetElapsed(d time.Duration) {
	o.SetUint16(OptElapsedTime, uint16(max(0, min(d/(10*time.Millisecond), 0xffff))))
}

// SolMaxRT is the longest time between Solicits that the server wants, 60 s to a day;
// anything else is an error, and to be ignored. RFC 8415 21.24.
func (o Options) SolMaxRT() (time.Duration, error) { return o.maxRT(OptSolMaxRT) }

// InfMaxRT is the same for Information-requests. RFC 8415 21.25.
func (o Options) InfMaxRT() (time.Duration, error) { return o.maxRT(OptInfMaxRT) }

func (o Options) maxRT(c Code) (time.Duration, error) {
	d, err := o.Duration(c)
	if err == nil && (d < time.Minute || d > 24*time.Hour) {
		err = &OptionError{c, fmt.Errorf("%v is not between a minute and a day", d)}
	}
	return d, err
}

// Bounds of the information refresh time. Source: RFC 8415 7.6.
const (
	InfoRefreshDefault = 24 * time.Hour
	InfoRefreshMin     = 600 * time.Second
)

// InfoRefresh is how long what an Information-request brought is good: what the server says, at
// least InfoRefreshMin, or InfoRefreshDefault if it says nothing. RFC 8415 21.23.
func (o Options) InfoRefresh() (time.Duration, error) {
	d, err := o.Duration(OptInfoRefreshTime)
	if errors.Is(err, ErrAbsent) {
		return InfoRefreshDefault, nil
	}
	return max(d, InfoRefreshMin), err
}

// Unicast is the address at which the server takes messages. RFC 8415 21.12.
func (o Options) Unicast() (netip.Addr, error) {
	v, err := o.fixed(OptUnicast, 16)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrAt(v, 0), nil
}

// RelayMessage returns the message that is relayed, decoded. RFC 8415 21.10.
func (o Options) RelayMessage() (*Message, error) {
	v, err := o.value(OptRelayMessage)
	if err != nil {
		return nil, err
	}
	m := new(Message)
	if err := m.Decode(v); err != nil {
		return nil, &OptionError{OptRelayMessage, err}
	}
	return m, nil
}

// SetRelayMessage sets the message that is relayed.
func (o *Options) SetRelayMessage(m *Message) error {
	v, err := m.Append(nil)
	if err != nil {
		return &OptionError{OptRelayMessage, err}
	}
	o.Set(OptRelayMessage, v)
	return nil
}

// InterfaceID is the relay's name of the client's link, opaque. RFC 8415 21.18.
func (o Options) InterfaceID() ([]byte, error) { return o.value(OptInterfaceID) }

// CaptivePortal is the URI of the portal's API. RFC 8910.
func (o Options) CaptivePortal() (string, error) {
	s, err := o.String(OptCaptivePortal)
	if err == nil && !text.IsURI(s) {
		return "", &OptionError{OptCaptivePortal, fmt.Errorf("%s is not a URI", Quote(s[:min(len(s), 40)]))}
	}
	return s, err
}

// AFTRName is the name of the far end of a DS-Lite tunnel. RFC 6334.
func (o Options) AFTRName() (string, error) {
	names, err := o.Names(OptAFTRName)
	if err == nil && len(names) != 1 {
		err = &OptionError{OptAFTRName, fmt.Errorf("%d names, not one", len(names))}
	}
	if err != nil {
		return "", err
	}
	return names[0], nil
}

// Flags of a ClientFQDN. Source: RFC 4704 4.1.
const (
	FQDNServer   = 1 << iota // S: the server should (or does) update the AAAA record
	FQDNOverride             // O: the server did otherwise than S said
	FQDNNoUpdate             // N: the server should (or does) no update
)

// A ClientFQDN is the client's name and who updates the DNS. Source: RFC 4704.
type ClientFQDN struct {
	Flags   uint8
	Name    string // text form without a last dot; may be empty
	Partial bool   // the name is not fully qualified: it does not end with the root
}

// FQDN returns the client's name; something that is no name is an error.
func (o Options) FQDN() (ClientFQDN, error) {
	v, err := o.value(OptFQDN)
	if err != nil {
		return ClientFQDN{}, err
	}
	f, err := readFQDN(v)
	return f, wrap(OptFQDN, err)
}

func readFQDN(v []byte) (ClientFQDN, error) {
	f := ClientFQDN{Flags: v[0]}
	whole, partial, err := dnsname.ReadPartial(v[1:])
	f.Name, f.Partial = strings.TrimSuffix(whole, "."), partial
	return f, err
}

// SetFQDN sets the client's name.
func (o *Options) SetFQDN(f ClientFQDN) error {
	v, err := appendFQDN(nil, f)
	if err != nil {
		return &OptionError{OptFQDN, err}
	}
	o.Set(OptFQDN, v)
	return nil
}

func appendFQDN(b []byte, f ClientFQDN) ([]byte, error) {
	return dnsname.AppendPartial(append(b, f.Flags), f.Name, f.Partial)
}

// readClasses reads texts with lengths of two bytes. RFC 8415 21.15.
func readClasses(v []byte) ([]string, error) {
	var list []string
	for len(v) > 0 {
		if len(v) < 2 || len(v) < 2+int(binary.BigEndian.Uint16(v)) {
			return nil, errShort
		}
		n := 2 + int(binary.BigEndian.Uint16(v))
		list = append(list, string(v[2:n]))
		v = v[n:]
	}
	return list, nil
}

func appendClasses(b []byte, list []string) ([]byte, error) {
	for _, s := range list {
		if len(s) > maxOption {
			return b, fmt.Errorf("a class of %d bytes", len(s))
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	return b, nil
}

// Classes returns the classes of the user, or the parameters of a boot file: any
// bytes. RFC 8415 21.15, 5970 3.2.
func (o Options) Classes(c Code) ([]string, error) {
	v, err := o.value(c)
	if err != nil {
		return nil, err
	}
	list, err := readClasses(v)
	return list, wrap(c, err)
}

// SetClasses sets classes.
func (o *Options) SetClasses(c Code, list ...string) error {
	v, err := appendClasses(nil, list)
	if err != nil {
		return &OptionError{c, err}
	}
	o.Set(c, v)
	return nil
}

// A VendorClass is what the vendor, by its number at IANA, says of the client's kind. RFC
// 8415 21.16.
type VendorClass struct {
	Enterprise uint32
	Classes    []string
}

// VendorClasses returns the vendors' classes.
func (o Options) VendorClasses() ([]VendorClass, error) {
	var list []VendorClass
	for v := range o.Each(OptVendorClass) {
		if err := checkLength(OptVendorClass, len(v)); err != nil {
			return list, err
		}
		classes, err := readClasses(v[4:])
		if err != nil {
			return list, &OptionError{OptVendorClass, err}
		}
		list = append(list, VendorClass{binary.BigEndian.Uint32(v), classes})
	}
	return list, nil
}

// AddVendorClass adds a vendor's classes.
func (o *Options) AddVendorClass(c VendorClass) error {
	v, err := appendClasses(binary.BigEndian.AppendUint32(nil, c.Enterprise), c.Classes)
	if err != nil {
		return &OptionError{OptVendorClass, err}
	}
	o.Add(OptVendorClass, v)
	return nil
}

// VendorOptions are a vendor's options, whose numbers are its own. RFC 8415 21.17.
type VendorOptions struct {
	Enterprise uint32
	Options    Options
}

// VendorOptions returns the vendors' options.
func (o Options) VendorOptions() ([]VendorOptions, error) {
	var list []VendorOptions
	for v := range o.Each(OptVendorOptions) {
		if err := checkLength(OptVendorOptions, len(v)); err != nil {
			return list, err
		}
		vo := VendorOptions{Enterprise: binary.BigEndian.Uint32(v)}
		if vo.Options.decode(v[4:]) != nil { // its text would take the vendor's number for one of ours
			return list, &OptionError{OptVendorOptions, errShort}
		}
		list = append(list, vo)
	}
	return list, nil
}

// AddVendorOptions adds a vendor's options.
func (o *Options) AddVendorOptions(vo VendorOptions) error {
	return o.addWith(OptVendorOptions, binary.BigEndian.AppendUint32(nil, vo.Enterprise), vo.Options)
}

// NTP are servers of time: unicast and multicast addresses, and names. RFC 5908.
type NTP struct {
	Servers, Multicast []netip.Addr
	Names              []string
}

// Suboptions of OptNTPServers. Source: RFC 5908 4.
const (
	ntpServer    Code = 1
	ntpMulticast Code = 2
	ntpName      Code = 3
)

// NTP returns the servers of time. Suboptions that nobody knows are skipped.
func (o Options) NTP() (NTP, error) {
	v, err := o.value(OptNTPServers)
	if err != nil {
		return NTP{}, err
	}
	n, err := readNTP(v)
	return n, wrap(OptNTPServers, err)
}

func readNTP(v []byte) (NTP, error) {
	var n NTP
	var sub Options
	if err := sub.decode(v); err != nil {
		return n, errShort // its text would take the suboption for one of ours
	}
	for _, s := range sub {
		switch {
		case s.Code == ntpName:
			names, err := dnsname.ReadAll(s.Data, false)
			if err != nil {
				return n, err
			}
			n.Names = append(n.Names, names...)
		case s.Code != ntpServer && s.Code != ntpMulticast:
		case len(s.Data) != 16:
			return n, fmt.Errorf("an address of %d bytes", len(s.Data))
		case addrAt(s.Data, 0).IsMulticast(): // whatever its suboption says
			n.Multicast = append(n.Multicast, addrAt(s.Data, 0))
		default:
			n.Servers = append(n.Servers, addrAt(s.Data, 0))
		}
	}
	return n, nil
}

// SetNTP sets the servers of time.
func (o *Options) SetNTP(n NTP) error {
	var sub Options
	for _, l := range [...]struct {
		c    Code
		list []netip.Addr
	}{{ntpServer, n.Servers}, {ntpMulticast, n.Multicast}} {
		for _, a := range l.list {
			v, err := appendAddrs(nil, []netip.Addr{a})
			if err != nil {
				return &OptionError{OptNTPServers, err}
			}
			sub.Add(l.c, v)
		}
	}
	for _, name := range n.Names {
		v, err := dnsname.Append(nil, name)
		if err != nil {
			return &OptionError{OptNTPServers, err}
		}
		sub.Add(ntpName, v)
	}
	o.Del(OptNTPServers)
	return o.addWith(OptNTPServers, nil, sub)
}
