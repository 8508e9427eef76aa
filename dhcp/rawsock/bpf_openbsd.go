package rawsock

import "golang.org/x/sys/unix"

// Calls that not every system has.
const (
	biocSSeeSent = 0
	biocSDirFilt = unix.BIOCSDIRFILT
	biocSetWF    = unix.BIOCSETWF
	biocLock     = unix.BIOCLOCK
	ipBoundIf    = 0
)
