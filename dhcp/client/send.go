package client

import (
	"net/netip"
	"slices"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v4"
)

// begin starts a transaction with an xid of its own; the one before is dead.
func (m *Machine) begin(k kind) {
	m.xid, m.live, m.tries = m.newXID(), k, 0
	m.began, m.secs = m.now.Boot, 0
	m.side = never
	m.sent = lease.Instant{}
}

func (m *Machine) end() { m.live, m.tries, m.side = none, 0, never }

// newXID is random, and never the one before.
func (m *Machine) newXID() uint32 {
	for {
		if x := uint32(m.rand.Uint64() >> 32); x != m.xid {
			return x
		}
	}
}

// backoff is the wait after the n-th message, from 1: 4, 8, 16, 32, 64, 64 ... s, each by up to one second
// shorter or longer (RFC 2131 4.1).
func (m *Machine) backoff(n int) time.Duration {
	return 4*time.Second<<min(n-1, 4) + m.jitter(time.Second)
}

// jitter is between -d and d.
func (m *Machine) jitter(d time.Duration) time.Duration {
	return time.Duration(m.rand.Uint64()%uint64(2*d+1)) - d
}

// message begins a message of the client.
func (m *Machine) message(t v4.MessageType) *v4.Message {
	msg := &v4.Message{Op: v4.BootRequest, HType: v4.Ethernet, XID: m.xid, Secs: m.secs, CHAddr: m.cfg.CHAddr}
	msg.Options.SetType(t)
	if len(m.cfg.ClientID) > 0 {
		msg.Options.SetClientID(m.cfg.ClientID)
	}
	return msg
}

// request begins a message that asks for configuration.
func (m *Machine) request(t v4.MessageType) *v4.Message {
	msg := m.message(t)
	o := &msg.Options
	if m.cfg.Broadcast {
		msg.Flags = v4.FlagBroadcast
	}
	if m.cfg.Hostname != "" {
		o.SetString(v4.OptHostname, m.cfg.Hostname)
	}
	if m.cfg.VendorClass != "" {
		o.SetString(v4.OptVendorClass, m.cfg.VendorClass)
	}
	list := m.cfg.Request
	if m.cfg.IPv6Only {
		list = append(slices.Clip(list), v4.OptIPv6Only)
	}
	if len(list) > 0 {
		o.SetParameterList(list...)
	}
	size := m.cfg.MaxSize
	if size == 0 {
		size = 1500
	}
	o.SetUint16(v4.OptMaxSize, max(size, 576))
	if m.cfg.ForceRenew {
		o.Set(v4.OptForceRenewNonce, []byte{v4.AlgHMACMD5})
	}
	for _, x := range m.cfg.Options {
		o.Set(x.Code, x.Data)
	}
	return msg
}

func setAddr(msg *v4.Message, c v4.Code, a netip.Addr) { msg.Options.Set(c, a.AsSlice()) }

// send counts and sends. A valid to makes it a unicast from from.
func (m *Machine) send(msg *v4.Message, from, to netip.Addr) {
	if t := msg.Type(); int(t) < len(m.stats.Sent) {
		m.stats.Sent[t]++
	}
	m.do(Send{Msg: msg, From: from, To: to})
}

// transmit sends a message of the transaction as a broadcast.
func (m *Machine) transmit(msg *v4.Message) {
	m.tries++
	m.send(msg, netip.Addr{}, netip.Addr{})
}

// discover begins with DISCOVER (RFC 2131 4.4.1).
func (m *Machine) discover(why string) {
	m.begin(main)
	m.next, m.offer, m.old = nil, nil, nil
	m.enter(Selecting, why)
	m.sendDiscover()
}

func (m *Machine) sendDiscover() {
	m.secs = seconds16(m.now.Boot - m.began)
	msg := m.request(v4.Discover)
	if m.wish.IsValid() {
		setAddr(msg, v4.OptRequestedIP, m.wish)
	}
	if m.cfg.RapidCommit {
		msg.Options.SetRapidCommit()
		if m.tries == 0 {
			m.sent = m.now
		}
	}
	m.transmit(msg)
	m.due = m.now.Boot + m.backoff(m.tries)
}

func seconds16(d time.Duration) uint16 { return uint16(min(d/time.Second, 0xffff)) }

// requesting asks for what was offered, with the xid and secs of the DISCOVER
// (RFC 2131 3.1 3).
func (m *Machine) requesting(offer *v4.Message) {
	server, _ := offer.Options.ServerID()
	m.offer = offer
	m.tries = 0
	m.sent = m.now
	m.enter(Requesting, "offer of "+offer.YIAddr.String()+" from "+server.String())
	m.sendRequest()
}

// requests is how often an offer is asked for: with the waits between and after, 60 s
// (RFC 2131 3.1 5).
const requests = 4

func (m *Machine) requestAgain() {
	if m.tries >= requests {
		m.restart(0, "the server does not answer its offer's request")
		return
	}
	m.sendRequest()
}

func (m *Machine) sendRequest() {
	msg := m.request(v4.Request)
	setAddr(msg, v4.OptRequestedIP, m.offer.YIAddr)
	server, _ := m.offer.Options.ServerID()
	setAddr(msg, v4.OptServerID, server)
	m.transmit(msg)
	m.due = m.now.Boot + m.backoff(m.tries)
}

