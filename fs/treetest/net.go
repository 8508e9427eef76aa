package treetest

import (
	"context"
	"fmt"
	iofs "io/fs"
	"iter"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// A Route is a record of a Net.
type Route struct {
	Dst    netip.Prefix
	Via    netip.Addr
	Dev    string
	Metric uint32
	Note   string
	Uses   uint64
}

var routeKeys = fs.NewKeys(
	fs.Prefix("dst", "destination prefix", func(r *Route) *netip.Prefix { return &r.Dst }).AsID(),
	fs.Addr("via", "gateway", func(r *Route) *netip.Addr { return &r.Via }),
	fs.Str("dev", "device", func(r *Route) *string { return &r.Dev }),
	fs.Num("metric", "preference, lower wins", func(r *Route) *uint32 { return &r.Metric }),
	fs.Str("note", "any text", func(r *Route) *string { return &r.Note }),
	fs.Num("uses", "changes so far", func(r *Route) *uint64 { return &r.Uses }).ReadOnly(),
)

// A Net is a network without a kernel: a tree with one file of each kind, for
// tests of what serves and mounts trees. Safe for concurrent use.
type Net struct {
	// Blocked is sent to when a read of the file block has begun, if somebody listens.
	Blocked chan struct{}

	mu       sync.Mutex // guards the rest
	routes   map[netip.Prefix]*Route
	boxes    map[string]*box
	nextBox  uint64
	motto    string
	secret   string
	watchers map[*watcher]struct{}
	changes  int
}

// NewNet returns a Net with n routes: 10.0.0.0/24, 10.0.1.0/24 and so on.
func NewNet(n int) *Net {
	k := &Net{
		Blocked: make(chan struct{}),
		routes:  make(map[netip.Prefix]*Route), boxes: make(map[string]*box), watchers: make(map[*watcher]struct{}),
		motto: "one tree", secret: "hunter2",
	}
	for i := range n {
		r := &Route{Dst: RouteDst(i), Dev: fmt.Sprint("eth", i%4), Metric: uint32(i)}
		k.routes[r.Dst] = r
	}
	return k
}

// RouteDst is the destination of the i-th route.
func RouteDst(i int) netip.Prefix {
	a := netip.AddrFrom4([4]byte{10 + byte(i>>16), byte(i >> 8), byte(i), 0})
	return netip.PrefixFrom(a, 24)
}

// Root is the Net's tree:
//
//	routes    a table; routes.json and path words as everywhere
//	events    its stream; batch, wait and help as in the root of a host
//	status    an info table
//	motto     a value; empty and version can only be read; secret has mode 0600
//	set       a value that can only be written
//	boxes/    a directory in which mkdir and rmdir work; each box has an identity
//	          and the values color (from mkdir's words) and size
//	block     a file whose reads wait until their context ends
//	deep/...  directories, eight deep, with a file at the bottom
//	odd%2Fname  a file with a name that had to be encoded
func (k *Net) Root() fs.Dir {
	routes := k.Table()
	return fs.Dir{
		"routes": routes, "events": fs.NewEvents(routes), "batch": fs.NewBatch(routes), "wait": fs.NewWait(routes),
		"help": fs.NewHelp(routes), "status": k.status(),
		"motto":      value(&k.mu, &k.motto),
		"empty":      &fs.Value{Get: func(_ context.Context, b []byte) ([]byte, error) { return b, nil }},
		"version":    &fs.Value{Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, "7"...), nil }},
		"set":        &fs.Value{Set: value(&k.mu, &k.motto).Set},
		"secret":     k.secretFile(),
		"boxes":      k.boxDir(),
		"block":      blockFile{k},
		"deep":       deep(8),
		"odd%2Fname": &fs.Value{Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, "odd"...), nil }},
	}
}

// Tree is the tree with the file error.
func (k *Net) Tree() *fs.Tree {
	errs := new(fs.ErrorLog)
	root := k.Root()
	root["error"] = errs
	return &fs.Tree{Root: root, Errors: errs}
}

// Moving and Skip are what Check has to know of a Net.
func (k *Net) Options() Options {
	return Options{
		Write: true, Values: true,
		Skip:   func(p string) bool { return p == "block" },
		Moving: func(p string) bool { return p == "error" || strings.HasPrefix(p, "status") },
	}
}

