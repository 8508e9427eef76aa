package p9

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
)

// diod's client tools speak 9P2000.L, and nothing of them is ours.
func TestDiod(t *testing.T) {
	for _, tool := range []string{"diodcat", "diodls"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("no " + tool + " here (package diod)")
		}
	}
	tree := newTestTree()
	l, err := Listen("tcp!127.0.0.1!0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- (&Server{Tree: tree.Tree}).Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	run := func(tool string, args ...string) string {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		at := fmt.Sprintf("127.0.0.1:%d", l.Addr().(*net.TCPAddr).Port)
		out, err := exec.CommandContext(ctx, tool, append([]string{"-s", at, "-a", "/"}, args...)...).CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	require.Equal(t, "1500\n", run("diodcat", "mtu"))
	require.Equal(t, "1001\n", run("diodcat", "links/eth0/mtu"))
	require.Contains(t, run("diodls", "/"), "routes")
	require.Contains(t, run("diodls", "-l", "/"), "links")
	require.Len(t, run("diodcat", "big"), patternSize)
}

// diodServer runs diod's server on a directory and returns a client of it.
func diodServer(t *testing.T, dialects []Dialect) (c *Client, dir string) {
	t.Helper()
	diod, err := exec.LookPath("diod")
	if err != nil {
		t.Skip("no diod here (package diod)")
	}
	if os.Geteuid() != 0 {
		t.Skip("diod serves as another user for root only")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	dir, err = os.MkdirTemp("", "diod") // where its user gets to
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	cmd := exec.Command(diod, "-f", "-n", "-l", addr.String(), "-e", dir, "-S", "-L", "stderr")
	cmd.Stderr = t.Output()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	o := &Options{Aname: dir, Dialects: dialects}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if c, err = o.Dial(bounded(t), fmt.Sprintf("tcp!127.0.0.1!%d", addr.Port)); err == nil {
			break
		}
		require.True(t, errors.Is(err, syscall.ECONNREFUSED) && time.Now().Before(end), err)
	}
	t.Cleanup(func() { c.Close() })
	return c, dir
}

