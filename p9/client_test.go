package p9

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// connect serves the tree to a client of its own.
func connect(t testing.TB, s *Server, o *Options) *Client {
	t.Helper()
	cc, sc := pair(t)
	if s.Log == nil {
		s.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	ended := make(chan error, 1)
	go func() { ended <- s.ServeConn(context.Background(), sc, root) }()
	c, err := NewClient(bounded(t), cc, o)
	require.NoError(t, err)
	t.Cleanup(func() {
		c.Close()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Error("the server does not end")
		}
	})
	return c
}

// each runs a test in every dialect.
func each(t *testing.T, f func(t *testing.T, d Dialect)) {
	for _, d := range []Dialect{Plain, DotU, DotL} {
		t.Run(d.String(), func(t *testing.T) { f(t, d) })
	}
}

// in are options for one dialect.
func in(d Dialect) *Options { return &Options{Dialects: []Dialect{d}} }

// bounded is a context that ends before the test binary's patience does.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestClientFiles(t *testing.T) { each(t, clientFiles) }

func clientFiles(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	ctx := bounded(t)

	f, err := c.Open(ctx, "/mtu", ORDWR|OTRUNC)
	require.NoError(t, err)
	n, err := f.WriteAt(ctx, []byte("9000\n"), 0)
	require.NoError(t, err)
	require.Equal(t, 5, n)
	buf := make([]byte, 100)
	n, err = f.ReadAt(ctx, buf, 0)
	require.NoError(t, err)
	require.Equal(t, "9000\n", string(buf[:n]))
	n, err = f.ReadAt(ctx, buf, 5)
	require.NoError(t, err)
	require.Zero(t, n)
	require.NoError(t, f.Clunk(ctx))

	st, err := c.root.Stat(ctx)
	require.NoError(t, err)
	require.Equal(t, "/", st.Name)

	links, err := c.Walk(ctx, "links")
	require.NoError(t, err)
	made, err := links.Walk(ctx)
	require.NoError(t, err)
	require.NoError(t, made.Create(ctx, "br0,type=bridge", DMDIR|0o775, OREAD))
	require.NoError(t, made.Clunk(ctx))
	br0, err := links.Walk(ctx, "br0")
	require.NoError(t, err)
	cut := NullDir
	cut.Length = 7 // to any length: taken, and means nothing
	require.NoError(t, br0.Wstat(ctx, &cut))
	require.NoError(t, links.RenameAt(ctx, "br0", links, "br1"))
	require.NoError(t, br0.Clunk(ctx))
	br1, err := links.Walk(ctx, "br1")
	require.NoError(t, err)
	require.NoError(t, br1.Remove(ctx))
	_, err = links.Walk(ctx, "br1")
	require.ErrorIs(t, err, iofs.ErrNotExist)
	require.NoError(t, links.Clunk(ctx))
	require.Equal(t, 1, c.Fids())
	require.Zero(t, tree.handles())
}

// The words come through, and the errno in them.
func TestClientErrors(t *testing.T) { each(t, clientErrors) }

func clientErrors(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	ctx := bounded(t)
	_, err := c.Open(ctx, "links/eth9/mtu", OREAD)
	require.EqualError(t, err, "walk links/eth9/mtu: no such file or directory")
	require.ErrorIs(t, err, syscall.ENOENT)
	_, err = c.Open(ctx, "mtu/x", OREAD)
	require.ErrorIs(t, err, syscall.ENOTDIR)
	_, err = c.Open(ctx, "big", OWRITE)
	require.ErrorIs(t, err, syscall.EACCES)
	f, err := c.Open(ctx, "routes", OWRITE)
	require.NoError(t, err)
	_, err = f.WriteAt(ctx, []byte("bad\n"), 0)
	words := `routes:1: add 10.9.0.0/16: via "10.0.9.1": network is unreachable (1 of 3 lines failed)`
	if d == DotL {
		words = syscall.ENETUNREACH.Error()
	}
	require.EqualError(t, err, words)
	require.ErrorIs(t, err, syscall.ENETUNREACH)
	require.Equal(t, syscall.ENETUNREACH, fs.Errno(err))
	require.NoError(t, f.Clunk(ctx))
	require.Equal(t, 1, c.Fids())
}

