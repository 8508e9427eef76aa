package p9

import (
	"context"
	"errors"
	"strings"
	"syscall"
)

// What 9P2000.L has beside the operations that all dialects share, which are in
// fid.go and here end in At. What the server's dialect has no message for fails
// with an error that is errors.ErrUnsupported.

var (
	errNotLinux = &protoError{"the server does not speak 9P2000.L: operation not supported", syscall.EOPNOTSUPP}
	errNotUnix  = &protoError{"the server speaks neither 9P2000.L nor 9P2000.u: operation not supported", syscall.EOPNOTSUPP}
	errRclose   = &protoError{"9P2000.L has no ORCLOSE: operation not supported", syscall.EOPNOTSUPP}
	errPerm     = &protoError{"9P2000.L creates files and directories, with permissions only: operation not supported", syscall.EOPNOTSUPP}
)

const linuxCreat = 0x40

// linuxFlags are the flags for a mode of Topen.
func linuxFlags(mode uint8) (uint32, error) {
	flags := uint32(mode & 3)
	if flags == OEXEC {
		flags = OREAD
	}
	if mode&OTRUNC != 0 {
		flags |= linuxTrunc
	}
	if mode&ORCLOSE != 0 {
		return 0, errRclose
	}
	return flags, nil
}

// linux is rpc for messages of 9P2000.L.
func (f Fid) linux(ctx context.Context, t Type, set, got func(*Msg)) error {
	if f.c.dialect != DotL {
		return errNotLinux
	}
	return f.c.rpc(ctx, t, func(m *Msg) {
		m.Fid = f.num
		set(m)
	}, got)
}

// Lopen is Tlopen: Open with the flags of Linux's open(2), 0x400 for O_APPEND.
func (f *Fid) Lopen(ctx context.Context, flags uint32) error {
	if f.c.dialect != DotL {
		return errNotLinux
	}
	return f.open(ctx, Tlopen, func(m *Msg) { m.Flags = flags })
}

// Lcreate is Tlcreate: it makes or opens a file in the directory of the fid,
// which becomes that file. Gid may be NoUid.
func (f *Fid) Lcreate(ctx context.Context, name string, flags, perm, gid uint32) error {
	if f.c.dialect != DotL {
		return errNotLinux
	}
	return f.open(ctx, Tlcreate, func(m *Msg) { m.Name, m.Flags, m.Perm, m.Gid = name, flags, perm, gid })
}

// createLinux is Tcreate in the words of 9P2000.L.
func (f *Fid) createLinux(ctx context.Context, name string, perm uint32, mode uint8) error {
	flags, err := linuxFlags(mode)
	switch {
	case err != nil:
		return err
	case perm&^(DMDIR|dmIgnored|0o777) != 0:
		return errPerm
	case perm&DMDIR == 0:
		return f.Lcreate(ctx, name, flags|linuxCreat|linuxExcl, linuxPerm(perm), NoUid)
	}
	made, err := f.Mkdir(ctx, name, perm)
	if err != nil {
		return err
	}
	if err := f.enter(ctx, name, made); err != nil {
		return err
	}
	return f.Lopen(ctx, flags)
}

// enter takes the fid to the directory that was made in its own. A name with
// path words, "br0,type=bridge", makes one whose name is what precedes them.
func (f *Fid) enter(ctx context.Context, name string, made Qid) error {
	if base, _, words := strings.Cut(name, ","); words && base != "" {
		to, err := f.Walk(ctx, base)
		if err == nil && to.qid == made {
			defer to.drop()
			return f.step(ctx, base)
		}
		if err == nil {
			to.drop()
		}
	}
	return f.step(ctx, name)
}

// step walks the fid itself to a member of its directory.
func (f *Fid) step(ctx context.Context, name string) error {
	n, err := f.c.walk(ctx, f.num, f, []string{name})
	if err == nil && n == 0 {
		err = notThere(nil)
	}
	return err
}

