package tests

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl/nltest"
	"github.com/netfs-project/netfs/p9"

	"github.com/stretchr/testify/require"
)

// frame is a 9P message: size, type, tag and the rest.
func frame(typ byte, tag uint16, rest ...[]byte) []byte {
	b := make([]byte, 7, 64)
	b[4] = typ
	binary.LittleEndian.PutUint16(b[5:], tag)
	for _, r := range rest {
		b = append(b, r...)
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	return b
}

func u16(n int) []byte       { return binary.LittleEndian.AppendUint16(nil, uint16(n)) }
func u32(n int) []byte       { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
func u64(n int) []byte       { return binary.LittleEndian.AppendUint64(nil, uint64(n)) }
func str(s string) []byte    { return append(u16(len(s)), s...) }
func u8(n int) []byte        { return []byte{byte(n)} }
func version() []byte        { return frame(100, 0xffff, u32(8192), str("9P2000")) }
func attach() []byte         { return frame(104, 1, u32(0), u32(0xffffffff), str("x"), str("")) }
func walkTo(n string) []byte { return frame(110, 1, u32(0), u32(1), u16(1), str(n)) }

// rude says some messages to the server, waits for their answers, says the last
// one only and goes away.
func (r *rig) rude(t testing.TB, last []byte, first ...[]byte) {
	t.Helper()
	c, err := net.Dial("unix", strings.TrimPrefix(r.serve(), "unix!"))
	require.NoError(t, err)
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	for _, m := range first {
		_, err := c.Write(m)
		require.NoError(t, err)
		var size [4]byte
		_, err = io.ReadFull(c, size[:])
		require.NoError(t, err)
		b := make([]byte, binary.LittleEndian.Uint32(size[:])-4)
		_, err = io.ReadFull(c, b)
		require.NoError(t, err)
		require.NotEqual(t, byte(107), b[0], "%s", b)
	}
	_, err = c.Write(last)
	require.NoError(t, err)
	time.Sleep(5 * time.Millisecond) // it is read, and begun
}

// kept is how many sockets for dumps the netlink clients may have kept for the next one.
const kept = 8

// TestClientsThatVanish leaves nothing of a client that goes away without a word.
func TestClientsThatVanish(t *testing.T) {
	r := newRig(t)
	r.serve()
	read(t, r.tree, "routes")
	other := r.remote()
	read(t, other, "routes")
	goroutines, fds := runtime.NumGoroutine(), openFiles(t)
	open := func(name string, mode int) [][]byte {
		return [][]byte{version(), attach(), walkTo(name), frame(112, 1, u32(1), u8(mode))}
	}
	for range 20 {
		r.rude(t, version()[:9])
		r.rude(t, frame(110, 1, u32(0), u32(1), u16(1), str("routes"))[:11], version(), attach())
		r.rude(t, frame(116, 1, u32(1), u64(0), u32(4000)), open("events", 0)...)
		r.rude(t, frame(116, 1, u32(1), u64(0), u32(4000)), open("events,.snapshot", 0)...)
		r.rude(t, frame(118, 1, u32(1), u64(0), u32(5), []byte("add 1")), open("routes", 1)...)
		r.rude(t, frame(118, 1, u32(1), u64(0), u32(50), []byte("add 1"))[:20], open("routes", 1)...)
		text := "route dst=10.123.0.0/16 timeout=60s"
		r.rude(t, frame(118, 1, u32(1), u64(0), u32(len(text)), []byte(text)), open("wait", 1)...)
		r.rude(t, []byte("GET / HTTP/1.1\r\n\r\n"))
		require.Contains(t, read(t, other, "routes"), "192.0.2.0/24", "others are served")
	}
	settled(t, goroutines, fds+kept)
	require.NotContains(t, read(t, r.tree, "routes"), "dst=1.", "half a line does not run")
}

// TestThousandClients has a thousand connections at once, each of which reads,
// writes, walks, and waits for an event.
func TestThousandClients(t *testing.T) {
	r := newRig(t)
	r.serve()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	const clients = 1000
	if limit.Cur < 3*clients {
		t.Skipf("only %d open files are allowed", limit.Cur)
	}
	read(t, r.tree, "links/v0/mtu")
	goroutines, fds := runtime.NumGoroutine(), openFiles(t)
	errs := make(chan error, clients)
	ready, done := new(sync.WaitGroup), new(sync.WaitGroup)
	ready.Add(clients)
	for i := range clients {
		done.Go(func() { errs <- oneClient(r.sock, i, ready.Done) })
	}
	began := time.Now()
	ready.Wait()
	t.Logf("%d clients wait after %v", clients, time.Since(began))
	r.ip("rule add priority 777 table 77")
	done.Wait()
	t.Logf("all have seen the event and gone after %v", time.Since(began))
	for range clients {
		require.NoError(t, <-errs)
	}
	settled(t, goroutines, fds+kept)
}

// oneClient is the life of one of many.
func oneClient(addr string, i int, ready func()) (err error) {
	once := sync.OnceFunc(ready)
	defer once()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c, err := p9.Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	tree := &fs.Tree{Root: c.Root(), Trust: true}
	for _, name := range []string{"links/v0/mtu", "status", "links/v0/status"} {
		ref, err := walk(ctx, tree, name)
		if err != nil {
			return err
		}
		f, err := ref.Open(ctx, fs.OpenRead)
		if err != nil {
			return err
		}
		n, err := f.ReadAt(ctx, make([]byte, 4096), 0)
		if err := errors.Join(err, f.Close(ctx)); err != nil || n == 0 {
			return fmt.Errorf("%s: %d bytes: %w", name, n, err)
		}
	}
	ref, err := walk(ctx, tree, "events,.kind=rule")
	if err != nil {
		return err
	}
	f, err := ref.Open(ctx, fs.OpenRead)
	if err != nil {
		return err
	}
	once()
	b := make([]byte, 4096)
	n, err := f.ReadAt(ctx, b, 0)
	if err == nil && !strings.Contains(string(b[:n]), "rule add priority=777") {
		err = fmt.Errorf("client %d read %q", i, b[:n])
	}
	return errors.Join(err, f.Close(ctx))
}

// TestKilledClients kills programs that wait, or are in the middle of 100,000 lines.
func TestKilledClients(t *testing.T) {
	r := newRig(t)
	netfs, mnt := filepath.Join(bin(t), "netfs"), r.mount()
	lines := filepath.Join(t.TempDir(), "lines")
	var text strings.Builder
	for i := range burst {
		fmt.Fprintf(&text, "10.%d.%d.%d/32 via 192.0.2.2 proto static\n", i>>16, i>>8&255, i&255)
	}
	require.NoError(t, os.WriteFile(lines, []byte(text.String()), 0o644))
	other := r.remote()
	read(t, other, "status")
	read(t, r.tree, "routes,proto=static")
	warm := exec.Command("cat", mnt+"/status")
	require.NoError(t, warm.Run())
	settle := func() (int, int) {
		time.Sleep(200 * time.Millisecond)
		return runtime.NumGoroutine(), openFiles(t)
	}
	goroutines, fds := settle()
	for _, c := range []string{
		"cat " + mnt + "/events", netfs + " watch -a " + r.serve(), netfs + " cat -a " + r.serve() + " events,.snapshot > /dev/null",
		netfs + " write -a " + r.serve() + " wait route 10.123.0.0/16", "echo route dst=10.123.0.0/16 > " + mnt + "/wait",
		"cat " + lines + " > " + mnt + "/routes", netfs + " write -a " + r.serve() + " routes < " + lines,
		netfs + " write -a " + r.serve() + " batch < /dev/zero",
	} {
		for range 3 {
			cmd := exec.Command("sh", "-c", "exec "+c)
			if strings.HasPrefix(c, "echo") {
				cmd = exec.Command("sh", "-c", c)
			}
			require.NoError(t, cmd.Start())
			time.Sleep(100 * time.Millisecond)
			require.NotEmpty(t, read(t, other, "status"), "others are served")
			cmd.Process.Kill()
			cmd.Wait()
		}
		// The FUSE library may have another reader or two of its device.
		settled(t, goroutines+2, fds+kept)
	}
	// What was written is whole lines.
	for _, line := range strings.Split(strings.TrimSpace(read(t, r.tree, "routes,proto=static")), "\n") {
		if line != "" {
			require.Contains(t, line, "/32 via=192.0.2.2")
		}
	}
	require.NoError(t, write(t, r.tree, "routes", "flush proto=static\n"))
}

// A served is a `netfs serve` process.
type served struct {
	*program
	log func() string
}

// serveProgram starts netfs serve in the namespace, and waits until it says that it
// listens or has mounted.
func (r *rig) serveProgram(t testing.TB, setup func(*exec.Cmd), args ...string) *served {
	t.Helper()
	out := filepath.Join(t.TempDir(), "log")
	log, err := os.Create(out)
	require.NoError(t, err)
	defer log.Close()
	cmd := exec.Command(filepath.Join(bin(t), "netfs"), append([]string{"serve"}, args...)...)
	cmd.Stderr = log
	if setup != nil {
		setup(cmd)
	}
	r.Do(func() { err = cmd.Start() })
	require.NoError(t, err)
	p := &served{&program{t: t, name: "netfs serve", cmd: cmd, lines: make(chan outLine)}, func() string {
		b, err := os.ReadFile(out)
		require.NoError(t, err)
		return string(b)
	}}
	close(p.lines)
	t.Cleanup(func() {
		if cmd.ProcessState == nil { // its mount goes with it
			p.interrupt(syscall.SIGTERM)
		}
	})
	for end := time.Now().Add(20 * time.Second); !strings.Contains(p.log(), "listening") && !strings.Contains(p.log(), "mounted"); time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "netfs serve does not come up: %s", p.log())
		require.NotContains(t, p.log(), "netfs: ", "netfs serve failed")
	}
	return p
}

