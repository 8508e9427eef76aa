// Package pf is what the _bsd.go files of pages share: links by name, tables that
// are read again where an event says too little, and refusals. It has no build tag,
// since rtsock has simulated kernels, too.
package pf

import (
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

// Links are the links as of one dump.
type Links struct {
	names map[uint16]string
	data  map[uint16]bsd.LinkData
}

// LoadLinks reads them. Addr, unless nil, gets each of their addresses, which is
// borrowed.
func LoadLinks(ctx context.Context, c *rtsock.Client, addr func(*bsd.AddrMsg)) (*Links, error) {
	n := &Links{names: map[uint16]string{}, data: map[uint16]bsd.LinkData{}}
	for m, err := range c.Dump(ctx, rtsock.Query{Dump: bsd.DumpLinks}) {
		if err != nil {
			return nil, err
		}
		switch m := m.(type) {
		case *bsd.LinkMsg:
			n.data[m.Index] = m.Data
			if d, ok := c.Layout().Link(m.At(bsd.RTAX_IFP)); ok {
				n.names[m.Index] = d.Name
			}
		case *bsd.AddrMsg:
			if addr != nil {
				addr(m)
			}
		}
	}
	return n, nil
}

// Name returns the name of a link, "" if there is none with this number.
func (n *Links) Name(index uint16) string { return n.names[index] }

// Data returns what is known of a link beside its name.
func (n *Links) Data(index uint16) bsd.LinkData { return n.data[index] }

// Index returns the number of the link that the word of a key names.
func (n *Links) Index(key, name string) (uint16, error) {
	for i, s := range n.names {
		if s == name {
			return i, nil
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
}

// Watch yields the table, and then its changes until ctx ends.
func Watch[T any](ctx context.Context, c *rtsock.Client, src Source[T]) iter.Seq2[fs.Event[T], error] {
	return func(yield func(fs.Event[T], error) bool) {
		messages, err := c.Subscribe(ctx)
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
