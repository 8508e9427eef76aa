//go:build darwin || freebsd

package p9

import (
	"golang.org/x/sys/unix"

	"github.com/netfs-project/netfs/fs"
)

// credentials are LOCAL_PEERCRED: unix(4). The first group is the effective one.
func credentials(fd int) (*fs.User, error) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return nil, err
	}
	n := max(0, min(int(cred.Ngroups), len(cred.Groups)))
	u := named(cred.Uid, nobody)
	if n > 0 {
		u.GID, u.Groups = cred.Groups[0], cred.Groups[1:n]
	}
	u.From = "unix"
	return u, nil
}
