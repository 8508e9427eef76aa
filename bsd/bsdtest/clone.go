package bsdtest

import (
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/netfs-project/netfs/bsd"
)

// cloners are the kinds of link that can be made.
var cloners = []string{"vlan", "bridge", "lo", "tap"}

// Types of links (IFT_*, net/if_types.h).
const (
	iftEther  = 6
	iftLoop   = 24
	iftVLAN   = 135
	iftBridge = 209
)

// named finds a link.
func (k *Kernel) named(name string) *Link {
	at := slices.IndexFunc(k.links, func(l Link) bool { return l.Name == name })
	if at < 0 {
		return nil
	}
	return &k.links[at]
}

func (k *Kernel) create(q *bsd.Request, r *bsd.IfReq) syscall.Errno {
	kind := strings.TrimRight(r.Name, "0123456789")
	name := r.Name
	switch {
	case !slices.Contains(cloners, kind):
		return syscall.EINVAL
	case k.named(name) != nil:
		return syscall.EEXIST
	case kind == name && (k.layout.OS == "openbsd" || k.layout.OS == "netbsd"):
		return syscall.EINVAL
	case kind == name:
		n := 0
		for k.named(kind+strconv.Itoa(n)) != nil {
			n++
		}
		name += strconv.Itoa(n)
	}
	l := Link{Name: name, MTU: 1500, kind: kind, Flags: k.layout.IFF("multicast") | k.layout.IFF("broadcast")}
	if kind != "lo" {
		l.Addr = []byte{2, 0, 0, 0, 1, byte(k.next)}
	} else {
		l.Flags = k.layout.IFF("loopback") | k.layout.IFF("multicast")
	}
	k.add(l)
	return k.reply(bsd.Create, q, &bsd.IfReq{Name: name})
}

// destroy removes a link that was made, with its addresses and all that names it.
func (k *Kernel) destroy(l *Link) syscall.Errno {
	if l.kind == "" {
		return syscall.EINVAL
	}
	gone := *l
	for len(k.addrs[gone.Index]) > 0 {
		k.delAddr(gone.Index, 0)
	}
	gone.Flags = 0
	k.tell(k.linkMsg(&gone))
	k.links = slices.DeleteFunc(k.links, func(l Link) bool { return l.Index == gone.Index })
	for i := range k.links {
		if l := &k.links[i]; l.master == gone.Index {
			l.master = 0
		}
		if l := &k.links[i]; l.parent == gone.Index {
			l.parent = 0
		}
	}
	k.tell(&bsd.AnnounceMsg{Header: bsd.Header{Op: bsd.OpAnnounce}, Index: gone.Index, Name: gone.Name, What: 1})
	return 0
}

func (k *Kernel) rename(l *Link, name string) syscall.Errno {
	if name == "" || k.named(name) != nil {
		return syscall.EEXIST
	}
	k.tell(&bsd.AnnounceMsg{Header: bsd.Header{Op: bsd.OpAnnounce}, Index: l.Index, Name: l.Name, What: 1})
	l.Name = name
	k.tell(&bsd.AnnounceMsg{Header: bsd.Header{Op: bsd.OpAnnounce}, Index: l.Index, Name: l.Name})
	return 0
}

// vlan answers the requests about what a vlan stands on.
func (k *Kernel) vlan(op bsd.Ioctl, l *Link, q *bsd.Request, r *bsd.IfReq) syscall.Errno {
	if l.kind != "vlan" {
		return syscall.ENOTTY
	}
	parent := k.named(r.Parent)
	running := k.layout.OS == "openbsd" && l.Flags&k.layout.IFF("up") != 0
	switch op {
	case bsd.GetVLAN:
		return k.reply(op, q, &bsd.IfReq{Parent: k.nameOf(l.parent), Tag: l.tag, TagType: l.tagType})
	case bsd.GetVNetID:
		if l.tag == 0 {
			return syscall.EADDRNOTAVAIL
		}
		return k.reply(op, q, &bsd.IfReq{Name: l.Name, VNetID: int64(l.tag)})
	case bsd.GetParent:
		if l.parent == 0 {
			return syscall.EADDRNOTAVAIL
		}
		return k.reply(op, q, &bsd.IfReq{Name: l.Name, Parent: k.nameOf(l.parent)})
	case bsd.SetVLAN:
		switch {
		case r.Parent == "":
			l.parent, l.tag, l.tagType = 0, 0, 0
			return 0
		case l.parent != 0:
			return syscall.EBUSY
		case parent == nil:
			return syscall.ENOENT
		case r.Tag == 0 || r.Tag >= 4095:
			return syscall.EINVAL
		case k.layout.OS == "freebsd" && r.TagType != 0x8100 && r.TagType != 0x88a8:
			return syscall.EPROTONOSUPPORT
		}
		l.parent, l.tag, l.tagType = parent.Index, r.Tag, r.TagType
		l.Addr = slices.Clone(parent.Addr)
	case bsd.SetVNetID:
		if r.VNetID < 1 || r.VNetID > 4094 {
			return syscall.EINVAL
		}
		if running {
			return syscall.EBUSY
		}
		l.tag = uint16(r.VNetID)
	case bsd.SetParent:
		if parent == nil {
			return syscall.EINVAL
		}
		if running {
			return syscall.EBUSY
		}
		l.parent = parent.Index
		l.Addr = slices.Clone(parent.Addr)
	case bsd.DelVNetID, bsd.DelParent:
		if running {
			return syscall.EBUSY
		}
		if op == bsd.DelParent {
			l.parent = 0
		} else {
			l.tag = 0
		}
	}
	k.tell(k.linkMsg(l))
	return 0
}

func (k *Kernel) nameOf(index uint16) string {
	if l := k.link(index); l != nil {
		return l.Name
	}
	return ""
}

// bridge answers the requests about a bridge's ports.
func (k *Kernel) bridge(op bsd.Ioctl, l *Link, q *bsd.Request, r *bsd.IfReq) syscall.Errno {
	if l.kind != "bridge" {
		return syscall.EOPNOTSUPP
	}
	m := k.named(r.Member)
	switch {
	case op == bsd.Members:
		a := &bsd.IfReq{Name: l.Name}
		for _, m := range k.links {
			if m.master == l.Index && len(a.Names) < r.Room {
				a.Names = append(a.Names, m.Name)
			}
		}
		return k.reply(op, q, a)
	case m == nil:
		return syscall.ENOENT
	case op == bsd.AddMember && m.master != 0:
		return syscall.EBUSY
	case op == bsd.AddMember && (m == l || m.Flags&k.layout.IFF("loopback") != 0):
		return syscall.EINVAL
	case op == bsd.AddMember:
		m.master = l.Index
	case m.master != l.Index:
		return syscall.ENOENT
	default:
		m.master = 0
	}
	k.tell(k.linkMsg(m))
	return 0
}
