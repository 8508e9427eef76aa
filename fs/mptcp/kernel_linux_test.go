package mptcp

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

func newWorld(t *testing.T) (*nltest.NS, fs.Page, treetest.Door) {
	ns := nltest.NewNS(t)
	generic, err := nl.Dial(nl.Generic, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { generic.Close() })
	route, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { route.Close() })
	p, err := New(context.Background(), generic, route)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no mptcp in this kernel")
	}
	require.NoError(t, err)
	return ns, p, treetest.Local(&fs.Tree{Root: p.Root}, treetest.Root)
}

func TestEndpointsAgainstIP(t *testing.T) {
	ns, _, d := newWorld(t)
	for _, line := range []string{"192.0.2.1 id 4 signal", "192.0.2.7 dev lo subflow backup", "2001:db8::1 subflow fullmesh"} {
		ns.Run(t, "ip", strings.Fields("mptcp endpoint add "+line)...)
	}
	text := get(t, d, "mptcp/endpoints")
	assert.Equal(t, "addr=192.0.2.1 id=4 signal\naddr=192.0.2.7 id=5 dev=lo subflow backup\naddr=2001:db8::1 id=6 subflow fullmesh\n", text)
	require.NoError(t, put(d, "mptcp/endpoints", text))
	require.NoError(t, put(d, "mptcp/endpoints.json", get(t, d, "mptcp/endpoints.json")))
	require.NoError(t, put(d, "mptcp/endpoints", "flush all\n"))
	require.Empty(t, get(t, d, "mptcp/endpoints"))
	require.NoError(t, put(d, "mptcp/endpoints", text))
	assert.Equal(t, text, get(t, d, "mptcp/endpoints"))
	var theirs []map[string]any
	require.NoError(t, json.Unmarshal([]byte(ns.Run(t, "ip", "-j", "mptcp", "endpoint")), &theirs))
	assert.Len(t, theirs, 3)

	require.NoError(t, put(d, "mptcp/endpoints", "192.0.2.7 no backup\nchange 192.0.2.1 id 9\ndel 2001:db8::1\n"))
	assert.ElementsMatch(t, []string{"addr=192.0.2.1 id=9 signal", "addr=192.0.2.7 id=5 dev=lo subflow"}, strings.Split(strings.TrimSuffix(get(t, d, "mptcp/endpoints"), "\n"), "\n"))
	for _, c := range []struct{ line, want string }{
		{"add 192.0.2.1 signal", "exist"},
		{"del 192.0.2.99", "no such endpoint"},
		{"add 192.0.2.99 dev nosuch", `dev "nosuch": no such device`},
	} {
		err := put(d, "mptcp/endpoints", c.line+"\n")
		if assert.Error(t, err, c.line) {
			assert.Contains(t, err.Error(), c.want)
		}
	}
}

func TestLimitsAgainstIP(t *testing.T) {
	ns, _, d := newWorld(t)
	require.NoError(t, put(d, "mptcp/limits", "subflows=4 add_addr_accepted=3\n"))
	assert.Contains(t, ns.Run(t, "ip", "mptcp", "limits"), "add_addr_accepted 3 subflows 4")
	require.NoError(t, put(d, "mptcp/subflows", "5\n"))
	assert.Equal(t, "subflows=5 add_addr_accepted=3\n", get(t, d, "mptcp/limits"))
	err := put(d, "mptcp/limits", "subflows=99\n")
	require.Error(t, err)
	assert.Contains(t, err.Error(), "subflows") // older kernels blame no attribute: the line's head has the word
}

// A connection over lo is told of.
func TestConnectionEvents(t *testing.T) {
	ns, p, _ := newWorld(t)
	table := p.Kinds[1].(*fs.Table[Event])
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var seen []string
	for e, err := range table.Watch(ctx) {
		require.NoError(t, err)
		if e.What == fs.SyncEnd {
			ns.Do(func() { connect(t) })
		}
		if e.What == fs.Notice {
			seen = append(seen, e.Verb)
			assert.NotZero(t, e.Row.Token+uint32(e.Row.Sport))
			if e.Verb == "closed" {
				break
			}
		}
	}
	assert.Contains(t, seen, "created")
	assert.Contains(t, seen, "established")
}

// connect makes one connection and closes it.
func connect(t *testing.T) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(true)
	l, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	var d net.Dialer
	d.SetMultipathTCP(true)
	a, err := d.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	b, err := l.Accept()
	require.NoError(t, err)
	_, err = a.Write([]byte("x"))
	require.NoError(t, err)
	_, err = b.Read(make([]byte, 1))
	require.NoError(t, err)
	a.Close()
	b.Close()
}
