package mptcp

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/genl"
	"github.com/netfs-project/netfs/nl/nltest"
)

func kernel(t testing.TB) (*nltest.NS, *nl.Client, *Conn, context.Context) {
	t.Helper()
	nltest.CheckLeaks(t)
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Generic, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	m, err := Open(ctx, c)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no MPTCP in this kernel")
	}
	require.NoError(t, err)
	return ns, c, m, ctx
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func list(t testing.TB, ctx context.Context, m *Conn) []Endpoint {
	t.Helper()
	var all []Endpoint
	for e, err := range m.Endpoints(ctx) {
		require.NoError(t, err)
		all = append(all, *e)
	}
	return all
}

// TestSchema holds the tags of Command and Endpoint against what the kernel
// says it accepts.
func TestSchema(t *testing.T) {
	_, c, _, ctx := kernel(t)
	p, err := genl.FetchPolicy(ctx, c, MPTCP_PM_NAME)
	require.NoError(t, err)

	top := map[uint16]genl.AttrType{
		MPTCP_PM_ATTR_ADDR:          genl.AttrNested,
		MPTCP_PM_ATTR_RCV_ADD_ADDRS: genl.AttrU32,
		MPTCP_PM_ATTR_SUBFLOWS:      genl.AttrU32,
		MPTCP_PM_ATTR_TOKEN:         genl.AttrU32,
		MPTCP_PM_ATTR_LOC_ID:        genl.AttrU8,
		MPTCP_PM_ATTR_ADDR_REMOTE:   genl.AttrNested,
	}
	addr := map[uint16]genl.AttrType{
		MPTCP_PM_ADDR_ATTR_FAMILY: genl.AttrU16,
		MPTCP_PM_ADDR_ATTR_ID:     genl.AttrU8,
		MPTCP_PM_ADDR_ATTR_ADDR4:  genl.AttrU32,
		MPTCP_PM_ADDR_ATTR_ADDR6:  genl.AttrBinary,
		MPTCP_PM_ADDR_ATTR_PORT:   genl.AttrU16,
		MPTCP_PM_ADDR_ATTR_FLAGS:  genl.AttrU32,
		MPTCP_PM_ADDR_ATTR_IF_IDX: genl.AttrS32,
	}
	seen := map[uint16]bool{}
	for _, op := range p.Ops {
		for _, dump := range []bool{false, true} {
			for n, a := range p.Attrs(uint8(op.Cmd), dump) {
				require.Equal(t, top[n], a.Type, "command %d, attribute %d", op.Cmd, n)
				seen[n] = true
				for n, a := range p.Inside(a) {
					require.Equal(t, addr[n], a.Type, "command %d, address attribute %d", op.Cmd, n)
				}
			}
		}
	}
	schema := (*Command)(nil).Schema()
	for n := range seen {
		require.Contains(t, schema.Attrs, n, "the kernel accepts an attribute that Command does not have")
	}
	// Whole addresses are told as one set.
	var whole map[uint16]genl.AttrPolicy
	for _, set := range p.Sets {
		if _, ok := set[MPTCP_PM_ADDR_ATTR_IF_IDX]; ok {
			whole = set
		}
	}
	delete(addr, MPTCP_PM_ADDR_ATTR_ADDR4) // big endian, which policies do not tell
	for n := range addr {
		require.Contains(t, whole, n)
	}
}

