package fusefs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"

	"github.com/stretchr/testify/require"
)

// mountTree mounts a tree until the test ends.
func mountTree(t *testing.T, root fs.Node) (string, *Server) {
	t.Helper()
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		t.Skipf("no FUSE here: %v", err)
	} else {
		f.Close()
	}
	dir := t.TempDir()
	s, err := Mount(dir, &fs.Tree{Root: root}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return dir, s
}

// A cell is a value that can be set.
type cell struct {
	mu   sync.Mutex
	word string
	user *fs.User
}

// last returns what was written last, and by whom.
func (c *cell) last() (string, *fs.User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.word, c.user
}

func (c *cell) node() fs.Node {
	return &fs.Value{
		Get: func(_ context.Context, b []byte) ([]byte, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return append(b, c.word...), nil
		},
		Set: func(ctx context.Context, w string) error {
			if w == "bad" {
				return &fs.Error{Text: "no such device", Errno: syscall.ENODEV}
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			c.word, c.user = w, fs.UserOf(ctx)
			return nil
		},
	}
}

func TestReadWrite(t *testing.T) {
	c := &cell{word: "1500"}
	dir, _ := mountTree(t, fs.Dir{"links": fs.Dir{"mtu": c.node()}})
	name := filepath.Join(dir, "links", "mtu")

	b, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Equal(t, "1500\n", string(b))

	st, err := os.Stat(name)
	require.NoError(t, err)
	require.EqualValues(t, 5, st.Size())
	require.Equal(t, os.FileMode(0o664), st.Mode())

	require.NoError(t, os.WriteFile(name, []byte("9000\n"), 0o644), "truncation on open is a success")
	word, user := c.last()
	require.Equal(t, "9000", word)
	require.Equal(t, "root", user.Name)
	require.Contains(t, user.From, "fuse pid ")
	require.NoError(t, os.Truncate(name, 0))
	require.NoError(t, os.Chmod(name, 0o600))
	require.NoError(t, os.Chtimes(name, time.Now(), time.Now()))
	word, _ = c.last()
	require.Equal(t, "9000", word)
}

func TestErrno(t *testing.T) {
	dir, _ := mountTree(t, fs.Dir{"d": fs.Dir{"v": (&cell{}).node()}})
	for name, c := range map[string]struct {
		err  error
		want syscall.Errno
	}{
		"write":  {os.WriteFile(dir+"/d/v", []byte("bad\n"), 0), syscall.ENODEV},
		"walk":   {stat(dir + "/d/x"), syscall.ENOENT},
		"create": {os.WriteFile(dir+"/d/new", nil, 0o644), syscall.EPERM},
		"unlink": {syscall.Unlink(dir + "/d/v"), syscall.EPERM},
		"rmdir":  {syscall.Rmdir(dir + "/d"), syscall.EPERM},
		"mkdir":  {syscall.Mkdir(dir+"/d/new", 0o755), syscall.EPERM},
		"link":   {os.Link(dir+"/d/v", dir+"/d/w"), syscall.EPERM},
		"mknod":  {syscall.Mknod(dir+"/d/w", syscall.S_IFIFO, 0), syscall.EPERM},
		"sym":    {os.Symlink("v", dir+"/d/w"), syscall.EPERM},
		"across": {os.Rename(dir+"/d/v", dir+"/v"), syscall.EXDEV},
	} {
		require.ErrorIs(t, c.err, c.want, name)
	}
}

func stat(name string) error { _, err := os.Stat(name); return err }

// blocker is a file whose reads wait until their context ends.
type blocker struct{ began chan struct{} }

func (b *blocker) Mode() os.FileMode { return 0o444 }
func (b *blocker) Open(context.Context, fs.OpenMode) (fs.Handle, error) {
	return b, nil
}
func (b *blocker) ReadAt(ctx context.Context, _ []byte, _ int64) (int, error) {
	select {
	case b.began <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return 0, ctx.Err()
}
func (b *blocker) WriteAt(context.Context, []byte, int64) (int, error) { return 0, fs.ErrPermission }
func (b *blocker) Close(context.Context) error                         { return nil }

func TestCloseEndsBlockedReads(t *testing.T) {
	b := &blocker{began: make(chan struct{}, 1)}
	dir, s := mountTree(t, fs.Dir{"events": b})
	ended := make(chan error)
	go func() {
		_, err := os.ReadFile(dir + "/events")
		ended <- err
	}()
	<-b.began
	require.NoError(t, s.Close())
	select {
	case err := <-ended:
		require.Error(t, err)
		require.False(t, errors.Is(err, os.ErrNotExist))
	case <-time.After(10 * time.Second):
		t.Fatal("the read is still blocked")
	}
}

func TestPanicIsEIO(t *testing.T) {
	dir, _ := mountTree(t, fs.Dir{"v": &fs.Value{Get: func(context.Context, []byte) ([]byte, error) { panic("broken page") }}})
	_, err := os.ReadFile(dir + "/v")
	require.ErrorIs(t, err, syscall.EIO)
	_, err = os.ReadDir(dir)
	require.NoError(t, err, "the server is alive")
}

// TestLaws checks what every tree owes, through the mount.
func TestLaws(t *testing.T) {
	n := treetest.NewNet(50)
	dir, _ := mountTree(t, n.Tree().Root)
	treetest.Check(t, treetest.Mounted(dir), n.Options())
}

func TestTranscript(t *testing.T) {
	dir, _ := mountTree(t, treetest.NewNet(2).Tree().Root)
	treetest.Run(t, treetest.Mounted(dir), "../treetest/testdata/net.txt")
}

func TestList(t *testing.T) {
	dir, _ := mountTree(t, fs.Dir{"b": fs.Dir{}, "a": (&cell{}).node()})
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "a", list[0].Name())
	require.False(t, list[0].IsDir())
	require.True(t, list[1].IsDir())
}

// A reader is a blocker that says it is a stream.
type reader struct{ *blocker }

func (r reader) Open(context.Context, fs.OpenMode) (fs.Handle, error) { return r, nil }
func (r reader) Ready() <-chan struct{}                               { return nil }

// A recursive grep opens files with O_NONBLOCK, and must not hang on events.
func TestStreamWithoutWaiting(t *testing.T) {
	dir, _ := mountTree(t, fs.Dir{"events": reader{&blocker{began: make(chan struct{}, 1)}}})
	fd, err := syscall.Open(dir+"/events", syscall.O_RDONLY|syscall.O_NONBLOCK, 0)
	require.NoError(t, err)
	defer syscall.Close(fd)
	for range 2 {
		_, err = syscall.Read(fd, make([]byte, 100))
		require.Equal(t, syscall.EAGAIN, err)
	}
}
