package fs

// Type says how the value of a key is written.
type Type uint8

const (
	Word   Type = iota // letters, digits and marks that never need a quote: addresses, names from a fixed list
	Text               // anything; quoted where the grammar needs it
	Number             // decimal; a JSON number
	Flag               // present or not; "no NAME" on input clears it; JSON true
	List               // a,b,c; a JSON array of strings
	Group              // nested records behind an opener word (nexthop via=... nexthop via=...); a JSON array of objects
)

// A Key is one word of a record type: everything that is known about it.
type Key[T any] struct {
	Name string   // as iproute2 spells it
	Also []string // further spellings accepted on input (iproute2's JSON names, synonyms)
	Doc  string   // one line: meaning, unit, default
	Type Type
	ID   bool // part of the record's identity; the first one is the primary key, whose bare value may begin a line
	RO   bool // state, not setting: printed and filtered by, accepted and ignored in a line that makes it so

	// Get appends the value as it is printed, without quotes. Appending
	// nothing means absent. A Flag appends anything.
	Get func(b []byte, v *T) []byte
	// Set parses one value into v. A Flag gets "1" or "0". Nil for keys that
	// can only be printed. Its error says what is wrong with the word
	// ("not a prefix"); fs adds file, line, key and word.
	Set func(v *T, word string) error

	// Sub handles a Group. Get and Set are nil then.
	Sub Nested[T]

	// In names the subdirectory of an object directory where this key's value
	// file stands for v: "" the object itself, "-" nowhere. Nil means "".
	In func(v *T) string
	// Secret marks a value that prints as "?" to those who may not see it and
	// whose file has mode 0600. "?" on input means keep.
	Secret bool
	// Words lists the values a person can type, for help and completion.
	Words []string
}

// Nested is a list of records inside a record, made by Sub.
type Nested[T any] interface {
	appendGroup(b []byte, opener string, v *T) []byte
	appendJSON(b []byte, v *T) []byte
	// begin appends an empty nested record to v and returns a setter for its keys.
	begin(v *T) func(key, word string) error
	knows(key string) bool
	help(b []byte) []byte
}
