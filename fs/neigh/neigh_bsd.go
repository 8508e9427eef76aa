package neigh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"syscall"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint/pf"
)

// NewPF returns the page of the neighbours of a kernel with a routing socket, which
// has no ages to show. The package has no build tag for it: it is as good over the
// simulator of bsd/bsdtest.
func NewPF(c *rtsock.Client) fs.Page {
	t := Table(newPF(c))
	return fs.Page{
		Root:  fs.Dir{"neigh": t},
		Kinds: []fs.Kind{t},
		Link:  func(l fs.LinkID) fs.Dir { return fs.Dir{"neigh": t.With("dev", l.Name)} },
	}
}

// A pfKernel is a kernel by PF_ROUTE. Neighbours are routes to one host whose gateway
// is a link-layer address; FreeBSD and NetBSD have them in tables of their own.
type pfKernel struct {
	c *rtsock.Client
	l *bsd.Layout

	up, host, static, llinfo, reject, announce uint32
	own                                        bool // tables of their own
}

func newPF(c *rtsock.Client) *pfKernel {
	l := c.Layout()
	k := &pfKernel{c: c, l: l, up: l.RTF("up"), host: l.RTF("host"), static: l.RTF("static"), llinfo: l.RTF("llinfo"), reject: l.RTF("reject"),
		announce: l.RTF("announce"), own: l.OS == "freebsd" || l.OS == "netbsd"}
	if k.announce == 0 {
		k.announce = l.RTF("proto2") // RTF_ANNOUNCE of the others (net/route.h)
	}
	return k
}

// An entry is a neighbour, and its gateway as the kernel has it.
type entry struct {
	Neigh
	gateway bsd.Sockaddr
}

// hosts are the links and this host's own addresses.
type hosts struct {
	*pf.Links
	own map[netip.Addr]bool
}

func (k *pfKernel) hosts(ctx context.Context) (*hosts, error) {
	h := &hosts{own: map[netip.Addr]bool{}}
	var err error
	h.Links, err = pf.LoadLinks(ctx, k.c, func(_ *pf.Links, m *bsd.AddrMsg) { h.own[k.l.Addr(m.At(bsd.RTAX_IFA)).WithZone("")] = true })
	return h, err
}

// entries dumps the neighbours of both families: FreeBSD and NetBSD want one named.
func (k *pfKernel) entries(ctx context.Context, h *hosts) iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		for _, table := range h.domains() {
			for _, family := range []uint8{syscall.AF_INET, k.l.AFInet6} {
				q := rtsock.Query{Dump: bsd.DumpFlags, Family: family, Arg: int(k.llinfo), Table: table}
				if !k.dump(ctx, h, q, yield) {
					return
				}
			}
		}
	}
}

// dump is false when the sequence is over.
func (k *pfKernel) dump(ctx context.Context, h *hosts, q rtsock.Query, yield func(*entry, error) bool) bool {
	for m, err := range k.c.Dump(ctx, q) {
		if err != nil {
			yield(nil, err)
			return false
		}
		var e entry
		if r, ok := m.(*bsd.RouteMsg); ok && k.row(h, r, &e) && !yield(&e, nil) {
			return false
		}
	}
	return true
}

