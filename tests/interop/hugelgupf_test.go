package interop

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hugelgupf/p9/linux"
	their "github.com/hugelgupf/p9/p9"
	"github.com/stretchr/testify/require"
)

// A dotL is hugelgupf/p9's client on one connection.
type dotL struct {
	t    *testing.T
	conn *their.Client
	root their.File
}

func dialDotL(t *testing.T, path string) *dotL {
	t.Helper()
	conn, err := net.Dial("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	c, err := their.NewClient(conn)
	require.NoError(t, err)
	root, err := c.Attach("/")
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return &dotL{t, c, root}
}

func (c *dotL) walk(path string) (their.File, error) {
	names := strings.Split(path, "/")
	if path == "" {
		names = nil
	}
	qids, f, err := c.root.Walk(names)
	if err == nil && len(qids) < len(names) {
		return nil, linux.ENOENT // a walk that ended before makes no fid, of which this client knows nothing
	}
	return f, err
}

func (c *dotL) open(path string, how their.OpenFlags) their.File {
	c.t.Helper()
	f, err := c.walk(path)
	require.NoError(c.t, err, path)
	_, _, err = f.Open(how)
	require.NoError(c.t, err, path)
	return f
}

func (c *dotL) cat(path string) string {
	c.t.Helper()
	f := c.open(path, their.ReadOnly)
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	require.NoError(c.t, err, path)
	return string(b)
}

func (c *dotL) write(path, text string, off int64) error {
	c.t.Helper()
	f := c.open(path, their.WriteOnly)
	defer f.Close()
	n, err := f.WriteAt([]byte(text), off)
	if err == nil {
		require.Len(c.t, text, n)
	}
	return err
}

func (c *dotL) ls(path string) []string {
	c.t.Helper()
	f := c.open(path, their.ReadOnly)
	defer f.Close()
	var names []string
	seen := make(map[uint64]string)
	for off := uint64(0); ; {
		list, err := f.Readdir(off, 8192)
		if err != io.EOF {
			require.NoError(c.t, err)
		}
		if len(list) == 0 {
			return names
		}
		for _, e := range list {
			off = e.Offset
			if e.Name == "." || e.Name == ".." {
				continue
			}
			require.Empty(c.t, seen[e.QID.Path], "%s has the qid of another", e.Name)
			seen[e.QID.Path] = e.Name
			names = append(names, e.Name)
		}
	}
}

func (c *dotL) remove(path string) error {
	c.t.Helper()
	f, err := c.walk(path)
	if err != nil {
		return err
	}
	return f.(interface{ Remove() error }).Remove()
}

// TestHugelgupfClient is the independent client of 9P2000.L against our server.
func TestHugelgupfClient(t *testing.T) {
	m := newMachine()
	c := dialDotL(t, m.serve(t))
	require.Zero(t, c.conn.Version(), "it asked for an extension of its own, and got 9P2000.L")
	c.use()
	c.streams(m)
	c.cancelled(m)
}

// use is what anybody does with a tree.
func (c *dotL) use() {
	t := c.t
	require.Equal(t, []string{"big", "links", "many", "routes", "secret"}, c.ls(""))
	require.Equal(t, "1500\n", c.cat("links/eth0/mtu"))
	require.NoError(t, c.write("links/eth0/mtu", "1400\n", 0))
	require.Equal(t, "1400\n", c.cat("links/eth0/mtu"))

	// Offsets mean nothing to a table, and lines may come in pieces.
	require.NoError(t, c.write("routes", "add dst=10.0.0.0/8 dev=eth0\n", 0))
	require.NoError(t, c.write("routes", "add dst=10.1.0.0/16 dev=eth0\n", 4711))
	f := c.open("routes", their.WriteOnly)
	for _, piece := range []string{"add dst=10.2", ".0.0/16 dev=e", "th0\n"} {
		_, err := f.WriteAt([]byte(piece), 0)
		require.NoError(t, err)
	}
	require.NoError(t, f.Close())
	require.Equal(t, "dst=10.0.0.0/8 dev=eth0\ndst=10.1.0.0/16 dev=eth0\ndst=10.2.0.0/16 dev=eth0\n", c.cat("routes"))
	require.ErrorIs(t, c.write("routes", "add dst=10.3.0.0/16 dev=none\n", 0), linux.ENODEV)
	require.Equal(t, 3, strings.Count(c.cat("routes"), "\n"))

	links, err := c.walk("links")
	require.NoError(t, err)
	defer links.Close()
	_, err = links.Mkdir("br0", 0o755, their.NoUID, their.NoGID)
	require.NoError(t, err)
	_, err = links.Mkdir("br0", 0o755, their.NoUID, their.NoGID)
	require.ErrorIs(t, err, linux.EEXIST)
	require.NoError(t, links.RenameAt("br0", links, "br1"))
	require.Equal(t, "br1\n", c.cat("links/br1/name"))
	br1, err := c.walk("links/br1")
	require.NoError(t, err)
	require.NoError(t, br1.Rename(links, "br2"))
	require.NoError(t, br1.Close())
	require.NoError(t, links.UnlinkAt("br2", 0x200))
	require.ErrorIs(t, links.UnlinkAt("br2", 0x200), linux.ENOENT)
	require.Equal(t, []string{"ctl", "events", "list", "eth0"}, c.ls("links"))

	// What cannot be done is refused with its own number.
	require.ErrorIs(t, c.remove("links/eth0/mtu"), linux.EPERM)
	require.ErrorIs(t, c.remove("routes"), linux.EPERM)
	_, err = c.walk("links/eth1/mtu")
	require.ErrorIs(t, err, linux.ENOENT)
	_, _, _, err = c.create("", "new")
	require.ErrorIs(t, err, linux.EPERM)
	_, err = c.root.Mkdir("new", 0o755, their.NoUID, their.NoGID)
	require.ErrorIs(t, err, linux.EPERM)
	_, err = c.root.Symlink("a", "b", their.NoUID, their.NoGID)
	require.ErrorIs(t, err, linux.EPERM)

	c.attributes()
	require.Len(t, c.ls("many"), manyNames)
	require.Equal(t, "n09999\n", c.cat("many/n09999"))
	require.Equal(t, bigText(), c.cat("big"))
}

func (c *dotL) create(dir, name string) (their.File, their.QID, uint32, error) {
	d, err := c.walk(dir)
	require.NoError(c.t, err)
	defer d.Close()
	return d.Create(name, their.ReadWrite, 0o644, their.NoUID, their.NoGID)
}

func (c *dotL) attributes() {
	t := c.t
	for path, mode := range map[string]their.FileMode{
		"": their.ModeDirectory | 0o555, "links": their.ModeDirectory | 0o775, "links/eth0/mtu": their.ModeRegular | 0o664,
		"routes": their.ModeRegular | 0o664, "big": their.ModeRegular | 0o444, "secret": their.ModeRegular | 0o600,
	} {
		f, err := c.walk(path)
		require.NoError(t, err)
		qid, valid, attr, err := f.GetAttr(their.AttrMaskAll)
		require.NoError(t, err)
		require.True(t, valid.Mode)
		require.Equal(t, mode, attr.Mode, path)
		require.Zero(t, qid.Version, path)
		// Truncation and times are taken, and mean nothing.
		require.NoError(t, f.SetAttr(their.SetAttrMask{Size: true, MTime: true, CTime: true}, their.SetAttr{}), path)
		require.ErrorIs(t, f.SetAttr(their.SetAttrMask{UID: true}, their.SetAttr{UID: 4711}), linux.EPERM)
		st, err := f.StatFS()
		require.NoError(t, err)
		require.EqualValues(t, 0x01021997, st.Type)
		require.NoError(t, f.Close())
	}
	require.Equal(t, "1400\n", c.cat("links/eth0/mtu"))
}

// streams reads events as they happen.
func (c *dotL) streams(m *machine) {
	t := c.t
	f := c.open("links/events", their.ReadOnly)
	defer f.Close()
	buf := make([]byte, 4096)
	off := int64(0)
	for i := range 5 {
		require.NoError(t, c.write("links/eth0/mtu", []string{"1300", "1301", "1302", "1303", "1304"}[i]+"\n", 0))
		n, err := f.ReadAt(buf, off)
		require.NoError(t, err)
		require.Contains(t, string(buf[:n]), "link replace name=eth0")
		off += int64(n)
	}
}

// cancelled: a read that waits ends when its file is closed, which is all that
// this client can do about it. Others are served meanwhile.
func (c *dotL) cancelled(m *machine) {
	t := c.t
	f := c.open("links/events", their.ReadOnly)
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := f.ReadAt(make([]byte, 100), 0)
		done <- result{n, err}
	}()
	require.Eventually(t, func() bool { return m.watching() == 1 }, 10*time.Second, time.Millisecond)
	select {
	case r := <-done:
		t.Fatal("nothing happened, and yet it was read: ", r)
	case <-time.After(50 * time.Millisecond):
	}
	require.Equal(t, "eth0\n", c.cat("links/eth0/name"))
	require.ErrorIs(t, c.remove("links/eth0/mtu"), linux.EPERM)
	began := time.Now()
	require.NoError(t, f.Close())
	require.Error(t, soon(t, done).err)
	require.Less(t, time.Since(began), time.Second)
}
