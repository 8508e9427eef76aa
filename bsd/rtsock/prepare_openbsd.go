package rtsock

import (
	"os"

	"golang.org/x/sys/unix"
)

const (
	routeTableFilter = 2  // ROUTE_TABLEFILTER (route(4))
	allTables        = -1 // RTABLE_ANY, 32 bits
)

// prepare chooses whose messages a socket hears: those of one table or, if it is
// negative, of all.
func prepare(fd, table int) error {
	if table < 0 {
		table = allTables
	}
	return os.NewSyscallError("ROUTE_TABLEFILTER", unix.SetsockoptInt(fd, unix.AF_ROUTE, routeTableFilter, table))
}
