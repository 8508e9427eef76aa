package main

import (
	"fmt"
	"strings"
)

// structCodec writes the codec of a fixed C struct.
func (t *typ) structCodec(o *out) {
	o.p("// Append appends the %d bytes of s.", t.size)
	o.p("func (s *%s) Append(b []byte) []byte {", t.name)
	at := 0
	for _, m := range t.members {
		at = pad(o, at, m.off)
		at += m.append(o)
	}
	pad(o, at, t.size)
	o.p("return b\n}\n")

	o.p("// Decode sets s to the %d bytes that begin b; bytes that are not there count as zero.", t.size)
	o.p("func (s *%s) Decode(b []byte) {", t.name)
	o.p("if len(b) < %d {\nvar whole [%d]byte\ncopy(whole[:], b)\nb = whole[:]\n}", t.size, t.size)
	o.p("_ = b[%d]", t.size-1)
	for _, m := range t.members {
		m.decode(o)
	}
	o.p("}\n")
}

// pad writes the zeros between two members and returns the new offset.
func pad(o *out, from, to int) int {
	if to > from {
		o.p("b = append(b, %s)", strings.TrimSuffix(strings.Repeat("0, ", to-from), ", "))
	}
	return to
}

func (m *member) width() int {
	switch {
	case m.sub != nil:
		return m.sub.size
	case m.base == "bool":
		return 1
	}
	return basic[m.base] / 8
}

// append writes the code and returns how many bytes it appends.
func (m *member) append(o *out) int {
	n := m.width() * m.count
	if m.name == "_" {
		pad(o, 0, n)
		return n
	}
	x := "s." + m.name
	if m.array && m.width() == 1 && m.sub == nil && m.base != "bool" && m.base != "int8" {
		o.p("b = append(b, %s[:]...)", x)
		return n
	}
	if m.array {
		o.p("for i := range %s {", x)
		x += "[i]"
	}
	switch w := m.width(); {
	case m.sub != nil:
		o.p("b = %s.Append(b)", x)
	case m.base == "bool":
		o.p("b = append(b, attr.Bool(bool(%s)))", x)
	case w == 1:
		o.p("b = append(b, uint8(%s))", x)
	default:
		o.p("b = binary.%s.AppendUint%d(b, uint%d(%s))", m.order(), w*8, w*8, x)
	}
	if m.array {
		o.p("}")
	}
	return n
}

func (m *member) order() string { return beOr(m.be, "BigEndian", "NativeEndian") }

func (m *member) decode(o *out) {
	if m.name == "_" {
		return
	}
	w := m.width()
	x, off := "s."+m.name, fmt.Sprint(m.off)
	if m.array && w == 1 && m.sub == nil && m.base != "bool" && m.base != "int8" {
		o.p("copy(%s[:], b[%d:])", x, m.off)
		return
	}
	if m.array {
		o.p("for i := range %s {", x)
		x, off = x+"[i]", fmt.Sprintf("%d+%d*i", m.off, w)
	}
	switch {
	case m.sub != nil:
		o.p("%s.Decode(b[%s:])", x, off)
	case m.base == "bool":
		o.p("%s = b[%s] != 0", x, off)
	case w == 1:
		o.p("%s = %s(b[%s])", x, m.goType, off)
	default:
		o.p("%s = %s(binary.%s.Uint%d(b[%s:]))", x, m.goType, m.order(), w*8, off)
	}
	if m.array {
		o.p("}")
	}
}
