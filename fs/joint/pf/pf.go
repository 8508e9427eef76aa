// Package pf is what the _bsd.go files of pages share: links by name, tables that
// are read again where an event says too little, and refusals. It has no build tag,
// since rtsock has simulated kernels, too.
package pf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
)

// ErrNotHere is the reason for which these kernels do not take a word.
var ErrNotHere = fmt.Errorf("not on this kernel: %w", errors.ErrUnsupported)

// A Link is a link as of one dump.
type Link struct {
	Index uint16
	Name  string
	Addr  []byte
	Flags uint32 // IFF_*
	Data  bsd.LinkData
}

// Links are the links as of one dump, in the kernel's order.
type Links struct {
	All []Link
	at  map[uint16]int
}

// LoadLinks reads them. Addr, unless nil, gets each address of a link, whose link is
// there by then; it is borrowed.
func LoadLinks(ctx context.Context, c *rtsock.Client, addr func(*Links, *bsd.AddrMsg)) (*Links, error) {
	return loadLinks(ctx, c, rtsock.Query{Dump: bsd.DumpLinks}, addr)
}

// LoadCounters reads them with the longest counters that this kernel has, all or
// the one with a number.
func LoadCounters(ctx context.Context, c *rtsock.Client, index int) (*Links, error) {
	q := rtsock.Query{Dump: bsd.DumpLinksLong, Arg: index}
	if _, ok := c.Layout().Sysctl(q.Dump); !ok {
		q.Dump = bsd.DumpLinks
	}
	return loadLinks(ctx, c, q, nil)
}

func loadLinks(ctx context.Context, c *rtsock.Client, q rtsock.Query, addr func(*Links, *bsd.AddrMsg)) (*Links, error) {
	n := &Links{at: map[uint16]int{}}
	for m, err := range c.Dump(ctx, q) {
		if err != nil {
			return nil, err
		}
		switch m := m.(type) {
		case *bsd.LinkMsg:
			l := Link{Index: m.Index, Flags: m.Flags, Data: m.Data}
			if d, ok := c.Layout().Link(m.At(bsd.RTAX_IFP)); ok {
				l.Name, l.Addr = d.Name, bytes.Clone(d.Addr)
			}
			n.at[l.Index] = len(n.All)
			n.All = append(n.All, l)
		case *bsd.AddrMsg:
			if addr != nil {
				addr(n, m)
			}
		}
	}
	return n, nil
}

// At returns a link by its number, an empty one if there is none.
func (n *Links) At(index uint16) *Link {
	if i, ok := n.at[index]; ok {
		return &n.All[i]
	}
	return &none
}

var none Link

// Index returns the number of the link that the word of a key names.
func (n *Links) Index(key, name string) (uint16, error) {
	for _, l := range n.All {
		if l.Name == name {
			return l.Index, nil
		}
	}
	return 0, &fs.KeyError{Key: key, Word: name, Err: fs.ErrNotExist}
}

// LinkOf finds the link of a route; NetBSD often has no index in the header.
func LinkOf(l *bsd.Layout, m *bsd.RouteMsg) uint16 {
	for _, i := range []int{bsd.RTAX_IFP, bsd.RTAX_GATEWAY} {
		if d, ok := l.Link(m.At(i)); ok && d.Index != 0 {
			return d.Index
		}
	}
	return m.Index
}

// What a message says of a table.
type What uint8

// Of other tables; of one record; of more than it tells.
const (
	Nothing What = iota
	Added
	Deleted
	Again
)

// A Source is a table that routing messages tell of.
type Source[T any] struct {
	// Rows reads the table. It is called first, and again after a loss.
	Rows func(ctx context.Context) iter.Seq2[*T, error]
	// Event tells what a message says; with Added and Deleted, of which record.
	Event func(m bsd.Message) (What, *T)
	// Hear is what Event knows of.
	Hear rtsock.Filter
}

// Watch yields the table, and then its changes until ctx ends.
func Watch[T any](ctx context.Context, c *rtsock.Client, src Source[T]) iter.Seq2[fs.Event[T], error] {
	return func(yield func(fs.Event[T], error) bool) {
		messages, err := c.Subscribe(ctx, src.Hear)
		if err != nil {
			yield(fs.Event[T]{}, err)
			return
		}
		w := &watch[T]{ctx, src, yield}
		over := !w.table()
		for m, err := range messages { // which must be run, to be closed
			if over || !w.message(m, err) {
				return
			}
		}
	}
}

type watch[T any] struct {
	ctx   context.Context
	src   Source[T]
	yield func(fs.Event[T], error) bool
}

func (w *watch[T]) tell(what fs.Happening, row *T) bool {
	return w.yield(fs.Event[T]{What: what, Row: row}, nil)
}

// table yields all there is. It is false when the sequence is over.
func (w *watch[T]) table() bool {
	if !w.tell(fs.SyncBegin, nil) {
		return false
	}
	for r, err := range w.src.Rows(w.ctx) {
		if err != nil {
			w.yield(fs.Event[T]{}, err)
			return false
		}
		if !w.tell(fs.Added, r) {
			return false
		}
	}
	return w.tell(fs.SyncEnd, nil)
}

func (w *watch[T]) message(m bsd.Message, err error) bool {
	switch {
	case errors.Is(err, rtsock.ErrOverrun):
		return w.tell(fs.Lost, nil) && w.table()
	case err != nil && w.ctx.Err() != nil:
		return false
	case err != nil:
		return w.yield(fs.Event[T]{}, err)
	}
	if r, ok := m.(*bsd.RouteMsg); ok && r.Errno != 0 {
		return true // a request that failed
	}
	switch what, row := w.src.Event(m); what {
	case Added:
		return w.tell(fs.Added, row)
	case Deleted:
		return w.tell(fs.Deleted, row)
	case Again:
		return w.table()
	}
	return true
}
