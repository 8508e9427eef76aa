package dhcp

import (
	"context"
	"errors"
	iofs "io/fs"
	"strings"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// A Manager6 is Manager of DHCPv6.
type Manager6 struct {
	place Place
	*roster[*Client6, Server6]
}

// NewManager6 returns a manager without clients. It starts nothing.
func NewManager6(p Place) *Manager6 {
	if p.DNS == nil {
		p.DNS = dns.New()
	}
	return &Manager6{p, newRoster[*Client6, Server6]()}
}

// Page returns the files of the manager's clients.
func (m *Manager6) Page() fs.Page { return Page6(m) }

// Clients implements Kernel.
func (m *Manager6) Clients() (all []View6) {
	m.each(func(c *Client6, servers []Server6) {
		all = append(all, View6{Setting[Options6]{c.Link, c.Options}, c.Status(), servers, c.Others(), c.DNS()})
	})
	return all
}

// Start implements Kernel.
func (m *Manager6) Start(ctx context.Context, dev string, o Options6, once bool) error {
	return m.start(ctx, dev, once, m.opener(ctx, dev, o))
}

func (m *Manager6) opener(ctx context.Context, dev string, o Options6) func(e *entry[*Client6, Server6]) (*Client6, error) {
	return func(e *entry[*Client6, Server6]) (*Client6, error) {
		return m.place.Open6(ctx, dev, o, func(n runner.Note6) { m.note(dev, e, n) })
	}
}

// Stop implements Kernel.
func (m *Manager6) Stop(ctx context.Context, dev string, keep bool) error {
	return m.do(dev, true, func(c *Client6) error { return c.Do(ctx, client6.Stop{Keep: keep}) })
}

// Do implements Kernel. Release waits until the server knows, or does not answer.
func (m *Manager6) Do(ctx context.Context, dev string, ev client6.Event) error {
	do := func(c *Client6) error { return c.Do(ctx, ev) }
	switch ev.(type) {
	case client6.Discover, client6.Inform:
		return m.ask(dev, m.opener(ctx, dev, Options6{}), do)
	case client6.Release:
		return m.do(dev, true, func(c *Client6) error { return c.Release(ctx) })
	}
	return m.do(dev, false, do)
}

func (m *Manager6) note(dev string, e *entry[*Client6, Server6], n runner.Note6) {
	t := news{text: Sentence6(n)}
	t.bound, t.err = First6(n)
	var answered func(*[]Server6)
	switch a := n.Action.(type) {
	case client6.Changed:
		t.state = strings.ToLower(a.To.String())
	case client6.Answer:
		answered = func(list *[]Server6) { count6(list, dev, a) }
	}
	m.tell(e, t, answered)
}

// First6 reports of a note of DHCPv6 whether who waits for a lease, or for options, has it, or why it
// cannot come: nothing may be sent or set.
func First6(n runner.Note6) (done bool, err error) {
	if errors.Is(n.Err, iofs.ErrPermission) {
		return true, n.Err
	}
	ch, ok := n.Action.(client6.Changed)
	return ok && (ch.To == client6.Bound || ch.To == client6.Informed), nil
}

func count6(list *[]Server6, dev string, a client6.Answer) {
	id, err := a.Msg.Options.ServerID()
	if err != nil {
		return
	}
	key := id.String()
	s := server(list, func(s Server6) bool { return s.Server == key }, func() Server6 { return Server6{Dev: dev, Server: key} })
	if s == nil {
		return
	}
	s.Count++
	s.Type, s.Taken, s.Why = a.Msg.Type, a.Why == "", a.Why
	s.Preference, _ = a.Msg.Options.Preference() // one that cannot be read is none
	if given := offered(a.Msg); len(given) > 0 {
		s.Offered = given[:min(len(given), 16)]
	}
}
