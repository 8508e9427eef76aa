package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"
)

// Source of names and signatures: org.freedesktop.resolve1(5).
const (
	resolve1 = "org.freedesktop.resolve1"
	manager  = resolve1 + ".Manager."
	bus      = "org.freedesktop.DBus."
)

// resolvedClient is a connection to the system bus, for one change.
type resolvedClient struct {
	conn *dbus.Conn
	obj  dbus.BusObject
}

// A dnsServer is an element of a(iayqs).
type dnsServer struct {
	Family int32
	Addr   []byte
	Port   uint16
	Name   string // for TLS
}

// A dnsDomain is an element of a(sb).
type dnsDomain struct {
	Name      string
	RouteOnly bool // not searched
}

// openResolved returns a connection on which resolved answers; with start it is started if the bus
// knows how.
func openResolved(ctx context.Context, start bool) (*resolvedClient, error) {
	conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("the system bus: %w", late(ctx, err))
	case err != nil:
		return nil, absent("no system bus: " + err.Error())
	}
	r := &resolvedClient{conn, conn.Object(resolve1, "/org/freedesktop/resolve1")}
	var there bool
	err = r.bus(ctx, "NameHasOwner", resolve1).Store(&there)
	switch {
	case err != nil:
		err = reason(err)
	case !there && !start:
		err = absent("not on the system bus")
	case !there:
		if err = r.bus(ctx, "StartServiceByName", resolve1, uint32(0)).Err; err != nil {
			err = absent("not on the system bus: " + reason(err).Error())
		}
	}
	if err != nil {
		r.close()
		return nil, late(ctx, err)
	}
	return r, nil
}

// late is what an error is if the time is over.
func late(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("no answer in time: %w", ctx.Err())
	}
	return err
}

func (r *resolvedClient) close() error { return r.conn.Close() }

func (r *resolvedClient) bus(ctx context.Context, method string, args ...any) *dbus.Call {
	return r.conn.BusObject().CallWithContext(ctx, bus+method, 0, args...)
}

func (r *resolvedClient) call(ctx context.Context, method string, args ...any) *dbus.Call {
	return r.obj.CallWithContext(ctx, manager+method, 0, args...)
}

// sees tells why resolved does not know the link: an index means something in one namespace only.
func (r *resolvedClient) sees(ctx context.Context, l Link) error {
	var pid uint32
	if err := r.bus(ctx, "GetConnectionUnixProcessID", resolve1).Store(&pid); err != nil {
		return reason(err)
	}
	its, err := netNS(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil { // it may be in another PID namespace, or be none of our business
		return l.own()
	}
	own := l.NetNS
	if own == "" {
		if own, err = netNS(ownNS); err != nil {
			return err
		}
	}
	if own != its {
		return absent(short(l.Name) + " is in another network namespace than systemd-resolved")
	}
	return nil
}

// change replaces what is the owner's in the lists of a link.
func (r *resolvedClient) change(ctx context.Context, index int, c, old, others Config) error {
	return late(ctx, r.replace(ctx, index, c, old, others))
}

func (r *resolvedClient) replace(ctx context.Context, index int, c, old, others Config) error {
	var path dbus.ObjectPath
	if err := r.call(ctx, "GetLink", int32(index)).Store(&path); err != nil {
		if c.Empty() && named(err, resolve1+".NoSuchLink") {
			return nil
		}
		return reason(err)
	}
	var props map[string]dbus.Variant
	if err := r.conn.Object(resolve1, path).CallWithContext(ctx, bus+"Properties.GetAll", 0, resolve1+".Link").Store(&props); err != nil {
		return reason(err)
	}
	var servers []dnsServer
	var domains []dnsDomain
	var isDefault bool
	for name, to := range map[string]any{"DNSEx": &servers, "Domains": &domains, "DefaultRoute": &isDefault} {
		v, ok := props[name]
		if !ok {
			return fmt.Errorf("a link has no %s: systemd 246 or later is needed", name)
		}
		if err := v.Store(to); err != nil {
			return fmt.Errorf("%s of a link: %w", name, err)
		}
	}
	nextServers, newServers := replace(servers, serversOf(c), serversOf(old), serversOf(others), sameServer)
	nextDomains, newDomains := replace(domains, domainsOf(c), domainsOf(old), domainsOf(others), sameDomain)
	if len(nextServers) == 0 && len(nextDomains) == 0 {
		if newServers || newDomains {
			return reason(r.call(ctx, "RevertLink", int32(index)).Err)
		}
		return nil
	}
	// Before there are servers: the link is not the default for a moment if it must not be.
	if !c.Empty() && (len(servers) == 0 || isDefault != c.Default) {
		if err := r.call(ctx, "SetLinkDefaultRoute", int32(index), c.Default).Err; err != nil {
			return reason(err)
		}
	}
	if newDomains {
		if err := r.call(ctx, "SetLinkDomains", int32(index), nextDomains).Err; err != nil {
			return reason(err)
		}
	}
	if newServers {
		return reason(r.call(ctx, "SetLinkDNSEx", int32(index), nextServers).Err)
	}
	return nil
}

func serversOf(c Config) []dnsServer {
	var list []dnsServer
	for _, a := range c.Servers {
		s := dnsServer{Family: syscall.AF_INET6, Addr: a.AsSlice()}
		if a.Is4() {
			s.Family = syscall.AF_INET
		}
		list = append(list, s)
	}
	return list
}

// sameServer compares the way that resolved prints: port 0 and 53 are one.
func sameServer(a, b dnsServer) bool {
	port := func(s dnsServer) uint16 {
		if s.Port == 53 {
			return 0
		}
		return s.Port
	}
	x, _ := netip.AddrFromSlice(a.Addr)
	y, _ := netip.AddrFromSlice(b.Addr)
	return x == y && port(a) == port(b) && a.Name == b.Name
}

func domainsOf(c Config) []dnsDomain {
	var list []dnsDomain
	for _, d := range c.Search {
		list = append(list, dnsDomain{Name: d})
	}
	return list
}

func sameDomain(a, b dnsDomain) bool {
	return a.RouteOnly == b.RouteOnly && strings.EqualFold(strings.TrimSuffix(a.Name, "."), strings.TrimSuffix(b.Name, "."))
}

func named(err error, name string) bool {
	var e dbus.Error
	return errors.As(err, &e) && e.Name == name
}

// reason is what the other side said, without the names of errors.
func reason(err error) error {
	var e dbus.Error
	if errors.As(err, &e) && len(e.Body) > 0 {
		if s, ok := e.Body[0].(string); ok && s != "" {
			return errors.New(line([]byte(s)))
		}
	}
	return err
}

// own tells why a link is not the process's.
func (l Link) own() error {
	if l.NetNS == "" {
		return nil
	}
	own, err := netNS(ownNS)
	if err == nil && own != l.NetNS {
		err = absent(short(l.Name) + " is in another network namespace than this process")
	}
	return err
}

// ownNS is the thread's: the first thread, which is /proc/self, may be in another namespace for a while.
const ownNS = "/proc/thread-self/ns/net"

// netNS is the identity of a namespace, see namespaces(7).
func netNS(path string) (string, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return "", &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return strconv.FormatUint(st.Ino, 16), nil
}
