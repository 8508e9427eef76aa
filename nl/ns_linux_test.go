package nl_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNamedNamespaces(t *testing.T) {
	nltest.NewNS(t) // for the privilege
	nltest.CheckLeaks(t)
	name := fmt.Sprintf("nltest-%d", os.Getpid())
	err := nl.CreateNS(name)
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("no privilege to mount")
	}
	require.NoError(t, err)
	defer nl.DeleteNS(name)
	names, err := nl.ListNS()
	require.NoError(t, err)
	assert.True(t, slices.Contains(names, name))
	assert.ErrorIs(t, nl.CreateNS(name), fs.ErrExist)

	ns, err := nl.OpenNS(name)
	require.NoError(t, err)
	defer ns.Close()
	same, err := nl.OpenNS("/run/netns/" + name)
	require.NoError(t, err)
	defer same.Close()
	own, err := nl.CurrentNS()
	require.NoError(t, err)
	defer own.Close()
	id, err := ns.ID()
	require.NoError(t, err)
	sameID, err := same.ID()
	require.NoError(t, err)
	ownID, err := own.ID()
	require.NoError(t, err)
	assert.Equal(t, id, sameID)
	assert.NotEqual(t, id, ownID)

	var inside nl.NSID
	require.NoError(t, ns.Do(func() error {
		cur, err := nl.CurrentNS()
		if err != nil {
			return err
		}
		defer cur.Close()
		inside, err = cur.ID()
		return err
	}))
	assert.Equal(t, id, inside)

	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD()})
	require.NoError(t, err)
	defer c.Close()
	n := 0
	for _, err := range c.Dump(t.Context(), nl.Request{Type: rtmGetLink, Body: link{}}) {
		require.NoError(t, err)
		n++
	}
	assert.NotZero(t, n)

	require.NoError(t, nl.DeleteNS(name))
	assert.ErrorIs(t, nl.DeleteNS(name), fs.ErrNotExist)
	_, err = nl.OpenNS(name)
	assert.ErrorIs(t, err, fs.ErrNotExist)
	// Its sockets keep the namespace itself.
	assert.NoError(t, c.Do(t.Context(), nl.Request{Type: rtmGetLink, Body: link{name: "lo"}}))
}

func TestNamesThatAreNone(t *testing.T) {
	for _, name := range []string{"", ".", "..", "a/b", "a\x00"} {
		assert.ErrorIs(t, nl.CreateNS(name), fs.ErrInvalid, "%q", name)
		assert.ErrorIs(t, nl.DeleteNS(name), fs.ErrInvalid, "%q", name)
	}
	_, err := nl.OpenNS("/dev/null")
	assert.ErrorIs(t, err, fs.ErrInvalid)
	_, err = nl.OpenNS("no such name")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

// Messages of a namespace that has an id here say which.
func TestListenToAllNamespaces(t *testing.T) {
	c, ns := dial(t, nl.Options{AllNS: true})
	other := nltest.NewNS(t)
	ns.Run(t, "ip", "link", "add", "v0", "type", "veth", "peer", "v1", "netns", other.Path) // gives it an id
	s, err := c.Subscribe(t.Context(), groupLink)
	require.NoError(t, err)
	defer s.Close()
	other.Run(t, "ip", "link", "set", "v1", "up")
	ns.Run(t, "ip", "link", "set", "v0", "up")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := map[string]int32{}
	for m, err := range s.Receive(ctx) {
		require.NoError(t, err)
		seen[linkName(m)] = m.NSID
		if len(seen) == 2 {
			break
		}
	}
	assert.Equal(t, int32(-1), seen["v0"])
	assert.GreaterOrEqual(t, seen["v1"], int32(0))
}
