package main

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// A typ is a tagged type, analysed.
type typ struct {
	name   string // as written in the generated package: "Route", "genl.Header"
	imp    string // import path if it is another package's
	kind   dirKind
	msgs   []string // the message types that carry it
	skips  []string // attributes that are known and dropped
	header *field   // the fixed part, nil if none
	fields []*field
	has    string // the presence type, "" if the type has no field Has
	rest   bool
	// of a struct: the bytes of its C layout, and its alignment
	size, align int
	members     []member
	busy        bool            // its layout is being made
	hand        map[string]bool // hand-written methods schemaFIELD and chooseFIELD
}

// A member is one field of a fixed struct.
type member struct {
	name   string // "_" for padding
	off    int
	base   string // uint8..int64, bool, or "" for a nested struct
	goType string
	count  int // of an array, else 1
	array  bool
	be     bool
	sub    *typ
}

// A field is one attribute of a message or nest.
type field struct {
	name   string // Go name
	attr   string // constant
	pos    token.Pos
	goType string // the Go type as written
	elem   elem   // what one value is
	ptr    bool
	// container
	list string // "", "array", "multi", "packed", "records"
	opt  options
	// union: the fields that carry the same attribute
	whenField, whenValues string
}

// elem is a scalar, or a nest or struct.
type elem struct {
	kind   string // uint, int, bool, string, bytes, addr, prefix, duration, fixed, struct, nest, func
	goType string
	bits   int
	count  int // of fixed: [N]byte
	sub    *typ
}

type options struct {
	be, flag, fn, always, nosend, nonul, plain bool // plain: nested=no
	array, multi, packed, records              bool
	base                                       int
	elemType                                   string // of array elements
	unit                                       string
	width                                      int
	length, over, in                           string
	when                                       string
	v6                                         string // the attribute for addresses of 16 bytes
}

func (p *pkg) typ(name string) *typ {
	if t, ok := p.done[name]; ok {
		return t
	}
	t := &typ{name: name, kind: p.kinds[name], msgs: p.msgs[name], skips: p.skips[name], hand: map[string]bool{}}
	p.done[name] = t
	spec := p.types[name]
	st := spec.Type.(*ast.StructType)
	if t.kind == kStruct {
		p.layout(t, spec, st)
		return t
	}
	for _, f := range st.Fields.List {
		p.attrField(t, spec, f)
	}
	p.checkRefs(t, spec)
	return t
}

// fieldNames gives the Go names of one line of a struct.
func fieldNames(f *ast.Field) []string {
	if len(f.Names) == 0 {
		return []string{typeBase(f.Type)}
	}
	var names []string
	for _, n := range f.Names {
		names = append(names, n.Name)
	}
	return names
}

func typeBase(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.StarExpr:
		return typeBase(e.X)
	}
	return ""
}

func (p *pkg) attrField(t *typ, spec *ast.TypeSpec, f *ast.Field) {
	tag, tagged := tagOf(f)
	for _, name := range fieldNames(f) {
		switch {
		case name == "Has":
			p.presence(t, f)
		case !tagged:
			// the package's own field; Reset clears it
			t.fields = append(t.fields, &field{name: name, pos: f.Pos(), goType: exprString(f.Type)})
		case tag == "header":
			p.headerField(t, spec, f, name)
		case tag == "rest":
			t.rest = true
			if s := exprString(f.Type); name != "Rest" || s != "[]attr.Raw" {
				p.errorf(f.Pos(), "%s.%s %s: the rest is kept in Rest []attr.Raw", t.name, name, s)
			}
		default:
			p.attribute(t, spec, f, name, tag)
		}
	}
}

func (p *pkg) presence(t *typ, f *ast.Field) {
	id, ok := f.Type.(*ast.Ident)
	if !ok || id.Name != t.name+"Set" {
		p.errorf(f.Pos(), "%s.Has: its type must be %sSet", t.name, t.name)
		return
	}
	t.has = id.Name
}

