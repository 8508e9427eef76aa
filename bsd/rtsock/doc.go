// Package rtsock speaks to a kernel by its routing socket (PF_ROUTE): requests
// and their answers, dumps by sysctl, and what the kernel tells of itself. Addresses and
// links are changed by ioctl, of which each method makes one or a few.
//
//	sys, err := rtsock.Open() // this machine's kernel; an error where it has no PF_ROUTE
//	c := rtsock.New(sys)
//	defer c.Close()
//	for m, err := range c.Dump(ctx, rtsock.Query{Dump: bsd.DumpRoutes}) { … }
//
// The system calls are behind System, so that all the rest runs, and is tested, on
// any machine over the simulator in bsd/bsdtest.
package rtsock
