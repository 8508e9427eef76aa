// Package dnstest runs those who manage DNS for tests: systemd-resolved, openresolv and Debian's
// resolvconf, in namespaces where the machine's own resolv.conf is out of reach.
//
//	func TestX(t *testing.T) {
//		if !dnstest.Inside(t) {
//			return
//		}
//		r := dnstest.StartResolved(t)
//
// The programs are Debian's, unpacked and not installed (see tests/run): a package of theirs
// replaces /etc/resolv.conf.
package dnstest

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const inside = "NETFS_DNSTEST"

// Inside runs the test once more, in a process that has mount, network and process
// namespaces of its own, with /etc and /run that nobody else sees, and env beside the usual environment.
// It returns true in there. With -short it is skipped.
func Inside(t *testing.T, env ...string) bool {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		mount(t)
		return true
	}
	if testing.Short() {
		t.Skip("-short")
	}
	if os.Geteuid() != 0 {
		t.Skip("no privilege to make a mount namespace")
	}
	t.Parallel()
	// The process is the first of its namespace, with which all others end.
	cmd := exec.Command("/proc/self/exe", "-test.v", "-test.timeout=3m", "-test.run=^"+regexp.QuoteMeta(t.Name())+"$")
	cmd.Env = append(append(os.Environ(), env...), inside+"="+t.Name())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread() // with whose end the process is killed
	defer runtime.UnlockOSThread()
	out, err := cmd.CombinedOutput()
	_, skip, skipped := bytes.Cut(out, []byte("\n--- SKIP: "+t.Name()))
	switch {
	case err != nil:
		t.Fatalf("inside: %v\n%s", err, out)
	case skipped:
		t.Skipf("inside: %s", skip)
	}
	return false
}

// mount gives the process an /etc and a /run that it may write. What nobody here can mount is skipped.
func mount(t *testing.T) {
	t.Helper()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Skipf("%s: %v", what, err)
		}
	}
	must("mounts", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must("/proc", unix.Mount("proc", "/proc", "proc", 0, ""))
	must("/run", unix.Mount("run", "/run", "tmpfs", 0, "mode=755"))
	for _, dir := range []string{"/run/upper", "/run/work", "/run/dbus", "/run/systemd/resolve", "/run/systemd/netif/links"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must("/etc", unix.Mount("etc", "/etc", "overlay", 0, "lowerdir=/etc,upperdir=/run/upper,workdir=/run/work"))
	write(t, "/etc/resolv.conf", "")
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		t.Skipf("ip: %v: %s", err, out)
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	os.Remove(name) // it may be a link to what others see
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Unpacked returns the directory of a Debian package's files.
func Unpacked(t *testing.T, pkg string) string {
	t.Helper()
	cache := os.Getenv("NETFS_UNPACKED")
	if cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			t.Skip(err)
		}
		cache = filepath.Join(dir, "netfs-unpacked")
	}
	dir := filepath.Join(cache, pkg)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("Debian's package %s is not unpacked: %v", pkg, err)
	}
	return dir
}

// Over lays the files of a directory over those of the machine, inside. Each element of dirs is
// a directory that is in both.
func Over(t *testing.T, dir string, dirs ...string) {
	t.Helper()
	for _, d := range dirs {
		at, err := filepath.EvalSymlinks("/" + d)
		if err != nil {
			t.Fatal(err)
		}
		opts := fmt.Sprintf("lowerdir=%s/%s:%s", dir, d, at)
		if at == "/etc" { // which is written
			if out, err := exec.Command("cp", "-a", dir+"/etc/.", "/etc").CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			continue
		}
		if err := unix.Mount("over", at, "overlay", 0, opts); err != nil {
			t.Fatalf("%s: %v", at, err)
		}
	}
}

