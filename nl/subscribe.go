package nl

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Subscription hears multicast groups, from the moment it was made. Its messages wait in the kernel
// until they are received; what does not fit there is lost, which Receive says.
type Subscription struct {
	c    *Client
	sock Socket

	mu sync.Mutex // held by the one that receives
}

// Subscribe joins multicast groups.
func (c *Client) Subscribe(ctx context.Context, groups ...uint32) (*Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	s, err := c.open(purpose{groups: groups, buffer: c.opt.RecvBuffer, allNS: c.opt.AllNS})
	if err != nil {
		return nil, err
	}
	return &Subscription{c: c, sock: s}, nil
}

// Receive yields the messages of the groups until ctx ends or the subscription is closed. The
// message is borrowed. A step that yields ErrOverrun says that the kernel dropped messages; the
// sequence goes on. Any other error is the last step. One may receive at a time; another
// waits until the first is through.
//
// Messages of the kobject protocol have no header: Data is the datagram.
func (s *Subscription) Receive(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		stop := s.endBy(ctx)
		defer stop()
		buf := s.c.buffer()
		defer put(buf)
		for ctx.Err() == nil {
			if !s.step(buf, true, yield) {
				return
			}
		}
	}
}

// endBy makes Recv end when ctx does, until stop is called.
func (s *Subscription) endBy(ctx context.Context) (stop func()) {
	fired := make(chan struct{})
	off := context.AfterFunc(ctx, func() {
		s.sock.SetReadDeadline(time.Unix(1, 0))
		close(fired)
	})
	return func() {
		if !off() {
			<-fired
			s.sock.SetReadDeadline(time.Time{})
		}
	}
}

// step receives one datagram and yields its messages. It is false at the end.
func (s *Subscription) step(buf *[]byte, wait bool, yield func(Message, error) bool) bool {
	g, err := s.sock.Recv(*buf, wait)
	switch {
	case errors.Is(err, syscall.ENOBUFS):
		return yield(Message{NSID: -1}, ErrOverrun)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, ErrClosed), errors.Is(err, syscall.EAGAIN):
		return false
	case err != nil:
		yield(Message{NSID: -1}, err)
		return false
	case g.From != 0:
		return true
	case g.Len > len(*buf):
		return s.cut(g.Len, buf, yield)
	}
	return s.deliver((*buf)[:g.Len], g, yield)
}

// cut says that a datagram was lost because the buffer was too small, and makes it larger.
func (s *Subscription) cut(size int, buf *[]byte, yield func(Message, error) bool) bool {
	if err := s.c.grow(size); err != nil {
		yield(Message{NSID: -1}, err)
		return false
	}
	*buf = make([]byte, s.c.size.Load())
	return yield(Message{NSID: -1}, fmt.Errorf("%w: %w", ErrOverrun, &cutError{size}))
}

func (s *Subscription) deliver(b []byte, g Datagram, yield func(Message, error) bool) bool {
	if s.c.protocol == KobjectUevent {
		return yield(Message{NSID: g.NSID, Data: b}, nil)
	}
	for len(b) > 0 {
		m, rest, err := nextMessage(b)
		if err != nil {
			yield(Message{NSID: g.NSID}, err)
			return false
		}
		b = rest
		m.NSID = g.NSID
		switch m.Type {
		case typeNoop:
			continue
		case typeOverrun:
			err = ErrOverrun
		}
		if !yield(m, err) {
			return false
		}
	}
	return true
}

// Send sends a request on the subscription's own socket, for protocols that bind what they send to
// the socket that asked for it (NFLOG, NFQUEUE, the process connector). It does not wait: the
// answer is among the messages received. An acknowledgement comes only if r asks for one with
// FlagAck; AckError reads it.
func (s *Subscription) Send(r Request) error {
	b, err := appendRequest(nil, r, FlagRequest, s.c.sequence(1), s.sock.Port())
	if err != nil {
		return err
	}
	if err := s.sock.Send(b); err != nil {
		return fmt.Errorf("%s: %w", opName(r.Type, r.Body), err)
	}
	return nil
}

// AckError reports whether m is an acknowledgement, and what it says.
func AckError(m Message) (ack bool, err error) {
	if m.Type != typeError {
		return false, nil
	}
	return true, verdict(m, nil, nil)
}

// Close leaves the groups and ends Receive.
func (s *Subscription) Close() error { return s.sock.Close() }