// With 9P2000.u the number comes beside the words, whatever they are.
func TestDotU(t *testing.T) {
	tree := newTestTree()
	ctx := bounded(t)
	c := connect(t, &Server{Tree: tree.Tree}, in(DotU))
	require.Equal(t, DotU, c.Dialect())
	d, err := c.root.Stat(ctx)
	require.NoError(t, err)
	require.Equal(t, [3]uint32{0, 0, 0}, [3]uint32{d.NumUID, d.NumGID, d.NumMUID})
	list, err := iofs.ReadDir(c.FS(ctx), ".")
	require.NoError(t, err)
	require.Len(t, list, 10)
	_, err = c.Open(ctx, "nope", OREAD)
	require.ErrorIs(t, err, syscall.ENOENT)
	c = connect(t, &Server{Tree: tree.Tree}, &Options{Dialects: []Dialect{Plain}})
	require.Equal(t, Plain, c.dialect)
	_, err = c.Open(ctx, "nope", OREAD)
	require.ErrorIs(t, err, syscall.ENOENT)
	require.ErrorIs(t, remoteError(&Msg{Ename: "whatever", Errno: 113}), syscall.EHOSTUNREACH)
}

func TestTextErrno(t *testing.T) {
	for text, want := range map[string]uint32{
		"No such file or directory": 2, "file does not exist": 2, "routes:1: x: network is unreachable": 101,
		"a: b: Permission denied (3 of 4 lines failed)": 13, "what nobody knows": 0, "": 0,
		"network is unreachable: what nobody knows": 0, "no such device": 19, "file has been removed": 43,
	} {
		require.Equal(t, want, textErrno(text), text)
	}
}

// Every errno goes through Rerror and back, whatever words were around it.
func TestErrnoRoundTrip(t *testing.T) {
	for _, e := range errnos {
		no := localErrno(e.n)
		for _, err := range []error{no, &iofs.PathError{Op: "open", Path: "x", Err: no}} {
			if linuxErrno(no) == e.n {
				require.Equal(t, e.text, errorText(err, maxEname))
			}
		}
		for _, err := range []error{no, fmt.Errorf("routes:5: why: %w", no), &fs.Error{Text: "words of its own", Errno: no},
			&fs.LineError{File: "routes", Line: 3, Err: &fs.KeyError{Key: "via", Word: "x", Err: no}, Failed: 2, Of: 5}} {
			got := remoteError(&Msg{Ename: errorText(err, maxEname)})
			require.ErrorIs(t, got, no, errorText(err, maxEname))
		}
	}
	require.Equal(t, "file has been removed", errorText(fs.ErrRemoved, maxEname))
	long := errorText(fmt.Errorf("%s: %w", bytes.Repeat([]byte("é"), 4000), syscall.ENODEV), maxEname)
	require.LessOrEqual(t, len(long), maxEname)
	require.ErrorIs(t, remoteError(&Msg{Ename: long}), syscall.ENODEV)
}

func TestClientLongWalk(t *testing.T) { each(t, clientLongWalk) }

func clientLongWalk(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	ctx := bounded(t)
	var names []string
	for range 20 {
		names = append(names, "links", "..")
	}
	names = append(names, "links", "eth0", "mtu")
	f, err := c.root.Walk(ctx, names...)
	require.NoError(t, err)
	st, err := f.Stat(ctx)
	require.NoError(t, err)
	require.Equal(t, "mtu", st.Name)
	_, err = c.root.Walk(ctx, append(names, "x")...)
	require.ErrorIs(t, err, syscall.ENOTDIR)
	_, err = c.root.Walk(ctx, append(names[:30:30], "nope", "links", "links")...)
	require.ErrorIs(t, err, syscall.ENOENT)
	require.NoError(t, f.Clunk(ctx))
	// Clunks that nobody waits for arrive in their own time.
	require.Eventually(t, func() bool { return c.Fids() == 1 }, 5*time.Second, time.Millisecond)
}

