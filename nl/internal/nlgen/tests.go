package main

import (
	"fmt"
	"slices"
	"strings"
)

// tests returns the source of zz_nl_gen_test.go, not formatted yet.
func (p *pkg) tests() []byte {
	var o out
	var all []*typ
	for _, name := range p.order {
		all = reach(all, p.done[name])
	}
	for _, t := range all {
		if t.kind == kStruct {
			t.randStruct(&o)
		} else {
			t.randBody(&o)
		}
	}
	for _, name := range p.order {
		t := p.done[name]
		if t.kind == kStruct {
			t.structTest(&o)
			continue
		}
		t.roundTrip(&o)
		t.fuzz(&o)
	}
	for _, h := range helpers {
		if strings.Contains(o.String(), h.name+"(") {
			o.WriteString(h.src)
		}
	}
	return p.file(o.Bytes(), []string{
		"bytes", "math/rand/v2", "net", "net/netip", "reflect", "testing", "time", "", modAttr,
	})
}

// reach adds t and what it contains to all.
func reach(all []*typ, t *typ) []*typ {
	if slices.ContainsFunc(all, func(u *typ) bool { return u.name == t.name }) {
		return all
	}
	all = append(all, t)
	for _, s := range t.subs() {
		all = reach(all, s)
	}
	return all
}

// A helper is written into the test only if it is called there.
type helper struct{ name, src string }

var helpers = []helper{
	{"someAddr", `
func someAddr(r *rand.Rand) netip.Addr {
	var a [16]byte
	for i := range a {
		a[i] = byte(r.Uint32())
	}
	if r.IntN(2) == 0 {
		return netip.AddrFrom4([4]byte(a[:4]))
	}
	return netip.AddrFrom16(a)
}
`},
	{"someBytes", `
func someBytes(r *rand.Rand) []byte {
	b := make([]byte, 1+r.IntN(9))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}
`},
	{"someString", `
func someString(r *rand.Rand) string {
	b := make([]byte, 1+r.IntN(12))
	for i := range b {
		b[i] = 'a' + byte(r.IntN(26))
	}
	return string(b)
}
`},
}

func (t *typ) randName() string { return "rand" + title(strings.ReplaceAll(t.name, ".", "")) }

func (t *typ) testName() string { return title(strings.ReplaceAll(t.name, ".", "")) }

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (t *typ) randStruct(o *out) {
	o.p("func %s(r *rand.Rand) (s %s) {", t.randName(), t.name)
	for _, m := range t.members {
		if m.name == "_" {
			continue
		}
		x := "s." + m.name
		if m.array {
			o.p("for i := range %s {", x)
			x += "[i]"
		}
		switch {
		case m.sub != nil:
			o.p("%s = %s(r)", x, m.sub.randName())
		case m.base == "bool":
			o.p("%s = r.IntN(2) == 1", x)
		default:
			o.p("%s = %s(r.Uint64())", x, m.qualified(t))
		}
		if m.array {
			o.p("}")
		}
	}
	o.p("return s\n}\n")
}

// qualified is the member's Go type as the generated package must write it.
func (m *member) qualified(t *typ) string { return qualify(t, m.goType) }

func qualify(t *typ, goType string) string {
	pkg, _, other := strings.Cut(t.name, ".")
	if !other || basic[goType] > 0 || strings.Contains(goType, ".") || goType == "bool" || goType == "string" {
		return goType
	}
	return pkg + "." + goType
}

// depthOver is where random nests stop.
const depthOver = 3

func (t *typ) randBody(o *out) {
	o.p("func %s(r *rand.Rand, depth int) (m %s) {", t.randName(), t.name)
	if t.header != nil {
		o.p("m.%s = %s(r)", t.header.name, t.header.elem.sub.randName())
	}
	chosen := map[string]bool{}
	for _, f := range t.fields {
		chosen[f.whenField] = true
	}
	for _, f := range t.fields {
		if f.attr == "" || f.opt.nosend || f.elem.kind == "func" || chosen[f.name] || f.opt.in != "" || t.deferred(f) {
			continue
		}
		t.randField(o, f)
	}
	t.randUnions(o)
	o.p("return m\n}\n")
}