// dial returns the tree of another process's server.
func dial(t testing.TB, addr string) *fs.Tree {
	t.Helper()
	c, err := p9.Dial(context.Background(), addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return &fs.Tree{Root: c.Root(), Trust: true}
}

// TestCleanShutdown ends a server with 1000 blocked readers.
func TestCleanShutdown(t *testing.T) {
	r := newRig(t)
	dir := shortDir(t)
	sock, mnt := dir+"/s", dir+"/m"
	require.NoError(t, os.Mkdir(mnt, 0o755))
	p := r.serveProgram(t, nil, "--listen", "unix!"+sock, "--mount", mnt)
	p.await("listening")
	c, err := p9.Dial(context.Background(), "unix!"+sock)
	require.NoError(t, err)
	defer c.Close()
	tree := &fs.Tree{Root: c.Root(), Trust: true}
	var readers sync.WaitGroup
	for range 1000 {
		f, err := at(t, tree, "events").Open(context.Background(), fs.OpenRead)
		require.NoError(t, err)
		readers.Go(func() { f.ReadAt(context.Background(), make([]byte, 100), 0) })
	}
	var cats []*program
	for range 10 {
		cat := r.start("sh", "-c", "exec cat "+mnt+"/events,.snapshot")
		cat.next("# sync")
		cats = append(cats, cat)
	}
	took := p.interrupt(syscall.SIGTERM)
	t.Logf("ended after %v", took)
	require.Less(t, took, 2*time.Second)
	require.NoError(t, p.err, p.log())
	readers.Wait()
	for _, cat := range cats {
		cat.wait()
	}
	_, err = os.Lstat(sock)
	require.ErrorIs(t, err, os.ErrNotExist)
	mounts, err := os.ReadFile("/proc/self/mounts")
	require.NoError(t, err)
	require.NotContains(t, string(mounts), mnt)
}

func (p *served) await(word string) {
	p.t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(p.log(), word); time.Sleep(5 * time.Millisecond) {
		require.True(p.t, time.Now().Before(end), "no %q: %s", word, p.log())
	}
}

// TestKilledServer kills a server that has a mount: it fails, and can be unmounted.
func TestKilledServer(t *testing.T) {
	r := newRig(t)
	dir := shortDir(t)
	p := r.serveProgram(t, nil, "--mount", dir)
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	cat := r.start("cat", dir+"/events,.snapshot")
	cat.next("# sync")
	p.cmd.Process.Kill()
	p.wait()
	for range cat.lines {
	}
	require.Error(t, cat.wait(), "the read that waited fails")
	_, err := os.ReadFile(dir + "/status")
	require.ErrorIs(t, err, syscall.ENOTCONN)
	require.NoError(t, syscall.Unmount(dir, 0))
}

// TestSockets is how netfs serve treats sockets.
func TestSockets(t *testing.T) {
	r := newRig(t)
	sock := shortDir(t) + "/s"
	addr := "unix!" + sock
	refused := func(args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		out, err := exec.CommandContext(ctx, filepath.Join(bin(t), "netfs"), append([]string{"serve"}, args...)...).CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 1, exit.ExitCode(), "%s", out)
		return string(out)
	}
	p := r.serveProgram(t, nil, "--listen", addr)
	require.Contains(t, refused("--listen", addr), "address already in use")
	require.NotEmpty(t, read(t, dial(t, addr), "status"), "the first goes on")
	p.cmd.Process.Kill()
	p.wait()
	_, err := os.Lstat(sock)
	require.NoError(t, err, "a killed server leaves its socket")
	r.serveProgram(t, nil, "--listen", addr)
	require.NotEmpty(t, read(t, dial(t, addr), "status"), "and the next takes it over")

	require.Contains(t, refused("--listen", "tcp!192.0.2.1!5640"), "loopback")
	require.Contains(t, refused("--listen", "tcp!*!5640"), "loopback")
	file := filepath.Join(shortDir(t), "file")
	require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
	refused("--listen", "unix!"+file)
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "mine", string(b), "what is no socket is not replaced")
}

