package p9

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
)

// settled waits until the goroutines are as few as before and no handle is open.
func settled(t *testing.T, tree *testTree, before int) {
	t.Helper()
	var now int
	ok := func() bool {
		now = runtime.NumGoroutine()
		return now <= before && tree.handles() == 0
	}
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Fatalf("%d goroutines, before %d; %d handles\n%s", now, before, tree.handles(), buf[:runtime.Stack(buf, true)])
}

// start serves on a unix socket and returns its dial string; stop ends it.
func start(t *testing.T, s *Server) (dial string, stop func()) {
	t.Helper()
	return startOn(t, s, "unix!"+filepath.Join(t.TempDir(), "s"))
}

// startOn is start on a dial string; port 0 is a free one.
func startOn(t *testing.T, s *Server, dial string) (at string, stop func()) {
	t.Helper()
	l, err := Listen(dial)
	require.NoError(t, err)
	if a, ok := l.Addr().(*net.TCPAddr); ok {
		dial = fmt.Sprintf("tcp!%s!%d", a.IP, a.Port)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				require.NoError(t, err)
			case <-time.After(10 * time.Second):
				t.Error("Serve does not return")
			}
		})
	}
	t.Cleanup(stop)
	return dial, stop
}

func TestThousandClients(t *testing.T) {
	before := runtime.NumGoroutine()
	tree := newTestTree()
	dial, stop := start(t, &Server{Tree: tree.Tree})
	const clients = 1000
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []*Client
	for i := range clients {
		wg.Go(func() {
			c, err := Dial(bounded(t), dial)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			all = append(all, c)
			mu.Unlock()
			f, err := c.Open(bounded(t), "mtu", OREAD)
			if err != nil {
				t.Error(err)
				return
			}
			buf := make([]byte, 100)
			if n, err := f.ReadAt(bounded(t), buf, 0); err != nil || string(buf[:n]) != "1500\n" {
				t.Errorf("client %d: %q %v", i, buf[:n], err)
			}
			if e, err := c.Open(bounded(t), "events", OREAD); err == nil {
				go e.ReadAt(context.Background(), buf, 0)
			}
		})
	}
	wg.Wait()
	require.Len(t, all, clients)
	for _, c := range all[:clients/2] {
		require.NoError(t, c.Close())
	}
	stop()
	for _, c := range all[clients/2:] {
		<-c.Gone()
		require.NoError(t, c.Close())
	}
	settled(t, tree, before)
}

// However a client vanishes, what it had goes with it.
func TestVanished(t *testing.T) {
	before := runtime.NumGoroutine()
	tree := newTestTree()
	dial, stop := start(t, &Server{Tree: tree.Tree})
	_, address, err := ParseDial(dial)
	require.NoError(t, err)
	read := &Msg{Type: Tread, Tag: 5, Fid: 1, Count: 10}
	for name, last := range map[string][]*Msg{
		"idle":         nil,
		"blocked read": {read},
		"queued":       {{Type: Twrite, Tag: 5, Fid: 1, Data: []byte("x")}, {Type: Twrite, Tag: 6, Fid: 1, Data: []byte("y")}, {Type: Tread, Tag: 7, Fid: 1}, {Type: Tclunk, Tag: 8, Fid: 1}},
		"flushing":     {read, {Type: Tflush, Tag: 6, Oldtag: 5}},
		"clunking":     {read, {Type: Tclunk, Tag: 6, Fid: 1}},
		"versioning":   {read, {Type: Tversion, Tag: NoTag, Msize: 8192, Version: "9P2000"}},
	} {
		for _, file := range []string{"stuck", "slow", "events", "mtu"} {
			for _, half := range []bool{false, true} {
				c, err := net.Dial("unix", address)
				require.NoError(t, err, name)
				w := &wire{t: t, c: c, r: newReader(c)}
				w.start()
				mode := uint8(ORDWR)
				if file == "events" {
					mode = OREAD
				}
				w.open(1, file, mode)
				if last != nil {
					w.send(last...)
				}
				if half {
					c.Write([]byte{30, 0, 0, 0, byte(Twrite), 9})
				}
				if file == "slow" {
					time.Sleep(3 * time.Millisecond) // the watch has taken the input
				}
				c.Close()
			}
		}
	}
	require.Eventually(t, func() bool { return tree.handles() == 0 }, 10*time.Second, time.Millisecond)
	stop()
	settled(t, tree, before)
}

// A handle learns from its context whether its client is still there.
func TestCloseContext(t *testing.T) {
	closed := make(chan error, 1)
	node := &probe{close: func(ctx context.Context) error { closed <- ctx.Err(); return syscall.ENODEV }}
	s := &Server{Tree: &fs.Tree{Root: dir{{Name: "probe", Node: node}}}}
	w := serve(t, s).start()
	w.open(1, "probe", ORDWR)
	require.Equal(t, `Rerror tag=1 ename="No such device"`, w.rpc(&Msg{Type: Tclunk, Fid: 1}).String())
	require.NoError(t, <-closed)
	w.open(1, "probe", ORDWR)
	w.ok(&Msg{Type: Tversion, Tag: NoTag, Msize: 8192, Version: "9P2000"})
	require.ErrorIs(t, <-closed, context.Canceled)
	w.start().open(1, "probe", ORDWR)
	w.c.Close()
	require.ErrorIs(t, <-closed, context.Canceled)
}

