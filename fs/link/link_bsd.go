package link

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/bsd/rtsock"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint/pf"
)

// NewPF returns the page of the links of a kernel with a routing socket, to read: those
// kernels change links by ioctl. It has the keys that they tell of. The package has no
// build tag for it: it is as good over the simulator of bsd/bsdtest. Extra is as for
// Page.
func NewPF(c *rtsock.Client, extra func(fs.LinkID) fs.Dir) fs.Page {
	p := &page{k: newPF(c), extra: extra, keys: pfKeys(), counters: pfCounters(c.Layout().OS), plain: true}
	return p.page()
}

// pfKeys are the keys that if_msghdr tells of.
func pfKeys() *fs.Keys[Link] {
	var list []fs.Key[Link]
	for _, k := range slices.Concat(settings, state) {
		switch k.Name {
		case "carrier":
			k = k.When(func(l *Link) *bool { return &l.hasCarrier })
		case "name", "state", "mtu", "lladdr", "promisc", "allmulti", "arp", "multicast", "index", "flags", "operstate", "link_type":
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

	up, noarp, promisc, allmulti, multicast uint32
}

func newPF(c *rtsock.Client) *pfKernel {
	l := c.Layout()
	return &pfKernel{c: c, l: l, up: l.IFF("up"), noarp: l.IFF("noarp"), promisc: l.IFF("promisc"), allmulti: l.IFF("allmulti"),
		multicast: l.IFF("multicast")}
}

// Netns is the only one.
func (k *pfKernel) Netns() string { return "/" }

// Links yields the links in the kernel's order.
func (k *pfKernel) Links(ctx context.Context) iter.Seq2[*Link, error] {
	return func(yield func(*Link, error) bool) {
		n, err := pf.LoadLinks(ctx, k.c, nil)
		if err != nil {
			yield(nil, err)
			return
		}
		for i := range n.All {
			l := k.record(&n.All[i])
			if !yield(&l, nil) {
				return
			}
		}
	}
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

var errChange = fmt.Errorf("netfs only reads links on this kernel: %w", errors.ErrUnsupported)

// Add refuses, as do Set and Del.
func (k *pfKernel) Add(context.Context, *Link, func(string) bool) error { return errChange }

// Set refuses.
func (k *pfKernel) Set(context.Context, *Link, *Link, func(string) bool) error { return errChange }

// Del refuses.
func (k *pfKernel) Del(context.Context, *Link) error { return errChange }

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
