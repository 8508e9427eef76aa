package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStates builds one state of the kernel after the other with ip(8) and
// conntrack(8), and asks of each:
//
//   - that the tree has every record that they print, with equal values of every
//     field, and no other record: as text, as JSON, and in value files;
//   - that the tree's lines, once deleted through the tree, bring the state back
//     when they are written again, as text and as JSON, so that ip(8) and
//     conntrack(8) print what they printed before;
//   - that the commands, written into batch as they are, bring it back, too.
//
// What this kernel or this ip(8) cannot build is skipped, by name.
func TestStates(t *testing.T) {
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) { g.run(t) })
	}
}

// A group has states that are made in one namespace, one after the other.
type group struct {
	name   string
	setup  string   // what all states of the group need
	show   []string // the tables that are compared, by their name in shows
	files  []string // the files that restore a state, in the order in which they are written
	states string   // one a line: commands with semicolons between them; # begins a comment
}

// A show is a table: how the tools print it and where the tree has it.
type show struct {
	files   []string
	ask     func(t testing.TB, r *rig) []object
	more    func(t testing.TB, r *rig, list []object) // what the JSON leaves out, for comparison with the tree
	row     func(o object) (row, error)
	mine    func(r row) // puts our words as the tools have them
	unsaid  string      // our keys that these tools may leave unsaid, see unsaid
	ordered bool        // the order of the records means something
	zeroes  bool        // what is off may be unsaid
}

var shows = map[string]show{
	"routes":   {files: []string{"routes", "rt/local"}, ask: askRoutes, more: addLocks, row: routeRow},
	"rules":    {files: []string{"rules"}, ask: askRules, row: ruleRow, ordered: true},
	"nexthops": {files: []string{"nexthops"}, ask: asking("nexthop"), row: nexthopRow, unsaid: "family"},
	"neigh":    {files: []string{"neigh"}, ask: asking("neigh", "neigh show proxy"), row: neighRow},
	"addrs":    {files: []string{"addrs"}, ask: askAddrs, row: addrRow, unsaid: "proto"},
	"links":    {files: []string{"links/list"}, ask: asking("link"), row: linkRow, mine: linkMine, unsaid: unsaidLink, zeroes: true},
	"mptcp":    {files: []string{"mptcp/endpoints"}, ask: asking("mptcp endpoint"), row: endpointRow, unsaid: "laminar"},
	"ct":       {files: []string{"conntrack"}, ask: askConntrack, row: ctRow, mine: ctStatus, unsaid: "start tcp.wscale tcp.flags reply.tcp.wscale reply.tcp.flags sctp.vtag reply.sctp.vtag dccp.role"},
}

// unsaidLink are keys that ip(8) does not print: carrier and its changes (the first is
// in its flags), and attributes that are younger than iproute2 6.1.
const unsaidLink = "carrier carrier_changes gso_ipv4_max_size gro_ipv4_max_size mst_enabled localbypass label_policy ttl coupled_control fdb_max_learned"

// volatile are members that differ between a state and the same state made again: numbers
// that the kernel gives, what runs, and the address that a bond's port had before or a
// tunnel made up, which nobody can set.
var volatile = map[string]bool{"ifindex": true, "link_index": true, "id@ct": true, "expires": true, "valid_life_time": true, "preferred_life_time": true, "timeout": true,
	"hello_timer": true, "tcn_timer": true, "topology_change_timer": true, "gc_timer": true, "hold_timer": true, "message_age_timer": true, "forward_delay_timer": true, "idle_time": true, "perm_hwaddr": true, "permaddr": true}

// lacks are the words by which a kernel or an old ip(8) says that it cannot.
var lacks = []string{"Unknown device type", "not supported", "Operation not supported", "No such file or directory", "does not support", "Protocol not supported"}

