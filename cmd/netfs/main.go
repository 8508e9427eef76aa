// Netfs serves the network stack of a machine as a file tree, and reads and
// writes such trees, here or elsewhere. See netfs(1).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := interruptible()
	err := command().ExecuteContext(ctx)
	sig := stop()
	switch {
	case err == nil:
	case sig != 0 && errors.Is(err, context.Canceled):
		os.Exit(128 + int(sig)) // as a shell shows the end of a program by a signal
	case errors.Is(err, syscall.EPIPE):
		os.Exit(128 + int(syscall.SIGPIPE))
	default:
		fmt.Fprintln(os.Stderr, "netfs: "+strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// interruptible returns a context that the first SIGINT or SIGTERM ends; one that comes more than a
// second later ends the process. Until then it is the first again, as from timeout(1), which
// signals a process and its group. stop returns the signal that came, or 0.
func interruptible() (_ context.Context, stop func() syscall.Signal) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	came := make(chan syscall.Signal, 1)
	go func() {
		defer close(came)
		s, ok := <-signals
		if !ok {
			return
		}
		came <- s.(syscall.Signal)
		cancel()
		time.AfterFunc(time.Second, func() { signal.Stop(signals) })
	}()
	return ctx, func() syscall.Signal {
		signal.Stop(signals)
		close(signals)
		return <-came
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
	c.AddCommand(serveCommand(), certCommand(), decodeCommand())
	c.AddCommand(systemCommands()...)
	c.AddCommand(clientCommands()...)
	return c
}
