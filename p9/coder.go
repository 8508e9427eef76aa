package p9

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

var (
	errShort   = errors.New("message ends within a field")
	errTrail   = errors.New("bytes after the last field")
	errNames   = errors.New("more than 16 names in a walk")
	errLong    = errors.New("string over 65535 bytes")
	errStatLen = errors.New("stat record has a wrong size")
)

type op uint8

const (
	decoding op = iota
	encoding
	printing
)

// A coder does one thing with each field that it is shown: take it from b, or
// append it to b in wire or in text form. The first error sticks.
type coder struct {
	op      op
	dialect Dialect
	b       []byte
	err     error
	names   *interner // of decoded strings; nil copies each
}

// AppendMsg appends m as a frame.
func AppendMsg(b []byte, d Dialect, m *Msg) ([]byte, error) {
	c := coder{op: encoding, dialect: d, b: b}
	err := c.frame(m)
	return c.b, err
}

// frame appends a whole frame, or nothing and an error.
func (c *coder) frame(m *Msg) error {
	start := len(c.b)
	c.b = append(c.b, 0, 0, 0, 0, byte(m.Type), byte(m.Tag), byte(m.Tag>>8))
	if !m.fields(c) {
		c.err = fmt.Errorf("no %v in %v", m.Type, c.dialect)
	}
	if c.err != nil {
		c.b = c.b[:start]
		return c.err
	}
	binary.LittleEndian.PutUint32(c.b[start:], uint32(len(c.b)-start))
	return nil
}

// DecodeMsg decodes one whole frame into m, whose slices are used again. Data is
// a part of frame. An error leaves Type and Tag valid if the frame had them.
func DecodeMsg(frame []byte, d Dialect, m *Msg) error {
	c := coder{op: decoding, dialect: d}
	return c.decode(frame, m)
}

func (c *coder) decode(frame []byte, m *Msg) error {
	if len(frame) < headLen || binary.LittleEndian.Uint32(frame) != uint32(len(frame)) {
		return errShort
	}
	m.Type, m.Tag = Type(frame[4]), binary.LittleEndian.Uint16(frame[5:])
	c.b, c.err = frame[headLen:], nil
	switch {
	case !m.fields(c):
		return fmt.Errorf("no %v in %v: %w", m.Type, c.dialect, errors.ErrUnsupported)
	case c.err != nil:
		return fmt.Errorf("%v: %w", m.Type, c.err)
	case len(c.b) > 0:
		return fmt.Errorf("%v: %w", m.Type, errTrail)
	}
	return nil
}

// take cuts n bytes off the front, or fails and returns nil.
func (c *coder) take(n int) []byte {
	if c.err != nil || len(c.b) < n {
		c.fail(errShort)
		return nil
	}
	p := c.b[:n:n]
	c.b = c.b[n:]
	return p
}

func (c *coder) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *coder) key(name string) {
	c.b = append(append(append(c.b, ' '), name...), '=')
}

func (c *coder) number(name string, v uint64) {
	c.key(name)
	c.b = strconv.AppendUint(c.b, v, 10)
}

func (c *coder) u8(name string, v *uint8) {
	switch c.op {
	case encoding:
		c.b = append(c.b, *v)
	case printing:
		c.number(name, uint64(*v))
	default:
		if p := c.take(1); p != nil {
			*v = p[0]
		}
	}
}

func (c *coder) u16(name string, v *uint16) {
	switch c.op {
	case encoding:
		c.b = binary.LittleEndian.AppendUint16(c.b, *v)
	case printing:
		c.number(name, uint64(*v))
	default:
		if p := c.take(2); p != nil {
			*v = binary.LittleEndian.Uint16(p)
		}
	}
}

func (c *coder) u32(name string, v *uint32) {
	switch c.op {
	case encoding:
		c.b = binary.LittleEndian.AppendUint32(c.b, *v)
	case printing:
		c.number(name, uint64(*v))
	default:
		if p := c.take(4); p != nil {
			*v = binary.LittleEndian.Uint32(p)
		}
	}
}

// bits is a u32 that prints in octal.
func (c *coder) bits(name string, v *uint32) {
	if c.op != printing {
		c.u32(name, v)
		return
	}
	c.key(name)
	c.b = strconv.AppendUint(append(c.b, '0'), uint64(*v), 8)
}

func (c *coder) u64(name string, v *uint64) {
	switch c.op {
	case encoding:
		c.b = binary.LittleEndian.AppendUint64(c.b, *v)
	case printing:
		c.number(name, *v)
	default:
		if p := c.take(8); p != nil {
			*v = binary.LittleEndian.Uint64(p)
		}
	}
}

func (c *coder) str(name string, v *string) {
	switch c.op {
	case encoding:
		if len(*v) > math.MaxUint16 {
			c.fail(errLong)
			return
		}
		c.b = binary.LittleEndian.AppendUint16(c.b, uint16(len(*v)))
		c.b = append(c.b, *v...)
	case printing:
		c.key(name)
		c.b = strconv.AppendQuote(c.b, *v)
	default:
		if n := c.take(2); n != nil {
			*v = c.names.get(c.take(int(binary.LittleEndian.Uint16(n))))
		}
	}
}

