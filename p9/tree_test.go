package p9

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// The tests' own tree: one file of every temper.
//
//	mtu            a value that is read and written
//	routes         append-only; a line "bad" fails with its number and the kernel's reason
//	big            64 MiB of a pattern
//	events         a stream: records come from emit
//	stuck          reads and writes wait for their context
//	deaf           reads wait for release, whatever their context says
//	slow           reads take as long as gate holds, and it does not say so beforehand
//	panics         its reads panic
//	links/eth0/mtu; links makes, removes and renames
type testTree struct {
	*fs.Tree
	mtu    *memory
	routes *memory
	events *events
	deaf   *deaf
	slow   *slow
	links  *links

	waits atomic.Int64 // reads and writes that began to wait

	mu   sync.Mutex
	open int // handles
}

func newTestTree() *testTree {
	t := &testTree{}
	t.mtu = &memory{tree: t, text: "1500\n", mode: 0o664}
	t.routes = &memory{tree: t, mode: 0o664 | iofs.ModeAppend, name: "routes"}
	t.events = &events{tree: t}
	t.deaf = &deaf{tree: t, gate: make(chan struct{})}
	t.slow = &slow{tree: t, gate: make(chan struct{}), entered: make(chan struct{}, 100)}
	t.links = &links{tree: t, ids: make(map[string]uint64)}
	t.links.Mkdir(context.Background(), "eth0")
	t.Tree = &fs.Tree{Root: dir{
		{Name: "mtu", Node: t.mtu}, {Name: "routes", Node: t.routes}, {Name: "big", Node: &pattern{t}}, {Name: "events", Node: t.events}, {Name: "stuck", Node: &stuck{tree: t}},
		{Name: "deaf", Node: t.deaf}, {Name: "slow", Node: t.slow}, {Name: "panics", Node: &panics{t}}, {Name: "links", Node: t.links}, {Name: "secret", Node: &memory{tree: t, mode: 0o600, text: "?\n"}},
	}}
	return t
}

func (t *testTree) opened(n int) {
	t.mu.Lock()
	t.open += n
	t.mu.Unlock()
}

func (t *testTree) handles() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open
}

type dir []fs.Entry

func (d dir) Mode() iofs.FileMode                          { return iofs.ModeDir | 0o555 }
func (d dir) List(ctx context.Context) ([]fs.Entry, error) { return d, nil }
func (d dir) Walk(_ context.Context, name string) (fs.Node, error) {
	for i := range d {
		if d[i].Name == name {
			return d[i].Node, nil
		}
	}
	return nil, &iofs.PathError{Op: "walk", Path: name, Err: fs.ErrNotExist}
}

// links is a directory in which things are made.
type links struct {
	tree *testTree
	mu   sync.Mutex
	ids  map[string]uint64
	next uint64
}

type link struct {
	dir
	id uint64
}

func (l link) Ident() uint64 { return l.id }

func (l *links) Mode() iofs.FileMode { return iofs.ModeDir | 0o775 }

func (l *links) node(id uint64) fs.Node {
	return link{dir{{Name: "mtu", Node: &memory{tree: l.tree, text: fmt.Sprintf("%d\n", 1000+id), mode: 0o664}}}, id}
}

func (l *links) Walk(_ context.Context, name string) (fs.Node, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id := l.ids[name]; id != 0 {
		return l.node(id), nil
	}
	return nil, fs.ErrNotExist
}

