package tests

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A tail collects what a program prints while it runs.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// says waits for a line with all words.
func (t *tail) says(tb testing.TB, words ...string) {
	tb.Helper()
	require.Eventually(tb, func() bool {
		for line := range strings.Lines(t.String()) {
			n := 0
			for _, w := range words {
				if strings.Contains(line, w) {
					n++
				}
			}
			if n == len(words) {
				return true
			}
		}
		return false
	}, 20*time.Second, 10*time.Millisecond, "no line has %q:\n%s", words, t)
}

// TestRemote is remote access in three commands, and what is refused: netfs cert,
// netfs serve, netfs cat, in a namespace of the test's own.
func TestRemote(t *testing.T) {
	netfs := filepath.Join(bin(t), "netfs")
	r := newRig(t)
	dir := shortDir(t)
	run := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		var out []byte
		var err error
		r.Do(func() { out, err = exec.CommandContext(ctx, netfs, args...).CombinedOutput() })
		return string(out), err
	}
	ok := func(args ...string) string {
		t.Helper()
		out, err := run(args...)
		require.NoError(t, err, out)
		return out
	}
	refused := func(want string, args ...string) {
		t.Helper()
		out, err := run(args...)
		require.Error(t, err, out)
		require.Contains(t, out, want)
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	ends := func(name string) []string {
		return []string{"--cert", file(name + ".pem"), "--key", file(name + "-key.pem"), "--ca", file("ca.pem")}
	}
	const at = "tls!localhost!5641"
	as := func(name, cmd string, args ...string) []string {
		return append(append([]string{cmd, "-a", at}, ends(name)...), args...)
	}

	ok("cert", dir, "localhost", "127.0.0.1")
	for _, name := range []string{"ca", "server", "client"} {
		st, err := os.Stat(file(name + "-key.pem"))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), st.Mode().Perm(), name)
	}
	refused("file already exists", "cert", dir)
	refused("file already exists", "cert", dir, "elsewhere", "--client", "x")
	refused(`role "root": not view, operate or admin`, "cert", dir, "--client", "x", "--role", "root")
	refused(`client "../x": not a lower-case DNS name`, "cert", dir, "--client", "../x")
	refused(`client "ca": not`, "cert", dir, "--client", "ca")

	// What is not safe does not start.
	refused("plain tcp is for loopback addresses only", "serve", "-l", "tcp!0.0.0.0!5640")
	refused("tls needs a certificate", "serve", "-l", "tls!*!5641")
	refused("tls needs a policy", append([]string{"serve", "-l", "tls!*!5641"}, ends("server")...)...)

	log := new(tail)
	serve := exec.Command(netfs, append([]string{"serve", "-l", "tls!*!5641", "--policy", file("policy")}, ends("server")...)...)
	serve.Stderr = log
	r.Do(func() { require.NoError(t, serve.Start()) })
	defer func() {
		serve.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(20*time.Second, func() { serve.Process.Kill() })
		defer kill.Stop()
		require.NoError(t, serve.Wait(), log)
	}()
	log.says(t, "msg=listening", "tls!")

	require.Equal(t, ok("cat", "routes"), ok(as("client", "cat", "routes")...))
	require.Equal(t, ok("ls", "links"), ok(as("client", "ls", "links")...))

	// A client that looks may not write.
	refused("read-only file system", as("client", "write", "links/v0/mtu", "1400")...)
	log.says(t, "level=WARN", "user=dns:client", `from="tls `, "path=links/v0/mtu", "read only file system")
	require.Equal(t, "1500\n", ok("cat", "links/v0/mtu"))

	// One that was made while the server runs, and may operate.
	require.Contains(t, ok("cert", dir, "--client", "op", "--role", "operate"), "policy: dns:op operate")
	ok(as("op", "write", "links/v0/mtu", "1400")...)
	log.says(t, "level=INFO", "msg=write", "user=dns:op", `from="tls `, "path=links/v0/mtu", "text=1400")
	require.Equal(t, "1400\n", ok("cat", "links/v0/mtu"))
	refused("permission denied", as("op", "mkdir", "netns/netfs-remote")...)
	log.says(t, "level=WARN", "msg=mkdir", "user=dns:op", "path=netns/netfs-remote")
	refused("permission denied", as("op", "write", "batch", "netns", "add", "netfs-remote")...)
	log.says(t, "level=WARN", "msg=write", "user=dns:op", "path=batch")
	refused("permission denied", as("op", "write", "netns/ctl", "add", "netfs-remote")...)
	require.NotContains(t, ok("ls", "netns"), "netfs-remote")

	mountedRemote(t, r, append([]string{at}, ends("op")...))

	// Another authority's client, and one whose line is taken out.
	was := dir
	dir = shortDir(t)
	ok("cert", dir, "localhost")
	ca, err := os.ReadFile(filepath.Join(was, "ca.pem"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file("ca.pem"), ca, 0o644))
	refused("tls: unknown certificate authority", as("client", "cat", "routes")...)
	log.says(t, `msg="9p: peer refused"`, "unknown authority")
	dir = was
	require.NoError(t, os.WriteFile(file("policy"), []byte("dns:client view /links,ro\n"), 0o644))
	refused("tls: ", as("op", "cat", "routes")...)
	log.says(t, `msg="9p: peer refused"`, "the policy has no line for dns:op")
	require.Equal(t, "1400\n", ok(as("client", "cat", "v0/mtu")...))
	refused("no such file", as("client", "cat", "routes")...)
	refused("tls needs a certificate", "cat", "-a", at, "routes")
}

// mountedRemote mounts a server's tree as root: what the certificate may do, root
// may, and no other user of this machine.
func mountedRemote(t *testing.T, r *rig, args []string) {
	if _, err := os.Stat("/dev/fuse"); err != nil || os.Geteuid() != 0 {
		t.Log("not mounted: no FUSE here, or not root")
		return
	}
	mnt := shortDir(t)
	require.NoError(t, os.Chmod(mnt, 0o755))
	out := new(tail)
	cmd := exec.Command(filepath.Join(bin(t), "netfs-mount"), append(args, mnt)...)
	cmd.Stderr = out
	r.Do(func() { require.NoError(t, cmd.Start()) })
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		defer kill.Stop()
		require.NoError(t, cmd.Wait(), out)
	}()
	mtu := filepath.Join(mnt, "links/v0/mtu")
	require.Eventually(t, func() bool { _, err := os.Stat(mtu); return err == nil }, 20*time.Second, 20*time.Millisecond, out)
	require.NoError(t, os.WriteFile(mtu, []byte("1300\n"), 0))
	as := func(script string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		sh := exec.CommandContext(ctx, "/bin/sh", "-c", script)
		sh.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		b, err := sh.CombinedOutput()
		return string(b), err
	}
	text, err := as("cat " + mtu)
	require.NoError(t, err, text)
	require.Equal(t, "1300\n", text)
	text, err = as("echo 1200 > " + mtu)
	require.Error(t, err)
	require.Contains(t, text, "Permission denied")
	text, err = as("echo 'link set v0 mtu 1200' > " + filepath.Join(mnt, "batch"))
	require.Error(t, err)
	require.Contains(t, text, "Permission denied")
	b, err := os.ReadFile(mtu)
	require.NoError(t, err)
	require.Equal(t, "1300\n", string(b))
	require.NoError(t, os.WriteFile(mtu, []byte("1400\n"), 0))
}
