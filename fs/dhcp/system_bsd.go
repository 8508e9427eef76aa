package dhcp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/dhcp/rawsock"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs/joint/pf"
)

// NewPF returns the system behind a routing socket. These kernels mark nothing as DHCP's, nor
// end it: what clients set is remembered in files of dir, and ours is what is there as it was set. The
// package has no build tag for it: it is as good over the simulator of bsd/bsdtest.
func NewPF(c *rtsock.Client, dir string) System {
	l := c.Layout()
	s := &pfSystem{c: c, l: l, notes: notes{dir: dir},
		up: l.IFF("up"), broadcast: l.IFF("broadcast"), loopback: l.IFF("loopback"), pointopoint: l.IFF("pointopoint"),
		onlink: l.RTF("cloning"), others: l.RTF("llinfo") | l.RTF("cloned") | l.RTF("wascloned")}
	if l.OS == "netbsd" {
		s.onlink = l.RTF("connected")
	}
	return s
}

// pfSystem is a kernel by PF_ROUTE and ioctl.
type pfSystem struct {
	c *rtsock.Client
	l *bsd.Layout

	up, broadcast, loopback, pointopoint uint32 // IFF_*
	onlink, others                       uint32 // RTF_*

	mu    sync.Mutex // guards the notes, and what is set with them
	notes notes
}

