package p9

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// passed is a descriptor as another process would have left it to this one.
func passed(t *testing.T, s interface{ File() (*os.File, error) }) string {
	t.Helper()
	f, err := s.File()
	require.NoError(t, err)
	fd, err := syscall.Dup(int(f.Fd()))
	require.NoError(t, err)
	f.Close()
	return fmt.Sprintf("fd!%d", fd)
}

func TestPassedListener(t *testing.T) {
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer l.Close()
	addr := l.Addr().String()
	ours, err := Listen(passed(t, l.(*net.UnixListener)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- (&Server{Tree: newTestTree().Tree}).Serve(ctx, ours) }()
	c, err := Dial(ctx, "unix!"+addr)
	require.NoError(t, err)
	c.Close()
	cancel()
	require.NoError(t, <-ended)
	_, err = os.Lstat(addr)
	require.NoError(t, err, "the socket's name is its owner's to remove")
}

// A connected socket is one connection, after which there is nothing to serve.
// The user at its other end is known, as on any unix socket.
func TestPassedConnection(t *testing.T) {
	a, b := pair(t)
	l, err := Listen(passed(t, b.(*net.UnixConn)))
	require.NoError(t, err)
	b.Close()
	ended := make(chan error, 1)
	go func() { ended <- (&Server{Tree: newTestTree().Tree}).Serve(context.Background(), l) }()
	dial := passed(t, a.(*net.UnixConn))
	a.Close()
	c, err := Dial(context.Background(), dial)
	require.NoError(t, err)
	f, err := c.Open(context.Background(), "mtu", OWRITE)
	if os.Getuid() == 0 {
		require.NoError(t, err)
		_, err = f.WriteAt(context.Background(), []byte("1400\n"), 0)
	}
	require.NoError(t, err)
	c.Close()
	require.NoError(t, <-ended)
}

func TestPassedWrong(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	fd, err := syscall.Dup(int(r.Fd()))
	require.NoError(t, err)
	r.Close()
	_, err = Listen(fmt.Sprintf("fd!%d", fd))
	require.ErrorContains(t, err, fmt.Sprintf("listen fd!%d: not a stream socket", fd))
	_, err = Listen("fd!1000000")
	require.ErrorIs(t, err, syscall.EBADF)
	_, err = Dial(context.Background(), "fd!1000000")
	require.ErrorIs(t, err, syscall.EBADF)

	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer packets.Close()
	_, err = Listen(passed(t, packets.(*net.UDPConn)))
	require.ErrorContains(t, err, "not a stream socket")

	lone, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	_, err = Listen(fmt.Sprintf("fd!%d", lone))
	require.ErrorIs(t, err, syscall.ENOTCONN)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = Dial(context.Background(), passed(t, l.(*net.TCPListener)))
	require.ErrorIs(t, err, syscall.ENOTCONN)
}

// vsock is the dial string of a server on the loopback of vsock; the test is
// skipped where the kernel has none.
func vsock(t *testing.T, s *Server) string {
	t.Helper()
	var l net.Listener
	var err error
	port := 0
	for port = 564000; port < 564100; port++ { // the kernel's choice of a port is not told by Listen
		if l, err = Listen(fmt.Sprintf("vsock!*!%d", port)); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Skip("no vsock: ", err)
	}
	require.NoError(t, err)
	dial := fmt.Sprintf("vsock!local!%d", port)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	done := make(chan error, 1)
	sctx, end := context.WithCancel(context.Background())
	go func() { done <- s.Serve(sctx, l) }()
	t.Cleanup(func() { end(); require.NoError(t, <-done) })
	c, err := dialNet(ctx, dial, nil)
	if err != nil {
		t.Skip("no loopback of vsock (module vsock_loopback): ", err)
	}
	c.Close()
	return dial
}

// Who comes over vsock is nobody and reads, from a machine that may connect.
func TestVsock(t *testing.T) {
	tree := newTestTree()
	dial := vsock(t, &Server{Tree: tree.Tree, VsockPeers: []uint32{1}})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := Dial(ctx, dial)
	require.NoError(t, err)
	defer c.Close()
	text, err := c.FS(ctx).(interface {
		ReadFile(string) ([]byte, error)
	}).ReadFile("mtu")
	require.NoError(t, err)
	require.Equal(t, "1500\n", string(text))
	_, err = c.Open(ctx, "mtu", OWRITE)
	require.ErrorIs(t, err, syscall.EROFS)

	// A reader that waits is released when its client goes, and when it cancels.
	f, err := c.Open(ctx, "events", OREAD)
	require.NoError(t, err)
	short, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	_, err = f.ReadAt(short, make([]byte, 100), 0)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestVsockPeers(t *testing.T) {
	dial := vsock(t, &Server{Tree: newTestTree().Tree, VsockPeers: []uint32{77}})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err := Dial(ctx, dial)
	require.Error(t, err)
	require.NoError(t, ctx.Err())
}
