package lease_test

import (
	iofs "io/fs"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v6"

	"github.com/stretchr/testify/require"
)

var key6 = lease.Key6{Link: "eth0", DUID: v6.DUID{0, 4, 1, 2, 3}, IAID: 7}

func reply6(edit ...func(o *v6.Options)) *v6.Message {
	m := &v6.Message{Type: v6.Reply, XID: 1}
	for _, f := range edit {
		f(&m.Options)
	}
	return m
}

// lifetimes are preferred and valid, in order.
func lifetimes(r *rand.Rand) (preferred, valid time.Duration) {
	pick := func() time.Duration {
		if r.IntN(5) == 0 {
			return v6.Forever
		}
		return 1 + time.Duration(r.Int64N(int64(v6.Forever)))>>r.IntN(30)
	}
	a, b := pick(), pick()
	return min(a, b), max(a, b)
}

func randomLease6(r *rand.Rand) *lease.Lease6 {
	l := &lease.Lease6{Server: v6.DUID{0, 3, 0, 1, 9}, Start: start, Reply: reply6(func(o *v6.Options) { o.SetAddrs(v6.OptDNS, addr("2001:db8::53")) })}
	l.T1, l.T2 = lifetimes(r)
	var b [16]byte
	for range r.IntN(4) {
		b[0], b[1], b[15] = 0x20, byte(r.Uint32()), byte(r.Uint32())
		p, v := lifetimes(r)
		l.Addrs = append(l.Addrs, v6.IAAddr{Addr: netip.AddrFrom16(b), Preferred: p, Valid: v})
	}
	for range r.IntN(4) {
		b[0], b[3] = 0x20, byte(r.Uint32())
		p, v := lifetimes(r)
		l.Prefixes = append(l.Prefixes, v6.IAPrefix{Prefix: netip.PrefixFrom(netip.AddrFrom16(b), 16+r.IntN(48)).Masked(), Preferred: p, Valid: v})
	}
	return l
}

// What is saved is loaded, and what Prune leaves is valid and all that is.
func TestLease6Laws(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	s := &lease.Store{Dir: t.TempDir(), BootID: "one"}
	for range 200 {
		l := randomLease6(r)
		if l.Empty() {
			require.NoError(t, s.Save6(key6, l))
			_, err := s.Load6(key6, start)
			require.ErrorContains(t, err, "a lease of nothing")
			continue
		}
		require.NoError(t, s.Save6(key6, l))
		got, err := s.Load6(key6, start)
		require.NoError(t, err)
		require.True(t, l.Start.Wall.Equal(got.Start.Wall))
		got.Start.Wall = l.Start.Wall
		require.Equal(t, l, got)

		_, valid := lifetimes(r)
		now := lease.Instant{Boot: start.Boot + valid}
		left := l.Prune(now)
		count := 0
		for _, a := range l.Addrs {
			if a.Valid > valid || a.Valid == v6.Forever {
				count++
			}
		}
		for _, p := range l.Prefixes {
			if p.Valid > valid || p.Valid == v6.Forever {
				count++
			}
		}
		if count == 0 {
			require.Nil(t, left)
			require.LessOrEqual(t, l.Expires(), now.Boot)
			require.Zero(t, l.Left(now))
			continue
		}
		require.Equal(t, count, len(left.Addrs)+len(left.Prefixes))
		require.Same(t, left, left.Prune(now))
		require.Greater(t, left.Next(), now.Boot)
		require.Equal(t, l.Expires(), left.Expires())
		set, problems := left.Settings(now)
		require.Empty(t, problems)
		for _, g := range append(set.Addrs, set.Prefixes...) {
			require.Positive(t, g.Valid)
			require.LessOrEqual(t, g.Preferred, g.Valid)
		}
	}
}

