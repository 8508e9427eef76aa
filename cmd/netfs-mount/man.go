package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

//go:generate go run . --man ../../docs/man .

// writeManual writes the manual page, from the same table as the usage text. It
// hangs on a hidden flag, since a command's name could be a directory's.
func writeManual(c *cobra.Command, dir string) error {
	day := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) // fixed: the same tree gives the same pages
	c.DisableAutoGenTag = true
	return doc.GenManTree(c, &doc.GenManHeader{Section: "1", Source: "netfs", Manual: "netfs", Date: &day}, dir)
}
