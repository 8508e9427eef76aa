package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const preamble = `package p

import (
	"net/netip"
	"time"
)

const (
	A = 1
	B = 2
)

//nl:struct
type H struct {
	Family uint8
	Len    uint8
	Wide   uint16
}

//nl:nest
type N struct {
	X uint32 ` + "`nl:\"A\"`" + `
}

`

// first is the line that follows the preamble.
var first = strings.Count(preamble, "\n") + 1

func TestBadTagsAreToldWithTheirLine(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"constant", "//nl:nest\ntype T struct {\n\tX uint32 `nl:\"NOPE\"`\n}", `T.X: "NOPE" is not a constant`},
		{"option", "//nl:nest\ntype T struct {\n\tX uint32 `nl:\"A,bigendian\"`\n}", `T.X: option "bigendian": not known`},
		{"type", "//nl:nest\ntype T struct {\n\tX float64 `nl:\"A\"`\n}", "T.X float64: no wire form"},
		{"map", "//nl:nest\ntype T struct {\n\tX map[string]int `nl:\"A\"`\n}", "no wire form"},
		{"header first", "//nl:message\ntype T struct {\n\tX uint32 `nl:\"A\"`; Hdr H `nl:\"header\"`\n}", "a header comes first"},
		{"header is a struct", "//nl:message\ntype T struct {\n\tHdr N `nl:\"header\"`\n}", "a header must be an //nl:struct"},
		{"prefix", "//nl:nest\ntype T struct {\n\tX netip.Prefix `nl:\"A\"`\n}", "a prefix wants len="},
		{"len", "//nl:message\ntype T struct {\n\tHdr H `nl:\"header\"`; X netip.Prefix `nl:\"A,len=Hdr.Nope\"`\n}", "Hdr.Nope is not an 8-bit field of the header"},
		{"len is 8 bits", "//nl:message\ntype T struct {\n\tHdr H `nl:\"header\"`; X netip.Prefix `nl:\"A,len=Hdr.Wide\"`\n}", "Hdr.Wide is not an 8-bit field of the header"},
		{"duration", "//nl:nest\ntype T struct {\n\tX time.Duration `nl:\"A\"`\n}", "wants unit="},
		{"unit", "//nl:nest\ntype T struct {\n\tX time.Duration `nl:\"A,unit=h\"`\n}", `option "unit=h": want s, ms`},
		{"width", "//nl:nest\ntype T struct {\n\tX time.Duration `nl:\"A,unit=s,width=33\"`\n}", "want 8, 16, 32 or 64"},
		{"flag", "//nl:nest\ntype T struct {\n\tX uint8 `nl:\"A,flag\"`\n}", "flag is for bool"},
		{"big endian", "//nl:nest\ntype T struct {\n\tX string `nl:\"A,be\"`\n}", "be is for integers"},
		{"array", "//nl:nest\ntype T struct {\n\tX uint32 `nl:\"A,array\"`\n}", "array wants a slice"},
		{"array and multi", "//nl:nest\ntype T struct {\n\tX []uint32 `nl:\"A,array,multi\"`\n}", "at once"},
		{"list without a form", "//nl:nest\ntype T struct {\n\tX []uint32 `nl:\"A\"`\n}", "no wire form"},
		{"packed", "//nl:nest\ntype T struct {\n\tX []string `nl:\"A,packed\"`\n}", "packed is for integers and structs"},
		{"records", "//nl:nest\ntype T struct {\n\tX []N `nl:\"A,records\"`\n}", "records wants"},
		{"func", "//nl:nest\ntype T struct {\n\tX any `nl:\"A,func\"`\n}", "func wants the method appendX"},
		{"when", "//nl:nest\ntype T struct {\n\tX uint32 `nl:\"A,when=Kind\"`\n}", "want when=Field:value"},
		{"when of nothing", "//nl:nest\ntype T struct {\n\tX uint32 `nl:\"A,when=Kind:a\"`\n}", "when=Kind: no such field"},
		{"in", "//nl:nest\ntype T struct {\n\tX uint32 `nl:\"A,in=Kind\"`\n}", "in=Kind: no such field"},
		{"twice", "//nl:nest\ntype T struct {\n\tX uint32 `nl:\"A\"`; Y uint32 `nl:\"A\"`\n}", "A is the attribute of X and of Y"},
		{"set", "//nl:nest\ntype T struct {\n\tHas uint64\n}", "T.Has: its type must be TSet"},
		{"rest", "//nl:nest\ntype T struct {\n\tOther []byte `nl:\"rest\"`\n}", "the rest is kept in Rest []attr.Raw"},
		{"pointer", "//nl:nest\ntype T struct {\n\tX *uint32 `nl:\"A\"`\n}", "a pointer must be to an //nl:nest"},
		{"struct tag", "//nl:struct\ntype T struct {\n\tX uint32 `nl:\"A\"`\n}", `a field of an //nl:struct takes be, not "A"`},
		{"struct type", "//nl:struct\ntype T struct {\n\tX string\n}", "no C layout is known"},
		{"flags and packed", "//nl:nest\ntype T struct {\n\tX bool `nl:\"A,flag=1\"`\n}", "takes no value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := loadSource(t, c.src)
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.want)
			// the line of the field, or of the type where that is at fault
			assert.Regexp(t, fmt.Sprintf(`p\.go:(%d|%d): `, first+1, first+2), err.Error())
		})
	}
}

