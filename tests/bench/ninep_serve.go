package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	iofs "io/fs"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/netfs-project/netfs/fs"
	fshost "github.com/netfs-project/netfs/fs/host"
	"github.com/netfs-project/netfs/p9"

	"9fans.net/go/plan9"
	"9fans.net/go/plan9/srv9p"
	"github.com/hugelgupf/p9/fsimpl/templatefs"
	"github.com/hugelgupf/p9/linux"
	hugelgupf "github.com/hugelgupf/p9/p9"
)

// The servers of the 9P rows. Each is a process of its own, this program under
// another name, and serves the same tree on a unix socket: a/b/small, of 63 bytes,
// a/b/big, which has no end, and a/b/never, whose reads wait for ever. A floor
// looks at no more than the type of a message and answers with the same bytes.

var small = []byte("dst=10.0.0.0/8 via=192.0.2.1 dev=eth0 proto=static metric=1024\n")

// bigMsize has room for payloads of 1 MiB.
const bigMsize = 1<<20 + 24

var nineServers = map[string]func(net.Conn) error{
	"floor":      func(c net.Conn) error { return floor(c, false) },
	"floorbatch": func(c net.Conn) error { return floor(c, true) },
	"srv9p":      serveSrv9p,
	"hugelgupf":  serveHugelgupf,
}

// nineServe is the process: it serves until its standard input ends, and answers
// each line there with the number of its allocations so far.
func nineServe(name, path string) error {
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	switch serve := nineServers[name]; {
	case serve != nil:
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go serve(c)
			}
		}()
	case name == "netfs":
		go (&p9.Server{Tree: tree()}).Serve(context.Background(), l)
	case name == "host":
		h, err := fshost.Open(&fshost.Options{})
		if err != nil {
			return err
		}
		go (&p9.Server{Tree: h.Tree()}).Serve(context.Background(), l)
	default:
		return fmt.Errorf("no server %q", name)
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	var m runtime.MemStats
	for lines.Scan() {
		runtime.ReadMemStats(&m)
		fmt.Println(m.Mallocs)
	}
	return nil
}

func tree() *fs.Tree {
	return &fs.Tree{Root: fs.Dir{"a": fs.Dir{"b": fs.Dir{
		"small": &fs.Value{Get: func(_ context.Context, b []byte) ([]byte, error) { return append(b, small[:len(small)-1]...), nil }},
		"big":   big{},
		"never": never{},
	}}}}
}

// big is a file of whatever is in the buffer, and costs nothing.
type big struct{}

func (big) Mode() iofs.FileMode                                      { return 0o444 }
func (b big) Open(context.Context, fs.OpenMode) (fs.Handle, error)   { return b, nil }
func (big) ReadAt(_ context.Context, p []byte, _ int64) (int, error) { return len(p), nil }
func (big) WriteAt(context.Context, []byte, int64) (int, error)      { return 0, syscall.EPERM }
func (big) Close(context.Context) error                              { return nil }

// never is a file whose reads wait until they are flushed.
type never struct{ big }

func (n never) Open(context.Context, fs.OpenMode) (fs.Handle, error) { return n, nil }
func (never) Blocks() bool                                           { return true }
func (never) ReadAt(ctx context.Context, _ []byte, _ int64) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// floor answers with what was prepared: one write per reply, or with batch when
// the input is drained.
func floor(c net.Conn, batch bool) error {
	defer c.Close()
	replies, err := prepared()
	if err != nil {
		return err
	}
	in, out := make([]byte, 64<<10), make([]byte, 0, 64<<10)
	var large []byte
	r, w := 0, 0
	for {
		if w-r < 4 || w-r < int(binary.LittleEndian.Uint32(in[r:])) {
			if len(out) > 0 {
				c.Write(out)
				out = out[:0]
			}
			w, r = copy(in, in[r:w]), 0
			n, err := c.Read(in[w:])
			if err != nil {
				return err
			}
			w += n
			continue
		}
		frame := in[r : r+int(binary.LittleEndian.Uint32(in[r:]))]
		r += len(frame)
		t := p9.Type(frame[4])
		if t == p9.Tread {
			if n := binary.LittleEndian.Uint32(frame[19:]); n > 4096 {
				if len(large) != int(n)+11 {
					large = make([]byte, n+11)
					binary.LittleEndian.PutUint32(large, n+11)
					large[4] = byte(p9.Rread)
					binary.LittleEndian.PutUint32(large[7:], n)
				}
				copy(large[5:7], frame[5:7])
				c.Write(large)
				continue
			}
		}
		at := len(out)
		if t == p9.Tversion { // what was asked for
			out = append(out, frame...)
			out[at+4]++
		} else {
			out = append(out, replies[t]...)
			copy(out[at+5:], frame[5:7])
		}
		if !batch {
			c.Write(out)
			out = out[:0]
		}
	}
}

