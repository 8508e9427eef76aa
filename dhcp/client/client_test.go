package client_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v4"

	"github.com/stretchr/testify/require"
)

var (
	mac    = net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1}
	server = netip.MustParseAddr("192.0.2.1")
	other  = netip.MustParseAddr("192.0.2.2")
	mine   = netip.MustParseAddr("192.0.2.100")
	epoch  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// A run steps a machine through time, and keeps what it did.
type run struct {
	t    *testing.T
	m    *client.Machine
	now  lease.Instant
	acts []client.Action // of the last step
	sent *v4.Message     // the last
}

func begin(t *testing.T, cfg client.Config) *run {
	cfg.CHAddr = mac
	return &run{t: t, m: client.New(cfg, rand.New(rand.NewPCG(1, 2))), now: lease.Instant{Boot: time.Hour, Wall: epoch}}
}

func (r *run) step(ev client.Event) *run {
	r.acts = r.m.Step(r.now, ev)
	for _, a := range r.acts {
		if s, ok := a.(client.Send); ok {
			r.sent = s.Msg
		}
	}
	return r
}

// after lets time pass and steps once.
func (r *run) after(d time.Duration) *run {
	r.now = lease.Instant{Boot: r.now.Boot + d, Wall: r.now.Wall.Add(d)}
	return r.step(nil)
}

// due goes to the deadline, and returns how long that was.
func (r *run) due() time.Duration {
	at, ok := r.m.Deadline()
	require.True(r.t, ok, "nothing is due in %v", r.m.State())
	d := at - r.now.Boot
	r.after(d)
	return d
}

// reply is a server's message that answers the last one sent.
func (r *run) reply(t v4.MessageType, edit ...func(*v4.Message)) *v4.Message {
	m := &v4.Message{Op: v4.BootReply, HType: v4.Ethernet, XID: r.sent.XID, CHAddr: mac, YIAddr: mine}
	m.Options.SetType(t)
	require.NoError(r.t, m.Options.SetAddr(v4.OptServerID, server))
	if t != v4.Nak {
		m.Options.SetDuration(v4.OptLeaseTime, time.Hour)
		require.NoError(r.t, m.Options.SetSubnetMask(24))
	} else {
		m.YIAddr = netip.Addr{}
	}
	for _, f := range edit {
		f(m)
	}
	return m
}

func (r *run) answer(t v4.MessageType, edit ...func(*v4.Message)) *run {
	return r.step(client.Packet{Msg: r.reply(t, edit...)})
}

func (r *run) state(s client.State) *run {
	r.t.Helper()
	require.Equal(r.t, s.String(), r.m.State().String())
	return r
}

// bound goes through DISCOVER, OFFER, REQUEST and ACK.
func (r *run) bound(edit ...func(*v4.Message)) *run {
	r.t.Helper()
	return r.step(client.Start{}).answer(v4.Offer, edit...).answer(v4.Ack, edit...).state(client.Bound)
}

func act[A client.Action](r *run) (got A, ok bool) {
	for _, a := range r.acts {
		if x, is := a.(A); is {
			return x, true
		}
	}
	return got, false
}

func need[A client.Action](r *run) A {
	r.t.Helper()
	a, ok := act[A](r)
	require.True(r.t, ok, "no %T in %#v", a, r.acts)
	return a
}

func none[A client.Action](r *run) {
	r.t.Helper()
	a, ok := act[A](r)
	require.False(r.t, ok, "%#v", a)
}

func from(a netip.Addr) func(*v4.Message) {
	return func(m *v4.Message) { m.Options.SetAddr(v4.OptServerID, a) }
}

func lasting(d time.Duration) func(*v4.Message) {
	return func(m *v4.Message) { m.Options.SetDuration(v4.OptLeaseTime, d) }
}

