// Package rtjson says PF_ROUTE messages as JSON, with the words of the tree where
// they mean the same: dst, via, dev, local, lladdr, mtu.
package rtjson

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"strings"

	"github.com/netfs-project/netfs/bsd"
)

// Append appends a message as one line.
func Append(b []byte, l *bsd.Layout, m bsd.Message) ([]byte, error) {
	w := words{l: l, h: m.Head(), line: line{}}
	w.put("msg", w.name())
	switch m := m.(type) {
	case *bsd.RouteMsg:
		w.route(m)
	case *bsd.LinkMsg:
		w.link(m)
	case *bsd.AddrMsg:
		w.addr(m)
	case *bsd.MaddrMsg:
		w.group(m)
	case *bsd.AnnounceMsg:
		w.announce(m)
	case *bsd.RawMsg:
		w.put("raw", hex.EncodeToString(m.Data))
	}
	w.rest()
	js, err := w.line.json()
	return append(append(b, js...), '\n'), err
}

// A line is an object whose keys keep their order.
type line []field

type field struct {
	key   string
	value any
}

func (l line) json() ([]byte, error) {
	b := []byte{'{'}
	for i, f := range l {
		if i > 0 {
			b = append(b, ',')
		}
		v, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		b = append(append(append(b, '"'), f.key...), '"', ':')
		b = append(b, v...)
	}
	return append(b, '}'), nil
}

type words struct {
	l    *bsd.Layout
	h    *bsd.Header
	line line
	said uint32 // sockaddrs that were printed
}

func (w *words) put(key string, v any) { w.line = append(w.line, field{key, v}) }

// num puts a number that is not 0.
func (w *words) num(key string, n uint64) {
	if n != 0 {
		w.put(key, n)
	}
}

func (w *words) name() string {
	if s := w.l.TypeName(w.h.Type); s != "" {
		return s
	}
	return fmt.Sprintf("%#x", w.h.Type)
}

func (w *words) flags(names []string) { w.put("flags", names) }

// prefix puts what the message is about. A mask with holes is left for rest.
func (w *words) prefix(key string, axis int) {
	p, ok := w.l.Prefix(w.h)
	switch {
	case ok:
		w.put(key, p.String())
		w.said |= 1<<axis | 1<<bsd.RTAX_NETMASK
	case w.h.Has(axis):
		w.sockaddr(key, axis)
	}
}

// dev puts the link's name and number.
func (w *words) dev(key string, index uint16) {
	for _, axis := range []int{bsd.RTAX_IFP, bsd.RTAX_GATEWAY} {
		k, ok := w.l.Link(w.h.At(axis))
		if ok && axis == bsd.RTAX_IFP {
			w.said |= 1 << axis
		}
		if ok && k.Name != "" {
			w.put(key, k.Name)
			index = max(index, k.Index)
			break
		}
		if ok && index == 0 {
			index = k.Index
		}
	}
	w.num("index", uint64(index))
}

// addrOf puts an address, under the key if there is one.
func (w *words) addrOf(key string, axis int) {
	if w.h.Has(axis) && w.said>>axis&1 == 0 && len(w.h.At(axis)) > 0 {
		w.sockaddr(key, axis)
	}
}

// sockaddr puts one as what it is.
func (w *words) sockaddr(key string, axis int) {
	w.said |= 1 << axis
	a := w.h.At(axis)
	if addr := w.l.Addr(a); addr.IsValid() {
		w.put(key, addr.String())
	} else if k, ok := w.l.Link(a); ok {
		w.put(key, linkText(k))
	} else if n, ok := w.l.MPLSLabel(a); ok {
		w.put(key, n)
	} else {
		w.put(key, hex.EncodeToString(a))
	}
}

func linkText(k bsd.Link) string {
	switch {
	case len(k.Addr) > 0:
		return net.HardwareAddr(k.Addr).String()
	case k.Name != "":
		return k.Name
	}
	return fmt.Sprintf("link#%d", k.Index)
}

// rest puts what no word was found for, under the header's names.
func (w *words) rest() {
	for i := range 16 {
		if !w.h.Has(i) || w.said>>i&1 != 0 {
			continue
		}
		name := strings.ToLower(w.l.AxisName(i))
		if name == "" {
			name = fmt.Sprint(i)
		}
		if text := w.h.At(i).Text(); name == "label" && text != "" {
			w.put(name, text)
			continue
		}
		w.sockaddr("rta_"+name, i)
	}
	if t := w.h.Tail(); len(t) > 0 {
		w.put("tail", hex.EncodeToString(t))
	}
}

func (w *words) route(m *bsd.RouteMsg) {
	w.prefix("dst", bsd.RTAX_DST)
	has := func(name string) bool { return m.Flags&w.l.RTF(name) != 0 }
	switch {
	case has("blackhole"):
		w.put("type", "blackhole")
	case has("reject"):
		w.put("type", "unreachable")
	case has("local"):
		w.put("type", "local")
	case has("broadcast"):
		w.put("type", "broadcast")
	}
	w.gateway()
	w.dev("dev", m.Index)
	switch {
	case has("static"):
		w.put("proto", "static")
	case has("dynamic"):
		w.put("proto", "redirect")
	}
	w.num("table", uint64(m.Table))
	w.num("priority", uint64(m.Priority))
	w.addrOf("src", bsd.RTAX_IFA)
	w.flags(w.l.RouteFlags(m.Flags))
	w.num("mpls", uint64(m.MPLS))
	w.metrics(&m.Metrics)
	if m.Inits != 0 {
		w.put("inits", fmt.Sprintf("%#x", m.Inits))
	}
	w.num("fmask", uint64(m.Fmask))
	w.num("use", uint64(m.Use))
	w.num("refs", uint64(uint32(m.RefCount)))
	if m.ParentFlags != 0 {
		w.put("parent_flags", w.l.RouteFlags(m.ParentFlags))
	}
	w.num("pid", uint64(uint32(m.Pid)))
	w.num("seq", uint64(uint32(m.Seq)))
	w.num("errno", uint64(uint32(m.Errno)))
}

