package treetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	iofs "io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/netfs-project/netfs/fs"
	"github.com/stretchr/testify/require"
)

// Options say what Check may do and what it should expect.
type Options struct {
	// Write lets Check write to tables and ctls what they say.
	Write bool
	// Values lets Check write to values what they say, too.
	Values bool
	// Skip leaves out a file, or a directory and what is in it.
	Skip func(path string) bool
	// Moving names files whose text changes from read to read: counters, ages.
	Moving func(path string) bool
	// Streams are base names of files whose reads wait, beside events and log.
	Streams []string
	// Depth bounds how far down Check goes; 0 means 12.
	Depth int
}

// maxRead bounds what Check reads of one file.
const maxRead = 16 << 20

// Check walks the tree behind d and checks every law that holds for any tree.
// Each file and directory is a subtest.
func Check(t *testing.T, d Door, o Options) {
	t.Helper()
	if o.Depth == 0 {
		o.Depth = 12
	}
	c := &checker{d: d, o: o, ids: make(map[uint64]string)}
	c.dir(t, "", 0)
	c.help(t)
}

type checker struct {
	d   Door
	o   Options
	ids map[uint64]string
}

func (c *checker) skip(p string) bool { return c.o.Skip != nil && c.o.Skip(p) }

func (c *checker) stream(p string) bool {
	base := path.Base(p)
	return base == "events" || base == "log" || slices.Contains(c.o.Streams, base)
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// dir checks a directory and all that it lists.
func (c *checker) dir(t *testing.T, p string, depth int) {
	list, err := c.d.List(p)
	require.NoError(t, err, "list %q", p)
	c.names(t, p, list)
	for _, in := range list {
		sub := join(p, in.Name)
		if c.skip(sub) {
			continue
		}
		t.Run(in.Name, func(t *testing.T) { c.member(t, sub, in, depth) })
	}
	_, err = c.d.Stat(join(p, "no such name"))
	wantErrno(t, err, syscall.ENOENT, "a name that is not there, in %q", p)
	if depth > 0 {
		_, err = c.d.Stat(join(p, "a%2"))
		require.Error(t, err, "a bad escape in %q", p)
	}
}

// names checks that a listing is legal, without doubles, and the same again.
func (c *checker) names(t *testing.T, p string, list []Info) {
	var names []string
	for _, in := range list {
		require.True(t, legal(in.Name), "name %q in %q", in.Name, p)
		names = append(names, in.Name)
	}
	again, err := c.d.List(p)
	require.NoError(t, err)
	var second []string
	for _, in := range again {
		second = append(second, in.Name)
	}
	require.Equal(t, names, second, "two listings of %q", p)
	slices.Sort(second)
	require.Len(t, slices.Compact(second), len(names), "doubles in %q", p)
}

// legal reports whether a listed name is as the tree promises: UTF-8, no
// slash, comma or control byte, and every % begins an escape.
func legal(name string) bool {
	if name == "" || name == "." || name == ".." || !utf8.ValidString(name) {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c < 0x20 || c == 0x7f || c == '/' || c == ',':
			return false
		case c == '%' && name != "%":
			if i+2 >= len(name) || !isHex(name[i+1]) || !isHex(name[i+2]) {
				return false
			}
		}
	}
	return true
}

func isHex(c byte) bool { return strings.IndexByte("0123456789ABCDEFabcdef", c) >= 0 }

// member checks what is said of a listed name, and goes on into it.
func (c *checker) member(t *testing.T, p string, listed Info, depth int) {
	in, err := c.d.Stat(p)
	if errors.Is(err, iofs.ErrNotExist) {
		t.Skip("it vanished")
	}
	require.NoError(t, err)
	require.Equal(t, listed.Name, in.Name)
	require.Equal(t, listed.Mode, in.Mode)
	require.Equal(t, listed.ID, in.ID, "identity in the listing and by itself")
	if in.ID != 0 {
		other, twice := c.ids[in.ID]
		require.False(t, twice, "same identity as %s", other)
		c.ids[in.ID] = p
	}
	if in.Mode.IsDir() {
		require.Zero(t, in.Mode.Perm()&^0o775, "mode of a directory")
		require.Equal(t, iofs.FileMode(0o555), in.Mode.Perm()&0o555, "mode of a directory")
		if depth < c.o.Depth {
			c.dir(t, p, depth+1)
		}
		return
	}
	c.file(t, p, in)
}

