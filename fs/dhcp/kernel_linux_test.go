package dhcp_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/rawsock"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/wire"
	"github.com/netfs-project/netfs/fs/dhcp"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"

	"github.com/stretchr/testify/require"
)

// A rig is a link with nothing but a server at its other end, each in a namespace.
type rig struct {
	t      *testing.T
	server *nltest.NS // has vS, 10.99.0.1/16
	host   *nltest.NS // has vC
	dir    string
	place  dhcp.Place
}

func newRig(t *testing.T) *rig { return newRigIn(t, nltest.NewNS(t)) }

// newRigIn is newRig with a namespace for the host.
func newRigIn(t *testing.T, host *nltest.NS) *rig {
	r := &rig{t: t, server: nltest.NewNS(t), host: host, dir: t.TempDir()}
	r.host.Run(t, "ip", "link", "add", "vC", "type", "veth", "peer", "name", "vS", "netns", r.server.Path)
	r.host.Run(t, "ip", "link", "set", "vC", "up")
	r.server.Run(t, "ip", "addr", "add", "10.99.0.1/16", "dev", "vS")
	r.server.Run(t, "ip", "link", "set", "vS", "up")
	require.Eventually(t, func() bool { // kea looks once
		return strings.Contains(r.server.Run(t, "ip", "link", "show", "vS"), "state UP")
	}, 10*time.Second, 10*time.Millisecond)
	r.settle()
	return r
}

// settle gives the host's clients their place.
func (r *rig) settle() {
	ns, err := nl.OpenNS(r.host.Path)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { ns.Close() })
	c, err := nl.Dial(nl.Route, &nl.Options{NS: r.host.FD})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	r.place = dhcp.Place{System: dhcp.New(c, ns), Dir: filepath.Join(r.dir, "leases")}
}

// run starts a program in the server's namespace, and returns what ends it. It skips the test if
// there is no such program.
func (r *rig) run(env []string, name string, args ...string) (kill func()) {
	path, err := exec.LookPath(name)
	if err != nil {
		r.t.Skipf("no %s on this machine", name)
	}
	log, err := os.Create(filepath.Join(r.dir, name+".log"))
	require.NoError(r.t, err)
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	r.server.Do(func() { err = cmd.Start() })
	require.NoError(r.t, err)
	var once sync.Once
	kill = func() {
		once.Do(func() {
			cmd.Process.Kill()
			cmd.Wait()
			log.Close()
			if r.t.Failed() {
				b, _ := os.ReadFile(log.Name())
				r.t.Logf("%s: %s", name, b)
			}
		})
	}
	r.t.Cleanup(kill)
	require.Eventually(r.t, func() bool {
		out, _ := r.server.Try(r.t, "ss", "-Hlnu", "sport", "=", ":67")
		return out != ""
	}, 20*time.Second, 10*time.Millisecond, "%s does not listen", name)
	return kill
}

