//go:build !linux && !darwin && !freebsd

package fusefs

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/netfs-project/netfs/fs"
)

// Options of Mount.
type Options struct {
	Private bool
	Log     *slog.Logger
}

// A Server is a mounted tree.
type Server struct{}

// Mount fails: the FUSE library does not know this system.
func Mount(dir string, _ *fs.Tree, _ *Options) (*Server, error) {
	return nil, fmt.Errorf("mount %s: %w on this system", dir, errors.ErrUnsupported)
}

// Wait returns at once.
func (s *Server) Wait() {}

// Close does nothing.
func (s *Server) Close() error { return nil }
