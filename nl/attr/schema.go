package attr

import (
	"strconv"
	"strings"
)

// A Schema names the attributes of a message or of a nest, so that an offset into
// the bytes becomes a path such as RTA_MULTIPATH[1].RTA_GATEWAY. It is looked at only
// when the kernel refused something.
type Schema struct {
	// Header is the number of bytes before the first attribute: of the family header of a
	// message, or of the fixed part of a record.
	Header int
	// Record, if set, says that the bytes are records, each with Header fixed bytes and
	// then attributes, and returns the length of the one that begins b (0 if broken). The next
	// one begins aligned to 4. RTA_MULTIPATH is so.
	Record func(b []byte) int
	// Attrs by number.
	Attrs map[uint16]Attr
}

// An Attr describes one attribute of a Schema.
type Attr struct {
	Name string
	// Nest, if set, returns the schema of the value. It is a function because schemas refer to each
	// other in circles. Arrays: the schema of one element, nil for plain values.
	Nest func() *Schema
	// Choose, if set, returns the schema of the value by what stands beside it; set is the
	// set of attributes that this one is in (IFLA_INFO_DATA is read by IFLA_INFO_KIND). It may return nil.
	Choose func(set []byte) *Schema
	// Array says that the attributes inside are elements, whatever their numbers.
	Array bool
	// Multi says that the attribute is repeated, one for each element.
	Multi bool
}

// Path returns the path of the attribute at offset off of body (the part of the message behind
// nlmsghdr). It is empty if off is in the header or outside. An attribute that the schema does not
// know is written #N.
func (s *Schema) Path(body []byte, off int) string {
	path, _ := s.find(body, off)
	return strings.TrimPrefix(path, ".")
}

// MissPath returns the path of the attribute of type t that is missing from the nest at offset
// nest of body, or from the message itself if nest is negative.
func (s *Schema) MissPath(body []byte, nest int, t uint16) string {
	path, inner := "", s
	if nest >= 0 {
		path, inner = s.find(body, nest)
	}
	return strings.TrimPrefix(path+"."+inner.name(t), ".")
}

func (s *Schema) name(t uint16) string {
	if s != nil {
		if a, ok := s.Attrs[t]; ok {
			return a.Name
		}
	}
	return "#" + strconv.Itoa(int(t))
}

// find returns what a path to the attribute at off goes on with behind the name of what b is the
// value of (".X", "[1].X", nothing if off is not inside), and the schema of the value found.
func (s *Schema) find(b []byte, off int) (string, *Schema) {
	switch {
	case s == nil || off < 0 || off >= len(b):
		return "", s
	case s.Record != nil:
		return s.findRecord(b, off)
	}
	return s.findAttr(b, off)
}

// findAttr looks in the attributes of b.
func (s *Schema) findAttr(b []byte, off int) (string, *Schema) {
	set := b[min(s.Header, len(b)):]
	seen := map[uint16]int{}
	for pos := len(b) - len(set); off >= pos; {
		t, v, rest, ok := Next(b[pos:])
		if !ok {
			break
		}
		if next := len(b) - len(rest); off >= next {
			seen[t]++
			pos = next
			continue
		}
		a := s.Attrs[t]
		name := "." + s.name(t)
		if a.Multi {
			name += index(seen[t])
		}
		path, inner := a.find(set, v, off-pos-HeaderLen)
		return name + path, inner
	}
	return "", s
}

// find looks in the value v of an attribute that stands in set.
func (a Attr) find(set, v []byte, off int) (string, *Schema) {
	var s *Schema
	switch {
	case a.Choose != nil:
		s = a.Choose(set)
	case a.Nest != nil:
		s = a.Nest()
	}
	if a.Array {
		return s.findElement(v, off)
	}
	return s.find(v, off)
}

// findElement looks in v, an array whose elements s describes.
func (s *Schema) findElement(v []byte, off int) (string, *Schema) {
	i := 0
	for pos := 0; off >= pos; i++ {
		_, e, rest, ok := Next(v[pos:])
		if !ok {
			break
		}
		if next := len(v) - len(rest); off >= next {
			pos = next
			continue
		}
		path, inner := s.find(e, off-pos-HeaderLen)
		return index(i) + path, inner
	}
	return "", s
}

// findRecord looks in the records of b.
func (s *Schema) findRecord(b []byte, off int) (string, *Schema) {
	i := 0
	for pos := 0; pos < len(b); i++ {
		n := s.Record(b[pos:])
		if n <= 0 || n > len(b)-pos {
			break
		}
		if off < pos+n {
			path, inner := s.findAttr(b[pos:pos+n], off-pos)
			return index(i) + path, inner
		}
		pos = Align(pos + n)
	}
	return "", s
}

func index(i int) string { return "[" + strconv.Itoa(i) + "]" }
