package p9

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
)

// against is a client of a server that answers as f says, and decently where f
// returns nil. Whatever the server does, no call lasts, and nothing is left when
// the client is closed.
func against(t *testing.T, d Dialect, o Options, f func(m *Msg) []*Msg) (*Client, error) {
	t.Helper()
	before := runtime.NumGoroutine()
	cc, sc := pair(t)
	go hostile(sc, d, func(m *Msg) []*Msg {
		if r := f(m); r != nil {
			return r
		}
		return []*Msg{civil(m)}
	})
	o.Dialects = []Dialect{d}
	c, err := NewClient(bounded(t), cc, &o)
	t.Cleanup(func() {
		if c != nil {
			c.Close()
		}
		sc.Close()
		for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
			require.True(t, time.Now().Before(end), "%d goroutines, before %d", runtime.NumGoroutine(), before)
		}
	})
	return c, err
}

// nothing is no answer at all.
var nothing = []*Msg{}

func reply(m *Msg, set func(r *Msg)) []*Msg {
	r := civil(m)
	set(r)
	return []*Msg{r}
}

// broken requires that the connection was ended for a breach of the protocol.
func broken(t *testing.T, c *Client, err error) {
	t.Helper()
	require.ErrorIs(t, err, errBadReply)
	gone(t, c)
	_, err = c.Walk(bounded(t), "y")
	require.ErrorIs(t, err, errBadReply)
}

func gone(t *testing.T, c *Client) {
	t.Helper()
	select {
	case <-c.Gone():
	case <-time.After(10 * time.Second):
		t.Fatal("the connection goes on")
	}
}

func TestHostileVersions(t *testing.T) {
	for name, set := range map[string]func(r *Msg){
		"msize larger than asked": func(r *Msg) { r.Msize++ },
		"msize too small":         func(r *Msg) { r.Msize = 23 },
		"msize zero":              func(r *Msg) { r.Msize = 0 },
		"unknown":                 func(r *Msg) { r.Version = "unknown" },
		"nonsense":                func(r *Msg) { r.Version = "9P3000\x00\xff" },
		"empty":                   func(r *Msg) { r.Version = "" },
		"another dialect":         func(r *Msg) { r.Version = "9P2000.e" },
		"a refusal":               func(r *Msg) { r.Type, r.Ename = Rerror, "no" },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, d Dialect) {
				c, err := against(t, d, Options{}, func(m *Msg) []*Msg {
					if m.Type == Tversion {
						return reply(m, set)
					}
					return nil
				})
				require.Error(t, err)
				require.Nil(t, c)
			})
		})
	}
}

// A server takes one dialect or another, by its answer to each that is asked.
func TestNegotiation(t *testing.T) {
	all := []Dialect{DotL, DotU, Plain}
	for _, s := range []struct {
		name   string
		asks   []Dialect
		speaks map[string]string // answers; "": Rerror
		want   Dialect
		asked  int64
	}{
		{"all", all, map[string]string{"9P2000.L": "9P2000.L"}, DotL, 1},
		{"not .L", all, map[string]string{"9P2000.L": "9P2000", "9P2000.u": "9P2000.u"}, DotU, 2},
		{"plain", all, map[string]string{"9P2000.L": "9P2000", "9P2000.u": "9P2000"}, Plain, 2},
		{"plain that knows no suffix", all, map[string]string{"9P2000.L": "unknown", "9P2000.u": "unknown", "9P2000": "9P2000"}, Plain, 3},
		{"plain that answers errors", all, map[string]string{"9P2000": "9P2000"}, Plain, 3},
		{"words first", WordsFirst(), map[string]string{"9P2000.L": "9P2000.L", "9P2000.u": "unknown", "9P2000": "unknown"}, DotL, 3},
		{"only .L", []Dialect{DotL}, map[string]string{"9P2000.L": "9P2000"}, nowhere, 1},
	} {
		t.Run(s.name, func(t *testing.T) {
			var asked atomic.Int64
			cc, sc := pair(t)
			go hostile(sc, s.want%nowhere, func(m *Msg) []*Msg {
				r := civil(m)
				if m.Type == Tversion {
					asked.Add(1)
					if r.Version = s.speaks[m.Version]; r.Version == "" {
						r.Type = Rerror
					}
				}
				return []*Msg{r}
			})
			c, err := NewClient(bounded(t), cc, &Options{Dialects: s.asks})
			require.Equal(t, s.asked, asked.Load())
			if s.want == nowhere {
				require.ErrorIs(t, err, errors.ErrUnsupported)
				return
			}
			require.NoError(t, err)
			require.Equal(t, s.want, c.Dialect())
			require.NoError(t, c.Close())
		})
	}
}

