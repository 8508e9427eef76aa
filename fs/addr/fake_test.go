package addr

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// A fake has addresses in memory, on the links eth0 and eth1.
type fake struct{ addrs []Addr }

func (f *fake) Addrs(_ context.Context, dev string) iter.Seq2[*Addr, error] {
	return func(yield func(*Addr, error) bool) {
		for _, a := range slices.Clone(f.addrs) {
			if dev != "" && a.Dev != dev {
				continue
			}
			if !yield(&a, nil) {
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
	if s.Addr.Dev != "eth0" && s.Addr.Dev != "eth1" {
		return &fs.KeyError{Key: "dev", Err: fs.ErrNotExist}
	}
	i := slices.IndexFunc(f.addrs, func(a Addr) bool {
		return a.Local == s.Addr.Local && a.Dev == s.Addr.Dev && a.Peer == s.Addr.Peer
	})
	switch {
	case s.Act == fs.Add && i >= 0:
		return fs.ErrExist
	case s.Act != fs.Add && i < 0:
		return fs.ErrNotExist
	case s.Act == fs.Del:
		f.addrs = slices.Delete(f.addrs, i, i+1)
		return nil
	case s.Act == fs.Change:
		a := &f.addrs[i]
		a.Valid, a.Preferred, a.Metric, a.Proto, a.Flags = s.Addr.Valid, s.Addr.Preferred, s.Addr.Metric, s.Addr.Proto, s.Addr.Flags
		return nil
	}
	a := *s.Addr
	if a.Valid == Forever {
		a.Flags |= Permanent
	}
	for _, o := range f.addrs {
		if o.Dev == a.Dev && o.network().Masked() == a.network().Masked() {
			a.Flags |= Secondary
		}
	}
	f.addrs = append(f.addrs, a)
	return nil
}

func (f *fake) Watch(ctx context.Context) iter.Seq2[fs.Event[Addr], error] {
	return func(yield func(fs.Event[Addr], error) bool) {
		if !yield(fs.Event[Addr]{What: fs.SyncBegin}, nil) {
			return
		}
		for a := range f.Addrs(ctx, "") {
			if !yield(fs.Event[Addr]{What: fs.Added, Row: a}, nil) {
				return
			}
		}
		if yield(fs.Event[Addr]{What: fs.SyncEnd}, nil) {
			<-ctx.Done()
		}
	}
}

func fakeDoor() treetest.Door {
	page := Page(&fake{})
	root := page.Root
	root["links"] = fs.Dir{"eth0": page.Link(fs.LinkID{Index: 2, Name: "eth0"})}
	return treetest.Local(&fs.Tree{Root: root}, treetest.Root)
}

func TestTranscripts(t *testing.T) {
	treetest.RunAll(t, "testdata/*.txt", func(t *testing.T) treetest.Door { return fakeDoor() })
}