// A cancelled read returns at once, its tag is free, and no record is lost.
func TestClientCancel(t *testing.T) { each(t, clientCancel) }

func clientCancel(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	f, err := c.Open(bounded(t), "events", OREAD)
	require.NoError(t, err)
	buf := make([]byte, 100)
	for i := range 100 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
		_, err = f.ReadAt(ctx, buf, 0)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		tree.events.emit(fmt.Sprintf("%d\n", i))
		n, err := f.ReadAt(bounded(t), buf, 0)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("%d\n", i), string(buf[:n]))
	}
	require.LessOrEqual(t, len(c.calls), 4)
	require.NoError(t, f.Clunk(bounded(t)))
}

// Cancels race with records: each record comes exactly once.
func TestClientCancelLosesNothing(t *testing.T) { each(t, clientCancelLosesNothing) }

func clientCancelLosesNothing(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	f, err := c.Open(bounded(t), "events", OREAD)
	require.NoError(t, err)
	const records = 2000
	go func() {
		for i := range records {
			tree.events.emit(fmt.Sprintf("%d\n", i))
			if i%10 == 0 {
				time.Sleep(100 * time.Microsecond)
			}
		}
	}()
	var got bytes.Buffer
	buf := make([]byte, 1<<10)
	want := ""
	for i := range records {
		want += fmt.Sprintf("%d\n", i)
	}
	deadline := time.Now().Add(20 * time.Second)
	for got.Len() < len(want) && time.Now().Before(deadline) {
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Microsecond)
		n, err := f.ReadAt(ctx, buf, 0)
		cancel()
		got.Write(buf[:n])
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
	}
	require.Equal(t, want, got.String())
}

func TestClientFlushIsQuick(t *testing.T) { each(t, clientFlushIsQuick) }

func clientFlushIsQuick(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	for _, name := range []string{"events", "stuck", "slow"} {
		f, err := c.Open(bounded(t), name, OREAD)
		require.NoError(t, err)
		best := time.Hour
		for range 20 {
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				_, err := f.ReadAt(ctx, make([]byte, 100), 0)
				done <- err
			}()
			time.Sleep(5 * time.Millisecond)
			start := time.Now()
			cancel()
			require.Error(t, <-done)
			best = min(best, time.Since(start))
		}
		t.Logf("%s: a blocked read ends %v after its context, at best", name, best)
		require.NoError(t, f.Clunk(bounded(t)))
	}
}

// A server that does not let go of a cancelled call is given up.
func TestClientFlushTimeout(t *testing.T) {
	cc, sc := pair(t)
	go hostile(sc, DotL, func(m *Msg) []*Msg {
		if m.Type == Tread || m.Type == Tflush {
			return nil
		}
		return []*Msg{civil(m)}
	})
	c, err := NewClient(bounded(t), cc, &Options{FlushTimeout: 50 * time.Millisecond})
	require.NoError(t, err)
	f, err := c.Open(bounded(t), "x", OREAD)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err = f.ReadAt(ctx, make([]byte, 10), 0)
	require.ErrorIs(t, err, errNoFlush)
	<-c.Gone()
	require.ErrorIs(t, c.Err(), errNoFlush)
	_, err = f.ReadAt(bounded(t), make([]byte, 10), 0)
	require.ErrorIs(t, err, errNoFlush)
	require.NoError(t, c.Close())
}

func TestClientDirectory(t *testing.T) { each(t, clientDirectory) }

func clientDirectory(t *testing.T, d Dialect) {
	tree := newTestTree()
	for i := range 3000 {
		_, err := tree.links.Mkdir(context.Background(), fmt.Sprintf("dummy%d", i))
		require.NoError(t, err)
	}
	c := connect(t, &Server{Tree: tree.Tree}, &Options{Msize: 4096, Dialects: []Dialect{d}})
	ctx := bounded(t)
	f, err := c.Open(ctx, "links", OREAD)
	require.NoError(t, err)
	for range 2 {
		list, err := f.ReadDir(ctx)
		require.NoError(t, err)
		require.Len(t, list, 3001)
		seen := make(map[uint64]bool)
		for _, e := range list {
			require.False(t, seen[e.Qid.Path], e.Name)
			seen[e.Qid.Path] = true
		}
	}
	require.NoError(t, f.Clunk(ctx))
}

