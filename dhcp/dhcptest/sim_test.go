package dhcptest_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/dhcptest"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v4"

	"github.com/stretchr/testify/require"
)

var (
	mac   = net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}
	id    = netip.MustParseAddr("192.0.2.1")
	net24 = netip.MustParsePrefix("192.0.2.0/24")
)

// A world is a client and a server, and time that passes as fast as they allow.
type world struct {
	t       *testing.T
	m       *client.Machine
	s       *dhcptest.Server
	rand    *rand.Rand
	now     lease.Instant
	down    bool // the server
	queue   []arrival
	applied *lease.Lease
	sends   int
	told    int // actions that somebody would read
	bound   int // times
	removed []string
}

type arrival struct {
	at  time.Duration
	raw []byte
}

func newWorld(t *testing.T, seed uint64, life time.Duration) *world {
	r := rand.New(rand.NewPCG(seed, 7))
	return &world{
		t: t, rand: r, m: client.New(client.Config{CHAddr: mac}, r), now: lease.Instant{Boot: time.Hour, Wall: time.Unix(1e9, 0)},
		s: &dhcptest.Server{ID: id, Subnet: net24, Lease: life},
	}
}

// run lets d pass.
func (w *world) run(d time.Duration) {
	for end := w.now.Boot + d; ; {
		at := end
		if due, ok := w.m.Deadline(); ok {
			at = min(at, due)
		}
		if len(w.queue) > 0 {
			at = min(at, w.queue[0].at)
		}
		w.now.Boot, w.now.Wall = at, w.now.Wall.Add(at-w.now.Boot)
		if at == end {
			return
		}
		if len(w.queue) == 0 || w.queue[0].at > at {
			w.step(nil)
			continue
		}
		a := w.queue[0]
		w.queue = w.queue[1:]
		if msg, err := v4.Decode(a.raw); err == nil { // else the socket counts it
			w.step(client.Packet{Msg: msg, Raw: a.raw})
		}
	}
}

func (w *world) step(ev client.Event) {
	for _, a := range w.m.Step(w.now, ev) {
		switch a := a.(type) {
		case client.Send:
			w.sends++
			w.deliver(a.Msg)
		case client.Apply:
			require.Equal(w.t, w.applied, a.Old)
			w.applied = a.New
			w.bound++
		case client.Remove:
			w.removed = append(w.removed, a.Why)
			if a.Why == "the lease ended" {
				require.GreaterOrEqual(w.t, w.now.Boot, w.applied.Expires(), "too early")
			}
			w.applied = nil
		case client.Answer, client.Ignored, client.Changed:
			w.told++
		}
	}
	if w.applied != nil {
		require.Less(w.t, w.now.Boot, w.applied.Expires(), "kept after its end")
	}
}

func (w *world) deliver(m *v4.Message) {
	if w.down {
		return
	}
	raw, err := m.Append(nil)
	require.NoError(w.t, err)
	req, err := v4.Decode(raw)
	require.NoError(w.t, err)
	for _, r := range w.s.Handle(req, w.now.Boot) {
		b := r.Raw
		if b == nil {
			b, err = r.Msg.Append(nil)
			require.NoError(w.t, err)
		}
		w.queue = append(w.queue, arrival{w.now.Boot + time.Millisecond + r.After, b})
	}
	slices.SortStableFunc(w.queue, func(a, b arrival) int { return int(a.at - b.at) })
}

// Leases of 30 seconds, and a server that is restarted at random, with and without its
// memory: the address is never lost while a lease is valid, and never kept after it ends.
func TestServerRestarts(t *testing.T) {
	lost, bound := 0, 0
	for seed := range uint64(40) {
		w := newWorld(t, seed, 30*time.Second)
		w.step(client.Start{})
		for range 40 {
			w.down = w.rand.IntN(3) == 0
			if w.down && w.rand.IntN(2) == 0 {
				w.s.Forget()
			}
			w.run(time.Duration(w.rand.Int64N(int64(20 * time.Second))))
		}
		w.down = false
		w.run(2 * time.Minute)
		require.NotNil(t, w.applied)
		for _, why := range w.removed {
			require.Equal(t, "the lease ended", why)
		}
		lost += len(w.removed)
		bound += w.bound
	}
	t.Logf("%d leases and renewals, %d ended while the server was down", bound, lost)
	require.Greater(t, bound, 40*20)
}

