package dhcp

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
)

// A lookout looks for the DHCP clients of others on a link.
type lookout struct {
	find   func(context.Context) ([]Other, error)
	tell   func(error)
	look   chan struct{} // asks for another search; has room for one
	others *atomic.Pointer[[]Other]
}

func newLookout(find func(context.Context) ([]Other, error), tell func(error)) lookout {
	return lookout{find: find, tell: tell, look: make(chan struct{}, 1), others: new(atomic.Pointer[[]Other])}
}

// Others returns the DHCP clients of others that were found on the link at Start or when the
// client last began to ask servers.
func (l *lookout) Others() []Other {
	if p := l.others.Load(); p != nil {
		return *p
	}
	return nil
}

// again asks for another search.
func (l *lookout) again() {
	select {
	case l.look <- struct{}{}:
	default:
	}
}

// lookFirst tells also that it cannot look.
func (l *lookout) lookFirst(ctx context.Context) {
	if err := l.search(ctx); err != nil {
		l.tell(fmt.Errorf("looking for other DHCP clients: %w", err))
	}
}

// lookAgain looks whenever it is asked to. That it cannot was told at the start.
func (l *lookout) lookAgain(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.look:
			l.search(ctx)
		}
	}
}

// search tells of each client of others that was not there the last time.
func (l *lookout) search(ctx context.Context) error {
	found, err := l.find(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // what was found is not all
	}
	known := l.Others()
	l.others.Store(&found)
	for _, o := range found {
		if !slices.Contains(known, o) {
			l.tell(fmt.Errorf("another DHCP client: %s", o))
		}
	}
	return err
}
