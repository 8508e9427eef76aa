package value

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/dhcp/internal/dnsname"
	"github.com/netfs-project/netfs/dhcp/internal/text"
)

// A Resolver is a resolver of encrypted DNS that the network designates. Without Addrs and Params
// it is a name only, to be looked up by other means. Source: RFC 9463 3.1.
type Resolver struct {
	Priority uint16 // the lowest first
	Name     string // for its certificate; text form without a last dot
	Addrs    []netip.Addr
	Params   []Param // of the service, in the order of their keys
}

// A Param is a parameter of a service. Source: RFC 9460 2.2.
type Param struct {
	Key   ParamKey
	Value []byte
}

// A ParamKey is the number of a parameter. Source: RFC 9460 14.3.2, RFC 9461 5.
type ParamKey uint16

const (
	Mandatory ParamKey = 0
	ALPN      ParamKey = 1
	Port      ParamKey = 3
	DoHPath   ParamKey = 7
)

var paramNames = []string{Mandatory: "mandatory", ALPN: "alpn", 2: "no-default-alpn", Port: "port", 4: "ipv4hint", 5: "ech", 6: "ipv6hint", DoHPath: "dohpath"}

func (k ParamKey) String() string {
	if int(k) < len(paramNames) {
		return paramNames[k]
	}
	return "key" + strconv.Itoa(int(k))
}

func (r *Resolver) param(k ParamKey) ([]byte, bool) {
	i := slices.IndexFunc(r.Params, func(p Param) bool { return p.Key == k })
	if i < 0 {
		return nil, false
	}
	return r.Params[i].Value, true
}

// Set gives a parameter a value, and keeps the order of the keys.
func (r *Resolver) Set(k ParamKey, v []byte) {
	i, ok := slices.BinarySearchFunc(r.Params, k, func(p Param, k ParamKey) int { return int(p.Key) - int(k) })
	if !ok {
		r.Params = slices.Insert(r.Params, i, Param{Key: k})
	}
	r.Params[i].Value = v
}

// ALPN are the protocols that the resolver speaks: dot, doq, h2, h3 …
func (r *Resolver) ALPN() []string {
	v, _ := r.param(ALPN)
	list, _ := readALPN(v)
	return list
}

// SetALPN says which protocols the resolver speaks, each of 1 to 255 bytes.
func (r *Resolver) SetALPN(list ...string) error {
	v, err := appendALPN(nil, list)
	if err == nil {
		r.Set(ALPN, v)
	}
	return err
}

// Port is the port, if it is not the protocol's usual one.
func (r *Resolver) Port() (uint16, bool) {
	v, _ := r.param(Port)
	if len(v) != 2 {
		return 0, false
	}
	return binary.BigEndian.Uint16(v), true
}

// SetPort sets the port.
func (r *Resolver) SetPort(n uint16) { r.Set(Port, binary.BigEndian.AppendUint16(nil, n)) }

// DoHPath is the template of the path of DNS over HTTPS, as /dns-query{?dns}: any bytes.
func (r *Resolver) DoHPath() string {
	v, _ := r.param(DoHPath)
	return string(v)
}

func readALPN(v []byte) ([]string, error) {
	var list []string
	for len(v) > 0 {
		n := 1 + int(v[0])
		if n == 1 || n > len(v) {
			return list, fmt.Errorf("alpn: a protocol of %d bytes in %d", n-1, len(v)-1)
		}
		list = append(list, string(v[1:n]))
		v = v[n:]
	}
	return list, nil
}

func appendALPN(b []byte, list []string) ([]byte, error) {
	for _, s := range list {
		if len(s) == 0 || len(s) > 255 {
			return b, fmt.Errorf("alpn: %q: a protocol has 1 to 255 bytes", s)
		}
		b = append(append(b, byte(len(s))), s...)
	}
	return b, nil
}

// ReadParams reads the parameters of a service, and borrows v. Keys must grow: RFC 9460 2.2.
func ReadParams(v []byte) ([]Param, error) {
	var list []Param
	for len(v) > 0 {
		if len(v) < 4 || len(v) < 4+int(binary.BigEndian.Uint16(v[2:])) {
			return list, errShort
		}
		k, n := ParamKey(binary.BigEndian.Uint16(v)), 4+int(binary.BigEndian.Uint16(v[2:]))
		if len(list) > 0 && list[len(list)-1].Key >= k {
			return list, fmt.Errorf("parameter %v behind %v", k, list[len(list)-1].Key)
		}
		list = append(list, Param{k, v[4:n:n]})
		v = v[n:]
	}
	return list, checkParams(list)
}

