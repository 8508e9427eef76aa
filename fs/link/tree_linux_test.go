package link

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl/nltest"
)

// A tree is a served page and a namespace under it.
type tree struct {
	t    *testing.T
	ns   *nltest.NS
	root *fs.Ref
	ctx  context.Context
	k    *counter
}

// counter counts the changes that reach the kernel.
type counter struct {
	Kernel
	changes int
}

func (c *counter) Add(ctx context.Context, l *Link, given func(string) bool) error {
	c.changes++
	return c.Kernel.Add(ctx, l, given)
}

func (c *counter) Set(ctx context.Context, old, l *Link, changed func(string) bool) error {
	c.changes++
	return c.Kernel.Set(ctx, old, l, changed)
}

func (c *counter) Del(ctx context.Context, l *Link) error {
	c.changes++
	return c.Kernel.Del(ctx, l)
}

func newTree(t *testing.T) *tree {
	ns, k, ctx := inNS(t)
	c := &counter{Kernel: k}
	page := Page(c, nil)
	root := (&fs.Tree{Root: page.Root, Trust: true}).Attach()
	return &tree{t: t, ns: ns, root: root, ctx: ctx, k: c}
}

func (tr *tree) open(path string, mode fs.OpenMode) (*fs.File, error) {
	r := tr.root
	for _, name := range strings.Split(path, "/") {
		var err error
		if r, err = r.Walk(tr.ctx, name); err != nil {
			return nil, err
		}
	}
	return r.Open(tr.ctx, mode)
}

func (tr *tree) read(path string) string {
	tr.t.Helper()
	f, err := tr.open(path, fs.OpenRead)
	require.NoError(tr.t, err, path)
	defer f.Close(tr.ctx)
	var all []byte
	buf := make([]byte, 8192)
	for {
		n, err := f.ReadAt(tr.ctx, buf, int64(len(all)))
		require.NoError(tr.t, err, path)
		if n == 0 {
			return string(all)
		}
		all = append(all, buf[:n]...)
	}
}

func (tr *tree) write(path, text string) error {
	tr.t.Helper()
	f, err := tr.open(path, fs.OpenWrite)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(tr.ctx, []byte(text), 0)
	if e := f.Close(tr.ctx); err == nil {
		err = e
	}
	return err
}

func (tr *tree) must(path, text string) {
	tr.t.Helper()
	require.NoError(tr.t, tr.write(path, text), "%s < %s", path, text)
}

// TestLaws: what is read can be written and changes nothing; after the links are
// gone the same text brings them back.
func TestLaws(t *testing.T) {
	for name, lines := range states {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			ip(t, tr.ns, lines...)
			for _, file := range []string{"links/ctl", "links/list", "links/list.json"} {
				text := tr.read(file)
				assert.Equal(t, text, tr.read(file), "two reads of "+file)
				before := tr.k.changes
				tr.must(file, text)
				assert.Equal(t, before, tr.k.changes, "%s sent changes for\n%s", file, text)
				assert.Equal(t, text, tr.read(file))
			}
			text := tr.read("links/ctl")
			for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
				name := strings.TrimPrefix(strings.Fields(l)[0], "name=")
				if _, err := tr.open("links/"+name+"/mtu", fs.OpenRead); name != "lo" && err == nil {
					tr.must("links/ctl", "del "+name+"\n")
				}
			}
			require.Len(t, strings.Split(strings.TrimSpace(tr.read("links/ctl")), "\n"), 1)
			tr.must("links/ctl", text)
			assert.Equal(t, text, tr.read("links/ctl"))
		})
	}
}

