package route

import (
	"context"
	"errors"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
	"github.com/netfs-project/netfs/nl/rt"
)

// New returns the routing files of the namespace that c speaks to. c is a
// client of nl.Route.
func New(c *nl.Client) (fs.Page, error) { return Page(&kernel{c: c, links: joint.Links{C: c}}), nil }

// A kernel is Linux by rtnetlink.
type kernel struct {
	c     *nl.Client
	links joint.Links
}

// Routes dumps IPv4, then IPv6, with the filters that the kernel knows.
func (k *kernel) Routes(ctx context.Context, q *fs.Query[Route]) iter.Seq2[*Route, error] {
	return func(yield func(*Route, error) bool) {
		names, err := k.links.Names(ctx, 0)
		if err != nil {
			yield(nil, err)
			return
		}
		f, err := filter(ctx, names, q)
		if errors.Is(err, fs.ErrNotExist) {
			return // no such link, so no such routes
		}
		if err != nil {
			yield(nil, err)
			return
		}
		d := &reader{ctx: ctx, names: names}
		joint.Rows(rt.Routes(ctx, k.c, f), d.row)(yield)
	}
}

// filter is what q asks, as far as kernels filter.
func filter(ctx context.Context, names *rt.Names, q *fs.Query[Route]) (rt.RouteFilter, error) {
	f := rt.RouteFilter{Rest: true}
	if q.Has("dst") && q.Want.Dst.IsValid() {
		f.Family = family(&q.Want)
	} else if q.Has("family") {
		f.Family = rt.AF_INET
		if q.Want.inet6 {
			f.Family = rt.AF_INET6
		}
	}
	if q.Has("table") {
		f.Table = q.Want.Table
	}
	if q.Has("proto") {
		f.Protocol = q.Want.Proto
	}
	if q.Has("type") {
		f.Type = uint8(q.Want.Type)
	}
	if q.Has("dev") && q.Want.Dev != "" {
		index, err := names.Index(ctx, q.Want.Dev)
		if err != nil {
			return f, err
		}
		f.OIF = int32(index)
	}
	return f, nil
}

// Change sends all ops at once, but those which the kernel cannot carry out in
// one message.
func (k *kernel) Change(ctx context.Context, ops []fs.Op[Route]) {
	names, err := k.links.Names(ctx, joint.Lately)
	if err != nil {
		for i := range ops {
			ops[i].Err = err
		}
		return
	}
	w := &writer{ctx: ctx, names: names}
	k.send(ctx, w, ops)
	k.again(ctx, w, ops)
	for i := range ops {
		if o := &ops[i]; o.Err == nil && remade(o) {
			o.Err = k.remake(ctx, w, o)
		}
	}
}

func (k *kernel) send(ctx context.Context, w *writer, ops []fs.Op[Route]) {
	joint.Batch(ctx, k.c, ops, func(o *fs.Op[Route]) (nl.Request, error) {
		if remade(o) {
			return nl.Request{}, nil
		}
		return w.request(o)
	}, blame)
}

// again sends what failed because its gateway was out of reach as long as that
// gets some of it done: the route to the gateway may have stood behind it in
// the same write.
func (k *kernel) again(ctx context.Context, w *writer, ops []fs.Op[Route]) {
	failed := waiting(ops)
	for len(failed) > 0 && len(failed) < len(ops) {
		next := make([]fs.Op[Route], len(failed))
		for i, at := range failed {
			next[i] = ops[at]
			next[i].Err = nil
		}
		k.send(ctx, w, next)
		for i, at := range failed {
			ops[at].Err = next[i].Err
		}
		left := waiting(ops)
		if len(left) == len(failed) {
			return
		}
		failed = left
	}
}

// waiting lists the ops whose gateway was out of reach.
func waiting(ops []fs.Op[Route]) (at []int) {
	for i := range ops {
		if err := ops[i].Err; errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH) {
			at = append(at, i)
		}
	}
	return at
}

// remade reports whether a change has to delete the old route first: for IPv6
// the kernel would replace any route to the same destination that goes straight
// onto a link, whichever the link.
func remade(o *fs.Op[Route]) bool {
	return (o.Act == fs.Replace || o.Act == fs.Change) && o.Old != nil && o.Old.Is6() && o.Old.direct() && o.Old.Type.forwards()
}

