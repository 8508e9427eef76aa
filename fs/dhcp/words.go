package dhcp

import (
	"fmt"
	"strings"
	"time"

	"github.com/netfs-project/netfs/dhcp/client"
	"github.com/netfs-project/netfs/dhcp/lease"
	"github.com/netfs-project/netfs/dhcp/runner"
	"github.com/netfs-project/netfs/dhcp/v4"
	"github.com/netfs-project/netfs/fs/dhcp/dns"
)

// maxProblems bounds what a sentence tells of one lease.
const maxProblems = 16

// Sentence is a note in one line for people, empty if it is nothing to tell. What a server
// said is quoted.
func Sentence(n runner.Note) string { return withTroubles(sentence(n), n.Problems, n.Err) }

func withTroubles(s string, problems []string, err error) string {
	for i, p := range problems {
		if i == maxProblems {
			s += fmt.Sprintf("; and %d more", len(problems)-i)
			break
		}
		s += "; " + p
	}
	if err != nil {
		s = strings.TrimPrefix(s+": "+strings.ReplaceAll(err.Error(), "\n", "; "), ": ")
	}
	return s
}

func sentence(n runner.Note) string {
	switch a := n.Action.(type) {
	case client.Send:
		to := "all"
		if a.To.IsValid() {
			to = a.To.String()
		}
		return fmt.Sprintf("%v to %s", a.Msg.Type(), to)
	case client.Probe:
		return "probe of " + a.Addr.String()
	case client.Apply:
		return "use " + describe(a.New, n.At)
	case client.Remove:
		return fmt.Sprintf("remove %v: %s", a.Lease.Addr, a.Why)
	case client.Changed:
		if a.Why == "" {
			return a.To.String()
		}
		return fmt.Sprintf("%v: %s", a.To, a.Why)
	case client.Answer:
		return answer(a)
	case client.Ignored:
		return strings.TrimSuffix(fmt.Sprintf("ignored (%v, %d times by now): %s", a.Reason, a.Count, a.Why), ": ")
	case client.Informed:
		if a.Msg == nil {
			return "no server informs"
		}
		return "informed"
	case client.Refused:
		return "refused: " + a.Why
	case client.Save, client.Forget:
		if n.Err != nil {
			return "lease file"
		}
	}
	return ""
}

func answer(a client.Answer) string {
	s := a.Msg.Type().String()
	if a.Msg.YIAddr.IsValid() && !a.Msg.YIAddr.IsUnspecified() {
		s += " of " + a.Msg.YIAddr.String()
	}
	if server, err := a.Msg.Options.ServerID(); err == nil {
		s += " from " + server.String()
	}
	if text, err := a.Msg.Options.Message(); err == nil {
		s += " saying " + v4.Quote(text)
	}
	if a.Why != "" {
		s += ", not taken: " + a.Why
	}
	return s
}

func describe(l *lease.Lease, now lease.Instant) string {
	s, _ := l.Settings(now)
	line := s.Addr.String()
	for _, r := range s.Routes {
		line += " route " + r.Dst.String()
		if r.Via.IsValid() {
			line += " via " + r.Via.String()
		}
		if len(line) > 300 {
			line += " ..."
			break
		}
	}
	return fmt.Sprintf("%s from %v for %s", line, l.Server, lasting(l.Left(now)))
}

// sayDNS tells where DNS was set.
func sayDNS(done dns.Done) string {
	var b strings.Builder
	c := done.Config
	fmt.Fprintf(&b, "DNS in %v:", done.Manager)
	for _, a := range c.Servers {
		fmt.Fprintf(&b, " %v", a)
	}
	if len(c.Search) > 0 {
		fmt.Fprintf(&b, " search %s", strings.Join(c.Search, " "))
	}
	if !c.Default {
		b.WriteString(", without a default route")
	}
	if done.Said != "" {
		fmt.Fprintf(&b, "; it says: %s", done.Said)
	}
	return b.String()
}

func lasting(d time.Duration) string {
	if d == v4.Forever {
		return "ever"
	}
	return d.Round(time.Second).String()
}
