package tests

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// furnished is a rig with something in every table that this kernel has.
func furnished(t testing.TB) *rig {
	r := newRig(t)
	for _, line := range strings.Split(strings.TrimSpace(`
		link add br0 type bridge
		link add vx0 type vxlan id 5 dstport 4789 local 192.0.2.1
		link set v1 master br0
		addr add 198.51.100.1/24 dev br0 label br0:a
		addr add 203.0.113.1 peer 203.0.113.2/32 dev br0 scope link
		link set br0 up
		route add 10.1.0.0/16 via 192.0.2.2 proto static metric 5
		route add blackhole 10.2.0.0/16
		route add 10.3.0.0/16 nexthop via 192.0.2.2 weight 2 nexthop via 192.0.2.3 dev v0 onlink
		route add 10.4.0.0/16 dev v0 src 192.0.2.1 mtu lock 1400 table 100
		route add 2001:db8:1::/48 via 2001:db8::2 dev v0
		route add unreachable 2001:db8:2::/48
		rule add from 10.0.0.0/8 table 100 priority 500
		rule add fwmark 0x1/0xff lookup main priority 501
		-6 rule add to 2001:db8::/32 table 100 priority 502
		neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 nud permanent
		neigh add proxy 192.0.2.10 dev v0
		nexthop add id 1 via 192.0.2.2 dev v0
		nexthop add id 2 blackhole
		nexthop add id 3 via 192.0.2.3 dev v0
		nexthop add id 4 group 1,2/3
		route add 10.5.0.0/16 nhid 1
		mptcp endpoint add 192.0.2.1 dev v0 signal`), "\n") {
		r.try(strings.TrimSpace(line))
	}
	return r
}

// try runs ip(8), and only notes it if that fails: kernels differ.
func (r *rig) try(args string) {
	r.t.Helper()
	var out []byte
	var err error
	r.Do(func() { out, err = exec.Command("ip", strings.Fields(args)...).CombinedOutput() })
	if err != nil {
		r.t.Logf("ip %s: %v: %s", args, err, out)
	}
}

// doors are the three ways into the rig's tree.
func (r *rig) doors() map[string]treetest.Door {
	return map[string]treetest.Door{
		"here": treetest.Local(r.tree, root),
		"9P":   treetest.Local(r.remote(), root),
		"FUSE": treetest.Mounted(r.mount()),
	}
}

// TestTree checks everything that any tree owes, on the live kernel, through
// each door.
func TestTree(t *testing.T) {
	r := furnished(t)
	for name, d := range r.doors() {
		t.Run(name, func(t *testing.T) {
			treetest.Check(t, d, treetest.Options{
				Write: true, Values: true, Moving: moving,
				// Names of namespaces are the whole machine's, not this test's.
				Skip: func(p string) bool { return strings.HasPrefix(p, "netns/") },
			})
		})
	}
}

// moving names the files whose text may change between two reads.
func moving(p string) bool {
	return strings.HasSuffix(p, "stats") || strings.Contains(p, "neigh") || strings.HasPrefix(p, "ct/") || p == "nexthops.buckets" ||
		strings.HasSuffix(p, "/list") || strings.HasSuffix(p, "/status")
}

// tables are the files that this rig can save and restore.
var tables = []string{"addrs", "routes", "rt/main", "rt/100", "rules", "neigh", "nexthops", "links/ctl", "links/v0/ctl", "links/v0/addrs", "links/v0/routes", "mptcp/endpoints", "conntrack"}

// TestWriteWhatIsRead is the first law: nothing changes, and nothing is sent that
// the kernel would tell others of.
func TestWriteWhatIsRead(t *testing.T) {
	r := furnished(t)
	eventually(t, func() string { return r.ip("addr") }, func(s string) bool { return !strings.Contains(s, " tentative") })
	heard := r.listen()
	for quiet := 0; quiet < 3; quiet++ { // links that come up have events of their own, for seconds
		if len(heard()) > 0 {
			quiet = -1
		}
	}
	for _, d := range []string{"here", "9P", "FUSE"} {
		door := r.doors()[d]
		for _, name := range tables {
			before := slurp(t, door, name)
			require.NoError(t, pour(door, name, before), "%s: %s", d, name)
			require.Equal(t, string(before), string(slurp(t, door, name)), "%s: %s", d, name)
		}
	}
	require.Empty(t, heard(), "the kernel told of changes")
}

