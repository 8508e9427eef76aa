package lease

import (
	"net/netip"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/v6"

	"github.com/stretchr/testify/require"
)

// A file that anybody wrote is read without harm, and what is taken from it can be used and saved.
func FuzzStore6(f *testing.F) {
	s := &Store{BootID: "one"}
	k := Key6{Link: "eth0", DUID: v6.DUID{0, 4, 1, 2, 3}, IAID: 7}
	now := Instant{Boot: time.Hour, Wall: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	good, err := s.encode6(k, &Lease6{
		Server: v6.DUID{0, 3, 0, 1, 9}, Start: now, T1: time.Minute, T2: time.Minute, Reply: &v6.Message{Type: v6.Reply},
		Addrs:    []v6.IAAddr{{Addr: netip.MustParseAddr("2001:db8::1"), Preferred: time.Hour, Valid: time.Hour}},
		Prefixes: []v6.IAPrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/56"), Preferred: 1, Valid: v6.Forever}},
	})
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := s.decode6(b, k, now)
		if err != nil {
			return
		}
		for _, at := range []Instant{now, {}, {Boot: l.Expires()}} {
			if left := l.Prune(at); left != nil {
				left.Settings(at)
				require.Greater(t, left.Next(), at.Boot)
			}
		}
		b, err = s.encode6(k, l)
		require.NoError(t, err)
		again, err := s.decode6(b, k, now)
		require.NoError(t, err)
		require.Equal(t, l.Addrs, again.Addrs)
		require.Equal(t, l.Prefixes, again.Prefixes)
	})
}
