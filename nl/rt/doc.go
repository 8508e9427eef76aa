// Package rt has the messages of rtnetlink: links, addresses, routes, rules,
// neighbours, next hops, namespace ids; what ip(8) and bridge(8) speak.
//
//	c, err := nl.Dial(nl.Route, nil)
//	...
//	for r, err := range rt.Routes(ctx, c, rt.RouteFilter{Table: rt.RT_TABLE_MAIN}) {
//		if err != nil { return err }
//		fmt.Println(r.Dst, r.Gateway) // r is borrowed until the next step
//	}
//
// A message type is a plain struct whose tags are its wire form; zz_nl_gen.go is
// written from them. Constants are spelled as the kernel's headers spell them. A field whose zero
// means something is sent if its bit in Has is set (`r.Has |= rt.RoutePref`), and decoding sets
// the bits of what came.
//
// Limits: attributes of a link kind, of an encapsulation and of SR-IOV functions are carried
// as bytes (KindInfo.Data, Route.Encap, Link.VFs); the types beside them (Bridge, VXLAN, EncapIP ...)
// decode and encode those bytes. Sources: rtnetlink(7) and the headers named in the const_ files.
package rt

//go:generate go run github.com/netfs-project/netfs/nl/internal/nlgen
