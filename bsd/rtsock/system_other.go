//go:build !(freebsd || openbsd || netbsd || dragonfly || darwin)

package rtsock

import (
	"errors"
	"fmt"
	"runtime"
)

// Open returns this machine's kernel.
func Open() (System, error) {
	return nil, fmt.Errorf("PF_ROUTE on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
