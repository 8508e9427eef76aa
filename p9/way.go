package p9

import (
	"context"
	"slices"
	"strings"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// A way is how a fid got to its place: from a Ref that is left to the collector
// through Refs in memory of the fid's own, which another fid gets when nothing
// uses this one any more. So walking costs no garbage.
type way struct {
	base *fs.Ref
	own  []fs.Ref
}

// maxSpareWay is how many Refs of its own a fid keeps for the next.
const maxSpareWay = 32

func (w *way) ref() *fs.Ref {
	if n := len(w.own); n > 0 {
		return &w.own[n-1]
	}
	return w.base
}

// follow copies another way, with room for more names.
func (w *way) follow(from *way, more int) {
	w.base = from.base
	w.own = slices.Grow(w.own[:0], len(from.own)+more)
	for i := range from.own {
		parent := w.ref()
		w.own = w.own[:i+1]
		from.own[i].Under(parent, &w.own[i])
	}
}

// step goes one name on, not above root. There is room for it.
func (w *way) step(ctx context.Context, root *fs.Ref, name string) error {
	ref := w.ref()
	if name != ".." {
		if err := mayStep(ref, name); err != nil {
			return err
		}
		n := len(w.own)
		w.own = append(w.own, fs.Ref{})
		err := ref.WalkIn(ctx, name, &w.own[n])
		if err != nil {
			w.own = w.own[:n]
		}
		return err
	}
	switch {
	case !ref.IsDir():
		return syscall.ENOTDIR
	case ref == root:
	case len(w.own) > 0:
		w.own = w.own[:len(w.own)-1]
	default:
		w.base = w.base.Parent()
	}
	return nil
}

// spare is the memory of a way that has ended.
func (w *way) spare() []fs.Ref {
	if cap(w.own) > maxSpareWay {
		return nil
	}
	own := w.own[:cap(w.own)]
	clear(own)
	return own[:0]
}

// moved puts the fid to another place. What was its own is left to the
// collector: other requests may be at it.
func (f *fid) moved(ref *fs.Ref) {
	f.ref, f.way = ref, way{base: ref}
}

func mayStep(ref *fs.Ref, name string) error {
	if !ref.IsDir() {
		return syscall.ENOTDIR
	}
	if name == "" || name == "." || strings.Contains(name, "/") {
		return syscall.ENOENT
	}
	return nil
}

// step walks one name down.
func step(ctx context.Context, ref *fs.Ref, name string) (*fs.Ref, error) {
	if err := mayStep(ref, name); err != nil {
		return nil, err
	}
	return ref.Walk(ctx, name)
}
