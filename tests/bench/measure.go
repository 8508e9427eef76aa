package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A cost is what one run took.
type cost struct {
	Wall, CPU time.Duration
	RSS       int64   // most memory the process held, bytes
	Allocs    float64 // the server's, for each cycle
	Note      string
}

// A contestant is one way to do the work of a row.
type contestant struct {
	Name  string
	Setup func() error // before each run, not measured
	Run   func() (cost, error)
}

// command measures a process: its own time and memory, as the kernel counts them.
// Its output is thrown away, its last line on standard error kept as a note.
func command(stdin string, name string, args ...string) func() (cost, error) {
	return func() (cost, error) {
		c := exec.Command(name, args...)
		var errs bytes.Buffer
		c.Stderr = &errs
		if stdin != "" {
			f, err := os.Open(stdin)
			if err != nil {
				return cost{}, err
			}
			defer f.Close()
			c.Stdin = f
		}
		start := time.Now()
		if err := c.Run(); err != nil {
			return cost{}, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, errs.String())
		}
		wall := time.Since(start)
		u := c.ProcessState.SysUsage().(*syscall.Rusage)
		return cost{
			Wall: wall,
			CPU:  c.ProcessState.UserTime() + c.ProcessState.SystemTime(),
			RSS:  u.Maxrss << 10,
			Note: strings.TrimSpace(errs.String()),
		}, nil
	}
}

// withServer adds to a run what the process pid spent on it.
func withServer(pid func() int, run func() (cost, error)) func() (cost, error) {
	return func() (cost, error) {
		before, err := cpuOf(pid())
		if err != nil {
			return cost{}, err
		}
		c, err := run()
		if err != nil {
			return c, err
		}
		after, err := cpuOf(pid())
		c.CPU += after - before
		return c, err
	}
}

// cpuOf returns the processor time of a process so far, in the kernel's ticks
// of 10 ms. Source: proc_pid_stat(5), fields 14 and 15.
func cpuOf(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	var ticks int64
	for _, s := range f[11:13] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// statusOf returns one number of /proc/PID/status. Source: proc_pid_status(5).
func statusOf(pid int, key string) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc/%d/status: no %s", pid, key)
}

// compete runs the contestants in turn, n rounds after one that is not counted,
// so that what disturbs the machine disturbs all.
func compete(n int, cs []contestant) (map[string][]cost, error) {
	out := map[string][]cost{}
	for round := range n + 1 {
		for _, c := range cs {
			if c.Setup != nil {
				if err := c.Setup(); err != nil {
					return nil, fmt.Errorf("%s: %w", c.Name, err)
				}
			}
			k, err := c.Run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.Name, err)
			}
			if round > 0 {
				out[c.Name] = append(out[c.Name], k)
			}
		}
	}
	return out, nil
}

func median(cs []cost, f func(cost) float64) float64 {
	v := make([]float64, len(cs))
	for i, c := range cs {
		v[i] = f(c)
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func cpu(c cost) float64  { return c.CPU.Seconds() }
func wall(c cost) float64 { return c.Wall.Seconds() }
func rss(c cost) float64  { return float64(c.RSS) / (1 << 20) }