func (c *checker) file(t *testing.T, p string, in Info) {
	require.Zero(t, in.Mode.Perm()&0o111, "a file that can be executed")
	c.unlink(t, p, in)
	c.modes(t, p, in)
	switch {
	case in.Mode.Perm()&0o400 == 0:
		return
	case c.stream(p):
		require.Zero(t, in.Mode.Perm()&0o222, "a stream that can be written")
		c.words(t, p)
		return
	}
	f, err := c.d.Open(p, fs.OpenRead)
	require.NoError(t, err)
	text, err := readChunks(f, 4096)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	if in.Size != 0 && !c.moving(p) {
		require.EqualValues(t, len(text), in.Size, "length")
	}
	require.True(t, len(text) == 0 || text[len(text)-1] == '\n', "the last line has no end")
	require.True(t, utf8.Valid(text), "text is not UTF-8")
	c.reads(t, p, text)
	c.json(t, p, text)
	if in.Mode.Perm()&0o222 != 0 && !in.Mode.IsDir() {
		c.rewrite(t, p, in, text)
	}
	c.words(t, p)
}

func (c *checker) moving(p string) bool {
	return path.Base(p) == "stats" || c.o.Moving != nil && c.o.Moving(p)
}

// unlink checks that rm -r is harmless.
func (c *checker) unlink(t *testing.T, p string, in Info) {
	wantErrno(t, c.d.Remove(p, false), syscall.EPERM, "unlink")
	again, err := c.d.Stat(p)
	require.NoError(t, err, "after unlink")
	require.Equal(t, in.Mode, again.Mode)
}

// modes checks that what the mode grants can be opened, and nothing else.
func (c *checker) modes(t *testing.T, p string, in Info) {
	for mode, bit := range map[fs.OpenMode]iofs.FileMode{fs.OpenRead: 0o400, fs.OpenWrite: 0o200} {
		f, err := c.d.Open(p, mode)
		if in.Mode.Perm()&bit == 0 {
			require.ErrorIs(t, err, iofs.ErrPermission, "open for %d with mode %v", mode, in.Mode)
			continue
		}
		if mode == fs.OpenRead && c.stream(p) && errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		require.NoError(t, err, "open for %d with mode %v", mode, in.Mode)
		require.NoError(t, f.Close())
	}
}

// reads checks that the size and the offset of reads do not matter.
func (c *checker) reads(t *testing.T, p string, want []byte) {
	if c.moving(p) || len(want) > 1<<20 {
		return
	}
	for _, size := range []int{1, 7, 100, 65536} {
		if size < 100 && len(want) > 16<<10 {
			continue
		}
		f, err := c.d.Open(p, fs.OpenRead)
		require.NoError(t, err)
		got, err := readChunks(f, size)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "read %d bytes at a time", size)
		again, err := readChunks(f, size)
		require.NoError(t, err)
		require.Equal(t, string(want), string(again), "read again from the start")
		for range 20 {
			off := rand.IntN(len(want) + 10)
			b := make([]byte, 1+rand.IntN(50))
			n, err := f.ReadAt(b, int64(off))
			require.NoError(t, err)
			rest := want[min(off, len(want)):]
			require.True(t, bytes.HasPrefix(rest, b[:n]), "read at %d", off)
			require.True(t, n > 0 || len(rest) == 0, "nothing read at %d of %d", off, len(want))
		}
		require.NoError(t, f.Close())
	}
}

func readChunks(f File, size int) ([]byte, error) {
	var b []byte
	p := make([]byte, size)
	for {
		n, err := f.ReadAt(p, int64(len(b)))
		if n > size || n < 0 {
			return b, fmt.Errorf("a read of %d bytes gave %d", size, n)
		}
		b = append(b, p[:n]...)
		if err != nil || n == 0 {
			return b, err
		}
		if len(b) > maxRead {
			return b, errors.New("file has no end")
		}
	}
}

