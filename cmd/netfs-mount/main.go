// Netfs-mount mounts a tree of network files through FUSE: a server's, or this
// machine's own. See netfs-mount(1).
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/fusefs"
	"github.com/netfs-project/netfs/fs/host"
	"github.com/netfs-project/netfs/p9"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "netfs-mount: "+err.Error())
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var readOnly, private bool
	var manual string
	c := &cobra.Command{
		Use:   "netfs-mount [DIAL] DIR",
		Short: "mount a tree of network files",
		Long: `Netfs-mount mounts on DIR the tree of the 9P server at DIAL
(unix!/run/netfs.sock, tcp!127.0.0.1!5640), or without DIAL this machine's own,
which it then serves itself. It stays until it is interrupted or the directory
is unmounted (umount DIR), and ends when the server goes away.`,
		Args:          cobra.RangeArgs(1, 2),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, args []string) error {
			if manual != "" {
				return writeManual(c, manual)
			}
			dial := ""
			if len(args) == 2 {
				dial = args[0]
			}
			return mount(c.Context(), dial, args[len(args)-1], readOnly, &fusefs.Options{Private: private})
		},
	}
	c.Flags().StringVar(&manual, "man", "", "write the manual page into this directory")
	c.Flags().MarkHidden("man")
	c.Flags().BoolVar(&readOnly, "ro", false, "refuse every write")
	c.Flags().BoolVar(&private, "private", false, "keep other users out")
	return c
}

func mount(ctx context.Context, dial, dir string, readOnly bool, o *fusefs.Options) error {
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	tree, gone, src, err := open(ctx, dial, o.Log)
	if err != nil {
		return err
	}
	defer src.Close()
	tree.ReadOnly = readOnly
	m, err := fusefs.Mount(dir, tree, o)
	if err != nil {
		return err
	}
	unmounted := make(chan struct{})
	go func() { m.Wait(); close(unmounted) }() // ends with m.Close
	select {
	case <-ctx.Done():
	case <-unmounted:
	case <-gone:
		err = fmt.Errorf("%s: the server has gone", dial)
	}
	if cerr := m.Close(); err == nil {
		err = cerr
	}
	return err
}

// open returns the tree to mount, and a channel that is closed when its server
// goes away.
func open(ctx context.Context, dial string, log *slog.Logger) (*fs.Tree, <-chan struct{}, io.Closer, error) {
	if dial == "" {
		h, err := host.Open(nil)
		if err != nil {
			return nil, nil, nil, err
		}
		tree := h.Tree()
		tree.Log = log
		return tree, nil, h, nil
	}
	c, err := p9.Dial(ctx, dial)
	if err != nil {
		return nil, nil, nil, err
	}
	return &fs.Tree{Root: c.Root(), Trust: true}, c.Gone(), c, nil
}
