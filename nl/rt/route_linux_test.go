package rt

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

// net4 makes v0 with addresses of both families.
func (b *bed) net4() (dev int32) {
	l, _ := b.pair("v0", "v1")
	b.addr(l.Hdr.Index, "10.0.0.1/24")
	b.addr(l.Hdr.Index, "2001:db8::1/64")
	return l.Hdr.Index
}

func route(dst string) *Route {
	r := &Route{Dst: netip.MustParsePrefix(dst), Table: RT_TABLE_MAIN}
	r.Hdr.Protocol, r.Hdr.Type = RTPROT_STATIC, RTN_UNICAST
	return r
}

func (b *bed) routes(f RouteFilter) (got []*Route) {
	b.t.Helper()
	f.Rest = true
	for r, err := range Routes(b.ctx, b.c, f) {
		require.NoError(b.t, err)
		body, err := r.AppendBody(nil) // a copy that shares nothing
		require.NoError(b.t, err)
		kept := &Route{Has: RouteRest}
		require.NoError(b.t, kept.Decode(body))
		kept.CacheInfo = r.CacheInfo
		got = append(got, kept)
	}
	return got
}

func TestRoutesAreWhatIpSays(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	gw, gw6 := netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("2001:db8::2")

	var batch []*Route
	add := func(dst string, f func(*Route)) {
		r := route(dst)
		f(r)
		batch = append(batch, r)
	}
	add("0.0.0.0/0", func(r *Route) { r.Gateway = gw })
	add("10.1.0.0/16", func(r *Route) { r.Gateway, r.OIF, r.Priority = gw, dev, 100 })
	add("10.2.0.0/16", func(r *Route) { r.OIF, r.Hdr.Scope = dev, RT_SCOPE_LINK })
	add("10.3.0.0/16", func(r *Route) {
		r.Gateway, r.Metrics = gw, Metrics{MTU: 1400, AdvMSS: 1360, Lock: 1 << RTAX_MTU, CCAlgo: "cubic", InitCwnd: 20}
	})
	add("10.4.0.0/16", func(r *Route) { r.Hdr.Type = RTN_BLACKHOLE })
	add("10.5.0.0/16", func(r *Route) { r.Hdr.Type = RTN_UNREACHABLE; r.Table = 100 })
	add("10.6.0.0/16", func(r *Route) { r.Gateway, r.Table, r.PrefSrc = gw, 1000, netip.MustParseAddr("10.0.0.1") })
	add("10.7.0.0/16", func(r *Route) {
		r.Hops = []Hop{
			{Hdr: RtNexthop{Index: dev, Hops: 2}, Gateway: gw},
			{Hdr: RtNexthop{Index: dev, Flags: RTNH_F_ONLINK}, Gateway: netip.MustParseAddr("10.9.9.9")},
		}
	})
	add("10.8.0.0/16", func(r *Route) { r.Via, r.OIF = gw6, dev })
	add("10.9.0.0/16", func(r *Route) { r.Gateway, r.Hdr.TOS = gw, 8 })
	add("2001:db8:1::/48", func(r *Route) { r.Gateway, r.Pref, r.OIF = gw6, 1, dev })
	add("2001:db8:2::/48", func(r *Route) {
		r.Hops = []Hop{{Hdr: RtNexthop{Index: dev}, Gateway: gw6}, {Hdr: RtNexthop{Index: dev}, Gateway: netip.MustParseAddr("2001:db8::3")}}
	})
	add("2001:db8:3::/48", func(r *Route) { r.Gateway, r.Expires = gw6, 500*time.Second })
	add("::/0", func(r *Route) { r.Gateway, r.OIF = gw6, dev })
	bt := b.c.NewBatch()
	for _, r := range batch {
		require.NoError(t, bt.Add(r.Add()))
	}
	require.NoError(t, bt.Do(b.ctx))

	for _, family := range []string{"-4", "-6"} {
		f := RouteFilter{Family: AF_INET}
		if family == "-6" {
			f.Family = AF_INET6
		}
		got, want := b.routes(f), b.ip(family+" -N -d -j route show table all")
		require.Len(t, got, len(want), family)
		for i, r := range got {
			assert.Empty(t, r.Rest, "%s: unknown attributes", r.Dst)
			checkRoute(t, r, want[i], b)
		}
	}
}

