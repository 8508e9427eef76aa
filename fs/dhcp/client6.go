package dhcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/runner"
)

// A Client6 is the DHCPv6 client of one link, as Client is that of DHCPv4.
type Client6 struct {
	*runner.Runner6
	Link    string
	Index   int
	Options Options6

	lookout
	notify func(runner.Note6) // nil: nobody listens
	noting sync.Mutex         // held over notify
	sys    System6
	names  *names // nil: DNS is not set

	stops  chan struct{} // tells that the machine has stopped; has room for one
	lock   *os.File
	cancel context.CancelFunc
	wg     sync.WaitGroup
	ready  chan struct{} // closed when the source is known, or that there is none
	gone   chan struct{} // closed when the link is
	ended  <-chan struct{}
}

// Gone is closed when the link was removed; the client is then of no more use.
func (c *Client6) Gone() <-chan struct{} { return c.gone }

// Ended is closed when Close was called.
func (c *Client6) Ended() <-chan struct{} { return c.ended }

// Open6 is Open of DHCPv6. The client speaks from a link-local address, for which it waits.
func (p *Place) Open6(ctx context.Context, link string, o Options6, notify func(runner.Note6)) (*Client6, error) {
	sys, ok := p.System.(System6)
	if !ok {
		return nil, fmt.Errorf("DHCPv6 on this system: %w", errors.ErrUnsupported)
	}
	l, err := sys.Find(ctx, link)
	if err != nil {
		return nil, err
	}
	store := &lease.Store{Dir: p.Dir, BootID: sys.Boot()}
	cfg, err := o.config(link, l.HWAddr, store.DUID)
	if err != nil {
		return nil, err
	}
	lock, err := p.lock(l.Index, link, "DHCPv6", "-6")
	if err != nil {
		return nil, err
	}
	a := newApplier6(sys, l.Index, &o)
	if m, ok := o.Apply.manager(); ok {
		if a.names, err = p.names(&l, m, "netfs-dhcp6"); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
	}
	c := &Client6{Link: link, Index: l.Index, Options: o, notify: notify, sys: sys, names: a.names, stops: make(chan struct{}, 1), lock: lock, ready: make(chan struct{}), gone: make(chan struct{})}
	c.lookout = newLookout(func(ctx context.Context) ([]Other, error) { return sys.Others6(ctx, c.Index) }, func(err error) {
		c.note(runner.Note6{At: c.Status().At, Err: err})
	})
	c.Runner6, err = runner.New6(runner.Config6{
		Link: l.Link, Client: cfg, Store: store, Notify: c.note, Apply: a.set, Held: a.held,
	})
	if err != nil {
		lock.Close()
		return nil, err
	}
	watch, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, watch.Done()
	c.wg.Go(func() { c.watch(watch) })
	c.wg.Go(func() { c.lookAgain(watch) })
	select {
	case <-c.ready:
	case <-c.gone:
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), c.Close())
	}
	return c, nil
}

// Start begins, as Options say. Clients of others are told of, and do not keep it from starting.
func (c *Client6) Start(ctx context.Context) error {
	c.lookFirst(ctx)
	if !c.Status().Source.IsValid() {
		c.note(runner.Note6{At: c.Status().At, Err: errors.New("the link has no carrier or no link-local address yet: it waits")})
	}
	return c.Runner6.Start(ctx)
}

// Release gives the lease back, and returns when a server took note or does not answer, which takes a
// quarter of a minute at most.
func (c *Client6) Release(ctx context.Context) error {
	select {
	case <-c.stops: // an earlier end
	default:
	}
	if err := c.Do(ctx, client6.Release{}); err != nil || c.Status().State == client6.Stopped {
		return err
	}
	select {
	case <-c.stops:
		return nil
	case <-c.gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// note has more callers than the runner's goroutine.
func (c *Client6) note(n runner.Note6) {
	if ch, ok := n.Action.(client6.Changed); ok && ch.From != client6.Stopped { // else Start has looked
		switch ch.To {
		case client6.Soliciting, client6.Confirming, client6.Renewing, client6.Rebinding:
			c.again()
		}
	}
	if ch, ok := n.Action.(client6.Changed); ok && ch.To == client6.Stopped {
		select {
		case c.stops <- struct{}{}:
		default:
		}
	}
	if c.notify == nil {
		return
	}
	c.noting.Lock()
	defer c.noting.Unlock()
	c.notify(n)
	if c.names != nil {
		if s := c.names.told(); s != "" {
			c.notify(runner.Note6{At: n.At, Err: errors.New(s)})
		}
	}
}

// DNS returns where the DNS servers and search domains are set for the machine.
func (c *Client6) DNS() DNS {
	if c.names == nil {
		return DNS{}
	}
	return c.names.status()
}

// watch tells the machine where it can speak from, and of addresses that others have.
func (c *Client6) watch(ctx context.Context) {
	first := sync.OnceFunc(func() { close(c.ready) })
	for s := range c.sys.Sources(ctx, c.Index) {
		c.Source(ctx, s.Addr) // an error is told by the runner
		first()
		if s.Taken.IsValid() {
			c.Do(ctx, client6.Conflict{Addr: s.Taken})
		}
	}
	if ctx.Err() != nil {
		return
	}
	if c.names != nil {
		if err := c.names.gone(ctx); err != nil {
			c.note(runner.Note6{At: c.Status().At, Err: fmt.Errorf("dns: %w", err)})
		}
	}
	close(c.gone)
}

// Close ends the client where it is: what it set stays, until the lease ends.
func (c *Client6) Close() error {
	c.cancel()
	c.wg.Wait()
	err := c.Runner6.Close()
	if e := c.lock.Close(); !errors.Is(e, os.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}
