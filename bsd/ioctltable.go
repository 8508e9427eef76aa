package bsd

import "strings"

// The requests of each system: sys/sockio.h, netinet6/in6_var.h; their structs are of
// net/if.h, netinet/in_var.h and netinet6/in6_var.h. The numbers are computed from
// the structs' sizes, which are part of them.

// words are the sizes of C types of an architecture.
type words struct {
	ptr   uint8 // of a pointer, and of long
	time  uint8 // of time_t
	align uint8 // of numbers of 8 bytes
}

// arch32 are the architectures with pointers of 4 bytes.
const arch32 = " 386 arm armbe mips mipsle m68k ppc hppa "

func wordsOf(os, arch string) words {
	w := words{ptr: 8, time: 8, align: 8}
	if strings.Contains(arch32, " "+arch+" ") {
		w.ptr = 4
		if arch == "386" || arch == "m68k" {
			w.align = 4
		}
		if os == "freebsd" && arch == "386" {
			w.time = 4 // the only one left that counts to 2038
		}
	}
	return w
}

func ioctlsOf(os, arch string, afInet6 uint8) []ioctl {
	w := wordsOf(os, arch)
	switch os {
	case "freebsd":
		return freebsdIoctls(w, afInet6)
	case "openbsd":
		return openbsdIoctls(w, afInet6)
	case "netbsd":
		return netbsdIoctls(w, afInet6)
	case "dragonfly":
		return dragonflyIoctls(w, afInet6)
	case "darwin":
		return darwinIoctls(w, afInet6)
	}
	return nil
}

// ifName is IFNAMSIZ, with which all structs begin.
var ifName = pos{off: 0, size: 16}

// An ioctlForms has the forms of a system's arguments.
type ioctlForms struct {
	name, flags, mtu, lladdr, addr *reqForm
	alias                          *reqForm
	alias6                         *reqForm
	addr6, flags6, life6           *reqForm
	rename, vlan, cloners          *reqForm
}

// formsOf makes them. Struct ifreq has size bytes; flags of 32 bits are in two
// halves.
func formsOf(w words, size int, wide bool) *ioctlForms {
	const size6 = 288 // struct in6_ifreq, of which struct icmp6_ifstat is the largest part
	f := &ioctlForms{
		name:   &reqForm{len: size, name: ifName},
		flags:  &reqForm{len: size, name: ifName, flags: p2(16)},
		mtu:    &reqForm{len: size, name: ifName, mtu: p4(16)},
		lladdr: &reqForm{len: size, name: ifName, lladdr: pos{off: 16, size: 16}},
		addr:   &reqForm{len: size, name: ifName, addr: pos{off: 16, size: 16}},
		alias:  &reqForm{len: 64, name: ifName, addr: pos{off: 16, size: 16}, dst: pos{off: 32, size: 16}, mask: pos{off: 48, size: 16}},
		addr6:  &reqForm{len: size6, name: ifName, addr: pos{off: 16, size: 28}},
	}
	if wide {
		f.flags.high = p2(18)
	}
	// Answers take the place of the address.
	f.flags6, f.life6 = clone(f.addr6), clone(f.addr6)
	f.flags6.answer = &reqForm{len: size6, name: ifName, flags: p4(16)}
	f.life6.answer = &reqForm{len: size6, name: ifName}
	f.life6.answer.lifetime(w, 16)
	f.alias6 = &reqForm{name: ifName, addr: pos{off: 16, size: 28}, dst: pos{off: 44, size: 28}, mask: pos{off: 72, size: 28}, flags: p4(100)}
	f.alias6.len = f.alias6.lifetime(w, 104)
	data := pos{off: 16, size: w.ptr} // ifr_data
	f.rename = &reqForm{len: size, name: ifName, ptr: data, inner: &reqForm{len: 16, newname: ifName}}
	// struct vlanreq; FreeBSD 13 has the tag's protocol behind it, which it reads too.
	f.vlan = &reqForm{len: size, name: ifName, ptr: data, inner: &reqForm{len: 20, parent: ifName, tag: p2(16)}}
	// struct if_clonereq.
	f.cloners = &reqForm{len: int(8 + w.ptr), total: p4(0), count: p4(4), ptr: pos{off: 8, size: w.ptr}, inner: &reqForm{item: 16, member: ifName}}
	return f
}

