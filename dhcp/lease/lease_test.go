package lease_test

import (
	"errors"
	iofs "io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v4"

	"github.com/stretchr/testify/require"
)

var (
	epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	start = lease.Instant{Boot: time.Hour, Wall: epoch}
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func ack(edit ...func(*v4.Options)) *v4.Message {
	m := &v4.Message{Op: v4.BootReply, HType: v4.Ethernet, CHAddr: []byte{2, 0, 0, 0, 0, 1}, YIAddr: addr("192.0.2.100")}
	m.Options.SetType(v4.Ack)
	m.Options.SetAddr(v4.OptServerID, addr("192.0.2.1"))
	m.Options.SetDuration(v4.OptLeaseTime, time.Hour)
	m.Options.SetSubnetMask(24)
	for _, f := range edit {
		f(&m.Options)
	}
	return m
}

func TestTimes(t *testing.T) {
	set := func(c v4.Code, d time.Duration) func(*v4.Options) {
		return func(o *v4.Options) { o.SetDuration(c, d) }
	}
	for name, c := range map[string]struct {
		edit          []func(*v4.Options)
		valid, t1, t2 time.Duration
	}{
		"defaults":          {nil, time.Hour, 30 * time.Minute, 3150 * time.Second},
		"given":             {[]func(*v4.Options){set(v4.OptT1, time.Minute), set(v4.OptT2, 2*time.Minute)}, time.Hour, time.Minute, 2 * time.Minute},
		"T1 alone":          {[]func(*v4.Options){set(v4.OptT1, 40*time.Minute)}, time.Hour, 40 * time.Minute, 3150 * time.Second},
		"T2 alone":          {[]func(*v4.Options){set(v4.OptT2, 40*time.Minute)}, time.Hour, 30 * time.Minute, 40 * time.Minute},
		"T1 after T2":       {[]func(*v4.Options){set(v4.OptT1, 50*time.Minute), set(v4.OptT2, 40*time.Minute)}, time.Hour, 30 * time.Minute, 3150 * time.Second},
		"T2 after the end":  {[]func(*v4.Options){set(v4.OptT2, 2*time.Hour)}, time.Hour, 30 * time.Minute, 3150 * time.Second},
		"T1 zero":           {[]func(*v4.Options){set(v4.OptT1, 0), set(v4.OptT2, 0)}, time.Hour, 30 * time.Minute, 3150 * time.Second},
		"forever":           {[]func(*v4.Options){set(v4.OptLeaseTime, v4.Forever)}, v4.Forever, v4.Forever, v4.Forever},
		"forever, T1 given": {[]func(*v4.Options){set(v4.OptLeaseTime, v4.Forever), set(v4.OptT1, time.Minute)}, v4.Forever, v4.Forever, v4.Forever},
		"longest":           {[]func(*v4.Options){set(v4.OptLeaseTime, v4.Forever-time.Second)}, v4.Forever - time.Second, (v4.Forever - time.Second) / 2, (v4.Forever - time.Second) / 8 * 7},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := lease.FromACK(ack(c.edit...), start)
			require.NoError(t, err)
			require.Equal(t, []time.Duration{c.valid, c.t1, c.t2}, []time.Duration{l.Valid, l.T1, l.T2})
			if c.valid == v4.Forever {
				require.Equal(t, lease.Never, l.Expires())
				require.Equal(t, v4.Forever, l.Left(start))
				require.Zero(t, l.ExpiresWall())
				return
			}
			require.Equal(t, start.Boot+c.valid, l.Expires())
			require.Equal(t, c.valid-time.Second, l.Left(lease.Instant{Boot: start.Boot + time.Second}))
			require.Zero(t, l.Left(lease.Instant{Boot: lease.Never}))
			require.Equal(t, epoch.Add(c.valid), l.ExpiresWall())
		})
	}
}

func TestRefused(t *testing.T) {
	for name, edit := range map[string]func(*v4.Message){
		"no address":     func(m *v4.Message) { m.YIAddr = netip.Addr{} },
		"zero":           func(m *v4.Message) { m.YIAddr = addr("0.0.0.0") },
		"loopback":       func(m *v4.Message) { m.YIAddr = addr("127.0.0.2") },
		"multicast":      func(m *v4.Message) { m.YIAddr = addr("239.1.1.1") },
		"broadcast":      func(m *v4.Message) { m.YIAddr = addr("255.255.255.255") },
		"no server":      func(m *v4.Message) { m.Options.Del(v4.OptServerID) },
		"a zero server":  func(m *v4.Message) { m.Options.SetAddr(v4.OptServerID, addr("0.0.0.0")) },
		"no time":        func(m *v4.Message) { m.Options.Del(v4.OptLeaseTime) },
		"a lease of 0":   func(m *v4.Message) { m.Options.SetDuration(v4.OptLeaseTime, 0) },
		"a time of 3 by": func(m *v4.Message) { m.Options.Set(v4.OptLeaseTime, []byte{1, 2, 3}) },
	} {
		t.Run(name, func(t *testing.T) {
			m := ack()
			edit(m)
			_, err := lease.FromACK(m, start)
			require.Error(t, err)
		})
	}
}

