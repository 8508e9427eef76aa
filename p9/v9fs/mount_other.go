//go:build !linux

package v9fs

import (
	"context"
	"errors"
	"fmt"

	"github.com/netfs-project/netfs/fs"
)

// A Mount is a mounted tree: there is none on this system.
type Mount struct{}

var errNoKernel = fmt.Errorf("mount by the kernel's 9p: only Linux has it: %w", errors.ErrUnsupported)

// Dial always fails here.
func Dial(ctx context.Context, dial, dir string, o *Options) (*Mount, error) { return nil, errNoKernel }

// Serve always fails here.
func Serve(tree *fs.Tree, u *fs.User, dir string, o *Options) (*Mount, error) {
	return nil, errNoKernel
}

// Done is closed when the tree is no longer mounted.
func (m *Mount) Done() <-chan struct{} { return nil }

// Err tells, after Done, what went wrong.
func (m *Mount) Err() error { return errNoKernel }

// Close unmounts.
func (m *Mount) Close() error { return errNoKernel }
