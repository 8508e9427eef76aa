package fs

import (
	"context"
	iofs "io/fs"
	"maps"
	"slices"
)

// A Dir is a directory of fixed names. A nil node is a name that is not there.
type Dir map[string]Node

func (d Dir) Mode() iofs.FileMode { return iofs.ModeDir | 0o555 }

// Walk finds a fixed name, or one with path words after it.
func (d Dir) Walk(ctx context.Context, name string) (Node, error) {
	if n := d[name]; n != nil {
		return n, nil
	}
	w, err := splitName(name)
	if err != nil {
		return nil, err
	}
	n := d[w.base]
	if n == nil {
		return nil, errNoFile
	}
	return walkWords(ctx, n, w)
}

// List returns the names in alphabetical order.
func (d Dir) List(ctx context.Context) ([]Entry, error) {
	list := make([]Entry, 0, len(d))
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if d[name] != nil {
			list = append(list, Entry{name, d[name]})
		}
	}
	return list, nil
}
