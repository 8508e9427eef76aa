package dhcp_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl/nltest"

	"github.com/stretchr/testify/require"
)

// A rig6 is a rig with IPv6: link-local addresses that are no longer tentative.
type rig6 struct{ *rig }

func newRig6(t *testing.T) *rig6 { return newRig6In(t, nltest.NewNS(t)) }

// newRig6In is newRig6 with a namespace for the host.
func newRig6In(t *testing.T, host *nltest.NS) *rig6 {
	r := &rig6{&rig{t: t, server: nltest.NewNS(t), host: host, dir: t.TempDir()}}
	r.host.Run(t, "ip", "link", "add", "vC", "type", "veth", "peer", "name", "vS", "netns", r.server.Path)
	for _, end := range []struct {
		ns    *nltest.NS
		lines string
	}{
		{r.server, "link set vS addrgenmode none|link set vS up|addr add fe80::1/64 dev vS nodad|addr add 2001:db8:99::1/64 dev vS nodad"},
		{r.host, "link set vC addrgenmode none|link set vC up|addr add fe80::2/64 dev vC nodad"},
	} {
		for line := range strings.SplitSeq(end.lines, "|") {
			end.ns.Run(t, "ip", strings.Fields(line)...)
		}
	}
	require.Eventually(t, func() bool { return strings.Contains(r.server.Run(t, "ip", "link", "show", "vS"), "state UP") }, 10*time.Second, 10*time.Millisecond)
	r.settle()
	return r
}

// serve6 starts a program in the server's namespace that listens on port 547, and returns what ends it.
func (r *rig6) serve6(env []string, name string, args ...string) (kill func()) {
	path, err := exec.LookPath(name)
	if err != nil {
		r.t.Skipf("no %s on this machine", name)
	}
	log, err := os.CreateTemp(r.dir, name)
	require.NoError(r.t, err)
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	r.server.Do(func() { err = cmd.Start() })
	require.NoError(r.t, err)
	kill = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
		log.Close()
		if r.t.Failed() {
			b, _ := os.ReadFile(log.Name())
			r.t.Logf("%s: %s", name, b)
		}
	})
	r.t.Cleanup(kill)
	require.Eventually(r.t, func() bool {
		out, _ := r.server.Try(r.t, "ss", "-Hlnu", "sport", "=", ":547")
		return out != ""
	}, 20*time.Second, 10*time.Millisecond, "%s does not listen", name)
	return kill
}

// kea serves addresses of 2001:db8:99::/64 and prefixes of 2001:db8:a000::/40; each of its directories has a
// server of another DUID.
func (r *rig6) kea(timers string) (kill func()) {
	dir := r.t.TempDir()
	conf := r.file("kea6.conf", `{"Dhcp6": {
		"interfaces-config": {"interfaces": ["vS"]}, "lease-database": {"type": "memfile", "persist": false},
		"multi-threading": {"enable-multi-threading": false}, "server-id": {"type": "LLT", "identifier": "0200`+fmt.Sprintf("%08x", len(dir)^int(time.Now().UnixNano()&0xffff))+`", "persist": false},
		"data-directory": "`+dir+`", `+timers+`,
		"option-data": [{"name": "dns-servers", "data": "2001:db8:99::53, fe80::1"}, {"name": "domain-search", "data": "example.org"},
			{"name": "sntp-servers", "data": "2001:db8:99::123"}],
		"subnet6": [{"id": 1, "subnet": "2001:db8:99::/64", "interface": "vS", "rapid-commit": true,
			"pools": [{"pool": "2001:db8:99::2000-2001:db8:99::2fff"}],
			"pd-pools": [{"prefix": "2001:db8:a000::", "prefix-len": 40, "delegated-len": 56}]}]}}`)
	return r.serve6([]string{"KEA_PIDFILE_DIR=" + dir, "KEA_LOCKFILE_DIR=none"}, "kea-dhcp6", "-c", conf)
}

