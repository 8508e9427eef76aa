package tests

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"

	"github.com/stretchr/testify/require"
)

// A program that runs beside the test, with the lines of its output as they come.
type program struct {
	t     testing.TB
	name  string
	cmd   *exec.Cmd
	lines chan outLine // closed when the output ends
	errs  bytes.Buffer
	once  sync.Once
	err   error
}

type outLine struct {
	text string
	at   time.Time
}

// start starts a program inside the namespace. It is killed when the test ends.
func (r *rig) start(name string, args ...string) *program {
	r.t.Helper()
	p := &program{t: r.t, name: name, cmd: exec.Command(name, args...), lines: make(chan outLine, 1<<16)}
	p.cmd.Stderr = &p.errs
	out, err := p.cmd.StdoutPipe()
	require.NoError(r.t, err)
	r.Do(func() { err = p.cmd.Start() })
	require.NoError(r.t, err)
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(p.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 4<<20)
		for s.Scan() {
			p.lines <- outLine{s.Text(), time.Now()}
		}
	}()
	r.t.Cleanup(func() {
		p.cmd.Process.Kill()
		for range p.lines {
		}
		<-read
		p.wait()
	})
	return p
}

// wait waits for the end of the program, whose output must have been read or small.
func (p *program) wait() error {
	p.once.Do(func() { p.err = p.cmd.Wait() })
	return p.err
}

// next returns the next line that has all the words.
func (p *program) next(words ...string) outLine {
	p.t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case l, ok := <-p.lines:
			if !ok {
				p.wait()
				p.t.Fatalf("%s ended without a line with %q: %v: %s", p.name, words, p.err, p.errs.String())
			}
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(l.text, w) }) {
				return l
			}
		case <-late:
			p.t.Fatalf("%s: no line with %q", p.name, words)
		}
	}
}

// interrupt sends a signal and returns how long the program took to end.
func (p *program) interrupt(sig syscall.Signal) time.Duration {
	p.t.Helper()
	began := time.Now()
	require.NoError(p.t, p.cmd.Process.Signal(sig))
	late := time.AfterFunc(20*time.Second, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	for range p.lines {
	}
	p.wait()
	return time.Since(began)
}

// batch is an ip(8) that waits for lines, so that the start of a program is no
// part of what is measured.
func (r *rig) batch() func(line string) {
	r.t.Helper()
	cmd := exec.Command("ip", "-batch", "-")
	in, err := cmd.StdinPipe()
	require.NoError(r.t, err)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	r.Do(func() { err = cmd.Start() })
	require.NoError(r.t, err)
	r.t.Cleanup(func() {
		in.Close()
		require.NoError(r.t, cmd.Wait(), out.String())
	})
	return func(line string) {
		_, err := io.WriteString(in, line+"\n")
		require.NoError(r.t, err)
	}
}

// watchers are the programs that people read events with.
func (r *rig) watchers(words string) map[string]func() *program {
	netfs := filepath.Join(bin(r.t), "netfs")
	return map[string]func() *program{
		"cat on FUSE":    func() *program { return r.start("cat", r.mount()+"/events"+words) },
		"netfs watch":    func() *program { return r.start(netfs, "watch", "events"+words) },
		"netfs watch -a": func() *program { return r.start(netfs, "watch", "-a", r.serve(), "events"+words) },
	}
}

// TestEventsAreFast changes things with ip, and sees them in every reader.
func TestEventsAreFast(t *testing.T) {
	r := newRig(t)
	ip := r.batch()
	for name, watch := range r.watchers(",.snapshot") {
		p := watch()
		p.next("# sync")
		var took []time.Duration
		see := func(line string, words ...string) {
			t.Helper()
			began := time.Now()
			ip(line)
			d := p.next(words...).at.Sub(began)
			if took = append(took, d); d > 10*time.Millisecond {
				t.Logf("%-14s %v for %s", name, d, line)
			}
		}
		for i := range 15 {
			see(fmt.Sprintf("route add 10.9.%d.0/24 via 192.0.2.2", i), "route add", fmt.Sprintf("dst=10.9.%d.0/24", i))
			see(fmt.Sprintf("addr add 198.51.100.%d/32 dev v0", i+1), "addr ", fmt.Sprintf("local=198.51.100.%d/32", i+1))
			see(fmt.Sprintf("rule add priority %d table 9", i+1), "rule add", fmt.Sprintf("priority=%d ", i+1))
			see(fmt.Sprintf("link set v1 mtu %d", 1400+i), "link replace", "name=v1", fmt.Sprintf("mtu=%d", 1400+i))
			see(fmt.Sprintf("neigh add 192.0.2.77 lladdr 02:00:00:00:09:%02x nud permanent dev v0", i), "neigh ", fmt.Sprintf("lladdr=02:00:00:00:09:%02x", i))
			see("neigh del 192.0.2.77 dev v0", "neigh del", "192.0.2.77")
			see(fmt.Sprintf("route del 10.9.%d.0/24", i), "route del", fmt.Sprintf("dst=10.9.%d.0/24", i))
			see(fmt.Sprintf("addr del 198.51.100.%d/32 dev v0", i+1), "addr del", fmt.Sprintf("local=198.51.100.%d/32", i+1))
			see(fmt.Sprintf("rule del priority %d", i+1), "rule del", fmt.Sprintf("priority=%d ", i+1))
		}
		slices.Sort(took)
		median, most := took[len(took)/2], took[len(took)-1]
		t.Logf("%-14s  %d changes: median %v, max %v", name, len(took), median, most)
		p.interrupt(syscall.SIGINT)
	}
}

// TestInterrupt ends readers that wait for an event, by ^C and by kill.
func TestInterrupt(t *testing.T) {
	r := newRig(t)
	for name, watch := range r.watchers(",.snapshot,.kind=rule") {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			p := watch()
			p.next("# sync")
			took := p.interrupt(sig)
			t.Logf("%-14s ended %v after %v", name, took, sig)
			require.Less(t, took, 10*time.Second, name)
			st := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
			if p.name == "cat" {
				require.True(t, st.Signaled(), "%s: %v", name, p.cmd.ProcessState)
				require.Equal(t, sig, st.Signal(), name)
				continue
			}
			require.Equal(t, 128+int(sig), st.ExitStatus(), "%s: as a shell shows it", name)
			require.Empty(t, p.errs.String(), name)
		}
	}
}

