package fs

import "context"

type kind interface{}

type feedSlot struct{}

// A runner carries out one statement of a table after the other, as batch does.
type runner interface {
	// run carries out the statement on line n, whose kind word has been taken off:
	// "add dst=10.9.0.0/16 dev=eth0". Read-only keys are accepted and ignored.
	run(ctx context.Context, n int, stmt string) error
	close(ctx context.Context) error
}
