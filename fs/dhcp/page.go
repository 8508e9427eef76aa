package dhcp

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
)

// A Setting is a client as ctl has it: its link, and its options.
type Setting[O any] struct {
	Dev     string
	Options O
}

// A View is what there is to see of a client.
type View struct {
	Setting[Options]
	runner.Status
	Servers []Server
	Others  []Other // see Client.Others
	DNS     DNS     // see Client.DNS
	// Informed is the answer to Inform, unless a lease is newer; nil: there is none.
	Informed *v4.Message
}

// Said returns what a server said last of the link's settings, nil if none did.
func (v *View) Said() *v4.Message {
	switch {
	case v.Informed != nil:
		return v.Informed
	case v.Lease != nil:
		return v.Lease.ACK
	}
	return nil
}

// An Other is a process of somebody else that acts as a DHCP client of a link.
type Other struct {
	PID  int    // 0: it has the socket, and cannot be seen
	Name string // its comm, see proc(5)
}

// String is NAME[PID], or unknown.
func (o Other) String() string {
	if o.PID == 0 {
		return "unknown"
	}
	return v4.Quote(o.Name) + "[" + strconv.Itoa(o.PID) + "]"
}

// A Server is one that answered a client.
type Server struct {
	Dev    string
	Server netip.Addr // its identifier
	Type   v4.MessageType
	Addr   netip.Addr // that it offered last
	Lease  time.Duration
	Count  uint64
	Taken  bool // the last answer was; else Why
	Why    string
}

// An Event is what happened to a client.
type Event struct {
	Dev   string
	State string // the client's, in lower case
	Text  string
}

// A Kernel runs clients of one family, which have the options O, take the commands E, and look like V.
type Kernel[O, E, V any] interface {
	// Clients returns what there is to see, in the order of the links' names.
	Clients() []V
	// Start makes a client; with once it returns when its lease is set, and ends it then.
	Start(ctx context.Context, dev string, o O, once bool) error
	// Stop ends a client; with keep what it set stays.
	Stop(ctx context.Context, dev string, keep bool) error
	// Do lets a client take a command. Release ends it. Discover and Inform need none: they make
	// one that only asks, until it is stopped or one is started.
	Do(ctx context.Context, dev string, ev E) error
	// Watch yields what happens, as Notices.
	Watch(ctx context.Context) iter.Seq2[fs.Event[Event], error]
}

// A Kernel4 runs DHCPv4 clients.
type Kernel4 = Kernel[Options, client.Event, View]

// Page returns the directory of k's clients, and that of each link.
func Page(k Kernel4) fs.Page {
	return files[Setting[Options], View, held, Server]{
		name: "dhcp", ctl: ctlTable(k), status: statusTable(k), leases: leaseTable(k), servers: serverTable(k), stats: statsTable(k),
		events:  eventTable("dhcp", "what happens to DHCP clients", k.Watch),
		options: func(dev string) fs.Node { return optionDir(k, dev) },
		resolv:  func(dev string) fs.Node { return resolvConf(k, dev) },
	}.page()
}

// files are those of a family.
type files[C, V, L, S any] struct {
	name            string
	ctl             *fs.Table[C]
	status, stats   *fs.Table[V]
	leases          *fs.Table[L]
	servers         *fs.Table[S]
	events          *fs.Table[Event]
	options, resolv func(dev string) fs.Node
}

func (f files[C, V, L, S]) page() fs.Page {
	return fs.Page{
		Root: fs.Dir{f.name: fs.Dir{
			"ctl": f.ctl, "status": f.status, "leases": f.leases, "servers": f.servers, "stats": f.stats, "events": f.events.Events(),
		}},
		Link: func(l fs.LinkID) fs.Dir {
			return fs.Dir{f.name: fs.Dir{
				"ctl":         f.ctl.With("dev", l.Name),
				"status":      f.status.With("dev", l.Name),
				"lease":       f.leases.With("dev", l.Name),
				"servers":     f.servers.With("dev", l.Name),
				"stats":       f.stats.With("dev", l.Name),
				"events":      f.events.With("dev", l.Name).Events(),
				"options":     f.options(l.Name),
				"resolv.conf": f.resolv(l.Name),
			}}
		},
		Kinds: []fs.Kind{f.ctl, f.events},
	}
}

// word is a key of a client that set reads; what it refuses is refused.
func word[O any](name, doc string, get func(o *O) string, set func(o *O, word string) error) fs.Key[Setting[O]] {
	return fs.Key[Setting[O]]{Name: name, Doc: doc, Type: fs.Text,
		Get: func(b []byte, s *Setting[O]) []byte { return append(b, get(&s.Options)...) },
		Set: func(s *Setting[O], w string) error { return set(&s.Options, w) }}
}

