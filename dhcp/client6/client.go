package client6

import (
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v6"
)

// A State of the client.
type State uint8

const (
	Stopped    State = iota
	Init             // waits to begin: for the link, a random while, or after a refusal
	Soliciting       // looks for servers
	Requesting       // has asked one for what it advertised
	Confirming       // asks whether what it has is right for the link
	Bound
	Renewing  // asks the server
	Rebinding // asks any server
	Releasing // gives back
	Declining // tells that another has an address
	Informing // asks for options only
	Informed  // has them
)

var stateNames = [...]string{
	"STOPPED", "INIT", "SOLICITING", "REQUESTING", "CONFIRMING", "BOUND", "RENEWING", "REBINDING", "RELEASING", "DECLINING",
	"INFORMING", "INFORMED",
}

func (s State) String() string { return stateNames[s] }

// Config of a client. Without Address and Prefix it asks for options only
// (stateless DHCPv6).
type Config struct {
	DUID        v6.DUID      // ours
	IAID        uint32       // of the link, the same for both associations
	Address     bool         // ask for addresses: IA_NA
	Prefix      bool         // ask for prefixes: IA_PD
	Hint        netip.Prefix // to ask for; ::/56 asks for the length only
	Request     []v6.Code    // options to ask for; nil: DefaultRequest
	Servers     []v6.DUID    // only these count, if any
	Options     v6.Options   // more to send
	RapidCommit bool         // RFC 8415 18.2.1
	Reconfigure bool         // RFC 8415 20.4
	Prompt      bool         // no random delay of up to a second before the first message
}

// DefaultRequest is what is asked for unless told otherwise. The last two must be asked for: RFC 8415 18.2.1.
var DefaultRequest = []v6.Code{
	v6.OptDNS, v6.OptDomainSearch, v6.OptNTPServers, v6.OptCaptivePortal, v6.OptSolMaxRT, v6.OptInfMaxRT,
}

// Rand gives random bits: a *rand.Rand of math/rand/v2, seeded with secrets on a real
// network.
type Rand interface{ Uint64() uint64 }

// An Event is what Step takes, nil for nothing but the time.
type Event interface{ event() }

type (
	// Start begins. Lease is what is remembered, or nil. Held says that it is on the
	// link, put there by this client's former life.
	Start struct {
		Lease *Lease
		Held  bool
	}
	// Stop ends without a word to the server. With Keep what is applied stays.
	Stop struct{ Keep bool }
	// Release gives the lease back and ends.
	Release struct{}
	// Renew asks the server now, as T1 would; in INFORMED, for the options.
	Renew struct{}
	// Rebind asks any server now, as T2 would.
	Rebind struct{}
	// Discover asks who is there, and takes nothing: the answers come as Answer.
	Discover struct{}
	// Inform asks for options only, beside what is held: they come as Got.
	Inform struct{}
	// LinkUp and LinkDown tell whether messages can be sent: of the carrier, and of a link-local address. A
	// machine begins with the link up.
	LinkUp   struct{}
	LinkDown struct{}
	// A Packet came. Raw is the message as it was, for authentication. Msg must not be changed afterwards.
	Packet struct {
		Msg *v6.Message
		Raw []byte
	}
	// Conflict tells that another has the address: duplicate address detection failed.
	Conflict struct{ Addr netip.Addr }
)

func (Start) event()    {}
func (Stop) event()     {}
func (Release) event()  {}
func (Renew) event()    {}
func (Rebind) event()   {}
func (Discover) event() {}
func (Inform) event()   {}
func (LinkUp) event()   {}
func (LinkDown) event() {}
func (Packet) event()   {}
func (Conflict) event() {}

// An Action is what is to be done, in the order given: Send, Apply, Remove, Save,
// Forget; or to be told: Changed, Answer, Ignored, Got, Refused.
type Action interface{ action() }

