package link

import (
	"context"
	"iter"
	"slices"

	"github.com/netfs-project/netfs/fs"
)

// An altName is a further name of a link.
type altName struct{ Name string }

var altNameKeys = fs.NewKeys(
	fs.Str("altname", "further name, up to 127 bytes", func(a *altName) *string { return &a.Name }).AsID(),
)

// altnames is the table of a link's further names.
func (p *page) altnames(name string) fs.Node {
	return &fs.Table[altName]{
		Kind: "altname",
		Doc:  "further names of the link",
		Keys: altNameKeys,
		Rows: func(ctx context.Context, _ *fs.Query[altName]) iter.Seq2[*altName, error] {
			return func(yield func(*altName, error) bool) {
				l, err := p.k.Link(ctx, name)
				if err != nil {
					yield(nil, err)
					return
				}
				for _, a := range l.AltNames {
					if !yield(&altName{a}, nil) {
						return
					}
				}
			}
		},
		Do: fs.One(func(ctx context.Context, o *fs.Op[altName]) error { return p.setAltName(ctx, name, o) }),
	}
}

func (p *page) setAltName(ctx context.Context, name string, o *fs.Op[altName]) error {
	old, err := p.k.Link(ctx, name)
	if err != nil {
		return err
	}
	l := *old
	i := slices.Index(old.AltNames, o.Row.Name)
	switch {
	case o.Act == fs.Del && i < 0:
		return fs.ErrNotExist
	case o.Act == fs.Del:
		l.AltNames = slices.Delete(slices.Clone(old.AltNames), i, i+1)
	case i >= 0 && o.Act == fs.Add:
		return fs.ErrExist
	case i >= 0:
		return nil
	default:
		l.AltNames = append(slices.Clone(old.AltNames), o.Row.Name)
	}
	return p.k.Set(ctx, old, &l, only("altname"))
}
