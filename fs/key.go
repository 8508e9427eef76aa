package fs

// Type says how the value of a key is written.
type Type uint8

const (
	Word   Type = iota // letters, digits and marks that never need a quote: addresses, names from a fixed list
	Text               // anything; quoted where the grammar needs it
	Number             // decimal; a JSON number
	Flag               // present or not; "no NAME" on input clears it; JSON true
	Switch             // 1 or 0; input takes on, off, yes, no, true, false too, NAME alone and "no NAME"; JSON true or false
	List               // a,b,c; elements are quoted one by one; a JSON array of strings
	Group              // nested records behind an opener word (nexthop via=... nexthop via=...); a JSON array of objects
)

// A Key is one word of a record type: everything that is known about it. Most
// are made by Num, Str, Addr and the other constructors; their methods (AsID,
// ReadOnly, When, ...) return a changed copy, so that a table of keys reads as
// a list.
type Key[T any] struct {
	Name string   // as iproute2 spells it
	Also []string // further spellings accepted on input (iproute2's JSON names, synonyms)
	Doc  string   // one line: meaning, unit, default
	Type Type
	ID   bool // part of the record's identity; the first one is the primary key, whose bare value may begin a line
	RO   bool // state, not setting: printed and filtered by, accepted and ignored in a line that makes it so

	// Get appends the value as it is printed, without quotes (a List: its
	// elements joined by AppendList). Appending nothing means absent. A Flag
	// appends anything, a Switch 1 or 0. Nil for spellings that are input only.
	Get func(b []byte, v *T) []byte
	// Set parses one value into v. A Flag and a Switch get "1" or "0", a List
	// its text for SplitList. Nil for keys that can only be printed. Its error
	// says what is wrong with the word ("not a prefix"); fs adds file, line,
	// key and word.
	Set func(v *T, word string) error

	// Sub handles a Group. Get and Set are nil then. Made by Sub.
	Sub Nested[T]

	// Hide leaves the value out of lines and objects where it is what a line
	// without the key means. It is compared, filtered by and shown in columns as
	// ever. Nil hides nothing.
	Hide func(v *T) bool

	// In names the subdirectory of an object directory where this key's value
	// file stands for v: "" the object itself, "-" nowhere. Nil means "".
	In func(v *T) string
	// Secret marks a value that prints as "?" to those who may not see it and
	// whose file has mode 0600. "?" on input means keep.
	Secret bool
	// Runs marks a value that counts by itself: the rest of a lifetime. In a
	// line that makes it so it is no difference, but it is set where the record
	// has to be made.
	Runs bool
	// Wide marks a key whose value may set other keys, too; they count as given.
	Wide bool
	// Hidden keys can be filtered by and asked for as columns, and do not print
	// otherwise.
	Hidden bool
	// Words lists the values a person can type, for help and completion.
	Words []string
	// Bare lets a value of Words stand alone: "blackhole" for type=blackhole.
	Bare bool
	// Mods are words that may stand between the key and its value in the
	// spelling "key value"; they reach Set in front of it: "via inet6 fe80::1".
	Mods []string

	full   func(b []byte, v *T) []byte // prints a zero value too
	many   *many[T]                    // an open family of keys: opt.N
	prefix bool                        // takes "default"
	some   *func(v *T) bool            // of its section
}

// Section ties keys that stand side by side to one question: where some says
// no, the record has none of them, and none is looked at. It is what makes
// records of many rare keys print fast.
func Section[T any](some func(v *T) bool, keys ...Key[T]) []Key[T] {
	for i := range keys {
		keys[i].some = &some
	}
	return keys
}

// AsID makes the key part of the identity.
func (k Key[T]) AsID() Key[T] { k.ID = true; return k }

// ReadOnly makes the key state.
func (k Key[T]) ReadOnly() Key[T] { k.RO = true; return k }

// Or adds spellings that are accepted on input.
func (k Key[T]) Or(also ...string) Key[T] {
	k.Also = append(k.Also[:len(k.Also):len(k.Also)], also...)
	return k
}

// Under puts the value file into the subdirectory dir of every object; "-" is
// nowhere.
func (k Key[T]) Under(dir string) Key[T] {
	k.In = func(*T) string { return dir }
	return k
}

// Always prints the value when it is zero, too.
func (k Key[T]) Always() Key[T] {
	if k.full != nil {
		k.Get = k.full
	}
	return k
}

// When ties the key to a presence bit: it prints, zero or not, where the bit
// is set, and setting it sets the bit.
func (k Key[T]) When(bit func(v *T) *bool) Key[T] {
	get, set := k.Get, k.Set
	if k.full != nil {
		get = k.full
	}
	k.full = nil
	k.Get = func(b []byte, v *T) []byte {
		if !*bit(v) {
			return b
		}
		return get(b, v)
	}
	k.Set = func(v *T, word string) error {
		if err := set(v, word); err != nil {
			return err
		}
		*bit(v) = true
		return nil
	}
	return k
}

// Nested is a list of records inside a record; Sub makes it.
type Nested[T any] interface {
	schema() *schema
	empty(v *T) bool
	appendText(b []byte, opener string, v *T, p part) []byte
	appendJSON(b []byte, v *T, p part) []byte
	apply(v *T, groups [][]item) error
	help(b []byte, indent string) []byte
}
