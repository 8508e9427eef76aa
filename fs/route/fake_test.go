package route

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// A fake is routes in memory. It keeps what is asked of it.
type fake struct {
	mu      sync.Mutex // guards what follows
	routes  []Route
	changes int
	asked   []Question
}

func (f *fake) Routes(context.Context, *fs.Query[Route]) iter.Seq2[*Route, error] {
	return func(yield func(*Route, error) bool) {
		f.mu.Lock()
		all := slices.Clone(f.routes)
		f.mu.Unlock()
		for i := range all {
			if !yield(&all[i], nil) {
				return
			}
		}
	}
}

type fakeKey struct {
	dst           netip.Prefix
	table, metric uint32
	tos           uint8
	dev           string
}

func keyOf(r *Route) fakeKey {
	return fakeKey{r.Dst, r.Table, r.Metric, r.Tos, string(ident(nil, r))}
}

func (f *fake) find(r *Route) int {
	return slices.IndexFunc(f.routes, func(x Route) bool { return keyOf(&x) == keyOf(r) })
}

func (f *fake) Change(_ context.Context, ops []fs.Op[Route]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range ops {
		f.changes++
		ops[i].Err = f.change(&ops[i])
	}
}

func (f *fake) change(o *fs.Op[Route]) error {
	r := o.Row
	i := f.find(&r)
	switch {
	case o.Act == fs.Del && i < 0:
		return fs.ErrNotExist
	case o.Act == fs.Del:
		f.routes = slices.Delete(f.routes, i, i+1)
		return nil
	case r.Via == netip.MustParseAddr("203.0.113.9"):
		return &fs.KeyError{Key: "via", Err: syscall.ENETUNREACH}
	case o.Act == fs.Add && i >= 0:
		return syscall.EEXIST
	case o.Act == fs.Change && i < 0:
		return fs.ErrNotExist
	case o.Act == fs.Append || i < 0:
		f.routes = append(f.routes, r)
	default:
		f.routes[i] = r
	}
	return nil
}

func (f *fake) Watch(ctx context.Context) iter.Seq2[fs.Event[Route], error] {
	return func(yield func(fs.Event[Route], error) bool) {
		if !yield(fs.Event[Route]{What: fs.SyncBegin}, nil) || !yield(fs.Event[Route]{What: fs.SyncEnd}, nil) {
			return
		}
		<-ctx.Done()
	}
}

func (f *fake) Lookup(_ context.Context, q *Question) (*Route, error) {
	f.asked = append(f.asked, *q)
	if !q.To.Is4() {
		return nil, syscall.ENETUNREACH
	}
	return &Route{
		Dst: netip.PrefixFrom(q.To, 32), Type: Unicast, Via: netip.MustParseAddr("192.0.2.254"), Dev: "eth0", Table: TableMain,
		Src: netip.MustParseAddr("192.0.2.1"), Flags: Cloned, UID: q.UID, Asked: AskedUID,
	}, nil
}
