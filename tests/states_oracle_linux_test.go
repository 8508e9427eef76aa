package tests

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An object is an object of iproute2's JSON, in its order: names may be there twice
// (a route's dst, and that of its encapsulation).
type object []member

type member struct {
	name  string
	value any // string, json.Number, bool, nil, []any, object
}

func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// A row is a record as both sides would say it: scalars are strings, flags and true
// are "1", false is "0", lists are joined by commas, groups are []row.
type row map[string]any

func (r row) text(key string) string {
	s, _ := r[key].(string)
	return s
}

// A field makes our keys of a member.
type field func(to row, v any) error

// is is the same value under our name.
func is(key string) field {
	return func(to row, v any) error { to[key] = scalar(v); return nil }
}

// skipped is a member that is not compared; why is for the reader.
func skipped(why string) field { return func(row, any) error { return nil } }

// mapped is is, after f.
func mapped(key string, f func(string) string) field {
	return func(to row, v any) error { to[key] = f(scalar(v)); return nil }
}

// same are members whose names and values are ours.
func same(names string) map[string]field {
	m := map[string]field{}
	for _, n := range strings.Fields(names) {
		theirs, ours, two := strings.Cut(n, "=")
		if !two {
			ours = n
		}
		m[theirs] = is(ours)
	}
	return m
}

func with(maps ...map[string]field) map[string]field {
	all := map[string]field{}
	for _, m := range maps {
		for k, f := range m {
			all[k] = f
		}
	}
	return all
}

func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	case bool:
		if v {
			return "1"
		}
		return "0"
	case nil:
		return "1" // iproute2's flags
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, scalar(e))
		}
		return strings.Join(all, ",")
	}
	return fmt.Sprint(v)
}

// fill converts an object; a member that no field knows is an error.
func fill(to row, o object, fields map[string]field) error {
	for _, m := range o {
		f := fields[m.name]
		if f == nil {
			return fmt.Errorf("iproute2 says %q: %v, which this test does not know", m.name, m.value)
		}
		if err := f(to, m.value); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// objects parses what ip -j -batch printed: one array for each command.
func objects(t testing.TB, text string) (all [][]object) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	for d.More() {
		v, err := value(d)
		require.NoError(t, err, text)
		var list []object
		for _, e := range v.([]any) {
			if o, ok := e.(object); ok && len(o) > 0 {
				list = append(list, o)
			}
		}
		all = append(all, list)
	}
	return all
}

func value(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := value(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := value(d)
			if err != nil {
				return nil, err
			}
			o = append(o, member{name.(string), v})
		}
		_, err = d.Token()
		return o, err
	}
	return t, nil
}

// canon prints a value so that equal values print alike: the names of objects sorted.
func canon(v any, without map[string]bool) string {
	switch v := v.(type) {
	case object:
		var all []string
		for _, m := range v {
			if !without[m.name] {
				all = append(all, m.name+"="+canon(m.value, without))
			}
		}
		sort.Strings(all)
		return "{" + strings.Join(all, " ") + "}"
	case row:
		var all []string
		for k, e := range v {
			if !without[k] {
				all = append(all, k+"="+canon(e, without))
			}
		}
		sort.Strings(all)
		return "{" + strings.Join(all, " ") + "}"
	case []row:
		var all []string
		for _, e := range v {
			all = append(all, canon(e, without))
		}
		return "[" + strings.Join(all, " ") + "]"
	case []any:
		var all []string
		for _, e := range v {
			all = append(all, canon(e, without))
		}
		return "[" + strings.Join(all, " ") + "]"
	}
	return scalar(v)
}

// --- addresses and numbers

func prefix(addr, length string) string {
	if strings.Contains(addr, "/") {
		p, err := netip.ParsePrefix(addr)
		if err != nil {
			return addr
		}
		return p.String()
	}
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return addr
	}
	if length == "" {
		length = strconv.Itoa(a.BitLen())
	}
	return a.String() + "/" + length
}

