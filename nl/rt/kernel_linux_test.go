package rt

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
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

// A bed is a namespace of the test's own and a client in it.
type bed struct {
	t   *testing.T
	ns  *nltest.NS
	c   *nl.Client
	ctx context.Context
}

func newBed(t *testing.T) *bed {
	t.Helper()
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return &bed{t, ns, c, ctx}
}

func (b *bed) do(r nl.Request) {
	b.t.Helper()
	require.NoError(b.t, b.c.Do(b.ctx, r))
}

// make makes a link, and skips the test if the kernel has not got its kind.
func (b *bed) make(name, kind string, k Kind) *Link {
	b.t.Helper()
	l := &Link{Name: name}
	require.NoError(b.t, l.SetKind(kind, k))
	err := b.c.Do(b.ctx, l.Add())
	if errors.Is(err, syscall.EOPNOTSUPP) {
		b.t.Skipf("no %s in this kernel", kind)
	}
	require.NoError(b.t, err)
	return b.link(name)
}

func (b *bed) link(name string) *Link {
	b.t.Helper()
	l, err := LinkByName(b.ctx, b.c, name)
	require.NoError(b.t, err)
	return l
}

func (b *bed) up(name string) *Link {
	b.t.Helper()
	l := b.link(name)
	q := &Link{}
	q.Hdr.Index = l.Hdr.Index
	q.SetFlag(IFF_UP, true)
	b.do(q.Change())
	return l
}

// pair makes two veths, up, with all that the kernel gives them when it notices the carrier.
func (b *bed) pair(one, two string) (l, peer *Link) {
	b.t.Helper()
	b.make(one, "veth", &Veth{Peer: &Link{Name: two}})
	l, peer = b.up(one), b.up(two)
	require.Eventually(b.t, func() bool { return b.settled(one) && b.settled(two) }, 10*time.Second, time.Millisecond)
	return l, peer
}

// settled says whether a link runs and has its IPv6 address.
func (b *bed) settled(name string) bool {
	l := b.link(name)
	for range Addrs(b.ctx, b.c, AddrFilter{Family: AF_INET6, Index: l.Hdr.Index}) {
		return l.OperState == IF_OPER_UP
	}
	return false
}

func (b *bed) addr(dev int32, prefix string) {
	b.t.Helper()
	a := &Addr{}
	a.Hdr.Index = dev
	a.SetPrefix(netip.MustParsePrefix(prefix))
	a.Flags = IFA_F_NODAD
	b.do(a.Add())
}

type obj = map[string]any

// ip runs an oracle that prints JSON.
func (b *bed) ip(words string) []obj {
	b.t.Helper()
	out := b.ns.Run(b.t, "ip", strings.Fields(words)...)
	var rows []obj
	if strings.TrimSpace(out) != "" {
		require.NoError(b.t, json.Unmarshal([]byte(out), &rows), out)
	}
	kept := rows[:0]
	for _, r := range rows { // ip prints {} for what its filter drops
		if len(r) > 0 {
			kept = append(kept, r)
		}
	}
	return kept
}

func num(v any) int64 {
	f, _ := v.(float64)
	return int64(f)
}

func dig(v any, path ...string) any {
	for _, p := range path {
		m, _ := v.(obj)
		v = m[p]
	}
	return v
}