// gateway is via where it is an address, lladdr where it is a neighbour's.
func (w *words) gateway() {
	a := w.h.At(bsd.RTAX_GATEWAY)
	if k, ok := w.l.Link(a); ok {
		w.said |= 1 << bsd.RTAX_GATEWAY
		if len(k.Addr) > 0 {
			w.put("lladdr", linkText(k))
		}
		return
	}
	w.addrOf("via", bsd.RTAX_GATEWAY)
}

func (w *words) metrics(m *bsd.Metrics) {
	for _, f := range []struct {
		key string
		n   uint64
	}{
		{"locks", m.Locks}, {"mtu", m.MTU}, {"hopcount", m.HopCount}, {"recvpipe", m.RecvPipe}, {"sendpipe", m.SendPipe},
		{"ssthresh", m.SSThresh}, {"rtt", m.RTT}, {"rttvar", m.RTTVar}, {"pksent", m.PkSent}, {"weight", m.Weight},
		{"nhidx", m.NHIdx}, {"refcnt", m.RefCount}, {"state", m.State}, {"mssopt", uint64(m.MSSOpt)}, {"msl", m.MSL},
		{"iwmaxsegs", m.IWMaxSegs}, {"iwcapsegs", m.IWCapSegs},
	} {
		w.num(f.key, f.n)
	}
	if m.Expire != 0 {
		w.put("expire", m.Expire)
	}
}

func (w *words) link(m *bsd.LinkMsg) {
	k, ok := w.l.Link(w.h.At(bsd.RTAX_IFP))
	if ok {
		w.said |= 1 << bsd.RTAX_IFP
		w.put("name", k.Name)
	}
	w.num("index", uint64(m.Index))
	state := "down"
	if m.Flags&w.l.IFF("up") != 0 {
		state = "up"
	}
	w.put("state", state)
	if up, known := w.l.Carrier(m.Data.State); known {
		w.put("carrier", up)
	}
	w.num("mtu", m.Data.MTU)
	if len(k.Addr) > 0 {
		w.put("lladdr", linkText(k))
	}
	w.num("type", uint64(m.Data.Type))
	w.num("table", uint64(m.Table))
	w.num("domain", uint64(m.Data.Domain))
	w.flags(w.l.LinkFlags(m.Flags))
	if m.XFlags != 0 {
		w.put("xflags", fmt.Sprintf("%#x", m.XFlags))
	}
	w.data(&m.Data)
}

func (w *words) data(d *bsd.LinkData) {
	for _, f := range []struct {
		key string
		n   uint64
	}{
		{"metric", d.Metric}, {"baudrate", d.Baudrate}, {"rx_packets", d.InPackets}, {"rx_bytes", d.InBytes},
		{"rx_errors", d.InErrors}, {"rx_dropped", d.InDrops}, {"rx_multicast", d.InMulticasts}, {"rx_nohandler", d.NoProto},
		{"tx_packets", d.OutPackets}, {"tx_bytes", d.OutBytes}, {"tx_errors", d.OutErrors}, {"tx_dropped", d.OutDrops},
		{"tx_multicast", d.OutMulticasts}, {"collisions", d.Collisions}, {"vhid", uint64(d.VHID)},
	} {
		w.num(f.key, f.n)
	}
}

func (w *words) addr(m *bsd.AddrMsg) {
	if k, ok := w.l.Link(w.h.At(bsd.RTAX_IFA)); ok {
		w.said |= 1 << bsd.RTAX_IFA
		if len(k.Addr) > 0 {
			w.put("lladdr", linkText(k))
		}
	} else {
		w.prefix("local", bsd.RTAX_IFA)
	}
	w.dev("dev", m.Index)
	w.addrOf("broadcast", bsd.RTAX_BRD) // or the other end: the flags of the link tell
	w.num("table", uint64(m.Table))
	if m.Metric != 0 {
		w.put("metric", m.Metric)
	}
	w.flags(w.l.RouteFlags(m.Flags))
	if m.AddrFlags != 0 {
		w.put("addr_flags", fmt.Sprintf("%#x", m.AddrFlags))
	}
	w.num("pid", uint64(uint32(m.Pid)))
	w.num("vhid", uint64(m.Data.VHID))
}

func (w *words) group(m *bsd.MaddrMsg) {
	w.addrOf("addr", bsd.RTAX_IFA)
	w.dev("dev", m.Index)
	w.addrOf("lladdr", bsd.RTAX_GATEWAY)
	w.num("refs", uint64(uint32(m.RefCount)))
}

func (w *words) announce(m *bsd.AnnounceMsg) {
	w.put("name", m.Name)
	w.num("index", uint64(m.Index))
	what := fmt.Sprint(m.What)
	if m.What < 2 {
		what = []string{"arrival", "departure"}[m.What]
	}
	w.put("what", what)
}