func TestClientReads(t *testing.T) { each(t, clientReads) }

func clientReads(t *testing.T, d Dialect) {
	tree := newTestTree()
	for _, msize := range []uint32{256, 8192, 1<<20 + 24} {
		c := connect(t, &Server{Tree: tree.Tree}, &Options{Msize: msize, Dialects: []Dialect{d}})
		ctx := bounded(t)
		f, err := c.Open(ctx, "big", OREAD)
		require.NoError(t, err)
		buf := make([]byte, 100000)
		for _, off := range []int64{0, 1, 250, 251, 100000, patternSize - 10, patternSize} {
			n, err := f.ReadAt(ctx, buf, off)
			require.NoError(t, err)
			require.Equal(t, int(min(int64(len(buf)), int64(msize)-ioHead, patternSize-off)), n)
			for i := range n {
				if buf[i] != patternAt(off+int64(i)) {
					t.Fatalf("msize %d: wrong byte at %d", msize, off+int64(i))
				}
			}
		}
		if msize > 8192 {
			var w patternWriter
			n, err := f.Copy(ctx, &w)
			require.NoError(t, err)
			require.EqualValues(t, patternSize, n)
			require.EqualValues(t, patternSize, w)
		}
		require.NoError(t, f.Clunk(ctx))
	}
	require.Zero(t, tree.handles())
}

// patternWriter checks what is written to it.
type patternWriter int64

func (w *patternWriter) Write(p []byte) (int, error) {
	for i := range p {
		if p[i] != patternAt(int64(*w)) {
			return i, fmt.Errorf("wrong byte at %d", *w)
		}
		*w++
	}
	return len(p), nil
}

func TestClientLongWrite(t *testing.T) { each(t, clientLongWrite) }

func clientLongWrite(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, &Options{Msize: 1000, Dialects: []Dialect{d}})
	ctx := bounded(t)
	f, err := c.Open(ctx, "routes", OWRITE)
	require.NoError(t, err)
	text := bytes.Repeat([]byte("0123456789"), 1000)
	n, err := f.WriteAt(ctx, text, 0)
	require.NoError(t, err)
	require.Equal(t, len(text), n)
	require.Equal(t, string(text), tree.routes.get())
}

func TestClientFS(t *testing.T) { each(t, clientIOFS) }

func clientIOFS(t *testing.T, d Dialect) {
	tree := newTestTree()
	tree.Root = dir{{Name: "mtu", Node: tree.mtu}, {Name: "links", Node: tree.links}, {Name: "empty", Node: dir{}}}
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	require.NoError(t, fstest.TestFS(c.FS(bounded(t)), "mtu", "links/eth0/mtu", "empty"))
	require.Eventually(t, func() bool { return c.Fids() == 1 && tree.handles() == 0 }, 5*time.Second, time.Millisecond)
}

// A remote tree is a tree: served again, it is what it was.
func TestReserve(t *testing.T) { each(t, reserve) }