// breach opens a file of a server that answers one type of request with a lie.
func breach(t *testing.T, d Dialect, at Type, lie func(m *Msg) []*Msg) {
	t.Helper()
	c, err := against(t, d, Options{}, func(m *Msg) []*Msg {
		if m.Type == at {
			return lie(m)
		}
		return nil
	})
	require.NoError(t, err)
	f, err := c.Open(bounded(t), "x", ORDWR)
	if err == nil {
		_, err = f.ReadAt(bounded(t), make([]byte, 100), 0)
	}
	broken(t, c, err)
}

func TestHostileWrongTag(t *testing.T) {
	each(t, func(t *testing.T, d Dialect) {
		breach(t, d, Tread, func(m *Msg) []*Msg { return reply(m, func(r *Msg) { r.Tag += 7 }) })
	})
}

func TestHostileWrongType(t *testing.T) {
	each(t, func(t *testing.T, d Dialect) {
		breach(t, d, Tread, func(m *Msg) []*Msg { return reply(m, func(r *Msg) { r.Type = Rclunk }) })
		breach(t, d, Twalk, func(m *Msg) []*Msg { return reply(m, func(r *Msg) { r.Type = Rread }) })
	})
}

func TestHostileLongRead(t *testing.T) {
	each(t, func(t *testing.T, d Dialect) {
		breach(t, d, Tread, func(m *Msg) []*Msg { return reply(m, func(r *Msg) { r.Data = make([]byte, m.Count+1) }) })
	})
}

// rawly has a server answer Tread with bytes.
func rawly(t *testing.T, d Dialect, frame func(tag uint16) []byte) (*Client, error) {
	cc, sc := pair(t)
	go func() {
		defer sc.Close()
		for {
			m, err := readMsgIn(sc, d)
			if err != nil {
				return
			}
			b, _ := AppendMsg(nil, d, civil(m))
			if m.Type == Tread {
				b = frame(m.Tag)
			}
			if len(b) == 0 {
				return
			}
			sc.Write(b)
		}
	}()
	c, err := NewClient(bounded(t), cc, in(d))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	f, err := c.Open(bounded(t), "x", OREAD)
	require.NoError(t, err)
	_, err = f.ReadAt(bounded(t), make([]byte, 100), 0)
	return c, err
}

func TestHostileCount(t *testing.T) {
	each(t, func(t *testing.T, d Dialect) {
		for _, count := range []uint32{1, 1 << 31, ^uint32(0)} {
			c, err := rawly(t, d, func(tag uint16) []byte {
				b := []byte{11, 0, 0, 0, byte(Rread), byte(tag), byte(tag >> 8)}
				return binary.LittleEndian.AppendUint32(b, count)
			})
			broken(t, c, err)
		}
	})
}

func TestHostileFrameLength(t *testing.T) {
	for _, size := range []uint32{0, 6, 1 << 30, ^uint32(0)} {
		c, err := rawly(t, DotL, func(tag uint16) []byte {
			return append(binary.LittleEndian.AppendUint32(nil, size), byte(Rread), byte(tag), byte(tag>>8))
		})
		broken(t, c, err)
	}
}

func TestHostileHangsUp(t *testing.T) {
	each(t, func(t *testing.T, d Dialect) {
		_, err := rawly(t, d, func(tag uint16) []byte { return nil })
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	})
}

// It hangs up in the middle of a reply, of which the rest never comes.
func TestHostileHalfReply(t *testing.T) {
	cc, sc := pair(t)
	go func() {
		for {
			m, err := readMsgIn(sc, DotL)
			if err != nil {
				return
			}
			b, _ := AppendMsg(nil, DotL, civil(m))
			if m.Type == Tread {
				sc.Write(b[:len(b)-50])
				sc.Close()
				return
			}
			sc.Write(b)
		}
	}()
	c, err := NewClient(bounded(t), cc, nil)
	require.NoError(t, err)
	f, err := c.Open(bounded(t), "x", OREAD)
	require.NoError(t, err)
	_, err = f.ReadAt(bounded(t), make([]byte, 100), 0)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.NoError(t, c.Close())
}

