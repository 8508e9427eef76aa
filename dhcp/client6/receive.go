package client6

import (
	"fmt"
	"slices"

	"github.com/netfs-project/netfs/dhcp/v6"
)

// ignore counts a packet and tells of it, of a flood in powers of two.
func (m *Machine) ignore(r Reason, why string) {
	m.stats.Ignored[r]++
	if n := m.stats.Ignored[r]; n&(n-1) == 0 {
		m.do(Ignored{r, n, why})
	}
}

// reject is ignore for a message of a known server to what was asked.
func (m *Machine) reject(msg *v6.Message, r Reason, why string) {
	m.stats.Ignored[r]++
	if n := m.stats.Ignored[r]; n < 16 || n&(n-1) == 0 {
		m.do(Answer{msg, why})
	}
}

func (m *Machine) packet(p Packet) {
	msg := p.Msg
	if int(msg.Type) < len(m.stats.Received) {
		m.stats.Received[msg.Type]++
	}
	switch msg.Type {
	case v6.Reconfigure:
		m.reconfigure(p)
		return
	case v6.Advertise, v6.Reply:
	default:
		m.ignore(NoReply, "a "+msg.Type.String())
		return
	}
	if !m.x.live || msg.XID != m.x.xid {
		m.ignore(OtherXID, fmt.Sprintf("%06x", msg.XID))
		return
	}
	if id, err := msg.Options.ClientID(); err != nil || !sameDUID(id, m.cfg.DUID) {
		m.ignore(OtherClient, id.String())
		return
	}
	server, err := msg.Options.ServerID()
	if err != nil {
		m.ignore(OtherServer, err.Error())
		return
	}
	if len(m.cfg.Servers) > 0 && !slices.ContainsFunc(m.cfg.Servers, func(d v6.DUID) bool { return sameDUID(d, server) }) {
		m.reject(msg, NotAllowed, "from a server that is not allowed")
		return
	}
	if asked, ok := m.server(); ok && !sameDUID(asked, server) {
		m.reject(msg, OtherServer, "another server was asked")
		return
	}
	m.limits(msg)
	if msg.Type == v6.Advertise {
		m.advertise(msg)
		return
	}
	m.reply(msg)
}

// server returns the server that the transaction asks, if it asks only one.
func (m *Machine) server() (v6.DUID, bool) {
	switch m.x.typ {
	case v6.Request:
		id, err := m.best.Options.ServerID()
		return id, err == nil
	case v6.Renew:
		return m.held.Server, true
	case v6.Release, v6.Decline:
		return m.asked.Server, true
	}
	return nil, false
}

// limits takes over how often the servers want to be asked, also from those that
// give nothing (RFC 8415 18.2.9).
func (m *Machine) limits(msg *v6.Message) {
	if d, err := msg.Options.SolMaxRT(); err == nil {
		m.solMax = d
		if m.x.typ == v6.Solicit {
			m.x.times.mrt = d
		}
	}
	if d, err := msg.Options.InfMaxRT(); err == nil {
		m.infMax = d
		if m.x.typ == v6.InfoRequest {
			m.x.times.mrt = d
		}
	}
}

// advertise weighs an offer (RFC 8415 18.2.9).
func (m *Machine) advertise(msg *v6.Message) {
	if m.x.typ != v6.Solicit {
		m.reject(msg, Undue, "an advertise in "+m.state.String())
		return
	}
	if err := refusal(msg); err != nil {
		m.reject(msg, Unusable, err.Error())
		return
	}
	r, err := m.cfg.read(msg, m.now, nil)
	if err != nil {
		m.reject(msg, Unusable, err.Error())
		return
	}
	m.do(Answer{Msg: msg})
	if m.x.side {
		return
	}
	if m.best == nil || m.weight(msg, r.lease) > m.weightOfBest() {
		m.best = msg
	}
	if pref, err := msg.Options.Preference(); m.x.tries > 1 || err == nil && pref == 255 {
		m.request(m.best)
	}
}

// weight orders servers: by preference, then by how much they give.
func (m *Machine) weight(msg *v6.Message, l *Lease) int {
	pref, _ := msg.Options.Preference() // one that cannot be read is none
	return int(pref)<<2 | min(len(l.Addrs), 1)<<1 | min(len(l.Prefixes), 1)
}

func (m *Machine) weightOfBest() int {
	r, _ := m.cfg.read(m.best, m.now, nil)
	return m.weight(m.best, r.lease)
}

// refusal is a server's no, of the message as a whole.
func refusal(msg *v6.Message) error {
	st, err := msg.Options.Status()
	if err == nil && st.Code != v6.Success {
		err = fmt.Errorf("%v: %s", st.Code, v6.Quote(st.Text))
	}
	return err
}

