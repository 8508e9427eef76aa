package client

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v4"
)

func (m *Machine) ignore(r Reason, why string) {
	m.stats.Ignored[r]++
	if n := m.stats.Ignored[r]; n&(n-1) == 0 {
		m.do(Ignored{Reason: r, Count: n, Why: why})
	}
}

// packet finds out whether a message answers, and what it means.
func (m *Machine) packet(p Packet) {
	msg := p.Msg
	t := msg.Type()
	if int(t) < len(m.stats.Received) {
		m.stats.Received[t]++
	}
	if msg.Damage != nil {
		m.stats.Damaged++
	}
	if msg.Op != v4.BootReply || t == 0 {
		m.ignore(NoReply, "not of a server, or without a message type")
		return
	}
	if !bytes.Equal(msg.CHAddr, m.cfg.CHAddr) || msg.HType != v4.Ethernet {
		m.ignore(OtherClient, "for "+msg.CHAddr.String())
		return
	}
	if id, ok := msg.Options.Get(v4.OptClientID); ok && !bytes.Equal(id, m.clientID()) { // RFC 6842
		m.ignore(OtherClient, "another client identifier")
		return
	}
	if t == v4.ForceRenew {
		m.forced(p)
		return
	}
	if m.live == none || msg.XID != m.xid {
		m.ignore(OtherXID, fmt.Sprintf("%v with xid %#08x", t, msg.XID))
		return
	}
	server, err := msg.Options.ServerID()
	if err == nil {
		err = lease.Usable(server)
	}
	if err != nil {
		m.reject(msg, OtherServer, "no server: "+err.Error())
		return
	}
	if len(m.cfg.Servers) > 0 && !slices.Contains(m.cfg.Servers, server) {
		m.reject(msg, NotAllowed, "server "+server.String()+" is not in the list")
		return
	}
	if r, why := m.take(t, msg, server); why != "" {
		m.reject(msg, r, why)
	}
}

// clientID is the identifier that was sent.
func (m *Machine) clientID() []byte {
	if id, ok := m.cfg.Options.Get(v4.OptClientID); ok {
		return id
	}
	return m.cfg.ClientID
}

// reject counts and tells of a message that answers, and is not taken.
func (m *Machine) reject(msg *v4.Message, r Reason, why string) {
	m.stats.Ignored[r]++
	if n := m.stats.Ignored[r]; n < 16 || n&(n-1) == 0 {
		m.do(Answer{msg, why})
	}
}

// take acts on an answer; if it is none, it says why.
func (m *Machine) take(t v4.MessageType, msg *v4.Message, server netip.Addr) (Reason, string) {
	switch {
	case m.live == asking && t == v4.Offer:
		m.do(Answer{Msg: msg})
		return 0, ""
	case m.live == informing && t == v4.Ack:
		m.end()
		m.do(Answer{Msg: msg})
		m.do(Informed{msg})
		return 0, ""
	case m.live != main:
		return Undue, fmt.Sprintf("%v is not due", t)
	}
	switch t {
	case v4.Offer:
		return m.offered(msg, server)
	case v4.Ack:
		return m.acked(msg, server)
	case v4.Nak:
		return m.naked(msg, server)
	}
	return Undue, fmt.Sprintf("%v is not due in %v", t, m.state)
}

func (m *Machine) offered(msg *v4.Message, server netip.Addr) (Reason, string) {
	if m.state != Selecting {
		return Undue, "an offer is not due in " + m.state.String()
	}
	if err := lease.Usable(msg.YIAddr); err != nil {
		return Unusable, err.Error()
	}
	better := !m.wish.IsValid() || msg.YIAddr == m.wish || server == m.giver
	switch {
	case !better && m.offer != nil:
		return Worse, "an offer of another address than " + m.wish.String() + " waits already"
	case !better && m.cfg.Patience > 0:
		m.offer = msg
		m.due = m.now.Boot + m.cfg.Patience
		return 0, ""
	}
	if m.offer != nil {
		m.reject(m.offer, Worse, "another offer is better")
	}
	m.choose(msg)
	return 0, ""
}

// choose takes an offer.
func (m *Machine) choose(msg *v4.Message) {
	m.do(Answer{Msg: msg})
	if !m.ipv6Only(msg) {
		m.requesting(msg)
	}
}

// shortestV6Only is MIN_V6ONLY_WAIT (RFC 8925 3.4).
const shortestV6Only = 300 * time.Second

