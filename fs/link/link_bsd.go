package link

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint/pf"
)

// NewPF returns the page of the links of a kernel with a routing socket. It has the keys
// that they have. The package has no build tag for it: it is as good over the simulator
// of bsd/bsdtest. Extra is as for Page.
func NewPF(c *rtsock.Client, extra func(fs.LinkID) fs.Dir) fs.Page {
	p := &page{k: newPF(c), extra: extra, keys: pfKeys(c.Layout()), counters: pfCounters(c.Layout().OS), plain: true}
	return p.page()
}

// pfKeys are the keys that these kernels know. What is the kernel's own to set is
// read-only.
func pfKeys(l *bsd.Layout) *fs.Keys[Link] {
	var list []fs.Key[Link]
	for _, k := range slices.Concat(settings, kindKeys, state) {
		switch k.Name {
		case "type":
			k.Doc, k.Words = "what it is, as vlan and bridge: the kind of link that its name begins with; hardware has none; given when it is made", nil
		case "link":
			k.Doc = "the link below a vlan"
		case "master":
			k.Doc, k.Also = "the bridge that it is a port of; none frees it", nil
		case "id":
			k.Doc, k.Also = "VLAN id of a vlan, 1 to 4094", nil
		case "carrier":
			k = k.When(func(l *Link) *bool { return &l.hasCarrier })
		case "multicast", "allmulti":
			k = k.ReadOnly()
		case "promisc":
			if l.IFF("ppromisc") == 0 {
				k = k.ReadOnly()
			}
		case "name", "state", "mtu", "lladdr", "dev", "nomaster", "arp", "index", "flags", "operstate", "link_type":
		default:
			continue
		}
		list = append(list, k)
	}
	return fs.NewKeys(list...)
}

// pfCounters are those of struct if_data, which counts what was not sent on some systems
// only.
func pfCounters(os string) *fs.Keys[Stats] {
	names := []string{"rx_bytes", "rx_packets", "rx_errors", "rx_dropped", "multicast", "tx_bytes", "tx_packets", "tx_errors", "collisions"}
	if os != "netbsd" && os != "darwin" {
		names = append(names, "tx_dropped")
	}
	return fs.NewKeys(slices.DeleteFunc(slices.Clone(counters), func(k fs.Key[Stats]) bool { return !slices.Contains(names, k.Name) })...)
}

type pfKernel struct {
	c *rtsock.Client
	l *bsd.Layout

	up, noarp, promisc, ppromisc, allmulti, multicast uint32
}

func newPF(c *rtsock.Client) *pfKernel {
	l := c.Layout()
	return &pfKernel{c: c, l: l, up: l.IFF("up"), noarp: l.IFF("noarp"), promisc: l.IFF("promisc"), ppromisc: l.IFF("ppromisc"), allmulti: l.IFF("allmulti"),
		multicast: l.IFF("multicast")}
}

// Netns is the only one.
func (k *pfKernel) Netns() string { return "/" }

