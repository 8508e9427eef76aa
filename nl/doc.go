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
// nl/genl); nl knows none of them.
//
// What comes from the kernel is borrowed: Message.Data is valid until the next step, because a dump of a
// million routes must not make a million copies. Under the race detector the bytes are overwritten
// when they are given back, so that a test shows who kept them.
//
// Everything that waits takes a context and ends with it. The engine starts no goroutines: callers read
// the sockets themselves, one for all where they share one. A client's sockets belong to
// the namespace of Dial for good, whatever thread makes them.
//
// A dump is read as fast as the caller takes it and is not a snapshot. ErrTorn says that the table changed
// meanwhile, for tables where the kernel notices; Watch, which joins the events before it dumps, is
// right for all of them.
//
// Sources: netlink(7), linux/netlink.h, RFC 3549.
package nl