func checkRoute(t *testing.T, r *Route, w obj, b *bed) {
	t.Helper()
	what := fmt.Sprint(w)
	dst := r.Prefix().String()
	switch {
	case r.Prefix().Bits() == 0:
		dst = "default"
	case r.Prefix().IsSingleIP():
		dst = r.Prefix().Addr().String()
	}
	assert.Equal(t, w["dst"], dst, what)
	assert.EqualValues(t, num(w["metric"]), r.Priority, what)
	assert.Equal(t, w["protocol"], strconv.Itoa(int(r.Hdr.Protocol)), what)
	table := "254"
	if s, ok := w["table"].(string); ok {
		table = s
	}
	assert.Equal(t, table, strconv.Itoa(int(r.Table)), what)
	assert.Equal(t, w["type"], strconv.Itoa(int(r.Hdr.Type)), what)
	assert.Equal(t, w["scope"], strconv.Itoa(int(r.Hdr.Scope)), what)
	if s, ok := w["gateway"].(string); ok {
		assert.Equal(t, s, r.Gateway.String(), what)
	} else {
		assert.False(t, r.Gateway.IsValid(), what)
	}
	assert.Equal(t, dig(w, "via", "host") != nil, r.Via.IsValid(), what)
	if s, ok := w["dev"].(string); ok {
		assert.Equal(t, b.link(s).Hdr.Index, r.OIF, what)
	}
	if s, ok := w["prefsrc"].(string); ok {
		assert.Equal(t, s, r.PrefSrc.String(), what)
	}
	hops, _ := w["nexthops"].([]any)
	require.Len(t, r.Hops, len(hops), what)
	for i, h := range hops {
		assert.Equal(t, dig(h, "gateway"), r.Hops[i].Gateway.String(), what)
		assert.EqualValues(t, num(dig(h, "weight")), r.Hops[i].Hdr.Hops+1, what)
	}
	if list, ok := w["metrics"].([]any); ok {
		m := list[0]
		assert.EqualValues(t, num(dig(m, "mtu")), r.Metrics.MTU, what)
		assert.EqualValues(t, num(dig(m, "advmss")), r.Metrics.AdvMSS, what)
		assert.EqualValues(t, num(dig(m, "initcwnd")), r.Metrics.InitCwnd, what)
		if s, ok := dig(m, "congestion").(string); ok {
			assert.Equal(t, s, r.Metrics.CCAlgo, what)
		}
	}
	if e, ok := w["expires"]; ok {
		assert.InDelta(t, num(e), r.CacheInfo.Expires/100, 1, what)
	}
	assert.Equal(t, map[any]uint8{nil: 0, "medium": 0, "high": 1, "low": 3}[w["pref"]], r.Pref, what)
}

func TestRouteFilters(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	gw := netip.MustParseAddr("10.0.0.2")
	for i, f := range []func(*Route){
		func(r *Route) { r.Gateway = gw },
		func(r *Route) { r.Gateway, r.Table = gw, 1000 },
		func(r *Route) { r.Gateway, r.Hdr.Protocol = gw, RTPROT_BGP },
		func(r *Route) { r.Hdr.Type = RTN_BLACKHOLE },
		func(r *Route) {
			r.Hops = []Hop{{Hdr: RtNexthop{Index: dev}, Gateway: gw}, {Hdr: RtNexthop{Index: dev}, Gateway: gw}}
		},
	} {
		r := route(fmt.Sprintf("10.%d.0.0/16", i+1))
		f(r)
		b.do(r.Add())
	}
	count := func(f RouteFilter) (dsts []string) {
		for _, r := range b.routes(f) {
			if r.Table != RT_TABLE_LOCAL {
				dsts = append(dsts, r.Prefix().String())
			}
		}
		return dsts
	}
	assert.Equal(t, []string{"10.2.0.0/16"}, count(RouteFilter{Table: 1000}))
	assert.Equal(t, []string{"10.3.0.0/16"}, count(RouteFilter{Protocol: RTPROT_BGP}))
	assert.Equal(t, []string{"10.4.0.0/16"}, count(RouteFilter{Type: RTN_BLACKHOLE}))
	assert.Empty(t, count(RouteFilter{Table: 4711}), "a table that is not there")
	assert.ElementsMatch(t, []string{"10.0.0.0/24", "10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.5.0.0/16"},
		count(RouteFilter{Family: AF_INET, OIF: dev}))
	main := count(RouteFilter{Family: AF_INET6, Table: RT_TABLE_MAIN})
	assert.Contains(t, main, "2001:db8::/64")
	n := 0
	for range Routes(b.ctx, b.c, RouteFilter{}) {
		n++
		break // and the next dump must not see the rest of this one
	}
	assert.Equal(t, 1, n)
	assert.NotEmpty(t, count(RouteFilter{}))
}

