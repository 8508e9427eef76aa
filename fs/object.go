package fs

import "context"

// A Collection is a directory of objects that come and go: links, network
// namespaces, peers. From its Table come "list" (every key), "ctl" (settable
// keys), "events" and, for every member, a directory with a value file per key,
// ctl, status and events. mkdir, rmdir and mv are Add, Del and a Change of the
// name key.
type Collection[T any] struct {
	Table *Table[T] // Ordered; its primary key is the name
	Doc   string

	// Find fetches one record by its name (or another name of it), and fails
	// with ErrNotExist. Values of one object opened within 100 ms share one Find.
	Find func(ctx context.Context, name string) (*T, error)
	// Ident returns the kernel's identity of v: an ifindex.
	Ident func(v *T) uint64

	// Member returns further names of one object's directory. Nil: none.
	Member func(v *T) Dir
	// Fixed are further names of the collection itself. A member whose name
	// equals one of them, or list, ctl, events, walks with its first byte as %XX.
	Fixed Dir

	// NoMake and NoRemove take mkdir and rmdir away.
	NoMake, NoRemove bool
}

// An Object is the directory of one record that always exists: a value per
// key, ctl and status. Its table has at most one row.
type Object[T any] struct {
	Table *Table[T]
	Doc   string
	Fixed Dir
}

// A Lookup is a query file: the answer to what the same open file wrote last.
// The question can also stand in path words: "lookup,to=8.8.8.8".
type Lookup[Q, A any] struct {
	Doc    string
	Ask    *Keys[Q] // the first ID key takes a bare first value
	Answer *Keys[A]
	Do     func(ctx context.Context, q *Query[Q], yield func(*A) bool) error
}
