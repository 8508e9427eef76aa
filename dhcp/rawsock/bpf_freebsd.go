package rawsock

import "golang.org/x/sys/unix"

// Calls that not every system has.
const (
	biocSSeeSent = unix.BIOCSSEESENT
	biocSDirFilt = 0
	biocSetWF    = unix.BIOCSETWF
	biocLock     = unix.BIOCLOCK
	ipBoundIf    = 0
)