// RFC 2131 3.1, 4.4.1 and table 5.
func TestAllocation(t *testing.T) {
	r := begin(t, client.Config{ClientID: v4.HardwareID(v4.Ethernet, mac), Hostname: "here"})
	r.step(client.Start{}).state(client.Selecting)
	s := need[client.Send](r)
	require.False(t, s.To.IsValid() || s.From.IsValid(), "a broadcast from 0.0.0.0")
	d := s.Msg
	require.Equal(t, v4.Discover, d.Type())
	require.Equal(t, v4.BootRequest, d.Op)
	require.Equal(t, mac, d.CHAddr)
	require.Zero(t, d.Secs)
	require.False(t, d.CIAddr.IsValid() || d.Options.Has(v4.OptServerID))
	id, err := d.Options.ClientID()
	require.NoError(t, err)
	require.Equal(t, v4.HardwareID(v4.Ethernet, mac), id)
	list, err := d.Options.ParameterList()
	require.NoError(t, err)
	require.Equal(t, client.DefaultRequest, list)

	r.after(1500 * time.Millisecond)
	r.answer(v4.Offer).state(client.Requesting)
	q := need[client.Send](r).Msg
	require.Equal(t, v4.Request, q.Type())
	require.Equal(t, d.XID, q.XID)
	require.Equal(t, d.Secs, q.Secs, "RFC 2131 3.1 3")
	a, err := q.Options.RequestedIP()
	require.NoError(t, err)
	require.Equal(t, mine, a)
	a, err = q.Options.ServerID()
	require.NoError(t, err)
	require.Equal(t, server, a)
	require.False(t, q.CIAddr.IsValid(), "ciaddr must be zero")

	asked := r.now
	r.after(time.Second).answer(v4.Ack).state(client.Bound)
	l := need[client.Apply](r)
	require.Nil(t, l.Old)
	require.Equal(t, asked, l.New.Start, "the lease counts from the request")
	require.Equal(t, mine, l.New.Addr)
	require.Same(t, l.New, need[client.Save](r).Lease)
	require.Equal(t, 30*time.Minute-time.Second, r.due(), "T1 of an hour, from the request")
	r.state(client.Renewing)
}

// RFC 2131 4.1: 4, 8, 16, 32, 64 s, each give or take a second, with one xid; secs count.
func TestBackoff(t *testing.T) {
	r := begin(t, client.Config{}).step(client.Start{})
	xid := r.sent.XID
	var all time.Duration
	for _, want := range []int{4, 8, 16, 32, 64, 64, 64} {
		d := r.due()
		all += d
		require.InDelta(t, want, d.Seconds(), 1)
		require.NotEqual(t, time.Duration(want)*time.Second, d, "jitter")
		require.Equal(t, v4.Discover, need[client.Send](r).Msg.Type())
		require.Equal(t, xid, r.sent.XID)
		require.Equal(t, uint16(all/time.Second), r.sent.Secs)
	}
}

// RFC 2131 3.1 5: the request is repeated for about a minute, then all begins anew.
func TestRequestUnanswered(t *testing.T) {
	r := begin(t, client.Config{}).step(client.Start{}).answer(v4.Offer)
	xid := r.sent.XID
	var all time.Duration
	for range 3 {
		all += r.due()
		require.Equal(t, v4.Request, need[client.Send](r).Msg.Type())
		require.Equal(t, xid, r.sent.XID)
	}
	all += r.due()
	require.InDelta(t, 60, all.Seconds(), 4)
	r.state(client.Selecting)
	require.Equal(t, v4.Discover, need[client.Send](r).Msg.Type())
	require.NotEqual(t, xid, r.sent.XID)
	r.step(client.Packet{Msg: r.reply(v4.Ack, func(m *v4.Message) { m.XID = xid })})
	none[client.Apply](r)
}

