package rtsock

import (
	"os"

	"golang.org/x/sys/unix"
)

// Options of a routing socket (net/route.h), which x/sys has none of. What is not asked
// for is heard, so that only the first must succeed.
const (
	routeMsgFilter   = 1
	routeTableFilter = 2
	routeFlagFilter  = 4 // since OpenBSD 6.8

	allTables = -1  // RTABLE_ANY, 32 bits
	maxTable  = 255 // RT_TABLEID_MAX
)

// prepare lets a socket hear of all tables, and of what f wants. RTM_DESYNC tells of losses.
func (s *system) prepare(fd, _ int, f *Filter) (tells bool, err error) {
	if mask := f.mask(s.layout); mask != 0 {
		_ = unix.SetsockoptInt(fd, unix.AF_ROUTE, routeMsgFilter, int(int32(mask)))
	}
	if f.Without != 0 {
		_ = unix.SetsockoptInt(fd, unix.AF_ROUTE, routeFlagFilter, int(int32(f.Without)))
	}
	return true, os.NewSyscallError("ROUTE_TABLEFILTER", unix.SetsockoptInt(fd, unix.AF_ROUTE, routeTableFilter, allTables))
}

// Tables is how many there may be; those that are not are told apart by NET_RT_TABLE.
func (s *system) Tables() (int, error) { return maxTable + 1, nil }
