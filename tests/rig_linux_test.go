package tests

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/fusefs"
	"github.com/netfs-project/netfs/fs/host"
	"github.com/netfs-project/netfs/nl/nltest"
	"github.com/netfs-project/netfs/p9"

	"github.com/stretchr/testify/require"
)

// A rig is a namespace of the test's own with the tree of it, and the three
// doors to that tree: in the process, over 9P, through FUSE.
type rig struct {
	*nltest.NS
	t    testing.TB
	tree *fs.Tree
	sock string // unix!PATH
	mnt  string // "" until mount
}

// newRig makes a namespace with a pair of links, v0 and v1, both up, v0 with
// 192.0.2.1/24 and 2001:db8::1/64, and opens its tree.
func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{NS: nltest.NewNS(t), t: t}
	r.ip("link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02")
	r.ip("link set v0 up")
	r.ip("link set v1 up")
	r.ip("addr add 192.0.2.1/24 dev v0")
	r.ip("addr add 2001:db8::1/64 dev v0 nodad")
	r.open()
	return r
}

func (r *rig) open() {
	h, err := host.Open(&host.Options{NS: r.FD})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, h.Close()) })
	r.tree = &fs.Tree{Root: h.Root(), Errors: h.Errors()}
}

// ip runs ip(8) in the namespace and returns what it printed.
func (r *rig) ip(args string) string {
	r.t.Helper()
	return r.Run(r.t, "ip", strings.Fields(args)...)
}

// serve serves the tree on a unix socket until the test ends.
func (r *rig) serve() string {
	r.t.Helper()
	if r.sock != "" {
		return r.sock
	}
	r.sock = "unix!" + filepath.Join(shortDir(r.t), "s")
	l, err := p9.Listen(r.sock)
	require.NoError(r.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	srv := &p9.Server{Tree: r.tree}
	go func() { defer close(done); srv.Serve(ctx, l) }()
	r.t.Cleanup(func() { cancel(); <-done })
	return r.sock
}

// remote returns the tree as a 9P client sees it.
func (r *rig) remote() *fs.Tree {
	r.t.Helper()
	c, err := (&p9.Options{Dialects: p9.WordsFirst()}).Dial(context.Background(), r.serve())
	require.NoError(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	return &fs.Tree{Root: c.Root(), Trust: true}
}

// mount mounts the tree through FUSE until the test ends.
func (r *rig) mount() string {
	r.t.Helper()
	if r.mnt != "" {
		return r.mnt
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		r.t.Skip("no /dev/fuse on this machine")
	}
	dir := r.t.TempDir()
	m, err := fusefs.Mount(dir, r.tree, nil)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, m.Close()) })
	r.mnt = dir
	return dir
}

// shortDir returns a directory whose path fits a socket's name.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "nfs")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

var root = &fs.User{Name: "root", UID: 0, GID: 0, From: "test"}

// as is the context of calls that root makes.
func as(t testing.TB, u *fs.User) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return fs.WithUser(ctx, u)
}

// at walks a tree.
func at(t testing.TB, tree *fs.Tree, path string) *fs.Ref {
	t.Helper()
	r, err := walk(as(t, root), tree, path)
	require.NoError(t, err, path)
	return r
}

func walk(ctx context.Context, tree *fs.Tree, path string) (*fs.Ref, error) {
	r := tree.Attach()
	for _, name := range strings.Split(path, "/") {
		var err error
		if r, err = r.Walk(ctx, name); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// read returns a whole file.
func read(t testing.TB, tree *fs.Tree, path string) string {
	t.Helper()
	ctx := as(t, root)
	f, err := at(t, tree, path).Open(ctx, fs.OpenRead)
	require.NoError(t, err, path)
	defer f.Close(ctx)
	var all []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := f.ReadAt(ctx, buf, int64(len(all)))
		require.NoError(t, err, path)
		if n == 0 {
			return string(all)
		}
		all = append(all, buf[:n]...)
	}
}

// write writes to a file in pieces, and returns the first error, be it the close's.
func write(t testing.TB, tree *fs.Tree, path string, pieces ...string) error {
	t.Helper()
	ctx := as(t, root)
	f, err := at(t, tree, path).Open(ctx, fs.OpenWrite)
	require.NoError(t, err, path)
	var off int64
	for _, p := range pieces {
		if _, err := f.WriteAt(ctx, []byte(p), off); err != nil {
			f.Close(ctx)
			return err
		}
		off += int64(len(p))
	}
	return f.Close(ctx)
}

// built is where binaries put them, for TestMain to remove.
var built string

// binaries builds the commands once, and returns the directory they are in.
var binaries = sync.OnceValues(func() (string, error) {
	if dir := os.Getenv("NETFS_BIN"); dir != "" {
		return dir, nil
	}
	dir, err := os.MkdirTemp("", "netfs-bin")
	if err != nil {
		return "", err
	}
	built = dir
	c := exec.Command("go", "build", "-o", dir+"/", "../cmd/netfs", "../cmd/netfs-mount")
	if out, err := c.CombinedOutput(); err != nil {
		return "", &buildError{string(out), err}
	}
	return dir, nil
})

type buildError struct {
	out string
	err error
}

func (e *buildError) Error() string { return e.err.Error() + "\n" + e.out }

func bin(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil && os.Getenv("NETFS_BIN") == "" {
		t.Skip("no go command to build netfs with")
	}
	dir, err := binaries()
	require.NoError(t, err)
	return dir
}

// inVM are the tests that run again on other kernels: those that ask what the
// kernel has. The others would learn nothing there, and an emulated processor has
// not the time for a thousand clients.
const inVM = "^Test(States|StatesLinks|WriteWhatIsRead|Restore|RestoreAddrs|DoorsAgree|SameErrno|Mirror|KernelMount)$"

func TestMain(m *testing.M) {
	flag.Parse()
	if run := flag.Lookup("test.run"); os.Getenv("NETFS_VM") != "" && run.Value.String() == "" {
		fmt.Println("--- SKIP: in the VM only " + inVM)
		run.Value.Set(inVM)
	}
	code := m.Run()
	if built != "" {
		os.RemoveAll(built)
	}
	os.Exit(code)
}

// settled waits until the process has no more goroutines and descriptors than
// before, and fails if that does not come.
func settled(t testing.TB, goroutines, fds int) {
	t.Helper()
	var g, f int
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		runtime.GC()
		if g, f = runtime.NumGoroutine(), openFiles(t); g <= goroutines && f <= fds {
			return
		}
	}
	var stacks bytes.Buffer
	buf := make([]byte, 1<<20)
	stacks.Write(buf[:runtime.Stack(buf, true)])
	t.Fatalf("left: %d goroutines (were %d), %d descriptors (were %d)\n%s", g, goroutines, f, fds, stacks.String())
}

func openFiles(t testing.TB) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(list)
}
