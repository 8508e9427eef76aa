package fs

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A hop is a route of the table that the tests watch.
type hop struct {
	dst, dev string
	metric   uint32
}

var hopKeys = NewKeys(
	Str("dst", "destination", func(h *hop) *string { return &h.dst }).AsID(),
	Str("dev", "device", func(h *hop) *string { return &h.dev }),
	Num("metric", "preference, lower wins", func(h *hop) *uint32 { return &h.metric }),
)

// A net is a fake kernel with one table.
type fakeNet struct {
	mu       sync.Mutex
	rows     map[string]hop
	watchers map[chan Event[hop]]bool
	watches  int
	err      error
}

func newFakeNet(rows ...hop) *fakeNet {
	k := &fakeNet{rows: map[string]hop{}, watchers: map[chan Event[hop]]bool{}}
	for _, r := range rows {
		k.rows[r.dst] = r
	}
	return k
}

func (k *fakeNet) list() []hop {
	k.mu.Lock()
	defer k.mu.Unlock()
	var list []hop
	for _, d := range slices.Sorted(maps.Keys(k.rows)) {
		list = append(list, k.rows[d])
	}
	return list
}

func (k *fakeNet) Rows(ctx context.Context, q *Query[hop]) iter.Seq2[*hop, error] {
	return func(yield func(*hop, error) bool) {
		for _, r := range k.list() {
			if !yield(&r, nil) {
				return
			}
		}
	}
}

func (k *fakeNet) watching() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.watchers)
}

func (k *fakeNet) emit(e Event[hop]) {
	for ch := range k.watchers {
		ch <- e
	}
}

func (k *fakeNet) put(h hop) {
	k.mu.Lock()
	defer k.mu.Unlock()
	what := Added
	if _, ok := k.rows[h.dst]; ok {
		what = Replaced
	}
	k.rows[h.dst] = h
	k.emit(Event[hop]{What: what, Row: &h})
}

func (k *fakeNet) del(dst string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.rows[dst]
	delete(k.rows, dst)
	k.emit(Event[hop]{What: Deleted, Row: &h})
}

// lose changes the table with nobody told but that something was lost.
func (k *fakeNet) lose(n int, change func(rows map[string]hop)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(k.rows)
	k.emit(Event[hop]{What: Lost, Lost: n})
}

func (k *fakeNet) end(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
	for ch := range k.watchers {
		close(ch)
		delete(k.watchers, ch)
	}
}

func (k *fakeNet) Watch(ctx context.Context) iter.Seq2[Event[hop], error] {
	return func(yield func(Event[hop], error) bool) {
		ch := make(chan Event[hop], 1<<20)
		k.mu.Lock()
		k.watches++
		k.watchers[ch] = true
		k.mu.Unlock()
		defer func() {
			k.mu.Lock()
			delete(k.watchers, ch)
			k.mu.Unlock()
		}()
		sync := func() bool {
			ok := yield(Event[hop]{What: SyncBegin}, nil)
			for _, r := range k.list() {
				ok = ok && yield(Event[hop]{What: Added, Row: &r}, nil)
			}
			return ok && yield(Event[hop]{What: SyncEnd}, nil)
		}
		if !sync() {
			return
		}
		for {
			select {
			case <-ctx.Done():
				return
			case e, ok := <-ch:
				if !ok {
					if k.err != nil {
						yield(Event[hop]{}, k.err)
					}
					return
				}
				if !yield(e, nil) || e.What == Lost && !sync() {
					return
				}
			}
		}
	}
}

func (k *fakeNet) table(kind string) *Table[hop] {
	return &Table[hop]{Kind: kind, Keys: hopKeys, Rows: k.Rows, Watch: k.Watch}
}

func openStream(t testing.TB, n Node, words string) *listener {
	t.Helper()
	if words != "" {
		w, err := splitName("events," + words)
		require.NoError(t, err)
		n, err = n.(worded).words(w)
		require.NoError(t, err)
	}
	h, err := n.(Opener).Open(context.Background(), OpenRead)
	require.NoError(t, err)
	return h.(*listener)
}

