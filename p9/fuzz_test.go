package p9

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// frames are one message of each type.
func frames() []*Msg {
	d := Dir{Type: 1, Dev: 2, Qid: Qid{QTDIR, 0, 7}, Mode: DMDIR | 0o555, Atime: 3, Mtime: 4, Length: 5, Name: "n", UID: "u", GID: "g", MUID: "m"}
	q := Qid{QTAPPEND, 3, 1 << 60}
	return []*Msg{
		{Type: Tversion, Tag: NoTag, Msize: 8192, Version: "9P2000"}, {Type: Rversion, Tag: NoTag, Msize: 8192, Version: "9P2000"},
		{Type: Tauth, Afid: 1, Uname: "u", Aname: "a"}, {Type: Rauth, Qid: q}, {Type: Tattach, Fid: 1, Afid: NoFid, Uname: "u", Aname: "/x,ro"},
		{Type: Rattach, Qid: q}, {Type: Rerror, Ename: "Permission denied"}, {Type: Tflush, Oldtag: 4}, {Type: Rflush},
		{Type: Twalk, Fid: 1, Newfid: 2, Names: []string{"links", "eth0", ".."}}, {Type: Rwalk, Qids: []Qid{q, {}}},
		{Type: Topen, Fid: 1, Mode: OTRUNC | OWRITE}, {Type: Ropen, Qid: q, Iounit: 9}, {Type: Tcreate, Fid: 1, Name: "br0,type=bridge", Perm: DMDIR | 0o775},
		{Type: Rcreate, Qid: q, Iounit: 1}, {Type: Tread, Fid: 1, Offset: 1 << 40, Count: 100}, {Type: Rread, Data: []byte("text\n")},
		{Type: Twrite, Fid: 1, Offset: 2, Data: []byte{0, 1, 2}}, {Type: Rwrite, Count: 3}, {Type: Tclunk, Fid: 1}, {Type: Rclunk},
		{Type: Tremove, Fid: 1}, {Type: Rremove}, {Type: Tstat, Fid: 1}, {Type: Rstat, Dir: d}, {Type: Twstat, Fid: 1, Dir: NullDir}, {Type: Rwstat},
	}
}

// linuxFrames are one message of each type that 9P2000.L adds.
func linuxFrames() []*Msg {
	q := Qid{QTDIR, 0, 9}
	l := &linuxMsg{Flags: 1, Gid: 2, Dfid: 3, Valid: 4, Newname: "n", Size: 5, Nlink: 6, Rdev: 7, Blksize: 8, Blocks: 9, Times: [8]uint64{1, 2, 3, 4, 5, 6, 7, 8}, Gen: 10, DataVer: 11}
	l.Statfs.Type, l.Statfs.Namelen = 1, 2
	l.Lock.Type, l.Lock.Start, l.Lock.Proc, l.Lock.Client = 1, 2, 3, "c"
	var list []*Msg
	for t := range linuxNames {
		own := *l
		list = append(list, &Msg{Type: t, Fid: 1, Name: "a", Qid: q, Iounit: 2, Perm: 0o755, Uid: 3, Offset: 4, Count: 5, Data: []byte("x"), Errno: 6, Ext: "t", Newfid: 7, linuxMsg: &own})
	}
	return list
}

// What encodes decodes to the same, and every cut of it is refused.
func TestCodec(t *testing.T) {
	for _, d := range []Dialect{Plain, DotU, DotL} {
		list := frames()
		if d == DotL {
			list = linuxFrames()
		}
		for _, m := range list {
			m.Tag = 77
			b, err := AppendMsg([]byte("before"), d, m)
			require.NoError(t, err)
			frame := b[len("before"):]
			var got Msg
			require.NoError(t, DecodeMsg(frame, d, &got), m.Text(d))
			require.Equal(t, m.Text(d), got.Text(d))
			for n := range frame {
				require.Error(t, DecodeMsg(frame[:n], d, &got))
				if whole := m.Type == Tfsync && n == len(frame)-4; n > headLen && !whole {
					cut := slices.Clone(frame[:n])
					cut[0] = byte(n)
					require.Error(t, DecodeMsg(cut, d, &got), "%v cut at %d", m.Type, n)
				}
			}
			long := append(slices.Clone(frame), 0)
			long[0]++
			require.ErrorIs(t, DecodeMsg(long, d, &got), errTrail)
		}
	}
	_, err := AppendMsg(nil, Plain, &Msg{Type: Twalk, Names: make([]string, 17)})
	require.ErrorIs(t, err, errNames)
	_, err = AppendMsg(nil, Plain, &Msg{Type: Rerror, Ename: string(make([]byte, 1<<16))})
	require.ErrorIs(t, err, errLong)
	_, err = AppendMsg(nil, Plain, &Msg{Type: Rstat, Dir: Dir{Name: string(make([]byte, 1<<16-1))}})
	require.ErrorIs(t, err, errLong)
	_, err = AppendMsg(nil, Plain, &Msg{Type: 106})
	require.Error(t, err)
}

