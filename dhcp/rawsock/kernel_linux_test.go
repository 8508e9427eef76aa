package rawsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/wire"
	"github.com/netfs-project/netfs/nl/nltest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// A pair is two links, each the other's end.
func pair(t *testing.T) (a, b Link) {
	ns := nltest.NewNS(t)
	ns.Run(t, "ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	for _, l := range []string{"v0", "v1"} {
		ns.Run(t, "ip", "link", "set", l, "up")
	}
	for _, l := range []string{"v0", "v1"} { // until then what is sent is dropped
		require.Eventually(t, func() bool { return strings.Contains(ns.Run(t, "ip", "link", "show", l), "state UP") }, 10*time.Second, time.Millisecond)
	}
	link := func(name string) (l Link) {
		var i *net.Interface
		var err error
		ns.Do(func() { i, err = net.InterfaceByName(name) })
		require.NoError(t, err)
		return Link{Index: i.Index, Name: name, HWAddr: i.HardwareAddr, Do: func(f func() error) (err error) {
			ns.Do(func() { err = f() })
			return err
		}}
	}
	return link("v0"), link("v1")
}

func receive(t *testing.T, r *Raw) *Packet {
	t.Helper()
	kill := time.AfterFunc(10*time.Second, func() { r.Close() })
	defer kill.Stop()
	var p Packet
	require.NoError(t, r.Receive(&p))
	return &p
}

// frame is a reply to port 68 with an IP header of our making.
func frame(t *testing.T, src wire.MAC, tag *wire.Tag, edit func(ip []byte) []byte) []byte {
	var g wire.Tag
	if tag != nil {
		g = *tag
	}
	b := reply(t, src, g)
	if edit == nil {
		return b
	}
	at := len(b) - 20 - 8 - 300
	return append(b[:at:at], edit(b[at:])...)
}

// resum makes the header's checksum right again.
func resum(ip []byte) []byte {
	n := int(ip[0]&15) * 4
	if n < 20 || n > len(ip) {
		return ip
	}
	ip[10], ip[11] = 0, 0
	binary.BigEndian.PutUint16(ip[10:], wire.Checksum(ip[:n]))
	return ip
}

// Frames that are wrong in some way are dropped, by the filter or with a count, and what comes
// after them arrives.
func TestBrokenFrames(t *testing.T) {
	a, b := pair(t)
	r, err := OpenRaw(a)
	require.NoError(t, err)
	defer r.Close()
	s, err := OpenRaw(b)
	require.NoError(t, err)
	defer s.Close()
	length := func(n uint16) func([]byte) []byte {
		return func(ip []byte) []byte { binary.BigEndian.PutUint16(ip[2:], n); return resum(ip) }
	}
	set := func(at int, v byte) func([]byte) []byte {
		return func(ip []byte) []byte { ip[at] = v; return resum(ip) }
	}
	for name, edit := range map[string]func([]byte) []byte{
		// The lengths that end a well-known client of Go.
		"total length 20": length(20), "total length 24": length(24), "total length 27": length(27),
		"total length 0": length(0), "total length beyond the frame": length(2000),
		"IHL 4": set(0, 0x44), "IHL 15": set(0, 0x4f), "version 6": set(0, 0x65),
		"first fragment": set(6, 0x20), "a later fragment": set(7, 1),
		"UDP length 0": func(ip []byte) []byte { ip[24], ip[25] = 0, 0; return ip },
		"UDP length 7": func(ip []byte) []byte { ip[24], ip[25] = 0, 7; return ip },
		"UDP too long": func(ip []byte) []byte { ip[24], ip[25] = 9, 0; return ip },
		"UDP checksum": func(ip []byte) []byte { ip[40]++; return ip },
		"IP checksum":  func(ip []byte) []byte { ip[10]++; return ip },
		"TCP":          set(9, 6),
		"another port": set(23, 69),
		"a request":    func(ip []byte) []byte { ip[28] = 1; ip[26], ip[27] = 0, 0; return ip },
		"cut":          func(ip []byte) []byte { return ip[:40] },
		"almost no IP": func(ip []byte) []byte { return ip[:11] },
		"no checksum":  nil, // see below
	} {
		if edit != nil {
			require.NoError(t, s.send(frame(t, s.mac, nil, edit)), name)
		}
	}
	require.NoError(t, s.send(frame(t, s.mac, &wire.Tag{TPID: wire.TypeVLAN, TCI: 5}, nil)))
	require.NoError(t, s.send(frame(t, s.mac, &wire.Tag{TPID: wire.TypeVLAN, TCI: 0xe000}, nil)), "a priority only")
	p := receive(t, r)
	require.Len(t, p.Payload, 300)
	require.Equal(t, s.mac, p.From)
	require.Equal(t, netip.MustParseAddrPort("192.0.2.1:67"), p.Src)
	st := r.Stats()
	require.Positive(t, st.Length+st.Truncated, "%+v", st)
	require.Equal(t, uint64(2), st.Checksum, "%+v", st)
	require.Zero(t, st.VLAN+st.Fragment, "the filter's work: %+v", st)

	// A sender that makes no checksum.
	require.NoError(t, s.send(frame(t, s.mac, nil, func(ip []byte) []byte { ip[26], ip[27] = 0, 0; return ip })))
	receive(t, r)
}