func TestMakeChangeRemove(t *testing.T) {
	tr := newTree(t)
	tr.must("links/ctl", "add veth0 type veth peer name veth1\n")
	tr.must("links/ctl", "add name br0 type bridge vlan_filtering 0 stp_state on\n")
	assert.Equal(t, "1\n", tr.read("links/br0/bridge/stp_state"))
	tr.must("links/veth0/mtu", "1400\n")
	tr.must("links/veth0/state", "up\n")
	assert.Equal(t, "1400\n", tr.read("links/veth0/mtu"))
	assert.Contains(t, tr.ns.Run(t, "ip", "link", "show", "veth0"), "mtu 1400")
	tr.must("links/veth0/master", "br0\n")
	assert.Equal(t, "br0\n", tr.read("links/veth0/master"))
	tr.must("links/veth0/port/cost", "77\n")
	assert.Equal(t, "77\n", tr.read("links/veth0/port/cost"))
	assert.Contains(t, tr.ns.Run(t, "ip", "-d", "link", "show", "veth0"), "cost 77")
	tr.must("links/ctl", "change veth0 type bridge_slave learning off cost 9\n")
	assert.Equal(t, "9\n", tr.read("links/veth0/port/cost"))
	assert.Equal(t, "0\n", tr.read("links/veth0/port/learning"))
	tr.must("links/veth0/master", "\n")
	assert.Equal(t, "\n", tr.read("links/veth0/master"))
	tr.must("links/veth0/ctl", "down\n")
	assert.Equal(t, "down\n", tr.read("links/veth0/state"))
	tr.must("links/ctl", "change dev veth0 up mtu 1300 alias 'two words'\n")
	assert.Equal(t, "two words\n", tr.read("links/veth0/alias"))
	assert.Equal(t, "1300\n", tr.read("links/veth0/mtu"))
	tr.must("links/veth0/name", "lan0\n")
	assert.Equal(t, "1300\n", tr.read("links/lan0/mtu"))
	tr.must("links/ctl", "rename lan0 veth0\n")
	tr.must("links/veth0/ctl", "rename lan0\n")
	tr.must("links/lan0/altnames", "altname=another-name-of-the-link\n")
	assert.Equal(t, "lan0\n", tr.read("links/another-name-of-the-link/name"))
	tr.must("links/lan0/altnames", "del another-name-of-the-link\n")
	assert.Equal(t, "test\n", tr.read("links/lan0/netns"))
	assert.Contains(t, tr.read("links/lan0/stats"), "rx_bytes=")
	tr.must("links/lan0/ctl", "bounce mtu=1200\n")
	assert.Equal(t, "1200\nup\n", tr.read("links/lan0/mtu")+tr.read("links/lan0/state"))
	tr.must("links/ctl", "del lan0\n")
	_, err := tr.open("links/veth1/mtu", fs.OpenRead)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestMoves(t *testing.T) {
	tr := newTree(t)
	other := nltest.NewNS(t)
	tr.must("links/ctl", "add v0 type veth peer name v1 netns "+other.Path+"\n")
	assert.Contains(t, other.Run(t, "ip", "link"), "v1@")
	tr.must("links/ctl", "add w0 type veth peer name w1\n")
	tr.must("links/w1/netns", other.Path+"\n")
	tr.must("links/ctl", "change w0 netns "+other.Path+" name x0 mtu 1234 up\n")
	assert.Contains(t, other.Run(t, "ip", "link", "show", "x0"), "mtu 1234")
	assert.Contains(t, other.Run(t, "ip", "link", "show", "x0"), ",UP")
	assert.NotContains(t, tr.read("links/list"), "w0")
}

func TestRefusals(t *testing.T) {
	tr := newTree(t)
	tr.must("links/ctl", "add v0 type veth\nadd br0 type bridge\n")
	for line, want := range map[string]string{
		"add v0 type veth":                  "file exists",
		"add x0 type nosuchkind":            "type",
		"add x0":                            "type",
		"add br1 type bridge id 5":          "no key of type bridge",
		"add vx type vxlan":                 "id",
		"add m0 type macvlan mode sideways": "sideways",
		"add x0 type veth mtu 4000000000":   "invalid argument",
		"change v0 mtu 10":                  "mtu",
		"change v0 master nosuch":           "no such device",
		"change nosuch mtu 1400":            "no such",
		"change v0 type bridge":             "type",
		"del nosuch":                        "no such",
		"change v0 lladdr 1":                "lladdr",
		"change v0 mtu many":                "not a number",
		"change v0 port kind=bridge cost=1": "",
	} {
		before := tr.read("links/ctl")
		err := tr.write("links/ctl", line+"\n")
		require.Error(t, err, line)
		assert.Contains(t, err.Error(), want, line)
		t.Log(err)
		assert.Equal(t, before, tr.read("links/ctl"), line)
	}
}

func TestMkdir(t *testing.T) {
	tr := newTree(t)
	links, err := tr.root.Walk(tr.ctx, "links")
	require.NoError(t, err)
	br, err := links.Mkdir(tr.ctx, "br0,type=bridge,ageing_time=500,mtu=1400")
	require.NoError(t, err)
	assert.Equal(t, "500\n", tr.read("links/br0/bridge/ageing_time"))
	require.NoError(t, br.Rename(tr.ctx, "br9"))
	assert.Equal(t, "1400\n", tr.read("links/br9/mtu"))
	br, err = links.Walk(tr.ctx, "br9")
	require.NoError(t, err)
	require.NoError(t, br.Remove(tr.ctx))
	_, err = links.Walk(tr.ctx, "br9")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestEvents(t *testing.T) {
	_, k, ctx := inNS(t)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var seen []string
	for e, err := range k.Watch(ctx) {
		require.NoError(t, err)
		switch e.What {
		case fs.SyncEnd:
			require.NoError(t, k.Add(ctx, &Link{Name: "v0", Type: "veth", Link: "v1"}, func(string) bool { return false }))
		case fs.Replaced, fs.Deleted:
			seen = append(seen, e.Row.Name)
		}
		if e.What == fs.Replaced && e.Row.Name == "v0" {
			l, err := k.Link(ctx, "v0")
			require.NoError(t, err)
			require.NoError(t, k.Del(ctx, l))
		}
		if e.What == fs.Deleted && e.Row.Name == "v0" {
			cancel()
		}
	}
	assert.Contains(t, seen, "v1")
}

func TestTree(t *testing.T) {
	for _, name := range []string{"veth", "bridge", "vxlan", "macvlan"} {
		t.Run(name, func(t *testing.T) {
			tr := newTree(t)
			ip(t, tr.ns, states[name]...)
			d := treetest.Local(&fs.Tree{Root: Page(tr.k, nil).Root}, treetest.Root)
			treetest.Check(t, d, treetest.Options{Write: true, Values: true, Moving: func(path string) bool { return strings.HasSuffix(path, "/stats") }})
		})
	}
}
