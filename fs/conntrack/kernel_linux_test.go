package conntrack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/treetest"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/nltest"
)

// A counting kernel counts the changes that it is asked for.
type counting struct {
	*kernel
	n int
}

func (c *counting) Change(ctx context.Context, ops []fs.Op[Entry]) {
	c.n += len(ops)
	c.kernel.Change(ctx, ops)
}

type world struct {
	*testing.T
	ns   *nltest.NS
	k    *counting
	door treetest.Door
}

func newWorld(t *testing.T) *world {
	ns := nltest.NewNS(t)
	c, err := nl.Dial(nl.Netfilter, &nl.Options{NS: ns.FD})
	if err != nil {
		t.Skip("no netfilter netlink in this kernel: " + err.Error())
	}
	t.Cleanup(func() { c.Close() })
	in, err := nl.OpenNS(ns.Path)
	require.NoError(t, err)
	t.Cleanup(func() { in.Close() })
	if _, err := New(context.Background(), c, in); errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err.Error())
	} else {
		require.NoError(t, err)
	}
	k := &counting{kernel: &kernel{c: c, ns: in}}
	return &world{t, ns, k, treetest.Local(&fs.Tree{Root: Page(k).Root}, treetest.Root)}
}

func (w *world) conntrack(line string) (string, error) {
	return w.ns.Try(w.T, "conntrack", strings.Fields(line)...)
}

func (w *world) read(path string) string { w.Helper(); return get(w, w.door, path) }

func (w *world) write(path, text string) {
	w.Helper()
	require.NoError(w, put(w.door, path, text), text)
}

// flows are entries as conntrack(8) makes them, and how their lines begin.
var flows = []struct{ line, want string }{
	{"-I -p tcp -s 192.0.2.1 -d 198.51.100.7 --sport 40000 --dport 443 --state ESTABLISHED -t 1000 -u SEEN_REPLY,ASSURED",
		"proto=tcp src=192.0.2.1 dst=198.51.100.7 sport=40000 dport=443 reply.src=198.51.100.7 reply.dst=192.0.2.1 reply.sport=443 reply.dport=40000 state=ESTABLISHED status=seen_reply,assured,confirmed"},
	{"-I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 53 --dport 53 -t 1000 -m 7",
		"proto=udp src=10.0.0.1 dst=10.0.0.2 sport=53 dport=53 reply.src=10.0.0.2 reply.dst=10.0.0.1 reply.sport=53 reply.dport=53 status=confirmed"},
	{"-I -p icmp -s 10.0.0.1 -d 10.0.0.2 --icmp-type 8 --icmp-code 0 --icmp-id 77 -t 1000",
		"proto=icmp src=10.0.0.1 dst=10.0.0.2 icmp.type=8 icmp.code=0 icmp.id=77 reply.src=10.0.0.2 reply.dst=10.0.0.1 reply.icmp.type=0 reply.icmp.code=0 reply.icmp.id=77 status=confirmed"},
	{"-I -p icmpv6 -f ipv6 -s 2001:db8::1 -d 2001:db8::2 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 5 -t 1000",
		"proto=icmpv6 src=2001:db8::1 dst=2001:db8::2 icmp.type=128 icmp.code=0 icmp.id=5 reply.src=2001:db8::2"},
	{"-I -p sctp -s 10.0.0.1 -d 10.0.0.2 --sport 1 --dport 2 --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 -t 1000",
		"proto=sctp src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 reply.src=10.0.0.2 reply.dst=10.0.0.1 reply.sport=2 reply.dport=1 state=ESTABLISHED"},
	{"-I -p gre -s 10.0.0.1 -d 10.0.0.2 --srckey 1 --dstkey 2 -t 1000", "proto=gre src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2"},
	{"-I -p tcp -s 10.0.0.1 -d 10.0.0.2 --sport 9 --dport 80 --state SYN_SENT -t 1000 -w 5", "proto=tcp src=10.0.0.1 dst=10.0.0.2 sport=9 dport=80 zone=5"},
	{"-I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1000 --dport 53 -t 1000 --src-nat 203.0.113.5", "proto=udp src=10.0.0.1 dst=10.0.0.2 sport=1000 dport=53 reply.src=10.0.0.2 reply.dst=203.0.113.5 reply.sport=53 reply.dport=1000 status=confirmed,src_nat,src_nat_done,dst_nat_done"},
	{"-I -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 1001 --dport 53 -t 1000 --dst-nat 203.0.113.6", "proto=udp src=10.0.0.1 dst=10.0.0.2 sport=1001 dport=53 reply.src=203.0.113.6 reply.dst=10.0.0.1"},
	{"-I -p 89 -s 10.0.0.1 -d 10.0.0.2 -t 1000", "proto=ospf src=10.0.0.1 dst=10.0.0.2 reply.src=10.0.0.2 reply.dst=10.0.0.1 status=confirmed"},
}

func TestStates(t *testing.T) {
	for _, s := range flows {
		t.Run(s.line, func(t *testing.T) {
			w := newWorld(t)
			if out, err := w.conntrack(s.line); err != nil {
				t.Skip("this kernel or conntrack does not: " + out)
			}
			text := w.read("conntrack")
			require.Equal(t, 1, strings.Count(text, "\n"), text)
			assert.True(t, strings.HasPrefix(text, s.want), "want %s\ngot  %s", s.want, text)
			w.laws(text)
		})
	}
}

