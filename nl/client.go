package nl

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	// bufferSize is what datagrams are read into. From 32 KiB on the kernel fills datagrams of
	// 32 KiB, the most it does.
	bufferSize = 64 << 10
	// maxMessage bounds what a buffer grows to for an answer that does not fit.
	maxMessage = 64 << 20
	// requestBuffer is asked for as the receive buffer of sockets for requests: it
	// decides how many requests of one chunk of a batch may fail.
	requestBuffer = 1 << 20
	// eventBuffer is asked for by subscriptions.
	eventBuffer = 8 << 20
	// patience is how long an answer is waited for. The kernel has queued it when
	// send returns, so one that is not there is lost.
	patience = 10 * time.Second
	// maxIdle is how many sockets for dumps are kept open.
	maxIdle = 4
	// maxKept is the largest buffer that is kept for later.
	maxKept = 1 << 20
	// maxSpare is how many records of requests are kept for the next ones.
	maxSpare = 16
)

// Options of Dial.
type Options struct {
	// NS is a file descriptor of the network namespace to speak to; 0 or less
	// means the caller's own. The client keeps its own copy.
	NS int
	// RecvBuffer is what subscriptions ask for with SO_RCVBUFFORCE (then
	// SO_RCVBUF), in bytes; 0 means 8 MiB.
	RecvBuffer int
	// NoStrict turns NETLINK_GET_STRICT_CHK off, for protocols whose dumps have no
	// strict form.
	NoStrict bool
	// AllNS makes subscriptions hear all namespaces that have an id in this one
	// (NETLINK_LISTEN_ALL_NSID); Message.NSID says which.
	AllNS bool
	// Socket, if set, makes the sockets that the client speaks through; groups are what a
	// subscription joins, empty for requests and dumps. A recorder calls kernel and
	// wraps what it returns; a test that plays the kernel does not.
	Socket func(groups []uint32, kernel func() (Socket, error)) (Socket, error)
}

// A Client speaks one protocol in one namespace. It is safe for concurrent use and
// runs no goroutine.
//
// Requests go through one socket, many at a time, and are matched to their answers by
// sequence number. Whoever waits for an answer reads the socket for all who wait, if nobody
// does already. Dumps and batches have sockets of their own while they run.
type Client struct {
	protocol int
	opt      Options
	origin   *origin
	seq      atomic.Uint32
	size     atomic.Int64 // of receive buffers

	reading chan struct{} // holds a token while someone reads the request socket

	mu      sync.Mutex // guards what follows
	closed  bool
	request Socket
	waiters []*waiter
	spare   []*waiter
	idle    []Socket
	leased  map[Socket]bool
}

// Dial opens a client for one protocol in one namespace.
func Dial(protocol int, o *Options) (*Client, error) {
	c := &Client{protocol: protocol, reading: make(chan struct{}, 1), leased: map[Socket]bool{}}
	if o != nil {
		c.opt = *o
	}
	if c.opt.RecvBuffer <= 0 {
		c.opt.RecvBuffer = eventBuffer
	}
	c.size.Store(bufferSize)
	var err error
	if c.origin, err = originOf(c.opt.NS); err != nil {
		return nil, err
	}
	if c.request, err = c.open(purpose{buffer: requestBuffer}); err != nil {
		c.origin.close()
		return nil, err
	}
	return c, nil
}

// Protocol is what the client was dialled for.
func (c *Client) Protocol() int { return c.protocol }

func (c *Client) open(p purpose) (Socket, error) {
	kernel := func() (Socket, error) { return openSocket(c.origin, c.protocol, p) }
	if c.opt.Socket != nil {
		return c.opt.Socket(p.groups, kernel)
	}
	return kernel()
}

// Close ends what waits for the kernel with ErrClosed. Subscriptions are closed on their own.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	all := append(c.idle, c.request)
	for s := range c.leased {
		all = append(all, s)
	}
	c.idle = nil
	c.mu.Unlock()
	var errs []error
	for _, s := range all {
		errs = append(errs, s.Close())
	}
	c.origin.close()
	return errors.Join(errs...)
}

// lease returns a socket that is the caller's alone, with strict checking if the client has it.
func (c *Client) lease() (Socket, error) {
	if s := c.takeIdle(); s != nil {
		return s, nil
	}
	return c.leaseNew(!c.opt.NoStrict)
}

func (c *Client) takeIdle() Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.idle)
	if n == 0 {
		return nil
	}
	s := c.idle[n-1]
	c.idle = c.idle[:n-1]
	c.leased[s] = true
	return s
}

func (c *Client) leaseNew(strict bool) (Socket, error) {
	s, err := c.open(purpose{buffer: requestBuffer, strict: strict})
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		s.Close()
		return nil, ErrClosed
	}
	c.leased[s] = true
	return s, nil
}

