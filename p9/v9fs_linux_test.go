package p9

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// inVM is what runs again on other kernels: their client.
const inVM = "^TestV9FS$"

func TestMain(m *testing.M) {
	flag.Parse()
	if run := flag.Lookup("test.run"); os.Getenv("NETFS_VM") != "" && run.Value.String() == "" {
		fmt.Println("--- SKIP: in the VM only " + inVM)
		run.Value.Set(inVM)
	}
	os.Exit(m.Run())
}

// mountV9FS mounts the server with the kernel's own client, in a mount namespace
// of the calling thread, which it keeps.
func mountV9FS(t *testing.T, dial, version string) string {
	t.Helper()
	runtime.LockOSThread() // for good: the thread ends with the test
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		t.Skip("no mount namespace here: ", err)
	}
	require.NoError(t, unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	at := t.TempDir()
	network, address, err := ParseDial(dial)
	require.NoError(t, err)
	options := "trans=unix"
	if network == "tcp" {
		var port string
		address, port, err = net.SplitHostPort(address)
		require.NoError(t, err)
		options = "trans=tcp,port=" + port
	}
	options += ",msize=262144,cache=none,access=any,version=" + version
	err = unix.Mount(address, at, "9p", 0, options+",noxattr")
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EPROTONOSUPPORT) {
		t.Skip("no 9p in this kernel")
	}
	if errors.Is(err, unix.EINVAL) { // noxattr is younger than some kernels
		err = unix.Mount(address, at, "9p", 0, options)
	}
	require.NoError(t, err)
	t.Cleanup(func() { unix.Unmount(at, unix.MNT_DETACH) })
	return at
}

// TestV9FS is what people do in a shell, through the kernel's client.
func TestV9FS(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		for _, version := range []string{"9p2000", "9p2000.u", "9p2000.L"} {
			t.Run(network+"/"+version, func(t *testing.T) { testV9FS(t, network, version) })
		}
	}
}

func testV9FS(t *testing.T, network, version string) {
	tree := newTestTree()
	s := &Server{Tree: tree.Tree, TCPWritable: true}
	dial, stop := start(t, s)
	if network == "tcp" {
		dial, stop = startOn(t, s, "tcp!127.0.0.1!0")
	}
	at := mountV9FS(t, dial, version)
	sh := func(script string) (string, error) {
		c := exec.Command("timeout", "60", "sh", "-c", script)
		c.Dir = at
		out, err := c.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	for _, step := range []struct{ script, want string }{
		{"cat mtu", "1500"},
		{"echo 9000 > mtu && cat mtu", "9000"},
		{"echo one > routes; echo two >> routes; echo three | tee -a routes; cat routes", "three\none\ntwo\nthree"},
		{"ls", "big\ndeaf\nevents\nlinks\nmtu\npanics\nroutes\nsecret\nslow\nstuck"},
		{"mkdir links/br0 && ls links && cat links/br0/mtu", "br0\neth0\n1002"},
		{"mv links/br0 links/br1 && ls links", "br1\neth0"},
		{"find links -name mtu | sort", "links/br1/mtu\nlinks/eth0/mtu"},
		{"find . -type d | sort", ".\n./links\n./links/br1\n./links/eth0"},
		{"cp links/br1/mtu mtu && cat mtu", "1002"},
		{"f=$(mktemp) && echo 1280 > $f && cp $f mtu && cat mtu && cp mtu $f && cat $f && rm $f", "1280\n1280"},
		{"rmdir links/br1 && ls links", "eth0"},
		{"rm -r links/eth0 2>/dev/null; ls links", "eth0"},
		{"cat nope", "cat: nope: No such file or directory"},
		{"echo x > new", "sh: 1: cannot create new: Operation not permitted"},
		{"echo x > big", "sh: 1: cannot create big: Permission denied"},
		{"rm links/eth0/mtu", "rm: cannot remove 'links/eth0/mtu': Operation not permitted"},
		{"chmod 600 mtu && touch mtu && truncate -s 0 mtu && cat mtu", "1280"},
		{"cat panics", "cat: panics: Input/output error"},
		{"head -c 1000000 big | wc -c", "1000000"},
		{"stat -c %A-%s links mtu routes", "drwxrwxr-x-0\n-rw-rw-r---0\n-rw-rw-r---0"},
	} {
		got, err := sh(step.script)
		require.Equal(t, step.want, got, "%s: %v", step.script, err)
	}
	// Not in subtests: those are on other threads, which do not see the mount.
	v9fsWrite(t, at, version)
	v9fsStream(t, tree, at)
	v9fsKill(t, tree, at)
	require.NoError(t, unix.Unmount(at, 0))
	stop()
	require.Zero(t, tree.handles())
}

// A write that fails is not taken for one that succeeded, and its reason can be
// had where the dialect has numbers; a text that is not in the kernel's table is
// none. Linux 6.12 returns 0 from the write and keeps the errno for fsync; earlier
// kernels return it at once.
func v9fsWrite(t *testing.T, at, version string) {
	fd, err := unix.Open(filepath.Join(at, "routes"), unix.O_WRONLY|unix.O_TRUNC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	n, err := unix.Write(fd, []byte("bad\n"))
	require.LessOrEqual(t, n, 0)
	if err == nil {
		err = unix.Fsync(fd)
	}
	require.Error(t, err)
	if version != "9p2000" {
		require.Equal(t, unix.ENETUNREACH, err)
	}
}

// A large read(2) returns each record as it comes.
func v9fsStream(t *testing.T, tree *testTree, at string) {
	f, err := os.Open(filepath.Join(at, "events"))
	require.NoError(t, err)
	defer f.Close()
	buf := make([]byte, 128<<10)
	for i := range 5 {
		time.AfterFunc(30*time.Millisecond, func() { tree.events.emit(fmt.Sprintf("link add name=eth%d type=dummy\n", i)) })
		n, err := f.Read(buf)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("link add name=eth%d type=dummy\n", i), string(buf[:n]))
	}
}

// A process that reads a blocked file can be killed. (Not if the signal comes
// before its Tread is sent: the kernel then forgets the signal and waits.)
func v9fsKill(t *testing.T, tree *testTree, at string) {
	for i, name := range []string{"events", "stuck", "slow"} {
		signal := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL}[i]
		c := exec.Command("cat", filepath.Join(at, name))
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		before := tree.waits.Load()
		require.NoError(t, c.Start())
		require.Eventually(t, func() bool { return tree.waits.Load() > before }, 20*time.Second, time.Millisecond)
		time.Sleep(50 * time.Millisecond)
		began := time.Now()
		require.NoError(t, c.Process.Signal(signal))
		io.Copy(io.Discard, out)
		require.Error(t, c.Wait())
		require.Less(t, time.Since(began), 10*time.Second, name)
	}
}
