package fs

import (
	"bytes"
	"context"
	"errors"
	iofs "io/fs"
	"sync"
	"syscall"
)

// A Value is a file of one value and a newline.
type Value struct {
	Doc string
	// Get appends the value without a newline; nothing appended reads as an
	// empty line: there is no value now. Nil: the value can only be written.
	Get func(ctx context.Context, b []byte) ([]byte, error)
	// Set takes one complete value. Nil: the value can only be read.
	Set func(ctx context.Context, word string) error
	// Secret values have mode 0600. They read as "?" for all but root, and "?"
	// written means keep.
	Secret bool
}

func (v *Value) Mode() iofs.FileMode {
	var m iofs.FileMode
	if v.Get != nil {
		m |= 0o444
	}
	if v.Set != nil {
		m |= 0o220
	}
	if v.Secret {
		m &= 0o600
	}
	return m
}

// Size is the length of the value and its newline.
func (v *Value) Size(ctx context.Context) (int64, error) {
	b, err := v.read(ctx, nil)
	return int64(len(b)), err
}

// read appends the value and its newline.
func (v *Value) read(ctx context.Context, b []byte) ([]byte, error) {
	if v.Get == nil {
		return nil, nil
	}
	if v.Secret && UserOf(ctx).UID != 0 {
		return append(b, "?\n"...), nil
	}
	b, err := v.Get(ctx, b)
	if err != nil {
		return nil, err
	}
	return append(b, '\n'), nil
}

func (v *Value) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	return &valueFile{v: v}, nil
}

// A valueFile is one open value. It is no Blocker although Get and Set ask the
// kernel: that is done sooner than a goroutine is started, as a rule. What it
// reads is taken when a read begins at offset 0, so that any other offset
// continues the same value.
type valueFile struct {
	v    *Value
	mu   sync.Mutex // guards the rest
	text []byte
	have bool
	last byte // last byte written, 0 before the first write
	buf  [64]byte
}

func (f *valueFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if off == 0 || !f.have {
		b, err := f.v.read(ctx, f.buf[:0])
		if err != nil {
			return 0, gone(err)
		}
		f.text, f.have = b, true
	}
	return copyAt(p, f.text, off), nil
}

// WriteAt takes one value, whatever the offset. A newline alone after a value
// is nothing: some writers send it on its own. Without a newline between, a
// second write would be the rest of a value that has been set already; it is
// refused, because half a value may be a valid one.
func (f *valueFile) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	if f.last != 0 && string(p) == "\n" {
		f.last = '\n'
		return 1, nil
	}
	if f.last != 0 && f.last != '\n' {
		return 0, errSplit
	}
	word, err := valueWord(p)
	if err != nil {
		return 0, err
	}
	if err := f.set(ctx, word); err != nil {
		return 0, err
	}
	f.last = p[len(p)-1]
	f.have = false
	return len(p), nil
}

func (f *valueFile) set(ctx context.Context, word string) error {
	if f.v.Set == nil {
		return errAccess
	}
	if f.v.Secret && word == "?" {
		return nil
	}
	err := f.v.Set(ctx, word)
	var ke *KeyError
	if errors.As(err, &ke) && ke.Word == "" {
		ke.Word = word
	}
	return err
}

func (f *valueFile) Close(ctx context.Context) error { return nil }

var (
	errSplit = &Error{Text: "value split across writes", Errno: syscall.EINVAL}
	errTwo   = &Error{Text: "one value, one line", Errno: syscall.EINVAL}
	errNUL   = &Error{Text: "NUL byte", Errno: syscall.EINVAL}
	errLong  = &Error{Text: "value is too long", Errno: syscall.E2BIG}
)

// maxValue bounds a value, in bytes: an attribute of netlink holds no more than 64 KiB.
const maxValue = 32 << 10

// valueWord returns the one value in p, without the end of its line.
func valueWord(p []byte) (string, error) {
	p = bytes.TrimSuffix(p, []byte("\n"))
	p = bytes.TrimSuffix(p, []byte("\r"))
	switch {
	case len(p) > maxValue:
		return "", errLong
	case bytes.IndexByte(p, 0) >= 0:
		return "", errNUL
	case bytes.IndexByte(p, '\n') >= 0:
		return "", errTwo
	}
	return string(p), nil
}

// gone turns the absence of what an open file stands for into ErrRemoved: it
// was there when the file was opened.
func gone(err error) error {
	if Errno(err) == syscall.ENOENT {
		return ErrRemoved
	}
	return err
}

// copyAt copies what stands at off of text.
func copyAt(p, text []byte, off int64) int {
	if off < 0 || off >= int64(len(text)) {
		return 0
	}
	return copy(p, text[off:])
}

// A TextFile is a read-only file that is not records: resolv.conf, a page of help. Its
// text is made at each open; nobody may change it afterwards.
type TextFile func(ctx context.Context) ([]byte, error)

func (t TextFile) Mode() iofs.FileMode { return 0o444 }

func (t TextFile) Open(ctx context.Context, mode OpenMode) (Handle, error) {
	b, err := t(ctx)
	return textFile(b), err
}

func (t TextFile) Size(ctx context.Context) (int64, error) {
	b, err := t(ctx)
	return int64(len(b)), err
}

// A textFile is an open file that is all in memory.
type textFile []byte

func (t textFile) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	return copyAt(p, t, off), nil
}

func (t textFile) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	return 0, errNotOpen
}

func (t textFile) Close(ctx context.Context) error { return nil }