// hexed is a number that one side prints in hexadecimal.
func hexed(s string) string {
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		return s
	}
	return "0x" + strconv.FormatUint(n, 16)
}

// bareHex is hexadecimal without 0x.
func bareHex(s string) string {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
	if err != nil {
		return s
	}
	return strconv.FormatUint(n, 10)
}

func decimal(s string) string {
	n, err := strconv.ParseUint(s, 0, 64)
	if err != nil {
		return s
	}
	return strconv.FormatUint(n, 10)
}

// millis is a time of a route's metrics: whole milliseconds, or seconds with a fraction.
func millis(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	if strings.Contains(s, ".") {
		f *= 1000
	}
	return strconv.FormatFloat(f, 'f', -1, 64) + "ms"
}

// bridgeID is 8000.2:0:0:0:0:2 with two digits for each byte.
func bridgeID(s string) string {
	prio, mac, ok := strings.Cut(s, ".")
	if !ok {
		return s
	}
	var all []string
	for _, b := range strings.Split(mac, ":") {
		all = append(all, fmt.Sprintf("%02s", b))
	}
	hw, err := net.ParseMAC(strings.Join(all, ":"))
	if err != nil {
		return s
	}
	return prio + "." + hw.String()
}

// --- routes

func flagsField(to row, v any) error {
	for _, f := range v.([]any) {
		to[scalar(f)] = "1"
	}
	return nil
}

func flowField(key string) field {
	return func(to row, v any) error {
		o := v.(object)
		to[key] = scalar(o.get("to"))
		if from := o.get("from"); from != nil {
			to[key] = scalar(from) + "/" + scalar(o.get("to"))
		}
		return nil
	}
}

func viaField(to row, v any) error {
	to["via"] = scalar(v.(object).get("host"))
	return nil
}

var metricFields = with(same("mtu window ssthresh cwnd advmss reordering hoplimit initcwnd initrwnd quickack congestion=congctl fastopen_no_cookie"), map[string]field{
	"rtt":     mapped("rtt", millis),
	"rttvar":  mapped("rttvar", millis),
	"rto_min": mapped("rto_min", millis),
	"ecn":     func(to row, _ any) error { to["features"] = "ecn"; return nil },
})

// encapWords are members that belong to the encapsulation while they follow it.
var encapWords = map[string]map[string]field{
	"ip":   {"id": is("encap.id"), "src": is("encap.src"), "dst": is("encap.dst"), "ttl": is("encap.ttl"), "tos": mapped("encap.tos", hexed)},
	"ip6":  {"id": is("encap.id"), "src": is("encap.src"), "dst": is("encap.dst"), "hoplimit": is("encap.ttl"), "tc": mapped("encap.tos", hexed)},
	"mpls": {"dst": is("encap.label"), "ttl": is("encap.ttl")},
	"seg6": {"mode": is("encap.mode"), "segs": is("encap.segs"), "hmac": skipped("0 without one")},
}

// way are the members of a route, a way of several, and a nexthop object alike.
var way = with(same("dev weight gateway=via"), map[string]field{"flags": flagsField, "via": viaField})

var hopFields = with(way, map[string]field{"flow": flowField("realm")})

var routeFields = with(way, same("type table protocol=proto scope metric prefsrc=src pref nhid lock"), map[string]field{
	"dst":     func(to row, v any) error { to["dst"] = scalar(v); return nil },
	"from":    func(to row, v any) error { to["from"] = prefix(scalar(v), ""); return nil },
	"tos":     is("tos"),
	"flow":    flowField("realm"),
	"expires": is("~expires"),
	"nh_info": skipped("the nexthop object of nhid, which nexthops has"),
	"metrics": func(to row, v any) error { return fill(to, v.([]any)[0].(object), metricFields) },
	"nexthops": func(to row, v any) error {
		hops := []row{}
		for _, e := range v.([]any) {
			h, err := wayRow(e.(object), hopFields)
			if err != nil {
				return err
			}
			hops = append(hops, h)
		}
		to["nexthop"] = hops
		return nil
	},
})

