package fs

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// write carries out one change of the fake kernel.
func (k *fakeNet) write(ctx context.Context, o *Op[hop]) error {
	k.mu.Lock()
	_, there := k.rows[o.Row.dst]
	k.mu.Unlock()
	switch {
	case o.Row.dev == "none":
		return &KeyError{Key: "dev", Err: syscall.ENODEV}
	case o.Act == Add && there:
		return syscall.EEXIST
	case (o.Act == Del || o.Act == Change) && !there:
		return &Error{Text: "no such route", Errno: syscall.ENOENT}
	case o.Act == Del:
		k.del(o.Row.dst)
	default:
		k.put(o.Row)
	}
	return nil
}

func (k *fakeNet) batchTable(kind string, also ...string) *Table[hop] {
	t := k.table(kind)
	t.Also = also
	t.Do = One(k.write)
	t.Verbs = []Verb[hop]{{Name: "up", Doc: "sets it up", Do: func(ctx context.Context, o *Op[hop]) error {
		k.put(hop{dst: o.Row.dst, dev: "up"})
		return nil
	}}}
	return t
}

func openBatch(t testing.TB, kinds ...Kind) *batchFile {
	h, err := NewBatch(kinds...).(Opener).Open(context.Background(), OpenWrite)
	require.NoError(t, err)
	return h.(*batchFile)
}

func (k *fakeNet) text() string {
	var b []byte
	for _, h := range k.list() {
		b = append(hopKeys.appendText(b, &h, allKeys), '\n')
	}
	return string(b)
}

func TestBatchSpellings(t *testing.T) {
	for line, want := range map[string]string{
		"route add dst=a dev=eth0":            "dst=a dev=eth0\n",
		"route add a dev eth0 metric 5 # why": "dst=a dev=eth0 metric=5\n",
		"ip route add a dev eth0":             "dst=a dev=eth0\n",
		"ip -6 r a a dev eth0":                "dst=a dev=eth0\n",
		"ip -family inet6 r a a":              "dst=a\n",
		"-4 ro add a":                         "dst=a\n",
		"bridge fdb add a dev eth0":           "dst=a dev=eth0\n",
		"ip mptcp endpoint add a":             "dst=a\n",
		"route add 'a b' dev eth0":            "dst='a b' dev=eth0\n",
		"route dst=a":                         "dst=a\n",
		"route up a":                          "dst=a dev=up\n",
		"route replace dst=a dev=eth0 metric=7   # seq=3 t=1.5": "dst=a dev=eth0 metric=7\n",
		"route add a\nroute set a dev eth1":                     "dst=a dev=eth1\n",
		"route add a\nroute chg a dev eth1":                     "dst=a dev=eth1\n",
		"route add a\nroute delete a":                           "",
		"route add a\nroute d a\n\n# nothing\n   \n":            "",
		"route add a\nroute destroy b":                          "dst=a\n",
		"-force route add a":                                    "dst=a\n",
	} {
		k := newFakeNet()
		f := openBatch(t, k.batchTable("route", "fdb", "mptcp endpoint"))
		n, err := f.WriteAt(context.Background(), []byte(line+"\n"), 7)
		require.NoError(t, err, line)
		require.Equal(t, len(line)+1, n)
		require.NoError(t, f.Close(context.Background()))
		require.Equal(t, want, k.text(), line)
	}
}

func TestBatchErrors(t *testing.T) {
	for line, want := range map[string]string{
		"nat add a":              "batch:1: nat: no such kind (known: route)",
		"ip -n blue route add a": "batch:1: -n: write to the batch of that namespace, in netns/",
		"ip -x route":            "batch:1: -x: no such option",
		"route show":             "batch:1: route: show: batch changes; read the file instead",
		"route get a":            "batch:1: route: get: batch changes; read the file instead",
		"route add a dev none":   `batch:1: route add a: dev "none": no such device`,
		"route del b":            "batch:1: route del b: no such route",
		"route add a nonsense=1": "",
		"route add 'a":           "",
		"route add a\x00":        "",
		"ip":                     "batch:1: ip: no such kind (known: route)",
		"-f":                     "batch:1: -f: of what family?",
		"\nroute add a\nroute add a\nroute add c": "batch:3: route add a: file exists",
	} {
		k := newFakeNet()
		f := openBatch(t, k.batchTable("route"))
		_, err := f.WriteAt(context.Background(), []byte(line+"\n"), 0)
		require.Error(t, err, "%q", line)
		var le *LineError
		require.True(t, errors.As(err, &le), "%q: %v", line, err)
		if want != "" {
			require.EqualError(t, err, want, "%q", line)
		}
		require.NotContains(t, k.text(), "c", "stopped at the first error")
		require.NoError(t, f.Close(context.Background()))
	}
}

