package p9

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// inUse is what the process holds for its heap and its stacks, after a
// collection.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// descriptors counts the open ones; 0 where the system does not list them.
func descriptors() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// costs tells what each of n things holds since before, and fails above most.
func costs(t *testing.T, what string, n int, before, most uint64) {
	t.Helper()
	now := inUse()
	each := (now - min(now, before)) / uint64(n)
	t.Logf("%d %s: %d bytes each", n, what, each)
	require.Less(t, each, most, what)
}

// A crowd is clients of one server, of which each test makes a nuisance; meek is
// one more, who is to be served whatever they do.
type crowd struct {
	t       *testing.T
	tree    *testTree
	address string
	stop    func()
	meek    *wire
	heap    uint64
	before  [2]int // goroutines, descriptors
	wires   []*wire
}

func newCrowd(t *testing.T, s *Server) *crowd {
	c := &crowd{t: t, tree: newTestTree()}
	c.before = [2]int{runtime.NumGoroutine(), descriptors()}
	s.Tree, s.Log = c.tree.Tree, slog.New(slog.DiscardHandler)
	dial, stop := start(t, s)
	c.stop = stop
	_, address, err := ParseDial(dial)
	require.NoError(t, err)
	c.address = address
	c.meek = c.client()
	c.served()
	c.heap = inUse()
	return c
}

func (c *crowd) client() *wire {
	conn, err := net.Dial("unix", c.address)
	require.NoError(c.t, err)
	w := (&wire{t: c.t, c: conn, r: newReader(conn)}).start()
	c.wires = append(c.wires, w)
	return w
}

// served fails if the meek client waits for more than a second.
func (c *crowd) served() {
	c.t.Helper()
	began := time.Now()
	c.meek.open(1, "mtu", OREAD)
	require.Equal(c.t, "1500\n", string(c.meek.ok(&Msg{Type: Tread, Fid: 1, Count: 100}).Data))
	c.meek.ok(&Msg{Type: Tclunk, Fid: 1})
	took := time.Since(began)
	c.t.Log("another client is served in ", took)
	require.Less(c.t, took, 5*time.Second)
}

// gone ends the nuisances and finds that nothing of them is left.
func (c *crowd) gone() {
	c.t.Helper()
	for _, w := range c.wires[1:] {
		w.c.Close()
	}
	require.Eventually(c.t, func() bool { return c.tree.handles() == 0 }, 20*time.Second, 10*time.Millisecond)
	c.served()
	c.meek.c.Close()
	c.stop()
	settled(c.t, c.tree, c.before[0])
	require.LessOrEqual(c.t, descriptors(), c.before[1])
}

// Ten thousand reads that wait for what does not come, of all connections or of
// one.
func TestManyReaders(t *testing.T) {
	for _, conns := range []int{1000, 1} {
		t.Run(fmt.Sprint(conns, " connections"), func(t *testing.T) {
			c := newCrowd(t, &Server{MaxFids: 20000, MaxInFlight: 20000})
			const readers = 10000
			each := readers / conns
			for range conns {
				w := c.client()
				for i := range each {
					file, fid := []string{"events", "stuck"}[i%2], uint32(10+i)
					w.send(&Msg{Type: Twalk, Tag: 1, Fid: 0, Newfid: fid, Names: []string{file}},
						&Msg{Type: Topen, Tag: 2, Fid: fid}, &Msg{Type: Tread, Tag: uint16(fid), Fid: fid, Count: 1 << 20})
					require.Equal(t, Rwalk, w.recv().Type)
					require.Equal(t, Ropen, w.recv().Type)
				}
			}
			c.served()
			// Half of them hold 8 KiB, and a connection 80 KiB at its two ends.
			costs(t, "reads that wait", readers, c.heap, 30<<10)
			c.tree.events.emit("x\n")
			for _, w := range c.wires[1:] {
				for range each / 2 {
					require.Equal(t, "x\n", string(w.recv().Data))
				}
			}
			c.gone()
		})
	}
}

