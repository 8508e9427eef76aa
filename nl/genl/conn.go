package genl

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"sync"

	"github.com/netfs-project/netfs/nl"
)

// A Conn speaks to one family. It is safe for concurrent use, and as long of
// use as its client.
type Conn struct {
	c    *nl.Client
	name string

	mu  sync.Mutex // guards fam
	fam *Family    // never changed, only replaced
}

// Dial looks up a family; see Resolve for the error when it is absent.
func Dial(ctx context.Context, c *nl.Client, name string) (*Conn, error) {
	f, err := Resolve(ctx, c, name)
	if err != nil {
		return nil, err
	}
	return &Conn{c: c, name: name, fam: f}, nil
}

// Family is what the controller said when it was asked last. Not to be
// changed.
func (c *Conn) Family() *Family {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fam
}

func (c *Conn) request(flags uint16, b nl.Body) nl.Request {
	return nl.Request{Type: c.Family().ID, Flags: flags, Body: b}
}

// moved looks the family up again after an error that may mean that it has
// another number now.
func (c *Conn) moved(ctx context.Context, err error) bool {
	if !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	f, err := Resolve(ctx, c.c, c.name)
	if err != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.fam.ID
	c.fam = f
	return f.ID != was
}

// Do sends a command and waits for its acknowledgement.
func (c *Conn) Do(ctx context.Context, flags uint16, b nl.Body) error {
	err := c.c.Do(ctx, c.request(flags, b))
	if c.moved(ctx, err) {
		err = c.c.Do(ctx, c.request(flags, b))
	}
	return err
}

// Get sends a command and calls reply for each message that answers it.
func (c *Conn) Get(ctx context.Context, flags uint16, b nl.Body, reply func(nl.Message) error) error {
	err := c.c.Get(ctx, c.request(flags, b), reply)
	if c.moved(ctx, err) {
		err = c.c.Get(ctx, c.request(flags, b), reply)
	}
	return err
}

// Dump streams what answers a command. The message yielded is borrowed until
// the next step.
func (c *Conn) Dump(ctx context.Context, b nl.Body) iter.Seq2[nl.Message, error] {
	return func(yield func(nl.Message, error) bool) {
		first := true
		for again := true; again; {
			again = false
			for m, err := range c.c.Dump(ctx, c.request(0, b)) {
				if err != nil && first && c.moved(ctx, err) {
					first, again = false, true
					break
				}
				first = false
				if !yield(m, err) {
					return
				}
			}
		}
	}
}

// Subscribe joins multicast groups of the family by their names.
func (c *Conn) Subscribe(ctx context.Context, groups ...string) (*nl.Subscription, error) {
	ids := make([]uint32, len(groups))
	for i, g := range groups {
		id, err := c.Family().Group(g)
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return c.c.Subscribe(ctx, ids...)
}
