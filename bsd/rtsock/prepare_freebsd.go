package rtsock

import (
	"os"

	"golang.org/x/sys/unix"
)

// prepare binds a socket to a FIB (setfib(2), SO_SETFIB). Without it is the
// process's own.
func prepare(fd, table int) error {
	if table < 0 {
		return nil
	}
	return os.NewSyscallError("SO_SETFIB", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SETFIB, table))
}
