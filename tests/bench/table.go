package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// A table is what the run found, for people.
type table struct {
	ratios  []string
	details []string
	single  []string
	old     []string // lines of the table that was written before
}

// keep takes the lines of a row that does not run now from the old table.
func (t *table) keep(r row) {
	t.ratios = t.kept(t.ratios, r.What)
	t.details = t.kept(t.details, r.Name)
}

func (t *table) kept(to []string, first string) []string {
	for _, line := range t.old {
		if strings.HasPrefix(line, "| "+first+" |") {
			to = append(to, line)
		}
	}
	return to
}

// lines are those of a file, if it is there.
func lines(file string) []string {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	return strings.Split(string(b), "\n")
}

func (t *table) add(r row, cs []contestant, got map[string][]cost) {
	format, sign, against, them := "%.2f", "≤", r.Them, 1.0
	if r.Them != "" {
		them = median(got[r.Them], r.Figure)
	} else {
		format, against = r.Unit, "–"
	}
	ratio := median(got[r.Us], r.Figure) / them
	ok := ratio <= r.Goal
	if r.AtLeast {
		sign, ok = "≥", ratio >= r.Goal
	}
	t.ratios = append(t.ratios, fmt.Sprintf("| %s | %s | "+format+" | %s "+format+" | %s |", r.What, against, ratio, sign, r.Goal, verdict(ok)))
	for _, c := range cs {
		k := got[c.Name]
		t.details = append(t.details, fmt.Sprintf("| %s | %s | %.3f | %.3f | %.1f | %.2f | %s |", r.Name, c.Name,
			median(k, wall), median(k, cpu), median(k, rss), median(k, r.Figure)/them, k[len(k)-1].Note))
	}
}

func (t *table) say(m measure, got string) {
	t.single = append(t.single, fmt.Sprintf("| %s | %s | %s |", m.What, got, m.Goal))
}

func verdict(ok bool) string {
	if ok {
		return "reached"
	}
	return "missed"
}

func (t *table) String(cfg config) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Performance

Written by `+"`cd tests/bench && go run . -o ../../docs/performance.md`"+`; do not edit by hand.
%s, %d processors, Linux %s, %s; median of %d runs in turn, everything in one
network namespace, %d routes in the big table. Other programs may have run at the
same time: take the ratios, not the seconds. Rows may have been measured on different
days (`+"`-rows`"+`), a row's contestants never.

In the rows of 9P each server is a process of its own on a unix socket (diod: a socket pair)
and serves a file of 63 bytes three names deep to the same client, which sends prepared
frames. The floor answers those with prepared replies of the same size and looks at nothing
but their types, a write for each reply; batched, it writes when its input is drained. A cycle
is walk, open, read and clunk; seconds are for 10,000 cycles or for 256 MiB. links/lo/mtu is
netfs's own tree, where the kernel is asked.

| what | against | ratio | to reach | |
|---|---|---|---|---|
%s

| what | measured | to reach |
|---|---|---|
%s

## Every contestant

CPU and wall in seconds, memory in MiB; servers' CPU counts, their memory does not.

| row | contestant | wall | CPU | memory | ratio | note |
|---|---|---|---|---|---|---|
%s
`, time.Now().UTC().Format("2006-01-02"), runtime.NumCPU(), output("uname", "-r"), runtime.Version(), cfg.n, cfg.routes,
		strings.Join(t.ratios, "\n"), strings.Join(t.single, "\n"), strings.Join(t.details, "\n"))
	return b.String()
}

func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", name, err)
		return "?"
	}
	return strings.TrimSpace(string(out))
}
