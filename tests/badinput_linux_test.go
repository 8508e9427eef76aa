package tests

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/netfs-project/netfs/fs"

	"github.com/stretchr/testify/require"
)

// rubbish is what no file takes, and what tables take for nothing.
func rubbish() map[string]string {
	rnd := rand.New(rand.NewPCG(7, 11))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(rnd.UintN(256))
	}
	noise[0] = 0xff // no comment
	return map[string]string{
		"unknown key":         "add colour=red\n",
		"unknown key, no add": "colour=red size=large\n",
		"unknown verb":        "paint 10.0.0.0/8 colour red\n",
		"bad prefix":          "add 10.0.0.0/33\n",
		"bad address":         "add 10.0.0.300 dev=v0\n",
		"missing device":      "add 10.9.0.0/16 dev=nosuch\n",
		"NUL":                 "add 10.9.0.0/16\x00 dev=v0\n",
		"2 MiB":               "add " + strings.Repeat("x", 2<<20) + "\n",
		"2 MiB, no newline":   strings.Repeat("y", 2<<20),
		"noise":               string(noise),
		"half UTF-8":          "add \xc3 dst=\xe2\x82\n",
		"10,000 words":        strings.Repeat("a=b ", 10000) + "\n",
		"10,000 bare words":   strings.Repeat("word ", 10000) + "\n",
		"open quote":          "add 'never ended\n",
		"open quote, value":   "add dst=\"never ended\n",
		"lone equals":         "=\n",
		"JSON cut short":      "[{\"dst\":\"10.0.0.0/8\"\n",
	}
}

var blanks = []string{"\n", "\n\n\n", " \t \n", "   ", "# a comment\n", "\r\n"}

// writable lists the files that root can write, of which there is one for each sort
// of link only.
func writable(t testing.TB, tree *fs.Tree) (files []string) {
	ctx := as(t, root)
	var visit func(r *fs.Ref)
	visit = func(r *fs.Ref) {
		list, err := r.List(ctx)
		require.NoError(t, err, r.Path())
		for _, c := range list {
			p := strings.TrimPrefix(c.Path(), "/")
			switch {
			case strings.HasPrefix(p, "netns/"), strings.HasPrefix(p, "links/lo/"):
			case c.IsDir():
				visit(c)
			default:
				st, err := c.Stat(ctx)
				require.NoError(t, err, p)
				if st.Mode.Perm()&0o222 != 0 {
					files = append(files, p)
				}
			}
		}
	}
	visit(tree.Attach())
	return files
}

// free are values that are any text: for them only what no text may be is rubbish.
func free(file string) bool {
	return strings.HasPrefix(file, "links/") && slices.Contains([]string{"alias", "name", "altname", "altnames"}, path.Base(file))
}

var neverText = []string{"NUL", "2 MiB", "2 MiB, no newline", "10,000 words", "10,000 bare words", "noise"}

// oracle is all that ip(8) says.
func (r *rig) oracle() string {
	r.t.Helper()
	var b strings.Builder
	for _, args := range []string{"link", "addr", "-4 route show table all", "-6 route show table all", "-4 rule", "-6 rule", "neigh", "neigh show proxy", "nexthop"} {
		b.WriteString(r.ip("-j -d " + args))
	}
	return restless.ReplaceAllString(b.String(), "")
}

// restless is what a bridge changes by itself.
var restless = regexp.MustCompile(`"[a-z_]*timer":[0-9.]+|"state":"(listening|learning|forwarding)"`)

// TestBadInput writes rubbish into every file there is, through each door: the
// error names the file, nothing changes, and the server goes on.
func TestBadInput(t *testing.T) {
	r := furnished(t)
	r.ip("link set v0 alias one")
	files := writable(t, r.tree)
	require.Greater(t, len(files), 50)
	all := rubbish()
	var before string
	eventually(t, func() string { last := before; before = r.oracle(); return last }, func(s string) bool { return s == before && !strings.Contains(s, "tentative") })
	for door, d := range r.doors() {
		for _, file := range files {
			for name, text := range all {
				if free(file) && !slices.Contains(neverText, name) || file == "wait" && name == "missing device" || path.Base(file) == "altnames" && name == "noise" {
					continue // an address is waited for; lines of noise are alternative names
				}
				err := pour(d, file, []byte(text))
				what := fmt.Sprintf("%s: %s < %s", door, file, name)
				if door == "FUSE" && err == nil && !strings.HasSuffix(text, "\n") {
					continue // the last close tells nobody but the file error
				}
				switch {
				case err == nil:
					t.Errorf("%s was taken", what)
				case door != "FUSE":
					clear(t, what, file, err.Error())
				}
			}
			if !isTable(file) {
				continue // an empty value means something: no master
			}
			for _, text := range blanks {
				require.NoError(t, pour(d, file, []byte(text)), "%s: %s < %q", door, file, text)
			}
		}
		equalText(t, before, r.oracle(), "after "+door)
		require.NotEmpty(t, slurp(t, d, "links/list"))
	}
	require.Contains(t, read(t, r.tree, "error"), "path=")
}

// plain are the texts of errors that a client knows by their numbers.
var plain = map[string]bool{"no such device": true, "file does not exist": true, "no such file or directory": true}

