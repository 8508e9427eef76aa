package dhcp

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
)

// A roster is the clients of one place and family, at most one for each link, and what
// happens to them. C is what clients are, S what is remembered of a server that answered. Safe for
// concurrent use.
type roster[C listed, S any] struct {
	mu      sync.Mutex // guards the rest; not held over a client's calls
	clients map[string]*entry[C, S]
	readers map[*reader]struct{}
	closed  bool

	wg sync.WaitGroup // of those who wait for links to go
}

// listed is what a roster needs of a client.
type listed interface {
	Start(ctx context.Context) error
	Close() error
	// Gone is closed when the link was removed; Ended when Close was called.
	Gone() <-chan struct{}
	Ended() <-chan struct{}
}

type entry[C listed, S any] struct {
	dev     string // the link's name now
	client  C
	made    bool
	asks    bool // it has no lease, and gives way to one that starts
	servers []S
	state   string
	bound   chan struct{} // closed when the first lease is in use, or cannot be
	failed  error         // why not
	once    sync.Once
}

// A reader of events. What it does not take in time is lost, and it is told so.
type reader struct {
	c    chan Event
	lost bool
}

func newRoster[C listed, S any]() *roster[C, S] {
	return &roster[C, S]{clients: map[string]*entry[C, S]{}, readers: map[*reader]struct{}{}}
}

// Close ends the clients where they are: what they set stays while the leases last.
func (r *roster[C, S]) Close() error {
	r.mu.Lock()
	r.closed = true
	all := r.clients
	r.clients = map[string]*entry[C, S]{}
	r.mu.Unlock()
	var errs []error
	for _, e := range all {
		if e.made {
			errs = append(errs, e.client.Close())
		}
	}
	r.wg.Wait()
	return errors.Join(errs...)
}