// diod's server is nobody's idea of netfs: what our client says to it must be
// plain 9P2000.L.
func TestDiodServer(t *testing.T) {
	c, dir := diodServer(t, nil)
	ctx := bounded(t)
	require.Equal(t, DotL, c.Dialect())

	f, err := c.Create(ctx, "a", 0o640, ORDWR)
	require.NoError(t, err)
	text := bytes.Repeat([]byte("0123456789abcdef"), 50000) // many messages
	n, err := f.WriteAt(ctx, text, 0)
	require.NoError(t, err)
	require.Equal(t, len(text), n)
	require.NoError(t, f.Fsync(ctx))
	st, err := f.Stat(ctx)
	require.NoError(t, err)
	require.Equal(t, "a", st.Name)
	require.EqualValues(t, 0o640, st.Mode)
	require.EqualValues(t, len(text), st.Length)
	status, err := f.Lock(ctx, &Lock{Type: LockWrite, Proc: 1, Client: "netfs"})
	require.NoError(t, err)
	require.EqualValues(t, LockSuccess, status)
	require.NoError(t, f.Setattr(ctx, &SetAttr{Valid: SetMtime | SetMtimeTo, Mtime: time.Unix(1e9, 5000)}))
	a, err := f.Getattr(ctx, AttrBasic)
	require.NoError(t, err)
	require.Equal(t, time.Unix(1e9, 5000), a.Mtime)
	require.NoError(t, f.Clunk(ctx))
	onDisk, err := os.ReadFile(filepath.Join(dir, "a"))
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, onDisk))
	got, err := c.ReadFile(ctx, "a")
	require.NoError(t, err)
	require.True(t, bytes.Equal(text, got))

	_, err = c.Create(ctx, "a", 0o600, OWRITE)
	require.ErrorIs(t, err, iofs.ErrExist)
	_, err = c.Open(ctx, "nope/x", OREAD)
	require.ErrorIs(t, err, iofs.ErrNotExist)
	require.ErrorIs(t, c.Remove(ctx, "nope"), iofs.ErrNotExist)
	require.NoError(t, c.WriteFile(ctx, "a", []byte("short")))
	got, err = c.ReadFile(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, "short", string(got))

	require.NoError(t, c.Mkdir(ctx, "d", 0o755))
	require.NoError(t, c.Mkdir(ctx, "d/a,b", 0o755)) // a comma is a letter here
	require.NoError(t, c.Rename(ctx, "a", "d/b"))
	require.ErrorIs(t, c.Remove(ctx, "d"), syscall.ENOTEMPTY)
	require.NoError(t, c.Remove(ctx, "d/a,b"))
	made, err := c.Walk(ctx, "d")
	require.NoError(t, err)
	require.NoError(t, made.Create(ctx, "x,y", DMDIR|0o755, OREAD))
	st, err = made.Stat(ctx)
	require.NoError(t, err)
	require.Equal(t, "x,y", st.Name)
	require.NoError(t, made.Remove(ctx))

	// Links, of which the tree of netfs has none.
	root, err := c.Walk(ctx, "")
	require.NoError(t, err)
	_, err = root.Symlink(ctx, "sym", "d/b")
	require.NoError(t, err)
	sym, err := c.Walk(ctx, "sym")
	require.NoError(t, err)
	st, err = sym.Stat(ctx)
	require.NoError(t, err)
	require.NotZero(t, st.Mode&DMSYMLINK)
	target, err := sym.Readlink(ctx)
	require.NoError(t, err)
	require.Equal(t, "d/b", target)
	require.NoError(t, sym.Remove(ctx))
	b, err := c.Walk(ctx, "d/b")
	require.NoError(t, err)
	require.NoError(t, root.Link(ctx, b, "hard"))
	a, err = b.Getattr(ctx, AttrNlink)
	require.NoError(t, err)
	require.EqualValues(t, 2, a.Nlink)
	require.NoError(t, b.Clunk(ctx))
	require.NoError(t, root.UnlinkAt(ctx, "hard", false))
	_, err = root.Mknod(ctx, "fifo", 0o010644, 0, 0)
	require.NoError(t, err)
	st, err = c.Stat(ctx, "fifo")
	require.NoError(t, err)
	require.NotZero(t, st.Mode&DMNAMEDPIPE)
	require.NoError(t, c.Remove(ctx, "fifo"))
	fsys, err := root.Statfs(ctx)
	require.NoError(t, err)
	require.NotZero(t, fsys.Blocks)
	require.NoError(t, root.Clunk(ctx))

	// A directory that takes many messages, as a tree and as an io/fs.FS.
	for i := range 3000 {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "d", fmt.Sprintf("file%d", i)), nil, 0o644))
	}
	list, err := c.ReadDir(ctx, "d")
	require.NoError(t, err)
	require.Len(t, list, 3001)
	tree := (&fs.Tree{Root: c.Root(), Trust: true}).Attach()
	d, err := tree.Walk(ctx, "d")
	require.NoError(t, err)
	refs, err := d.List(ctx)
	require.NoError(t, err)
	require.Len(t, refs, 3001)
	for _, r := range refs {
		require.NotZero(t, r.Node.Mode().Perm(), r.Path())
	}
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "d")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sub", "x"), text[:100000], 0o644))
	require.NoError(t, fstest.TestFS(c.FS(ctx), "sub/x"))
	require.Eventually(t, func() bool { return c.Fids() == 1 }, 5*time.Second, time.Millisecond)
}

// Asked for words, diod refuses with an error, and then gets what it speaks.
func TestDiodWordsFirst(t *testing.T) {
	c, _ := diodServer(t, WordsFirst())
	require.Equal(t, DotL, c.Dialect())
}