// next returns what one read gives, without the times.
func next(t testing.TB, h Handle) string {
	t.Helper()
	p := make([]byte, 1<<16)
	n, err := h.ReadAt(context.Background(), p, 0)
	require.NoError(t, err)
	return untimed(string(p[:n]))
}

func untimed(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		head, tail, ok := strings.Cut(line, " t=")
		if ok {
			if _, rest, more := strings.Cut(tail, " "); more {
				head += " " + rest
			} else {
				head += "\n"
			}
			line = head
		}
		b.WriteString(line)
	}
	return b.String()
}

// replay applies the lines of a stream to a table.
func replay(t testing.TB, state map[string]string, text string) {
	t.Helper()
	var seen map[string]bool // of a whole table being read again
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if f[0] == "#" {
			switch {
			case f[1] == "resync" && f[len(f)-1] == "whole":
				seen = map[string]bool{}
			case f[1] == "resync" && f[len(f)-1] == "end" && seen != nil:
				for k := range state {
					if !seen[k] {
						delete(state, k)
					}
				}
				seen = nil
			}
			continue
		}
		rest, _, _ := strings.Cut(strings.Join(f[2:], " "), " #")
		id, _, _ := strings.Cut(rest, " ")
		switch _, there := state[id]; {
		case f[1] == "destroy":
			delete(state, id)
		case f[1] == "del":
			require.True(t, there, "%s of nothing", line)
			delete(state, id)
		case f[1] == "add":
			require.False(t, there, "%s of what is there", line)
			state[id] = rest
		default:
			state[id] = rest
		}
		if seen != nil {
			seen[id] = true
		}
	}
}

func (k *fakeNet) state() map[string]string {
	m := map[string]string{}
	for _, h := range k.list() {
		s := string(hopKeys.appendText(nil, &h, allKeys))
		id, _, _ := strings.Cut(s, " ")
		m[id] = s
	}
	return m
}

func TestStreamLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet(hop{"a", "eth0", 1})
		s := openStream(t, k.table("route").Events(), "")
		synctest.Wait()
		k.put(hop{"b", "eth0", 2})
		p := make([]byte, 1000)
		n, err := s.ReadAt(t.Context(), p, 12345)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("route add dst=b dev=eth0 metric=2   # seq=2 t=%d.%06d\n", time.Now().Unix(), time.Now().UnixMicro()%1e6), string(p[:n]))
		k.put(hop{"b", "eth1", 2})
		k.del("a")
		synctest.Wait()
		require.Equal(t, "route replace dst=b dev=eth1 metric=2   # seq=3\nroute del dst=a dev=eth0 metric=1   # seq=4\n", next(t, s))
		require.NoError(t, s.Close(t.Context()))
		require.Zero(t, k.watching())
	})
}

// Any size of read gives the same lines; none is cut that fits.
func TestStreamReadSizes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet()
		n := k.table("route").Events()
		var streams []*listener
		for range 200 {
			streams = append(streams, openStream(t, n, ""))
		}
		synctest.Wait()
		for i := range 20 {
			k.put(hop{dst: strings.Repeat("x", i+1)})
		}
		synctest.Wait()
		require.Equal(t, 1, k.watches)
		var want string
		for i, s := range slices.Backward(streams) {
			var got strings.Builder
			p := make([]byte, i*7+1)
			for strings.Count(got.String(), "\n") < 20 {
				n, err := s.ReadAt(t.Context(), p, 0)
				require.NoError(t, err)
				if n < len(p) {
					require.Equal(t, byte('\n'), p[n-1])
				}
				got.Write(p[:n])
			}
			if want == "" {
				want = got.String()
			}
			require.Equal(t, want, got.String())
			require.NoError(t, s.Close(t.Context()))
		}
		require.Zero(t, k.watching())
	})
}

func TestStreamEndsBlockedReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet()
		s := openStream(t, k.table("route").Events(), "")
		res := make(chan error)
		read := func(ctx context.Context) {
			_, err := s.ReadAt(ctx, make([]byte, 100), 0)
			res <- err
		}
		ctx, cancel := context.WithCancel(t.Context())
		go read(ctx)
		go read(ctx) // waits for the first
		synctest.Wait()
		start := time.Now()
		cancel()
		require.ErrorIs(t, <-res, context.Canceled)
		require.ErrorIs(t, <-res, context.Canceled)
		go read(t.Context())
		go read(t.Context())
		synctest.Wait()
		require.NoError(t, s.Close(t.Context()))
		require.ErrorIs(t, <-res, errClosed)
		require.ErrorIs(t, <-res, errClosed)
		require.Equal(t, start, time.Now())
	})
}

func TestStreamReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet()
		s := openStream(t, k.table("route").Events(), "")
		defer s.Close(t.Context())
		up := func() bool {
			select {
			case <-s.Ready():
				return true
			default:
				return false
			}
		}
		require.False(t, up())
		k.put(hop{dst: "a"})
		synctest.Wait()
		require.True(t, up())
		p := make([]byte, 5)
		for range 3 {
			_, err := s.ReadAt(t.Context(), p, 0)
			require.NoError(t, err)
			require.True(t, up(), "the rest of a line can be read")
		}
		next(t, s)
		require.False(t, up())
	})
}

func TestStreamSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet(hop{"a", "eth0", 1}, hop{"b", "eth1", 2})
		s := openStream(t, k.table("route").Events(), ".snapshot")
		defer s.Close(t.Context())
		synctest.Wait()
		k.put(hop{"c", "eth1", 2}) // not lost, though the snapshot has not been read
		synctest.Wait()
		require.Equal(t, `route replace dst=a dev=eth0 metric=1   # seq=2
route replace dst=b dev=eth1 metric=2   # seq=2
route replace dst=c dev=eth1 metric=2   # seq=2
# sync seq=1
route replace dst=c dev=eth1 metric=2   # seq=2
`, next(t, s))
		k.put(hop{"d", "eth1", 2})
		k.put(hop{"c", "eth1", 3})
		k.del("d")
		k.del("a")
		synctest.Wait()
		require.Equal(t, `route add dst=d dev=eth1 metric=2   # seq=3
route replace dst=c dev=eth1 metric=3   # seq=4
route del dst=d dev=eth1 metric=2   # seq=5
route del dst=a dev=eth0 metric=1   # seq=6
`, next(t, s))
		time.Sleep(time.Minute)
		once := openStream(t, k.table("route").Events(), ".snapshot,.once")
		defer once.Close(t.Context())
		require.Len(t, strings.Split(next(t, once), "\n"), 4)
		require.Empty(t, next(t, once))
	})
}

func TestStreamOnceSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet()
		n := k.table("route").Events()
		s := openStream(t, n, ".once,.since=0")
		got := make(chan string)
		go func() { got <- next(t, s) }()
		synctest.Wait()
		k.put(hop{dst: "a"})
		require.Equal(t, "route add dst=a   # seq=2\n", <-got)
		require.Empty(t, next(t, s))
		require.NoError(t, s.Close(t.Context()))

		k.put(hop{dst: "b"}) // nobody reads, but is expected back
		synctest.Wait()
		s = openStream(t, n, ".once,.since=2")
		require.Equal(t, "route add dst=b   # seq=3\n", next(t, s))
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, 1, k.watching())

		time.Sleep(lingering + time.Second)
		require.Zero(t, k.watching())
		k.put(hop{dst: "c"}) // and now it is lost: said, and the state told
		s = openStream(t, n, ".once,.since=3")
		require.Equal(t, `# overrun lost=? kind=route
# resync kind=route begin whole
route replace dst=a   # seq=4
route replace dst=b   # seq=4
route replace dst=c   # seq=4
# resync kind=route end
`, next(t, s))
		require.NoError(t, s.Close(t.Context()))
		s = openStream(t, n, ".since=999") // of another server
		require.Contains(t, next(t, s), "# overrun lost=? kind=route\n# resync kind=route begin whole\n")
		require.NoError(t, s.Close(t.Context()))
		time.Sleep(lingering + time.Second)
	})
}

func TestStreamKernelLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet(hop{"a", "eth0", 1}, hop{"b", "eth0", 1}, hop{"c", "eth0", 1})
		s := openStream(t, k.table("route").Events(), "")
		defer s.Close(t.Context())
		synctest.Wait()
		k.lose(812, func(rows map[string]hop) {
			delete(rows, "a")
			rows["b"] = hop{"b", "eth1", 1}
			rows["d"] = hop{"d", "eth1", 1}
		})
		synctest.Wait()
		require.Equal(t, `# overrun lost=812 kind=route
# resync kind=route begin
route replace dst=b dev=eth1 metric=1   # seq=4
route add dst=d dev=eth1 metric=1   # seq=5
route del dst=a dev=eth0 metric=1   # seq=6
# resync kind=route end
`, next(t, s))
		k.lose(0, func(map[string]hop) {})
		synctest.Wait()
		require.Equal(t, "# overrun lost=? kind=route\n# resync kind=route begin\n# resync kind=route end\n", next(t, s))
	})
}

// A table that reads itself again has only its differences shown.
func TestStreamReread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet(hop{"a", "eth0", 1}, hop{"b", "eth0", 1}, hop{"c", "eth0", 1})
		s := openStream(t, k.table("route").Events(), "")
		defer s.Close(t.Context())
		synctest.Wait()
		reread := func(rows ...hop) string {
			k.mu.Lock()
			k.emit(Event[hop]{What: SyncBegin})
			for _, r := range rows {
				k.emit(Event[hop]{What: Added, Row: &r})
			}
			k.emit(Event[hop]{What: SyncEnd})
			k.emit(Event[hop]{What: Notice, Verb: "done"})
			k.mu.Unlock()
			synctest.Wait()
			return next(t, s)
		}
		require.Equal(t, "route done   # seq=2\n", reread(hop{"c", "eth0", 1}, hop{"a", "eth0", 1}, hop{"b", "eth0", 1}))
		require.Equal(t, "route replace dst=a dev=eth1 metric=1   # seq=3\nroute add dst=d   # seq=4\nroute del dst=b dev=eth0 metric=1   # seq=5\nroute done   # seq=6\n",
			reread(hop{"c", "eth0", 1}, hop{"a", "eth1", 1}, hop{dst: "d"}))
		require.Equal(t, "route done   # seq=7\n", reread(hop{"c", "eth0", 1}, hop{"a", "eth1", 1}, hop{dst: "d"}))
	})
}

// An event may be older than the dump that was read before it.
func TestStreamStaleEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet(hop{"a", "eth0", 1}, hop{"b", "eth0", 1})
		s := openStream(t, k.table("route").Events(), "")
		defer s.Close(t.Context())
		synctest.Wait()
		k.lose(1, func(rows map[string]hop) {
			delete(rows, "a")
			rows["c"] = hop{"c", "eth0", 1}
		})
		synctest.Wait()
		next(t, s)
		tell := func(what Happening, row hop) string {
			k.mu.Lock()
			k.emit(Event[hop]{What: what, Row: &row})
			k.mu.Unlock()
			synctest.Wait()
			return next(t, s)
		}
		require.Equal(t, "route replace dst=c dev=eth0 metric=1   # seq=7\n", tell(Added, hop{"c", "eth0", 1}))
		require.Equal(t, "route destroy dst=a dev=eth0 metric=1   # seq=8\n", tell(Deleted, hop{"a", "eth0", 1}))
		require.Equal(t, "route replace dst=b dev=eth1 metric=1   # seq=9\n", tell(Added, hop{"b", "eth1", 1}))
		require.Equal(t, "route add dst=d dev=eth0 metric=1   # seq=10\n", tell(Replaced, hop{"d", "eth0", 1}))
		require.Equal(t, "route del dst=d dev=eth0 metric=1   # seq=11\n", tell(Deleted, hop{"d", "eth0", 1}))
	})
}

