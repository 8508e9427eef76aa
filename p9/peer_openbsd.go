package p9

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/netfs-project/netfs/fs"
)

// credentials are SO_PEERCRED: getsockopt(2). Its struct sockpeercred, of uid, gid
// and pid, comes in another that is large enough: there is no call of its own.
func credentials(fd int) (*fs.User, error) {
	v, err := unix.GetsockoptIPv6Mreq(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, err
	}
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(v.Multiaddr[4*i:]) }
	u := named(word(0), word(1))
	u.From = fmt.Sprintf("unix pid %d", word(2))
	return u, nil
}
