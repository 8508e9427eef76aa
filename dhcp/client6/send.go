package client6

import (
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v6"
)

// times are the parameters of an exchange: initial and maximum time between messages,
// how many, and how long. 0 is no limit. Source: RFC 8415 7.6 and 15.
type times struct {
	irt, mrt, mrd time.Duration
	mrc           int
}

var (
	solicitTimes = times{irt: time.Second, mrt: time.Hour}
	requestTimes = times{irt: time.Second, mrt: 30 * time.Second, mrc: 10}
	confirmTimes = times{irt: time.Second, mrt: 4 * time.Second, mrd: 10 * time.Second}
	renewTimes   = times{irt: 10 * time.Second, mrt: 10 * time.Minute}
	releaseTimes = times{irt: time.Second, mrc: 4} // and of Decline
	informTimes  = times{irt: time.Second, mrt: time.Hour}
	sideTimes    = times{irt: time.Second, mrc: 2} // of what is asked for once
)

// maxDelay is the longest wait of chance before a first message: SOL_MAX_DELAY, CNF_MAX_DELAY, INF_MAX_DELAY.
const maxDelay = time.Second

// An exchange is the transaction that is alive.
type exchange struct {
	live  bool
	side  bool // of Discover or Inform
	xid   uint32
	typ   v6.MessageType
	times times
	tries int
	began time.Duration
	end   time.Duration // when to give up, or never
	rt    time.Duration
	sent  lease.Instant // the last message: a lease counts from there
}

// end ends the transaction: what answers it counts no more.
func (m *Machine) end() {
	m.x = exchange{}
	m.best = nil
	m.side = never
}

// exchange begins a transaction with its first message.
func (m *Machine) exchange(typ v6.MessageType, t times) {
	m.x = exchange{
		live: true, side: m.x.side, typ: typ, times: t, began: m.now.Boot, end: never,
		xid: uint32(m.rand.Uint64() >> 40),
	}
	if t.mrd > 0 {
		m.x.end = m.now.Boot + t.mrd
	}
	m.send()
}

// chance is a random time from 0 to most.
func (m *Machine) chance(most time.Duration) time.Duration {
	return time.Duration(m.rand.Uint64() % uint64(most+1))
}

// around is d and up to a tenth of it more or less: RAND of RFC 8415 15.
func (m *Machine) around(d time.Duration) time.Duration { return d - d/10 + m.chance(d/5) }

// send sends the message of the transaction, again with the time that has passed,
// and sets when the next is due.
func (m *Machine) send() {
	msg := m.message()
	m.stats.Sent[msg.Type]++
	m.do(Send{msg})
	x := &m.x
	x.tries++
	x.sent = m.now
	switch {
	case x.tries == 1 && x.typ == v6.Solicit: // never shorter: servers are given their time
		x.rt = x.times.irt + m.chance(x.times.irt/10)
	case x.tries == 1:
		x.rt = m.around(x.times.irt)
	default:
		x.rt += m.around(x.rt)
	}
	if mrt := x.times.mrt; mrt > 0 && x.rt > mrt {
		x.rt = m.around(mrt)
	}
	if x.side {
		m.side = m.now.Boot + x.rt
		return
	}
	m.due = min(m.now.Boot+x.rt, x.end)
}

// message makes the message of the transaction.
func (m *Machine) message() *v6.Message {
	msg := &v6.Message{Type: m.x.typ, XID: m.x.xid}
	o := &msg.Options
	o.SetClientID(m.cfg.DUID)
	o.SetElapsed(m.now.Boot - m.x.began)
	switch msg.Type {
	case v6.Request:
		if m.best != nil {
			if id, err := m.best.Options.ServerID(); err == nil {
				o.SetServerID(id)
			}
		}
	case v6.Renew:
		o.SetServerID(m.held.Server)
	case v6.Release, v6.Decline:
		o.SetServerID(m.asked.Server)
		m.associations(o, m.asked, false)
		return msg
	case v6.Confirm:
		m.associations(o, m.asked, false)
		return msg
	case v6.Solicit:
		if m.cfg.RapidCommit && !m.x.side {
			o.SetRapidCommit()
		}
	}
	if msg.Type != v6.InfoRequest {
		l := m.held
		switch {
		case m.x.side:
			l = nil
		case l == nil:
			l = m.asked
		}
		m.associations(o, l, true)
	}
	o.SetRequested(m.cfg.Request...)
	if m.cfg.Reconfigure {
		o.Set(v6.OptReconfigureAccept, nil)
	}
	for _, x := range m.cfg.Options {
		o.Set(x.Code, x.Data)
	}
	return msg
}

