package p9

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// maxXattr is the largest value, and the longest list of names, that Linux has.
const maxXattr = 64 << 10

// Xattrwalk returns a fid from which an extended attribute is read, or, if name
// is "", the list of their names, and the length of that: 9P2000.L.
func (f Fid) Xattrwalk(ctx context.Context, name string) (at Fid, size uint64, err error) {
	if f.c.dialect != DotL {
		return at, 0, errNotLinux
	}
	k, err := f.c.newCall(Txattrwalk)
	if err != nil {
		return at, 0, err
	}
	defer f.c.release(k)
	num := f.c.newFid()
	k.t.Fid, k.t.Newfid, k.t.Name = f.num, num, name
	if err := f.c.do(ctx, k); err != nil {
		f.c.unmade(k, num)
		return at, 0, err
	}
	return Fid{c: f.c, num: num, name: f.name}, k.r.Size, nil
}

// Xattr returns an extended attribute.
func (f Fid) Xattr(ctx context.Context, name string) ([]byte, error) {
	at, size, err := f.Xattrwalk(ctx, name)
	if err != nil {
		return nil, err
	}
	defer at.drop()
	if size > maxXattr {
		return nil, fmt.Errorf("%w: an attribute of %d bytes", errBadReply, size)
	}
	b := make([]byte, size)
	for n := 0; n < len(b); {
		m, err := at.ReadAt(ctx, b[n:], int64(n))
		if err != nil || m == 0 {
			return b[:n], err
		}
		n += m
	}
	return b, nil
}

// Xattrs returns the names of the extended attributes.
func (f Fid) Xattrs(ctx context.Context) ([]string, error) {
	b, err := f.Xattr(ctx, "")
	return strings.FieldsFunc(string(b), func(r rune) bool { return r == 0 }), err
}

// Xattrcreate turns the fid into one to which size bytes of an extended attribute
// are written; its Clunk sets it. Flags are those of setxattr(2).
func (f Fid) Xattrcreate(ctx context.Context, name string, size uint64, flags uint32) error {
	return f.linux(ctx, Txattrcreate, func(m *Msg) { m.Name, m.Size, m.Flags = name, size, flags }, nil)
}

// SetXattr sets an extended attribute; empty data removes it.
func (f Fid) SetXattr(ctx context.Context, name string, data []byte, flags uint32) error {
	if f.c.dialect != DotL {
		return errNotLinux
	}
	at, err := f.Walk(ctx)
	if err != nil {
		return err
	}
	err = at.Xattrcreate(ctx, name, uint64(len(data)), flags)
	if err == nil && len(data) > 0 {
		_, err = at.WriteAt(ctx, data, 0)
	}
	return errors.Join(err, at.Clunk(ctx))
}
