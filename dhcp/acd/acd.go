// Package acd is IPv4 address conflict detection (RFC 5227) as a state machine: a
// function of (state, ARP message, time) to (state, actions). It has no socket, clock or
// randomness of its own.
//
//	m := acd.New(addr, mac, acd.Quick, rand)
//	do(m.Start(now))                 // acd.Send: an ARP message; acd.Result: free or not
//	do(m.Receive(now, arp))          // what came
//	do(m.Tick(now))                  // at m.Deadline()
//
// It probes, says whether the address is free, announces it, and then defends it
// until it is told to stop by being dropped.
//
// Only an ARP message that claims the address, or a probe of another host for it while
// we probe, is a conflict. A probe while the address is in use is none: the kernel answers it,
// and the other gives way (RFC 5227 2.1.1).
package acd

import (
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/wire"
)

// Timing says how long to listen.
type Timing struct {
	Probes           int           // 0: use at once
	Wait             time.Duration // before the first, at most, at random
	Min, Max         time.Duration // between probes
	Listen           time.Duration // after the last
	Announcements    int
	AnnounceInterval time.Duration
}

// Full are the times of RFC 5227 1.1: 4 to 7 seconds. Quick asks as often, but for half a
// second: hosts that are there answer ARP in milliseconds, and what comes later is found by the
// defence.
var (
	Full  = Timing{Probes: 3, Wait: time.Second, Min: time.Second, Max: 2 * time.Second, Listen: 2 * time.Second, Announcements: 2, AnnounceInterval: 2 * time.Second}
	Quick = Timing{Probes: 3, Min: 100 * time.Millisecond, Max: 200 * time.Millisecond, Listen: 200 * time.Millisecond, Announcements: 2, AnnounceInterval: 2 * time.Second}
)

// DefendInterval is the least time between two defences: a second conflict within it is
// lost. Source: RFC 5227 1.1 and 2.4 (b).
const DefendInterval = 10 * time.Second

// Rand gives random bits.
type Rand interface{ Uint64() uint64 }

// An Action is a Send or a Result.
type Action interface{ action() }

type (
	// Send an ARP message as a broadcast.
	Send struct{ ARP wire.ARP }
	// Result of the probe: the address is free if By is the zero MAC. Or, after that, the address
	// was lost to By.
	Result struct{ By wire.MAC }
)

func (Send) action()   {}
func (Result) action() {}

type state uint8

const (
	idle state = iota
	probing
	announcing
	defending
	lost
)

// A Machine watches over one address. Not safe for concurrent use.
type Machine struct {
	addr     netip.Addr
	mac      wire.MAC
	timing   Timing
	rand     Rand
	state    state
	n        int
	due      time.Duration
	defended time.Duration // the last time
}

// New returns a machine for an address that mac would have.
func New(addr netip.Addr, mac wire.MAC, t Timing, r Rand) *Machine {
	return &Machine{addr: addr, mac: mac, timing: t, rand: r, due: lease.Never, defended: -DefendInterval}
}

// Start begins to probe. Times are of one clock that does not step.
func (m *Machine) Start(now time.Duration) []Action {
	if m.timing.Probes == 0 {
		return m.free(now)
	}
	m.state = probing
	m.due = now + m.between(0, m.timing.Wait)
	return m.Tick(now)
}

// Announce begins with an address that is in use already.
func (m *Machine) Announce(now time.Duration) []Action {
	m.state, m.n = announcing, 0
	m.due = now
	return m.Tick(now)
}

// Deadline returns when Tick is to be called, if at all.
func (m *Machine) Deadline() (time.Duration, bool) { return m.due, m.due != lease.Never }

// Tick does what is due.
func (m *Machine) Tick(now time.Duration) []Action {
	if now < m.due {
		return nil
	}
	m.due = lease.Never
	switch m.state {
	case probing:
		return m.probe(now)
	case announcing:
		return m.announce(now)
	}
	return nil
}

func (m *Machine) between(lo, hi time.Duration) time.Duration {
	if hi <= lo {
		return lo
	}
	return lo + time.Duration(m.rand.Uint64()%uint64(hi-lo))
}

// probe sends the next probe, or ends (RFC 5227 2.1.1).
func (m *Machine) probe(now time.Duration) []Action {
	if m.n == m.timing.Probes {
		return m.free(now)
	}
	m.n++
	m.due = now + m.between(m.timing.Min, m.timing.Max)
	if m.n == m.timing.Probes {
		m.due = now + m.timing.Listen
	}
	return []Action{Send{wire.ARP{Op: wire.ARPRequest, SenderMAC: m.mac, SenderIP: netip.IPv4Unspecified(), TargetIP: m.addr}}}
}

// free is the end of the probe. The first announcement is due when the caller has set the
// address, at once.
func (m *Machine) free(now time.Duration) []Action {
	m.state, m.n = announcing, 0
	m.due = now
	return []Action{Result{}}
}

// announce is RFC 5227 2.3.
func (m *Machine) announce(now time.Duration) []Action {
	if m.n >= m.timing.Announcements {
		m.state = defending
		return nil
	}
	m.n++
	m.due = now + m.timing.AnnounceInterval
	return []Action{m.announcement()}
}

func (m *Machine) announcement() Action {
	return Send{wire.ARP{Op: wire.ARPRequest, SenderMAC: m.mac, SenderIP: m.addr, TargetIP: m.addr}}
}

// Receive looks at an ARP message that came to the link.
func (m *Machine) Receive(now time.Duration, a *wire.ARP) []Action {
	if a.SenderMAC == m.mac || m.state == idle || m.state == lost {
		return nil
	}
	claims := a.SenderIP == m.addr
	if m.state == probing {
		rival := a.Op == wire.ARPRequest && a.SenderIP.IsUnspecified() && a.TargetIP == m.addr
		if claims || rival {
			return m.lose(a.SenderMAC)
		}
		return nil
	}
	if !claims {
		return nil
	}
	// RFC 5227 2.4 (b): defend once, give way to a second conflict soon after.
	if now-m.defended < DefendInterval {
		return m.lose(a.SenderMAC)
	}
	m.defended = now
	return []Action{m.announcement()}
}

func (m *Machine) lose(by wire.MAC) []Action {
	m.state, m.due = lost, lease.Never
	return []Action{Result{By: by}}
}
