package nltest_test

import (
	"bytes"
	"context"
	"strings"
	"syscall"
	"testing"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
	"github.com/netfs-project/netfs/nl/nltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type body []byte

func (r body) AppendBody(b []byte) ([]byte, error) { return append(b, r...), nil }

func (body) Schema() *attr.Schema { return &attr.Schema{Header: 16} }

// conversation speaks with a client and returns what it heard.
func conversation(t *testing.T, c *nl.Client, change func()) (heard []string) {
	t.Helper()
	ctx := t.Context()
	s, err := c.Subscribe(ctx, 1)
	require.NoError(t, err)
	defer s.Close()
	name := func(m nl.Message) string {
		v, _ := attr.Find(m.Data[16:], 3)
		return attr.String(v)
	}
	for m, err := range c.Dump(ctx, nl.Request{Type: 18, Body: body(make([]byte, 16))}) {
		require.NoError(t, err)
		heard = append(heard, "row "+name(m))
	}
	lo, err := attr.AppendString(make([]byte, 16), 3, "lo")
	require.NoError(t, err)
	require.NoError(t, c.Get(ctx, nl.Request{Type: 18, Body: body(lo)}, func(m nl.Message) error {
		heard = append(heard, "got "+name(m))
		return nil
	}))
	b := c.NewBatch()
	none, err := attr.AppendString(make([]byte, 16), 3, "none")
	require.NoError(t, err)
	require.NoError(t, b.Add(nl.Request{Type: 17, Body: body(none)}))
	require.NoError(t, b.Add(nl.Request{Type: 16, Body: body(lo)}))
	err = b.Do(ctx)
	assert.ErrorIs(t, err, syscall.ENODEV)
	heard = append(heard, err.Error())
	change()
	for m, err := range s.Receive(ctx) {
		require.NoError(t, err)
		heard = append(heard, "event "+name(m))
		break
	}
	return heard
}

// What was recorded with the running kernel is said again by the replay.
func TestRecordAndReplay(t *testing.T) {
	ns := nltest.NewNS(t)
	nltest.CheckLeaks(t)
	var tape bytes.Buffer
	rec := nltest.NewRecorder(&tape)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD, Socket: rec.Socket})
	require.NoError(t, err)
	heard := conversation(t, c, func() { ns.Run(t, "ip", "link", "set", "lo", "mtu", "1400") })
	require.NoError(t, c.Close())
	require.NoError(t, rec.Err())
	assert.Contains(t, heard, "row lo")
	assert.Contains(t, heard, "event lo")

	all, err := nltest.ReadVectors(&tape)
	require.NoError(t, err)
	var again bytes.Buffer
	for _, v := range all {
		b, err := v.AppendText(nil)
		require.NoError(t, err)
		again.Write(b)
	}
	reread, err := nltest.ReadVectors(&again)
	require.NoError(t, err)
	assert.Equal(t, all, reread)

	k := nltest.Replay(t, all)
	c, err = nl.Dial(nl.Route, &nl.Options{Socket: k.Socket})
	require.NoError(t, err)
	assert.Equal(t, heard, conversation(t, c, func() {}))
	require.NoError(t, c.Close())
	assert.Zero(t, k.Open())
}

func TestBrokenRecordings(t *testing.T) {
	for _, text := range []string{"  00", "> x", ">", "? 1", "+ 1 x", "> 1\n  0g", "> 1\n  000"} {
		_, err := nltest.ReadVectors(strings.NewReader(text))
		assert.Error(t, err, "%q", text)
	}
	all, err := nltest.ReadVectors(strings.NewReader("# none\n\n+ 1 5\n< 1\n  0102 03\n"))
	require.NoError(t, err)
	assert.Equal(t, []nltest.Vector{{Dir: '+', Socket: 1, Groups: []uint32{5}}, {Dir: '<', Socket: 1, Data: []byte{1, 2, 3}}}, all)
}

// A socket of limited memory drops as the kernel's do: until what it holds is read.
func TestKernelDrops(t *testing.T) {
	k := nltest.NewKernel(t)
	k.Buffer = 3 * (nltest.Overhead + 100)
	c, err := nl.Dial(nl.Route, &nl.Options{Socket: k.Socket})
	require.NoError(t, err)
	defer c.Close()
	s, err := c.Subscribe(t.Context(), 7)
	require.NoError(t, err)
	defer s.Close()
	for range 10 {
		k.Multicast(7, 100, make([]byte, 84))
	}
	k.Multicast(8, 100, nil)
	ctx, cancel := context.WithCancel(t.Context())
	var got []error
	for _, err := range s.Receive(ctx) {
		got = append(got, err)
		if len(got) == 4 {
			k.Multicast(7, 100, nil)
		}
		if len(got) == 5 {
			cancel()
		}
	}
	cancel()
	assert.Equal(t, []error{nl.ErrOverrun, nil, nil, nil, nil}, got)
}
