// Package host puts the pages of this system together to one tree: the list of
// systems, one line each, is in host_linux.go and its neighbours.
//
//	h, err := host.Open(nil)
//	...
//	defer h.Close()
//	tree := h.Tree()
//
// A system whose kernel part is missing has no name in the tree; the file
// features says why.
package host
