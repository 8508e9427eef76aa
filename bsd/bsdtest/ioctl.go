package bsdtest

import (
	"net/netip"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/bsd"
)

// Ioctl carries out a request about a link, and tells of it as the kernels do.
func (k *Kernel) Ioctl(q *bsd.Request) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	op, r, err := k.layout.ParseRequest(q)
	if err != nil {
		return os.NewSyscallError("ioctl", syscall.ENOTTY)
	}
	e := k.fail[op]
	if e == 0 {
		e = k.control(op, q, &r)
	}
	if e != 0 {
		return os.NewSyscallError(q.Name, e)
	}
	if !slices.Contains(readers, op) {
		k.ioctls = append(k.ioctls, q.Name+" "+r.Name)
	}
	return nil
}

// readers are the requests that change nothing.
var readers = []bsd.Ioctl{bsd.GetAddrFlags6, bsd.GetAddrLifetime6, bsd.GetFlags, bsd.GetMTU, bsd.Cloners, bsd.GetVLAN, bsd.GetVNetID, bsd.GetParent, bsd.Members}

// Fail makes requests of a kind fail, until it is called with 0.
func (k *Kernel) Fail(op bsd.Ioctl, e syscall.Errno) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fail[op] = e
}

// Ioctls returns the requests that changed something since it was called last: name
// and link.
func (k *Kernel) Ioctls() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := k.ioctls
	k.ioctls = nil
	return all
}

// Uptime is an hour and more.
func (k *Kernel) Uptime() time.Duration { return time.Since(k.booted) }

func (k *Kernel) control(op bsd.Ioctl, q *bsd.Request, r *bsd.IfReq) syscall.Errno {
	l := k.named(r.Name)
	switch {
	case op == bsd.Cloners:
		return k.reply(op, q, &bsd.IfReq{Names: cloners, Total: int32(len(cloners))})
	case op == bsd.Create:
		return k.create(q, r)
	case l == nil:
		return syscall.ENXIO
	}
	switch op {
	case bsd.Destroy:
		return k.destroy(l)
	case bsd.Rename:
		return k.rename(l, r.NewName)
	case bsd.GetVLAN, bsd.SetVLAN, bsd.GetVNetID, bsd.SetVNetID, bsd.DelVNetID, bsd.GetParent, bsd.SetParent, bsd.DelParent:
		return k.vlan(op, l, q, r)
	case bsd.AddMember, bsd.DelMember, bsd.Members:
		return k.bridge(op, l, q, r)
	case bsd.AddAddr, bsd.AddAddr6:
		return k.addAddr(l, r)
	case bsd.DelAddr, bsd.DelAddr6:
		at := k.addrAt(l.Index, k.layout.Addr(r.Addr))
		if at < 0 {
			return syscall.EADDRNOTAVAIL
		}
		k.delAddr(l.Index, at)
	case bsd.GetAddrFlags6, bsd.GetAddrLifetime6:
		return k.answerAddr(op, l, q, r)
	case bsd.GetFlags:
		return k.reply(op, q, &bsd.IfReq{Name: r.Name, Flags: l.Flags})
	case bsd.SetFlags:
		l.Flags = k.cantChange(l.Flags, r.Flags)
		k.tell(k.linkMsg(l))
	case bsd.GetMTU:
		return k.reply(op, q, &bsd.IfReq{Name: r.Name, MTU: int32(l.MTU)})
	case bsd.SetMTU:
		if r.MTU < 72 || r.MTU > 9216 {
			return syscall.EINVAL
		}
		l.MTU = uint64(r.MTU)
		k.tell(k.linkMsg(l))
	case bsd.SetLLAddr:
		return k.setLLAddr(l, r.LLAddr)
	case bsd.AddLLAddr:
		d, ok := k.layout.Link(r.Addr)
		if !ok || r.Flags&bsd.IFLR_ACTIVE == 0 {
			return syscall.EINVAL
		}
		return k.setLLAddr(l, d.Addr)
	case bsd.DelLLAddr:
		if d, ok := k.layout.Link(r.Addr); !ok || slices.Equal(d.Addr, l.Addr) {
			return syscall.EBUSY
		}
	case bsd.AttachInet, bsd.AttachInet6:
		if l.Flags&k.layout.IFF("loopback") != 0 {
			return syscall.EOPNOTSUPP
		}
		return syscall.EEXIST
	default:
		return syscall.EOPNOTSUPP
	}
	return 0
}