func value(mu *sync.Mutex, s *string) *fs.Value {
	return &fs.Value{
		Get: func(_ context.Context, b []byte) ([]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			return append(b, *s...), nil
		},
		Set: func(_ context.Context, w string) error {
			if w == "bad" {
				return &fs.Error{Text: "bad: not a motto", Errno: syscall.EINVAL}
			}
			mu.Lock()
			defer mu.Unlock()
			*s = w
			return nil
		},
	}
}

func (k *Net) secretFile() *fs.Value {
	v := value(&k.mu, &k.secret)
	v.Secret = true
	return v
}

// A blockFile is a file whose reads end with their context.
type blockFile struct{ k *Net }

func (f blockFile) Mode() iofs.FileMode { return 0o444 }

func (f blockFile) Open(context.Context, fs.OpenMode) (fs.Handle, error) { return f, nil }

func (f blockFile) Blocks() bool { return true }

func (f blockFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	select {
	case f.k.Blocked <- struct{}{}:
		<-ctx.Done()
	case <-ctx.Done():
	}
	return 0, ctx.Err()
}

func (f blockFile) WriteAt(context.Context, []byte, int64) (int, error) { return 0, syscall.EBADF }
func (f blockFile) Close(context.Context) error                         { return nil }

func deep(n int) fs.Dir {
	if n == 0 {
		return fs.Dir{"bottom": &fs.Value{Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, "here"...), nil }}}
	}
	return fs.Dir{fmt.Sprint("d", n): deep(n - 1)}
}

// A box is an object that comes and goes.
type box struct {
	fs.Dir
	id uint64
}

func (b *box) Ident() uint64 { return b.id }

func (k *Net) boxDir() *fs.Each {
	return &fs.Each{
		Doc: "boxes",
		Names: func(context.Context) ([]string, error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			return slices.Sorted(maps.Keys(k.boxes)), nil
		},
		Find: func(_ context.Context, name string) (fs.Node, error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			if b := k.boxes[name]; b != nil {
				return b, nil
			}
			return nil, syscall.ENOENT
		},
		Make: k.makeBox,
		Drop: func(_ context.Context, name string) error {
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.boxes[name] == nil {
				return syscall.ENOENT
			}
			delete(k.boxes, name)
			return nil
		},
	}
}

func (k *Net) makeBox(_ context.Context, name string, words []fs.Pair) error {
	color, size := "plain", "1"
	for _, w := range words {
		switch w.Key {
		case "color":
			color = w.Value
		case "size":
			size = w.Value
		default:
			return &fs.Error{Text: w.Key + ": a box has color and size", Errno: syscall.EINVAL}
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.boxes[name] != nil {
		return syscall.EEXIST
	}
	k.nextBox++
	k.boxes[name] = &box{fs.Dir{"color": value(&k.mu, &color), "size": value(&k.mu, &size)}, k.nextBox}
	return nil
}

type statusRow struct{ Routes, Changes int }

func (k *Net) status() *fs.Table[statusRow] {
	return &fs.Table[statusRow]{
		Kind: "status", Doc: "counters", Info: true,
		Keys: fs.NewKeys(
			fs.Num("routes", "how many there are", func(s *statusRow) *int { return &s.Routes }).Always(),
			fs.Num("changes", "how many there were", func(s *statusRow) *int { return &s.Changes }).Always(),
		),
		Rows: func(context.Context, *fs.Query[statusRow]) iter.Seq2[*statusRow, error] {
			return func(yield func(*statusRow, error) bool) {
				k.mu.Lock()
				s := statusRow{len(k.routes), k.changes}
				k.mu.Unlock()
				yield(&s, nil)
			}
		},
	}
}

// Table is the table of routes. A device called none does not exist.
func (k *Net) Table() *fs.Table[Route] {
	return &fs.Table[Route]{
		Kind: "route", Also: []string{"ro"}, Doc: "routes of nowhere", Keys: routeKeys,
		Rows: k.rows, Do: fs.One(k.do), Watch: k.watch,
	}
}

// Routes is a copy of all routes, sorted.
func (k *Net) Routes() []Route {
	k.mu.Lock()
	defer k.mu.Unlock()
	list := make([]Route, 0, len(k.routes))
	for _, r := range k.routes {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Route) int {
		if c := a.Dst.Addr().Compare(b.Dst.Addr()); c != 0 {
			return c
		}
		return a.Dst.Bits() - b.Dst.Bits()
	})
	return list
}

// Changes counts the changes that reached the Net.
func (k *Net) Changes() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changes
}

