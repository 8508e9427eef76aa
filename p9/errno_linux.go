package p9

import "syscall"

func linuxErrno(e syscall.Errno) uint32 { return uint32(e) }
func localErrno(n uint32) syscall.Errno { return syscall.Errno(n) }
