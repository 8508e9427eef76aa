package bsd

import (
	"errors"
	"fmt"
)

// An Ioctl is a request about a link (sys/sockio.h, netinet6/in6_var.h), whatever
// its number on a system.
type Ioctl uint8

// The requests. Those of IPv6 are for a socket of AF_INET6.
const (
	IoctlNone        Ioctl = iota
	AddAddr                // SIOCAIFADDR: adds an IPv4 address, or changes it
	DelAddr                // SIOCDIFADDR
	AddAddr6               // SIOCAIFADDR_IN6: adds an IPv6 address, or changes its lifetimes
	DelAddr6               // SIOCDIFADDR_IN6
	GetAddrFlags6          // SIOCGIFAFLAG_IN6: IN6_IFF_*
	GetAddrLifetime6       // SIOCGIFALIFETIME_IN6
	GetFlags               // SIOCGIFFLAGS: IFF_*
	SetFlags               // SIOCSIFFLAGS: all of them
	GetMTU                 // SIOCGIFMTU
	SetMTU                 // SIOCSIFMTU
	SetLLAddr              // SIOCSIFLLADDR; NetBSD has AddLLAddr
	AddLLAddr              // SIOCALIFADDR of NetBSD, on a socket of AF_LINK
	DelLLAddr              // SIOCDLIFADDR of NetBSD, likewise
	AttachInet             // SIOCPROTOATTACH of Darwin: a link has IPv4
	AttachInet6            // SIOCPROTOATTACH_IN6 of Darwin
	Create                 // SIOCIFCREATE: makes a link; on FreeBSD, DragonFly and Darwin the answer has its whole name
	Destroy                // SIOCIFDESTROY
	Cloners                // SIOCIFGCLONERS: the kinds of link that can be made
	Rename                 // SIOCSIFNAME of FreeBSD and DragonFly
	GetVLAN                // SIOCGETVLAN; OpenBSD has the next ones
	SetVLAN                // SIOCSETVLAN
	GetVNetID              // SIOCGVNETID of OpenBSD
	SetVNetID              // SIOCSVNETID
	DelVNetID              // SIOCDVNETID
	GetParent              // SIOCGIFPARENT of OpenBSD
	SetParent              // SIOCSIFPARENT
	DelParent              // SIOCDIFPARENT
	AddMember              // BRDGADD by SIOCSDRVSPEC, SIOCBRDGADD of OpenBSD: a link joins a bridge
	DelMember              // BRDGDEL, SIOCBRDGDEL
	Members                // BRDGGIFS by SIOCGDRVSPEC, SIOCBRDGIFS
)

// An IfReq is the argument of a request: struct ifreq, in6_ifreq, ifaliasreq,
// in6_aliasreq, if_laddrreq, and what they point to. A request has a part of it.
type IfReq struct {
	Name string // of the link
	Addr Sockaddr
	Dst  Sockaddr // the other end, or the broadcast address
	Mask Sockaddr
	// Flags are IFF_* (Layout.IFF), IN6_IFF_* or IFLR_*.
	Flags  uint32
	MTU    int32
	LLAddr []byte
	VHID   int32 // FreeBSD: carp
	// Lifetimes of an IPv6 address.
	Valid, Preferred uint32 // seconds, Forever; as they were given
	// When they end, in seconds of a clock: Layout.Uptime. In answers only; 0 is never.
	Expire, Deprecate int64
	PrefixLen         uint32 // if_laddrreq

	NewName string // of Rename
	Parent  string // the link below a vlan; "" is none
	Tag     uint16 // VLAN id
	TagType uint16 // FreeBSD: the Ethernet type of the tag, 0x8100 is 802.1Q
	VNetID  int64
	Member  string // of a bridge

	// The list of an answer, of which Total are there; Room are asked for.
	Names []string
	Total int32
	Room  int
}

// Forever is a lifetime without end (ND6_INFINITE_LIFETIME, netinet6/nd6.h).
const Forever = 1<<32 - 1