func TestLinksAreWhatIpSays(t *testing.T) {
	b := newBed(t)
	b.pair("v0", "v1")
	for _, kind := range []string{"bridge", "ifb", "dummy"} {
		l := &Link{Name: kind + "0", MTU: 1400, TxQLen: 77, Alias: "an alias of " + kind, Group: 5}
		require.NoError(t, l.SetKind(kind, nil))
		l.Address = net.HardwareAddr{2, 0, 0, 0, 0, kind[0]}
		if err := b.c.Do(b.ctx, l.Add()); errors.Is(err, syscall.EOPNOTSUPP) {
			t.Logf("no %s in this kernel", kind)
		} else {
			require.NoError(t, err)
		}
	}
	q := &Link{Name: "bridge0"}
	q.Props.AltNames = []string{"the-bridge-with-a-long-name", "b2"}
	b.do(q.AddNames())
	m := &Link{Master: b.link("bridge0").Hdr.Index}
	m.Hdr.Index = b.link("v0").Hdr.Index
	b.do(m.Change())

	want := map[string]obj{}
	for _, r := range b.ip("-d -s -j link show") {
		want[r["ifname"].(string)] = r
	}
	n := 0
	for l, err := range Links(b.ctx, b.c, LinkFilter{Rest: true}) {
		require.NoError(t, err)
		n++
		w := want[l.Name]
		require.NotNil(t, w, l.Name)
		checkLink(t, l, w, b)
		assert.Empty(t, l.Rest, "%s has attributes that nobody knows", l.Name)
	}
	assert.Equal(t, len(want), n)
}

func checkLink(t *testing.T, l *Link, w obj, b *bed) {
	t.Helper()
	str := func(k string) string { s, _ := w[k].(string); return s }
	assert.EqualValues(t, num(w["ifindex"]), l.Hdr.Index)
	assert.EqualValues(t, num(w["mtu"]), l.MTU)
	assert.EqualValues(t, num(w["min_mtu"]), l.MinMTU)
	assert.EqualValues(t, num(w["max_mtu"]), l.MaxMTU)
	assert.EqualValues(t, num(w["txqlen"]), l.TxQLen)
	assert.EqualValues(t, num(w["promiscuity"]), l.Promiscuity)
	assert.EqualValues(t, num(w["num_tx_queues"]), l.NumTxQueues)
	assert.EqualValues(t, num(w["num_rx_queues"]), l.NumRxQueues)
	assert.EqualValues(t, num(w["gso_max_size"]), l.GSOMaxSize)
	assert.EqualValues(t, num(w["gso_max_segs"]), l.GSOMaxSegs)
	assert.Equal(t, str("qdisc"), l.QDisc)
	assert.Equal(t, str("ifalias"), l.Alias)
	assert.Equal(t, str("address"), l.Address.String())
	assert.Equal(t, str("broadcast"), l.Broadcast.String())
	kind, _ := dig(w, "linkinfo", "info_kind").(string)
	assert.Equal(t, kind, l.Info.Kind)
	slave, _ := dig(w, "linkinfo", "info_slave_kind").(string)
	assert.Equal(t, slave, l.Info.SlaveKind)
	// neighbour discovery goes on between the two readings
	assert.GreaterOrEqual(t, l.Stats.RxPackets, uint64(num(dig(w, "stats64", "rx", "packets"))))
	assert.GreaterOrEqual(t, l.Stats.TxBytes, uint64(num(dig(w, "stats64", "tx", "bytes"))))
	up := strings.Contains(strings.Join(words(w["flags"]), ","), "UP")
	assert.Equal(t, up, l.Up())
	assert.Equal(t, words(w["altnames"]), append([]string(nil), l.Props.AltNames...))
	master := ""
	if l.Master != 0 {
		m, err := LinkByIndex(b.ctx, b.c, l.Master)
		require.NoError(t, err)
		master = m.Name
	}
	assert.Equal(t, str("master"), master)
	state := []string{"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"}[l.OperState]
	assert.Equal(t, str("operstate"), state)
}

func words(v any) (s []string) {
	list, _ := v.([]any)
	for _, e := range list {
		s = append(s, e.(string))
	}
	return s
}

