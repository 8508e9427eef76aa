package p9

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/netfs-project/netfs/fs"
)

// A Server serves one tree to any number of connections. Its fields are not
// changed while it serves; a zero limit is the default named beside it.
type Server struct {
	Tree *fs.Tree
	Log  *slog.Logger // nil: none

	// TCPWritable lets clients of plain TCP write, with the rights of the
	// server's own user. Otherwise they are nobody, and read only.
	TCPWritable bool
	// VsockPeers are the context identifiers of the machines that may connect
	// over vsock; nil: all. Who connects so is as one of plain TCP.
	VsockPeers []uint32

	MaxMsize    uint32 // largest frame: 1 MiB and 24 bytes
	MaxConns    int    // connections of one Serve: 4096
	MaxFids     int    // fids of one connection: 8192
	MaxInFlight int    // requests of one connection that wait: 4096
	MaxPending  int64  // bytes of written data of one connection that wait: 64 MiB

	HandshakeTimeout time.Duration // from accept to the first Tversion: 10 s
	FrameTimeout     time.Duration // from a frame's first byte to its last: 60 s
	IdleTimeout      time.Duration // from one request to the next, if none waits: no limit
	WriteTimeout     time.Duration // for the peer to take replies: 60 s
	// Grace is how long a request may go on after it was cancelled before it is
	// answered for and its fid given up: 2 s.
	Grace time.Duration

	readOnly *fs.Tree // Tree for those who can only read
	ids      *ids
	large    *atomic.Int64 // reads that wait and asked for much
}

const minMsize = 256 // a stat record of this tree fits

// limits returns s with its defaults filled in.
func (s *Server) limits() *Server {
	l := *s
	def(&l.MaxMsize, 1<<20+ioHead)
	def(&l.MaxConns, 4096)
	def(&l.MaxFids, 8192)
	def(&l.MaxInFlight, 4096)
	def(&l.MaxPending, 64<<20)
	def(&l.HandshakeTimeout, 10*time.Second)
	def(&l.FrameTimeout, time.Minute)
	def(&l.WriteTimeout, time.Minute)
	def(&l.Grace, 2*time.Second)
	if l.Log == nil {
		l.Log = slog.New(slog.DiscardHandler)
	}
	l.ids, l.large = new(ids), new(atomic.Int64)
	l.readOnly = l.Tree.AsReadOnly()
	return &l
}

func def[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Serve accepts connections until ctx is done or l fails. It closes l and
// returns after the last connection has ended; ending ctx is no error, nor is
// io.EOF of a listener that has no more connections to come.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if err := mayListen(l.Addr()); err != nil {
		l.Close()
		return err
	}
	s = s.limits()
	ctx, cancel := context.WithCancel(ctx)
	var conns sync.WaitGroup
	defer conns.Wait()
	defer cancel()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	slots := make(chan struct{}, s.MaxConns)
	for {
		c, err := accept(ctx, l, s.Log)
		if ctx.Err() != nil {
			if err == nil {
				c.Close()
			}
			return nil
		}
		if err != nil {
			l.Close()
			if errors.Is(err, io.EOF) { // a passed connection: there was one
				conns.Wait()
				return nil
			}
			return err
		}
		select {
		case slots <- struct{}{}:
		default:
			s.Log.Warn("9p: too many connections", "limit", s.MaxConns, "from", c.RemoteAddr().String())
			c.Close()
			continue
		}
		conns.Go(func() {
			defer func() { <-slots }()
			s.accepted(ctx, c)
		})
	}
}

// accept waits out the shortages that pass: too many open files, no memory, a
// connection that was gone before it was taken.
func accept(ctx context.Context, l net.Listener, log *slog.Logger) (net.Conn, error) {
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		c, err := l.Accept()
		if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return c, err
		}
		var ne interface{ Temporary() bool }
		if !errors.As(err, &ne) || !ne.Temporary() {
			return nil, err
		}
		log.Warn("9p: accept", "err", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (s *Server) accepted(ctx context.Context, c net.Conn) {
	p, err := s.identify(ctx, c)
	if err != nil {
		s.Log.Warn("9p: peer refused", "from", from(c), "err", err)
		c.Close()
		return
	}
	if t, ok := c.(*tlsConn); ok {
		defer t.keepGranted(ctx, s.Log)()
	}
	if err := s.serve(ctx, c, p); err != nil {
		s.Log.Info("9p: connection ended", "from", p.user.From, "err", err)
	}
}

// A peer is who is at the other end, and what they may see.
type peer struct {
	user  *fs.User
	tree  *fs.Tree
	aname string // their root; what they ask for is below it
	san   string // the only name that is theirs; "": uname is not looked at
}

func (s *Server) peer(u *fs.User, readOnly bool) peer {
	if readOnly {
		return peer{user: u, tree: s.readOnly}
	}
	return peer{user: u, tree: s.Tree}
}

// from is where a connection comes from, for the log.
func from(c net.Conn) string {
	a := c.RemoteAddr()
	return c.LocalAddr().Network() + " " + a.String()
}

// identify tells who is at the other end: the kernel's word on a unix socket,
// the certificate's and the policy's with TLS, nobody on plain TCP and vsock. What the
// client says in uname never counts.
func (s *Server) identify(ctx context.Context, c net.Conn) (peer, error) {
	switch c := c.(type) {
	case *net.UnixConn:
		u, err := peerUser(c)
		return s.peer(u, false), err
	case *tlsConn:
		ctx, cancel := context.WithTimeout(ctx, s.HandshakeTimeout)
		defer cancel()
		g, err := c.handshake(ctx)
		if err != nil {
			return peer{}, err
		}
		if err := c.l.pair.failure(); err != nil {
			s.Log.Warn("9p: certificate not read again, the last one serves on", "err", err)
		}
		return s.granted(g, from(c)), nil
	}
	if err := mayListen(c.LocalAddr()); err != nil {
		return peer{}, err
	}
	if a, ok := c.RemoteAddr().(*VsockAddr); ok && s.VsockPeers != nil && !slices.Contains(s.VsockPeers, a.CID) {
		return peer{}, fmt.Errorf("context identifier %d may not connect", a.CID)
	}
	if s.TCPWritable {
		u := named(uint32(os.Geteuid()), uint32(os.Getegid()))
		u.From = from(c)
		return s.peer(u, false), nil
	}
	return s.peer(&fs.User{Name: "none", UID: nobody, GID: nobody, From: from(c)}, true), nil
}

// ServeConn serves one connection until its peer closes it, ctx ends or the
// protocol is broken beyond repair. It closes rw. The peer is u, whatever it
// says of itself; nil is nobody, who can only read. It returns nil if the peer
// closed the connection between two frames.
func (s *Server) ServeConn(ctx context.Context, rw io.ReadWriteCloser, u *fs.User) error {
	readOnly := u == nil
	if readOnly {
		u = &fs.User{Name: "none", UID: nobody, GID: nobody}
	}
	s = s.limits()
	return s.serve(ctx, rw, s.peer(u, readOnly))
}

func (s *Server) serve(ctx context.Context, rw io.ReadWriteCloser, p peer) error {
	c := &conn{srv: s, rw: rw, peer: p}
	err := c.run(ctx)
	if ctx.Err() != nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// mayListen refuses plain TCP that others than this machine can reach: there
// is no identity and no secrecy on it.
func mayListen(a net.Addr) error {
	t, ok := a.(*net.TCPAddr)
	if !ok || t.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("listen %s: plain tcp is for loopback addresses only", t)
}
