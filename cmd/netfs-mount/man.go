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
	var day time.Time // a fixed date: the same tree gives the same page
	c.DisableAutoGenTag = true
	return doc.GenManTree(c, &doc.GenManHeader{Section: "1", Source: "netfs", Manual: "netfs", Date: &day}, dir)
}
