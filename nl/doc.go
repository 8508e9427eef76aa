// Package nl is a netlink engine: pipelined requests, streaming dumps,
// batches, subscriptions that do not lose events in silence, errors that name
// the attribute.
//
//	c, err := nl.Dial(nl.Route, nil)
//	...
//	for m, err := range c.Dump(ctx, nl.Request{Type: rt.RTM_GETLINK, Body: &rt.Link{}}) {
//		if err != nil { return err }
//		var l rt.Link
//		if err := l.Decode(m.Data); err != nil { return err }
//	}
//
// Families of messages are packages of their own beside it (nl/rt, nl/ct,
// nl/genl); nl knows none of them. Sources: netlink(7), linux/netlink.h, RFC 3549.
package nl
