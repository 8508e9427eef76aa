package fs

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A part of a record's keys.
type part uint8

const (
	allKeys  part = iota
	settable      // what a restore needs
	identity      // the ID keys
	shown         // all keys, secrets in clear
	restored      // settable keys, secrets in clear
	stored        // the same with what Hide leaves out and without what runs, for comparing
	numParts
)

func (p part) takes(k *keyInfo) bool {
	switch p {
	case settable, restored:
		return k.set && !k.ro
	case stored:
		return k.set && !k.ro && !k.runs
	case identity:
		return k.id
	}
	return true
}

// parts are those that take the key, as bits.
func (k *keyInfo) parts() (set uint8) {
	for p := range numParts {
		if p.takes(k) {
			set |= 1 << p
		}
	}
	return set
}

// prints reports whether the text is for readers, who need not see what Hide
// leaves out.
func (p part) prints() bool { return p != identity && p != stored }

func (p part) clear() bool { return p == shown || p == restored || p == stored }

// appendText appends the record as key=value words with blanks between,
// without a newline.
func (k *Keys[T]) appendText(b []byte, v *T, p part) []byte {
	return k.appendWords(b, v, p, nil)
}

// appendWords is appendText without the keys in hide. It allocates nothing
// that the keys do not.
func (k *Keys[T]) appendWords(b []byte, v *T, p part, hide *KeySet) []byte {
	order := k.order
	if p == identity {
		order = k.names
	}
	start, prints, bit := len(b), p.prints(), uint8(1)<<p
	for i := 0; i < len(order); i++ {
		o := &order[i]
		if o.some != nil && !o.some(v) {
			i = int(o.end) - 1
			continue
		}
		if o.parts&bit == 0 || hide != nil && hide.Has(int(o.idx)) || prints && o.hide != nil && o.hide(v) {
			continue
		}
		if o.get == nil {
			b = k.appendOdd(b, o.key, v, p)
			continue
		}
		// The name is copied behind the value, since most keys of most records
		// are absent.
		n, lead := len(b), o.lead
		if n == start {
			lead = lead[1:]
		}
		m := n + len(lead)
		if m > cap(b) {
			b = slices.Grow(b, len(lead)+64)
		}
		b = o.get(b[:m], v)
		if len(b) == m {
			b = b[:n]
			continue
		}
		copy(b[n:], lead)
		switch {
		case o.key.Secret && !p.clear():
			b = append(b[:m], '?')
		case o.key.Type == Text:
			b = quoteTail(b, m)
		case o.key.Type == Flag:
			b = b[:m-1]
		}
	}
	return cutBlank(b, start)
}

// cutBlank removes a blank before the first word.
func cutBlank(b []byte, start int) []byte {
	if len(b) == start || b[start] != ' ' {
		return b
	}
	copy(b[start:], b[start+1:])
	return b[:len(b)-1]
}

// appendOdd appends groups and families.
func (k *Keys[T]) appendOdd(b []byte, key *Key[T], v *T, p part) []byte {
	if key.Sub != nil {
		return key.Sub.appendText(b, key.Name, v, p)
	}
	for _, o := range *key.many.at(v) {
		b = append(append(b, ' '), key.Name...)
		b = strconv.AppendInt(append(b, '.'), int64(o.N), 10)
		b = hex.AppendEncode(append(b, '='), o.Data)
	}
	return b
}

func (n *nested[T, E]) appendText(b []byte, opener string, v *T, p part) []byte {
	if p == identity {
		p = allKeys
	}
	list := *n.at(v)
	for i := range list {
		b = append(append(b, ' '), opener...)
		m := len(b)
		b = append(b, ' ')
		b = n.keys.appendWords(b, &list[i], p, nil)
		if len(b) == m+1 {
			b = b[:m]
		}
	}
	return b
}

// appendValue appends one key's value as it stands after "key=", quoted where
// that is needed; nothing if it is absent. Groups append all of their words.
func (k *Keys[T]) appendValue(b []byte, i int, v *T, p part) []byte {
	key := &k.list[i]
	n := len(b)
	if key.Get == nil {
		if key.Sub == nil && key.many == nil {
			return b
		}
		return cutBlank(k.appendOdd(b, key, v, p), n)
	}
	b = key.Get(b, v)
	switch {
	case len(b) == n:
	case key.Secret && !p.clear():
		b = append(b[:n], '?')
	case key.Type == Text:
		b = quoteTail(b, n)
	case key.Type == Flag:
		b = append(b[:n], '1')
	}
	return b
}

// plain marks the bytes that need no quote in a value.
var plain = func() (t [256]bool) {
	for c := 0x21; c < 0x7f; c++ {
		t[c] = true
	}
	for _, c := range `'"\` {
		t[c] = false
	}
	return t
}()

// quoteTail quotes b[from:] if it needs that.
func quoteTail(b []byte, from int) []byte {
	if from < len(b) && b[from] == '#' {
		return quoteSlow(b, from)
	}
	for _, c := range b[from:] {
		if !plain[c] {
			return quoteSlow(b, from)
		}
	}
	return b
}

// quoteSlow decides between no quote, rc's and C's. The value moves to the
// end of b and back, so that nothing is allocated beside it.
func quoteSlow(b []byte, from int) []byte {
	rc, c := b[from] == '#', false
	for s := b[from:]; len(s) > 0; {
		r, n := utf8.DecodeRune(s)
		rc = rc || r == ' ' || r == '\'' || r == '"' || r == '\\'
		c = c || r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError && n == 1
		s = s[n:]
	}
	end := len(b)
	switch {
	case c:
		b = appendQuotedC(b, b[from:end])
	case rc:
		b = append(b, '\'')
		for i := from; i < end; i++ {
			if b[i] == '\'' {
				b = append(b, '\'')
			}
			b = append(b, b[i])
		}
		b = append(b, '\'')
	default:
		return b
	}
	n := copy(b[from:], b[end:])
	return b[:from+n]
}

// appendQuotedC appends s between double quotes, with control bytes and what is
// not UTF-8 as \xHH. s may be a part of b.
func appendQuotedC(b, s []byte) []byte {
	b = append(b, '"')
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == utf8.RuneError && n == 1:
			for _, c := range s[:n] {
				b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
			}
		default:
			b = append(b, s[:n]...)
		}
		s = s[n:]
	}
	return append(b, '"')
}

// appendQuoted appends s as a value.
func appendQuoted(b []byte, s string) []byte {
	if s == "" {
		return append(b, "''"...)
	}
	n := len(b)
	return quoteTail(append(b, s...), n)
}

// AppendList appends element i of a List to its text, with a comma before it
// and quotes round it where it needs them.
func AppendList(b []byte, i int, s string) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	n := len(b)
	b = appendQuoted(b, s)
	if len(b) == n+len(s) && bytes.IndexByte(b[n:], ',') >= 0 {
		b = append(append(append(b[:n], '\''), s...), '\'')
	}
	return b
}
