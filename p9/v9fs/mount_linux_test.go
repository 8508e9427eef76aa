package v9fs

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/p9"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var tree = &fs.Tree{Root: fs.Dir{"mtu": &fs.Value{Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, "1500"...), nil }}}}

var root = &fs.User{Name: "root", From: "test"}

// TestDirect: what the kernel connects to by itself.
func TestDirect(t *testing.T) {
	for _, c := range []struct{ dial, source, transport string }{
		{"unix!/run/netfs.sock", "/run/netfs.sock", "trans=unix"},
		{"/run/netfs.sock", "/run/netfs.sock", "trans=unix"},
		{"tcp!127.0.0.1!5640", "127.0.0.1", "trans=tcp,port=5640"},
		{"tcp!127.0.0.1", "127.0.0.1", "trans=tcp,port=564"},
		{"tcp!::1!5640", "", ""},
		{"tls!127.0.0.1!5641", "", ""},
	} {
		source, transport, err := direct(c.dial)
		require.NoError(t, err, c.dial)
		require.Equal(t, []string{c.source, c.transport}, []string{source, transport}, c.dial)
	}
	_, _, err := direct("smoke!signal")
	require.Error(t, err)
}

// mounted skips the test, after a look at how it was said, if the kernel has no 9p.
func mounted(t *testing.T, m *Mount, err error) *Mount {
	t.Helper()
	if errors.Is(err, unix.ENODEV) {
		require.ErrorContains(t, err, "this kernel has no 9p: no such device")
		t.Skip("no 9p in this kernel")
	}
	if errors.Is(err, unix.EPERM) {
		require.ErrorContains(t, err, "for root to mount")
		t.Skip("mount(2) is for root")
	}
	require.NoError(t, err)
	return m
}

// TestServe mounts a tree of this process. Whether the kernel can or not, nothing is
// left behind.
func TestServe(t *testing.T) {
	before := runtime.NumGoroutine()
	defer settled(t, before)
	dir := t.TempDir()
	m, err := Serve(tree, root, dir, nil)
	m = mounted(t, m, err)
	b, err := os.ReadFile(filepath.Join(dir, "mtu"))
	require.NoError(t, err)
	require.Equal(t, "1500\n", string(b))
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	require.NoError(t, m.Err())
}

// TestDial mounts the tree of a server, until it goes away.
func TestDial(t *testing.T) {
	before := runtime.NumGoroutine()
	defer settled(t, before)
	path := filepath.Join(t.TempDir(), "s")
	_, err := Dial(t.Context(), "unix!"+path, t.TempDir(), nil)
	require.ErrorIs(t, err, unix.ENOENT)

	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- (&p9.Server{Tree: tree}).Serve(ctx, l) }()
	defer func() { cancel(); require.NoError(t, <-served) }()
	dir := t.TempDir()
	m, err := Dial(t.Context(), "unix!"+path, dir, &Options{ReadOnly: true, Private: true})
	m = mounted(t, m, err)
	b, err := os.ReadFile(filepath.Join(dir, "mtu"))
	require.NoError(t, err)
	require.Equal(t, "1500\n", string(b))
	cancel()
	select {
	case <-m.Done():
	case <-time.After(20 * time.Second):
		t.Error("the server has gone, and nobody noticed")
	}
	require.ErrorContains(t, m.Err(), "the server has gone")
	require.NoError(t, m.Close())
}

// settled waits until no more goroutines are left than before.
func settled(t *testing.T, before int) {
	t.Helper()
	for range 1000 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("goroutines: %d, before %d\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}