// Flags of an IPv6 address (netinet6/in6_var.h), of the same value on all systems.
const (
	IN6_IFF_ANYCAST    = 0x01
	IN6_IFF_TENTATIVE  = 0x02
	IN6_IFF_DUPLICATED = 0x04
	IN6_IFF_DETACHED   = 0x08
	IN6_IFF_DEPRECATED = 0x10
	IN6_IFF_NODAD      = 0x20 // OpenBSD has none
	IN6_IFF_AUTOCONF   = 0x40
	IN6_IFF_TEMPORARY  = 0x80
)

// Flags of if_laddrreq (net/if.h of NetBSD).
const (
	IFLR_ACTIVE = 0x4000 // the address that the link uses
	IFLR_PREFIX = 0x8000
)

// A Request is an ioctl in the form that a kernel takes, and holds its answer after
// it.
type Request struct {
	Name   string // SIOCAIFADDR
	Family uint8  // of the socket that it is made on: AF_*
	Num    uint32
	// Parts are the argument, and what it points to: each has a pointer to the next at
	// the offset of the same index in Ptrs.
	Parts [][]byte
	Ptrs  []int
}

// An ioctl is one request of a system.
type ioctl struct {
	op     Ioctl
	name   string
	dir    uint32
	num    uint8
	family uint8
	form   *reqForm
	cmd    uint64 // of SIOCSDRVSPEC, SIOCGDRVSPEC: struct ifdrv
}

// Directions of an argument (IOC_*, sys/ioccom.h).
const (
	iow  = 1 << 31
	iowr = 3 << 30
)

// number is _IOW and _IOWR of sys/ioccom.h with the group 'i'.
func (i *ioctl) number() uint32 {
	return i.dir | uint32(i.form.len&0x1fff)<<16 | 'i'<<8 | uint32(i.num)
}

func (l *Layout) ioctl(op Ioctl) *ioctl {
	for i := range l.ioctls {
		if l.ioctls[i].op == op {
			return &l.ioctls[i]
		}
	}
	return nil
}

// HasIoctl reports whether this system has a request.
func (l *Layout) HasIoctl(op Ioctl) bool { return l.ioctl(op) != nil }

// Request makes a request. Where the system has none the error is
// errors.ErrUnsupported; a name or an address that is too long for its field is an
// error.
func (l *Layout) Request(op Ioctl, r *IfReq) (*Request, error) {
	i := l.ioctl(op)
	if i == nil {
		return nil, fmt.Errorf("no such request on %s: %w", l.OS, errors.ErrUnsupported)
	}
	if err := i.form.fits(r); err != nil {
		return nil, err
	}
	q := &Request{Name: i.name, Family: i.family, Num: i.number()}
	for f := i.form; f != nil; f = f.inner {
		q.Parts = append(q.Parts, make([]byte, f.len+f.item*r.Room))
		q.Ptrs = append(q.Ptrs, int(f.ptr.off))
	}
	w := l.parts(i.form, q, r, true)
	w.used = i.form.listItem() * r.Room
	w.code(i.cmd)
	return q, nil
}

// ParseRequest tells what a request asks: the reverse of Request. What the parts are
// too short for is an error.
func (l *Layout) ParseRequest(q *Request) (Ioctl, IfReq, error) {
	for n := range l.ioctls {
		i := &l.ioctls[n]
		if i.number() != q.Num || i.family != q.Family {
			continue
		}
		if i.form.cmd.size != 0 && len(q.Parts) > 0 && len(q.Parts[0]) >= i.form.len {
			var cmd uint64
			num(&coder{b: q.Parts[0], order: l.order}, i.form.cmd, &cmd)
			if cmd != i.cmd {
				continue
			}
		}
		r, err := l.parse(i.form, q)
		return i.op, r, err
	}
	return IoctlNone, IfReq{}, fmt.Errorf("request %#x of %s: %w", q.Num, l.OS, errors.ErrUnsupported)
}

// Answer reads what a kernel answered to a request of the operation op.
func (l *Layout) Answer(op Ioctl, q *Request) (IfReq, error) {
	i := l.ioctl(op)
	if i == nil {
		return IfReq{}, fmt.Errorf("no such request on %s: %w", l.OS, errors.ErrUnsupported)
	}
	f := i.form
	if f.answer != nil {
		f = f.answer
	}
	return l.parse(f, q)
}

