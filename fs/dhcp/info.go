package dhcp

import (
	"context"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// text is a key that is only printed; empty is absent.
func text[T any](name, doc string, typ fs.Type, get func(v *T) string) fs.Key[T] {
	return fs.Key[T]{Name: name, Doc: doc, Type: typ, RO: true, Get: func(b []byte, v *T) []byte { return append(b, get(v)...) }}
}

func count[T any](name, doc string, get func(v *T) uint64) fs.Key[T] {
	return fs.Key[T]{Name: name, Doc: doc, Type: fs.Number, RO: true, Get: func(b []byte, v *T) []byte { return strconv.AppendUint(b, get(v), 10) }}
}

func devOf(v *View) string { return v.Dev }

// devKey is the link of what a table tells, and may not change.
func devKey[T any](at func(v *T) *string) fs.Key[T] {
	return fs.Str("dev", "link", at).ReadOnly().AsID()
}

// itself is what rows makes of a client that is the record.
func itself[V any](v *V, yield func(*V) bool) bool { return yield(v) }

// secondsOf is a duration in whole seconds.
func secondsOf(d time.Duration) string {
	if d >= v4.Forever {
		return "forever"
	}
	return strconv.FormatInt(int64(d/time.Second), 10)
}

func dueText(due time.Duration, now lease.Instant) string {
	if due == lease.Never {
		return ""
	}
	return secondsOf(max(0, due-now.Boot))
}

func xidText(xid uint32) string {
	if xid == 0 {
		return ""
	}
	return "0x" + strconv.FormatUint(uint64(xid), 16)
}

func othersText(others []Other) string {
	var list []string
	for _, o := range others {
		list = append(list, o.String())
	}
	return strings.Join(list, ",")
}

// addrText is empty for the zero Addr.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

func addrsText(addrs []netip.Addr) string {
	var list []string
	for _, a := range addrs {
		list = append(list, a.String())
	}
	return strings.Join(list, ",")
}

func (d DNS) managerText() string {
	if d.Manager == dns.Any {
		return ""
	}
	return d.Manager.String()
}

func (d DNS) errorText() string {
	if d.Err == nil {
		return ""
	}
	return strings.ReplaceAll(d.Err.Error(), "\n", "; ")
}

func yesText(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

func statusTable(k Kernel4) *fs.Table[View] {
	of := func(get func(v *View, l *lease.Lease) string) func(v *View) string {
		return func(v *View) string {
			if v.Lease == nil {
				return ""
			}
			return get(v, v.Lease)
		}
	}
	return &fs.Table[View]{
		Kind: "dhcpstatus", Doc: "state of the DHCP client", Info: true,
		Keys: fs.NewKeys(
			devKey(func(v *View) *string { return &v.Dev }),
			text("state", "of RFC 2131 4.4, in lower case; checking: the address is probed", fs.Word, func(v *View) string { return strings.ToLower(v.State.String()) }),
			text("address", "that the link has of it", fs.Word, of(func(_ *View, l *lease.Lease) string { return l.Addr.String() })),
			text("server", "identifier of the server", fs.Word, of(func(_ *View, l *lease.Lease) string { return l.Server.String() })),
			text("left", "seconds of the lease that are left; forever", fs.Word, of(func(v *View, l *lease.Lease) string { return secondsOf(l.Left(v.At)) })),
			text("due", "seconds until the client does something by itself", fs.Word, func(v *View) string { return dueText(v.Due, v.At) }),
			text("xid", "of the transaction", fs.Word, func(v *View) string { return xidText(v.XID) }),
			count("tries", "messages of the transaction so far", func(v *View) uint64 { return uint64(v.Tries) }),
			text("other", "list of NAME[PID]: other programs that are DHCP clients of the link, as seen at the start or at the last renewal", fs.List, func(v *View) string { return othersText(v.Others) }),
			text("dns", "who has the DNS servers and search domains of the lease: resolved, resolvconf; if apply says so", fs.Word, func(v *View) string { return v.DNS.managerText() }),
			text("dns_error", "why nobody has, or what of them", fs.Text, func(v *View) string { return v.DNS.errorText() }),
		),
		Rows: rows(k.Clients, itself[View]),
	}
}

// A held is a lease with what it sets.
type held struct {
	Dev string
	*lease.Lease
	lease.Settings
}

func leaseTable(k Kernel4) *fs.Table[held] {
	return &fs.Table[held]{
		Kind: "dhcplease", Doc: "leases that are in use", Info: true,
		Keys: fs.NewKeys(
			devKey(func(h *held) *string { return &h.Dev }),
			text("address", "with the bits of the subnet", fs.Word, func(h *held) string { return h.Settings.Addr.String() }),
			text("server", "identifier of the server", fs.Word, func(h *held) string { return h.Server.String() }),
			text("valid", "seconds from started; forever", fs.Word, func(h *held) string { return secondsOf(h.Lease.Valid) }),
			text("t1", "seconds from started until the server is asked to renew", fs.Word, func(h *held) string { return secondsOf(h.T1) }),
			text("t2", "seconds from started until any server is asked", fs.Word, func(h *held) string { return secondsOf(h.T2) }),
			text("started", "when the request was sent, UTC", fs.Word, func(h *held) string { return h.Start.Wall.UTC().Format(time.RFC3339) }),
			text("broadcast", "address of the subnet", fs.Word, func(h *held) string { return addrText(h.Broadcast) }),
			text("routes", "list of DST or DST:VIA", fs.List, func(h *held) string {
				var list []string
				for _, r := range h.Routes {
					s := r.Dst.String()
					if r.Via.IsValid() {
						s += ":" + r.Via.String()
					}
					list = append(list, s)
				}
				return strings.Join(list, ",")
			}),
			text("mtu", "in bytes, if the server said so", fs.Word, func(h *held) string {
				if h.MTU == 0 {
					return ""
				}
				return strconv.Itoa(h.MTU)
			}),
			text("dns", "list of DNS servers", fs.List, func(h *held) string { return addrsText(h.DNS) }),
			text("search", "list of search domains", fs.List, func(h *held) string { return strings.Join(h.Search, ",") }),
		),
		Rows: rows(k.Clients, func(v *View, yield func(*held) bool) bool {
			if v.Lease == nil {
				return true
			}
			s, _ := v.Lease.Settings(v.At)
			return yield(&held{Dev: v.Dev, Lease: v.Lease, Settings: s})
		}),
	}
}

func serverTable(k Kernel4) *fs.Table[Server] {
	return &fs.Table[Server]{
		Kind: "dhcpserver", Doc: "servers that answered since the client began; see the verb discover", Info: true,
		Keys: fs.NewKeys(
			devKey(func(s *Server) *string { return &s.Dev }),
			fs.Addr("server", "its identifier", func(s *Server) *netip.Addr { return &s.Server }).ReadOnly().AsID(),
			text("type", "of its last answer", fs.Word, func(s *Server) string { return s.Type.String() }),
			fs.Addr("address", "that it offered last", func(s *Server) *netip.Addr { return &s.Addr }).ReadOnly(),
			text("valid", "seconds of the lease that it offered last", fs.Word, func(s *Server) string {
				if s.Lease == 0 {
					return ""
				}
				return secondsOf(s.Lease)
			}),
			count("count", "answers", func(s *Server) uint64 { return s.Count }),
			text("taken", "1 if the last answer was", fs.Word, func(s *Server) string { return yesText(s.Taken) }),
			text("why", "why not", fs.Text, func(s *Server) string { return s.Why }),
		),
		Rows: rows(k.Clients, func(v *View, yield func(*Server) bool) bool {
			for i := range v.Servers {
				if !yield(&v.Servers[i]) {
					return false
				}
			}
			return true
		}),
	}
}

func statsTable(k Kernel4) *fs.Table[View] {
	keys := []fs.Key[View]{devKey(func(v *View) *string { return &v.Dev })}
	for t := v4.Discover; t <= v4.Inform; t++ {
		if t != v4.Offer && t != v4.Ack && t != v4.Nak {
			keys = append(keys, count("sent_"+t.String(), "messages sent", func(v *View) uint64 { return v.Client.Sent[t] }))
		}
	}
	for _, t := range []v4.MessageType{v4.Offer, v4.Ack, v4.Nak, v4.ForceRenew} {
		keys = append(keys, count("received_"+t.String(), "messages received", func(v *View) uint64 { return v.Client.Received[t] }))
	}
	for i := range len(client.Stats{}.Ignored) {
		r := client.Reason(i)
		keys = append(keys, count("ignored_"+r.String(), "messages that changed nothing", func(v *View) uint64 { return v.Client.Ignored[r] }))
	}
	keys = append(keys, count("damaged", "messages with an option that was cut", func(v *View) uint64 { return v.Client.Damaged }))
	raw := func(name, doc string, get func(v *View) uint64) { keys = append(keys, count(name, doc, get)) }
	raw("packets", "packets of the raw socket", func(v *View) uint64 { return v.Raw.Received })
	raw("truncated", "packets that end too early", func(v *View) uint64 { return v.Raw.Truncated })
	raw("length", "packets whose lengths contradict", func(v *View) uint64 { return v.Raw.Length })
	raw("checksum", "packets with a wrong checksum", func(v *View) uint64 { return v.Raw.Checksum })
	raw("unfinished", "packets whose checksum the kernel left open", func(v *View) uint64 { return v.Raw.Unfinished })
	raw("other", "packets of something else", func(v *View) uint64 { return v.Raw.Other + v.Raw.Fragment + v.Raw.VLAN })
	raw("lost", "packets that the kernel dropped for want of room", func(v *View) uint64 { return v.Raw.Lost })
	raw("unreadable", "packets that are no DHCP messages", func(v *View) uint64 { return v.Unreadable })
	raw("unasked", "messages while none was waited for", func(v *View) uint64 { return v.Unasked })
	raw("send_errors", "messages that could not be sent", func(v *View) uint64 { return v.SendErrors })
	return &fs.Table[View]{Kind: "dhcpstats", Doc: "what the DHCP client counted", Info: true, Keys: fs.NewKeys(keys...), Rows: rows(k.Clients, itself[View])}
}

func optionDir(k Kernel4, dev string) fs.Node {
	return optionFiles(func() v4.Options {
		if v := view(k.Clients, devOf, dev); v != nil && v.Said() != nil {
			return v.Said().Options
		}
		return nil
	}, func(o v4.Options, c v4.Code) ([]byte, bool) { return o.Get(c) }, func(c v4.Code, data []byte) (string, string, error) {
		opt := v4.Option{Code: c, Data: data}
		s, err := opt.Text()
		return s, opt.Hex(), err
	})
}

// optionFiles are a directory with a file for each option, by its name; its number walks, too. text
// is the value, and its bytes in hex.
func optionFiles[O interface{ All() iter.Seq2[C, []byte] }, C interface {
	~uint8 | ~uint16
	Name() string
}](all func() O, get func(O, C) ([]byte, bool), text func(C, []byte) (value, hex string, err error)) fs.Node {
	return &fs.Each{
		Doc: "options of the lease, or of the answer to inform, each by its name",
		Names: func(context.Context) ([]string, error) {
			var names []string
			for c := range all().All() {
				if !slices.Contains(names, c.Name()) {
					names = append(names, c.Name())
				}
			}
			slices.Sort(names)
			return names, nil
		},
		Find: func(_ context.Context, name string) (fs.Node, error) {
			for c := range all().All() {
				if c.Name() == name || strconv.Itoa(int(c)) == name {
					return &fs.Value{Doc: "the option's value, or its bytes in hex", Get: func(_ context.Context, b []byte) ([]byte, error) {
						data, ok := get(all(), c)
						if !ok {
							return b, nil
						}
						v, hex, err := text(c, data)
						if err != nil {
							v = "hex:" + hex
						}
						return append(b, v...), nil
					}}, nil
				}
			}
			return nil, fs.ErrNotExist
		},
	}
}

// resolvConf is the DNS servers and domains that a server said last, as resolv.conf(5) has them.
func resolvConf(k Kernel4, dev string) fs.Node {
	return fs.TextFile(func(context.Context) ([]byte, error) {
		v := view(k.Clients, devOf, dev)
		if v == nil || v.Said() == nil {
			return nil, nil
		}
		l := &lease.Lease{Addr: netip.IPv4Unspecified(), ACK: v.Said()} // as far as DNS goes
		s, _ := l.Settings(v.At)
		return s.AppendResolvConf(nil), nil
	})
}
