//go:build !linux

package host

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/netfs-project/netfs/fs"
)

// absent names systems that this one has no joint for.
func absent(names ...string) []system {
	var list []system
	for _, n := range names {
		list = append(list, system{n, func(*space) (fs.Page, error) {
			return fs.Page{}, fmt.Errorf("%w: no joint for %s", errors.ErrUnsupported, runtime.GOOS)
		}})
	}
	return list
}