// Links yields the links in the kernel's order, but a bridge before its ports, and what
// a vlan stands on before it.
func (k *pfKernel) Links(ctx context.Context) iter.Seq2[*Link, error] {
	return func(yield func(*Link, error) bool) {
		n, err := pf.LoadLinks(ctx, k.c, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		all, err := k.records(n)
		if err != nil {
			yield(nil, err)
			return
		}
		rest := map[string]*Link{} // that were not shown
		for i := range all {
			rest[all[i].Name] = &all[i]
		}
		var show func(l *Link) bool
		show = func(l *Link) bool {
			if rest[l.Name] == nil {
				return true
			}
			delete(rest, l.Name)
			for _, name := range [...]string{l.Master, l.Link} {
				if o := rest[name]; o != nil && !show(o) {
					return false
				}
			}
			return yield(l, nil)
		}
		for i := range all {
			if !show(&all[i]) {
				return
			}
		}
	}
}

// Types of links that tell the kind whatever the name (IFT_L2VLAN, IFT_BRIDGE,
// net/if_types.h).
const (
	iftVLAN   = 135
	iftBridge = 209
)

// records makes records of links: with what is asked of the kernel for each.
func (k *pfKernel) records(n *pf.Links) ([]Link, error) {
	kinds, err := k.c.Cloners()
	if err != nil && !untold(err) {
		return nil, err
	}
	all := make([]Link, len(n.All))
	masters := map[string]string{}
	for i := range n.All {
		m, l := &n.All[i], &all[i]
		*l = k.record(m)
		if kind := kindOf(m.Name); slices.Contains(kinds, kind) {
			l.Type = kind
		}
		switch m.Data.Type {
		case iftVLAN:
			l.Type = "vlan"
		case iftBridge:
			l.Type = "bridge"
		}
		switch l.Type {
		case "vlan":
			err = k.vlan(l)
		case "bridge":
			err = k.ports(l.Name, masters)
		}
		if err != nil && !untold(err) {
			return nil, err
		}
	}
	for i := range all {
		all[i].Master = masters[all[i].Name]
	}
	return all, nil
}

// untold reports whether an error says that there is nothing to tell: the link has gone,
// is not of that kind after all, or only root may ask.
func untold(err error) bool {
	for _, e := range []error{errors.ErrUnsupported, syscall.ENXIO, syscall.ENOENT, syscall.ENOTTY, syscall.EINVAL, syscall.EOPNOTSUPP, syscall.EPERM} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// kindOf is the kind that a name says: vlan of vlan7.
func kindOf(name string) string {
	kind := strings.TrimRight(name, "0123456789")
	if kind == name {
		return ""
	}
	return kind
}

func (k *pfKernel) vlan(l *Link) error {
	v, err := k.c.VLAN(l.Name)
	if err != nil {
		return err
	}
	l.Link = v.Parent
	if v.ID != 0 {
		l.Data = l.Data.With("id", strconv.Itoa(v.ID))
	}
	return nil
}

func (k *pfKernel) ports(bridge string, masters map[string]string) error {
	names, err := k.c.Members(bridge)
	for _, name := range names {
		masters[name] = bridge
	}
	return err
}

// Link finds one by its name.
func (k *pfKernel) Link(ctx context.Context, name string) (*Link, error) {
	for l, err := range k.Links(ctx) {
		if err != nil || l.Name == name {
			return l, err
		}
	}
	return nil, fs.ErrNotExist
}

func (k *pfKernel) record(m *pf.Link) Link {
	l := Link{
		Index: int(m.Index), Name: m.Name, Up: m.Flags&k.up != 0, MTU: uint32(m.Data.MTU), LLAddr: string(fs.AppendMAC(nil, m.Addr)),
		Promisc: m.Flags&k.promisc != 0, AllMulti: m.Flags&k.allmulti != 0, ARP: m.Flags&k.noarp == 0, Multicast: m.Flags&k.multicast != 0,
		LinkType: linkTypeOf(m.Data.Type),
	}
	for _, f := range k.l.LinkFlags(m.Flags) {
		l.Flags = append(l.Flags, strings.ToUpper(f))
	}
	l.Carrier, l.hasCarrier = k.l.Carrier(m.Data.State)
	l.Carrier = l.Carrier && l.hasCarrier
	switch {
	case !l.Up || l.hasCarrier && !l.Carrier:
		l.OperState = "down"
	case l.hasCarrier:
		l.OperState = "up"
	default:
		l.OperState = "unknown"
	}
	return l
}

// linkTypeOf names IFT_* (net/if_types.h, numbers of IANA) that Linux has a word for.
func linkTypeOf(n uint8) string {
	switch n {
	case 6:
		return "ether"
	case 23:
		return "ppp"
	case 24:
		return "loopback"
	}
	return strconv.Itoa(int(n))
}

// Stats reads struct if_data.
func (k *pfKernel) Stats(ctx context.Context, index int) (*Stats, error) {
	n, err := pf.LoadCounters(ctx, k.c, index)
	if err != nil {
		return nil, err
	}
	l := n.At(uint16(index))
	if l.Index == 0 {
		return nil, fs.ErrNotExist
	}
	d := &l.Data
	return &Stats{
		RxBytes: d.InBytes, RxPackets: d.InPackets, RxErrors: d.InErrors, RxDropped: d.InDrops, Multicast: d.InMulticasts, Collisions: d.Collisions,
		TxBytes: d.OutBytes, TxPackets: d.OutPackets, TxErrors: d.OutErrors, TxDropped: d.OutDrops,
	}, nil
}

// Watch yields the links, and reads them again where the kernel tells of one.
func (k *pfKernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Link], error] {
	return pf.Watch(ctx, k.c, pf.Source[Link]{
		Hear: rtsock.Filter{Ops: []bsd.Op{bsd.OpLink, bsd.OpAnnounce}},
		Rows: k.Links,
		Event: func(m bsd.Message) (pf.What, *Link) {
			switch m.(type) {
			case *bsd.LinkMsg, *bsd.AnnounceMsg:
				return pf.Again, nil
			}
			return pf.Nothing, nil
		},
	})
}
