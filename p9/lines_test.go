package p9

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
)

// Lines come whole, however they were cut, and the loop ends with its context.
func TestWatch(t *testing.T) { each(t, watch) }

func watch(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(bounded(t))
	defer cancel()
	var want, got []string
	for i := range 200 {
		want = append(want, strings.Repeat("x", i*7%61)+fmt.Sprint(i))
	}
	go func() {
		for tree.waits.Load() == 0 { // the reader is there
			runtime.Gosched()
		}
		text := strings.Join(want, "\n") + "\n"
		for len(text) > 0 {
			n := min(len(text), 37)
			tree.events.emit(text[:n])
			text = text[n:]
		}
	}()
	var end error
	for line, err := range c.Watch(ctx, "events") {
		if end = err; err != nil {
			break
		}
		if got = append(got, line); len(got) == len(want) {
			cancel()
		}
	}
	require.ErrorIs(t, end, context.Canceled)
	require.Equal(t, want, got)
	settled(t, tree, before)

	for _, err := range c.Watch(bounded(t), "nope") {
		require.ErrorIs(t, err, fs.ErrNotExist)
	}
	n := 0
	for line, err := range c.Watch(bounded(t), "mtu") { // a file that ends
		require.NoError(t, err)
		require.Equal(t, "1500", line)
		n++
	}
	require.Equal(t, 1, n)
	tree.mtu.text = "no newline"
	for line, err := range c.Watch(bounded(t), "mtu") {
		require.NoError(t, err)
		require.Equal(t, "no newline", line)
	}
	for range c.Watch(bounded(t), "big") {
		break // closes it
	}
	require.Eventually(t, func() bool { return c.Fids() == 1 && tree.handles() == 0 }, 5*time.Second, time.Millisecond)
}

// A cancelled loop ends at once although nothing happens.
func TestWatchCancel(t *testing.T) { each(t, watchCancel) }

func watchCancel(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	ctx, cancel := context.WithCancel(bounded(t))
	done := make(chan error, 1)
	go func() {
		for _, err := range c.Watch(ctx, "events") {
			done <- err
		}
	}()
	require.Eventually(t, func() bool { return tree.waits.Load() > 0 }, 5*time.Second, time.Millisecond)
	cancel()
	select {
	case err := <-done:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(5 * time.Second):
		t.Fatal("it goes on")
	}
	require.Eventually(t, func() bool { return tree.handles() == 0 }, 5*time.Second, time.Millisecond)
}

// A line without an end is refused.
func TestWatchLongLine(t *testing.T) {
	cc, sc := pair(t)
	go hostile(sc, DotL, func(m *Msg) []*Msg { return []*Msg{civil(m)} })
	c, err := NewClient(bounded(t), cc, nil)
	require.NoError(t, err)
	defer c.Close()
	for _, err := range c.Watch(bounded(t), "x") {
		require.ErrorIs(t, err, syscall.EMSGSIZE)
	}
}

// oddFile is a server's file whose reads are as short as it likes; it counts
// them.
type oddFile struct {
	text   []byte
	length uint64 // that it tells
	stream bool   // offsets mean nothing, and what was read is gone
	cut    func(i int64, count uint32) int
	reads  atomic.Int64
}

func (f *oddFile) answer(m *Msg) []*Msg {
	r := civil(m)
	switch m.Type {
	case Tstat:
		r.Dir.Length = f.length
	case Tgetattr:
		r.linuxMsg = &linuxMsg{Size: f.length, Valid: AttrBasic}
	case Tread:
		off := min(m.Offset, uint64(len(f.text)))
		if f.stream {
			off = 0
		}
		n := min(int(m.Count), len(f.text)-int(off))
		if f.cut != nil && n > 0 {
			n = max(1, min(n, f.cut(f.reads.Load(), m.Count)))
		}
		f.reads.Add(1)
		r.Data = f.text[off:][:n]
		if f.stream {
			f.text = f.text[n:]
		}
	}
	return []*Msg{r}
}

