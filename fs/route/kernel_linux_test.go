package route

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

// A world is a namespace with a veth pair, and the page that shows it.
type world struct {
	*testing.T
	ns   *nltest.NS
	k    *counting
	door treetest.Door
}

// A counting kernel counts the changes that it is asked for.
type counting struct {
	*kernel
	n int
}

func (c *counting) Change(ctx context.Context, ops []fs.Op[Route]) {
	c.n += len(ops)
	c.kernel.Change(ctx, ops)
}

func newWorld(t *testing.T) *world {
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	k := &counting{kernel: &kernel{c: c, links: joint.Links{C: c}}}
	p := Page(k)
	root := p.Root
	root["v0"] = p.Link(fs.LinkID{Name: "v0"})
	root["events"] = p.Root["routes"].(*fs.Table[Route]).Events()
	w := &world{t, ns, k, treetest.Local(&fs.Tree{Root: root}, treetest.Root)}
	w.ip("link add v0 type veth peer name v1")
	for _, l := range []string{"v0", "v1"} {
		w.ip("link set " + l + " addrgenmode none")
		w.ip("link set " + l + " up")
	}
	w.ip("addr add 192.0.2.1/24 dev v0")
	w.ip("addr add 2001:db8::1/64 dev v0 nodad")
	return w
}

func (w *world) ip(line string) string {
	w.Helper()
	return w.ns.Run(w.T, "ip", strings.Fields(line)...)
}

func (w *world) read(path string) string {
	w.Helper()
	return treetest.Read(w, w.door, path)
}

func (w *world) write(path, text string) {
	w.Helper()
	require.NoError(w, treetest.Write(w.door, path, text), text)
}

