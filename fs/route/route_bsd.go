package route

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint/pf"
)

// NewPF returns the routing files of a kernel with a routing socket. The package has
// no build tag for it: it is as good over the simulator of bsd/bsdtest.
func NewPF(c *rtsock.Client) fs.Page { return Page(newPF(c)) }

// A pfKernel is a kernel by PF_ROUTE.
type pfKernel struct {
	c *rtsock.Client
	l *bsd.Layout

	up, gateway, host, static, dynamic, reject, blackhole uint32
	local, broadcast, multicast, onlink                   uint32
	others                                                uint32 // of routes that are neighbours, or made of another route for one destination
}

func newPF(c *rtsock.Client) *pfKernel {
	l := c.Layout()
	k := &pfKernel{c: c, l: l,
		up: l.RTF("up"), gateway: l.RTF("gateway"), host: l.RTF("host"), static: l.RTF("static"), dynamic: l.RTF("dynamic"),
		reject: l.RTF("reject"), blackhole: l.RTF("blackhole"), local: l.RTF("local"), broadcast: l.RTF("broadcast"),
		multicast: l.RTF("multicast"),
		onlink:    l.RTF("cloning"),
		others:    l.RTF("llinfo") | l.RTF("cloned") | l.RTF("wascloned"),
	}
	if l.OS == "netbsd" {
		k.onlink = l.RTF("connected")
	}
	return k
}

// Who made a route (linux/rtnetlink.h), in the words that these kernels can say.
const (
	protoRedirect = 1
	protoKernel   = 2
	protoStatic   = 4
)

// norm fills in what these kernels do: they have no metric but OpenBSD's priority,
// and no scope.
func (k *pfKernel) norm(r *Route) {
	r.plain = true
	if r.Type == 0 {
		r.Type = Unicast
	}
	if r.Table == 0 {
		r.Table = TableMain
	}
	if r.said[sayProto] == 0 && r.Proto == 0 {
		r.Proto = protoStatic
	}
	if !r.Dst.IsValid() {
		return
	}
	r.Dst = r.Dst.Masked()
	r.Scope = scopeGlobal
	if !r.Is6() {
		r.Scope = r.scope()
	}
}

// pfTables are the names of routing tables: 0 is main, FreeBSD's other FIBs and OpenBSD's
// other routing tables are numbers.
type pfTables struct{ last uint32 }

func (k *pfKernel) tables() tableNames {
	switch k.l.Tables {
	case bsd.SocketTable:
		return pfTables{1<<16 - 1} // RT_MAXFIBS (net/route.h)
	case bsd.MessageTable:
		return pfTables{255} // RT_TABLEID_MAX (net/route.h)
	}
	return pfTables{}
}

func (k *pfKernel) docs() map[string]string {
	docs := map[string]string{
		"via": "address of the next router", "proto": "who made the route; static when not given",
		"table": "routing table; main when not given", "expires": "seconds until it ends",
		"scope": "IPv4: how far the destination is; follows from the rest",
	}
	if k.l.OS == "openbsd" {
		docs["metric"] = "its priority, the lower is preferred; 8 is 0 here"
	}
	return docs
}

// Numbers that mean something to the page are kept free: in its records 253 to 255 have
// moved up.
const tableMoved = 1 << 16

// pageTable is the page's number of a kernel's table, and kernelTable the way back.
func pageTable(n int) uint32 {
	switch t := uint32(n); {
	case t == 0:
		return TableMain
	case t < 253 || t > TableLocal:
		return t
	default:
		return t + tableMoved
	}
}

func kernelTable(t uint32) int {
	if t == TableMain {
		return 0
	}
	return int(t % tableMoved)
}

func (pfTables) Append(b []byte, n uint32) []byte {
	if n == TableMain {
		return append(b, "main"...)
	}
	return strconv.AppendInt(b, int64(kernelTable(n)), 10)
}

func (t pfTables) Parse(word string) (uint32, error) {
	if word == "main" {
		return TableMain, nil
	}
	n, err := strconv.ParseUint(word, 0, 32)
	switch {
	case err != nil && t.last > 0:
		return 0, errors.New("neither main nor a number")
	case n == 0 && err == nil:
		return TableMain, nil
	case t.last == 0:
		return 0, fmt.Errorf("this kernel has one table, main: %w", errors.ErrUnsupported)
	case n > uint64(t.last):
		return 0, fmt.Errorf("not in 0..%d", t.last)
	}
	return pageTable(int(n)), nil
}

