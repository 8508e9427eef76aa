//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd

package p9

import (
	"errors"
	"fmt"
	"net"

	"github.com/netfs-project/netfs/fs"
)

// peerUser has no kernel to ask here.
func peerUser(*net.UnixConn) (*fs.User, error) {
	return nil, fmt.Errorf("peer credentials: %w", errors.ErrUnsupported)
}
