//go:build freebsd || openbsd || netbsd || dragonfly || darwin

package rtsock

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/netfs-project/netfs/bsd"

	"golang.org/x/sys/unix"
)

// Ioctl makes a request on a socket of its own.
func (s *system) Ioctl(q *bsd.Request) error {
	if s.foreign {
		return fmt.Errorf("%s from a program of another word size than the kernel's: %w", q.Name, errors.ErrUnsupported)
	}
	fd, err := unix.Socket(int(q.Family), unix.SOCK_DGRAM, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	unix.CloseOnExec(fd)
	var pin runtime.Pinner
	defer pin.Unpin()
	for i, part := range q.Parts[1:] {
		if len(part) == 0 {
			continue // a null pointer
		}
		pin.Pin(&part[0])
		p := uintptr(unsafe.Pointer(&part[0]))
		copy(q.Parts[i][q.Ptrs[i]:], unsafe.Slice((*byte)(unsafe.Pointer(&p)), unsafe.Sizeof(p)))
	}
	// Package unix has no call for it; on OpenBSD and Darwin package syscall hands this
	// number to libc.
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(q.Num), uintptr(unsafe.Pointer(&q.Parts[0][0])))
	if e != 0 {
		return os.NewSyscallError(q.Name, e)
	}
	return nil
}

// monotonic is CLOCK_MONOTONIC (sys/time.h), which x/sys lacks for NetBSD.
var monotonic = map[string]int32{"freebsd": 4, "dragonfly": 4, "openbsd": 3, "netbsd": 3, "darwin": 6}

// Uptime reads the clock that counts from the start of the machine.
func (s *system) Uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(monotonic[runtime.GOOS], &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}