func TestRouteErrorsNameTheAttribute(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	r := route("10.1.0.0/16")
	r.Hops = []Hop{
		{Hdr: RtNexthop{Index: dev}, Gateway: netip.MustParseAddr("10.0.0.2")},
		{Hdr: RtNexthop{Index: dev}, Gateway: netip.MustParseAddr("172.16.0.1")},
	}
	err := b.c.Do(b.ctx, r.Add())
	var e *nl.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "RTM_NEWROUTE", e.Op)
	assert.ErrorIs(t, err, syscall.ENETUNREACH)

	vx := &Link{Name: "vx0"}
	require.NoError(t, vx.SetKind("vxlan", &VXLAN{ID: 1 << 25}))
	err = b.c.Do(b.ctx, vx.Add())
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "IFLA_LINKINFO.IFLA_INFO_DATA.IFLA_VXLAN_ID", e.Attr)

	a := &Addr{}
	a.SetPrefix(netip.MustParsePrefix("10.0.0.9/24"))
	a.Hdr.Index, a.CacheInfo = dev, IfaCacheInfo{Preferred: 9, Valid: 5}
	err = b.c.Do(b.ctx, a.Add())
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "RTM_NEWADDR", e.Op)

	r = route("10.1.0.0/16")
	r.OIF, r.Hdr.Scope = dev, RT_SCOPE_NOWHERE
	require.ErrorAs(t, b.c.Do(b.ctx, r.Add()), &e)
	r = route("10.1.0.0/16")
	r.OIF = 999
	assert.ErrorIs(t, b.c.Do(b.ctx, r.Add()), syscall.ENODEV)
	r = route("10.1.0.0/16")
	r.Gateway = netip.MustParseAddr("172.16.0.1")
	assert.ErrorIs(t, b.c.Do(b.ctx, r.Add()), syscall.ENETUNREACH)
	r.Gateway = netip.MustParseAddr("10.0.0.2")
	b.do(r.Add())
	assert.ErrorIs(t, b.c.Do(b.ctx, r.Add()), syscall.EEXIST)
	b.do(r.Replace())
	b.do(r.Change())
	b.do(r.Del())
	assert.ErrorIs(t, b.c.Do(b.ctx, r.Del()), syscall.ESRCH)
	assert.ErrorIs(t, b.c.Do(b.ctx, r.Change()), syscall.ENOENT)
}

// In RTA_GATEWAY of an IPv4 route the kernel would take the first 4 bytes of an IPv6 address.
func TestGatewayOfTheOtherFamily(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	gw6 := netip.MustParseAddr("2001:db8::2")
	one, two := route("10.1.0.0/16"), route("10.2.0.0/16")
	one.Gateway = gw6
	two.Hops = []Hop{
		{Hdr: RtNexthop{Index: dev}, Gateway: gw6},
		{Hdr: RtNexthop{Index: dev}, Gateway: netip.MustParseAddr("10.0.0.2")},
	}
	b.do(one.Add())
	b.do(two.Add())
	got := b.routes(RouteFilter{Family: AF_INET, Protocol: RTPROT_STATIC})
	require.Len(t, got, 2)
	assert.Equal(t, gw6, got[0].Via)
	assert.Equal(t, gw6, got[0].NextHop())
	require.Len(t, got[1].Hops, 2)
	assert.Equal(t, gw6, got[1].Hops[0].NextHop())
	assert.Contains(t, b.ns.Run(t, "ip", "route", "show"), "10.1.0.0/16 via inet6 2001:db8::2 dev v0")
}

