package fs

import "syscall"

// mapMemory returns n bytes of memory that unmapMemory gives back to the system,
// as an empty slice; if there is none, it is the garbage collector's and not
// mapped. A huge page is asked for, which kernels give on demand
// (/sys/kernel/mm/transparent_hugepage/enabled).
func mapMemory(n int) (b []byte, mapped bool) {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, 0, n), false
	}
	syscall.Madvise(b, syscall.MADV_HUGEPAGE)
	return b[:0], true
}

func unmapMemory(b []byte) { syscall.Munmap(b[:cap(b)]) }
