package dns_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs/dhcp/dns"
	"github.com/netfs-project/netfs/fs/dhcp/dns/dnstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const v4, v6 = "netfs-dhcp4", "netfs-dhcp6"

func config(def bool, words ...string) (c dns.Config) {
	c.Default = def
	for _, w := range words {
		if a, err := netip.ParseAddr(w); err == nil {
			c.Servers = append(c.Servers, a)
		} else {
			c.Search = append(c.Search, w)
		}
	}
	return c
}

var none dns.Config

func TestResolved(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	ctx := t.Context()
	dnstest.StartBus(t)
	r := dnstest.StartResolved(t)
	l := dns.Link{Index: dnstest.Veth(t, "d0", "d1"), Name: "d0"}
	s := dns.New()
	set := func(owner string, c, old dns.Config) {
		t.Helper()
		done, err := s.Set(ctx, l, owner, dns.Any, c, old)
		require.NoError(t, err)
		require.Equal(t, dns.Done{Manager: dns.Resolved, Config: c}, done)
	}
	is := func(servers, domains, def string) {
		t.Helper()
		require.Equal(t, servers, r.Link(t, "dns", "d0"))
		require.Equal(t, domains, r.Link(t, "domain", "d0"))
		require.Equal(t, def, r.Link(t, "default-route", "d0"))
	}
	// silent runs f, which makes no bus client set anything.
	silent := func(f func()) {
		t.Helper()
		before := strings.Count(r.Log(), "Bus client ")
		f()
		r.Ctl(t, "flush-caches") // its line comes after those of f
		require.Eventually(t, func() bool { return strings.Contains(r.Log(), "Flushed all caches.") }, 10*time.Second, time.Millisecond)
		require.Equal(t, before, strings.Count(r.Log(), "Bus client "), r.Log())
	}
	is("", "", "no")

	one := config(true, "192.0.2.1", "192.0.2.2", "example.org", "lan.example")
	set(v4, one, none)
	is("192.0.2.1 192.0.2.2", "example.org lan.example", "yes")
	silent(func() { set(v4, one, one) })

	// The other owner shares a domain.
	six := config(true, "2001:db8::1", "fe80::1", "lan.example", "six.example")
	set(v6, six, none)
	is("192.0.2.1 192.0.2.2 2001:db8::1 fe80::1", "example.org lan.example six.example", "yes")
	silent(func() { set(v4, one, one); set(v6, six, six) })

	// A renewal with other servers, in place of the old.
	two := config(true, "192.0.2.9", "other.example")
	set(v4, two, one)
	is("192.0.2.9 2001:db8::1 fe80::1", "other.example lan.example six.example", "yes")

	// What somebody else adds stays, with its name and port.
	r.Ctl(t, "dns", "d0", "192.0.2.9", "9.9.9.9:5353#dns.quad9.net", "2001:db8::1", "fe80::1")
	r.Ctl(t, "domain", "d0", "~corp.example", "other.example", "lan.example", "six.example")
	require.NoError(t, s.Clear(ctx, l, v6, dns.Any, six))
	is("192.0.2.9 9.9.9.9:5353#dns.quad9.net", "~corp.example other.example", "yes")
	require.NoError(t, s.Clear(ctx, l, v4, dns.Resolved, two))
	is("9.9.9.9:5353#dns.quad9.net", "~corp.example", "yes")
	silent(func() { require.NoError(t, s.Clear(ctx, l, v4, dns.Resolved, two)) })
	r.Ctl(t, "revert", "d0")

	// A link without a default route is not the machine's.
	set(v4, config(false, "192.0.2.1", "example.org"), none)
	is("192.0.2.1", "example.org", "no")
	set(v4, config(true, "192.0.2.1", "example.org"), none)
	is("192.0.2.1", "example.org", "yes")

	// resolved remembers, and so do we, when it starts again.
	r.Stop()
	done, err := s.Set(ctx, l, v4, dns.Resolved, one, none)
	require.ErrorIs(t, err, dns.ErrAbsent)
	require.Equal(t, dns.Done{}, done)
	require.NoError(t, s.Clear(ctx, l, v6, dns.Any, none))
	r = dnstest.StartResolved(t)
	is("192.0.2.1", "example.org", "yes")

	// Another process ends what one that was killed had set.
	require.NoError(t, dns.New().Clear(ctx, l, v4, dns.Any, config(true, "192.0.2.1", "example.org")))
	is("", "", "no")

	// What is wrong keeps nothing else from being set.
	done, err = s.Set(ctx, l, v4, dns.Any, config(true, "127.0.0.53", "192.0.2.1", "$(id)", "example.org"), none)
	require.ErrorContains(t, err, "DNS server 127.0.0.53: an address of this host itself")
	require.ErrorContains(t, err, `search domain "$(id)": not a domain name`)
	require.Equal(t, config(true, "192.0.2.1", "example.org"), done.Config)
	is("192.0.2.1", "example.org", "yes")

	// A link that somebody else manages, as resolved learns by and by.
	managed := dns.Link{Index: dnstest.Veth(t, "m0", "m1"), Name: "m0"}
	file := fmt.Sprintf("/run/systemd/netif/links/%d", managed.Index)
	require.NoError(t, os.WriteFile(file+".new", []byte("ADMIN_STATE=configured\nOPER_STATE=routable\n"), 0o644))
	require.NoError(t, os.Rename(file+".new", file))
	require.Eventually(t, func() bool {
		_, err = s.Set(ctx, managed, v4, dns.Any, one, none)
		return err != nil
	}, 10*time.Second, 10*time.Millisecond)
	require.EqualError(t, err, "resolved: Link m0 is managed.")
	_, err = s.Set(ctx, dns.Link{Index: 1, Name: "lo"}, v4, dns.Any, one, none)
	require.ErrorContains(t, err, "resolved: Link lo is loopback device.")

	// The link goes.
	require.NoError(t, exec.Command("ip", "link", "del", "d0").Run())
	require.Eventually(t, func() bool { return !strings.Contains(r.Ctl(t, "dns"), "(d0)") }, 10*time.Second, 10*time.Millisecond)
	_, err = s.Set(ctx, l, v4, dns.Any, one, none)
	require.EqualError(t, err, fmt.Sprintf("resolved: Link %d not known", l.Index))
	require.NoError(t, s.Clear(ctx, l, v4, dns.Resolved, one))
}