func TestLookup(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	r := route("10.1.0.0/16")
	r.Gateway = netip.MustParseAddr("10.0.0.2")
	r.Priority = 42
	b.do(r.Add())
	q, got := &Route{Dst: netip.MustParsePrefix("10.1.2.3/32")}, &Route{}
	require.NoError(t, Lookup(b.ctx, b.c, q, got))
	assert.Equal(t, "10.1.2.3/32", got.Dst.String())
	assert.Equal(t, r.Gateway, got.Gateway)
	assert.EqualValues(t, RT_TABLE_MAIN, got.Table)
	assert.Equal(t, "10.0.0.1", got.PrefSrc.String())
	assert.Equal(t, dev, got.OIF)

	q.Hdr.Flags = RTM_F_FIB_MATCH
	require.NoError(t, Lookup(b.ctx, b.c, q, got))
	assert.Equal(t, "10.1.0.0/16", got.Dst.String())
	assert.EqualValues(t, 42, got.Priority)

	q = &Route{Dst: netip.MustParsePrefix("172.16.0.1/32")}
	assert.ErrorIs(t, Lookup(b.ctx, b.c, q, got), syscall.ENETUNREACH)
	q = &Route{Dst: netip.MustParsePrefix("2001:db8::5/128"), UID: 0, Has: RouteUID}
	require.NoError(t, Lookup(b.ctx, b.c, q, got))
	assert.Equal(t, "2001:db8::1", got.PrefSrc.String())
}

func TestEncapIP(t *testing.T) {
	b := newBed(t)
	b.net4()
	b.make("vx0", "vxlan", &VXLAN{Port: 4789, CollectMetadata: true})
	dev := b.up("vx0").Hdr.Index
	r := route("10.1.0.0/16")
	r.OIF = dev
	e := &EncapIP{ID: 100, Dst: netip.MustParseAddr("10.0.0.9"), TTL: 7}
	var err error
	r.Encap, err = e.AppendBody(nil)
	require.NoError(t, err)
	r.EncapType = LWTUNNEL_ENCAP_IP
	if err := b.c.Do(b.ctx, r.Add()); errors.Is(err, syscall.EOPNOTSUPP) {
		t.Skip("no light-weight tunnels in this kernel")
	} else {
		require.NoError(t, err)
	}
	got := b.routes(RouteFilter{Family: AF_INET, OIF: dev})
	require.Len(t, got, 1)
	d := &EncapIP{Has: EncapIPRest}
	require.NoError(t, d.Decode(got[0].Encap))
	assert.EqualValues(t, 100, d.ID)
	assert.Equal(t, e.Dst, d.Dst)
	assert.EqualValues(t, 7, d.TTL)
	assert.Empty(t, d.Rest)
	w := b.ip("-j -d route show dev vx0")[0]
	assert.EqualValues(t, num(dig(w, "id")), d.ID)
}

func TestEncapMPLS(t *testing.T) {
	b := newBed(t)
	b.net4()
	r := route("10.1.0.0/16")
	r.Gateway = netip.MustParseAddr("10.0.0.2")
	e := &EncapMPLS{TTL: 9}
	e.SetLabels([]uint32{100, 200})
	var err error
	r.Encap, err = e.AppendBody(nil)
	require.NoError(t, err)
	r.EncapType = LWTUNNEL_ENCAP_MPLS
	if err := b.c.Do(b.ctx, r.Add()); errors.Is(err, syscall.EOPNOTSUPP) {
		t.Skip("no MPLS tunnels in this kernel")
	} else {
		require.NoError(t, err)
	}
	got := b.routes(RouteFilter{Family: AF_INET, Protocol: RTPROT_STATIC})
	require.Len(t, got, 1)
	assert.EqualValues(t, LWTUNNEL_ENCAP_MPLS, got[0].EncapType)
	d := &EncapMPLS{}
	require.NoError(t, d.Decode(got[0].Encap))
	assert.Equal(t, []uint32{100, 200}, d.Labels(nil))
	assert.Equal(t, e.Stack, d.Stack)
	assert.Contains(t, b.ns.Run(t, "ip", "route", "show"), "encap mpls  100/200 ttl 9")
}

