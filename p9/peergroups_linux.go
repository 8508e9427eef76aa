//go:build !386 && !s390x

package p9

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// soPeergroups is SO_PEERGROUPS of asm-generic/socket.h: the supplementary
// groups of the peer, as they were when it connected.
const soPeergroups = 59

// maxGroups is the kernel's NGROUPS_MAX.
const maxGroups = 65536

// peerGroups returns nil where the kernel cannot tell (before 4.13).
func peerGroups(fd int) []uint32 {
	for n := 64; n <= maxGroups; n *= 4 {
		groups := make([]uint32, n)
		size := uint32(n * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, soPeergroups,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch errno {
		case 0:
			return groups[:size/4]
		case unix.ERANGE:
		default:
			return nil
		}
	}
	return nil
}