// Every call that waits hears of the end.
func TestHostileFailsAll(t *testing.T) {
	var waiting atomic.Int64
	cc, sc := pair(t)
	go hostile(sc, DotL, func(m *Msg) []*Msg {
		if m.Type == Tread {
			if waiting.Add(1) == 100 {
				sc.Close()
			}
			return nothing
		}
		return []*Msg{civil(m)}
	})
	c, err := NewClient(bounded(t), cc, nil)
	require.NoError(t, err)
	f, err := c.Open(bounded(t), "x", OREAD)
	require.NoError(t, err)
	errs := make(chan error)
	for range 100 {
		go func() {
			_, err := f.ReadAt(context.Background(), make([]byte, 10), 0)
			errs <- err
		}()
	}
	for range 100 {
		require.ErrorIs(t, <-errs, io.ErrUnexpectedEOF)
	}
	require.NoError(t, c.Close())
}

func TestHostileTwice(t *testing.T) {
	each(t, func(t *testing.T, d Dialect) {
		c, err := against(t, d, Options{}, func(m *Msg) []*Msg {
			if m.Type == Tread {
				return []*Msg{civil(m), civil(m)}
			}
			return nil
		})
		require.NoError(t, err)
		f, err := c.Open(bounded(t), "x", OREAD)
		require.NoError(t, err)
		_, err = f.ReadAt(bounded(t), make([]byte, 100), 0)
		require.NoError(t, err)
		gone(t, c)
		require.ErrorIs(t, c.Err(), errBadReply)
	})
}

// A server that goes on with a request after its Rflush is not believed.
func TestHostileAfterFlush(t *testing.T) {
	each(t, func(t *testing.T, d Dialect) {
		var read *Msg
		c, err := against(t, d, Options{}, func(m *Msg) []*Msg {
			switch m.Type {
			case Tread:
				read = m
				return nothing
			case Tflush:
				return []*Msg{civil(m), civil(read)}
			}
			return nil
		})
		require.NoError(t, err)
		f, err := c.Open(bounded(t), "x", OREAD)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		f.ReadAt(ctx, make([]byte, 100), 0)
		gone(t, c)
		require.ErrorIs(t, c.Err(), errBadReply)
	})
}

// A reply that is faster than Rflush stands: its fid exists, and its bytes are
// the caller's.
func TestLateReply(t *testing.T) {
	each(t, func(t *testing.T, d Dialect) {
		late := map[Type]bool{Twalk: true, Tread: true, Topen: true, Tlopen: true}
		var held *Msg
		var clunks atomic.Int64
		c, err := against(t, d, Options{}, func(m *Msg) []*Msg {
			switch {
			case late[m.Type]:
				held = m
				return nothing
			case m.Type == Tflush:
				return []*Msg{civil(held), civil(m)}
			case m.Type == Tclunk:
				clunks.Add(1)
			}
			return nil
		})
		require.NoError(t, err)
		short := func() context.Context {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
			t.Cleanup(cancel)
			return ctx
		}
		f, err := c.root.Walk(short(), "x")
		require.NoError(t, err)
		require.NoError(t, f.Open(short(), OREAD))
		n, err := f.ReadAt(short(), make([]byte, 10), 0)
		require.NoError(t, err)
		require.Equal(t, 10, n)
		require.NoError(t, f.Clunk(bounded(t)))
		require.Equal(t, 1, c.Fids())
		require.EqualValues(t, 1, clunks.Load())
	})
}

// A walk that was flushed without an answer may have made its fid; before the
// number is used again it is clunked.
func TestLostWalk(t *testing.T) {
	each(t, func(t *testing.T, d Dialect) {
		made := make(map[uint32]bool) // by the server, whatever it said
		c, err := against(t, d, Options{}, func(m *Msg) []*Msg {
			switch m.Type {
			case Twalk:
				if made[m.Newfid] {
					return []*Msg{{Type: Rclunk, Tag: m.Tag}} // ends the test
				}
				made[m.Newfid] = true
				return nothing
			case Tclunk:
				delete(made, m.Fid)
			}
			return nil
		})
		require.NoError(t, err)
		for range 10 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			_, err := c.root.Walk(ctx, "x")
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		require.Eventually(t, func() bool { return c.Fids() == 1 }, 5*time.Second, time.Millisecond)
	})
}