func checkParams(list []Param) error {
	for i, p := range list {
		if i > 0 && list[i-1].Key >= p.Key {
			return fmt.Errorf("parameter %v behind %v", p.Key, list[i-1].Key)
		}
		switch {
		case len(p.Value) > 0xffff:
			return fmt.Errorf("parameter %v of %d bytes", p.Key, len(p.Value))
		case p.Key == ALPN:
			l, err := readALPN(p.Value)
			if err == nil && len(l) == 0 {
				err = errors.New("alpn: no protocol")
			}
			if err != nil {
				return err
			}
		case p.Key == Port && len(p.Value) != 2:
			return fmt.Errorf("a port of %d bytes", len(p.Value))
		}
	}
	return nil
}

// AppendParams appends parameters.
func AppendParams(b []byte, list []Param) ([]byte, error) {
	if err := checkParams(list); err != nil {
		return b, err
	}
	for _, p := range list {
		b = binary.BigEndian.AppendUint16(b, uint16(p.Key))
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p.Value))), p.Value...)
	}
	return b, nil
}

// NameOnly reports whether only the name is told.
func (r *Resolver) NameOnly() bool { return len(r.Addrs) == 0 && len(r.Params) == 0 }

// A Form is where a Resolver stands, which differ in the sizes of lengths and addresses.
type Form struct {
	length, addr int
}

// The forms of DHCPv4 (RFC 9463 5.1, one instance without its length) and DHCPv6 (4.1).
var (
	ResolverV4 = Form{1, 4}
	ResolverV6 = Form{2, 16}
)

func (f Form) read(v []byte) (part, rest []byte, err error) {
	if len(v) < f.length {
		return nil, nil, errShort
	}
	n := 0
	for _, c := range v[:f.length] {
		n = n<<8 | int(c)
	}
	v = v[f.length:]
	if n > len(v) {
		return nil, nil, errShort
	}
	return v[:n:n], v[n:], nil
}

func (f Form) append(b, part []byte) ([]byte, error) {
	n := len(part)
	if n >= 1<<(8*f.length) {
		return b, fmt.Errorf("%d bytes where a length has %d", n, f.length)
	}
	if f.length == 2 {
		b = append(b, byte(n>>8))
	}
	return append(append(b, byte(n)), part...), nil
}

// ReadResolver reads one resolver that fills v.
func ReadResolver(v []byte, f Form) (Resolver, error) {
	if len(v) < 2 {
		return Resolver{}, errShort
	}
	r := Resolver{Priority: binary.BigEndian.Uint16(v)}
	rest, err := r.ReadName(v[2:], f)
	if err != nil || len(rest) == 0 {
		return r, err
	}
	if rest, err = r.ReadAddrs(rest, f); err != nil {
		return r, err
	}
	if len(r.Addrs) == 0 && len(rest) > 0 {
		return r, errors.New("parameters without an address")
	}
	r.Params, err = ReadParams(rest)
	return r, err
}

// ReadName reads the name at the beginning of v, with its length, and returns what is behind it.
func (r *Resolver) ReadName(v []byte, f Form) (rest []byte, err error) {
	n, rest, err := f.read(v)
	if err != nil {
		return nil, err
	}
	name, next, err := dnsname.Read(n, 0, false)
	if err != nil {
		return nil, err
	}
	if next != len(n) || name == "." {
		return nil, fmt.Errorf("%d bytes of a name in %d", next, len(n))
	}
	r.Name = name
	return rest, nil
}

// ReadAddrs reads the addresses at the beginning of v, with their length, and returns what is behind them.
func (r *Resolver) ReadAddrs(v []byte, f Form) (rest []byte, err error) {
	a, rest, err := f.read(v)
	if err != nil {
		return nil, err
	}
	if len(a)%f.addr != 0 {
		return nil, fmt.Errorf("%d bytes of addresses", len(a))
	}
	for ; len(a) > 0; a = a[f.addr:] {
		x, _ := netip.AddrFromSlice(a[:f.addr])
		r.Addrs = append(r.Addrs, x)
	}
	return rest, nil
}

// Append appends one resolver.
func (r *Resolver) Append(b []byte, f Form) ([]byte, error) {
	b, err := r.AppendName(binary.BigEndian.AppendUint16(b, r.Priority), f)
	if err != nil || r.NameOnly() {
		return b, err
	}
	if len(r.Addrs) == 0 {
		return b, errors.New("parameters without an address")
	}
	if b, err = r.AppendAddrs(b, f); err != nil {
		return b, err
	}
	return AppendParams(b, r.Params)
}

