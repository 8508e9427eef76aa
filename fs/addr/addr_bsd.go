package addr

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"syscall"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint/pf"
)

// NewPF returns the page of the addresses of a kernel with a routing socket. The
// package has no build tag for it: it is as good over the simulator of bsd/bsdtest.
func NewPF(c *rtsock.Client) fs.Page { return (&page{k: newPF(c), whole: true}).page() }

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
		n, all, err := k.load(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for i := range all {
			if dev != "" && all[i].Dev != dev {
				continue
			}
			if err := k.state(n, &all[i]); err != nil {
				yield(nil, err)
				return
			}
			if !yield(&all[i], nil) {
				return
			}
		}
	}
}

func (k *pfKernel) load(ctx context.Context) (*pf.Links, []Addr, error) {
	var all []Addr
	n, err := pf.LoadLinks(ctx, k.c, func(n *pf.Links, m *bsd.AddrMsg) {
		if a, ok := k.row(n.At(m.Index), m); ok {
			all = append(all, a)
		}
	})
	return n, all, err
}

// state asks for what the messages do not tell of an IPv6 address: its lifetimes, and
// on most of these kernels its flags.
func (k *pfKernel) state(n *pf.Links, a *Addr) error {
	if a.Local.Addr().Is4() {
		return nil
	}
	index, err := n.Index("dev", a.Dev)
	if err != nil {
		return err
	}
	s := rtsock.Address{Link: a.Dev, Index: index, Prefix: a.Local}
	err = k.c.AddrState(&s)
	switch {
	case errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.ENXIO): // gone meanwhile
		return nil
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case err != nil:
		return err
	}
	a.Flags = k.flags(s.Flags, true)
	a.Valid, a.Preferred, a.bare = s.Valid, s.Preferred, false
	if a.Valid == Forever && s.Flags&bsd.IN6_IFF_AUTOCONF == 0 {
		a.Flags |= Permanent
	}
	return nil
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

// Run carries out the steps one after another. These kernels have one request to add
// and to change, and an address once whatever its prefix: what there is tells which it
// would be.
func (k *pfKernel) Run(ctx context.Context, steps []Step) []error {
	errs := make([]error, len(steps))
	n, all, err := k.load(ctx)
	have := map[place]*Addr{}
	for i := range all {
		have[all[i].place()] = &all[i]
	}
	for i, s := range steps {
		if errs[i] = err; err != nil {
			continue
		}
		if errs[i] = k.step(n, have[s.Addr.place()], s); errs[i] != nil {
			continue
		}
		if s.Act == fs.Del {
			delete(have, s.Addr.place())
		} else {
			have[s.Addr.place()] = s.Addr
		}
	}
	return errs
}

// A place is where these kernels have one address.
type place struct {
	dev  string
	addr netip.Addr
}

func (a *Addr) place() place { return place{a.Dev, a.Local.Addr()} }

func (k *pfKernel) step(n *pf.Links, old *Addr, s Step) error {
	a := s.Addr
	index, err := n.Index("dev", a.Dev)
	if err != nil {
		return err
	}
	r := &rtsock.Address{Link: a.Dev, Index: index, Prefix: a.network()}
	switch same := old != nil && old.network() == a.network() && old.Local == a.Local; {
	case s.Act == fs.Del && !same || s.Act == fs.Change && old == nil:
		return fs.ErrNotExist
	case s.Act == fs.Del:
		r.Prefix = a.Local
		return cause(k.c.DelAddr(r))
	case s.Act == fs.Add && same:
		return fs.ErrExist
	case old != nil && !same:
		return &fs.KeyError{Key: "local", Err: fmt.Errorf("the link has it as %s, and this kernel has an address once: %w", old.shape(), fs.ErrExist)}
	}
	if err := k.can(n.At(index), a); err != nil {
		return err
	}
	if a.Peer.IsValid() {
		r.Prefix, r.Peer = netip.PrefixFrom(a.Local.Addr(), a.Peer.Bits()), a.Peer.Addr()
	}
	r.Broadcast, r.Valid, r.Preferred = a.Broadcast, a.Valid, a.Preferred
	if a.Flags&NoDAD != 0 {
		r.Flags = bsd.IN6_IFF_NODAD
	}
	return cause(k.c.SetAddr(r))
}

// shape tells how an address is there.
func (a *Addr) shape() string {
	if a.Peer.IsValid() {
		return a.Local.Addr().String() + " peer " + a.Peer.String()
	}
	return a.Local.String()
}

// cause is the kernel's reason: the request is told by the line.
func cause(err error) error {
	var e *rtsock.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// can refuses the words that these kernels have nothing for.
func (k *pfKernel) can(l *pf.Link, a *Addr) error {
	is4 := a.Local.Addr().Is4()
	forever := (a.Valid == 0 || a.Valid == Forever) && (!a.hasPreferred || a.Preferred == Forever)
	for _, c := range []struct {
		key string
		has bool
	}{
		{"anycast", a.Anycast.IsValid()}, {"label", a.Label != "" && a.Label != a.Dev}, {"proto", a.Proto != 0}, {"metric", a.Metric != 0},
		{"scope", a.scoped && a.Scope != natural(a.Local.Addr())}, {"valid_lft", is4 && !forever},
		{"nodad", a.Flags&NoDAD != 0 && (is4 || k.l.OS == "openbsd")},
		{"optimistic", a.Flags&Optimistic != 0}, {"noprefixroute", a.Flags&NoPrefixRoute != 0}, {"home", a.Flags&Home != 0},
		{"mngtmpaddr", a.Flags&MngTmpAddr != 0}, {"autojoin", a.Flags&AutoJoin != 0},
	} {
		if c.has {
			return &fs.KeyError{Key: c.key, Err: pf.ErrNotHere}
		}
	}
	p2p := l.Flags&k.pointopoint != 0
	switch {
	case a.Peer.IsValid() && !p2p:
		return &fs.KeyError{Key: "peer", Err: bad("the link is not point-to-point")}
	case a.Broadcast.IsValid() && p2p:
		return &fs.KeyError{Key: "broadcast", Err: bad("the link is point-to-point")}
	}
	return nil
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
