package netns

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// A fake has namespaces in memory.
type fake struct {
	all  []Netns
	next uint64
}

func (f *fake) All(context.Context) iter.Seq2[*Netns, error] {
	return func(yield func(*Netns, error) bool) {
		for _, n := range slices.Clone(f.all) {
			if !yield(&n, nil) {
				return
			}
		}
	}
}

func (f *fake) at(name string) int {
	return slices.IndexFunc(f.all, func(n Netns) bool { return n.Name == name })
}

func (f *fake) Find(_ context.Context, name string) (*Netns, error) {
	i := f.at(name)
	if i < 0 {
		return nil, fs.ErrNotExist
	}
	n := f.all[i]
	return &n, nil
}

func (f *fake) Add(_ context.Context, n *Netns) error {
	if f.at(n.Name) >= 0 {
		return fs.ErrExist
	}
	f.next++
	f.all = append(f.all, Netns{Name: n.Name, Inode: 4026530000 + f.next})
	return nil
}

func (f *fake) Del(_ context.Context, name string) error {
	i := f.at(name)
	if i < 0 {
		return fs.ErrNotExist
	}
	f.all = slices.Delete(f.all, i, i+1)
	return nil
}

func (f *fake) Rename(_ context.Context, from, to string) error {
	switch {
	case f.at(from) < 0:
		return fs.ErrNotExist
	case f.at(to) >= 0:
		return fs.ErrExist
	}
	f.all[f.at(from)].Name = to
	return nil
}

func (f *fake) SetID(_ context.Context, n *Netns) error {
	o := &f.all[f.at(n.Name)]
	if o.HasID {
		return fs.ErrExist
	}
	o.ID, o.HasID = n.ID, true
	return nil
}

func (f *fake) Watch(ctx context.Context) iter.Seq2[fs.Event[Netns], error] {
	return func(yield func(fs.Event[Netns], error) bool) {
		if yield(fs.Event[Netns]{What: fs.SyncBegin}, nil) && yield(fs.Event[Netns]{What: fs.SyncEnd}, nil) {
			<-ctx.Done()
		}
	}
}

// grown tells which tree is whose.
func grown(ended *int) Grow {
	return func(_ context.Context, name string, _ uint64) (fs.Walker, func() error, error) {
		who := &fs.Value{Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, name...), nil }}
		return fs.Dir{"first-name": who}, func() error { *ended++; return nil }, nil
	}
}

func TestTranscripts(t *testing.T) {
	treetest.RunAll(t, "testdata/*.txt", func(t *testing.T) treetest.Door {
		ended := 0
		p := New(&fake{}, grown(&ended))
		t.Cleanup(func() { require.NoError(t, p.Close()) })
		return treetest.Local(&fs.Tree{Root: p.Page().Root}, treetest.Root)
	})
}

// TestTrees: a tree ends with its namespace's last name, and with the page.
func TestTrees(t *testing.T) {
	ended := 0
	p := New(&fake{}, grown(&ended))
	d := treetest.Local(&fs.Tree{Root: p.Page().Root}, treetest.Root)
	require.NoError(t, d.Mkdir("netns/a"))
	require.NoError(t, d.Mkdir("netns/b"))
	for _, path := range []string{"netns/a/first-name", "netns/b/first-name"} {
		_, err := d.Stat(path)
		require.NoError(t, err)
	}
	treetest.Check(t, d, treetest.Options{Write: true})
	require.NoError(t, d.Remove("netns/a", true))
	assert.Equal(t, 1, ended)
	require.NoError(t, p.Close())
	assert.Equal(t, 2, ended)
	_, err := d.List("netns/b")
	assert.ErrorIs(t, err, fs.ErrRemoved)
}