func (f *oddFile) client(t *testing.T, d Dialect, msize uint32) *Client {
	cc, sc := pair(t)
	go hostile(sc, d, f.answer)
	c, err := NewClient(bounded(t), cc, &Options{Dialects: []Dialect{d}, Msize: msize})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// Whole files are read whole, whatever lengths servers tell and reads have.
func TestReadFile(t *testing.T) { each(t, readFile) }

func readFile(t *testing.T, d Dialect) {
	text := make([]byte, 1<<20+12345)
	for i := range text {
		text[i] = patternAt(int64(i))
	}
	cuts := map[string]func(i int64, count uint32) int{
		"full": nil, "one byte less": func(_ int64, count uint32) int { return int(count) - 1 },
		"every third short": func(i int64, count uint32) int { return int(count) - int(i%3/2)*int(count)/2 },
		"one byte":          func(i int64, count uint32) int { return int(count) >> (i % 2 * 30) },
	}
	for name, cut := range cuts {
		for _, length := range []uint64{0, 1, 4096, uint64(len(text)), 1 << 40} {
			for _, msize := range []uint32{8192 + ioHead, 128<<10 + ioHead} {
				f := &oddFile{text: text, length: length, cut: cut}
				c := f.client(t, d, msize)
				got, err := c.ReadFile(bounded(t), "x")
				require.NoError(t, err)
				require.True(t, bytes.Equal(text, got), "%s, length %d, msize %d", name, length, msize)
			}
		}
	}
	for _, size := range []int{0, 1, 8191, 8192, 8193, 3 * 8192} {
		f := &oddFile{text: text[:size], length: uint64(size)}
		got, err := f.client(t, d, 8192+ioHead).ReadFile(bounded(t), "x")
		require.NoError(t, err)
		require.Len(t, got, size)
	}
}

// A stream is never read ahead of: each read waits for the one before, and
// nothing is lost, although its reads are full.
func TestStreamIsNotReadAhead(t *testing.T) { each(t, streamIsNotReadAhead) }

func streamIsNotReadAhead(t *testing.T, d Dialect) {
	text := strings.Repeat("0123456789abcde\n", 40000)
	cuts := []func(i int64, count uint32) int{nil, func(i int64, count uint32) int { return int(count) - int(i%4/3)*100 }}
	for _, cut := range cuts {
		for name, read := range map[string]func(c *Client) ([]byte, error){
			"ReadFile": func(c *Client) ([]byte, error) { return c.ReadFile(bounded(t), "x") },
			"Read": func(c *Client) ([]byte, error) {
				f, err := c.FS(bounded(t)).Open("x")
				if err != nil {
					return nil, err
				}
				defer f.Close()
				return io.ReadAll(f)
			},
			"Lines": func(c *Client) (b []byte, err error) {
				for line, err := range c.Watch(bounded(t), "x") {
					if err != nil {
						return b, err
					}
					b = append(append(b, line...), '\n')
				}
				return b, nil
			},
		} {
			f := &oddFile{text: []byte(text), stream: true, cut: cut}
			got, err := read(f.client(t, d, 8192+ioHead))
			require.NoError(t, err, name)
			require.True(t, text == string(got), "%s: %d of %d bytes", name, len(got), len(text))
		}
	}
}

// Operations on paths are the same in all dialects.
func TestPaths(t *testing.T) { each(t, paths) }

func paths(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	ctx := bounded(t)
	text, err := c.ReadFile(ctx, "/links/eth0/mtu")
	require.NoError(t, err)
	require.Equal(t, "1001\n", string(text))
	require.NoError(t, c.WriteFile(ctx, "mtu", []byte("9000\n")))
	require.Equal(t, "9000\n", tree.mtu.get())
	require.NoError(t, c.Mkdir(ctx, "links/br0,type=bridge", 0o775))
	require.ErrorIs(t, c.Mkdir(ctx, "links/br0", 0o775), fs.ErrExist)
	require.NoError(t, c.Rename(ctx, "links/br0", "links/br1"))
	require.ErrorIs(t, c.Rename(ctx, "links/br1", "br1"), syscall.EXDEV)
	require.EqualError(t, c.Rename(ctx, "links/br0", "links/br2"), "rename links/br0: no such file or directory")
	list, err := c.ReadDir(ctx, "links")
	require.NoError(t, err)
	var names []string
	for _, e := range list {
		require.NotZero(t, e.Mode&DMDIR)
		names = append(names, e.Name)
	}
	require.Equal(t, []string{"br1", "eth0"}, names)
	st, err := c.Stat(ctx, "links/br1")
	require.NoError(t, err)
	require.Equal(t, "br1", st.Name)
	require.NoError(t, c.Remove(ctx, "links/br1"))
	require.EqualError(t, c.Remove(ctx, "links/br1"), "walk links/br1: no such file or directory")
	_, err = c.Create(ctx, "mtu", 0o644, ORDWR)
	require.ErrorIs(t, err, fs.ErrExist)
	_, err = c.Create(ctx, "new", 0o644, ORDWR)
	require.ErrorIs(t, err, syscall.EPERM)
	f, err := c.Create(ctx, "links/br2,type=bridge", DMDIR|0o775, OREAD)
	require.NoError(t, err)
	st, err = f.Stat(ctx)
	require.NoError(t, err)
	require.Equal(t, "br2", st.Name)
	list, err = f.ReadDir(ctx)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, f.Clunk(ctx))
	_, err = c.ReadFile(ctx, "links")
	require.ErrorIs(t, err, syscall.EISDIR)
	require.ErrorIs(t, c.WriteFile(ctx, "routes", []byte("bad\n")), syscall.ENETUNREACH)
	require.Eventually(t, func() bool { return c.Fids() == 1 && tree.handles() == 0 }, 5*time.Second, time.Millisecond)
}

