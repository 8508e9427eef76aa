package neigh

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

// New returns the page of the neighbours that c speaks to.
func New(c *nl.Client) (fs.Page, error) { return Page(&kernel{c}), nil }

type kernel struct{ c *nl.Client }

// words are the keys of attributes that the kernel blames.
var words = joint.Words{
	"NDA_DST": "dst", "NDA_LLADDR": "lladdr", "NDA_PROTOCOL": "proto", "NDA_FLAGS_EXT": "managed", "NDA_VLAN": "vlan",
	"NDA_VNI": "vni", "NDA_PORT": "port", "NDA_NH_ID": "nhid", "NDA_IFINDEX": "dev",
}

func (k *kernel) Neighs(ctx context.Context, dev string) iter.Seq2[*Neigh, error] {
	return func(yield func(*Neigh, error) bool) {
		l := &joint.Fresh{C: k.c}
		var f rt.NeighFilter
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
		for _, f.Proxy = range []bool{false, true} {
			for m, err := range rt.Neighs(ctx, k.c, f) {
				if err != nil {
					yield(nil, words.Blame(err))
					return
				}
				if !ours(m) {
					continue
				}
				n := record(ctx, m, l)
				if !yield(&n, nil) {
					return
				}
			}
		}
	}
}

// ours leaves out the forwarding entries of bridges.
func ours(m *rt.Neigh) bool { return m.Hdr.Family == rt.AF_INET || m.Hdr.Family == rt.AF_INET6 }

// hundredths are the kernel's units of age.
const hundredths = 100

func record(ctx context.Context, m *rt.Neigh, l *joint.Fresh) Neigh {
	return Neigh{
		Dst: m.Dst, Dev: l.Name(ctx, m.Hdr.Index), LLAddr: hw(m), State: m.Hdr.State, Flags: m.Hdr.Flags, FlagsExt: m.FlagsExt,
		Proto: m.Protocol, VLAN: m.VLAN, VNI: m.VNI, Port: m.Port, NHID: m.NHID,
		Used: float64(m.CacheInfo.Used) / hundredths, Confirmed: float64(m.CacheInfo.Confirmed) / hundredths,
		Updated: float64(m.CacheInfo.Updated) / hundredths, Probes: m.Probes, Refs: m.CacheInfo.RefCnt,
	}
}

// hw prints the link-layer address of an entry, which over a tunnel is an IP address.
func hw(m *rt.Neigh) string {
	if a, ok := netip.AddrFromSlice(m.LLAddr); ok {
		return a.String()
	}
	return string(fs.AppendMAC(nil, m.LLAddr))
}

// Run sends the steps together; each is carried out on its own.
func (k *kernel) Run(ctx context.Context, steps []Step) []error {
	l := &joint.Fresh{C: k.c}
	return words.Send(ctx, k.c, len(steps), func(i int) (nl.Request, error) { return request(ctx, steps[i], l) })
}

func request(ctx context.Context, s Step, l *joint.Fresh) (nl.Request, error) {
	n := s.Neigh
	index, err := l.Index(ctx, "dev", n.Dev)
	if err != nil {
		return nl.Request{}, err
	}
	m := &rt.Neigh{Hdr: rt.NdMsg{Index: index, Flags: n.Flags & (Proxy | Router | ExternLearn | Use)}, Dst: n.Dst}
	if s.Act == fs.Del {
		m.Hdr.Flags &= Proxy
		return m.Del(), nil
	}
	m.Hdr.State, m.FlagsExt = n.State, n.FlagsExt&(Managed|ExternValid)
	m.Protocol, m.VLAN, m.VNI, m.Port, m.NHID = n.Proto, n.VLAN, n.VNI, n.Port, n.NHID
	if n.LLAddr != "" {
		if m.LLAddr, err = hwBytes(n.LLAddr); err != nil {
			return nl.Request{}, &fs.KeyError{Key: "lladdr", Word: n.LLAddr, Err: err}
		}
	}
	switch {
	case s.Act == fs.Add:
		return m.Add(), nil
	case s.Act == fs.Change && n.Flags&Proxy == 0:
		return m.Change(), nil
	}
	return m.Replace(), nil
}

func hwBytes(w string) ([]byte, error) {
	if a, err := netip.ParseAddr(w); err == nil {
		return a.AsSlice(), nil
	}
	return fs.ParseMAC(w)
}

// Watch yields the changes of neighbours. It listens to links for their names: an
// entry may go with its link, which cannot be asked any more.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Neigh], error] {
	w := watch{links: &joint.Fresh{C: k.c}}
	src := nl.Source[rt.Neigh]{
		Groups: []uint32{rt.RTNLGRP_LINK, rt.RTNLGRP_NEIGH},
		Dump: func(ctx context.Context) iter.Seq2[*rt.Neigh, error] {
			w.links.Load(ctx)
			return k.both(ctx)
		},
		Event: w.event,
	}
	return joint.Watch(ctx, k.c, src, func(m *rt.Neigh) *Neigh {
		r := record(ctx, m, w.links)
		return &r
	})
}

// both yields entries, then proxies.
func (k *kernel) both(ctx context.Context) iter.Seq2[*rt.Neigh, error] {
	return func(yield func(*rt.Neigh, error) bool) {
		for _, proxy := range []bool{false, true} {
			for m, err := range rt.Neighs(ctx, k.c, rt.NeighFilter{Proxy: proxy}) {
				if err == nil && !ours(m) {
					continue
				}
				if !yield(m, err) || err != nil {
					return
				}
			}
		}
	}
}

type watch struct {
	links *joint.Fresh
	neigh rt.Neigh
}

func (w *watch) event(r nl.Message) (nl.What, *rt.Neigh, error) {
	what := nl.Replaced
	switch r.Type {
	case rt.RTM_NEWNEIGH:
	case rt.RTM_DELNEIGH:
		what = nl.Deleted
	default:
		return nl.Ignored, nil, w.links.Event(r)
	}
	err := w.neigh.Decode(r.Data)
	if err != nil || !ours(&w.neigh) {
		return nl.Ignored, nil, err
	}
	return what, &w.neigh, nil
}
