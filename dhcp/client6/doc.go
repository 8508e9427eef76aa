// Package client6 is the state machine of a DHCPv6 client, and nothing else: a
// function of (state, event, time) to (state, actions). It has no socket, no clock, no
// goroutine and no randomness of its own, and sets no address: it says what is to be
// done.
//
//	m := client6.New(client6.Config{DUID: duid, IAID: 1, Address: true, Prefix: true}, rand)
//	for _, a := range m.Step(now, client6.Start{}) { do(a) }      // client6.Send, client6.Apply ...
//	...
//	for _, a := range m.Step(now, client6.Packet{Msg: msg}) { do(a) }
//	wake(m.Deadline())                                             // then Step(now, nil)
//
// What holds whatever comes in, in whatever order:
//
//   - an address or a prefix is applied only while it is valid;
//   - at most one transaction is alive, and only answers with its number, our DUID and a
//     server's DUID count;
//   - messages of a transaction follow the timers of RFC 8415 15, and a server that
//     refuses or contradicts itself slows the client;
//   - after Stop nothing is sent until the next command, after Release only the release, four times at most.
//
// All else that comes is counted in Stats, and changes nothing.
//
// Where RFC 8415 leaves a choice:
//
//   - Lifetimes count from the last request before the answer.
//   - The server is the one of the highest preference that gives most of what is asked for, of those
//     that answer the first Solicit within its time; preference 255, or any answer to a later Solicit, ends
//     the search.
//   - With T1 and T2 of zero, or beyond what is valid, a client renews after 0.5 and rebinds after 0.8 of the
//     shortest preferred lifetime (21.4). T1 is at least a quarter of the valid lifetime
//     or 10 s, whichever is less.
//   - After a link came back an address is confirmed, and a lease with a prefix rebound (18.2.12).
//     If nobody answers for 10 s, what is applied is kept while it is valid; what is only
//     remembered becomes a wish.
//   - Rapid commit and Reconfigure are off unless asked for; the latter needs the server's key (20.4).
//   - Messages always go to the group of servers and relays, which is what a server that says nothing wants.
//
// Limits: one IA_NA and one IA_PD, no temporary addresses.
package client6
