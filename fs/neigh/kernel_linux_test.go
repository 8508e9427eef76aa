package neigh

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
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

// A counter counts the steps that reach the kernel.
type counter struct {
	Kernel
	steps int
}

func (c *counter) Run(ctx context.Context, steps []Step) []error {
	c.steps += len(steps)
	return c.Kernel.Run(ctx, steps)
}

type tree struct {
	treetest.Door
	t  *testing.T
	ns *nltest.NS
	k  *counter
}

// newTree serves the neighbours of a fresh namespace that has links v0 and v1.
func newTree(t *testing.T) *tree {
	t.Helper()
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ns.Run(t, "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	for _, dev := range []string{"v0", "v1"} {
		ns.Run(t, "ip", "link", "set", dev, "up", "addrgenmode", "none")
	}
	ns.Run(t, "ip", "addr", "add", "192.0.2.1/24", "dev", "v0")
	k := &counter{Kernel: &kernel{c}}
	page := Page(k)
	root := page.Root
	root["links"] = fs.Dir{"v0": page.Link(fs.LinkID{Name: "v0"}), "v1": page.Link(fs.LinkID{Name: "v1"})}
	return &tree{treetest.Local(&fs.Tree{Root: root}, treetest.Root), t, ns, k}
}

func (tr *tree) ip(lines ...string) {
	tr.t.Helper()
	for _, l := range lines {
		tr.ns.Run(tr.t, "ip", strings.Fields(l)...)
	}
}

func (tr *tree) read(path string) string {
	tr.t.Helper()
	f, err := tr.Open(path, fs.OpenRead)
	require.NoError(tr.t, err)
	defer f.Close()
	var all []byte
	for {
		buf := make([]byte, 4096)
		n, err := f.ReadAt(buf, int64(len(all)))
		require.NoError(tr.t, err)
		if n == 0 {
			return string(all)
		}
		all = append(all, buf[:n]...)
	}
}

func (tr *tree) write(path, text string) error {
	f, err := tr.Open(path, fs.OpenWrite)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(text), 0)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func (tr *tree) must(path, text string) {
	tr.t.Helper()
	require.NoError(tr.t, tr.write(path, text), "%s < %s", path, text)
}

var states = map[string][]string{
	"permanent": {"neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0", "neigh add 192.0.2.8 lladdr 02:00:00:00:00:08 dev v1 protocol zebra", "neigh add 2001:db8::9 lladdr 02:00:00:00:00:09 dev v0 router"},
	"states":    {"neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0 nud stale", "neigh add 192.0.2.7 lladdr 02:00:00:00:00:09 dev v0 nud noarp", "neigh add 192.0.2.6 lladdr 02:00:00:00:00:06 dev v0 nud stale extern_learn"},
	"proxy":     {"neigh add proxy 192.0.2.77 dev v0", "neigh add proxy 2001:db8::77 dev v1 router", "neigh add 192.0.2.77 lladdr 02:00:00:00:00:77 dev v1"},
	"empty":     {},
}

// TestLikeIP compares records with what ip(8) says.
func TestLikeIP(t *testing.T) {
	for name, lines := range states {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			tr.ip(lines...)
			var want []string
			for _, args := range []string{"-4 neigh", "-6 neigh", "-4 neigh show proxy", "-6 neigh show proxy"} {
				var list []map[string]any
				out := tr.ns.Run(t, "ip", append([]string{"-j", "-d"}, strings.Fields(args)...)...)
				if strings.TrimSpace(out) == "" {
					continue
				}
				require.NoError(t, json.Unmarshal([]byte(out), &list), out)
				for _, s := range list {
					_, router := s["router"]
					_, learnt := s["extern_learn"]
					want = append(want, fmt.Sprintln(s["dst"], s["dev"], text(s["lladdr"]), strings.ToLower(strings.Trim(text(s["state"]), "[]")),
						router, learnt, strings.Contains(args, "proxy"), text(s["protocol"])))
				}
			}
			var have []string
			for n, err := range (&page{tr.k}).rows(context.Background(), nil) {
				require.NoError(t, err)
				state := stateOf(n)
				proto := ""
				if n.Proto != 0 {
					proto = map[uint8]string{11: "zebra"}[n.Proto]
				}
				have = append(have, fmt.Sprintln(n.Dst, n.Dev, n.LLAddr, state, n.Flags&Router != 0, n.Flags&ExternLearn != 0, n.Flags&Proxy != 0, proto))
			}
			slices.Sort(want)
			slices.Sort(have)
			assert.Equal(t, want, have)
		})
	}
}

