package nft

import (
	"context"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

var inet = nfnl.Header{Family: nfnl.NFPROTO_INET}

// build adds a table with chains, a set and a map to a transaction.
func build(t testing.TB, tx *Tx) {
	t.Helper()
	add := func(msg uint8, b nl.Body) { require.NoError(t, tx.Add(msg, nl.FlagCreate|nl.FlagExcl, b)) }
	add(NFT_MSG_NEWTABLE, &Table{Header: inet, Name: "t"})
	add(NFT_MSG_NEWCHAIN, &Chain{
		Header: inet, Table: "t", Name: "in", Type: "filter", Policy: NF_DROP, Has: ChainPolicy,
		Hook: Hook{Num: NF_INET_LOCAL_IN, Priority: -5},
	})
	add(NFT_MSG_NEWCHAIN, &Chain{Header: inet, Table: "t", Name: "other"})
	add(NFT_MSG_NEWSET, &Set{
		Header: inet, Table: "t", Name: "bad", ID: 1, KeyType: 7, KeyLen: 4, Flags: NFT_SET_TIMEOUT, Timeout: 90 * time.Minute,
	})
	add(NFT_MSG_NEWSETELEM, &Elems{Header: inet, Table: "t", SetName: "bad", SetID: 1, Elems: []Elem{
		{Key: Data{Value: []byte{192, 0, 2, 1}}},
		{Key: Data{Value: []byte{192, 0, 2, 2}}, Timeout: time.Hour, Expires: 30 * time.Minute},
	}})
	add(NFT_MSG_NEWSET, &Set{
		Header: inet, Table: "t", Name: "where", ID: 2, KeyType: 13, KeyLen: 2, DataType: 0xffffff00, Flags: NFT_SET_MAP,
	})
	add(NFT_MSG_NEWSETELEM, &Elems{Header: inet, Table: "t", SetName: "where", SetID: 2, Elems: []Elem{
		{Key: Data{Value: []byte{0, 80}}, Data: Data{Verdict: Verdict{Code: NFT_JUMP, Chain: "other"}}},
		{Key: Data{Value: []byte{0, 81}}, Data: Data{Verdict: Verdict{Code: NF_ACCEPT}}},
	}})
}

func elements(t testing.TB, ctx context.Context, c *nl.Client, set string) map[string]Elem {
	t.Helper()
	all := map[string]Elem{}
	for e, err := range Elements(ctx, c, nfnl.NFPROTO_INET, "t", set) {
		require.NoError(t, err)
		all[fmt.Sprint(e.Key.Value)] = *e
	}
	return all
}

func TestTransaction(t *testing.T) {
	ns, c, ctx := kernel(t)
	tx := Begin(c, 0)
	build(t, tx)
	require.Equal(t, 7, tx.Len())
	require.NoError(t, tx.Commit(ctx))

	ch, err := GetChain(ctx, c, nfnl.NFPROTO_INET, "t", "in")
	require.NoError(t, err)
	require.Equal(t, uint32(NF_DROP), ch.Policy)
	require.Equal(t, int32(-5), ch.Hook.Priority)

	bad := elements(t, ctx, c, "bad")
	require.Len(t, bad, 2)
	two := bad["[192 0 2 2]"]
	require.Equal(t, time.Hour, two.Timeout)
	require.InDelta(t, 30*60, two.Expires.Seconds(), 5)
	one := bad["[192 0 2 1]"]
	require.InDelta(t, 90*60, one.Expires.Seconds(), 5)

	where := elements(t, ctx, c, "where")
	require.Len(t, where, 2)
	jump, accept := where["[0 80]"], where["[0 81]"]
	require.Equal(t, int32(NFT_JUMP), jump.Data.Verdict.Code)
	require.Equal(t, "other", jump.Data.Verdict.Chain)
	require.Equal(t, int32(NF_ACCEPT), accept.Data.Verdict.Code)
	require.NotZero(t, accept.Data.Has&DataVerdict)

	require.Contains(t, ns.Run(t, "nft", "list", "set", "inet", "t", "bad"), "192.0.2.2 timeout 1h expires")
	require.Contains(t, ns.Run(t, "nft", "list", "chain", "inet", "t", "in"), "type filter hook input priority filter - 5; policy drop;")

	tx = Begin(c, 0)
	require.NoError(t, tx.Add(NFT_MSG_DELSETELEM, 0, &Elems{
		Header: inet, Table: "t", SetName: "bad", Elems: []Elem{{Key: Data{Value: []byte{192, 0, 2, 1}}}},
	}))
	require.NoError(t, tx.Commit(ctx))
	require.Len(t, elements(t, ctx, c, "bad"), 1)

	tx = Begin(c, 0)
	require.NoError(t, tx.Add(NFT_MSG_DELTABLE, 0, &Table{Header: inet, Name: "t"}))
	require.NoError(t, tx.Commit(ctx))
	require.Empty(t, collect(t, Tables(ctx, c, 0)))
}

// TestAllOrNothing: one bad request, and nothing of the transaction is there.
func TestAllOrNothing(t *testing.T) {
	_, c, ctx := kernel(t)
	tx := Begin(c, 0)
	build(t, tx)
	require.NoError(t, tx.Add(NFT_MSG_NEWCHAIN, nl.FlagCreate, &Chain{Header: inet, Table: "nothing", Name: "c"}))
	err := tx.Commit(ctx)
	var be *nl.BatchError
	require.ErrorAs(t, err, &be)
	require.Equal(t, 8, be.Of)
	require.Len(t, be.Failed, 1)
	require.Equal(t, 7, be.Failed[0].Index)
	require.ErrorIs(t, be.Failed[0].Err, fs.ErrNotExist)
	var ke *nl.Error
	require.ErrorAs(t, be.Failed[0].Err, &ke)
	require.Equal(t, "NFT_MSG_NEWCHAIN", ke.Op)
	require.Equal(t, "NFTA_CHAIN_TABLE", ke.Attr)
	require.Empty(t, collect(t, Tables(ctx, c, 0)))
}

func TestGenerationOfTransaction(t *testing.T) {
	_, c, ctx := kernel(t)
	gen, err := Generation(ctx, c)
	require.NoError(t, err)
	tx := Begin(c, gen.ID)
	build(t, tx)
	require.NoError(t, tx.Commit(ctx))

	tx = Begin(c, gen.ID)
	require.NoError(t, tx.Add(NFT_MSG_DELTABLE, 0, &Table{Header: inet, Name: "t"}))
	require.ErrorIs(t, tx.Commit(ctx), syscall.ERESTART)
	require.Len(t, collect(t, Tables(ctx, c, 0)), 1)
}

func TestEcho(t *testing.T) {
	_, c, ctx := kernel(t)
	tx := Begin(c, 0)
	require.NoError(t, tx.Add(NFT_MSG_NEWTABLE, nl.FlagCreate, &Table{Header: inet, Name: "t"}))
	require.NoError(t, tx.Add(NFT_MSG_NEWCHAIN, nl.FlagCreate|nl.FlagEcho, &Chain{Header: inet, Table: "t", Name: "c"}))
	var got Chain
	tx.Echo(func(i int, m nl.Message) {
		if _, msg := nfnl.Split(m.Type); msg != NFT_MSG_NEWCHAIN {
			return
		}
		require.Equal(t, 1, i)
		require.NoError(t, got.Decode(m.Data))
	})
	require.NoError(t, tx.Commit(ctx))
	ch, err := GetChain(ctx, c, nfnl.NFPROTO_INET, "t", "c")
	require.NoError(t, err)
	require.NotZero(t, ch.Handle)
	require.Equal(t, ch.Handle, got.Handle)
}

// TestManyElements is a transaction and a dump of several datagrams.
func TestManyElements(t *testing.T) {
	_, c, ctx := kernel(t)
	tx := Begin(c, 0)
	require.NoError(t, tx.Add(NFT_MSG_NEWTABLE, nl.FlagCreate, &Table{Header: inet, Name: "t"}))
	require.NoError(t, tx.Add(NFT_MSG_NEWSET, nl.FlagCreate, &Set{Header: inet, Table: "t", Name: "many", ID: 1, KeyType: 7, KeyLen: 4}))
	const n = 20000
	var es Elems
	for i := range n {
		es.Elems = append(es.Elems, Elem{Key: Data{Value: []byte{10, byte(i >> 16), byte(i >> 8), byte(i)}}})
		if len(es.Elems) == 1000 {
			es.Header, es.Table, es.SetName, es.SetID = inet, "t", "many", 1
			require.NoError(t, tx.Add(NFT_MSG_NEWSETELEM, nl.FlagCreate, &es))
			es.Elems = es.Elems[:0]
		}
	}
	require.NoError(t, tx.Commit(ctx))
	require.Len(t, elements(t, ctx, c, "many"), n)

	count := testing.AllocsPerRun(3, func() {
		for _, err := range Elements(ctx, c, nfnl.NFPROTO_INET, "t", "many") {
			require.NoError(t, err)
		}
	})
	require.Less(t, count, n/2.0, "keys are kept in buffers that are used again")
	t.Logf("%.0f allocations for %d elements", count, n)
}

// TestRuleByHand writes what the example writes and reads it by nft(8).
func TestRuleByHand(t *testing.T) {
	ns, c, ctx := kernel(t)
	expr := func(name string, a Attrs) Expr {
		e, err := MakeExpr(name, a)
		require.NoError(t, err)
		return e
	}
	tx := Begin(c, 0)
	require.NoError(t, tx.Add(NFT_MSG_NEWTABLE, nl.FlagCreate, &Table{Header: inet, Name: "demo"}))
	require.NoError(t, tx.Add(NFT_MSG_NEWCHAIN, nl.FlagCreate, &Chain{
		Header: inet, Table: "demo", Name: "in", Type: "filter", Hook: Hook{Num: NF_INET_LOCAL_IN, Has: HookPriority},
	}))
	require.NoError(t, tx.Add(NFT_MSG_NEWRULE, nl.FlagCreate|nl.FlagAppend, &Rule{Header: inet, Table: "demo", Chain: "in", Exprs: []Expr{
		expr("meta", &Meta{Key: NFT_META_L4PROTO, DReg: NFT_REG_1}),
		expr("cmp", &Cmp{SReg: NFT_REG_1, Data: Data{Value: []byte{6}}}),
		expr("payload", &Payload{Base: NFT_PAYLOAD_TRANSPORT_HEADER, Offset: 2, Len: 2, DReg: NFT_REG_1}),
		expr("cmp", &Cmp{SReg: NFT_REG_1, Data: Data{Value: []byte{0, 23}}}),
		expr("immediate", &Immediate{Data: Data{Verdict: Verdict{Code: NF_DROP, Has: VerdictCode}}}),
	}}))
	require.NoError(t, tx.Commit(ctx))
	require.Contains(t, ns.Run(t, "nft", "list", "chain", "inet", "demo", "in"), "tcp dport 23 drop")
}
