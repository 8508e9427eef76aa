package rtsock

import "unsafe"

// OpenBSD's system calls are its libc's alone. Package syscall has sysctl from
// there, and lets x/net/route link to it by this name.
//
//go:linkname syscallSysctl syscall.sysctl
func syscallSysctl(mib []int32, old *byte, oldlen *uintptr, new *byte, newlen uintptr) error

func sysctl(name []int32, old unsafe.Pointer, size *uintptr) error {
	return syscallSysctl(name, (*byte)(old), size, nil, 0)
}
