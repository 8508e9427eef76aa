package nl

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"
)

const (
	chunkBytes    = 64 << 10
	chunkMessages = 1000
	// reportMemory is what the receive buffer is charged for the report of one failed request:
	// header, quoted header, text and offset, and the kernel's own bookkeeping.
	reportMemory = 1280
)

// A Batch is requests that are sent together, many in one system call with one
// acknowledgement for all; each is carried out on its own. It is not safe for concurrent use.
type Batch struct {
	// Echo, if set, is called during Do for each message that answers a request other than by an
	// acknowledgement (FlagEcho), with the request's index. The message is borrowed.
	Echo func(i int, m Message)

	c     *Client
	whole bool   // a transaction: one send, no acknowledgement of ours
	buf   []byte // whole messages
	start []int  // of each in buf
	body  []Body // of each, asked only for names
}

// NewBatch returns an empty batch.
func (c *Client) NewBatch() *Batch { return &Batch{c: c} }

// NewTransaction returns a batch that is handed to the kernel in one piece whatever its size, for
// protocols that carry out several messages as one (nfnetlink: the first request added is
// NFNL_MSG_BATCH_BEGIN and the last NFNL_MSG_BATCH_END).
func (c *Client) NewTransaction() *Batch { return &Batch{c: c, whole: true} }

// Add encodes r and appends it. r.Body may be reused for another request of the same type.
func (b *Batch) Add(r Request) error {
	at := len(b.buf)
	buf, err := appendRequest(b.buf, r, FlagRequest, 0, 0)
	if err != nil {
		return err
	}
	b.buf = buf
	b.start = append(b.start, at)
	b.body = append(b.body, r.Body)
	return nil
}

// Len is how many requests were added.
func (b *Batch) Len() int { return len(b.start) }

// Do sends what was added and reports what failed: nil or a *BatchError.
// The batch is empty afterwards. When ctx ends, what was not sent fails with its error.
func (b *Batch) Do(ctx context.Context) error {
	defer b.reset()
	if len(b.start) == 0 {
		return nil
	}
	e := &BatchError{Of: len(b.start)}
	sock, err := b.c.lease()
	if err != nil {
		e.failAll(0, len(b.start), err)
		return e
	}
	run := batchRun{Batch: b, ctx: ctx, sock: sock, out: e}
	defer func() { b.c.release(sock, run.clean) }()
	run.all()
	if len(e.Failed) == 0 {
		return nil
	}
	slices.SortStableFunc(e.Failed, func(x, y Failure) int { return cmp.Compare(x.Index, y.Index) })
	return e
}

func (b *Batch) reset() {
	clear(b.body)
	b.buf, b.start, b.body = b.buf[:0], b.start[:0], b.body[:0]
}

func (e *BatchError) failAll(from, to int, err error) {
	for i := from; i < to; i++ {
		e.Failed = append(e.Failed, Failure{i, err})
	}
}

// A batchRun is a batch on its way.
type batchRun struct {
	*Batch
	ctx   context.Context
	sock  Socket
	out   *BatchError
	clean bool // the socket holds no answer any more

	// Of the chunk on its way: requests from..to, whose sequence numbers begin at seq.
	from, to int
	seq      uint32
	heard    []bool // of each request, whether it was reported
}

func (r *batchRun) all() {
	buf := r.c.buffer()
	defer put(buf)
	r.clean = true
	for r.to < len(r.start) {
		r.from, r.to = r.to, r.chunk(r.to)
		if err := r.ctx.Err(); err != nil {
			r.out.failAll(r.from, len(r.start), err)
			return
		}
		r.number()
		if err := r.sock.Send(r.bytes()); err != nil {
			r.out.failAll(r.from, r.to, fmt.Errorf("send %d requests: %w", r.to-r.from, err))
			continue
		}
		if !r.collect(*buf) {
			r.clean = false
			r.out.failAll(r.to, len(r.start), fmt.Errorf("not sent: %w", ErrUnknown))
			return
		}
	}
}