var lineNumber = regexp.MustCompile(`:\d+: `)

func isTable(file string) bool {
	base := path.Base(file)
	return strings.HasSuffix(file, "/ctl") || file == "batch" ||
		strings.HasPrefix(file, "rt/") || slices.Contains([]string{"addrs", "routes", "rules", "neigh", "nexthops", "conntrack"}, base)
}

// clear reports what is wrong with a message: it has to be one line of moderate
// length that begins with the file.
func clear(t testing.TB, what, file, msg string) {
	t.Helper()
	if !strings.Contains(msg, path.Base(file)) && !plain[msg] {
		t.Errorf("%s: the error does not name the file: %q", what, msg)
	}
	if isTable(file) && !lineNumber.MatchString(msg) {
		t.Errorf("%s: the error does not name the line: %q", what, msg)
	}
	for _, c := range msg {
		if c < ' ' || c == 0x7f || c == 0xfffd {
			t.Errorf("%s: raw bytes in the error: %q", what, msg)
			break
		}
	}
	if len(msg) > 500 {
		t.Errorf("%s: %d bytes of error: %.200q", what, len(msg), msg)
	}
}

// equalText compares long texts, and shows where they part.
func equalText(t testing.TB, want, got, what string) {
	t.Helper()
	i := 0
	for i < len(want) && i < len(got) && want[i] == got[i] {
		i++
	}
	if want != got {
		from := max(0, i-200)
		t.Fatalf("%s: changed from\n%.400s\nto\n%.400s", what, want[from:], got[from:])
	}
}

// TestBadInputWords says what the error of each mistake has to tell.
func TestBadInputWords(t *testing.T) {
	r := furnished(t)
	for _, c := range []struct {
		file, text string
		want       []string
	}{
		{"routes", "add 10.9.0.0/16 colour=red\n", []string{"routes:1:", "colour", "known:"}},
		{"routes", "\n\nadd 10.9.0.0/33 dev v0\n", []string{"routes:3:", `"10.9.0.0/33"`}},
		{"routes", "add 10.9.0.0/16 dev nosuch\n", []string{"routes:1:", `"nosuch"`, "no such device"}},
		{"routes", "add 10.9.0.0/16 via 10.77.0.1\n", []string{"routes:1:", "10.77.0.1", "Nexthop has invalid gateway", "unreachable"}},
		{"routes", "add 10.1.0.0/16 via 192.0.2.2 metric 5\n", []string{"routes:1:", "10.1.0.0/16", "exists"}},
		{"routes", "10.9.0.0/16 dev v0\nadd 10.8.0.0/33\n10.7.0.0/16 dev v0\n", []string{"routes:2:", "10.8.0.0/33", "1 of 3"}},
		{"addrs", "add 192.0.2.1/24 dev v0\n", []string{"addrs:1:", "192.0.2.1/24", "exists"}},
		{"rules", "add priority=many\n", []string{"rules:1:", `"many"`}},
		{"neigh", "add 192.0.2.50 lladdr=02:00 dev=v0\n", []string{"neigh:1:", "192.0.2.50", "Invalid link address"}},
		{"nexthops", "add id=1 via=192.0.2.2 dev=v0\n", []string{"nexthops:1:", "add 1:", "exists"}},
		{"links/v0/mtu", "70000\n", []string{"links/v0/mtu", "mtu greater than device maximum"}},
		{"links/v0/state", "sideways\n", []string{"state", `"sideways"`}},
		{"links/v0/ctl", "mtu=1400 colour=red\n", []string{"links/v0/ctl:1:", "colour"}},
		{"batch", "rule add priority 600 table 9\nroute add 10.9.0.0/16 dev nosuch\nrule add priority 601 table 9\n", []string{"batch:2:", "nosuch", "no such device"}},
		{"batch", "colour add red\n", []string{"batch:1:", "colour", "known:"}},
		{"wait", "route colour=red\n", []string{"wait", "colour"}},
		{"lookup", "to=10.300.0.1\n", []string{"lookup", "10.300.0.1"}},
	} {
		err := write(t, r.tree, c.file, c.text)
		require.Error(t, err, "%s < %q", c.file, c.text)
		for _, w := range c.want {
			require.Contains(t, err.Error(), w, "%s < %q", c.file, c.text)
		}
		require.Error(t, pourCtx(r.remote(), c.file, c.text), "9P: %s < %q", c.file, c.text)
	}
	require.Contains(t, read(t, r.tree, "rules"), "priority=600")
	require.NotContains(t, read(t, r.tree, "rules"), "priority=601", "batch stops at the first error")
	require.Contains(t, read(t, r.tree, "routes"), "dst=10.7.0.0/16", "rows are independent")
}

func pourCtx(tree *fs.Tree, file, text string) error {
	ctx := fs.WithUser(context.Background(), root)
	ref, err := walk(ctx, tree, file)
	if err != nil {
		return err
	}
	f, err := ref.Open(ctx, fs.OpenWrite)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(ctx, []byte(text), 0)
	if cerr := f.Close(ctx); err == nil {
		err = cerr
	}
	return err
}