func TestLinkFilters(t *testing.T) {
	b := newBed(t)
	b.pair("v0", "v1")
	b.pair("v2", "v3")
	br := b.make("br0", "bridge", nil)
	m := &Link{Name: "v2", Master: br.Hdr.Index}
	b.do(m.Change())
	names := func(f LinkFilter) (s []string) {
		for l, err := range Links(b.ctx, b.c, f) {
			require.NoError(t, err)
			s = append(s, l.Name)
		}
		return s
	}
	assert.ElementsMatch(t, []string{"v0", "v1", "v2", "v3"}, names(LinkFilter{Kind: "veth"}))
	assert.ElementsMatch(t, []string{"v2"}, names(LinkFilter{Master: br.Hdr.Index}))
	assert.ElementsMatch(t, []string{"v2"}, names(LinkFilter{Master: br.Hdr.Index, Kind: "veth"}))
	assert.ElementsMatch(t, []string{"v2"}, names(LinkFilter{Family: AF_BRIDGE}))
	for l, err := range Links(b.ctx, b.c, LinkFilter{NoStats: true}) {
		require.NoError(t, err)
		assert.False(t, l.AF.Inet6.Has.Has(Inet6SpecStats), "statistics that were not wanted")
	}
}

func TestKinds(t *testing.T) {
	t.Run("bridge", func(t *testing.T) {
		b := newBed(t)
		want := &Bridge{
			ForwardDelay: 700 * time.Second / 100, HelloTime: 3 * time.Second, MaxAge: 15 * time.Second,
			AgeingTime: 123 * time.Second, STP: 1, Priority: 4096, GroupFwdMask: 8,
			HashMax: 1024, QueryInterval: 60 * time.Second, IGMPVersion: 3,
		}
		b.make("br0", "bridge", want)
		got := &Bridge{Has: BridgeRest}
		require.NoError(t, got.Decode(b.link("br0").Info.Data))
		assert.Empty(t, got.Rest)
		assert.Equal(t, want.ForwardDelay, got.ForwardDelay)
		assert.Equal(t, want.AgeingTime, got.AgeingTime)
		w := dig(b.ip("-d -j link show dev br0")[0], "linkinfo", "info_data")
		for k, v := range map[string]any{
			"forward_delay": got.ForwardDelay / (10 * time.Millisecond), "hello_time": got.HelloTime / (10 * time.Millisecond),
			"max_age": got.MaxAge / (10 * time.Millisecond), "ageing_time": got.AgeingTime / (10 * time.Millisecond),
			"stp_state": got.STP, "priority": got.Priority, "mcast_hash_max": got.HashMax,
			"mcast_query_intvl": got.QueryInterval / (10 * time.Millisecond), "mcast_igmp_version": got.IGMPVersion,
			"group_fwd_mask": strconv.Itoa(int(got.GroupFwdMask)), "vlan_default_pvid": got.VLANDefaultPVID,
			"mcast_startup_query_cnt": got.StartupQueryCount, "mcast_last_member_intvl": got.LastMemberInterval / (10 * time.Millisecond),
			"nf_call_iptables": attrBool(got.NFCallIPTables), "mcast_snooping": attrBool(got.Snooping),
		} {
			x := dig(w, k)
			if s, ok := x.(string); ok {
				assert.Equal(t, v, strings.TrimPrefix(s, "0x"), k)
			} else if x != nil {
				assert.EqualValues(t, num(x), v, k)
			}
		}
		b.pair("v0", "v1")
		port := &Link{Name: "v0", Master: b.link("br0").Hdr.Index}
		b.do(port.Change())
		q := &Link{Name: "v0"}
		p := &BridgePort{Cost: 55, Isolated: true, Has: BridgePortLearning}
		require.NoError(t, q.SetPort("bridge", p))
		b.do(q.Change())
		gp := &BridgePort{Has: BridgePortRest}
		require.NoError(t, gp.Decode(b.link("v0").Info.SlaveData))
		assert.Empty(t, gp.Rest)
		assert.EqualValues(t, 55, gp.Cost)
		assert.True(t, gp.Isolated)
		assert.False(t, gp.Learning)
		assert.True(t, gp.UnicastFlood)
		o := dig(b.ip("-d -j link show dev v0")[0], "linkinfo", "info_slave_data")
		assert.EqualValues(t, num(dig(o, "cost")), gp.Cost)
		assert.Equal(t, dig(o, "isolated"), gp.Isolated)
		assert.Equal(t, dig(o, "learning"), gp.Learning)
	})
	t.Run("vxlan", func(t *testing.T) {
		b := newBed(t)
		for i, want := range []*VXLAN{
			{ID: 7, Group: netip.MustParseAddr("239.1.1.1"), Local: netip.MustParseAddr("10.0.0.1"), Port: 4789, TTL: 9, Learning: true, Ageing: 55 * time.Second, PortRange: VXLANPorts{1000, 2000}, Limit: 99},
			{ID: 8, Group: netip.MustParseAddr("2001:db8::1"), Local: netip.MustParseAddr("2001:db8::2"), Port: 4790, Has: VXLANLearning},
		} {
			name := "vx" + strconv.Itoa(i)
			l := b.make("lo"+name, "veth", &Veth{Peer: &Link{Name: "p" + name}})
			want.Link = l.Hdr.Index
			b.make(name, "vxlan", want)
			got := &VXLAN{Has: VXLANRest}
			require.NoError(t, got.Decode(b.link(name).Info.Data))
			assert.Empty(t, got.Rest)
			w := dig(b.ip("-d -j link show dev " + name)[0], "linkinfo", "info_data")
			assert.EqualValues(t, num(dig(w, "id")), got.ID)
			assert.EqualValues(t, num(dig(w, "port")), got.Port)
			assert.EqualValues(t, num(dig(w, "port_range", "low")), got.PortRange.Low)
			assert.EqualValues(t, num(dig(w, "ttl")), got.TTL)
			assert.Equal(t, dig(w, "learning"), got.Learning)
			assert.EqualValues(t, num(dig(w, "ageing")), got.Ageing/time.Second)
			assert.Equal(t, want.Group, got.Group)
			assert.Equal(t, want.Local, got.Local)
			assert.Equal(t, want.Link, got.Link)
			if want.Group.Is4() {
				assert.Equal(t, dig(w, "group"), got.Group.String())
				assert.EqualValues(t, 99, got.Limit)
			}
		}
	})
	t.Run("macvlan", func(t *testing.T) {
		b := newBed(t)
		v, _ := b.pair("v0", "v1")
		l := &Link{Name: "mv0", Link: v.Hdr.Index}
		require.NoError(t, l.SetKind("macvlan", &MACVLAN{Mode: MACVLAN_MODE_BRIDGE, BCQueueLen: 2000}))
		err := b.c.Do(b.ctx, l.Add())
		if errors.Is(err, syscall.EOPNOTSUPP) {
			t.Skip("no macvlan in this kernel")
		}
		require.NoError(t, err)
		got := &MACVLAN{Has: MACVLANRest}
		g := b.link("mv0")
		require.NoError(t, got.Decode(g.Info.Data))
		assert.EqualValues(t, MACVLAN_MODE_BRIDGE, got.Mode)
		assert.EqualValues(t, 2000, got.BCQueueLen)
		assert.Equal(t, v.Hdr.Index, g.Link)
		assert.Equal(t, "bridge", dig(b.ip("-d -j link show dev mv0")[0], "linkinfo", "info_data", "mode"))
	})
	t.Run("vlan", func(t *testing.T) {
		b := newBed(t)
		v, _ := b.pair("v0", "v1")
		l := &Link{Name: "v0.5", Link: v.Hdr.Index}
		require.NoError(t, l.SetKind("vlan", &VLAN{
			ID: 5, Protocol: 0x88a8, Flags: VLANFlagBits{VLAN_FLAG_LOOSE_BINDING, VLAN_FLAG_LOOSE_BINDING},
			Egress: []QoSMap{{1, 2}, {3, 4}}, Ingress: []QoSMap{{5, 6}},
		}))
		err := b.c.Do(b.ctx, l.Add())
		if errors.Is(err, syscall.EOPNOTSUPP) {
			t.Skip("no vlan in this kernel")
		}
		require.NoError(t, err)
		got := &VLAN{}
		require.NoError(t, got.Decode(b.link("v0.5").Info.Data))
		assert.EqualValues(t, 5, got.ID)
		assert.ElementsMatch(t, []QoSMap{{1, 2}, {3, 4}}, got.Egress)
		w := dig(b.ip("-d -j link show dev v0.5")[0], "linkinfo", "info_data")
		assert.Equal(t, "802.1ad", dig(w, "protocol"))
		assert.EqualValues(t, 0x88a8, got.Protocol)
	})
	t.Run("vrf", func(t *testing.T) {
		b := newBed(t)
		b.make("vrf0", "vrf", &VRF{Table: 77})
		got := &VRF{}
		require.NoError(t, got.Decode(b.link("vrf0").Info.Data))
		assert.EqualValues(t, 77, got.Table)
	})
	t.Run("bond", func(t *testing.T) {
		b := newBed(t)
		b.make("bond0", "bond", &Bond{Mode: 1, MIIMon: 150 * time.Millisecond, Has: BondMode})
		got := &Bond{Has: BondRest}
		require.NoError(t, got.Decode(b.link("bond0").Info.Data))
		assert.EqualValues(t, 1, got.Mode)
		assert.Equal(t, 150*time.Millisecond, got.MIIMon)
		w := dig(b.ip("-d -j link show dev bond0")[0], "linkinfo", "info_data")
		assert.EqualValues(t, num(dig(w, "miimon")), got.MIIMon/time.Millisecond)
		assert.Equal(t, "active-backup", dig(w, "mode"))
	})
}