// Reply writes an answer into a request, as a kernel does.
func (l *Layout) Reply(op Ioctl, q *Request, r *IfReq) error {
	i := l.ioctl(op)
	if i == nil {
		return fmt.Errorf("no such request on %s: %w", l.OS, errors.ErrUnsupported)
	}
	f := i.form
	if f.answer != nil {
		f = f.answer
	}
	if err := f.enough(q); err != nil {
		return err
	}
	w := l.parts(f, q, r, true)
	w.used = f.listItem() * len(r.Names)
	w.code(i.cmd)
	return nil
}

func (l *Layout) parse(f *reqForm, q *Request) (r IfReq, err error) {
	if err := f.enough(q); err != nil {
		return r, err
	}
	l.parts(f, q, &r, false).code(0)
	return r, nil
}

// enough reports whether a request has the parts of a form.
func (f *reqForm) enough(q *Request) error {
	for n := 0; f != nil; n, f = n+1, f.inner {
		if n >= len(q.Parts) || len(q.Parts[n]) < f.len {
			return fmt.Errorf("the argument of request %#x is too short", q.Num)
		}
	}
	return nil
}

// listItem is the size of an item of the list at the end of a form's parts, 0 if it
// has none.
func (f *reqForm) listItem() int {
	for f.inner != nil {
		f = f.inner
	}
	return f.item
}

// A parts codes all parts of a request.
type parts struct {
	l     *Layout
	f     *reqForm
	q     *Request
	r     *IfReq
	write bool
	used  int // bytes of the list: when writing, known before; when reading, as a part tells
}

func (l *Layout) parts(f *reqForm, q *Request, r *IfReq, write bool) *parts {
	return &parts{l: l, f: f, q: q, r: r, write: write}
}

func (w *parts) code(cmd uint64) {
	for n, f := 0, w.f; f != nil; n, f = n+1, f.inner {
		b := w.q.Parts[n]
		if f.item != 0 {
			w.list(f, b)
			return
		}
		c := &coder{b: b[:f.len], order: w.l.order, write: w.write, fresh: w.write}
		f.code(c, w.r)
		field(c, f.cmd, &cmd)
		if f.inner == nil {
			return
		}
		next := len(w.q.Parts[n+1])
		size := uint64(next)
		if f.inner.item != 0 {
			size = uint64(min(w.used, next))
			w.room(c, f, next/f.inner.item)
		}
		field(c, f.size, &size)
		if f.size.size != 0 && f.inner.item != 0 {
			w.used = int(min(size, uint64(next)))
		}
	}
}

// room codes how many items of a list there is room for, and how many there are, where
// a struct counts them.
func (w *parts) room(c *coder, f *reqForm, room int) {
	if f.count.size == 0 {
		return
	}
	count := int32(room)
	num(c, f.count, &count)
	num(c, f.total, &w.r.Total)
	if !w.write {
		w.used = int(min(max(w.r.Total, 0), max(count, 0), int32(room))) * f.inner.item
	}
}

// list codes names, each at the same place of its item.
func (w *parts) list(f *reqForm, b []byte) {
	room := len(b) / f.item
	if w.write {
		for i := range min(room, len(w.r.Names)) {
			text(&coder{b: b[i*f.item : (i+1)*f.item], write: true}, f.member, &w.r.Names[i])
		}
		return
	}
	w.r.Room, w.r.Names = room, nil
	for i := range min(room, w.used/f.item) {
		var name string
		text(&coder{b: b[i*f.item : (i+1)*f.item]}, f.member, &name)
		if name != "" {
			w.r.Names = append(w.r.Names, name)
		}
	}
}

