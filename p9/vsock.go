package p9

import (
	"fmt"
	"strconv"
	"strings"
)

// A VsockAddr is an address of vsock: a machine's context identifier and a port.
// Source: vsock(7).
type VsockAddr struct{ CID, Port uint32 }

func (*VsockAddr) Network() string { return "vsock" }

func (a *VsockAddr) String() string {
	cid := strconv.FormatUint(uint64(a.CID), 10)
	if a.CID == vsockAny {
		cid = "*"
	}
	return cid + ":" + strconv.FormatUint(uint64(a.Port), 10)
}

// vsockAny is VMADDR_CID_ANY, which every machine listens on.
const vsockAny = ^uint32(0)

// vsockNames are the context identifiers that have names.
var vsockNames = map[string]uint32{"*": vsockAny, "local": 1, "host": 2}

// parseVsock parses "2:5640".
func parseVsock(s string) (*VsockAddr, error) {
	name, port, _ := strings.Cut(s, ":")
	cid, ok := vsockNames[name]
	if !ok {
		n, err := strconv.ParseUint(name, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%q: no context identifier", name)
		}
		cid = uint32(n)
	}
	n, err := strconv.ParseUint(port, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("%q: no port", port)
	}
	return &VsockAddr{cid, uint32(n)}, nil
}
