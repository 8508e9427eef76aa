// Package dhcptest is a DHCPv4 server for tests: a handler without socket or clock, which
// does wrong on demand, and a shell that serves it on a link.
//
//	s := &dhcptest.Server{ID: addr, Subnet: prefix, Lease: 30 * time.Second}
//	s.Break(dhcptest.Every(3, dhcptest.Drop), dhcptest.Duplicate)
//	for _, r := range s.Handle(request, now) { deliver(r.Msg, r.After) }
//	...
//	conn, err := dhcptest.Listen("eth0")        // in the server's namespace
//	go s.Serve(conn)
//
// It gives each client, known by its identifier or hardware address, an address of its own in the
// order of asking, and is authoritative. It is not a server for anything but tests: it
// looks for no conflicts, and remembers nothing beyond its memory.
package dhcptest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/netfs-project/netfs/dhcp/v4"
)

// A Server hands out addresses. Its fields are not changed while it serves. Safe for
// concurrent use.
type Server struct {
	ID      netip.Addr   // its identifier, in Subnet
	Subnet  netip.Prefix // from which it gives, beginning at the hundredth address
	Lease   time.Duration
	Options v4.Options // of offers and acknowledgements; they win over its own

	mu     sync.Mutex // guards the rest
	leases map[string]*binding
	next   int
	faults []Fault
	log    []Seen
}

type binding struct {
	addr    netip.Addr
	expires time.Duration
	bad     bool // declined
}

// Seen is what the server got.
type Seen struct {
	Type v4.MessageType
	Msg  *v4.Message
}

// A Reply is a message to send, perhaps later. Raw, if not nil, is sent in its place.
type Reply struct {
	Msg   *v4.Message
	Raw   []byte
	After time.Duration
}

// A Fault changes what the server is about to reply.
type Fault func(request *v4.Message, replies []Reply) []Reply

// Break sets the faults, which are done in order. None: the server is sane.
func (s *Server) Break(faults ...Fault) {
	s.mu.Lock()
	s.faults = faults
	s.mu.Unlock()
}

// Forget makes the server lose its leases, as one without a disk does at a restart.
func (s *Server) Forget() {
	s.mu.Lock()
	s.leases = nil
	s.mu.Unlock()
}

// Log returns what came.
func (s *Server) Log() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// Handle answers a request; now is of any clock that does not step.
func (s *Server) Handle(req *v4.Message, now time.Duration) []Reply {
	if req.Op != v4.BootRequest {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, Seen{req.Type(), req})
	var replies []Reply
	if m := s.answer(req, now); m != nil {
		replies = []Reply{{Msg: m}}
	}
	for _, f := range s.faults {
		replies = f(req, replies)
	}
	return replies
}

func (s *Server) answer(req *v4.Message, now time.Duration) *v4.Message {
	server, err := req.Options.ServerID()
	if err == nil && server != s.ID {
		return nil // another's
	}
	switch req.Type() {
	case v4.Discover:
		b := s.bind(req)
		if b == nil {
			return nil
		}
		m := s.reply(req, v4.Offer, b.addr)
		if req.Options.RapidCommit() {
			m = s.reply(req, v4.Ack, b.addr)
			m.Options.SetRapidCommit()
			b.expires = now + s.Lease
		}
		return m
	case v4.Request:
		return s.request(req, now)
	case v4.Decline:
		if b := s.leases[key(req)]; b != nil {
			b.bad = true
		}
	case v4.Release:
		if b := s.leases[key(req)]; b != nil {
			b.expires = now
		}
	case v4.Inform:
		m := s.reply(req, v4.Ack, netip.Addr{})
		m.Options.Del(v4.OptLeaseTime)
		return m
	}
	return nil
}

func (s *Server) request(req *v4.Message, now time.Duration) *v4.Message {
	want := req.CIAddr
	if a, err := req.Options.RequestedIP(); err == nil {
		want = a
	}
	b := s.leases[key(req)]
	if b == nil || b.bad || b.addr != want {
		// Not known: taken over if it is free, for a server that lost its memory.
		if b == nil && s.Subnet.Contains(want) && !s.taken(want) {
			b = s.put(req, want)
		} else {
			m := s.reply(req, v4.Nak, netip.Addr{})
			m.Options = m.Options[:0:0]
			m.Options.SetType(v4.Nak)
			m.Options.SetAddr(v4.OptServerID, s.ID)
			return m
		}
	}
	b.expires = now + s.Lease
	return s.reply(req, v4.Ack, b.addr)
}

func key(m *v4.Message) string {
	if id, err := m.Options.ClientID(); err == nil {
		return string(id)
	}
	return string(m.CHAddr)
}

func (s *Server) taken(a netip.Addr) bool {
	for _, b := range s.leases {
		if b.addr == a {
			return true
		}
	}
	return a == s.ID
}

func (s *Server) put(req *v4.Message, a netip.Addr) *binding {
	if s.leases == nil {
		s.leases = map[string]*binding{}
	}
	b := &binding{addr: a}
	s.leases[key(req)] = b
	return b
}

// bind finds the client's address, or a new one; nil if there is none left.
func (s *Server) bind(req *v4.Message) *binding {
	b := s.leases[key(req)]
	if b != nil && !b.bad {
		return b
	}
	for range 1 << min(16, 32-s.Subnet.Bits()) {
		a := s.Subnet.Masked().Addr().As4()
		n := uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
		n += 100 + uint32(s.next)
		s.next++
		free := netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		if !s.Subnet.Contains(free) {
			return nil
		}
		if !s.taken(free) {
			return s.put(req, free)
		}
	}
	return nil
}