// Over veth the kernel leaves checksums of its own UDP unfinished.
func TestUnfinishedChecksum(t *testing.T) {
	a, b := pair(t)
	r, err := OpenRaw(a)
	require.NoError(t, err)
	defer r.Close()
	require.NoError(t, b.Do(func() error {
		c, err := net.ListenPacket("udp4", "0.0.0.0:0")
		if err != nil {
			return err
		}
		defer c.Close()
		return sendOn(c.(*net.UDPConn), b.Name)
	}))
	p := receive(t, r)
	require.Equal(t, byte(2), p.Payload[0])
	require.Equal(t, uint64(1), r.Stats().Unfinished)
}

func TestSend(t *testing.T) {
	a, b := pair(t)
	r, err := OpenRaw(a)
	require.NoError(t, err)
	defer r.Close()
	// What a client sends goes to port 67, which our own filter does not pass: heard as the server would.
	s, err := openPacket(b, 0x0800, assemble([]ins{{code: ret, k: whole}}))
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, r.Send([]byte{1, 2, 3}, netip.Addr{}, netip.MustParseAddr("255.255.255.255"), wire.Broadcast))
	kill := time.AfterFunc(10*time.Second, func() { s.Close() })
	defer kill.Stop()
	f, err := s.next()
	require.NoError(t, err)
	var e wire.Ethernet
	ip, err := e.Decode(f.b)
	require.NoError(t, err)
	require.Equal(t, wire.Broadcast, e.Dst)
	require.Equal(t, r.mac, e.Src)
	var d wire.Datagram
	require.NoError(t, d.Decode(ip, wire.Verify))
	require.Equal(t, "0.0.0.0:68", d.Src.String())
	require.Equal(t, "255.255.255.255:67", d.Dst.String())
	require.Equal(t, []byte{1, 2, 3}, d.Payload)
}

func TestARPFilter(t *testing.T) {
	a, b := pair(t)
	mine, other := netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.7")
	zero := netip.IPv4Unspecified()
	r, err := OpenARP(a, mine)
	require.NoError(t, err)
	defer r.Close()
	s, err := OpenARP(b, mine)
	require.NoError(t, err)
	defer s.Close()
	send := func(sender, target netip.Addr) {
		require.NoError(t, s.Send(&wire.ARP{Op: wire.ARPRequest, SenderMAC: s.mac, SenderIP: sender, TargetIP: target}))
	}
	send(other, mine) // who has it: none of ours
	send(zero, other) // another's probe
	send(mine, other) // a claim
	send(zero, mine)  // a probe for ours
	kill := time.AfterFunc(10*time.Second, func() { r.Close() })
	defer kill.Stop()
	var m wire.ARP
	require.NoError(t, r.Receive(&m))
	require.Equal(t, mine, m.SenderIP)
	require.NoError(t, r.Receive(&m))
	require.Equal(t, zero, m.SenderIP)
	require.Equal(t, uint64(2), r.Stats().Received)
}

// A link that got another name after it was found is the same link.
func TestRenamed(t *testing.T) {
	a, _ := pair(t)
	require.NoError(t, a.Do(func() error {
		for _, args := range [][]string{{"link", "set", "v0", "down"}, {"link", "set", "v0", "name", "w0"}, {"link", "set", "w0", "up"}, {"addr", "add", "192.0.2.7/24", "dev", "w0"}} {
			if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
				return fmt.Errorf("%v: %s", err, out)
			}
		}
		return nil
	}))
	u, err := OpenUDP(a, netip.MustParseAddr("192.0.2.7"))
	require.NoError(t, err)
	require.NoError(t, u.Close())
	r, err := OpenRaw(a)
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

func TestCloseEndsReceive(t *testing.T) {
	a, _ := pair(t)
	r, err := OpenRaw(a)
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		var p Packet
		done <- r.Receive(&p)
	}()
	require.NoError(t, r.Close())
	require.ErrorIs(t, <-done, os.ErrClosed)
}

func TestInfiniband(t *testing.T) {
	l := Link{Index: 1, Name: "ib0", HWAddr: make(net.HardwareAddr, 20)}
	_, err := OpenRaw(l)
	require.ErrorContains(t, err, "ib0: a hardware address of 20 bytes, not Ethernet's 6")
	_, err = OpenARP(l, netip.MustParseAddr("192.0.2.1"))
	require.ErrorContains(t, err, "20 bytes")
}

// sendOn broadcasts a reply by way of the kernel.
func sendOn(c *net.UDPConn, link string) error {
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	if err := broadcastOn(rc, link); err != nil {
		return err
	}
	b := make([]byte, 300)
	b[0] = 2
	_, err = c.WriteToUDPAddrPort(b, netip.MustParseAddrPort("255.255.255.255:68"))
	return err
}

func broadcastOn(rc syscall.RawConn, link string) (err error) {
	cerr := rc.Control(func(fd uintptr) {
		if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1); err == nil {
			err = unix.BindToDevice(int(fd), link)
		}
	})
	return errors.Join(err, cerr)
}
