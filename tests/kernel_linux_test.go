package tests

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A kernelMount is netfs-mount --kernel at work.
type kernelMount struct {
	t   *testing.T
	r   *rig
	cmd *exec.Cmd
	out *tail
	dir string
}

// TestKernelMount is netfs-mount --kernel through each door: the kernel's own
// client has the tree, and takes leave of it as it should.
func TestKernelMount(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mount(2) is for root")
	}
	r := newRig(t)
	if msg := hasNo9P(t, r); msg != "" {
		t.Skip(msg)
	}
	dir := shortDir(t)
	file := func(name string) string { return filepath.Join(dir, name) }
	ends := func(name string) []string {
		return []string{"--cert", file(name + ".pem"), "--key", file(name + "-key.pem"), "--ca", file("ca.pem")}
	}
	netfs := filepath.Join(bin(t), "netfs")
	r.Do(func() {
		out, err := exec.Command(netfs, "cert", dir, "localhost", "--client", "op", "--role", "operate").CombinedOutput()
		require.NoError(t, err, string(out))
	})
	log := new(tail)
	server := exec.Command(netfs, append([]string{"serve", "-l", "unix!" + file("s"), "-l", "tcp!127.0.0.1!5640", "--tcp-writable",
		"-l", "tcp!::1!5640", "-l", "tls!*!5641", "--policy", file("policy")}, ends("server")...)...)
	server.Stderr = log
	r.Do(func() { require.NoError(t, server.Start()) })
	defer ended(t, server, log)
	log.says(t, "msg=listening", "tls!")

	doors := map[string][]string{
		"own": nil, "unix": {"unix!" + file("s")}, "tcp": {"tcp!127.0.0.1!5640"}, "tcp6": {"tcp!::1!5640"},
		"tls": append(ends("op"), "tls!localhost!5641"),
	}
	for _, door := range []string{"own", "unix", "tcp", "tcp6", "tls"} {
		t.Run(door, func(t *testing.T) {
			m := mountKernel(t, r, doors[door]...)
			m.use()
			m.interrupted()
			require.NoError(t, m.end(syscall.SIGTERM), m.out)
		})
	}
	t.Run("unmounted", func(t *testing.T) { // by somebody else: it ends by itself
		m := mountKernel(t, r, doors["tls"]...)
		// Busy, while netfs-mount still looks at what it made.
		require.Eventually(t, func() bool { return unix.Unmount(m.dir, 0) != unix.EBUSY }, 20*time.Second, 20*time.Millisecond)
		require.NoError(t, m.end(0), m.out)
	})
	t.Run("narrow", func(t *testing.T) { // read only, and for root only
		m := mountKernel(t, r, append([]string{"--ro", "--private"}, doors["unix"]...)...)
		require.Contains(t, m.fails("echo 1300 > links/v0/mtu", 0), "Read-only file system")
		require.Contains(t, m.fails("cat links/v0/mtu", 65534), "not permitted")
		require.NoError(t, m.end(syscall.SIGINT), m.out)
	})
	t.Run("busy", func(t *testing.T) { // it is detached; who reads there is let go
		m := mountKernel(t, r, doors["tls"]...)
		reader := m.watch()
		require.NoError(t, m.end(syscall.SIGTERM), m.out)
		wait(t, reader)
	})
	t.Run("refused", func(t *testing.T) { // in words
		for want, args := range map[string][]string{
			"no such file":   {"unix!" + file("none")},
			"tls: ":          append(ends("server"), "tls!localhost!5641"),
			"not unix!PATH,": {"smoke!signal"},
		} {
			require.Contains(t, refused(t, r, append(args, shortDir(t))...), want)
		}
	})
	t.Run("gone", func(t *testing.T) { // the server, and so the mounts of it
		direct, passed := mountKernel(t, r, doors["unix"]...), mountKernel(t, r, doors["tls"]...)
		ended(t, server, log)
		for _, m := range []*kernelMount{direct, passed} {
			require.Error(t, m.end(0), m.out)
			m.out.says(t, "the server has gone")
		}
	})
}

// hasNo9P says why the kernel cannot do it, as netfs-mount says it.
func hasNo9P(t *testing.T, r *rig) string {
	t.Helper()
	dir := shortDir(t)
	if unix.Mount("none", dir, "9p", 0, "trans=fd,rfdno=4711,wfdno=4711") != unix.ENODEV {
		return ""
	}
	require.Contains(t, refused(t, r, dir), "netfs-mount: mount "+dir+": this kernel has no 9p: no such device\n")
	return "this kernel has no 9p, and netfs-mount says so"
}

func netfsMount(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, filepath.Join(bin(t), "netfs-mount"), append([]string{"--kernel"}, args...)...)
}

// refused runs netfs-mount, which must fail, and returns what it says.
func refused(t *testing.T, r *rig, args ...string) string {
	t.Helper()
	var out []byte
	var err error
	c := netfsMount(t, args...)
	r.Do(func() { out, err = c.CombinedOutput() })
	require.Error(t, err)
	return string(out)
}