// domains are the routing domains of the links, in which OpenBSD has their neighbours.
func (h *hosts) domains() []int {
	all := []int{0}
	for i := range h.All {
		if n := int(h.All[i].Data.Domain); !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}

// Neighs yields the neighbours of one link, or of all.
func (k *pfKernel) Neighs(ctx context.Context, dev string) iter.Seq2[*Neigh, error] {
	return func(yield func(*Neigh, error) bool) {
		h, err := k.hosts(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		for e, err := range k.entries(ctx, h) {
			if err != nil {
				yield(nil, err)
				return
			}
			if (dev == "" || e.Dev == dev) && !yield(&e.Neigh, nil) {
				return
			}
		}
	}
}

// row makes a record of a message; false if it is no neighbour.
func (k *pfKernel) row(h *hosts, m *bsd.RouteMsg, e *entry) bool {
	dst := k.l.Addr(m.At(bsd.RTAX_DST)).WithZone("")
	hw, ok := k.l.Link(m.At(bsd.RTAX_GATEWAY))
	if !ok || !dst.IsValid() || m.Flags&k.llinfo == 0 {
		return false
	}
	e.Neigh = Neigh{Dst: dst, Dev: h.At(pf.LinkOf(k.l, m)).Name, LLAddr: string(fs.AppendMAC(nil, hw.Addr))}
	e.gateway = m.At(bsd.RTAX_GATEWAY)
	if m.Flags&k.announce != 0 {
		e.Flags |= Proxy
	}
	e.State, e.vague = k.state(h, m, &e.Neigh)
	return true
}

// state is what a message tells of it. Of what was learnt it does not tell how sure
// the kernel is.
func (k *pfKernel) state(h *hosts, m *bsd.RouteMsg, n *Neigh) (state uint16, vague bool) {
	switch {
	case h.own[n.Dst] && n.Flags&Proxy == 0 || n.Dst.IsMulticast() || m.Flags&k.l.RTF("broadcast") != 0:
		return NoARP, false
	case n.LLAddr == "" && m.Flags&k.reject != 0:
		return Failed, false
	case n.LLAddr == "":
		return Incomplete, false
	case m.Flags&k.static != 0 || m.Metrics.Expire == 0:
		return Permanent, false
	}
	return 0, true
}

// Run carries out the steps one after another.
func (k *pfKernel) Run(ctx context.Context, steps []Step) []error {
	errs := make([]error, len(steps))
	h, err := k.hosts(ctx)
	for i, s := range steps {
		if errs[i] = err; err == nil {
			errs[i] = blame(k.run(ctx, h, s))
		}
	}
	return errs
}

// blame leaves the kernel's reason alone.
func blame(err error) error {
	var no *rtsock.Error
	switch {
	case errors.Is(err, syscall.ESRCH):
		return fs.ErrNotExist
	case errors.As(err, &no):
		return no.Err
	}
	return err
}

func (k *pfKernel) run(ctx context.Context, h *hosts, s Step) error {
	link, err := h.Index("dev", s.Neigh.Dev)
	if err != nil {
		return err
	}
	old, err := k.find(ctx, h, s.Neigh)
	switch {
	case err != nil:
		return err
	case old == nil && (s.Act == fs.Del || s.Act == fs.Change):
		return fs.ErrNotExist
	case s.Act == fs.Del:
		return k.send(bsd.OpDelete, h.At(link), s.Neigh.Dst, old.gateway)
	case old != nil && s.Act == fs.Add:
		return fs.ErrExist
	}
	if err := can(s.Neigh, old); err != nil {
		return err
	}
	hw, err := fs.ParseMAC(s.Neigh.LLAddr)
	if err != nil {
		return &fs.KeyError{Key: "lladdr", Word: s.Neigh.LLAddr, Err: err}
	}
	gateway := k.l.SockaddrOfLink(bsd.Link{Index: link, Type: h.At(link).Data.Type, Addr: hw})
	if old == nil {
		return k.send(bsd.OpAdd, h.At(link), s.Neigh.Dst, gateway)
	}
	return k.replace(h.At(link), old, gateway)
}

// replace makes an entry anew: no kernel changes the address of every one.
func (k *pfKernel) replace(link *pf.Link, old *entry, gateway bsd.Sockaddr) error {
	if err := k.send(bsd.OpDelete, link, old.Dst, old.gateway); err != nil {
		return err
	}
	err := k.send(bsd.OpAdd, link, old.Dst, gateway)
	if err == nil || old.State != Permanent { // what was learnt is learnt again
		return err
	}
	if e := k.send(bsd.OpAdd, link, old.Dst, old.gateway); e != nil {
		return fmt.Errorf("%w; and it could not be put back: %v", err, e)
	}
	return err
}

// find returns the entry that a step is about, nil if there is none.
func (k *pfKernel) find(ctx context.Context, h *hosts, n *Neigh) (*entry, error) {
	for e, err := range k.entries(ctx, h) {
		if err != nil {
			return nil, err
		}
		if e.Dst == n.Dst && e.Dev == n.Dev && e.Flags&Proxy == n.Flags&Proxy {
			e.gateway = bytes.Clone(e.gateway)
			return e, nil
		}
	}
	return nil, nil
}

// can refuses what these kernels have nothing for.
func can(n *Neigh, old *entry) error {
	for _, c := range []struct {
		key string
		has bool
	}{
		{"proxy", n.Flags&Proxy != 0}, {"router", n.Flags&Router != 0}, {"extern_learn", n.Flags&ExternLearn != 0},
		{"managed", n.FlagsExt&Managed != 0}, {"extern_valid", n.FlagsExt&ExternValid != 0}, {"use", n.Flags&Use != 0},
		{"proto", n.Proto != 0}, {"vlan", n.VLAN != 0}, {"vni", n.VNI != 0}, {"port", n.Port != 0}, {"nhid", n.NHID != 0},
		{"nud", n.State != Permanent && n.State != None && (old == nil || n.State != old.State)},
	} {
		if c.has {
			return &fs.KeyError{Key: c.key, Err: pf.ErrNotHere}
		}
	}
	if n.LLAddr == "" {
		return &fs.KeyError{Key: "lladdr", Err: bad("missing")}
	}
	return nil
}

// send writes one request about dst, as arp(8) and ndp(8) do. FreeBSD and NetBSD take
// RTF_LLDATA for a sign that their tables of neighbours are meant; elsewhere the kernel
// sees it by the gateway.
func (k *pfKernel) send(op bsd.Op, link *pf.Link, dst netip.Addr, gateway bsd.Sockaddr) error {
	m := &bsd.RouteMsg{Header: bsd.Header{Op: op}, Index: link.Index, Table: uint16(link.Data.Domain), Flags: k.up | k.host}
	if k.own {
		m.Flags |= k.llinfo
	}
	if op == bsd.OpAdd {
		m.Flags |= k.static
		m.Inits = bsd.RTV_EXPIRE // never
	}
	if dst.Is6() && dst.IsLinkLocalUnicast() {
		dst = dst.WithZone(strconv.Itoa(int(link.Index)))
	}
	m.Set(bsd.RTAX_DST, k.l.SockaddrOf(dst))
	m.Set(bsd.RTAX_GATEWAY, gateway)
	return k.c.Change(m)
}

// Watch yields the neighbours, and reads them again where the kernel tells of one:
// what it tells is often a part, or comes before the neighbour has answered.
func (k *pfKernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Neigh], error] {
	return pf.Watch(ctx, k.c, pf.Source[Neigh]{
		Hear: rtsock.Filter{Ops: []bsd.Op{bsd.OpAdd, bsd.OpDelete, bsd.OpChange, bsd.OpResolve, bsd.OpNeighbour,
			bsd.OpLink, bsd.OpAnnounce, bsd.OpNewAddr, bsd.OpDelAddr, bsd.OpChgAddr}},
		Rows: func(ctx context.Context) iter.Seq2[*Neigh, error] { return k.Neighs(ctx, "") },
		Event: func(m bsd.Message) (pf.What, *Neigh) {
			switch m := m.(type) {
			case *bsd.RouteMsg:
				if k.about(m) {
					return pf.Again, nil
				}
			case *bsd.LinkMsg, *bsd.AnnounceMsg, *bsd.AddrMsg:
				return pf.Again, nil
			}
			return pf.Nothing, nil
		},
	})
}

// about reports whether a message says that neighbours changed. The echo of a request
// may lack what the kernel made of it: it is told by its gateway.
func (k *pfKernel) about(m *bsd.RouteMsg) bool {
	switch m.Op {
	case bsd.OpAdd, bsd.OpDelete, bsd.OpChange, bsd.OpResolve, bsd.OpNeighbour:
		hw, ok := k.l.Link(m.At(bsd.RTAX_GATEWAY))
		return m.Flags&k.llinfo != 0 || ok && len(hw.Addr) > 0 && m.Flags&k.host != 0
	}
	return false
}
