package nft

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

// statements are rules of an inet chain, each with what else there must be in the
// kernel: those it does not take are left out.
var statements = []string{
	`ct state established,related accept`,
	`ip saddr 10.0.0.0/8 tcp dport { 22, 80, 443 } counter accept comment "known ports"`,
	`ip6 saddr 2001:db8::/32 drop`,
	`meta mark set 0x2a`,
	`ct mark set meta mark and 0xff`,
	`meta mark set ct mark << 8`,
	`iifname "eth0" oifname != "lo" meta l4proto udp`,
	`tcp flags & (syn | ack) == syn tcp option maxseg size set 1400`,
	`tcp option sack-perm exists`,
	`udp dport 1000-2000 limit rate 10/second burst 5 packets`,
	`limit rate over 5 mbytes/minute drop`,
	`log prefix "in: " level warn flags all`,
	`log group 7 snaplen 64 queue-threshold 3`,
	`reject with icmpx admin-prohibited`,
	`meta l4proto tcp reject with tcp reset`,
	`ip protocol icmp reject with icmp host-unreachable`,
	`ip saddr @bad drop`,
	`tcp dport vmap @verdicts`,
	`add @seen { ip saddr timeout 1m limit rate 3/second }`,
	`update @bad { ip saddr }`,
	`counter name "hits"`,
	`quota name "cap"`,
	`quota over 25 mbytes drop`,
	`ct count over 20 drop`,
	`fib saddr . iif oif missing drop`,
	`fib daddr type local`,
	`socket transparent 1 meta mark set 1`,
	`rt classid 7`,
	`meta mark set numgen inc mod 8 offset 3`,
	`meta mark set jhash ip saddr mod 16 seed 0x11`,
	`meta mark set symhash mod 4`,
	`osf name "Linux"`,
	`ipsec in reqid 1`,
	`ip saddr . tcp dport @nets accept`,
	`ct original ip saddr 10.1.0.1`,
	`ct helper set "ftp-std"`,
	`ct timeout set "short"`,
	`ct expectation set "more"`,
	`synproxy mss 1460 wscale 7 timestamp sack-perm`,
	`tcp dport 80 synproxy name "guard"`,
	`meta nftrace set 1`,
	`ip dscp set cs1`,
	`ip ttl < 5 jump other`,
	`exthdr frag exists`,
	`meta hour "10:00"-"18:00"`,
	`meta length > 1000 goto other`,
	`tcp dport != { 5-9, 12 } return`,
	`meta mark set tcp dport map { 80 : 1, 443 : 2 }`,
	`continue`,
}

const around = `
table inet a {
	counter hits { }
	quota cap { over 10 mbytes }
	ct helper ftp-std { type "ftp" protocol tcp; }
	ct timeout short { protocol tcp; l3proto ip; policy = { established : 100, close : 4 }; }
	ct expectation more { protocol tcp; dport 9876; timeout 2m; size 8; l3proto ip; }
	synproxy guard { mss 1460; wscale 7; timestamp; }
	set bad { type ipv4_addr; flags dynamic,timeout; timeout 1h; size 1000; }
	set seen { type ipv4_addr; flags dynamic,timeout; size 100; }
	set nets { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/8 . 22-25 }; }
	map verdicts { type inet_service : verdict; elements = { 80 : accept, 81 : jump other }; }
	chain other { }
	chain c { }
}
`

