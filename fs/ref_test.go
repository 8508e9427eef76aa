package fs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var root = &User{Name: "root", From: "test"}

func asRoot() context.Context { return WithUser(context.Background(), root) }

func asUser(uid uint32, groups ...uint32) context.Context {
	return WithUser(context.Background(), &User{Name: fmt.Sprint("u", uid), UID: uid, GID: uid, Groups: groups, From: "test"})
}

// A word is a Value over a string.
func word(s *string) *Value {
	return &Value{
		Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, *s...), nil },
		Set: func(_ context.Context, w string) error { *s = w; return nil },
	}
}

// An obj is a directory with an identity.
type obj struct {
	Dir
	id uint64
}

func (o obj) Ident() uint64 { return o.id }

// objs is an Each of objs.
type objs map[string]obj

func (o objs) each() *Each {
	return &Each{
		Names: func(context.Context) ([]string, error) {
			var list []string
			for n := range o {
				list = append(list, n)
			}
			return list, nil
		},
		Find: func(_ context.Context, name string) (Node, error) {
			if n, ok := o[name]; ok {
				return n, nil
			}
			return nil, errNoFile
		},
		Make: func(_ context.Context, name string, words []Pair) error {
			if _, ok := o[name]; ok {
				return syscall.EEXIST
			}
			d := Dir{}
			for _, w := range words {
				d[w.Key] = word(&w.Value)
			}
			o[name] = obj{d, uint64(len(o) + 100)}
			return nil
		},
		Drop: func(_ context.Context, name string) error { delete(o, name); return nil },
	}
}

func walk(t *testing.T, ctx context.Context, r *Ref, names ...string) *Ref {
	t.Helper()
	for _, n := range names {
		next, err := r.Walk(ctx, n)
		require.NoError(t, err, n)
		r = next
	}
	return r
}

func slurp(t *testing.T, ctx context.Context, r *Ref) string {
	t.Helper()
	f, err := r.Open(ctx, OpenRead)
	require.NoError(t, err)
	defer f.Close(ctx)
	p := make([]byte, 1<<16)
	n, err := f.ReadAt(ctx, p, 0)
	require.NoError(t, err)
	return string(p[:n])
}

func TestRefWalk(t *testing.T) {
	mtu := "1500"
	tree := &Tree{Root: Dir{"links": Dir{"eth0": Dir{"mtu": word(&mtu)}}, "gone": nil}}
	ctx := asRoot()
	r := tree.Attach()
	require.Equal(t, "/", r.Name())
	require.Equal(t, "", r.Path())
	require.Same(t, r, r.Parent())
	require.True(t, r.IsDir())

	f := walk(t, ctx, r, "links", "eth0", "mtu")
	require.Equal(t, "links/eth0/mtu", f.Path())
	require.Equal(t, "mtu", f.Name())
	require.False(t, f.IsDir())
	require.Equal(t, "links", walk(t, ctx, f.Parent(), "..").Path())
	require.Same(t, r, walk(t, ctx, r, "..", ".."))
	require.Equal(t, "1500\n", slurp(t, ctx, f))

	_, err := f.Walk(ctx, "x")
	require.ErrorIs(t, err, syscall.ENOTDIR)
	for _, name := range []string{"no", "", "a/b", "a\x00", "gone", "links.json"} {
		_, err := r.Walk(ctx, name)
		require.ErrorIs(t, err, ErrNotExist, "%q", name)
	}
	walk(t, ctx, r, "links", "eth0,mtu=1500")
	walk(t, ctx, r, "links", "eth0,mtu!=9000")
	for _, name := range []string{"eth0,mtu=9000", "eth0,mtu!=1500", "eth0,no=1", "eth0,mtu", "eth0,.once", "eth0.json"} {
		_, err := walk(t, ctx, r, "links").Walk(ctx, name)
		require.ErrorIs(t, err, ErrNotExist, name)
	}
	_, err = walk(t, ctx, r, "links", "eth0").Walk(ctx, "mtu,x=1")
	require.ErrorIs(t, err, ErrInvalid)
	list, err := r.List(ctx)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, walk(t, ctx, r, "links").ID(), list[0].ID())
}

