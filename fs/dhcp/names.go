package dhcp

import (
	"context"
	"errors"
	"sync"

	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// names sets for the machine what the leases of one client say of DNS. Safe for concurrent use.
type names struct {
	setter  *dns.Setter
	link    dns.Link
	owner   string
	manager dns.Manager

	mu   sync.Mutex // guards the rest; held over a change
	done dns.Done   // of the last that was set; the zero Done: nothing is
	last dns.Config // that was set
	news string     // to be told
	err  error      // of the last change
}

// A DNS is where the DNS servers and search domains of a lease are set for the machine.
type DNS struct {
	Manager dns.Manager // dns.Any: nowhere
	Err     error       // why not, or what of them not
}

func (n *names) status() DNS {
	n.mu.Lock()
	defer n.mu.Unlock()
	return DNS{n.done.Manager, n.err}
}

// told returns what there is to tell, once.
func (n *names) told() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.news
	n.news = ""
	return s
}

// apply sets what to says in place of what old said, of this process or of one before it.
func (n *names) apply(ctx context.Context, old, to dns.Config) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if to.Empty() {
		n.err = n.clear(ctx, old)
		return n.err
	}
	done, err := n.setter.Set(ctx, n.link, n.owner, n.manager, to, old)
	if was := n.done.Manager; done.Manager != dns.Any {
		if was != dns.Any && was != done.Manager {
			err = errors.Join(err, n.setter.Clear(ctx, n.link, n.owner, was, old))
		}
		if was != done.Manager || !n.last.Equal(to) {
			n.news = sayDNS(done, to)
		}
		n.done, n.last = done, to
	}
	n.err = err
	return err
}

// clear takes away what is set, also by a process before this one.
func (n *names) clear(ctx context.Context, old dns.Config) error {
	from := n.manager
	if n.done.Manager != dns.Any {
		from = n.done.Manager
	} else if old.Empty() {
		return nil
	}
	err := n.setter.Clear(ctx, n.link, n.owner, from, old)
	if n.done.Manager == dns.Any && errors.Is(err, dns.ErrAbsent) {
		err = nil // nor did it set anything
	}
	n.done, n.last = dns.Done{}, dns.Config{}
	return err
}

// stale takes away what a process before this one set and nobody holds any more.
func (n *names) stale(ctx context.Context, old dns.Config) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.clear(ctx, old)
}

// gone takes away what is set when the link is gone.
func (n *names) gone(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.clear(ctx, n.last)
}
