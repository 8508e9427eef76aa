package dhcp

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// A Client is the DHCP client of one link: a runner, and what sets its leases. Safe for
// concurrent use.
type Client struct {
	*runner.Runner
	Link    string // its name at the beginning: see Name
	Index   int
	Options Options

	name    atomic.Pointer[string]
	renames chan string // has room for one, the last

	lookout
	notify func(runner.Note) // nil: nobody listens
	noting sync.Mutex        // held over notify
	sys    System
	names  *names // nil: DNS is not set

	informed atomic.Pointer[v4.Message] // the answer to Inform, until a lease is newer

	lock     *os.File
	unlocked error // why there is no lock

	cancel context.CancelFunc
	wg     sync.WaitGroup
	gone   chan struct{} // closed when the link is
	ended  <-chan struct{}
}

// Name is the name that the link has now.
func (c *Client) Name() string {
	if p := c.name.Load(); p != nil {
		return *p
	}
	return c.Link
}

// Renamed has the last name that the link got, once.
func (c *Client) Renamed() <-chan string { return c.renames }

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
// link: another process that has one is EBUSY. A directory that cannot be used is told of at the
// start, and keeps nobody from an address. notify is called by one
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
	lock, err := p.lock(l.Index, link, "DHCP", "")
	var dir *os.PathError
	if err != nil && !errors.As(err, &dir) {
		return nil, err
	}
	a := newApplier(p.System, l.Index, &o)
	if m, ok := o.Apply.manager(); ok {
		if a.names, err = p.names(&l, m, "netfs-dhcp4"); err != nil {
			lock.Close()
			return nil, err
		}
	}
	c := &Client{renames: make(chan string, 1), Link: link, Index: l.Index, Options: o, notify: notify, sys: p.System, names: a.names, lock: lock, unlocked: err, gone: make(chan struct{})}
	c.lookout = newLookout(func(ctx context.Context) ([]Other, error) { return p.System.Others(ctx, c.Index) }, func(err error) {
		c.note(runner.Note{At: c.Status().At, Err: err})
	})
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

// A First finds the first lease that is in use in what notify is told.
type First struct{ err error }

// Note takes the next. It reports whether that is the end of the wait, and why there is no address
// then: an AddrError, or that nothing may be sent.
func (f *First) Note(n runner.Note) (done bool, err error) {
	switch a := n.Action.(type) {
	case client.Apply:
		f.err = nil
		if e := (*AddrError)(nil); errors.As(n.Err, &e) && !errors.Is(e, syscall.EEXIST) { // who has it uses it
			f.err = e
		}
	case client.Changed:
		return a.To == client.Bound, f.err
	case client.Send:
		if errors.Is(n.Err, fs.ErrPermission) {
			return true, n.Err
		}
	}
	return false, nil
}

// NoLease is the error of who has waited long enough for the first.
func NoLease(link, state string, after time.Duration) error {
	return &fs.Error{Text: fmt.Sprintf("%s: no lease within %v, the state is %s", v4.Quote(link), after, state), Errno: syscall.ETIMEDOUT}
}

func unremembered(err error) error {
	return fmt.Errorf("leases cannot be remembered, nor another netfs kept off the link: %w", err)
}

// Start begins, as Options say. Clients of others are told of, and do not keep it from starting.
func (c *Client) Start(ctx context.Context) error {
	if c.unlocked != nil {
		c.note(runner.Note{At: c.Status().At, Err: unremembered(c.unlocked)})
	}
	c.lookFirst(ctx)
	return c.Runner.Start(ctx, c.Options.Wish)
}

// note has two callers: the runner's goroutine, and who looks for others.
func (c *Client) note(n runner.Note) {
	if ch, ok := n.Action.(client.Changed); ok && ch.From != client.Stopped { // else Start has looked
		switch ch.To {
		case client.Selecting, client.Rebooting, client.Renewing, client.Rebinding:
			c.again()
		}
	}
	switch a := n.Action.(type) {
	case client.Informed:
		c.informed.Store(a.Msg)
	case client.Apply:
		c.informed.Store(nil)
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

// Close ends the client where it is: what it set stays, until the lease ends.
func (c *Client) Close() error {
	c.cancel()
	c.wg.Wait()
	err := c.Runner.Close()
	if e := c.lock.Close(); c.lock != nil && !errors.Is(e, os.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// watch tells the machine of the carrier.
func (c *Client) watch(ctx context.Context) {
	for up := range c.sys.Carrier(ctx, c.Index) {
		c.lookAtName(ctx)
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

// A namer is a System whose links keep their index under another name.
type namer interface {
	Name(ctx context.Context, link int) (string, error)
}

// lookAtName takes note of another name of the link. The lease goes with it.
func (c *Client) lookAtName(ctx context.Context) {
	s, ok := c.sys.(namer)
	if !ok {
		return
	}
	name, err := s.Name(ctx, c.Index)
	old := c.Name()
	if err != nil || name == old {
		return
	}
	c.name.Store(&name)
	select { // what nobody took is out of date
	case <-c.renames:
	default:
	}
	c.renames <- name
	note := fmt.Errorf("the link %s is %s now", v4.Quote(old), v4.Quote(name))
	if err := c.Rename(ctx, name); err != nil {
		note = fmt.Errorf("%w; its remembered lease: %w", note, err)
	}
	c.note(runner.Note{At: c.Status().At, Err: note})
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
func (p *Place) lock(index int, link, kind, suffix string) (*os.File, error) {
	if err := os.MkdirAll(p.Dir, 0o700); err != nil {
		return nil, err
	}
	space, err := p.System.Space()
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s/%s-%d%s.lock", p.Dir, space, index, suffix)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) // Go's are closed on exec
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = &fs.Error{Text: fmt.Sprintf("another netfs runs a %s client here", kind), Errno: syscall.EBUSY}
		}
		return nil, fmt.Errorf("%s: %w", v4.Quote(link), err)
	}
	return f, nil
}
