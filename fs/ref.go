package fs

import (
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Tree is a root as front ends serve it. Its fields are set before the first
// Attach and not changed afterwards.
type Tree struct {
	Root Node
	// Log gets a line for every write: who, from where, path, line, result. Nil: none.
	Log *slog.Logger
	// Errors keeps the last failures of each user, which the file error shows. Nil: none.
	Errors *ErrorLog
	// Trust leaves the checking of modes to whoever serves Root: a remote
	// tree that is served again, or the tree of one's own process.
	Trust    bool
	ReadOnly bool // every write is refused with EROFS

	// Files belong to root and to this group, whose members may write where the
	// mode has the group's bit. "" and 0: group root.
	Group string
	GID   uint32
	// Admin are the names of the root that are for an administrator to change,
	// with all that is below them: their modes grant no write but root's, and
	// batch takes their statements only from root.
	Admin []string

	once  sync.Once
	start time.Time
}

// AsReadOnly returns the same tree with every write refused.
func (t *Tree) AsReadOnly() *Tree {
	c := t.clone()
	c.ReadOnly = true
	return c
}

// WithoutAdmin returns the same tree with Admin empty, for those who were given
// one of these names and see nothing else.
func (t *Tree) WithoutAdmin() *Tree {
	c := t.clone()
	c.Admin = nil
	return c
}

func (t *Tree) clone() *Tree {
	return &Tree{
		Root: t.Root, Log: t.Log, Errors: t.Errors, Trust: t.Trust, ReadOnly: t.ReadOnly,
		Group: t.Group, GID: t.GID, Admin: t.Admin,
	}
}

// rootID is the root's identity. 0 and 1 mean something to FUSE's clients, so
// no derived identity is below minID.
const (
	rootID = 1
	minID  = 2
)

// Attach returns the root's Ref.
func (t *Tree) Attach() *Ref {
	t.once.Do(func() { t.start = time.Now() })
	return &Ref{Node: t.Root, tree: t, name: "/", qid: rootID}
}

// A Ref is a place in the tree: a node and the way to it. It is what a fid, an
// inode or a path on the command line holds. It checks the caller's right by
// the modes, tells the identity of the file, and reports what fails. Refs are
// immutable and safe for concurrent use.
type Ref struct {
	Node   Node
	tree   *Tree
	parent *Ref // nil for the root
	name   string
	qid    uint64
}

// Name is the name as 9P's stat shows it; "/" for the root.
func (r *Ref) Name() string { return r.name }

// Path is the way from the root with no leading slash: "links/eth0/mtu". The
// root's is "".
func (r *Ref) Path() string {
	if r.parent == nil {
		return ""
	}
	n := -1
	for p := r; p.parent != nil; p = p.parent {
		n += len(p.name) + 1
	}
	b := make([]byte, n)
	for p := r; p.parent != nil; p = p.parent {
		n -= copy(b[n-len(p.name):], p.name) + 1
		if n > 0 {
			b[n] = '/'
		}
	}
	return string(b)
}

// Parent is the directory; the root's is itself.
func (r *Ref) Parent() *Ref {
	if r.parent == nil {
		return r
	}
	return r.parent
}

// ID is the qid path: derived from the parent's, the name and the kernel's own
// identity of the object, hence the same in every process, and another one
// after the object was removed and made again.
func (r *Ref) ID() uint64 { return r.qid }

func (r *Ref) IsDir() bool { return r.Node.Mode().IsDir() }

// Walk goes one name down; ".." is the parent and "." the place itself.
func (r *Ref) Walk(ctx context.Context, name string) (*Ref, error) {
	if name == ".." {
		return r.Parent(), nil
	}
	if name == "." {
		_, err := r.dir(ctx, permExec)
		return r, err
	}
	n, err := r.walk(ctx, name)
	if err != nil {
		return nil, err
	}
	return r.child(name, n), nil
}

// walk finds the node of a name.
func (r *Ref) walk(ctx context.Context, name string) (Node, error) {
	dir, err := r.dir(ctx, permExec)
	if err != nil {
		return nil, err
	}
	if !legalName(name) {
		return nil, errNoFile
	}
	n, err := dir.Walk(ctx, name)
	if err != nil {
		if strings.IndexByte(name, ',') >= 0 && Errno(err) != syscall.ENOENT {
			r.tree.keep(ctx, (&Ref{parent: r, name: name}).Path(), err) // words that mean nothing
		}
		return nil, err
	}
	return n, nil
}

// WalkIn is Walk by a name that is neither "." nor "..", which makes the Ref in
// the caller's memory: it must stay as it is while anything that was reached
// through it is in use.
func (r *Ref) WalkIn(ctx context.Context, name string, to *Ref) error {
	n, err := r.walk(ctx, name)
	if err != nil {
		return err
	}
	to.set(r, name, n)
	return nil
}

// Under makes r again in the caller's memory, below another Ref of its directory.
func (r *Ref) Under(parent, to *Ref) {
	*to = *r
	to.parent = parent
}

// legalName reports whether a transport can carry the name.
func legalName(name string) bool {
	return name != "" && strings.IndexByte(name, '/') < 0 && strings.IndexByte(name, 0) < 0
}

func (r *Ref) child(name string, n Node) *Ref {
	c := new(Ref)
	c.set(r, name, n)
	return c
}

func (r *Ref) set(parent *Ref, name string, n Node) {
	*r = Ref{Node: n, tree: parent.tree, parent: parent, name: name, qid: deriveID(parent.qid, name, n)}
}

// deriveID is FNV-1a over the parent, the name, and the identity if there is
// one, finished so that close identities lie far apart.
func deriveID(parent uint64, name string, n Node) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	h = fnv64(h, parent)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * prime
	}
	if n, ok := n.(Identer); ok {
		h = fnv64((h^'/')*prime, n.Ident())
	}
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	h ^= h >> 32
	return max(h, minID)
}