func reserve(t *testing.T, d Dialect) {
	tree := newTestTree()
	near := connect(t, &Server{Tree: tree.Tree}, in(d))
	c := connect(t, &Server{Tree: &fs.Tree{Root: near.Root(), Trust: true}}, in(d))
	ctx := bounded(t)

	f, err := c.Open(ctx, "mtu", ORDWR)
	require.NoError(t, err)
	_, err = f.WriteAt(ctx, []byte("1400\n"), 0)
	require.NoError(t, err)
	require.NoError(t, f.Clunk(ctx))
	text, err := iofs.ReadFile(c.FS(ctx), "mtu")
	require.NoError(t, err)
	require.Equal(t, "1400\n", string(text))

	list, err := iofs.ReadDir(c.FS(ctx), ".")
	require.NoError(t, err)
	require.Len(t, list, 10)

	f, err = c.Open(ctx, "routes", OWRITE)
	require.NoError(t, err)
	_, err = f.WriteAt(ctx, []byte("bad\n"), 0)
	words := `routes:1: add 10.9.0.0/16: via "10.0.9.1": network is unreachable (1 of 3 lines failed)`
	if d == DotL {
		words = syscall.ENETUNREACH.Error()
	}
	require.EqualError(t, err, words)
	require.Equal(t, syscall.ENETUNREACH, fs.Errno(err))
	require.NoError(t, f.Clunk(ctx))
	_, err = c.Open(ctx, "big", OWRITE)
	require.ErrorIs(t, err, syscall.EACCES)

	links, err := c.Walk(ctx, "links")
	require.NoError(t, err)
	require.NoError(t, links.Create(ctx, "br0", DMDIR|0o775, OREAD))
	br0, err := c.Walk(ctx, "links/br0")
	require.NoError(t, err)
	require.NoError(t, links.Clunk(ctx)) // which is br0 now
	links, err = c.Walk(ctx, "links")
	require.NoError(t, err)
	require.NoError(t, br0.Rename(ctx, links, "br1"))
	require.NoError(t, br0.Remove(ctx))
	require.NoError(t, links.Clunk(ctx))

	// The rule for v9fs holds through both servers.
	f, err = c.Open(ctx, "events", OREAD)
	require.NoError(t, err)
	tree.events.emit("link add name=eth0\n")
	buf := make([]byte, 1000)
	n, err := f.ReadAt(ctx, buf, 0)
	require.NoError(t, err)
	require.Equal(t, "link add name=eth0\n", string(buf[:n]))
	n, err = f.ReadAt(ctx, buf[n:], int64(n))
	require.NoError(t, err)
	require.Zero(t, n)
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	_, err = f.ReadAt(short, buf, 19)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, f.Clunk(ctx))

	// A long file comes in order, read ahead.
	for _, size := range []int{1000, 5000, 128 << 10, 1 << 20} {
		f, err = c.Open(ctx, "big", OREAD)
		require.NoError(t, err)
		var w patternWriter
		buf = make([]byte, size)
		for off := int64(0); off < 4<<20; {
			n, err := f.ReadAt(ctx, buf, off)
			require.NoError(t, err)
			_, err = w.Write(buf[:n])
			require.NoError(t, err)
			off += int64(n)
		}
		n, err := f.ReadAt(ctx, buf[:10], 77)
		require.NoError(t, err)
		require.Positive(t, n)
		require.Equal(t, patternAt(77), buf[0])
		require.NoError(t, f.Clunk(ctx))
	}
	require.Eventually(t, func() bool { return c.Fids() == 1 && near.Fids() == 1 && tree.handles() == 0 }, 5*time.Second, time.Millisecond)
}

// chains are the dialects of one server, and of one that serves the other's tree
// again.
var chains = [][]Dialect{{Plain}, {DotL}, {DotU, DotU}, {DotL, DotL}, {Plain, DotL}}

// chained is a client of the last of a chain of servers.
func chained(t *testing.T, tree *fs.Tree, chain []Dialect) (c *Client) {
	for _, d := range chain {
		c = connect(t, &Server{Tree: tree}, in(d))
		tree = &fs.Tree{Root: c.Root(), Trust: true}
	}
	return c
}

// The laws of every tree hold behind 9P, and behind 9P twice.
func TestTreeLaws(t *testing.T) {
	for _, chain := range chains {
		t.Run(fmt.Sprint(chain), func(t *testing.T) {
			net := treetest.NewNet(50)
			c := chained(t, net.Tree(), chain)
			door := treetest.Local(&fs.Tree{Root: c.Root(), Trust: true}, treetest.Root)
			changes := net.Changes()
			treetest.Check(t, treetest.Numbers(door), net.Options())
			require.Equal(t, changes, net.Changes())
		})
	}
}

func TestTreeTranscript(t *testing.T) {
	for _, chain := range chains {
		t.Run(fmt.Sprint(chain), func(t *testing.T) {
			c := chained(t, treetest.NewNet(2).Tree(), chain)
			door := treetest.Local(&fs.Tree{Root: c.Root(), Trust: true}, treetest.Root)
			treetest.Run(t, treetest.Numbers(door), "../fs/treetest/testdata/net.txt")
		})
	}
}

