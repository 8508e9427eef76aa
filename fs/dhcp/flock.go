//go:build unix && !solaris

package dhcp

import (
	"os"

	"golang.org/x/sys/unix"
)

// flock fails with EWOULDBLOCK if somebody else has the file locked.
func flock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
