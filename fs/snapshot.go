package fs

import (
	"os"
	"slices"
	"sort"
	"sync/atomic"
)

// memory is what all open files hold together, and how much they may.
var memory struct {
	held, limit atomic.Int64
}

func init() { memory.limit.Store(256 << 20) }

// SetMemory bounds what the open files of this process hold in memory, in
// bytes; 256 MiB unless it was set. What does not fit goes to temporary files.
func SetMemory(bytes int64) { memory.limit.Store(bytes) }

// A snapshot is the text of one dump, as far as it has come. It is held in
// memory while the process is under its limit, and from there on in a file that
// has no name.
type snapshot struct {
	chunks [][]byte
	starts []int64 // where each chunk begins
	inMem  int64   // length of the chunks
	file   *os.File
	size   int64
}

// append takes a copy of p.
func (s *snapshot) append(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if s.file == nil {
		n := int64(len(p))
		if memory.held.Add(n) <= memory.limit.Load() {
			s.chunks = append(s.chunks, slices.Clone(p))
			s.starts = append(s.starts, s.size)
			s.inMem += n
			s.size += n
			return nil
		}
		memory.held.Add(-n)
		if err := s.spill(); err != nil {
			return err
		}
	}
	if _, err := s.file.WriteAt(p, s.size-s.inMem); err != nil {
		return err
	}
	s.size += int64(len(p))
	return nil
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
	n := 0
	for n < len(p) && off < s.inMem {
		i := sort.Search(len(s.starts), func(i int) bool { return s.starts[i] > off }) - 1
		k := copy(p[n:], s.chunks[i][off-s.starts[i]:])
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

// free gives everything back. The snapshot is empty afterwards.
func (s *snapshot) free() {
	memory.held.Add(-s.inMem)
	if s.file != nil {
		s.file.Close()
	}
	*s = snapshot{}
}
