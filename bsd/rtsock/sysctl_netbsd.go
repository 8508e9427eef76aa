package rtsock

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func sysctl(name []int32, old unsafe.Pointer, size *uintptr) error {
	_, _, e := unix.Syscall6(unix.SYS___SYSCTL, uintptr(unsafe.Pointer(&name[0])), uintptr(len(name)),
		uintptr(old), uintptr(unsafe.Pointer(size)), 0, 0)
	if e != 0 {
		return e
	}
	return nil
}