type (
	// Send a message from a link-local address to the servers and relays, ff02::1:2, port 547.
	Send struct{ Msg *v6.Message }
	// Apply sets what New says. Old, if not nil, is what is set: what both have stays
	// untouched but for its lifetimes.
	Apply struct{ Old, New *Lease }
	// Remove takes away what the lease had set.
	Remove struct {
		Lease *Lease
		Why   string
	}
	// Save remembers the lease over a restart, Forget forgets it.
	Save   struct{ Lease *Lease }
	Forget struct{}

	// Changed tells of a new state, and why.
	Changed struct {
		From, To State
		Why      string
	}
	// Answer tells of a server's message that answers; Why it was not taken, if it was not. A flood of those
	// that are not is told of in the powers of two.
	Answer struct {
		Msg *v6.Message
		Why string
	}
	// Got has the options that were asked for alone; nil: nobody told them to Inform.
	Got struct{ Msg *v6.Message }
	// Ignored tells of another packet that was only counted. A flood is told of in the powers of two.
	Ignored struct {
		Reason Reason
		Count  uint64
		Why    string
	}
	// Refused tells why an event could not be followed.
	Refused struct{ Why string }
)

func (Send) action()    {}
func (Apply) action()   {}
func (Remove) action()  {}
func (Save) action()    {}
func (Forget) action()  {}
func (Changed) action() {}
func (Answer) action()  {}
func (Got) action()     {}
func (Ignored) action() {}
func (Refused) action() {}

// A Reason to ignore a packet.
type Reason uint8

const (
	NoReply     Reason = iota // it is no message of a server
	OtherXID                  // of no transaction that lives
	OtherClient               // another DUID, or none
	OtherServer               // not from the server that was asked, or from none
	Undue                     // a type that the state does not wait for
	Unusable                  // it gives nothing, says no, or says what cannot be
	NotAllowed                // from a server that Config.Servers lacks
	Unauthentic               // a Reconfigure that does not verify
	reasons
)

var reasonNames = [reasons]string{"no_reply", "other_xid", "other_client", "other_server", "undue", "unusable", "not_allowed", "unauthentic"}

func (r Reason) String() string { return reasonNames[r] }

// Stats count messages by type (v6.Solicit ...), and what was ignored.
type Stats struct {
	Sent, Received [14]uint64
	Ignored        [reasons]uint64
}

// A Machine is the client of one link. Not safe for concurrent use.
type Machine struct {
	cfg   Config
	rand  Rand
	now   lease.Instant
	acts  []Action
	state State
	down  bool // the link
	due   time.Duration
	side  time.Duration // due time of an exchange on the side
	x     exchange

	best   *v6.Message // the best Advertise so far
	held   *Lease      // that is applied
	asked  *Lease      // that Confirming, Requesting, Releasing or Declining is about; or a wish
	old    *Lease      // that is remembered, to be confirmed
	fails  int         // refusals in a row
	solMax time.Duration
	infMax time.Duration
	stats  Stats

	key    []byte // for Reconfigure, and the last counter it was used with
	replay uint64
}

// New returns a stopped machine.
func New(cfg Config, r Rand) *Machine {
	if cfg.Request == nil {
		cfg.Request = DefaultRequest
	}
	return &Machine{cfg: cfg, rand: r, due: never, side: never, solMax: solicitTimes.mrt, infMax: informTimes.mrt}
}

// State returns the state.
func (m *Machine) State() State { return m.state }

// Lease returns the lease that is applied, nil if there is none.
func (m *Machine) Lease() *Lease { return m.held }

// XID returns the transaction that is alive.
func (m *Machine) XID() (xid uint32, ok bool) { return m.x.xid, m.x.live }

// Tries returns how many messages the transaction has sent.
func (m *Machine) Tries() int { return m.x.tries }

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Deadline returns when Step is to be called at the latest, on the boot clock, if
// at all.
func (m *Machine) Deadline() (at time.Duration, ok bool) {
	at = min(m.due, m.side)
	if m.held != nil {
		at = min(at, m.held.Next())
	}
	return at, at != never
}

// Step lets the machine know of an event and the time. What is due happens first. The
// actions are to be carried out in order.
func (m *Machine) Step(now lease.Instant, ev Event) []Action {
	m.now, m.acts = now, nil
	m.timers()
	switch ev := ev.(type) {
	case nil:
	case Packet:
		m.packet(ev)
	case Start:
		m.start(ev)
	case Stop:
		m.stop(ev.Keep, "stopped")
	case Release:
		m.release()
	case Renew, Rebind:
		m.renewNow(ev)
	case Discover:
		m.aside(v6.Solicit)
	case Inform:
		m.aside(v6.InfoRequest)
	case LinkUp:
		m.link(true)
	case LinkDown:
		m.link(false)
	case Conflict:
		m.conflict(ev.Addr)
	}
	acts := m.acts
	m.acts = nil
	return acts
}

