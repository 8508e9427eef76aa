package rtsock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/bsd"
)

// A System is the system calls of a kernel with PF_ROUTE. Safe for concurrent use.
type System interface {
	// Layout is how its messages look.
	Layout() *bsd.Layout
	// Socket opens a routing socket that hears what f wants; a kernel without filters
	// tells more. On FreeBSD it hears of one FIB, and changes that one; elsewhere table
	// means nothing, and it hears of all.
	Socket(table int, f Filter) (Socket, error)
	// Tables is how many routing tables there are (net.fibs of FreeBSD), or may be
	// (OpenBSD); 1 where there are no others.
	Tables() (int, error)
	// Sysctl answers CTL_NET, PF_ROUTE and the numbers of mib.
	Sysctl(mib ...int) ([]byte, error)
	// Ioctl makes a request about a link; the answer is in its parts. The error is a
	// syscall.Errno, or wraps one.
	Ioctl(q *bsd.Request) error
	// Uptime is how long the kernel has run.
	Uptime() time.Duration
}

// A Socket carries one message in each read and write.
type Socket interface {
	// Read waits for a message, or for ctx. ENOBUFS says that some were lost.
	Read(ctx context.Context, b []byte) (int, error)
	io.Writer
	io.Closer
}

// An Error is what a kernel refused.
type Error struct {
	Op  string // RTM_ADD, SIOCSIFMTU em0, or the name of a sysctl
	Err error  // a syscall.Errno, from a system call or out of a message
}

func (e *Error) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrOverrun says that the kernel dropped messages: what it tells of is to be read
// again.
var ErrOverrun = errors.New("rtsock: the kernel dropped messages")

// A Client asks a kernel. Safe for concurrent use: requests go one after another.
type Client struct {
	sys    System
	layout *bsd.Layout

	mu    sync.Mutex     // guards what follows
	socks map[int]Socket // for changes, each opened with the first of its table
	seq   int32
}

// New returns a client of a kernel.
func New(sys System) *Client {
	return &Client{sys: sys, layout: sys.Layout(), socks: map[int]Socket{}}
}

// Layout returns how the kernel's messages look.
func (c *Client) Layout() *bsd.Layout { return c.layout }

// Close closes the sockets of changes.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, s := range c.socks {
		errs = append(errs, s.Close())
	}
	clear(c.socks)
	return errors.Join(errs...)
}

// Tables returns the numbers of the routing tables that there are: FIBs of FreeBSD,
// routing tables of OpenBSD. Elsewhere there is 0 alone.
func (c *Client) Tables(ctx context.Context) ([]int, error) {
	n, err := c.sys.Tables()
	if err != nil {
		return nil, err
	}
	var all []int
	for i := range n {
		if i > 0 && c.layout.Tables == bsd.MessageTable {
			_, err := c.sysctl(ctx, Query{Dump: bsd.DumpTable, Arg: i})
			if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.EINVAL) { // a kernel made small tells of none
				continue
			}
			if err != nil {
				return nil, err
			}
		}
		all = append(all, i)
	}
	return all, nil
}

// ofSocket is the table whose socket m goes through.
func (c *Client) ofSocket(m *bsd.RouteMsg) int {
	if c.layout.Tables == bsd.SocketTable {
		return int(m.Table)
	}
	return 0
}

// maxMessage is more than any kernel sends at once: lengths are 16 bits.
const maxMessage = 1 << 16

// Change writes a request: RTM_ADD, RTM_CHANGE, RTM_DELETE. The kernel's answer is
// that of the write. The error is an *Error with its errno.
func (c *Client) Change(m *bsd.RouteMsg) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	table := c.ofSocket(m)
	s := c.socks[table]
	if s == nil {
		var err error
		// What it hears is never read, so that it may overflow and nothing is lost.
		if s, err = c.sys.Socket(table, onlyGet); err != nil {
			return fmt.Errorf("routing socket: %w", err)
		}
		c.socks[table] = s
	}
	return c.write(s, m)
}

// onlyGet is the least that a socket hears.
var onlyGet = Filter{Ops: []bsd.Op{bsd.OpGet}}

// write sends m with the next number.
func (c *Client) write(s Socket, m *bsd.RouteMsg) error {
	c.seq++
	m.Seq = c.seq
	b, err := c.layout.Append(nil, m)
	if err != nil {
		return err
	}
	if _, err := s.Write(b); err != nil {
		return &Error{c.layout.TypeName(b[3]), errno(err)}
	}
	return nil
}

