package p9

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// diod's client tools speak 9P2000.L, and nothing of them is ours.
func TestDiod(t *testing.T) {
	for _, tool := range []string{"diodcat", "diodls"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("no " + tool + " here (package diod)")
		}
	}
	tree := newTestTree()
	l, err := Listen("tcp!127.0.0.1!0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- (&Server{Tree: tree.Tree}).Serve(ctx, l) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	run := func(tool string, args ...string) string {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		at := fmt.Sprintf("127.0.0.1:%d", l.Addr().(*net.TCPAddr).Port)
		out, err := exec.CommandContext(ctx, tool, append([]string{"-s", at, "-a", "/"}, args...)...).CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	require.Equal(t, "1500\n", run("diodcat", "mtu"))
	require.Equal(t, "1001\n", run("diodcat", "links/eth0/mtu"))
	require.Contains(t, run("diodls", "/"), "routes")
	require.Contains(t, run("diodls", "-l", "/"), "links")
	require.Len(t, run("diodcat", "big"), patternSize)
}