// listen subscribes to every group of rtnetlink; what it returns tells what was
// heard since.
func (r *rig) listen() func() []uint16 {
	c, err := nl.Dial(nl.Route, &nl.Options{NS: r.FD})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	s, err := c.Subscribe(context.Background(), unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR, unix.RTNLGRP_IPV4_ROUTE,
		unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_RULE, unix.RTNLGRP_IPV6_RULE, unix.RTNLGRP_NEXTHOP)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { s.Close() })
	return func() (types []uint16) {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		for m, err := range s.Receive(ctx) {
			if err != nil {
				break
			}
			types = append(types, m.Type)
		}
		return types
	}
}

// TestRestore is the other half: read, flush, write, read gives the same bytes.
func TestRestore(t *testing.T) {
	r := furnished(t)
	for _, c := range []struct{ file, flush string }{
		{"neigh", "flush all"},
		{"mptcp/endpoints", "flush all"},
		{"rules", "flush all"},
		{"rt/100", "flush all"},
		{"routes,proto=static", "flush all"},
		{"routes,proto=boot", "flush all"},
		{"nexthops", "flush all"},
	} {
		t.Run(c.file, func(t *testing.T) {
			base, _, _ := strings.Cut(c.file, ",")
			if _, err := walk(as(t, root), r.tree, base); err != nil {
				t.Skipf("no %s here: %v", base, err)
			}
			before := read(t, r.tree, c.file)
			require.NotEmpty(t, before)
			dependent := read(t, r.tree, "routes")
			require.NoError(t, write(t, r.tree, c.file, c.flush+"\n"))
			require.NotEqual(t, before, read(t, r.tree, c.file))
			require.NoError(t, write(t, r.tree, c.file, before))
			if base == "nexthops" { // a route goes with its nexthop
				require.NoError(t, write(t, r.tree, "routes", dependent))
			}
			require.Equal(t, before, read(t, r.tree, c.file))
		})
	}
}

// TestRestoreAddrs flushes one link's addresses, and what hangs on them.
func TestRestoreAddrs(t *testing.T) {
	r := furnished(t)
	before, routes := read(t, r.tree, "links/br0/addrs"), read(t, r.tree, "links/br0/routes")
	require.NoError(t, write(t, r.tree, "links/br0/addrs", "flush scope=global\n", "flush scope=link\n"))
	require.NoError(t, write(t, r.tree, "links/br0/addrs", before))
	require.NoError(t, write(t, r.tree, "links/br0/routes", routes))
	require.Equal(t, before, read(t, r.tree, "links/br0/addrs"))
	require.Equal(t, routes, read(t, r.tree, "links/br0/routes"))
}

// TestDoorsAgree reads every file through each door, and gets the same bytes.
func TestDoorsAgree(t *testing.T) {
	r := furnished(t)
	doors := r.doors()
	for _, name := range append(tables, "links/list", "links/list.json", "routes.json", "rules.json", "links/v0/mtu", "links/v0/status",
		"links/br0/bridge/stp_state", "features", "status", "help/route", "mptcp/subflows", "lookup,to=10.1.2.3", "routes,dev=v0", "links/list,name,mtu") {
		still := false
		for range 20 {
			want, got := slurp(t, doors["here"], name), slurp(t, doors["9P"], name)
			mounted := slurp(t, doors["FUSE"], name)
			if !bytes.Equal(want, slurp(t, doors["here"], name)) {
				continue // the kernel counts something there
			}
			require.Equal(t, string(want), string(got), "9P: %s", name)
			require.Equal(t, string(want), string(mounted), "FUSE: %s", name)
			still = true
			break
		}
		require.True(t, still, "%s changes all the time", name)
	}
}

// TestSameErrno writes what is wrong through each door.
func TestSameErrno(t *testing.T) {
	r := furnished(t)
	doors := r.doors()
	for _, c := range []struct {
		file, text string
		want       syscall.Errno
	}{
		{"routes", "add 10.9.0.0/16 via 10.0.9.1\n", syscall.ENETUNREACH},
		{"routes", "add 10.9.0.0/16 dev nosuch\n", syscall.ENODEV},
		{"routes", "add 10.1.0.0/16 via 192.0.2.2 metric 5\n", syscall.EEXIST},
		{"routes", "del 10.77.0.0/16\n", syscall.ENOENT},
		{"routes", "add 10.9.0.0/33 dev v0\n", syscall.EINVAL},
		{"routes", "add 10.9.0.0/16 colour=red\n", syscall.EINVAL},
		{"links/v0/mtu", "1\n", syscall.EINVAL},
		{"links/v0/mtu", "many\n", syscall.EINVAL},
		{"links/v0/name", "br0\n", syscall.EEXIST},
		{"addrs", "add 192.0.2.1/24 dev v0\n", syscall.EEXIST},
		{"rules", "del priority=77\n", syscall.ENOENT},
		{"neigh", "del 192.0.2.99 dev v0\n", syscall.ENOENT},
	} {
		for name, d := range doors {
			err := pour(d, c.file, []byte(c.text))
			require.Error(t, err, "%s: %s < %q", name, c.file, c.text)
			require.Equal(t, c.want, errnoOf(err), "%s: %s < %q: %v", name, c.file, c.text, err)
		}
	}
}