func fnv64(h, v uint64) uint64 {
	for ; v != 0; v >>= 8 {
		h = (h ^ v&0xff) * 1099511628211
	}
	return (h ^ 0x100) * 1099511628211
}

// List returns the members of a directory in the order in which they are shown.
func (r *Ref) List(ctx context.Context) ([]*Ref, error) {
	dir, err := r.dir(ctx, permRead)
	if err != nil {
		return nil, err
	}
	list, err := dir.List(ctx)
	if err != nil {
		return nil, r.failed(ctx, err)
	}
	refs := make([]*Ref, len(list))
	for i, e := range list {
		refs[i] = r.child(e.Name, e.Node)
	}
	return refs, nil
}

// dir returns the node as a directory that the caller may use so.
func (r *Ref) dir(ctx context.Context, want perm) (Walker, error) {
	dir, ok := r.Node.(Walker)
	if !ok || !r.IsDir() {
		return nil, errNotDir
	}
	if err := r.may(ctx, want); err != nil {
		return nil, err
	}
	return dir, nil
}

// Open begins a conversation with a file. Directories are listed instead.
func (r *Ref) Open(ctx context.Context, mode OpenMode) (*File, error) {
	f := new(File)
	if err := r.OpenIn(ctx, mode, f); err != nil {
		return nil, err
	}
	return f, nil
}

// OpenIn is Open that makes the File in the caller's memory, which is the file's
// until it was closed and no call on it runs any more.
func (r *Ref) OpenIn(ctx context.Context, mode OpenMode, f *File) error {
	err := r.open(ctx, mode, f)
	switch {
	case err == nil:
		return nil
	case mode&OpenWrite != 0:
		r.tree.wrote(ctx, "open", r.Path(), nil, err)
		return err
	}
	return r.failed(ctx, err)
}