// RFC 2131 4.4.5 and table 5.
func TestRenewAndRebind(t *testing.T) {
	r := begin(t, client.Config{Hostname: "here"}).bound()
	first := r.m.Lease()
	require.Equal(t, 30*time.Minute, r.due())
	r.state(client.Renewing)
	s := need[client.Send](r)
	require.Equal(t, server, s.To)
	require.Equal(t, mine, s.From)
	require.Equal(t, mine, s.Msg.CIAddr)
	require.False(t, s.Msg.Options.Has(v4.OptServerID) || s.Msg.Options.Has(v4.OptRequestedIP))
	xids := map[uint32]bool{s.Msg.XID: true}

	// Half of what is left until T2 (52.5 min), at least a minute.
	var waits []time.Duration
	for r.m.State() == client.Renewing {
		waits = append(waits, r.due())
		require.False(t, xids[r.sent.XID], "an xid again")
		xids[r.sent.XID] = true
	}
	require.Equal(t, 11*time.Minute+15*time.Second, waits[0])
	require.Equal(t, 5*time.Minute+37500*time.Millisecond, waits[1])
	for _, w := range waits[:len(waits)-1] {
		require.GreaterOrEqual(t, w, time.Minute)
	}
	r.state(client.Rebinding)
	require.Equal(t, first.Start.Boot+52*time.Minute+30*time.Second, r.now.Boot)
	require.False(t, need[client.Send](r).To.IsValid(), "a broadcast")
	require.Equal(t, mine, r.sent.CIAddr)
	none[client.Remove](r)

	// Another server takes over, with a shorter lease.
	r.answer(v4.Ack, from(other), lasting(10*time.Minute)).state(client.Bound)
	a := need[client.Apply](r)
	require.Same(t, first, a.Old)
	require.Equal(t, other, a.New.Server)
	require.Equal(t, 10*time.Minute, a.New.Valid)
	require.Equal(t, r.now, a.New.Start)
	none[client.Remove](r)

	// That one dies, too.
	for r.m.Lease() != nil {
		r.due()
	}
	require.Equal(t, a.New.Expires(), r.now.Boot)
	require.Same(t, a.New, need[client.Remove](r).Lease)
	r.state(client.Selecting)
	wish, err := r.sent.Options.RequestedIP()
	require.NoError(t, err)
	require.Equal(t, mine, wish)
	require.False(t, r.sent.CIAddr.IsValid(), "no stale ciaddr")
}

// A server that renews with another address: the old one goes when the new one is there.
func TestRenewalOfAnotherAddress(t *testing.T) {
	r := begin(t, client.Config{}).bound()
	first := r.m.Lease()
	r.due()
	moved := netip.MustParseAddr("192.0.2.101")
	r.state(client.Renewing).answer(v4.Ack, func(m *v4.Message) { m.YIAddr = moved }).state(client.Bound)
	a := need[client.Apply](r)
	require.Same(t, first, a.Old)
	require.Equal(t, moved, a.New.Addr)
	none[client.Remove](r)
	r.due()
	require.Equal(t, moved, r.sent.CIAddr)
}

func TestShortLeaseIsRenewedOften(t *testing.T) {
	r := begin(t, client.Config{}).bound(lasting(30 * time.Second))
	require.Equal(t, 15*time.Second, r.due())
	n := 1
	for ; r.m.Lease() != nil; n++ {
		require.GreaterOrEqual(t, r.due(), time.Duration(0))
	}
	require.InDelta(t, 5, n, 1)
}

// RFC 2131 3.2, 4.3.2 and 4.4.2.
func TestInitReboot(t *testing.T) {
	old := begin(t, client.Config{}).bound().m.Lease()
	r := begin(t, client.Config{})
	r.after(time.Minute).step(client.Start{Lease: old}).state(client.Rebooting)
	require.Equal(t, v4.Request, r.sent.Type())
	require.False(t, r.sent.Options.Has(v4.OptServerID) || r.sent.CIAddr.IsValid())
	wish, err := r.sent.Options.RequestedIP()
	require.NoError(t, err)
	require.Equal(t, mine, wish)
	none[client.Apply](r)
	r.answer(v4.Ack, from(other)).state(client.Bound)
	require.Nil(t, need[client.Apply](r).Old)
	require.Equal(t, r.now, r.m.Lease().Start)
}