// states are tables that the kernel is brought into by ip-route(8), with what
// routes must say of each route.
var states = []struct{ name, ip, want string }{
	{"gateway", "route add 10.0.0.0/8 via 192.0.2.2", "dst=10.0.0.0/8 via=192.0.2.2 dev=v0 proto=boot"},
	{"metric and proto", "route add 10.0.0.0/8 via 192.0.2.2 metric 9 proto static src 192.0.2.1", "dst=10.0.0.0/8 via=192.0.2.2 dev=v0 proto=static metric=9 src=192.0.2.1"},
	{"other family", "route add 10.0.0.0/8 via inet6 fe80::2 dev v0", "dst=10.0.0.0/8 via=fe80::2 dev=v0 proto=boot"},
	{"onto a link", "route add 10.0.0.0/8 dev v0", "dst=10.0.0.0/8 dev=v0 proto=boot scope=link"},
	{"onto a link, global", "route add 10.0.0.0/8 dev v0 scope global", "dst=10.0.0.0/8 dev=v0 proto=boot scope=global"},
	{"default", "route add default via 192.0.2.254", "dst=0.0.0.0/0 via=192.0.2.254 dev=v0 proto=boot"},
	{"onlink", "route add 10.0.0.0/8 via 198.51.100.9 dev v0 onlink", "dst=10.0.0.0/8 via=198.51.100.9 dev=v0 proto=boot onlink"},
	{"blackhole", "route add blackhole 10.0.0.0/8", "dst=10.0.0.0/8 type=blackhole proto=boot"},
	{"unreachable", "route add unreachable 10.0.0.0/8 metric 4278198272", "dst=10.0.0.0/8 type=unreachable proto=boot metric=4278198272"},
	{"prohibit", "route add prohibit 10.0.0.0/8", "dst=10.0.0.0/8 type=prohibit proto=boot"},
	{"throw", "route add throw 10.0.0.0/8 table 100", "dst=10.0.0.0/8 type=throw proto=boot table=100"},
	{"local elsewhere", "route add local 10.0.0.0/8 dev lo table 7", "dst=10.0.0.0/8 type=local dev=lo proto=boot table=7 scope=host"},
	{"big table", "route add 10.0.0.0/8 dev v0 table 70000", "dst=10.0.0.0/8 dev=v0 proto=boot table=70000 scope=link"},
	{"tos", "route add 10.0.0.0/8 tos 4 dev v0", "dst=10.0.0.0/8 dev=v0 proto=boot scope=link tos=0x04"},
	{"several ways", "route add 10.0.0.0/8 nexthop via 192.0.2.3 weight 2 nexthop via inet6 fe80::2 dev v0",
		"dst=10.0.0.0/8 proto=boot nexthop via=192.0.2.3 dev=v0 weight=2 nexthop via=fe80::2 dev=v0 weight=1"},
	{"metrics", "route add 10.0.0.0/8 via 192.0.2.2 mtu lock 1400 advmss 1000 rtt 20ms rttvar 10ms rto_min 200ms window 1000 hoplimit 30 initcwnd 4 initrwnd 5 ssthresh 3 reordering 4 quickack 1 features ecn congctl reno cwnd lock 10",
		"dst=10.0.0.0/8 via=192.0.2.2 dev=v0 proto=boot mtu=1400 advmss=1000 hoplimit=30 window=1000 rtt=20ms rttvar=10ms rto_min=200ms cwnd=10 initcwnd=4 initrwnd=5 ssthresh=3 reordering=4 quickack=1 features=ecn congctl=reno lock=mtu,cwnd,rto_min"},
	{"realm", "route add 10.0.0.0/8 via 192.0.2.2 realm 3/4", "dst=10.0.0.0/8 via=192.0.2.2 dev=v0 proto=boot realm=3/4"},
	{"ip tunnel", "route add 10.0.0.0/8 encap ip id 100 dst 10.1.1.1 ttl 7 tos 1 dev v0", "dst=10.0.0.0/8 dev=v0 proto=boot scope=link encap=ip encap.id=100 encap.dst=10.1.1.1 encap.ttl=7 encap.tos=0x1"},
	{"IPv6 gateway", "route add 2001:db8:6::/48 via fe80::1 dev v0 pref high", "dst=2001:db8:6::/48 via=fe80::1 dev=v0 proto=boot metric=1024 pref=high"},
	{"IPv6 expires", "route add 2001:db8:6::/48 via fe80::1 dev v0 expires 300", "dst=2001:db8:6::/48 via=fe80::1 dev=v0 proto=boot metric=1024 expires=*"},
	{"IPv6 several ways", "route add 2001:db8:7::/48 nexthop via fe80::1 dev v0 nexthop via fe80::2 dev v0 weight 3",
		"dst=2001:db8:7::/48 proto=boot metric=1024 nexthop via=fe80::1 dev=v0 weight=1 nexthop via=fe80::2 dev=v0 weight=3"},
	{"IPv6 hole", "-6 route add unreachable 2001:db8:b::/48 metric 77", "dst=2001:db8:b::/48 type=unreachable dev=lo proto=boot metric=77"},
	{"IPv6 from", "-6 route add 2001:db8:b::/48 from 2001:db8:c::/48 dev v0", "dst=2001:db8:b::/48 from=2001:db8:c::/48 dev=v0 proto=boot metric=1024"},
	{"segments", "route add 2001:db8:5::/48 encap seg6 mode encap segs fc00::1,fc00::2 dev v0", "dst=2001:db8:5::/48 dev=v0 proto=boot metric=1024 encap=seg6 encap.mode=encap encap.segs=fc00::1,fc00::2"},
	{"segments inline", "route add 2001:db8:5::/48 encap seg6 mode inline segs fc00::1,fc00::2 dev v0", "dst=2001:db8:5::/48 dev=v0 proto=boot metric=1024 encap=seg6 encap.mode=inline encap.segs=fc00::1,fc00::2"},
	{"segments with a key", "route add 2001:db8:5::/48 encap seg6 mode encap segs fc00::1 hmac 5 dev v0", "dst=2001:db8:5::/48 dev=v0 proto=boot metric=1024 encap=seg6 encap.raw=*"},
	{"mpls", "route add 10.0.0.0/8 encap mpls 100/200 via 192.0.2.2", "dst=10.0.0.0/8 via=192.0.2.2 dev=v0 proto=boot encap=mpls encap.label=100/200"},
}

