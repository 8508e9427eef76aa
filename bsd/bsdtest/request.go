package bsdtest

import (
	"net/netip"
	"slices"
	"syscall"

	"github.com/netfs-project/netfs/bsd"
)

// request carries out what was written to a routing socket: the answer, or the
// request itself with an errno, goes to every socket (route(4)).
func (k *Kernel) request(b []byte, fib uint16) error {
	k.asked++
	var m *bsd.RouteMsg
	for got, err := range k.layout.Messages(b) {
		r, ok := got.(*bsd.RouteMsg)
		if err != nil || !ok {
			return syscall.EINVAL
		}
		own := *r
		m = &own
	}
	if m == nil {
		return syscall.EINVAL
	}
	m.Pid = int32(syscall.Getpid())
	if k.layout.Tables == bsd.SocketTable {
		m.Table = fib
	}
	err := k.refuse
	if k.refuse = 0; err == 0 {
		err = k.carryOut(m)
	}
	if err != 0 {
		m.Errno = int32(err)
		k.tell(m)
		return err
	}
	m.Flags |= k.layout.RTF("done")
	k.tell(m)
	if k.losing > 0 {
		k.losing--
		for s := range k.sockets {
			s.overflow()
		}
	}
	return nil
}

func (k *Kernel) carryOut(m *bsd.RouteMsg) syscall.Errno {
	p, ok := k.layout.Prefix(&m.Header)
	if !ok {
		return syscall.EINVAL
	}
	p = p.Masked()
	switch {
	case k.tables[m.Table]:
	case m.Op != bsd.OpAdd:
		return syscall.EINVAL
	default: // OpenBSD makes it
		k.tables[m.Table] = true
	}
	if k.ofNeigh(m, p) {
		return k.neigh(m, p)
	}
	at := slices.IndexFunc(k.routes, func(e entry) bool { return e.dst == p && e.table == m.Table })
	switch m.Op {
	case bsd.OpAdd:
		if at >= 0 {
			return syscall.EEXIST
		}
		if !m.Has(bsd.RTAX_GATEWAY) {
			return syscall.EINVAL
		}
		return k.store(m, p, -1)
	case bsd.OpChange:
		if at < 0 {
			return syscall.ESRCH
		}
		return k.store(k.merged(&k.routes[at].m, m), p, at)
	case bsd.OpDelete:
		if at < 0 {
			return syscall.ESRCH
		}
		r := k.routes[at].m // it is told whole
		r.Op, r.Type, r.Seq, r.Pid = m.Op, m.Type, m.Seq, m.Pid
		k.routes = slices.Delete(k.routes, at, at+1)
		*m = r
		return 0
	case bsd.OpGet:
		return k.get(m, p.Addr())
	}
	return syscall.EOPNOTSUPP
}

// ofNeigh reports whether a request is about a neighbour: by a flag where those are
// apart, else by a link-layer address for a gateway.
func (k *Kernel) ofNeigh(m *bsd.RouteMsg, p netip.Prefix) bool {
	if m.Op == bsd.OpGet {
		return false
	}
	if k.apart() {
		return m.Flags&k.layout.RTF("llinfo") != 0
	}
	d, ok := k.layout.Link(m.At(bsd.RTAX_GATEWAY))
	return ok && p.IsSingleIP() && m.Flags&k.layout.RTF("host") != 0 && (len(d.Addr) > 0 || m.Op == bsd.OpDelete)
}

func (k *Kernel) neigh(m *bsd.RouteMsg, p netip.Prefix) syscall.Errno {
	d, ok := k.layout.Link(m.At(bsd.RTAX_GATEWAY))
	if !ok || k.link(d.Index) == nil {
		return syscall.EINVAL
	}
	at := slices.IndexFunc(k.neighs, func(e entry) bool { return e.dst == p && e.m.Index == d.Index && e.table == m.Table })
	switch {
	case m.Op == bsd.OpDelete && at < 0:
		return syscall.ESRCH
	case m.Op == bsd.OpDelete && k.layout.OS == "openbsd" && !slices.Equal(k.neighs[at].m.At(bsd.RTAX_GATEWAY), m.At(bsd.RTAX_GATEWAY)):
		return syscall.ESRCH
	case m.Op == bsd.OpDelete:
		k.neighs = slices.Delete(k.neighs, at, at+1)
		return 0
	case m.Op != bsd.OpAdd:
		return syscall.EOPNOTSUPP
	case at >= 0 && !k.apart():
		return syscall.EEXIST
	case at >= 0: // where they are apart a new one takes its place
		k.neighs = slices.Delete(k.neighs, at, at+1)
	}
	c := bsd.RouteMsg{Header: bsd.Header{Op: bsd.OpGet}, Index: d.Index, Table: m.Table, Flags: m.Flags&^k.layout.RTF("done") | k.layout.RTF("llinfo"), Metrics: m.Metrics}
	c.Set(bsd.RTAX_DST, slices.Clone(m.At(bsd.RTAX_DST)))
	c.Set(bsd.RTAX_GATEWAY, slices.Clone(m.At(bsd.RTAX_GATEWAY)))
	k.neighs = append(k.neighs, entry{p, m.Table, c})
	return 0
}

