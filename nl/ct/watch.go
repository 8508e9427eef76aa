package ct

import (
	"context"
	"iter"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

// Source lets nl.Watch follow the entries that f selects. A Replaced value has
// only what changed besides the tuples, the zone and the ID, and a Deleted one
// its counters and times at the end: a part of f that an event does not tell of
// selects it. Entries that were there before somebody listened may come
// and go unsaid; see Subscribe.
func Source(c *nl.Client, f *Filter) nl.Source[Entry] {
	m := f.matcher()
	d := new(eventDecoder)
	return nl.Source[Entry]{
		Groups: []uint32{New, Updated, Destroyed},
		Dump:   func(ctx context.Context) iter.Seq2[*Entry, error] { return Dump(ctx, c, f) },
		Event: func(msg nl.Message) (nl.What, *Entry, error) {
			ev, err := d.decode(msg)
			if err != nil || ev.Entry == nil || !m.matchEvent(&ev) {
				return nl.Ignored, nil, err
			}
			return what[ev.Kind], ev.Entry, nil
		},
	}
}

// ExpectSource lets nl.Watch follow the expectations of a family, of all if it
// is 0.
func ExpectSource(c *nl.Client, family uint8) nl.Source[Expect] {
	d := new(eventDecoder)
	return nl.Source[Expect]{
		Groups: []uint32{ExpectNew, ExpectRemoved},
		Dump:   func(ctx context.Context) iter.Seq2[*Expect, error] { return DumpExpect(ctx, c, family) },
		Event: func(msg nl.Message) (nl.What, *Expect, error) {
			ev, err := d.decode(msg)
			if err != nil || ev.Expect == nil || family != 0 && ev.Expect.Header.Family != family {
				return nl.Ignored, nil, err
			}
			return what[ev.Kind], ev.Expect, nil
		},
	}
}

var what = [...]nl.What{
	nfnl.NFNLGRP_CONNTRACK_NEW:         nl.Added,
	nfnl.NFNLGRP_CONNTRACK_UPDATE:      nl.Replaced,
	nfnl.NFNLGRP_CONNTRACK_DESTROY:     nl.Deleted,
	nfnl.NFNLGRP_CONNTRACK_EXP_NEW:     nl.Added,
	nfnl.NFNLGRP_CONNTRACK_EXP_DESTROY: nl.Deleted,
}

// matchEvent is match for an entry of which an event tells a part.
func (m *matcher) matchEvent(ev *Event) bool {
	if ev.Kind == New {
		return m.match(ev.Entry)
	}
	part := *m
	if ev.Entry.Has&EntryStatus == 0 {
		part.status, part.smask = 0, 0
	}
	if ev.Entry.Has&EntryMark == 0 {
		part.mark, part.mmask = 0, 0
	}
	return part.match(ev.Entry)
}