func settings(t *testing.T, m *v4.Message) (lease.Settings, []string) {
	l, err := lease.FromACK(m, start)
	require.NoError(t, err)
	return l.Settings(start)
}

func TestSettings(t *testing.T) {
	s, problems := settings(t, ack(func(o *v4.Options) {
		o.SetAddr(v4.OptRouters, addr("192.0.2.1"), addr("192.0.2.2"))
		o.SetAddr(v4.OptDNS, addr("192.0.2.3"), addr("198.51.100.1"))
		o.SetString(v4.OptDomainName, "example.org")
		o.SetNames(v4.OptDomainSearch, "example.net", "example.org")
		o.SetUint16(v4.OptMTU, 1400)
		o.SetAddrPairs(v4.OptStaticRoutes, [2]netip.Addr{addr("10.0.0.0"), addr("192.0.2.9")}, [2]netip.Addr{addr("203.0.113.5"), addr("192.0.2.9")})
	}))
	require.Empty(t, problems)
	require.Equal(t, lease.Settings{
		Addr: netip.MustParsePrefix("192.0.2.100/24"), Broadcast: addr("192.0.2.255"), Valid: time.Hour,
		Routes: []lease.Route{
			{Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: addr("192.0.2.1")},
			{Dst: netip.MustParsePrefix("10.0.0.0/8"), Via: addr("192.0.2.9")},
			{Dst: netip.MustParsePrefix("203.0.113.5/32"), Via: addr("192.0.2.9")},
		},
		MTU: 1400, DNS: []netip.Addr{addr("192.0.2.3"), addr("198.51.100.1")}, Search: []string{"example.org", "example.net"},
	}, s)
	require.Equal(t, "search example.org example.net\nnameserver 192.0.2.3\nnameserver 198.51.100.1\n", string(s.AppendResolvConf(nil)))
}

// RFC 3442: 121 makes 3 and 33 void.
func TestClasslessRoutes(t *testing.T) {
	route := func(dst, via string) v4.Route {
		return v4.Route{Dst: netip.MustParsePrefix(dst), Gateway: addr(via)}
	}
	with := func(routes ...v4.Route) func(*v4.Options) {
		return func(o *v4.Options) {
			o.SetAddr(v4.OptRouters, addr("192.0.2.1"))
			if err := o.SetClasslessRoutes(routes...); err != nil {
				panic(err)
			}
		}
	}
	s, problems := settings(t, ack(with(route("10.0.0.0/8", "192.0.2.2"))))
	require.Empty(t, problems)
	require.Equal(t, []lease.Route{{Dst: netip.MustParsePrefix("10.0.0.0/8"), Via: addr("192.0.2.2")}}, s.Routes, "no default route")

	// A cloud's: a mask of 32 bits, and a gateway that a route makes known.
	s, problems = settings(t, ack(func(o *v4.Options) { o.SetSubnetMask(32) },
		with(route("198.51.100.1/32", "0.0.0.0"), route("0.0.0.0/0", "198.51.100.1"), route("10.0.0.0/8", "203.0.113.1"))))
	require.Empty(t, problems)
	require.False(t, s.Broadcast.IsValid())
	require.Equal(t, []lease.Route{
		{Dst: netip.MustParsePrefix("198.51.100.1/32")},
		{Dst: netip.MustParsePrefix("0.0.0.0/0"), Via: addr("198.51.100.1")},
		{Dst: netip.MustParsePrefix("10.0.0.0/8"), Via: addr("203.0.113.1"), OnLink: true},
	}, s.Routes)

	s, problems = settings(t, ack(with(
		route("192.0.2.1/32", "192.0.2.66"),   // our server, by way of somebody
		route("192.0.2.0/28", "192.0.2.66"),   // it, and its neighbours
		route("192.0.2.100/32", "192.0.2.66"), // ourselves
		route("127.0.0.0/8", "192.0.2.66"), route("224.0.0.0/4", "192.0.2.66"), route("0.0.0.0/8", "192.0.2.66"),
		route("10.0.0.0/8", "224.0.0.1"), route("192.0.2.0/24", "192.0.2.66"),
		route("10.1.0.0/16", "192.0.2.5"), route("10.1.0.0/16", "192.0.2.6"),
	)))
	require.Len(t, problems, 8)
	require.Equal(t, []lease.Route{{Dst: netip.MustParsePrefix("10.1.0.0/16"), Via: addr("192.0.2.5")}}, s.Routes)
}