// randField writes the code that gives f a random value, most of the time.
func (t *typ) randField(o *out, f *field) {
	for _, r := range []string{f.opt.length, f.opt.over} {
		if r != "" {
			o.p("m.%s = %s", r, beOr(r == f.opt.length, "24", "0"))
		}
	}
	inside := f.elem.kind == "nest"
	switch {
	case inside:
		o.p("if depth < %d && r.IntN(2) == 1 {", depthOver)
	case f.opt.always:
		o.p("{")
	default:
		o.p("if r.IntN(2) == 1 {")
	}
	t.randValue(o, f)
	if b := t.bit(f); b != "" {
		o.p("m.Has |= %s", qualifyBit(t, f))
	}
	o.p("}")
}

// qualifyBit: the bits of another package's type are that package's.
func qualifyBit(t *typ, f *field) string { return t.name + f.name }

func (t *typ) randValue(o *out, f *field) {
	x := "m." + f.name
	if f.list != "" {
		o.p("for range 1 + r.IntN(3) {")
		if f.elem.kind == "fixed" {
			o.p("var e %s\ncopy(e[:], someBytes(r))\n%s = append(%s, e)\n}", f.elem.goType, x, x)
			return
		}
		o.p("e := %s", t.randElem(f))
		if f.list == "records" {
			h := f.elem.sub.header
			o.p("e.%s.%s = 0", h.name, h.elem.sub.members[0].name)
		}
		o.p("%s = append(%s, e)\n}", x, x)
		return
	}
	switch {
	case f.elem.kind == "fixed":
		o.p("copy(%s[:], someBytes(r))", x)
	case f.ptr:
		o.p("v := %s\n%s = &v", t.randElem(f), x)
	default:
		o.p("%s = %s", x, t.randElem(f))
	}
	if f.opt.over != "" {
		o.p("if %s <= 255 {\nm.%s = uint8(%s)\n}", x, f.opt.over, x)
	}
}

func (t *typ) randElem(f *field) string {
	el := f.elem
	conv := func(s string) string { return qualify(t, el.goType) + "(" + s + ")" }
	switch el.kind {
	case "uint", "int":
		return conv("r.Uint64()")
	case "bool":
		return conv(beOr(f.opt.flag, "true", "r.IntN(2) == 1"))
	case "string":
		return conv("someString(r)")
	case "bytes":
		return conv("someBytes(r)")
	case "addr":
		return "someAddr(r)"
	case "prefix":
		return "netip.PrefixFrom(someAddr(r), 24)"
	case "duration":
		return "time.Duration(r.Uint32()) * " + units[f.opt.unit]
	case "struct":
		return el.sub.randName() + "(r)"
	case "nest":
		return el.sub.randName() + "(r, depth+1)"
	}
	return "?"
}

// randUnions writes the choice of one field of each union, and sets what chooses it.
func (t *typ) randUnions(o *out) {
	done := map[string]bool{}
	for _, f := range t.fields {
		sel := f.whenField
		if sel == "" || done[sel] {
			continue
		}
		done[sel] = true
		var values []string
		for _, g := range t.fields {
			if g.whenField == sel && !slices.Contains(values, g.whenValues) {
				values = append(values, g.whenValues)
			}
		}
		if len(values) == 1 {
			t.randChoice(o, sel, values[0])
			continue
		}
		o.p("switch r.IntN(%d) {", len(values))
		for i, v := range values {
			o.p("case %d:", i)
			t.randChoice(o, sel, v)
		}
		o.p("}")
	}
}

