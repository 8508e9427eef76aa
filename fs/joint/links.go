package joint

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// Lately is how long names of links are used again by writes, so that many
// small ones are not as many dumps of links.
const Lately = 100 * time.Millisecond

// Links knows the names of a namespace's links for the tables that print them.
// It is safe for concurrent use.
type Links struct {
	C *nl.Client // of nl.Route

	mu     sync.Mutex // guards what follows
	names  *rt.Names
	loaded time.Time
}

// Names returns the names, read not longer than age ago.
func (l *Links) Names(ctx context.Context, age time.Duration) (*rt.Names, error) {
	l.mu.Lock()
	names, loaded := l.names, l.loaded
	l.mu.Unlock()
	if names != nil && time.Since(loaded) < age {
		return names, nil
	}
	now := time.Now()
	names, err := rt.LoadNames(ctx, l.C)
	if err != nil {
		return nil, Words{}.Blame(err)
	}
	l.mu.Lock()
	l.names, l.loaded = names, now
	l.mu.Unlock()
	return names, nil
}

// Index returns the number of the link that the word of a key names; no word is
// 0. Its error names key and word.
func Index(ctx context.Context, names *rt.Names, key, dev string) (int32, error) {
	if dev == "" {
		return 0, nil
	}
	i, err := names.Index(ctx, dev)
	if err == nil {
		return int32(i), nil
	}
	var none *rt.NoDeviceError
	if errors.As(err, &none) {
		err = noDevice{none}
	}
	return 0, &fs.KeyError{Key: key, Word: dev, Err: err}
}

// noDevice leaves the name to the error around it.
type noDevice struct{ *rt.NoDeviceError }

func (e noDevice) Error() string { return "no such device" }

// A LinkWatch reads the events of links for tables whose records go or change
// with a link without a word: routes, nexthop objects.
type LinkWatch struct {
	Names *rt.Names // kept current

	link  rt.Link
	flags map[int32]uint32 // as far as they matter
}

// Event reports whether a message says that a link went, or that its state
// changed. Of a link that it hears for the first time it cannot tell, and says
// yes.
func (w *LinkWatch) Event(m nl.Message) (changed bool, err error) {
	l := &w.link
	if m.Type != rt.RTM_NEWLINK && m.Type != rt.RTM_DELLINK {
		return false, nil
	}
	if err := l.Decode(m.Data); err != nil || l.Hdr.Family != rt.AF_UNSPEC {
		return false, err
	}
	gone := m.Type == rt.RTM_DELLINK
	w.Names.Update(l, gone)
	if w.flags == nil {
		w.flags = make(map[int32]uint32)
	}
	if gone {
		delete(w.flags, l.Hdr.Index)
		return true, nil
	}
	now := l.Hdr.Flags & (rt.IFF_UP | rt.IFF_RUNNING | rt.IFF_LOWER_UP)
	before, known := w.flags[l.Hdr.Index]
	w.flags[l.Hdr.Index] = now
	return !known || before != now, nil
}