func (p *pkg) headerField(t *typ, spec *ast.TypeSpec, f *ast.Field, name string) {
	sub := p.tagged(spec, f.Type)
	if sub == nil || sub.kind != kStruct {
		p.errorf(f.Pos(), "%s.%s: a header must be an //nl:struct type", t.name, name)
		return
	}
	if t.header != nil || len(t.fields) > 0 {
		p.errorf(f.Pos(), "%s.%s: a header comes first, and once", t.name, name)
		return
	}
	t.header = &field{name: name, pos: f.Pos(), goType: exprString(f.Type), elem: elem{kind: "struct", sub: sub}}
}

func (p *pkg) attribute(t *typ, spec *ast.TypeSpec, f *ast.Field, name, tag string) {
	words := strings.Split(tag, ",")
	fd := &field{name: name, attr: words[0], pos: f.Pos(), goType: exprString(f.Type)}
	if !p.isConst(spec, fd.attr) {
		p.errorf(f.Pos(), "%s.%s: %q is not a constant of the package", t.name, name, fd.attr)
		return
	}
	for _, w := range words[1:] {
		if err := fd.opt.set(w); err != "" {
			p.errorf(f.Pos(), "%s.%s: option %q: %s", t.name, name, w, err)
			return
		}
	}
	if v6 := fd.opt.v6; v6 != "" && !p.isConst(spec, v6) {
		p.errorf(f.Pos(), "%s.%s: %q is not a constant of the package", t.name, name, v6)
		return
	}
	if fd.opt.when != "" {
		var ok bool
		fd.whenField, fd.whenValues, ok = strings.Cut(fd.opt.when, ":")
		if !ok || fd.whenField == "" || fd.whenValues == "" {
			p.errorf(f.Pos(), "%s.%s: option when=%s: want when=Field:value", t.name, name, fd.opt.when)
			return
		}
	}
	if msg := p.shape(t, spec, f.Type, fd); msg != "" {
		p.errorf(f.Pos(), "%s.%s %s: %s", t.name, name, fd.goType, msg)
		return
	}
	for _, m := range []string{"schema", "choose"} {
		t.hand[m+name] = p.methods[t.name+"."+m+name]
	}
	t.fields = append(t.fields, fd)
}

// isConst says whether name is a constant that the package can see.
func (p *pkg) isConst(spec *ast.TypeSpec, name string) bool {
	pkgName, sel, ok := strings.Cut(name, ".")
	if !ok {
		return p.consts[name]
	}
	o, err := p.other(p.imports[spec][pkgName])
	return err == nil && o != nil && o.consts[sel]
}

// set takes one option of a tag; it returns what is wrong with it.
func (o *options) set(w string) string {
	k, v, has := strings.Cut(w, "=")
	flags := map[string]*bool{
		"be": &o.be, "flag": &o.flag, "func": &o.fn, "always": &o.always, "nosend": &o.nosend, "nonul": &o.nonul,
		"array": &o.array, "multi": &o.multi, "packed": &o.packed, "records": &o.records,
	}
	if b := flags[k]; b != nil {
		*b = true
		if has {
			return "takes no value"
		}
		return ""
	}
	words := map[string]*string{"len": &o.length, "over": &o.over, "in": &o.in, "when": &o.when, "elem": &o.elemType, "v6": &o.v6}
	if s := words[k]; s != nil {
		*s = v
		if v == "" {
			return "wants a value"
		}
		return ""
	}
	var err error
	switch k {
	case "unit":
		if o.unit = v; units[v] == "" {
			return "want s, ms, us, ns or jiffies"
		}
	case "width":
		if o.width, err = strconv.Atoi(v); err != nil || !slices.Contains([]int{8, 16, 32, 64}, o.width) {
			return "want 8, 16, 32 or 64"
		}
	case "base":
		if o.base, err = strconv.Atoi(v); err != nil {
			return "want a number"
		}
		if o.base == 0 {
			o.base = -1
		}
	case "nested":
		if v != "no" {
			return "want nested=no"
		}
		o.plain = true
	default:
		return "not known"
	}
	return ""
}