func (r *rig) file(name, text string) string {
	path := filepath.Join(r.dir, name)
	require.NoError(r.t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// servers start each of the servers with a lease of so many seconds, and the router 10.99.0.1.
var servers = map[string]func(r *rig, seconds int) (kill func()){
	"dnsmasq": func(r *rig, seconds int) func() {
		return r.run(nil, "dnsmasq", "-d", "-C", "/dev/null", "--port=0", "--interface=vS", "--bind-interfaces",
			fmt.Sprintf("--dhcp-range=10.99.1.1,10.99.250.250,255.255.0.0,%d", seconds), "--dhcp-authoritative",
			"--dhcp-leasefile="+filepath.Join(r.dir, "dnsmasq.leases"), "--user=root", "--no-ping", "--no-resolv", "--no-hosts", "--dhcp-option=option:router,10.99.0.1")
	},
	"kea": func(r *rig, seconds int) func() {
		conf := r.file("kea.conf", fmt.Sprintf(`{"Dhcp4": {
			"interfaces-config": {"interfaces": ["vS"], "dhcp-socket-type": "raw"},
			"lease-database": {"type": "memfile", "persist": false},
			"multi-threading": {"enable-multi-threading": false},
			"valid-lifetime": %d, "calculate-tee-times": true, "authoritative": true,
			"subnet4": [{"id": 1, "subnet": "10.99.0.0/16", "pools": [{"pool": "10.99.1.1 - 10.99.250.250"}],
				"option-data": [{"name": "routers", "data": "10.99.0.1"}]}]}}`, seconds))
		return r.run([]string{"KEA_PIDFILE_DIR=" + r.dir, "KEA_LOCKFILE_DIR=none"}, "kea-dhcp4", "-c", conf)
	},
	"dhcpd": func(r *rig, seconds int) func() {
		conf := r.file("dhcpd.conf", fmt.Sprintf(`authoritative; ping-check false; default-lease-time %d; max-lease-time %d; min-lease-time 1;
			subnet 10.99.0.0 netmask 255.255.0.0 { range 10.99.1.1 10.99.250.250; option routers 10.99.0.1; }`, seconds, seconds))
		leases := r.file("dhcpd.leases", "")
		return r.run(nil, "dhcpd", "-4", "-f", "-q", "-user", "root", "-group", "root", "-cf", conf, "-lf", leases, "-pf", filepath.Join(r.dir, "dhcpd.pid"), "vS")
	},
	"udhcpd": func(r *rig, seconds int) func() {
		conf := r.file("udhcpd.conf", fmt.Sprintf("start 10.99.1.1\nend 10.99.1.250\ninterface vS\nlease_file %s\npidfile %s\noption subnet 255.255.0.0\noption router 10.99.0.1\noption lease %d\nmin_lease 1\n",
			filepath.Join(r.dir, "udhcpd.leases"), filepath.Join(r.dir, "udhcpd.pid"), seconds))
		r.file("udhcpd.leases", "")
		return r.run(nil, "udhcpd", "-f", "-S", conf)
	},
}

// A watcher keeps the sentences of a client, and waits for them.
type watcher struct {
	t     *testing.T
	mu    sync.Mutex
	notes []runner.Note
	said  []string
	more  chan struct{}
}

func newWatcher(t *testing.T) *watcher { return &watcher{t: t, more: make(chan struct{}, 1)} }

func (w *watcher) note(n runner.Note) {
	w.mu.Lock()
	w.notes = append(w.notes, n)
	w.said = append(w.said, dhcp.Sentence(n))
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// until waits until one of the notes after the first is as wanted, and returns how many there were
// then.
func (w *watcher) until(after int, want func(runner.Note) bool) int {
	w.t.Helper()
	timeout := time.NewTimer(30 * time.Second)
	defer timeout.Stop()
	for i := after; ; {
		w.mu.Lock()
		for ; i < len(w.notes); i++ {
			if want(w.notes[i]) {
				w.mu.Unlock()
				return i + 1
			}
		}
		w.mu.Unlock()
		select {
		case <-w.more:
		case <-timeout.C:
			w.mu.Lock()
			defer w.mu.Unlock()
			w.t.Fatalf("it did not come to this; said was:\n%s", strings.Join(w.said, "\n"))
		}
	}
}

func enters(s client.State) func(runner.Note) bool {
	return func(n runner.Note) bool {
		c, ok := n.Action.(client.Changed)
		return ok && c.To == s
	}
}

func (w *watcher) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.said, "\n")
}

func (r *rig) open(o dhcp.Options) (*dhcp.Client, *watcher) {
	r.t.Helper()
	w := newWatcher(r.t)
	c, err := r.place.Open(context.Background(), "vC", o, w.note)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	return c, w
}

func (r *rig) do(c *dhcp.Client, ev client.Event) {
	r.t.Helper()
	require.NoError(r.t, c.Do(context.Background(), ev))
}

// arp opens a socket at the server's end.
func (r *rig) arp(about netip.Addr) *rawsock.ARP {
	mac := r.serverMAC()
	var s *rawsock.ARP
	var err error
	r.server.Do(func() {
		var l *net.Interface
		if l, err = net.InterfaceByName("vS"); err == nil {
			s, err = rawsock.OpenARP(rawsock.Link{Index: l.Index, Name: "vS", HWAddr: mac[:]}, about)
		}
	})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { s.Close() })
	return s
}

func (r *rig) serverMAC() (mac wire.MAC) {
	var l *net.Interface
	var err error
	r.server.Do(func() { l, err = net.InterfaceByName("vS") })
	require.NoError(r.t, err)
	return wire.MAC(l.HardwareAddr)
}

func (r *rig) addrs() string  { return r.host.Run(r.t, "ip", "-4", "-o", "addr", "show", "dev", "vC") }
func (r *rig) routes() string { return r.host.Run(r.t, "ip", "route") }

// Each of the servers gives a lease, renews it, and takes it back.
func TestServers(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			start(r, 600)
			c, w := r.open(dhcp.Options{})
			require.NoError(t, c.Start(context.Background()))
			n := w.until(0, enters(client.Bound))
			l := c.Status().Lease
			require.NotNil(t, l)
			require.Equal(t, 600*time.Second, l.Valid)
			require.Equal(t, netip.MustParseAddr("10.99.0.1"), l.Server)
			require.Contains(t, r.addrs(), l.Addr.String()+"/16")
			require.Contains(t, r.addrs(), "dynamic")
			require.Contains(t, r.routes(), "default via 10.99.0.1 dev vC proto dhcp src "+l.Addr.String()+" metric 100")

			r.do(c, client.Renew{})
			n = w.until(n, enters(client.Bound))
			again := c.Status().Lease
			require.Equal(t, l.Addr, again.Addr)
			require.Greater(t, again.Start.Boot, l.Start.Boot)
			r.do(c, client.Rebind{})
			n = w.until(n, enters(client.Bound))
			require.NotContains(t, w.text(), "remove", "no flap")

			r.do(c, client.Release{})
			w.until(n, enters(client.Stopped))
			require.NotContains(t, r.addrs(), l.Addr.String())
			require.NotContains(t, r.routes(), "default")
		})
	}
}