// Each state reads as it must, is written back without a change, and comes back
// after a flush from the same text.
func TestStates(t *testing.T) {
	for _, s := range states {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t)
			empty := w.read("routes")
			if out, err := ns(w, s.ip); err != nil {
				t.Skip("this kernel or ip does not: " + out)
			}
			text := w.read("routes")
			added := lessLines(text, empty)
			require.Len(t, added, 1, text)
			assert.True(t, matches(s.want, added[0]), "want %s\ngot  %s", s.want, added[0])
			w.laws(text)
		})
	}
}

func ns(w *world, line string) (string, error) { return w.ns.Try(w.T, "ip", strings.Fields(line)...) }

// laws checks that text, which is what routes says, changes nothing when it is
// written back, and restores the same bytes after a flush.
func (w *world) laws(text string) {
	w.Helper()
	before := w.k.n
	w.write("routes", text)
	assert.Equal(w, before, w.k.n, "written back, a line was sent")
	w.write("routes.json", w.read("routes.json"))
	assert.Equal(w, before, w.k.n, "written back, an object was sent")
	w.write("routes", "flush all\n")
	require.Empty(w, w.read("routes"))
	w.write("routes", text)
	assert.Equal(w, still(text), still(w.read("routes")), "after a flush")
	before = w.k.n
	w.write("routes", text)
	assert.Equal(w, before, w.k.n, "restored, a line was sent")
}

// still takes out what counts by itself.
func still(text string) string {
	words := strings.Split(text, " ")
	for i, s := range words {
		if strings.HasPrefix(s, "expires=") {
			words[i] = "expires=*"
		}
	}
	return strings.Join(words, " ")
}

func lessLines(text, less string) []string {
	had := strings.Split(less, "\n")
	return slices.DeleteFunc(strings.Split(text, "\n"), func(l string) bool { return slices.Contains(had, l) })
}

// matches compares, with one * in want for any text.
func matches(want, got string) bool {
	head, tail, star := strings.Cut(want, "*")
	if !star {
		return want == got
	}
	return strings.HasPrefix(got, head) && strings.HasSuffix(got, tail)
}

// All states that go together obey the laws together.
func TestManyStatesTogether(t *testing.T) {
	w := newWorld(t)
	for i, s := range states {
		fields := strings.Fields(s.ip)
		at := slices.IndexFunc(fields, func(f string) bool { return strings.Contains(f, "/") || f == "default" })
		if fields[at] == "10.0.0.0/8" {
			fields[at] = fmt.Sprintf("10.%d.0.0/16", i)
		}
		w.ns.Try(w.T, "ip", fields...) // what this kernel has not is not there
	}
	w.ip("-6 route add fe80::/64 dev v0")
	w.ip("-6 route append fe80::/64 dev v1")
	text := w.read("routes")
	require.Greater(t, strings.Count(text, "\n"), 20)
	w.laws(text)
}

// Routes that differ only in their gateway are kept apart.
func TestAppended(t *testing.T) {
	w := newWorld(t)
	w.write("routes", "append 18.0.0.0/8 dev v0\nappend 18.0.0.0/8 dev v1\nadd 2001:db8:7::/48 via fe80::1 dev v0\nappend 2001:db8:7::/48 via fe80::2 dev v0\n")
	text := w.read("routes")
	assert.Contains(t, text, "dst=18.0.0.0/8 dev=v0 proto=boot scope=link\ndst=18.0.0.0/8 dev=v1 proto=boot scope=link\n")
	assert.Contains(t, text, "nexthop via=fe80::1 dev=v0 weight=1 nexthop via=fe80::2 dev=v0 weight=1\n")
	w.laws(text)
}

// What routes says is what ip -j says.
func TestAgainstIP(t *testing.T) {
	w := newWorld(t)
	for i, s := range states {
		w.ns.Try(w.T, "ip", strings.Fields(strings.Replace(s.ip, "10.0.0.0/8", fmt.Sprintf("10.%d.0.0/16", i), 1))...)
	}
	for _, table := range []string{"main", "local", "100", "7", "70000"} {
		var got []map[string]any
		require.NoError(t, json.Unmarshal([]byte(w.read("rt/"+table+".json")), &got))
		want := append(w.ipJSON("-4", table), w.ipJSON("-6", table)...)
		require.Len(t, got, len(want), table)
		for i := range got {
			agree(t, got[i], want[i])
		}
	}
}