func errnoOf(err error) syscall.Errno {
	var e syscall.Errno
	if errors.As(err, &e) {
		return e
	}
	return fs.Errno(err)
}

// TestCutting writes the same lines cut everywhere, and gets the same table.
func TestCutting(t *testing.T) {
	r := newRig(t)
	var text bytes.Buffer
	for i := range 40 {
		fmt.Fprintf(&text, "add 10.8.%d.0/24 via 192.0.2.%d proto static # %d\n", i, 2+i%5, i)
	}
	var want string
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		rest, pieces := text.String(), []string{}
		for len(rest) > 0 {
			n := len(rest)
			if round > 0 {
				n = 1 + rnd.IntN(min(len(rest), []int{1, 7, 100, 1000}[round%4]))
			}
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		require.NoError(t, write(t, r.tree, "routes", pieces...))
		got := read(t, r.tree, "routes,proto=static")
		if round == 0 {
			want = got
			require.Equal(t, 40, strings.Count(got, "\n"))
		}
		require.Equal(t, want, got)
		require.NoError(t, write(t, r.tree, "routes", "flush proto=static\n"))
	}
}

// TestShellWays writes one file in every way that a shell has.
func TestShellWays(t *testing.T) {
	r := newRig(t)
	mnt := r.mount()
	lines := filepath.Join(t.TempDir(), "lines")
	var text strings.Builder
	for i := range 300 {
		fmt.Fprintf(&text, "10.%d.%d.0/24 via 192.0.2.2 proto static\n", i>>8, i&255)
	}
	require.NoError(t, os.WriteFile(lines, []byte(text.String()), 0o644))
	var want string
	for _, how := range []string{
		"cat L > F", "cat L >> F", "cat L >| F", "cp L F", "tee F < L", "tee -a F < L", "dd if=L of=F", "dd if=L of=F bs=7", "dd if=L of=F bs=1k conv=notrunc,fsync",
		"while read l; do echo $l; done < L > F", "printf %s \"$(cat L)\" > F; sync", "sed -n p L > F", "cat F > L.s; cat L > F; cat L.s > F",
	} {
		cmd := strings.NewReplacer("F", mnt+"/routes", "L", lines).Replace(how)
		out, err := exec.Command("bash", "-c", cmd).CombinedOutput()
		require.NoError(t, err, "%s: %s", how, out)
		got := eventually(t, func() string { return read(t, r.tree, "routes,proto=static") }, func(s string) bool { return strings.Count(s, "\n") == 300 })
		if want == "" {
			want = got
		}
		require.Equal(t, want, got, how)
		require.NoError(t, write(t, r.tree, "routes", "flush proto=static\n"))
	}
}

// eventually returns what get gives once ok says so, or the last after 5 s: the
// last line of a FUSE file runs behind the writer's back.
func eventually(t testing.TB, get func() string, ok func(string) bool) string {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if s := get(); ok(s) || time.Now().After(end) {
			return s
		}
	}
}

func slurp(t testing.TB, d treetest.Door, name string) []byte {
	t.Helper()
	f, err := d.Open(name, fs.OpenRead)
	require.NoError(t, err, name)
	defer f.Close()
	var all []byte
	buf := make([]byte, 100<<10)
	for {
		n, err := f.ReadAt(buf, int64(len(all)))
		require.NoError(t, err, name)
		if n == 0 {
			return all
		}
		all = append(all, buf[:n]...)
	}
}

func pour(d treetest.Door, name string, text []byte) error {
	f, err := d.Open(name, fs.OpenWrite)
	if err != nil {
		return err
	}
	if len(text) > 0 {
		if _, err := f.WriteAt(text, 0); err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}
