package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/p9"
)

// The load is the same for all servers: frames that were prepared, and replies
// of which only the type is looked at. It allocates nothing once it runs.

const (
	warm   = 100 * time.Millisecond
	during = 400 * time.Millisecond
	cycles = 10_000    // what a row's seconds are for
	volume = 256 << 20 // bytes that a row's seconds are for
)

// A wire is a connection on which frames go out and replies come in.
type wire struct {
	c    net.Conn
	buf  []byte
	r, w int
}

// open connects, agrees on a version and attaches as fid 0.
func (s *nine) open(d p9.Dialect, msize uint32) (*wire, error) {
	c, err := s.dial()
	if err != nil {
		return nil, err
	}
	w := &wire{c: c, buf: make([]byte, 64<<10+2*msize)}
	for _, m := range []p9.Msg{
		{Type: p9.Tversion, Tag: p9.NoTag, Msize: msize, Version: d.String()},
		{Type: p9.Tattach, Afid: p9.NoFid, Uname: "root", Aname: s.aname, Uid: 0},
	} {
		b, err := p9.AppendMsg(nil, d, &m)
		if err == nil {
			err = w.ask(b)
		}
		if err != nil {
			c.Close()
			return nil, err
		}
	}
	return w, nil
}

// ask sends one frame and takes its reply.
func (w *wire) ask(frame []byte) error {
	if _, err := w.c.Write(frame); err != nil {
		return err
	}
	return w.expect(frame[4] + 1)
}

func (w *wire) expect(t byte) error {
	h, err := w.reply()
	if err == nil && h[4] != t {
		err = fmt.Errorf("reply %v where %v is due", p9.Type(h[4]), p9.Type(t))
	}
	return err
}

// reply takes one reply and returns it, valid until the next.
func (w *wire) reply() ([]byte, error) {
	for {
		if have := w.w - w.r; have >= 4 {
			if size := int(binary.LittleEndian.Uint32(w.buf[w.r:])); have >= size {
				h := w.buf[w.r : w.r+size]
				w.r += size
				return h, nil
			}
		}
		if w.r == w.w {
			w.r, w.w = 0, 0
		} else if w.r > len(w.buf)/2 {
			w.w = copy(w.buf, w.buf[w.r:w.w])
			w.r = 0
		}
		n, err := w.c.Read(w.buf[w.w:])
		w.w += n
		if n == 0 {
			return nil, err
		}
	}
}

// cycle9 is walk, open, read and clunk of the small file, in frames of their own.
func cycle9(d p9.Dialect, names []string, tag uint16, fid uint32) [][]byte {
	open := p9.Topen
	if d == p9.DotL {
		open = p9.Tlopen
	}
	var frames [][]byte
	for _, m := range []p9.Msg{
		{Type: p9.Twalk, Newfid: fid, Names: names},
		{Type: open, Fid: fid}, {Type: p9.Tread, Fid: fid, Count: 4096}, {Type: p9.Tclunk, Fid: fid},
	} {
		m.Tag = tag
		b, err := p9.AppendMsg(nil, d, &m)
		if err != nil {
			panic(err)
		}
		frames = append(frames, b)
	}
	return frames
}

// A shape keeps a server busy until over is set, counting its cycles in n.
type shape func(s *nine, d p9.Dialect, over *atomic.Bool, n *atomic.Int64) error

// seq is one request at a time.
func seq(s *nine, d p9.Dialect, over *atomic.Bool, n *atomic.Int64) error {
	w, err := s.open(d, 8<<10)
	if err != nil {
		return err
	}
	defer w.c.Close()
	frames := cycle9(d, s.names, 1, 1)
	for !over.Load() {
		for _, f := range frames {
			if err := w.ask(f); err != nil {
				return err
			}
		}
		n.Add(1)
	}
	return nil
}

const outstanding = 64

// conns64 is as many of them at once.
func conns64(s *nine, d p9.Dialect, over *atomic.Bool, n *atomic.Int64) error {
	return all(func(int) error { return seq(s, d, over, n) })
}

func all(do func(i int) error) error {
	errs := make(chan error, outstanding)
	for i := range outstanding {
		go func() { errs <- do(i) }()
	}
	var first error
	for range outstanding {
		if err := <-errs; first == nil {
			first = err
		}
	}
	return first
}