func (l *links) List(context.Context) ([]fs.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []fs.Entry
	for name, id := range l.ids {
		list = append(list, fs.Entry{Name: name, Node: l.node(id)})
	}
	slices.SortFunc(list, func(a, b fs.Entry) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (l *links) Mkdir(_ context.Context, name string) (fs.Node, error) {
	base, words, _ := strings.Cut(name, ",")
	if words == "type=nonsense" {
		return nil, fmt.Errorf("mkdir %s: type %q: %w", base, "nonsense", syscall.EOPNOTSUPP)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ids[base] != 0 {
		return nil, fs.ErrExist
	}
	l.next++
	l.ids[base] = l.next
	return l.node(l.next), nil
}

func (l *links) Remove(_ context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ids[name] == 0 {
		return fs.ErrNotExist
	}
	delete(l.ids, name)
	return nil
}

func (l *links) Rename(_ context.Context, from, to string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.ids[from] == 0:
		return fs.ErrNotExist
	case l.ids[to] != 0:
		return fs.ErrExist
	}
	l.ids[to] = l.ids[from]
	delete(l.ids, from)
	return nil
}

// memory is a file of text.
type memory struct {
	tree   *testTree
	name   string
	mode   iofs.FileMode
	mu     sync.Mutex
	text   string
	writes int
	order  []string
}

func (m *memory) Mode() iofs.FileMode { return m.mode }
func (m *memory) Open(context.Context, fs.OpenMode) (fs.Handle, error) {
	m.tree.opened(1)
	return &memoryHandle{m: m}, nil
}

func (m *memory) get() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.text
}

type memoryHandle struct {
	m     *memory
	lines int
}

func (h *memoryHandle) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	text := h.m.get()
	if off >= int64(len(text)) {
		return 0, nil
	}
	return copy(p, text[off:]), nil
}

func (h *memoryHandle) WriteAt(_ context.Context, p []byte, off int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	h.lines++
	h.m.writes++
	h.m.order = append(h.m.order, string(p))
	if strings.HasPrefix(string(p), "bad") {
		return 0, &fs.LineError{File: h.m.name, Line: h.lines, Head: "add 10.9.0.0/16",
			Err: &fs.KeyError{Key: "via", Word: "10.0.9.1", Err: syscall.ENETUNREACH}, Failed: 1, Of: 3}
	}
	if h.m.mode&iofs.ModeAppend != 0 {
		h.m.text += string(p)
	} else {
		h.m.text = string(p)
	}
	return len(p), nil
}

func (h *memoryHandle) Close(context.Context) error { h.m.tree.opened(-1); return nil }

// readOnly is what the handles below share.
type readOnly struct{ tree *testTree }

func (readOnly) Mode() iofs.FileMode { return 0o444 }
func (readOnly) WriteAt(context.Context, []byte, int64) (int, error) {
	return 0, syscall.EBADF
}
func (h readOnly) Close(context.Context) error { h.tree.opened(-1); return nil }

const patternSize = 64 << 20

// pattern is long: byte n is n/251+n.
type pattern struct{ tree *testTree }

func (*pattern) Mode() iofs.FileMode { return 0o444 }
func (p *pattern) Open(context.Context, fs.OpenMode) (fs.Handle, error) {
	p.tree.opened(1)
	return patternHandle{readOnly{p.tree}}, nil
}

type patternHandle struct{ readOnly }

func (patternHandle) ReadAt(_ context.Context, p []byte, off int64) (int, error) {
	if off >= patternSize {
		return 0, nil
	}
	p = p[:min(int64(len(p)), patternSize-off)]
	for i := range p {
		p[i] = patternAt(off + int64(i))
	}
	return len(p), nil
}

func patternAt(n int64) byte { return byte(n/251 + n) }

// events is a stream with a queue per reader.
type events struct {
	tree    *testTree
	mu      sync.Mutex
	readers []*eventReader
}

func (*events) Mode() iofs.FileMode { return 0o444 }
func (e *events) Open(context.Context, fs.OpenMode) (fs.Handle, error) {
	e.tree.opened(1)
	r := &eventReader{readOnly: readOnly{e.tree}, ready: make(chan struct{})}
	e.mu.Lock()
	e.readers = append(e.readers, r)
	e.mu.Unlock()
	return r, nil
}

func (e *events) emit(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.readers {
		r.mu.Lock()
		if len(r.queue) == 0 {
			close(r.ready)
		}
		r.queue = append(r.queue, s)
		r.mu.Unlock()
	}
}

