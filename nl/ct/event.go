package ct

import (
	"context"
	"iter"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

// Kinds of events to subscribe to.
const (
	New           = nfnl.NFNLGRP_CONNTRACK_NEW
	Updated       = nfnl.NFNLGRP_CONNTRACK_UPDATE
	Destroyed     = nfnl.NFNLGRP_CONNTRACK_DESTROY
	ExpectNew     = nfnl.NFNLGRP_CONNTRACK_EXP_NEW
	ExpectRemoved = nfnl.NFNLGRP_CONNTRACK_EXP_DESTROY
)

// An Event is one change. Entry or Expect is set, and borrowed until the next
// step. An Entry of an update has only what changed besides its tuples.
type Event struct {
	Kind   uint32 // New, Updated ...
	Entry  *Entry
	Expect *Expect
	NSID   int32 // see nl.Message
}

// Subscribe listens to events of the given kinds, to all if none is given. The
// kernel makes them for entries that are created from now on.
func Subscribe(ctx context.Context, c *nl.Client, kinds ...uint32) (*nl.Subscription, error) {
	if len(kinds) == 0 {
		kinds = []uint32{New, Updated, Destroyed, ExpectNew, ExpectRemoved}
	}
	return c.Subscribe(ctx, kinds...)
}

// Events yields what a subscription receives until ctx ends. An error of
// nl.ErrOverrun says that events were lost; more follow.
func Events(ctx context.Context, s *nl.Subscription) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var d eventDecoder
		for m, err := range s.Receive(ctx) {
			if err != nil {
				if !yield(Event{}, err) {
					return
				}
				continue
			}
			ev, err := d.decode(m)
			if ev.Kind == 0 && err == nil {
				continue
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

type eventDecoder struct {
	entry  Entry
	expect Expect
}

// decode reads an event; its kind is 0 if the message is of another sort.
func (d *eventDecoder) decode(m nl.Message) (Event, error) {
	ev := Event{NSID: m.NSID}
	switch m.Type {
	case nfnl.Type(nfnl.SubsysConntrack, IPCTNL_MSG_CT_NEW):
		ev.Kind = Updated
		if m.Flags&(nl.FlagCreate|nl.FlagExcl) != 0 {
			ev.Kind = New
		}
	case nfnl.Type(nfnl.SubsysConntrack, IPCTNL_MSG_CT_DELETE):
		ev.Kind = Destroyed
	case nfnl.Type(nfnl.SubsysConntrackExpect, IPCTNL_MSG_EXP_NEW):
		ev.Kind, ev.Expect = ExpectNew, &d.expect
		return ev, d.expect.Decode(m.Data)
	case nfnl.Type(nfnl.SubsysConntrackExpect, IPCTNL_MSG_EXP_DELETE):
		ev.Kind, ev.Expect = ExpectRemoved, &d.expect
		return ev, d.expect.Decode(m.Data)
	default:
		return ev, nil
	}
	ev.Entry = &d.entry
	return ev, d.entry.Decode(m.Data)
}