func TestEndpoints(t *testing.T) {
	ns, _, m, ctx := kernel(t)
	lo := int32(1)
	all := []Endpoint{
		{Addr: ip("10.0.0.1"), Flags: MPTCP_PM_ADDR_FLAG_SIGNAL},
		{Addr: ip("10.0.0.2"), Flags: MPTCP_PM_ADDR_FLAG_SUBFLOW | MPTCP_PM_ADDR_FLAG_BACKUP, ID: 77, IfIndex: lo},
		{Addr: ip("::1"), Flags: MPTCP_PM_ADDR_FLAG_SIGNAL, Port: 4321},
		{Addr: ip("2001:db8::2"), Flags: MPTCP_PM_ADDR_FLAG_SUBFLOW | MPTCP_PM_ADDR_FLAG_FULLMESH},
	}
	for i := range all {
		require.NoError(t, m.Add(ctx, &all[i]))
	}
	require.ErrorIs(t, m.Add(ctx, &all[0]), fs.ErrExist)

	got := list(t, ctx, m)
	require.Len(t, got, len(all))
	for _, want := range all {
		i := slices.IndexFunc(got, func(e Endpoint) bool { return e.Addr == want.Addr })
		require.NotEqual(t, -1, i)
		require.Equal(t, want.Flags, got[i].Flags)
		require.Equal(t, want.Port, got[i].Port)
		require.Equal(t, want.IfIndex, got[i].IfIndex)
		require.NotZero(t, got[i].ID)
		if want.ID != 0 {
			require.Equal(t, want.ID, got[i].ID)
		}
		one, err := m.Endpoint(ctx, got[i].ID)
		require.NoError(t, err)
		require.Equal(t, got[i], *one)
	}

	var oracle []struct {
		Address string   `json:"address"`
		ID      uint8    `json:"id"`
		Port    uint16   `json:"port"`
		Dev     string   `json:"dev"`
		Flags   []string `json:"flags"`
		Signal  bool     `json:"signal"`
		Backup  bool     `json:"backup"`
	}
	require.NoError(t, json.Unmarshal([]byte(ns.Run(t, "ip", "-j", "mptcp", "endpoint")), &oracle))
	require.Len(t, oracle, len(got))
	for _, o := range oracle {
		i := slices.IndexFunc(got, func(e Endpoint) bool { return e.ID == o.ID })
		require.NotEqual(t, -1, i)
		require.Equal(t, got[i].Addr.String(), o.Address)
		require.Equal(t, got[i].Port, o.Port)
		require.Equal(t, got[i].IfIndex != 0, o.Dev == "lo")
		require.Equal(t, got[i].Flags&MPTCP_PM_ADDR_FLAG_SIGNAL != 0, o.Signal)
		require.Equal(t, got[i].Flags&MPTCP_PM_ADDR_FLAG_BACKUP != 0, o.Backup)
	}

	require.NoError(t, m.SetFlags(ctx, &Endpoint{ID: 77}))
	one, err := m.Endpoint(ctx, 77)
	require.NoError(t, err)
	require.Equal(t, uint32(MPTCP_PM_ADDR_FLAG_SUBFLOW), one.Flags)
	require.NoError(t, m.SetFlags(ctx, &Endpoint{Addr: ip("10.0.0.2"), Flags: MPTCP_PM_ADDR_FLAG_BACKUP}))
	one, err = m.Endpoint(ctx, 77)
	require.NoError(t, err)
	require.Equal(t, uint32(MPTCP_PM_ADDR_FLAG_SUBFLOW|MPTCP_PM_ADDR_FLAG_BACKUP), one.Flags)

	require.NoError(t, m.Del(ctx, &Endpoint{ID: 77}))
	_, err = m.Endpoint(ctx, 77)
	require.Error(t, err)
	require.Error(t, m.Del(ctx, &Endpoint{ID: 77}))
	require.NoError(t, m.Flush(ctx))
	require.Empty(t, list(t, ctx, m))
}

func TestLaminar(t *testing.T) {
	_, _, m, ctx := kernel(t)
	e := &Endpoint{Addr: ip("10.0.0.1"), Flags: MPTCP_PM_ADDR_FLAG_LAMINAR}
	require.NoError(t, m.Add(ctx, e))
	got := list(t, ctx, m)
	require.Len(t, got, 1)
	if got[0].Flags == 0 {
		t.Skip("no laminar endpoints in this kernel")
	}
	require.Equal(t, e.Flags, got[0].Flags)
}

// TestReadsWhatIPMakes reads endpoints that ip-mptcp(8) made.
func TestReadsWhatIPMakes(t *testing.T) {
	ns, _, m, ctx := kernel(t)
	ns.Run(t, "ip", "mptcp", "endpoint", "add", "192.0.2.5", "id", "9", "dev", "lo", "subflow", "backup")
	ns.Run(t, "ip", "mptcp", "limits", "set", "subflow", "3", "add_addr_accepted", "2")
	require.Equal(t, []Endpoint{{
		Family: afInet, ID: 9, Addr: ip("192.0.2.5"), IfIndex: 1,
		Flags: MPTCP_PM_ADDR_FLAG_SUBFLOW | MPTCP_PM_ADDR_FLAG_BACKUP,
		Has:   list(t, ctx, m)[0].Has,
	}}, list(t, ctx, m))
	l, err := m.Limits(ctx)
	require.NoError(t, err)
	require.Equal(t, Limits{AcceptAddrs: 2, Subflows: 3}, l)
}