func (k *kernel) remake(ctx context.Context, w *writer, o *fs.Op[Route]) error {
	if err := w.whole(o.Old); err != nil {
		return err
	}
	if err := k.c.Do(ctx, nl.Request{Type: rt.RTM_DELROUTE, Body: &w.m}); err != nil {
		return blame(o, err)
	}
	if err := w.whole(&o.Row); err != nil {
		return err
	}
	err := k.c.Do(ctx, nl.Request{Type: rt.RTM_NEWROUTE, Flags: nl.FlagCreate, Body: &w.m})
	if err == nil {
		return nil
	}
	if w.whole(o.Old) == nil { // back to what was
		err = errors.Join(err, k.c.Do(ctx, nl.Request{Type: rt.RTM_NEWROUTE, Flags: nl.FlagCreate, Body: &w.m}))
	}
	return blame(o, err)
}

// request makes the message of an op.
func (w *writer) request(o *fs.Op[Route]) (nl.Request, error) {
	if o.Act == fs.Del {
		return w.deletion(o)
	}
	if err := w.whole(&o.Row); err != nil {
		return nl.Request{}, err
	}
	return nl.Request{Type: rt.RTM_NEWROUTE, Flags: actFlags(o), Body: &w.m}, nil
}

func actFlags(o *fs.Op[Route]) uint16 {
	switch o.Act {
	case fs.Add:
		return nl.FlagCreate | nl.FlagExcl
	case fs.Append:
		return nl.FlagCreate | nl.FlagAppend
	case fs.Change:
		return nl.FlagReplace
	}
	if o.Old == nil && o.Row.Is6() {
		return nl.FlagCreate // there may be others to this destination, straight onto other links
	}
	return nl.FlagCreate | nl.FlagReplace
}

// deletion names the route by what the line said, or by all that is known of it.
func (w *writer) deletion(o *fs.Op[Route]) (nl.Request, error) {
	req := nl.Request{Type: rt.RTM_DELROUTE, Body: &w.m}
	if o.Old != nil {
		old := *o.Old
		old.Metrics, old.Opts, old.Expires = Metrics{}, nil, 0
		err := w.whole(&old)
		if old.NHID != 0 {
			w.m.Hdr.Type = rt.RTN_UNSPEC // it prints the type of its nexthop, and has one of its own
		}
		return req, err
	}
	w.key(&o.Row)
	w.m.Hdr.Scope = rt.RT_SCOPE_NOWHERE
	if o.Row.said[sayMetric] == 0 {
		w.m.Priority = 0
	}
	return req, nil
}

func rawOpt(o fs.Opt) attr.Raw { return attr.Raw{Type: uint16(o.N), Data: o.Data} }

var attrs = joint.Words{
	"RTA_DST": "dst", "RTA_SRC": "from", "RTA_GATEWAY": "via", "RTA_VIA": "via", "RTA_OIF": "dev", "RTA_IIF": "iif",
	"RTA_PRIORITY": "metric", "RTA_PREFSRC": "src", "RTA_TABLE": "table", "RTA_FLOW": "realm", "RTA_NH_ID": "nhid",
	"RTA_PREF": "pref", "RTA_EXPIRES": "expires", "RTA_ENCAP": "encap", "RTA_ENCAP_TYPE": "encap", "RTA_MULTIPATH": "nexthop",
	"RTA_TTL_PROPAGATE": "ttl-propagate", "RTA_MARK": "mark", "RTA_UID": "uid", "RTA_IP_PROTO": "ipproto",
	"RTA_SPORT": "sport", "RTA_DPORT": "dport", "RTA_METRICS": "mtu",
	"RTAX_LOCK": "lock", "RTAX_MTU": "mtu", "RTAX_WINDOW": "window", "RTAX_RTT": "rtt", "RTAX_RTTVAR": "rttvar",
	"RTAX_SSTHRESH": "ssthresh", "RTAX_CWND": "cwnd", "RTAX_ADVMSS": "advmss", "RTAX_REORDERING": "reordering",
	"RTAX_HOPLIMIT": "hoplimit", "RTAX_INITCWND": "initcwnd", "RTAX_FEATURES": "features", "RTAX_RTO_MIN": "rto_min",
	"RTAX_INITRWND": "initrwnd", "RTAX_QUICKACK": "quickack", "RTAX_CC_ALGO": "congctl", "RTAX_FASTOPEN_NO_COOKIE": "fastopen_no_cookie",
}

