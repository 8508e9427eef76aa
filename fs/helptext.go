package fs

import (
	"slices"
	"strconv"
	"strings"
)

// helpText appends what there is to know of a kind: its verbs, its keys, and
// lines to begin with.
func (t *Table[T]) helpText(b []byte) []byte {
	b = append(b, t.noun()...)
	if len(t.Also) > 0 {
		b = append(b, " ("+strings.Join(t.Also, ", ")+")"...)
	}
	b = append(b, '\n')
	if t.Doc != "" {
		b = append(b, t.Doc+"\n"...)
	}
	b = t.helpVerbs(append(b, '\n'))
	b = append(b, "\nkeys, in the order in which they print\n"...)
	b = t.Keys.help(b, "  ")
	return t.helpExamples(b)
}

// Help is helpText, for pages that show a kind without being batch.
func (t *Table[T]) Help(b []byte) []byte { return t.helpText(b) }

var verbHelp = []struct{ name, usage, doc string }{
	{"", "KEY=VALUE ...", "make it so: create, change to match, or nothing if it is so already"},
	{"add", "KEY=VALUE ...", "make; fails if it is there"},
	{"replace", "KEY=VALUE ...", "the same as no verb"},
	{"change", "KEY=VALUE ...", "change the keys given; fails if it is not there"},
	{"append", "KEY=VALUE ...", "make another beside those of the same identity"},
	{"del", "KEY=VALUE ...", "delete the one that has all values given"},
	{"destroy", "KEY=VALUE ...", "del that does not fail if there is none"},
	{"flush", "KEY=VALUE ... | all", "delete all that have the values given"},
}

func (t *Table[T]) helpVerbs(b []byte) []byte {
	if !t.writable() {
		return append(b, "read-only\n"...)
	}
	b = append(b, "lines\n"...)
	if t.Do != nil {
		for _, v := range verbHelp {
			b = helpLine(b, "  ", strings.TrimSpace(v.name+" "+v.usage), v.doc)
		}
	}
	for _, v := range t.Verbs {
		b = helpLine(b, "  ", strings.TrimSpace(v.Name+" "+v.Usage), v.Doc)
	}
	return b
}

// helpLine appends two columns.
func helpLine(b []byte, indent, left, right string) []byte {
	b = append(append(b, indent...), left...)
	for range max(1, 30-len(indent)-len(left)) {
		b = append(b, ' ')
	}
	b = append(b, right...)
	return append(b, '\n')
}

func (k *Keys[T]) help(b []byte, indent string) []byte {
	for _, groups := range []bool{false, true} {
		for i := range k.list {
			if key := &k.list[i]; (key.Sub != nil) == groups {
				b = k.helpKey(b, indent, key)
			}
		}
	}
	return b
}

func (k *Keys[T]) helpKey(b []byte, indent string, key *Key[T]) []byte {
	b = helpLine(b, indent, key.usage(), strings.Join(key.notes(), "; "))
	if key.Sub != nil {
		b = key.Sub.help(b, indent+"    ")
	}
	return b
}

// usage is how a key is typed.
func (key *Key[T]) usage() string {
	switch {
	case key.many != nil:
		return key.Name + ".N=HEX"
	case key.Sub != nil:
		return key.Name + " KEY=VALUE ..."
	}
	switch key.Type {
	case Flag:
		return key.Name
	case Switch:
		return key.Name + "=1|0"
	case Number:
		return key.Name + "=NUMBER"
	case List:
		return key.Name + "=A,B,..."
	case Text:
		return key.Name + "=TEXT"
	}
	if n := len(key.Words); n > 0 && n <= 4 {
		return key.Name + "=" + strings.Join(key.Words, "|")
	}
	return key.Name + "=" + strings.ToUpper(key.Name)
}

// notes is what the usage does not say.
func (key *Key[T]) notes() []string {
	var notes []string
	if key.Doc != "" {
		notes = append(notes, key.Doc)
	}
	if key.ID {
		notes = append(notes, "identity")
	}
	switch {
	case key.RO || key.Set == nil && key.Sub == nil && key.many == nil:
		notes = append(notes, "state, cannot be set")
	case key.Get == nil && key.Sub == nil && key.many == nil:
		notes = append(notes, "input only")
	case key.Runs:
		notes = append(notes, "counts by itself")
	}
	if key.Secret {
		notes = append(notes, "secret: ? keeps it")
	}
	if len(key.Also) > 0 {
		notes = append(notes, "also "+strings.Join(key.Also, ", "))
	}
	if len(key.Words) > 4 {
		notes = append(notes, "one of "+shorten(key.Words))
	}
	return notes
}

func (n *nested[T, E]) help(b []byte, indent string) []byte { return n.keys.help(b, indent) }

// helpExamples appends a line in both spellings of what every table takes.
func (t *Table[T]) helpExamples(b []byte) []byte {
	name := t.primary()
	if name == "" || !t.writable() || t.Do == nil {
		return b
	}
	value := strings.ToUpper(name)
	b = append(b, "\nexamples\n"...)
	lines := []string{"del " + name + "=" + value, "flush all"}
	if i := slices.IndexFunc(t.Keys.list, t.isExample); i >= 0 {
		key := &t.Keys.list[i]
		lines = slices.Insert(lines, 0,
			name+"="+value+" "+key.usage(),
			"add "+value+" "+strings.ReplaceAll(key.usage(), "=", " "))
	}
	for _, line := range lines {
		b = append(b, "  echo "+strconv.Quote(line)+" > FILE\n"...)
	}
	return b
}

func (t *Table[T]) isExample(key Key[T]) bool {
	return !key.ID && !key.RO && key.Set != nil && key.Get != nil && key.Type != Flag && key.Sub == nil
}
