package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"
)

var rows = []row{
	{
		Name: "dump", What: "typed streaming dump of the routes, CPU", Us: "nl/rt", Them: "C header walk",
		Figure: cpu, Goal: 1.35,
		Make: func(b *bench) ([]contestant, error) {
			return []contestant{
				{Name: "C header walk", Run: command("", b.path("walk"), "ROUTE")},
				{Name: "nl/rt", Run: b.as("routes")},
				{Name: "vishvananda/netlink, streaming", Run: b.as("routes-vishvananda")},
				{Name: "jsimonetti/rtnetlink", Run: b.as("routes-jsimonetti")},
				{Name: "ip route show", Run: command("", "ip", "route", "show")},
			}, b.bigTable()
		},
	},
	{
		Name: "9P read", What: "`routes` read over 9P, client and server, CPU", Us: "netfs cat -a", Them: "ip route show",
		Figure: cpu, Goal: 0.8,
		Make: func(b *bench) ([]contestant, error) {
			if err := b.bigTable(); err != nil {
				return nil, err
			}
			return []contestant{
				{Name: "ip route show", Run: command("", "ip", "route", "show")},
				{Name: "netfs cat -a", Run: withServer(b.pid, command("", b.path("netfs"), "cat", "-a", "unix!"+b.path("s"), "routes"))},
				{Name: "netfs cat", Run: command("", b.path("netfs"), "cat", "routes")},
			}, b.serve()
		},
	},
	{
		Name: "FUSE read", What: "`routes` read through FUSE, cat and server, CPU", Us: "cat /net/routes", Them: "ip route show",
		Figure: cpu, Goal: 1.0,
		Make: func(b *bench) ([]contestant, error) {
			if err := b.bigTable(); err != nil {
				return nil, err
			}
			return []contestant{
				{Name: "ip route show", Run: command("", "ip", "route", "show")},
				{Name: "cat /net/routes", Run: withServer(b.pid, command("", "cat", b.path("mnt")+"/routes"))},
			}, b.serve()
		},
	},
	{
		Name: "write", What: "100,000 routes written to `routes`, wall", Us: "cat > /net/routes", Them: "ip -batch",
		Figure: wall, Goal: 0.4,
		Make: func(b *bench) ([]contestant, error) {
			if err := b.lines("add", "batch", 100_000); err != nil {
				return nil, err
			}
			empty := func() error { return sh("ip", "route", "flush", "proto", "200") }
			return []contestant{
				{Name: "ip -batch", Setup: empty, Run: command("", "ip", "-batch", b.path("batch"))},
				{Name: "cat > /net/routes", Setup: empty, Run: withServer(b.pid, command("", "sh", "-c", "cat "+b.path("add")+" > "+b.path("mnt")+"/routes"))},
				{Name: "netfs write -a", Setup: empty, Run: withServer(b.pid, command(b.path("add"), b.path("netfs"), "write", "-a", "unix!"+b.path("s"), "routes"))},
				{Name: "netfs write", Setup: empty, Run: command(b.path("add"), b.path("netfs"), "write", "routes")},
				{Name: "netfs write, lines without a verb", Setup: empty, Run: command(b.path("plain"), b.path("netfs"), "write", "routes")},
				{Name: "vishvananda/netlink, one by one", Setup: empty, Run: b.as("add-vishvananda")},
			}, b.noBigTable(b.serve)
		},
	},
	{
		Name: "conntrack", What: "dump of 200,000 conntrack entries, CPU", Us: "netfs cat conntrack", Them: "conntrack -L",
		Figure: cpu, Goal: 0.6,
		Make: func(b *bench) ([]contestant, error) {
			return []contestant{
				{Name: "conntrack -L", Run: command("", "conntrack", "-L")},
				{Name: "netfs cat conntrack", Run: command("", b.path("netfs"), "cat", "conntrack")},
				{Name: "nl/ct", Run: b.as("ct")},
				{Name: "C header walk", Run: command("", b.path("walk"), "CT")},
				{Name: "ti-mo/conntrack", Run: b.as("ct-ti-mo")},
			}, b.flows(200_000)
		},
	},
}

// lines writes the files of n routes for the writers: for ip -batch, with the
// verb add, and without a verb.
func (b *bench) lines(add, batch string, n int) error {
	files := map[string]string{
		batch:   "route add %s via 192.0.2.2 dev v0 proto 200\n",
		add:     "add dst=%s via=192.0.2.2 dev=v0 proto=200\n",
		"plain": "dst=%s via=192.0.2.2 dev=v0 proto=200\n",
	}
	for name, format := range files {
		f, err := os.Create(b.path(name))
		if err != nil {
			return err
		}
		w := bufio.NewWriter(f)
		for i := range n {
			fmt.Fprintf(w, format, fmt.Sprintf("10.%d.%d.%d/32", i>>16&255, i>>8&255, i&255))
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// bigTable fills the main table, once.
func (b *bench) bigTable() error {
	if b.count() >= b.routes {
		return nil
	}
	return sh(b.self, "reader", fmt.Sprintf("fill=%d", b.routes))
}

// noBigTable empties it again before the rest of a row is prepared.
func (b *bench) noBigTable(then func() error) error {
	if b.count() > 100 {
		if err := sh(b.self, "reader", "flush"); err != nil {
			return err
		}
	}
	return then()
}

// count returns how many routes the walker finds, the few of the links among them.
func (b *bench) count() int {
	var n int
	fmt.Sscan(output(b.path("walk"), "ROUTE"), &n)
	return n
}

func (b *bench) flows(n int) error {
	if err := os.WriteFile("/proc/sys/net/netfilter/nf_conntrack_max", []byte("1000000"), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	return sh(b.self, "reader", fmt.Sprintf("flows=%d", n))
}

// A measure is a row without a peer: a figure of its own.
type measure struct {
	Name, What, Goal string
	Do               func(*bench) (string, error)
}

var measures = []measure{
	{"idle", "idle server: memory, wakeups in 10 s", "≤ 15 MiB, none", idle},
	{"latency", "a change made by ip until `netfs watch` prints it, median of 50", "< 10 ms", latency},
	{"burst", "100,000 route changes while `events` is read: time until the last is seen", "within 1 s, nothing lost in silence", burst},
}

func idle(b *bench) (string, error) {
	b.stop()
	if err := b.noBigTable(b.serve); err != nil {
		return "", err
	}
	time.Sleep(3 * time.Second)
	before, err := switches(b.pid())
	if err != nil {
		return "", err
	}
	time.Sleep(10 * time.Second)
	after, err := switches(b.pid())
	if err != nil {
		return "", err
	}
	kib, err := statusOf(b.pid(), "VmRSS")
	return fmt.Sprintf("%.1f MiB, %d wakeups", float64(kib)/1024, after-before), err
}

// switches counts how often the threads of a process were put on a processor.
func switches(pid int) (int64, error) {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, t := range list {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pid, t.Name()))
		if err != nil {
			return 0, err
		}
		for line := range strings.Lines(string(b)) {
			var n int64
			if _, err := fmt.Sscanf(line, "voluntary_ctxt_switches: %d", &n); err == nil {
				sum += n
			}
		}
	}
	return sum, nil
}

// watcher starts netfs watch and returns its lines.
func (b *bench) watcher(path string) (*exec.Cmd, *bufio.Scanner, error) {
	c := exec.Command(b.path("netfs"), "watch", "-a", "unix!"+b.path("s"), path)
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	s := bufio.NewScanner(out)
	return c, s, c.Start()
}