func (t *typ) randChoice(o *out, sel, values string) {
	first, _, _ := strings.Cut(values, "|")
	if s := t.field(sel); s != nil {
		if s.elem.kind == "string" {
			first = fmt.Sprintf("%q", first)
		}
		if b := t.bit(s); b != "" {
			o.p("m.Has |= %s", b)
		}
	}
	o.p("m.%s = %s", sel, first)
	for _, g := range t.fields {
		if g.whenField == sel && g.whenValues == values && g.elem.kind != "func" && !g.opt.nosend {
			t.randField(o, g)
		}
	}
}

func (t *typ) structTest(o *out) {
	o.p("func TestRoundTrip%s(t *testing.T) {\nr := rand.New(rand.NewPCG(1, 2))", t.testName())
	o.p("for range 100 {\nwant := %s(r)\nb := want.Append(nil)\nif len(b) != %d {\nt.Fatalf(\"%%d bytes, want %d\", len(b))\n}", t.randName(), t.size, t.size)
	o.p("var got %s\ngot.Decode(append(b, 1, 2, 3)) // a newer kernel's is longer\nif got != want {\nt.Fatalf(\"%%x:\\n got %%+v\\nwant %%+v\", b, got, want)\n}", t.name)
	o.p("for n := range b { // an older one's is shorter\nwant.Decode(append(b[:n:n], make([]byte, len(b)-n)...))\ngot.Decode(b[:n:n])\nif got != want {\nt.Fatalf(\"%%x:\\n got %%+v\\nwant %%+v\", b[:n], got, want)\n}\n}\n}\n}\n")
}

func (t *typ) roundTrip(o *out) {
	o.p("func TestRoundTrip%s(t *testing.T) {\nr := rand.New(rand.NewPCG(1, 2))\nvar reused %s", t.testName(), t.name)
	o.p("for range 200 {\nwant := %s(r, 0)\nb, err := want.AppendBody(nil)\nif err != nil {\nt.Fatal(err)\n}", t.randName())
	o.p("var got %s\nif err := got.Decode(b); err != nil {\nt.Fatalf(\"%%x: %%v\", b, err)\n}", t.name)
	o.p("if !reflect.DeepEqual(got, want) {\nt.Fatalf(\"%%x:\\n got %%+v\\nwant %%+v\", b, got, want)\n}")
	o.p("if err := reused.Decode(b); err != nil {\nt.Fatal(err)\n}\nc, err := reused.AppendBody(nil)\nif err != nil || !bytes.Equal(b, c) {\nt.Fatalf(\"a reused value keeps something: %%v\\n%%x\\n%%x\", err, b, c)\n}")
	o.p("for n := range b { // cut anywhere: an error or not, but no panic\n_ = reused.Decode(b[:n:n])\n}\n}\n}\n")
}

func (t *typ) fuzz(o *out) {
	o.p("func Fuzz%s(f *testing.F) {\nr := rand.New(rand.NewPCG(3, 4))", t.testName())
	o.p("for range 8 {\nm := %s(r, 0)\nif b, err := m.AppendBody(nil); err == nil {\nf.Add(b)\n}\n}", t.randName())
	o.p("f.Fuzz(func(t *testing.T, b []byte) {\nvar x, y %s", t.name)
	if b := t.restBit(); b != "" {
		o.p("x.Has, y.Has = %s, %s", b, b)
	}
	o.p("if x.Decode(b) != nil {\nreturn\n}")
	for _, f := range t.fields {
		if f.opt.nosend && f.attr != "" {
			o.p("x.%s = *new(%s)", f.name, f.goType)
			if b := t.bit(f); b != "" {
				o.p("x.Has &^= %s", b)
			}
		}
	}
	o.p("c, err := x.AppendBody(nil)\nif err != nil {\nreturn // grew over what fits\n}")
	o.p("if err := y.Decode(c); err != nil {\nt.Fatalf(\"%%x: own encoding: %%v\", c, err)\n}")
	o.p("d, err := y.AppendBody(nil)\nif err != nil || !bytes.Equal(c, d) {\nt.Fatalf(\"not stable: %%v\\n%%x\\n%%x\", err, c, d)\n}\n})\n}\n")
}