func (k *Net) rows(ctx context.Context, q *fs.Query[Route]) iter.Seq2[*Route, error] {
	return func(yield func(*Route, error) bool) {
		for _, r := range k.Routes() {
			if !yield(&r, ctx.Err()) {
				return
			}
		}
	}
}

func (k *Net) do(ctx context.Context, o *fs.Op[Route]) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	old := k.routes[o.Row.Dst]
	switch {
	case o.Row.Dev == "none":
		return &fs.KeyError{Key: "dev", Err: syscall.ENODEV}
	case (o.Act == fs.Add || o.Act == fs.Append) && old != nil:
		return syscall.EEXIST
	case (o.Act == fs.Del || o.Act == fs.Change) && old == nil:
		return &fs.Error{Text: "no such route", Errno: syscall.ENOENT}
	case o.Act == fs.Del:
		k.delete(o.Row.Dst)
	default:
		k.put(o.Row)
	}
	return nil
}

// Put makes or replaces a route, as if somebody else did it.
func (k *Net) Put(r Route) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.put(r)
}

// Delete removes a route, as if somebody else did it.
func (k *Net) Delete(dst netip.Prefix) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.delete(dst)
}

func (k *Net) put(r Route) {
	what := fs.Added
	if old := k.routes[r.Dst]; old != nil {
		what = fs.Replaced
		r.Uses = old.Uses + 1
	}
	k.routes[r.Dst] = &r
	k.tell(fs.Event[Route]{What: what, Row: &r})
}

func (k *Net) delete(dst netip.Prefix) {
	if r := k.routes[dst]; r != nil {
		delete(k.routes, dst)
		k.tell(fs.Event[Route]{What: fs.Deleted, Row: r})
	}
}

// Lose changes the routes by f behind the back of everybody; all that is told is
// that n events were lost.
func (k *Net) Lose(n int, f func(routes map[netip.Prefix]*Route)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(k.routes)
	k.tell(fs.Event[Route]{What: fs.Lost, Lost: n})
}

// Watchers counts the subscriptions.
func (k *Net) Watchers() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.watchers)
}

// A watcher is one subscription: what happened since it looked last.
type watcher struct {
	queue []fs.Event[Route]
	wake  chan struct{}
}

func (k *Net) tell(e fs.Event[Route]) {
	k.changes++
	for w := range k.watchers {
		w.queue = append(w.queue, e)
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

func (k *Net) watch(ctx context.Context) iter.Seq2[fs.Event[Route], error] {
	return func(yield func(fs.Event[Route], error) bool) {
		w := &watcher{wake: make(chan struct{}, 1)}
		k.mu.Lock()
		k.watchers[w] = struct{}{}
		k.mu.Unlock()
		defer func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			delete(k.watchers, w)
		}()
		send := func(e fs.Event[Route]) bool { return yield(e, nil) }
		if !k.sync(send) {
			return
		}
		for k.follow(ctx, w, send) {
		}
	}
}

// sync sends the present routes.
func (k *Net) sync(send func(fs.Event[Route]) bool) bool {
	if !send(fs.Event[Route]{What: fs.SyncBegin}) {
		return false
	}
	for _, r := range k.Routes() {
		if !send(fs.Event[Route]{What: fs.Added, Row: &r}) {
			return false
		}
	}
	return send(fs.Event[Route]{What: fs.SyncEnd})
}

// follow waits for events and sends them.
func (k *Net) follow(ctx context.Context, w *watcher, send func(fs.Event[Route]) bool) bool {
	select {
	case <-ctx.Done():
		return false
	case <-w.wake:
	}
	k.mu.Lock()
	queue := w.queue
	w.queue = nil
	k.mu.Unlock()
	for _, e := range queue {
		if !send(e) || e.What == fs.Lost && !k.sync(send) {
			return false
		}
	}
	return true
}
