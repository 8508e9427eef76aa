package fs

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// appendJSON appends the record as one object, with secrets as "?".
func (k *Keys[T]) appendJSON(b []byte, v *T) []byte {
	return k.appendObject(b, v, allKeys, nil)
}

// appendObject appends the keys of p that are not hidden as one object. Keys
// are those of the text, numbers numbers, flags true, lists arrays.
func (k *Keys[T]) appendObject(b []byte, v *T, p part, hide *KeySet) []byte {
	b = append(b, '{')
	start := len(b)
	for i := 0; i < len(k.order); i++ {
		o := &k.order[i]
		if o.some != nil && !o.some(v) {
			i = int(o.end) - 1
			continue
		}
		if o.parts>>p&1 == 0 || hide != nil && hide.Has(int(o.idx)) || p.prints() && o.hide != nil && o.hide(v) {
			continue
		}
		b = k.appendMember(b, o, v, p, start)
	}
	return append(b, '}')
}

func (k *Keys[T]) appendMember(b []byte, o *printed[T], v *T, p part, start int) []byte {
	key := o.key
	if key.many != nil {
		return k.appendFamily(b, key, v, start)
	}
	if key.Sub != nil && key.Sub.empty(v) {
		return b
	}
	n := len(b)
	if n > start {
		b = append(b, ',')
	}
	b = append(b, o.json...)
	if key.Sub != nil {
		return key.Sub.appendJSON(b, v, p)
	}
	m := len(b)
	if key.Type != List {
		b = append(b, '"')
	}
	b = key.Get(b, v)
	if len(b) == m || key.Type != List && len(b) == m+1 {
		return b[:n]
	}
	if key.Secret && !p.clear() {
		return append(b[:m], `"?"`...)
	}
	return finishJSON(b, m, key.Type)
}

// finishJSON makes JSON of the value at b[m:], which begins with a quote unless
// it is a List.
func finishJSON(b []byte, m int, typ Type) []byte {
	switch typ {
	case Number:
		if isJSONNumber(b[m+1:]) {
			copy(b[m:], b[m+1:])
			return b[:len(b)-1]
		}
	case Flag:
		return append(b[:m], "true"...)
	case Switch:
		if b[m+1] == '1' {
			return append(b[:m], "true"...)
		}
		return append(b[:m], "false"...)
	case List:
		return listJSON(b, m)
	}
	for _, c := range b[m+1:] {
		if c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			s := string(b[m+1:])
			return appendString(b[:m], s)
		}
	}
	return append(b, '"')
}

func listJSON(b []byte, m int) []byte {
	list, err := SplitList(string(b[m:]))
	if err != nil {
		return appendString(b[:m], string(b[m:]))
	}
	b = append(b[:m], '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func (k *Keys[T]) appendFamily(b []byte, key *Key[T], v *T, start int) []byte {
	for _, o := range *key.many.at(v) {
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(append(b, '"'), key.Name...)
		b = strconv.AppendInt(append(b, '.'), int64(o.N), 10)
		b = hex.AppendEncode(append(b, `":"`...), o.Data)
		b = append(b, '"')
	}
	return b
}

func (n *nested[T, E]) appendJSON(b []byte, v *T, p part) []byte {
	if p == identity {
		p = allKeys
	}
	b = append(b, '[')
	list := *n.at(v)
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = n.keys.appendObject(b, &list[i], p, nil)
	}
	return append(b, ']')
}

// isJSONNumber reports whether s is a decimal number as JSON spells it.
func isJSONNumber(s []byte) bool {
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if digits == 0 || digits > 1 && s[0] == '0' {
		return false
	}
	if s = s[digits:]; len(s) == 0 {
		return true
	}
	return s[0] == '.' && isDecimal(string(s[1:]))
}

// appendString appends s between JSON's quotes. A byte that is not UTF-8 is
// written as the lone surrogate \udcXX, and read back from it.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == utf8.RuneError && n == 1:
			b = append(b, `\udc`...)
			b = append(b, hexDigits[s[0]>>4], hexDigits[s[0]&15])
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029:
			b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			b = append(b, s[:n]...)
		}
		s = s[n:]
	}
	return append(b, '"')
}

// jsonDepth bounds the nesting of what is read.
const jsonDepth = 32

var errJSON = errors.New("not JSON")