func TestInitRebootUnanswered(t *testing.T) {
	old := begin(t, client.Config{}).bound().m.Lease()
	r := begin(t, client.Config{}).step(client.Start{Lease: old})
	all := r.due()
	require.Equal(t, v4.Request, need[client.Send](r).Msg.Type())
	all += r.due()
	require.InDelta(t, 5, all.Seconds(), 1)
	r.state(client.Selecting)
	require.Equal(t, v4.Discover, r.sent.Type())
	wish, err := r.sent.Options.RequestedIP()
	require.NoError(t, err)
	require.Equal(t, mine, wish)

	// What is still on the link stays while the lease lasts.
	r = begin(t, client.Config{}).step(client.Start{Lease: old, Held: true})
	r.due()
	r.due()
	r.state(client.Bound)
	none[client.Remove](r)
	require.Equal(t, client.Apply{Old: old, New: old}, need[client.Apply](r), "routes go with a link that is set down")
	require.Same(t, old, r.m.Lease())
	r.due()
	r.state(client.Renewing)
	require.Equal(t, old.At(old.T1), r.now.Boot)
}

func TestStartWithAnEndedLease(t *testing.T) {
	old := begin(t, client.Config{}).bound().m.Lease()
	r := begin(t, client.Config{}).after(2 * time.Hour).step(client.Start{Lease: old, Held: true}).state(client.Selecting)
	require.Same(t, old, need[client.Remove](r).Lease)
	wish, err := r.sent.Options.RequestedIP()
	require.NoError(t, err)
	require.Equal(t, mine, wish)
}

// A NAK takes the address away, and the next is waited for twice as long.
func TestNAK(t *testing.T) {
	r := begin(t, client.Config{}).bound()
	l := r.m.Lease()
	r.due()
	r.state(client.Renewing).answer(v4.Nak, from(other)).state(client.Renewing) // a stranger's
	require.Equal(t, uint64(1), r.m.Stats().Ignored[client.OtherServer])
	require.Contains(t, need[client.Answer](r).Why, "192.0.2.2")
	none[client.Remove](r)
	r.answer(v4.Nak, func(m *v4.Message) { m.Options.Del(v4.OptServerID) }).state(client.Renewing)
	r.answer(v4.Nak).state(client.Init)
	require.Same(t, l, need[client.Remove](r).Lease)
	need[client.Forget](r)
	for _, want := range []int{1, 2, 4, 8, 16, 32, 64, 64} {
		require.Equal(t, time.Duration(want)*time.Second, r.due())
		r.state(client.Selecting)
		require.False(t, r.sent.Options.Has(v4.OptRequestedIP))
		r.answer(v4.Offer).answer(v4.Nak).state(client.Init)
	}
	r.due()
	r.answer(v4.Offer).answer(v4.Ack).state(client.Bound)
	r.due()
	r.answer(v4.Nak)
	require.Equal(t, time.Second, r.due(), "a lease ends the row")
}

