//go:build !linux

package p9

import (
	"strings"
	"sync"
	"syscall"
)

// maxLocalErrno is over the highest errno of the systems that netfs knows.
const maxLocalErrno = 130

// errnoMaps pairs this system's errno values with Linux's, by their texts, and
// the common ones whose texts differ by name.
var errnoMaps = sync.OnceValue(func() (m struct {
	linux map[syscall.Errno]uint32
	local map[uint32]syscall.Errno
}) {
	m.linux = map[syscall.Errno]uint32{syscall.EOPNOTSUPP: 95, syscall.ETIMEDOUT: 110, syscall.EPROTONOSUPPORT: 93,
		syscall.EADDRNOTAVAIL: 99, syscall.EAFNOSUPPORT: 97, syscall.EBUSY: 16, syscall.ENXIO: 6, syscall.ENODEV: 19}
	for e := syscall.Errno(1); e < maxLocalErrno; e++ {
		if n := texts[strings.ToLower(e.Error())]; n != 0 {
			m.linux[e] = n
		}
	}
	m.local = make(map[uint32]syscall.Errno)
	for e, n := range m.linux {
		m.local[n] = e
	}
	return m
})

func linuxErrno(e syscall.Errno) uint32 {
	if n := errnoMaps().linux[e]; n != 0 {
		return n
	}
	return 5 // EIO
}

func localErrno(n uint32) syscall.Errno {
	if e := errnoMaps().local[n]; e != 0 {
		return e
	}
	return syscall.EIO
}