func TestBadDirectives(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"//nl:thing\ntype T struct{}", `directive "thing": want message, nest, struct or skip`},
		{"//nl:message\ntype T int", "which is not a struct"},
		{"//nl:nest A\ntype T struct{}", "only a message has types"},
		{"//nl:message NOPE\ntype T struct{}", `"NOPE" is not a constant`},
		{"//nl:nest\n//nl:skip NOPE\ntype T struct{}", `"NOPE" is not a constant`},
		{"//nl:nest\ntype T struct {\n\tX uint8 `nl:\"A\"`\n\tHas TSet\n}\n\ntype TX int", "TX is also the name of a generated constant of T"},
		{"//nl:nest\ntype T struct {\n\tXY uint8 `nl:\"A\"`\n\tHas TSet\n}\n\n//nl:nest\ntype TX struct {\n\tY uint8 `nl:\"A\"`\n\tHas TXSet\n}", "constant TXY would be generated for T and for TX"},
	} {
		_, err := loadSource(t, c.src)
		if assert.Error(t, err, c.src) {
			assert.Contains(t, err.Error(), c.want)
		}
	}
}

func TestSetsOfMoreThan64(t *testing.T) {
	var src strings.Builder
	src.WriteString("//nl:nest\ntype T struct {\n")
	consts := "const (\n"
	for i := range 65 {
		src.WriteString("\tF" + strconv.Itoa(i) + " uint8 `nl:\"C" + strconv.Itoa(i) + "\"`\n")
		consts += "\tC" + strconv.Itoa(i) + " = " + strconv.Itoa(i) + "\n"
	}
	src.WriteString("\tHas TSet\n}\n" + consts + ")\n")
	_, err := loadSource(t, src.String())
	require.Error(t, err)
	assert.Contains(t, err.Error(), "65 attributes do not fit a set of 64")
}

func loadSource(t *testing.T, src string) (*pkg, error) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.org/p\n"), 0o600))
	full := preamble + src + "\n\nvar _ netip.Addr\nvar _ time.Duration\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "p.go"), []byte(full), 0o600))
	return load(dir)
}

// Every package of nl that has tagged structs has the output of this generator.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	found := 0
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Name() != "zz_nl_gen.go" {
			return err
		}
		found++
		dir := filepath.Dir(path)
		p, err := load(dir)
		require.NoError(t, err)
		codecs, tests, err := p.generate()
		require.NoError(t, err)
		for name, want := range map[string][]byte{"zz_nl_gen.go": codecs, "zz_nl_gen_test.go": tests} {
			got, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			if !bytes.Equal(got, want) {
				t.Errorf("%s/%s: go generate makes another", dir, name)
			}
		}
		return nil
	})
	require.NoError(t, err)
	assert.GreaterOrEqual(t, found, 2)
}
