package p9

import (
	"errors"
	iofs "io/fs"
	"sync"

	"github.com/netfs-project/netfs/fs"
)

// A listing is an open directory. A read at 0 takes a new snapshot of the names;
// any other must go on where the last one ended.
type listing struct {
	ref *fs.Ref

	mu   sync.Mutex
	refs []*fs.Ref // that were not returned yet
	next []byte    // the record of refs[0], if it was made and did not fit
	off  int64     // where the last read ended

	listed bool // refs is a snapshot; for 9P2000.L, which keeps it whole
}

// read fills p with whole records.
func (l *listing) read(r *request, off int64, p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case off == 0:
		refs, err := l.ref.List(r.ctx)
		if err != nil {
			return 0, err
		}
		l.refs, l.next, l.off = refs, nil, 0
	case off != l.off:
		return 0, errDirOffset
	}
	n := 0
	for {
		if err := l.record(r); err != nil {
			return 0, err
		}
		if l.next == nil || len(l.next) > len(p)-n {
			break
		}
		n += copy(p[n:], l.next)
		l.refs, l.next = l.refs[1:], nil
	}
	if n == 0 && l.next != nil {
		return 0, errDirCount
	}
	l.off += int64(n)
	return n, nil
}

// record makes the record of the next name that is still there. One whose stat
// fails otherwise is listed by what is known of it.
func (l *listing) record(r *request) error {
	for l.next == nil && len(l.refs) > 0 {
		ref := l.refs[0]
		st, err := ref.Stat(r.ctx)
		switch {
		case err == nil:
		case r.ctx.Err() != nil:
			return err
		case errors.Is(err, iofs.ErrNotExist), errors.Is(err, fs.ErrRemoved):
			l.refs = l.refs[1:]
			continue
		default:
			st = fs.Stat{Name: ref.Name(), ID: ref.ID(), Mode: ref.Node.Mode()}
		}
		var d Dir
		r.s.dirOf(&d, &st)
		if l.next, err = AppendDir(nil, r.s.dialect, &d); err != nil {
			return err
		}
	}
	return nil
}
