package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A pkg is a Go package as its syntax shows it: no type checker runs, so that a
// package whose generated file is missing can be read.
type pkg struct {
	dir     string
	name    string
	fset    *token.FileSet
	types   map[string]*ast.TypeSpec
	imports map[*ast.TypeSpec]map[string]string // name in the file -> import path
	consts  map[string]bool
	names   map[string]token.Pos // everything declared at package level
	methods map[string]bool      // "Type.method"
	order   []string             // of types with a directive, sorted
	kinds   map[string]dirKind   // their directives
	msgs    map[string][]string  // the message types that a directive names
	skips   map[string][]string  // the attributes that are known and not wanted
	wanted  []wanted             // constants that directives name
	done    map[string]*typ
	others  map[string]*pkg // by directory
	module  string
	root    string
	errs    []error
}

// wanted is a constant that must be there.
type wanted struct {
	pos  token.Pos
	name string
}

// dirKind is what a directive makes of a type.
type dirKind string

const (
	kMessage dirKind = "message"
	kNest    dirKind = "nest"
	kStruct  dirKind = "struct"
)

// load reads the package in dir and analyses its tagged types.
func load(dir string) (*pkg, error) {
	p, err := parse(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range p.order {
		p.typ(name)
	}
	for _, w := range p.wanted {
		if !p.consts[w.name] {
			p.errorf(w.pos, "%q is not a constant of the package", w.name)
		}
	}
	p.clashes()
	return p, errors.Join(p.errs...)
}

func parse(dir string) (*pkg, error) {
	p := &pkg{
		dir: dir, fset: token.NewFileSet(),
		types: map[string]*ast.TypeSpec{}, imports: map[*ast.TypeSpec]map[string]string{},
		consts: map[string]bool{}, names: map[string]token.Pos{}, methods: map[string]bool{},
		kinds: map[string]dirKind{}, msgs: map[string][]string{}, skips: map[string][]string{}, done: map[string]*typ{}, others: map[string]*pkg{},
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	slices.Sort(files)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(filepath.Base(name), "zz_nl_gen") {
			continue
		}
		f, err := parser.ParseFile(p.fset, name, nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		p.name = f.Name.Name
		p.collect(f)
	}
	if p.name == "" {
		return nil, fmt.Errorf("%s: no Go files", dir)
	}
	slices.Sort(p.order)
	return p, nil
}

func (p *pkg) collect(f *ast.File) {
	imports := map[string]string{}
	for _, s := range f.Imports {
		path, _ := strconv.Unquote(s.Path.Value)
		name := path[strings.LastIndex(path, "/")+1:]
		if s.Name != nil {
			name = s.Name.Name
		}
		imports[name] = path
	}
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			p.collectFunc(d)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				p.collectSpec(d, s, imports)
			}
		}
	}
}

func (p *pkg) collectFunc(d *ast.FuncDecl) {
	if d.Recv == nil {
		p.names[d.Name.Name] = d.Pos()
		return
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if id, ok := t.(*ast.Ident); ok {
		p.methods[id.Name+"."+d.Name.Name] = true
	}
}

func (p *pkg) collectSpec(d *ast.GenDecl, s ast.Spec, imports map[string]string) {
	switch s := s.(type) {
	case *ast.ValueSpec:
		for _, n := range s.Names {
			p.names[n.Name] = n.Pos()
			if d.Tok == token.CONST {
				p.consts[n.Name] = true
			}
		}
	case *ast.TypeSpec:
		p.names[s.Name.Name] = s.Pos()
		p.types[s.Name.Name] = s
		p.imports[s] = imports
		doc := s.Doc
		if doc == nil && len(d.Specs) == 1 {
			doc = d.Doc
		}
		p.directive(s, doc)
	}
}

func (p *pkg) directive(s *ast.TypeSpec, doc *ast.CommentGroup) {
	if doc == nil {
		return
	}
	for _, c := range doc.List {
		word, ok := strings.CutPrefix(c.Text, "//nl:")
		if !ok {
			continue
		}
		words := strings.Fields(word)
		if len(words) == 0 {
			words = []string{""}
		}
		if words[0] == "skip" {
			p.skips[s.Name.Name] = append(p.skips[s.Name.Name], words[1:]...)
			for _, w := range words[1:] {
				p.wanted = append(p.wanted, wanted{c.Pos(), w})
			}
			continue
		}
		k := dirKind(words[0])
		if k != kMessage && k != kNest && k != kStruct {
			p.errorf(c.Pos(), "directive %q: want message, nest, struct or skip", word)
			continue
		}
		if _, ok := s.Type.(*ast.StructType); !ok {
			p.errorf(c.Pos(), "//nl:%s on %s, which is not a struct", word, s.Name.Name)
			continue
		}
		if len(words) > 1 && k != kMessage {
			p.errorf(c.Pos(), "directive %q: only a message has types", word)
			continue
		}
		p.kinds[s.Name.Name] = k
		p.msgs[s.Name.Name] = words[1:]
		for _, w := range words[1:] {
			p.wanted = append(p.wanted, wanted{c.Pos(), w})
		}
		p.order = append(p.order, s.Name.Name)
	}
}

func (p *pkg) errorf(pos token.Pos, format string, args ...any) {
	at := p.fset.Position(pos)
	p.errs = append(p.errs, fmt.Errorf("%s:%d: %s", at.Filename, at.Line, fmt.Sprintf(format, args...)))
}

// clashes reports generated names that the package has already.
func (p *pkg) clashes() {
	made := map[string]string{}
	for _, name := range p.order {
		t := p.done[name]
		if t == nil || t.has == "" {
			continue
		}
		for _, n := range t.generatedNames() {
			if pos, ok := p.names[n]; ok {
				p.errorf(pos, "%s is also the name of a generated constant of %s", n, name)
			}
			if other, ok := made[n]; ok {
				p.errorf(p.types[name].Pos(), "constant %s would be generated for %s and for %s", n, other, name)
			}
			made[n] = name
		}
	}
}

// other returns the package of this module that path imports, nil if it is not of this module.
func (p *pkg) other(path string) (*pkg, error) {
	if err := p.findModule(); err != nil {
		return nil, err
	}
	rel, ok := strings.CutPrefix(path, p.module+"/")
	if !ok {
		return nil, nil
	}
	dir := filepath.Join(p.root, rel)
	if o := p.others[dir]; o != nil {
		return o, nil
	}
	o, err := parse(dir)
	if err != nil {
		return nil, err
	}
	o.module, o.root, o.others = p.module, p.root, p.others
	p.others[dir] = o
	return o, nil
}

func (p *pkg) findModule() error {
	if p.module != "" {
		return nil
	}
	dir, err := filepath.Abs(p.dir)
	if err != nil {
		return err
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			first, _, _ := strings.Cut(string(b), "\n")
			p.module, p.root = strings.TrimSpace(strings.TrimPrefix(first, "module")), dir
			return nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return fmt.Errorf("%s: no go.mod above", p.dir)
		}
		dir = up
	}
}

// tagOf returns the nl part of a field's tag.
func tagOf(f *ast.Field) (string, bool) {
	if f.Tag == nil {
		return "", false
	}
	s, err := strconv.Unquote(f.Tag.Value)
	if err != nil {
		return "", false
	}
	return reflect.StructTag(s).Lookup("nl")
}
