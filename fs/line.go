package fs

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A token is one word of a line: as it stands, and without its quotes.
type token struct {
	raw, text string
	// The place of the first '=' outside quotes, in raw and in text, which are
	// the same up to there; -1 if there is none.
	eq     int
	quoted bool // begins with a quote, and is therefore no key, flag or verb
}

var (
	errQuote  = refuse("quote is not closed")
	errEscape = errors.New(`unknown escape after \ (known: \n \t \r \" \\ \xHH)`)
)

// tokenize appends the words of a line to toks. A comment ends the line.
func tokenize(line string, toks []token) ([]token, error) {
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) || line[i] == '#' {
			return toks, nil
		}
		t, n, err := nextToken(line[i:])
		if err != nil {
			return toks, err
		}
		toks = append(toks, t)
		i += n
	}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// nextToken reads the word with which s begins, and tells its length.
func nextToken(s string) (token, int, error) {
	t := token{eq: -1, quoted: s[0] == '\'' || s[0] == '"'}
	i := 0
	for ; i < len(s) && !isBlank(s[i]); i++ {
		switch s[i] {
		case '\'', '"':
			return quotedToken(s, t, i)
		case 0:
			return t, 0, errNUL
		case '=':
			if t.eq < 0 {
				t.eq = i
			}
		}
	}
	t.raw, t.text = s[:i], s[:i]
	return t, i, nil
}

// quotedToken goes on with a word whose first quote is at s[i].
func quotedToken(s string, t token, i int) (token, int, error) {
	text := append(make([]byte, 0, len(s)), s[:i]...)
	for i < len(s) && !isBlank(s[i]) {
		switch c := s[i]; c {
		case '\'', '"':
			var n int
			var err error
			if text, n, err = unquote(text, s[i:]); err != nil {
				return t, 0, err
			}
			i += n
		case 0:
			return t, 0, errNUL
		default:
			if c == '=' && t.eq < 0 && !t.quoted && len(text) == i {
				t.eq = i
			}
			text = append(text, c)
			i++
		}
	}
	t.raw, t.text = s[:i], string(text)
	return t, i, nil
}

// unquote appends what stands in the quotes with which s begins, and tells the
// length of the quoted piece.
func unquote(b []byte, s string) ([]byte, int, error) {
	if s[0] == '\'' {
		return unquoteRC(b, s)
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b, i + 1, nil
		case '\\':
			c, n, err := unescape(s[i:])
			if err != nil {
				return b, 0, err
			}
			b = append(b, c)
			i += n - 1
		case 0:
			return b, 0, errNUL
		default:
			b = append(b, s[i])
		}
	}
	return b, 0, errQuote
}

func unquoteRC(b []byte, s string) ([]byte, int, error) {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == 0:
			return b, 0, errNUL
		case s[i] != '\'':
			b = append(b, s[i])
		case i+1 < len(s) && s[i+1] == '\'':
			b = append(b, '\'')
			i++
		default:
			return b, i + 1, nil
		}
	}
	return b, 0, errQuote
}

func unescape(s string) (byte, int, error) {
	if len(s) < 2 {
		return 0, 0, errQuote
	}
	switch s[1] {
	case 'n':
		return '\n', 2, nil
	case 't':
		return '\t', 2, nil
	case 'r':
		return '\r', 2, nil
	case '"', '\\':
		return s[1], 2, nil
	case 'x':
		if len(s) < 4 {
			return 0, 0, errEscape
		}
		n, err := strconv.ParseUint(s[2:4], 16, 8)
		if err != nil || n == 0 {
			return 0, 0, errEscape
		}
		return byte(n), 4, nil
	}
	return 0, 0, errEscape
}

// splitLine returns the words of a line as they stand, quotes and all, without
// the comment.
func splitLine(line string) ([]string, error) {
	toks, err := tokenize(line, nil)
	words := make([]string, len(toks))
	for i := range toks {
		words[i] = toks[i].raw
	}
	return words, err
}

