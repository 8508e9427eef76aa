package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/p9"

	"9fans.net/go/plan9"
	"9fans.net/go/plan9/srv9p"
	"github.com/stretchr/testify/require"
)

// A remote is our client of somebody's server.
type remote struct {
	*p9.Client
	t   *testing.T
	ctx context.Context
}

func (r *remote) open(path string, mode uint8) p9.Fid {
	r.t.Helper()
	f, err := r.Open(r.ctx, path, mode)
	require.NoError(r.t, err)
	return f
}

func (r *remote) clunk(f p9.Fid) { require.NoError(r.t, f.Clunk(r.ctx)) }

// create makes a file of text, or a directory.
func (r *remote) create(dir, name string, perm uint32, text string) error {
	f, err := r.Walk(r.ctx, dir)
	require.NoError(r.t, err)
	defer func() { r.clunk(f) }()
	mode := p9.OWRITE
	if perm&p9.DMDIR != 0 {
		mode = p9.OREAD
	}
	if err := f.Create(r.ctx, name, perm, uint8(mode)); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	_, err = f.WriteAt(r.ctx, []byte(text), 0)
	return err
}

func (r *remote) cat(path string) string {
	r.t.Helper()
	f := r.open(path, p9.OREAD)
	defer r.clunk(f)
	var b strings.Builder
	_, err := f.Copy(r.ctx, &b)
	require.NoError(r.t, err)
	return b.String()
}

func (r *remote) remove(path string) error {
	f, err := r.Walk(r.ctx, path)
	if err != nil {
		return err
	}
	return f.Remove(r.ctx)
}