func text(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// stateOf is the state as ip(8) says it: none for proxies.
func stateOf(n *Neigh) string {
	if n.Flags&Proxy != 0 {
		return ""
	}
	return stateNames[uint32(n.State)]
}

// TestLaws: what is read can be written and changes nothing; after a flush the same
// text restores it.
func TestLaws(t *testing.T) {
	for name, lines := range states {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			tr.ip(lines...)
			for _, file := range []string{"neigh", "neigh.json", "links/v0/neigh"} {
				text := tr.read(file)
				assert.Equal(t, text, tr.read(file))
				before := tr.k.steps
				tr.must(file, text)
				assert.Equal(t, before, tr.k.steps, "%s sent changes for\n%s", file, text)
			}
			text := tr.read("neigh")
			tr.must("neigh", "flush all\n")
			assert.Empty(t, tr.read("neigh"))
			tr.must("neigh", text)
			assert.Equal(t, text, tr.read("neigh"))
		})
	}
}

func TestChanges(t *testing.T) {
	tr := newTree(t)
	tr.must("neigh", "add 192.0.2.9 dev v0 lladdr 02:00:00:00:00:09\n")
	assert.Equal(t, "dst=192.0.2.9 dev=v0 lladdr=02:00:00:00:00:09 nud=permanent\n", tr.read("neigh"))
	tr.must("links/v0/neigh", "192.0.2.9 lladdr=02:00:00:00:00:10\n")
	assert.Equal(t, "dst=192.0.2.9 lladdr=02:00:00:00:00:10 nud=permanent\n", tr.read("links/v0/neigh"))
	tr.must("neigh", "change 192.0.2.9 dev v0 nud stale\n")
	assert.Contains(t, tr.ns.Run(t, "ip", "neigh"), "192.0.2.9 dev v0 lladdr 02:00:00:00:00:10 STALE")
	tr.must("neigh", "add proxy 192.0.2.9 dev v0\n")
	assert.Contains(t, tr.ns.Run(t, "ip", "neigh", "show", "proxy"), "192.0.2.9 dev v0")
	tr.must("neigh", "del 192.0.2.9 dev v0 proxy\n")
	assert.Empty(t, tr.ns.Run(t, "ip", "neigh", "show", "proxy"))
	assert.Contains(t, tr.read("neigh.stats"), "dst=192.0.2.9 dev=v0 used=")
	tr.must("neigh", "del 192.0.2.9 dev v0\n")
	assert.Empty(t, tr.read("neigh"))
	tr.must("neigh", "add 192.0.2.9 dev v0 lladdr 02:00:00:00:00:09 nud noarp\n")
	assert.Empty(t, tr.read("neigh"))
	assert.Contains(t, tr.read("neigh,nud=noarp"), "dst=192.0.2.9")
}

func TestRefusals(t *testing.T) {
	tr := newTree(t)
	tr.must("neigh", "add 192.0.2.9 dev v0 lladdr 02:00:00:00:00:09\n")
	for line, want := range map[string]string{
		"add 192.0.2.9 dev v0 lladdr 02:00:00:00:00:09":       "exists",
		"add 192.0.2.8 lladdr 02:00:00:00:00:09":              "dev",
		"add 192.0.2.8 dev nosuch":                            "no such device",
		"add 192.0.2.8 dev v0":                                "invalid",
		"add 192.0.2.8 dev v0 lladdr zz":                      "lladdr",
		"add 192.0.2.8 dev v0 nud happy":                      "nud",
		"add 192.0.2.8 dev v0 proxy lladdr 02:00:00:00:00:09": "lladdr",
		"del 192.0.2.8 dev v0":                                "no such",
		"change 192.0.2.8 dev v0 nud stale":                   "no such",
	} {
		err := tr.write("neigh", line+"\n")
		require.Error(t, err, line)
		assert.Contains(t, err.Error(), want, line)
	}
	assert.Equal(t, "dst=192.0.2.9 dev=v0 lladdr=02:00:00:00:00:09 nud=permanent\n", tr.read("neigh"))
}

func TestTree(t *testing.T) {
	tr := newTree(t)
	tr.ip(states["permanent"]...)
	treetest.Check(t, tr.Door, treetest.Options{Write: true, Moving: func(path string) bool { return strings.Contains(path, "neigh.stats") }})
}

func TestEvents(t *testing.T) {
	tr := newTree(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var seen []string
	for e, err := range tr.k.Watch(ctx) {
		require.NoError(t, err)
		switch {
		case e.What == fs.SyncEnd:
			tr.must("neigh", "add 192.0.2.9 dev v0 lladdr 02:00:00:00:00:09\n")
			tr.ip("link del v0")
		case e.What == fs.Replaced && e.Row.Dst.String() == "192.0.2.9":
			seen = append(seen, "add "+e.Row.Dev)
		case e.What == fs.Deleted && e.Row.Dst.String() == "192.0.2.9":
			seen = append(seen, "del "+e.Row.Dev)
			cancel()
		}
	}
	assert.Equal(t, []string{"add v0", "del v0"}, seen)
}