// checked is a key whose words are looked at before they are set.
func checked[T any](key fs.Key[T], check func(word string) error) fs.Key[T] {
	set := key.Set
	key.Set = func(v *T, word string) error {
		if err := check(word); err != nil {
			return err
		}
		return set(v, word)
	}
	return key
}

// clients is the table of settings, with the verbs of both families and those of one.
func clients[O, E, V any](kind, doc string, k Kernel[O, E, V], setting func(*V) *Setting[O], keys *fs.Keys[Setting[O]], verbs ...fs.Verb[Setting[O]]) *fs.Table[Setting[O]] {
	return &fs.Table[Setting[O]]{
		Kind:    kind,
		Doc:     doc,
		Ordered: true,
		Keys:    keys,
		Rows: rows(k.Clients, func(v *V, yield func(*Setting[O]) bool) bool {
			s := setting(v)
			return s == nil || yield(s)
		}),
		Do: fs.One(func(ctx context.Context, o *fs.Op[Setting[O]]) error { return change(ctx, k, o) }),
		Verbs: append([]fs.Verb[Setting[O]]{
			{Name: "start", Usage: "[DEV] [once|hold] [KEY=VALUE...]", Doc: "start a client; once: until it has a lease, for which the write waits", Do: func(ctx context.Context, o *fs.Op[Setting[O]]) error {
				return start(ctx, k, o)
			}},
			{Name: "stop", Usage: "[DEV] [keep]", Doc: "end the client and take away what it set; keep: leave it there", Do: func(ctx context.Context, o *fs.Op[Setting[O]]) error {
				if err := verb(o.Row.Dev, o.Args, "keep"); err != nil {
					return err
				}
				return k.Stop(ctx, o.Row.Dev, len(o.Args) > 0)
			}},
		}, verbs...),
	}
}

// do is a verb that is a command.
func do[O, E, V any](k Kernel[O, E, V], name, usage, doc string, command func(o *O) E) fs.Verb[Setting[O]] {
	return fs.Verb[Setting[O]]{Name: name, Usage: usage, Doc: doc, Do: func(ctx context.Context, o *fs.Op[Setting[O]]) error {
		if err := verb(o.Row.Dev, o.Args); err != nil {
			return err
		}
		return k.Do(ctx, o.Row.Dev, command(&o.Row.Options))
	}}
}

func ctlTable(k Kernel4) *fs.Table[Setting[Options]] {
	o := func(s *Setting[Options]) *Options { return &s.Options }
	is := func(ev client.Event) func(*Options) client.Event {
		return func(*Options) client.Event { return ev }
	}
	keys := fs.NewKeys(
		fs.Str("dev", "link", func(s *Setting[Options]) *string { return &s.Dev }).AsID(),
		word("apply", "what is set of a lease: a list of addr, routes, mtu, and one of dns (by whoever manages it), resolved, resolvconf; or none; addr,routes,mtu when not given", func(o *Options) string { return o.Apply.String() }, func(o *Options, w string) (err error) {
			o.Apply, err = ParseApply(w)
			return err
		}),
		word("acd", "check before use whether another host has the address (RFC 5227): off, probe, full", func(o *Options) string { return o.ACD.String() }, func(o *Options, w string) (err error) {
			o.ACD, err = ParseACD(w)
			return err
		}),
		checked(fs.Str("hostname", "host name to send", func(s *Setting[Options]) *string { return &o(s).Hostname }), checkHostname),
		checked(fs.Str("client_id", "client identifier: hex bytes with colons, a text, or none; the hardware address when not given", func(s *Setting[Options]) *string { return &o(s).ClientID }), func(w string) error {
			_, err := ParseClientID(w, nil)
			return err
		}),
		word("request", "options to request, by name or number; the usual ones when not given", func(o *Options) string { return codes(o.Request) }, func(o *Options, w string) (err error) {
			o.Request, err = ParseRequest(w)
			return err
		}),
		fs.Addr("address", "address to ask for", func(s *Setting[Options]) *netip.Addr { return &o(s).Wish }),
		fs.Num("metric", "metric of the routes; 1000 and the link's index when not given", func(s *Setting[Options]) *uint32 { return &o(s).Metric }),
		fs.Num("table", "table of the routes; main when not given", func(s *Setting[Options]) *uint32 { return &o(s).Table }),
		fs.Bool("rapid_commit", "take a lease in two messages where the server can (RFC 4039)", func(s *Setting[Options]) *bool { return &o(s).Rapid }),
		fs.Bool("ipv6_only", "do without an address where the network prefers IPv6 (RFC 8925)", func(s *Setting[Options]) *bool { return &o(s).V6Only }),
		fs.Bool("forcerenew", "let the server order a renewal, authenticated (RFC 6704)", func(s *Setting[Options]) *bool { return &o(s).Force }),
	)
	setting := func(v *View) *Setting[Options] {
		if v.State == client.Stopped { // it only asks
			return nil
		}
		return &v.Setting
	}
	return clients("dhcpclient", "DHCP clients, each of a link; a line without a verb starts one", k, setting, keys,
		do(k, "renew", "[DEV]", "ask the server to renew the lease", is(client.Renew{})),
		do(k, "rebind", "[DEV]", "ask any server to renew the lease", is(client.Rebind{})),
		do(k, "release", "[DEV]", "give the lease back, and end the client", is(client.Release{})),
		do(k, "discover", "[DEV]", "ask who is there, also without a client: the answers are in servers", is(client.Discover{})),
		do(k, "inform", "[DEV] [address=ADDR]", "ask for options only, also without a client, for an address that is there: they are in options/", func(o *Options) client.Event {
			return client.Inform{Addr: o.Wish}
		}),
	)
}

