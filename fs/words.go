package fs

import (
	"context"
	"strings"
	"unicode/utf8"
)

// A nameWords is a file name taken apart: "routes,dev=eth0,dst,.once.json" is
// the base "routes", one filter, one column, one dot word and the JSON form.
type nameWords struct {
	base    string // still encoded
	json    bool
	filters []wordFilter
	cols    []string
	dots    []Pair // without the dot
}

// A wordFilter asks for rows whose key has (or, with not, has not) this value.
// Several of one key mean any of them; different keys all have to hold.
type wordFilter struct {
	key, value string
	not        bool
}

// prefix is the value with "_" read as the "/" of a prefix, which no file name
// can carry: "10.0.0.0_8".
func (f wordFilter) prefix() string { return strings.Replace(f.value, "_", "/", 1) }

// dot returns the argument of a dot word: "1s" of ".every=1s".
func (w *nameWords) dot(name string) (string, bool) {
	for _, d := range w.dots {
		if d.Key == name {
			return d.Value, true
		}
	}
	return "", false
}

// bare reports whether the name has no words at all.
func (w *nameWords) bare() bool {
	return !w.json && len(w.filters) == 0 && len(w.cols) == 0 && len(w.dots) == 0
}

// onlyDots fails with the first dot word that is not in known, so that a
// misspelt one is never ignored.
func (w *nameWords) onlyDots(known ...string) error {
next:
	for _, d := range w.dots {
		for _, k := range known {
			if d.Key == k {
				continue next
			}
		}
		return badName("." + d.Key + ": no such word (known: " + dotList(known) + ")")
	}
	return nil
}

func dotList(known []string) string {
	if len(known) == 0 {
		return "none"
	}
	return "." + strings.Join(known, " .")
}

const jsonSuffix = ".json"

// splitName takes a file name apart. The base keeps its %XX, since only the
// directory knows whether a byte had to be encoded; values are decoded. A final
// ".json" is the mark of the sibling; ",.format=json" says it with no ambiguity.
func splitName(name string) (nameWords, error) {
	var w nameWords
	if s, ok := strings.CutSuffix(name, jsonSuffix); ok && s != "" {
		name, w.json = s, true
	}
	base, rest, more := strings.Cut(name, ",")
	if s, ok := strings.CutSuffix(base, jsonSuffix); ok && more && s != "" {
		base, w.json = s, true // "routes.json,dev=eth0" is typed as easily
	}
	w.base = base
	if base == "" {
		return w, badName("empty name")
	}
	for more {
		var word string
		word, rest, more = strings.Cut(rest, ",")
		if err := w.add(word); err != nil {
			return w, err
		}
	}
	return w, nil
}

func (w *nameWords) add(word string) error {
	key, value, hasValue := strings.Cut(word, "=")
	value, err := decodeName(value)
	if err != nil {
		return err
	}
	if strings.HasPrefix(key, ".") {
		return w.addDot(key[1:], value)
	}
	f := wordFilter{key: key, value: value}
	if hasValue {
		f.key, f.not = strings.CutSuffix(key, "!")
	}
	switch {
	case f.key == "":
		return badName("empty word after a comma")
	case !hasValue:
		w.cols = append(w.cols, key)
	default:
		w.filters = append(w.filters, f)
	}
	return nil
}

func (w *nameWords) addDot(key, value string) error {
	switch {
	case key == "":
		return badName("empty word after a comma")
	case key != "format":
		w.dots = append(w.dots, Pair{key, value})
	case value == "json":
		w.json = true
	case value == "text":
		w.json = false
	default:
		return badName(".format=" + value + ": want text or json")
	}
	return nil
}

// badName is what is wrong with a name as it was typed.
func badName(text string) error { return &Error{Text: text, Errno: errInval} }

// encodeName writes any kernel name as one file name: %, /, comma, control bytes
// and bytes that are not UTF-8 as %XX, a name that is only dots with its first
// one encoded, and the dot of a final ".json". The empty name is "%".
// decodeName takes it back; no two names encode alike.
func encodeName(s string) string {
	if s == "" {
		return "%"
	}
	var b []byte // nil while nothing had to be encoded
	done := 0
	for i := 0; i < len(s); {
		n := legalRune(s, i)
		if n > 0 {
			i += n
			continue
		}
		b = append(b, s[done:i]...)
		b = appendHex(b, s[i])
		i++
		done = i
	}
	if b == nil {
		return s
	}
	return string(append(b, s[done:]...))
}

// legalRune returns the length of the rune at i if it may stand in a name as it is.
func legalRune(s string, i int) int {
	c := s[i]
	switch {
	case c < 0x20, c == 0x7f, c == '%', c == '/', c == ',':
		return 0
	case c == '.' && (s == "." || s == ".." && i == 0 || i > 0 && s[i:] == jsonSuffix):
		return 0
	case c < utf8.RuneSelf:
		return 1
	}
	if r, n := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || n > 1 {
		return n
	}
	return 0
}

const upperHex = "0123456789ABCDEF"

func appendHex(b []byte, c byte) []byte {
	return append(b, '%', upperHex[c>>4], upperHex[c&15])
}

// decodeName is the inverse of encodeName. It also takes bytes that need not
// have been encoded, either way.
func decodeName(s string) (string, error) {
	if s == "%" {
		return "", nil
	}
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s, nil
	}
	b := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		if s[i] != '%' {
			b = append(b, s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", badName("bad escape in " + s)
		}
		hi, lo := unhex(s[i+1]), unhex(s[i+2])
		if hi|lo > 15 {
			return "", badName("bad escape in " + s)
		}
		b = append(b, hi<<4|lo)
		i += 2
	}
	return string(b), nil
}

// unhex returns the value of a hexadecimal digit, or 255.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// A worded is a node whose name takes path words: tables, streams, queries.
type worded interface {
	Node
	// words returns the node narrowed by w, whose base has been walked already.
	words(w nameWords) (Node, error)
}

// walkWords applies the words of a name to the node that its base named. On a
// directory the words are assertions: "links/eth0,operstate=up" is there while
// the file operstate in it reads "up".
func walkWords(ctx context.Context, n Node, w nameWords) (Node, error) {
	if w.bare() {
		return n, nil
	}
	switch n := n.(type) {
	case worded:
		return n.words(w)
	case Walker:
		return n, assert(ctx, n, w)
	}
	if w.json && len(w.filters)+len(w.cols)+len(w.dots) == 0 {
		return nil, errNoFile
	}
	return nil, badName("words after a comma mean nothing here")
}

func assert(ctx context.Context, dir Walker, w nameWords) error {
	if w.json || len(w.cols)+len(w.dots) > 0 {
		return errNoFile
	}
	for _, f := range w.filters {
		s, err := readValue(ctx, dir, f.key)
		if err != nil {
			return err
		}
		if (s == f.value) == f.not {
			return errNoFile
		}
	}
	return nil
}

// readValue returns what one value file of a directory says.
func readValue(ctx context.Context, dir Walker, name string) (string, error) {
	n, err := dir.Walk(ctx, name)
	if err != nil {
		return "", err
	}
	o, ok := n.(Opener)
	if !ok || n.Mode()&0o444 == 0 {
		return "", errNoFile
	}
	h, err := o.Open(ctx, OpenRead)
	if err != nil {
		return "", err
	}
	defer h.Close(ctx)
	p := make([]byte, 4096)
	k, err := h.ReadAt(ctx, p, 0)
	return strings.TrimSuffix(string(p[:k]), "\n"), err
}
