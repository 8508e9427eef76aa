package p9

import (
	"bytes"
	"context"
	"io"
	iofs "io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// FS is the remote tree for everything that takes an io/fs.FS. Its calls end
// when ctx does.
func (c *Client) FS(ctx context.Context) iofs.FS { return &clientFS{c, ctx} }

type clientFS struct {
	c   *Client
	ctx context.Context
}

var (
	_ iofs.ReadDirFS  = (*clientFS)(nil)
	_ iofs.StatFS     = (*clientFS)(nil)
	_ iofs.ReadFileFS = (*clientFS)(nil)
)

func (s *clientFS) walk(op, name string) (Fid, error) {
	if !iofs.ValidPath(name) {
		return Fid{}, pathError(op, name, iofs.ErrInvalid)
	}
	var names []string
	if name != "." {
		names = split(name)
	}
	f, err := s.c.root.Walk(s.ctx, names...)
	if err != nil {
		return Fid{}, pathError(op, name, err)
	}
	return f, nil
}

func (s *clientFS) Open(name string) (iofs.File, error) {
	f, err := s.walk("open", name)
	if err != nil {
		return nil, err
	}
	if err := f.Open(s.ctx, OREAD); err != nil {
		f.drop()
		return nil, pathError("open", name, err)
	}
	return &openFile{fs: s, ctx: s.ctx, name: name, h: s.c.handle(f)}, nil
}

func (s *clientFS) Stat(name string) (iofs.FileInfo, error) {
	f, err := s.walk("stat", name)
	if err != nil {
		return nil, err
	}
	defer f.drop()
	d, err := f.Stat(s.ctx)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return infoOf(path.Base(name), &d), nil
}

func (s *clientFS) ReadDir(name string) ([]iofs.DirEntry, error) {
	f, err := s.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	list, err := f.(*openFile).ReadDir(-1)
	slices.SortFunc(list, func(a, b iofs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, err
}

// ReadFile reads as Fid.Copy does.
func (s *clientFS) ReadFile(name string) ([]byte, error) {
	f, err := s.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	_, err = f.(*openFile).WriteTo(&b)
	return b.Bytes(), err
}

// info is a stat record as io/fs shows it.
type info struct {
	d    Dir
	name string
}

func infoOf(name string, d *Dir) *info { return &info{d: *d, name: name} }

func (i *info) Name() string                 { return i.name }
func (i *info) Size() int64                  { return int64(i.d.Length) }
func (i *info) Mode() iofs.FileMode          { return modeOf(i.d.Mode) }
func (i *info) ModTime() time.Time           { return time.Unix(int64(i.d.Mtime), 0) }
func (i *info) IsDir() bool                  { return i.d.Mode&DMDIR != 0 }
func (i *info) Sys() any                     { return &i.d }
func (i *info) Type() iofs.FileMode          { return i.Mode().Type() }
func (i *info) Info() (iofs.FileInfo, error) { return i, nil }
func (i *info) String() string               { return iofs.FormatFileInfo(i) }

// bareEntry is a name from a listing of 9P2000.L, which tells no more; what else
// there is to know is asked for when somebody wants it.
type bareEntry struct {
	*info
	fs *clientFS
	at string
}

func (e *bareEntry) Info() (iofs.FileInfo, error) { return e.fs.Stat(e.at) }
func (e *bareEntry) String() string               { return iofs.FormatDirEntry(e) }

// openFile is an open file of a clientFS; not safe for concurrent use.
type openFile struct {
	fs     *clientFS
	ctx    context.Context
	name   string
	h      *remoteHandle
	off    int64
	list   []iofs.DirEntry
	listed bool
	closed bool
}

// Read returns what one read of the server gives, so that a stream's records
// come as they happen.
func (f *openFile) Read(p []byte) (int, error) {
	n, err := f.read(p, f.off)
	f.off += int64(n)
	if n == 0 && err == nil && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

// WriteTo writes what is left of the file: a stream's records as they happen.
func (f *openFile) WriteTo(w io.Writer) (int64, error) {
	if f.off > 0 || f.closed || f.h.fid.qid.Type&QTDIR != 0 {
		return io.Copy(w, struct{ io.Reader }{f})
	}
	n, err := f.h.fid.Copy(f.ctx, w)
	f.off += n
	if err != nil {
		err = pathError("read", f.name, err)
	}
	return n, err
}

func (f *openFile) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		n, err := f.read(p[done:], off+int64(done))
		done += n
		if err != nil {
			return done, err
		}
		if n == 0 {
			return done, io.EOF
		}
	}
	return done, nil
}

func (f *openFile) read(p []byte, off int64) (int, error) {
	switch {
	case f.closed:
		return 0, pathError("read", f.name, iofs.ErrClosed)
	case f.h.fid.qid.Type&QTDIR != 0:
		return 0, pathError("read", f.name, errIsDirectory)
	case off < 0:
		return 0, pathError("read", f.name, iofs.ErrInvalid)
	case len(p) == 0:
		return 0, nil
	}
	n, err := f.h.ReadAt(f.ctx, p, off)
	if err != nil {
		return n, pathError("read", f.name, err)
	}
	return n, nil
}

func (f *openFile) Stat() (iofs.FileInfo, error) {
	if f.closed {
		return nil, pathError("stat", f.name, iofs.ErrClosed)
	}
	d, err := f.h.fid.Stat(f.ctx)
	if err != nil {
		return nil, pathError("stat", f.name, err)
	}
	return infoOf(path.Base(f.name), &d), nil
}

func (f *openFile) ReadDir(n int) ([]iofs.DirEntry, error) {
	if f.closed {
		return nil, pathError("readdir", f.name, iofs.ErrClosed)
	}
	if !f.listed {
		dirs, err := f.h.fid.ReadDir(f.ctx)
		if err != nil {
			return nil, pathError("readdir", f.name, err)
		}
		f.listed = true
		for i := range dirs {
			f.list = append(f.list, f.entry(&dirs[i]))
		}
	}
	list := f.list
	switch {
	case n <= 0:
		n = len(list)
	case len(list) == 0:
		return nil, io.EOF
	}
	n = min(n, len(list))
	f.list = list[n:]
	return list[:n:n], nil
}

func (f *openFile) entry(d *Dir) iofs.DirEntry {
	i := infoOf(d.Name, d)
	if f.fs.c.dialect != DotL {
		return i
	}
	return &bareEntry{info: i, fs: f.fs, at: path.Join(f.name, d.Name)}
}

func (f *openFile) Close() error {
	if f.closed {
		return pathError("close", f.name, iofs.ErrClosed)
	}
	f.closed = true
	if err := f.h.Close(f.ctx); err != nil {
		return pathError("close", f.name, err)
	}
	return nil
}
