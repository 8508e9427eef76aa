package tests

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/route"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"

	"github.com/stretchr/testify/require"
)

const burst = 100_000

// A mirror is a set of routes as the lines of an events file tell it.
type mirror map[string]string

// routeKey is what tells routes apart in these tests: one for each destination,
// table and metric. rest is what else is compared.
func routeKey(dst, table, metric, via, dev string) (key, rest string) {
	if strings.HasPrefix(dst, "fe80:") {
		dst += " " + dev // one for each link
	}
	return dst + " " + table + " " + metric, via + " " + dev
}

// take applies one line, and returns the words of a comment.
func (m mirror) take(t testing.TB, line string) string {
	t.Helper()
	if mark, ok := strings.CutPrefix(line, "# "); ok {
		return mark
	}
	line, _, _ = strings.Cut(line, "   # ")
	words := strings.Fields(line)
	require.Equal(t, "route", words[0], line)
	v := map[string]string{"table": "main"}
	verb := "replace"
	for i, w := range words[1:] {
		k, val, pair := strings.Cut(w, "=")
		if pair && k != "via" || pair && v["via"] == "" {
			v[k] = val
		} else if i == 0 && !pair {
			verb = w
		}
	}
	if v["table"] == "local" {
		return ""
	}
	key, rest := routeKey(v["dst"], v["table"], v["metric"], v["via"], v["dev"])
	switch verb {
	case "add":
		if _, twice := m[key]; twice {
			t.Errorf("added twice: %s", line)
		}
		m[key] = rest
	case "replace", "append":
		m[key] = rest
	case "del":
		if _, there := m[key]; !there {
			t.Errorf("deleted, but never added: %s", line)
		}
		delete(m, key)
	case "destroy":
		delete(m, key)
	default:
		t.Fatalf("what is %q?", line)
	}
	return ""
}

// truth is the same set as ip(8) tells it.
func (r *rig) truth() mirror {
	r.t.Helper()
	m := mirror{}
	for _, family := range []string{"-4", "-6"} {
		var list []struct {
			Dst, Gateway, Dev, Table, Type string
			Metric                         json.Number
		}
		require.NoError(r.t, json.Unmarshal([]byte(r.ip(family+" -j route show table all")), &list))
		for _, l := range list {
			if l.Table == "local" || l.Type == "local" || l.Type == "multicast" {
				continue
			}
			if l.Table == "" {
				l.Table = "main"
			}
			if a, err := netip.ParseAddr(l.Dst); err == nil {
				l.Dst = netip.PrefixFrom(a, a.BitLen()).String()
			}
			key, rest := routeKey(l.Dst, l.Table, l.Metric.String(), l.Gateway, l.Dev)
			m[key] = rest
		}
	}
	return m
}

// flood adds burst routes, deletes some of them and moves others, faster than any
// program could; last it adds the route 10.255.255.0/24.
func (r *rig) flood() {
	r.t.Helper()
	c, err := nl.Dial(nl.Route, &nl.Options{NS: r.FD})
	require.NoError(r.t, err)
	defer c.Close()
	link, err := rt.LinkByName(context.Background(), c, "v0")
	require.NoError(r.t, err)
	index := link.Hdr.Index
	made := func(i int, via string) *rt.Route {
		m := &rt.Route{
			Dst:     netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32),
			Gateway: netip.MustParseAddr(via), OIF: index,
		}
		m.Hdr.Family, m.Hdr.Protocol, m.Hdr.Type = 2, rt.RTPROT_STATIC, rt.RTN_UNICAST
		m.Table = rt.RT_TABLE_MAIN
		return m
	}
	b := c.NewBatch()
	for i := range burst {
		require.NoError(r.t, b.Add(made(i, "192.0.2.2").Add()))
	}
	for i := 0; i < burst; i += 10 {
		require.NoError(r.t, b.Add(made(i, "192.0.2.2").Del()))
		require.NoError(r.t, b.Add(made(i+1, "192.0.2.3").Replace()))
	}
	require.NoError(r.t, b.Do(context.Background()))
	r.ip("route add 10.255.255.0/24 via 192.0.2.9")
}

// pipes are the ways in which a reader that stalls reads the events of r.
func (r *rig) pipes(t testing.TB, name string) map[string]io.Reader {
	ctx, cancel := context.WithTimeout(fs.WithUser(context.Background(), root), time.Minute)
	f, err := at(t, r.remote(), name).Open(ctx, fs.OpenRead)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close(context.Background()); cancel() })
	mounted, err := os.Open(r.mount() + "/" + name)
	require.NoError(t, err)
	t.Cleanup(func() { mounted.Close() })
	return map[string]io.Reader{"9P": &openFile{ctx: ctx, f: f}, "FUSE": mounted}
}

