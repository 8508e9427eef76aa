package fs

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// apply gives v the values of items and adds their keys to set. A key that can
// only be printed is left alone, and so is a secret given as "?".
func (k *Keys[T]) apply(v *T, items []item, set *KeySet) error {
	for i := range items {
		it := &items[i]
		if k.sch.keys[it.idx].secret && it.word == "?" {
			continue
		}
		if err := k.applyItem(v, it, items); err != nil {
			return err
		}
		if set != nil {
			set.add(it.idx)
		}
	}
	return nil
}

func (k *Keys[T]) applyItem(v *T, it *item, line []item) error {
	key := &k.list[it.idx]
	var err error
	switch {
	case key.Sub != nil:
		return key.Sub.apply(v, it.groups)
	case key.many != nil:
		if err = key.many.set(v, it.n, it.word, it.cut); err != nil {
			return &KeyError{Key: key.Name + "." + strconv.Itoa(it.n), Word: it.word, Err: refused{err}}
		}
		return nil
	case key.Set == nil:
		return nil
	}
	word := it.word
	if key.Secret {
		return blame(key.Name, "?", key.Set(v, word))
	}
	if key.prefix && isDefault(word) {
		word = k.sch.defaultRoute(line)
	}
	if err = key.Set(v, word); err == nil {
		return nil
	}
	if it.bare && it.idx != k.firstID() && looksLikeKey(it.word) {
		return k.sch.unknown(it.word)
	}
	return blame(key.Name, it.word, err)
}

// blame makes a KeyError of what a Set function says.
func blame(key, word string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*KeyError); ok {
		return err
	}
	if !isReason(err) {
		err = refused{err}
	}
	return &KeyError{Key: key, Word: word, Err: err}
}

// isReason reports whether err says by itself what kind of failure it is.
func isReason(err error) bool {
	return Errno(err) != syscall.EIO || errors.Is(err, syscall.EIO)
}

func (k *Keys[T]) firstID() int {
	if len(k.ids) == 0 {
		return -1
	}
	return k.ids[0]
}

func isDefault(word string) bool { return word == "default" || word == "any" || word == "all" }

// defaultRoute spells "default" in the family of the line's other addresses.
func (s *schema) defaultRoute(line []item) string {
	if s.isIPv6(line) {
		return "::/0"
	}
	return "0.0.0.0/0"
}

func (s *schema) isIPv6(line []item) bool {
	for i := range line {
		it := &line[i]
		info := &s.keys[it.idx]
		switch {
		case info.sub != nil && slices.ContainsFunc(it.groups, info.sub.isIPv6):
			return true
		case info.name == "inet6" && it.word == "1", info.name == "family" && it.word == "inet6":
			return true
		case info.typ == Word && strings.IndexByte(it.word, ':') >= 0 && isAddr6(it.word):
			return true
		}
	}
	return false
}

func isAddr6(word string) bool {
	addr, _, _ := strings.Cut(word, "/")
	a, err := netip.ParseAddr(addr)
	return err == nil && a.Is6()
}

// parseInto gives v what appendText printed. Keys without a Set are left out.
func (k *Keys[T]) parseInto(v *T, text string) error {
	items, err := k.sch.parse(text)
	if err != nil {
		return err
	}
	return k.apply(v, items, nil)
}

// A statement is one line, parsed.
type statement struct {
	verb   string // "" makes it so
	items  []item
	args   []string // bare words that a page's verb keeps
	all    bool     // "flush all"
	rename *item    // "change eth0 name lan0": the new name
	head   heading
	empty  bool
}

// A heading is what an error shows of a line: the verb and the first value. It
// is made when it is asked for.
type heading struct {
	sch  *schema
	line string
	made string // of an object
}

func (h heading) String() string {
	if h.sch == nil {
		return h.made
	}
	toks, _ := tokenize(h.line, nil)
	return h.sch.head(toks)
}

// Verbs that every table has, and the spellings of iproute2 that mean them.
var commonVerbs = map[string]string{
	"add": "add", "del": "del", "delete": "del", "replace": "replace", "change": "change", "set": "change",
	"append": "append", "flush": "flush", "destroy": "destroy",
}

