package nft

import (
	"context"
	"iter"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nfnl"
)

// source follows values which add and del messages bring. NEW messages do not
// tell whether a value was there before.
func source[T any, P message[T]](add, del uint8, dump func(context.Context) iter.Seq2[P, error], keep func(P) bool) nl.Source[T] {
	p := P(new(T))
	return nl.Source[T]{
		Groups: []uint32{nfnl.NFNLGRP_NFTABLES},
		Dump: func(ctx context.Context) iter.Seq2[*T, error] {
			return func(yield func(*T, error) bool) {
				for v, err := range dump(ctx) {
					if !yield((*T)(v), err) {
						return
					}
				}
			}
		},
		Event: func(m nl.Message) (nl.What, *T, error) {
			subsys, msg := nfnl.Split(m.Type)
			what := nl.Replaced
			switch {
			case subsys != nfnl.SubsysNFTables || msg != add && msg != del:
				return nl.Ignored, nil, nil
			case msg == del:
				what = nl.Deleted
			}
			if err := p.Decode(m.Data); err != nil || !keep(p) {
				return nl.Ignored, nil, err
			}
			return what, (*T)(p), nil
		},
	}
}

// within says whether something is of a family and in a table, of which 0 and
// the empty name are any.
func within(h nfnl.Header, in string, family uint8, table string) bool {
	return (family == 0 || h.Family == family) && (table == "" || in == table)
}

// TableSource lets nl.Watch follow the tables of a family, of all for
// nfnl.NFPROTO_UNSPEC.
func TableSource(c *nl.Client, family uint8) nl.Source[Table] {
	return source(NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE,
		func(ctx context.Context) iter.Seq2[*Table, error] { return Tables(ctx, c, family) },
		func(v *Table) bool { return within(v.Header, "", family, "") })
}

// ChainSource lets nl.Watch follow chains, as Chains selects them.
func ChainSource(c *nl.Client, family uint8, table string) nl.Source[Chain] {
	return source(NFT_MSG_NEWCHAIN, NFT_MSG_DELCHAIN,
		func(ctx context.Context) iter.Seq2[*Chain, error] { return Chains(ctx, c, family, table) },
		func(v *Chain) bool { return within(v.Header, v.Table, family, table) })
}

// RuleSource lets nl.Watch follow rules, as Rules selects them.
func RuleSource(c *nl.Client, family uint8, table, chain string) nl.Source[Rule] {
	return source(NFT_MSG_NEWRULE, NFT_MSG_DELRULE,
		func(ctx context.Context) iter.Seq2[*Rule, error] { return Rules(ctx, c, family, table, chain) },
		func(v *Rule) bool {
			return within(v.Header, v.Table, family, table) && (chain == "" || v.Chain == chain)
		})
}

// SetSource lets nl.Watch follow sets and maps, as Sets selects them.
func SetSource(c *nl.Client, family uint8, table string) nl.Source[Set] {
	return source(NFT_MSG_NEWSET, NFT_MSG_DELSET,
		func(ctx context.Context) iter.Seq2[*Set, error] { return Sets(ctx, c, family, table) },
		func(v *Set) bool { return within(v.Header, v.Table, family, table) })
}

// ObjectSource lets nl.Watch follow objects of any type.
func ObjectSource(c *nl.Client, family uint8, table string) nl.Source[Object] {
	return source(NFT_MSG_NEWOBJ, NFT_MSG_DELOBJ,
		func(ctx context.Context) iter.Seq2[*Object, error] { return Objects(ctx, c, family, table, 0) },
		func(v *Object) bool { return within(v.Header, v.Table, family, table) })
}
