package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/netfs-project/netfs/bsd"
	"github.com/netfs-project/netfs/cmd/internal/rtjson"

	"github.com/spf13/cobra"
)

// decodeCommand prints dumps of routing sockets.
func decodeCommand() *cobra.Command {
	var p bsd.Profile
	var long bool
	c := &cobra.Command{
		Use:   "decode --os OS FILE",
		Short: "print messages of a BSD's routing socket as JSON",
		Long: `Decode prints what was read from a routing socket (PF_ROUTE), or what
sysctl(3) gave for NET_RT_DUMP, NET_RT_IFLIST and their like, as JSON: one
message a line, in the words of the tree where they mean the same. FILE holds the
bytes as they came; - is the standard input. It may come from another machine:
--os and --arch say which. Netlink messages of Linux are not read.

A message that is broken inside, and messages of another version, are said on the
standard error; the others are printed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := p.Layout()
			if err != nil {
				return fmt.Errorf("--os: %w", err)
			}
			if long {
				l = l.For(bsd.DumpLinksLong)
			}
			b, err := readInput(c.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			return decode(c.OutOrStdout(), l, b, args[0])
		},
	}
	f := c.Flags()
	f.StringVar(&p.OS, "os", "", "whose messages they are: "+strings.Join(bsd.Systems(), " "))
	f.StringVar(&p.Arch, "arch", "amd64", "architecture of the kernel, as Go spells it: amd64 arm64 386 ...")
	f.IntVar(&p.Version, "os-version", 0, "version of the kernel where its messages changed (NetBSD: 7); 0 is a current one")
	f.BoolVar(&long, "long", false, "FILE is what FreeBSD's NET_RT_IFLISTL gave")
	if slices.Contains(bsd.Systems(), runtime.GOOS) {
		p.OS = runtime.GOOS
		f.Lookup("os").DefValue = "this system"
	} else {
		c.MarkFlagRequired("os")
	}
	c.RegisterFlagCompletionFunc("os", cobra.FixedCompletions(bsd.Systems(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

func readInput(stdin io.Reader, name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

// decode prints the messages of b, and returns what was wrong with others.
func decode(out io.Writer, l *bsd.Layout, b []byte, name string) error {
	w := bufio.NewWriter(out)
	d := bsd.Decoder{Layout: l}
	var errs []error
	var line []byte
	for m, err := range d.Messages(b) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		if m == nil {
			continue
		}
		if line, err = rtjson.Append(line[:0], l, m); err != nil {
			return err
		}
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	if d.Skipped > 0 {
		errs = append(errs, fmt.Errorf("%s: %d messages have another version than %d", name, d.Skipped, l.Version))
	}
	return errors.Join(w.Flush(), errors.Join(errs...))
}
