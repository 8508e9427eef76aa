// Package mptcp speaks to the path manager of Multipath TCP: the endpoints it
// may use, its limits, the events of connections, and the commands of a path
// manager in user space.
//
//	c, err := nl.Dial(nl.Generic, nil)
//	...
//	m, err := mptcp.Open(ctx, c)
//	for e, err := range m.Endpoints(ctx) {
//		if err != nil { return err }
//		fmt.Println(e.ID, e.Addr)
//	}
//
// Endpoints and limits belong to the namespace; they work when
// net.mptcp.pm_type (net.mptcp.path_manager) is the kernel's own. The user
// space commands work on connections made while it is user space's.
//
// Sources: linux/mptcp_pm.h, linux/mptcp.h, RFC 8684.
package mptcp

//go:generate go run github.com/netfs-project/netfs/nl/internal/nlgen
