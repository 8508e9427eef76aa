package v9fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/netfs-project/netfs/fs"
	"github.com/netfs-project/netfs/p9"

	"golang.org/x/sys/unix"
)

// msize is the largest frame that the kernel is to ask for. A read(2) of 128 KiB,
// which is what cat(1) does, fits in one: streams rely on that.
const msize = 256 << 10

// A Mount is a mounted tree. Safe for concurrent use.
type Mount struct {
	dir    string
	id     uint64 // the kernel's number of the mount
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	parts  []io.Closer // what ends with the mount

	over sync.Once
	done chan struct{}
	err  error // set before done is closed

	closed   sync.Once
	closeErr error
}

// Dial mounts the tree of a server on the directory dir, which must exist. Dial
// strings are those of p9.ParseDial. It returns when the mount can be used.
func Dial(ctx context.Context, dial, dir string, o *Options) (*Mount, error) {
	if o == nil {
		o = new(Options)
	}
	to := &p9.Options{TLS: o.TLS}
	// A connection of our own tells beforehand, in words, what is wrong with the
	// server, and afterwards that it has gone.
	c, err := to.Dial(ctx, dial)
	if err != nil {
		return nil, err
	}
	m, _, err := start(dir)
	if err != nil {
		c.Close()
		return nil, err
	}
	m.parts = append(m.parts, c)
	if err := m.dial(ctx, to, dial, o); err != nil {
		m.release()
		return nil, err
	}
	m.tasks.Go(func() {
		select {
		case <-c.Gone():
			m.finish(gone(dial))
		case <-m.done:
		}
	})
	return m, nil
}

// Serve mounts a tree that this process serves to the kernel. Requests are u's,
// who may be root and then is whoever makes them.
func Serve(tree *fs.Tree, u *fs.User, dir string, o *Options) (*Mount, error) {
	if o == nil {
		o = new(Options)
	}
	m, ctx, err := start(dir)
	if err != nil {
		return nil, err
	}
	err = m.pass("netfs", o, func(ours net.Conn) {
		m.tasks.Go(func() { m.finish((&p9.Server{Tree: tree, Log: tree.Log}).ServeConn(ctx, ours, u)) })
	})
	if err != nil {
		m.release()
		return nil, err
	}
	return m, nil
}

func gone(dial string) error { return fmt.Errorf("%s: the server has gone", dial) }

func start(dir string) (*Mount, context.Context, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	m := &Mount{dir: dir, done: make(chan struct{})}
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	return m, ctx, nil
}

// dial has the kernel connect where it can, and passes a connection on where not.
func (m *Mount) dial(ctx context.Context, to *p9.Options, dial string, o *Options) error {
	source, transport, err := direct(dial)
	switch {
	case err != nil:
		return err
	case transport != "":
		return m.mount(source, transport, o)
	}
	conn, err := to.Connect(ctx, dial)
	if err != nil {
		return err
	}
	m.parts = append(m.parts, conn)
	return m.pass(dial, o, func(ours net.Conn) {
		m.tasks.Go(func() { m.carry(ours, conn, gone(dial)) })
		m.tasks.Go(func() { m.carry(conn, ours, nil) }) // the kernel hangs up when it unmounts
	})
}

// direct returns what the kernel must know to connect by itself; nothing if it
// cannot.
func direct(dial string) (source, transport string, err error) {
	network, address, err := p9.ParseDial(dial)
	switch {
	case err != nil:
		return "", "", err
	case network == "unix":
		return address, "trans=unix", nil
	case network != "tcp":
		return "", "", nil
	}
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return "", "", err
	}
	ip, ok := netip.AddrFromSlice(a.IP)
	if ip = ip.Unmap(); !ok || !ip.Is4() {
		return "", "", nil
	}
	return ip.String(), "trans=tcp,port=" + strconv.Itoa(a.Port), nil
}

// carry copies until from ends, which means why, and ends the other direction. It
// takes a whole frame at a time, and so hides from io.Copy that it could splice.
func (m *Mount) carry(to, from net.Conn, why error) {
	io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, msize))
	m.finish(why)
	to.Close()
	from.Close()
}

// pass mounts over a socket pair, of which serve gets the other end.
func (m *Mount) pass(source string, o *Options, serve func(ours net.Conn)) error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socketpair: %w", err)
	}
	kernel := os.NewFile(uintptr(fds[1]), "9p") // mount(2) takes a reference
	defer kernel.Close()
	f := os.NewFile(uintptr(fds[0]), "9p")
	ours, err := net.FileConn(f)
	f.Close()
	if err != nil {
		return err
	}
	m.parts = append(m.parts, ours)
	serve(ours)
	return m.mount(source, fmt.Sprintf("trans=fd,rfdno=%d,wfdno=%d", fds[1], fds[1]), o)
}

