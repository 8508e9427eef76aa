// Package joint is what the _linux.go files of pages share: the kernel's errors
// in the words of a page, one batch for the changes of one write, and the
// changes of a table.
//
//	var words = joint.Words{"RTA_GATEWAY": "via", "RTA_OIF": "dev"}
//	return words.Blame(c.Do(ctx, request))   // via "10.0.9.1": Nexthop has invalid gateway: ...
package joint

import (
	"context"
	"errors"
	"strings"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/nl"
)

// Words gives an attribute the key that it comes from. The name is the last
// part of the attribute's path: RTA_GATEWAY stands for
// RTA_MULTIPATH[1].RTA_GATEWAY too.
type Words map[string]string

// A reason is what the kernel said, without the names of the message and the
// attribute, which mean nothing to who wrote a line.
type reason struct{ e *nl.Error }

func (r reason) Error() string {
	s := r.e.Errno.Error()
	if r.e.Msg != "" {
		s = r.e.Msg + ": " + s
	}
	if r.e.Policy != "" {
		s += " (" + r.e.Policy + ")"
	}
	return s
}

func (r reason) Unwrap() error { return r.e }

// Blame returns err as the reader of a page should see it: a *fs.KeyError where
// the kernel blames an attribute, else the kernel's reason alone. A torn dump
// becomes fs.ErrTorn; errors that are not the kernel's, and nil, stay.
func (w Words) Blame(err error) error {
	var e *nl.Error
	switch {
	case errors.Is(err, nl.ErrTorn):
		return fs.ErrTorn
	case !errors.As(err, &e):
		return err
	case e.Attr != "":
		return &fs.KeyError{Key: w.Key(e.Attr), Err: reason{e}}
	case e.Miss != "":
		return &fs.KeyError{Key: w.Key(e.Miss), Err: missing{reason{e}}}
	}
	return reason{e}
}

// missing is the reason for which a key is wanted.
type missing struct{ reason }

func (m missing) Error() string { return "is missing: " + m.reason.Error() }

// Key returns the key of an attribute's path, and the path itself when w does
// not know it.
func (w Words) Key(path string) string {
	for p := path; p != ""; {
		cut := strings.LastIndexByte(p, '.')
		name, _, _ := strings.Cut(p[cut+1:], "[")
		if key, ok := w[name]; ok {
			return key
		}
		p = p[:max(cut, 0)]
	}
	return path
}

// A Guess is the key that a line is wrong in when the kernel says Text and blames
// no attribute.
type Guess struct{ Text, Key string }

// Guessed turns an error without a key into one with the key of the first guess
// that fits and that the line has.
func Guessed(err error, has func(key string) bool, guesses []Guess) error {
	var e *nl.Error
	var key *fs.KeyError
	if errors.As(err, &key) || !errors.As(err, &e) {
		return err
	}
	for _, g := range guesses {
		if strings.Contains(e.Msg, g.Text) && has(g.Key) {
			return &fs.KeyError{Key: g.Key, Err: err}
		}
	}
	return err
}

// Batch sends one request for each op, all together, and gives each its own
// error. request makes it; blame puts an error into words.
func Batch[T any](ctx context.Context, c *nl.Client, ops []fs.Op[T], request func(o *fs.Op[T]) (nl.Request, error), blame func(o *fs.Op[T], err error) error) {
	b := c.NewBatch()
	sent := make([]int, 0, len(ops))
	for i := range ops {
		o := &ops[i]
		if o.Err != nil {
			continue
		}
		r, err := request(o)
		if err == nil && r.Type == 0 {
			continue
		}
		if err == nil {
			err = b.Add(r)
		}
		if err != nil {
			o.Err = blame(o, err)
			continue
		}
		sent = append(sent, i)
	}
	err := b.Do(ctx)
	var be *nl.BatchError
	switch {
	case err == nil:
	case errors.As(err, &be):
		for _, f := range be.Failed {
			o := &ops[sent[f.Index]]
			o.Err = blame(o, f.Err)
		}
	default:
		for _, i := range sent {
			ops[i].Err = err
		}
	}
}
