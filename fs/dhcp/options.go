package dhcp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/dhcp/acd"
	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// Options are how a link's client is to behave. The zero value serves.
type Options struct {
	Apply    Apply      // what is set; 0: ApplyAddr, ApplyRoutes and ApplyMTU
	Hostname string     // option 12
	ClientID string     // "", "none", hex bytes with colons, or text; see ParseClientID
	Request  []v4.Code  // option 55; nil: client.DefaultRequest
	Wish     netip.Addr // the address to ask for
	Metric   uint32     // of routes; 0: 1000 and the link's index
	Table    uint32     // of routes; 0: main
	ACD      ACD
	Servers  []netip.Addr // only these; none: any
	Rapid    bool         // rapid commit, RFC 4039
	V6Only   bool         // give way to IPv6, RFC 8925
	Force    bool         // FORCERENEW with a nonce, RFC 6704
}

// Apply is what of a lease is set on the link.
type Apply uint8

const (
	ApplyAddr Apply = 1 << iota
	ApplyRoutes
	ApplyMTU
	ApplyNone       // nothing
	ApplyDNS        // DNS servers and search domains, for the machine; see dns.Any
	ApplyResolved   // in systemd-resolved
	ApplyResolvconf // by resolvconf
)

const applyNames = ApplyDNS | ApplyResolved | ApplyResolvconf

var applyWords = []struct {
	word string
	bit  Apply
}{{"addr", ApplyAddr}, {"routes", ApplyRoutes}, {"mtu", ApplyMTU}, {"dns", ApplyDNS}, {"resolved", ApplyResolved}, {"resolvconf", ApplyResolvconf}}

// ParseApply reads a list such as addr,routes or the word none.
func ParseApply(list string) (Apply, error) {
	a, err := parseApply(list)
	if err == nil && a&ApplyRoutes != 0 && a&ApplyAddr == 0 {
		err = errors.New("routes need addr")
	}
	return a, err
}

func parseApply(list string) (a Apply, err error) {
	if list == "none" {
		return ApplyNone, nil
	}
	for w := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(applyWords, func(x struct {
			word string
			bit  Apply
		}) bool {
			return x.word == w
		})
		if i < 0 {
			return 0, fmt.Errorf("%q is neither addr, routes, mtu, dns, resolved, resolvconf nor none", w)
		}
		a |= applyWords[i].bit
	}
	if n := a & applyNames; n&(n-1) != 0 {
		return 0, errors.New("only one of dns, resolved, resolvconf")
	}
	return a, nil
}

// manager is who is given DNS; not ok: nobody.
func (a Apply) manager() (m dns.Manager, ok bool) {
	switch a & applyNames {
	case ApplyResolved:
		m = dns.Resolved
	case ApplyResolvconf:
		m = dns.Resolvconf
	}
	return m, a&applyNames != 0
}

// String is what ParseApply reads.
func (a Apply) String() string {
	if a == 0 {
		a = ApplyAddr | ApplyRoutes | ApplyMTU
	}
	var list []string
	for _, w := range applyWords {
		if a&w.bit != 0 {
			list = append(list, w.word)
		}
	}
	if list == nil {
		return "none"
	}
	return strings.Join(list, ",")
}

// An ACD is how an address is checked before its use (RFC 5227).
type ACD uint8

const (
	ACDProbe ACD = iota // for half a second
	ACDFull             // as the RFC says, for 4 to 7 seconds
	ACDOff
)

var acdWords = fs.Names{uint32(ACDProbe): "probe", uint32(ACDFull): "full", uint32(ACDOff): "off"}

// ParseACD reads off, probe or full.
func ParseACD(word string) (ACD, error) {
	for a, w := range acdWords {
		if w == word {
			return ACD(a), nil
		}
	}
	return 0, fmt.Errorf("%q is neither off, probe nor full", word)
}

func (a ACD) String() string { return acdWords[uint32(a)] }

func (a ACD) timing() *acd.Timing {
	switch a {
	case ACDOff:
		return nil
	case ACDFull:
		return &acd.Full
	}
	return &acd.Quick
}

// ParseRequest reads a list of options by number or name. Names may be written as others write
// them: host-name and hostname are host_name.
func ParseRequest(list string) ([]v4.Code, error) {
	codes := []v4.Code{}
	for w := range strings.SplitSeq(list, ",") {
		c, ok := optionOf(w)
		if !ok {
			return nil, fmt.Errorf("%q is no option: a number from 1 to 254, or a name such as routers, host_name, domain_name_servers", w)
		}
		codes = append(codes, c)
	}
	return codes, nil
}

func optionOf(word string) (v4.Code, bool) {
	if n, err := strconv.ParseUint(word, 10, 8); err == nil {
		return v4.Code(n), 0 < n && n < 255
	}
	if c, err := v4.ByName(word); err == nil {
		return c, true
	}
	plain := strings.NewReplacer("_", "", "-", "").Replace
	for c := v4.Code(1); c < 255; c++ {
		if plain(c.Name()) == plain(word) {
			return c, true
		}
	}
	return 0, false
}

// ParseClientID reads a client identifier: none (do not send one), bytes in hex with colons, the
// first of which is the type, or a text without colons, which gets type 0. Empty is the default:
// type 1 and the hardware address.
func ParseClientID(word string, hw net.HardwareAddr) (v4.ClientID, error) {
	switch {
	case word == "":
		return v4.HardwareID(v4.Ethernet, hw), nil
	case word == "none":
		return nil, nil
	}
	id := append(v4.ClientID{v4.IDOther}, word...)
	if strings.Contains(word, ":") {
		id = id[:0]
		for w := range strings.SplitSeq(word, ":") {
			b, err := strconv.ParseUint(w, 16, 8)
			if err != nil {
				return nil, fmt.Errorf("%q is not a byte in hex: bytes have colons between them, a text has none", w)
			}
			id = append(id, byte(b))
		}
	}
	if len(id) < 2 || len(id) > 255 {
		return nil, fmt.Errorf("a client identifier of %d bytes, not 2 to 255", len(id))
	}
	return id, nil
}

func checkHostname(s string) error {
	if len(s) > 253 {
		return fmt.Errorf("a host name of %d bytes, at most 253", len(s))
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return fmt.Errorf("%q in a host name: letters, digits and -._ only", c)
		}
	}
	return nil
}

// config is the client's part of the options.
func (o *Options) config(hw net.HardwareAddr, mtu int) (client.Config, error) {
	id, err := ParseClientID(o.ClientID, hw)
	if err != nil {
		return client.Config{}, err
	}
	if err := checkHostname(o.Hostname); err != nil {
		return client.Config{}, fmt.Errorf("host name %q: %w", o.Hostname, err)
	}
	if o.Wish.IsValid() {
		if err := lease.Usable(o.Wish); err != nil {
			return client.Config{}, &fs.KeyError{Key: "address", Word: o.Wish.String(), Err: err}
		}
	}
	return client.Config{
		ClientID: id, Hostname: o.Hostname, Request: o.Request, Servers: o.Servers, MaxSize: uint16(min(max(mtu, 576), 1500)),
		RapidCommit: o.Rapid, IPv6Only: o.V6Only, ForceRenew: o.Force,
	}, nil
}
