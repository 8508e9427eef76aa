package nltest

import (
	"encoding/binary"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// Types and flags of messages that every protocol has (linux/netlink.h).
const (
	TypeNoop    = 1
	TypeError   = 2
	TypeDone    = 3
	TypeOverrun = 4

	flagCapped  = 0x100
	flagAckTLVs = 0x200

	headerLen = 16
)

// A Kernel plays the kernel's part of netlink for a client. It carries out requests while they are sent,
// as the kernel does, and drops what its sockets cannot hold, as the kernel does.
//
//	k := nltest.NewKernel(t)
//	c, err := nl.Dial(nl.Route, &nl.Options{Socket: k.Socket})
//	k.Script(
//		func(r *nltest.Call) { r.Error(syscall.EBUSY) },
//		func(r *nltest.Call) { r.Reply(16, nl.FlagMulti, body); r.Done() },
//	)
//
// It uses nothing but channels and timers, so that it may run in a testing/synctest bubble.
type Kernel struct {
	// Buffer is how many bytes each socket made later can queue; 0 is no bound. A datagram
	// is charged Overhead more than its length.
	Buffer int

	t       testing.TB
	heard   func(groups []uint32) [][]byte // what a new subscription finds, of Replay
	mu      sync.Mutex                     // guards what follows
	handle  func(*Call)
	script  []func(*Call)
	sockets []*socket
	ports   uint32
}

// Overhead is what a datagram costs a receive buffer beside its own bytes.
const Overhead = 768

// NewKernel returns a kernel that refuses all requests until Script or Handle is called. When the
// test is over it fails if steps of the script are left.
func NewKernel(t testing.TB) *Kernel {
	k := &Kernel{t: t, ports: 4000}
	t.Cleanup(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		if len(k.script) > 0 {
			t.Errorf("%d requests of the script never came", len(k.script))
		}
	})
	return k
}

// Handle sets what answers requests beyond the script.
func (k *Kernel) Handle(f func(*Call)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.handle = f
}

// Script appends steps: each answers one request.
func (k *Kernel) Script(steps ...func(*Call)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.script = append(k.script, steps...)
}

// Open is how many sockets are open.
func (k *Kernel) Open() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.sockets)
}

// Multicast sends a message to all sockets that joined group.
func (k *Kernel) Multicast(group uint32, typ uint16, body []byte) {
	for _, s := range k.joined(group) {
		s.push(AppendMessage(nil, typ, 0, 0, 0, body), 0)
	}
}

// Overrun makes all sockets that joined group say that datagrams were dropped.
func (k *Kernel) Overrun(group uint32) {
	for _, s := range k.joined(group) {
		s.overrun()
	}
}

func (k *Kernel) joined(group uint32) []*socket {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []*socket
	for _, s := range k.sockets {
		if slices.Contains(s.groups, group) {
			all = append(all, s)
		}
	}
	return all
}

// Socket is for nl.Options.
func (k *Kernel) Socket(groups []uint32, _ func() (nl.Socket, error)) (nl.Socket, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ports++
	s := &socket{k: k, port: k.ports, groups: groups, limit: k.Buffer, wake: make(chan struct{})}
	k.sockets = append(k.sockets, s)
	if k.heard != nil {
		for _, b := range k.heard(groups) {
			s.push(b, 0)
		}
	}
	return s, nil
}

// carryOut answers the messages of one send.
func (k *Kernel) carryOut(s *socket, b []byte) {
	for len(b) >= headerLen {
		n := int(binary.NativeEndian.Uint32(b))
		if n < headerLen || n > len(b) {
			k.t.Errorf("the client sent a message of %d bytes where %d are left", n, len(b))
			return
		}
		c := &Call{
			Type: binary.NativeEndian.Uint16(b[4:]), Flags: binary.NativeEndian.Uint16(b[6:]),
			Seq: binary.NativeEndian.Uint32(b[8:]), Port: binary.NativeEndian.Uint32(b[12:]),
			Body: slices.Clone(b[headerLen:n]), sock: s,
		}
		b = b[min(attr.Align(n), len(b)):]
		if f := k.next(); f != nil {
			f(c)
			continue
		}
		k.t.Errorf("request of type %d that the script does not expect", c.Type)
		c.Error(syscall.EOPNOTSUPP)
	}
}

func (k *Kernel) next() func(*Call) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.script) == 0 {
		return k.handle
	}
	f := k.script[0]
	k.script = k.script[1:]
	return f
}

// A Call is one request, and the way to answer it; also later, when its sender has given up.
type Call struct {
	Type, Flags uint16
	Seq, Port   uint32
	Body        []byte
	sock        *socket
}

// Message returns a message that answers the call, for Send.
func (c *Call) Message(typ, flags uint16, body []byte) []byte {
	return AppendMessage(nil, typ, flags, c.Seq, c.Port, body)
}

// Send queues messages as one datagram.
func (c *Call) Send(messages ...[]byte) { c.sock.push(slices.Concat(messages...), 0) }

