package p9

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
)

var root = &fs.User{Name: "root", From: "test"}

// pair is two ends of a unix stream socket.
func pair(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	require.NoError(t, err)
	defer l.Close()
	client, err = net.Dial("unix", l.Addr().String())
	require.NoError(t, err)
	server, err = l.Accept()
	require.NoError(t, err)
	return client, server
}

// serve runs the server for one connection and returns the other end. The
// test fails if it does not end soon after its peer has gone.
func serve(t testing.TB, s *Server) *wire {
	t.Helper()
	c, sc := pair(t)
	if s.Log == nil {
		s.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	done := make(chan error, 1)
	go func() { done <- s.ServeConn(context.Background(), sc, root) }()
	t.Cleanup(func() {
		c.Close()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Error("the server does not end")
		}
	})
	return &wire{t: t, c: c, r: newReader(c)}
}

func newReader(c net.Conn) *bufio.Reader { return bufio.NewReaderSize(c, 1<<16) }

// A wire sends and receives messages and knows nothing else.
type wire struct {
	t testing.TB
	c net.Conn
	r *bufio.Reader
	d Dialect
}

func (w *wire) send(list ...*Msg) {
	w.t.Helper()
	var b []byte
	for _, m := range list {
		var err error
		b, err = AppendMsg(b, w.d, m)
		require.NoError(w.t, err)
	}
	_, err := w.c.Write(b)
	require.NoError(w.t, err)
}

func (w *wire) recv() *Msg {
	w.t.Helper()
	w.c.SetReadDeadline(time.Now().Add(10 * time.Second))
	frame, err := readFrame(w.r)
	require.NoError(w.t, err)
	m := new(Msg)
	require.NoError(w.t, DecodeMsg(frame, w.d, m))
	return m
}

func readFrame(r io.Reader) ([]byte, error) {
	frame := make([]byte, 4)
	if _, err := io.ReadFull(r, frame); err != nil {
		return nil, err
	}
	frame = append(frame, make([]byte, binary.LittleEndian.Uint32(frame)-4)...)
	_, err := io.ReadFull(r, frame[4:])
	return frame, err
}

func (w *wire) rpc(m *Msg) *Msg {
	w.t.Helper()
	if m.Tag == 0 {
		m.Tag = 1
	}
	w.send(m)
	r := w.recv()
	require.Equal(w.t, m.Tag, r.Tag)
	return r
}

// ok is rpc that must not fail.
func (w *wire) ok(m *Msg) *Msg {
	w.t.Helper()
	r := w.rpc(m)
	require.Equal(w.t, (m.Type + 1).String(), r.Type.String(), r.String())
	return r
}

// start negotiates and attaches fid 0.
func (w *wire) start() *wire {
	w.t.Helper()
	w.ok(&Msg{Type: Tversion, Tag: NoTag, Msize: 1 << 20, Version: w.d.String()})
	w.ok(&Msg{Type: Tattach, Fid: 0, Afid: NoFid, Uname: "glenda"})
	return w
}

// open walks to a path from fid 0 and opens it as fid.
func (w *wire) open(fid uint32, path string, mode uint8) {
	w.t.Helper()
	w.ok(&Msg{Type: Twalk, Fid: 0, Newfid: fid, Names: strings.Split(path, "/")})
	w.ok(&Msg{Type: Topen, Fid: fid, Mode: mode})
}