// A directory that does not end, or leads elsewhere, is an error and not a hang.
func TestHostileDirectory(t *testing.T) {
	entry := func(next int, name string) []byte {
		p := make([]byte, 100)
		return p[:putEntry(p, Qid{}, next, name)]
	}
	for name, list := range map[string]func(off uint64) []byte{
		"the same again": func(uint64) []byte { return entry(5, "a") },
		"no cookie":      func(uint64) []byte { return entry(0, "a") },
		"a path":         func(off uint64) []byte { return entry(int(off)+1, "../a") },
		"no name":        func(off uint64) []byte { return entry(int(off)+1, "") },
		"a NUL":          func(off uint64) []byte { return entry(int(off)+1, "a\x00b") },
		"half an entry":  func(off uint64) []byte { return entry(int(off)+1, "abc")[:20] },
		"a long name":    func(off uint64) []byte { b := entry(int(off)+1, "abc"); b[22] = 200; return b },
	} {
		t.Run(name, func(t *testing.T) {
			c, err := against(t, DotL, Options{}, func(m *Msg) []*Msg {
				if m.Type == Treaddir {
					return reply(m, func(r *Msg) { r.Data = list(m.Offset) })
				}
				return nil
			})
			require.NoError(t, err)
			_, err = c.ReadDir(bounded(t), "x")
			require.ErrorIs(t, err, errBadReply)
		})
	}
	for _, d := range []Dialect{Plain, DotU} {
		for _, name := range []string{"a/b", "", "a\x00"} {
			b, err := AppendDir(nil, d, &Dir{Name: name})
			require.NoError(t, err)
			for _, data := range [][]byte{b, b[:len(b)-1]} {
				c, err := against(t, d, Options{}, func(m *Msg) []*Msg {
					if m.Type == Tread {
						return reply(m, func(r *Msg) { r.Data = data })
					}
					return nil
				})
				require.NoError(t, err)
				_, err = c.ReadDir(bounded(t), "x")
				require.ErrorIs(t, err, errBadReply)
			}
		}
	}
}

// An attribute's length is not believed.
func TestHostileXattr(t *testing.T) {
	c, err := against(t, DotL, Options{}, func(m *Msg) []*Msg {
		if m.Type == Txattrwalk {
			return reply(m, func(r *Msg) { r.linuxMsg = &linuxMsg{Size: 1 << 62} })
		}
		return nil
	})
	require.NoError(t, err)
	_, err = c.root.Xattr(bounded(t), "user.x")
	require.ErrorIs(t, err, errBadReply)
}

// Errors of .L are numbers: those that are none, too.
func TestLinuxErrors(t *testing.T) {
	for n, want := range map[uint32]error{0: syscall.EIO, 2: fs.ErrNotExist, 17: fs.ErrExist, 13: fs.ErrPermission, 22: fs.ErrInvalid,
		95: errors.ErrUnsupported, 101: syscall.ENETUNREACH, 1 << 31: syscall.EIO, 40000: syscall.EIO} {
		c, err := against(t, DotL, Options{}, func(m *Msg) []*Msg {
			if m.Type == Twalk {
				return reply(m, func(r *Msg) { r.Type, r.Errno = Rlerror, n })
			}
			return nil
		})
		require.NoError(t, err)
		_, err = c.Walk(bounded(t), "x")
		require.ErrorIs(t, err, want, n)
		require.NotEmpty(t, err.Error())
	}
}

