package fs

import (
	"context"
	"slices"
	"strings"
)

// kind is what a table does for the root's files.
type kind interface {
	Words() []string
	eventFeed() *feedSlot // nil: no events
	source() source
	rowFilter(filters []wordFilter) (func(row any) bool, error)
	exists(ctx context.Context, filters []wordFilter) (bool, error)
	primary() string
	hasKey(name string) bool
	runner(file string) runner // nil: read-only
	helpText(b []byte) []byte
}

// A runner carries out one statement of a table after the other, as batch does.
type runner interface {
	// run carries out the statement on line n, whose kind word has been taken off:
	// "add dst=10.9.0.0/16 dev=eth0". Read-only keys are accepted and ignored.
	run(ctx context.Context, n int, stmt string) error
	close(ctx context.Context) error
}

// findKind returns the kind with that word, or the one of whose words it is the
// beginning of, as iproute2 does: the first in the list wins.
func findKind(kinds []kind, word string) kind {
	for _, k := range kinds {
		if slices.Contains(k.Words(), word) {
			return k
		}
	}
	for _, k := range kinds {
		if word != "" && strings.HasPrefix(k.Words()[0], word) {
			return k
		}
	}
	return nil
}

func kindWords(kinds []kind) string {
	var list []string
	for _, k := range kinds {
		list = append(list, k.Words()[0])
	}
	return strings.Join(list, " ")
}

// NewEvents returns the stream of all kinds.
func NewEvents(list ...Kind) Node { return newEvents(kindsOf(list)) }

func kindsOf(list []Kind) []kind {
	kinds := make([]kind, len(list))
	for i, k := range list {
		kinds[i] = k
	}
	return kinds
}