func TestResolvedNetNS(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	dnstest.StartBus(t)
	dnstest.StartResolved(t)
	index := dnstest.Veth(t, "d0", "d1")
	var own, other unix.Stat_t
	require.NoError(t, unix.Stat("/proc/thread-self/ns/net", &own))
	made := make(chan error)
	quit := make(chan struct{})
	defer close(quit)
	go func() {
		runtime.LockOSThread() // and never unlocked
		err := unix.Unshare(unix.CLONE_NEWNET)
		made <- errors.Join(err, unix.Stat("/proc/thread-self/ns/net", &other))
		<-quit
	}()
	require.NoError(t, <-made)
	c := config(true, "192.0.2.1")
	_, err := dns.New().Set(t.Context(), dns.Link{Index: index, Name: "d0", NetNS: fmt.Sprintf("%x", own.Ino)}, v4, dns.Any, c, none)
	require.NoError(t, err)
	_, err = dns.New().Set(t.Context(), dns.Link{Index: index, Name: "d0", NetNS: fmt.Sprintf("%x", other.Ino)}, v4, dns.Resolved, c, none)
	require.EqualError(t, err, `resolved: "d0" is in another network namespace than systemd-resolved`)

	dnstest.Over(t, dnstest.Unpacked(t, "openresolv"), "sbin", "lib", "etc")
	_, err = dns.New().Set(t.Context(), dns.Link{Index: index, Name: "d0", NetNS: fmt.Sprintf("%x", other.Ino)}, v4, dns.Resolvconf, c, none)
	require.EqualError(t, err, `resolvconf: "d0" is in another network namespace than this process`)
}

// TestAbsent has nobody to ask, then a bus where resolved is not, then a bus that does not answer.
func TestAbsent(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	l := dns.Link{Index: dnstest.Veth(t, "d0", "d1"), Name: "d0"}
	c := config(true, "192.0.2.1")
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/dbus/system_bus_socket")
	for range 2 {
		_, err := dns.New().Set(t.Context(), l, v4, dns.Any, c, none)
		require.ErrorIs(t, err, dns.ErrAbsent)
		require.ErrorContains(t, err, "nobody manages DNS here: resolved: n")
		require.ErrorContains(t, err, "; resolvconf: no such program")
		_, err = dns.New().Set(t.Context(), l, v4, dns.Resolvconf, c, none)
		require.EqualError(t, err, "resolvconf: no such program")
		require.NoError(t, dns.New().Clear(t.Context(), l, v4, dns.Any, c))
		dnstest.StartBus(t)
	}
	silent, err := net.Listen("unix", "/run/silent")
	require.NoError(t, err)
	defer silent.Close()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/run/silent")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = dns.New().Set(ctx, l, v4, dns.Any, c, none)
	require.EqualError(t, err, "resolved: the system bus: no answer in time: context deadline exceeded")
}