// chunk returns the end of the chunk that begins at request from: what one send takes and
// whose reports all fit the receive buffer.
func (r *batchRun) chunk(from int) int {
	if r.whole {
		return len(r.start)
	}
	memory := reportMemory
	if r.Echo != nil {
		memory *= 2
	}
	most := max(1, min(chunkMessages, r.sock.Buffer()/memory))
	to := from + 1
	for to < len(r.start) && to-from < most && r.end(to)-r.start[from] <= chunkBytes {
		to++
	}
	return to
}

func (r *batchRun) end(i int) int {
	if i+1 < len(r.start) {
		return r.start[i+1]
	}
	return len(r.buf)
}

func (r *batchRun) bytes() []byte { return r.buf[r.start[r.from]:r.end(r.to-1)] }

// number writes what only now is known into the headers, and asks for the acknowledgement of the last.
func (r *batchRun) number() {
	n := r.to - r.from
	r.seq = r.c.sequence(n)
	r.heard = slices.Grow(r.heard[:0], n)[:n]
	clear(r.heard)
	for i := range n {
		h := r.buf[r.start[r.from+i]:]
		binary.NativeEndian.PutUint32(h[8:], r.seq+uint32(i))
		binary.NativeEndian.PutUint32(h[12:], r.sock.Port())
	}
	if !r.whole {
		h := r.buf[r.start[r.to-1]:]
		binary.NativeEndian.PutUint16(h[6:], binary.NativeEndian.Uint16(h[6:])|FlagAck)
	}
}

// collect reads the reports of the chunk up to the last one's. The kernel has queued all of them when
// send returns, so an empty queue is the end of a transaction, and where it becomes plain which
// reports were dropped. It is false if the socket cannot be used on.
func (r *batchRun) collect(buf []byte) bool {
	lost := false
	for {
		g, err := r.sock.Recv(buf, false)
		if errors.Is(err, syscall.EAGAIN) && !r.whole && !lost {
			g, err = recvBy(r.ctx, r.sock, buf)
		}
		switch {
		case err == nil:
			if r.datagram(buf, g) && !lost {
				return true
			}
		case errors.Is(err, syscall.ENOBUFS):
			lost = true
		case errors.Is(err, syscall.EAGAIN):
			if lost {
				r.unheard(ErrUnknown)
			}
			return true
		default:
			r.unheard(fmt.Errorf("%w: %w", ErrUnknown, err))
			return false
		}
	}
}

// unheard fails the requests of the chunk that nothing was heard of.
func (r *batchRun) unheard(err error) {
	for i, heard := range r.heard {
		if !heard {
			r.out.Failed = append(r.out.Failed, Failure{r.from + i, err})
		}
	}
}

// datagram reads reports and says whether the last request's was among them.
func (r *batchRun) datagram(buf []byte, g Datagram) (last bool) {
	if g.From != 0 {
		return false
	}
	for b := buf[:min(g.Len, len(buf))]; len(b) > 0; {
		m, rest, err := nextMessage(b)
		if err != nil {
			return last
		}
		b = rest
		i := int(m.Seq - r.seq)
		if i >= len(r.heard) || m.Port != r.sock.Port() && m.Port != 0 {
			continue
		}
		last = r.report(r.from+i, m) || last
	}
	return last
}

func (r *batchRun) report(i int, m Message) (last bool) {
	if m.Type != typeError {
		if r.Echo != nil && m.Type != typeNoop && m.Type != typeDone {
			r.Echo(i, m)
		}
		return false
	}
	r.heard[i-r.from] = true
	if err := verdict(m, r.buf[r.start[i]:r.end(i)], r.body[i]); err != nil {
		r.out.Failed = append(r.out.Failed, Failure{i, err})
	}
	return i == r.to-1 && !r.whole
}
