//go:build !linux

package fs

func mapMemory(n int) (b []byte, mapped bool) { return make([]byte, 0, n), false }

func unmapMemory([]byte) {}