// mount calls mount(2), and watches over what it made.
func (m *Mount) mount(source, transport string, o *Options) error {
	var flags uintptr = unix.MS_NOSUID | unix.MS_NODEV
	if o.ReadOnly {
		flags |= unix.MS_RDONLY
	}
	access := "user"
	if o.Private {
		access = strconv.Itoa(os.Geteuid())
	}
	options := fmt.Sprintf("%s,version=9p2000.L,cache=none,access=%s,msize=%d,noxattr", transport, access, msize)
	err := unix.Mount(source, m.dir, "9p", flags, options)
	if err != nil {
		return fmt.Errorf("mount %s: %w", m.dir, explain(err))
	}
	if m.id, err = mountID(m.dir); err == nil {
		err = m.watch()
	}
	if err != nil {
		unix.Unmount(m.dir, unix.MNT_DETACH)
	}
	return err
}

// explain says what the errors of mount(2) mean here.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.ENODEV):
		return fmt.Errorf("this kernel has no 9p: %w", err)
	case errors.Is(err, unix.EPROTONOSUPPORT):
		return fmt.Errorf("this kernel's 9p has not that transport: %w", err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("the kernel's 9p is for root to mount: %w", err)
	}
	return err
}

// mountID asks for the number of the mount at dir.
func mountID(dir string) (uint64, error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &st); err != nil {
		return 0, &os.PathError{Op: "statx", Path: dir, Err: err}
	}
	return st.Mnt_id, nil
}

const mountTable = "/proc/self/mountinfo"

// watch ends the mount when somebody else has unmounted it. The table of mounts
// polls as exceptional after each change of it: see proc_pid_mountinfo(5).
func (m *Mount) watch() error {
	table, err := os.Open(mountTable)
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		table.Close()
		return err
	}
	m.parts = append(m.parts, w) // its end wakes the poll
	m.tasks.Go(func() {
		defer table.Close()
		defer r.Close()
		fds := []unix.PollFd{{Fd: int32(table.Fd()), Events: unix.POLLPRI}, {Fd: int32(r.Fd()), Events: unix.POLLIN}}
		for m.mounted() {
			if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR {
				m.finish(fmt.Errorf("poll %s: %w", table.Name(), err))
				return
			}
			if fds[1].Revents != 0 {
				return
			}
		}
		m.finish(nil)
	})
	return nil
}

// mounted reports whether the table of mounts has this one. If it cannot be read
// that is taken to be so.
func (m *Mount) mounted() bool {
	table, err := os.ReadFile(mountTable)
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(table)) {
		word, _, _ := strings.Cut(line, " ")
		if id, err := strconv.ParseUint(word, 10, 64); err == nil && id == m.id {
			return true
		}
	}
	return false
}

// finish notes that the mount is of no use any more; the first reason stays.
func (m *Mount) finish(err error) {
	m.over.Do(func() {
		m.err = err
		close(m.done)
	})
}

// Done is closed when the tree is no longer mounted, or its server has gone.
func (m *Mount) Done() <-chan struct{} { return m.done }

// Err tells, after Done, what went wrong; nil if the directory was unmounted.
func (m *Mount) Err() error {
	select {
	case <-m.done:
		return m.err
	default:
		return nil
	}
}

// Close unmounts, if nobody else has, and returns when nothing of this process
// is left in the mount. A directory that is in use is taken out of sight, and goes
// when it is left.
func (m *Mount) Close() error {
	m.closed.Do(func() {
		m.closeErr = m.unmount()
		m.release()
	})
	return m.closeErr
}

func (m *Mount) unmount() error {
	m.finish(nil)
	if !m.mounted() {
		return nil
	}
	if id, err := mountID(m.dir); err == nil && id != m.id {
		return fmt.Errorf("unmount %s: another mount covers it", m.dir)
	}
	err := unix.Unmount(m.dir, 0)
	if errors.Is(err, unix.EBUSY) {
		err = unix.Unmount(m.dir, unix.MNT_DETACH)
	}
	if err != nil && m.mounted() {
		return fmt.Errorf("unmount %s: %w", m.dir, err)
	}
	return nil
}

// release ends what the mount needed.
func (m *Mount) release() {
	m.finish(nil)
	m.cancel()
	for _, p := range m.parts {
		p.Close()
	}
	m.tasks.Wait()
}
