package route

import (
	"context"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/encap"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl/rt"
)

// A reader turns messages into records. It remembers the last link, since
// routes come in long runs over the same one.
type reader struct {
	ctx   context.Context
	names *rt.Names
	last  int32
	name  string
}

func (d *reader) dev(index int32) string {
	if index == 0 {
		return ""
	}
	if index != d.last {
		d.last, d.name = index, d.names.Name(d.ctx, int(index))
	}
	return d.name
}

// row fills r from m. Lists are new ones, since the record's may be kept.
func (d *reader) row(m *rt.Route, r *Route) bool {
	if m.Hdr.Family != rt.AF_INET && m.Hdr.Family != rt.AF_INET6 {
		return false
	}
	*r = Route{
		Dst: m.Prefix(), Type: Type(m.Hdr.Type), Via: m.NextHop(), Dev: d.dev(m.OIF),
		Table: m.Table, Metric: m.Priority, Proto: m.Hdr.Protocol, Scope: m.Hdr.Scope, Tos: m.Hdr.TOS,
		Pref: Pref(m.Pref), Src: m.PrefSrc, Realm: m.Flow, NHID: m.NHID, Flags: flags(m.Hdr.Flags),
	}
	if m.Hdr.SrcLen != 0 {
		r.From = m.Src
	}
	if m.Has.Has(rt.RouteMetrics) {
		r.Metrics = metrics(&m.Metrics)
	}
	if m.CacheInfo.Expires > 0 {
		r.Expires = uint32(m.CacheInfo.Expires+99) / 100
	}
	if m.Has.Has(rt.RouteTTLProp) {
		r.TTLProp = TTLDisabled + TTLProp(m.TTLProp)
	}
	if m.EncapType != 0 {
		r.Encap = encap.FromWire(m.EncapType, m.Encap)
	}
	if len(m.Hops) > 0 {
		r.Hops = d.hops(m.Hops)
	}
	if len(m.Rest) > 0 {
		r.Opts = opts(m)
	}
	return true
}

func (d *reader) hops(list []rt.Hop) []Hop {
	all := make([]Hop, len(list))
	for i := range list {
		m := &list[i]
		all[i] = Hop{
			Via: m.NextHop(), Dev: d.dev(m.Hdr.Index), Weight: uint16(m.Hdr.Hops) + 1, Realm: m.Flow,
			Flags: flags(uint32(m.Hdr.Flags)), Encap: encap.FromWire(m.EncapType, m.Encap),
		}
	}
	return all
}

func opts(m *rt.Route) []fs.Opt {
	var all []fs.Opt
	for _, a := range m.Rest {
		all = append(all, fs.Opt{N: int(a.Type), Data: append([]byte(nil), a.Data...)})
	}
	return all
}

// flagBits are our flags and the kernel's: those of ways and, above 255, those
// of routes.
var flagBits = [...]struct {
	ours   Flags
	kernel uint32
}{
	{Onlink, rt.RTNH_F_ONLINK},
	{Pervasive, rt.RTNH_F_PERVASIVE},
	{Dead, rt.RTNH_F_DEAD},
	{Linkdown, rt.RTNH_F_LINKDOWN},
	{Unresolved, rt.RTNH_F_UNRESOLVED},
	{Offload, rt.RTNH_F_OFFLOAD},
	{Offload, rt.RTM_F_OFFLOAD},
	{Trap, rt.RTNH_F_TRAP},
	{Trap, rt.RTM_F_TRAP},
	{OffloadFailed, rt.RTM_F_OFFLOAD_FAILED},
	{Cloned, rt.RTM_F_CLONED},
	{Notify, rt.RTM_F_NOTIFY},
}

func flags(kernel uint32) (f Flags) {
	if kernel == 0 {
		return 0
	}
	for _, b := range flagBits {
		if kernel&b.kernel != 0 {
			f |= b.ours
		}
	}
	return f
}

// settableFlags are those that a request carries.
func settableFlags(f Flags) (kernel uint32) {
	if f&Onlink != 0 {
		kernel |= rt.RTNH_F_ONLINK
	}
	if f&Pervasive != 0 {
		kernel |= rt.RTNH_F_PERVASIVE
	}
	return kernel
}

