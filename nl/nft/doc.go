// Package nft reads nftables: what tables, chains, sets, maps, objects,
// flowtables and rules there are (NFNL_SUBSYS_NFTABLES of nl.Netfilter).
//
//	c, err := nl.Dial(nl.Netfilter, nil)
//	...
//	for t, err := range nft.Tables(ctx, c, nfnl.NFPROTO_UNSPEC) {
//		if err != nil { return err }
//		fmt.Println(t.Header.Family, t.Name)
//	}
//
// The expressions of rules and the data of objects are kept as they came. A
// dump that a transaction interrupted ends with nl.ErrTorn; the generation tells
// whether two dumps saw the same ruleset.
//
// Sources: linux/netfilter/nf_tables.h.
package nft

//go:generate go run github.com/netfs-project/netfs/nl/internal/nlgen