// All the tags that there are, in flushes of one read that does not end.
func TestManyFlushes(t *testing.T) {
	c := newCrowd(t, &Server{Grace: 3 * time.Second})
	w := c.client()
	w.open(1, "deaf", OREAD)
	w.send(&Msg{Type: Tread, Tag: 1, Fid: 1, Count: 1})
	const n = 60002
	answered := make(chan uint16, n)
	go func() { // apart: a client that only writes is left when the server's answers fill the socket
		defer close(answered)
		for range n - 2 {
			if m := w.recv(); m.Type == Rflush {
				answered <- m.Tag
			}
		}
	}()
	for tag := 2; tag < n; tag += 1000 {
		var list []*Msg
		for i := range 1000 {
			list = append(list, &Msg{Type: Tflush, Tag: uint16(tag + i), Oldtag: 1})
		}
		w.send(list...)
	}
	c.served()
	costs(t, "flushes", n-2, c.heap, 1000)
	for tag := 2; tag < n; tag++ { // in their order, when the grace is over
		require.EqualValues(t, tag, <-answered)
	}
	close(c.tree.deaf.gate)
	c.gone()
}

// A client that keeps all fids that it can get.
func TestHoarder(t *testing.T) {
	c := newCrowd(t, &Server{})
	w := c.client()
	const most = 8192
	for fid := uint32(1); fid < most; fid += 100 {
		var list []*Msg
		for i := range uint32(100) {
			list = append(list, &Msg{Type: Twalk, Tag: uint16(2 * i), Fid: 0, Newfid: fid + i, Names: []string{"links", "eth0", "mtu"}},
				&Msg{Type: Topen, Tag: uint16(2*i + 1), Fid: fid + i})
		}
		w.send(list...)
		for i := range uint32(100) {
			walked, opened := w.recv(), w.recv()
			if fid+i < most {
				require.Equal(t, Ropen, opened.Type)
				continue
			}
			require.Equal(t, "fid table is full: too many open files", walked.Ename)
			require.Equal(t, "fid unknown or out of range", opened.Ename)
		}
	}
	c.served()
	costs(t, "open fids", most, c.heap, 2000)
	w.ok(&Msg{Type: Tclunk, Fid: 7})
	w.ok(&Msg{Type: Twalk, Fid: 0, Newfid: 9000})
	c.gone()
}

// Clients that begin a large frame and go on by a byte now and then, and others
// that do so before their first.
func TestSlowloris(t *testing.T) {
	c := newCrowd(t, &Server{FrameTimeout: 3 * time.Second, HandshakeTimeout: 3 * time.Second})
	const n = 300
	var early []net.Conn
	for range n {
		w := c.client()
		w.c.Write([]byte{0, 0, 16, 0, byte(Twrite)})
		conn, err := net.Dial("unix", c.address)
		require.NoError(t, err)
		conn.Write([]byte{19, 0, 0})
		early = append(early, conn)
	}
	c.served()
	costs(t, "connections in a frame of 1 MiB", n, c.heap, 200<<10)
	over := time.Now().Add(20 * time.Second)
	for _, w := range c.wires[1:] {
		early = append(early, w.c)
	}
	for _, conn := range early {
		for conn.SetReadDeadline(over); ; {
			conn.Write([]byte{0})
			if _, err := conn.Read(make([]byte, 1)); err != nil {
				require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
				break
			}
		}
		conn.Close()
	}
	c.gone()
}

// What a session has is its client's: nothing is left in it when it ends.
func TestSessionEnds(t *testing.T) {
	tree := newTestTree()
	s := (&Server{Tree: tree.Tree}).limits()
	client, sc := pair(t)
	c := &conn{srv: s, rw: sc, peer: s.peer(root, false)}
	done := make(chan error)
	go func() { done <- c.run(context.Background()) }()
	w := (&wire{t: t, c: client, r: newReader(client)}).start()
	for fid := range uint32(100) {
		w.open(1+fid, "stuck", ORDWR)
		w.send(&Msg{Type: Tread, Tag: uint16(10 + fid), Fid: 1 + fid, Count: 10})
	}
	w.ok(&Msg{Type: Tstat, Fid: 0})
	c.mu.Lock()
	require.Equal(t, "101 100 100", fmt.Sprint(len(c.sess.fids), len(c.sess.tags), c.sess.apart))
	c.mu.Unlock()
	client.Close()
	<-done
	require.Equal(t, "0 0 0", fmt.Sprint(len(c.sess.fids), len(c.sess.tags), c.sess.apart))
	require.Zero(t, tree.handles())
}
