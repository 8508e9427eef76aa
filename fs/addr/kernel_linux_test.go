package addr

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

// newTree serves the addresses of a fresh namespace that has links v0 and v1.
func newTree(t *testing.T) *tree {
	t.Helper()
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ns.Run(t, "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
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
	"plain":    {"addr add 192.0.2.1/24 brd + dev v0", "addr add 192.0.2.2/24 dev v0", "addr add 198.51.100.1/32 dev v1 scope link", "addr add 2001:db8::1/64 dev v0 nodad"},
	"peer":     {"addr add 192.0.2.1 peer 203.0.113.9 dev v0", "addr add 192.0.2.1 peer 203.0.113.0/24 dev v1", "addr add 2001:db8::1 peer 2001:db8::2/128 dev v0 nodad"},
	"flags":    {"addr add 192.0.2.1/24 dev v0 noprefixroute metric 77 label v0:web", "addr add 2001:db8::1/64 dev v0 home nodad mngtmpaddr", "addr add 2001:db8:1::1/64 dev v0 noprefixroute metric 5 nodad"},
	"lifetime": {"addr add 192.0.2.1/24 dev v0 valid_lft 9000 preferred_lft 0", "addr add 2001:db8::1/64 dev v0 valid_lft 9000 preferred_lft 4000 nodad"},
	"up":       {"link set v0 up", "link set v1 up", "addr add 192.0.2.1/24 dev v0"},
	"empty":    {},
}

// TestLikeIP compares records with what ip(8) says.
func TestLikeIP(t *testing.T) {
	for name, lines := range states {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			tr.ip(lines...)
			tr.settled()
			want, have := tr.said(), tr.dumped()
			for range 20 { // a second may have ended between the two
				if slices.Equal(want, have) {
					break
				}
				want, have = tr.said(), tr.dumped()
			}
			assert.Equal(t, want, have)
		})
	}
}

// settled waits until no address looks for duplicates.
func (tr *tree) settled() {
	for range 100 {
		if !strings.Contains(tr.ns.Run(tr.t, "ip", "addr"), "tentative") {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	tr.t.Fatal("still tentative")
}

func number(v any) int64 {
	f, _ := v.(float64)
	return int64(f)
}

func flag(a map[string]any, name string) string {
	if a[name] == true {
		return name + " "
	}
	return ""
}

// say is a as the test above spells what ip(8) says.
func say(a *Addr) string {
	text := func(valid bool, s fmt.Stringer) any {
		if !valid {
			return nil
		}
		return s.String()
	}
	var label any
	if a.Label != "" {
		label = a.Label
	}
	scope := map[uint8]string{global: "global", site: "site", linkScope: "link", host: "host"}[a.Scope]
	s := fmt.Sprint(a.Dev, " ", a.Local.Addr(), " ", text(a.Peer.IsValid(), a.Peer.Addr()), " ", a.network().Bits(), " ", text(a.Broadcast.IsValid(), a.Broadcast), " ", scope, " ", label, " ",
		a.Metric, " ", a.Valid, " ", a.Preferred, " ")
	for _, f := range []struct {
		bit  uint32
		word string
	}{{Secondary, "secondary"}, {Tentative, "tentative"}, {Deprecated, "deprecated"}, {NoPrefixRoute, "noprefixroute"}, {Home, "home"}, {MngTmpAddr, "mngtmpaddr"}, {NoDAD, "nodad"}} {
		if a.Flags&f.bit != 0 {
			s += f.word + " "
		}
	}
	if a.Flags&Permanent == 0 {
		s += "dynamic "
	}
	return s
}

// TestLaws: what is read can be written and changes nothing; after a flush the same
// text restores it.
func TestLaws(t *testing.T) {
	for name, lines := range states {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			tr.ip(lines...)
			tr.settled()
			for _, file := range []string{"addrs", "addrs.json", "links/v0/addrs"} {
				text := tr.read(file)
				assert.Equal(t, text, tr.read(file))
				before := tr.k.steps
				tr.must(file, text)
				assert.Equal(t, before, tr.k.steps, "%s sent changes for\n%s", file, text)
			}
			text := tr.read("addrs")
			tr.must("addrs", "flush all\n")
			assert.Empty(t, tr.read("addrs"))
			tr.must("addrs", text)
			tr.settled()
			assert.ElementsMatch(t, lasting(text), lasting(tr.read("addrs")))
		})
	}
}

// lasting are the lines without what runs.
func lasting(text string) []string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.NewReplacer("valid_lft=9000", "valid_lft=8999", "preferred_lft=4000", "preferred_lft=3999").Replace(l)
	}
	return lines
}