// Identities are part of what clients may store: they do not change between
// runs, nor with this program's version.
func TestRefID(t *testing.T) {
	ctx := asRoot()
	o := objs{"eth0": {Dir{}, 2}}
	tree := &Tree{Root: Dir{"links": o.each(), "addrs": Dir{}}}
	r := tree.Attach()
	links, eth := walk(t, ctx, r, "links"), walk(t, ctx, r, "links", "eth0")
	require.EqualValues(t, 1, r.ID())
	require.EqualValues(t, uint64(0xa63fe1173e0ad38), links.ID())
	require.EqualValues(t, uint64(0x5693954300240237), eth.ID())
	o["eth0"] = obj{Dir{}, 3}
	require.NotEqual(t, eth.ID(), walk(t, ctx, links, "eth0").ID())
	require.NotEqual(t, links.ID(), walk(t, ctx, r, "addrs").ID())
}

func TestRefVanished(t *testing.T) {
	ctx := asRoot()
	mtu, other := "1500", "9000"
	o := objs{"eth0": {Dir{"mtu": word(&mtu)}, 2}}
	tree := &Tree{Root: Dir{"links": o.each()}}
	ref := walk(t, ctx, tree.Attach(), "links", "eth0", "mtu")
	f, err := ref.Open(ctx, OpenRead|OpenWrite)
	require.NoError(t, err)
	p := make([]byte, 10)
	n, err := f.ReadAt(ctx, p, 0)
	require.NoError(t, err)
	require.Equal(t, "1500\n", string(p[:n]))

	for _, now := range []objs{{"eth0": {Dir{"mtu": word(&other)}, 3}}, {}} {
		delete(o, "eth0")
		for k, v := range now {
			o[k] = v
		}
		_, err = f.ReadAt(ctx, p, 0)
		require.ErrorIs(t, err, ErrRemoved)
		_, err = f.WriteAt(ctx, []byte("1\n"), 0)
		require.ErrorIs(t, err, ErrRemoved)
		_, err = ref.Open(ctx, OpenRead)
		require.ErrorIs(t, err, ErrRemoved)
		_, err = ref.Stat(ctx)
		require.ErrorIs(t, err, ErrRemoved)
		require.ErrorIs(t, ref.Parent().Remove(ctx), ErrRemoved)
	}
	require.Equal(t, "9000", other)
	require.Equal(t, "1500", mtu)
}

func TestRefMakeRemove(t *testing.T) {
	ctx := asRoot()
	o := objs{}
	tree := &Tree{Root: Dir{"links": o.each(), "fixed": Dir{}}}
	links := walk(t, ctx, tree.Attach(), "links")
	br, err := links.Mkdir(ctx, "br%2F0,type=bridge")
	require.NoError(t, err)
	require.Equal(t, "br%2F0", br.Name())
	again, err := links.Walk(ctx, "br%2F0,type=bridge") // as kernels do after mkdir
	require.NoError(t, err)
	require.Equal(t, "bridge\n", slurp(t, ctx, walk(t, ctx, again, "type")))
	require.Equal(t, "bridge\n", slurp(t, ctx, walk(t, ctx, br, "type")))
	require.Contains(t, o, "br/0")
	_, err = links.Mkdir(ctx, "br%2F0")
	require.ErrorIs(t, err, ErrExist)
	for _, bad := range []string{"", ".", "..", "a/b", "x,a!=b", "x,.once", "x.json", "%4"} {
		_, err := links.Mkdir(ctx, bad)
		require.ErrorIs(t, err, ErrInvalid, "%q", bad)
	}
	_, err = tree.Attach().Mkdir(ctx, "x")
	require.ErrorIs(t, err, syscall.EPERM)
	require.ErrorIs(t, walk(t, ctx, br, "type").Remove(ctx), syscall.EPERM)
	require.ErrorIs(t, walk(t, ctx, tree.Attach(), "fixed").Remove(ctx), syscall.EPERM)
	require.ErrorIs(t, tree.Attach().Remove(ctx), syscall.EPERM)
	require.ErrorIs(t, br.Rename(ctx, "x"), syscall.EPERM) // Each does not rename

	_, err = links.Mkdir(asUser(7), "no")
	require.ErrorIs(t, err, ErrPermission)
	require.ErrorIs(t, br.Remove(asUser(7)), ErrPermission)
	require.NoError(t, br.Remove(ctx))
	require.Empty(t, o)
}

