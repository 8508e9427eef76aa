package p9

import (
	"context"
	"math"
	"strconv"
	"syscall"
	"time"
)

// Bits of Attr.Valid and of what Getattr asks for. Source: include/net/9p/9p.h of
// Linux, P9_STATS_*.
const (
	AttrMode = 1 << iota
	AttrNlink
	AttrUID
	AttrGID
	AttrRdev
	AttrAtime
	AttrMtime
	AttrCtime
	AttrIno // is Qid.Path
	AttrSize
	AttrBlocks
	AttrBtime
	AttrGen
	AttrDataVersion

	AttrBasic = AttrBtime - 1
	AttrAll   = AttrDataVersion<<1 - 1
)

// An Attr is what stat(2) tells on Linux. Valid says which of it the server knows.
type Attr struct {
	Valid                      uint64
	Qid                        Qid
	Mode                       uint32 // st_mode: permissions and S_IFMT
	UID, GID                   uint32
	Nlink, Rdev                uint64
	Size                       uint64 // bytes
	BlockSize                  uint64 // bytes; what a read best asks for
	Blocks                     uint64 // of 512 bytes
	Atime, Mtime, Ctime, Btime time.Time
	Gen, DataVersion           uint64
}

// Getattr returns the attributes of the fid's file. In the other dialects they
// are made of the stat record.
func (f Fid) Getattr(ctx context.Context, mask uint64) (a Attr, err error) {
	if f.c.dialect != DotL {
		d, err := f.Stat(ctx)
		return d.attr(f.c.dialect), err
	}
	err = f.c.rpc(ctx, Tgetattr, func(m *Msg) { m.Fid, m.Valid = f.num, mask }, func(m *Msg) {
		at := func(i int) time.Time { return time.Unix(int64(m.Times[i]), int64(m.Times[i+1]%1e9)) }
		a = Attr{Valid: m.Valid, Qid: m.Qid, Mode: m.Perm, UID: m.Uid, GID: m.Gid, Nlink: m.Nlink, Rdev: m.Rdev,
			Size: m.Size, BlockSize: m.Blksize, Blocks: m.Blocks,
			Atime: at(0), Mtime: at(2), Ctime: at(4), Btime: at(6), Gen: m.Gen, DataVersion: m.DataVer}
	})
	return a, err
}

// The file types of st_mode, and what 9P2000.u has for them: stat(2), inode(7).
const (
	linuxFmt  = 0o170000
	linuxLink = 0o120000
)

var linuxTypes = map[uint32]uint32{
	linuxDir: DMDIR, linuxLink: DMSYMLINK, 0o020000: DMDEVICE, 0o060000: DMDEVICE, 0o010000: DMNAMEDPIPE, 0o140000: DMSOCKET,
}

// linuxBits are set-user-ID, set-group-ID and sticky.
var linuxBits = [...]struct{ linux, dm uint32 }{{0o4000, DMSETUID}, {0o2000, DMSETGID}, {0o1000, DMSETVTX}}

// linuxMode turns st_mode into the mode of a stat record.
func linuxMode(mode uint32) uint32 {
	m := mode&0o777 | linuxTypes[mode&linuxFmt]
	for _, b := range linuxBits {
		if mode&b.linux != 0 {
			m |= b.dm
		}
	}
	return m
}

// linuxPerm turns the permissions of a stat record's mode into Linux's.
func linuxPerm(mode uint32) uint32 {
	m := mode & 0o777
	for _, b := range linuxBits {
		if mode&b.dm != 0 {
			m |= b.linux
		}
	}
	return m
}

// dir is the attributes as a stat record.
func (a *Attr) dir(name string) Dir {
	d := Dir{Qid: a.Qid, Mode: linuxMode(a.Mode), Length: a.Size, Name: name, Atime: seconds(a.Atime), Mtime: seconds(a.Mtime),
		UID: strconv.FormatUint(uint64(a.UID), 10), GID: strconv.FormatUint(uint64(a.GID), 10), NumUID: a.UID, NumGID: a.GID, NumMUID: NoUid}
	d.Mode |= uint32(a.Qid.Type&(QTDIR|QTAPPEND)) << 24
	if d.Mode&DMDIR != 0 {
		d.Length = 0
	}
	return d
}