// A reqForm is the struct of a request's argument: where its fields are.
type reqForm struct {
	len                            int
	name                           pos
	addr, dst, mask                pos // room for a sockaddr
	flags, high, mtu, vhid, prefix pos // high: the upper half of the flags
	lladdr                         pos // a sockaddr whose length is that of the address
	expire, deprecate              pos
	valid, preferred               pos
	newname, parent, member        pos // texts
	tag, tagType, vnetid           pos

	cmd          pos
	size         pos // bytes of what ptr points to
	count, total pos // items of it
	item         int // it is a list of any length, with member in each item

	ptr    pos // to inner
	inner  *reqForm
	answer *reqForm // what the kernel writes over the argument; nil: the same
}

func (f *reqForm) code(c *coder, r *IfReq) {
	text(c, f.name, &r.Name)
	sockaddr(c, f.addr, &r.Addr)
	sockaddr(c, f.dst, &r.Dst)
	sockaddr(c, f.mask, &r.Mask)
	f.codeFlags(c, &r.Flags)
	field(c, f.mtu, &r.MTU)
	field(c, f.vhid, &r.VHID)
	field(c, f.prefix, &r.PrefixLen)
	lladdr(c, f.lladdr, &r.LLAddr)
	field(c, f.expire, &r.Expire)
	field(c, f.deprecate, &r.Deprecate)
	field(c, f.valid, &r.Valid)
	field(c, f.preferred, &r.Preferred)
	text(c, f.newname, &r.NewName)
	text(c, f.parent, &r.Parent)
	text(c, f.member, &r.Member)
	field(c, f.tag, &r.Tag)
	field(c, f.tagType, &r.TagType)
	field(c, f.vnetid, &r.VNetID)
}

// field moves a number if the form has it: unlike num it leaves the others alone,
// which another part of the request may have.
func field[T integer](c *coder, p pos, v *T) {
	if p.size != 0 {
		num(c, p, v)
	}
}

func (f *reqForm) codeFlags(c *coder, v *uint32) {
	if f.high.size == 0 {
		field(c, f.flags, v)
		return
	}
	low, high := *v&0xffff, *v>>16
	num(c, f.flags, &low)
	num(c, f.high, &high)
	*v = low | high<<16
}

// sockaddr moves an address; an empty one leaves its place zero.
func sockaddr(c *coder, p pos, v *Sockaddr) {
	if p.size == 0 {
		return
	}
	b := c.b[p.off : int(p.off)+int(p.size)]
	if c.write {
		clear(b[copy(b, *v):])
		return
	}
	*v = nil
	if n := min(int(b[0]), len(b)); n > 0 {
		*v = Sockaddr(b[:n:n])
	}
}

// lladdr moves a link-layer address: sa_len is its length, the family AF_LINK.
func lladdr(c *coder, p pos, v *[]byte) {
	if p.size == 0 {
		return
	}
	b := c.b[p.off : int(p.off)+int(p.size)]
	if c.write {
		b[0], b[1] = byte(len(*v)), afLink
		clear(b[2+copy(b[2:], *v):])
		return
	}
	n := min(int(b[0]), len(b)-2)
	*v = b[2 : 2+n : 2+n]
}

// fits refuses what would be cut.
func (f *reqForm) fits(r *IfReq) error {
	for ; f != nil; f = f.inner {
		for _, n := range []struct {
			p    pos
			name string
		}{{f.name, r.Name}, {f.newname, r.NewName}, {f.parent, r.Parent}, {f.member, r.Member}} {
			if n.p.size != 0 && len(n.name) >= int(n.p.size) {
				return fmt.Errorf("link name %q is longer than %d bytes", n.name, n.p.size-1)
			}
		}
		switch {
		case f.lladdr.size != 0 && len(r.LLAddr) > int(f.lladdr.size)-2:
			return fmt.Errorf("link-layer address of %d bytes, at most %d fit", len(r.LLAddr), f.lladdr.size-2)
		}
		for _, a := range []struct {
			p pos
			s Sockaddr
		}{{f.addr, r.Addr}, {f.dst, r.Dst}, {f.mask, r.Mask}} {
			if a.p.size != 0 && len(a.s) > int(a.p.size) {
				return fmt.Errorf("sockaddr of %d bytes, at most %d fit", len(a.s), a.p.size)
			}
		}
	}
	return nil
}