// Get writes RTM_GET and returns the kernel's answer, which is the caller's. Its
// socket is new, so that nothing else fills it; should the answer be lost, it is asked
// again.
func (c *Client) Get(ctx context.Context, m *bsd.RouteMsg) (*bsd.RouteMsg, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, err := c.sys.Socket(c.ofSocket(m), onlyGet)
	if err != nil {
		return nil, fmt.Errorf("routing socket: %w", err)
	}
	defer s.Close()
	for range tries {
		if err := c.write(s, m); err != nil {
			return nil, err
		}
		got, err := c.answer(ctx, s)
		if errors.Is(err, ErrOverrun) {
			continue
		}
		if err == nil && got.Errno != 0 {
			err = &Error{c.layout.TypeName(got.Type), syscall.Errno(got.Errno)}
		}
		if err == nil && c.layout.Tables == bsd.SocketTable {
			got.Table = m.Table
		}
		return got, err
	}
	return nil, ErrOverrun
}

// answer reads until the answer to c.seq, passing over what the kernel tells others.
func (c *Client) answer(ctx context.Context, s Socket) (*bsd.RouteMsg, error) {
	b := make([]byte, maxMessage) // the answer points into it
	for {
		n, err := s.Read(ctx, b)
		if errors.Is(err, syscall.ENOBUFS) {
			return nil, ErrOverrun
		}
		if err != nil {
			return nil, err
		}
		for m, err := range c.layout.Messages(b[:n]) {
			r, ok := m.(*bsd.RouteMsg)
			switch {
			case err != nil || !ok:
			case r.Op == bsd.OpDesync:
				return nil, ErrOverrun
			case r.Op == bsd.OpGet && r.Seq == c.seq && r.Pid == int32(syscall.Getpid()):
				own := *r
				return &own, nil
			}
		}
	}
}

// errno takes the number out of what os says about a file.
func errno(err error) error {
	var n syscall.Errno
	if errors.As(err, &n) {
		return n
	}
	return err
}

// A Query is a sysctl.
type Query struct {
	Dump   bsd.Dump
	Family uint8 // AF_*, 0: all
	Arg    int   // of DumpFlags the flags; of DumpLinks the link; 0: all
	Table  int   // of DumpRoutes, and of DumpFlags on OpenBSD: the routing table
}

// A dump may have become longer while it was made room for: so often it is asked.
const tries = 5

// Dump yields the messages of a sysctl's answer, each borrowed until the next step.
// Where the kernel has no such sysctl the error is errors.ErrUnsupported.
func (c *Client) Dump(ctx context.Context, q Query) iter.Seq2[bsd.Message, error] {
	return func(yield func(bsd.Message, error) bool) {
		b, err := c.sysctl(ctx, q)
		if err != nil {
			yield(nil, err)
			return
		}
		d := bsd.Decoder{Layout: c.layout.For(q.Dump)}
		for m, err := range d.Messages(b) {
			c.fill(m, q.Table)
			if !yield(m, err) {
				return
			}
		}
		if d.Skipped > 0 {
			yield(nil, fmt.Errorf("sysctl: %d messages of another version than %d", d.Skipped, c.layout.Version))
		}
	}
}

// fill tells a message the table that it came from, where it does not say itself.
func (c *Client) fill(m bsd.Message, table int) {
	if r, ok := m.(*bsd.RouteMsg); ok && c.layout.Tables == bsd.SocketTable {
		r.Table = uint16(table)
	}
}

func (c *Client) sysctl(ctx context.Context, q Query) ([]byte, error) {
	op, ok := c.layout.Sysctl(q.Dump)
	if !ok {
		return nil, fmt.Errorf("sysctl of %s: %w", c.layout.OS, errors.ErrUnsupported)
	}
	mib := []int{0, int(q.Family), op, q.Arg}
	switch t := c.layout.Tables; {
	case q.Dump == bsd.DumpRoutes && t != bsd.OneTable, q.Dump == bsd.DumpFlags && t == bsd.MessageTable:
		mib = append(mib, q.Table)
	}
	var err error
	for range tries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var b []byte
		b, err = c.sys.Sysctl(mib...)
		if err == nil {
			return b, nil
		}
		if !errors.Is(err, syscall.ENOMEM) {
			break
		}
	}
	return nil, &Error{"sysctl", errno(err)}
}
