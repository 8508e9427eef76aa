package nexthop

import (
	"context"
	"encoding/json"
	"fmt"
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

// A counting kernel counts the changes that it is asked for.
type counting struct {
	*kernel
	n int
}

func (c *counting) Change(ctx context.Context, ops []fs.Op[Nexthop]) {
	c.n += len(ops)
	c.kernel.Change(ctx, ops)
}

func newWorld(t *testing.T) (*nltest.NS, *counting, treetest.Door) {
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	for _, line := range []string{"link add v0 type veth peer name v1", "link set v0 up", "link set v1 up", "addr add 192.0.2.1/24 dev v0"} {
		ns.Run(t, "ip", strings.Fields(line)...)
	}
	if _, err := ns.Try(t, "ip", "nexthop"); err != nil {
		t.Skip("no nexthop objects in this kernel")
	}
	k := &counting{kernel: &kernel{c: c, links: joint.Links{C: c}}}
	return ns, k, treetest.Local(&fs.Tree{Root: Page(k).Root}, treetest.Root)
}

var states = []struct{ ip, want string }{
	{"id 1 via 192.0.2.9 dev v0", "id=1 via=192.0.2.9 dev=v0 scope=link"},
	{"id 2 blackhole", "id=2 blackhole"},
	{"id 3 via fe80::9 dev v0", "id=3 via=fe80::9 dev=v0 scope=link"},
	{"id 4 via 192.0.2.8 dev v0 onlink", "id=4 via=192.0.2.8 dev=v0 onlink scope=link"},
	{"id 5 dev v0", "id=5 dev=v0 scope=host"},
	{"id 7 via 192.0.2.7 fdb", "id=7 via=192.0.2.7 fdb scope=link"},
	{"id 10 group 1,3/4", "id=10 group=1,3/4"},
	{"id 11 group 1/4,3 type resilient buckets 8 idle_timer 60 unbalanced_timer 100", "id=11 group=1/4,3 type=resilient buckets=8 idle_timer=60 unbalanced_timer=100"},
}

func TestStates(t *testing.T) {
	ns, k, d := newWorld(t)
	for _, s := range states {
		if out, err := ns.Try(t, "ip", append([]string{"nexthop", "add"}, strings.Fields(s.ip)...)...); err != nil {
			t.Log(s.ip, "does not go here:", out)
			continue
		}
		id := strings.Fields(s.ip)[1]
		assert.Equal(t, s.want+"\n", get(t, d, "nexthops,id="+id), s.ip)
	}
	agree(t, ns, d)
	text := get(t, d, "nexthops")
	before := k.n
	require.NoError(t, put(d, "nexthops", text))
	require.NoError(t, put(d, "nexthops.json", get(t, d, "nexthops.json")))
	assert.Equal(t, before, k.n)
	require.NoError(t, put(d, "nexthops", "flush all\n"))
	require.Empty(t, get(t, d, "nexthops"))
	require.NoError(t, put(d, "nexthops", text))
	assert.Equal(t, text, get(t, d, "nexthops"))
	assert.Equal(t, 8, strings.Count(get(t, d, "nexthops.buckets"), "id=11 index="))
	assert.Empty(t, get(t, d, "nexthops.buckets,id=12"))
	assert.Equal(t, 4, strings.Count(get(t, d, "nexthops,dev=v0"), "\n"))
}

// agree compares with ip -j.
func agree(t *testing.T, ns *nltest.NS, d treetest.Door) {
	t.Helper()
	var got, want []map[string]any
	require.NoError(t, json.Unmarshal([]byte(get(t, d, "nexthops.json")), &got))
	require.NoError(t, json.Unmarshal([]byte(ns.Run(t, "ip", "-j", "-d", "nexthop")), &want))
	require.Len(t, got, len(want))
	for i, w := range want {
		for ours, theirs := range map[string]string{"id": "id", "via": "gateway", "dev": "dev", "scope": "scope", "proto": "protocol"} {
			if v := w[theirs]; v != "unspec" && v != "global" { // which nexthops leaves out
				assert.Equal(t, v, got[i][ours], "%s of %v", ours, got[i])
			}
		}
		group, _ := w["group"].([]any)
		var words []string
		for _, m := range group {
			word := fmt.Sprint(m.(map[string]any)["id"])
			if n, ok := m.(map[string]any)["weight"]; ok {
				word += "," + fmt.Sprint(n)
			}
			words = append(words, word)
		}
		text, _ := got[i]["group"].(string)
		assert.Equal(t, strings.Join(words, "/"), text)
	}
}

func TestChangesAndErrors(t *testing.T) {
	_, _, d := newWorld(t)
	require.NoError(t, put(d, "nexthops", "add id 1 via 192.0.2.9 dev v0\nadd id 2 via 192.0.2.8 dev v0\nadd id 10 group 1/2\n"))
	require.NoError(t, put(d, "nexthops", "1 via 192.0.2.7\nchange 10 group 1,5/2\n"))
	assert.Contains(t, get(t, d, "nexthops"), "id=1 via=192.0.2.7 dev=v0")
	assert.Contains(t, get(t, d, "nexthops"), "id=10 group=1,5/2")
	for _, c := range []struct{ line, want string }{
		{"add id 1 blackhole", "file exists"},
		{"add id 20 group 77", `group "77"`},
		{"add id 20 via 192.0.2.9 dev nosuch", `dev "nosuch": no such device`},
		{"del id 77", "no such"},
		{"add id 20 via 10.99.9.9 dev v0", "invalid gateway"},
	} {
		err := put(d, "nexthops", c.line+"\n")
		if assert.Error(t, err, c.line) {
			assert.Contains(t, err.Error(), c.want)
		}
	}
	require.NoError(t, put(d, "nexthops", "del 10\nflush dev=v0\n"))
	assert.Empty(t, get(t, d, "nexthops"))
}

// A nexthop goes with its link without a word of the kernel.
func TestEvents(t *testing.T) {
	ns, k, _ := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	syncs, added := 0, false
	for e, err := range k.Watch(ctx) {
		require.NoError(t, err)
		switch e.What {
		case fs.SyncBegin:
			added = false
		case fs.Added, fs.Replaced:
			added = true
			if syncs > 0 {
				ns.Run(t, "ip", "link", "set", "v0", "down")
			}
		case fs.SyncEnd:
			if syncs++; syncs == 1 {
				ns.Run(t, "ip", "nexthop", "add", "id", "1", "via", "192.0.2.9", "dev", "v0")
			} else if !added {
				return
			}
		}
	}
	t.Fatal("the nexthop did not go")
}
