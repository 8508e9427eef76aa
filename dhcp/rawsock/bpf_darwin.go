package rawsock

import "golang.org/x/sys/unix"

// Calls that not every system has.
const (
	biocSSeeSent = unix.BIOCSSEESENT
	biocSDirFilt = 0
	biocSetWF    = 0
	biocLock     = 0
	ipBoundIf    = unix.IP_BOUND_IF // ip(4): the link to send over, whatever the routes say
)
