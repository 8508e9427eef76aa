package p9

import (
	"context"
	"math/rand/v2"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
)

// wayTree has directories a and b in each directory, six deep, and a value in each.
func wayTree(depth int) fs.Dir {
	d := fs.Dir{"v": &fs.Value{Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, bench63[:62]...), nil }}}
	if depth > 0 {
		d["a"], d["b"] = wayTree(depth-1), wayTree(depth-1)
	}
	return d
}

// TestWays has fids come from each other in all ways, end and have their memory
// used again: each must be where a model of paths says.
func TestWays(t *testing.T) {
	t.Parallel()
	tree := &fs.Tree{Root: wayTree(6)}
	w := serve(t, &Server{Tree: tree})
	w.start()
	at := map[uint32]string{0: "/"}
	r := rand.New(rand.NewPCG(9, 2000))
	names := []string{"a", "b", "v", "..", "a", "b"}
	qid := func(p string) Qid {
		ref := tree.Attach()
		for name := range strings.SplitSeq(strings.Trim(p, "/"), "/") {
			if name == "" {
				continue
			}
			var err error
			ref, err = ref.Walk(context.Background(), name)
			require.NoError(t, err)
		}
		return qidOf(ref)
	}
	for range 5000 {
		from, to := uint32(r.IntN(12)), uint32(1+r.IntN(11))
		p, ok := at[from]
		_, taken := at[to]
		switch {
		case !ok:
			continue
		case from != 0 && r.IntN(4) == 0:
			w.ok(&Msg{Type: Tclunk, Fid: from})
			delete(at, from)
			continue
		case r.IntN(4) == 0:
			got := w.ok(&Msg{Type: Tstat, Fid: from})
			require.Equal(t, path.Base(p), got.Dir.Name)
			require.Equal(t, qid(p), got.Dir.Qid)
			continue
		case from == 0 && to == from, taken && to != from:
			continue
		}
		m := &Msg{Type: Twalk, Fid: from, Newfid: to}
		for range r.IntN(9) {
			m.Names = append(m.Names, names[r.IntN(len(names))])
		}
		got := w.rpc(m)
		n := 0
		for _, name := range m.Names {
			if path.Base(p) == "v" || strings.Count(p, "/") == 6 && len(name) == 1 && name != "v" && p != "/" {
				break
			}
			p = path.Join(p, name)
			n++
		}
		switch {
		case n == 0 && len(m.Names) > 0:
			require.Equal(t, Rerror, got.Type, "%v", m)
			continue
		case len(got.Qids) != n:
			t.Fatalf("%v from %s: %v, %d names should walk", m, at[from], got, n)
		}
		if n > 0 {
			require.Equal(t, qid(p), got.Qids[n-1], "%v from %s", m, at[from])
		}
		if n == len(m.Names) {
			at[to] = p
		}
	}
}

// TestCycleAllocatesNothing is about the small file that is read again and again:
// once the server is warm it makes no garbage, in no dialect.
func TestCycleAllocatesNothing(t *testing.T) {
	for _, d := range []Dialect{Plain, DotU, DotL} {
		t.Run(d.String(), func(t *testing.T) {
			w := serve(t, &Server{Tree: &fs.Tree{Root: wayTree(3)}})
			w.d = d
			w.start()
			open := &Msg{Type: Topen, Tag: 1, Fid: 1}
			if d == DotL {
				open = &Msg{Type: Tlopen, Tag: 1, Fid: 1, linuxMsg: new(linuxMsg)}
			}
			var frames [][]byte
			for _, m := range []*Msg{{Type: Twalk, Tag: 1, Newfid: 1, Names: []string{"a", "b", "v"}}, open,
				{Type: Tread, Tag: 1, Fid: 1, Count: 4096}, {Type: Tclunk, Tag: 1, Fid: 1}} {
				b, err := AppendMsg(nil, d, m)
				require.NoError(t, err)
				frames = append(frames, b)
			}
			buf := make([]byte, 4096)
			cycle := func() {
				for _, f := range frames {
					w.c.Write(f)
					if n, err := w.c.Read(buf); n < headLen || err != nil || buf[4] != f[4]+1 {
						t.Fatal(Type(f[4]), buf[:n], err)
					}
				}
			}
			for range 100 {
				cycle()
			}
			// The collector empties pools now and then.
			require.Less(t, testing.AllocsPerRun(500, cycle), 1.0)
		})
	}
}
