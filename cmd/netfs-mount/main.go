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

	"github.com/netfs-project/netfs/cmd/internal/tlsflags"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/fusefs"
	"github.com/netfs-project/netfs/fs/host"
	"github.com/netfs-project/netfs/p9"
	"github.com/netfs-project/netfs/p9/v9fs"

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
	var readOnly, private, kernel bool
	var t *p9.TLS
	c := &cobra.Command{
		Use:   "netfs-mount [DIAL] DIR",
		Short: "mount a tree of network files",
		Long: `Netfs-mount mounts on DIR the tree of the 9P server at DIAL
(unix!/run/netfs.sock, tcp!127.0.0.1!5640, tls!HOST!5641), or without DIAL this machine's own,
which it then serves itself. It stays until it is interrupted or the directory
is unmounted (umount DIR), and ends when the server goes away.

The server knows who runs netfs-mount, and nobody behind it. So a server's tree
that root mounts is for other users to read, as its modes have it; one that somebody
else mounts is for themselves only.

With --kernel the mount is not FUSE but the 9P client of the Linux kernel, where it has
one: root's to make, and told apart by the server as far as it believes in this machine's
users. Over a unix socket and tcp the kernel itself speaks to the server. TLS it cannot
do: netfs-mount does it for the kernel, as long as the mount is there. The kernel takes
no text of an error, only its number; and since Linux 6.12 a write that fails tells so
only to programs that call fsync.`,
		Args:          cobra.RangeArgs(1, 2),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(c *cobra.Command, args []string) error {
			dial := ""
			if len(args) == 2 {
				dial = args[0]
			}
			dir := args[len(args)-1]
			if kernel {
				return mountKernel(c.Context(), dial, dir, &v9fs.Options{TLS: t, ReadOnly: readOnly, Private: private})
			}
			return mount(c.Context(), dial, t, dir, readOnly, &fusefs.Options{Private: private})
		},
	}
	t = tlsflags.Client(c)
	c.Flags().BoolVar(&kernel, "kernel", false, "mount with the kernel's 9P client")
	c.Flags().BoolVar(&readOnly, "ro", false, "refuse every write")
	c.Flags().BoolVar(&private, "private", false, "keep other users out")
	return c
}

func mount(ctx context.Context, dial string, t *p9.TLS, dir string, readOnly bool, o *fusefs.Options) error {
	o.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	tree, gone, src, err := open(ctx, dial, t, o.Log)
	if err != nil {
		return err
	}
	defer src.Close()
	if dial != "" && os.Geteuid() != 0 {
		o.Private = true // the server knows us, and not whoever looks in
	}
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

// mountKernel is mount with the kernel's own client.
func mountKernel(ctx context.Context, dial, dir string, o *v9fs.Options) error {
	var m *v9fs.Mount
	var err error
	if dial == "" {
		tree, _, src, oerr := open(ctx, "", nil, slog.New(slog.NewTextHandler(os.Stderr, nil)))
		if oerr != nil {
			return oerr
		}
		defer src.Close()
		tree.ReadOnly = o.ReadOnly
		m, err = v9fs.Serve(tree, &fs.User{Name: "root", From: "kernel"}, dir, o)
	} else {
		m, err = v9fs.Dial(ctx, dial, dir, o)
	}
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-m.Done():
		err = m.Err()
	}
	if cerr := m.Close(); err == nil {
		err = cerr
	}
	return err
}

// open returns the tree to mount, and a channel that is closed when its server
// goes away.
func open(ctx context.Context, dial string, t *p9.TLS, log *slog.Logger) (*fs.Tree, <-chan struct{}, io.Closer, error) {
	if dial == "" {
		h, err := host.Open(nil)
		if err != nil {
			return nil, nil, nil, err
		}
		tree := h.Tree()
		tree.Log = log
		return tree, nil, h, nil
	}
	c, err := (&p9.Options{TLS: t, Dialects: p9.WordsFirst()}).Dial(ctx, dial)
	if err != nil {
		return nil, nil, nil, err
	}
	// What the server lets this process do is not for every user of this machine:
	// root's mount has the modes checked here, too.
	return &fs.Tree{Root: c.Root(), Trust: os.Geteuid() != 0}, c.Gone(), c, nil
}
