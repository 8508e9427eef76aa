package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"sync"
	"time"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/rawsock"
	"github.com/netfs-project/netfs/dhcp/v6"
)

// Config6 is of a runner of DHCPv6.
type Config6 struct {
	Link   rawsock.Link
	Client client6.Config
	Store  *lease.Store // nil: leases are not remembered
	// Apply, Held and Notify are as those of Config. Options alone, of a client that asks for nothing
	// else, are applied as a lease without addresses is.
	Apply  func(ctx context.Context, old, new *lease.Settings6) error
	Held   func(ctx context.Context, s *lease.Settings6) bool
	Notify func(Note6)
}

// A Note6 is a Note of DHCPv6.
type Note6 struct {
	At       lease.Instant
	Action   client6.Action // nil: only Err
	Problems []string       // of an Apply or a Got: what the server says and was not used
	Err      error          // what went wrong with the action
}

// A Status6 is a moment's.
type Status6 struct {
	At         lease.Instant
	State      client6.State
	Source     netip.Addr    // that messages are sent from; the zero Addr: they cannot be
	Lease      *lease.Lease6 // that is applied; nil: none
	Info       *v6.Message   // options alone, that were asked for last; nil: none
	Due        time.Duration // when something will happen by itself, on the boot clock; lease.Never
	XID        uint32        // of the transaction; 0: none
	Tries      int
	Client     client6.Stats
	Unreadable uint64 // datagrams that are no DHCPv6 messages
	OffLink    uint64 // datagrams from addresses that are not link-local
	SendErrors uint64
}

// Options are what servers said last, of a lease or alone.
func (s *Status6) Options() v6.Options {
	switch {
	case s.Lease != nil:
		return s.Lease.Reply.Options
	case s.Info != nil:
		return s.Info.Options
	}
	return nil
}

// A Runner6 is the DHCPv6 client of one link. It sends nothing until it has a Source. Safe for
// concurrent use.
type Runner6 struct {
	*loop
	cfg Config6

	mu     sync.Mutex
	status Status6

	// The loop's.
	m       *client6.Machine
	source  netip.Addr
	udp     *rawsock.UDP6 // nil: no source
	info    *v6.Message
	unread  uint64
	offLink uint64 // of sockets that are closed
	unsent  uint64
	refused error
}

// New6 returns a runner whose client is stopped. Binding its port needs CAP_NET_BIND_SERVICE.
func New6(cfg Config6) (*Runner6, error) {
	l, err := newLoop()
	if err != nil {
		return nil, err
	}
	r := &Runner6{loop: l, cfg: cfg, m: client6.New(cfg.Client, newRand())}
	r.m.Step(l.clock.now(), client6.LinkDown{})
	r.publish(l.clock.now())
	r.wg.Go(func() { r.run(func() { r.step(nil) }, r.deadline, r.closeSocket) })
	return r, nil
}

// Close ends the runner where it is: what is applied stays, and so does the remembered
// lease. It returns after the last goroutine.
func (r *Runner6) Close() error { return r.close() }

// Do lets the machine take a command, and returns why it refuses.
func (r *Runner6) Do(ctx context.Context, ev client6.Event) error {
	return r.do(ctx, func() error {
		r.refused = nil
		r.step(ev)
		switch ev := ev.(type) {
		case client6.Stop:
			return errors.Join(r.refused, r.uninform(ev.Keep))
		case client6.Release:
			return errors.Join(r.refused, r.uninform(false))
		}
		return r.refused
	})
}

// Source tells which link-local address messages are sent from: one that is not tentative, of a link
// that has a carrier. The zero Addr: there is none. To the machine the link is up with one and down
// without.
func (r *Runner6) Source(ctx context.Context, a netip.Addr) error {
	return r.do(ctx, func() error {
		if a == r.source {
			return nil
		}
		if r.udp != nil {
			r.closeSocket()
			r.step(client6.LinkDown{})
		}
		if !a.IsValid() {
			return nil
		}
		u, err := rawsock.OpenUDP6(r.cfg.Link, a)
		if err != nil {
			r.notify(Note6{At: r.clock.now(), Err: err})
			return err
		}
		r.source, r.udp = a, u
		r.read(u)
		r.step(client6.LinkUp{})
		return nil
	})
}

func (r *Runner6) closeSocket() {
	if r.udp != nil {
		r.udp.Close()
		r.offLink += r.udp.Other()
	}
	r.source, r.udp = netip.Addr{}, nil
}

// Start begins with the remembered lease if there is one.
func (r *Runner6) Start(ctx context.Context) error {
	var ev client6.Start
	if r.cfg.Store != nil {
		l, err := r.cfg.Store.Load6(r.key(), r.clock.now())
		switch {
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			r.notify(Note6{At: r.clock.now(), Err: fmt.Errorf("remembered lease: %w", err)}) // the loop has nothing to tell yet
		case err == nil:
			ev.Lease = l
			s, _ := l.Settings(r.clock.now())
			ev.Held = r.cfg.Held != nil && r.cfg.Held(ctx, &s)
		}
	}
	return r.Do(ctx, ev)
}

// Status returns what is the case.
func (r *Runner6) Status() Status6 {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	s.At = r.clock.now()
	return s
}

func (r *Runner6) key() lease.Key6 {
	return lease.Key6{Link: r.cfg.Link.Name, DUID: r.cfg.Client.DUID, IAID: r.cfg.Client.IAID}
}

func (r *Runner6) deadline() time.Duration {
	if d, ok := r.m.Deadline(); ok {
		return d
	}
	return lease.Never
}

