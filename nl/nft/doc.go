// Package nft speaks to nftables: tables, chains, rules, sets, maps, objects and
// flowtables (NFNL_SUBSYS_NFTABLES of nl.Netfilter).
//
//	c, err := nl.Dial(nl.Netfilter, nil)
//	...
//	for t, err := range nft.Tables(ctx, c, nfnl.NFPROTO_UNSPEC) {
//		if err != nil { return err }
//		fmt.Println(t.Header.Family, t.Name)
//	}
//
// Changes are transactions, see Tx. The data of expressions and objects is kept
// as it came until Expr.Attrs or NewObjectAttrs give it a type; what is read can
// be sent again. Tunnel objects have no type.
//
// A dump that a transaction interrupted ends with nl.ErrTorn; the generation
// tells whether two dumps saw the same ruleset.
//
// Sources: linux/netfilter/nf_tables.h.
package nft

//go:generate go run github.com/netfs-project/netfs/nl/internal/nlgen
