package interop

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/p9"

	"github.com/stretchr/testify/require"
)

// A machine is what the tests' tree shows: links that are made, renamed and
// removed, routes in a file that only grows, and some big things. The tree is
// made of the kinds that every page is made of.
//
//	links/          eth0 is there; mkdir, rmdir, mv; links/events
//	routes          a table; "dev" must be a link
//	big             a table of bigRows records
//	many/           manyNames values
type machine struct {
	mu     sync.Mutex
	links  []link
	next   uint32
	routes []route
	watch  map[chan fs.Event[link]]bool

	tree *fs.Tree
}

type link struct {
	Name  string
	Index uint32
	MTU   uint32
}

type route struct {
	Dst, Dev string
}

const (
	manyNames = 10000
	bigRows   = 100000
)

var (
	linkKeys = fs.NewKeys(
		fs.Str("name", "name", func(l *link) *string { return &l.Name }).AsID(),
		fs.Num("index", "number", func(l *link) *uint32 { return &l.Index }).ReadOnly(),
		fs.Num("mtu", "bytes", func(l *link) *uint32 { return &l.MTU }),
	)
	routeKeys = fs.NewKeys(
		fs.Str("dst", "destination", func(r *route) *string { return &r.Dst }).AsID(),
		fs.Str("dev", "link", func(r *route) *string { return &r.Dev }),
	)
)

func newMachine() *machine {
	m := &machine{watch: make(map[chan fs.Event[link]]bool)}
	m.add(link{Name: "eth0", MTU: 1500})
	m.tree = &fs.Tree{Root: fs.Dir{
		"links": &fs.Collection[link]{
			Table: &fs.Table[link]{Kind: "link", Keys: linkKeys, Rows: m.linkRows, Do: fs.One(m.changeLink), Watch: m.watchLinks, Ordered: true},
			Find:  m.findLink,
			Ident: func(l *link) uint64 { return uint64(l.Index) },
		},
		"routes": &fs.Table[route]{Kind: "route", Keys: routeKeys, Rows: m.routeRows, Do: fs.One(m.changeRoute)},
		"big":    &fs.Table[route]{Kind: "route", Keys: routeKeys, Rows: bigTable},
		"many":   &fs.Each{Names: manyList, Find: manyFind},
		"secret": &fs.Value{Secret: true, Get: constant("key"), Set: func(context.Context, string) error { return nil }},
	}}
	return m
}

func (m *machine) linkRows(context.Context, *fs.Query[link]) iter.Seq2[*link, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	return rows(slices.Clone(m.links))
}

func (m *machine) routeRows(context.Context, *fs.Query[route]) iter.Seq2[*route, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	return rows(slices.Clone(m.routes))
}

func rows[T any](list []T) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for i := range list {
			if !yield(&list[i], nil) {
				return
			}
		}
	}
}

func bigTable(context.Context, *fs.Query[route]) iter.Seq2[*route, error] {
	return func(yield func(*route, error) bool) {
		var r route
		for i := range bigRows {
			r.Dst, r.Dev = fmt.Sprintf("10.%d.%d.%d/32", i>>16, i>>8&255, i&255), "eth0"
			if !yield(&r, nil) {
				return
			}
		}
	}
}

// bigText is what the file big holds.
func bigText() string {
	var b strings.Builder
	for r := range bigTable(context.Background(), nil) {
		fmt.Fprintf(&b, "dst=%s dev=%s\n", r.Dst, r.Dev)
	}
	return b.String()
}

func manyList(context.Context) ([]string, error) {
	list := make([]string, manyNames)
	for i := range list {
		list[i] = fmt.Sprintf("n%05d", i)
	}
	return list, nil
}

func manyFind(_ context.Context, name string) (fs.Node, error) {
	n, err := strconv.Atoi(strings.TrimPrefix(name, "n"))
	if err != nil || n >= manyNames {
		return nil, fs.ErrNotExist
	}
	return &fs.Value{Get: constant(name)}, nil
}

