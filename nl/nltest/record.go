package nltest

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/netfs-project/netfs/nl"
)

// A Recorder writes down what a client and the kernel say to each other.
//
//	rec := nltest.NewRecorder(file)
//	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD, Socket: rec.Socket})
type Recorder struct {
	mu  sync.Mutex // guards what follows
	w   io.Writer
	n   int // of sockets
	err error
}

// NewRecorder records to w, which is written to while the client speaks.
func NewRecorder(w io.Writer) *Recorder { return &Recorder{w: w} }

// Err is the first error of writing.
func (r *Recorder) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Socket is for nl.Options.
func (r *Recorder) Socket(groups []uint32, kernel func() (nl.Socket, error)) (nl.Socket, error) {
	s, err := kernel()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.n++
	n := r.n
	r.mu.Unlock()
	r.write(Vector{Dir: '+', Socket: n, Groups: groups})
	return &recorded{Socket: s, r: r, n: n}, nil
}

func (r *Recorder) write(v Vector) {
	b, _ := v.AppendText(nil)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.w.Write(b); err != nil && r.err == nil {
		r.err = err
	}
}

type recorded struct {
	nl.Socket
	r *Recorder
	n int
}

func (s *recorded) Send(b []byte) error {
	s.r.write(Vector{Dir: '>', Socket: s.n, Data: b})
	return s.Socket.Send(b)
}

func (s *recorded) Recv(b []byte, wait bool) (nl.Datagram, error) {
	d, err := s.Socket.Recv(b, wait)
	if err == nil && d.From == 0 {
		s.r.write(Vector{Dir: '<', Socket: s.n, Data: b[:min(d.Len, len(b))]})
	}
	return d, err
}

// Replay returns a kernel that says what it said in a recording: to each request what the first equal
// one, not answered yet, was answered; to a subscription what one to the same groups heard. So
// code for a kernel that is not at hand is tested.
func Replay(t testing.TB, all []Vector) *Kernel {
	k := NewKernel(t)
	tape := &tape{t: t, all: all, used: map[int]bool{}}
	k.Handle(tape.answer)
	k.heard = tape.heard
	return k
}

type tape struct {
	t    testing.TB
	all  []Vector
	mu   sync.Mutex // guards used
	used map[int]bool
}

func (p *tape) answer(c *Call) {
	at, seq := p.find(c)
	if at < 0 {
		p.t.Errorf("request of type %d, flags %#x and %d bytes is not in the recording: %x", c.Type, c.Flags, len(c.Body), c.Body)
		c.Error(syscall.EOPNOTSUPP)
		return
	}
	for _, v := range p.all[at:] {
		if v.Dir != '<' || v.Socket != p.all[at].Socket {
			continue
		}
		var b []byte
		for m := range v.Messages() {
			if m.Seq == seq {
				b = append(b, c.Message(m.Type, m.Flags, m.Data)...)
			}
		}
		if len(b) > 0 {
			c.Send(b)
		}
	}
}

// find returns where the request was recorded, and its sequence number there. The
// acknowledgement that a batch asks for depends on where its chunks end, so that flag does not count.
func (p *tape) find(c *Call) (at int, seq uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := 0
	for at, v := range p.all {
		if v.Dir != '>' {
			continue
		}
		for m := range v.Messages() {
			i++
			if p.used[i] || m.Type != c.Type || (m.Flags^c.Flags)&^nl.FlagAck != 0 || !bytes.Equal(m.Data, c.Body) {
				continue
			}
			p.used[i] = true
			return at, m.Seq
		}
	}
	return -1, 0
}

// heard returns what a subscription to groups heard.
func (p *tape) heard(groups []uint32) (all [][]byte) {
	for i, open := range p.all {
		if open.Dir != '+' || len(groups) == 0 || !slices.Equal(open.Groups, groups) {
			continue
		}
		for _, v := range p.all[i:] {
			if v.Dir == '<' && v.Socket == open.Socket {
				all = append(all, v.Data)
			}
		}
		return all
	}
	return nil
}