// slurp opens and reads a file.
func slurp(d Door, p string) ([]byte, error) {
	f, err := d.Open(p, fs.OpenRead)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readChunks(f, 8192)
}

// json checks the sibling: valid, an object for each line, none for comments.
func (c *checker) json(t *testing.T, p string, text []byte) {
	if _, err := c.d.Stat(p + ".json"); err != nil {
		wantErrno(t, err, syscall.ENOENT, "the .json sibling")
		return
	}
	b, err := slurp(c.d, p+".json")
	require.NoError(t, err)
	var rows []map[string]any
	require.NoError(t, json.Unmarshal(b, &rows), "%s", b)
	if !c.moving(p) {
		require.Len(t, rows, len(records(text)), "records of %s.json\n%s\n%s", p, text, b)
	}
}

// records returns the lines that are no comment.
func records(text []byte) []string {
	var list []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
			list = append(list, line)
		}
	}
	return list
}

// rewrite checks the first law: what is read can be written and changes nothing.
func (c *checker) rewrite(t *testing.T, p string, in Info, text []byte) {
	table := in.Mode&iofs.ModeAppend != 0 || len(records(text)) > 1
	_, err := c.d.Stat(p + ".json")
	hasJSON := err == nil
	table = table || hasJSON
	if in.Mode.Perm()&0o400 == 0 || table && !c.o.Write || !table && !c.o.Values {
		return
	}
	cuts := []int{len(text)}
	if table && len(text) < 64<<10 {
		cuts = append(cuts, 1, 13, 1000)
	}
	for _, cut := range cuts {
		require.NoError(t, write(c.d, p, text, cut), "write back what was read, %d bytes at a time:\n%s", cut, text)
		if c.moving(p) {
			continue
		}
		now, err := slurp(c.d, p)
		require.NoError(t, err)
		require.Equal(t, string(text), string(now), "after it was written back %d bytes at a time", cut)
	}
	if table && (hasJSON || len(text) > 0) { // a batch has nothing to show in either form
		b, err := slurp(c.d, p+".json")
		require.NoError(t, err)
		require.NoError(t, write(c.d, p+".json", b, 1000), "write back the JSON that was read:\n%s", b)
		if now, err := slurp(c.d, p); !c.moving(p) {
			require.NoError(t, err)
			require.Equal(t, string(text), string(now), "after the JSON was written back")
		}
	}
}

// write writes text in pieces of cut bytes.
func write(d Door, p string, text []byte, cut int) error {
	f, err := d.Open(p, fs.OpenWrite)
	if err != nil {
		return err
	}
	for off := 0; off < len(text) && err == nil; {
		n := min(cut, len(text)-off)
		k := 0
		if k, err = f.WriteAt(text[off:off+n], int64(off)); err == nil && k != n {
			err = fmt.Errorf("a write of %d bytes took %d", n, k)
		}
		off += n
	}
	return errors.Join(err, f.Close())
}

// words checks that path words which mean nothing are refused.
func (c *checker) words(t *testing.T, p string) {
	for _, w := range []string{",", ",.nosuch", ",no such key=1", ",no such key", ",a="} {
		_, err := c.d.Stat(p + w)
		require.Error(t, err, "%s%s", p, w)
	}
}

// help checks that each file of help says something.
func (c *checker) help(t *testing.T) {
	list, err := c.d.List("help")
	if err != nil {
		wantErrno(t, err, syscall.ENOENT, "help")
		return
	}
	for _, in := range list {
		if in.Mode.IsDir() {
			continue
		}
		b, err := slurp(c.d, "help/"+in.Name)
		require.NoError(t, err)
		require.NotEmpty(t, strings.TrimSpace(string(b)), "help/%s", in.Name)
	}
}

func wantErrno(t *testing.T, err error, want syscall.Errno, format string, args ...any) {
	t.Helper()
	require.Equal(t, want, fs.Errno(err), "%s: %v", fmt.Sprintf(format, args...), err)
}
