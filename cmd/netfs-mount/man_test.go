package main

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/spf13/cobra/doc"
	"github.com/stretchr/testify/require"
)

//go:generate go test -run TestManual . -update

var update = flag.Bool("update", false, "write the manual page")

const manual = "../../docs/man/netfs-mount.1"

// The manual page is written from the same table as the usage text.
func TestManual(t *testing.T) {
	day := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) // fixed: the same tree gives the same pages
	c := command()
	c.DisableAutoGenTag = true
	dir := t.TempDir()
	require.NoError(t, doc.GenManTree(c, &doc.GenManHeader{Section: "1", Source: "netfs", Manual: "netfs", Date: &day}, dir))
	text, err := os.ReadFile(dir + "/netfs-mount.1")
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(manual, text, 0o644))
	}
	old, err := os.ReadFile(manual)
	require.NoError(t, err)
	require.Equal(t, string(old), string(text), "go generate writes it again")
}
