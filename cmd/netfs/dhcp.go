//go:build linux || freebsd || openbsd || netbsd || dragonfly || darwin

package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	machine "github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs/dhcp"

	"github.com/spf13/cobra"
)

func systemCommands() []*cobra.Command { return []*cobra.Command{dhcpCommand()} }

// dhcpFlags are words until they are read.
type dhcpFlags struct {
	once, release, rapid, v6only, force      bool
	apply, acd, clientID, request, wish, dir string
	hostname                                 string
	servers                                  []string
	metric, table                            uint32
	timeout                                  time.Duration

	six              bool // the rest is of DHCPv6 only
	ia, prefix, duid string
	iaid             uint32
	reconfigure      bool
}

func dhcpCommand() *cobra.Command {
	var f dhcpFlags
	c := &cobra.Command{
		Use:   "dhcp LINK",
		Short: "get an address for a link by DHCP, and keep it",
		Long: `Dhcp runs a DHCPv4 client, or with -6 a DHCPv6 client, on a link until it is interrupted. It gets a lease, sets
its address, routes and MTU, renews it, and prints what happens. No other program is run,
and no file is written but the lease, unless DNS is asked for.

DNS servers and search domains are set for the machine if --apply has dns: by systemd-resolved if
it is on the system bus, else by resolvconf (openresolv or Debian's). resolved or resolvconf in
place of dns insists on one. They are taken away when the lease ends, is released or says
otherwise. If nobody can set them, that is told, and all else is set.

On Linux the address gets the lifetime of the lease, so that the kernel ends it if nobody
renews it, and routes are marked proto dhcp. Other systems know neither: files of
--lease-dir name what was set. At the end all stays as it is, unless
--release is given: the next start asks for the same address.

Another program that is a DHCP client of the link (dhclient, dhcpcd, udhcpc,
systemd-networkd) is told of when it is seen, at the start or at a renewal of the lease;
it does not keep this one from starting.

With --once it ends as soon as the lease is in use, or fails after --timeout.

With -6 it asks for an address (--ia na), a delegated prefix (--ia pd), both (--ia na,pd)
or options only (--ia none). An address comes without a route, as what is on the link is
for routers to say. A prefix gets an unreachable route, so that packets to what is not
assigned do not loop. The client waits for a link-local address. If the kernel finds that
another host has the address it is declined, and another asked for.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(c.Flags().Changed); err != nil {
				return err
			}
			if f.six {
				return runDHCP6(c.Context(), args[0], &f)
			}
			return runDHCP(c.Context(), args[0], &f)
		},
	}
	fl := c.Flags()
	fl.BoolVar(&f.once, "once", false, "end when there is a lease")
	fl.BoolVar(&f.release, "release", false, "give the lease back at the end, and take away what it set")
	fl.DurationVar(&f.timeout, "timeout", time.Minute, "with --once: fail after this time without a lease")
	fl.StringVar(&f.apply, "apply", "addr,routes,mtu", "what to set: a list of addr, routes, mtu, and one of dns, resolved, resolvconf; or none")
	fl.StringVar(&f.acd, "acd", "probe", "ask before use whether another host has the address (RFC 5227): off, probe (half a second), full (5 seconds)")
	fl.StringVar(&f.hostname, "hostname", "", "host name to send")
	fl.StringVar(&f.clientID, "client-id", "", "client identifier: hex bytes with colons, a text, or none (default: the hardware address)")
	fl.StringVar(&f.request, "request", "", "options to request, by name or number (default: the usual ones)")
	fl.StringVar(&f.wish, "address", "", "address to ask for")
	fl.StringSliceVar(&f.servers, "server", nil, "take leases of this server only; may be repeated")
	fl.Uint32Var(&f.metric, "metric", 0, "metric of the routes (default: 1000 and the link's index)")
	fl.Uint32Var(&f.table, "table", 0, "table of the routes (default: main)")
	fl.BoolVar(&f.rapid, "rapid-commit", false, "take a lease in two messages where the server can (RFC 4039)")
	fl.BoolVar(&f.v6only, "ipv6-only", false, "do without an address where the network prefers IPv6 (RFC 8925)")
	fl.BoolVar(&f.force, "forcerenew", false, "let the server order a renewal, authenticated (RFC 6704)")
	fl.StringVar(&f.dir, "lease-dir", dhcp.LeaseDir, "directory of remembered leases")
	fl.BoolVarP(&f.six, "ipv6", "6", false, "DHCPv6")
	fl.StringVar(&f.ia, "ia", "na", "with -6, what to ask for: a list of na (an address), pd (a delegated prefix); or none (options only)")
	fl.StringVar(&f.prefix, "prefix", "", "with -6, prefix to ask for; ::/56 asks for its length")
	fl.StringVar(&f.duid, "duid", "", "with -6, the client's DUID, bytes with colons (default: one that is kept in the directory of leases)")
	fl.Uint32Var(&f.iaid, "iaid", 0, "with -6, number of the associations (default: made of the link's name and address)")
	fl.BoolVar(&f.reconfigure, "reconfigure", false, "with -6, let the server order a renewal, authenticated (RFC 8415 20.4)")
	return c
}

// check refuses words of the other family.
func (f *dhcpFlags) check(changed func(flag string) bool) error {
	words, why := []string{"ia", "prefix", "duid", "iaid", "reconfigure"}, "is of DHCPv6, for which is -6"
	if f.six {
		words, why = []string{"acd", "hostname", "client-id", "address", "ipv6-only", "forcerenew"}, "is of DHCPv4"
	}
	for _, w := range words {
		if changed(w) {
			return fmt.Errorf("--%s %s", w, why)
		}
	}
	if f.six && !changed("apply") {
		f.apply = "addr,routes"
	}
	return nil
}

func (f *dhcpFlags) options6() (o dhcp.Options6, err error) {
	o = dhcp.Options6{DUID: f.duid, IAID: f.iaid, Metric: f.metric, Table: f.table, Rapid: f.rapid, Reconfigure: f.reconfigure}
	if o.Apply, err = dhcp.ParseApply6(f.apply); err != nil {
		return o, fmt.Errorf("--apply: %w", err)
	}
	if o.IA, err = dhcp.ParseIA(f.ia); err != nil {
		return o, fmt.Errorf("--ia: %w", err)
	}
	if f.request != "" {
		if o.Request, err = dhcp.ParseRequest6(f.request); err != nil {
			return o, fmt.Errorf("--request: %w", err)
		}
	}
	for _, s := range f.servers {
		d, err := dhcp.ParseServers6(s)
		if err != nil {
			return o, fmt.Errorf("--server: %w", err)
		}
		o.Servers = append(o.Servers, d...)
	}
	if f.prefix != "" {
		if o.Prefix, err = netip.ParsePrefix(f.prefix); err != nil {
			return o, fmt.Errorf("--prefix: %q is not a prefix", f.prefix)
		}
	}
	return o, nil
}

func (f *dhcpFlags) options() (o dhcp.Options, err error) {
	o = dhcp.Options{Hostname: f.hostname, ClientID: f.clientID, Metric: f.metric, Table: f.table, Rapid: f.rapid, V6Only: f.v6only, Force: f.force}
	if o.Apply, err = dhcp.ParseApply(f.apply); err != nil {
		return o, fmt.Errorf("--apply: %w", err)
	}
	if o.ACD, err = dhcp.ParseACD(f.acd); err != nil {
		return o, fmt.Errorf("--acd: %w", err)
	}
	if f.request != "" {
		if o.Request, err = dhcp.ParseRequest(f.request); err != nil {
			return o, fmt.Errorf("--request: %w", err)
		}
	}
	for _, s := range f.servers {
		a, err := netip.ParseAddr(s)
		if err != nil || !a.Is4() {
			return o, fmt.Errorf("--server: %q is not an IPv4 address", s)
		}
		o.Servers = append(o.Servers, a)
	}
	if f.wish != "" {
		if o.Wish, err = netip.ParseAddr(f.wish); err != nil || !o.Wish.Is4() {
			return o, fmt.Errorf("--address: %q is not an IPv4 address", f.wish)
		}
	}
	return o, nil
}

func runDHCP(ctx context.Context, link string, f *dhcpFlags) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	sys, end, err := dhcpSystem(f.dir)
	if err != nil {
		return err
	}
	defer end()
	p := dhcp.Place{System: sys, Dir: f.dir}
	out := newProgress(link)
	var first dhcp.First
	c, err := p.Open(ctx, link, o, func(n runner.Note) {
		done, err := first.Note(n)
		out.note(n.At, dhcp.Sentence(n), done, err)
	})
	if err != nil {
		return err
	}
	state := func() string { return c.Status().State.String() }
	return f.hold(ctx, link, c, out.bound, state, func(ctx context.Context) error { return c.Do(ctx, machine.Release{}) })
}

func runDHCP6(ctx context.Context, link string, f *dhcpFlags) error {
	o, err := f.options6()
	if err != nil {
		return err
	}
	sys, end, err := dhcpSystem(f.dir)
	if err != nil {
		return err
	}
	defer end()
	p := dhcp.Place{System: sys, Dir: f.dir}
	out := newProgress(link)
	c, err := p.Open6(ctx, link, o, func(n runner.Note6) {
		done, err := dhcp.First6(n)
		out.note(n.At, dhcp.Sentence6(n), done, err)
	})
	if err != nil {
		return err
	}
	return f.hold(ctx, link, c, out.bound, func() string { return c.Status().State.String() }, c.Release)
}

// A dhcpClient is one of either family.
type dhcpClient interface {
	Start(ctx context.Context) error
	Gone() <-chan struct{}
	Close() error
}

// hold runs a client, and closes it.
func (f *dhcpFlags) hold(ctx context.Context, link string, c dhcpClient, bound <-chan error, state func() string, release func(context.Context) error) (err error) {
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.Start(ctx); err != nil {
		return err
	}
	if err := f.wait(ctx, link, c, bound, state); err != nil || !f.release {
		return err
	}
	return release(context.WithoutCancel(ctx))
}

// wait returns at the end of what was asked for. An interrupt is the usual end.
func (f *dhcpFlags) wait(ctx context.Context, link string, c dhcpClient, bound <-chan error, state func() string) error {
	gone := fmt.Errorf("%s: the link was removed", link)
	for !f.once {
		select {
		case <-ctx.Done():
			return nil
		case <-c.Gone():
			return gone
		case err := <-bound:
			if errors.Is(err, os.ErrPermission) {
				return err
			}
		}
	}
	timeout := time.NewTimer(f.timeout)
	defer timeout.Stop()
	select {
	case err := <-bound:
		return err
	case <-timeout.C:
		return dhcp.NoLease(link, strings.ToLower(state()), f.timeout)
	case <-c.Gone():
		return gone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A progress prints notes with the time since the first, and tells of the first lease in use.
type progress struct {
	link  string
	began time.Duration
	bound chan error
}

func newProgress(link string) *progress { return &progress{link, -1, make(chan error, 1)} }

func (p *progress) note(at lease.Instant, sentence string, done bool, err error) {
	if p.began < 0 {
		p.began = at.Boot
	}
	if sentence != "" {
		since := max(0, at.Boot-p.began) // of two goroutines the later may tell first
		fmt.Fprintf(os.Stdout, "%s %8.3f %s\n", v4.Quote(p.link), since.Seconds(), sentence)
	}
	if done {
		select {
		case p.bound <- err:
		default:
		}
	}
}
