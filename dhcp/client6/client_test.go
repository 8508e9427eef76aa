package client6_test

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v6"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	ours   = v6.NewDUIDLL(1, net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 1})
	server = v6.NewDUIDLL(1, net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 2})
	other  = v6.NewDUIDLL(1, net.HardwareAddr{2, 0, 0x5e, 0, 0x53, 3})
	mine   = netip.MustParseAddr("2001:db8::7")
	ours48 = netip.MustParsePrefix("2001:db8:a0::/48")
	epoch  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	both   = client6.Config{DUID: ours, IAID: 7, Address: true, Prefix: true, Prompt: true}
)

// A run steps a machine through time, and keeps what it did.
type run struct {
	t    *testing.T
	m    *client6.Machine
	now  lease.Instant
	acts []client6.Action // of the last step
	sent *v6.Message      // the last
}

func begin(t *testing.T, cfg client6.Config) *run {
	return &run{t: t, m: client6.New(cfg, rand.New(rand.NewPCG(1, 2))), now: lease.Instant{Boot: time.Hour, Wall: epoch}}
}

func (r *run) step(ev client6.Event) *run {
	r.acts = r.m.Step(r.now, ev)
	for _, a := range r.acts {
		if s, ok := a.(client6.Send); ok {
			r.sent = s.Msg
			_, err := s.Msg.Append(nil)
			require.NoError(r.t, err)
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

// around demands that the deadline is d away, a tenth more or less.
func (r *run) around(d time.Duration) *run {
	r.t.Helper()
	got := r.due()
	require.InDelta(r.t, d.Seconds(), got.Seconds(), d.Seconds()/10+1e-6)
	return r
}

type edit func(o *v6.Options)

func from(d v6.DUID) edit { return func(o *v6.Options) { o.SetServerID(d) } }

func preference(n uint8) edit { return func(o *v6.Options) { o.SetUint8(v6.OptPreference, n) } }

func status(c v6.StatusCode) edit {
	return func(o *v6.Options) { o.SetStatus(v6.Status{Code: c, Text: "because"}) }
}

// gives adds associations with lifetimes.
func gives(t1, t2, preferred, valid time.Duration) edit {
	return func(o *v6.Options) {
		na, pd := v6.IA{IAID: 7, T1: t1, T2: t2}, v6.IA{IAID: 7, T1: t1, T2: t2}
		must(na.Options.AddIAAddr(v6.IAAddr{Addr: mine, Preferred: preferred, Valid: valid}))
		must(pd.Options.AddIAPrefix(v6.IAPrefix{Prefix: ours48, Preferred: preferred, Valid: valid}))
		must(o.AddIANA(na))
		must(o.AddIAPD(pd))
	}
}

// says adds associations that have a status only.
func says(c v6.StatusCode) edit {
	return func(o *v6.Options) {
		ia := v6.IA{IAID: 7}
		ia.Options.SetStatus(v6.Status{Code: c})
		must(o.AddIANA(ia))
		must(o.AddIAPD(ia))
	}
}

var hour = gives(30*time.Minute, 48*time.Minute, time.Hour, 2*time.Hour)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// answer is a server's message that answers the last one sent.
func (r *run) answer(t v6.MessageType, edits ...edit) *run {
	m := &v6.Message{Type: t, XID: r.sent.XID}
	m.Options.SetClientID(ours)
	m.Options.SetServerID(server)
	for _, f := range edits {
		f(&m.Options)
	}
	raw, err := m.Append(nil)
	require.NoError(r.t, err)
	return r.step(client6.Packet{Msg: m, Raw: raw})
}

func (r *run) state(s client6.State) *run {
	r.t.Helper()
	require.Equal(r.t, s.String(), r.m.State().String())
	return r
}

func (r *run) sends(t v6.MessageType) *run {
	r.t.Helper()
	require.Equal(r.t, t.String(), need[client6.Send](r).Msg.Type.String())
	return r
}

// bound goes through Solicit, Advertise, Request and Reply.
func (r *run) bound() *run {
	r.t.Helper()
	return r.step(client6.Start{}).sends(v6.Solicit).answer(v6.Advertise, hour, preference(255)).sends(v6.Request).
		answer(v6.Reply, hour).state(client6.Bound)
}

func act[A client6.Action](r *run) (got A, ok bool) {
	for _, a := range r.acts {
		if x, is := a.(A); is {
			return x, true
		}
	}
	return got, false
}

func need[A client6.Action](r *run) A {
	r.t.Helper()
	a, ok := act[A](r)
	require.True(r.t, ok, "no %T in %#v", a, r.acts)
	return a
}

func none[A client6.Action](r *run) {
	r.t.Helper()
	a, ok := act[A](r)
	require.False(r.t, ok, "%#v", a)
}

func (r *run) ignored(why client6.Reason) *run {
	r.t.Helper()
	require.NotZero(r.t, r.m.Stats().Ignored[why])
	if a, ok := act[client6.Answer](r); ok {
		require.NotEmpty(r.t, a.Why)
		return r
	}
	require.Equal(r.t, why, need[client6.Ignored](r).Reason)
	return r
}

func TestFourMessages(t *testing.T) {
	r := begin(t, both).step(client6.Start{}).state(client6.Soliciting).sends(v6.Solicit)
	assert.Contains(t, r.sent.String(), "elapsed_time=0 ia_na[iaid=7 t1=0 t2=0] ia_pd[iaid=7 t1=0 t2=0] option_request=dns_servers,")
	r.answer(v6.Advertise, hour).state(client6.Soliciting)
	none[client6.Send](r)
	assert.Empty(t, need[client6.Answer](r).Why)
	d := r.due()
	assert.GreaterOrEqual(t, d, time.Second, "servers are given their time")
	assert.LessOrEqual(t, d, 1100*time.Millisecond)
	r.state(client6.Requesting).sends(v6.Request)
	id, err := r.sent.Options.ServerID()
	require.NoError(t, err)
	assert.Equal(t, server, id)
	assert.Contains(t, r.sent.String(), "ia_addr[2001:db8::7 preferred=0 valid=0]")
	r.after(100*time.Millisecond).answer(v6.Reply, hour).state(client6.Bound)
	a := need[client6.Apply](r)
	assert.Nil(t, a.Old)
	assert.Equal(t, mine, a.New.Addrs[0].Addr)
	assert.Equal(t, ours48, a.New.Prefixes[0].Prefix)
	assert.Equal(t, r.now.Boot-100*time.Millisecond+2*time.Hour, a.New.Expires())
	need[client6.Save](r)
	assert.Equal(t, a.New, r.m.Lease())
	assert.Equal(t, 30*time.Minute-100*time.Millisecond, r.due())
	r.state(client6.Renewing).sends(v6.Renew)
}

func TestBestServer(t *testing.T) {
	onlyAddr := func(o *v6.Options) { hour(o); o.Del(v6.OptIAPD) }
	r := begin(t, both).step(client6.Start{})
	r.answer(v6.Advertise, onlyAddr).answer(v6.Advertise, from(other), hour)
	r.due()
	id, _ := r.sent.Options.ServerID()
	assert.Equal(t, other, id, "it gives more")

	r = begin(t, both).step(client6.Start{})
	r.answer(v6.Advertise, hour).answer(v6.Advertise, from(other), onlyAddr, preference(1))
	r.due()
	id, _ = r.sent.Options.ServerID()
	assert.Equal(t, other, id, "its preference is higher")

	r = begin(t, both).step(client6.Start{})
	r.due() // nobody in time
	r.sends(v6.Solicit).answer(v6.Advertise, onlyAddr).sends(v6.Request)

	r = begin(t, client6.Config{DUID: ours, IAID: 7, Address: true, Prompt: true, Servers: []v6.DUID{other}}).step(client6.Start{})
	r.answer(v6.Advertise, hour, preference(255)).ignored(client6.NotAllowed).answer(v6.Advertise, hour, from(other), preference(255)).sends(v6.Request)
}

// The times of RFC 8415 15 and 7.6.
func TestRetransmission(t *testing.T) {
	r := begin(t, both).step(client6.Start{})
	xid := r.sent.XID
	last := r.due()
	for last < 50*time.Minute {
		r.sends(v6.Solicit)
		require.Equal(t, xid, r.sent.XID)
		d := r.due()
		require.InDelta(t, min(2*last, time.Hour).Seconds(), d.Seconds(), min(last, time.Hour).Seconds()/10+1)
		last = d
	}
	for range 5 {
		r.around(time.Hour)
	}
	e, err := r.sent.Options.Elapsed()
	require.NoError(t, err)
	assert.Equal(t, 655350*time.Millisecond, e, "no more can be said")

	// A server that gives nothing may slow or hasten it.
	r.answer(v6.Advertise, status(v6.NoAddrsAvail), func(o *v6.Options) { o.SetDuration(v6.OptSolMaxRT, time.Minute) }).ignored(client6.Unusable)
	r.due()
	r.around(time.Minute).answer(v6.Advertise, hour).sends(v6.Request)
	total := time.Duration(0)
	for n := 1; n < 10; n++ {
		total += r.due()
		r.state(client6.Requesting).sends(v6.Request)
	}
	total += r.due()
	r.state(client6.Init)
	assert.InDelta(t, (1 + 2 + 4 + 8 + 16 + 5*30), total.Seconds(), 20)
	r.around(time.Second).state(client6.Soliciting)
}

func TestDelay(t *testing.T) {
	cfg := both
	cfg.Prompt = false
	r := begin(t, cfg).step(client6.Start{}).state(client6.Init)
	none[client6.Send](r)
	assert.LessOrEqual(t, r.due(), time.Second)
	r.sends(v6.Solicit)
}

func TestRapidCommit(t *testing.T) {
	cfg := both
	rapid := func(o *v6.Options) { o.SetRapidCommit() }
	begin(t, cfg).step(client6.Start{}).answer(v6.Reply, hour, rapid).ignored(client6.Undue)
	cfg.RapidCommit = true
	r := begin(t, cfg).step(client6.Start{})
	assert.True(t, r.sent.Options.RapidCommit())
	r.answer(v6.Reply, hour).ignored(client6.Undue)
	r.answer(v6.Reply, hour, rapid).state(client6.Bound)
}

func TestRenewRebindExpire(t *testing.T) {
	r := begin(t, both).bound()
	l := r.m.Lease()
	r.due()
	r.state(client6.Renewing).sends(v6.Renew).around(10 * time.Second).sends(v6.Renew).around(20 * time.Second).sends(v6.Renew)
	for r.m.State() == client6.Renewing {
		r.due()
	}
	r.state(client6.Rebinding).sends(v6.Rebind)
	assert.Equal(t, l.Start.Boot+48*time.Minute, r.now.Boot, "T2 is kept")
	assert.False(t, r.sent.Options.Has(v6.OptServerID))
	r.answer(v6.Reply, from(other), hour).state(client6.Bound)
	a := need[client6.Apply](r)
	assert.Equal(t, l, a.Old)
	assert.Equal(t, other, a.New.Server)

	for r.m.Lease() != nil {
		r.due()
	}
	assert.Equal(t, a.New.Expires(), r.now.Boot)
	assert.Equal(t, a.New, need[client6.Remove](r).Lease)
	r.state(client6.Soliciting).sends(v6.Solicit)
	assert.Contains(t, r.sent.String(), "ia_addr[2001:db8::7", "what it had is its wish")
}

// An answer that does not mention something leaves it as it was; one of zero
// takes it away. RFC 8415 18.2.10.1.
func TestRenewInParts(t *testing.T) {
	r := begin(t, both).bound()
	end := r.m.Lease().Expires()
	r.due()
	r.answer(v6.Reply, func(o *v6.Options) {
		na := v6.IA{IAID: 7}
		must(na.Options.AddIAAddr(v6.IAAddr{Addr: mine.Next(), Preferred: time.Hour, Valid: 3 * time.Hour}))
		must(o.AddIANA(na))
	}).state(client6.Bound)
	l := r.m.Lease()
	require.Len(t, l.Addrs, 2)
	require.Len(t, l.Prefixes, 1)
	assert.Equal(t, mine.Next(), l.Addrs[0].Addr)
	assert.Equal(t, end, l.Start.Boot+l.Addrs[1].Valid)
	assert.Equal(t, end, l.Start.Boot+l.Prefixes[0].Valid)

	r.step(client6.Renew{}).sends(v6.Renew).answer(v6.Reply, func(o *v6.Options) {
		na := v6.IA{IAID: 7}
		must(na.Options.AddIAAddr(v6.IAAddr{Addr: mine}))
		must(o.AddIANA(na))
	}).state(client6.Bound)
	l = r.m.Lease()
	require.Len(t, l.Addrs, 1)
	assert.Equal(t, mine.Next(), l.Addrs[0].Addr)

	for r.m.Lease() == l { // the prefix ends first
		r.due()
	}
	assert.Empty(t, r.m.Lease().Prefixes)
	assert.Equal(t, l, need[client6.Apply](r).Old)

	r.step(client6.Rebind{}).sends(v6.Rebind).answer(v6.Reply, gives(0, 0, 0, 0), func(o *v6.Options) {
		na := v6.IA{IAID: 7}
		must(na.Options.AddIAAddr(v6.IAAddr{Addr: mine.Next()}))
		o.Del(v6.OptIANA)
		must(o.AddIANA(na))
	})
	require.Nil(t, r.m.Lease(), "all is taken back")
	need[client6.Remove](r)
	need[client6.Forget](r)
	r.state(client6.Init).around(time.Second)
}

func TestNoBinding(t *testing.T) {
	r := begin(t, both).bound()
	l := r.m.Lease()
	r.due()
	r.answer(v6.Reply, says(v6.NoBinding)).state(client6.Requesting).sends(v6.Request)
	assert.Equal(t, l, r.m.Lease(), "what is valid is kept meanwhile")
	assert.Contains(t, r.sent.String(), "ia_addr[2001:db8::7")
	r.answer(v6.Reply, hour).state(client6.Bound)

	r.due()
	r.answer(v6.Reply, says(v6.NoBinding)).answer(v6.Reply, says(v6.NoAddrsAvail)).state(client6.Init)
	need[client6.Remove](r)
}

func TestRefusals(t *testing.T) {
	r := begin(t, both).step(client6.Start{})
	r.answer(v6.Advertise, says(v6.NoAddrsAvail)).ignored(client6.Unusable)
	r.answer(v6.Advertise, hour, preference(255)).answer(v6.Reply, status(v6.UnspecFail), hour).ignored(client6.Unusable).state(client6.Requesting)
	for n, wait := range []int{1, 2, 4, 8, 16, 32, 64, 64} { // each time it waits longer
		r.answer(v6.Reply, status(v6.NotOnLink)).state(client6.Init)
		require.Equal(t, time.Duration(wait)*time.Second, r.due(), "refusal %d", n)
		r.sends(v6.Solicit).answer(v6.Advertise, hour, preference(255)).sends(v6.Request)
	}
	r.answer(v6.Reply, hour).state(client6.Bound)

	r.due()
	r.answer(v6.Reply, status(v6.UnspecFail)).state(client6.Renewing)
	r.answer(v6.Reply).state(client6.Renewing) // nothing in it
	r.answer(v6.Reply, status(v6.NotOnLink)).state(client6.Init)
	need[client6.Remove](r)
}

func TestStrangers(t *testing.T) {
	r := begin(t, both).step(client6.Start{})
	r.answer(v6.Advertise, hour, func(o *v6.Options) { o.SetClientID(other) }).ignored(client6.OtherClient)
	r.answer(v6.Advertise, hour, func(o *v6.Options) { o.Del(v6.OptServerID) }).ignored(client6.OtherServer)
	r.answer(v6.Solicit).ignored(client6.NoReply)
	r.sent.XID++
	r.answer(v6.Advertise, hour).ignored(client6.OtherXID)
	r.sent.XID--
	r.answer(v6.Advertise, hour, preference(255)).sends(v6.Request).answer(v6.Reply, from(other), hour).ignored(client6.OtherServer)
	r.answer(v6.Advertise, hour).ignored(client6.Undue)
	r.answer(v6.Reply, hour).state(client6.Bound)
	r.answer(v6.Reply, hour).state(client6.Bound)
	none[client6.Apply](r)
	told := 0
	for range 1000 {
		r.answer(v6.Reply, hour)
		if _, ok := act[client6.Ignored](r); ok {
			told++
		}
	}
	assert.Less(t, told, 12, "a flood is told of in powers of two")
	assert.Greater(t, r.m.Stats().Ignored[client6.OtherXID], uint64(1000))
}

func TestTimesOfAServer(t *testing.T) {
	for name, c := range map[string]struct {
		give   edit
		t1, t2 time.Duration
	}{
		"its own":              {gives(100*time.Second, 200*time.Second, 300*time.Second, 400*time.Second), 100 * time.Second, 200 * time.Second},
		"none":                 {gives(0, 0, 300*time.Second, 400*time.Second), 150 * time.Second, 240 * time.Second},
		"beyond valid":         {gives(500*time.Second, 600*time.Second, 300*time.Second, 400*time.Second), 150 * time.Second, 240 * time.Second},
		"only T1":              {gives(100*time.Second, 0, 300*time.Second, 400*time.Second), 100 * time.Second, 240 * time.Second},
		"only T2":              {gives(0, 120*time.Second, 300*time.Second, 400*time.Second), 120 * time.Second, 120 * time.Second},
		"forever":              {gives(v6.Forever, v6.Forever, v6.Forever, v6.Forever), v6.Forever, v6.Forever},
		"never, but it ends":   {gives(v6.Forever, v6.Forever, 300*time.Second, 400*time.Second), 150 * time.Second, 240 * time.Second},
		"deprecated":           {gives(0, 0, 0, 400*time.Second), 200 * time.Second, 320 * time.Second},
		"a second, of an hour": {gives(time.Second, 2*time.Second, time.Hour, time.Hour), 10 * time.Second, 10 * time.Second},
	} {
		r := begin(t, both).step(client6.Start{}).answer(v6.Advertise, c.give, preference(255)).answer(v6.Reply, c.give).state(client6.Bound)
		assert.Equal(t, c.t1, r.m.Lease().T1, name)
		assert.Equal(t, c.t2, r.m.Lease().T2, name)
		if at, ok := r.m.Deadline(); c.t1 == v6.Forever {
			assert.False(t, ok, name)
		} else {
			assert.Equal(t, r.now.Boot+c.t1, at, name)
		}
	}
	for name, g := range map[string]edit{
		"T1 beyond T2":           gives(200*time.Second, 100*time.Second, 300*time.Second, 400*time.Second),
		"preferred beyond valid": gives(0, 0, 401*time.Second, 400*time.Second),
		"a second":               gives(0, 0, time.Second, time.Second),
		"nothing":                gives(0, 0, 0, 0),
	} {
		r := begin(t, both).step(client6.Start{}).answer(v6.Advertise, g, preference(255))
		require.NotEmpty(t, need[client6.Answer](r).Why, name)
	}
}

// After the link was down an address is confirmed, and a prefix rebound (RFC 8415 18.2.12).
func TestConfirm(t *testing.T) {
	onlyAddr := both
	onlyAddr.Prefix = false
	for _, cfg := range []client6.Config{both, onlyAddr} {
		typ := v6.Confirm
		if cfg.Prefix {
			typ = v6.Rebind
		}
		r := begin(t, cfg).bound()
		r.step(client6.LinkDown{}).state(client6.Init)
		require.NotNil(t, r.m.Lease())
		r.step(client6.LinkUp{}).state(client6.Confirming).sends(typ)
		r.answer(v6.Reply, hour).state(client6.Bound)
		none[client6.Remove](r)

		r.step(client6.LinkDown{}).step(client6.LinkUp{}).sends(typ)
		start := r.now.Boot
		for r.m.State() == client6.Confirming {
			r.due()
		}
		r.state(client6.Bound)
		assert.Equal(t, 10*time.Second, r.now.Boot-start, "nobody says that it is wrong")

		r.step(client6.LinkDown{}).step(client6.LinkUp{}).answer(v6.Reply, status(v6.NotOnLink)).state(client6.Init)
		need[client6.Remove](r)
		need[client6.Forget](r)
		r.due()
		r.sends(v6.Solicit)
	}
}

func TestRemembered(t *testing.T) {
	cfg := both
	cfg.Prefix = false
	l := begin(t, cfg).bound().m.Lease()

	r := begin(t, cfg).after(time.Minute).step(client6.Start{Lease: l}).state(client6.Confirming).sends(v6.Confirm)
	none[client6.Apply](r)
	assert.Nil(t, r.m.Lease(), "it is not trusted")
	r.answer(v6.Reply, from(other)).state(client6.Bound)
	assert.Equal(t, l, need[client6.Apply](r).New)

	r = begin(t, cfg).step(client6.Start{Lease: l})
	for r.m.State() == client6.Confirming {
		r.due()
	}
	r.state(client6.Soliciting)
	assert.Contains(t, r.sent.String(), "ia_addr[2001:db8::7")

	r = begin(t, cfg).step(client6.Start{Lease: l, Held: true}).state(client6.Confirming)
	assert.Equal(t, l, r.m.Lease())

	r = begin(t, cfg).step(client6.LinkDown{}).step(client6.Start{Lease: l}).state(client6.Init)
	none[client6.Send](r)
	r.step(client6.LinkUp{}).sends(v6.Confirm).step(client6.LinkDown{}).step(client6.LinkUp{}).sends(v6.Confirm)

	r = begin(t, cfg)
	r.now.Boot += 3 * time.Hour
	r.step(client6.Start{Lease: l, Held: true}).sends(v6.Solicit)
	assert.Equal(t, l, need[client6.Remove](r).Lease)
}

func TestRelease(t *testing.T) {
	r := begin(t, both).bound()
	l := r.m.Lease()
	r.step(client6.Release{}).state(client6.Releasing).sends(v6.Release)
	assert.Equal(t, l, need[client6.Remove](r).Lease)
	need[client6.Forget](r)
	id, err := r.sent.Options.ServerID()
	require.NoError(t, err)
	assert.Equal(t, server, id)
	assert.Contains(t, r.sent.String(), "ia_prefix[2001:db8:a0::/48")
	r.answer(v6.Reply, from(other)).ignored(client6.OtherServer)
	r.answer(v6.Reply).state(client6.Stopped)

	r = begin(t, both).bound().step(client6.Release{})
	for n := 1; n < 4; n++ {
		r.due()
		r.sends(v6.Release)
	}
	r.due()
	r.state(client6.Stopped)
	none[client6.Send](r)
	_, ok := r.m.Deadline()
	assert.False(t, ok)
	require.NotEmpty(t, need[client6.Refused](r.step(client6.Release{})).Why)
	r.step(client6.Start{}).sends(v6.Solicit)
	require.NotEmpty(t, need[client6.Refused](r.step(client6.Start{})).Why)
}

func TestConflict(t *testing.T) {
	r := begin(t, both).bound()
	r.step(client6.Conflict{Addr: mine.Next()}).state(client6.Bound)
	r.step(client6.Conflict{Addr: mine}).state(client6.Declining).sends(v6.Decline)
	assert.Empty(t, need[client6.Apply](r).New.Addrs)
	assert.NotContains(t, r.sent.String(), "ia_prefix")
	assert.Contains(t, r.sent.String(), "ia_addr[2001:db8::7 ")
	r.answer(v6.Reply).state(client6.Bound)
	require.Len(t, r.m.Lease().Prefixes, 1, "the prefix stays")

	cfg := both
	cfg.Prefix = false
	r = begin(t, cfg).bound().step(client6.Conflict{Addr: mine})
	need[client6.Remove](r)
	need[client6.Forget](r)
	r.answer(v6.Reply).state(client6.Init)
	assert.Equal(t, 10*time.Second, r.due())
	r.sends(v6.Solicit)
	assert.NotContains(t, r.sent.String(), "ia_addr", "not the same again")

	r = begin(t, cfg).bound().step(client6.Conflict{Addr: mine}).step(client6.LinkDown{}).step(client6.LinkUp{}).sends(v6.Solicit)
	assert.NotContains(t, r.sent.String(), "ia_addr", "nor after the link was down")
}

func TestStateless(t *testing.T) {
	r := begin(t, client6.Config{DUID: ours, Prompt: true}).step(client6.Start{}).state(client6.Informing).sends(v6.InfoRequest)
	assert.False(t, r.sent.Options.Has(v6.OptIANA))
	r.around(time.Second).sends(v6.InfoRequest)
	r.answer(v6.Reply, func(o *v6.Options) { o.SetDuration(v6.OptInfoRefreshTime, time.Second) }).state(client6.Informed)
	need[client6.Got](r)
	assert.Equal(t, 10*time.Minute, r.due())
	r.sends(v6.InfoRequest).answer(v6.Reply).state(client6.Informed)
	r.step(client6.Renew{}).sends(v6.InfoRequest).answer(v6.Reply)
	assert.Equal(t, 24*time.Hour, r.due())
	r.step(client6.Release{}).state(client6.Stopped)
	none[client6.Send](r)
}

func TestReconfigure(t *testing.T) {
	key := [16]byte{9}
	cfg := both
	cfg.Reconfigure = true
	give := func(o *v6.Options) { o.SetAuth(v6.KeyAuth(5, key)) }
	r := begin(t, cfg).step(client6.Start{})
	assert.True(t, r.sent.Options.Has(v6.OptReconfigureAccept))
	r.answer(v6.Advertise, hour, preference(255)).answer(v6.Reply, hour, give).state(client6.Bound)
	send := func(what v6.MessageType, replay uint64, key []byte) *run {
		m := &v6.Message{Type: v6.Reconfigure}
		m.Options.SetClientID(ours)
		m.Options.SetServerID(server)
		m.Options.SetUint8(v6.OptReconfigureMessage, uint8(what))
		m.Options.SetAuth(v6.DigestAuth(replay))
		p, err := m.Append(nil)
		require.NoError(t, err)
		must(v6.SignReconfigure(p, key))
		m, err = v6.Decode(p)
		require.NoError(t, err)
		return r.step(client6.Packet{Msg: m, Raw: p})
	}
	send(v6.Renew, 6, make([]byte, 16)).ignored(client6.Unauthentic).state(client6.Bound)
	send(v6.Renew, 5, key[:]).state(client6.Bound)
	send(v6.Release, 6, key[:]).ignored(client6.Unusable).state(client6.Bound)
	send(v6.Renew, 6, key[:]).state(client6.Renewing).sends(v6.Renew).answer(v6.Reply, hour).state(client6.Bound)
	send(v6.Renew, 6, key[:]).state(client6.Bound)
	send(v6.Rebind, 7, key[:]).state(client6.Rebinding).sends(v6.Rebind)

	r = begin(t, both).bound()
	send(v6.Renew, 6, key[:]).ignored(client6.Unauthentic).state(client6.Bound)
}

func TestStop(t *testing.T) {
	r := begin(t, both).bound().step(client6.Stop{Keep: true}).state(client6.Stopped)
	none[client6.Remove](r)
	r = begin(t, both).bound().step(client6.Stop{}).state(client6.Stopped)
	need[client6.Remove](r)
	_, ok := r.m.Deadline()
	assert.False(t, ok)
	r.answer(v6.Reply, hour)
	none[client6.Apply](r)
	require.NotEmpty(t, need[client6.Refused](r.step(client6.Renew{})).Why)
}

func TestHint(t *testing.T) {
	cfg := both
	cfg.Hint = netip.MustParsePrefix("::/56")
	cfg.Options.SetString(v6.OptUserClass, "\x00\x01x")
	r := begin(t, cfg).step(client6.Start{})
	assert.Contains(t, r.sent.String(), "ia_prefix[::/56 preferred=0 valid=0]")
	assert.Contains(t, r.sent.String(), "user_class=x")
	r.answer(v6.Advertise, hour, preference(255))
	assert.Contains(t, r.sent.String(), "ia_prefix[2001:db8:a0::/48")
}

// Who is there, and what options there are, is asked beside a lease that goes on.
func TestOnTheSide(t *testing.T) {
	r := begin(t, both).bound()
	before, due := r.m.Lease(), r.now.Boot+30*time.Minute
	r.step(client6.Discover{}).sends(v6.Solicit).state(client6.Bound)
	require.NotContains(t, r.sent.String(), "2001:db8", "for what it has it asks nobody else")
	r.answer(v6.Advertise, hour, from(other))
	require.Equal(t, client6.Answer{Msg: need[client6.Answer](r).Msg}, need[client6.Answer](r))
	r.answer(v6.Advertise, says(v6.NoAddrsAvail))
	require.Contains(t, need[client6.Answer](r).Why, "no_addrs_avail")
	r.answer(v6.Reply, hour, func(o *v6.Options) { o.SetRapidCommit() }).ignored(client6.Undue)
	r.around(time.Second).sends(v6.Solicit).due()
	require.Empty(t, r.acts)
	at, _ := r.m.Deadline()
	require.Equal(t, due, at)
	require.Same(t, before, r.m.Lease())

	r.step(client6.Inform{}).sends(v6.InfoRequest).answer(v6.Reply, from(other))
	require.NotNil(t, need[client6.Got](r).Msg)
	r.step(client6.Inform{}).around(time.Second).due()
	require.Nil(t, need[client6.Got](r).Msg)

	r.step(client6.Inform{}).step(client6.Renew{}).sends(v6.Renew).step(client6.Discover{})
	require.Equal(t, "it is busy: RENEWING", need[client6.Refused](r).Why)
	r.step(client6.Stop{}).step(client6.Discover{}).sends(v6.Solicit).step(client6.LinkDown{})
	_, ok := r.m.Deadline()
	require.False(t, ok)
	r.step(client6.Inform{})
	require.Equal(t, "the link is down", need[client6.Refused](r).Why)
}