// because is what the kernel said, without the names of messages.
func because(err error) error {
	var e *rtsock.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// state is a link with its addresses.
type state struct {
	pf.Link
	addrs []netip.Prefix
	bcast map[netip.Prefix]netip.Addr
}

// link reads a link by its name, or by its index; a name of "" is any.
func (s *pfSystem) link(ctx context.Context, index int, name string) (state, error) {
	found := map[uint16]*state{}
	n, err := pf.LoadLinks(ctx, s.c, func(_ *pf.Links, m *bsd.AddrMsg) {
		p, ok := s.l.Prefix(&m.Header)
		if !ok {
			return
		}
		st := found[m.Index]
		if st == nil {
			st = &state{bcast: map[netip.Prefix]netip.Addr{}}
			found[m.Index] = st
		}
		p = netip.PrefixFrom(p.Addr().WithZone(""), p.Bits())
		st.addrs = append(st.addrs, p)
		st.bcast[p] = s.l.Addr(m.At(bsd.RTAX_BRD))
	})
	if err != nil {
		return state{}, because(err)
	}
	for i := range n.All {
		l := &n.All[i]
		if name == "" && int(l.Index) != index || name != "" && l.Name != name {
			continue
		}
		st := found[l.Index]
		if st == nil {
			st = &state{}
		}
		st.Link = *l
		return *st, nil
	}
	return state{}, syscall.ENXIO
}

// running is whether the link is up, and the driver does not deny that it has a carrier.
func (s *pfSystem) running(l *state) bool {
	carrier, known := s.l.Carrier(l.Data.State)
	return l.Flags&s.up != 0 && (carrier || !known)
}

func (s *pfSystem) Find(ctx context.Context, name string) (l Link, err error) {
	quoted := v4.Quote(name) // it may be anything
	if name == "" {
		return l, fmt.Errorf("%s: %w", quoted, syscall.ENXIO)
	}
	m, err := s.link(ctx, 0, name)
	if err != nil {
		return l, fmt.Errorf("%s: %w", quoted, err)
	}
	if m.Flags&s.broadcast == 0 || m.Flags&(s.loopback|s.pointopoint) != 0 || len(m.Addr) != 6 {
		return l, fmt.Errorf("%s: not an Ethernet link (type %d, address of %d bytes): %w", quoted, m.Data.Type, len(m.Addr), errors.ErrUnsupported)
	}
	if m.Flags&s.up == 0 {
		return l, fmt.Errorf("%s: set the link up first: %w", quoted, syscall.ENETDOWN)
	}
	return Link{
		Link: rawsock.Link{Index: int(m.Index), Name: name, HWAddr: net.HardwareAddr(m.Addr)},
		MTU:  int(m.Data.MTU), Carrier: s.running(&m),
	}, nil
}

// Carrier reads the link again when the kernel tells of one: what it tells is less on some.
func (s *pfSystem) Carrier(ctx context.Context, link int) iter.Seq[bool] {
	return func(yield func(bool) bool) {
		messages, err := s.c.Subscribe(ctx, rtsock.Filter{Ops: []bsd.Op{bsd.OpLink, bsd.OpAnnounce}})
		if err != nil {
			<-ctx.Done() // there is nothing to tell
			return
		}
		was := -1
		look := func() (more bool) {
			l, err := s.link(ctx, link, "")
			if err != nil {
				return !errors.Is(err, syscall.ENXIO)
			}
			is := 0
			if s.running(&l) {
				is = 1
			}
			if is == was {
				return true
			}
			was = is
			return yield(is == 1)
		}
		more := look()
		for m, err := range messages { // which must be run, to be closed
			switch m := m.(type) {
			case *bsd.LinkMsg:
				if int(m.Index) == link {
					more = more && look()
				}
			case *bsd.AnnounceMsg:
				if int(m.Index) == link {
					more = more && look()
				}
			default:
				if errors.Is(err, rtsock.ErrOverrun) {
					more = more && look()
				}
			}
			if !more {
				return
			}
		}
	}
}

func (s *pfSystem) MTU(ctx context.Context, link int) (int, error) {
	l, err := s.link(ctx, link, "")
	return int(l.Data.MTU), err
}

func (s *pfSystem) SetMTU(ctx context.Context, link, mtu int) error {
	l, err := s.link(ctx, link, "")
	if err != nil {
		return err
	}
	return because(s.c.SetMTU(l.Name, mtu))
}

// errOther is the reason why what another made is left as it is.
var errOther = fmt.Errorf("it is there, and was not set by DHCP: %w", syscall.EEXIST)

// SetAddr leaves an IPv4 address alone that is as it should be: kernels take some time to set
// one again, in which the link has none.
func (s *pfSystem) SetAddr(ctx context.Context, link int, a Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, n, err := s.load(ctx, link)
	if err != nil {
		return err
	}
	there := slices.IndexFunc(l.addrs, func(p netip.Prefix) bool { return p.Addr() == a.Addr() })
	if there >= 0 {
		have := l.addrs[there]
		switch {
		case !slices.Contains(n.Addrs, have):
			return errOther
		case have == a.Prefix && a.Addr().Is4() && (!a.Broadcast.IsValid() || l.bcast[have] == a.Broadcast):
			return nil
		}
	}
	if !slices.Contains(n.Addrs, a.Prefix) {
		n.Addrs = append(n.Addrs, a.Prefix)
		if err := s.notes.save(l.Name, n); err != nil {
			return err
		}
	}
	m := rtsock.Address{Link: l.Name, Index: l.Index, Prefix: a.Prefix, Broadcast: a.Broadcast}
	if a.Addr().Is6() {
		m.Valid, m.Preferred = seconds(a.Valid), seconds(a.Preferred)
	}
	return because(s.c.SetAddr(&m))
}

// seconds are rounded up: the kernel must not end what is still a lease.
func seconds(d time.Duration) uint32 {
	if d == v4.Forever {
		return bsd.Forever
	}
	return uint32(max((d+time.Second-1)/time.Second, 1))
}

// DelAddr takes an address away if it is ours and has that prefix: another one of the address has
// taken its place.
func (s *pfSystem) DelAddr(ctx context.Context, link int, a Addr) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, n, err := s.load(ctx, link)
	if err != nil {
		return err
	}
	return s.delAddr(&l, n, a.Prefix)
}

func (s *pfSystem) delAddr(l *state, n *note, p netip.Prefix) error {
	at := slices.Index(n.Addrs, p)
	if at < 0 {
		return syscall.EADDRNOTAVAIL
	}
	if slices.Contains(l.addrs, p) {
		if err := gone(because(s.c.DelAddr(&rtsock.Address{Link: l.Name, Index: l.Index, Prefix: p}))); err != nil {
			return err
		}
	}
	n.Addrs = slices.Delete(n.Addrs, at, at+1)
	return s.notes.save(l.Name, n)
}

func (s *pfSystem) Holds(ctx context.Context, link int, a netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, n, err := s.load(ctx, link)
	return err == nil && slices.Contains(n.Addrs, a) && slices.Contains(l.addrs, a)
}

