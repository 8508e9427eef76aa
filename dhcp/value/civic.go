package value

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/netfs-project/netfs/dhcp/internal/text"
)

// A Civic is a civic address. Source: RFC 4776 3.1.
type Civic struct {
	Of       Whose
	Country  string // two letters, ISO 3166
	Elements []CivicElement
}

// Whose the address is.
type Whose uint8

// Source: RFC 4776 3.1.
const (
	OfServer  Whose = 0 // of the DHCP server
	OfElement Whose = 1 // of the network element next to the client
	OfClient  Whose = 2
)

var whoseNames = []string{"server", "element", "client"}

func (w Whose) String() string { return name(whoseNames, uint8(w)) }

// A CivicElement is a part of the address, by the numbers of RFC 4776 3.4: 1 state,
// 3 city, 6 street, 19 house number, 24 postal code, … Its value should be UTF-8.
type CivicElement struct {
	Type  uint8
	Value string
}

// ReadCivic reads a civic address.
func ReadCivic(v []byte) (Civic, error) {
	if len(v) < 3 {
		return Civic{}, errShort
	}
	c := Civic{Of: Whose(v[0]), Country: string(v[1:3])}
	for v = v[3:]; len(v) > 0; {
		if len(v) < 2 || len(v) < 2+int(v[1]) {
			return c, errShort
		}
		n := 2 + int(v[1])
		c.Elements = append(c.Elements, CivicElement{v[0], string(v[2:n])})
		v = v[n:]
	}
	return c, nil
}

// Append appends the bytes of the address.
func (c Civic) Append(b []byte) ([]byte, error) {
	if len(c.Country) != 2 {
		return b, fmt.Errorf("%q: a country has two letters", c.Country)
	}
	b = append(append(b, byte(c.Of)), c.Country...)
	for _, e := range c.Elements {
		if len(e.Value) > 255 {
			return b, fmt.Errorf("element %d: %d bytes, at most 255 fit", e.Type, len(e.Value))
		}
		b = append(append(b, e.Type, byte(len(e.Value))), e.Value...)
	}
	return b, nil
}

// AppendText appends client:US,1:NY,3:"New York".
func (c Civic) AppendText(b []byte) []byte {
	b = append(append(b, c.Of.String()...), ':')
	b = text.AppendQuote(b, c.Country)
	for _, e := range c.Elements {
		b = append(strconv.AppendUint(append(b, ','), uint64(e.Type), 10), ':')
		b = text.AppendQuote(b, e.Value)
	}
	return b
}

// ParseCivic reads what AppendText writes.
func ParseCivic(s string) (c Civic, err error) {
	first := true
	err = text.Each(s, func(w string) error {
		key, v, ok := strings.Cut(w, ":")
		v, err := text.Unquote(v)
		if err != nil {
			return err
		}
		if first {
			first = false
			of, err := number(whoseNames, key)
			if !ok || err != nil || len(v) != 2 {
				return fmt.Errorf("%q: not WHOSE:COUNTRY, as client:US", w)
			}
			c.Of, c.Country = Whose(of), v
			return nil
		}
		n, err := strconv.ParseUint(key, 10, 8)
		if !ok || err != nil {
			return fmt.Errorf("%q: not a part of an address, NUMBER:TEXT", w)
		}
		c.Elements = append(c.Elements, CivicElement{uint8(n), v})
		return nil
	})
	return c, err
}