func (c *coder) strs(name string, v *[]string) {
	switch c.op {
	case encoding:
		if len(*v) > maxWalk {
			c.fail(errNames)
			return
		}
		c.b = binary.LittleEndian.AppendUint16(c.b, uint16(len(*v)))
		for i := range *v {
			c.str(name, &(*v)[i])
		}
	case printing:
		c.key(name)
		for i, s := range *v {
			if i > 0 {
				c.b = append(c.b, ',')
			}
			c.b = strconv.AppendQuote(c.b, s)
		}
	default:
		n := c.count(maxWalk)
		*v = (*v)[:0]
		for range n {
			var s string
			c.str(name, &s)
			*v = append(*v, s)
		}
	}
}

func (c *coder) qids(name string, v *[]Qid) {
	switch c.op {
	case encoding:
		c.b = binary.LittleEndian.AppendUint16(c.b, uint16(len(*v)))
		for i := range *v {
			c.qid(name, &(*v)[i])
		}
	case printing:
		c.key(name)
		for i := range *v {
			if i > 0 {
				c.b = append(c.b, ',')
			}
			c.b = appendQid(c.b, &(*v)[i])
		}
	default:
		n := c.count(maxWalk)
		*v = (*v)[:0]
		for range n {
			var q Qid
			c.qid(name, &q)
			*v = append(*v, q)
		}
	}
}

// count decodes the number of elements that follow.
func (c *coder) count(most int) int {
	p := c.take(2)
	if p == nil {
		return 0
	}
	n := int(binary.LittleEndian.Uint16(p))
	if n > most {
		c.fail(errNames)
		return 0
	}
	return n
}

func (c *coder) data(name string, v *[]byte) {
	switch c.op {
	case encoding:
		c.b = binary.LittleEndian.AppendUint32(c.b, uint32(len(*v)))
		c.b = append(c.b, *v...)
	case printing:
		c.number("count", uint64(len(*v)))
		c.key(name)
		c.b = strconv.AppendQuote(c.b, string(*v))
	default:
		n := c.take(4)
		if n == nil {
			return
		}
		// Compared as uint64: a count over 2^31 must not turn negative.
		size := uint64(binary.LittleEndian.Uint32(n))
		if size > uint64(len(c.b)) {
			c.fail(errShort)
			return
		}
		*v = c.take(int(size))
	}
}

func (c *coder) qid(name string, v *Qid) {
	if c.op == printing {
		c.key(name)
		c.b = appendQid(c.b, v)
		return
	}
	c.u8(name, &v.Type)
	c.u32(name, &v.Version)
	c.u64(name, &v.Path)
}

func appendQid(b []byte, q *Qid) []byte {
	b = append(strconv.AppendUint(b, q.Path, 16), '.')
	b = append(strconv.AppendUint(b, uint64(q.Version), 10), '.')
	return strconv.AppendUint(b, uint64(q.Type), 16)
}

// stat is a stat record as Rstat and Twstat have it: with the size of the whole
// before the record's own size.
func (c *coder) stat(d *Dir) {
	switch c.op {
	case encoding:
		at := len(c.b)
		c.b = append(c.b, 0, 0)
		c.dir(d)
		if n := len(c.b) - at - 2; n > math.MaxUint16 {
			c.fail(errLong)
		} else {
			binary.LittleEndian.PutUint16(c.b[at:], uint16(n))
		}
	case printing:
		d.fields(c)
	default:
		p := c.take(2)
		if p == nil {
			return
		}
		rest := c.b
		if c.b = c.take(int(binary.LittleEndian.Uint16(p))); c.b == nil {
			return
		}
		c.dir(d)
		if len(c.b) > 0 {
			c.fail(errStatLen)
		}
		c.b = rest[binary.LittleEndian.Uint16(p):]
	}
}

// dir is a stat record as directories have it: one size, then the fields.
func (c *coder) dir(d *Dir) {
	if c.op == encoding {
		at := len(c.b)
		c.b = append(c.b, 0, 0)
		d.fields(c)
		n := len(c.b) - at - 2
		if n > math.MaxUint16 {
			c.fail(errLong)
			return
		}
		binary.LittleEndian.PutUint16(c.b[at:], uint16(n))
		return
	}
	p := c.take(2)
	if p == nil {
		return
	}
	n := int(binary.LittleEndian.Uint16(p))
	if n > len(c.b) {
		c.fail(errStatLen)
		return
	}
	rest := c.b[n:]
	c.b = c.b[:n:n]
	d.fields(c)
	if c.err == nil && len(c.b) > 0 {
		c.fail(errStatLen)
	}
	c.b = rest
}

// AppendDir appends d as it stands in a directory's data.
func AppendDir(b []byte, dialect Dialect, d *Dir) ([]byte, error) {
	c := coder{op: encoding, dialect: dialect, b: b}
	c.dir(d)
	if c.err != nil {
		return b, c.err
	}
	return c.b, nil
}

// DecodeDir cuts one stat record off a directory's data.
func DecodeDir(b []byte, dialect Dialect, d *Dir) (rest []byte, err error) {
	c := coder{op: decoding, dialect: dialect, b: b}
	c.dir(d)
	return c.b, c.err
}

// An interner keeps the strings that a peer sends again and again, so that a
// name which was seen before costs no memory. It is bounded and forgets all
// when it is full.
type interner struct{ m map[string]string }

const (
	maxInterned   = 1024
	maxInternedAt = 64 // longer strings are not worth keeping
)

func (t *interner) get(b []byte) string {
	if t == nil || len(b) > maxInternedAt {
		return string(b)
	}
	if s, ok := t.m[string(b)]; ok {
		return s
	}
	if t.m == nil || len(t.m) >= maxInterned {
		t.m = make(map[string]string)
	}
	s := string(b)
	t.m[s] = s
	return s
}