// load reads a link, and what is ours of it.
func (s *pfSystem) load(ctx context.Context, link int) (state, *note, error) {
	l, err := s.link(ctx, link, "")
	if err != nil {
		return l, nil, err
	}
	n, err := s.notes.load(l.Name)
	return l, n, err
}

// ways reads where routes lead, and takes those from the note that are not there as they were
// set.
func (s *pfSystem) ways(ctx context.Context, link int, n *note) error {
	var there []way
	for m, err := range s.c.Dump(ctx, rtsock.Query{Dump: bsd.DumpRoutes, Family: syscall.AF_INET}) {
		if err != nil {
			return because(err)
		}
		r, ok := m.(*bsd.RouteMsg)
		if !ok || r.Flags&s.others != 0 {
			continue
		}
		p, ok := s.l.Prefix(&r.Header)
		if !ok || int(pf.LinkOf(s.l, r)) != link {
			continue
		}
		w := way{Dst: p.Masked()}
		if r.Flags&s.l.RTF("gateway") != 0 {
			w.Via = s.l.Addr(r.At(bsd.RTAX_GATEWAY))
		}
		there = append(there, w)
	}
	n.Routes = slices.DeleteFunc(n.Routes, func(w way) bool {
		return !slices.ContainsFunc(there, func(t way) bool { return t.Dst == w.Dst && t.Via == w.Via })
	})
	return nil
}

func (s *pfSystem) Routes(ctx context.Context, link int, _, _ uint32) (all []netip.Prefix, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, n, err := s.found(ctx, link)
	if err != nil {
		return nil, err
	}
	for _, w := range n.Routes {
		all = append(all, w.Dst)
	}
	return all, nil
}

// found reads a link, and what is ours of it and there.
func (s *pfSystem) found(ctx context.Context, link int) (state, *note, error) {
	l, n, err := s.load(ctx, link)
	if err == nil {
		err = s.ways(ctx, link, n)
	}
	return l, n, err
}

// AddRoute makes the way to a gateway that no prefix covers, too, if nobody has made one.
func (s *pfSystem) AddRoute(ctx context.Context, link int, r Route) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, n, err := s.found(ctx, link)
	if err != nil {
		return err
	}
	return s.addRoute(&l, n, wayOf(r))
}

func wayOf(r Route) way { return way{r.Dst.Masked(), r.Via, r.Src, r.OnLink} }

func (s *pfSystem) addRoute(l *state, n *note, w way) error {
	if w.OnLink {
		if err := s.addWay(l, n, w.gateway()); err != nil && !errors.Is(err, syscall.EEXIST) {
			return err
		}
	}
	return s.addWay(l, n, w)
}

// addWay notes a route before it is there, so that none is forgotten; if it is refused it is not
// ours.
func (s *pfSystem) addWay(l *state, n *note, w way) error {
	n.Routes = append(n.Routes, w)
	if err := s.notes.save(l.Name, n); err != nil {
		return err
	}
	err := s.send(l, bsd.OpAdd, w)
	if err == nil {
		return nil
	}
	n.Routes = n.Routes[:len(n.Routes)-1]
	return cmp.Or(err, s.notes.save(l.Name, n))
}

// SetRoute leaves a route alone that is as it should be, and changes only gateways in place.
func (s *pfSystem) SetRoute(ctx context.Context, link int, r Route) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, n, err := s.found(ctx, link)
	if err != nil {
		return err
	}
	want, at := wayOf(r), n.at(r.Dst)
	if at < 0 {
		return s.addRoute(&l, n, want)
	}
	switch was := n.Routes[at]; {
	case was == want:
		return nil
	case was.Via.IsValid() && want.Via.IsValid() && !was.OnLink && !want.OnLink:
		n.Routes = append(n.Routes, want) // both, until one of them is there
		if err := s.notes.save(l.Name, n); err != nil {
			return err
		}
		if err := s.send(&l, bsd.OpChange, want); err != nil {
			n.Routes = n.Routes[:len(n.Routes)-1]
			return cmp.Or(err, s.notes.save(l.Name, n))
		}
		n.Routes = slices.Delete(n.Routes, at, at+1)
		return s.notes.save(l.Name, n)
	}
	if err := s.delWay(&l, n, at); err != nil {
		return err
	}
	return s.addRoute(&l, n, want)
}

