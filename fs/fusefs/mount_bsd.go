//go:build darwin || freebsd

package fusefs

import (
	"os"

	"golang.org/x/sys/unix"
)

func mayAllowOther() bool { return os.Geteuid() == 0 }

// detach takes the mount away although it is in use.
func detach(dir string) error { return unix.Unmount(dir, unix.MNT_FORCE) }

const mountFlags = 0
