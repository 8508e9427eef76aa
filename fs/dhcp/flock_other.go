//go:build !unix || solaris

package dhcp

import (
	"errors"
	"os"
)

// flock: no system here has DHCP clients.
func flock(*os.File) error { return errors.ErrUnsupported }
