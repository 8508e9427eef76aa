package fs

import (
	"context"
	"iter"
)

// A Table is a file of records, one per line: routes, rules, a ctl, a status.
// Its modes follow from the functions that are present.
type Table[T any] struct {
	Kind string   // the record's word in batch and events: "route"
	Also []string // other spellings of the word: "r", "ro"
	Doc  string
	Keys *Keys[T]

	// Rows yields the records, each borrowed until the next step. It may use q
	// to let the kernel filter; whatever it yields beyond q is filtered here. An
	// error ends the sequence; one that is ErrTorn makes fs begin again.
	Rows func(ctx context.Context, q *Query[T]) iter.Seq2[*T, error]

	// Do carries out changes and sets the Err of each that failed. Ordered
	// tables get one change per call; others all that one write brought, which
	// are independent and may be sent to the kernel together. Nil: read-only.
	Do func(ctx context.Context, ops []Op[T])

	// Verbs are words beyond add, del, replace, change, append, flush and
	// destroy, which every writable table has: up, down, rename.
	Verbs []Verb[T]

	// Ident appends what tells v's identity beside its ID keys. Nil: nothing.
	Ident func(b []byte, v *T) []byte

	// Norm fills in what the kernel fills in when a key is not given, so that a
	// record read from text equals the one that the kernel will show. Nil: nothing.
	Norm func(v *T)

	// Watch yields the changes of the table as they happen until ctx ends,
	// beginning with its present records between SyncBegin and SyncEnd. Nil:
	// no events.
	Watch func(ctx context.Context) iter.Seq2[Event[T], error]

	// Ordered makes the lines depend on each other: they run one by one and the
	// first that fails ends the write (ctl, links). Otherwise each is tried.
	Ordered bool

	// Unkeyed tables have no key by which a record is replaced: every
	// settable key is its identity (rules).
	Unkeyed bool

	// Sorted tables print in the order of their identities: the kernel's order
	// depends on how they came to be (hash tables).
	Sorted bool

	// Info is a status or stats file: 0444, true length.
	Info bool
	// Secret files have mode 0600.
	Secret bool

	table[T] // how it was narrowed, the feed of its events
}

// A Query narrows a dump: the keys in Set must equal those of Want.
type Query[T any] struct {
	Want T
	Set  KeySet
	keys *Keys[T]
}

// Has reports whether the reader asked for one value of the named key, which
// then stands in Want.
func (q *Query[T]) Has(name string) bool {
	i, ok := q.keys.index(name)
	return ok && q.Set.Has(i)
}

// What an Op does.
type Act uint8

const (
	Add     Act = iota + 1 // make; ErrExist if it is there
	Replace                // make, or change the one with this identity to exactly Row
	Change                 // change the keys in Set of an existing record; ErrNotExist if there is none
	Append                 // make another beside those of the same identity
	Del                    // remove the one that matches; ErrNotExist if there is none
)

// An Op is one change of a table, made from one line. Row holds the whole
// record wanted: for Replace and Change of a known record the old values
// overlaid with the line's.
type Op[T any] struct {
	Act Act
	Row T
	Old *T     // the record before, when fs has read it; nil when not known
	Set KeySet // keys that the line gave (Add, Del) or that differ from Old
	Err error  // set by Do; a *KeyError names the word

	// Args are the bare words of a verb's line that are no key's value.
	Args []string

	keys *Keys[T]
	line int
}

// Has reports whether the op's line gave the named key (and, for Replace and
// Change, whether that differs from what is there).
func (o *Op[T]) Has(name string) bool {
	i, ok := o.keys.index(name)
	return ok && o.Set.Has(i)
}

// A Verb is a word of one table. Row holds the keys of the line and Set which
// they are; bare words beyond the primary key are in Args.
type Verb[T any] struct {
	Name  string
	Doc   string
	Usage string // the words after it: "NAME", "dev DEV [scope SCOPE]"
	Do    func(ctx context.Context, o *Op[T]) error
}

// One makes a Do of a function that carries out one change.
func One[T any](do func(ctx context.Context, o *Op[T]) error) func(context.Context, []Op[T]) {
	return func(ctx context.Context, ops []Op[T]) {
		for i := range ops {
			ops[i].Err = do(ctx, &ops[i])
		}
	}
}

// What an Event tells.
type Happening uint8

const (
	Added     Happening = iota + 1 // a record that was not there
	Replaced                       // a record made or changed; the kernel does not say which
	Appended                       // another beside those of the same identity
	Deleted                        // Row holds at least the identity
	SyncBegin                      // records up to SyncEnd are the whole table as it is now
	SyncEnd                        // what was known before and did not come since SyncBegin is gone
	Lost                           // the kernel dropped events; SyncBegin follows
	Notice                         // something happened that no table holds: Verb says what
)

// An Event is one change of a table. Row is borrowed until the next step.
type Event[T any] struct {
	What Happening
	Row  *T
	Verb string // for Notice: "bound", "destroy"
	Lost int    // for Lost: how many, 0 if the kernel does not say
}

// With returns the table narrowed to records whose key has this value, which
// is then implied in every line written: routes with dev=eth0. The key does
// not print. It panics if there is no such key.
func (t *Table[T]) With(key, word string) *Table[T] { return t.with(key, word) }

// Events returns the stream of the table's events.
func (t *Table[T]) Events() Node { return t.events() }

// table is the part of a Table that With and path words make.
type table[T any] struct {
	base *Table[T] // that which was narrowed; nil: this is it
	feed feedSlot  // in the base only
}
