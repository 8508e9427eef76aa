package dhcp

import (
	"context"
	"strings"
	"time"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/v6"
	"github.com/netfs-project/netfs/fs"
)

func devOf6(v *View6) string { return v.Dev }

func statusTable6(k Kernel6) *fs.Table[View6] {
	of := func(get func(v *View6, l *lease.Lease6) string) func(v *View6) string {
		return func(v *View6) string {
			if v.Lease == nil {
				return ""
			}
			return get(v, v.Lease)
		}
	}
	return &fs.Table[View6]{
		Kind: "dhcp6status", Doc: "state of the DHCPv6 client", Info: true,
		Keys: fs.NewKeys(
			devKey(func(v *View6) *string { return &v.Dev }),
			text("state", "in lower case; soliciting, requesting, bound ... as the messages of RFC 8415 18.2", fs.Word, func(v *View6) string { return strings.ToLower(v.State.String()) }),
			text("source", "link-local address that messages are sent from; without one it waits", fs.Word, func(v *View6) string { return addrText(v.Source) }),
			text("addresses", "list of those that the link has of it", fs.List, of(func(_ *View6, l *lease.Lease6) string {
				var list []string
				for _, a := range l.Addrs {
					list = append(list, a.Addr.String())
				}
				return strings.Join(list, ",")
			})),
			text("prefixes", "list of those that are delegated", fs.List, of(func(_ *View6, l *lease.Lease6) string {
				var list []string
				for _, p := range l.Prefixes {
					list = append(list, p.Prefix.String())
				}
				return strings.Join(list, ",")
			})),
			text("server", "DUID of the server", fs.Word, of(func(_ *View6, l *lease.Lease6) string { return l.Server.String() })),
			text("left", "seconds of the lease that are left; forever", fs.Word, of(func(v *View6, l *lease.Lease6) string { return secondsOf(l.Left(v.At)) })),
			text("due", "seconds until the client does something by itself", fs.Word, func(v *View6) string { return dueText(v.Due, v.At) }),
			text("xid", "of the transaction", fs.Word, func(v *View6) string { return xidText(v.XID) }),
			count("tries", "messages of the transaction so far", func(v *View6) uint64 { return uint64(v.Tries) }),
			text("other", "list of NAME[PID]: other programs that are DHCPv6 clients of the link, as seen at the start or at the last renewal", fs.List, func(v *View6) string { return othersText(v.Others) }),
			text("dns", "who has the DNS servers and search domains: resolved, resolvconf; if apply says so", fs.Word, func(v *View6) string { return v.DNS.managerText() }),
			text("dns_error", "why nobody has, or what of them", fs.Text, func(v *View6) string { return v.DNS.errorText() }),
		),
		Rows: rows(k.Clients, itself[View6]),
	}
}

// An item6 is an address or a prefix of a lease, and what they have in common.
type item6 struct {
	Dev              string
	Item             string
	IA               string
	Preferred, Valid time.Duration
	*lease.Lease6
	lease.Settings6
}

func leaseTable6(k Kernel6) *fs.Table[item6] {
	return &fs.Table[item6]{
		Kind: "dhcp6lease", Doc: "leases that are in use, a line for each address and prefix", Info: true,
		Keys: fs.NewKeys(
			devKey(func(i *item6) *string { return &i.Dev }),
			text("ia", "na: an address, pd: a delegated prefix", fs.Word, func(i *item6) string { return i.IA }),
			fs.Str("item", "the address or prefix", func(i *item6) *string { return &i.Item }).ReadOnly().AsID(),
			text("server", "DUID of the server", fs.Word, func(i *item6) string { return i.Server.String() }),
			text("preferred", "seconds from started; forever", fs.Word, func(i *item6) string { return secondsOf(i.Preferred) }),
			text("valid", "seconds from started; forever", fs.Word, func(i *item6) string { return secondsOf(i.Valid) }),
			text("t1", "seconds from started until the server is asked to renew", fs.Word, func(i *item6) string { return secondsOf(i.T1) }),
			text("t2", "seconds from started until any server is asked", fs.Word, func(i *item6) string { return secondsOf(i.T2) }),
			text("started", "when the request was sent, UTC", fs.Word, func(i *item6) string { return i.Start.Wall.UTC().Format(time.RFC3339) }),
			text("dns", "list of DNS servers", fs.List, func(i *item6) string { return addrsText(i.DNS) }),
			text("search", "list of search domains", fs.List, func(i *item6) string { return strings.Join(i.Search, ",") }),
		),
		Rows: rows(k.Clients, func(v *View6, yield func(*item6) bool) bool {
			l := v.Lease
			if l == nil {
				return true
			}
			s, _ := l.Settings(v.At)
			for _, a := range l.Addrs {
				if !yield(&item6{v.Dev, a.Addr.String(), "na", a.Preferred, a.Valid, l, s}) {
					return false
				}
			}
			for _, p := range l.Prefixes {
				if !yield(&item6{v.Dev, p.Prefix.String(), "pd", p.Preferred, p.Valid, l, s}) {
					return false
				}
			}
			return true
		}),
	}
}

