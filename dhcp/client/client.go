package client

import (
	"net"
	"net/netip"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v4"
)

// A State of the client (RFC 2131 4.4, figure 5).
type State uint8

const (
	Stopped    State = iota
	Init             // waits to begin: for the link, or after a NAK or a conflict
	Selecting        // has sent DISCOVER
	Requesting       // has asked for what a server offered
	Checking         // has a lease, and asks whether somebody else has the address (RFC 5227)
	Bound
	Renewing   // asks the server
	Rebinding  // asks any server
	InitReboot // waits for the link, to ask for the address it had
	Rebooting  // asks for the address it had
)

var stateNames = [...]string{"STOPPED", "INIT", "SELECTING", "REQUESTING", "CHECKING", "BOUND", "RENEWING", "REBINDING", "INIT-REBOOT", "REBOOTING"}

func (s State) String() string { return stateNames[s] }

// Config of a client. The zero value of all but CHAddr serves.
type Config struct {
	CHAddr      net.HardwareAddr // of the link: 6 bytes, Ethernet
	ClientID    []byte           // option 61: its type and the identifier; empty: not sent
	Hostname    string           // option 12
	VendorClass string           // option 60
	Request     []v4.Code        // option 55; nil: DefaultRequest
	MaxSize     uint16           // option 57: bytes of an IP packet that we take; 0: 1500
	Servers     []netip.Addr     // only these count, if any
	Options     v4.Options       // more to send; they win over those from above
	Broadcast   bool             // answers shall be broadcast: for links that cannot receive others before they have an address
	RapidCommit bool             // RFC 4039
	IPv6Only    bool             // RFC 8925
	ForceRenew  bool             // RFC 6704
	Check       bool             // Probe before use
	// Patience is how long an offer of another address than the one that was asked for waits for
	// a better one, unless it is from the server that gave that one; 0: DefaultPatience, negative: it
	// does not.
	Patience time.Duration
}

// DefaultPatience is enough for servers on the link or behind a relay, and short beside the
// seconds that it took to come to ask for an address in this way.
const DefaultPatience = 300 * time.Millisecond

// DefaultRequest is what is asked for unless told otherwise. 121 stands before 3, as
// RFC 3442 wants.
var DefaultRequest = []v4.Code{
	v4.OptSubnetMask, v4.OptClasslessRoutes, v4.OptRouters, v4.OptDNS, v4.OptHostname, v4.OptDomainName, v4.OptMTU,
	v4.OptBroadcastAddr, v4.OptNTPServers, v4.OptDomainSearch, v4.OptCaptivePortal, v4.OptT1, v4.OptT2,
}

// Rand gives random bits: a *rand.Rand of math/rand/v2. They name transactions,
// so a client on a real network seeds it with secrets.
type Rand interface{ Uint64() uint64 }

// An Event is what Step takes: Start, Stop, Release, Renew, Rebind, Inform, Discover,
// LinkUp, LinkDown, Packet, Checked, Conflict, or nil for nothing but the time.
type Event interface{ event() }

type (
	// Start begins. Lease is what is remembered, or nil. Held says that its address is on the
	// link, put there by this client's former life. Without a lease, Wish is the
	// address to ask for, if valid.
	Start struct {
		Lease *lease.Lease
		Held  bool
		Wish  netip.Addr
	}
	// Stop ends without a word to the server. With Keep what is applied stays.
	Stop struct{ Keep bool }
	// Release gives the lease back and ends.
	Release struct{}
	// Renew asks the server now, as T1 would.
	Renew struct{}
	// Rebind asks any server now, as T2 would.
	Rebind struct{}
	// Inform asks for options only, for an address from elsewhere or, if that is the zero
	// Addr, the lease's (RFC 2131 3.4).
	Inform struct{ Addr netip.Addr }
	// Discover asks who is there, and takes no offer: the answers come as Answer.
	Discover struct{}
	// LinkUp and LinkDown tell of the carrier. A machine begins with the link up.
	LinkUp   struct{}
	LinkDown struct{}
	// A Packet came. Raw is the message as it was, for authentication. Neither is kept if it is
	// not used; Msg must not be changed afterwards if it is.
	Packet struct {
		Msg *v4.Message
		Raw []byte
	}
	// Checked ends a Probe: By has the address already, if not empty.
	Checked struct {
		Addr netip.Addr
		By   net.HardwareAddr
	}
	// Conflict tells that the address in use could not be defended.
	Conflict struct {
		Addr netip.Addr
		By   net.HardwareAddr
	}
)