const long6 = `"preferred-lifetime": 600, "valid-lifetime": 900`

// A watcher6 is a watcher of DHCPv6.
type watcher6 struct {
	t     *testing.T
	mu    sync.Mutex
	notes []runner.Note6
	said  []string
	more  chan struct{}
}

func (w *watcher6) note(n runner.Note6) {
	w.mu.Lock()
	w.notes = append(w.notes, n)
	w.said = append(w.said, dhcp.Sentence6(n))
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// until waits until a note after the first says something, and returns how many there were then.
func (w *watcher6) until(after int, text string) int {
	w.t.Helper()
	timeout := time.NewTimer(40 * time.Second)
	defer timeout.Stop()
	for i := after; ; {
		w.mu.Lock()
		for ; i < len(w.said); i++ {
			if strings.Contains(w.said[i], text) {
				w.mu.Unlock()
				return i + 1
			}
		}
		w.mu.Unlock()
		select {
		case <-w.more:
		case <-timeout.C:
			w.t.Fatalf("no %q; said was:\n%s", text, w.text())
		}
	}
}

func (w *watcher6) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.said, "\n")
}

func (r *rig6) open(o dhcp.Options6) (*dhcp.Client6, *watcher6) {
	r.t.Helper()
	w := &watcher6{t: r.t, more: make(chan struct{}, 1)}
	c, err := r.place.Open6(context.Background(), "vC", o, w.note)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	require.NoError(r.t, c.Start(context.Background()))
	return c, w
}

func (r *rig6) addrs() string {
	return r.host.Run(r.t, "ip", "-6", "-o", "addr", "show", "dev", "vC", "scope", "global")
}

func (r *rig6) routes() string { return r.host.Run(r.t, "ip", "-6", "route", "show", "proto", "dhcp") }

var both6 = dhcp.Options6{IA: dhcp.IANA | dhcp.IAPD}

// An address and a prefix: set, renewed without a gap, kept over a kill, given back.
func TestLease6(t *testing.T) {
	r := newRig6(t)
	r.kea(long6)
	c, w := r.open(both6)
	n := w.until(0, "BOUND")
	l := c.Status().Lease
	addr, prefix := l.Addrs[0].Addr.String(), l.Prefixes[0].Prefix.String()
	require.Regexp(t, addr+`/128 scope global (tentative )?dynamic noprefixroute`, r.addrs())
	require.Regexp(t, `valid_lft (900|899)sec preferred_lft (600|599)sec`, r.addrs())
	require.Regexp(t, `unreachable `+prefix+` dev lo metric 10\d\d `, r.routes())
	require.NotContains(t, r.host.Run(t, "ip", "-6", "route"), addr, "no route to it but the local one")

	require.NoError(t, c.Do(context.Background(), client6.Renew{}))
	n = w.until(n, "BOUND")
	require.NoError(t, c.Do(context.Background(), client6.Rebind{}))
	w.until(n, "BOUND")
	require.NotContains(t, w.text(), "remove", "no flap")
	require.Equal(t, addr, c.Status().Lease.Addrs[0].Addr.String())

	// The next process finds it, as after kill -9.
	require.NoError(t, c.Close())
	require.Contains(t, r.addrs(), addr)
	c, w = r.open(both6)
	w.until(0, "CONFIRMING")
	w.until(0, "BOUND")
	require.NotContains(t, w.text(), "solicit")
	require.NotContains(t, w.text(), "remove")
	require.Equal(t, addr, c.Status().Lease.Addrs[0].Addr.String())

	require.NoError(t, c.Release(context.Background()))
	require.Contains(t, w.text(), "STOPPED: the server knows")
	require.NotContains(t, r.addrs(), addr)
	require.Empty(t, strings.TrimSpace(r.routes()))
	files, err := filepath.Glob(filepath.Join(r.dir, "leases", "*.json"))
	require.NoError(t, err)
	require.Empty(t, files)
}