// A jsonReader reads one object.
type jsonReader struct {
	s     string
	i     int
	depth int
}

// members reads an object whose keys are those of s and turns it into items.
// Members that no key has go to extra, if that is not nil and takes them.
func (r *jsonReader) members(s *schema, extra func(name string) (bool, error)) ([]item, error) {
	c := &scope{s: s}
	var list []item
	err := r.object(func(name string) error {
		if extra != nil {
			if took, err := extra(name); took || err != nil {
				return err
			}
		}
		idx, ok := s.index(name)
		if !ok {
			return s.unknown(name)
		}
		it, given, err := r.item(s, idx, name)
		if err != nil || !given {
			return err
		}
		list, err = c.put(list, it)
		return err
	})
	return list, err
}

// object calls member for each name; member reads the value.
func (r *jsonReader) object(member func(name string) error) error {
	if r.depth++; r.depth > jsonDepth {
		return errors.New("too deep")
	}
	defer func() { r.depth-- }()
	return r.list('{', '}', func() error {
		name, err := r.str()
		if err != nil {
			return err
		}
		if !r.take(':') {
			return r.bad()
		}
		return member(name)
	})
}

// list reads what stands between two brackets, with commas between.
func (r *jsonReader) list(open, end byte, elem func() error) error {
	if !r.take(open) {
		return r.bad()
	}
	if r.take(end) {
		return nil
	}
	for {
		if err := elem(); err != nil {
			return err
		}
		if r.take(end) {
			return nil
		}
		if !r.take(',') {
			return r.bad()
		}
	}
}

// item reads the value of a key. Null is no value.
func (r *jsonReader) item(s *schema, idx int, name string) (item, bool, error) {
	info := &s.keys[idx]
	switch c := r.peek(); {
	case c == 'n':
		return item{}, false, r.word("null")
	case c == '[' && info.typ == Group:
		return r.groups(info, idx)
	case c == '{' && info.typ == Group:
		items, err := r.members(info.sub, nil)
		return item{idx: idx, groups: [][]item{items}}, true, err
	case c == '[' && info.typ == List:
		word, err := r.listWord()
		return item{idx: idx, word: word}, true, err
	case c == '"' && info.typ == List:
		text, err := r.str()
		return item{idx: idx, word: string(AppendList(nil, 0, text))}, true, err
	}
	text, err := r.scalar()
	if err != nil {
		return item{}, false, fmt.Errorf("%s: %w", name, err)
	}
	it, err := s.item(idx, name, text, text)
	return it, true, err
}

func (r *jsonReader) groups(info *keyInfo, idx int) (item, bool, error) {
	it := item{idx: idx, groups: [][]item{}}
	err := r.list('[', ']', func() error {
		items, err := r.members(info.sub, nil)
		it.groups = append(it.groups, items)
		return err
	})
	return it, true, err
}

// listWord reads an array of words as a List's text.
func (r *jsonReader) listWord() (string, error) {
	var b []byte
	n := 0
	err := r.list('[', ']', func() error {
		text, err := r.scalar()
		b = AppendList(b, n, text)
		n++
		return err
	})
	return string(b), err
}

// scalar reads a string, a number, true or false as a word.
func (r *jsonReader) scalar() (string, error) {
	switch c := r.peek(); {
	case c == '"':
		return r.str()
	case c == 't':
		return "true", r.word("true")
	case c == 'f':
		return "false", r.word("false")
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	}
	return "", r.bad()
}

func (r *jsonReader) number() (string, error) {
	start := r.i
	for r.i < len(r.s) && strings.IndexByte("+-.0123456789Ee", r.s[r.i]) >= 0 {
		r.i++
	}
	return r.s[start:r.i], nil
}

func (r *jsonReader) word(w string) error {
	if !strings.HasPrefix(r.s[r.i:], w) {
		return r.bad()
	}
	r.i += len(w)
	return nil
}

// peek returns the next byte that is no white space, 0 at the end.
func (r *jsonReader) peek() byte {
	for r.i < len(r.s) && isBlank(r.s[r.i]) {
		r.i++
	}
	if r.i == len(r.s) {
		return 0
	}
	return r.s[r.i]
}

func (r *jsonReader) take(c byte) bool {
	if r.peek() != c {
		return false
	}
	r.i++
	return true
}