func TestChanges(t *testing.T) {
	tr := newTree(t)
	tr.must("addrs", "add 192.0.2.1/24 dev v0 broadcast +\n")
	assert.Contains(t, tr.read("addrs"), "broadcast=192.0.2.255")
	tr.must("links/v0/addrs", "192.0.2.1/24 metric=9\n")
	assert.Contains(t, tr.read("links/v0/addrs"), "metric=9")
	assert.NotContains(t, tr.read("links/v0/addrs"), "dev=")
	tr.must("links/v0/addrs", "local 192.0.2.1/24 label v0:a\n")
	assert.Contains(t, tr.ns.Run(t, "ip", "addr", "show", "v0"), "global v0:a")
	assert.Contains(t, tr.read("addrs"), "metric=9")
	tr.must("addrs", "add 192.0.2.2/24 dev v0\n")
	err := tr.write("addrs", "192.0.2.1/24 dev v0 label v0:b\n")
	require.Error(t, err)
	assert.Contains(t, err.Error(), "192.0.2.2/24")
	assert.Contains(t, tr.read("addrs"), "label=v0:a")
	tr.must("addrs", "change 192.0.2.2/24 dev v0 valid_lft 1h preferred_lft 600\n")
	assert.Contains(t, tr.ns.Run(t, "ip", "addr", "show", "v0"), "preferred_lft 600sec")
	tr.must("addrs", "del 192.0.2.2/24 dev v0\ndel 192.0.2.1/24\n")
	assert.Empty(t, tr.read("addrs,dev=v0"))
	tr.must("addrs", "add 2001:db8::1/64 dev v0\nadd 2001:db8::2/64 dev v1\nflush dev v0\n")
	assert.NotContains(t, tr.read("addrs"), "dev=v0")
	assert.Contains(t, tr.read("addrs"), "2001:db8::2/64")
}

func TestRefusals(t *testing.T) {
	tr := newTree(t)
	tr.must("addrs", "add 192.0.2.1/24 dev v0\n")
	for line, want := range map[string]string{
		"add 192.0.2.1/24 dev v0":                             "exists",
		"add 192.0.2.9/24 dev nosuch":                         "no such device",
		"add 192.0.2.9/24":                                    "dev",
		"add 192.0.2.9/40 dev v0":                             "local",
		"add 2001:db8::1/64 dev v0 label x":                   "label",
		"add 2001:db8::1/64 dev v0 scope link":                "scope",
		"add 192.0.2.9/24 dev v0 valid_lft 5 preferred_lft 9": "preferred_lft",
		"add 192.0.2.9/24 dev v0 broadcast ::1":               "broadcast",
		"del 192.0.2.77/24 dev v0":                            "no such",
		"change 192.0.2.77/24 dev v0 metric 5":                "no such",
		"add 192.0.2.9/24 dev v0 label toolongforalabel":      "label",
	} {
		before := tr.read("addrs")
		err := tr.write("addrs", line+"\n")
		require.Error(t, err, line)
		assert.Contains(t, err.Error(), want, line)
		assert.Equal(t, before, tr.read("addrs"), line)
	}
}

func TestTree(t *testing.T) {
	tr := newTree(t)
	tr.ip(states["plain"]...)
	treetest.Check(t, tr.Door, treetest.Options{Write: true})
}

func TestEvents(t *testing.T) {
	tr := newTree(t)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var seen []string
	for e, err := range tr.k.Watch(ctx) {
		require.NoError(t, err)
		switch e.What {
		case fs.SyncEnd:
			tr.must("addrs", "add 192.0.2.1/24 dev v0\n")
			tr.ip("link del v0")
		case fs.Replaced:
			seen = append(seen, "add "+e.Row.Local.String()+" "+e.Row.Dev)
		case fs.Deleted:
			seen = append(seen, "del "+e.Row.Local.String()+" "+e.Row.Dev)
			cancel()
		}
	}
	assert.Equal(t, []string{"add 192.0.2.1/24 v0", "del 192.0.2.1/24 v0"}, seen)
}

// said returns the addresses as ip(8) says them, sorted.
func (tr *tree) said() []string {
	var said []struct {
		Ifname string           `json:"ifname"`
		Info   []map[string]any `json:"addr_info"`
	}
	require.NoError(tr.t, json.Unmarshal([]byte(tr.ns.Run(tr.t, "ip", "-j", "-d", "addr")), &said))
	var want []string
	for _, l := range said {
		for _, a := range l.Info {
			want = append(want, fmt.Sprint(l.Ifname, " ", a["local"], " ", a["address"], " ", a["prefixlen"], " ", a["broadcast"], " ", a["scope"], " ", a["label"], " ",
				number(a["metric"]), " ", number(a["valid_life_time"]), " ", number(a["preferred_life_time"]), " ", flag(a, "secondary"), flag(a, "tentative"), flag(a, "deprecated"),
				flag(a, "noprefixroute"), flag(a, "home"), flag(a, "mngtmpaddr"), flag(a, "nodad"), flag(a, "dynamic")))
		}
	}
	slices.Sort(want)
	return want
}

// dumped returns them as the page's kernel reads them, sorted.
func (tr *tree) dumped() []string {
	var have []string
	for a, err := range tr.k.Addrs(context.Background(), "") {
		require.NoError(tr.t, err)
		have = append(have, say(a))
	}
	slices.Sort(have)
	return have
}
