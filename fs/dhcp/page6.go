package dhcp

import (
	"net/netip"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v6"
	"github.com/netfs-project/netfs/fs"
)

// A View6 is what there is to see of a DHCPv6 client.
type View6 struct {
	Setting[Options6]
	runner.Status6
	Servers []Server6
	Others  []Other
	DNS     DNS // see Client6.DNS
}

// A Server6 is one that answered a DHCPv6 client.
type Server6 struct {
	Dev        string
	Server     string // its DUID
	Type       v6.MessageType
	Offered    []string // addresses and prefixes, when it last did
	Preference uint8
	Count      uint64
	Taken      bool // the last answer was; else Why
	Why        string
}

// A Kernel6 runs DHCPv6 clients.
type Kernel6 = Kernel[Options6, client6.Event, View6]

// Page6 is Page of DHCPv6: dhcp6/ and links/X/dhcp6/.
func Page6(k Kernel6) fs.Page {
	return files[Setting[Options6], View6, item6, Server6]{
		name: "dhcp6", ctl: ctlTable6(k), status: statusTable6(k), leases: leaseTable6(k), servers: serverTable6(k), stats: statsTable6(k),
		events:  eventTable("dhcp6", "what happens to DHCPv6 clients", k.Watch),
		options: func(dev string) fs.Node { return optionDir6(k, dev) },
		resolv:  func(dev string) fs.Node { return resolvConf6(k, dev) },
	}.page()
}

func ctlTable6(k Kernel6) *fs.Table[Setting[Options6]] {
	type setting = Setting[Options6]
	is := func(ev client6.Event) func(*Options6) client6.Event {
		return func(*Options6) client6.Event { return ev }
	}
	keys := fs.NewKeys(
		fs.Str("dev", "link", func(s *setting) *string { return &s.Dev }).AsID(),
		word("apply", "what is set of a lease: a list of addr, routes (unreachable ones of prefixes), and one of dns, resolved, resolvconf; or none; addr,routes when not given", func(o *Options6) string { return o.Apply.string6() }, func(o *Options6, w string) (err error) {
			o.Apply, err = ParseApply6(w)
			return err
		}),
		word("ia", "what to ask for: a list of na (addresses), pd (delegated prefixes); or none (options only)", func(o *Options6) string { return o.IA.String() }, func(o *Options6, w string) (err error) {
			o.IA, err = ParseIA(w)
			return err
		}),
		fs.Prefix("prefix", "prefix to ask for; ::/56 asks for its length", func(s *setting) *netip.Prefix { return &s.Options.Prefix }),
		checked(fs.Str("duid", "the client's DUID, bytes with colons; one for all clients of the machine when not given", func(s *setting) *string { return &s.Options.DUID }), checkDUID),
		fs.Num("iaid", "number of the associations; made of the link's name and address when not given", func(s *setting) *uint32 { return &s.Options.IAID }),
		word("request", "options to request, by name or number; the usual ones when not given", func(o *Options6) string { return codes(o.Request) }, func(o *Options6, w string) (err error) {
			o.Request, err = ParseRequest6(w)
			return err
		}),
		word("servers", "list of DUIDs: take leases of these servers only", func(o *Options6) string { return duidsText(o.Servers) }, func(o *Options6, w string) (err error) {
			o.Servers, err = ParseServers6(w)
			return err
		}),
		fs.Num("metric", "metric of the routes; 1000 and the link's index when not given", func(s *setting) *uint32 { return &s.Options.Metric }),
		fs.Num("table", "table of the routes; main when not given", func(s *setting) *uint32 { return &s.Options.Table }),
		fs.Bool("rapid_commit", "take a lease in two messages where the server can (RFC 8415 18.2.1)", func(s *setting) *bool { return &s.Options.Rapid }),
		fs.Bool("reconfigure", "let the server order a renewal, authenticated (RFC 8415 20.4)", func(s *setting) *bool { return &s.Options.Reconfigure }),
	)
	return clients("dhcp6client", "DHCPv6 clients, each of a link; a line without a verb starts one", k, func(v *View6) *setting { return &v.Setting }, keys,
		do(k, "renew", "[DEV]", "ask the server to renew the lease, or for the options", is(client6.Renew{})),
		do(k, "rebind", "[DEV]", "ask any server to renew the lease", is(client6.Rebind{})),
		do(k, "release", "[DEV]", "give the lease back, for which the write waits, and end the client", is(client6.Release{})),
		do(k, "discover", "[DEV]", "ask who is there: the answers are in servers", is(client6.Discover{})),
		do(k, "inform", "[DEV]", "ask for options only", is(client6.Inform{})),
	)
}