// DelRoute takes the way to r.Dst away as it was set.
func (s *pfSystem) DelRoute(ctx context.Context, link int, r Route) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, n, err := s.found(ctx, link)
	if err != nil {
		return err
	}
	at := n.at(r.Dst)
	if at < 0 {
		return cmp.Or(s.notes.save(l.Name, n), error(syscall.ESRCH))
	}
	return s.delWay(&l, n, at)
}

// delWay takes a route away, and the way to its gateway that nothing else needs.
func (s *pfSystem) delWay(l *state, n *note, at int) error {
	w := n.Routes[at]
	if err := gone(s.send(l, bsd.OpDelete, w)); err != nil {
		return err
	}
	n.Routes = slices.Delete(n.Routes, at, at+1)
	if err := s.notes.save(l.Name, n); err != nil || !w.OnLink {
		return err
	}
	if slices.ContainsFunc(n.Routes, func(x way) bool { return x.OnLink && x.Via == w.Via }) {
		return nil
	}
	if at = slices.Index(n.Routes, w.gateway()); at >= 0 {
		return s.delWay(l, n, at)
	}
	return nil
}

// send writes one request about a route out of a link.
func (s *pfSystem) send(l *state, op bsd.Op, w way) error {
	m := &bsd.RouteMsg{Header: bsd.Header{Op: op}, Index: l.Index, Flags: s.l.RTF("up") | s.l.RTF("static")}
	if s.l.OS == "openbsd" {
		m.Priority = 8 // RTP_STATIC, net/route.h
	}
	m.Set(bsd.RTAX_DST, s.l.SockaddrOf(w.Dst.Addr()))
	if w.Dst.IsSingleIP() {
		m.Flags |= s.l.RTF("host")
	} else {
		m.Set(bsd.RTAX_NETMASK, s.l.Mask(w.Dst.Bits(), w.Dst.Addr().Is6()))
	}
	dl := s.l.SockaddrOfLink(bsd.Link{Index: l.Index, Name: l.Name})
	switch {
	case w.Via.IsValid():
		m.Flags |= s.l.RTF("gateway")
		m.Set(bsd.RTAX_GATEWAY, s.l.SockaddrOf(w.Via))
	case op != bsd.OpDelete: // which of a host by a link would be that of a neighbour
		m.Flags |= s.onlink
		m.Set(bsd.RTAX_GATEWAY, dl)
	}
	if op != bsd.OpDelete {
		m.Set(bsd.RTAX_IFP, dl)
		if w.Src.IsValid() {
			m.Set(bsd.RTAX_IFA, s.l.SockaddrOf(w.Src))
		}
	}
	return because(s.c.Change(m))
}

// Sweep takes away what is ours on the link and is not to be kept: of a client that was killed
// before it could do so itself. These kernels end no lease.
func (s *pfSystem) Sweep(ctx context.Context, link int, addr netip.Prefix, routes []netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, n, err := s.found(ctx, link)
	if err != nil {
		return gone(err)
	}
	var errs []error
	needed := func(w way) bool {
		return slices.Contains(routes, w.Dst) || slices.ContainsFunc(n.Routes, func(x way) bool {
			return x.OnLink && x.gateway() == w && slices.Contains(routes, x.Dst)
		})
	}
	for _, w := range slices.Clone(n.Routes) {
		if at := slices.Index(n.Routes, w); at >= 0 && !needed(w) {
			errs = append(errs, s.delWay(&l, n, at))
		}
	}
	for _, p := range slices.Clone(n.Addrs) {
		if p.Addr().Is4() && p != addr {
			errs = append(errs, s.delAddr(&l, n, p))
		}
	}
	return errors.Join(errs...)
}

// Others says that they are not seen: these kernels tell root alone, each in its own way.
func (s *pfSystem) Others(context.Context, int) ([]Other, error) { return nil, pf.ErrNotHere }

// Space is the only one.
func (s *pfSystem) Space() (string, error) { return "0", nil }

func (s *pfSystem) Boot() string { return bootID() }

// Check refuses what these kernels have nothing for.
func (s *pfSystem) Check(o *Options) error {
	switch {
	case o.Metric != 0:
		return fmt.Errorf("metric: %w", pf.ErrNotHere)
	case o.Table != 0:
		return fmt.Errorf("table: %w", pf.ErrNotHere)
	}
	return nil
}
