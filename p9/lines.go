package p9

import (
	"bytes"
	"context"
	"iter"
	"syscall"
)

// maxLine bounds a line, as the tree's own files do.
const maxLine = 1 << 20

var errLongLine = &protoError{"line is longer than 1 MiB: message too long", syscall.EMSGSIZE}

// Watch opens a stream and yields its lines, without their newlines, as they
// happen: those of "events", or "links/eth0/events,.snapshot". The last pair has
// the error that ended it: the context's, at once, when that ends. Breaking off
// closes the stream. Nothing is read ahead of the line that is asked for but
// what came with the one before.
//
//	for line, err := range c.Watch(ctx, "events") {
func (c *Client) Watch(ctx context.Context, path string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		f, err := c.Open(ctx, path, OREAD)
		if err != nil {
			yield("", err)
			return
		}
		defer f.drop()
		for line, err := range f.Lines(ctx) {
			if err != nil {
				err = pathError("read", path, err)
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

// Lines yields the lines of an open file: see Client.Watch.
func (f *Fid) Lines(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		buf := make([]byte, min(f.most(), streamMost))
		var part []byte // a line of which the end has not come
		for off := int64(0); ; {
			n, err := f.ReadAt(ctx, buf, off)
			off += int64(n)
			b := buf[:n]
			for {
				line, rest, whole := bytes.Cut(b, []byte{'\n'})
				if !whole {
					break
				}
				if !yield(string(append(part, line...)), nil) {
					return
				}
				part, b = part[:0], rest
			}
			part = append(part, b...)
			if len(part) > maxLine && err == nil {
				err = errLongLine
			}
			if err != nil {
				yield("", err)
				return
			}
			if n == 0 {
				if len(part) > 0 {
					yield(string(part), nil)
				}
				return
			}
		}
	}
}
