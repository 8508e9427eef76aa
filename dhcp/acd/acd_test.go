package acd_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/acd"
	"github.com/netfs-project/netfs/dhcp/wire"

	"github.com/stretchr/testify/require"
)

var (
	mine  = netip.MustParseAddr("192.0.2.100")
	other = netip.MustParseAddr("192.0.2.7")
	zero  = netip.IPv4Unspecified()
	mac   = wire.MAC{2, 0, 0, 0, 0, 1}
	thief = wire.MAC{2, 0, 0, 0, 0, 7}
)

// probed runs a machine to the end of its probe, and returns when that was and how many
// probes it sent.
func probed(t *testing.T, m *acd.Machine, now time.Duration) (time.Duration, int) {
	acts := m.Start(now)
	for n := 0; ; {
		for _, a := range acts {
			switch a := a.(type) {
			case acd.Send:
				require.Equal(t, wire.ARP{Op: wire.ARPRequest, SenderMAC: mac, SenderIP: zero, TargetIP: mine}, a.ARP)
				n++
			case acd.Result:
				require.Zero(t, a.By)
				return now, n
			}
		}
		at, ok := m.Deadline()
		require.True(t, ok)
		require.GreaterOrEqual(t, at, now)
		now = at
		acts = m.Tick(now)
	}
}

// RFC 5227 1.1 and 2.1.1.
func TestProbe(t *testing.T) {
	for seed := range uint64(100) {
		m := acd.New(mine, mac, acd.Full, rand.New(rand.NewPCG(seed, 1)))
		end, n := probed(t, m, time.Hour)
		require.Equal(t, 3, n)
		require.GreaterOrEqual(t, end-time.Hour, 4*time.Second)
		require.Less(t, end-time.Hour, 7*time.Second)
		m = acd.New(mine, mac, acd.Quick, rand.New(rand.NewPCG(seed, 1)))
		end, n = probed(t, m, time.Hour)
		require.Equal(t, 3, n)
		require.LessOrEqual(t, end-time.Hour, 600*time.Millisecond)
	}
}

// RFC 5227 2.1.1: who claims the address has it, and so has who asks for it like us.
func TestConflictWhileProbing(t *testing.T) {
	for name, c := range map[string]struct {
		arp  wire.ARP
		lost bool
	}{
		"reply":           {wire.ARP{Op: wire.ARPReply, SenderMAC: thief, SenderIP: mine, TargetMAC: mac, TargetIP: zero}, true},
		"request":         {wire.ARP{Op: wire.ARPRequest, SenderMAC: thief, SenderIP: mine, TargetIP: other}, true},
		"rival's probe":   {wire.ARP{Op: wire.ARPRequest, SenderMAC: thief, SenderIP: zero, TargetIP: mine}, true},
		"our own probe":   {wire.ARP{Op: wire.ARPRequest, SenderMAC: mac, SenderIP: zero, TargetIP: mine}, false},
		"our own kernel":  {wire.ARP{Op: wire.ARPReply, SenderMAC: mac, SenderIP: mine, TargetIP: other}, false},
		"another address": {wire.ARP{Op: wire.ARPRequest, SenderMAC: thief, SenderIP: other, TargetIP: other}, false},
		"who has it":      {wire.ARP{Op: wire.ARPRequest, SenderMAC: thief, SenderIP: other, TargetIP: mine}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := acd.New(mine, mac, acd.Full, rand.New(rand.NewPCG(1, 1)))
			require.Empty(t, m.Receive(0, &c.arp), "not begun")
			m.Start(0)
			acts := m.Receive(time.Millisecond, &c.arp)
			_, due := m.Deadline()
			if !c.lost {
				require.Empty(t, acts)
				require.True(t, due)
				return
			}
			require.Equal(t, []acd.Action{acd.Result{By: thief}}, acts)
			require.False(t, due)
			require.Empty(t, m.Receive(time.Millisecond, &c.arp), "once")
		})
	}
}

// RFC 5227 2.3 and 2.4 (b).
func TestAnnounceAndDefend(t *testing.T) {
	m := acd.New(mine, mac, acd.Timing{Announcements: 2, AnnounceInterval: 2 * time.Second}, rand.New(rand.NewPCG(1, 1)))
	require.Equal(t, []acd.Action{acd.Result{}}, m.Start(0), "no probe")
	says := []acd.Action{acd.Send{ARP: wire.ARP{Op: wire.ARPRequest, SenderMAC: mac, SenderIP: mine, TargetIP: mine}}}
	require.Equal(t, says, m.Tick(0))
	require.Empty(t, m.Tick(time.Second))
	require.Equal(t, says, m.Tick(2*time.Second))
	require.Empty(t, m.Tick(4*time.Second))
	_, due := m.Deadline()
	require.False(t, due)

	probe := wire.ARP{Op: wire.ARPRequest, SenderMAC: thief, SenderIP: zero, TargetIP: mine}
	require.Empty(t, m.Receive(5*time.Second, &probe), "a probe is no conflict: the kernel answers")
	claim := wire.ARP{Op: wire.ARPRequest, SenderMAC: thief, SenderIP: mine, TargetIP: mine}
	require.Equal(t, says, m.Receive(6*time.Second, &claim))
	require.Equal(t, says, m.Receive(16*time.Second, &claim))
	require.Equal(t, []acd.Action{acd.Result{By: thief}}, m.Receive(25*time.Second, &claim))
	require.Empty(t, m.Receive(26*time.Second, &claim))
}