// Mkdir makes a directory in the fid's, and leaves the fid where it is. Perm are
// the permissions.
func (f Fid) Mkdir(ctx context.Context, name string, perm uint32) (made Qid, err error) {
	if f.c.dialect != DotL {
		return f.make(ctx, name, DMDIR|perm&(dmIgnored|0o777), "")
	}
	err = f.linux(ctx, Tmkdir, func(m *Msg) { m.Name, m.Perm, m.Gid = name, linuxPerm(perm), NoUid }, func(m *Msg) { made = m.Qid })
	return made, err
}

// make is Tcreate with a fid of its own. Only 9P2000.u carries ext.
func (f Fid) make(ctx context.Context, name string, perm uint32, ext string) (made Qid, err error) {
	at, err := f.Walk(ctx)
	if err != nil {
		return made, err
	}
	err = at.open(ctx, Tcreate, func(m *Msg) { m.Name, m.Perm, m.Mode, m.Ext = name, perm, OREAD, ext })
	return at.qid, errors.Join(err, at.Clunk(ctx))
}

// RenameAt moves the member old of the fid's directory into the directory to,
// under the name new. Only 9P2000.L moves things between directories.
func (f Fid) RenameAt(ctx context.Context, old string, to Fid, new string) error {
	if f.c.dialect == DotL {
		err := f.linux(ctx, Trenameat, func(m *Msg) { m.Name, m.Dfid, m.Newname = old, to.num, new }, nil)
		if !unknown(err) {
			return err
		}
	} else if to.qid.Path != f.qid.Path {
		return syscall.EXDEV
	}
	file, err := f.Walk(ctx, old)
	if err != nil {
		return err
	}
	defer file.drop()
	return file.Rename(ctx, to, new)
}

// unknown reports whether a server does not know a message.
func unknown(err error) bool {
	return errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS)
}

// Rename gives the fid's file another name in the directory to, which must be
// its own unless the server speaks 9P2000.L.
func (f Fid) Rename(ctx context.Context, to Fid, name string) error {
	if f.c.dialect == DotL {
		return f.linux(ctx, Trename, func(m *Msg) { m.Dfid, m.Name = to.num, name }, nil)
	}
	d := NullDir
	d.Name = name
	return f.Wstat(ctx, &d)
}

// UnlinkAt removes the member name of the fid's directory: an empty directory if
// dir is set, and no directory otherwise.
func (f Fid) UnlinkAt(ctx context.Context, name string, dir bool) error {
	if f.c.dialect == DotL {
		flags := uint32(0)
		if dir {
			flags = removeDir
		}
		err := f.linux(ctx, Tunlinkat, func(m *Msg) { m.Name, m.Flags = name, flags }, nil)
		if !unknown(err) {
			return err
		}
	}
	file, err := f.Walk(ctx, name)
	switch is := file.qid.Type&QTDIR != 0; {
	case err != nil:
		return err
	case is && !dir:
		err = syscall.EISDIR
	case !is && dir:
		err = syscall.ENOTDIR
	default:
		return file.Remove(ctx)
	}
	file.drop()
	return err
}

// Symlink makes a symbolic link in the fid's directory: 9P2000.L and .u.
func (f Fid) Symlink(ctx context.Context, name, target string) (made Qid, err error) {
	switch f.c.dialect {
	case Plain:
		return made, errNotUnix
	case DotU:
		return f.make(ctx, name, DMSYMLINK|0o777, target)
	}
	err = f.linux(ctx, Tsymlink, func(m *Msg) { m.Name, m.Ext, m.Gid = name, target, NoUid }, func(m *Msg) { made = m.Qid })
	return made, err
}

// Readlink returns what a symbolic link leads to: 9P2000.L and .u.
func (f Fid) Readlink(ctx context.Context) (target string, err error) {
	switch f.c.dialect {
	case Plain:
		return "", errNotUnix
	case DotU:
		d, err := f.Stat(ctx)
		if err == nil && d.Mode&DMSYMLINK == 0 {
			err = syscall.EINVAL
		}
		return d.Ext, err
	}
	err = f.linux(ctx, Treadlink, func(*Msg) {}, func(m *Msg) { target = m.Ext })
	return target, err
}

