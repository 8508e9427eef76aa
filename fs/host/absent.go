package host

import (
	"errors"
	"fmt"

	"github.com/netfs-project/netfs/fs"
)

// absent names systems that this one has no joint for.
func absent(names ...string) []system {
	var list []system
	for _, n := range names {
		list = append(list, system{n, func(s *space) (fs.Page, error) {
			return fs.Page{}, fmt.Errorf("%w: no joint for %s", errors.ErrUnsupported, s.host.os)
		}})
	}
	return list
}
