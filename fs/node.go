package fs

import (
	"context"
	iofs "io/fs"
)

// A Node is a file or a directory. Its mode tells what it can do: ModeDir for a
// Walker, ModeAppend for files that ignore offsets, the permission bits for
// the rest; a tree cannot claim a write it has not got. Nodes are cheap
// handles made on the way down, safe for concurrent use.
type Node interface {
	Mode() iofs.FileMode
}

// A Walker is a directory.
type Walker interface {
	Node
	// Walk finds one name, or fails with an error that is fs.ErrNotExist.
	// Names that carry path words ("routes,dev=eth0", "routes.json") walk but
	// are not listed.
	Walk(ctx context.Context, name string) (Node, error)
	// List returns the names in the order in which they are shown.
	List(ctx context.Context) ([]Entry, error)
}

// An Entry is one name of a directory.
type Entry struct {
	Name string
	Node Node
}

// An Opener is a file.
type Opener interface {
	Node
	// Open begins one conversation. The context covers the call only, not the
	// life of the handle.
	Open(ctx context.Context, mode OpenMode) (Handle, error)
}

// OpenMode says what an open file is for. Truncation and append are not here:
// they mean nothing to any file of the tree.
type OpenMode uint8

const (
	OpenRead  OpenMode = 1 << iota // ReadAt will be called
	OpenWrite                      // WriteAt will be called
	OpenOnce                       // ReadAt goes from the beginning to the end, so that what was read need not be kept
)

// A Handle is an open file. Calls on one handle may come concurrently; the
// handle serialises what must be. A read returns 0, nil at the end of the
// file, and never io.EOF. Every call ends early when its context does.
type Handle interface {
	ReadAt(ctx context.Context, p []byte, off int64) (int, error)
	WriteAt(ctx context.Context, p []byte, off int64) (int, error)
	// Close ends the conversation and everything that it started before it
	// returns. An unterminated last line is run; its error is returned.
	Close(ctx context.Context) error
}

// The rest is optional and found by assertion.

// An Identer has an identity of its own beside its name: an ifindex, a handle.
// It goes into the qid path, so that an object which was removed and made again
// under its old name is another file.
type Identer interface{ Ident() uint64 }

// A Sizer knows its length in bytes; all other files show 0.
type Sizer interface {
	Size(ctx context.Context) (int64, error)
}

// A Maker is a directory in which mkdir makes things. The name may carry path
// words: "br0,type=bridge".
type Maker interface {
	Walker
	Mkdir(ctx context.Context, name string) (Node, error)
}

// A Remover is a directory in which rmdir removes things.
type Remover interface {
	Walker
	Remove(ctx context.Context, name string) error
}

// A Renamer is a directory whose members can be renamed in place.
type Renamer interface {
	Walker
	Rename(ctx context.Context, from, to string) error
}

// A Blocker is a Handle whose next read or write may wait for the kernel or for
// an event. Front ends that serve many requests on one goroutine give such a
// call a goroutine of its own; handles which are not Blockers answer from
// memory.
type Blocker interface{ Blocks() bool }

// A Streamer is a Handle whose reads wait for records that come with time: it
// has no offsets, and no end while its reader stays.
type Streamer interface {
	Handle
	// Ready returns a channel that is closed when a read would not block, for
	// poll. A new channel is returned after each read.
	Ready() <-chan struct{}
}

// A Checker is a Handle that can say beforehand what is wrong with an
// unterminated last line, which Close will run. Nothing is run by it.
type Checker interface {
	Check(ctx context.Context) error
}

// An Eraser is a file that can be unlinked, which removes the records it shows:
// a table narrowed by path words. All other files cannot.
type Eraser interface {
	Erase(ctx context.Context) error
}
