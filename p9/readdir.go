package p9

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"syscall"
)

// ReadDir reads an open directory from its start. In 9P2000.L a listing tells
// names, kinds and qids only: the rest of each Dir is zero.
func (f *Fid) ReadDir(ctx context.Context) ([]Dir, error) {
	var list []Dir
	for d, err := range f.Entries(ctx) {
		if err != nil {
			return list, err
		}
		if len(list) == maxEntries {
			return list, errManyNames
		}
		list = append(list, d)
	}
	return list, nil
}

// maxEntries bounds what ReadDir gathers from a directory that does not end.
const maxEntries = 4 << 20

var errManyNames = &protoError{"directory is too long: value too large for defined data type", syscall.EOVERFLOW}

// Entries is ReadDir one by one, as they come from the server.
func (f *Fid) Entries(ctx context.Context) iter.Seq2[Dir, error] {
	return func(yield func(Dir, error) bool) {
		buf := grow(nil, f.most())
		defer func() { drop(buf) }()
		r := dirReader{f: f, buf: buf[:f.most()]}
		for {
			n, err := r.read(ctx)
			for b := r.buf[:n]; len(b) > 0 && err == nil; {
				var d Dir
				if b, err = r.entry(b, &d); err == nil && !dots(d.Name) && !yield(d, nil) {
					return
				}
			}
			if err != nil {
				yield(Dir{}, err)
			}
			if err != nil || n == 0 {
				return
			}
		}
	}
}

func dots(name string) bool { return name == "." || name == ".." }

// A dirReader goes through a directory. Where it is, is the number of bytes that
// were read, or in 9P2000.L the cookie that the server gave with the last name.
type dirReader struct {
	f      *Fid
	buf    []byte
	off    uint64
	cookie uint64
	begun  bool
}

func (r *dirReader) read(ctx context.Context) (int, error) {
	f := r.f
	if f.c.dialect != DotL {
		n, err := f.ReadAt(ctx, r.buf, int64(r.off))
		r.off += uint64(n)
		return n, err
	}
	if r.begun && r.cookie == r.off {
		return 0, fmt.Errorf("%w: the directory does not go on after cookie %d", errBadReply, r.off)
	}
	r.begun, r.off = true, r.cookie
	k, err := f.c.newCall(Treaddir)
	if err != nil {
		return 0, err
	}
	defer f.c.release(k)
	f.fillRead(k, r.buf, int64(r.off))
	if err := f.c.do(ctx, k); err != nil {
		return 0, err
	}
	return k.n, nil
}

// entry cuts one entry off b.
func (r *dirReader) entry(b []byte, d *Dir) (rest []byte, err error) {
	if r.f.c.dialect == DotL {
		rest, err = decodeEntry(b, d, &r.cookie)
	} else {
		rest, err = DecodeDir(b, r.f.c.dialect, d)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: directory: %w", errBadReply, err)
	case d.Name == "" || strings.ContainsAny(d.Name, "/\x00"):
		return nil, fmt.Errorf("%w: the name %q in a directory", errBadReply, d.Name)
	}
	return rest, nil
}

// decodeEntry is putEntry's reverse.
func decodeEntry(b []byte, d *Dir, cookie *uint64) (rest []byte, err error) {
	var kind uint8
	c := coder{op: decoding, dialect: DotL, b: b}
	c.qid("qid", &d.Qid)
	c.u64("offset", cookie)
	c.u8("type", &kind)
	c.str("name", &d.Name)
	// The type is DT_* of readdir(3), the file type of st_mode shifted; some
	// servers tell none, and the qid then says what matters.
	d.Mode = linuxMode(uint32(kind)<<12) | uint32(d.Qid.Type&(QTDIR|QTAPPEND))<<24
	if d.Qid.Type&QTSYMLINK != 0 {
		d.Mode |= DMSYMLINK
	}
	return c.b, c.err
}
