package treetest

import (
	"context"
	"iter"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/netfs-project/netfs/fs"
)

// Follow reads a Watch inside a bubble of testing/synctest. Take returns what has come
// since the last call, as "begin +row end lost"; stop ends it and waits for that.
func Follow[T any](t *testing.T, watch func(context.Context) iter.Seq2[fs.Event[T], error], row func(*T) string) (take func() string, stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var got []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e, err := range watch(ctx) {
			if err != nil {
				got = append(got, err.Error())
				continue
			}
			s := marks[e.What]
			if e.Row != nil {
				s += row(e.Row)
			}
			got = append(got, s)
		}
	}()
	take = func() string {
		synctest.Wait()
		s := strings.Join(got, " ")
		got = nil
		return s
	}
	return take, func() { cancel(); <-done }
}

var marks = map[fs.Happening]string{
	fs.Added: "+", fs.Replaced: "=", fs.Appended: "&", fs.Deleted: "-", fs.SyncBegin: "begin", fs.SyncEnd: "end", fs.Lost: "lost",
}
