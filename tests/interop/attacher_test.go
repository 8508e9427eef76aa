package interop

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/p9/attacher"

	acceptance "github.com/hugelgupf/p9/fsimpl/test"
	"github.com/hugelgupf/p9/linux"
	their "github.com/hugelgupf/p9/p9"
	"github.com/stretchr/testify/require"
)

var root = &fs.User{Name: "root", From: "test"}

// serveTheirs serves the machine's tree with hugelgupf/p9's server, and returns
// the socket.
func (m *machine) serveTheirs(t *testing.T, o *attacher.Options) string {
	t.Helper()
	if race {
		t.Skip("hugelgupf/p9's server races with itself when a connection ends, and panics then: run again without -race")
	}
	ctx, cancel := context.WithCancel(context.Background())
	a, err := attacher.New(ctx, m.tree, o)
	require.NoError(t, err)
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- their.NewServer(a).ServeContext(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, soon(t, done))
		require.Eventually(t, func() bool { return m.watching() == 0 }, 10*time.Second, time.Millisecond, "an event stream was left behind")
	})
	return path
}

// TestAttacher is the adaptor in the server that it is for, with that library's
// client.
func TestAttacher(t *testing.T) {
	m := newMachine()
	path := m.serveTheirs(t, &attacher.Options{User: root, Wait: 300 * time.Millisecond})
	c := dialDotL(t, path)
	c.use()
	c.streams(m)
	c.waits(dialDotL(t, path))
	c.renamedWhileOpen()
}

// waits: a read that waits cannot be cancelled, and so it does not wait for long;
// what comes afterwards is not lost. Others, who may have to wait for it, are not
// stopped for longer than it waits.
func (c *dotL) waits(other *dotL) {
	t := c.t
	f := c.open("links/events", their.ReadOnly)
	defer f.Close()
	buf := make([]byte, 4096)
	_, err := f.ReadAt(buf, 0)
	require.ErrorIs(t, err, linux.EAGAIN)
	require.NoError(t, c.write("links/eth0/mtu", "1401\n", 0))
	n, err := f.ReadAt(buf, 0)
	require.NoError(t, err)
	require.Contains(t, string(buf[:n]), "mtu=1401")

	done := make(chan error, 1)
	go func() {
		_, err := f.ReadAt(make([]byte, 4096), int64(n))
		done <- err
	}()
	time.Sleep(50 * time.Millisecond) // it has begun
	removed := make(chan error, 1)
	go func() { removed <- other.remove("links/eth0/mtu") }() // takes the lock over all
	require.ErrorIs(t, soon(t, removed), linux.EPERM)
	require.Equal(t, "1401\n", other.cat("links/eth0/mtu"))
	require.ErrorIs(t, soon(t, done), linux.EAGAIN)

	// A read that goes on where the last came back short is Linux's client filling
	// a buffer.
	require.NoError(t, c.write("links/eth0/mtu", "1402\n", 0))
	n, err = f.ReadAt(buf, 0)
	require.NoError(t, err)
	_, err = f.ReadAt(buf[n:], int64(n))
	require.ErrorContains(t, err, "EOF")
}

// renamedWhileOpen: a file is found again when what is above it gets a new name.
func (c *dotL) renamedWhileOpen() {
	t := c.t
	links, err := c.walk("links")
	require.NoError(t, err)
	defer links.Close()
	_, err = links.Mkdir("br0,mtu=1234", 0o755, their.NoUID, their.NoGID)
	require.NoError(t, err)
	mtu, err := c.walk("links/br0/mtu")
	require.NoError(t, err)
	defer mtu.Close()
	require.NoError(t, links.RenameAt("br0", links, "br1"))
	_, _, err = mtu.Open(their.ReadOnly)
	require.NoError(t, err)
	buf := make([]byte, 10)
	n, err := mtu.ReadAt(buf, 0)
	require.NoError(t, err)
	require.Equal(t, "1234\n", string(buf[:n]))
	require.ErrorIs(t, links.RenameAt("br1", c.root, "br1"), linux.EXDEV)
	require.NoError(t, links.UnlinkAt("br1", 0x200))
	_, _, _, err = mtu.GetAttr(their.AttrMaskAll)
	require.Error(t, err, "what is gone stays gone")
}

// TestAttacherRights: who embeds decides who clients are, and what they see.
func TestAttacherRights(t *testing.T) {
	m := newMachine()
	nobody := dialDotL(t, m.serveTheirs(t, nil))
	require.Equal(t, "1500\n", nobody.cat("links/eth0/mtu"))
	mtu, err := nobody.walk("links/eth0/mtu")
	require.NoError(t, err)
	_, _, err = mtu.Open(their.WriteOnly)
	require.ErrorIs(t, err, linux.EROFS)
	secret, err := nobody.walk("secret")
	require.NoError(t, err)
	_, _, err = secret.Open(their.ReadOnly)
	require.ErrorIs(t, err, linux.EACCES)
	_, err = nobody.root.Mkdir("x", 0, 0, 0)
	require.Error(t, err)

	part := dialDotL(t, m.serveTheirs(t, &attacher.Options{User: root, Aname: "/links/eth0,ro"}))
	require.Equal(t, "1500\n", part.cat("mtu"))
	_, err = part.walk("..")
	require.Error(t, err)
	mtu, err = part.walk("mtu")
	require.NoError(t, err)
	_, _, err = mtu.Open(their.WriteOnly)
	require.ErrorIs(t, err, linux.EROFS)

	_, err = attacher.New(context.Background(), m.tree, &attacher.Options{Aname: "/links/../secret"})
	require.ErrorContains(t, err, "permission denied")
	ctx, cancel := context.WithCancel(context.Background())
	a, err := attacher.New(ctx, m.tree, &attacher.Options{Aname: "/none"})
	require.NoError(t, err)
	_, err = a.Attach()
	require.ErrorIs(t, err, linux.ENOENT)
	a, err = attacher.New(ctx, m.tree, nil)
	require.NoError(t, err)
	_, err = a.Attach()
	require.NoError(t, err)
	cancel()
}

// TestAttacherAcceptance is that library's own suite for trees.
func TestAttacherAcceptance(t *testing.T) {
	a, err := attacher.New(context.Background(), newMachine().tree, &attacher.Options{Aname: "/links"})
	require.NoError(t, err)
	mode := their.AttrMask{Mode: true, Size: true}
	acceptance.TestReadOnlyFS(t, a,
		acceptance.WithDir("", "ctl", "list", "events", "eth0"),
		acceptance.WithDir("eth0", "ctl", "events", "index", "mtu", "name", "status", "wait"),
		acceptance.WithFile("eth0/mtu", "1500\n", their.Attr{Mode: their.ModeRegular | 0o444, Size: 5}, mode),
		acceptance.WithFile("eth0/name", "eth0\n", their.Attr{Mode: their.ModeRegular | 0o444, Size: 5}, mode),
	)
}