func serverTable6(k Kernel6) *fs.Table[Server6] {
	return &fs.Table[Server6]{
		Kind: "dhcp6server", Doc: "servers that answered since the client began; see the verb discover", Info: true,
		Keys: fs.NewKeys(
			devKey(func(s *Server6) *string { return &s.Dev }),
			fs.Str("server", "its DUID", func(s *Server6) *string { return &s.Server }).ReadOnly().AsID(),
			text("type", "of its last answer", fs.Word, func(s *Server6) string { return s.Type.String() }),
			text("offered", "list of addresses and prefixes, 16 at most, that it offered last", fs.List, func(s *Server6) string { return strings.Join(s.Offered, ",") }),
			count("preference", "that it gave itself (RFC 8415 21.8)", func(s *Server6) uint64 { return uint64(s.Preference) }),
			count("count", "answers", func(s *Server6) uint64 { return s.Count }),
			text("taken", "1 if the last answer was", fs.Word, func(s *Server6) string { return yesText(s.Taken) }),
			text("why", "why not", fs.Text, func(s *Server6) string { return s.Why }),
		),
		Rows: rows(k.Clients, func(v *View6, yield func(*Server6) bool) bool {
			for i := range v.Servers {
				if !yield(&v.Servers[i]) {
					return false
				}
			}
			return true
		}),
	}
}

func statsTable6(k Kernel6) *fs.Table[View6] {
	keys := []fs.Key[View6]{devKey(func(v *View6) *string { return &v.Dev })}
	add := func(name, doc string, get func(v *View6) uint64) { keys = append(keys, count(name, doc, get)) }
	word := func(t v6.MessageType) string { return strings.ReplaceAll(t.String(), "-", "_") }
	for _, t := range []v6.MessageType{v6.Solicit, v6.Request, v6.Confirm, v6.Renew, v6.Rebind, v6.Release, v6.Decline, v6.InfoRequest} {
		add("sent_"+word(t), "messages sent", func(v *View6) uint64 { return v.Client.Sent[t] })
	}
	for _, t := range []v6.MessageType{v6.Advertise, v6.Reply, v6.Reconfigure} {
		add("received_"+word(t), "messages received", func(v *View6) uint64 { return v.Client.Received[t] })
	}
	for i := range len(client6.Stats{}.Ignored) {
		add("ignored_"+client6.Reason(i).String(), "messages that changed nothing", func(v *View6) uint64 { return v.Client.Ignored[i] })
	}
	add("unreadable", "datagrams that are no DHCPv6 messages", func(v *View6) uint64 { return v.Unreadable })
	add("off_link", "datagrams from addresses that are not link-local", func(v *View6) uint64 { return v.OffLink })
	add("send_errors", "messages that could not be sent", func(v *View6) uint64 { return v.SendErrors })
	return &fs.Table[View6]{Kind: "dhcp6stats", Doc: "what the DHCPv6 client counted", Info: true, Keys: fs.NewKeys(keys...), Rows: rows(k.Clients, itself[View6])}
}

// optionDir6 has the options that came with the lease, or alone.
func optionDir6(k Kernel6, dev string) fs.Node {
	return optionFiles(func() v6.Options {
		if v := view(k.Clients, devOf6, dev); v != nil {
			return v.Status6.Options()
		}
		return nil
	}, func(o v6.Options, c v6.Code) ([]byte, bool) { return o.Get(c) }, func(c v6.Code, data []byte) (string, string, error) {
		opt := v6.Option{Code: c, Data: data}
		s, err := opt.Text()
		return s, opt.Hex(), err
	})
}

// resolvConf6 is resolvConf, with the link in the addresses that are of it only.
func resolvConf6(k Kernel6, dev string) fs.Node {
	return fs.TextFile(func(context.Context) ([]byte, error) {
		v := view(k.Clients, devOf6, dev)
		if v == nil {
			return nil, nil
		}
		s, _ := lease.OptionSettings(v.Status6.Options())
		return s.AppendResolvConf(nil, dev), nil
	})
}
