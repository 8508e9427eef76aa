package rtsock

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"syscall"

	"github.com/netfs-project/netfs/bsd"
)

// Subscribe opens sockets of its own and returns what the kernel tells that f wants,
// of all routing tables, until ctx ends. The messages from before the loop are there:
// the sockets are open when Subscribe returns. A loss is ErrOverrun, after which it goes
// on. Each message is borrowed until the next step; the loop ends it, and must be run.
func (c *Client) Subscribe(ctx context.Context, f Filter) (iter.Seq2[bsd.Message, error], error) {
	tables, err := c.hears(ctx, &f)
	if err != nil {
		return nil, err
	}
	e := &ears{c: c, f: f}
	for _, n := range tables {
		s, err := c.sys.Socket(n, f)
		if err != nil {
			e.close()
			return nil, fmt.Errorf("routing socket: %w", err)
		}
		e.list = append(e.list, &ear{sock: s, table: n, b: make([]byte, roomFor(n)), next: make(chan struct{}, 1)})
	}
	if len(e.list) == 1 {
		return func(yield func(bsd.Message, error) bool) { e.one(ctx, yield) }, nil
	}
	return func(yield func(bsd.Message, error) bool) { e.all(ctx, yield) }, nil
}

// hears are the tables that need a socket each: a socket of FreeBSD hears the routes and
// addresses of its own FIB only. Links are told to all.
func (c *Client) hears(ctx context.Context, f *Filter) ([]int, error) {
	links := f.Ops != nil && !slices.ContainsFunc(f.Ops, func(op bsd.Op) bool { return op != bsd.OpLink && op != bsd.OpAnnounce })
	if c.layout.Tables != bsd.SocketTable || links {
		return []int{0}, nil
	}
	return c.Tables(ctx)
}

// roomFor is the buffer of a socket. The kernel builds what it tells of itself from at
// most RTAX_MAX sockaddrs of 128 bytes; the requests of others, which are echoed, are
// seldom of another FIB than 0.
func roomFor(table int) int {
	if table == 0 {
		return maxMessage
	}
	return maxMessage / 8
}

// ears are the sockets of one subscription.
type ears struct {
	c    *Client
	f    Filter
	list []*ear
}

// An ear is one socket and what it read last.
type ear struct {
	sock  Socket
	table int
	b     []byte
	n     int
	err   error
	next  chan struct{} // what was read has been used
}

func (e *ears) close() {
	for _, r := range e.list {
		r.sock.Close()
	}
}

// one reads the only socket.
func (e *ears) one(ctx context.Context, yield func(bsd.Message, error) bool) {
	defer e.close()
	r := e.list[0]
	d := bsd.Decoder{Layout: e.c.layout}
	for {
		r.n, r.err = r.sock.Read(ctx, r.b)
		if !e.heard(&d, r, yield) {
			return
		}
	}
}

// all reads several, each in a goroutine of its own, which ends with the loop.
func (e *ears) all(ctx context.Context, yield func(bsd.Message, error) bool) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	read := make(chan *ear)
	for _, r := range e.list {
		wg.Go(func() { r.run(ctx, read) })
	}
	defer func() {
		cancel()
		wg.Wait()
		e.close()
	}()
	d := bsd.Decoder{Layout: e.c.layout}
	for {
		select {
		case r := <-read:
			if !e.heard(&d, r, yield) {
				return
			}
			r.next <- struct{}{}
		case <-ctx.Done():
			yield(nil, ctx.Err())
			return
		}
	}
}

// run hands on what a socket reads, and waits until it has been used.
func (r *ear) run(ctx context.Context, read chan<- *ear) {
	for {
		r.n, r.err = r.sock.Read(ctx, r.b)
		select {
		case read <- r:
		case <-ctx.Done():
			return
		}
		select {
		case <-r.next:
		case <-ctx.Done():
			return
		}
	}
}

// heard yields what a socket read. False ends it.
func (e *ears) heard(d *bsd.Decoder, r *ear, yield func(bsd.Message, error) bool) bool {
	switch {
	case errors.Is(r.err, syscall.ENOBUFS):
		return yield(nil, ErrOverrun)
	case r.err != nil:
		yield(nil, r.err)
		return false
	}
	for m, err := range d.Messages(r.b[:r.n]) {
		switch {
		case err != nil:
		case m.Head().Op == bsd.OpDesync:
			m, err = nil, ErrOverrun
		case !e.f.Wants(m):
			continue
		default:
			e.c.fill(m, r.table)
		}
		if !yield(m, err) {
			return false
		}
	}
	return true
}