// SendFrom is Send as another process does it, whose port is not 0.
func (c *Call) SendFrom(port uint32, messages ...[]byte) {
	c.sock.push(slices.Concat(messages...), port)
}

// Reply queues one message.
func (c *Call) Reply(typ, flags uint16, body []byte) { c.Send(c.Message(typ, flags, body)) }

// Ack queues the acknowledgement, if the request asked for one.
func (c *Call) Ack() {
	if c.Flags&nl.FlagAck != 0 {
		c.Send(c.Verdict(0))
	}
}

// Error queues a refusal, with the attributes of an extended acknowledgement.
func (c *Call) Error(errno syscall.Errno, extended ...attr.Raw) {
	c.Send(c.Verdict(errno, extended...))
}

// Verdict returns the message of Ack and Error.
func (c *Call) Verdict(errno syscall.Errno, extended ...attr.Raw) []byte {
	b := binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno)))
	b = append(b, AppendMessage(nil, c.Type, c.Flags, c.Seq, c.Port, nil)...)
	flags := uint16(flagCapped)
	if len(extended) > 0 {
		flags |= flagAckTLVs
		b, _ = attr.AppendRaws(b, extended)
	}
	return c.Message(TypeError, flags, b)
}

// Done queues the end of a dump.
func (c *Call) Done() { c.Send(c.End(0, 0)) }

// End returns the message of Done, with flags and an error.
func (c *Call) End(flags uint16, errno syscall.Errno) []byte {
	return c.Message(TypeDone, nl.FlagMulti|flags, binary.NativeEndian.AppendUint32(nil, uint32(-int32(errno))))
}

// Overrun makes the caller's next Recv say that datagrams were dropped.
func (c *Call) Overrun() { c.sock.overrun() }

// AppendMessage appends a message with its padding.
func AppendMessage(b []byte, typ, flags uint16, seq, port uint32, body []byte) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(headerLen+len(body)))
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = binary.NativeEndian.AppendUint16(b, flags)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, port)
	return attr.Pad(append(b, body...))
}

// A socket is the client's end.
type socket struct {
	k      *Kernel
	port   uint32
	groups []uint32
	limit  int

	mu        sync.Mutex // guards what follows
	wake      chan struct{}
	queue     []datagram
	charged   int
	congested bool // dropping until the queue is empty, as the kernel does
	lost      bool
	deadline  time.Time
	closed    bool
}

type datagram struct {
	data []byte
	from uint32
}

func (s *socket) Port() uint32 { return s.port }

func (s *socket) Buffer() int {
	if s.limit == 0 {
		return 1 << 20
	}
	return s.limit
}

func (s *socket) Send(b []byte) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	if closed {
		return nl.ErrClosed
	}
	s.k.carryOut(s, b)
	return nil
}

// changed wakes Recv. s.mu is held.
func (s *socket) changed() {
	close(s.wake)
	s.wake = make(chan struct{})
}

func (s *socket) push(b []byte, from uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cost := len(b) + Overhead
	if s.limit > 0 && (s.congested || s.charged+cost > s.limit) {
		s.congested, s.lost = true, true
	} else {
		s.queue = append(s.queue, datagram{b, from})
		s.charged += cost
	}
	s.changed()
}

func (s *socket) overrun() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
	s.changed()
}

func (s *socket) Recv(b []byte, wait bool) (nl.Datagram, error) {
	for {
		d, wake, deadline, err := s.try(b)
		if wake == nil || !wait {
			return d, err
		}
		var timeout <-chan time.Time
		if !deadline.IsZero() {
			timeout = time.After(time.Until(deadline))
		}
		select {
		case <-wake:
		case <-timeout:
		}
	}
}

// try returns what Recv does, or a channel to wait for.
func (s *socket) try(b []byte) (d nl.Datagram, wake chan struct{}, deadline time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return d, nil, deadline, nl.ErrClosed
	case !s.deadline.IsZero() && !time.Now().Before(s.deadline):
		return d, nil, deadline, os.ErrDeadlineExceeded
	case s.lost:
		s.lost = false
		return d, nil, deadline, syscall.ENOBUFS
	case len(s.queue) == 0:
		return d, s.wake, s.deadline, syscall.EAGAIN
	}
	g := s.queue[0]
	s.queue = s.queue[1:]
	s.charged -= len(g.data) + Overhead
	s.congested = s.congested && len(s.queue) > 0
	copy(b, g.data)
	return nl.Datagram{Len: len(g.data), From: g.from, NSID: -1}, nil, deadline, nil
}

func (s *socket) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	s.changed()
	return nil
}

func (s *socket) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nl.ErrClosed
	}
	s.closed = true
	s.changed()
	s.k.mu.Lock()
	defer s.k.mu.Unlock()
	s.k.sockets = slices.DeleteFunc(s.k.sockets, func(x *socket) bool { return x == s })
	return nil
}
