// Package tests holds what needs a kernel, a namespace, a mount or a foreign
// program, and what is said of the project as a whole.
package tests

import (
	"go/parser"
	"go/token"
	iofs "io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/netfs-project/netfs/"

// imports is the policy: who may import what of this module. The first line
// whose pattern matches a package decides. "*" stands for one path element,
// "..." for any number. What a line lists after "os:" only files with a GOOS in
// their name may import. Imports point down only: see docs/ARCHITECTURE.md.
var imports = []struct{ pkg, may, os string }{
	{"fs", "", ""},
	{"fs/treetest", "fs", ""},
	{"fs/fusefs", "fs", ""},
	{"fs/host", "fs fs/* bsd/rtsock", "fs/dhcp/dns nl nl/*"}, // rtsock has simulated kernels
	{"fs/names", "", ""},
	{"fs/joint", "fs nl nl/rt", ""},          // what the _linux.go files of pages share
	{"fs/joint/pf", "fs bsd bsd/rtsock", ""}, // and the _bsd.go files
	{"fs/dhcp", "fs dhcp/... fs/dhcp/dns", "fs/joint fs/joint/pf nl nl/rt bsd bsd/rtsock"},
	{"fs/dhcp/dns/...", "", ""}, // managers of DNS: other programs, no kernel
	{"fs/*", "fs fs/names fs/encap", "fs/joint fs/joint/pf nl nl/* bsd bsd/rtsock"}, // pages: words above, numbers below
	{"bsd", "", ""},
	{"bsd/bsdtest", "bsd bsd/rtsock", ""},
	{"bsd/*", "bsd", ""},
	{"p9", "fs", ""},
	{"p9/...", "p9 fs", ""},
	{"nl/attr", "", ""},
	{"nl", "nl/attr", ""},
	{"nl/internal/...", "nl nl/attr", ""},
	{"nl/nltest", "nl nl/attr", ""},
	{"nl/*", "nl nl/*", ""},      // families build on families
	{"dhcp/...", "dhcp/...", ""}, // knows no kernel and no tree: it says what should be set
	{"cmd/...", "...", ""},
	{"tests/...", "...", ""},
	{"tests", "...", ""},
}

// foreign names the one package that may import what is no business of the others.
var foreign = map[string]string{
	"github.com/godbus/dbus/v5": "fs/dhcp/dns",
}

func TestImports(t *testing.T) {
	root := ".."
	seen := 0
	err := filepath.WalkDir(root, func(path string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || name == "bench" || strings.HasPrefix(name, ".") && name != "..") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		seen++
		checkFile(t, root, path)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, seen, 20, "the walk missed the packages")
}

func checkFile(t *testing.T, root, path string) {
	rel, err := filepath.Rel(root, path)
	require.NoError(t, err)
	pkg := filepath.ToSlash(filepath.Dir(rel))
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	require.NoError(t, err)
	for _, im := range f.Imports {
		p, err := strconv.Unquote(im.Path.Value)
		require.NoError(t, err)
		if only := foreign[p]; only != "" && only != pkg {
			t.Errorf("%s imports %s: only %s may", rel, p, only)
		}
		dep, ours := strings.CutPrefix(p, module)
		if ours && !allowed(pkg, dep, osFile(rel)) {
			t.Errorf("%s imports %s: add the edge to the table if it is meant", rel, dep)
		}
	}
}

func allowed(pkg, dep string, os bool) bool {
	for _, r := range imports {
		if !match(r.pkg, pkg) {
			continue
		}
		may := strings.Fields(r.may)
		if os {
			may = append(may, strings.Fields(r.os)...)
		}
		for _, m := range may {
			if match(m, dep) {
				return true
			}
		}
		return false
	}
	return false
}

// osFile reports whether the file's name ends in the name of a system.
func osFile(path string) bool {
	name := strings.TrimSuffix(filepath.Base(path), ".go")
	_, os, _ := strings.Cut(name, "_")
	switch os {
	case "linux", "freebsd", "openbsd", "netbsd", "dragonfly", "darwin", "bsd":
		return true
	}
	return strings.HasSuffix(name, "_linux") || strings.HasSuffix(name, "_bsd")
}

func match(pattern, pkg string) bool {
	if pattern == "..." {
		return true
	}
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	if base, ok := strings.CutSuffix(pattern, "/*"); ok {
		rest, ok := strings.CutPrefix(pkg, base+"/")
		return ok && !strings.Contains(rest, "/")
	}
	return pattern == pkg
}

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pkg, dep string
		os, want bool
	}{
		{"fs", "nl", false, false},
		{"fs/link", "nl/rt", false, false},
		{"fs/link", "nl/rt", true, true},
		{"fs/link", "fs/addr", true, false},
		{"nl/rt", "fs", false, false},
		{"p9", "fs/link", false, false},
		{"nl/mptcp", "nl/genl", false, true},
		{"unheard/of", "fs", false, false},
	} {
		require.Equal(t, c.want, allowed(c.pkg, c.dep, c.os), "%s → %s", c.pkg, c.dep)
	}
}