func (Start) event()    {}
func (Stop) event()     {}
func (Release) event()  {}
func (Renew) event()    {}
func (Rebind) event()   {}
func (Inform) event()   {}
func (Discover) event() {}
func (LinkUp) event()   {}
func (LinkDown) event() {}
func (Packet) event()   {}
func (Checked) event()  {}
func (Conflict) event() {}

// An Action is what is to be done, in the order given: Send, Probe, Apply, Remove,
// Save, Forget; or to be told: Changed, Answer, Ignored, Informed, Refused.
type Action interface{ action() }

type (
	// Send a message: by unicast to To if it is valid, else as a broadcast; from From, or from
	// 0.0.0.0 if that is the zero Addr.
	Send struct {
		Msg      *v4.Message
		From, To netip.Addr
	}
	// Probe whether somebody has the address (RFC 5227 2.1); answer with Checked. Leaving the
	// state Checking, also without an answer, ends it.
	Probe struct{ Addr netip.Addr }
	// Apply sets what New says. Old, if not nil, is what is set: what both have stays
	// untouched but for its lifetimes. They may be the same lease, of which something may be lost.
	Apply struct{ Old, New *lease.Lease }
	// Remove takes away what the lease had set.
	Remove struct {
		Lease *lease.Lease
		Why   string
	}
	// Save remembers the lease over a restart, Forget forgets it.
	Save   struct{ Lease *lease.Lease }
	Forget struct{}

	// Changed tells of a new state, and why.
	Changed struct {
		From, To State
		Why      string
	}
	// Answer tells of a message that answers the transaction; Why says why it was not
	// taken, empty if it was.
	Answer struct {
		Msg *v4.Message
		Why string
	}
	// Ignored tells of a packet that was only counted. A flood is told of in the powers of two.
	Ignored struct {
		Reason Reason
		Count  uint64
		Why    string
	}
	// Informed is the answer to Inform; nil: there was none.
	Informed struct{ Msg *v4.Message }
	// Refused tells why an event could not be followed.
	Refused struct{ Why string }
)

func (Send) action()     {}
func (Probe) action()    {}
func (Apply) action()    {}
func (Remove) action()   {}
func (Save) action()     {}
func (Forget) action()   {}
func (Changed) action()  {}
func (Answer) action()   {}
func (Ignored) action()  {}
func (Informed) action() {}
func (Refused) action()  {}

// A Reason to ignore a packet.
type Reason uint8

const (
	NoReply     Reason = iota // it is from a client, or has no message type
	OtherXID                  // of no transaction that lives
	OtherClient               // another hardware address or client identifier
	OtherServer               // not from the server that was asked, or from none
	Undue                     // a type that the state does not wait for
	Unusable                  // it lacks what it must have, or says what cannot be
	NotAllowed                // from a server that Config.Servers lacks
	Unauthentic               // FORCERENEW without a nonce that verifies
	Worse                     // another offer was taken
	reasons
)

var reasonNames = [reasons]string{"no_reply", "other_xid", "other_client", "other_server", "undue", "unusable", "not_allowed", "unauthentic", "worse"}

func (r Reason) String() string { return reasonNames[r] }

// Stats count messages by type (v4.Discover ...), what was ignored, and messages with
// v4.Message.Damage, whether they were used or ignored.
type Stats struct {
	Sent, Received [19]uint64
	Ignored        [reasons]uint64
	Damaged        uint64
}

const never = lease.Never

// kind of a transaction.
type kind uint8

const (
	none      kind = iota
	main           // for a lease
	informing      // Inform
	asking         // Discover
)