func (s *Server) reply(req *v4.Message, t v4.MessageType, a netip.Addr) *v4.Message {
	m := &v4.Message{Op: v4.BootReply, HType: req.HType, XID: req.XID, Flags: req.Flags, CIAddr: req.CIAddr, YIAddr: a, GIAddr: req.GIAddr, CHAddr: req.CHAddr}
	o := &m.Options
	o.SetType(t)
	o.SetAddr(v4.OptServerID, s.ID)
	o.SetDuration(v4.OptLeaseTime, s.Lease)
	o.SetSubnetMask(s.Subnet.Bits())
	for _, x := range s.Options {
		o.Set(x.Code, x.Data)
	}
	return m
}

// Drop loses the replies.
func Drop(*v4.Message, []Reply) []Reply { return nil }

// Duplicate sends each twice.
func Duplicate(_ *v4.Message, r []Reply) []Reply { return append(r, r...) }

// WrongXID puts a stranger's reply before each.
func WrongXID(_ *v4.Message, r []Reply) []Reply {
	return before(r, func(m *v4.Message) { m.XID ^= 0x5a5a5a5a })
}

// Stranger puts a NAK of another server before each.
func Stranger(id netip.Addr) Fault {
	return func(_ *v4.Message, r []Reply) []Reply {
		return before(r, func(m *v4.Message) {
			m.Options = nil
			m.Options.SetType(v4.Nak)
			m.Options.SetAddr(v4.OptServerID, id)
		})
	}
}

func before(r []Reply, edit func(*v4.Message)) []Reply {
	var all []Reply
	for _, x := range r {
		m := *x.Msg
		m.Options = m.Options.Clone()
		edit(&m)
		all = append(all, Reply{Msg: &m}, x)
	}
	return all
}

// NAK refuses requests.
func NAK(req *v4.Message, r []Reply) []Reply {
	if req.Type() != v4.Request {
		return r
	}
	for i := range r {
		m := *r[i].Msg
		id, err := m.Options.ServerID()
		m.YIAddr, m.Options = netip.Addr{}, nil
		m.Options.SetType(v4.Nak)
		if err == nil {
			m.Options.SetAddr(v4.OptServerID, id)
		}
		r[i].Msg = &m
	}
	return r
}

// Delay sends later.
func Delay(d time.Duration) Fault {
	return func(_ *v4.Message, r []Reply) []Reply {
		for i := range r {
			r[i].After += d
		}
		return r
	}
}

// Edit changes each reply.
func Edit(f func(m *v4.Message)) Fault {
	return func(_ *v4.Message, r []Reply) []Reply {
		for i := range r {
			m := *r[i].Msg
			m.Options = m.Options.Clone()
			f(&m)
			r[i].Msg = &m
		}
		return r
	}
}

// BadOption gives an option bytes that it cannot have.
func BadOption(c v4.Code, v []byte) Fault {
	return Edit(func(m *v4.Message) { m.Options.Set(c, v) })
}

// nasty are texts that mean something to a terminal, a shell, or whoever reads lines.
var nasty = []string{
	"\x1b[2J\x1b]0;owned\a", "\n", "\r\nnameserver 6.6.6.6\n", "\x00", "\x7f\x80\xff", "\u202e\u2028", "$(reboot)", "`id`", "'; rm -rf / #",
	"\" \\", "a=b c=d", "../../etc/passwd", "\xc0\xaf", "%s%n", "..", "example.org",
}

// Random puts options of random codes and bytes in each, about size bytes of them, texts that hurt
// among them; those of skip are left as they are.
func Random(r *rand.Rand, size int, skip ...v4.Code) Fault {
	skip = append(skip, v4.OptMessageType, v4.OptOverload)
	return Edit(func(m *v4.Message) {
		for left := size; left > 0; {
			c := v4.Code(1 + r.IntN(254))
			if slices.Contains(skip, c) {
				continue
			}
			v := make([]byte, r.IntN(1+min(left, 1<<r.IntN(9))))
			for i := range v {
				v[i] = byte(r.Uint32())
			}
			if r.IntN(2) == 0 {
				v = append(v[:len(v)/2], nasty[r.IntN(len(nasty))]...)
			}
			if had, ok := m.Options.Get(c); ok {
				left += 2 + len(had)
			}
			left -= 2 + len(v)
			m.Options.Set(c, v)
		}
	})
}

// Relay answers as if through a relay.
func Relay(gi netip.Addr) Fault {
	return Edit(func(m *v4.Message) { m.GIAddr, m.Hops = gi, 1 })
}

// Cut sends only the first n bytes of each.
func Cut(n int) Fault {
	return func(_ *v4.Message, r []Reply) []Reply {
		for i := range r {
			b, err := r[i].Msg.Append(nil)
			if err == nil {
				r[i].Raw = b[:min(n, len(b))]
			}
		}
		return r
	}
}

// Flood sends each n times.
func Flood(n int) Fault {
	return func(_ *v4.Message, r []Reply) []Reply { return slices.Repeat(r, n) }
}

// Every does a fault at each n-th request, from the first.
func Every(n int, f Fault) Fault {
	count := 0
	return func(req *v4.Message, r []Reply) []Reply {
		count++
		if (count-1)%n != 0 {
			return r
		}
		return f(req, r)
	}
}

// encode returns the bytes of a reply.
func (r Reply) encode() ([]byte, error) {
	if r.Raw != nil {
		return r.Raw, nil
	}
	if r.Msg == nil {
		return nil, fmt.Errorf("a reply without a message")
	}
	return r.Msg.Append(nil)
}
