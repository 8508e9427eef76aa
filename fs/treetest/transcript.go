package treetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/netfs-project/netfs/fs"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Run carries out a transcript on d and compares what comes back. Of lines that are
// for some systems only it takes those for Linux.
func Run(t *testing.T, d Door, file string) {
	t.Helper()
	RunOn(t, "linux", d, file)
}

// RunOn is Run with the lines for a system, as GOOS names it.
func RunOn(t *testing.T, system string, d Door, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	steps, err := parse(string(b), system)
	require.NoError(t, err, file)
	r := &runner{d: d, streams: make(map[string]*stream)}
	defer r.close()
	var got strings.Builder
	for i := range steps {
		r.run(t, &steps[i])
		steps[i].print(&got)
	}
	if os.Getenv("NETFS_UPDATE") != "" {
		require.NoError(t, os.WriteFile(file, []byte(got.String()), 0o644))
		return
	}
	require.Equal(t, string(b), got.String(), file)
}

// RunAll runs each transcript that matches pattern on a door of its own.
func RunAll(t *testing.T, pattern string, door func(t *testing.T) Door) {
	RunAllOn(t, "linux", pattern, door)
}

// RunAllOn does so with the lines for a system.
func RunAllOn(t *testing.T, system, pattern string, door func(t *testing.T) Door) {
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, files, "no transcripts: %s", pattern)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { RunOn(t, system, door(t), f) })
	}
}

// A step is one command of a transcript, or lines that are none.
type step struct {
	line  int
	head  string   // the command as it stands; "" for lines that are none
	verb  string   // >, <, ls, mkdir ...
	cut   int      // for >: bytes of a write
	args  []string // paths
	data  []string // lines to be written
	want  []string // lines that are expected, the error among them
	blank []string // comments and empty lines before it

	raw  []string // the lines as they stand, with those for other systems
	keep []string // the same without want
	off  bool     // it is for other systems
	fail bool     // it gave something else
}

var commands = map[string]int{">": 1, "<": 1, "ls": 1, "mkdir": 1, "rmdir": 1, "rm": 1, "mv": 2, "stat": 1, "watch": 1, "tail": 1}

// parse takes a transcript apart, for a system.
func parse(text, system string) ([]step, error) {
	var steps []step
	var blank []string
	open := false // lines belong to the last step
	for i, raw := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		line, on := unguard(raw, system)
		switch {
		case line == "" || strings.HasPrefix(line, "#") && !open:
			blank = append(blank, raw)
			open = false
			continue
		case open && !isCommand(line):
			steps[len(steps)-1].take(raw, line, on)
			continue
		}
		s, err := command(line)
		if err != nil {
			return nil, fmt.Errorf("%d: %w", i+1, err)
		}
		s.line, s.blank, s.off = i+1, blank, !on
		s.raw, s.keep = []string{raw}, []string{raw}
		steps = append(steps, s)
		blank, open = nil, true
	}
	if blank != nil {
		steps = append(steps, step{blank: blank})
	}
	return steps, nil
}

// take adds a line behind the command.
func (s *step) take(raw, line string, on bool) {
	s.raw = append(s.raw, raw)
	data := s.verb == ">" && !strings.HasPrefix(line, "! ")
	switch {
	case on && !data:
		s.want = append(s.want, line)
		return
	case on:
		s.data = append(s.data, line)
	}
	s.keep = append(s.keep, raw)
}

var guarded = regexp.MustCompile(`^\[((?:!?(?:linux|bsd|freebsd|openbsd|netbsd|dragonfly|darwin) ?)+)\] (.*)$`)

// unguard takes the systems that a line is for away from its begin, and reports whether
// this one is among them.
func unguard(line, system string) (rest string, on bool) {
	m := guarded.FindStringSubmatch(line)
	if m == nil {
		return line, true
	}
	named, not := false, false
	for _, w := range strings.Fields(m[1]) {
		name, other := strings.CutPrefix(w, "!")
		is := name == system || name == "bsd" && system != "linux"
		if other {
			not = not || is
		} else {
			named, on = true, on || is
		}
	}
	return m[2], (on || !named) && !not
}

var cutWrite = regexp.MustCompile(`^>(\d+)$`)

// isCommand reports whether a line begins a command. A line that only looks so
// has a backslash before it.
func isCommand(line string) bool {
	_, err := command(line)
	return err == nil
}

func command(line string) (step, error) {
	s := step{head: line}
	verb, rest, _ := strings.Cut(line, " ")
	s.verb = verb
	if m := cutWrite.FindStringSubmatch(verb); m != nil {
		s.verb = ">"
		s.cut, _ = strconv.Atoi(m[1])
	}
	n, ok := commands[s.verb]
	if !ok {
		return s, fmt.Errorf("%q is no command", verb)
	}
	s.args = strings.SplitN(strings.TrimSpace(rest), " ", n)
	if len(s.args) != n {
		return s, fmt.Errorf("%s: wants %d words", verb, n)
	}
	return s, nil
}

func (s *step) print(b *strings.Builder) {
	lines := slices.Concat(s.blank, s.raw)
	if s.fail {
		lines = slices.Concat(s.blank, s.keep, s.want)
	}
	for _, line := range lines {
		fmt.Fprintln(b, line)
	}
}

type runner struct {
	d       Door
	streams map[string]*stream
}

// run carries out a step and puts what it gave in the place of what it should
// have given, where that does not match.
func (r *runner) run(t *testing.T, s *step) {
	if s.head == "" || s.off {
		return
	}
	text, err := r.do(s)
	got := escape(text)
	if err != nil {
		got = append(got, "! "+r.errorText(err))
	}
	if !r.match(s.want, got) {
		s.want, s.fail = got, true
	}
}