// wayRow is fill for what may have an encapsulation.
func wayRow(o object, fields map[string]field) (row, error) {
	to := row{}
	var encap map[string]field
	for _, m := range o {
		if m.name == "encap" {
			to["encap"] = scalar(m.value)
			if encap = encapWords[scalar(m.value)]; encap == nil {
				return nil, fmt.Errorf("encap %v, which this test does not know", m.value)
			}
			continue
		}
		if f := encap[m.name]; f != nil {
			if err := f(to, m.value); err != nil {
				return nil, err
			}
			continue
		}
		encap = nil
		if err := fill(to, object{m}, fields); err != nil {
			return nil, err
		}
	}
	if segs := to.text("encap.segs"); to.text("encap.mode") == "inline" {
		to["encap.segs"] = strings.TrimSuffix(segs, ",::") // the place of the packet's own destination
	}
	for key, none := range map[string]string{"encap.src": "0.0.0.0 ::", "encap.dst": "0.0.0.0 ::", "encap.tos": "0x0", "encap.ttl": "0", "encap.id": "0"} {
		if s, ok := to[key]; ok && to["encap"] != "mpls" && contains(none, s.(string)) {
			delete(to, key)
		}
	}
	return to, nil
}

func contains(words, w string) bool {
	for _, s := range strings.Fields(words) {
		if s == w {
			return true
		}
	}
	return false
}

// routeRow leaves out what the tree leaves out: what ip-route(8) takes when nothing is said.
func routeRow(o object) (row, error) {
	r, err := wayRow(o, routeFields)
	if err != nil {
		return nil, err
	}
	six := strings.Contains(r.text("dst"), ":") || r["pref"] != nil // which every IPv6 route has
	switch {
	case r.text("dst") == "default" && six:
		r["dst"] = "::/0"
	case r.text("dst") == "default":
		r["dst"] = "0.0.0.0/0"
	default:
		r["dst"] = prefix(r.text("dst"), "")
	}
	typ := r.text("type")
	if r.text("table") == map[bool]string{true: "local", false: "main"}[contains("local broadcast nat anycast", typ)] {
		delete(r, "table")
	}
	direct := r["via"] == nil && r["nexthop"] == nil && r["nhid"] == nil
	usual := "global"
	switch {
	case contains("local nat", typ):
		usual = "host"
	case contains("broadcast multicast anycast", typ), typ == "unicast" && direct:
		usual = "link"
	}
	if six || r.text("scope") == "global" && usual == "global" {
		delete(r, "scope")
	}
	drop(r, "type=unicast pref=medium")
	return r, nil
}

// drop removes keys that have these values.
func drop(r row, list string) {
	for _, kv := range strings.Fields(list) {
		k, v, _ := strings.Cut(kv, "=")
		if s, ok := r[k].(string); ok && s == v {
			delete(r, k)
		}
	}
}

// --- rules

var ruleFields = with(same("priority not iif oif table goto l3mdev unresolved iif_detached oif_detached suppress_prefixlen=suppress_prefixlength suppress_ifgroup tun_id protocol=proto action=type family src srclen dst dstlen fwmark fwmask uid_start uid_end sport sport_start sport_end dport dport_start dport_end flow_from flow_to"), map[string]field{
	"tos":     is("tos"),
	"nop":     func(to row, _ any) error { to["type"] = "nop"; return nil },
	"ipproto": mapped("ipproto", protocol),
})

// protocol is ours of a protocol's name: conntrack(8) and the tree call icmpv6 what
// ip(8) calls as /etc/protocols does.
func protocol(s string) string {
	if s == "ipv6-icmp" {
		return "icmpv6"
	}
	return strings.TrimPrefix(s, "ipproto-")
}

