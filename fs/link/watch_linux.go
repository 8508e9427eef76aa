package link

import (
	"context"
	"iter"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// Watch yields the changes of links.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Link], error] {
	var m rt.Link
	src := nl.Source[rt.Link]{
		Groups: []uint32{rt.RTNLGRP_LINK},
		Dump: func(ctx context.Context) iter.Seq2[*rt.Link, error] {
			return rt.Links(ctx, k.c, rt.LinkFilter{NoStats: true})
		},
		Event: func(r nl.Message) (nl.What, *rt.Link, error) { return event(r, &m) },
	}
	return func(yield func(fs.Event[Link], error) bool) {
		known := map[int]string{}
		c := k.remember(ctx, known)
		for e, err := range nl.Watch(ctx, k.c, src) {
			if err != nil {
				yield(fs.Event[Link]{}, words.Blame(err))
				return
			}
			out := fs.Event[Link]{What: fs.Happening(e.What)}
			if e.Value != nil {
				l := record(e.Value, c)
				if old := known[l.Index]; e.What == nl.Replaced && old != "" && old != l.Name && !yield(renamed(l, old), nil) {
					return
				}
				known[l.Index] = l.Name
				out.Row = &l
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

// renamed tells that l is not called old any more.
func renamed(l Link, old string) fs.Event[Link] {
	l.Name = old
	return fs.Event[Link]{What: fs.Deleted, Row: &l}
}

// remember asks only for names that known does not have.
func (k *kernel) remember(ctx context.Context, known map[int]string) conv {
	c := k.conv(ctx)
	ask := c.name
	c.name = func(i int) string {
		if known[i] == "" {
			known[i] = ask(i)
		}
		return known[i]
	}
	return c
}

// event reads a message of the link group; those of a bridge about its ports come there, too.
func event(r nl.Message, m *rt.Link) (nl.What, *rt.Link, error) {
	what := nl.Replaced
	switch r.Type {
	case rt.RTM_NEWLINK:
	case rt.RTM_DELLINK:
		what = nl.Deleted
	default:
		return nl.Ignored, nil, nil
	}
	err := m.Decode(r.Data)
	if err != nil || m.Hdr.Family != rt.AF_UNSPEC {
		return nl.Ignored, nil, err
	}
	return what, m, nil
}
