package p9

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
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
	var size [4]byte
	_, err := io.ReadFull(w.r, size[:])
	require.NoError(w.t, err)
	frame := make([]byte, binary.LittleEndian.Uint32(size[:]))
	copy(frame, size[:])
	_, err = io.ReadFull(w.r, frame[4:])
	require.NoError(w.t, err)
	m := new(Msg)
	require.NoError(w.t, DecodeMsg(frame, w.d, m))
	return m
}

// silent fails if anything comes.
func (w *wire) silent(d time.Duration) {
	w.t.Helper()
	w.c.SetReadDeadline(time.Now().Add(d))
	b, err := w.r.Peek(1)
	if err == nil {
		w.t.Fatalf("unexpected %v: %v", b, w.recv())
	}
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

// TestTranscripts plays testdata/*.txt against the server. A line "> T..." is
// sent, a line "< R..." is what must come next, where * stands for anything;
// "emit TEXT" makes an event, "silent" means that nothing comes for 30 ms,
// "dir NAMES" is an Rread that holds these stat records, "hex ..." is sent as it is,
// "closed" means that the server hangs up.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			tree := newTestTree()
			play(t, string(text), tree, serve(t, &Server{Tree: tree.Tree, Grace: 200 * time.Millisecond}))
		})
	}
}

func play(t *testing.T, text string, tree *testTree, w *wire) {
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		verb, rest, _ := strings.Cut(line, " ")
		at := fmt.Sprintf("line %d: %s", i+1, line)
		switch verb {
		case "", "#":
		case ">":
			w.send(parseMsg(t, rest, at))
		case "<":
			m := w.recv()
			got := m.Text(w.d)
			require.Regexp(t, "^"+strings.ReplaceAll(regexp.QuoteMeta(rest), `\*`, ".*")+"$", got, at)
			if m.Type == Rversion {
				w.d = dialectNamed(m.Version)
			}
		case "emit":
			s, err := strconv.Unquote(rest)
			require.NoError(t, err, at)
			tree.events.emit(s)
		case "silent":
			w.silent(30 * time.Millisecond)
		case "dir":
			m := w.recv()
			list := []string(nil)
			if w.d == DotL {
				require.Equal(t, Rreaddir, m.Type, at+": "+m.Text(w.d))
				list = entries(t, m.Data)
			} else {
				require.Equal(t, Rread, m.Type, at+": "+m.String())
				list = names(t, m.Data, w.d)
			}
			require.Equal(t, rest, strings.Join(list, " "), at)
		case "hex":
			_, err := w.c.Write(unhex(t, rest))
			require.NoError(t, err)
		case "closed":
			w.c.SetReadDeadline(time.Now().Add(5 * time.Second))
			_, err := w.r.ReadByte()
			require.ErrorIs(t, err, io.EOF, at)
		default:
			t.Fatal("what? ", at)
		}
	}
}

func dialectNamed(version string) Dialect {
	for d, v := range versions {
		if v == version {
			return Dialect(d)
		}
	}
	return Plain
}

func names(t *testing.T, b []byte, d Dialect) (list []string) {
	for len(b) > 0 {
		var e Dir
		rest, err := DecodeDir(b, d, &e)
		require.NoError(t, err)
		list, b = append(list, e.Name), rest
	}
	return list
}

func unhex(t *testing.T, s string) []byte {
	var b []byte
	for f := range strings.FieldsSeq(s) {
		n, err := strconv.ParseUint(f, 16, 8)
		require.NoError(t, err)
		b = append(b, byte(n))
	}
	return b
}