// mux64 is 64 goroutines with one connection, each with one request at a time.
func mux64(s *nine, d p9.Dialect, over *atomic.Bool, n *atomic.Int64) error {
	w, err := s.open(d, 64<<10)
	if err != nil {
		return err
	}
	var replies [outstanding]chan byte
	for i := range replies {
		replies[i] = make(chan byte, 1)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			h, err := w.reply()
			if err != nil {
				for _, c := range replies {
					close(c)
				}
				return
			}
			replies[h[5]] <- h[4]
		}
	}()
	var writing sync.Mutex
	err = all(func(i int) error {
		frames := cycle9(d, s.names, uint16(i), uint32(i+1))
		for !over.Load() {
			for _, f := range frames {
				writing.Lock()
				_, err := w.c.Write(f)
				writing.Unlock()
				if err != nil {
					return err
				}
				if t := <-replies[i]; t != f[4]+1 {
					return fmt.Errorf("reply %v to %v", p9.Type(t), p9.Type(f[4]))
				}
			}
			n.Add(1)
		}
		return nil
	})
	w.c.Close()
	<-ended
	return err
}

// pipe64 sends 64 walks, takes their replies, then 64 opens, and so on: servers
// may do in any order what is under way together.
func pipe64(s *nine, d p9.Dialect, over *atomic.Bool, n *atomic.Int64) error {
	w, err := s.open(d, 64<<10)
	if err != nil {
		return err
	}
	defer w.c.Close()
	var phases [4][]byte
	for i := range outstanding {
		for j, f := range cycle9(d, s.names, uint16(i), uint32(i+1)) {
			phases[j] = append(phases[j], f...)
		}
	}
	for !over.Load() {
		for _, b := range phases {
			if _, err := w.c.Write(b); err != nil {
				return err
			}
			for range outstanding {
				if err := w.expect(b[4] + 1); err != nil {
					return err
				}
			}
		}
		n.Add(outstanding)
	}
	return nil
}

// clients is n goroutines with our own client, each with one call at a time, on
// one connection or on one each.
func clients(goroutines int, apart bool) shape {
	return func(s *nine, d p9.Dialect, over *atomic.Bool, n *atomic.Int64) error {
		shared, err := s.client(d, 0)
		if err != nil {
			return err
		}
		defer shared.Close()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		errs := make(chan error, goroutines)
		for range goroutines {
			go func() {
				c := shared
				if apart {
					if c, err = s.client(d, 0); err != nil {
						errs <- err
						return
					}
					defer c.Close()
				}
				errs <- s.cycles(ctx, c, over, n)
			}()
		}
		for range goroutines {
			if e := <-errs; err == nil {
				err = e
			}
		}
		return err
	}
}

func (s *nine) client(d p9.Dialect, msize uint32) (*p9.Client, error) {
	o := p9.Options{Dialects: []p9.Dialect{d}, Msize: msize}
	return o.Dial(context.Background(), s.addr)
}

func (s *nine) cycles(ctx context.Context, c *p9.Client, over *atomic.Bool, n *atomic.Int64) error {
	root, err := c.Attach(ctx, "root", 0, "")
	if err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for !over.Load() {
		f, err := root.Walk(ctx, s.names...)
		if err == nil {
			err = f.Open(ctx, p9.OREAD)
		}
		if err == nil {
			_, err = f.ReadAt(ctx, buf, 0)
		}
		if err == nil {
			err = f.Clunk(ctx)
		}
		if err != nil {
			return err
		}
		n.Add(1)
	}
	return nil
}

// reading reads the big file in order, one read at a time; n counts the reads.
func reading(size int) shape {
	return func(s *nine, d p9.Dialect, over *atomic.Bool, n *atomic.Int64) error {
		w, err := s.open(d, uint32(size)+24)
		if err != nil {
			return err
		}
		defer w.c.Close()
		frames := cycle9(d, []string{"a", "b", "big"}, 1, 1)
		for _, f := range frames[:2] {
			if err := w.ask(f); err != nil {
				return err
			}
		}
		// Tread: size type tag fid offset count.
		read := slices.Clone(frames[2])
		binary.LittleEndian.PutUint32(read[19:], uint32(size))
		for off := uint64(0); !over.Load(); off += uint64(size) {
			binary.LittleEndian.PutUint64(read[11:], off)
			if _, err := w.c.Write(read); err != nil {
				return err
			}
			h, err := w.reply()
			if err != nil {
				return err
			}
			if p9.Type(h[4]) != p9.Rread || len(h) != size+11 {
				return fmt.Errorf("%v in %d bytes where %d are due", p9.Type(h[4]), len(h), size)
			}
			n.Add(1)
		}
		return nil
	}
}

