package neigh

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// A fake has neighbours in memory, on the links eth0 and eth1.
type fake struct{ neighs []Neigh }

func (f *fake) Neighs(_ context.Context, dev string) iter.Seq2[*Neigh, error] {
	return func(yield func(*Neigh, error) bool) {
		for _, n := range slices.Clone(f.neighs) {
			if dev != "" && n.Dev != dev {
				continue
			}
			if !yield(&n, nil) {
				return
			}
		}
	}
}

func (f *fake) Run(_ context.Context, steps []Step) []error {
	errs := make([]error, len(steps))
	for i, s := range steps {
		errs[i] = f.run(s)
	}
	return errs
}

func (f *fake) run(s Step) error {
	if s.Neigh.Dev != "eth0" && s.Neigh.Dev != "eth1" {
		return &fs.KeyError{Key: "dev", Err: fs.ErrNotExist}
	}
	i := slices.IndexFunc(f.neighs, func(n Neigh) bool {
		return n.Dst == s.Neigh.Dst && n.Dev == s.Neigh.Dev && n.Flags&Proxy == s.Neigh.Flags&Proxy
	})
	switch {
	case s.Act == fs.Add && i >= 0:
		return fs.ErrExist
	case (s.Act == fs.Del || s.Act == fs.Change) && i < 0:
		return fs.ErrNotExist
	case s.Act == fs.Del:
		f.neighs = slices.Delete(f.neighs, i, i+1)
	case i >= 0:
		f.neighs[i] = *s.Neigh
	default:
		f.neighs = append(f.neighs, *s.Neigh)
	}
	return nil
}

func (f *fake) Watch(ctx context.Context) iter.Seq2[fs.Event[Neigh], error] {
	return func(yield func(fs.Event[Neigh], error) bool) {
		if !yield(fs.Event[Neigh]{What: fs.SyncBegin}, nil) {
			return
		}
		for n := range f.Neighs(ctx, "") {
			if !yield(fs.Event[Neigh]{What: fs.Added, Row: n}, nil) {
				return
			}
		}
		if yield(fs.Event[Neigh]{What: fs.SyncEnd}, nil) {
			<-ctx.Done()
		}
	}
}

func TestTranscripts(t *testing.T) {
	treetest.RunAll(t, "testdata/*.txt", func(t *testing.T) treetest.Door {
		page := Page(&fake{})
		root := page.Root
		root["links"] = fs.Dir{"eth0": page.Link(fs.LinkID{Index: 2, Name: "eth0"})}
		return treetest.Local(&fs.Tree{Root: root}, treetest.Root)
	})
}
