package treetest

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/stretchr/testify/require"
)

func TestNet(t *testing.T) {
	before := runtime.NumGoroutine()
	n := NewNet(10)
	changes := n.Changes()
	Check(t, Local(n.Tree(), Root), n.Options())
	require.Equal(t, changes, n.Changes(), "what is read was written and changed something")
	RunAll(t, "testdata/*.txt", func(*testing.T) Door { return Local(NewNet(2).Tree(), Root) })
	Run(t, Numbers(Local(NewNet(2).Tree(), Root)), "testdata/net.txt")
	for i := 0; runtime.NumGoroutine() > before; i++ {
		require.Less(t, i, 100, "goroutines are left")
		time.Sleep(10 * time.Millisecond)
	}
}

func TestNetReadOnly(t *testing.T) {
	n := NewNet(10)
	tree := n.Tree()
	tree.ReadOnly = true
	d := Local(tree, Root)
	in, err := d.Stat("routes")
	require.NoError(t, err)
	require.Zero(t, in.Mode.Perm()&0o222)
	_, err = d.Open("routes", fs.OpenWrite)
	wantErrno(t, err, 30, "EROFS")
}

func TestMatch(t *testing.T) {
	r := &runner{d: Local(nil, nil)}
	for _, c := range []struct {
		want, got []string
		ok        bool
	}{
		{nil, nil, true},
		{[]string{"..."}, nil, true},
		{[]string{"a", "...", "b"}, []string{"a", "x", "y", "b"}, true},
		{[]string{"a", "...", "b"}, []string{"a", "x", "y"}, false},
		{[]string{"a*c"}, []string{"abc"}, true},
		{[]string{"a*c"}, []string{"abcd"}, false},
		{[]string{"a.c"}, []string{"abc"}, false},
		{[]string{"a"}, nil, false},
		{nil, []string{"a"}, false},
		{[]string{"! EPERM x*"}, []string{"! EPERM xyz"}, true},
	} {
		require.Equal(t, c.ok, r.match(c.want, c.got), "%q %q", c.want, c.got)
	}
	r.d = Mounted("/nowhere")
	require.True(t, r.match([]string{"! EPERM its text"}, []string{"! EPERM"}))
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"jump x", "mv a", ">x routes"} {
		_, err := parse(bad, "linux")
		require.Error(t, err, bad)
	}
	steps, err := parse("# c\n\n>5 a\nx\n\\# y\n! EIO\n< b\n\nls .\n", "linux")
	require.NoError(t, err)
	require.Len(t, steps, 3)
	require.Equal(t, 5, steps[0].cut)
	require.Equal(t, "x\n# y\n", steps[0].text())
	require.Equal(t, []string{"! EIO"}, steps[0].want)
}

func TestGuards(t *testing.T) {
	const text = "[bsd] > a\nx\n[linux] y\n\n> b\n[linux freebsd] one\n[!linux] two\n[!freebsd] three\n[bsd !freebsd] four\n[{\"json\":1}]\n"
	for system, want := range map[string]string{
		"linux":   "one\nthree\n[{\"json\":1}]\n",
		"freebsd": "one\ntwo\n[{\"json\":1}]\n",
		"openbsd": "two\nthree\nfour\n[{\"json\":1}]\n",
	} {
		steps, err := parse(text, system)
		require.NoError(t, err)
		require.Len(t, steps, 2)
		require.Equal(t, system == "linux", steps[0].off, system)
		require.Equal(t, want, steps[1].text(), system)
		var b strings.Builder
		for i := range steps {
			steps[i].print(&b)
		}
		require.Equal(t, text, b.String(), "as it stands")
	}
}
