package nft

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
	"github.com/netfs-project/netfs/nl/nltest"
)

func kernel(t testing.TB) (*nltest.NS, *nl.Client, context.Context) {
	t.Helper()
	nltest.CheckLeaks(t)
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Netfilter, &nl.Options{NS: ns.FD})
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	if err := Probe(ctx, c); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	} else {
		require.NoError(t, err)
	}
	return ns, c, ctx
}

const ruleset = `
table ip nat4 {
	chain post { type nat hook postrouting priority srcnat; policy accept; }
}
table inet filter {
	comment "the filter"
	counter hits { packets 3 bytes 400 }
	quota cap { over 10 mbytes }
	set bad { type ipv4_addr; flags timeout; timeout 1h; size 1000; }
	set nets { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 22-25 }; }
	map ports { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.1, 81 : 10.0.0.2 }; }
	map verdicts { type inet_service : verdict; }
	chain input {
		type filter hook input priority -10; policy drop;
		ct state established accept comment "known"
		ip saddr @bad drop
		jump extra
	}
	chain extra {
		tcp dport { 22, 80 } counter name "hits" accept
	}
}
table netdev dev {
	chain in { type filter hook ingress device "lo" priority 5; policy accept; }
}
table ip6 sleeping { flags dormant; }
`

func load(t testing.TB, ns *nltest.NS) {
	t.Helper()
	if out, err := ns.Input(t, ruleset, "nft", "-f", "-"); err != nil {
		t.Skipf("this kernel does not take the ruleset: %v: %s", err, out)
	}
}

func collect[T any](t testing.TB, seq func(func(*T, error) bool)) []T {
	t.Helper()
	var all []T
	for v, err := range seq {
		require.NoError(t, err)
		all = append(all, *v)
	}
	return all
}

// oracle is one object of nft -j.
type oracle map[string]struct {
	Family string          `json:"family"`
	Table  string          `json:"table"`
	Name   string          `json:"name"`
	Chain  string          `json:"chain"`
	Handle uint64          `json:"handle"`
	Type   json.RawMessage `json:"type"`
	Hook   string          `json:"hook"`
	Prio   *int32          `json:"prio"`
	Policy string          `json:"policy"`
	Dev    json.RawMessage `json:"dev"`
}

func ask(t *testing.T, ns *nltest.NS) []oracle {
	t.Helper()
	var out struct {
		Nftables []oracle `json:"nftables"`
	}
	require.NoError(t, json.Unmarshal([]byte(ns.Run(t, "nft", "-j", "-a", "list", "ruleset")), &out))
	return out.Nftables
}

var familyNames = map[uint8]string{
	nfnl.NFPROTO_INET: "inet", nfnl.NFPROTO_IPV4: "ip", nfnl.NFPROTO_IPV6: "ip6", nfnl.NFPROTO_ARP: "arp",
	nfnl.NFPROTO_NETDEV: "netdev", nfnl.NFPROTO_BRIDGE: "bridge",
}

var hookNames = map[uint32]string{
	NF_INET_PRE_ROUTING: "prerouting", NF_INET_LOCAL_IN: "input", NF_INET_FORWARD: "forward",
	NF_INET_LOCAL_OUT: "output", NF_INET_POST_ROUTING: "postrouting",
}

