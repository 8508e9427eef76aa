package rtsock

import (
	"slices"

	"github.com/netfs-project/netfs/bsd"
)

// A Filter says which messages a socket is to hear. The kernel filters where it can:
// OpenBSD, NetBSD and DragonFly by type, OpenBSD by flags (route(4)). The zero value is
// all.
type Filter struct {
	Ops     []bsd.Op // about these; nil: about all
	Without uint32   // RTF_*: of no route with one of these flags
}

// Wants reports whether f lets a message through. That some were lost is never kept
// back.
func (f *Filter) Wants(m bsd.Message) bool {
	op := m.Head().Op
	if r, ok := m.(*bsd.RouteMsg); ok && r.Flags&f.Without != 0 {
		return false
	}
	return op == bsd.OpDesync || f.Ops == nil || slices.Contains(f.Ops, op)
}

// types are the numbers of the messages that f wants, nil for all.
func (f *Filter) types(l *bsd.Layout) []uint8 {
	if f.Ops == nil {
		return nil
	}
	return l.Types(f.Ops...)
}

// mask has the bit of each type that f wants, as ROUTE_FILTER of OpenBSD; 0 is all.
func (f *Filter) mask(l *bsd.Layout) (mask uint32) {
	for _, t := range f.types(l) {
		mask |= 1 << t
	}
	return mask
}