func (m *Machine) do(a Action) { m.acts = append(m.acts, a) }

func (m *Machine) refuse(why string) { m.do(Refused{why}) }

func (m *Machine) enter(s State, why string) {
	if s != m.state {
		m.do(Changed{From: m.state, To: s, Why: why})
		m.state = s
	}
}

func (m *Machine) stateless() bool { return !m.cfg.Address && !m.cfg.Prefix }

// timers does what is due. Nothing becomes due again at once, whatever the clock did:
// the next time counts from now.
func (m *Machine) timers() {
	m.expire()
	if m.now.Boot < m.due {
		if m.now.Boot >= m.side {
			m.sideDue()
		}
		return
	}
	m.due = never
	switch m.state {
	case Init:
		m.begin("")
	case Soliciting:
		if m.best != nil {
			m.request(m.best)
			return
		}
		m.send()
	case Requesting:
		if m.x.tries >= requestTimes.mrc {
			m.failed("the server does not answer")
			return
		}
		m.send()
	case Confirming:
		if m.now.Boot >= m.x.end {
			m.unconfirmed()
			return
		}
		m.send()
	case Bound, Renewing, Rebinding:
		m.renewal()
	case Releasing, Declining:
		if m.x.tries >= releaseTimes.mrc {
			m.gaveBack("the server does not answer")
			return
		}
		m.send()
	case Informing:
		m.send()
	case Informed:
		m.inform("the options are old")
	}
}

// expire takes away what is valid no longer.
func (m *Machine) expire() {
	if m.held == nil || m.held.Next() > m.now.Boot {
		return
	}
	old := m.held
	if left := old.Prune(m.now); left != nil {
		m.held = left
		m.do(Apply{old, left})
		m.do(Save{left})
		return
	}
	m.asked = old // a wish
	m.remove("all of it ended")
	m.restart(0, "all of it ended")
}

func (m *Machine) remove(why string) {
	if m.held != nil {
		m.do(Remove{m.held, why})
		m.held = nil
	}
}

// restart ends the transaction and begins anew after a while, and another one of
// chance.
func (m *Machine) restart(after time.Duration, why string) {
	m.end()
	m.due = never
	m.enter(Init, why)
	if m.down {
		return
	}
	if !m.cfg.Prompt {
		after += m.chance(maxDelay)
	}
	if after == 0 {
		m.begin(why)
		return
	}
	m.due = m.now.Boot + after
}

// begin is the first message of a new attempt.
func (m *Machine) begin(why string) {
	switch {
	case m.stateless():
		m.inform(why)
	case m.held != nil:
		m.confirm(m.held, why)
	default:
		old := m.old
		m.old = nil
		if old != nil {
			if m.asked = old; old.Expires() > m.now.Boot {
				m.confirm(old, why)
				return
			}
		}
		m.solicit(why)
	}
}

// failed begins anew because a server did not keep its word; the more often, the later.
func (m *Machine) failed(why string) {
	m.remove(why)
	wait := time.Second << min(m.fails, 6)
	m.fails++
	m.restart(wait, why)
}

func (m *Machine) link(up bool) {
	if up != m.down {
		return
	}
	m.down = !up
	switch {
	case m.state == Stopped:
		m.end()
	case up:
		m.restart(0, "the link is up")
	case m.state == Releasing:
		m.stop(false, "the link is down")
	default: // a lease goes on, and ends when it does
		switch {
		case m.state == Confirming && m.held == nil:
			m.old = m.asked
		case m.state == Declining:
			m.asked = nil // not what another has
		}
		m.restart(0, "the link is down")
	}
}