// verb refuses a line without a link, or with words that are none of the verb's.
func verb(dev string, args []string, words ...string) error {
	if dev == "" {
		return &fs.Error{Text: "which link: dev is missing", Errno: syscall.EINVAL}
	}
	for _, w := range args {
		if !slices.Contains(words, w) {
			known := "it takes none"
			if len(words) > 0 {
				known = "known: " + strings.Join(words, " ")
			}
			return &fs.Error{Text: strconv.Quote(w) + ": not a word of this verb; " + known, Errno: syscall.EINVAL}
		}
	}
	return nil
}

// codes are the names of options, in a list.
func codes[C interface{ Name() string }](list []C) string {
	var names []string
	for _, c := range list {
		names = append(names, c.Name())
	}
	return strings.Join(names, ",")
}

// change carries out one line without a verb of its own.
func change[O, E, V any](ctx context.Context, k Kernel[O, E, V], o *fs.Op[Setting[O]]) error {
	switch {
	case o.Act == fs.Del:
		return k.Stop(ctx, o.Row.Dev, false)
	case o.Old == nil && o.Act == fs.Change:
		return fs.ErrNotExist
	case o.Old == nil || o.Act == fs.Add || o.Act == fs.Append:
		return k.Start(ctx, o.Row.Dev, o.Row.Options, false)
	}
	// The client asks for its address again, which stays unless what is set of it changes.
	keep := !o.Has("apply") && !o.Has("metric") && !o.Has("table")
	if err := k.Stop(ctx, o.Row.Dev, keep); err != nil {
		return err
	}
	return k.Start(ctx, o.Row.Dev, o.Row.Options, false)
}

func start[O, E, V any](ctx context.Context, k Kernel[O, E, V], o *fs.Op[Setting[O]]) error {
	if err := verb(o.Row.Dev, o.Args, "once", "hold"); err != nil {
		return err
	}
	return k.Start(ctx, o.Row.Dev, o.Row.Options, slices.Contains(o.Args, "once"))
}

// rows yields records made of clients.
func rows[T, V any](clients func() []V, each func(v *V, yield func(*T) bool) bool) func(context.Context, *fs.Query[T]) iter.Seq2[*T, error] {
	return func(context.Context, *fs.Query[T]) iter.Seq2[*T, error] {
		return func(yield func(*T, error) bool) {
			for _, v := range clients() {
				if !each(&v, func(t *T) bool { return yield(t, nil) }) {
					return
				}
			}
		}
	}
}

// view returns the client of a link, nil if there is none.
func view[V any](clients func() []V, dev func(*V) string, is string) *V {
	for _, v := range clients() {
		if dev(&v) == is {
			return &v
		}
	}
	return nil
}

func eventTable(kind, doc string, watch func(context.Context) iter.Seq2[fs.Event[Event], error]) *fs.Table[Event] {
	return &fs.Table[Event]{
		Kind: kind,
		Doc:  doc,
		Keys: fs.NewKeys(
			fs.Str("dev", "link", func(e *Event) *string { return &e.Dev }).AsID().ReadOnly(),
			fs.Str("state", "the client's, when this was told", func(e *Event) *string { return &e.State }).Always().ReadOnly(),
			fs.Str("text", "what happened", func(e *Event) *string { return &e.Text }).ReadOnly(),
		),
		Watch: watch,
	}
}
