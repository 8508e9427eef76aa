//go:build !(linux || freebsd || openbsd || netbsd || dragonfly || darwin)

package main

import "github.com/spf13/cobra"

// systemCommands are those that this system has beside the usual ones.
func systemCommands() []*cobra.Command { return nil }