// A client that ends without a word, as by kill -9, finds its lease again, and the address
// never goes.
func TestRestart(t *testing.T) {
	r := newRig(t)
	servers["dnsmasq"](r, 600)
	c, w := r.open(dhcp.Options{})
	require.NoError(t, c.Start(context.Background()))
	w.until(0, enters(client.Bound))
	before := r.addrs()
	addr := c.Status().Lease.Addr
	require.NoError(t, c.Close())
	require.Contains(t, r.addrs(), addr.String())

	c, w = r.open(dhcp.Options{})
	require.NoError(t, c.Start(context.Background()))
	w.until(0, enters(client.Bound))
	require.Equal(t, addr, c.Status().Lease.Addr)
	require.Equal(t, strings.Fields(before)[:4], strings.Fields(r.addrs())[:4])
	require.Contains(t, w.text(), "REBOOTING")
	require.NotContains(t, w.text(), "discover")
	require.NotContains(t, w.text(), "remove")
	require.NoError(t, c.Close())

	// A file that cannot be read is told of, and does no harm.
	files, err := filepath.Glob(filepath.Join(r.dir, "leases", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.NoError(t, os.WriteFile(files[0], []byte("{"), 0o600))
	c, w = r.open(dhcp.Options{ACD: dhcp.ACDOff})
	require.NoError(t, c.Start(context.Background()))
	w.until(0, enters(client.Bound))
	require.Contains(t, w.text(), "remembered lease: ")
	require.Contains(t, w.text(), "discover")
}

func TestOnlyOne(t *testing.T) {
	r := newRig(t)
	c, _ := r.open(dhcp.Options{})
	_, err := r.place.Open(context.Background(), "vC", dhcp.Options{}, nil)
	require.ErrorContains(t, err, "vC: another netfs runs a DHCP client here")
	require.NoError(t, c.Close())
	c, err = r.place.Open(context.Background(), "vC", dhcp.Options{}, nil)
	require.NoError(t, err)
	require.NoError(t, c.Close())
}

// When the server dies the lease is renewed by another.
func TestRebindToAnother(t *testing.T) {
	r := newRig(t)
	kill := servers["kea"](r, 8)
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDOff})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	l := c.Status().Lease
	kill()
	r.server.Run(t, "ip", "addr", "del", "10.99.0.1/16", "dev", "vS")
	r.server.Run(t, "ip", "addr", "add", "10.99.0.2/16", "dev", "vS")
	servers["kea"](r, 600)
	n = w.until(n, enters(client.Renewing))
	n = w.until(n, enters(client.Rebinding))
	w.until(n, enters(client.Bound))
	again := c.Status().Lease
	require.Equal(t, l.Addr, again.Addr)
	require.Equal(t, netip.MustParseAddr("10.99.0.2"), again.Server)
	require.NotContains(t, w.text(), "remove")
	require.Contains(t, r.addrs(), l.Addr.String())
}

// A host that has the address already keeps it.
func TestConflictOnTheLink(t *testing.T) {
	r := newRig(t)
	servers["dnsmasq"](r, 600)
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDProbe})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	taken := c.Status().Lease.Addr
	// In use: somebody claims it twice, and the client gives way.
	thief := r.arp(taken)
	for range 2 {
		require.NoError(t, thief.Send(&wire.ARP{Op: wire.ARPRequest, SenderMAC: r.serverMAC(), SenderIP: taken, TargetIP: taken}))
	}
	w.until(n, enters(client.Init))
	require.Contains(t, w.text(), "decline to all")
	require.NotContains(t, r.addrs(), taken.String())
	r.do(c, client.Stop{})
	require.NoError(t, c.Close())

	// Before use: somebody answers the probe.
	done := make(chan struct{})
	go func() {
		defer close(done)
		var a wire.ARP
		for thief.Receive(&a) == nil {
			thief.Send(&wire.ARP{Op: wire.ARPReply, SenderMAC: r.serverMAC(), SenderIP: taken, TargetMAC: a.SenderMAC, TargetIP: a.SenderIP})
		}
	}()
	t.Cleanup(func() { thief.Close(); <-done })
	c, w = r.open(dhcp.Options{Wish: taken})
	require.NoError(t, c.Start(context.Background()))
	w.until(0, enters(client.Checking))
	w.until(0, enters(client.Init))
	require.Contains(t, w.text(), taken.String()+" belongs to "+r.serverMAC().String())
	require.Contains(t, w.text(), "decline to all")
	require.NotContains(t, w.text(), "use "+taken.String())
}

func TestNoEthernet(t *testing.T) {
	r := newRig(t)
	_, err := r.place.Open(context.Background(), "lo", dhcp.Options{}, nil)
	require.ErrorContains(t, err, "lo: not an Ethernet link")
	_, err = r.place.Open(context.Background(), "nosuch", dhcp.Options{}, nil)
	require.ErrorContains(t, err, "nosuch")
}