// A dialect is what a file's lines may say beyond its keys.
type dialect struct {
	sch     *schema
	implied KeySet   // keys that have a value before the line begins
	verbs   []string // the page's own
	rename  bool     // change may give the primary key twice

	// Scratch of one line; what parse returns is good until the next.
	toks  []token
	items []item
	scope scope
	r     reader
}

func (d *dialect) verb(t token) (verb string, own, ok bool) {
	if t.quoted || t.eq >= 0 {
		return "", false, false
	}
	if slices.Contains(d.verbs, t.text) {
		return t.text, true, true
	}
	verb, ok = commonVerbs[t.text]
	return verb, false, ok
}

// parse reads a line of text.
func (d *dialect) parse(line string) (statement, error) {
	toks, err := tokenize(line, d.toks[:0])
	d.toks = toks
	st := statement{head: heading{sch: d.sch, line: line}}
	if err != nil {
		return st, refused{err}
	}
	if st.empty = len(toks) == 0; st.empty {
		return st, nil
	}
	r, c := &d.r, &d.scope
	*r = reader{toks: toks, buf: d.items[:0]}
	*c = scope{s: d.sch, given: d.implied}
	if verb, own, ok := d.verb(toks[0]); ok {
		st.verb, c.args = verb, own
		c.rename = d.rename && verb == "change"
		r.next()
	}
	if st.verb == "flush" && len(r.toks) > 0 && r.toks[0].raw == "all" {
		st.all = true
		r.next()
	}
	st.items, err = r.items(c)
	d.items = st.items
	st.args, st.rename = r.args, c.renamed
	if e := (*KeyError)(nil); st.verb == "" && len(d.verbs) > 0 && toks[0].eq < 0 && errors.As(err, &e) {
		e.Err = refuse(e.Err.Error() + "; verbs: " + shorten(d.verbs)) // it may have been meant for one
	}
	return st, err
}

// parse reads the keys of a record, which has no verb.
func (s *schema) parse(text string) ([]item, error) {
	var buf [32]token
	toks, err := tokenize(text, buf[:0])
	if err != nil {
		return nil, refused{err}
	}
	r := &reader{toks: toks}
	return r.items(&scope{s: s})
}

// parseJSON reads an object; its member "op" is the verb, "args" the bare words
// of a page's verb, "all" that of flush.
func (d *dialect) parseJSON(obj string) (statement, error) {
	var st statement
	r := &jsonReader{s: obj}
	var err error
	st.items, err = r.members(d.sch, func(name string) (bool, error) { return d.member(r, &st, name) })
	st.head.made = headJSON(d.sch, &st)
	if err == nil && r.peek() != 0 {
		err = r.bad()
	}
	if err != nil && !isReason(err) {
		err = refused{err}
	}
	return st, err
}

// member reads the members of an object that are no keys.
func (d *dialect) member(r *jsonReader, st *statement, name string) (bool, error) {
	if _, ok := d.sch.index(name); ok {
		return false, nil
	}
	switch name {
	case "op":
		op, err := r.scalar()
		if err != nil {
			return true, err
		}
		verb, _, ok := d.verb(token{text: op, eq: -1})
		if !ok {
			return true, &KeyError{Key: "op", Word: op, Err: refuse("no such verb; known: " + strings.Join(d.known(), " "))}
		}
		st.verb = verb
		return true, nil
	case "args":
		return true, r.list('[', ']', func() error {
			w, err := r.scalar()
			st.args = append(st.args, w)
			return err
		})
	case "all":
		w, err := r.scalar()
		st.all = w == "true"
		return true, err
	case "inconsistent":
		st.empty = true
		_, err := r.scalar()
		return true, err
	}
	return false, nil
}

// known lists the verbs.
func (d *dialect) known() []string {
	return append([]string{"add", "del", "replace", "change", "append", "flush", "destroy"}, d.verbs...)
}

const maxHead = 60

// head is what an error shows of a line: its verb and the first value, if that
// is part of the identity, else the name of its key.
func (s *schema) head(toks []token) string {
	if len(toks) == 0 {
		return ""
	}
	word := s.headWord(toks[0])
	if toks[0].eq < 0 && commonVerbs[toks[0].text] != "" && len(toks) > 1 {
		word += " " + s.headWord(toks[1])
	}
	return shortHead(word)
}

