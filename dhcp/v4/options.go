package v4

import (
	"fmt"
	"iter"
	"slices"
)

// A Code is the number of an option.
type Code uint8

// String is the number and, if it has one, the name: "option 54 (server-id)".
func (c Code) String() string {
	if n := table[c].Name; n != "" {
		return fmt.Sprintf("option %d (%s)", uint8(c), n)
	}
	return fmt.Sprintf("option %d", uint8(c))
}

// An Option is a code and its value, without the length, whole even if it came
// in parts.
type Option struct {
	Code Code
	Data []byte
}

// Options is a list of options in the order of the message. Each code is there once;
// a second of a code that cannot be long (a repetition in a received message)
// stands behind the first, and is not seen by Get.
type Options []Option

// Get returns the value of an option, and whether it is there: an option can be
// empty.
func (o Options) Get(c Code) ([]byte, bool) {
	for i := range o {
		if o[i].Code == c {
			return o[i].Data, true
		}
	}
	return nil, false
}

// Has reports whether the option is there.
func (o Options) Has(c Code) bool {
	_, ok := o.Get(c)
	return ok
}

// Set gives an option a value, which is kept and not copied, and takes away repetitions. A new option
// comes last.
func (o *Options) Set(c Code, data []byte) {
	i := slices.IndexFunc(*o, func(x Option) bool { return x.Code == c })
	if i < 0 {
		*o = append(*o, Option{c, data})
		return
	}
	(*o)[i].Data = data
	rest := slices.DeleteFunc((*o)[i+1:], func(x Option) bool { return x.Code == c })
	*o = (*o)[:i+1+len(rest)]
}

// Del takes an option away.
func (o *Options) Del(c Code) {
	*o = slices.DeleteFunc(*o, func(x Option) bool { return x.Code == c })
}

// All yields the options in the order of the message.
func (o Options) All() iter.Seq2[Code, []byte] {
	return func(yield func(Code, []byte) bool) {
		for i := range o {
			if !yield(o[i].Code, o[i].Data) {
				return
			}
		}
	}
}

// Clone returns a copy that shares no memory with o.
func (o Options) Clone() Options {
	c := slices.Clone(o)
	for i := range c {
		c[i].Data = slices.Clone(c[i].Data)
	}
	return c
}

// ordered yields the options as they are sent: the message type first, since some
// servers look only there, and the relay's information last (RFC 3046 2.1).
func (o Options) ordered() iter.Seq[Option] {
	return func(yield func(Option) bool) {
		for pass := range 3 {
			for i := range o {
				p := 1
				switch o[i].Code {
				case OptMessageType:
					p = 0
				case OptRelayInfo:
					p = 2
				}
				if p == pass && !yield(o[i]) {
					return
				}
			}
		}
	}
}

// size is the length of the encoding in one field, without the end. It fails on
// codes that are not options.
func (o Options) size() (int, error) {
	n := 0
	for i := range o {
		switch c := o[i].Code; c {
		case optPad, optEnd, OptOverload:
			return 0, fmt.Errorf("%v: cannot be set: it is part of the encoding", c)
		}
		n += len(o[i].Data) + 2*chunks(len(o[i].Data))
	}
	return n, nil
}

// chunks is how many options a value of n bytes becomes.
func chunks(n int) int { return max(1, (n+254)/255) }

func (o Options) appendAll(b []byte) []byte {
	for x := range o.ordered() {
		v := x.Data
		for range chunks(len(v)) {
			n := min(len(v), 255)
			b = append(append(b, byte(x.Code), byte(n)), v[:n]...)
			v = v[n:]
		}
	}
	return b
}
