package main

import (
	"fmt"
	"slices"
	"strings"
)

// deferred says whether f is decoded after the loop: another attribute must come first.
func (t *typ) deferred(f *field) bool {
	return f.opt.in != "" || slices.ContainsFunc(t.fields, func(g *field) bool {
		return g.attr == f.attr && g.whenField != ""
	})
}

// byAttr gives the fields of each attribute, in the order of first mention.
func (t *typ) byAttr() (order []string, fields map[string][]*field) {
	fields = map[string][]*field{}
	for _, f := range t.fields {
		if f.attr == "" {
			continue
		}
		if fields[f.attr] == nil {
			order = append(order, f.attr)
		}
		fields[f.attr] = append(fields[f.attr], f)
	}
	return order, fields
}

func (t *typ) decode(o *out) {
	o.p("// Decode sets m to what b says. It fails only where b is not made of attributes.")
	o.p("func (m *%s) Decode(b []byte) error {\nm.Reset()", t.name)
	if t.header != nil {
		o.p("m.%s.Decode(b)\nb = b[min(len(b), %d):]", t.header.name, align4(t.header.elem.sub.size))
	}
	order, fields := t.byAttr()
	for i, a := range order {
		if t.deferred(fields[a][0]) {
			o.p("var late%d []byte // %s\nvar came%d bool", i, a, i)
		}
	}
	if len(order) > 0 || t.rest {
		o.p("for {\nt, %s, rest, ok := attr.Next(b)\nif !ok {\nbreak\n}", beOr(t.onlyFlags(), "_", "v"))
		o.p("switch t {")
		for i, a := range order {
			if v6 := fields[a][0].opt.v6; v6 != "" {
				o.p("case %s, %s:", a, v6)
			} else {
				o.p("case %s:", a)
			}
			if t.deferred(fields[a][0]) {
				o.p("late%d, came%d = v, true", i, i)
			} else {
				t.decodeField(o, fields[a][0])
			}
		}
		t.decodeRest(o)
		o.p("}")
	} else {
		o.p("for {\n_, _, rest, ok := attr.Next(b)\nif !ok {\nbreak\n}")
	}
	o.p("b = rest\n}\nif err := attr.Check(b); err != nil {\nreturn err\n}")
	for i, a := range order {
		if t.deferred(fields[a][0]) {
			t.decodeLate(o, i, fields[a])
		}
	}
	t.fixUp(o)
	o.p("return nil\n}\n")
}

// onlyFlags says whether no attribute of t has a value that is looked at.
func (t *typ) onlyFlags() bool {
	return !t.rest && !slices.ContainsFunc(t.fields, func(f *field) bool { return f.attr != "" && !f.opt.flag })
}

func (t *typ) decodeRest(o *out) {
	if !t.rest {
		return
	}
	if len(t.skips) > 0 {
		o.p("case %s:", strings.Join(t.skips, ", "))
	}
	if b := t.restBit(); b != "" {
		o.p("default:\nif m.Has&%s != 0 {\nm.Rest = attr.Keep(m.Rest, t|attr.Flags(b), v)\n}", b)
		return
	}
	o.p("default:\nm.Rest = attr.Keep(m.Rest, t|attr.Flags(b), v)")
}

// decodeLate writes the choice among the fields of a union.
func (t *typ) decodeLate(o *out, i int, fs []*field) {
	o.p("if v := late%d; came%d {\nswitch {", i, i)
	var other *field
	for _, f := range fs {
		if f.whenField == "" {
			other = f
			continue
		}
		o.p("case %s:", t.when(f))
		t.decodeField(o, f)
	}
	if other != nil {
		o.p("default:")
		t.decodeField(o, other)
	} else if b := t.restBit(); b != "" {
		o.p("default:\nif m.Has&%s != 0 {\nm.Rest = attr.Keep(m.Rest, %s, v)\n}", b, fs[0].attr)
	}
	o.p("}\n}")
}

