package fs

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