// ifdrv is struct ifdrv in front of what a driver takes.
func ifdrv(w words, inner *reqForm) *reqForm {
	return &reqForm{len: 16 + 3*int(w.ptr), name: ifName, cmd: pos{off: 16, size: w.ptr}, size: pos{off: 16 + w.ptr, size: w.ptr},
		ptr: pos{off: 16 + 2*w.ptr, size: w.ptr}, inner: inner}
}

// bridge are the requests of if_bridge (net/if_bridgevar.h): struct ifbreq has size
// bytes, and begins with the member's name.
func bridge(w words, size int, list ioctl) []ioctl {
	one := ifdrv(w, &reqForm{len: size, member: ifName})
	return []ioctl{
		{AddMember, "SIOCSDRVSPEC", iow, 123, afInet, one, 0},
		{DelMember, "SIOCSDRVSPEC", iow, 123, afInet, one, 1},
		list,
	}
}

// members is BRDGGIFS: struct ifbifconf, whose pointer is at the offset at, to a list
// of struct ifbreq.
func members(w words, size int, at uint8) ioctl {
	conf := &reqForm{len: int(at + w.ptr), size: p4(0), ptr: pos{off: at, size: w.ptr}, inner: &reqForm{item: size, member: ifName}}
	return ioctl{Members, "SIOCGDRVSPEC", iowr, 123, afInet, ifdrv(w, conf), 6}
}

// lifetime places struct in6_addrlifetime at an offset, and returns its end.
func (f *reqForm) lifetime(w words, at uint8) int {
	f.expire = pos{off: at, size: w.time}
	f.deprecate = pos{off: at + w.time, size: w.time}
	f.valid, f.preferred = p4(at+2*w.time), p4(at+2*w.time+4)
	return int(at + 2*w.time + 8)
}

func clone(f *reqForm) *reqForm {
	c := *f
	return &c
}

// common are the requests that have the same numbers on all systems.
func (f *ioctlForms) common(af6 uint8) []ioctl {
	return []ioctl{
		{DelAddr, "SIOCDIFADDR", iow, 25, afInet, f.addr, 0},
		{DelAddr6, "SIOCDIFADDR_IN6", iow, 25, af6, f.addr6, 0},
		{GetAddrFlags6, "SIOCGIFAFLAG_IN6", iowr, 73, af6, f.flags6, 0},
		{SetFlags, "SIOCSIFFLAGS", iow, 16, afInet, f.flags, 0},
		{GetFlags, "SIOCGIFFLAGS", iowr, 17, afInet, f.flags, 0},
		{Destroy, "SIOCIFDESTROY", iow, 121, afInet, f.name, 0},
	}
}

// FreeBSD 10 gave both structs of addresses a vhid, and new numbers.
func freebsdIoctls(w words, af6 uint8) []ioctl {
	f := formsOf(w, 32, true)
	f.alias.vhid, f.alias.len = p4(64), 68
	f.vlan.inner.tagType = p2(18)
	end := f.alias6.len
	f.alias6.vhid = p4(uint8(end))
	f.alias6.len = roundUp(end+4, min(int(w.time), int(w.align)))
	return append(append(f.common(af6), bridge(w, 80, members(w, 80, w.ptr))...),
		ioctl{AddAddr, "SIOCAIFADDR", iow, 43, afInet, f.alias, 0},
		ioctl{AddAddr6, "SIOCAIFADDR_IN6", iow, 27, af6, f.alias6, 0},
		ioctl{GetAddrLifetime6, "SIOCGIFALIFETIME_IN6", iowr, 81, af6, f.life6, 0},
		ioctl{GetMTU, "SIOCGIFMTU", iowr, 51, afInet, f.mtu, 0},
		ioctl{SetMTU, "SIOCSIFMTU", iow, 52, afInet, f.mtu, 0},
		ioctl{SetLLAddr, "SIOCSIFLLADDR", iow, 60, afInet, f.lladdr, 0},
		ioctl{Create, "SIOCIFCREATE", iowr, 122, afInet, f.name, 0},
		ioctl{Cloners, "SIOCIFGCLONERS", iowr, 120, afInet, f.cloners, 0},
		ioctl{Rename, "SIOCSIFNAME", iow, 40, afInet, f.rename, 0},
		ioctl{SetVLAN, "SIOCSETVLAN", iow, 57, afInet, f.vlan, 0},
		ioctl{GetVLAN, "SIOCGETVLAN", iowr, 58, afInet, f.vlan, 0},
	)
}

