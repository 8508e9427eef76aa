package rule

import (
	"context"
	"encoding/json"
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

// A counting kernel counts the changes that it is asked for.
type counting struct {
	*kernel
	n int
}

func (c *counting) Change(ctx context.Context, ops []fs.Op[Rule]) {
	c.n += len(ops)
	c.kernel.Change(ctx, ops)
}

func newWorld(t *testing.T) (*nltest.NS, *counting, treetest.Door) {
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	k := &counting{kernel: &kernel{c}}
	return ns, k, treetest.Local(&fs.Tree{Root: Page(k).Root}, treetest.Root)
}

// states are rules as ip-rule(8) makes them, and what rules must say of them.
var states = []struct{ ip, want string }{
	{"rule add priority 10 from 10.0.0.0/8 table 7", "priority=10 from=10.0.0.0/8 table=7"},
	{"rule add priority 10 from 1.2.3.4 to 10.0.0.0/8 fwmark 1/0xff tos 4 iif v0 oif v1 ipproto tcp sport 1-3 dport 5 uidrange 1-5 table 7 suppress_prefixlength 3 realms 3/4",
		"priority=10 from=1.2.3.4/32 to=10.0.0.0/8 iif=v0 oif=v1 fwmark=0x1/0xff tos=0x04 ipproto=tcp sport=1-3 dport=5 uidrange=1-5 table=7 suppress_prefixlength=3 realms=3/4 iif_detached oif_detached"},
	{"rule add priority 10 goto 32766", "priority=10 goto=32766"},
	{"rule add priority 10 goto 700", "priority=10 goto=700 unresolved"},
	{"rule add priority 10 not from 5.5.5.5 blackhole", "priority=10 not from=5.5.5.5/32 type=blackhole"},
	{"rule add priority 10 prohibit", "priority=10 type=prohibit"},
	{"rule add priority 10 unreachable iif lo", "priority=10 iif=lo type=unreachable"},
	{"rule add priority 10 nop", "priority=10 type=nop"},
	{"rule add priority 10 l3mdev protocol 7", "priority=10 l3mdev proto=7"},
	{"rule add priority 10 suppress_ifgroup 3 table 9 tun_id 4", "priority=10 tun_id=4 table=9 suppress_ifgroup=3"},
	{"rule add priority 10 fwmark 0x5 table 70000", "priority=10 fwmark=0x5 table=70000"},
	{"-6 rule add priority 10 from 2001:db8::/32 table 7", "priority=10 from=2001:db8::/32 table=7"},
	{"-6 rule add priority 10 blackhole", "priority=10 family=inet6 type=blackhole"},
}

func TestStates(t *testing.T) {
	for _, s := range states {
		t.Run(s.ip, func(t *testing.T) {
			ns, k, d := newWorld(t)
			if out, err := ns.Try(t, "ip", strings.Fields(s.ip)...); err != nil {
				t.Skip("this kernel does not: " + out)
			}
			text := get(t, d, "rules")
			assert.Contains(t, strings.Split(text, "\n"), s.want)
			laws(t, k, d, text)
		})
	}
}

// laws checks that text changes nothing when it is written back, and restores
// the same bytes after a flush.
func laws(t *testing.T, k *counting, d treetest.Door, text string) {
	t.Helper()
	before := k.n
	require.NoError(t, put(d, "rules", text))
	require.NoError(t, put(d, "rules.json", get(t, d, "rules.json")))
	assert.Equal(t, before, k.n)
	require.NoError(t, put(d, "rules", "flush all\n"))
	require.Empty(t, get(t, d, "rules"))
	require.NoError(t, put(d, "rules", text))
	assert.Equal(t, text, get(t, d, "rules"))
}

func TestAgainstIP(t *testing.T) {
	ns, k, d := newWorld(t)
	for i, s := range states {
		ns.Try(t, "ip", strings.Fields(strings.Replace(s.ip, "priority 10", "priority 1"+string(rune('0'+i/10))+string(rune('0'+i%10)), 1))...)
	}
	laws(t, k, d, get(t, d, "rules"))
	var got, four, six []map[string]any
	require.NoError(t, json.Unmarshal([]byte(get(t, d, "rules.json")), &got))
	require.NoError(t, json.Unmarshal([]byte(ns.Run(t, "ip", "-4", "-j", "-d", "rule")), &four))
	require.NoError(t, json.Unmarshal([]byte(ns.Run(t, "ip", "-6", "-j", "-d", "rule")), &six))
	want := append(four, six...)
	require.Len(t, got, len(want))
	for i := range want {
		for ours, theirs := range map[string]string{"priority": "priority", "table": "table", "iif": "iif", "oif": "oif", "goto": "goto", "ipproto": "ipproto", "tun_id": "tun_id", "suppress_prefixlength": "suppress_prefixlen"} {
			if v, ok := want[i][theirs]; ok || got[i][ours] != nil {
				assert.Equal(t, v, got[i][ours], "%s of %v and %v", ours, got[i], want[i])
			}
		}
	}
}

func TestErrors(t *testing.T) {
	_, _, d := newWorld(t)
	require.NoError(t, put(d, "rules", "add priority 10 from 10.0.0.0/8 table 7\n"))
	for _, c := range []struct{ line, want string }{
		{"add priority 10 from 10.0.0.0/8 table 7", "file exists"},
		{"del priority 77", "no such"},
		{"add priority 10 goto 5", "Backward goto not supported"},
	} {
		err := put(d, "rules", c.line+"\n")
		if assert.Error(t, err, c.line) {
			assert.Contains(t, err.Error(), c.want)
		}
	}
	require.NoError(t, put(d, "rules", "del priority 10\n"))
	assert.NotContains(t, get(t, d, "rules"), "priority=10 ")
}

func TestEvents(t *testing.T) {
	ns, k, _ := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	step := 0
	for e, err := range k.Watch(ctx) {
		require.NoError(t, err)
		switch {
		case e.What == fs.SyncEnd:
			ns.Run(t, "ip", "rule", "add", "priority", "10", "table", "7")
		case e.What == fs.Added && e.Row.Priority == 10:
			step++
			ns.Run(t, "ip", "rule", "del", "priority", "10")
		case e.What == fs.Deleted && e.Row.Priority == 10:
			assert.Equal(t, 1, step)
			assert.EqualValues(t, 7, e.Row.Table)
			return
		}
	}
	t.Fatal("the deletion did not come")
}