func attrBool(v bool) int {
	if v {
		return 1
	}
	return 0
}

func TestLinkMovesBetweenNamespaces(t *testing.T) {
	b, far := newBed(t), newBed(t)
	_, peer := b.pair("v0", "v1")
	q := &Link{NetNSFD: uint32(far.ns.FD)}
	q.Hdr.Index = peer.Hdr.Index
	b.do(q.Change())
	moved := far.link("v1")
	assert.True(t, moved.Has.Has(LinkLinkNSID))
	near := b.link("v0")
	require.True(t, near.Has.Has(LinkLinkNSID))

	// the namespace by the id that the kernel gave it here
	var names []string
	for l, err := range Links(b.ctx, b.c, LinkFilter{ByNSID: true, TargetNSID: near.LinkNSID}) {
		require.NoError(t, err)
		names = append(names, l.Name)
	}
	assert.ElementsMatch(t, []string{"lo", "v1"}, names)
}

func TestAddrsAreWhatIpSays(t *testing.T) {
	b := newBed(t)
	l, _ := b.pair("v0", "v1")
	for _, p := range []string{"10.0.0.1/24", "10.0.0.2/24", "2001:db8::1/64"} {
		b.addr(l.Hdr.Index, p)
	}
	a := &Addr{Label: "v0:x", Priority: 50, Proto: 42, Flags: IFA_F_NOPREFIXROUTE, Broadcast: netip.MustParseAddr("10.1.255.255")}
	a.Hdr.Index = l.Hdr.Index
	a.SetPrefix(netip.MustParsePrefix("10.1.0.1/16"))
	a.CacheInfo = IfaCacheInfo{Preferred: 500, Valid: 1000}
	b.do(a.Add())
	p := &Addr{}
	p.Hdr.Index = l.Hdr.Index
	p.SetPeer(netip.MustParseAddr("10.2.0.1"), netip.MustParsePrefix("10.2.0.2/32"))
	b.do(p.Add())
	assert.ErrorIs(t, b.c.Do(b.ctx, p.Add()), syscall.EEXIST)
	b.do(p.Replace())

	var want []obj
	for _, r := range b.ip("-d -j addr show") {
		for _, x := range r["addr_info"].([]any) {
			o := x.(obj)
			o["dev"] = r["ifindex"]
			want = append(want, o)
		}
	}
	var got []*Addr
	for a, err := range Addrs(b.ctx, b.c, AddrFilter{Rest: true}) {
		require.NoError(t, err)
		kept := *a
		got = append(got, &kept)
	}
	require.Len(t, got, len(want))
	for _, a := range got {
		w := findAddr(want, a.LocalAddr().String())
		require.NotNil(t, w, a.LocalAddr())
		assert.EqualValues(t, num(w["dev"]), a.Hdr.Index)
		assert.EqualValues(t, num(w["prefixlen"]), a.Hdr.PrefixLen)
		assert.EqualValues(t, uint32(num(w["valid_life_time"])), a.CacheInfo.Valid)
		assert.Empty(t, a.Rest)
		if s, ok := w["label"].(string); ok {
			assert.Equal(t, s, a.Label)
		}
		if s, ok := w["address"].(string); ok {
			assert.Equal(t, s, a.Peer().String())
		} else {
			assert.False(t, a.Peer().IsValid())
		}
		if s, ok := w["broadcast"].(string); ok {
			assert.Equal(t, s, a.Broadcast.String())
		}
		assert.Equal(t, w["noprefixroute"] == true, a.Flags&IFA_F_NOPREFIXROUTE != 0)
		assert.Equal(t, w["secondary"] == true, a.Flags&IFA_F_SECONDARY != 0)
		assert.Equal(t, w["nodad"] == true, a.Flags&IFA_F_NODAD != 0)
	}
	n := 0
	for a, err := range Addrs(b.ctx, b.c, AddrFilter{Family: AF_INET, Index: l.Hdr.Index}) {
		require.NoError(t, err)
		assert.Equal(t, l.Hdr.Index, a.Hdr.Index)
		assert.True(t, a.Address.Is4())
		n++
	}
	assert.Equal(t, 4, n)
	b.do(a.Del())
	assert.ErrorIs(t, b.c.Do(b.ctx, a.Del()), syscall.EADDRNOTAVAIL)
}

