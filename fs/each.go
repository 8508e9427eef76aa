package fs

import (
	"context"
	"errors"
	iofs "io/fs"
)

// Each is a directory whose names come and go and whose members are trees of
// their own: netns, rt. It is a Maker and a Remover when Make and Drop are there.
type Each struct {
	Doc string
	// Names returns the kernel's names, which are encoded here.
	Names func(ctx context.Context) ([]string, error)
	// Find returns a member, or an error that is ErrNotExist. It is called for
	// each name of a listing and so should open nothing yet. A member that can
	// be removed and made again under its name is an Identer.
	Find func(ctx context.Context, name string) (Node, error)
	Make func(ctx context.Context, name string, words []Pair) error // nil: no mkdir
	Drop func(ctx context.Context, name string) error               // nil: no rmdir
}

func (e *Each) Mode() iofs.FileMode {
	if e.Make != nil || e.Drop != nil {
		return iofs.ModeDir | 0o775
	}
	return iofs.ModeDir | 0o555
}

func (e *Each) Walk(ctx context.Context, name string) (Node, error) {
	w, err := splitName(name)
	if err != nil {
		return nil, err
	}
	base, err := decodeName(w.base)
	if err != nil {
		return nil, errNoFile
	}
	n, err := e.Find(ctx, base)
	if err != nil {
		return nil, err
	}
	return walkWords(ctx, n, w)
}

// List leaves out what vanished since Names.
func (e *Each) List(ctx context.Context) ([]Entry, error) {
	names, err := e.Names(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Entry, 0, len(names))
	for _, name := range names {
		n, err := e.Find(ctx, name)
		switch {
		case err == nil:
			list = append(list, Entry{encodeName(name), n})
		case !errors.Is(err, ErrNotExist):
			return nil, err
		}
	}
	return list, nil
}

// Mkdir makes a member; the name's words are its first attributes.
func (e *Each) Mkdir(ctx context.Context, name string) (Node, error) {
	if e.Make == nil {
		return nil, errNotPerm
	}
	base, words, err := makeWords(name)
	if err != nil {
		return nil, err
	}
	if err := e.Make(ctx, base, words); err != nil {
		return nil, err
	}
	return e.Find(ctx, base)
}

// Remove drops a member.
func (e *Each) Remove(ctx context.Context, name string) error {
	if e.Drop == nil {
		return errNotPerm
	}
	base, err := decodeName(name)
	if err != nil {
		return errNoFile
	}
	return e.Drop(ctx, base)
}

// makeWords takes the name of a mkdir apart: the name meant and the pairs after
// it. A word without a value is a flag.
func makeWords(name string) (base string, words []Pair, err error) {
	w, err := splitName(name)
	if err != nil {
		return "", nil, err
	}
	if len(w.dots) > 0 || w.json {
		return "", nil, badName("words with a dot mean nothing in mkdir")
	}
	for _, f := range w.filters {
		if f.not {
			return "", nil, badName(f.key + "!=: means nothing in mkdir")
		}
		words = append(words, Pair{f.key, f.value})
	}
	for _, c := range w.cols {
		words = append(words, Pair{c, ""})
	}
	base, err = decodeName(w.base)
	return base, words, err
}
