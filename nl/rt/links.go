package rt

import (
	"context"
	"iter"
	"net/netip"

	"github.com/netfs-project/netfs/nl"
)

// A LinkFilter says which links a dump is for, and what of them. The zero value is all links
// of the namespace with all they have but SR-IOV functions.
type LinkFilter struct {
	Family     uint8  // AF_BRIDGE: the bridge's view of ports
	Kind       string // "veth"
	Master     int32  // index of the bridge, bond, vrf ...
	NoStats    bool   // leaves the statistics of AF.Inet6 out, which are long
	VLANs      bool   // of family AF_BRIDGE: Bridge.VLANs, ranges compressed
	VFs        bool
	TargetNSID int32 // look into this namespace, if ByNSID
	ByNSID     bool
	Rest       bool // keep unknown attributes in Rest
}

func (f *LinkFilter) request() *Link {
	q := &Link{Master: f.Master, ExtMask: f.mask()}
	q.Hdr.Family = f.Family
	if f.Kind != "" {
		q.Info.Kind = f.Kind
	}
	if f.ByNSID {
		q.TargetNSID = f.TargetNSID
		q.Has |= LinkTargetNSID
	}
	return q
}

func (f *LinkFilter) mask() (m uint32) {
	if f.NoStats {
		m |= RTEXT_FILTER_SKIP_STATS
	}
	if f.VLANs {
		m |= RTEXT_FILTER_BRVLAN_COMPRESSED
	}
	if f.VFs {
		m |= RTEXT_FILTER_VF
	}
	return m
}

func (f *LinkFilter) match(m *Link) bool {
	return (f.Kind == "" || m.Info.Kind == f.Kind || f.Family == AF_BRIDGE) && (f.Master == 0 || m.Master == f.Master)
}

// Links yields the links that f describes. The link is borrowed until the next step. A dump that was
// torn ends with nl.ErrTorn.
func Links(ctx context.Context, c *nl.Client, f LinkFilter) iter.Seq2[*Link, error] {
	m := &Link{}
	if f.Rest {
		m.Has = LinkRest
	}
	return dump(ctx, c, nl.Request{Type: RTM_GETLINK, Body: f.request()}, RTM_NEWLINK, m, f.match)
}

// LinkByIndex asks for one link. It fails with ENODEV if there is none.
func LinkByIndex(ctx context.Context, c *nl.Client, index int32) (*Link, error) {
	q := &Link{}
	q.Hdr.Index = index
	m := &Link{Has: LinkRest}
	return m, GetLink(ctx, c, q, m)
}

// LinkByName asks for the link that has name as its name or as one of the others. It
// fails with ENODEV if there is none.
func LinkByName(ctx context.Context, c *nl.Client, name string) (*Link, error) {
	q := &Link{Name: name}
	if len(name) >= nameSize {
		q = &Link{AltName: name}
	}
	m := &Link{Has: LinkRest}
	return m, GetLink(ctx, c, q, m)
}

// nameSize is IFNAMSIZ (linux/if.h): a name and its NUL.
const nameSize = 16

// GetLink asks for the link that q names by Hdr.Index, Name or AltName, with what q.ExtMask says,
// and decodes it into m.
func GetLink(ctx context.Context, c *nl.Client, q, m *Link) error {
	return get(ctx, c, nl.Request{Type: RTM_GETLINK, Body: q}, RTM_NEWLINK, m)
}

// Add is the request that makes m.
func (m *Link) Add() nl.Request { return nl.Request{Type: RTM_NEWLINK, Flags: flagsAdd, Body: m} }

// Change is the request that gives the link which Hdr.Index or Name names what m has.
func (m *Link) Change() nl.Request { return nl.Request{Type: RTM_NEWLINK, Body: m} }

// SetLink is Change for what the kernel takes in RTM_SETLINK only: messages of family AF_BRIDGE.
func (m *Link) SetLink() nl.Request { return nl.Request{Type: RTM_SETLINK, Body: m} }

// Del is the request that deletes the link which Hdr.Index, Name or AltName names; of family AF_BRIDGE,
// what m says of its port.
func (m *Link) Del() nl.Request { return nl.Request{Type: RTM_DELLINK, Body: m} }

// AddNames is the request that gives the link the further names of m.Props.
func (m *Link) AddNames() nl.Request {
	return nl.Request{Type: RTM_NEWLINKPROP, Flags: flagsAppend | nl.FlagExcl, Body: m}
}

// DelNames is the request that takes the names of m.Props from the link.
func (m *Link) DelNames() nl.Request { return nl.Request{Type: RTM_DELLINKPROP, Body: m} }

// An AddrFilter says which addresses a dump is for. The zero value is all.
type AddrFilter struct {
	Family     uint8
	Index      int32 // of the link
	TargetNSID int32 // look into this namespace, if ByNSID
	ByNSID     bool
	Rest       bool // keep unknown attributes in Rest
}

// Addrs yields the addresses that f describes, borrowed until the next step.
func Addrs(ctx context.Context, c *nl.Client, f AddrFilter) iter.Seq2[*Addr, error] {
	q := &Addr{TargetNSID: f.TargetNSID}
	q.Hdr.Family, q.Hdr.Index = f.Family, f.Index
	if f.ByNSID {
		q.Has = AddrTargetNSID
	}
	m := &Addr{}
	if f.Rest {
		m.Has = AddrRest
	}
	return dump(ctx, c, nl.Request{Type: RTM_GETADDR, Body: q}, RTM_NEWADDR, m, func(m *Addr) bool {
		return f.Index == 0 || m.Hdr.Index == f.Index
	})
}

// SetPrefix makes m the address p: Local and Address, family and length.
func (m *Addr) SetPrefix(p netip.Prefix) {
	m.Hdr.Family, m.Hdr.PrefixLen = Family(p.Addr()), uint8(p.Bits())
	m.Local, m.Address = p.Addr(), p.Addr()
}

// SetPeer makes m the address local with p at the other end of the link.
func (m *Addr) SetPeer(local netip.Addr, p netip.Prefix) {
	m.SetPrefix(p)
	m.Local = local
}

// Add is the request that makes m.
func (m *Addr) Add() nl.Request { return nl.Request{Type: RTM_NEWADDR, Flags: flagsAdd, Body: m} }

// Replace is the request that makes m or changes it to be so.
func (m *Addr) Replace() nl.Request {
	return nl.Request{Type: RTM_NEWADDR, Flags: flagsReplace, Body: m}
}

// Change is the request that changes m, which must be there.
func (m *Addr) Change() nl.Request {
	return nl.Request{Type: RTM_NEWADDR, Flags: flagsChange, Body: m}
}

// Del is the request that deletes m.
func (m *Addr) Del() nl.Request { return nl.Request{Type: RTM_DELADDR, Body: m} }
