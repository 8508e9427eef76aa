package treetest

import (
	"context"
	"errors"
	"io"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/fs"
)

// A Door is a way into a tree. Paths are from its root, without a leading slash.
type Door interface {
	Stat(path string) (Info, error)
	List(path string) ([]Info, error)
	Open(path string, mode fs.OpenMode) (File, error)
	Mkdir(path string) error
	Remove(path string, dir bool) error // rmdir or unlink
	Rename(path, name string) error     // in its directory
	Texts() bool                        // errors have the tree's words, not only its numbers
}

// A File is an open file. A read returns 0, nil at the end, and gives up after
// a few seconds when it would wait longer.
type File interface {
	ReadAt(p []byte, off int64) (int, error)
	WriteAt(p []byte, off int64) (int, error)
	Close() error
}

// An Info is what a listing says of a file. An ID of 0 is not known.
type Info struct {
	Name string
	Mode iofs.FileMode
	Size int64
	ID   uint64
}

// Root and Nobody are users for Local.
var (
	Root   = &fs.User{Name: "root", From: "test"}
	Nobody = &fs.User{Name: "nobody", UID: 65534, GID: 65534, From: "test"}
)

// patience bounds each call through Local.
const patience = 20 * time.Second

// Local is a tree of this process as u meets it. A 9P client presents a tree,
// too, and so has the same door.
func Local(tree *fs.Tree, u *fs.User) Door { return local{tree, u} }

type local struct {
	tree *fs.Tree
	user *fs.User
}

func (d local) ctx() (context.Context, context.CancelFunc) {
	return context.WithTimeout(fs.WithUser(context.Background(), d.user), patience)
}

func (d local) Texts() bool { return true }

func (d local) walk(ctx context.Context, path string) (*fs.Ref, error) {
	r := d.tree.Attach()
	if path == "" {
		return r, nil
	}
	for name := range strings.SplitSeq(path, "/") {
		next, err := r.Walk(ctx, name)
		if err != nil {
			return nil, err
		}
		r = next
	}
	return r, nil
}

func (d local) Stat(path string) (Info, error) {
	ctx, cancel := d.ctx()
	defer cancel()
	r, err := d.walk(ctx, path)
	if err != nil {
		return Info{}, err
	}
	return infoOf(ctx, r)
}

func infoOf(ctx context.Context, r *fs.Ref) (Info, error) {
	s, err := r.Stat(ctx)
	return Info{s.Name, s.Mode, s.Size, s.ID}, err
}

func (d local) List(path string) ([]Info, error) {
	ctx, cancel := d.ctx()
	defer cancel()
	r, err := d.walk(ctx, path)
	if err != nil {
		return nil, err
	}
	refs, err := r.List(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Info, 0, len(refs))
	for _, r := range refs {
		in, err := infoOf(ctx, r)
		if errors.Is(err, fs.ErrRemoved) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, in)
	}
	return list, nil
}

func (d local) Open(path string, mode fs.OpenMode) (File, error) {
	ctx, cancel := d.ctx()
	defer cancel()
	r, err := d.walk(ctx, path)
	if err != nil {
		return nil, err
	}
	f, err := r.Open(ctx, mode)
	if err != nil {
		return nil, err
	}
	return localFile{d, f}, nil
}

func (d local) Mkdir(path string) error {
	ctx, cancel := d.ctx()
	defer cancel()
	dir, name := split(path)
	r, err := d.walk(ctx, dir)
	if err != nil {
		return err
	}
	_, err = r.Mkdir(ctx, name)
	return err
}

func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)], path[i+1:]
}

func (d local) Remove(path string, dir bool) error {
	ctx, cancel := d.ctx()
	defer cancel()
	r, err := d.walk(ctx, path)
	if err != nil {
		return err
	}
	if dir && !r.IsDir() {
		return syscall.ENOTDIR
	}
	return r.Remove(ctx)
}

func (d local) Rename(path, name string) error {
	ctx, cancel := d.ctx()
	defer cancel()
	r, err := d.walk(ctx, path)
	if err != nil {
		return err
	}
	return r.Rename(ctx, name)
}

type localFile struct {
	d local
	f *fs.File
}

func (f localFile) ReadAt(p []byte, off int64) (int, error) {
	ctx, cancel := f.d.ctx()
	defer cancel()
	return f.f.ReadAt(ctx, p, off)
}

func (f localFile) WriteAt(p []byte, off int64) (int, error) {
	ctx, cancel := f.d.ctx()
	defer cancel()
	return f.f.WriteAt(ctx, p, off)
}

func (f localFile) Close() error {
	ctx, cancel := f.d.ctx()
	defer cancel()
	return f.f.Close(ctx)
}

// Numbers is d with errors compared by their numbers only, for doors that say
// the same in other words.
func Numbers(d Door) Door { return numbers{d} }

type numbers struct{ Door }

func (numbers) Texts() bool { return false }

// Mounted is a tree that is mounted on dir.
func Mounted(dir string) Door { return mounted(dir) }

type mounted string

func (d mounted) Texts() bool { return false }

func (d mounted) path(p string) string { return filepath.Join(string(d), p) }

func osInfo(in iofs.FileInfo) Info {
	i := Info{Name: in.Name(), Mode: in.Mode(), Size: in.Size()}
	if in.IsDir() {
		i.Size = 0
	}
	return i
}

func (d mounted) Stat(path string) (Info, error) {
	in, err := os.Lstat(d.path(path))
	if err != nil {
		return Info{}, err
	}
	i := osInfo(in)
	if path == "" {
		i.Name = "/"
	}
	return i, nil
}

func (d mounted) List(path string) ([]Info, error) {
	f, err := os.Open(d.path(path))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	ents, err := f.ReadDir(-1)
	var list []Info
	for _, e := range ents {
		in, err := e.Info()
		if errors.Is(err, iofs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, osInfo(in))
	}
	return list, err
}

func (d mounted) Open(path string, mode fs.OpenMode) (File, error) {
	flag := [...]int{fs.OpenRead: os.O_RDONLY, fs.OpenWrite: os.O_WRONLY, fs.OpenRead | fs.OpenWrite: os.O_RDWR}[mode]
	f, err := os.OpenFile(d.path(path), flag, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d mounted) Mkdir(path string) error { return os.Mkdir(d.path(path), 0o775) }

func (d mounted) Remove(path string, dir bool) error {
	if dir {
		return syscall.Rmdir(d.path(path))
	}
	return syscall.Unlink(d.path(path))
}

func (d mounted) Rename(path, name string) error {
	dir, _ := split(path)
	return os.Rename(d.path(path), d.path(filepath.Join(dir, name)))
}

type osFile struct{ f *os.File }

func (f osFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.f.ReadAt(p, off)
	if n > 0 || err == io.EOF {
		return n, nil
	}
	return n, err
}

func (f osFile) WriteAt(p []byte, off int64) (int, error) { return f.f.WriteAt(p, off) }
func (f osFile) Close() error                             { return f.f.Close() }

// Watch reads a stream as people do, by cat: a read that waits in a mount can
// only be ended by a signal.
func (d mounted) Watch(path string) (io.ReadCloser, error) {
	if _, err := os.Lstat(d.path(path)); err != nil {
		return nil, err
	}
	c := &cat{cmd: exec.Command("cat", d.path(path))}
	var err error
	if c.ReadCloser, err = c.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	return c, nil
}

type cat struct {
	io.ReadCloser
	cmd *exec.Cmd
}

func (c *cat) Close() error {
	c.cmd.Process.Kill()
	return c.cmd.Wait()
}
