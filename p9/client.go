package p9

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options are what a client asks of a server. The zero value is good.
type Options struct {
	Msize uint32  // largest frame; 1 MiB and 24 bytes
	Uname string  // whom to be, for servers that believe it; "none", which Unix calls "nobody"
	UID   *uint32 // the same as a number, which 9P2000.u and .L have; nil tells none
	Aname string  // which tree: "/links/eth0,ro"
	TLS   *TLS    // for dial strings that begin with tls!

	// Dialects are asked for in this order, until the server takes one; no other
	// is spoken. Nil is DotL, DotU, Plain: the server's richest. Its errors are
	// numbers then. Who wants to hear the reason in words asks WordsFirst.
	Dialects []Dialect

	// FlushTimeout is how long a cancelled call waits for the server to let go
	// of it, and WriteTimeout how long the server may refuse to take requests.
	// A server that exceeds them is broken, and so the connection is ended: 10 s,
	// 30 s.
	FlushTimeout time.Duration
	WriteTimeout time.Duration
}

// WordsFirst are the dialects in an order for people: DotU, whose errors are words
// and numbers, then Plain, which has the words, and DotL, which has the numbers.
func WordsFirst() []Dialect { return []Dialect{DotU, Plain, DotL} }

// A Client is one connection to a server. It is safe for concurrent use; calls
// do not wait for each other. A call whose context ends sends Tflush and
// returns when the server has let go of it: with the context's error, or with
// the reply if that was faster, so that no record that was read is lost.
type Client struct {
	rw      io.ReadWriteCloser
	opt     Options
	dialect Dialect
	msize   uint32
	asked   uint32 // msize before Tversion: what bounds a reply
	root    Fid
	rootDir Dir
	gone    chan struct{} // closed when the reader has ended

	mu    sync.Mutex // guards what follows, and the state of calls
	err   error      // why the connection ended
	calls []*call    // by tag
	free  []*call
	vers  *call // Tversion, whose tag is none
	fids  []uint32
	next  uint32 // the lowest fid that was never used

	wmu      sync.Mutex // guards what follows
	out      []byte     // frames to be written
	spare    []byte
	writing  bool // somebody is writing, and will write out too
	enc      coder
	deadline time.Time
}

// A call is one request and its reply. There is one for each tag in use.
type call struct {
	tag    uint16
	active bool // the reply has not come
	auto   bool // nobody waits; the tag, and the fid of a Tclunk, are free when it comes
	t, r   Msg
	dst    []byte // where Rread goes
	n      int    // how much of it came
	lost   bool   // it was flushed, and the server said nothing else to it
	err    error
	done   chan struct{} // gets a value when the reply has come; capacity 1
}

var (
	// ErrClosed is what calls on a closed Client return.
	ErrClosed     = fmt.Errorf("9p client: %w", net.ErrClosed)
	errNoFlush    = errors.New("9p: the server does not answer Tflush")
	errBadReply   = errors.New("9p: the server broke the protocol")
	errBigRequest = &protoError{"request is larger than msize: message too long", syscall.EMSGSIZE}
	errNoTags     = &protoError{"too many calls at once: resource temporarily unavailable", syscall.EAGAIN}
)

// maxCalls leaves NoTag out.
const maxCalls = int(NoTag)

// Dial connects to a dial string (see ParseDial) and attaches.
func Dial(ctx context.Context, dial string) (*Client, error) { return new(Options).Dial(ctx, dial) }

// Dial is Dial with options.
func (o *Options) Dial(ctx context.Context, dial string) (*Client, error) {
	conn, err := dialNet(ctx, dial, o.TLS)
	if err != nil {
		return nil, err
	}
	return NewClient(ctx, conn, o)
}