// units in Go's notation.
var units = map[string]string{
	"s": "time.Second", "ms": "time.Millisecond", "us": "time.Microsecond", "ns": "time.Nanosecond",
	"jiffies": "(10 * time.Millisecond)",
}

// shape finds what the Go type makes of the attribute; it returns what is wrong.
func (p *pkg) shape(t *typ, spec *ast.TypeSpec, e ast.Expr, fd *field) string {
	o := &fd.opt
	if o.fn {
		fd.elem = elem{kind: "func", goType: fd.goType}
		return p.needMethods(t, fd)
	}
	lists := map[string]bool{"array": o.array, "multi": o.multi, "packed": o.packed, "records": o.records}
	for _, l := range []string{"array", "multi", "packed", "records"} {
		if lists[l] && fd.list != "" {
			return l + " and " + fd.list + " at once"
		}
		if lists[l] {
			fd.list = l
		}
	}
	if star, ok := e.(*ast.StarExpr); ok {
		fd.ptr, e = true, star.X
	}
	if fd.list != "" {
		a, ok := p.underlying(spec, e).(*ast.ArrayType)
		if !ok || a.Len != nil {
			return fd.list + " wants a slice"
		}
		e = a.Elt
	}
	var msg string
	if fd.elem, msg = p.element(spec, e); msg != "" {
		return msg
	}
	return fd.check()
}

func (p *pkg) needMethods(t *typ, fd *field) string {
	for _, m := range []string{"append", "decode"} {
		if m == "append" && fd.opt.nosend {
			continue
		}
		if !p.methods[t.name+"."+m+fd.name] {
			return "func wants the method " + m + fd.name
		}
	}
	return ""
}

// check says which options do not go with the type.
func (fd *field) check() string {
	o, k := &fd.opt, fd.elem.kind
	inside := k == "nest" || k == "struct"
	switch {
	case fd.ptr && !inside:
		return "a pointer must be to an //nl:nest or //nl:struct type"
	case fd.ptr && fd.list != "":
		return "no pointer in a list"
	case k == "duration" && o.unit == "":
		return "a duration wants unit="
	case k != "duration" && o.unit != "":
		return "unit= is for time.Duration"
	case k == "prefix" && (o.length == "" || fd.list != ""):
		return "a prefix wants len=Header.Field"
	case k != "prefix" && o.length != "":
		return "len= is for netip.Prefix"
	case o.flag && (k != "bool" || fd.list != ""):
		return "flag is for bool"
	case o.be && k != "uint" && k != "int" && k != "duration":
		return "be is for integers"
	case o.over != "" && (k != "uint" || fd.list != ""):
		return "over= is for unsigned integers"
	case o.nonul && k != "string":
		return "nonul is for strings"
	case fd.list == "packed" && k != "uint" && k != "int" && k != "struct":
		return "packed is for integers and structs"
	case fd.list == "records" && (k != "nest" || fd.elem.sub.header == nil):
		return "records wants an //nl:nest type with a header that begins with a 16-bit length"
	case o.v6 != "" && (k != "addr" || fd.list != "" || o.in != "" || o.when != ""):
		return "v6= is for netip.Addr"
	case fd.list == "multi" && (o.in != "" || o.when != ""):
		return "multi does not go with in= and when="
	case o.elemType != "" && fd.list != "array":
		return "elem= is for arrays"
	case o.base != 0 && fd.list != "array":
		return "base= is for arrays"
	}
	return ""
}