// probe is a file of functions.
type probe struct {
	read  func(ctx context.Context, p []byte) (int, error)
	close func(ctx context.Context) error
}

func (*probe) Mode() iofs.FileMode                                          { return 0o666 }
func (p *probe) Open(context.Context, fs.OpenMode) (fs.Handle, error)       { return p, nil }
func (*probe) WriteAt(_ context.Context, p []byte, _ int64) (int, error)    { return len(p), nil }
func (p *probe) ReadAt(ctx context.Context, b []byte, _ int64) (int, error) { return p.read(ctx, b) }
func (p *probe) Close(ctx context.Context) error {
	if p.close == nil {
		return nil
	}
	return p.close(ctx)
}

func TestShutdown(t *testing.T) {
	before := runtime.NumGoroutine()
	tree := newTestTree()
	dial, stop := start(t, &Server{Tree: tree.Tree})
	for _, name := range []string{"stuck", "events", "slow", "mtu"} {
		c, err := Dial(bounded(t), dial)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		f, err := c.Open(bounded(t), name, OREAD)
		require.NoError(t, err)
		go f.ReadAt(context.Background(), make([]byte, 10), 0)
	}
	time.Sleep(10 * time.Millisecond)
	began := time.Now()
	stop()
	require.Less(t, time.Since(began), 20*time.Second)
	require.Zero(t, tree.handles())
	settled(t, tree, before)
}

// A request that ignores its context does not keep the server from ending.
func TestShutdownDeaf(t *testing.T) {
	tree := newTestTree()
	dial, stop := start(t, &Server{Tree: tree.Tree, Grace: 50 * time.Millisecond})
	c, err := Dial(bounded(t), dial)
	require.NoError(t, err)
	f, err := c.Open(bounded(t), "deaf", OREAD)
	require.NoError(t, err)
	go f.ReadAt(context.Background(), make([]byte, 10), 0)
	time.Sleep(10 * time.Millisecond)
	stop()
	require.NoError(t, c.Close())
	require.Equal(t, 1, tree.handles())
	close(tree.deaf.gate)
	require.Eventually(t, func() bool { return tree.handles() == 0 }, 5*time.Second, time.Millisecond)
}

func TestListen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen("unix!" + path)
	require.NoError(t, err)
	st, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o660), st.Mode().Perm())
	_, err = Listen("unix!" + path)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	// A socket that a dead server left is replaced.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, l.Close())
	l, err = Listen(path)
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, err = Listen("unix!" + path)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.FileExists(t, path)

	for _, dial := range []string{"tcp!*!5640", "tcp!0.0.0.0!5640", "tcp!192.0.2.1!5640", "tcp![::]!5640", "tcp!::!0"} {
		_, err = Listen(dial)
		require.ErrorContains(t, err, "plain tcp is for loopback addresses only", dial)
	}
	far := &fakeListener{addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 564}}
	err = (&Server{Tree: newTestTree().Tree}).Serve(context.Background(), far)
	require.EqualError(t, err, "listen 192.0.2.1:564: plain tcp is for loopback addresses only")
	require.True(t, far.closed)
}

type fakeListener struct {
	net.Listener
	addr   net.Addr
	closed bool
}

func (l *fakeListener) Addr() net.Addr { return l.addr }
func (l *fakeListener) Close() error   { l.closed = true; return nil }

func TestParseDial(t *testing.T) {
	for dial, want := range map[string]string{
		"unix!/run/netfs.sock": "unix /run/netfs.sock", "/run/x": "unix /run/x", "unix!rel": "unix rel", "tcp!127.0.0.1!5640": "tcp 127.0.0.1:5640",
		"tcp!localhost": "tcp localhost:564", "tcp!::1!564": "tcp [::1]:564", "tcp![::1]!9fs": "tcp [::1]:564", "tcp!*!1": "tcp :1",
		"tls!x!1": "tls x:1", "tls!x": "tls x:5641",
		"vsock!2!5640": "vsock 2:5640", "vsock!host": "vsock host:564", "vsock!*!1": "vsock *:1", "fd!3": "fd 3",
	} {
		network, address, err := ParseDial(dial)
		require.NoError(t, err, dial)
		require.Equal(t, want, network+" "+address)
	}
	for _, dial := range []string{"", "unix", "unix!", "tcp", "tcp!", "tcp!!1", "udp!x!1", "run/x", "tls!!1", "tcp!a!1!2", "vsock!", "vsock!x!1", "vsock!2!x", "vsock!2!1!1", "vsock!-1!1", "fd!", "fd!-1", "fd!x"} {
		_, _, err := ParseDial(dial)
		require.ErrorContains(t, err, fmt.Sprintf("dial %q: ", dial))
	}
}

