package dhcp_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp"
	"github.com/netfs-project/netfs/fs/treetest"

	"github.com/stretchr/testify/require"
)

// A tree is the files of a rig's link: those in links/vC/dhcp are in vC.
type tree struct {
	t    *testing.T
	root *fs.Ref
	door treetest.Door
}

func (r *rig) tree() *tree {
	m := dhcp.NewManager(r.place)
	r.t.Cleanup(func() { require.NoError(r.t, m.Close()) })
	p := m.Page()
	root := fs.Dir{"dhcp": p.Root["dhcp"], "vC": p.Link(fs.LinkID{Name: "vC"})["dhcp"], "help": fs.NewHelp(p.Kinds...)}
	return &tree{r.t, (&fs.Tree{Root: root, Trust: true}).Attach(), treetest.Local(&fs.Tree{Root: root}, treetest.Root)}
}

func (f *tree) open(path string, mode fs.OpenMode) *fs.File {
	f.t.Helper()
	ref := f.root
	var err error
	for _, e := range strings.Split(path, "/") {
		ref, err = ref.Walk(context.Background(), e)
		require.NoError(f.t, err, path)
	}
	h, err := ref.Open(context.Background(), mode)
	require.NoError(f.t, err, path)
	return h
}

func (f *tree) read(path string) string {
	f.t.Helper()
	h := f.open(path, fs.OpenRead)
	defer h.Close(context.Background())
	b := make([]byte, 64<<10)
	n, err := h.ReadAt(context.Background(), b, 0)
	require.NoError(f.t, err, path)
	return string(b[:n])
}

func (f *tree) names(path string) (names []string) {
	f.t.Helper()
	ref := f.root
	var err error
	for _, e := range strings.Split(path, "/") {
		ref, err = ref.Walk(context.Background(), e)
		require.NoError(f.t, err, path)
	}
	list, err := ref.List(context.Background())
	require.NoError(f.t, err, path)
	for _, l := range list {
		names = append(names, l.Name())
	}
	return names
}

func (f *tree) write(path, text string) error {
	f.t.Helper()
	h := f.open(path, fs.OpenWrite)
	defer h.Close(context.Background())
	_, err := h.WriteAt(context.Background(), []byte(text+"\n"), 0)
	return err
}

// await reads until the text is there.
func (f *tree) await(path, text string) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return strings.Contains(f.read(path), text) }, 20*time.Second, 10*time.Millisecond, "%s: no %s", path, text)
}

