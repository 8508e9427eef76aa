package lease

import (
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/netfs-project/netfs/dhcp/v4"

	"github.com/stretchr/testify/require"
)

// ack is an acknowledgement with most of what can be set.
func ack(t testing.TB) []byte {
	m := &v4.Message{Op: v4.BootReply, HType: v4.Ethernet, YIAddr: netip.MustParseAddr("192.0.2.7")}
	o := &m.Options
	o.SetType(v4.Ack)
	require.NoError(t, o.SetAddr(v4.OptServerID, netip.MustParseAddr("192.0.2.1")))
	o.SetDuration(v4.OptLeaseTime, time.Hour)
	require.NoError(t, o.SetSubnetMask(24))
	require.NoError(t, o.SetAddr(v4.OptRouters, netip.MustParseAddr("192.0.2.1")))
	require.NoError(t, o.SetAddr(v4.OptDNS, netip.MustParseAddr("192.0.2.1")))
	require.NoError(t, o.SetNames(v4.OptDomainSearch, "example.com"))
	require.NoError(t, o.SetClasslessRoutes(v4.Route{Dst: netip.MustParsePrefix("10.0.0.0/8"), Gateway: netip.MustParseAddr("192.0.2.2")}))
	o.SetUint16(v4.OptMTU, 1400)
	b, err := m.Append(nil)
	require.NoError(t, err)
	return b
}

// Whatever a server says, what is set of it is within bounds, and names are names.
func FuzzSettings(f *testing.F) {
	f.Add(ack(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := v4.Decode(b)
		if err != nil {
			return
		}
		now := Instant{Boot: time.Hour}
		l, err := FromACK(m, now)
		if err != nil {
			return
		}
		require.True(t, l.Valid == v4.Forever || 0 < l.T1 && l.T1 < l.T2 && l.T2 < l.Valid)
		s, _ := l.Settings(now)
		require.NoError(t, Usable(s.Addr.Addr()))
		require.True(t, s.MTU == 0 || s.MTU >= minMTU)
		require.LessOrEqual(t, len(s.Routes), maxRoutes)
		require.LessOrEqual(t, len(s.DNS), maxDNS)
		require.LessOrEqual(t, len(s.Search), maxSearch)
		for _, r := range s.Routes {
			require.True(t, r.Dst.IsValid() && r.Dst == r.Dst.Masked() && (!r.Via.IsValid() || Usable(r.Via) == nil))
		}
		for _, n := range s.Search {
			require.True(t, isName(n), "%q", n)
		}
	})
}

// A file that anybody wrote is read without harm.
func FuzzStore(f *testing.F) {
	s := &Store{BootID: "one"}
	now := Instant{Boot: time.Hour, Wall: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	good, err := json.Marshal(record{Link: "eth0", BootID: "one", Started: now.Wall, Boot: now.Boot, ACK: ack(f)})
	require.NoError(f, err)
	f.Add(good)
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := s.decode(b, now)
		if err != nil {
			return
		}
		require.LessOrEqual(t, l.Start.Boot, now.Boot)
		l.Left(now)
		l.Settings(now)
	})
}