// A Machine is the client of one link. Not safe for concurrent use.
type Machine struct {
	cfg   Config
	rand  Rand
	now   lease.Instant
	acts  []Action
	state State
	down  bool // the link
	due   time.Duration

	live  kind // which transaction xid is of
	xid   uint32
	tries int           // messages of it so far
	began time.Duration // its first
	secs  uint16
	sent  lease.Instant // the first request of it: the lease counts from there
	side  time.Duration // due time of informing and asking
	ask   netip.Addr    // what informing is for

	offer *v4.Message  // that was chosen; in Selecting: that waits for a better one
	wish  netip.Addr   // the address to ask for
	giver netip.Addr   // the server that gave it once, if one did
	next  *lease.Lease // that is being checked
	held  *lease.Lease // that is applied
	old   *lease.Lease // to ask for in INIT-REBOOT
	naks  int          // in a row
	stats Stats

	nonce  []byte // key for FORCERENEW, and the last counter it was used with
	replay uint64
}

// New returns a stopped machine.
func New(cfg Config, r Rand) *Machine {
	if cfg.Request == nil {
		cfg.Request = DefaultRequest
	}
	if cfg.Patience == 0 {
		cfg.Patience = DefaultPatience
	}
	return &Machine{cfg: cfg, rand: r, due: never, side: never}
}

// State returns the state.
func (m *Machine) State() State { return m.state }

// Lease returns the lease that is applied, nil if there is none.
func (m *Machine) Lease() *lease.Lease { return m.held }

// XID returns the transaction that is alive.
func (m *Machine) XID() (xid uint32, ok bool) { return m.xid, m.live != none }

// Tries returns how many messages the transaction has sent.
func (m *Machine) Tries() int { return m.tries }

// Stats returns the counters.
func (m *Machine) Stats() Stats { return m.stats }

// Deadline returns when Step is to be called at the latest, on the boot clock, if
// at all.
func (m *Machine) Deadline() (at time.Duration, ok bool) {
	at = min(m.due, m.side)
	if m.held != nil {
		at = min(at, m.held.Expires())
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
	case Checked:
		m.checked(ev)
	case Conflict:
		m.conflict(ev)
	case LinkUp, LinkDown:
		_, up := ev.(LinkUp)
		m.link(up)
	default:
		m.command(ev)
	}
	acts := m.acts
	m.acts = nil
	return acts
}

func (m *Machine) do(a Action) { m.acts = append(m.acts, a) }

func (m *Machine) enter(s State, why string) {
	if s != m.state {
		m.do(Changed{From: m.state, To: s, Why: why})
		m.state = s
	}
}

// timers does what is due. Nothing becomes due again at once, whatever the clock did:
// the next time counts from now.
func (m *Machine) timers() {
	now := m.now.Boot
	if m.held != nil && now >= m.held.Expires() {
		m.expire()
		return
	}
	if now < m.due {
		if now >= m.side {
			m.sideDue()
		}
		return
	}
	m.due = never
	switch m.state {
	case Init:
		m.discover("")
	case Selecting:
		if m.offer != nil {
			m.choose(m.offer)
			return
		}
		m.sendDiscover()
	case Requesting:
		m.requestAgain()
	case Checking:
		m.restart(0, "the lease ended while its address was checked")
	case Bound, Renewing, Rebinding:
		m.renewal()
	case Rebooting:
		m.rebootAgain()
	}
}

// expire is the end of a lease that nobody renewed.
func (m *Machine) expire() {
	m.wishFor(m.held)
	m.remove("the lease ended")
	m.restart(0, "the lease ended")
}

// wishFor asks for the address of a lease from now on, or for none.
func (m *Machine) wishFor(l *lease.Lease) {
	m.wish, m.giver = netip.Addr{}, netip.Addr{}
	if l != nil {
		m.wish, m.giver = l.Addr, l.Server
	}
}

// remove takes the held lease away, and the memory of it.
func (m *Machine) remove(why string) {
	if m.held == nil {
		return
	}
	m.do(Remove{m.held, why})
	m.held = nil
}

// restart ends the transaction and begins anew after a while.
func (m *Machine) restart(after time.Duration, why string) {
	m.end()
	m.next, m.offer = nil, nil
	if after == 0 && !m.down {
		m.discover(why)
		return
	}
	m.enter(Init, why)
	m.due = never
	if !m.down {
		m.due = m.now.Boot + after
	}
}