func TestLimits(t *testing.T) {
	_, _, m, ctx := kernel(t)
	for _, want := range []Limits{{AcceptAddrs: 4, Subflows: 5}, {}, {AcceptAddrs: 1}} {
		require.NoError(t, m.SetLimits(ctx, want))
		got, err := m.Limits(ctx)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.Error(t, m.SetLimits(ctx, Limits{Subflows: 100}))
}

// TestEvents follows a connection over lo from its beginning to its end, with
// a subflow that the kernel opens, and one that the test opens.
func TestEvents(t *testing.T) {
	ns, _, m, ctx := kernel(t)
	s, err := m.Subscribe(ctx)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, m.SetLimits(ctx, Limits{Subflows: 2, AcceptAddrs: 2}))
	require.NoError(t, m.Add(ctx, &Endpoint{Addr: ip("127.0.0.2"), Flags: MPTCP_PM_ADDR_FLAG_SUBFLOW}))

	conn := dialPair(t, ns)
	seen := map[uint8]Event{}
	for ev, err := range Events(ctx, s) {
		require.NoError(t, err)
		seen[ev.Header.Cmd] = *ev
		switch ev.Header.Cmd {
		case MPTCP_EVENT_SUB_ESTABLISHED:
			conn.close()
		case MPTCP_EVENT_CLOSED:
		default:
			continue
		}
		if ev.Header.Cmd == MPTCP_EVENT_CLOSED {
			break
		}
	}
	created, ok := seen[MPTCP_EVENT_CREATED]
	require.True(t, ok)
	require.NotZero(t, created.Token)
	require.Equal(t, ip("127.0.0.1"), created.Src)
	require.Equal(t, ip("127.0.0.1"), created.Dst)
	require.True(t, created.SrcPort == conn.port || created.DstPort == conn.port)
	require.Contains(t, seen, uint8(MPTCP_EVENT_ESTABLISHED))
	sub := seen[MPTCP_EVENT_SUB_ESTABLISHED]
	require.True(t, sub.Src == ip("127.0.0.2") || sub.Dst == ip("127.0.0.2"), "%+v", sub)
	require.NotZero(t, sub.Has&EventBackup)
	require.Zero(t, sub.Error)
}