func prepared() (map[p9.Type][]byte, error) {
	replies := make(map[p9.Type][]byte)
	for _, m := range []p9.Msg{
		{Type: p9.Rattach}, {Type: p9.Rwalk, Qids: make([]p9.Qid, 3)}, {Type: p9.Ropen},
		{Type: p9.Rlopen}, {Type: p9.Rread, Data: small}, {Type: p9.Rclunk},
	} {
		d := p9.Plain
		if m.Type == p9.Rlopen {
			d = p9.DotL
		}
		b, err := p9.AppendMsg(nil, d, &m)
		if err != nil {
			return nil, err
		}
		replies[m.Type-1] = b
	}
	return replies, nil
}

func serveSrv9p(c net.Conn) error {
	t := srv9p.NewTree("none", "none", plan9.DMDIR|0o555, nil)
	a, err := t.Root.Create("a", "none", plan9.DMDIR|0o555, nil)
	if err != nil {
		return err
	}
	b, err := a.Create("b", "none", plan9.DMDIR|0o555, nil)
	if err != nil {
		return err
	}
	for _, name := range []string{"small", "big", "never"} {
		if _, err := b.Create(name, "none", 0o444, name); err != nil {
			return err
		}
	}
	s := &srv9p.Server{
		Tree: t, Msize: bigMsize,
		Open: func(context.Context, *srv9p.Fid, uint8) error { return nil },
		Read: func(ctx context.Context, f *srv9p.Fid, data []byte, offset int64) (int, error) {
			switch f.File().Aux {
			case "small":
				return f.ReadBytes(data, offset, small)
			case "never":
				<-ctx.Done()
				return 0, ctx.Err()
			}
			return len(data), nil
		},
	}
	s.Serve(c, c)
	return nil
}

func serveHugelgupf(c net.Conn) error {
	dir := func(names map[string]hugelgupf.File) hugelgupf.File { return &hugeDir{names: names} }
	root := dir(map[string]hugelgupf.File{"a": dir(map[string]hugelgupf.File{"b": dir(map[string]hugelgupf.File{
		"small": &hugeFile{text: small}, "big": &hugeFile{},
	})})})
	return hugelgupf.NewServer(hugeAttacher{root}).Handle(c, c)
}

type hugeAttacher struct{ root hugelgupf.File }

func (a hugeAttacher) Attach() (hugelgupf.File, error) { return a.root, nil }

type hugeDir struct {
	templatefs.ReadOnlyDir
	templatefs.NilCloser
	hugelgupf.DefaultWalkGetAttr
	names map[string]hugelgupf.File
}

func (d *hugeDir) Walk(names []string) ([]hugelgupf.QID, hugelgupf.File, error) {
	if len(names) == 0 {
		return nil, d, nil
	}
	f := d.names[names[0]]
	if f == nil {
		return nil, nil, linux.ENOENT
	}
	q, _, _, err := f.GetAttr(hugelgupf.AttrMask{})
	return []hugelgupf.QID{q}, f, err
}

func (d *hugeDir) StatFS() (hugelgupf.FSStat, error) { return hugelgupf.FSStat{}, nil }

func (d *hugeDir) Open(hugelgupf.OpenFlags) (hugelgupf.QID, uint32, error) {
	return hugelgupf.QID{Type: hugelgupf.TypeDir}, 0, nil
}

func (d *hugeDir) GetAttr(req hugelgupf.AttrMask) (hugelgupf.QID, hugelgupf.AttrMask, hugelgupf.Attr, error) {
	return hugelgupf.QID{Type: hugelgupf.TypeDir}, req, hugelgupf.Attr{Mode: hugelgupf.ModeDirectory | 0o555}, nil
}

func (d *hugeDir) Readdir(uint64, uint32) (hugelgupf.Dirents, error) { return nil, linux.ENOSYS }