// Readers that shrink their buffers as Linux's client does get the stream all the
// same.
func TestStreamReaders(t *testing.T) { each(t, streamReaders) }

func streamReaders(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	var want []string
	for i := range 300 {
		want = append(want, strings.Repeat("x", i*7%61)+fmt.Sprint(i))
	}
	for _, size := range []int{16, 100, 4096} {
		f, err := c.FS(bounded(t)).Open("events")
		require.NoError(t, err)
		go func() {
			for _, s := range want {
				tree.events.emit(s + "\n")
			}
		}()
		r := bufio.NewReaderSize(f, size)
		for _, s := range want {
			line, err := r.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, s+"\n", line)
		}
		require.NoError(t, f.Close())
	}
	// One byte at a time, from a read that fell one short of its buffer.
	f, err := c.FS(bounded(t)).Open("events")
	require.NoError(t, err)
	tree.events.emit("abc")
	tree.events.emit("def")
	buf := make([]byte, 4)
	var got []byte
	for _, n := range []int{4, 1, 1, 1} {
		m, err := f.Read(buf[:n])
		require.NoError(t, err)
		got = append(got, buf[:m]...)
	}
	require.Equal(t, "abcdef", string(got))
	require.NoError(t, f.Close())
}

func TestClientConcurrent(t *testing.T) { each(t, clientConcurrent) }