// NewClient negotiates and attaches over a connection, which it owns from now
// on. Options may be nil.
func NewClient(ctx context.Context, rw io.ReadWriteCloser, o *Options) (*Client, error) {
	c := &Client{rw: rw, gone: make(chan struct{})}
	if o != nil {
		c.opt = *o
	}
	def(&c.opt.Msize, 1<<20+ioHead)
	if c.opt.Dialects == nil {
		c.opt.Dialects = []Dialect{DotL, DotU, Plain}
	}
	def(&c.opt.FlushTimeout, 10*time.Second)
	def(&c.opt.WriteTimeout, 30*time.Second)
	c.asked = max(c.opt.Msize, minMsize)
	c.msize = c.asked
	go c.reader()
	if err := c.begin(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) begin(ctx context.Context) error {
	if err := c.version(ctx); err != nil {
		return fmt.Errorf("9p version: %w", err)
	}
	var err error
	if c.opt.Uname == "" {
		c.opt.Uname = [...]string{Plain: "none", DotU: "nobody", DotL: "nobody"}[c.dialect]
	}
	uid := NoUid
	if c.opt.UID != nil {
		uid = *c.opt.UID
	}
	if c.root, err = c.Attach(ctx, c.opt.Uname, uid, c.opt.Aname); err != nil {
		return fmt.Errorf("9p attach %q: %w", c.opt.Aname, err)
	}
	if c.rootDir, err = c.root.Stat(ctx); err != nil {
		return fmt.Errorf("9p stat of the root: %w", err)
	}
	return nil
}

// version asks for one dialect after the other. A server may always answer the
// base version; that settles it when no richer one is left to ask for.
func (c *Client) version(ctx context.Context) error {
	var said string
	for i, d := range c.opt.Dialects {
		m, err := c.ask(ctx, d)
		switch {
		case err == nil:
			said = m.Version
		case ctx.Err() != nil || c.Err() != nil:
			return err
		default: // a server that does not know the word may answer an error
			said = err.Error()
			continue
		}
		base := said == Plain.String() && slices.Contains(c.opt.Dialects, Plain) &&
			!slices.ContainsFunc(c.opt.Dialects[i+1:], func(d Dialect) bool { return d != Plain })
		switch {
		case said == d.String():
		case base:
			d = Plain
		default:
			continue
		}
		if m.Msize > c.asked || m.Msize < minMsize {
			return fmt.Errorf("%w: msize %d for %d", errBadReply, m.Msize, c.asked)
		}
		c.mu.Lock()
		c.dialect, c.msize = d, m.Msize
		c.mu.Unlock()
		return nil
	}
	return fmt.Errorf("the server speaks %q, not %v: %w", said, c.opt.Dialects, errors.ErrUnsupported)
}

func (c *Client) ask(ctx context.Context, d Dialect) (*Msg, error) {
	k := &call{tag: NoTag, done: make(chan struct{}, 1)}
	k.t = Msg{Type: Tversion, Tag: NoTag, Msize: c.asked, Version: d.String()}
	c.mu.Lock()
	c.vers = k
	c.mu.Unlock()
	if err := c.send(k); err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-k.done:
		return &k.r, k.err
	}
}

// Close ends the connection and every call, and returns when all that the
// client started has ended.
func (c *Client) Close() error {
	c.fail(ErrClosed)
	<-c.gone
	return nil
}

// Gone is closed when the connection has ended, for whatever reason.
func (c *Client) Gone() <-chan struct{} { return c.gone }

// Err tells why the connection ended; nil while it lives.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Dialect is what was agreed on.
func (c *Client) Dialect() Dialect { return c.dialect }

// Msize is the largest frame that was agreed on.
func (c *Client) Msize() int { return int(c.msize) }

// payload is the most that one Tread or Twrite carries.
func (c *Client) payload() int { return int(c.msize) - ioHead }

// fail ends the connection; the first reason stays. The reader, which it wakes,
// ends the calls.
func (c *Client) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	c.mu.Unlock()
	c.rw.Close()
}

// newCall takes a free tag.
func (c *Client) newCall(t Type) (*call, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	var k *call
	switch n := len(c.free); {
	case n > 0:
		k, c.free = c.free[n-1], c.free[:n-1]
	case len(c.calls) == maxCalls:
		return nil, errNoTags
	default:
		k = &call{tag: uint16(len(c.calls)), done: make(chan struct{}, 1)}
		c.calls = append(c.calls, k)
	}
	k.auto, k.lost, k.err, k.n, k.dst = false, false, nil, 0, nil
	k.t.Type, k.t.Tag = t, k.tag
	if c.dialect == DotL && k.t.linuxMsg == nil {
		k.t.linuxMsg = new(linuxMsg)
	}
	return k, nil
}

// release gives the tag back.
func (c *Client) release(k *call) {
	k.t.Data, k.dst = nil, nil
	k.t.Names = k.t.Names[:0]
	c.mu.Lock()
	c.free = append(c.free, k)
	c.mu.Unlock()
}

// do sends a request and waits for its reply. The caller releases k.
func (c *Client) do(ctx context.Context, k *call) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.send(k); err != nil {
		return err
	}
	select {
	case <-k.done:
		return k.err
	case <-ctx.Done():
		return c.flush(ctx, k)
	}
}

// rpc is one call: set fills in the request, and got, if any, sees the reply.
func (c *Client) rpc(ctx context.Context, t Type, set func(*Msg), got func(*Msg)) error {
	k, err := c.newCall(t)
	if err != nil {
		return err
	}
	defer c.release(k)
	set(&k.t)
	if err := c.do(ctx, k); err != nil {
		return err
	}
	if got != nil {
		got(&k.r)
	}
	return nil
}

