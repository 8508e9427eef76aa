// Package netns is the page of network namespaces:
//
//	netns/list  netns/ctl  netns/events    all that have a name
//	netns/blue/                            the whole tree of the namespace blue
//
// mkdir, rmdir and mv make, remove and rename them; so do lines in ctl:
//
//	add blue
//	add name=red pid=4711       gives the namespace of a process a name
//	change blue id=5            how the server's own namespace calls it
//
// Names are files in /run/netns, as ip-netns(8) has them: what that program makes
// is here and the other way round. Inside a namespace there is no netns.
package netns

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"iter"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/netfs-project/netfs/fs"
)

// A Netns is a network namespace that has a name.
type Netns struct {
	Name  string
	ID    int32  // how the server's own namespace calls it
	HasID bool   // whether it does
	Inode uint64 // of the namespace: its identity
	PID   uint32 // on input: a process that is in it
}

// A Kernel has network namespaces. Its methods are safe for concurrent use.
type Kernel interface {
	// All yields the namespaces by name. Each is borrowed.
	All(ctx context.Context) iter.Seq2[*Netns, error]
	// Find returns one, or an error that is fs.ErrNotExist.
	Find(ctx context.Context, name string) (*Netns, error)
	// Add makes a namespace, or names that of the process PID.
	Add(ctx context.Context, n *Netns) error
	Del(ctx context.Context, name string) error
	Rename(ctx context.Context, from, to string) error
	// SetID has the server's own namespace call it ID; once given an id stays.
	SetID(ctx context.Context, n *Netns) error
	// Watch yields changes until ctx ends, present namespaces first.
	Watch(ctx context.Context) iter.Seq2[fs.Event[Netns], error]
}

// A Grow makes the tree of a namespace, without netns; inode is the identity of the
// one that is meant. Close ends what it started.
type Grow func(ctx context.Context, name string, inode uint64) (root fs.Walker, close func() error, err error)

var keys = fs.NewKeys(
	fs.Key[Netns]{Name: "name", Doc: "name, up to 255 bytes, without a slash", Type: fs.Text, ID: true,
		Get: func(b []byte, n *Netns) []byte { return append(b, n.Name...) },
		Set: func(n *Netns, w string) error { n.Name = w; return checkName(w) }},
	fs.Key[Netns]{Name: "id", Also: []string{"nsid"}, Doc: "id by which the server's own namespace knows it; given once, it stays", Type: fs.Number,
		Get: func(b []byte, n *Netns) []byte {
			if !n.HasID {
				return b
			}
			return strconv.AppendInt(b, int64(n.ID), 10)
		},
		Set: func(n *Netns, w string) error {
			id, err := strconv.ParseInt(w, 0, 32)
			if w == "auto" {
				id, err = -1, nil
			}
			if err != nil || id < -1 {
				return bad("not a number, and not auto")
			}
			n.ID, n.HasID = int32(id), true
			return nil
		}},
	fs.Key[Netns]{Name: "pid", Doc: "a process whose namespace gets the name", Type: fs.Number,
		Set: func(n *Netns, w string) error {
			pid, err := strconv.ParseUint(w, 10, 31)
			if err != nil {
				return bad("not the number of a process")
			}
			n.PID = uint32(pid)
			return nil
		}},
	fs.Num("inode", "identity of the namespace", func(n *Netns) *uint64 { return &n.Inode }).ReadOnly(),
)

func checkName(w string) error {
	if w == "" || w == "." || w == ".." || len(w) > 255 || strings.ContainsAny(w, "/\x00") {
		return bad("not a name of a namespace")
	}
	return nil
}

// A Page is what the page is made of. Close ends the trees.
type Page struct {
	k     Kernel
	grow  Grow
	table *fs.Table[Netns]

	mu    sync.Mutex
	trees map[uint64]*tree // by inode; guarded by mu
	shut  bool
}

// A tree is the tree of one namespace.
type tree struct {
	inode uint64
	once  sync.Once
	root  fs.Walker
	close func() error
	err   error
}

// New returns the page of the namespaces of k, whose trees grow makes when they
// are first walked into.
func New(k Kernel, grow Grow) *Page {
	p := &Page{k: k, grow: grow, trees: map[uint64]*tree{}}
	p.table = &fs.Table[Netns]{
		Kind:    "netns",
		Doc:     "network namespaces",
		Keys:    keys,
		Ordered: true,
		Sorted:  true,
		Rows:    func(ctx context.Context, _ *fs.Query[Netns]) iter.Seq2[*Netns, error] { return k.All(ctx) },
		Do:      fs.One(p.do),
		Watch:   k.Watch,
		Verbs: []fs.Verb[Netns]{
			{Name: "attach", Usage: "NAME pid=PID", Doc: "give the namespace of a process a name", Do: func(ctx context.Context, o *fs.Op[Netns]) error {
				if o.Row.PID == 0 {
					return &fs.KeyError{Key: "pid", Err: bad("missing: the namespace of which process?")}
				}
				return p.add(ctx, &o.Row)
			}},
			{Name: "rename", Usage: "OLD NEW", Doc: "give a namespace another name", Do: func(ctx context.Context, o *fs.Op[Netns]) error {
				if len(o.Args) != 1 {
					return bad("rename takes two names")
				}
				return p.rename(ctx, o.Row.Name, o.Args[0])
			}},
		},
	}
	return p
}