func TestStore6(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "leases")
	s := &lease.Store{Dir: dir, BootID: "one"}
	_, err := s.Load6(key6, start)
	require.ErrorIs(t, err, iofs.ErrNotExist)
	l := &lease.Lease6{
		Server: v6.DUID{0, 3, 0, 1, 9}, Start: start, T1: 30 * time.Minute, T2: 40 * time.Minute, Reply: reply6(),
		Addrs: []v6.IAAddr{{Addr: addr("2001:db8::1"), Preferred: time.Hour, Valid: time.Hour}},
	}
	require.NoError(t, s.Save6(key6, l))

	// Clocks count as for Lease.
	now := lease.Instant{Boot: 90 * time.Minute, Wall: epoch.Add(-1000 * time.Hour)}
	got, err := s.Load6(key6, now)
	require.NoError(t, err)
	require.Equal(t, 30*time.Minute, got.Left(now))
	s.BootID = "two"
	now = lease.Instant{Boot: time.Minute, Wall: epoch.Add(20 * time.Minute)}
	got, err = s.Load6(key6, now)
	require.NoError(t, err)
	require.Equal(t, 40*time.Minute, got.Left(now))
	now.Wall = epoch.Add(1e6 * time.Hour)
	got, err = s.Load6(key6, now)
	require.NoError(t, err)
	require.Zero(t, got.Left(now))

	// Each client has its own, beside that of DHCPv4.
	for _, k := range []lease.Key6{
		{Link: "eth1", DUID: key6.DUID, IAID: 7}, {Link: "eth0", DUID: v6.DUID{0, 4, 1, 2, 4}, IAID: 7}, {Link: "eth0", DUID: key6.DUID, IAID: 8},
	} {
		_, err := s.Load6(k, now)
		require.ErrorIs(t, err, iofs.ErrNotExist)
	}
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1, "no temporary file is left")
	name := filepath.Join(dir, files[0].Name())
	good, err := os.ReadFile(name)
	require.NoError(t, err)
	for from, to := range map[string]string{
		`"iaid": 7`:          `"iaid": 8`,
		"2001:db8::1/128":    "fe80::1/128",
		"2001:db8::1":        "2001:db8::",
		`"valid_ns": 36`:     `"valid_ns": -36`,
		`"t1_ns": 18`:        `"t1_ns": 98`,
		`"server": "00:03`:   `"server": "xx:03`,
		`"reply": "`:         `"reply": "AAAA`,
		`"preferred_ns": 36`: `"preferred_ns": 366`,
		`"2001:db8::1/128"`:  `"192.0.2.1/32"`,
		`"link": "eth0"`:     `"link": "eth1"`,
		"2001:db8::1/128\",": "2001:db8::1/64\",",
	} {
		bad := strings.Replace(string(good), from, to, 1)
		require.NotEqual(t, string(good), bad, from)
		require.NoError(t, os.WriteFile(name, []byte(bad), 0o600))
		got, err := s.Load6(key6, now)
		if from == "2001:db8::1" { // as good as another
			require.NoError(t, err)
			require.Len(t, got.Addrs, 1)
			continue
		}
		require.ErrorContains(t, err, name, to)
	}
	require.NoError(t, s.Remove6(key6))
	require.NoError(t, s.Remove6(key6))
}

func TestDUID(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "leases")
	var first v6.DUID
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 8 { // at once: all get the same
		wg.Go(func() {
			d, err := (&lease.Store{Dir: dir}).DUID()
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = d
			}
			require.NoError(t, err)
			require.Equal(t, first, d)
		})
	}
	wg.Wait()
	require.EqualValues(t, v6.DUIDUUID, first.Type())
	require.Len(t, first, 18)
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, files, 1)
	other, err := (&lease.Store{Dir: t.TempDir()}).DUID()
	require.NoError(t, err)
	require.NotEqual(t, first, other)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "duid"), []byte("00:03:00:01:02:00:5e:00:53:01\n"), 0o600))
	d, err := (&lease.Store{Dir: dir}).DUID()
	require.NoError(t, err)
	require.Equal(t, "00:03:00:01:02:00:5e:00:53:01", d.String())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "duid"), []byte("mine"), 0o600))
	_, err = (&lease.Store{Dir: dir}).DUID()
	require.ErrorContains(t, err, "duid: ", "no new one in silence")
}

func TestSettings6(t *testing.T) {
	l := &lease.Lease6{Start: start, Reply: reply6(func(o *v6.Options) {
		o.SetAddrs(v6.OptDNS, addr("2001:db8::53"), addr("fe80::53"), addr("ff02::1"), addr("::"))
		o.Set(v6.OptDomainSearch, []byte("\x04a\nb \x00\x03org\x00\x07$(halt)\x00\x03org\x00"))
	})}
	for i := range 40 {
		a := addr("2001:db8::").As16()
		a[15] = byte(i)
		l.Addrs = append(l.Addrs, v6.IAAddr{Addr: netip.AddrFrom16(a), Preferred: time.Minute, Valid: v6.Forever})
	}
	s, problems := l.Settings(lease.Instant{Boot: start.Boot + 90*time.Second})
	require.Len(t, s.Addrs, 16)
	require.Equal(t, lease.Given{Prefix: netip.MustParsePrefix("2001:db8::/128"), Valid: v6.Forever}, s.Addrs[0])
	require.Len(t, problems, 3)
	for _, p := range problems {
		require.NotContains(t, p, "\n")
	}
	require.Equal(t, "search org\nnameserver 2001:db8::53\nnameserver fe80::53%eth0\n", string(s.AppendResolvConf(nil, "eth0")))
}