// Link gives the file of another fid a further name in the fid's directory.
func (f Fid) Link(ctx context.Context, file Fid, name string) error {
	return file.linux(ctx, Tlink, func(m *Msg) { m.Dfid, m.Name = f.num, name }, nil)
}

// Mknod makes a device, a named pipe or a socket: mode is st_mode.
func (f Fid) Mknod(ctx context.Context, name string, mode, major, minor uint32) (made Qid, err error) {
	err = f.linux(ctx, Tmknod, func(m *Msg) { m.Name, m.Perm, m.Major, m.Minor, m.Gid = name, mode, major, minor, NoUid },
		func(m *Msg) { made = m.Qid })
	return made, err
}

// Fsync returns when what was written is on the server's disk. In the other
// dialects that is a Twstat which changes nothing: stat(5).
func (f Fid) Fsync(ctx context.Context) error {
	if f.c.dialect != DotL {
		return f.Wstat(ctx, &NullDir)
	}
	return f.linux(ctx, Tfsync, func(m *Msg) { m.Data = make([]byte, 4) }, nil)
}

// A Statfs is what statfs(2) tells of a server's file system.
type Statfs struct {
	Type, BlockSize         uint32
	Blocks, Free, Available uint64 // of BlockSize
	Files, FreeFiles        uint64
	ID                      uint64
	NameLen                 uint32 // longest name, in bytes
}

// Statfs tells of the file system that the fid's file is in: 9P2000.L.
func (f Fid) Statfs(ctx context.Context) (st Statfs, err error) {
	err = f.linux(ctx, Tstatfs, func(*Msg) {}, func(m *Msg) {
		s := &m.Statfs
		st = Statfs{Type: s.Type, BlockSize: s.Bsize, Blocks: s.Blocks, Free: s.Bfree, Available: s.Bavail,
			Files: s.Files, FreeFiles: s.Free, ID: s.ID, NameLen: s.Namelen}
	})
	return st, err
}

// Kinds of lock, and answers to Lock. Source: P9_LOCK_* of Linux.
const (
	LockRead  = 0
	LockWrite = 1
	LockNone  = 2 // to unlock; nothing is in the way

	LockSuccess = 0
	LockBlocked = 1 // another has it
	LockError   = 2
	LockGrace   = 3 // the server has just begun

	LockBlock   = 1 // flag: wait
	LockReclaim = 2 // flag: it was ours before the server began again
)

// A Lock is a part of a file, from Start for Length bytes, 0 to its end, and who
// locks it.
type Lock struct {
	Type          uint8
	Flags         uint32
	Start, Length uint64
	Proc          uint32 // the process, for Client
	Client        string // the host
}

// Lock locks or unlocks a part of an open file, and returns at once, with
// LockBlocked if another has it: 9P2000.L.
func (f Fid) Lock(ctx context.Context, l *Lock) (status uint8, err error) {
	err = f.linux(ctx, Tlock, func(m *Msg) { l.put(m) }, func(m *Msg) { status = m.Lock.Status })
	return status, err
}

// Getlock returns the lock that is in l's way; its Type is LockNone if none is.
func (f Fid) Getlock(ctx context.Context, l *Lock) (found Lock, err error) {
	err = f.linux(ctx, Tgetlock, func(m *Msg) { l.put(m) }, func(m *Msg) {
		w := &m.Lock
		found = Lock{Type: w.Type, Start: w.Start, Length: w.Length, Proc: w.Proc, Client: w.Client}
	})
	return found, err
}

func (l *Lock) put(m *Msg) {
	m.Flags = l.Flags
	w := &m.Lock
	w.Type, w.Start, w.Length, w.Proc, w.Client = l.Type, l.Start, l.Length, l.Proc, l.Client
}