// Page is the part of the tree.
func (p *Page) Page() fs.Page {
	return fs.Page{Root: fs.Dir{"netns": &dir{p}}, Kinds: []fs.Kind{p.table}}
}

// Close ends the trees. The page is of no use afterwards.
func (p *Page) Close() error {
	p.mu.Lock()
	all := p.trees
	p.trees, p.shut = nil, true
	p.mu.Unlock()
	var errs []error
	for _, t := range all {
		errs = append(errs, t.end())
	}
	return errors.Join(errs...)
}

func (p *Page) do(ctx context.Context, o *fs.Op[Netns]) error {
	switch {
	case o.Act == fs.Del:
		return p.del(ctx, o.Row.Name)
	case o.Act == fs.Change && o.Old != nil && o.Old.Name != o.Row.Name:
		if err := p.rename(ctx, o.Old.Name, o.Row.Name); err != nil || !o.Has("id") {
			return err
		}
		return p.k.SetID(ctx, &o.Row)
	case o.Act == fs.Change || o.Act == fs.Replace && o.Old != nil:
		if o.Has("pid") {
			return &fs.KeyError{Key: "pid", Err: bad("the name has a namespace already")}
		}
		return p.k.SetID(ctx, &o.Row)
	}
	return p.add(ctx, &o.Row)
}

// add makes a namespace and undoes that if it cannot get the id.
func (p *Page) add(ctx context.Context, n *Netns) error {
	if err := checkName(n.Name); err != nil {
		return &fs.KeyError{Key: "name", Word: n.Name, Err: err}
	}
	if err := p.k.Add(ctx, n); err != nil || !n.HasID {
		return err
	}
	err := p.k.SetID(ctx, n)
	if err == nil {
		return nil
	}
	if e := p.k.Del(ctx, n.Name); e != nil {
		err = fmt.Errorf("%w; and it could not be removed again: %v", err, e)
	}
	return err
}

func (p *Page) del(ctx context.Context, name string) error {
	n, err := p.k.Find(ctx, name)
	if err != nil {
		return err
	}
	inode := n.Inode
	if err := p.k.Del(ctx, name); err != nil {
		return err
	}
	return p.prune(ctx, inode)
}

func (p *Page) rename(ctx context.Context, from, to string) error {
	if err := checkName(to); err != nil {
		return &fs.KeyError{Key: "name", Word: to, Err: err}
	}
	return p.k.Rename(ctx, from, to)
}

// dir is the directory: the files of the page, then a tree for each namespace.
type dir struct{ *Page }

func (d *dir) files() fs.Dir {
	return fs.Dir{"list": d.table, "ctl": d.table, "events": d.table.Events()}
}

func (d *dir) each() *fs.Each {
	return &fs.Each{Names: d.names, Find: d.find, Make: d.make, Drop: d.del}
}

func (d *dir) Mode() iofs.FileMode { return iofs.ModeDir | 0o775 }

func (d *dir) Walk(ctx context.Context, name string) (fs.Node, error) {
	n, err := d.files().Walk(ctx, name)
	if !errors.Is(err, fs.ErrNotExist) {
		return n, err
	}
	return d.each().Walk(ctx, name)
}

func (d *dir) List(ctx context.Context) ([]fs.Entry, error) {
	files, err := d.files().List(ctx)
	if err != nil {
		return nil, err
	}
	trees, err := d.each().List(ctx)
	return append(files, trees...), err
}

func (d *dir) Mkdir(ctx context.Context, name string) (fs.Node, error) {
	return d.each().Mkdir(ctx, name)
}
func (d *dir) Remove(ctx context.Context, name string) error { return d.each().Remove(ctx, name) }
func (d *dir) Rename(ctx context.Context, from, to string) error {
	return d.rename(ctx, from, to)
}

func (d *dir) names(ctx context.Context) ([]string, error) {
	var list []string
	for n, err := range d.k.All(ctx) {
		if err != nil {
			return nil, err
		}
		list = append(list, n.Name)
	}
	return list, nil
}

func (d *dir) make(ctx context.Context, name string, words []fs.Pair) error {
	n := Netns{Name: name}
	for _, w := range words {
		if w.Key != "id" && w.Key != "pid" {
			return &fs.KeyError{Key: w.Key, Word: w.Value, Err: bad("a namespace is made with id and pid only")}
		}
		if err := set(&n, w); err != nil {
			return &fs.KeyError{Key: w.Key, Word: w.Value, Err: err}
		}
	}
	return d.add(ctx, &n)
}

func set(n *Netns, w fs.Pair) error {
	v, err := strconv.ParseInt(w.Value, 0, 32)
	if err != nil || v < 0 {
		return bad("not a number")
	}
	if w.Key == "id" {
		n.ID, n.HasID = int32(v), true
		return nil
	}
	n.PID = uint32(v)
	return nil
}

func (d *dir) find(ctx context.Context, name string) (fs.Node, error) {
	n, err := d.k.Find(ctx, name)
	if err != nil {
		return nil, err
	}
	return &member{page: d.Page, name: name, inode: n.Inode}, nil
}

// bad is a refusal of what was written.
func bad(text string) error { return &fs.Error{Text: text, Errno: syscall.EINVAL} }
