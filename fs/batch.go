package fs

import (
	"context"
	"errors"
	iofs "io/fs"
	"slices"
	"strings"
	"sync"
)

// A batch is a file that takes the statements of every table, with the kind's
// word before each, as events print them and as ip -batch and bridge -batch
// read them:
//
//	route add 10.9.0.0/16 via 192.0.2.1 dev eth0
//	ip -6 r a default dev eth0
//	link set dev eth0 up
//
// They run in order, and the first that fails ends the write.
type batch struct{ kinds []kind }

// NewBatch returns the file batch.
func NewBatch(list ...Kind) Node { return &batch{kindsOf(list)} }

// Mode is a table's. Read, it is empty: a batch has no state of its own.
func (b *batch) Mode() iofs.FileMode { return iofs.ModeAppend | 0o664 }

func (b *batch) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	return &batchFile{kinds: b.kinds, runners: make(map[kind]runner)}, nil
}

type batchFile struct {
	kinds   []kind
	admin   []string   // kinds that are not for this writer
	mu      sync.Mutex // guards the rest
	asm     assembler
	runners map[kind]runner
}

func (f *batchFile) Blocks() bool { return true }

func (f *batchFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) { return 0, nil }

func (f *batchFile) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var failed error
	n := f.asm.feed(ctx, p, func(line int, text []byte, err error) bool {
		failed = f.run(ctx, line, text, err)
		return failed == nil
	})
	switch {
	case failed != nil:
		return 0, failed
	case n == 0:
		return 0, ctx.Err()
	}
	return n, nil
}

// logText keeps secrets out of the log: a write with a line of a table that has
// some, or with a piece of a line that nobody can tell, is not shown.
func (f *batchFile) logText(p []byte) []byte {
	if !slices.ContainsFunc(f.kinds, kind.secretive) {
		return p
	}
	for line := range strings.Lines(string(p[:min(len(p), maxLogged)])) {
		st, err := readBatchLine(f.kinds, strings.TrimSuffix(line, "\n"))
		if err != nil || st.kind != nil && st.kind.secretive() {
			return []byte("?")
		}
	}
	return p
}

// run carries out one line.
func (f *batchFile) run(ctx context.Context, line int, text []byte, err error) error {
	var st batchLine
	if err == nil {
		st, err = readBatchLine(f.kinds, string(text))
	}
	if err == nil && st.kind != nil && slices.Contains(f.admin, st.kind.Words()[0]) {
		err = errAccess
	}
	if err == nil && st.kind != nil {
		err = f.runner(st.kind).run(ctx, line, st.stmt)
	}
	if err == nil {
		return nil
	}
	// The table knows neither this file nor the words before its own.
	if le := (*LineError)(nil); errors.As(err, &le) {
		err = le.Err
	}
	return &LineError{File: "batch", Line: line, Head: st.head(), Err: err, Failed: 1, Of: 1}
}

func (f *batchFile) runner(k kind) runner {
	r := f.runners[k]
	if r == nil {
		r = k.runner("batch")
		f.runners[k] = r
	}
	return r
}

// Check reads a last line that has no end yet as far as the kind.
func (f *batchFile) Check(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	st, err := readBatchLine(f.kinds, string(f.asm.rest()))
	if err != nil {
		return &LineError{File: "batch", Line: f.asm.first, Head: st.head(), Err: err, Failed: 1, Of: 1}
	}
	return nil
}

// Close runs a last line that has no end, unless its writer is gone: then it
// may be half a line.
func (f *batchFile) Close(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var err error
	if text := f.asm.rest(); len(text) > 0 && ctx.Err() == nil {
		err = f.run(ctx, f.asm.first, text, nil)
	}
	for _, r := range f.runners {
		err = errors.Join(err, r.close(ctx))
	}
	clear(f.runners)
	f.asm = assembler{}
	return err
}

// A batchLine is a line of batch taken apart.
type batchLine struct {
	kind kind   // nil: nothing to do
	name string // the kind as it was written
	stmt string // what is left for the kind
}

// head is the beginning of the statement, for errors.
func (l *batchLine) head() string {
	words := append([]string{l.name}, strings.Fields(l.stmt)...)
	n := min(3, len(words))
	if n < len(words) && l.kind != nil && l.kind.hasKey(words[n-1]) {
		n++ // "link change dev v1", not the key alone
	}
	return strings.TrimSpace(printable(strings.Join(words[:n], " ")))
}