func (g *group) run(t *testing.T) {
	var r *rig
	var old map[string]bool
	n, left := 0, 0
	defer func() {
		if left > 0 {
			t.Logf("%d states of %d left out: a VM without hardware takes seconds for each; NETFS_STATES=all runs them", left, n)
		}
	}()
	for _, line := range strings.Split(g.states, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if n++; slow && n%10 != 0 && !rare(line) {
			left++
			continue
		}
		if r == nil {
			r, old = g.rig(t), map[string]bool{}
		}
		ok := t.Run(stateName(line), func(t *testing.T) {
			s := &scene{T: t, rig: r, group: g, old: old}
			line, s.made = strings.CutPrefix(line, "= ")
			for _, c := range strings.Split(line, ";") {
				s.build = append(s.build, strings.TrimSpace(c))
			}
			s.run()
		})
		if !ok {
			r = nil // what it left is not what the next one expects
		}
	}
}

// slow is a VM that runs without hardware.
var slow = os.Getenv("NETFS_VM") != "" && os.Getenv("NETFS_STATES") != "all"

// rare reports whether a state needs what kernels without modules lack, which is what
// a VM is for.
func rare(line string) bool {
	for _, w := range strings.Fields("mpls dummy vlan ipvlan ipvtap macvtap bond vrf gre ipip sit ip6tnl vti vti6 xfrm geneve bareudp wireguard nlmon") {
		if strings.Contains(" "+strings.ReplaceAll(line, "_", " ")+" ", " "+w+" ") {
			return true
		}
	}
	return false
}

func stateName(line string) string { return strings.NewReplacer("/", "_", " ", "-").Replace(line) }

func (g *group) rig(t *testing.T) *rig {
	r := newRig(t)
	r.t = t
	r.Do(func() {
		for _, f := range []string{"all/accept_dad", "default/accept_dad", "default/router_solicitations", "v0/router_solicitations", "v1/router_solicitations"} {
			os.WriteFile("/proc/sys/net/ipv6/conf/"+f, []byte("0"), 0o644)
		}
	})
	for _, l := range strings.Split(strings.TrimSpace(g.setup), "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out, err := r.command(l)
			require.NoError(t, err, out)
		}
	}
	for _, name := range g.show {
		sh := shows[name]
		if _, err := walk(as(t, root), r.tree, sh.files[0]); err != nil {
			t.Skipf("no %s in this kernel: %v", sh.files[0], err)
		}
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && strings.Contains(r.ip("-j -d addr"), "tentative"); {
		time.Sleep(20 * time.Millisecond)
	}
	return r
}

// command runs a line of a state: ip(8) unless it names another program.
func (r *rig) command(line string) (string, error) {
	words := strings.Fields(line)
	switch words[0] {
	case "conntrack", "bridge":
	default:
		words = append([]string{"ip"}, words...)
	}
	return r.Try(r.t, words[0], words[1:]...)
}

// A scene is a state that is being built and compared.
type scene struct {
	*testing.T
	*rig
	group *group
	build []string
	made  bool            // only ip(8) can make it
	old   map[string]bool // records of links whose value files were compared before
}

func (s *scene) run() {
	s.rig.t = s.T
	base := s.texts()
	bare := s.tools()
	s.make()
	s.compare()
	made, want := s.texts(), s.tools()
	require.NotEqual(s, bare, want, "the commands change nothing")
	objects := s.jsons()
	changed := diff(base, made)
	s.undo(base, "written as text")
	s.settle(bare, "the tree deleted what it had not to, or left something")
	if s.made {
		return
	}

	s.redo(changed, func(file string, at int) string { return made[file][at] + "\n" }, "")
	s.settle(want, "restored from the tree's own lines")
	s.compare()

	s.undo(base, "written as JSON")
	s.settle(bare, "deleted again")
	s.redo(changed, func(file string, at int) string { return objects[file][at] + "\n" }, ".json")
	s.settle(want, "restored from the tree's own JSON")

	s.undo(base, "again")
	s.settle(bare, "deleted once more")
	if s.batch() {
		s.settle(want, "the same commands in batch")
		s.undo(base, "batch")
		s.settle(bare, "deleted at last")
	}
}

// make runs the commands, and skips what cannot be had here.
func (s *scene) make() {
	for i, c := range s.build {
		out, err := s.command(c)
		if err == nil {
			continue
		}
		for _, l := range lacks {
			if strings.Contains(out, l) {
				for _, c := range s.build[:i] { // leave no link behind
					if w := strings.Fields(c); len(w) > 2 && w[0] == "link" && w[1] == "add" {
						s.command("link del " + w[2])
					}
				}
				s.Skipf("%s: %s", c, firstLine(out))
			}
		}
		s.Fatalf("%s: %v\n%s", c, err, out)
	}
}

