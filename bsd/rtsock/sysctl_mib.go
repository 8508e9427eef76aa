//go:build netbsd || openbsd

package rtsock

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// routeSysctl asks for the size first, and with some room more for the answer.
func routeSysctl(af int, mib []int) ([]byte, error) {
	name := []int32{unix.CTL_NET, int32(af)}
	for _, n := range mib {
		name = append(name, int32(n))
	}
	var size uintptr
	if err := sysctl(name, nil, &size); err != nil {
		return nil, os.NewSyscallError("sysctl", err)
	}
	if size == 0 {
		return nil, nil
	}
	size += size/8 + 1024
	b := make([]byte, size)
	if err := sysctl(name, unsafe.Pointer(&b[0]), &size); err != nil {
		return nil, os.NewSyscallError("sysctl", err)
	}
	return b[:size], nil
}