func (s *schema) headWord(t token) string {
	if t.eq <= 0 {
		return t.raw
	}
	if i, ok := s.index(t.text[:t.eq]); ok && s.keys[i].id {
		return t.raw[t.eq+1:]
	}
	return t.text[:t.eq]
}

func shortHead(s string) string {
	if len(s) > maxHead {
		s = s[:maxHead] + "..."
	}
	return printable(s)
}

func headJSON(s *schema, st *statement) string {
	word := st.verb
	for i := range st.items {
		if s.keys[st.items[i].idx].id {
			word = strings.TrimSpace(word + " " + st.items[i].word)
			break
		}
	}
	return shortHead(word)
}

// printable takes control bytes out of what an error repeats.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\uFFFD' {
			return '?'
		}
		return r
	}, s)
}

// canon returns the text that a key would print for a value by itself, as a
// value file or a filter has it.
func (k *Keys[T]) canon(i int, word string) (string, error) {
	key := &k.list[i]
	if key.Type == Flag || key.Type == Switch {
		w, ok := switchWord(word)
		if !ok && word != "" {
			return "", blame(key.Name, word, errSwitch)
		}
		if key.Type == Flag && w == "0" {
			w = ""
		}
		return w, nil
	}
	if key.Set == nil || word == "" {
		if key.Type == Text && word != "" {
			return string(appendQuoted(nil, word)), nil
		}
		return word, nil
	}
	var v T
	if err := key.Set(&v, word); err != nil {
		return "", blame(key.Name, word, err)
	}
	return string(k.appendValue(nil, i, &v, shown)), nil
}

// A cond asks that a key prints one of some texts, or none of them.
type cond struct {
	idx  int
	list bool // one element is enough
	yes  []string
	no   []string
}

func (c *cond) holds(text []byte) bool {
	if len(c.yes) > 0 && !c.any(c.yes, text) {
		return false
	}
	return len(c.no) == 0 || !c.any(c.no, text)
}

func (c *cond) any(words []string, text []byte) bool {
	for _, w := range words {
		if w == string(text) {
			return true
		}
	}
	if !c.list {
		return false
	}
	elems, _ := SplitList(string(text))
	return slices.ContainsFunc(elems, func(e string) bool {
		return slices.Contains(words, string(AppendList(nil, 0, e)))
	})
}

// conds turns the filters of a name into conditions.
func (k *Keys[T]) conds(filters []wordFilter) ([]cond, error) {
	var list []cond
	for _, f := range filters {
		i, ok := k.index(f.key)
		if !ok {
			return nil, k.sch.unknown(f.key)
		}
		if k.list[i].Get == nil || k.list[i].Secret {
			return nil, &KeyError{Key: f.key, Err: refuse("cannot be filtered by")}
		}
		texts, err := k.filterTexts(i, f)
		if err != nil {
			return nil, err
		}
		j := slices.IndexFunc(list, func(c cond) bool { return c.idx == i })
		if j < 0 {
			j = len(list)
			list = append(list, cond{idx: i, list: k.list[i].Type == List})
		}
		if f.not {
			list[j].no = append(list[j].no, texts...)
		} else {
			list[j].yes = append(list[j].yes, texts...)
		}
	}
	return list, nil
}

// filterTexts returns what a filter's value may look like in a record.
func (k *Keys[T]) filterTexts(i int, f wordFilter) ([]string, error) {
	if k.list[i].prefix && isDefault(f.value) {
		return []string{"0.0.0.0/0", "::/0"}, nil
	}
	text, err := k.canon(i, f.value)
	if k.list[i].Type == List && err == nil {
		return []string{text, string(AppendList(nil, 0, f.value))}, nil
	}
	if err != nil && strings.Contains(f.value, "_") {
		if s, err := k.canon(i, f.prefix()); err == nil {
			return []string{s}, nil
		}
	}
	return []string{text}, err
}

// match reports whether v is one of those that q asks for. Not for concurrent
// use of one q.
func (q *Query[T]) match(v *T) bool {
	for i := range q.conds {
		c := &q.conds[i]
		q.text = q.keys.appendValue(q.text[:0], c.idx, v, shown)
		if !c.holds(q.text) {
			return false
		}
	}
	return true
}