func metrics(m *rt.Metrics) (out Metrics) {
	out.CongCtl = m.CCAlgo
	for i, p := range metricFields(m) {
		if p != nil {
			out.N[i] = *p
		}
	}
	return out
}

// metricFields are the numbers of m by their place in Metrics.N.
func metricFields(m *rt.Metrics) [mCount]*uint32 {
	return [mCount]*uint32{
		mLock: &m.Lock, mMTU: &m.MTU, mWindow: &m.Window, mRTT: &m.RTT, mRTTVar: &m.RTTVar, mSSThresh: &m.SSThresh,
		mCwnd: &m.Cwnd, mAdvMSS: &m.AdvMSS, mReordering: &m.Reordering, mHopLimit: &m.HopLimit, mInitCwnd: &m.InitCwnd,
		mFeatures: &m.Features, mRTOMin: &m.RTOMin, mInitRwnd: &m.InitRwnd, mQuickAck: &m.QuickACK, mFastOpen: &m.FastOpenNC,
	}
}

// A writer turns records into messages.
type writer struct {
	ctx   context.Context
	names *rt.Names
	m     rt.Route
}

func (w *writer) index(key, dev string) (int32, error) {
	return joint.Index(w.ctx, w.names, key, dev)
}

// family is that of the destination.
func family(r *Route) uint8 {
	if r.Is6() {
		return rt.AF_INET6
	}
	return rt.AF_INET
}

// key fills in what names a route.
func (w *writer) key(r *Route) {
	m := &w.m
	m.Reset()
	m.Hdr.Family = family(r)
	m.Hdr.TOS = r.Tos
	m.Table = r.Table
	m.Priority = r.Metric
	if r.Dst.Bits() > 0 {
		m.Dst = r.Dst
	}
	m.Hdr.DstLen = uint8(r.Dst.Bits())
	if r.From.IsValid() && r.From.Bits() > 0 {
		m.Src = r.From
		m.Hdr.SrcLen = uint8(r.From.Bits())
	}
}

// whole fills in all of r.
func (w *writer) whole(r *Route) error {
	w.key(r)
	m := &w.m
	m.Hdr.Type, m.Hdr.Protocol, m.Hdr.Scope = uint8(r.Type), r.Proto, r.Scope
	m.Hdr.Flags = settableFlags(r.Flags)
	m.PrefSrc = r.Src
	m.Flow = r.Realm
	m.Pref = uint8(r.Pref)
	m.NHID = r.NHID
	m.Expires = time.Duration(r.Expires) * time.Second
	if r.TTLProp != TTLDefault {
		m.TTLProp = uint8(r.TTLProp - TTLDisabled)
		m.Has |= rt.RouteTTLProp
	}
	w.metrics(&r.Metrics)
	for _, o := range r.Opts {
		m.Rest = append(m.Rest, rawOpt(o))
	}
	return w.ways(r)
}

func (w *writer) metrics(r *Metrics) {
	m := &w.m.Metrics
	m.CCAlgo = r.CongCtl
	for i, p := range metricFields(m) {
		if p != nil {
			*p = r.N[i]
		}
	}
}

// ways fills in where the packets go. Nexthop objects exclude the rest.
func (w *writer) ways(r *Route) (err error) {
	m := &w.m
	if r.NHID != 0 {
		return nil
	}
	if len(r.Hops) > 0 {
		return w.hops(r)
	}
	if m.OIF, err = w.index("dev", r.Dev); err != nil {
		return err
	}
	m.SetNextHop(r.Via)
	m.EncapType, m.Encap, err = r.Encap.Wire()
	return err
}

func (w *writer) hops(r *Route) error {
	m := &w.m
	for i := range r.Hops {
		h := &r.Hops[i]
		index, err := w.index(hopKey(i, "dev"), h.Dev)
		if err != nil {
			return err
		}
		var to rt.Hop
		to.Hdr = rt.RtNexthop{Flags: uint8(settableFlags(h.Flags)), Index: index}
		if h.Weight > 1 {
			to.Hdr.Hops = uint8(h.Weight - 1)
		}
		to.SetNextHop(m.Hdr.Family, h.Via)
		to.Flow = h.Realm
		if to.EncapType, to.Encap, err = h.Encap.Wire(); err != nil {
			return err
		}
		m.Hops = append(m.Hops, to)
	}
	return nil
}
