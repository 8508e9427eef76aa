package p9

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/netfs-project/netfs/fs"
)

// A policy says what the names in client certificates may do. It is a text of
// lines
//
//	SAN ROLE [ANAME]
//
// words of the tree's grammar without its quotes: a # begins a comment, and each
// word may be spelled with its key (san=, role=, aname=).
//
// SAN is a subject alternative name with its sort: dns:NAME, uri:URI,
// email:ADDRESS or ip:ADDRESS. dns:*.NAME is any name one label below NAME, and
// * is every certificate of the CA. A common name is never looked at. The first
// line that matches a name of the certificate decides; without one the client is
// refused.
//
// ROLE is view, operate or admin. ANAME is the directory that the client gets for
// a root, and may have ,ro at its end; the default is the whole tree.
type policy []rule

type rule struct {
	san   string
	role  role
	aname string
}

// A role is what a client may do. It is a user of the tree, and the modes do
// the rest: view is nobody, operate a member of the tree's group, admin root.
type role string

const (
	view    role = "view"    // reads
	operate role = "operate" // also writes tables and values
	admin   role = "admin"   // also what the tree reserves to root: namespaces
)

// maxPolicyLine bounds what is shown, and bufio's lines.
const maxPolicyLine = 64 << 10

func parsePolicy(text []byte) (policy, error) {
	var p policy
	sc := bufio.NewScanner(bytes.NewReader(text))
	sc.Buffer(nil, maxPolicyLine)
	n := 0
	for sc.Scan() {
		n++
		words := policyWords(sc.Text())
		if len(words) == 0 {
			continue
		}
		r, err := parseRule(words)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		p = append(p, r)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n+1, err)
	}
	return p, nil
}

// policyWords splits a line. A comment begins at a word that begins with #.
func policyWords(line string) []string {
	words := strings.Fields(line)
	for i, w := range words {
		if w[0] == '#' {
			return words[:i]
		}
	}
	return words
}

func parseRule(words []string) (rule, error) {
	if len(words) < 2 || len(words) > 3 {
		return rule{}, errors.New("not SAN ROLE or SAN ROLE ANAME")
	}
	for i, key := range []string{"san=", "role=", "aname="}[:len(words)] {
		words[i] = strings.TrimPrefix(words[i], key)
		if strings.ContainsAny(words[i], "'\"\x00") {
			return rule{}, fmt.Errorf("%q: quotes are not known here", words[i])
		}
	}
	r := rule{role: role(words[1])}
	var err error
	if r.san, err = parseSAN(words[0]); err != nil {
		return rule{}, err
	}
	switch r.role {
	case view, operate, admin:
	default:
		return rule{}, fmt.Errorf("role %q: not view, operate or admin", r.role)
	}
	if len(words) == 3 {
		r.aname = words[2]
	}
	if slices.Contains(strings.Split(r.aname, "/"), "..") {
		return rule{}, fmt.Errorf("aname %q: goes up", r.aname)
	}
	return r, nil
}

func parseSAN(s string) (string, error) {
	sort, name, _ := strings.Cut(s, ":")
	switch {
	case s == "*":
		return s, nil
	case name == "":
	case sort == "dns":
		if rest := strings.TrimPrefix(name, "*."); rest == "" || strings.Contains(rest, "*") {
			return "", fmt.Errorf("san %q: * stands for the first label only", s)
		}
		return "dns:" + dnsName(name), nil
	case sort == "ip":
		a, err := netip.ParseAddr(name)
		if err != nil {
			return "", fmt.Errorf("san %q: not an address", s)
		}
		return "ip:" + a.Unmap().String(), nil
	case sort == "uri", sort == "email":
		return s, nil
	}
	return "", fmt.Errorf("san %q: not dns:NAME, uri:URI, email:ADDRESS, ip:ADDRESS or *", s)
}

func dnsName(s string) string { return strings.TrimSuffix(strings.ToLower(s), ".") }

// sansOf returns the names of a certificate as a policy spells them.
func sansOf(c *x509.Certificate) []string {
	var list []string
	for _, n := range c.DNSNames {
		list = append(list, "dns:"+dnsName(n))
	}
	for _, u := range c.URIs {
		list = append(list, "uri:"+u.String())
	}
	for _, n := range c.EmailAddresses {
		list = append(list, "email:"+n)
	}
	for _, ip := range c.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			list = append(list, "ip:"+a.Unmap().String())
		}
	}
	return list
}

// matches reports whether the rule is about a name. What a certificate has for a
// name is never a pattern.
func (r *rule) matches(san string) bool {
	if r.san == "*" || r.san == san && !strings.Contains(san, "*") {
		return true
	}
	below, ok := strings.CutPrefix(r.san, "dns:*.")
	if !ok {
		return false
	}
	host, ok := strings.CutPrefix(san, "dns:")
	label, rest, _ := strings.Cut(host, ".")
	return ok && label != "" && label != "*" && rest == below
}

// A grant is what a policy gives to a certificate.
type grant struct {
	san string
	rule
}

func (p policy) grant(c *x509.Certificate) (grant, error) {
	sans := sansOf(c)
	for _, r := range p {
		for _, san := range sans {
			if r.matches(san) {
				return grant{san, r}, nil
			}
		}
	}
	if len(sans) == 0 {
		return grant{}, errors.New("the certificate has no subject alternative name")
	}
	return grant{}, fmt.Errorf("the policy has no line for %s", strings.Join(sans, " "))
}

// granted is the peer of a grant: the role is a user, and a view of the tree.
func (s *Server) granted(g grant, from string) peer {
	aname, ro := strings.CutSuffix(g.aname, ",ro")
	u := &fs.User{Name: g.san, UID: nobody, GID: nobody, From: from}
	p := peer{user: u, tree: s.Tree, aname: aname, san: g.san}
	switch {
	case ro || g.role == view:
		p.tree = s.readOnly
	case inside(aname, s.Tree.Admin):
		p.tree = s.Tree.WithoutAdmin()
	}
	switch g.role {
	case operate:
		u.Groups = []uint32{s.Tree.GID}
	case admin:
		u.UID, u.GID = 0, 0
	}
	return p
}

// inside reports whether aname leads below one of the names at the root.
func inside(aname string, names []string) bool {
	path := split(aname)
	return len(path) > 1 && slices.Contains(names, path[0])
}

// may reports whether the peer may attach as uname. "none" and "nobody" are what
// clients say that do not ask their user.
func (p *peer) may(uname string) bool {
	switch uname {
	case "", "none", "nobody", p.san:
		return true
	}
	_, name, _ := strings.Cut(p.san, ":")
	return p.san == "" || uname == name
}
