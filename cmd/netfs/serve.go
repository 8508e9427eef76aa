package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/netfs-project/netfs/cmd/internal/tlsflags"
	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/fs/fusefs"
	"github.com/netfs-project/netfs/fs/host"
	"github.com/netfs-project/netfs/p9"

	"github.com/spf13/cobra"
)

// defaultListen is where a server is when nothing else was said.
const defaultListen = "unix!/run/netfs.sock"

type serveFlags struct {
	listen   []string
	mount    string
	readOnly bool
	writable bool
	stdio    bool
	memory   int64
	verbose  bool
	peers    []uint
	tls      *p9.TLS
}

func serveCommand() *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "serve this machine's tree over 9P, and mount it",
		Long: `Serve offers this machine's tree over 9P on every address that --listen names, on
the sockets that systemd passes, or else on ` + defaultListen + ` (mode 0660:
whom the system lets open it, the tree knows by the socket's peer credentials).
With --mount alone nothing listens.

A tcp address must be of the loopback, where the tree is read-only unless
--tcp-writable is given: whoever can connect is nobody in particular. The same holds
for vsock!CID!PORT, which is for virtual machines and their host (* for all CIDs of
this machine); --vsock-peer names those that may connect. fd!NUMBER is a stream socket
that was passed: one that listens, or a connection, with whose end netfs ends. Any other
address is tls!HOST!PORT (* for all hosts), which takes --cert, --key, --ca and
--policy; netfs cert makes them for a first try. These files are read again when they
change. A line of the policy is SAN ROLE [ANAME], as in

  dns:alice.example.net   admin
  dns:*.ops.example.net   operate
  uri:spiffe://x/monitor  view     /links

and the first that matches a name in the client's certificate decides; without one
the client is refused. View reads; operate also writes tables and values; admin also
makes, removes and changes network namespaces. ANAME is the part of the tree that
the client gets.

SIGINT and SIGTERM end it: blocked readers are released, mounts and sockets removed.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return serve(c.Context(), &f) },
	}
	f.tls = tlsflags.Server(c)
	c.Flags().StringArrayVarP(&f.listen, "listen", "l", nil, "address to listen on: unix!PATH, tcp!HOST!PORT, tls!HOST!PORT, vsock!CID!PORT or fd!NUMBER (may be repeated)")
	c.Flags().StringVarP(&f.mount, "mount", "m", "", "directory to mount the tree on, through FUSE")
	c.Flags().BoolVar(&f.readOnly, "ro", false, "refuse every write")
	c.Flags().BoolVar(&f.writable, "tcp-writable", false, "let tcp and vsock clients write")
	c.Flags().UintSliceVar(&f.peers, "vsock-peer", nil, "context identifier of a machine that may connect over vsock (may be repeated; all)")
	c.Flags().BoolVar(&f.stdio, "stdio", false, "speak 9P on standard input and output, for ssh HOST netfs serve --stdio")
	c.Flags().Int64Var(&f.memory, "memory", 256, "limit of what open files hold, in MiB; the rest goes to temporary files")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "log connections too")
	return c
}

func serve(ctx context.Context, f *serveFlags) error {
	level := slog.LevelInfo
	if f.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	h, err := host.Open(&host.Options{Memory: f.memory << 20})
	if err != nil {
		return err
	}
	defer h.Close()
	tree := h.Tree()
	tree.Log, tree.ReadOnly = log, f.readOnly
	srv := &p9.Server{Tree: tree, Log: log, TCPWritable: f.writable}
	for _, cid := range f.peers {
		srv.VsockPeers = append(srv.VsockPeers, uint32(min(cid, math.MaxUint32)))
	}

	if f.stdio {
		return srv.ServeConn(ctx, stdio{}, self())
	}
	listeners, err := listen(f)
	if err != nil {
		return err
	}
	if f.mount != "" {
		m, err := fusefs.Mount(f.mount, tree, &fusefs.Options{Log: log})
		if err != nil {
			closeAll(listeners)
			return err
		}
		defer m.Close()
		log.Info("mounted", "dir", f.mount)
		unmounted := make(chan struct{})
		go func() { m.Wait(); close(unmounted) }() // ends with m.Close
		if len(listeners) == 0 {
			notifyReady()
			select {
			case <-ctx.Done():
			case <-unmounted:
			}
			return nil
		}
	}
	return serveAll(ctx, srv, listeners, log)
}

// serveAll serves every listener until ctx ends, one of them fails, or none has
// more to come: passed connections end.
func serveAll(ctx context.Context, srv *p9.Server, listeners []net.Listener, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(listeners))
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(len(listeners)))
	for i, l := range listeners {
		log.Info("listening", "addr", l.Addr().Network()+"!"+l.Addr().String())
		wg.Add(1)
		go func() {
			defer wg.Done()
			if errs[i] = srv.Serve(ctx, l); errs[i] != nil || left.Add(-1) == 0 {
				cancel()
			}
		}()
	}
	notifyReady()
	<-ctx.Done()
	notifyStopping()
	wg.Wait()
	for i, err := range errs {
		if errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// listen opens what was asked for, what systemd passed, or the default.
func listen(f *serveFlags) ([]net.Listener, error) {
	list, err := passedListeners()
	if err != nil {
		return nil, fmt.Errorf("sockets from systemd: %w", err)
	}
	addrs := f.listen
	if len(addrs) == 0 && len(list) == 0 && f.mount == "" {
		addrs = []string{defaultListen}
	}
	for _, a := range addrs {
		open := p9.Listen
		if strings.HasPrefix(a, "tls!") {
			open = f.tls.Listen
		}
		l, err := open(a)
		if err != nil {
			closeAll(list)
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

func closeAll(list []net.Listener) {
	for _, l := range list {
		l.Close()
	}
}

// stdio is the connection of somebody who started us: ssh, a test.
type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) Close() error                { return errors.Join(os.Stdin.Close(), os.Stdout.Close()) }

var _ io.ReadWriteCloser = stdio{}

// self is the identity of who runs this process.
func self() *fs.User {
	return &fs.User{Name: os.Getenv("USER"), UID: uint32(os.Getuid()), GID: uint32(os.Getgid()), From: "stdio"}
}
