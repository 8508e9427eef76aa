package fs

import (
	"os"
	"sort"
	"sync/atomic"
	"syscall"
)

// memory is what all open files hold together, and how much they may.
var memory struct {
	held, limit atomic.Int64
}

func init() { memory.limit.Store(256 << 20) }

// SetMemory bounds what the open files of this process hold in memory, in
// bytes; 256 MiB unless it was set. What does not fit goes to temporary files.
func SetMemory(bytes int64) { memory.limit.Store(bytes) }

// Text is held in pieces of its own size while it is short, and beyond that in
// pieces of a huge page, which are not the garbage collector's: they cost one
// page fault each, and the system has them back when the file is closed.
const (
	shortText = 256 << 10
	hugePage  = 2 << 20
)

// A snapshot is the text of one dump, as far as it has come. It is held in
// memory while the process is under its limit, and from there on in a file that
// has no name.
type snapshot struct {
	pieces []piece
	spare  piece // one that was forgotten, for the text to come
	inMem  int64 // length of the text that is not in the file
	file   *os.File
	size   int64
}

type piece struct {
	text   []byte
	start  int64 // of it in the whole
	mapped bool
}

// append takes a copy of p.
func (s *snapshot) append(p []byte) error {
	for len(p) > 0 && s.file == nil {
		if n := s.fill(p); n > 0 {
			p = p[n:]
			continue
		}
		if s.grow(len(p)) {
			continue
		}
		if err := s.spill(); err != nil {
			return err
		}
	}
	if len(p) == 0 {
		return nil
	}
	if _, err := s.file.WriteAt(p, s.size-s.inMem); err != nil {
		return err
	}
	s.size += int64(len(p))
	return nil
}

// fill copies as much of p as the last piece has room for.
func (s *snapshot) fill(p []byte) int {
	if len(s.pieces) == 0 {
		return 0
	}
	last := &s.pieces[len(s.pieces)-1]
	n := min(len(p), cap(last.text)-len(last.text))
	last.text = append(last.text, p[:n]...)
	s.inMem += int64(n)
	s.size += int64(n)
	return n
}

// grow adds a piece for at least some of n bytes, if the process may hold it.
func (s *snapshot) grow(n int) bool {
	if s.spare.text != nil {
		s.pieces = append(s.pieces, piece{text: s.spare.text[:0], start: s.size, mapped: true})
		s.spare = piece{}
		return true
	}
	mapped := s.size+int64(n) > shortText
	if mapped {
		n = hugePage
	}
	if memory.held.Add(int64(n)) > memory.limit.Load() {
		memory.held.Add(-int64(n))
		return false
	}
	pc := piece{start: s.size}
	if mapped {
		pc.text, pc.mapped = mapMemory(n)
	} else {
		pc.text = make([]byte, 0, n)
	}
	s.pieces = append(s.pieces, pc)
	return true
}

func (s *snapshot) spill() error {
	f, err := os.CreateTemp("", "netfs-*")
	if err != nil {
		return err
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return err
	}
	s.file = f
	return nil
}

// readAt copies what there is from off on.
func (s *snapshot) readAt(p []byte, off int64) (int, error) {
	if len(s.pieces) > 0 && off < s.pieces[0].start {
		return 0, errForgotten
	}
	n := 0
	for n < len(p) && off < s.inMem {
		pc := &s.pieces[sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].start > off })-1]
		k := copy(p[n:], pc.text[off-pc.start:])
		n += k
		off += int64(k)
	}
	if n == len(p) || off >= s.size || off < s.inMem {
		return n, nil
	}
	want := min(int64(len(p)-n), s.size-off)
	k, err := s.file.ReadAt(p[n:n+int(want)], off-s.inMem)
	return n + k, err
}

var errForgotten = &Error{Text: "was read already", Errno: syscall.EINVAL}

// forget gives back the pieces before off, whose text can then not be read again.
func (s *snapshot) forget(off int64) {
	for len(s.pieces) > 1 && s.pieces[1].start <= off {
		old := s.pieces[0]
		s.pieces = s.pieces[1:]
		if old.mapped && s.spare.text == nil {
			s.spare = old
			continue
		}
		s.release(old)
	}
}

func (s *snapshot) release(pc piece) {
	n := int64(cap(pc.text))
	memory.held.Add(-n)
	if pc.mapped {
		unmapMemory(pc.text)
	}
}

// free gives everything back. The snapshot is empty afterwards.
func (s *snapshot) free() {
	for _, pc := range append(s.pieces, s.spare) {
		s.release(pc)
	}
	if s.file != nil {
		s.file.Close()
	}
	*s = snapshot{}
}
