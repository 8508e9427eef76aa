package rawsock

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A jump of an instruction is by label, so that a filter can be read. Source of the
// machine: Documentation/networking/filter.rst of Linux.
type ins struct {
	label string
	code  uint16
	k     uint32
	yes   string // of a comparison: where to go; "" is the next instruction
	no    string
}

const (
	ld8    = unix.BPF_LD | unix.BPF_B | unix.BPF_ABS
	ld16   = unix.BPF_LD | unix.BPF_H | unix.BPF_ABS
	ld32   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	ld8x   = unix.BPF_LD | unix.BPF_B | unix.BPF_IND
	ld16x  = unix.BPF_LD | unix.BPF_H | unix.BPF_IND
	ldxIHL = unix.BPF_LDX | unix.BPF_B | unix.BPF_MSH
	jeq    = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	jset   = unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K
	ret    = unix.BPF_RET | unix.BPF_K

	// Ancillary loads: what is beside the packet. Source: linux/filter.h.
	adOff        = 0xfffff000 // SKF_AD_OFF
	adVLANTag    = adOff + 44
	adVLANActive = adOff + 48

	whole = 0xffff
)

// untagged drops what belongs to a VLAN of the link: its tag is beside the packet. VID 0 is a
// priority only.
var untagged = []ins{
	{code: ld32, k: adVLANActive},
	{code: jeq, k: 0, yes: "untagged"},
	{code: ld32, k: adVLANTag},
	{code: jset, k: 0x0fff, yes: "drop"},
}

// replies passes BOOTP replies to port 68, over IPv4 and not fragmented.
func replies() []unix.SockFilter {
	const ip = 14
	return assemble(untagged, []ins{
		{label: "untagged", code: ld16, k: 12},
		{code: jeq, k: unix.ETH_P_IP, no: "drop"},
		{code: ld8, k: ip + 9},
		{code: jeq, k: unix.IPPROTO_UDP, no: "drop"},
		{code: ld16, k: ip + 6},
		{code: jset, k: 0x3fff, yes: "drop"}, // more fragments, or an offset
		{code: ldxIHL, k: ip},
		{code: ld16x, k: ip + 2},
		{code: jeq, k: ClientPort, no: "drop"},
		{code: ld8x, k: ip + 8},
		{code: jeq, k: 2, no: "drop"}, // BOOTREPLY
		{code: ret, k: whole},
		{label: "drop", code: ret},
	})
}

// claims passes ARP messages whose sender has the address, or that probe for it.
func claims(a netip.Addr) []unix.SockFilter {
	const arp = 14
	b := a.As4()
	addr := binary.BigEndian.Uint32(b[:])
	return assemble(untagged, []ins{
		{label: "untagged", code: ld16, k: 12},
		{code: jeq, k: unix.ETH_P_ARP, no: "drop"},
		{code: ld32, k: arp + 14}, // the sender's
		{code: jeq, k: addr, yes: "take"},
		{code: jeq, k: 0, no: "drop"},
		{code: ld32, k: arp + 24}, // the target's
		{code: jeq, k: addr, no: "drop"},
		{label: "take", code: ret, k: whole},
		{label: "drop", code: ret},
	})
}

// assemble turns labels into distances.
func assemble(parts ...[]ins) []unix.SockFilter {
	var all []ins
	at := map[string]int{}
	for _, p := range parts {
		for _, i := range p {
			if i.label != "" {
				at[i.label] = len(all)
			}
			all = append(all, i)
		}
	}
	code := make([]unix.SockFilter, len(all))
	for n, i := range all {
		jump := func(label string) uint8 {
			if label == "" {
				return 0
			}
			return uint8(at[label] - n - 1)
		}
		code[n] = unix.SockFilter{Code: i.code, K: i.k, Jt: jump(i.yes), Jf: jump(i.no)}
	}
	return code
}