// OpenBSD's vlans are links with a parent and a number; its bridges have requests of
// their own. The list of members (struct ifbifconf) has the size of one.
func openbsdIoctls(w words, af6 uint8) []ioctl {
	f := formsOf(w, 32, false)
	ifbreq := roundUp(92, int(w.align)) // struct ifbreq (net/if_bridge.h)
	vnetid := &reqForm{len: 32, name: ifName, vnetid: p8(16)}
	parent := &reqForm{len: 32, name: ifName, parent: pos{off: 16, size: 16}}
	member := &reqForm{len: ifbreq, name: ifName, member: pos{off: 16, size: 16}}
	members := &reqForm{len: ifbreq, name: ifName, size: p4(16), ptr: pos{off: 16 + w.ptr, size: w.ptr},
		inner: &reqForm{item: ifbreq, member: pos{off: 16, size: 16}}}
	return append(f.common(af6),
		ioctl{AddAddr, "SIOCAIFADDR", iow, 26, afInet, f.alias, 0},
		ioctl{AddAddr6, "SIOCAIFADDR_IN6", iow, 26, af6, f.alias6, 0},
		ioctl{GetAddrLifetime6, "SIOCGIFALIFETIME_IN6", iowr, 81, af6, f.life6, 0},
		ioctl{GetMTU, "SIOCGIFMTU", iowr, 126, afInet, f.mtu, 0},
		ioctl{SetMTU, "SIOCSIFMTU", iow, 127, afInet, f.mtu, 0},
		ioctl{SetLLAddr, "SIOCSIFLLADDR", iow, 31, afInet, f.lladdr, 0},
		ioctl{Create, "SIOCIFCREATE", iow, 122, afInet, f.name, 0},
		ioctl{Cloners, "SIOCIFGCLONERS", iowr, 120, afInet, f.cloners, 0},
		ioctl{SetVNetID, "SIOCSVNETID", iow, 166, afInet, vnetid, 0},
		ioctl{GetVNetID, "SIOCGVNETID", iowr, 167, afInet, vnetid, 0},
		ioctl{DelVNetID, "SIOCDVNETID", iow, 175, afInet, f.name, 0},
		ioctl{SetParent, "SIOCSIFPARENT", iow, 178, afInet, parent, 0},
		ioctl{GetParent, "SIOCGIFPARENT", iowr, 179, afInet, parent, 0},
		ioctl{DelParent, "SIOCDIFPARENT", iow, 180, afInet, f.name, 0},
		ioctl{AddMember, "SIOCBRDGADD", iow, 60, afInet, member, 0},
		ioctl{DelMember, "SIOCBRDGDEL", iow, 61, afInet, member, 0},
		ioctl{Members, "SIOCBRDGIFS", iowr, 66, afInet, members, 0},
	)
}

