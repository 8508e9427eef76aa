package nltest

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/attr"
)

// A Vector is one datagram of a recording, or the opening of a socket.
//
// As text it is a line with its direction and the socket's number, and lines of hex. A
// line that begins with # is a comment.
//
//   - 2 1 7           socket 2 was opened and joined groups 1 and 7
//     > 1               sent through socket 1
//     1c00000012000503...
//     < 1               received
//     ...
type Vector struct {
	Dir    byte // '+', '>' or '<'
	Socket int
	Groups []uint32 // of '+'
	Data   []byte   // of the others
}

const hexWidth = 32 // bytes a line

// AppendText appends the text form.
func (v Vector) AppendText(b []byte) ([]byte, error) {
	b = append(b, v.Dir, ' ')
	b = strconv.AppendInt(b, int64(v.Socket), 10)
	for _, g := range v.Groups {
		b = strconv.AppendUint(append(b, ' '), uint64(g), 10)
	}
	b = append(b, '\n')
	for d := v.Data; len(d) > 0; {
		n := min(hexWidth, len(d))
		b = append(hex.AppendEncode(append(b, "  "...), d[:n]), '\n')
		d = d[n:]
	}
	return b, nil
}

// ReadVectors reads a recording.
func ReadVectors(r io.Reader) ([]Vector, error) {
	var all []Vector
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || words[0][0] == '#':
			continue
		case line[0] == ' ' || line[0] == '\t':
			data, err := hex.DecodeString(strings.Join(words, ""))
			if err != nil || len(all) == 0 {
				return nil, fmt.Errorf("line %d: %q is no hex of a datagram", n, line)
			}
			last := &all[len(all)-1]
			last.Data = append(last.Data, data...)
		default:
			v, err := head(words)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			all = append(all, v)
		}
	}
	return all, lines.Err()
}

func head(words []string) (v Vector, err error) {
	if len(words) < 2 || len(words[0]) != 1 || !strings.Contains("+<>", words[0]) {
		return v, fmt.Errorf("%q begins no datagram", words[0])
	}
	v.Dir = words[0][0]
	if v.Socket, err = strconv.Atoi(words[1]); err != nil {
		return v, fmt.Errorf("%q is no socket number", words[1])
	}
	for _, w := range words[2:] {
		g, err := strconv.ParseUint(w, 10, 32)
		if err != nil {
			return v, fmt.Errorf("%q is no group", w)
		}
		v.Groups = append(v.Groups, uint32(g))
	}
	return v, nil
}

// Vectors reads the recording in a file, for a test.
func Vectors(t testing.TB, path string) []Vector {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := ReadVectors(f)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return all
}

// Messages yields the messages of the datagram, up to where framing breaks.
func (v Vector) Messages() iter.Seq[nl.Message] {
	return func(yield func(nl.Message) bool) {
		for b := v.Data; len(b) >= headerLen; {
			n := int(binary.NativeEndian.Uint32(b))
			if n < headerLen || n > len(b) {
				return
			}
			m := nl.Message{
				Type: binary.NativeEndian.Uint16(b[4:]), Flags: binary.NativeEndian.Uint16(b[6:]),
				Seq: binary.NativeEndian.Uint32(b[8:]), Port: binary.NativeEndian.Uint32(b[12:]),
				NSID: -1, Data: b[headerLen:n:n],
			}
			if !yield(m) {
				return
			}
			b = b[min(attr.Align(n), len(b)):]
		}
	}
}
