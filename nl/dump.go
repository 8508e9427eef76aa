package nl

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"syscall"
	"time"
)

const (
	dumpTries = 6
	// A dump whose datagrams begin alike so often repeats itself: an object that
	// does not fit makes some drivers send the same one for ever.
	maxAlike = 1000
	// drainReads is how many datagrams are read to save the socket of a dump that was
	// broken off.
	drainReads = 2
)

// Dump streams a table. The message yielded is borrowed until the next step.
// The last step of a dump that the kernel flagged as changed under way yields
// ErrTorn. Other errors end the sequence, too.
//
// A filter in the request is used by kernels that check it strictly, and refused with an error if
// there is no such filter. A request without attributes whose header is refused is asked again without
// strict checking. Kernels before 4.20 ignore filters; FlagDumpFiltered on the messages says
// that the kernel used them.
func (c *Client) Dump(ctx context.Context, r Request) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		lax := false
		for try := 1; ; try++ {
			d := dump{c: c, ctx: ctx, r: r, yield: yield, lax: lax}
			err := d.run()
			if d.stopped || err == nil {
				return
			}
			if d.rows > 0 || try == dumpTries || !d.another(err, try) {
				yield(Message{}, err)
				return
			}
			lax = d.lax
		}
	}
}

// A dump is one try at one.
type dump struct {
	c     *Client
	ctx   context.Context
	r     Request
	yield func(Message, error) bool
	lax   bool // without strict checking

	sock    Socket
	seq     uint32
	send    []byte
	rows    int
	torn    bool
	over    bool // the kernel has said its last word
	stopped bool // the caller broke off

	alike int
	last  int // length of the datagram before
	head  [256]byte
}

// another reports whether a dump that failed before its first row is worth another try,
// and prepares for it.
func (d *dump) another(err error, try int) bool {
	if errors.As(err, new(*cutError)) {
		return true
	}
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Errno {
	case syscall.EBUSY: // of the table; nobody else dumps on our socket
		return pause(d.ctx, time.Duration(try)*5*time.Millisecond) == nil
	case syscall.EINVAL:
		if d.lax || d.c.opt.NoStrict || d.filtered() {
			return false
		}
		d.lax = true
		return true
	}
	return false
}

// filtered reports whether the request has attributes. Those are filters, and a table that is not
// filtered is no answer to them.
func (d *dump) filtered() bool {
	s := schemaOf(d.r.Body)
	return s == nil || len(d.send) > headerLen+s.Header
}

func pause(ctx context.Context, t time.Duration) error {
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *dump) run() (err error) {
	if err := d.ctx.Err(); err != nil {
		return err
	}
	if d.sock, err = d.lease(); err != nil {
		return err
	}
	buf := d.c.buffer()
	defer put(buf)
	// A dump that was left, by a panic too, must not stay half read in a pooled socket.
	defer func() { d.c.release(d.sock, d.clean(*buf)) }()
	d.seq = d.c.sequence(1)
	d.send, err = appendRequest(nil, d.r, FlagRequest|FlagAck|FlagDump, d.seq, d.sock.Port())
	if err != nil {
		d.over = true
		return err
	}
	if err := d.sock.Send(d.send); err != nil {
		return fmt.Errorf("%s: %w", d.op(), err)
	}
	if err := d.read(*buf); err != nil {
		return err
	}
	if d.torn && !d.stopped {
		return fmt.Errorf("%s: %w", d.op(), ErrTorn)
	}
	return nil
}

func (d *dump) op() string { return opName(d.r.Type, d.r.Body) }

func (d *dump) lease() (Socket, error) {
	if d.lax {
		return d.c.leaseNew(false)
	}
	return d.c.lease()
}

// read yields what comes until the end of the dump or the caller's break.
func (d *dump) read(buf []byte) error {
	// The dump ends between two datagrams, or while it waits for one.
	done := d.ctx.Done()
	for !d.over && !d.stopped {
		select {
		case <-done:
			return d.ctx.Err()
		default:
		}
		g, err := d.sock.Recv(buf, false)
		if errors.Is(err, syscall.EAGAIN) {
			g, err = recvBy(d.ctx, d.sock, buf)
		}
		if errors.Is(err, errSilent) {
			err = fmt.Errorf("%w: no end of it came", ErrStuck)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", d.op(), err)
		}
		if g.From != 0 {
			continue
		}
		if g.Len > len(buf) {
			return d.cut(g.Len)
		}
		if err := d.progress(buf[:g.Len]); err != nil {
			return err
		}
		if err := d.datagram(buf[:g.Len]); err != nil {
			return err
		}
	}
	return nil
}

// cut makes the next try have a buffer in which the datagram fits. Rows that were yielded cannot
// be taken back; for their reader the dump is torn.
func (d *dump) cut(size int) error {
	if err := d.c.grow(size); err != nil {
		return err
	}
	err := error(&cutError{size})
	if d.rows > 0 {
		err = fmt.Errorf("%w: %w", ErrTorn, err)
	}
	return fmt.Errorf("%s: %w", d.op(), err)
}

func (d *dump) progress(b []byte) error {
	h := b[:min(len(b), len(d.head))]
	if len(b) != d.last || !bytes.Equal(h, d.head[:len(h)]) {
		d.last, d.alike = len(b), 0
		copy(d.head[:], h)
		return nil
	}
	if d.alike++; d.alike < maxAlike {
		return nil
	}
	return fmt.Errorf("%s: %w: %d times the same", d.op(), ErrStuck, maxAlike)
}

// datagram yields the messages of b.
func (d *dump) datagram(b []byte) error {
	port := d.sock.Port()
	for len(b) > 0 {
		m, rest, err := nextMessage(b)
		if err != nil {
			return fmt.Errorf("%s: %w", d.op(), err)
		}
		b = rest
		if m.Seq != d.seq || m.Port != port && m.Port != 0 {
			continue // late, of an earlier use of the socket
		}
		if m.Flags&FlagDumpIntr != 0 {
			d.torn = true
		}
		switch m.Type {
		case typeNoop:
		case typeError, typeDone:
			d.over = true
			return verdict(m, d.send, d.r.Body)
		case typeOverrun:
			return fmt.Errorf("%s: %w", d.op(), ErrOverrun)
		default:
			d.rows++
			if !d.yield(m, nil) {
				d.stopped = true
				d.over = d.ends(b)
				return nil
			}
		}
	}
	return nil
}

// ends reports whether the end of the dump is among the messages of b.
func (d *dump) ends(b []byte) bool {
	for len(b) > 0 {
		m, rest, err := nextMessage(b)
		if err != nil {
			return false
		}
		b = rest
		if m.Seq == d.seq && (m.Type == typeDone || m.Type == typeError) {
			return true
		}
	}
	return false
}

// clean reports whether the kernel has nothing left to say on the socket. If the caller broke off
// close to the end it reads on to there.
func (d *dump) clean(buf []byte) bool {
	if d.lax {
		return false // the pool is of strict ones
	}
	for i := 0; i < drainReads && d.stopped && !d.over; i++ {
		g, err := d.sock.Recv(buf, false)
		if err != nil || g.Len > len(buf) {
			return false
		}
		d.over = d.ends(buf[:g.Len])
	}
	return d.over
}