func firstLine(s string) string { l, _, _ := strings.Cut(strings.TrimSpace(s), "\n"); return l }

// otherwise are spellings of ip(8) that batch does not take: a value of several words
// without commas is none here.
var otherwise = []string{
	"srcport 1000 2000", // srcport=1000-2000
	"macaddr add",       // macaddr=02:00:00:00:00:51
	"qos-map 1:2 3:4",   // ingress_qos=1:2,3:4
	"link property add", // altname=wan,uplink
	"ipvlan mode",       // flag=vepa
	"ipvtap mode",
	"key 7",    // ikey=7 okey=7
	"type gre", // words of types that are opt.N=hex here
	"type ipip",
	"type sit",
	"type ip6tnl",
}

// batch writes the commands into the file batch, and reports false where they are
// no commands of ip(8).
func (s *scene) batch() bool {
	var all strings.Builder
	for _, c := range s.build {
		if first := strings.Fields(c)[0]; first == "conntrack" || first == "bridge" {
			return false
		}
		for _, words := range otherwise {
			if strings.Contains(c, words) {
				return false
			}
		}
		all.WriteString("ip " + c + "\n")
	}
	require.NoError(s, write(s, s.tree, "batch", all.String()), "batch < %s", all.String())
	return true
}

// texts are the lines of the files that restore states.
func (s *scene) texts() map[string][]string {
	all := map[string][]string{}
	for _, f := range s.group.files {
		all[f] = lines(read(s, s.tree, f))
	}
	return all
}

func (s *scene) jsons() map[string][]string {
	all := map[string][]string{}
	for _, f := range s.group.files {
		var list []json.RawMessage
		require.NoError(s, json.Unmarshal([]byte(read(s, s.tree, f+".json")), &list))
		for _, o := range list {
			all[f] = append(all[f], string(o))
		}
	}
	return all
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}

// A change is what a state did to one file.
type change struct {
	file    string
	added   []int // lines of the new text
	lines   []string
	removed []string // lines of the old text whose record is now another
}

// diff tells what lines are new, in file order. Where a new line has the name of an
// old one, the old one is what undoes it.
func diff(old, now map[string][]string) (all []change) {
	for file, list := range now {
		c := change{file: file}
		had := map[string]int{}
		for _, l := range old[file] {
			had[still(l)]++
		}
		fresh := map[string]bool{}
		for i, l := range list {
			if had[still(l)]--; had[still(l)] < 0 {
				c.added, c.lines = append(c.added, i), append(c.lines, l)
				fresh[strings.Fields(l)[0]] = true
			}
		}
		for _, l := range old[file] {
			if had[still(l)] > 0 && fresh[strings.Fields(l)[0]] {
				c.removed = append(c.removed, l)
			}
		}
		if len(c.added) > 0 {
			all = append(all, c)
		}
	}
	return all
}

// still is a line without what runs.
func still(l string) string {
	var all []string
	for _, w := range strings.Fields(l) {
		k, _, _ := strings.Cut(w, "=")
		if !volatile[k] && k != "valid_lft" && k != "preferred_lft" {
			all = append(all, w)
		}
	}
	return strings.Join(all, " ")
}

// undo deletes what was added through the tree, and writes back what was changed.
func (s *scene) undo(base map[string][]string, when string) {
	s.Helper()
	changed := diff(base, s.texts())
	for i := len(s.group.files) - 1; i >= 0; i-- {
		for _, c := range changed {
			if c.file != s.group.files[i] {
				continue
			}
			kept := map[string]bool{}
			for _, l := range c.removed {
				kept[strings.Fields(l)[0]] = c.file == "links/ctl"
			}
			for j := len(c.lines) - 1; j >= 0; j-- {
				l := c.lines[j]
				if kept[strings.Fields(l)[0]] {
					continue
				}
				verb := "del "
				if c.file == "links/ctl" { // the other end of a pair went with the first one
					verb, l = "destroy ", strings.Fields(l)[0]
				}
				require.NoError(s, write(s, s.tree, c.file, verb+l+"\n"), "%s: %s < %s%s", when, c.file, verb, l)
			}
			for _, l := range c.removed {
				l += usual(l, c.lines)
				require.NoError(s, write(s, s.tree, c.file, l+"\n"), "%s: %s < %s", when, c.file, l)
			}
		}
	}
}