// follow reads until the line that has word has come and no table is being read
// again, and notes the marks.
func (m mirror) follow(t testing.TB, s *bufio.Scanner, word string) (marks []string, lines int) {
	t.Helper()
	again, found := false, false
	for s.Scan() {
		lines++
		if mark := m.take(t, s.Text()); mark != "" {
			marks = append(marks, mark)
			again = strings.HasPrefix(mark, "overrun") || strings.Contains(mark, " begin")
		}
		if found = found || strings.Contains(s.Text(), word); found && !again {
			return marks, lines
		}
	}
	t.Fatalf("the stream ended before %q, after %d lines, marks %q: %v", word, lines, marks, s.Err())
	return nil, 0
}

// TestStalledReader does not read while 100,000 routes come. It is told so, and
// knows all in the end.
func TestStalledReader(t *testing.T) {
	r := newRig(t)
	type reader struct {
		s *bufio.Scanner
		m mirror
	}
	readers := map[string]reader{}
	for name, p := range r.pipes(t, "events,.snapshot,.kind=route") {
		rd := reader{bufio.NewScanner(p), mirror{}}
		rd.m.follow(t, rd.s, "# sync")
		readers[name] = rd
	}
	began := time.Now()
	r.flood()
	t.Logf("flood took %v", time.Since(began))
	for name, rd := range readers {
		began := time.Now()
		marks, lines := rd.m.follow(t, rd.s, "dst=10.255.255.0/24")
		t.Logf("%-4s read %d lines in %v; marks %q", name, lines, time.Since(began), marks)
		text := strings.Join(marks, "\n")
		require.Regexp(t, `overrun lost=(\d+|\?) kind=route`, text, name) // ?: the kernel dropped them before the reader could be behind
		require.Regexp(t, `resync kind=route begin`, text, name)
	}
	// The kernel may have dropped events of the flood, too; the table is read again then,
	// and the next event follows.
	r.ip("route add 10.255.254.0/24 via 192.0.2.9")
	want := r.truth()
	require.Greater(t, len(want), burst*8/10)
	for name, rd := range readers {
		rd.m.follow(t, rd.s, "dst=10.255.254.0/24")
		require.Equal(t, len(want), len(rd.m), name)
		require.Equal(t, want, rd.m, name)
		// From here on it is a reader as any.
		r.ip("route del 10.255.255.0/24")
		marks, _ := rd.m.follow(t, rd.s, "route del dst=10.255.255.0/24")
		require.NotContains(t, strings.Join(marks, "\n"), "overrun")
		r.ip("route add 10.255.255.0/24 via 192.0.2.9")
		rd.m.follow(t, rd.s, "route add dst=10.255.255.0/24")
	}
}

// TestKernelDropsEvents has so small a socket buffer that the kernel drops events
// of the flood. Readers are told, and see the differences.
func TestKernelDropsEvents(t *testing.T) {
	r := newRig(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: r.FD, RecvBuffer: 4096})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	page, err := route.New(c)
	require.NoError(t, err)
	page.Root["events"] = fs.NewEvents(page.Kinds...)
	r.tree = &fs.Tree{Root: page.Root}
	type result struct {
		s     *bufio.Scanner
		m     mirror
		marks []string
		lines int
	}
	done := map[string]chan result{}
	for name, p := range r.pipes(t, "events,.snapshot,.kind=route") {
		s, m := bufio.NewScanner(p), mirror{}
		m.follow(t, s, "# sync")
		ch := make(chan result, 1)
		done[name] = ch
		go func() {
			defer close(ch)
			marks, lines := m.follow(t, s, "dst=10.255.255.0/24")
			ch <- result{s, m, marks, lines}
		}()
	}
	r.flood()
	results := map[string]result{}
	for name, ch := range done {
		got, ok := <-ch
		require.True(t, ok, name)
		results[name] = got
	}
	// What was dropped after that is told before the next event.
	r.ip("route add 10.255.254.0/24 via 192.0.2.9")
	want := r.truth()
	for name, got := range results {
		got.m.follow(t, got.s, "dst=10.255.254.0/24")
		t.Logf("%-4s read %d lines; %d marks, the first %q", name, got.lines, len(got.marks), got.marks[:min(6, len(got.marks))])
		require.Contains(t, strings.Join(got.marks, "\n"), "overrun lost=", name)
		require.Equal(t, len(want), len(got.m), name)
		require.Equal(t, want, got.m, name)
	}
}
