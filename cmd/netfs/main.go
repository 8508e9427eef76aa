// Netfs serves the network stack of a machine as a file tree, and reads and
// writes such trees, here or elsewhere. See netfs(1).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err == nil:
	case interrupted && errors.Is(err, context.Canceled), errors.Is(err, syscall.EPIPE):
		os.Exit(130) // as a shell shows the end of a program by ^C
	default:
		fmt.Fprintln(os.Stderr, "netfs: "+err.Error())
		os.Exit(1)
	}
}

func command() *cobra.Command {
	c := &cobra.Command{
		Use:   "netfs",
		Short: "the network stack as files",
		Long: `Netfs shows the network stack of a machine as a file tree: links, addresses,
routes, rules, neighbours, connections, events. Files are read and written as
lines of key=value words, in the words of ip(8).

The commands cat, ls, write and so on take a path of the tree, without a leading
slash. They speak to the server that -a names. Without -a they serve this
machine's tree to themselves, so nothing needs to run.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	c.AddCommand(serveCommand(), manCommand())
	c.AddCommand(clientCommands()...)
	return c
}
