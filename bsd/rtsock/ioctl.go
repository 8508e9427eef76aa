package rtsock

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/bsd"
)

// ask makes a request about a link. The error is an *Error that names both.
func (c *Client) ask(op bsd.Ioctl, r *bsd.IfReq) (bsd.IfReq, error) {
	q, err := c.layout.Request(op, r)
	if err != nil {
		return bsd.IfReq{}, &Error{r.Name, err}
	}
	if err := c.sys.Ioctl(q); err != nil {
		return bsd.IfReq{}, &Error{q.Name + " " + r.Name, errno(err)}
	}
	return c.layout.Answer(op, q)
}

func (c *Client) do(op bsd.Ioctl, r *bsd.IfReq) error {
	_, err := c.ask(op, r)
	return err
}

// An Address is an address of a link, as it is to be.
type Address struct {
	Link   string
	Index  uint16 // of the link, for link-local addresses
	Prefix netip.Prefix
	Peer   netip.Addr // the other end of a point-to-point link

	Broadcast netip.Addr // IPv4; the zero Addr is the last of the network

	// IPv6.
	Flags            uint32 // bsd.IN6_IFF_*
	Valid, Preferred uint32 // lifetimes in seconds, or bsd.Forever
}

// SetAddr gives a link an address. If the link has it already it is changed: its
// lifetimes and flags over IPv6, its prefix and broadcast address over IPv4. It is
// the kernel's SIOCAIFADDR, which does not tell the two apart.
func (c *Client) SetAddr(a *Address) error {
	is6 := a.Prefix.Addr().Is6()
	r := &bsd.IfReq{Name: a.Link, Addr: c.sockaddr(a, a.Prefix.Addr()), Mask: c.layout.Mask(a.Prefix.Bits(), is6)}
	switch {
	case a.Peer.IsValid():
		r.Dst = c.sockaddr(a, a.Peer)
	case a.Broadcast.IsValid():
		r.Dst = c.layout.SockaddrOf(a.Broadcast)
	}
	if !is6 {
		if err := c.attach(bsd.AttachInet, a.Link); err != nil {
			return err
		}
		return c.do(bsd.AddAddr, r)
	}
	if err := c.attach(bsd.AttachInet6, a.Link); err != nil {
		return err
	}
	r.Flags, r.Valid, r.Preferred = a.Flags, a.Valid, a.Preferred
	return c.do(bsd.AddAddr6, r)
}

// attach gives a link a family, where that is apart from giving it an address. It may
// have it, or not be of a kind that needs it.
func (c *Client) attach(op bsd.Ioctl, link string) error {
	if !c.layout.HasIoctl(op) {
		return nil
	}
	err := c.do(op, &bsd.IfReq{Name: link})
	if errors.Is(err, syscall.EEXIST) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EOPNOTSUPP) {
		return nil
	}
	return err
}

// DelAddr takes an address from a link: SIOCDIFADDR. Only Link, Index and the address
// of a count.
func (c *Client) DelAddr(a *Address) error {
	op := bsd.DelAddr
	if a.Prefix.Addr().Is6() {
		op = bsd.DelAddr6
	}
	return c.do(op, &bsd.IfReq{Name: a.Link, Addr: c.sockaddr(a, a.Prefix.Addr())})
}

// AddrState tells the flags and what is left of the lifetimes of an IPv6 address of a
// link, in a's fields.
func (c *Client) AddrState(a *Address) error {
	r := &bsd.IfReq{Name: a.Link, Addr: c.sockaddr(a, a.Prefix.Addr())}
	got, err := c.ask(bsd.GetAddrFlags6, r)
	if err != nil {
		return err
	}
	a.Flags = got.Flags
	if got, err = c.ask(bsd.GetAddrLifetime6, r); err != nil {
		return err
	}
	a.Valid, a.Preferred = c.left(got.Valid, got.Expire), c.left(got.Preferred, got.Deprecate)
	return nil
}

// noUptime is longer than a machine is up, and earlier than its clock says: fifteen years.
const noUptime = 500_000_000

// left tells what is left of a lifetime. FreeBSD tells its end in seconds since the
// machine came up, others by the clock; the size of the number tells which.
func (c *Client) left(life uint32, end int64) uint32 {
	if life == bsd.Forever || end == 0 {
		return life
	}
	now := time.Now().Unix()
	if end < noUptime {
		now = int64(c.sys.Uptime() / time.Second)
	}
	return uint32(min(max(end-now, 0), int64(life)))
}

// sockaddr is an address as a link has it: a link-local one has its zone.
func (c *Client) sockaddr(a *Address, addr netip.Addr) bsd.Sockaddr {
	if addr.Is6() && addr.IsLinkLocalUnicast() {
		addr = addr.WithZone(strconv.Itoa(int(a.Index)))
	}
	return c.layout.SockaddrOf(addr)
}

// SetFlags sets and clears flags of a link (IFF_*, bsd.Layout.IFF), and leaves the
// others as they are: SIOCGIFFLAGS, SIOCSIFFLAGS.
func (c *Client) SetFlags(link string, set, clear uint32) error {
	got, err := c.ask(bsd.GetFlags, &bsd.IfReq{Name: link})
	if err != nil {
		return err
	}
	flags := got.Flags&^clear | set
	if flags == got.Flags {
		return nil
	}
	return c.do(bsd.SetFlags, &bsd.IfReq{Name: link, Flags: flags})
}

// SetMTU sets the largest packet of a link, in bytes: SIOCSIFMTU.
func (c *Client) SetMTU(link string, mtu int) error {
	return c.do(bsd.SetMTU, &bsd.IfReq{Name: link, MTU: int32(mtu)})
}

// SetLLAddr changes the link-layer address of a link, which was old: SIOCSIFLLADDR, or
// on NetBSD SIOCALIFADDR and SIOCDLIFADDR.
func (c *Client) SetLLAddr(link string, index uint16, addr, old []byte) error {
	if c.layout.HasIoctl(bsd.SetLLAddr) {
		return c.do(bsd.SetLLAddr, &bsd.IfReq{Name: link, LLAddr: addr})
	}
	dl := func(a []byte) bsd.Sockaddr { return c.layout.SockaddrOfLink(bsd.Link{Index: index, Addr: a}) }
	err := c.do(bsd.AddLLAddr, &bsd.IfReq{Name: link, Addr: dl(addr), Flags: bsd.IFLR_ACTIVE})
	if err != nil || len(old) == 0 || slices.Equal(old, addr) {
		return err
	}
	return c.do(bsd.DelLLAddr, &bsd.IfReq{Name: link, Addr: dl(old)})
}