// An address that is not preferred any more is deprecated from the start.
func TestDeprecated6(t *testing.T) {
	r := newRig6(t)
	l, err := r.place.System.Find(t.Context(), "vC")
	require.NoError(t, err)
	a := dhcp.Addr{Prefix: netip.MustParsePrefix("2001:db8:99::7/128"), Valid: time.Minute}
	require.NoError(t, r.place.System.SetAddr(t.Context(), l.Index, a))
	require.Regexp(t, `::7/128 scope global.* deprecated.*valid_lft (60|59)sec preferred_lft 0sec`, r.addrs())
}

// dnsmasq delegates no prefixes: the client has the address alone.
func TestDnsmasq6(t *testing.T) {
	r := newRig6(t)
	r.serve6(nil, "dnsmasq", "-d", "-C", "/dev/null", "--port=0", "--interface=vS", "--bind-dynamic", "--user=root", "--no-resolv", "--no-hosts",
		"--dhcp-range=2001:db8:99::1000,2001:db8:99::1fff,64,2m", "--dhcp-leasefile="+filepath.Join(r.dir, "dnsmasq.leases"),
		"--dhcp-option=option6:dns-server,[2001:db8:99::53]")
	c, w := r.open(both6)
	n := w.until(0, "BOUND")
	l := c.Status().Lease
	addr := l.Addrs[0].Addr.String()
	require.Empty(t, l.Prefixes)
	require.Contains(t, r.addrs(), addr+"/128")
	require.NoError(t, c.Do(context.Background(), client6.Renew{}))
	n = w.until(n, "BOUND")
	require.NoError(t, c.Do(context.Background(), client6.Rebind{}))
	w.until(n, "BOUND")
	require.NotContains(t, w.text(), "remove", "no flap")
	require.NoError(t, c.Release(context.Background()))
	require.NotContains(t, r.addrs(), addr)
}

// What others have set stays: the route that was there before ours, and the address of another prefix.
func TestForeignRoute6(t *testing.T) {
	r := newRig6(t)
	r.kea(long6)
	c, w := r.open(both6)
	w.until(0, "BOUND")
	prefix := c.Status().Lease.Prefixes[0].Prefix.String()
	require.NoError(t, c.Do(context.Background(), client6.Stop{}))
	require.Empty(t, strings.TrimSpace(r.routes()))
	require.NoError(t, c.Close())
	r.host.Run(t, "ip", "-6", "route", "add", "blackhole", prefix, "metric", "7", "proto", "static")
	o := both6
	o.Metric = 7
	c, w = r.open(o)
	w.until(0, "BOUND")
	require.Equal(t, prefix, c.Status().Lease.Prefixes[0].Prefix.String())
	require.Contains(t, w.text(), "route "+prefix+": file exists")
	require.NoError(t, c.Release(context.Background()))
	require.Contains(t, r.host.Run(t, "ip", "-6", "route", "show", "proto", "static"), "blackhole "+prefix)
}

// When the server dies the lease is renewed by another.
func TestRebind6(t *testing.T) {
	r := newRig6(t)
	short := `"preferred-lifetime": 20, "valid-lifetime": 30, "renew-timer": 8, "rebind-timer": 11`
	kill := r.kea(short)
	c, w := r.open(both6)
	n := w.until(0, "BOUND")
	l := c.Status().Lease
	kill()
	r.kea(long6)
	n = w.until(n, "RENEWING: T1")
	n = w.until(n, "REBINDING: T2")
	w.until(n, "BOUND")
	again := c.Status().Lease
	require.NotEqual(t, l.Server, again.Server)
	require.Equal(t, l.Addrs[0].Addr, again.Addrs[0].Addr)
	require.NotContains(t, w.text(), "remove")
	require.Contains(t, r.addrs(), "valid_lft")
}