// attr is a stat record as attributes.
func (d *Dir) attr(dialect Dialect) Attr {
	a := Attr{Valid: AttrMode | AttrAtime | AttrMtime | AttrIno | AttrSize, Qid: d.Qid, Mode: linuxPerm(d.Mode) | linuxReg, Size: d.Length,
		UID: NoUid, GID: NoUid, Atime: time.Unix(int64(d.Atime), 0), Mtime: time.Unix(int64(d.Mtime), 0)}
	for mode, dm := range linuxTypes {
		if d.Mode&dm != 0 {
			a.Mode = linuxPerm(d.Mode) | mode
		}
	}
	if dialect == DotU {
		a.Valid |= AttrUID | AttrGID
		a.UID, a.GID = d.NumUID, d.NumGID
	}
	return a
}

// Bits of SetAttr.Valid. Source: P9_ATTR_* of Linux.
const (
	SetMode = 1 << iota
	SetUID
	SetGID
	SetSize
	SetAtime // to now, without SetAtimeTo
	SetMtime
	SetCtime
	SetAtimeTo
	SetMtimeTo
)

// A SetAttr is what Setattr is to change: what Valid names.
type SetAttr struct {
	Valid        uint32
	Mode         uint32 // permissions, as chmod(2) takes them
	UID, GID     uint32
	Size         uint64
	Atime, Mtime time.Time
}

// Setattr changes attributes. In the other dialects it is a Twstat; 9P2000 has
// no numbers of owners.
func (f Fid) Setattr(ctx context.Context, a *SetAttr) error {
	if f.c.dialect != DotL {
		d, err := a.dir(f.c.dialect)
		if err != nil {
			return err
		}
		return f.Wstat(ctx, &d)
	}
	return f.c.rpc(ctx, Tsetattr, func(m *Msg) {
		m.Fid, m.Valid, m.Perm, m.Uid, m.Gid, m.Size = f.num, uint64(a.Valid), a.Mode, a.UID, a.GID, a.Size
		clear(m.Times[:])
		for i, t := range [...]time.Time{a.Atime, a.Mtime} {
			if !t.IsZero() {
				m.Times[2*i], m.Times[2*i+1] = uint64(t.Unix()), uint64(t.Nanosecond())
			}
		}
	}, nil)
}

var (
	errNoNumbers = &protoError{"9P2000 has no numbers of owners: operation not supported", syscall.EOPNOTSUPP}
	errNoWstat   = &protoError{"9P2000.L changes mode, owner by number, length and times: operation not supported", syscall.EOPNOTSUPP}
)

// dir is the change as Twstat has it.
func (a *SetAttr) dir(dialect Dialect) (Dir, error) {
	d := NullDir
	if a.Valid&(SetUID|SetGID) != 0 && dialect != DotU {
		return d, errNoNumbers
	}
	when := func(to uint32, t time.Time) uint32 {
		if a.Valid&to == 0 {
			t = time.Now()
		}
		return seconds(t)
	}
	if a.Valid&SetMode != 0 {
		d.Mode = linuxMode(a.Mode)
	}
	if a.Valid&SetUID != 0 {
		d.NumUID = a.UID
	}
	if a.Valid&SetGID != 0 {
		d.NumGID = a.GID
	}
	if a.Valid&SetSize != 0 {
		d.Length = a.Size
	}
	if a.Valid&SetAtime != 0 {
		d.Atime = when(SetAtimeTo, a.Atime)
	}
	if a.Valid&SetMtime != 0 {
		d.Mtime = when(SetMtimeTo, a.Mtime)
	}
	return d, nil
}

// attrOf is what a Twstat would change, for 9P2000.L.
func attrOf(d *Dir) (SetAttr, error) {
	var a SetAttr
	if d.Name != "" || d.UID != "" || d.GID != "" || d.MUID != "" {
		return a, errNoWstat
	}
	set := func(bit uint32, yes bool) {
		if yes {
			a.Valid |= bit
		}
	}
	set(SetMode, d.Mode != NullDir.Mode)
	set(SetUID, d.NumUID != NoUid)
	set(SetGID, d.NumGID != NoUid)
	set(SetSize, d.Length != math.MaxUint64)
	set(SetAtime|SetAtimeTo, d.Atime != NullDir.Atime)
	set(SetMtime|SetMtimeTo, d.Mtime != NullDir.Mtime)
	a.Mode, a.UID, a.GID, a.Size = linuxPerm(d.Mode), d.NumUID, d.NumGID, d.Length
	a.Atime, a.Mtime = time.Unix(int64(d.Atime), 0), time.Unix(int64(d.Mtime), 0)
	return a, nil
}