// fixUp writes what header and attributes say together.
func (t *typ) fixUp(o *out) {
	for _, f := range t.fields {
		if r := f.opt.over; r != "" {
			if t.has == "" {
				o.p("if m.%s == 0 {\nm.%s = %s(m.%s)\n}", f.name, f.name, f.goType, r)
			} else {
				o.p("if m.Has&%s == 0 {\nm.%s = %s(m.%s)\n}", t.bit(f), f.name, f.goType, r)
			}
			o.p("m.%s = 0\nif m.%s <= 255 {\nm.%s = uint8(m.%s)\n}", r, f.name, r, f.name)
		}
	}
}

// decodeField writes the code that takes v for f.
func (t *typ) decodeField(o *out, f *field) {
	x := "m." + f.name
	switch {
	case f.elem.kind == "func":
		o.p("if err := m.decode%s(v); err != nil {\nreturn attr.In(%q, err)\n}", f.name, f.attr)
	case f.list == "":
		t.decodeValue(o, f, x)
	case f.list == "multi":
		t.decodeItem(o, f, x, "v")
	case f.list == "array":
		o.p("%s = %s[:0]\nfor a := v; ; {\n_, e, next, ok := attr.Next(a)", x, x)
		o.p("if !ok {\nif err := attr.Check(a); err != nil {\nreturn attr.In(%q, err)\n}\nbreak\n}", f.attr)
		t.decodeItem(o, f, x, "e")
		o.p("a = next\n}")
	case f.list == "packed":
		n := f.elem.bits / 8
		if f.elem.kind == "struct" {
			n = f.elem.sub.size
		}
		o.p("%s = %s[:0]\nfor a := v; len(a) >= %d; a = a[%d:] {", x, x, n, n)
		t.decodeItem(o, f, x, fmt.Sprintf("a[:%d]", n))
		o.p("}")
	case f.list == "records":
		h := f.elem.sub.header
		o.p("%s = %s[:0]\nfor a := v; len(a) > 0; {", x, x)
		o.p("e, next, err := attr.NextRecord(a, %d)\nif err != nil {\nreturn attr.In(%q, err)\n}", h.elem.sub.size, f.attr)
		t.decodeItem(o, f, x, "e")
		o.p("%s[len(%s)-1].%s.%s = 0 // the encoder fills it in", x, x, h.name, h.elem.sub.members[0].name)
		o.p("a = next\n}")
	}
	t.setBit(o, f)
}

func (t *typ) setBit(o *out, f *field) {
	b := t.bit(f)
	if b == "" || f.elem.kind == "prefix" {
		return
	}
	o.p("m.Has |= %s", b)
}

// decodeValue writes x = v for a single value.
func (t *typ) decodeValue(o *out, f *field, x string) {
	el := f.elem
	switch el.kind {
	case "nest":
		if f.ptr {
			o.p("%s = new(%s)", x, el.goType)
		}
		t.askRest(o, f, x)
		o.p("if err := %s.Decode(v); err != nil {\nreturn attr.In(%q, err)\n}", x, f.attr)
	case "struct":
		if f.ptr {
			o.p("%s = new(%s)", x, el.goType)
		}
		o.p("%s.Decode(v)", x)
	case "bytes":
		o.p("%s = append(%s[:0], v...)", x, x)
	case "fixed":
		o.p("%s = %s{}\ncopy(%s[:], v)", x, el.goType, x)
	case "prefix":
		bits := "m." + f.opt.length
		o.p("if a := attr.Addr(v); int(%s) <= a.BitLen() && a.IsValid() {\n%s = netip.PrefixFrom(a, int(%s))", bits, x, bits)
		if b := t.bit(f); b != "" {
			o.p("m.Has |= %s", b)
		}
		o.p("}")
	default:
		o.p("%s = %s", x, f.value("v"))
	}
}