// TestWatchEndsWithItsPipe is `netfs watch | head -1`.
func TestWatchEndsWithItsPipe(t *testing.T) {
	r := newRig(t)
	netfs := filepath.Join(bin(t), "netfs")
	p := r.start("sh", "-c", netfs+" watch events,.snapshot | head -1; echo ended")
	p.next("link replace name=lo")
	// The pipe's end is seen by the next write at the latest.
	ip, began := r.batch(), time.Now()
	for i := 0; ; i++ {
		ip(fmt.Sprintf("rule add priority %d table 9", i+1))
		select {
		case l := <-p.lines:
			require.Equal(t, "ended", l.text)
			return
		case <-time.After(20 * time.Millisecond):
			require.Less(t, time.Since(began), 10*time.Second)
		}
	}
}

// state is all that a mirror has to have.
var state = []string{"addrs", "routes", "rt/100", "rules", "nexthops"}

// twin makes a second rig whose links are those of a new rig.
func (r *rig) same(t testing.TB, other *rig, tables ...string) {
	t.Helper()
	for _, name := range tables {
		want := ""
		got := eventually(t, func() string { want = durable(read(t, r.tree, name)); return durable(read(t, other.tree, name)) },
			func(s string) bool { return s == want })
		require.Equal(t, want, got, name)
	}
}