func clientConcurrent(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	var wg sync.WaitGroup
	for g := range 32 {
		wg.Go(func() {
			buf := make([]byte, 1<<10)
			for i := range 100 {
				f, err := c.Open(bounded(t), "big", OREAD)
				if err != nil {
					t.Error(err)
					return
				}
				off := int64(g*1000 + i)
				n, err := f.ReadAt(context.Background(), buf, off)
				if err != nil || n != len(buf) || buf[5] != patternAt(off+5) {
					t.Error(n, err)
				}
				if err := f.Clunk(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, 1, c.Fids())
}

func TestClientClose(t *testing.T) { each(t, clientClose) }

func clientClose(t *testing.T, d Dialect) {
	tree := newTestTree()
	c := connect(t, &Server{Tree: tree.Tree}, in(d))
	f, err := c.Open(bounded(t), "events", OREAD)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := f.ReadAt(context.Background(), make([]byte, 10), 0)
		done <- err
	}()
	time.Sleep(10 * time.Millisecond)
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-done, ErrClosed)
	_, err = c.Open(bounded(t), "mtu", OREAD)
	require.ErrorIs(t, err, ErrClosed)
	require.Eventually(t, func() bool { return tree.handles() == 0 }, 5*time.Second, time.Millisecond)
}

// hostile answers each request as f says, until the connection ends.
func hostile(rw io.ReadWriteCloser, d Dialect, f func(m *Msg) []*Msg) {
	defer rw.Close()
	for {
		m, err := readMsgIn(rw, d)
		if err != nil {
			return
		}
		for _, r := range f(m) {
			b, err := AppendMsg(nil, d, r)
			if err != nil {
				return
			}
			if _, err := rw.Write(b); err != nil {
				return
			}
		}
	}
}

func readMsg(r io.Reader) (*Msg, error) { return readMsgIn(r, Plain) }

func readMsgIn(r io.Reader, d Dialect) (*Msg, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if size < headLen {
		return nil, errors.New("short frame")
	}
	frame := append(head, make([]byte, size-4)...)
	if _, err := io.ReadFull(r, frame[4:]); err != nil {
		return nil, err
	}
	m := new(Msg)
	return m, DecodeMsg(frame, d, m)
}

// civil is what a decent server answers.
func civil(m *Msg) *Msg {
	r := &Msg{Type: m.Type + 1, Tag: m.Tag, Msize: m.Msize, Version: m.Version, Count: uint32(len(m.Data))}
	switch m.Type {
	case Twalk:
		r.Qids = make([]Qid, len(m.Names))
	case Tread:
		r.Data = make([]byte, m.Count)
	}
	return r
}

// Whatever a server says instead of the answer, the call fails, the connection
// ends, and nothing hangs or panics.
func TestClientHostileServer(t *testing.T) {
	lies := map[string]func(m *Msg) []*Msg{
		"wrong tag":       func(m *Msg) []*Msg { r := civil(m); r.Tag += 7; return []*Msg{r} },
		"no tag":          func(m *Msg) []*Msg { r := civil(m); r.Tag = NoTag; return []*Msg{r} },
		"wrong type":      func(m *Msg) []*Msg { return []*Msg{{Type: Rwstat, Tag: m.Tag}} },
		"a request":       func(m *Msg) []*Msg { return []*Msg{{Type: Tclunk, Tag: m.Tag}} },
		"too much":        func(m *Msg) []*Msg { return []*Msg{{Type: Rread, Tag: m.Tag, Data: make([]byte, int(m.Count)+1)}} },
		"wrote too much":  func(m *Msg) []*Msg { return []*Msg{{Type: Rwrite, Tag: m.Tag, Count: 1 << 31}} },
		"walked too far":  func(m *Msg) []*Msg { return []*Msg{{Type: Rwalk, Tag: m.Tag, Qids: make([]Qid, 16)}} },
		"version twice":   func(m *Msg) []*Msg { return []*Msg{{Type: Rversion, Tag: NoTag, Msize: 8192, Version: "9P2000"}} },
		"answered before": func(m *Msg) []*Msg { return []*Msg{{Type: Rread, Tag: m.Tag + 1}, civil(m)} },
		"twice":           func(m *Msg) []*Msg { return []*Msg{civil(m), civil(m), civil(m)} },
	}
	each(t, func(t *testing.T, d Dialect) {
		asks := []Type{Tattach, Tstat, Twalk, Topen, Tread, Twrite, Tclunk}
		if d == DotL {
			asks = []Type{Tattach, Tgetattr, Twalk, Tlopen, Tread, Twrite, Tclunk}
		}
		for name, lie := range lies {
			for _, at := range asks {
				t.Run(fmt.Sprintf("%s at %v", name, at), func(t *testing.T) { lied(t, d, at, lie) })
			}
		}
	})
}

func lied(t *testing.T, d Dialect, at Type, lie func(m *Msg) []*Msg) {
	cc, sc := pair(t)
	go hostile(sc, d, func(m *Msg) []*Msg {
		if m.Type == at {
			return lie(m)
		}
		return []*Msg{civil(m)}
	})
	c, err := NewClient(bounded(t), cc, in(d))
	if err != nil {
		return
	}
	defer c.Close()
	ctx := bounded(t)
	f, err := c.Open(ctx, "x", ORDWR)
	if err == nil {
		_, err = f.WriteAt(ctx, []byte("x"), 0)
	}
	if err == nil {
		_, err = f.ReadAt(ctx, make([]byte, 10), 0)
	}
	if err == nil {
		err = f.Clunk(ctx)
	}
	// A lie that fits is none: "walked too far" at Tread, say.
	if err == nil {
		_, err = c.Walk(ctx, "y")
	}
	t.Log(err)
	require.NoError(t, ctx.Err())
}

// Frames that are none.
func TestClientHostileBytes(t *testing.T) {
	for _, b := range [][]byte{
		{0, 0, 0, 0}, {6, 0, 0, 0, 101, 255, 255}, {255, 255, 255, 255, 101, 255, 255}, {7, 0, 0, 0, 101, 255, 255},
		{8, 0, 0, 0, 101, 255, 255, 1}, {13, 0, 0, 0, 101, 255, 255, 0, 0, 0, 0, 9, 0}, {19, 0, 0, 0, 101, 255, 255, 255, 255, 255, 255, 6, 0, '9', 'P', '2', '0', '0', '0'},
		{19, 0, 0, 0, 101, 255, 255, 1, 0, 0, 0, 6, 0, '9', 'P', '2', '0', '0', '0'}, {},
	} {
		cc, sc := pair(t)
		sc.Write(b)
		sc.(interface{ CloseWrite() error }).CloseWrite()
		_, err := NewClient(bounded(t), cc, nil)
		require.Error(t, err)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		sc.Close()
	}
}