// TestActivation passes a socket as systemd does.
func TestActivation(t *testing.T) {
	r := newRig(t)
	sock := shortDir(t) + "/s"
	l, err := net.Listen("unix", sock)
	require.NoError(t, err)
	defer l.Close()
	f, err := l.(*net.UnixListener).File()
	require.NoError(t, err)
	defer f.Close()
	p := r.serveProgram(t, func(c *exec.Cmd) {
		c.ExtraFiles = []*os.File{f}
		// LISTEN_PID is the pid of the shell, which becomes netfs.
		c.Args = append([]string{"sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`, c.Path}, c.Args[1:]...)
		c.Path = "/bin/sh"
	})
	require.NotEmpty(t, read(t, dial(t, "unix!"+sock), "status"))
	p.interrupt(syscall.SIGTERM)
	require.NoError(t, p.err, p.log())
}

// TestReadOnlyServers are --ro, and tcp on the loopback.
func TestReadOnlyServers(t *testing.T) {
	r := newRig(t)
	addr := "unix!" + shortDir(t) + "/s"
	r.serveProgram(t, nil, "--listen", addr, "--ro")
	tree := dial(t, addr)
	require.Equal(t, "1500\n", read(t, tree, "links/v0/mtu"))
	require.Equal(t, syscall.EROFS, errnoOf(pourCtx(tree, "links/v0/mtu", "1400\n")))

	// The address is of the test's own namespace, and so are its clients.
	ns := nltest.NewNS(t)
	in := &rig{NS: ns, t: t}
	in.serveProgram(t, nil, "--listen", "tcp!127.0.0.1!5640")
	netfs := filepath.Join(bin(t), "netfs")
	require.Equal(t, "65536\n", ns.Run(t, netfs, "cat", "-a", "tcp!127.0.0.1!5640", "links/lo/mtu"))
	out := ns.Run(t, "sh", "-c", netfs+" write -a tcp!127.0.0.1!5640 links/lo/mtu 60000 2>&1 || echo status $?")
	require.Contains(t, out, "status 1")
	require.Regexp(t, "(?i)read.only", out)
	require.Equal(t, "65536\n", ns.Run(t, netfs, "cat", "links/lo/mtu"))
}

// TestStdio speaks 9P through a program's pipes, as over ssh.
func TestStdio(t *testing.T) {
	r := newRig(t)
	cmd := exec.Command(filepath.Join(bin(t), "netfs"), "serve", "--stdio")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	r.Do(func() { err = cmd.Start() })
	require.NoError(t, err)
	t.Cleanup(func() { cmd.Process.Kill() })
	c, err := p9.NewClient(context.Background(), &pipe{out, in}, nil)
	require.NoError(t, err)
	tree := &fs.Tree{Root: c.Root(), Trust: true}
	require.Equal(t, "1500\n", read(t, tree, "links/v0/mtu"))
	require.NoError(t, pourCtx(tree, "links/v0/mtu", "1400\n"))
	require.Equal(t, "1400\n", read(t, r.tree, "links/v0/mtu"))
	require.NoError(t, c.Close())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("netfs serve --stdio goes on without its client")
	}
}

type pipe struct {
	io.ReadCloser
	w io.WriteCloser
}

func (p *pipe) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p *pipe) Close() error                { return errors.Join(p.w.Close(), p.ReadCloser.Close()) }

