package rawsock

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What comes beside a packet.
func FuzzAux(f *testing.F) {
	b := make([]byte, unix.CmsgSpace(int(unsafe.Sizeof(unix.TpacketAuxdata{}))))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = unix.SOL_PACKET, unix.PACKET_AUXDATA
	h.SetLen(len(b))
	b[unix.CmsgLen(0)] = unix.TP_STATUS_CSUMNOTREADY | unix.TP_STATUS_VLAN_VALID
	f.Add(b)
	f.Add(b[:unix.CmsgLen(0)+1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if unfinished, vlan := aux(b); (unfinished || vlan) && len(b) < unix.CmsgLen(int(unsafe.Sizeof(unix.TpacketAuxdata{}))) {
			t.Fatalf("%x", b)
		}
	})
}
