// Package dnsname reads and writes domain names as DHCP and router
// advertisements carry them: labels with lengths, for DHCPv4 with the compression
// of DNS. Text is RFC 1035's presentation form without the last dot; bytes that a
// host name cannot have are \DDD, so that it is safe to print.
//
// Sources: RFC 1035 3.1, 4.1.4 and 5.1; RFC 3397 2; RFC 8415 10.
package dnsname

import (
	"errors"
	"fmt"
	"strings"
)

const (
	maxName  = 255 // on the wire, with the root label
	maxLabel = 63
	maxText  = 1 << 16
)

// What can be wrong with the bytes of a name.
var (
	ErrTruncated = errors.New("a name ends too early")
	ErrPointer   = errors.New("a name is compressed where it may not be")
	ErrForward   = errors.New("a compression pointer does not point backwards")
	ErrLabel     = errors.New("a label of an unknown type")
	ErrTooLong   = errors.New("a name is longer than 255 bytes")
	ErrTooMuch   = errors.New("the names are longer than 64 KiB")
)

// Read reads the name at b[at:] and returns the offset behind it. If compressed
// is set, pointers count from the beginning of b, and must lead backwards:
// each to before the part that it ends, so that no chain of them is endless.
func Read(b []byte, at int, compressed bool) (name string, next int, err error) {
	var text []byte
	length, part := 0, at // part is where what is being read began
	for jumped := false; ; {
		if at >= len(b) {
			return "", 0, ErrTruncated
		}
		n := int(b[at])
		switch {
		case n == 0:
			if !jumped {
				next = at + 1
			}
			if len(text) == 0 {
				return ".", next, nil
			}
			return string(text), next, nil
		case n <= maxLabel:
			if at+1+n > len(b) {
				return "", 0, ErrTruncated
			}
			if length += 1 + n; length >= maxName {
				return "", 0, ErrTooLong
			}
			if len(text) > 0 {
				text = append(text, '.')
			}
			text = appendLabel(text, b[at+1:at+1+n])
			at += 1 + n
		case n>>6 != 3:
			return "", 0, ErrLabel
		case !compressed:
			return "", 0, ErrPointer
		default:
			if at+2 > len(b) {
				return "", 0, ErrTruncated
			}
			to := n&0x3f<<8 | int(b[at+1])
			if to >= part {
				return "", 0, ErrForward
			}
			if !jumped {
				next, jumped = at+2, true
			}
			at, part = to, to
		}
	}
}

// ReadAll reads names until the end of b. All of them are at most 64 KiB of
// text: few bytes of pointers can ask for much more than anybody would write.
func ReadAll(b []byte, compressed bool) ([]string, error) {
	var names []string
	total := 0
	for at := 0; at < len(b); {
		name, next, err := Read(b, at, compressed)
		if err != nil {
			return nil, err
		}
		if total += len(name); total > maxText {
			return nil, ErrTooMuch
		}
		names = append(names, name)
		at = next
	}
	return names, nil
}

func appendLabel(b, label []byte) []byte {
	for _, c := range label {
		if plain(c) {
			b = append(b, c)
		} else {
			b = append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		}
	}
	return b
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// ReadPartial reads one name that fills b. It is partial, not fully qualified, if
// it does not end with the root; no byte at all is a partial name too. Source: RFC 4702 2.3.1.
func ReadPartial(b []byte) (name string, partial bool, err error) {
	if len(b) == 0 {
		return "", true, nil
	}
	name, next, err := Read(b, 0, false)
	if errors.Is(err, ErrTruncated) {
		partial = true
		name, next, err = Read(append(b[:len(b):len(b)], 0), 0, false)
		next--
	}
	if err == nil && next != len(b) {
		err = fmt.Errorf("%d bytes behind the name", len(b)-next)
	}
	return name, partial, err
}

// AppendPartial appends the bytes of a name without a last dot, which may be
// empty, with the root if it is not partial.
func AppendPartial(b []byte, name string, partial bool) ([]byte, error) {
	if name == "" && partial {
		return b, nil
	}
	b, err := Append(b, name+".")
	if err == nil && partial {
		b = b[:len(b)-1]
	}
	return b, err
}

// Append appends the bytes of a name. A last dot is allowed; "." is the root.
func Append(b []byte, name string) ([]byte, error) {
	start := len(b)
	rest := name
	if rest == "." {
		rest = ""
	} else if rest == "" {
		return b, errors.New(`"" is not a name`)
	}
	for rest != "" {
		at := len(b)
		b = append(b, 0)
		var more bool
		var err error
		if b, rest, more, err = appendText(b, rest); err != nil {
			return b[:start], fmt.Errorf("%q: %w", name, err)
		}
		n := len(b) - at - 1
		if n == 0 || n > maxLabel {
			return b[:start], fmt.Errorf("%q: a label has 1 to 63 bytes, not %d", name, n)
		}
		b[at] = byte(n)
		if more && rest == "" {
			break // a last dot
		}
	}
	if len(b)-start+1 > maxName {
		return b[:start], fmt.Errorf("%q: %w", name, ErrTooLong)
	}
	return append(b, 0), nil
}

// appendText appends the bytes of one label and returns the text behind its dot.
func appendText(b []byte, s string) (_ []byte, rest string, dot bool, err error) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			return b, s[i+1:], true, nil
		case c != '\\':
			b = append(b, c)
		case i+1 < len(s) && !digit(s[i+1]):
			i++
			b = append(b, s[i])
		case i+3 < len(s) && digit(s[i+2]) && digit(s[i+3]):
			n := int(s[i+1]-'0')*100 + int(s[i+2]-'0')*10 + int(s[i+3]-'0')
			if n > 255 {
				return b, "", false, errors.New("an escape above 255")
			}
			b = append(b, byte(n))
			i += 3
		default:
			return b, "", false, errors.New(`a "\" wants three digits or a character`)
		}
	}
	return b, "", false, nil
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// AppendAll appends names, uncompressed.
func AppendAll(b []byte, names []string) ([]byte, error) {
	start := len(b)
	var err error
	for _, n := range names {
		if b, err = Append(b, n); err != nil {
			return b[:start], err
		}
	}
	return b, nil
}

// IsHost reports whether name is a host or domain name in the narrow sense:
// labels of letters, digits and inner hyphens (RFC 952, RFC 1123 2.1).
func IsHost(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName-2 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if !plain(label[i]) || label[i] == '_' {
				return false
			}
		}
	}
	return true
}
