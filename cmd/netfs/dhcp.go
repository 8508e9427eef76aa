//go:build linux

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
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs/dhcp"

	"github.com/spf13/cobra"
)

// dhcpFlags are words until they are read.
type dhcpFlags struct {
	once, release, rapid, v6only, force      bool
	apply, acd, clientID, request, wish, dir string
	hostname                                 string
	servers                                  []string
	metric, table                            uint32
	timeout                                  time.Duration
}

func dhcpCommand() *cobra.Command {
	var f dhcpFlags
	c := &cobra.Command{
		Use:   "dhcp LINK",
		Short: "get an address for a link by DHCP, and keep it",
		Long: `Dhcp runs a DHCPv4 client on a link until it is interrupted. It gets a lease, sets
its address, routes and MTU, renews it, and prints what happens. No other program is run,
and no file is written but the lease, unless DNS is asked for.

DNS servers and search domains are set for the machine if --apply has dns: by systemd-resolved if
it is on the system bus, else by resolvconf (openresolv or Debian's). resolved or resolvconf in
place of dns insists on one. They are taken away when the lease ends, is released or says
otherwise. If nobody can set them, that is told, and all else is set.

The address gets the lifetime of the lease, so that the kernel ends it if nobody
renews it. Routes are marked proto dhcp. At the end all stays as it is, unless
--release is given: the next start asks for the same address.

Another program that is a DHCP client of the link (dhclient, dhcpcd, udhcpc,
systemd-networkd) is told of when it is seen, at the start or at a renewal of the lease;
it does not keep this one from starting.

With --once it ends as soon as the lease is in use, or fails after --timeout.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return runDHCP(c.Context(), args[0], &f) },
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
	return c
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

func runDHCP(ctx context.Context, link string, f *dhcpFlags) (err error) {
	o, err := f.options()
	if err != nil {
		return err
	}
	sys, end, err := dhcpSystem()
	if err != nil {
		return err
	}
	defer end()
	bound := make(chan error, 1)
	p := dhcp.Place{System: sys, Dir: f.dir}
	c, err := p.Open(ctx, link, o, progress(link, bound))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := c.Start(ctx); err != nil {
		return err
	}
	if err := f.wait(ctx, c, bound); err != nil || !f.release {
		return err
	}
	return c.Do(context.WithoutCancel(ctx), machine.Release{})
}

// wait returns at the end of what was asked for. An interrupt is the usual end.
func (f *dhcpFlags) wait(ctx context.Context, c *dhcp.Client, bound <-chan error) error {
	gone := fmt.Errorf("%s: the link was removed", c.Link)
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
		return dhcp.NoLease(c.Link, strings.ToLower(c.Status().State.String()), f.timeout)
	case <-c.Gone():
		return gone
	case <-ctx.Done():
		return ctx.Err()
	}
}

// progress prints notes with the time since the first, and tells of the first lease in use.
func progress(link string, bound chan<- error) func(runner.Note) {
	var first dhcp.First
	began := time.Duration(-1)
	return func(n runner.Note) {
		if began < 0 {
			began = n.At.Boot
		}
		if s := dhcp.Sentence(n); s != "" {
			since := max(0, n.At.Boot-began) // of two goroutines the later may tell first
			fmt.Fprintf(os.Stdout, "%s %8.3f %s\n", v4.Quote(link), since.Seconds(), s)
		}
		if done, err := first.Note(n); done {
			select {
			case bound <- err:
			default:
			}
		}
	}
}