// Through a chain of servers and clients a cancelled read reaches the first
// server's file, and an event the last reader.
func TestChain(t *testing.T) {
	for _, chain := range [][]Dialect{{DotL, DotL}, {DotL, DotU, DotL}, {DotU, DotL}, {Plain, DotL, Plain}} {
		t.Run(fmt.Sprint(chain), func(t *testing.T) {
			tree := newTestTree()
			c := chained(t, tree.Tree, chain)
			f, err := c.Open(bounded(t), "stuck", OREAD)
			require.NoError(t, err)
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() {
				_, err := f.ReadAt(ctx, make([]byte, 10), 0)
				done <- err
			}()
			require.Eventually(t, func() bool { return tree.waits.Load() > 0 }, 5*time.Second, time.Millisecond)
			cancel()
			require.ErrorIs(t, <-done, context.Canceled)
			require.NoError(t, f.Clunk(bounded(t)))

			text, err := c.ReadFile(bounded(t), "mtu")
			require.NoError(t, err)
			require.Equal(t, "1500\n", string(text))
			require.ErrorIs(t, c.WriteFile(bounded(t), "routes", []byte("bad\n")), syscall.ENETUNREACH)
			require.NoError(t, c.WriteFile(bounded(t), "mtu", []byte("9000\n")))
			require.Equal(t, "9000\n", tree.mtu.get())
			big, err := c.Open(bounded(t), "big", OREAD)
			require.NoError(t, err)
			var w patternWriter
			buf := make([]byte, 200<<10)
			for w < 4<<20 {
				n, err := big.ReadAt(bounded(t), buf, int64(w))
				require.NoError(t, err)
				_, err = w.Write(buf[:n])
				require.NoError(t, err)
			}
			require.NoError(t, big.Clunk(bounded(t)))

			events, err := c.Open(bounded(t), "events", OREAD)
			require.NoError(t, err)
			tree.events.emit("link add\nlink del\n")
			var got []string
			for line, err := range events.Lines(bounded(t)) {
				require.NoError(t, err)
				if got = append(got, line); len(got) == 2 {
					break
				}
			}
			require.Equal(t, []string{"link add", "link del"}, got)
			require.NoError(t, events.Clunk(bounded(t)))
			require.Eventually(t, func() bool { return c.Fids() == 1 && tree.handles() == 0 }, 5*time.Second, time.Millisecond)
		})
	}
}

// FuzzClient: whatever bytes a server sends after a decent beginning, calls end,
// and nothing hangs or panics.
func FuzzClient(f *testing.F) {
	seed := func(d Dialect, list ...*Msg) {
		var b []byte
		for _, m := range list {
			b, _ = AppendMsg(b, d, m)
		}
		f.Add(byte(d), b)
	}
	seed(DotL, &Msg{Type: Rwalk, Qids: []Qid{{}}}, &Msg{Type: Rlopen}, &Msg{Type: Rread, Data: []byte("text")}, &Msg{Type: Rclunk})
	seed(DotU, &Msg{Type: Rwalk, Qids: []Qid{{}}}, &Msg{Type: Ropen, Iounit: 3}, &Msg{Type: Rerror, Ename: "no", Errno: 13})
	seed(Plain, &Msg{Type: Rerror, Ename: "no such file or directory"})
	seed(DotL, &Msg{Type: Rlerror, Errno: 2}, &Msg{Type: Rlerror, Errno: 1}, &Msg{Type: Rwalk}, &Msg{Type: Rreaddir, Data: make([]byte, 30)})
	f.Add(byte(DotL), []byte{255, 255, 255, 255, 117, 0, 0})
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		d := Dialect(which % byte(nowhere))
		cc, sc := net.Pipe()
		go func() {
			defer sc.Close()
			for range 3 { // version, attach, stat of the root
				m, err := readMsgIn(sc, d)
				if err != nil {
					return
				}
				r, err := AppendMsg(nil, d, civil(m))
				if err != nil {
					return
				}
				sc.Write(r)
			}
			go io.Copy(io.Discard, sc)
			sc.Write(b)
		}()
		c, err := NewClient(context.Background(), cc, &Options{Dialects: []Dialect{d}, Msize: 8192})
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if dir, err := c.root.Walk(ctx); err == nil {
			if dir.Open(ctx, OREAD) == nil {
				dir.ReadDir(ctx)
			}
			dir.Clunk(ctx)
		}
		c.ReadFile(ctx, "x")
		c.WriteFile(ctx, "a/b", []byte("x"))
		for range c.Watch(ctx, "y") {
		}
		c.root.Getattr(ctx, AttrAll)
		c.root.Xattr(ctx, "")
		c.Rename(ctx, "a", "b/c")
		if err := ctx.Err(); err != nil {
			t.Fatal("a call lasted")
		}
		c.Close()
	})
}
