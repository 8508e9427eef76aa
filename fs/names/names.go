// Package names knows the words that iproute2's rt_* files give to numbers:
// routing protocols, scopes, tables, realms, DS fields, link groups.
//
//	tables := names.Tables()
//	b = tables.Append(b, 254)          // "main"
//	n, err := tables.Parse("main")     // 254
//
// The files are /usr/share/iproute2/NAME, replaced by /etc/iproute2/NAME, and
// then the *.conf files of NAME.d in both places, one "number name" a line.
// Without files the names are those that iproute2 has built in.
package names

import (
	"bufio"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Table maps numbers to names and back. It is safe for concurrent use.
type Table struct {
	file    string
	builtin map[uint32]string
	dirs    []string
	max     uint32 // largest number that its field holds
	hex     bool   // numbers without a name print as two hexadecimal digits

	now     atomic.Pointer[words]
	checked atomic.Int64 // when the files were last looked at, Unix nanoseconds
}

// IPProtos are protocols above IP, by the names that conntrack(8) and
// ip-rule(8) print. They are built in, so that equal state is equal text on
// every machine; those of other lists (ipv6-icmp) are taken, too.
func IPProtos() *Table { return ipProtos() }

var ipProtos = sync.OnceValue(func() *Table {
	t := table("", 65535, map[uint32]string{
		1: "icmp", 2: "igmp", 4: "ipip", 6: "tcp", 8: "egp", 9: "igp", 17: "udp", 33: "dccp", 41: "ipv6",
		46: "rsvp", 47: "gre", 50: "esp", 51: "ah", 58: "icmpv6", 89: "ospf", 94: "etherip", 103: "pim",
		108: "ipcomp", 112: "vrrp", 115: "l2tp", 132: "sctp", 136: "udplite", 137: "mpls", 262: "mptcp",
	})
	w := t.now.Load()
	for s, n := range map[string]uint32{"ipv6-icmp": 58, "ipencap": 4, "ospfigp": 89, "mpls-in-ip": 137, "ipv6-auth": 51, "ipv6-crypt": 50} {
		w.num[s] = n
	}
	return t
})

type words struct {
	name  map[uint32]string
	small [256]string // name, of the numbers that occur in every line
	num   map[string]uint32
	stamp string // names, sizes and times of the files
}

// dirs are in the order in which the later one wins.
var dirs = []string{"/usr/share/iproute2", "/etc/iproute2"}

func table(file string, max uint32, builtin map[uint32]string) *Table {
	return open(&Table{file: file, builtin: builtin, dirs: dirs, max: max})
}

func open(t *Table) *Table {
	t.load(t.stamp())
	return t
}

// Protos are the origins of routes, rules, addresses and neighbours (rtm_protocol).
func Protos() *Table { return protos() }

// Scopes are distances to a destination (rtm_scope, ifa_scope).
func Scopes() *Table { return scopes() }

// Tables are routing tables.
func Tables() *Table { return tables() }

// Realms are routing realms.
func Realms() *Table { return realms() }

// Groups are link groups.
func Groups() *Table { return groups() }

// Dsfields are values of the TOS byte; without a name they print as 0x10.
func Dsfields() *Table { return dsfields() }

// The tables of the process, read when they are first asked for.
var (
	protos = sync.OnceValue(func() *Table {
		return table("rt_protos", 255, map[uint32]string{
			0: "unspec", 1: "redirect", 2: "kernel", 3: "boot", 4: "static", 8: "gated", 9: "ra", 10: "mrt",
			11: "zebra", 12: "bird", 13: "dnrouted", 14: "xorp", 15: "ntk", 16: "dhcp", 18: "keepalived",
			42: "babel", 186: "bgp", 187: "isis", 188: "ospf", 189: "rip", 192: "eigrp",
		})
	})
	scopes = sync.OnceValue(func() *Table {
		return table("rt_scopes", 255, map[uint32]string{
			0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere",
		})
	})
	tables = sync.OnceValue(func() *Table {
		return table("rt_tables", 1<<32-1, map[uint32]string{253: "default", 254: "main", 255: "local"})
	})
	realms   = sync.OnceValue(func() *Table { return table("rt_realms", 65535, map[uint32]string{0: "cosmos"}) })
	groups   = sync.OnceValue(func() *Table { return table("group", 1<<32-1, map[uint32]string{0: "default"}) })
	dsfields = sync.OnceValue(func() *Table {
		return open(&Table{file: "rt_dsfield", dirs: dirs, max: 255, hex: true, builtin: map[uint32]string{}})
	})
)

// Append appends the name of n, or its number.
func (t *Table) Append(b []byte, n uint32) []byte {
	if s, ok := t.Name(n); ok {
		return append(b, s...)
	}
	return t.number(b, n)
}

func (t *Table) number(b []byte, n uint32) []byte {
	if !t.hex {
		return strconv.AppendUint(b, uint64(n), 10)
	}
	b = append(b, "0x"...)
	if n < 16 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, uint64(n), 16)
}