// merged is a route with what a change says.
func (k *Kernel) merged(old, m *bsd.RouteMsg) *bsd.RouteMsg {
	c := *old
	for _, i := range []int{bsd.RTAX_GATEWAY, bsd.RTAX_IFP, bsd.RTAX_IFA} {
		if m.Has(i) {
			c.Set(i, slices.Clone(m.At(i)))
		}
	}
	if m.Has(bsd.RTAX_GATEWAY) {
		gateway := k.layout.RTF("gateway")
		c.Flags = c.Flags&^gateway | m.Flags&gateway
	}
	refuse := k.layout.RTF("reject") | k.layout.RTF("blackhole")
	c.Flags = c.Flags&^refuse | m.Flags&refuse
	if m.Inits&bsd.RTV_MTU != 0 {
		c.Metrics.MTU = m.Metrics.MTU
	}
	return &c
}

// store keeps a route as it will be told: with its link, and the netmask in this
// system's form.
func (k *Kernel) store(m *bsd.RouteMsg, p netip.Prefix, at int) syscall.Errno {
	link, e := k.reach(m)
	if e != 0 {
		return e
	}
	c := bsd.RouteMsg{Header: bsd.Header{Op: bsd.OpGet}, Index: link.Index, Flags: m.Flags &^ k.layout.RTF("done"), Table: m.Table, Priority: m.Priority,
		Metrics: m.Metrics}
	c.Set(bsd.RTAX_DST, slices.Clone(m.At(bsd.RTAX_DST)))
	c.Set(bsd.RTAX_GATEWAY, slices.Clone(m.At(bsd.RTAX_GATEWAY)))
	if p.Bits() != p.Addr().BitLen() || m.Flags&k.layout.RTF("host") == 0 {
		c.Set(bsd.RTAX_NETMASK, k.mask(p))
	}
	if k.layout.OS != "darwin" { // whose dumps have none
		c.Set(bsd.RTAX_IFP, k.sockaddr(link))
	}
	if at < 0 {
		k.routes = append(k.routes, entry{p, m.Table, c})
	} else {
		k.routes[at].m = c
	}
	return 0
}

// reach finds the link of a route's gateway.
func (k *Kernel) reach(m *bsd.RouteMsg) (*Link, syscall.Errno) {
	for _, i := range []int{bsd.RTAX_IFP, bsd.RTAX_GATEWAY} {
		if d, ok := k.layout.Link(m.At(i)); ok {
			if l := k.link(d.Index); l != nil {
				return l, 0
			}
			return nil, syscall.ENXIO
		}
	}
	via := k.layout.Addr(m.At(bsd.RTAX_GATEWAY))
	if via.IsLoopback() {
		return k.link(1), 0
	}
	for n, all := range k.addrs {
		for _, p := range all {
			if p.Prefix.Contains(via.WithZone("")) && (via.Zone() == "" || via == scope(via.WithZone(""), n)) {
				return k.link(n), 0
			}
		}
	}
	return nil, syscall.ENETUNREACH
}

// get answers with the longest prefix that has the address.
func (k *Kernel) get(m *bsd.RouteMsg, to netip.Addr) syscall.Errno {
	best := -1
	for i := range k.routes {
		e := &k.routes[i]
		if e.table == m.Table && e.dst.Contains(to) && (best < 0 || e.dst.Bits() > k.routes[best].dst.Bits()) {
			best = i
		}
	}
	if best < 0 {
		return syscall.ESRCH
	}
	r := k.routes[best].m
	r.Op, r.Type, r.Seq, r.Pid = bsd.OpGet, m.Type, m.Seq, m.Pid
	if !r.Has(bsd.RTAX_IFP) {
		r.Set(bsd.RTAX_IFP, k.sockaddr(k.link(r.Index)))
	}
	for _, p := range k.addrs[r.Index] {
		if p.Addr().Is4() == to.Is4() {
			r.Set(bsd.RTAX_IFA, k.layout.SockaddrOf(scope(p.Addr(), r.Index)))
			break
		}
	}
	*m = r
	return 0
}
