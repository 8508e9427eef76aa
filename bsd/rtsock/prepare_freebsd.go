package rtsock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// prepare binds a socket to a FIB (setfib(2)), and asks for word of lost messages,
// which kernels before FreeBSD 14 do not give. There is no filter.
func (s *system) prepare(fd, table int, _ *Filter) (tells bool, err error) {
	tells = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RERROR, 1) == nil
	return tells, os.NewSyscallError("SO_SETFIB", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SETFIB, table))
}

// Tables is net.fibs. A kernel without the option ROUTETABLES has one.
func (s *system) Tables() (int, error) {
	n, err := unix.SysctlUint32("net.fibs")
	if errors.Is(err, unix.ENOENT) {
		return 1, nil
	}
	return int(n), os.NewSyscallError("sysctl net.fibs", err)
}
