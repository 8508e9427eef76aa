package rawsock

import (
	"encoding/binary"
	"net/netip"

	"github.com/netfs-project/netfs/dhcp/wire"
)

// An insn is struct bpf_insn (net/bpf.h), struct sock_filter (linux/filter.h).
type insn struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

// A jump of an instruction is by label, so that a filter can be read. Source of the
// machine: Documentation/networking/filter.rst of Linux.
type ins struct {
	label string
	code  uint16
	k     uint32
	yes   string // of a comparison: where to go; "" is the next instruction
	no    string
}

// The instructions. Source: net/bpf.h, the same on every system.
const (
	ld32   = 0x20 // BPF_LD | BPF_W | BPF_ABS
	ld16   = 0x28 // BPF_LD | BPF_H | BPF_ABS
	ld8    = 0x30 // BPF_LD | BPF_B | BPF_ABS
	ld16x  = 0x48 // BPF_LD | BPF_H | BPF_IND
	ld32x  = 0x40 // BPF_LD | BPF_W | BPF_IND
	ld8x   = 0x50 // BPF_LD | BPF_B | BPF_IND
	ldxIHL = 0xb1 // BPF_LDX | BPF_B | BPF_MSH
	jeq    = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	jset   = 0x45 // BPF_JMP | BPF_JSET | BPF_K
	ret    = 0x06 // BPF_RET | BPF_K

	// Ancillary loads of Linux: what is beside the packet. Source: linux/filter.h.
	adOff        = 0xfffff000 // SKF_AD_OFF
	adVLANTag    = adOff + 44
	adVLANActive = adOff + 48

	whole = 0xffff
	head  = 14 // of a frame without a tag
	tag   = 4
)

// beside leads a frame of a type to "plain", and drops what belongs to a VLAN of the link: on
// Linux its tag is beside the packet. VID 0 is a priority only.
func beside(typ uint32, _ func(at uint32) []ins) []ins {
	return []ins{
		{code: ld32, k: adVLANActive},
		{code: jeq, k: 0, yes: "untagged"},
		{code: ld32, k: adVLANTag},
		{code: jset, k: 0x0fff, yes: "drop"},
		{label: "untagged", code: ld16, k: 12},
		{code: jeq, k: typ, yes: "plain", no: "drop"},
	}
}

// within is beside where the kernel shows the tag in the frame: body is what a priority
// tag is before.
func within(typ uint32, body func(at uint32) []ins) []ins {
	return append([]ins{
		{code: ld16, k: 12},
		{code: jeq, k: typ, yes: "plain"},
		{code: jeq, k: wire.TypeVLAN, no: "drop"},
		{code: ld16, k: head},
		{code: jset, k: 0x0fff, yes: "drop"},
		{code: ld16, k: head + 2},
		{code: jeq, k: typ, no: "drop"},
	}, body(head+tag)...)
}

// A tagged is beside or within.
type tagged func(typ uint32, body func(at uint32) []ins) []ins

// program takes frames of a type whose payload, which begins at a place, body takes.
func program(t tagged, typ uint32, body func(at uint32) []ins) []insn {
	plain := body(head)
	plain[0].label = "plain"
	return assemble(t(typ, body), plain, []ins{{label: "drop", code: ret}})
}

// udp drops all but whole UDP datagrams over IPv4. X is then the length of the IP header.
func udp(ip uint32) []ins {
	return []ins{
		{code: ld8, k: ip + 9},
		{code: jeq, k: wire.ProtoUDP, no: "drop"},
		{code: ld16, k: ip + 6},
		{code: jset, k: 0x3fff, yes: "drop"}, // more fragments, or an offset
		{code: ldxIHL, k: ip},
	}
}

// replies passes BOOTP replies to port 68, over IPv4 and not fragmented.
func replies(t tagged) []insn {
	return program(t, wire.TypeIPv4, func(ip uint32) []ins {
		return append(udp(ip), []ins{
			{code: ld16x, k: ip + 2},
			{code: jeq, k: ClientPort, no: "drop"},
			{code: ld8x, k: ip + 8},
			{code: jeq, k: 2, no: "drop"}, // BOOTREPLY
			{code: ret, k: whole},
		}...)
	})
}

// requests passes what a Raw sends.
func requests(t tagged) []insn {
	return program(t, wire.TypeIPv4, func(ip uint32) []ins {
		return append(udp(ip), []ins{
			{code: ld32x, k: ip}, // both ports
			{code: jeq, k: ClientPort<<16 | ServerPort, no: "drop"},
			{code: ret, k: whole},
		}...)
	})
}

// claims passes ARP messages whose sender has the address, or that probe for it.
func claims(t tagged, a netip.Addr) []insn {
	b := a.As4()
	addr := binary.BigEndian.Uint32(b[:])
	return program(t, wire.TypeARP, func(arp uint32) []ins {
		return []ins{
			{code: ld32, k: arp + 14}, // the sender's
			{code: jeq, k: addr, yes: "take"},
			{code: jeq, k: 0, no: "drop"},
			{code: ld32, k: arp + 24}, // the target's
			{code: jeq, k: addr, no: "drop"},
			{label: "take", code: ret, k: whole},
		}
	})
}

// anyARP passes all of ARP.
func anyARP(t tagged) []insn {
	return program(t, wire.TypeARP, func(uint32) []ins { return []ins{{code: ret, k: whole}} })
}

// assemble turns labels into distances.
func assemble(parts ...[]ins) []insn {
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
	code := make([]insn, len(all))
	for n, i := range all {
		jump := func(label string) uint8 {
			if label == "" {
				return 0
			}
			return uint8(at[label] - n - 1)
		}
		code[n] = insn{i.code, jump(i.yes), jump(i.no), i.k}
	}
	return code
}
