package client6_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v6"

	"github.com/stretchr/testify/require"
)

// A model is what the world sees of a machine: what it sent, and what it had applied.
type model struct {
	t       *testing.T
	rand    *rand.Rand
	m       *client6.Machine
	now     lease.Instant
	applied *client6.Lease
	stored  *client6.Lease
	sent    *v6.Message
	paid    int // messages in that minute
	minute  time.Duration
	quiet   bool // since Stop
	giving  int  // releases since Release
	asides  int  // messages that Discover and Inform may yet send
	log     []string
}

// TestRandom lets random things happen, most of them plausible, and checks after each
// what must hold.
func TestRandom(t *testing.T) {
	runs := uint64(100)
	if testing.Short() {
		runs = 50
	}
	states := map[client6.State]int{}
	for seed := range runs {
		r := rand.New(rand.NewPCG(seed, 42))
		cfg := client6.Config{
			DUID: ours, IAID: 7, Address: seed%4 != 1, Prefix: seed%4 > 0 && seed%9 > 0, Prompt: seed%2 == 0,
			RapidCommit: seed%3 == 0, Reconfigure: seed%5 == 0,
		}
		o := &model{t: t, rand: r, m: client6.New(cfg, r), now: lease.Instant{Boot: time.Minute, Wall: epoch}, quiet: true}
		for range 500 {
			o.happen()
			states[o.m.State()]++
		}
	}
	for s := client6.Stopped; s <= client6.Informed; s++ {
		require.NotZero(t, states[s], "%v was never reached", s)
	}
}

func (o *model) happen() {
	r := o.rand
	switch r.IntN(12) {
	case 0, 1: // some time passes, also past what is due
		o.pass(time.Duration(r.Int64N(int64(90 * time.Second))))
	case 2:
		o.pass(time.Duration(r.Int64N(int64(3 * time.Hour))))
	case 3:
		o.now.Wall = o.now.Wall.Add(time.Duration(r.Int64N(int64(1000*time.Hour))) - 500*time.Hour)
		o.step(nil)
	case 4, 5: // until just what is due
		if at, ok := o.m.Deadline(); ok && at > o.now.Boot {
			o.pass(at - o.now.Boot)
		}
	case 6:
		o.step(o.command())
	default:
		o.step(o.packet())
	}
}

func (o *model) pass(d time.Duration) {
	o.now = lease.Instant{Boot: o.now.Boot + d, Wall: o.now.Wall.Add(d)}
	o.step(nil)
}

func (o *model) command() client6.Event {
	switch o.rand.IntN(20) {
	case 16, 17:
		return client6.Discover{}
	case 18:
		return client6.Inform{}
	case 0:
		return client6.Stop{Keep: o.rand.IntN(2) == 0}
	case 1, 2:
		return client6.Release{}
	case 3:
		return client6.Renew{}
	case 4:
		return client6.Rebind{}
	case 5, 6:
		return client6.LinkDown{}
	case 7, 8:
		return client6.LinkUp{}
	case 9, 10:
		return client6.Conflict{Addr: mine}
	}
	return client6.Start{Lease: o.stored, Held: o.applied != nil && o.applied == o.stored}
}

// packet is an answer to what was sent last, perhaps with something wrong.
func (o *model) packet() client6.Event {
	r := o.rand
	m := &v6.Message{Type: v6.Reply}
	if o.sent != nil {
		m.XID = o.sent.XID
		if o.sent.Type == v6.Solicit && r.IntN(4) > 0 {
			m.Type = v6.Advertise
		}
	}
	opts := &m.Options
	opts.SetClientID(ours)
	opts.SetServerID([...]v6.DUID{server, server, server, other}[r.IntN(4)])
	if r.IntN(2) == 0 {
		opts.SetUint8(v6.OptPreference, 255)
	}
	times := [...]time.Duration{0, time.Second, 5 * time.Second, time.Minute, time.Hour, v6.Forever}
	valid := times[r.IntN(len(times))]
	preferred := min(valid, times[r.IntN(len(times))])
	if r.IntN(8) == 0 {
		preferred = v6.Forever
	}
	for range r.IntN(3) {
		na, pd := v6.IA{IAID: 7}, v6.IA{IAID: 7}
		if r.IntN(3) == 0 {
			na.T1, na.T2 = times[r.IntN(len(times))], times[r.IntN(len(times))]
		}
		addr := [...]netip.Addr{mine, mine, mine.Next(), netip.IPv6Unspecified()}[r.IntN(4)]
		must(na.Options.AddIAAddr(v6.IAAddr{Addr: addr, Preferred: preferred, Valid: valid}))
		must(pd.Options.AddIAPrefix(v6.IAPrefix{Prefix: ours48, Preferred: preferred, Valid: valid}))
		if r.IntN(6) == 0 {
			na.Options.SetStatus(v6.Status{Code: v6.StatusCode(r.IntN(8))})
			pd.Options.SetStatus(v6.Status{Code: v6.StatusCode(r.IntN(8))})
		}
		must(opts.AddIANA(na))
		must(opts.AddIAPD(pd))
	}
	switch r.IntN(16) {
	case 0:
		m.XID++
	case 1:
		opts.SetClientID(other)
	case 2:
		opts.SetStatus(v6.Status{Code: v6.StatusCode(r.IntN(8))})
	case 3, 4:
		opts.SetRapidCommit()
	case 5:
		*opts = (*opts)[:r.IntN(len(*opts))]
	case 6:
		m.Type = v6.MessageType(r.IntN(13) + 1)
	case 7:
		opts.SetDuration(v6.OptSolMaxRT, time.Duration(r.IntN(100))*time.Minute)
	case 8:
		opts.SetAuth(v6.KeyAuth(r.Uint64(), [16]byte{1}))
	}
	raw, err := m.Append(nil)
	require.NoError(o.t, err)
	return client6.Packet{Msg: m, Raw: raw}
}