// NetBSD's struct ifreq has 128 bytes for what it holds, and link-layer addresses are
// a list.
func netbsdIoctls(w words, af6 uint8) []ioctl {
	f := formsOf(w, 144, false)
	// BRDGGIFS of today, for which the kernel itself makes struct ifbifconf.
	list := ioctl{Members, "SIOCGDRVSPEC", iowr, 123, afInet, ifdrv(w, &reqForm{item: 24, member: ifName}), 25}
	laddr := &reqForm{len: 280, name: ifName, flags: p4(16), prefix: p4(20), addr: pos{off: 24, size: 128}, dst: pos{off: 152, size: 128}}
	return append(append(f.common(af6), bridge(w, 24, list)...),
		ioctl{AddAddr, "SIOCAIFADDR", iow, 26, afInet, f.alias, 0},
		ioctl{AddAddr6, "SIOCAIFADDR_IN6", iow, 107, af6, f.alias6, 0},
		ioctl{GetAddrLifetime6, "SIOCGIFALIFETIME_IN6", iowr, 106, af6, f.life6, 0},
		ioctl{GetMTU, "SIOCGIFMTU", iowr, 126, afInet, f.mtu, 0},
		ioctl{SetMTU, "SIOCSIFMTU", iow, 127, afInet, f.mtu, 0},
		ioctl{AddLLAddr, "SIOCALIFADDR", iow, 28, afLink, laddr, 0},
		ioctl{DelLLAddr, "SIOCDLIFADDR", iow, 30, afLink, laddr, 0},
		ioctl{Create, "SIOCIFCREATE", iow, 122, afInet, f.name, 0},
		ioctl{Cloners, "SIOCIFGCLONERS", iowr, 120, afInet, f.cloners, 0},
		ioctl{SetVLAN, "SIOCSETVLAN", iow, 57, afInet, f.vlan, 0},
		ioctl{GetVLAN, "SIOCGETVLAN", iowr, 58, afInet, f.vlan, 0},
	)
}

func dragonflyIoctls(w words, af6 uint8) []ioctl {
	f := formsOf(w, 32, true)
	return append(append(f.common(af6), bridge(w, 112, members(w, 112, w.ptr))...),
		ioctl{AddAddr, "SIOCAIFADDR", iow, 26, afInet, f.alias, 0},
		ioctl{AddAddr6, "SIOCAIFADDR_IN6", iow, 26, af6, f.alias6, 0},
		ioctl{GetAddrLifetime6, "SIOCGIFALIFETIME_IN6", iowr, 81, af6, f.life6, 0},
		ioctl{GetMTU, "SIOCGIFMTU", iowr, 51, afInet, f.mtu, 0},
		ioctl{SetMTU, "SIOCSIFMTU", iow, 52, afInet, f.mtu, 0},
		ioctl{SetLLAddr, "SIOCSIFLLADDR", iow, 60, afInet, f.lladdr, 0},
		ioctl{Create, "SIOCIFCREATE", iowr, 122, afInet, f.name, 0},
		ioctl{Cloners, "SIOCIFGCLONERS", iowr, 120, afInet, f.cloners, 0},
		ioctl{Rename, "SIOCSIFNAME", iow, 40, afInet, f.rename, 0},
		ioctl{SetVLAN, "SIOCSETVLAN", iow, 57, afInet, f.vlan, 0},
		ioctl{GetVLAN, "SIOCGETVLAN", iowr, 58, afInet, f.vlan, 0},
	)
}

func darwinIoctls(w words, af6 uint8) []ioctl {
	f := formsOf(w, 32, false)
	return append(append(f.common(af6), bridge(w, 80, members(w, 80, 4))...),
		ioctl{AddAddr, "SIOCAIFADDR", iow, 26, afInet, f.alias, 0},
		ioctl{AddAddr6, "SIOCAIFADDR_IN6", iow, 26, af6, f.alias6, 0},
		ioctl{GetAddrLifetime6, "SIOCGIFALIFETIME_IN6", iowr, 81, af6, f.life6, 0},
		ioctl{GetMTU, "SIOCGIFMTU", iowr, 51, afInet, f.mtu, 0},
		ioctl{SetMTU, "SIOCSIFMTU", iow, 52, afInet, f.mtu, 0},
		ioctl{SetLLAddr, "SIOCSIFLLADDR", iow, 60, afInet, f.lladdr, 0},
		ioctl{AttachInet, "SIOCPROTOATTACH", iowr, 80, afInet, f.name, 0},
		ioctl{AttachInet6, "SIOCPROTOATTACH_IN6", iowr, 110, af6, f.alias6, 0},
		ioctl{Create, "SIOCIFCREATE", iowr, 120, afInet, f.name, 0},
		ioctl{Cloners, "SIOCIFGCLONERS", iowr, 129, afInet, f.cloners, 0},
		ioctl{SetVLAN, "SIOCSETVLAN", iow, 126, afInet, f.vlan, 0},
		ioctl{GetVLAN, "SIOCGETVLAN", iowr, 127, afInet, f.vlan, 0},
	)
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