func TestMatching(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*v4.Message)
		reason client.Reason
	}{
		"xid":               {func(m *v4.Message) { m.XID++ }, client.OtherXID},
		"hardware address":  {func(m *v4.Message) { m.CHAddr = net.HardwareAddr{2, 0, 0, 0, 0, 9} }, client.OtherClient},
		"hardware type":     {func(m *v4.Message) { m.HType = 6 }, client.OtherClient},
		"client identifier": {func(m *v4.Message) { m.Options.SetClientID([]byte{0, 1, 2}) }, client.OtherClient},
		"request":           {func(m *v4.Message) { m.Op = v4.BootRequest }, client.NoReply},
		"no type":           {func(m *v4.Message) { m.Options.Del(v4.OptMessageType) }, client.NoReply},
		"no server":         {func(m *v4.Message) { m.Options.Del(v4.OptServerID) }, client.OtherServer},
		"other server":      {from(other), client.OtherServer},
		"other address":     {func(m *v4.Message) { m.YIAddr = netip.MustParseAddr("192.0.2.101") }, client.Unusable},
		"multicast":         {func(m *v4.Message) { m.YIAddr = netip.MustParseAddr("224.0.0.1") }, client.Unusable},
		"no lease time":     {func(m *v4.Message) { m.Options.Del(v4.OptLeaseTime) }, client.Unusable},
		"lease of zero":     {lasting(0), client.Unusable},
		"type":              {func(m *v4.Message) { m.Options.SetType(v4.Offer) }, client.Undue},
	} {
		t.Run(name, func(t *testing.T) {
			r := begin(t, client.Config{}).step(client.Start{}).answer(v4.Offer).answer(v4.Ack, c.edit).state(client.Requesting)
			none[client.Apply](r)
			none[client.Send](r)
			require.Equal(t, uint64(1), r.m.Stats().Ignored[c.reason], "%+v", r.m.Stats())
			r.answer(v4.Ack).state(client.Bound)
		})
	}
}

func TestServersAllowed(t *testing.T) {
	r := begin(t, client.Config{Servers: []netip.Addr{other}}).step(client.Start{}).answer(v4.Offer).state(client.Selecting)
	require.Equal(t, uint64(1), r.m.Stats().Ignored[client.NotAllowed])
	r.answer(v4.Offer, from(other)).state(client.Requesting)
}

// RFC 2131 3.1 5 and 4.4.1: DECLINE, and ten seconds.
func TestConflict(t *testing.T) {
	thief := net.HardwareAddr{2, 0, 0, 0, 0, 7}
	declined := func(r *run) {
		t.Helper()
		r.state(client.Init)
		d := need[client.Send](r)
		require.Equal(t, v4.Decline, d.Msg.Type())
		require.False(t, d.To.IsValid() || d.From.IsValid() || d.Msg.CIAddr.IsValid())
		a, err := d.Msg.Options.RequestedIP()
		require.NoError(t, err)
		require.Equal(t, mine, a)
		a, err = d.Msg.Options.ServerID()
		require.NoError(t, err)
		require.Equal(t, server, a)
		require.False(t, d.Msg.Options.Has(v4.OptParameterList), "table 5")
		require.Equal(t, 10*time.Second, r.due())
		r.state(client.Selecting)
		require.False(t, r.sent.Options.Has(v4.OptRequestedIP))
	}
	r := begin(t, client.Config{Check: true}).step(client.Start{}).answer(v4.Offer).answer(v4.Ack).state(client.Checking)
	require.Equal(t, mine, need[client.Probe](r).Addr)
	none[client.Apply](r)
	r.step(client.Checked{Addr: mine, By: thief})
	none[client.Remove](r)
	declined(r)
	r.answer(v4.Offer).answer(v4.Ack).step(client.Checked{Addr: other, By: thief}).state(client.Checking)
	r.step(client.Checked{Addr: mine}).state(client.Bound)
	need[client.Apply](r)
	r.step(client.Conflict{Addr: mine, By: thief})
	need[client.Remove](r)
	declined(r)
}

func TestCheckThatOutlastsTheLease(t *testing.T) {
	r := begin(t, client.Config{Check: true}).step(client.Start{}).answer(v4.Offer, lasting(3*time.Second)).answer(v4.Ack, lasting(3*time.Second))
	require.Equal(t, 3*time.Second, r.due())
	r.state(client.Selecting).step(client.Checked{Addr: mine}).state(client.Selecting)
	none[client.Apply](r)
}