func (o *model) step(ev client6.Event) {
	defer func() {
		if o.t.Failed() {
			for _, l := range o.log[max(0, len(o.log)-20):] {
				o.t.Log(l)
			}
		}
	}()
	acts := o.m.Step(o.now, ev)
	p, packet := ev.(client6.Packet)
	line := fmt.Sprintf("%v %T%+v → %v", o.now.Boot, ev, ev, o.m.State())
	if packet {
		line = fmt.Sprintf("%v %v → %v", o.now.Boot, p.Msg, o.m.State())
	}
	for _, a := range acts {
		line += fmt.Sprintf(" %T", a)
	}
	o.log = append(o.log, line)
	switch ev.(type) {
	case client6.Stop, client6.Release:
		o.quiet, o.giving = true, 0
	case client6.Start:
		o.quiet = false
	case client6.Discover, client6.Inform:
		o.asides = 2
	}
	commanded := ev != nil && !packet
	for _, a := range acts {
		o.act(ev, a, commanded)
	}
	if s, ok := ev.(client6.Stop); ok && s.Keep {
		o.applied = nil // it is nobody's any more
	}
	o.check()
}

func (o *model) act(ev client6.Event, a client6.Action, commanded bool) {
	t := o.t
	switch a := a.(type) {
	case client6.Send:
		_, err := a.Msg.Append(nil)
		require.NoError(t, err)
		o.sent = a.Msg
		switch {
		case o.asides > 0 && (a.Msg.Type == v6.Solicit || a.Msg.Type == v6.InfoRequest):
			o.asides--
		case o.quiet:
			require.Equal(t, v6.Release, a.Msg.Type, "sent after the end")
			o.giving++
			require.LessOrEqual(t, o.giving, 4)
		}
		if !commanded {
			o.pace()
		}
	case client6.Apply:
		require.Equal(t, o.applied, a.Old)
		require.Greater(t, a.New.Expires(), o.now.Boot)
		for _, x := range a.New.Addrs {
			require.True(t, x.Usable())
		}
		for _, x := range a.New.Prefixes {
			require.True(t, x.Usable())
		}
		if p, ok := ev.(client6.Packet); ok && a.Old != nil && a.New.Reply == p.Msg {
			require.Equal(t, o.sent.XID, p.Msg.XID, "only the living transaction counts")
		}
		o.applied = a.New
	case client6.Remove:
		if o.applied != nil { // else a start with what had ended
			require.Equal(t, o.applied, a.Lease)
		}
		o.applied = nil
	case client6.Save:
		o.stored = a.Lease
	case client6.Forget:
		o.stored = nil
	}
}

// pace: however servers answer, a client of its own accord sends no flood. A server that leads it on has
// it send two messages a second, and each may be sent again.
func (o *model) pace() {
	if o.now.Boot-o.minute > time.Minute {
		o.minute, o.paid = o.now.Boot, 0
	}
	o.paid++
	require.Less(o.t, o.paid, 150, "too many in a minute")
}

// check is what holds after every step.
func (o *model) check() {
	t := o.t
	if l := o.applied; l != nil {
		for _, a := range l.Addrs {
			require.True(t, a.Valid == v6.Forever || l.Start.Boot+a.Valid > o.now.Boot, "applied, and over")
		}
		for _, p := range l.Prefixes {
			require.True(t, p.Valid == v6.Forever || l.Start.Boot+p.Valid > o.now.Boot, "applied, and over")
		}
	}
	s := o.m.State()
	if s != client6.Stopped {
		require.Equal(t, o.applied, o.m.Lease())
	} else {
		require.Nil(t, o.m.Lease())
	}
	switch s {
	case client6.Bound, client6.Renewing, client6.Rebinding:
		require.NotNil(t, o.applied)
	}
	at, due := o.m.Deadline()
	if due {
		require.Greater(t, at, o.now.Boot, "due already")
	}
	xid, live := o.m.XID()
	if live {
		require.Equal(t, o.sent.XID, xid, "an xid that nobody saw")
		require.True(t, due, "alive, and nothing to come")
	}
	if s == client6.Bound && !due {
		require.Equal(t, v6.Forever, o.applied.T2)
	}
}