// durable leaves out what the kernel is only about to settle.
// It sorts, since the kernel has routes of one destination in the order in which they came.
func durable(s string) string {
	lines := strings.Split(strings.ReplaceAll(s, " tentative", ""), "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestMirror copies a namespace into another by `cat a/events,.snapshot > b/batch`.
func TestMirror(t *testing.T) {
	a, b := furnished(t), newRig(t)
	door := treetest.Mounted(b.mount())
	text, err := os.ReadFile(a.mount() + "/events,.snapshot,.once")
	require.NoError(t, err)
	require.NoError(t, write(t, b.tree, "batch", string(text)))
	a.same(t, b, state...)
	require.NoError(t, pour(door, "batch", text), "once more, where nothing is left to do")
	a.same(t, b, state...)
}

// TestMirrorLive mirrors one kind after the other while the first namespace
// changes: every event is a line that batch takes.
func TestMirrorLive(t *testing.T) {
	a, b := newRig(t), newRig(t)
	for _, c := range []struct{ kind, last, table, lines string }{
		{"link", "last", "links/list,name,type,mtu,master,txqlen,alias", `
			link add br0 type bridge
			link set v1 master br0
			link set br0 up mtu 1400
			link set br0 txqueuelen 77 alias one
			link set br0 down
			link set br0 up
			link add vx0 type vxlan id 5 dstport 4789
			link del vx0
			link set br0 alias last`},
		{"addr", "203.0.113.77", "addrs,scope=global,local,dev,peer,label", `
			addr add 198.51.100.1/24 dev br0 label br0:a
			addr add 203.0.113.1 peer 203.0.113.2/32 dev br0
			addr add 203.0.113.9/24 dev v0
			addr change 198.51.100.1/24 dev br0 valid_lft 7000 preferred_lft 6000
			addr del 203.0.113.9/24 dev v0
			addr add 2001:db8:7::1/64 dev br0 nodad
			addr add 203.0.113.77/32 dev br0`},
		{"nexthop", "id=5", "nexthops", `
			nexthop add id 1 via 192.0.2.2 dev v0
			nexthop add id 2 via 192.0.2.3 dev v0
			nexthop add id 3 group 1,2/2
			nexthop replace id 3 group 1,7/2
			nexthop add id 4 blackhole
			nexthop del id 4
			nexthop add id 5 blackhole`},
		{"route", "dst=10.77.0.0", "routes", `
			route add 10.1.0.0/16 via 192.0.2.2 proto static metric 5
			route append 10.1.0.0/16 via 192.0.2.3 proto static metric 5
			route add blackhole 10.2.0.0/16
			route add 10.3.0.0/16 nexthop via 192.0.2.2 weight 2 nexthop via 192.0.2.3 dev v0 onlink
			route replace 10.3.0.0/16 nexthop via 192.0.2.2 weight 5 nexthop via 192.0.2.4 dev v0 onlink
			route add 10.4.0.0/16 dev v0 src 192.0.2.1 mtu lock 1400 table 100
			route add 10.5.0.0/16 nhid 3
			route add 10.6.0.0/16 via 192.0.2.2
			route del 10.6.0.0/16
			route add 2001:db8:1::/48 nexthop via 2001:db8::2 dev v0 nexthop via 2001:db8::3 dev v0
			route add unreachable 2001:db8:2::/48
			route add blackhole 10.77.0.0/16`},
		{"rule", "priority=999", "rules", `
			rule add from 10.0.0.0/8 table 100 priority 500
			rule add from 10.0.0.0/8 table 101 priority 501
			rule add fwmark 0x1/0xff lookup main priority 777
			-6 rule add to 2001:db8::/32 table 100 priority 502
			rule del priority 501
			rule add priority 999 table 77`},
		{"neigh", "192.0.2.77", "neigh,state=permanent", `
			neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent
			neigh add 192.0.2.10 lladdr 02:00:00:00:00:0a dev v0 nud permanent
			neigh change 192.0.2.9 lladdr 02:00:00:00:00:0c dev v0
			neigh del 192.0.2.10 dev v0
			neigh add 192.0.2.77 lladdr 02:00:00:00:00:4d dev v0 nud permanent`},
	} {
		t.Run(c.kind, func(t *testing.T) {
			p := a.start("sh", "-c", "exec cat "+a.mount()+"/events,.snapshot,.kind="+c.kind+" > "+b.mount()+"/batch")
			for _, line := range strings.Split(strings.TrimSpace(c.lines), "\n") {
				a.ip(strings.TrimSpace(line))
			}
			eventually(t, func() string { return durable(read(t, b.tree, c.table)) },
				func(s string) bool { return strings.Contains(s, c.last) && s == durable(read(t, a.tree, c.table)) })
			p.interrupt(syscall.SIGINT)
			require.True(t, p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled(), "the mirror ended: %s\n%s", p.errs.String(), read(t, b.tree, "error"))
			require.Equal(t, durable(read(t, a.tree, c.table)), durable(read(t, b.tree, c.table)))
		})
	}
}

// TestMirrorConntrack mirrors connections, which each namespace forgets in its own time.
func TestMirrorConntrack(t *testing.T) {
	a, b := newRig(t), newRig(t)
	if _, err := walk(as(t, root), a.tree, "conntrack"); err != nil {
		t.Skip("no conntrack in this kernel")
	}
	p := a.start("sh", "-c", "exec cat "+a.mount()+"/events,.snapshot,.kind=ct > "+b.mount()+"/batch")
	require.NoError(t, write(t, a.tree, "conntrack", "add proto=tcp src=192.0.2.1 dst=192.0.2.2 sport=1 dport=2 timeout=300 state=established\n"))
	eventually(t, func() string { return read(t, b.tree, "conntrack") }, func(s string) bool { return s != "" })
	require.NoError(t, write(t, a.tree, "conntrack", "add proto=udp src=192.0.2.1 dst=192.0.2.2 sport=1 dport=2 timeout=300\n"))
	both := eventually(t, func() string { return read(t, b.tree, "conntrack") }, func(s string) bool { return strings.Count(s, "\n") == 2 })
	require.Equal(t, 2, strings.Count(both, "\n"))
	require.NoError(t, write(t, a.tree, "conntrack", "del proto=udp src=192.0.2.1 dst=192.0.2.2 sport=1 dport=2\n"))
	got := eventually(t, func() string { return read(t, b.tree, "conntrack") }, func(s string) bool {
		return strings.Count(s, "\n") == 1 && strings.Contains(s, "proto=tcp")
	})
	require.Regexp(t, "^[^\n]*proto=tcp[^\n]*state=ESTABLISHED[^\n]*\n$", got)
	p.interrupt(syscall.SIGINT)
	require.True(t, p.cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled(), "the mirror ended: %s", p.errs.String())
}

// TestEventWords tries the path words of events on the real kernel.
func TestEventWords(t *testing.T) {
	r := newRig(t)
	trees := map[string]*fs.Tree{"here": r.tree, "9P": r.remote()}
	for name, d := range r.doors() {
		t.Run(name, func(t *testing.T) {
			defer r.ip("rule flush table 77")
			defer r.ip("addr del 198.51.100.7/32 dev v1")
			defer r.ip("route flush proto boot")
			defer r.ip("route flush proto static")
			watch := func(words string) *bufio.Scanner {
				t.Helper()
				s := bufio.NewScanner(watchFile(t, trees[name], d, "events"+words))
				s.Buffer(nil, 1<<20)
				return s
			}
			line := func(s *bufio.Scanner) string {
				t.Helper()
				require.True(t, s.Scan(), "the stream ended: %v", s.Err())
				return s.Text()
			}
			upTo := func(s *bufio.Scanner, word string) (all []string) {
				t.Helper()
				for {
					all = append(all, line(s))
					if strings.Contains(all[len(all)-1], word) {
						return all
					}
				}
			}
			both := watch(",.snapshot,.kind=rule,.kind=addr")
			pair := watch(",.snapshot,.kind=route,dev=v0,proto=static")
			objects := watch(".json,.snapshot,.kind=rule")
			for _, l := range upTo(both, "# sync") {
				require.Regexp(t, `^(rule|addr) replace |^# sync`, l)
			}
			require.Len(t, upTo(pair, "# sync"), 1)
			upTo(objects, `"op":"sync"`)

			r.ip("route add 10.1.0.0/16 via 192.0.2.2 proto boot")
			r.ip("route add 10.2.0.0/16 via 192.0.2.2 proto static")
			r.ip("rule add priority 770 table 77")
			r.ip("link set v1 mtu 1401")
			r.ip("addr add 198.51.100.7/32 dev v1")
			// Kinds come by sockets of their own, in no order among them.
			for rule, addr := false, false; !rule || !addr; {
				l := line(both)
				require.Regexp(t, `^(rule|addr) `, l) // of the links' own addresses, too
				rule = rule || strings.Contains(l, "rule add priority=770 table=77")
				addr = addr || strings.Contains(l, " local=198.51.100.7/32")
			}
			require.Contains(t, line(pair), "route add dst=10.2.0.0/16")
			var o struct {
				Seq      uint64
				T        float64
				Kind, Op string
				Obj      map[string]any
			}
			require.NoError(t, json.Unmarshal([]byte(line(objects)), &o))
			require.Equal(t, "rule add", o.Kind+" "+o.Op)
			require.EqualValues(t, 770, o.Obj["priority"])
			require.InDelta(t, float64(time.Now().UnixMilli())/1000, o.T, 30)

			// From its number on, everything comes again; and .once is its end.
			r.ip("rule add priority 771 table 77")
			seen := watch(fmt.Sprintf(",.kind=rule,.since=%d", o.Seq))
			require.Contains(t, line(seen), "priority=771")
			r.ip("rule add priority 772 table 77")
			require.Contains(t, line(seen), "priority=772")
			once := watch(fmt.Sprintf(",.kind=rule,.since=%d,.once", o.Seq))
			require.Contains(t, line(once), "priority=771")
			require.Contains(t, line(once), "priority=772")
			require.False(t, once.Scan(), "%q after the end", once.Text())

			whole := watch(",.snapshot,.once,.kind=rule")
			all := upTo(whole, "# sync")
			require.Len(t, all, strings.Count(read(t, r.tree, "rules"), "\n")+1)
			require.False(t, whole.Scan())
		})
	}
}

// watchFile is a stream, of a tree or, without one, of a mount by cat.
func watchFile(t testing.TB, tree *fs.Tree, d treetest.Door, name string) io.Reader {
	t.Helper()
	if tree == nil {
		out, err := d.(interface {
			Watch(string) (io.ReadCloser, error)
		}).Watch(name)
		require.NoError(t, err)
		kill := time.AfterFunc(30*time.Second, func() { out.Close() })
		t.Cleanup(func() { kill.Stop(); out.Close() })
		return out
	}
	ctx, cancel := context.WithTimeout(fs.WithUser(context.Background(), root), 30*time.Second)
	f, err := at(t, tree, name).Open(ctx, fs.OpenRead)
	require.NoError(t, err, name)
	t.Cleanup(func() { cancel(); f.Close(context.Background()) })
	return &openFile{ctx: ctx, f: f}
}

// An openFile reads a file of a tree from its start.
type openFile struct {
	ctx context.Context
	f   *fs.File
	off int64
}

func (o *openFile) Read(p []byte) (int, error) {
	n, err := o.f.ReadAt(o.ctx, p, o.off)
	if n == 0 && err == nil {
		return 0, io.EOF
	}
	o.off += int64(n)
	return n, err
}

// TestObjectEvents reads the events of one link.
func TestObjectEvents(t *testing.T) {
	r := newRig(t)
	p := r.start("cat", r.mount()+"/links/v1/events,.snapshot")
	p.next("# sync")
	r.ip("link set v0 mtu 1402")
	r.ip("link set v1 mtu 1403")
	for {
		l := p.next("name=")
		require.Contains(t, l.text, "name=v1")
		if strings.Contains(l.text, "mtu=1403") {
			return
		}
	}
}

// TestWaitForIt is the file wait, by a shell.
func TestWaitForIt(t *testing.T) {
	r := newRig(t)
	p := r.start("sh", "-c", "echo waits; echo 'route dst=10.7.0.0/16 timeout=20s' > "+r.mount()+"/wait && echo it is there")
	p.next("waits")
	r.ip("route add 10.7.0.0/16 via 192.0.2.2")
	p.next("it is there")
	require.NoError(t, p.wait())
	err := write(t, r.tree, "wait", "route dst=10.8.0.0/16 timeout=20ms\n")
	require.ErrorIs(t, err, syscall.ETIMEDOUT)
	require.Equal(t, syscall.ETIMEDOUT, fs.Errno(err))
}