func (pfTables) Words() []string { return []string{"main"} }

func (pfTables) Refresh() {}

func (k *pfKernel) links(ctx context.Context) (*pf.Links, error) { return pf.LoadLinks(ctx, k.c, nil) }

// Routes dumps the tables, or the one that q wants.
func (k *pfKernel) Routes(ctx context.Context, q *fs.Query[Route]) iter.Seq2[*Route, error] {
	return func(yield func(*Route, error) bool) {
		n, err := k.links(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		k.routes(ctx, n, q, yield)
	}
}

func (k *pfKernel) routes(ctx context.Context, n *pf.Links, q *fs.Query[Route], yield func(*Route, error) bool) {
	tables, err := k.c.Tables(ctx)
	if err != nil {
		yield(nil, err)
		return
	}
	for _, t := range tables {
		if q != nil && q.Has("table") && kernelTable(q.Want.Table) != t {
			continue
		}
		if !k.dump(ctx, n, t, yield) {
			return
		}
	}
}

// dump yields one table. It is false when the sequence is over.
func (k *pfKernel) dump(ctx context.Context, n *pf.Links, table int, yield func(*Route, error) bool) bool {
	var r Route
	for m, err := range k.c.Dump(ctx, rtsock.Query{Dump: bsd.DumpRoutes, Table: table}) {
		if table != 0 && errors.Is(err, syscall.ENOENT) { // it has gone meanwhile
			return true
		}
		if err != nil {
			yield(nil, err)
			return false
		}
		if msg, ok := m.(*bsd.RouteMsg); ok && k.row(n, msg, &r) && !yield(&r, nil) {
			return false
		}
	}
	return true
}

// row makes a record of a message. It is false for what is no route of the page: a neighbour, a copy of a route for one destination, a mask that is no prefix.
func (k *pfKernel) row(n *pf.Links, m *bsd.RouteMsg, r *Route) bool {
	*r = Route{plain: true}
	p, ok := k.l.Prefix(&m.Header)
	if !ok || m.Flags&k.others != 0 {
		return false
	}
	r.Dst, r.Table, r.Type, r.Proto = p.Masked(), pageTable(int(m.Table)), k.kind(m.Flags), k.proto(m.Flags)
	link := pf.LinkOf(k.l, m)
	if a := k.l.Addr(m.At(bsd.RTAX_GATEWAY)); a.IsValid() && m.Flags&k.gateway != 0 {
		r.Via = a.WithZone("")
		if zone, err := strconv.ParseUint(a.Zone(), 10, 16); err == nil && link == 0 {
			link = uint16(zone)
		}
	}
	if r.Type.refuses() {
		if r.Via.IsLoopback() { // which stands for nowhere
			r.Via = netip.Addr{}
		}
	} else {
		r.Dev = n.At(link).Name
	}
	if k.l.OS == "openbsd" && m.Priority&^rtpDown != rtpStatic {
		r.Metric = uint32(m.Priority &^ rtpDown)
	}
	if mtu := m.Metrics.MTU; mtu != n.At(link).Data.MTU { // else it is the link's
		r.Metrics.N[mMTU] = uint32(mtu)
	}
	if m.Metrics.Expire != 0 {
		r.Expires = uint32(max(m.Metrics.Expire-time.Now().Unix(), 1))
	}
	if !r.Is6() {
		r.Scope = r.scope()
	}
	return true
}

// Priorities of OpenBSD (net/route.h): what route(8) makes has RTP_STATIC, which is
// metric 0 here; RTP_DOWN is added where the link is down.
const (
	rtpStatic = 8
	rtpDown   = 0x80
)

func (k *pfKernel) kind(flags uint32) Type {
	switch {
	case flags&k.blackhole != 0:
		return Blackhole
	case flags&k.reject != 0:
		return Unreachable
	case flags&k.local != 0:
		return Local
	case flags&k.broadcast != 0:
		return Broadcast
	case flags&k.multicast != 0:
		return Multicast
	}
	return Unicast
}

func (k *pfKernel) proto(flags uint32) uint8 {
	switch {
	case flags&k.static != 0:
		return protoStatic
	case flags&k.dynamic != 0:
		return protoRedirect
	}
	return protoKernel
}

// Change writes the ops one after another.
func (k *pfKernel) Change(ctx context.Context, ops []fs.Op[Route]) {
	n, err := k.links(ctx)
	for i := range ops {
		o := &ops[i]
		if o.Err = err; o.Err == nil {
			o.Err = k.blame(o, k.change(ctx, n, o))
		}
	}
}

// have refuses a table that is not there. OpenBSD makes it with its first route.
func (k *pfKernel) have(ctx context.Context, table uint32) error {
	t := kernelTable(table)
	if t == 0 || k.l.Tables != bsd.SocketTable {
		return nil
	}
	all, err := k.c.Tables(ctx)
	if err == nil && t >= len(all) {
		err = &fs.KeyError{Key: "table", Err: fmt.Errorf("net.fibs is %d: %w", len(all), fs.ErrInvalid)}
	}
	return err
}

func (k *pfKernel) change(ctx context.Context, n *pf.Links, o *fs.Op[Route]) error {
	if err := k.have(ctx, o.Row.Table); err != nil {
		return err
	}
	switch {
	case o.Act == fs.Del && o.Old != nil:
		return k.send(n, bsd.OpDelete, o.Old)
	case o.Act == fs.Del:
		return k.send(n, bsd.OpDelete, &o.Row)
	}
	if err := k.can(&o.Row); err != nil {
		return err
	}
	switch {
	case o.Act == fs.Append:
		return &fs.KeyError{Key: "append", Err: pf.ErrNotHere}
	case o.Act == fs.Change && o.Old == nil:
		return k.send(n, bsd.OpChange, &o.Row)
	case o.Old == nil:
		err := k.send(n, bsd.OpAdd, &o.Row)
		if o.Act == fs.Replace && errors.Is(err, syscall.EEXIST) {
			err = k.send(n, bsd.OpChange, &o.Row)
		}
		return err
	case k.sameKind(&o.Row, o.Old):
		return k.send(n, bsd.OpChange, &o.Row)
	}
	// No kernel changes everything of a route: it is made anew.
	if err := k.send(n, bsd.OpDelete, o.Old); err != nil {
		return err
	}
	err := k.send(n, bsd.OpAdd, &o.Row)
	if err != nil { // back to what was
		err = errors.Join(err, k.send(n, bsd.OpAdd, o.Old))
	}
	return err
}

// sameKind reports whether RTM_CHANGE leads from one to the other: another gateway
// mtu or expiry. None is taken away so.
func (k *pfKernel) sameKind(a, b *Route) bool {
	return a.Type == b.Type && a.Via.IsValid() && b.Via.IsValid() && a.Proto == b.Proto && a.Metric == b.Metric &&
		(a.Metrics.N[mMTU] != 0 || b.Metrics.N[mMTU] == 0) && (a.Expires != 0 || b.Expires == 0)
}

// can refuses the words that these kernels have nothing for.
func (k *pfKernel) can(r *Route) error {
	for _, c := range []struct {
		key string
		has bool
	}{
		{"from", r.From.IsValid() && r.From.Bits() > 0}, {"nhid", r.NHID != 0}, {"tos", r.Tos != 0}, {"realm", r.Realm != 0},
		{"pref", r.Pref != 0}, {"ttl-propagate", r.TTLProp != 0}, {"nexthop", len(r.Hops) > 0},
		{"encap", r.Encap.Kind != 0}, {"onlink", r.Flags&(Onlink|Pervasive) != 0}, {"opt", len(r.Opts) > 0},
		{"metric", r.Metric != 0 && (k.l.OS != "openbsd" || r.Metric >= rtpDown)},
		{"proto", r.Proto != protoStatic && r.Proto != protoKernel}, {"src", r.Src.IsValid()}, {"congctl", r.Metrics.CongCtl != ""},
		{"type", r.Type != Unicast && r.Type != Blackhole && r.Type != Unreachable},
		{"via", r.Via.IsValid() && r.Via.Is6() != r.Is6()},
	} {
		if c.has {
			return &fs.KeyError{Key: c.key, Err: pf.ErrNotHere}
		}
	}
	for i, v := range r.Metrics.N {
		if v != 0 && i != mMTU {
			key := "lock"
			if i > mLock {
				key = metricNames[i]
			}
			return &fs.KeyError{Key: key, Err: pf.ErrNotHere}
		}
	}
	return nil
}

// send writes one request about r.
func (k *pfKernel) send(n *pf.Links, op bsd.Op, r *Route) error {
	m := &bsd.RouteMsg{Header: bsd.Header{Op: op}, Flags: k.up, Table: uint16(kernelTable(r.Table))}
	if r.Proto == protoStatic || r.said[sayProto] == 0 && r.Proto == 0 {
		m.Flags |= k.static
	}
	m.Set(bsd.RTAX_DST, k.l.SockaddrOf(r.Dst.Masked().Addr()))
	if r.Dst.IsSingleIP() {
		m.Flags |= k.host
	} else {
		m.Set(bsd.RTAX_NETMASK, k.l.Mask(r.Dst.Bits(), r.Is6()))
	}
	if k.l.OS == "openbsd" {
		if m.Priority = uint8(r.Metric); r.Metric == 0 {
			m.Priority = rtpStatic
		}
	}
	if op == bsd.OpDelete {
		return k.c.Change(m)
	}
	if mtu := r.Metrics.N[mMTU]; mtu != 0 {
		m.Metrics.MTU, m.Inits = uint64(mtu), bsd.RTV_MTU
	}
	if r.Expires != 0 {
		m.Metrics.Expire = time.Now().Unix() + int64(r.Expires)
		m.Inits |= bsd.RTV_EXPIRE
	}
	if err := k.way(n, m, r); err != nil {
		return err
	}
	return k.c.Change(m)
}

// way sets where packets go.
func (k *pfKernel) way(n *pf.Links, m *bsd.RouteMsg, r *Route) error {
	var link uint16
	if r.Dev != "" {
		var err error
		if link, err = n.Index("dev", r.Dev); err != nil {
			return err
		}
	}
	via := r.Via
	switch {
	case r.Type.refuses():
		m.Flags |= k.reject
		if r.Type == Blackhole {
			m.Flags = m.Flags&^k.reject | k.blackhole
		}
		if !via.IsValid() {
			via = loopback(r.Is6())
		}
		m.Flags |= k.gateway
	case !via.IsValid():
		if link == 0 {
			return &fs.KeyError{Key: "dev", Err: fmt.Errorf("is missing, as is via: %w", fs.ErrInvalid)}
		}
		m.Flags |= k.onlink
		m.Index = link
		m.Set(bsd.RTAX_GATEWAY, k.l.SockaddrOfLink(bsd.Link{Index: link, Name: r.Dev}))
		return nil
	default:
		m.Flags |= k.gateway
		if via.Is6() && via.IsLinkLocalUnicast() {
			if link == 0 {
				return &fs.KeyError{Key: "via", Err: fmt.Errorf("of one link only, and dev is missing: %w", fs.ErrInvalid)}
			}
			via = via.WithZone(strconv.Itoa(int(link)))
		}
	}
	m.Set(bsd.RTAX_GATEWAY, k.l.SockaddrOf(via))
	if link != 0 {
		m.Index = link
		m.Set(bsd.RTAX_IFP, k.l.SockaddrOfLink(bsd.Link{Index: link, Name: r.Dev}))
	}
	return nil
}

func loopback(is6 bool) netip.Addr {
	if is6 {
		return netip.IPv6Loopback()
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// blame names the word that an errno is about.
func (k *pfKernel) blame(o *fs.Op[Route], err error) error {
	var no *rtsock.Error
	if !errors.As(err, &no) {
		return err
	}
	switch {
	case o.Act != fs.Del && o.Row.Via.IsValid() && (errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH)):
		return &fs.KeyError{Key: "via", Err: no.Err}
	case o.Act != fs.Add && errors.Is(err, syscall.ESRCH):
		return fs.ErrNotExist
	case o.Act == fs.Del && kernelTable(o.Row.Table) != 0 && errors.Is(err, syscall.EINVAL): // OpenBSD: no such table
		return fs.ErrNotExist
	}
	return no.Err
}

// Lookup asks with RTM_GET.
func (k *pfKernel) Lookup(ctx context.Context, q *Question) (*Route, error) {
	if !q.To.IsValid() {
		return nil, &fs.KeyError{Key: "to", Err: fmt.Errorf("is missing: %w", fs.ErrInvalid)}
	}
	for _, c := range []struct {
		key string
		has bool
	}{
		{"from", q.From.IsValid()}, {"iif", q.Iif != ""}, {"oif", q.Oif != ""}, {"mark", q.Mark != 0}, {"tos", q.Tos != 0},
		{"ipproto", q.IPProto != 0}, {"sport", q.Sport != 0}, {"dport", q.Dport != 0}, {"uid", q.HasUID},
	} {
		if c.has {
			return nil, &fs.KeyError{Key: c.key, Err: pf.ErrNotHere}
		}
	}
	n, err := k.links(ctx)
	if err == nil && q.Table != 0 {
		err = k.among(ctx, q.Table)
	}
	if err != nil {
		return nil, err
	}
	to := q.To
	if zone := to.Zone(); zone != "" {
		link, err := n.Index("to", zone)
		if err != nil {
			return nil, err
		}
		to = to.WithZone(strconv.Itoa(int(link)))
	}
	m := &bsd.RouteMsg{Header: bsd.Header{Op: bsd.OpGet}, Flags: k.up | k.host, Table: uint16(kernelTable(q.Table))}
	m.Set(bsd.RTAX_DST, k.l.SockaddrOf(to))
	m.Set(bsd.RTAX_IFP, k.l.SockaddrOfLink(bsd.Link{}))
	got, err := k.c.Get(ctx, m)
	if errors.Is(err, syscall.ESRCH) {
		err = syscall.ENETUNREACH
	}
	if err != nil {
		return nil, err
	}
	got.Flags &^= k.others // a neighbour is a way, too
	var r Route
	k.row(n, got, &r)
	r.Src = k.l.Addr(got.At(bsd.RTAX_IFA)).WithZone("")
	if !q.FibMatch {
		r.Dst = netip.PrefixFrom(q.To.WithZone(""), q.To.BitLen())
		r.Flags |= Cloned
	}
	return &r, nil
}

// among refuses a table that is not there.
func (k *pfKernel) among(ctx context.Context, table uint32) error {
	all, err := k.c.Tables(ctx)
	if err == nil && !slices.Contains(all, kernelTable(table)) {
		err = &fs.KeyError{Key: "table", Err: fs.ErrNotExist}
	}
	return err
}

// Watch yields the tables, and then what the kernel tells. What it tells of a change
// may be a part of the route, and of a link that it is gone: then the table is read
// again, as after a loss.
func (k *pfKernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Route], error] {
	var names *pf.Links
	var r Route
	return pf.Watch(ctx, k.c, pf.Source[Route]{
		Hear: rtsock.Filter{Ops: []bsd.Op{bsd.OpAdd, bsd.OpDelete, bsd.OpChange, bsd.OpRedirect,
			bsd.OpLink, bsd.OpAnnounce, bsd.OpNewAddr, bsd.OpDelAddr, bsd.OpChgAddr}, Without: k.others},
		Rows: func(ctx context.Context) iter.Seq2[*Route, error] {
			return func(yield func(*Route, error) bool) {
				var err error
				if names, err = k.links(ctx); err != nil {
					yield(nil, err)
					return
				}
				k.routes(ctx, names, nil, yield)
			}
		},
		Event: func(m bsd.Message) (pf.What, *Route) {
			switch m := m.(type) {
			case *bsd.RouteMsg:
				return k.event(names, m, &r)
			case *bsd.LinkMsg, *bsd.AnnounceMsg, *bsd.AddrMsg:
				return pf.Again, nil
			}
			return pf.Nothing, nil
		},
	})
}

func (k *pfKernel) event(n *pf.Links, m *bsd.RouteMsg, r *Route) (pf.What, *Route) {
	what := pf.Added
	switch m.Op {
	case bsd.OpAdd:
	case bsd.OpDelete:
		what = pf.Deleted
	case bsd.OpChange, bsd.OpRedirect:
		return pf.Again, nil
	default:
		return pf.Nothing, nil
	}
	if what == pf.Deleted {
		m.Metrics.Expire = 0
	}
	if !k.row(n, m, r) {
		return pf.Nothing, nil
	}
	if what == pf.Deleted && !m.Has(bsd.RTAX_GATEWAY) {
		return pf.Again, nil
	}
	return what, r
}