func (w *world) ipJSON(family, table string) (rows []map[string]any) {
	out, err := w.ns.Try(w.T, "ip", family, "-j", "-d", "route", "show", "table", table)
	if err != nil {
		return nil
	}
	require.NoError(w, json.Unmarshal([]byte(out), &rows), out)
	return rows
}

// agree compares the words that both have.
func agree(t *testing.T, got, want map[string]any) {
	dst, _, _ := strings.Cut(got["dst"].(string), "/")
	if got["encap"] == nil { // ip's object has the outer destination under the same name
		host, _, _ := strings.Cut(want["dst"].(string), "/")
		if host == "default" {
			host = dst
		}
		assert.Equal(t, host, dst)
	}
	for ours, theirs := range map[string]string{"via": "gateway", "dev": "dev", "src": "prefsrc", "metric": "metric", "proto": "protocol", "tos": "tos"} {
		if v, ok := want[theirs]; ok && ours != "src" && ours != "tos" || got[ours] != nil {
			if via, ok := want["via"].(map[string]any); ours == "via" && ok {
				v = via["host"]
			}
			if g := got[ours]; g == nil && ours == "metric" {
				assert.Zero(t, want[theirs])
				continue
			}
			if got["encap"] != nil && (ours == "src" || ours == "tos") {
				continue
			}
			assert.Equal(t, v, got[ours], "%s of %v", ours, got)
		}
	}
	if typ, ok := got["type"]; ok {
		assert.Equal(t, want["type"], typ)
	} else {
		assert.Equal(t, "unicast", want["type"])
	}
	hops, _ := got["nexthop"].([]any)
	theirs, _ := want["nexthops"].([]any)
	assert.Len(t, hops, len(theirs))
}

func TestErrorsNameTheWord(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ line, want string }{
		{"add 17.0.0.0/8 via 10.99.9.9", `via "10.99.9.9": Nexthop has invalid gateway: network is unreachable`},
		{"add 17.0.0.0/8 via 192.0.2.5 dev nosuch", `dev "nosuch": no such device`},
		{"add 17.0.0.1/8 dev v0", `dst "17.0.0.1/8": Invalid prefix for given prefix length: invalid argument`},
		{"add 17.0.0.0/8 nexthop via 192.0.2.2 nexthop via 10.99.9.9", `Nexthop has invalid gateway`},
		{"add 17.0.0.0/8 nexthop via 192.0.2.2 nexthop dev nosuch", `nexthop 2: dev "nosuch": no such device`},
		{"add 17.0.0.0/8 dev v0 congctl nosuch", `congctl "nosuch"`},
		{"add 192.0.2.0/24 dev v0 proto kernel src 192.0.2.1", "file exists"},
		{"change 17.0.0.0/8 via 192.0.2.2", "no such route"},
		{"del 17.0.0.0/8", "no such"},
		{"add 2001:db8:9::/48 via 2001:db9::1", `via "2001:db9::1"`},
		{"add 17.0.0.0/8 nhid 77", `nhid "77"`},
	} {
		err := treetest.Write(w.door, "routes", c.line+"\n")
		if assert.Error(t, err, c.line) {
			assert.Contains(t, err.Error(), c.want, c.line)
		}
	}
}

