package client_test

import (
	"fmt"
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

// A model is what the world sees of a machine: what it sent, and what it had applied.
type model struct {
	t       *testing.T
	rand    *rand.Rand
	m       *client.Machine
	cfg     client.Config
	now     lease.Instant
	applied *lease.Lease
	stored  *lease.Lease
	sent    *v4.Message   // the last of a transaction
	calm    time.Duration // the last DISCOVER that nobody but the machine began
	quiet   bool          // since Stop or Release
	log     []string
}

// TestRandom lets random things happen, most of them plausible, and checks after each
// what must hold.
func TestRandom(t *testing.T) {
	runs := uint64(200)
	if testing.Short() {
		runs = 50
	}
	for seed := range runs {
		r := rand.New(rand.NewPCG(seed, 42))
		cfg := client.Config{CHAddr: mac, RapidCommit: seed%2 == 0, IPv6Only: seed%3 == 0, Check: seed%5 < 2, ForceRenew: seed%7 == 0}
		o := &model{t: t, rand: r, cfg: cfg, m: client.New(cfg, r), now: lease.Instant{Boot: time.Minute, Wall: epoch}, quiet: true}
		for range 500 {
			o.happen()
		}
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

func (o *model) command() client.Event {
	switch o.rand.IntN(16) {
	case 0:
		return client.Stop{Keep: o.rand.IntN(2) == 0}
	case 1:
		return client.Release{}
	case 2:
		return client.Renew{}
	case 3:
		return client.Rebind{}
	case 4:
		return client.Inform{}
	case 5:
		return client.Discover{}
	case 6:
		return client.LinkDown{}
	case 7, 8:
		return client.LinkUp{}
	case 9:
		return client.Conflict{Addr: mine, By: net.HardwareAddr{2, 0, 0, 0, 0, 7}}
	case 10, 11:
		return client.Checked{Addr: mine}
	case 12:
		return client.Checked{Addr: mine, By: net.HardwareAddr{2, 0, 0, 0, 0, 7}}
	}
	return client.Start{Lease: o.stored, Held: o.applied != nil && o.applied == o.stored}
}

// packet is an answer to what was sent last, perhaps with something wrong.
func (o *model) packet() client.Event {
	r := o.rand
	types := []v4.MessageType{v4.Offer, v4.Ack, v4.Nak}
	t := types[r.IntN(3)]
	if o.sent != nil && r.IntN(4) > 0 {
		t = v4.Ack
		if o.sent.Type() == v4.Discover {
			t = v4.Offer
		}
	}
	m := &v4.Message{Op: v4.BootReply, HType: v4.Ethernet, CHAddr: mac, YIAddr: mine}
	if o.sent != nil {
		m.XID = o.sent.XID
	}
	m.Options.SetType(t)
	m.Options.SetAddr(v4.OptServerID, [...]netip.Addr{server, server, server, other}[r.IntN(4)])
	m.Options.SetDuration(v4.OptLeaseTime, [...]time.Duration{0, time.Second, 5 * time.Second, time.Minute, time.Hour, v4.Forever}[r.IntN(6)])
	if r.IntN(4) == 0 {
		m.Options.SetDuration(v4.OptT1, time.Duration(r.IntN(4000))*time.Second)
		m.Options.SetDuration(v4.OptT2, time.Duration(r.IntN(4000))*time.Second)
	}
	switch r.IntN(16) {
	case 0:
		m.XID++
	case 1:
		m.CHAddr = net.HardwareAddr{2, 0, 0, 0, 0, 9}
	case 2:
		m.YIAddr = netip.MustParseAddr("192.0.2.101")
	case 3:
		m.YIAddr = netip.IPv4Unspecified()
	case 4:
		m.Options.SetRapidCommit()
	case 5:
		m.Options.SetDuration(v4.OptIPv6Only, time.Minute)
	case 6:
		m.Options = m.Options[:r.IntN(len(m.Options))]
	case 7:
		m.Options.SetType(v4.MessageType(r.IntN(256)))
	}
	raw, err := m.Append(nil)
	require.NoError(o.t, err)
	return client.Packet{Msg: m, Raw: raw}
}

func (o *model) step(ev client.Event) {
	defer func() {
		if o.t.Failed() {
			for _, l := range o.log[max(0, len(o.log)-20):] {
				o.t.Log(l)
			}
		}
	}()
	before := o.applied
	acts := o.m.Step(o.now, ev)
	p, packet := ev.(client.Packet)
	line := fmt.Sprintf("%v %T%+v → %v", o.now.Boot, ev, ev, o.m.State())
	if packet {
		line = fmt.Sprintf("%v %v → %v", o.now.Boot, p.Msg.Type(), o.m.State())
	}
	for _, a := range acts {
		line += fmt.Sprintf(" %T", a)
	}
	o.log = append(o.log, line)
	commanded := ev != nil && !packet
	switch ev.(type) {
	case client.Stop, client.Release:
		o.quiet = true // but for the release itself
	case client.Start, client.Inform, client.Discover:
		o.quiet = false
	}
	for _, a := range acts {
		o.act(ev, a, commanded)
	}
	if s, ok := ev.(client.Stop); ok && s.Keep && o.m.State() == client.Stopped {
		o.applied = nil // it is nobody's any more
	}
	o.check(before)
}

func (o *model) act(ev client.Event, a client.Action, commanded bool) {
	t := o.t
	switch a := a.(type) {
	case client.Send:
		_, release := ev.(client.Release)
		require.True(t, !o.quiet || release, "%v was sent after the end", a.Msg.Type())
		_, err := a.Msg.Append(nil)
		require.NoError(t, err)
		switch a.Msg.Type() {
		case v4.Decline, v4.Release:
			return
		case v4.Discover:
			if !commanded {
				require.GreaterOrEqual(t, o.now.Boot-o.calm, time.Second, "too fast")
				o.calm = o.now.Boot
			} else {
				o.calm = o.now.Boot - time.Hour
			}
		}
		o.sent = a.Msg
	case client.Apply:
		require.Equal(t, o.applied, a.Old)
		require.Positive(t, a.New.Left(o.now))
		if _, checked := ev.(client.Checked); !checked && a.New != a.Old {
			require.Equal(t, o.sent.XID, a.New.ACK.XID, "only the living transaction counts")
		}
		require.NoError(t, lease.Usable(a.New.Addr))
		o.applied = a.New
	case client.Remove:
		if o.applied != nil { // else a start with what had ended
			require.Same(t, o.applied, a.Lease)
		}
		o.applied = nil
	case client.Save:
		o.stored = a.Lease
	case client.Forget:
		o.stored = nil
	}
}

// check is what holds after every step.
func (o *model) check(before *lease.Lease) {
	t := o.t
	if o.applied != nil {
		require.Positive(t, o.applied.Left(o.now), "applied, and over")
	}
	if s := o.m.State(); s != client.Stopped {
		require.Same(t, o.m.Lease(), o.applied)
	} else {
		require.Nil(t, o.m.Lease())
	}
	switch o.m.State() {
	case client.Bound, client.Renewing, client.Rebinding:
		require.NotNil(t, o.applied)
	}
	if at, ok := o.m.Deadline(); ok {
		require.Greater(t, at, o.now.Boot, "due already")
	}
	xid, live := o.m.XID()
	if live {
		require.Equal(t, o.sent.XID, xid, "an xid that nobody saw")
	}
	if s := o.m.State(); s == client.Bound && before == o.applied && !live {
		_, ok := o.m.Deadline()
		require.True(t, ok || o.applied.Valid == v4.Forever, "bound, and nothing to come")
	}
}
