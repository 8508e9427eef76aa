package p9

import "strconv"

// A Dialect is a variant of the protocol.
type Dialect uint8

const (
	Plain   Dialect = iota // 9P2000
	DotU                   // 9P2000.u: errno in Rerror, numeric ids
	DotL                   // 9P2000.L: Linux's own calls
	nowhere                // before Tversion
)

var versions = [...]string{Plain: "9P2000", DotU: "9P2000.u", DotL: "9P2000.L", nowhere: "unknown"}

func (d Dialect) String() string { return versions[d] }

// A Type is a message's type.
type Type uint8

const (
	Tversion Type = 100 + iota
	Rversion
	Tauth
	Rauth
	Tattach
	Rattach
	_ // Terror is never sent
	Rerror
	Tflush
	Rflush
	Twalk
	Rwalk
	Topen
	Ropen
	Tcreate
	Rcreate
	Tread
	Rread
	Twrite
	Rwrite
	Tclunk
	Rclunk
	Tremove
	Rremove
	Tstat
	Rstat
	Twstat
	Rwstat
)

var typeNames = map[Type]string{
	Tversion: "Tversion", Rversion: "Rversion", Tauth: "Tauth", Rauth: "Rauth", Tattach: "Tattach", Rattach: "Rattach",
	Rerror: "Rerror", Tflush: "Tflush", Rflush: "Rflush", Twalk: "Twalk", Rwalk: "Rwalk", Topen: "Topen", Ropen: "Ropen",
	Tcreate: "Tcreate", Rcreate: "Rcreate", Tread: "Tread", Rread: "Rread", Twrite: "Twrite", Rwrite: "Rwrite",
	Tclunk: "Tclunk", Rclunk: "Rclunk", Tremove: "Tremove", Rremove: "Rremove", Tstat: "Tstat", Rstat: "Rstat",
	Twstat: "Twstat", Rwstat: "Rwstat",
}

func (t Type) String() string {
	if s := typeNames[t]; s != "" {
		return s
	}
	if s := linuxNames[t]; s != "" {
		return s
	}
	return "type " + strconv.Itoa(int(t))
}

// Modes of Topen and Tcreate: open(5).
const (
	OREAD   = 0
	OWRITE  = 1
	ORDWR   = 2
	OEXEC   = 3
	OTRUNC  = 0x10
	ORCLOSE = 0x40
)

// Bits of Dir.Mode above the permissions: stat(5).
const (
	DMDIR    = 0x80000000
	DMAPPEND = 0x40000000
	DMEXCL   = 0x20000000
	DMTMP    = 0x04000000

	// Of 9P2000.u.
	DMSYMLINK   = 0x02000000
	DMLINK      = 0x01000000
	DMDEVICE    = 0x00800000
	DMNAMEDPIPE = 0x00200000
	DMSOCKET    = 0x00100000
	DMSETUID    = 0x00080000
	DMSETGID    = 0x00040000
	DMSETVTX    = 0x00010000

	// dmIgnored mean nothing to a directory here.
	dmIgnored = DMSETUID | DMSETGID | DMSETVTX
)

// Bits of Qid.Type: the high byte of Dir.Mode.
const (
	QTDIR     = 0x80
	QTAPPEND  = 0x40
	QTSYMLINK = 0x02 // 9P2000.u and .L
	QTFILE    = 0
)

const (
	// NoTag is the tag of Tversion.
	NoTag = ^uint16(0)
	// NoFid stands for no afid in Tattach.
	NoFid = ^uint32(0)
	// NoUid says that a number is not given where 9P2000.u and .L have one.
	NoUid = ^uint32(0)

	maxWalk = 16 // names in one Twalk: MAXWELEM
	headLen = 7  // size[4] type[1] tag[2]
	// ioHead is what msize leaves to the payload of Rread and Twrite: the
	// longer of the two headers, 23 bytes, and one for good manners.
	ioHead = 24
)

// A Qid is a server's identity of a file: equal paths are the same file.
type Qid struct {
	Type    uint8
	Version uint32
	Path    uint64
}

// A Dir is a stat record: stat(5). In Twstat, ones in a number and an empty
// string mean "leave it".
type Dir struct {
	Type   uint16
	Dev    uint32
	Qid    Qid
	Mode   uint32
	Atime  uint32
	Mtime  uint32
	Length uint64
	Name   string
	UID    string
	GID    string
	MUID   string

	// 9P2000.u only.
	Ext                     string
	NumUID, NumGID, NumMUID uint32
}

// NullDir is the Dir that changes nothing.
var NullDir = Dir{
	Type: ^uint16(0), Dev: ^uint32(0), Qid: Qid{^uint8(0), ^uint32(0), ^uint64(0)}, Mode: ^uint32(0),
	Atime: ^uint32(0), Mtime: ^uint32(0), Length: ^uint64(0), NumUID: ^uint32(0), NumGID: ^uint32(0), NumMUID: ^uint32(0),
}