func (r *Ref) open(ctx context.Context, mode OpenMode, f *File) error {
	o, ok := r.Node.(Opener)
	switch {
	case r.IsDir():
		return errIsDir
	case !ok, mode&(OpenRead|OpenWrite) == 0, mode&^(OpenRead|OpenWrite|OpenOnce) != 0:
		return badName("file cannot be opened so")
	case mode&OpenWrite != 0 && r.tree.ReadOnly:
		return errReadOnly
	}
	var want perm
	if mode&OpenRead != 0 {
		want |= permRead
	}
	if mode&OpenWrite != 0 {
		want |= permWrite
	}
	if err := r.may(ctx, want); err != nil {
		return err
	}
	if err := r.present(ctx); err != nil {
		return err
	}
	if v, ok := o.(*Value); ok {
		f.value.v = v
		f.set(r, &f.value, mode)
		return nil
	}
	h, err := o.Open(ctx, mode)
	if err != nil {
		return err
	}
	if b, ok := h.(*batchFile); ok && !r.tree.Trust && UserOf(ctx).UID != 0 {
		b.admin = r.tree.Admin
	}
	f.set(r, h, mode)
	return nil
}

// present fails with ErrRemoved if an object on the way here is gone, or if
// another one stands under its name now.
func (r *Ref) present(ctx context.Context) error {
	for p := r; p.parent != nil; p = p.parent {
		was, ok := p.Node.(Identer)
		if !ok {
			continue
		}
		n, err := p.parent.Node.(Walker).Walk(ctx, p.base())
		if err != nil {
			return gone(err)
		}
		if is, ok := n.(Identer); !ok || is.Ident() != was.Ident() {
			return ErrRemoved
		}
		// The walk went through what is above, which therefore is there too,
		// unless that is an object with an identity of its own.
	}
	return nil
}

// Stat tells what a listing shows. It fails for a vanished object.
func (r *Ref) Stat(ctx context.Context) (Stat, error) {
	s := Stat{Name: r.name, ID: r.qid, Mode: r.mode(), Mtime: r.tree.start, User: "root", Group: "root"}
	if r.tree.Group != "" {
		s.Group = r.tree.Group
	}
	if r.tree.ReadOnly {
		s.Mode &^= 0o222
	}
	if err := r.present(ctx); err != nil {
		return s, err
	}
	if n, ok := r.Node.(Sizer); ok && r.may(ctx, permRead) == nil {
		// A length that cannot be had is 0, as it is for most files here.
		if size, err := n.Size(ctx); err == nil {
			s.Size = size
		}
	}
	return s, nil
}

// Mkdir makes an object in a directory that can. Path words after the name are
// its first attributes, and not part of the Ref's name.
func (r *Ref) Mkdir(ctx context.Context, name string) (*Ref, error) {
	n, err := r.mkdir(ctx, name)
	path := name
	if r.parent != nil {
		path = r.Path() + "/" + name
	}
	r.tree.wrote(ctx, "mkdir", path, nil, err)
	if err != nil {
		return nil, err
	}
	base, _, _ := strings.Cut(name, ",")
	return r.child(base, n), nil
}

func (r *Ref) mkdir(ctx context.Context, name string) (Node, error) {
	if !legalName(name) || name == "." || name == ".." {
		return nil, badName("bad name")
	}
	m, ok := r.Node.(Maker)
	if !ok {
		return nil, errNotPerm
	}
	if err := r.mayChange(ctx); err != nil {
		return nil, err
	}
	return m.Mkdir(ctx, name)
}

// Remove removes this object by its directory. Files answer EPERM, so that a
// recursive rm does nothing; only a table narrowed by path words is an Eraser,
// which removes its records.
func (r *Ref) Remove(ctx context.Context) error {
	err := r.remove(ctx)
	if !r.everyFile(err) {
		r.tree.keep(ctx, r.Path(), err)
	}
	r.tree.log(ctx, "remove", r.Path(), nil, err)
	return err
}

// everyFile reports whether err is what rm -r hears of every file, which is no
// news to anybody. A server that is served again says it in words of its own.
func (r *Ref) everyFile(err error) bool {
	return err == errNotPerm || Errno(err) == syscall.EPERM && !r.IsDir() && r.base() == r.name
}

func (r *Ref) remove(ctx context.Context) error {
	if !r.IsDir() {
		return r.erase(ctx)
	}
	m, ok := r.Parent().Node.(Remover)
	if !ok || r.parent == nil {
		return errNotPerm
	}
	if err := r.parent.mayChange(ctx); err != nil {
		return err
	}
	if err := r.present(ctx); err != nil {
		return err
	}
	return m.Remove(ctx, r.base())
}

