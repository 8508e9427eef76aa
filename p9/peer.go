//go:build linux || darwin || freebsd || netbsd || openbsd

package p9

import (
	"fmt"
	"net"

	"github.com/netfs-project/netfs/fs"
)

// peerUser asks the kernel who connected.
func peerUser(c *net.UnixConn) (*fs.User, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var u *fs.User
	var credErr error
	err = raw.Control(func(fd uintptr) { u, credErr = credentials(int(fd)) })
	if err == nil {
		err = credErr
	}
	if err != nil {
		return nil, fmt.Errorf("peer credentials: %w", err)
	}
	return u, nil
}
