package dhcp

import (
	"fmt"
	"strings"

	"github.com/netfs-project/netfs/dhcp/client6"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v6"
)

// Sentence6 is Sentence of DHCPv6.
func Sentence6(n runner.Note6) string { return withTroubles(sentence6(n), n.Problems, n.Err) }

func sentence6(n runner.Note6) string {
	switch a := n.Action.(type) {
	case client6.Send:
		return a.Msg.Type.String() + " to all"
	case client6.Apply:
		return "use " + describe6(a.New, n.At)
	case client6.Remove:
		return fmt.Sprintf("remove %s: %s", itemsOf(a.Lease), a.Why)
	case client6.Changed:
		if a.Why == "" {
			return a.To.String()
		}
		return fmt.Sprintf("%v: %s", a.To, a.Why)
	case client6.Answer:
		return answer6(a)
	case client6.Ignored:
		return strings.TrimSuffix(fmt.Sprintf("ignored (%v, %d times by now): %s", a.Reason, a.Count, a.Why), ": ")
	case client6.Got:
		if a.Msg == nil {
			return "no server informs"
		}
		return "informed"
	case client6.Refused:
		return "refused: " + a.Why
	case client6.Save, client6.Forget:
		if n.Err != nil {
			return "lease file"
		}
	}
	return ""
}

func answer6(a client6.Answer) string {
	s := a.Msg.Type.String()
	if list := offered(a.Msg); len(list) > 0 {
		s += " of " + cut(strings.Join(list, " "))
	}
	if server, err := a.Msg.Options.ServerID(); err == nil {
		s += " from " + server.String()
	}
	if st, err := a.Msg.Options.Status(); err == nil && st.Text != "" {
		s += " saying " + v6.Quote(st.Text)
	}
	if a.Why != "" {
		s += ", not taken: " + a.Why
	}
	return s
}

// offered are the addresses and prefixes in a message, whosever they are.
func offered(m *v6.Message) (list []string) {
	nas, _ := m.Options.IANAs() // those before a bad one count
	for _, ia := range nas {
		addrs, _ := ia.Options.IAAddrs()
		for _, a := range addrs {
			list = append(list, a.Addr.String())
		}
	}
	pds, _ := m.Options.IAPDs()
	for _, ia := range pds {
		prefixes, _ := ia.Options.IAPrefixes()
		for _, p := range prefixes {
			list = append(list, p.Prefix.String())
		}
	}
	return list
}

// itemsOf are the addresses and prefixes of a lease.
func itemsOf(l *lease.Lease6) string {
	var list []string
	for _, a := range l.Addrs {
		list = append(list, a.Addr.String())
	}
	for _, p := range l.Prefixes {
		list = append(list, p.Prefix.String())
	}
	return cut(strings.Join(list, " "))
}

// cut is a list that a server may have made long.
func cut(s string) string {
	if len(s) <= 300 {
		return s
	}
	return s[:strings.LastIndexByte(s[:300], ' ')+1] + "..."
}

func describe6(l *lease.Lease6, now lease.Instant) string {
	return fmt.Sprintf("%s from %v for %s", itemsOf(l), l.Server, lasting(l.Left(now)))
}
