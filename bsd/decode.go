package bsd

import (
	"fmt"
	"iter"
)

// An Error is a place in a buffer that is not as the layout says.
type Error struct {
	Offset int    // in the buffer
	Type   string // of the message: RTM_ADD; "" where that is not known
	Reason string
}

func (e *Error) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("message at %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("%s at %d: %s", e.Type, e.Offset, e.Reason)
}

// A Decoder reads messages. The zero value with a Layout is ready. Not for
// concurrent use.
type Decoder struct {
	Layout *Layout
	// Skipped counts messages of another RTM_VERSION, which were passed over.
	Skipped int

	route    RouteMsg
	link     LinkMsg
	addr     AddrMsg
	group    MaddrMsg
	announce AnnounceMsg
	raw      RawMsg
	coder    coder
}

// Messages yields the messages of a read of the routing socket, or of a sysctl's
// answer. Each is borrowed until the next step. A message whose length is 0 ends
// them, as the kernel's estimate of a dump's size may be high.
//
// A message that is broken inside comes as *RawMsg with an *Error, and the next one
// follows. Where lengths do not fit the buffer, the last thing yielded is an *Error
// without message.
func (d *Decoder) Messages(b []byte) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for off := 0; off < len(b); {
			n, err := d.frame(b, off)
			if err != nil {
				yield(nil, err)
				return
			}
			if n == 0 {
				return
			}
			msg := b[off : off+n : off+n]
			if msg[2] != d.Layout.Version {
				d.Skipped++
			} else if !yield(d.message(msg, off)) {
				return
			}
			off += n
		}
	}
}

// Messages is Decoder.Messages of a new decoder.
func (l *Layout) Messages(b []byte) iter.Seq2[Message, error] {
	return (&Decoder{Layout: l}).Messages(b)
}

// frame returns the length of the message at off, 0 at the end.
func (d *Decoder) frame(b []byte, off int) (int, error) {
	left := len(b) - off
	if left < 2 {
		return 0, &Error{off, "", "one byte is left over"}
	}
	n := int(d.Layout.order.Uint16(b[off:]))
	switch {
	case n == 0:
		return 0, nil
	case n < 4:
		return 0, &Error{off, "", fmt.Sprintf("its length is %d", n)}
	case n > left:
		return 0, &Error{off, "", fmt.Sprintf("its length is %d, %d bytes are left", n, left)}
	}
	return n, nil
}

// message decodes one message with its version checked.
func (d *Decoder) message(b []byte, off int) (Message, error) {
	t := d.Layout.find(b[3])
	if t == nil || t.form == nil {
		return d.whole(b, t), nil
	}
	hdr, reason := headerLen(b, t.form, d.Layout.order)
	if reason != "" {
		return d.whole(b, t), &Error{off, "RTM_" + t.name, reason}
	}
	m := t.form.message(d)
	h := m.Head()
	h.Op, h.Type, h.Version, h.head = t.op, b[3], b[2], b[:hdr]
	d.coder = coder{b: h.head, order: d.Layout.order}
	t.form.code(&d.coder, m)
	if at, reason := h.split(d.Layout, b, hdr); reason != "" {
		return d.whole(b, t), &Error{off + at, "RTM_" + t.name, reason}
	}
	return m, nil
}

func (d *Decoder) whole(b []byte, t *msgType) *RawMsg {
	d.raw = RawMsg{Data: b}
	d.raw.Type, d.raw.Version = b[3], b[2]
	if t != nil {
		d.raw.Op = t.op
	}
	return &d.raw
}

// headerLen returns where the sockaddrs begin: where the message says, or behind the
// header that the table knows.
func headerLen(b []byte, f form, order byteOrder) (n int, reason string) {
	n = f.size()
	if p := f.hdrlen(); p.size != 0 && len(b) >= int(p.off+p.size) {
		var said uint16
		num(&coder{b: b, order: order}, p, &said)
		n = int(said)
		if n < int(p.off+p.size) {
			return 0, fmt.Sprintf("its header length is %d", n)
		}
	}
	if n > len(b) {
		return 0, fmt.Sprintf("its header is %d bytes, the message %d", n, len(b))
	}
	return n, ""
}

// split finds the sockaddrs behind the header: one for each bit, in the order of
// the bits.
func (h *Header) split(l *Layout, b []byte, off int) (at int, reason string) {
	if h.bits>>axes != 0 {
		return 0, fmt.Sprintf("sockaddrs of unknown kind: %#x", h.bits)
	}
	for i := range axes {
		if h.bits>>i&1 == 0 {
			continue
		}
		if off >= len(b) {
			return off, fmt.Sprintf("sockaddr %s is missing", l.axis(i))
		}
		n := int(b[off])
		end := off + l.Slot(n)
		switch {
		case off+max(n, 1) > len(b):
			return off, fmt.Sprintf("sockaddr %s has %d bytes, %d are left", l.axis(i), n, len(b)-off)
		case end > len(b): // the last one may lack its padding
			end, h.bare = len(b), true
		}
		h.slots[i] = b[off:end:end]
		off = end
	}
	h.tail = b[off:]
	return off, ""
}

func (l *Layout) axis(i int) string {
	if s := l.AxisName(i); s != "" {
		return s
	}
	return fmt.Sprint(i)
}
