package treetest

import (
	"syscall"
	"testing"

	"github.com/netfs-project/netfs/fs"
	"github.com/stretchr/testify/require"
)

// What Admin names is for root to change, by whichever file.
func TestAdmin(t *testing.T) {
	net := NewNet(3)
	tree := net.Tree()
	tree.Group, tree.GID = "net", 50
	tree.Admin = []string{"boxes", "route", "deep"}
	member := &fs.User{Name: "m", UID: 7, GID: 7, Groups: []uint32{50}, From: "test"}
	asRoot, asMember := Local(tree, Root), Local(tree, member)
	put := func(d Door, path, text string) error {
		f, err := d.Open(path, fs.OpenWrite)
		if err != nil {
			return err
		}
		_, err = f.WriteAt([]byte(text), 0)
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		return err
	}
	require.NoError(t, asRoot.Mkdir("boxes/a"))
	require.ErrorIs(t, asMember.Mkdir("boxes/b"), syscall.EACCES)
	require.ErrorIs(t, asMember.Remove("boxes/a", true), syscall.EACCES)
	require.ErrorIs(t, put(asMember, "boxes/a/color", "red\n"), syscall.EACCES)
	require.NoError(t, put(asRoot, "boxes/a/color", "red\n"))
	in, err := asMember.Stat("boxes/a/color")
	require.NoError(t, err)
	require.Equal(t, "-rw-r--r--", in.Mode.String())
	text, err := slurp(asMember, "boxes/a/color")
	require.NoError(t, err)
	require.Equal(t, "red\n", string(text))

	// Batch leads to the same tables. An unfinished line is run at the close.
	was := net.Changes()
	for _, line := range []string{"route del 10.0.0.0/24\n", "route del 10.0.0.0/24", "ip -4 ro del 10.0.0.0/24\n"} {
		require.ErrorIs(t, put(asMember, "batch", line), syscall.EACCES, line)
	}
	require.Equal(t, was, net.Changes())
	require.NoError(t, put(asMember, "routes", "del 10.0.1.0/24\n"), "the table itself is not named")
	require.NoError(t, put(asRoot, "batch", "route del 10.0.0.0/24\n"))

	require.NoError(t, Local(tree.WithoutAdmin(), member).Mkdir("boxes/b"))
	require.ErrorIs(t, Local(tree.AsReadOnly(), Root).Mkdir("boxes/c"), syscall.EROFS)
	own := net.Tree()
	own.Admin, own.Trust = tree.Admin, true
	require.NoError(t, Local(own, member).Mkdir("boxes/d"))
	require.NoError(t, put(Local(own, member), "batch", "route del 10.0.2.0/24\n"))
}
