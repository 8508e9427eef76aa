package client6

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v6"
)

const never = lease.Never

// Shortest is the valid lifetime below which an address or a prefix is refused: whoever hands out
// such makes the client ask all the time.
const Shortest = lease.Shortest

// A Lease is what a server gave.
type Lease = lease.Lease6

// A reading is a server's answer, understood.
type reading struct {
	lease     *Lease
	noBinding bool // the server does not know of an association
	gone      bool // the server took all back
}

var errNothing = errors.New("it gives nothing that was asked for")

// read understands what msg gives to a request that was sent at start. What an old lease
// has and msg does not mention stays as it was: RFC 8415 18.2.10.1.
func (c *Config) read(msg *v6.Message, start lease.Instant, old *Lease) (reading, error) {
	server, err := msg.Options.ServerID()
	if err != nil {
		return reading{}, err
	}
	r := reading{lease: &Lease{Server: server, Start: start, Reply: msg}}
	why := errNothing
	t1, t2 := v6.Forever, v6.Forever
	mentioned := map[netip.Prefix]bool{}
	for _, want := range [...]struct {
		on   bool
		list func() ([]v6.IA, error)
		take func(*Lease, v6.IA, map[netip.Prefix]bool) (int, error)
	}{{c.Address, msg.Options.IANAs, takeAddrs}, {c.Prefix, msg.Options.IAPDs, takePrefixes}} {
		if !want.on {
			continue
		}
		ia, err := c.pick(want.list)
		if err == nil {
			var st v6.Status
			if st, err = ia.Options.Status(); err == nil && st.Code != v6.Success {
				r.noBinding = r.noBinding || st.Code == v6.NoBinding
				err = fmt.Errorf("%v: %s", st.Code, v6.Quote(st.Text))
			}
		}
		n := 0
		if err == nil {
			n, err = want.take(r.lease, ia, mentioned)
		}
		if err != nil {
			why = err
			continue
		}
		if n > 0 {
			t1, t2 = shorter(t1, ia.T1), shorter(t2, ia.T2)
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(mentioned)), true) {
		return r, why
	}
	if old != nil {
		keep(r.lease, old, mentioned)
	}
	if r.lease.Empty() {
		r.gone = old != nil
		return r, errNothing
	}
	setTimes(r.lease, t1, t2)
	return r, nil
}

// shorter is the less of two times, of which 0 says nothing.
func shorter(a, b time.Duration) time.Duration {
	switch {
	case a == v6.Forever && b == 0:
		return 0
	case a == 0 || b == 0:
		return max(a, b)
	}
	return min(a, b)
}

// pick returns our association; one whose T1 is beyond its T2 is to be
// discarded (RFC 8415 21.4).
func (c *Config) pick(list func() ([]v6.IA, error)) (v6.IA, error) {
	ias, err := list()
	for _, ia := range ias {
		if ia.IAID != c.IAID {
			continue
		}
		if ia.T1 > ia.T2 && ia.T2 > 0 {
			return ia, fmt.Errorf("T1 of %v is beyond T2 of %v", ia.T1, ia.T2)
		}
		return ia, nil
	}
	if err == nil {
		err = errNothing
	}
	return v6.IA{}, err
}

func takeAddrs(l *Lease, ia v6.IA, mentioned map[netip.Prefix]bool) (n int, err error) {
	list, err := ia.Options.IAAddrs()
	if err == nil && len(list) == 0 {
		err = errNothing
	}
	for _, a := range list {
		key := netip.PrefixFrom(a.Addr, 128)
		if mentioned[key] {
			continue
		}
		mentioned[key] = a.Valid == 0 // taken back
		if st, e := a.Options.Status(); e != nil || st.Code != v6.Success || !a.Usable() || a.Valid < Shortest {
			err = fmt.Errorf("%v is of no use: valid for %v, preferred for %v, status %v", a.Addr, a.Valid, a.Preferred, st.Code)
			continue
		}
		mentioned[key] = true
		l.Addrs = append(l.Addrs, a)
		n++
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

func takePrefixes(l *Lease, ia v6.IA, mentioned map[netip.Prefix]bool) (n int, err error) {
	list, err := ia.Options.IAPrefixes()
	if err == nil && len(list) == 0 {
		err = errNothing
	}
	for _, p := range list {
		if mentioned[p.Prefix] {
			continue
		}
		mentioned[p.Prefix] = p.Valid == 0
		if st, e := p.Options.Status(); e != nil || st.Code != v6.Success || !p.Usable() || p.Valid < Shortest {
			err = fmt.Errorf("%v is of no use: valid for %v, preferred for %v, status %v", p.Prefix, p.Valid, p.Preferred, st.Code)
			continue
		}
		mentioned[p.Prefix] = true
		l.Prefixes = append(l.Prefixes, p)
		n++
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

// keep takes over from old what was not mentioned, with its lifetimes counted from the new start.
func keep(l, old *Lease, mentioned map[netip.Prefix]bool) {
	moved := func(d time.Duration) time.Duration {
		if d == v6.Forever {
			return d
		}
		return max(0, old.At(d)-l.Start.Boot)
	}
	for _, a := range old.Addrs {
		a.Preferred, a.Valid = moved(a.Preferred), moved(a.Valid)
		if !mentioned[netip.PrefixFrom(a.Addr, 128)] && a.Valid > 0 {
			l.Addrs = append(l.Addrs, a)
		}
	}
	for _, p := range old.Prefixes {
		p.Preferred, p.Valid = moved(p.Preferred), moved(p.Valid)
		if !mentioned[p.Prefix] && p.Valid > 0 {
			l.Prefixes = append(l.Prefixes, p)
		}
	}
}

// setTimes sets T1 and T2, to what the server said if that can be, else to what RFC
// 8415 21.4 advises.
func setTimes(l *Lease, t1, t2 time.Duration) {
	preferred, valid := v6.Forever, v6.Forever
	for _, a := range l.Addrs {
		preferred, valid = min(preferred, cmpPref(a.Preferred, a.Valid)), min(valid, a.Valid)
	}
	for _, p := range l.Prefixes {
		preferred, valid = min(preferred, cmpPref(p.Preferred, p.Valid)), min(valid, p.Valid)
	}
	if valid != v6.Forever && t2 >= valid {
		t1, t2 = 0, 0
	}
	if t2 == 0 {
		t2 = part(preferred, 8)
	}
	if t1 == 0 || t1 > t2 {
		t1 = min(part(preferred, 5), t2)
	}
	least := min(10*time.Second, valid/4)
	l.T1 = max(t1, least)
	l.T2 = max(t2, l.T1)
}

// cmpPref is the preferred lifetime, or the valid one of what is deprecated.
func cmpPref(preferred, valid time.Duration) time.Duration {
	if preferred == 0 {
		return valid
	}
	return preferred
}

// part is tenths of d.
func part(d time.Duration, tenths int64) time.Duration {
	if d == v6.Forever {
		return d
	}
	return time.Duration(int64(d) / 10 * tenths)
}

func sameDUID(a, b v6.DUID) bool { return bytes.Equal(a, b) }
