package dhcp

import (
	"context"
	"strings"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// A Manager is the DHCPv4 clients of one place, at most one for each link. Safe for concurrent use.
type Manager struct {
	place Place
	*roster[*Client, Server]
}

// NewManager returns a manager without clients. It starts nothing.
func NewManager(p Place) *Manager {
	if p.DNS == nil {
		p.DNS = dns.New()
	}
	return &Manager{p, newRoster[*Client, Server]()}
}

// Page returns the files of the manager's clients.
func (m *Manager) Page() fs.Page { return Page(m) }

// Clients implements Kernel.
func (m *Manager) Clients() (all []View) {
	m.each(func(c *Client, servers []Server) {
		name := c.Name()
		for i := range servers {
			servers[i].Dev = name
		}
		all = append(all, View{Setting[Options]{name, c.Options}, c.Status(), servers, c.Others(), c.DNS(), c.informed.Load()})
	})
	return all
}

// Start implements Kernel.
func (m *Manager) Start(ctx context.Context, dev string, o Options, once bool) error {
	return m.start(ctx, dev, once, m.opener(ctx, dev, o))
}

func (m *Manager) opener(ctx context.Context, dev string, o Options) func(e *entry[*Client, Server]) (*Client, error) {
	return func(e *entry[*Client, Server]) (*Client, error) {
		var first First
		return m.place.Open(ctx, dev, o, func(n runner.Note) { m.note(dev, e, &first, n) })
	}
}

// Stop implements Kernel.
func (m *Manager) Stop(ctx context.Context, dev string, keep bool) error {
	return m.do(dev, true, func(c *Client) error { return c.Do(ctx, client.Stop{Keep: keep}) })
}

// Do implements Kernel.
func (m *Manager) Do(ctx context.Context, dev string, ev client.Event) error {
	do := func(c *Client) error { return c.Do(ctx, ev) }
	end := false
	switch ev.(type) {
	case client.Discover, client.Inform:
		return m.ask(dev, m.opener(ctx, dev, Options{}), do)
	case client.Release:
		end = true
	}
	return m.do(dev, end, do)
}

func (m *Manager) note(dev string, e *entry[*Client, Server], first *First, n runner.Note) {
	t := news{text: Sentence(n)}
	t.bound, t.err = first.Note(n)
	var answered func(*[]Server)
	switch a := n.Action.(type) {
	case client.Changed:
		t.state = strings.ToLower(a.To.String())
	case client.Answer:
		answered = func(list *[]Server) { count4(list, dev, a) }
	}
	m.tell(e, t, answered)
}

func count4(list *[]Server, dev string, a client.Answer) {
	id, err := a.Msg.Options.ServerID()
	if err != nil {
		return
	}
	s := server(list, func(s Server) bool { return s.Server == id }, func() Server { return Server{Dev: dev, Server: id} })
	if s == nil {
		return
	}
	s.Count++
	s.Type, s.Taken, s.Why = a.Msg.Type(), a.Why == "", a.Why
	if t := s.Type; t == v4.Offer || t == v4.Ack {
		s.Addr = a.Msg.YIAddr
		s.Lease, _ = a.Msg.Options.LeaseTime()
	}
}
