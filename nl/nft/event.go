package nft

import (
	"context"
	"iter"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

// An Event is one change of the ruleset. The field that belongs to Msg is set;
// what it points to is borrowed until the next step. Gen comes last in each
// transaction.
type Event struct {
	Msg       uint8 // NFT_MSG_NEWTABLE, NFT_MSG_DELCHAIN ...
	Family    uint8
	Table     *Table
	Chain     *Chain
	Rule      *Rule
	Set       *Set
	Elems     *Elems
	Object    *Object
	Flowtable *Flowtable
	Gen       *Gen
	Data      []byte // the message behind nlmsghdr
	NSID      int32  // see nl.Message
}

// Subscribe listens to changes of the ruleset.
func Subscribe(ctx context.Context, c *nl.Client) (*nl.Subscription, error) {
	return c.Subscribe(ctx, nfnl.NFNLGRP_NFTABLES)
}

// Events yields what a subscription receives until ctx ends. An error of
// nl.ErrOverrun says that events were lost; more follow.
func Events(ctx context.Context, s *nl.Subscription) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var d decoder
		for m, err := range s.Receive(ctx) {
			var ev Event
			if err == nil {
				ev, err = d.decode(m)
			}
			if !yield(ev, err) {
				return
			}
		}
	}
}

type decoder struct {
	table     Table
	chain     Chain
	rule      Rule
	set       Set
	elems     Elems
	object    Object
	flowtable Flowtable
	gen       Gen
}

func (d *decoder) decode(m nl.Message) (Event, error) {
	_, msg := nfnl.Split(m.Type)
	ev := Event{Msg: msg, Data: m.Data, NSID: m.NSID}
	if len(m.Data) > 0 {
		ev.Family = m.Data[0]
	}
	switch msg {
	case NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE:
		ev.Table = &d.table
		return ev, d.table.Decode(m.Data)
	case NFT_MSG_NEWCHAIN, NFT_MSG_DELCHAIN:
		ev.Chain = &d.chain
		return ev, d.chain.Decode(m.Data)
	case NFT_MSG_NEWRULE, NFT_MSG_DELRULE:
		ev.Rule = &d.rule
		return ev, d.rule.Decode(m.Data)
	case NFT_MSG_NEWSET, NFT_MSG_DELSET:
		ev.Set = &d.set
		return ev, d.set.Decode(m.Data)
	case NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM:
		ev.Elems = &d.elems
		return ev, d.elems.Decode(m.Data)
	case NFT_MSG_NEWOBJ, NFT_MSG_DELOBJ:
		ev.Object = &d.object
		return ev, d.object.Decode(m.Data)
	case NFT_MSG_NEWFLOWTABLE, NFT_MSG_DELFLOWTABLE:
		ev.Flowtable = &d.flowtable
		return ev, d.flowtable.Decode(m.Data)
	case NFT_MSG_NEWGEN:
		ev.Gen = &d.gen
		return ev, d.gen.Decode(m.Data)
	}
	return ev, nil
}
