// Package text has what the text forms of options share: strangers' bytes in a form
// that is safe to print, and lists.
package text

import (
	"fmt"
	"strings"
)

// HexPrefix begins a value that is given as bytes, whatever its kind.
const HexPrefix = "hex:"

// bare are the bytes beside letters and digits that stand for themselves in text without quotes.
const bare = "-_.:/@+=%"

const hexDigits = "0123456789abcdef"

// AppendQuote appends v as text that is safe in a file, on a terminal and in
// front of a shell: as it is if it has only letters, digits and -_.:/@+=%, else
// in double quotes, where also spaces and commas are themselves and all other bytes are \xNN.
func AppendQuote[T []byte | string](b []byte, v T) []byte {
	if len(v) > 0 && isBare(v) {
		return append(b, v...)
	}
	return AppendQuoted(b, v)
}

// AppendQuoted appends v in quotes, whatever it is.
func AppendQuoted[T []byte | string](b []byte, v T) []byte {
	b = append(b, '"')
	for i := range len(v) {
		if c := v[i]; isPlain(c) || c == ' ' || c == ',' {
			b = append(b, c)
		} else {
			b = append(b, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(b, '"')
}

// Quote is AppendQuote into a string.
func Quote(s string) string { return string(AppendQuote(nil, s)) }

// isBare also refuses what would be read as bytes, or by a command as a flag.
func isBare[T []byte | string](v T) bool {
	if v[0] == '-' || len(v) >= len(HexPrefix) && string(v[:len(HexPrefix)]) == HexPrefix {
		return false
	}
	for i := range len(v) {
		if !isPlain(v[i]) {
			return false
		}
	}
	return true
}

func isPlain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(bare, c) >= 0
}

// Unquote is the inverse of Quote. Text without quotes is taken as it is, if it
// has no control bytes; in quotes, \xNN, \" and \\ are known.
func Unquote(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		for i := range len(s) {
			if s[i] < ' ' || s[i] == 0x7f {
				return "", fmt.Errorf("%q: a control byte", s)
			}
		}
		return s, nil
	}
	if len(s) < 2 || s[len(s)-1] != '"' {
		return "", fmt.Errorf("%q: no closing quote", s)
	}
	in := s[1 : len(s)-1]
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		switch {
		case in[i] == '"':
			return "", fmt.Errorf("%q: a quote inside", s)
		case in[i] != '\\':
			out = append(out, in[i])
		case i+1 < len(in) && (in[i+1] == '"' || in[i+1] == '\\'):
			i++
			out = append(out, in[i])
		case i+3 < len(in) && in[i+1] == 'x' && isHex(in[i+2]) && isHex(in[i+3]):
			out = append(out, unhex(in[i+2])<<4|unhex(in[i+3]))
			i += 3
		default:
			return "", fmt.Errorf(`%q: a "\" wants x and two hex digits`, s)
		}
	}
	return string(out), nil
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}

// Each splits a list at its commas, of which quotes hide some, and calls f for
// every part.
func Each(s string, f func(string) error) error { return Split(s, ',', f) }

// Split is Each with another separator.
func Split(s string, sep byte, f func(string) error) error {
	quoted, from := false, 0
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == sep && !quoted:
			if err := f(s[from:i]); err != nil {
				return err
			}
			from = i + 1
		case s[i] == '\\' && quoted && i+1 < len(s):
			i++
		case s[i] == '"':
			quoted = !quoted
		}
	}
	return nil
}

// Comma separates what is appended next from what was appended since start.
func Comma(b []byte, start int) []byte {
	if len(b) > start {
		return append(b, ',')
	}
	return b
}

// IsURI reports whether s has a scheme and only bytes of RFC 3986.
func IsURI(s string) bool {
	const also = "~?#[]!$&'()*,;"
	scheme, _, ok := strings.Cut(s, ":")
	if !ok || scheme == "" {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isPlain(c) && strings.IndexByte(also, c) < 0 {
			return false
		}
	}
	return true
}
