package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

//go:generate go run . man ../../docs/man

// manCommand writes the manual pages, from the same table as the usage texts.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIR",
		Short:  "write the manual pages",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			day := time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) // fixed: the same tree gives the same pages
			root := c.Root()
			root.DisableAutoGenTag = true
			root.CompletionOptions.HiddenDefaultCmd = true
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "netfs", Manual: "netfs", Date: &day}, args[0])
		},
	}
}
