//go:build freebsd || openbsd || netbsd || dragonfly || darwin

package rawsock

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A packetSocket is a bpf device.
type packetSocket = bpfSocket

// open opens a device that reads what filter takes, and writes what writes take.
func open(l Link, _ uint16, filter, writes func(tagged) []insn) (s *packetSocket, err error) {
	err = l.do(func() (err error) {
		s, err = openBPF(l, filter(within), writes(within))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: bpf: %w", l.Name, err)
	}
	return s, nil
}

func openBPF(l Link, filter, writes []insn) (*packetSocket, error) {
	d, err := newBPFFile()
	if err != nil {
		return nil, err
	}
	sys := bpfSystems[runtime.GOOS]
	size, err := setUpBPF(d, &sys, l.Name, filter, writes)
	if err != nil {
		d.close()
		return nil, err
	}
	return &bpfSocket{dev: d, header: sys.headerOf(runtime.GOOS, runtime.GOARCH, strconv.IntSize), buf: make([]byte, size)}, nil
}

// A bpfFile is a descriptor of bpf(4), and what a read waits with: a kqueue of its own, since
// most kernels refuse the filter for writing that the runtime's poller adds, and a pipe whose
// end is the end of the wait.
type bpfFile struct {
	fd, kq int
	wake   [2]int
	ended  atomic.Bool
	drops  atomic.Uint64
	// mu is held for reading while the descriptors are in use, for writing while they are closed.
	mu sync.RWMutex
}

func newBPFFile() (*bpfFile, error) {
	f := &bpfFile{fd: -1, kq: -1, wake: [2]int{-1, -1}}
	if err := f.open(); err != nil {
		f.closeAll()
		return nil, err
	}
	return f, nil
}

func (f *bpfFile) open() (err error) {
	if f.fd, err = openClone(); err != nil {
		return err
	}
	// Set later than open, which tells the device of it on each system.
	if err := unix.SetNonblock(f.fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if f.kq, err = unix.Kqueue(); err != nil {
		return os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(f.kq)
	if err := unix.Pipe(f.wake[:]); err != nil {
		return os.NewSyscallError("pipe", err)
	}
	var add [2]unix.Kevent_t
	for i, fd := range []int{f.fd, f.wake[0]} {
		unix.SetKevent(&add[i], fd, unix.EVFILT_READ, unix.EV_ADD)
	}
	for _, fd := range f.wake {
		unix.CloseOnExec(fd)
	}
	if _, err := unix.Kevent(f.kq, add[:], nil, nil); err != nil {
		return os.NewSyscallError("kevent", err)
	}
	return nil
}

// openClone opens a device that nobody else has: /dev/bpf makes one, where it is; elsewhere,
// and on Darwin, they are numbered.
func openClone() (int, error) {
	const flags = unix.O_RDWR | unix.O_CLOEXEC
	name := "/dev/bpf"
	fd, err := unix.Open(name, flags, 0)
	for i := 0; i < 256 && err != nil; i++ {
		if !errors.Is(err, unix.EBUSY) && (i > 0 || !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENXIO)) {
			break
		}
		name = "/dev/bpf" + strconv.Itoa(i)
		fd, err = unix.Open(name, flags, 0)
	}
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

var bpfNumbers = [...]uint{
	bpfSetBufLen: unix.BIOCSBLEN, bpfGetBufLen: unix.BIOCGBLEN, bpfGetDLT: unix.BIOCGDLT, bpfImmediate: unix.BIOCIMMEDIATE,
	bpfHeaderComplete: unix.BIOCSHDRCMPLT, bpfSeeSent: biocSSeeSent, bpfDirFilter: biocSDirFilt, bpfSetIf: unix.BIOCSETIF,
	bpfSetFilter: unix.BIOCSETF, bpfSetWriteFilter: biocSetWF, bpfLock: biocLock,
}

// ioctl makes a call of package unix's numbers. On OpenBSD and Darwin package syscall hands it
// to libc.
func (f *bpfFile) ioctl(num uint, arg unsafe.Pointer) error {
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(f.fd), uintptr(num), uintptr(arg)); e != 0 {
		return e
	}
	return nil
}

func (f *bpfFile) number(c bpfCall, n uint32) (uint32, error) {
	err := f.ioctl(bpfNumbers[c], unsafe.Pointer(&n))
	return n, err
}

// sizeOf is the length of a call's argument (IOCPARM_LEN, sys/ioccom.h).
func sizeOf(num uint) int { return int(num >> 16 & 0x1fff) }

// setIf has struct ifreq, which begins with the name.
func (f *bpfFile) setIf(link string) error {
	if len(link) >= unix.IFNAMSIZ {
		return unix.ENXIO
	}
	req := make([]byte, sizeOf(unix.BIOCSETIF))
	copy(req, link)
	return f.ioctl(unix.BIOCSETIF, unsafe.Pointer(&req[0]))
}

// program has an insn laid out as struct bpf_insn.
func (f *bpfFile) program(c bpfCall, code []insn) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&code[0])
	prog := unix.BpfProgram{Len: uint32(len(code)), Insns: (*unix.BpfInsn)(unsafe.Pointer(&code[0]))}
	return f.ioctl(bpfNumbers[c], unsafe.Pointer(&prog))
}

func (f *bpfFile) lock() error { return f.ioctl(biocLock, nil) }

func (f *bpfFile) dropped() uint64 {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if !f.ended.Load() {
		f.count()
	}
	return f.drops.Load()
}

func (f *bpfFile) count() {
	var st unix.BpfStat
	if f.ioctl(unix.BIOCGSTATS, unsafe.Pointer(&st)) == nil {
		f.drops.Store(uint64(st.Drop))
	}
}

// read has one caller at a time.
func (f *bpfFile) read(b []byte) (int, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	for {
		if f.ended.Load() {
			return 0, os.ErrClosed
		}
		n, err := unix.Read(f.fd, b)
		switch {
		case n > 0:
			return n, nil
		case err != nil && err != unix.EAGAIN && err != unix.EINTR:
			return 0, os.NewSyscallError("read", err)
		}
		var got [2]unix.Kevent_t
		if _, err := unix.Kevent(f.kq, nil, got[:], nil); err != nil && err != unix.EINTR {
			return 0, os.NewSyscallError("kevent", err)
		}
	}
}

func (f *bpfFile) write(b []byte) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if f.ended.Load() {
		return os.ErrClosed
	}
	_, err := unix.Write(f.fd, b)
	return err
}

// close ends the read that waits, and closes when nobody is in a call.
func (f *bpfFile) close() error {
	if f.ended.Swap(true) {
		return os.ErrClosed
	}
	unix.Write(f.wake[1], []byte{0})
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count()
	return f.closeAll()
}

func (f *bpfFile) closeAll() error {
	var errs []error
	for _, fd := range []int{f.fd, f.kq, f.wake[0], f.wake[1]} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	return errors.Join(errs...)
}