// step runs the machine and does what it says.
func (r *Runner6) step(ev client6.Event) {
	now := r.clock.now()
	acts := r.m.Step(now, ev)
	notes := make([]Note6, 0, len(acts))
	for _, a := range acts {
		notes = append(notes, r.act(now, a))
	}
	r.saveAgain(now)
	r.publish(now) // what is told can be seen
	for _, n := range notes {
		r.notify(n)
	}
}

func (r *Runner6) notify(n Note6) {
	if r.cfg.Notify != nil {
		r.cfg.Notify(n)
	}
}

func (r *Runner6) publish(now lease.Instant) {
	s := Status6{
		At: now, State: r.m.State(), Source: r.source, Lease: r.m.Lease(), Info: r.info, Due: r.deadline(), Tries: r.m.Tries(), Client: r.m.Stats(),
		Unreadable: r.unread, OffLink: r.offLink, SendErrors: r.unsent,
	}
	if r.udp != nil {
		s.OffLink += r.udp.Other()
	}
	if x, ok := r.m.XID(); ok {
		s.XID = x
	}
	r.mu.Lock()
	r.status = s
	r.mu.Unlock()
}

// saveAgain is as that of Runner.
func (r *Runner6) saveAgain(now lease.Instant) {
	stepped, l := r.stepped(now), r.m.Lease()
	if !stepped || l == nil {
		return
	}
	c := *l
	c.Start.Wall = now.Wall.Add(l.Start.Boot - now.Boot)
	r.save(&c)
}

func (r *Runner6) save(l *lease.Lease6) error {
	if r.cfg.Store == nil {
		return nil
	}
	return r.cfg.Store.Save6(r.key(), l)
}

func (r *Runner6) act(now lease.Instant, a client6.Action) Note6 {
	n := Note6{At: now, Action: a}
	switch a := a.(type) {
	case client6.Send:
		if n.Err = r.send(a.Msg); n.Err != nil {
			r.unsent++
		}
	case client6.Apply:
		n.Problems, n.Err = r.apply(a.Old, a.New)
	case client6.Remove:
		_, n.Err = r.apply(a.Lease, nil)
	case client6.Save:
		n.Err = r.save(a.Lease)
	case client6.Forget:
		if r.cfg.Store != nil {
			n.Err = r.cfg.Store.Remove6(r.key())
		}
	case client6.Got:
		n.Problems, n.Err = r.inform(a.Msg)
	case client6.Refused:
		r.refused = errors.New(a.Why)
	}
	return n
}

func (r *Runner6) send(m *v6.Message) error {
	b, err := m.Append(nil)
	if err != nil {
		return err
	}
	if r.udp == nil {
		return errors.New("there is no link-local address to send from")
	}
	return r.udp.Send(b)
}

func (r *Runner6) apply(from, to *lease.Lease6) (problems []string, err error) {
	now := r.clock.now()
	var before, after *lease.Settings6
	if from != nil {
		s, _ := from.Settings(now)
		before = &s
	}
	if to != nil {
		s, p := to.Settings(now)
		after, problems = &s, p
	}
	return problems, r.set(before, after)
}

func (r *Runner6) set(before, after *lease.Settings6) error {
	if r.cfg.Apply == nil {
		return nil
	}
	// What is under way is finished although the runner closes.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), applyTime)
	defer cancel()
	return r.cfg.Apply(ctx, before, after)
}

// inform takes over options. Those of a client that has a lease, too, are told only.
func (r *Runner6) inform(msg *v6.Message) (problems []string, err error) {
	if msg == nil {
		return nil, nil
	}
	s, problems := lease.OptionSettings(msg.Options)
	if r.stateless() {
		err = r.set(r.informed(), &s)
	}
	r.info = msg
	return problems, err
}

// uninform is the end of a client.
func (r *Runner6) uninform(keep bool) error {
	old := r.informed()
	r.info = nil
	r.publish(r.clock.now())
	if old == nil || keep || !r.stateless() {
		return nil
	}
	return r.set(old, nil)
}

func (r *Runner6) stateless() bool { return !r.cfg.Client.Address && !r.cfg.Client.Prefix }

func (r *Runner6) informed() *lease.Settings6 {
	if r.info == nil {
		return nil
	}
	s, _ := lease.OptionSettings(r.info.Options)
	return &s
}

// read hands what a socket receives to the loop, until it is closed.
func (r *Runner6) read(u *rawsock.UDP6) {
	r.wg.Go(func() {
		for {
			b, err := u.Receive()
			if err != nil {
				r.hand(func() { r.failed(u, err) })
				return
			}
			raw := append([]byte(nil), b...)
			msg, err := v6.Decode(raw)
			if !r.hand(func() {
				if u == r.udp { // else it is closed
					r.receive(msg, raw, err)
				}
			}) {
				return
			}
		}
	})
}

// failed is the end of a socket that was not closed, as if its address were gone.
func (r *Runner6) failed(u *rawsock.UDP6, err error) {
	if u == r.udp {
		r.notify(Note6{At: r.clock.now(), Err: err})
		r.closeSocket()
		r.step(client6.LinkDown{})
	}
}

func (r *Runner6) receive(msg *v6.Message, raw []byte, err error) {
	if err != nil {
		r.unread++
		r.publish(r.clock.now())
		if n := r.unread; n&(n-1) == 0 {
			r.notify(Note6{At: r.clock.now(), Err: fmt.Errorf("ignored (no DHCPv6 message, %d times by now): %w", n, err)})
		}
		return
	}
	r.step(client6.Packet{Msg: msg, Raw: raw})
}
