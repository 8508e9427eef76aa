package p9

import (
	"fmt"
	"net"

	"golang.org/x/sys/unix"

	"github.com/netfs-project/netfs/fs"
)

// peerUser asks the kernel who connected: SO_PEERCRED and SO_PEERGROUPS, unix(7)
// and socket(7).
func peerUser(c *net.UnixConn) (*fs.User, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var cred *unix.Ucred
	var groups []uint32
	var credErr error
	err = raw.Control(func(fd uintptr) {
		if cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); credErr == nil {
			groups = peerGroups(int(fd))
		}
	})
	if err == nil {
		err = credErr
	}
	if err != nil {
		return nil, fmt.Errorf("peer credentials: %w", err)
	}
	u := named(cred.Uid, cred.Gid)
	u.Groups = groups
	u.From = fmt.Sprintf("unix pid %d", cred.Pid)
	return u, nil
}
