package runner

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"

	"golang.org/x/sys/unix"
)

// A clock is CLOCK_BOOTTIME, which goes on during suspend, and one timer on it
// (timerfd_create(2)): a lease that ended during suspend is known on the wake.
type clock struct {
	c    chan struct{} // the timer is due
	f    *os.File
	done sync.WaitGroup
	quit chan struct{}
	once sync.Once
}

func newClock() (*clock, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("timer: %w", err)
	}
	c := &clock{c: make(chan struct{}), f: os.NewFile(uintptr(fd), "timer"), quit: make(chan struct{})}
	c.done.Go(func() {
		var b [8]byte
		for {
			if _, err := c.f.Read(b[:]); err != nil {
				return
			}
			select {
			case c.c <- struct{}{}:
			case <-c.quit:
				return
			}
		}
	})
	return c, nil
}

func (c *clock) now() lease.Instant {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic(err) // every kernel since 2.6.39 has it
	}
	return lease.Instant{Boot: time.Duration(t.Nano()), Wall: time.Now().Round(0)}
}

// set arms the timer, or disarms it.
func (c *clock) set(at time.Duration) {
	var t unix.ItimerSpec
	if at != lease.Never {
		t.Value = unix.NsecToTimespec(int64(max(at, 1)))
	}
	rc, err := c.f.SyscallConn()
	if err != nil {
		return
	}
	rc.Control(func(fd uintptr) { unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME, &t, nil) })
}

func (c *clock) close() error {
	var err error
	c.once.Do(func() {
		close(c.quit)
		err = c.f.Close()
	})
	c.done.Wait()
	return err
}