// cantChange leaves the flags of IFF_CANTCHANGE (net/if.h) as they are. Where promisc is
// the kernel's, ppromisc asks for it.
func (k *Kernel) cantChange(old, asked uint32) uint32 {
	var fixed uint32
	for _, name := range []string{"broadcast", "pointopoint", "running", "oactive", "simplex", "multicast", "allmulti", "promisc"} {
		fixed |= k.layout.IFF(name)
	}
	flags := old&fixed | asked&^fixed
	if p := k.layout.IFF("ppromisc"); p != 0 {
		flags &^= k.layout.IFF("promisc")
		if asked&p != 0 {
			flags |= k.layout.IFF("promisc")
		}
	}
	return flags
}

func (k *Kernel) reply(op bsd.Ioctl, q *bsd.Request, r *bsd.IfReq) syscall.Errno {
	if k.layout.Reply(op, q, r) != nil {
		return syscall.EFAULT
	}
	return 0
}

func (k *Kernel) setLLAddr(l *Link, addr []byte) syscall.Errno {
	if len(l.Addr) == 0 || len(addr) != len(l.Addr) {
		return syscall.EINVAL
	}
	l.Addr = slices.Clone(addr)
	k.tell(k.linkMsg(l))
	return 0
}

// addrAt finds an address of a link; kernels have it once, whatever its prefix.
func (k *Kernel) addrAt(link uint16, a netip.Addr) int {
	a = a.WithZone("")
	return slices.IndexFunc(k.addrs[link], func(have address) bool { return have.Addr() == a })
}

func (k *Kernel) delAddr(link uint16, at int) {
	a := k.addrs[link][at]
	k.addrs[link] = slices.Delete(k.addrs[link], at, at+1)
	k.tell(k.addrMsg(link, &a, bsd.OpDelAddr))
}

// setAddr adds an address, or puts it in the place of the one that it is.
func (k *Kernel) setAddr(link uint16, a address) {
	a.since = time.Now()
	if at := k.addrAt(link, a.Addr()); at >= 0 {
		k.addrs[link][at] = a
	} else {
		k.addrs[link] = append(k.addrs[link], a)
	}
	k.tell(k.addrMsg(link, &a, bsd.OpNewAddr))
}

func (k *Kernel) addAddr(l *Link, r *bsd.IfReq) syscall.Errno {
	addr := k.layout.Addr(r.Addr)
	bits, ok := bsd.MaskBits(r.Mask, addr.Is6())
	if !addr.IsValid() || !ok {
		return syscall.EINVAL
	}
	if zone := addr.Zone(); zone != "" && zone != strconv.Itoa(int(l.Index)) {
		return syscall.EINVAL
	}
	a := address{Prefix: netip.PrefixFrom(addr.WithZone(""), bits), other: k.layout.Addr(r.Dst), valid: bsd.Forever, preferred: bsd.Forever}
	p2p := l.Flags&k.layout.IFF("pointopoint") != 0
	if addr.Is4() {
		if !a.other.IsValid() && !p2p {
			a.other = last(a.Prefix)
		}
		k.setAddr(l.Index, a)
		return 0
	}
	at := k.addrAt(l.Index, addr)
	switch {
	case at >= 0 && k.addrs[l.Index][at].Bits() != bits, // the prefix of an address is for life
		a.other.IsValid() && (!p2p || bits != 128),
		r.Preferred > r.Valid,
		r.Flags&(bsd.IN6_IFF_TENTATIVE|bsd.IN6_IFF_DUPLICATED) != 0:
		return syscall.EINVAL
	}
	a.flags, a.valid, a.preferred = r.Flags&^bsd.IN6_IFF_NODAD, r.Valid, r.Preferred
	k.setAddr(l.Index, a)
	return 0
}

func (k *Kernel) answerAddr(op bsd.Ioctl, l *Link, q *bsd.Request, r *bsd.IfReq) syscall.Errno {
	at := k.addrAt(l.Index, k.layout.Addr(r.Addr))
	if at < 0 {
		return syscall.EADDRNOTAVAIL
	}
	a := &k.addrs[l.Index][at]
	return k.reply(op, q, &bsd.IfReq{Name: r.Name, Flags: a.flags, Valid: a.valid, Preferred: a.preferred,
		Expire: k.end(a, a.valid), Deprecate: k.end(a, a.preferred)})
}

// end is when a lifetime ends, by the clock that the kernel has for it.
func (k *Kernel) end(a *address, life uint32) int64 {
	if life == bsd.Forever {
		return 0
	}
	from := a.since.Unix()
	if k.layout.OS == "freebsd" {
		from = int64(a.since.Sub(k.booted) / time.Second)
	}
	return from + int64(life)
}