func mountKernel(t *testing.T, r *rig, args ...string) *kernelMount {
	t.Helper()
	m := &kernelMount{t: t, r: r, out: new(tail), dir: shortDir(t)}
	require.NoError(t, os.Chmod(m.dir, 0o755))
	m.cmd = netfsMount(t, append(args, m.dir)...)
	m.cmd.Stderr = m.out
	r.Do(func() { require.NoError(t, m.cmd.Start()) })
	t.Cleanup(func() { unix.Unmount(m.dir, unix.MNT_DETACH); m.cmd.Process.Kill() })
	require.Eventually(t, func() bool { return m.mounted() || m.out.String() != "" }, time.Minute, 20*time.Millisecond)
	require.True(t, m.mounted(), m.out)
	return m
}

func (m *kernelMount) mounted() bool {
	b, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(m.t, err)
	return strings.Contains(string(b), " "+m.dir+" ")
}

// end sends a signal, unless it is 0, and waits for the program and its mount to
// be gone.
func (m *kernelMount) end(sig syscall.Signal) error {
	m.t.Helper()
	if sig != 0 {
		require.NoError(m.t, m.cmd.Process.Signal(sig))
	}
	err := wait(m.t, m.cmd)
	require.False(m.t, m.mounted(), "the mount is still there: %s", m.out)
	return err
}

func wait(t *testing.T, c *exec.Cmd) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatal(c.Args, " does not end")
		return nil
	}
}

// ended ends a server, if it has not been.
func ended(t *testing.T, c *exec.Cmd, log *tail) {
	t.Helper()
	if c.ProcessState == nil {
		require.NoError(t, c.Process.Signal(syscall.SIGTERM))
		require.NoError(t, wait(t, c), log)
	}
}

func (m *kernelMount) sh(script string, uid uint32) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "/bin/sh", "-c", script)
	c.Dir = m.dir
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	b, err := c.CombinedOutput()
	return string(b), err
}

func (m *kernelMount) ok(script string) string {
	m.t.Helper()
	out, err := m.sh(script, 0)
	require.NoError(m.t, err, "%s: %s", script, out)
	return out
}

func (m *kernelMount) fails(script string, uid uint32) string {
	m.t.Helper()
	out, err := m.sh(script, uid)
	require.Error(m.t, err, "%s: %s", script, out)
	return out
}

// use is what one does in a shell, as root and as somebody else.
func (m *kernelMount) use() {
	t := m.t
	require.Equal(t, "1500\n", m.ok("cat links/v0/mtu"))
	require.Equal(t, "1400\n", m.ok("echo 1400 > links/v0/mtu; cat links/v0/mtu"))
	require.Contains(t, m.ok("ls; ls links"), "routes\n")
	m.ok("echo add 10.9.0.0/16 via 192.0.2.2 > routes; echo add 10.8.0.0/16 via 192.0.2.2 >> routes")
	require.Equal(t, 2, strings.Count(m.r.ip("route show"), "via 192.0.2.2"))
	require.Empty(t, m.ok("f=$(mktemp) && cp routes,via=192.0.2.2 $f && cp $f routes && rm $f"))
	m.ok("echo del 10.9.0.0/16 via 192.0.2.2 > routes; echo del 10.8.0.0/16 via 192.0.2.2 >> routes")
	require.NotContains(t, m.r.ip("route show"), "via 192.0.2.2")
	m.ok("mkdir links/br0,type=bridge && mv links/br0 links/br1")
	require.Contains(t, m.r.ip("link show type bridge"), "br1")
	require.Equal(t, "links/br1/name\nlinks/v0/name\nlinks/v1/name\n", m.ok("find links/br1 links/v? -maxdepth 1 -name name | sort"))
	m.ok("rmdir links/br1")
	require.Empty(t, m.r.ip("link show type bridge"))
	// A write that fails: its number comes from the write, or from fsync.
	require.Contains(t, m.fails("echo add 10.9.0.0/16 via 203.0.113.1 | dd of=routes conv=notrunc,fsync", 0), "etwork is unreachable")
	require.Contains(t, m.ok("cat error"), "203.0.113.1")
	m.fails("echo add 10.9.0.0/16 via 203.0.113.1 > routes", 0)

	out, err := m.sh("cat links/v0/mtu", 65534)
	require.NoError(t, err, out)
	require.Equal(t, "1400\n", out)
	require.Contains(t, m.fails("echo 1300 > links/v0/mtu", 65534), "Permission denied")
	m.ok("echo 1500 > links/v0/mtu")
}

// watch starts a reader of events, and returns it when it has read one.
func (m *kernelMount) watch() *exec.Cmd {
	t := m.t
	t.Helper()
	c := exec.Command("cat", filepath.Join(m.dir, "links/v0/events"))
	out, err := c.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	t.Cleanup(func() { c.Process.Kill() })
	lines := make(chan string)
	go func() {
		s, _ := bufio.NewReader(out).ReadString('\n')
		lines <- s
	}()
	for mtu := 1301; ; mtu++ { // until it listens
		m.r.ip(fmt.Sprint("link set v0 mtu ", mtu))
		select {
		case s := <-lines:
			require.Contains(t, s, "link replace name=v0")
			m.r.ip("link set v0 mtu 1500")
			return c
		case <-time.After(200 * time.Millisecond):
		}
		require.Less(t, mtu, 1400, "no event came")
	}
}

// interrupted reads events one by one as they happen, and then has ^C end it.
func (m *kernelMount) interrupted() {
	t := m.t
	c := m.watch()
	require.NoError(t, c.Process.Signal(syscall.SIGINT))
	began := time.Now()
	require.ErrorContains(t, wait(t, c), "interrupt")
	require.Less(t, time.Since(began), 20*time.Second)
}