// TestRulesThereAndBack makes rules by nft(8), reads them, makes the same table
// again by what was read, and has nft(8) list both.
func TestRulesThereAndBack(t *testing.T) {
	ns, c, ctx := kernel(t)
	if out, err := ns.Input(t, around, "nft", "-f", "-"); err != nil {
		t.Skipf("this kernel does not take the table: %v: %s", err, out)
	}
	taken, names, what := 0, map[string]bool{}, map[int][]Expr{}
	for _, s := range statements {
		if _, err := ns.Input(t, "add rule inet a c "+s+"\n", "nft", "-f", "-"); err != nil {
			t.Logf("not taken: %s", s)
			continue
		}
		taken++
	}
	require.Greater(t, taken, 25)

	tx := Begin(c, 0)
	add := func(msg uint8, b nl.Body) { t.Helper(); require.NoError(t, tx.Add(msg, nl.FlagCreate|nl.FlagExcl, b)) }
	table, err := GetTable(ctx, c, nfnl.NFPROTO_INET, "a")
	require.NoError(t, err)
	add(NFT_MSG_NEWTABLE, &Table{Header: inet, Name: "b", Flags: table.Flags, UserData: table.UserData})
	for o, err := range Objects(ctx, c, nfnl.NFPROTO_INET, "a", 0) {
		require.NoError(t, err)
		o.Data = again(t, NewObjectAttrs(o.Type), o.Data)
		add(NFT_MSG_NEWOBJ, &Object{Header: inet, Table: "b", Name: o.Name, Type: o.Type, Data: o.Data, UserData: o.UserData, Has: ObjectData})
	}
	for ch, err := range Chains(ctx, c, nfnl.NFPROTO_INET, "a") {
		require.NoError(t, err)
		add(NFT_MSG_NEWCHAIN, &Chain{Header: inet, Table: "b", Name: ch.Name})
	}
	// Anonymous sets get their names from the kernel: rules name them by number.
	numbers := map[string]uint32{}
	for s, err := range Sets(ctx, c, nfnl.NFPROTO_INET, "a") {
		require.NoError(t, err)
		v := *s
		numbers[s.Name] = uint32(len(numbers) + 1)
		v.ID, v.Handle, v.Has, v.Table = numbers[s.Name], 0, v.Has&^(SetHandle|SetBackend|SetCount), "b"
		v.Backend, v.Count = "", 0
		if v.Flags&NFT_SET_ANONYMOUS != 0 {
			v.Name = strings.TrimRight(v.Name, "0123456789") + "%d"
		}
		add(NFT_MSG_NEWSET, &v)
		for e, err := range Elements(ctx, c, nfnl.NFPROTO_INET, "a", s.Name) {
			require.NoError(t, err)
			add(NFT_MSG_NEWSETELEM, &Elems{Header: inet, Table: "b", SetName: v.Name, SetID: v.ID, Elems: []Elem{*e}})
		}
	}
	for r, err := range Rules(ctx, c, nfnl.NFPROTO_INET, "a", "c") {
		require.NoError(t, err)
		v := Rule{Header: inet, Table: "b", Chain: "c", UserData: r.UserData}
		for _, e := range r.Exprs {
			names[e.Name] = true
			a, err := e.Attrs()
			require.NoError(t, err)
			require.NotNil(t, a, "expression %s is not known", e.Name)
			again(t, NewAttrs(e.Name), e.Data)
			if l, ok := a.(*Lookup); ok && strings.HasPrefix(l.SetName, "__") {
				l.SetID = numbers[l.SetName]
				l.SetName = strings.TrimRight(l.SetName, "0123456789") + "%d"
			}
			made, err := MakeExpr(e.Name, a)
			require.NoError(t, err)
			v.Exprs = append(v.Exprs, made)
		}
		what[tx.Len()] = v.Exprs
		require.NoError(t, tx.Add(NFT_MSG_NEWRULE, nl.FlagCreate|nl.FlagAppend, &v))
	}
	err = tx.Commit(ctx)
	var be *nl.BatchError
	if errors.As(err, &be) {
		for _, f := range be.Failed {
			t.Errorf("request %d: %v: %v", f.Index, what[f.Index], f.Err)
		}
	}
	require.NoError(t, err)
	t.Logf("%d rules, %d kinds of expression", taken, len(names))

	list := func(name string) string {
		out := ns.Run(t, "nft", "-s", "list", "table", "inet", name)
		return strings.Replace(out, "table inet "+name, "table inet x", 1)
	}
	require.Equal(t, list("a"), list("b"))
}

// again decodes, encodes, and checks that nothing was lost.
func again(t *testing.T, a Attrs, data []byte) []byte {
	t.Helper()
	require.NotNil(t, a)
	require.NoError(t, a.Decode(data))
	out, err := a.AppendBody(nil)
	require.NoError(t, err)
	require.Len(t, out, len(data), "%T: %x became %x", a, data, out)
	return out
}

// TestExprErrors: an error names the attribute inside the expression.
func TestExprErrors(t *testing.T) {
	_, c, ctx := kernel(t)
	tx := Begin(c, 0)
	require.NoError(t, tx.Add(NFT_MSG_NEWTABLE, nl.FlagCreate, &Table{Header: inet, Name: "t"}))
	require.NoError(t, tx.Add(NFT_MSG_NEWCHAIN, nl.FlagCreate, &Chain{Header: inet, Table: "t", Name: "c"}))
	e, err := MakeExpr("lookup", &Lookup{SetName: "nothing", SReg: NFT_REG_1})
	require.NoError(t, err)
	require.NoError(t, tx.Add(NFT_MSG_NEWRULE, nl.FlagCreate, &Rule{Header: inet, Table: "t", Chain: "c", Exprs: []Expr{e}}))
	err = tx.Commit(ctx)
	var be *nl.BatchError
	require.ErrorAs(t, err, &be)
	require.Equal(t, 2, be.Failed[0].Index)
	var ke *nl.Error
	require.ErrorAs(t, be.Failed[0].Err, &ke)
	require.Equal(t, "NFTA_RULE_EXPRESSIONS[0]", ke.Attr)

	// And inside: the name is known from what stands beside.
	b, err := (&Rule{Header: inet, Table: "t", Exprs: []Expr{e}}).AppendBody(nil)
	require.NoError(t, err)
	at := strings.Index(string(b), "nothing") - 4
	require.Equal(t, "NFTA_RULE_EXPRESSIONS[0].NFTA_EXPR_DATA.NFTA_LOOKUP_SET", (*Rule)(nil).Schema().Path(b, at))
}
