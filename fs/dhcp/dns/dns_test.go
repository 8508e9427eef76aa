package dns

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClean(t *testing.T) {
	l := Link{Index: 7, Name: "eth0"}
	addr := netip.MustParseAddr
	got, bad := clean(Config{
		Servers: []netip.Addr{addr("192.0.2.1"), addr("::ffff:192.0.2.1"), addr("fe80::1%eth0"), addr("fe80::1%7"), addr("2001:db8::1")},
		Search:  []string{"example.org.", "Example.ORG", "_x.b-c.example", strings.Repeat("a", 63) + ".example"},
		Default: true,
	}, l)
	require.Empty(t, bad)
	require.Equal(t, Config{
		Servers: []netip.Addr{addr("192.0.2.1"), addr("fe80::1"), addr("2001:db8::1")},
		Search:  []string{"example.org", "_x.b-c.example", strings.Repeat("a", 63) + ".example"},
		Default: true,
	}, got)

	for _, a := range []netip.Addr{{}, addr("0.0.0.0"), addr("0.1.2.3"), addr("255.255.255.255"), addr("224.0.0.251"), addr("127.0.0.53"), addr("::"), addr("::1"), addr("ff02::fb"), addr("fe80::1%eth1"), addr("2001:db8::1%eth0"), addr("::ffff:127.0.0.1")} {
		got, bad := clean(Config{Servers: []netip.Addr{a, addr("192.0.2.1")}}, l)
		require.Len(t, bad, 1, "%v", a)
		require.Equal(t, []netip.Addr{addr("192.0.2.1")}, got.Servers)
	}
	for _, d := range hostile {
		got, bad := clean(Config{Search: []string{d, "example.org"}}, l)
		require.Len(t, bad, 1, "%q", d)
		require.NotContains(t, bad[0].Error(), "\n")
		require.Less(t, len(bad[0].Error()), 400)
		require.Equal(t, []string{"example.org"}, got.Search)
	}
}

// hostile are names that mean something to a shell, to a file, or to nobody.
var hostile = []string{"", ".", "..", "a..b", ".a", "-a.example", "a-.example", "a b", "a\nnameserver 192.0.2.66", "$(id)", "`id`", "a;id", "a'b", `a"b`, "a*", "~.", "#a", "é.example", "a\x00b",
	strings.Repeat("a", 64) + ".example", strings.Repeat("a.", 200), strings.Repeat("\x01", 1000)}

func FuzzDomain(f *testing.F) {
	for _, d := range hostile {
		f.Add(d)
	}
	f.Add("example.org.")
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := domain(s)
		if !ok {
			return
		}
		require.LessOrEqual(t, len(d), 253)
		for _, c := range []byte(d) {
			require.True(t, plain(c) || c == '-' || c == '.', "%q", d)
		}
		again, ok := domain(d)
		require.True(t, ok)
		require.Equal(t, d, again)
	})
}

func TestRecord(t *testing.T) {
	for _, name := range []string{"eth0", "eth0.5", "br-lan", "eth0:1", "veth1@if2", "wg_0"} {
		got, err := record(Link{Name: name}, "netfs-dhcp4")
		require.NoError(t, err)
		require.Equal(t, name+".netfs-dhcp4", got)
	}
	for _, name := range []string{"", "-a", ".a", "~a", "a*", "a$b", "a b", "a\nb", "a;b", "a/b", "[a]"} {
		_, err := record(Link{Name: name}, "netfs-dhcp4")
		require.Error(t, err, "%q", name)
	}
}

func TestResolvConf(t *testing.T) {
	c := Config{Servers: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1")}, Search: []string{"a.example", "b.example"}}
	require.Equal(t, "search a.example b.example\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n", resolvConf(c, Link{Name: "eth0"}))
	require.Empty(t, resolvConf(Config{}, Link{Name: "eth0"}))
}

// TestReplace holds what a list of several owners owes to each of them.
func TestReplace(t *testing.T) {
	same := func(a, b int) bool { return a == b }
	rnd := rand.New(rand.NewPCG(1, 2))
	some := func() []int { return rnd.Perm(8)[:rnd.IntN(5)] }
	for range 20000 {
		list, next, old, others := some(), some(), some(), some()
		got, changed := replace(list, next, old, others, same)
		require.Equal(t, !slices.Equal(list, got), changed)
		for _, x := range next {
			require.Contains(t, got, x)
		}
		var foreign, left []int
		for _, x := range list {
			if !slices.Contains(next, x) && (!slices.Contains(old, x) || slices.Contains(others, x)) {
				foreign = append(foreign, x)
			}
		}
		for _, x := range got {
			if !slices.Contains(next, x) {
				left = append(left, x)
			}
		}
		require.Equal(t, foreign, left, "what is of others stays, in its order")
		again, changed := replace(got, next, next, others, same)
		require.False(t, changed, "a renewal changes nothing")
		require.Equal(t, got, again)
	}
	// Two owners who want the same in another order leave each other alone.
	list, _ := replace(nil, []int{1, 3}, nil, nil, same)
	list, _ = replace(list, []int{2, 3}, nil, []int{1, 3}, same)
	for range 3 {
		_, a := replace(list, []int{1, 3}, []int{1, 3}, []int{2, 3}, same)
		_, b := replace(list, []int{2, 3}, []int{2, 3}, []int{1, 3}, same)
		require.False(t, a || b)
	}
	// A server's new order is taken.
	got, changed := replace([]int{9, 1, 2}, []int{2, 1}, []int{1, 2}, nil, same)
	require.True(t, changed)
	require.Equal(t, []int{9, 2, 1}, got)
}

func TestTurn(t *testing.T) {
	s := New()
	s.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Set(ctx, Link{}, "x", Resolved, Config{}, Config{})
	require.ErrorIs(t, err, context.Canceled)
}
