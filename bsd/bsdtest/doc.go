// Package bsdtest is a kernel with PF_ROUTE that is not there: links, addresses
// and routes in memory, behind the interface of bsd/rtsock, speaking the dialect of
// the layout it was made with. Tests of what uses rtsock run on it, on any machine.
//
//	k := bsdtest.New(layout)
//	k.AddLink("em0", …)
//	c := rtsock.New(k)
//
// It does what route(4) of those systems says of requests, answers, errors and
// echoes, and what their headers say of ioctls, as far as the tests of this module ask; it is no evidence of what a kernel
// does. Faults on demand: lost messages, ENOMEM of a sysctl, an errno for the next
// request or for ioctls of a kind.
package bsdtest
