package fs

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestLooseAddresses(t *testing.T) {
	for word, want := range map[string]string{
		"2:0:0:a:b:c": "02:00:00:0a:0b:0c", "02-00-00-0A-0b-0c": "02:00:00:0a:0b:0c", "0200000a0b0c": "02:00:00:0a:0b:0c", "none": "", "0a": "0a",
	} {
		a, err := ParseMAC(word)
		require.NoError(t, err, word)
		require.Equal(t, want, string(AppendMAC(nil, a)), word)
	}
	for _, word := range []string{"2", "2:", ":2", "2::3", "02:0003", "020:03", "g:1", "2:0:0:a:b:c:"} {
		_, err := ParseMAC(word)
		require.Error(t, err, word)
	}
	for word, want := range map[string]string{
		"10/8": "10.0.0.0/8", "10.12/16": "10.12.0.0/16", "10.1.2/255.255.255.0": "10.1.2.0/24", "0/0": "0.0.0.0/0", "1.2.3.4/32": "1.2.3.4/32",
	} {
		p, err := ParsePrefix(word)
		require.NoError(t, err, word)
		require.Equal(t, netip.MustParsePrefix(want), p)
	}
	for _, word := range []string{"10", "10.1", "/8", "10./8", "1.2.3.4.5/8", "300/8", "::/129", "a/8"} {
		_, err := ParsePrefix(word)
		require.Error(t, err, word)
	}
}

func TestBatchReads(t *testing.T) {
	k := newFakeNet()
	tree := &Tree{Root: Dir{"batch": NewBatch(k.batchTable("route"))}}
	r := walk(t, asRoot(), tree.Attach(), "batch")
	require.EqualValues(t, 0o664, r.Node.Mode().Perm())
	require.Empty(t, slurp(t, asRoot(), r))
}

func TestBatchBridgeLink(t *testing.T) {
	kinds := kindsOf([]Kind{newFakeNet().batchTable("link")})
	for line, want := range map[string]string{
		"bridge link set dev v1 cost 10":         "change dev v1 type bridge_slave cost 10",
		"bridge link set cost 10 dev v1 hairpin": "change dev v1 type bridge_slave cost 10 hairpin",
		"bridge link set cost 10":                "change cost 10",
		"ip link set dev v1 mtu 1400":            "change dev v1 mtu 1400",
	} {
		l, err := readBatchLine(kinds, line)
		require.NoError(t, err, line)
		require.Equal(t, want, l.stmt, line)
	}
}

// What a statement left is read from its beginning, wherever the writing ended.
func TestWaitReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewWait(newFakeNet(hop{"a", "eth0", 1}).batchTable("route"))
		require.EqualValues(t, 0o666, n.Mode().Perm())
		h, err := n.(Opener).Open(t.Context(), OpenRead|OpenWrite)
		require.NoError(t, err)
		p := make([]byte, 100)
		read := func(off int64) string {
			n, err := h.ReadAt(t.Context(), p, off)
			require.NoError(t, err)
			return string(p[:n])
		}
		require.Empty(t, read(0))
		_, err = h.WriteAt(t.Context(), []byte("route a  \n"), 0)
		require.NoError(t, err)
		require.Equal(t, "route a\n", read(10))
		require.Empty(t, read(18))
		require.Equal(t, "route a\n", read(10))
		_, err = h.WriteAt(t.Context(), []byte("route z timeout=1s\n"), 0)
		require.Error(t, err)
		require.Empty(t, read(0), "it does not hold")
		require.NoError(t, h.Close(t.Context()))
	})
}

// The file error keeps what is news: bad words of a path, not what rm -r hears.
func TestErrorLogNews(t *testing.T) {
	ctx, log := asRoot(), new(ErrorLog)
	k := newFakeNet()
	s := "v"
	root := (&Tree{Root: Dir{"routes": k.table("route"), "v": word(&s), "d": Dir{}}, Errors: log}).Attach()
	require.Error(t, walk(t, ctx, root, "v").Remove(ctx))
	require.Error(t, walk(t, ctx, root, "d").Remove(ctx))
	_, err := root.Walk(ctx, "nosuch,a=b")
	require.Error(t, err)
	require.Empty(t, log.text(UserOf(ctx)))
	_, err = root.Walk(ctx, "routes,nosuch=1")
	require.Error(t, err)
	require.Contains(t, string(log.text(UserOf(ctx))), " path=routes,nosuch=1 errno=EINVAL text='nosuch: no such key; known: ")
}
