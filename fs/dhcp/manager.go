package dhcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
)

// A Manager is the clients of one place, at most one for each link. Safe for concurrent use.
type Manager struct {
	place Place

	mu      sync.Mutex // guards the rest; not held over a client's calls
	clients map[string]*managed
	readers map[*reader]struct{}
	closed  bool

	wg sync.WaitGroup // of those who wait for links to go
}

type managed struct {
	*Client // nil while it is made
	servers []Server
	state   client.State
}

// A reader of events. What it does not take in time is lost, and it is told so.
type reader struct {
	c    chan Event
	lost bool
}

// NewManager returns a manager without clients. It starts nothing.
func NewManager(p Place) *Manager {
	return &Manager{place: p, clients: map[string]*managed{}, readers: map[*reader]struct{}{}}
}

// Page returns the files of the manager's clients.
func (m *Manager) Page() fs.Page { return Page(m) }

// Close ends the clients where they are: what they set stays while the leases last.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	all := m.clients
	m.clients = map[string]*managed{}
	m.mu.Unlock()
	var errs []error
	for _, c := range all {
		if c.Client != nil {
			errs = append(errs, c.Close())
		}
	}
	m.wg.Wait()
	return errors.Join(errs...)
}

// Clients implements Kernel.
func (m *Manager) Clients() []View {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []View
	for _, c := range m.clients {
		if c.Client != nil {
			all = append(all, View{Setting{c.Link, c.Options}, c.Status(), slices.Clone(c.servers), c.Others()})
		}
	}
	slices.SortFunc(all, func(a, b View) int { return cmp.Compare(a.Dev, b.Dev) })
	return all
}

// Start implements Kernel.
func (m *Manager) Start(ctx context.Context, dev string, o Options, once bool) error {
	c := &managed{}
	m.mu.Lock()
	switch {
	case m.closed:
		m.mu.Unlock()
		return runner.ErrClosed
	case m.clients[dev] != nil:
		m.mu.Unlock()
		return fmt.Errorf("%s: a client runs here: %w", v4.Quote(dev), fs.ErrExist)
	}
	m.clients[dev] = c
	m.mu.Unlock()

	bound := make(chan struct{})
	var first sync.Once
	k, err := m.place.Open(ctx, dev, o, func(n runner.Note) {
		m.note(dev, c, n)
		if ch, ok := n.Action.(client.Changed); ok && ch.To == client.Bound {
			first.Do(func() { close(bound) })
		}
	})
	if err != nil {
		m.forget(dev, c)
		return err
	}
	m.mu.Lock()
	c.Client = k
	closed := m.closed
	if !closed {
		m.wg.Go(func() {
			select {
			case <-k.Gone():
				m.forget(dev, c)
				k.Close()
			case <-k.ended:
			}
		})
	}
	m.mu.Unlock()
	if closed { // meanwhile
		return errors.Join(runner.ErrClosed, k.Close())
	}
	if err := k.Start(ctx); err != nil {
		m.forget(dev, c)
		return errors.Join(err, k.Close())
	}
	if !once {
		return nil
	}
	return m.once(ctx, dev, c, bound)
}

// onceTime bounds how long a start once may wait.
const onceTime = time.Minute

func (m *Manager) once(ctx context.Context, dev string, c *managed, bound <-chan struct{}) (err error) {
	timeout := time.NewTimer(onceTime)
	defer timeout.Stop()
	select {
	case <-bound:
	case <-timeout.C:
		err = fmt.Errorf("no lease within %v", onceTime)
	case <-ctx.Done():
		err = ctx.Err()
	}
	m.forget(dev, c)
	return errors.Join(err, c.Close())
}

func (m *Manager) forget(dev string, c *managed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clients[dev] == c {
		delete(m.clients, dev)
	}
}

func (m *Manager) find(dev string) (*managed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.clients[dev]
	if c == nil || c.Client == nil {
		return nil, fmt.Errorf("no client runs here: %w", fs.ErrNotExist)
	}
	return c, nil
}

// Stop implements Kernel.
func (m *Manager) Stop(ctx context.Context, dev string, keep bool) error {
	c, err := m.find(dev)
	if err != nil {
		return err
	}
	err = c.Do(ctx, client.Stop{Keep: keep})
	m.forget(dev, c)
	return errors.Join(err, c.Close())
}

// Do implements Kernel.
func (m *Manager) Do(ctx context.Context, dev string, ev client.Event) error {
	c, err := m.find(dev)
	if err != nil {
		return err
	}
	err = c.Do(ctx, ev)
	if _, end := ev.(client.Release); end {
		m.forget(dev, c)
		return errors.Join(err, c.Close())
	}
	return err
}

// maxServers bounds what a client remembers of servers: they can be as many as somebody
// likes to play.
const maxServers = 64

// note is what a client's Notify calls.
func (m *Manager) note(dev string, c *managed, n runner.Note) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch a := n.Action.(type) {
	case client.Changed:
		c.state = a.To
	case client.Answer:
		c.answered(dev, a)
	}
	s := Sentence(n)
	if s == "" {
		return
	}
	e := Event{Dev: dev, State: c.state, Text: s}
	for r := range m.readers {
		select {
		case r.c <- e:
		default:
			r.lost = true
		}
	}
}

func (c *managed) answered(dev string, a client.Answer) {
	id, err := a.Msg.Options.ServerID()
	if err != nil {
		return
	}
	i := slices.IndexFunc(c.servers, func(s Server) bool { return s.Server == id })
	if i < 0 {
		if len(c.servers) == maxServers {
			return
		}
		c.servers = append(c.servers, Server{Dev: dev, Server: id})
		i = len(c.servers) - 1
	}
	s := &c.servers[i]
	s.Count++
	s.Type, s.Taken, s.Why = a.Msg.Type(), a.Why == "", a.Why
	if t := s.Type; t == v4.Offer || t == v4.Ack {
		s.Addr = a.Msg.YIAddr
		s.Lease, _ = a.Msg.Options.LeaseTime()
	}
}

// Watch implements Kernel.
func (m *Manager) Watch(ctx context.Context) iter.Seq2[fs.Event[Event], error] {
	return func(yield func(fs.Event[Event], error) bool) {
		r := &reader{c: make(chan Event, 1024)}
		m.mu.Lock()
		m.readers[r] = struct{}{}
		m.mu.Unlock()
		defer func() {
			m.mu.Lock()
			delete(m.readers, r)
			m.mu.Unlock()
		}()
		if !yield(fs.Event[Event]{What: fs.SyncBegin}, nil) || !yield(fs.Event[Event]{What: fs.SyncEnd}, nil) {
			return
		}
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-r.c:
				if m.overran(r) && !yield(fs.Event[Event]{What: fs.Lost}, nil) {
					return
				}
				if !yield(fs.Event[Event]{What: fs.Notice, Row: &e, Verb: "tells"}, nil) {
					return
				}
			}
		}
	}
}

func (m *Manager) overran(r *reader) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	lost := r.lost
	r.lost = false
	return lost
}
