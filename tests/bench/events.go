package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// latency measures from the start of ip(8) changing an address until the line is
// read; ip's own time is in it.
func latency(b *bench) (string, error) {
	if err := b.serve(); err != nil {
		return "", err
	}
	c, lines, err := b.watcher("events,.kind=route,.snapshot")
	if err != nil {
		return "", err
	}
	defer endWatch(c)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "# sync") {
	}
	var took []time.Duration
	for i := range 50 {
		dst := fmt.Sprintf("198.51.100.%d/32", i)
		if err := sh("ip", "route", "add", dst, "via", "192.0.2.2"); err != nil {
			return "", err
		}
		done := time.Now()
		for lines.Scan() && !strings.Contains(lines.Text(), "dst="+dst) {
		}
		took = append(took, time.Since(done))
	}
	slices.Sort(took)
	return fmt.Sprintf("%.2f ms after ip has ended, at most %.2f", ms(took[len(took)/2]), ms(took[len(took)-1])), lines.Err()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// burst reads the events of 100,000 additions made as fast as netlink takes them.
func burst(b *bench) (string, error) {
	if err := b.noBigTable(b.serve); err != nil {
		return "", err
	}
	c, lines, err := b.watcher("events,.kind=route,.snapshot")
	if err != nil {
		return "", err
	}
	defer endWatch(c)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "# sync") {
	}
	var ended time.Time
	filled := make(chan error, 1)
	go func() {
		err := sh(b.self, "reader", "fill=100000")
		ended = time.Now()
		filled <- err
	}()
	seen, overruns := map[string]bool{}, 0
	for len(seen) < 100_000 && lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) > 2 && words[0] == "route" && strings.HasPrefix(words[2], "dst=10.") {
			seen[words[2]] = true
		}
		if strings.HasPrefix(lines.Text(), "# overrun") {
			overruns++
		}
	}
	last := time.Now()
	if err := <-filled; err != nil {
		return "", err
	}
	return fmt.Sprintf("%.2f s after the burst, %d seen, %d overruns", max(0, last.Sub(ended).Seconds()), len(seen), overruns), lines.Err()
}

// endWatch interrupts a watcher, as ^C does.
func endWatch(c *exec.Cmd) {
	c.Process.Signal(syscall.SIGINT)
	c.Wait()
}
