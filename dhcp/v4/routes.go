package v4

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netfs-project/netfs/dhcp/internal/text"
)

// A Route is a route of option 121. A Gateway of 0.0.0.0 means that Dst is on
// the link.
type Route struct {
	Dst     netip.Prefix
	Gateway netip.Addr
}

// String is 10.0.0.0/8:192.0.2.1.
func (r Route) String() string { return r.Dst.String() + ":" + r.Gateway.String() }

// ClasslessRoutes are the routes of option 121, or of 249, Microsoft's number for
// the same, if there is no 121. If they are there, Routers do not count. Bits of a
// destination behind its prefix are cleared. Source: RFC 3442.
func (o Options) ClasslessRoutes() ([]Route, error) {
	c := OptClasslessRoutes
	if !o.Has(c) && o.Has(OptMSClasslessRoutes) {
		c = OptMSClasslessRoutes
	}
	v, err := o.value(c)
	if err != nil {
		return nil, err
	}
	r, err := readRoutes(v)
	if err != nil {
		return nil, &OptionError{c, err}
	}
	return r, nil
}

func readRoutes(v []byte) ([]Route, error) {
	var list []Route
	for len(v) > 0 {
		bits := int(v[0])
		if bits > 32 {
			return nil, fmt.Errorf("a prefix of %d bits", bits)
		}
		n := (bits + 7) / 8
		if len(v) < 1+n+4 {
			return nil, errShort
		}
		var dst [4]byte
		copy(dst[:], v[1:1+n])
		list = append(list, Route{
			Dst:     netip.PrefixFrom(netip.AddrFrom4(dst), bits).Masked(),
			Gateway: addrAt(v, 1+n),
		})
		v = v[1+n+4:]
	}
	return list, nil
}

// SetClasslessRoutes sets option 121.
func (o *Options) SetClasslessRoutes(routes ...Route) error {
	var v []byte
	for _, r := range routes {
		if !r.Dst.IsValid() || !r.Dst.Addr().Is4() || !r.Gateway.Is4() {
			return &OptionError{OptClasslessRoutes, fmt.Errorf("%v is not a route of IPv4", r)}
		}
		v = appendRoute(v, r)
	}
	o.Set(OptClasslessRoutes, v)
	return nil
}

func appendRoute(v []byte, r Route) []byte {
	dst, gw := r.Dst.Masked().Addr().As4(), r.Gateway.As4()
	v = append(v, byte(r.Dst.Bits()))
	v = append(v, dst[:(r.Dst.Bits()+7)/8]...)
	return append(v, gw[:]...)
}

func printRoutes(b, v []byte) ([]byte, error) {
	routes, err := readRoutes(v)
	for i, r := range routes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, r.String()...)
	}
	return b, err
}

func parseRoutes(b []byte, s string) ([]byte, error) {
	err := text.Each(s, func(w string) error {
		dst, gw, ok := strings.Cut(w, ":")
		p, err := netip.ParsePrefix(dst)
		a, err2 := netip.ParseAddr(gw)
		if !ok || errors.Join(err, err2) != nil || !p.Addr().Is4() || !a.Is4() {
			return fmt.Errorf("%q: not a route, PREFIX:GATEWAY", w)
		}
		b = appendRoute(b, Route{p, a})
		return nil
	})
	return slices.Clip(b), err
}
