package dhcp

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/v6"
)

// Options6 are how a link's DHCPv6 client is to behave. The zero value serves.
type Options6 struct {
	Apply       Apply        // what is set; 0: ApplyAddr and ApplyRoutes, which are those of prefixes
	IA          IA           // what is asked for; 0: IANA
	Prefix      netip.Prefix // to ask for; ::/56 asks for its length
	DUID        string       // bytes with colons; "": that of the directory of leases
	IAID        uint32       // 0: made of the link's name and address
	Request     []v6.Code    // options; nil: client6.DefaultRequest
	Servers     []v6.DUID    // only these; none: any
	Metric      uint32       // of routes; 0: 1000 and the link's index
	Table       uint32       // of routes; 0: main
	Rapid       bool         // rapid commit, RFC 8415 18.2.1
	Reconfigure bool         // let the server order a renewal, authenticated: RFC 8415 20.4
}

// An IA is which identity associations a client asks for.
type IA uint8

const (
	IANA   IA = 1 << iota // of addresses
	IAPD                  // of delegated prefixes
	IANone                // options only: stateless DHCPv6
)

// ParseIA reads na, pd, a list of both, or none.
func ParseIA(list string) (ia IA, err error) {
	if list == "none" {
		return IANone, nil
	}
	for w := range strings.SplitSeq(list, ",") {
		switch w {
		case "na":
			ia |= IANA
		case "pd":
			ia |= IAPD
		default:
			return 0, fmt.Errorf("%q is neither na, pd nor none", w)
		}
	}
	return ia, nil
}

// String is what ParseIA reads.
func (ia IA) String() string {
	switch ia {
	case IAPD:
		return "pd"
	case IANA | IAPD:
		return "na,pd"
	case IANone:
		return "none"
	}
	return "na"
}

// default6 is what is set unless told otherwise.
const default6 = ApplyAddr | ApplyRoutes

// ParseApply6 reads a list such as addr,routes or the word none.
func ParseApply6(list string) (Apply, error) {
	a, err := parseApply(list)
	if err == nil && a&ApplyMTU != 0 {
		err = errors.New("mtu: DHCPv6 does not tell it, routers do")
	}
	return a, err
}

// string6 is what ParseApply6 reads.
func (a Apply) string6() string {
	if a == 0 {
		a = default6
	}
	return a.String()
}

// ParseRequest6 reads a list of options of DHCPv6 by number or name.
func ParseRequest6(list string) ([]v6.Code, error) {
	codes := []v6.Code{}
	for w := range strings.SplitSeq(list, ",") {
		c, err := v6.ByName(w)
		if err != nil || c == 0 {
			return nil, fmt.Errorf("%q is no option", w)
		}
		codes = append(codes, c)
	}
	return codes, nil
}

// ParseServers6 reads a list of DUIDs.
func ParseServers6(list string) (all []v6.DUID, err error) {
	for w := range strings.SplitSeq(list, ",") {
		d, err := v6.ParseDUID(w)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

func duidsText(list []v6.DUID) string {
	var words []string
	for _, d := range list {
		words = append(words, d.String())
	}
	return strings.Join(words, ",")
}

func checkDUID(w string) error {
	_, err := v6.ParseDUID(w)
	return err
}

// checkPrefix tells why a prefix cannot be asked for.
func checkPrefix(p netip.Prefix) error {
	if !p.Addr().Is6() || p.Addr().Is4In6() || p.Bits() == 0 || p != p.Masked() {
		return fmt.Errorf("%v is no IPv6 prefix to ask for", p)
	}
	return nil
}

// iaid is a number of a link for its associations, the same ever after as far as name and address of the link
// are. VLANs share an address, and links of other namespaces a name.
func iaid(link string, hw net.HardwareAddr) uint32 {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %s", []byte(hw), link))
	return max(binary.BigEndian.Uint32(sum[:]), 1)
}

// config is the client's part of the options; made gives the DUID if they have none.
func (o *Options6) config(link string, hw net.HardwareAddr, made func() (v6.DUID, error)) (c client6.Config, err error) {
	ia := o.IA
	if ia == 0 {
		ia = IANA
	}
	c = client6.Config{
		IAID: o.IAID, Address: ia&IANA != 0, Prefix: ia&IAPD != 0, Hint: o.Prefix, Request: o.Request, Servers: o.Servers,
		RapidCommit: o.Rapid, Reconfigure: o.Reconfigure,
	}
	if o.Prefix.IsValid() {
		if ia&IAPD == 0 {
			return c, fmt.Errorf("prefix %v: ia=pd asks for prefixes", o.Prefix)
		}
		if err := checkPrefix(o.Prefix); err != nil {
			return c, err
		}
	}
	if c.IAID == 0 {
		c.IAID = iaid(link, hw)
	}
	if o.DUID != "" {
		c.DUID, err = v6.ParseDUID(o.DUID)
	} else {
		c.DUID, err = made()
	}
	return c, err
}