func (r *runner) do(s *step) (string, error) {
	p := s.args[0]
	if p == "." {
		p = ""
	}
	switch s.verb {
	case ">":
		data := s.text()
		cut := s.cut
		if cut == 0 {
			cut = max(len(data), 1)
		}
		return "", write(r.d, p, []byte(data), cut)
	case "<":
		b, err := slurp(r.d, p)
		return string(b), err
	case "ls":
		return r.list(p)
	case "mkdir":
		return "", r.d.Mkdir(p)
	case "rmdir":
		return "", r.d.Remove(p, true)
	case "rm":
		return "", r.d.Remove(p, false)
	case "mv":
		return "", r.d.Rename(p, s.args[1])
	case "stat":
		in, err := r.d.Stat(p)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%o %d\n", in.Mode.Perm(), in.Size), nil
	case "watch":
		return "", r.watch(p)
	}
	return r.tail(p, len(s.want))
}

// text is the data of a write.
func (s *step) text() string {
	var b strings.Builder
	for _, line := range s.data {
		b.WriteString(strings.TrimPrefix(line, `\`))
		b.WriteByte('\n')
	}
	return b.String()
}

// escape makes lines that stand for themselves in a transcript.
func escape(text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range lines {
		if line == "" || strings.IndexByte(`#!<>\`, line[0]) >= 0 || isCommand(line) {
			lines[i] = `\` + line
		}
	}
	return lines
}

func (r *runner) list(p string) (string, error) {
	list, err := r.d.List(p)
	var b strings.Builder
	for _, in := range list {
		b.WriteString(in.Name)
		if in.Mode.IsDir() {
			b.WriteByte('/')
		}
		b.WriteByte('\n')
	}
	return b.String(), err
}

// errorText is "EEXIST routes:1: add 10.0.0.0/8: file exists".
func (r *runner) errorText(err error) string {
	name := unix.ErrnoName(fs.Errno(err))
	if !r.d.Texts() {
		return name
	}
	return name + " " + strings.ReplaceAll(err.Error(), "\n", " ")
}

// match compares lines, of which those expected may have patterns.
func (r *runner) match(want, got []string) bool {
	for i, w := range want {
		switch {
		case w == "...":
			for k := range len(got) + 1 {
				if r.match(want[i+1:], got[k:]) {
					return true
				}
			}
			return false
		case len(got) == 0 || !r.matchLine(w, got[0]):
			return false
		}
		got = got[1:]
	}
	return len(got) == 0
}

func (r *runner) matchLine(want, got string) bool {
	if strings.HasPrefix(want, "! ") && !r.d.Texts() {
		name, _, _ := strings.Cut(want[2:], " ")
		return got == "! "+name
	}
	if want == got || !strings.Contains(want, "*") {
		return want == got
	}
	parts := strings.Split(want, "*")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(got)
}

// A stream is one that a transcript watches. A goroutine reads it until it is closed.
type stream struct {
	r     io.ReadCloser
	lines chan string
	err   error // why lines was closed
}

// quiet is how long tail waits for another line, at most.
const quiet = 5 * time.Second

func (r *runner) watch(p string) error {
	if r.streams[p] != nil {
		return errors.New("it is watched already")
	}
	f, err := r.open(p)
	if err != nil {
		return err
	}
	s := &stream{r: f, lines: make(chan string, 1<<16)}
	r.streams[p] = s
	go s.read()
	return nil
}

func (r *runner) open(p string) (io.ReadCloser, error) {
	if w, ok := r.d.(interface {
		Watch(path string) (io.ReadCloser, error)
	}); ok {
		f, err := w.Watch(p)
		time.Sleep(settling)
		return f, err
	}
	f, err := r.d.Open(p, fs.OpenRead)
	return &streamFile{f: f}, err
}

// settling is what another process gets to open a file.
const settling = 300 * time.Millisecond

// A streamFile reads a File from its start to its end. The size of its reads
// never changes: one that continues with just what the last left of its count is
// taken for v9fs filling its buffer, and answered with nothing.
type streamFile struct {
	f    File
	off  int64
	buf  [8192]byte
	rest []byte
}

func (s *streamFile) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		n, err := s.f.ReadAt(s.buf[:], s.off)
		if err != nil {
			return 0, err
		}
		if n == 0 {
			return 0, io.EOF
		}
		s.off += int64(n)
		s.rest = s.buf[:n]
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *streamFile) Close() error { return s.f.Close() }

func (s *stream) read() {
	defer close(s.lines)
	in := bufio.NewScanner(s.r)
	in.Buffer(nil, 2<<20)
	for in.Scan() {
		s.lines <- in.Text()
	}
	s.err = in.Err()
}

// tail returns n lines, or all that come in a while when n is 0.
func (r *runner) tail(p string, n int) (string, error) {
	s := r.streams[p]
	if s == nil {
		return "", errors.New("it is not watched")
	}
	var b strings.Builder
	wait := quiet
	if n == 0 || os.Getenv("NETFS_UPDATE") != "" {
		n, wait = 1<<20, 200*time.Millisecond
	}
	for range n {
		select {
		case line, ok := <-s.lines:
			if !ok {
				return b.String(), s.err
			}
			b.WriteString(steady(line) + "\n")
		case <-time.After(wait):
			return b.String(), nil
		}
	}
	return b.String(), nil
}

var stamp = regexp.MustCompile(`( t=)\d+\.\d+|("t":)\d+\.\d+`)

// steady takes the time out of a line.
func steady(line string) string { return stamp.ReplaceAllString(line, "$1$2*") }

func (r *runner) close() {
	for _, s := range r.streams {
		s.r.Close()
		for range s.lines { // until its reader has ended
		}
	}
}
