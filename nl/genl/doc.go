// Package genl speaks generic netlink: it asks the controller which families
// there are, and is the base of the packages of single families.
//
//	c, err := nl.Dial(nl.Generic, nil)
//	...
//	conn, err := genl.Dial(ctx, c, "mptcp_pm")
//	if errors.Is(err, errors.ErrUnsupported) { /* not in this kernel */ }
//	s, err := conn.Subscribe(ctx, "mptcp_pm_events")
//
// Message types of families are dealt out at boot; a Conn looks its family's up
// once, and again when the kernel no longer knows it (a module that was
// unloaded and came back).
//
// Source: linux/genetlink.h.
package genl

//go:generate go run github.com/netfs-project/netfs/nl/internal/nlgen
