package v4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/netfs-project/netfs/dhcp/internal/dnsname"
	"github.com/netfs-project/netfs/dhcp/internal/text"
)

// A MessageType is the value of option 53.
type MessageType uint8

// Source: RFC 2132 9.6; 3203, 4388, 6926, 7724 for the rest.
const (
	Discover        MessageType = 1
	Offer           MessageType = 2
	Request         MessageType = 3
	Decline         MessageType = 4
	Ack             MessageType = 5
	Nak             MessageType = 6
	Release         MessageType = 7
	Inform          MessageType = 8
	ForceRenew      MessageType = 9
	LeaseQuery      MessageType = 10
	LeaseUnassigned MessageType = 11
	LeaseUnknown    MessageType = 12
	LeaseActive     MessageType = 13
)

var typeNames = [...]string{
	Discover: "discover", Offer: "offer", Request: "request", Decline: "decline", Ack: "ack", Nak: "nak",
	Release: "release", Inform: "inform", ForceRenew: "forcerenew", LeaseQuery: "leasequery",
	LeaseUnassigned: "leaseunassigned", LeaseUnknown: "leaseunknown", LeaseActive: "leaseactive",
}

func (t MessageType) String() string {
	if int(t) < len(typeNames) && typeNames[t] != "" {
		return typeNames[t]
	}
	return strconv.Itoa(int(t))
}

// Forever is the duration that 0xffffffff seconds stand for, and that such an option decodes as.
const Forever = math.MaxUint32 * time.Second

// The getters below serve any option of their kind. They fail with ErrAbsent if
// it is not there, and with an OptionError if its bytes are no such value.

// Uint8 returns an integer of one byte.
func (o Options) Uint8(c Code) (uint8, error) {
	v, err := o.fixed(c, 1)
	return uint8(bigEndian(v)), err
}

// Uint16 returns an integer of two bytes.
func (o Options) Uint16(c Code) (uint16, error) {
	v, err := o.fixed(c, 2)
	return uint16(bigEndian(v)), err
}

// Uint32 returns an integer of four bytes. Int32 is the same with a sign.
func (o Options) Uint32(c Code) (uint32, error) {
	v, err := o.fixed(c, 4)
	return bigEndian(v), err
}

// Int32 returns an integer of four bytes with a sign: the time offset.
func (o Options) Int32(c Code) (int32, error) {
	n, err := o.Uint32(c)
	return int32(n), err
}

// Duration returns seconds. 0xffffffff is Forever.
func (o Options) Duration(c Code) (time.Duration, error) {
	n, err := o.Uint32(c)
	return time.Duration(n) * time.Second, err
}

// Bool returns a flag, which is 0 or 1.
func (o Options) Bool(c Code) (bool, error) {
	n, err := o.Uint8(c)
	if err == nil && n > 1 {
		return false, &OptionError{c, fmt.Errorf("%d is neither 0 nor 1", n)}
	}
	return n == 1, err
}