// usual names what the line of a link does not say and the changed one does: what is
// usual is not printed, and what a line does not name it does not change.
func usual(old string, lines []string) (more string) {
	had := textRow(old)
	for _, l := range lines {
		if strings.Fields(l)[0] != strings.Fields(old)[0] {
			continue
		}
		for k, v := range map[string]string{"alias": "''", "group": "default", "promisc": "0", "allmulti": "0", "dynamic": "0", "linkmode": "default", "altname": "", "master": "none"} {
			if textRow(l)[k] != nil && had[k] == nil {
				more += " " + k + "=" + v
			}
		}
	}
	return more
}

// redo writes the added lines.
func (s *scene) redo(changed []change, line func(file string, at int) string, suffix string) {
	s.Helper()
	for _, f := range s.group.files {
		for _, c := range changed {
			if c.file != f {
				continue
			}
			var all strings.Builder
			for _, at := range c.added {
				all.WriteString(line(f, at))
			}
			require.NoError(s, write(s, s.tree, f+suffix, all.String()), "%s%s < %s", f, suffix, all.String())
		}
	}
}

// tools is what the tools print, without what runs.
func (s *scene) tools() map[string][]string {
	s.Helper()
	all := map[string][]string{}
	for _, name := range s.group.show {
		sh := shows[name]
		for _, o := range sh.ask(s, s.rig) {
			all[name] = append(all[name], canon(o, volatile))
		}
		if !sh.ordered {
			sort.Strings(all[name])
		}
	}
	return all
}

// settle waits until the tools print this: links take their time.
func (s *scene) settle(want map[string][]string, when string) {
	s.Helper()
	var got map[string][]string
	for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if got = s.tools(); fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
		if time.Now().After(end) {
			require.Equal(s, strings.Join(flat(want), "\n"), strings.Join(flat(got), "\n"), when)
		}
	}
}

func flat(m map[string][]string) (all []string) {
	for name, list := range m {
		for _, l := range list {
			all = append(all, name+" "+l)
		}
	}
	sort.Strings(all)
	return all
}

// compare compares every table of the group, both ways: both sides are equal as lists.
func (s *scene) compare() {
	s.Helper()
	for _, name := range s.group.show {
		sh := shows[name]
		for end := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			want, got := s.compareShow(sh)
			if want == got || time.Now().After(end) {
				require.Equal(s, want, got, "%s: tools (expected) and tree (actual)", name)
				break
			}
		}
	}
}

func (s *scene) compareShow(sh show) (want, got string) {
	var theirs, ours []row
	var unlike []string // what of the tree does not agree with itself
	list := sh.ask(s, s.rig)
	if sh.more != nil {
		sh.more(s, s.rig, list)
	}
	for _, o := range list {
		r, err := sh.row(o)
		require.NoError(s, err, canon(o, nil))
		theirs = append(theirs, r)
	}
	for _, f := range sh.files {
		_, err := walk(as(s, root), s.tree, f)
		if err != nil {
			continue // rt/local of no routes
		}
		list := rowsOf(s, read(s, s.tree, f+".json"))
		unlike = append(unlike, s.sameAsText(f, list)...)
		if f == "rt/local" {
			for _, r := range list {
				implied(r)
			}
		}
		if f == "links/list" {
			unlike = append(unlike, s.values(list)...)
		}
		for _, r := range list {
			if sh.mine != nil {
				sh.mine(r)
			}
		}
		ours = append(ours, list...)
	}
	arrange(theirs, sh)
	arrange(ours, sh)
	if len(theirs) == len(ours) {
		for i := range ours {
			reconcile(theirs[i], ours[i], sh)
		}
	}
	return printed(theirs), printed(ours) + strings.Join(unlike, "\n")
}

