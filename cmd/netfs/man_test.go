package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"
	"github.com/stretchr/testify/require"
)

//go:generate go test -run TestManual . -update

var update = flag.Bool("update", false, "write the manual pages")

const manual = "../../docs/man"

// The manual pages are written from the same table as the usage texts.
func TestManual(t *testing.T) {
	day := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) // fixed: the same tree gives the same pages
	root := command()
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	dir := t.TempDir()
	require.NoError(t, doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "netfs", Manual: "netfs", Date: &day}, dir))
	pages, err := filepath.Glob(dir + "/*.1")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		kept := filepath.Join(manual, filepath.Base(page))
		if *update {
			require.NoError(t, os.WriteFile(kept, text, 0o644))
			continue
		}
		old, err := os.ReadFile(kept)
		require.NoError(t, err)
		require.Equal(t, string(old), string(text), "go generate writes it again")
	}
}