type hugeFile struct {
	templatefs.ReadOnlyFile
	templatefs.NilCloser
	hugelgupf.DefaultWalkGetAttr
	text []byte
}

func (f *hugeFile) Walk(names []string) ([]hugelgupf.QID, hugelgupf.File, error) {
	if len(names) > 0 {
		return nil, nil, linux.ENOTDIR
	}
	return nil, f, nil
}

func (f *hugeFile) StatFS() (hugelgupf.FSStat, error) { return hugelgupf.FSStat{}, nil }

func (f *hugeFile) Open(hugelgupf.OpenFlags) (hugelgupf.QID, uint32, error) {
	return hugelgupf.QID{Type: hugelgupf.TypeRegular}, 0, nil
}

func (f *hugeFile) GetAttr(req hugelgupf.AttrMask) (hugelgupf.QID, hugelgupf.AttrMask, hugelgupf.Attr, error) {
	return hugelgupf.QID{Type: hugelgupf.TypeRegular}, req, hugelgupf.Attr{Mode: hugelgupf.ModeRegular | 0o444}, nil
}

func (f *hugeFile) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case f.text == nil:
		return len(p), nil
	case off >= int64(len(f.text)):
		return 0, io.EOF
	}
	return copy(p, f.text[off:]), nil
}

// A nine is a server that runs.
type nine struct {
	dial    func() (net.Conn, error)
	names   []string // of the small file
	aname   string
	pid     func() int
	mallocs func() (int64, error) // so far; nil: nobody knows
	addr    string                // for our client; "": it cannot
}

// nine starts a server, once.
func (b *bench) nine(name string) (*nine, error) {
	if s := b.nines[name]; s != nil {
		return s, nil
	}
	path := b.path("9p-" + name)
	c := exec.Command(b.self, "serve", name, path)
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	b.ends = append(b.ends, func() { in.Close(); c.Wait() })
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		return nil, fmt.Errorf("the server %s did not come up", name)
	}
	s := &nine{
		dial:  func() (net.Conn, error) { return net.Dial("unix", path) },
		names: []string{"a", "b", "small"},
		pid:   func() int { return c.Process.Pid },
		mallocs: func() (int64, error) {
			if _, err := io.WriteString(in, "\n"); err != nil {
				return 0, err
			}
			if !lines.Scan() {
				return 0, cmp.Or(lines.Err(), io.ErrUnexpectedEOF)
			}
			return strconv.ParseInt(lines.Text(), 10, 64)
		},
		addr: "unix!" + path,
	}
	if name == "host" {
		s.names = []string{"links", "lo", "mtu"}
	}
	if b.nines == nil {
		b.nines = map[string]*nine{}
	}
	b.nines[name] = s
	return s, nil
}

// diod serves each connection by a process that gets it as a descriptor. It is
// left out where it is not installed.
func (b *bench) diod() (*nine, error) {
	bin, err := exec.LookPath("diod")
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: left out:", err)
		return nil, nil
	}
	root := b.path("tree")
	if err := os.MkdirAll(root+"/a/b", 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(root+"/a/b/small", small, 0o644); err != nil {
		return nil, err
	}
	large, err := os.Create(root + "/a/b/big")
	if err != nil {
		return nil, err
	}
	defer large.Close()
	if err := large.Truncate(1 << 40); err != nil {
		return nil, err
	}
	var last *exec.Cmd
	return &nine{
		names: []string{"a", "b", "small"}, aname: root,
		pid: func() int { return last.Process.Pid },
		dial: func() (net.Conn, error) {
			ours, theirs, err := socketPair()
			if err != nil {
				return nil, err
			}
			defer theirs.Close()
			last = exec.Command(bin, strings.Fields("-f -n -N --rfdno 3 --wfdno 3 -c /dev/null -L stderr -e "+root)...)
			last.ExtraFiles = []*os.File{theirs}
			last.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
			if err := last.Start(); err != nil {
				return nil, err
			}
			c := last
			go c.Wait() // ends with the connection
			return ours, nil
		},
	}, nil
}

// socketPair returns two ends of a stream.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fds[0]), "")
	defer f.Close()
	c, err := net.FileConn(f)
	return c, os.NewFile(uintptr(fds[1]), "diod"), err
}