// TestAgainstNft compares what there is with what nft(8) lists.
func TestAgainstNft(t *testing.T) {
	ns, c, ctx := kernel(t)
	load(t, ns)
	ns.Run(t, "nft", "delete", "table", "ip6", "sleeping") // nft 1.0.6 breaks off at a table's flags
	key := func(kind string, family uint8, table, name string, handle uint64) string {
		return fmt.Sprintf("%s %s %s %s %d", kind, familyNames[family], table, name, handle)
	}
	var ours []string
	for _, v := range collect(t, Tables(ctx, c, 0)) {
		ours = append(ours, key("table", v.Header.Family, "", v.Name, v.Handle))
	}
	chains := map[string]Chain{}
	for _, v := range collect(t, Chains(ctx, c, 0, "")) {
		k := key("chain", v.Header.Family, v.Table, v.Name, v.Handle)
		ours, chains[k] = append(ours, k), v
	}
	for _, v := range collect(t, Sets(ctx, c, 0, "")) {
		kind := "set"
		switch {
		case v.Flags&NFT_SET_ANONYMOUS != 0:
			continue
		case v.Flags&(NFT_SET_MAP|NFT_SET_OBJECT) != 0:
			kind = "map"
		}
		ours = append(ours, key(kind, v.Header.Family, v.Table, v.Name, v.Handle))
	}
	for _, v := range collect(t, Rules(ctx, c, 0, "", "")) {
		ours = append(ours, key("rule", v.Header.Family, v.Table, v.Chain, v.Handle))
	}
	for _, v := range collect(t, Objects(ctx, c, 0, "", 0)) {
		kind := map[uint32]string{NFT_OBJECT_COUNTER: "counter", NFT_OBJECT_QUOTA: "quota"}[v.Type]
		ours = append(ours, key(kind, v.Header.Family, v.Table, v.Name, v.Handle))
	}

	var theirs []string
	for _, o := range ask(t, ns) {
		for kind, v := range o {
			if kind == "metainfo" {
				continue
			}
			name := v.Name
			if kind == "rule" {
				name = v.Chain
			}
			k := fmt.Sprintf("%s %s %s %s %d", kind, v.Family, v.Table, name, v.Handle)
			theirs = append(theirs, k)
			if kind != "chain" {
				continue
			}
			ch, ok := chains[k]
			require.True(t, ok, k)
			require.Equal(t, v.Prio != nil, ch.Has&ChainHook != 0, k)
			if v.Prio == nil {
				continue
			}
			require.Equal(t, *v.Prio, ch.Hook.Priority, k)
			require.Equal(t, v.Policy == "drop", ch.Policy == NF_DROP, k)
			require.JSONEq(t, string(v.Type), fmt.Sprintf("%q", ch.Type), k)
			if v.Family != "netdev" {
				require.Equal(t, v.Hook, hookNames[ch.Hook.Num], k)
			}
		}
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	require.Equal(t, theirs, ours)
	require.Greater(t, len(ours), 12)
}

func TestDetails(t *testing.T) {
	ns, c, ctx := kernel(t)
	load(t, ns)

	sleeping, err := GetTable(ctx, c, nfnl.NFPROTO_IPV6, "sleeping")
	require.NoError(t, err)
	require.Equal(t, uint32(NFT_TABLE_F_DORMANT), sleeping.Flags)
	filter, err := GetTable(ctx, c, nfnl.NFPROTO_INET, "filter")
	require.NoError(t, err)
	require.GreaterOrEqual(t, filter.Use, uint32(8)) // 2 chains, 4 sets, 2 objects
	require.Contains(t, string(filter.UserData), "the filter")

	dev, err := GetChain(ctx, c, nfnl.NFPROTO_NETDEV, "dev", "in")
	require.NoError(t, err)
	require.Equal(t, "filter", dev.Type)
	require.Equal(t, uint32(NF_NETDEV_INGRESS), dev.Hook.Num)
	require.Equal(t, []string{"lo"}, dev.Hook.Devs)
	require.Equal(t, "lo", dev.Hook.Dev)

	extra, err := GetChain(ctx, c, nfnl.NFPROTO_INET, "filter", "extra")
	require.NoError(t, err)
	require.Zero(t, extra.Has&ChainHook)
	require.Equal(t, uint32(2), extra.Use) // a rule and a jump

	bad, err := GetSet(ctx, c, nfnl.NFPROTO_INET, "filter", "bad")
	require.NoError(t, err)
	require.Equal(t, uint32(NFT_SET_TIMEOUT), bad.Flags)
	require.Equal(t, time.Hour, bad.Timeout)
	require.Equal(t, uint32(4), bad.KeyLen)
	require.Equal(t, uint32(1000), bad.Desc.Size)

	nets, err := GetSet(ctx, c, nfnl.NFPROTO_INET, "filter", "nets")
	require.NoError(t, err)
	require.Equal(t, uint32(NFT_SET_INTERVAL|NFT_SET_CONCAT), nets.Flags)
	require.Equal(t, []uint32{4, 2}, []uint32{nets.Desc.Concat[0].Len, nets.Desc.Concat[1].Len})

	ports, err := GetSet(ctx, c, nfnl.NFPROTO_INET, "filter", "ports")
	require.NoError(t, err)
	require.Equal(t, uint32(NFT_SET_MAP), ports.Flags&NFT_SET_MAP)
	require.Equal(t, uint32(2), ports.KeyLen)
	require.Equal(t, uint32(4), ports.DataLen)
	if ports.Has&SetCount != 0 { // Linux 6.16
		require.Equal(t, uint32(2), ports.Count)
		require.NotEmpty(t, ports.Backend)
	}

	hits, err := GetObject(ctx, c, nfnl.NFPROTO_INET, "filter", "hits", NFT_OBJECT_COUNTER)
	require.NoError(t, err)
	require.Equal(t, uint32(1), hits.Use)
	var n Counters
	require.NoError(t, n.Decode(hits.Data))
	require.Equal(t, uint64(3), n.Packets)
	require.Equal(t, uint64(400), n.Bytes)

	rules := collect(t, Rules(ctx, c, nfnl.NFPROTO_INET, "filter", "input"))
	require.Len(t, rules, 3)
	require.Contains(t, string(rules[0].UserData), "known")
	require.NotEmpty(t, rules[0].Exprs)

	_, err = GetTable(ctx, c, nfnl.NFPROTO_INET, "nothing")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Len(t, collect(t, Sets(ctx, c, nfnl.NFPROTO_INET, "filter")), 5)
	require.Empty(t, collect(t, Sets(ctx, c, nfnl.NFPROTO_IPV6, "sleeping")))
	require.Len(t, collect(t, Objects(ctx, c, nfnl.NFPROTO_INET, "filter", NFT_OBJECT_QUOTA)), 1)
	require.Len(t, collect(t, Chains(ctx, c, nfnl.NFPROTO_INET, "filter")), 2)

	none := 0
	for _, err := range Flowtables(ctx, c, 0, "") {
		if errors.Is(err, errors.ErrUnsupported) {
			break
		}
		require.NoError(t, err)
		none++
	}
	require.Zero(t, none)
}

func TestExprsOfRule(t *testing.T) {
	ns, c, ctx := kernel(t)
	load(t, ns)
	rules := collect(t, Rules(ctx, c, nfnl.NFPROTO_INET, "filter", "extra"))
	require.Len(t, rules, 1)
	var names []string
	for _, e := range rules[0].Exprs {
		names = append(names, e.Name)
	}
	require.Equal(t, []string{"meta", "cmp", "payload", "lookup", "objref", "immediate"}, names)
}

func TestGenerationAndEvents(t *testing.T) {
	ns, c, ctx := kernel(t)
	s, err := Subscribe(ctx, c)
	require.NoError(t, err)
	defer s.Close()
	before, err := Generation(ctx, c)
	require.NoError(t, err)
	load(t, ns)
	after, err := Generation(ctx, c)
	require.NoError(t, err)
	require.Equal(t, before.ID+1, after.ID)

	tables, chains, sets := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for ev, err := range Events(ctx, s) {
		require.NoError(t, err)
		switch ev.Msg {
		case NFT_MSG_NEWTABLE:
			tables[ev.Table.Name] = true
		case NFT_MSG_NEWCHAIN:
			chains[ev.Chain.Name] = true
		case NFT_MSG_NEWSET:
			sets[ev.Set.Name] = true
		}
		if ev.Msg == NFT_MSG_NEWGEN {
			require.Equal(t, after.ID, ev.Gen.ID)
			require.Equal(t, "nft", ev.Gen.ProcName)
			break
		}
	}
	require.Equal(t, map[string]bool{"nat4": true, "filter": true, "dev": true, "sleeping": true}, tables)
	require.Equal(t, map[string]bool{"post": true, "input": true, "extra": true, "in": true}, chains)
	require.Subset(t, sets, map[string]bool{"bad": true, "nets": true, "ports": true, "verdicts": true})

	ns.Run(t, "nft", "delete", "table", "ip6", "sleeping")
	for ev, err := range Events(ctx, s) {
		require.NoError(t, err)
		require.Equal(t, uint8(NFT_MSG_DELTABLE), ev.Msg)
		require.Equal(t, uint8(nfnl.NFPROTO_IPV6), ev.Family)
		require.Equal(t, "sleeping", ev.Table.Name)
		break
	}
}

// TestWatch follows the chains of a table.
func TestWatch(t *testing.T) {
	ns, c, ctx := kernel(t)
	load(t, ns)
	var told []string
	for e, err := range nl.Watch(ctx, c, ChainSource(c, nfnl.NFPROTO_INET, "filter")) {
		require.NoError(t, err)
		line := fmt.Sprint(e.What)
		if e.Value != nil {
			line += " " + e.Value.Name
		}
		told = append(told, line)
		if e.What == nl.SyncEnd {
			ns.Run(t, "nft", "add", "chain", "ip", "nat4", "unseen")
			ns.Run(t, "nft", "add", "chain", "inet", "filter", "late")
			ns.Run(t, "nft", "delete", "chain", "inet", "filter", "late")
		}
		if e.What == nl.Deleted {
			break
		}
	}
	require.Equal(t, []string{
		fmt.Sprint(nl.SyncBegin), fmt.Sprint(nl.Added, " input"), fmt.Sprint(nl.Added, " extra"), fmt.Sprint(nl.SyncEnd),
		fmt.Sprint(nl.Replaced, " late"), fmt.Sprint(nl.Deleted, " late"),
	}, told)
}

// TestDumpAllocatesNothing dumps tables of two sizes: the difference is what
// chains cost.
func TestDumpAllocatesNothing(t *testing.T) {
	ns, c, ctx := kernel(t)
	count := func() float64 {
		return testing.AllocsPerRun(5, func() {
			for _, err := range Chains(ctx, c, 0, "") {
				require.NoError(t, err)
			}
		})
	}
	make := func(n int) {
		src := "table ip many {\n"
		for i := range n {
			src += fmt.Sprintf("chain same%d { type filter hook input priority 0; }\n", i)
		}
		_, err := ns.Input(t, src+"}\n", "nft", "-f", "-")
		require.NoError(t, err)
	}
	make(10)
	few := count()
	make(300)
	t.Logf("%.0f allocations for 10, %.0f for 300", few, count())
	require.Less(t, count()-few, 2*290.0, "names are kept, nothing else")
}
