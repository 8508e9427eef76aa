package p9

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzSession plays sequences of requests, legal and not, in each dialect. A model
// which knows nothing but fids, tags and names tells what each is answered.
func FuzzSession(f *testing.F) {
	f.Add(byte(0), []byte{0, 0, 1, 0, 1, 1, 0, 2, 1, 0, 3, 1, 0, 5, 1, 0})
	f.Add(byte(1), bytes.Repeat([]byte{0, 0, 1, 5, 0, 1, 2, 8, 1, 1, 0, 4, 2, 7, 6, 1}, 8))
	f.Add(byte(2), []byte{0, 0, 1, 15, 1, 1, 0, 0, 12, 1, 0, 9, 8, 0, 0, 9, 4, 1, 0, 0})
	f.Fuzz(func(t *testing.T, d byte, b []byte) { playModel(t, Dialect(d%3), b) })
}

// TestSessions is a part of FuzzSession that needs no fuzzing.
func TestSessions(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 9))
		b := make([]byte, 800)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if playModel(t, Dialect(seed%3), b); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// A model is one connection as its client can know it.
type model struct {
	t       *testing.T
	w       *wire
	c       *conn
	fids    map[uint32]*modelFid
	waiting map[uint16]uint32 // tags of reads that wait, with their fids
	links   map[string]int    // the objects that there are, with which of their name
	made    int
}

type modelFid struct {
	path []string
	link int // which links/NAME it is at or below, if it is
	open bool
	mode uint8
}

const modelMaxFids = 6

// playModel also looks into the server: its fids are the model's after each
// request, and nothing is left at the end.
func playModel(t *testing.T, d Dialect, b []byte) {
	tree := newTestTree()
	s := (&Server{Tree: tree.Tree, Log: slog.New(slog.DiscardHandler), MaxFids: modelMaxFids}).limits()
	c, sc := net.Pipe()
	m := &model{t: t, w: &wire{t: t, c: c, r: newReader(c), d: d}, c: &conn{srv: s, rw: sc, peer: s.peer(root, false)}}
	m.links = map[string]int{"eth0": 0}
	done := make(chan error)
	go func() { done <- m.c.run(context.Background()) }()
	m.begin()
	for ; len(b) >= 4 && !t.Failed(); b = b[4:] {
		m.step(b[0], m.pick(b[1]), uint32(b[2]%8), b[3])
		m.compare()
	}
	c.Close()
	<-done
	require.Zero(t, tree.handles())
}