// ipv6Only gives way, for the time that the network says, if it can do without IPv4 (RFC 8925
// 3.2).
func (m *Machine) ipv6Only(msg *v4.Message) bool {
	wait, err := msg.Options.IPv6Only()
	if !m.cfg.IPv6Only || err != nil {
		return false
	}
	wait = max(wait, shortestV6Only)
	if m.held != nil {
		m.remove("the network wants IPv6 only")
		m.do(Forget{})
	}
	m.restart(wait, "the network wants IPv6 only")
	return true
}

// asked returns what the running request asked for: the address, and the server if it must be
// that one.
func (m *Machine) asked() (a, server netip.Addr) {
	switch m.state {
	case Requesting:
		server, _ = m.offer.Options.ServerID()
		return m.offer.YIAddr, server
	case Rebooting:
		return m.old.Addr, netip.Addr{}
	case Renewing:
		return m.held.Addr, m.held.Server
	case Rebinding:
		return m.held.Addr, netip.Addr{}
	}
	return netip.Addr{}, netip.Addr{} // Selecting: rapid commit
}

func (m *Machine) acked(msg *v4.Message, server netip.Addr) (Reason, string) {
	switch m.state {
	case Requesting, Rebooting, Renewing, Rebinding:
	case Selecting:
		if !m.cfg.RapidCommit || !msg.Options.Has(v4.OptRapidCommit) {
			return Undue, "an ACK without rapid commit is not due in SELECTING"
		}
	default:
		return Undue, "an ACK is not due in " + m.state.String()
	}
	want, from := m.asked()
	if from.IsValid() && from != server {
		return OtherServer, fmt.Sprintf("from %v, not %v", server, from)
	}
	l, err := lease.FromACK(msg, m.sent)
	if err != nil {
		return Unusable, err.Error()
	}
	renewal := m.state == Renewing || m.state == Rebinding // where the server may give another address
	if want.IsValid() && want != l.Addr && !renewal {
		return Unusable, fmt.Sprintf("it gives %v, not %v", l.Addr, want)
	}
	if l.Left(m.now) == 0 {
		return Unusable, "its lease is over already"
	}
	m.do(Answer{Msg: msg})
	if m.state == Rebooting && m.ipv6Only(msg) {
		return 0, ""
	}
	m.learn(msg)
	why := fmt.Sprintf("lease of %v from %v", l.Addr, server)
	if renewal && want != l.Addr {
		why += " in place of " + want.String()
	}
	if m.held == nil && m.cfg.Check {
		m.end()
		m.next = l
		m.enter(Checking, why)
		m.due = l.Expires()
		m.do(Probe{l.Addr})
		return 0, ""
	}
	m.bind(l, why)
	return 0, ""
}

// nakPause grows with every NAK in a row.
func (m *Machine) nakPause() time.Duration {
	d := time.Second << min(m.naks, 6)
	m.naks++
	return d
}

func (m *Machine) naked(msg *v4.Message, server netip.Addr) (Reason, string) {
	switch m.state {
	case Requesting, Rebooting, Renewing, Rebinding:
	default:
		return Undue, "a NAK is not due in " + m.state.String()
	}
	if _, from := m.asked(); from.IsValid() && from != server {
		return OtherServer, fmt.Sprintf("NAK from %v, not %v", server, from)
	}
	m.do(Answer{Msg: msg})
	why := "NAK from " + server.String()
	if m.state != Requesting {
		m.do(Forget{})
	}
	m.remove(why)
	m.wishFor(nil)
	m.old = nil
	m.restart(m.nakPause(), why)
	return 0, ""
}

// forced renews if the server may order it (RFC 3203, RFC 6704).
func (m *Machine) forced(p Packet) {
	if !m.cfg.ForceRenew || m.nonce == nil {
		m.ignore(Unauthentic, "FORCERENEW")
		return
	}
	replay, err := v4.VerifyForceRenew(p.Raw, m.nonce, m.replay)
	if err != nil {
		m.ignore(Unauthentic, err.Error())
		return
	}
	m.replay = replay // good once
	if m.state != Bound {
		m.ignore(Undue, "FORCERENEW in "+m.state.String())
		return
	}
	m.do(Answer{Msg: p.Msg})
	m.renew(Renewing, m.held.At(m.held.T2), "FORCERENEW")
}

// learn takes the key for FORCERENEW that may come with a lease.
func (m *Machine) learn(ack *v4.Message) {
	a, err := ack.Options.Auth()
	if err != nil {
		return
	}
	if key, ok := a.Nonce(); ok {
		m.nonce, m.replay = key, a.Replay
	}
}
