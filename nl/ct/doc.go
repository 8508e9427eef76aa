// Package ct speaks to connection tracking: entries, expectations, statistics
// and events (NFNL_SUBSYS_CTNETLINK and _EXP of nl.Netfilter).
//
//	c, err := nl.Dial(nl.Netfilter, nil)
//	...
//	for e, err := range ct.Dump(ctx, c, &ct.Filter{Mark: 7}) {
//		if err != nil { return err }
//		fmt.Println(e.Orig.IP.Src, e.Orig.Proto.DstPort)
//	}
//
// Traps of the kernel that the package takes care of, or that its callers
// should know:
//
//   - A status that is sent must have IPS_CONFIRMED, or the kernel says EBUSY:
//     CreateRequest and UpdateRequest add it.
//   - An ICMP tuple needs type, code and identifier even where they are 0, and
//     a port must be there even if it is 0: requests mark them as present.
//   - Kernels ignore filters that they do not know (zones before 6.8), and some
//     select by IPv6 addresses the wrong way round. Dump looks at each entry
//     again, and does not ask the kernel to compare IPv6 addresses.
//   - A dump does not tell the translations of an entry, only their outcome, and
//     tells TCP flags with an empty mask: CreateRequest makes of an entry that
//     was read what makes the same one again.
//   - The family of a flush counts only if the version in the header is not 0.
//   - Events are made only for entries that were created while somebody
//     listened (net.netfilter.nf_conntrack_events=2, the default since 5.19).
//   - A namespace tracks nothing until something in it asks for it, such as an
//     nftables rule with a ct expression; entries may be created by hand even
//     then.
//
// Sources: linux/netfilter/nfnetlink_conntrack.h, nf_conntrack_common.h,
// net/netfilter/nf_conntrack_netlink.c.
package ct

//go:generate go run github.com/netfs-project/netfs/nl/internal/nlgen