func constant(s string) func(context.Context, []byte) ([]byte, error) {
	return func(_ context.Context, b []byte) ([]byte, error) { return append(b, s...), nil }
}

func (m *machine) at(name string) int {
	return slices.IndexFunc(m.links, func(l link) bool { return l.Name == name })
}

func (m *machine) findLink(_ context.Context, name string) (*link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.at(name)
	if i < 0 {
		return nil, fs.ErrNotExist
	}
	l := m.links[i]
	return &l, nil
}

func (m *machine) add(l link) {
	m.next++
	l.Index = m.next
	m.links = append(m.links, l)
	m.tell(fs.Added, l)
}

// tell sends an event to who watches; mu is held.
func (m *machine) tell(what fs.Happening, l link) {
	for ch := range m.watch {
		ch <- fs.Event[link]{What: what, Row: &l}
	}
}

func (m *machine) changeLink(_ context.Context, o *fs.Op[link]) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := o.Row.Name
	if o.Old != nil {
		name = o.Old.Name
	}
	i := m.at(name)
	switch {
	case o.Act == fs.Add && i >= 0:
		return fs.ErrExist
	case o.Act == fs.Add || o.Act == fs.Replace && i < 0:
		m.add(o.Row)
	case i < 0:
		return fs.ErrNotExist
	case o.Act == fs.Del:
		m.tell(fs.Deleted, m.links[i])
		m.links = slices.Delete(m.links, i, i+1)
	case name != o.Row.Name && m.at(o.Row.Name) >= 0:
		return fs.ErrExist
	default:
		m.links[i] = o.Row
		m.tell(fs.Replaced, o.Row)
	}
	return nil
}

func (m *machine) changeRoute(_ context.Context, o *fs.Op[route]) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := slices.IndexFunc(m.routes, func(r route) bool { return r.Dst == o.Row.Dst })
	switch {
	case o.Act == fs.Del && i < 0:
		return fs.ErrNotExist
	case o.Act == fs.Del:
		m.routes = slices.Delete(m.routes, i, i+1)
	case m.at(o.Row.Dev) < 0:
		return &fs.KeyError{Key: "dev", Err: syscall.ENODEV}
	case o.Act == fs.Add && i >= 0:
		return fs.ErrExist
	case i >= 0:
		m.routes[i] = o.Row
	default:
		m.routes = append(m.routes, o.Row)
	}
	return nil
}

func (m *machine) watchLinks(ctx context.Context) iter.Seq2[fs.Event[link], error] {
	return func(yield func(fs.Event[link], error) bool) {
		ch := make(chan fs.Event[link], 1000)
		m.mu.Lock()
		m.watch[ch] = true
		there := slices.Clone(m.links)
		m.mu.Unlock()
		defer func() {
			m.mu.Lock()
			delete(m.watch, ch)
			m.mu.Unlock()
		}()
		ok := yield(fs.Event[link]{What: fs.SyncBegin}, nil)
		for i := range there {
			ok = ok && yield(fs.Event[link]{What: fs.Added, Row: &there[i]}, nil)
		}
		for ok = ok && yield(fs.Event[link]{What: fs.SyncEnd}, nil); ok; {
			select {
			case <-ctx.Done():
				return
			case e := <-ch:
				ok = yield(e, nil)
			}
		}
	}
}

// serve serves the machine's tree with our server, and returns the socket.
func (m *machine) serve(t *testing.T) string {
	t.Helper()
	path := t.TempDir() + "/s"
	l, err := p9.Listen("unix!" + path)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := &p9.Server{Tree: m.tree, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, soon(t, done))
		require.Eventually(t, func() bool { return m.watching() == 0 }, 10*time.Second, time.Millisecond, "an event stream was left behind")
	})
	return path
}

func (m *machine) watching() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.watch)
}

// soon waits for what must not take long.
func soon[T any](t *testing.T, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatal("this takes too long")
		panic("unreachable")
	}
}
