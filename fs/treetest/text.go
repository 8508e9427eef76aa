package treetest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/netfs-project/netfs/fs"
)

// Write writes a text to a file, at once, and closes it.
func Write(d Door, path, text string) error {
	f, err := d.Open(path, fs.OpenWrite)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// Read returns all of a file.
func Read(t testing.TB, d Door, path string) string {
	t.Helper()
	f, err := d.Open(path, fs.OpenRead)
	require.NoError(t, err)
	defer f.Close()
	var all []byte
	for b := make([]byte, 65536); ; {
		n, err := f.ReadAt(b, int64(len(all)))
		require.NoError(t, err)
		if n == 0 {
			return string(all)
		}
		all = append(all, b[:n]...)
	}
}
