package joint

import (
	"context"
	"errors"
	"iter"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl"
)

// Watch is nl.Watch in the records of a page. row makes a record of a value,
// which is borrowed as the record is; nil leaves it out.
func Watch[V, T any](ctx context.Context, c *nl.Client, src nl.Source[V], row func(v *V) *T) iter.Seq2[fs.Event[T], error] {
	return func(yield func(fs.Event[T], error) bool) {
		for e, err := range nl.Watch(ctx, c, src) {
			if err != nil {
				yield(fs.Event[T]{}, err)
				return
			}
			out := fs.Event[T]{What: happening(e.What)}
			if e.Value != nil {
				if out.Row = row(e.Value); out.Row == nil {
					continue
				}
			}
			if !yield(out, nil) {
				return
			}
		}
	}
}

func happening(w nl.What) fs.Happening {
	switch w {
	case nl.Added:
		return fs.Added
	case nl.Replaced:
		return fs.Replaced
	case nl.Appended:
		return fs.Appended
	case nl.Deleted:
		return fs.Deleted
	case nl.SyncBegin:
		return fs.SyncBegin
	case nl.SyncEnd:
		return fs.SyncEnd
	}
	return fs.Lost
}

// Rows turns a dump into records. row fills one from a value and reports
// whether it is to be shown; the record is used again for the next value.
func Rows[V, T any](dump iter.Seq2[V, error], row func(v V, r *T) bool) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		var r T
		for v, err := range dump {
			if err != nil {
				yield(nil, torn(err))
				return
			}
			if row(v, &r) && !yield(&r, nil) {
				return
			}
		}
	}
}

func torn(err error) error {
	if errors.Is(err, nl.ErrTorn) {
		return fs.ErrTorn
	}
	return err
}

// Overrun reports whether the kernel says that events were lost.
func Overrun(err error) bool { return errors.Is(err, nl.ErrOverrun) }