func (r *Ref) erase(ctx context.Context) error {
	e, ok := r.Node.(Eraser)
	switch {
	case !ok, r.Node.Mode()&0o222 == 0:
		return errNotPerm
	case r.tree.ReadOnly:
		return errReadOnly
	}
	if err := r.may(ctx, permWrite); err != nil {
		return err
	}
	if err := r.present(ctx); err != nil {
		return err
	}
	return e.Erase(ctx)
}

// Rename gives this object another name in its directory.
func (r *Ref) Rename(ctx context.Context, name string) error {
	err := r.rename(ctx, name)
	r.tree.wrote(ctx, "rename", r.Path(), []byte(name), err)
	return err
}

func (r *Ref) rename(ctx context.Context, name string) error {
	m, ok := r.Parent().Node.(Renamer)
	switch {
	case !ok, r.parent == nil, !r.IsDir():
		return errNotPerm
	case !legalName(name), name == ".", name == "..":
		return badName("bad name")
	}
	if err := r.parent.mayChange(ctx); err != nil {
		return err
	}
	if err := r.present(ctx); err != nil {
		return err
	}
	return m.Rename(ctx, r.base(), name)
}

// base is the name without path words.
func (r *Ref) base() string {
	s, _, _ := strings.Cut(r.name, ",")
	return s
}

func (r *Ref) mayChange(ctx context.Context) error {
	if r.tree.ReadOnly {
		return errReadOnly
	}
	return r.may(ctx, permWrite|permExec)
}

// mode is the node's, without what Admin takes away.
func (r *Ref) mode() iofs.FileMode {
	m := r.Node.Mode()
	if len(r.tree.Admin) == 0 || r.parent == nil {
		return m
	}
	top := r
	for top.parent.parent != nil {
		top = top.parent
	}
	if slices.Contains(r.tree.Admin, top.base()) {
		m &^= 0o022
	}
	return m
}

// A perm is three bits of a mode.
type perm uint8

const (
	permRead  perm = 4
	permWrite perm = 2
	permExec  perm = 1
)

// may checks the mode against the caller. Root is bound by the owner's bits: a
// mode says what the file can do, not only who may.
func (r *Ref) may(ctx context.Context, want perm) error {
	if r.tree.Trust {
		return nil
	}
	bits := r.mode().Perm()
	mode := perm(bits & 7)
	switch u := UserOf(ctx); {
	case u.UID == 0:
		mode = perm(bits >> 6 & 7)
	case u.in(r.tree.GID):
		mode = perm(bits >> 3 & 7)
	}
	if mode&want != want {
		return errAccess
	}
	return nil
}

// failed keeps a failure for the file error.
func (r *Ref) failed(ctx context.Context, err error) error {
	r.tree.keep(ctx, r.Path(), err)
	return err
}

// keep adds to the log of errors. A call that its caller gave up did not fail.
func (t *Tree) keep(ctx context.Context, path string, err error) {
	if t.Errors == nil || err == nil || errors.Is(err, context.Canceled) {
		return
	}
	t.Errors.add(UserOf(ctx), path, err)
}

// maxLogged is how much of one write the log shows.
const maxLogged = 4096

// wrote logs a write and keeps its failure.
func (t *Tree) wrote(ctx context.Context, what, path string, text []byte, err error) {
	t.keep(ctx, path, err)
	t.log(ctx, what, path, text, err)
}

func (t *Tree) log(ctx context.Context, what, path string, text []byte, err error) {
	if t.Log == nil {
		return
	}
	u := UserOf(ctx)
	attrs := [...]slog.Attr{
		slog.String("user", u.Name), slog.Uint64("uid", uint64(u.UID)), slog.String("from", u.From),
		slog.String("path", path), {}, {}, {},
	}
	list := attrs[:4]
	if len(text) > maxLogged {
		list = append(list, slog.Int("bytes", len(text)))
		text = text[:maxLogged]
	}
	if len(text) > 0 {
		list = append(list, slog.String("text", strings.TrimSuffix(string(text), "\n")))
	}
	level := slog.LevelInfo
	if err != nil {
		level = slog.LevelWarn
		list = append(list, slog.String("error", err.Error()))
	}
	t.Log.LogAttrs(ctx, level, what, list...)
}

