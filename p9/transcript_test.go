package p9

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTranscripts plays testdata/*.txt and testdata/defects/*.txt against a
// server with the tests' tree. A line is one of
//
//	T... key=value ...   is sent; the tag is 1 and other fields are nothing, if not given
//	R... key=value ...   must come next; * is anything, fields not given are not looked at
//	in VERSION...        the dialects to play it in: all three, if not given. The version is
//	                     agreed on, with 8 KiB, and fid 0 is the root; "nothing": nothing was said
//	server FIELD=N ...   limits of the server
//	client N             what follows is said and heard on another connection
//	emit "TEXT"          the file events gets a record
//	release FILE         what waits in deaf or slow goes on
//	silent               nothing comes for a second
//	hex BYTES            are sent as they are
//	hangup, closed       the client, or the server, ends the connection
//
// In 9P2000.L, which has no Topen, it stands for Tlopen; and Rerror for Rlerror.
// Each is played over a plain pipe and over TLS, in the time of a bubble, whose
// end finds every goroutine that was left.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	defects, err := filepath.Glob("testdata/defects/*.txt")
	require.NoError(t, err)
	said := make(map[string]bool)
	for _, file := range append(files, defects...) {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "testdata/"), ".txt")
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, version := range versionsOf(string(text)) {
			for _, transport := range []string{"pipe", "tls"} {
				t.Run(name+"/"+version+"/"+transport, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { play(t, string(text), version, transport, said) })
				})
			}
		}
	}
	// Every request that a dialect has is in some transcript.
	for _, d := range []Dialect{Plain, DotU, DotL} {
		for ty := range Type(127) {
			if _, err := AppendMsg(nil, d, &Msg{Type: ty}); err == nil && ty%2 == 0 {
				require.True(t, said[d.String()+ty.String()], "no %v in the transcripts of %v", ty, d)
			}
		}
	}
}

func versionsOf(text string) []string {
	if m := regexp.MustCompile(`(?m)^in (.*)`).FindStringSubmatch(text); m != nil {
		return strings.Fields(m[1])
	}
	return []string{"9P2000", "9P2000.u", "9P2000.L"}
}

// A player is one connection of a transcript.
type player struct {
	wire
	in chan []byte // frames that have come
}

func play(t *testing.T, text, version, transport string, said map[string]bool) {
	tree := newTestTree()
	s := &Server{Tree: tree.Tree, Log: slog.New(slog.DiscardHandler)}
	var dial func() net.Conn
	gates := map[string]chan struct{}{"deaf": tree.deaf.gate, "slow": tree.slow.gate}
	defer func() {
		for _, gate := range gates {
			close(gate)
		}
	}()
	players := make(map[string]*player)
	client := func(n string) *player {
		if players[n] == nil {
			if dial == nil {
				dial = dialer(t, s, transport)
			}
			players[n] = newPlayer(t, dial(), version)
		}
		return players[n]
	}
	now := "1"
	for i, line := range strings.Split(text, "\n") {
		at := fmt.Sprintf("line %d: %s", i+1, line)
		verb, rest, _ := strings.Cut(line, " ")
		switch {
		case verb == "", verb == "#", verb == "in":
		case verb == "server":
			_, fields := fieldsOf(line)
			require.NoError(t, configure(s, fields), at)
		case verb == "client":
			now = rest
		case verb == "emit":
			record, err := strconv.Unquote(rest)
			require.NoError(t, err, at)
			tree.events.emit(record)
		case verb == "release":
			close(gates[rest])
			delete(gates, rest)
		case verb == "silent":
			time.Sleep(time.Second)
			synctest.Wait()
			select {
			case frame := <-client(now).in:
				t.Fatalf("%s, and yet: % x", at, frame)
			default:
			}
		case verb == "hex":
			b, err := hex.DecodeString(strings.ReplaceAll(rest, " ", ""))
			require.NoError(t, err, at)
			client(now).c.Write(b)
		case verb == "hangup":
			client(now).c.Close()
		case verb == "closed":
			require.Nil(t, client(now).next(at), at)
		case verb[0] == 'T':
			p := client(now)
			said[p.d.String()+p.say(line).String()] = true
		case verb[0] == 'R':
			client(now).expect(line)
		default:
			t.Fatal("what? ", at)
		}
	}
}

// dialer returns what makes a connection to s. They end with the bubble.
func dialer(t *testing.T, s *Server, transport string) func() net.Conn {
	ctx, cancel := context.WithCancel(context.Background())
	serve := func(c net.Conn) { s.ServeConn(ctx, c, root) }
	var a *authority
	if transport == "tls" {
		a = newAuthority(t)
		a.write("policy", []byte("dns:glenda admin\n"))
		l, err := a.server("localhost").files()
		require.NoError(t, err)
		l.recheck = time.Minute
		limited := s.limits()
		serve = func(c net.Conn) { limited.accepted(ctx, &tlsConn{Conn: c, l: l}) }
	}
	done := make(chan struct{})
	n := 0
	t.Cleanup(func() {
		cancel()
		for range n {
			<-done
		}
	})
	return func() net.Conn {
		c, sc := net.Pipe()
		n++
		go func() { serve(sc); done <- struct{}{} }()
		if a == nil {
			return c
		}
		mine := a.client("glenda")
		pair, err := tls.LoadX509KeyPair(mine.Cert, mine.Key)
		require.NoError(t, err)
		pool := x509.NewCertPool()
		pool.AddCert(a.cert)
		return tls.Client(c, &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, ServerName: "localhost"})
	}
}

func newPlayer(t *testing.T, c net.Conn, version string) *player {
	p := &player{wire{t: t, c: c, r: newReader(c), d: nowhere}, make(chan []byte, 1000)}
	t.Cleanup(func() { c.Close() })
	go func() {
		defer close(p.in)
		for {
			frame, err := readFrame(p.r)
			if err != nil {
				return
			}
			p.in <- frame
		}
	}()
	if version != "nothing" {
		p.say(`Tversion msize=8192 version="` + version + `"`)
		p.expect(`Rversion version="` + version + `"`)
		p.say(`Tattach fid=0 uname="glenda"`)
		p.expect(`Rattach qid=1.0.80`)
	}
	return p
}

// next is the message that comes next, or nil if the connection has ended.
func (p *player) next(at string) *Msg {
	select {
	case frame, ok := <-p.in:
		if !ok {
			return nil
		}
		m := new(Msg)
		require.NoError(p.t, DecodeMsg(frame, p.d, m), at)
		return m
	case <-time.After(time.Minute):
		p.t.Fatalf("%s: no answer", at)
		return nil
	}
}

// expect compares the next message with a line.
func (p *player) expect(line string) {
	m := p.next(line)
	require.NotNil(p.t, m, "%s: the connection has ended", line)
	got := m.Text(p.d)
	gotType, gotFields := fieldsOf(got)
	wantType, want := fieldsOf(line)
	if wantType == "Rerror" && p.d == DotL {
		wantType = "Rlerror"
		delete(want, "ename")
	}
	if wantType == "Rerror" && p.d != DotU {
		delete(want, "errno")
	}
	if wantType == "Ropen" && p.d == DotL {
		wantType = "Rlopen"
	}
	require.Equal(p.t, wantType, gotType, "%s\n%s", line, got)
	if want["tag"] == "" && m.Type != Rversion {
		want["tag"] = "1"
	}
	for key, value := range want {
		have, ok := gotFields[key]
		if key == "entries" {
			have, ok = strings.Join(p.entries(m), ","), true
		}
		any := "[^,]*"
		if strings.HasPrefix(value, `"`) {
			any = ".*"
		}
		match := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(value), `\*`, any) + "$")
		if !ok || !match.MatchString(have) {
			p.t.Fatalf("want %s\ngot  %s\n%s=%s", line, got, key, have)
		}
	}
	if m.Type == Rversion {
		p.d = dialectOf(m.Version)
	}
}

// say sends a line.
func (p *player) say(line string) Type {
	name, fields := fieldsOf(line)
	m := &Msg{Tag: 1, Afid: NoFid, Uid: NoUid, Dir: NullDir, linuxMsg: new(linuxMsg)}
	if name == "Topen" && p.d == DotL {
		name = "Tlopen"
		mode, err := strconv.ParseUint(fields["mode"], 0, 8)
		require.NoError(p.t, err, line)
		fields["flags"] = strconv.Itoa(int(mode&3 | mode&OTRUNC<<5))
		delete(fields, "mode")
	}
	for ty := range Type(128) {
		if ty.String() == name {
			m.Type = ty
		}
	}
	require.NotZero(p.t, m.Type, line)
	if m.Type == Tversion {
		m.Tag = NoTag
	}
	for key, value := range fields {
		require.NoError(p.t, setField(m, key, value), "%s: %s", line, key)
	}
	p.send(m)
	return m.Type
}

// entries are the names in a directory's data; of 9P2000.L with offset and type.
func (p *player) entries(m *Msg) (list []string) {
	for b := m.Data; len(b) > 0; {
		if p.d == DotL {
			require.GreaterOrEqual(p.t, len(b), 24)
			n := int(binary.LittleEndian.Uint16(b[22:]))
			require.GreaterOrEqual(p.t, len(b), 24+n)
			list = append(list, fmt.Sprintf("%s:%d:%d", b[24:24+n], binary.LittleEndian.Uint64(b[13:]), b[21]))
			b = b[24+n:]
			continue
		}
		var d Dir
		rest, err := DecodeDir(b, p.d, &d)
		require.NoError(p.t, err)
		list, b = append(list, d.Name), rest
	}
	return list
}

// fieldsOf splits a line as Msg.Text prints it.
func fieldsOf(line string) (name string, fields map[string]string) {
	name, rest, _ := strings.Cut(line, " ")
	fields = make(map[string]string)
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		key, value, _ := strings.Cut(rest, "=")
		quoted, n := false, 0
		for ; n < len(value) && (quoted || value[n] != ' '); n++ {
			if value[n] == '"' && (n == 0 || value[n-1] != '\\') {
				quoted = !quoted
			}
		}
		fields[key], rest = value[:n], value[n:]
	}
	return name, fields
}

// setField sets what fields, of Msg, calls so.
func setField(m *Msg, key, value string) error {
	d, l := &m.Dir, m.linuxMsg
	places := map[string]any{
		"tag": &m.Tag, "oldtag": &m.Oldtag, "fid": &m.Fid, "afid": &m.Afid, "newfid": &m.Newfid, "msize": &m.Msize,
		"version": &m.Version, "uname": &m.Uname, "aname": &m.Aname, "uid": &m.Uid, "names": &m.Names, "mode": &m.Mode,
		"name": &m.Name, "perm": &m.Perm, "ext": &m.Ext, "offset": &m.Offset, "count": &m.Count, "data": &m.Data,
		"flags": &l.Flags, "gid": &l.Gid, "dfid": &l.Dfid, "newname": &l.Newname, "size": &l.Size, "target": &m.Ext,
		"major": &l.Major, "minor": &l.Minor, "datasync": &l.Sync, "valid": &l.Valid, "type": &l.Lock.Type,
		"start": &l.Lock.Start, "length": &l.Lock.Length, "proc": &l.Lock.Proc, "client": &l.Lock.Client,
	}
	if m.Type == Twstat {
		places = map[string]any{
			"tag": &m.Tag, "fid": &m.Fid, "type": &d.Type, "dev": &d.Dev, "mode": &d.Mode, "atime": &d.Atime, "mtime": &d.Mtime,
			"length": &d.Length, "name": &d.Name, "uid": &d.UID, "gid": &d.GID, "muid": &d.MUID,
			"ext": &d.Ext, "nuid": &d.NumUID, "ngid": &d.NumGID, "nmuid": &d.NumMUID,
		}
	}
	number := func(bits int) (n uint64) {
		n, err := strconv.ParseUint(value, 0, bits)
		if value == "~0" {
			n, err = 1<<bits-1, nil
		}
		if err != nil {
			panic(err)
		}
		return n
	}
	switch p := places[key].(type) {
	case *uint8:
		*p = uint8(number(8))
	case *uint16:
		*p = uint16(number(16))
	case *uint32:
		*p = uint32(number(32))
	case *uint64:
		*p = number(64)
	case *string:
		return unquote(value, p)
	case *[]byte:
		var s string
		err := unquote(value, &s)
		*p = []byte(s)
		return err
	case *[]string:
		for name := range strings.SplitSeq(value, ",") {
			var s string
			if err := unquote(name, &s); err != nil {
				return err
			}
			*p = append(*p, s)
		}
	default:
		return errors.New("no such field")
	}
	return nil
}

func unquote(value string, s *string) (err error) {
	*s, err = strconv.Unquote(value)
	return err
}

// configure sets fields of the server: "MaxFids=4 Grace=1s".
func configure(s *Server, fields map[string]string) error {
	for key, value := range fields {
		n, _ := strconv.Atoi(value)
		var err error
		switch key {
		case "MaxMsize":
			s.MaxMsize = uint32(n)
		case "MaxFids":
			s.MaxFids = n
		case "MaxInFlight":
			s.MaxInFlight = n
		case "MaxPending":
			s.MaxPending = int64(n)
		case "Grace":
			s.Grace, err = time.ParseDuration(value)
		default:
			err = fmt.Errorf("no limit %s", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
