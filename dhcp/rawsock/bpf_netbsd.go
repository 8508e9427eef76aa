package rawsock

import "golang.org/x/sys/unix"

// Calls that not every system has.
const (
	biocSSeeSent = unix.BIOCSSEESENT
	biocSDirFilt = 0
	biocSetWF    = 0
	biocLock     = 0
	ipBoundIf    = 0
)
