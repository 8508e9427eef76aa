package nexthop

import (
	"context"
	"errors"
	"iter"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/encap"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
	"github.com/netfs-project/netfs/nl/rt"
)

// New returns the files of nexthop objects in the namespace that c, a client of
// nl.Route, speaks to.
func New(c *nl.Client) (fs.Page, error) {
	return Page(&kernel{c: c, links: joint.Links{C: c}}), nil
}

// A kernel is Linux by rtnetlink.
type kernel struct {
	c     *nl.Client
	links joint.Links
}

func (k *kernel) Nexthops(ctx context.Context, q *fs.Query[Nexthop]) iter.Seq2[*Nexthop, error] {
	return func(yield func(*Nexthop, error) bool) {
		names, err := k.links.Names(ctx, 0)
		if err != nil {
			yield(nil, err)
			return
		}
		f := rt.NexthopFilter{Rest: true, FDB: q.Has("fdb") && q.Want.FDB}
		if q.Has("dev") && q.Want.Dev != "" {
			index, err := names.Index(ctx, q.Want.Dev)
			if errors.Is(err, fs.ErrNotExist) {
				return // no such link, so none that uses it
			}
			if err != nil {
				yield(nil, err)
				return
			}
			f.OIF = int32(index)
		}
		d := reader{ctx, names}
		joint.Rows(rt.Nexthops(ctx, k.c, f), d.row)(yield)
	}
}

// A reader turns messages into records.
type reader struct {
	ctx   context.Context
	names *rt.Names
}

// row fills n from m.
func (d reader) row(m *rt.Nexthop, n *Nexthop) bool {
	*n = Nexthop{
		ID: m.ID, Via: m.Gateway, Blackhole: m.Blackhole, FDB: m.FDB, Inet6: m.Hdr.Family == rt.AF_INET6,
		Flags: flags(m.Hdr.Flags), Scope: m.Hdr.Scope, Proto: m.Hdr.Protocol, Type: Type(m.GroupType),
	}
	if m.OIF != 0 {
		n.Dev = d.names.Name(d.ctx, int(m.OIF))
	}
	if m.EncapType != 0 {
		n.Encap = encap.FromWire(m.EncapType, m.Encap)
	}
	for _, g := range m.Group {
		n.Group = append(n.Group, Member{g.ID, uint32(g.Weight())})
	}
	if n.Type == Resilient {
		r := &m.ResGroup
		n.Buckets, n.Idle, n.Unbalanced, n.Since, n.HasTimers = r.Buckets, r.IdleTimer, r.UnbalancedTimer, r.UnbalancedTime, HasIdle|HasUnbalanced
	}
	for _, a := range m.Rest {
		n.Opts = append(n.Opts, fs.Opt{N: int(a.Type), Data: append([]byte(nil), a.Data...)})
	}
	return true
}

func flags(kernel uint32) (f Flags) {
	for _, b := range [...]struct {
		ours   Flags
		kernel uint32
	}{{Onlink, rt.RTNH_F_ONLINK}, {Dead, rt.RTNH_F_DEAD}, {Linkdown, rt.RTNH_F_LINKDOWN}, {Offload, rt.RTNH_F_OFFLOAD}, {Trap, rt.RTNH_F_TRAP}} {
		if kernel&b.kernel != 0 {
			f |= b.ours
		}
	}
	return f
}

// wire is the message of n.
func wire(ctx context.Context, names *rt.Names, n *Nexthop) (*rt.Nexthop, error) {
	m := &rt.Nexthop{ID: n.ID, Gateway: n.Via, Blackhole: n.Blackhole, FDB: n.FDB, GroupType: uint16(n.Type)}
	m.Hdr.Protocol = n.Proto
	m.Hdr.Family = family(n)
	if n.Flags&Onlink != 0 {
		m.Hdr.Flags = rt.RTNH_F_ONLINK
	}
	var err error
	if m.OIF, err = joint.Index(ctx, names, "dev", n.Dev); err != nil {
		return nil, err
	}
	for _, g := range n.Group {
		member := rt.NexthopGrp{ID: g.ID}
		member.SetWeight(int(max(g.Weight, 1)))
		m.Group = append(m.Group, member)
	}
	resilient(n, m)
	for _, o := range n.Opts {
		m.Rest = append(m.Rest, attr.Raw{Type: uint16(o.N), Data: o.Data})
	}
	m.EncapType, m.Encap, err = n.Encap.Wire()
	return m, err
}

func family(n *Nexthop) uint8 {
	switch {
	case len(n.Group) > 0:
		return rt.AF_UNSPEC
	case n.Inet6:
		return rt.AF_INET6
	}
	return rt.AF_INET
}

