package dhcp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// names sets for the machine what the leases of one client say of DNS. Safe for concurrent use.
type names struct {
	setter  *dns.Setter
	link    dns.Link
	owner   string
	manager dns.Manager

	state atomic.Pointer[DNS]    // to be seen
	news  atomic.Pointer[string] // to be told

	mu   sync.Mutex  // held over a change; guards the rest
	has  dns.Manager // who has what was set; dns.Any: nobody
	last dns.Config  // that was set
}

// A DNS is where the DNS servers and search domains of a lease are set for the machine.
type DNS struct {
	Manager dns.Manager // dns.Any: nowhere
	Err     error       // why not, or what of them not
}

func (n *names) status() DNS {
	if s := n.state.Load(); s != nil {
		return *s
	}
	return DNS{}
}

// told returns what there is to tell, once.
func (n *names) told() string {
	if s := n.news.Swap(nil); s != nil {
		return *s
	}
	return ""
}

// apply sets what to says in place of what old said, of this process or of one before it.
func (n *names) apply(ctx context.Context, old, to dns.Config) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if to.Empty() {
		err := n.clear(ctx, old)
		n.state.Store(&DNS{Err: err})
		return err
	}
	done, err := n.setter.Set(ctx, n.link, n.owner, n.manager, to, old)
	if done.Manager != dns.Any {
		if n.has != dns.Any && n.has != done.Manager {
			err = errors.Join(err, n.setter.Clear(ctx, n.link, n.owner, n.has, old))
		}
		if n.has != done.Manager || !n.last.Equal(done.Config) {
			s := sayDNS(done)
			n.news.Store(&s)
		}
		n.has, n.last = done.Manager, done.Config
	}
	n.state.Store(&DNS{n.has, err})
	return err
}

// clear takes away what is set, also by a process before this one.
func (n *names) clear(ctx context.Context, old dns.Config) error {
	from := n.manager
	if n.has != dns.Any {
		from = n.has
	} else if old.Empty() {
		return nil
	}
	err := n.setter.Clear(ctx, n.link, n.owner, from, old)
	if n.has == dns.Any && errors.Is(err, dns.ErrAbsent) {
		err = nil // nor did it set anything
	}
	n.has, n.last = dns.Any, dns.Config{}
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