// What a dialect has not is refused, and what it has comes to the server.
func TestDialectOperations(t *testing.T) { each(t, dialectOperations) }

func dialectOperations(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	ctx := bounded(t)
	f, err := c.Open(ctx, "mtu", ORDWR)
	require.NoError(t, err)
	dir, err := c.Walk(ctx, "links")
	require.NoError(t, err)
	a, err := f.Getattr(ctx, AttrAll)
	require.NoError(t, err)
	require.EqualValues(t, linuxReg|0o664, a.Mode)
	require.NotZero(t, a.Valid&AttrSize)
	a, err = dir.Getattr(ctx, AttrBasic)
	require.NoError(t, err)
	require.EqualValues(t, linuxDir|0o775, a.Mode)
	require.NoError(t, f.Setattr(ctx, &SetAttr{Valid: SetSize | SetMtime | SetMode, Size: 0, Mode: 0o600}))
	require.NoError(t, f.Fsync(ctx))
	require.NoError(t, dir.UnlinkAt(ctx, "eth0", true))
	_, err = dir.Mkdir(ctx, "eth1", 0o755)
	require.NoError(t, err)
	require.ErrorIs(t, dir.UnlinkAt(ctx, "eth1", false), syscall.EISDIR)

	linux := map[string]func() error{
		"Statfs":   func() error { _, err := f.Statfs(ctx); return err },
		"Link":     func() error { return dir.Link(ctx, f, "x") },
		"Mknod":    func() error { _, err := dir.Mknod(ctx, "x", linuxReg|0o644, 0, 0); return err },
		"Lock":     func() error { _, err := f.Lock(ctx, &Lock{Type: LockWrite}); return err },
		"Getlock":  func() error { _, err := f.Getlock(ctx, &Lock{Type: LockWrite}); return err },
		"Xattr":    func() error { _, err := f.Xattr(ctx, "user.x"); return err },
		"SetXattr": func() error { return f.SetXattr(ctx, "user.x", []byte("1"), 0) },
		"Symlink":  func() error { _, err := dir.Symlink(ctx, "x", "y"); return err },
		"Readlink": func() error { _, err := f.Readlink(ctx); return err },
		"Lopen":    func() error { return dir.Lopen(ctx, 0) },
	}
	want := map[string]error{"Statfs": nil, "Link": syscall.EPERM, "Mknod": syscall.EPERM, "Lock": syscall.EOPNOTSUPP, "Getlock": syscall.EOPNOTSUPP,
		"Xattr": syscall.EOPNOTSUPP, "SetXattr": syscall.EOPNOTSUPP, "Symlink": syscall.EPERM, "Readlink": syscall.EINVAL, "Lopen": nil}
	for name, do := range linux {
		switch err := do(); {
		case d == DotL, d == DotU && (name == "Symlink" || name == "Readlink"):
			require.ErrorIs(t, err, want[name], name)
		default:
			require.ErrorIs(t, err, syscall.EOPNOTSUPP, name)
		}
	}
	switch d {
	case DotL:
		require.ErrorIs(t, dir.Open(ctx, ORCLOSE), syscall.EOPNOTSUPP)
		named := NullDir
		named.Name = "x"
		require.ErrorIs(t, f.Wstat(ctx, &named), syscall.EOPNOTSUPP)
	case Plain:
		require.ErrorIs(t, f.Setattr(ctx, &SetAttr{Valid: SetUID}), syscall.EOPNOTSUPP)
	}
	require.Eventually(t, func() bool { return c.Fids() == 3 }, 5*time.Second, time.Millisecond)
}
