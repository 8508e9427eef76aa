package p9

import (
	"bytes"
	"context"
	iofs "io/fs"
	"strings"
)

// Operations on paths from the root. Slashes before, after and in a row mean
// nothing; "" is the root.

// split cuts a slash-separated path into names.
func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

func pathError(op, path string, err error) error {
	return &iofs.PathError{Op: op, Path: path, Err: err}
}

// Walk returns a fid of a path.
func (c *Client) Walk(ctx context.Context, path string) (Fid, error) {
	f, err := c.root.Walk(ctx, split(path)...)
	if err != nil {
		return f, pathError("walk", path, err)
	}
	return f, nil
}

// Open returns an open fid of a path.
func (c *Client) Open(ctx context.Context, path string, mode uint8) (Fid, error) {
	return c.at(ctx, "open", path, func(f *Fid) error { return f.Open(ctx, mode) })
}

// Create makes a file and returns it open. Perm is that of Fid.Create.
func (c *Client) Create(ctx context.Context, path string, perm uint32, mode uint8) (Fid, error) {
	dir, name := parent(path)
	f, err := c.at(ctx, "create", dir, func(f *Fid) error { return f.Create(ctx, name, perm, mode) })
	if e, ok := err.(*iofs.PathError); ok {
		e.Path = path
	}
	return f, err
}

// at does something with a fid of a path, and returns it.
func (c *Client) at(ctx context.Context, op, path string, do func(*Fid) error) (Fid, error) {
	f, err := c.Walk(ctx, path)
	if err != nil {
		return f, err
	}
	if err := do(&f); err != nil {
		f.drop()
		return Fid{}, pathError(op, path, err)
	}
	return f, nil
}

// with does something with a fid of a path for as long as it takes.
func (c *Client) with(ctx context.Context, op, path string, do func(*Fid) error) error {
	f, err := c.at(ctx, op, path, do)
	if err == nil {
		f.drop()
	}
	return err
}

// parent cuts a path into the directory and the last name.
func parent(path string) (dir, name string) {
	names := split(path)
	if len(names) == 0 {
		return "", ""
	}
	last := len(names) - 1
	return strings.Join(names[:last], "/"), names[last]
}

// ReadFile returns what a file holds: see Copy. Of a stream it returns nothing
// before the stream ends.
func (c *Client) ReadFile(ctx context.Context, path string) ([]byte, error) {
	var b bytes.Buffer
	err := c.with(ctx, "read", path, func(f *Fid) error {
		if err := f.Open(ctx, OREAD); err != nil {
			return err
		}
		if f.qid.Type&QTDIR != 0 {
			return errIsDirectory
		}
		_, err := f.Copy(ctx, &b)
		return err
	})
	return b.Bytes(), err
}

// WriteFile truncates a file that is there and writes to it. It returns when the
// server has closed the file, which is where some tell what went wrong.
func (c *Client) WriteFile(ctx context.Context, path string, data []byte) error {
	f, err := c.Open(ctx, path, OWRITE|OTRUNC)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(ctx, data, 0)
	if cerr := f.Clunk(ctx); err == nil {
		err = cerr
	}
	if err != nil {
		return pathError("write", path, err)
	}
	return nil
}

// Stat returns the stat record of a path.
func (c *Client) Stat(ctx context.Context, path string) (d Dir, err error) {
	err = c.with(ctx, "stat", path, func(f *Fid) error {
		d, err = f.Stat(ctx)
		return err
	})
	return d, err
}

// ReadDir lists a directory: see Fid.ReadDir.
func (c *Client) ReadDir(ctx context.Context, path string) (list []Dir, err error) {
	err = c.with(ctx, "readdir", path, func(f *Fid) error {
		if err := f.Open(ctx, OREAD); err != nil {
			return err
		}
		list, err = f.ReadDir(ctx)
		return err
	})
	return list, err
}

// Mkdir makes a directory.
func (c *Client) Mkdir(ctx context.Context, path string, perm uint32) error {
	dir, name := parent(path)
	return renamed(path, c.with(ctx, "mkdir", dir, func(f *Fid) error {
		_, err := f.Mkdir(ctx, name, perm)
		return err
	}))
}

// Remove removes a file, or a directory that is empty.
func (c *Client) Remove(ctx context.Context, path string) error {
	f, err := c.Walk(ctx, path)
	if err != nil {
		return err
	}
	if err = f.Remove(ctx); c.dialect == DotL && unknown(err) {
		dir, name := parent(path)
		return renamed(path, c.with(ctx, "remove", dir, func(at *Fid) error {
			return at.UnlinkAt(ctx, name, f.qid.Type&QTDIR != 0)
		}))
	}
	if err != nil {
		return pathError("remove", path, err)
	}
	return nil
}

// Rename gives a file another path. Only servers that speak 9P2000.L can move it
// to another directory.
func (c *Client) Rename(ctx context.Context, from, to string) error {
	dir, old := parent(from)
	toDir, name := parent(to)
	return renamed(from, c.with(ctx, "rename", dir, func(f *Fid) error {
		if toDir == dir {
			return f.RenameAt(ctx, old, *f, name)
		}
		t, err := c.root.Walk(ctx, split(toDir)...)
		if err != nil {
			return err
		}
		defer t.drop()
		return f.RenameAt(ctx, old, t, name)
	}))
}

// renamed has an error name the path that was asked for, not its directory.
func renamed(path string, err error) error {
	if e, ok := err.(*iofs.PathError); ok {
		e.Path = path
	}
	return err
}