// A line changes one route and leaves the others alone.
func TestChanges(t *testing.T) {
	w := newWorld(t)
	w.write("routes", "10.0.0.0/8 via 192.0.2.2 mtu 1400\nfe80::/64 dev v0\nfe80::/64 dev v1\n2001:db8:7::/48 nexthop via fe80::1 dev v0 nexthop via fe80::2 dev v0\n")
	for _, c := range []struct{ line, gone, there string }{
		{"10.0.0.0/8 via 192.0.2.3", "via=192.0.2.2", "dst=10.0.0.0/8 via=192.0.2.3 dev=v0 proto=boot mtu=1400\n"},
		{"change 10.0.0.0/8 mtu 1300", "mtu=1400", "dst=10.0.0.0/8 via=192.0.2.3 dev=v0 proto=boot mtu=1300\n"},
		{"10.0.0.0/8 dev v1", "192.0.2.3", "dst=10.0.0.0/8 dev=v1 proto=boot scope=link mtu=1300\n"},
		{"10.0.0.0/8 nexthop via 192.0.2.8 nexthop dev v1", "dst=10.0.0.0/8 dev=v1", "dst=10.0.0.0/8 proto=boot mtu=1300 nexthop via=192.0.2.8 dev=v0 weight=1 nexthop dev=v1 weight=1\n"},
		{"blackhole 10.0.0.0/8", "192.0.2.8", "dst=10.0.0.0/8 type=blackhole proto=boot mtu=1300\n"},
		{"10.0.0.0/8 via 192.0.2.9", "blackhole", "dst=10.0.0.0/8 via=192.0.2.9 dev=v0 proto=boot mtu=1300\n"},
		{"fe80::/64 dev v1 mtu 1280", "no", "dst=fe80::/64 dev=v1 proto=boot metric=1024 mtu=1280\n"},
		{"2001:db8:7::/48 via fe80::3 dev v0", "fe80::2", "dst=2001:db8:7::/48 via=fe80::3 dev=v0 proto=boot metric=1024\n"},
		{"del fe80::/64 dev v1", "dev=v1", "dst=fe80::/64 dev=v0 proto=boot metric=1024\n"},
		{"del 10.0.0.0/8", "10.0.0.0/8", ""},
		{"destroy 10.0.0.0/8", "10.0.0.0/8", ""},
		{"flush proto=boot", "proto=boot", "dst=192.0.2.0/24 dev=v0 proto=kernel src=192.0.2.1 scope=link\n"},
	} {
		w.write("routes", c.line+"\n")
		text := w.read("routes")
		assert.NotContains(t, text, c.gone, c.line)
		assert.Contains(t, text, c.there, c.line)
	}
}

func TestNexthopObjects(t *testing.T) {
	w := newWorld(t)
	w.ip("nexthop add id 1 via 192.0.2.9 dev v0")
	w.ip("nexthop add id 2 via 192.0.2.10 dev v0")
	w.ip("nexthop add id 10 group 1,3/2")
	w.write("routes", "16.0.0.0/8 nhid 1\n17.0.0.0/8 nhid 10\n")
	text := w.read("routes")
	assert.Contains(t, text, "dst=16.0.0.0/8 via=192.0.2.9 dev=v0 nhid=1 proto=boot\n")
	assert.Contains(t, text, "dst=17.0.0.0/8 nhid=10 proto=boot nexthop via=192.0.2.9 dev=v0 weight=3 nexthop via=192.0.2.10 dev=v0 weight=1\n")
	w.laws(text)
	w.write("routes", "16.0.0.0/8 nhid 2\n")
	assert.Contains(t, w.read("routes"), "dst=16.0.0.0/8 via=192.0.2.10 dev=v0 nhid=2 proto=boot\n")
	w.write("routes", "16.0.0.0/8 via 192.0.2.2\n")
	assert.Contains(t, w.read("routes"), "dst=16.0.0.0/8 via=192.0.2.2 dev=v0 proto=boot\n")
}

func TestTablesAndLinks(t *testing.T) {
	w := newWorld(t)
	w.write("rt/100", "10.0.0.0/8 dev v1\n")
	assert.Equal(t, "dst=10.0.0.0/8 dev=v1 proto=boot scope=link\n", w.read("rt/100"))
	list, err := w.door.List("rt")
	require.NoError(t, err)
	var names []string
	for _, in := range list {
		names = append(names, in.Name)
	}
	assert.Equal(t, []string{"100", "local", "main"}, names)
	assert.Contains(t, w.read("rt/local"), "dst=127.0.0.1/32 type=local dev=lo proto=kernel src=127.0.0.1 scope=host\n")
	assert.NotContains(t, w.read("routes"), "type=local")
	assert.Contains(t, w.read("routes"), "table=100")
	assert.Empty(t, w.read("rt/4242"))
	w.write("v0/routes", "11.0.0.0/8 via 192.0.2.2\n")
	assert.Contains(t, w.read("v0/routes"), "dst=11.0.0.0/8 via=192.0.2.2 proto=boot\n")
	assert.NotContains(t, w.read("v0/routes"), "10.0.0.0/8")
	assert.Equal(t, "dst=11.0.0.0/8 via=192.0.2.2 dev=v0 proto=boot\n", w.read("routes,dst=11.0.0.0_8,dev=v0"))
	assert.Empty(t, w.read("routes,dev=nosuch"))
	assert.Equal(t, 2, strings.Count(w.read("routes,proto=kernel"), "\n"))
	assert.Equal(t, "dst=2001:db8::/64 dev=v0 proto=kernel metric=256\n", w.read("routes,family=inet6"))
	assert.Equal(t, 3, strings.Count(w.read("routes,family=inet"), "\n"))
}

