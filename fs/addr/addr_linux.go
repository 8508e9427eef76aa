package addr

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"strconv"

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

// links finds the names and numbers of links while one call lasts: a name that was
// true a moment ago may be another link's.
type links struct {
	k     *kernel
	names map[int32]string
	index map[string]int32
}

func (k *kernel) links() *links {
	return &links{k: k, names: map[int32]string{}, index: map[string]int32{}}
}

func (l *links) name(ctx context.Context, index int32) string {
	if s, ok := l.names[index]; ok {
		return s
	}
	m, err := rt.LinkByIndex(ctx, l.k.c, index)
	if err != nil {
		return "if" + strconv.Itoa(int(index))
	}
	l.names[index] = m.Name
	return m.Name
}

func (l *links) number(ctx context.Context, name string) (int32, error) {
	if i, ok := l.index[name]; ok {
		return i, nil
	}
	m, err := rt.LinkByName(ctx, l.k.c, name)
	if err != nil {
		return 0, &fs.KeyError{Key: "dev", Word: name, Err: words.Blame(err)}
	}
	l.index[name] = m.Hdr.Index
	return m.Hdr.Index, nil
}

// all learns the names of all links at once.
func (l *links) all(ctx context.Context) {
	for m, err := range rt.Links(ctx, l.k.c, rt.LinkFilter{NoStats: true}) {
		if err != nil {
			return // what is missing is asked for
		}
		l.names[m.Hdr.Index] = m.Name
	}
}

func (k *kernel) Addrs(ctx context.Context, dev string) iter.Seq2[*Addr, error] {
	return func(yield func(*Addr, error) bool) {
		l := k.links()
		var f rt.AddrFilter
		if dev == "" {
			l.all(ctx)
		} else {
			index, err := l.number(ctx, dev)
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

func record(ctx context.Context, m *rt.Addr, l *links) Addr {
	a := Addr{
		Local: m.Prefix(), Dev: l.name(ctx, m.Hdr.Index), Broadcast: m.Broadcast, Anycast: m.Anycast,
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
	errs := make([]error, len(steps))
	l := k.links()
	b := k.c.NewBatch()
	var sent []int
	for i, s := range steps {
		r, err := request(ctx, s, l)
		if err == nil {
			err = b.Add(r)
		}
		if errs[i] = err; err == nil {
			sent = append(sent, i)
		}
	}
	err := b.Do(ctx)
	var be *nl.BatchError
	switch {
	case errors.As(err, &be):
		for _, f := range be.Failed {
			errs[sent[f.Index]] = words.Blame(f.Err)
		}
	case err != nil:
		for _, i := range sent {
			errs[i] = err
		}
	}
	return errs
}

// request is the message of a step. The kernel takes no key of the identity
// in a change.
func request(ctx context.Context, s Step, l *links) (nl.Request, error) {
	a := s.Addr
	index, err := l.number(ctx, a.Dev)
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
	if s.Act == fs.Change {
		m.Has |= rt.AddrPriority | rt.AddrProto
		return m.Change(), nil
	}
	return m.Add(), nil
}

// Watch yields the changes of addresses. It listens to links for their names: an
// address may go with its link, which cannot be asked any more.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Addr], error] {
	w := watch{links: k.links()}
	src := nl.Source[rt.Addr]{
		Groups: []uint32{rt.RTNLGRP_LINK, rt.RTNLGRP_IPV4_IFADDR, rt.RTNLGRP_IPV6_IFADDR},
		Dump: func(ctx context.Context) iter.Seq2[*rt.Addr, error] {
			w.links.all(ctx)
			return rt.Addrs(ctx, k.c, rt.AddrFilter{})
		},
		Event: w.event,
	}
	return func(yield func(fs.Event[Addr], error) bool) {
		for e, err := range nl.Watch(ctx, k.c, src) {
			if err != nil {
				yield(fs.Event[Addr]{}, words.Blame(err))
				return
			}
			out := fs.Event[Addr]{What: fs.Happening(e.What)}
			if e.Value != nil {
				a := record(ctx, e.Value, w.links)
				out.Row = &a
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

type watch struct {
	links *links
	addr  rt.Addr
	link  rt.Link
}

func (w *watch) event(r nl.Message) (nl.What, *rt.Addr, error) {
	switch r.Type {
	case rt.RTM_NEWADDR:
		return nl.Replaced, &w.addr, w.addr.Decode(r.Data)
	case rt.RTM_DELADDR:
		return nl.Deleted, &w.addr, w.addr.Decode(r.Data)
	case rt.RTM_NEWLINK:
		if err := w.link.Decode(r.Data); err != nil {
			return nl.Ignored, nil, err
		}
		if w.link.Hdr.Family == rt.AF_UNSPEC {
			w.links.names[w.link.Hdr.Index] = w.link.Name
		}
	}
	return nl.Ignored, nil, nil
}
