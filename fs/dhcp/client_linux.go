package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/rawsock"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
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
	search search
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

// A Place is where clients run and remember: a namespace, and a directory for leases.
type Place struct {
	Route *nl.Client
	NS    *nl.NS // nil: the process's own
	Dir   string // of leases
}

// Open makes the client of a link, stopped. It is the only one of this directory for the
// link: another process that has one is an error that says so. notify is called by one
// goroutine at a time; it must not block.
func (p *Place) Open(ctx context.Context, link string, o Options, notify func(runner.Note)) (*Client, error) {
	l, err := p.find(ctx, link)
	if err != nil {
		return nil, err
	}
	cfg, err := o.config(l.HWAddr, l.mtu)
	if err != nil {
		return nil, err
	}
	lock, err := lockLink(p.Dir, p.NS, l.Index, link)
	if err != nil {
		return nil, err
	}
	a := newApplier(p.Route, int32(l.Index), &o)
	c := &Client{Link: link, Index: l.Index, Options: o, notify: notify, search: search{p, l.Index}, look: make(chan struct{}, 1), lock: lock, gone: make(chan struct{})}
	c.Runner, err = runner.New(runner.Config{
		Link: l.Link, Client: cfg, Check: o.ACD.timing(), Notify: c.note,
		Store: &lease.Store{Dir: p.Dir, BootID: bootID()},
		Apply: a.set, Held: a.held,
	})
	if err != nil {
		lock.Close()
		return nil, err
	}
	watch, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, watch.Done()
	if !l.carrier {
		err = c.Do(ctx, client.LinkDown{})
	}
	c.wg.Go(func() { c.watch(watch, p.Route) })
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
	if c.notify != nil {
		c.noting.Lock()
		defer c.noting.Unlock()
		c.notify(n)
	}
}

// lookForOthers tells of each client of others that was not there the last time.
func (c *Client) lookForOthers(ctx context.Context) error {
	found, err := c.search.run(ctx)
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

type place struct {
	rawsock.Link
	mtu     int
	carrier bool
}

// find asks the kernel for what a client must know of a link.
func (p *Place) find(ctx context.Context, name string) (l place, err error) {
	m, err := rt.LinkByName(ctx, p.Route, name)
	quoted := v4.Quote(name) // it may be anything
	if err != nil {
		return l, fmt.Errorf("%s: %w", quoted, reasonOf(err))
	}
	if m.Hdr.Type != syscall.ARPHRD_ETHER || len(m.Address) != 6 {
		return l, fmt.Errorf("%s: not an Ethernet link (type %d, address of %d bytes): %w", quoted, m.Hdr.Type, len(m.Address), errors.ErrUnsupported)
	}
	l = place{
		Link:    rawsock.Link{Index: int(m.Hdr.Index), Name: name, HWAddr: net.HardwareAddr(append([]byte(nil), m.Address...))},
		mtu:     int(m.MTU),
		carrier: running(m),
	}
	if !m.Up() {
		return l, fmt.Errorf("%s: set the link up first: %w", quoted, syscall.ENETDOWN)
	}
	if p.NS != nil {
		l.Do = p.NS.Do
	}
	return l, nil
}

// do calls f in the namespace.
func (p *Place) do(f func() error) error {
	if p.NS == nil {
		return f()
	}
	return p.NS.Do(f)
}

func running(m *rt.Link) bool { return m.Up() && m.Hdr.Flags&rt.IFF_LOWER_UP != 0 }

// watch tells the machine of the carrier.
func (c *Client) watch(ctx context.Context, k *nl.Client) {
	for e, err := range nl.Watch(ctx, k, rt.LinkSource(k, rt.LinkFilter{})) {
		if err != nil {
			continue
		}
		if e.Value == nil || int(e.Value.Hdr.Index) != c.Index {
			continue
		}
		switch {
		case e.What == nl.Deleted:
			close(c.gone)
			return
		case running(e.Value):
			c.Do(ctx, client.LinkUp{})
		default:
			c.Do(ctx, client.LinkDown{})
		}
	}
}

// lockLink keeps other clients of ours off a link. The lock ends with the process.
func lockLink(dir string, ns *nl.NS, index int, link string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	id, err := nsID(ns)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s/%x-%d.lock", dir, id.Ino, index)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: another netfs runs a DHCP client here", v4.Quote(link))
	}
	return f, nil
}

func nsID(ns *nl.NS) (nl.NSID, error) {
	if ns != nil {
		return ns.ID()
	}
	own, err := nl.CurrentNS()
	if err != nil {
		return nl.NSID{}, err
	}
	defer own.Close()
	return own.ID()
}

func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b))
}