// TestUserSpace is a path manager in user space: it announces, opens and closes
// by hand.
func TestUserSpace(t *testing.T) {
	ns, _, m, ctx := kernel(t)
	sysctl(t, ns, "net.mptcp.pm_type", "1")
	s, err := m.Subscribe(ctx)
	require.NoError(t, err)
	defer s.Close()
	conn := dialPair(t, ns)
	defer conn.close()

	// Both ends are here: the client's is the one whose destination is the port that was
	// listened to.
	var client, server Event
	for ev, err := range Events(ctx, s) {
		require.NoError(t, err)
		if ev.Header.Cmd == MPTCP_EVENT_ESTABLISHED {
			if ev.DstPort == conn.port {
				client = *ev
			} else {
				server = *ev
			}
		}
		if client.Token != 0 && server.Token != 0 {
			break
		}
	}
	next := func(cmd uint8) Event {
		t.Helper()
		for ev, err := range Events(ctx, s) {
			require.NoError(t, err)
			if ev.Header.Cmd == cmd {
				return *ev
			}
		}
		t.Fatalf("no event %d", cmd)
		return Event{}
	}

	require.NoError(t, m.Announce(ctx, server.Token, &Endpoint{Addr: ip("127.0.0.3"), ID: 5, Flags: MPTCP_PM_ADDR_FLAG_SIGNAL}))
	heard := next(MPTCP_EVENT_ANNOUNCED)
	require.Equal(t, client.Token, heard.Token)
	require.Equal(t, uint8(5), heard.RemoteID)
	require.Equal(t, ip("127.0.0.3"), heard.Dst)

	require.NoError(t, m.Remove(ctx, server.Token, 5))
	gone := next(MPTCP_EVENT_REMOVED)
	require.Equal(t, client.Token, gone.Token)
	require.Equal(t, uint8(5), gone.RemoteID)

	local, remote := &Endpoint{Addr: ip("127.0.0.4"), ID: 7}, &Endpoint{Addr: ip("127.0.0.1"), Port: conn.port}
	require.NoError(t, m.CreateSubflow(ctx, client.Token, local, remote))
	var sub Event
	for sub = next(MPTCP_EVENT_SUB_ESTABLISHED); sub.Token != client.Token; {
		sub = next(MPTCP_EVENT_SUB_ESTABLISHED)
	}
	require.Equal(t, ip("127.0.0.4"), sub.Src)
	require.Equal(t, uint8(7), sub.LocalID)

	for e, err := range m.UserEndpoints(ctx, client.Token) {
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
			break // before Linux 6.10
		}
		require.NoError(t, err)
		require.Equal(t, ip("127.0.0.4"), e.Addr)
	}
	end := &Endpoint{Addr: sub.Src, Port: sub.SrcPort}
	require.NoError(t, m.SetBackup(ctx, client.Token, end, remote, true))
	require.NoError(t, m.DestroySubflow(ctx, client.Token, end, remote))
	closed := next(MPTCP_EVENT_SUB_CLOSED)
	require.Equal(t, sub.SrcPort|sub.DstPort, closed.SrcPort|closed.DstPort)
}

func sysctl(t testing.TB, ns *nltest.NS, name, value string) {
	t.Helper()
	var err error
	ns.Do(func() { err = os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0) })
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no %s in this kernel", name)
	}
	require.NoError(t, err)
}

// pair is a connection over lo, both ends of it.
type pair struct {
	fds  []int
	port uint16
}

func (p *pair) close() {
	for _, fd := range p.fds {
		syscall.Close(fd)
	}
	p.fds = nil
}

// dialPair makes a connection of MPTCP inside the namespace and sends a byte
// each way, so that it is established.
func dialPair(t testing.TB, ns *nltest.NS) *pair {
	t.Helper()
	const protoMPTCP = 262
	p := &pair{}
	t.Cleanup(p.close)
	var err error
	socket := func() int {
		var fd int
		if err == nil {
			fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, protoMPTCP)
			p.fds = append(p.fds, fd)
		}
		return fd
	}
	ns.Do(func() {
		l, c := socket(), socket()
		if err != nil {
			return
		}
		if err = syscall.Bind(l, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return
		}
		if err = syscall.Listen(l, 1); err != nil {
			return
		}
		at, _ := syscall.Getsockname(l)
		p.port = uint16(at.(*syscall.SockaddrInet4).Port)
		if err = syscall.Connect(c, at); err != nil {
			return
		}
		a, _, aerr := syscall.Accept(l)
		if err = aerr; err != nil {
			return
		}
		p.fds = append(p.fds, a)
		for _, way := range [][2]int{{c, a}, {a, c}} {
			if _, err = syscall.Write(way[0], []byte("x")); err != nil {
				return
			}
			if _, err = syscall.Read(way[1], make([]byte, 1)); err != nil {
				return
			}
		}
	})
	if errors.Is(err, syscall.EPROTONOSUPPORT) {
		t.Skip("no MPTCP sockets in this kernel")
	}
	require.NoError(t, err)
	return p
}

func TestDumpAllocatesNothing(t *testing.T) {
	_, _, m, ctx := kernel(t)
	count := func() float64 {
		return testing.AllocsPerRun(5, func() { list(t, ctx, m) })
	}
	add := func(from, to byte) {
		for i := from; i < to; i++ {
			a := netip.AddrFrom4([4]byte{10, 1, 0, i})
			require.NoError(t, m.Add(ctx, &Endpoint{Addr: a, Flags: MPTCP_PM_ADDR_FLAG_SIGNAL}))
		}
	}
	add(0, 3)
	few := count()
	add(3, 8)
	require.Less(t, count()-few, 5.0, "allocations for 5 more endpoints")
}