// fixed returns a value of n bytes, or no byte and an error.
func (o Options) fixed(c Code, n int) ([]byte, error) {
	v, err := o.value(c)
	if err == nil && len(v) != n {
		err = &OptionError{c, fmt.Errorf("%d bytes, not %d", len(v), n)}
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Uint16s returns a list of integers.
func (o Options) Uint16s(c Code) ([]uint16, error) {
	v, err := o.multiple(c, 2)
	var list []uint16
	for ; len(v) > 0; v = v[2:] {
		list = append(list, binary.BigEndian.Uint16(v))
	}
	return list, err
}

func (o Options) multiple(c Code, n int) ([]byte, error) {
	v, err := o.value(c)
	if err == nil && len(v)%n != 0 {
		err = &OptionError{c, fmt.Errorf("%d bytes, not a multiple of %d", len(v), n)}
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Addr returns an address.
func (o Options) Addr(c Code) (netip.Addr, error) {
	v, err := o.fixed(c, 4)
	if err != nil {
		return netip.Addr{}, err
	}
	return addrAt(v, 0), nil
}

// Addrs returns a list of addresses.
func (o Options) Addrs(c Code) ([]netip.Addr, error) {
	v, err := o.multiple(c, 4)
	if err != nil {
		return nil, err
	}
	list := make([]netip.Addr, 0, len(v)/4)
	for ; len(v) > 0; v = v[4:] {
		list = append(list, addrAt(v, 0))
	}
	return list, nil
}

// AddrPairs returns pairs of addresses: address and mask of option 21,
// destination and router of 33.
func (o Options) AddrPairs(c Code) ([][2]netip.Addr, error) {
	v, err := o.multiple(c, 8)
	var list [][2]netip.Addr
	for ; len(v) > 0; v = v[8:] {
		list = append(list, [2]netip.Addr{addrAt(v, 0), addrAt(v, 4)})
	}
	return list, err
}

// String returns a text as it came, without the zeros that some senders append.
// It may contain any byte: print it with Quote.
func (o Options) String(c Code) (string, error) {
	v, err := o.value(c)
	return string(trimNUL(v)), err
}

// host returns a text that must be a host or domain name.
func (o Options) host(c Code) (string, error) {
	s, err := o.String(c)
	if err == nil && !dnsname.IsHost(s) {
		return "", &OptionError{c, fmt.Errorf("%s is not a host name", text.Quote(clip(s)))}
	}
	return s, err
}

// clip keeps strangers' text in errors short.
func clip(s string) string { return s[:min(len(s), 40)] }

// Names returns domain names in text form (RFC 1035 5.1) without last dots; what no host name has is
// \DDD in it. Compression is undone, RFC 3397 2.
func (o Options) Names(c Code) ([]string, error) {
	v, err := o.value(c)
	if err != nil {
		return nil, err
	}
	names, err := dnsname.ReadAll(v, true)
	if err != nil {
		return nil, &OptionError{c, err}
	}
	return names, nil
}

// SetUint8 and its siblings set an option to a value of their kind.
func (o *Options) SetUint8(c Code, n uint8)   { o.Set(c, []byte{n}) }
func (o *Options) SetUint16(c Code, n uint16) { o.Set(c, binary.BigEndian.AppendUint16(nil, n)) }
func (o *Options) SetUint32(c Code, n uint32) { o.Set(c, binary.BigEndian.AppendUint32(nil, n)) }
func (o *Options) SetInt32(c Code, n int32)   { o.SetUint32(c, uint32(n)) }

// SetDuration sets seconds, rounded down: at least 0, and Forever if d is as long.
func (o *Options) SetDuration(c Code, d time.Duration) {
	o.SetUint32(c, uint32(max(0, min(d, Forever))/time.Second))
}

// SetBool sets a flag.
func (o *Options) SetBool(c Code, on bool) {
	if on {
		o.SetUint8(c, 1)
	} else {
		o.SetUint8(c, 0)
	}
}

// SetUint16s sets a list of integers.
func (o *Options) SetUint16s(c Code, list ...uint16) {
	var v []byte
	for _, n := range list {
		v = binary.BigEndian.AppendUint16(v, n)
	}
	o.Set(c, v)
}

// SetAddr sets one address or a list of them, all of IPv4.
func (o *Options) SetAddr(c Code, list ...netip.Addr) error {
	v := make([]byte, 0, 4*len(list))
	for _, a := range list {
		if !a.Is4() {
			return &OptionError{c, fmt.Errorf("%v is not an IPv4 address", a)}
		}
		a4 := a.As4()
		v = append(v, a4[:]...)
	}
	o.Set(c, v)
	return nil
}

// SetAddrPairs sets pairs of addresses.
func (o *Options) SetAddrPairs(c Code, list ...[2]netip.Addr) error {
	flat := make([]netip.Addr, 0, 2*len(list))
	for _, p := range list {
		flat = append(flat, p[:]...)
	}
	return o.SetAddr(c, flat...)
}

// SetString sets a text.
func (o *Options) SetString(c Code, s string) { o.Set(c, []byte(s)) }

// SetNames sets domain names, uncompressed.
func (o *Options) SetNames(c Code, names ...string) error {
	v, err := dnsname.AppendAll(nil, names)
	if err != nil {
		return &OptionError{c, err}
	}
	o.Set(c, v)
	return nil
}

// Type is the message type, 0 if there is none: a message of BOOTP.
func (m *Message) Type() MessageType { return m.Options.Type() }

// Type is the message type, 0 if there is none.
func (o Options) Type() MessageType {
	n, _ := o.Uint8(OptMessageType)
	return MessageType(n)
}

// SetType sets the message type.
func (o *Options) SetType(t MessageType) { o.SetUint8(OptMessageType, uint8(t)) }

// ServerID is the address of the DHCP server, for requests and renewals.
func (o Options) ServerID() (netip.Addr, error) { return o.Addr(OptServerID) }

// RequestedIP is the address that a client asks for.
func (o Options) RequestedIP() (netip.Addr, error) { return o.Addr(OptRequestedIP) }

// LeaseTime is how long the address is the client's; it may be Forever.
func (o Options) LeaseTime() (time.Duration, error) { return o.Duration(OptLeaseTime) }

// T1 is when the client should renew, counted from the same moment as the lease.
func (o Options) T1() (time.Duration, error) { return o.Duration(OptT1) }

// T2 is when the client should rebind.
func (o Options) T2() (time.Duration, error) { return o.Duration(OptT2) }

// Hostname is the client's name. Something that is no host name is an error.
func (o Options) Hostname() (string, error) { return o.host(OptHostname) }

// DomainName is the domain. Something that is no domain name is an error.
func (o Options) DomainName() (string, error) { return o.host(OptDomainName) }

// Routers are the gateways, the preferred first. They do not count if there are ClasslessRoutes.
func (o Options) Routers() ([]netip.Addr, error) { return o.Addrs(OptRouters) }

// DNS are the name servers, the preferred first.
func (o Options) DNS() ([]netip.Addr, error) { return o.Addrs(OptDNS) }

// DomainSearch is the list of domains to try for short names, RFC 3397.
func (o Options) DomainSearch() ([]string, error) { return o.Names(OptDomainSearch) }

// MaxSize is the longest IP packet that the sender takes for a message.
func (o Options) MaxSize() (uint16, error) {
	n, err := o.Uint16(OptMaxSize)
	if err == nil && n < minSize {
		err = &OptionError{OptMaxSize, fmt.Errorf("%d is less than %d", n, minSize)}
	}
	return n, err
}

// MTU is what packets the link should carry, in bytes; at least 68, RFC 2132 5.1.
func (o Options) MTU() (uint16, error) {
	n, err := o.Uint16(OptMTU)
	if err == nil && n < 68 {
		err = &OptionError{OptMTU, fmt.Errorf("%d is less than 68", n)}
	}
	return n, err
}

// SubnetMask is the length of the subnet's prefix. A mask with holes is an error.
func (o Options) SubnetMask() (bits int, err error) {
	v, err := o.fixed(OptSubnetMask, 4)
	if err != nil {
		return 0, err
	}
	bits, size := net.IPMask(v).Size()
	if size == 0 {
		return 0, &OptionError{OptSubnetMask, fmt.Errorf("%v is not a mask", addrAt(v, 0))}
	}
	return bits, nil
}

// SetSubnetMask sets the mask of a prefix of 0 to 32 bits.
func (o *Options) SetSubnetMask(bits int) error {
	m := net.CIDRMask(bits, 32)
	if m == nil {
		return &OptionError{OptSubnetMask, fmt.Errorf("%d bits, not 0 to 32", bits)}
	}
	o.Set(OptSubnetMask, m)
	return nil
}

// ParameterList is what options the client asks for.
func (o Options) ParameterList() ([]Code, error) {
	v, err := o.value(OptParameterList)
	list := make([]Code, len(v))
	for i, c := range v {
		list[i] = Code(c)
	}
	return list, err
}

// SetParameterList sets what options the client asks for.
func (o *Options) SetParameterList(list ...Code) {
	v := make([]byte, len(list))
	for i, c := range list {
		v[i] = byte(c)
	}
	o.Set(OptParameterList, v)
}

// RapidCommit reports whether the sender can do with two messages, RFC 4039.
func (o Options) RapidCommit() bool { return o.Has(OptRapidCommit) }

// SetRapidCommit says that the sender can do with two messages.
func (o *Options) SetRapidCommit() { o.Set(OptRapidCommit, nil) }

// MinV6OnlyWait is the least time that a client goes without IPv4, RFC 8925 3.4.
const MinV6OnlyWait = 300 * time.Second

// IPv6Only is how long a client that can do without IPv4 should, RFC 8925: what
// the option says, at least MinV6OnlyWait.
func (o Options) IPv6Only() (time.Duration, error) {
	d, err := o.Duration(OptIPv6Only)
	if err != nil {
		return 0, err
	}
	return max(d, MinV6OnlyWait), nil
}

// NoCaptivePortal is the URI that says that there is no captive portal, RFC 8910 2.
const NoCaptivePortal = "urn:ietf:params:capport:unrestricted"

// CaptivePortal is the URI of the portal's API, RFC 8910. It has the bytes that
// a URI has, no others.
func (o Options) CaptivePortal() (string, error) {
	s, err := o.String(OptCaptivePortal)
	if err != nil {
		return "", err
	}
	if !text.IsURI(s) {
		return "", &OptionError{OptCaptivePortal, fmt.Errorf("%s is not a URI", text.Quote(clip(s)))}
	}
	return s, nil
}

// VendorClass is what the client is, in its vendor's words.
func (o Options) VendorClass() (string, error) { return o.String(OptVendorClass) }

// Message is a server's or client's reason for a NAK or a DECLINE, any bytes.
func (o Options) Message() (string, error) { return o.String(OptMessage) }

var errShort = errors.New("it ends too early")
