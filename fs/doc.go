// Package fs builds file trees out of records: tables that are read and
// written as lines of key=value words, directories of values, streams of
// events. It knows no kernel and no transport.
//
// A page (fs/route, fs/link, ...) declares the keys of its record once and
// hands fs a few functions; text, JSON, parsing, filters, columns, help texts
// and error messages come from that one table:
//
//	var keys = fs.NewKeys(
//		fs.Prefix("dst", "destination", func(h *Hop) *netip.Prefix { return &h.Dst }).AsID(),
//		fs.Num("metric", "preference, lower wins", func(h *Hop) *uint32 { return &h.Metric }),
//	)
//	root := fs.Dir{"hops": &fs.Table[Hop]{Kind: "hop", Keys: keys, Rows: k.Hops, Do: k.Do}}
//
// Front ends (9P, FUSE, the command line) see Node, Walker, Opener and Handle,
// and reach them through Ref, which checks modes, derives identities and keeps
// the log of errors. The tree's rules are those of docs/tree.md: what is read
// can be written, one grammar, nothing is lost in silence.
package fs
