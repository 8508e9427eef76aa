package addr

import (
	"context"
	"errors"
	"iter"
	"net/netip"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// New returns the page of the addresses that c speaks to.
func New(c *nl.Client) (fs.Page, error) { return Page(&kernel{c}), nil }

type kernel struct{ c *nl.Client }

// words are the keys of attributes that the kernel blames.
var words = joint.Words{
	"IFA_ADDRESS": "local", "IFA_LOCAL": "local", "IFA_BROADCAST": "broadcast", "IFA_LABEL": "label", "IFA_CACHEINFO": "valid_lft",
	"IFA_RT_PRIORITY": "metric", "IFA_PROTO": "proto",
}

func (k *kernel) Addrs(ctx context.Context, dev string) iter.Seq2[*Addr, error] {
	return func(yield func(*Addr, error) bool) {
		l := &joint.Fresh{C: k.c}
		var f rt.AddrFilter
		if dev == "" {
			l.Load(ctx)
		} else {
			index, err := l.Index(ctx, "dev", dev)
			if errors.Is(err, fs.ErrNotExist) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			f.Index = index
		}
		for m, err := range rt.Addrs(ctx, k.c, f) {
			if err != nil {
				yield(nil, words.Blame(err))
				return
			}
			a := record(ctx, m, l)
			if !yield(&a, nil) {
				return
			}
		}
	}
}

func record(ctx context.Context, m *rt.Addr, l *joint.Fresh) Addr {
	a := Addr{
		Local: m.Prefix(), Dev: l.Name(ctx, m.Hdr.Index), Broadcast: m.Broadcast, Anycast: m.Anycast,
		Scope: m.Hdr.Scope, Label: m.Label, Proto: m.Proto, Metric: m.Priority, Flags: m.Flags,
		Valid: Forever, Preferred: Forever,
	}
	if m.Has.Has(rt.AddrCacheInfo) {
		a.Valid, a.Preferred = m.CacheInfo.Valid, m.CacheInfo.Preferred
	}
	if p := m.Peer(); p.IsValid() {
		a.Peer = netip.PrefixFrom(p, int(m.Hdr.PrefixLen))
		a.Local = netip.PrefixFrom(a.Local.Addr(), a.Local.Addr().BitLen())
	}
	return a
}

// Run sends the steps together; each is carried out on its own.
func (k *kernel) Run(ctx context.Context, steps []Step) []error {
	l := &joint.Fresh{C: k.c}
	return words.Send(ctx, k.c, len(steps), func(i int) (nl.Request, error) { return request(ctx, steps[i], l) })
}

// request is the message of a step. The kernel takes no key of the identity
// in a change.
func request(ctx context.Context, s Step, l *joint.Fresh) (nl.Request, error) {
	a := s.Addr
	index, err := l.Index(ctx, "dev", a.Dev)
	if err != nil {
		return nl.Request{}, err
	}
	m := &rt.Addr{Hdr: rt.IfAddrMsg{Index: index, Scope: a.Scope}}
	m.SetPrefix(a.Local)
	if a.Peer.IsValid() {
		m.SetPeer(a.Local.Addr(), a.Peer)
	}
	if s.Act == fs.Del {
		return m.Del(), nil
	}
	m.Broadcast, m.Label, m.Proto, m.Priority = a.Broadcast, a.Label, a.Proto, a.Metric
	m.Flags = a.Flags & Settable
	m.Has |= rt.AddrFlags
	m.CacheInfo.Valid, m.CacheInfo.Preferred = a.Valid, a.Preferred
	m.Has |= rt.AddrCacheInfo
	switch s.Act {
	case fs.Change:
		m.Has |= rt.AddrPriority | rt.AddrProto
		return m.Change(), nil
	case fs.Replace:
		return m.Replace(), nil
	}
	return m.Add(), nil
}

// Watch yields the changes of addresses. It listens to links for their names: an
// address may go with its link, which cannot be asked any more.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Addr], error] {
	w := watch{links: &joint.Fresh{C: k.c}}
	src := nl.Source[rt.Addr]{
		Groups: []uint32{rt.RTNLGRP_LINK, rt.RTNLGRP_IPV4_IFADDR, rt.RTNLGRP_IPV6_IFADDR},
		Dump: func(ctx context.Context) iter.Seq2[*rt.Addr, error] {
			w.links.Load(ctx)
			return rt.Addrs(ctx, k.c, rt.AddrFilter{})
		},
		Event: w.event,
	}
	return joint.Watch(ctx, k.c, src, func(m *rt.Addr) *Addr {
		r := record(ctx, m, w.links)
		return &r
	})
}

type watch struct {
	links *joint.Fresh
	addr  rt.Addr
}

func (w *watch) event(r nl.Message) (nl.What, *rt.Addr, error) {
	switch r.Type {
	case rt.RTM_NEWADDR:
		return nl.Replaced, &w.addr, w.addr.Decode(r.Data)
	case rt.RTM_DELADDR:
		return nl.Deleted, &w.addr, w.addr.Decode(r.Data)
	}
	return nl.Ignored, nil, w.links.Event(r)
}