// tagged returns the analysed type that e names, here or in another package of the module.
func (p *pkg) tagged(spec *ast.TypeSpec, e ast.Expr) *typ {
	switch e := e.(type) {
	case *ast.Ident:
		if p.kinds[e.Name] != "" {
			return p.typ(e.Name)
		}
	case *ast.SelectorExpr:
		id, ok := e.X.(*ast.Ident)
		if !ok {
			return nil
		}
		path := p.imports[spec][id.Name]
		o, err := p.other(path)
		if err != nil {
			p.errorf(e.Pos(), "%s.%s: %v", id.Name, e.Sel.Name, err)
			return nil
		}
		if o == nil || o.kinds[e.Sel.Name] == "" {
			return nil
		}
		t := *o.typ(e.Sel.Name)
		p.errs = append(p.errs, o.errs...)
		o.errs = nil
		t.name, t.imp = id.Name+"."+e.Sel.Name, path
		if t.has != "" {
			t.has = id.Name + "." + t.has
		}
		return &t
	}
	return nil
}

// underlying follows the package's own named types.
func (p *pkg) underlying(spec *ast.TypeSpec, e ast.Expr) ast.Expr {
	for range 10 {
		id, ok := e.(*ast.Ident)
		if !ok || p.types[id.Name] == nil {
			break
		}
		e = p.types[id.Name].Type
	}
	return e
}

var basic = map[string]int{
	"uint8": 8, "byte": 8, "uint16": 16, "uint32": 32, "uint64": 64,
	"int8": 8, "int16": 16, "int32": 32, "int64": 64,
}

func (p *pkg) element(spec *ast.TypeSpec, e ast.Expr) (elem, string) {
	el := elem{goType: exprString(e)}
	if t := p.tagged(spec, e); t != nil {
		el.sub, el.kind = t, "nest"
		if t.kind == kStruct {
			el.kind = "struct"
		}
		return el, ""
	}
	switch el.goType {
	case "netip.Addr":
		el.kind = "addr"
		return el, ""
	case "netip.Prefix":
		el.kind = "prefix"
		return el, ""
	case "time.Duration":
		el.kind = "duration"
		return el, ""
	case "net.HardwareAddr":
		el.kind = "bytes"
		return el, ""
	}
	switch u := p.underlying(spec, e).(type) {
	case *ast.Ident:
		switch {
		case u.Name == "bool" || u.Name == "string":
			el.kind = u.Name
			return el, ""
		case basic[u.Name] > 0:
			el.kind, el.bits = "uint", basic[u.Name]
			if u.Name[0] == 'i' {
				el.kind = "int"
			}
			return el, ""
		}
	case *ast.ArrayType:
		if !isByte(u.Elt) {
			break
		}
		if u.Len == nil {
			el.kind = "bytes"
			return el, ""
		}
		n, ok := intLit(u.Len)
		if !ok {
			return el, "the length of an array must be a literal number"
		}
		el.kind, el.count = "fixed", n
		return el, ""
	}
	return el, "no wire form is known for this type"
}

func isByte(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && (id.Name == "byte" || id.Name == "uint8")
}

func intLit(e ast.Expr) (int, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(lit.Value, 0, 32)
	return int(n), err == nil
}

func exprString(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return exprString(e.X) + "." + e.Sel.Name
	case *ast.StarExpr:
		return "*" + exprString(e.X)
	case *ast.ArrayType:
		if e.Len == nil {
			return "[]" + exprString(e.Elt)
		}
		return "[" + exprString(e.Len) + "]" + exprString(e.Elt)
	case *ast.BasicLit:
		return e.Value
	}
	return "?"
}