// implied puts in what the name of rt/local says.
func implied(r row) {
	if r["table"] == nil && !contains("local broadcast nat anycast", r.text("type")) {
		r["table"] = "local"
	}
}

// arrange sorts by the identity: the values that are short and do not run.
func arrange(list []row, sh show) {
	if sh.ordered {
		return
	}
	id := func(r row) string {
		if sh.zeroes {
			return r.text("name")
		}
		var b strings.Builder
		for _, k := range strings.Fields("proto src dst sport dport icmp.type icmp.id zone orig.zone local peer dev id name addr table metric tos from type via proxy port") {
			if v, ok := r[k].(string); ok && !contains(sh.unsaid, k) {
				b.WriteString(k + "=" + v + " ")
			}
		}
		return b.String()
	}
	sort.SliceStable(list, func(i, j int) bool { return id(list[i]) < id(list[j]) })
}

// reconcile takes away what one side does not say, if that is allowed, and what runs,
// if it differs by no more than the time between two readings.
func reconcile(theirs, ours row, sh show) {
	for _, k := range strings.Fields(sh.unsaid) {
		if theirs[k] == nil {
			delete(ours, k)
		}
	}
	if sh.zeroes {
		zero(theirs, ours)
		for i, p := range ports(ours) {
			if theirPorts := ports(theirs); i < len(theirPorts) {
				zero(theirPorts[i], p)
				for _, k := range strings.Fields("mcast_eht_hosts_limit mcast_max_groups mcast_n_groups") { // younger than iproute2 6.1
					if theirPorts[i][k] == nil {
						delete(p, k)
					}
				}
			}
		}
	}
	for k := range ours {
		if strings.HasPrefix(k, "opt.") && wordless[ours.text("type")] {
			delete(ours, k)
		}
	}
	for k, v := range theirs {
		name, runs := strings.CutPrefix(k, "~")
		if !runs {
			continue
		}
		a, err1 := strconv.Atoi(scalar(v))
		b, err2 := strconv.Atoi(ours.text(name))
		if err1 == nil && err2 == nil && a-b <= 3 && b-a <= 3 || scalar(v) == ours.text(name) {
			delete(theirs, k)
			delete(ours, name)
		}
	}
}

func ports(r row) []row { p, _ := r["port"].([]row); return p }

// zero takes away our zeroes where the tool is silent.
func zero(theirs, ours row) {
	for k, v := range ours {
		if s, ok := v.(string); ok && theirs[k] == nil && (s == "0" || s == "") {
			delete(ours, k)
		}
	}
}

func printed(list []row) string {
	var b strings.Builder
	for _, r := range list {
		b.WriteString(canon(r, nil) + "\n")
	}
	return b.String()
}

// rowsOf are the records of one of our JSON files.
func rowsOf(t testing.TB, text string) (all []row) {
	t.Helper()
	lists := objects(t, text)
	require.Len(t, lists, 1, text)
	for _, o := range lists[0] {
		all = append(all, rowOf(o))
	}
	return all
}

func rowOf(o object) row {
	r := row{}
	for _, m := range o {
		list, ok := m.value.([]any)
		if !ok || len(list) == 0 {
			r[m.name] = scalar(m.value)
			continue
		}
		if _, ok := list[0].(object); !ok {
			r[m.name] = scalar(m.value)
			continue
		}
		group := []row{}
		for _, e := range list {
			group = append(group, rowOf(e.(object)))
		}
		r[m.name] = group
	}
	return r
}

// sameAsText compares the JSON of a file with its text.
func (s *scene) sameAsText(file string, list []row) (unlike []string) {
	text := lines(read(s, s.tree, file))
	if len(text) != len(list) {
		return []string{fmt.Sprintf("%s has %d lines, %s.json %d records", file, len(text), file, len(list))}
	}
	for i, l := range text {
		if a, b := canon(list[i], running), canon(textRow(l), running); a != b {
			unlike = append(unlike, fmt.Sprintf("%s: %s, but %s.json: %s", file, b, file, a))
		}
	}
	return unlike
}