// A table that is too big to be kept is told again as a whole.
func TestStreamKernelLossOfBigTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet()
		for i := range 80 {
			d := strings.Repeat("x", 1<<20) + fmt.Sprint(i)
			k.rows[d] = hop{dst: d}
		}
		s := openStream(t, k.table("route").Events(), "")
		defer s.Close(t.Context())
		synctest.Wait()
		k.lose(1, func(rows map[string]hop) {
			clear(rows)
			rows["a"] = hop{dst: "a"}
		})
		synctest.Wait()
		got := next(t, s) + next(t, s)
		require.Equal(t, "# overrun lost=1 kind=route\n# resync kind=route begin whole\nroute replace dst=a   # seq=2\n# resync kind=route end\n", got)
	})
}

func TestStreamSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet(hop{"gone", "eth0", 1}, hop{"same", "eth0", 1}, hop{"changed", "eth0", 1})
		n := k.table("route").Events()
		slow, quick := openStream(t, n, ""), openStream(t, n, "")
		defer slow.Close(t.Context())
		synctest.Wait()
		state := k.state()
		mirror := maps.Clone(state)
		k.del("gone")
		for i := range 100_000 {
			k.put(hop{fmt.Sprint("r", i%50_000), "eth0", uint32(i)})
			if i%1000 == 0 {
				synctest.Wait()
				replay(t, mirror, next(t, quick))
			}
			if i == 99_000 {
				k.put(hop{"changed", "eth1", 1})
				k.put(hop{"brief", "eth1", 1})
				k.del("brief")
				k.del("r7")
			}
		}
		synctest.Wait()
		for len(quick.queue) > 0 {
			replay(t, mirror, next(t, quick))
		}
		require.Equal(t, k.state(), mirror)
		require.NoError(t, quick.Close(t.Context()))

		require.Less(t, slow.bytes, ringBytes+1)
		text := next(t, slow)
		require.True(t, strings.HasPrefix(text, "# overrun lost=100005 kind=route\n# resync kind=route begin\nroute del dst=gone"), text[:200])
		replay(t, state, text)
		for !strings.Contains(text, "# resync kind=route end\n") {
			text = next(t, slow)
			require.NotContains(t, text, "brief")
			replay(t, state, text)
		}
		require.Equal(t, k.state(), state)
		k.put(hop{"last", "eth0", 1})
		synctest.Wait()
		require.Contains(t, next(t, slow), "route add dst=last")
	})
}

func TestStreamMerges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeNet(hop{dst: "x"}), newFakeNet()
		kinds := []Kind{a.table("route"), b.table("rule")}
		all := NewEvents(kinds...)
		s := openStream(t, all, "")
		one := openStream(t, all, ".kind=rule")
		synctest.Wait()
		for i := range 3 {
			a.put(hop{dst: fmt.Sprint("a", i)})
			synctest.Wait()
			b.put(hop{dst: fmt.Sprint("b", i)})
			synctest.Wait()
		}
		require.Equal(t, `route add dst=a0   # seq=3
rule add dst=b0   # seq=4
route add dst=a1   # seq=5
rule add dst=b1   # seq=6
route add dst=a2   # seq=7
rule add dst=b2   # seq=8
`, next(t, s))
		require.Equal(t, "rule add dst=b0   # seq=4\nrule add dst=b1   # seq=6\nrule add dst=b2   # seq=8\n", next(t, one))
		since := openStream(t, all, ".since=5")
		require.Equal(t, "rule add dst=b1   # seq=6\nroute add dst=a2   # seq=7\nrule add dst=b2   # seq=8\n", next(t, since))

		b.end(syscall.ENODEV)
		synctest.Wait()
		require.Equal(t, "# ended kind=rule text='no such device'\n", next(t, s))
		_, err := one.ReadAt(t.Context(), make([]byte, 10), 0)
		require.ErrorIs(t, err, syscall.ENODEV)
		a.put(hop{dst: "y"})
		synctest.Wait()
		require.Contains(t, next(t, s), "route add dst=y")
		a.end(nil)
		synctest.Wait()
		require.Empty(t, next(t, s))
		for _, l := range []*listener{s, one, since} {
			require.NoError(t, l.Close(t.Context()))
		}
		time.Sleep(time.Minute)
	})
}