// flush ends a call before its reply. Only Rflush frees its tag; a reply that
// comes before stands.
func (c *Client) flush(ctx context.Context, k *call) error {
	f, err := c.newCall(Tflush)
	if err == nil {
		f.t.Oldtag = k.tag
		if err = c.send(f); err != nil {
			c.release(f)
		}
	}
	if err != nil {
		c.fail(err)
		<-k.done
		return k.err
	}
	t := time.NewTimer(c.opt.FlushTimeout)
	defer t.Stop()
	select {
	case <-f.done:
	case <-t.C:
		c.fail(errNoFlush)
		<-f.done
	}
	c.release(f)
	c.mu.Lock()
	lost := k.lost
	c.mu.Unlock()
	if lost {
		return ctx.Err()
	}
	<-k.done
	return k.err
}

// send writes a request. If it fails, the call has not begun. Whoever comes while
// another writes leaves the frame to that one, so that many small requests become
// few large writes; if the connection breaks then, its reader ends the call.
func (c *Client) send(k *call) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	start := len(c.out)
	c.enc = coder{op: encoding, dialect: c.dialect, b: grow(c.out, len(k.t.Data)+512)}
	err := c.enc.frame(&k.t)
	c.out, c.enc.b = c.enc.b, nil
	if err == nil && uint32(len(c.out)-start) > c.msize {
		err = errBigRequest
	}
	if err == nil {
		err = c.activate(k)
	}
	if err != nil {
		c.out = c.out[:start]
		return err
	}
	if !c.writing {
		c.writeOut()
	}
	return nil
}

// activate makes the call one that a reply may come for.
func (c *Client) activate(k *call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.active = c.err == nil
	return c.err
}

// writeOut writes frames until there are no more; wmu is held, and let go while
// the system writes.
func (c *Client) writeOut() {
	c.writing = true
	for len(c.out) > 0 {
		b := c.out
		c.out, c.spare = c.spare[:0], nil
		c.writeDeadline()
		c.wmu.Unlock()
		_, err := c.rw.Write(b)
		c.wmu.Lock()
		c.spare = b[:0]
		if err != nil {
			c.out = c.out[:0]
			c.fail(fmt.Errorf("9p: %w", err))
		}
	}
	c.out, c.spare = drop(c.out), drop(c.spare)
	c.writing = false
}

// writeDeadline is moved when half of it has passed.
func (c *Client) writeDeadline() {
	nc, ok := c.rw.(interface{ SetWriteDeadline(time.Time) error })
	if !ok {
		return
	}
	if now := time.Now(); c.deadline.Sub(now) < c.opt.WriteTimeout {
		c.deadline = now.Add(2 * c.opt.WriteTimeout)
		nc.SetWriteDeadline(c.deadline)
	}
}

// reader takes replies to their calls until the connection ends, and then ends
// the calls.
func (c *Client) reader() {
	defer close(c.gone)
	r := replyReader{c: c, buf: make([]byte, fullBatch)}
	var err error
	for err == nil {
		err = r.reply()
	}
	if err == io.EOF {
		err = fmt.Errorf("9p: the server hung up: %w", io.ErrUnexpectedEOF)
	}
	c.fail(err)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.vers != nil {
		c.end(c.vers, c.err)
	}
	for _, k := range c.calls {
		c.end(k, c.err)
	}
}

// end completes a call; mu is held.
func (c *Client) end(k *call, err error) {
	if !k.active {
		return
	}
	k.active, k.err = false, err
	if k.t.Type == Tflush && err == nil {
		// Here and not by who waits: what the server says after Rflush must find
		// nobody whose memory it could write to.
		old := c.calls[k.t.Oldtag]
		old.lost, old.active = old.active, false
	}
	if !k.auto {
		k.done <- struct{}{}
		return
	}
	if t := k.t.Type; t == Tclunk || t == Tremove {
		c.fids = append(c.fids, k.t.Fid)
	}
	c.free = append(c.free, k)
}

// A replyReader cuts the input into replies.
type replyReader struct {
	c    *Client
	buf  []byte
	r, w int
}

// need makes n bytes available at buf[r:].
func (r *replyReader) need(n int) error {
	if r.r+n > len(r.buf) {
		b := r.buf
		if n > len(b) {
			b = make([]byte, n)
		}
		r.w = copy(b, r.buf[r.r:r.w])
		r.buf, r.r = b, 0
	}
	for r.w-r.r < n {
		m, err := r.c.rw.Read(r.buf[r.w:])
		r.w += m
		if m == 0 && err == nil {
			err = io.ErrNoProgress
		}
		if m == 0 {
			return err
		}
	}
	return nil
}