// A Stat is what a directory listing tells of a file.
type Stat struct {
	Name        string
	ID          uint64
	Mode        iofs.FileMode
	Size        int64
	Mtime       time.Time // when the tree was attached first: files have no times of their own
	User, Group string
}

// A File is an open file of the tree. Safe for concurrent use.
type File struct {
	ref    *Ref
	h      Handle
	mode   OpenMode
	stream bool
	secret bool
	value  valueFile // the handle of a Value: most files are
}

func (f *File) set(r *Ref, h Handle, mode OpenMode) {
	f.ref, f.h, f.mode = r, h, mode
	_, f.stream = h.(Streamer)
	f.secret = r.Node.Mode().Perm() == 0o600
}

// Ref returns the place that was opened.
func (f *File) Ref() *Ref { return f.ref }

// Handle returns the open file of the tree, for Blocker and Streamer.
func (f *File) Handle() Handle { return f.h }

// ReadAt fills p from off. A read at 0 begins anew, and so is asked whether the
// object is still there. 0, nil is the end.
func (f *File) ReadAt(ctx context.Context, p []byte, off int64) (int, error) {
	switch {
	case f.mode&OpenRead == 0:
		return 0, errNotOpen
	case off < 0:
		return 0, badName("negative offset")
	case off == 0 && !f.stream:
		if err := f.ref.present(ctx); err != nil {
			return 0, f.ref.failed(ctx, err)
		}
	}
	n, err := f.h.ReadAt(ctx, p, off)
	if err != nil {
		f.ref.failed(ctx, err)
	}
	return n, err
}

// WriteAt hands p to the file, logs it, and keeps its error.
func (f *File) WriteAt(ctx context.Context, p []byte, off int64) (int, error) {
	if f.mode&OpenWrite == 0 {
		return 0, errNotOpen
	}
	err := f.ref.present(ctx)
	n := 0
	if err == nil {
		n, err = f.h.WriteAt(ctx, p, off)
		err = f.named(err)
	}
	if f.ref.tree.Log != nil || err != nil {
		f.ref.tree.wrote(ctx, "write", f.ref.Path(), f.logText(p), err)
	}
	return n, err
}

// named puts the file's path, without its words, into an error of a line, and
// before what was wrong with a value unless a key is blamed. A table does not know
// where in the tree it stands.
func (f *File) named(err error) error {
	if err == nil {
		return nil
	}
	var le *LineError
	var ke *KeyError
	if errors.As(err, &le) {
		if le.File == "" {
			le.File = f.bare()
		}
		return err
	}
	if Errno(err) != errInval && Errno(err) != syscall.E2BIG {
		return err
	}
	name := f.bare()
	if errors.As(err, &ke) && f.ref.base() == ke.Key {
		return err
	}
	if !strings.HasPrefix(err.Error(), name+":") {
		return fmt.Errorf("%s: %w", name, err)
	}
	return err
}

// bare is the file's path without its words.
func (f *File) bare() string {
	name, r := f.ref.Path(), f.ref
	return name[:len(name)-len(r.name)+len(r.base())]
}

// logText is what the log may show of a write.
func (f *File) logText(p []byte) []byte {
	switch h := f.h.(type) {
	case interface{ logText(p []byte) []byte }:
		return h.logText(p)
	}
	if f.secret {
		return []byte("?")
	}
	return p
}

// Check says what is wrong with an unterminated last line, and runs nothing.
func (f *File) Check(ctx context.Context) error {
	c, ok := f.h.(Checker)
	if !ok || f.mode&OpenWrite == 0 {
		return nil
	}
	return f.named(c.Check(ctx))
}

// Close ends the conversation. An unterminated last line runs now.
func (f *File) Close(ctx context.Context) error {
	err := f.named(f.h.Close(ctx))
	if err != nil {
		f.ref.tree.wrote(ctx, "close", f.ref.Path(), nil, err)
	}
	return err
}

// String is for messages about programs.
func (r *Ref) String() string { return "/" + r.Path() }