// readBatchLine finds the kind of a line and turns iproute2's ways of speaking
// into those of the tables.
func readBatchLine(kinds []kind, line string) (batchLine, error) {
	var l batchLine
	words, err := splitLine(line)
	if err != nil || len(words) == 0 {
		return l, err
	}
	var tool string
	if slices.Contains(batchTools, words[0]) && len(words) > 1 {
		tool, words = words[0], words[1:]
	}
	words, family, err := batchOptions(words)
	if err != nil || len(words) == 0 {
		return l, err
	}
	k, n := kindOf(kinds, words)
	l.name = unquoteWord(words[0])
	if k == nil {
		return l, badName("no such kind (known: " + kindWords(kinds) + ")")
	}
	l.kind = k
	words = words[n:]
	if len(words) > 0 {
		if words[0], err = batchVerb(k, words[0]); err != nil {
			return l, err
		}
	}
	if tool == "bridge" && slices.Contains(k.Words(), "link") {
		words = bridgePort(words)
	}
	if family != "" && k.hasKey("family") && !saysFamily(words) {
		words = append(words, "family="+family)
	}
	l.stmt = strings.Join(words, " ")
	return l, nil
}

// bridgePort turns the words of bridge link, which are about the port of a
// bridge, into those of ip link: set dev v1 type bridge_slave cost 10.
func bridgePort(words []string) []string {
	i := slices.Index(words, "dev")
	if i < 1 || i+1 >= len(words) {
		return words
	}
	dev := []string{words[0], "dev", words[i+1], "type", "bridge_slave"}
	return slices.Concat(dev, words[1:i], words[i+2:])
}

// batchTools are the programs whose name may begin a line.
var batchTools = []string{"ip", "bridge", "tc"}

// batchOptions takes the options off. Those that only change how iproute2
// prints mean nothing here.
func batchOptions(words []string) (rest []string, family string, err error) {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		word := strings.TrimPrefix(words[0], "-")
		opt := strings.TrimPrefix(word, "-")
		words = words[1:]
		switch {
		case opt == "4":
			family = "inet"
		case opt == "6":
			family = "inet6"
		case opt == "B":
			family = "bridge"
		case opt == "M":
			family = "mpls"
		case opt == "0":
			family = "link"
		case opt != "" && (strings.HasPrefix("family", opt)):
			if len(words) == 0 {
				return nil, "", badName("-" + word + ": of what family?")
			}
			family, words = unquoteWord(words[0]), words[1:]
		case opt == "n" || opt == "netns":
			return nil, "", badName("-" + word + ": write to the batch of that namespace, in netns/")
		case slices.Contains(quietOptions, opt):
		default:
			return nil, "", badName("-" + word + ": no such option")
		}
	}
	return words, family, nil
}

var quietOptions = []string{
	"s", "stats", "statistics", "d", "details", "o", "oneline", "j", "json", "p", "pretty", "br", "brief",
	"N", "Numeric", "r", "resolve", "t", "timestamp", "ts", "tshort", "force", "c", "color", "echo", "a", "all", "l", "loops",
}

// kindOf finds the kind that the first word, or the first two, name, and how
// many they are. A word may be cut short, as iproute2 takes it: the first kind
// that begins so is meant.
func kindOf(kinds []kind, words []string) (kind, int) {
	if len(words) > 1 {
		two := words[0] + " " + words[1]
		for _, k := range kinds {
			if slices.Contains(k.Words(), two) {
				return k, 2
			}
		}
	}
	return findKind(kinds, unquoteWord(words[0])), 1
}

// findKind returns the kind with that word, or the first that begins so.
func findKind(kinds []kind, word string) kind {
	for _, k := range kinds {
		if slices.Contains(k.Words(), word) {
			return k
		}
	}
	for _, k := range kinds {
		if word != "" && strings.HasPrefix(k.Words()[0], word) {
			return k
		}
	}
	return nil
}

// batchVerbs are iproute2's, in the order in which a word that was cut short is
// tried, with ours.
var batchVerbs = []struct{ name, means string }{
	{"add", "add"}, {"append", "append"}, {"change", "change"}, {"chg", "change"}, {"delete", "del"}, {"flush", "flush"},
	{"replace", "replace"}, {"set", "change"}, {"destroy", "destroy"},
	{"show", ""}, {"list", ""}, {"lst", ""}, {"get", ""}, {"save", ""}, {"monitor", ""}, {"test", ""},
}

// batchVerb turns iproute2's verb into ours. What is none stays: a verb of the
// kind's own, or the first word of a statement without one.
func batchVerb(k kind, word string) (string, error) {
	if strings.ContainsAny(word, `='"`) || k.hasKey(word) || k.hasVerb(word) {
		return word, nil
	}
	for _, v := range batchVerbs {
		if !strings.HasPrefix(v.name, word) {
			continue
		}
		if v.means == "" {
			return word, badName(v.name + ": batch changes; read the file instead")
		}
		return v.means, nil
	}
	return word, nil
}

func saysFamily(words []string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return w == "family" || strings.HasPrefix(w, "family=") })
}

func kindsOf(list []Kind) []kind {
	kinds := make([]kind, len(list))
	for i, k := range list {
		kinds[i] = k
	}
	return kinds
}

func kindWords(kinds []kind) string {
	var list []string
	for _, k := range kinds {
		list = append(list, k.Words()[0])
	}
	return strings.Join(list, " ")
}