func TestBatchCuts(t *testing.T) {
	text := "route add a dev eth0\nroute add 'b c' dev eth0\nroute del a\n# x\nroute add a metric 5\nroute add last"
	for cut := 1; cut <= len(text); cut++ {
		k := newFakeNet()
		f := openBatch(t, k.batchTable("route"))
		for off := 0; off < len(text); off += cut {
			_, err := f.WriteAt(t.Context(), []byte(text[off:min(off+cut, len(text))]), 0)
			require.NoError(t, err)
		}
		require.NoError(t, f.Check(t.Context()))
		require.NotContains(t, k.text(), "last")
		require.NoError(t, f.Close(t.Context()))
		require.Equal(t, "dst=a metric=5\ndst='b c' dev=eth0\ndst=last\n", k.text(), "cut %d", cut)
	}
}

func TestBatchHalfLine(t *testing.T) {
	k := newFakeNet(hop{dst: "a"})
	f := openBatch(t, k.batchTable("route"))
	_, err := f.WriteAt(t.Context(), []byte("route del a"), 0)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // its writer was killed
	require.NoError(t, f.Close(ctx))
	require.Equal(t, "dst=a\n", k.text())

	f = openBatch(t, k.batchTable("route"))
	_, err = f.WriteAt(t.Context(), []byte("nat del a"), 0)
	require.NoError(t, err)
	require.EqualError(t, f.Check(t.Context()), "batch:1: nat: no such kind (known: route)")
	require.EqualError(t, f.Close(t.Context()), "batch:1: nat: no such kind (known: route)")
}

// What one kernel says in its events makes another one equal.
func TestBatchMirrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newFakeNet(hop{"x", "eth0", 1}, hop{"y z", "eth0", 1}), newFakeNet(hop{"x", "eth7", 1})
		s := openStream(t, NewEvents(a.batchTable("route")), ".snapshot")
		defer s.Close(t.Context())
		f := openBatch(t, b.batchTable("route"))
		defer f.Close(t.Context())
		copyLines := func() {
			synctest.Wait()
			p := make([]byte, 1<<16)
			n, err := s.ReadAt(t.Context(), p, 0)
			require.NoError(t, err)
			_, err = f.WriteAt(t.Context(), p[:n], 0)
			require.NoError(t, err, "%s", p[:n])
			require.Equal(t, a.text(), b.text())
		}
		copyLines()
		a.del("x")
		a.put(hop{"q'q", "eth1", 9})
		a.put(hop{"y z", "eth1", 9})
		copyLines()
		a.lose(3, func(rows map[string]hop) {
			delete(rows, "y z")
			rows["new"] = hop{dst: "new"}
		})
		copyLines()
	})
}

func TestStreamFilters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet(hop{"a", "eth0", 1}, hop{"b", "eth1", 1})
		tab := k.table("route")
		all := NewEvents(tab)
		eth0 := openStream(t, all, "dev=eth0,.snapshot")
		not := openStream(t, all, "dev!=eth0")
		narrow := openStream(t, tab.With("dev", "eth1").Events(), "")
		first := openStream(t, all, ".since=0")
		synctest.Wait()
		k.put(hop{"c", "eth0", 1})
		k.put(hop{"d", "eth1", 1})
		synctest.Wait()
		require.Equal(t, "route replace dst=a dev=eth0 metric=1   # seq=3\nroute replace dst=c dev=eth0 metric=1   # seq=3\n# sync seq=1\nroute replace dst=c dev=eth0 metric=1   # seq=2\n", next(t, eth0))
		require.Equal(t, "route add dst=d dev=eth1 metric=1   # seq=3\n", next(t, not))
		require.Equal(t, "route add dst=d dev=eth1 metric=1   # seq=3\n", next(t, narrow))
		since := openStream(t, all, ".since=0,dev=eth1") // out of the ring, by the text
		require.Equal(t, "route add dst=d dev=eth1 metric=1   # seq=3\n", next(t, since))
		k.lose(0, func(rows map[string]hop) { clear(rows) })
		synctest.Wait()
		got := next(t, narrow)
		require.Contains(t, got, "route del dst=b dev=eth1 metric=1")
		require.NotContains(t, got, "eth0", "deletions that a loss hid are filtered, too")
		for _, s := range []*listener{eth0, not, narrow, since, first} {
			require.NoError(t, s.Close(t.Context()))
		}
		time.Sleep(time.Minute)

		w, _ := splitName("events,nosuch=1")
		_, err := all.(worded).words(w)
		require.ErrorContains(t, err, "nosuch")
		require.ErrorContains(t, err, "dst")
	})
}

func TestStreamJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet(hop{"a", "eth0", 1})
		s := openStream(t, k.table("route").Events(), ".snapshot,.format=json")
		synctest.Wait()
		at := string(appendTime(nil, time.Now()))
		k.put(hop{`b"b`, "eth1", 2})
		k.lose(3, func(rows map[string]hop) { delete(rows, "a") })
		synctest.Wait()
		require.Equal(t, strings.ReplaceAll(`{"seq":6,"t":T,"kind":"route","op":"replace","obj":{"dst":"b\"b","dev":"eth1","metric":2}}
{"seq":1,"t":T,"op":"sync","obj":{}}
{"seq":2,"t":T,"kind":"route","op":"replace","obj":{"dst":"b\"b","dev":"eth1","metric":2}}
{"seq":3,"t":T,"kind":"route","op":"overrun","obj":{"lost":3}}
{"seq":4,"t":T,"kind":"route","op":"resync","obj":{"at":"begin"}}
{"seq":5,"t":T,"kind":"route","op":"destroy","obj":{"dst":"a","dev":"eth0","metric":1}}
{"seq":6,"t":T,"kind":"route","op":"resync","obj":{"at":"end"}}
`, "T", at), func() string { p := make([]byte, 4096); n, _ := s.ReadAt(t.Context(), p, 0); return string(p[:n]) }())
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newFakeNet(hop{"a", "eth0", 1})
		root := NewWait(k.batchTable("route", "mptcp endpoint"))
		one := k.table("route").With("dst", "b").Wait()
		wait := func(n Node, line string) error {
			h, err := n.(Opener).Open(t.Context(), OpenWrite)
			require.NoError(t, err)
			defer h.Close(t.Context())
			_, err = h.WriteAt(t.Context(), []byte(line+"\n"), 0)
			return err
		}
		require.NoError(t, wait(root, "route a dev=eth0"))
		require.NoError(t, wait(root, "r dst=a"))
		require.NoError(t, wait(root, "mptcp endpoint dst a dev eth0"))
		require.NoError(t, wait(root, "route dst=c gone"))
		require.NoError(t, wait(root, "route a dev!=eth1 metric"))

		var done atomic.Int32
		later := func(n Node, line string, want error) {
			go func() {
				require.ErrorIs(t, wait(n, line), want, line)
				done.Add(1)
			}()
			synctest.Wait()
		}
		later(root, "route b dev=eth1 timeout=30s", nil)
		later(one, "metric=5", nil)
		later(one, "gone", nil)
		require.EqualValues(t, 1, done.Swap(0), "b is not there yet")
		k.put(hop{"b", "eth0", 1})
		synctest.Wait()
		require.EqualValues(t, 0, done.Load())
		later(one, "gone", nil)
		k.put(hop{"b", "eth1", 5})
		synctest.Wait()
		require.EqualValues(t, 2, done.Load())
		start := time.Now()
		require.ErrorIs(t, wait(root, "route z timeout=2s"), syscall.ETIMEDOUT)
		require.EqualError(t, wait(root, "route z timeout=2s"), "route z timeout=2s: not so in time")
		require.Equal(t, 4*time.Second, time.Since(start))
		k.del("b")
		synctest.Wait()
		time.Sleep(time.Second)
		require.EqualValues(t, 3, done.Load())
		require.Zero(t, k.watching())

		for line, want := range map[string]string{
			"":                     "wait for what? for example: route dst=... timeout=30s",
			"nat x":                "nat: no such kind (known: route)",
			"route a timeout=soon": "timeout soon: want a time such as 30s",
			"route a timeout=-1s":  "timeout -1s: want a time such as 30s",
		} {
			require.EqualError(t, wait(root, line), want, line)
		}
		require.ErrorContains(t, wait(root, "route a nosuch=1"), "nosuch")
		quiet := k.table("route")
		quiet.Watch = nil
		go func() { time.Sleep(time.Second); k.put(hop{dst: "q"}) }()
		require.NoError(t, wait(NewWait(quiet), "route q"))
	})
}

func TestHelp(t *testing.T) {
	k := newFakeNet()
	d := NewHelp(k.batchTable("route"), k.table("rule"))
	list, err := d.(Walker).List(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 2)
	tree := &Tree{Root: d}
	require.Contains(t, slurp(t, asRoot(), walk(t, asRoot(), tree.Attach(), "route")), "metric")
}

func FuzzBatchLine(f *testing.F) {
	for _, s := range []string{"ip -6 r a a dev eth0", "route add 'a'' b' # x", "-f inet6 route d", "bridge -batch", "route up", "mptcp endpoint show", "-", "--"} {
		f.Add(s)
	}
	k := newFakeNet()
	kinds := []kind{k.batchTable("route", "mptcp endpoint"), k.batchTable("rule")}
	w := &waiter{kinds, true}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := readBatchLine(kinds, s)
		if err == nil && l.kind != nil {
			// What is left is a line by itself.
			_, err := splitLine(l.stmt)
			require.NoError(t, err, "%q -> %q", s, l.stmt)
		}
		if h := l.head(); strings.ContainsAny(h, "\n\x00") {
			t.Fatalf("head %q", h)
		}
		w.read(s)
	})
}

func TestBatchLogsNoSecrets(t *testing.T) {
	type peer struct{ name, key string }
	secret := Str("key", "secret key", func(p *peer) *string { return &p.key })
	secret.Secret = true
	peers := &Table[peer]{Kind: "peer", Keys: NewKeys(Str("name", "name", func(p *peer) *string { return &p.name }).AsID(), secret),
		Do: One(func(context.Context, *Op[peer]) error { return nil })}
	k := newFakeNet()
	f := openBatch(t, k.batchTable("route"), peers)
	for text, shown := range map[string]bool{
		"route add a\n# why\n\nroute del a\n": true, "route add a\npeer add x key=hunter2\n": false, "ter2\nroute add a\n": false,
	} {
		require.Equal(t, shown, string(f.logText([]byte(text))) == text, text)
	}
}
