package conntrack

import (
	"context"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// A fake tracks connections in memory.
type fake struct {
	list     []Entry
	expects  []Expect
	settings map[string]uint64
	changes  int
	flushed  int
}

func newFake() *fake {
	return &fake{settings: map[string]uint64{"max": 65536, "acct": 0, "tcp_timeout_established": 432000}}
}

func (f *fake) Entries(context.Context, *fs.Query[Entry]) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		for _, e := range slices.Clone(f.list) {
			if !yield(&e, nil) {
				return
			}
		}
	}
}

func (f *fake) Change(_ context.Context, ops []fs.Op[Entry]) {
	for i := range ops {
		if o := &ops[i]; o.Err == nil {
			f.changes++
			o.Err = f.change(o)
		}
	}
}

func (f *fake) change(o *fs.Op[Entry]) error {
	e := o.Row
	at := slices.IndexFunc(f.list, func(x Entry) bool { return x.Orig == e.Orig && x.Zone == e.Zone })
	switch {
	case at < 0 && (o.Act == fs.Del || o.Act == fs.Change):
		return fs.ErrNotExist
	case o.Act == fs.Del:
		f.list = slices.Delete(f.list, at, at+1)
	case at >= 0 && o.Act == fs.Add:
		return fs.ErrExist
	case at < 0:
		f.list = append(f.list, e)
	default:
		f.list[at] = e
	}
	return nil
}

func (f *fake) Watch(ctx context.Context) iter.Seq2[fs.Event[Entry], error] {
	return func(yield func(fs.Event[Entry], error) bool) {
		if yield(fs.Event[Entry]{What: fs.SyncBegin}, nil) && yield(fs.Event[Entry]{What: fs.SyncEnd}, nil) {
			<-ctx.Done()
		}
	}
}

func (f *fake) Flush(context.Context) error { f.list = nil; f.flushed++; return nil }

func (f *fake) Expects(context.Context) iter.Seq2[*Expect, error] {
	return func(yield func(*Expect, error) bool) {
		for _, e := range slices.Clone(f.expects) {
			if !yield(&e, nil) {
				return
			}
		}
	}
}

func (f *fake) ChangeExpects(_ context.Context, ops []fs.Op[Expect]) {
	for i := range ops {
		f.changes++
		f.expects = append(f.expects, ops[i].Row)
	}
}

func (f *fake) Stats(context.Context) (entries, max uint32, err error) {
	return uint32(len(f.list)), 65536, nil
}

func (f *fake) CPUs(context.Context) ([]CPU, error) {
	return []CPU{{CPU: 0, Found: 3, Insert: 1}, {CPU: 1, Found: 4, Drop: 2}}, nil
}

func (f *fake) Setting(name string) (uint64, error) {
	n, ok := f.settings[name]
	if !ok {
		return 0, fs.ErrNotExist
	}
	return n, nil
}

func (f *fake) Set(name string, v uint64) error { f.settings[name] = v; return nil }

func door(f *fake) treetest.Door {
	return treetest.Local(&fs.Tree{Root: Page(f).Root}, treetest.Root)
}

func TestTranscript(t *testing.T) { treetest.Run(t, door(newFake()), "testdata/conntrack.txt") }

// lines that make every settable key print.
const lines = `
proto=tcp src=192.0.2.1 dst=198.51.100.7 sport=40000 dport=443 state=ESTABLISHED timeout=100 status=seen_reply,assured tcp.wscale=7 reply.tcp.wscale=8 tcp.flags=0x3
proto=tcp src=192.0.2.1 dst=198.51.100.7 sport=40000 dport=443 zone=5 timeout=0
udp src 10.0.0.1 dst 10.0.0.2 sport 53 dport 53 reply.dst 203.0.113.5 reply.dport 1024 timeout 30 mark 0x7 labels 1,64,127
icmp src 10.0.0.1 dst 10.0.0.2 icmp.type 8 icmp.id 77 timeout 30
icmpv6 src 2001:db8::1 dst 2001:db8::2 icmp.type 128 icmp.code 0 icmp.id 1 timeout 30 orig.zone 3 reply.zone 4
gre src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 timeout 30 helper pptp
89 src 10.0.0.1 dst 10.0.0.2 timeout 600
sctp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 state COOKIE_WAIT timeout 3 sctp.vtag 0x10 reply.sctp.vtag 0x20
dccp src 10.0.0.1 dst 10.0.0.2 sport 1 dport 2 state open timeout 3 dccp.role server dccp.seq 9
tcp src 10.0.0.1 dst 10.0.0.2 sport 21 dport 2 timeout 3 seqadj 1/-2/3 reply.seqadj 4/5/-6 synproxy 7/8/9 master.proto tcp master.src 1.1.1.1 master.dst 2.2.2.2 master.sport 1 master.dport 21
`

func TestRoundTrip(t *testing.T) {
	f := newFake()
	d := door(f)
	require.NoError(t, put(d, "conntrack", lines))
	text := get(t, d, "conntrack")
	before := f.changes
	require.NoError(t, put(d, "conntrack", text))
	require.NoError(t, put(d, "conntrack.json", get(t, d, "conntrack.json")))
	assert.Equal(t, before, f.changes)
	for i := range f.list {
		f.list[i].Timeout++ // it runs by itself
	}
	require.NoError(t, put(d, "conntrack", text))
	assert.Equal(t, before, f.changes)
	for i := range f.list {
		f.list[i].Timeout--
	}
	require.NoError(t, put(d, "conntrack", "flush all\n"))
	require.Empty(t, f.list)
	require.NoError(t, put(d, "conntrack", text))
	assert.Equal(t, text, get(t, d, "conntrack"))
	treetest.Check(t, d, treetest.Options{Write: true, Moving: func(p string) bool { return p == "ct/cpu" }})
}

func TestCtl(t *testing.T) {
	f := newFake()
	d := door(f)
	require.NoError(t, put(d, "conntrack", lines))
	require.NoError(t, put(d, "ct/ctl", "max=1000 acct=1\n"))
	want := map[string]uint64{"max": 1000, "acct": 1, "tcp_timeout_established": 432000}
	assert.True(t, maps.Equal(want, f.settings), "%v", f.settings)
	require.NoError(t, put(d, "ct/ctl", "flush all\n"))
	assert.Equal(t, 1, f.flushed)
}

func put(d treetest.Door, path, text string) error {
	f, err := d.Open(path, fs.OpenWrite)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func get(t testing.TB, d treetest.Door, path string) string {
	t.Helper()
	f, err := d.Open(path, fs.OpenRead)
	require.NoError(t, err)
	defer f.Close()
	var all []byte
	for b := make([]byte, 1<<20); ; {
		n, err := f.ReadAt(b, int64(len(all)))
		require.NoError(t, err)
		if n == 0 {
			return string(all)
		}
		all = append(all, b[:n]...)
	}
}