// release gives a leased socket back. One that may still hold a part of an answer is not clean,
// and is closed: the kernel forgets the rest of a dump with its socket.
func (c *Client) release(s Socket, clean bool) {
	c.mu.Lock()
	delete(c.leased, s)
	keep := clean && !c.closed && len(c.idle) < maxIdle
	if keep {
		c.idle = append(c.idle, s)
	}
	c.mu.Unlock()
	if !keep {
		s.Close()
	}
}

// sequence reserves n sequence numbers and returns the first. None is 0, which events have.
func (c *Client) sequence(n int) uint32 {
	for {
		last := c.seq.Add(uint32(n))
		if first := last - uint32(n) + 1; first != 0 && first <= last {
			return first
		}
	}
}

// buffers holds *[]byte of at least bufferSize.
var buffers = sync.Pool{New: func() any {
	b := make([]byte, bufferSize)
	return &b
}}

// buffer takes a receive buffer of the size that the client found it needs.
func (c *Client) buffer() *[]byte {
	b := buffers.Get().(*[]byte)
	if n := int(c.size.Load()); len(*b) < n {
		*b = make([]byte, n)
	}
	return b
}

// put gives a buffer back; a very large one is not kept.
func put(b *[]byte) {
	poison(*b)
	if len(*b) <= maxKept {
		buffers.Put(b)
	}
}

// grow makes later buffers hold n bytes.
func (c *Client) grow(n int) error {
	if n > maxMessage {
		return fmt.Errorf("netlink: answer of %d bytes", n)
	}
	size := int64((n + bufferSize - 1) &^ (bufferSize - 1))
	for old := c.size.Load(); old < size && !c.size.CompareAndSwap(old, size); {
		old = c.size.Load()
	}
	return nil
}

// Do sends one request and waits for its acknowledgement.
func (c *Client) Do(ctx context.Context, r Request) error { return c.Get(ctx, r, nil) }

// Get sends one request and calls reply for each message that answers it,
// until the acknowledgement. The message is borrowed. reply may be nil; an error of it ends
// Get and is returned.
func (c *Client) Get(ctx context.Context, r Request, reply func(Message) error) error {
	// Questions may be asked again when the answer is lost. A request that echoes what it
	// did may not.
	again := 0
	if reply != nil && r.Flags&FlagEcho == 0 {
		again = 3
	}
	for {
		err := c.ask(ctx, r, reply)
		var cut *cutError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &cut):
			if e := c.grow(cut.size); e != nil {
				return e
			}
			if again == 0 {
				return fmt.Errorf("%s: %w: %w", opName(r.Type, r.Body), ErrUnknown, cut)
			}
		case !errors.Is(err, ErrUnknown) || errors.Is(err, errSilent) || again == 0:
			return err
		}
		again--
	}
}

// A cutError says that an answer was longer than the buffer.
type cutError struct{ size int }

func (e *cutError) Error() string { return fmt.Sprintf("answer of %d bytes was cut", e.size) }

// A waiter is one request whose answer has not come.
type waiter struct {
	seq    uint32
	answer []byte // messages so far; the last one is the verdict when it is over
	err    error  // why there is no verdict
	done   chan struct{}
	send   []byte // the request
}

func (c *Client) ask(ctx context.Context, r Request, reply func(Message) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := c.newWaiter()
	defer c.free(w)
	w.seq = c.sequence(1)
	w.send, err = appendRequest(w.send[:0], r, FlagRequest|FlagAck, w.seq, c.request.Port())
	if err != nil {
		return err
	}
	if err := c.enter(w); err != nil {
		return err
	}
	if err := c.request.Send(w.send); err != nil {
		c.leave(w)
		return fmt.Errorf("%s: %w", opName(r.Type, r.Body), err)
	}
	err = c.await(ctx, w)
	c.leave(w)
	if err == nil {
		err = w.err
	}
	if err != nil {
		return fmt.Errorf("%s: %w", opName(r.Type, r.Body), err)
	}
	return w.deliver(r, reply)
}

func (c *Client) newWaiter() *waiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.spare)
	if n == 0 {
		return &waiter{done: make(chan struct{}, 1)}
	}
	w := c.spare[n-1]
	c.spare = c.spare[:n-1]
	return w
}

// free keeps w for the next request, unless it became large.
func (c *Client) free(w *waiter) {
	select {
	case <-w.done:
	default:
	}
	poison(w.answer)
	if cap(w.answer) > bufferSize || cap(w.send) > bufferSize {
		return
	}
	w.answer, w.send, w.err = w.answer[:0], w.send[:0], nil
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.spare) < maxSpare {
		c.spare = append(c.spare, w)
	}
}

