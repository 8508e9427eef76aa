package interop

import (
	"io"
	"strings"
	"testing"
	"time"

	"9fans.net/go/plan9"
	"9fans.net/go/plan9/client"
	"github.com/stretchr/testify/require"
)

// A plain is 9fans.net/go's client on one connection.
type plain struct {
	t *testing.T
	*client.Fsys
}

func dialPlain(t *testing.T, path string) *plain {
	t.Helper()
	conn, err := client.Dial("unix", path)
	require.NoError(t, err)
	_, err = conn.Auth("glenda", "")
	require.Error(t, err, "no authentication is needed, which servers say by refusing it")
	root, err := conn.Attach(nil, "glenda", "")
	require.NoError(t, err)
	t.Cleanup(func() { root.Close(); conn.Close() })
	return &plain{t, root}
}

func (c *plain) cat(path string) string {
	c.t.Helper()
	f, err := c.Open(path, plan9.OREAD)
	require.NoError(c.t, err, path)
	defer f.Close()
	b, err := io.ReadAll(f)
	require.NoError(c.t, err, path)
	return string(b)
}

func (c *plain) write(path string, mode uint8, text string) error {
	c.t.Helper()
	f, err := c.Open(path, plan9.OWRITE|mode)
	require.NoError(c.t, err, path)
	defer f.Close()
	_, err = f.Write([]byte(text))
	return err
}

func (c *plain) ls(path string) []string {
	c.t.Helper()
	f, err := c.Open(path, plan9.OREAD)
	require.NoError(c.t, err, path)
	defer f.Close()
	list, err := f.Dirreadall()
	require.NoError(c.t, err)
	var names []string
	seen := make(map[uint64]bool)
	for _, d := range list {
		require.False(c.t, seen[d.Qid.Path], "%s has the qid of another", d.Name)
		seen[d.Qid.Path] = true
		names = append(names, d.Name)
	}
	return names
}

// Test9fansClient is the client of 9fans.net/go, which is Plan 9's, against our
// server.
func Test9fansClient(t *testing.T) {
	m := newMachine()
	c := dialPlain(t, m.serve(t))
	c.use()
	c.streams()
	c.cancelled(m)
}

func (c *plain) use() {
	t := c.t
	require.Equal(t, []string{"big", "links", "many", "routes", "secret"}, c.ls("/"))
	require.Equal(t, "1500\n", c.cat("links/eth0/mtu"))
	require.NoError(t, c.write("links/eth0/mtu", plan9.OTRUNC, "1400\n"))
	require.Equal(t, "1400\n", c.cat("links/eth0/mtu"))

	require.NoError(t, c.write("routes", plan9.OTRUNC, "add dst=10.0.0.0/8 dev=eth0\n"))
	require.NoError(t, c.write("routes", 0, "add dst=10.1.0.0/16 dev=eth0\n"))
	require.Equal(t, "dst=10.0.0.0/8 dev=eth0\ndst=10.1.0.0/16 dev=eth0\n", c.cat("routes"))
	// The text of an error comes through: the file, the line, the word, the reason.
	require.ErrorContains(t, c.write("routes", 0, "add dst=10.3.0.0/16 dev=none\n"), `routes:1: add 10.3.0.0/16: dev "none": no such device`)

	f, err := c.Create("links/br0", plan9.OREAD, plan9.DMDIR|0o775)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	_, err = c.Create("links/br0", plan9.OREAD, plan9.DMDIR|0o775)
	require.Error(t, err)
	rename := func(from, to string) error {
		var d plan9.Dir
		d.Null()
		d.Name = to
		return c.Wstat(from, &d)
	}
	require.NoError(t, rename("links/br0", "br1"))
	require.ErrorContains(t, rename("links/br1", "eth0"), "xists")
	require.Equal(t, "br1\n", c.cat("links/br1/name"))
	require.NoError(t, c.Remove("links/br1"))
	require.ErrorContains(t, c.Remove("links/br1"), "not found")
	require.Equal(t, []string{"ctl", "events", "list", "eth0"}, c.ls("links"))

	require.ErrorContains(t, c.Remove("links/eth0/mtu"), "ot permitted")
	require.ErrorContains(t, c.Remove("routes"), "ot permitted")
	_, err = c.Stat("links/eth1/mtu")
	require.Error(t, err)
	_, err = c.Create("new", plan9.OWRITE, 0o644)
	require.ErrorContains(t, err, "ot permitted")
	_, err = c.Open("big", plan9.OWRITE)
	require.ErrorContains(t, err, "ermission denied")

	for path, want := range map[string]plan9.Perm{
		"/": plan9.DMDIR | 0o555, "links": plan9.DMDIR | 0o775, "links/eth0/mtu": 0o664, "routes": plan9.DMAPPEND | 0o664, "secret": 0o600,
	} {
		d, err := c.Stat(path)
		require.NoError(t, err, path)
		require.Equal(t, want, d.Mode, path)
		require.Zero(t, d.Qid.Vers, path)
		require.Equal(t, path[strings.LastIndex(path, "/")+1:], strings.Trim(d.Name, "/"))
		// An empty change is sync, and changing nothing is allowed.
		var null plan9.Dir
		null.Null()
		require.NoError(t, c.Wstat(path, &null), path)
		null.Length = 0
		require.NoError(t, c.Wstat(path, &null), path)
	}
	require.Len(t, c.ls("many"), manyNames)
	require.Equal(t, "n09999\n", c.cat("many/n09999"))
	require.Equal(t, bigText(), c.cat("big"))
}

func (c *plain) streams() {
	t := c.t
	f, err := c.Open("links/events", plan9.OREAD)
	require.NoError(t, err)
	defer f.Close()
	buf := make([]byte, 4096)
	for _, mtu := range []string{"1300", "1301", "1302", "1303", "1304"} {
		require.NoError(t, c.write("links/eth0/mtu", 0, mtu+"\n"))
		n, err := f.Read(buf)
		require.NoError(t, err)
		require.Contains(t, string(buf[:n]), "link replace name=eth0 index=1 mtu="+mtu)
	}
}

// cancelled: this client sends no Tflush; its Close while a read waits ends that
// read.
func (c *plain) cancelled(m *machine) {
	t := c.t
	f, err := c.Open("links/events", plan9.OREAD)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := f.Read(make([]byte, 100))
		done <- err
	}()
	require.Eventually(t, func() bool { return m.watching() == 1 }, 10*time.Second, time.Millisecond)
	select {
	case err := <-done:
		t.Fatal("nothing happened, and yet it was read: ", err)
	case <-time.After(50 * time.Millisecond):
	}
	require.Equal(t, "eth0\n", c.cat("links/eth0/name"))
	began := time.Now()
	require.NoError(t, f.Close())
	require.Error(t, soon(t, done))
	require.Less(t, time.Since(began), time.Second)
}