// FuzzMsg: what decodes encodes to the same bytes.
func FuzzMsg(f *testing.F) {
	for _, d := range []Dialect{Plain, DotU, DotL} {
		for _, m := range append(frames(), linuxFrames()...) {
			if b, err := AppendMsg(nil, d, m); err == nil {
				f.Add(b, byte(d))
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, d byte) {
		dialect := Dialect(d % 3)
		m := new(Msg)
		if DecodeMsg(b, dialect, m) != nil {
			return
		}
		again, err := AppendMsg(nil, dialect, m)
		require.NoError(t, err)
		if m.Type != Tfsync { // which has two lengths
			require.Equal(t, b, again)
		}
		require.NotEmpty(t, m.Text(dialect))
	})
}

// FuzzDir: the same of stat records in a directory.
func FuzzDir(f *testing.F) {
	b, _ := AppendDir(nil, Plain, &NullDir)
	f.Add(b, byte(0))
	b, _ = AppendDir(b, DotU, &Dir{Name: "a", Ext: "b"})
	f.Add(b, byte(1))
	f.Fuzz(func(t *testing.T, b []byte, d byte) {
		dialect := Dialect(d % 3)
		for len(b) > 0 {
			var e Dir
			rest, err := DecodeDir(b, dialect, &e)
			if err != nil {
				return
			}
			require.Less(t, len(rest), len(b))
			again, err := AppendDir(nil, dialect, &e)
			require.NoError(t, err)
			require.Equal(t, b[:len(b)-len(rest)], again)
			b = rest
		}
	})
}

// fuzzServer is one server for all runs of a fuzz target.
func fuzzServer(f *testing.F) (*testTree, func(testing.TB) net.Conn) {
	tree := newTestTree()
	close(tree.deaf.gate)
	close(tree.slow.gate)
	go func() {
		for range tree.slow.entered {
		}
	}()
	dir, err := os.MkdirTemp("", "p9")
	require.NoError(f, err)
	l, err := Listen(filepath.Join(dir, "s"))
	require.NoError(f, err)
	s := &Server{Tree: tree.Tree, Log: slog.New(slog.DiscardHandler), MaxFids: 100, MaxInFlight: 100}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	f.Cleanup(func() { cancel(); <-done; close(tree.slow.entered); os.RemoveAll(dir) })
	return tree, func(t testing.TB) net.Conn {
		c, err := net.Dial("unix", l.Addr().String())
		require.NoError(t, err)
		return c
	}
}

// FuzzBytes: whatever comes after Tattach, the server answers in whole frames
// and lets go of everything when the client has gone.
func FuzzBytes(f *testing.F) {
	var all []byte
	for _, m := range frames() {
		m.Tag = 1
		all, _ = AppendMsg(all, Plain, m)
	}
	f.Add(all)
	var some []byte
	for i, m := range []*Msg{
		{Type: Twalk, Newfid: 1, Names: []string{"stuck"}}, {Type: Topen, Fid: 1, Mode: ORDWR}, {Type: Tread, Fid: 1, Count: 9}, {Type: Twrite, Fid: 1, Data: []byte("x")},
		{Type: Tread, Fid: 1, Count: 9}, {Type: Tflush, Oldtag: 3}, {Type: Tclunk, Fid: 1}, {Type: Tflush, Oldtag: 4}, {Type: Tversion, Msize: 999, Version: "9P2000"},
	} {
		m.Tag = uint16(i + 1)
		some, _ = AppendMsg(some, Plain, m)
	}
	f.Add(some)
	tree, dial := fuzzServer(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		c := dial(t)
		w := &wire{t: t, c: c, r: newReader(c)}
		w.start()
		go func() {
			c.Write(b)
			c.(*net.UnixConn).CloseWrite()
		}()
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
		for {
			_, err := readMsg(w.r)
			if err == io.EOF {
				break
			}
			if ne, ok := err.(net.Error); ok && !ne.Timeout() {
				break // reset: the server closed with input unread
			}
			require.NoError(t, err)
		}
		c.Close()
		require.Eventually(t, func() bool { return tree.handles() == 0 }, 10*time.Second, 100*time.Microsecond)
	})
}