// RFC 2131 4.4.6.
func TestRelease(t *testing.T) {
	r := begin(t, client.Config{ClientID: []byte{0, 1, 2}}).bound().step(client.Release{}).state(client.Stopped)
	s := need[client.Send](r)
	require.Equal(t, v4.Release, s.Msg.Type())
	require.Equal(t, server, s.To)
	require.Equal(t, mine, s.From)
	require.Equal(t, mine, s.Msg.CIAddr)
	require.True(t, s.Msg.Options.Has(v4.OptClientID))
	require.IsType(t, client.Send{}, r.acts[0], "while the address is still there")
	need[client.Remove](r)
	need[client.Forget](r)
	_, due := r.m.Deadline()
	require.False(t, due)
	r.answer(v4.Ack)
	none[client.Send](r)
	none[client.Apply](r)
	require.NotEmpty(t, need[client.Refused](r.step(client.Release{})).Why)
	require.NotEmpty(t, need[client.Refused](r.step(client.Renew{})).Why)
	r.bound()
}

func TestStop(t *testing.T) {
	r := begin(t, client.Config{}).bound().step(client.Stop{Keep: true}).state(client.Stopped)
	none[client.Remove](r)
	none[client.Send](r)
	none[client.Forget](r)
	require.Nil(t, r.m.Lease())
	r = begin(t, client.Config{}).bound().step(client.Stop{}).state(client.Stopped)
	need[client.Remove](r)
	none[client.Send](r)
	none[client.Forget](r)
}

// RFC 2131 3.4 and 4.4.3.
func TestInform(t *testing.T) {
	r := begin(t, client.Config{}).step(client.Inform{Addr: mine}).state(client.Stopped)
	s := need[client.Send](r)
	require.Equal(t, v4.Inform, s.Msg.Type())
	require.Equal(t, mine, s.Msg.CIAddr)
	require.False(t, s.Msg.Options.Has(v4.OptRequestedIP) || s.Msg.Options.Has(v4.OptServerID))
	r.answer(v4.Ack, func(m *v4.Message) { m.YIAddr = netip.Addr{}; m.Options.Del(v4.OptLeaseTime) })
	require.NotNil(t, need[client.Informed](r).Msg)
	none[client.Apply](r)

	r.bound().step(client.Inform{})
	require.Equal(t, mine, r.sent.CIAddr)
	for range 3 {
		r.due()
	}
	require.Nil(t, need[client.Informed](r).Msg)
	r.state(client.Bound)
	r.due()
	r.state(client.Renewing)
	require.Equal(t, r.m.Lease().At(r.m.Lease().T1), r.now.Boot)
	require.NotEmpty(t, need[client.Refused](r.step(client.Inform{})).Why)
	require.NotEmpty(t, need[client.Refused](begin(t, client.Config{}).step(client.Inform{})).Why)
}

func TestDiscoverTakesNothing(t *testing.T) {
	r := begin(t, client.Config{}).bound().step(client.Discover{}).state(client.Bound)
	require.Equal(t, v4.Discover, r.sent.Type())
	for _, s := range []netip.Addr{server, other} {
		r.answer(v4.Offer, from(s)).state(client.Bound)
		require.Empty(t, need[client.Answer](r).Why)
		none[client.Send](r)
	}
	r.answer(v4.Ack).answer(v4.Nak).state(client.Bound)
	none[client.Remove](r)
}

// RFC 4039.
func TestRapidCommit(t *testing.T) {
	commit := func(m *v4.Message) { m.Options.SetRapidCommit() }
	r := begin(t, client.Config{RapidCommit: true}).step(client.Start{})
	require.True(t, r.sent.Options.RapidCommit())
	r.answer(v4.Ack).state(client.Selecting)
	r.answer(v4.Ack, commit).state(client.Bound)
	r = begin(t, client.Config{RapidCommit: true}).step(client.Start{}).answer(v4.Offer, commit).state(client.Requesting)
	require.False(t, r.sent.Options.RapidCommit())
	r = begin(t, client.Config{}).step(client.Start{})
	require.False(t, r.sent.Options.RapidCommit())
	r.answer(v4.Ack, commit).state(client.Selecting)
}

