//go:build freebsd || dragonfly || darwin

package rtsock

import (
	"os"

	"golang.org/x/sys/unix"
)

// routeSysctl asks by the name of CTL_NET, PF_ROUTE.
func routeSysctl(_ int, mib []int) ([]byte, error) {
	b, err := unix.SysctlRaw("net.routetable", mib...)
	return b, os.NewSyscallError("sysctl net.routetable", err)
}