type eventReader struct {
	readOnly
	mu    sync.Mutex
	queue []string
	ready chan struct{}
}

func (r *eventReader) Ready() <-chan struct{} {
	r.tree.waits.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ready
}

func (r *eventReader) ReadAt(ctx context.Context, p []byte, _ int64) (int, error) {
	for {
		select {
		case <-r.Ready():
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		r.mu.Lock()
		if len(r.queue) == 0 {
			r.mu.Unlock()
			continue
		}
		n := copy(p, r.queue[0])
		if r.queue[0] = r.queue[0][n:]; r.queue[0] == "" {
			r.queue = r.queue[1:]
		}
		if len(r.queue) == 0 {
			r.ready = make(chan struct{})
		}
		r.mu.Unlock()
		return n, nil
	}
}

// stuck waits for the end of the request, and says so beforehand.
type stuck struct{ tree *testTree }

func (*stuck) Mode() iofs.FileMode { return 0o666 }
func (s *stuck) Open(context.Context, fs.OpenMode) (fs.Handle, error) {
	s.tree.opened(1)
	return &stuckHandle{readOnly{s.tree}}, nil
}

type stuckHandle struct{ readOnly }

func (*stuckHandle) Blocks() bool { return true }
func (h *stuckHandle) ReadAt(ctx context.Context, p []byte, _ int64) (int, error) {
	h.tree.waits.Add(1)
	<-ctx.Done()
	return 0, fmt.Errorf("stuck: %w", ctx.Err())
}
func (*stuckHandle) WriteAt(ctx context.Context, p []byte, _ int64) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// deaf does not listen to its context.
type deaf struct {
	tree *testTree
	gate chan struct{}
}

func (*deaf) Mode() iofs.FileMode { return 0o666 }
func (d *deaf) Open(context.Context, fs.OpenMode) (fs.Handle, error) {
	d.tree.opened(1)
	return &deafHandle{readOnly{d.tree}, d}, nil
}

type deafHandle struct {
	readOnly
	d *deaf
}

func (*deafHandle) Blocks() bool { return true }
func (h *deafHandle) ReadAt(context.Context, []byte, int64) (int, error) {
	<-h.d.gate
	return 0, nil
}
func (h *deafHandle) WriteAt(_ context.Context, p []byte, _ int64) (int, error) {
	<-h.d.gate
	return len(p), nil
}

// slow takes long without saying so beforehand, as a dump may.
type slow struct {
	tree    *testTree
	gate    chan struct{}
	entered chan struct{}
	mu      sync.Mutex
	order   []string
}

func (*slow) Mode() iofs.FileMode { return 0o666 }
func (s *slow) Open(context.Context, fs.OpenMode) (fs.Handle, error) {
	s.tree.opened(1)
	return &slowHandle{readOnly{s.tree}, s}, nil
}

type slowHandle struct {
	readOnly
	s *slow
}

func (h *slowHandle) wait(ctx context.Context) error {
	h.tree.waits.Add(1)
	h.s.entered <- struct{}{}
	select {
	case <-h.s.gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *slowHandle) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	if err := h.wait(ctx); err != nil {
		return 0, err
	}
	if off > 0 {
		return 0, nil
	}
	return copy(p, "slow\n"), nil
}

func (h *slowHandle) WriteAt(ctx context.Context, p []byte, _ int64) (int, error) {
	if err := h.wait(ctx); err != nil {
		return 0, err
	}
	h.s.mu.Lock()
	h.s.order = append(h.s.order, string(p))
	h.s.mu.Unlock()
	return len(p), nil
}

type panics struct{ tree *testTree }

func (*panics) Mode() iofs.FileMode { return 0o444 }
func (p *panics) Open(context.Context, fs.OpenMode) (fs.Handle, error) {
	p.tree.opened(1)
	return panicHandle{readOnly{p.tree}}, nil
}

type panicHandle struct{ readOnly }

func (panicHandle) ReadAt(context.Context, []byte, int64) (int, error) {
	panic(errors.New("a page with a bug"))
}
