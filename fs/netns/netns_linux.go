package netns

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/joint"
	"github.com/netfs-project/netfs/nl"
	"github.com/netfs-project/netfs/nl/rt"
)

// Open returns the page of the namespaces that have names here. C speaks to the
// server's own namespace, which has the ids. Grow makes the tree of a namespace,
// which it may keep open for as long as close is not called; it closes ns.
func Open(c *nl.Client, grow func(ctx context.Context, name string, ns *nl.NS) (root fs.Walker, close func() error, err error)) *Page {
	k := &kernel{c: c}
	return New(k, func(ctx context.Context, name string, inode uint64) (fs.Walker, func() error, error) {
		ns, err := nl.OpenNS(name)
		if err != nil {
			return nil, nil, err
		}
		id, err := ns.ID()
		if err == nil && id.Ino != inode {
			err = fs.ErrNotExist // another one has the name now
		}
		if err != nil {
			ns.Close()
			return nil, nil, err
		}
		return grow(ctx, name, ns)
	})
}

type kernel struct{ c *nl.Client }

var words = joint.Words{"NETNSA_NSID": "id", "NETNSA_PID": "pid", "NETNSA_FD": "name"}

func (k *kernel) All(ctx context.Context) iter.Seq2[*Netns, error] {
	return func(yield func(*Netns, error) bool) {
		names, err := nl.ListNS()
		if err != nil {
			yield(nil, err)
			return
		}
		for _, name := range names {
			n, err := k.Find(ctx, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if !yield(n, err) || err != nil {
				return
			}
		}
	}
}

func (k *kernel) Find(ctx context.Context, name string) (*Netns, error) {
	if checkName(name) != nil {
		return nil, fs.ErrNotExist
	}
	ns, err := nl.OpenNS(name)
	if errors.Is(err, fs.ErrInvalid) {
		return nil, fs.ErrNotExist // a file without a namespace
	}
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	id, err := ns.ID()
	if err != nil {
		return nil, err
	}
	n := &Netns{Name: name, Inode: id.Ino}
	var m rt.NSID
	if err := rt.GetNSID(ctx, k.c, &rt.NSID{FD: uint32(ns.FD())}, &m); err != nil {
		return nil, words.Blame(err)
	}
	n.ID, n.HasID = m.ID, m.ID >= 0
	return n, nil
}

func (k *kernel) Add(_ context.Context, n *Netns) error {
	if n.PID == 0 {
		return nl.CreateNS(n.Name)
	}
	return bind("/proc/"+strconv.Itoa(int(n.PID))+"/ns/net", n.Name)
}

func (k *kernel) Del(_ context.Context, name string) error { return nl.DeleteNS(name) }

// Rename gives the namespace the new name before it takes the old one away: a
// mounted file cannot be renamed.
func (k *kernel) Rename(_ context.Context, from, to string) error {
	ns, err := nl.OpenNS(from)
	if err != nil {
		return err
	}
	defer ns.Close()
	if err := bind(fmt.Sprintf("/proc/self/fd/%d", ns.FD()), to); err != nil {
		return err
	}
	err = nl.DeleteNS(from)
	if err == nil {
		return nil
	}
	if e := nl.DeleteNS(to); e != nil {
		err = fmt.Errorf("%w; and it has both names now: %v", err, e)
	}
	return err
}

// dir has the names.
const nsDir = "/run/netns"

// bind gives the namespace that path leads to a name.
func bind(path, name string) error {
	if err := os.MkdirAll(nsDir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(nsDir, name)
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	unix.Close(fd)
	if err := unix.Mount(path, file, "none", unix.MS_BIND, ""); err != nil {
		os.Remove(file)
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	return nil
}

func (k *kernel) SetID(ctx context.Context, n *Netns) error {
	ns, err := nl.OpenNS(n.Name)
	if err != nil {
		return err
	}
	defer ns.Close()
	return words.Blame(k.c.Do(ctx, (&rt.NSID{FD: uint32(ns.FD()), ID: n.ID}).Add()))
}

// Watch looks at the directory again whenever something happens in it.
func (k *kernel) Watch(ctx context.Context) iter.Seq2[fs.Event[Netns], error] {
	return func(yield func(fs.Event[Netns], error) bool) {
		w, err := newWatch(ctx)
		if err != nil {
			yield(fs.Event[Netns]{}, err)
			return
		}
		defer w.close()
		if !k.sync(ctx, w, yield) {
			return
		}
		for {
			switch err := w.wait(ctx); {
			case ctx.Err() != nil:
				return
			case err != nil:
				yield(fs.Event[Netns]{}, err)
				return
			}
			if !k.changes(ctx, w, yield) {
				return
			}
		}
	}
}

// sync yields what is there.
func (k *kernel) sync(ctx context.Context, w *dirWatch, yield func(fs.Event[Netns], error) bool) bool {
	if !yield(fs.Event[Netns]{What: fs.SyncBegin}, nil) {
		return false
	}
	for n, err := range k.All(ctx) {
		if err != nil {
			yield(fs.Event[Netns]{}, err)
			return false
		}
		w.known[n.Name] = *n
		if !yield(fs.Event[Netns]{What: fs.Added, Row: n}, nil) {
			return false
		}
	}
	return yield(fs.Event[Netns]{What: fs.SyncEnd}, nil)
}

// changes yields what is not as it was.
func (k *kernel) changes(ctx context.Context, w *dirWatch, yield func(fs.Event[Netns], error) bool) bool {
	now := map[string]Netns{}
	for n, err := range k.All(ctx) {
		if err != nil {
			yield(fs.Event[Netns]{}, err)
			return false
		}
		now[n.Name] = *n
	}
	before := w.known
	w.known = now
	for _, name := range sorted(before) {
		old := before[name]
		if now[name].Inode != old.Inode && !yield(fs.Event[Netns]{What: fs.Deleted, Row: &old}, nil) {
			return false
		}
	}
	for _, name := range sorted(now) {
		n := now[name]
		if before[name].Inode != n.Inode && !yield(fs.Event[Netns]{What: fs.Added, Row: &n}, nil) {
			return false
		}
	}
	return true
}

func sorted(m map[string]Netns) []string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
