package mptcp

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// A fake is a path manager in memory.
type fake struct {
	list    []Endpoint
	limits  Limits
	changes []string
	events  chan fs.Event[Event]
}

func (f *fake) Endpoints(context.Context) iter.Seq2[*Endpoint, error] {
	return func(yield func(*Endpoint, error) bool) {
		for _, e := range slices.Clone(f.list) {
			if !yield(&e, nil) {
				return
			}
		}
	}
}

func (f *fake) Add(_ context.Context, e *Endpoint) error {
	f.changes = append(f.changes, "add")
	if f.find(e) >= 0 {
		return fs.ErrExist
	}
	n := *e
	if n.ID == 0 {
		n.ID = uint8(len(f.list) + 1)
	}
	f.list = append(f.list, n)
	return nil
}

func (f *fake) find(e *Endpoint) int {
	return slices.IndexFunc(f.list, func(x Endpoint) bool { return x.Addr == e.Addr && x.Port == e.Port })
}

func (f *fake) Del(_ context.Context, e *Endpoint) error {
	f.changes = append(f.changes, "del")
	f.list = slices.DeleteFunc(f.list, func(x Endpoint) bool { return x.ID == e.ID })
	return nil
}

func (f *fake) SetFlags(_ context.Context, e *Endpoint) error {
	f.changes = append(f.changes, "flags")
	f.list[f.find(e)].Flags = e.Flags
	return nil
}

func (f *fake) Limits(context.Context) (Limits, error) { return f.limits, nil }

func (f *fake) SetLimits(_ context.Context, l Limits) error {
	f.changes = append(f.changes, "limits")
	f.limits = l
	return nil
}

func (f *fake) Watch(ctx context.Context) iter.Seq2[fs.Event[Event], error] {
	return func(yield func(fs.Event[Event], error) bool) {
		if !yield(fs.Event[Event]{What: fs.SyncBegin}, nil) || !yield(fs.Event[Event]{What: fs.SyncEnd}, nil) {
			return
		}
		for {
			select {
			case e := <-f.events:
				if !yield(e, nil) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

func newFake() *fake {
	return &fake{limits: Limits{Subflows: 2}, events: make(chan fs.Event[Event], 10)}
}

func door(f *fake) treetest.Door {
	return treetest.Local(&fs.Tree{Root: Page(f).Root}, treetest.Root)
}

func TestTranscript(t *testing.T) { treetest.Run(t, door(newFake()), "testdata/mptcp.txt") }

func TestLaws(t *testing.T) {
	f := newFake()
	d := door(f)
	require.NoError(t, put(d, "mptcp/endpoints", "192.0.2.1 subflow\n2001:db8::1 port 80 signal dev eth0 id 9\n"))
	f.changes = nil
	treetest.Check(t, d, treetest.Options{Write: true, Values: true})
	assert.Empty(t, f.changes, "what was read was written")
}

func TestEventLines(t *testing.T) {
	f := newFake()
	d := door(f)
	file, err := d.Open("mptcp/events", fs.OpenRead)
	require.NoError(t, err)
	defer file.Close()
	f.events <- fs.Event[Event]{What: fs.Notice, Verb: "sub_closed", Row: &Event{
		Token: 0x1f, Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2"), Sport: 1, Dport: 2,
		Has: HasLocalID | HasReset, Reset: 1, Errno: 104,
	}}
	b := make([]byte, 4096)
	done := time.AfterFunc(10*time.Second, func() { file.Close() })
	defer done.Stop()
	n, err := file.ReadAt(b, 0)
	require.NoError(t, err)
	assert.Regexp(t, `^mptcp sub_closed token=0x1f src=192\.0\.2\.1 sport=1 dst=192\.0\.2\.2 dport=2 local_id=0 errno=104 reset=mptcp   # seq=\d+ t=[\d.]+\n$`, string(b[:n]))
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
	for b := make([]byte, 65536); ; {
		n, err := f.ReadAt(b, int64(len(all)))
		require.NoError(t, err)
		if n == 0 {
			return string(all)
		}
		all = append(all, b[:n]...)
	}
}