func TestRefModes(t *testing.T) {
	s := "v"
	ro := &Value{Get: word(&s).Get}
	secret := word(&s)
	secret.Secret = true
	tree := &Tree{Root: Dir{"rw": word(&s), "ro": ro, "secret": secret, "set": &Value{Set: word(&s).Set}}, Group: "net", GID: 50}
	for _, c := range []struct {
		name string
		mode iofs.FileMode
		ctx  context.Context
		open OpenMode
		want error
	}{
		{"rw", 0o664, asRoot(), OpenRead | OpenWrite, nil},
		{"rw", 0o664, asUser(7, 50), OpenWrite, nil},
		{"rw", 0o664, asUser(7), OpenWrite, syscall.EACCES},
		{"rw", 0o664, context.Background(), OpenRead, nil},
		{"rw", 0o664, asRoot(), 0, syscall.EINVAL},
		{"rw", 0o664, asRoot(), 8, syscall.EINVAL},
		{"ro", 0o444, asRoot(), OpenWrite, syscall.EACCES},
		{"ro", 0o444, asUser(7), OpenRead, nil},
		{"set", 0o220, asRoot(), OpenWrite, nil},
		{"set", 0o220, asRoot(), OpenRead, syscall.EACCES},
		{"secret", 0o600, asRoot(), OpenRead, nil},
		{"secret", 0o600, asUser(7, 50), OpenRead, syscall.EACCES},
	} {
		r := walk(t, c.ctx, tree.Attach(), c.name)
		st, err := r.Stat(c.ctx)
		require.NoError(t, err)
		require.Equal(t, c.mode, st.Mode, c.name)
		require.Equal(t, "net", st.Group)
		f, err := r.Open(c.ctx, c.open)
		if c.want != nil {
			require.ErrorIs(t, err, c.want, c.name)
			continue
		}
		require.NoError(t, err, c.name)
		if c.open&OpenWrite == 0 {
			_, err = f.WriteAt(c.ctx, []byte("x\n"), 0)
			require.ErrorIs(t, err, syscall.EBADF)
		}
		if c.open&OpenRead == 0 {
			_, err = f.ReadAt(c.ctx, make([]byte, 1), 0)
			require.ErrorIs(t, err, syscall.EBADF)
		}
		require.NoError(t, f.Close(c.ctx))
	}

	tree = &Tree{Root: tree.Root, Trust: true}
	_, err := walk(t, asUser(7), tree.Attach(), "secret").Open(asUser(7), OpenRead|OpenWrite)
	require.NoError(t, err)
	require.Equal(t, "?\n", slurp(t, asUser(7), walk(t, asUser(7), tree.Attach(), "secret")))

	tree = &Tree{Root: tree.Root, ReadOnly: true}
	_, err = walk(t, asRoot(), tree.Attach(), "rw").Open(asRoot(), OpenWrite)
	require.ErrorIs(t, err, syscall.EROFS)
	st, err := walk(t, asRoot(), tree.Attach(), "rw").Stat(asRoot())
	require.NoError(t, err)
	require.Equal(t, iofs.FileMode(0o444), st.Mode)
	require.EqualValues(t, 2, st.Size)
}

