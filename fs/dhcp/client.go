package dhcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// A Client is the DHCP client of one link: a runner, and what sets its leases. Safe for
// concurrent use.
type Client struct {
	*runner.Runner
	Link    string
	Index   int
	Options Options

	notify func(runner.Note) // nil: nobody listens
	noting sync.Mutex        // held over notify
	sys    System
	names  *names        // nil: DNS is not set
	look   chan struct{} // asks for another search; has room for one
	others atomic.Pointer[[]Other]

	lock   *os.File
	cancel context.CancelFunc
	wg     sync.WaitGroup
	gone   chan struct{} // closed when the link is
	ended  <-chan struct{}
}

// Gone is closed when the link was removed; the client is then of no more use.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// Ended is closed when Close was called.
func (c *Client) Ended() <-chan struct{} { return c.ended }

// A Place is where clients run and remember.
type Place struct {
	System System
	Dir    string      // of leases
	DNS    *dns.Setter // that all clients of the process share; nil: one of its own
}

// Open makes the client of a link, stopped. It is the only one of this directory for the
// link: another process that has one is an error that says so. notify is called by one
// goroutine at a time; it must not block.
func (p *Place) Open(ctx context.Context, link string, o Options, notify func(runner.Note)) (*Client, error) {
	if err := p.System.Check(&o); err != nil {
		return nil, err
	}
	l, err := p.System.Find(ctx, link)
	if err != nil {
		return nil, err
	}
	cfg, err := o.config(l.HWAddr, l.MTU)
	if err != nil {
		return nil, err
	}
	lock, err := p.lock(l.Index, link)
	if err != nil {
		return nil, err
	}
	a := newApplier(p.System, l.Index, &o)
	if m, ok := o.Apply.manager(); ok {
		if a.names, err = p.names(&l, m, "netfs-dhcp4"); err != nil {
			return nil, errors.Join(err, lock.Close())
		}
	}
	c := &Client{Link: link, Index: l.Index, Options: o, notify: notify, sys: p.System, names: a.names, look: make(chan struct{}, 1), lock: lock, gone: make(chan struct{})}
	c.Runner, err = runner.New(runner.Config{
		Link: l.Link, Client: cfg, Check: o.ACD.timing(), Notify: c.note,
		Store: &lease.Store{Dir: p.Dir, BootID: p.System.Boot()},
		Apply: a.set, Held: a.held,
	})
	if err != nil {
		lock.Close()
		return nil, err
	}
	watch, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, watch.Done()
	if !l.Carrier {
		err = c.Do(ctx, client.LinkDown{})
	}
	c.wg.Go(func() { c.watch(watch) })
	c.wg.Go(func() { c.lookAgain(watch) })
	return c, err
}

// Start begins, as Options say. Clients of others are told of, and do not keep it from starting.
func (c *Client) Start(ctx context.Context) error {
	if err := c.lookForOthers(ctx); err != nil {
		c.note(runner.Note{At: c.Status().At, Err: fmt.Errorf("looking for other DHCP clients: %w", err)})
	}
	return c.Runner.Start(ctx, c.Options.Wish)
}

// Others returns the DHCP clients of others that were found on the link at Start or when the
// client last began to select, reboot, renew or rebind.
func (c *Client) Others() []Other {
	if p := c.others.Load(); p != nil {
		return *p
	}
	return nil
}

// note has two callers: the runner's goroutine, and who looks for others.
func (c *Client) note(n runner.Note) {
	if ch, ok := n.Action.(client.Changed); ok && ch.From != client.Stopped { // else Start has looked
		switch ch.To {
		case client.Selecting, client.Rebooting, client.Renewing, client.Rebinding:
			select {
			case c.look <- struct{}{}:
			default:
			}
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
			c.notify(runner.Note{At: n.At, Err: errors.New(s)})
		}
	}
}

// DNS returns where the DNS servers and search domains of the lease are set for the machine.
func (c *Client) DNS() DNS {
	if c.names == nil {
		return DNS{}
	}
	return c.names.status()
}

// lookForOthers tells of each client of others that was not there the last time.
func (c *Client) lookForOthers(ctx context.Context) error {
	found, err := c.sys.Others(ctx, c.Index)
	if ctx.Err() != nil {
		return ctx.Err() // what was found is not all
	}
	known := c.Others()
	c.others.Store(&found)
	for _, o := range found {
		if !slices.Contains(known, o) {
			c.note(runner.Note{At: c.Status().At, Err: fmt.Errorf("another DHCP client: %s", o)})
		}
	}
	return err
}

// lookAgain looks at each transaction. That it cannot was told at the start.
func (c *Client) lookAgain(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.look:
			c.lookForOthers(ctx)
		}
	}
}

// Close ends the client where it is: what it set stays, until the lease ends.
func (c *Client) Close() error {
	c.cancel()
	c.wg.Wait()
	err := c.Runner.Close()
	if e := c.lock.Close(); !errors.Is(e, os.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// watch tells the machine of the carrier.
func (c *Client) watch(ctx context.Context) {
	for up := range c.sys.Carrier(ctx, c.Index) {
		if up {
			c.Do(ctx, client.LinkUp{})
		} else {
			c.Do(ctx, client.LinkDown{})
		}
	}
	if ctx.Err() != nil {
		return
	}
	if c.names != nil {
		if err := c.names.gone(ctx); err != nil {
			c.note(runner.Note{At: c.Status().At, Err: fmt.Errorf("dns: %w", err)})
		}
	}
	close(c.gone)
}

// names returns what sets DNS for an owner.
func (p *Place) names(l *Link, m dns.Manager, owner string) (*names, error) {
	space, err := p.System.Space()
	if err != nil {
		return nil, err
	}
	setter := p.DNS
	if setter == nil {
		setter = dns.New()
	}
	return &names{setter: setter, link: dns.Link{Index: l.Index, Name: l.Name, NetNS: space}, owner: owner, manager: m}, nil
}

// lock keeps other clients of ours off a link. The lock ends with the process.
func (p *Place) lock(index int, link string) (*os.File, error) {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return nil, err
	}
	space, err := p.System.Space()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s/%s-%d.lock", p.Dir, space, index)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) // Go's are closed on exec
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errors.New("another netfs runs a DHCP client here")
		}
		return nil, fmt.Errorf("%s: %w", v4.Quote(link), err)
	}
	return f, nil
}