// Who a client is, is the kernel's word.
func TestIdentity(t *testing.T) {
	who := &probe{read: func(ctx context.Context, p []byte) (int, error) {
		u := fs.UserOf(ctx)
		from, _, _ := strings.Cut(u.From, " ")
		return copy(p, fmt.Sprintf("%s %d %d %s", u.Name, u.UID, u.GID, from)), nil
	}}
	ask := func(dial string, mode uint8) (string, error) {
		c, err := (&Options{Uname: "mallory"}).Dial(bounded(t), dial)
		require.NoError(t, err)
		defer c.Close()
		f, err := c.Open(bounded(t), "who", mode)
		if err != nil {
			return "", err
		}
		buf := make([]byte, 1000)
		n, err := f.ReadAt(bounded(t), buf, 0)
		return string(buf[:n]), err
	}
	tree := &fs.Tree{Root: dir{{Name: "who", Node: who}}}
	me := named(uint32(os.Getuid()), uint32(os.Getgid()))
	mine := fmt.Sprintf("%s %d %d ", me.Name, me.UID, me.GID)

	dial, _ := start(t, &Server{Tree: tree})
	got, err := ask(dial, ORDWR)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no peer credentials on this system")
	}
	require.NoError(t, err)
	require.Equal(t, mine+"unix", got)

	tcp := func(s *Server) string {
		l, err := Listen("tcp!127.0.0.1!0")
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Serve(ctx, l) }()
		t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
		return fmt.Sprintf("tcp!127.0.0.1!%d", l.Addr().(*net.TCPAddr).Port)
	}
	dial = tcp(&Server{Tree: tree})
	got, err = ask(dial, OREAD)
	require.NoError(t, err)
	require.Equal(t, "none 65534 65534 tcp", got)
	_, err = ask(dial, ORDWR)
	require.ErrorIs(t, err, syscall.EROFS)
	got, err = ask(tcp(&Server{Tree: tree, TCPWritable: true}), ORDWR)
	require.NoError(t, err)
	require.Equal(t, mine+"tcp", got)
}

// Root may be somebody else, by number; nobody else may.
func TestAttachNumber(t *testing.T) {
	who := &probe{read: func(ctx context.Context, p []byte) (int, error) {
		return copy(p, fmt.Sprint(fs.UserOf(ctx).UID, fs.UserOf(ctx).From)), nil
	}}
	s := (&Server{Tree: &fs.Tree{Root: dir{{Name: "who", Node: who}}}})
	for _, c := range []struct {
		peer, uid, want uint32
		d               Dialect
	}{{0, 1234, 1234, DotU}, {0, NoUid, 0, DotU}, {0, 0, 0, DotU}, {1000, 1234, 1000, DotU}, {1000, 0, 1000, DotU}, {0, 1234, 0, Plain}} {
		cc, sc := pair(t)
		done := make(chan error, 1)
		go func() { done <- s.ServeConn(context.Background(), sc, &fs.User{UID: c.peer, From: "x"}) }()
		w := &wire{t: t, c: cc, r: newReader(cc), d: c.d}
		w.ok(&Msg{Type: Tversion, Tag: NoTag, Msize: 8192, Version: c.d.String()})
		w.ok(&Msg{Type: Tattach, Fid: 0, Afid: NoFid, Uid: c.uid})
		w.open(1, "who", OREAD)
		require.Equal(t, fmt.Sprint(c.want, "x"), string(w.ok(&Msg{Type: Tread, Fid: 1, Count: 100}).Data), c)
		cc.Close()
		require.NoError(t, <-done)
	}
}

func TestMaxConns(t *testing.T) {
	tree := newTestTree()
	dial, _ := start(t, &Server{Tree: tree.Tree, MaxConns: 2})
	a, err := Dial(bounded(t), dial)
	require.NoError(t, err)
	defer a.Close()
	b, err := Dial(bounded(t), dial)
	require.NoError(t, err)
	_, err = Dial(bounded(t), dial)
	require.Error(t, err)
	require.NoError(t, b.Close())
	require.Eventually(t, func() bool {
		c, err := Dial(bounded(t), dial)
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 5*time.Second, time.Millisecond)
}

// The server runs on anything that reads and writes: ssh's pipes, for one.
func TestPipes(t *testing.T) {
	tree := newTestTree()
	type end struct {
		io.Reader
		io.WriteCloser
	}
	ar, bw := io.Pipe()
	br, aw := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- (&Server{Tree: tree.Tree}).ServeConn(context.Background(), end{br, bw}, root) }()
	c, err := NewClient(bounded(t), closer{end{ar, aw}, ar}, nil)
	require.NoError(t, err)
	text, err := iofs.ReadFile(c.FS(bounded(t)), "mtu")
	require.NoError(t, err)
	require.Equal(t, "1500\n", string(text))
	require.NoError(t, c.Close())
	require.NoError(t, <-done)
	require.Zero(t, tree.handles())
}

// closer closes the reading end, too, so that a blocked read returns.
type closer struct {
	io.ReadWriteCloser
	r io.Closer
}

func (c closer) Close() error { c.r.Close(); return c.ReadWriteCloser.Close() }
