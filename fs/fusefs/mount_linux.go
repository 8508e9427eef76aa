package fusefs

import (
	"bufio"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mayAllowOther tells whether this user may let others into a mount: root, or
// anybody where fuse.conf says so. Source: mount.fuse3(8).
func mayAllowOther() bool {
	if os.Geteuid() == 0 {
		return true
	}
	f, err := os.Open("/etc/fuse.conf")
	if err != nil {
		return false
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.TrimSpace(s.Text()) == "user_allow_other" {
			return true
		}
	}
	return false
}

// detach takes the mount out of sight although it is in use.
func detach(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }

const mountFlags = unix.MS_NOSUID | unix.MS_NODEV