func TestHostileSettings(t *testing.T) {
	var many []v4.Route
	for i := range 2000 {
		many = append(many, v4.Route{Dst: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24), Gateway: addr("192.0.2.1")})
	}
	s, problems := settings(t, ack(func(o *v4.Options) {
		require.NoError(t, o.SetClasslessRoutes(many...))
		o.SetUint16(v4.OptMTU, 68)
		o.SetString(v4.OptDomainName, "a; rm -rf /")
		o.Set(v4.OptDomainSearch, []byte("\x04a\nb \x00"))
		o.Set(v4.OptDNS, []byte{1, 2, 3})
		o.SetAddr(v4.OptBroadcastAddr, addr("192.0.2.1"))
	}))
	require.Len(t, s.Routes, 256)
	require.Zero(t, s.MTU)
	require.Empty(t, s.Search)
	require.Empty(t, s.DNS)
	require.Equal(t, addr("192.0.2.255"), s.Broadcast)
	require.GreaterOrEqual(t, len(problems), 6, "%q", problems)
	for _, p := range problems {
		require.NotContains(t, p, "\n")
	}
	for mask, want := range map[string]string{"0.0.0.0": "192.0.2.100/24", "255.0.255.0": "192.0.2.100/24", "255.255.255.252": "192.0.2.100/32"} {
		s, problems := settings(t, ack(func(o *v4.Options) { o.SetAddr(v4.OptSubnetMask, addr(mask)) }))
		require.Equal(t, want, s.Addr.String(), mask)
		require.NotEmpty(t, problems, mask)
	}
}

func TestStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "leases")
	s := &lease.Store{Dir: dir, BootID: "one"}
	key := lease.Key{Link: "eth0", HWAddr: []byte{2, 0, 0, 0, 0, 1}, ClientID: []byte{1, 2}}
	_, err := s.Load(key, start)
	require.ErrorIs(t, err, iofs.ErrNotExist)
	l, err := lease.FromACK(ack(), start)
	require.NoError(t, err)
	require.NoError(t, s.Save(key, l))
	require.NoError(t, s.Save(key, l))

	// In the same boot the boot clock counts, whatever the wall clock says.
	now := lease.Instant{Boot: 90 * time.Minute, Wall: epoch.Add(-1000 * time.Hour)}
	got, err := s.Load(key, now)
	require.NoError(t, err)
	require.Equal(t, 30*time.Minute, got.Left(now))
	require.Equal(t, l.Addr, got.Addr)
	require.True(t, l.Start.Wall.Equal(got.Start.Wall))

	// In another the wall clock does.
	s.BootID = "two"
	now = lease.Instant{Boot: time.Minute, Wall: epoch.Add(20 * time.Minute)}
	got, err = s.Load(key, now)
	require.NoError(t, err)
	require.Equal(t, 40*time.Minute, got.Left(now))
	now.Wall = epoch.Add(2 * time.Hour)
	got, err = s.Load(key, now)
	require.NoError(t, err)
	require.Zero(t, got.Left(now))
	now.Wall = epoch.Add(-time.Hour) // it stepped back
	got, err = s.Load(key, now)
	require.NoError(t, err)
	require.Equal(t, time.Hour, got.Left(now))

	for _, k := range []lease.Key{
		{Link: "eth1", HWAddr: key.HWAddr, ClientID: key.ClientID},
		{Link: "eth0", HWAddr: []byte{2, 0, 0, 0, 0, 2}, ClientID: key.ClientID},
		{Link: "eth0", HWAddr: key.HWAddr},
	} {
		_, err := s.Load(k, now)
		require.ErrorIs(t, err, iofs.ErrNotExist)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "no temporary file is left")
	require.NoError(t, os.WriteFile(filepath.Join(dir, files[0].Name()), []byte(`{"ack":"AAAA"}`), 0o600))
	_, err = s.Load(key, now)
	require.Error(t, err)
	require.False(t, errors.Is(err, iofs.ErrNotExist))
	require.NoError(t, s.Remove(key))
	require.NoError(t, s.Remove(key))
}
