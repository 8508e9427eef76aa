package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/ct"
	"github.com/netfs-project/netfs/nl/nfnl"
	"github.com/netfs-project/netfs/nl/rt"

	rtnetlink "github.com/jsimonetti/rtnetlink/v2"
	"github.com/ti-mo/conntrack"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// readers are what this program does as a contestant. Each returns how many
// records it had.
var readers = map[string]func(n int) (int, error){
	"routes":             func(int) (int, error) { return ourRoutes() },
	"routes-vishvananda": func(int) (int, error) { return vishvanandaRoutes() },
	"routes-jsimonetti":  func(int) (int, error) { return jsimonettiRoutes() },
	"add-vishvananda":    func(int) (int, error) { return vishvanandaAdd() },
	"ct":                 func(int) (int, error) { return ourFlows() },
	"ct-ti-mo":           func(int) (int, error) { return tiMoFlows() },
	"fill":               func(n int) (int, error) { return fill(n, 0) },
	"flush":              func(int) (int, error) { return flush() },
	"flows":              func(n int) (int, error) { return flows(n) },
}

// reader runs one of them, NAME or NAME=N, and notes what it allocated.
func reader(arg string) error {
	name, num, _ := strings.Cut(arg, "=")
	n, err := strconv.Atoi(num)
	if num != "" && err != nil {
		return err
	}
	f, ok := readers[name]
	if !ok {
		return fmt.Errorf("no reader %q", name)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	count, err := f(n)
	if err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	fmt.Fprintf(os.Stderr, "%d records, %.2f allocations each\n", count, float64(after.Mallocs-before.Mallocs)/float64(max(count, 1)))
	return nil
}

func dialRoute() (*nl.Client, error) { return nl.Dial(nl.Route, nil) }

// sink keeps the compiler from leaving out what is decoded.
var sink uint64

func ourRoutes() (int, error) {
	c, err := dialRoute()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	n := 0
	for r, err := range rt.Routes(context.Background(), c, rt.RouteFilter{Family: unix.AF_INET}) {
		if err != nil {
			return n, err
		}
		n++
		sink += uint64(r.OIF) + uint64(r.Dst.Bits())
	}
	return n, nil
}

func vishvanandaRoutes() (int, error) {
	n := 0
	err := netlink.RouteListFilteredIter(netlink.FAMILY_V4, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE, func(r netlink.Route) bool {
		n++
		sink += uint64(r.LinkIndex)
		return true
	})
	return n, err
}

func jsimonettiRoutes() (int, error) {
	c, err := rtnetlink.Dial(nil)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	list, err := c.Route.List()
	return len(list), err
}

// host returns the n-th address of 10.0.0.0/8.
func host(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
}

// linkIndex finds v0.
func linkIndex() (int, error) {
	l, err := net.InterfaceByName("v0")
	if err != nil {
		return 0, err
	}
	return l.Index, nil
}

// fill adds n routes, or with del removes them, in batches.
func fill(n int, del uint16) (int, error) {
	c, err := dialRoute()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	index, err := linkIndex()
	if err != nil {
		return 0, err
	}
	r := rt.Route{Gateway: netip.MustParseAddr("192.0.2.2"), OIF: int32(index)}
	r.Hdr = rt.RtMsg{Family: unix.AF_INET, Table: unix.RT_TABLE_MAIN, Protocol: 200, Type: unix.RTN_UNICAST}
	req := nl.Request{Type: unix.RTM_NEWROUTE, Flags: nl.FlagCreate | nl.FlagExcl, Body: &r}
	if del != 0 {
		req = nl.Request{Type: unix.RTM_DELROUTE, Body: &r}
	}
	b := c.NewBatch()
	for i := range n {
		r.Dst = netip.PrefixFrom(host(i), 32)
		if err := b.Add(req); err != nil {
			return i, err
		}
		if b.Len() == 1000 || i == n-1 {
			if err := b.Do(context.Background()); err != nil {
				return i, err
			}
		}
	}
	return n, nil
}

// flush takes the links down and up again, which drops every route.
func flush() (int, error) {
	for _, state := range []string{"down", "up"} {
		if err := sh("ip", "link", "set", "v0", state); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

func vishvanandaAdd() (int, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return 0, err
	}
	defer h.Close()
	index, err := linkIndex()
	if err != nil {
		return 0, err
	}
	const n = 100_000
	for i := range n {
		r := netlink.Route{
			LinkIndex: index, Protocol: 200, Gw: net.IPv4(192, 0, 2, 2),
			Dst: &net.IPNet{IP: host(i).AsSlice(), Mask: net.CIDRMask(32, 32)},
		}
		if err := h.RouteAdd(&r); err != nil {
			return i, err
		}
	}
	return n, nil
}

func ourFlows() (int, error) {
	c, err := nl.Dial(nl.Netfilter, nil)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	n := 0
	for e, err := range ct.Dump(context.Background(), c, nil) {
		if err != nil {
			return n, err
		}
		n++
		sink += uint64(e.Orig.Proto.SrcPort)
	}
	return n, nil
}

func tiMoFlows() (int, error) {
	c, err := conntrack.Dial(nil)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	list, err := c.Dump(nil)
	return len(list), err
}

// flows makes conntrack entries of UDP until there are n.
func flows(n int) (int, error) {
	if had, err := ourFlows(); err != nil || had >= n {
		return had, err
	}
	c, err := nl.Dial(nl.Netfilter, nil)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	b := c.NewBatch()
	for i := range n {
		e := ct.Entry{Header: nfnl.Header{Family: unix.AF_INET}, Timeout: time.Hour}
		e.Orig.IP = ct.IP{Src: host(i), Dst: netip.MustParseAddr("198.51.100.1")}
		e.Orig.Proto = ct.Proto{Num: unix.IPPROTO_UDP, SrcPort: uint16(1024 + i%60000), DstPort: 53}
		e.Reply = e.Orig.Reverse()
		if err := b.Add(ct.CreateRequest(&e)); err != nil {
			return i, err
		}
		if b.Len() == 200 || i == n-1 {
			if err := b.Do(context.Background()); err != nil {
				return i, err
			}
		}
	}
	return n, nil
}