// associations adds what l has; if all is set, also what it lacks and the client wants. Lifetimes and times are
// zero: a client has no wish there (RFC 8415 18.2.4).
func (m *Machine) associations(o *v6.Options, l *Lease, all bool) {
	na, pd := v6.IA{IAID: m.cfg.IAID}, v6.IA{IAID: m.cfg.IAID}
	if l != nil {
		for _, a := range l.Addrs {
			_ = na.Options.AddIAAddr(v6.IAAddr{Addr: a.Addr}) // it was read from a message: it fits in one
		}
		for _, p := range l.Prefixes {
			_ = pd.Options.AddIAPrefix(v6.IAPrefix{Prefix: p.Prefix})
		}
	}
	if len(pd.Options) == 0 && m.cfg.Hint.IsValid() {
		_ = pd.Options.AddIAPrefix(v6.IAPrefix{Prefix: m.cfg.Hint}) // one that is not of IPv6 is no hint
	}
	if m.cfg.Address && (all || len(na.Options) > 0) {
		_ = o.AddIANA(na)
	}
	if m.cfg.Prefix && (all || l != nil && len(l.Prefixes) > 0) {
		_ = o.AddIAPD(pd)
	}
}

func (m *Machine) solicit(why string) {
	m.end()
	m.enter(Soliciting, why)
	t := solicitTimes
	t.mrt = m.solMax
	m.exchange(v6.Solicit, t)
}

// request asks the server of an Advertise (or, after a NoBinding, of a Reply) for what it gives.
func (m *Machine) request(from *v6.Message) {
	if r, err := m.cfg.read(from, m.now, nil); err == nil {
		m.asked = r.lease
	} else if m.held != nil {
		m.asked = m.held
	}
	m.end()
	m.best = from
	id, _ := from.Options.ServerID()
	m.enter(Requesting, "from server "+id.String())
	m.exchange(v6.Request, requestTimes)
}

// confirm asks whether the lease is right for the link. One with a prefix is
// rebound instead, within the same times (RFC 8415 18.2.12).
func (m *Machine) confirm(l *Lease, why string) {
	m.end()
	m.asked = l
	m.enter(Confirming, why)
	typ := v6.Confirm
	if len(l.Prefixes) > 0 {
		typ = v6.Rebind
	}
	m.exchange(typ, confirmTimes)
}

// unconfirmed is what nobody said anything of.
func (m *Machine) unconfirmed() {
	if m.held != nil {
		m.bound("nobody says that it is wrong")
		return
	}
	m.restart(0, "nobody confirms it")
}

func (m *Machine) renew(why string) {
	m.end()
	m.enter(Renewing, why)
	m.exchange(v6.Renew, renewTimes)
	m.cap()
}

func (m *Machine) rebind(why string) {
	m.end()
	m.enter(Rebinding, why)
	m.exchange(v6.Rebind, renewTimes)
}

// cap makes T2 due while renewing.
func (m *Machine) cap() {
	if t2 := m.held.At(m.held.T2); m.state == Renewing && t2 > m.now.Boot {
		m.due = min(m.due, t2)
	}
}

// renewal is T1, T2, and the times between.
func (m *Machine) renewal() {
	switch now := m.now.Boot; {
	case m.state != Rebinding && now >= m.held.At(m.held.T2):
		m.rebind("T2")
	case m.state == Bound:
		m.renew("T1")
	default:
		m.send()
		m.cap()
	}
}

func (m *Machine) inform(why string) {
	m.end()
	m.enter(Informing, why)
	t := informTimes
	t.mrt = m.infMax
	m.exchange(v6.InfoRequest, t)
}
