// Package runner runs a DHCP client on one link: it owns the clock, the sockets and
// the goroutine that the machine of dhcp/client or dhcp/client6 has not. Runner is of DHCPv4,
// Runner6 of DHCPv6. It still sets nothing: what a
// lease says goes to a function of the caller, as plain values.
//
//	r, err := runner.New(runner.Config{Link: link, Apply: apply, Notify: print})
//	...
//	defer r.Close()
//	err = r.Do(ctx, client.Start{})
//
// Sockets are open only as long as they are needed: the raw one while a transaction
// waits for answers that the kernel cannot deliver, a UDP socket while there is an address,
// one for ARP while an address is checked or defended. A link at rest costs nothing per packet.
//
// Limits: see dhcp/rawsock. On FreeBSD, NetBSD and DragonFly no clock is known that goes on
// during suspend: a lease that ended meanwhile ends that much later.
package runner

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/netfs-project/netfs/dhcp/acd"
	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/rawsock"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/dhcp/wire"
)

// Config of a runner.
type Config struct {
	Link   rawsock.Link
	Client client.Config // CHAddr and Check are the runner's
	// Check is how an address is probed before its use; nil: it is not, nor defended.
	Check *acd.Timing
	Store *lease.Store // nil: leases are not remembered
	// Apply sets New and takes away what only Old has; each may be nil. It is called by one
	// goroutine. Settings that cannot be had do not keep the others from being set.
	Apply func(ctx context.Context, old, new *lease.Settings) error
	// Held reports whether the address of a remembered lease is on the link. nil: no.
	Held func(ctx context.Context, s *lease.Settings) bool
	// Notify is told what happens, in order, by one goroutine; it must not block.
	Notify func(Note)
}

// A Note tells of one thing: an action of the machine, after it was done, or an error.
type Note struct {
	At       lease.Instant
	Action   client.Action // nil: only Err
	Problems []string      // of an Apply: what the lease says and was not used
	Err      error         // what went wrong with the action
}

// A Status is a moment's.
type Status struct {
	At         lease.Instant
	State      client.State
	Lease      *lease.Lease  // that is applied; nil: none
	Due        time.Duration // when something will happen by itself, on the boot clock; lease.Never
	XID        uint32        // of the transaction; 0: none
	Tries      int
	Client     client.Stats
	Raw        rawsock.Stats
	Unreadable uint64 // packets that are no DHCP messages
	Unasked    uint64 // packets to our address while no answer was waited for there
	SendErrors uint64
}

// A Runner is the client of one link. Safe for concurrent use.
type Runner struct {
	*loop
	cfg Config
	mac wire.MAC

	mu     sync.Mutex
	status Status

	// The loop's.
	m       *client.Machine
	rand    client.Rand
	raw     *rawsock.Raw
	udp     *rawsock.UDP
	arp     *rawsock.ARP
	acd     *acd.Machine
	about   netip.Addr // what acd watches over
	router  wire.MAC   // the station that the last message came from
	rawSum  rawsock.Stats
	unread  uint64
	broken  uint64 // packets that were told of as damaged
	unasked uint64
	unsent  uint64
	refused error
}

type packet struct {
	client.Packet
	mac wire.MAC
	err error
}

// New returns a runner whose client is stopped. It needs CAP_NET_RAW from the first command on.
func New(cfg Config) (*Runner, error) {
	if len(cfg.Link.HWAddr) != 6 {
		return nil, fmt.Errorf("%s: a hardware address of %d bytes, not Ethernet's 6: %w", cfg.Link.Name, len(cfg.Link.HWAddr), errors.ErrUnsupported)
	}
	cfg.Client.CHAddr = cfg.Link.HWAddr
	cfg.Client.Check = cfg.Check != nil && cfg.Check.Probes > 0
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	r := &Runner{loop: l, cfg: cfg, mac: wire.MAC(cfg.Link.HWAddr), rand: newRand()}
	r.m = client.New(cfg.Client, r.rand)
	r.publish(l.clock.now())
	r.wg.Go(func() { r.run(r.due, r.deadline, r.closeSockets) })
	return r, nil
}

// newRand is seeded with secrets.
func newRand() *rand.Rand {
	var seed [32]byte
	crand.Read(seed[:])
	return rand.New(rand.NewChaCha8(seed))
}

// Close ends the runner where it is: what is applied stays, and so does the remembered
// lease. It returns after the last goroutine.
func (r *Runner) Close() error { return r.close() }

// Do lets the machine take a command, or LinkUp and LinkDown, and returns why it refuses.
func (r *Runner) Do(ctx context.Context, ev client.Event) error {
	return r.do(ctx, func() error {
		r.refused = nil
		r.step(ev)
		return r.refused
	})
}