func (m *Machine) reply(msg *v6.Message) {
	switch m.x.typ {
	case v6.Solicit:
		if m.x.side || !m.cfg.RapidCommit || !msg.Options.RapidCommit() {
			m.reject(msg, Undue, "a reply without rapid commit")
			return
		}
		m.leased(msg, nil)
	case v6.Request:
		m.leased(msg, m.held)
	case v6.Renew:
		m.leased(msg, m.held)
	case v6.Rebind:
		if m.state == Confirming {
			m.leased(msg, m.asked)
			return
		}
		m.leased(msg, m.held)
	case v6.Confirm:
		m.confirmed(msg)
	case v6.Release, v6.Decline:
		m.do(Answer{Msg: msg})
		m.gaveBack("the server knows")
	case v6.InfoRequest:
		m.informed(msg)
	}
}

// leased takes what a Reply gives, or its no (RFC 8415 18.2.10).
func (m *Machine) leased(msg *v6.Message, old *Lease) {
	if err := refusal(msg); err != nil {
		m.refused(msg, err)
		return
	}
	r, err := m.cfg.read(msg, m.x.sent, old)
	switch {
	case r.noBinding && m.x.typ != v6.Request && m.x.typ != v6.Solicit:
		m.do(Answer{msg, "the server does not know of the lease"})
		m.request(msg)
	case r.gone:
		m.do(Answer{msg, "it takes all back"})
		m.do(Forget{})
		m.failed("the server took all back")
	case err != nil:
		m.refused(msg, err)
	default:
		if left := r.lease.Prune(m.now); left != nil {
			m.do(Answer{Msg: msg})
			m.bind(left)
			return
		}
		m.refused(msg, fmt.Errorf("it ended before it came"))
	}
}

// refused is a server's no. One that has asked others too, or goes on asking, waits; one that asked a
// server for what it advertised begins anew.
func (m *Machine) refused(msg *v6.Message, why error) {
	st, _ := msg.Options.Status()
	switch {
	case st.Code == v6.UnspecFail || st.Code == v6.UseMulticast:
		m.reject(msg, Unusable, why.Error()) // the next message comes when it is due
	case m.x.typ == v6.Request:
		m.do(Answer{msg, why.Error()})
		m.failed(why.Error())
	case st.Code == v6.NotOnLink && m.x.typ != v6.Solicit:
		m.do(Answer{msg, why.Error()})
		m.do(Forget{})
		m.failed(why.Error())
	default:
		m.reject(msg, Unusable, why.Error())
	}
}

func (m *Machine) bind(l *Lease) {
	m.do(Apply{m.held, l})
	m.held, m.asked, m.fails = l, nil, 0
	m.do(Save{l})
	if a, err := l.Reply.Options.Auth(); err == nil && m.cfg.Reconfigure {
		if key, ok := a.ReconfigureKey(); ok {
			m.key, m.replay = key, a.Replay
		}
	}
	m.bound("from server " + l.Server.String())
}

// confirmed is what a server says of addresses that it need not know (RFC 8415 18.2.10.3).
func (m *Machine) confirmed(msg *v6.Message) {
	if err := refusal(msg); err != nil {
		m.refused(msg, err)
		return
	}
	m.do(Answer{Msg: msg})
	if m.held == nil {
		left := m.asked.Prune(m.now)
		if left == nil {
			m.restart(0, "all of it ended")
			return
		}
		m.do(Apply{nil, left})
		m.held, m.asked = left, nil
		m.do(Save{left})
	}
	m.bound("confirmed")
}

func (m *Machine) informed(msg *v6.Message) {
	if err := refusal(msg); err != nil {
		m.reject(msg, Unusable, err.Error())
		return
	}
	after, err := msg.Options.InfoRefresh()
	if err != nil {
		after = v6.InfoRefreshDefault
	}
	m.do(Answer{Msg: msg})
	m.do(Got{msg})
	if m.x.side {
		m.end()
		return
	}
	m.end()
	m.enter(Informed, "")
	m.due = never
	if after != v6.Forever {
		m.due = m.now.Boot + after
	}
}

// reconfigure follows a server that has our key (RFC 8415 18.2.11 and 20.4).
func (m *Machine) reconfigure(p Packet) {
	server, err := p.Msg.Options.ServerID()
	id, err2 := p.Msg.Options.ClientID()
	switch {
	case !m.cfg.Reconfigure || m.key == nil:
		m.ignore(Unauthentic, "there is no key")
		return
	case err != nil || m.held == nil || !sameDUID(server, m.held.Server):
		m.ignore(OtherServer, server.String())
		return
	case err2 != nil || !sameDUID(id, m.cfg.DUID):
		m.ignore(OtherClient, id.String())
		return
	case m.state != Bound:
		m.ignore(Undue, "a reconfigure in "+m.state.String())
		return
	}
	replay, err := v6.VerifyReconfigure(p.Raw, m.key, m.replay)
	if err != nil {
		m.ignore(Unauthentic, err.Error())
		return
	}
	what, err := p.Msg.Options.Uint8(v6.OptReconfigureMessage)
	switch {
	case err == nil && v6.MessageType(what) == v6.Renew:
		m.replay = replay
		m.renew("the server asks for it")
	case err == nil && v6.MessageType(what) == v6.Rebind:
		m.replay = replay
		m.rebind("the server asks for it")
	default:
		m.ignore(Unusable, "a reconfigure for another message")
	}
}