// reply takes one reply.
func (r *replyReader) reply() error {
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
	if err := r.need(headLen); err != nil {
		return err
	}
	h := r.buf[r.r:]
	size, ty, tag := binary.LittleEndian.Uint32(h), Type(h[4]), binary.LittleEndian.Uint16(h[5:])
	if size < headLen || size > r.c.asked {
		return fmt.Errorf("%w: frame of %d bytes", errBadReply, size)
	}
	k := r.c.waiting(tag)
	if k == nil {
		return fmt.Errorf("%w: %v with tag %d, which nobody waits for", errBadReply, ty, tag)
	}
	if ty == Rread && k.t.Type == Tread || ty == Rreaddir && k.t.Type == Treaddir {
		return r.data(k, int(size))
	}
	if err := r.need(int(size)); err != nil {
		return err
	}
	frame := r.buf[r.r : r.r+int(size)]
	r.r += int(size)
	return r.c.replied(k, frame)
}

func (c *Client) waiting(tag uint16) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	var k *call
	switch {
	case tag == NoTag:
		k = c.vers
	case int(tag) < len(c.calls):
		k = c.calls[tag]
	}
	if k == nil || !k.active {
		return nil
	}
	return k
}

// data takes the bytes of Rread and Rreaddir straight to where its caller wants it.
func (r *replyReader) data(k *call, size int) error {
	if err := r.need(readHead); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(r.buf[r.r+headLen:])
	if int64(n) != int64(size-readHead) || int64(n) > int64(len(k.dst)) {
		return fmt.Errorf("%w: %v of %d bytes in a frame of %d, for %v of %d", errBadReply, k.t.Type+1, n, size, k.t.Type, len(k.dst))
	}
	r.r += readHead
	k.n = int(n)
	dst := k.dst[:n]
	m := copy(dst, r.buf[r.r:r.w])
	r.r += m
	if m < len(dst) {
		if _, err := io.ReadFull(r.c.rw, dst[m:]); err != nil {
			return err
		}
	}
	r.c.mu.Lock()
	r.c.end(k, nil)
	r.c.mu.Unlock()
	return nil
}

// replied decodes a reply that is not data.
func (c *Client) replied(k *call, frame []byte) error {
	d := coder{op: decoding, dialect: c.dialect}
	if k.t.Type == Tversion && Type(frame[4]) == Rlerror {
		d.dialect = DotL // so a server refuses that speaks nothing else
	}
	k.r.Ename, k.r.Errno = "", 0
	err := d.decode(frame, &k.r)
	if err != nil {
		return fmt.Errorf("%w: %w", errBadReply, err)
	}
	k.r.Data = nil // it lies in the buffer
	switch k.r.Type {
	case k.t.Type + 1:
		if k.r.Type == Rwalk && len(k.r.Qids) > len(k.t.Names) || k.r.Type == Rwrite && int64(k.r.Count) > int64(len(k.t.Data)) {
			return fmt.Errorf("%w: %v has more than %v asked", errBadReply, k.r.Type, k.t.Type)
		}
	case Rerror, Rlerror:
		err = remoteError(&k.r)
		if k.t.Type == Tflush {
			return fmt.Errorf("%w: Tflush failed: %w", errBadReply, err)
		}
	default:
		return fmt.Errorf("%w: %v for %v", errBadReply, k.r.Type, k.t.Type)
	}
	c.mu.Lock()
	c.end(k, err)
	c.mu.Unlock()
	return nil
}

// remoteError gives an error its errno: the dialect's own, or what the words say.
// What is no more than an errno is the errno.
func remoteError(m *Msg) error {
	e := &RemoteError{Text: m.Ename}
	n := m.Errno
	if n == 0 {
		n = textErrno(m.Ename)
	}
	known := errnoText(n)
	if n != 0 && n < math.MaxInt16 {
		e.Errno = localErrno(n)
		if (m.Ename == known || m.Ename == "") && linuxErrno(e.Errno) == n && e.Errno != syscall.EINVAL {
			return e.Errno
		}
	}
	switch {
	case e.Text != "" && e.Text != known:
	case e.Errno != 0 && linuxErrno(e.Errno) == n:
		e.Text = e.Errno.Error()
	case known != "":
		e.Text = strings.ToLower(known)
	default:
		e.Text = fmt.Sprintf("error %d of the server", n)
	}
	return e
}

func (c *Client) newFid() uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.fids); n > 0 {
		f := c.fids[n-1]
		c.fids = c.fids[:n-1]
		return f
	}
	c.next++
	return c.next - 1
}

// unmade gives back the fid that a failed call was to make. A server that let go
// of a call without a word may have made it all the same.
func (c *Client) unmade(k *call, f uint32) {
	if k.lost {
		Fid{c: c, num: f}.drop()
		return
	}
	c.freeFid(f)
}

func (c *Client) freeFid(f uint32) {
	c.mu.Lock()
	c.fids = append(c.fids, f)
	c.mu.Unlock()
}

// Fids is the number of fids in use, the root's included.
func (c *Client) Fids() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return int(c.next) - len(c.fids)
}
