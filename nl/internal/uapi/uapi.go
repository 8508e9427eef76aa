// Package uapi holds the constants of a family package against the kernel's
// headers that are installed. It is for tests:
//
//	func TestHeaders(t *testing.T) { uapi.Check(t, "linux/genetlink.h") }
//
// A number that the headers do not have must say so in its comment, by the
// Linux version that brought it ("Linux 6.14") or took it away, or by the words
// "no installed header".
package uapi

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A number is a constant that the headers should have.
type number struct {
	name    string
	val     string
	excused bool // its comment tells why a header may not have it
}

var (
	abiName = regexp.MustCompile(`^[A-Z][A-Z0-9]*_[A-Z0-9_]+$`)
	excuse  = regexp.MustCompile(`Linux \d|no installed header`)
	unknown = regexp.MustCompile(`['‘"](\w+)['’"] undeclared|use of undeclared identifier '(\w+)'`)
	wrong   = regexp.MustCompile(`static assertion failed.*"(.*)"|static assertion failed.*: (.*)`)
)

// Check compares the constants of the package in the working directory whose
// names are spelled as C spells them. It skips without a C compiler.
func Check(t *testing.T, includes ...string) {
	t.Helper()
	cc, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("no C compiler")
	}
	for _, inc := range includes {
		if _, err := os.Stat(filepath.Join("/usr/include", inc)); err != nil {
			t.Skipf("no header %s", inc)
		}
	}
	nums, err := numbers(".")
	if err != nil {
		t.Fatal(err)
	}
	if len(nums) == 0 {
		t.Fatal("no constants with names of C")
	}
	out := compile(t, cc, program(includes, nums))
	missing := map[string]bool{}
	for _, m := range unknown.FindAllStringSubmatch(out, -1) {
		missing[m[1]+m[2]] = true
	}
	for _, n := range nums {
		if missing[n.name] && !n.excused {
			t.Errorf("%s is in none of %v", n.name, includes)
		}
		delete(missing, n.name)
	}
	for name := range missing {
		t.Errorf("%v need a header that has %s", includes, name)
	}
	for _, m := range wrong.FindAllStringSubmatch(out, -1) {
		t.Errorf("the headers say otherwise: %s%s", m[1], m[2])
	}
	if out != "" && !unknown.MatchString(out) && !wrong.MatchString(out) {
		t.Errorf("cc: %s", out)
	}
}

// compile returns what the compiler complains of.
func compile(t *testing.T, cc, prog string) string {
	cmd := exec.Command(cc, "-fsyntax-only", "-fmax-errors=0", "-xc", "-")
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdin = strings.NewReader(prog)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Run(); err != nil && out.Len() == 0 {
		t.Fatal(err)
	}
	return out.String()
}

func program(includes []string, nums []number) string {
	var b strings.Builder
	for _, inc := range includes {
		fmt.Fprintf(&b, "#include <%s>\n", inc)
	}
	for _, n := range nums {
		fmt.Fprintf(&b, "_Static_assert((%s) == %s, \"%s is not %s\");\n", n.name, n.val, n.name, n.val)
	}
	return b.String()
}

// numbers reads the constants of the Go files in dir.
func numbers(dir string) ([]number, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	// Imports are not resolved: constants of the ABI need none.
	conf := types.Config{Error: func(error) {}, Importer: nowhere{}}
	info := types.Info{Defs: map[*ast.Ident]types.Object{}}
	conf.Check("p", fset, files, &info)

	var nums []number
	for _, f := range files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				nums = append(nums, ofSpec(&info, g, s.(*ast.ValueSpec))...)
			}
		}
	}
	return nums, nil
}

func ofSpec(info *types.Info, g *ast.GenDecl, s *ast.ValueSpec) []number {
	excused := excuse.MatchString(g.Doc.Text() + s.Doc.Text() + s.Comment.Text())
	var nums []number
	for _, id := range s.Names {
		c, ok := info.Defs[id].(*types.Const)
		if !ok || !abiName.MatchString(id.Name) {
			continue
		}
		v := constant.ToInt(c.Val())
		if v.Kind() != constant.Int {
			continue // a string
		}
		nums = append(nums, number{id.Name, v.ExactString(), excused})
	}
	return nums
}

type nowhere struct{}

func (nowhere) Import(path string) (*types.Package, error) {
	return nil, fmt.Errorf("%s: not looked at", path)
}
