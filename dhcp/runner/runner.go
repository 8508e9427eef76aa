// Package runner runs a DHCPv4 client on one link: it owns the clock, the sockets and
// the goroutine that the machine of dhcp/client has not. It still sets nothing: what a
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
// Limits: Linux, see dhcp/rawsock.
package runner

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io/fs"
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
	cfg      Config
	mac      wire.MAC
	commands chan command
	packets  chan packet
	arps     chan arp
	clock    *clock
	ctx      context.Context
	cancel   context.CancelFunc
	wg       sync.WaitGroup // of the loop and the readers

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
	unasked uint64
	unsent  uint64
	refused error
	offset  time.Duration // between the clocks
}

type command struct {
	ev   client.Event
	done chan error
}

type packet struct {
	from any // the socket
	client.Packet
	mac wire.MAC
	err error
}

type arp struct {
	from *rawsock.ARP
	msg  wire.ARP
}

// ErrClosed is what a closed runner returns.
var ErrClosed = errors.New("the client is closed")

// New returns a runner whose client is stopped. It needs CAP_NET_RAW from the first command on.
func New(cfg Config) (*Runner, error) {
	if len(cfg.Link.HWAddr) != 6 {
		return nil, fmt.Errorf("%s: a hardware address of %d bytes, not Ethernet's 6: %w", cfg.Link.Name, len(cfg.Link.HWAddr), errors.ErrUnsupported)
	}
	cfg.Client.CHAddr = cfg.Link.HWAddr
	cfg.Client.Check = cfg.Check != nil && cfg.Check.Probes > 0
	c, err := newClock()
	if err != nil {
		return nil, err
	}
	var seed [32]byte
	crand.Read(seed[:])
	r := &Runner{
		cfg: cfg, mac: wire.MAC(cfg.Link.HWAddr), clock: c, rand: rand.New(rand.NewChaCha8(seed)),
		commands: make(chan command), packets: make(chan packet), arps: make(chan arp),
	}
	r.m = client.New(cfg.Client, r.rand)
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.publish(c.now())
	r.wg.Go(r.loop)
	return r, nil
}

// Close ends the runner where it is: what is applied stays, and so does the remembered
// lease. It returns after the last goroutine.
func (r *Runner) Close() error {
	r.cancel()
	r.wg.Wait()
	return r.clock.close()
}

// Do lets the machine take a command, or LinkUp and LinkDown, and returns why it refuses.
func (r *Runner) Do(ctx context.Context, ev client.Event) error {
	c := command{ev, make(chan error, 1)}
	select {
	case r.commands <- c:
	case <-r.ctx.Done():
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.done:
		return err
	case <-r.ctx.Done():
		return ErrClosed
	}
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
	return lease.Key{Link: r.cfg.Link.Name, HWAddr: r.cfg.Link.HWAddr, ClientID: id}
}

func (r *Runner) loop() {
	defer r.closeSockets()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-r.clock.c:
			r.step(nil)
		case c := <-r.commands:
			r.refused = nil
			r.step(c.ev)
			c.done <- r.refused
		case p := <-r.packets:
			r.receive(p)
		case a := <-r.arps:
			if r.acd != nil && a.from == r.arp {
				now := r.clock.now()
				r.conflicts(r.acd.Receive(now.Boot, &a.msg))
			}
		}
		r.watch()
	}
}

// step runs the machine and does what it says.
func (r *Runner) step(ev client.Event) {
	now := r.clock.now()
	acts := r.m.Step(now, ev)
	r.openRaw() // what is sent is answered
	notes := make([]Note, 0, len(acts))
	for _, a := range acts {
		notes = append(notes, r.do(now, a))
	}
	r.sockets()
	r.stepped(now)
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

// watch runs what looks after the address, and sets the clock.
func (r *Runner) watch() {
	if r.acd != nil {
		r.conflicts(r.acd.Tick(r.clock.now().Boot))
	}
	at := lease.Never
	if d, ok := r.m.Deadline(); ok {
		at = d
	}
	if r.acd != nil {
		if d, ok := r.acd.Deadline(); ok {
			at = min(at, d)
		}
	}
	r.clock.set(at)
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

// stepped saves the lease again when the wall clock was set: what is in the file is by the old
// one.
func (r *Runner) stepped(now lease.Instant) {
	offset := time.Duration(now.Wall.UnixNano()) - now.Boot
	old := r.offset
	r.offset = offset
	l := r.m.Lease()
	if d := offset - old; l == nil || old == 0 || d.Abs() < 5*time.Second {
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

func (r *Runner) do(now lease.Instant, a client.Action) Note {
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
	if p.from != any(r.raw) && p.from != any(r.udp) {
		return // of a socket that is closed
	}
	if p.err != nil {
		r.unread++
		r.publish(r.clock.now())
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
			p := packet{from: s, mac: in.From}
			raw := append([]byte(nil), in.Payload...)
			p.Msg, p.err = v4.Decode(raw)
			p.Raw = raw
			select {
			case r.packets <- p:
			case <-r.ctx.Done():
				return
			}
		}
	})
}
