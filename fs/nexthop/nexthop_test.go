package nexthop

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// A fake is nexthop objects in memory.
type fake struct {
	list    []Nexthop
	changes int
}

func (f *fake) Nexthops(context.Context, *fs.Query[Nexthop]) iter.Seq2[*Nexthop, error] {
	return func(yield func(*Nexthop, error) bool) {
		for _, n := range slices.Clone(f.list) {
			if !yield(&n, nil) {
				return
			}
		}
	}
}

func (f *fake) Change(_ context.Context, ops []fs.Op[Nexthop]) {
	for i := range ops {
		f.changes++
		ops[i].Err = f.change(&ops[i])
	}
}

func (f *fake) change(o *fs.Op[Nexthop]) error {
	n := o.Row
	at := slices.IndexFunc(f.list, func(x Nexthop) bool { return x.ID == n.ID })
	switch {
	case o.Act == fs.Del && at < 0, o.Act == fs.Change && at < 0:
		return fs.ErrNotExist
	case o.Act == fs.Del:
		f.list = slices.Delete(f.list, at, at+1)
	case o.Act == fs.Add && at >= 0:
		return fs.ErrExist
	case at < 0:
		f.list = append(f.list, n)
		slices.SortFunc(f.list, func(a, b Nexthop) int { return cmp.Compare(a.ID, b.ID) })
	default:
		f.list[at] = n
	}
	return nil
}

func (f *fake) Watch(ctx context.Context) iter.Seq2[fs.Event[Nexthop], error] {
	return func(yield func(fs.Event[Nexthop], error) bool) { <-ctx.Done() }
}

func (f *fake) Buckets(context.Context, *fs.Query[Bucket]) iter.Seq2[*Bucket, error] {
	return func(yield func(*Bucket, error) bool) {
		for i := range uint32(2) {
			if !yield(&Bucket{ID: 11, Index: i, NHID: 4, Idle: 1500 * time.Millisecond}, nil) {
				return
			}
		}
	}
}

func door(f *fake) treetest.Door {
	return treetest.Local(&fs.Tree{Root: Page(f).Root}, treetest.Root)
}

func TestTranscript(t *testing.T) { treetest.Run(t, door(&fake{}), "testdata/nexthops.txt") }

const lines = `
id 1 via 192.0.2.9 dev v0 proto static
id 2 blackhole
id 3 blackhole inet6
id 4 via fe80::9 dev v0 onlink
id 5 dev v0
id 6 dev v0 family inet6
id 7 via 192.0.2.9 fdb
id 8 via 192.0.2.9 dev v0 encap mpls encap.label 100/200
id 10 group 1,3/4
id 11 group 1/4,300 type resilient buckets 8 idle_timer 60 unbalanced_timer 0
id 12 dev v0 opt.77=0102
`

func TestRoundTrip(t *testing.T) {
	f := &fake{}
	d := door(f)
	require.NoError(t, put(d, "nexthops", lines))
	text := get(t, d, "nexthops")
	before := f.changes
	require.NoError(t, put(d, "nexthops", text))
	require.NoError(t, put(d, "nexthops.json", get(t, d, "nexthops.json")))
	assert.Equal(t, before, f.changes)
	require.NoError(t, put(d, "nexthops", "flush all\n"))
	require.Empty(t, f.list)
	require.NoError(t, put(d, "nexthops", text))
	assert.Equal(t, text, get(t, d, "nexthops"))
	treetest.Check(t, d, treetest.Options{Write: true})
}

func put(d treetest.Door, path, text string) error {
	f, err := d.Open(path, fs.OpenWrite)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func get(t testing.TB, d treetest.Door, path string) string {
	t.Helper()
	f, err := d.Open(path, fs.OpenRead)
	require.NoError(t, err)
	defer f.Close()
	var all []byte
	for b := make([]byte, 65536); ; {
		n, err := f.ReadAt(b, int64(len(all)))
		require.NoError(t, err)
		if n == 0 {
			return string(all)
		}
		all = append(all, b[:n]...)
	}
}