// layout computes the C layout of a fixed struct: natural alignment, size a multiple of it.
func (p *pkg) layout(t *typ, spec *ast.TypeSpec, st *ast.StructType) {
	if t.busy {
		return
	}
	t.busy, t.align = true, 1
	off := 0
	for _, f := range st.Fields.List {
		tag, _ := tagOf(f)
		if tag != "" && tag != "be" && tag != ",be" {
			p.errorf(f.Pos(), "%s: a field of an //nl:struct takes be, not %q", t.name, tag)
		}
		for _, name := range fieldNames(f) {
			m, size, align, ok := p.member(spec, f.Type)
			if !ok {
				p.errorf(f.Pos(), "%s.%s %s: no C layout is known for this type", t.name, name, exprString(f.Type))
				return
			}
			m.name, m.be = name, tag != ""
			off = (off + align - 1) / align * align
			m.off = off
			off += size * m.count
			t.align = max(t.align, align)
			t.members = append(t.members, m)
		}
	}
	t.size = (off + t.align - 1) / t.align * t.align
	t.busy = false
}

func (p *pkg) member(spec *ast.TypeSpec, e ast.Expr) (m member, size, align int, ok bool) {
	m.count = 1
	if a, isArray := p.underlying(spec, e).(*ast.ArrayType); isArray && a.Len != nil {
		if m.count, ok = intLit(a.Len); !ok {
			return m, 0, 0, false
		}
		m.array, e = true, a.Elt
	}
	m.goType = exprString(e)
	if t := p.tagged(spec, e); t != nil && t.kind == kStruct {
		m.sub = t
		return m, t.size, t.align, true
	}
	id, isIdent := p.underlying(spec, e).(*ast.Ident)
	if !isIdent {
		return m, 0, 0, false
	}
	m.base = id.Name
	if id.Name == "bool" {
		return m, 1, 1, true
	}
	n := basic[id.Name] / 8
	return m, n, n, n > 0
}

// checkRefs checks the options that name other fields.
func (p *pkg) checkRefs(t *typ, spec *ast.TypeSpec) {
	for _, f := range t.fields {
		for _, ref := range []string{f.opt.length, f.opt.over} {
			if m := t.inHeader(ref); ref != "" && (m == nil || m.width() != 1) {
				p.errorf(f.pos, "%s.%s: %s is not an 8-bit field of the header", t.name, f.name, ref)
			}
		}
		if f.opt.in != "" && t.field(f.opt.in) == nil {
			p.errorf(f.pos, "%s.%s: in=%s: no such field", t.name, f.name, f.opt.in)
		}
		if f.whenField != "" && t.field(f.whenField) == nil && t.inHeader(f.whenField) == nil {
			p.errorf(f.pos, "%s.%s: when=%s: no such field", t.name, f.name, f.whenField)
		}
	}
	seen := map[string]*field{}
	for _, f := range t.fields {
		other := seen[f.attr]
		if f.attr != "" && other != nil && other.whenField == "" && f.whenField == "" {
			p.errorf(f.pos, "%s: %s is the attribute of %s and of %s; tell them apart with when=", t.name, f.attr, other.name, f.name)
		}
		seen[f.attr] = f
	}
	if n := len(t.bitFields()); t.has != "" && n > 64 {
		p.errorf(spec.Pos(), "%s: %d attributes do not fit a set of 64", t.name, n)
	}
}

func (t *typ) field(name string) *field {
	for _, f := range t.fields {
		if f.name == name {
			return f
		}
	}
	return nil
}

// inHeader returns the member of the header that ref ("Hdr.Family") names, nil if there is none.
func (t *typ) inHeader(ref string) *member {
	h, name, ok := strings.Cut(ref, ".")
	if !ok || t.header == nil || t.header.name != h {
		return nil
	}
	members := t.header.elem.sub.members
	for i := range members {
		if members[i].name == name {
			return &members[i]
		}
	}
	return nil
}

// bitFields gives the fields that have a presence bit, in order.
func (t *typ) bitFields() []string {
	var names []string
	for _, f := range t.fields {
		if f.attr != "" {
			names = append(names, f.name)
		}
	}
	if t.rest {
		names = append(names, "Rest")
	}
	return names
}

func (t *typ) generatedNames() []string {
	names := []string{t.has}
	for _, f := range t.bitFields() {
		names = append(names, t.name+f)
	}
	return names
}
