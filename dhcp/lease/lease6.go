package lease

import (
	"net/netip"
	"slices"
	"time"

	"github.com/netfs-project/netfs/dhcp/v6"
)

// A Lease6 is what a DHCPv6 server gave to one client: addresses and delegated prefixes,
// and what it said beside. A *Lease6 is not changed once it is made.
type Lease6 struct {
	Server v6.DUID
	Start  Instant       // when the request was sent that the server answered
	T1, T2 time.Duration // from Start: when to renew, and when to ask any server; v6.Forever: not at all
	// Lifetimes are from Start; v6.Forever has no end.
	Addrs    []v6.IAAddr
	Prefixes []v6.IAPrefix
	Reply    *v6.Message // all that the server said last
}

// At returns the moment on the boot clock that is d after the start.
func (l *Lease6) At(d time.Duration) time.Duration {
	if d == v6.Forever {
		return Never
	}
	return l.Start.Boot + d
}

// left is what is left at a moment of a lifetime from the start.
func (l *Lease6) left(d time.Duration, now Instant) time.Duration {
	if d == v6.Forever {
		return d
	}
	return max(0, l.At(d)-now.Boot)
}

// valids yields the valid lifetimes.
func (l *Lease6) valids(yield func(time.Duration) bool) {
	for i := range l.Addrs {
		if !yield(l.Addrs[i].Valid) {
			return
		}
	}
	for i := range l.Prefixes {
		if !yield(l.Prefixes[i].Valid) {
			return
		}
	}
}

// Expires returns when the last of it ends, on the boot clock.
func (l *Lease6) Expires() time.Duration {
	var end time.Duration
	for v := range l.valids {
		end = max(end, l.At(v))
	}
	return end
}

// Next returns when the first of it ends, on the boot clock.
func (l *Lease6) Next() time.Duration {
	end := Never
	for v := range l.valids {
		end = min(end, l.At(v))
	}
	return end
}

// Left returns how long the last of it lasts from now on, 0 if it is over.
func (l *Lease6) Left(now Instant) time.Duration {
	end := l.Expires()
	if end == Never {
		return v6.Forever
	}
	return max(0, end-now.Boot)
}

// Prune returns the lease without what is over, the lease itself if nothing is, and nil if all is.
func (l *Lease6) Prune(now Instant) *Lease6 {
	if l.Next() > now.Boot {
		return l
	}
	p := *l
	p.Addrs, p.Prefixes = nil, nil
	for _, a := range l.Addrs {
		if l.At(a.Valid) > now.Boot {
			p.Addrs = append(p.Addrs, a)
		}
	}
	for _, x := range l.Prefixes {
		if l.At(x.Valid) > now.Boot {
			p.Prefixes = append(p.Prefixes, x)
		}
	}
	if p.Empty() {
		return nil
	}
	return &p
}

// Empty reports whether there is neither an address nor a prefix.
func (l *Lease6) Empty() bool { return len(l.Addrs)+len(l.Prefixes) == 0 }

// Without returns the lease without an address.
func (l *Lease6) Without(addr netip.Addr) *Lease6 {
	p := *l
	p.Addrs = slices.DeleteFunc(slices.Clone(l.Addrs), func(a v6.IAAddr) bool { return a.Addr == addr })
	return &p
}