// Start begins with the remembered lease if there is one, else with a wish for an address.
func (r *Runner) Start(ctx context.Context, wish netip.Addr) error {
	ev := client.Start{Wish: wish}
	if r.cfg.Store != nil {
		l, err := r.cfg.Store.Load(r.key(), r.clock.now())
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			r.note(fmt.Errorf("remembered lease: %w", err)) // the loop has nothing to tell yet
		case err == nil && (!wish.IsValid() || wish == l.Addr):
			ev.Lease = l
			s, _ := l.Settings(r.clock.now())
			ev.Held = r.cfg.Held != nil && r.cfg.Held(ctx, &s)
		}
	}
	return r.Do(ctx, ev)
}

// Rename tells the name that the link has now. The remembered lease goes with it.
func (r *Runner) Rename(ctx context.Context, name string) error {
	return r.do(ctx, func() error {
		from := r.key()
		r.mu.Lock()
		r.cfg.Link.Name = name
		r.mu.Unlock()
		if r.cfg.Store == nil {
			return nil
		}
		return r.cfg.Store.Move(from, r.key())
	})
}

// Status returns what is the case.
func (r *Runner) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.At = r.clock.now()
	return s
}

func (r *Runner) key() lease.Key {
	id := []byte(r.cfg.Client.ClientID)
	if v, ok := r.cfg.Client.Options.Get(v4.OptClientID); ok {
		id = v
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return lease.Key{Link: r.cfg.Link.Name, HWAddr: r.cfg.Link.HWAddr, ClientID: id}
}

// step runs the machine and does what it says.
func (r *Runner) step(ev client.Event) {
	now := r.clock.now()
	acts := r.m.Step(now, ev)
	r.openRaw() // what is sent is answered
	notes := make([]Note, 0, len(acts))
	for _, a := range acts {
		notes = append(notes, r.act(now, a))
	}
	r.sockets()
	r.saveAgain(now)
	r.publish(now) // what is told can be seen
	for _, n := range notes {
		r.notify(n)
	}
}

func (r *Runner) notify(n Note) {
	if r.cfg.Notify != nil {
		r.cfg.Notify(n)
	}
}

// damaged tells of packets that are none, in the powers of two.
func (r *Runner) damaged() {
	if r.raw == nil {
		return
	}
	s := r.rawSum.Add(r.raw.Stats())
	n := s.Truncated + s.Length + s.Checksum
	if bits.Len64(n) > bits.Len64(r.broken) {
		r.note(fmt.Errorf("ignored (damaged packets): %d truncated, %d with lengths that contradict, %d with a wrong checksum", s.Truncated, s.Length, s.Checksum))
		r.broken = n
	}
}

// due runs the machine, and what looks after the address.
func (r *Runner) due() {
	r.step(nil)
	r.damaged()
	if r.acd != nil {
		r.conflicts(r.acd.Tick(r.clock.now().Boot))
	}
}

// deadline is when something is due.
func (r *Runner) deadline() time.Duration {
	at := lease.Never
	if d, ok := r.m.Deadline(); ok {
		at = d
	}
	if r.acd != nil {
		if d, ok := r.acd.Deadline(); ok {
			at = min(at, d)
		}
	}
	return at
}

func (r *Runner) publish(now lease.Instant) {
	s := Status{At: now, State: r.m.State(), Lease: r.m.Lease(), Due: lease.Never, Tries: r.m.Tries(), Client: r.m.Stats(), Raw: r.rawSum, Unreadable: r.unread, Unasked: r.unasked, SendErrors: r.unsent}
	if r.raw != nil {
		s.Raw = s.Raw.Add(r.raw.Stats())
	}
	if d, ok := r.m.Deadline(); ok {
		s.Due = d
	}
	if x, ok := r.m.XID(); ok {
		s.XID = x
	}
	r.mu.Lock()
	r.status = s
	r.mu.Unlock()
}

// saveAgain saves the lease again when the wall clock was set: what is in the file is by the old
// one.
func (r *Runner) saveAgain(now lease.Instant) {
	stepped, l := r.stepped(now), r.m.Lease()
	if !stepped || l == nil {
		return
	}
	c := *l
	c.Start.Wall = now.Wall.Add(l.Start.Boot - now.Boot)
	r.save(&c)
}

func (r *Runner) save(l *lease.Lease) error {
	if r.cfg.Store == nil {
		return nil
	}
	return r.cfg.Store.Save(r.key(), l)
}

func (r *Runner) act(now lease.Instant, a client.Action) Note {
	n := Note{At: now, Action: a}
	switch a := a.(type) {
	case client.Send:
		if n.Err = r.send(a); n.Err != nil {
			r.unsent++
		}
	case client.Probe:
		n.Err = r.probe(a.Addr)
	case client.Apply:
		n.Problems, n.Err = r.apply(a.Old, a.New)
	case client.Remove:
		_, n.Err = r.apply(a.Lease, nil)
	case client.Save:
		n.Err = r.save(a.Lease)
	case client.Forget:
		if r.cfg.Store != nil {
			n.Err = r.cfg.Store.Remove(r.key())
		}
	case client.Refused:
		r.refused = errors.New(a.Why)
	}
	return n
}

// applyTime bounds how long setting may take.
const applyTime = 10 * time.Second

func (r *Runner) apply(from, to *lease.Lease) (problems []string, err error) {
	now := r.clock.now()
	var before, after *lease.Settings
	if from != nil {
		s, _ := from.Settings(now)
		before = &s
	}
	if to != nil {
		s, p := to.Settings(now)
		after, problems = &s, p
	}
	if r.udp != nil && (to == nil || from == nil || from.Addr != to.Addr) {
		r.udp.Close()
		r.udp = nil
	}
	if r.cfg.Apply == nil {
		return problems, nil
	}
	// What is under way is finished although the runner closes.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), applyTime)
	defer cancel()
	return problems, r.cfg.Apply(ctx, before, after)
}

func (r *Runner) receive(p packet) {
	if p.err != nil {
		r.unread++
		r.publish(r.clock.now())
		if n := r.unread; n&(n-1) == 0 {
			r.note(fmt.Errorf("ignored (no DHCP message, %d times by now): %w", n, p.err))
		}
		return
	}
	if p.mac != (wire.MAC{}) {
		r.router = p.mac
	} else if _, live := r.m.XID(); p.Msg.Type() != v4.ForceRenew && (!live || r.raw != nil) {
		r.unasked++ // or the kernel's copy of what the raw socket gets
		r.publish(r.clock.now())
		return
	}
	r.step(p.Packet)
}

// send goes through the kernel where it knows the way.
func (r *Runner) send(a client.Send) error {
	b, err := a.Msg.Append(nil)
	if err != nil {
		return err
	}
	if a.To.IsValid() {
		if r.udp != nil {
			return r.udp.Send(b, a.To)
		}
		to := r.router
		if to == (wire.MAC{}) {
			to = wire.Broadcast
		}
		return r.sendRaw(b, a.From, a.To, to)
	}
	return r.sendRaw(b, a.From, netip.AddrFrom4([4]byte{255, 255, 255, 255}), wire.Broadcast)
}

// sendRaw opens a socket for one message if there is none: a DECLINE waits for no answer.
func (r *Runner) sendRaw(b []byte, from, to netip.Addr, station wire.MAC) error {
	c := r.raw
	if c == nil {
		var err error
		if c, err = rawsock.OpenRaw(r.cfg.Link); err != nil {
			return err
		}
		defer c.Close()
	}
	return c.Send(b, from, to, station)
}

// sockets opens and closes what the state wants, after everything is set.
func (r *Runner) sockets() {
	if l := r.m.Lease(); l != nil && r.udp == nil {
		if u, err := rawsock.OpenUDP(r.cfg.Link, l.Addr); err == nil { // else the address is not set yet
			r.udp = u
			read(r, u)
		}
	}
	if r.m.Lease() == nil && r.udp != nil && r.m.State() != client.Stopped {
		r.udp.Close()
		r.udp = nil
	}
	if !r.waits() && r.raw != nil {
		r.closeRaw()
	}
	r.dropCheck()
}

// waits reports whether answers are waited for that no socket of the kernel gets.
func (r *Runner) waits() bool {
	_, live := r.m.XID()
	return live && !(r.m.State() == client.Renewing && r.udp != nil)
}

func (r *Runner) openRaw() {
	if !r.waits() || r.raw != nil {
		return
	}
	c, err := rawsock.OpenRaw(r.cfg.Link)
	if err != nil {
		r.note(err)
		return
	}
	r.raw = c
	read(r, c)
}

func (r *Runner) closeRaw() {
	r.raw.Close()
	r.rawSum = r.rawSum.Add(r.raw.Stats())
	r.raw = nil
}

func (r *Runner) note(err error) { r.notify(Note{At: r.clock.now(), Err: err}) }

func (r *Runner) closeSockets() {
	if r.raw != nil {
		r.closeRaw()
	}
	if r.udp != nil {
		r.udp.Close()
		r.udp = nil
	}
	if r.arp != nil {
		r.arp.Close()
		r.arp, r.acd = nil, nil
	}
}

// A source is a Raw or a UDP.
type source interface {
	Receive(p *rawsock.Packet) error
	comparable
}

// read hands what a socket receives to the loop, until it is closed.
func read[S source](r *Runner, s S) {
	r.wg.Go(func() {
		var in rawsock.Packet
		for s.Receive(&in) == nil {
			p := packet{mac: in.From}
			p.Raw = append([]byte(nil), in.Payload...)
			p.Msg, p.err = v4.Decode(p.Raw)
			if !r.hand(func() {
				if any(s) == any(r.raw) || any(s) == any(r.udp) { // else it is closed
					r.receive(p)
				}
			}) {
				return
			}
		}
	})
}
