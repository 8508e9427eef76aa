// Package nltest is what tests of netlink code need: fresh network namespaces of the
// running kernel (NewNS), a kernel played by a script for what the running one does not do on demand
// (Kernel), and recordings of what another kernel said (Recorder, Replay).
//
//	ns := nltest.NewNS(t)
//	c, err := nl.Dial(nl.Route, &nl.Options{NS: ns.FD})
//	...
//	out := ns.Run(t, "ip", "-j", "addr") // what iproute2 says
package nltest