// reboot asks for the address of m.old (RFC 2131 4.4.2), once the link is up.
func (m *Machine) reboot(why string) {
	if m.down {
		m.due = never
		m.enter(InitReboot, why)
		return
	}
	m.begin(main)
	m.sent = m.now
	m.enter(Rebooting, why)
	m.sendReboot()
}

func (m *Machine) sendReboot() {
	m.secs = seconds16(m.now.Boot - m.began)
	msg := m.request(v4.Request)
	setAddr(msg, v4.OptRequestedIP, m.old.Addr)
	m.transmit(msg)
	m.due = m.now.Boot + 2500*time.Millisecond + m.jitter(500*time.Millisecond)
}

func (m *Machine) rebootAgain() {
	if m.tries < 2 {
		m.sendReboot()
		return
	}
	old := m.old
	m.old = nil
	if m.held != nil {
		m.end()
		m.do(Apply{Old: m.held, New: m.held}) // what a link that was down has lost
		m.enter(Bound, "no server answers; the lease lasts")
		m.due = m.held.At(m.held.T1)
		m.timers()
		return
	}
	m.wishFor(old)
	m.restart(0, "no server answers for "+old.Addr.String())
}

// renewal is T1, T2, or the time to ask again (RFC 2131 4.4.5).
func (m *Machine) renewal() {
	l := m.held
	switch {
	case l.Valid == v4.Forever && m.tries > 0: // asked by a person
		m.end()
		m.enter(Bound, "no server answers; the lease has no end")
		m.due = never
	case m.now.Boot >= l.At(l.T2) || m.state == Rebinding:
		m.renew(Rebinding, l.Expires(), "T2")
	default:
		m.renew(Renewing, l.At(l.T2), "T1")
	}
}

// renew sends a REQUEST with an xid of its own, to the server or to all; until is the
// end of the state.
func (m *Machine) renew(s State, until time.Duration, why string) {
	began := m.began
	first := m.state != s
	m.begin(main)
	if !first {
		m.began = began
	}
	m.secs = seconds16(m.now.Boot - m.began)
	m.sent = m.now
	m.enter(s, why)
	msg := m.request(v4.Request)
	msg.CIAddr = m.held.Addr
	msg.Flags = 0 // it has an address to be answered at
	m.tries++
	to := netip.Addr{}
	if s == Renewing {
		to = m.held.Server
	}
	m.send(msg, m.held.Addr, to)
	m.due = m.now.Boot + m.pause(until)
	if m.due > until {
		m.due = until
	}
}

// Bounds of the wait between requests for a renewal.
const (
	longPause  = 60 * time.Second // RFC 2131 4.4.5
	shortPause = 4 * time.Second  // RFC 2131 4.1
)

// pause is half of what is left, and not too short for the length of the lease.
func (m *Machine) pause(until time.Duration) time.Duration {
	if until == never {
		return longPause
	}
	least := min(max(m.held.Valid/16, shortPause), longPause)
	return max((until-m.now.Boot)/2, least)
}

func (m *Machine) renewNow(ev Event) {
	switch m.state {
	case Bound, Renewing, Rebinding:
	default:
		m.refuse("it has no lease to renew: " + m.state.String())
		return
	}
	l := m.held
	if _, all := ev.(Rebind); all || m.now.Boot >= l.At(l.T2) {
		m.renew(Rebinding, l.Expires(), "asked to")
		return
	}
	m.renew(Renewing, l.At(l.T2), "asked to")
}

// inform asks for options alone (RFC 2131 4.4.3).
func (m *Machine) inform(a netip.Addr) {
	if !m.idle() {
		return
	}
	if !a.IsValid() && m.held != nil {
		a = m.held.Addr
	}
	if lease.Usable(a) != nil {
		m.refuse("it has no address to inform a server of")
		return
	}
	m.begin(informing)
	m.ask = a
	m.sendSide()
}

// look asks who is there.
func (m *Machine) look() {
	if !m.idle() {
		return
	}
	m.begin(asking)
	m.sendSide()
}

// idle reports whether a transaction on the side can begin.
func (m *Machine) idle() bool {
	switch {
	case m.down:
		m.refuse("the link is down")
	case m.live == main:
		m.refuse("it is busy: " + m.state.String())
	case m.state != Stopped && m.state != Bound && m.state != Init:
		m.refuse("it is busy: " + m.state.String())
	default:
		return true
	}
	return false
}

// looks and informs are how often is asked.
const (
	looks   = 2
	informs = 3
)

func (m *Machine) sendSide() {
	m.secs = seconds16(m.now.Boot - m.began)
	if m.live == asking {
		m.transmit(m.request(v4.Discover))
	} else {
		msg := m.request(v4.Inform)
		msg.CIAddr = m.ask
		m.tries++
		m.send(msg, m.ask, netip.Addr{})
	}
	m.side = m.now.Boot + m.backoff(m.tries)
}

func (m *Machine) sideDue() {
	m.side = never
	switch {
	case m.live == informing && m.tries < informs, m.live == asking && m.tries < looks:
		m.sendSide()
	case m.live == informing:
		m.end()
		m.do(Informed{})
	case m.live == asking:
		m.end()
	}
}

// bind uses a lease.
func (m *Machine) bind(l *lease.Lease, why string) {
	m.end()
	m.do(Apply{Old: m.held, New: l})
	m.do(Save{l})
	m.held, m.next, m.offer, m.old = l, nil, nil, nil
	m.wishFor(l)
	m.naks = 0
	m.enter(Bound, why)
	m.due = max(l.At(l.T1), m.now.Boot+time.Second) // an answer may come late
}