// unquoteWord returns a word without its quotes; a word that is not one comes
// back as it is.
func unquoteWord(word string) string {
	if !strings.ContainsAny(word, `'"`) {
		return word
	}
	toks, err := tokenize(word, nil)
	if err != nil || len(toks) != 1 {
		return word
	}
	return toks[0].text
}

// SplitList returns the elements of a List's text: a,'b,c',d.
func SplitList(word string) ([]string, error) {
	if word == "" {
		return nil, nil
	}
	var list []string
	var elem []byte
	for i := 0; i < len(word); {
		switch c := word[i]; c {
		case ',':
			list = append(list, string(elem))
			elem = elem[:0]
			i++
		case '\'', '"':
			var n int
			var err error
			if elem, n, err = unquote(elem, word[i:]); err != nil {
				return nil, err
			}
			i += n
		default:
			elem = append(elem, c)
			i++
		}
	}
	return append(list, string(elem)), nil
}

// joinsNext reports whether the newline behind a line is hidden by a backslash
// that is not in a comment.
func joinsNext(line []byte) bool {
	if len(line) == 0 || line[len(line)-1] != '\\' {
		return false
	}
	toks, err := tokenize(string(line), nil)
	if err != nil {
		return true
	}
	return len(toks) > 0 && strings.HasSuffix(toks[len(toks)-1].raw, `\`) && strings.HasSuffix(string(line), toks[len(toks)-1].raw)
}

// An item is one key of a parsed statement.
type item struct {
	idx    int
	n      int      // attribute number, in a family
	word   string   // the value; of a List its text
	cut    bool     // "no NAME"
	bare   bool     // given without its key
	groups [][]item // of a Group
}

// A scope is a key table while a line is read, with those around it.
type scope struct {
	s     *schema
	up    *scope
	given KeySet // keys that have a value already
	args  bool   // bare words that no key takes are collected, not refused
	in    string // "encap." behind "encap mpls": its keys may follow without that

	rename  bool  // the primary key may stand twice: the second is its new value
	renamed *item // that
}

// A reader walks over the tokens of a line.
type reader struct {
	toks []token
	args []string
	buf  []item // for the items of the outermost table
}

func (r *reader) next() token {
	t := r.toks[0]
	r.toks = r.toks[1:]
	return t
}

// items reads keys until the line ends or, in a group, a word comes that only
// an outer table knows.
func (r *reader) items(c *scope) ([]item, error) {
	list := r.buf
	r.buf = nil
	for len(r.toks) > 0 {
		t := r.toks[0]
		i, ok, err := r.keyed(c, t)
		if err == nil && !ok {
			if c.up.knows(t) {
				return list, nil
			}
			i, ok, err = r.bare(c, t, list)
		}
		if err != nil {
			return list, err
		}
		if !ok {
			continue
		}
		if list, err = c.put(list, i); err != nil {
			return list, err
		}
	}
	return list, nil
}

// put adds an item, once per key.
func (c *scope) put(list []item, it item) ([]item, error) {
	info := &c.s.keys[it.idx]
	if c.given.Has(it.idx) && !info.many {
		j := slices.IndexFunc(list, func(o item) bool { return o.idx == it.idx })
		if j >= 0 && info.sub != nil {
			list[j].groups = append(list[j].groups, it.groups...)
			return list, nil
		}
		if c.rename && info.id && c.primary() == it.idx && (j < 0 || list[j].word != it.word) {
			name := it // not it, which would cost every item its memory
			c.renamed = &name
			return list, nil
		}
		if j >= 0 && list[j].word != it.word {
			return list, &KeyError{Key: info.name, Word: it.word, Err: refuse("given twice, first as " + strconv.Quote(list[j].word))}
		}
		if j >= 0 {
			return list, nil
		}
	}
	c.given.add(it.idx)
	return append(list, it), nil
}

// primary is the place of the first ID key, or -1.
func (c *scope) primary() int {
	return slices.IndexFunc(c.s.keys, func(k keyInfo) bool { return k.id })
}

// knows reports whether t is a word of this table or of one around it.
func (c *scope) knows(t token) bool {
	for ; c != nil; c = c.up {
		if t.eq > 0 {
			if _, ok := c.s.index(t.text[:t.eq]); ok {
				return true
			}
			continue
		}
		if t.quoted {
			return false
		}
		if _, ok := c.s.index(t.text); ok {
			return true
		}
		if _, ok := c.s.bare[t.text]; ok {
			return true
		}
	}
	return false
}

// keyed reads key=value, "key value", a flag, "no flag" or a group. It takes
// no token when the next word is none of them.
func (r *reader) keyed(c *scope, t token) (item, bool, error) {
	if t.eq > 0 {
		idx, ok := c.s.index(t.text[:t.eq])
		if !ok {
			return item{}, false, c.strange(t)
		}
		r.next()
		it, err := c.s.item(idx, t.text[:t.eq], t.text[t.eq+1:], t.raw[t.eq+1:])
		return it, err == nil, err
	}
	if t.quoted {
		return item{}, false, nil
	}
	if c.in != "" {
		if idx, ok := c.s.byName[c.in+t.text]; ok {
			return r.spaced(c, idx)
		}
	}
	if idx, ok := c.s.index(t.text); ok {
		if c.in = ""; c.s.keys[idx].opens {
			c.in = t.text + "."
		}
		return r.spaced(c, idx)
	}
	if idx, ok := c.s.cleared(t.text); ok {
		r.next()
		return item{idx: idx, word: "0"}, true, nil
	}
	if t.text != "no" || len(r.toks) < 2 {
		return item{}, false, nil
	}
	idx, ok := c.s.index(r.toks[1].text)
	if !ok || r.toks[1].eq >= 0 {
		return item{}, false, nil
	}
	info := &c.s.keys[idx]
	if info.typ != Flag && info.typ != Switch && !info.many {
		return item{}, false, nil
	}
	r.next()
	name := r.next().text
	it := item{idx: idx, word: "0"}
	if info.many {
		it = item{idx: idx, n: familyNumber(name), cut: true}
	}
	return it, true, nil
}

// cleared finds the Switch of "noNAME".
func (s *schema) cleared(word string) (int, bool) {
	name, ok := strings.CutPrefix(word, "no")
	if !ok {
		return 0, false
	}
	idx, ok := s.byName[name]
	return idx, ok && s.keys[idx].typ == Switch
}

// strange is the error of key=value with an unknown key; nil if a table around
// knows it, or if the word does not look like a key and may be a value.
func (c *scope) strange(t token) error {
	if c.up.knows(t) || !looksLikeKey(t.text[:t.eq]) || strings.Trim(t.text[t.eq:], "=") == "" {
		return nil
	}
	return c.s.unknown(t.text[:t.eq])
}

func looksLikeKey(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && c != '_' && c != '.' && c != '-' && (c < '0' || c > '9' || i == 0) {
			return false
		}
	}
	return s != ""
}

// spaced reads the rest of "key value" when the key stands next.
func (r *reader) spaced(c *scope, idx int) (item, bool, error) {
	name := r.next().text
	info := &c.s.keys[idx]
	switch {
	case info.typ == Flag:
		return item{idx: idx, word: "1"}, true, nil
	case info.typ == Group:
		in := &scope{s: info.sub, up: c}
		items, err := r.items(in)
		return item{idx: idx, groups: [][]item{items}}, err == nil, err
	case info.typ == Switch:
		word := "1"
		if len(r.toks) > 0 {
			if w, ok := switchWord(r.toks[0].text); ok && !r.toks[0].quoted {
				word = w
				r.next()
			}
		}
		return item{idx: idx, word: word}, true, nil
	case len(r.toks) == 0:
		return item{}, false, &KeyError{Key: name, Err: refuse("needs a value")}
	}
	t := r.next()
	text, raw := t.text, t.raw
	for len(r.toks) > 0 && !t.quoted && slices.Contains(info.mods, t.text) && !c.knows(r.toks[0]) {
		t = r.next()
		text, raw = text+" "+t.text, raw+" "+t.raw
	}
	it, err := c.s.item(idx, name, text, raw)
	return it, err == nil, err
}

func switchWord(s string) (string, bool) {
	switch s {
	case "1", "on", "yes", "true":
		return "1", true
	case "0", "off", "no", "false":
		return "0", true
	}
	return "", false
}

// item makes the item of a key with its value, without and with quotes.
func (s *schema) item(idx int, name, text, raw string) (item, error) {
	info := &s.keys[idx]
	it := item{idx: idx, word: text}
	switch {
	case info.typ == List:
		it.word = raw
	case info.many:
		it.n = familyNumber(name)
		if it.n < 0 {
			return it, &KeyError{Key: name, Word: text, Err: refuse("needs a number: " + info.name + ".N=hex")}
		}
	case info.typ == Group:
		// peer=v1 is a group of its first key alone, as a path has to spell it.
		in := &scope{s: info.sub}
		first := in.primary()
		if first < 0 {
			return it, &KeyError{Key: name, Err: refuse("opens a group: " + name + " key=value ...")}
		}
		sub, err := info.sub.item(first, info.sub.keys[first].name, text, raw)
		it.word, it.groups = "", [][]item{{sub}}
		return it, err
	case info.typ == Flag || info.typ == Switch:
		w, ok := switchWord(text)
		if !ok {
			return it, &KeyError{Key: name, Word: text, Err: errSwitch}
		}
		it.word = w
	}
	return it, nil
}

// familyNumber is the N of NAME.N, or -1.
func familyNumber(name string) int {
	_, num, _ := strings.Cut(name, ".")
	n, err := strconv.ParseUint(num, 10, 16)
	if err != nil {
		return -1
	}
	return int(n)
}

// bare reads a value without its key.
func (r *reader) bare(c *scope, t token, list []item) (item, bool, error) {
	if idx, ok := c.s.bare[t.text]; ok && !t.quoted {
		r.next()
		return item{idx: idx, word: t.text}, true, nil
	}
	idx, ok := c.nextID(list)
	if ok {
		r.next()
		word := t.text
		if c.s.keys[idx].typ == List {
			word = t.raw
		}
		return item{idx: idx, word: word, bare: true}, true, nil
	}
	if c.args {
		r.next()
		r.args = append(r.args, t.text)
		return item{}, false, nil
	}
	return item{}, false, c.s.unknown(t.text)
}

// nextID finds the key of a bare value: the primary key, or the next part of
// the identity right behind a bare one.
func (c *scope) nextID(list []item) (int, bool) {
	first := true
	for i := range c.s.keys {
		if !c.s.keys[i].id {
			continue
		}
		if !c.given.Has(i) {
			return i, first || !c.args && len(list) > 0 && list[len(list)-1].bare
		}
		first = false
	}
	return 0, false
}

// refused is a word that cannot be: ErrInvalid, whatever its reason.
type refused struct{ error }

func (r refused) Is(target error) bool { return target == ErrInvalid }
func (r refused) Unwrap() error        { return r.error }

func refuse(text string) error { return refused{errors.New(text)} }

// unknown is the error of a word that is no key.
func (s *schema) unknown(word string) error {
	text := "no such key"
	if near := nearest(word, slices.Sorted(maps.Keys(s.byName))); near != "" {
		text += " (" + near + "?)"
	}
	return &KeyError{Key: printable(cutWord(word)), Err: refuse(text + "; known: " + shorten(s.names()))}
}

// shorten joins words to a list of bounded length.
func shorten(words []string) string {
	const limit = 100
	var b strings.Builder
	for i, w := range words {
		if b.Len() > limit {
			return b.String() + " and " + strconv.Itoa(len(words)-i) + " more"
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

// nearest returns the word that is a slip or two of the finger away.
func nearest(word string, words []string) string {
	best, dist := "", min(len(word)/3, 2)+1
	for _, w := range words {
		if d := distance(word, w); d < dist {
			best, dist = w, d
		}
	}
	return best
}

// distance counts the letters to change, drop, add or swap between a and b.
func distance(a, b string) int {
	if len(a) > 64 {
		return len(a)
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := last[j]
			if a[i] != b[j] {
				cost++
			}
			row[j+1] = min(cost, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