func (m *Machine) start(ev Start) {
	if m.state != Stopped {
		m.refuse("it runs already")
		return
	}
	m.fails, m.asked, m.old = 0, nil, nil
	if ev.Lease == nil || m.stateless() {
		m.restart(0, "started")
		return
	}
	left := ev.Lease.Prune(m.now)
	switch {
	case left == nil && ev.Held:
		m.do(Remove{ev.Lease, "all of it ended"})
		m.asked = ev.Lease
	case left == nil:
		m.asked = ev.Lease
	case ev.Held:
		m.held = left
		if left != ev.Lease {
			m.do(Apply{ev.Lease, left})
		}
	default:
		m.old = left
	}
	m.restart(0, "started")
}

func (m *Machine) stop(keep bool, why string) {
	m.end()
	if !keep {
		m.remove(why)
	}
	m.held, m.asked, m.old, m.key = nil, nil, nil, nil
	m.due = never
	m.enter(Stopped, why)
}

// release gives back (RFC 8415 18.2.7). What is given back is used no longer before the
// server is told.
func (m *Machine) release() {
	l := m.held
	switch {
	case m.state == Stopped:
		m.refuse("it is stopped")
		return
	case m.state == Releasing:
		m.refuse("it is being released")
		return
	case l == nil:
		m.stop(false, "released")
		return
	}
	m.remove("released")
	m.do(Forget{})
	if m.down {
		m.stop(false, "released; the link is down")
		return
	}
	m.end()
	m.asked = l
	m.enter(Releasing, "released")
	m.exchange(v6.Release, releaseTimes)
}

// conflict tells the server that another has the address (RFC 8415 18.2.8).
func (m *Machine) conflict(addr netip.Addr) {
	if m.held == nil || m.state == Stopped {
		return
	}
	left := m.held.Without(addr)
	if len(left.Addrs) == len(m.held.Addrs) {
		return
	}
	why := addr.String() + " belongs to another"
	declined := *m.held
	declined.Prefixes = nil
	declined.Addrs = []v6.IAAddr{{Addr: addr}}
	if left.Empty() {
		m.remove(why)
		m.do(Forget{})
	} else {
		m.do(Apply{m.held, left})
		m.held = left
		m.do(Save{left})
	}
	if m.down {
		return
	}
	m.end()
	m.asked = &declined
	m.enter(Declining, why)
	m.exchange(v6.Decline, releaseTimes)
}

// declined is the wait after a Decline, as of DHCPv4 (RFC 2131 3.1 5).
const declined = 10 * time.Second

// gaveBack ends Releasing and Declining.
func (m *Machine) gaveBack(why string) {
	switch {
	case m.state == Releasing:
		m.stop(false, why)
	case m.held != nil:
		m.asked = nil
		m.bound(why)
	default:
		m.asked = nil
		m.restart(declined, why)
	}
}

// bound goes on with what is held.
func (m *Machine) bound(why string) {
	m.end()
	m.enter(Bound, why)
	m.due = min(m.held.At(m.held.T1), m.held.At(m.held.T2))
	if m.due <= m.now.Boot { // it was due meanwhile
		m.renewal()
	}
}

// aside begins an exchange that changes nothing of what is held.
func (m *Machine) aside(typ v6.MessageType) {
	switch {
	case m.down:
		m.refuse("the link is down")
	case typ == v6.Solicit && m.stateless():
		m.refuse("it asks for options only")
	case m.state != Stopped && m.state != Init && m.state != Bound && m.state != Informed, m.x.live && !m.x.side:
		m.refuse("it is busy: " + m.state.String())
	default:
		m.end()
		m.x.side = true
		m.exchange(typ, sideTimes)
	}
}

func (m *Machine) sideDue() {
	m.side = never
	if m.x.tries < sideTimes.mrc {
		m.send()
		return
	}
	typ := m.x.typ
	m.end()
	if typ == v6.InfoRequest {
		m.do(Got{})
	}
}

func (m *Machine) renewNow(ev Event) {
	_, any := ev.(Rebind)
	switch {
	case m.down:
		m.refuse("the link is down")
	case m.state == Informed && !any:
		m.inform("asked to")
	case m.state != Bound && m.state != Renewing && m.state != Rebinding:
		m.refuse("it is " + m.state.String())
	case any:
		m.rebind("asked to")
	default:
		m.renew("asked to")
	}
}