// compare looks at the session. What ends a request may come after its reply.
func (m *model) compare() {
	m.t.Helper()
	have := func() (fids []uint32, tags int) {
		m.c.mu.Lock()
		defer m.c.mu.Unlock()
		return slices.Sorted(maps.Keys(m.c.sess.fids)), len(m.c.sess.tags)
	}
	want := slices.Sorted(maps.Keys(m.fids))
	for range 1000 {
		if fids, tags := have(); slices.Equal(fids, want) && tags == len(m.waiting) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	fids, tags := have()
	m.t.Fatalf("fids %d, want %d; %d tags, want %d", fids, want, tags, len(m.waiting))
}

// pick is mostly a fid that there is.
func (m *model) pick(b byte) uint32 {
	if known := slices.Sorted(maps.Keys(m.fids)); b < 224 && len(known) > 0 {
		return known[int(b)%len(known)]
	}
	return uint32(b % 8)
}

func (m *model) begin() {
	m.fids, m.waiting = map[uint32]*modelFid{0: {}}, make(map[uint16]uint32)
	m.w.start()
}

// Of the tests' tree: what is a directory, and what may be written. Others are
// only read.
var (
	modelWalks = [][]string{nil, {"mtu"}, {"links"}, {"links", "eth0", "mtu"}, {".."}, {"links", ".."}, {"nope"}, {"links", "nope", "x"},
		{"mtu", "x"}, {"routes"}, {"big"}, {"links", "..", "..", "links", "eth0"}, {"panics"}, {"eth0"}, {"mtu", ".."}, {"stuck"},
		{"br0"}, {"links", "br0"}, {"stuck"}, {"links"}}
	modelModes = []uint8{OREAD, OREAD, OWRITE, ORDWR, OREAD | OTRUNC, OWRITE | OTRUNC, OEXEC, OREAD | ORCLOSE}
)

func (m *model) node(path []string) (exists, isDir, writable bool) {
	switch slices.Concat(path, []string{""})[0] {
	case "":
		return true, true, false
	case "mtu", "routes", "stuck":
		return len(path) == 1, false, true
	case "big", "panics":
		return len(path) == 1, false, false
	case "links":
		if len(path) == 1 {
			return true, true, true
		}
		_, there := m.links[path[1]]
		switch {
		case len(path) == 2:
			return there, true, false
		case len(path) == 3 && path[2] == "mtu":
			return there, false, true
		}
	}
	return false, false, false
}

// walk returns the path reached and the number of names that were walked.
func (m *model) walk(path []string, names []string) ([]string, int) {
	for i, name := range names {
		if _, isDir, _ := m.node(path); !isDir {
			return nil, i
		}
		next := append(slices.Clone(path), name)
		if name == ".." {
			next = path[:max(len(path)-1, 0)]
		}
		if ok, _, _ := m.node(next); !ok {
			return nil, i
		}
		path = next
	}
	return path, len(names)
}

// at is a fid's place; link tells one br0 from the next.
func (m *model) at(path []string) *modelFid {
	f := &modelFid{path: path}
	if len(path) > 1 && path[0] == "links" {
		f.link = m.links[path[1]]
	}
	return f
}

// lost reports whether the object of the fid was removed.
func (m *model) lost(f *modelFid) bool {
	if f == nil || len(f.path) < 2 || f.path[0] != "links" {
		return false
	}
	n, ok := m.links[f.path[1]]
	return !ok || n != f.link
}

// rpc sends a request and takes in what it ends.
func (m *model) rpc(msg *Msg, ends ...uint16) *Msg {
	m.t.Helper()
	msg.Tag = 1000
	m.w.send(msg)
	var reply *Msg
	for range len(ends) + 1 {
		r := m.w.recv()
		if r.Tag == msg.Tag {
			require.Nil(m.t, reply)
			reply = r
			continue
		}
		require.Contains(m.t, ends, r.Tag, "%v", r)
		require.Contains(m.t, []Type{Rerror, Rlerror}, r.Type)
		delete(m.waiting, r.Tag)
	}
	require.NotNil(m.t, reply)
	return reply
}

func (m *model) expect(ok bool, msg *Msg, ends ...uint16) *Msg {
	m.t.Helper()
	r := m.rpc(msg, ends...)
	require.Equal(m.t, ok, r.Type == msg.Type+1, "%v -> %v", msg.Text(m.w.d), r.Text(m.w.d))
	return r
}

// readers are the tags that wait for the fid.
func (m *model) readers(fid uint32) (tags []uint16) {
	for tag, f := range m.waiting {
		if f == fid {
			tags = append(tags, tag)
		}
	}
	return tags
}

func (m *model) step(op byte, fid, newfid uint32, arg byte) {
	f, linux := m.fids[fid], m.w.d == DotL
	if m.lost(f) && op%14 != 4 {
		op = 4 // what is left of it can be let go
	}
	there, isDir, writable := false, false, false
	if f != nil {
		there, isDir, writable = m.node(f.path)
	}
	switch op % 14 {
	case 0, 13:
		m.walkTo(f, fid, newfid, modelWalks[int(arg)%len(modelWalks)])
	case 1:
		mode := modelModes[int(arg)%len(modelModes)]
		writes := mode&3 == OWRITE || mode&3 == ORDWR || mode&OTRUNC != 0
		ok := f != nil && !f.open && (isDir && mode == OREAD || !isDir && mode&3 != OEXEC && mode&ORCLOSE == 0 && (writable || !writes))
		msg := &Msg{Type: Topen, Fid: fid, Mode: mode}
		switch {
		case linux && mode&ORCLOSE != 0, isDir && mode == OREAD|ORCLOSE:
			return // not there, or removes it
		case linux:
			msg = &Msg{Type: Tlopen, Fid: fid, linuxMsg: &linuxMsg{Flags: uint32(mode&3) | uint32(mode&OTRUNC)<<5}}
		}
		if m.expect(ok, msg); ok {
			f.open, f.mode = true, mode
		}
	case 2:
		ok := f != nil && f.open && f.mode&3 != OWRITE
		msg := &Msg{Type: Tread, Fid: fid, Count: 5000}
		switch {
		case ok && slices.Equal(f.path, []string{"stuck"}):
			m.block(fid, uint16(arg%4), msg)
			return
		case ok && isDir:
			ok = !linux && arg%4 != 0
			if arg%4 == 0 {
				msg.Offset = 3
			}
		case ok:
			ok = !slices.Equal(f.path, []string{"panics"})
		}
		m.expect(ok, msg)
	case 3:
		ok := f != nil && f.open && (f.mode&3 == OWRITE || f.mode&3 == ORDWR)
		if !ok || !slices.Equal(f.path, []string{"stuck"}) {
			m.expect(ok, &Msg{Type: Twrite, Fid: fid, Data: []byte("x\n")})
		}
	case 4:
		if fid == 0 && arg > 16 {
			return // without a root there is not much to do
		}
		m.expect(f != nil, &Msg{Type: Tclunk, Fid: fid}, m.readers(fid)...)
		delete(m.fids, fid)
	case 5:
		if linux {
			m.expect(f != nil, &Msg{Type: Tgetattr, Fid: fid, linuxMsg: new(linuxMsg)})
		} else if r := m.expect(f != nil, &Msg{Type: Tstat, Fid: fid}); f != nil {
			require.Equal(m.t, slices.Concat([]string{"/"}, f.path)[len(f.path)], r.Dir.Name)
		}
	case 6:
		if fid == 0 && arg > 16 {
			return
		}
		object := f != nil && len(f.path) == 2 && there
		m.expect(object, &Msg{Type: Tremove, Fid: fid}, m.readers(fid)...)
		delete(m.fids, fid)
		if object {
			delete(m.links, f.path[1])
		}
	case 7:
		switch {
		case arg < 10:
			m.begin() // nothing of what waits is heard of any more
		case arg < 128:
			ok := f == nil && len(m.fids) < modelMaxFids
			if m.expect(ok, &Msg{Type: Tattach, Fid: fid, Afid: NoFid, Uid: NoUid}); ok {
				m.fids[fid] = &modelFid{}
			}
		default:
			m.expect(false, &Msg{Type: Tauth, Afid: fid, Uid: NoUid})
		}
	case 8:
		oldtag := uint16(arg % 8)
		require.Equal(m.t, Rflush, m.rpc(&Msg{Type: Tflush, Oldtag: oldtag}).Type)
		delete(m.waiting, oldtag)
	case 9:
		m.set(f, fid, arg)
	case 10:
		name := []string{"eth0", "br0", "br1", "a/b", ".."}[arg%5]
		_, exists := m.links[name]
		ok := f != nil && slices.Equal(f.path, []string{"links"}) && !exists && arg%5 < 3
		if linux {
			m.expect(ok, &Msg{Type: Tmkdir, Fid: fid, Name: name, linuxMsg: new(linuxMsg)})
		} else if ok = ok && !f.open; true {
			m.expect(ok, &Msg{Type: Tcreate, Fid: fid, Name: name, Perm: DMDIR | 0o775})
		}
		if !ok {
			return
		}
		m.made++
		m.links[name] = m.made
		if !linux {
			*f = *m.at([]string{"links", name})
			f.open = true
		}
	case 11:
		if linux {
			ok := f != nil && f.open && isDir
			m.expect(ok, &Msg{Type: Treaddir, Fid: fid, Offset: uint64(arg), Count: 1000, linuxMsg: new(linuxMsg)})
			return
		}
		m.expect(false, &Msg{Type: Tattach, Fid: newfid, Afid: uint32(arg)})
	case 12:
		if len(m.waiting) == 0 {
			return
		}
		tag := slices.Min(slices.Collect(maps.Keys(m.waiting)))
		m.w.send(&Msg{Type: Tclunk, Tag: tag, Fid: fid})
		r := m.w.recv()
		require.Equal(m.t, tag, r.Tag)
		require.Contains(m.t, []Type{Rerror, Rlerror}, r.Type)
	}
}

func (m *model) walkTo(f *modelFid, fid, newfid uint32, names []string) {
	msg := &Msg{Type: Twalk, Fid: fid, Newfid: newfid, Names: names}
	switch {
	case f == nil, newfid == fid && f.open,
		newfid != fid && (m.fids[newfid] != nil || len(m.fids) >= modelMaxFids):
		m.expect(false, msg)
		return
	}
	path, n := m.walk(f.path, names)
	r := m.expect(n > 0 || len(names) == 0, msg)
	if r.Type == Rwalk {
		require.Len(m.t, r.Qids, n)
	}
	if n == len(names) {
		m.fids[newfid] = m.at(path)
	}
}

// block sends a read that waits, unless its tag is in use.
func (m *model) block(fid uint32, tag uint16, msg *Msg) {
	if _, ok := m.waiting[tag]; ok {
		return
	}
	msg.Tag = tag
	m.w.send(msg)
	m.waiting[tag] = fid
}

// set is wstat, or what 9P2000.L has in its place.
func (m *model) set(f *modelFid, fid uint32, arg byte) {
	name := []string{"", "a/b", "br0", "br1"}[arg%4]
	linux := m.w.d == DotL
	if linux && name == "" {
		m.expect(f != nil, &Msg{Type: Tsetattr, Fid: fid, linuxMsg: &linuxMsg{Valid: setSize}})
		return
	}
	_, exists := m.links[name]
	object := f != nil && len(f.path) == 2
	move := object && arg%4 >= 2 && !exists
	if linux {
		dfid := uint32(99)
		for num, dir := range m.fids {
			if slices.Equal(dir.path, []string{"links"}) {
				dfid = num
			}
		}
		move = move && dfid != 99
		m.expect(move, &Msg{Type: Trename, Fid: fid, Name: name, linuxMsg: &linuxMsg{Dfid: dfid}})
	} else {
		same := f != nil && name == slices.Concat([]string{"/"}, f.path)[len(f.path)]
		msg := &Msg{Type: Twstat, Fid: fid, Dir: NullDir}
		msg.Dir.Name = name
		if arg > 200 {
			msg.Dir.UID, same, move = "glenda", false, false
		}
		m.expect(move || same || f != nil && name == "" && arg <= 200, msg)
	}
	if move {
		m.links[name] = m.links[f.path[1]]
		delete(m.links, f.path[1])
		f.path = []string{"links", name}
	}
}