func TestRulesAreWhatIpSays(t *testing.T) {
	b := newBed(t)
	add := func(f func(*Rule)) {
		m := &Rule{}
		m.Hdr.Action = FR_ACT_TO_TBL
		f(m)
		b.do(m.Add())
	}
	add(func(m *Rule) { m.Priority, m.Table, m.Src = 100, 1000, netip.MustParsePrefix("10.0.0.0/8") })
	add(func(m *Rule) {
		m.Priority, m.Table, m.Dst, m.Hdr.TOS = 101, 100, netip.MustParsePrefix("10.1.0.0/16"), 8
	})
	add(func(m *Rule) { m.Priority, m.Table, m.Mark, m.Mask, m.Protocol = 102, 254, 0x10, 0xff, RTPROT_STATIC })
	add(func(m *Rule) { m.Priority, m.Table, m.IIF, m.Hdr.Flags = 103, 254, "lo", FIB_RULE_INVERT })
	add(func(m *Rule) { m.Priority, m.Hdr.Action = 104, FR_ACT_PROHIBIT })
	add(func(m *Rule) { m.Priority, m.Hdr.Action, m.Goto = 105, FR_ACT_GOTO, 32766 })
	add(func(m *Rule) {
		m.Priority, m.Table, m.IPProto, m.SPort, m.DPort, m.UIDs = 106, 254, 6, PortRange{80, 80}, PortRange{1000, 2000}, UIDRange{0, 5}
	})
	add(func(m *Rule) { m.Priority, m.Table, m.Has = 107, 254, RuleSuppressPrefixLen })
	add(func(m *Rule) {
		m.Priority, m.Table, m.Src, m.OIF = 108, 254, netip.MustParsePrefix("2001:db8::/32"), "lo"
	})

	for _, family := range []string{"-4", "-6"} {
		f := RuleFilter{Family: AF_INET, Rest: true}
		if family == "-6" {
			f.Family = AF_INET6
		}
		want, i := b.ip(family+" -N -d -j rule show"), 0
		for m, err := range Rules(b.ctx, b.c, f) {
			require.NoError(t, err)
			require.Less(t, i, len(want))
			checkRule(t, m, want[i])
			i++
		}
		assert.Equal(t, len(want), i, family)
	}
	m := &Rule{Priority: 104}
	m.Hdr.Action = FR_ACT_PROHIBIT
	b.do(m.Del())
	assert.ErrorIs(t, b.c.Do(b.ctx, m.Del()), syscall.ENOENT)
}

func checkRule(t *testing.T, m *Rule, w obj) {
	t.Helper()
	what := fmt.Sprint(w)
	assert.Empty(t, m.Rest, what)
	assert.EqualValues(t, num(w["priority"]), m.Priority, what)
	for _, p := range []struct {
		k string
		v netip.Prefix
	}{{"src", m.Src}, {"dst", m.Dst}} {
		if s, ok := w[p.k].(string); ok && s != "all" {
			assert.Equal(t, s, p.v.Addr().String(), what)
			assert.EqualValues(t, num(w[p.k+"len"]), p.v.Bits(), what)
		} else {
			assert.False(t, p.v.IsValid(), what)
		}
	}
	if s, ok := w["table"].(string); ok {
		assert.Equal(t, s, strconv.Itoa(int(m.Table)), what)
	}
	if s, ok := w["fwmark"].(string); ok {
		assert.Equal(t, s, fmt.Sprintf("%#x", m.Mark), what)
		assert.Equal(t, w["fwmask"], fmt.Sprintf("%#x", m.Mask), what)
	}
	iif, _ := w["iif"].(string)
	assert.Equal(t, iif, m.IIF, what)
	oif, _ := w["oif"].(string)
	assert.Equal(t, oif, m.OIF, what)
	_, not := w["not"]
	assert.Equal(t, not, m.Hdr.Flags&FIB_RULE_INVERT != 0, what)
	if g, ok := w["goto"]; ok {
		assert.EqualValues(t, num(g), m.Goto, what)
	}
	if _, ok := w["sport"]; ok {
		assert.EqualValues(t, num(w["sport"]), m.SPort.Low, what)
		assert.EqualValues(t, num(w["dport_start"]), m.DPort.Low, what)
		assert.EqualValues(t, num(w["dport_end"]), m.DPort.High, what)
		assert.EqualValues(t, num(w["uid_end"]), m.UIDs.High, what)
	}
	if s, ok := w["suppress_prefixlen"]; ok {
		assert.EqualValues(t, num(s), m.SuppressPrefixLen, what)
		assert.True(t, m.Has.Has(RuleSuppressPrefixLen), what)
	} else {
		assert.EqualValues(t, -1, m.SuppressPrefixLen, what)
	}
	if s, ok := w["protocol"].(string); ok {
		assert.Equal(t, s, strconv.Itoa(int(m.Protocol)), what)
	}
}