// bad says what stands where something else should.
func (r *jsonReader) bad() error {
	if r.peek() == 0 {
		return fmt.Errorf("%w: it ends too early", errJSON)
	}
	rest := r.s[r.i:min(len(r.s), r.i+12)]
	return fmt.Errorf("%w: unexpected %q", errJSON, rest)
}

func (r *jsonReader) str() (string, error) {
	if !r.take('"') {
		return "", r.bad()
	}
	start := r.i
	for r.i < len(r.s) {
		switch c := r.s[r.i]; {
		case c == '"':
			r.i++
			return r.s[start : r.i-1], nil
		case c == '\\':
			return r.escaped([]byte(r.s[start:r.i]))
		case c < 0x20:
			return "", r.bad()
		}
		r.i++
	}
	return "", r.bad()
}

// escaped goes on with a string in which an escape comes next.
func (r *jsonReader) escaped(b []byte) (string, error) {
	for r.i < len(r.s) {
		c := r.s[r.i]
		switch {
		case c == '"':
			r.i++
			return string(b), nil
		case c < 0x20:
			return "", r.bad()
		case c != '\\':
			b = append(b, c)
			r.i++
			continue
		}
		var err error
		if b, err = r.escape(b); err != nil {
			return "", err
		}
	}
	return "", r.bad()
}

func (r *jsonReader) escape(b []byte) ([]byte, error) {
	if r.i+1 >= len(r.s) {
		r.i = len(r.s)
		return b, r.bad()
	}
	c := r.s[r.i+1]
	if c == 'u' {
		return r.unicode(b)
	}
	j := strings.IndexByte(`"\/bfnrt`, c)
	if j < 0 {
		return b, r.bad()
	}
	r.i += 2
	return append(b, "\"\\/\b\f\n\r\t"[j]), nil
}

func (r *jsonReader) unicode(b []byte) ([]byte, error) {
	u, ok := hex4(r.s[r.i:])
	if !ok || u == 0 {
		return b, r.bad()
	}
	if low, pair := hex4(r.s[r.i+6:]); pair && u >= 0xd800 && u < 0xdc00 && low >= 0xdc00 && low < 0xe000 {
		r.i += 12
		return utf8.AppendRune(b, 0x10000+rune(u-0xd800)<<10+rune(low-0xdc00)), nil
	}
	if u >= 0xdc80 && u <= 0xdcff {
		r.i += 6
		return append(b, byte(u)), nil
	}
	if u >= 0xd800 && u < 0xe000 {
		return b, r.bad()
	}
	r.i += 6
	return utf8.AppendRune(b, rune(u)), nil
}

// hex4 reads \uXXXX.
func hex4(s string) (uint32, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	return uint32(n), err == nil
}

// A jsonSplitter cuts a stream of objects, which may stand in one array, into
// the objects.
type jsonSplitter struct {
	depth   int  // brackets open inside the object
	quoted  bool // in a string
	escaped bool // behind its backslash
	array   bool // between [ and ]
	comma   bool // a comma must come before the next object of the array
	after   bool // behind a comma
}

// step takes one byte and tells whether it belongs to an object and whether it
// ends it.
func (j *jsonSplitter) step(c byte) (inside, ends bool, err error) {
	if j.depth == 0 {
		return j.between(c)
	}
	switch {
	case j.escaped:
		j.escaped = false
	case j.quoted:
		j.escaped = c == '\\'
		j.quoted = c != '"'
	case c == '"':
		j.quoted = true
	case c == '{' || c == '[':
		j.depth++
	case c == '}' || c == ']':
		j.depth--
	}
	return true, j.depth == 0, nil
}

func (j *jsonSplitter) between(c byte) (inside, ends bool, err error) {
	switch {
	case isBlank(c):
		return false, false, nil
	case c == '{' && !(j.array && j.comma):
		j.depth, j.comma, j.after = 1, true, false
		return true, false, nil
	case c == '[' && !j.array:
		j.array, j.comma, j.after = true, false, false
		return false, false, nil
	case c == ']' && j.array && !j.after:
		j.array, j.comma = false, false
		return false, false, nil
	case c == ',' && j.array && j.comma:
		j.comma, j.after = false, true
		return false, false, nil
	}
	return false, false, fmt.Errorf("%w: unexpected %q", errJSON, string(rune(c)))
}
