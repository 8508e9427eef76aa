package dhcp

import (
	"context"
	"iter"
	"net/netip"
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
type Setting struct {
	Dev string
	Options
}

// A View is what there is to see of a client.
type View struct {
	Setting
	runner.Status
	Servers []Server
	Others  []Other // see Client.Others
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
	State client.State
	Text  string
}

// A Kernel runs clients.
type Kernel interface {
	// Clients returns what there is to see, in the order of the links' names.
	Clients() []View
	// Start makes a client; with once it returns when its lease is set, and ends it then.
	Start(ctx context.Context, dev string, o Options, once bool) error
	// Stop ends a client; with keep what it set stays.
	Stop(ctx context.Context, dev string, keep bool) error
	// Do lets a client take a command. Release ends it.
	Do(ctx context.Context, dev string, ev client.Event) error
	// Watch yields what happens, as Notices.
	Watch(ctx context.Context) iter.Seq2[fs.Event[Event], error]
}

// Page returns the directory of k's clients, and that of each link.
func Page(k Kernel) fs.Page {
	ctl, events := ctlTable(k), eventTable(k)
	status, leases, servers, stats := statusTable(k), leaseTable(k), serverTable(k), statsTable(k)
	return fs.Page{
		Root: fs.Dir{"dhcp": fs.Dir{
			"ctl": ctl, "status": status, "leases": leases, "servers": servers, "stats": stats, "events": events.Events(),
		}},
		Link: func(l fs.LinkID) fs.Dir {
			return fs.Dir{"dhcp": fs.Dir{
				"ctl":         ctl.With("dev", l.Name),
				"status":      status.With("dev", l.Name),
				"lease":       leases.With("dev", l.Name),
				"servers":     servers.With("dev", l.Name),
				"stats":       stats.With("dev", l.Name),
				"events":      events.With("dev", l.Name).Events(),
				"options":     optionDir(k, l.Name),
				"resolv.conf": resolvConf(k, l.Name),
			}}
		},
		Kinds: []fs.Kind{ctl, events},
	}
}

func ctlTable(k Kernel) *fs.Table[Setting] {
	o := func(s *Setting) *Options { return &s.Options }
	checked := func(key fs.Key[Setting], check func(word string) error) fs.Key[Setting] {
		set := key.Set
		key.Set = func(s *Setting, word string) error {
			if err := check(word); err != nil {
				return err
			}
			return set(s, word)
		}
		return key
	}
	word := func(name, doc string, get func(o *Options) string, set func(o *Options, word string) error) fs.Key[Setting] {
		return fs.Key[Setting]{Name: name, Doc: doc, Type: fs.Text,
			Get: func(b []byte, s *Setting) []byte { return append(b, get(&s.Options)...) },
			Set: func(s *Setting, w string) error { return set(&s.Options, w) }}
	}
	do := func(make func(o *fs.Op[Setting]) client.Event) func(context.Context, *fs.Op[Setting]) error {
		return func(ctx context.Context, o *fs.Op[Setting]) error {
			if err := noArgs(o.Args); err != nil {
				return err
			}
			return k.Do(ctx, o.Row.Dev, make(o))
		}
	}
	is := func(ev client.Event) func(*fs.Op[Setting]) client.Event {
		return func(*fs.Op[Setting]) client.Event { return ev }
	}
	return &fs.Table[Setting]{
		Kind:    "dhcpclient",
		Doc:     "DHCP clients, each of a link; a line without a verb starts one",
		Ordered: true,
		Keys: fs.NewKeys(
			fs.Str("dev", "link", func(s *Setting) *string { return &s.Dev }).AsID(),
			word("apply", "what is set of a lease: a list of addr, routes, mtu; or none", func(o *Options) string { return o.Apply.String() }, func(o *Options, w string) (err error) {
				o.Apply, err = ParseApply(w)
				return err
			}),
			word("acd", "check before use whether another host has the address (RFC 5227): off, probe, full", func(o *Options) string { return o.ACD.String() }, func(o *Options, w string) (err error) {
				o.ACD, err = ParseACD(w)
				return err
			}),
			checked(fs.Str("hostname", "host name to send", func(s *Setting) *string { return &o(s).Hostname }), checkHostname),
			checked(fs.Str("client_id", "client identifier: hex bytes with colons, a text, or none; the hardware address when not given", func(s *Setting) *string { return &o(s).ClientID }), func(w string) error {
				_, err := ParseClientID(w, nil)
				return err
			}),
			word("request", "options to request, by name or number; the usual ones when not given", func(o *Options) string { return requestText(o.Request) }, func(o *Options, w string) (err error) {
				o.Request, err = ParseRequest(w)
				return err
			}),
			fs.Addr("address", "address to ask for", func(s *Setting) *netip.Addr { return &o(s).Wish }),
			fs.Num("metric", "metric of the routes; 1000 and the link's index when not given", func(s *Setting) *uint32 { return &o(s).Metric }),
			fs.Num("table", "table of the routes; main when not given", func(s *Setting) *uint32 { return &o(s).Table }),
			fs.Bool("rapid_commit", "take a lease in two messages where the server can (RFC 4039)", func(s *Setting) *bool { return &o(s).Rapid }),
			fs.Bool("ipv6_only", "do without an address where the network prefers IPv6 (RFC 8925)", func(s *Setting) *bool { return &o(s).V6Only }),
			fs.Bool("forcerenew", "let the server order a renewal, authenticated (RFC 6704)", func(s *Setting) *bool { return &o(s).Force }),
		),
		Rows: rows(k, func(v *View, yield func(*Setting) bool) bool { return yield(&v.Setting) }),
		Do:   fs.One(func(ctx context.Context, o *fs.Op[Setting]) error { return change(ctx, k, o) }),
		Verbs: []fs.Verb[Setting]{
			{Name: "start", Usage: "[DEV] [once|hold] [KEY=VALUE...]", Doc: "start a client; once: until it has a lease, for which the write waits", Do: func(ctx context.Context, o *fs.Op[Setting]) error {
				return start(ctx, k, o)
			}},
			{Name: "stop", Usage: "[DEV] [keep]", Doc: "end the client and take away what it set; keep: leave it there", Do: func(ctx context.Context, o *fs.Op[Setting]) error {
				keep := len(o.Args) == 1 && o.Args[0] == "keep"
				if !keep {
					if err := noArgs(o.Args); err != nil {
						return err
					}
				}
				return k.Stop(ctx, o.Row.Dev, keep)
			}},
			{Name: "renew", Usage: "[DEV]", Doc: "ask the server to renew the lease", Do: do(is(client.Renew{}))},
			{Name: "rebind", Usage: "[DEV]", Doc: "ask any server to renew the lease", Do: do(is(client.Rebind{}))},
			{Name: "release", Usage: "[DEV]", Doc: "give the lease back, and end the client", Do: do(is(client.Release{}))},
			{Name: "discover", Usage: "[DEV]", Doc: "ask who is there: the answers are in servers", Do: do(is(client.Discover{}))},
			{Name: "inform", Usage: "[DEV] [address=ADDR]", Doc: "ask for options only, for an address that is there", Do: do(func(o *fs.Op[Setting]) client.Event {
				return client.Inform{Addr: o.Row.Wish}
			})},
		},
	}
}

func noArgs(args []string) error {
	if len(args) > 0 {
		return &fs.Error{Text: strconv.Quote(args[0]) + ": not a word of this verb", Errno: syscall.EINVAL}
	}
	return nil
}

func requestText(list []v4.Code) string {
	var names []string
	for _, c := range list {
		names = append(names, c.Name())
	}
	return strings.Join(names, ",")
}

// change carries out one line without a verb of its own.
func change(ctx context.Context, k Kernel, o *fs.Op[Setting]) error {
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

func start(ctx context.Context, k Kernel, o *fs.Op[Setting]) error {
	once := false
	for _, w := range o.Args {
		switch w {
		case "once":
			once = true
		case "hold":
			once = false
		default:
			return noArgs([]string{w})
		}
	}
	return k.Start(ctx, o.Row.Dev, o.Row.Options, once)
}

// rows yields records made of clients.
func rows[T any](k Kernel, each func(v *View, yield func(*T) bool) bool) func(context.Context, *fs.Query[T]) iter.Seq2[*T, error] {
	return func(context.Context, *fs.Query[T]) iter.Seq2[*T, error] {
		return func(yield func(*T, error) bool) {
			for _, v := range k.Clients() {
				if !each(&v, func(t *T) bool { return yield(t, nil) }) {
					return
				}
			}
		}
	}
}

// view returns the client of a link, nil if there is none.
func view(k Kernel, dev string) *View {
	for _, v := range k.Clients() {
		if v.Dev == dev {
			return &v
		}
	}
	return nil
}

func eventTable(k Kernel) *fs.Table[Event] {
	states := fs.Names{}
	for s := client.Stopped; s <= client.Rebooting; s++ {
		states[uint32(s)] = strings.ToLower(s.String())
	}
	return &fs.Table[Event]{
		Kind: "dhcp",
		Doc:  "what happens to DHCP clients",
		Keys: fs.NewKeys(
			fs.Str("dev", "link", func(e *Event) *string { return &e.Dev }).AsID().ReadOnly(),
			fs.Enum("state", "the client's, when this was told", states, func(e *Event) *client.State { return &e.State }).Always().ReadOnly(),
			fs.Str("text", "what happened", func(e *Event) *string { return &e.Text }).ReadOnly(),
		),
		Watch: k.Watch,
	}
}