// What a broken or hostile server does costs a bounded number of messages, and, where it can be
// told from the truth, nothing else.
func TestFaults(t *testing.T) {
	other := netip.MustParseAddr("192.0.2.66")
	for name, c := range map[string]struct {
		fault dhcptest.Fault
		bound bool
	}{
		"none":              {dhcptest.Delay(0), true},
		"drop":              {dhcptest.Drop, false},
		"drop half":         {dhcptest.Every(2, dhcptest.Drop), true},
		"duplicate":         {dhcptest.Duplicate, true},
		"wrong xid":         {dhcptest.WrongXID, true},
		"a stranger's NAK":  {dhcptest.Stranger(other), true},
		"NAK":               {dhcptest.NAK, false},
		"delay":             {dhcptest.Delay(time.Second), true},
		"delay too long":    {dhcptest.Delay(3 * time.Minute), false},
		"relay":             {dhcptest.Relay(other), true},
		"cut":               {dhcptest.Cut(250), false},
		"flood":             {dhcptest.Flood(1000), true},
		"lease time of 3":   {dhcptest.BadOption(v4.OptLeaseTime, []byte{0, 0, 1}), false},
		"lease of 0":        {dhcptest.BadOption(v4.OptLeaseTime, []byte{0, 0, 0, 0}), false},
		"lease without end": {dhcptest.BadOption(v4.OptLeaseTime, []byte{255, 255, 255, 255}), true},
		"bad DNS":           {dhcptest.BadOption(v4.OptDNS, []byte{1, 2, 3}), true},
		"bad routes":        {dhcptest.BadOption(v4.OptClasslessRoutes, []byte{33, 1, 2, 3, 4, 5, 6, 7, 8}), true},
		"no server":         {dhcptest.Edit(func(m *v4.Message) { m.Options.Del(v4.OptServerID) }), false},
		"multicast":         {dhcptest.Edit(func(m *v4.Message) { m.YIAddr = netip.MustParseAddr("224.0.0.1") }), false},
		"another's":         {dhcptest.Edit(func(m *v4.Message) { m.CHAddr = net.HardwareAddr{2, 0, 0, 0, 0, 9} }), false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1, 10*time.Minute)
			w.s.Break(c.fault)
			w.step(client.Start{})
			w.run(2 * time.Minute)
			require.Equal(t, c.bound, w.applied != nil, "%v", w.m.State())
			w.run(8 * time.Minute)
			require.Less(t, w.sends, 60, "in ten minutes")
			require.Less(t, w.told, 150)
			if c.bound {
				require.Empty(t, w.removed)
			}
			w.s.Break()
			w.run(5 * time.Minute)
			require.NotNil(t, w.applied, "sane again")
		})
	}
}

// Declined addresses are not given again, and known clients get what they had.
func TestServer(t *testing.T) {
	w := newWorld(t, 1, time.Minute)
	w.step(client.Start{})
	w.run(time.Second)
	first := w.applied.Addr
	w.step(client.Conflict{Addr: first, By: net.HardwareAddr{2, 0, 0, 0, 0, 9}})
	w.run(time.Minute)
	require.NotEqual(t, first, w.applied.Addr)
	second := w.applied.Addr
	w.step(client.Release{})
	w.step(client.Start{})
	w.run(time.Second)
	require.Equal(t, second, w.applied.Addr)
	var types []v4.MessageType
	for _, s := range w.s.Log() {
		types = append(types, s.Type)
	}
	require.Equal(t, []v4.MessageType{v4.Discover, v4.Request, v4.Decline, v4.Discover, v4.Request}, types[:5])
	require.Contains(t, types, v4.Release)
}
