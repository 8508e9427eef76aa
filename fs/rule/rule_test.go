package rule

import (
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
)

// A fake is rules in memory.
type fake struct {
	rules   []Rule
	changes int
}

func (f *fake) Rules(context.Context, *fs.Query[Rule]) iter.Seq2[*Rule, error] {
	return func(yield func(*Rule, error) bool) {
		for _, r := range slices.Clone(f.rules) {
			if !yield(&r, nil) {
				return
			}
		}
	}
}

func (f *fake) Change(_ context.Context, ops []fs.Op[Rule]) {
	for i := range ops {
		f.changes++
		ops[i].Err = f.change(&ops[i])
	}
}

func (f *fake) change(o *fs.Op[Rule]) error {
	r := o.Row
	if o.Act == fs.Del {
		if o.Old != nil {
			r = *o.Old
		}
		at := slices.IndexFunc(f.rules, func(x Rule) bool { return x.Priority == r.Priority && same(&x, &r) })
		if at < 0 {
			return fs.ErrNotExist
		}
		f.rules = slices.Delete(f.rules, at, at+1)
		return nil
	}
	if !r.HasPriority {
		r.Priority, r.HasPriority = 1000-uint32(len(f.rules)), true
	}
	f.rules = append(f.rules, r)
	slices.SortStableFunc(f.rules, func(a, b Rule) int { return int(a.Priority) - int(b.Priority) })
	return nil
}

func (f *fake) Watch(ctx context.Context) iter.Seq2[fs.Event[Rule], error] {
	return func(yield func(fs.Event[Rule], error) bool) { <-ctx.Done() }
}

func door(f *fake) treetest.Door {
	return treetest.Local(&fs.Tree{Root: Page(f).Root}, treetest.Root)
}

func TestTranscript(t *testing.T) { treetest.Run(t, door(&fake{}), "testdata/rules.txt") }

func TestLaws(t *testing.T) {
	f := &fake{}
	d := door(f)
	require.NoError(t, put(d, "rules", lines))
	treetest.Check(t, d, treetest.Options{Write: true})
}

// lines that make every key print.
const lines = `
priority 0 table local
priority 0 inet6 table local
priority 10 from 1.2.3.4 to 10.0.0.0/8 iif v0 oif v1 fwmark 0x1/0xff tos 4 ipproto tcp sport 1-3 dport 5 uidrange 1-5 table 7 suppress_prefixlength 0 realms 3/4 proto static
priority 11 goto 32766
priority 12 not from 5.5.5.5 blackhole
priority 13 l3mdev proto 7
priority 14 nop
priority 15 suppress_ifgroup 3 table 9 tun_id 4
priority 16 from 2001:db8::/32 unreachable
priority 17 inet6 prohibit fwmark 0/0x10
priority 18 dscp 4 lookup 100
priority 19 dscp 4/0x3 sport 5/0xff00 opt.99=0102
priority 20 inet6 flowlabel 0x12345 table main
`

func TestRoundTrip(t *testing.T) {
	f := &fake{}
	d := door(f)
	require.NoError(t, put(d, "rules", lines))
	text := get(t, d, "rules")
	before := f.changes
	require.NoError(t, put(d, "rules", text))
	require.NoError(t, put(d, "rules.json", get(t, d, "rules.json")))
	assert.Equal(t, before, f.changes)
	require.NoError(t, put(d, "rules", "flush all\n"))
	require.Empty(t, f.rules)
	require.NoError(t, put(d, "rules", text))
	assert.Equal(t, text, get(t, d, "rules"))
}

// A line without a priority asks for what is so with any.
func TestNoPriority(t *testing.T) {
	f := &fake{}
	d := door(f)
	for range 3 {
		require.NoError(t, put(d, "rules", "from 10.0.0.0/8 table 7\n"))
		require.NoError(t, put(d, "rules", "from 10.0.0.0/8 table 8\n"))
	}
	assert.Len(t, f.rules, 2)
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
