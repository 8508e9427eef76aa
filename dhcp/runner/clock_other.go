//go:build !linux

package runner

import (
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
)

// A clock is the process's monotonic one.
type clock struct {
	c     chan struct{}
	began time.Time
	timer *time.Timer
}

func newClock() (*clock, error) {
	return &clock{c: make(chan struct{}, 1), began: time.Now()}, nil
}

func (c *clock) now() lease.Instant {
	t := time.Now()
	return lease.Instant{Boot: t.Sub(c.began), Wall: t.Round(0)}
}

func (c *clock) set(at time.Duration) {
	if c.timer != nil {
		c.timer.Stop()
	}
	if at == lease.Never {
		return
	}
	c.timer = time.AfterFunc(at-c.now().Boot, func() {
		select {
		case c.c <- struct{}{}:
		default:
		}
	})
}

func (c *clock) close() error {
	if c.timer != nil {
		c.timer.Stop()
	}
	return nil
}
