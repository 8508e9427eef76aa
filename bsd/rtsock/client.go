package rtsock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"syscall"

	"github.com/netfs-project/netfs/bsd"
)

// A System is the system calls of a kernel with PF_ROUTE. Safe for concurrent use.
type System interface {
	// Layout is how its messages look.
	Layout() *bsd.Layout
	// Socket opens a routing socket. Of a kernel with several routing tables (FIB,
	// rtable) it hears and changes the one given; -1 is all of them, 0 for changes.
	Socket(table int) (Socket, error)
	// Sysctl answers CTL_NET, PF_ROUTE and the numbers of mib.
	Sysctl(mib ...int) ([]byte, error)
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
	Op  string // RTM_ADD, or the name of a sysctl
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

	mu   sync.Mutex // guards what follows
	sock Socket     // for changes, opened with the first
	seq  int32
}

// New returns a client of a kernel.
func New(sys System) *Client { return &Client{sys: sys, layout: sys.Layout()} }

// Layout returns how the kernel's messages look.
func (c *Client) Layout() *bsd.Layout { return c.layout }

// Close closes the socket of changes.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sock == nil {
		return nil
	}
	err := c.sock.Close()
	c.sock = nil
	return err
}

// maxMessage is more than any kernel sends at once: lengths are 16 bits.
const maxMessage = 1 << 16

// Change writes a request: RTM_ADD, RTM_CHANGE, RTM_DELETE. The kernel's answer is
// that of the write. The error is an *Error with its errno.
func (c *Client) Change(m *bsd.RouteMsg) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sock == nil {
		// What it hears is never read, so that it may overflow and nothing is lost.
		s, err := c.sys.Socket(-1)
		if err != nil {
			return fmt.Errorf("routing socket: %w", err)
		}
		c.sock = s
	}
	return c.write(c.sock, m)
}

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
	s, err := c.sys.Socket(-1)
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
	Table  int   // FIB or rtable; 0 is the one that the process is in
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
			if !yield(m, err) {
				return
			}
		}
		if d.Skipped > 0 {
			yield(nil, fmt.Errorf("sysctl: %d messages of another version than %d", d.Skipped, c.layout.Version))
		}
	}
}

func (c *Client) sysctl(ctx context.Context, q Query) ([]byte, error) {
	op, ok := c.layout.Sysctl(q.Dump)
	if !ok {
		return nil, fmt.Errorf("sysctl of %s: %w", c.layout.OS, errors.ErrUnsupported)
	}
	mib := []int{0, int(q.Family), op, q.Arg}
	if q.Table != 0 {
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

// Subscribe opens a socket of its own and returns what the kernel tells of all
// changes until ctx ends. The messages from before the loop are there: the socket is
// open when Subscribe returns. A loss is ErrOverrun, after which it goes on. Each
// message is borrowed until the next step; the loop ends it, and must be run.
func (c *Client) Subscribe(ctx context.Context) (iter.Seq2[bsd.Message, error], error) {
	s, err := c.sys.Socket(-1)
	if err != nil {
		return nil, fmt.Errorf("routing socket: %w", err)
	}
	return func(yield func(bsd.Message, error) bool) {
		defer s.Close()
		d := bsd.Decoder{Layout: c.layout}
		b := make([]byte, maxMessage)
		for {
			n, err := s.Read(ctx, b)
			if errors.Is(err, syscall.ENOBUFS) {
				if !yield(nil, ErrOverrun) {
					return
				}
				continue
			}
			if err != nil {
				yield(nil, err)
				return
			}
			for m, err := range d.Messages(b[:n]) {
				if err == nil && m.Head().Op == bsd.OpDesync {
					m, err = nil, ErrOverrun
				}
				if !yield(m, err) {
					return
				}
			}
		}
	}, nil
}