// RFC 8925 3.2.
func TestIPv6Only(t *testing.T) {
	only := func(m *v4.Message) { m.Options.SetDuration(v4.OptIPv6Only, 10*time.Second) }
	r := begin(t, client.Config{IPv6Only: true}).step(client.Start{})
	list, err := r.sent.Options.ParameterList()
	require.NoError(t, err)
	require.Contains(t, list, v4.OptIPv6Only)
	r.answer(v4.Offer, only).state(client.Init)
	none[client.Send](r)
	require.Equal(t, 300*time.Second, r.due(), "at least")
	r.state(client.Selecting)
	begin(t, client.Config{}).step(client.Start{}).answer(v4.Offer, only).state(client.Requesting)

	l := begin(t, client.Config{}).bound().m.Lease()
	r = begin(t, client.Config{IPv6Only: true}).step(client.Start{Lease: l, Held: true}).answer(v4.Ack, only).state(client.Init)
	need[client.Remove](r)
}

// RFC 3203, RFC 6704.
func TestForceRenew(t *testing.T) {
	key := [16]byte{1, 2, 3}
	forced := func(r *run, replay uint64, key []byte) client.Packet {
		m := r.reply(v4.ForceRenew, func(m *v4.Message) { m.XID = 77 })
		m.Options.SetAuth(v4.DigestAuth(replay))
		raw, err := m.Append(nil)
		require.NoError(t, err)
		require.NoError(t, v4.SignForceRenew(raw, key))
		m, err = v4.Decode(raw)
		require.NoError(t, err)
		return client.Packet{Msg: m, Raw: raw}
	}
	nonce := func(m *v4.Message) { m.Options.SetAuth(v4.NonceAuth(5, key)) }

	r := begin(t, client.Config{ForceRenew: true}).bound(nonce)
	require.True(t, r.sent.Options.Has(v4.OptForceRenewNonce))
	r.step(forced(r, 6, []byte("another key here"))).state(client.Bound)
	require.Equal(t, uint64(1), r.m.Stats().Ignored[client.Unauthentic])
	r.step(forced(r, 5, key[:])).state(client.Bound)
	r.step(client.Packet{Msg: r.reply(v4.ForceRenew)}).state(client.Bound)
	p := forced(r, 6, key[:])
	r.step(p).state(client.Renewing)
	r.answer(v4.Ack).state(client.Bound).step(p).state(client.Bound) // a replay

	r = begin(t, client.Config{}).bound(nonce)
	r.step(forced(r, 6, key[:])).state(client.Bound)
	r = begin(t, client.Config{ForceRenew: true}).bound()
	r.step(forced(r, 6, key[:])).state(client.Bound)
}

func TestLink(t *testing.T) {
	r := begin(t, client.Config{}).step(client.LinkDown{}).step(client.Start{}).state(client.Init)
	none[client.Send](r)
	r.step(client.LinkUp{}).state(client.Selecting).answer(v4.Offer).step(client.LinkDown{}).state(client.Init)
	r.step(client.LinkUp{}).answer(v4.Offer).answer(v4.Ack).state(client.Bound)
	l := r.m.Lease()
	r.step(client.LinkDown{}).state(client.InitReboot)
	none[client.Remove](r)
	r.after(20 * time.Minute).step(client.LinkUp{}).state(client.Rebooting)
	none[client.Remove](r)
	r.answer(v4.Ack).state(client.Bound)
	require.Same(t, l, need[client.Apply](r).Old)
	l = r.m.Lease()
	r.step(client.LinkDown{})
	require.Equal(t, time.Hour, r.due())
	require.Same(t, l, need[client.Remove](r).Lease)
	none[client.Send](r)
	r.state(client.Init).step(client.LinkUp{}).state(client.Selecting)
	r.answer(v4.Offer).answer(v4.Ack).step(client.LinkDown{}).step(client.LinkUp{}).answer(v4.Nak).state(client.Init)
	need[client.Remove](r) // another network
}

