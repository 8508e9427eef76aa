//go:build unix

package dns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// dirs are where a resolvconf may be. The path that the process was given is not among them.
var dirs = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// A program is a resolvconf. There are two that differ, and one of systemd's that is a door
// to resolved, where a link has one record and not one per owner.
type program struct {
	path string
	open bool // openresolv, else Debian's
}

// resolvconf makes the owner's record of a link, or removes it if c is empty.
func resolvconf(ctx context.Context, l Link, owner string, c Config) (said string, err error) {
	p, err := findResolvconf(ctx)
	if err != nil {
		return "", err
	}
	if err := l.own(); err != nil {
		return "", err
	}
	name, err := record(l, owner)
	if err != nil {
		return "", err
	}
	var args []string
	switch {
	case c.Empty() && p.open:
		args = []string{"-f", "-d", name} // without -f it fails if there is none
	case c.Empty():
		args = []string{"-d", name}
	case p.open && !c.Default:
		args = []string{"-p", "-a", name} // private: for its own domains
	default:
		args = []string{"-a", name}
	}
	return p.run(ctx, resolvConf(c, l), args...)
}

// record is the name of a record. It becomes a file's, and a word of scripts that glob.
func record(l Link, owner string) (string, error) {
	for i, c := range []byte(l.Name) {
		if !plain(c) && (i == 0 || !strings.ContainsRune("-.:@+", rune(c))) {
			return "", fmt.Errorf("%q in the name of a link", c)
		}
	}
	if l.Name == "" {
		return "", errors.New("a link without a name")
	}
	return l.Name + "." + owner, nil
}

// resolvConf is c in the form of resolv.conf(5).
func resolvConf(c Config, l Link) string {
	var b strings.Builder
	if len(c.Search) > 0 {
		fmt.Fprintf(&b, "search %s\n", strings.Join(c.Search, " "))
	}
	for _, a := range c.Servers {
		if a.Is6() && a.IsLinkLocalUnicast() {
			a = a.WithZone(l.Name)
		}
		fmt.Fprintf(&b, "nameserver %v\n", a)
	}
	return b.String()
}

func findResolvconf(ctx context.Context) (*program, error) {
	for _, dir := range dirs {
		path, err := exec.LookPath(filepath.Join(dir, "resolvconf"))
		if err != nil {
			continue
		}
		if real, err := filepath.EvalSymlinks(path); err == nil && filepath.Base(real) == "resolvectl" {
			return nil, absent(path + " is resolved's own")
		}
		p := &program{path: path}
		version, err := p.run(ctx, "", "--version")
		switch {
		case err != nil:
			return nil, err
		case strings.HasPrefix(version, "openresolv "):
			p.open = true
		case !strings.HasPrefix(version, "Debian resolvconf "):
			return nil, absent(fmt.Sprintf("%s is neither openresolv nor Debian's: its version is %s", path, short(version)))
		}
		return p, nil
	}
	return nil, absent("no such program")
}

// run runs the program with nothing of our environment, and ends it and what it started when ctx
// does. It returns what was printed, in one line.
func (p *program) run(ctx context.Context, in string, args ...string) (string, error) {
	out := &head{left: 4096}
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + strings.Join(dirs, ":"), "LC_ALL=C"}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(in), out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	group := func(s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }
	cmd.Cancel = func() error { return group(syscall.SIGTERM) } // it has a lock to take away
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	said := line(out.Bytes())
	if err == nil || errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil { // or a daemon that it started has our pipe
		return said, nil
	}
	if cmd.Process != nil && ctx.Err() != nil {
		group(syscall.SIGKILL)
		err = fmt.Errorf("not done in time: %w", ctx.Err())
	}
	if said != "" {
		return "", fmt.Errorf("%s %s: %w: %s", p.path, strings.Join(args, " "), err, said)
	}
	return "", fmt.Errorf("%s %s: %w", p.path, strings.Join(args, " "), err)
}

// line makes one line of what a program printed.
func line(b []byte) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ReplaceAll(strings.ToValidUTF8(strings.TrimSpace(string(b)), "?"), "\n", "; "))
	if len(clean) > 300 {
		clean = strings.ToValidUTF8(clean[:300], "") + "..."
	}
	return clean
}

// A head keeps the beginning of what is written.
type head struct {
	bytes.Buffer
	left int
}

func (h *head) Write(b []byte) (int, error) {
	n := min(h.left, len(b))
	h.left -= n
	h.Buffer.Write(b[:n])
	return len(b), nil
}
