package bsd

import (
	"errors"
	"fmt"
)

// Append appends the message m as the kernel of this layout takes it. What was
// decoded with the same layout and not changed gives the bytes that it came from.
func (l *Layout) Append(b []byte, m Message) ([]byte, error) {
	if r, ok := m.(*RawMsg); ok {
		return append(b, r.Data...), nil
	}
	h := m.Head()
	t, err := l.typeOf(h)
	if err != nil {
		return b, err
	}
	start := len(b)
	n := t.form.size()
	if len(h.head) >= n || t.form.hdrlen().size != 0 && len(h.head) > 0 {
		n = len(h.head)
	}
	b = append(b, make([]byte, n)...)
	copy(b[start:], h.head)
	c := &coder{b: b[start:], order: l.order, write: true, fresh: len(h.head) == 0}
	version := l.Version
	num(c, p1(2), &version)
	num(c, p1(3), &t.num)
	if p := t.form.hdrlen(); p.size != 0 {
		hlen := uint16(n)
		num(c, p, &hlen)
	}
	if !t.form.code(c, m) {
		return b[:start], fmt.Errorf("RTM_%s is not a %T", t.name, m)
	}
	b = h.join(l, b)
	size := len(b) - start
	if size > 1<<16-1 {
		return b[:start], fmt.Errorf("RTM_%s of %d bytes, at most 65535 fit", t.name, size)
	}
	l.order.PutUint16(b[start:], uint16(size))
	return b, nil
}

// typeOf returns the table's line for a message: a copy.
func (l *Layout) typeOf(h *Header) (msgType, error) {
	num := h.Type
	if num == 0 {
		n, ok := l.Type(h.Op)
		if !ok {
			return msgType{}, fmt.Errorf("no such message on %s: %w", l.OS, errors.ErrUnsupported)
		}
		num = n
	}
	t := l.find(num)
	if t == nil || t.form == nil {
		return msgType{}, fmt.Errorf("message type %#x of %s: %w", num, l.OS, errors.ErrUnsupported)
	}
	return *t, nil
}

// join appends the sockaddrs, each padded.
func (h *Header) join(l *Layout, b []byte) []byte {
	for i := range axes {
		if h.bits>>i&1 == 0 {
			continue
		}
		s := h.slots[i]
		b = append(b, s...)
		n := 0
		if len(s) > 0 {
			n = int(s[0])
		}
		last := h.bits>>(i+1) == 0
		if pad := l.Slot(n) - len(s); pad > 0 && !(last && h.bare) {
			b = append(b, make([]byte, pad)...)
		}
	}
	return append(b, h.tail...)
}
