// Bench measures netfs beside its peers, in one run on one machine, and prints
// the ratios as a table.
//
//	cd tests/bench && go run . -o ../../docs/performance.md
//
// It needs root, a C compiler, iproute2 and conntrack, and makes a network
// namespace of its own, in which everything runs. Contestants of a row take
// turns, so that what disturbs the machine disturbs all; medians are printed.
// CPU is what the kernel counts for the processes concerned, servers included.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) > 2 && os.Args[1] == "reader" {
		exit(reader(os.Args[2]))
	}
	if len(os.Args) > 3 && os.Args[1] == "serve" {
		exit(nineServe(os.Args[2], os.Args[3]))
	}
	n := flag.Int("n", 5, "rounds that count")
	rows := flag.String("rows", "", "only rows whose name matches this regular expression")
	out := flag.String("o", "", "file to write the table to; rows that do not run now are kept as they stand there")
	routes := flag.Int("routes", 1_000_000, "routes in the big table")
	flag.Parse()
	if os.Getenv("NETFS_BENCH") == "" {
		exit(again())
	}
	exit(run(config{n: *n, rows: *rows, out: *out, routes: *routes}))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

// again runs this program once more, in a network and mount namespace of its own.
func again() error {
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), "NETFS_BENCH=1")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return c.Run()
}

type config struct {
	n      int
	rows   string
	out    string
	routes int
}

// A row is one line of the table of DESIGN: what is measured, of whom, and the
// ratio to reach.
type row struct {
	Name    string
	What    string
	Us      string // contestant whose figure is divided
	Them    string // by this one's; "": it stands for itself
	Figure  func(cost) float64
	Unit    string // format of a figure that stands for itself
	Goal    float64
	AtLeast bool // the goal is to be exceeded
	Make    func(*bench) ([]contestant, error)
}

// A bench is the machine that the rows run on.
type bench struct {
	config
	dir  string // of binaries and scratch files
	self string
	srv  *exec.Cmd

	nines map[string]*nine
	ends  []func() // of what else was started
}

func run(cfg config) error {
	b, err := prepare(cfg)
	if err != nil {
		return err
	}
	defer b.close()
	want, err := regexp.Compile(cfg.rows)
	if err != nil {
		return err
	}
	t := table{old: lines(cfg.out)}
	for _, r := range slices.Concat(rows, nineRows()) {
		if !want.MatchString(r.Name) {
			t.keep(r)
			continue
		}
		fmt.Fprintln(os.Stderr, "== "+r.Name)
		cs, err := r.Make(b)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		got, err := compete(cfg.n, cs)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Name, err)
		}
		t.add(r, cs, got)
	}
	for _, m := range measures {
		if !want.MatchString(m.Name) {
			t.single = t.kept(t.single, m.What)
			continue
		}
		fmt.Fprintln(os.Stderr, "== "+m.Name)
		line, err := m.Do(b)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		t.say(m, line)
	}
	text := t.String(cfg)
	fmt.Print(text)
	if cfg.out == "" {
		return nil
	}
	return os.WriteFile(cfg.out, []byte(text), 0o644)
}

// prepare builds what runs and makes the namespace's links.
func prepare(cfg config) (*bench, error) {
	dir, err := os.MkdirTemp("", "netfs-bench")
	if err != nil {
		return nil, err
	}
	b := &bench{config: cfg, dir: dir, self: "/proc/self/exe"}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	for _, c := range [][]string{
		{"go", "build", "-C", "../..", "-o", dir + "/", "./cmd/netfs"},
		{"cc", "-O2", "-o", dir + "/walk", "testdata/walk.c"},
		{"mount", "--make-rprivate", "/"},
		{"ip", "link", "set", "lo", "up"},
		{"ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"},
		{"ip", "link", "set", "v0", "up"},
		{"ip", "link", "set", "v1", "up"},
		{"ip", "addr", "add", "192.0.2.1/24", "dev", "v0"},
	} {
		if err := sh(c...); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *bench) close() {
	b.stop()
	for _, end := range b.ends {
		end()
	}
	os.RemoveAll(b.dir)
}

// path names a file in the scratch directory.
func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

// as runs this program as one of its readers.
func (b *bench) as(name string) func() (cost, error) {
	return command("", b.self, "reader", name)
}

func sh(args ...string) error {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
