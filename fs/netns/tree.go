package netns

import (
	"context"
	iofs "io/fs"

	"github.com/netfs-project/netfs/fs"
)

// A member is a namespace's directory. Its tree is made when somebody walks into
// it, and kept by the namespace's identity, whatever its name.
type member struct {
	page  *Page
	name  string
	inode uint64
}

func (m *member) Mode() iofs.FileMode { return iofs.ModeDir | 0o555 }
func (m *member) Ident() uint64       { return m.inode }

func (m *member) Walk(ctx context.Context, name string) (fs.Node, error) {
	root, err := m.root(ctx)
	if err != nil {
		return nil, err
	}
	return root.Walk(ctx, name)
}

func (m *member) List(ctx context.Context) ([]fs.Entry, error) {
	root, err := m.root(ctx)
	if err != nil {
		return nil, err
	}
	return root.List(ctx)
}

func (m *member) root(ctx context.Context) (fs.Walker, error) {
	t, err := m.page.tree(m.inode)
	if err != nil {
		return nil, err
	}
	t.once.Do(func() { t.root, t.close, t.err = m.page.grow(ctx, m.name, m.inode) })
	if t.err == nil {
		return t.root, nil
	}
	m.page.forget(t)
	return nil, t.err
}

// tree returns the tree of a namespace, which may not have been made yet.
func (p *Page) tree(inode uint64) (*tree, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		return nil, fs.ErrRemoved
	}
	t := p.trees[inode]
	if t == nil {
		t = &tree{inode: inode}
		p.trees[inode] = t
	}
	return t, nil
}

// forget drops a tree that could not be made, so that it is tried again.
func (p *Page) forget(t *tree) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trees[t.inode] == t {
		delete(p.trees, t.inode)
	}
}

// prune ends the tree of a namespace that has no name any more.
func (p *Page) prune(ctx context.Context, inode uint64) error {
	for n, err := range p.k.All(ctx) {
		if err != nil {
			return nil // it is ended when the page is
		}
		if n.Inode == inode {
			return nil
		}
	}
	p.mu.Lock()
	t := p.trees[inode]
	delete(p.trees, inode)
	p.mu.Unlock()
	if t == nil {
		return nil
	}
	return t.end()
}

// end closes the tree, or keeps it from being made.
func (t *tree) end() error {
	t.once.Do(func() { t.err = fs.ErrRemoved })
	if t.close == nil {
		return nil
	}
	return t.close()
}