// Another host has the address: the kernel finds out, and the server hears of it.
func TestConflict6(t *testing.T) {
	r := newRig6(t)
	r.kea(long6)
	c, w := r.open(dhcp.Options6{})
	w.until(0, "BOUND")
	taken := c.Status().Lease.Addrs[0].Addr
	require.NoError(t, c.Do(context.Background(), client6.Stop{}))
	require.NoError(t, c.Close())
	r.server.Run(t, "ip", "addr", "add", taken.String()+"/128", "dev", "vS", "nodad")
	c, w = r.open(dhcp.Options6{})
	n := w.until(0, "BOUND")
	require.Equal(t, taken, c.Status().Lease.Addrs[0].Addr)
	n = w.until(n, "DECLINING: "+taken.String()+" belongs to another")
	n = w.until(n, "reply from ")
	require.NotContains(t, r.addrs(), taken.String())
	w.until(n, "BOUND")
	require.NotEqual(t, taken, c.Status().Lease.Addrs[0].Addr)
}

// The client waits for a link-local address that is its own, and goes when the link does.
func TestSource6(t *testing.T) {
	r := newRig6(t)
	r.kea(long6)
	r.host.Run(t, "ip", "addr", "del", "fe80::2/64", "dev", "vC")
	c, w := r.open(dhcp.Options6{})
	w.until(0, "no link-local address yet")
	require.Equal(t, client6.Init, c.Status().State)
	r.host.Run(t, "ip", "addr", "add", "fe80::3/64", "dev", "vC") // tentative for a second
	n := w.until(0, "BOUND")
	require.Equal(t, netip.MustParseAddr("fe80::3"), c.Status().Source)

	r.host.Run(t, "ip", "addr", "add", "fe80::4/64", "dev", "vC", "nodad")
	r.host.Run(t, "ip", "addr", "del", "fe80::3/64", "dev", "vC")
	n = w.until(n, "INIT: the link is down")
	n = w.until(n, "BOUND")
	require.Equal(t, netip.MustParseAddr("fe80::4"), c.Status().Source)
	r.server.Run(t, "ip", "link", "set", "vS", "down")
	w.until(n, "INIT: the link is down")
	r.host.Run(t, "ip", "link", "del", "vC")
	select {
	case <-c.Gone():
	case <-time.After(20 * time.Second):
		require.Fail(t, "it does not go with the link")
	}
}

func (r *rig6) tree() *tree {
	m := dhcp.NewManager6(r.place)
	r.t.Cleanup(func() { require.NoError(r.t, m.Close()) })
	p := m.Page()
	root := fs.Dir{"dhcp6": p.Root["dhcp6"], "vC": p.Link(fs.LinkID{Name: "vC"})["dhcp6"], "help": fs.NewHelp(p.Kinds...)}
	return &tree{r.t, (&fs.Tree{Root: root, Trust: true}).Attach(), treetest.Local(&fs.Tree{Root: root}, treetest.Root)}
}

