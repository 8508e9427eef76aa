package dhcp_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/dhcptest"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
	"github.com/netfs-project/netfs/fs/dhcp/dns/dnstest"
	"github.com/netfs-project/netfs/nl/nltest"

	"github.com/stretchr/testify/require"
)

// newRigHere is newRig in the process's own namespace, which is the test's.
func newRigHere(t *testing.T) *rig { return newRigIn(t, ownNS(t)) }

func ownNS(t *testing.T) *nltest.NS {
	f, err := os.Open("/proc/thread-self/ns/net")
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return &nltest.NS{FD: int(f.Fd()), Path: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), f.Fd())}
}

// dnsServer tells of servers and domains, and of a router if there is one.
func dnsServer(router bool, servers string, search ...string) *dhcptest.Server {
	s := testServer(10 * time.Minute)
	if router {
		s.Options.SetAddr(v4.OptRouters, s.ID)
	}
	var list []byte
	for a := range strings.FieldsSeq(servers) {
		list = append(list, netip.MustParseAddr(a).AsSlice()...)
	}
	s.Options.Set(v4.OptDNS, list)
	s.Options.SetString(v4.OptDomainName, search[0])
	return s
}

// text reads what there is of a stream.
func (f *tree) text(h *fs.File) string {
	f.t.Helper()
	b := make([]byte, 64<<10)
	n, err := h.ReadAt(context.Background(), b, 0)
	require.NoError(f.t, err)
	return string(b[:n])
}

func TestDNSResolved(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	dnstest.StartBus(t)
	d := dnstest.StartResolved(t)
	r := newRigHere(t)
	is := func(servers, domains, def string) {
		t.Helper()
		require.Equal(t, []string{servers, domains, def}, []string{d.Link(t, "dns", "vC"), d.Link(t, "domain", "vC"), d.Link(t, "default-route", "vC")})
	}
	stop := r.serve(dnsServer(true, "192.0.2.53 127.0.0.53", "example.org"))
	f := r.tree()
	events := f.open("vC/events", fs.OpenRead)
	defer events.Close(context.Background())
	require.NoError(t, f.write("vC/ctl", "start acd=off apply=addr,routes,dns"))
	f.await("vC/status", "state=bound")
	require.Equal(t, "apply=addr,routes,dns acd=off\n", f.read("vC/ctl"))
	require.Contains(t, f.read("vC/status"), " dns=resolved dns_error='DNS server 127.0.0.53: an address of this host itself'\n")
	is("192.0.2.53", "example.org", "yes")
	said := f.text(events)
	require.Contains(t, said, "text='DNS in resolved: 192.0.2.53 search example.org'")
	require.Contains(t, said, "dns: DNS server 127.0.0.53: an address of this host itself")

	// A renewal with the same touches nothing; one with other servers puts them in place of the old.
	sets := strings.Count(d.Log(), "Bus client ")
	renew := func() {
		t.Helper()
		before := f.read("vC/stats")
		require.NoError(t, f.write("vC/ctl", "renew"))
		f.await("vC/status", "state=bound")
		require.NotEqual(t, before, f.read("vC/stats"))
	}
	renew()
	require.Equal(t, sets, strings.Count(d.Log(), "Bus client "), d.Log())
	stop()
	r.serve(dnsServer(true, "192.0.2.54 192.0.2.55", "other.example"))
	require.NoError(t, f.write("vC/ctl", "rebind"))
	f.await("vC/resolv.conf", "192.0.2.55")
	f.await("vC/status", "state=bound")
	is("192.0.2.54 192.0.2.55", "other.example", "yes")
	require.NotContains(t, f.read("vC/status"), "dns_error")

	// Another manager of DNS is another setting, which the client begins again for.
	require.NoError(t, f.write("vC/ctl", "apply=addr"))
	f.await("vC/status", "state=bound")
	is("", "", "no")
	require.NotContains(t, f.read("vC/status"), "dns")
	require.NoError(t, f.write("vC/ctl", "apply=addr,resolved"))
	f.await("vC/status", "dns=resolved")
	is("192.0.2.54 192.0.2.55", "other.example", "no") // no routes, no default
	require.NoError(t, f.write("vC/ctl", "release"))
	is("", "", "no")
}

// The clients of both families tell of one link, and want the same domain.
func TestDNSBoth(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	dnstest.StartBus(t)
	d := dnstest.StartResolved(t)
	r := newRig6In(t, ownNS(t))
	r.place.DNS = dns.New()
	r.server.Run(t, "ip", "addr", "add", "10.99.0.1/16", "dev", "vS")
	r.serve(dnsServer(true, "192.0.2.53", "example.org"))
	r.kea(long6)
	is := func(servers, domains string) {
		t.Helper()
		require.Equal(t, []string{servers, domains}, []string{d.Link(t, "dns", "vC"), d.Link(t, "domain", "vC")})
	}
	four, six := r.rig.tree(), r.tree()
	require.NoError(t, four.write("vC/ctl", "start acd=off apply=addr,routes,dns"))
	four.await("vC/status", "dns=resolved")
	is("192.0.2.53", "example.org")
	require.NoError(t, six.write("vC/ctl", "start ia=none apply=dns"))
	six.await("vC/status", "dns=resolved")
	is("192.0.2.53 2001:db8:99::53 fe80::1", "example.org")
	require.NoError(t, four.write("vC/ctl", "release"))
	is("2001:db8:99::53 fe80::1", "example.org")
	require.NoError(t, four.write("vC/ctl", "start acd=off apply=addr,routes,dns"))
	four.await("vC/status", "dns=resolved")
	is("2001:db8:99::53 fe80::1 192.0.2.53", "example.org")
	require.NoError(t, six.write("vC/ctl", "stop"))
	is("192.0.2.53", "example.org")
	require.NoError(t, four.write("vC/ctl", "stop"))
	is("", "")
}

