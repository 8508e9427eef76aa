package fs

import (
	"context"
	iofs "io/fs"
	"log/slog"
	"time"
)

// A Tree is a root as front ends serve it.
type Tree struct {
	Root Node
	// Log gets a line for every write: who, from where, path, line, result. Nil: none.
	Log *slog.Logger
	// Errors keeps the last failures of each user, which the file error shows. Nil: none.
	Errors *ErrorLog
	// Trust leaves the checking of modes to whoever serves Root: a remote
	// tree that is served again, or the tree of one's own process.
	Trust    bool
	ReadOnly bool // every write is refused with EROFS
}

// Attach returns the root's Ref.
func (t *Tree) Attach() *Ref { panic("contract") }

// A Ref is a place in the tree: a node and the way to it. It is what a fid, an
// inode or a path on the command line holds. It checks the caller's right by
// the modes, tells the identity of the file, and reports what fails. Refs are
// immutable and safe for concurrent use.
type Ref struct {
	Node   Node
	tree   *Tree
	parent *Ref
	name   string
	qid    uint64
}

func (r *Ref) Name() string                                           { panic("contract") } // as 9P's stat shows it; "/" for the root
func (r *Ref) Path() string                                           { panic("contract") } // from the root, no leading slash: "links/eth0/mtu"
func (r *Ref) Parent() *Ref                                           { panic("contract") } // the root's is itself
func (r *Ref) ID() uint64                                             { panic("contract") } // the qid path: from the parent's, the name and Ident
func (r *Ref) IsDir() bool                                            { panic("contract") }
func (r *Ref) Walk(ctx context.Context, name string) (*Ref, error)    { panic("contract") } // ".." is the parent
func (r *Ref) List(ctx context.Context) ([]*Ref, error)               { panic("contract") }
func (r *Ref) Open(ctx context.Context, mode OpenMode) (*File, error) { panic("contract") } // not for directories
func (r *Ref) Stat(ctx context.Context) (Stat, error)                 { panic("contract") }
func (r *Ref) Mkdir(ctx context.Context, name string) (*Ref, error)   { panic("contract") }
func (r *Ref) Remove(ctx context.Context) error                       { panic("contract") } // of this; EPERM for files
func (r *Ref) Rename(ctx context.Context, name string) error          { panic("contract") } // in its directory

// A Stat is what a directory listing tells of a file.
type Stat struct {
	Name        string
	ID          uint64
	Mode        iofs.FileMode
	Size        int64
	Mtime       time.Time
	User, Group string
}

// A File is an open file of the tree.
type File struct {
	ref *Ref
	h   Handle
}

func (f *File) ReadAt(ctx context.Context, p []byte, off int64) (int, error)  { panic("contract") }
func (f *File) WriteAt(ctx context.Context, p []byte, off int64) (int, error) { panic("contract") }
func (f *File) Close(ctx context.Context) error                               { panic("contract") }
func (f *File) Handle() Handle                                                { panic("contract") } // for Blocker and Streamer
