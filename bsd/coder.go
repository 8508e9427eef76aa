package bsd

// A coder moves numbers between a header and a message, one way or the other, so
// that each list of fields is there once.
type coder struct {
	b     []byte
	order byteOrder
	write bool
	fresh bool // the header is new, not one that came
}

type integer interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int32 | ~int64
}

// num moves one field. What lies outside the header reads as 0.
func num[T integer](c *coder, p pos, v *T) {
	off, size := int(p.off), int(p.size)
	if low := int(p.low); low != 0 {
		if c.order.Uint16([]byte{0, 1}) == 1 { // big endian: the low bytes are the last
			off += size - low
		}
		size = low
	}
	if size == 0 || off+size > len(c.b) {
		if !c.write {
			*v = 0
		}
		return
	}
	b := c.b[off : off+size]
	if c.write {
		c.put(b, uint64(*v))
		return
	}
	n := c.get(b)
	var minus T
	minus--
	if shift := 64 - 8*size; minus < 0 && shift > 0 {
		n = uint64(int64(n<<shift) >> shift)
	}
	*v = T(n)
}

func (c *coder) get(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(c.order.Uint16(b))
	case 4:
		return uint64(c.order.Uint32(b))
	}
	return c.order.Uint64(b)
}

func (c *coder) put(b []byte, n uint64) {
	switch len(b) {
	case 1:
		b[0] = byte(n)
	case 2:
		c.order.PutUint16(b, uint16(n))
	case 4:
		c.order.PutUint32(b, uint32(n))
	default:
		c.order.PutUint64(b, n)
	}
}

// text moves a string that ends at the first zero byte, or at the field's end.
func text(c *coder, p pos, v *string) {
	off, size := int(p.off), int(p.size)
	if size == 0 || off+size > len(c.b) {
		return
	}
	b := c.b[off : off+size]
	if c.write {
		if *v != cString(b) {
			clear(b[copy(b, *v):])
		}
		return
	}
	*v = cString(b)
}

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
