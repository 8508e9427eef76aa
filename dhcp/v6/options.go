package v6

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// A Code is the number of an option.
type Code uint16

// String is the number and, if it has one, the name: "option 3 (ia_na)".
func (c Code) String() string {
	if i := find(c); i.Name != "" {
		return fmt.Sprintf("option %d (%s)", uint16(c), i.Name)
	}
	return fmt.Sprintf("option %d", uint16(c))
}

// Name is the name of the option in text: its name in the table, or opt.N.
func (c Code) Name() string {
	if i := find(c); i.Name != "" {
		return i.Name
	}
	return "opt." + strconv.Itoa(int(c))
}

// ByName returns the option of a name, of "opt.N" or of a number.
func ByName(name string) (Code, error) {
	for i := range table {
		if table[i].Name == name {
			return table[i].Code, nil
		}
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(name, "opt."), 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q: no such option", name)
	}
	return Code(n), nil
}

// An Option is a code and its value, without the length.
type Option struct {
	Code Code
	Data []byte
}

// Options is a list of options, of a message or of an option, in the order of
// the wire. A code may be there more than once.
type Options []Option

func (o *Options) decode(b []byte) error {
	for len(b) > 0 {
		if len(b) < 4 {
			return fmt.Errorf("%d bytes behind the last option", len(b))
		}
		c, n := Code(binary.BigEndian.Uint16(b)), 4+int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return fmt.Errorf("%v: %d bytes where %d are left", c, n-4, len(b)-4)
		}
		*o = append(*o, Option{c, b[4:n:n]})
		b = b[n:]
	}
	return nil
}

func (o Options) append(b []byte) ([]byte, error) {
	for i := range o {
		if len(o[i].Data) > maxOption {
			return b, fmt.Errorf("%v: %d bytes, at most %d fit", o[i].Code, len(o[i].Data), maxOption)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(o[i].Code))
		b = binary.BigEndian.AppendUint16(b, uint16(len(o[i].Data)))
		b = append(b, o[i].Data...)
	}
	return b, nil
}

// Get returns the value of the first option of a code, and whether there is one.
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

// All yields the options in the order of the wire.
func (o Options) All() iter.Seq2[Code, []byte] {
	return func(yield func(Code, []byte) bool) {
		for i := range o {
			if !yield(o[i].Code, o[i].Data) {
				return
			}
		}
	}
}

// Each yields the values of all options of a code.
func (o Options) Each(c Code) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range o {
			if o[i].Code == c && !yield(o[i].Data) {
				return
			}
		}
	}
}

// Add appends an option. The data are kept, not copied.
func (o *Options) Add(c Code, data []byte) { *o = append(*o, Option{c, data}) }

// Set makes data the value of the one option of a code, in the place of the first that is there, or
// at the end.
func (o *Options) Set(c Code, data []byte) {
	i := slices.IndexFunc(*o, func(x Option) bool { return x.Code == c })
	if i < 0 {
		o.Add(c, data)
		return
	}
	(*o)[i].Data = data
	rest := slices.DeleteFunc((*o)[i+1:], func(x Option) bool { return x.Code == c })
	*o = (*o)[:i+1+len(rest)]
}

// Del takes all options of a code away.
func (o *Options) Del(c Code) {
	*o = slices.DeleteFunc(*o, func(x Option) bool { return x.Code == c })
}

// Clone returns a copy that shares no memory with o.
func (o Options) Clone() Options {
	c := slices.Clone(o)
	for i := range c {
		c[i].Data = slices.Clone(c[i].Data)
	}
	return c
}

// An OptionError says which option is wrong, and why.
type OptionError struct {
	Code   Code
	Reason error
}

func (e *OptionError) Error() string { return e.Code.String() + ": " + e.Reason.Error() }
func (e *OptionError) Unwrap() error { return e.Reason }

// ErrAbsent is why a getter fails if the option is not there.
var ErrAbsent = errors.New("not in the message")

// value returns the bytes of an option if their number is what the table says.
func (o Options) value(c Code) ([]byte, error) {
	v, ok := o.Get(c)
	if !ok {
		return nil, &OptionError{c, ErrAbsent}
	}
	if err := checkLength(c, len(v)); err != nil {
		return nil, err
	}
	return v, nil
}

func checkLength(c Code, n int) error {
	i := Describe(c)
	var err error
	switch {
	case i.Min == i.Max && n != i.Min:
		err = fmt.Errorf("%d bytes, not %d", n, i.Min)
	case n < i.Min:
		err = fmt.Errorf("%d bytes, fewer than %d", n, i.Min)
	case n > i.Max:
		err = fmt.Errorf("%d bytes, more than %d", n, i.Max)
	case n%i.Unit != 0:
		err = fmt.Errorf("%d bytes, not a multiple of %d", n, i.Unit)
	default:
		return nil
	}
	return &OptionError{c, err}
}

// wrap says of an error in which option it is.
func wrap(c Code, err error) error {
	if err == nil {
		return nil
	}
	return &OptionError{c, err}
}
