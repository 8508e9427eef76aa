package p9

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/netfs-project/netfs/fs"
)

// credentials are SO_PEERCRED and SO_PEERGROUPS: unix(7), socket(7).
func credentials(fd int) (*fs.User, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, err
	}
	u := named(cred.Uid, cred.Gid)
	u.Groups = peerGroups(fd)
	u.From = fmt.Sprintf("unix pid %d", cred.Pid)
	return u, nil
}
