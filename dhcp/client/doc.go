// Package client is the state machine of a DHCPv4 client, and nothing else: a
// function of (state, event, time) to (state, actions). It has no socket, no clock, no
// goroutine and no randomness of its own, and sets no address: it says what is to be
// done.
//
//	m := client.New(client.Config{CHAddr: mac}, rand)
//	for _, a := range m.Step(now, client.Start{}) { do(a) }      // client.Send, client.Apply ...
//	...
//	for _, a := range m.Step(now, client.Packet{Msg: msg}) { do(a) }
//	wake(m.Deadline())                                            // then Step(now, nil)
//
// What holds whatever comes in, in whatever order:
//
//   - an address is applied only while its lease lasts;
//   - at most one transaction is alive, and only answers with its xid count;
//   - a transaction sends at the pace of RFC 2131 4.1 at the most, and a NAK slows it;
//   - after Stop and Release nothing is sent until the next command.
//
// Answers must have the transaction's xid, our hardware address, a server
// identifier (the one that was asked, where one was asked), and a type that is due. All
// else is counted in Stats, and changes nothing.
//
// Where RFC 2131 leaves a choice, or practice differs from it:
//
//   - The first usable offer is taken at once, and there is no wait before the first DISCOVER. Only
//     an offer of another address than the one that was asked for waits for a better one, 300 ms, unless
//     the server that gave that address once makes it: nobody else would know better. Servers are
//     chosen by Config.Servers, not by what their offers say: that is a stranger's word.
//   - A renewal is repeated after half of what is left, at least 60 s (4.4.5), but
//     for leases shorter than 16 minutes at least a sixteenth of the lease and 4 s. Each has
//     an xid of its own, so that the lease counts from the request that was answered.
//   - After a NAK the client waits 1, 2, 4 ... 64 s, after a DECLINE 10 s (3.1 5).
//   - INIT-REBOOT asks twice within 5 s. Then a lease that is still applied is kept while it
//     lasts (3.2 4); one that is only remembered becomes the wish in a DISCOVER.
//   - A message with an option that is cut counts with those before it (v4.Message.Damage), as all
//     clients in use have it: type, server, time and subnet mask must be among them.
//   - A lease with another address than the one asked for is no answer.
//   - Rapid commit (RFC 4039) and IPv6-only (RFC 8925) are off unless asked for: networks exist
//     that answer them wrongly.
//   - FORCERENEW is ignored unless its nonce verifies (RFC 6704).
//
// Limits: Ethernet. Authentication of RFC 3118 beyond that nonce is not done.
package client