// askRest hands on the wish to keep unknown attributes.
func (t *typ) askRest(o *out, f *field, x string) {
	mine, its := t.restBit(), f.elem.sub.restBit()
	if mine != "" && its != "" {
		o.p("%s.Has &^= %s\nif m.Has&%s != 0 {\n%s.Has |= %s\n}", x, its, mine, x, its)
	}
}

// decodeItem writes the appending of the value v to the list x.
func (t *typ) decodeItem(o *out, f *field, x, v string) {
	switch f.elem.kind {
	case "nest", "struct":
		o.p("if n := len(%s); n < cap(%s) {\n%s = %s[:n+1]\n} else {\n%s = append(%s, %s{})\n}", x, x, x, x, x, x, f.elem.goType)
		item := x + "[len(" + x + ")-1]"
		if f.elem.kind == "struct" {
			o.p("%s.Decode(%s)", item, v)
			return
		}
		t.askRest(o, f, item)
		o.p("if err := %s.Decode(%s); err != nil {\nreturn attr.In(%q, err)\n}", item, v, f.attr)
	case "bytes":
		o.p("%s = attr.KeepBytes(%s, %s)", x, x, v)
	case "fixed":
		o.p("{\nvar e0 %s\ncopy(e0[:], %s)\n%s = append(%s, e0)\n}", f.elem.goType, v, x, x)
	default:
		o.p("%s = append(%s, %s)", x, x, f.value(v))
	}
}

// value is the expression that decodes a plain value.
func (f *field) value(v string) string {
	el := f.elem
	conv := func(have, e string) string {
		if el.goType == have {
			return e
		}
		return el.goType + "(" + e + ")"
	}
	be := beOr(f.opt.be, "BE", "")
	switch el.kind {
	case "uint":
		return conv(fmt.Sprintf("uint%d", el.bits), fmt.Sprintf("attr.%s%d(%s)", beOr(f.opt.be, "BE", "U"), el.bits, v))
	case "int":
		return conv("int64", "attr."+be+"Int("+v+")")
	case "bool":
		if f.opt.flag {
			return conv("bool", "true")
		}
		return conv("bool", "attr.Uint("+v+") != 0")
	case "string":
		return conv("string", "attr.Word("+v+")")
	case "addr":
		return "attr.Addr(" + v + ")"
	case "duration":
		return fmt.Sprintf("attr.Duration(attr.%sUint(%s), %s)", be, v, units[f.opt.unit])
	}
	return "?"
}

func (t *typ) reset(o *out) {
	o.p("// Reset clears m but keeps the memory of its slices.")
	o.p("func (m *%s) Reset() {", t.name)
	lists, nests := t.kept()
	switch {
	case len(lists)+len(nests) == 0 && t.restBit() == "":
		o.p("*m = %s{}", t.name)
	case len(nests) == 0:
		o.p("*m = %s{", t.name)
		for _, l := range lists {
			o.p("%s: m.%s[:0],", l, l)
		}
		if b := t.restBit(); b != "" {
			o.p("Has: m.Has & %s,", b)
		}
		o.p("}")
	default:
		t.resetEach(o, lists, nests)
	}
	o.p("}\n")
}

// kept gives the fields whose memory survives a Reset.
func (t *typ) kept() (lists, nests []string) {
	for _, f := range t.fields {
		switch {
		case f.list != "" || f.attr != "" && f.elem.kind == "bytes":
			lists = append(lists, f.name)
		case f.elem.kind == "nest" && !f.ptr:
			nests = append(nests, f.name)
		}
	}
	if t.rest {
		lists = append(lists, "Rest")
	}
	return lists, nests
}