// each calls f with every client, in the order of the links' names, and what is known of its servers.
func (r *roster[C, S]) each(f func(c C, servers []S)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for name, e := range r.clients {
		if e.made {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		f(r.clients[name].client, slices.Clone(r.clients[name].servers))
	}
}

// start makes a client with open, and starts it; with once it returns when its lease is set, and ends it
// then.
func (r *roster[C, S]) start(ctx context.Context, dev string, once bool, open func(e *entry[C, S]) (C, error)) error {
	e, err := r.add(dev, false, open)
	if err != nil {
		return err
	}
	if err := e.client.Start(ctx); err != nil {
		return errors.Join(err, r.end(e))
	}
	if !once {
		return nil
	}
	return r.wait(ctx, dev, e)
}

// ask calls f with the client of a link. If there is none it makes one that only asks: it stays,
// with what it heard, until it is stopped or another is started.
func (r *roster[C, S]) ask(dev string, open func(e *entry[C, S]) (C, error), f func(c C) error) error {
	err := r.do(dev, false, f)
	if !errors.Is(err, errNoClient) {
		return err
	}
	e, err := r.add(dev, true, open)
	if err != nil {
		return err
	}
	if err := f(e.client); err != nil {
		return errors.Join(err, r.end(e))
	}
	return nil
}

// add makes a client with open. Who comes meanwhile finds its place taken.
func (r *roster[C, S]) add(dev string, asks bool, open func(e *entry[C, S]) (C, error)) (*entry[C, S], error) {
	e := &entry[C, S]{dev: dev, state: "stopped", asks: asks, bound: make(chan struct{})}
	r.mu.Lock()
	old := r.clients[dev]
	switch {
	case r.closed:
		r.mu.Unlock()
		return nil, runner.ErrClosed
	case old != nil && !(old.asks && old.made):
		r.mu.Unlock()
		return nil, fmt.Errorf("%s: a client runs here: %w", v4.Quote(dev), fs.ErrExist)
	}
	r.clients[dev] = e
	r.mu.Unlock()
	if old != nil {
		old.client.Close()
	}

	c, err := open(e)
	if err != nil {
		r.forget(e)
		return nil, err
	}
	r.mu.Lock()
	e.client, e.made = c, true
	closed := r.closed
	if !closed {
		r.wg.Go(func() { r.follow(e) })
	}
	r.mu.Unlock()
	if closed { // meanwhile
		return nil, errors.Join(runner.ErrClosed, c.Close())
	}
	return e, nil
}

// follow is where the link goes, until it or its client is gone.
func (r *roster[C, S]) follow(e *entry[C, S]) {
	var renamed <-chan string
	if c, ok := any(e.client).(interface{ Renamed() <-chan string }); ok {
		renamed = c.Renamed()
	}
	for {
		select {
		case name := <-renamed:
			r.rename(e, name)
		case <-e.client.Gone():
			r.forget(e)
			e.client.Close()
			return
		case <-e.client.Ended():
			return
		}
	}
}

// rename gives a client the name that its link has now. Who has that name still has got another,
// and will be told; until then it has ours.
func (r *roster[C, S]) rename(e *entry[C, S], name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.clients[e.dev] != e {
		return
	}
	delete(r.clients, e.dev)
	if other := r.clients[name]; other != nil {
		other.dev = e.dev
		r.clients[other.dev] = other
	}
	e.dev = name
	r.clients[name] = e
}

// onceTime bounds how long a start once may wait.
const onceTime = time.Minute

func (r *roster[C, S]) wait(ctx context.Context, dev string, e *entry[C, S]) (err error) {
	timeout := time.NewTimer(onceTime)
	defer timeout.Stop()
	select {
	case <-e.bound:
		err = e.failed
	case <-timeout.C:
		r.mu.Lock()
		err = NoLease(dev, e.state, onceTime)
		r.mu.Unlock()
	case <-ctx.Done():
		err = ctx.Err()
	}
	return errors.Join(err, r.end(e))
}

func (r *roster[C, S]) forget(e *entry[C, S]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.clients[e.dev] == e {
		delete(r.clients, e.dev)
	}
}

// end forgets a client and closes it.
func (r *roster[C, S]) end(e *entry[C, S]) error {
	r.forget(e)
	return e.client.Close()
}

var errNoClient = fmt.Errorf("no client runs here: %w", fs.ErrNotExist)

// do calls f with the client of a link, and ends it then if that is the end.
func (r *roster[C, S]) do(dev string, end bool, f func(c C) error) error {
	r.mu.Lock()
	e := r.clients[dev]
	if e != nil && !e.made {
		e = nil
	}
	r.mu.Unlock()
	if e == nil {
		return errNoClient
	}
	err := f(e.client)
	if end {
		err = errors.Join(err, r.end(e))
	}
	return err
}

// News are what a note tells, of either family.
type news struct {
	state string // the client's new one; "": the same
	bound bool   // a lease is in use, or cannot be
	err   error  // why not
	text  string // for people; "": nothing
}

// tell takes note of what happened to a client. answered, unless nil, gets what is known of its servers to change it.
func (r *roster[C, S]) tell(e *entry[C, S], n news, answered func(*[]S)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.state != "" {
		e.state = n.state
	}
	if n.bound {
		e.once.Do(func() {
			e.failed = n.err
			close(e.bound)
		})
	}
	if answered != nil {
		answered(&e.servers)
	}
	if n.text == "" {
		return
	}
	ev := Event{Dev: e.dev, State: e.state, Text: n.text}
	for rd := range r.readers {
		select {
		case rd.c <- ev:
		default:
			rd.lost = true
		}
	}
}

// maxServers bounds what a client remembers of servers: they can be as many as somebody
// likes to play.
const maxServers = 64

// server returns the one of list that is, which it adds if there is room; else nil.
func server[S any](list *[]S, is func(S) bool, made func() S) *S {
	i := slices.IndexFunc(*list, is)
	if i < 0 {
		if len(*list) == maxServers {
			return nil
		}
		*list = append(*list, made())
		i = len(*list) - 1
	}
	return &(*list)[i]
}

// Watch yields what happens, as Notices.
func (r *roster[C, S]) Watch(ctx context.Context) iter.Seq2[fs.Event[Event], error] {
	return func(yield func(fs.Event[Event], error) bool) {
		rd := &reader{c: make(chan Event, 1024)}
		r.mu.Lock()
		r.readers[rd] = struct{}{}
		r.mu.Unlock()
		defer func() {
			r.mu.Lock()
			delete(r.readers, rd)
			r.mu.Unlock()
		}()
		if !yield(fs.Event[Event]{What: fs.SyncBegin}, nil) || !yield(fs.Event[Event]{What: fs.SyncEnd}, nil) {
			return
		}
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-rd.c:
				if r.overran(rd) && !yield(fs.Event[Event]{What: fs.Lost}, nil) {
					return
				}
				if !yield(fs.Event[Event]{What: fs.Notice, Row: &e, Verb: "tells"}, nil) {
					return
				}
			}
		}
	}
}

func (r *roster[C, S]) overran(rd *reader) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	lost := rd.lost
	rd.lost = false
	return lost
}