func TestPage(t *testing.T) {
	r := newRig(t)
	s := testServer(10 * time.Minute)
	require.NoError(t, s.Options.SetAddr(v4.OptRouters, s.ID))
	require.NoError(t, s.Options.SetAddr(v4.OptDNS, netip.MustParseAddr("192.0.2.53")))
	s.Options.SetString(v4.OptDomainName, "example.org")
	s.Options.Set(v4.OptNTPServers, []byte{1, 2, 3})
	r.serve(s)
	f := r.tree()
	require.Empty(t, f.read("vC/ctl")+f.read("vC/status")+f.read("vC/lease")+f.read("dhcp/status")+f.read("vC/resolv.conf"))
	require.ErrorContains(t, f.write("vC/ctl", "renew"), "no client runs here")
	require.ErrorContains(t, f.write("vC/ctl", "start acd=sometimes"), `acd "sometimes"`)
	require.ErrorContains(t, f.write("vC/ctl", "strat"), "strat: no such key; known: dev apply")
	require.ErrorContains(t, f.write("vC/ctl", "strat"), "; verbs: start stop renew rebind release discover inform")
	require.ErrorContains(t, f.write("vC/ctl", "start twice"), `"twice": not a word of this verb; known: once hold`)
	require.ErrorContains(t, f.write("vC/ctl", "stop at once"), `"at": not a word of this verb; known: keep`)
	require.ErrorContains(t, f.write("vC/ctl", "start address=fe80::1"), "not an IPv4 address")
	require.ErrorContains(t, f.write("dhcp/ctl", "start nosuch"), "nosuch")
	require.ErrorContains(t, f.write("dhcp/ctl", "start"), "dev is missing")

	events := f.open("vC/events", fs.OpenRead)
	defer events.Close(context.Background())
	require.NoError(t, f.write("vC/ctl", "start acd=off hostname=here metric=7"))
	f.await("vC/status", "state=bound")
	require.ErrorContains(t, f.write("vC/ctl", "start"), "a client runs here")
	require.Equal(t, "apply=addr,routes,mtu acd=off hostname=here metric=7\n", f.read("vC/ctl"))
	require.Equal(t, "dev=vC apply=addr,routes,mtu acd=off hostname=here metric=7\n", f.read("dhcp/ctl"))
	require.Contains(t, f.read("vC/status"), "address=10.99.0.100 server=10.99.0.1 left=")
	require.Contains(t, f.read("vC/lease"), "address=10.99.0.100/16 server=10.99.0.1 valid=600 t1=300 t2=525")
	require.Contains(t, f.read("vC/lease"), "routes=0.0.0.0/0:10.99.0.1 dns=192.0.2.53 search=example.org")
	require.Equal(t, "search example.org\nnameserver 192.0.2.53\n", f.read("vC/resolv.conf"))
	require.Equal(t, "10.99.0.1\n", f.read("vC/options/server_identifier"))
	require.Equal(t, "10.99.0.1\n", f.read("vC/options/54"))
	require.Equal(t, "hex:010203\n", f.read("vC/options/ntp_servers"))
	require.Contains(t, f.read("vC/servers"), "server=10.99.0.1 type=ack address=10.99.0.100 valid=600 count=2 taken=1")
	require.Contains(t, f.read("vC/stats"), "sent_discover=1 sent_request=1")

	b := make([]byte, 4096)
	n, err := events.ReadAt(context.Background(), b, 0)
	require.NoError(t, err)
	require.Contains(t, string(b[:n]), "dhcp tells dev=vC state=selecting text='SELECTING: started'")

	// What is read can be written: it changes nothing, and restores.
	saved, sends := f.read("dhcp/ctl"), f.read("vC/stats")
	require.NoError(t, f.write("dhcp/ctl", strings.TrimSpace(saved)))
	require.Equal(t, sends, f.read("vC/stats"))
	require.NoError(t, f.write("dhcp/ctl", "flush all"))
	require.Empty(t, f.read("vC/status"))
	require.NotContains(t, r.addrs(), "10.99.0.100")
	require.NoError(t, f.write("dhcp/ctl", strings.TrimSpace(saved)))
	f.await("vC/status", "state=bound")
	require.Equal(t, saved, f.read("dhcp/ctl"))
	require.Contains(t, r.addrs(), "10.99.0.100")

	// A change keeps the address.
	require.NoError(t, f.write("vC/ctl", "hostname=there"))
	require.Contains(t, r.addrs(), "10.99.0.100")
	f.await("vC/status", "state=bound")
	require.NoError(t, f.write("vC/ctl", "metric=9"))
	f.await("vC/status", "state=bound")
	require.Contains(t, r.routes(), "metric 9")
	require.NotContains(t, r.routes(), "metric 7")
	require.Contains(t, r.addrs(), "10.99.0.100")

	treetest.Check(t, f.door, treetest.Options{Write: true, Moving: func(p string) bool {
		return strings.HasSuffix(p, "status") || strings.HasSuffix(p, "stats")
	}})

	require.NoError(t, f.write("vC/ctl", "discover"))
	f.await("vC/servers", "type=offer")
	require.NoError(t, f.write("vC/ctl", "stop keep"))
	require.Empty(t, f.read("vC/status"))
	require.Contains(t, r.addrs(), "10.99.0.100")
	require.NoError(t, f.write("vC/ctl", "start once acd=off"))
	require.Empty(t, f.read("vC/status"))
	require.Contains(t, r.addrs(), "10.99.0.100")
	require.NoError(t, f.write("vC/ctl", "start acd=off"))
	f.await("vC/status", "state=bound")
	require.NoError(t, f.write("vC/ctl", "release"))
	require.Empty(t, f.read("vC/status"))
	require.NotContains(t, r.addrs(), "10.99.0.100")
	require.Empty(t, strings.TrimSpace(r.routes()))
}

// The client of a link that is removed goes with it.
func TestLinkRemoved(t *testing.T) {
	r := newRig(t)
	r.serve(testServer(10 * time.Minute))
	f := r.tree()
	require.NoError(t, f.write("vC/ctl", "start acd=off"))
	f.await("vC/status", "state=bound")
	r.host.Run(t, "ip", "link", "del", "vC")
	require.Eventually(t, func() bool { return f.read("dhcp/status") == "" }, 20*time.Second, 10*time.Millisecond)
}

// Who is there, and what a server says, can be asked for without a client, and is to be read until
// one starts.
func TestAskOnly(t *testing.T) {
	r := newRig(t)
	s := testServer(10 * time.Minute)
	require.NoError(t, s.Options.SetAddr(v4.OptDNS, netip.MustParseAddr("192.0.2.53")))
	r.serve(s)
	r.host.Run(t, "ip", "addr", "add", "10.99.7.7/16", "dev", "vC")
	f := r.tree()
	require.ErrorContains(t, f.write("vC/ctl", "inform"), "no address to inform a server of")
	require.Empty(t, f.read("vC/status"))
	require.NoError(t, f.write("vC/ctl", "discover"))
	f.await("vC/servers", "server=10.99.0.1 type=offer")
	require.Contains(t, f.read("vC/status"), "state=stopped")
	require.Empty(t, f.read("dhcp/ctl"), "no client to be restored")
	require.NoError(t, f.write("vC/ctl", "inform address=10.99.7.7"))
	f.await("vC/resolv.conf", "nameserver 192.0.2.53")
	require.Equal(t, "192.0.2.53\n", f.read("vC/options/domain_name_servers"))
	require.Empty(t, f.read("vC/lease"))
	require.NoError(t, f.write("vC/ctl", "start acd=off"))
	f.await("vC/status", "state=bound")
	require.NoError(t, f.write("vC/ctl", "stop"))
	require.ErrorContains(t, f.write("vC/ctl", "stop"), "no client runs here")
}