func TestLookup(t *testing.T) {
	w := newWorld(t)
	w.write("routes", "10.0.0.0/8 via 192.0.2.2\n")
	assert.Contains(t, w.read("lookup,to=10.1.2.3"), "dst=10.1.2.3/32 via=192.0.2.2 dev=v0 src=192.0.2.1")
	assert.Contains(t, w.read("lookup,to=10.1.2.3,fibmatch=1"), "dst=10.0.0.0/8 via=192.0.2.2 dev=v0 proto=boot")
	assert.Contains(t, w.read("lookup,to=2001:db8::7"), "dev=v0")
	assert.Contains(t, w.read("lookup,to=192.0.2.1"), "type=local")
}

// Events mirror the table, the silent changes of the kernel among them.
func TestEvents(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	text := make(map[string]bool) // of the routes known, by dst and dev
	var fresh map[string]bool
	steps := []struct{ ip, want string }{
		{"", "192.0.2.0/24 v0"},
		{"route add 10.0.0.0/8 via 192.0.2.2", "10.0.0.0/8 v0"},
		{"route add 11.0.0.0/8 dev v1", "11.0.0.0/8 v1"},
		{"route del 10.0.0.0/8", "-10.0.0.0/8 v0"},
		{"link set v1 down", "-11.0.0.0/8 v1"},
		{"-6 route add 2001:db8:6::/48 via fe80::1 dev v0", "2001:db8:6::/48 v0"},
	}
	step := 0
	next := func() bool {
		for step < len(steps) {
			want, wanted := strings.CutPrefix(steps[step].want, "-")
			if text[want] == wanted {
				return true
			}
			step++
			if step < len(steps) {
				w.ip(steps[step].ip)
			}
		}
		return false
	}
	for e, err := range w.k.Watch(ctx) {
		require.NoError(t, err)
		key := ""
		if e.Row != nil {
			key = e.Row.Dst.String() + " " + e.Row.Dev
		}
		switch e.What {
		case fs.SyncBegin:
			fresh = map[string]bool{}
		case fs.SyncEnd:
			text, fresh = fresh, nil
		case fs.Deleted:
			delete(text, key)
		default:
			text[key] = true
			if fresh != nil {
				fresh[key] = true
			}
		}
		if fresh == nil && !next() {
			return
		}
	}
	t.Fatalf("step %d did not come: %v", step, steps[min(step, len(steps)-1)])
}

// A big write goes in batches, and errors belong to their lines.
func TestManyLines(t *testing.T) {
	n := 20000
	if testing.Short() {
		n = 2000
	}
	w := newWorld(t)
	var b strings.Builder
	for i := range n {
		via := "192.0.2.2"
		if i == n/2 {
			via = "10.99.9.9"
		}
		fmt.Fprintf(&b, "add 10.%d.%d.%d/32 via %s\n", i>>16&255, i>>8&255, i&255, via)
	}
	start := time.Now()
	err := treetest.Write(w.door, "routes", b.String())
	t.Logf("%d lines in %v", n, time.Since(start))
	require.Error(t, err)
	assert.Contains(t, err.Error(), fmt.Sprintf(`:%d: add 10.`, n/2+1))
	assert.Contains(t, err.Error(), fmt.Sprintf("(1 of %d lines failed)", n))
	start = time.Now()
	text := w.read("routes,proto=boot")
	t.Logf("read in %v", time.Since(start))
	assert.Equal(t, n-1, strings.Count(text, "\n"))
	before := w.k.n
	start = time.Now()
	w.write("routes", text)
	t.Logf("written back in %v", time.Since(start))
	assert.Equal(t, before, w.k.n)
}
