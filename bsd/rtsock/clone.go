package rtsock

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/netfs-project/netfs/bsd"
)

// Create makes a link of the kind that its name begins with (Cloners): vlan7. It
// returns the name, as FreeBSD, DragonFly and Darwin choose the number if there is
// none; the others refuse that.
func (c *Client) Create(name string) (string, error) {
	got, err := c.ask(bsd.Create, &bsd.IfReq{Name: name})
	return got.Name, err
}

// Destroy removes a link that Create made.
func (c *Client) Destroy(link string) error { return c.do(bsd.Destroy, &bsd.IfReq{Name: link}) }

// maxList bounds how long a list may be said to be.
const maxList = 1 << 14

// Cloners lists the kinds of link that Create makes.
func (c *Client) Cloners() ([]string, error) {
	for room := 64; ; {
		got, err := c.ask(bsd.Cloners, &bsd.IfReq{Room: room})
		if err != nil || int(got.Total) <= room || room >= maxList {
			return got.Names, err
		}
		room = min(int(got.Total), maxList)
	}
}

// Rename gives a link another name. Only FreeBSD and DragonFly can; elsewhere the error
// is errors.ErrUnsupported.
func (c *Client) Rename(link, name string) error {
	return c.do(bsd.Rename, &bsd.IfReq{Name: link, NewName: name})
}

// A VLAN is what a vlan link stands on; without a parent it carries nothing.
type VLAN struct {
	Parent string
	ID     int // 0 is none

	tagType uint16 // what FreeBSD tells; kept when the rest changes
}

// dot1Q is the Ethernet type of a VLAN tag (ETHERTYPE_VLAN, net/ethernet.h).
const dot1Q = 0x8100

// VLAN tells what a vlan link stands on.
func (c *Client) VLAN(link string) (VLAN, error) {
	if c.layout.HasIoctl(bsd.GetVLAN) {
		got, err := c.ask(bsd.GetVLAN, &bsd.IfReq{Name: link})
		return VLAN{got.Parent, int(got.Tag), got.TagType}, err
	}
	id, err := c.ask(bsd.GetVNetID, &bsd.IfReq{Name: link})
	if err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
		return VLAN{}, err
	}
	parent, err := c.ask(bsd.GetParent, &bsd.IfReq{Name: link})
	if err != nil && !errors.Is(err, syscall.EADDRNOTAVAIL) {
		return VLAN{}, err
	}
	return VLAN{Parent: parent.Parent, ID: int(id.VNetID)}, nil
}

// SetVLAN puts a vlan link on another. Kernels do not move one that has a parent: it is
// taken off first, and put back if the new place is refused. OpenBSD wants the link to
// be down.
func (c *Client) SetVLAN(link string, v VLAN) error {
	old, err := c.VLAN(link)
	if err != nil || old.Parent == v.Parent && old.ID == v.ID {
		return err
	}
	v.tagType = old.tagType
	if old.Parent != "" {
		if err := c.putVLAN(link, VLAN{}); err != nil {
			return err
		}
	}
	if v.Parent == "" && v.ID == 0 {
		return nil
	}
	if err = c.putVLAN(link, v); err == nil {
		return nil
	}
	if e := c.putVLAN(link, old); old.Parent != "" && e != nil {
		return fmt.Errorf("%w; and the old parent could not be put back: %v", err, e)
	}
	return err
}

// putVLAN attaches a link that has no parent, or detaches it.
func (c *Client) putVLAN(link string, v VLAN) error {
	if c.layout.HasIoctl(bsd.SetVLAN) {
		if v.Parent == "" && v.ID != 0 {
			return &Error{link, fmt.Errorf("a vlan without a parent has no id on %s: %w", c.layout.OS, errors.ErrUnsupported)}
		}
		if v.tagType == 0 {
			v.tagType = dot1Q
		}
		return c.do(bsd.SetVLAN, &bsd.IfReq{Name: link, Parent: v.Parent, Tag: uint16(v.ID), TagType: v.tagType})
	}
	if v.Parent == "" {
		if err := c.do(bsd.DelParent, &bsd.IfReq{Name: link}); err != nil {
			return err
		}
	}
	if v.ID == 0 {
		return c.do(bsd.DelVNetID, &bsd.IfReq{Name: link})
	}
	if err := c.do(bsd.SetVNetID, &bsd.IfReq{Name: link, VNetID: int64(v.ID)}); err != nil || v.Parent == "" {
		return err
	}
	return c.do(bsd.SetParent, &bsd.IfReq{Name: link, Parent: v.Parent})
}

// AddMember makes a link a port of a bridge.
func (c *Client) AddMember(bridge, link string) error {
	return c.do(bsd.AddMember, &bsd.IfReq{Name: bridge, Member: link})
}

// DelMember takes a port from a bridge.
func (c *Client) DelMember(bridge, link string) error {
	return c.do(bsd.DelMember, &bsd.IfReq{Name: bridge, Member: link})
}

// Members lists the ports of a bridge.
func (c *Client) Members(bridge string) ([]string, error) {
	for room := 32; ; room *= 2 {
		got, err := c.ask(bsd.Members, &bsd.IfReq{Name: bridge, Room: room})
		if err != nil || len(got.Names) < room || room >= maxList {
			return got.Names, err
		}
	}
}