var running = map[string]bool{"expires": true, "valid_lft": true, "preferred_lft": true, "timeout": true, "carrier": true, "use": true}

// textRow reads a line as a shell script would: words with = between key and value,
// words alone, and those that begin a group.
func textRow(line string) row {
	top := row{}
	at := top
	for _, w := range strings.Fields(line) {
		k, v, two := strings.Cut(w, "=")
		switch {
		case !two && contains("nexthop port peer", w):
			group, _ := top[w].([]row)
			at = row{}
			top[w] = append(group, at)
		case !two:
			at[w] = "1"
		default:
			at[k] = strings.Trim(v, "'")
		}
	}
	return top
}

// values reads every value file of every link and compares it with the record, but
// those of links whose record was compared before.
func (s *scene) values(list []row) (unlike []string) {
	for _, l := range list {
		if seen := canon(l, nil); s.old[seen] {
			continue
		} else if s.old != nil {
			s.old[seen] = true
		}
		dir := "links/" + l.text("name") + "/"
		unlike = append(unlike, s.valueFiles(dir, dir+l.text("type")+"/", l)...)
		for _, p := range ports(l) {
			unlike = append(unlike, s.valueFiles(dir+"port/", "", p)...)
		}
	}
	return unlike
}

func (s *scene) valueFiles(dir, kindDir string, r row) (unlike []string) {
	ctx := as(s, root)
	for k, v := range r {
		want, ok := v.(string)
		if !ok || strings.HasPrefix(k, "opt.") { // which have no files
			continue
		}
		name := dir + k
		if _, err := walk(ctx, s.tree, name); err != nil {
			name = kindDir + k
		}
		if got := read(s, s.tree, name); got != want+"\n" {
			unlike = append(unlike, fmt.Sprintf("%s is %q, but in the record %q", name, got, want))
		}
	}
	return unlike
}

// --- what the tools print

// asking is for what one command of ip(8) each prints for all families.
func asking(commands ...string) func(testing.TB, *rig) []object {
	return func(t testing.TB, r *rig) (all []object) {
		for _, list := range objects(t, r.ipBatch("", commands...)) {
			all = append(all, list...)
		}
		return all
	}
}

// ipBatch runs commands in one ip(8), which prints an array for each.
func (r *rig) ipBatch(family string, commands ...string) string {
	r.t.Helper()
	args := []string{"-j", "-d", "-batch", "-"}
	if family != "" {
		args = append([]string{family}, args...)
	}
	out, err := r.Input(r.t, strings.Join(commands, "\n")+"\n", "ip", args...)
	require.NoError(r.t, err, out)
	return out
}

// askRoutes asks for all tables of both families at once.
func askRoutes(t testing.TB, r *rig) []object {
	return asking("route show table all")(t, r)
}

// addLocks adds what the JSON leaves out: which metrics are locked.
func addLocks(t testing.TB, r *rig, all []object) {
	locks := locksOf(r.ip("-d route show table all"))
	require.Len(t, locks, len(all))
	for i := range all {
		if locks[i] != "" {
			all[i] = append(all[i], member{"lock", locks[i]})
		}
	}
}

// locksOf finds the words before "lock", for each route.
func locksOf(text string) (all []string) {
	for _, l := range lines(text) {
		if strings.HasPrefix(l, "\t") {
			continue
		}
		locked := map[string]bool{}
		words := strings.Fields(l)
		for i, w := range words {
			if w == "lock" {
				locked[words[i-1]] = true
			}
		}
		var names []string
		for _, n := range strings.Fields("mtu window rtt rttvar ssthresh cwnd advmss reordering hoplimit initcwnd features rto_min initrwnd quickack congctl") {
			if locked[n] {
				names = append(names, n)
			}
		}
		all = append(all, strings.Join(names, ","))
	}
	return all
}

func withFamily(lists [][]object, family string) (all []object) {
	for _, list := range lists {
		for _, o := range list {
			all = append(all, append(o, member{"family", family}))
		}
	}
	return all
}

func askRules(t testing.TB, r *rig) []object {
	all := withFamily(objects(t, r.ipBatch("-4", "rule")), "inet")
	return append(all, withFamily(objects(t, r.ipBatch("-6", "rule")), "inet6")...)
}

