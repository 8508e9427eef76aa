package ct

import (
	"context"
	"errors"
	"io/fs"

	"github.com/netfs-project/netfs/nl"
)

// doAbsent carries out deletions; what was gone before is no failure.
func doAbsent(ctx context.Context, b *nl.Batch) error {
	err := b.Do(ctx)
	var be *nl.BatchError
	if !errors.As(err, &be) {
		return err
	}
	for _, f := range be.Failed {
		if !errors.Is(f.Err, fs.ErrNotExist) {
			return f.Err
		}
	}
	return nil
}
