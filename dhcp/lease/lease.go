// Package lease is what a DHCP client holds: a lease with its times, what it says
// should be set on the link, and the file that it survives a restart in. It sets
// nothing. Lease, Settings and Key are of DHCPv4, those with a 6 of DHCPv6.
//
//	l, err := lease.FromACK(ack, sent)
//	...
//	s, problems := l.Settings(now)
//	use(s.Addr, s.Valid, s.Routes)
//	err = store.Save(key, l)
//
// A lease read from a file is a memory of what a server once said: ask the server
// (INIT-REBOOT, RFC 2131 3.2; CONFIRM or REBIND, RFC 8415 18.2.12) before you use it.
//
// Limits: Ethernet.
package lease

import (
	"fmt"
	"math"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/dhcp/v4"
)

// An Instant is a moment on two clocks. Timers run on Boot; Wall is for files, and
// may step at any time.
type Instant struct {
	Boot time.Duration // since the machine began, which goes on during suspend and never steps
	Wall time.Time
}

// Never is the moment on the boot clock that does not come.
const Never time.Duration = math.MaxInt64

// A Lease is an address that a server gave for some time. A *Lease is not changed
// once it is made.
type Lease struct {
	Addr   netip.Addr
	Server netip.Addr    // the server identifier, where a renewal goes
	Start  Instant       // when the request was sent that the server answered
	Valid  time.Duration // from Start; v4.Forever has no end
	T1, T2 time.Duration // from Start: when to renew, and when to ask any server
	ACK    *v4.Message   // all that the server said
}

// Shortest is the lifetime below which a lease is refused: whoever hands out
// such leases makes the client ask all the time.
const Shortest = 2 * time.Second

// FromACK reads the lease in a server's acknowledgement of a request that was
// sent at start. T1 and T2 that contradict each other or the lease become 0.5 and 0.875
// of it (RFC 2131 4.4.5). A damaged message must have the subnet's mask before the damage.
func FromACK(ack *v4.Message, start Instant) (*Lease, error) {
	l := &Lease{Addr: ack.YIAddr, Start: start, ACK: ack}
	if err := Usable(l.Addr); err != nil {
		return nil, err
	}
	var err error
	if l.Server, err = ack.Options.ServerID(); err != nil {
		return nil, err
	}
	if err := Usable(l.Server); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if l.Valid, err = ack.Options.LeaseTime(); err != nil {
		return nil, err
	}
	if _, err := ack.Options.SubnetMask(); err != nil && ack.Damage != nil {
		return nil, fmt.Errorf("%v, and before it: %w", ack.Damage, err)
	}
	if l.Valid < Shortest {
		return nil, fmt.Errorf("a lease of %v", l.Valid)
	}
	if l.Valid == v4.Forever {
		l.T1, l.T2 = v4.Forever, v4.Forever
		return l, nil
	}
	t1, err1 := ack.Options.T1()
	t2, err2 := ack.Options.T2()
	if err2 != nil {
		t2 = l.Valid / 8 * 7
	}
	if err1 != nil {
		t1 = l.Valid / 2
	}
	if t1 <= 0 || t1 >= t2 || t2 >= l.Valid {
		t1, t2 = l.Valid/2, l.Valid/8*7
	}
	l.T1, l.T2 = t1, t2
	return l, nil
}

// Usable tells why an address cannot be a host's, nil if it can.
func Usable(a netip.Addr) error {
	switch {
	case !a.Is4():
		return fmt.Errorf("%v is not an IPv4 address", a)
	case a.As4()[0] == 0, a.IsLoopback(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%v is no address for a host", a)
	}
	return nil
}

// At returns the moment on the boot clock that is d after the start.
func (l *Lease) At(d time.Duration) time.Duration {
	if d == v4.Forever {
		return Never
	}
	return l.Start.Boot + d
}

// Expires returns when the lease ends, on the boot clock; Never if it does not.
func (l *Lease) Expires() time.Duration { return l.At(l.Valid) }

// Left returns how long the lease lasts from now on, 0 if it is over.
func (l *Lease) Left(now Instant) time.Duration {
	if l.Valid == v4.Forever {
		return v4.Forever
	}
	return max(0, l.Expires()-now.Boot)
}

// ExpiresWall returns when the lease ends, as the wall clock of its start
// counts; the zero time if it does not.
func (l *Lease) ExpiresWall() time.Time {
	if l.Valid == v4.Forever {
		return time.Time{}
	}
	return l.Start.Wall.Add(l.Valid)
}