func TestOpenresolv(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	dnstest.Over(t, dnstest.Unpacked(t, "openresolv"), "sbin", "lib", "etc")
	testResolvconf(t, "/run/resolvconf/interfaces/", "/etc/resolv.conf")
}

func TestDebianResolvconf(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	dnstest.Over(t, dnstest.Unpacked(t, "resolvconf"), "sbin", "lib", "etc")
	require.NoError(t, os.Remove("/etc/resolv.conf"))
	require.NoError(t, os.Symlink("/run/resolvconf/resolv.conf", "/etc/resolv.conf"))
	require.NoError(t, os.MkdirAll("/run/resolvconf/interface", 0o755))
	out, err := exec.Command("/sbin/resolvconf", "--enable-updates").CombinedOutput()
	require.NoError(t, err, "%s", out)
	testResolvconf(t, "/run/resolvconf/interface/", "/etc/resolv.conf")

	// What the program says although it does it is told.
	require.NoError(t, os.Remove("/etc/resolv.conf"))
	done, err := dns.New().Set(t.Context(), dns.Link{Index: 1, Name: "d0"}, v4, dns.Any, config(true, "192.0.2.77"), none)
	require.NoError(t, err)
	require.Contains(t, done.Said, "/etc/resolv.conf is not a symbolic link to /run/resolvconf/resolv.conf")
}

// testResolvconf is what both owe. records is where they keep them.
func testResolvconf(t *testing.T, records, result string) {
	ctx := t.Context()
	l := dns.Link{Index: dnstest.Veth(t, "d0", "d1"), Name: "d0"}
	s := dns.New()
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		return string(b)
	}
	set := func(owner string, c dns.Config) {
		t.Helper()
		done, err := s.Set(ctx, l, owner, dns.Any, c, none)
		require.NoError(t, err)
		require.Equal(t, dns.Resolvconf, done.Manager)
	}
	set(v4, config(true, "192.0.2.1", "192.0.2.2", "example.org"))
	require.Equal(t, "search example.org\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n", read(records+"d0.netfs-dhcp4"))
	set(v6, config(true, "2001:db8::1", "six.example"))
	require.Equal(t, "search example.org\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n", read(records+"d0.netfs-dhcp4"))
	require.Equal(t, "search six.example\nnameserver 2001:db8::1\n", read(records+"d0.netfs-dhcp6"))
	for _, want := range []string{"nameserver 192.0.2.1\n", "nameserver 192.0.2.2\n", "nameserver 2001:db8::1\n", "example.org", "six.example"} {
		require.Contains(t, read(result), want)
	}

	// The same once more touches nothing.
	var before, after unix.Stat_t
	require.NoError(t, unix.Stat(records+"d0.netfs-dhcp4", &before))
	set(v4, config(true, "192.0.2.1", "192.0.2.2", "example.org"))
	require.NoError(t, unix.Stat(records+"d0.netfs-dhcp4", &after))
	require.Equal(t, before, after)

	set(v4, config(true, "192.0.2.9"))
	require.Equal(t, "nameserver 192.0.2.9\n", read(records+"d0.netfs-dhcp4"))
	require.Contains(t, read(result), "nameserver 192.0.2.9\n")
	require.NotContains(t, read(result), "192.0.2.1\n")

	// Another process ends what one that was killed had set; twice is once.
	for range 2 {
		require.NoError(t, dns.New().Clear(ctx, l, v4, dns.Any, none))
		require.NoFileExists(t, records+"d0.netfs-dhcp4")
	}
	require.NotContains(t, read(result), "192.0.2")
	require.Contains(t, read(result), "2001:db8::1")
	require.NoError(t, s.Clear(ctx, l, v6, dns.Resolvconf, none))
	require.NotContains(t, read(result), "nameserver ")

	// Nothing that a server says is more than a word.
	_, err := s.Set(ctx, l, v4, dns.Any, config(true, "192.0.2.1", "$(touch /run/pwned)", "`touch /run/pwned`", "a;touch /run/pwned", "example.org\nnameserver 192.0.2.66"), none)
	require.ErrorContains(t, err, "not a domain name")
	require.Equal(t, "nameserver 192.0.2.1\n", read(records+"d0.netfs-dhcp4"))
	require.NoFileExists(t, "/run/pwned")
	_, err = s.Set(ctx, dns.Link{Index: 1, Name: "d*"}, v4, dns.Any, config(true, "192.0.2.1"), none)
	require.EqualError(t, err, `resolvconf: '*' in the name of a link`)
}