func TestPage6(t *testing.T) {
	r := newRig6(t)
	r.kea(long6)
	f := r.tree()
	require.Empty(t, f.read("vC/ctl")+f.read("vC/status")+f.read("vC/lease")+f.read("dhcp6/status")+f.read("vC/resolv.conf"))
	for line, why := range map[string]string{
		"renew":                         "no client runs here",
		"start ia=ta":                   `ia "ta": "ta" is neither na, pd nor none`,
		"start apply=mtu":               "DHCPv6 does not tell it",
		"start prefix=::/56":            "ia=pd asks for prefixes",
		"start ia=pd prefix=10.0.0.0/8": "no IPv6 prefix to ask for",
		"start duid=here":               `"here": not bytes`,
		"start request=nothing":         `"nothing" is no option`,
		"start twice":                   `"twice"`,
	} {
		require.ErrorContains(t, f.write("vC/ctl", line), why)
	}
	require.NoError(t, f.write("vC/ctl", "start ia=na,pd prefix=::/56 metric=7 rapid_commit"))
	f.await("vC/status", "state=bound")
	require.ErrorContains(t, f.write("vC/ctl", "start"), "a client runs here")
	require.Equal(t, "apply=addr,routes ia=na,pd prefix=::/56 metric=7 rapid_commit\n", f.read("vC/ctl"))
	require.Regexp(t, `source=fe80::2 addresses=2001:db8:99::2\w+ prefixes=2001:db8:a0\S+/56 server=00:`, f.read("vC/status"))
	require.Regexp(t, `ia=na item=2001:db8:99::2\w+ server=\S+ preferred=600 valid=900 t1=\d+ t2=\d+ started=\S+ dns=2001:db8:99::53,fe80::1 search=example.org`, f.read("vC/lease"))
	require.Contains(t, f.read("vC/lease"), "ia=pd item=2001:db8:a0")
	require.Equal(t, "search example.org\nnameserver 2001:db8:99::53\nnameserver fe80::1%vC\n", f.read("vC/resolv.conf"))
	require.Equal(t, "2001:db8:99::53,fe80::1\n", f.read("vC/options/dns_servers"))
	require.Equal(t, "2001:db8:99::53,fe80::1\n", f.read("vC/options/23"))
	require.Contains(t, f.read("vC/servers"), "type=reply offered=2001:db8:99::2")
	require.Contains(t, f.read("vC/stats"), "sent_solicit=1 sent_request=0")
	require.Contains(t, r.routes(), "metric 7")

	treetest.Check(t, f.door, treetest.Options{Write: true, Moving: func(p string) bool {
		return strings.HasSuffix(p, "status") || strings.HasSuffix(p, "stats")
	}})

	require.NoError(t, f.write("vC/ctl", "discover"))
	f.await("vC/servers", "type=advertise")
	require.NoError(t, f.write("vC/ctl", "inform"))
	f.await("vC/servers", "type=reply")
	saved, before := f.read("dhcp6/ctl"), f.read("vC/stats")
	require.NoError(t, f.write("dhcp6/ctl", strings.TrimSpace(saved)))
	require.Equal(t, before, f.read("vC/stats"))
	was := r.addrs()
	require.NoError(t, f.write("vC/ctl", "reconfigure"))
	require.Contains(t, r.addrs(), strings.Fields(was)[3])
	f.await("vC/status", "state=bound")
	require.NoError(t, f.write("vC/ctl", "release"))
	require.Empty(t, f.read("vC/status"))
	require.Empty(t, strings.TrimSpace(r.addrs()+r.routes()))

	// Options only.
	require.NoError(t, f.write("vC/ctl", "start once ia=none request=dns_servers,sntp_servers"))
	require.Empty(t, f.read("vC/status"))
	require.NoError(t, f.write("vC/ctl", "start ia=none request=dns_servers,sntp_servers"))
	f.await("vC/status", "state=informed")
	require.Equal(t, "2001:db8:99::123\n", f.read("vC/options/sntp_servers"))
	require.Equal(t, "nameserver 2001:db8:99::53\nnameserver fe80::1%vC\n", f.read("vC/resolv.conf"))
	require.Empty(t, f.read("vC/lease"))
	require.ErrorContains(t, f.write("vC/ctl", "discover"), "it asks for options only")
	require.NoError(t, f.write("vC/ctl", "stop"))
}

func TestOnlyOne6(t *testing.T) {
	r := newRig6(t)
	c, _ := r.open(dhcp.Options6{})
	_, err := r.place.Open6(context.Background(), "vC", dhcp.Options6{}, nil)
	require.ErrorContains(t, err, "vC: another netfs runs a DHCPv6 client here")
	v4, err := r.place.Open(context.Background(), "vC", dhcp.Options{}, nil)
	require.NoError(t, err, "each family has its own")
	require.NoError(t, v4.Close())
	require.NoError(t, c.Close())
}
