// Package nltest is what tests of netlink code need: fresh network namespaces of the
// running kernel (NewNS).
//
//	ns := nltest.NewNS(t)
//	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
//	...
//	out := ns.Run(t, "ip", "-j", "addr") // what iproute2 says
package nltest
