package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path"
	"strings"
	"text/tabwriter"

	"github.com/netfs-project/netfs/cmd/internal/tlsflags"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/host"
	"github.com/netfs-project/netfs/p9"

	"github.com/spf13/cobra"
)

// A run is a client command: what it does with the root of a tree and its
// arguments, of which the first is a path.
type run func(ctx context.Context, root *fs.Ref, args []string) error

func clientCommands() []*cobra.Command {
	var long bool
	ls := client("ls [PATH]", "list a directory", cobra.MaximumNArgs(1),
		func(ctx context.Context, root *fs.Ref, args []string) error { return list(ctx, root, arg(args), long) })
	ls.Flags().BoolVarP(&long, "long", "l", false, "show mode, owner and length")
	write := client("write PATH [WORD...]", "write a line made of the words, or else the standard input", cobra.MinimumNArgs(1), write)
	write.Flags().SetInterspersed(false) // what follows PATH is data
	return []*cobra.Command{
		ls,
		client("cat PATH...", "print files", cobra.MinimumNArgs(1), cat),
		write,
		client("watch [PATH]", "print events until interrupted: those of PATH if it is a directory", cobra.MaximumNArgs(1), watch),
		client("stat PATH...", "show what a directory listing tells of a file", cobra.MinimumNArgs(1), stat),
		client("mkdir PATH...", "make an object: links/br0,type=bridge", cobra.MinimumNArgs(1), mkdir),
		client("rm PATH...", "remove an object, or the rows of a filtered table: conntrack,src=192.0.2.9", cobra.MinimumNArgs(1), remove),
		client("mv PATH NAME", "rename an object in its directory", cobra.ExactArgs(2), rename),
	}
}

func client(use, short string, args cobra.PositionalArgs, do run) *cobra.Command {
	var addr string
	c := &cobra.Command{Use: use, Short: short, Args: args}
	t := tlsflags.Client(c)
	c.ValidArgsFunction = complete(&addr, t)
	c.Flags().StringVarP(&addr, "address", "a", "", "server to speak to: unix!/run/netfs.sock, tcp!127.0.0.1!5640, tls!HOST!5641 (default: this machine, no server)")
	c.RunE = func(c *cobra.Command, args []string) error {
		root, done, err := attach(c.Context(), addr, t)
		if err != nil {
			return err
		}
		return errors.Join(do(c.Context(), root, args), done())
	}
	return c
}

// attach returns the root of the tree that addr names, or of this machine's.
func attach(ctx context.Context, addr string, t *p9.TLS) (*fs.Ref, func() error, error) {
	if addr == "" {
		h, err := host.Open(nil)
		if err != nil {
			return nil, nil, err
		}
		tree := h.Tree()
		tree.Trust = true // the kernel knows what this process may
		return tree.Attach(), h.Close, nil
	}
	c, err := (&p9.Options{TLS: t, Dialects: p9.WordsFirst()}).Dial(ctx, addr)
	if err != nil {
		return nil, nil, err
	}
	return (&fs.Tree{Root: c.Root(), Trust: true}).Attach(), c.Close, nil
}

// walk finds a path, whose error names as much of it as was asked.
func walk(ctx context.Context, root *fs.Ref, name string) (*fs.Ref, error) {
	r := root
	for _, elem := range strings.Split(path.Clean("/" + name)[1:], "/") {
		if elem == "" {
			continue
		}
		next, err := r.Walk(ctx, elem)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		r = next
	}
	return r, nil
}

func list(ctx context.Context, root *fs.Ref, name string, long bool) error {
	r, err := walk(ctx, root, name)
	if err != nil {
		return err
	}
	refs := []*fs.Ref{r}
	if r.IsDir() {
		if refs, err = r.List(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 1, ' ', 0)
	for _, r := range refs {
		if !long {
			show := r.Name()
			if r.IsDir() && len(refs) > 0 {
				show += "/"
			}
			fmt.Fprintln(w, show)
			continue
		}
		st, err := r.Stat(ctx)
		if errors.Is(err, iofs.ErrNotExist) {
			continue // it went while we looked
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.Path(), err)
		}
		fmt.Fprintf(w, "%v\t%s\t%s\t%d\t%s\n", st.Mode, st.User, st.Group, st.Size, st.Name)
	}
	return w.Flush()
}

