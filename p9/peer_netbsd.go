package p9

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/netfs-project/netfs/fs"
)

// Source: sys/un.h.
const (
	solLocal    = 0
	localPeerID = 3 // LOCAL_PEEREID
)

// credentials are LOCAL_PEEREID: unix(4). Its struct unpcbid, of pid, euid and
// egid, comes in another that is large enough: there is no call of its own.
func credentials(fd int) (*fs.User, error) {
	v, err := unix.GetsockoptIPv6Mreq(fd, solLocal, localPeerID)
	if err != nil {
		return nil, err
	}
	word := func(i int) uint32 { return binary.NativeEndian.Uint32(v.Multiaddr[4*i:]) }
	u := named(word(1), word(2))
	u.From = fmt.Sprintf("unix pid %d", word(0))
	return u, nil
}