func resilient(n *Nexthop, m *rt.Nexthop) {
	if n.Type != Resilient {
		return
	}
	m.ResGroup = rt.ResGroup{Buckets: n.Buckets, IdleTimer: n.Idle, UnbalancedTimer: n.Unbalanced}
	if n.HasTimers&HasIdle != 0 {
		m.ResGroup.Has |= rt.ResGroupIdleTimer
	}
	if n.HasTimers&HasUnbalanced != 0 {
		m.ResGroup.Has |= rt.ResGroupUnbalancedTimer
	}
	m.Has |= rt.NexthopResGroup
}

// Change sends all ops together.
func (k *kernel) Change(ctx context.Context, ops []fs.Op[Nexthop]) {
	names, err := k.links.Names(ctx, joint.Lately)
	if err != nil {
		for i := range ops {
			ops[i].Err = err
		}
		return
	}
	joint.Batch(ctx, k.c, ops, func(o *fs.Op[Nexthop]) (nl.Request, error) {
		if o.Act == fs.Del {
			return (&rt.Nexthop{ID: o.Row.ID}).Del(), nil
		}
		m, err := wire(ctx, names, &o.Row)
		if err != nil {
			return nl.Request{}, err
		}
		switch {
		case o.Act == fs.Change:
			return m.Change(), nil
		case o.Act == fs.Replace && m.ID != 0:
			return m.Replace(), nil
		}
		return m.Add(), nil
	}, func(o *fs.Op[Nexthop], err error) error { return joint.Guessed(attrs.Blame(err), o.Has, guesses) })
}

var guesses = []joint.Guess{
	{Text: "Invalid nexthop id", Key: "group"}, {Text: "gateway", Key: "via"}, {Text: "group", Key: "group"}, {Text: "encap", Key: "encap"},
}

// Watch yields the objects and their changes.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Nexthop], error] {
	return func(yield func(fs.Event[Nexthop], error) bool) {
		names, err := k.links.Names(ctx, 0)
		if err != nil {
			yield(fs.Event[Nexthop]{}, err)
			return
		}
		w := watcher{links: joint.LinkWatch{Names: names}}
		w.m.Has = rt.NexthopRest
		src := nl.Source[rt.Nexthop]{
			// Objects go with their link without a word.
			Groups: []uint32{rt.RTNLGRP_NEXTHOP, rt.RTNLGRP_LINK},
			Dump: func(ctx context.Context) iter.Seq2[*rt.Nexthop, error] {
				return rt.Nexthops(ctx, k.c, rt.NexthopFilter{Rest: true})
			},
			Event: w.event,
		}
		d := reader{ctx, names}
		var n Nexthop
		joint.Watch(ctx, k.c, src, func(m *rt.Nexthop) *Nexthop {
			d.row(m, &n)
			return &n
		})(yield)
	}
}

// A watcher reads the messages of the groups.
type watcher struct {
	links joint.LinkWatch
	m     rt.Nexthop
}

func (w *watcher) event(m nl.Message) (nl.What, *rt.Nexthop, error) {
	what := nl.Deleted
	switch m.Type {
	case rt.RTM_DELNEXTHOP:
	case rt.RTM_NEWNEXTHOP:
		what = nl.Added
		if m.Flags&nl.FlagReplace != 0 {
			what = nl.Replaced
		}
	default:
		changed, err := w.links.Event(m)
		if changed || err != nil {
			return nl.Stale, nil, err
		}
		return nl.Ignored, nil, nil
	}
	return what, &w.m, w.m.Decode(m.Data)
}

// Buckets yields the slots of one group or of all.
func (k *kernel) Buckets(ctx context.Context, q *fs.Query[Bucket]) iter.Seq2[*Bucket, error] {
	var id uint32
	if q.Has("id") {
		id = q.Want.ID
	}
	return present(joint.Rows(rt.Buckets(ctx, k.c, id), func(m *rt.Nexthop, b *Bucket) bool {
		*b = Bucket{ID: m.ID, Index: uint32(m.ResBucket.Index), NHID: m.ResBucket.NHID, Idle: m.ResBucket.IdleTime}
		return true
	}))
}

// present ends where the kernel says that there is no such group.
func present(rows iter.Seq2[*Bucket, error]) iter.Seq2[*Bucket, error] {
	return func(yield func(*Bucket, error) bool) {
		for b, err := range rows {
			if errors.Is(err, fs.ErrNotExist) || !yield(b, err) {
				return
			}
		}
	}
}

var attrs = joint.Words{
	"NHA_ID": "id", "NHA_GROUP": "group", "NHA_GROUP_TYPE": "type", "NHA_BLACKHOLE": "blackhole", "NHA_OIF": "dev", "NHA_GATEWAY": "via",
	"NHA_ENCAP": "encap", "NHA_ENCAP_TYPE": "encap", "NHA_FDB": "fdb", "NHA_RES_GROUP": "type", "NHA_RES_GROUP_BUCKETS": "buckets",
	"NHA_RES_GROUP_IDLE_TIMER": "idle_timer", "NHA_RES_GROUP_UNBALANCED_TIMER": "unbalanced_timer",
}