// TestOpenresolvPrivate: who has no default route is asked for its own domains, by those who can.
func TestOpenresolvPrivate(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	dnstest.Over(t, dnstest.Unpacked(t, "openresolv"), "sbin", "lib", "etc")
	l := dns.Link{Index: dnstest.Veth(t, "d0", "d1"), Name: "d0"}
	for _, def := range []bool{false, true, false} {
		_, err := dns.New().Set(t.Context(), l, v4, dns.Any, config(def, "192.0.2.1", "example.org"), none)
		require.NoError(t, err)
		b, err := os.ReadFile("/etc/resolv.conf")
		require.NoError(t, err)
		require.Equal(t, def, strings.Contains(string(b), "nameserver 192.0.2.1"), "%s", b)
		out, err := exec.Command("/sbin/resolvconf", "-v").Output()
		require.NoError(t, err)
		require.Contains(t, string(out), "DOMAINS='example.org:192.0.2.1'")
	}
}

// TestProgram has programs in resolvconf's place that are not it, or do not end.
func TestProgram(t *testing.T) {
	if !dnstest.Inside(t) {
		return
	}
	l := dns.Link{Index: 1, Name: "d0"}
	require.NoError(t, unix.Mount("sbin", "/usr/local/sbin", "tmpfs", 0, ""))
	set := func(ctx context.Context, script string) error {
		require.NoError(t, os.WriteFile("/usr/local/sbin/resolvconf", []byte("#!/bin/sh\n"+script), 0o755))
		_, err := dns.New().Set(ctx, l, v4, dns.Any, config(true, "192.0.2.1"), none)
		return err
	}
	require.ErrorContains(t, set(t.Context(), "echo 'what 1.0'"), `/usr/local/sbin/resolvconf is neither openresolv nor Debian's: its version is "what 1.0"`)

	t.Setenv("SECRET", "x")
	const is = "[ $1 = --version ] && exec echo openresolv 3\n"
	require.EqualError(t, set(t.Context(), is+"env | grep -v ^_= | grep -v ^PWD= | sort; cat; printf 'a\\tb\\n\\033c'; exit 3"),
		"resolvconf: /usr/local/sbin/resolvconf -a d0.netfs-dhcp4: exit status 3: LC_ALL=C; PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; nameserver 192.0.2.1; a b;  c")
	require.Less(t, len(set(t.Context(), is+"head -c 1000000 /dev/zero; exit 1").Error()), 500)

	// What it starts may live on.
	require.NoError(t, set(t.Context(), is+"(while :; do [ -e /run/quit ] && exit; read x </proc/uptime; done) &\nexit 0"))
	require.Len(t, running(t, "resolvconf"), 1)
	require.NoError(t, os.WriteFile("/run/quit", nil, 0o644))

	// It and what it started are gone when the time is over, and their output is not waited for.
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := set(ctx, is+"trap '' TERM\n(trap '' TERM; echo $$ >/run/pid; while :; do read x </proc/uptime; done) & wait\nwait")
	require.ErrorContains(t, err, "not done in time: context deadline exceeded")
	require.Less(t, time.Since(began), 10*time.Second)
	require.Eventually(t, func() bool { return len(running(t, "resolvconf")) == 0 }, 10*time.Second, 10*time.Millisecond)
}

// running returns the processes of a name, but for those that only wait to be forgotten.
func running(t *testing.T, name string) (pids []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, f := range all {
		b, _ := os.ReadFile(f)
		if strings.Contains(string(b), "("+name+") ") && !strings.Contains(string(b), ") Z ") {
			pids = append(pids, f)
		}
	}
	return pids
}