// use is what our client does with any server of files.
func (r *remote) use() {
	t := r.t
	long := strings.Repeat("0123456789abcdef\n", 1<<17) // more than one message
	require.NoError(t, r.create("", "short", 0o644, "one\n"))
	require.NoError(t, r.create("", "sub", p9.DMDIR|0o755, ""))
	require.NoError(t, r.create("sub", "deep", 0o640, "deep\n"))
	if r.Dialect() == p9.DotL { // a file that waits is in the other's way
		require.NoError(t, fstest.TestFS(r.FS(r.ctx), "short", "sub/deep"))
	}
	require.NoError(t, r.create("", "long", 0o644, long))
	require.Error(t, r.create("", "sub", p9.DMDIR|0o755, ""))
	require.Equal(t, "one\n", r.cat("short"))
	require.Equal(t, "deep\n", r.cat("sub/deep"))
	require.Equal(t, long, r.cat("long"))

	f := r.open("short", p9.OWRITE)
	_, err := f.WriteAt(r.ctx, []byte("two\n"), 4)
	require.NoError(t, err)
	r.clunk(f)
	require.Equal(t, "one\ntwo\n", r.cat("short"))
	f = r.open("short", p9.OWRITE|p9.OTRUNC)
	_, err = f.WriteAt(r.ctx, []byte("3\n"), 0)
	require.NoError(t, err)
	r.clunk(f)
	require.Equal(t, "3\n", r.cat("short"))

	f, err = r.Walk(r.ctx, "sub/deep")
	require.NoError(t, err)
	d, err := f.Stat(r.ctx)
	require.NoError(t, err)
	require.Equal(t, "deep", d.Name)
	require.EqualValues(t, 0o640, d.Mode)
	r.clunk(f)
	for _, path := range []string{"none", "sub/none", "none/none", "sub/deep/none"} {
		_, err = r.Walk(r.ctx, path)
		require.Error(t, err, path)
	}

	// The nodes of it can be served again.
	again := &p9.Server{Tree: &fs.Tree{Root: r.Root(), Trust: true}}
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- again.ServeConn(r.ctx, theirs, root) }()
	c, err := p9.NewClient(r.ctx, ours, nil)
	require.NoError(t, err)
	twice := &remote{c, t, r.ctx}
	require.Equal(t, "deep\n", twice.cat("sub/deep"))
	require.Equal(t, long, twice.cat("long"))
	require.NoError(t, twice.Close())
	require.NoError(t, soon(t, done))

	// Many names, and many calls at once.
	require.NoError(t, r.create("", "many", p9.DMDIR|0o755, ""))
	const names = 1000
	var wg sync.WaitGroup
	errs := make(chan error, names)
	for i := range names {
		wg.Go(func() { errs <- r.create("many", fmt.Sprint("n", i), 0o644, fmt.Sprint(i)) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	list, err := iofs.ReadDir(r.FS(r.ctx), "many")
	require.NoError(t, err)
	require.Len(t, list, names)
	require.Equal(t, "999", r.cat("many/n999"))

	require.Equal(t, 1, r.Fids(), "the root's fid is left")
}

func minute(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// TestP9ufs is hugelgupf/p9's server of a directory, as a process, with our client.
func TestP9ufs(t *testing.T) {
	dir, socket := t.TempDir(), filepath.Join(t.TempDir(), "s")
	program := filepath.Join(t.TempDir(), "p9ufs")
	out, err := exec.Command("go", "build", "-o", program, "github.com/hugelgupf/p9/cmd/p9ufs").CombinedOutput()
	require.NoError(t, err, string(out))
	server := exec.Command(program, "-unix", "-root", dir, socket)
	server.Stderr = t.Output()
	require.NoError(t, server.Start())
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	require.Eventually(t, func() bool { _, err := os.Stat(socket); return err == nil }, 20*time.Second, 10*time.Millisecond)

	dial := func(o *p9.Options) *remote {
		c, err := o.Dial(minute(t), "unix!"+socket)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		return &remote{c, t, minute(t)}
	}
	r := dial(&p9.Options{})
	require.Equal(t, p9.DotL, r.Dialect())
	r.use()

	// What only 9P2000.L has.
	top, err := r.Walk(r.ctx, "")
	require.NoError(t, err)
	_, err = top.Mkdir(r.ctx, "a", 0o755)
	require.NoError(t, err)
	a, err := r.Walk(r.ctx, "a")
	require.NoError(t, err)
	require.NoError(t, top.RenameAt(r.ctx, "short", a, "moved"))
	require.Equal(t, "3\n", r.cat("a/moved"))
	_, err = top.Symlink(r.ctx, "link", "a/moved")
	require.NoError(t, err)
	link, err := r.Walk(r.ctx, "link")
	require.NoError(t, err)
	target, err := link.Readlink(r.ctx)
	require.NoError(t, err)
	require.Equal(t, "a/moved", target)
	// It removes nothing, and says so.
	require.ErrorIs(t, r.remove("a/moved"), syscall.ENOSYS)
	require.ErrorIs(t, a.UnlinkAt(r.ctx, "moved", false), syscall.ENOSYS)
	require.Equal(t, "3\n", r.cat("a/moved"))
	attr, err := top.Getattr(r.ctx, p9.AttrBasic)
	require.NoError(t, err)
	st, err := os.Stat(dir)
	require.NoError(t, err)
	require.EqualValues(t, st.Sys().(*syscall.Stat_t).Mode, attr.Mode)
	for _, f := range []p9.Fid{a, link, top} {
		r.clunk(f)
	}
	require.Equal(t, 1, r.Fids())

	// It never lets go of a request that waits. Our client does not wait for it for
	// ever: that connection is given up, and no other.
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	stuck := dial(&p9.Options{FlushTimeout: 200 * time.Millisecond})
	ctx, cancel := context.WithTimeout(r.ctx, 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = stuck.Open(ctx, "fifo", p9.OREAD)
	require.ErrorContains(t, err, "does not answer Tflush")
	require.Less(t, time.Since(began), 10*time.Second)
	<-stuck.Gone()
	w, err := os.OpenFile(filepath.Join(dir, "fifo"), os.O_RDWR, 0) // frees the server
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Contains(t, r.cat("long")[:10], "0123")
}

// A ram is a file of the server below.
type ram struct {
	mu   sync.Mutex
	data []byte
}

// ramServer is a server made of 9fans.net/go's srv9p: files in memory, and a file
// "wait" whose reads wait until they are flushed.
func ramServer(flushed chan<- struct{}) (*srv9p.Server, error) {
	tree := srv9p.NewTree("ram", "ram", plan9.DMDIR|0o777, nil)
	if _, err := tree.Root.Create("wait", "ram", 0o444, nil); err != nil {
		return nil, err
	}
	of := func(fid *srv9p.Fid) *ram {
		f, _ := fid.File().Aux.(*ram)
		return f
	}
	return &srv9p.Server{
		Tree: tree,
		Open: func(_ context.Context, fid *srv9p.Fid, mode uint8) error {
			if f := of(fid); f != nil && mode&plan9.OTRUNC != 0 {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.data = nil
			}
			return nil
		},
		Create: func(_ context.Context, fid *srv9p.Fid, name string, perm plan9.Perm, _ uint8) (plan9.Qid, error) {
			f, err := fid.File().Create(name, "ram", perm, new(ram))
			if err != nil {
				return plan9.Qid{}, err
			}
			fid.SetFile(f)
			return f.Stat.Qid, nil
		},
		Read: func(ctx context.Context, fid *srv9p.Fid, data []byte, offset int64) (int, error) {
			f := of(fid)
			if f == nil {
				<-ctx.Done()
				flushed <- struct{}{}
				return 0, ctx.Err()
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			return fid.ReadBytes(data, offset, f.data)
		},
		Write: func(_ context.Context, fid *srv9p.Fid, data []byte, offset int64) (int, error) {
			f := of(fid)
			f.mu.Lock()
			defer f.mu.Unlock()
			if more := int(offset) + len(data) - len(f.data); more > 0 {
				f.data = append(f.data, make([]byte, more)...)
			}
			return copy(f.data[offset:], data), nil
		},
	}, nil
}

// TestSrv9p is a server made with 9fans.net/go, which speaks 9P2000 and cancels
// what is flushed, with our client.
func TestSrv9p(t *testing.T) {
	flushed := make(chan struct{}, 1)
	server, err := ramServer(flushed)
	require.NoError(t, err)
	ours, theirs := net.Pipe()
	done := make(chan error, 1)
	go func() {
		server.Serve(theirs, theirs)
		done <- theirs.Close()
	}()
	c, err := p9.NewClient(minute(t), ours, &p9.Options{Uname: "ram"})
	require.NoError(t, err)
	r := &remote{c, t, minute(t)}
	require.Equal(t, p9.Plain, r.Dialect(), "it was asked for more, and answered that")
	r.use()
	require.NoError(t, r.remove("sub/deep"))
	require.NoError(t, r.remove("sub"))
	require.Error(t, r.remove("sub"))

	f := r.open("wait", p9.OREAD)
	ctx, cancel := context.WithTimeout(r.ctx, 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = f.ReadAt(ctx, make([]byte, 10), 0)
	require.Error(t, err)
	require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
	soon(t, flushed)
	require.Less(t, time.Since(began), 5*time.Second)
	r.clunk(f)
	require.NoError(t, r.create("", "after", 0o644, "still here\n"))
	require.Equal(t, "still here\n", r.cat("after"))
	_, err = f.ReadAt(r.ctx, make([]byte, 1), 0)
	require.Error(t, err, "the fid is gone")
	require.False(t, errors.Is(r.Err(), io.EOF))
	require.NoError(t, r.Close())
	require.NoError(t, soon(t, done))
}
