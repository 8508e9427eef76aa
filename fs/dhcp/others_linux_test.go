package dhcp_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp"

	"github.com/stretchr/testify/require"
)

// foreign starts a program in the host's namespace, waits for a socket of it in one of the
// tables of /proc/net, and returns its process.
func (r *rig) foreign(table, socket, name string, args ...string) (pid int, kill func()) {
	r.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		r.t.Skipf("no %s on this machine", name)
	}
	count := func() int { return strings.Count(r.host.Run(r.t, "cat", "/proc/net/"+table), socket) }
	before := count()
	cmd := exec.Command(path, args...)
	r.host.Do(func() { err = cmd.Start() })
	require.NoError(r.t, err)
	killed := false
	kill = func() {
		if !killed {
			killed = true
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	r.t.Cleanup(kill)
	require.Eventually(r.t, func() bool { return count() > before }, 20*time.Second, 10*time.Millisecond, "%s has no such socket", name)
	return cmd.Process.Pid, kill
}

func (r *rig) dhclient(link string) (pid int, kill func()) {
	return r.foreign("udp", ":0044 ", "dhclient", "-4", "-d", "-sf", "/bin/true", "-lf", filepath.Join(r.dir, link+".leases"), "-pf", filepath.Join(r.dir, link+".pid"), link)
}

func (r *rig) udhcpc(link string) (pid int, kill func()) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		r.t.Skip("no busybox on this machine")
	}
	name := filepath.Join(r.dir, "udhcpc")
	require.NoError(r.t, os.Symlink(busybox, name))
	return r.foreign("packet", " 0800 ", name, "-f", "-i", link, "-s", "/bin/true")
}

// second makes another link of the host's.
func (r *rig) second() {
	r.host.Run(r.t, "ip", "link", "add", "vD", "type", "veth", "peer", "name", "vE")
	r.host.Run(r.t, "ip", "link", "set", "vD", "up")
	r.host.Run(r.t, "ip", "link", "set", "vE", "up")
}

// No server answers here, so that the others keep trying.
func TestOthers(t *testing.T) {
	others := map[string]func(r *rig, link string) (pid int, kill func()){"dhclient": (*rig).dhclient, "udhcpc": (*rig).udhcpc}
	for name, start := range others {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.second()
			pid, kill := start(r, "vC")
			f := r.tree()
			events := f.open("dhcp/events", fs.OpenRead)
			defer events.Close(context.Background())
			require.NoError(t, f.write("dhcp/ctl", "start vC acd=off"))
			require.NoError(t, f.write("dhcp/ctl", "start vD acd=off"))
			who := fmt.Sprintf("%s[%d]", name, pid)
			require.Contains(t, f.read("vC/status"), "state=selecting")
			require.Contains(t, f.read("vC/status"), "other="+who)
			b := make([]byte, 4096)
			n, err := events.ReadAt(context.Background(), b, 0)
			require.NoError(t, err)
			require.Contains(t, string(b[:n]), "dhcp tells dev=vC state=stopped text='another DHCP client: "+who+"'")
			require.Equal(t, 1, strings.Count(f.read("dhcp/status"), "other="), "it is on vC only")

			kill()
			require.NoError(t, f.write("vC/ctl", "stop"))
			require.NoError(t, f.write("vC/ctl", "start acd=off"))
			require.NotContains(t, f.read("vC/status"), "other=")
		})
	}
}

// A client that comes later is seen when the lease is renewed, and told of once.
func TestOtherComesLater(t *testing.T) {
	r := newRig(t)
	r.serve(testServer(10 * time.Minute))
	c, w := r.open(dhcp.Options{ACD: dhcp.ACDOff})
	require.NoError(t, c.Start(context.Background()))
	n := w.until(0, enters(client.Bound))
	require.Empty(t, c.Others())
	pid, _ := r.dhclient("vC")
	want := []dhcp.Other{{PID: pid, Name: "dhclient"}}
	r.do(c, client.Renew{})
	n = w.until(n, enters(client.Bound))
	require.Eventually(t, func() bool { return len(c.Others()) > 0 }, 20*time.Second, 10*time.Millisecond)
	require.Equal(t, want, c.Others())
	r.do(c, client.Rebind{})
	w.until(n, enters(client.Bound))
	require.NoError(t, c.Close())
	require.Equal(t, want, c.Others())
	require.Equal(t, 1, strings.Count(w.text(), "another DHCP client: "))
}

// Who only listens is no client, nor are we, nor is anybody on another link.
func TestNoOthers(t *testing.T) {
	r := newRig(t)
	r.serve(testServer(10 * time.Minute))
	r.second()
	f := r.tree()
	r.foreign("packet", " 0003 ", "tcpdump", "-i", "vC", "-w", os.DevNull)
	r.dhclient("vD")
	r.udhcpc("vD")
	require.NoError(t, f.write("vC/ctl", "start acd=off"))
	f.await("vC/status", "state=bound")
	require.NotContains(t, f.read("vC/status"), "other=")
	require.NoError(t, f.write("dhcp/ctl", "start vD acd=off"))
	require.NoError(t, f.write("vC/ctl", "renew"))
	f.await("vC/stats", "received_"+v4.Ack.String()+"=2")
	f.await("vC/status", "state=bound")
	require.NotContains(t, f.read("vC/status"), "other=")
	require.Contains(t, f.read("dhcp/status"), "dhclient[")
	require.Equal(t, 1, strings.Count(f.read("dhcp/status"), "other="))
}

// Clients that have a lease are often known by their UDP socket only. The forms are networkd's and
// dhcpcd's, that of a udhcpc that renews, and one that says nothing of the link.
func TestOthersByPort(t *testing.T) {
	for _, x := range []struct{ addr, dev, seen string }{
		{"192.0.2.9", "vD", "vD"},
		{"192.0.2.9", "", "vD"},
		{"0.0.0.0", "vC", "vC"},
		{"0.0.0.0", "", "vC vD"},
		{"127.0.0.1", "", ""},
	} {
		t.Run(x.addr+" "+x.dev, func(t *testing.T) {
			r := newRig(t)
			r.second()
			r.host.Run(t, "ip", "addr", "add", "192.0.2.9/24", "dev", "vD")
			pid, _ := r.foreign("udp", ":0044 ", "perl", "-e", `use Socket;
				socket(S, PF_INET, SOCK_DGRAM, 0) or die;
				!$ARGV[1] or setsockopt(S, SOL_SOCKET, 25, "$ARGV[1]\0") or die; # SO_BINDTODEVICE
				bind(S, sockaddr_in(68, inet_aton($ARGV[0]))) or die;
				sleep 60`, x.addr, x.dev)
			f := r.tree()
			var seen []string
			for _, dev := range []string{"vC", "vD"} {
				require.NoError(t, f.write("dhcp/ctl", "start acd=off "+dev))
			}
			for line := range strings.Lines(f.read("dhcp/status")) {
				if strings.Contains(line, fmt.Sprintf(" other=perl[%d]", pid)) {
					seen = append(seen, strings.TrimPrefix(strings.Fields(line)[0], "dev="))
				}
			}
			require.Equal(t, x.seen, strings.Join(seen, " "))
		})
	}
}