// blame puts the kernel's error into the words of the line: of the way that it
// is about, when there are several.
func blame(o *fs.Op[Route], err error) error {
	var e *nl.Error
	if !errors.As(err, &e) {
		return err
	}
	got := attrs.Blame(err)
	var key *fs.KeyError
	if errors.As(got, &key) {
		if i, ok := hopOf(e.Attr); ok && i < len(o.Row.Hops) {
			return hopError(&o.Row.Hops[i], i, key)
		}
		return got
	}
	if e.Errno == syscall.EHOSTUNREACH && o.Act != fs.Del && o.Has("via") { // IPv6 says no more
		return &fs.KeyError{Key: "via", Err: got}
	}
	if o.Act == fs.Del {
		return got
	}
	return joint.Guessed(got, o.Has, guesses)
}

var guesses = []joint.Guess{
	{Text: "invalid gateway", Key: "via"}, {Text: "Gateway", Key: "via"}, {Text: "Invalid prefix", Key: "dst"},
	{Text: "congestion", Key: "congctl"}, {Text: "Nexthop id", Key: "nhid"}, {Text: "prefsrc", Key: "src"},
	{Text: "source address", Key: "src"}, {Text: "encap", Key: "encap"}, {Text: "scope", Key: "scope"},
}

func hopKey(i int, key string) string { return "nexthop " + strconv.Itoa(i+1) + ": " + key }

func hopError(h *Hop, i int, err *fs.KeyError) error {
	word := h.Dev
	if err.Key == "via" && h.Via.IsValid() {
		word = h.Via.String()
	}
	return &fs.KeyError{Key: hopKey(i, err.Key), Word: word, Err: err.Err}
}

// hopOf reads the number in RTA_MULTIPATH[1].RTA_GATEWAY.
func hopOf(path string) (int, bool) {
	rest, ok := strings.CutPrefix(path, "RTA_MULTIPATH[")
	if !ok {
		return 0, false
	}
	n, _, ok := strings.Cut(rest, "]")
	i, err := strconv.Atoi(n)
	return i, ok && err == nil
}

// Lookup asks the kernel which way a packet takes.
func (k *kernel) Lookup(ctx context.Context, q *Question) (*Route, error) {
	if !q.To.IsValid() {
		return nil, &fs.KeyError{Key: "to", Err: errors.New("is missing")}
	}
	names, err := k.links.Names(ctx, 0)
	if err != nil {
		return nil, err
	}
	w := &writer{ctx: ctx, names: names}
	if err := w.question(q); err != nil {
		return nil, err
	}
	m := rt.Route{Has: rt.RouteRest}
	if err := rt.Lookup(ctx, k.c, &w.m, &m); err != nil {
		return nil, attrs.Blame(err)
	}
	var r Route
	(&reader{ctx: ctx, names: names}).row(&m, &r)
	if m.IIF != 0 {
		r.Iif = names.Name(ctx, int(m.IIF))
	}
	if m.Has.Has(rt.RouteUID) {
		r.UID, r.Asked = m.UID, r.Asked|AskedUID
	}
	if m.Has.Has(rt.RouteMark) {
		r.Mark, r.Asked = m.Mark, r.Asked|AskedMark
	}
	return &r, nil
}

// question makes the message of a lookup.
func (w *writer) question(q *Question) (err error) {
	m := &w.m
	m.Hdr.TOS = q.Tos
	m.Dst = netip.PrefixFrom(q.To.WithZone(""), q.To.BitLen())
	if q.From.IsValid() {
		m.Src = netip.PrefixFrom(q.From.WithZone(""), q.From.BitLen())
	}
	m.Mark, m.IPProto, m.SPort, m.DPort, m.UID = q.Mark, q.IPProto, q.Sport, q.Dport, q.UID
	if q.HasUID {
		m.Has |= rt.RouteUID
	}
	if q.FibMatch {
		m.Hdr.Flags |= rt.RTM_F_FIB_MATCH
	}
	oif := q.Oif
	if zone := q.To.Zone(); zone != "" && oif == "" {
		oif = zone
	}
	if m.OIF, err = w.index("oif", oif); err != nil {
		return err
	}
	m.IIF, err = w.index("iif", q.Iif)
	return err
}