func TestStreamWords(t *testing.T) {
	all := NewEvents(newFakeNet().table("route"), newFakeNet().table("rule"))
	for _, bad := range []string{"name", ".nonce", ".since=x", ".since=1,.snapshot", ".kind=nat", ".every=1s"} {
		w, err := splitName("events," + bad)
		require.NoError(t, err)
		_, err = all.(worded).words(w)
		require.ErrorIs(t, err, ErrInvalid, bad)
	}
	w, _ := splitName("events,.kind=nat")
	_, err := all.(worded).words(w)
	require.EqualError(t, err, ".kind=nat: no such kind (known: route rule)")
}

func TestStreamOpenFails(t *testing.T) {
	fail := &Table[hop]{Kind: "route", Keys: hopKeys, Watch: func(context.Context) iter.Seq2[Event[hop], error] {
		return func(yield func(Event[hop], error) bool) { yield(Event[hop]{}, syscall.EPERM) }
	}}
	_, err := fail.Events().(Opener).Open(context.Background(), OpenRead)
	require.ErrorIs(t, err, syscall.EPERM)
	k := newFakeNet()
	s := openStream(t, NewEvents(fail, k.table("rule")), "")
	require.Equal(t, "# ended kind=route text='operation not permitted'\n", next(t, s))
	require.NoError(t, s.Close(context.Background()))
	require.Zero(t, k.watching())
}

// Ten thousand readers that wait cost no goroutine of the tree's, and little memory.
func TestStreamManyReaders(t *testing.T) {
	k := newFakeNet()
	n := k.table("route").Events()
	before := runtime.NumGoroutine()
	list := []*listener{openStream(t, n, "")}
	var a, b runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&a)
	for range 10_000 {
		list = append(list, openStream(t, n, ""))
	}
	runtime.GC()
	runtime.ReadMemStats(&b)
	require.LessOrEqual(t, runtime.NumGoroutine(), before+1)
	require.Less(t, (b.HeapAlloc-a.HeapAlloc)/10_000, uint64(2048))
	start := time.Now()
	k.put(hop{dst: "a"})
	for _, s := range list {
		require.Contains(t, next(t, s), "route add dst=a")
	}
	t.Logf("an event to 10,000 readers: %v; %d bytes each", time.Since(start), (b.HeapAlloc-a.HeapAlloc)/10_000)
	for _, s := range list {
		require.NoError(t, s.Close(context.Background()))
	}
	require.Zero(t, k.watching())
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}

