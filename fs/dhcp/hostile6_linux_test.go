package dhcp_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/v6"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A server that answers what nobody should: all of it is told, none of it does harm, and a good answer
// counts afterwards.
func TestHostile6(t *testing.T) {
	r := newRig6(t)
	var c net.PacketConn
	var err error
	r.server.Do(func() {
		lc := net.ListenConfig{}
		if c, err = lc.ListenPacket(context.Background(), "udp6", "[::]:547"); err == nil {
			err = join(c.(*net.UDPConn))
		}
	})
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { defer close(done); hostile6(c) }()
	t.Cleanup(func() { c.Close(); <-done })

	f := r.tree()
	require.NoError(t, f.write("vC/ctl", "start ia=na,pd"))
	f.await("vC/status", "state=bound")
	require.Contains(t, f.read("vC/status"), "addresses=2001:db8:99::7 ")
	require.Regexp(t, `ignored_other_client=[1-9].* ignored_unusable=[1-9].* unreadable=[1-9]`, f.read("vC/stats"))
	conf := f.read("vC/resolv.conf")
	require.Equal(t, "search good.example\nnameserver 2001:db8::53\n", conf)
	for _, file := range []string{"vC/lease", "vC/servers", "vC/options/domain_search", "vC/status"} {
		for line := range strings.Lines(f.read(file)) {
			require.NotContains(t, line, "\x1b")
			require.NotContains(t, strings.TrimSuffix(line, "\n"), "\n")
		}
	}
	require.NotContains(t, r.addrs(), "::1/128")
	require.NotContains(t, r.addrs(), "fe80::bad")
	require.Equal(t, 1, strings.Count(r.addrs(), "inet6"), r.addrs())
}

func join(c *net.UDPConn) error {
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	l, err := net.InterfaceByName("vS")
	if err != nil {
		return err
	}
	var jerr error
	err = rc.Control(func(fd uintptr) {
		jerr = unix.SetsockoptIPv6Mreq(int(fd), unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &unix.IPv6Mreq{
			Multiaddr: netip.MustParseAddr("ff02::1:2").As16(), Interface: uint32(l.Index),
		})
	})
	return errors.Join(err, jerr)
}

// hostile6 answers each message with all that is wrong, and then with what is right.
func hostile6(c net.PacketConn) {
	server, stranger := v6.DUID{0, 3, 0, 1, 2, 0, 0, 0, 0, 1}, v6.DUID{0, 3, 0, 1, 9, 9, 9, 9, 9, 9}
	buf := make([]byte, 65536)
	for {
		n, from, err := c.ReadFrom(buf)
		if err != nil {
			return
		}
		ask, err := v6.Decode(buf[:n])
		if err != nil {
			continue
		}
		id, _ := ask.Options.ClientID()
		ias, _ := ask.Options.IANAs()
		if len(ias) == 0 {
			continue
		}
		typ := v6.Reply
		if ask.Type == v6.Solicit {
			typ = v6.Advertise
		}
		reply := func(client v6.DUID, t1, t2, preferred, valid time.Duration, addr string) *v6.Message {
			m := &v6.Message{Type: typ, XID: ask.XID}
			m.Options.SetClientID(client)
			m.Options.SetServerID(server)
			m.Options.SetUint8(v6.OptPreference, 255)
			m.Options.SetAddrs(v6.OptDNS, netip.MustParseAddr("2001:db8::53"))
			m.Options.Set(v6.OptDomainSearch, []byte("\x0d$(reboot)\x1b\n;`\x00\x04good\x07example\x00"))
			ia := v6.IA{IAID: ias[0].IAID, T1: t1, T2: t2}
			ia.Options.AddIAAddr(v6.IAAddr{Addr: netip.MustParseAddr(addr), Preferred: preferred, Valid: valid})
			m.Options.AddIANA(ia)
			return m
		}
		const h = time.Hour
		said := reply(id, 0, 0, h, h, "2001:db8:99::6")
		said.Options.SetStatus(v6.Status{Code: v6.UnspecFail, Text: "\x1b[2J`rm -rf /`\n"})
		for _, m := range []*v6.Message{
			reply(stranger, 0, 0, h, h, "2001:db8:99::6"), // for another client
			reply(id, 0, 0, 0, 0, "2001:db8:99::6"),       // over already
			reply(id, h, h/2, h, h, "2001:db8:99::6"),     // T1 beyond T2
			reply(id, 0, 0, 2*h, h, "2001:db8:99::6"),     // preferred beyond valid
			reply(id, 0, 0, h, h, "::1"), reply(id, 0, 0, h, h, "fe80::bad"), reply(id, 0, 0, h, h, "ff02::1"),
			said,
		} {
			b, err := m.Append(nil)
			if err == nil && (typ == v6.Advertise || m == said) { // a Reply that gives nothing ends the request
				c.WriteTo(b, from)
			}
		}
		c.WriteTo([]byte{byte(typ), 1, 2, 3, 0, 1, 0xff, 0xff, 1}, from) // an option that ends behind it
		c.WriteTo([]byte{7}, from)
		b, err := reply(id, 0, 0, v6.Forever, v6.Forever, "2001:db8:99::7").Append(nil)
		if err == nil {
			c.WriteTo(b, from)
		}
	}
}