func TestManyStatesTogether(t *testing.T) {
	w := newWorld(t)
	for _, s := range flows {
		w.conntrack(s.line)
	}
	w.laws(w.read("conntrack"))
	out, err := w.conntrack("-L")
	require.NoError(t, err)
	six, _ := w.conntrack("-L -f ipv6")
	assert.Equal(t, strings.Count(out, " src=")/2+strings.Count(six, " src=")/2, strings.Count(w.read("conntrack"), "\n"), out+six)
}

// laws checks that text changes nothing when it is written back, and restores
// the same lines after a flush.
func (w *world) laws(text string) {
	w.Helper()
	before := w.k.n
	w.write("conntrack", text)
	w.write("conntrack.json", w.read("conntrack.json"))
	assert.Equal(w, before, w.k.n)
	w.write("conntrack", "flush all\n")
	require.Empty(w, w.read("conntrack"))
	w.write("conntrack", text)
	assert.Equal(w, still(text), still(w.read("conntrack")))
}

// still takes out what runs by itself and what tells a new entry from the old
// one, and sorts: the table is a hash.
func still(text string) []string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.Join(slices.DeleteFunc(strings.Split(l, " "), func(s string) bool {
			return strings.HasPrefix(s, "timeout=") || strings.HasPrefix(s, "id=")
		}), " ")
	}
	slices.Sort(lines)
	return lines
}

func TestFiltersAndChanges(t *testing.T) {
	w := newWorld(t)
	for _, s := range flows {
		w.conntrack(s.line)
	}
	w.write("conntrack", "icmpv6 src 2001:db8::1 dst 2001:db8::2 icmp.type 128 icmp.id 5 timeout 1000\n")
	all := w.read("conntrack")
	for _, f := range []string{"proto=tcp", "proto=udp,sport=53", "dport=53", "src=10.0.0.1", "src=2001:db8::1", "mark=0x7", "zone=5", "reply.dst=203.0.113.5", "state=ESTABLISHED"} {
		var want []string
		for l := range strings.Lines(all) {
			words := strings.Fields(l)
			if !slices.ContainsFunc(strings.Split(f, ","), func(w string) bool { return !slices.Contains(words, w) }) {
				want = append(want, l)
			}
		}
		assert.NotEmpty(t, want, f)
		assert.Equal(t, still(strings.Join(want, "")), still(w.read("conntrack,"+f)), f)
	}
	assert.Equal(t, strings.Count(all, "assured"), strings.Count(w.read("conntrack,status=assured"), "\n"))
	w.write("conntrack", "change udp src 10.0.0.1 dst 10.0.0.2 sport 53 dport 53 mark 0x9 timeout 500\n")
	assert.Contains(t, w.read("conntrack,mark=0x9"), " mark=0x9")
	w.write("conntrack", "tcp src 192.0.2.1 dst 198.51.100.7 sport 40000 dport 443 state TIME_WAIT\n")
	assert.Equal(t, 1, strings.Count(w.read("conntrack,state=TIME_WAIT"), "\n"))
	w.write("conntrack", "flush proto=udp\ndel tcp src 192.0.2.1 dst 198.51.100.7 sport 40000 dport 443\n")
	assert.Empty(t, w.read("conntrack,proto=udp"))
	assert.NotContains(t, w.read("conntrack"), "192.0.2.1")
	for _, c := range []struct{ line, want string }{
		{"add icmp src 10.0.0.1 dst 10.0.0.2 icmp.type 8 icmp.id 77 timeout 5", "file exists"},
		{"del udp src 1.1.1.1 dst 2.2.2.2 sport 1 dport 2", "no such"},
		{"icmp src 10.0.0.1 dst 10.0.0.2 icmp.type 8 icmp.id 77 reply.dst 9.9.9.9", "cannot be changed"},
	} {
		err := put(w.door, "conntrack", c.line+"\n")
		if assert.Error(t, err, c.line) {
			assert.Contains(t, err.Error(), c.want)
		}
	}
}

func TestCounts(t *testing.T) {
	w := newWorld(t)
	_, err := w.conntrack(flows[1].line)
	require.NoError(t, err)
	assert.Contains(t, w.read("ct/stats"), "entries=1 max=")
	assert.Contains(t, w.read("ct/cpu"), "cpu=0 found=")
	assert.Empty(t, w.read("ct/expect"))
	w.write("ct/ctl", "udp_timeout=77 acct=1\n")
	assert.Contains(t, w.read("ct/ctl"), " acct=1 ")
	assert.Contains(t, w.read("ct/ctl"), " udp_timeout=77 ")
	w.write("ct/ctl", w.read("ct/ctl"))
	w.write("ct/ctl", "flush all\n")
	assert.Contains(t, w.read("ct/stats"), "entries=0 max=")
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var seen []string
	for e, err := range w.k.Watch(ctx) {
		require.NoError(t, err)
		if e.What == fs.SyncEnd {
			for _, line := range []string{flows[1].line, "-U -p udp -s 10.0.0.1 -d 10.0.0.2 --sport 53 --dport 53 -m 9", "-D -p udp"} {
				_, err := w.conntrack(line)
				require.NoError(t, err)
			}
		}
		if e.Row != nil {
			seen = append(seen, fmt.Sprint(e.What, " ", e.Row.Orig.Dst, " ", e.Row.Mark))
		}
		if e.What == fs.Deleted {
			break
		}
	}
	assert.Equal(t, fmt.Sprint(fs.Added, " 10.0.0.2 7"), seen[0])
	assert.Equal(t, fmt.Sprint(fs.Replaced, " 10.0.0.2 9"), seen[len(seen)-2])
	assert.Contains(t, seen[len(seen)-1], fmt.Sprint(fs.Deleted, " 10.0.0.2"))
}