func TestTicker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		src := TextFile(func(context.Context) ([]byte, error) { n++; return fmt.Appendf(nil, "rx=%d\ntx=1\n", n), nil })
		every, err := parseEvery("1s")
		require.NoError(t, err)
		h, err := newTicker(src, every).(Opener).Open(t.Context(), OpenRead)
		require.NoError(t, err)
		start := time.Now()
		for i := range 3 {
			require.Equal(t, fmt.Sprintf("rx=%d\ntx=1\n", i+1), next(t, h))
			require.Equal(t, time.Duration(i)*time.Second, time.Since(start))
		}
		time.Sleep(3500 * time.Millisecond) // a slow reader gets the present, not the past
		require.Equal(t, "rx=4\ntx=1\n", next(t, h))
		require.Equal(t, 5500*time.Millisecond, time.Since(start))
		require.Equal(t, "rx=5\ntx=1\n", next(t, h))
		require.Equal(t, 6*time.Second, time.Since(start))
		p := make([]byte, 7)
		k, err := h.ReadAt(t.Context(), p, 0)
		require.NoError(t, err)
		require.Equal(t, "rx=6\n", string(p[:k]))
		<-h.(Streamer).Ready()
		k, _ = h.ReadAt(t.Context(), p, 0)
		require.Equal(t, "tx=1\n", string(p[:k]))
		ready := h.(Streamer).Ready()
		<-ready
		require.Equal(t, 8*time.Second, time.Since(start))
		next(t, h)
		done := make(chan error)
		go func() { _, err := h.ReadAt(t.Context(), p, 0); done <- err }()
		synctest.Wait()
		require.NoError(t, h.Close(t.Context()))
		require.ErrorIs(t, <-done, errClosed)
	})
	require.Equal(t, "{\"a\":1}\n{\"a\":2}\n", string(unarray([]byte("[\n{\"a\":1},\n{\"a\":2}\n]\n"))))
	require.Empty(t, unarray([]byte("[\n]\n")))
	for in, want := range map[string]time.Duration{"1s": time.Second, "2": 2 * time.Second, "0.5": time.Second / 2, "100ms": 100 * time.Millisecond, "1ms": 0, "": 0, "x": 0, "-1": 0} {
		got, err := parseEvery(in)
		require.Equal(t, want, got, in)
		require.Equal(t, want == 0, err != nil, in)
	}
}

// Whatever happens, and however slowly it is read, a reader ends with the state
// that is there, and never hears of a record that comes twice or goes unknown.
func TestStreamEndsEqual(t *testing.T) {
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) { endsEqual(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func endsEqual(t *testing.T, r *rand.Rand) {
	k := newFakeNet()
	random := func() hop {
		return hop{fmt.Sprint("r", r.IntN(300)), fmt.Sprint("eth", r.IntN(3)), uint32(r.IntN(3))}
	}
	change := func(rows map[string]hop) {
		for range r.IntN(40) {
			h := random()
			if rows[h.dst] = h; r.IntN(2) == 0 {
				delete(rows, h.dst)
			}
		}
	}
	change(k.rows)
	n := k.table("route").Events()
	var readers []*listener
	var mirrors []map[string]string
	for range 3 {
		readers = append(readers, openStream(t, n, ".snapshot"))
		mirrors = append(mirrors, map[string]string{})
	}
	var partial [3]string
	read := func(i, size int) {
		p := make([]byte, size)
		c, err := readers[i].ReadAt(t.Context(), p, 0)
		require.NoError(t, err)
		text := partial[i] + string(p[:c])
		end := strings.LastIndexByte(text, '\n') + 1
		partial[i] = text[end:]
		replay(t, mirrors[i], text[:end])
	}
	for range 60 {
		switch x := r.IntN(20); {
		case x == 0:
			k.lose(r.IntN(3), change)
		case x == 1: // more than is kept for a reader
			for range ringLines + 10 {
				k.put(random())
			}
		case x < 8:
			if h := random(); k.there(h.dst) {
				k.del(h.dst)
			}
		default:
			k.put(random())
		}
		if r.IntN(2) == 0 {
			synctest.Wait()
		}
		if i := r.IntN(3); up(readers[i]) && i > 0 {
			read(i, 1+r.IntN(5000))
		}
	}
	synctest.Wait()
	for i, l := range readers {
		for up(l) {
			read(i, 1<<16)
		}
		require.Equal(t, k.state(), mirrors[i])
		require.NoError(t, l.Close(t.Context()))
	}
}

func (k *fakeNet) there(dst string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.rows[dst]
	return ok
}

func up(s Streamer) bool {
	select {
	case <-s.Ready():
		return true
	default:
		return false
	}
}