func ruleRow(o object) (row, error) {
	r := row{}
	if err := fill(r, o, ruleFields); err != nil {
		return nil, err
	}
	join := func(to, a, b, sep string) {
		if r[a] != nil && r[b] != nil {
			both := r.text(a) + sep + r.text(b)
			delete(r, a)
			delete(r, b)
			r[to] = both
		}
	}
	if r.text("src") != "all" {
		r["from"] = prefix(r.text("src"), r.text("srclen"))
	}
	if r["dst"] != nil {
		r["to"] = prefix(r.text("dst"), r.text("dstlen"))
	}
	for _, k := range []string{"src", "srclen", "dst", "dstlen"} {
		delete(r, k)
	}
	if r["fwmark"] != nil {
		r["fwmark"] = hexed(r.text("fwmark"))
	}
	join("fwmark", "fwmark", "fwmask", "/")
	join("uidrange", "uid_start", "uid_end", "-")
	join("sport", "sport_start", "sport_end", "-")
	join("dport", "dport_start", "dport_end", "-")
	if to := r.text("flow_to"); to != "" {
		r["realms"] = to
		if from := r.text("flow_from"); from != "" {
			r["realms"] = from + "/" + to
		}
		delete(r, "flow_to")
		delete(r, "flow_from")
	}
	if r.text("family") == "inet" || r["from"] != nil || r["to"] != nil {
		delete(r, "family")
	}
	drop(r, "proto=unspec")
	return r, nil
}

// --- nexthops, neighbours, endpoints

var nexthopFields = with(way, same("id blackhole scope protocol=proto fdb type"), map[string]field{
	"group": func(to row, v any) error {
		var all []string
		for _, e := range v.([]any) {
			m := e.(object)
			s := scalar(m.get("id"))
			if w := m.get("weight"); w != nil {
				s += "," + scalar(w)
			}
			all = append(all, s)
		}
		to["group"] = strings.Join(all, "/")
		return nil
	},
	"resilient_args": func(to row, v any) error {
		return fill(to, v.(object), same("buckets idle_timer unbalanced_timer unbalanced_time"))
	},
})

func nexthopRow(o object) (row, error) {
	r, err := wayRow(o, nexthopFields)
	if err != nil {
		return nil, err
	}
	drop(r, "scope=global proto=unspec type=mpath unbalanced_time=0")
	return r, nil
}

var neighFields = with(same("dst dev lladdr router extern_learn managed extern_valid proxy protocol=proto vlan vni port nhid offload=offloaded"), map[string]field{
	"state": func(to row, v any) error { to["nud"] = strings.ToLower(scalar(v)); return nil },
})

func neighRow(o object) (row, error) {
	r := row{}
	return r, fill(r, o, neighFields)
}

var endpointFields = same("address=addr port id dev signal subflow backup fullmesh implicit")

func endpointRow(o object) (row, error) {
	r := row{}
	return r, fill(r, o, endpointFields)
}

// --- addresses

var addrFields = with(same("local address prefixlen broadcast anycast scope label metric protocol=proto nodad optimistic noprefixroute home mngtmpaddr autojoin dynamic secondary temporary=secondary tentative dadfailed deprecated stable-privacy=stable_privacy dev"), map[string]field{
	"family":              skipped("local says it"),
	"valid_life_time":     mapped("~valid_lft", forever),
	"preferred_life_time": mapped("~preferred_lft", forever),
})

func forever(s string) string {
	if s == "4294967295" {
		return "forever"
	}
	return s
}

func addrRow(o object) (row, error) {
	r := row{}
	if err := fill(r, o, addrFields); err != nil {
		return nil, err
	}
	if peer := r.text("address"); peer != "" {
		r["peer"] = prefix(peer, r.text("prefixlen"))
		r["local"] = prefix(r.text("local"), "")
	} else {
		r["local"] = prefix(r.text("local"), r.text("prefixlen"))
	}
	delete(r, "address")
	delete(r, "prefixlen")
	if r["dynamic"] == nil {
		r["permanent"] = "1"
	}
	return r, nil
}