// TestNobody is another user: he may read, and nothing else.
func TestNobody(t *testing.T) {
	r := newRig(t)
	dir := shortDir(t)
	require.NoError(t, os.Chmod(dir, 0o755))
	sock, mnt := dir+"/s", dir+"/m"
	require.NoError(t, os.Mkdir(mnt, 0o755))
	p := r.serveProgram(t, nil, "--listen", "unix!"+sock, "--mount", mnt)
	p.await("listening")
	require.NoError(t, os.Chmod(sock, 0o666))
	netfs := dir + "/netfs"
	b, err := os.ReadFile(filepath.Join(bin(t), "netfs"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(netfs, b, 0o755))
	nobody := func(sh string) (string, error) {
		cmd := exec.Command("sh", "-c", sh)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, sh := range []string{"cat " + mnt + "/links/v0/mtu", netfs + " cat -a unix!" + sock + " links/v0/mtu"} {
		out, err := nobody(sh)
		require.NoError(t, err, out)
		require.Equal(t, "1500\n", out)
	}
	for _, sh := range []string{"echo 1400 > " + mnt + "/links/v0/mtu", netfs + " write -a unix!" + sock + " links/v0/mtu 1400",
		"mkdir " + mnt + "/links/br0,type=bridge", netfs + " mkdir -a unix!" + sock + " links/br0,type=bridge"} {
		out, err := nobody(sh)
		require.Error(t, err, sh)
		require.Contains(t, strings.ToLower(out), "permission denied", sh)
	}
	require.Equal(t, "1500\n", read(t, r.tree, "links/v0/mtu"))

	// What root writes is in the log, with who it was and what came of it.
	require.NoError(t, os.WriteFile(mnt+"/links/v0/mtu", []byte("1401\n"), 0))
	require.Error(t, os.WriteFile(mnt+"/links/v0/mtu", []byte("many\n"), 0))
	log := p.log()
	for _, want := range []string{"path=links/v0/mtu", "text=1401", "text=many", "user=root", "error="} {
		require.Contains(t, log, want)
	}
}
