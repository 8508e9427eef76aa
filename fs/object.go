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

// A Value is a file of one value and a newline.
type Value struct {
	Doc string
	// Get appends the value without a newline; nothing appended reads as an
	// empty line: there is no value now.
	Get func(ctx context.Context, b []byte) ([]byte, error)
	Set func(ctx context.Context, word string) error
	// Secret values have mode 0600.
	Secret bool
}

// A Lookup is a query file: the answer to what the same open file wrote last.
// The question can also stand in path words: "lookup,to=8.8.8.8".
type Lookup[Q, A any] struct {
	Doc    string
	Ask    *Keys[Q] // the first ID key takes a bare first value
	Answer *Keys[A]
	Do     func(ctx context.Context, q *Query[Q], yield func(*A) bool) error
}

// A Dir is a directory of fixed names.
type Dir map[string]Node

// Each is a directory whose names come and go and whose members are trees of
// their own: netns, rt, help.
type Each struct {
	Doc   string
	Names func(ctx context.Context) ([]string, error)
	Find  func(ctx context.Context, name string) (Node, error)
	Make  func(ctx context.Context, name string, words []Pair) error // nil: no mkdir
	Drop  func(ctx context.Context, name string) error               // nil: no rmdir
}

// A Pair is one key=value of a path.
type Pair struct{ Key, Value string }

// A Page is what one system adds to the tree.
type Page struct {
	Root  Dir                // names at the root
	Link  func(l LinkID) Dir // names inside links/X; nil: none
	Kinds []Kind             // tables that batch and the root's events know by their word
}

// A LinkID tells a page which link's directory it adds to.
type LinkID struct {
	Index int
	Name  string
	Type  string // "vlan", "" for hardware
}

// A Kind is a table as batch and the root's events see it. Every *Table is one.
type Kind interface {
	// Words returns the kind's word and its other spellings.
	Words() []string
	kind
}