func TestNeighsAreWhatIpSays(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	for i, dst := range []string{"10.0.0.9", "10.0.0.10", "2001:db8::9"} {
		m := &Neigh{Dst: netip.MustParseAddr(dst), LLAddr: mac, Protocol: uint8(i * 4)}
		m.Hdr.Index, m.Hdr.State = dev, NUD_PERMANENT
		if i == 1 {
			m.Hdr.State, m.FlagsExt = NUD_NONE, NTF_EXT_MANAGED
			m.LLAddr = nil
		}
		b.do(m.Add())
		assert.ErrorIs(t, b.c.Do(b.ctx, m.Add()), syscall.EEXIST)
	}
	p := &Neigh{Dst: netip.MustParseAddr("10.0.0.77")}
	p.Hdr.Index, p.Hdr.Flags = dev, NTF_PROXY
	b.do(p.Add())

	want := map[string]obj{}
	for _, r := range b.ip("-N -j neigh show nud all") {
		if s, ok := r["lladdr"].(string); ok && s == mac.String() || strings.HasPrefix(r["dst"].(string), "10.") {
			want[r["dst"].(string)] = r
		}
	}
	require.Len(t, want, 3)
	seen := 0
	for m, err := range Neighs(b.ctx, b.c, NeighFilter{Index: dev, Rest: true}) {
		require.NoError(t, err)
		assert.Empty(t, m.Rest)
		w := want[m.Dst.String()]
		if w == nil {
			continue
		}
		seen++
		ll, _ := w["lladdr"].(string)
		assert.Equal(t, ll, m.LLAddr.String())
		if m.Hdr.State&NUD_PERMANENT != 0 {
			assert.Equal(t, []string{"PERMANENT"}, words(w["state"]))
		}
		if s, ok := w["protocol"].(string); ok {
			assert.Equal(t, s, strconv.Itoa(int(m.Protocol)))
		}
		assert.Equal(t, m.Dst.String() == "10.0.0.10", m.FlagsExt&NTF_EXT_MANAGED != 0, m.Dst)
	}
	assert.Equal(t, 3, seen)
	var proxies []string
	for m, err := range Neighs(b.ctx, b.c, NeighFilter{Family: AF_INET, Proxy: true}) {
		require.NoError(t, err)
		proxies = append(proxies, m.Dst.String())
	}
	assert.Equal(t, []string{"10.0.0.77"}, proxies)
	q, got := &Neigh{Dst: netip.MustParseAddr("10.0.0.9")}, &Neigh{}
	q.Hdr.Index = dev
	require.NoError(t, GetNeigh(b.ctx, b.c, q, got))
	assert.Equal(t, mac, got.LLAddr)
	b.do(q.Del())
	assert.ErrorIs(t, GetNeigh(b.ctx, b.c, q, got), syscall.ENOENT)
}

