package main

import (
	"fmt"
	"math"
	"os"

	"github.com/netfs-project/netfs/p9"
)

// nineRows are the 9P rows, of which each dialect has its own.
func nineRows() []row {
	var list []row
	for _, d := range []p9.Dialect{p9.Plain, p9.DotL} {
		for _, r := range []struct {
			name, what string
			raw, own   shape
			goal       float64
		}{
			{"seq", "small-file cycle, one request at a time", seq, clients(1, false), 0.8},
			{"mux64", "the same by 64 goroutines on one connection", mux64, clients(outstanding, false), 0.8},
			{"conns64", "the same on 64 connections", conns64, clients(outstanding, true), 0.8},
			{"pipe64", "the same with 64 outstanding", pipe64, nil, 3},
		} {
			list = append(list, row{
				Name: fmt.Sprintf("%v %s", d, r.name), What: fmt.Sprintf("%v %s, speed", d, r.what), Us: "netfs", Them: "floor",
				Figure: rate, Goal: r.goal, AtLeast: true, Make: cycleRow(d, r.raw, r.own, r.name == "conns64"),
			})
		}
		for _, size := range []int{64 << 10, 1 << 20} {
			list = append(list, row{
				Name: fmt.Sprintf("%v read %dK", d, size>>10), What: fmt.Sprintf("%v sequential read, %d KiB each, speed", d, size>>10), Us: "netfs", Them: "floor",
				Figure: rate, Goal: 0.9, AtLeast: true, Make: readRow(d, size),
			})
		}
		list = append(list, row{
			Name: fmt.Sprintf("%v allocations", d), What: fmt.Sprintf("%v small-file cycle when warm, the server's allocations", d), Us: "netfs",
			Figure: allocs, Unit: "%.2f", Goal: 0, Make: allocRow(d),
		}, row{
			Name: fmt.Sprintf("%v flush", d), What: fmt.Sprintf("%v flush of a blocked read, median", d), Us: "netfs",
			Figure: func(c cost) float64 { return ms(c.Wall) }, Unit: "%.2f ms", Goal: 1, Make: flushRow(d),
		})
	}
	return list
}

// rate is a speed: work per second.
func rate(c cost) float64 { return 1 / c.Wall.Seconds() }

// allocs leaves out what the counting itself allocates.
func allocs(c cost) float64 { return math.Round(c.Allocs*100) / 100 }

// field are the servers that speak a dialect, by the names that the table has.
func (b *bench) field(d p9.Dialect) (names []string, servers map[string]*nine, err error) {
	servers = map[string]*nine{}
	for _, s := range []struct{ title, name string }{
		{"floor", "floor"}, {"floor, batched", "floorbatch"}, {"netfs", "netfs"}, {"netfs, links/lo/mtu", "host"},
		{"hugelgupf/p9", "hugelgupf"}, {"9fans.net/go srv9p", "srv9p"}, {"diod", "diod"},
	} {
		if d == p9.Plain && (s.name == "hugelgupf" || s.name == "diod") || d == p9.DotL && s.name == "srv9p" {
			continue
		}
		var n *nine
		if s.name == "diod" {
			n, err = b.diod()
		} else {
			n, err = b.nine(s.name)
		}
		if err != nil {
			return nil, nil, err
		}
		if n != nil {
			names = append(names, s.title)
			servers[s.title] = n
		}
	}
	return names, servers, nil
}

func cycleRow(d p9.Dialect, raw, own shape, apart bool) func(*bench) ([]contestant, error) {
	return func(b *bench) ([]contestant, error) {
		names, servers, err := b.field(d)
		if err != nil {
			return nil, err
		}
		note := func(perSecond, allocs float64) string {
			return fmt.Sprintf("%.0f cycles/s, %.2f allocations each", perSecond, allocs)
		}
		var list []contestant
		for _, name := range names {
			if name == "diod" && apart {
				continue // it would be 64 processes
			}
			list = append(list, contestant{Name: name, Run: servers[name].load(d, raw, cycles, note)})
		}
		if s := servers["netfs"]; own != nil && s.speaks(d) {
			list = append(list, contestant{Name: "netfs, and our client", Run: s.load(d, own, cycles, note)})
		}
		return list, nil
	}
}

// speaks reports whether our client has the dialect.
func (s *nine) speaks(d p9.Dialect) bool {
	c, err := s.client(d, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: left out:", err)
		return false
	}
	c.Close()
	return true
}

func readRow(d p9.Dialect, size int) func(*bench) ([]contestant, error) {
	return func(b *bench) ([]contestant, error) {
		names, servers, err := b.field(d)
		if err != nil {
			return nil, err
		}
		units := float64(volume / size)
		note := func(perSecond, allocs float64) string {
			return fmt.Sprintf("%.0f MiB/s, %.2f allocations each", perSecond*float64(size)/(1<<20), allocs)
		}
		var list []contestant
		for _, name := range names {
			switch name {
			case "netfs, links/lo/mtu", "floor, batched":
				continue
			case "diod": // its largest message is 64 KiB with the header
				continue
			}
			list = append(list, contestant{Name: name, Run: servers[name].load(d, reading(size), units, note)})
		}
		if s := servers["netfs"]; s.speaks(d) {
			list = append(list,
				contestant{Name: "netfs, and our client", Run: s.load(d, clientReading(size, false), units, note)},
				contestant{Name: "netfs, and our client reading ahead", Run: s.load(d, clientReading(size, true), units, note)})
		}
		return list, nil
	}
}

func allocRow(d p9.Dialect) func(*bench) ([]contestant, error) {
	return func(b *bench) ([]contestant, error) {
		names, servers, err := b.field(d)
		if err != nil {
			return nil, err
		}
		var list []contestant
		for _, name := range names {
			if s := servers[name]; s.mallocs != nil {
				list = append(list, contestant{Name: name, Run: s.load(d, seq, cycles, func(_, n float64) string { return fmt.Sprintf("%.3f allocations", n) })})
			}
		}
		return list, nil
	}
}

// flushRow leaves out those whose files cannot be told that nobody waits.
func flushRow(d p9.Dialect) func(*bench) ([]contestant, error) {
	return func(b *bench) ([]contestant, error) {
		s, err := b.nine("netfs")
		if err != nil {
			return nil, err
		}
		list := []contestant{{Name: "netfs", Run: s.flushes(d)}}
		if d == p9.Plain {
			s, err := b.nine("srv9p")
			if err != nil {
				return nil, err
			}
			list = append(list, contestant{Name: "9fans.net/go srv9p", Run: s.flushes(d)})
		}
		return list, nil
	}
}
