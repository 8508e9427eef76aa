package nltest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An NS is a network namespace that a test made for itself. It goes away with the last
// thing that holds it: FD until the test ends, sockets made in it after that.
type NS struct {
	FD   int
	Path string // names it for setns and for programs, while the test runs
}

// NewNS makes a network namespace with lo up. It skips the test where that needs more
// privilege than there is.
func NewNS(t testing.TB) *NS {
	t.Helper()
	fd, err := newNS()
	if os.IsPermission(err) {
		t.Skip("no privilege to make a network namespace")
	}
	if err != nil {
		t.Fatalf("network namespace: %v", err)
	}
	f := os.NewFile(uintptr(fd), "netns")
	t.Cleanup(func() { f.Close() })
	return &NS{FD: fd, Path: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd)}
}

// newNS makes the namespace on a thread that ends with it, so that nothing else ever
// runs there.
func newNS() (fd int, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return
		}
		if err = loUp(); err != nil {
			return
		}
		fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}()
	<-done
	return fd, err
}

func loUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	ifr.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, ifr)
}

// Do runs f on a locked thread inside the namespace. What f starts with go is not inside.
func (ns *NS) Do(f func()) {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		panic(fmt.Sprintf("nltest: own namespace: %v", err))
	}
	defer home.Close()
	if err := unix.Setns(ns.FD, unix.CLONE_NEWNET); err != nil {
		panic(fmt.Sprintf("nltest: setns: %v", err))
	}
	defer func() {
		// A thread that cannot go home stays locked and ends with its goroutine.
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	f()
}

// Run runs a program inside the namespace for at most a minute and returns what it printed.
// It fails the test if the program fails, and skips it if there is no such program.
func (ns *NS) Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := ns.Try(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// Try is Run for a program that may fail. What it printed to standard error is behind
// what it printed to standard output when it failed.
func (ns *NS) Try(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	return ns.Input(t, "", name, args...)
}

// Input is Try with standard input.
func (ns *NS) Input(t testing.TB, stdin, name string, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s on this machine", name)
	}
	var out, errs strings.Builder
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	ns.Do(func() { err = cmd.Start() })
	if err != nil {
		return "", err
	}
	kill := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	defer kill.Stop()
	if err = cmd.Wait(); err != nil {
		return out.String() + errs.String(), err
	}
	return out.String(), nil
}
