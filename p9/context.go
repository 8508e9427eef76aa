package p9

import (
	"context"
	"sync"
	"time"
)

// A requestContext is the context of one request. It exists because most
// requests end before anybody asks for Done, and then need no channel. It is
// used again for a later request only if nobody did ask.
type requestContext struct {
	parent context.Context // of the attach: carries the user

	mu    sync.Mutex
	done  chan struct{}
	err   error
	after map[*func()]struct{}
}

func (c *requestContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }
func (c *requestContext) Value(key any) any           { return c.parent.Value(key) }

func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

func (c *requestContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc lets package context derive contexts without a goroutine each.
func (c *requestContext) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	if c.after == nil {
		c.after = make(map[*func()]struct{})
	}
	key := &f
	c.after[key] = struct{}{}
	return func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		_, waits := c.after[key]
		delete(c.after, key)
		return waits
	}
}

// cancel ends the context; the first cause stays.
func (c *requestContext) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	if c.done != nil {
		close(c.done)
	}
	for f := range c.after {
		go (*f)()
	}
	clear(c.after)
}

// finish ends the context after its request and reports whether it was never
// looked at, so that it may serve again.
func (c *requestContext) finish() bool {
	c.mu.Lock()
	clean := c.done == nil && c.err == nil && c.after == nil
	c.mu.Unlock()
	if !clean {
		c.cancel()
	}
	return clean
}
