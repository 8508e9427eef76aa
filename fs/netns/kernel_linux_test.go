package netns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

// A served page has the namespaces of the machine; the test makes its own, with names
// of its own, and removes them.
type served struct {
	treetest.Door
	t    *testing.T
	page *Page
	name string
	open int // trees that were made and not closed
}

func newTree(t *testing.T) *served {
	t.Helper()
	ns := nltest.NewNS(t) // has the ids
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	tr := &served{t: t, name: fmt.Sprintf("netfs-test-%d", os.Getpid())}
	tr.page = Open(c, func(_ context.Context, name string, ns *nl.NS) (fs.Walker, func() error, error) {
		tr.open++
		who := &fs.Value{Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, name...), nil }}
		return fs.Dir{"who": who}, func() error { tr.open--; return ns.Close() }, nil
	})
	tr.Door = treetest.Local(&fs.Tree{Root: tr.page.Page().Root}, treetest.Root)
	t.Cleanup(func() {
		for _, suffix := range []string{"", "-b", "-c"} {
			_ = nl.DeleteNS(tr.name + suffix)
		}
		require.NoError(t, tr.page.Close())
		assert.Zero(t, tr.open)
	})
	if err := nl.CreateNS(tr.name); err != nil {
		t.Skipf("cannot name namespaces: %v", err)
	}
	require.NoError(t, nl.DeleteNS(tr.name))
	return tr
}

func (tr *served) read(path string) string {
	tr.t.Helper()
	f, err := tr.Open(path, fs.OpenRead)
	require.NoError(tr.t, err, path)
	defer f.Close()
	buf := make([]byte, 1<<16)
	n, err := f.ReadAt(buf, 0)
	require.NoError(tr.t, err)
	return string(buf[:n])
}

func (tr *served) write(path, text string) error {
	f, err := tr.Open(path, fs.OpenWrite)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), 0)
	return errors.Join(err, f.Close())
}

func TestMakeRenameRemove(t *testing.T) {
	tr := newTree(t)
	require.NoError(t, tr.Mkdir("netns/"+tr.name+",id=7"))
	assert.Contains(t, tr.read("netns/list"), "name="+tr.name+" id=7 inode=")
	assert.Contains(t, ipNetns(t), tr.name)
	assert.Equal(t, tr.name+"\n", tr.read("netns/"+tr.name+"/who"))
	assert.Equal(t, 1, tr.open)
	require.NoError(t, tr.Rename("netns/"+tr.name, tr.name+"-b"))
	assert.Equal(t, tr.name+"\n", tr.read("netns/"+tr.name+"-b/who"), "the tree stays the namespace's")
	assert.NotContains(t, tr.read("netns/list"), "name="+tr.name+" ")
	require.NoError(t, tr.Remove("netns/"+tr.name+"-b", true))
	assert.Zero(t, tr.open)
	assert.NotContains(t, ipNetns(t), tr.name)
}

// TestLikeIP: names made by either are the other's.
func TestLikeIP(t *testing.T) {
	tr := newTree(t)
	if out, err := exec.Command("ip", "netns", "add", tr.name).CombinedOutput(); err != nil {
		t.Skipf("ip netns: %s", out)
	}
	text := tr.read("netns/list")
	assert.Contains(t, text, "name="+tr.name+" inode=")
	require.NoError(t, tr.write("netns/list", text), "what is read can be written")
	require.NoError(t, tr.write("netns/ctl", "change "+tr.name+" id=9\n"))
	assert.Contains(t, tr.read("netns/list,name="+tr.name), "id=9")
	assert.Error(t, tr.write("netns/ctl", "change "+tr.name+" id=10\n"), "an id stays")
	require.NoError(t, tr.write("netns/ctl", fmt.Sprintf("add %s-b pid=%d\n", tr.name, os.Getpid())))
	require.NoError(t, tr.write("netns/ctl", fmt.Sprintf("attach %s-c pid=%d\n", tr.name, os.Getpid())))
	assert.Error(t, tr.write("netns/ctl", "add "+tr.name+"\n"))
	assert.Error(t, tr.write("netns/ctl", "add a/b\n"))
	require.NoError(t, tr.write("netns/ctl", "del "+tr.name+"-c\ndel "+tr.name+"-b\n"))
	out, err := exec.Command("ip", "netns", "del", tr.name).CombinedOutput()
	require.NoError(t, err, string(out))
	_, err = tr.Stat("netns/" + tr.name)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func ipNetns(t *testing.T) string {
	out, err := exec.Command("ip", "netns").CombinedOutput()
	require.NoError(t, err)
	return string(out)
}

func TestEvents(t *testing.T) {
	tr := newTree(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var seen []string
	for e, err := range tr.page.table.Watch(ctx) {
		require.NoError(t, err)
		if e.What == fs.SyncEnd {
			require.NoError(t, tr.Mkdir("netns/"+tr.name))
		}
		if e.Row == nil || !strings.HasPrefix(e.Row.Name, tr.name) {
			continue
		}
		switch e.What {
		case fs.Added:
			seen = append(seen, "add")
			require.NoError(t, nl.DeleteNS(tr.name))
		case fs.Deleted:
			seen = append(seen, "del")
			cancel()
		}
	}
	assert.Equal(t, []string{"add", "del"}, seen)
}

// TestAnother: a tree is not another namespace's that has got the name.
func TestAnother(t *testing.T) {
	tr := newTree(t)
	require.NoError(t, nl.CreateNS(tr.name))
	f, err := tr.Open("netns/"+tr.name+"/who", fs.OpenRead)
	require.NoError(t, err)
	require.NoError(t, nl.DeleteNS(tr.name))
	require.NoError(t, nl.CreateNS(tr.name))
	_, err = f.ReadAt(make([]byte, 10), 0)
	assert.ErrorIs(t, err, fs.ErrRemoved)
	assert.NoError(t, f.Close())
	assert.Equal(t, tr.name+"\n", tr.read("netns/"+tr.name+"/who"))
}
