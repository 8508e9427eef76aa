package p9

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
)

// The benchmarks' client: it sends prepared frames and looks at nothing but
// sizes, so that what is measured is the server.

var bench63 = []byte("dst=10.0.0.0/8 via=192.0.2.1 dev=eth0 proto=static metric=1024\n")

// still is a file of 63 bytes that allocates nothing.
type still struct{}

func (*still) Mode() iofs.FileMode                                    { return 0o444 }
func (s *still) Open(context.Context, fs.OpenMode) (fs.Handle, error) { return s, nil }
func (*still) WriteAt(context.Context, []byte, int64) (int, error)    { return 0, nil }
func (*still) Close(context.Context) error                            { return nil }
func (*still) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	if off >= int64(len(bench63)) {
		return 0, nil
	}
	return copy(p, bench63[off:]), nil
}

// zeros is a file of nothing but zeros, for as long as one likes.
type zeros struct{ still }

func (z *zeros) Open(context.Context, fs.OpenMode) (fs.Handle, error)   { return z, nil }
func (*zeros) ReadAt(_ context.Context, p []byte, _ int64) (int, error) { return len(p), nil }

func benchTree() *fs.Tree {
	a := dir{{Name: "b", Node: dir{{Name: "still", Node: &still{}}, {Name: "zeros", Node: &zeros{}}}}}
	return &fs.Tree{Root: dir{{Name: "a", Node: a}}}
}

// cycle is walk (3 names), open, read, clunk, in frames of their own.
func cycle(tag uint16, fid uint32) (frames [][]byte) {
	for _, m := range []*Msg{
		{Type: Twalk, Fid: 0, Newfid: fid, Names: []string{"a", "b", "still"}},
		{Type: Topen, Fid: fid}, {Type: Tread, Fid: fid, Count: 4096}, {Type: Tclunk, Fid: fid},
	} {
		m.Tag = tag
		b, err := AppendMsg(nil, Plain, m)
		if err != nil {
			panic(err)
		}
		frames = append(frames, b)
	}
	return frames
}

// canned answers cycles without looking at more than the type: the floor under
// every server. It writes once per reply, or when its input is drained.
func canned(rw io.ReadWriteCloser, batch bool) {
	defer rw.Close()
	in := make([]byte, 64<<10)
	out := make([]byte, 0, 64<<10)
	replies := make(map[Type][]byte)
	for _, m := range []*Msg{{Type: Rversion, Tag: NoTag, Msize: 1 << 20, Version: "9P2000"}, {Type: Rattach}, {Type: Rwalk, Qids: make([]Qid, 3)},
		{Type: Ropen}, {Type: Rread, Data: bench63}, {Type: Rclunk}} {
		replies[m.Type-1], _ = AppendMsg(nil, Plain, m)
	}
	r, w := 0, 0
	for {
		if w-r < 4 || w-r < int(binary.LittleEndian.Uint32(in[r:])) {
			if len(out) > 0 {
				rw.Write(out)
				out = out[:0]
			}
			w, r = copy(in, in[r:w]), 0
			n, err := rw.Read(in[w:])
			if err != nil {
				return
			}
			w += n
			continue
		}
		frame := in[r : r+int(binary.LittleEndian.Uint32(in[r:]))]
		r += len(frame)
		at := len(out)
		out = append(out, replies[Type(frame[4])]...)
		out[at+5], out[at+6] = frame[5], frame[6]
		if !batch {
			rw.Write(out)
			out = out[:0]
		}
	}
}

// benchServers are the server and the floors, each behind one connection.
func benchServers(b *testing.B, f func(b *testing.B, c net.Conn)) {
	tree := benchTree()
	for _, s := range []struct {
		name  string
		serve func(c net.Conn)
	}{
		{"floor", func(c net.Conn) { canned(c, false) }},
		{"floorbatch", func(c net.Conn) { canned(c, true) }},
		{"server", func(c net.Conn) { (&Server{Tree: tree}).ServeConn(context.Background(), c, root) }},
	} {
		b.Run(s.name, func(b *testing.B) {
			c, sc := pair(b)
			var wg sync.WaitGroup
			wg.Go(func() { s.serve(sc) })
			w := &wire{t: b, c: c, r: newReader(c)}
			w.start()
			b.ReportAllocs()
			b.ResetTimer()
			f(b, c)
			b.StopTimer()
			c.Close()
			wg.Wait()
		})
	}
}