// Name returns the name of n, if it has one.
func (t *Table) Name(n uint32) (string, bool) {
	w := t.now.Load()
	if n < 256 {
		s := w.small[n]
		return s, s != ""
	}
	s, ok := w.name[n]
	return s, ok
}

// Parse returns the number of a name; a word that is no name is read as a
// number, decimal or 0x.
func (t *Table) Parse(word string) (uint32, error) {
	if n, ok := t.now.Load().num[word]; ok {
		return n, nil
	}
	n, err := strconv.ParseUint(word, 0, 32)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && n > uint64(t.max):
		return 0, errors.New("more than " + strconv.FormatUint(uint64(t.max), 10))
	case err != nil && t.file == "":
		return 0, errors.New("neither a number nor a known name")
	case err != nil:
		return 0, errors.New("neither a number nor a name of " + t.file)
	}
	return uint32(n), nil
}

// Words returns the names in the order of their numbers, for help and
// completion.
func (t *Table) Words() []string {
	w := t.now.Load()
	nums := slices.Sorted(maps.Keys(w.name))
	all := make([]string, len(nums))
	for i, n := range nums {
		all[i] = w.name[n]
	}
	return all
}

// Refresh reads the files again if they changed. It looks at them at most
// once a second, so that it can be called for every read and write.
func (t *Table) Refresh() {
	now, last := time.Now().UnixNano(), t.checked.Load()
	if now-last < int64(time.Second) || !t.checked.CompareAndSwap(last, now) {
		return
	}
	if s := t.stamp(); s != t.now.Load().stamp {
		t.load(s)
	}
}

// files lists what there is to read, in order.
func (t *Table) files() []string {
	if t.file == "" {
		return nil
	}
	var main string
	conf := make(map[string]string)
	var order []string
	for _, d := range t.dirs {
		if f := filepath.Join(d, t.file); exists(f) {
			main = f
		}
		more, _ := filepath.Glob(filepath.Join(d, t.file+".d", "*.conf"))
		for _, f := range more {
			base := filepath.Base(f)
			if conf[base] == "" {
				order = append(order, base)
			}
			conf[base] = f
		}
	}
	var all []string
	if main != "" {
		all = append(all, main)
	}
	for _, base := range order {
		all = append(all, conf[base])
	}
	return all
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (t *Table) stamp() string {
	var s strings.Builder
	for _, f := range t.files() {
		if st, err := os.Stat(f); err == nil {
			s.WriteString(f + " " + strconv.FormatInt(st.Size(), 10) + " " + st.ModTime().String() + "\n")
		}
	}
	return s.String()
}

func (t *Table) load(stamp string) {
	w := &words{name: make(map[uint32]string), num: make(map[string]uint32), stamp: stamp}
	for n, s := range t.builtin {
		w.add(n, s)
	}
	for _, f := range t.files() {
		if r, err := os.Open(f); err == nil {
			w.read(r, t.max)
			r.Close()
		}
	}
	t.now.Store(w)
}

// read takes what it understands: the files are other programs' and a bad
// line in them must not take the good ones away.
func (w *words) read(r io.Reader, max uint32) {
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		f := strings.Fields(sc.Text())
		if len(f) < 2 || f[0][0] == '#' {
			continue
		}
		if n, err := strconv.ParseUint(f[0], 0, 32); err == nil && n <= uint64(max) {
			w.add(uint32(n), f[1])
		}
	}
}

func (w *words) add(n uint32, s string) {
	// A name that reads as a number would make the text ambiguous.
	if _, err := strconv.ParseUint(s, 0, 64); err == nil {
		return
	}
	w.name[n] = s
	w.num[s] = n
	if n < 256 {
		w.small[n] = s
	}
}