// parseMsg reads what Msg.Text prints. Numbers that are not given are 0, the tag
// 1, a stat record's ~0.
func parseMsg(t *testing.T, line, at string) *Msg {
	name, rest, _ := strings.Cut(line, " ")
	m := &Msg{Tag: 1, Afid: NoFid, Dir: NullDir}
	for _, list := range []map[Type]string{typeNames, linuxNames} {
		for ty, s := range list {
			if s == name {
				m.Type = ty
			}
		}
	}
	m.linuxMsg = new(linuxMsg)
	require.NotZero(t, m.Type, at)
	if m.Type == Tversion {
		m.Tag = NoTag
	}
	for rest != "" {
		key, val, ok := strings.Cut(strings.TrimSpace(rest), "=")
		require.True(t, ok, at)
		val, rest = cutValue(val)
		setField(t, m, key, val, at)
	}
	return m
}

func cutValue(s string) (val, rest string) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"' && (i == 0 || s[i-1] != '\\'):
			quoted = !quoted
		case s[i] == ' ' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func setField(t *testing.T, m *Msg, key, val, at string) {
	text := func() string {
		s, err := strconv.Unquote(val)
		require.NoError(t, err, at)
		return s
	}
	num := func(bits int) uint64 {
		if val == "~0" {
			return 1<<bits - 1
		}
		n, err := strconv.ParseUint(val, 0, bits)
		require.NoError(t, err, at)
		return n
	}
	stat := m.Type == Twstat
	if m.Type < Tversion && setLinux(m, key, num, text) {
		return
	}
	switch key {
	case "tag":
		m.Tag = uint16(num(16))
	case "oldtag":
		m.Oldtag = uint16(num(16))
	case "fid":
		m.Fid = uint32(num(32))
	case "afid":
		m.Afid = uint32(num(32))
	case "newfid":
		m.Newfid = uint32(num(32))
	case "msize":
		m.Msize = uint32(num(32))
	case "count":
		m.Count = uint32(num(32))
	case "offset":
		m.Offset = num(64)
	case "perm":
		m.Perm = uint32(num(32))
	case "mode":
		if stat {
			m.Dir.Mode = uint32(num(32))
		} else {
			m.Mode = uint8(num(8))
		}
	case "length":
		m.Dir.Length = num(64)
	case "mtime":
		m.Dir.Mtime = uint32(num(32))
	case "dev":
		m.Dir.Dev = uint32(num(32))
	case "uid":
		if stat {
			m.Dir.UID = text()
		} else {
			m.Uid = uint32(num(32))
		}
	case "gid":
		m.Dir.GID = text()
	case "muid":
		m.Dir.MUID = text()
	case "version":
		m.Version = text()
	case "uname":
		m.Uname = text()
	case "aname":
		m.Aname = text()
	case "name":
		if stat {
			m.Dir.Name = text()
		} else {
			m.Name = text()
		}
	case "data":
		m.Data = []byte(text())
	case "names":
		for s := range strings.SplitSeq(val, ",") {
			u, err := strconv.Unquote(s)
			require.NoError(t, err, at)
			m.Names = append(m.Names, u)
		}
	default:
		t.Fatalf("%s: no key %s", at, key)
	}
}

// setLinux sets the fields that 9P2000.L's messages have.
func setLinux(m *Msg, key string, num func(int) uint64, text func() string) bool {
	switch key {
	case "flags":
		m.Flags = uint32(num(32))
	case "valid":
		m.Valid = num(64)
	case "size":
		m.Size = num(64)
	case "dfid":
		m.Dfid = uint32(num(32))
	case "newname":
		m.Newname = text()
	case "uid":
		m.Uid = uint32(num(32))
	case "gid":
		m.Gid = uint32(num(32))
	default:
		return false
	}
	return true
}

// entries are the names in Rreaddir.
func entries(t *testing.T, b []byte) (list []string) {
	for len(b) > 0 {
		require.GreaterOrEqual(t, len(b), 24)
		n := int(binary.LittleEndian.Uint16(b[22:]))
		require.GreaterOrEqual(t, len(b), 24+n)
		list = append(list, fmt.Sprintf("%s:%d:%d", b[24:24+n], binary.LittleEndian.Uint64(b[13:]), b[21]))
		b = b[24+n:]
	}
	return list
}