// A Msg is any message. Which fields count depends on Type; fields below is the
// list. Data is borrowed from the frame that was decoded.
type Msg struct {
	Type    Type
	Mode    uint8
	Tag     uint16
	Oldtag  uint16
	Fid     uint32
	Afid    uint32
	Newfid  uint32
	Msize   uint32
	Count   uint32
	Iounit  uint32
	Perm    uint32
	Errno   uint32 // Linux's numbers
	Uid     uint32 // n_uname
	Offset  uint64
	Qid     Qid
	Version string
	Uname   string
	Aname   string
	Ename   string
	Name    string
	Ext     string
	Names   []string
	Qids    []Qid
	Data    []byte
	Dir     Dir

	*linuxMsg // fields of 9P2000.L alone
}

// fields visits the fields of m's type in wire order. It is the only
// description of the protocol's messages: coder encodes, decodes and prints by
// it. It reports whether the type exists in the dialect.
func (m *Msg) fields(c *coder) bool {
	unix := c.dialect == DotU || c.dialect == DotL
	switch m.Type {
	case Tversion, Rversion:
		c.u32("msize", &m.Msize)
		c.str("version", &m.Version)
	case Tauth:
		c.u32("afid", &m.Afid)
		c.str("uname", &m.Uname)
		c.str("aname", &m.Aname)
		if unix {
			c.u32("uid", &m.Uid)
		}
	case Rauth, Rattach:
		c.qid("qid", &m.Qid)
	case Tattach:
		c.u32("fid", &m.Fid)
		c.u32("afid", &m.Afid)
		c.str("uname", &m.Uname)
		c.str("aname", &m.Aname)
		if unix {
			c.u32("uid", &m.Uid)
		}
	case Rerror:
		c.str("ename", &m.Ename)
		if c.dialect == DotU {
			c.u32("errno", &m.Errno)
		}
	case Tflush:
		c.u16("oldtag", &m.Oldtag)
	case Rflush, Rclunk, Rremove, Rwstat:
	case Twalk:
		c.u32("fid", &m.Fid)
		c.u32("newfid", &m.Newfid)
		c.strs("names", &m.Names)
	case Rwalk:
		c.qids("qids", &m.Qids)
	case Tread:
		c.u32("fid", &m.Fid)
		c.u64("offset", &m.Offset)
		c.u32("count", &m.Count)
	case Rread:
		c.data("data", &m.Data)
	case Twrite:
		c.u32("fid", &m.Fid)
		c.u64("offset", &m.Offset)
		c.data("data", &m.Data)
	case Rwrite:
		c.u32("count", &m.Count)
	case Tclunk, Tremove:
		c.u32("fid", &m.Fid)
	default:
		if c.dialect == DotL {
			return m.linuxFields(c)
		}
		return m.plainFields(c)
	}
	return true
}

// plainFields has the types that 9P2000.L dropped.
func (m *Msg) plainFields(c *coder) bool {
	switch m.Type {
	case Topen:
		c.u32("fid", &m.Fid)
		c.u8("mode", &m.Mode)
	case Ropen, Rcreate:
		c.qid("qid", &m.Qid)
		c.u32("iounit", &m.Iounit)
	case Tcreate:
		c.u32("fid", &m.Fid)
		c.str("name", &m.Name)
		c.bits("perm", &m.Perm)
		c.u8("mode", &m.Mode)
		if c.dialect == DotU {
			c.str("ext", &m.Ext)
		}
	case Tstat:
		c.u32("fid", &m.Fid)
	case Rstat:
		c.stat(&m.Dir)
	case Twstat:
		c.u32("fid", &m.Fid)
		c.stat(&m.Dir)
	default:
		return false
	}
	return true
}

// fields visits a stat record's fields, without its sizes.
func (d *Dir) fields(c *coder) {
	c.u16("type", &d.Type)
	c.u32("dev", &d.Dev)
	c.qid("qid", &d.Qid)
	c.bits("mode", &d.Mode)
	c.u32("atime", &d.Atime)
	c.u32("mtime", &d.Mtime)
	c.u64("length", &d.Length)
	c.str("name", &d.Name)
	c.str("uid", &d.UID)
	c.str("gid", &d.GID)
	c.str("muid", &d.MUID)
	if c.dialect == DotU {
		c.str("ext", &d.Ext)
		c.u32("nuid", &d.NumUID)
		c.u32("ngid", &d.NumGID)
		c.u32("nmuid", &d.NumMUID)
	}
}

// String shows m as one line of key=value items, for logs and tests.
func (m *Msg) String() string { return m.Text(Plain) }

// Text is String for a dialect.
func (m *Msg) Text(d Dialect) string {
	c := coder{op: printing, dialect: d}
	c.b = append(c.b, m.Type.String()...)
	if m.Type != Tversion && m.Type != Rversion {
		c.u16("tag", &m.Tag)
	}
	m.fields(&c)
	return string(c.b)
}