// A machine that slept wakes up to what is true then.
func TestSuspend(t *testing.T) {
	r := begin(t, client.Config{}).bound()
	r.after(40 * time.Minute).state(client.Renewing)
	r = begin(t, client.Config{}).bound()
	r.after(55 * time.Minute).state(client.Rebinding)
	r = begin(t, client.Config{}).bound()
	ack := r.reply(v4.Ack)
	r.now.Boot += 2 * time.Hour
	r.step(client.Packet{Msg: ack}).state(client.Selecting)
	need[client.Remove](r)
	none[client.Apply](r)
}

func TestClockStep(t *testing.T) {
	r := begin(t, client.Config{}).bound()
	at, _ := r.m.Deadline()
	r.now.Wall = r.now.Wall.Add(-30 * 365 * 24 * time.Hour)
	r.step(nil).state(client.Bound)
	none[client.Remove](r)
	again, _ := r.m.Deadline()
	require.Equal(t, at, again)
}

func TestForever(t *testing.T) {
	r := begin(t, client.Config{}).bound(lasting(v4.Forever))
	_, due := r.m.Deadline()
	require.False(t, due)
	r.step(client.Renew{}).state(client.Renewing)
	r.due()
	r.state(client.Bound)
	_, due = r.m.Deadline()
	require.False(t, due)
	r.step(client.Rebind{}).state(client.Rebinding).answer(v4.Ack, lasting(time.Hour)).state(client.Bound)
	_, due = r.m.Deadline()
	require.True(t, due)
}

func TestLongerAndShorter(t *testing.T) {
	r := begin(t, client.Config{}).bound()
	r.step(client.Renew{}).answer(v4.Ack, lasting(24*time.Hour)).state(client.Bound)
	require.Equal(t, 12*time.Hour, r.due())
	r.answer(v4.Ack, lasting(time.Minute)).state(client.Bound)
	require.Equal(t, 30*time.Second, r.due())
}

// Who asked for an address waits a little for it if another is offered first; all others, and
// everybody whose server says that it is gone, do not.
func TestPatience(t *testing.T) {
	giving := func(a netip.Addr) func(*v4.Message) { return func(m *v4.Message) { m.YIAddr = a } }
	better := netip.MustParseAddr("192.0.2.200")
	wishing := func(cfg client.Config) *run {
		return begin(t, cfg).step(client.Start{Wish: better})
	}
	begin(t, client.Config{}).step(client.Start{}).answer(v4.Offer).state(client.Requesting)
	wishing(client.Config{}).answer(v4.Offer, giving(better)).state(client.Requesting)
	wishing(client.Config{Patience: -1}).answer(v4.Offer).state(client.Requesting)

	r := wishing(client.Config{}).answer(v4.Offer).state(client.Selecting)
	none[client.Answer](r)
	r.answer(v4.Offer, from(other)).state(client.Selecting)
	require.Equal(t, "an offer of another address than 192.0.2.200 waits already", need[client.Answer](r).Why)
	r.answer(v4.Offer, from(other), giving(better)).state(client.Requesting)
	require.Equal(t, "another offer is better", need[client.Answer](r).Why)
	asked, err := r.sent.Options.RequestedIP()
	require.NoError(t, err)
	require.Equal(t, better, asked)
	r.answer(v4.Ack, from(other), giving(better)).state(client.Bound)

	r = wishing(client.Config{}).answer(v4.Offer)
	require.Equal(t, client.DefaultPatience, r.due())
	r.state(client.Requesting)
	require.Empty(t, need[client.Answer](r).Why)
	r.answer(v4.Ack).state(client.Bound)
	r.due() // T1, and nobody answers until the end
	for r.m.Lease() != nil {
		r.due()
	}
	r.state(client.Selecting).answer(v4.Offer, giving(better)).state(client.Requesting) // its own server

	r = wishing(client.Config{}).answer(v4.Offer)
	r.step(client.LinkDown{}).state(client.Init).step(client.LinkUp{}).state(client.Selecting)
	require.Greater(t, r.due(), 2*time.Second, "the offer is forgotten")
}