// BenchmarkCycle is one request at a time.
func BenchmarkCycle(b *testing.B) {
	frames := cycle(1, 1)
	buf := make([]byte, 4096)
	benchServers(b, func(b *testing.B, c net.Conn) {
		for b.Loop() {
			for _, f := range frames {
				c.Write(f)
				if _, err := c.Read(buf); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}

// BenchmarkPipe64 keeps 64 cycles under way on one connection.
func BenchmarkPipe64(b *testing.B) {
	var batch []byte
	const n = 64
	for i := range n {
		for _, f := range cycle(uint16(i), uint32(i+1)) {
			batch = append(batch, f...)
		}
	}
	benchServers(b, func(b *testing.B, c net.Conn) {
		buf := make([]byte, 64<<10)
		for i := 0; i < b.N; i += n {
			c.Write(batch)
			for got, r, w := 0, 0, 0; got < 4*n; {
				m, err := c.Read(buf[w:])
				if err != nil {
					b.Fatal(err)
				}
				for w += m; w-r >= 4 && w-r >= int(binary.LittleEndian.Uint32(buf[r:])); got++ {
					r += int(binary.LittleEndian.Uint32(buf[r:]))
				}
				w, r = copy(buf, buf[r:w]), 0
			}
		}
	})
}

// BenchmarkTree is what the tree itself costs in a cycle: the rest of
// BenchmarkCycle's allocations are the server's.
func BenchmarkTree(b *testing.B) {
	tree := benchTree()
	ctx := context.Background()
	buf := make([]byte, 4096)
	at := tree.Attach()
	b.ReportAllocs()
	for b.Loop() {
		ref := at
		for _, name := range []string{"a", "b", "still"} {
			ref, _ = ref.Walk(ctx, name)
		}
		f, err := ref.Open(ctx, fs.OpenRead)
		if err != nil {
			b.Fatal(err)
		}
		f.ReadAt(ctx, buf, 0)
		f.Close(ctx)
	}
}

// BenchmarkClient is the cycle by our client against canned answers.
func BenchmarkClient(b *testing.B) {
	cc, sc := pair(b)
	go canned2(sc)
	c, err := NewClient(context.Background(), cc, in(Plain))
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		f, err := c.root.Walk(ctx, "a", "b", "still")
		if err != nil {
			b.Fatal(err)
		}
		f.Open(ctx, OREAD)
		if n, err := f.ReadAt(ctx, buf, 0); n != len(bench63) || err != nil {
			b.Fatal(n, err)
		}
		f.Clunk(ctx)
	}
	c.Close()
}

// canned2 is canned for a client that also stats.
func canned2(rw net.Conn) {
	m, err := readMsg(rw)
	for range 3 {
		if err != nil {
			return
		}
		b, _ := AppendMsg(nil, Plain, civil(m))
		rw.Write(b)
		if m.Type == Tstat {
			break
		}
		m, err = readMsg(rw)
	}
	canned(rw, true)
}

// BenchmarkRead reads in order with one and with several reads under way,
// against the bare socket with messages of the same sizes.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("socket/%dK", size>>10), func(b *testing.B) {
			c, sc := pair(b)
			go func() {
				req := make([]byte, 23)
				reply := make([]byte, 11+size)
				for {
					if _, err := io.ReadFull(sc, req); err != nil {
						return
					}
					sc.Write(reply)
				}
			}()
			req, reply := make([]byte, 23), make([]byte, 11+size)
			b.SetBytes(int64(size))
			for b.Loop() {
				c.Write(req)
				if _, err := io.ReadFull(c, reply); err != nil {
					b.Fatal(err)
				}
			}
			c.Close()
		})
		open := func(b *testing.B) *Fid {
			c := connect(b, &Server{Tree: benchTree(), MaxMsize: uint32(size) + ioHead}, &Options{Msize: uint32(size) + ioHead})
			f, err := c.Open(context.Background(), "a/b/zeros", OREAD)
			require.NoError(b, err)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			return &f
		}
		b.Run(fmt.Sprintf("client/%dK", size>>10), func(b *testing.B) {
			f := open(b)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			buf := make([]byte, size)
			off := int64(0)
			for b.Loop() {
				n, err := f.ReadAt(ctx, buf, off)
				if n != size {
					b.Fatal(n, err)
				}
				off += int64(n)
			}
		})
		b.Run(fmt.Sprintf("copy/%dK", size>>10), func(b *testing.B) {
			f := open(b)
			w := &limited{n: int64(b.N) * int64(size)}
			b.ResetTimer()
			f.Copy(context.Background(), w)
		})
	}
}

// limited takes n bytes and then fails.
type limited struct{ n int64 }

func (l *limited) Write(p []byte) (int, error) {
	if l.n -= int64(len(p)); l.n <= 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// BenchmarkFlush is a blocked read and its flush.
func BenchmarkFlush(b *testing.B) {
	tree := newTestTree()
	w := serve(b, &Server{Tree: tree.Tree}).start()
	w.open(1, "events", OREAD)
	read, _ := AppendMsg(nil, Plain, &Msg{Type: Tread, Tag: 2, Fid: 1, Count: 100})
	flush, _ := AppendMsg(nil, Plain, &Msg{Type: Tflush, Tag: 3, Oldtag: 2})
	buf := make([]byte, 100)
	b.ReportAllocs()
	for b.Loop() {
		w.c.Write(read)
		w.c.Write(flush)
		if _, err := io.ReadFull(w.r, buf[:7]); err != nil || Type(buf[4]) != Rflush {
			b.Fatal(err, buf[:7])
		}
	}
	w.c.Close()
}
