//go:build !linux

package nltest

import "testing"

// An NS is a network namespace that a test made for itself. Only Linux has them.
type NS struct {
	FD   int
	Path string
}

// NewNS skips the test: network namespaces are Linux's.
func NewNS(t testing.TB) *NS {
	t.Helper()
	t.Skip("no network namespaces on this system")
	return nil
}

func (ns *NS) Do(f func()) { panic("nltest: no namespaces here") }
func (ns *NS) Run(t testing.TB, name string, args ...string) string {
	panic("nltest: no namespaces here")
}
func (ns *NS) Try(t testing.TB, name string, args ...string) (string, error) {
	panic("nltest: no namespaces here")
}
func (ns *NS) Input(t testing.TB, stdin, name string, args ...string) (string, error) {
	panic("nltest: no namespaces here")
}