func (m *Machine) link(up bool) {
	if up == !m.down {
		return
	}
	m.down = !up
	if !up {
		m.linkDown()
		return
	}
	switch {
	case m.state == Stopped:
	case m.held != nil:
		m.old = m.held
		m.reboot("the link is up")
	case m.state == InitReboot:
		m.reboot("the link is up")
	default:
		m.restart(0, "the link is up")
	}
}

// linkDown ends what is under way. A lease goes on, and ends when it does.
func (m *Machine) linkDown() {
	m.end()
	m.due = never
	m.next, m.offer = nil, nil
	switch {
	case m.state == Stopped:
	case m.held != nil:
		m.enter(InitReboot, "the link is down")
	case m.state == Rebooting || m.state == InitReboot:
		m.enter(InitReboot, "the link is down")
	default:
		m.enter(Init, "the link is down")
	}
}

func (m *Machine) command(ev Event) {
	switch ev := ev.(type) {
	case Start:
		m.start(ev)
	case Stop:
		m.stop(ev.Keep, "stopped")
	case Release:
		m.release()
	case Renew, Rebind:
		m.renewNow(ev)
	case Inform:
		m.inform(ev.Addr)
	case Discover:
		m.look()
	}
}

func (m *Machine) refuse(why string) { m.do(Refused{why}) }

func (m *Machine) start(ev Start) {
	if m.state != Stopped {
		m.refuse("it runs already")
		return
	}
	m.naks = 0
	m.end()
	m.wish, m.giver = ev.Wish, netip.Addr{}
	l := ev.Lease
	switch {
	case l == nil:
		m.restart(0, "started")
	case l.Left(m.now) == 0:
		if ev.Held {
			m.do(Remove{l, "the lease ended"})
		}
		if !m.wish.IsValid() {
			m.wishFor(l)
		}
		m.restart(0, "started; the lease has ended")
	default:
		if ev.Held {
			m.held = l
		}
		m.old = l
		m.reboot("started")
	}
}

func (m *Machine) stop(keep bool, why string) {
	m.end() // also what is asked on the side
	if !keep {
		m.remove(why)
	}
	m.held, m.next, m.offer, m.old = nil, nil, nil, nil
	m.due = never
	m.nonce = nil
	m.enter(Stopped, why)
}

// release gives the lease back (RFC 2131 4.4.6). The message goes before the address.
func (m *Machine) release() {
	if m.state == Stopped {
		m.refuse("it is stopped")
	}
	if l := m.held; l != nil {
		if !m.down {
			msg := m.message(v4.Release)
			msg.XID = m.newXID()
			msg.CIAddr = l.Addr
			setAddr(msg, v4.OptServerID, l.Server)
			m.send(msg, l.Addr, l.Server)
		}
		m.do(Forget{})
	}
	m.stop(false, "released")
}

func (m *Machine) checked(ev Checked) {
	if m.state != Checking || ev.Addr != m.next.Addr {
		return
	}
	if len(ev.By) > 0 {
		m.decline(m.next, ev.By)
		return
	}
	m.bind(m.next, "nobody else has "+ev.Addr.String())
}

func (m *Machine) conflict(ev Conflict) {
	if m.held == nil || ev.Addr != m.held.Addr || m.state == Stopped {
		return
	}
	m.decline(m.held, ev.By)
}

// declined is the least wait after a DECLINE: RFC 2131 3.1 5.
const declined = 10 * time.Second

// decline tells the server that another has the address (RFC 2131 4.4.1, table 5).
func (m *Machine) decline(l *lease.Lease, by net.HardwareAddr) {
	why := l.Addr.String() + " belongs to " + by.String()
	m.remove(why)
	if !m.down {
		msg := m.message(v4.Decline)
		msg.XID = m.newXID()
		setAddr(msg, v4.OptRequestedIP, l.Addr)
		setAddr(msg, v4.OptServerID, l.Server)
		m.send(msg, netip.Addr{}, netip.Addr{})
	}
	m.do(Forget{})
	m.wishFor(nil)
	m.restart(declined, why)
}
