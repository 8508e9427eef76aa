package attacher

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/netfs-project/netfs/fs"

	"github.com/hugelgupf/p9/p9"
)

// Options of an Attacher. The zero value lets nobody write.
type Options struct {
	// User is who every client is. Nil: nobody, who can only read.
	User *fs.User
	// Aname is the part of the tree that clients get, as in 9P's attach of
	// netfs's own server: "/links/eth0,ro". It is looked up at each attach.
	Aname string
	// Wait is how long a read of a stream waits for something to come before it
	// fails with EAGAIN: 1 s. It is also how long one such read can hold up all
	// other clients of the server.
	Wait time.Duration
	// Limit is how long any other call may take before it fails with ETIMEDOUT: 30 s.
	Limit time.Duration
}

type attacher struct {
	ctx   context.Context // carries the user
	tree  *fs.Tree
	names []string
	wait  time.Duration
	limit time.Duration
}

// New returns an Attacher for the tree. The end of ctx ends every call, and
// nothing can be done after it. Options may be nil.
func New(ctx context.Context, tree *fs.Tree, o *Options) (p9.Attacher, error) {
	a := &attacher{tree: tree, wait: time.Second, limit: 30 * time.Second}
	if o == nil {
		o = new(Options)
	}
	if o.Wait > 0 {
		a.wait = o.Wait
	}
	if o.Limit > 0 {
		a.limit = o.Limit
	}
	path, readOnly := strings.CutSuffix(o.Aname, ",ro")
	for name := range strings.SplitSeq(path, "/") {
		switch name {
		case "", ".":
			continue
		case "..": // narrows nothing, and may be meant to widen
			return nil, fmt.Errorf("aname %q: %w", o.Aname, syscall.EACCES)
		}
		a.names = append(a.names, name)
	}
	user := o.User
	if user == nil {
		const nobody = 65534
		user, readOnly = &fs.User{Name: "none", UID: nobody, GID: nobody, From: "attacher"}, true
	}
	if readOnly {
		a.tree = tree.AsReadOnly()
	}
	a.ctx = fs.WithUser(ctx, user)
	return a, nil
}

// Attach returns the root that Options.Aname tells.
func (a *attacher) Attach() (p9.File, error) {
	ctx, done := a.call()
	defer done()
	ref := a.tree.Attach()
	for _, name := range a.names {
		var err error
		if ref, err = ref.Walk(ctx, name); err != nil {
			return nil, number(err)
		}
	}
	return &file{a: a, ref: ref}, nil
}

// call returns the context of one call.
func (a *attacher) call() (context.Context, context.CancelFunc) {
	return context.WithTimeout(a.ctx, a.limit)
}