// AppendName appends the name with its length.
func (r *Resolver) AppendName(b []byte, f Form) ([]byte, error) {
	n, err := dnsname.Append(nil, r.Name)
	if err == nil && len(n) < 2 {
		err = errors.New("a resolver without a name")
	}
	if err != nil {
		return b, err
	}
	return f.append(b, n)
}

// AppendAddrs appends the addresses with their length.
func (r *Resolver) AppendAddrs(b []byte, f Form) ([]byte, error) {
	var v []byte
	for _, a := range r.Addrs {
		if a.BitLen() != f.addr*8 || a.Zone() != "" {
			return b, fmt.Errorf("%v is not an address of %d bytes", a, f.addr)
		}
		v = append(v, a.AsSlice()...)
	}
	return f.append(b, v)
}

// AppendText appends 1/dns.example/192.0.2.53+192.0.2.54/alpn=dot+doq/port=853: the priority, the name,
// addresses, parameters.
func (r *Resolver) AppendText(b []byte) []byte {
	b = append(strconv.AppendUint(b, uint64(r.Priority), 10), '/')
	b = appendWord(b, r.Name)
	for i, a := range r.Addrs {
		b = a.AppendTo(append(b, "/+"[min(i, 1)]))
	}
	for _, p := range r.Params {
		b = append(append(append(b, '/'), p.Key.String()...), '=')
		switch p.Key {
		case ALPN:
			list, _ := readALPN(p.Value)
			for i, s := range list {
				if i > 0 {
					b = append(b, '+')
				}
				b = appendWord(b, s)
			}
		case Port:
			b = strconv.AppendUint(b, uint64(binary.BigEndian.Uint16(p.Value)), 10)
		case DoHPath:
			b = text.AppendQuoted(b, p.Value)
		default:
			b = hex.AppendEncode(b, p.Value)
		}
	}
	return b
}

// appendWord quotes what could be taken for a separator.
func appendWord(b []byte, s string) []byte {
	if strings.ContainsAny(s, "/+") {
		return text.AppendQuoted(b, s)
	}
	return text.AppendQuote(b, s)
}

// ParseResolver reads what AppendText writes.
func ParseResolver(s string) (Resolver, error) {
	var r Resolver
	i := 0
	err := text.Split(s, '/', func(w string) error {
		i++
		switch i {
		case 1:
			n, err := strconv.ParseUint(w, 10, 16)
			if err != nil {
				return fmt.Errorf("%q: not a priority, 0 to 65535", w)
			}
			r.Priority = uint16(n)
			return nil
		case 2:
			n, err := text.Unquote(w)
			if err != nil || n == "" {
				return err
			}
			b, err := dnsname.Append(nil, n)
			if err == nil {
				r.Name, _, err = dnsname.Read(b, 0, false) // as it is printed
			}
			return err
		case 3:
			return r.parseAddrs(w)
		}
		return r.parseParam(w)
	})
	if err == nil && i < 2 {
		err = fmt.Errorf("%q: not PRIORITY/NAME/ADDRESS+…/KEY=VALUE…", s)
	}
	if err == nil {
		err = checkParams(r.Params)
	}
	return r, err
}

func (r *Resolver) parseAddrs(s string) error {
	for w := range strings.SplitSeq(s, "+") {
		a, err := netip.ParseAddr(w)
		if err != nil {
			return fmt.Errorf("%q: not an address", w)
		}
		r.Addrs = append(r.Addrs, a)
	}
	return nil
}

func (r *Resolver) parseParam(s string) error {
	k, v, ok := strings.Cut(s, "=")
	key := ParamKey(0)
	if i := slices.Index(paramNames, k); i >= 0 {
		key = ParamKey(i)
	} else if n, err := strconv.ParseUint(strings.TrimPrefix(k, "key"), 10, 16); err == nil {
		key = ParamKey(n)
	} else {
		ok = false
	}
	if !ok {
		return fmt.Errorf("%q: not a parameter, KEY=VALUE", s)
	}
	switch key {
	case ALPN:
		var list []string
		err := text.Split(v, '+', func(w string) error {
			t, err := text.Unquote(w)
			list = append(list, t)
			return err
		})
		if err != nil {
			return err
		}
		return r.SetALPN(list...)
	case Port:
		n, err := strconv.ParseUint(v, 10, 16)
		if err != nil {
			return fmt.Errorf("%q: not a port, 0 to 65535", v)
		}
		r.SetPort(uint16(n))
	case DoHPath:
		t, err := text.Unquote(v)
		if err != nil {
			return err
		}
		r.Set(key, []byte(t))
	default:
		x, err := hex.DecodeString(v)
		if err != nil {
			return fmt.Errorf("%q: not hex", v)
		}
		r.Set(key, x)
	}
	return nil
}
