//go:build !linux

package runner

import (
	"sync"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
)

// A clock is uptime's, and a timer of Go's. That one may stand still while the machine is suspended;
// where uptime does not, the timer is looked at each minute, so that a lease that ended
// during suspend is known soon after the wake.
type clock struct {
	c chan struct{} // something is due; has room for one

	mu    sync.Mutex // guards the rest
	at    time.Duration
	count uint // of set: an older timer that fires is of no meaning
	timer *time.Timer
}

func newClock() (*clock, error) {
	return &clock{c: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}, nil
}

func (c *clock) now() lease.Instant {
	return lease.Instant{Boot: uptime(), Wall: time.Now().Round(0)}
}

func (c *clock) set(at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer.Stop()
	c.at = at
	c.count++
	if at != lease.Never {
		c.arm(c.count)
	}
}

// arm has mu held.
func (c *clock) arm(count uint) {
	d := max(c.at-uptime(), 0)
	if countsSuspend {
		d = min(d, time.Minute)
	}
	c.timer = time.AfterFunc(d, func() { c.fire(count) })
}

func (c *clock) fire(count uint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if count != c.count {
		return
	}
	if uptime() < c.at {
		c.arm(count)
		return
	}
	select {
	case c.c <- struct{}{}:
	default:
	}
}

func (c *clock) close() error {
	c.set(lease.Never)
	return nil
}