func cat(ctx context.Context, root *fs.Ref, args []string) error {
	for _, name := range args {
		r, err := walk(ctx, root, name)
		if err != nil {
			return err
		}
		if err := copyOut(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// copyOut prints a file as it comes.
func copyOut(ctx context.Context, r *fs.Ref) (err error) {
	f, err := r.Open(ctx, fs.OpenRead|fs.OpenOnce)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Path(), err)
	}
	defer func() {
		// The file is closed although ^C ended the reading.
		err = errors.Join(err, f.Close(context.WithoutCancel(ctx)))
	}()
	buf := make([]byte, 256<<10)
	for off := int64(0); ; {
		n, err := f.ReadAt(ctx, buf, off)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Path(), err)
		}
		if n == 0 {
			return nil
		}
		if _, err := os.Stdout.Write(buf[:n]); err != nil {
			return err
		}
		off += int64(n)
	}
}

func watch(ctx context.Context, root *fs.Ref, args []string) error {
	name := arg(args)
	if name == "" {
		name = "events"
	}
	r, err := walk(ctx, root, name)
	if err != nil {
		return err
	}
	if r.IsDir() {
		if r, err = r.Walk(ctx, "events"); err != nil {
			return fmt.Errorf("%s/events: %w", name, err)
		}
	}
	return copyOut(ctx, r)
}

func write(ctx context.Context, root *fs.Ref, args []string) (err error) {
	r, err := walk(ctx, root, args[0])
	if err != nil {
		return err
	}
	f, err := r.Open(ctx, fs.OpenWrite)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Path(), err)
	}
	// An unterminated last line runs at the close, which tells its error.
	defer func() { err = errors.Join(named(r, err), named(r, f.Close(context.WithoutCancel(ctx)))) }()
	if len(args) > 1 {
		_, err := f.WriteAt(ctx, []byte(strings.Join(args[1:], " ")+"\n"), 0)
		return err
	}
	return copyIn(ctx, f, os.Stdin)
}

// named puts the file before an error that does not begin with it already, as
// those of lines do.
func named(r *fs.Ref, err error) error {
	file, _, _ := strings.Cut(r.Path(), ",")
	if err == nil || strings.HasPrefix(err.Error(), file) {
		return err
	}
	return fmt.Errorf("%s: %w", file, err)
}

// copyIn writes what in gives. Big pieces let the tree send many changes
// together; the file puts lines together again.
func copyIn(ctx context.Context, f *fs.File, in io.Reader) error {
	buf := make([]byte, 256<<10)
	for off := int64(0); ; {
		n, rerr := in.Read(buf)
		if n > 0 {
			if _, err := f.WriteAt(ctx, buf[:n], off); err != nil {
				return err
			}
			off += int64(n)
		}
		if rerr == io.EOF {
			return nil
		}
		if rerr != nil {
			return rerr
		}
	}
}

func stat(ctx context.Context, root *fs.Ref, args []string) error {
	for _, name := range args {
		r, err := walk(ctx, root, name)
		if err != nil {
			return err
		}
		st, err := r.Stat(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Printf("name=%s mode=%v user=%s group=%s length=%d qid=%#x\n", st.Name, st.Mode, st.User, st.Group, st.Size, st.ID)
	}
	return nil
}

func mkdir(ctx context.Context, root *fs.Ref, args []string) error {
	for _, name := range args {
		dir, base := path.Split(path.Clean("/" + name))
		r, err := walk(ctx, root, dir)
		if err != nil {
			return err
		}
		if _, err := r.Mkdir(ctx, base); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func remove(ctx context.Context, root *fs.Ref, args []string) error {
	for _, name := range args {
		r, err := walk(ctx, root, name)
		if err != nil {
			return err
		}
		if err := r.Remove(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func rename(ctx context.Context, root *fs.Ref, args []string) error {
	r, err := walk(ctx, root, args[0])
	if err != nil {
		return err
	}
	dir, to := path.Split(path.Clean(args[1]))
	if dir != "" && path.Clean("/"+dir) != path.Dir(path.Clean("/"+args[0])) {
		return fmt.Errorf("%s: a new name is in the same directory", args[1])
	}
	if err := r.Rename(ctx, to); err != nil {
		return fmt.Errorf("%s: %w", args[0], err)
	}
	return nil
}

func arg(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

// complete offers the names of the directory that the word stands in.
func complete(addr *string, t *p9.TLS) cobra.CompletionFunc {
	return func(c *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		root, done, err := attach(c.Context(), *addr, t)
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		defer done()
		dir, _ := path.Split(word)
		r, err := walk(c.Context(), root, dir)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		refs, err := r.List(c.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var words []string
		for _, r := range refs {
			w := dir + r.Name()
			if r.IsDir() {
				w += "/"
			}
			words = append(words, w)
		}
		return words, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
}