func TestWriteLog(t *testing.T) {
	var out bytes.Buffer
	s := "v"
	secret := word(&s)
	secret.Secret = true
	errs := new(ErrorLog)
	fail := &Value{Set: func(context.Context, string) error {
		return &LineError{File: "x", Line: 57, Head: "add 10.9.0.0/16", Err: syscall.ENETUNREACH}
	}}
	tree := &Tree{Root: Dir{"rw": word(&s), "secret": secret, "fail": fail, "error": errs}, Errors: errs,
		Log: slog.New(slog.NewTextHandler(&out, nil))}
	put := func(name, text string) error {
		f, err := walk(t, asRoot(), tree.Attach(), name).Open(asRoot(), OpenWrite)
		require.NoError(t, err)
		_, err = f.WriteAt(asRoot(), []byte(text), 0)
		require.NoError(t, f.Close(asRoot()))
		return err
	}
	require.NoError(t, put("rw", "1400\n"))
	require.Regexp(t, `level=INFO msg=write user=root uid=0 from=test path=rw text=1400\n`, out.String())
	require.NoError(t, put("secret", "hunter2\n"))
	require.NotContains(t, out.String(), "hunter2")
	for range 40 {
		require.ErrorIs(t, put("fail", "x y\n"), syscall.ENETUNREACH)
	}
	require.Contains(t, out.String(), `level=WARN msg=write user=root uid=0 from=test path=fail text="x y" error="x:57: add`)

	got := slurp(t, asRoot(), walk(t, asRoot(), tree.Attach(), "error"))
	require.Equal(t, 32, bytes.Count([]byte(got), []byte("\n")))
	require.Regexp(t, `^n=9 t=\d+\.\d{6} path=fail line=57 errno=ENETUNREACH text='x:57: add 10.9.0.0/16: network is unreachable'\n`, got)
	require.Regexp(t, `\nn=40 .*\n$`, got)
	require.Empty(t, slurp(t, asUser(7), walk(t, asUser(7), tree.Attach(), "error")))
}

func TestErrorLogUsers(t *testing.T) {
	l := new(ErrorLog)
	for i := range keptUsers + 50 {
		l.add(&User{UID: uint32(i)}, "x", errNoFile)
	}
	require.Len(t, l.users, keptUsers)
	require.NotEmpty(t, l.text(&User{UID: keptUsers + 49}))
}

func TestLongWord(t *testing.T) {
	err := &KeyError{Key: "dst", Word: strings.Repeat("ü", 1000), Err: syscall.EINVAL}
	require.Less(t, len(err.Error()), 120)
	require.True(t, utf8.ValidString(err.Error()))
	require.Contains(t, err.Error(), `ü..."`)
}

func TestErrno(t *testing.T) {
	for _, c := range []struct {
		err  error
		want syscall.Errno
	}{
		{nil, 0},
		{syscall.ENODEV, syscall.ENODEV},
		{&LineError{Err: &KeyError{Err: syscall.ENODEV}}, syscall.ENODEV},
		{fmt.Errorf("x: %w", context.Canceled), syscall.EINTR},
		{context.DeadlineExceeded, syscall.ETIMEDOUT},
		{ErrNotExist, syscall.ENOENT},
		{ErrExist, syscall.EEXIST},
		{ErrPermission, syscall.EACCES},
		{ErrInvalid, syscall.EINVAL},
		{errors.ErrUnsupported, syscall.EOPNOTSUPP},
		{ErrTorn, syscall.EAGAIN},
		{ErrRemoved, syscall.EIDRM},
		{&Error{Text: "odd"}, syscall.EIO},
		{errors.New("odd"), syscall.EIO},
	} {
		require.Equal(t, c.want, Errno(c.err), "%v", c.err)
	}
	require.ErrorIs(t, errNoFile, ErrNotExist)
	require.ErrorIs(t, errAccess, ErrPermission)
	require.NotErrorIs(t, &Error{Text: "odd"}, ErrInvalid)
}