func TestForwardingDatabase(t *testing.T) {
	b := newBed(t)
	b.pair("v0", "v1")
	br := b.make("br0", "bridge", nil)
	m := &Link{Name: "v0", Master: br.Hdr.Index}
	b.do(m.Change())
	port := b.link("v0").Hdr.Index
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 7}
	e := &Neigh{LLAddr: mac}
	e.Hdr.Family, e.Hdr.Index, e.Hdr.State, e.Hdr.Flags = AF_BRIDGE, port, NUD_PERMANENT, NTF_MASTER
	b.do(e.Add())
	found := 0
	for n, err := range Neighs(b.ctx, b.c, NeighFilter{Family: AF_BRIDGE, Rest: true}) {
		require.NoError(t, err)
		assert.Empty(t, n.Rest)
		if n.LLAddr.String() == mac.String() {
			assert.Equal(t, port, n.Hdr.Index)
			assert.Equal(t, br.Hdr.Index, n.Master)
			found++
		}
	}
	assert.NotZero(t, found) // a kernel whose bridges know VLANs has one for the default VLAN, too
	assert.Contains(t, b.ns.Run(t, "bridge", "fdb", "show", "dev", "v0"), mac.String()+" master br0 permanent")

	vx := b.make("vx0", "vxlan", &VXLAN{ID: 5, Port: 4789, Local: netip.MustParseAddr("127.0.0.1")})
	r := &Neigh{LLAddr: make(net.HardwareAddr, 6), Dst: netip.MustParseAddr("10.9.9.9"), Port: 4790, VNI: 77}
	r.Hdr.Family, r.Hdr.Index, r.Hdr.State, r.Hdr.Flags = AF_BRIDGE, vx.Hdr.Index, NUD_PERMANENT, NTF_SELF
	b.do(r.Append())
	found = 0
	for n, err := range Neighs(b.ctx, b.c, NeighFilter{Family: AF_BRIDGE, Index: vx.Hdr.Index}) {
		require.NoError(t, err)
		assert.Equal(t, "10.9.9.9", n.Dst.String())
		assert.EqualValues(t, 4790, n.Port)
		assert.EqualValues(t, 77, n.VNI)
		found++
	}
	assert.Equal(t, 1, found)
}

func TestNexthopsAreWhatIpSays(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	one := &Nexthop{ID: 1, Gateway: netip.MustParseAddr("10.0.0.2"), OIF: dev}
	one.Hdr.Protocol = RTPROT_STATIC
	if err := b.c.Do(b.ctx, one.Add()); errors.Is(err, syscall.EOPNOTSUPP) {
		t.Skip("no nexthop objects in this kernel")
	} else {
		require.NoError(t, err)
	}
	b.do((&Nexthop{ID: 2, Gateway: netip.MustParseAddr("2001:db8::2"), OIF: dev}).Add())
	b.do((&Nexthop{ID: 3, Blackhole: true}).Add())
	b.do((&Nexthop{ID: 4, Gateway: netip.MustParseAddr("10.0.0.3"), OIF: dev}).Add())
	g := &Nexthop{ID: 10, Group: make([]NexthopGrp, 2)}
	g.Group[0].ID, g.Group[1].ID = 1, 4
	g.Group[1].SetWeight(7)
	b.do(g.Add())
	res := &Nexthop{ID: 11, Group: g.Group, GroupType: NEXTHOP_GRP_TYPE_RES}
	res.ResGroup = ResGroup{Buckets: 8, IdleTimer: 60 * time.Second}
	b.do(res.Add())

	want := b.ip("-N -d -j nexthop show")
	i := 0
	for m, err := range Nexthops(b.ctx, b.c, NexthopFilter{Rest: true}) {
		require.NoError(t, err)
		w := want[i]
		i++
		what := fmt.Sprint(w)
		assert.Empty(t, m.Rest, what)
		assert.EqualValues(t, num(w["id"]), m.ID)
		if s, ok := w["gateway"].(string); ok {
			assert.Equal(t, s, m.Gateway.String(), what)
		}
		_, black := w["blackhole"]
		assert.Equal(t, black, m.Blackhole, what)
		group, _ := w["group"].([]any)
		require.Len(t, m.Group, len(group), what)
		for i, e := range group {
			assert.EqualValues(t, num(dig(e, "id")), m.Group[i].ID)
			if v := dig(e, "weight"); v != nil {
				assert.EqualValues(t, num(v), m.Group[i].Weight())
			}
		}
		if m.ID == 11 {
			assert.EqualValues(t, 8, m.ResGroup.Buckets)
			assert.Equal(t, 60*time.Second, m.ResGroup.IdleTimer)
		}
	}
	assert.Equal(t, len(want), i)
	n := 0
	for m, err := range Buckets(b.ctx, b.c, 11) {
		require.NoError(t, err)
		assert.Contains(t, []uint32{1, 4}, m.ResBucket.NHID)
		n++
	}
	assert.Equal(t, 8, n)
	n = 0
	for m, err := range Nexthops(b.ctx, b.c, NexthopFilter{Groups: true}) {
		require.NoError(t, err)
		assert.NotEmpty(t, m.Group)
		n++
	}
	assert.Equal(t, 2, n)
	r := route("10.1.0.0/16")
	r.NHID = 10
	b.do(r.Add())
	got := b.routes(RouteFilter{Family: AF_INET, Protocol: RTPROT_STATIC})
	require.Len(t, got, 1)
	assert.EqualValues(t, 10, got[0].NHID)
	require.NoError(t, GetNexthop(b.ctx, b.c, 10, one))
	assert.Len(t, one.Group, 2)
	b.do((&Nexthop{ID: 11}).Del())
	assert.ErrorIs(t, GetNexthop(b.ctx, b.c, 11, one), syscall.ENOENT)
}