// A process that ends without a word leaves what it set; the next takes it over, or away.
func TestDNSRestart(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	dnstest.StartBus(t)
	d := dnstest.StartResolved(t)
	r := newRigHere(t)
	stop := r.serve(dnsServer(false, "192.0.2.53", "example.org"))
	begin := func() *tree {
		t.Helper()
		f := r.tree() // whose manager knows nothing of the others
		require.NoError(t, f.write("vC/ctl", "start acd=off apply=addr,routes,resolved"))
		return f
	}
	f := begin()
	f.await("vC/status", "dns=resolved")
	require.NoError(t, f.write("vC/ctl", "stop keep"))
	require.Equal(t, "192.0.2.53", d.Link(t, "dns", "vC"))
	require.Equal(t, "no", d.Link(t, "default-route", "vC"), "there is no default route")

	f = begin()
	f.await("vC/status", "dns=resolved")
	require.Equal(t, "192.0.2.53", d.Link(t, "dns", "vC"))
	require.Equal(t, 1, strings.Count(d.Log(), "set DNS server list to"), d.Log())
	require.NoError(t, f.write("vC/ctl", "stop keep"))

	// The lease has ended meanwhile, and so its address; nobody gives another.
	stop()
	r.host.Run(t, "ip", "addr", "flush", "dev", "vC")
	f = begin()
	require.Empty(t, d.Link(t, "dns", "vC"))
	require.Empty(t, d.Link(t, "domain", "vC"))
	require.NotContains(t, f.read("vC/status"), "dns")
}

// Without a manager of DNS, or with one that has another namespace, the rest of the lease is set.
func TestDNSAbsent(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	r := newRigHere(t)
	r.serve(dnsServer(true, "192.0.2.53", "example.org"))
	f := r.tree()
	events := f.open("vC/events", fs.OpenRead)
	defer events.Close(context.Background())
	require.ErrorContains(t, f.write("vC/ctl", "start apply=addr,dns,resolved"), "only one of dns, resolved, resolvconf")
	require.ErrorContains(t, f.write("vC/ctl", "start apply=addr,names"), `"names" is neither addr, routes, mtu, dns, resolved, resolvconf nor none`)
	require.NoError(t, f.write("vC/ctl", "start acd=off apply=addr,routes,dns"))
	f.await("vC/status", "state=bound")
	require.Contains(t, f.read("vC/status"), " dns_error='nobody manages DNS here: resolved: no system bus: ")
	require.NotContains(t, f.read("vC/status"), " dns=")
	require.Contains(t, f.text(events), "dns: nobody manages DNS here: resolved: no system bus: ")
	require.Contains(t, r.addrs(), "10.99.0.100")
	require.Contains(t, r.routes(), "default via 10.99.0.1")
	require.NoError(t, f.write("vC/ctl", "stop"), "there is nothing to take away")
	require.NotContains(t, f.text(events), "remove 10.99.0.100: stopped: ")

	dnstest.StartBus(t)
	d := dnstest.StartResolved(t)
	r = newRig(t)
	r.serve(dnsServer(true, "192.0.2.53", "example.org"))
	f = r.tree()
	require.NoError(t, f.write("vC/ctl", "start acd=off apply=addr,routes,dns"))
	f.await("vC/status", "state=bound")
	require.Contains(t, f.read("vC/status"), ` dns_error='nobody manages DNS here: resolved: "vC" is in another network namespace than systemd-resolved; resolvconf: `)
	require.NotContains(t, d.Ctl(t, "dns"), "192.0.2.53")
	require.Contains(t, r.addrs(), "10.99.0.100")
}

// resolvconf has a record of the link, which goes with the link too.
func TestDNSResolvconf(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	dnstest.Over(t, dnstest.Unpacked(t, "openresolv"), "sbin", "lib", "etc")
	r := newRigHere(t)
	r.serve(dnsServer(true, "192.0.2.53", "example.org"))
	f := r.tree()
	require.NoError(t, f.write("vC/ctl", "start acd=off apply=addr,routes,dns"))
	f.await("vC/status", "dns=resolvconf\n")
	const record = "/run/resolvconf/interfaces/vC.netfs-dhcp4"
	b, err := os.ReadFile(record)
	require.NoError(t, err)
	require.Equal(t, "search example.org\nnameserver 192.0.2.53\n", string(b))
	require.NoError(t, f.write("vC/ctl", "stop"))
	require.NoFileExists(t, record)

	require.NoError(t, f.write("vC/ctl", "start acd=off apply=addr,routes,resolvconf"))
	f.await("vC/status", "dns=resolvconf\n")
	require.FileExists(t, record)
	out, err := exec.Command("ip", "link", "del", "vC").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Eventually(t, func() bool { return f.read("dhcp/status") == "" }, 20*time.Second, 10*time.Millisecond)
	require.NoFileExists(t, record)
}