// clientReading is reading by our own client; with ahead it has several reads
// under way.
func clientReading(size int, ahead bool) shape {
	return func(s *nine, d p9.Dialect, over *atomic.Bool, n *atomic.Int64) error {
		c, err := s.client(d, uint32(size)+24)
		if err != nil {
			return err
		}
		defer c.Close()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		f, err := c.Open(ctx, "a/b/big", p9.OREAD)
		if err != nil {
			return err
		}
		if ahead {
			_, err := f.Copy(ctx, &counter{over, n})
			if err == errOver {
				err = nil
			}
			return err
		}
		buf := make([]byte, size)
		for off := int64(0); !over.Load(); off += int64(size) {
			if m, err := f.ReadAt(ctx, buf, off); m != size {
				return fmt.Errorf("%d bytes: %w", m, err)
			}
			n.Add(1)
		}
		return nil
	}
}

// A counter counts writes until it is over.
type counter struct {
	over *atomic.Bool
	n    *atomic.Int64
}

var errOver = fmt.Errorf("over: %w", io.EOF)

func (c *counter) Write(p []byte) (int, error) {
	c.n.Add(1)
	if c.over.Load() {
		return 0, errOver
	}
	return len(p), nil
}

// load is one run of a shape: its cost is for the number of units that the row
// counts in, not for those that there was time for.
func (s *nine) load(d p9.Dialect, do shape, units float64, note func(perSecond, allocs float64) string) func() (cost, error) {
	return func() (cost, error) {
		var over atomic.Bool
		var n atomic.Int64
		ended := make(chan error, 1)
		go func() { ended <- do(s, d, &over, &n) }()
		for n.Load() == 0 { // until all is connected
			select {
			case err := <-ended:
				return cost{}, err
			case <-time.After(warm):
			}
		}
		before, err := s.state()
		if err != nil {
			return cost{}, err
		}
		n0, start := n.Load(), time.Now()
		select {
		case err := <-ended:
			return cost{}, err
		case <-time.After(during):
		}
		took, did := time.Since(start), float64(n.Load()-n0)
		after, err := s.state()
		if err != nil {
			return cost{}, err
		}
		over.Store(true)
		if err := <-ended; err != nil {
			return cost{}, err
		}
		k := cost{
			Wall:   time.Duration(float64(took) * units / did),
			CPU:    time.Duration(float64(after.cpu-before.cpu) * units / did),
			Allocs: float64(after.mallocs-before.mallocs) / did,
		}
		k.Note = note(did/took.Seconds(), k.Allocs)
		return k, nil
	}
}

type state struct {
	cpu     time.Duration // of the server and of this process
	mallocs int64         // of the server
}

func (s *nine) state() (state, error) {
	var st state
	var err error
	if s.mallocs != nil {
		if st.mallocs, err = s.mallocs(); err != nil {
			return st, err
		}
	}
	if st.cpu, err = cpuOf(s.pid()); err != nil {
		return st, err
	}
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return st, err
	}
	st.cpu += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	return st, nil
}

// flushes measures how long it takes until Rflush is there, of a read that waits.
func (s *nine) flushes(d p9.Dialect) func() (cost, error) {
	return func() (cost, error) {
		w, err := s.open(d, 8<<10)
		if err != nil {
			return cost{}, err
		}
		defer w.c.Close()
		frames := cycle9(d, []string{"a", "b", "never"}, 1, 1)
		for _, f := range frames[:2] {
			if err := w.ask(f); err != nil {
				return cost{}, err
			}
		}
		flush, err := p9.AppendMsg(nil, d, &p9.Msg{Type: p9.Tflush, Tag: 2, Oldtag: 1})
		if err != nil {
			return cost{}, err
		}
		var took []time.Duration
		for range 300 {
			if _, err := w.c.Write(frames[2]); err != nil {
				return cost{}, err
			}
			time.Sleep(time.Millisecond) // until the read does wait
			start := time.Now()
			if _, err := w.c.Write(flush); err != nil {
				return cost{}, err
			}
			h, err := w.reply()
			if err == nil && p9.Type(h[4]) == p9.Rerror { // of the read, before
				h, err = w.reply()
			}
			if err == nil && p9.Type(h[4]) != p9.Rflush {
				err = fmt.Errorf("%v to Tflush", p9.Type(h[4]))
			}
			if err != nil {
				return cost{}, err
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		return cost{Wall: took[len(took)/2], Note: fmt.Sprintf("at most %.2f ms of %d", ms(took[len(took)-1]), len(took))}, nil
	}
}