func TestNSIDs(t *testing.T) {
	b, far := newBed(t), newBed(t)
	q := &NSID{FD: uint32(far.ns.FD), ID: 55}
	b.do(q.Add())
	got := &NSID{}
	require.NoError(t, GetNSID(b.ctx, b.c, &NSID{FD: uint32(far.ns.FD)}, got))
	assert.EqualValues(t, 55, got.ID)
	n := 0
	for m, err := range NSIDs(b.ctx, b.c) {
		require.NoError(t, err)
		assert.EqualValues(t, 55, m.ID)
		n++
	}
	assert.Equal(t, 1, n)
}

func TestNeighTables(t *testing.T) {
	b := newBed(t)
	dev := b.net4()
	var names []string
	for m, err := range NeighTables(b.ctx, b.c, AF_UNSPEC) {
		require.NoError(t, err)
		assert.Empty(t, m.Rest)
		if m.Parms.IfIndex == 0 {
			names = append(names, m.Name)
			assert.NotZero(t, m.Thresh3)
			assert.NotZero(t, m.Config.EntrySize)
		}
	}
	assert.ElementsMatch(t, []string{"arp_cache", "ndisc_cache"}, names)
	q := &NeighTable{Name: "arp_cache"}
	q.Hdr.Family = AF_INET
	q.Parms.IfIndex = dev
	q.Parms.BaseReachableTime = 45 * time.Second
	q.Parms.QueueLen = 50
	b.do(q.Set())
	for m, err := range NeighTables(b.ctx, b.c, AF_INET) {
		require.NoError(t, err)
		if m.Parms.IfIndex == dev {
			assert.Equal(t, 45*time.Second, m.Parms.BaseReachableTime)
		}
	}
}

// Real messages have more in them than ours.
func TestDecodingRealLinksDoesNotAllocate(t *testing.T) {
	b := newBed(t)
	b.net4()
	var bodies [][]byte
	for m, err := range b.c.Dump(b.ctx, nl.Request{Type: RTM_GETLINK, Body: &Link{}}) {
		require.NoError(t, err)
		bodies = append(bodies, append([]byte(nil), m.Data...))
	}
	l := &Link{Has: LinkRest}
	all := func() {
		for _, body := range bodies {
			_ = l.Decode(body)
		}
	}
	all()
	assert.Zero(t, testing.AllocsPerRun(50, all))
}

func BenchmarkDumpRoutes(b *testing.B) {
	const rows = 20000
	ns := nltest.NewNS(b)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(b, err)
	defer c.Close()
	bt := c.NewBatch()
	for i := range rows {
		r := &Route{Dst: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32), OIF: 1}
		r.Hdr.Type, r.Hdr.Table, r.Hdr.Scope, r.Table = RTN_UNICAST, RT_TABLE_MAIN, RT_SCOPE_LINK, RT_TABLE_MAIN
		require.NoError(b, bt.Add(r.Add()))
	}
	require.NoError(b, bt.Do(b.Context()))
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for _, err := range Routes(b.Context(), c, RouteFilter{Family: AF_INET, Table: RT_TABLE_MAIN}) {
			require.NoError(b, err)
			n++
		}
		require.Equal(b, rows, n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/route")
}
