package fs

import "context"

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
	// Words returns the kind's word and its other spellings. A spelling may have
	// two words: "mptcp endpoint".
	Words() []string
	kind
}

// kind is what a table does for the root's files.
type kind interface {
	Words() []string
	eventFeed() *feedSlot // nil: no events
	source() source
	rowFilter(filters []wordFilter) (func(row any) bool, error)
	exists(ctx context.Context, filters []wordFilter) (bool, error)
	primary() string
	hasKey(name string) bool
	hasVerb(name string) bool
	secretive() bool // some key is a secret
	runner(file string) runner
	helpText(b []byte) []byte
}

// A runner carries out one statement of a table after the other.
type runner interface {
	// run carries out the statement on line n, whose kind word has been taken off:
	// "add dst=10.9.0.0/16 dev=eth0". Read-only keys are accepted and ignored.
	run(ctx context.Context, n int, stmt string) error
	close(ctx context.Context) error
}

// NewEvents returns the stream of all kinds, which from then on number their
// events together.
func NewEvents(list ...Kind) Node { return newEvents(kindsOf(list)) }

// NewHelp returns the directory help: for each kind its keys and verbs.
func NewHelp(list ...Kind) Node {
	d := Dir{}
	for _, k := range list {
		d[encodeName(k.Words()[0])] = TextFile(func(context.Context) ([]byte, error) { return k.helpText(nil), nil })
	}
	return d
}