func askAddrs(t testing.TB, r *rig) (all []object) {
	for _, link := range asking("addr")(t, r) {
		list, _ := link.get("addr_info").([]any)
		for _, e := range list {
			if o := e.(object); len(o) > 0 {
				all = append(all, append(o, member{"dev", scalar(link.get("ifname"))}))
			}
		}
	}
	return all
}

// askConntrack makes members of the words that conntrack(8) prints.
func askConntrack(t testing.TB, r *rig) (all []object) {
	if _, err := exec.LookPath("conntrack"); err != nil {
		t.Skip("no conntrack on this machine")
	}
	out, err := r.Try(t, "conntrack", "-L", "-o", "extended,id")
	require.NoError(t, err, out)
	for _, l := range lines(out) {
		all = append(all, ctObject(l))
	}
	return all
}

// ctObject reads "ipv4 2 tcp 6 99 ESTABLISHED src=... [ASSURED] mark=0 use=1 id=7".
func ctObject(line string) object {
	words := strings.Fields(line)
	o := object{{"l3", words[0]}, {"proto", words[2]}, {"protonum", words[3]}}
	if words[2] == "unknown" {
		o[1].value = words[3]
	}
	seen := map[string]int{}
	for i, w := range words[4:] {
		k, v, two := strings.Cut(w, "=")
		switch {
		case two && contains("src dst sport dport type code id srckey dstkey packets bytes", k):
			if k == "id" && seen["use"] > 0 {
				k = "id@ct"
			}
			if seen[k]++; seen[k] > 1 {
				k = "reply." + k
			}
			o = append(o, member{k, v})
		case two:
			seen[k]++
			o = append(o, member{k, v})
		case strings.HasPrefix(w, "["):
			o = append(o, member{w, nil})
		case i == 0:
			o = append(o, member{"timeout", w})
		default:
			o = append(o, member{"state", w})
		}
	}
	return o
}

var ctFields = with(same(`proto src dst sport dport code=icmp.code type=icmp.type id=icmp.id reply.src reply.dst reply.sport reply.dport reply.type=reply.icmp.type reply.code=reply.icmp.code
	reply.id=reply.icmp.id zone zone-orig=orig.zone zone-reply=reply.zone state use id@ct=id helper secctx packets bytes reply.packets reply.bytes`), map[string]field{
	"l3": skipped("the addresses say it"), "protonum": skipped("proto"),
	"timeout": is("~timeout"),
	"mark":    mapped("mark", hexed),
	"srckey":  mapped("sport", decimal), "dstkey": mapped("dport", decimal),
	"reply.srckey": mapped("reply.sport", decimal), "reply.dstkey": mapped("reply.dport", decimal),
	"[UNREPLIED]": is("unreplied"), "[ASSURED]": is("assured"), "[OFFLOAD]": is("offload"), "[HW_OFFLOAD]": is("hw_offload"),
})

func ctRow(o object) (row, error) {
	r := row{}
	if err := fill(r, o, ctFields); err != nil {
		return nil, err
	}
	translated(r)
	drop(r, "mark=0x0 use=1")
	return r, nil
}

// translated notes which addresses or ports are translated, which conntrack(8) leaves
// its reader to see.
func translated(r row) {
	if r.text("reply.dst") != r.text("src") || r.text("reply.dport") != r.text("sport") {
		r["src_nat"] = "1"
	}
	if r.text("reply.src") != r.text("dst") || r.text("reply.sport") != r.text("dport") {
		r["dst_nat"] = "1"
	}
}

// ctStatus takes the status apart. confirmed is true of all that are listed, and what
// is done of a translation is the kernel's own business.
func ctStatus(r row) {
	has := map[string]bool{}
	for _, w := range strings.Split(r.text("status"), ",") {
		has[w] = true
	}
	delete(r, "status")
	if !has["seen_reply"] {
		r["unreplied"] = "1"
	}
	for _, w := range strings.Fields("assured src_nat dst_nat offload hw_offload") {
		if has[w] {
			r[w] = "1"
		}
	}
}