func findAddr(rows []obj, local string) obj {
	for _, r := range rows {
		if r["local"] == local {
			return r
		}
	}
	return nil
}

func TestNames(t *testing.T) {
	b := newBed(t)
	n, err := LoadNames(b.ctx, b.c)
	require.NoError(t, err)
	i, err := n.Index(b.ctx, "lo")
	require.NoError(t, err)
	assert.Equal(t, "lo", n.Name(b.ctx, i))

	l, _ := b.pair("v0", "v1") // after the snapshot
	i, err = n.Index(b.ctx, "v0")
	require.NoError(t, err)
	assert.EqualValues(t, l.Hdr.Index, i)
	assert.Equal(t, "v0", n.Name(b.ctx, i))
	q := &Link{Name: "v0"}
	q.Props.AltNames = []string{"a-name-of-more-than-fifteen"}
	b.do(q.AddNames())
	i, err = n.Index(b.ctx, "a-name-of-more-than-fifteen")
	require.NoError(t, err)
	assert.EqualValues(t, l.Hdr.Index, i)
	b.do(q.DelNames())

	for _, name := range []string{"v9", "", "if", strings.Repeat("x", 300)} {
		_, err = n.Index(b.ctx, name)
		require.Error(t, err, name)
		assert.ErrorIs(t, err, fs.ErrNotExist, name)
		assert.ErrorIs(t, err, syscall.ENODEV, name)
		assert.Contains(t, err.Error(), "no such device")
	}
	assert.Equal(t, "if999", n.Name(b.ctx, 999))
	i, err = n.Index(b.ctx, "if999")
	require.NoError(t, err)
	assert.Equal(t, 999, i)

	gone := b.link("v1")
	n.Update(gone, false)
	b.do((&Link{Name: "v1"}).Del())
	n.Update(gone, true)
	_, err = n.Index(b.ctx, "v1")
	assert.ErrorIs(t, err, fs.ErrNotExist)
}