// StartBus starts a system bus, which the environment then names.
func StartBus(t *testing.T) {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "bus.conf")
	write(t, conf, `<busconfig><type>system</type><listen>unix:path=/run/dbus/system_bus_socket</listen>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>`)
	p := start(t, "dbus-daemon", "--config-file="+conf, "--nofork", "--nopidfile", "--nosyslog", "--print-address=1")
	p.await(t, "unix:path=")
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket")
}

// A Resolved is a systemd-resolved.
type Resolved struct {
	dir string
	p   *process
}

// StartResolved starts one, on the bus that the environment names.
func StartResolved(t *testing.T) *Resolved {
	t.Helper()
	dir := Unpacked(t, "systemd-resolved")
	const id = "61999"
	for file, entry := range map[string]string{"/etc/passwd": ":" + id + "::/:/bin/false\n", "/etc/group": ":\n"} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b, []byte("\nsystemd-resolve:")) {
			write(t, file, strings.TrimSuffix(string(b), "\n")+"\nsystemd-resolve:x:"+id+entry)
		}
	}
	if out, err := exec.Command("chown", "systemd-resolve:systemd-resolve", "/run/systemd/resolve").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := exec.LookPath("busctl"); err != nil {
		t.Skip(err)
	}
	r := &Resolved{dir, start(t, filepath.Join(dir, "lib/systemd/systemd-resolved"))}
	deadline := time.Now().Add(20 * time.Second)
	for exec.Command("busctl", "--system", "status", "org.freedesktop.resolve1").Run() != nil {
		if r.p.ended() || time.Now().After(deadline) {
			t.Fatalf("systemd-resolved does not come to the bus: %s", r.Log())
		}
		time.Sleep(10 * time.Millisecond) // another program's start cannot be waited for
	}
	return r
}

// Stop ends it, and returns when it has.
func (r *Resolved) Stop() { r.p.stop() }

// Log is what it printed.
func (r *Resolved) Log() string { return r.p.text() }

// Ctl runs resolvectl, and returns what it printed.
func (r *Resolved) Ctl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(r.dir, "usr/bin/resolvectl"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("resolvectl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Link returns what resolvectl says of one thing of a link: dns, domain or default-route.
func (r *Resolved) Link(t *testing.T, what, dev string) string {
	t.Helper()
	_, value, _ := strings.Cut(strings.TrimSpace(r.Ctl(t, what, dev)), "):")
	return strings.TrimSpace(value)
}

// Veth makes two links, up, and returns the index of the first.
func Veth(t *testing.T, a, b string) int {
	t.Helper()
	for _, args := range [][]string{{"link", "add", a, "type", "veth", "peer", "name", b}, {"link", "set", a, "up"}, {"link", "set", b, "up"}} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	l, err := net.InterfaceByName(a)
	if err != nil {
		t.Fatal(err)
	}
	return l.Index
}

// A process is a program that runs for a test.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}

	mu  sync.Mutex // guards the rest
	out bytes.Buffer
	new chan struct{} // closed at the next line
}

func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(err)
	}
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{}), new: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "SYSTEMD_LOG_LEVEL=info", "SYSTEMD_LOG_TARGET=console")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		defer close(p.done)
		for s := bufio.NewScanner(r); s.Scan(); {
			p.mu.Lock()
			fmt.Fprintln(&p.out, s.Text())
			close(p.new)
			p.new = make(chan struct{})
			p.mu.Unlock()
		}
		r.Close()
		p.cmd.Wait()
	}()
	t.Cleanup(p.stop)
	return p
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// await returns when the text was printed.
func (p *process) await(t *testing.T, text string) {
	t.Helper()
	timeout := time.NewTimer(20 * time.Second)
	defer timeout.Stop()
	for {
		p.mu.Lock()
		has, next := strings.Contains(p.out.String(), text), p.new
		p.mu.Unlock()
		if has {
			return
		}
		select {
		case <-next:
		case <-p.done:
			t.Fatalf("%s ended: %s", p.cmd.Path, p.text())
		case <-timeout.C:
			t.Fatalf("%s does not print %q: %s", p.cmd.Path, text, p.text())
		}
	}
}
