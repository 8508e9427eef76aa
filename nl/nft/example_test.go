package nft_test

import (
	"context"
	"fmt"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
	"github.com/netfs-project/netfs/nl/nft"
)

// A table with a chain that drops what comes to port 23.
func ExampleTx() {
	ctx := context.Background()
	c, err := nl.Dial(nl.Netfilter, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()

	h := nfnl.Header{Family: nfnl.NFPROTO_INET}
	rule := &nft.Rule{Header: h, Table: "demo", Chain: "in"}
	for _, x := range []struct {
		name  string
		attrs nft.Attrs
	}{
		{"meta", &nft.Meta{Key: nft.NFT_META_L4PROTO, DReg: nft.NFT_REG_1}},
		{"cmp", &nft.Cmp{SReg: nft.NFT_REG_1, Data: nft.Data{Value: []byte{6}}}},
		{"payload", &nft.Payload{Base: nft.NFT_PAYLOAD_TRANSPORT_HEADER, Offset: 2, Len: 2, DReg: nft.NFT_REG_1}},
		{"cmp", &nft.Cmp{SReg: nft.NFT_REG_1, Data: nft.Data{Value: []byte{0, 23}}}},
		{"immediate", &nft.Immediate{Data: nft.Data{Verdict: nft.Verdict{Code: nft.NF_DROP, Has: nft.VerdictCode}}}},
	} {
		e, err := nft.MakeExpr(x.name, x.attrs)
		if err != nil {
			fmt.Println(err)
			return
		}
		rule.Exprs = append(rule.Exprs, e)
	}

	tx := nft.Begin(c, 0)
	tx.Add(nft.NFT_MSG_NEWTABLE, nl.FlagCreate, &nft.Table{Header: h, Name: "demo"})
	tx.Add(nft.NFT_MSG_NEWCHAIN, nl.FlagCreate, &nft.Chain{
		Header: h, Table: "demo", Name: "in", Type: "filter", Hook: nft.Hook{Num: nft.NF_INET_LOCAL_IN, Priority: 0, Has: nft.HookNum | nft.HookPriority},
	})
	tx.Add(nft.NFT_MSG_NEWRULE, nl.FlagCreate|nl.FlagAppend, rule)
	if err := tx.Commit(ctx); err != nil {
		fmt.Println(err)
	}
}