// resetEach clears field by field: to copy nests around would cost more.
func (t *typ) resetEach(o *out, lists, nests []string) {
	if t.header != nil {
		o.p("m.%s = %s{}", t.header.name, t.header.goType)
	}
	for _, f := range t.fields {
		switch {
		case slices.Contains(lists, f.name):
			o.p("m.%s = m.%s[:0]", f.name, f.name)
		case slices.Contains(nests, f.name):
			o.p("m.%s.Reset()", f.name)
		default:
			o.p("m.%s = %s", f.name, f.zero())
		}
	}
	if t.rest {
		o.p("m.Rest = m.Rest[:0]")
	}
	switch b := t.restBit(); {
	case b != "":
		o.p("m.Has &= %s", b)
	case t.has != "":
		o.p("m.Has = 0")
	}
}

func (f *field) zero() string {
	switch f.elem.kind {
	case "uint", "int", "duration":
		return "0"
	case "bool":
		return "false"
	case "string":
		return `""`
	}
	if f.ptr {
		return "nil"
	}
	return "*new(" + f.goType + ")"
}

func (t *typ) schema(o *out) {
	o.p("// Schema gives the attributes of m their names.")
	o.p("func (*%s) Schema() *attr.Schema {\nreturn &attr.Schema{", t.name)
	if t.header != nil {
		o.p("Header: %d,", align4(t.header.elem.sub.size))
	}
	o.p("Attrs: map[uint16]attr.Attr{")
	order, fields := t.byAttr()
	for _, a := range order {
		o.p("%s: {Name: %q%s},", a, a[strings.LastIndex(a, ".")+1:], t.schemaOf(fields[a]))
		if v6 := fields[a][0].opt.v6; v6 != "" {
			o.p("%s: {Name: %q},", v6, v6[strings.LastIndex(v6, ".")+1:])
		}
	}
	for _, a := range t.skips {
		o.p("%s: {Name: %q},", a, a)
	}
	o.p("},\n}\n}\n")
}

// schemaOf is the part of an attr.Attr behind its name.
func (t *typ) schemaOf(fs []*field) string {
	f := fs[0]
	s := ""
	switch f.list {
	case "array":
		s = ", Array: true"
	case "multi":
		s = ", Multi: true"
	case "records":
		return fmt.Sprintf(", Nest: func() *attr.Schema {\ns := (*%s)(nil).Schema()\ns.Record = attr.RecordLen\nreturn s\n}", f.elem.goType)
	}
	if f.whenField != "" {
		return s + t.chooser(fs)
	}
	if f.elem.kind == "nest" {
		s += fmt.Sprintf(", Nest: (*%s)(nil).Schema", f.elem.goType)
	}
	if t.hand["schema"+f.name] {
		s += fmt.Sprintf(", Nest: (*%s)(nil).schema%s", t.name, f.name)
	}
	if t.hand["choose"+f.name] {
		s += fmt.Sprintf(", Choose: (*%s)(nil).choose%s", t.name, f.name)
	}
	return s
}

// chooser tells the nests of a union apart by the attribute beside them. A union that a
// header field chooses is not told: the schema sees attributes only.
func (t *typ) chooser(fs []*field) string {
	sel := t.field(fs[0].whenField)
	if sel == nil {
		return ""
	}
	var c out
	for _, f := range fs {
		if f.elem.kind != "nest" || f.whenField != sel.name {
			continue
		}
		var vals []string
		for v := range strings.SplitSeq(f.whenValues, "|") {
			if sel.elem.kind == "string" {
				v = fmt.Sprintf("%q", v)
			}
			vals = append(vals, v)
		}
		c.p("case %s:\nreturn (*%s)(nil).Schema()", strings.Join(vals, ", "), f.elem.goType)
	}
	if c.Len() == 0 {
		return ""
	}
	what := sel.value("v")
	if sel.elem.kind == "string" {
		what = "string(attr.Text(v))"
	}
	return fmt.Sprintf(", Choose: func(set []byte) *attr.Schema {\nv, _ := attr.Find(set, %s)\nswitch %s {\n%s}\nreturn nil\n}", sel.attr, what, c.String())
}
