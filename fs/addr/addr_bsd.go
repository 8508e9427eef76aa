package addr

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint/pf"
)

// NewPF returns the page of the addresses of a kernel with a routing socket, to read:
// those kernels change addresses by ioctl. The package has no build tag for it: it is as
// good over the simulator of bsd/bsdtest.
func NewPF(c *rtsock.Client) fs.Page { return Page(newPF(c)) }

type pfKernel struct {
	c           *rtsock.Client
	l           *bsd.Layout
	pointopoint uint32
}

func newPF(c *rtsock.Client) *pfKernel {
	return &pfKernel{c, c.Layout(), c.Layout().IFF("pointopoint")}
}

// Addrs yields the addresses that the dump of links has behind each link.
func (k *pfKernel) Addrs(ctx context.Context, dev string) iter.Seq2[*Addr, error] {
	return func(yield func(*Addr, error) bool) {
		var all []Addr
		_, err := pf.LoadLinks(ctx, k.c, func(n *pf.Links, m *bsd.AddrMsg) {
			if a, ok := k.row(n.At(m.Index), m); ok && (dev == "" || a.Dev == dev) {
				all = append(all, a)
			}
		})
		if err != nil {
			yield(nil, err)
			return
		}
		for i := range all {
			if !yield(&all[i], nil) {
				return
			}
		}
	}
}

// row makes a record of a message; false if it is no address of a protocol, as the
// link-layer addresses that some kernels list.
func (k *pfKernel) row(l *pf.Link, m *bsd.AddrMsg) (Addr, bool) {
	p, ok := k.l.Prefix(&m.Header)
	if !ok {
		return Addr{}, false
	}
	a := Addr{Local: p, Dev: l.Name, Scope: natural(p.Addr()), bare: true, Flags: k.flags(m.AddrFlags, p.Addr().Is6())}
	other := k.l.Addr(m.At(bsd.RTAX_BRD)).WithZone("")
	switch {
	case !other.IsValid() || other.IsUnspecified() || other == p.Addr() || other.Is4() != p.Addr().Is4():
	case l.Flags&k.pointopoint != 0:
		a.Peer = netip.PrefixFrom(other, p.Bits())
		a.Local = netip.PrefixFrom(p.Addr(), p.Addr().BitLen())
	case other.Is4():
		a.Broadcast = other
	}
	return a, true
}

// An iff is a flag of an address.
type iff struct{ bit, flag uint32 }

// Flags of addresses in messages: IN6_IFF_* of NetBSD and DragonFly (netinet6/in6_var.h),
// IN_IFF_* of NetBSD (netinet/in_var.h). The other kernels tell none there.
var (
	iff6 = []iff{{0x02, Tentative}, {0x04, DADFailed}, {0x10, Deprecated}, {0x20, NoDAD}, {0x80, Secondary}}
	iff4 = []iff{{0x01, Tentative}, {0x02, DADFailed}}
)

func (k *pfKernel) flags(said uint32, is6 bool) (f uint32) {
	list := iff6
	if !is6 {
		list = iff4
		if k.l.OS != "netbsd" {
			return 0
		}
	}
	for _, i := range list {
		if said&i.bit != 0 {
			f |= i.flag
		}
	}
	return f
}

var errChange = fmt.Errorf("netfs only reads addresses on this kernel: %w", errors.ErrUnsupported)

// Run refuses all.
func (k *pfKernel) Run(_ context.Context, steps []Step) []error {
	errs := make([]error, len(steps))
	for i := range errs {
		errs[i] = errChange
	}
	return errs
}

// Watch yields the addresses, and reads them again where the kernel tells of one: the
// message may lack the broadcast address (NetBSD), and goes with its link.
func (k *pfKernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Addr], error] {
	return pf.Watch(ctx, k.c, pf.Source[Addr]{
		Hear: rtsock.Filter{Ops: []bsd.Op{bsd.OpLink, bsd.OpAnnounce, bsd.OpNewAddr, bsd.OpDelAddr, bsd.OpChgAddr}},
		Rows: func(ctx context.Context) iter.Seq2[*Addr, error] { return k.Addrs(ctx, "") },
		Event: func(m bsd.Message) (pf.What, *Addr) {
			switch m.(type) {
			case *bsd.LinkMsg, *bsd.AnnounceMsg, *bsd.AddrMsg:
				return pf.Again, nil
			}
			return pf.Nothing, nil
		},
	})
}