// deliver calls reply for the messages of a whole answer.
func (w *waiter) deliver(r Request, reply func(Message) error) error {
	for b := w.answer; len(b) > 0; {
		m, rest, err := nextMessage(b)
		if err != nil {
			return err
		}
		b = rest
		if m.Type == typeError || m.Type == typeDone {
			return verdict(m, w.send, r.Body)
		}
		if reply == nil {
			continue
		}
		if err := reply(m); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) enter(w *waiter) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	c.waiters = append(c.waiters, w)
	return nil
}

// leave forgets w; what answers it later is dropped.
func (c *Client) leave(w *waiter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, x := range c.waiters {
		if x == w {
			last := len(c.waiters) - 1
			c.waiters[i] = c.waiters[last]
			c.waiters[last] = nil
			c.waiters = c.waiters[:last]
			return
		}
	}
}

// await returns when w is done, and reads for everybody while nobody else does.
func (c *Client) await(ctx context.Context, w *waiter) error {
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return c.endedAs(ctx, w)
	case c.reading <- struct{}{}:
		defer func() { <-c.reading }()
		return c.readFor(ctx, w)
	}
}

// endedAs is the error of a context that ended, unless the answer came at the same time.
func (c *Client) endedAs(ctx context.Context, w *waiter) error {
	select {
	case <-w.done:
		return nil
	default:
		return ctx.Err()
	}
}

// readFor reads the request socket until w is done. The answer is usually there, so it looks before
// it makes preparations for a wait.
func (c *Client) readFor(ctx context.Context, w *waiter) error {
	buf := c.buffer()
	defer put(buf)
	for wait := false; ; {
		select {
		case <-w.done:
			return nil
		default:
		}
		var d Datagram
		var err error
		if wait {
			d, err = recvBy(ctx, c.request, *buf)
		} else {
			d, err = c.request.Recv(*buf, false)
		}
		switch {
		case err == nil:
			c.dispatch(d, *buf)
		case errors.Is(err, syscall.EAGAIN):
			wait = true
		case errors.Is(err, syscall.ENOBUFS):
			c.fail(ErrUnknown) // one of the answers was dropped, and nobody can say which
		default:
			return err
		}
	}
}

// recvBy waits for a datagram until ctx ends or patience does. The deadline is as before
// when it returns.
func recvBy(ctx context.Context, s Socket, buf []byte) (Datagram, error) {
	s.SetReadDeadline(time.Now().Add(patience))
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		s.SetReadDeadline(time.Unix(1, 0))
		close(fired)
	})
	d, err := s.Recv(buf, true)
	if !stop() {
		<-fired
	}
	s.SetReadDeadline(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if ctx.Err() != nil {
			return d, ctx.Err()
		}
		return d, errSilent
	}
	return d, err
}

// errSilent: nothing came, not even late. Asking again would not help.
var errSilent = fmt.Errorf("%w: nothing came for %v", ErrUnknown, patience)

// fail gives all waiters an error in place of a verdict.
func (c *Client) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.waiters {
		w.finish(err)
	}
}

func (w *waiter) finish(err error) {
	select {
	case w.done <- struct{}{}:
		w.err = err
	default:
	}
}

// dispatch gives the messages of a datagram to those who wait for them. What nobody waits
// for is late.
func (c *Client) dispatch(d Datagram, buf []byte) {
	if d.From != 0 {
		return // not from the kernel
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	b := buf[:min(d.Len, len(buf))]
	for len(b) >= headerLen {
		m, rest, err := nextMessage(b)
		if err != nil {
			break
		}
		if w := c.waiting(m.Seq, m.Port); w != nil {
			w.take(m, b[:len(b)-len(rest)])
		}
		b = rest
	}
	if d.Len > len(buf) {
		c.cut(b, d.Len)
	}
}

// cut tells the waiter of the message that begins b that the rest of it is lost, or all
// if nobody can say whose it was.
func (c *Client) cut(b []byte, size int) {
	var whose *waiter
	if len(b) >= headerLen {
		whose = c.waiting(binary.NativeEndian.Uint32(b[8:]), binary.NativeEndian.Uint32(b[12:]))
	}
	for _, w := range c.waiters {
		if whose == nil || w == whose {
			w.finish(&cutError{size})
		}
	}
}

// waiting finds who waits for an answer. A few protocols leave the port out.
func (c *Client) waiting(seq, port uint32) *waiter {
	if port != 0 && port != c.request.Port() {
		return nil
	}
	for _, w := range c.waiters {
		if w.seq == seq {
			return w
		}
	}
	return nil
}

func (w *waiter) take(m Message, wire []byte) {
	if m.Type == typeNoop {
		return
	}
	if len(w.answer)+len(wire) > maxMessage {
		w.finish(fmt.Errorf("netlink: answer of more than %d bytes", maxMessage))
		return
	}
	w.answer = append(w.answer, wire...)
	if m.Type == typeError || m.Type == typeDone {
		w.finish(nil)
	}
}
