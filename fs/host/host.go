package host

import (
	"context"
	"errors"
	"iter"
	"os/user"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/netfs-project/netfs/fs"
)

// Options of Open. The zero value serves.
type Options struct {
	// NS is a file descriptor of the network namespace to show; 0 means the
	// caller's own.
	NS int
	// Memory bounds what the open files of the process hold, in bytes; what is
	// beyond goes to temporary files. 0 means 256 MiB.
	Memory int64
}

// A Host is the tree of this machine. Safe for concurrent use.
type Host struct {
	errors  fs.ErrorLog
	started time.Time
	systems []system
	os      string // whose kernel it is, and its release
	kernel  string
	root    *space
}

// Open opens the tree of a network namespace.
func Open(o *Options) (*Host, error) {
	if o == nil {
		o = &Options{}
	}
	if o.Memory > 0 {
		fs.SetMemory(o.Memory)
	}
	h := &Host{started: time.Now(), systems: systems(), os: runtime.GOOS, kernel: release()}
	conns, err := dial(o.NS)
	if err != nil {
		return nil, err
	}
	if h.root, err = h.open("/", conns); err != nil {
		return nil, errors.Join(err, conns.Close())
	}
	return h, nil
}

// Root returns the root of the tree.
func (h *Host) Root() fs.Node { return h.root.dir }

// Errors returns the log that the file error shows.
func (h *Host) Errors() *fs.ErrorLog { return &h.errors }

// Tree returns the tree as front ends serve it: members of the system's group
// net, where there is one, may write what has the group's bit.
func (h *Host) Tree() *fs.Tree {
	t := &fs.Tree{Root: h.Root(), Errors: h.Errors(), Admin: []string{"netns", "raw", "config"}}
	g, err := user.LookupGroup("net")
	if err != nil {
		return t
	}
	if gid, err := strconv.ParseUint(g.Gid, 10, 32); err == nil {
		t.Group, t.GID = g.Name, uint32(gid)
	}
	return t
}

// Close closes what the tree holds of the kernel. Files that are open fail.
func (h *Host) Close() error { return h.root.Close() }

// A system is one line of the list: a name for features, and what makes its page
// in one namespace. An error that is errors.ErrUnsupported leaves it out.
type system struct {
	name string
	open func(*space) (fs.Page, error)
}

// A space is the tree of one network namespace.
type space struct {
	host     *Host
	name     string // as the file status shows it: "/" for the process's own
	conns    *conns // nil: they are somebody else's
	dir      fs.Dir
	kinds    []fs.Kind
	links    []func(fs.LinkID) fs.Dir
	features []feature
	closers  []func() error
}

// open makes the pages of a namespace. It owns c if it succeeds.
func (h *Host) open(name string, c *conns) (*space, error) {
	s := &space{host: h, name: name, conns: c, dir: fs.Dir{}}
	for _, sys := range h.systems {
		if err := s.add(sys); err != nil {
			return nil, err
		}
	}
	for name, n := range (fs.Dir{
		"batch":    fs.NewBatch(s.kinds...),
		"events":   fs.NewEvents(s.kinds...),
		"wait":     fs.NewWait(s.kinds...),
		"help":     fs.NewHelp(s.kinds...),
		"error":    h.errors.Node(),
		"status":   s.status(),
		"features": s.featureTable(),
	}) {
		s.dir[name] = n
	}
	return s, nil
}

func (s *space) add(sys system) error {
	p, err := sys.open(s)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	s.features = append(s.features, feature{System: sys.name, Available: err == nil, Reason: reason(err)})
	if err != nil {
		return nil
	}
	for name, n := range p.Root {
		s.dir[name] = n
	}
	s.kinds = append(s.kinds, p.Kinds...)
	if p.Link != nil {
		s.links = append(s.links, p.Link)
	}
	return nil
}

// extra returns what the pages add inside a link's directory.
func (s *space) extra(l fs.LinkID) fs.Dir {
	d := fs.Dir{}
	for _, f := range s.links {
		for name, n := range f(l) {
			d[name] = n
		}
	}
	return d
}

// Close closes the pages and the connections to the kernel.
func (s *space) Close() error {
	var errs []error
	for _, f := range s.closers {
		errs = append(errs, f())
	}
	if s.conns != nil {
		errs = append(errs, s.conns.Close())
	}
	return errors.Join(errs...)
}

// A feature tells whether a system is here, and why not.
type feature struct {
	System    string
	Available bool
	Reason    string
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (s *space) featureTable() fs.Node {
	return &fs.Table[feature]{
		Kind: "feature", Doc: "which systems this kernel has, and why not", Info: true,
		Keys: fs.NewKeys(
			fs.Key[feature]{Name: "system", ID: true, RO: true, Type: fs.Word, Doc: "name of the system",
				Get: func(b []byte, v *feature) []byte { return append(b, v.System...) }},
			fs.Key[feature]{Name: "available", RO: true, Type: fs.Number, Doc: "1 if its files are in the tree",
				Get: func(b []byte, v *feature) []byte {
					if v.Available {
						return append(b, '1')
					}
					return append(b, '0')
				}},
			fs.Key[feature]{Name: "reason", RO: true, Type: fs.Text, Doc: "why it is not available",
				Get: func(b []byte, v *feature) []byte { return append(b, v.Reason...) }},
		),
		Rows: func(_ context.Context, _ *fs.Query[feature]) iter.Seq2[*feature, error] {
			return func(yield func(*feature, error) bool) {
				for i := range s.features {
					if !yield(&s.features[i], nil) {
						return
					}
				}
			}
		},
	}
}

// A status is what the file status tells of the server.
type status struct{ Version, Kernel, OS, NetNS, Started string }

func (s *space) status() fs.Node {
	st := status{
		Version: version(),
		Kernel:  s.host.kernel,
		OS:      s.host.os,
		NetNS:   s.name,
		Started: s.host.started.UTC().Format(time.RFC3339),
	}
	word := func(name, doc string, f func(*status) string) fs.Key[status] {
		return fs.Key[status]{Name: name, RO: true, Type: fs.Text, Doc: doc,
			Get: func(b []byte, v *status) []byte { return append(b, f(v)...) }}
	}
	return &fs.Table[status]{
		Kind: "status", Doc: "the server of this tree", Info: true,
		Keys: fs.NewKeys(
			word("version", "version of netfs", func(v *status) string { return v.Version }),
			word("kernel", "release of the running kernel", func(v *status) string { return v.Kernel }),
			word("os", "operating system", func(v *status) string { return v.OS }),
			word("netns", "network namespace: / for the server's own", func(v *status) string { return v.NetNS }),
			word("started", "when the server began, UTC", func(v *status) string { return v.Started }),
		),
		Rows: func(context.Context, *fs.Query[status]) iter.Seq2[*status, error] {
			return func(yield func(*status, error) bool) { yield(&st, nil) }
		},
	}
}

// version is the module's version where the binary was built from one.
func version() string {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return b.Main.Version
}
